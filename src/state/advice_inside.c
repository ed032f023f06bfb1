/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files and units of a container have the names of the host's: what is to be changed there
 * says so, and its commands enter the container first. Where it is one on the word of its
 * own processes alone, so are its files, and nothing is proposed to be typed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "state/advice_impl.h"

enum way { WAY_TO_RUN, WAY_TO_ENTER };

/* A command that runs another one in the container, or a shell there. */
static int make_way(const struct identity *who, enum way way, struct command *out)
{
	const char *runtime = who->container_runtime ? who->container_runtime : "";
	const char *id = who->container_id;
	bool run = way == WAY_TO_RUN;

	if (strcmp(runtime, "docker") == 0)
		return run ? command_make(out, "docker exec -i %s", id)
			   : command_make(out, "docker exec -it %s sh", id);
	if (strcmp(runtime, "podman") == 0)
		return run ? command_make(out, "podman exec -i %s", id)
			   : command_make(out, "podman exec -it %s sh", id);
	if (strcmp(runtime, "cri-o") == 0 || who->pod_uid)
		return run ? command_make(out, "crictl exec -i %s", id)
			   : command_make(out, "crictl exec -it %s sh", id);
	if (strcmp(runtime, "lxc") == 0)
		return run ? command_make(out, "lxc-attach -n %s --", id)
			   : command_make(out, "lxc-attach -n %s", id);
	return run ? command_make(out, "nsenter --all --target %d --", (int)who->pid)
		   : command_make(out, "nsenter --all --target %d sh", (int)who->pid);
}

/* Nothing to be typed, and no file to be changed that has the name of one of the host's. */
static void take_back(struct advice_list *list, struct advice *advice)
{
	advice_drop_commands(advice);
	free(advice->file);
	free(advice->content);
	advice->file = advice->content = NULL;
	advice_say(list, advice,
		   " That this is a container, and what its files say, is its own "
		   "processes' word: nothing is proposed to be typed.");
}

static void put_inside(const struct advice_question *question, struct advice_list *list,
		       struct advice *advice)
{
	const struct identity *who = question->who;
	struct command outer = {0};
	int err = make_way(who, WAY_TO_RUN, &outer);

	advice->container_runtime = who->container_runtime;
	advice->container = advice_format(list, "%s", who->container_id);
	if (question->origin->claimed || err == -EINVAL) {
		take_back(list, advice);
	} else if (!err) {
		err = make_way(who, WAY_TO_ENTER, &advice->enter);
		for (size_t i = 0; i < advice->commands_len && !err; i++)
			err = command_prefix(&advice->commands[i], &outer);
	}
	list->no_memory = list->no_memory || err == -ENOMEM;
	command_clear(&outer);
}

void advice_put_inside(const struct advice_question *question, struct advice_list *list,
		       size_t first)
{
	const struct origin *origin = question->origin;

	if (!origin->inside || !question->who->container_id)
		return;
	for (size_t i = first; i < list->len; i++)
		if (list->at[i].action == ADVICE_DROP_IN ||
		    list->at[i].action == ADVICE_MANAGER ||
		    (list->at[i].action == ADVICE_PARENT && origin->script) ||
		    list->at[i].action == ADVICE_PROGRAM)
			put_inside(question, list, &list->at[i]);
}
