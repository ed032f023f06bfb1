/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A command that is proposed to a person: a list of arguments. It becomes text for a shell
 * in one place, command_shell_text(), so that nothing a process has named can be forgotten to be
 * quoted. Pure, but for memory.
 */
#ifndef FDWARDEN_COMMAND_H
#define FDWARDEN_COMMAND_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct command {
	char **argv; /* without a NULL behind it. Owned, hostile bytes as they are */
	size_t len;  /* 0: there is no command */
	bool in_home; /* arguments that begin with "~/" mean the home directory of whoever
			  types it: no other argument begins so */
	char *input; /* what it reads on standard input; NULL: nothing. Owned */
};

/*
 * Makes a command of a template, "systemctl restart %s". The *template* is cut into
 * arguments at its blanks, before anything is put in for %s, %d, %u, %lu, %llu and %zu: so
 * what is put in is never more than a part of one argument. "~/" in front of one means the
 * home directory.
 *
 * Returns 0; -EINVAL if an argument would be empty, or be taken for an option that the
 * template does not say; -ENOMEM. `out` is to be cleared in any case.
 */
int command_make(struct command *out, const char *template, ...)
	__attribute__((format(printf, 2, 3)));
int command_make_args(struct command *out, const char *template, va_list args)
	__attribute__((format(printf, 2, 0)));

/* Writes `content` into `file`, which begins with '/' or "~/": "tee FILE", which a shell's
 * redirection replaces. Returns 0, -EINVAL, -ENOMEM. */
int command_write(struct command *out, const char *file, const char *content);

/* Puts the arguments of `outer` in front, which is a command that runs another one
 * ("podman exec -i ID"). Returns 0 or -ENOMEM, and then nothing has changed. */
int command_prefix(struct command *command, const struct command *outer);

void command_clear(struct command *command);

/* For any POSIX shell, in one line of printable ASCII: what has other bytes in it becomes
 * $'…' with octal numbers, as POSIX has it since 2024 and bash, ksh, zsh and busybox had
 * it before (dash passes on other bytes then, and runs nothing else). NULL: no memory.
 * To be freed. */
char *command_shell_text(const struct command *command);

#endif
