// SPDX-License-Identifier: GPL-2.0-or-later
#include "collect/proof.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CALLS 8

struct own {
	uint32_t pid;
	bool found;
	struct fdw_table table;
};

static void on_table(void *context, const struct fdw_snapshot_record *record)
{
	struct own *own = context;

	if (record->task.tgid != own->pid || record->table.flags & FDW_TABLE_THREAD)
		return;
	own->found = true;
	own->table = record->table;
}

static int look(struct snapshot *snapshot, struct own *own)
{
	struct snapshot_stats stats;

	memset(own, 0, sizeof(*own));
	own->pid = getpid();
	return snapshot_take(snapshot, on_table, own, &stats);
}

int proof_run(struct snapshot *snapshot, char *why, size_t why_size)
{
	struct own before, after;
	int err = look(snapshot, &before);

	for (int i = 0; i < CALLS && !err; i++) {
		int fd = dup(STDERR_FILENO);

		err = fd < 0 ? -errno : 0;
		close(fd);
	}
	if (!err)
		err = look(snapshot, &after);
	if (err) {
		snprintf(why, why_size, "no snapshot can be taken: %s", strerror(-err));
		return err;
	}
	if (!after.found) {
		snprintf(why, why_size,
			 "the snapshot does not show this process: is it in a pid "
			 "namespace? Run it in the host's");
		return -ENODATA;
	}
	if (after.table.opened - before.table.opened < CALLS ||
	    after.table.closed - before.table.closed < CALLS) {
		snprintf(why, why_size,
			 "the sensor is attached, but did not see this process's own calls");
		return -ENODATA;
	}
	return 0;
}
