// SPDX-License-Identifier: GPL-2.0-or-later
#include "collect/reason.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define PREFIX         "libbpf: "
/* As long as an address is, and no error, size or flag. */
#define ADDRESS_DIGITS 9

#define LOG_BEGIN      "-- BEGIN PROG LOAD LOG --"
#define LOG_END        "-- END PROG LOAD LOG --"

/* linux/errno.h has it for the kernel alone, and no user's header does. */
#define ENOTSUPP       524
#define ENOTSUPP_TEXT  "not supported by this kernel (ENOTSUPP)"
#define UNKNOWN_524    "Unknown error 524" /* glibc, and libbpf before 1.5 */

enum { NOTHING, GENERAL, SPECIFIC };

/* What libbpf says behind the cause, or of what it then does otherwise. */
static const char *const general[] = {
	"failed to load object",
	"failed to load BPF skeleton",
	"failed to auto-attach program",
	"failed to attach BPF skeleton",
	LOG_BEGIN,
	LOG_END,
	"Retrying without BTF",
	"failed to load program",
};

static int rank_of(const char *line)
{
	if (!*line)
		return NOTHING;
	for (size_t i = 0; i < sizeof(general) / sizeof(general[0]); i++)
		if (strstr(line, general[i]))
			return GENERAL;
	return SPECIFIC;
}

/* An address says nothing to a reader, and should not be told. */
static size_t address_len(const char *text)
{
	size_t len = 2;

	if (strncmp(text, "0x", 2) != 0)
		return 0;
	while (isxdigit((unsigned char)text[len]))
		len++;
	return len - 2 >= ADDRESS_DIGITS ? len : 0;
}

static void copy_line(char out[REASON_LEN], const char *line)
{
	size_t at = 0, skip;

	while (*line && *line != '\n' && at < REASON_LEN - 3) {
		if (!strncmp(line, UNKNOWN_524, strlen(UNKNOWN_524)) &&
		    at + strlen(ENOTSUPP_TEXT) < REASON_LEN - 3) {
			at += (size_t)sprintf(out + at, "%s", ENOTSUPP_TEXT);
			line += strlen(UNKNOWN_524);
			continue;
		}
		skip = address_len(line);
		if (skip) {
			out[at++] = '0';
			out[at++] = 'x';
			line += skip;
			continue;
		}
		out[at++] = (unsigned char)*line < 0x20 ? ' ' : *line;
		line++;
	}
	while (at && out[at - 1] == ' ')
		at--;
	out[at] = 0;
}

const char *reason_of_error(int err)
{
	return err == ENOTSUPP ? ENOTSUPP_TEXT : strerror(err);
}

void reason_reset(struct reason *reason)
{
	reason->text[0] = 0;
	reason->rank = NOTHING;
	reason->program[0] = reason->verdict[0] = reason->log[0] = 0;
}

void reason_add(struct reason *reason, const char *message)
{
	char line[REASON_LEN];
	int rank;

	if (!strncmp(message, PREFIX, strlen(PREFIX)))
		message += strlen(PREFIX);
	copy_line(line, message);
	rank = rank_of(line);
	if (rank <= reason->rank)
		return;
	reason->rank = rank;
	memcpy(reason->text, line, sizeof(line));
}

/* What the kernel adds behind the line that says why. */
static bool is_figure(const char *line)
{
	return !strncmp(line, "processed ", 10) || !strncmp(line, "max_states", 10) ||
	       !strncmp(line, "verification time ", 18) ||
	       !strncmp(line, "stack depth ", 12) || !strncmp(line, "mark_read", 9);
}

/* Keeps the lines that fit, the last ones, of `text` up to `end`. */
static void keep_log(struct reason *reason, const char *text, const char *end)
{
	const char *from =
		end - text < REASON_LOG_LEN - 1 ? text : end - (REASON_LOG_LEN - 1);
	size_t len;

	while (from > text && from < end && from[-1] != '\n')
		from++;
	len = end - from;
	memcpy(reason->log, from, len);
	reason->log[len] = 0;
	for (char *at = reason->log; *at; at++)
		if ((unsigned char)*at < 0x20 && *at != '\n')
			*at = ' ';
}

static void keep_verdict(struct reason *reason)
{
	const char *end = reason->log + strlen(reason->log), *line;
	char text[REASON_LEN];

	while (end > reason->log) {
		line = end - 1;
		while (line > reason->log && line[-1] != '\n')
			line--;
		if (*line != '\n' && !is_figure(line)) {
			copy_line(text, line);
			snprintf(reason->verdict, sizeof(reason->verdict), "%.*s",
				 (int)sizeof(reason->verdict) - 1, text);
			return;
		}
		end = line;
	}
}

void reason_add_log(struct reason *reason, const char *message)
{
	const char *name = strstr(message, "prog '"), *begin, *end;

	begin = strstr(message, LOG_BEGIN);
	begin = begin ? strchr(begin, '\n') : NULL;
	if (!begin || !name)
		return;
	begin++;
	end = strstr(begin, LOG_END);
	name += strlen("prog '");
	snprintf(reason->program, sizeof(reason->program), "%.*s",
		 (int)strcspn(name, "'"), name);
	reason->verdict[0] = 0;
	keep_log(reason, begin, end ? end : begin + strlen(begin));
	keep_verdict(reason);
}
