// SPDX-License-Identifier: GPL-2.0-or-later
/* Records of incidents, which a crash may have torn and anyone may have edited. */
#include <stddef.h>
#include <stdint.h>

#include "output/incident.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct incident incident;

	incident_read((const char *)data, size, &incident);
	incident_clear(&incident);
	return 0;
}
