/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What to change where the program sets its limit itself. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "state/advice_impl.h"

/* Programs that set their limit to what their configuration says, or make it of what
 * that says. The value stands between `before` and `behind`. */
static const struct program {
	const char *comm; /* or how it begins, with '*' at the end */
	const char *before, *behind, *place;
} known[] = {
	{"nginx", "worker_rlimit_nofile ", ";", "nginx.conf"},
	{"haproxy", "ulimit-n ", "", "the section global of haproxy.cfg"},
	{"mysqld", "open_files_limit = ", "", "the section [mysqld] of my.cnf"},
	{"mariadbd", "open_files_limit = ", "", "the section [mariadbd] of my.cnf"},
	{"redis-server", "maxclients ", "", "redis.conf"},
	{"valkey-server", "maxclients ", "", "valkey.conf"},
	{"memcached", "-c ", "", "memcached.conf"},
	{"squid", "max_filedescriptors ", "", "squid.conf"},
	{"named", "files ", ";", "the options of named.conf"},
	{"php-fpm*", "rlimit_files = ", "", "php-fpm.conf"},
	{"supervisord", "minfds=", "", "the section [supervisord] of supervisord.conf"},
	{"rsyslogd", "global(maxOpenFiles=\"", "\")", "rsyslog.conf"},
};

static const struct program *find(const char *comm)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		size_t len = strcspn(known[i].comm, "*");

		if (strncmp(comm, known[i].comm, len) == 0 &&
		    (known[i].comm[len] == '*' || !comm[len]))
			return &known[i];
	}
	return NULL;
}

void advice_for_program(const struct advice_question *question,
			const struct advice_target *target, struct advice_list *list)
{
	const struct program *program = find(question->who->comm);
	const struct origin *origin = question->origin;
	struct advice *advice;

	/* no configuration helps beyond the hard limit, but for root's programs */
	if (target->value > question->hard_limit && origin->unit && !origin->inside &&
	    !origin->user_manager)
		advice_drop_in(question, target, origin->unit, true, list);
	advice = advice_add(list, ADVICE_PROGRAM, target->value,
			    "The program sets its limit itself%s: ",
			    program ? "" : ", or the script that became it");
	if (!advice)
		return;
	if (!program) {
		/* Whether it was `ulimit -n` and exec is not seen. */
		advice_say(list, advice,
			   "what is set in front of it has no effect. Change "
			   "\"ulimit -n\" in that script, or the program's own "
			   "settings or source.");
		return;
	}
	advice_say(list, advice, "change that in %s.", program->place);
	advice->content = advice_format(list, "%s%" PRIu64 "%s", program->before,
					target->value, program->behind);
}
