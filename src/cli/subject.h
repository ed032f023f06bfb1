/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The processes that a command is asked about: by pid, or by the name of a program, a service,
 * a container or a pod.
 */
#ifndef FDWARDEN_SUBJECT_H
#define FDWARDEN_SUBJECT_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/remote.h"

#define SUBJECT_WHY_MAX (REMOTE_WHY_MAX + 256)

/* Returns 0, or -errno with one line in `why`: there is no such process; it is a thread of
 * another, one of the kernel's own, or has ended. */
int subject_check(int pid, char *why, size_t size);

/* Whether the text is a pid or a name (see identity_matches()): of digits alone it is a pid; -1,
 * 0 and the empty text are neither. */
bool subject_is_valid(const char *text);
#define SUBJECT_INVALID "'%s' is neither a pid nor a name"

/*
 * The one process that `text` means, by pid or by name, and which can be looked at. Of several
 * it is asked on a terminal which one. Without one it is the fullest, and a line on stderr says
 * which that is and which others there are; where `only` is set several are an error instead.
 * `remote` says whom to ask about names; NULL: we
 * look ourselves. Returns 0, or -errno with one line in `why`.
 */
int subject_find(const struct remote_options *remote, const char *text, bool only,
		 int *pid, char *why, size_t size);

/* All that `texts` mean, each once, in no order. The caller frees *pids. Returns as
 * subject_find(); a pid of none is no error here. */
int subject_find_all(const struct remote_options *remote, char **texts, size_t len,
		     int **pids, size_t *pids_len, char *why, size_t size);

#endif
