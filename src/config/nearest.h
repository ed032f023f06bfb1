/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Of some words the one that was meant by a mistyped one. Pure.
 */
#ifndef FDWARDEN_CONFIG_NEAREST_H
#define FDWARDEN_CONFIG_NEAREST_H

#include <stddef.h>

/* Zeroed is none yet. */
struct nearest {
	const char *word; /* borrowed from nearest_try(); NULL: none is near */
	size_t slips;
};

/* Whether `candidate` is nearer to `typed` than what was tried before: two slips of the keys at
 * most, or its beginning. What begins with another letter is another word. */
void nearest_try(struct nearest *nearest, const char *typed, const char *candidate);

#endif
