// SPDX-License-Identifier: GPL-2.0-or-later
/* The rules that know a mistake by name. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "policy/diagnosis_impl.h"

#define MANY              DIAGNOSIS_MANY
#define FEW               DIAGNOSIS_FEW
#define SHARE             DIAGNOSIS_SHARE
#define SHARE_WRONG       DIAGNOSIS_SHARE_WRONG
#define CHURN_OPENED      1000
#define CHURN_LEFT        10 /* opened and not closed: fewer is no growth */
#define CHILDREN_MANY     10
#define CHILDREN_TABLE    100
#define INHERITED_SHARE   0.6
#define EVENT_LOOPS_SHARE 0.6
#define SAME_FILE_MANY    100 /* that no pool of connections or threads has */
#define SAME_FILE_TIMES   8   /* for each of some files that take turns */
#define STARTING_S        60  /* younger ones open what they will hold */
#define SERVICE_PEERS     4   /* connections to each of many addresses: one service */
#define SPIN_PER_S        1000
#define ACTIVE_SHARE      0.5

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

static bool is_stream(const struct inventory_group *g)
{
	return g->kind == DESCRIPTOR_SOCKET && !close_wait(g) &&
	       !has_state(g, INVENTORY_NO_PEER);
}

static bool outgoing(const struct inventory_group *g)
{
	return is_stream(g) && is_tcp(g) && g->direction == INVENTORY_OUTGOING &&
	       g->where;
}

/* Of TCP, and of unix sockets: clients of a message bus, a container's daemon. */
static bool accepted(const struct inventory_group *g)
{
	return is_stream(g) && g->direction == INVENTORY_ACCEPTED;
}

static bool is_file(const struct inventory_group *g)
{
	return g->kind == DESCRIPTOR_FILE || g->kind == DESCRIPTOR_DIRECTORY;
}

/* Another open of these gives nothing new, while one of /dev/ptmx, /dev/net/tun or a
 * graphics card is another terminal, queue or context. By number: in a chroot they have
 * another path. */
static bool is_stateless_device(const struct inventory_group *g)
{
	static const unsigned int minors[] = {3, 5, 7, 8, 9}; /* null … urandom */

	if (g->kind != DESCRIPTOR_CHARACTER)
		return false;
	for (size_t i = 0; i < sizeof(minors) / sizeof(minors[0]); i++)
		if (g->rdevice == makedev(1, minors[i]))
			return true;
	return false;
}

/* One file, or a few that are each open many times: a log that is rotated. */
static bool same_file(const struct inventory_group *g)
{
	return (is_file(g) || is_stateless_device(g)) && g->count >= MANY &&
	       (g->whole || g->distinct * SAME_FILE_TIMES <= g->count);
}

static bool connected(const struct inventory_group *g)
{
	return g->kind == DESCRIPTOR_SOCKET && has_state(g, "ESTABLISHED");
}

static bool many_files(const struct inventory_group *g)
{
	return is_file(g) && !g->deleted && !same_file(g);
}

static bool deleted_files(const struct inventory_group *g)
{
	return g->kind == DESCRIPTOR_FILE && g->deleted && !same_file(g);
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

bool diagnosis_is_for_connections(const struct diagnosis_view *v, uint64_t count)
{
	return diagnosis_sum_of(v, connected).count * 2 >= count;
}

static const char *where(const struct diagnosis_sum *sum)
{
	return sum->most && sum->most->where ? sum->most->where : "one place";
}

/* Clients that have hung up are hardly ever kept on purpose. A pool's connections are idle,
 * and closed by a server that has a time-out, until the pool looks at them: that they rest
 * proves nothing. */
bool diagnosis_close_wait(const struct diagnosis_view *v, struct diagnosis *out)
{
	struct diagnosis_sum sum = diagnosis_sum_of(v, close_wait);
	bool grows = diagnosis_not_closed(v, close_wait);

	if (!diagnosis_explains(v, sum.count, FEW, SHARE_WRONG))
		return false;
	diagnosis_prove(v, &sum, out);
	out->leak = grows || diagnosis_near_limit(v) ||
		    sum.most->direction != INVENTORY_OUTGOING;
	if (sum.most->direction == INVENTORY_ACCEPTED)
		diagnosis_say(out,
			      "%" PRIu64
			      " clients have hung up and the process has not "
			      "closed their connections (accepted on %s)",
			      sum.count, where(&sum));
	else if (sum.most->direction == INVENTORY_OUTGOING && out->leak)
		diagnosis_say(out,
			      "%" PRIu64
			      " connections that the peer has closed and the "
			      "process has not, most to %s: response bodies or "
			      "connections not closed",
			      sum.count, where(&sum));
	else if (sum.most->direction == INVENTORY_OUTGOING)
		diagnosis_say(out,
			      "%" PRIu64
			      " connections that the peer has closed and the "
			      "process has not, most to %s; they do not become more: "
			      "idle ones of a pool, as far as can be seen",
			      sum.count, where(&sum));
	else
		diagnosis_say(out,
			      "%" PRIu64 " connections that are over and that the "
			      "process has not closed",
			      sum.count);
	return true;
}

/* ---- connections that are open on both sides ---- */

/* One service: the connections to one port, however many addresses it has. */
struct service {
	const struct inventory_group *most;
	const char *port; /* ":443" */
	uint64_t count, peers;
};

static const char *port_of(const struct inventory_group *g)
{
	const char *port = strrchr(g->where, ':');

	return port ? port : "";
}

static struct service service_of(const struct diagnosis_view *v,
				 const struct inventory_group *one)
{
	struct service out = {.most = one, .port = port_of(one)};

	for (size_t i = 0; i < v->groups_len; i++) {
		const struct inventory_group *g = &v->groups[i];

		if (!outgoing(g) || strcmp(port_of(g), out.port) != 0)
			continue;
		out.count += g->count;
		out.peers += g->peers ? g->peers : 1;
		if (g->count > out.most->count)
			out.most = g;
	}
	return out;
}

static void name_service(const struct service *service, char *text, size_t size)
{
	if (service->peers == 1)
		snprintf(text, size, "one peer, %s", service->most->where);
	else
		snprintf(
			text, size, "one service behind %" PRIu64 " addresses, port %s",
			service->peers, *service->port ? service->port + 1 : "unknown");
}

/* A proxy has as many going out as come in, or over fewer connections of its clients (HTTP/2)
 * more: there the load decides. A pool rests when it is filled, and at whatever size. A
 * crawler has about one for each peer. */
bool diagnosis_outgoing(const struct diagnosis_view *v, struct diagnosis *out)
{
	struct diagnosis_sum all = diagnosis_sum_of(v, outgoing),
			     in = diagnosis_sum_of(v, accepted);
	struct service service;
	char name[160];
	bool young, grows = diagnosis_not_closed(v, outgoing);

	if (!all.most)
		return false;
	service = service_of(v, all.most);
	if (!diagnosis_explains(v, service.count, MANY, SHARE) ||
	    in.count * 2 > all.count ||
	    service.count < service.peers * (service.peers > 1 ? SERVICE_PEERS : 1))
		return false;
	all.count = service.count;
	all.most = service.most;
	diagnosis_prove(v, &all, out);
	name_service(&service, name, sizeof(name));
	/* A pool is filled at once, when the program starts. */
	young = v->history->age_s > 0 && v->history->age_s < STARTING_S &&
		!v->history->leak_suspected;
	out->leak = (!young && grows) ||
		    (diagnosis_at_wall(v) && !diagnosis_others_grow(v, outgoing));
	if (out->leak)
		diagnosis_say(out,
			      "%" PRIu64 " connections to %s, without bound: responses "
			      "not read to their end and closed, or a pool without a "
			      "limit",
			      service.count, name);
	else if (grows)
		diagnosis_say(out,
			      "%" PRIu64
			      " connections to %s, more and more since it was "
			      "started: a pool that is being filled, or without "
			      "bound",
			      service.count, name);
	else
		diagnosis_say(out,
			      "%" PRIu64
			      " connections to %s, which do not become more: "
			      "a pool, as far as can be seen",
			      service.count, name);
	/* at rest, and with room: nothing is wrong */
	return out->leak || v->history->in_trouble || diagnosis_near_limit(v);
}

/* How much of it is seen to be in use. */
static void say_use(const struct inventory_group *g, struct diagnosis *out)
{
	size_t len = strlen(out->text), room = sizeof(out->text) - len;

	if (!g->timed)
		return;
	if ((double)(g->timed - g->idle) >= ACTIVE_SHARE * (double)g->timed)
		snprintf(out->text + len, room,
			 "; %" PRIu64
			 " of them have moved data within a minute: in use",
			 g->timed - g->idle);
	else
		snprintf(out->text + len, room,
			 "; %" PRIu64 " of %" PRIu64 " have moved no data for a minute "
			 "or longer: a time-out for idle clients would close them",
			 g->idle, g->timed);
}

/* Clients are load, but what becomes more beside them is not. */
bool diagnosis_accepted(const struct diagnosis_view *v, struct diagnosis *out)
{
	struct diagnosis_sum sum = diagnosis_sum_of(v, accepted);
	const char *how = "";

	if (!diagnosis_explains(v, sum.count, MANY, SHARE))
		return false;
	diagnosis_prove(v, &sum, out);
	if (diagnosis_others_grow(v, accepted))
		how = "; they are not what becomes more";
	else if (v->attributed && diagnosis_grows(v))
		how = ", more and more: load";
	diagnosis_say(out,
		      "%" PRIu64 " clients are connected to %s, open on both sides%s",
		      sum.count, where(&sum), how);
	say_use(sum.most, out);
	return true;
}

/* ---- files ---- */

static void say_same(const struct diagnosis_sum *sum, struct diagnosis *out)
{
	const struct inventory_group *g = sum->most;
	const char *how = out->leak ? "opened again and again and not closed"
				    : "it does not become more";

	if (g->opens * SAME_FILE_TIMES <= g->count)
		diagnosis_say(out,
			      "%s is open %" PRIu64 " times, duplicated by dup() or "
			      "fcntl(F_DUPFD): %s",
			      where(sum), sum->count,
			      out->leak ? "the duplicates are not closed" : how);
	else if (g->whole)
		diagnosis_say(out, "%s%s is open %" PRIu64 " times: %s", where(sum),
			      g->deleted ? " (deleted)" : "", sum->count, how);
	else
		diagnosis_say(out,
			      "%" PRIu64 " files under %s are open %" PRIu64
			      " times: %s",
			      g->distinct, where(sum), sum->count, how);
}

/* A few dozen that rest may be one for each thread or connection of a pool. */
bool diagnosis_same_file(const struct diagnosis_view *v, struct diagnosis *out)
{
	struct diagnosis_sum sum = diagnosis_sum_of(v, same_file);
	bool grows = diagnosis_not_closed(v, same_file);

	if (!sum.most || !diagnosis_explains(v, sum.most->count, MANY, SHARE) ||
	    diagnosis_is_for_connections(v, sum.most->count) ||
	    !(grows || diagnosis_near_limit(v) || sum.most->count >= SAME_FILE_MANY))
		return false;
	sum.count = sum.most->count;
	diagnosis_prove(v, &sum, out);
	out->leak = grows ||
		    (diagnosis_near_limit(v) && !diagnosis_others_grow(v, same_file));
	say_same(&sum, out);
	return true;
}

/* Databases and build tools hold many files of a kind: only one that never closes and
 * goes on opening is told of, when it no longer opens what it needs from the start. */
bool diagnosis_files(const struct diagnosis_view *v, struct diagnosis *out)
{
	struct diagnosis_sum sum = diagnosis_sum_of(v, many_files);
	const struct diagnosis_history *h = v->history;

	if (!sum.most || !diagnosis_explains(v, sum.most->count, MANY, SHARE) ||
	    diagnosis_is_for_connections(v, sum.most->count) ||
	    !diagnosis_not_closed(v, many_files) ||
	    !(h->leak_suspected ||
	      (diagnosis_never_closes(v) && h->age_s >= STARTING_S)))
		return false;
	sum.count = sum.most->count;
	diagnosis_prove(v, &sum, out);
	out->leak = true;
	diagnosis_say(out, "files are opened and not closed: %" PRIu64 " under %s",
		      sum.count, where(&sum));
	return true;
}

/* Made to be shared, and unlinked at once, as browsers do. */
static bool is_shared_memory(const struct inventory_group *g)
{
	return g->dir && !strcmp(g->dir, "/dev/shm");
}

bool diagnosis_deleted(const struct diagnosis_view *v, struct diagnosis *out)
{
	struct diagnosis_sum sum = diagnosis_sum_of(v, deleted_files);
	bool grows = diagnosis_not_closed(v, deleted_files);

	if (!diagnosis_explains(v, sum.count, MANY, SHARE) ||
	    (is_shared_memory(sum.most) && !grows && !diagnosis_near_limit(v)))
		return false;
	diagnosis_prove(v, &sum, out);
	out->leak = grows && !diagnosis_is_for_connections(v, sum.count);
	diagnosis_say(out,
		      "%" PRIu64 " deleted files are kept open, most under %s: their "
		      "space is not given back either",
		      sum.count, sum.most->dir ? sum.most->dir : where(&sum));
	return true;
}

/* ---- what is hardly ever right ---- */

bool diagnosis_pipes(const struct diagnosis_view *v, struct diagnosis *out)
{
	struct diagnosis_sum sum = diagnosis_sum_of(v, half_pipe);

	if (!diagnosis_explains(v, sum.count, FEW, SHARE_WRONG))
		return false;
	diagnosis_prove(v, &sum, out);
	out->leak = !diagnosis_others_grow(v, half_pipe);
	diagnosis_say(out,
		      "%" PRIu64 " pipes whose other end is gone: ends of ended "
		      "processes or threads, not closed",
		      sum.count);
	return true;
}

/* Runtimes with a loop a thread and virtual machines have many, and rest. */
bool diagnosis_event_loops(const struct diagnosis_view *v, struct diagnosis *out)
{
	struct diagnosis_sum sum = diagnosis_sum_of(v, event_loop);
	bool grows = diagnosis_not_closed(v, event_loop);

	if (!diagnosis_explains(v, sum.count, MANY,
				grows ? SHARE : EVENT_LOOPS_SHARE) ||
	    !(grows || diagnosis_near_limit(v)) ||
	    diagnosis_is_for_connections(v, sum.count))
		return false;
	diagnosis_prove(v, &sum, out);
	out->leak = grows ||
		    (diagnosis_at_wall(v) && !diagnosis_others_grow(v, event_loop));
	diagnosis_say(out,
		      "%" PRIu64 " epoll, eventfd and timerfd descriptors: event "
		      "loops or timers%s",
		      sum.count,
		      out->leak ? " that are made and never freed"
				: ", which do not become more");
	return true;
}

bool diagnosis_inotify(const struct diagnosis_view *v, struct diagnosis *out)
{
	struct diagnosis_sum sum = diagnosis_sum_of(v, inotify);

	if (!diagnosis_explains(v, sum.count, MANY, SHARE))
		return false;
	diagnosis_prove(v, &sum, out);
	out->leak = diagnosis_not_closed(v, inotify) ||
		    (diagnosis_near_limit(v) && !diagnosis_others_grow(v, inotify));
	diagnosis_say(out, "%" PRIu64 " inotify instances: one can watch many files%s",
		      sum.count, out->leak ? "; they are made and not closed" : "");
	return true;
}

bool diagnosis_pidfds(const struct diagnosis_view *v, struct diagnosis *out)
{
	struct diagnosis_sum sum = diagnosis_sum_of(v, ended_pidfd);

	if (!diagnosis_explains(v, sum.count, FEW, SHARE_WRONG))
		return false;
	diagnosis_prove(v, &sum, out);
	out->leak = !diagnosis_others_grow(v, ended_pidfd);
	diagnosis_say(out,
		      "%" PRIu64 " pidfds of processes that have ended, not closed",
		      sum.count);
	return true;
}

bool diagnosis_unix(const struct diagnosis_view *v, struct diagnosis *out)
{
	struct diagnosis_sum sum = diagnosis_sum_of(v, lonely_unix);

	if (!diagnosis_explains(v, sum.count, FEW, SHARE_WRONG))
		return false;
	diagnosis_prove(v, &sum, out);
	out->leak = !diagnosis_others_grow(v, lonely_unix);
	diagnosis_say(out,
		      "%" PRIu64 " unix sockets whose other end is gone and that are "
		      "not closed",
		      sum.count);
	return true;
}

/* ---- how it came to have them ---- */

bool diagnosis_inherited(const struct diagnosis_view *v, struct diagnosis *out)
{
	const struct diagnosis_history *h = v->history;

	if (h->children < CHILDREN_MANY || v->total < CHILDREN_TABLE)
		return false;
	out->count = (uint64_t)v->total;
	out->share = 1;
	diagnosis_say(out,
		      "%" PRIu64 " programs that it started have copies of this table: "
		      "descriptors without close-on-exec are handed on",
		      h->children);
	diagnosis_seen(out, "%" PRIu64 " children with the same descriptors after exec",
		       h->children);
	return true;
}

bool diagnosis_inherited_from(const struct diagnosis_view *v, struct diagnosis *out)
{
	const struct diagnosis_history *h = v->history;

	if (!diagnosis_explains(v, h->inherited, MANY, INHERITED_SHARE))
		return false;
	out->count = h->inherited;
	out->share = (double)h->inherited / v->total;
	diagnosis_say(out,
		      "%" PRIu64 " descriptors were open when it was started: process "
		      "%d, which started it, has them too and opens them without "
		      "close-on-exec",
		      h->inherited, (int)h->parent);
	diagnosis_seen(out, "%" PRIu64 " of %.0f descriptors are those of its parent",
		       h->inherited, v->total);
	return true;
}

/* Beneath much opening and closing a growth that is none is no leak, and a steady one is.
 * What was opened and not closed says so, too. */
bool diagnosis_churn(const struct diagnosis_view *v, struct diagnosis *out)
{
	const struct diagnosis_history *h = v->history;
	double grown = h->growth_per_s * h->growth_over_s;
	uint64_t left = h->opened > h->closed ? h->opened - h->closed : 0;

	if (!h->counters_known || !h->growth_known || h->opened < CHURN_OPENED ||
	    h->closed < h->opened - h->opened / 20)
		return false;
	if (diagnosis_grows(v) && (double)left * 2 >= grown) {
		out->leak = h->growth_sound;
		out->count = left;
		out->share = v->total > 0 ? fmin((double)left / v->total, 1) : 0;
		diagnosis_say(out,
			      "it opens and closes much, and not all is closed: %.2g "
			      "more a second remain%s",
			      h->growth_per_s,
			      out->leak ? ": a leak beneath the churn" : "");
	} else if (left < CHURN_LEFT && grown < CHURN_LEFT / 2.0) {
		diagnosis_say(out,
			      "it opens and closes much and does not grow: not a leak");
	} else {
		return false;
	}
	diagnosis_seen(out,
		       "%" PRIu64 " opened, %" PRIu64 " closed, growth %.2f a second",
		       h->opened, h->closed, h->growth_per_s);
	return true;
}

bool diagnosis_spin(const struct diagnosis_view *v, struct diagnosis *out)
{
	const struct diagnosis_history *h = v->history;
	const char *call = h->refused_call ? h->refused_call : "call";

	if (h->refused_per_s < SPIN_PER_S)
		return false;
	diagnosis_say(
		out,
		"it spins: %s is refused %.0f times a second and asked for again at "
		"once%s",
		call, h->refused_per_s,
		!strncmp(call, "accept", 6)
			? "; clients wait in the queue, and are refused when that "
			  "is full"
			: "");
	if (h->core_share > 0)
		diagnosis_seen(out, "%.0f refused calls a second, %.0f %% of a core",
			       h->refused_per_s, 100 * h->core_share);
	else
		diagnosis_seen(out, "%.0f refused calls a second", h->refused_per_s);
	return true;
}
