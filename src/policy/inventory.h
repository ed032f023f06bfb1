/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What fills a descriptor table: the descriptors of one process, counted by
 * type and gathered into groups that are one line each. Pure, but for memory.
 *
 *   412 tcp CLOSE_WAIT → 10.0.0.7:443
 *   350 files under /var/tmp/upload-*
 *    60 deleted files under /var/lib/app
 */
#ifndef FDWARDEN_INVENTORY_H
#define FDWARDEN_INVENTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/descriptor.h"

struct inventory;

/* How a socket's connection came about. */
enum inventory_direction {
	INVENTORY_NO_CONNECTION,
	INVENTORY_ACCEPTED, /* its local port is one that this process listens on, or
				that many of its connections have in common */
	INVENTORY_OUTGOING,
};

/* Values of inventory_group.state that are not a connection's. */
#define INVENTORY_NO_PEER   "NO_PEER"   /* of a unix socket: the other end is gone */
#define INVENTORY_NO_READER "NO_READER" /* of a pipe */
#define INVENTORY_NO_WRITER "NO_WRITER"
#define INVENTORY_ENDED     "ENDED" /* of a pidfd: its process is no more */
/* Of TCP: the connection is over (reset, timed out, closed by both), only the descriptor is
 * left; CLOSE is the state of a socket that was not connected. One in CLOSE_WAIT comes to
 * this when a keep-alive probe is answered by a reset, a minute after its peer has closed. */
#define INVENTORY_CLOSED    "CLOSED"

/* So many of one type ("tcp", "file", "pipe", …). */
struct inventory_count {
	const char *type; /* static: descriptor_type_name(), or the inode's own name */
	uint64_t count;
};

struct inventory_group {
	enum descriptor_kind kind;
	const char *type;  /* as in inventory_count */
	const char *state; /* "CLOSE_WAIT"; NULL: none. Static */
	enum inventory_direction direction;
	uint64_t count;    /* descriptors */
	uint64_t distinct; /* files, inodes or connections behind them */
	uint64_t opens;    /* open file descriptions: fewer than `count` if some are
			      duplicates (dup(), F_DUPFD) */
	uint64_t peers;    /* gathered under their port: how many; else 0 */
	uint64_t rdevice;  /* of devices, as st_rdev */
	uint64_t timed; /* connections of which it is known when they moved data … */
	uint64_t idle;  /* … and of them those that have not for a minute */
	bool deleted;
	const char
		*where; /* directory, path, peer ("10.0.0.7:443"), listening address of
				accepted ones ("*:80"), unix name; NULL: nothing in common.
				Hostile. */
	const char *pattern; /* what the names in the directory have in common:
				"upload-*"; NULL. Hostile. */
	const char *example; /* one of them, whole; NULL */
	bool whole;          /* `where` is the path of all of them */
	const char *
		dir; /* of files: where they are, variable parts as '*'; NULL. Hostile. */
};

/*
 * Gathers. `descriptors` is read, not kept: strings are copied. NULL: no memory.
 * `groups_max`: at most so many groups; what is left is in no group but in the counts
 * (inventory_rest()).
 */
struct inventory *inventory_new(const struct descriptor *descriptors, size_t len,
				size_t groups_max);
void inventory_free(struct inventory *inventory);

uint64_t inventory_total(const struct inventory *inventory);
uint64_t inventory_deleted(const struct inventory *inventory);

/* Types, most first. Valid as long as the inventory. */
const struct inventory_count *inventory_counts(const struct inventory *inventory,
					       size_t *len);

/* Groups, most first; a group of one is there as well. Valid as long as the inventory. */
const struct inventory_group *inventory_groups(const struct inventory *inventory,
					       size_t *len);
uint64_t
inventory_rest(const struct inventory *inventory); /* descriptors in no group */

/* "412 tcp CLOSE_WAIT → 10.0.0.7:443" of a group: one line, hostile bytes are in it as
 * they are. Returns its length, cut to size. */
size_t inventory_group_text(const struct inventory_group *group, char *text,
			    size_t size);

#endif
