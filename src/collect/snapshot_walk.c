// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "collect/snapshot_impl.h"
#include "walk.skel.h"

/* Tables of one pass: 512 KiB, which count as resident. Each further pass goes over all
 * tasks again, so that a host with more gets an array that has room for all, up to 8 MiB. */
#define TABLES_LEAST 4096
#define TABLES_MOST  65536
/* Tasks are in the order of their forks, but two CPUs that fork at once may enter
 * theirs in another order than that of their start times. */
#define OVERLAP_NS   10000000u

struct walk {
	struct walk_bpf *bpf;
	const char *tables;
	size_t mapped, stride;
	uint32_t room; /* tables of one pass */
	bool no_more;  /* more room could not be had: it is not tried each second */
	/* Of the sensor, whose they are; have_counters false: there are none. */
	struct sensor_counters_map counters;
	bool have_counters;
};

static void unload(struct walk *s)
{
	if (s->tables)
		munmap((void *)s->tables, s->mapped);
	s->tables = NULL;
	walk_bpf__destroy(s->bpf);
	s->bpf = NULL;
}

static void walk_close(void *state)
{
	struct walk *s = state;

	if (!s)
		return;
	unload(s);
	free(s);
}

static int map_tables(struct walk *s)
{
	size_t page = sysconf(_SC_PAGESIZE);
	void *at;

	s->stride = (sizeof(struct fdw_snapshot_record) + 7) & ~(size_t)7;
	s->mapped = (s->stride * s->room + page - 1) & ~(page - 1);
	at = mmap(NULL, s->mapped, PROT_READ, MAP_SHARED,
		  bpf_map__fd(s->bpf->maps.tables), 0);
	if (at == MAP_FAILED)
		return -errno;
	s->tables = at;
	return 0;
}

/* Fills *s, whose room and counters are set; after an error unload() takes it down. */
static int load(struct walk *s)
{
	int err;

	s->bpf = walk_bpf__open();
	err = s->bpf ? SNAPSHOT_SHARE_COUNTERS(s->bpf,
					       s->have_counters ? &s->counters : NULL)
		     : -errno;
	if (!err)
		err = bpf_map__set_max_entries(s->bpf->maps.tables, s->room);
	if (!err)
		err = walk_bpf__load(s->bpf);
	if (!err)
		err = map_tables(s);
	return err;
}

static int walk_open(const struct sensor_counters_map *counters, void **state)
{
	struct walk *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->room = TABLES_LEAST;
	s->have_counters = counters != NULL;
	if (counters)
		s->counters = *counters;
	err = load(s);
	if (err)
		walk_close(s);
	else
		*state = s;
	return err;
}

/* Makes room for `tables` and half as many more. Where that can't be had there is what there
 * was, and as many passes as it takes. */
static void make_room(struct walk *s, uint64_t tables)
{
	struct walk larger = *s;

	while (larger.room < tables + tables / 2 && larger.room < TABLES_MOST)
		larger.room *= 2;
	if (s->no_more || larger.room == s->room)
		return;
	larger.bpf = NULL;
	larger.tables = NULL;
	if (load(&larger)) {
		unload(&larger);
		s->no_more = true;
		return;
	}
	unload(s);
	*s = larger;
}

static int run(const struct walk *s)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);

	return bpf_prog_test_run_opts(bpf_program__fd(s->bpf->progs.walk), &options);
}

static void visit_tables(const struct walk *s, snapshot_visit visit, void *context,
			 struct snapshot_stats *stats)
{
	for (uint32_t i = 0; i < s->bpf->bss->tables_len; i++) {
		struct fdw_snapshot_record r;

		memcpy(&r, s->tables + i * s->stride, sizeof(r));
		snapshot_visit_one(&r, visit, context, stats);
	}
}

static int walk_take(void *state, snapshot_visit visit, void *context,
		     struct snapshot_stats *stats)
{
	struct walk *s = state;
	struct walk_bpf__bss *bss = s->bpf->bss;
	uint64_t from = 0;
	int err;

	for (;;) {
		bss->from_start_ns = from;
		err = run(s);
		if (err)
			return err;
		visit_tables(s, visit, context, stats);
		if (!bss->cut)
			break;
		if (bss->cut_start_ns <= from)
			return -EOVERFLOW; /* no progress: more threads with tables of
					      their own than the array holds */
		from = bss->cut_start_ns > from + OVERLAP_NS
			       ? bss->cut_start_ns - OVERLAP_NS
			       : bss->cut_start_ns;
	}
	if (from)
		make_room(s, stats->tables);
	return 0;
}

const struct snapshot_method snapshot_walk = {
	.name = "prog-run",
	.open = walk_open,
	.take = walk_take,
	.close = walk_close,
};
