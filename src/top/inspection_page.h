/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `fdwarden inspect` prints of a process, as text: the one place where the view
 * looks at a process itself.
 */
#ifndef FDWARDEN_TOP_INSPECTION_PAGE_H
#define FDWARDEN_TOP_INSPECTION_PAGE_H

#include <stddef.h>
#include <sys/types.h>

/* Takes a good quarter of a second. 0 with a text to be freed, or -errno with one line
 * in `why`. */
int inspection_page(pid_t pid, int width, char **text, char *why, size_t why_size);

#endif
