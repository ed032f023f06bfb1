/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One open descriptor as plain data: what the census says of it, and what the
 * inventory and the diagnosis are made from. Pure. Strings are a process's own
 * bytes, NUL-ended and otherwise unchecked: hostile.
 */
#ifndef FDWARDEN_DESCRIPTOR_H
#define FDWARDEN_DESCRIPTOR_H

#include <stdbool.h>
#include <stdint.h>

/* What it is. The names are in descriptor_kind_name(). */
enum descriptor_kind {
	DESCRIPTOR_UNKNOWN, /* could not be read */
	DESCRIPTOR_FILE,
	DESCRIPTOR_DIRECTORY,
	DESCRIPTOR_CHARACTER,
	DESCRIPTOR_BLOCK,
	DESCRIPTOR_PIPE, /* and FIFOs, which have a path */
	DESCRIPTOR_SOCKET,
	DESCRIPTOR_EPOLL,
	DESCRIPTOR_EVENTFD,
	DESCRIPTOR_TIMERFD,
	DESCRIPTOR_SIGNALFD,
	DESCRIPTOR_INOTIFY,
	DESCRIPTOR_FANOTIFY,
	DESCRIPTOR_PIDFD,
	DESCRIPTOR_MEMFD,
	DESCRIPTOR_IO_URING,
	DESCRIPTOR_BPF, /* maps, programs, links, iterators, tokens */
	DESCRIPTOR_PERF,
	DESCRIPTOR_NAMESPACE,
	DESCRIPTOR_USERFAULTFD,
	DESCRIPTOR_SECCOMP,
	DESCRIPTOR_QUEUE,     /* a POSIX message queue */
	DESCRIPTOR_FSCONTEXT, /* fsopen(), fspick() */
	DESCRIPTOR_LANDLOCK,  /* a ruleset */
	DESCRIPTOR_ANONYMOUS, /* another anonymous inode: `path` is the kernel's name */
	DESCRIPTOR_SYMLINK,   /* O_PATH | O_NOFOLLOW */
	DESCRIPTOR_KINDS
};

/* One end of a socket. Addresses in network order; an IPv4 one is the first four
 * bytes. family 0: none (not bound, not connected). */
struct descriptor_end {
	uint16_t family; /* AF_INET, AF_INET6 */
	uint16_t port;   /* host order; 0: none */
	uint8_t address[16];
};

struct descriptor {
	uint32_t fd;
	enum descriptor_kind kind;
	uint64_t file; /* tells open file descriptions apart; nothing else */
	uint64_t inode;
	uint64_t device;   /* as st_dev of stat(2); of files on overlayfs and btrfs stat
			      may give another one */
	uint64_t rdevice;  /* of devices, as st_rdev */
	uint64_t position; /* file offset; 0 of what has none */
	uint32_t flags;    /* O_* of its open; O_CLOEXEC is not known */
	bool deleted;      /* a file or directory without a name left */
	/* sockets */
	uint16_t family;   /* AF_*; 0: not known */
	uint16_t type;     /* SOCK_STREAM, … */
	uint16_t protocol; /* IPPROTO_*; of netlink and packet sockets theirs */
	uint8_t state;     /* TCP_ESTABLISHED … as in linux/tcp_states.h; for all
			      families, as the kernel uses it */
	struct descriptor_end local, peer;
	bool idle_known;     /* TCP: the next one is */
	uint32_t idle_s;     /* since it last sent or received anything */
	bool peer_closed;    /* it receives no more: the peer has closed or ended its
				sending, or its receiving was shut down here */
	uint64_t peer_inode; /* unix: the socket at the other end; 0: none, not accepted
				yet, unknown */
	const char *peer_path; /* unix: its name, as `path`; NULL: none, unknown */
	/* pipes */
	uint32_t readers, writers; /* ends open, in all processes; 0 and 0: unknown */
	/* pidfds */
	uint32_t pid; /* in the initial pid namespace; 0: unknown */
	bool ended;   /* the process is no more, nor its zombie */
	/* path; name of a unix socket ('@' first when abstract, and for each NUL in it);
	 * "/memfd:NAME"; anonymous inode's name without brackets ("kvm-vm", "bpf-map") if the
	 * kind does not say it; "net:[4026531840]"; NULL: none, unknown. Without
	 * " (deleted)". */
	const char *path;
	bool path_cut; /* longer than the 4096 bytes of a path: this is its end, and does
			  not begin with '/' */
};

/* "file", "directory", "character device", "tcp" is no kind but "socket". Static. */
const char *descriptor_kind_name(enum descriptor_kind kind);

/* What `ss` and `lsof` call a socket: "tcp", "udp", "unix", "netlink", "packet",
 * "raw", "vsock", "sctp", …; "socket" where there is no name. For other kinds
 * descriptor_kind_name(). Static. */
const char *descriptor_type_name(const struct descriptor *d);

/* "CLOSE_WAIT" of a socket with connections (TCP, unix stream, …); NULL where there is
 * no state. Static. */
const char *descriptor_state_name(const struct descriptor *d);

#define DESCRIPTOR_END_TEXT 64

/* "10.0.0.7:443", "[2001:db8::1]:443", "*:80"; without port "10.0.0.7"; empty where there
 * is none. */
void descriptor_end_text(const struct descriptor_end *end,
			 char text[DESCRIPTOR_END_TEXT]);

#endif
