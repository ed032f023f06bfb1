// SPDX-License-Identifier: GPL-2.0-or-later
#include "collect/call_functions.h"

#include <bpf/btf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const native[] = {CALL_FUNCTION_NATIVE, NULL};
static const char *const compat_abi[] = {CALL_FUNCTION_COMPAT,
#ifdef CALL_FUNCTION_COMPAT_SHARED
					 CALL_FUNCTION_COMPAT_SHARED,
#endif
					 NULL};

struct function {
	const char *name; /* the types' */
	uint32_t id, prototype;
};

struct call_functions {
	struct function *list; /* ascending by name */
	size_t len, room;
};

static bool has_prefix(const char *name, const char *const *prefixes)
{
	for (; *prefixes; prefixes++)
		if (!strncmp(name, *prefixes, strlen(*prefixes)))
			return true;
	return false;
}

static int by_name(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int by_name_and_id(const void *a, const void *b)
{
	const struct function *x = a, *y = b;
	int order = by_name(a, b);

	return order ? order : (x->id > y->id) - (x->id < y->id);
}

/* Of several of a name a program is attached to the first (6.1 has such). */
static void keep_first(struct call_functions *f)
{
	size_t kept = 0;

	for (size_t i = 0; i < f->len; i++)
		if (!kept || by_name(&f->list[kept - 1], &f->list[i]))
			f->list[kept++] = f->list[i];
	f->len = kept;
}

static bool add(struct call_functions *f, const char *name, uint32_t id,
		uint32_t prototype)
{
	struct function *grown;

	if (f->len == f->room) {
		f->room = f->room ? 2 * f->room : 1024;
		grown = reallocarray(f->list, f->room, sizeof(*grown));
		if (!grown)
			return false;
		f->list = grown;
	}
	f->list[f->len++] = (struct function){name, id, prototype};
	return true;
}

struct call_functions *call_functions_new(const struct btf *kernel)
{
	struct call_functions *f = calloc(1, sizeof(*f));
	uint32_t end = btf__type_cnt(kernel);

	for (uint32_t id = 1; f && id < end; id++) {
		const struct btf_type *type = btf__type_by_id(kernel, id);
		const char *name;

		if (!btf_is_func(type))
			continue;
		name = btf__name_by_offset(kernel, type->name_off);
		if (!has_prefix(name, native) && !has_prefix(name, compat_abi))
			continue;
		if (!add(f, name, id, type->type)) {
			call_functions_free(f);
			f = NULL;
		}
	}
	if (f && f->len) {
		qsort(f->list, f->len, sizeof(*f->list), by_name_and_id);
		keep_first(f);
	}
	return f;
}

void call_functions_free(struct call_functions *functions)
{
	if (!functions)
		return;
	free(functions->list);
	free(functions);
}

uint32_t call_functions_find(const struct call_functions *functions, const char *call,
			     bool compat, char name[CALL_FUNCTION_MAX])
{
	const char *const *prefix = compat ? compat_abi : native;

	for (; functions->len && *prefix; prefix++) {
		struct function key = {.name = name}, *found;

		snprintf(name, CALL_FUNCTION_MAX, "%s%s", *prefix, call);
		found = bsearch(&key, functions->list, functions->len, sizeof(key),
				by_name);
		if (found)
			return found->prototype;
	}
	return 0;
}
