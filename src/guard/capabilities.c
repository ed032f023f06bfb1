// SPDX-License-Identifier: GPL-2.0-or-later
#include "guard/capabilities.h"

#include <linux/capability.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Not in linux/capability.h before 5.8. */
#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#define CAP_BPF     39
#endif

#define WORDS    _LINUX_CAPABILITY_U32S_3
#define BIT(cap) (1ull << (cap))
#define OTHERS   (BIT(CAP_SYS_PTRACE) | BIT(CAP_DAC_READ_SEARCH))
#define MONITORS (OTHERS | BIT(CAP_BPF) | BIT(CAP_PERFMON))

struct capability_sets {
	struct __user_cap_header_struct header;
	struct __user_cap_data_struct data[WORDS];
};

static bool capabilities_get(struct capability_sets *sets)
{
	*sets = (struct capability_sets){.header = {_LINUX_CAPABILITY_VERSION_3, 0}};
	return !syscall(SYS_capget, &sets->header, sets->data);
}

/* Whether anything has changed. If it fails, the thread has what it had: more than it should
 * have, but never more than it was given. */
static bool capabilities_set(struct capability_sets *sets,
			     const struct capability_sets *before)
{
	return memcmp(sets->data, before->data, sizeof(sets->data)) != 0 &&
	       !syscall(SYS_capset, &sets->header, sets->data);
}

bool capabilities_rest(void)
{
	struct capability_sets before, sets;

	if (!capabilities_get(&before))
		return false;
	sets = before;
	for (int i = 0; i < WORDS; i++)
		sets.data[i].effective &= ~(uint32_t)(OTHERS >> (32 * i));
	return !memcmp(sets.data, before.data, sizeof(sets.data)) ||
	       capabilities_set(&sets, &before);
}

bool capabilities_see_others(void)
{
	struct capability_sets before, sets;

	if (!capabilities_get(&before))
		return false;
	sets = before;
	for (int i = 0; i < WORDS; i++)
		sets.data[i].effective |=
			sets.data[i].permitted & (uint32_t)(OTHERS >> (32 * i));
	return capabilities_set(&sets, &before);
}

void capabilities_rest_again(bool rested)
{
	if (rested)
		(void)capabilities_rest();
}

void capabilities_give_up(void)
{
	struct capability_sets before, sets;

	if (!capabilities_get(&before))
		return;
	sets = before;
	for (int i = 0; i < WORDS; i++) {
		uint32_t kept = ~(uint32_t)(MONITORS >> (32 * i));

		/* The ambient set goes with the other two. */
		sets.data[i].effective &= kept;
		sets.data[i].permitted &= kept;
		sets.data[i].inheritable &= kept;
	}
	(void)capabilities_set(&sets, &before);
}
