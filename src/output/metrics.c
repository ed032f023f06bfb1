// SPDX-License-Identifier: GPL-2.0-or-later
#include "output/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/text.h"

/* A label's value is cut to this many bytes before it is escaped. */
#define LABEL_MAX 256

static void begin(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void one(FILE *out, const char *name, const char *type, const char *help,
		uint64_t value)
{
	begin(out, name, type, help);
	fprintf(out, "%s %" PRIu64 "\n", name, value);
}

/* name="…", with what the format asks to be escaped. Hostile text is made one line of
 * valid UTF-8 first. */
static void label(FILE *out, const char *name, const char *value)
{
	char safe[LABEL_MAX];

	text_line(safe, sizeof(safe), value, strlen(value));
	fprintf(out, "%s=\"", name);
	for (const char *p = safe; *p; p++) {
		if (*p == '"' || *p == '\\')
			fputc('\\', out);
		fputc(*p, out);
	}
	fputc('"', out);
}

/* ---- the host and the monitor ---- */

static void put_host(FILE *out, const struct roster *r)
{
	if (r->system.known) {
		one(out, "fdwarden_files_allocated", "gauge",
		    "Files open on the whole host (fs.file-nr).", r->system.allocated);
		one(out, "fdwarden_files_max", "gauge",
		    "Most files that may be open (fs.file-max).", r->system.max);
	}
	if (r->system.nr_open)
		one(out, "fdwarden_nr_open", "gauge",
		    "Highest limit that a process may have (fs.nr_open).",
		    r->system.nr_open);
	one(out, "fdwarden_processes", "gauge", "Processes watched.",
	    r->self.processes);
	one(out, "fdwarden_descriptors", "gauge", "Descriptors open in all of them.",
	    r->self.descriptors);
	one(out, "fdwarden_refused_calls_total", "counter",
	    "Calls refused for want of a descriptor or of another limit.", r->refused);
}

static void put_incidents(FILE *out, const struct roster *r)
{
	static const char *const levels[POLICY_LEVELS] = {
		[POLICY_LEVEL_OK] = "other-limit",
		[POLICY_LEVEL_WARNING] = "warning",
		[POLICY_LEVEL_CRITICAL] = "critical",
		[POLICY_LEVEL_EXHAUSTED] = "exhausted",
	};

	begin(out, "fdwarden_incidents", "gauge",
	      "Processes in an open incident, by its level.");
	for (int level = 0; level < POLICY_LEVELS; level++)
		fprintf(out, "fdwarden_incidents{level=\"%s\"} %" PRIu32 "\n",
			levels[level], r->alerts[level]);
}

static void put_self(FILE *out, const struct roster *r)
{
	struct self_loss losses[SELF_LOSSES];

	begin(out, "fdwarden_info", "gauge", "How it watches.");
	fputs("fdwarden_info{", out);
	label(out, "version", FDWARDEN_VERSION);
	fputc(',', out);
	label(out, "sensor", r->self.sensor);
	fputc(',', out);
	label(out, "snapshot", r->self.snapshot);
	fputs("} 1\n", out);
	begin(out, "fdwarden_snapshot_seconds", "gauge",
	      "How long the last look at all processes took.");
	fprintf(out, "fdwarden_snapshot_seconds %.6f\n",
		(double)r->self.snapshot_ns / 1e9);
	begin(out, "fdwarden_losses_total", "counter",
	      "What went wrong or was lost in watching, by its name; 0 is well.");
	self_losses(&r->self, losses);
	for (size_t i = 0; i < SELF_LOSSES; i++)
		fprintf(out, "fdwarden_losses_total{what=\"%s\"} %" PRIu64 "\n",
			losses[i].name, losses[i].value);
}

/* ---- processes ---- */

/* A row, in another order than the roster's. */
struct ref {
	const struct roster_row *row;
};

/* A sealed one chose to be full, of an ignored one nobody wants to be told, and a limit
 * of ~0 or 0 has no share. */
static bool has_usage(const struct roster_row *row)
{
	return row->fd.known && !row->fd.sealed && !row->fd.ignored &&
	       row->fd.soft_limit && row->fd.soft_limit != UINT64_MAX;
}

static double usage(const struct roster_row *row)
{
	return has_usage(row) ? (double)row->fd.used / (double)row->fd.soft_limit : -1;
}

/* Incidents first, then the fullest. */
static int compare_rows(const void *left, const void *right)
{
	const struct roster_row *a = ((const struct ref *)left)->row;
	const struct roster_row *b = ((const struct ref *)right)->row;
	bool a_open = *a->incident, b_open = *b->incident;

	if (a_open != b_open)
		return a_open ? -1 : 1;
	if (usage(a) > usage(b) || usage(a) < usage(b))
		return usage(a) > usage(b) ? -1 : 1;
	return (a->who.pid > b->who.pid) - (a->who.pid < b->who.pid);
}

static void process_labels(FILE *out, const char *metric, const struct roster_row *row)
{
	fprintf(out, "%s{pid=\"%d\",", metric, (int)row->who.pid);
	label(out, "name", row->who.comm);
	if (row->who.service) {
		fputc(',', out);
		label(out, "service", row->who.service);
	}
	fputc('}', out);
}

static bool has_soft_limit(const struct roster_row *row)
{
	return row->fd.known && row->fd.soft_limit != UINT64_MAX;
}

static bool has_table(const struct roster_row *row)
{
	return row->fd.known;
}

static bool has_growth(const struct roster_row *row)
{
	return row->fd.growth_known;
}

static bool is_refused(const struct roster_row *row)
{
	return row->refused;
}

static double used(const struct roster_row *row)
{
	return (double)row->fd.used;
}

static double soft_limit(const struct roster_row *row)
{
	return (double)row->fd.soft_limit;
}

static double growth(const struct roster_row *row)
{
	return row->fd.growth_per_s;
}

static double refused(const struct roster_row *row)
{
	return (double)row->refused;
}

/* What is told of each process, and of which it can be. */
static const struct {
	const char *name, *type, *help;
	bool (*known)(const struct roster_row *row);
	double (*value)(const struct roster_row *row);
} of_processes[] = {
	{"fdwarden_process_used_descriptors", "gauge",
	 "Slots taken below the soft limit; processes in trouble and the fullest.",
	 has_table, used},
	{"fdwarden_process_soft_limit", "gauge", "The soft limit of open files.",
	 has_soft_limit, soft_limit},
	{"fdwarden_process_usage_ratio", "gauge",
	 "Used slots by soft limit; not of processes that a rule ignores.", has_usage,
	 usage},
	{"fdwarden_process_growth_per_second", "gauge",
	 "Descriptors a second, over the last half minute.", has_growth, growth},
	{"fdwarden_process_refused_calls_total", "counter",
	 "Calls refused since monitoring began.", is_refused, refused},
};

static void put_processes(FILE *out, const struct ref *rows, size_t len)
{
	for (size_t m = 0; m < sizeof(of_processes) / sizeof(of_processes[0]); m++) {
		begin(out, of_processes[m].name, of_processes[m].type,
		      of_processes[m].help);
		for (size_t i = 0; i < len; i++) {
			if (!of_processes[m].known(rows[i].row))
				continue;
			process_labels(out, of_processes[m].name, rows[i].row);
			fprintf(out, " %.15g\n", of_processes[m].value(rows[i].row));
		}
	}
}

/* ---- services ---- */

struct service {
	const char *name;
	uint64_t processes, descriptors;
	double worst;
};

static int compare_services(const void *left, const void *right)
{
	const struct roster_row *a = ((const struct ref *)left)->row;
	const struct roster_row *b = ((const struct ref *)right)->row;

	return strcmp(a->who.service ? a->who.service : "",
		      b->who.service ? b->who.service : "");
}

static int compare_worst(const void *left, const void *right)
{
	const struct service *a = left, *b = right;

	if (a->worst > b->worst || a->worst < b->worst)
		return a->worst > b->worst ? -1 : 1;
	return strcmp(a->name, b->name);
}

/* Sums up rows that are in the order of compare_services(). Returns their number. */
static size_t sum_services(const struct ref *rows, size_t len, struct service *services)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		const struct roster_row *row = rows[i].row;
		struct service *s;

		if (!row->who.service || !row->fd.known)
			continue;
		if (!n || strcmp(services[n - 1].name, row->who.service) != 0)
			services[n++] = (struct service){row->who.service, 0, 0, -1};
		s = &services[n - 1];
		s->processes++;
		s->descriptors += row->fd.count;
		if (usage(row) > s->worst)
			s->worst = usage(row);
	}
	return n;
}

static void service_line(FILE *out, const char *metric, const struct service *s,
			 double value)
{
	fprintf(out, "%s{", metric);
	label(out, "service", s->name);
	fprintf(out, "} %.15g\n", value);
}

static void put_services(FILE *out, const struct service *services, size_t len)
{
	begin(out, "fdwarden_service_processes", "gauge", "Processes of the service.");
	for (size_t i = 0; i < len; i++)
		service_line(out, "fdwarden_service_processes", &services[i],
			     (double)services[i].processes);
	begin(out, "fdwarden_service_descriptors", "gauge",
	      "Descriptors open in all processes of the service.");
	for (size_t i = 0; i < len; i++)
		service_line(out, "fdwarden_service_descriptors", &services[i],
			     (double)services[i].descriptors);
	begin(out, "fdwarden_service_usage_ratio", "gauge",
	      "The fullest of its processes: used slots by soft limit.");
	for (size_t i = 0; i < len; i++)
		if (services[i].worst >= 0)
			service_line(out, "fdwarden_service_usage_ratio", &services[i],
				     services[i].worst);
}

static size_t at_most(size_t len, size_t most)
{
	return len < most ? len : most;
}

int metrics_text(const struct roster *roster, char **text, size_t *len)
{
	struct ref *rows = calloc(roster->len + 1, sizeof(*rows));
	struct service *services = calloc(roster->len + 1, sizeof(*services));
	FILE *out = rows && services ? open_memstream(text, len) : NULL;
	size_t n;
	int err = out ? 0 : -ENOMEM;

	if (err)
		goto out;
	for (size_t i = 0; i < roster->len; i++)
		rows[i].row = &roster->rows[i];
	put_host(out, roster);
	put_incidents(out, roster);
	put_self(out, roster);
	qsort(rows, roster->len, sizeof(*rows), compare_services);
	n = sum_services(rows, roster->len, services);
	qsort(services, n, sizeof(*services), compare_worst);
	put_services(out, services, at_most(n, METRICS_SERVICES));
	qsort(rows, roster->len, sizeof(*rows), compare_rows);
	put_processes(out, rows, at_most(roster->len, METRICS_PROCESSES));
	err = ferror(out) ? -ENOMEM : 0;
	if (fclose(out) || err) {
		free(*text);
		*text = NULL;
		err = -ENOMEM;
	}
out:
	free(rows);
	free(services);
	return err;
}
