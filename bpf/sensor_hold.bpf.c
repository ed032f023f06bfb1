// SPDX-License-Identifier: GPL-2.0-or-later
/* sensor.bpf.c for kernels on which preemption can be off for a moment: see hold.bpf.h. */
#define WITH_HOLD
#include "sensor.bpf.c"
