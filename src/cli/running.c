// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/running.h"

#include <errno.h>
#include <stdio.h>

#include "config/config.h"
#include "daemon/state_file.h"

static int load(const char *path, struct self_figures *out, char *why, size_t why_size)
{
	struct state_document document;
	const char *reason = "";
	int err = state_file_load(path, &document, &reason);

	if (!err && !state_file_is_live(&document))
		err = -ESRCH;
	if (!err)
		*out = document.self;
	/* Of another boot or version, it is not a running daemon's either. */
	if (err == -ENOENT || err == -ESTALE)
		err = -ESRCH;
	if (err == -ESRCH)
		snprintf(why, why_size, "no daemon is running");
	else if (err)
		snprintf(why, why_size, "not known: %s: %s", path, reason);
	state_json_clear(&document);
	return err;
}

int running_self(const char *config_path, struct self_figures *out, char *why,
		 size_t why_size)
{
	struct config *config;
	int err = config_load(config_path ? config_path : CONFIG_PATH,
			      config_path ? CONFIG_FORGIVE | CONFIG_MUST_EXIST
					  : CONFIG_FORGIVE,
			      NULL, 0, &config, why, why_size);

	if (err)
		return err;
	if (config->state_file) {
		err = load(config->state_file, out, why, why_size);
	} else {
		err = -ESRCH;
		snprintf(why, why_size, "no state file is configured");
	}
	config_free(config);
	return err;
}
