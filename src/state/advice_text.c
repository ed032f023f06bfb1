/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sentences and commands. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/advice_impl.h"

__attribute__((format(printf, 2, 0))) static char *
format_args(struct advice_list *list, const char *format, va_list args)
{
	char *text;

	if (vasprintf(&text, format, args) >= 0)
		return text;
	list->no_memory = true;
	return NULL;
}

char *advice_format(struct advice_list *list, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = format_args(list, format, args);
	va_end(args);
	return text;
}

struct advice *advice_add(struct advice_list *list, enum advice_action action,
			  uint64_t value, const char *format, ...)
{
	struct advice *out;
	va_list args;

	if (list->len == ADVICE_MAX)
		return NULL;
	out = &list->at[list->len++];
	out->action = action;
	out->value = value;
	va_start(args, format);
	out->text = format_args(list, format, args);
	va_end(args);
	return out;
}

void advice_say(struct advice_list *list, struct advice *advice, const char *format,
		...)
{
	char *more, *whole;
	va_list args;

	va_start(args, format);
	more = format_args(list, format, args);
	va_end(args);
	whole = more && advice->text ? advice_format(list, "%s%s", advice->text, more)
				     : NULL;
	free(more);
	if (!whole)
		return;
	free(advice->text);
	advice->text = whole;
}

void advice_drop_commands(struct advice *advice)
{
	for (size_t i = 0; i < advice->commands_len; i++)
		command_clear(&advice->commands[i]);
	advice->commands_len = 0;
}

static void take_command(struct advice_list *list, struct advice *advice,
			 struct command *command, int err)
{
	if (!err && !advice->untypable && advice->commands_len < ADVICE_COMMANDS) {
		advice->commands[advice->commands_len++] = *command;
		return;
	}
	command_clear(command);
	list->no_memory = list->no_memory || err == -ENOMEM;
	/* some of the steps, without the others, are worse than none */
	advice->untypable = true;
	advice_drop_commands(advice);
}

void advice_command(struct advice_list *list, struct advice *advice,
		    const char *template, ...)
{
	struct command command;
	va_list args;
	int err;

	va_start(args, template);
	err = command_make_args(&command, template, args);
	va_end(args);
	take_command(list, advice, &command, err);
}

void advice_write(struct advice_list *list, struct advice *advice)
{
	struct command command = {0};
	int err = advice->file && advice->content
			  ? command_write(&command, advice->file, advice->content)
			  : -ENOMEM;

	take_command(list, advice, &command, err);
}

char *advice_ulimit(struct advice_list *list, const struct advice_question *question,
		    const struct advice_target *target)
{
	/* a hard limit that was lowered only root can raise again */
	return advice_format(list, "ulimit -%s %" PRIu64,
			     question->hard_limit > target->value ? "Sn" : "n",
			     target->value);
}

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

bool advice_unit_is_valid(const char *unit)
{
	size_t len = unit ? strlen(unit) : 0;

	return len > 0 && len < 256 && unit[0] != '.' && unit[0] != '-' &&
	       strspn(unit, LETTERS ":-_.\\@") == len;
}

char *advice_later_name(struct advice_list *list, const char *name, const char *file)
{
	const char *base = file ? strrchr(file, '/') : NULL;
	size_t len;

	base = base ? base + 1 : file;
	len = base ? strlen(base) : 0;
	if (len < 5 || strcmp(base + len - 5, ".conf") != 0 || strcmp(base, name) < 0)
		return advice_format(list, "%s", name);
	/* sorts just behind: "x.conf" < "x.nofile.conf" */
	return advice_format(list, "%.*s.nofile.conf", (int)(len - 5), base);
}
