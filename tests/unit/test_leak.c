/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "leak_patterns.h"
#include "policy/leak.h"

#define SECOND_NS 1000000000ull
#define START_NS  (77 * SECOND_NS)

static const struct leak_settings defaults = {
	.enabled = true,
	.windows = 6,
	.window_ns = 10 * SECOND_NS,
	.horizon_ns = 86400 * SECOND_NS,
};

/* ---- a run ---- */

struct run {
	const struct pattern *pattern;
	double limit, seconds;
	bool blind; /* no counters, nor what the descriptors are */
	enum leak_growth growth;
	uint64_t seed;
	/* result */
	unsigned int alarms;
	double at_s;       /* of the first one; < 0: none */
	double used_share; /* then, without bursts and teeth */
	struct leak_estimate estimate;
	double full_s; /* when the limit was met; < 0: it was not */
};

static void run(struct run *run)
{
	struct leak_history history = {0};
	struct process_simulated process;
	bool stands = false;

	simulate_begin(&process, run->pattern, run->limit, run->seed);
	run->alarms = 0;
	run->at_s = run->full_s = -1;
	for (double t = 0; t < run->seconds && run->full_s < 0; t++) {
		struct leak_sample sample = {
			.now_ns = START_NS + (uint64_t)t * SECOND_NS,
			.soft_limit = (uint64_t)run->limit,
			.opened_known = !run->blind,
			.growth = run->growth,
		};
		bool suspected;

		sample.used = simulate(&process, t);
		sample.opened = (uint64_t)process.opened;
		suspected = leak_see(&history, &defaults, &sample) == LEAK_SUSPECTED;
		if (suspected && !stands && !run->alarms++) {
			run->at_s = t;
			run->used_share = run->pattern->base +
					  process.leaked / run->limit;
			leak_estimate(&history, sample.now_ns, sample.soft_limit,
				      &run->estimate);
		}
		stands = suspected;
		if (sample.used >= sample.soft_limit)
			run->full_s = t;
	}
	leak_clear(&history);
}
