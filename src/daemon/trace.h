/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One process's descriptors traced to the code that opens them: stacks from the kernel, a
 * child that unwinds them, and the census, which says what is still open. For one thread
 * of the caller's, which it may keep for as long as a question to the child may take.
 */
#ifndef FDWARDEN_TRACE_H
#define FDWARDEN_TRACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "policy/call_site.h"

struct hooks;
struct trace;

struct trace_options {
	pid_t pid;
	uint64_t start_ns; /* of the process, CLOCK_BOOTTIME: no later one of the pid */
	uid_t uid;         /* on whose account it is; 0: root's, or not to be counted */
	uint32_t stack_bytes;  /* 0: STACKS_BYTES_DEFAULT */
	uint64_t memory;       /* bytes; see struct stacks_options */
	uint64_t child_memory; /* bytes that the unwinder may write to; 0: 512 MiB */
	/* Set by another thread when there is no time left: the child is asked nothing
	 * any more. NULL: there will be. */
	const atomic_bool *hurry;
	struct hooks *hooks; /* see struct stacks_options; may be NULL */
};

#define TRACE_MEMORY_DEFAULT (96ull << 20)

/* Begins. Needs CAP_BPF and CAP_PERFMON, and for other users' processes CAP_SYS_PTRACE and
 * CAP_DAC_READ_SEARCH. Returns 0, or -errno with one line in `why`: -ESRCH if the process is
 * gone. */
int trace_open(const struct trace_options *options, struct trace **out, char *why,
	       size_t why_size);
void trace_close(struct trace *trace); /* NULL is fine */

/* Takes what has come in: to be called again after trace_wait_ns(), or stacks are lost.
 * Returns the number of openings. */
size_t trace_step(struct trace *trace);
uint64_t trace_wait_ns(const struct trace *trace);

/*
 * What is open now, by where it was opened: each descriptor that the process has is in one
 * site, or unknown. -ESRCH: it is gone; *out then is what it had open at its end as far as
 * that was seen (count is 0 if nothing was), which no table confirms. Other -errno without
 * *out.
 */
int trace_sites(struct trace *trace, struct call_sites **out);

struct trace_figures {
	const char *watched;                 /* see openings_way() */
	uint64_t no_stack, too_high, missed; /* struct openings_losses */
	uint64_t visited;                    /* stacks looked at */
	uint64_t unwound; /* … of these, not known by their looks */
	uint64_t failed;  /* … that could not be unwound */
	uint64_t chains;
	uint64_t memory; /* bytes, at the most */
	uint64_t begun_ns;
	char python[160]; /* "Python 3.11", or why it is not known; "": none runs */
	bool python_known;
};
void trace_figures(const struct trace *trace, struct trace_figures *out);

#endif
