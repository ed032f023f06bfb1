// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A program that does nothing at the exits of system calls: what the kernel itself
 * takes for such a program is the floor under anything that watches from there.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

SEC("tp_btf/sys_exit")
int floor_exit(void *ctx)
{
	return 0;
}
