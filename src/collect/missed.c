// SPDX-License-Identifier: GPL-2.0-or-later
#include "collect/missed.h"

#include <bpf/bpf.h>

uint64_t missed_runs_of(const struct bpf_program *program)
{
	struct bpf_prog_info info = {0};
	uint32_t len = sizeof(info);
	int fd = bpf_program__fd(program);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
		return 0;
	return info.recursion_misses;
}

uint64_t missed_runs(struct bpf_object *object)
{
	struct bpf_program *program;
	uint64_t sum = 0;

	bpf_object__for_each_program (program, object)
		sum += missed_runs_of(program);
	return sum;
}
