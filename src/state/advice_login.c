/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What to change for the sessions of a user: limits.conf(5). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/advice_impl.h"

/* The user, as pam_limits takes it: lines have no quotes, so that a name with blanks,
 * or one that looks like something else, is told by its number. */
static bool name_user(const struct origin *origin, char domain[80])
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
	const char *name = origin->user;
	size_t len = name ? strlen(name) : 0;

	if (len && len < 64 && strspn(name, plain) == len && name[0] != '-' &&
	    name[0] != '.') {
		snprintf(domain, 80, "%s", name);
		return true;
	}
	if (origin->owner == (uid_t)-1)
		return false;
	snprintf(domain, 80, ":%u", origin->owner);
	return true;
}

/* A unit that begins sessions for others: it need not be started anew. */
static bool is_of_many(const struct origin *origin)
{
	return origin->opener && strcmp(origin->opener, "su") != 0 &&
	       strcmp(origin->opener, "runuser") != 0 &&
	       strcmp(origin->opener, "sudo") != 0;
}

static void add_lines(struct advice_list *list, struct advice *advice,
		      const char *domain, uint64_t soft, uint64_t hard)
{
	char number[24];

	advice_number(hard, "unlimited", number);
	advice->content = advice_format(list,
					"%s soft nofile %" PRIu64 "\n%s hard nofile "
					"%s\n",
					domain, soft, domain, number);
	advice_write(list, advice);
}

void advice_for_login(const struct advice_question *question,
		      const struct advice_target *target, struct advice_list *list)
{
	static const char dir[] = "/etc/security/limits.d/";
	const struct origin *origin = question->origin;
	bool in_dir = origin->kind == ORIGIN_PAM && origin->file &&
		      strncmp(origin->file, dir, sizeof(dir) - 1) == 0;
	uint64_t soft = target->value;
	char domain[80], wanted[128], *name;
	struct advice *advice;

	if (!name_user(origin, domain))
		return;
	if (origin->soft_raised && !origin->raised_by && origin->soft &&
	    origin->soft < soft)
		soft = origin->soft;
	advice = advice_add(list, ADVICE_LIMITS_CONF, target->value,
			    origin->opener ? "For what %s starts for %s, from the next "
					     "time on."
					   : "For the %s of %s from the next one on.",
			    origin->opener ? origin->opener : "logins",
			    origin->user ? origin->user : domain);
	if (!advice)
		return;
	if (origin->kind == ORIGIN_PAM && origin->file)
		advice_say(list, advice, " It goes before line %" PRIu32 " of %s.",
			   origin->line, origin->file);
	snprintf(wanted, sizeof(wanted), "90-%s-nofile.conf",
		 domain[0] == ':' ? domain + 1 : domain);
	name = advice_later_name(list, wanted, in_dir ? origin->file : NULL);
	if (name)
		advice->file = advice_format(list, "%s%s", dir, name);
	free(name);
	add_lines(list, advice, domain, soft, target->hard);
	if (origin->unit && !origin->user_session && !is_of_many(origin))
		advice_say(list, advice, " %s has it when it is started anew.",
			   origin->unit);
}
