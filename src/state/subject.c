/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state/subject.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/cgroup_path.h"

static const char *known(const char *text)
{
	return text && *text ? text : NULL;
}

/* Not a container's or a service's that others may claim to be; and where there is neither,
 * as without systemd, anyone may run the same program with the same arguments: his processes
 * are to hide no others in their summary, not even by a set-user-ID program. */
static const char *place_of(const struct identity *who, const char *account)
{
	if (who->claimed_by)
		return identity_group(who);
	if (who->container_id)
		return who->container_id;
	return who->service ? who->service : account;
}

void subject_of(const struct identity *who, struct subject_users *users,
		struct grouping_subject *out)
{
	uid_t account = identity_charged(who);

	snprintf(users->user, sizeof(users->user), "%" PRIu32, (uint32_t)who->uid);
	snprintf(users->account, sizeof(users->account), "%" PRIu32, (uint32_t)account);
	*out = (struct grouping_subject){
		.title = identity_group(who),
		.place = place_of(who, users->account),
		.charged_uid = account,
		.texts =
			{
				[GROUPING_NAME] = known(who->comm),
				[GROUPING_EXECUTABLE] = known(who->executable),
				/* A process may empty it: that is not known. */
				[GROUPING_COMMAND_LINE] = known(who->command_line),
				[GROUPING_SERVICE] = who->service,
				[GROUPING_CONTAINER] = who->container_id,
				[GROUPING_RUNTIME] = who->container_runtime,
				[GROUPING_POD] = who->pod_uid,
				[GROUPING_USER] =
					who->uid == (uid_t)-1 ? NULL : users->user,
			},
	};
}

void subject_identity(char *const texts[GROUPING_TEXTS], struct identity *out)
{
	*out = (struct identity){
		.uid = (uid_t)-1,
		.executable = texts[GROUPING_EXECUTABLE],
		.command_line = texts[GROUPING_COMMAND_LINE],
		.service = texts[GROUPING_SERVICE],
		.container_id = texts[GROUPING_CONTAINER],
		.container_runtime = cgroup_path_runtime_name(texts[GROUPING_RUNTIME]),
		.pod_uid = texts[GROUPING_POD],
	};
	if (texts[GROUPING_NAME])
		snprintf(out->comm, sizeof(out->comm), "%s", texts[GROUPING_NAME]);
	if (texts[GROUPING_USER])
		out->uid = (uid_t)strtoul(texts[GROUPING_USER], NULL, 10);
}
