// SPDX-License-Identifier: GPL-2.0-or-later
#include "server/shared_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct shared_text *shared_text_new(size_t len)
{
	struct shared_text *text = malloc(sizeof(*text) + len + 1);

	if (!text)
		return NULL;
	atomic_init(&text->holders, 1);
	text->pid = 0;
	text->start_ns = 0;
	text->len = len;
	text->bytes[len] = 0;
	return text;
}

struct shared_text *shared_text_format(const char *format, ...)
{
	struct shared_text *text;
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	text = len < 0 ? NULL : shared_text_new((size_t)len);
	if (!text)
		return NULL;
	va_start(args, format);
	vsnprintf(text->bytes, text->len + 1, format, args);
	va_end(args);
	return text;
}

struct shared_text *shared_text_page(const char *head, cJSON *document, cJSON *page)
{
	char *first = document ? cJSON_PrintUnformatted(document) : NULL;
	char *second = page ? cJSON_PrintUnformatted(page) : NULL;
	struct shared_text *body = NULL;

	if (first && second)
		body = shared_text_format("%s,\"document\":%s,\"page\":%s", head, first,
					  second);
	cJSON_free(first);
	cJSON_free(second);
	cJSON_Delete(document);
	cJSON_Delete(page);
	return body;
}

struct shared_text *shared_text_hold(struct shared_text *text)
{
	atomic_fetch_add(&text->holders, 1);
	return text;
}

void shared_text_release(struct shared_text *text)
{
	if (text && atomic_fetch_sub(&text->holders, 1) == 1)
		free(text);
}
