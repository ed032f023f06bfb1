/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Subcommands and their options. A command declares one table of options, which
 * makes its parser and its --help:
 *
 *	struct ps_options {
 *		bool json;
 *		const char *sort;
 *	};
 *	static const struct cli_option options[] = {
 *		CLI_FLAG(0, "json", struct ps_options, json, "print JSON"),
 *		CLI_STRING('s', "sort", "KEY", struct ps_options, sort, "…"),
 *	};
 *	static const struct cli_usage usage = {
 *		.synopsis = "[--json] [--sort KEY] [PID…]",
 *		CLI_OPTIONS(options),
 *		.operands = true,
 *	};
 *
 *	int cmd_ps(int argc, char **argv)
 *	{
 *		struct ps_options set = {.sort = "usage"};
 *		int code = cli_parse(&usage, &argc, &argv, &set);
 *
 *		if (code != CLI_RUN)
 *			return code;
 *		… argv[0..argc-1] are the operands
 */
#ifndef FDWARDEN_CLI_H
#define FDWARDEN_CLI_H

#include <stdbool.h>
#include <stddef.h>

/* Exit codes of the program. */
enum cli_exit {
	CLI_RUN = -1, /* of cli_parse(): go on */
	CLI_DONE = 0,
	CLI_FAILED = 1, /* at run time */
	CLI_USAGE = 2,  /* wrong usage or configuration */
};

/* Most times that a CLI_LIST option may be given. */
#define CLI_LIST_MAX 64
struct cli_list {
	const char *items[CLI_LIST_MAX];
	size_t len;
};

enum cli_option_kind { CLI_KIND_FLAG, CLI_KIND_STRING, CLI_KIND_LIST };

struct cli_option {
	char letter;       /* 0: none */
	const char *name;  /* long; NULL: none */
	const char *value; /* its name in the help: "FILE"; NULL of a flag */
	enum cli_option_kind kind;
	size_t offset; /* of the member that it sets */
	const char *help;
};

/* Members: a bool, a const char * (set it to the default before), a cli_list. */
#define CLI_FLAG(l, n, type, member, h)                                                \
	{                                                                              \
		(l), (n), NULL, CLI_KIND_FLAG, offsetof(type, member), (h)             \
	}
#define CLI_STRING(l, n, v, type, member, h)                                           \
	{                                                                              \
		(l), (n), (v), CLI_KIND_STRING, offsetof(type, member), (h)            \
	}
#define CLI_LIST(l, n, v, type, member, h)                                             \
	{                                                                              \
		(l), (n), (v), CLI_KIND_LIST, offsetof(type, member), (h)              \
	}
#define CLI_OPTIONS(table)                                                             \
	.options = (table), .options_len = sizeof(table) / sizeof((table)[0])

struct cli_usage {
	const char *synopsis; /* what follows the command's name; NULL: nothing */
	const struct cli_option *options;
	size_t options_len;
	bool operands;     /* it takes some; else one is an error */
	const char *notes; /* text below the options in --help; NULL: none */
	/* Where wrong usage is told, in one line; NULL: on stderr. */
	void (*complain)(const char *line);
};

/*
 * Parses argv[1..] into `set`, and moves argv on to the operands. Returns CLI_RUN;
 * CLI_DONE after --help; CLI_USAGE after a line on stderr that says what is wrong.
 */
int cli_parse(const struct cli_usage *usage, int *argc, char ***argv, void *set);

/*
 * Calls `to` with each command's table, in the order of cli_commands, and runs none of them: for
 * what is made of the tables. The usage is valid for good.
 */
void cli_describe(void (*to)(const struct cli_usage *usage, const char *command));

/* A command's line for wrong usage, on stderr where it does not say otherwise: "fdwarden: ps: …; see …". Returns
 * CLI_USAGE. */
int cli_wrong_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A positive pid. 0 or -EINVAL. */
int cli_parse_pid(const char *text, int *pid);

struct cli_command {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is the command's name */
	const char *help;                  /* one line */
};

/* All commands, ended by one without name. */
extern const struct cli_command cli_commands[];

int cmd_daemon(int argc, char **argv);
int cmd_ps(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_inspect(int argc, char **argv);
int cmd_events(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_trace(int argc, char **argv);
int cmd_raise(int argc, char **argv);
int cmd_check_config(int argc, char **argv);
int cmd_completion(int argc, char **argv);
int cmd_features(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_incidents(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_replay(int argc, char **argv);

/* Without any command: argv[0] is "". */
int cmd_overview(int argc, char **argv);

#endif
