/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The alert that tells an output what it has lost.
 */
#ifndef FDWARDEN_OUTLET_LOSS_H
#define FDWARDEN_OUTLET_LOSS_H

#include "output/alert.h"
#include "output/sink.h"

/* Of the output of that name, which is static. What is needed of `host` is copied. *out is for
 * sink_set_loss(). Returns 0 or -ENOMEM. */
int outlet_loss_of(const struct alert_host *host, const char *output,
		   struct sink_loss *out);

#endif
