/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to the sources: what each of them has to do. */
#ifndef FDWARDEN_TOP_SOURCE_IMPL_H
#define FDWARDEN_TOP_SOURCE_IMPL_H

#include "top/source.h"

struct source_ops {
	void (*close)(struct source *source);
	size_t (*fds)(const struct source *source, struct pollfd *fds);
	uint64_t (*deadline_ns)(const struct source *source); /* NULL: none */
	void (*handle)(struct source *source);
	void (*refresh)(struct source *source);
	void (*ask_kinds)(struct source *source, const pid_t *pids, size_t len);
	void (*ask_page)(struct source *source, pid_t pid, int width, bool utf8);
	void (*tell_raised)(struct source *source, pid_t pid, uint64_t from,
			    uint64_t to);
	void (*ask_incidents)(struct source *source, pid_t pid, uint64_t start_ns,
			      const char *service);
	void (*ask_report)(struct source *source, const char *id, int width, bool utf8);
};

/* First member of each. */
struct source {
	const struct source_ops *ops;
	struct source_handlers to;
	char name[48];
};

#endif
