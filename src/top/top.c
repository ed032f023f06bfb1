// SPDX-License-Identifier: GPL-2.0-or-later
#include "top/top.h"

#include <errno.h>
#include <langinfo.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "client/client.h"
#include "collect/kernel.h"
#include "config/config.h"
#include "top/batch.h"
#include "top/source.h"
#include "top/terminal.h"
#include "top/view.h"

#define WHY_SIZE 512

/* One viewer must not raise the limits of others, nor slow them down to trace them: that is
 * the daemon's. */
static void without_actions(struct config *config)
{
	config->trace_auto = CONFIG_NO;
	for (size_t i = 0; i < config->rules_len; i++)
		config->rules[i].has_on_critical = false;
	memset(&config->thresholds.remedy, 0, sizeof(config->thresholds.remedy));
}

static int load(const struct top_options *options, struct config **out, char *why,
		size_t why_size)
{
	const char *path = options->config ? options->config : CONFIG_PATH;

	if (config_load(path,
			options->config ? CONFIG_FORGIVE | CONFIG_MUST_EXIST
					: CONFIG_FORGIVE,
			NULL, 0, out, why, why_size))
		return -EINVAL;
	without_actions(*out);
	(*out)->interval_ns = options->interval_ns;
	return 0;
}

/* What is missing to look oneself. */
static void say_denied(const char *socket_why, char *why, size_t why_size)
{
	snprintf(why, why_size,
		 "%s; %s with CAP_BPF and CAP_PERFMON it looks without a daemon",
		 socket_why,
		 strstr(socket_why, "run it with sudo") ? "or" : "run with sudo, or");
}

/* A running daemon's state first: it has seen more, and needs no privilege. */
static int open_source(const struct top_options *options, const struct config *config,
		       const struct source_handlers *handlers, struct source **out,
		       char *why, size_t why_size)
{
	const char *path = options->socket       ? options->socket
			   : config->socket_path ? config->socket_path
						 : CLIENT_SOCKET_PATH;
	char socket_why[WHY_SIZE], local_why[WHY_SIZE];
	int err =
		source_open_socket(path, handlers, out, socket_why, sizeof(socket_why));
	int local_err;

	if (!err)
		return 0;
	if (options->socket) {
		snprintf(why, why_size, "%s", socket_why);
		return err;
	}
	kernel_quiet_libbpf();
	local_err = kernel_check(local_why, sizeof(local_why));
	if (!local_err)
		return source_open_local(config, handlers, out, why, why_size);
	/* of a right that is missing the daemon's answer says more */
	if (local_err != -EPERM)
		snprintf(why, why_size, "%s", local_why);
	else if (err == -EACCES || err == -EPERM || err == -ENOENT ||
		 err == -ECONNREFUSED)
		say_denied(socket_why, why, why_size);
	else
		snprintf(why, why_size, "%s", local_why);
	return err;
}

static int run_batch(const struct top_options *options, const struct config *config,
		     char *why, size_t why_size)
{
	struct batch_options settings = {
		.interval_ns = options->interval_ns,
		.refreshes = options->refreshes,
		.sort = options->sort,
		.descending = !column_info(options->sort)->ascending,
		.filter = options->filter,
		.json = options->json,
		.style = {.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8")},
	};
	struct batch *batch;
	struct source_handlers handlers;
	struct source *source = NULL;
	struct winsize window;
	int err = -ENOMEM;

	if (isatty(STDOUT_FILENO) && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &window))
		settings.style.width = window.ws_col;
	batch = batch_new(&settings);
	if (batch) {
		handlers = batch_handlers(batch);
		err = open_source(options, config, &handlers, &source, why, why_size);
	}
	if (!err)
		err = batch_run(batch, source, why, why_size);
	source_close(source);
	batch_free(batch);
	return err;
}

static int run_view(const struct top_options *options, const struct config *config,
		    char *why, size_t why_size)
{
	struct view_options settings = {
		.interval_ns = options->interval_ns,
		.refreshes = options->refreshes,
		.sort = options->sort,
		.descending = !column_info(options->sort)->ascending,
		.sort_given = options->sort_given,
		.filter = options->filter,
	};
	struct source_handlers handlers;
	struct source *source = NULL;
	int err = terminal_check(why, why_size);
	struct view *view;

	/* before anything is loaded */
	if (err)
		return err == -EINVAL ? -ENOTTY : err;
	err = -ENOMEM;
	view = view_new(&settings);
	if (view) {
		handlers = view_handlers(view);
		err = open_source(options, config, &handlers, &source, why, why_size);
	}
	if (!err)
		err = view_run(view, source, why, why_size);
	source_close(source);
	view_free(view);
	return err;
}

int top_run(const struct top_options *options, char *why, size_t why_size)
{
	struct config *config = NULL;
	int err = load(options, &config, why, why_size);

	if (err)
		return err;
	snprintf(why, why_size, "%s", strerror(ENOMEM));
	if (options->batch || options->json)
		err = run_batch(options, config, why, why_size);
	else
		err = run_view(options, config, why, why_size);
	config_free(config);
	return err == -EINVAL ? -EIO : err;
}
