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
	/* 3,400 records near a limit; user space sets its size by the machine's. Mapped
	 * twice, all of it counts as resident: 1 MiB more for each 512 KiB. */
	__uint(max_entries, 1 << 19);
} records SEC(".maps");

/* input, set before the load: the ring's size */
const volatile __u32 ring_size = 1 << 19;

/* The last eighth of the ring is for a process's first refusal: what else would be told, the next
 * snapshot or the totals tell as well. */
static __always_inline bool ring_has_room(void)
{
	return bpf_ringbuf_query(&records, BPF_RB_AVAIL_DATA) < ring_size / 8 * 7;
}

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

/*
 * Records and tables are put together in per-CPU memory. Programs on trampolines may
 * be preempted by others on the same CPU (since 5.11 only migration is disabled), and
 * those must not use it meanwhile: they pass, and what they would have said is
 * counted. Without atomics that return a value (before 5.12) two that meet exactly
 * may both pass; never do both enter.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} gate SEC(".maps");

static __always_inline bool gate_enter(void)
{
	__u32 zero = 0;
	volatile __u64 *inside = bpf_map_lookup_elem(&gate, &zero);

	if (!inside)
		return false;
	__sync_fetch_and_add(inside, 1);
	if (*inside == 1)
		return true;
	__sync_fetch_and_add(inside, -1);
	count_loss(FDW_LOSS_GATE);
	return false;
}

static __always_inline void gate_leave(void)
{
	__u32 zero = 0;
	__u64 *inside = bpf_map_lookup_elem(&gate, &zero);

	if (inside)
		__sync_fetch_and_add(inside, -1);
}

#endif /* FDWARDEN_CHANNEL_BPF_H */
