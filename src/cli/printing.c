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

struct page printing_page(void)
{
	struct page page = {
		.out = stdout,
		.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8"),
		.width = WIDTH_DEFAULT,
	};
	struct winsize window;

	if (isatty(STDOUT_FILENO)) {
		const char *no_color = getenv("NO_COLOR");

		page.colour = !no_color || !*no_color;
		if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) &&
		    window.ws_col >= WIDTH_MIN)
			page.width = window.ws_col;
	}
	return page;
}
