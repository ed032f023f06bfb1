/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to the texts of the state file and of incidents' records: the members of their
 * objects, by table, so that both ways are one list. What is 0 or empty is absent.
 */
#ifndef FDWARDEN_STATE_MEMBERS_H
#define FDWARDEN_STATE_MEMBERS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STATE_JSON_VERSION 1

struct member;

struct members {
	const struct member *list;
	size_t len;
};

extern const struct members members_of_policy, members_of_system_policy,
	members_of_system, members_of_process, members_of_group, members_of_waiting,
	members_of_refusal, members_of_tally, members_of_tally_member,
	members_of_tally_call;
/* Of records alone: what struct policy_fd has beside members_of_policy, what the policy was
 * told, and by which settings it decided. */
extern const struct members members_of_fleeting_policy, members_of_observation,
	members_of_files, members_of_settings;

/* The members of what is at `base`, added to `out`. NULL `out`: no memory. 0 or
 * -ENOMEM. */
int members_put(cJSON *out, const struct members *members, const void *base);

/* … and read. false: one of them is not what it must be. */
bool members_get(const cJSON *from, const struct members *members, void *base);

/* One number: as digits, exact over the whole range; or below 2^32 (`max` 0: any of
 * these). */
int members_put_exact(cJSON *out, const char *name, uint64_t value);
int members_put_small(cJSON *out, const char *name, uint32_t value);
bool members_get_exact(const cJSON *item, uint64_t *out);
bool members_get_small(const cJSON *item, uint64_t max, uint32_t *out);

/* A number that may be missing: then `out` stays. */
bool members_get_number(const cJSON *from, const char *name, uint32_t max,
			uint32_t *out);

/* A text of at most `max` bytes as it was written, which may be missing: then `out`
 * stays. The caller frees it. */
bool members_get_text(const cJSON *from, const char *name, size_t max, char **out);

/* A new object at the end of the list. NULL: no memory. */
cJSON *members_add_to_list(cJSON *list);

#endif
