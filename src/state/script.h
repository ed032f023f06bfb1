/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which statement of a shell's script sets RLIMIT_NOFILE: "ulimit -n 4096",
 * "prlimit --nofile=4096 …". Only a number that is written there counts, and only one that
 * agrees with the limit in force: what else a script does is not known. Pure.
 */
#ifndef FDWARDEN_SCRIPT_H
#define FDWARDEN_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCRIPT_TEXT_MAX 64

struct script_statement {
	uint32_t line; /* from 1; 0: there is no such statement */
	bool hard;     /* It sets the hard limit as well. */
	bool once;     /* Its line has `text` in one place only. */
	/* What says the number, as the script has it: "ulimit -Sn 4096",
	 * "--nofile=4096:8192". Letters, digits, blanks and -=:"' alone. */
	char text[SCRIPT_TEXT_MAX];
};

struct script_finding {
	struct script_statement soft; /* … that sets the soft limit */
	struct script_statement hard; /* … the hard one, where that is another */
};

/*
 * Looks for the statements that set these limits. Where several could have set the same
 * one, none is told. `text` is hostile, of `len` bytes, and followed by a NUL.
 * `soft_alone`: the shell's "ulimit -n" leaves the hard limit as it is, as zsh's does.
 */
void script_find(const char *text, size_t len, uint64_t soft, uint64_t hard,
		 bool soft_alone, struct script_finding *out);

/* How a shell was started. */
struct script_call {
	const char *file;    /* the script; NULL: none */
	const char *command; /* that of -c; NULL: none */
	bool soft_alone;     /* as of script_find() */
};

/*
 * Reads the arguments of a process. False: argv[0] is no shell, or it runs neither script
 * nor command. What is found is in `argv`.
 */
bool script_call_read(const char *const argv[], size_t argc, struct script_call *out);

/* The same statement with other numbers, each in the place of one that it has: "ulimit -Sn
 * 8192", "--nofile=8192:16384". Returns its length, or -1 if there is no room. */
int script_rewrite(const char *statement, uint64_t soft, uint64_t hard,
		   char out[SCRIPT_TEXT_MAX]);

#endif
