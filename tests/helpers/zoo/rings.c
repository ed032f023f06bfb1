/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors by io_uring: the number is in the completion, not the return. */
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "zoo.h"

/* Later than the oldest headers that this is built with. */
#define OP_FIXED_FD_INSTALL 54
#define OP_PIPE             62

static struct {
	int fd;
	atomic_uint *submit_tail, *complete_head, *complete_tail;
	unsigned int submit_mask, complete_mask, *array;
	struct io_uring_sqe *entries;
	struct io_uring_cqe *completions;
} ring;

static void *map_ring(size_t size, off_t offset)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		    ring.fd, offset);
}

static int prepare_ring(void)
{
	struct io_uring_params params = {0};
	char *submit, *complete;

	if (ring.entries)
		return 0;
	ring.fd = ZOO_ERRNO(syscall(SYS_io_uring_setup, 4, &params));
	if (ring.fd < 0)
		return ring.fd;
	submit = map_ring(params.sq_off.array + params.sq_entries * sizeof(unsigned),
			  IORING_OFF_SQ_RING);
	complete = map_ring(params.cq_off.cqes +
				    params.cq_entries * sizeof(struct io_uring_cqe),
			    IORING_OFF_CQ_RING);
	ring.entries = map_ring(params.sq_entries * sizeof(struct io_uring_sqe),
				IORING_OFF_SQES);
	if (submit == MAP_FAILED || complete == MAP_FAILED ||
	    (void *)ring.entries == MAP_FAILED)
		return -errno;
	ring.submit_tail = (void *)(submit + params.sq_off.tail);
	ring.submit_mask = *(unsigned int *)(void *)(submit + params.sq_off.ring_mask);
	ring.array = (void *)(submit + params.sq_off.array);
	ring.complete_head = (void *)(complete + params.cq_off.head);
	ring.complete_tail = (void *)(complete + params.cq_off.tail);
	ring.complete_mask =
		*(unsigned int *)(void *)(complete + params.cq_off.ring_mask);
	ring.completions = (void *)(complete + params.cq_off.cqes);
	return 0;
}

/* One operation, waited for. Returns its result. */
static int do_one(const struct io_uring_sqe *entry)
{
	unsigned int tail = atomic_load(ring.submit_tail);
	unsigned int head = atomic_load(ring.complete_head);
	unsigned int place = tail & ring.submit_mask;
	int err, result;

	ring.entries[place] = *entry;
	ring.array[place] = place;
	atomic_store(ring.submit_tail, tail + 1);
	err = ZOO_ERRNO(syscall(SYS_io_uring_enter, ring.fd, 1, 1,
				IORING_ENTER_GETEVENTS, NULL, 0));
	if (err < 0)
		return err;
	if (atomic_load(ring.complete_tail) == head)
		zoo_fail(ZOO_FAILED, "io_uring: nothing completed");
	result = ring.completions[head & ring.complete_mask].res;
	atomic_store(ring.complete_head, head + 1);
	return result;
}

static int call_uring_open(void)
{
	struct io_uring_sqe entry = {
		.opcode = IORING_OP_OPENAT,
		.fd = AT_FDCWD,
		.addr = (uintptr_t) "/dev/null",
		.open_flags = O_RDONLY,
	};

	return zoo_hold(do_one(&entry));
}

static int call_uring_socket(void)
{
	struct io_uring_sqe entry = {
		.opcode = IORING_OP_SOCKET,
		.fd = AF_UNIX,
		.off = SOCK_STREAM,
	};

	return zoo_hold(do_one(&entry));
}

static int call_uring_pipe(void)
{
	int fds[2];
	struct io_uring_sqe entry = {.opcode = OP_PIPE, .addr = (uintptr_t)fds};

	return zoo_hold_pair(do_one(&entry), fds);
}

static int listener, client;
static struct sockaddr_storage address;
static socklen_t address_len;
static bool waiting;

static int connect_client(void)
{
	client = ZOO_ERRNO(socket(AF_UNIX, SOCK_STREAM, 0));
	if (client < 0)
		return client;
	waiting = !connect(client, (struct sockaddr *)&address, address_len);
	return waiting ? 0 : -errno;
}

static int prepare_uring_accept(void)
{
	int err = prepare_ring();

	if (err < 0 || listener)
		return err;
	listener = ZOO_ERRNO(socket(AF_UNIX, SOCK_STREAM, 0));
	if (listener < 0)
		return listener;
	address.ss_family = AF_UNIX;
	address_len = sizeof(address);
	if (bind(listener, (struct sockaddr *)&address, sizeof(sa_family_t)) ||
	    listen(listener, 4) ||
	    getsockname(listener, (struct sockaddr *)&address, &address_len))
		return -errno;
	return connect_client();
}

static int call_uring_accept(void)
{
	struct io_uring_sqe entry = {.opcode = IORING_OP_ACCEPT, .fd = listener};
	int result;

	if (!waiting) {
		close(client);
		result = connect_client();
		if (result < 0)
			return result;
	}
	result = zoo_hold(do_one(&entry));
	if (result >= 0)
		waiting = false;
	return result;
}

static int run_uring_close(const char *arg)
{
	long times = arg ? zoo_number(arg, 1) : 1;
	int err = prepare_ring();

	for (; err >= 0 && times > 0; times--) {
		struct io_uring_sqe entry = {.opcode = IORING_OP_CLOSE,
					     .fd = zoo_drop_last()};

		err = entry.fd < 0 ? -EBADF : do_one(&entry);
	}
	return err;
}

/* A file in the ring's own table, which is no descriptor. */
static int prepare_fixed(void)
{
	static bool registered;
	int none = -1, err = prepare_ring();
	struct io_uring_sqe entry = {
		.opcode = IORING_OP_OPENAT,
		.fd = AT_FDCWD,
		.addr = (uintptr_t) "/dev/null",
		.open_flags = O_RDONLY,
		.file_index = 1,
	};

	if (err < 0 || registered)
		return err;
	err = ZOO_ERRNO(syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_FILES,
				&none, 1));
	if (err >= 0)
		err = do_one(&entry);
	registered = err >= 0;
	return err;
}

static int run_uring_fixed_open(const char *arg)
{
	int err = prepare_fixed();

	(void)arg;
	if (err < 0 && zoo_is_lacking(-err)) {
		zoo_skip("uring_fixed_open", strerror(-err));
		return 0;
	}
	return err;
}

static int call_uring_fixed_install(void)
{
	struct io_uring_sqe entry = {
		.opcode = OP_FIXED_FD_INSTALL,
		.flags = IOSQE_FIXED_FILE,
	};

	return zoo_hold(do_one(&entry));
}

#define WAY(way, text)                                                                 \
	.name = #way, .arg = "[TIMES]", .help = text, .call = call_##way,              \
	.prepare = prepare_ring, .full = EMFILE

const struct zoo_step zoo_rings[] = {
	{WAY(uring_open, "open /dev/null by io_uring")},
	{WAY(uring_socket, "a unix socket by io_uring")},
	{WAY(uring_pipe, "a pipe by io_uring")},
	{.name = "uring_accept",
	 .arg = "[TIMES]",
	 .help = "accept by io_uring",
	 .prepare = prepare_uring_accept,
	 .call = call_uring_accept,
	 .full = EMFILE},
	{.name = "uring_fixed_install",
	 .arg = "[TIMES]",
	 .help = "make a descriptor of the ring's own file",
	 .prepare = prepare_fixed,
	 .call = call_uring_fixed_install,
	 .full = EMFILE},
	{.name = "uring_close",
	 .arg = "[TIMES]",
	 .run = run_uring_close,
	 .help = "close the last that were made, by io_uring"},
	{.name = "uring_fixed_open",
	 .arg = "",
	 .run = run_uring_fixed_open,
	 .help = "open into the ring's own table: no descriptor"},
	{0},
};
