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

/* Tables of one pass: 480 KB, which count as resident. More of them take more passes. */
#define TABLES_MAX 4096
/* Tasks are in the order of their forks, but two CPUs that fork at once may enter
 * theirs in another order than that of their start times. */
#define OVERLAP_NS 10000000u

struct walk {
	struct walk_bpf *bpf;
	const char *tables;
	size_t mapped, stride;
};

static void walk_close(void *state)
{
	struct walk *s = state;

	if (!s)
		return;
	if (s->tables)
		munmap((void *)s->tables, s->mapped);
	walk_bpf__destroy(s->bpf);
	free(s);
}

static int map_tables(struct walk *s)
{
	size_t page = sysconf(_SC_PAGESIZE);
	void *at;

	s->stride = (sizeof(struct fdw_snapshot_record) + 7) & ~(size_t)7;
	s->mapped = (s->stride * TABLES_MAX + page - 1) & ~(page - 1);
	at = mmap(NULL, s->mapped, PROT_READ, MAP_SHARED,
		  bpf_map__fd(s->bpf->maps.tables), 0);
	if (at == MAP_FAILED)
		return -errno;
	s->tables = at;
	return 0;
}

static int walk_open(const struct sensor_counters_map *counters, void **state)
{
	struct walk *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->bpf = walk_bpf__open();
	err = s->bpf ? SNAPSHOT_SHARE_COUNTERS(s->bpf, counters) : -errno;
	if (!err)
		err = bpf_map__set_max_entries(s->bpf->maps.tables, TABLES_MAX);
	if (!err)
		err = walk_bpf__load(s->bpf);
	if (!err)
		err = map_tables(s);
	if (err)
		walk_close(s);
	else
		*state = s;
	return err;
}

static int run(const struct walk *s)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);

	return bpf_prog_test_run_opts(bpf_program__fd(s->bpf->progs.walk), &options);
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
		for (uint32_t i = 0; i < bss->tables_len; i++) {
			struct fdw_snapshot_record r;

			memcpy(&r, s->tables + i * s->stride, sizeof(r));
			snapshot_visit_one(&r, visit, context, stats);
		}
		if (!bss->cut)
			return 0;
		if (bss->cut_start_ns <= from)
			return -EOVERFLOW; /* no progress: more threads with tables of
					      their own than the array holds */
		from = bss->cut_start_ns > from + OVERLAP_NS
			       ? bss->cut_start_ns - OVERLAP_NS
			       : bss->cut_start_ns;
	}
}

const struct snapshot_method snapshot_walk = {
	.name = "prog-run",
	.open = walk_open,
	.take = walk_take,
	.close = walk_close,
};
