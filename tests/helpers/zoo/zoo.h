/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fdzoo manufactures descriptor tables and refusals, step by step, as its
 * command line says. A step is an entry of one of the tables below; a way of
 * getting a descriptor is a step with a `call`.
 */
#ifndef FDZOO_H
#define FDZOO_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum zoo_exit { ZOO_DONE = 0, ZOO_FAILED = 1, ZOO_USAGE = 2, ZOO_SKIPPED = 77 };

struct zoo_step {
	const char *name;
	const char *arg; /* for the list; "" is none */
	const char *help;
	/* What a way needs first, such as a listening socket. Done once. */
	int (*prepare)(void);
	/* One call. What it yields is held. 0 or more, or -errno. */
	int (*call)(void);
	/* With an argument of its own; without it the argument is a number of
	 * calls. May be NULL only when `call` is not. */
	int (*run)(const char *arg);
	/* Makes the table full into which `call` puts; NULL: this process's. */
	int (*fill)(void);
	/* errno of `call` when that table is full; 0: it fails in no such way */
	int full;
	/* done by the process that waits for a crowd as well */
	bool leads;
};

/* Each ends with an entry without name. */
extern const struct zoo_step zoo_control[];    /* control.c */
extern const struct zoo_step zoo_crowds[];     /* crowd.c */
extern const struct zoo_step zoo_calls[];      /* calls.c */
extern const struct zoo_step zoo_rare_calls[]; /* rare_calls.c */
extern const struct zoo_step zoo_transfers[];  /* transfers.c */
extern const struct zoo_step zoo_rings[];      /* rings.c */
extern const struct zoo_step zoo_tables[];     /* tables.c */
extern const struct zoo_step zoo_churns[];     /* churn.c */

const struct zoo_step *zoo_find(const char *name);
/* Does the steps from this one on; returns an enum zoo_exit. */
int zoo_run(char **steps);
/* The steps after the present one. */
char **zoo_rest(void);

/* Descriptors that steps made and `close` gives back, in order. */
int zoo_hold(int fd); /* returns fd, or -errno of a failed call as it is */
int zoo_hold_pair(int result, const int fds[2]);
int zoo_last_held(void); /* -1: none */
int zoo_drop_last(void); /* takes it from the list without closing */
void zoo_forget(unsigned int first, unsigned int last);
/* dup() until `used` slots below the limit are taken; < 0: all. 0 or -errno. */
int zoo_fill(long used);

/* result of a system call as -errno */
#define ZOO_ERRNO(expression)                                                          \
	({                                                                             \
		long result_ = (long)(expression);                                     \
		result_ < 0 ? -errno : (int)result_;                                   \
	})

/* One line on standard output, in one write. */
void zoo_print(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* One line on standard error, and the end. */
void zoo_fail(enum zoo_exit status, const char *format, ...)
	__attribute__((format(printf, 2, 3), noreturn));
/* A step can't be done here: says so, and goes on. */
void zoo_skip(const char *name, const char *reason);
bool zoo_is_lacking(int error); /* … such an errno, positive */
/* A number of at least `least`; ends the program at anything else. */
long zoo_number(const char *text, long least);
/* "A:B:C" → numbers; how many of them, at least `least`. */
int zoo_numbers(const char *text, long *out, int least, int most);

/* The crowd (crowd.c): a child's or its leader's part in say, wait, mark. */
enum zoo_role { ZOO_ALONE, ZOO_MEMBER, ZOO_LEADER };
enum zoo_role zoo_role(void);
long zoo_crowd_rank(void);               /* 0: of none, or its first */
void zoo_crowd_arrive(uint64_t stamp);   /* member */
void zoo_crowd_gather(bool with_stamps); /* leader: all have arrived */
void zoo_crowd_await(void);              /* member: until released */
void zoo_crowd_release(void);            /* leader */
int zoo_crowd_end(int status);           /* leader: all have exited */

/* "PID COUNT SOFT-LIMIT" of each process, by /proc (listing.c). */
enum zoo_exit zoo_listing(void);

uint64_t zoo_boot_ns(void);
uint64_t zoo_real_ns(void);

#endif
