/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What to change where a limit refuses that is a user's or a namespace's, not the table's. */
#ifndef FDWARDEN_ADVICE_HOLDERS_H
#define FDWARDEN_ADVICE_HOLDERS_H

#include "state/advice.h"
#include "state/holders.h"

struct advice_other_limit {
	pid_t pid;          /* who was refused */
	const char *sysctl; /* "fs.inotify.max_user_instances"; NULL: it has none */
	/* What it is where the process is; 0: unknown, as in another namespace. */
	uint64_t value;
	const struct holders *holders;
};

/* As advice_make(). */
int advice_for_other_limit(const struct advice_other_limit *limit,
			   struct advice out[ADVICE_MAX]);

#endif
