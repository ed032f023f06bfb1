/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The top-style view as a whole: which source, and which way of showing it.
 */
#ifndef FDWARDEN_TOP_TOP_H
#define FDWARDEN_TOP_TOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "top/columns.h"

struct top_options {
	const char *socket; /* asked for by name; NULL: the configuration's */
	const char *config; /* NULL: the usual one, if there is one */
	uint64_t interval_ns;
	uint64_t refreshes; /* 0: without end */
	enum column sort;
	bool sort_given;    /* not the default */
	const char *filter; /* model_filter(); NULL: none */
	bool batch, json;
};

/* Shows it until it is left. 0; -EINVAL with one line in `why`: the configuration, or
 * another -errno: at run time. */
int top_run(const struct top_options *options, char *why, size_t why_size);

#endif
