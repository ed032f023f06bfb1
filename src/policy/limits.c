/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

/*
 * The limits behind refusals that are not the descriptor limit nor fs.file-max,
 * and where the kernel tests them (paths of its source tree).
 */
enum kind {
	UNKNOWN = 1,
	NR_OPEN,           /* fs/file.c: expand_files(), dup_fd() */
	INOTIFY_INSTANCES, /* fs/notify/inotify: inotify_new_group() */
	INOTIFY_WATCHES,
	FANOTIFY_GROUPS, /* fs/notify/fanotify; a fixed 128 before 5.13 */
	FANOTIFY_MARKS,
	MESSAGE_QUEUE_BYTES, /* ipc/mqueue.c: mqueue_get_inode() */
	MESSAGE_QUEUES,
	PIPE_PAGES,        /* fs/pipe.c: alloc_pipe_info() */
	EPOLL_WATCHES,     /* fs/eventpoll.c: ep_insert() */
	RING_FILES,        /* io_uring/rsrc.c: io_sqe_files_register() */
	RING_SLOTS,        /* io_uring/filetable.c: io_file_bitmap_get() */
	IN_FLIGHT,         /* net/unix: too_many_unix_fds() */
	UNIX_SOCKETS,      /* net/unix/af_unix.c: unix_create1() */
	SOCKET_MEMORY,     /* net/socket.c: sock_alloc() */
	ANONYMOUS_DEVICES, /* fs/super.c: get_anon_bdev(), 2^20 minors */
	USER_EVENTS,       /* kernel/trace/trace_events_user.c, 6.4+ */
	SECRET_MEMORY,     /* mm/secretmem.c */
	NUMBERS_ABOVE,     /* fs/file.c: f_dupfd() */
	DEVICE,            /* a driver's or file system's own */
	MOUNTS,            /* fs/namespace.c: count_mounts() */
	SUPERVISED_TABLE,  /* kernel/seccomp.c: seccomp_notify_addfd() */
	MOUNT_SPACES,      /* fs/namespace.c: alloc_mnt_ns() */
	/* New ones go here: ids are kept over a restart. */
	KINDS
};
_Static_assert(KINDS <= 32, "limits_verdict.id is used as a bit");

static const struct limits_verdict verdicts[KINDS] = {
	[UNKNOWN] = {.name = "unknown", .text = "an unknown limit"},
	[NR_OPEN] = {.name = "fs.nr_open",
		     .text = "size of one process's descriptor table",
		     .sysctl = "fs.nr_open"},
	[INOTIFY_INSTANCES] = {.name = "fs.inotify.max_user_instances",
			       .text = "inotify instances of this user",
			       .sysctl = "fs.inotify.max_user_instances",
			       .space = "user"},
	[INOTIFY_WATCHES] = {.name = "fs.inotify.max_user_watches",
			     .text = "inotify watches of this user",
			     .sysctl = "fs.inotify.max_user_watches",
			     .space = "user"},
	[FANOTIFY_GROUPS] = {.name = "fs.fanotify.max_user_groups",
			     .text = "fanotify groups of this user",
			     .sysctl = "fs.fanotify.max_user_groups",
			     .space = "user"},
	[FANOTIFY_MARKS] = {.name = "fs.fanotify.max_user_marks",
			    .text = "fanotify marks of this user",
			    .sysctl = "fs.fanotify.max_user_marks",
			    .space = "user"},
	[MESSAGE_QUEUE_BYTES] = {.name = "RLIMIT_MSGQUEUE",
				 .text = "bytes in POSIX message queues of this user",
				 .is_rlimit = true,
				 .rlimit = RLIMIT_MSGQUEUE},
	[MESSAGE_QUEUES] = {.name = "fs.mqueue.queues_max",
			    .text = "POSIX message queues of this IPC namespace",
			    .sysctl = "fs.mqueue.queues_max",
			    .space = "ipc"},
	[PIPE_PAGES] = {.name = "fs.pipe-user-pages-hard",
			.text = "pages in pipes of this user",
			.sysctl = "fs.pipe-user-pages-hard"},
	[EPOLL_WATCHES] = {.name = "fs.epoll.max_user_watches",
			   .text = "epoll watches of this user",
			   .sysctl = "fs.epoll.max_user_watches"},
	[RING_FILES] = {.name = "RLIMIT_NOFILE",
			.text = "files registered with one io_uring at once",
			.is_rlimit = true,
			.rlimit = RLIMIT_NOFILE},
	[RING_SLOTS] = {.name = "io_uring-file-slots",
			.text = "slots in an io_uring's own file table"},
	[IN_FLIGHT] = {.name = "RLIMIT_NOFILE",
		       .text = "descriptors of this user in flight in unix sockets",
		       .is_rlimit = true,
		       .rlimit = RLIMIT_NOFILE},
	[UNIX_SOCKETS] = {.name = "unix-sockets",
			  .text = "unix sockets of the system (twice fs.file-max)",
			  .sysctl = "fs.file-max"},
	[SOCKET_MEMORY] = {.name = "socket-memory",
			   .text = "kernel memory for a new socket"},
	[ANONYMOUS_DEVICES] = {.name = "anonymous-devices",
			       .text = "device numbers for mounts and subvolumes "
				       "without a disk (1048576 a system)"},
	[USER_EVENTS] = {.name = "kernel.user_events_max",
			 .text = "user_events of the system",
			 .sysctl = "kernel.user_events_max"},
	[SECRET_MEMORY] = {.name = "secret-memory-users",
			   .text = "users of secret memory on the system"},
	[NUMBERS_ABOVE] = {.name = "RLIMIT_NOFILE",
			   .text = "descriptor numbers from the minimum asked for up "
				   "to the soft limit (lower ones are free)",
			   .is_rlimit = true,
			   .rlimit = RLIMIT_NOFILE},
	[DEVICE] = {.name = "device",
		    .text = "opens that a file system or device allows"},
	[MOUNTS] = {.name = "fs.mount-max",
		    .text = "mounts in this mount namespace",
		    .sysctl = "fs.mount-max"},
	[SUPERVISED_TABLE] = {.name = "supervised-table",
			      .text = "descriptors of the process that this one "
				      "supervises by seccomp"},
	[MOUNT_SPACES] = {.name = "user.max_mnt_namespaces",
			  .text = "mount namespaces of this user, of which a detached "
				  "mount is one",
			  .sysctl = "user.max_mnt_namespaces",
			  .space = "user"},
};

/* ---- what the tables say ---- */

static bool is_call(const char *call, const char *const *names)
{
	for (; *names; names++) {
		if (strcmp(call, *names) == 0)
			return true;
	}
	return false;
}

static bool table_full(const struct limits_refusal *refusal)
{
	return refusal->table_known && !refusal->not_the_table &&
	       (refusal->used >= refusal->soft_limit ||
		refusal->lowest_free >= refusal->soft_limit);
}

/* fcntl() takes a number from args[2] up. */
static bool has_minimum(const struct limits_refusal *refusal)
{
	static const char *const calls[] = {"fcntl", "fcntl64", NULL};

	return is_call(refusal->call, calls) &&
	       (refusal->args[1] == F_DUPFD || refusal->args[1] == F_DUPFD_CLOEXEC) &&
	       refusal->args[2] < refusal->soft_limit;
}

/*
 * Far from full, so that it was not full at the call either. The figures are of a
 * moment later: meanwhile another thread may have closed some, and the call that did
 * find the table full must not be explained away. But that a quarter of the table
 * (and 16 at least, where a quarter is next to nothing) is given back within those
 * microseconds is less likely than that something else refused the call.
 */
static bool table_has_slack(const struct limits_refusal *refusal)
{
	uint64_t room = refusal->soft_limit, left, slack;

	if (!refusal->table_known || table_full(refusal))
		return false;
	if (has_minimum(refusal)) {
		room -= refusal->args[2];
		left = refusal->free_above;
	} else {
		/* fs.nr_open may be lowered under limits that were set before. */
		if (refusal->nr_open && refusal->nr_open < room)
			room = refusal->nr_open;
		left = room > refusal->used ? room - refusal->used : 0;
	}
	slack = room / 4;
	return left >= (slack > 16 ? slack : 16);
}

static bool nr_open_reached(const struct limits_refusal *refusal)
{
	static const char *const pairs[] = {"pipe", "pipe2", "socketpair", NULL};
	uint64_t need = is_call(refusal->call, pairs) ? 2 : 1;
	uint64_t taken = refusal->used > refusal->lowest_free ? refusal->used
							      : refusal->lowest_free;

	return refusal->table_known && !refusal->not_the_table && refusal->nr_open &&
	       refusal->soft_limit > refusal->nr_open &&
	       taken + need > refusal->nr_open;
}

/* A CPU keeps this many files to itself before it adds them to the total. */
static uint64_t file_nr_error(const struct limits_refusal *refusal)
{
	uint64_t batch = 2ull * refusal->cpus;

	return (batch > 32 ? batch : 32) * refusal->cpus;
}

/* Not known (0) counts as near: it is what ENFILE means by itself. */
static bool files_near_max(const struct limits_refusal *refusal)
{
	return refusal->files_allocated >= refusal->files_max ||
	       refusal->files_max - refusal->files_allocated <= file_nr_error(refusal);
}

/* Not even half in use: the files can't have gone between the call and our look
 * at file-nr, unless half the system has. */
static bool files_have_slack(const struct limits_refusal *refusal)
{
	return !files_near_max(refusal) &&
	       refusal->files_allocated < refusal->files_max / 2;
}

/* ---- when a row of the table applies ---- */

static bool always(const struct limits_refusal *refusal)
{
	(void)refusal;
	return true;
}

static bool slot_left(const struct limits_refusal *refusal)
{
	return !table_full(refusal);
}

static bool files_left(const struct limits_refusal *refusal)
{
	return !files_near_max(refusal);
}

static bool unix_files_left(const struct limits_refusal *refusal)
{
	return refusal->args[0] == AF_UNIX && !files_near_max(refusal);
}

/* What is asked for is a number from args[2] up, of which there were none though the
 * table has free slots below. */
static bool none_from_minimum(const struct limits_refusal *refusal)
{
	return refusal->table_known && !refusal->not_the_table &&
	       has_minimum(refusal) && !table_full(refusal) &&
	       !table_has_slack(refusal) && refusal->lowest_free < refusal->args[2];
}

/* Byte 1 of an ioctl's command is its owner's letter. */
static bool ioctl_user_events(const struct limits_refusal *refusal)
{
	return ((refusal->args[1] >> 8) & 0xff) == '*' && slot_left(refusal);
}

static bool ioctl_btrfs(const struct limits_refusal *refusal)
{
	return ((refusal->args[1] >> 8) & 0xff) == 0x94 && slot_left(refusal);
}

/* SECCOMP_IOCTL_NOTIF_ADDFD: its size has grown, its letter and number stay. */
static bool ioctl_addfd(const struct limits_refusal *refusal)
{
	return (refusal->args[1] & 0xffff) == 0x2103 && slot_left(refusal);
}

/* ---- the table of causes ---- */

struct row {
	const char *call;
	int error;
	enum kind kind;
	bool (*applies)(const struct limits_refusal *refusal);
};

static const struct row rows[] = {
#define LIMIT(call, error, kind, applies) {#call, error, kind, applies},
#include "policy/limits.def"
};

/* Calls that get EMFILE from the table, but for the rows above. Any other call's
 * EMFILE is the table's only if it is full: that may be a call newer than this list,
 * or one that has a limit of its own. */
/* clang-format off */
static const char *const takers[] = {
	"open", "openat", "openat2", "creat", "open_by_handle_at", "open_tree",
	"open_tree_attr", "fsopen", "fsmount", "fspick", "dup", "dup2", "dup3",
	"fcntl", "fcntl64", "socket", "socketpair", "accept", "accept4",
	"epoll_create", "epoll_create1", "eventfd", "eventfd2", "timerfd_create",
	"signalfd", "signalfd4", "memfd_create", "memfd_secret", "userfaultfd",
	"perf_event_open", "io_uring_setup", "pidfd_open", "pidfd_getfd",
	"landlock_create_ruleset", "bpf", "seccomp", "pipe", "pipe2", "recvmsg",
	"recvmmsg", "recvmmsg_time64", "socketcall", "getsockopt", "read", NULL,
};
/* clang-format on */

/* Those of them that open a name run a file system's or driver's own code, which may
 * give either error for reasons of its own (FUSE passes on whatever its server says);
 * the other takers do not. */
static const char *const openers[] = {
	"open",      "openat",         "openat2", "creat", "open_by_handle_at",
	"open_tree", "open_tree_attr", "fspick",  NULL,
};

static void set_other(struct limits_verdict *out, enum kind kind)
{
	*out = verdicts[kind];
	out->cause = LIMITS_OTHER;
	out->id = kind;
}

static void classify_emfile(const struct limits_refusal *refusal,
			    struct limits_verdict *out)
{
	bool opener = is_call(refusal->call, openers);
	/* The fexit sensor says so where alloc_fd() was not seen to refuse. It may be the
	 * run there that the kernel left out: of those that have no other EMFILE it is. */
	bool elsewhere = (refusal->not_the_table && opener) || table_has_slack(refusal);

	if (table_full(refusal) || (is_call(refusal->call, takers) && !elsewhere))
		out->cause = LIMITS_DESCRIPTORS;
	else if (opener)
		set_other(out, DEVICE);
	else
		set_other(out, UNKNOWN);
}

static void classify_enfile(const struct limits_refusal *refusal,
			    struct limits_verdict *out)
{
	if (files_have_slack(refusal) && is_call(refusal->call, openers))
		set_other(out, DEVICE);
	else if (files_have_slack(refusal) &&
		 (refusal->filtered || !is_call(refusal->call, takers)))
		set_other(out, UNKNOWN);
	else
		out->cause = LIMITS_FILE_MAX;
}

/* A filter's own errno is seen at the exit of a call as the kernel's is. It is taken for
 * that where nothing of the kernel's own is known to give it. */
static bool is_filters_own(const struct limits_refusal *refusal,
			   const struct limits_verdict *verdict)
{
	return refusal->filtered && verdict->cause == LIMITS_OTHER &&
	       (verdict->id == UNKNOWN || verdict->id == DEVICE ||
		verdict->id == SOCKET_MEMORY ||
		(verdict->id == UNIX_SOCKETS && files_have_slack(refusal)));
}

static void classify(const struct limits_refusal *refusal, struct limits_verdict *out)
{
	memset(out, 0, sizeof(*out));
	out->name = "unknown";
	if (refusal->error == EMFILE && nr_open_reached(refusal)) {
		set_other(out, NR_OPEN);
		return;
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];

		if (row->error == refusal->error &&
		    strcmp(row->call, refusal->call) == 0 && row->applies(refusal)) {
			set_other(out, row->kind);
			return;
		}
	}
	if (refusal->error == EMFILE)
		classify_emfile(refusal, out);
	else if (refusal->error == ENFILE)
		classify_enfile(refusal, out);
	else
		set_other(out, UNKNOWN);
}

void limits_classify(const struct limits_refusal *refusal, struct limits_verdict *out)
{
	classify(refusal, out);
	if (is_filters_own(refusal, out)) {
		memset(out, 0, sizeof(*out));
		out->cause = LIMITS_NONE;
		out->name = "unknown";
	}
}

const struct limits_verdict *limits_of(unsigned int id)
{
	return id && id < KINDS ? &verdicts[id] : NULL;
}

int limits_sysctl_path(const char *sysctl, char *path, size_t size)
{
	static const char root[] = "/proc/sys/";
	size_t root_len = sizeof(root) - 1, len = strlen(sysctl);

	if (root_len + len + 1 > size)
		return -ENAMETOOLONG;
	memcpy(path, root, root_len);
	for (size_t i = 0; i <= len; i++)
		path[root_len + i] = sysctl[i] == '.' ? '/' : sysctl[i];
	return 0;
}
