/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Preemption off for a moment. While a program is preempted, the kernel leaves out its runs for
 * all other tasks on that CPU; run by the sensor, the sensor's. Copying a stack takes long enough
 * for it to happen.
 *
 * The kernel functions that it takes came with 6.10. Naming one that is not there is enough for
 * libbpf before 1.3 to look for it among the modules' types, which takes CAP_SYS_ADMIN; without
 * that the whole object is not loaded. So the object that uses this is there twice, with and
 * without it: user space chooses.
 */
#ifndef FDWARDEN_HOLD_BPF_H
#define FDWARDEN_HOLD_BPF_H

#include "compat.bpf.h"

#ifdef WITH_HOLD
extern void bpf_preempt_disable(void) __ksym;
extern void bpf_preempt_enable(void) __ksym;

static __always_inline void hold(void)
{
	bpf_preempt_disable();
}

static __always_inline void release(void)
{
	bpf_preempt_enable();
}
#else
static __always_inline void hold(void)
{
}

static __always_inline void release(void)
{
}
#endif

#endif /* FDWARDEN_HOLD_BPF_H */
