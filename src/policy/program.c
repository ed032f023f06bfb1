/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/program.h"

#include <stdio.h>
#include <string.h>

static const struct program programs[] = {
#include "policy/programs.def"
};

#define PROGRAMS (sizeof(programs) / sizeof(programs[0]))

const char *program_way_name(enum program_way way)
{
	static const char *const names[] = {
		[PROGRAM_TAKES] = "takes",     [PROGRAM_RAISES] = "raises",
		[PROGRAM_MAY_SET] = "may-set", [PROGRAM_MAY_RAISE] = "may-raise",
		[PROGRAM_SETS] = "sets",
	};

	return names[way];
}

/* The kernel cuts the name of a process to 15 characters; an executable that was replaced
 * has " (deleted)" behind it. `rest` is what the '*' stands for; NULL: not wanted. */
static bool program_matches(const char *match, const char *name, const char **rest)
{
	size_t end = strcspn(name, " ");

	while (*match) {
		size_t len = strcspn(match, " "), fixed = strcspn(match, "* ");

		if (strncmp(match, name, fixed) == 0 &&
		    (fixed == len ? fixed == end : fixed <= end)) {
			if (rest)
				*rest = name + fixed;
			return true;
		}
		match += len + (match[len] == ' ');
	}
	return false;
}

static const char *program_base_name(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? slash + 1 : path;
}

const struct program *program_find(const char *executable, const char *comm)
{
	const char *names[] = {program_base_name(executable), comm};

	for (size_t n = 0; n < 2; n++)
		for (size_t i = 0; names[n] && i < PROGRAMS; i++)
			if (program_matches(programs[i].match, names[n], NULL))
				return &programs[i];
	return NULL;
}

const struct program *program_at(size_t index)
{
	return index < PROGRAMS ? &programs[index] : NULL;
}

uint64_t program_wall(const struct program *program, uint64_t soft_limit)
{
	const struct program_wall *wall = &program->wall;
	uint64_t most;

	if (wall->kind == PROGRAM_WALL_NONE || soft_limit > UINT32_MAX)
		return 0;
	most = soft_limit * wall->mul / wall->div;
	return most > wall->minus ? most - wall->minus : 0;
}

uint64_t program_value(const struct program *program, uint64_t limit)
{
	uint64_t value = limit;

	if (program->percent)
		value = value / 100 * program->percent;
	if (program->offset < 0)
		value -= value > (uint64_t)-program->offset ? (uint64_t)-program->offset
							    : 0;
	else
		value += (uint64_t)program->offset;
	return value > program->standard ? value : program->standard;
}

bool program_file(const struct program *program, const char *executable,
		  const char *comm, char *text, size_t size)
{
	const char *names[] = {program_base_name(executable), comm};
	const char *star = program->file ? strchr(program->file, '*') : NULL;
	const char *rest = NULL;

	if (!program->file)
		return false;
	if (!star)
		return (size_t)snprintf(text, size, "%s", program->file) < size;
	for (size_t n = 0; n < 2 && !rest; n++)
		if (names[n])
			(void)program_matches(program->match, names[n], &rest);
	/* what is no version would not be a part of a path */
	if (!rest || !*rest || strspn(rest, "0123456789.") != strcspn(rest, " "))
		rest = "*";
	return (size_t)snprintf(text, size, "%.*s%.*s%s", (int)(star - program->file),
				program->file, (int)strcspn(rest, " "), rest,
				star + 1) < size;
}
