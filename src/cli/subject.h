/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process that a command is asked about: whether there is one to be looked at.
 */
#ifndef FDWARDEN_SUBJECT_H
#define FDWARDEN_SUBJECT_H

#include <stddef.h>

/* Returns 0, or -errno with one line in `why`: there is no such process; it is a thread of
 * another, one of the kernel's own, or has ended. */
int subject_check(int pid, char *why, size_t size);

#endif
