/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Making advice. Inside src/state/ only. */
#ifndef FDWARDEN_ADVICE_IMPL_H
#define FDWARDEN_ADVICE_IMPL_H

#include "policy/program.h"
#include "state/advice.h"

/* The limits that are proposed. */
struct advice_target {
	bool leak;        /* a higher limit only puts it off */
	bool raise;       /* `value` is above what the process has */
	uint64_t value;   /* soft limit; a power of two, or fs.nr_open */
	uint64_t peak;    /* most that were seen in use */
	uint64_t hard;    /* hard limit that goes with it: what it is, or value */
	bool lasts_known; /* never of a full table, which can't grow */
	double lasts_s;   /* until `value` is used up, at the present growth */
};

void advice_find_target(const struct advice_question *question,
			struct advice_target *out);

/* The least power of two that is not below; ~0 beyond 2^63. */
uint64_t advice_round_up(uint64_t value);

/* "41 s", "12 min", "3 h", "20 days". */
void advice_time(double seconds, char *text, size_t size);

/* A number, or `infinity` for ~0. */
void advice_number(uint64_t value, const char *infinity, char text[24]);

/* ---- one piece ---- */

struct advice_list {
	struct advice *at; /* ADVICE_MAX */
	size_t len;
	bool no_memory;
};

/* A new one with a plain sentence; NULL: there are too many. */
struct advice *advice_add(struct advice_list *list, enum advice_action action,
			  uint64_t value, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* More of the sentence. */
void advice_say(struct advice_list *list, struct advice *advice, const char *format,
		...) __attribute__((format(printf, 3, 4)));
/* A command to be typed: command_make() has what a template is. Where one can't be made,
 * because a name in it would be taken for something else, the advice has none at all. */
void advice_command(struct advice_list *list, struct advice *advice,
		    const char *template, ...) __attribute__((format(printf, 3, 4)));
void advice_drop_commands(struct advice *advice);
/* The command that puts its content into its file. */
void advice_write(struct advice_list *list, struct advice *advice);
char *advice_format(struct advice_list *list, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The shell's line for the limit that is proposed: "ulimit -Sn N" where the hard limit in
 * force is above N, which "ulimit -n N" would lower to it; "ulimit -n N" where both must
 * rise. To be freed. */
char *advice_ulimit(struct advice_list *list, const struct advice_question *question,
		    const struct advice_target *target);

/* Characters that systemd takes in the name of a unit, and no others. */
bool advice_unit_is_valid(const char *unit);

/* A name for a file "90-….conf" that is read after `file`, which may lie in another
 * directory; NULL: any. To be freed. */
char *advice_later_name(struct advice_list *list, const char *name, const char *file);

/* ---- what to change, each by where the limit was set ---- */

void advice_for_unit(const struct advice_question *question,
		     const struct advice_target *target, struct advice_list *list);
void advice_for_login(const struct advice_question *question,
		      const struct advice_target *target, struct advice_list *list);
void advice_for_container(const struct advice_question *question,
			  const struct advice_target *target, struct advice_list *list);
void advice_for_program(const struct advice_question *question,
			const struct advice_target *target, struct advice_list *list);
/* The script's line, where a script is known to set the limit. False: there is none, or
 * something else counts more. */
bool advice_for_script(const struct advice_question *question,
		       const struct advice_target *target, struct advice_list *list);
/* The same behind what is said of another place, which would have no effect without it. */
void advice_for_script_too(const struct advice_question *question,
			   const struct advice_target *target,
			   struct advice_list *list);
/* What else must be changed where a script sets the limit: the hard limit of its unit, and
 * the program's own setting, if that may do the same. */
void advice_besides_script(const struct advice_question *question,
			   const struct advice_target *target,
			   struct advice_list *list);

/* What is known of the program. NULL: nothing. */
const struct program *advice_program(const struct advice_question *question);
/* What else must rise, and what gives more at once. */
void advice_say_program(const struct advice_question *question,
			struct advice_list *list, struct advice *advice);
/* Whether advice_for_program() is to tell: it set its limit, or its own master did. */
bool advice_is_programs(const struct advice_question *question);
/* Where its parent is a program whose setting is for what it starts. False: it is not. */
bool advice_for_children(const struct advice_question *question,
			 const struct advice_target *target, struct advice_list *list);
/* Where it rests high by design: said so. True: a higher limit gives it nothing. */
bool advice_managed(const struct advice_question *question,
		    const struct advice_target *target, struct advice_list *list);

/* Where files and units are a container's: each piece from `first` on says so. */
void advice_put_inside(const struct advice_question *question, struct advice_list *list,
		       size_t first);

/* LimitNOFILE= in a drop-in of `unit`; restarts it if `restart`. */
void advice_drop_in(const struct advice_question *question,
		    const struct advice_target *target, const char *unit, bool restart,
		    struct advice_list *list);

#endif
