// SPDX-License-Identifier: GPL-2.0-or-later
#include "collect/snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect/kernel.h"
#include "collect/snapshot_impl.h"

struct snapshot {
	const struct snapshot_method *method;
	void *state;
	char refused[512]; /* why the better method is not used; "" if it is */
};

static int open_with(struct snapshot *s, const struct snapshot_method *method,
		     const struct sensor_counters_map *counters)
{
	kernel_forget_bpf_reason();
	s->method = method;
	return method->open(counters, &s->state);
}

int snapshot_open(enum snapshot_choice choice,
		  const struct sensor_counters_map *counters, struct snapshot **out,
		  char *why, size_t why_size)
{
	struct snapshot *s = calloc(1, sizeof(*s));
	int err = -EOPNOTSUPP;

	if (!s) {
		snprintf(why, why_size, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	if (choice != SNAPSHOT_ITER)
		err = open_with(s, &snapshot_walk, counters);
	if (err && choice != SNAPSHOT_WALK) {
		if (choice == SNAPSHOT_AUTO)
			kernel_describe_failure("prog-run does not load", err,
						s->refused, sizeof(s->refused));
		err = open_with(s, &snapshot_iter, counters);
	}
	if (err) {
		char what[64];

		snprintf(what, sizeof(what), "the snapshot (%s) can't be loaded",
			 s->method->name);
		kernel_describe_failure(what, err, why, why_size);
		free(s);
		return err;
	}
	*out = s;
	return 0;
}

int snapshot_take(struct snapshot *snapshot, snapshot_visit visit, void *context,
		  struct snapshot_stats *stats)
{
	uint64_t start = kernel_now_ns();
	int err;

	memset(stats, 0, sizeof(*stats));
	err = snapshot->method->take(snapshot->state, visit, context, stats);
	stats->took_ns = kernel_now_ns() - start;
	return err;
}

const char *snapshot_name(const struct snapshot *snapshot)
{
	return snapshot->method->name;
}

const char *snapshot_reason(const struct snapshot *snapshot)
{
	return snapshot->refused;
}

void snapshot_close(struct snapshot *snapshot)
{
	if (!snapshot)
		return;
	snapshot->method->close(snapshot->state);
	free(snapshot);
}
