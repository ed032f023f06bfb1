// SPDX-License-Identifier: GPL-2.0-or-later
#include "output/ledger.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ledger {
	uint64_t alerts[POLICY_ACTIONS];
	struct {
		struct label_values *values;
		struct ledger_line *lines; /* one a place, and the last of the others */
	} kinds[WORKLOAD_KINDS];
};

struct ledger *ledger_new(void)
{
	struct ledger *ledger = calloc(1, sizeof(*ledger));

	for (int kind = 0; ledger && kind < WORKLOAD_KINDS; kind++) {
		size_t places = workload_places(kind);

		ledger->kinds[kind].values = label_values_new(places);
		ledger->kinds[kind].lines =
			calloc(places + 1, sizeof(struct ledger_line));
		if (ledger->kinds[kind].values && ledger->kinds[kind].lines)
			continue;
		ledger_free(ledger);
		return NULL;
	}
	return ledger;
}

void ledger_free(struct ledger *ledger)
{
	if (!ledger)
		return;
	for (int kind = 0; kind < WORKLOAD_KINDS; kind++) {
		label_values_free(ledger->kinds[kind].values);
		free(ledger->kinds[kind].lines);
	}
	free(ledger);
}

void ledger_alert(struct ledger *ledger, enum policy_action action)
{
	ledger->alerts[action]++;
}

/* The line of this workload, emptied when its place was another's. */
static struct ledger_line *line_of(struct ledger *ledger, enum workload_kind kind,
				   const char *key, uid_t owner, uint64_t now_ns)
{
	struct label_values *values = ledger->kinds[kind].values;
	int place = label_values_place(values, key, owner, now_ns);
	struct ledger_line *line;

	if (place < 0) {
		place = (int)label_values_places(values);
		key = WORKLOAD_OTHERS;
	}
	line = &ledger->kinds[kind].lines[place];
	if (strcmp(line->key, key) != 0) {
		memset(line, 0, sizeof(*line));
		line->kind = kind;
		line->owner = owner;
		snprintf(line->key, sizeof(line->key), "%s", key);
	}
	return line;
}

static void count(struct ledger_line *line, const char *call, int error, uint64_t calls)
{
	struct ledger_call *at = line->calls, *end = line->calls + line->calls_len;

	switch (error) {
	case EMFILE:
		line->emfile += calls;
		break;
	case ENFILE:
		line->enfile += calls;
		break;
	default:
		line->other += calls;
	}
	/* One call has a name in each ABI. */
	while (at < end &&
	       (!at->call || strcmp(at->call, call) != 0 || at->error != error))
		at++;
	if (at == end && line->calls_len < LEDGER_CALLS) {
		line->calls_len++;
		*at = (struct ledger_call){call, error, 0};
	} else if (at == end) {
		at = &line->calls[LEDGER_CALLS];
		line->calls_len = LEDGER_CALLS + 1;
	}
	at->count += calls;
}

void ledger_refused(struct ledger *ledger, const struct identity *who, bool uid_known,
		    const char *call, int error, uint64_t calls, uint64_t now_ns)
{
	uid_t owner = uid_known ? identity_charged(who) : (uid_t)-1;
	char key[LABEL_VALUE_LEN];

	for (int kind = 0; kind < WORKLOAD_KINDS; kind++) {
		if (kind == WORKLOAD_USER && !uid_known)
			continue;
		if (workload_key(kind, who, key))
			count(line_of(ledger, kind, key, owner, now_ns), call, error,
			      calls);
	}
}

/* ---- copies ---- */

static size_t used_lines(const struct ledger *ledger)
{
	size_t n = 0;

	for (int kind = 0; kind < WORKLOAD_KINDS; kind++)
		for (size_t i = 0; i <= workload_places(kind); i++)
			n += *ledger->kinds[kind].lines[i].key != 0;
	return n;
}

int ledger_copy(const struct ledger *ledger, struct ledger_figures *out)
{
	size_t len = used_lines(ledger);

	if (len > out->size) {
		struct ledger_line *lines = calloc(len + 16, sizeof(*lines));

		if (!lines)
			return -ENOMEM;
		free(out->lines);
		out->lines = lines;
		out->size = len + 16;
	}
	memcpy(out->alerts, ledger->alerts, sizeof(out->alerts));
	out->len = 0;
	for (int kind = 0; kind < WORKLOAD_KINDS; kind++)
		for (size_t i = 0; i <= workload_places(kind); i++)
			if (*ledger->kinds[kind].lines[i].key)
				out->lines[out->len++] = ledger->kinds[kind].lines[i];
	return 0;
}

void ledger_figures_clear(struct ledger_figures *figures)
{
	free(figures->lines);
	memset(figures, 0, sizeof(*figures));
}
