/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a record tells who was not there: who it was, when, what happened, why, and what was
 * done. All texts in it are of the record, and hostile: who prints them makes them harmless.
 */
#ifndef FDWARDEN_POSTMORTEM_H
#define FDWARDEN_POSTMORTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "output/incident.h"
#include "output/page.h"

#define POSTMORTEM_EVENT_TEXT 96
#define POSTMORTEM_LOOKS      4
#define POSTMORTEM_KINDS      10

/* Something that happened. */
struct postmortem_event {
	uint64_t at_ns;     /* CLOCK_REALTIME */
	const char *action; /* of an alert, in short: "critical"; else NULL */
	const char *message;
	char text[POSTMORTEM_EVENT_TEXT]; /* instead of a message */
};

/* The count at one instant, or the least during a time, of those before. */
struct postmortem_point {
	uint64_t at_ns; /* CLOCK_REALTIME */
	uint64_t used, limit;
	uint64_t refused; /* in the incident, until then */
	bool limit_known;
	bool least; /* there may have been more */
};

/* What the descriptors were, when an alert said so. */
struct postmortem_look {
	uint64_t at_ns;
	const char *level; /* "warning" */
	uint64_t counts[POSTMORTEM_KINDS];
};

struct postmortem {
	const struct incident *incident;
	const char *id;
	bool is_system, open; /* it is not known to have ended */
	uint64_t began_ns,
		ended_ns; /* CLOCK_REALTIME; of an open one, what is last known */
	const char *host, *name, *executable, *command_line, *service, *container,
		*user;
	int64_t pid;        /* 0: a summary of many, or the system */
	uint64_t processes; /* of a summary */
	const char *worst;  /* "warning", "critical", "exhausted", "other-limit", … */
	const char *ended_by; /* fd.reason; NULL: not known */
	const char *message;  /* of the worst alert */
	uint64_t refused;
	bool refused_inexact;
	const cJSON *refused_calls;   /* by_syscall; NULL: none */
	const char *cause, *evidence; /* NULL: not known */
	char line[256];               /* of code; empty: not known */
	const cJSON *limit, *advice, *call_sites, *groups,
		*members; /* NULL: not known */
	/* Descriptors of sites that the alert left out, and of none that is known; of the same
	 * alert as call_sites. */
	uint64_t other_sites, unknown_sites;
	uint64_t soft_limit;
	struct postmortem_event *events;
	size_t events_len;
	struct postmortem_point *points; /* in the order of time */
	size_t points_len;
	const char *kinds[POSTMORTEM_KINDS]; /* the rows of looks, most first */
	size_t kinds_len;
	struct postmortem_look looks[POSTMORTEM_LOOKS];
	size_t looks_len;
	struct postmortem_look *timeline; /* each time that they were looked at */
	size_t timeline_len;
};

/* Reads out of a record, which is borrowed. 0 or -ENOMEM. */
int postmortem_make(const struct incident *incident, const char *id,
		    struct postmortem *out);
void postmortem_clear(struct postmortem *p);

/* As text for a ticket, in the width of the page. */
void postmortem_text(const struct postmortem *p, const struct page *page);

/* Likewise, as Markdown, whose signs in texts of others are made harmless. */
void postmortem_markdown(const struct postmortem *p, FILE *out);

/* One file of HTML that asks for nothing else, and runs nothing. */
void postmortem_html(const struct postmortem *p, FILE *out);

/* One document; and what a list has of it. NULL: no memory. */
cJSON *postmortem_json(const struct postmortem *p);
cJSON *postmortem_brief(const struct postmortem *p);

/* Of those of sites that are not listed, and of those without a site. */
#define POSTMORTEM_OTHER_SITES "by other code, which is known but not listed"
#define POSTMORTEM_UNKNOWN_SITES                                                       \
	"others: opened before it was traced, or it is not known by which code"

/* ":12" of a call site, or "" where its line is not known. */
#define POSTMORTEM_LINE_LEN 24
void postmortem_line(const cJSON *site, char text[POSTMORTEM_LINE_LEN]);

/* "api[197] of api.service", as it is there; "4 min 3 s"; a local time with its zone, and the
 * time of day alone. */
void postmortem_who(const struct postmortem *p, char *text, size_t size);
/* How it ended, in words; of an open one, that it is not known. */
const char *postmortem_end(const struct postmortem *p);
void postmortem_span(uint64_t ns, char *text, size_t size);
void postmortem_time(uint64_t realtime_ns, char *text, size_t size);
void postmortem_clock(uint64_t realtime_ns, char *text, size_t size);

#endif
