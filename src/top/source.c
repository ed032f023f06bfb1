// SPDX-License-Identifier: GPL-2.0-or-later
#include "top/source_impl.h"

void source_close(struct source *source)
{
	if (source)
		source->ops->close(source);
}

const char *source_name(const struct source *source)
{
	return source->name;
}

void source_tell_raised(struct source *source, pid_t pid, uint64_t from, uint64_t to)
{
	source->ops->tell_raised(source, pid, from, to);
}

size_t source_fds(const struct source *source, struct pollfd fds[SOURCE_FDS_MAX])
{
	return source->ops->fds(source, fds);
}

uint64_t source_deadline_ns(const struct source *source)
{
	return source->ops->deadline_ns ? source->ops->deadline_ns(source) : 0;
}

void source_handle(struct source *source)
{
	source->ops->handle(source);
}

void source_refresh(struct source *source)
{
	source->ops->refresh(source);
}

void source_ask_kinds(struct source *source, const pid_t *pids, size_t len)
{
	if (len)
		source->ops->ask_kinds(source, pids, len);
}

void source_ask_page(struct source *source, pid_t pid, int width, bool utf8)
{
	source->ops->ask_page(source, pid, width, utf8);
}

void source_ask_incidents(struct source *source, pid_t pid, uint64_t start_ns,
			  const char *service)
{
	source->ops->ask_incidents(source, pid, start_ns, service);
}

void source_ask_report(struct source *source, const char *id, int width, bool utf8)
{
	source->ops->ask_report(source, id, width, utf8);
}
