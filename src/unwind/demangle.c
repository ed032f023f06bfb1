// SPDX-License-Identifier: GPL-2.0-or-later
#include "unwind/demangle.h"

#include <libiberty/demangle.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "leak.constprop.0", "leak.isra.0", "leak.part.0", "leak.cold", "leak.lto_priv.3": the
 * part that is mangled ends before. Go's own names have dots, and none of these. */
static size_t length_without_clones(const char *name)
{
	static const char *const clones[] = {".constprop.", ".isra.",     ".part.",
					     ".cold",       ".lto_priv.", ".llvm."};
	size_t len = strcspn(name, "@"); /* a symbol's version */

	for (size_t i = 0; i < sizeof(clones) / sizeof(clones[0]); i++) {
		const char *at = strstr(name, clones[i]);

		if (at && at > name && (size_t)(at - name) < len)
			len = (size_t)(at - name);
	}
	return len;
}

/* "main.main.gowrap1", "main.load.deferwrap2": what Go makes of `go f(x)` and `defer f(x)`
 * since 1.22 and 1.18. It stands at that statement's line, and Go's own stack dumps leave it
 * out; the function that has the statement is the one to be named. */
static size_t length_without_wrapper(const char *name, size_t len)
{
	static const char *const wrappers[] = {".gowrap", ".deferwrap"};
	size_t end = len;

	while (end && name[end - 1] >= '0' && name[end - 1] <= '9')
		end--;
	if (end == len)
		return len;
	for (size_t i = 0; i < sizeof(wrappers) / sizeof(wrappers[0]); i++) {
		size_t text = strlen(wrappers[i]);

		if (end > text && !memcmp(name + end - text, wrappers[i], text))
			return end - text;
	}
	return len;
}

void demangle(const char *name, char *out, size_t size)
{
	size_t len = length_without_wrapper(name, length_without_clones(name));
	char *copy = strndup(name, len), *plain = NULL;

	if (copy && copy[0] == '_') {
		plain = rust_demangle(copy, DMGL_NO_OPTS);
		if (!plain)
			plain = cplus_demangle_v3(copy, DMGL_ANSI);
	}
	snprintf(out, size, "%s", plain ? plain : copy ? copy : name);
	free(plain);
	free(copy);
}
