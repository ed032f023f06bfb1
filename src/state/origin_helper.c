/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state/origin_helper.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guard/helper.h"
#include "state/blocked.h"

/* Both sides are the same program, so no versions; but the helper reads what others made,
 * so that every length of its answer is checked. */
#define TEXT_MAX       8192 /* of each string, its NUL included */
#define STRINGS_MAX    16
#define MEMORY         (64ull << 20)
#define CPU_SECONDS    3u

/* The strings of an origin stand together, at its end. */
#define FIRST_STRING   offsetof(struct origin, file)
#define LAST_STRING    offsetof(struct origin, denied)
#define ORIGIN_STRINGS ((LAST_STRING - FIRST_STRING) / sizeof(char *) + 1)
_Static_assert(sizeof(struct origin) == LAST_STRING + sizeof(char *),
	       "what follows `file` is taken for strings");
_Static_assert(ORIGIN_STRINGS + 3 <= STRINGS_MAX, "room for all strings");

struct helper_question {
	uint64_t start_ns, soft_limit, hard_limit;
	pid_t pid;
	uid_t uid;
	bool own_limit, own_limit_known, has_cgroup;
	struct raise raise;
	char cgroup[TEXT_MAX];
};

/* Lengths of the strings of the origin, then of executable, command line and cgroup; 0:
 * NULL. The strings are behind it, each with its NUL. */
struct helper_answer {
	int32_t error;
	bool who_denied;
	struct origin origin; /* without its strings */
	uint16_t lens[STRINGS_MAX];
	char texts[STRINGS_MAX * TEXT_MAX];
};

static char **string_of(struct origin *origin, size_t i)
{
	return (char **)((char *)origin + FIRST_STRING + i * sizeof(char *));
}

/* ---- the helper's side ---- */

static void add_text(struct helper_answer *answer, size_t i, const char *text,
		     size_t *at)
{
	size_t len = text ? strnlen(text, TEXT_MAX - 1) : 0;

	if (!text)
		return;
	memcpy(answer->texts + *at, text, len);
	answer->texts[*at + len] = '\0';
	answer->lens[i] = (uint16_t)(len + 1);
	*at += len + 1;
}

/* Returns the answer's size. */
static size_t write_answer(struct helper_answer *answer, struct origin *origin,
			   const struct identity *who)
{
	size_t at = 0;

	answer->who_denied = who->denied;
	answer->origin = *origin;
	for (size_t i = 0; i < ORIGIN_STRINGS; i++) {
		add_text(answer, i, *string_of(origin, i), &at);
		*string_of(&answer->origin, i) = NULL;
	}
	add_text(answer, ORIGIN_STRINGS, who->executable, &at);
	add_text(answer, ORIGIN_STRINGS + 1, who->command_line, &at);
	add_text(answer, ORIGIN_STRINGS + 2, who->cgroup, &at);
	return offsetof(struct helper_answer, texts) + at;
}

/* `refused`: why it must not look, -errno. */
static size_t answer_question(const struct helper_question *q, int refused,
			      struct helper_answer *answer)
{
	struct identity who = {.pid = q->pid, .uid = q->uid, .start_ns = q->start_ns};
	struct origin_question question = {
		.who = &who,
		.soft_limit = q->soft_limit,
		.hard_limit = q->hard_limit,
		.own_limit = q->own_limit,
		.own_limit_known = q->own_limit_known,
		.raise = q->raise,
	};
	struct origin origin = {.owner = (uid_t)-1};
	size_t size;

	if (q->has_cgroup)
		(void)identity_set_cgroup(&who, q->cgroup);
	if (!refused)
		(void)identity_read_proc(&who);
	answer->error = refused ? refused : origin_find(&question, &origin);
	if (!answer->error)
		origin.selects = blocked_in_select(q->pid);
	size = write_answer(answer, &origin, &who);
	origin_clear(&origin);
	identity_clear(&who);
	return size;
}

int origin_helper_run(void)
{
	static struct helper_question question;
	static struct helper_answer answer;
	static const struct helper_bounds bounds = {
		HELPER_READS_OTHERS, CALL_FILTER_FINDER, CPU_SECONDS, MEMORY};
	size_t size;
	int err;

	/* Not by hand: without a socket of the caller's there is nobody to answer. */
	if (helper_check())
		return 2;
	/* Who can't confine itself does not look. */
	err = helper_confine("fdwarden-origin", &bounds) ? -EOPNOTSUPP : 0;
	if (helper_hear(&question, sizeof(question)))
		return 1;
	question.cgroup[sizeof(question.cgroup) - 1] = '\0';
	size = answer_question(&question, err, &answer);
	return send(HELPER_SOCKET, &answer, size, MSG_NOSIGNAL) < 0;
}

/* ---- the caller's side ---- */

/* A copy of the next text; false: the answer is none. */
static bool take_text(const struct helper_answer *answer, size_t size, size_t i,
		      size_t *at, char **out)
{
	size_t len = answer->lens[i];

	*out = NULL;
	if (!len)
		return true;
	if (len > size - *at || answer->texts[*at + len - 1])
		return false;
	*out = strdup(answer->texts + *at);
	*at += len;
	return *out;
}

static void take_who(struct identity *who, char *executable, char *command_line,
		     char *cgroup, bool denied)
{
	if (!who->executable) {
		who->executable = executable;
		executable = NULL;
	}
	if (!who->command_line) {
		who->command_line = command_line;
		command_line = NULL;
	}
	if (!who->cgroup && cgroup)
		(void)identity_set_cgroup(who, cgroup);
	who->denied = who->denied || denied;
	free(executable);
	free(command_line);
	free(cgroup);
}

static int read_answer(const struct helper_answer *answer, size_t got,
		       struct identity *who, struct origin *out)
{
	size_t at = 0, size = got - offsetof(struct helper_answer, texts);
	char *texts[STRINGS_MAX] = {NULL};
	bool whole = got >= offsetof(struct helper_answer, texts) &&
		     answer->origin.kind <= ORIGIN_KERNEL;

	for (size_t i = 0; whole && i < ORIGIN_STRINGS + 3; i++)
		whole = take_text(answer, size, i, &at, &texts[i]);
	if (!whole) {
		for (size_t i = 0; i < STRINGS_MAX; i++)
			free(texts[i]);
		return -EPROTO;
	}
	*out = answer->origin;
	out->statements.soft.text[SCRIPT_TEXT_MAX - 1] = '\0';
	out->statements.hard.text[SCRIPT_TEXT_MAX - 1] = '\0';
	for (size_t i = 0; i < ORIGIN_STRINGS; i++)
		*string_of(out, i) = texts[i];
	take_who(who, texts[ORIGIN_STRINGS], texts[ORIGIN_STRINGS + 1],
		 texts[ORIGIN_STRINGS + 2], answer->who_denied);
	return answer->error;
}

static int ask(const struct helper_question *question, struct identity *who,
	       struct origin *out)
{
	static const struct helper_patience patience = {ORIGIN_HELPER_CPU_MS,
							ORIGIN_HELPER_TIME_MS};
	static const char *const arguments[] = {ORIGIN_HELPER_COMMAND, NULL};
	struct helper_answer *answer = malloc(sizeof(*answer));
	struct helper helper;
	ssize_t got;
	int err = answer ? helper_start(&helper, identity_charged(who), arguments, -1)
			 : -ENOMEM;

	if (!err) {
		got = helper_ask(&helper, question, sizeof(*question), answer,
				 sizeof(*answer), &patience);
		helper_end(&helper);
		err = got < 0 ? (int)got : read_answer(answer, (size_t)got, who, out);
	}
	free(answer);
	return err;
}

int origin_helper_find(const struct origin_question *question, struct identity *who,
		       struct origin *out)
{
	struct helper_question *q = calloc(1, sizeof(*q));
	int err;

	memset(out, 0, sizeof(*out));
	out->owner = (uid_t)-1;
	if (!q)
		return -ENOMEM;
	q->pid = who->pid;
	q->uid = who->uid;
	q->start_ns = who->start_ns;
	q->soft_limit = question->soft_limit;
	q->hard_limit = question->hard_limit;
	q->own_limit = question->own_limit;
	q->own_limit_known = question->own_limit_known;
	q->raise = question->raise;
	q->has_cgroup = who->cgroup && strlen(who->cgroup) < sizeof(q->cgroup);
	if (q->has_cgroup)
		memcpy(q->cgroup, who->cgroup, strlen(who->cgroup));
	err = ask(q, who, out);
	free(q);
	return err;
}
