/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls that return a descriptor and need a recent kernel or a privilege. */
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/landlock.h>
#include <linux/perf_event.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "zoo.h"

/* Missing in older headers. These numbers are the same on all architectures. */
#ifndef SYS_open_tree_attr
#define SYS_open_tree_attr 467
#endif
#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif
#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef FSCONFIG_CMD_CREATE
#define FSCONFIG_CMD_CREATE 6
#endif
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif
#ifndef NS_GET_USERNS
#define NS_GET_USERNS _IO(0xb7, 0x1)
#endif
#ifndef PIDFD_GET_MNT_NAMESPACE
#define PIDFD_GET_MNT_NAMESPACE _IO(0xff, 3)
#endif
#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

static struct {
	struct file_handle head;
	char bytes[MAX_HANDLE_SZ];
} handle;
static int handle_mount;

static int prepare_open_by_handle_at(void)
{
	int mount;

	if (handle_mount)
		return 0;
	handle.head.handle_bytes = MAX_HANDLE_SZ;
	if (name_to_handle_at(AT_FDCWD, "/tmp", &handle.head, &mount, 0))
		return -errno;
	handle_mount = ZOO_ERRNO(open("/tmp", O_RDONLY | O_DIRECTORY));
	return handle_mount;
}

static int call_open_by_handle_at(void)
{
	return zoo_hold(
		ZOO_ERRNO(open_by_handle_at(handle_mount, &handle.head, O_RDONLY)));
}

static int call_fanotify_init(void)
{
	return zoo_hold(ZOO_ERRNO(fanotify_init(FAN_CLASS_NOTIF, O_RDONLY)));
}

/* A read() of an event opens the file that the event is about. */
static int event_queue, event_file;

static int prepare_fanotify_read(void)
{
	char path[64];
	int err;

	if (event_queue)
		return 0;
	event_queue =
		ZOO_ERRNO(fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK, O_RDONLY));
	if (event_queue < 0)
		return event_queue;
	snprintf(path, sizeof(path), "/tmp/fdzoo-event-%d", getpid());
	event_file = ZOO_ERRNO(open(path, O_WRONLY | O_CREAT, 0600));
	if (event_file < 0)
		return event_file;
	err = ZOO_ERRNO(
		fanotify_mark(event_queue, FAN_MARK_ADD, FAN_MODIFY, AT_FDCWD, path));
	unlink(path);
	return err;
}

static int call_fanotify_read(void)
{
	struct fanotify_event_metadata event;

	if (write(event_file, "", 1) < 0 ||
	    read(event_queue, &event, sizeof(event)) < 0)
		return -errno;
	return event.fd == FAN_NOFD ? -ENOENT : zoo_hold(event.fd);
}

static int call_memfd_secret(void)
{
	return zoo_hold(ZOO_ERRNO(syscall(SYS_memfd_secret, 0)));
}

static int call_userfaultfd(void)
{
	return zoo_hold(ZOO_ERRNO(syscall(SYS_userfaultfd, UFFD_USER_MODE_ONLY)));
}

static int call_perf_event_open(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
		.exclude_kernel = 1,
	};

	return zoo_hold(ZOO_ERRNO(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0)));
}

struct queue_attr { /* struct mq_attr, without librt */
	long flags, messages, size, current;
	long reserved[4];
};

static int call_mq_open(void)
{
	static int serial;
	struct queue_attr attr = {.messages = 10, .size = 8000};
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "fdzoo-%d-%d", getpid(), serial++);
	fd = zoo_hold(
		ZOO_ERRNO(syscall(SYS_mq_open, name, O_CREAT | O_RDWR, 0600, &attr)));
	if (fd >= 0)
		syscall(SYS_mq_unlink, name);
	return fd;
}

static int call_io_uring_setup(void)
{
	char params[120] = {0}; /* struct io_uring_params */

	return zoo_hold(ZOO_ERRNO(syscall(SYS_io_uring_setup, 1, params)));
}

static int own_pidfd;

static int call_pidfd_open(void)
{
	return zoo_hold(ZOO_ERRNO(syscall(SYS_pidfd_open, getpid(), 0)));
}

static int prepare_own_pidfd(void)
{
	if (!own_pidfd)
		own_pidfd = ZOO_ERRNO(syscall(SYS_pidfd_open, getpid(), 0));
	return own_pidfd;
}

static int call_pidfd_getfd(void)
{
	return zoo_hold(
		ZOO_ERRNO(syscall(SYS_pidfd_getfd, own_pidfd, STDERR_FILENO, 0)));
}

static int call_pidfd_namespace(void)
{
	return zoo_hold(ZOO_ERRNO(ioctl(own_pidfd, PIDFD_GET_MNT_NAMESPACE, 0)));
}

static int call_landlock_create_ruleset(void)
{
	struct landlock_ruleset_attr attr = {
		.handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE,
	};

	return zoo_hold(ZOO_ERRNO(
		syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0)));
}

static int prepare_bpf(void)
{
	struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};

	/* before 5.11 maps are counted as locked memory */
	if (setrlimit(RLIMIT_MEMLOCK, &all) && errno != EPERM)
		return -errno;
	return 0;
}

static int call_bpf(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4,
		.value_size = 4,
		.max_entries = 1,
	};

	return zoo_hold(
		ZOO_ERRNO(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr))));
}

static int call_open_tree(void)
{
	return zoo_hold(ZOO_ERRNO(syscall(SYS_open_tree, AT_FDCWD, "/", 0)));
}

static int call_open_tree_attr(void)
{
	return zoo_hold(
		ZOO_ERRNO(syscall(SYS_open_tree_attr, AT_FDCWD, "/", 0, NULL, 0)));
}

static int call_fsopen(void)
{
	return zoo_hold(ZOO_ERRNO(syscall(SYS_fsopen, "tmpfs", 0)));
}

/* A context serves for one call, refused or not. */
static int context;
static bool context_spent;

static int prepare_fsmount(void)
{
	if (context > 0 && !context_spent)
		return 0;
	if (context > 0)
		close(context);
	context_spent = false;
	context = ZOO_ERRNO(syscall(SYS_fsopen, "tmpfs", 0));
	if (context < 0)
		return context;
	return ZOO_ERRNO(
		syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
}

static int call_fsmount(void)
{
	int err = prepare_fsmount();

	if (err < 0)
		return err;
	context_spent = true;
	return zoo_hold(ZOO_ERRNO(syscall(SYS_fsmount, context, 0, 0)));
}

static int call_fspick(void)
{
	return zoo_hold(ZOO_ERRNO(syscall(SYS_fspick, AT_FDCWD, "/", 0)));
}

static int namespace_fd;

static int prepare_ns_get(void)
{
	if (!namespace_fd)
		namespace_fd = ZOO_ERRNO(open("/proc/self/ns/net", O_RDONLY));
	return namespace_fd;
}

static int call_ns_get(void)
{
	return zoo_hold(ZOO_ERRNO(ioctl(namespace_fd, NS_GET_USERNS)));
}

static int terminal;

static int prepare_tiocgptpeer(void)
{
	if (terminal)
		return 0;
	terminal = ZOO_ERRNO(posix_openpt(O_RDWR | O_NOCTTY));
	if (terminal < 0)
		return terminal;
	return grantpt(terminal) || unlockpt(terminal) ? -errno : 0;
}

static int call_tiocgptpeer(void)
{
	return zoo_hold(ZOO_ERRNO(ioctl(terminal, TIOCGPTPEER, O_RDWR | O_NOCTTY)));
}

#define WAY(way, text)                                                                 \
	.name = #way, .arg = "[TIMES]", .help = text, .call = call_##way, .full = EMFILE

const struct zoo_step zoo_rare_calls[] = {
	{WAY(open_by_handle_at, "open /tmp by its handle"),
	 .prepare = prepare_open_by_handle_at},
	{WAY(fanotify_init, "a fanotify group")},
	{WAY(fanotify_read, "read an event, which opens its file"),
	 .prepare = prepare_fanotify_read},
	{WAY(memfd_secret, "a file in secret memory")},
	{WAY(userfaultfd, "for faults of user mode")},
	{WAY(perf_event_open, "a dummy software event")},
	{WAY(mq_open, "a message queue of 80 kB, unlinked")},
	{WAY(io_uring_setup, "a ring of one entry")},
	{WAY(pidfd_open, "of itself")},
	{WAY(pidfd_getfd, "its own standard error"), .prepare = prepare_own_pidfd},
	{WAY(pidfd_namespace, "ioctl PIDFD_GET_MNT_NAMESPACE"),
	 .prepare = prepare_own_pidfd},
	{WAY(landlock_create_ruleset, "an empty ruleset")},
	{WAY(bpf, "create an array of one element"), .prepare = prepare_bpf},
	{WAY(open_tree, "of the root")},
	{WAY(open_tree_attr, "the same")},
	{WAY(fsopen, "a tmpfs context")},
	{WAY(fsmount, "a detached tmpfs"), .prepare = prepare_fsmount},
	{WAY(fspick, "a context of the root")},
	{WAY(ns_get, "ioctl NS_GET_USERNS"), .prepare = prepare_ns_get},
	{WAY(tiocgptpeer, "the other end of a terminal"),
	 .prepare = prepare_tiocgptpeer},
	{0},
};
