/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sessions that cron, at, su and their like begin. Inside src/state/ only. */
#ifndef FDWARDEN_ORIGIN_OPENER_H
#define FDWARDEN_ORIGIN_OPENER_H

#include "state/origin_chain.h"

/* Adds what pam_limits gives in a session that one of a process's ancestors, or it itself,
 * began. `uid`: whom the process runs as; -1: not known. Nothing if none did. */
void origin_opener(struct origin_search *search, const struct origin_chain *chain,
		   uid_t uid, struct origin_candidates *list);

#endif
