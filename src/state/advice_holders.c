// SPDX-License-Identifier: GPL-2.0-or-later
#include "state/advice_holders.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "state/advice_impl.h"

/* What one more of them costs; of the kernel's sources, inotify(7), epoll(7), pipe(7) and
 * mq_overview(7). */
static const char *const advice_costs[HOLDERS_WHATS] = {
	[HOLDERS_INOTIFY_INSTANCES] = "An instance by itself takes less than 1 KiB of "
				      "the kernel's memory; events "
				      "that its owner does not read wait in it, up to "
				      "fs.inotify.max_queued_events.",
	[HOLDERS_INOTIFY_WATCHES] = "A watch takes about 1 KiB of memory that can't be "
				    "swapped out: it keeps the inode of its file.",
	[HOLDERS_FANOTIFY_GROUPS] = "A group by itself takes less than 1 KiB of the "
				    "kernel's memory, and up to "
				    "fs.fanotify.max_queued_events events wait in it.",
	[HOLDERS_FANOTIFY_MARKS] = "A mark takes about 1 KiB of memory that can't be "
				   "swapped out: it keeps the inode of its file.",
	[HOLDERS_PIPES] =
		"A pipe has 16 pages unless it asks for more: with data in them "
		"they are 64 KiB that can't be swapped out.",
	[HOLDERS_EPOLL_WATCHES] =
		"A watch takes about 160 bytes of memory that can't be "
		"swapped out.",
	[HOLDERS_QUEUES_OF_SPACE] =
		"A queue that is full holds its messages in the kernel's memory: "
		"10 of 8 KiB unless it asks for more.",
	[HOLDERS_QUEUES_OF_USER] =
		"The bytes are the kernel's memory once the queues are full.",
};

static void advice_sysctl(const struct advice_other_limit *limit,
			  struct advice_list *list)
{
	uint64_t value = advice_round_up(2 * limit->value);
	struct advice *advice;

	advice = advice_add(
		list, ADVICE_SYSCTL, value,
		"%s is %" PRIu64 ": twice as many, from now on and after the "
		"next boot. %s",
		limit->sysctl, limit->value, advice_costs[limit->holders->what]);
	if (!advice)
		return;
	advice->file = advice_format(list, "/etc/sysctl.d/90-%s.conf", limit->sysctl);
	advice->content =
		advice_format(list, "%s = %" PRIu64 "\n", limit->sysctl, value);
	advice_write(list, advice);
	advice_command(list, advice, "sysctl -w %s=%" PRIu64, limit->sysctl, value);
}

static void advice_queue_bytes(const struct advice_other_limit *limit,
			       struct advice_list *list)
{
	uint64_t value = advice_round_up(2 * limit->value);
	struct advice *advice;

	advice =
		advice_add(list, ADVICE_PRLIMIT, value,
			   "RLIMIT_MSGQUEUE is %" PRIu64
			   " bytes: twice as many, until the process ends; for good it "
			   "is LimitMSGQUEUE=%" PRIu64
			   " in its unit, or msgqueue in limits.conf. %s",
			   limit->value, value, advice_costs[limit->holders->what]);
	if (advice)
		advice_command(list, advice,
			       "prlimit --pid %d --msgqueue=%" PRIu64 ":%" PRIu64,
			       (int)limit->pid, value, value);
}

int advice_for_other_limit(const struct advice_other_limit *limit,
			   struct advice out[ADVICE_MAX])
{
	struct advice_list list = {.at = out};

	memset(out, 0, ADVICE_MAX * sizeof(*out));
	/* What is not known is not raised; beyond this, twice as much is no number for it. */
	if (!limit->value || limit->value > INT32_MAX / 2 ||
	    limit->holders->what == HOLDERS_NONE)
		return 0;
	if (limit->sysctl)
		advice_sysctl(limit, &list);
	else if (limit->holders->what == HOLDERS_QUEUES_OF_USER)
		advice_queue_bytes(limit, &list);
	if (list.no_memory) {
		advice_clear(out, list.len);
		return -ENOMEM;
	}
	return (int)list.len;
}
