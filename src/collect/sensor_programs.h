/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to the sensor: which of the object's programs a sensor consists of, and
 * what they are attached to.
 */
#ifndef FDWARDEN_SENSOR_PROGRAMS_H
#define FDWARDEN_SENSOR_PROGRAMS_H

#include <bpf/libbpf.h>
#include <stdbool.h>
#include <stddef.h>

#include "collect/sensor.h"

/* Marks the programs of `kind` for loading and the others not, and gives each its
 * kernel function; `hooks`: of the tracepoint's the one with them; notes in `calls` whose exit is seen. Returns 0, or -ENOENT with
 * one line in `why` if this kernel lacks a function that it takes. */
int sensor_choose_programs(struct bpf_object *object, enum sensor_kind kind, bool hooks,
			   struct fdw_call calls[2 * FDW_MAX_CALLS], char *why,
			   size_t why_size);

/* Programs that those at the exits of calls end in: one for each prototype of calls. */
#define SENSOR_TAILS 2

/* Puts them, of an object that is loaded, into these maps. Returns 0 or -errno. */
int sensor_put_tails(const struct bpf_object *object, const int maps[SENSOR_TAILS]);

#endif
