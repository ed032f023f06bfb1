/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libmicrohttpd, loaded when metrics are served and not before: with the libraries for TLS
 * that it brings it would take each daemon 2.7 MiB of memory, a third of all that it has.
 */
#ifndef FDWARDEN_HTTP_LIBRARY_H
#define FDWARDEN_HTTP_LIBRARY_H

#include <microhttpd.h>
#include <stddef.h>

/* Its functions, by their names without MHD_. */
struct http_library {
	__typeof__(MHD_start_daemon) *start_daemon;
	__typeof__(MHD_stop_daemon) *stop_daemon;
	__typeof__(MHD_create_response_from_buffer) *create_response_from_buffer;
	__typeof__(MHD_add_response_header) *add_response_header;
	__typeof__(MHD_queue_response) *queue_response;
	__typeof__(MHD_destroy_response) *destroy_response;
	__typeof__(MHD_lookup_connection_value) *lookup_connection_value;
	__typeof__(MHD_get_connection_info) *get_connection_info;
};

/* Stays loaded for good. Returns 0, or -ENOENT with one line in `why`. */
int http_library_load(struct http_library *out, char *why, size_t why_size);

#endif
