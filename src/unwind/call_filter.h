/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which system calls the unwinder's child may make from then on. */
#ifndef FDWARDEN_CALL_FILTER_H
#define FDWARDEN_CALL_FILTER_H

/* Lets it read files, take and give back memory, and talk on the sockets that it has: all
 * else fails with EPERM, for good and for this thread and those that it starts. Needs
 * no_new_privs. Returns 0, or -errno where the kernel has no such filters. */
int call_filter_read_only(void);

#endif
