/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What to change for a container: a flag when it is made, its file, or its runtime. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/advice_impl.h"

struct limits {
	uint64_t soft, hard;
	char hard_text[24];
};

static struct limits limits_of(const struct advice_question *question,
			       const struct advice_target *target)
{
	const struct origin *origin = question->origin;
	struct limits out = {.soft = target->value, .hard = target->hard};

	if (origin->soft_raised && !origin->raised_by && origin->soft &&
	    origin->soft < out.soft)
		out.soft = origin->soft;
	/* not every runtime has a word for it */
	if (out.hard == UINT64_MAX)
		out.hard = target->value;
	advice_number(out.hard, "-1", out.hard_text);
	return out;
}

static void flag(const struct advice_question *question,
		 const struct advice_target *target, struct advice_list *list,
		 const char *command, const char *default_file)
{
	struct limits set = limits_of(question, target);
	struct advice *advice;

	advice = advice_add(list, ADVICE_CONTAINER, target->value,
			    "Make the container anew with --ulimit (%s), or `ulimits:` "
			    "in a compose file; for all that have none it is in %s.",
			    command, default_file);
	if (advice)
		advice->content =
			advice_format(list, "--ulimit nofile=%" PRIu64 ":%" PRIu64,
				      set.soft, set.hard);
}

/* The default for all containers, where it is what sets this one's. */
static void docker_default(const struct advice_question *question,
			   const struct advice_target *target, struct advice_list *list)
{
	struct limits set = limits_of(question, target);
	struct advice *advice;

	advice =
		advice_add(list, ADVICE_CONTAINER, target->value,
			   "The default of all containers is in %s: change it, restart "
			   "docker, and make the container anew.",
			   question->origin->file);
	if (!advice)
		return;
	advice->file = advice_format(list, "%s", question->origin->file);
	advice->content = advice_format(
		list,
		"\"default-ulimits\": {\"nofile\": {\"Name\": \"nofile\", \"Soft\": "
		"%" PRIu64 ", \"Hard\": %" PRIu64 "}}",
		set.soft, set.hard);
}

/* A file of this one setting, and what reads it. */
static void crio(const struct advice_question *question,
		 const struct advice_target *target, struct advice_list *list)
{
	static const char dir[] = "/etc/crio/crio.conf.d";
	struct limits set = limits_of(question, target);
	char *name = advice_later_name(list, "90-nofile.conf", question->origin->file);
	struct advice *advice;

	advice = name ? advice_add(list, ADVICE_CONTAINER, target->value,
				   "Kubernetes has no such limit for a pod: cri-o on "
				   "this node sets it, for containers made after its "
				   "restart.")
		      : NULL;
	if (advice) {
		advice->file = advice_format(list, "%s/%s", dir, name);
		advice->content = advice_format(
			list,
			"[crio.runtime]\ndefault_ulimits = [\"nofile=%" PRIu64
			":%" PRIu64 "\"]\n",
			set.soft, set.hard);
		advice_command(list, advice, "mkdir -p %s", dir);
		advice_write(list, advice);
		advice_command(list, advice, "systemctl restart crio.service");
	}
	free(name);
}

static void runtime_unit(const struct advice_question *question,
			 const struct advice_target *target, struct advice_list *list)
{
	const struct origin *origin = question->origin;
	const char *unit =
		origin->unit && !origin->inside ? origin->unit : "containerd.service";
	size_t first = list->len;

	advice_drop_in(question, target, unit, true, list);
	if (list->len == first)
		return;
	list->at[first].action = ADVICE_CONTAINER;
	advice_say(
		list, &list->at[first],
		" Kubernetes has no such limit for a pod: containers have what their "
		"runtime on the node has. Those that run stay; what is made after "
		"that has it.");
}

static bool plain_name(const char *name)
{
	return name &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "0123456789_-") == strlen(name);
}

static void lxc(const struct advice_question *question,
		const struct advice_target *target, struct advice_list *list)
{
	const struct origin *origin = question->origin;
	struct limits set = limits_of(question, target);
	struct advice *advice;

	advice = advice_add(list, ADVICE_CONTAINER, target->value,
			    "In the container's configuration, and start it anew; with "
			    "LXD or Incus it is limits.kernel.nofile.");
	if (!advice)
		return;
	if (origin->file)
		advice->file = advice_format(list, "%s", origin->file);
	else if (plain_name(question->who->container_id))
		advice->file = advice_format(list, "/var/lib/lxc/%s/config",
					     question->who->container_id);
	advice->content =
		advice_format(list, "lxc.prlimit.nofile = %" PRIu64 ":%" PRIu64 "\n",
			      set.soft, set.hard);
}

static void nspawn(const struct advice_question *question,
		   const struct advice_target *target, struct advice_list *list)
{
	struct limits set = limits_of(question, target);
	struct advice *advice;

	advice = advice_add(list, ADVICE_CONTAINER, target->value,
			    "In the container's .nspawn file, and start it anew.");
	if (!advice)
		return;
	if (plain_name(question->who->container_id))
		advice->file = advice_format(list, "/etc/systemd/nspawn/%s.nspawn",
					     question->who->container_id);
	advice->content =
		advice_format(list, "[Exec]\nLimitNOFILE=%" PRIu64 ":%" PRIu64 "\n",
			      set.soft, set.hard);
}

void advice_for_container(const struct advice_question *question,
			  const struct advice_target *target, struct advice_list *list)
{
	const struct origin *origin = question->origin;
	const char *runtime = origin->runtime ? origin->runtime : "";
	bool pod = question->who->pod_uid;

	if (strcmp(runtime, "lxc") == 0)
		lxc(question, target, list);
	else if (strcmp(runtime, "systemd-nspawn") == 0)
		nspawn(question, target, list);
	else if (strcmp(runtime, "cri-o") == 0)
		crio(question, target, list);
	else if (pod)
		runtime_unit(question, target, list);
	else if (strcmp(runtime, "podman") == 0)
		flag(question, target, list, "podman run",
		     "default_ulimits of /etc/containers/containers.conf");
	else if (origin->file && strstr(origin->file, "daemon.json"))
		docker_default(question, target, list);
	else
		flag(question, target, list,
		     strcmp(runtime, "containerd") == 0 ? "nerdctl run" : "docker run",
		     "default-ulimits of /etc/docker/daemon.json");
}
