// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Anything at all as the program that a traced process runs and as its debugging
 * information, handed over by an opener of our own: an answer, or none. In use libdw is in a
 * child that has no rights; here it is in the fuzzer.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guard/helper.h"
#include "unwind/files.h"
#include "unwind/frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
const char *__asan_default_options(void);

/* elfutils 0.188 leaves an Elf and its name behind for some damaged files: that ends with the
 * child, whose memory is limited. */
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

static const char maps[] =
	"00400000-00500000 r-xp 00000000 00:01 7                          /bin/app\n";
static const uint8_t *program;
static size_t program_len;
static int ours;

static int file_of(const void *bytes, size_t len)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || (len && write(fd, bytes, len) != (ssize_t)len))
		abort();
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static void answer(int fd)
{
	if (files_send(ours, fd))
		abort();
	if (fd >= 0)
		close(fd);
}

static void *open_for_it(void *arg)
{
	struct files_question question;

	while (recv(ours, &question, sizeof(question), 0) > 0) {
		if (question.kind == FILES_MAPS)
			answer(file_of(maps, sizeof(maps) - 1));
		else if (question.kind == FILES_PERF_MAP)
			answer(-ENOENT);
		else
			answer(file_of(program, program_len));
	}
	return arg;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	pthread_t thread;
	int pair[2];

	(void)argc, (void)argv;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) ||
	    dup2(pair[1], HELPER_PEER) < 0)
		abort();
	ours = pair[0];
	return pthread_create(&thread, NULL, open_for_it, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct unwind_stack stack;
	static struct unwind_chain chain;
	static struct unwind_description description;
	struct unwind_addresses addresses = {.len = 2};
	struct modules modules;
	char why[UNWIND_ERROR_MAX];

	program = data;
	program_len = size;
	if (!modules_open(&modules, getpid(), why, sizeof(why))) {
		memset(&stack, 0, sizeof(stack));
		stack.len = 256;
		for (size_t i = 0; i < FDW_STACK_REGS; i++)
			stack.regs[i] = 0x401000;
		for (size_t i = 0; i + 8 <= stack.len; i += 8)
			memcpy(stack.bytes + i, &(uint64_t){0x401100 + i}, 8);
		frames_unwind(&modules, &stack, &chain);
		addresses.addresses[0] = 0x401000;
		addresses.addresses[1] = 0x401200;
		frames_describe(&modules, &addresses, &description);
	}
	modules_close(&modules);
	return 0;
}
