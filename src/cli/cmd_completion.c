// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fdwarden completion: what bash, zsh and fish read to complete a command line, made from the
 * tables that the commands are parsed by.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "output/view_ps.h"

/* What is proposed for a value or an operand. */
enum kind { NOTHING, FILES, PROCESSES, WORDS };

struct proposal {
	const char *name; /* as the tables have it */
	enum kind kind;
	const char *words; /* of WORDS; commas and spaces are between them */
};

static const struct proposal values[] = {
	{"BYTES", NOTHING, NULL},
	{"FILE", FILES, NULL},
	{"KEY", WORDS, VIEW_PS_KEY_NAMES},
	{"KEY=VALUE", NOTHING, NULL},
	{"LEVEL", WORDS, "info, warning, critical, exhausted"},
	{"N", NOTHING, NULL},
	{"NAME", NOTHING, NULL},
	{"PATH", FILES, NULL},
	{"PERCENT", NOTHING, NULL},
	{"PERCENT|FILE", FILES, NULL},
	{"TIME", NOTHING, NULL},
};

#define SHELLS "bash, zsh, fish"

/* An operand is told by its place in the synopsis. */
static const struct proposal operands[] = {
	{"PID|NAME", PROCESSES, NULL},
	{"bash|zsh|fish", WORDS, SHELLS},
};

static const struct proposal none = {"", NOTHING, NULL};

/* The same for every command: cli_parse() takes them without a table. */
static const struct cli_option common[] = {
	{.letter = 'h', .name = "help", .help = "show this help"},
	{.letter = 'V', .name = "version", .help = "show the version"},
};
#define COMMON_LEN (sizeof(common) / sizeof(common[0]))

static const struct proposal *proposal_of(const struct cli_option *option)
{
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		if (!strcmp(values[i].name, option->value))
			return &values[i];
	abort(); /* a new kind of value: tests/live/test_completion.sh comes here */
}

static const struct proposal *operand_of(const struct cli_usage *usage)
{
	for (size_t i = 0; i < sizeof(operands) / sizeof(operands[0]); i++)
		if (usage->synopsis && strstr(usage->synopsis, operands[i].name))
			return &operands[i];
	return &none;
}

/* A list of words as shells take one: without the commas. */
static void print_words(const char *words)
{
	for (; *words; words++)
		if (*words != ',')
			putchar(*words);
}

static void print_command_names(void)
{
	for (const struct cli_command *c = cli_commands; c->name; c++)
		printf("%s ", c->name);
	printf("help");
}

/* Text within single quotes: `quote` is what stands for one of them, and a backslash before each
 * of `special`. */
static void print_quoted(const char *text, const char *quote, const char *special)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs(quote, stdout);
		else if (strchr(special, *text))
			printf("\\%c", *text);
		else
			putchar(*text);
	}
}

/* Runs `print` with each option of a command, those of all commands at last. */
static void each_option(const struct cli_usage *usage, const char *command,
			void (*print)(const char *command,
				      const struct cli_option *option))
{
	for (size_t i = 0; i < usage->options_len; i++)
		print(command, &usage->options[i]);
	for (size_t i = 0; i < COMMON_LEN; i++)
		print(command, &common[i]);
}

/* ---- bash ---- */

/* Names of processes are whatever these choose: none is ever given to `compgen -W`, which would
 * expand it. */
static const char bash_head[] =
	"# bash completion for fdwarden(8), made by `fdwarden completion bash`\n"
	"\n"
	"# Without anything that is special to a shell: a process chooses its name.\n"
	"_fdwarden_processes() {\n"
	"	local file name\n"
	"	local -A seen=()\n"
	"	for file in /proc/[0-9]*/comm; do\n"
	"		{ IFS= read -r name <\"$file\"; } 2>/dev/null || continue\n"
	"		[[ $name =~ ^[A-Za-z0-9_.][A-Za-z0-9_.+@-]*$ && $name == "
	"\"$1\"* ]] || continue\n"
	"		[[ -n ${seen[$name]-} ]] || COMPREPLY+=(\"$name\")\n"
	"		seen[$name]=yes\n"
	"	done\n"
	"}\n"
	"\n"
	"_fdwarden_words() {\n"
	"	local word\n"
	"	for word in $2; do\n"
	"		[[ $word != \"$1\"* ]] || COMPREPLY+=(\"$word\")\n"
	"	done\n"
	"}\n"
	"\n"
	"_fdwarden() {\n"
	"	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
	"	COMPREPLY=()\n"
	"	# --option=value is three words to bash.\n"
	"	if [[ $cur == '=' ]]; then\n"
	"		cur=\n"
	"	elif [[ $prev == '=' ]]; then\n"
	"		prev=${COMP_WORDS[COMP_CWORD-2]}\n"
	"	fi\n";

static void print_bash_value(const char *command, const struct cli_option *option)
{
	const struct proposal *p;

	if (!option->value)
		return;
	p = proposal_of(option);
	printf("	%s:", command);
	if (option->letter)
		printf("-%c", option->letter);
	if (option->letter && option->name)
		printf(" | %s:", command);
	if (option->name)
		printf("--%s", option->name);
	printf(")\n");
	if (p->kind == FILES) {
		printf("		compopt -o filenames\n"
		       "		mapfile -t COMPREPLY < <(compgen -f -- "
		       "\"$cur\")\n");
	} else if (p->kind == WORDS) {
		printf("		_fdwarden_words \"$cur\" '");
		print_words(p->words);
		printf("'\n");
	}
	printf("		return\n		;;\n");
}

static void bash_values(const struct cli_usage *usage, const char *command)
{
	each_option(usage, command, print_bash_value);
}

static void print_bash_option(const char *command, const struct cli_option *option)
{
	(void)command;
	if (option->letter)
		printf(" -%c", option->letter);
	if (option->name)
		printf(" --%s", option->name);
}

static void bash_options(const struct cli_usage *usage, const char *command)
{
	const struct proposal *operand = operand_of(usage);

	printf("	%s:-*) _fdwarden_words \"$cur\" '", command);
	each_option(usage, command, print_bash_option);
	printf("' ;;\n");
	if (operand->kind == PROCESSES)
		printf("	%s:*) _fdwarden_processes \"$cur\" ;;\n", command);
	if (operand->kind == WORDS) {
		printf("	%s:*) _fdwarden_words \"$cur\" '", command);
		print_words(operand->words);
		printf("' ;;\n");
	}
}

/* ---- zsh ---- */

static const char zsh_head[] =
	"#compdef fdwarden\n"
	"# zsh completion for fdwarden(8), made by `fdwarden completion zsh`\n"
	"\n"
	"# Without anything that is special to a shell: a process chooses its name.\n"
	"_fdwarden_processes() {\n"
	"	local file name\n"
	"	local -aU names\n"
	"	for file in /proc/<->/comm(N); do\n"
	"		{ IFS= read -r name <$file } 2>/dev/null || continue\n"
	"		[[ $name =~ '^[A-Za-z0-9_.][A-Za-z0-9_.+@-]*$' ]] && "
	"names+=($name)\n"
	"	done\n"
	"	compadd -a names\n"
	"}\n"
	"\n"
	"_fdwarden() {\n";

static void print_zsh_action(const struct proposal *p)
{
	switch (p->kind) {
	case FILES:
		printf("_files");
		return;
	case PROCESSES:
		printf("_fdwarden_processes");
		return;
	case WORDS:
		putchar('(');
		print_words(p->words);
		putchar(')');
		return;
	case NOTHING:
		putchar(' ');
		return;
	}
}

static void print_zsh_form(const struct cli_option *option, const char *dashes,
			   const char *name, const char *equals)
{
	printf(" \\\n			'%s%s%s[", dashes, name,
	       option->value ? equals : "");
	print_quoted(option->help, "'\\''", "[]");
	putchar(']');
	if (option->value) {
		printf(":%s:", option->value);
		print_zsh_action(proposal_of(option));
	}
	putchar('\'');
}

static void print_zsh_option(const char *command, const struct cli_option *option)
{
	char letter[] = {option->letter, 0};

	(void)command;
	if (option->letter)
		print_zsh_form(option, "-", letter, "");
	if (option->name)
		print_zsh_form(option, "--", option->name, "=");
}

static void zsh_command(const struct cli_usage *usage, const char *command)
{
	const struct proposal *operand = operand_of(usage);

	printf("	%s)\n		_arguments -s", command);
	each_option(usage, command, print_zsh_option);
	if (usage->operands) {
		printf(" \\\n			'*:%s:", operand->name);
		print_zsh_action(operand);
		putchar('\'');
	}
	printf("\n		;;\n");
}

static void print_zsh_commands(void)
{
	printf("	if (( CURRENT == 2 )); then\n"
	       "		local -a commands=(\n");
	for (const struct cli_command *c = cli_commands; c->name; c++) {
		printf("			'%s:", c->name);
		print_quoted(c->help, "'\\''", "");
		printf("'\n");
	}
	printf("			'help:Show the commands, or the options of "
	       "one'\n"
	       "		)\n"
	       "		_describe -t commands command commands\n"
	       "		return\n"
	       "	fi\n"
	       "	local command=$words[2]\n"
	       "	shift words\n"
	       "	(( CURRENT-- ))\n"
	       "	case $command in\n");
}

/* ---- fish ---- */

static const char fish_head[] =
	"# fish completion for fdwarden(8), made by `fdwarden completion fish`\n"
	"\n"
	"# Without anything that is special to a shell: a process chooses its name.\n"
	"function __fdwarden_processes\n"
	"	cat /proc/*/comm 2>/dev/null |\n"
	"		string match -r '^[A-Za-z0-9_.][A-Za-z0-9_.+@-]*$' | sort -u\n"
	"end\n"
	"\n"
	"complete -c fdwarden -f\n";

static void print_fish_option(const char *command, const struct cli_option *option)
{
	const struct proposal *p = option->value ? proposal_of(option) : &none;

	printf("complete -c fdwarden -n '__fish_seen_subcommand_from %s'", command);
	if (option->letter)
		printf(" -s %c", option->letter);
	if (option->name)
		printf(" -l %s", option->name);
	if (option->value)
		printf(p->kind == FILES ? " -rF" : " -x");
	if (p->kind == WORDS) {
		printf(" -a '");
		print_words(p->words);
		putchar('\'');
	}
	printf(" -d '");
	print_quoted(option->help, "\\'", "");
	printf("'\n");
}

static void fish_command(const struct cli_usage *usage, const char *command)
{
	const struct proposal *operand = operand_of(usage);

	each_option(usage, command, print_fish_option);
	if (operand->kind == NOTHING)
		return;
	printf("complete -c fdwarden -n '__fish_seen_subcommand_from %s' -a '",
	       command);
	if (operand->kind == PROCESSES)
		printf("(__fdwarden_processes)");
	else
		print_words(operand->words);
	printf("'\n");
}

static void print_fish_commands(void)
{
	for (const struct cli_command *c = cli_commands; c->name; c++) {
		printf("complete -c fdwarden -n __fish_use_subcommand -a %s -d '",
		       c->name);
		print_quoted(c->help, "\\'", "");
		printf("'\n");
	}
	printf("complete -c fdwarden -n __fish_use_subcommand -a help "
	       "-d 'Show the commands, or the options of one'\n"
	       "complete -c fdwarden -n '__fish_seen_subcommand_from help' -a '");
	print_command_names();
	printf("'\n");
}

/* ---- the command ---- */

static void print_bash(void)
{
	fputs(bash_head, stdout);
	printf("	if ((COMP_CWORD == 1)); then\n		_fdwarden_words "
	       "\"$cur\" '");
	print_command_names();
	printf(" --help --version'\n		return\n	fi\n	case "
	       "${COMP_WORDS[1]}:$prev in\n");
	cli_describe(bash_values);
	printf("	esac\n	case ${COMP_WORDS[1]}:$cur in\n");
	cli_describe(bash_options);
	printf("	help:*) _fdwarden_words \"$cur\" '");
	print_command_names();
	printf("' ;;\n	esac\n}\n\ncomplete -F _fdwarden fdwarden\n");
}

static void print_zsh(void)
{
	fputs(zsh_head, stdout);
	print_zsh_commands();
	cli_describe(zsh_command);
	printf("	help)\n		_arguments '*:COMMAND:(");
	print_command_names();
	printf(")'\n		;;\n	esac\n}\n\n"
	       "# Read by compinit it is the function's body; sourced it says whose it "
	       "is.\n"
	       "if [[ $funcstack[1] == _fdwarden ]]; then\n	_fdwarden \"$@\"\n"
	       "else\n	compdef _fdwarden fdwarden\nfi\n");
}

static void print_fish(void)
{
	fputs(fish_head, stdout);
	print_fish_commands();
	cli_describe(fish_command);
}

static const struct cli_usage usage = {
	.synopsis = "bash|zsh|fish",
	.operands = true,
	.notes = "Packages install what it prints. To have it in one shell:\n"
		 "  source <(fdwarden completion bash)    also of zsh\n"
		 "  fdwarden completion fish | source",
};

int cmd_completion(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*print)(void);
	} shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
	int code = cli_parse(&usage, &argc, &argv, NULL);

	if (code != CLI_RUN)
		return code;
	if (!argc)
		return cli_wrong_usage("which shell: " SHELLS "?");
	if (argc > 1)
		return cli_wrong_usage("'%s' is too much: one shell at a time",
				       argv[1]);
	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
		if (strcmp(argv[0], shells[i].name) != 0)
			continue;
		shells[i].print();
		return CLI_DONE;
	}
	return cli_wrong_usage("no shell '%s'; there are " SHELLS, argv[0]);
}
