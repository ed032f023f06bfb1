/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ourselves, once more, as a process that answers questions over a socket: what reads what
 * others made may crash, loop, or wait for ever for a file, and a process can be ended where
 * a thread can't.
 */
#ifndef FDWARDEN_GUARD_HELPER_H
#define FDWARDEN_GUARD_HELPER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "guard/call_filter.h"

/* In the helper: the caller's socket, and the one that it shares with another helper. */
#define HELPER_SOCKET 3
#define HELPER_PEER   4

/* Zeroed is none. */
struct helper {
	pid_t pid;  /* 0: none */
	int socket; /* SOCK_SEQPACKET */
	uid_t uid;  /* for whose processes it works */
};

/* Helpers that were killed and have not ended: they wait in the kernel for a file. With so
 * many none is started; with so many of one user's (but root's) none for that user, as anyone
 * can make files that never come (FUSE below an overlayfs of his own). */
#define HELPER_STUCK_MAX  16
#define HELPER_STUCK_USER 4

/* Starts one that works for `uid`'s processes; argv[0] of it is "fdwarden", the rest is
 * `arguments`, NULL-ended, 4 at most. `peer` is given to it as HELPER_PEER, and stays the
 * caller's; -1: none. 0 or -errno; -EBUSY: too many are stuck. */
int helper_start(struct helper *helper, uid_t uid, const char *const arguments[],
		 int peer);

/* Ends it, which takes up to two seconds for one that is stuck; fine for none. */
void helper_end(struct helper *helper);

/* How long an answer may take: of the helper's CPU time, and in all. A busy machine is no
 * fault of the helper's, to wait for a file is; so both are bounded. */
struct helper_patience {
	unsigned cpu_ms, all_ms;
};

/* One message for another. Returns the answer's length, or -errno: -ETIMEDOUT, -EPIPE (it
 * has ended); the helper is ended then. */
ssize_t helper_ask(struct helper *helper, const void *question, size_t len,
		   void *answer, size_t room, const struct helper_patience *patience);

/* ---- the helper's side ---- */

/* Whether it was started as one: HELPER_SOCKET is a socket that somebody holds. */
int helper_check(void);

enum helper_rights {
	HELPER_NO_RIGHTS,   /* no capability at all */
	HELPER_READS_OTHERS /* what reading other users' files and processes takes */
};

struct helper_bounds {
	enum helper_rights rights;
	enum call_filter filter;
	unsigned cpu_seconds; /* in all its life */
	uint64_t memory;      /* bytes that it may write to */
};

/* Takes from itself what it does not need: capabilities, the way to new ones, what it may use,
 * and system calls (not in a sanitized build, whose own calls are others). 0, also on a kernel
 * without filters of calls, where no process could; or -errno: it has more than it is to have,
 * as where a filter forbids capset(2) or seccomp(2), and should read nothing. */
int helper_confine(const char *name, const struct helper_bounds *bounds);

/* Waits for the caller's question, which has just this size. 0 or -errno; -EPROTO: it has
 * another, or the caller is gone. */
int helper_hear(void *question, size_t size);

#endif
