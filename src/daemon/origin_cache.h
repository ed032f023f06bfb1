/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the limits of some processes were set, as it was found before: it does not change
 * as long as the limits do not. No file is read here.
 */
#ifndef FDWARDEN_ORIGIN_CACHE_H
#define FDWARDEN_ORIGIN_CACHE_H

#include <stdbool.h>

#include "daemon/explain.h"

struct origin_cache;

/* NULL: no memory. free accepts NULL. */
struct origin_cache *origin_cache_new(void);
void origin_cache_free(struct origin_cache *cache);

/* A copy for this process with these limits, the caller's to clear. Of another program than
 * the one that was looked at, it does not say that it uses select(2). false: none. */
bool origin_cache_get(struct origin_cache *cache,
		      const struct explain_question *question, struct origin *out);

/* Keeps a copy, in place of the one that was asked for longest ago. */
void origin_cache_put(struct origin_cache *cache,
		      const struct explain_question *question,
		      const struct origin *origin);

#endif
