// SPDX-License-Identifier: GPL-2.0-or-later
#include "collect/snapshot.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect/kernel.h"
#include "snapshot.skel.h"

/* The kernel fills up to 8 pages a read. */
#define READ_SIZE (64 * 1024)

struct snapshot {
	struct snapshot_bpf *bpf;
	/* The next snapshot's iterator, made beforehand: each needs a descriptor of
	 * its own, and when the system has none left there is this one. */
	int reserve;
	char *buffer;
};

static int share_counters(struct snapshot_bpf *bpf, const struct sensor_counters_map *map)
{
	bool storage = map && map->task_storage;

	bpf->rodata->have_counters = map != NULL;
	bpf->rodata->use_task_storage = storage;
	bpf_map__set_autocreate(bpf->maps.process_storage, storage);
	bpf_map__set_autocreate(bpf->maps.process_hash, map && !storage);
	if (!map)
		return 0;
	return bpf_map__reuse_fd(storage ? bpf->maps.process_storage
					 : bpf->maps.process_hash,
				 map->fd);
}

static int make_iterator(const struct snapshot *s)
{
	int fd = bpf_iter_create(bpf_link__fd(s->bpf->links.snapshot));

	return fd < 0 ? -errno : fd;
}

int snapshot_open(const struct sensor_counters_map *counters, struct snapshot **out,
		  char *why, size_t why_size)
{
	struct snapshot *s = calloc(1, sizeof(*s));
	int err = -ENOMEM;

	if (!s)
		goto out;
	s->reserve = -1;
	s->buffer = malloc(READ_SIZE);
	if (!s->buffer)
		goto out;
	s->bpf = snapshot_bpf__open();
	if (!s->bpf) {
		err = -errno;
		goto out;
	}
	err = share_counters(s->bpf, counters);
	if (!err)
		err = snapshot_bpf__load(s->bpf);
	if (!err)
		err = snapshot_bpf__attach(s->bpf);
	if (err)
		goto out;
	s->reserve = make_iterator(s);
	if (s->reserve < 0)
		err = s->reserve;
out:
	if (err) {
		snprintf(why, why_size, "the snapshot can't be loaded: %s: %s",
			 strerror(-err), kernel_bpf_reason());
		snapshot_close(s);
		return err;
	}
	*out = s;
	return 0;
}

/* Visits the whole records in `have` bytes; keeps the rest at the start. */
static size_t visit_records(struct snapshot *s, size_t have, snapshot_visit visit,
			    void *context, struct snapshot_stats *stats)
{
	size_t at = 0;

	for (; have - at >= sizeof(struct fdw_snapshot_record);
	     at += sizeof(struct fdw_snapshot_record)) {
		struct fdw_snapshot_record r;

		memcpy(&r, s->buffer + at, sizeof(r));
		stats->tables++;
		stats->torn += !!(r.table.flags & FDW_TABLE_TORN);
		visit(context, &r);
	}
	memmove(s->buffer, s->buffer + at, have - at);
	return have - at;
}

int snapshot_take(struct snapshot *snapshot, snapshot_visit visit, void *context,
		  struct snapshot_stats *stats)
{
	uint64_t start = kernel_now_ns();
	int fd = snapshot->reserve, err = 0;
	size_t have = 0;

	memset(stats, 0, sizeof(*stats));
	if (fd < 0)
		fd = make_iterator(snapshot);
	if (fd < 0)
		return fd;
	snapshot->reserve = -1;
	for (;;) {
		ssize_t n = read(fd, snapshot->buffer + have, READ_SIZE - have);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue; /* the kernel took a breath */
		if (n < 0)
			err = -errno;
		if (n <= 0)
			break;
		have = visit_records(snapshot, have + n, visit, context, stats);
	}
	close(fd);
	snapshot->reserve = make_iterator(snapshot);
	stats->took_ns = kernel_now_ns() - start;
	return err;
}

const char *snapshot_name(const struct snapshot *snapshot)
{
	(void)snapshot;
	return "iter/task";
}

void snapshot_close(struct snapshot *snapshot)
{
	if (!snapshot)
		return;
	if (snapshot->reserve >= 0)
		close(snapshot->reserve);
	snapshot_bpf__destroy(snapshot->bpf);
	free(snapshot->buffer);
	free(snapshot);
}
