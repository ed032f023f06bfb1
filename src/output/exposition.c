// SPDX-License-Identifier: GPL-2.0-or-later
#include "output/exposition.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "output/label_values.h"
#include "output/text.h"

/* A double holds whole numbers exactly up to this one. */
#define EXACT_MAX 9007199254740992.0

static bool ends_with(const char *name, size_t len, const char *suffix)
{
	size_t n = strlen(suffix);

	return len > n && !strncmp(name + len - n, suffix, n);
}

/* The family's name: in OpenMetrics without what its kind of sample adds. */
static int family_len(const struct exposition *x, const char *name)
{
	size_t len = strlen(name);

	if (x->open_metrics && ends_with(name, len, "_total"))
		len -= strlen("_total");
	else if (x->open_metrics && ends_with(name, len, "_info"))
		len -= strlen("_info");
	return (int)len;
}

void exposition_family(struct exposition *x, const char *name, const char *type,
		       const char *help)
{
	int len = family_len(x, name);

	if (!x->open_metrics && !strcmp(type, "info"))
		type = "gauge"; /* the older format has no such type */
	fprintf(x->out, "# HELP %.*s %s\n# TYPE %.*s %s\n", len, name, help, len, name,
		type);
}

void exposition_sample(struct exposition *x, const char *name)
{
	fputs(name, x->out);
	x->labelled = false;
}

/* With what the formats ask to be escaped. Hostile text is made one line of valid UTF-8
 * first. */
void exposition_label(struct exposition *x, const char *name, const char *value)
{
	char safe[LABEL_VALUE_LEN];

	text_line(safe, sizeof(safe), value, strlen(value));
	fprintf(x->out, "%c%s=\"", x->labelled ? ',' : '{', name);
	x->labelled = true;
	for (const char *p = safe; *p; p++) {
		if (*p == '"' || *p == '\\')
			fputc('\\', x->out);
		fputc(*p, x->out);
	}
	fputc('"', x->out);
}

void exposition_value(struct exposition *x, double value)
{
	const char *brace = x->labelled ? "}" : "";

	if (value == (double)(int64_t)value && value < EXACT_MAX && value > -EXACT_MAX)
		fprintf(x->out, "%s %" PRId64 "\n", brace, (int64_t)value);
	else
		fprintf(x->out, "%s %.15g\n", brace, value);
}

void exposition_count(struct exposition *x, uint64_t value)
{
	fprintf(x->out, "%s %" PRIu64 "\n", x->labelled ? "}" : "", value);
}

void exposition_one(struct exposition *x, const char *name, const char *type,
		    const char *help, double value)
{
	exposition_family(x, name, type, help);
	exposition_sample(x, name);
	exposition_value(x, value);
}

void exposition_end(struct exposition *x)
{
	if (x->open_metrics)
		fputs("# EOF\n", x->out);
}

/* ---- what is asked for ---- */

/* The weight of one range of an Accept header, "TYPE/SUBTYPE; q=0.5"; 1 where it has none. */
static double weight_of(const char *range, size_t len)
{
	const char *end = range + len, *at = memchr(range, ';', len);

	for (; at; at = memchr(at, ';', (size_t)(end - at))) {
		at++;
		at += strspn(at, " \t");
		if (end - at >= 2 && !strncasecmp(at, "q=", 2))
			return strtod(at + 2, NULL);
		if (at >= end)
			break;
	}
	return 1;
}

/* The highest weight that the header has for a type; 0: it does not name it. */
static double weight_in(const char *accept, const char *type)
{
	double most = 0;

	for (const char *at = accept; at && *at;) {
		size_t len;

		at += strspn(at, ", \t");
		len = strcspn(at, ",");
		if (strcspn(at, ",; \t") == strlen(type) &&
		    !strncasecmp(at, type, strlen(type))) {
			double weight = weight_of(at, len);

			most = weight > most ? weight : most;
		}
		at += len;
	}
	return most;
}

bool exposition_wants_open_metrics(const char *accept)
{
	double open = weight_in(accept, "application/openmetrics-text");

	return open > 0 && open >= weight_in(accept, "text/plain");
}
