/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state/command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Text that grows. */
struct growing {
	char *at;
	size_t len;
	bool no_memory;
};

static void command_put(struct growing *text, const char *bytes, size_t len)
{
	char *more;

	if (text->no_memory)
		return;
	more = realloc(text->at, text->len + len + 1);
	if (!more) {
		text->no_memory = true;
		return;
	}
	memcpy(more + text->len, bytes, len);
	text->at = more;
	text->len += len;
	more[text->len] = '\0';
}

static void command_say(struct growing *text, const char *bytes)
{
	command_put(text, bytes, strlen(bytes));
}

/* To be freed; NULL: no memory. */
static char *command_take(struct growing *text)
{
	command_put(text, "", 0);
	if (!text->no_memory)
		return text->at;
	free(text->at);
	return NULL;
}

/* ---- arguments ---- */

/* Takes the argument over. */
static int command_add(struct command *command, char *argument)
{
	char **more = argument ? realloc(command->argv,
					 (command->len + 1) * sizeof(*command->argv))
			       : NULL;

	if (!more) {
		free(argument);
		return -ENOMEM;
	}
	command->argv = more;
	more[command->len++] = argument;
	return 0;
}

/* Which types a conversion of printf() takes. */
enum conversion {
	TAKES_TEXT,
	TAKES_INT,
	TAKES_UINT,
	TAKES_LONG,
	TAKES_LLONG,
	TAKES_SIZE
};

static const struct {
	const char *text;
	enum conversion takes;
} conversions[] = {
	{"%s", TAKES_TEXT},  {"%d", TAKES_INT},     {"%u", TAKES_UINT},
	{"%lu", TAKES_LONG}, {"%llu", TAKES_LLONG}, {"%zu", TAKES_SIZE},
};

/* Puts in what the conversion at `at` takes. Returns its length; 0: it is not known. */
static size_t command_convert(struct growing *text, const char *at, va_list *args)
{
	char number[32] = "";
	size_t len = 0, i;

	for (i = 0; i < sizeof(conversions) / sizeof(conversions[0]) && !len; i++)
		if (strncmp(at, conversions[i].text, strlen(conversions[i].text)) == 0)
			len = strlen(conversions[i].text);
	if (!len)
		return 0;
	switch (conversions[i - 1].takes) {
	case TAKES_TEXT:
		command_say(text, va_arg(*args, const char *));
		return len;
	case TAKES_INT:
		snprintf(number, sizeof(number), "%d", va_arg(*args, int));
		break;
	case TAKES_UINT:
		snprintf(number, sizeof(number), "%u", va_arg(*args, unsigned int));
		break;
	case TAKES_LONG:
		snprintf(number, sizeof(number), "%lu", va_arg(*args, unsigned long));
		break;
	case TAKES_LLONG:
		snprintf(number, sizeof(number), "%llu",
			 va_arg(*args, unsigned long long));
		break;
	case TAKES_SIZE:
		snprintf(number, sizeof(number), "%zu", va_arg(*args, size_t));
		break;
	}
	command_say(text, number);
	return len;
}

/* What would be read as something else than the template says. */
static bool command_is_misread(const char *argument, const char *template)
{
	return !argument[0] || (argument[0] == '-' && template[0] != '-') ||
	       (strncmp(argument, "~/", 2) == 0 && strncmp(template, "~/", 2) != 0);
}

/* One argument, from the template up to its next blank. */
static int command_fill(struct command *command, const char **template, va_list *args)
{
	const char *from = *template, *at = from;
	struct growing text = {0};
	bool known = true;
	char *argument;

	while (*at && *at != ' ' && known) {
		size_t len = 1;

		if (*at == '%') {
			len = command_convert(&text, at, args);
			known = len > 0;
		} else {
			command_put(&text, at, 1);
		}
		at += len;
	}
	*template = at;
	argument = command_take(&text);
	if (!argument)
		return -ENOMEM;
	if (!known || command_is_misread(argument, from)) {
		free(argument);
		return -EINVAL;
	}
	if (strncmp(from, "~/", 2) == 0)
		command->in_home = true;
	return command_add(command, argument);
}

int command_make_args(struct command *out, const char *template, va_list args)
{
	va_list rest;
	int err = 0;

	memset(out, 0, sizeof(*out));
	va_copy(rest, args);
	while (*template && !err) {
		err = command_fill(out, &template, &rest);
		template += strspn(template, " ");
	}
	va_end(rest);
	return err;
}

int command_make(struct command *out, const char *template, ...)
{
	va_list args;
	int err;

	va_start(args, template);
	err = command_make_args(out, template, args);
	va_end(args);
	return err;
}

int command_write(struct command *out, const char *file, const char *content)
{
	bool home = strncmp(file, "~/", 2) == 0;
	int err;

	if (file[0] != '/' && !home) {
		memset(out, 0, sizeof(*out));
		return -EINVAL;
	}
	err = home ? command_make(out, "tee ~/%s", file + 2)
		   : command_make(out, "tee %s", file);
	if (err)
		return err;
	out->input = strdup(content);
	return out->input ? 0 : -ENOMEM;
}

int command_prefix(struct command *command, const struct command *outer)
{
	struct command whole = {.in_home = outer->in_home || command->in_home};
	int err = 0;

	for (size_t i = 0; i < outer->len && !err; i++)
		err = command_add(&whole, strdup(outer->argv[i]));
	for (size_t i = 0; i < command->len && !err; i++)
		err = command_add(&whole, strdup(command->argv[i]));
	if (err) {
		command_clear(&whole);
		return err;
	}
	whole.input = command->input;
	command->input = NULL;
	command_clear(command);
	*command = whole;
	return 0;
}

void command_clear(struct command *command)
{
	for (size_t i = 0; i < command->len; i++)
		free(command->argv[i]);
	free(command->argv);
	free(command->input);
	memset(command, 0, sizeof(*command));
}

/* ---- text for a shell ---- */

static bool is_printable(unsigned char byte)
{
	return byte >= 0x20 && byte < 0x7f;
}

static bool all_printable(const char *text)
{
	for (; *text; text++)
		if (!is_printable((unsigned char)*text))
			return false;
	return true;
}

static void command_put_octal(struct growing *out, unsigned char byte)
{
	char number[8];

	snprintf(number, sizeof(number), "\\%03o", byte);
	command_say(out, number);
}

/* Between $' and ' there is neither a quote nor a backslash but that of a number: a shell
 * that does not know the form still sees one word. An interactive bash would take '!' for
 * its history's. */
static void command_put_numbered(struct growing *out, const char *text)
{
	command_say(out, "$'");
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;

		if (!is_printable(byte) || strchr("'\\!", byte))
			command_put_octal(out, byte);
		else
			command_put(out, text, 1);
	}
	command_say(out, "'");
}

#define PLAIN                                                                          \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"                         \
	"0123456789/._:@%+=,-"

static void command_put_quoted(struct growing *out, const char *text)
{
	/* zsh replaces "=name" by where that program is */
	if (*text && *text != '=' && strspn(text, PLAIN) == strlen(text)) {
		command_say(out, text);
		return;
	}
	if (!all_printable(text)) {
		command_put_numbered(out, text);
		return;
	}
	command_say(out, "'");
	for (; *text; text++) {
		if (*text == '\'')
			command_say(out, "'\\''");
		else
			command_put(out, text, 1);
	}
	command_say(out, "'");
}

/* "~/" is left for the shell where the template had it. */
static void command_put_argument(struct growing *out, const struct command *command,
				 const char *argument)
{
	bool home = command->in_home && strncmp(argument, "~/", 2) == 0;

	command_say(out, home ? "~/" : "");
	if (!home || argument[2])
		command_put_quoted(out, argument + (home ? 2 : 0));
}

/* As the format of printf(1). */
static void command_put_input(struct growing *out, const char *input)
{
	struct growing format = {0};
	char *text;

	for (const char *at = input; *at; at++) {
		unsigned char byte = (unsigned char)*at;

		if (byte == '\n')
			command_say(&format, "\\n");
		else if (byte == '%')
			command_say(&format, "%%");
		else if (!is_printable(byte) || byte == '\\' ||
			 (byte == '-' && at == input))
			command_put_octal(&format, byte);
		else
			command_put(&format, at, 1);
	}
	text = command_take(&format);
	if (!text) {
		out->no_memory = true;
		return;
	}
	command_say(out, "printf ");
	command_put_quoted(out, text);
	free(text);
}

char *command_shell_text(const struct command *command)
{
	struct growing out = {0};
	size_t first = 0;

	if (command->input) {
		bool redirected =
			command->len == 2 && strcmp(command->argv[0], "tee") == 0;

		command_put_input(&out, command->input);
		command_say(&out, redirected ? " > " : " | ");
		first = redirected ? 1 : 0;
	}
	for (size_t i = first; i < command->len; i++) {
		command_say(&out, i > first ? " " : "");
		command_put_argument(&out, command, command->argv[i]);
	}
	return command_take(&out);
}
