/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one line of the view is about: a process, or a group of them (a service, a
 * container), with all that its columns show.
 */
#ifndef FDWARDEN_TOP_ITEM_H
#define FDWARDEN_TOP_ITEM_H

#include <stdbool.h>
#include <stdint.h>

#include "output/roster.h"
#include "top/history.h"

#define ITEM_USER_LEN 33
#define ITEM_KIND_LEN 40

/* Strings are borrowed, and hostile where they are a process's. */
struct item {
	bool group;
	/* of a group: those of the process that is worst off */
	const struct identity *who;
	const struct alert_fd *fd;
	const struct history *history;
	const char *user;
	/* of a group: added up over its processes, but for `level`, the highest, and
	 * `exhausted_in_s`, the soonest */
	bool known; /* `used`, `count` */
	uint64_t used, count;
	enum policy_level level;
	uint64_t refused; /* since monitoring began */
	bool rates_known; /* the next three */
	double opened_per_s, closed_per_s, refused_per_s;
	bool growth_known, exhaustion_known;
	double growth_per_s, exhausted_in_s;
	/* main kind of the descriptors; empty: not known. Of a process alone. */
	const char *kind;
	uint64_t kind_count, kind_of;
	/* of a group alone */
	const char *name;
	uint64_t members, full;
	bool folded;
};

/* Taken slots of the soft limit: 0..1. NaN: not known, or there is no limit. */
double item_usage(const struct item *item);

/* In tenths of a percent; -1: not known. What is not full must not read as full. */
int item_permille(const struct item *item);

/* Whether no time is left until it is full: all slots are taken, and it did not choose that. Of
 * a group: of one of them at least. */
bool item_is_full(const struct item *item);

#endif
