/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The journal's fields of an alert, apart from the sending. */
#ifndef FDWARDEN_SINK_JOURNAL_H
#define FDWARDEN_SINK_JOURNAL_H

#include <sys/uio.h>

#include "output/sink.h"

#define SINK_JOURNAL_FIELDS 10

/* For one entry: "NAME=value" each. 0 and their number in *len, or -ENOMEM. To be
 * freed with sink_journal_free(). */
int sink_journal_fields(const struct sink_message *message,
			struct iovec fields[SINK_JOURNAL_FIELDS], int *len);
void sink_journal_free(struct iovec *fields, int len);

/* As sink_open_journal(), with another way to send (sd_journal_sendv()). */
int sink_open_journal_with(int (*send)(const struct iovec *fields, int len),
			   struct sink **out);

#endif
