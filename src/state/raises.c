// SPDX-License-Identifier: GPL-2.0-or-later
#include "state/raises.h"

#include <pthread.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

/* More are raised at once only where a whole service is. */
#define ENTRIES 256

struct entry {
	pid_t pid; /* 0: free */
	uint64_t start_ticks;
	struct raise raise;
};

static struct entry entries[ENTRIES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static uint64_t realtime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* One tick for roundings. */
static bool is_of(const struct entry *entry, pid_t pid, uint64_t start_ticks)
{
	return entry->pid == pid && entry->start_ticks + 1 >= start_ticks &&
	       entry->start_ticks <= start_ticks + 1;
}

/* Its entry, else a free one, else the oldest. */
static struct entry *entry_of(pid_t pid, uint64_t start_ticks)
{
	struct entry *oldest = &entries[0];

	for (size_t i = 0; i < ENTRIES; i++) {
		if (is_of(&entries[i], pid, start_ticks))
			return &entries[i];
		if (entries[i].raise.when_ns < oldest->raise.when_ns)
			oldest = &entries[i];
	}
	return oldest;
}

void raises_note(pid_t pid, uint64_t start_ticks, uint64_t from, uint64_t to,
		 bool by_hand)
{
	struct entry *entry;
	bool goes_on;

	pthread_mutex_lock(&lock);
	entry = entry_of(pid, start_ticks);
	goes_on = is_of(entry, pid, start_ticks) && entry->raise.to == from;
	*entry = (struct entry){
		.pid = pid,
		.start_ticks = start_ticks,
		.raise = {.from = goes_on ? entry->raise.from : from,
			  .to = to,
			  .when_ns = realtime_ns(),
			  .by_hand = by_hand},
	};
	pthread_mutex_unlock(&lock);
}

bool raises_find(pid_t pid, uint64_t start_ns, uint64_t soft_limit, struct raise *out)
{
	uint64_t ticks = start_ns / (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));
	bool found = false;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < ENTRIES && !found; i++) {
		found = is_of(&entries[i], pid, ticks) &&
			entries[i].raise.to == soft_limit;
		if (found)
			*out = entries[i].raise;
	}
	pthread_mutex_unlock(&lock);
	return found;
}
