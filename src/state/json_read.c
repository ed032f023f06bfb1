/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state/json_read.h"

#include <stdbool.h>
#include <string.h>

/* Counts over whatever it is: only what is within the bounds is looked at more closely. */
static bool is_bounded(const char *text, size_t len, int depth_max)
{
	bool quoted = false;
	size_t values = 1;
	int depth = 0;

	for (size_t i = 0; i < len; i++) {
		if (quoted && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
		else if (quoted)
			continue;
		else if (text[i] == '[' || text[i] == '{')
			depth++, values++;
		else if (text[i] == ']' || text[i] == '}')
			depth--;
		else if (text[i] == ',')
			values++;
		if (depth > depth_max || values > JSON_READ_VALUES)
			return false;
	}
	return true;
}

static bool is_blank(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!strchr(" \t\r\n", text[i]))
			return false;
	return true;
}

cJSON *json_read(const char *text, size_t len, int depth, const char **end)
{
	const char *behind = text;
	cJSON *json;

	if (!len || !is_bounded(text, len, depth))
		return NULL;
	json = cJSON_ParseWithLengthOpts(text, len, &behind, 0);
	if (json && !end && !is_blank(behind, len - (size_t)(behind - text))) {
		cJSON_Delete(json);
		return NULL;
	}
	if (end)
		*end = behind;
	return json;
}

const char *json_text_at(const cJSON *object, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

uint64_t json_uint_at(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

	if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0) ||
	    item->valuedouble > 9e15)
		return 0;
	return (uint64_t)item->valuedouble;
}
