// SPDX-License-Identifier: GPL-2.0-or-later
#include "top/inspection_page.h"

#include <errno.h>
#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/inspection.h"
#include "collect/kernel.h"
#include "output/view_inspect.h"
#include "state/user_names.h"

static int print(const struct inspection *i, int width, char **text)
{
	char boot_id[37], user[64];
	struct alert_host host = {"", boot_id, kernel_boot_realtime_ns()};
	struct view_inspect view = {
		.realtime_ns = i->process->table_ns + host.boot_realtime_ns,
		.host = &host,
		.who = &i->process->who,
		.fd = &i->fd,
		.growth_over_ns = i->growth_over_ns,
		.why = &i->why,
	};
	struct page page = {
		.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8"),
		.width = width,
	};
	size_t size;
	int err;

	kernel_boot_id(boot_id);
	if (!view.who->container_id &&
	    user_names_find(view.who->uid, user, sizeof(user)))
		view.user = user;
	page.out = open_memstream(text, &size);
	if (!page.out)
		return -ENOMEM;
	err = view_inspect_page(&view, &page);
	return fclose(page.out) ? -ENOMEM : err;
}

int inspection_page(pid_t pid, int width, char **text, char *why, size_t why_size)
{
	struct inspection inspection = {0};
	int err = inspection_take(pid, &inspection, why, why_size);

	*text = NULL;
	if (!err) {
		err = print(&inspection, width, text);
		if (err)
			snprintf(why, why_size, "%s", strerror(-err));
	}
	inspection_clear(&inspection);
	if (err) {
		free(*text);
		*text = NULL;
	}
	return err;
}
