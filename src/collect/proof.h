/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Proof that the sensor works: a program that is attached need not be called.
 */
#ifndef FDWARDEN_PROOF_H
#define FDWARDEN_PROOF_H

#include "collect/sensor.h"
#include "collect/snapshot.h"

/* Opens and closes descriptors of our own, and looks whether the sensor counted
 * them and the snapshot found us. Returns 0, or -ENODATA with one line in `why`,
 * or another -errno of the snapshot. */
int proof_run(struct snapshot *snapshot, char *why, size_t why_size);

#endif
