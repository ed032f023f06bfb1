// SPDX-License-Identifier: GPL-2.0-or-later
/* Commands that are proposed: pasted into real shells, they do what their arguments say,
 * and nothing else runs, whatever is in a name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hostile_names.h"
#include "state/advice.h"
#include "state/command.h"

#define NOBODY 65534

/* A directory in which commands are typed: programs in bin/ write down their arguments
 * in `log`, in run/ nothing must appear. */
static char box[] = "/tmp/fdwarden-commands-XXXXXX";

static const struct shell {
	const char *path, *name, *option;
	bool octal;        /* knows $'…' */
	bool own_programs; /* has some of the programs in itself */
} shells[] = {
	{"/bin/dash", "sh", NULL, false, false},
	{"/bin/bash", "bash", "--norc", true, false},
	/* as at a terminal: with its history's '!' */
	{"/bin/bash", "bash", "-H", true, false},
	{"/bin/busybox", "sh", NULL, true, true},
	{"/bin/zsh", "zsh", "-f", true, false},
};

#define SHELLS (sizeof(shells) / sizeof(shells[0]))

static void write_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static char *in_box(const char *name)
{
	static char paths[4][256];
	static unsigned int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", box, name);
	return path;
}

static int make_box(void **state)
{
	static const char *const names[] = {
		"tee",        "systemctl", "mkdir",  "sed",     "sysctl",
		"prlimit",    "podman",    "docker", "nsenter", "fdwarden",
		"machinectl", "env",       "crictl"};
	char path[64], script[256];

	(void)state;
	if (!mkdtemp(box) || chmod(box, 0755) || mkdir(in_box("bin"), 0755) ||
	    mkdir(in_box("run"), 0755))
		return -1;
	snprintf(script, sizeof(script),
		 "#!/bin/sh\nprintf '%%s\\0' \"${0##*/}\" \"$@\" >> %s/log\n", box);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "bin/%s", names[i]);
		write_file(in_box(path), script, 0755);
	}
	write_file(in_box("log"), "", 0666);
	if (geteuid() == 0 && chown(in_box("run"), NOBODY, NOBODY))
		return -1;
	return 0;
}

/* What appeared in run/; NULL: nothing. */
static const char *appeared(void)
{
	static char name[256];
	DIR *dir = opendir(in_box("run"));
	struct dirent *entry;
	bool found = false;

	assert_non_null(dir);
	while (!found && (entry = readdir(dir))) {
		found = entry->d_name[0] != '.' || entry->d_name[1];
		found = found && strcmp(entry->d_name, "..") != 0;
		snprintf(name, sizeof(name), "%s", entry->d_name);
	}
	closedir(dir);
	return found ? name : NULL;
}

static int remove_box(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", box);
	return system(command);
}

/* Types one line. Never as root: an advice's files are the system's. */
static void type(const struct shell *shell, const char *line)
{
	int ends[2], status, null;
	pid_t pid;

	write_file(in_box("log"), "", 0666);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		null = open("/dev/null", O_WRONLY);
		if (chdir(in_box("run")) || dup2(ends[0], 0) < 0 || dup2(null, 1) < 0 ||
		    dup2(null, 2) < 0 || clearenv() ||
		    setenv("PATH", in_box("bin"), 1) ||
		    setenv("HOME", in_box("home"), 1) ||
		    (geteuid() == 0 && (setgid(NOBODY) || setuid(NOBODY))))
			_exit(99);
		alarm(60);
		execl(shell->path, shell->name, shell->option, NULL);
		_exit(98);
	}
	close(ends[0]);
	if (shell->option && strcmp(shell->option, "-H") == 0)
		assert_true(write(ends[1], "set -o history\n", 15) == 15);
	assert_int_equal(write(ends[1], line, strlen(line)), (ssize_t)strlen(line));
	assert_int_equal(write(ends[1], "\n", 1), 1);
	close(ends[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_true(WEXITSTATUS(status) != 99 && WEXITSTATUS(status) != 98);
}

/* What ran: its arguments, each with a NUL behind it. */
static size_t ran(char *text, size_t size)
{
	int fd = open(in_box("log"), O_RDONLY | O_CLOEXEC);
	ssize_t len;

	assert_true(fd >= 0);
	len = read(fd, text, size);
	close(fd);
	assert_true(len >= 0);
	return (size_t)len;
}

static bool is_printable(const char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text > 0x7e)
			return false;
	return true;
}

static size_t lay_out(const struct command *command, char *text)
{
	size_t len = 0;

	for (size_t i = 0; i < command->len; i++) {
		const char *argument = command->argv[i];
		bool home = command->in_home && strncmp(argument, "~/", 2) == 0;

		len += (size_t)sprintf(text + len, "%s%s", home ? in_box("home") : "",
				       argument + home) +
		       1;
	}
	return len;
}

/* In each of the first shells that are there, it runs once, with its arguments, and nothing
 * else does. */
static void paste(const struct command *command, size_t shells_len)
{
	char wanted[8192], seen[8192], *text = command_shell_text(command);
	size_t wanted_len = lay_out(command, wanted), seen_len;
	bool plain = true;
	int tried = 0;

	assert_non_null(text);
	assert_true(is_printable(text));
	for (size_t i = 0; i < command->len; i++)
		plain = plain && is_printable(command->argv[i]);
	for (size_t i = 0; i < shells_len; i++) {
		if (access(shells[i].path, X_OK))
			continue;
		tried++;
		type(&shells[i], text);
		if (appeared())
			fail_msg("%s made \"%s\" of: %s", shells[i].path, appeared(),
				 text);
		seen_len = ran(seen, sizeof(seen));
		if (command->input || shells[i].own_programs ||
		    (!plain && !shells[i].octal))
			continue;
		if (seen_len != wanted_len || memcmp(seen, wanted, wanted_len) != 0)
			fail_msg("%s ran something else for: %s", shells[i].path, text);
	}
	assert_true(tried >= 2);
	free(text);
}

static void test_arguments(void **state)
{
	struct command command;

	(void)state;
	assert_int_equal(command_make(&command,
				      "sed -i  %us/^[[:space:]]*x$/%s=%lu/ %s", 7u,
				      "a b", 12ul, "/x"),
			 0);
	assert_int_equal(command.len, 4);
	assert_string_equal(command.argv[2], "7s/^[[:space:]]*x$/a b=12/");
	assert_string_equal(command.argv[3], "/x");
	paste(&command, SHELLS);
	command_clear(&command);
	assert_int_equal(command_make(&command, "prlimit --pid %d --nofile=%llu:%zu",
				      -1, ~0ull, (size_t)3),
			 -EINVAL); /* "-1" where the template has no option */
	command_clear(&command);
	assert_int_equal(command_make(&command, "systemctl restart %s", ""), -EINVAL);
	command_clear(&command);
	assert_int_equal(command_make(&command, "systemctl restart %s", "~/x"),
			 -EINVAL);
	command_clear(&command);
	assert_int_equal(command_write(&command, "x", "y"), -EINVAL);
	command_clear(&command);
}

static void test_hostile_names(void **state)
{
	struct command command;
	int made = 0;

	(void)state;
	for (size_t i = 0; i < HOSTILE_NAMES; i++) {
		int err = command_make(&command, "systemctl restart %s",
				       hostile_names[i]);

		assert_int_equal(err,
				 hostile_names[i][0] == '-' || !hostile_names[i][0] ||
						 strncmp(hostile_names[i], "~/", 2) == 0
					 ? -EINVAL
					 : 0);
		if (!err)
			paste(&command, SHELLS);
		made += !err;
		command_clear(&command);
		assert_int_equal(command_make(&command, "tee /x%s --y=%s",
					      hostile_names[i], hostile_names[i]),
				 0);
		paste(&command, SHELLS);
		command_clear(&command);
	}
	assert_true(made > 10);
}

/* A file is written with the name and the content that it is to have. */
static void test_writing(void **state)
{
	static const char content[] = "[S]\nA=%s \\n $(x) '\"`\t\xff\n-\n";
	char path[4096], got[256], *text;
	struct command command;

	(void)state;
	assert_int_equal(mkdir(in_box("out"), 0777), 0);
	assert_int_equal(chmod(in_box("out"), 0777), 0);
	for (size_t i = 0; i < HOSTILE_NAMES * SHELLS; i++) {
		const struct shell *shell = &shells[i % SHELLS];
		const char *name = hostile_names[i / SHELLS];
		ssize_t len;
		int fd;

		if (access(shell->path, X_OK) || strchr(name, '/') || !name[0] ||
		    strlen(name) > 200 || (!is_printable(name) && !shell->octal))
			continue;
		snprintf(path, sizeof(path), "%s/out/x%s", box, name);
		assert_int_equal(command_write(&command, path, content), 0);
		text = command_shell_text(&command);
		assert_true(is_printable(text));
		type(shell, text);
		assert_null(appeared());
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			fail_msg("%s did not write it: %s", shell->path, text);
		len = read(fd, got, sizeof(got));
		close(fd);
		assert_int_equal(len, sizeof(content) - 1);
		assert_memory_equal(got, content, len);
		unlink(path);
		free(text);
		command_clear(&command);
	}
}

static void test_inside_another(void **state)
{
	struct command command, outer;
	char *text;

	(void)state;
	assert_int_equal(command_make(&outer, "podman exec -i %s", "a b"), 0);
	assert_int_equal(command_write(&command, "/x y", "-1\n"), 0);
	assert_int_equal(command_prefix(&command, &outer), 0);
	text = command_shell_text(&command);
	assert_string_equal(text,
			    "printf '\\0551\\n' | podman exec -i 'a b' tee '/x y'");
	free(text);
	command_clear(&command);
	command_clear(&outer);
}

/* ---- the advice ---- */

/* Whether this very line was pasted already. */
static bool is_known(const struct command *command)
{
	static char *known[8192];
	static size_t len;
	char *text = command_shell_text(command);

	assert_non_null(text);
	for (size_t i = 0; i < len; i++) {
		if (strcmp(known[i], text) == 0) {
			free(text);
			return true;
		}
	}
	assert_true(len < sizeof(known) / sizeof(known[0]));
	known[len++] = text;
	return false;
}

static void paste_all(const struct advice_question *question)
{
	struct advice out[ADVICE_MAX];
	int len = advice_make(question, out);

	assert_true(len >= 0);
	for (int i = 0; i < len; i++)
		for (size_t j = 0; j < out[i].commands_len; j++)
			if (!is_known(&out[i].commands[j]))
				paste(&out[i].commands[j], 2);
	advice_clear(out, (size_t)len);
}

/* The name in every place that a process, a container or a user may have shaped. */
static void ask_with(char *name)
{
	static const char *const runtimes[] = {"docker",         "cri-o",  "lxc",
					       "systemd-nspawn", "podman", NULL};
	char file[8192], conf[8192];
	struct identity who = {.pid = 12, .cgroup = name, .container_id = name};
	struct origin origin = {.owner = 1000,
				.user = name,
				.unit = name,
				.line = 3,
				.ceiling = 4096,
				.parent_name = name,
				.setting = name,
				.soft = 1024,
				.hard = 4096};
	struct advice_question question = {.who = &who,
					   .origin = &origin,
					   .used = 1000,
					   .soft_limit = 1024,
					   .hard_limit = 1024,
					   .nr_open = 1024,
					   .files = 1,
					   .files_max = 1};

	snprintf(who.comm, sizeof(who.comm), "%s", name);
	snprintf(file, sizeof(file), "/etc/systemd/system/%s.d/%s", name, name);
	snprintf(conf, sizeof(conf), "/etc/security/limits.d/zz%s.conf", name);
	for (unsigned int kind = ORIGIN_UNKNOWN; kind <= ORIGIN_KERNEL; kind++)
		for (unsigned int how = 0; how < 48; how++) {
			origin.kind = kind;
			origin.runtime = (char *)runtimes[how % 6];
			origin.file = how < 24 ? file : conf;
			who.pod_uid = how / 6 % 2 ? name : NULL;
			origin.inside = how / 12 == 1;
			origin.user_manager = how / 12 == 2;
			origin.user_session = how / 12 == 3;
			paste_all(&question);
		}
}

static void test_advice(void **state)
{
	(void)state;
	for (size_t i = 0; i < HOSTILE_NAMES; i++)
		ask_with((char *)hostile_names[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arguments), cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_writing),   cmocka_unit_test(test_inside_another),
		cmocka_unit_test(test_advice),
	};

	return cmocka_run_group_tests(tests, make_box, remove_box);
}
