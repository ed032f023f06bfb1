/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who a process is, for its group: where it is and what it runs. */
#ifndef FDWARDEN_SUBJECT_H
#define FDWARDEN_SUBJECT_H

#include "policy/grouping.h"
#include "state/identity.h"

#define SUBJECT_USER_LEN 16

/* Strings of `who`, and of `user`, which the caller provides. */
void subject_of(const struct identity *who, char user[SUBJECT_USER_LEN],
		struct grouping_subject *out);

/* What a group's texts say as an identity, without a pid: strings of `texts`. */
void subject_identity(char *const texts[GROUPING_TEXTS], struct identity *out);

#endif
