/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The running daemon's own figures, from its state file.
 */
#ifndef FDWARDEN_RUNNING_H
#define FDWARDEN_RUNNING_H

#include <stddef.h>

#include "output/self.h"

/* `config_path` names the configuration that the daemon has; NULL: the usual one.
 * Returns 0, or -errno with one line in `why`: -ESRCH, none is running that keeps a
 * state file there. */
int running_self(const char *config_path, struct self_figures *out, char *why,
		 size_t why_size);

#endif
