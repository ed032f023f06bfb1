// SPDX-License-Identifier: GPL-2.0-or-later
#include "collect/hooks.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "collect/missed.h"

struct hooks {
	struct bpf_object *object;
	struct hooks_fds maps; /* of programs */
	struct fdw_hook *hook; /* the kernel's: programs read it at any moment */
	__u32 *len;
	pthread_mutex_t lock;
};

struct hooks *hooks_new(struct bpf_object *object, const struct hooks_fds *maps,
			struct fdw_hook hook[FDW_HOOKS_MAX], __u32 *len)
{
	struct hooks *hooks = malloc(sizeof(*hooks));

	if (!hooks)
		return NULL;
	*hooks = (struct hooks){
		.object = object,
		.maps = *maps,
		.hook = hook,
		.len = len,
	};
	pthread_mutex_init(&hooks->lock, NULL);
	return hooks;
}

void hooks_free(struct hooks *hooks)
{
	if (!hooks)
		return;
	pthread_mutex_destroy(&hooks->lock);
	free(hooks);
}

static int free_number(const struct hooks *hooks, pid_t tgid)
{
	int number = -EBUSY;

	for (int i = FDW_HOOKS_MAX - 1; i >= 0; i--) {
		if (hooks->hook[i].tgid == (__u32)tgid)
			return -EBUSY;
		if (!hooks->hook[i].tgid)
			number = i;
	}
	return number;
}

static void set_len(struct hooks *hooks)
{
	__u32 len = FDW_HOOKS_MAX;

	while (len && !hooks->hook[len - 1].tgid)
		len--;
	__atomic_store_n(hooks->len, len, __ATOMIC_RELEASE);
}

bool hooks_has(const struct hooks *hooks, enum hooks_place place)
{
	return hooks->maps.at[place] > 0;
}

static void remove_programs(const struct hooks *hooks, __u32 index)
{
	for (int place = 0; place < HOOKS_PLACES; place++)
		if (hooks_has(hooks, place))
			(void)bpf_map_delete_elem(hooks->maps.at[place], &index);
}

static int add_programs(const struct hooks *hooks, __u32 index,
			const struct hooks_fds *programs)
{
	for (int place = 0; place < HOOKS_PLACES; place++) {
		if (!hooks_has(hooks, place))
			continue;
		if (bpf_map_update_elem(hooks->maps.at[place], &index,
					&programs->at[place], BPF_ANY)) {
			int err = -errno;

			remove_programs(hooks, index);
			return err;
		}
	}
	return 0;
}

int hooks_add(struct hooks *hooks, pid_t tgid, const struct hooks_fds *programs)
{
	int number, err;

	pthread_mutex_lock(&hooks->lock);
	number = free_number(hooks, tgid);
	err = number < 0 ? number : add_programs(hooks, (__u32)number, programs);
	if (!err) {
		hooks->hook[number].index = (__u32)number;
		__atomic_store_n(&hooks->hook[number].tgid, (__u32)tgid,
				 __ATOMIC_RELEASE);
		set_len(hooks);
	}
	pthread_mutex_unlock(&hooks->lock);
	return err ? err : number;
}

void hooks_remove(struct hooks *hooks, int number)
{
	pthread_mutex_lock(&hooks->lock);
	__atomic_store_n(&hooks->hook[number].tgid, 0, __ATOMIC_RELEASE);
	set_len(hooks);
	remove_programs(hooks, (__u32)number);
	pthread_mutex_unlock(&hooks->lock);
}

uint64_t hooks_missed(const struct hooks *hooks)
{
	return missed_runs(hooks->object);
}
