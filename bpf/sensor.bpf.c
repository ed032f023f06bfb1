// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The sensors: two ways to see what happens to descriptors, one core (near.bpf.h,
 * refusal.bpf.h). User space loads the programs of one of them.
 */
#include "fexit.bpf.h"
#include "tracepoint.bpf.h"

char LICENSE[] SEC("license") = "GPL";
