// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/monitor.h"

#include <math.h>
#include <string.h>

#include "daemon/explain.h"
#include "daemon/monitor_impl.h"
#include "output/feed.h"

struct filling {
	struct feed *feed;
	struct monitor *monitor;
};

/* As they are shown: what is the same then has not changed. */
static void round_rates(struct alert_fd *fd)
{
	fd->growth_per_s = fd->growth_known ? round(fd->growth_per_s * 100) / 100 : 0;
	fd->exhausted_in_s = fd->exhaustion_known ? round(fd->exhausted_in_s) : 0;
}

/* Of one that is in no trouble, nor near it, one look tells as much. */
static void add_history(struct filling *filling, struct process *p)
{
	struct feed_history *to;

	if (!p->trouble->policy.incident && !p->before && !p->watch &&
	    !p->trouble->refusals_len)
		return;
	to = feed_add_history(filling->feed);
	if (!to)
		return;
	explain_history(p, filling->monitor->collect.since_ns, to);
	refusals_tell(filling->monitor, p, &to->refused);
}

static void add_row(void *context, struct process *p)
{
	struct filling *filling = context;
	struct feed *feed = filling->feed;
	struct feed_row *to;

	if (!p->has_table || feed->len == feed->size ||
	    process_table_is_missing(filling->monitor->processes, p))
		return;
	to = &feed->rows[feed->len++];
	memset(to, 0, sizeof(*to));
	to->row.who = (struct identity){
		.start_ns = p->who.start_ns,
		.pid = p->who.pid,
		.ppid = p->who.ppid,
		.uid = p->who.uid,
		.charged_uid = p->who.charged_uid,
	};
	memcpy(to->row.who.comm, p->who.comm, sizeof(to->row.who.comm));
	report_fd(p, NULL, &to->row.fd);
	report_drop_start(p, &to->row.fd);
	to->row.fd.shared_with = 0;
	round_rates(&to->row.fd);
	for (size_t i = 0; i < p->trouble->refusals_len; i++)
		to->row.refused += p->trouble->refusals[i].total;
	to->exec_id = p->exec_id;
	to->files = p->table.files;
	add_history(filling, p);
	if (!p->trouble->policy.incident)
		return;
	to->row.level = p->trouble->policy.level;
	memcpy(to->row.incident, p->trouble->incident, sizeof(to->row.incident));
	feed->head.alerts[roster_trouble(p->trouble->policy.level,
					 p->trouble->policy.leak)]++;
}

int monitor_feed(struct monitor *m, struct feed *feed)
{
	struct filling filling = {feed, m};
	struct roster *head = &feed->head;
	int err = feed_reserve(feed, process_table_count(m->processes));

	if (err)
		return err;
	memset(head, 0, sizeof(*head));
	feed->tick = m->self.ticks;
	head->boot_realtime_ns = m->reporter.host.boot_realtime_ns;
	head->realtime_ns = m->now_ns + head->boot_realtime_ns;
	head->interval_ns = m->config->interval_ns;
	memcpy(head->host_name, m->host_name, sizeof(head->host_name));
	memcpy(head->boot_id, m->boot_id, sizeof(head->boot_id));
	head->system = m->system.now;
	head->system.nr_open = kernel_nr_open(&m->files);
	head->refused = m->refused;
	process_table_each(m->processes, add_row, &filling);
	return ledger_copy(m->reporter.ledger, &feed->counted);
}
