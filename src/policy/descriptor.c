// SPDX-License-Identifier: GPL-2.0-or-later
#include "policy/descriptor.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define LEN(array)       (sizeof(array) / sizeof((array)[0]))

/* Not in every libc's headers */
#define PROTOCOL_L2TP    115
#define PROTOCOL_UDPLITE 136
#define PROTOCOL_SCTP    132
#define PROTOCOL_MPTCP   262
#define FAMILY_SMC       43
#define FAMILY_XDP       44
#define FAMILY_MCTP      45

static const char *const kind_names[] = {
	[DESCRIPTOR_UNKNOWN] = "unknown",
	[DESCRIPTOR_FILE] = "file",
	[DESCRIPTOR_DIRECTORY] = "directory",
	[DESCRIPTOR_CHARACTER] = "character device",
	[DESCRIPTOR_BLOCK] = "block device",
	[DESCRIPTOR_PIPE] = "pipe",
	[DESCRIPTOR_SOCKET] = "socket",
	[DESCRIPTOR_EPOLL] = "epoll",
	[DESCRIPTOR_EVENTFD] = "eventfd",
	[DESCRIPTOR_TIMERFD] = "timerfd",
	[DESCRIPTOR_SIGNALFD] = "signalfd",
	[DESCRIPTOR_INOTIFY] = "inotify",
	[DESCRIPTOR_FANOTIFY] = "fanotify",
	[DESCRIPTOR_PIDFD] = "pidfd",
	[DESCRIPTOR_MEMFD] = "memfd",
	[DESCRIPTOR_IO_URING] = "io_uring",
	[DESCRIPTOR_BPF] = "bpf",
	[DESCRIPTOR_PERF] = "perf",
	[DESCRIPTOR_NAMESPACE] = "namespace",
	[DESCRIPTOR_USERFAULTFD] = "userfaultfd",
	[DESCRIPTOR_SECCOMP] = "seccomp",
	[DESCRIPTOR_QUEUE] = "message queue",
	[DESCRIPTOR_FSCONTEXT] = "fscontext",
	[DESCRIPTOR_LANDLOCK] = "landlock ruleset",
	[DESCRIPTOR_ANONYMOUS] = "anonymous inode",
	[DESCRIPTOR_SYMLINK] = "symbolic link",
};
_Static_assert(LEN(kind_names) == DESCRIPTOR_KINDS, "a kind has no name");

/* Families whose sockets are called by it, whatever their type and protocol. */
static const struct {
	uint16_t family;
	const char *name;
} family_names[] = {
	{AF_UNIX, "unix"},
	{AF_NETLINK, "netlink"},
	{AF_PACKET, "packet"},
	{AF_VSOCK, "vsock"},
	{AF_KEY, "key"},
	{AF_ALG, "alg"},
	{AF_BLUETOOTH, "bluetooth"},
	{AF_CAN, "can"},
	{AF_TIPC, "tipc"},
	{AF_RDS, "rds"},
	{AF_KCM, "kcm"},
	{AF_QIPCRTR, "qrtr"},
	{AF_NFC, "nfc"},
	{AF_PPPOX, "pppox"},
	{AF_LLC, "llc"},
	{AF_RXRPC, "rxrpc"},
	{AF_PHONET, "phonet"},
	{AF_IEEE802154, "ieee802154"},
	{AF_X25, "x25"},
	{AF_AX25, "ax25"},
	{AF_APPLETALK, "appletalk"},
	{FAMILY_SMC, "smc"},
	{FAMILY_XDP, "xdp"},
	{FAMILY_MCTP, "mctp"},
};

/* linux/tcp_states.h: all families use these. */
static const char *const state_names[] = {
	NULL,        "ESTABLISHED", "SYN_SENT",     "SYN_RECV",   "FIN_WAIT1",
	"FIN_WAIT2", "TIME_WAIT",   "CLOSE",        "CLOSE_WAIT", "LAST_ACK",
	"LISTEN",    "CLOSING",     "NEW_SYN_RECV",
};

const char *descriptor_kind_name(enum descriptor_kind kind)
{
	if ((size_t)kind >= LEN(kind_names))
		kind = DESCRIPTOR_UNKNOWN;
	return kind_names[kind];
}

static const char *inet_name(const struct descriptor *d)
{
	if (d->type == SOCK_RAW)
		return "raw";
	switch (d->protocol) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return "icmp";
	case IPPROTO_DCCP:
		return "dccp";
	case PROTOCOL_SCTP:
		return "sctp";
	case PROTOCOL_UDPLITE:
		return "udplite";
	case PROTOCOL_MPTCP:
		return "mptcp";
	case PROTOCOL_L2TP:
		return "l2tp";
	}
	return "socket";
}

const char *descriptor_type_name(const struct descriptor *d)
{
	if (d->kind != DESCRIPTOR_SOCKET)
		return descriptor_kind_name(d->kind);
	if (d->family == AF_INET || d->family == AF_INET6)
		return inet_name(d);
	for (size_t i = 0; d->family && i < LEN(family_names); i++)
		if (family_names[i].family == d->family)
			return family_names[i].name;
	return descriptor_kind_name(DESCRIPTOR_SOCKET);
}

/* Whether its state is a connection's: that of a datagram's socket only says whether
 * connect() has been called. */
static bool has_state(const struct descriptor *d)
{
	if (d->kind != DESCRIPTOR_SOCKET)
		return false;
	switch (d->family) {
	case AF_INET:
	case AF_INET6:
	case AF_UNIX:
	case AF_VSOCK:
	case AF_TIPC:
	case FAMILY_SMC:
		return d->type == SOCK_STREAM || d->type == SOCK_SEQPACKET ||
		       d->type == SOCK_DCCP;
	}
	return false;
}

const char *descriptor_state_name(const struct descriptor *d)
{
	if (!has_state(d) || d->state >= LEN(state_names))
		return NULL;
	return state_names[d->state];
}

void descriptor_end_text(const struct descriptor_end *end,
			 char text[DESCRIPTOR_END_TEXT])
{
	static const uint8_t any[sizeof(end->address)];
	size_t size = end->family == AF_INET ? 4 : sizeof(any);
	char address[INET6_ADDRSTRLEN] = "*", port[8] = "";
	const char *open = "", *close = "";

	*text = 0;
	if (end->family != AF_INET && end->family != AF_INET6)
		return;
	if (end->port)
		snprintf(port, sizeof(port), ":%u", end->port);
	if (memcmp(end->address, any, size) != 0) {
		inet_ntop(end->family, end->address, address, sizeof(address));
		if (end->port && end->family == AF_INET6) {
			open = "[";
			close = "]";
		}
	}
	snprintf(text, DESCRIPTOR_END_TEXT, "%s%s%s%s", open, address, close, port);
}
