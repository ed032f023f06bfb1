// SPDX-License-Identifier: GPL-2.0-or-later
#include "server/http_library.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#ifdef FDWARDEN_STATIC

/* Linked in, without TLS. */
int http_library_load(struct http_library *out, char *why, size_t why_size)
{
	(void)why, (void)why_size;
	*out = (struct http_library){
		.start_daemon = MHD_start_daemon,
		.stop_daemon = MHD_stop_daemon,
		.create_response_from_buffer = MHD_create_response_from_buffer,
		.add_response_header = MHD_add_response_header,
		.queue_response = MHD_queue_response,
		.destroy_response = MHD_destroy_response,
		.lookup_connection_value = MHD_lookup_connection_value,
		.get_connection_info = MHD_get_connection_info,
	};
	return 0;
}

#else

#include <dlfcn.h>

/* The ABI of the header that this is compiled with: 12 since 0.9.52, and in 1.0 still. */
#define LIBRARY       "libmicrohttpd.so.12"

static const struct {
	const char *name;
	size_t offset;
} functions[] = {
	{"MHD_start_daemon", offsetof(struct http_library, start_daemon)},
	{"MHD_stop_daemon", offsetof(struct http_library, stop_daemon)},
	{"MHD_create_response_from_buffer",
	 offsetof(struct http_library, create_response_from_buffer)},
	{"MHD_add_response_header", offsetof(struct http_library, add_response_header)},
	{"MHD_queue_response", offsetof(struct http_library, queue_response)},
	{"MHD_destroy_response", offsetof(struct http_library, destroy_response)},
	{"MHD_lookup_connection_value",
	 offsetof(struct http_library, lookup_connection_value)},
	{"MHD_get_connection_info", offsetof(struct http_library, get_connection_info)},
};
#define FUNCTIONS_LEN (sizeof(functions) / sizeof(functions[0]))
_Static_assert(FUNCTIONS_LEN * sizeof(void (*)(void)) == sizeof(struct http_library),
	       "all of them are in the table");

int http_library_load(struct http_library *out, char *why, size_t why_size)
{
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

	if (!library) {
		snprintf(why, why_size, "%s can't be loaded (%s); install it", LIBRARY,
			 dlerror());
		return -ENOENT;
	}
	for (size_t i = 0; i < FUNCTIONS_LEN; i++) {
		void *found = dlsym(library, functions[i].name);

		if (!found) {
			snprintf(why, why_size, "%s has no %s", LIBRARY,
				 functions[i].name);
			dlclose(library);
			return -ENOENT;
		}
		memcpy((char *)out + functions[i].offset, &found, sizeof(found));
	}
	return 0;
}

#endif
