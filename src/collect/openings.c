// SPDX-License-Identifier: GPL-2.0-or-later
#include "collect/openings.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "collect/kernel.h"
#include "collect/missed.h"
#include "collect/syscalls.h"
#include "stacks.skel.h"

#if defined(__x86_64__)
#define CLOSE_NATIVE "__x64_sys_close"
#define CLOSE_COMPAT "__ia32_sys_close"
#elif defined(__aarch64__)
#define CLOSE_NATIVE "__arm64_sys_close"
#define CLOSE_COMPAT CLOSE_NATIVE /* of both; the second one finds nothing left to do */
#else
#error "unknown architecture: how does it name the functions of its calls?"
#endif

/* ---- memory that is shared with the kernel ---- */

static size_t map_size(uint64_t entries, size_t value)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (entries * value + page - 1) / page * page;
}

static void *map_memory(const struct bpf_map *map, uint64_t entries, size_t value)
{
	void *at = mmap(NULL, map_size(entries, value), PROT_READ | PROT_WRITE,
			MAP_SHARED, bpf_map__fd(map), 0);

	if (at == MAP_FAILED)
		return NULL;
	return at;
}

static int map_all(struct openings *o)
{
	o->opens = map_memory(o->bpf->maps.opens, o->opens_len, sizeof(*o->opens));
	o->dirty = map_memory(o->bpf->maps.dirty, o->dirty_len, sizeof(*o->dirty));
	o->stacks = map_memory(o->bpf->maps.stacks, o->stacks_len, o->stack_size);
	return o->opens && o->dirty && o->stacks ? 0 : -errno;
}

static void unmap_all(struct openings *o)
{
	if (o->opens)
		munmap(o->opens, map_size(o->opens_len, sizeof(*o->opens)));
	if (o->dirty)
		munmap(o->dirty, map_size(o->dirty_len, sizeof(*o->dirty)));
	if (o->stacks)
		munmap(o->stacks, map_size(o->stacks_len, o->stack_size));
	o->opens = NULL;
	o->dirty = NULL;
	o->stacks = NULL;
}

/* What has been written so far. */
static void forget_all(struct openings *o)
{
	for (uint32_t block = 0; block < o->dirty_len; block++) {
		if (!o->dirty[block])
			continue;
		o->dirty[block] = 0;
		memset(&o->opens[(size_t)block * FDW_OPENS_PER_DIRTY], 0,
		       FDW_OPENS_PER_DIRTY * sizeof(*o->opens));
	}
	o->bpf->bss->exec_id = 0;
}

/* ---- the proof that openings are seen ---- */

/* A compiler may have put a function that is watched into those that call it: opens in
 * several ways, and looks whether each was seen. Four descriptors are open for a moment. */
static bool sees_own_openings(const struct openings *o)
{
	int fds[4], len = 0;
	bool all;

	fds[len++] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	fds[len++] = dup(fds[0]);
	fds[len++] = fcntl(fds[0], F_DUPFD_CLOEXEC, 0);
	fds[len++] = eventfd(0, EFD_CLOEXEC);
	/* Onto one that is there it has a way of its own. */
	all = fds[0] >= 0 && dup3(fds[0], fds[len - 1], O_CLOEXEC) == fds[len - 1];
	for (int i = 0; i < len; i++)
		all &= fds[i] >= 0 && (uint32_t)fds[i] < o->opens_len &&
		       __atomic_load_n(&o->opens[fds[i]].opened_ns, __ATOMIC_ACQUIRE);
	all &= fds[0] >= 0 && o->opens[fds[0]].file == o->opens[fds[len - 1]].file;
	for (int i = 0; i < len; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return all;
}

/* ---- programs ---- */

static int choose_programs(const struct stacks_bpf *bpf, enum openings_way way)
{
	bool on_functions = way == WAY_FUNCTIONS;

	bpf_program__set_autoload(bpf->progs.stacks_exit, !on_functions);
	bpf_program__set_autoload(bpf->progs.stacks_install, on_functions);
	bpf_program__set_autoload(bpf->progs.stacks_dup2, on_functions);
	bpf_program__set_autoload(bpf->progs.stacks_close, on_functions);
	bpf_program__set_autoload(bpf->progs.stacks_compat_close, on_functions);
	if (!on_functions)
		return 0;
	/* A kernel without 32-bit calls has none. */
	if (bpf_program__set_attach_target(bpf->progs.stacks_compat_close, 0,
					   CLOSE_COMPAT))
		bpf_program__set_autoload(bpf->progs.stacks_compat_close, false);
	return bpf_program__set_attach_target(bpf->progs.stacks_close, 0, CLOSE_NATIVE);
}

static int load(const struct openings *o, const struct openings_wanted *wanted,
		enum openings_way way)
{
	struct stacks_bpf *bpf = o->bpf;
	int err = choose_programs(bpf, way);

	syscalls_fill((struct fdw_call *)bpf->rodata->calls, bpf->rodata->watched);
	bpf->rodata->stack_bytes = wanted->stack_bytes;
	bpf->rodata->stacks_mask = o->stacks_len - 1;
	if (!err)
		err = bpf_map__set_max_entries(bpf->maps.opens, o->opens_len);
	if (!err)
		err = bpf_map__set_max_entries(bpf->maps.dirty, o->dirty_len);
	if (!err)
		err = bpf_map__set_max_entries(bpf->maps.stacks, o->stacks_len);
	if (!err)
		err = bpf_map__set_value_size(bpf->maps.stacks, o->stack_size);
	return err ? err : stacks_bpf__load(bpf);
}

static void trace_process(const struct openings *o, pid_t tgid)
{
	__atomic_store_n(&o->bpf->bss->traced_tgid, (__u32)tgid, __ATOMIC_RELEASE);
}

static int attach(struct openings *o, const struct openings_wanted *wanted,
		  enum openings_way way)
{
	int err;

	if (way == WAY_SENSOR) {
		o->missed_before = hooks_missed(wanted->hooks);
		o->hook = hooks_add(wanted->hooks, wanted->tgid,
				    bpf_program__fd(o->bpf->progs.stacks_exit));
		if (o->hook < 0)
			return o->hook;
		o->hooks = wanted->hooks;
	} else {
		err = stacks_bpf__attach(o->bpf);
		if (err)
			return err;
	}
	if (way == WAY_FUNCTIONS) {
		trace_process(o, getpid());
		if (!sees_own_openings(o))
			return -ENOTSUP;
		trace_process(o, 0);
		forget_all(o);
	}
	trace_process(o, wanted->tgid);
	return 0;
}

static void let_go(struct openings *o)
{
	if (o->hooks)
		hooks_remove(o->hooks, o->hook);
	o->hooks = NULL;
	unmap_all(o);
	stacks_bpf__destroy(o->bpf);
	o->bpf = NULL;
}

/* Leaves nothing behind if it fails. */
static int watch(struct openings *o, const struct openings_wanted *wanted,
		 enum openings_way way)
{
	int err;

	if (way == WAY_SENSOR && !wanted->hooks)
		return -EOPNOTSUPP;
	kernel_forget_bpf_reason();
	o->bpf = stacks_bpf__open();
	err = o->bpf ? load(o, wanted, way) : -errno;
	if (!err)
		err = map_all(o);
	if (!err)
		err = attach(o, wanted, way);
	if (err)
		let_go(o);
	return err;
}

/* ---- life ---- */

int openings_open(const struct openings_wanted *wanted, struct openings *o, char *why,
		  size_t why_size)
{
	int err = 0;

	for (o->way = WAY_SENSOR; o->way <= WAY_EXITS; o->way++) {
		err = watch(o, wanted, o->way);
		if (!err)
			return 0;
	}
	snprintf(why, why_size, "openings can't be watched: %s: %s", strerror(-err),
		 kernel_bpf_reason());
	return err;
}

void openings_close(struct openings *o)
{
	if (o->bpf)
		let_go(o);
}

const char *openings_way(const struct openings *o)
{
	static const char *const names[] = {[WAY_SENSOR] = "sensor",
					    [WAY_FUNCTIONS] = "functions",
					    [WAY_EXITS] = "exits"};

	return names[o->way];
}

void openings_losses(const struct openings *o, struct openings_losses *out)
{
	out->no_stack = o->bpf->bss->no_stack;
	out->too_high = o->bpf->bss->too_high;
	out->missed = o->hooks ? hooks_missed(o->hooks) - o->missed_before
			       : missed_runs(o->bpf->obj);
}

uint64_t openings_exec_id(const struct openings *o)
{
	return o->bpf->bss->exec_id;
}
