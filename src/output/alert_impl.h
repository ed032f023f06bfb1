/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to the alert: what its parts give each other. */
#ifndef FDWARDEN_ALERT_IMPL_H
#define FDWARDEN_ALERT_IMPL_H

#include "output/alert.h"

/* The member "process". 0 or -ENOMEM. */
int alert_add_process(cJSON *parent, const struct identity *who,
		      const struct alert_host *host);

/* The member "group" of a summary. 0 or -ENOMEM. */
int alert_add_group(cJSON *fd, const struct alert *alert);

/* The member "leak", if it is known. 0 or -ENOMEM. */
int alert_add_leak(cJSON *fd, const struct alert_leak *leak);

/* "the floor rose from 120 to 410 in 8 min (0.6/s ±0.05); the limit of 1024 is met in 15
 * to 19 min; growing: tcp CLOSE_WAIT", of one that is known. A type's name may be
 * hostile. Returns its length, cut to size. */
size_t alert_leak_text(const struct alert_leak *leak, const struct alert_fd *fd,
		       char *text, size_t size);

#endif
