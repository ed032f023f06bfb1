// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/manager.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define PATIENCE_S 5

struct manager {
	int socket; /* -1: of a kind that only the library knows (vsock) */
	struct sockaddr_un address;
	socklen_t address_len;
	uint64_t watchdog_us;
};

/* A path, or a name behind '@'. False: of another kind. */
static bool manager_set_address(struct manager *manager, const char *name)
{
	size_t len = strlen(name);

	if ((name[0] != '/' && name[0] != '@') ||
	    len >= sizeof(manager->address.sun_path))
		return false;
	manager->address.sun_family = AF_UNIX;
	memcpy(manager->address.sun_path, name, len + 1);
	if (name[0] == '@')
		manager->address.sun_path[0] = '\0';
	manager->address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
					   len + (name[0] == '/'));
	return true;
}

struct manager *manager_open(void)
{
	const char *name = getenv("NOTIFY_SOCKET");
	struct manager *manager = name ? calloc(1, sizeof(*manager)) : NULL;
	struct timeval patience = {.tv_sec = PATIENCE_S};
	uint64_t limit_us = 0;

	if (!manager)
		return NULL;
	manager->socket = -1;
	if (manager_set_address(manager, name)) {
		manager->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (manager->socket < 0) {
			free(manager);
			return NULL;
		}
		(void)setsockopt(manager->socket, SOL_SOCKET, SO_SNDTIMEO, &patience,
				 sizeof(patience));
	}
	if (sd_watchdog_enabled(0, &limit_us) > 0)
		manager->watchdog_us = limit_us / 3 + 1;
	return manager;
}

void manager_free(struct manager *manager)
{
	if (!manager)
		return;
	if (manager->socket >= 0)
		close(manager->socket);
	free(manager);
}

static int manager_send(struct manager *manager, const char *text, int flags)
{
	int err;

	if (!manager)
		return 0;
	if (manager->socket < 0) {
		err = sd_notify(0, text);
		return err < 0 ? err : 0;
	}
	/* By the name each time: who made the socket may have made it anew. */
	if (sendto(manager->socket, text, strlen(text), MSG_NOSIGNAL | flags,
		   (const struct sockaddr *)&manager->address,
		   manager->address_len) < 0)
		return -errno;
	return 0;
}

int manager_say(struct manager *manager, const char *text)
{
	return manager_send(manager, text, 0);
}

int manager_feed(struct manager *manager)
{
	return manager_send(manager, "WATCHDOG=1", MSG_DONTWAIT);
}

uint64_t manager_watchdog_us(const struct manager *manager)
{
	return manager ? manager->watchdog_us : 0;
}
