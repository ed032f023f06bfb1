/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * On a terminal: which of several processes is meant.
 */
#ifndef FDWARDEN_CHOICE_H
#define FDWARDEN_CHOICE_H

#include <stdbool.h>
#include <stddef.h>

#include "output/roster.h"

/* Whether somebody is there to be asked: standard input, output and error are a terminal. */
bool choice_is_possible(void);

/*
 * Lists the processes that `name` means on standard error, the fullest first as they are given,
 * and asks for one. An empty answer is the first, where `first` allows that. Returns 0 with the
 * index in *at, or -ECANCELED: none was chosen.
 */
int choice_ask(const char *name, const struct roster_row *const *rows, size_t len,
	       bool first, size_t *at);

#endif
