// SPDX-License-Identifier: GPL-2.0-or-later
#include "state/holders_helper.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "guard/helper.h"

/* Its own end comes before ours, so that there is an answer. */
#define LOOK_MS     1200
#define PATIENCE_MS 2000
#define TIME_MS     4000
#define CPU_SECONDS 3u
#define MEMORY      (64ull << 20)

struct holders_answer {
	int32_t error;
	struct holders holders;
};

int holders_helper_run(void)
{
	static const struct helper_bounds bounds = {
		HELPER_READS_OTHERS, CALL_FILTER_FINDER, CPU_SECONDS, MEMORY};
	struct holders_question question;
	struct holders_answer answer = {0};
	int err;

	/* Not by hand: without a socket of the caller's there is nobody to answer. */
	if (helper_check())
		return 2;
	err = helper_confine("fdwarden-holder", &bounds);
	if (helper_hear(&question, sizeof(question)))
		return 1;
	/* Who can't confine itself does not look. */
	answer.error =
		err ? -EOPNOTSUPP : holders_find("/proc", &question, &answer.holders);
	return send(HELPER_SOCKET, &answer, sizeof(answer), MSG_NOSIGNAL) < 0;
}

/* Names are the processes' own; numbers are the helper's, which has read what they made. */
static int check(const struct holders_question *question, struct holders *out)
{
	if (out->what != question->what || out->len > HOLDERS_MAX)
		return -EPROTO;
	for (size_t i = 0; i < out->len; i++)
		out->first[i].name[HOLDERS_NAME_LEN - 1] = '\0';
	return 0;
}

int holders_helper_find(struct holders_question *question, uid_t uid,
			struct holders *out)
{
	static const struct helper_patience patience = {PATIENCE_MS, TIME_MS};
	static const char *const arguments[] = {HOLDERS_HELPER_COMMAND, NULL};
	struct holders_answer answer;
	struct helper helper;
	ssize_t got;
	int err = helper_start(&helper, uid, arguments, -1);

	memset(out, 0, sizeof(*out));
	if (err)
		return err;
	question->cpu_ms = LOOK_MS;
	got = helper_ask(&helper, question, sizeof(*question), &answer, sizeof(answer),
			 &patience);
	helper_end(&helper);
	if (got < 0)
		return (int)got;
	if (got != sizeof(answer))
		return -EPROTO;
	err = answer.error ? answer.error : check(question, &answer.holders);
	if (!err)
		*out = answer.holders;
	return err;
}
