/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why nothing is told of a process that is at a level, or had a call refused: what an
 * administrator wants to know first when an alert did not come. Pure.
 */
#ifndef FDWARDEN_SILENCE_H
#define FDWARDEN_SILENCE_H

#include "policy/policy.h"

enum silence {
	SILENCE_NONE,    /* there is nothing to tell */
	SILENCE_IGNORED, /* a rule's ignore, or what our own hook runs */
	SILENCE_SEALED,  /* it lowered its limit under what it has */
	SILENCE_MANAGED, /* it rests high by design, and nothing is refused */
	SILENCE_SMALL,   /* its soft limit is below min_limit */
	SILENCE_DWELLS,  /* the level has not lasted for dwell_ns yet */
	SILENCE_TOLD,    /* its incident was told; again after repeat_ns */
	SILENCES
};

/*
 * Asked after policy_fd_observe() of the same three has returned 0 decisions. A level is
 * meant as the settings have it, whatever min_limit says.
 */
enum silence silence_of(const struct policy_fd *state,
			const struct policy_settings *set,
			const struct policy_observation *seen);

/* "the level has not lasted for thresholds.dwell yet", for a line of the log. Static; NULL for
 * SILENCE_NONE. */
const char *silence_text(enum silence silence);

#endif
