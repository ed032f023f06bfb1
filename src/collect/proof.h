/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Proof that the sensor works: a program that is attached need not be called, as a
 * compiler may have inlined what it sits on.
 */
#ifndef FDWARDEN_PROOF_H
#define FDWARDEN_PROOF_H

#include "collect/sensor.h"
#include "collect/snapshot.h"

/*
 * Makes calls of our own that open, copy, close and are refused, and compares what
 * the sensor counted with what was done. For that our own soft limit is 0 for some
 * microseconds: call it before other threads need descriptors. The sensor then holds
 * a record of our refusals, which its reader should pass over.
 * Returns 0, or -ENODATA with one line in `why`, or another -errno.
 */
int proof_run(struct sensor *sensor, struct snapshot *snapshot, char *why,
	      size_t why_size);

#endif
