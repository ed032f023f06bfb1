/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a socket is, and its two ends.
 */
#ifndef FDWARDEN_DESCRIPTOR_SOCKET_BPF_H
#define FDWARDEN_DESCRIPTOR_SOCKET_BPF_H

#include "descriptor_path.bpf.h"
#include <bpf/bpf_endian.h>

#define FAMILY_UNIX       1 /* AF_*: the same on all architectures */
#define FAMILY_INET       2
#define FAMILY_INET6      10
#define FAMILY_PACKET     17
#define TYPE_RAW          3 /* SOCK_RAW; not MIPS, which has its own */
#define SHUT_RECEIVE      1 /* RCV_SHUTDOWN */
/* Bytes of a sockaddr_un before its path */
#define UNIX_FAMILY_BYTES 2
#define UNIX_NAME_MASK    127 /* FDW_UNIX_NAME_MAX, rounded up */

/* The name of a unix socket, NULs as they are, at `at` of out.text; its length. An
 * abstract one begins with NUL. */
static __always_inline __u32 read_unix_name(struct unix_sock *socket, __u32 at)
{
	struct unix_address *address = BPF_CORE_READ(socket, addr);
	char *to = out.text + MASKED(at, UNIX_NAME_MASK + 1);
	__u64 len;

	if (!address)
		return 0;
	len = (__u32)BPF_CORE_READ(address, len) - UNIX_FAMILY_BYTES;
	if (len > FDW_UNIX_NAME_MAX)
		return 0;
	len = AT_MOST(len, FDW_UNIX_NAME_MAX);
	if (bpf_probe_read_kernel(to, len, address->name[0].sun_path))
		return 0;
	return len;
}

static __always_inline void read_unix(struct sock *sk, struct fdw_descriptor *d)
{
	struct unix_sock *own = (void *)sk;
	struct socket_alloc *both; /* a socket and its inode */
	struct socket *socket;
	struct sock *peer;

	/* A module in some kernels, whose types are not the kernel's own */
	if (!bpf_core_type_exists(struct unix_sock))
		return;
	d->text_len = read_unix_name(own, 0);
	peer = BPF_CORE_READ(own, peer);
	if (!peer)
		return;
	d->peer_len = read_unix_name((void *)peer, d->text_len);
	/* Not there when it has been closed, or not been accepted yet */
	socket = BPF_CORE_READ(peer, sk_socket);
	if (!socket)
		return;
	both = (void *)socket - bpf_core_field_offset(struct socket_alloc, socket);
	d->peer_inode = BPF_CORE_READ(both, vfs_inode.i_ino);
}

static __always_inline void read_inet(struct sock *sk, struct fdw_descriptor *d)
{
	if (d->socket_type != TYPE_RAW) { /* there the number is the protocol */
		d->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
		d->peer_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	}
	if (d->family == FAMILY_INET) {
		BPF_CORE_READ_INTO((__u32 *)d->local, sk, __sk_common.skc_rcv_saddr);
		BPF_CORE_READ_INTO((__u32 *)d->peer, sk, __sk_common.skc_daddr);
	} else if (bpf_core_field_exists(sk->__sk_common.skc_v6_daddr)) {
		bpf_probe_read_kernel(d->local, sizeof(d->local),
				      sk->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr8);
		bpf_probe_read_kernel(d->peer, sizeof(d->peer),
				      sk->__sk_common.skc_v6_daddr.in6_u.u6_addr8);
	}
}

/* `socket`: NULL with O_PATH */
static __always_inline void read_socket(struct socket *socket, struct fdw_descriptor *d)
{
	struct packet_sock *packet;
	struct sock *sk;

	if (!socket)
		return;
	d->socket_type = BPF_CORE_READ(socket, type);
	sk = BPF_CORE_READ(socket, sk);
	if (!sk)
		return;
	d->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	d->state = BPF_CORE_READ(sk, __sk_common.skc_state);
	d->protocol = BPF_CORE_READ(sk, sk_protocol);
	if (BPF_CORE_READ(sk, sk_shutdown) & SHUT_RECEIVE)
		d->marks |= FDW_FD_PEER_CLOSED;
	if (d->family == FAMILY_INET || d->family == FAMILY_INET6)
		read_inet(sk, d);
	else if (d->family == FAMILY_UNIX)
		read_unix(sk, d);
	else if (d->family == FAMILY_PACKET &&
		 bpf_core_type_exists(struct packet_sock)) {
		packet = (void *)sk;
		d->protocol = bpf_ntohs(BPF_CORE_READ(packet, num));
	}
}

#endif /* FDWARDEN_DESCRIPTOR_SOCKET_BPF_H */
