// SPDX-License-Identifier: GPL-2.0-or-later
#include "collect/census_record.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define LEN(array)         (sizeof(array) / sizeof((array)[0]))

/* Of linux/magic.h, and those that it has not in every version */
#define ANON_INODE_MAGIC   0x09041934
#define DMA_BUF_MAGIC      0x444d4142
#define HUGETLBFS_FS_MAGIC 0x958458f6
#define MQUEUE_MAGIC       0x19800202
#define NSFS_FS_MAGIC      0x6e736673
#define PIDFS_FS_MAGIC     0x50494446
#define PIPEFS_FS_MAGIC    0x50495045
#define SECRETMEM_FS_MAGIC 0x5345434d
#define SOCKFS_FS_MAGIC    0x534f434b
#define TMPFS_FS_MAGIC     0x01021994

#define DELETED            " (deleted)"
#define MEMFD              "memfd:"
/* The longest string that is made of a record: a path and a leading '/', or "net:[…]" */
#define STRING_MAX         (FDW_DESCRIPTOR_PATH_MAX + 64)

/* Kinds that the kernel only calls by name, between brackets or not. */
static const struct {
	const char *name;
	enum descriptor_kind kind;
	bool named; /* the name says more: it is kept */
} anonymous[] = {
	{"eventpoll", DESCRIPTOR_EPOLL, false},
	{"eventfd", DESCRIPTOR_EVENTFD, false},
	{"timerfd", DESCRIPTOR_TIMERFD, false},
	{"signalfd", DESCRIPTOR_SIGNALFD, false},
	{"inotify", DESCRIPTOR_INOTIFY, false},
	{"fanotify", DESCRIPTOR_FANOTIFY, false},
	{"pidfd", DESCRIPTOR_PIDFD, false},
	{"io_uring", DESCRIPTOR_IO_URING, false},
	{"perf_event", DESCRIPTOR_PERF, false},
	{"userfaultfd", DESCRIPTOR_USERFAULTFD, false},
	{"seccomp notify", DESCRIPTOR_SECCOMP, false},
	{"fscontext", DESCRIPTOR_FSCONTEXT, false},
	{"landlock-ruleset", DESCRIPTOR_LANDLOCK, false},
	{"btf", DESCRIPTOR_BPF, true},
	{"bpf-map", DESCRIPTOR_BPF, true},
	{"bpf-prog", DESCRIPTOR_BPF, true},
	{"bpf_link", DESCRIPTOR_BPF, true},
	{"bpf-link", DESCRIPTOR_BPF, true},
	{"bpf_iter", DESCRIPTOR_BPF, true},
	{"bpf-token", DESCRIPTOR_BPF, true},
	{"bpf_stats", DESCRIPTOR_BPF, true},
	{"bpf-stats", DESCRIPTOR_BPF, true},
};

/* One record while it is taken apart. `name`, `peer_name`: "" if there is none. */
struct reading {
	const struct fdw_descriptor *record;
	struct descriptor *d;
	char name[STRING_MAX], peer_name[FDW_UNIX_NAME_MAX + 1];
	bool suffixed; /* the kernel's path ended in " (deleted)" */
};

static uint64_t device_number(uint32_t kernels)
{
	return makedev(kernels >> 20, kernels & 0xfffff);
}

static enum descriptor_kind kind_of_mode(uint16_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return DESCRIPTOR_FILE;
	case S_IFDIR:
		return DESCRIPTOR_DIRECTORY;
	case S_IFCHR:
		return DESCRIPTOR_CHARACTER;
	case S_IFBLK:
		return DESCRIPTOR_BLOCK;
	case S_IFIFO:
		return DESCRIPTOR_PIPE;
	case S_IFLNK:
		return DESCRIPTOR_SYMLINK;
	case S_IFSOCK:
		return DESCRIPTOR_SOCKET;
	}
	return DESCRIPTOR_UNKNOWN;
}

/* ---- names ---- */

/* "/usr/lib (deleted)", as bpf_d_path() gives it. */
static void take_path(struct reading *r, const char *text, size_t len)
{
	const size_t suffix = strlen(DELETED);

	len = strnlen(text, len);
	/* The kernel puts it behind what has been unlinked; it may be the name's own. */
	r->suffixed = (r->record->marks & FDW_FD_UNLINKED) && len > suffix &&
		      !memcmp(text + len - suffix, DELETED, suffix);
	if (r->suffixed)
		len -= suffix;
	memcpy(r->name, text, len);
	r->name[len] = 0;
}

/* "lib\0usr\0" becomes "/usr/lib". */
static void take_parts(struct reading *r, const char *text, size_t len)
{
	size_t at = sizeof(r->name) - 1, end = 0, start, part;

	r->name[at] = 0;
	for (start = 0; start < len; start = end + 1) {
		part = strnlen(text + start, len - start);
		end = start + part;
		if (part + 1 > at) {
			r->d->path_cut = true;
			break;
		}
		at -= part;
		memcpy(r->name + at, text + start, part);
		r->name[--at] = '/';
	}
	if (r->record->marks & FDW_FD_CUT)
		r->d->path_cut = true;
	if (!r->name[at])
		r->name[--at] = '/';
	if (r->d->path_cut && r->name[at] == '/')
		at++;
	memmove(r->name, r->name + at, sizeof(r->name) - at);
	r->suffixed = r->record->marks & FDW_FD_UNLINKED;
}

/* A name of a unix socket: a path, or abstract, then with NULs. */
static void take_unix_name(char *out, const char *text, size_t len)
{
	if (len && text[0])
		len = strnlen(text, len);
	memcpy(out, text, len);
	out[len] = 0;
	for (size_t i = 0; i < len; i++)
		if (!out[i])
			out[i] = '@';
}

/* Without the brackets. */
static void take_anonymous_name(struct reading *r, const char *text, size_t len)
{
	len = strnlen(text, len);
	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	memcpy(r->name, text, len);
	r->name[len] = 0;
}

static void take_anonymous(struct reading *r, const char *text, size_t len)
{
	take_anonymous_name(r, text, len);
	r->d->kind = DESCRIPTOR_ANONYMOUS;
	for (size_t i = 0; i < LEN(anonymous); i++) {
		if (strcmp(r->name, anonymous[i].name) != 0)
			continue;
		r->d->kind = anonymous[i].kind;
		if (!anonymous[i].named)
			r->name[0] = 0;
		return;
	}
}

/* What lies in a file system that no path leads to. */
static void take_internal(struct reading *r, const char *text, size_t len)
{
	struct descriptor *d = r->d;

	switch (r->record->magic) {
	case SOCKFS_FS_MAGIC:
	case PIPEFS_FS_MAGIC:
		d->kind = kind_of_mode(r->record->mode);
		break;
	case PIDFS_FS_MAGIC:
		d->kind = DESCRIPTOR_PIDFD;
		break;
	case NSFS_FS_MAGIC:
		d->kind = DESCRIPTOR_NAMESPACE;
		snprintf(r->name, sizeof(r->name), "%.*s:[%llu]", (int)len, text,
			 (unsigned long long)r->record->inode);
		break;
	case TMPFS_FS_MAGIC:
	case HUGETLBFS_FS_MAGIC:
	case SECRETMEM_FS_MAGIC:
		d->kind = kind_of_mode(r->record->mode);
		if (r->record->magic == SECRETMEM_FS_MAGIC ||
		    !strncmp(text, MEMFD, strlen(MEMFD)))
			d->kind = DESCRIPTOR_MEMFD;
		else
			d->deleted = !r->record->links;
		snprintf(r->name, sizeof(r->name), "/%.*s", (int)len, text);
		break;
	case MQUEUE_MAGIC: /* its mount is the kernel's own, the name is the queue's */
		d->kind = DESCRIPTOR_QUEUE;
		d->deleted = !r->record->links;
		snprintf(r->name, sizeof(r->name), "/%.*s", (int)len, text);
		break;
	default:
		take_anonymous(r, text, len);
	}
}

/* ---- ends of sockets ---- */

/* IPv4 addresses within IPv6 are shown as what they are. */
static void take_end(struct descriptor_end *end, uint16_t family, uint16_t port,
		     const uint8_t address[16])
{
	static const uint8_t any[16], mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (!port && !memcmp(address, any, sizeof(any)))
		return;
	end->family = family;
	end->port = port;
	memcpy(end->address, address, sizeof(end->address));
	if (family != AF_INET6 || memcmp(address, mapped, sizeof(mapped)) != 0)
		return;
	end->family = AF_INET;
	memset(end->address, 0, sizeof(end->address));
	memcpy(end->address, address + sizeof(mapped), 4);
}

static void take_socket(struct reading *r, const char *text)
{
	const struct fdw_descriptor *record = r->record;
	struct descriptor *d = r->d;

	d->family = record->family;
	d->type = record->socket_type;
	d->protocol = record->protocol;
	d->state = record->state;
	d->peer_closed = record->marks & FDW_FD_PEER_CLOSED;
	d->peer_inode = record->peer_inode;
	if (d->family == AF_UNIX) {
		take_unix_name(r->name, text, record->text_len);
		take_unix_name(r->peer_name, text + record->text_len, record->peer_len);
	} else if (d->family == AF_INET || d->family == AF_INET6) {
		take_end(&d->local, d->family, record->local_port, record->local);
		take_end(&d->peer, d->family, record->peer_port, record->peer);
	}
}

/* ---- the list ---- */

static void take_record(struct reading *r)
{
	const struct fdw_descriptor *record = r->record;
	struct descriptor *d = r->d;

	r->name[0] = r->peer_name[0] = 0;
	r->suffixed = false;
	d->fd = record->fd;
	d->file = record->file;
	d->inode = record->inode;
	d->device = device_number(record->device);
	d->rdevice = device_number(record->rdevice);
	d->position = record->position;
	d->flags = record->flags;
	d->readers = record->readers;
	d->writers = record->writers;
	d->pid = record->pid;
	d->ended = record->marks & FDW_FD_ENDED;
	if (record->magic == SOCKFS_FS_MAGIC) {
		d->kind = DESCRIPTOR_SOCKET;
		take_socket(r, record->text);
	} else if (record->marks & FDW_FD_INTERNAL) {
		take_internal(r, record->text, record->text_len);
	} else {
		d->kind = kind_of_mode(record->mode);
		if (record->magic == NSFS_FS_MAGIC)
			d->kind = DESCRIPTOR_NAMESPACE;
		if (record->magic == MQUEUE_MAGIC && d->kind == DESCRIPTOR_FILE)
			d->kind = DESCRIPTOR_QUEUE;
		if (record->marks & FDW_FD_PARTS)
			take_parts(r, record->text, record->text_len);
		else
			take_path(r, record->text, record->text_len);
		/* Directories have no second name; a file system may not count their
		 * links. */
		d->deleted = !record->links ||
			     (d->kind == DESCRIPTOR_DIRECTORY && r->suffixed);
	}
}

/* Puts it behind the others; its offset + 1, as if it were a pointer; 0: none. */
static int keep(struct census_list *list, const char *string, const char **out)
{
	size_t size = strlen(string) + 1, room = list->text_room;
	char *grown;

	*out = NULL;
	if (size == 1)
		return 0;
	if (list->text_len + size > CENSUS_TEXT_MAX) {
		list->nameless++;
		return 0;
	}
	if (list->text_len + size > room) {
		room = 2 * (room + size) > 4096 ? 2 * (room + size) : 4096;
		grown = realloc(list->text, room);
		if (!grown)
			return -ENOMEM;
		list->text = grown;
		list->text_room = room;
	}
	memcpy(list->text + list->text_len, string, size);
	*out = (const char *)(uintptr_t)(list->text_len + 1);
	list->text_len += size;
	return 0;
}

static struct descriptor *next_place(struct census_list *list)
{
	struct descriptor *grown;
	size_t room;

	if (list->len == list->room) {
		room = list->room ? 2 * list->room : 256;
		grown = reallocarray(list->descriptors, room, sizeof(*grown));
		if (!grown)
			return NULL;
		list->descriptors = grown;
		list->room = room;
	}
	return memset(&list->descriptors[list->len], 0, sizeof(*list->descriptors));
}

static int add_one(struct census_list *list, struct reading *r)
{
	int err;

	r->d = next_place(list);
	if (!r->d)
		return -ENOMEM;
	take_record(r);
	err = keep(list, r->name, &r->d->path);
	if (!err)
		err = keep(list, r->peer_name, &r->d->peer_path);
	if (!err)
		list->len++;
	return err;
}

static bool is_whole(const struct fdw_descriptor *record, size_t len)
{
	return record->type == FDW_RECORD_DESCRIPTOR && record->size <= len &&
	       record->size == sizeof(*record) + record->text_len + record->peer_len &&
	       record->text_len <= FDW_DESCRIPTOR_PATH_MAX &&
	       record->peer_len <= FDW_UNIX_NAME_MAX;
}

int census_list_add(struct census_list *list, const char *bytes, size_t len)
{
	/* Records follow each other at any address. */
	char aligned[sizeof(struct fdw_descriptor) + FDW_DESCRIPTOR_PATH_MAX +
		     FDW_UNIX_NAME_MAX + 1] __attribute__((aligned(8)));
	const struct fdw_descriptor *record = (const void *)aligned;
	struct reading reading = {.record = record};
	size_t at = 0, left;
	int err = 0;

	while (!err && at < len) {
		left = len - at;
		if (left < sizeof(*record))
			return -EPROTO;
		memcpy(aligned, bytes + at, sizeof(*record));
		if (!is_whole(record, left))
			return -EPROTO;
		memcpy(aligned, bytes + at, record->size);
		aligned[record->size] = 0; /* not all texts end with one */
		at += record->size;
		err = add_one(list, &reading);
	}
	return err;
}

void census_list_finish(struct census_list *list, struct census_result *out)
{
	for (size_t i = 0; i < list->len; i++) {
		struct descriptor *d = &list->descriptors[i];

		if (d->path)
			d->path = list->text + (uintptr_t)d->path - 1;
		if (d->peer_path)
			d->peer_path = list->text + (uintptr_t)d->peer_path - 1;
	}
	out->descriptors = list->descriptors;
	out->len = list->len;
	out->strings = list->text;
	out->nameless = list->nameless;
	memset(list, 0, sizeof(*list));
}

void census_list_clear(struct census_list *list)
{
	free(list->descriptors);
	free(list->text);
	memset(list, 0, sizeof(*list));
}

void census_clear(struct census_result *result)
{
	free(result->descriptors);
	free(result->strings);
	memset(result, 0, sizeof(*result));
}
