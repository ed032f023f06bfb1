/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

#include "policy/diagnosis.h"

#define MOST 2048
#define NONE -1

/* So many descriptors of one nature. */
enum nature {
	END,
	WAS,
	CLOSE_WAIT_TO_ONE,
	CLOSE_WAIT_ACCEPTED,
	CLOSED_TO_ONE,
	CLOSED_BY_CLIENTS,
	LISTENING,
	ACCEPTED,
	OUTGOING_TO_ONE,
	OUTGOING_TO_MANY,
	ONE_FILE,
	DATA_FILES, /* names with numbers in one directory */
	TERMINALS,
	NULLS,
	JARS, /* names that have nothing in common */
	DELETED,
	SHARED_MEMORY,
	PIPES,
	PIPES_WITHOUT_READER,
	FIFOS, /* that wait for a writer */
	EPOLLS,
	EVENTFDS,
	INOTIFYS,
	PIDFDS,
	ENDED_PIDFDS,
	UNIX_ALONE,
	UNIX_QUEUED, /* not accepted yet */
	UNIX_PAIRED,
	UDP_TO_RESOLVER,
	UDP_UNBOUND,
	TCP_UNBOUND,
	NETLINKS,
	PACKETS,
	MEMFDS,
	SIGNALFDS,
	TIMERFDS,
	PERFS,
	BPF_MAPS,
	IO_URINGS,
	QUEUES,
	SOCKETPAIRS,
	DUPLICATES,       /* of one open file */
	ROTATED,          /* one log's name, each day's file deleted */
	OUTGOING_SERVICE, /* one port at 20 addresses */
	OUTGOING_PEERS,   /* each peer has a port of its own */
	CLIENTS_BY_PATH,  /* accepted on a unix socket */
	CLIENTS_IDLE,
	CLIENTS_BUSY, /* … on a port; when they moved data is known */
};

struct part {
	enum nature nature;
	int count;
};

struct test {
	const char *name;
	struct part parts[9]; /* behind WAS: when it came near its levels */
	struct diagnosis_history history;
	int rule; /* enum diagnosis_rule of the first; NONE: no clear cause */
	bool leak;
};

#define QUIET                                                                          \
	{                                                                              \
		.soft_limit = 65536, .used = 500                                       \
	}
#define AT_WALL                                                                        \
	{                                                                              \
		.soft_limit = 1024, .used = 1000                                       \
	}
#define GROWING                                                                        \
	{                                                                              \
		.soft_limit = 1024, .used = 700, .growth_known = true,                 \
		.growth_per_s = 2, .growth_over_s = 30                                 \
	}
/* One more than before, as with any request. */
#define BREATHING                                                                      \
	{                                                                              \
		.soft_limit = 65536, .used = 500, .growth_known = true,                \
		.growth_per_s = 4, .growth_over_s = 0.25                               \
	}
#define LEAKING                                                                        \
	{                                                                              \
		.soft_limit = 1024, .used = 700, .growth_known = true,                 \
		.growth_per_s = 2, .growth_over_s = 30, .counters_known = true,        \
		.opened = 700, .closed = 20, .age_s = 400                              \
	}
#define STARTING                                                                       \
	{                                                                              \
		.soft_limit = 1024, .used = 700, .growth_known = true,                 \
		.growth_per_s = 100, .growth_over_s = 6, .counters_known = true,       \
		.opened = 700, .closed = 20, .age_s = 8                                \
	}
#define CHURNING                                                                       \
	{                                                                              \
		.soft_limit = 1024, .used = 100, .growth_known = true,                 \
		.growth_per_s = 0.01, .growth_over_s = 30, .counters_known = true,     \
		.opened = 100000, .closed = 99995                                      \
	}
/* One in two hundred is not closed: that is all it has. */
#define SLOW_LEAK                                                                      \
	{                                                                              \
		.soft_limit = 1024, .used = 500, .growth_known = true,                 \
		.growth_per_s = 0.01, .growth_over_s = 30, .counters_known = true,     \
		.opened = 100000, .closed = 99500                                      \
	}

/* Filled in ten seconds; nothing of it is closed. */
#define FAST_LEAK                                                                      \
	{                                                                              \
		.soft_limit = 256, .used = 205, .growth_known = true,                  \
		.growth_per_s = 20, .growth_over_s = 9, .growth_sound = true,          \
		.counters_known = true, .opened = 210, .closed = 4, .age_s = 10,       \
		.in_trouble = true                                                     \
	}
/* Much is opened and closed besides. */
#define GROWS_ON                                                                       \
	{                                                                              \
		.soft_limit = 256, .used = 205, .growth_known = true,                  \
		.growth_per_s = 2, .growth_over_s = 25, .growth_sound = true,          \
		.counters_known = true, .opened = 90000, .closed = 89900,              \
		.age_s = 1000, .in_trouble = true                                      \
	}
/* By its floor; the last half minute does not show it. */
#define SUSPECTED                                                                      \
	{                                                                              \
		.soft_limit = 512, .used = 300, .growth_known = true,                  \
		.growth_per_s = -1, .growth_over_s = 30, .counters_known = true,       \
		.opened = 90000, .closed = 89900, .age_s = 4000,                       \
		.leak_suspected = true                                                 \
	}
/* Nothing is known but what is there. */
#define FULL                                                                           \
	{                                                                              \
		.soft_limit = 256, .used = 256                                         \
	}
#define FULL_TOLD                                                                      \
	{                                                                              \
		.soft_limit = 256, .used = 256, .counters_known = true, .opened = 260, \
		.closed = 4, .leak_told = true                                         \
	}

static const struct test cases[] = {
	{"bodies not closed, peer has closed",
	 {{CLOSE_WAIT_TO_ONE, 300}, {DATA_FILES, 20}},
	 QUIET,
	 DIAGNOSIS_CLOSE_WAIT,
	 false},
	{"bodies not closed, and keep-alive has found the peer gone",
	 {{CLOSED_TO_ONE, 300}, {CLOSE_WAIT_TO_ONE, 60}, {DATA_FILES, 20}},
	 QUIET,
	 DIAGNOSIS_CLOSE_WAIT,
	 false},
	{"server does not close what is over",
	 {{LISTENING, 1}, {CLOSED_BY_CLIENTS, 300}, {ACCEPTED, 100}},
	 QUIET,
	 DIAGNOSIS_CLOSE_WAIT,
	 true},
	{"server does not close what hung up",
	 {{LISTENING, 1}, {CLOSE_WAIT_ACCEPTED, 300}, {ACCEPTED, 100}},
	 QUIET,
	 DIAGNOSIS_CLOSE_WAIT,
	 true},
	{"a few in CLOSE_WAIT",
	 {{CLOSE_WAIT_TO_ONE, 10}, {ACCEPTED, 5}},
	 QUIET,
	 NONE,
	 false},
	{"bodies not closed, peer waits",
	 {{OUTGOING_TO_ONE, 500}, {LISTENING, 1}},
	 GROWING,
	 DIAGNOSIS_OUTGOING_CONNECTIONS,
	 true},
	{"the same at the wall",
	 {{OUTGOING_TO_ONE, 200}},
	 AT_WALL,
	 DIAGNOSIS_OUTGOING_CONNECTIONS,
	 true},
	{"a pool to a database",
	 {{OUTGOING_TO_ONE, 100}, {JARS, 40}},
	 QUIET,
	 NONE,
	 false},
	{"the same, filled, in a small limit",
	 {{OUTGOING_TO_ONE, 200}},
	 {.soft_limit = 256, .used = 203},
	 DIAGNOSIS_OUTGOING_CONNECTIONS,
	 false},
	{"the same, one more in use",
	 {{OUTGOING_TO_ONE, 100}, {JARS, 40}},
	 BREATHING,
	 NONE,
	 false},
	{"more than any pool has", {{OUTGOING_TO_ONE, 400}}, QUIET, NONE, false},
	{"a worker that accepts nothing itself",
	 {{ACCEPTED, 300}},
	 AT_WALL,
	 DIAGNOSIS_ACCEPTED_CONNECTIONS,
	 false},
	{"one file sent to all clients",
	 {{LISTENING, 1}, {ACCEPTED, 500}, {ONE_FILE, 500}},
	 AT_WALL,
	 DIAGNOSIS_ACCEPTED_CONNECTIONS,
	 false},
	{"one deleted file received from each client",
	 {{LISTENING, 1}, {ACCEPTED, 300}, {DELETED, 320}},
	 GROWING,
	 DIAGNOSIS_DELETED_FILES,
	 false},
	{"a proxy: as many out as in",
	 {{LISTENING, 1}, {ACCEPTED, 400}, {OUTGOING_TO_ONE, 400}},
	 GROWING,
	 DIAGNOSIS_ACCEPTED_CONNECTIONS,
	 false},
	{"a crawler", {{OUTGOING_TO_MANY, 600}}, GROWING, DIAGNOSIS_KIND, false},
	{"keep-alive clients",
	 {{LISTENING, 1}, {ACCEPTED, 500}, {DELETED, 1}},
	 AT_WALL,
	 DIAGNOSIS_ACCEPTED_CONNECTIONS,
	 false},
	{"a file again and again",
	 {{ONE_FILE, 300}, {JARS, 10}},
	 QUIET,
	 DIAGNOSIS_SAME_FILE,
	 false},
	{"a file a few times", {{ONE_FILE, 20}, {JARS, 10}}, QUIET, NONE, false},
	{"a pool of connections to a database file",
	 {{ONE_FILE, 60}},
	 QUIET,
	 NONE,
	 false},
	{"the same, one more in use", {{ONE_FILE, 60}}, BREATHING, NONE, false},
	{"the same, more and more",
	 {{ONE_FILE, 60}},
	 GROWING,
	 DIAGNOSIS_SAME_FILE,
	 true},
	{"a terminal multiplexer", {{TERMINALS, 200}}, AT_WALL, DIAGNOSIS_KIND, false},
	{"/dev/null for each child", {{NULLS, 200}}, QUIET, DIAGNOSIS_SAME_FILE, false},
	{"a database", {{DATA_FILES, 800}, {ACCEPTED, 50}}, QUIET, NONE, false},
	{"a database that warms up",
	 {{DATA_FILES, 800}},
	 GROWING,
	 DIAGNOSIS_KIND,
	 false},
	{"uploads not closed",
	 {{DATA_FILES, 600}},
	 LEAKING,
	 DIAGNOSIS_FILES_NOT_CLOSED,
	 true},
	{"a broker that opens its segments",
	 {{DATA_FILES, 600}},
	 STARTING,
	 DIAGNOSIS_KIND,
	 false},
	{"a file for each client",
	 {{DATA_FILES, 600}, {UNIX_PAIRED, 400}},
	 LEAKING,
	 DIAGNOSIS_KIND,
	 false},
	{"a JVM",
	 {{JARS, 300}, {EPOLLS, 8}, {EVENTFDS, 8}, {ACCEPTED, 20}},
	 QUIET,
	 NONE,
	 false},
	{"deleted files kept",
	 {{DELETED, 200}, {JARS, 20}},
	 QUIET,
	 DIAGNOSIS_DELETED_FILES,
	 false},
	{"deleted files kept, more and more",
	 {{DELETED, 200}},
	 GROWING,
	 DIAGNOSIS_DELETED_FILES,
	 true},
	{"a browser's shared memory", {{SHARED_MEMORY, 200}}, QUIET, NONE, false},
	{"the same, more and more",
	 {{SHARED_MEMORY, 200}},
	 GROWING,
	 DIAGNOSIS_DELETED_FILES,
	 true},
	{"pipes to workers", {{PIPES, 200}}, QUIET, NONE, false},
	{"pipes that wait for writers", {{FIFOS, 100}}, AT_WALL, DIAGNOSIS_KIND, false},
	{"pipes of ended workers",
	 {{PIPES_WITHOUT_READER, 100}, {JARS, 50}},
	 QUIET,
	 DIAGNOSIS_PIPES,
	 true},
	{"event loops",
	 {{EPOLLS, 150}, {EVENTFDS, 150}},
	 GROWING,
	 DIAGNOSIS_EVENT_LOOPS,
	 true},
	{"a loop a thread, or a virtual machine",
	 {{EPOLLS, 64}, {EVENTFDS, 200}},
	 QUIET,
	 NONE,
	 false},
	{"the same, one more", {{EPOLLS, 64}, {EVENTFDS, 200}}, BREATHING, NONE, false},
	{"a server with workers",
	 {{EPOLLS, 20}, {EVENTFDS, 20}, {ACCEPTED, 20}},
	 QUIET,
	 NONE,
	 false},
	{"watchers", {{INOTIFYS, 100}}, GROWING, DIAGNOSIS_INOTIFY, true},
	{"watchers at rest", {{INOTIFYS, 100}}, QUIET, DIAGNOSIS_INOTIFY, false},
	{"processes", {{ENDED_PIDFDS, 100}}, QUIET, DIAGNOSIS_PROCESSES_LEFT, true},
	{"a supervisor of live ones", {{PIDFDS, 100}}, GROWING, DIAGNOSIS_KIND, false},
	{"sockets without a peer",
	 {{UNIX_ALONE, 80}, {UNIX_PAIRED, 80}},
	 QUIET,
	 DIAGNOSIS_UNIX_SOCKETS,
	 true},
	{"what the other side does not accept",
	 {{UNIX_QUEUED, 100}},
	 QUIET,
	 NONE,
	 false},
	{"a message bus", {{UNIX_PAIRED, 400}}, GROWING, DIAGNOSIS_KIND, false},
	{"a build", {{JARS, 50}, {PIPES, 20}}, CHURNING, DIAGNOSIS_CHURN, false},
	{"a slow leak in much traffic", {{JARS, 300}}, SLOW_LEAK, NONE, false},
	{"churn explains nothing beside a cause",
	 {{ONE_FILE, 300}},
	 CHURNING,
	 DIAGNOSIS_SAME_FILE,
	 false},
	{"started without close-on-exec",
	 {{JARS, 150}},
	 {.soft_limit = 1024, .used = 150, .children = 40},
	 DIAGNOSIS_INHERITED,
	 false},
	{"nothing", {{END, 0}}, QUIET, NONE, false},

/* ---- only growing: a leak of that kind ---- */
#define DOUBTFUL(what, nature)                                                         \
	{what, {{nature, 200}, {JARS, 5}}, FAST_LEAK, DIAGNOSIS_KIND, true},           \
		{what ", suspected by its floor",                                      \
		 {{nature, 200}, {JARS, 90}, {WAS, 0}, {nature, 150}, {JARS, 90}},     \
		 SUSPECTED,                                                            \
		 DIAGNOSIS_KIND,                                                       \
		 true},                                                                \
	{                                                                              \
		what ", at rest with room", {{nature, 200}, {JARS, 5}}, QUIET, NONE,   \
			false                                                          \
	}
#define ONLY_GROWS(what, nature)                                                       \
	DOUBTFUL(what, nature),                                                        \
	{                                                                              \
		what ", known from before",                                            \
			{{nature, 200},                                                \
			 {JARS, 5},                                                    \
			 {WAS, 0},                                                     \
			 {nature, 150},                                                \
			 {JARS, 5}},                                                   \
			GROWS_ON, DIAGNOSIS_KIND, true                                 \
	}
	ONLY_GROWS("a resolver's sockets", UDP_TO_RESOLVER),
	ONLY_GROWS("udp sockets that nobody bound", UDP_UNBOUND),
	ONLY_GROWS("tcp sockets that nobody connected", TCP_UNBOUND),
	ONLY_GROWS("netlink sockets", NETLINKS),
	ONLY_GROWS("packet sockets", PACKETS),
	ONLY_GROWS("memfds", MEMFDS),
	ONLY_GROWS("signalfds", SIGNALFDS),
	ONLY_GROWS("pipes with both ends", PIPES),
	ONLY_GROWS("perf events", PERFS),
	ONLY_GROWS("bpf maps", BPF_MAPS),
	ONLY_GROWS("rings", IO_URINGS),
	ONLY_GROWS("message queues", QUEUES),
	DOUBTFUL("socket pairs", SOCKETPAIRS),
	DOUBTFUL("pidfds of live processes", PIDFDS),
	DOUBTFUL("terminals", TERMINALS),
	{"a kind that has filled the table",
	 {{UDP_UNBOUND, 250}, {JARS, 6}},
	 FULL,
	 DIAGNOSIS_KIND,
	 true},
	{"terminals that have filled the table",
	 {{TERMINALS, 250}, {JARS, 6}},
	 FULL,
	 DIAGNOSIS_KIND,
	 false},

	{"terminals that were told to leak while they grew, at the wall",
	 {{TERMINALS, 250}, {JARS, 6}},
	 FULL_TOLD,
	 DIAGNOSIS_KIND,
	 true},

	/* ---- objects that cost several ---- */
	{"a job's event, wake-up pipe and two files",
	 {{EVENTFDS, 50}, {PIPES, 100}, {DATA_FILES, 100}, {JARS, 4}},
	 FAST_LEAK,
	 DIAGNOSIS_MIXTURE,
	 true},
	{"the same, known from before",
	 {{EVENTFDS, 50},
	  {PIPES, 100},
	  {DATA_FILES, 100},
	  {JARS, 4},
	  {WAS, 0},
	  {EVENTFDS, 20},
	  {PIPES, 40},
	  {DATA_FILES, 40}},
	 GROWS_ON,
	 DIAGNOSIS_MIXTURE,
	 true},
	{"a file watcher's inotify, epoll and wake-up pipe",
	 {{INOTIFYS, 50}, {EPOLLS, 50}, {PIPES, 100}},
	 FAST_LEAK,
	 DIAGNOSIS_MIXTURE,
	 true},
	{"a selector's epoll and pipe",
	 {{EPOLLS, 80}, {PIPES, 160}, {JARS, 10}},
	 FAST_LEAK,
	 DIAGNOSIS_MIXTURE,
	 true},
	{"selectors beside clients that rest",
	 {{EPOLLS, 40},
	  {PIPES, 80},
	  {ACCEPTED, 100},
	  {WAS, 0},
	  {EPOLLS, 10},
	  {PIPES, 20},
	  {ACCEPTED, 100}},
	 GROWS_ON,
	 DIAGNOSIS_MIXTURE,
	 true},
	{"a connection and a pipe for each client",
	 {{ACCEPTED, 100}, {PIPES, 200}, {WAS, 0}, {ACCEPTED, 70}, {PIPES, 140}},
	 GROWS_ON,
	 DIAGNOSIS_MIXTURE,
	 false},

	/* ---- the kind that grows decides ---- */
	{"clients that rest, and a leak beside them",
	 {{LISTENING, 1},
	  {ACCEPTED, 110},
	  {UDP_TO_RESOLVER, 95},
	  {WAS, 0},
	  {ACCEPTED, 110},
	  {UDP_TO_RESOLVER, 40}},
	 GROWS_ON,
	 DIAGNOSIS_KIND,
	 true},
	{"a leak that rests, and clients that come",
	 {{LISTENING, 1},
	  {ACCEPTED, 110},
	  {CLOSE_WAIT_TO_ONE, 15},
	  {WAS, 0},
	  {ACCEPTED, 60},
	  {CLOSE_WAIT_TO_ONE, 15}},
	 GROWS_ON,
	 DIAGNOSIS_ACCEPTED_CONNECTIONS,
	 false},
	{"clients of a message bus",
	 {{CLIENTS_BY_PATH, 200}, {WAS, 0}, {CLIENTS_BY_PATH, 150}},
	 GROWS_ON,
	 DIAGNOSIS_ACCEPTED_CONNECTIONS,
	 false},
	{"a pool that was filled and rests",
	 {{OUTGOING_TO_ONE, 210}, {WAS, 0}, {OUTGOING_TO_ONE, 150}},
	 {.soft_limit = 256, .used = 215, .growth_known = true, .growth_over_s = 30},
	 DIAGNOSIS_OUTGOING_CONNECTIONS,
	 false},
	{"an HTTP/2 front",
	 {{LISTENING, 1}, {ACCEPTED, 20}, {OUTGOING_TO_ONE, 300}},
	 QUIET,
	 NONE,
	 false},
	{"idle pooled connections that the server closed",
	 {{CLOSE_WAIT_TO_ONE, 40}, {JARS, 10}},
	 QUIET,
	 DIAGNOSIS_CLOSE_WAIT,
	 false},
	{"one service behind 20 addresses",
	 {{OUTGOING_SERVICE, 180},
	  {JARS, 20},
	  {WAS, 0},
	  {OUTGOING_SERVICE, 150},
	  {JARS, 20}},
	 GROWS_ON,
	 DIAGNOSIS_OUTGOING_CONNECTIONS,
	 true},
	{"many peers with a port each",
	 {{OUTGOING_PEERS, 200}, {WAS, 0}, {OUTGOING_PEERS, 150}},
	 GROWS_ON,
	 DIAGNOSIS_KIND,
	 false},

	/* ---- files ---- */
	{"duplicates that rest",
	 {{DUPLICATES, 120}},
	 QUIET,
	 DIAGNOSIS_SAME_FILE,
	 false},
	{"duplicates, more and more",
	 {{DUPLICATES, 120}},
	 GROWING,
	 DIAGNOSIS_SAME_FILE,
	 true},
	{"one log, after each rotation",
	 {{ROTATED, 200}},
	 GROWING,
	 DIAGNOSIS_SAME_FILE,
	 true},

	{"objects of which few were made since, the last one by half",
	 {{PIPES, 102},
	  {JARS, 100},
	  {EVENTFDS, 51},
	  {WAS, 0},
	  {PIPES, 92},
	  {JARS, 92},
	  {EVENTFDS, 46}},
	 {.soft_limit = 256,
	  .used = 253,
	  .growth_known = true,
	  .growth_per_s = 80,
	  .growth_over_s = 2,
	  .in_trouble = true},
	 DIAGNOSIS_MIXTURE,
	 true},

	/* ---- how it came to have them ---- */
	{"a leak beneath much traffic",
	 {{JARS, 300}, {PIPES, 560}},
	 {.soft_limit = 20000,
	  .used = 860,
	  .growth_known = true,
	  .growth_per_s = 0.45,
	  .growth_over_s = 30,
	  .growth_sound = true,
	  .counters_known = true,
	  .opened = 60000,
	  .closed = 59950},
	 DIAGNOSIS_CHURN,
	 true},
	{"what it was started with",
	 {{ACCEPTED, 350}, {OUTGOING_TO_ONE, 350}, {JARS, 20}},
	 {.soft_limit = 720,
	  .used = 720,
	  .inherited = 700,
	  .parent = 7,
	  .in_trouble = true},
	 DIAGNOSIS_INHERITED_FROM,
	 false},
};

static struct descriptor table[MOST];
static char paths[MOST][64];
static size_t len;

static void tcp(struct descriptor *d, uint8_t state, uint16_t local, uint16_t port,
		int peer)
{
	char text[32];

	d->kind = DESCRIPTOR_SOCKET;
	d->family = AF_INET;
	d->type = SOCK_STREAM;
	d->protocol = IPPROTO_TCP;
	d->state = state;
	d->local.family = AF_INET;
	d->local.port = local;
	if (!port)
		return;
	snprintf(text, sizeof(text), "10.0.%d.%d", peer / 200, peer % 200 + 1);
	d->peer.family = AF_INET;
	d->peer.port = port;
	inet_pton(AF_INET, text, d->peer.address);
}

__attribute__((format(printf, 2, 3))) static void file(struct descriptor *d,
						       const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(paths[len], sizeof(paths[0]), format, args);
	va_end(args);
	d->kind = DESCRIPTOR_FILE;
	d->path = paths[len];
}

static void device(struct descriptor *d, const char *path, bool nulls)
{
	d->kind = DESCRIPTOR_CHARACTER;
	d->rdevice = makedev(nulls ? 1 : 5, nulls ? 3 : 2);
	d->path = path;
	d->inode = 1;
}

static void unix_stream(struct descriptor *d, uint64_t peer, bool closed)
{
	d->kind = DESCRIPTOR_SOCKET;
	d->family = AF_UNIX;
	d->type = SOCK_STREAM;
	d->state = 1;
	d->peer_inode = peer;
	d->peer_closed = closed;
}

static void make(enum nature nature, int i)
{
	struct descriptor *d = &table[len];

	memset(d, 0, sizeof(*d));
	d->inode = len + 1;
	switch (nature) {
	case END:
	case WAS:
		return;
	case CLOSE_WAIT_TO_ONE:
		tcp(d, 8, (uint16_t)(40000 + i), 443, 6);
		break;
	case CLOSE_WAIT_ACCEPTED:
		tcp(d, 8, 80, (uint16_t)(50000 + i), i);
		break;
	case CLOSED_TO_ONE:
	case CLOSED_BY_CLIENTS:
		tcp(d, 7, 0, nature == CLOSED_TO_ONE ? 443 : (uint16_t)(50000 + i), 6);
		d->peer_closed = true;
		break;
	case LISTENING:
		tcp(d, 10, 80, 0, 0);
		break;
	case ACCEPTED:
		tcp(d, 1, 80, (uint16_t)(40000 + i), i);
		break;
	case OUTGOING_TO_ONE:
		tcp(d, 1, (uint16_t)(30000 + i), 8080, 3);
		break;
	case OUTGOING_TO_MANY:
		tcp(d, 1, (uint16_t)(30000 + i), 443, i);
		break;
	case ONE_FILE:
		file(d, "/srv/www/template.html");
		d->inode = 1;
		break;
	case DATA_FILES:
		file(d, "/var/lib/db/base/%d", 16384 + i);
		break;
	case JARS:
		file(d, "/opt/app/lib/x%c%c.jar", 'g' + i % 20, 'g' + i / 20);
		break;
	case DELETED:
		file(d, "/tmp/work-%d", i);
		d->deleted = true;
		break;
	case SHARED_MEMORY:
		file(d, "/dev/shm/.org.browser.%d", i);
		d->deleted = true;
		break;
	case PIPES:
		d->kind = DESCRIPTOR_PIPE;
		d->readers = d->writers = 1;
		break;
	case PIPES_WITHOUT_READER:
		d->kind = DESCRIPTOR_PIPE;
		d->writers = 1;
		break;
	case FIFOS:
		file(d, "/run/app/in-%d", i);
		d->kind = DESCRIPTOR_PIPE;
		d->readers = 1;
		break;
	case TERMINALS:
		device(d, "/dev/ptmx", false);
		break;
	case NULLS:
		device(d, "/srv/jail/dev/null", true);
		break;
	case EPOLLS:
		d->kind = DESCRIPTOR_EPOLL;
		break;
	case EVENTFDS:
		d->kind = DESCRIPTOR_EVENTFD;
		break;
	case INOTIFYS:
		d->kind = DESCRIPTOR_INOTIFY;
		break;
	case PIDFDS:
		d->kind = DESCRIPTOR_PIDFD;
		break;
	case ENDED_PIDFDS:
		d->kind = DESCRIPTOR_PIDFD;
		d->ended = true;
		break;
	case UNIX_ALONE:
		unix_stream(d, 0, true);
		break;
	case UNIX_QUEUED:
		unix_stream(d, 0, false);
		break;
	case UNIX_PAIRED:
	case SOCKETPAIRS:
		unix_stream(d, 77, false);
		break;
	case CLIENTS_BY_PATH:
		unix_stream(d, 77, false);
		d->path = "/run/bus";
		break;
	case UDP_TO_RESOLVER:
	case UDP_UNBOUND:
		tcp(d, 7, (uint16_t)(nature == UDP_UNBOUND ? 0 : 30000 + i),
		    nature == UDP_UNBOUND ? 0 : 53, 3);
		d->type = SOCK_DGRAM;
		d->protocol = IPPROTO_UDP;
		break;
	case TCP_UNBOUND:
		tcp(d, 7, 0, 0, 0);
		break;
	case NETLINKS:
	case PACKETS:
		d->kind = DESCRIPTOR_SOCKET;
		d->family = nature == NETLINKS ? AF_NETLINK : AF_PACKET;
		d->type = SOCK_RAW;
		break;
	case MEMFDS:
		file(d, "/memfd:buffer");
		d->kind = DESCRIPTOR_MEMFD;
		break;
	case SIGNALFDS:
		d->kind = DESCRIPTOR_SIGNALFD;
		break;
	case TIMERFDS:
		d->kind = DESCRIPTOR_TIMERFD;
		break;
	case PERFS:
		d->kind = DESCRIPTOR_PERF;
		break;
	case BPF_MAPS:
		d->kind = DESCRIPTOR_BPF;
		d->path = "bpf-map";
		break;
	case IO_URINGS:
		d->kind = DESCRIPTOR_IO_URING;
		break;
	case QUEUES:
		file(d, "/jobs");
		d->kind = DESCRIPTOR_QUEUE;
		break;
	case DUPLICATES:
		file(d, "/srv/lock");
		d->inode = 1;
		d->file = 77;
		break;
	case ROTATED:
		file(d, "/var/log/app.log");
		d->inode = 1000 + (uint64_t)i / 50;
		d->deleted = true;
		break;
	case OUTGOING_SERVICE:
		tcp(d, 1, (uint16_t)(30000 + i), 443, i % 20);
		break;
	case OUTGOING_PEERS:
		tcp(d, 1, (uint16_t)(30000 + i), (uint16_t)(10000 + i), i);
		break;
	case CLIENTS_IDLE:
	case CLIENTS_BUSY:
		tcp(d, 1, 80, (uint16_t)(40000 + i), i);
		d->idle_known = true;
		d->idle_s = nature == CLIENTS_IDLE ? 400 : 2;
		break;
	}
	len++;
}

static struct inventory *take(const struct part *part)
{
	struct inventory *inv;

	len = 0;
	for (; part->nature > WAS; part++)
		for (int i = 0; i < part->count; i++)
			make(part->nature, i);
	inv = inventory_new(table, len, MOST);
	assert_non_null(inv);
	return inv;
}

static size_t diagnose(const struct test *test, struct diagnosis out[DIAGNOSIS_MAX])
{
	struct diagnosis_history history = test->history;
	const struct part *was = test->parts;
	struct inventory *inv;
	size_t n;

	while (was->nature > WAS)
		was++;
	if (was->nature == WAS) {
		inv = take(was + 1);
		growth_look(inv, &history.before);
		inventory_free(inv);
	}
	inv = take(test->parts);
	n = diagnosis_make(inv, &history, out);
	inventory_free(inv);
	return n;
}

/* All that are wrong are told, before the test fails. */
static bool is_right(const struct test *test)
{
	struct diagnosis out[DIAGNOSIS_MAX];
	size_t n = diagnose(test, out);

	if (test->rule == NONE ? n == 0
			       : n && (int)out[0].rule == test->rule &&
					 out[0].leak == test->leak) {
		for (size_t i = 0; i < n; i++) {
			assert_true(strlen(out[i].text) > 10);
			assert_true(strlen(out[i].proof) > 10);
			assert_true(out[i].share >= 0 && out[i].share <= 1);
		}
		return true;
	}
	print_error("%s: %zu causes\n", test->name, n);
	for (size_t i = 0; i < n; i++)
		print_error("  %s%s: '%s' (%s)\n", diagnosis_rule_name(out[i].rule),
			    out[i].leak ? ", leak" : "", out[i].text, out[i].proof);
	return false;
}

static void causes(void **state)
{
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		wrong += !is_right(&cases[i]);
	assert_int_equal(wrong, 0);
}

static void names(void **state)
{
	(void)state;
	for (int a = 0; a < DIAGNOSIS_RULES; a++)
		for (int b = 0; b < a; b++)
			assert_string_not_equal(
				diagnosis_rule_name((enum diagnosis_rule)a),
				diagnosis_rule_name((enum diagnosis_rule)b));
	assert_string_equal(diagnosis_rule_name(DIAGNOSIS_RULES), "unknown");
}

static void peer_is_named(void **state)
{
	const struct diagnosis_history history = QUIET;
	struct diagnosis out[DIAGNOSIS_MAX];
	struct inventory *inv;

	(void)state;
	len = 0;
	for (int i = 0; i < 300; i++)
		make(CLOSE_WAIT_TO_ONE, i);
	inv = inventory_new(table, len, 64);
	assert_non_null(inv);
	assert_int_equal(diagnosis_make(inv, &history, out), 1);
	inventory_free(inv);
	assert_non_null(strstr(out[0].text, "10.0.0.7:443"));
	assert_int_equal(out[0].count, 300);
}

/* What has just begun to connect: neither a leak nor at rest, and it is said once. */
static void a_pool_that_is_filled(void **state)
{
	const struct test filling = {
		.parts = {{OUTGOING_TO_ONE, 830}, {WAS, 0}, {OUTGOING_TO_ONE, 640}},
		.history = {.soft_limit = 1024,
			    .used = 830,
			    .growth_known = true,
			    .growth_per_s = 28,
			    .growth_over_s = 20,
			    .growth_sound = true,
			    .age_s = 24,
			    .in_trouble = true},
	};
	struct diagnosis out[DIAGNOSIS_MAX];

	(void)state;
	assert_int_equal(diagnose(&filling, out), 1);
	assert_int_equal(out[0].rule, DIAGNOSIS_OUTGOING_CONNECTIONS);
	assert_false(out[0].leak);
	assert_non_null(strstr(out[0].text, "more and more"));
}

/* Of all that there are, not of those that were made since the look before. */
static void objects_are_counted(void **state)
{
	const struct test test = {
		.parts = {{PIPES, 126},
			  {EPOLLS, 63},
			  {INOTIFYS, 63},
			  {WAS, 0},
			  {PIPES, 80},
			  {EPOLLS, 40},
			  {INOTIFYS, 40}},
		.history = {.soft_limit = 256,
			    .used = 252,
			    .growth_known = true,
			    .growth_per_s = 80,
			    .growth_over_s = 2,
			    .in_trouble = true},
	};
	struct diagnosis out[DIAGNOSIS_MAX];

	(void)state;
	assert_int_equal(diagnose(&test, out), 1);
	assert_int_equal(out[0].rule, DIAGNOSIS_MIXTURE);
	assert_non_null(strstr(out[0].text, "about 63 objects"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(causes),
		cmocka_unit_test(names),
		cmocka_unit_test(peer_is_named),
		cmocka_unit_test(a_pool_that_is_filled),
		cmocka_unit_test(objects_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
