// SPDX-License-Identifier: GPL-2.0-or-later
#include "unwind/child.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "guard/helper.h"
#include "unwind/frames.h"
#include "unwind/python_module.h"
#include "unwind/wire.h"

/* Of all its life; how long a question may take is for the caller to say. */
#define CPU_SECONDS 20u

/* Why it is not confined where it could be: then nothing is read. */
static int confine_error;

/* It is given ELF files by any process. What it may write to is `memory`. */
static void confine(uint64_t memory)
{
	struct helper_bounds bounds = {HELPER_NO_RIGHTS, CALL_FILTER_READER,
				       CPU_SECONDS, memory};

	confine_error = helper_confine("fdwarden-unwind", &bounds);
}

/* All there is of one question, or of one answer. */
static union {
	struct unwind_header header;
	struct unwind_stack stack;
	struct unwind_addresses addresses;
	struct unwind_script script;
} question;

static union {
	struct unwind_header header;
	struct unwind_prepared prepared;
	struct unwind_chain chain;
	struct unwind_description description;
	struct unwind_python python;
} answer;

static int prepare(struct modules *modules, pid_t pid)
{
	struct unwind_prepared *out = &answer.prepared;

	memset(out, 0, sizeof(*out));
	if (confine_error) {
		out->error = -EPERM;
		snprintf(out->text, sizeof(out->text),
			 "what reads it can't be confined: let the unit make seccomp() "
			 "and capset(), by SystemCallFilter=seccomp capset");
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

static int find_python(struct modules *modules)
{
	struct unwind_python *out = &answer.python;

	memset(out, 0, sizeof(*out));
	out->error =
		python_module_find(modules, &out->layout, out->text, sizeof(out->text));
	answer.header.size = sizeof(*out);
	return 0;
}

static int describe_script(struct modules *modules)
{
	if (question.header.size != sizeof(question.script) ||
	    question.script.len > FDW_SCRIPT_FRAMES)
		return -EPROTO;
	frames_describe_script(modules, &question.script, &answer.description);
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
	case UNWIND_PYTHON:
		return modules->dwfl ? find_python(modules) : -EPROTO;
	case UNWIND_SCRIPT:
		return modules->dwfl ? describe_script(modules) : -EPROTO;
	}
	return -EPROTO;
}

int unwind_child_run(const char *pid_text, const char *memory_text)
{
	pid_t pid = (pid_t)strtol(pid_text, NULL, 10);
	uint64_t memory = strtoull(memory_text, NULL, 10);
	struct modules modules = {0};
	ssize_t got;

	/* Not by hand: without a socket of the caller's there is nobody to answer. */
	if (pid <= 0 || helper_check())
		return 2;
	confine(memory);
	for (;;) {
		got = recv(HELPER_SOCKET, &question, sizeof(question), 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return 0;
		if (serve(&modules, pid, (size_t)got))
			return 1;
		answer.header.type = question.header.type;
		if (send(HELPER_SOCKET, &answer, answer.header.size, MSG_NOSIGNAL) < 0)
			return 1;
	}
}
