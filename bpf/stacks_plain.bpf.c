// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stacks.bpf.c without the kernel functions that kernels before 6.10 lack. Naming one of them is
 * enough for libbpf before 1.3 to look for it among the modules' types, which takes
 * CAP_SYS_ADMIN; without that the whole object is not loaded.
 */
#define WITHOUT_HOLD
#include "stacks.bpf.c"
