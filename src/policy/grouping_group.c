/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Groups, and how a process finds its own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/grouping_impl.h"

/* ---- what makes a group: place and command ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "PLACE\nCOMMAND", each run of digits of the command as one "#". */
static char *key_of(const char *place, const char *command)
{
	size_t place_len = place ? strlen(place) : 0, at = place_len + 1;
	char *key = malloc(place_len + strlen(command) + 2);

	if (!key)
		return NULL;
	if (place_len)
		memcpy(key, place, place_len);
	key[place_len] = '\n';
	for (; *command; command++) {
		if (!is_digit(*command))
			key[at++] = *command;
		else if (at == place_len + 1 || !is_digit(command[-1]))
			key[at++] = '#';
	}
	key[at] = '\0';
	return key;
}

static const char *name_of(const struct grouping_subject *subject)
{
	return subject->texts[GROUPING_NAME] ? subject->texts[GROUPING_NAME] : "";
}

static char *alias_of(const struct grouping_subject *subject)
{
	return key_of(subject->place, name_of(subject));
}

/* ---- what all of a group have in common ---- */

static void group_learn(struct group *group, const struct grouping_subject *subject)
{
	if (!subject->charged_uid)
		group->charged_uid = 0;
	for (int i = 0; i < GROUPING_TEXTS; i++) {
		const char *text = subject->texts[i];

		if (!text || group->mixed[i])
			continue;
		if (!group->texts[i]) {
			group->texts[i] = strdup(text);
		} else if (strcmp(group->texts[i], text) != 0) {
			group->mixed[i] = true;
			free(group->texts[i]);
			group->texts[i] = NULL;
		}
	}
}

/* ---- the groups ---- */

/* A free index of slots, made if there is none; false: no memory. */
static bool take_slot(struct grouping *groups, uint32_t *index)
{
	uint32_t len = groups->slots_len, more = len ? 2 * len : 16;
	struct group **slots;

	for (*index = groups->slots_free; *index < len; (*index)++) {
		if (!groups->slots[*index]) {
			groups->slots_free = *index;
			return true;
		}
	}
	slots = realloc(groups->slots, more * sizeof(struct group *));
	if (!slots)
		return false;
	memset(slots + len, 0, (more - len) * sizeof(struct group *));
	groups->slots = slots;
	groups->slots_len = more;
	groups->slots_free = len;
	return true;
}

static void free_windows(struct group *group)
{
	struct window *window, *next;

	for (window = group->windows; window; window = next) {
		next = window->next;
		if (window->gone)
			tally_clear(window->gone);
		free(window->gone);
		free(window->told);
		free(window);
	}
}

static void free_texts(struct group *group)
{
	free_windows(group);
	for (int i = 0; i < GROUPING_TEXTS; i++)
		free(group->texts[i]);
	free(group->key);
	free(group->alias);
	free(group->command_key);
	free(group->title);
	free(group->place);
	free(group);
}

static void forget_alias(struct grouping *groups, struct group *group)
{
	struct group *known;

	HASH_FIND(by_alias, groups->by_alias, group->alias, strlen(group->alias),
		  known);
	if (known == group)
		HASH_DELETE(by_alias, groups->by_alias, group);
}

void group_free(struct grouping *groups, struct group *group)
{
	groups->slots[group->index] = NULL;
	if (group->index < groups->slots_free)
		groups->slots_free = group->index;
	if (groups->cursor == group)
		groups->cursor = group->hh.next;
	forget_alias(groups, group);
	/* The analyzer takes a hash that has elements for an empty one. */
	HASH_DEL(groups->by_key,
		 group); /* NOLINT(clang-analyzer-core.NullDereference) */
	free_texts(group);
}

/* Without memory it can't be found by its name, only by its command line. */
static void add_alias(struct grouping *groups, struct group *group)
{
	struct group *known;

	HASH_FIND(by_alias, groups->by_alias, group->alias, strlen(group->alias),
		  known);
	if (!known)
		HASH_ADD_KEYPTR(by_alias, groups->by_alias, group->alias,
				strlen(group->alias), group);
}

static struct group *group_new(struct grouping *groups, char *key, char *alias,
			       const struct grouping_subject *subject)
{
	struct group *group = calloc(1, sizeof(*group));

	if (!group) {
		free(key);
		free(alias);
		return NULL;
	}
	group->key = key;
	group->alias = alias;
	group->charged_uid = subject->charged_uid;
	if (strcmp(key, alias) != 0)
		group->command_key = strdup(key);
	group->title = strdup(subject->title);
	group->place = subject->place ? strdup(subject->place) : NULL;
	if (!group->title || (subject->place && !group->place) ||
	    !take_slot(groups, &group->index))
		goto no_memory;
	HASH_ADD_KEYPTR(hh, groups->by_key, group->key, strlen(group->key), group);
	if (!group->hh.tbl)
		goto no_memory;
	groups->slots[group->index] = group;
	add_alias(groups, group);
	return group;

no_memory:
	free_texts(group);
	return NULL;
}

/*
 * A process whose command line could not be read is of a group that has its place and
 * name, and where it came first the others join it: one program is one group whether it
 * was there to be asked or not.
 */
static struct group *by_name(struct grouping *groups, const char *alias,
			     const char *command_key)
{
	struct group *group;

	HASH_FIND(by_alias, groups->by_alias, alias, strlen(alias), group);
	if (!group || !command_key)
		return group;
	if (!group->command_key)
		group->command_key = strdup(command_key);
	return group->command_key && !strcmp(group->command_key, command_key) ? group
									      : NULL;
}

/* The group, or the keys for a new one, which the caller then owns. */
static struct group *look_up(struct grouping *groups,
			     const struct grouping_subject *subject, char **key,
			     char **alias)
{
	const char *command = subject->texts[GROUPING_COMMAND_LINE];
	struct group *group = NULL;

	*alias = alias_of(subject);
	*key = *alias ? key_of(subject->place, command ? command : name_of(subject))
		      : NULL;
	if (*key)
		HASH_FIND_STR(groups->by_key, *key, group);
	if (*key && !group)
		group = by_name(groups, *alias, command ? *key : NULL);
	if (*key && !group)
		return NULL;
	free(*key);
	free(*alias);
	*key = *alias = NULL;
	return group;
}

struct group *group_find(struct grouping *groups,
			 const struct grouping_subject *subject)
{
	char *key, *alias;
	struct group *group = look_up(groups, subject, &key, &alias);

	free(key);
	free(alias);
	return group;
}

struct group *group_of(struct grouping *groups, const struct grouping_subject *subject)
{
	char *key, *alias;
	struct group *group = look_up(groups, subject, &key, &alias);

	if (!group && key)
		group = group_new(groups, key, alias, subject);
	if (group)
		group_learn(group, subject);
	return group;
}

struct group *group_resume(struct grouping *groups, const struct grouping_kept *kept)
{
	char *key = strdup(kept->key), *alias = alias_of(&kept->subject);
	struct group *group = NULL;

	if (key && alias)
		HASH_FIND_STR(groups->by_key, key, group);
	if (!key || !alias || group) {
		free(key);
		free(alias);
		return group;
	}
	group = group_new(groups, key, alias, &kept->subject);
	if (!group)
		return NULL;
	group_learn(group, &kept->subject);
	for (int i = 0; i < GROUPING_TEXTS; i++)
		group->mixed[i] = kept->mixed >> i & 1;
	return group;
}

struct window *group_window(struct group *group, unsigned int slot)
{
	struct window *window;

	for (window = group->windows; window; window = window->next)
		if (window->slot == slot)
			return window;
	window = calloc(1, sizeof(*window));
	if (!window)
		return NULL;
	window->slot = slot;
	window->next = group->windows;
	group->windows = window;
	return window;
}
