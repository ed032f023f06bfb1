// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/host_id.h"

#include <systemd/sd-id128.h>

/* Ours, drawn once; it never changes, nor do the ids that are made with it. */
static const sd_id128_t application = {.bytes = {0x5e, 0x1b, 0x93, 0xc4, 0x0f, 0x7a,
						 0x4d, 0x26, 0xb8, 0xe3, 0x61, 0x9d,
						 0x2c, 0x84, 0x7f, 0xa5}};

void host_id_make(char id[HOST_ID_LEN])
{
	sd_id128_t found;

	id[0] = 0;
	if (sd_id128_get_machine_app_specific(application, &found) >= 0)
		sd_id128_to_string(found, id);
}
