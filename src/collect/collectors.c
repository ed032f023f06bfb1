// SPDX-License-Identifier: GPL-2.0-or-later
#include "collect/collectors.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "collect/kernel.h"
#include "collect/proof.h"

static int open_kind(enum sensor_kind kind, const struct collectors_options *options,
		     const struct sensor_handlers *handlers, struct collectors *c,
		     char *why, size_t why_size)
{
	struct sensor_counters_map counters;
	int err;

	err = sensor_open(kind, options->steps, options->steps_len, handlers,
			  &c->sensor, why, why_size);
	if (err)
		return err;
	sensor_counters_map(c->sensor, &counters);
	err = snapshot_open(options->snapshot, &counters, &c->snapshot, why, why_size);
	/* Attached before the first snapshot: what happens meanwhile is seen by one of
	 * the two at least. */
	if (!err)
		err = sensor_attach(c->sensor, options->files_in_reach, why, why_size);
	if (!err)
		err = proof_run(c->sensor, c->snapshot, why, why_size);
	if (err)
		collectors_close(c);
	c->since_ns = kernel_now_ns();
	return err;
}

int collectors_open(const struct collectors_options *options,
		    const struct sensor_handlers *handlers, struct collectors *out,
		    char *why, size_t why_size)
{
	int err = -EOPNOTSUPP;
	size_t len;

	memset(out, 0, sizeof(*out));
	if (options->sensor != COLLECTORS_TRACEPOINT)
		err = open_kind(SENSOR_FEXIT, options, handlers, out, why, why_size);
	if (!err || options->sensor == COLLECTORS_FEXIT)
		return err;
	if (options->sensor == COLLECTORS_AUTO)
		snprintf(out->refused, sizeof(out->refused), "%s", why);
	err = open_kind(SENSOR_TRACEPOINT, options, handlers, out, why, why_size);
	len = strlen(why);
	/* Where the kernel does not allow the one, the other is what to look at. */
	if (err == -EOPNOTSUPP && *out->refused && len < why_size)
		snprintf(why + len, why_size - len,
			 "; the fexit sensor is not used: %s", out->refused);
	return err;
}

void collectors_close(struct collectors *collectors)
{
	snapshot_close(collectors->snapshot);
	sensor_close(collectors->sensor);
	collectors->snapshot = NULL;
	collectors->sensor = NULL;
}
