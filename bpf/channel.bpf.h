/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way out to user space: the ring buffer, and a count of what is lost.
 */
#ifndef FDWARDEN_CHANNEL_BPF_H
#define FDWARDEN_CHANNEL_BPF_H

#include "compat.bpf.h"
#include "fdwarden/wire.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20); /* user space may set another size */
} records SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FDW_LOSS_MAX);
	__type(key, __u32);
	__type(value, __u64);
} losses SEC(".maps");

static __always_inline void count_loss(__u32 what)
{
	__u64 *n = bpf_map_lookup_elem(&losses, &what);

	if (n)
		(*n)++;
}

#endif /* FDWARDEN_CHANNEL_BPF_H */
