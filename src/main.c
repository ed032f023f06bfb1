// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of commands, and what is the same for all of them. */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "config/nearest.h"
#include "daemon/explain.h"
#include "log.h"
#include "output/hook_runner.h"
#include "state/holders_helper.h"
#include "state/origin_helper.h"
#include "unwind/child.h"
#include "unwind/files.h"
#include "unwind/wire.h"

const struct cli_command cli_commands[] = {
	{"daemon", cmd_daemon, "Monitor every process and write alerts as JSON lines"},
	{"ps", cmd_ps, "Show the descriptors of all processes, fullest first"},
	{"top", cmd_top, "Show the descriptors of all processes, live"},
	{"inspect", cmd_inspect,
	 "Show what fills one process's table, and which line to change"},
	{"events", cmd_events, "Show the running daemon's alerts, and those that come"},
	{"incidents", cmd_incidents, "Show the incidents of which there is a record"},
	{"report", cmd_report, "Tell one incident: when, what, why, what was done"},
	{"replay", cmd_replay, "Show what other levels would have told of an incident"},
	{"status", cmd_status,
	 "Show whether a daemon monitors, what stands, what is lost"},
	{"check", cmd_check,
	 "Check the fullest process, for Nagios: one line, and 0 to 3"},
	{"trace", cmd_trace, "Show which code opens what one process does not close"},
	{"raise", cmd_raise,
	 "Raise the soft limit of one process, within its hard limit"},
	{"check-config", cmd_check_config,
	 "Check the configuration and print the effective one"},
	{"features", cmd_features,
	 "Show what this kernel offers, which sensor is used, and why"},
	{"completion", cmd_completion,
	 "Print what bash, zsh or fish completes this command with"},
	{0},
};

static void print_help(void)
{
	printf("Usage: fdwarden [COMMAND] [OPTION]…\n"
	       "Watches the file descriptors of every process, and says which one runs "
	       "out of them.\nWithout a command: the fullest five, what stands, and "
	       "what "
	       "to type next.\n\nCommands:\n");
	for (const struct cli_command *c = cli_commands; c->name; c++)
		printf("  %-14s %s\n", c->name, c->help);
	printf("  %-14s %s\n", "help [COMMAND]", "Show this help or that of a command");
	printf("\nOptions:\n"
	       "  -V, --version  Show the version\n"
	       "  -h, --help     Show this help\n"
	       "  -c FILE, --socket PATH\n"
	       "                 Without a command: the daemon to ask, as 'status' has "
	       "them\n\n"
	       "Exit codes: 0 done, 1 failed at run time, 2 wrong usage or "
	       "configuration.\n"
	       "Manual: fdwarden(8), fdwarden.conf(5).\n");
}

static const struct cli_command *find_command(const char *name)
{
	for (const struct cli_command *c = cli_commands; c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

/* The command that was meant by `word`, perhaps; NULL: none is near. */
static const char *nearest_command(const char *word)
{
	struct nearest nearest = {0};

	for (const struct cli_command *c = cli_commands; c->name; c++)
		nearest_try(&nearest, word, c->name);
	nearest_try(&nearest, word, "help");
	nearest_try(&nearest, word, "version");
	return nearest.word;
}

/* What is the service manager's, or the journal's, or goes by another name here; NULL:
 * nothing. */
static const char *elsewhere(const char *word)
{
	static const struct {
		const char *words, *with_systemd, *without;
	} table[] = {
		{" start enable ", "'sudo systemctl enable --now fdwarden'",
		 "'sudo fdwarden daemon'"},
		{" stop disable kill ", "'sudo systemctl stop fdwarden'",
		 "Ctrl-C where the daemon runs, or SIGTERM to it"},
		{" restart ", "'sudo systemctl restart fdwarden'",
		 "SIGTERM to the daemon, and 'sudo fdwarden daemon'"},
		{" reload ", "'sudo systemctl reload fdwarden'",
		 "SIGHUP to the daemon"},
		{" log logs journal ", "'journalctl -u fdwarden'", "'fdwarden events'"},
		{" alert alerts ", "'fdwarden events'", "'fdwarden events'"},
		{" list ls ", "'fdwarden ps'", "'fdwarden ps'"},
		{" lsof show info ", "'fdwarden inspect PID|NAME'",
		 "'fdwarden inspect PID|NAME'"},
		{" htop watch view ", "'fdwarden top'", "'fdwarden top'"},
		{" run serve monitor ", "'sudo fdwarden daemon'",
		 "'sudo fdwarden daemon'"},
		{" ulimit prlimit limit set ", "'fdwarden raise PID|NAME --soft N'",
		 "'fdwarden raise PID|NAME --soft N'"},
		{" config test configtest ", "'fdwarden check-config'",
		 "'fdwarden check-config'"},
	};
	bool systemd = !access("/run/systemd/system", F_OK);
	char padded[32];

	if (strchr(word, ' ') || strlen(word) + 3 > sizeof(padded))
		return NULL;
	snprintf(padded, sizeof(padded), " %s ", word);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strstr(table[i].words, padded))
			return systemd ? table[i].with_systemd : table[i].without;
	return NULL;
}

/* `where`: "", or the command that was asked of it, with ": " behind. */
static int unknown_command(const char *where, const char *word)
{
	const char *nearest = elsewhere(word);

	if (nearest) {
		log_error("%sunknown command '%s'; for that there is %s", where, word,
			  nearest);
		return CLI_USAGE;
	}
	nearest = nearest_command(word);
	if (nearest)
		log_error("%sunknown command '%s'; did you mean '%s'? 'fdwarden "
			  "--help' lists the commands",
			  where, word, nearest);
	else
		log_error("%sunknown %s '%s'; 'fdwarden --help' lists the commands",
			  where, *word == '-' ? "option" : "command", word);
	return CLI_USAGE;
}

/* A closed 0, 1 or 2 would be given to the next file that is opened, and alerts
 * would be written into a BPF map's descriptor. It gets one that fails at each
 * use, so that the loss is seen: /dev/null, open the wrong way round. */
static void hold_standard_fds(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		int got;

		if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
			continue;
		got = open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
		if (got != fd) /* the lowest free one, but for a failure */
			return;
	}
}

static bool is_help(const char *word)
{
	return !strcmp(word, "help") || !strcmp(word, "--help") || !strcmp(word, "-h");
}

static int help(int argc, char **argv)
{
	const struct cli_command *command;
	char *ask[] = {NULL, "--help", NULL};

	if (argc < 2 || (argc == 2 && is_help(argv[1]))) {
		print_help();
		return CLI_DONE;
	}
	command = find_command(argv[1]);
	if (!command)
		return unknown_command("help: ", argv[1]);
	if (argc > 2) {
		log_error("help: '%s' is too much: of one command at a time, as in "
			  "'fdwarden help %s'",
			  argv[2], command->name);
		return CLI_USAGE;
	}
	ask[0] = argv[1];
	return command->run(2, ask);
}

static bool is_version(const char *word)
{
	static const char *const words[] = {"--version", "-V", "-v", "version"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(word, words[i]))
			return true;
	return false;
}

/* Options of its own that the overview takes, which has no command before them. */
static bool is_overview(const char *word)
{
	static const char *const options[] = {"-c", "--config", "--socket"};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		size_t len = strlen(options[i]);

		if (!strncmp(word, options[i], len) &&
		    (!word[len] || (len > 2 && word[len] == '=')))
			return true;
	}
	return false;
}

/* What stands before the options of a command is its name; the overview has none. */
static int overview(int argc, char **argv)
{
	char nameless[] = "";

	setlocale(LC_CTYPE, "");
	argv[0] = nameless;
	return cmd_overview(argc, argv);
}

static int run(int argc, char **argv)
{
	const struct cli_command *command;

	if (argc < 2 || is_overview(argv[1]))
		return overview(argc ? argc : 1, argv);
	if (is_version(argv[1])) {
		printf("fdwarden %s\n", FDWARDEN_VERSION);
		return CLI_DONE;
	}
	if (!strcmp(argv[1], UNWIND_CHILD_COMMAND) && argc == 4)
		return unwind_child_run(argv[2], argv[3]); /* not for people */
	if (!strcmp(argv[1], ORIGIN_HELPER_COMMAND) && argc == 2)
		return origin_helper_run();
	if (!strcmp(argv[1], HOLDERS_HELPER_COMMAND) && argc == 2)
		return holders_helper_run();
	if (!strcmp(argv[1], FILES_OPENER_COMMAND) && argc == 3)
		return files_opener_run(argv[2]);
	if (!strcmp(argv[1], HOOK_RUNNER_COMMAND) && argc == 5)
		return hook_runner_run(argv[2], argv[3], argv[4]);
	if (is_help(argv[1]))
		return help(argc - 1, argv + 1);
	command = find_command(argv[1]);
	if (!command)
		return unknown_command("", argv[1]);
	/* How wide a character is matters to what draws tables. The daemon draws none, and the
	 * locale's file would be resident as long as it runs. */
	if (strcmp(command->name, "daemon") != 0)
		setlocale(LC_CTYPE, "");
	return command->run(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	int code;

	hold_standard_fds();
	explain_in_helper();
	code = run(argc, argv);
	errno = 0;
	if (fflush(stdout) == EOF || ferror(stdout)) {
		if (code == CLI_DONE) {
			/* Where an earlier write failed, its errno is past. */
			log_error("cannot write to standard output%s%s; the output is "
				  "not complete",
				  errno ? ": " : "", errno ? strerror(errno) : "");
			code = CLI_FAILED;
		}
	}
	return code;
}
