/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who a process is, for its group: where it is and what it runs. */
#ifndef FDWARDEN_SUBJECT_H
#define FDWARDEN_SUBJECT_H

#include "policy/grouping.h"
#include "state/identity.h"

/* Numbers as text: whose it is, and on whose account. */
struct subject_users {
	char user[16], account[16];
};

/* Strings of `who`, and of `users`, which the caller provides. */
void subject_of(const struct identity *who, struct subject_users *users,
		struct grouping_subject *out);

/* What a group's texts say as an identity, without a pid: strings of `texts`. */
void subject_identity(char *const texts[GROUPING_TEXTS], struct identity *out);

#endif
