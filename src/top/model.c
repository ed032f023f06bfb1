// SPDX-License-Identifier: GPL-2.0-or-later
/* Processes and their figures; how they become lines is in lines.c. */
#include "top/model.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "top/model_impl.h"

/* ---- users ---- */

static void name_user(const struct model *m, struct model_user *user)
{
	if (user->uid == (uid_t)-1)
		user->name[0] = '\0';
	/* Numbers of a container's users are not the host's users. */
	else if (user->contained || !m->user_name ||
		 !m->user_name(user->uid, user->name, sizeof(user->name)))
		snprintf(user->name, sizeof(user->name), "%" PRIu32,
			 (uint32_t)user->uid);
}

/* The same text for the same user. */
static const char *user_of(struct model *m, uid_t uid, bool contained)
{
	struct model_user *user;
	void *more;

	for (size_t i = 0; i < m->users_len; i++)
		if (m->users[i]->uid == uid && m->users[i]->contained == contained)
			return m->users[i]->name;
	more = realloc(m->users, (m->users_len + 1) * sizeof(void *));
	if (more)
		m->users = more;
	user = more ? calloc(1, sizeof(*user)) : NULL;
	if (!user)
		return "";
	user->uid = uid;
	user->contained = contained;
	name_user(m, user);
	m->users[m->users_len++] = user;
	return user->name;
}

/* ---- a process's figures ---- */

static double per_second(uint64_t now, uint64_t before, double seconds)
{
	return now > before ? (double)(now - before) / seconds : 0;
}

static void take_rates(struct item *item, const struct model_process *p,
		       const struct roster_row *row, double seconds)
{
	const struct alert_fd *fd = &row->fd;

	if (seconds <= 0)
		return;
	item->rates_known = p->seen && fd->counters_known && p->counters_known;
	/* Another program's counters begin anew. */
	if (item->rates_known && (fd->opened < p->opened || fd->closed < p->closed))
		item->rates_known = false;
	if (item->rates_known) {
		item->opened_per_s = per_second(fd->opened, p->opened, seconds);
		item->closed_per_s = per_second(fd->closed, p->closed, seconds);
	}
	item->refused_per_s =
		p->seen ? per_second(row->refused, p->refused, seconds) : 0;
}

static void take_row(struct model *m, struct model_process *p,
		     const struct roster_row *row, double seconds)
{
	struct item *item = &p->item;

	if (!p->seen || p->uid != row->who.uid ||
	    p->contained != (row->who.container_id != NULL)) {
		p->uid = row->who.uid;
		p->contained = row->who.container_id != NULL;
		item->user = user_of(m, p->uid, p->contained);
	}
	item->who = &row->who;
	item->fd = &row->fd;
	item->history = &p->history;
	item->known = row->fd.known;
	item->used = row->fd.used;
	item->count = row->fd.count;
	item->level = row->level;
	item->refused = row->refused;
	item->growth_known = row->fd.growth_known;
	item->growth_per_s = row->fd.growth_per_s;
	item->exhaustion_known = row->fd.exhaustion_known;
	item->exhausted_in_s = row->fd.exhausted_in_s;
	item->kind = p->kind;
	take_rates(item, p, row, seconds);
	p->counters_known = row->fd.counters_known;
	p->opened = row->fd.opened;
	p->closed = row->fd.closed;
	p->refused = row->refused;
	p->seen = true;
	if (!row->fd.known)
		return;
	history_add(&p->history, m->roster->realtime_ns, row->fd.used);
	if (p->history.len > m->history_len)
		m->history_len = p->history.len;
}

/* ---- a roster ---- */

/* Both are in the order of pids; of a pid there may be two, the older one on its way
 * out. */
static int compare(const struct model_process *p, const struct roster_row *row)
{
	if (p->pid != row->who.pid)
		return p->pid < row->who.pid ? -1 : 1;
	return (p->start_ns > row->who.start_ns) - (p->start_ns < row->who.start_ns);
}

static struct model_process *new_process(const struct roster_row *row)
{
	struct model_process *p = calloc(1, sizeof(*p));

	if (p) {
		p->pid = row->who.pid;
		p->start_ns = row->who.start_ns;
	}
	return p;
}

/* Goes through what was known and what is there, side by side. */
static int merge(struct model *m, double seconds)
{
	const struct roster *r = m->roster;
	struct model_process **merged = calloc(r->len + 1, sizeof(void *));
	size_t old = 0, len = 0;
	int err = 0;

	if (!merged)
		return -ENOMEM;
	for (size_t i = 0; i < r->len; i++) {
		const struct roster_row *row = &r->rows[i];
		struct model_process *p = NULL;

		while (old < m->len && compare(m->processes[old], row) < 0)
			free(m->processes[old++]);
		if (old < m->len && compare(m->processes[old], row) == 0)
			p = m->processes[old++];
		else
			p = new_process(row);
		if (!p) {
			err = -ENOMEM;
			continue;
		}
		take_row(m, p, row, seconds);
		merged[len++] = p;
	}
	while (old < m->len)
		free(m->processes[old++]);
	free(m->processes);
	m->processes = merged;
	m->len = len;
	return err;
}

static void add_up(struct model *m)
{
	struct model_totals *t = &m->totals;

	memset(t, 0, sizeof(*t));
	t->processes = m->len;
	for (size_t i = 0; i < m->len; i++) {
		const struct item *item = &m->processes[i]->item;

		t->descriptors += item->known ? item->count : 0;
		t->levels[item->level]++;
		t->leaks += item->level == POLICY_LEVEL_OK && item->fd->leak_suspected;
		t->sealed += item->fd->known && item->fd->sealed;
		if (item->rates_known) {
			t->rates_known = true;
			t->opened_per_s += item->opened_per_s;
			t->closed_per_s += item->closed_per_s;
		}
	}
	t->refused = m->roster->refused;
	t->refused_per_s = m->refused_per_s;
}

static double seconds_since_last(const struct model *m, const struct roster *r)
{
	if (!m->number || r->number <= m->number || r->realtime_ns <= m->realtime_ns)
		return 0;
	return (double)(r->realtime_ns - m->realtime_ns) / 1e9;
}

int model_update(struct model *m, const struct roster *roster)
{
	double seconds = seconds_since_last(m, roster);
	int err;

	if (roster->number < m->number) /* another daemon's */
		for (size_t i = 0; i < m->len; i++)
			m->processes[i]->seen = false;
	m->roster = roster;
	m->history_len = 0;
	if (seconds > 0)
		m->refused_per_s = per_second(roster->refused, m->refused, seconds);
	m->refused = roster->refused;
	err = merge(m, seconds);
	m->number = roster->number;
	m->realtime_ns = roster->realtime_ns;
	add_up(m);
	lines_make(m);
	return err;
}

const struct roster *model_roster(const struct model *model)
{
	return model->roster;
}

const struct model_totals *model_totals(const struct model *model)
{
	return &model->totals;
}

size_t model_history_len(const struct model *m)
{
	return m->history_len;
}

struct model_process *model_process_find(const struct model *m, pid_t pid)
{
	size_t low = 0, high = m->len;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (m->processes[middle]->pid < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return low < m->len && m->processes[low]->pid == pid ? m->processes[low] : NULL;
}

const struct item *model_find(const struct model *m, pid_t pid, uint64_t start_ns)
{
	struct model_process *p = model_process_find(m, pid);

	return p && p->start_ns == start_ns ? &p->item : NULL;
}

/* ---- kinds ---- */

size_t model_kinds_wanted(struct model *m, size_t first, size_t lines, uint64_t now_ns,
			  uint64_t since_ns, pid_t *pids, size_t max)
{
	size_t len = 0;

	for (size_t i = first; i < m->lines_len && i < first + lines && len < max;
	     i++) {
		struct model_process *p;

		if (m->lines[i].item->group)
			continue;
		p = model_process_find(m, m->lines[i].item->who->pid);
		if (!p || (p->kind_asked_ns && p->kind_asked_ns > since_ns))
			continue;
		p->kind_asked_ns = now_ns;
		pids[len++] = p->pid;
	}
	return len;
}

void model_kind_set(struct model *m, pid_t pid, const char *kind, uint64_t count,
		    uint64_t of)
{
	struct model_process *p = model_process_find(m, pid);

	if (!p)
		return;
	snprintf(p->kind, sizeof(p->kind), "%s", kind ? kind : "");
	p->item.kind_count = count;
	p->item.kind_of = of;
}

/* ---- life ---- */

void model_set_viewer(struct model *m, pid_t pid)
{
	m->viewer = pid;
}

struct model *model_new(model_user_name user_name)
{
	struct model *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->user_name = user_name;
	m->sort = COLUMN_USAGE;
	m->descending = true;
	return m;
}

void model_free(struct model *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->len; i++)
		free(m->processes[i]);
	for (size_t i = 0; i < m->users_len; i++)
		free(m->users[i]);
	lines_free(m);
	free(m->processes);
	free(m->users);
	free(m->filter);
	free(m);
}
