// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "policy/inventory.h"

/* "files", "directories", "pipes", "tcp" */
static void type_text(const struct inventory_group *g, char *text, size_t size)
{
	bool many = g->count != 1;

	switch (g->kind) {
	case DESCRIPTOR_DIRECTORY:
		snprintf(text, size, "%s", many ? "directories" : "directory");
		break;
	case DESCRIPTOR_FILE:
	case DESCRIPTOR_PIPE:
	case DESCRIPTOR_CHARACTER:
	case DESCRIPTOR_BLOCK:
	case DESCRIPTOR_PIDFD:
	case DESCRIPTOR_NAMESPACE:
	case DESCRIPTOR_SYMLINK:
	case DESCRIPTOR_QUEUE:
	case DESCRIPTOR_LANDLOCK:
		snprintf(text, size, "%s%s", g->type, many ? "s" : "");
		break;
	default:
		snprintf(text, size, "%s", g->type);
	}
}

static void add(char *text, size_t size, const char *before, const char *what)
{
	size_t len = strlen(text);

	if (what)
		snprintf(text + len, size - len, "%s%s", before, what);
}

static void add_place(const struct inventory_group *g, char *text, size_t size)
{
	if (g->whole) {
		add(text, size, g->count > 1 ? ", all " : " ", g->where);
	} else if (g->pattern) {
		add(text, size, " under ", g->where);
		if (strcmp(g->where, "/") != 0)
			add(text, size, "/", g->pattern);
		else
			add(text, size, "", g->pattern);
	} else {
		add(text, size, " under ", g->where);
	}
}

size_t inventory_group_text(const struct inventory_group *group, char *text,
			    size_t size)
{
	char type[64];

	type_text(group, type, sizeof(type));
	snprintf(text, size, "%" PRIu64 " %s%s", group->count,
		 group->deleted ? "deleted " : "", type);
	add(text, size, " ", group->state);
	if (group->direction == INVENTORY_OUTGOING)
		add(text, size, " \u2192 ", group->where);
	else if (group->direction == INVENTORY_ACCEPTED)
		add(text, size, " accepted on ", group->where);
	else if (group->whole || group->pattern || group->dir)
		add_place(group, text, size);
	else
		add(text, size, " ", group->where);
	return strlen(text);
}
