/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known of single programs: how each comes to its limit, which setting really
 * gives it more, and where its own wall is. The table is programs.def; each row of it was
 * measured (docs/programs.md). Pure.
 */
#ifndef FDWARDEN_PROGRAM_H
#define FDWARDEN_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a program comes to its limit. The names are in program_way_name(). */
enum program_way {
	PROGRAM_TAKES,   /* it sets none: what is in front of it decides */
	PROGRAM_RAISES,  /* it raises the soft limit to the hard one at its start, or as
			      far as its setting wants */
	PROGRAM_MAY_SET, /* its setting, where there is one, sets soft and hard limit */
	PROGRAM_MAY_RAISE, /* its setting, where there is one, sets the soft limit alone */
	PROGRAM_SETS,      /* it always sets both, whatever is in front of it */
};

/* What a program counts until it takes no more. */
enum program_wall_kind {
	PROGRAM_WALL_NONE,    /* nothing but its limit */
	PROGRAM_WALL_FDS,     /* its descriptors */
	PROGRAM_WALL_CLIENTS, /* the connections that it accepted */
};

/* The wall is soft_limit × mul ÷ div − minus, computed once, at the program's start. */
struct program_wall {
	enum program_wall_kind kind;
	uint32_t mul, div, minus;
};

struct program {
	/* Names of the executable, or of the process, divided by blanks. A '*' at the end
	 * stands for anything. */
	const char *match;
	const char *title;   /* as people call it */
	const char *version; /* that was measured */
	enum program_way way;
	bool no_prlimit; /* a limit that is raised while it runs gives it nothing */
	/* The setting: `before` VALUE `behind`, into `place` of `file`. A '*' in the file
	 * is what the one of `match` stood for. NULL: it has none. */
	const char *file, *place, *before, *behind;
	uint64_t standard; /* what the setting is where nobody sets it; 0: nothing */
	int32_t offset;    /* VALUE is the limit and this */
	uint32_t percent;  /* … and of that so many hundredths; 0: all */
	bool for_children; /* the setting is for what it starts */
	/* Whole sentences, or NULL: what else must rise; what gives more without a
	 * restart; what it does where it has no more; why it rests high by design. */
	const char *also, *live, *full, *managed;
	struct program_wall wall;
};

/* By the executable's path, else by the process's name; each may be NULL. NULL: not
 * known. */
const struct program *program_find(const char *executable, const char *comm);

/* The table, in the order of the file. NULL beyond its end. */
const struct program *program_at(size_t index);

/* How many it counts at most, that began with this soft limit; 0: its limit is its only
 * wall, or the limit is not a number. */
uint64_t program_wall(const struct program *program, uint64_t soft_limit);

/* The value of its setting for so many descriptors, never below what it has by itself. */
uint64_t program_value(const struct program *program, uint64_t limit);

/* Its file, for the process that was found; size is large enough for PATH_MAX. False: it
 * has none, or there is no room. */
bool program_file(const struct program *program, const char *executable,
		  const char *comm, char *text, size_t size);

/* "takes", "raises", "may-set", "may-raise", "sets". Static. */
const char *program_way_name(enum program_way way);

#endif
