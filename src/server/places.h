/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who gets one of the socket's places, and for how long. Pure. */
#ifndef FDWARDEN_PLACES_H
#define FDWARDEN_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Of all places one user has at most this many; root and the daemon's own user have no such
 * share, and the last few are theirs alone. */
#define PLACES_OF_USER  25
#define PLACES_FOR_ROOT 10
/* Of what is asked for and not answered yet, and of replies that wait to be read, in bytes. */
#define PLACES_JOBS     25
#define PLACES_BYTES    (32u << 20)
/* Who has asked and is subscribed to nothing has to ask again within this time. */
#define PLACES_IDLE_NS  600000000000ull

/* Whether one more may come: of `all` places `taken` are, `of_user` by this user. */
bool places_admit(size_t all, size_t taken, size_t of_user, bool privileged);

/* Whether one more request of a user's may wait besides his `waiting` ones. */
bool places_wait(size_t waiting, bool privileged);

/* Whether so many bytes more may be kept for a user who has not read `held` of them. One reply
 * always may. */
bool places_keep(size_t held, size_t more, bool privileged);

/* Whether a client that was last of use at `used_ns` is to go. `busy`: it waits for
 * something, or is subscribed. */
bool places_idle(bool busy, uint64_t used_ns, uint64_t now_ns);

#endif
