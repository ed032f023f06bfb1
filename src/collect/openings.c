// SPDX-License-Identifier: GPL-2.0-or-later
#include "collect/openings.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "collect/call_functions.h"
#include "collect/kernel.h"
#include "collect/missed.h"
#include "collect/syscalls.h"
#include "stacks.skel.h"
#include "stacks_hold.skel.h"

#define CLOSE_NATIVE CALL_FUNCTION_NATIVE "close"
#ifdef CALL_FUNCTION_COMPAT_SHARED
#define CLOSE_COMPAT CALL_FUNCTION_COMPAT_SHARED "close"
#else
#define CLOSE_COMPAT NULL /* it is one function */
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

/* What has been written so far, by programs that have ended. */
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
	o->bpf->bss->no_stack = 0;
	o->bpf->bss->too_high = 0;
}

/* ---- the proof that openings are seen ---- */

#define PROOFS_MAX 8

/* Its opening was seen; then, closed, its closing. */
static bool was_opened(const struct openings *o, int fd)
{
	return fd >= 0 && (uint32_t)fd < o->opens_len &&
	       __atomic_load_n(&o->opens[fd].opened_ns, __ATOMIC_ACQUIRE);
}

static bool was_closed(const struct openings *o, int fd)
{
	return __atomic_load_n(&o->opens[fd].closed_of, __ATOMIC_ACQUIRE) ==
	       o->opens[fd].opened_ns;
}

static void open_some(int fds[PROOFS_MAX])
{
	fds[0] = open("/", O_RDONLY | O_CLOEXEC);
	fds[1] = fcntl(fds[0], F_DUPFD_CLOEXEC, 0);
	fds[2] = epoll_create1(EPOLL_CLOEXEC);
	fds[3] = eventfd(0, EFD_CLOEXEC);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds + 4))
		fds[4] = fds[5] = -1;
	if (pipe2(fds + 6, O_CLOEXEC))
		fds[6] = fds[7] = -1;
}

/* A compiler may have put a function that is watched into those that call it: opens in
 * several ways, closes, and looks whether each was seen. Eight descriptors are open for a
 * moment. */
static bool sees_own_openings(const struct openings *o)
{
	int fds[PROOFS_MAX];
	bool all;

	open_some(fds);
	/* Onto one that is there it has a way of its own. */
	all = fds[0] >= 0 && fds[3] >= 0 && dup3(fds[0], fds[3], O_CLOEXEC) == fds[3];
	for (int i = 0; i < PROOFS_MAX; i++)
		all = all && was_opened(o, fds[i]);
	all = all && o->opens[fds[0]].file == o->opens[fds[3]].file;
	for (int i = 0; i < PROOFS_MAX; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	/* Another thread may have been given the number since: it is not looked at. */
	for (int i = 0; i < PROOFS_MAX; i++)
		all = all && was_closed(o, fds[i]);
	return all;
}

/* A run may be left out, for another program's was preempted: once is enough. */
static bool is_proved(struct openings *o)
{
	if (sees_own_openings(o))
		return true;
	forget_all(o);
	return sees_own_openings(o);
}

/* ---- programs ---- */

/* The sensor's, where it runs them for us. */
static bool runs_at(const struct hooks *hooks, enum openings_way way,
		    enum hooks_place place)
{
	return way == WAY_SENSOR && hooks_has(hooks, place);
}

static int choose_close(const struct stacks_bpf *bpf)
{
	/* A kernel without 32-bit calls has none. */
	if (!CLOSE_COMPAT || bpf_program__set_attach_target(
				     bpf->progs.stacks_compat_close, 0, CLOSE_COMPAT))
		bpf_program__set_autoload(bpf->progs.stacks_compat_close, false);
	return bpf_program__set_attach_target(bpf->progs.stacks_close, 0, CLOSE_NATIVE);
}

static int choose_programs(const struct stacks_bpf *bpf, const struct hooks *hooks,
			   enum openings_way way)
{
	bool on_functions = way == WAY_FUNCTIONS;

	bpf_program__set_autoload(bpf->progs.stacks_exit,
				  way == WAY_EXITS || runs_at(hooks, way, HOOKS_EXIT));
	bpf_program__set_autoload(bpf->progs.stacks_alloc,
				  runs_at(hooks, way, HOOKS_ALLOC));
	bpf_program__set_autoload(bpf->progs.stacks_look,
				  runs_at(hooks, way, HOOKS_ALLOC));
	bpf_program__set_autoload(bpf->progs.stacks_dup2,
				  on_functions || runs_at(hooks, way, HOOKS_DUP2));
	bpf_program__set_autoload(bpf->progs.stacks_install, on_functions);
	bpf_program__set_autoload(bpf->progs.stacks_close, on_functions);
	bpf_program__set_autoload(bpf->progs.stacks_compat_close, on_functions);
	return on_functions ? choose_close(bpf) : 0;
}

static int load(const struct openings *o, const struct openings_wanted *wanted,
		enum openings_way way)
{
	struct stacks_bpf *bpf = o->bpf;
	int err = choose_programs(bpf, wanted->hooks, way);

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

/* By those programs that see openings; a closing that is missed costs nothing. */
static uint64_t missed_openings(const struct openings *o)
{
	if (o->hooks)
		return hooks_missed(o->hooks);
	return missed_runs_of(o->bpf->progs.stacks_exit) +
	       missed_runs_of(o->bpf->progs.stacks_install) +
	       missed_runs_of(o->bpf->progs.stacks_dup2);
}

static int add_hook(struct openings *o, const struct openings_wanted *wanted)
{
	const struct hooks_fds programs = {
		.at =
			{
				[HOOKS_EXIT] =
					bpf_program__fd(o->bpf->progs.stacks_exit),
				[HOOKS_ALLOC] =
					bpf_program__fd(o->bpf->progs.stacks_alloc),
				[HOOKS_DUP2] =
					bpf_program__fd(o->bpf->progs.stacks_dup2),
			},
	};

	o->hook = hooks_add(wanted->hooks, wanted->tgid, &programs);
	if (o->hook < 0)
		return o->hook;
	o->hooks = wanted->hooks;
	o->missed_before = missed_openings(o);
	return 0;
}

static int attach(struct openings *o, const struct openings_wanted *wanted,
		  enum openings_way way)
{
	int err;

	if (way == WAY_SENSOR) {
		err = add_hook(o, wanted);
		if (err)
			return err;
	} else {
		err = stacks_bpf__attach(o->bpf);
		if (err)
			return err;
	}
	if (way == WAY_FUNCTIONS) {
		/* This thread alone: its programs have ended when its calls return. */
		o->bpf->bss->traced_tid = (__u32)gettid();
		trace_process(o, getpid());
		if (!is_proved(o))
			return -ENOTSUP;
		trace_process(o, 0);
		forget_all(o);
		o->bpf->bss->traced_tid = 0;
		o->missed_before = missed_openings(o);
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

/* The programs, where the kernel has what it takes those of stacks_hold.bpf.c: to user space they
 * are the same. NULL, and errno: they can't be opened. */
static struct stacks_bpf *open_programs(void)
{
	struct stacks_bpf *bpf;
	int err;

	/* To look it up would take as long as the whole load. */
	if (!kernel_is_since(6, 10))
		return stacks_bpf__open();
	bpf = calloc(1, sizeof(*bpf));
	err = bpf ? stacks_bpf__create_skeleton(bpf) : -ENOMEM;
	if (!err) {
		bpf->skeleton->data =
			(void *)stacks_hold_bpf__elf_bytes(&bpf->skeleton->data_sz);
		err = bpf_object__open_skeleton(bpf->skeleton, NULL);
	}
	if (!err)
		return bpf;
	stacks_bpf__destroy(bpf);
	errno = -err;
	return NULL;
}

/* Leaves nothing behind if it fails. */
static int watch(struct openings *o, const struct openings_wanted *wanted,
		 enum openings_way way)
{
	int err;

	if (way == WAY_SENSOR && !wanted->hooks)
		return -EOPNOTSUPP;
	kernel_forget_bpf_reason();
	o->bpf = open_programs();
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
	kernel_describe_failure("openings can't be watched", err, why, why_size);
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
	out->missed = missed_openings(o) - o->missed_before;
}

void openings_python(const struct openings *o, const struct fdw_python_layout *layout)
{
	struct fdw_python_layout *to = &o->bpf->bss->python;

	/* Without the first one nothing is read. */
	__atomic_store_n(&to->interpreters, 0, __ATOMIC_SEQ_CST);
	to->interpreter = layout->interpreter;
	to->state = layout->state;
	to->thread_id = layout->thread_id;
	to->frame = layout->frame;
	to->through = layout->through;
	to->code = layout->code;
	to->at = layout->at;
	to->previous = layout->previous;
	__atomic_store_n(&to->interpreters, layout->interpreters, __ATOMIC_SEQ_CST);
}

bool openings_later(const struct openings *o)
{
	return o->hooks && hooks_has(o->hooks, HOOKS_ALLOC);
}

const uint64_t *openings_look(const struct openings *o, uint32_t block)
{
	uint64_t arguments[] = {block};
	LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = arguments,
		    .ctx_size_in = sizeof(arguments));

	if (bpf_prog_test_run_opts(bpf_program__fd(o->bpf->progs.stacks_look),
				   &options))
		return NULL;
	return (const uint64_t *)o->bpf->bss->found;
}

uint64_t openings_exec_id(const struct openings *o)
{
	return o->bpf->bss->exec_id;
}
