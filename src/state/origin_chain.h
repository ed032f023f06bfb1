/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process and its ancestors, as far up as all have the same limits: the last one is
 * where they were set, if no source explains them. Inside src/state/ only.
 */
#ifndef FDWARDEN_ORIGIN_CHAIN_H
#define FDWARDEN_ORIGIN_CHAIN_H

#include "state/origin_impl.h"

#define ORIGIN_CHAIN_MAX 32

struct origin_chain {
	struct origin_task task[ORIGIN_CHAIN_MAX]; /* the process itself is the first */
	size_t len;
	bool above_known; /* the next parent, with other limits or of no more concern */
	bool above_is_manager; /* it is systemd */
	bool above_is_outside; /* … of the container */
	struct origin_task above;
};

/* 0 or -errno, -ESRCH: it is gone. To be cleared in any case. */
int origin_chain_read(struct origin_search *search, pid_t pid,
		      struct origin_chain *out);
void origin_chain_clear(struct origin_chain *chain);

#endif
