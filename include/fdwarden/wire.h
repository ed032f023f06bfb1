/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The records that the kernel side sends and the maps that both sides share.
 * Compiled by clang for BPF and by the C compiler for user space, so: fixed
 * widths only, no implicit padding, and every size asserted.
 *
 * Times are nanoseconds of CLOCK_BOOTTIME, the clock of a task's start time:
 * it goes on through suspend and no one can set it.
 * Pids are those of the initial pid namespace.
 */
#ifndef FDWARDEN_WIRE_H
#define FDWARDEN_WIRE_H

#ifndef __BPF__
#include <linux/types.h>
#endif

#define FDW_COMM_LEN         16
/* Most that a refusal's record carries of each string, its NUL included. */
#define FDW_PATH_MAX         512
#define FDW_CMDLINE_MAX      512
/* Levels of a cgroup path, and bytes of each: a container's scope is 85. */
#define FDW_CGROUP_LEVELS    6
#define FDW_CGROUP_NAME_MAX  96

/* Distinct near-limit levels over the thresholds and all rules. */
#define FDW_MAX_STEPS        16

/* Calls of one ABI, a power of two; the highest number of x86-64 with its x32
 * range is 547. The table has those of the 32-bit ABI behind the native ones. */
#define FDW_MAX_CALLS        1024

/* Call number on the wire: bit 15 says that it is a 32-bit (compat) call. */
#define FDW_CALL_COMPAT      0x8000
#define FDW_CALL_NUMBER      0x7fff
/* … and in place of a number: a kernel worker of io_uring, in no call at all; and
 * all calls beyond those that are told apart (unknown numbers, and what a process
 * has been refused by when it has filled its share of the map). */
#define FDW_CALL_IO_URING    0x7fff
#define FDW_CALL_ELSE        0x7ffe
/* Calls and errnos by which a process's refusals are told apart. */
#define FDW_REFUSAL_KEYS_MAX 48

/* ---- the table of calls, written by user space before the load ---- */

enum fdw_call_yield {
	FDW_YIELD_NONE,   /* of no interest but for EMFILE and ENFILE */
	FDW_YIELD_RETURN, /* returns the new descriptor */
	FDW_YIELD_ASIDE,  /* may install some, and returns something else */
	FDW_YIELD_FCNTL,  /* FDW_YIELD_RETURN for F_DUPFD*, else NONE */
	FDW_YIELD_CLOSE,  /* gives one back */
	FDW_YIELD_RLIMIT, /* prlimit64/setrlimit: the caller may set its own */
};

enum fdw_call_flag {
	/* ENOSPC and ETOOMANYREFS of this call are limits to report, too */
	FDW_CALL_OTHER_ERRNO = 1 << 0,
	/* resource and pid are arguments 2 and 1 (prlimit64), not 1 (setrlimit) */
	FDW_CALL_PRLIMIT = 1 << 1,
	/* argument 2 is a msghdr, whose flags tell of descriptors dropped */
	FDW_CALL_MSGHDR = 1 << 2,
	/* the fexit sensor sits on its exit as well: what the table or file-max
	 * refused within it must not be counted again there */
	FDW_CALL_EXIT_SEEN = 1 << 3,
	/* argument 1 (pipe), or 4 (socketpair), points to the two descriptors */
	FDW_CALL_PAIR_1 = 1 << 4,
	FDW_CALL_PAIR_4 = 1 << 5,
	/* argument 2 is an array of mmsghdr, of which as many as it returns were filled */
	FDW_CALL_MMSGHDR = 1 << 6,
};

struct fdw_call {
	__u8 yield;    /* enum fdw_call_yield */
	__u8 opens;    /* FDW_YIELD_ASIDE: number opened for certain, e.g. 2 */
	__u8 path_arg; /* 1..6: argument that points to a path; 0: none */
	__u8 flags;    /* enum fdw_call_flag */
};
_Static_assert(sizeof(struct fdw_call) == 4, "wire layout");

/* ---- what is known of one descriptor table and its owner ---- */

enum fdw_table_flag {
	FDW_TABLE_TORN = 1 << 0,       /* it moved while it was read, each time */
	FDW_TABLE_THREAD = 1 << 1,     /* a thread's own, not the leader's */
	FDW_TABLE_LEADERLESS = 1 << 2, /* the main thread has exited */
	FDW_TABLE_OWN_LIMIT = 1 << 3,  /* the process set its own limit */
	FDW_TABLE_COUNTERS = 1 << 4,   /* opened, closed are known */
	FDW_TABLE_UNCOUNTED = 1 << 5,  /* some refusals of it could not be counted */
};

struct fdw_task {
	__u64 start_ns; /* of the thread-group leader; unique with tgid */
	__u32 tgid;
	__u32 tid; /* the thread that was seen */
	__u32 ppid;
	__u32 uid;     /* effective, in the initial user namespace */
	__u32 exec_id; /* another number after each execve */
	/* Who is behind it, who may be another one than `uid`: who has started a set-user-ID
	 * program, or made the user namespace that it is in. 0: root, or nobody else. */
	__u32 charged_uid;
	char comm[FDW_COMM_LEN]; /* of the leader; hostile bytes, NUL-ended */
};
_Static_assert(sizeof(struct fdw_task) == 48, "wire layout");

struct fdw_table {
	__u64 files;      /* address of files_struct: equal means shared */
	__u64 soft_limit; /* RLIMIT_NOFILE; ~0 is "unlimited" */
	__u64 hard_limit;
	__u64 opened; /* since the sensor was attached, with _COUNTERS */
	__u64 closed;
	__u32 count;       /* bits set in open_fds */
	__u32 used;        /* those of them below the soft limit */
	__u32 lowest_free; /* number that a plain open() gets next */
	__u32 max_fds;     /* size of the table; 0: it was not looked at, as the
			      refusal is known to be another limit's */
	__u32 flags;       /* enum fdw_table_flag */
	__u32 more; /* snapshot: tables of the process that are not told, all less full */
};
_Static_assert(sizeof(struct fdw_table) == 64, "wire layout");

/* ---- records ---- */

/* Between two records of one kind of a process, refusals are only counted. */
#define FDW_REFUSED_INTERVAL_NS 125000000ull

enum fdw_record_type {
	FDW_RECORD_NEAR = 1,       /* struct fdw_near, ring buffer */
	FDW_RECORD_REFUSED = 2,    /* struct fdw_refused, ring buffer */
	FDW_RECORD_TABLE = 3,      /* struct fdw_snapshot_record, iterator */
	FDW_RECORD_DESCRIPTOR = 4, /* struct fdw_descriptor, iterator */
};

struct fdw_header {
	__u32 type; /* enum fdw_record_type */
	__u32 size; /* of the whole record in bytes, this header included */
	__u64 time_ns;
};
_Static_assert(sizeof(struct fdw_header) == 16, "wire layout");

/* One table as the snapshot found it. */
struct fdw_snapshot_record {
	struct fdw_header header;
	struct fdw_task task;
	struct fdw_table table;
};
_Static_assert(sizeof(struct fdw_snapshot_record) == 128, "wire layout");

/* A descriptor was handed out near the limit. */
struct fdw_near {
	struct fdw_header header;
	struct fdw_task task;
	struct fdw_table table;
	__u64 cgroup_id; /* cgroup v2; 0: unknown */
	__u32 call;      /* number, with FDW_CALL_COMPAT */
	__u32 step;      /* levels reached, 1.. */
};
_Static_assert(sizeof(struct fdw_near) == 144, "wire layout");

/*
 * A call was refused. The record has all that must be known of a process that
 * may be gone a millisecond later. `text` holds, in this order and each with
 * its NUL: the path asked for, the command line (arguments NUL-separated), and
 * cgroup names from the leaf up. Lengths count the NULs; 0 means not known.
 */
struct fdw_refused {
	struct fdw_header header;
	struct fdw_task task;
	struct fdw_table table;
	__u64 cgroup_id;
	__u64 args[3];    /* the call's first three arguments */
	__u64 total;      /* refusals of this process by this call and errno */
	__u32 call;       /* number, with FDW_CALL_COMPAT */
	__s32 error;      /* EMFILE, ENFILE, …: positive */
	__u32 free_above; /* F_DUPFD: free slots from its minimum up; else 0 */
	__u16 path_len;
	__u16 cmdline_len;
	__u16 cgroup_len;
	__u16 cgroup_levels;
	__u16 not_the_table; /* 1: seen to be refused by something else */
	__u16 filtered;      /* 1: under a seccomp filter, which may have refused it */
	char text[];
};
_Static_assert(sizeof(struct fdw_refused) == 192, "wire layout");
#define FDW_TEXT_MAX                                                                   \
	(FDW_PATH_MAX + FDW_CMDLINE_MAX + FDW_CGROUP_LEVELS * FDW_CGROUP_NAME_MAX)

/* ---- the census: one record a descriptor ---- */

/* The kernel's own PATH_MAX; a path that is longer is told by its end. */
#define FDW_DESCRIPTOR_PATH_MAX 4096
/* Most of a socket address that a name can take: sun_path of sockaddr_un */
#define FDW_UNIX_NAME_MAX       108

enum fdw_descriptor_mark {
	FDW_FD_INTERNAL =
		1 << 0, /* on a mount of the kernel's own: no path leads there,
				     and `text` is the name that the kernel gave */
	FDW_FD_UNLINKED = 1 << 1, /* the name by which it was opened was taken away */
	FDW_FD_PARTS = 1 << 2,    /* `text` is the path's components, each with its NUL,
				     the last one first */
	FDW_FD_CUT = 1 << 3,      /* its beginning is missing */
	FDW_FD_PEER_CLOSED = 1 << 4, /* socket: nothing more will come */
	FDW_FD_ENDED = 1 << 5,       /* pidfd: the process is no more */
};

struct fdw_descriptor {
	__u32 type; /* FDW_RECORD_DESCRIPTOR; both as in fdw_header, whose time is left
		       out: it would cost a tenth */
	__u32 size;
	__u64 file; /* address of struct file */
	__u64 inode;
	__u64 position;
	__u64 peer_inode; /* unix socket */
	__u32 fd;
	__u32 device, rdevice;  /* as the kernel has them: 12 bits major, 20 minor */
	__u32 magic;            /* of the file system, linux/magic.h */
	__u32 flags;            /* O_* */
	__u32 links;            /* names that the inode has */
	__u32 readers, writers; /* pipe */
	__u32 pid;              /* pidfd: of the initial pid namespace */
	__u16 mode;
	__u16 marks;               /* enum fdw_descriptor_mark */
	__u16 family, socket_type; /* family 0: no socket, or not known */
	__u16 protocol;
	__u16 local_port, peer_port; /* host order */
	__u8 state, reserved;
	__u8 local[16], peer[16]; /* IPv4: the first four bytes */
	__u16 text_len; /* bytes of `text` that are the descriptor's name … */
	__u16 peer_len; /* … and behind them of its peer's: unix socket */
	char text[];
};
_Static_assert(sizeof(struct fdw_descriptor) == 128, "wire layout");
_Static_assert(__builtin_offsetof(struct fdw_descriptor, text) == 128, "wire layout");

/* ---- call sites: where descriptors of one traced process were opened ---- */

/* Registers: of no architecture more; which is where is in arch.h. */
#define FDW_STACK_REGS      34
#define FDW_STACK_MIN       512
#define FDW_STACK_MAX       16384
/* Entries for one that tells which were written. */
#define FDW_OPENS_PER_DIRTY 64

/* For `closed_of`: what was open before the trace. */
#define FDW_OF_BEFORE       (~0ull)

/* Added to `file` where the number was taken and the file was not there yet: then it is the
 * address of the table (struct files_struct) that the number is of. */
#define FDW_FILE_LATER      1ull

/* What is found at such a number afterwards, if not a file's address. */
#define FDW_FOUND_NONE      0ull /* taken, and empty: the call waits */
#define FDW_FOUND_FREE      1ull

/* One for each number. `opened_ns` is written last, and 0 while the rest is written. */
struct fdw_open {
	__u64 opened_ns; /* tells this opening from others of the number; 0: never */
	__u64 file;      /* address of struct file, or FDW_FILE_LATER */
	__u64 closed_of; /* the opening that was seen to be closed, or FDW_OF_BEFORE */
	__u32 stack;     /* index, from 1; 0: none was kept */
	__u32 call;      /* number, with FDW_CALL_COMPAT */
};
_Static_assert(sizeof(struct fdw_open) == 32, "wire layout");

enum fdw_stack_flag {
	FDW_STACK_COMPAT = 1 << 0, /* 32-bit code */
};

/* Frames of an interpreter are kept to this depth, the innermost ones. */
#define FDW_SCRIPT_FRAMES 32

enum fdw_script_flag {
	FDW_SCRIPT_CUT = 1 << 0,   /* there are more, or they could not be read */
	FDW_SCRIPT_OTHER = 1 << 1, /* not known: there are several interpreters */
};

/* As the interpreter has them; what they mean is for user space to find. */
struct fdw_script_frame {
	__u64 code; /* of the function */
	__u64 at;   /* the instruction in it */
};
_Static_assert(sizeof(struct fdw_script_frame) == 16, "wire layout");

struct fdw_script {
	__u32 len;                                         /* 0: none */
	__u32 flags;                                       /* enum fdw_script_flag */
	struct fdw_script_frame frames[FDW_SCRIPT_FRAMES]; /* the innermost first */
};
_Static_assert(sizeof(struct fdw_script) == 8 + 16 * FDW_SCRIPT_FRAMES, "wire layout");

/* Where CPython has its frames: of one process, found in its memory. Bytes from the beginning
 * of what is named; each is the place of a pointer, but for thread_id and `at`. */
struct fdw_python_layout {
	__u64 interpreters; /* address of the pointer to the newest one; 0: no Python */
	__u64 interpreter;  /* what it is while there is only one */
	__u32 state;        /* from the thread pointer up: the thread's state … */
	__u32 thread_id;    /* … in that: the thread pointer again … */
	__u32 frame;   /* … and the innermost frame, or, if `through` is not 0, … */
	__u32 through; /* … what has the pointer to it: there, plus 1 */
	__u32 code, at, previous; /* in a frame */
	__u32 reserved;
};
_Static_assert(sizeof(struct fdw_python_layout) == 48, "wire layout");

/* The caller's registers and the top of its stack. One that user space has taken, or
 * whose opening is over, makes room. */
struct fdw_stack {
	__u64 opened_ns; /* of which opening; 0 while it is written */
	__u64 taken_ns; /* the opening that user space has done with; it alone writes */
	__u32 fd;
	__u32 len;     /* bytes of `bytes` that could be read */
	__u32 busy;    /* writers in it */
	__u32 flags;   /* enum fdw_stack_flag */
	__u64 exec_id; /* of the program: fdw_task's */
	__u64 regs[FDW_STACK_REGS];
	struct fdw_script script;
	__u8 bytes[];
};
_Static_assert(sizeof(struct fdw_stack) == 832, "wire layout");

/* ---- hooks: programs that the sensor runs for single processes ---- */

#define FDW_HOOKS_MAX 8

struct fdw_hook {
	__u32 tgid;  /* in the initial pid namespace; 0: none */
	__u32 index; /* of the program */
};
_Static_assert(sizeof(struct fdw_hook) == 8, "wire layout");

/* ---- maps ---- */

/* Refusals, exact, by process and call; kept until user space deletes them,
 * so that they outlive the process. */
struct fdw_refusal_key {
	__u64 start_ns;
	__u32 tgid;
	__u16 call; /* with FDW_CALL_COMPAT */
	__u16 error;
};
_Static_assert(sizeof(struct fdw_refusal_key) == 16, "wire layout");

struct fdw_refusal_value {
	__u64 count;
	char comm[FDW_COMM_LEN]; /* of the leader: all that is known of a process
				    whose record found no room */
	__u32 uid;               /* whose share of the map it is in */
	__u32 reserved;
};
_Static_assert(sizeof(struct fdw_refusal_value) == 32, "wire layout");

/* What was lost or could not be read, one slot each in a per-CPU array. */
enum fdw_loss {
	FDW_LOSS_RING_FULL,   /* records that found no room in the ring */
	FDW_LOSS_REFUSAL_MAP, /* refusals not counted: their map is full */
	FDW_LOSS_PROCESS_MAP, /* calls not counted: no state for the process */
	FDW_LOSS_READ,        /* kernel memory that could not be read */
	FDW_LOSS_GATE,        /* records not made: another was being made there */
	FDW_LOSS_MAX,
};

#endif /* FDWARDEN_WIRE_H */
