// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/printing.h"

#include <errno.h>
#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_DEFAULT 80
#define WIDTH_MIN     40
#define WIDTH_MAX     10000

int printing_json(cJSON *json)
{
	char *text = json ? cJSON_PrintUnformatted(json) : NULL;
	int err = text ? 0 : -ENOMEM;

	if (text && puts(text) < 0)
		err = -errno;
	cJSON_free(text);
	cJSON_Delete(json);
	return err;
}

/* $COLUMNS; 0: it is not set, or no width. */
static int width_of_environment(void)
{
	const char *text = getenv("COLUMNS");
	char *end;
	long value;

	if (!text || *text < '1' || *text > '9')
		return 0;
	value = strtol(text, &end, 10);
	return *end || value > WIDTH_MAX ? 0 : (int)value;
}

int printing_width(void)
{
	struct winsize window;

	if (isatty(STDOUT_FILENO) && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) &&
	    window.ws_col)
		return window.ws_col;
	return width_of_environment();
}

struct page printing_page(void)
{
	struct page page = {
		.out = stdout,
		.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8"),
		.width = WIDTH_DEFAULT,
	};
	int width = printing_width();

	if (isatty(STDOUT_FILENO)) {
		const char *no_color = getenv("NO_COLOR");

		page.colour = !no_color || !*no_color;
	}
	if (width >= WIDTH_MIN)
		page.width = width;
	return page;
}
