// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/host_id.h"

#include <systemd/sd-id128.h>

/* Ours, drawn once; it never changes, nor do the ids that are made with it. */
#define APPLICATION                                                                    \
	SD_ID128_MAKE(5e, 1b, 93, c4, 0f, 7a, 4d, 26, b8, e3, 61, 9d, 2c, 84, 7f, a5)

void host_id_make(char id[HOST_ID_LEN])
{
	sd_id128_t found;

	id[0] = 0;
	if (sd_id128_get_machine_app_specific(APPLICATION, &found) >= 0)
		sd_id128_to_string(found, id);
}
