/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process's memory, as far as one question may read it. What is in it is whatever the
 * process wants it to be, and changes while it is read.
 */
#ifndef FDWARDEN_UNWIND_MEMORY_H
#define FDWARDEN_UNWIND_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads that one question may make: lists that have no end come to one. */
#define MEMORY_READS_MAX 100000u

struct memory {
	/* All of `len` bytes at `address`, or false. */
	bool (*read)(void *context, uint64_t address, void *to, size_t len);
	void *context;
	uint32_t left; /* reads */
};

static inline bool memory_read(struct memory *m, uint64_t address, void *to, size_t len)
{
	if (!m->left)
		return false;
	m->left--;
	return m->read(m->context, address, to, len);
}

static inline bool memory_u64(struct memory *m, uint64_t address, uint64_t *to)
{
	return memory_read(m, address, to, sizeof(*to));
}

static inline bool memory_u32(struct memory *m, uint64_t address, uint32_t *to)
{
	return memory_read(m, address, to, sizeof(*to));
}

#endif
