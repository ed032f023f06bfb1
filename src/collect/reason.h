/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why libbpf could not do something, from its warnings: the first that says more
 * than that it failed.
 */
#ifndef FDWARDEN_REASON_H
#define FDWARDEN_REASON_H

#define REASON_LEN     512
#define REASON_LOG_LEN 2048

struct reason {
	char text[REASON_LEN]; /* one line; empty: none was given */
	int rank;
	/* What the verifier said when it refused a program; empty: it did not. */
	char program[64];
	char verdict[256];        /* the line that says why */
	char log[REASON_LOG_LEN]; /* its log's last lines, each ended by a newline */
};

/* What an error of the kernel's says: as strerror() has it, but for those that never leave a
 * kernel but through BPF (ENOTSUPP, 524), which that does not know. `err` is positive. The text
 * lives until the next strerror() of this thread. */
const char *reason_of_error(int err);

void reason_reset(struct reason *reason);

/* Takes a warning, which may have several lines. */
void reason_add(struct reason *reason, const char *message);

/* Takes the warning that holds a verifier's log, of the last program that it refused. */
void reason_add_log(struct reason *reason, const char *message);

#endif
