// SPDX-License-Identifier: GPL-2.0-or-later
/* A post-mortem as text, and as Markdown. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/postmortem.h"
#include "output/text.h"
#include "state/json_read.h"

#define ROWS       8
#define COLUMNS    60
/* "      1024 |" */
#define CHART_LEAD 12
/* Names of kinds, and the counts of one look, beside each other. */
#define KIND_LEAD  24
#define LOOK_WIDTH 14
#define EVENTS_MAX 60
#define SITES_MAX  8
#define TEXT_MAX   1024

/* ---- the two ways to print ---- */

/* Where a section goes to: a page, or with page NULL Markdown. */
struct writer {
	const struct page *page;
	FILE *out;
};

/* Signs of Markdown and of HTML become what shows them. */
static void put_marked(FILE *out, const char *text)
{
	char *line = malloc(4 * strlen(text) + 1);

	if (!line)
		return;
	text_line(line, 4 * strlen(text) + 1, text, strlen(text));
	for (const char *at = line; *at; at++) {
		if (*at == '&')
			fputs("&amp;", out);
		else if (*at == '<')
			fputs("&lt;", out);
		else if (*at == '>')
			fputs("&gt;", out);
		else {
			if (strchr("\\`*_[]|~#", *at) || !strncmp(at, "://", 3))
				putc('\\', out);
			putc(*at, out);
		}
	}
	free(line);
}

static void heading(const struct writer *w, const char *text)
{
	if (w->page)
		page_heading(w->page, text);
	else
		fprintf(w->out, "\n## %s\n\n", text);
}

/* A point of a list, whose lead is ours. */
static void point(const struct writer *w, const char *lead, const char *text)
{
	char indented[80];

	if (w->page) {
		snprintf(indented, sizeof(indented), "  %s", lead);
		page_text(w->page, indented, text);
		return;
	}
	fprintf(w->out, "- %s%s", lead,
		*lead && !strchr(" :", lead[strlen(lead) - 1]) ? " " : "");
	put_marked(w->out, text);
	putc('\n', w->out);
}

/* To be copied, a line each. */
static void verbatim(const struct writer *w, const char *text)
{
	char line[4 * TEXT_MAX];

	if (w->page) {
		page_verbatim(w->page, "      ", text);
		return;
	}
	/* Indented by four, nothing in it is a sign; it is one line. */
	text_line(line, sizeof(line), text, strlen(text));
	fprintf(w->out, "\n      %s\n", line);
}

/* ---- sections ---- */

static void put_head(const struct writer *w, const struct postmortem *p)
{
	char who[512], from[48], to[48], span[48], text[TEXT_MAX];

	postmortem_who(p, who, sizeof(who));
	postmortem_time(p->began_ns, from, sizeof(from));
	postmortem_time(p->ended_ns, to, sizeof(to));
	postmortem_span(p->ended_ns - p->began_ns, span, sizeof(span));
	if (w->page) {
		page_colour(w->page, PAGE_BOLD);
		page_text(w->page, "", who);
		page_colour(w->page, PAGE_PLAIN);
	} else {
		fputs("# ", w->out);
		put_marked(w->out, who);
		fputs("\n\n", w->out);
	}
	point(w, "incident ", p->id);
	if (p->host)
		point(w, "host     ", p->host);
	if (p->executable)
		point(w, "program  ",
		      p->command_line ? p->command_line : p->executable);
	if (p->user)
		point(w, "user     ", p->user);
	if (p->container)
		point(w, "container ", p->container);
	snprintf(text, sizeof(text), "%s%s%s, %s", from,
		 p->open ? ", last heard of " : " to ", to, span);
	point(w, "when     ", text);
	point(w, "end      ", postmortem_end(p));
	snprintf(text, sizeof(text), "%s%s%" PRIu64 " call%s refused", p->worst,
		 p->refused_inexact ? ", at least " : ", ", p->refused,
		 p->refused == 1 ? "" : "s");
	point(w, "worst    ", text);
}

static void put_cause(const struct writer *w, const struct postmortem *p)
{
	if (!p->cause && !p->line[0] && !p->message)
		return;
	heading(w, "Why");
	if (p->message)
		point(w, "", p->message);
	if (p->cause)
		point(w, "", p->cause);
	if (p->evidence)
		point(w, "seen: ", p->evidence);
	if (p->line[0])
		point(w, "code: ", p->line);
}

static void put_event(const struct writer *w, const struct postmortem_event *event)
{
	char lead[64], clock[16];

	postmortem_clock(event->at_ns, clock, sizeof(clock));
	snprintf(lead, sizeof(lead), "%s %-14.20s ", clock,
		 event->action ? event->action : "");
	point(w, lead, event->message ? event->message : event->text);
}

/* Of very many the first ones and the last. */
static void put_events(const struct writer *w, const struct postmortem *p)
{
	char text[64];

	heading(w, "What happened");
	for (size_t i = 0; i < p->events_len; i++) {
		if (i == EVENTS_MAX / 2 && p->events_len > EVENTS_MAX) {
			snprintf(text, sizeof(text), "… and %zu more …",
				 p->events_len - EVENTS_MAX);
			point(w, "", text);
			i = p->events_len - EVENTS_MAX / 2;
		}
		put_event(w, &p->events[i]);
	}
}

/* The highest count of each column, and the limit there. */
struct columns {
	uint64_t used[COLUMNS], limit[COLUMNS], top;
};

static void find_columns(const struct postmortem *p, struct columns *c, size_t columns)
{
	uint64_t from = p->points[0].at_ns;
	uint64_t span = p->points[p->points_len - 1].at_ns - from;
	size_t done = 0;

	for (size_t i = 0; i < p->points_len; i++) {
		const struct postmortem_point *at = &p->points[i];
		size_t column = span ? (size_t)((double)(at->at_ns - from) /
						(double)span * (double)(columns - 1))
				     : 0;

		/* It stays so until something else was seen. */
		for (; i && done < column; done++) {
			c->used[done + 1] = at[-1].used;
			c->limit[done + 1] = c->limit[done];
		}
		if (at->used > c->used[column] || !i || at[-1].at_ns < at->at_ns)
			c->used[column] = at->used > c->used[column] || done < column
						  ? at->used
						  : c->used[column];
		if (at->limit_known)
			c->limit[column] = at->limit;
	}
	for (size_t i = 0; i < columns; i++) {
		if (c->used[i] > c->top)
			c->top = c->used[i];
		/* A limit that is out of sight would leave nothing to see. */
		if (c->limit[i] > c->top && c->limit[i] / 16 < c->top)
			c->top = c->limit[i];
	}
}

/* A page may be narrower than what it is wide by itself. */
static size_t chart_columns(const struct writer *w)
{
	size_t room = w->page ? (size_t)w->page->width - CHART_LEAD : COLUMNS;

	return room < COLUMNS ? room : COLUMNS;
}

static void put_chart(const struct writer *w, const struct postmortem *p)
{
	size_t columns = chart_columns(w);
	char from[16], to[16], line[COLUMNS + 1], lead[32];
	struct columns c = {0};

	if (p->points_len < 2)
		return;
	find_columns(p, &c, columns);
	if (!c.top)
		return;
	heading(w, "How many were open");
	if (!w->page)
		fputs("```\n", w->out);
	for (int row = ROWS; row > 0; row--) {
		double low = (double)c.top * (row - 1) / ROWS;
		double high = (double)c.top * row / ROWS;

		for (size_t i = 0; i < columns; i++) {
			bool limit =
				(double)c.limit[i] > low && (double)c.limit[i] <= high;

			line[i] = (double)c.used[i] > low ? '#' : limit ? '-' : ' ';
		}
		line[columns] = 0;
		snprintf(lead, sizeof(lead), "%10.0f |", high);
		fprintf(w->page ? w->page->out : w->out, "%s%s\n", lead, line);
	}
	postmortem_clock(p->points[0].at_ns, from, sizeof(from));
	postmortem_clock(p->points[p->points_len - 1].at_ns, to, sizeof(to));
	fprintf(w->page ? w->page->out : w->out, "%*s%-*s%s\n", CHART_LEAD, "",
		(int)columns - 8, from, to);
	if (!w->page)
		fputs("```\n", w->out);
}

static void put_looks(const struct writer *w, const struct postmortem *p)
{
	FILE *out = w->page ? w->page->out : w->out;
	size_t room = w->page ? ((size_t)w->page->width - KIND_LEAD) / LOOK_WIDTH
			      : POSTMORTEM_LOOKS;
	size_t first = p->looks_len > room ? p->looks_len - room : 0;
	char name[96];

	if (!p->looks_len)
		return;
	heading(w, "What they were");
	if (!w->page)
		fputs("```\n", out);
	fprintf(out, "  %-22s", "");
	for (size_t i = first; i < p->looks_len; i++) {
		char level[16];

		snprintf(level, sizeof(level), "%.12s", p->looks[i].level);
		fprintf(out, " %13s", level);
	}
	putc('\n', out);
	for (size_t kind = 0; kind < p->kinds_len; kind++) {
		text_terminal(name, sizeof(name), p->kinds[kind], 22, 1, 0);
		/* Nothing in it ends the block. */
		for (char *at = name; *at; at++)
			*at = *at == '`' ? '\'' : *at;
		fprintf(out, "  %s", name);
		for (size_t i = first; i < p->looks_len; i++)
			fprintf(out, " %13" PRIu64, p->looks[i].counts[kind]);
		putc('\n', out);
	}
	if (!w->page)
		fputs("```\n", out);
}

static void put_sites(const struct writer *w, const struct postmortem *p)
{
	char lead[32], line[POSTMORTEM_LINE_LEN], text[TEXT_MAX];
	const cJSON *one;
	uint64_t others = p->other_sites;
	size_t n = 0;

	if (!p->call_sites && !p->groups)
		return;
	if (p->groups) {
		heading(w, "What there was most of");
		cJSON_ArrayForEach (one, p->groups)
			if (n++ < SITES_MAX && json_text_at(one, "text"))
				point(w, "", json_text_at(one, "text"));
	}
	if (!p->call_sites)
		return;
	heading(w, "Which code opened them");
	n = 0;
	cJSON_ArrayForEach (one, p->call_sites) {
		if (n++ >= SITES_MAX) {
			others += json_uint_at(one, "count");
			continue;
		}
		snprintf(lead, sizeof(lead), "%6" PRIu64 " ",
			 json_uint_at(one, "count"));
		postmortem_line(one, line);
		snprintf(text, sizeof(text), "%s at %s%s",
			 json_text_at(one, "function") ? json_text_at(one, "function")
						       : "?",
			 json_text_at(one, "file")     ? json_text_at(one, "file")
			 : json_text_at(one, "module") ? json_text_at(one, "module")
						       : "?",
			 line);
		point(w, lead, text);
	}
	if (others) {
		snprintf(lead, sizeof(lead), "%6" PRIu64 " ", others);
		point(w, lead, POSTMORTEM_OTHER_SITES);
	}
	if (!p->unknown_sites)
		return;
	snprintf(lead, sizeof(lead), "%6" PRIu64 " ", p->unknown_sites);
	point(w, lead, POSTMORTEM_UNKNOWN_SITES);
}

static void put_calls(const struct writer *w, const struct postmortem *p)
{
	const cJSON *one;
	char lead[32];

	if (!cJSON_GetArraySize(p->refused_calls))
		return;
	heading(w, "Which calls were refused");
	cJSON_ArrayForEach (one, p->refused_calls) {
		if (!one->string || !cJSON_IsNumber(one))
			continue;
		snprintf(lead, sizeof(lead), "%10.0f ", one->valuedouble);
		point(w, lead, one->string);
	}
}

static void put_members(const struct writer *w, const struct postmortem *p)
{
	const cJSON *one;
	char lead[64];

	if (!cJSON_GetArraySize(p->members))
		return;
	heading(w, "Whose they were");
	cJSON_ArrayForEach (one, p->members) {
		snprintf(lead, sizeof(lead), "%10" PRIu64 " %6" PRIu64 " refused ",
			 json_uint_at(one, "pid"), json_uint_at(one, "refused"));
		point(w, lead,
		      json_text_at(one, "command_line")
			      ? json_text_at(one, "command_line")
			      : "?");
	}
}

static void put_limit(const struct writer *w, const struct postmortem *p)
{
	const char *evidence = json_text_at(p->limit, "evidence");
	const cJSON *one, *command;
	char text[TEXT_MAX];

	if (p->limit) {
		heading(w, "The limit");
		snprintf(text, sizeof(text), "%" PRIu64 ": %s",
			 json_uint_at(p->limit, "soft"),
			 evidence ? evidence : "where it was set is not known");
		point(w, "", text);
	}
	if (!p->advice)
		return;
	heading(w, "What was advised");
	cJSON_ArrayForEach (one, p->advice) {
		if (json_text_at(one, "text"))
			point(w, "", json_text_at(one, "text"));
		cJSON_ArrayForEach (command,
				    cJSON_GetObjectItemCaseSensitive(one, "commands"))
			if (cJSON_IsString(command))
				verbatim(w, command->valuestring);
	}
}

static void put_gaps(const struct writer *w, const struct postmortem *p)
{
	const struct incident *incident = p->incident;
	char text[128];

	if (!incident->lost && !incident->damaged && !incident->shortened)
		return;
	heading(w, "What is missing here");
	if (incident->lost) {
		snprintf(text, sizeof(text), "%" PRIu64 " lines could not be written.",
			 incident->lost);
		point(w, "", text);
	}
	if (incident->damaged) {
		snprintf(text, sizeof(text), "%" PRIu64 " lines can't be read.",
			 incident->damaged);
		point(w, "", text);
	}
	if (incident->shortened)
		point(w, "", "The record had reached its size.");
}

static void put_all(const struct writer *w, const struct postmortem *p)
{
	put_head(w, p);
	put_cause(w, p);
	put_events(w, p);
	put_chart(w, p);
	put_looks(w, p);
	put_calls(w, p);
	put_sites(w, p);
	put_members(w, p);
	put_limit(w, p);
	put_gaps(w, p);
}

void postmortem_text(const struct postmortem *p, const struct page *page)
{
	struct writer w = {.page = page};

	put_all(&w, p);
}

void postmortem_markdown(const struct postmortem *p, FILE *out)
{
	struct writer w = {.out = out};

	put_all(&w, p);
}
