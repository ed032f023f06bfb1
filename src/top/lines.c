// SPDX-License-Identifier: GPL-2.0-or-later
/* From processes to lines: filter, group, sort, select. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "top/model_impl.h"

/* ---- filter ---- */

static bool has(const char *text, const char *word)
{
	return text && strcasestr(text, word);
}

/* "user:anna" is that user alone, whatever else has the name. */
#define USER_WORD "user:"

/* The view's own command line has the words that it was given, as that of sudo has, which
 * began it: they are not what was looked for. */
static bool is_viewer(const struct model *m, const struct identity *who)
{
	return who->pid == m->viewer || !strcmp(who->comm, "sudo");
}

static bool matches_word(const struct model *m, const struct item *item,
			 const char *word)
{
	const struct identity *who = item->who;
	char pid[16];

	if (!strncmp(word, USER_WORD, strlen(USER_WORD)))
		return item->user && !strcmp(item->user, word + strlen(USER_WORD));
	snprintf(pid, sizeof(pid), "%d", (int)who->pid);
	return strstr(pid, word) || has(who->comm, word) || has(item->user, word) ||
	       has(who->service, word) || has(who->container_id, word) ||
	       has(who->pod_uid, word) || has(who->executable, word) ||
	       (!is_viewer(m, who) && has(who->command_line, word));
}

static bool matches(const struct model *m, const char *filter, const struct item *item)
{
	char words[256], *place = NULL;

	if (!filter)
		return true;
	snprintf(words, sizeof(words), "%s", filter);
	for (char *word = strtok_r(words, " ", &place); word;
	     word = strtok_r(NULL, " ", &place))
		if (!matches_word(m, item, word))
			return false;
	return true;
}

bool model_search(struct model *m, const char *text, bool next)
{
	size_t len = m->lines_len, from = m->selected + next;

	for (size_t i = 0; i < len; i++) {
		size_t at = (from + i) % len;
		const struct item *item = m->lines[at].item;

		if (item->group ? !has(item->name, text) : !matches(m, text, item))
			continue;
		model_select(m, at);
		return true;
	}
	return false;
}

/* ---- groups ---- */

#define GROUP_ROUNDS 1000
#define NO_SERVICE   "(no service)"
#define NO_CONTAINER "(host)"

static const char *group_name(const struct model *m, const struct identity *who)
{
	if (m->tree == TREE_CONTAINER)
		return who->container_id ? who->container_id : NO_CONTAINER;
	if (who->service)
		return who->service;
	return who->container_id ? who->container_id : NO_SERVICE;
}

static struct model_group *group_of(struct model *m, const struct identity *who)
{
	const char *name = group_name(m, who);
	struct model_group *group;

	HASH_FIND_STR(m->groups, name, group);
	if (group)
		return group;
	group = calloc(1, sizeof(*group));
	if (group)
		group->name = strdup(name);
	if (!group || !group->name) {
		free(group);
		return NULL;
	}
	HASH_ADD_KEYPTR(hh, m->groups, group->name, strlen(group->name), group);
	return group;
}

/* Whether `a` is worse off than `b`: by its level, then by what is taken. */
static bool is_worse(const struct item *a, const struct item *b)
{
	struct column_value va = {0}, vb = {0};

	if (a->level != b->level)
		return a->level > b->level;
	column_info(COLUMN_USAGE)->value(a, &va);
	column_info(COLUMN_USAGE)->value(b, &vb);
	return va.rank != vb.rank ? va.rank < vb.rank : va.number > vb.number;
}

static void begin_group(struct model *m, struct model_group *group)
{
	bool folded = group->item.folded;

	memset(&group->item, 0, sizeof(group->item));
	group->item.group = true;
	group->item.folded = folded;
	group->item.name = group->name;
	group->round = m->round;
	group->len = 0;
}

static void add_to_group(struct model_group *group, const struct item *item)
{
	struct item *sum = &group->item;

	if (!sum->who || is_worse(item, sum)) {
		sum->who = item->who;
		sum->fd = item->fd;
		sum->history = item->history;
		sum->level = item->level;
		sum->known |= item->known;
	}
	/* its user, if all have the same */
	if (!sum->members)
		sum->user = item->user;
	else if (sum->user != item->user)
		sum->user = NULL;
	sum->members++;
	sum->used += item->known ? item->used : 0;
	sum->count += item->known ? item->count : 0;
	sum->known |= item->known;
	sum->refused += item->refused;
	sum->refused_per_s += item->refused_per_s;
	if (item->rates_known) {
		sum->rates_known = true;
		sum->opened_per_s += item->opened_per_s;
		sum->closed_per_s += item->closed_per_s;
	}
	if (item->growth_known) {
		sum->growth_known = true;
		sum->growth_per_s += item->growth_per_s;
	}
	sum->full += item_is_full(item);
	if (item->exhaustion_known &&
	    (!sum->exhaustion_known || item->exhausted_in_s < sum->exhausted_in_s)) {
		sum->exhaustion_known = true;
		sum->exhausted_in_s = item->exhausted_in_s;
	}
}

/* ---- order ---- */

struct order {
	bool descending;
};

static int compare_values(const struct column_value *a, const struct column_value *b,
			  bool descending)
{
	int result;

	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	if (a->text)
		result = strcmp(a->string, b->string);
	else
		result = (a->number > b->number) - (a->number < b->number);
	return descending ? -result : result;
}

/* Ties are in the order of pids, groups in that of their names: so nothing jumps. */
static int compare(const void *left, const void *right, void *context)
{
	const struct sorted *a = left, *b = right;
	const struct order *order = context;
	int result = compare_values(&a->value, &b->value, order->descending);

	if (result)
		return result;
	if (a->group && b->group)
		return strcmp(a->group->name, b->group->name);
	return a->process->pid < b->process->pid   ? -1
	       : a->process->pid > b->process->pid ? 1
						   : 0;
}

static void sort(struct model *m, struct sorted *from, size_t len)
{
	struct order order = {m->descending};

	for (size_t i = 0; i < len; i++) {
		const struct item *item =
			from[i].group ? &from[i].group->item : &from[i].process->item;

		memset(&from[i].value, 0, sizeof(from[i].value));
		column_info(m->sort)->value(item, &from[i].value);
	}
	if (len > 1)
		qsort_r(from, len, sizeof(*from), compare, &order);
}

/* ---- lines ---- */

static bool reserve(struct model *m, size_t len)
{
	struct sorted *sorted;
	struct line *lines;

	if (len <= m->lines_size)
		return true;
	len += len / 4 + 64;
	sorted = realloc(m->sorted, len * sizeof(*sorted));
	if (sorted)
		m->sorted = sorted;
	lines = realloc(m->lines, len * sizeof(*lines));
	if (lines)
		m->lines = lines;
	if (!sorted || !lines)
		return false;
	m->lines_size = len;
	return true;
}

static size_t collect(struct model *m)
{
	size_t len = 0;

	for (size_t i = 0; i < m->len; i++) {
		struct model_process *p = m->processes[i];

		if (!matches(m, m->filter, &p->item))
			continue;
		p->group = NULL;
		p->round = m->round;
		p->placed = false;
		p->above = p->first_below = p->last_below = p->beside = NULL;
		m->sorted[len++] = (struct sorted){.process = p};
	}
	return len;
}

static void add_line(struct model *m, const struct item *item, bool child)
{
	m->lines[m->lines_len++] = (struct line){.item = item, .child = child};
}

void lines_add(struct model *m, const struct item *item, unsigned depth)
{
	m->lines[m->lines_len++] = (struct line){.item = item, .depth = depth};
}

/* Puts the members of one group beside each other, keeping their order. */
static void make_tree(struct model *m, size_t len, size_t groups)
{
	struct sorted *heads = m->sorted + len;
	struct model_process **members = calloc(len + 1, sizeof(void *));
	size_t at = 0;

	if (!members)
		return;
	for (size_t i = 0; i < groups; i++) {
		heads[i].group->first = at;
		at += heads[i].group->item.members;
	}
	for (size_t i = 0; i < len; i++) {
		struct model_group *group = m->sorted[i].process->group;

		if (group)
			members[group->first + group->len++] = m->sorted[i].process;
	}
	for (size_t i = 0; i < groups; i++) {
		const struct model_group *group = heads[i].group;

		add_line(m, &group->item, false);
		for (size_t j = 0; j < group->len && !group->item.folded; j++)
			add_line(m, &members[group->first + j]->item, true);
	}
	free(members);
}

/* Those without a member for long, but not at once: it may come back, folded as it was. */
static void forget_groups(struct model *m)
{
	struct model_group *group, *next;

	HASH_ITER (hh, m->groups, group, next) {
		if (m->round - group->round < GROUP_ROUNDS)
			continue;
		HASH_DEL(m->groups, group);
		free(group->name);
		free(group);
	}
}

static void make_grouped(struct model *m, size_t len)
{
	struct sorted *heads = m->sorted + len;
	size_t groups = 0;

	for (size_t i = 0; i < len; i++) {
		struct model_process *p = m->sorted[i].process;
		struct model_group *group = group_of(m, p->item.who);

		if (!group)
			continue;
		if (group->round != m->round) {
			begin_group(m, group);
			heads[groups++] = (struct sorted){.group = group};
		}
		add_to_group(group, &p->item);
		p->group = group;
	}
	sort(m, heads, groups);
	make_tree(m, len, groups);
	if (m->round % GROUP_ROUNDS == 0)
		forget_groups(m);
}

/* ---- selection ---- */

static bool is_selected(const struct model *m, const struct item *item)
{
	if (item->group)
		return m->selected_group && !strcmp(item->name, m->selected_group);
	return m->selected_pid == item->who->pid &&
	       m->selected_start_ns == item->who->start_ns;
}

static void remember(struct model *m)
{
	const struct item *item = m->lines_len ? m->lines[m->selected].item : NULL;

	free(m->selected_group);
	m->selected_group = NULL;
	m->selected_pid = 0;
	m->follows = item && (m->selected > 0 || m->pinned);
	if (!item)
		return;
	if (item->group) {
		m->selected_group = strdup(item->name);
	} else {
		m->selected_pid = item->who->pid;
		m->selected_start_ns = item->who->start_ns;
	}
}

static void find_selected(struct model *m)
{
	if (!m->follows)
		m->selected = 0;
	for (size_t i = 0; m->follows && i < m->lines_len; i++) {
		if (is_selected(m, m->lines[i].item)) {
			m->selected = i;
			return;
		}
	}
	m->pinned = false; /* it has ended, or is not shown */
	if (m->selected >= m->lines_len)
		m->selected = m->lines_len ? m->lines_len - 1 : 0;
	/* without a line there is nothing to follow, until there is one again */
	if (m->follows && m->lines_len)
		remember(m);
}

void lines_make(struct model *m)
{
	size_t len;

	m->lines_len = m->matching = 0;
	m->round++;
	/* A group has a member at least: twice as many lines, and the heads. */
	if (!m->roster || !reserve(m, 2 * m->len + 1))
		return;
	len = collect(m);
	m->matching = len;
	sort(m, m->sorted, len);
	if (m->tree == TREE_SERVICE || m->tree == TREE_CONTAINER)
		make_grouped(m, len);
	else if (m->tree == TREE_PARENTS)
		parents_make(m, len);
	else
		for (size_t i = 0; i < len; i++)
			lines_add(m, &m->sorted[i].process->item, 0);
	find_selected(m);
}

void lines_free(struct model *m)
{
	struct model_group *group, *next;

	HASH_ITER (hh, m->groups, group, next) {
		HASH_DEL(m->groups, group);
		free(group->name);
		free(group);
	}
	free(m->sorted);
	free(m->lines);
	free(m->selected_group);
}

/* ---- what the user does ---- */

void model_sort(struct model *m, enum column column, bool descending)
{
	m->sort = column;
	m->descending = descending;
	lines_make(m);
}

enum column model_sorted_by(const struct model *m, bool *descending)
{
	*descending = m->descending;
	return m->sort;
}

int model_filter(struct model *m, const char *text)
{
	char *copy = NULL;

	if (text && text[strspn(text, " ")]) {
		copy = strdup(text);
		if (!copy)
			return -ENOMEM;
	}
	free(m->filter);
	m->filter = copy;
	lines_make(m);
	return 0;
}

const char *model_filter_text(const struct model *m)
{
	return m->filter ? m->filter : "";
}

void model_group(struct model *m, enum tree tree)
{
	m->tree = tree;
	lines_make(m);
}

enum tree model_grouped_by(const struct model *m)
{
	return m->tree;
}

const struct line *model_lines(const struct model *m, size_t *len)
{
	*len = m->lines_len;
	return m->lines;
}

size_t model_matching(const struct model *m)
{
	return m->matching;
}

size_t model_selected(const struct model *m)
{
	return m->selected;
}

void model_select(struct model *m, size_t line)
{
	m->selected = line < m->lines_len ? line : m->lines_len ? m->lines_len - 1 : 0;
	m->pinned = false;
	remember(m);
}

void model_follow(struct model *m, bool follow)
{
	m->pinned = follow && m->lines_len;
	remember(m);
}

bool model_follows(const struct model *m)
{
	return m->pinned;
}

void model_move(struct model *m, long lines)
{
	long to = (long)m->selected + lines;

	model_select(m, to < 0 ? 0 : (size_t)to);
}

size_t model_window(struct model *m, size_t height)
{
	if (!height)
		return 0;
	if (m->selected < m->first)
		m->first = m->selected;
	if (m->selected >= m->first + height)
		m->first = m->selected - height + 1;
	/* no empty lines below while there are more above */
	if (m->first + height > m->lines_len)
		m->first = m->lines_len > height ? m->lines_len - height : 0;
	return m->first;
}

bool model_fold(struct model *m)
{
	struct model_group *group;
	size_t at = m->selected;

	if (m->tree == TREE_NONE || m->tree == TREE_PARENTS || !m->lines_len)
		return false;
	while (at > 0 && m->lines[at].child)
		at--;
	HASH_FIND_STR(m->groups, m->lines[at].item->name, group);
	if (!group)
		return false;
	group->item.folded = !group->item.folded;
	model_select(m, at);
	lines_make(m);
	return true;
}
