/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A text that is made once and sent to many. Never changed once it is shared; threads may
 * hold and release it.
 */
#ifndef FDWARDEN_SHARED_TEXT_H
#define FDWARDEN_SHARED_TEXT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

struct shared_text {
	atomic_uint holders;
	int pid;           /* of whom an alert is; 0: of none */
	uint64_t start_ns; /* … and when that began: a pid may be another's later */
	size_t len;
	char bytes[];
};

/* With room for `len` bytes, held by the caller. NULL: no memory. */
struct shared_text *shared_text_new(size_t len);
struct shared_text *shared_text_format(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/* `head`,"document":…,"page":…: a reply for programs and for people. Takes both, which may be
 * NULL for want of memory. NULL: no memory. */
struct shared_text *shared_text_page(const char *head, cJSON *document, cJSON *page);

struct shared_text *shared_text_hold(struct shared_text *text);
void shared_text_release(struct shared_text *text); /* accepts NULL */

#endif
