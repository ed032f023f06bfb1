/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Durations, numbers and times as people type them, the same for all commands.
 */
#ifndef FDWARDEN_VALUES_H
#define FDWARDEN_VALUES_H

#include <stdint.h>
#include <time.h>

/* "5s", "1m30s", "250ms", as in the configuration; a bare number, with a fraction or without,
 * is in seconds. In ns. 0 or -EINVAL. */
int values_parse_duration(const char *text, uint64_t *ns);
#define VALUES_DURATION "a duration, as 5s, 1m30s or 500ms, or a number of seconds"

/* "1048576", "1024k", "1M": a k is 1024, as for limits it is meant. 0 or -EINVAL. */
int values_parse_number(const char *text, uint64_t *number);

/*
 * A time in the past, in the local time zone: "10m" (ago), "08:30", "yesterday", "2026-01-02",
 * "2026-01-02 08:30:05"; a date with a Z behind it is UTC. `now` is the present. 0 or -EINVAL.
 */
int values_parse_since(const char *text, time_t now, time_t *since);
#define VALUES_SINCE                                                                   \
	"a time, as 10m (ago), 08:30, today, 2026-01-02 or '2026-01-02 08:30'"

#endif
