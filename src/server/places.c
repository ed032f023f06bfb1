// SPDX-License-Identifier: GPL-2.0-or-later
#include "server/places.h"

bool places_admit(size_t all, size_t taken, size_t of_user, bool privileged)
{
	if (privileged)
		return taken < all;
	return taken + PLACES_FOR_ROOT < all && of_user < PLACES_OF_USER;
}

bool places_wait(size_t waiting, bool privileged)
{
	return privileged || waiting < PLACES_JOBS;
}

bool places_keep(size_t held, size_t more, bool privileged)
{
	return privileged || !held || held + more <= PLACES_BYTES;
}

bool places_idle(bool busy, uint64_t used_ns, uint64_t now_ns)
{
	return !busy && now_ns > used_ns && now_ns - used_ns > PLACES_IDLE_NS;
}
