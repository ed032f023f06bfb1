/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of users for rules, of the name service (NSS) where /etc/passwd has none: a
 * directory server may take seconds to answer, or never do. So a thread asks, what it
 * was told is kept, and the caller waits for a few milliseconds at the most. For one
 * calling thread.
 */
#ifndef FDWARDEN_NAME_SERVICE_H
#define FDWARDEN_NAME_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Longest name that is kept, and its NUL; a longer one counts as none. */
#define NAME_SERVICE_LEN     256
/* What the caller waits for one answer, and for all of them within a second. While an
 * answer is overdue it does not wait at all. */
#define NAME_SERVICE_WAIT_NS 10000000ull
#define NAME_SERVICE_ROOM_NS 30000000ull
/* An answer is asked for again after this time; meanwhile the old one holds. */
#define NAME_SERVICE_KEEP_NS 600000000000ull
/* … and that there is none, or that the service failed. */
#define NAME_SERVICE_NONE_NS 30000000000ull
/* Users that are kept; the one that was asked for longest ago goes. */
#define NAME_SERVICE_USERS   1024

enum name_service_answer {
	NAME_SERVICE_WAITS, /* not known yet: to be asked again */
	NAME_SERVICE_NONE,  /* it has no name */
	NAME_SERVICE_KNOWN,
};

struct name_service;

/* Asks the service itself. 0 with the name, 0 with an empty one, or -errno. */
typedef int (*name_service_lookup)(uid_t uid, char name[NAME_SERVICE_LEN]);

/* `lookup` NULL: getpwuid_r(). NULL: no memory. */
struct name_service *name_service_new(name_service_lookup lookup);

/* The name as it is known at `now_ns` (any clock that does not jump), copied. */
enum name_service_answer name_service_find(struct name_service *names, uid_t uid,
					   uint64_t now_ns,
					   char name[NAME_SERVICE_LEN]);

/* Something for the log: the service does not answer, or does again. Fills a line and
 * returns true, once for each change. */
bool name_service_report(struct name_service *names, uint64_t now_ns, char *line,
			 size_t size);

/* Does not wait for a thread that is being kept waiting. Accepts NULL. */
void name_service_free(struct name_service *names);

#endif
