/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the view knows: the processes of the newest roster with what two of them tell
 * (rates, a history), sorted, filtered and grouped into lines, one of which is
 * selected. Pure: it sees no clock, no terminal, no source.
 */
#ifndef FDWARDEN_TOP_MODEL_H
#define FDWARDEN_TOP_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "output/roster.h"
#include "top/columns.h"
#include "top/item.h"

enum tree { TREE_NONE, TREE_SERVICE, TREE_CONTAINER, TREE_PARENTS, TREES };

struct line {
	const struct item *item;
	bool child;     /* of the group above it */
	unsigned depth; /* in the tree by parents; 0: its parent is not shown */
};

/* Over all processes, whatever is filtered. */
struct model_totals {
	uint64_t processes, descriptors;
	uint64_t levels[POLICY_LEVELS]; /* processes with an incident, by its level */
	uint64_t leaks;                 /* suspected, where no level is reached */
	uint64_t sealed;
	uint64_t refused;
	bool rates_known;
	double opened_per_s, closed_per_s, refused_per_s;
};

struct model;

/* Names of users, asked once for each. May be NULL: numbers. */
typedef bool (*model_user_name)(uid_t uid, char *name, size_t size);

/* NULL: no memory. free accepts NULL. */
struct model *model_new(model_user_name user_name);
void model_free(struct model *model);

/* Which process shows it: its command line, which has the filter's words, does not match. */
void model_set_viewer(struct model *model, pid_t pid);

/*
 * Takes a newer roster, which must stay as it is until the next one is taken. One with
 * the number of the last one is that one, at another place. Returns 0 or -ENOMEM, with
 * the processes as they were seen then, as far as they could be taken.
 */
int model_update(struct model *model, const struct roster *roster);

const struct roster *model_roster(const struct model *model);
const struct model_totals *model_totals(const struct model *model);

/* How it is shown; takes effect at once. The filter is words that must all be found in
 * the pid, name, user, service, container, pod or command line, whatever their case. */
void model_sort(struct model *model, enum column column, bool descending);
enum column model_sorted_by(const struct model *model, bool *descending);
int model_filter(struct model *model, const char *text);
const char *model_filter_text(const struct model *model);
void model_group(struct model *model, enum tree tree);
enum tree model_grouped_by(const struct model *model);

/* Steps of the longest history. */
size_t model_history_len(const struct model *model);

/* The lines, valid until the next call that changes anything. */
const struct line *model_lines(const struct model *model, size_t *len);
/* Processes that pass the filter. */
size_t model_matching(const struct model *model);

/*
 * The selected line. It stays with its process (or group), wherever that goes, but for
 * the first line, which stays the first one. If what was selected is gone, the line in
 * its place is.
 */
size_t model_selected(const struct model *model);
void model_select(struct model *model, size_t line);
void model_move(struct model *model, long lines);

/* The selected process is followed also where it is the first line, until another one is
 * selected, or it has ended. */
void model_follow(struct model *model, bool follow);
bool model_follows(const struct model *model);

/* Selects the first line that has these words, as a filter would want them, or of a group its
 * name: from the selected one on, or with `next` behind it, and around. false: none has. */
bool model_search(struct model *model, const char *text, bool next);

/* The selected line as the first of `height` lines that are shown, such that it is among
 * them; changes as little as can be. */
size_t model_window(struct model *model, size_t height);

/* Folds or unfolds the group of the selected line. false: it is in none. */
bool model_fold(struct model *model);

/* A process of the newest roster; NULL: there is none such. */
const struct item *model_find(const struct model *model, pid_t pid, uint64_t start_ns);

/* Main kinds: those of `max` lines from `first` on that were not asked for since
 * `since_ns` (0: never), which then are. And what it was found to be. */
size_t model_kinds_wanted(struct model *model, size_t first, size_t lines,
			  uint64_t now_ns, uint64_t since_ns, pid_t *pids, size_t max);
void model_kind_set(struct model *model, pid_t pid, const char *kind, uint64_t count,
		    uint64_t of);

#endif
