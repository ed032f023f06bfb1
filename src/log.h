/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The program's own log: standard error, one line each, "fdwarden: " first; with
 * the priorities of sd-daemon(3) instead of that when it goes to the journal.
 * Control characters in a line become '?', so that one message stays one line;
 * strings of processes go through text_terminal() first all the same.
 */
#ifndef FDWARDEN_LOG_H
#define FDWARDEN_LOG_H

#include <stdbool.h>
#include <stdint.h>

/* The numbers are those of syslog(3). */
enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7
};

/* From now on a reader of standard error that is slow or stopped costs lines
 * (counted, and said with the next one that goes through), never time. A daemon
 * calls it; a command that ends soon rather waits for its reader. */
void log_never_block(void);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Whether lines of LOG_LEVEL_DEBUG are written; they are not at the start. Who has to
 * find out for one what it says asks first. Any thread may. */
void log_set_debug(bool on);
bool log_debug_wanted(void);
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* One a place in the code, static and with interval_ns set: at most one line in
 * that time; the next one says how many were left out. Not for two threads. */
struct log_limit {
	uint64_t interval_ns;
	uint64_t last_ns; /* CLOCK_MONOTONIC; 0: never */
	uint64_t left_out;
};
void log_limited(struct log_limit *limit, enum log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Whether `fd` is connected to the journal ($JOURNAL_STREAM). */
bool log_fd_is_journal(int fd);

#endif
