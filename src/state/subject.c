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

void subject_of(const struct identity *who, char user[SUBJECT_USER_LEN],
		struct grouping_subject *out)
{
	snprintf(user, SUBJECT_USER_LEN, "%" PRIu32, (uint32_t)who->uid);
	*out = (struct grouping_subject){
		.title = identity_group(who),
		/* not a container's or a service's that others may claim to be */
		.place = who->claimed_by     ? identity_group(who)
			 : who->container_id ? who->container_id
					     : who->service,
		.charged_uid = identity_charged(who),
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
				[GROUPING_USER] = who->uid == (uid_t)-1 ? NULL : user,
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
