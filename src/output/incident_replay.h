/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the policy would have decided of a recorded incident, with its own settings or with
 * others.
 */
#ifndef FDWARDEN_INCIDENT_REPLAY_H
#define FDWARDEN_INCIDENT_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "output/incident.h"
#include "policy/policy.h"

struct replay_decision {
	uint64_t at_ns; /* CLOCK_BOOTTIME */
	struct policy_decision what;
};

struct replay {
	struct replay_decision *then, *now; /* what the daemon decided; what would be */
	size_t then_len, now_len;
	bool open;    /* an incident would still be open where the record ends */
	bool changed; /* the settings are others */
};

/* Changes settings, which are those that were in force; NULL: they stay. */
typedef void (*replay_settings)(void *context, struct policy_settings *settings);

/*
 * Lets the policy decide on each observation. With its own settings it begins in the state that
 * the daemon's policy was in; with others before that, with what is known of the time before,
 * where less was seen. 0, -EINVAL: by which settings it was decided, or how it began, is not
 * known; or -ENOMEM.
 */
int incident_replay(const struct incident *incident, replay_settings change,
		    void *context, struct replay *out);
void replay_clear(struct replay *replay);

/* Whether both are the same, to the decision. */
bool replay_agrees(const struct replay *replay);

#endif
