/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of users for those who must not wait: from /etc/passwd, which is kept, and read
 * anew only when it was changed. Directory services, which may take seconds, are not
 * asked. For any thread.
 */
#ifndef FDWARDEN_USER_NAMES_H
#define FDWARDEN_USER_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Copies the name, which may hold any bytes. False: the file has none for this uid. */
bool user_names_find(uid_t uid, char *name, size_t size);

/* For tests: another file. NULL: /etc/passwd again. */
void user_names_set_file(const char *path);

#endif
