// SPDX-License-Identifier: GPL-2.0-or-later
#include "collect/realtime.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

/* A struct of this name; NULL: there is none. */
static const struct btf_type *find_struct(const struct btf *kernel, const char *name)
{
	int id = btf__find_by_name_kind(kernel, name, BTF_KIND_STRUCT);

	return id > 0 ? btf__type_by_id(kernel, id) : NULL;
}

/* Of a member, what it is without typedefs and qualifiers: its type's name, "" for one without;
 * NULL: the struct has no such member, or is not there. */
static const char *member_type(const struct btf *kernel, const char *of,
			       const char *member)
{
	const struct btf_type *type = find_struct(kernel, of), *target;
	const struct btf_member *m;

	if (!type)
		return NULL;
	m = btf_members(type);
	for (int i = 0; i < btf_vlen(type); i++, m++) {
		const char *name = btf__name_by_offset(kernel, m->name_off);
		int id;

		if (!name || strcmp(name, member) != 0)
			continue;
		id = btf__resolve_type(kernel, m->type);
		target = id > 0 ? btf__type_by_id(kernel, id) : NULL;
		return target ? btf__name_by_offset(kernel, target->name_off) : "";
	}
	return NULL;
}

void realtime_read(const struct btf *kernel, struct realtime *out)
{
	/* struct rt_mutex_base; before 5.15, with the patches of then, struct rt_mutex. */
	const char *lock = member_type(kernel, "spinlock", "lock");
	/* raw_spinlock since the mend, and rqspinlock from 6.15 on */
	const char *ring = member_type(kernel, "bpf_ringbuf", "spinlock");

	out->locks_sleep = lock && !strncmp(lock, "rt_mutex", strlen("rt_mutex"));
	out->ring_sleeps = out->locks_sleep && (!ring || !strcmp(ring, "spinlock"));
	out->storage_sleeps = out->locks_sleep &&
			      !member_type(kernel, "bpf_local_storage_map", "selem_ma");
	out->hash_sleeps = out->locks_sleep && !member_type(kernel, "bpf_htab", "ma");
}

bool realtime_is_named(const char *version)
{
	return strstr(version, "PREEMPT_RT") || strstr(version, "PREEMPT RT");
}

int realtime_judge(const struct realtime *r, bool *storage, char *why, size_t why_size)
{
	*storage = !r->storage_sleeps;
	if (!r->ring_sleeps && !r->hash_sleeps)
		return 0;
	snprintf(why, why_size,
		 "the tracepoint sensor is not safe on this PREEMPT_RT kernel, %s "
		 "would sleep "
		 "where preemption is off: use Linux 6.12 or later, or %s",
		 r->ring_sleeps ? "whose BPF ring buffer" : "whose BPF maps",
		 r->ring_sleeps ? "one with CVE-2024-50138 mended (6.11.5)" : "6.1");
	return -EOPNOTSUPP;
}

int realtime_tracepoint(bool *storage, char *why, size_t why_size)
{
	struct realtime found;
	struct utsname name;
	struct btf *kernel;

	*storage = true;
	/* Its types are some MiB, which other kernels need not read for this. */
	if (uname(&name) || !realtime_is_named(name.version))
		return 0;
	kernel = btf__load_vmlinux_btf();
	if (!kernel)
		return -errno;
	realtime_read(kernel, &found);
	btf__free(kernel);
	return realtime_judge(&found, storage, why, why_size);
}
