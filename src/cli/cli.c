// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One table of options a command: getopt_long()'s tables and the help are made
 * from it.
 */
#include "cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/printing.h"
#include "config/nearest.h"
#include "log.h"

/* Enough for every command's table; cli_parse() checks. */
#define OPTIONS_MAX   24

/* Values of getopt_long() that are no letters: the option's index over these. */
#define VALUE_BASE    256
#define VALUE_HELP    255
#define VALUE_VERSION 254

static const char *command_name = "";
static void (*complain)(const char *line);
/* While tables are asked for: who gets them. */
static void (*described)(const struct cli_usage *usage, const char *command);

int cli_wrong_usage(const char *format, ...)
{
	char text[512], line[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	snprintf(line, sizeof(line), "%s%s%s; see 'fdwarden %s%s--help'", command_name,
		 *command_name ? ": " : "", text, command_name,
		 *command_name ? " " : "");
	if (complain)
		complain(line);
	else
		log_error("%s", line);
	return CLI_USAGE;
}

#define HELP_WIDTH 100 /* wider is not read more easily */
#define HELP_LEFT  28  /* before what an option does */

/* In columns; our own texts have no wide characters. */
static int columns_of(const char *text, size_t len)
{
	int columns = 0;

	for (size_t i = 0; i < len; i++)
		columns += ((unsigned char)text[i] & 0xc0) != 0x80;
	return columns;
}

/* Words of a text of ours, folded behind `indent` columns; the first line has `used` of its
 * columns already. An empty line in it ends a paragraph. */
static void print_folded(const char *text, int indent, int used)
{
	int most = printing_page().width, at = used;

	most = most < HELP_WIDTH ? most : HELP_WIDTH;
	while (*text) {
		size_t len = strcspn(text, " \n");
		int columns = columns_of(text, len);
		bool ends = !strncmp(text + len, "\n\n", 2);

		if (at > used && at > indent && at + 1 + columns > most) {
			printf("\n%*s", indent, "");
			at = indent;
		} else if (at > used && at > indent) {
			putchar(' ');
			at++;
		}
		printf("%.*s", (int)len, text);
		at += columns;
		text += len + (text[len] != 0);
		if (ends) {
			printf("\n\n");
			at = used = indent;
			text++;
		}
	}
	putchar('\n');
}

static void print_option(char letter, const char *name, const char *value,
			 const char *help)
{
	char left[64];

	snprintf(left, sizeof(left), "%c%c%s%s%s%s%s", letter ? '-' : ' ',
		 letter ? letter : ' ', letter && name ? ", " : (name ? "  " : ""),
		 name ? "--" : "", name ? name : "", value ? " " : "",
		 value ? value : "");
	printf("  %-24s  ", left);
	print_folded(help, HELP_LEFT, HELP_LEFT);
}

static void print_help(const struct cli_usage *usage)
{
	int used =
		printf("Usage: fdwarden %s%s", command_name, *command_name ? " " : "");

	print_folded(usage->synopsis ? usage->synopsis : "", used, used);
	for (const struct cli_command *c = cli_commands; c->name; c++)
		if (!strcmp(c->name, command_name))
			printf("%s.\n", c->help);
	printf("\nOptions:\n");
	for (size_t i = 0; i < usage->options_len; i++)
		print_option(usage->options[i].letter, usage->options[i].name,
			     usage->options[i].value, usage->options[i].help);
	print_option('h', "help", NULL, "show this help");
	print_option('V', "version", NULL, "show the version");
	if (usage->notes) {
		putchar('\n');
		print_folded(usage->notes, 0, 0);
	}
}

/* The tables of getopt_long(); ":" first: a missing value is told apart. */
static void make_tables(const struct cli_usage *usage, char *letters,
			struct option *longs)
{
	*letters++ = ':';
	*letters++ = 'h';
	*letters++ = 'V';
	*longs++ = (struct option){"help", no_argument, NULL, VALUE_HELP};
	*longs++ = (struct option){"version", no_argument, NULL, VALUE_VERSION};
	for (size_t i = 0; i < usage->options_len; i++) {
		const struct cli_option *o = &usage->options[i];

		if (o->letter) {
			*letters++ = o->letter;
			if (o->value)
				*letters++ = ':';
		}
		if (o->name)
			*longs++ = (struct option){
				o->name, o->value ? required_argument : no_argument,
				NULL, VALUE_BASE + (int)i};
	}
	*letters = 0;
	*longs = (struct option){0};
}

static const struct cli_option *find_option(const struct cli_usage *usage, int value)
{
	if (value >= VALUE_BASE)
		return &usage->options[value - VALUE_BASE];
	for (size_t i = 0; i < usage->options_len; i++)
		if (usage->options[i].letter == value)
			return &usage->options[i];
	return NULL;
}

static int set_option(const struct cli_option *option, char *value, void *set)
{
	void *member = (char *)set + option->offset;
	struct cli_list *list = member;

	switch (option->kind) {
	case CLI_KIND_FLAG:
		*(bool *)member = true;
		return CLI_RUN;
	case CLI_KIND_STRING:
		*(const char **)member = value;
		return CLI_RUN;
	case CLI_KIND_LIST:
		if (list->len == CLI_LIST_MAX)
			return cli_wrong_usage("more than %d options '-%c'",
					       CLI_LIST_MAX, option->letter);
		list->items[list->len++] = value;
		return CLI_RUN;
	}
	return CLI_RUN;
}

#define NAMES_MAX 256

/* Of an option that is none: the names that it begins, which are several, or the nearest. */
static int unknown_long(const struct cli_usage *usage, const char *word)
{
	size_t len = strcspn(word, "=") - 2, begun = 0;
	char names[NAMES_MAX] = "", typed[64];
	struct nearest nearest = {0};

	snprintf(typed, sizeof(typed), "%.*s", (int)(len < 63 ? len : 63), word + 2);
	for (size_t i = 0; i < usage->options_len + 2; i++) {
		const char *name = i < usage->options_len    ? usage->options[i].name
				   : i == usage->options_len ? "help"
							     : "version";
		size_t at = strlen(names);

		if (!name)
			continue;
		nearest_try(&nearest, typed, name);
		if (!len || strncmp(name, word + 2, len) != 0)
			continue;
		begun++;
		snprintf(names + at, sizeof(names) - at, "%s--%s", at ? ", " : "",
			 name);
	}
	if (begun > 1)
		return cli_wrong_usage("option '%s' is ambiguous: %s", word, names);
	if (nearest.word)
		return cli_wrong_usage("unknown option '%s' (did you mean '--%s'?)",
				       word, nearest.word);
	return cli_wrong_usage("unknown option '%s'", word);
}

/* What getopt_long() did not take. `word` is the argument it stands in. */
static int bad_option(const struct cli_usage *usage, int value, const char *word)
{
	const struct cli_option *known = optopt ? find_option(usage, optopt) : NULL;

	if (value == ':' && known && known->value)
		return cli_wrong_usage("option '%s' needs a value: %s", word,
				       known->value);
	if (known || optopt == VALUE_HELP || optopt == VALUE_VERSION)
		return cli_wrong_usage("option '%s': this option takes no value", word);
	if (!strncmp(word, "--", 2))
		return unknown_long(usage, word);
	return cli_wrong_usage("unknown option '-%c'", optopt);
}

int cli_parse(const struct cli_usage *usage, int *argc, char ***argv, void *set)
{
	struct option longs[OPTIONS_MAX + 3];
	char letters[2 * OPTIONS_MAX + 4];
	int value, at, code;

	command_name = (*argv)[0];
	complain = usage->complain;
	if (described) {
		described(usage, command_name);
		return CLI_DONE;
	}
	if (usage->options_len > OPTIONS_MAX)
		abort();
	make_tables(usage, letters, longs);
	opterr = 0;
	optind = 0; /* glibc: starts anew */
	for (;;) {
		/* The word that is parsed next, for what is said of it. Its index is
		 * optind, but 0 counts as 1. */
		value = getopt_long(*argc, *argv, letters, longs, NULL);
		if (value == -1)
			break;
		at = optind - 1;
		if (value == 'h' || value == VALUE_HELP) {
			print_help(usage);
			return CLI_DONE;
		}
		if (value == 'V' || value == VALUE_VERSION) {
			printf("fdwarden %s\n", FDWARDEN_VERSION);
			return CLI_DONE;
		}
		if (value == '?' || value == ':')
			return bad_option(usage, value, (*argv)[at]);
		code = set_option(find_option(usage, value), optarg, set);
		if (code != CLI_RUN)
			return code;
	}
	*argc -= optind;
	*argv += optind;
	if (*argc && !usage->operands)
		return cli_wrong_usage("'%s' is too much: no operand is taken",
				       (*argv)[0]);
	return CLI_RUN;
}

void cli_describe(void (*to)(const struct cli_usage *usage, const char *command))
{
	described = to;
	for (const struct cli_command *c = cli_commands; c->name; c++) {
		char *argv[] = {(char *)c->name, NULL};

		c->run(1, argv);
	}
	described = NULL;
}

int cli_parse_pid(const char *text, int *pid)
{
	char *end;
	long value;

	/* strtol() would take spaces and signs. */
	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || *end || value < 1 || value > INT_MAX)
		return -EINVAL;
	*pid = (int)value;
	return 0;
}
