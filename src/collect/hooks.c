// SPDX-License-Identifier: GPL-2.0-or-later
#include "collect/hooks.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "collect/missed.h"

struct hooks {
	struct bpf_object *object;
	int programs_fd;
	struct fdw_hook *hook; /* the kernel's: programs read it at any moment */
	__u32 *len;
	pthread_mutex_t lock;
};

struct hooks *hooks_new(struct bpf_object *object, int programs_fd,
			struct fdw_hook hook[FDW_HOOKS_MAX], __u32 *len)
{
	struct hooks *hooks = malloc(sizeof(*hooks));

	if (!hooks)
		return NULL;
	*hooks = (struct hooks){
		.object = object,
		.programs_fd = programs_fd,
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

int hooks_add(struct hooks *hooks, pid_t tgid, int program_fd)
{
	__u32 index;
	int number;

	pthread_mutex_lock(&hooks->lock);
	number = free_number(hooks, tgid);
	if (number >= 0) {
		index = (__u32)number;
		if (bpf_map_update_elem(hooks->programs_fd, &index, &program_fd,
					BPF_ANY))
			number = -errno;
	}
	if (number >= 0) {
		hooks->hook[number].index = index;
		__atomic_store_n(&hooks->hook[number].tgid, (__u32)tgid,
				 __ATOMIC_RELEASE);
		set_len(hooks);
	}
	pthread_mutex_unlock(&hooks->lock);
	return number;
}

void hooks_remove(struct hooks *hooks, int number)
{
	__u32 index = (__u32)number;

	pthread_mutex_lock(&hooks->lock);
	__atomic_store_n(&hooks->hook[number].tgid, 0, __ATOMIC_RELEASE);
	set_len(hooks);
	bpf_map_delete_elem(hooks->programs_fd, &index);
	pthread_mutex_unlock(&hooks->lock);
}

uint64_t hooks_missed(const struct hooks *hooks)
{
	return missed_runs(hooks->object);
}
