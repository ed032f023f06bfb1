// SPDX-License-Identifier: GPL-2.0-or-later
#include "policy/inventory.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "policy/pattern.h"

#define STATE_LISTEN      10 /* TCP_LISTEN of linux/tcp_states.h */
#define STATE_ESTABLISHED 1
#define STATE_CLOSE       7
#define PORTS             65536
#define PEERS_MAX         8 /* more with one port are gathered under the port */
/* So many connections with one local port were accepted on it: each that a process makes
 * has a port of its own. */
#define ACCEPTED_MIN      8
#define IDLE_S            60 /* a connection that moved no data for so long */
#define SMALL_GROUP       3  /* files: gathered under their directory */

/* One descriptor on its way to a group. Strings are the inventory's or static. */
struct item {
	const struct descriptor *d;
	const char *type, *state;
	enum inventory_direction direction;
	const char *where, *pattern;
};

struct inventory {
	uint64_t total, deleted, rest;
	struct inventory_count *counts;
	size_t counts_len;
	struct inventory_group *groups;
	size_t groups_len;
	char **strings; /* all that were copied */
	size_t strings_len, strings_size;
};

/* ---- strings ---- */

/* A copy that lives as long as the inventory; NULL: no memory. */
static char *keep(struct inventory *inv, const char *text, size_t len)
{
	char *copy = strndup(text, len);

	if (!copy)
		return NULL;
	if (inv->strings_len == inv->strings_size) {
		size_t size = inv->strings_size ? 2 * inv->strings_size : 64;
		char **more = realloc(inv->strings, size * sizeof(*more));

		if (!more) {
			free(copy);
			return NULL;
		}
		inv->strings = more;
		inv->strings_size = size;
	}
	inv->strings[inv->strings_len++] = copy;
	return copy;
}

static int compare_text(const char *a, const char *b)
{
	if (a == b)
		return 0;
	return strcmp(a ? a : "", b ? b : "");
}

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

/* ---- what each is ---- */

static bool is_inet(const struct descriptor *d)
{
	return d->kind == DESCRIPTOR_SOCKET &&
	       (d->family == AF_INET || d->family == AF_INET6);
}

static bool is_unix(const struct descriptor *d)
{
	return d->kind == DESCRIPTOR_SOCKET && d->family == AF_UNIX;
}

static bool is_listening(const struct descriptor *d)
{
	return d->kind == DESCRIPTOR_SOCKET && descriptor_state_name(d) &&
	       d->state == STATE_LISTEN;
}

/* A connection that is over: of its two ports the kernel has kept the peer's. */
static bool is_closed(const struct descriptor *d)
{
	return is_inet(d) && d->type == SOCK_STREAM && d->state == STATE_CLOSE &&
	       d->peer_closed && !d->local.port;
}

/* By port: what was counted of connections, up to ACCEPTED_MIN. */
struct ports {
	unsigned char accepting[PORTS]; /* of local ports */
	unsigned char closed_to[PORTS]; /* of peers' ports, of those that are over */
};

/* Ports on which connections are accepted: here, or by whoever handed them over (a
 * parent that accepts for its workers, a server's old worker after a reload). */
static void note_ports(const struct descriptor *descriptors, size_t len,
		       struct ports *ports)
{
	for (size_t i = 0; i < len; i++) {
		const struct descriptor *d = &descriptors[i];
		unsigned char *port = &ports->accepting[d->local.port];

		if (!is_inet(d) || !descriptor_state_name(d))
			continue;
		if (is_closed(d))
			port = &ports->closed_to[d->peer.port];
		if (is_listening(d))
			*port = ACCEPTED_MIN;
		else if (d->peer.port && *port < ACCEPTED_MIN)
			++*port;
	}
}

static int set_end(struct inventory *inv, struct item *item,
		   const struct descriptor_end *end)
{
	char text[DESCRIPTOR_END_TEXT];

	descriptor_end_text(end, text);
	if (!*text)
		return 0;
	item->where = keep(inv, text, strlen(text));
	return item->where ? 0 : -1;
}

static int set_inet(struct inventory *inv, struct item *item, const struct ports *ports)
{
	const struct descriptor *d = item->d;
	char text[16];

	if (!d->peer.port)
		return set_end(inv, item, &d->local);
	/* Clients have a port each, so that many of one port are its clients. */
	if (is_closed(d) && ports->closed_to[d->peer.port] < ACCEPTED_MIN)
		return 0;
	if (is_closed(d) || ports->accepting[d->local.port] < ACCEPTED_MIN) {
		item->direction = INVENTORY_OUTGOING;
		return set_end(inv, item, &d->peer);
	}
	item->direction = INVENTORY_ACCEPTED;
	snprintf(text, sizeof(text), "*:%u", d->local.port);
	item->where = keep(inv, text, strlen(text));
	return item->where ? 0 : -1;
}

/* Files by the pattern of their path, directory and name apart. */
static int set_path(struct inventory *inv, struct item *item)
{
	const struct descriptor *d = item->d;
	char *pattern;
	size_t len, at;

	if (!d->path || !*d->path)
		return 0;
	pattern = malloc(strlen(d->path) + 1);
	if (!pattern)
		return -1;
	len = pattern_of(d->path, pattern);
	at = pattern_name_at(pattern);
	item->pattern = keep(inv, pattern + at, len - at);
	if (at > 1)
		at--; /* without the last '/', but for the root's */
	item->where = keep(inv, pattern, at);
	free(pattern);
	return item->where && item->pattern ? 0 : -1;
}

static bool has_path(enum descriptor_kind kind)
{
	return kind == DESCRIPTOR_FILE || kind == DESCRIPTOR_DIRECTORY ||
	       kind == DESCRIPTOR_CHARACTER || kind == DESCRIPTOR_BLOCK ||
	       kind == DESCRIPTOR_SYMLINK || kind == DESCRIPTOR_MEMFD ||
	       kind == DESCRIPTOR_QUEUE;
}

/* One with a number of its own in its name is one of many. */
static int set_name(struct inventory *inv, struct item *item, const char *path)
{
	char *pattern;

	if (!path || !*path)
		return 0;
	pattern = malloc(strlen(path) + 1);
	if (!pattern)
		return -1;
	item->where = keep(inv, pattern, pattern_of(path, pattern));
	free(pattern);
	return item->where ? 0 : -1;
}

static int set_unix(struct inventory *inv, struct item *item)
{
	const struct descriptor *d = item->d;
	bool named;

	/* One that has only not been accepted yet has no inode either. */
	if (d->state == STATE_ESTABLISHED && item->state && !d->peer_inode &&
	    d->peer_closed)
		item->state = INVENTORY_NO_PEER;
	/* What accept() gives has the name of the socket that listens; who connects has
	 * none of its own, as a rule, and its peer has that name. */
	if (d->state != STATE_ESTABLISHED || !item->state)
		return set_name(inv, item, d->path);
	named = d->path && *d->path;
	if (named != (d->peer_path && *d->peer_path))
		item->direction = named ? INVENTORY_ACCEPTED : INVENTORY_OUTGOING;
	return set_name(inv, item, named ? d->path : d->peer_path);
}

static int set_pipe(struct inventory *inv, struct item *item)
{
	const struct descriptor *d = item->d;

	if (d->readers && !d->writers)
		item->state = INVENTORY_NO_WRITER;
	else if (!d->readers && d->writers)
		item->state = INVENTORY_NO_READER;
	return d->path && *d->path == '/' ? set_name(inv, item, d->path) : 0;
}

static int describe(struct inventory *inv, struct item *item, const struct ports *ports)
{
	const struct descriptor *d = item->d;

	item->type = descriptor_type_name(d);
	item->state = descriptor_state_name(d);
	if (d->kind == DESCRIPTOR_PIDFD && d->ended)
		item->state = INVENTORY_ENDED;
	if (is_closed(d))
		item->state = INVENTORY_CLOSED;
	if (d->kind == DESCRIPTOR_ANONYMOUS && d->path && *d->path) {
		item->type = keep(inv, d->path, strlen(d->path));
		return item->type ? 0 : -1;
	}
	if (has_path(d->kind))
		return set_path(inv, item);
	if (is_inet(d))
		return set_inet(inv, item, ports);
	if (is_unix(d))
		return set_unix(inv, item);
	return d->kind == DESCRIPTOR_PIPE ? set_pipe(inv, item) : 0;
}

/* ---- gathering ---- */

static int compare_items(const struct item *a, const struct item *b)
{
	int order = COMPARE(a->d->kind, b->d->kind);

	if (!order)
		order = compare_text(a->type, b->type);
	if (!order)
		order = compare_text(a->state, b->state);
	if (!order)
		order = COMPARE(a->direction, b->direction);
	if (!order)
		order = COMPARE(a->d->deleted, b->d->deleted);
	if (!order)
		order = compare_text(a->where, b->where);
	return order ? order : compare_text(a->pattern, b->pattern);
}

/* Anonymous inodes are one for all of them; there the open file tells them apart. */
static bool has_inode(enum descriptor_kind kind)
{
	return has_path(kind) || kind == DESCRIPTOR_SOCKET || kind == DESCRIPTOR_PIPE ||
	       kind == DESCRIPTOR_NAMESPACE || kind == DESCRIPTOR_PIDFD;
}

static int compare_inodes(const struct item *a, const struct item *b)
{
	int order = COMPARE(a->d->device, b->d->device);

	if (!order)
		order = COMPARE(a->d->inode, b->d->inode);
	if (!order && !has_inode(a->d->kind))
		order = COMPARE(a->d->file, b->d->file);
	return order;
}

static int by_group(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int order = compare_items(x, y);

	if (!order)
		order = compare_inodes(x, y);
	return order ? order : COMPARE(x->d->file, y->d->file);
}

/* Its path; of a unix socket that has none and is connected the peer's. */
static const char *name_of(const struct item *item)
{
	if (is_unix(item->d) && item->direction == INVENTORY_OUTGOING)
		return item->d->peer_path;
	return item->d->path;
}

static bool has_one_name(const struct item *items, size_t len)
{
	for (size_t i = 1; i < len; i++)
		if (compare_text(name_of(&items[i]), name_of(&items[0])) != 0)
			return false;
	return true;
}

/* Makes one group of items[0..len), which are alike. */
static int make_group(struct inventory *inv, const struct item *items, size_t len)
{
	struct inventory_group *g = &inv->groups[inv->groups_len++];
	const struct item *first = &items[0];
	const char *path = name_of(first);

	*g = (struct inventory_group){
		.kind = first->d->kind,
		.type = first->type,
		.state = first->state,
		.direction = first->direction,
		.count = len,
		.distinct = 1,
		.opens = 1,
		.rdevice = first->d->rdevice,
		.deleted = first->d->deleted,
		.where = first->where,
		.pattern = first->pattern,
		.dir = has_path(first->d->kind) ? first->where : NULL,
	};
	for (size_t i = 0; i < len; i++) {
		g->timed += items[i].d->idle_known;
		g->idle += items[i].d->idle_known && items[i].d->idle_s >= IDLE_S;
	}
	for (size_t i = 1; i < len; i++) {
		bool other = compare_inodes(&items[i], &items[i - 1]) != 0;

		g->distinct += other;
		g->opens += other || !items[i].d->file ||
			    items[i].d->file != items[i - 1].d->file;
	}
	if (path && *path && g->kind != DESCRIPTOR_ANONYMOUS) {
		g->example = keep(inv, path, strlen(path));
		if (!g->example)
			return -1;
	}
	/* All the same: the path itself says more than a pattern of it. So it does of a
	 * file that is made anew under its name, as a log that is rotated. */
	if (has_path(g->kind) && g->example &&
	    (g->distinct == 1 || has_one_name(items, len))) {
		g->pattern = NULL;
		g->where = g->example;
		g->whole = true;
	}
	/* Named sockets and pipes: likewise. */
	if (!has_path(g->kind) && (!g->direction || is_unix(first->d)) && g->where &&
	    g->example && has_one_name(items, len))
		g->where = g->example;
	return 0;
}

/* Whether two neighbours differ in nothing but the name within their directory. */
static bool same_place(const struct inventory_group *a, const struct inventory_group *b)
{
	return a->kind == b->kind && a->deleted == b->deleted && has_path(a->kind) &&
	       a->dir && b->dir && !strcmp(a->dir, b->dir);
}

/* Whether two differ in nothing but their peers' addresses. */
static bool same_port(const struct inventory_group *a, const struct inventory_group *b)
{
	const char *x, *y;

	if (a->direction != INVENTORY_OUTGOING || b->direction != a->direction ||
	    !strcmp(a->type, "unix") || compare_text(a->type, b->type) ||
	    compare_text(a->state, b->state) || !a->where || !b->where)
		return false;
	x = strrchr(a->where, ':');
	y = strrchr(b->where, ':');
	return x && y && !strcmp(x, y);
}

static void absorb(struct inventory_group *into, const struct inventory_group *from)
{
	into->count += from->count;
	into->distinct += from->distinct;
	into->opens += from->opens;
}

/* Removes groups whose count has become 0. */
static void compact(struct inventory *inv)
{
	size_t kept = 0;

	for (size_t i = 0; i < inv->groups_len; i++)
		if (inv->groups[i].count)
			inv->groups[kept++] = inv->groups[i];
	inv->groups_len = kept;
}

/* Several small groups of one directory become "files under DIRECTORY". */
static void merge_directories(struct inventory *inv)
{
	for (size_t i = 0; i < inv->groups_len;) {
		struct inventory_group *first = NULL;
		size_t end = i, small = 0;

		while (end < inv->groups_len &&
		       same_place(&inv->groups[i], &inv->groups[end]))
			small += inv->groups[end++].count <= SMALL_GROUP;
		for (size_t k = i; small > 1 && k < end; k++) {
			struct inventory_group *g = &inv->groups[k];

			if (g->count > SMALL_GROUP)
				continue;
			if (!first) {
				first = g;
				g->where = g->dir;
				g->pattern = NULL;
				g->whole = false;
			} else {
				absorb(first, g);
				g->count = 0;
			}
		}
		i = end > i ? end : i + 1;
	}
	compact(inv);
}

static int by_port(const void *a, const void *b)
{
	const struct inventory_group *x = a, *y = b;
	int order = COMPARE(x->direction, y->direction);
	const char *p = x->where ? strrchr(x->where, ':') : NULL;
	const char *q = y->where ? strrchr(y->where, ':') : NULL;

	if (!order)
		order = compare_text(x->type, y->type);
	if (!order)
		order = compare_text(x->state, y->state);
	if (!order)
		order = compare_text(p, q);
	return order ? order : COMPARE(y->count, x->count);
}

/* Connections to very many addresses of one port become one group; those with a share
 * of their own stay. */
static int merge_peers(struct inventory *inv)
{
	qsort(inv->groups, inv->groups_len, sizeof(*inv->groups), by_port);
	for (size_t i = 0, end; i < inv->groups_len; i = end) {
		uint64_t sum = 0;
		char text[16];

		for (end = i; end < inv->groups_len &&
			      same_port(&inv->groups[i], &inv->groups[end]);
		     end++)
			sum += inv->groups[end].count;
		if (end == i)
			end = i + 1;
		if (end - i <= PEERS_MAX)
			continue;
		/* the fullest come first */
		while (i < end && inv->groups[i].count * PEERS_MAX > sum)
			i++;
		inv->groups[i].peers = end - i;
		for (size_t k = i + 1; k < end; k++) {
			absorb(&inv->groups[i], &inv->groups[k]);
			inv->groups[k].count = 0;
		}
		snprintf(text, sizeof(text), "*%s", strrchr(inv->groups[i].where, ':'));
		inv->groups[i].where = keep(inv, text, strlen(text));
		if (!inv->groups[i].where)
			return -1;
	}
	compact(inv);
	return 0;
}

/* Fullest first; then in an order that is the same each time. */
static int by_count(const void *a, const void *b)
{
	const struct inventory_group *x = a, *y = b;
	int order = COMPARE(y->count, x->count);

	if (!order)
		order = compare_text(x->type, y->type);
	if (!order)
		order = compare_text(x->state, y->state);
	return order ? order : compare_text(x->where, y->where);
}

static int make_groups(struct inventory *inv, struct item *items, size_t len)
{
	size_t end;

	qsort(items, len, sizeof(*items), by_group);
	inv->groups = calloc(len ? len : 1, sizeof(*inv->groups));
	if (!inv->groups)
		return -1;
	for (size_t i = 0; i < len; i = end) {
		for (end = i + 1; end < len && !compare_items(&items[i], &items[end]);)
			end++;
		if (make_group(inv, &items[i], end - i))
			return -1;
	}
	merge_directories(inv);
	if (merge_peers(inv))
		return -1;
	qsort(inv->groups, inv->groups_len, sizeof(*inv->groups), by_count);
	return 0;
}

/* ---- counts ---- */

static int by_type(const void *a, const void *b)
{
	const struct inventory_count *x = a, *y = b;
	int order = COMPARE(y->count, x->count);

	return order ? order : strcmp(x->type, y->type);
}

/* Items are sorted by kind and type. */
static int count_types(struct inventory *inv, const struct item *items, size_t len)
{
	size_t types = 0;

	for (size_t i = 0; i < len; i++)
		types += !i || compare_text(items[i].type, items[i - 1].type);
	inv->counts = calloc(types ? types : 1, sizeof(*inv->counts));
	if (!inv->counts)
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (!i || compare_text(items[i].type, items[i - 1].type))
			inv->counts[inv->counts_len++].type = items[i].type;
		inv->counts[inv->counts_len - 1].count++;
		inv->deleted += items[i].d->deleted;
	}
	qsort(inv->counts, inv->counts_len, sizeof(*inv->counts), by_type);
	return 0;
}

/* ---- the whole ---- */

static int build(struct inventory *inv, const struct descriptor *descriptors,
		 size_t len)
{
	struct item *items = calloc(len ? len : 1, sizeof(*items));
	struct ports *ports = calloc(1, sizeof(*ports));
	int err = items && ports ? 0 : -1;

	if (!err)
		note_ports(descriptors, len, ports);
	for (size_t i = 0; !err && i < len; i++) {
		items[i].d = &descriptors[i];
		err = describe(inv, &items[i], ports);
	}
	if (!err)
		err = make_groups(inv, items, len);
	if (!err)
		err = count_types(inv, items, len);
	free(ports);
	free(items);
	return err;
}

struct inventory *inventory_new(const struct descriptor *descriptors, size_t len,
				size_t groups_max)
{
	struct inventory *inv = calloc(1, sizeof(*inv));

	if (!inv)
		return NULL;
	inv->total = len;
	if (build(inv, descriptors, len)) {
		inventory_free(inv);
		return NULL;
	}
	while (inv->groups_len > groups_max)
		inv->rest += inv->groups[--inv->groups_len].count;
	return inv;
}

void inventory_free(struct inventory *inventory)
{
	if (!inventory)
		return;
	for (size_t i = 0; i < inventory->strings_len; i++)
		free(inventory->strings[i]);
	free(inventory->strings);
	free(inventory->groups);
	free(inventory->counts);
	free(inventory);
}

uint64_t inventory_total(const struct inventory *inventory)
{
	return inventory->total;
}

uint64_t inventory_deleted(const struct inventory *inventory)
{
	return inventory->deleted;
}

uint64_t inventory_rest(const struct inventory *inventory)
{
	return inventory->rest;
}

const struct inventory_count *inventory_counts(const struct inventory *inventory,
					       size_t *len)
{
	*len = inventory->counts_len;
	return inventory->counts;
}

const struct inventory_group *inventory_groups(const struct inventory *inventory,
					       size_t *len)
{
	*len = inventory->groups_len;
	return inventory->groups;
}
