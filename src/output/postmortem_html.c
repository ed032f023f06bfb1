// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A post-mortem as one file of HTML: nothing is loaded, nothing runs (its own policy forbids
 * it), and texts of others are text.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/postmortem.h"
#include "output/text.h"
#include "state/json_read.h"

#define SITES_MAX   20
#define EVENTS_MAX  500
/* Times that they were looked at, of more the last ones; and how wide one is. */
#define LOOKS_MAX   200
#define LOOK_WIDTH  5.0
/* Functions of the flame graph, and how deep they call each other. */
#define FLAMES_MAX  1024
#define FLAME_DEPTH 40
/* Of the chart, in its own units. */
#define WIDTH       720.0
#define HEIGHT      240.0
#define LEFT        56.0
#define RIGHT       12.0
#define TOP         12.0
#define BOTTOM      28.0

static const char head[] =
	"<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	"style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<meta name=\"color-scheme\" content=\"light dark\">\n"
	"<meta name=\"referrer\" content=\"no-referrer\">\n";

static const char style[] =
	"<style>\n"
	":root{--fg:#1c1e21;--dim:#5f6670;--bg:#fff;--line:#d5d9de;--used:#3b7dd8;"
	"--soft:#c62f2f;--warn:#b27400;--bad:#c62f2f;--code:#f3f4f6;"
	"--flame:#fbe3c4;--hot:#f5b971}\n"
	"@media(prefers-color-scheme:dark){:root{--fg:#e6e8ea;--dim:#9aa2ad;--bg:#"
	"15181c;"
	"--line:#363c44;--used:#6ba4f0;--soft:#ff7b72;--warn:#e3a44a;--bad:#ff7b72;"
	"--code:#21262c;--flame:#4a3417;--hot:#80541a}}\n"
	"body{font:16px/1.45 system-ui,sans-serif;color:var(--fg);background:var(--bg);"
	"max-width:60rem;margin:0 auto;padding:1rem;overflow-wrap:anywhere}\n"
	"h1{font-size:1.4rem;margin:.2rem 0}h2{font-size:1.1rem;margin:1.6rem 0 "
	".4rem}\n"
	".lead{font-size:1.05rem}.dim{color:var(--dim)}.bad{color:var(--bad)}"
	".warn{color:var(--warn)}\n"
	"dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem "
	"1rem;margin:.6rem 0}"
	"dt{color:var(--dim)}dd{margin:0}\n"
	"table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-"
	"align:top;"
	"padding:.25rem .6rem .25rem 0;border-top:1px solid var(--line)}"
	"td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;width:1%;"
	"white-space:nowrap;overflow-wrap:normal}td.a{white-space:nowrap;"
	"overflow-wrap:normal}"
	"td.t{white-space:nowrap;font-variant-numeric:tabular-nums}\n"
	"pre{background:var(--code);padding:.6rem;white-space:pre-wrap;margin:.4rem "
	"0}\n"
	"svg{width:100%;height:auto;display:block}svg text{font:11px "
	"system-ui,sans-serif;"
	"fill:var(--dim)}\n"
	".area{fill:var(--used);fill-opacity:.25;stroke:none}.used{fill:none;"
	"stroke:var(--used);stroke-width:2}.past{stroke-dasharray:4 3}\n"
	".limit{fill:none;stroke:var(--soft);stroke-width:1.5}.level{fill:none;"
	"stroke:var(--warn);stroke-dasharray:2 4}.grid{stroke:var(--line)}"
	".refused{fill:var(--bad)}.event{stroke:var(--dim);stroke-dasharray:1 3}\n"
	"svg.key{width:.8em;display:inline-block;margin-right:.5em}"
	".pale{fill-opacity:.4}.flames{display:flex;width:100%}"
	".flame{min-width:0;overflow:hidden}"
	".flame>span{display:block;overflow:hidden;text-overflow:ellipsis;"
	"white-space:nowrap;overflow-wrap:normal;background:var(--flame);margin:1px;"
	"padding:.1rem .35rem;font-size:.85rem;print-color-adjust:exact;"
	"-webkit-print-color-adjust:exact}.flame>span.site{font-weight:700;"
	"background:var(--hot)}\n"
	".scroll{overflow-x:auto}.bar{background:var(--used);height:.7rem;min-width:"
	"2px}\n"
	"@media(max-width:40rem){dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:."
	"4rem}"
	"body{font-size:15px}svg text{font-size:18px}td.a{font-size:.85em}"
	".events tr{display:block;border-top:1px solid var(--line);padding:.25rem 0}"
	".events td{display:inline;border:0;padding:0 .6rem 0 0}"
	".events td:last-child{display:block}}\n"
	"@media print{:root{--fg:#000;--bg:#fff;--dim:#444;--line:#bbb;--code:#f3f3f3;"
	"--flame:#fbe3c4;--hot:#f5b971}"
	"body{max-width:none;font-size:11pt}h2{break-after:avoid}tr,svg{break-inside:"
	"avoid}}\n"
	"</style>\n";

/* Text of others: no character of it is a sign of HTML, in an attribute neither. */
static void put(FILE *out, const char *text)
{
	size_t size = 4 * strlen(text) + 1;
	char *line = malloc(size);

	if (!line)
		return;
	text_line(line, size, text, strlen(text));
	for (const char *at = line; *at; at++) {
		switch (*at) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\'':
			fputs("&#39;", out);
			break;
		default:
			putc(*at, out);
		}
	}
	free(line);
}

/* ---- the chart ---- */

struct scale {
	uint64_t from_ns, span_ns, top;
};

static double x_of(const struct scale *s, uint64_t at_ns)
{
	double share = at_ns > s->from_ns
			       ? (double)(at_ns - s->from_ns) / (double)s->span_ns
			       : 0;

	return LEFT + (share < 1 ? share : 1) * (WIDTH - LEFT - RIGHT);
}

static double y_of(const struct scale *s, double used)
{
	double share = used / (double)s->top;

	return HEIGHT - BOTTOM - (share < 1 ? share : 1) * (HEIGHT - TOP - BOTTOM);
}

static bool find_scale(const struct postmortem *p, struct scale *s)
{
	uint64_t limit = 0;

	if (p->points_len < 2)
		return false;
	s->from_ns = p->points[0].at_ns;
	s->span_ns = p->points[p->points_len - 1].at_ns - s->from_ns;
	s->top = 0;
	for (size_t i = 0; i < p->points_len; i++) {
		if (p->points[i].used > s->top)
			s->top = p->points[i].used;
		if (p->points[i].limit_known && p->points[i].limit > limit)
			limit = p->points[i].limit;
	}
	/* A limit that is far away would leave nothing to see of what came near it. */
	if (limit > s->top && limit / 16 < s->top)
		s->top = limit;
	return s->span_ns && s->top;
}

/* The count as steps. Closed to the bottom: as an area. */
static void put_steps(FILE *out, const struct postmortem *p, const struct scale *s,
		      size_t from, size_t to, const char *class, bool area)
{
	if (from >= to)
		return;
	fprintf(out, "<path class=\"%s\" d=\"M%.1f %.1f", class,
		x_of(s, p->points[from].at_ns),
		y_of(s, area ? 0 : (double)p->points[from].used));
	for (size_t i = from; i < to; i++)
		fprintf(out, "H%.1fV%.1f", x_of(s, p->points[i].at_ns),
			y_of(s, (double)p->points[i].used));
	if (area)
		fprintf(out, "V%.1fZ", y_of(s, 0));
	fputs("\"/>\n", out);
}

static void put_limit_line(FILE *out, const struct postmortem *p, const struct scale *s,
			   double share, const char *class)
{
	bool begun = false;

	fprintf(out, "<path class=\"%s\" d=\"", class);
	for (size_t i = 0; i < p->points_len; i++) {
		const struct postmortem_point *at = &p->points[i];

		if (!at->limit_known ||
		    (double)at->limit * share > (double)s->top * 1.001)
			continue;
		fprintf(out, begun ? "H%.1fV%.1f" : "M%.1f %.1f", x_of(s, at->at_ns),
			y_of(s, (double)at->limit * share));
		begun = true;
	}
	if (!begun)
		fputs("M0 0", out);
	fputs("\"/>\n", out);
}

/* How many more calls were refused since the point before. */
static void put_refused(FILE *out, const struct postmortem *p, const struct scale *s)
{
	for (size_t i = 0; i < p->points_len; i++) {
		uint64_t before = i ? p->points[i - 1].refused : 0;

		if (p->points[i].refused <= before)
			continue;
		fprintf(out,
			"<rect class=\"refused\" x=\"%.1f\" y=\"%.1f\" width=\"3\" "
			"height=\"8\"><title>%" PRIu64 " refused</title></rect>\n",
			x_of(s, p->points[i].at_ns) - 1.5, HEIGHT - BOTTOM,
			p->points[i].refused - before);
	}
}

static void put_events_at(FILE *out, const struct postmortem *p, const struct scale *s)
{
	for (size_t i = 0; i < p->events_len && i < EVENTS_MAX; i++) {
		double x = x_of(s, p->events[i].at_ns);

		fprintf(out, "<path class=\"event\" d=\"M%.1f %.1fV%.1f\"><title>", x,
			TOP, HEIGHT - BOTTOM);
		put(out,
		    p->events[i].message ? p->events[i].message : p->events[i].text);
		fputs("</title></path>\n", out);
	}
}

static void put_axes(FILE *out, const struct postmortem *p, const struct scale *s)
{
	char from[16], to[16];

	for (int i = 0; i <= 4; i++) {
		double y = y_of(s, (double)s->top * i / 4);

		fprintf(out,
			"<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/><text x=\"%.1f\" "
			"y=\"%.1f\" text-anchor=\"end\">%.0f</text>\n",
			LEFT, y, WIDTH - RIGHT, LEFT - 6, y + 4,
			(double)s->top * i / 4);
	}
	postmortem_clock(p->points[0].at_ns, from, sizeof(from));
	postmortem_clock(s->from_ns + s->span_ns, to, sizeof(to));
	fprintf(out,
		"<text x=\"%.1f\" y=\"%.1f\">%s</text><text x=\"%.1f\" y=\"%.1f\" "
		"text-anchor=\"end\">%s</text>\n",
		LEFT, HEIGHT - 6, from, WIDTH - RIGHT, HEIGHT - 6, to);
}

static void put_levels(FILE *out, const struct postmortem *p, const struct scale *s)
{
	const struct incident *incident = p->incident;
	const struct policy_settings *set;

	if (!incident->seen_len || !incident->seen[0].settings_known)
		return;
	set = &incident->seen[0].settings;
	put_limit_line(out, p, s, set->warn_bp / 10000.0, "level");
	put_limit_line(out, p, s, set->critical_bp / 10000.0, "level");
}

static void put_chart(FILE *out, const struct postmortem *p)
{
	struct scale s;
	size_t past = 0;

	if (!find_scale(p, &s))
		return;
	while (past < p->points_len && p->points[past].least)
		past++;
	fputs("<h2>How many were open</h2>\n", out);
	fprintf(out,
		"<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"Open "
		"descriptors over time, up to %" PRIu64 "\">\n",
		WIDTH, HEIGHT, s.top);
	put_axes(out, p, &s);
	put_steps(out, p, &s, 0, p->points_len, "area", true);
	put_steps(out, p, &s, 0, past ? past + (past < p->points_len) : 0, "used past",
		  false);
	put_steps(out, p, &s, past, p->points_len, "used", false);
	put_limit_line(out, p, &s, 1, "limit");
	put_levels(out, p, &s);
	put_refused(out, p, &s);
	put_events_at(out, p, &s);
	fputs("</svg>\n<p class=\"dim\">Blue: open descriptors", out);
	if (past)
		fputs(" (dashed: of the time before only the least is known)", out);
	fputs("; red line: the limit; dotted across: the levels; red marks below: "
	      "refused calls; dotted down: what happened.</p>\n",
	      out);
}

/* ---- sections ---- */

static void put_pair(FILE *out, const char *name, const char *text)
{
	if (!text || !*text)
		return;
	fprintf(out, "<dt>%s</dt><dd>", name);
	put(out, text);
	fputs("</dd>\n", out);
}

static void put_head(FILE *out, const struct postmortem *p)
{
	char who[512], from[48], to[48], span[48], when[192], refused[64];

	postmortem_who(p, who, sizeof(who));
	postmortem_time(p->began_ns, from, sizeof(from));
	postmortem_time(p->ended_ns, to, sizeof(to));
	postmortem_span(p->ended_ns - p->began_ns, span, sizeof(span));
	snprintf(when, sizeof(when), "%s%s%s, %s", from,
		 p->open ? ", last heard of " : " to ", to, span);
	snprintf(refused, sizeof(refused), "%s%" PRIu64,
		 p->refused_inexact ? "at least " : "", p->refused);
	fputs("<title>", out);
	put(out, who);
	fputs("</title>\n", out);
	fputs(style, out);
	fputs("</head><body>\n<h1>", out);
	put(out, who);
	fputs("</h1>\n", out);
	if (p->message) {
		fputs("<p class=\"lead\">", out);
		put(out, p->message);
		fputs("</p>\n", out);
	}
	fputs("<dl>\n", out);
	put_pair(out, "When", when);
	put_pair(out, "End", postmortem_end(p));
	put_pair(out, "Worst", p->worst);
	put_pair(out, "Calls refused", refused);
	put_pair(out, "Cause", p->cause);
	put_pair(out, "Seen", p->evidence);
	put_pair(out, "Code", p->line);
	put_pair(out, "Host", p->host);
	put_pair(out, "Program", p->command_line ? p->command_line : p->executable);
	put_pair(out, "User", p->user);
	put_pair(out, "Container", p->container);
	put_pair(out, "Incident", p->id);
	fputs("</dl>\n", out);
}

static const char *class_of(const char *action)
{
	if (!action)
		return "";
	if (!strcmp(action, "critical") || !strcmp(action, "exhausted"))
		return " bad";
	return !strcmp(action, "warning") ? " warn" : "";
}

static void put_events(FILE *out, const struct postmortem *p)
{
	char clock[16];

	fputs("<h2>What happened</h2>\n<table class=\"events\">\n", out);
	for (size_t i = 0; i < p->events_len && i < EVENTS_MAX; i++) {
		const struct postmortem_event *event = &p->events[i];

		postmortem_clock(event->at_ns, clock, sizeof(clock));
		fprintf(out, "<tr><td class=\"t\">%s</td><td class=\"a%s\">", clock,
			class_of(event->action));
		put(out, event->action ? event->action : "");
		fputs("</td><td>", out);
		put(out, event->message ? event->message : event->text);
		fputs("</td></tr>\n", out);
	}
	fputs("</table>\n", out);
	if (p->events_len > EVENTS_MAX)
		fprintf(out, "<p class=\"dim\">and %zu more</p>\n",
			p->events_len - EVENTS_MAX);
}

static size_t hue_of(size_t kind)
{
	return (kind * 47 + 210) % 360;
}

/* One look from one place to another: what there was most of is at the bottom. */
static void put_stack(FILE *out, const struct postmortem *p, const struct scale *s,
		      const struct postmortem_look *look, double from, double to,
		      const char *class)
{
	uint64_t sum = 0;

	for (size_t kind = 0; kind < p->kinds_len; kind++) {
		uint64_t count = look->counts[kind];

		if (!count)
			continue;
		sum += count;
		fprintf(out,
			"<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
			"height=\"%.1f\" fill=\"hsl(%zu 55%% 55%%)\"><title>%" PRIu64
			" ",
			class, from, y_of(s, (double)sum), to - from,
			y_of(s, (double)(sum - count)) - y_of(s, (double)sum),
			hue_of(kind), count);
		put(out, p->kinds[kind]);
		fputs("</title></rect>\n", out);
	}
}

/* The kinds over time, in the scale of the chart above. What they were is known of the times
 * when somebody looked; until the next one it is taken to be the same, and paler. */
static bool put_timeline(FILE *out, const struct postmortem *p)
{
	size_t len = p->timeline_len < LOOKS_MAX ? p->timeline_len : LOOKS_MAX;
	const struct postmortem_look *looks = p->timeline + p->timeline_len - len;
	struct scale s;

	if (!len || !find_scale(p, &s))
		return false;
	fprintf(out,
		"<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"kinds of "
		"descriptors over time\">\n",
		WIDTH, HEIGHT);
	put_axes(out, p, &s);
	for (size_t i = 0; i < len; i++)
		put_stack(out, p, &s, &looks[i], x_of(&s, looks[i].at_ns),
			  i + 1 < len ? x_of(&s, looks[i + 1].at_ns) : WIDTH - RIGHT,
			  "pale");
	for (size_t i = 0; i < len; i++) {
		double x = x_of(&s, looks[i].at_ns);

		x = x + LOOK_WIDTH > WIDTH - RIGHT ? WIDTH - RIGHT - LOOK_WIDTH : x;
		put_stack(out, p, &s, &looks[i], x, x + LOOK_WIDTH, "look");
	}
	fputs("</svg>\n<p class=\"dim\">Full colour: when it was looked at; paler: "
	      "taken "
	      "to be the same until the next look.</p>\n",
	      out);
	return true;
}

/* The stacked kinds of each look, one bar a look. */
static void put_stacks(FILE *out, const struct postmortem *p)
{
	uint64_t most = 0;
	double y = 4;

	for (size_t i = 0; i < p->looks_len; i++) {
		uint64_t sum = 0;

		for (size_t kind = 0; kind < p->kinds_len; kind++)
			sum += p->looks[i].counts[kind];
		most = sum > most ? sum : most;
	}
	if (!most)
		return;
	fprintf(out,
		"<svg viewBox=\"0 0 %.0f %zu\" role=\"img\" aria-label=\"kinds of "
		"descriptors at each look\">\n",
		WIDTH, p->looks_len * 26 + 4);
	for (size_t i = 0; i < p->looks_len; i++, y += 26) {
		double x = 110, full = WIDTH - 110 - RIGHT;

		fprintf(out, "<text x=\"104\" y=\"%.0f\" text-anchor=\"end\">", y + 14);
		put(out, p->looks[i].level);
		fputs("</text>\n", out);
		for (size_t kind = 0; kind < p->kinds_len; kind++) {
			uint64_t count = p->looks[i].counts[kind];
			double width = (double)count / (double)most * full;

			if (!count)
				continue;
			fprintf(out,
				"<rect x=\"%.1f\" y=\"%.0f\" width=\"%.1f\" "
				"height=\"20\" fill=\"hsl(%zu 55%% "
				"55%%)\"><title>%" PRIu64 " ",
				x, y, width, hue_of(kind), count);
			put(out, p->kinds[kind]);
			fputs("</title></rect>\n", out);
			x += width;
		}
	}
	fputs("</svg>\n", out);
}

/* Their kinds over time, and the numbers below. */
static void put_looks(FILE *out, const struct postmortem *p)
{
	if (!p->looks_len)
		return;
	fputs("<h2>What they were</h2>\n", out);
	if (!put_timeline(out, p))
		put_stacks(out, p);
	fputs("<div class=\"scroll\"><table><tr><th></th>", out);
	for (size_t i = 0; i < p->looks_len; i++) {
		fputs("<th class=\"n\">", out);
		put(out, p->looks[i].level);
		fputs("</th>", out);
	}
	fputs("</tr>\n", out);
	for (size_t kind = 0; kind < p->kinds_len; kind++) {
		fprintf(out,
			"<tr><td><svg class=\"key\" viewBox=\"0 0 1 1\"><rect "
			"width=\"1\" height=\"1\" fill=\"hsl(%zu 55%% 55%%)\"/></svg>",
			hue_of(kind));
		put(out, p->kinds[kind]);
		fputs("</td>", out);
		for (size_t i = 0; i < p->looks_len; i++)
			fprintf(out, "<td class=\"n\">%" PRIu64 "</td>",
				p->looks[i].counts[kind]);
		fputs("</tr>\n", out);
	}
	fputs("</table></div>\n", out);
}

static void put_rest(FILE *out, uint64_t count, const char *what)
{
	fprintf(out,
		"<tr><td class=\"n\">%" PRIu64 "</td><td class=\"dim\">%s</td></tr>\n",
		count, what);
}

static void put_bars(FILE *out, const struct postmortem *p, const char *title,
		     const cJSON *list, bool sites)
{
	const cJSON *one;
	uint64_t most = 1, others = p->other_sites;
	size_t n = 0;

	if (!cJSON_GetArraySize(list))
		return;
	fprintf(out, "<h2>%s</h2>\n<table>\n", title);
	cJSON_ArrayForEach (one, list)
		if (json_uint_at(one, "count") > most)
			most = json_uint_at(one, "count");
	cJSON_ArrayForEach (one, list) {
		const char *text = json_text_at(one, sites ? "function" : "text");
		char line[POSTMORTEM_LINE_LEN];

		if (n++ >= SITES_MAX) {
			others += json_uint_at(one, "count");
			continue;
		}
		fprintf(out, "<tr><td class=\"n\">%" PRIu64 "</td><td>",
			json_uint_at(one, "count"));
		put(out, text ? text : "?");
		if (sites && json_text_at(one, "file")) {
			fputs("<br><span class=\"dim\">", out);
			put(out, json_text_at(one, "file"));
			postmortem_line(one, line);
			fprintf(out, "%s</span>", line);
		}
		fprintf(out,
			"<svg viewBox=\"0 0 100 2\" preserveAspectRatio=\"none\" "
			"height=\"6\"><rect width=\"%.1f\" height=\"2\" "
			"fill=\"var(--used)\"/></svg></td></tr>\n",
			(double)json_uint_at(one, "count") / (double)most * 100);
	}
	if (sites && others)
		put_rest(out, others, POSTMORTEM_OTHER_SITES);
	if (sites && p->unknown_sites)
		put_rest(out, p->unknown_sites, POSTMORTEM_UNKNOWN_SITES);
	fputs("</table>\n", out);
}

/* ---- which code, as a flame graph ---- */

/* A function as it was called by the one above it, and how many descriptors came of it. */
struct flame {
	const cJSON *frame;
	uint64_t count;
	size_t below,
		beside; /* the first that it called, the next of its caller's; 0: none */
	bool is_site;   /* the one that is named as the opener */
};

struct flames {
	struct flame nodes[FLAMES_MAX]; /* the first is all of them */
	size_t len;
};

static bool is_text(const cJSON *a, const cJSON *b, const char *name)
{
	const char *first = json_text_at(a, name), *second = json_text_at(b, name);

	return first && second ? !strcmp(first, second) : !first && !second;
}

static bool is_place(const cJSON *a, const cJSON *b)
{
	return is_text(a, b, "function") && is_text(a, b, "file") &&
	       is_text(a, b, "module");
}

/* The node of what `at` called; 0: there are too many. */
static size_t flame_below(struct flames *f, size_t at, const cJSON *frame)
{
	size_t *to = &f->nodes[at].below;

	while (*to && !is_place(f->nodes[*to].frame, frame))
		to = &f->nodes[*to].beside;
	if (!*to && f->len < FLAMES_MAX) {
		f->nodes[f->len].frame = frame;
		*to = f->len++;
	}
	return *to;
}

/* Frames are the innermost first. */
static void add_flame(struct flames *f, const cJSON *site)
{
	const cJSON *frames = cJSON_GetObjectItemCaseSensitive(site, "frames");
	int len = cJSON_GetArraySize(frames);
	uint64_t count = json_uint_at(site, "count");
	size_t at = 0;

	f->nodes[0].count += count;
	len = len < FLAME_DEPTH ? len : FLAME_DEPTH;
	for (int i = len ? len - 1 : 0; i >= 0; i--) {
		const cJSON *frame = len ? cJSON_GetArrayItem(frames, i) : site;

		at = flame_below(f, at, frame);
		if (!at)
			return;
		f->nodes[at].count += count;
		f->nodes[at].is_site |= is_place(frame, site);
	}
}

static void put_flame_name(FILE *out, const struct flame *node)
{
	const char *name = json_text_at(node->frame, "function");
	const char *file = json_text_at(node->frame, "file");
	char line[POSTMORTEM_LINE_LEN];

	if (!name)
		name = json_text_at(node->frame, "module");
	if (!name)
		name = "?";
	postmortem_line(node->frame, line);
	fprintf(out, "<span%s title=\"%" PRIu64 ": ",
		node->is_site ? " class=\"site\"" : "", node->count);
	put(out, name);
	if (file) {
		fputs(" at ", out);
		put(out, file);
		fputs(line, out);
	}
	fprintf(out, "\">%" PRIu64 " ", node->count);
	put(out, name);
	fputs("</span>", out);
}

/* What a function called, beside each other, each as wide as its share. Not deeper than
 * FLAME_DEPTH. */
static void put_flames_below(FILE *out, const struct flames *f, size_t at)
{
	uint64_t left = f->nodes[at].count;

	if (!f->nodes[at].below)
		return;
	fputs("<div class=\"flames\">", out);
	for (size_t i = f->nodes[at].below; i; i = f->nodes[i].beside) {
		fprintf(out, "<div class=\"flame\" style=\"flex:%" PRIu64 "\">",
			f->nodes[i].count);
		put_flame_name(out, &f->nodes[i]);
		put_flames_below(out, f, i);
		fputs("</div>", out);
		left -= f->nodes[i].count < left ? f->nodes[i].count : left;
	}
	if (left)
		fprintf(out, "<div style=\"flex:%" PRIu64 "\"></div>", left);
	fputs("</div>", out);
}

static void put_flame_graph(FILE *out, const struct postmortem *p)
{
	struct flames *f = calloc(1, sizeof(*f));
	const cJSON *site;

	if (!f)
		return;
	f->len = 1;
	cJSON_ArrayForEach (site, p->call_sites) {
		if (json_uint_at(site, "count"))
			add_flame(f, site);
	}
	if (f->len > 1) {
		fputs("<h2>How the code got there</h2>\n", out);
		put_flames_below(out, f, 0);
		fputs("\n<p class=\"dim\">Callers above, what they called below; as "
		      "wide "
		      "as the open descriptors that came of it. Strong: the code named "
		      "above.</p>\n",
		      out);
	}
	free(f);
}

/* ---- more sections ---- */

static void put_calls(FILE *out, const struct postmortem *p)
{
	const cJSON *one;

	if (!cJSON_GetArraySize(p->refused_calls))
		return;
	fputs("<h2>Which calls were refused</h2>\n<table>\n", out);
	cJSON_ArrayForEach (one, p->refused_calls) {
		if (!one->string || !cJSON_IsNumber(one))
			continue;
		fprintf(out, "<tr><td class=\"n\">%.0f</td><td>", one->valuedouble);
		put(out, one->string);
		fputs("</td></tr>\n", out);
	}
	fputs("</table>\n", out);
}

static void put_members(FILE *out, const struct postmortem *p)
{
	const cJSON *one;

	if (!cJSON_GetArraySize(p->members))
		return;
	fputs("<h2>Whose they were</h2>\n<div class=\"scroll\"><table><tr><th "
	      "class=\"n\">pid</th><th class=\"n\">refused</th><th>command</th></tr>\n",
	      out);
	cJSON_ArrayForEach (one, p->members) {
		const char *command = json_text_at(one, "command_line");

		fprintf(out,
			"<tr><td class=\"n\">%" PRIu64 "</td><td class=\"n\">%" PRIu64
			"</td><td>",
			json_uint_at(one, "pid"), json_uint_at(one, "refused"));
		put(out, command ? command : "?");
		fputs("</td></tr>\n", out);
	}
	fputs("</table></div>\n", out);
}

static void put_advice(FILE *out, const struct postmortem *p)
{
	const char *evidence = json_text_at(p->limit, "evidence");
	const cJSON *one, *command;

	if (p->limit) {
		fprintf(out, "<h2>The limit</h2>\n<p>%" PRIu64 ": ",
			json_uint_at(p->limit, "soft"));
		put(out, evidence ? evidence : "where it was set is not known");
		fputs("</p>\n", out);
	}
	if (!p->advice)
		return;
	fputs("<h2>What was advised</h2>\n", out);
	cJSON_ArrayForEach (one, p->advice) {
		if (!json_text_at(one, "text"))
			continue;
		fputs("<p>", out);
		put(out, json_text_at(one, "text"));
		fputs("</p>\n", out);
		cJSON_ArrayForEach (command,
				    cJSON_GetObjectItemCaseSensitive(one, "commands")) {
			if (!cJSON_IsString(command))
				continue;
			fputs("<pre>", out);
			put(out, command->valuestring);
			fputs("</pre>\n", out);
		}
	}
}

static void put_gaps(FILE *out, const struct incident *incident)
{
	if (!incident->lost && !incident->damaged && !incident->shortened)
		return;
	fprintf(out,
		"<h2>What is missing here</h2>\n<p>%" PRIu64
		" lines could not be written, %" PRIu64 " can't be read%s.</p>\n",
		incident->lost, incident->damaged,
		incident->shortened ? "; the record had reached its size" : "");
}

void postmortem_html(const struct postmortem *p, FILE *out)
{
	fputs(head, out);
	put_head(out, p);
	put_chart(out, p);
	put_events(out, p);
	put_looks(out, p);
	put_calls(out, p);
	put_bars(out, p, "Which code opened them", p->call_sites, true);
	put_flame_graph(out, p);
	put_bars(out, p, "What there was most of", p->groups, false);
	put_members(out, p);
	put_advice(out, p);
	put_gaps(out, p->incident);
	fputs("<p class=\"dim\">fdwarden " FDWARDEN_VERSION "</p>\n</body></html>\n",
	      out);
}
