/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the alert's contract calls the policy's decisions. */
#include "policy/policy.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *name;
	const char *log_level;
	int severity;
} actions[POLICY_ACTIONS] = {
	[POLICY_FD_WARNING] = {"fd-warning", "warning", 3},
	[POLICY_FD_CRITICAL] = {"fd-critical", "critical", 4},
	[POLICY_FD_EXHAUSTED] = {"fd-exhausted", "critical", 5},
	[POLICY_FD_RECOVERED] = {"fd-recovered", "info", 2},
	[POLICY_FD_LEAK_SUSPECTED] = {"fd-leak-suspected", "warning", 3},
	[POLICY_OTHER_LIMIT] = {"other-limit", "error", 3},
	[POLICY_SYSTEM_WARNING] = {"system-warning", "warning", 3},
	[POLICY_SYSTEM_CRITICAL] = {"system-critical", "critical", 4},
	[POLICY_SYSTEM_EXHAUSTED] = {"system-exhausted", "critical", 5},
	[POLICY_SYSTEM_RECOVERED] = {"system-recovered", "info", 2},
	[POLICY_FD_DETAILS] = {"fd-details", "info", 2},
	[POLICY_FD_LIMIT_RAISED] = {"fd-limit-raised", "warning", 3},
	[POLICY_ALERTS_LOST] = {"alerts-lost", "warning", 3},
};

const char *policy_action_name(enum policy_action action)
{
	return (unsigned int)action < POLICY_ACTIONS ? actions[action].name : "unknown";
}

bool policy_action_find(const char *name, enum policy_action *out)
{
	for (int i = 0; name && i < POLICY_ACTIONS; i++)
		if (!strcmp(actions[i].name, name)) {
			*out = i;
			return true;
		}
	return false;
}

const char *policy_log_level(enum policy_action action)
{
	return (unsigned int)action < POLICY_ACTIONS ? actions[action].log_level
						     : "info";
}

int policy_severity(enum policy_action action)
{
	return (unsigned int)action < POLICY_ACTIONS ? actions[action].severity : 0;
}

const char *policy_reason_name(enum policy_reason reason)
{
	switch (reason) {
	case POLICY_REASON_CLOSED:
		return "closed";
	case POLICY_REASON_EXITED:
		return "exited";
	case POLICY_REASON_LIMIT_RAISED:
		return "limit-raised";
	case POLICY_REASON_IGNORED:
		return "ignored";
	case POLICY_REASON_NONE:
		break;
	}
	return NULL;
}
