/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon: the event loop around the monitor, signals, systemd.
 */
#ifndef FDWARDEN_DAEMON_H
#define FDWARDEN_DAEMON_H

#include <stdbool.h>
#include <stddef.h>

struct daemon_options {
	const char *config_path;
	bool config_must_exist;
	const char *const *overrides; /* "section.key=value" */
	size_t overrides_len;
	bool verbose; /* as log.level = debug, whatever the configuration says */
};

/* Monitors until SIGTERM or SIGINT. Returns the program's exit code (cli_exit). */
int daemon_run(const struct daemon_options *options);

#endif
