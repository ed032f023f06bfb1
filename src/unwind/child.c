// SPDX-License-Identifier: GPL-2.0-or-later
#include "unwind/child.h"

#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "unwind/call_filter.h"
#include "unwind/frames.h"
#include "unwind/wire.h"

#ifndef CAP_CHECKPOINT_RESTORE
#define CAP_CHECKPOINT_RESTORE 40
#endif

/* Of all its life; how long a question may take is for the caller to say. */
#define CPU_SECONDS 20u
#define SPACE_BYTES (8ull << 30)
#define FILES       4096u

static void set_limit(int resource, rlim_t value)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit))
		return;
	if (value > limit.rlim_max)
		value = limit.rlim_max;
	limit.rlim_cur = limit.rlim_max = value;
	setrlimit(resource, &limit);
}

/* What is needed to read other users' maps, roots and executables, and no more. */
static void drop_capabilities(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
	static const int kept[] = {CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH,
				   CAP_CHECKPOINT_RESTORE};
	uint32_t keep[_LINUX_CAPABILITY_U32S_3] = {0};

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		keep[kept[i] / 32] |= 1u << (kept[i] % 32);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capget, &header, data))
		return;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		data[i].effective &= keep[i];
		data[i].permitted &= keep[i];
		data[i].inheritable = 0;
	}
	syscall(SYS_capset, &header, data);
}

/* Why it has no filter where it could have one: then nothing is read. */
static int filter_error;

/* `memory` is what it may write to: files as they are mapped count, too. */
static void confine(rlim_t memory)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_NAME, "fdwarden-unwind");
	drop_capabilities();
	set_limit(RLIMIT_CORE, 0);
	set_limit(RLIMIT_FSIZE, 0);
	set_limit(RLIMIT_CPU, CPU_SECONDS);
	set_limit(RLIMIT_NOFILE, FILES);
#if !defined(__SANITIZE_ADDRESS__)
	set_limit(RLIMIT_DATA, memory);
	set_limit(RLIMIT_AS, SPACE_BYTES);
	/* It can see into other processes, and is given ELF files by any of them. */
	filter_error = call_filter_read_only();
	if (filter_error == -ENOSYS) /* no reason to do without names */
		filter_error = 0;
#else
	(void)memory;
#endif
}

/* All there is of one question, or of one answer. */
static union {
	struct unwind_header header;
	struct unwind_stack stack;
	struct unwind_addresses addresses;
} question;

static union {
	struct unwind_header header;
	struct unwind_prepared prepared;
	struct unwind_chain chain;
	struct unwind_description description;
} answer;

static int prepare(struct modules *modules, pid_t pid)
{
	struct unwind_prepared *out = &answer.prepared;

	memset(out, 0, sizeof(*out));
	if (filter_error) {
		out->error = -EPERM;
		snprintf(out->text, sizeof(out->text),
			 "a filter for system calls can't be had to read it safely: "
			 "let the unit make seccomp(), by SystemCallFilter=seccomp");
	} else {
		out->error = modules_open(modules, pid, out->text, sizeof(out->text));
	}
	answer.header.size = sizeof(*out);
	return 0;
}

static int unwind(struct modules *modules)
{
	const struct unwind_stack *stack = &question.stack;

	if (question.header.size < offsetof(struct unwind_stack, bytes) ||
	    stack->len > sizeof(stack->bytes) ||
	    question.header.size != offsetof(struct unwind_stack, bytes) + stack->len)
		return -EPROTO;
	frames_unwind(modules, stack, &answer.chain);
	answer.header.size =
		(uint32_t)(offsetof(struct unwind_chain, words) +
			   answer.chain.words_len * sizeof(struct unwind_word));
	return 0;
}

static int describe(struct modules *modules)
{
	if (question.header.size != sizeof(question.addresses) ||
	    question.addresses.len > UNWIND_FRAMES_MAX)
		return -EPROTO;
	frames_describe(modules, &question.addresses, &answer.description);
	return 0;
}

static int serve(struct modules *modules, pid_t pid, size_t got)
{
	if (got < sizeof(question.header) || question.header.size != got)
		return -EPROTO;
	switch (question.header.type) {
	case UNWIND_PREPARE:
		return prepare(modules, pid);
	case UNWIND_STACK:
		return modules->dwfl ? unwind(modules) : -EPROTO;
	case UNWIND_DESCRIBE:
		return modules->dwfl ? describe(modules) : -EPROTO;
	}
	return -EPROTO;
}

int unwind_child_run(const char *pid_text, const char *memory_text)
{
	pid_t pid = (pid_t)strtol(pid_text, NULL, 10);
	rlim_t memory = strtoull(memory_text, NULL, 10);
	struct modules modules = {0};
	ssize_t got;
	char none;

	/* Not by hand: without a socket of the caller's there is nobody to answer. */
	if (pid <= 0 ||
	    recv(UNWIND_CHILD_SOCKET, &none, 0, MSG_PEEK | MSG_DONTWAIT) < 0) {
		if (pid <= 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
			return 2;
	}
	confine(memory);
	for (;;) {
		got = recv(UNWIND_CHILD_SOCKET, &question, sizeof(question), 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return 0;
		if (serve(&modules, pid, (size_t)got))
			return 1;
		answer.header.type = question.header.type;
		if (send(UNWIND_CHILD_SOCKET, &answer, answer.header.size,
			 MSG_NOSIGNAL) < 0)
			return 1;
	}
}
