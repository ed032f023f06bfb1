// SPDX-License-Identifier: GPL-2.0-or-later
#include "output/label_values.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The hash grows without asking for memory twice: what can't be had is told. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct label_value {
	char text[LABEL_VALUE_LEN];
	uid_t owner;
	bool taken;
	uint64_t seen_ns;
	UT_hash_handle hh;
};

struct label_values {
	struct label_value *places, *by_text;
	size_t len;
	bool is_new;
};

struct label_values *label_values_new(size_t places)
{
	struct label_values *values = calloc(1, sizeof(*values));

	if (!values)
		return NULL;
	values->places = calloc(places, sizeof(*values->places));
	values->len = places;
	if (values->places)
		return values;
	free(values);
	return NULL;
}

void label_values_free(struct label_values *values)
{
	if (!values)
		return;
	HASH_CLEAR(hh, values->by_text);
	free(values->places);
	free(values);
}

static struct label_value *find(const struct label_values *values, const char *text)
{
	char cut[LABEL_VALUE_LEN];
	struct label_value *found;

	snprintf(cut, sizeof(cut), "%s", text);
	HASH_FIND_STR(values->by_text, cut, found);
	return found;
}

int label_values_find(const struct label_values *values, const char *text)
{
	const struct label_value *found = find(values, text);

	return found ? (int)(found - values->places) : -ENOENT;
}

static bool is_over(const struct label_value *value, uint64_t now_ns)
{
	return now_ns > value->seen_ns && now_ns - value->seen_ns > LABEL_VALUE_KEEP_NS;
}

/* One that nothing has, else the one that was not seen for longest, if that is a day. */
static struct label_value *find_free(struct label_values *values, uid_t owner,
				     uint64_t now_ns)
{
	struct label_value *best = NULL;
	size_t of_owner = 0;

	for (size_t i = 0; i < values->len; i++) {
		struct label_value *value = &values->places[i];

		if (value->taken && !is_over(value, now_ns)) {
			of_owner += value->owner == owner;
			continue;
		}
		if (!best ||
		    (best->taken && (!value->taken || value->seen_ns < best->seen_ns)))
			best = value;
	}
	return owner && of_owner >= values->len / 2 ? NULL : best;
}

int label_values_place(struct label_values *values, const char *text, uid_t owner,
		       uint64_t now_ns)
{
	struct label_value *value = find(values, text);
	size_t before;

	values->is_new = !value;
	if (value) {
		value->seen_ns = now_ns;
		return (int)(value - values->places);
	}
	value = find_free(values, owner, now_ns);
	if (!value)
		return -ENOSPC;
	if (value->taken)
		HASH_DEL(values->by_text, value);
	memset(value, 0, sizeof(*value));
	snprintf(value->text, sizeof(value->text), "%s", text);
	value->owner = owner;
	value->seen_ns = now_ns;
	before = HASH_COUNT(values->by_text);
	HASH_ADD_STR(values->by_text, text, value);
	if (HASH_COUNT(values->by_text) == before)
		return -ENOMEM;
	value->taken = true;
	return (int)(value - values->places);
}

const char *label_values_text(const struct label_values *values, size_t place)
{
	return values->places[place].taken ? values->places[place].text : NULL;
}

bool label_values_is_new(const struct label_values *values)
{
	return values->is_new;
}

size_t label_values_places(const struct label_values *values)
{
	return values->len;
}
