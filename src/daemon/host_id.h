/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which machine this is, over restarts and another name.
 */
#ifndef FDWARDEN_HOST_ID_H
#define FDWARDEN_HOST_ID_H

#define HOST_ID_LEN 33 /* 32 hexadecimal digits and a NUL */

/*
 * An id made of /etc/machine-id that does not tell it: machine-id(5) wants that one kept from
 * the network. The same on each start, and no other program's. "": there is none, as in an image
 * that was not begun with systemd.
 */
void host_id_make(char id[HOST_ID_LEN]);

#endif
