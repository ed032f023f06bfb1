// SPDX-License-Identifier: GPL-2.0-or-later
#include "collect/sensor.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "collect/kernel.h"
#include "collect/missed.h"
#include "collect/realtime.h"
#include "collect/sensor_programs.h"
#include "collect/shares.h"
#include "collect/syscalls.h"
#include "sensor.skel.h"

#define REFUSALS_BATCH    256
#define CONSUME_MAX       1024 /* records at one go: some tens of milliseconds */
/* A record that is being written is waited for, in pauses of this length. A writer may have
 * been preempted in it. */
#define DRAIN_PAUSE_US    200
#define DRAIN_PATIENCE_US 20000

/* Bytes of the ring. */
#define RING_MIN          (512u << 10)
#define RING_MAX          (8u << 20)
#define RING_A_CPU        (256u << 10)
#define RING_SHARE        1024 /* of memory at most */
/* Entries of the refusals' map. */
#define REFUSALS_MIN      16384
#define REFUSALS_MAX      131072
#define REFUSALS_SHARE    8192 /* a byte of memory for as many at most */
/* One user's calls are told apart up to a quarter of that map, and its processes up to a half. */
#define USER_SHARE        4

struct sensor {
	enum sensor_kind kind;
	struct sensor_bpf *bpf;
	struct ring_buffer *ring;
	struct hooks *hooks; /* NULL: not with this kernel */
	struct sensor_handlers handlers;
	bool task_storage, use_hooks;
	uint64_t malformed;
	uint32_t consumed; /* in this sensor_consume() */
	/* The kernel's pages of where the ring's reader and its writers are, in bytes that
	 * never wrap; libbpf tells neither before 1.3. */
	const char *positions;
	int cpus;
	uint64_t *per_cpu; /* room for one per-CPU value */
};

static bool refused_is_whole(const struct fdw_refused *r, size_t size)
{
	size_t text = (size_t)r->path_len + r->cmdline_len + r->cgroup_len;

	if (text > FDW_TEXT_MAX || sizeof(*r) + text > size)
		return false;
	if (r->path_len && r->text[r->path_len - 1])
		return false;
	if (r->cgroup_len && r->text[text - 1])
		return false;
	return r->cgroup_levels <= FDW_CGROUP_LEVELS;
}

static int on_record(void *context, void *data, size_t size)
{
	struct sensor *s = context;
	const struct fdw_header *header = data;

	/* The kernel rounds sizes up; a record is at least as long as it says. */
	if (size < sizeof(*header) || header->size > size)
		s->malformed++;
	else if (header->type == FDW_RECORD_NEAR &&
		 header->size == sizeof(struct fdw_near))
		s->handlers.near(s->handlers.context, data);
	else if (header->type == FDW_RECORD_REFUSED &&
		 header->size >= sizeof(struct fdw_refused) &&
		 refused_is_whole(data, header->size))
		s->handlers.refused(s->handlers.context, data);
	else
		s->malformed++;
	/* The reader must come back now and then, also in a storm that fills the ring as
	 * fast as it is read. What is left makes the descriptor readable again. */
	return ++s->consumed >= CONSUME_MAX ? -EAGAIN : 0;
}

/* The reader's position is on the first page, the writers' on the second. */
static int map_positions(struct sensor *s)
{
	void *at = mmap(NULL, 2 * sysconf(_SC_PAGESIZE), PROT_READ, MAP_SHARED,
			bpf_map__fd(s->bpf->maps.records), 0);

	if (at == MAP_FAILED)
		return -errno;
	s->positions = at;
	return 0;
}

static unsigned long position(const struct sensor *s, bool of_writers)
{
	const char *at = s->positions + (of_writers ? sysconf(_SC_PAGESIZE) : 0);

	return __atomic_load_n((const unsigned long *)at, __ATOMIC_ACQUIRE);
}

static int put_tails(const struct sensor *s)
{
	const int maps[SENSOR_TAILS] = {bpf_map__fd(s->bpf->maps.failed_one),
					bpf_map__fd(s->bpf->maps.failed_two)};

	return sensor_put_tails(s->bpf->obj, maps);
}

/*
 * The ring holds what comes between two looks of the reader, which may be a tick and a storm
 * apart. A process that is refused sends some 700 bytes until then: 1,500 of them a MiB.
 */
static uint32_t ring_size(uint64_t memory)
{
	uint64_t size = RING_MIN;

	while (size < RING_MAX && size < RING_A_CPU * (uint64_t)get_nprocs() &&
	       2 * size <= memory / RING_SHARE)
		size *= 2;
	return size;
}

/* As many as there can be processes, as far as memory goes: an entry takes some 120 bytes
 * once it is used, and 16 before. */
static uint32_t refusals_size(uint64_t memory)
{
	uint64_t size = REFUSALS_MIN, pids;

	if (kernel_sysctl("kernel.pid_max", &pids))
		pids = REFUSALS_MIN;

	while (size < REFUSALS_MAX && size < pids &&
	       2 * size <= memory / REFUSALS_SHARE)
		size *= 2;
	return size;
}

static void set_sizes(struct sensor *s)
{
	uint64_t memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
	uint32_t refusals = refusals_size(memory), ring = ring_size(memory);

	bpf_map__set_max_entries(s->bpf->maps.records, ring);
	bpf_map__set_max_entries(s->bpf->maps.refusals, refusals);
	s->bpf->rodata->ring_size = ring;
	s->bpf->rodata->user_share = refusals / USER_SHARE;
}

static int load(struct sensor *s, const uint32_t *steps, size_t steps_len, char *why,
		size_t why_size)
{
	struct fdw_call *calls;
	int err;

	kernel_forget_bpf_reason();
	s->bpf = sensor_bpf__open();
	if (!s->bpf)
		return -errno;
	calls = (struct fdw_call *)s->bpf->rodata->calls;
	syscalls_fill(calls, s->bpf->rodata->watched);
	s->bpf->rodata->use_task_storage = s->task_storage;
	s->bpf->rodata->use_hooks = s->use_hooks;
	bpf_map__set_autocreate(s->bpf->maps.process_storage, s->task_storage);
	bpf_map__set_autocreate(s->bpf->maps.process_hash, !s->task_storage);
	bpf_map__set_autocreate(s->bpf->maps.told, s->kind == SENSOR_FEXIT);
	sensor_set_steps(s, steps, steps_len);
	set_sizes(s);
	err = sensor_choose_programs(s->bpf->obj, s->kind, s->use_hooks, calls, why,
				     why_size);
	bpf_program__set_autoload(s->bpf->progs.leader_exit, s->task_storage);
	if (!err)
		err = sensor_bpf__load(s->bpf);
	if (!err)
		err = put_tails(s);
	if (err) {
		sensor_bpf__destroy(s->bpf);
		s->bpf = NULL;
	}
	return err;
}

/* With what the kernel has of task storage (none for tracing programs before 5.12), if it may be
 * used at all, and of tail calls (hook.bpf.h). */
static int load_best(struct sensor *s, const uint32_t *steps, size_t steps_len,
		     char *why, size_t why_size)
{
	bool storage = true;
	int err = -EINVAL;

	if (s->kind == SENSOR_TRACEPOINT) {
		err = realtime_tracepoint(&storage, why, why_size);
		if (err)
			return err;
		err = -EINVAL;
	}
	/* What is not permitted is not with less either. */
	for (int less = storage ? 0 : 2; err && err != -EPERM && !*why && less < 4;
	     less++) {
		s->task_storage = less < 2;
		s->use_hooks = !(less & 1);
		err = load(s, steps, steps_len, why, why_size);
	}
	return err;
}

static void describe(char *why, size_t why_size, const char *what, int err)
{
	if (!*why)
		kernel_describe_failure(what, err, why, why_size);
}

static int open_hooks(struct sensor *s)
{
	struct hooks_fds maps = {0};

	if (s->kind == SENSOR_TRACEPOINT) {
		maps.at[HOOKS_EXIT] = bpf_map__fd(s->bpf->maps.hooked_exit);
	} else {
		maps.at[HOOKS_ALLOC] = bpf_map__fd(s->bpf->maps.hooked_alloc);
		maps.at[HOOKS_DUP2] = bpf_map__fd(s->bpf->maps.hooked_dup2);
	}
	s->hooks =
		hooks_new(s->bpf->obj, &maps, s->bpf->bss->hook, &s->bpf->bss->hooks);
	return s->hooks ? 0 : -ENOMEM;
}

int sensor_open(enum sensor_kind kind, const uint32_t *steps, size_t steps_len,
		const struct sensor_handlers *handlers, struct sensor **out, char *why,
		size_t why_size)
{
	struct sensor *s = calloc(1, sizeof(*s));
	int err = -ENOMEM;

	why[0] = 0;
	if (!s)
		goto out;
	s->kind = kind;
	s->handlers = *handlers;
	/* For as many the kernel writes, whatever room there is. */
	s->cpus = libbpf_num_possible_cpus();
	if (s->cpus < 1) {
		err = s->cpus ? s->cpus : -EPROTO;
		snprintf(why, why_size,
			 "/sys/devices/system/cpu/possible does not say how many CPUs "
			 "there are (%s): mount /sys",
			 strerror(-err));
		goto out;
	}
	s->per_cpu = calloc(s->cpus, sizeof(*s->per_cpu));
	if (!s->per_cpu)
		goto out;
	err = load_best(s, steps, steps_len, why, why_size);
	if (err)
		goto out;
	s->ring =
		ring_buffer__new(bpf_map__fd(s->bpf->maps.records), on_record, s, NULL);
	err = s->ring ? map_positions(s) : -errno;
	if (!err && s->use_hooks)
		err = open_hooks(s);
out:
	if (err) {
		describe(why, why_size, "the sensor can't be loaded", err);
		sensor_close(s);
		return err;
	}
	*out = s;
	return 0;
}

int sensor_watch_files(struct sensor *sensor)
{
	struct bpf_link **link = &sensor->bpf->links.fexit_alloc_empty_file;

	if (sensor->kind != SENSOR_FEXIT || *link)
		return 0;
	*link = bpf_program__attach(sensor->bpf->progs.fexit_alloc_empty_file);
	return *link ? 1 : -errno;
}

/* Gives the memory back that the object's bytes in our own file take: they are not wanted
 * again, and come from the file if they are. */
static void forget_object(void)
{
	size_t size, page = (size_t)sysconf(_SC_PAGESIZE);
	uintptr_t bytes = (uintptr_t)sensor_bpf__elf_bytes(&size);
	uintptr_t from = (bytes + page - 1) / page * page,
		  to = (bytes + size) / page * page;

	if (from < to)
		(void)madvise((void *)from, to - from, MADV_DONTNEED);
}

int sensor_attach(struct sensor *sensor, bool files_in_reach, char *why,
		  size_t why_size)
{
	int err;

	kernel_forget_bpf_reason();
	bpf_program__set_autoattach(sensor->bpf->progs.fexit_alloc_empty_file,
				    files_in_reach);
	err = sensor_bpf__attach(sensor->bpf);
	why[0] = 0;
	if (err)
		describe(why, why_size, "the sensor can't be attached", err);
	forget_object();
	return err;
}

void sensor_close(struct sensor *sensor)
{
	if (!sensor)
		return;
	hooks_free(sensor->hooks);
	if (sensor->positions)
		munmap((void *)sensor->positions, 2 * sysconf(_SC_PAGESIZE));
	ring_buffer__free(sensor->ring);
	sensor_bpf__destroy(sensor->bpf);
	free(sensor->per_cpu);
	free(sensor);
}

const char *sensor_name(const struct sensor *sensor)
{
	return sensor->kind == SENSOR_FEXIT ? "fexit" : "tracepoint";
}

const char *sensor_counters(const struct sensor *sensor)
{
	return sensor->task_storage ? "task storage" : "hash";
}

void sensor_set_steps(struct sensor *sensor, const uint32_t *steps, size_t steps_len)
{
	/* Read by programs that may run at this moment: each word is whole, and a
	 * mixture of old and new only makes one record too many or too late. */
	volatile uint32_t *out = sensor->bpf->bss->steps;

	for (size_t i = 0; i < FDW_MAX_STEPS; i++)
		out[i] = i < steps_len ? steps[i] : UINT32_MAX;
}

int sensor_fd(const struct sensor *sensor)
{
	return ring_buffer__epoll_fd(sensor->ring);
}

int sensor_consume(struct sensor *sensor)
{
	int n;

	sensor->consumed = 0;
	n = ring_buffer__consume(sensor->ring);
	return n == -EAGAIN ? (int)sensor->consumed : n;
}

int sensor_drain(struct sensor *sensor)
{
	unsigned long end = position(sensor, true);
	unsigned waited_us = 0;

	while ((long)(end - position(sensor, false)) > 0) {
		int n = sensor_consume(sensor);

		if (n < 0)
			return n;
		if (n > 0)
			continue;
		if (waited_us >= DRAIN_PATIENCE_US)
			return -EBUSY;
		usleep(DRAIN_PAUSE_US);
		waited_us += DRAIN_PAUSE_US;
	}
	return 0;
}

static uint64_t loss(const struct sensor *s, uint32_t what)
{
	uint64_t sum = 0;

	if (bpf_map_lookup_elem(bpf_map__fd(s->bpf->maps.losses), &what, s->per_cpu))
		return 0;
	for (int cpu = 0; cpu < s->cpus; cpu++)
		sum += s->per_cpu[cpu];
	return sum;
}

void sensor_losses(const struct sensor *sensor, struct sensor_losses *out)
{
	out->ring_full = loss(sensor, FDW_LOSS_RING_FULL);
	out->refusals = loss(sensor, FDW_LOSS_REFUSAL_MAP);
	out->processes = loss(sensor, FDW_LOSS_PROCESS_MAP);
	out->unreadable = loss(sensor, FDW_LOSS_READ);
	out->gate = loss(sensor, FDW_LOSS_GATE);
	out->malformed = sensor->malformed;
	/* What leader_exit keeps is no refusal. */
	out->missed = missed_runs(sensor->bpf->obj) -
		      missed_runs_of(sensor->bpf->progs.leader_exit);
}

int sensor_refusals(struct sensor *sensor, sensor_visit_refusal visit, void *context)
{
	struct fdw_refusal_key keys[REFUSALS_BATCH];
	struct fdw_refusal_value values[REFUSALS_BATCH];
	int fd = bpf_map__fd(sensor->bpf->maps.refusals), err, visited = 0;
	struct shares shares = {0};
	uint32_t batch, n;
	bool first = true;

	do {
		n = REFUSALS_BATCH;
		err = bpf_map_lookup_batch(fd, first ? NULL : &batch, &batch, keys,
					   values, &n, NULL);
		if (err && err != -ENOENT)
			break;
		for (uint32_t i = 0; i < n; i++) {
			shares_add(&shares, values[i].uid);
			visit(context, &keys[i], &values[i]);
		}
		visited += n;
		first = false;
	} while (!err);
	shares_tell(&shares, bpf_map__fd(sensor->bpf->maps.refusal_users),
		    err == -ENOENT);
	return err == -ENOENT ? visited : err;
}

void sensor_forget_refusal(struct sensor *sensor, const struct fdw_refusal_key *key)
{
	bpf_map_delete_elem(bpf_map__fd(sensor->bpf->maps.refusals), key);
}

struct hooks *sensor_hooks(const struct sensor *sensor)
{
	return sensor->hooks;
}

void sensor_counters_map(const struct sensor *sensor, struct sensor_counters_map *out)
{
	out->task_storage = sensor->task_storage;
	out->fd = bpf_map__fd(sensor->task_storage ? sensor->bpf->maps.process_storage
						   : sensor->bpf->maps.process_hash);
}
