// SPDX-License-Identifier: GPL-2.0-or-later
/* Call sites as members of a JSON document. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "output/call_sites.h"
#include "output/json.h"
#include "output/text.h"

#define TEXT_MAX 2048

const struct call_sites_form call_sites_in_alert = {
	.sites = 5, .frames = 12, .text_max = 256};
const struct call_sites_form call_sites_in_full = {0};

static cJSON *append_object(cJSON *list)
{
	cJSON *item = cJSON_CreateObject();

	if (item && cJSON_AddItemToArray(list, item))
		return item;
	cJSON_Delete(item);
	return NULL;
}

/* One line, valid UTF-8; "" adds nothing. */
static int add_text(cJSON *parent, const char *name, const char *text, size_t max)
{
	char line[TEXT_MAX];

	if (!text[0])
		return 0;
	text_line(line, max && max < sizeof(line) ? max : sizeof(line), text,
		  strlen(text));
	return json_add_text(parent, name, line);
}

static int add_nonzero(cJSON *parent, const char *name, uint64_t value)
{
	return value ? json_add_uint(parent, name, value) : 0;
}

/* function, file and line; and where that is not enough, what to find them with. */
static int add_place(cJSON *item, const struct call_frame *frame, size_t max)
{
	const char *language = call_language_name(frame->language);
	int err = add_text(item, "function", frame->function, max);

	if (!err && language)
		err = json_add_text(item, "language", language);
	if (!err)
		err = add_text(item, "file", frame->file, max);
	if (!err)
		err = add_nonzero(item, "line", frame->line);
	if (!err)
		err = add_text(item, "module", frame->module, max);
	if (!err && !language)
		err = json_add_uint(item, "offset", frame->offset);
	if (!err && (!frame->line || !frame->function[0]))
		err = add_text(item, "build_id", frame->build_id, max);
	if (!err && frame->inlined && !cJSON_AddTrueToObject(item, "inlined"))
		err = -ENOMEM;
	return err;
}

static int add_frames(cJSON *item, const struct call_chain *chain,
		      const struct call_sites_form *form)
{
	cJSON *list = cJSON_AddArrayToObject(item, "frames");
	int err = list ? 0 : -ENOMEM;

	for (size_t i = 0; i < chain->len && !err; i++) {
		cJSON *frame;

		/* The one that is named is always among them. */
		if (form->frames && i >= form->frames && i > chain->site)
			break;
		frame = append_object(list);
		err = frame ? add_place(frame, &chain->frames[i], form->text_max)
			    : -ENOMEM;
	}
	if (!err && chain->end != CALL_CHAIN_COMPLETE &&
	    !cJSON_AddTrueToObject(item, "frames_missing"))
		err = -ENOMEM;
	return err;
}

static int add_ages(cJSON *item, const struct call_site *site, uint64_t over_ns)
{
	cJSON *ages;
	int err = 0;

	if (over_ns)
		err = json_add_real(item, "rate_per_s",
				    (double)site->count * 1e9 / (double)over_ns, 3);
	ages = err ? NULL : json_add_object(item, "age_s");
	err = ages ? json_add_real(ages, "oldest", (double)site->oldest_ns / 1e9, 3)
		   : -ENOMEM;
	return err ? err
		   : json_add_real(ages, "median", (double)site->median_ns / 1e9, 3);
}

static int add_site(cJSON *list, const struct call_sites *sites,
		    const struct call_site *site, const struct call_sites_form *form)
{
	cJSON *item = append_object(list);
	int err = item ? json_add_uint(item, "count", site->count) : -ENOMEM;

	if (!err)
		err = json_add_text(item, "kind", site->type);
	if (!err)
		err = add_ages(item, site, sites->over_ns);
	if (!err)
		err = add_place(item, &site->chain->frames[site->chain->site],
				form->text_max);
	if (!err)
		err = json_add_uint(item, "stacks", site->chains);
	return err ? err : add_frames(item, site->chain, form);
}

static int add_unknown(cJSON *fd, const struct call_sites *sites)
{
	const struct call_unknown *unknown = &sites->unknown;
	cJSON *why;
	int err = json_add_uint(fd, "unknown", call_sites_unknown(sites));

	if (err || !call_sites_unknown(sites))
		return err;
	why = json_add_object(fd, "unknown_why");
	err = why ? add_nonzero(why, "before", unknown->before) : -ENOMEM;
	if (!err)
		err = add_nonzero(why, "not_seen", unknown->unseen);
	if (!err)
		err = add_nonzero(why, "no_stack", unknown->no_stack);
	return err ? err : add_nonzero(why, "not_unwound", unknown->not_unwound);
}

int call_sites_add(cJSON *fd, const struct call_sites *sites,
		   const struct call_sites_form *form)
{
	cJSON *list = cJSON_AddArrayToObject(fd, "call_sites");
	uint64_t left = 0;
	int err = list ? 0 : -ENOMEM;

	for (size_t i = 0; i < sites->sites_len && !err; i++) {
		if (form->sites && i >= form->sites)
			left += sites->sites[i].count;
		else
			err = add_site(list, sites, &sites->sites[i], form);
	}
	if (!err)
		err = add_nonzero(fd, "call_sites_left_out", left);
	return err ? err : add_unknown(fd, sites);
}

/* Of what runs the program, where its functions are not compiled ones. */
static int add_runtimes(cJSON *trace, const struct call_sites_view *view)
{
	cJSON *list, *item;
	int err;

	if (!view->python || !view->python[0])
		return 0;
	list = cJSON_AddArrayToObject(trace, "runtimes");
	item = list ? append_object(list) : NULL;
	err = item ? json_add_text(item, "language", call_language_name(CALL_PYTHON))
		   : -ENOMEM;
	return err ? err
		   : add_text(item, view->python_known ? "name" : "unknown_why",
			      view->python, 0);
}

static int add_trace(cJSON *root, const struct call_sites_view *view)
{
	cJSON *trace = json_add_object(root, "trace"), *losses;
	int err = trace ? json_add_real(trace, "duration_s",
					(double)view->sites->over_ns / 1e9, 3)
			: -ENOMEM;

	if (!err && view->ended && !cJSON_AddTrueToObject(trace, "process_ended"))
		err = -ENOMEM;
	if (!err && view->full && !cJSON_AddTrueToObject(trace, "full"))
		err = -ENOMEM;
	if (!err && view->full)
		err = add_nonzero(trace, "refused", view->refused);
	if (!err)
		err = json_add_text(trace, "watched", view->watched);
	if (!err)
		err = add_runtimes(trace, view);
	losses = err ? NULL : json_add_object(trace, "losses");
	err = losses ? json_add_uint(losses, "no_stack", view->no_stack) : -ENOMEM;
	if (!err)
		err = json_add_uint(losses, "too_high", view->too_high);
	if (!err)
		err = json_add_uint(losses, "missed", view->missed);
	return err ? err : json_add_uint(losses, "not_unwound", view->not_unwound);
}

static int fill(cJSON *root, const struct call_sites_view *view)
{
	cJSON *host, *fd;
	char text[32];
	int err;

	alert_timestamp(view->realtime_ns, text);
	err = json_add_text(root, "@timestamp", text);
	host = err ? NULL : json_add_object(root, "host");
	err = host ? json_add_text(host, "name", view->host->name) : -ENOMEM;
	if (!err)
		err = alert_add_identity(root, view->who, view->host);
	fd = err ? NULL : json_add_object(root, "fd");
	err = fd ? 0 : -ENOMEM;
	if (!err && !view->ended)
		err = json_add_uint(fd, "count", view->sites->count);
	if (!err)
		err = call_sites_add(fd, view->sites, &call_sites_in_full);
	return err ? err : add_trace(root, view);
}

cJSON *call_sites_document(const struct call_sites_view *view)
{
	cJSON *root = cJSON_CreateObject();

	if (root && fill(root, view)) {
		cJSON_Delete(root);
		root = NULL;
	}
	return root;
}
