// SPDX-License-Identifier: GPL-2.0-or-later
/* fdwarden inspect: what one process's descriptors are, what is wrong, which limit
 * governs it, what to change. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/inspection.h"
#include "cli/printing.h"
#include "cli/remote.h"
#include "cli/subject.h"
#include "client/member.h"
#include "collect/kernel.h"
#include "log.h"
#include "output/text.h"
#include "output/view_inspect.h"
#include "state/user_names.h"

struct options {
	bool json, descriptors;
	struct remote_options remote;
};

static const struct cli_option options[] = {
	CLI_FLAG(0, "json", struct options, json, "print one JSON document"),
	CLI_FLAG(0, "descriptors", struct options, descriptors,
		 "with --json: list each descriptor, too"),
	CLI_STRING('c', "config", "FILE", struct options, remote.config,
		   "the daemon's configuration, for its socket"),
	CLI_STRING(0, "socket", "PATH", struct options, remote.socket,
		   "ask the daemon at this socket"),
};

static const struct cli_usage usage = {
	.synopsis = "PID|NAME [--json [--descriptors]] [-c FILE] [--socket PATH]",
	CLI_OPTIONS(options),
	.operands = true,
	.notes = "NAME is that of a program, a service, a container or a pod, or a "
		 "pattern as of a shell;\nof several processes it is the fullest.\n"
		 "Needs CAP_BPF and CAP_PERFMON; CAP_SYS_PTRACE and "
		 "CAP_DAC_READ_SEARCH to say who\nother users' processes are and where "
		 "their limits come from. What can't be seen is\nnamed. Without the "
		 "first two it asks the daemon.",
};

#define HOST_NAME_LEN 256
#define NOTE_LEN      256
#define WIDTH_MAX     1000 /* of a page that the daemon makes */

/* What could not be seen, and why. */
struct notes {
	char unread[NOTE_LEN], nameless[NOTE_LEN];
};

static void add_note(struct view_inspect *view, const char *text)
{
	if (view->unseen_len < VIEW_INSPECT_UNSEEN_MAX)
		view->unseen[view->unseen_len++] = text;
}

static void add_notes(struct view_inspect *view, const struct inspection *i,
		      struct notes *notes)
{
	size_t unread = 0;

	if (view->who->denied)
		add_note(view, "who it is (executable, command line or cgroup): "
			       "another user's process needs CAP_SYS_PTRACE and "
			       "CAP_DAC_READ_SEARCH");
	if (i->why.origin_known && i->why.origin.denied)
		add_note(view, i->why.origin.denied);
	for (size_t at = 0; at < i->descriptors.len; at++)
		unread += i->descriptors.descriptors[at].kind == DESCRIPTOR_UNKNOWN;
	if (unread) {
		snprintf(notes->unread, sizeof(notes->unread),
			 "what %zu of the descriptors are: they could not be read in "
			 "the kernel",
			 unread);
		add_note(view, notes->unread);
	}
	if (i->descriptors.nameless) {
		snprintf(notes->nameless, sizeof(notes->nameless),
			 "%" PRIu64 " names and paths: together they are too long",
			 i->descriptors.nameless);
		add_note(view, notes->nameless);
	}
	if (i->fd.torn)
		add_note(view, "an exact count: the table changed each time that it "
			       "was read");
}

static int print_page(const struct view_inspect *view)
{
	struct page page = printing_page();

	return view_inspect_page(view, &page);
}

static int print(const struct options *set, const struct inspection *i)
{
	char host_name[HOST_NAME_LEN] = "", boot_id[37];
	struct alert_host host = {.name = host_name,
				  .boot_id = boot_id,
				  .boot_realtime_ns = kernel_boot_realtime_ns()};
	char user[64];
	struct notes notes;
	struct view_inspect view = {
		.realtime_ns = i->process->table_ns + host.boot_realtime_ns,
		.host = &host,
		.who = &i->process->who,
		.fd = &i->fd,
		.growth_over_ns = i->growth_over_ns,
		.why = &i->why,
		.descriptors = set->descriptors ? i->descriptors.descriptors : NULL,
		.descriptors_len = i->descriptors.len,
	};
	int err;

	/* The users of a container are others than the host's. */
	if (!view.who->container_id &&
	    user_names_find(view.who->uid, user, sizeof(user)))
		view.user = user;
	kernel_host_name(host_name, sizeof(host_name));
	kernel_boot_id(boot_id);
	add_notes(&view, i, &notes);
	err = set->json ? printing_json(view_inspect_json(&view)) : print_page(&view);
	if (!err && fflush(stdout))
		err = -errno;
	return err;
}

/* ---- what the daemon says ---- */

static cJSON *make_request(const struct options *set, int pid)
{
	struct page page = printing_page();
	cJSON *request = client_request("process");

	if (!request || !cJSON_AddNumberToObject(request, "pid", pid) ||
	    !cJSON_AddNumberToObject(request, "width",
				     page.width < WIDTH_MAX ? page.width : WIDTH_MAX) ||
	    !cJSON_AddBoolToObject(request, "ascii", !page.utf8) ||
	    !cJSON_AddBoolToObject(request, "descriptors", set->descriptors)) {
		cJSON_Delete(request);
		request = NULL;
	}
	return request;
}

/* The document as it came: numbers in it are whole that a double can't hold. */
static int print_document(const char *line, size_t len)
{
	size_t value_len = 0;
	const char *value = member_find(line, len, "document", &value_len);

	if (!value)
		return -EPROTO;
	return printf("%.*s\n", (int)value_len, value) < 0 ? -errno : 0;
}

/* What a daemon sends is made harmless as if a process had sent it. */
static int print_lines(const cJSON *reply)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(reply, "page"), *item;
	bool utf8 = printing_page().utf8;

	if (!cJSON_IsArray(list))
		return -EPROTO;
	cJSON_ArrayForEach (item, list) {
		const char *text = cJSON_GetStringValue(item);
		size_t len = text ? strlen(text) : 0, size = 4 * len + 8;
		char *safe = malloc(size);

		if (!safe)
			return -ENOMEM;
		text_terminal(safe, size, text ? text : "", INT_MAX, 0, utf8);
		puts(safe);
		free(safe);
	}
	return ferror(stdout) ? -EIO : 0;
}

/* `answered`: what it had to say stood on standard output, or could not be written there. */
static int ask_daemon(const struct options *set, int pid, bool *answered, char *why,
		      size_t why_size)
{
	struct client *client;
	const char *line = NULL;
	size_t len = 0;
	cJSON *request = NULL, *reply = NULL;
	int err = remote_open(&set->remote, &client, why, why_size);

	*answered = false;
	if (err)
		return err;
	request = make_request(set, pid);
	err = request ? client_ask_line(client, request, 4 * CLIENT_TIMEOUT_MS, &reply,
					&line, &len, why, why_size)
		      : -ENOMEM;
	if (!request)
		snprintf(why, why_size, "%s", strerror(ENOMEM));
	*answered = !err;
	if (!err) {
		err = set->json ? print_document(line, len) : print_lines(reply);
		if (!err && fflush(stdout))
			err = -errno;
		if (err)
			snprintf(why, why_size, "standard output: %s", strerror(-err));
	}
	cJSON_Delete(request);
	cJSON_Delete(reply);
	client_close(client);
	return err;
}

static int inspect_remotely(const struct options *set, int pid, char *why,
			    size_t why_size)
{
	char socket_why[REMOTE_WHY_MAX];
	bool answered;
	int err = ask_daemon(set, pid, &answered, socket_why, sizeof(socket_why));

	if (err == -ENOENT && !strncmp(socket_why, "no process", 10))
		*why = 0; /* it has been asked: no privilege is wanting */
	if (err)
		remote_explain(why, why_size, err, socket_why);
	return err;
}

static int inspect_ourselves(const struct options *set, int pid, char *why,
			     size_t why_size)
{
	struct inspection inspection = {0};
	int err = kernel_check(why, why_size);

	if (!err)
		err = inspection_take(pid, &inspection, why, why_size);
	if (!err) {
		err = print(set, &inspection);
		if (err)
			snprintf(why, why_size, "standard output: %s", strerror(-err));
	}
	inspection_clear(&inspection);
	return err;
}

/* Who may look asks a daemon that runs all the same: it has seen how the process came to where
 * it is, which one look can't tell. */
static int inspect_with_rights(const struct options *set, int pid, char *why,
			       size_t why_size)
{
	bool answered;
	int err = ask_daemon(set, pid, &answered, why, why_size);

	return err && !answered ? inspect_ourselves(set, pid, why, why_size) : err;
}

int cmd_inspect(int argc, char **argv)
{
	struct options set = {0};
	int code = cli_parse(&usage, &argc, &argv, &set), pid, err;
	char why[SUBJECT_WHY_MAX], lacking[REMOTE_WHY_MAX];

	if (code != CLI_RUN)
		return code;
	if (argc != 1)
		return cli_wrong_usage(argc ? "one process at a time"
					    : "no pid or name given");
	if (!subject_is_valid(argv[0]))
		return cli_wrong_usage(SUBJECT_INVALID, argv[0]);
	if (set.descriptors && !set.json)
		return cli_wrong_usage("--descriptors is for --json");
	if (remote_check_config(&set.remote, why, sizeof(why))) {
		log_error("inspect: %s", why);
		return CLI_USAGE;
	}
	kernel_quiet_libbpf();
	err = subject_find(&set.remote, argv[0], false, &pid, why, sizeof(why));
	if (!err && remote_is_wanted(&set.remote, lacking, sizeof(lacking))) {
		err = inspect_remotely(&set, pid, lacking, sizeof(lacking));
		snprintf(why, sizeof(why), "%s", lacking);
	} else if (!err) {
		err = inspect_with_rights(&set, pid, why, sizeof(why));
	}
	if (err)
		log_error("inspect: %s", why);
	return err ? CLI_FAILED : CLI_DONE;
}
