// SPDX-License-Identifier: GPL-2.0-or-later
#include "output/alert_lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/json.h"
#include "output/text.h"

/* Text shorter than this, as it is written in JSON, is not made shorter still. */
#define TEXT_KEPT   96
/* What a member takes beside its value, at the most: its name, quotes, colon, comma; and the
 * digits of a count that grows. */
#define MEMBER_ROOM 40
/* Of fd, in the first line: how many follow. */
#define FOLLOW      "details_follow"

/*
 * A part of an alert that may go into another line. `with_*` belong to it, and are in each line
 * that has some of it. What of its list is in other lines is counted in `rest`, where there is
 * such a count.
 */
struct part {
	const char *text; /* in messages */
	bool list_in_fd;
	const char *list; /* NULL: no list, all is in with_* */
	const char *rest; /* of fd */
	const char *with_fd[4];
	const char *with_root[2];
};

/* In the order in which they leave the first line: the longest first, and last what tells most
 * of the cause. */
static const struct part parts[] = {
	{.text = "call sites",
	 .list_in_fd = true,
	 .list = "call_sites",
	 .rest = "call_sites_left_out",
	 .with_fd = {"unknown", "unknown_why"}},
	{.text = "advice", .list = "advice", .with_root = {"limit"}},
	{.text = "what is open",
	 .list_in_fd = true,
	 .list = "groups",
	 .rest = "ungrouped",
	 .with_fd = {"types", "deleted", "left_out"},
	 .with_root = {"diagnosis"}},
	{.text = "holders", .with_fd = {"holders"}},
	{.text = "members", .list_in_fd = true, .list = "members"},
};
#define PARTS_LEN (sizeof(parts) / sizeof(parts[0]))

/* What was taken out of the first line of one part. */
struct taken {
	cJSON *list;
	cJSON *with_fd, *with_root; /* objects */
	bool shortened;             /* the latter */
};

struct splitting {
	const struct alert *alert;
	size_t max;
	struct alert_lines *out;
	cJSON *line;    /* under way; NULL: none */
	size_t len;     /* of it, at the most */
	char said[128]; /* what it has */
};

static size_t printed(const cJSON *item)
{
	char *text = cJSON_PrintUnformatted(item);
	size_t len = text ? strlen(text) : 0;

	cJSON_free(text);
	return len;
}

static bool is_too_long(const cJSON *line, size_t max)
{
	return printed(line) + 1 > max;
}

static cJSON *fd_of(const cJSON *line)
{
	return cJSON_GetObjectItemCaseSensitive(line, "fd");
}

/* Members of a summary are one object deeper. */
static cJSON *home_of(const struct part *part, cJSON *line)
{
	cJSON *fd = fd_of(line);

	if (!part->list_in_fd)
		return line;
	return strcmp(part->list, "members") != 0
		       ? fd
		       : cJSON_GetObjectItemCaseSensitive(fd, "group");
}

/* ---- text that is too long ---- */

/* As JSON writes it, at the most. */
static size_t escaped(const char *text)
{
	size_t len = 0;

	for (; *text; text++)
		len += (unsigned char)*text < 0x20     ? 6
		       : *text == '"' || *text == '\\' ? 2
						       : 1;
	return len;
}

static void find_longest(cJSON *item, cJSON **longest, size_t *len)
{
	cJSON *child;

	if (cJSON_IsString(item) && escaped(item->valuestring) > *len) {
		*longest = item;
		*len = escaped(item->valuestring);
	}
	for (child = item ? item->child : NULL; child; child = child->next)
		find_longest(child, longest, len);
}

/* Halves the longest text of a line. False: they are all short. */
static bool shorten_text(cJSON *line)
{
	cJSON *longest = NULL;
	size_t len = TEXT_KEPT, keep;

	find_longest(line, &longest, &len);
	if (!longest)
		return false;
	keep = strlen(longest->valuestring) / 2;
	/* No character is cut in two. */
	while (keep && ((unsigned char)longest->valuestring[keep] & 0xc0) == 0x80)
		keep--;
	/* There is room for it: half is more than that. */
	memcpy(longest->valuestring + keep, "...", sizeof("..."));
	return true;
}

static int mark_shortened(cJSON *line)
{
	cJSON *home = fd_of(line);

	if (!home)
		home = cJSON_GetObjectItemCaseSensitive(line, "system");
	if (!home || cJSON_GetObjectItemCaseSensitive(home, "shortened"))
		return 0;
	return cJSON_AddTrueToObject(home, "shortened") ? 0 : -ENOMEM;
}

static int shorten(cJSON *line, size_t max)
{
	int err = 0;

	if (is_too_long(line, max))
		err = mark_shortened(line);
	while (!err && is_too_long(line, max) && shorten_text(line))
		;
	return err;
}

/* ---- lines ---- */

/* Adds it to the lines, and frees it. */
static int finish(struct splitting *s, cJSON *line, const char *text)
{
	char *printed_line = cJSON_PrintUnformatted(line), *whole = NULL;
	int err = 0;

	if (!printed_line || asprintf(&whole, "%s\n", printed_line) < 0)
		err = -ENOMEM;
	cJSON_free(printed_line);
	cJSON_Delete(line);
	if (err)
		return err;
	snprintf(s->out->of[s->out->len].text, ALERT_LINES_TEXT_MAX, "%s", text);
	s->out->of[s->out->len++].line = whole;
	return 0;
}

/* "api[197]: more of its fd-critical: call sites, advice" */
static void say_more(const struct splitting *s, char text[ALERT_LINES_TEXT_MAX])
{
	const struct alert *alert = s->alert;
	const char *name = alert->group.name ? alert->group.name
			   : alert->who      ? alert->who->comm
					     : "the system";
	char safe[128];

	text_line(safe, sizeof(safe), name, strnlen(name, sizeof(safe) - 1));
	if (alert->who && alert->who->pid)
		snprintf(text, ALERT_LINES_TEXT_MAX, "%s[%d]: more of its %s: %s", safe,
			 alert->who->pid, policy_action_name(alert->what.action),
			 s->said);
	else
		snprintf(text, ALERT_LINES_TEXT_MAX, "%s: more of its %s: %s", safe,
			 policy_action_name(alert->what.action), s->said);
}

static int end_line(struct splitting *s)
{
	char text[ALERT_LINES_TEXT_MAX];
	cJSON *line = s->line, *message;
	int err;

	s->line = NULL;
	if (!line)
		return 0;
	say_more(s, text);
	message = json_text(text);
	if (!message ||
	    !cJSON_ReplaceItemInObjectCaseSensitive(line, "message", message)) {
		cJSON_Delete(message);
		cJSON_Delete(line);
		return -ENOMEM;
	}
	err = shorten(line, s->max);
	if (err) {
		cJSON_Delete(line);
		return err;
	}
	return finish(s, line, text);
}

/* An fd-details without details: whose incident it is. */
static int begin_line(struct splitting *s)
{
	struct alert more = {
		.time_ns = s->alert->time_ns,
		.what = {.action = POLICY_FD_DETAILS},
		.duration_ns = s->alert->duration_ns,
		.host = s->alert->host,
		.who = s->alert->who,
		.group = {.name = s->alert->group.name,
			  .processes = s->alert->group.processes},
	};
	cJSON *process;
	int err;

	alert_new_id(more.id);
	memcpy(more.incident, s->alert->incident, sizeof(more.incident));
	s->line = alert_to_json(&more);
	if (!s->line)
		return -ENOMEM;
	process = cJSON_GetObjectItemCaseSensitive(s->line, "process");
	if (!process)
		process = cJSON_GetObjectItemCaseSensitive(
			cJSON_GetObjectItemCaseSensitive(fd_of(s->line), "group"),
			"process");
	/* The first line has them. */
	cJSON_DeleteItemFromObjectCaseSensitive(process, "executable");
	cJSON_DeleteItemFromObjectCaseSensitive(process, "command_line");
	err = json_add_text(fd_of(s->line), "details_of", s->alert->id);
	if (!err)
		err = shorten(s->line, s->max / 3);
	if (err)
		return err;
	s->said[0] = '\0';
	s->len = printed(s->line) + ALERT_LINES_TEXT_MAX + MEMBER_ROOM;
	return 0;
}

/* ---- parts ---- */

static int move(cJSON *from, const char *name, cJSON *to)
{
	cJSON *item = cJSON_DetachItemFromObjectCaseSensitive(from, name);

	if (!item || cJSON_AddItemToObject(to, name, item))
		return 0;
	cJSON_Delete(item);
	return -ENOMEM;
}

static void taken_free(struct taken *taken)
{
	cJSON_Delete(taken->list);
	cJSON_Delete(taken->with_fd);
	cJSON_Delete(taken->with_root);
	*taken = (struct taken){0};
}

static bool has(const struct taken *taken)
{
	return taken->list || (taken->with_fd && taken->with_fd->child);
}

/* What each line of a part has leaves the half of it for the list. */
static void shorten_with(struct taken *taken, size_t max)
{
	while (printed(taken->with_fd) + printed(taken->with_root) > max / 2) {
		cJSON *longer = printed(taken->with_fd) > printed(taken->with_root)
					? taken->with_fd
					: taken->with_root;

		if (!shorten_text(longer))
			return;
		taken->shortened = true;
	}
}

/* Takes a part out of the first line. */
static int take(const struct part *part, cJSON *line, struct taken *out)
{
	cJSON *fd = fd_of(line), *home = part->list ? home_of(part, line) : NULL;
	int err = 0;

	out->with_fd = cJSON_CreateObject();
	out->with_root = cJSON_CreateObject();
	if (!out->with_fd || !out->with_root)
		return -ENOMEM;
	if (part->list) {
		out->list = cJSON_DetachItemFromObjectCaseSensitive(home, part->list);
		if (!out->list)
			return 0;
	}
	for (size_t i = 0; i < 4 && part->with_fd[i] && !err; i++)
		err = move(fd, part->with_fd[i], out->with_fd);
	for (size_t i = 0; i < 2 && part->with_root[i] && !err; i++)
		err = move(line, part->with_root[i], out->with_root);
	if (part->rest && !err)
		err = move(fd, part->rest, out->with_fd);
	return err;
}

static int copy_members(const cJSON *from, cJSON *to)
{
	const cJSON *item;

	for (item = from ? from->child : NULL; item; item = item->next) {
		cJSON *copy = cJSON_Duplicate(item, true);

		if (!copy || !cJSON_AddItemToObject(to, item->string, copy)) {
			cJSON_Delete(copy);
			return -ENOMEM;
		}
	}
	return 0;
}

/* Begins, in the line under way, the list of a part with what belongs to it. */
static int begin_part(struct splitting *s, const struct part *part,
		      const struct taken *taken, cJSON **list)
{
	size_t len = strlen(s->said);
	int err = copy_members(taken->with_fd, fd_of(s->line));

	if (!err && taken->shortened)
		err = mark_shortened(s->line);
	if (!err)
		err = copy_members(taken->with_root, s->line);
	if (!err && part->list) {
		*list = cJSON_AddArrayToObject(home_of(part, s->line), part->list);
		err = *list ? 0 : -ENOMEM;
	}
	snprintf(s->said + len, sizeof(s->said) - len, "%s%s", len ? ", " : "",
		 part->text);
	s->len += printed(taken->with_fd) + printed(taken->with_root) + 2 * MEMBER_ROOM;
	return err;
}

static double count_of(const cJSON *item)
{
	return cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(item, "count"));
}

/* What of the whole list is not in this line's, and what was in no line before. */
static int count_rest(const struct part *part, const struct taken *taken, cJSON *line,
		      double of_all, double here)
{
	const cJSON *before;
	double rest = of_all - here;

	if (!part->rest)
		return 0;
	before = cJSON_GetObjectItemCaseSensitive(taken->with_fd, part->rest);
	rest += before ? cJSON_GetNumberValue(before) : 0;
	cJSON_DeleteItemFromObjectCaseSensitive(fd_of(line), part->rest);
	return rest > 0 ? json_add_uint(fd_of(line), part->rest, (uint64_t)rest) : 0;
}

/* Makes one entry so short that it fits into `room`: of a call site the outermost frames go.
 * False: it can't be. */
static bool trim(cJSON *item, size_t room)
{
	cJSON *frames = cJSON_GetObjectItemCaseSensitive(item, "frames");

	/* The same commands once more. */
	if (printed(item) > room)
		cJSON_DeleteItemFromObjectCaseSensitive(item, "steps");
	if (frames && printed(item) > room &&
	    !cJSON_GetObjectItemCaseSensitive(item, "frames_missing"))
		(void)!cJSON_AddTrueToObject(item, "frames_missing");
	while (printed(item) > room && cJSON_GetArraySize(frames) > 1)
		cJSON_DeleteItemFromArray(frames, cJSON_GetArraySize(frames) - 1);
	/* What is to be typed in is whole, or not there. */
	if (cJSON_GetObjectItemCaseSensitive(item, "commands"))
		return printed(item) <= room;
	while (printed(item) > room && shorten_text(item))
		;
	return printed(item) <= room;
}

/* Moves entries of a list into the line under way, as many as fit: one at the least, or it is
 * left out. */
static int fill(struct splitting *s, cJSON *from, cJSON *to, double *here)
{
	bool any = false;
	int err = 0;

	while (!err && cJSON_GetArraySize(from)) {
		cJSON *item = cJSON_GetArrayItem(from, 0);
		size_t len = printed(item) + 1;
		size_t room = s->max > s->len + 1 ? s->max - s->len - 1 : 0;

		if (len > room && any)
			break;
		item = cJSON_DetachItemFromArray(from, 0);
		if (len > room) {
			err = mark_shortened(s->line);
			if (err || !trim(item, room > 1 ? room - 1 : 0)) {
				cJSON_Delete(item);
				continue;
			}
			len = printed(item) + 1;
		}
		*here += count_of(item) == count_of(item) ? count_of(item) : 0;
		s->len += len;
		any = true;
		if (!cJSON_AddItemToArray(to, item)) {
			cJSON_Delete(item);
			err = -ENOMEM;
		}
	}
	return err;
}

/* Whether what is left of a part fits into the line under way. */
static bool has_room(const struct splitting *s, const struct taken *taken)
{
	return s->len + printed(taken->list) + printed(taken->with_fd) +
		       printed(taken->with_root) + 4 * MEMBER_ROOM <
	       s->max;
}

static double count_all(const cJSON *list)
{
	const cJSON *item;
	double sum = 0;

	for (item = list ? list->child : NULL; item; item = item->next) {
		double count = count_of(item);

		sum += count == count ? count : 0; /* NaN: it has none */
	}
	return sum;
}

static bool is_last(const struct splitting *s)
{
	return s->out->len == ALERT_LINES_MAX - 1;
}

/* A part, in as many lines as it takes. */
static int put_part(struct splitting *s, const struct part *part, struct taken *taken)
{
	double of_all = count_all(taken->list);
	int err = 0;

	shorten_with(taken, s->max);
	if (s->line && !has_room(s, taken)) {
		if (is_last(s))
			return mark_shortened(s->line);
		err = end_line(s);
	}
	do {
		cJSON *list = NULL;
		double here = 0;

		if (!err && !s->line)
			err = begin_line(s);
		if (!err)
			err = begin_part(s, part, taken, &list);
		if (!err && list)
			err = fill(s, taken->list, list, &here);
		if (!err)
			err = count_rest(part, taken, s->line, of_all, here);
		if (!err && cJSON_GetArraySize(taken->list)) {
			if (is_last(s))
				return mark_shortened(s->line);
			err = end_line(s);
		}
	} while (!err && cJSON_GetArraySize(taken->list));
	return err;
}

/* Takes out parts until the rest fits. */
static int make_room(const struct splitting *s, cJSON *line,
		     struct taken taken[PARTS_LEN])
{
	int err = 0;

	if (!fd_of(line))
		return 0;
	/* For the number of lines, until it is known. */
	err = json_add_uint(fd_of(line), FOLLOW, ALERT_LINES_MAX);
	for (size_t i = 0; i < PARTS_LEN && !err && is_too_long(line, s->max); i++) {
		err = take(&parts[i], line, &taken[i]);
		/* As what has not come yet. */
		if (!err && cJSON_GetObjectItemCaseSensitive(taken[i].with_fd, "types"))
			err = json_add_text(fd_of(line), "unexplained",
					    "too long for output.max_line: fd-details "
					    "follows");
	}
	return err;
}

/* All but the first line. */
static int follow(struct splitting *s, struct taken taken[PARTS_LEN])
{
	int err = 0;

	s->out->len = 1;
	for (size_t i = 0; i < PARTS_LEN && !err; i++)
		if (has(&taken[i]))
			err = put_part(s, &parts[i], &taken[i]);
	return err ? err : end_line(s);
}

static int finish_first(struct splitting *s, cJSON *line)
{
	size_t len = s->out->len;
	int err = 0;

	cJSON_DeleteItemFromObjectCaseSensitive(fd_of(line), FOLLOW);
	if (len > 1)
		err = json_add_uint(fd_of(line), FOLLOW, len - 1);
	s->out->len = 0;
	if (err)
		cJSON_Delete(line);
	else
		err = finish(s, line, "");
	s->out->len = len;
	return err;
}

static int split(struct splitting *s, cJSON *line)
{
	struct taken taken[PARTS_LEN] = {0};
	int err = make_room(s, line, taken);

	if (!err)
		err = shorten(line, s->max);
	if (!err)
		err = follow(s, taken);
	if (err)
		cJSON_Delete(line);
	else
		err = finish_first(s, line);
	for (size_t i = 0; i < PARTS_LEN; i++)
		taken_free(&taken[i]);
	cJSON_Delete(s->line);
	return err;
}

int alert_lines_make(const struct alert *alert, const char *whole, size_t max,
		     struct alert_lines *out)
{
	struct splitting s = {.alert = alert, .max = max, .out = out};
	cJSON *line;

	memset(out, 0, sizeof(*out));
	if (!max || strlen(whole) <= max)
		return 0;
	line = alert_to_json(alert);
	return line ? split(&s, line) : -ENOMEM;
}

void alert_lines_clear(struct alert_lines *lines)
{
	for (size_t i = 0; i < lines->len; i++)
		free(lines->of[i].line);
	lines->len = 0;
}
