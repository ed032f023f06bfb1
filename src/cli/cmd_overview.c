// SPDX-License-Identifier: GPL-2.0-or-later
/* fdwarden without a command: the fullest five, what stands, and what to type next. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/look.h"
#include "cli/printing.h"
#include "cli/stands.h"
#include "collect/kernel.h"
#include "log.h"
#include "output/view_ps.h"
#include "state/command.h"

struct options {
	struct remote_options remote;
};

static const struct cli_option option_table[] = {
	CLI_STRING('c', "config", "FILE", struct options, remote.config,
		   "the daemon's configuration, for its socket"),
	CLI_STRING(0, "socket", "PATH", struct options, remote.socket,
		   "ask the daemon at this socket"),
};

static const struct cli_usage usage = {
	.synopsis = "[-c FILE] [--socket PATH]",
	CLI_OPTIONS(option_table),
	.notes = "'fdwarden help' lists the commands.",
};

#define FULLEST   5
#define SHOWN_MAX 5
#define NEXT_LEFT 26 /* columns of a command that is proposed */

/* The daemon first: it knows what stands. Where its socket is named, that one alone. */
static int look(const struct remote_options *set, struct look *out, char *why,
		size_t size)
{
	char socket_why[REMOTE_WHY_MAX];
	struct client *client;
	int err = remote_open(set, &client, socket_why, sizeof(socket_why)), own;

	memset(out, 0, sizeof(*out));
	if (!err) {
		err = remote_roster(client, NULL, 0, &out->roster, socket_why,
				    sizeof(socket_why));
		client_close(client);
		out->from_daemon = !err;
	}
	if (err && set->socket)
		snprintf(why, size, "%s", socket_why);
	if (!err || set->socket)
		return err;
	own = look_ourselves(NULL, 0, out, why, size);
	if (own)
		remote_explain(why, size, err, socket_why);
	return own;
}

/* The fullest of all but this command, which ends: its pid in *fullest, 0: there is none. */
static int print_fullest(const struct look *look, const struct page *page, int *fullest)
{
	const struct roster *roster = &look->roster;
	struct view_ps_row *rows = calloc(roster->len + 1, sizeof(*rows));
	const struct view_ps_style style = {page->colour, page->utf8, page->width};
	struct view_ps view = {
		.system = &roster->system,
		.rows = rows,
		.lost = look->lost,
	};
	int err;

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < roster->len; i++)
		if (roster->rows[i].who.pid != getpid())
			rows[view.all++] = (struct view_ps_row){
				.who = &roster->rows[i].who,
				.fd = &roster->rows[i].fd,
			};
	view_ps_sort(rows, view.all, VIEW_PS_USAGE);
	view.len = view.all < FULLEST ? view.all : FULLEST;
	*fullest = view.len ? (int)rows[0].who->pid : 0;
	err = view_ps_table(&view, &style, stdout);
	free(rows);
	return err;
}

static int print_standing(const struct look *look, const struct page *page)
{
	const struct roster_row **open = NULL;
	char count[256];
	size_t len;
	int err = stands_find(&look->roster, &open, &len);

	if (err)
		return err;
	if (!look->from_daemon) {
		putchar('\n');
		page_text(page, "",
			  "No daemon was asked: this is one look. Unless one runs "
			  "with another socket (--socket PATH), nobody is alerted. To "
			  "be alerted:");
		puts("  sudo systemctl enable --now fdwarden\n"
		     "  sudo fdwarden daemon     without systemd");
	} else if (!len) {
		puts("\nA daemon monitors; no incident stands.");
	} else {
		stands_count(open, len, count, sizeof(count));
		printf("\nA daemon monitors; what stands: %s\n", count);
		stands_print(open, len, SHOWN_MAX, page);
	}
	free(open);
	return 0;
}

/* "  fdwarden inspect 1234     what fills it", the text below what is too long for that. */
static void print_one(const char *command, const char *more, const char *what)
{
	int len = printf("  fdwarden %s%s", command, more);

	if (len > NEXT_LEFT)
		printf("\n%*s%s\n", NEXT_LEFT + 2, "", what);
	else
		printf("%*s%s\n", NEXT_LEFT + 2 - len, "", what);
}

/* The command about the one that most needs it. */
static void print_next(const struct look *look, const char *more, int fullest)
{
	char inspect[32];
	const struct roster_row **open = NULL;
	size_t len;

	if (!stands_find(&look->roster, &open, &len) && len)
		fullest = (int)open[0]->who.pid;
	free(open);
	puts("\nNext:");
	snprintf(inspect, sizeof(inspect), "inspect %d", fullest);
	if (fullest)
		print_one(inspect, more,
			  "what fills it, what is wrong, which line to change");
	print_one("top", more, "all processes, live");
	if (look->from_daemon)
		print_one("status", more,
			  "how it monitors, and whether anything is lost");
	print_one("help", "", "all commands");
}

/* " --socket PATH", as it was given, for a shell. NULL: nothing was, or no memory. The caller
 * frees it. */
static char *more_options(const struct remote_options *set)
{
	const char *value = set->socket ? set->socket : set->config;
	struct command words = {0};
	char *text = NULL, *more = NULL;

	if (value &&
	    !command_make(&words, set->socket ? "--socket %s" : "-c %s", value))
		text = command_shell_text(&words);
	if (text && asprintf(&more, " %s", text) < 0)
		more = NULL;
	free(text);
	command_clear(&words);
	return more;
}

int cmd_overview(int argc, char **argv)
{
	struct options set = {0};
	int code = cli_parse(&usage, &argc, &argv, &set), err, fullest = 0;
	char why[2 * REMOTE_WHY_MAX], *more;
	struct page page = printing_page();
	struct look taken;

	if (code != CLI_RUN)
		return code;
	if (remote_check_config(&set.remote, why, sizeof(why))) {
		log_error("%s", why);
		return CLI_USAGE;
	}
	kernel_quiet_libbpf();
	if (look(&set.remote, &taken, why, sizeof(why))) {
		log_error("%s; 'fdwarden help' lists the commands", why);
		look_clear(&taken);
		return CLI_FAILED;
	}
	more = more_options(&set.remote);
	err = print_fullest(&taken, &page, &fullest);
	if (!err)
		err = print_standing(&taken, &page);
	if (!err)
		print_next(&taken, more ? more : "", fullest);
	free(more);
	look_clear(&taken);
	if (err)
		log_error("standard output: %s", strerror(-err));
	return err ? CLI_FAILED : CLI_DONE;
}
