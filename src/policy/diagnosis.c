// SPDX-License-Identifier: GPL-2.0-or-later
#include "policy/diagnosis.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * docs/diagnosis.md gives the reason of each number. A process may hold some of
 * anything: what is said must explain a good part of its descriptors, and be many.
 */
#define MANY              30
#define FEW               20  /* of what is hardly ever right */
#define SHARE             0.4 /* of all descriptors */
#define SHARE_WRONG       0.2 /* … of what is hardly ever right */
#define CHURN_OPENED      1000
#define CHURN_GROWTH      0.5 /* descriptors a second */
#define NEVER_CLOSED      10  /* opened so many times more than closed */
#define CHILDREN_MANY     10
#define CHILDREN_TABLE    100
#define EVENT_LOOPS_SHARE 0.6
#define SAME_FILE_MANY    100  /* that no pool of connections or threads has */
#define ONE_PEER_MANY     256  /* nor these */
#define AT_WALL           0.95 /* of the limit */
#define GROWN_LEAST       3    /* fewer come and go */
#define GROWN_SHARE       0.02 /* … of all descriptors */
#define STARTING_S        60   /* younger ones open what they will hold */
#define LEFT_BEHIND       0.1  /* opened and not closed, of all descriptors */

/* What the rules look at. */
struct view {
	const struct inventory_group *groups;
	size_t groups_len;
	double total;
	const struct diagnosis_history *history;
};

/* Groups of one nature, summed up. */
struct sum {
	uint64_t count;
	const struct inventory_group *most; /* the fullest */
};

typedef bool (*selects)(const struct inventory_group *g);

static struct sum sum_of(const struct view *v, selects is)
{
	struct sum sum = {0};

	for (size_t i = 0; i < v->groups_len; i++) {
		const struct inventory_group *g = &v->groups[i];

		if (!is(g))
			continue;
		sum.count += g->count;
		if (!sum.most || g->count > sum.most->count)
			sum.most = g;
	}
	return sum;
}

static bool explains(const struct view *v, uint64_t count, uint64_t least, double share)
{
	return count >= least && (double)count >= share * v->total;
}

/* By more than what comes and goes with each request. */
static bool grows(const struct view *v)
{
	const struct diagnosis_history *h = v->history;
	double grown = h->growth_per_s * h->growth_over_s;

	return h->growth_known && grown >= GROWN_LEAST &&
	       grown >= GROWN_SHARE * v->total;
}

/* It opens, and hardly ever closes. Before it has opened much nothing can be said. */
static bool never_closes(const struct view *v)
{
	const struct diagnosis_history *h = v->history;

	return h->counters_known && h->opened >= MANY &&
	       h->opened >= NEVER_CLOSED * h->closed;
}

static bool near_limit(const struct view *v)
{
	const struct diagnosis_history *h = v->history;

	return h->soft_limit && h->soft_limit != UINT64_MAX &&
	       h->used * 2 >= h->soft_limit;
}

static bool at_wall(const struct view *v)
{
	const struct diagnosis_history *h = v->history;

	return h->soft_limit && h->soft_limit != UINT64_MAX &&
	       (double)h->used >= AT_WALL * (double)h->soft_limit;
}

static const char *where(const struct sum *sum)
{
	return sum->most && sum->most->where ? sum->most->where : "one place";
}

__attribute__((format(printf, 2, 3))) static void say(char *text, const char *format,
						      ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(text, DIAGNOSIS_TEXT_MAX, format, args);
	va_end(args);
}
_Static_assert(DIAGNOSIS_TEXT_MAX == DIAGNOSIS_PROOF_MAX, "say() writes both");

static void prove(const struct view *v, const struct sum *sum, struct diagnosis *out)
{
	char group[160];

	inventory_group_text(sum->most, group, sizeof(group));
	out->count = sum->count;
	out->share = v->total > 0 ? (double)sum->count / v->total : 0;
	if (sum->count == sum->most->count)
		say(out->proof, "%s, of %.0f descriptors", group, v->total);
	else
		say(out->proof, "%" PRIu64 " of %.0f descriptors, most of them: %s",
		    sum->count, v->total, group);
}

/* ---- selections ---- */

static bool is_tcp(const struct inventory_group *g)
{
	return g->kind == DESCRIPTOR_SOCKET && g->type &&
	       (!strcmp(g->type, "tcp") || !strcmp(g->type, "mptcp"));
}

static bool has_state(const struct inventory_group *g, const char *state)
{
	return g->state && !strcmp(g->state, state);
}

/* The peer is gone from these; in CLOSED the connection itself is. */
static bool close_wait(const struct inventory_group *g)
{
	return is_tcp(g) &&
	       (has_state(g, "CLOSE_WAIT") || has_state(g, INVENTORY_CLOSED));
}

/* To one peer; many peers gathered under their port begin with '*'. */
static bool outgoing(const struct inventory_group *g)
{
	return is_tcp(g) && g->direction == INVENTORY_OUTGOING && !close_wait(g) &&
	       g->where && *g->where != '*';
}

static bool accepted(const struct inventory_group *g)
{
	return is_tcp(g) && g->direction == INVENTORY_ACCEPTED && !close_wait(g);
}

static bool is_file(const struct inventory_group *g)
{
	return g->kind == DESCRIPTOR_FILE || g->kind == DESCRIPTOR_DIRECTORY;
}

/* Another open of these gives nothing new, while one of /dev/ptmx, /dev/net/tun or a
 * graphics card is another terminal, queue or context. */
static bool is_stateless_device(const struct inventory_group *g)
{
	static const char *const paths[] = {"/dev/null", "/dev/zero", "/dev/full",
					    "/dev/random", "/dev/urandom"};

	if (g->kind != DESCRIPTOR_CHARACTER || !g->where)
		return false;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (!strcmp(g->where, paths[i]))
			return true;
	return false;
}

static bool one_file(const struct inventory_group *g)
{
	return (is_file(g) || is_stateless_device(g)) && !g->deleted && g->whole &&
	       g->count >= MANY;
}

static bool connected(const struct inventory_group *g)
{
	return g->kind == DESCRIPTOR_SOCKET && has_state(g, "ESTABLISHED");
}

static bool many_files(const struct inventory_group *g)
{
	return is_file(g) && !g->deleted && !g->whole;
}

static bool deleted_files(const struct inventory_group *g)
{
	return g->kind == DESCRIPTOR_FILE && g->deleted;
}

static bool half_pipe(const struct inventory_group *g)
{
	/* A named one may wait for who opens its other end. */
	return g->kind == DESCRIPTOR_PIPE && !g->where &&
	       (has_state(g, INVENTORY_NO_READER) || has_state(g, INVENTORY_NO_WRITER));
}

static bool event_loop(const struct inventory_group *g)
{
	return g->kind == DESCRIPTOR_EPOLL || g->kind == DESCRIPTOR_EVENTFD ||
	       g->kind == DESCRIPTOR_TIMERFD;
}

static bool inotify(const struct inventory_group *g)
{
	return g->kind == DESCRIPTOR_INOTIFY || g->kind == DESCRIPTOR_FANOTIFY;
}

static bool ended_pidfd(const struct inventory_group *g)
{
	return g->kind == DESCRIPTOR_PIDFD && has_state(g, INVENTORY_ENDED);
}

static bool lonely_unix(const struct inventory_group *g)
{
	return g->kind == DESCRIPTOR_SOCKET && has_state(g, INVENTORY_NO_PEER);
}

/* ---- rules ---- */

typedef bool (*rule_applies)(const struct view *v, struct diagnosis *out);

/* As many connections as half of them: each may be in use for one, as a file that is
 * sent, or received into. */
static bool is_for_connections(const struct view *v, uint64_t count)
{
	return sum_of(v, connected).count * 2 >= count;
}

static bool rule_close_wait(const struct view *v, struct diagnosis *out)
{
	struct sum sum = sum_of(v, close_wait);

	if (!explains(v, sum.count, FEW, SHARE_WRONG))
		return false;
	prove(v, &sum, out);
	out->leak = true;
	if (sum.most->direction == INVENTORY_ACCEPTED)
		say(out->text,
		    "%" PRIu64 " clients have hung up and the process has not closed "
		    "their connections (accepted on %s)",
		    sum.count, where(&sum));
	else if (sum.most->direction == INVENTORY_OUTGOING)
		say(out->text,
		    "%" PRIu64 " connections that the peer has closed and the process "
		    "has not, most to %s: response bodies or connections not closed",
		    sum.count, where(&sum));
	else
		say(out->text,
		    "%" PRIu64 " connections that are over and that the process has "
		    "not closed",
		    sum.count);
	return true;
}

/* A proxy has as many going out as come in: there the load decides. A pool has fewer,
 * and rests when it is filled. */
static bool rule_outgoing(const struct view *v, struct diagnosis *out)
{
	struct sum sum = sum_of(v, outgoing), in = sum_of(v, accepted);

	if (!sum.most || sum.most->count * 2 < sum.count ||
	    !explains(v, sum.most->count, MANY, SHARE) || in.count * 2 > sum.count ||
	    !(grows(v) || at_wall(v) || sum.most->count >= ONE_PEER_MANY))
		return false;
	sum.count = sum.most->count;
	prove(v, &sum, out);
	out->leak = true;
	say(out->text,
	    "%" PRIu64
	    " connections to one peer, %s, without bound: responses not read "
	    "to their end and closed, or a pool without a limit",
	    sum.count, where(&sum));
	return true;
}

static bool rule_accepted(const struct view *v, struct diagnosis *out)
{
	struct sum sum = sum_of(v, accepted);

	if (!explains(v, sum.count, MANY, SHARE))
		return false;
	prove(v, &sum, out);
	say(out->text,
	    "%" PRIu64
	    " clients are connected to %s: load, not a leak; what is open is "
	    "in use",
	    sum.count, where(&sum));
	return true;
}

/* A few dozen that rest may be one for each thread or connection of a pool. */
static bool rule_same_file(const struct view *v, struct diagnosis *out)
{
	struct sum sum = sum_of(v, one_file);

	if (!sum.most || !explains(v, sum.most->count, MANY, SHARE) ||
	    is_for_connections(v, sum.most->count) ||
	    !(grows(v) || near_limit(v) || sum.most->count >= SAME_FILE_MANY))
		return false;
	sum.count = sum.most->count;
	prove(v, &sum, out);
	out->leak = true;
	say(out->text,
	    "%s is open %" PRIu64 " times: opened again and again and not closed",
	    where(&sum), sum.count);
	return true;
}

/* Databases and build tools hold many files of a kind: only one that never closes and
 * goes on opening is told of, when it no longer opens what it needs from the start. */
static bool rule_files(const struct view *v, struct diagnosis *out)
{
	struct sum sum = sum_of(v, many_files);

	if (!sum.most || !explains(v, sum.most->count, MANY, SHARE) || !grows(v) ||
	    !never_closes(v) || v->history->age_s < STARTING_S ||
	    is_for_connections(v, sum.most->count))
		return false;
	sum.count = sum.most->count;
	prove(v, &sum, out);
	out->leak = true;
	say(out->text, "files are opened and not closed: %" PRIu64 " under %s",
	    sum.count, where(&sum));
	return true;
}

/* Made to be shared, and unlinked at once, as browsers do. */
static bool is_shared_memory(const struct inventory_group *g)
{
	return g->dir && !strcmp(g->dir, "/dev/shm");
}

static bool rule_deleted(const struct view *v, struct diagnosis *out)
{
	struct sum sum = sum_of(v, deleted_files);

	if (!explains(v, sum.count, MANY, SHARE) ||
	    (is_shared_memory(sum.most) && !grows(v) && !near_limit(v)))
		return false;
	prove(v, &sum, out);
	out->leak = grows(v) && !is_for_connections(v, sum.count);
	say(out->text,
	    "%" PRIu64
	    " deleted files are kept open, most under %s: their space is not "
	    "given back either",
	    sum.count, sum.most->dir ? sum.most->dir : where(&sum));
	return true;
}

static bool rule_pipes(const struct view *v, struct diagnosis *out)
{
	struct sum sum = sum_of(v, half_pipe);

	if (!explains(v, sum.count, FEW, SHARE_WRONG))
		return false;
	prove(v, &sum, out);
	out->leak = true;
	say(out->text,
	    "%" PRIu64 " pipes whose other end is gone: ends of ended processes or "
	    "threads, not closed",
	    sum.count);
	return true;
}

/* Runtimes with a loop a thread and virtual machines have many, and rest. */
static bool rule_event_loops(const struct view *v, struct diagnosis *out)
{
	struct sum sum = sum_of(v, event_loop);

	if (!explains(v, sum.count, MANY, grows(v) ? SHARE : EVENT_LOOPS_SHARE) ||
	    !(grows(v) || near_limit(v)) || is_for_connections(v, sum.count))
		return false;
	prove(v, &sum, out);
	out->leak = true;
	say(out->text,
	    "%" PRIu64 " epoll, eventfd and timerfd descriptors: event loops or timers "
	    "that are made and never freed",
	    sum.count);
	return true;
}

static bool rule_inotify(const struct view *v, struct diagnosis *out)
{
	struct sum sum = sum_of(v, inotify);

	if (!explains(v, sum.count, MANY, SHARE))
		return false;
	prove(v, &sum, out);
	out->leak = grows(v) || near_limit(v);
	say(out->text, "%" PRIu64 " inotify instances: one can watch many files%s",
	    sum.count, out->leak ? "; they are made and not closed" : "");
	return true;
}

static bool rule_pidfds(const struct view *v, struct diagnosis *out)
{
	struct sum sum = sum_of(v, ended_pidfd);

	if (!explains(v, sum.count, FEW, SHARE_WRONG))
		return false;
	prove(v, &sum, out);
	out->leak = true;
	say(out->text, "%" PRIu64 " pidfds of processes that have ended, not closed",
	    sum.count);
	return true;
}

static bool rule_unix(const struct view *v, struct diagnosis *out)
{
	struct sum sum = sum_of(v, lonely_unix);

	if (!explains(v, sum.count, FEW, SHARE_WRONG))
		return false;
	prove(v, &sum, out);
	out->leak = true;
	say(out->text,
	    "%" PRIu64 " unix sockets whose other end is gone and that are not closed",
	    sum.count);
	return true;
}

static bool rule_inherited(const struct view *v, struct diagnosis *out)
{
	const struct diagnosis_history *h = v->history;

	if (h->children < CHILDREN_MANY || v->total < CHILDREN_TABLE)
		return false;
	out->count = (uint64_t)v->total;
	out->share = 1;
	say(out->text,
	    "%" PRIu64 " programs that it started have copies of this table: "
	    "descriptors without close-on-exec are handed on",
	    h->children);
	say(out->proof, "%" PRIu64 " children with the same descriptors after exec",
	    h->children);
	return true;
}

static bool rule_churn(const struct view *v, struct diagnosis *out)
{
	const struct diagnosis_history *h = v->history;

	if (!h->counters_known || !h->growth_known || h->opened < CHURN_OPENED ||
	    h->closed < h->opened - h->opened / 20 ||
	    fabs(h->growth_per_s) > CHURN_GROWTH ||
	    (h->closed < h->opened &&
	     (double)(h->opened - h->closed) > LEFT_BEHIND * v->total))
		return false;
	out->count = 0;
	say(out->text, "it opens and closes much and does not grow: not a leak");
	say(out->proof, "%" PRIu64 " opened, %" PRIu64 " closed, growth %.2f a second",
	    h->opened, h->closed, h->growth_per_s);
	return true;
}

static const struct {
	const char *name;
	rule_applies applies;
} rules[DIAGNOSIS_RULES] = {
	[DIAGNOSIS_CLOSE_WAIT] = {"close-wait", rule_close_wait},
	[DIAGNOSIS_OUTGOING_CONNECTIONS] = {"outgoing-connections", rule_outgoing},
	[DIAGNOSIS_ACCEPTED_CONNECTIONS] = {"accepted-connections", rule_accepted},
	[DIAGNOSIS_SAME_FILE] = {"same-file", rule_same_file},
	[DIAGNOSIS_FILES_NOT_CLOSED] = {"files-not-closed", rule_files},
	[DIAGNOSIS_DELETED_FILES] = {"deleted-files", rule_deleted},
	[DIAGNOSIS_PIPES] = {"pipes", rule_pipes},
	[DIAGNOSIS_EVENT_LOOPS] = {"event-loops", rule_event_loops},
	[DIAGNOSIS_INOTIFY] = {"inotify", rule_inotify},
	[DIAGNOSIS_PROCESSES_LEFT] = {"processes-left", rule_pidfds},
	[DIAGNOSIS_UNIX_SOCKETS] = {"unix-sockets", rule_unix},
	[DIAGNOSIS_INHERITED] = {"inherited", rule_inherited},
	[DIAGNOSIS_CHURN] = {"churn", rule_churn},
};

static int by_count(const void *a, const void *b)
{
	const struct diagnosis *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return (int)x->rule - (int)y->rule;
}

size_t diagnosis_make(const struct inventory *inventory,
		      const struct diagnosis_history *history,
		      struct diagnosis out[DIAGNOSIS_MAX])
{
	struct view v = {.total = (double)inventory_total(inventory),
			 .history = history};
	struct diagnosis found[DIAGNOSIS_RULES];
	size_t n = 0;

	v.groups = inventory_groups(inventory, &v.groups_len);
	for (size_t i = 0; i < DIAGNOSIS_RULES; i++) {
		memset(&found[n], 0, sizeof(found[n]));
		found[n].rule = (enum diagnosis_rule)i;
		/* Churn explains nothing beside what does. */
		if (!(i == DIAGNOSIS_CHURN && n) && rules[i].applies(&v, &found[n]))
			n++;
	}
	qsort(found, n, sizeof(found[0]), by_count);
	if (n > DIAGNOSIS_MAX)
		n = DIAGNOSIS_MAX;
	memcpy(out, found, n * sizeof(found[0]));
	return n;
}

const char *diagnosis_rule_name(enum diagnosis_rule rule)
{
	return (size_t)rule < DIAGNOSIS_RULES ? rules[rule].name : "unknown";
}
