// SPDX-License-Identifier: GPL-2.0-or-later
#include "output/outlet_loss.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct loss_context {
	const char *output;
	char *name, *boot_id, *id; /* NULL: not known */
};

static char *loss_line(const void *context, uint64_t alerts, char *text,
		       size_t text_size)
{
	const struct loss_context *self = context;
	const struct alert_host host = {
		.name = self->name, .boot_id = self->boot_id, .id = self->id};
	struct alert alert = {
		.what = {.action = POLICY_ALERTS_LOST},
		.loss = {.alerts = alerts, .output = self->output},
		.host = &host,
	};
	struct timespec now;

	/* by the clock on the wall, for what the monitor knows of it is its own thread's */
	clock_gettime(CLOCK_REALTIME, &now);
	alert.time_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	alert_new_id(alert.id);
	alert_message(&alert, text, text_size);
	return alert_json_line(&alert);
}

static void loss_free(void *context)
{
	struct loss_context *self = context;

	free(self->name);
	free(self->boot_id);
	free(self->id);
	free(self);
}

static bool loss_copy(const char *from, char **to)
{
	*to = from ? strdup(from) : NULL;
	return *to || !from;
}

int outlet_loss_of(const struct alert_host *host, const char *output,
		   struct sink_loss *out)
{
	struct loss_context *self = calloc(1, sizeof(*self));

	if (!self)
		return -ENOMEM;
	self->output = output;
	if (!loss_copy(host->name, &self->name) ||
	    !loss_copy(host->boot_id, &self->boot_id) ||
	    !loss_copy(host->id, &self->id)) {
		loss_free(self);
		return -ENOMEM;
	}
	*out = (struct sink_loss){loss_line, loss_free, self};
	return 0;
}
