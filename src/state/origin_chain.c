/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sources of one process's place, and the ancestors that have the same limits. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/cgroup_path.h"
#include "state/origin_chain.h"

#define DEPTH_MAX 32

static bool same_container(const struct origin_task *a, const struct origin_task *b)
{
	struct cgroup_part first = {0}, second = {0};

	if (a->cgroup)
		first = cgroup_path_container(a->cgroup);
	if (b->cgroup)
		second = cgroup_path_container(b->cgroup);
	if (!first.at || !second.at)
		return !first.at && !second.at;
	return first.len == second.len && memcmp(first.at, second.at, first.len) == 0;
}

int origin_chain_read(struct origin_search *search, pid_t pid, struct origin_chain *out)
{
	struct origin_task *last;
	int err;

	memset(out, 0, sizeof(*out));
	err = origin_task_read(search, pid, &out->task[0]);
	if (err)
		return err;
	out->len = 1;
	while (out->len < ORIGIN_CHAIN_MAX) {
		last = &out->task[out->len - 1];
		if (last->ppid <= 0 ||
		    origin_task_read(search, last->ppid, &out->above) < 0)
			return 0;
		out->above_known = true;
		out->above_is_manager = origin_task_is_manager(&out->above);
		out->above_is_outside = !same_container(last, &out->above);
		if (out->above_is_manager || out->above_is_outside ||
		    !out->above.limits_known || !last->limits_known ||
		    out->above.soft != last->soft || out->above.hard != last->hard)
			return 0;
		out->task[out->len++] = out->above;
		memset(&out->above, 0, sizeof(out->above));
		out->above_known = false;
	}
	return 0;
}

void origin_chain_clear(struct origin_chain *chain)
{
	for (size_t i = 0; i < chain->len; i++)
		origin_task_clear(&chain->task[i]);
	if (chain->above_known)
		origin_task_clear(&chain->above);
	memset(chain, 0, sizeof(*chain));
}

/* ---- the sources of a place ---- */

/* The first ancestor that is not in the task's container. */
static bool find_outside(struct origin_search *search, const struct origin_task *task,
			 struct origin_task *out)
{
	pid_t pid = task->ppid;

	for (int depth = 0; pid > 0 && depth < DEPTH_MAX; depth++) {
		if (origin_task_read(search, pid, out) < 0)
			return false;
		if (!same_container(task, out))
			return true;
		pid = out->ppid;
		origin_task_clear(out);
	}
	return false;
}

static void add_session(struct origin_search *search, const struct origin_scope *scope,
			uid_t uid, struct origin_candidates *list)
{
	uid_t owner = scope->place->owner;
	struct origin_user user;

	if (origin_user_by_uid(search, scope->root, owner, &user))
		origin_pam(search, scope->root, &user, 0, 0, list);
	/* sudo and su begin sessions of their own within it */
	if (uid != (uid_t)-1 && uid != owner &&
	    origin_user_by_uid(search, scope->root, uid, &user))
		origin_pam(search, scope->root, &user, 0, 0, list);
}

static void add_place(struct origin_search *search, const struct origin_scope *scope,
		      uid_t uid, struct origin_candidates *list)
{
	switch (scope->place->kind) {
	case PLACE_UNIT:
	case PLACE_USER:
		origin_unit(search, scope, list);
		break;
	case PLACE_SESSION:
		add_session(search, scope, uid, list);
		break;
	case PLACE_NONE:
	case PLACE_SCOPE:
		break;
	}
}

/* A container may have a systemd of its own, whose files are in it. */
static void add_inside(struct origin_search *search, struct origin_scope *scope,
		       uid_t uid, struct origin_candidates *list)
{
	struct origin_root root;
	size_t first = list->len;

	if (scope->place->kind == PLACE_NONE ||
	    origin_root_open_process(search, scope->task->pid, &root) < 0)
		return;
	root.foreign = true;
	scope->root = &root;
	add_place(search, scope, uid, list);
	scope->root = &search->host;
	origin_root_close(&root);
	for (size_t i = first; i < list->len; i++)
		list->at[i].as.inside = true;
}

int origin_place_candidates(struct origin_search *search,
			    const struct origin_task *task, uid_t uid,
			    struct origin_candidates *list)
{
	struct origin_place place;
	struct origin_scope scope = {&search->host, task, &place, 0};
	struct origin_task outside;
	bool is_outside;

	if (origin_place_read(task->cgroup, &place) < 0)
		return -ENOMEM;
	(void)origin_manager_limits(search, task, &scope.ceiling);
	if (place.in_container) {
		add_inside(search, &scope, uid, list);
		is_outside = find_outside(search, task, &outside);
		origin_container(search, &scope, is_outside ? &outside : NULL, list);
		if (is_outside)
			origin_task_clear(&outside);
	} else {
		add_place(search, &scope, uid, list);
	}
	origin_place_clear(&place);
	return 0;
}
