/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The list as it is put on the screen: header, lines, footer.
 */
#ifndef FDWARDEN_TOP_DRAW_H
#define FDWARDEN_TOP_DRAW_H

#include <stdbool.h>
#include <stdint.h>

#include "top/keys.h"
#include "top/model.h"

/* What is said beside the model. */
struct draw_status {
	const char *source;  /* "daemon 812", "own look" */
	const char *trouble; /* what is wrong with it; NULL: nothing */
	uint64_t interval_ns;
	bool paused;
	const char *badge; /* what is not as it always is: a filter; NULL: nothing */
	const char *note;  /* something to say for a while, instead of the keys; NULL */
	const char *prompt; /* a question, and what was typed; NULL: none */
	const char *typed;
};

/* Lines that the header takes. */
int draw_header_height(void);
/* Lines of the list that there is room for. */
int draw_list_height(void);

void draw_title(const char *left, const struct draw_status *status,
		const struct roster *roster);
void draw_header(const struct model *model, const struct draw_status *status);

/* Puts the model's lines below the header; chooses the window. Returns whether there is
 * room for what most of the descriptors are. */
bool draw_list(struct model *model, const bool wanted[COLUMNS_LEN]);

/* The column whose title is at `x`; COLUMNS_LEN: none is. */
enum column draw_column_at(const struct model *model, const bool wanted[COLUMNS_LEN],
			   int x);

/* The last line: a question, a note, or the keys of this place; and `right`. */
void draw_footer(enum key_place place, const struct draw_status *status,
		 const char *right);

/* "2h05", "1s", "200ms" */
void draw_interval(uint64_t ns, char text[32]);

#endif
