// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/origin_cache.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES 64

struct entry {
	uint64_t used; /* number of its last use; 0: free */
	pid_t pid;
	uint64_t start_ns, soft_limit, hard_limit, exec_id;
	bool own_limit;
	struct origin origin;
};

struct origin_cache {
	struct entry entries[ENTRIES];
	uint64_t uses;
};

struct origin_cache *origin_cache_new(void)
{
	return calloc(1, sizeof(struct origin_cache));
}

void origin_cache_free(struct origin_cache *cache)
{
	if (!cache)
		return;
	for (size_t i = 0; i < ENTRIES; i++)
		origin_clear(&cache->entries[i].origin);
	free(cache);
}

/* Its strings stand together, at its end. */
#define FIRST_STRING offsetof(struct origin, file)
#define LAST_STRING  offsetof(struct origin, denied)
_Static_assert(sizeof(struct origin) == LAST_STRING + sizeof(char *),
	       "copy() takes what follows `file` for strings");

static bool copy(struct origin *to, const struct origin *from)
{
	bool failed = false;

	*to = *from;
	for (size_t at = FIRST_STRING; at <= LAST_STRING; at += sizeof(char *)) {
		char **string = (char **)((char *)to + at);

		if (*string)
			*string = failed ? NULL : strdup(*string);
		failed = failed ||
			 (*(char *const *)((const char *)from + at) && !*string);
	}
	if (failed)
		origin_clear(to);
	return !failed;
}

static struct entry *find(struct origin_cache *cache,
			  const struct explain_question *question)
{
	for (size_t i = 0; i < ENTRIES; i++) {
		struct entry *entry = &cache->entries[i];

		if (entry->used && entry->pid == question->who.pid &&
		    entry->start_ns == question->who.start_ns)
			return entry;
	}
	return NULL;
}

static struct entry *least_used(struct origin_cache *cache)
{
	struct entry *least = &cache->entries[0];

	for (size_t i = 1; i < ENTRIES; i++)
		if (cache->entries[i].used < least->used)
			least = &cache->entries[i];
	return least;
}

bool origin_cache_get(struct origin_cache *cache,
		      const struct explain_question *question, struct origin *out)
{
	struct entry *entry = find(cache, question);

	if (!entry || entry->soft_limit != question->soft_limit ||
	    entry->hard_limit != question->hard_limit ||
	    entry->own_limit != question->own_limit || !copy(out, &entry->origin))
		return false;
	/* The limit outlives an execve(); that it was seen in select(2) is of the program. */
	if (!question->exec_id || entry->exec_id != question->exec_id)
		out->selects = false;
	entry->used = ++cache->uses;
	return true;
}

void origin_cache_put(struct origin_cache *cache,
		      const struct explain_question *question,
		      const struct origin *origin)
{
	struct entry *entry = find(cache, question);

	if (!entry)
		entry = least_used(cache);
	origin_clear(&entry->origin);
	*entry = (struct entry){
		.pid = question->who.pid,
		.start_ns = question->who.start_ns,
		.soft_limit = question->soft_limit,
		.hard_limit = question->hard_limit,
		.own_limit = question->own_limit,
		.exec_id = question->exec_id,
	};
	if (copy(&entry->origin, origin))
		entry->used = ++cache->uses;
}
