/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The two settings of the list that can be saved: its columns, its order, its grouping. They are
 * in fdwarden/top.json below $XDG_CONFIG_HOME, or ~/.config, and written only when it is asked
 * for.
 */
#ifndef FDWARDEN_TOP_SETTINGS_H
#define FDWARDEN_TOP_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "top/columns.h"
#include "top/model.h"

#define SETTINGS_LEN 2

struct setting {
	bool saved; /* the rest holds */
	bool wanted[COLUMNS_LEN];
	enum column sort;
	bool descending;
	enum tree tree;
};

/* As text, and back. What is unknown in a text is left out: another release may have written
 * it. format returns a string for cJSON_free(), NULL without memory; parse 0 or -EINVAL. */
char *settings_format(const struct setting settings[SETTINGS_LEN]);
int settings_parse(const char *text, size_t len, struct setting out[SETTINGS_LEN]);

/* Reads them; without a file none is saved. 0, or -errno with one line in `why`. */
int settings_load(struct setting out[SETTINGS_LEN], char *why, size_t why_size);

/* Writes them whole or not at all. 0, or -errno with one line in `why`. `path` is then where
 * they are. Another user's directories are not written into: sudo may leave us theirs. */
int settings_save(const struct setting settings[SETTINGS_LEN], char *path,
		  size_t path_size, char *why, size_t why_size);

#endif
