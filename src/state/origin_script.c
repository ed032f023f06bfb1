// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The script that stands in front of a process, and its line. A shell that still runs is
 * asked what it runs; of one that became the process by exec only the unit's ExecStart=
 * says what it was. That a script has a statement with just these limits is what makes it
 * the one; that it is there, or could not be read, says nothing.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "state/origin_subject.h"

#define ARGUMENTS_MAX 64
/* Shells hold what they read at numbers from 10 on, bash at 255. */
#define HELD_FROM     10
#define HELD_TO       13
#define HELD_BASH     255
/* Of those above the process that are asked. */
#define SHELLS_MAX    8

struct lookup {
	struct origin_subject *s;
	struct origin *out;
	bool of_unit, inside;
	struct script_finding found;
};

static bool take(struct lookup *look, const char *path)
{
	struct origin *out = look->out;

	out->script = origin_format(look->s->search, "%s", path);
	if (!out->script)
		return false;
	out->statements = look->found;
	out->script_of_unit = look->of_unit;
	out->inside = out->inside || look->inside;
	return true;
}

static bool find_in(struct lookup *look, const char *text, size_t len, bool soft_alone)
{
	const struct origin_subject *s = look->s;
	struct script_finding *found = &look->found;

	script_find(text, len, s->soft, s->hard, soft_alone, found);
	/* what raised the soft limit to the hard one has its limit from the latter's */
	if (!found->soft.line && found->hard.line && s->soft == s->hard) {
		found->soft = found->hard;
		memset(&found->hard, 0, sizeof(found->hard));
	}
	return found->soft.line > 0;
}

static bool is_script(const struct origin_file *file)
{
	return file->len > 2 && file->text[0] == '#' && file->text[1] == '!';
}

/* `any`: also without "#!", for a shell was told to read it. */
static bool read_script(struct lookup *look, const struct origin_root *root,
			const char *path, bool any, bool soft_alone)
{
	struct origin_file file;
	bool found;

	if (origin_read(look->s->search, root, path, &file) < 0)
		return false;
	found = (any || is_script(&file)) &&
		find_in(look, file.text, file.len, soft_alone);
	origin_file_clear(&file);
	return found && take(look, path);
}

/* Whether the path leads to the same file here, so that it may be told as it is. */
static bool is_same_here(struct lookup *look, const struct origin_root *root,
			 const char *path)
{
	struct guard_file there = {0}, here = {0};
	int fd = guard_find(&root->at, path, &there);

	if (fd < 0)
		return false;
	close(fd);
	fd = guard_find(&look->s->search->host.at, path, &here);
	if (fd < 0)
		return false;
	close(fd);
	return here.dev == there.dev && here.ino == there.ino;
}

/* ---- a shell that runs ---- */

/* Where a link of /proc/PID leads to, which is an absolute path. */
static bool read_link(struct lookup *look, pid_t pid, const char *name,
		      char out[PATH_MAX])
{
	static const char deleted[] = " (deleted)";
	char path[64];
	ssize_t len;

	snprintf(path, sizeof(path), "proc/%d/%s", (int)pid, name);
	len = readlinkat(look->s->search->host.at.dir, path, out, PATH_MAX - 1);
	if (len <= 0 || out[0] != '/')
		return false;
	out[len] = '\0';
	return (size_t)len < sizeof(deleted) ||
	       strcmp(out + len - (sizeof(deleted) - 1), deleted) != 0;
}

/* A path that was relative to where the shell was then: it may have gone elsewhere since,
 * but holds the script open while it reads it. */
static bool find_held(struct lookup *look, pid_t pid, const char *script,
		      char out[PATH_MAX])
{
	char name[16];

	for (int fd = HELD_FROM; fd <= HELD_TO + 1; fd++) {
		snprintf(name, sizeof(name), "fd/%d", fd <= HELD_TO ? fd : HELD_BASH);
		if (read_link(look, pid, name, out) &&
		    strcmp(basename(out), basename(script)) == 0)
			return true;
	}
	return false;
}

static bool find_path(struct lookup *look, pid_t pid, const char *script,
		      char out[PATH_MAX])
{
	char cwd[PATH_MAX];

	if (script[0] == '/')
		return snprintf(out, PATH_MAX, "%s", script) < PATH_MAX;
	if (find_held(look, pid, script, out))
		return true;
	if (script[0] == '.' && script[1] == '/')
		script += 2;
	return read_link(look, pid, "cwd", cwd) &&
	       snprintf(out, PATH_MAX, "%s/%s", strcmp(cwd, "/") == 0 ? "" : cwd,
			script) < PATH_MAX;
}

static size_t split(const struct origin_file *file, const char *argv[ARGUMENTS_MAX])
{
	size_t argc = 0;

	for (size_t at = 0; at < file->len && argc < ARGUMENTS_MAX;
	     at += strlen(file->text + at) + 1)
		argv[argc++] = file->text + at;
	return argc;
}

static bool try_file(struct lookup *look, const struct origin_task *task,
		     const struct script_call *call)
{
	struct origin_root root;
	struct origin_place place;
	char path[PATH_MAX];
	bool found = false;

	if (!find_path(look, task->pid, call->file, path) ||
	    origin_place_read(task->cgroup, &place) < 0)
		return false;
	if (origin_root_open_process(look->s->search, task->pid, &root) == 0) {
		look->inside = place.in_container;
		if (place.in_container || is_same_here(look, &root, path))
			found = read_script(look, &root, path, true, call->soft_alone);
		origin_root_close(&root);
	}
	origin_place_clear(&place);
	return found;
}

static bool try_shell(struct lookup *look, const struct origin_task *task)
{
	const char *argv[ARGUMENTS_MAX];
	struct script_call call;
	struct origin_file file;
	char path[64];
	bool found;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)task->pid);
	if (origin_read(look->s->search, &look->s->search->host, path, &file) < 0)
		return false;
	found = script_call_read(argv, split(&file, argv), &call) && call.file &&
		try_file(look, task, &call);
	origin_file_clear(&file);
	return found;
}

/* From the one that set the limits down to the process, then the one above: a part of that
 * one's script may have become the process. */
static bool try_shells(struct lookup *look)
{
	const struct origin_chain *chain = &look->s->chain;
	size_t tried = 0;

	for (size_t i = chain->len; i > 0 && tried < SHELLS_MAX; i--, tried++)
		if (try_shell(look, &chain->task[i - 1]))
			return true;
	return chain->above_known && !chain->above_is_manager &&
	       !chain->above_is_outside && try_shell(look, &chain->above);
}

/* ---- what the unit starts ---- */

/* Cuts ExecStart= into words, as systemd.service(5) says; what has a specifier or a
 * variable is passed over by who uses it. */
static size_t split_exec(char *text, const char *argv[ARGUMENTS_MAX])
{
	size_t argc = 0;
	char *from = text, *to = text;

	while (*from && argc < ARGUMENTS_MAX) {
		char quote = 0;

		from += strspn(from, " \t");
		if (!*from)
			break;
		argv[argc++] = to;
		for (; *from && (quote || !strchr(" \t", *from)); from++) {
			if (*from == quote)
				quote = 0;
			else if (!quote && strchr("\"'", *from))
				quote = *from;
			else if (*from == '\\' && from[1])
				*to++ = *++from;
			else
				*to++ = *from;
		}
		from += *from != '\0';
		*to++ = '\0';
	}
	return argc;
}

/* Which line of the unit's file has the statement: ExecStart= may go on over several. */
static void place_in_unit(struct origin_file *file, uint32_t from,
			  struct script_statement *statement)
{
	char *rest = file->text, *line;
	const char *at;

	for (uint32_t number = 1; (line = strsep(&rest, "\n")); number++) {
		size_t len = strlen(line);

		if (number < from)
			continue;
		at = strstr(line, statement->text);
		if (at) {
			statement->line = number;
			statement->once = !strstr(at + 1, statement->text);
			return;
		}
		if (!len || line[len - 1] != '\\')
			break;
	}
	statement->line = 0;
}

/* Its command is in the unit's file itself. */
static bool try_command(struct lookup *look, const struct origin_root *root,
			const struct script_call *call)
{
	const struct origin_started *started = &look->s->search->started;
	struct script_finding *found = &look->found;
	struct script_statement *both[] = {&found->soft, &found->hard};
	struct origin_file file;

	look->of_unit = true;
	if (!find_in(look, call->command, strlen(call->command), call->soft_alone))
		return false;
	for (size_t i = 0; i < 2; i++) {
		if (!both[i]->line)
			continue;
		if (origin_read(look->s->search, root, started->file, &file) < 0)
			return false;
		place_in_unit(&file, started->line, both[i]);
		origin_file_clear(&file);
	}
	return found->soft.line && take(look, started->file);
}

static bool try_started(struct lookup *look, const struct origin_root *root,
			const char *const argv[], size_t argc)
{
	struct script_call call;
	bool is_shell = script_call_read(argv, argc, &call);
	const char *path = is_shell ? call.file : argv[0];

	if (is_shell && call.command)
		return try_command(look, root, &call);
	/* with a specifier or a variable it is not known */
	if (path[0] != '/' || strpbrk(path, "%$"))
		return false;
	return read_script(look, root, path, is_shell, call.soft_alone);
}

static bool try_exec(struct lookup *look, char *text)
{
	const char *argv[ARGUMENTS_MAX];
	const struct origin_started *started = &look->s->search->started;
	size_t argc = split_exec(text + strspn(text, "-:+!|"), argv);
	struct origin_root root;
	bool found;

	look->inside = started->inside;
	if (!argc)
		return false;
	/* what the system's manager starts is what is here; what others do, what they see */
	if (!started->inside && !started->of_user)
		return try_started(look, &look->s->search->host, argv, argc);
	if (origin_root_open_process(look->s->search, look->s->chain.task[0].pid,
				     &root) < 0)
		return false;
	found = try_started(look, &root, argv, argc);
	origin_root_close(&root);
	return found;
}

static bool try_unit(struct lookup *look)
{
	const struct origin_started *started = &look->s->search->started;
	char *text;
	bool found;

	if (!started->exec || !started->file)
		return false;
	text = strdup(started->exec);
	if (!text) {
		look->s->search->no_memory = true;
		return false;
	}
	found = try_exec(look, text);
	free(text);
	return found;
}

/* ---- the outcome ---- */

static void say_found(struct origin_subject *s, struct origin *out)
{
	const struct script_statement *soft = &out->statements.soft;

	if (s->chain.above_known && s->chain.above.limits_known &&
	    !s->chain.above_is_manager)
		out->front_hard = s->chain.above.hard;
	if (!out->file) {
		out->file = origin_format(s->search, "%s", out->script);
		out->setting = origin_format(s->search, "%s", soft->text);
		out->line = soft->line;
	}
	origin_append(s->search, out, "; line %u of %s sets it: \"%s\"",
		      (unsigned)soft->line, out->script, soft->text);
}

void origin_script(struct origin_subject *s, struct origin *out)
{
	struct lookup look = {.s = s, .out = out};
	struct origin_search *search = s->search;
	char *denied = search->denied;
	unsigned denied_len = search->denied_len;

	if (search->cost.over || out->script || out->kind == ORIGIN_KERNEL)
		return;
	/* what a script would have said is not missed by anyone */
	search->denied = NULL;
	if (try_shells(&look) || try_unit(&look))
		say_found(s, out);
	free(search->denied);
	search->denied = denied;
	search->denied_len = denied_len;
}
