/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a cgroup's path says of who set the limits of what is in it. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/cgroup_path.h"
#include "state/identity.h"
#include "state/origin_impl.h"

/* The digits of a component like "user-1000.slice", "user@1000.service". */
static bool uid_in(const char *part, size_t len, const char *prefix, const char *suffix,
		   uid_t *uid)
{
	size_t before = strlen(prefix), after = strlen(suffix);
	unsigned long value = 0;

	if (len <= before + after || memcmp(part, prefix, before) != 0 ||
	    memcmp(part + len - after, suffix, after) != 0 || len - before - after > 10)
		return false;
	for (size_t i = before; i < len - after; i++) {
		if (!isdigit((unsigned char)part[i]))
			return false;
		value = value * 10 + (unsigned long)(part[i] - '0');
	}
	*uid = (uid_t)value;
	return value < UINT32_MAX;
}

static bool has_ending(const char *part, size_t len, const char *suffix)
{
	size_t end = strlen(suffix);

	return len > end && memcmp(part + len - end, suffix, end) == 0;
}

static void take_unit(struct origin_place *out, enum origin_place_kind kind,
		      const char *part, size_t len)
{
	if (len >= sizeof(out->unit))
		return;
	out->kind = kind;
	memcpy(out->unit, part, len);
	out->unit[len] = '\0';
}

/* From the outermost in: the innermost service counts, else the innermost scope. */
static void take_part(struct origin_place *out, const char *part, size_t len,
		      bool *user_manager)
{
	uid_t uid;

	/* below a unit of a manager all names are its processes' own */
	if (out->kind == PLACE_UNIT && !*user_manager)
		return;
	if (!*user_manager && uid_in(part, len, "user-", ".slice", &uid)) {
		out->owner = uid;
		out->of_login = true;
	} else if (!*user_manager && uid_in(part, len, "user@", ".service", &uid)) {
		out->owner = uid;
		take_unit(out, PLACE_UNIT, part, len);
		*user_manager = true;
	} else if (has_ending(part, len, ".service")) {
		take_unit(out, *user_manager ? PLACE_USER : PLACE_UNIT, part, len);
	} else if (has_ending(part, len, ".scope")) {
		bool session = out->of_login && !*user_manager && len > 8 &&
			       memcmp(part, "session-", 8) == 0;

		/* the scope of a manager itself: it is the unit above, or nothing's */
		if (len == 10 && memcmp(part, "init.scope", 10) == 0)
			return;
		if (out->kind == PLACE_NONE ||
		    (*user_manager && out->kind == PLACE_UNIT))
			take_unit(out, session ? PLACE_SESSION : PLACE_SCOPE, part,
				  len);
	}
}

/* Behind the component that names the container. */
static const char *behind(const char *cgroup, struct cgroup_part container)
{
	const char *end = container.at ? container.at + container.len : cgroup;

	return container.at ? end + strcspn(end, "/") : end;
}

/* Outside of containers and of users' managers a name with a place before it is that of no
 * unit of PID 1's: who may write into that directory has chosen it. */
static bool is_elsewhere(const struct identity *who)
{
	return who->service && !who->container_id && strchr(who->service, '/');
}

static void forget_unit(struct origin_place *out)
{
	out->kind = PLACE_NONE;
	out->unit[0] = '\0';
	out->owner = (uid_t)-1;
	out->of_login = false;
}

int origin_place_read(const char *cgroup, struct origin_place *out)
{
	struct identity who = {0};
	const char *at;
	bool user_manager = false, elsewhere;
	size_t len;
	int err;

	memset(out, 0, sizeof(*out));
	out->owner = (uid_t)-1;
	if (!cgroup)
		return 0;
	err = identity_set_cgroup(&who, cgroup);
	if (err)
		return err;
	out->runtime = who.container_runtime;
	out->container_id = who.container_id;
	out->claimed = who.claimed_by && out->container_id;
	elsewhere = is_elsewhere(&who);
	who.container_id = NULL;
	identity_clear(&who);
	out->in_container = out->container_id != NULL;
	at = behind(cgroup, cgroup_path_container(cgroup));
	for (; *at; at += len) {
		at += strspn(at, "/");
		len = strcspn(at, "/");
		if (len)
			take_part(out, at, len, &user_manager);
	}
	if (elsewhere && !user_manager)
		forget_unit(out);
	return 0;
}

bool origin_cgroup_owner(const char *cgroup, uid_t *owner)
{
	for (const char *at = cgroup; at && *at; at += strcspn(at, "/")) {
		at += strspn(at, "/");
		if (uid_in(at, strcspn(at, "/"), "user-", ".slice", owner))
			return true;
	}
	return false;
}

void origin_place_clear(struct origin_place *place)
{
	free(place->container_id);
	memset(place, 0, sizeof(*place));
}
