/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "output/command_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "output/json.h"

/* Takes `item` over. */
static int append(cJSON *list, cJSON *item)
{
	if (item && cJSON_AddItemToArray(list, item))
		return 0;
	cJSON_Delete(item);
	return -ENOMEM;
}

static int add_text_of(cJSON *list, const struct command *command)
{
	char *text = command_shell_text(command);
	int err = text ? append(list, json_text(text)) : -ENOMEM;

	free(text);
	return err;
}

/* JSON is written with neither control characters nor bytes that are not UTF-8: what has
 * them is exact in the text only. */
static int add_argument(cJSON *list, const char *argument, bool *exact)
{
	cJSON *item = json_text(argument);

	if (item && strcmp(cJSON_GetStringValue(item), argument) != 0)
		*exact = false;
	return append(list, item);
}

static int add_step(cJSON *list, const struct command *command)
{
	cJSON *step = cJSON_CreateObject(), *argv;
	bool exact = true;
	int err = append(list, step);

	if (err)
		return err;
	argv = cJSON_AddArrayToObject(step, "argv");
	err = argv ? 0 : -ENOMEM;
	for (size_t i = 0; i < command->len && !err; i++)
		err = add_argument(argv, command->argv[i], &exact);
	if (!err)
		err = json_add_text(step, "stdin", command->input);
	if (!err && command->in_home)
		err = cJSON_AddTrueToObject(step, "in_home") ? 0 : -ENOMEM;
	if (!err && !exact)
		err = cJSON_AddTrueToObject(step, "inexact") ? 0 : -ENOMEM;
	return err;
}

int command_json_add(cJSON *parent, const struct command *commands, size_t len)
{
	cJSON *texts, *steps;
	int err;

	if (!len)
		return 0;
	texts = cJSON_AddArrayToObject(parent, "commands");
	steps = cJSON_AddArrayToObject(parent, "steps");
	err = texts && steps ? 0 : -ENOMEM;
	for (size_t i = 0; i < len && !err; i++) {
		err = add_text_of(texts, &commands[i]);
		if (!err)
			err = add_step(steps, &commands[i]);
	}
	return err;
}
