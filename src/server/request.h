/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a client of the socket asks for: fdwarden-protocol(7). A client may send
 * anything.
 */
#ifndef FDWARDEN_REQUEST_H
#define FDWARDEN_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A line with its newline. */
#define REQUEST_LINE_MAX      65536
/* Of an "id", as JSON. */
#define REQUEST_ID_MAX        256
#define REQUEST_KINDS_MAX     256
#define REQUEST_PIDS_MAX      4096
#define REQUEST_WIDTH_MIN     40
#define REQUEST_WIDTH_MAX     1000
#define REQUEST_WIDTH_DEFAULT 80
#define REQUEST_RECENT_MAX    256
#define REQUEST_SERVICE_MAX   256
/* Past incidents in one answer. */
#define REQUEST_PAST_MAX      256
#define REQUEST_PAST_DEFAULT  50
/* An incident's id, or its beginning. */
#define REQUEST_INCIDENT_LEN  37

enum request_kind {
	REQUEST_SNAPSHOT,
	REQUEST_PROCESS,
	REQUEST_MAIN_KINDS, /* "kinds" */
	REQUEST_SELF,
	REQUEST_SUBSCRIBE,
	REQUEST_RAISED, /* a limit, by hand: it is told, not asked */
	REQUEST_INCIDENTS,
	REQUEST_REPORT,
	REQUEST_KINDS_OF /* their number */
};

/* "error":{"code"} */
enum request_error {
	REQUEST_OK,
	REQUEST_BAD,
	REQUEST_UNKNOWN,
	REQUEST_NO_SUCH_PROCESS,
	REQUEST_NO_SUCH_INCIDENT,
	REQUEST_BUSY,
	REQUEST_DENIED,
	REQUEST_FAILED,
};

struct request {
	enum request_kind kind;
	bool is_object;          /* it is JSON at all, and the next line may be */
	char id[REQUEST_ID_MAX]; /* as JSON, to be echoed; empty: none */
	uint64_t since;          /* of a snapshot; 0: a full one */
	pid_t *pids;             /* sorted; NULL: all. Owned. */
	size_t pids_len;
	pid_t pid; /* of a process; of incidents 0: any */
	int width; /* of its page */
	bool ascii, descriptors;
	size_t recent; /* alerts, of a subscription */
	uint64_t raised_from, raised_to;
	/* of incidents */
	uint64_t start_ns; /* of the process, CLOCK_BOOTTIME; 0: whoever had the pid */
	char *service;     /* NULL: none is asked for. Owned. */
	size_t max;
	char incident
		[REQUEST_INCIDENT_LEN]; /* of a report: hexadecimal digits and '-' */
};

/*
 * Reads one line. REQUEST_OK; or what is wrong with it, with one line in `why`. The id is
 * known as far as it can be, also then. `out` is to be cleared in any case.
 */
enum request_error request_parse(const char *line, size_t len, struct request *out,
				 char *why, size_t why_size);
void request_clear(struct request *request);

/* "snapshot", … and "bad-request", …: static. */
const char *request_name(enum request_kind kind);
const char *request_error_name(enum request_error error);

#endif
