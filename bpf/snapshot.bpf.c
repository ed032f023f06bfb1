// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The snapshot read through a task iterator: one record for each descriptor table
 * of each process. Works since 5.8.
 */
#include "snapshot.bpf.h"

char LICENSE[] SEC("license") = "GPL";

SEC("iter/task")
int snapshot(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct fdw_snapshot_record r = {};

	if (task && snapshot_task(task, &r))
		bpf_seq_write(ctx->meta->seq, &r, sizeof(r));
	return 0;
}
