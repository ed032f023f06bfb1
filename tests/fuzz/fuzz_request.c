// SPDX-License-Identifier: GPL-2.0-or-later
/* libFuzzer: anything at all as what a client of the socket sends, in pieces. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "server/line_buffer.h"
#include "server/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is echoed must be JSON on one line. */
static void check_id(const char *id)
{
	cJSON *json;

	if (!*id)
		return;
	if (strchr(id, '\n'))
		abort();
	json = cJSON_Parse(id);
	if (!json || cJSON_IsArray(json) || cJSON_IsObject(json))
		abort();
	cJSON_Delete(json);
}

static void check(const char *line, size_t len)
{
	struct request request;
	char why[256] = "";
	enum request_error error = request_parse(line, len, &request, why, sizeof(why));

	check_id(request.id);
	if (error && (!*why || !request_error_name(error)))
		abort();
	if (!error && !request_name(request.kind))
		abort();
	for (size_t i = 0; i < request.pids_len; i++)
		if (request.pids[i] < 1 || (i && request.pids[i] < request.pids[i - 1]))
			abort();
	request_clear(&request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* the first byte says how long the pieces are, and so a line may be */
	size_t piece = size ? 1 + data[0] % 64 : 1, at = size ? 1 : 0;
	struct line_buffer buffer = {.max = 2048};

	while (at < size) {
		size_t room, len;
		char *to = line_buffer_room(&buffer, &room);
		const char *line;

		if (!to)
			break;
		len = piece < size - at ? piece : size - at;
		len = len < room ? len : room;
		memcpy(to, data + at, len);
		at += len;
		line_buffer_add(&buffer, len);
		while ((line = line_buffer_next(&buffer, &len)))
			check(line, len);
	}
	line_buffer_clear(&buffer);
	return 0;
}
