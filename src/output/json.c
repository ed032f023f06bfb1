/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "output/json.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/text.h"

#define SHARE_SCALE    10000 /* four decimals */

/* cJSON prints with %1.15g: whole numbers of up to 15 digits come out whole. */
#define WHOLE_IN_CJSON 1000000000000000ull

cJSON *json_text(const char *text)
{
	size_t len = strlen(text);
	char *safe = malloc(3 * len + 1); /* each byte may become a U+FFFD */
	cJSON *item;

	if (!safe)
		return NULL;
	text_utf8(safe, 3 * len + 1, text, len);
	item = cJSON_CreateString(safe);
	free(safe);
	return item;
}

cJSON *json_lines(const char *text)
{
	cJSON *list = cJSON_CreateArray();

	while (list && *text) {
		size_t len = strcspn(text, "\n");
		char *line = strndup(text, len);
		cJSON *item = line ? json_text(line) : NULL;

		free(line);
		if (!item || !cJSON_AddItemToArray(list, item)) {
			cJSON_Delete(item);
			cJSON_Delete(list);
			return NULL;
		}
		text += len + (text[len] != 0);
	}
	return list;
}

int json_add_text(cJSON *parent, const char *name, const char *text)
{
	cJSON *item;

	if (!text)
		return 0;
	item = json_text(text);
	if (item && cJSON_AddItemToObject(parent, name, item))
		return 0;
	cJSON_Delete(item);
	return -ENOMEM;
}

int json_add_uint(cJSON *parent, const char *name, uint64_t value)
{
	char digits[24];

	if (value < WHOLE_IN_CJSON)
		return cJSON_AddNumberToObject(parent, name, (double)value) ? 0
									    : -ENOMEM;
	snprintf(digits, sizeof(digits), "%" PRIu64, value);
	return cJSON_AddRawToObject(parent, name, digits) ? 0 : -ENOMEM;
}

int json_add_real(cJSON *parent, const char *name, double value, int decimals)
{
	double scale = pow(10, decimals), rounded = round(value * scale) / scale;

	if (!isfinite(rounded))
		return 0;
	rounded += 0.0; /* no "-0" */
	return cJSON_AddNumberToObject(parent, name, rounded) ? 0 : -ENOMEM;
}

int json_add_share(cJSON *parent, const char *name, double value)
{
	char text[48], *end;
	uint64_t scaled;

	/* Of what is no share, as by somebody else's socket, no decimals are wanted. */
	if (!(value >= 0 && value < (double)(UINT64_MAX / SHARE_SCALE)))
		return json_add_real(parent, name, value, 0);
	scaled = (uint64_t)round(value * SHARE_SCALE);
	/* Of two numbers, for the locale's point is none in JSON. */
	snprintf(text, sizeof(text), "%" PRIu64 ".%04" PRIu64, scaled / SHARE_SCALE,
		 scaled % SHARE_SCALE);
	for (end = text + strlen(text) - 1; *end == '0' && end[-1] != '.'; end--)
		*end = 0;
	return cJSON_AddRawToObject(parent, name, text) ? 0 : -ENOMEM;
}

cJSON *json_add_object(cJSON *parent, const char *name)
{
	return cJSON_AddObjectToObject(parent, name);
}
