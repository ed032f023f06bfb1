/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Chooses among lines of JSON, as jq does, which takes an emulated machine a third
 * of a second to start:
 *	pick [-a MEMBER] [FIELD=VALUE]… [FIELD]… < LINES
 * Of each object on standard input that has all these VALUEs (plain text; "-" is
 * none), prints the FIELDs on a line, "-" for one that is not there. A FIELD is a
 * path such as fd.count; "." is the whole. With -a the objects are the elements of
 * that member of each line. An unfinished last line is left out.
 *
 * Exit status: 0 some were chosen, 1 none was, 2 a line is no JSON.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

struct wanted {
	char **conditions, **fields; /* both end with NULL */
	const char *array;
	bool chosen;
};

static const cJSON *find(const cJSON *object, const char *path)
{
	char name[128];

	if (!strcmp(path, "."))
		return object;
	while (object && *path) {
		size_t len = strcspn(path, ".");

		snprintf(name, sizeof(name), "%.*s", (int)len, path);
		object = cJSON_GetObjectItemCaseSensitive(object, name);
		path += len + (path[len] == '.');
	}
	return object;
}

/* The caller frees it. */
static char *text_of(const cJSON *value)
{
	char *text = !value                  ? strdup("-")
		     : cJSON_IsString(value) ? strdup(value->valuestring)
					     : cJSON_PrintUnformatted(value);

	if (!text)
		abort();
	return text;
}

static bool has(const cJSON *object, const char *condition)
{
	size_t len = strcspn(condition, "=");
	char path[128], *text;
	bool same;

	snprintf(path, sizeof(path), "%.*s", (int)len, condition);
	text = text_of(find(object, path));
	same = !strcmp(text, condition + len + 1);
	free(text);
	return same;
}

static void choose(struct wanted *wanted, const cJSON *object)
{
	for (char **condition = wanted->conditions; *condition; condition++)
		if (!has(object, *condition))
			return;
	wanted->chosen = true;
	for (char **field = wanted->fields; *field; field++) {
		char *text = text_of(find(object, *field));

		printf("%s%s", field == wanted->fields ? "" : " ", text);
		free(text);
	}
	if (*wanted->fields)
		putchar('\n');
}

/* Whether it is worth to be parsed: a look for the values comes first, as most
 * lines have none. */
static bool may_have(const struct wanted *wanted, const char *line)
{
	for (char **condition = wanted->conditions; *condition; condition++) {
		const char *value = strchr(*condition, '=') + 1;

		if (strcmp(value, "-") && !strstr(line, value))
			return false;
	}
	return true;
}

static bool take(struct wanted *wanted, const char *line)
{
	cJSON *whole, *element;

	if (!may_have(wanted, line))
		return true;
	whole = cJSON_Parse(line);
	if (!whole)
		return false;
	if (wanted->array)
		cJSON_ArrayForEach (element, find(whole, wanted->array))
			choose(wanted, element);
	else
		choose(wanted, whole);
	cJSON_Delete(whole);
	return true;
}

int main(int argc, char **argv)
{
	struct wanted wanted = {0};
	char *line = NULL;
	size_t size = 0;
	bool all_json = true;
	ssize_t len;

	argv++, argc--;
	if (argc >= 2 && !strcmp(argv[0], "-a")) {
		wanted.array = argv[1];
		argv += 2, argc -= 2;
	}
	wanted.conditions = calloc((size_t)argc + 1, sizeof(char *));
	wanted.fields = calloc((size_t)argc + 1, sizeof(char *));
	if (!wanted.conditions || !wanted.fields)
		abort();
	for (int i = 0, conditions = 0; i < argc; i++)
		if (strchr(argv[i], '='))
			wanted.conditions[conditions++] = argv[i];
		else
			wanted.fields[i - conditions] = argv[i];
	while ((len = getline(&line, &size, stdin)) > 0 && line[len - 1] == '\n')
		if (!take(&wanted, line)) {
			fprintf(stderr, "pick: no JSON: %.200s\n", line);
			all_json = false;
		}
	free(line);
	free(wanted.conditions);
	free(wanted.fields);
	return !all_json ? 2 : wanted.chosen ? 0 : 1;
}
