/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why libbpf could not do something, from its warnings: the first that says more
 * than that it failed.
 */
#ifndef FDWARDEN_REASON_H
#define FDWARDEN_REASON_H

#define REASON_LEN 512

struct reason {
	char text[REASON_LEN]; /* one line; empty: none was given */
	int rank;
};

void reason_reset(struct reason *reason);

/* Takes a warning, which may have several lines. */
void reason_add(struct reason *reason, const char *message);

#endif
