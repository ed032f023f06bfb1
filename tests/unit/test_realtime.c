// SPDX-License-Identifier: GPL-2.0-or-later
/* Which sensor a PREEMPT_RT kernel allows, by the types that such kernels have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <bpf/btf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "collect/realtime.h"

/* A kernel's types, as far as they matter here; NULL: it has no such member or struct. */
struct imitated {
	const char *lock;           /* what a spinlock_t is made of */
	const char *ring;           /* the ring's lock: a typedef's name */
	const char *storage, *hash; /* allocators of their own */
};

static int add_struct(struct btf *btf, const char *name, const char *member, int type)
{
	int id = btf__add_struct(btf, name, 64);

	assert_true(id > 0);
	if (member)
		assert_int_equal(btf__add_field(btf, member, type, 0, 0), 0);
	return id;
}

static struct btf *imitate(const struct imitated *kernel)
{
	struct btf *btf = btf__new_empty();
	int inner, spinlock, raw, resilient, allocator, lock;

	assert_non_null(btf);
	inner = add_struct(btf, kernel->lock, NULL, 0);
	spinlock = add_struct(btf, "spinlock", "lock", inner);
	spinlock = btf__add_typedef(btf, "spinlock_t", spinlock);
	raw = btf__add_typedef(btf, "raw_spinlock_t",
			       add_struct(btf, "raw_spinlock", NULL, 0));
	resilient = btf__add_typedef(btf, "rqspinlock_t",
				     add_struct(btf, "rqspinlock", NULL, 0));
	allocator = add_struct(btf, "bpf_mem_alloc", NULL, 0);
	if (kernel->ring) {
		lock = !strcmp(kernel->ring, "spinlock_t")       ? spinlock
		       : !strcmp(kernel->ring, "raw_spinlock_t") ? raw
								 : resilient;
		add_struct(btf, "bpf_ringbuf", "spinlock", lock);
	}
	add_struct(btf, "bpf_local_storage_map", kernel->storage, allocator);
	add_struct(btf, "bpf_htab", kernel->hash, allocator);
	return btf;
}

static const struct situation {
	const char *what;
	struct imitated kernel;
	int status;
	bool storage;
	const char *said; /* in the reason */
} situations[] = {
	{"no PREEMPT_RT, any age",
	 {"raw_spinlock", "spinlock_t", NULL, NULL},
	 0,
	 true,
	 NULL},
	{"6.6 before the mend",
	 {"rt_mutex_base", "spinlock_t", "selem_ma", "ma"},
	 -EOPNOTSUPP,
	 true,
	 "ring buffer would sleep where preemption is off: use Linux 6.12"},
	{"6.1 that has it from a later one, whatever its version says",
	 {"rt_mutex_base", "raw_spinlock_t", NULL, "ma"},
	 0,
	 false,
	 NULL},
	{"6.12", {"rt_mutex_base", "raw_spinlock_t", "selem_ma", "ma"}, 0, true, NULL},
	{"6.15 and later",
	 {"rt_mutex_base", "rqspinlock_t", "selem_ma", "ma"},
	 0,
	 true,
	 NULL},
	{"5.10 with patches, the ring mended",
	 {"rt_mutex", "raw_spinlock_t", NULL, NULL},
	 -EOPNOTSUPP,
	 false,
	 "BPF maps would sleep"},
	{"a ring that is not known",
	 {"rt_mutex_base", NULL, "selem_ma", "ma"},
	 -EOPNOTSUPP,
	 true,
	 "CVE-2024-50138"},
};

static void test_which_kernel_allows_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(situations) / sizeof(situations[0]); i++) {
		const struct situation *s = &situations[i];
		struct btf *btf = imitate(&s->kernel);
		struct realtime found;
		char why[512] = "";
		bool storage = false;
		int err;

		realtime_read(btf, &found);
		err = realtime_judge(&found, &storage, why, sizeof(why));
		if (err != s->status || storage != s->storage ||
		    (s->said ? !strstr(why, s->said) : *why))
			fail_msg("%s: %d, storage %d: %s", s->what, err, storage, why);
		btf__free(btf);
	}
}

static void test_how_such_a_kernel_is_named(void **state)
{
	(void)state;
	assert_true(
		realtime_is_named("#1 SMP PREEMPT_RT Debian 6.1.187-1 (2026-09-07)"));
	assert_true(
		realtime_is_named("#43 SMP PREEMPT RT Thu Oct 1 10:00:00 UTC 2020"));
	assert_false(realtime_is_named("#1 SMP PREEMPT_DYNAMIC Debian 6.12.117-1"));
	assert_false(realtime_is_named("#1 SMP PREEMPT Debian"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_which_kernel_allows_it),
		cmocka_unit_test(test_how_such_a_kernel_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
