/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All sinks together: one alert goes to each of them.
 */
#ifndef FDWARDEN_OUTLET_H
#define FDWARDEN_OUTLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "output/alert.h"
#include "output/sink.h"

enum outlet_kind {
	OUTLET_STDOUT,
	OUTLET_JOURNAL,
	OUTLET_FILE,
	OUTLET_HOOK,
	OUTLET_KINDS
};

/* Which sinks are wanted; strings are copied. */
struct outlet_settings {
	bool stdout_on, journal_on;
	const char *file; /* NULL: none */
	const char *hook; /* NULL: none */
	/* Bytes of a line, of an output that is lines of a log; 0: as long as it is, or
	 * ALERT_LINE_MIN and more. A hook gets each alert whole. */
	size_t max_line;
};

struct outlet;

/* NULL: no memory. */
struct outlet *outlet_new(void);

typedef void (*outlet_say)(const char *line);

/*
 * Opens what is wanted, at the start. What can't be opened is told to `say`, is missing,
 * and costs no more than its own alerts, which are counted as lost. Returns whether any is
 * open.
 */
bool outlet_start(struct outlet *outlet, const struct outlet_settings *settings,
		  outlet_say say);

/* Tries again what is missing, now and then, and ends what a reload has dropped; to be called
 * about once a second, with any clock. What changes is told to `say`. True: a sink is there
 * that was not. */
bool outlet_retry(struct outlet *outlet, uint64_t now_ns, outlet_say say);

/* From now on each output is told in its own stream what it has lost, in alerts of this host,
 * which is borrowed for as long as the outlet is used. */
void outlet_set_host(struct outlet *outlet, const struct alert_host *host);

/*
 * Opens what is newly wanted, closes what is not any more, and leaves the others
 * alone. Either all of it is done (0), or nothing: -errno, one line in `why`.
 */
int outlet_configure(struct outlet *outlet, const struct outlet_settings *settings,
		     char *why, size_t why_size);

/* Sends it to every sink; never blocks. Losses are counted by the sinks. Returns 0,
 * or -ENOMEM: not sent at all (counted, too). */
int outlet_send(struct outlet *outlet, const struct alert *alert);

/* Besides the sinks, each alert goes to both taps, which must not wait; NULL: to none. */
enum outlet_tap_of { OUTLET_TAP_CLIENTS, OUTLET_TAP_INCIDENTS, OUTLET_TAPS };
typedef void (*outlet_tap)(void *context, const struct sink_message *message);
void outlet_set_tap(struct outlet *outlet, enum outlet_tap_of of, outlet_tap tap,
		    void *context);

/* Log rotation: files are opened anew. */
void outlet_reopen(struct outlet *outlet);

/* The sink of a kind, NULL if it is not open. */
struct sink *outlet_sink(const struct outlet *outlet, enum outlet_kind kind);

/* Alerts that were lost, in all sinks that are open, ever. */
uint64_t outlet_lost(const struct outlet *outlet);

/* Writes what waits for at most timeout_ms in each sink. Accepts NULL. Returns the
 * number of alerts lost. */
uint64_t outlet_close(struct outlet *outlet, int timeout_ms);

#endif
