// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/origin_cache.h"

#include <stdlib.h>
#include <string.h>

#define ENTRIES 64

struct entry {
	uint64_t used; /* number of its last use; 0: free */
	pid_t pid;
	uint64_t start_ns, soft_limit, hard_limit;
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

static bool copy_string(const char *from, char **to)
{
	*to = from ? strdup(from) : NULL;
	return *to || !from;
}

static bool copy(struct origin *to, const struct origin *from)
{
	*to = *from;
	to->file = to->setting = to->unit = to->runtime = NULL;
	to->parent_name = to->evidence = to->denied = NULL;
	if (copy_string(from->file, &to->file) &&
	    copy_string(from->setting, &to->setting) &&
	    copy_string(from->unit, &to->unit) &&
	    copy_string(from->runtime, &to->runtime) &&
	    copy_string(from->parent_name, &to->parent_name) &&
	    copy_string(from->evidence, &to->evidence) &&
	    copy_string(from->denied, &to->denied))
		return true;
	origin_clear(to);
	return false;
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
	};
	if (copy(&entry->origin, origin))
		entry->used = ++cache->uses;
}
