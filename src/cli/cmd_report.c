// SPDX-License-Identifier: GPL-2.0-or-later
/* fdwarden report: the post-mortem of one incident. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/printing.h"
#include "daemon/archive.h"
#include "log.h"
#include "output/postmortem.h"

struct options {
	bool json, markdown;
	const char *html, *directory, *config;
};

static const struct cli_option option_table[] = {
	CLI_FLAG(0, "json", struct options, json, "print one JSON document"),
	CLI_FLAG(0, "markdown", struct options, markdown, "print Markdown"),
	CLI_STRING(0, "html", "FILE", struct options, html,
		   "write a page of HTML, with charts, that needs nothing else"),
	CLI_STRING('c', "config", "FILE", struct options, config,
		   "the daemon's configuration, for its [incidents] path"),
	CLI_STRING(0, "directory", "PATH", struct options, directory,
		   "the records in this directory"),
};

static const struct cli_usage usage = {
	.synopsis = "ID|NAME|FILE|last [--json|--markdown|--html FILE] [-c FILE] "
		    "[--directory PATH]",
	CLI_OPTIONS(option_table),
	.operands = true,
	.notes = "ID is that of 'fdwarden incidents', or its beginning; NAME, as api "
		 "or api[197],\nthe last of a process; FILE, with a slash in it, a "
		 "record.\n"
		 "Times are in your time zone ($TZ).",
};

/* The file is for those who may read the record. NULL: errno says why. */
static FILE *open_page(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0640);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

	if (!file && fd >= 0)
		close(fd);
	return file;
}

/* By a text of its own, as a stream does not keep why it could not be written. */
static int write_html(const struct postmortem *p, const char *path)
{
	char *text = NULL;
	size_t len = 0;
	FILE *page = open_memstream(&text, &len), *file;
	int err = 0;

	if (!page)
		return -ENOMEM;
	postmortem_html(p, page);
	err = ferror(page) ? -ENOMEM : 0;
	if (fclose(page))
		err = -ENOMEM;
	file = err ? NULL : !strcmp(path, "-") ? stdout : open_page(path);
	if (!err && (!file || fwrite(text, 1, len, file) != len || fflush(file)))
		err = -errno;
	if (file && file != stdout && fclose(file) && !err)
		err = -errno;
	free(text);
	return err;
}

static int print(const struct options *set, const struct postmortem *p)
{
	struct page page = printing_page();

	if (set->html)
		return write_html(p, set->html);
	if (set->json)
		return printing_json(postmortem_json(p));
	if (set->markdown)
		postmortem_markdown(p, stdout);
	else
		postmortem_text(p, &page);
	return ferror(stdout) ? -EIO : 0;
}

int cmd_report(int argc, char **argv)
{
	struct options set = {0};
	int code = cli_parse(&usage, &argc, &argv, &set), err;
	char why[ARCHIVE_WHY_MAX] = "", id[ALERT_ID_LEN];
	struct incident incident;
	struct postmortem p;

	if (code != CLI_RUN)
		return code;
	if (argc != 1)
		return cli_wrong_usage("one incident is needed: an ID of 'fdwarden "
				       "incidents', a NAME, a file, or last");
	if (set.json + set.markdown + (set.html != NULL) > 1)
		return cli_wrong_usage("one of --json, --markdown and --html");
	if (archive_find(argv[0], set.directory, set.config, &incident, id, why,
			 sizeof(why))) {
		log_error("report: %s", why);
		return CLI_FAILED;
	}
	err = postmortem_make(&incident, id, &p);
	if (!err)
		err = print(&set, &p);
	postmortem_clear(&p);
	incident_clear(&incident);
	if (err)
		log_error("report: %s: %s", set.html ? set.html : "standard output",
			  strerror(-err));
	return err ? CLI_FAILED : CLI_DONE;
}
