/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a kernel leaves out: runs of a program on a CPU where it is running already. From
 * 6.13 on programs at the exits of calls can be preempted, and it happens; those on functions
 * on kernels that are built for full preemption, from 5.12 on.
 */
#ifndef FDWARDEN_MISSED_H
#define FDWARDEN_MISSED_H

#include <bpf/libbpf.h>
#include <stdint.h>

/* Of all programs of an object, since they were loaded; kernels count since 5.12. */
uint64_t missed_runs(struct bpf_object *object);
/* Of one of them. */
uint64_t missed_runs_of(const struct bpf_program *program);

#endif
