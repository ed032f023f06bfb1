/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads a descriptor table as the kernel keeps it: the bitmap open_fds of one
 * bit a descriptor, and full_fds_bits of one bit for each of its words that is
 * all ones.
 *
 * Addresses are kept as plain integers: on 6.18 fdt->open_fds is an untrusted
 * pointer, on older kernels a scalar, and either can be read by a probe. The
 * table may be replaced or freed meanwhile; the probes then read stale memory
 * or fail, and the caller is told (FDW_TABLE_TORN).
 */
#ifndef FDWARDEN_FDTABLE_BPF_H
#define FDWARDEN_FDTABLE_BPF_H

#include "bounded.bpf.h"
#include "compat.bpf.h"
#include "fdwarden/wire.h"

#define GROUP_WORDS  64 /* words of open_fds for one word of full_fds_bits */
#define GROUP_SLOTS  4096
/* 256 groups of 4096 are 1,048,576 slots, fs.nr_open's default; four times as
 * much is walked. */
#define MAX_BLOCKS   32
#define BLOCK_GROUPS 32
#define READ_TRIES   2

/*
 * The functions below that are not static are global: the verifier looks at each of them
 * once, and not for all that a caller has come by, nor for each turn of its loop. With one
 * loop of 1024 turns the sensor would take it three times as much, and inlined into its
 * callers 2 s and 760,000 instructions (6.18). No level more: from sensor_exit by truncated()
 * and refused() they are the eight that the kernel allows.
 */

/* One table while it is counted. In a per-CPU map: it is too large for the
 * stack, and the global functions below may take no pointers on 5.10. */
struct fdtable_scan {
	__u64 words[GROUP_WORDS];
	__u64 files, open_fds, full_fds_bits; /* kernel addresses */
	__u64 soft_limit;
	__u32 max_fds, words_total, groups;
	__u32 count, used;
	__u32 lowest_free; /* ~0: none found yet */
	__u32 failed;      /* a word could not be read */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fdtable_scan);
} fdtable_scratch SEC(".maps");

static __always_inline struct fdtable_scan *fdtable_scan(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&fdtable_scratch, &zero);
}

#define BYTE_COUNTS(x)                                                                 \
	do {                                                                           \
		x = x - ((x >> 1) & 0x5555555555555555ull);                            \
		x = (x & 0x3333333333333333ull) + ((x >> 2) & 0x3333333333333333ull);  \
		x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0full;                            \
	} while (0)

static __always_inline __u64 popcount(__u64 x)
{
	BYTE_COUNTS(x);
	return (x * 0x0101010101010101ull) >> 56;
}

/* Index of the lowest zero bit; 64: none. */
static __always_inline __u32 lowest_zero(__u64 x)
{
	return popcount(x & ~(x + 1));
}

/* Bits set in eight words. A function of its own also for the stack: where this is unrolled
 * in its caller, the compilers keep its constants there. */
__noinline int fdtable_sum_eight(__u32 first)
{
	struct fdtable_scan *s = fdtable_scan();
	__u64 acc = 0;
	__u32 i;

	if (!s)
		return 0;
	for (i = 0; i < 8; i++) {
		__u64 x = s->words[MASKED(first + i, GROUP_WORDS)];

		BYTE_COUNTS(x);
		acc += x; /* 8 bytes of at most 64 */
	}
	acc = (acc & 0x00ff00ff00ff00ffull) + ((acc >> 8) & 0x00ff00ff00ff00ffull);
	return (acc * 0x0001000100010001ull) >> 48;
}

/* Bits set in words[0..nwords), rounded up to eight. */
static __always_inline __u32 sum_words(__u64 nwords)
{
	__u32 first, sum = 0;

	for (first = 0; first < GROUP_WORDS; first += 8) {
		if (first >= nwords)
			break;
		sum += fdtable_sum_eight(first);
	}
	return sum;
}

/* How many of the first `below` slots of eight words are taken. */
__noinline int fdtable_used_in_eight(__u32 first, __u32 below)
{
	struct fdtable_scan *s = fdtable_scan();
	__u32 i, sum = 0;

	if (!s)
		return 0;
	for (i = 0; i < 8 && below; i++) {
		__u64 word = s->words[MASKED(first + i, GROUP_WORDS)];

		if (below < 64) {
			sum += popcount(word & ((1ull << below) - 1));
			break;
		}
		sum += popcount(word);
		below -= 64;
	}
	return sum;
}

/* … and of the group's, which has been read to words[]. */
__noinline int fdtable_used_in_group(__u32 below)
{
	__u32 first, sum = 0;

	for (first = 0; first < GROUP_WORDS; first += 8) {
		sum += fdtable_used_in_eight(first, below);
		if (below < 8 * 64)
			break;
		below -= 8 * 64;
	}
	return sum;
}

/* Adds one group to the scan's sums. */
__noinline int fdtable_scan_group(__u32 group)
{
	struct fdtable_scan *s = fdtable_scan();
	__u64 full = 0, nwords, below;
	__u32 sum, j;

	if (!s)
		return 0;
	below = (__u64)group * GROUP_SLOTS;
	below = s->soft_limit > below ? s->soft_limit - below : 0;
	if (bpf_probe_read_kernel(&full, 8, (void *)(s->full_fds_bits + group * 8ull)))
		s->failed = 1;
	if (full == ~0ull) {
		s->count += GROUP_SLOTS;
		s->used += below < GROUP_SLOTS ? below : GROUP_SLOTS;
		return 0;
	}
	nwords = AT_MOST(s->words_total - group * GROUP_WORDS, GROUP_WORDS);
	if (!nwords)
		return 0;
	if (nwords & 7) /* summed in blocks of 8 words */
		for (j = 0; j < 8; j++)
			s->words[(nwords & 56) + j] = 0;
	if (bpf_probe_read_kernel(s->words, nwords * 8,
				  (void *)(s->open_fds + group * 512ull))) {
		s->failed = 1;
		return 0;
	}
	sum = sum_words(nwords);
	s->count += sum;
	if (below >= nwords * 64)
		s->used += sum;
	else if (below)
		s->used += fdtable_used_in_group(below);
	if (s->lowest_free == ~0u) {
		__u64 hole = lowest_zero(full);

		if (hole < nwords) /* else the table is full to its end */
			s->lowest_free =
				group * GROUP_SLOTS + hole * 64 +
				lowest_zero(s->words[MASKED(hole, GROUP_WORDS)]);
	}
	return 0;
}

/* The common case: a table of one word, embedded in files_struct. */
static __always_inline void scan_one_word(struct fdtable_scan *s)
{
	__u64 word = 0;

	if (bpf_probe_read_kernel(&word, 8, (void *)s->open_fds))
		s->failed = 1;
	s->count = popcount(word);
	s->used = s->count;
	if (s->soft_limit < 64)
		s->used = popcount(word & ((1ull << s->soft_limit) - 1));
	s->lowest_free = lowest_zero(word);
}

/* Adds those groups of a block that are there. */
__noinline int fdtable_scan_block(__u32 block)
{
	struct fdtable_scan *s = fdtable_scan();
	__u32 i, group = block * BLOCK_GROUPS;

	if (!s)
		return 0;
	for (i = 0; i < BLOCK_GROUPS; i++) {
		if (group + i >= s->groups)
			break;
		fdtable_scan_group(group + i);
	}
	return 0;
}

/* Sums the whole table up, from what the scan says of it. */
static __always_inline void scan_all(struct fdtable_scan *s)
{
	__u32 block;

	if (s->words_total <= 1) {
		scan_one_word(s);
		return;
	}
	for (block = 0; block < MAX_BLOCKS; block++) {
		if (block * BLOCK_GROUPS >= s->groups)
			break;
		fdtable_scan_block(block);
	}
}

/* Between the sensors' programs and this there is no room for one level more. For what walks
 * tasks it is one: with this loop inside that over the tasks 6.12's verifier does not come to an
 * end within a minute. */
#ifdef TYPED_POINTERS
__noinline int fdtable_scan_all(void)
{
	struct fdtable_scan *s = fdtable_scan();

	if (s)
		scan_all(s);
	return 0;
}
#define SCAN_ALL(s) fdtable_scan_all()
#else
#define SCAN_ALL(s) scan_all(s)
#endif

/* Looks for the table that `from` has now, and counts it. -1: there is none. */
static __always_inline int scan_table(struct fdtable_scan *s, struct fdtable *table)
{
	s->open_fds = (__u64)FIELD_READ(table, open_fds);
	s->full_fds_bits = (__u64)FIELD_READ(table, full_fds_bits);
	s->max_fds = FIELD_READ(table, max_fds);
	s->words_total = s->max_fds / 64;
	s->groups = (s->words_total + GROUP_WORDS - 1) / GROUP_WORDS;
	s->count = s->used = s->failed = 0;
	s->lowest_free = ~0u;
	if (!s->open_fds)
		return -1;
	SCAN_ALL(s);
	return 0;
}

/* Counts the scan's table against its limit. One that was replaced while it was read is
 * read again, once. Returns the tries that failed, or -1 if nothing could be read. */
static __always_inline int scan_files(struct fdtable_scan *s, struct files_struct *from)
{
	struct fdtable *table;
	__u32 tries;

	for (tries = 0; tries < READ_TRIES; tries++) {
		table = FIELD_READ(from, fdt);
		if (scan_table(s, table))
			return -1;
		if (!s->failed && FIELD_READ(from, fdt) == table)
			break;
	}
	return tries;
}

#ifndef TYPED_POINTERS
__noinline int fdtable_scan_files(void)
{
	struct fdtable_scan *s = fdtable_scan();

	return s ? scan_files(s, (struct files_struct *)s->files) : -1;
}
#endif

/* … into *out. Returns 0, or -1 if nothing could be read. */
static __always_inline int fdtable_count(struct files_struct *files, __u64 soft_limit,
					 struct fdw_table *out)
{
	struct fdtable_scan *s = fdtable_scan();
	int tries;

	if (!s)
		return -1;
	s->soft_limit = soft_limit;
#ifdef TYPED_POINTERS
	tries = scan_files(s, files);
#else
	s->files = (__u64)files;
	tries = fdtable_scan_files();
#endif
	if (tries < 0)
		return -1;
	out->max_fds = s->max_fds;
	out->files = (__u64)files;
	out->count = s->count;
	out->used = s->used;
	out->lowest_free = s->lowest_free == ~0u ? s->max_fds : s->lowest_free;
	out->flags = tries == READ_TRIES ? FDW_TABLE_TORN : 0;
	out->more = 0;
	out->opened = out->closed = 0;
	return 0;
}

#endif /* FDWARDEN_FDTABLE_BPF_H */
