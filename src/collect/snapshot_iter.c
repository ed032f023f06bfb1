// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect/snapshot_impl.h"
#include "snapshot.skel.h"

/* The kernel fills up to 8 pages a read. */
#define READ_SIZE (64 * 1024)

struct iter {
	struct snapshot_bpf *bpf;
	/* The next snapshot's iterator, made beforehand: each needs a descriptor of
	 * its own, and when the system has none left there is this one. */
	int reserve;
	char buffer[READ_SIZE];
};

static int make_iterator(const struct iter *s)
{
	int fd = bpf_iter_create(bpf_link__fd(s->bpf->links.snapshot));

	return fd < 0 ? -errno : fd;
}

static void iter_close(void *state)
{
	struct iter *s = state;

	if (!s)
		return;
	if (s->reserve >= 0)
		close(s->reserve);
	snapshot_bpf__destroy(s->bpf);
	free(s);
}

static int iter_open(const struct sensor_counters_map *counters, void **state)
{
	struct iter *s = malloc(sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->reserve = -1;
	s->bpf = snapshot_bpf__open();
	err = s->bpf ? SNAPSHOT_SHARE_COUNTERS(s->bpf, counters) : -errno;
	if (!err)
		err = snapshot_bpf__load(s->bpf);
	if (!err)
		err = snapshot_bpf__attach(s->bpf);
	if (!err) {
		s->reserve = make_iterator(s);
		err = s->reserve < 0 ? s->reserve : 0;
	}
	if (err)
		iter_close(s);
	else
		*state = s;
	return err;
}

/* Visits the whole records in `have` bytes; keeps the rest at the start. */
static size_t visit_records(struct iter *s, size_t have, snapshot_visit visit,
			    void *context, struct snapshot_stats *stats)
{
	struct fdw_snapshot_record r;
	size_t at = 0;

	for (; have - at >= sizeof(r); at += sizeof(r)) {
		memcpy(&r, s->buffer + at, sizeof(r));
		snapshot_visit_one(&r, visit, context, stats);
	}
	memmove(s->buffer, s->buffer + at, have - at);
	return have - at;
}

static int iter_take(void *state, snapshot_visit visit, void *context,
		     struct snapshot_stats *stats)
{
	struct iter *s = state;
	int fd = s->reserve >= 0 ? s->reserve : make_iterator(s), err = 0;
	size_t have = 0;

	if (fd < 0)
		return fd;
	for (;;) {
		ssize_t n = read(fd, s->buffer + have, READ_SIZE - have);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue; /* the kernel took a breath */
		if (n < 0)
			err = -errno;
		if (n <= 0)
			break;
		have = visit_records(s, have + n, visit, context, stats);
	}
	close(fd);
	s->reserve = make_iterator(s);
	return err;
}

const struct snapshot_method snapshot_iter = {
	.name = "iter/task",
	.open = iter_open,
	.take = iter_take,
	.close = iter_close,
};
