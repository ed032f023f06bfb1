/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to the model: its state, and what model.c and lines.c share. */
#ifndef FDWARDEN_TOP_MODEL_IMPL_H
#define FDWARDEN_TOP_MODEL_IMPL_H

#include <uthash.h>

#include "top/model.h"

struct model_process {
	struct item item;
	pid_t pid;
	uint64_t start_ns;
	bool seen; /* the figures below are of the last roster */
	bool counters_known, contained;
	uid_t uid;
	uint64_t opened, closed, refused;
	struct history history;
	char kind[ITEM_KIND_LEN];
	uint64_t kind_asked_ns;    /* 0: never */
	struct model_group *group; /* in the present lines */
	/* in the present tree by parents */
	uint64_t round; /* of making lines, in which it passed the filter */
	bool placed;
	struct model_process *above, *first_below, *last_below, *beside;
};

struct model_group {
	struct item item;
	char *name;
	uint64_t round;    /* of making lines, in which it last had a member */
	size_t first, len; /* its members, in the sorted order */
	UT_hash_handle hh;
};

struct model_user {
	uid_t uid;
	bool contained;
	char name[ITEM_USER_LEN];
};

/* A line's place in the order. */
struct sorted {
	struct column_value value;
	struct model_process *process;
	struct model_group *group; /* one that stands for itself */
};

struct model {
	pid_t viewer; /* the process that shows it; 0: not told */
	model_user_name user_name;
	const struct roster *roster;
	struct model_process **processes; /* by pid */
	size_t len;
	struct model_user **users;
	size_t users_len;
	struct model_totals totals;
	/* of the roster before */
	uint64_t number, realtime_ns, refused;
	double refused_per_s;
	size_t history_len;

	enum column sort;
	bool descending;
	char *filter;
	enum tree tree;
	struct model_group *groups; /* kept, for they may be folded */
	uint64_t round;
	struct sorted *sorted;
	size_t sorted_size;
	struct line *lines;
	size_t lines_len, lines_size, matching;

	size_t selected, first;
	/* what is selected; none: the first line, whatever it is */
	bool follows;
	bool pinned;        /* the first line is followed, too */
	pid_t selected_pid; /* 0: a group */
	uint64_t selected_start_ns;
	char *selected_group;
};

/* Sorts, filters and groups, and finds what was selected. */
void lines_make(struct model *model);
void lines_free(struct model *model);
void lines_add(struct model *model, const struct item *item, unsigned depth);

/* Lines of the first `len` that are sorted, each under its parent. */
void parents_make(struct model *model, size_t len);

/* Of a pid the older one; NULL: there is none. */
struct model_process *model_process_find(const struct model *model, pid_t pid);

#endif
