// SPDX-License-Identifier: GPL-2.0-or-later
#include "collect/reason.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define PREFIX         "libbpf: "
/* As long as an address is, and no error, size or flag. */
#define ADDRESS_DIGITS 9

enum { NOTHING, GENERAL, SPECIFIC };

/* What libbpf says behind the cause, or of what it then does otherwise. */
static const char *const general[] = {
	"failed to load object",         "failed to load BPF skeleton",
	"failed to auto-attach program", "failed to attach BPF skeleton",
	"-- BEGIN PROG LOAD LOG --",     "-- END PROG LOAD LOG --",
	"Retrying without BTF",          "failed to load program",
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

void reason_reset(struct reason *reason)
{
	reason->text[0] = 0;
	reason->rank = NOTHING;
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
