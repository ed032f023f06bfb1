/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The view without a terminal: text for logs, or a JSON document, for each refresh.
 */
#ifndef FDWARDEN_TOP_BATCH_H
#define FDWARDEN_TOP_BATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "top/columns.h"
#include "top/model.h"
#include "top/source.h"

struct batch_style {
	bool utf8;
	int width; /* of a line; 0: as long as it takes */
};

/* One refresh. 0, or -errno of the writing, or -ENOMEM. */
int batch_text(const struct model *model, const struct batch_style *style, FILE *out);
int batch_json(const struct model *model, FILE *out);

struct batch;

struct batch_options {
	uint64_t interval_ns;
	uint64_t refreshes; /* 0: until it is ended */
	enum column sort;
	bool descending, json;
	const char *filter; /* NULL: none. Borrowed for batch_new(). */
	struct batch_style style;
};

/* NULL: no memory. free accepts NULL. */
struct batch *batch_new(const struct batch_options *options);
void batch_free(struct batch *batch);

struct source_handlers batch_handlers(struct batch *batch);

/* Writes to standard output until all refreshes were written, a signal ends it, or its
 * reader is gone. Returns 0, or -errno with one line in `why`. */
int batch_run(struct batch *batch, struct source *source, char *why, size_t why_size);

#endif
