// SPDX-License-Identifier: GPL-2.0-or-later
#include "output/incident_before.h"

#define SECOND_NS 1000000000ull
#define MINUTE_NS (60 * SECOND_NS)
#define HOUR_NS   (60 * MINUTE_NS)

static void push(struct incident_past ring[INCIDENT_BEFORE_LEN], size_t *n,
		 const struct incident_past *past)
{
	ring[(*n)++ % INCIDENT_BEFORE_LEN] = *past;
}

void incident_before_see(struct incident_before *b, uint64_t now_ns, uint64_t used)
{
	const struct incident_past *last =
		&b->seconds[(b->seconds_n + INCIDENT_BEFORE_LEN - 1) %
			    INCIDENT_BEFORE_LEN];
	struct incident_past now = {.at_ns = now_ns, .used = used};

	/* An observation that is nearly a second later is one of the next second. */
	if (!b->seconds_n || now_ns >= last->at_ns + SECOND_NS - SECOND_NS / 8)
		push(b->seconds, &b->seconds_n, &now);
	if (b->minute.for_ns && now_ns >= b->minute.at_ns + MINUTE_NS) {
		push(b->minutes, &b->minutes_n, &b->minute);
		b->minute.for_ns = 0;
	}
	if (!b->minute.for_ns)
		b->minute = (struct incident_past){
			.at_ns = now_ns, .for_ns = MINUTE_NS, .used = used};
	if (used < b->minute.used)
		b->minute.used = used;
}

static void put(struct incident_begin *begin, const struct incident_past *past)
{
	if (begin->past_len < INCIDENT_PAST_MAX)
		begin->past[begin->past_len++] = *past;
}

void incident_before_put(const struct incident_before *b, uint64_t now_ns,
			 struct incident_begin *begin)
{
	uint64_t oldest_ns = now_ns;

	for (size_t i = 0; i < INCIDENT_BEFORE_LEN && i < b->seconds_n; i++) {
		const struct incident_past *past = &b->seconds[i];

		if (past->at_ns >= now_ns)
			continue;
		put(begin, past);
		if (past->at_ns < oldest_ns)
			oldest_ns = past->at_ns;
	}
	/* A minute that the single seconds are in tells nothing more. */
	for (size_t i = 0; i < INCIDENT_BEFORE_LEN && i < b->minutes_n; i++)
		if (b->minutes[i].at_ns < oldest_ns &&
		    b->minutes[i].at_ns + HOUR_NS >= now_ns)
			put(begin, &b->minutes[i]);
}
