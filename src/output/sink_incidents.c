/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A directory of incidents' records, which is bounded, on a disk that may be full. */
#include "output/sink_impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

/* Without memory a record is not begun: its line is lost, and counted. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "output/incident.h"
#include "output/lock_file.h"

/* Files that stay open: when the system has none left to open, incidents that go on are
 * written all the same. */
#define OPEN_MAX    8
/* A record that is half full has longer alerts in short: one with call sites has 12 kB. */
#define SHORT_UNDER 2048
/* What is left for the end of a record that is full. */
#define LAST_MAX    8192
/* A new file that is made beforehand, for the same reason. */
#define NEW_NAME    "new"
#define LOCK_NAME   ".lock"
/* Of a disk that was full: so many free ones are room again. */
#define ROOM_BLOCKS 4
#define NS_PER_S    1000000000ull

/* One record, or one that could not be made. */
struct record {
	char id[ALERT_ID_LEN];
	bool made;
	bool half_line; /* ends in the middle of a line */
	bool full;      /* its bound was reached, and it says so */
	int fd;         /* -1: not open */
	uint64_t bytes;
	uint64_t lines;   /* that were put there by this daemon */
	uint64_t lost;    /* lines that are missing, of which it was not said yet */
	int64_t last_s;   /* of the last line, CLOCK_REALTIME */
	uint64_t used_no; /* when it was written, in lines; of those that are open */
	UT_hash_handle hh;
};

struct sink_incidents {
	struct sink sink; /* first */
	char *path;
	int dir;
	int reserve; /* of NEW_NAME; -1: none */
	int lock;    /* of LOCK_NAME; -1: it could not be made */
	struct sink_keep keep;
	struct record *records; /* the longest unwritten first */
	uint64_t bytes;
	uint64_t lines;
	unsigned int open;
	bool full; /* the disk was: it had no room for a line */
};

static uint64_t realtime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static int64_t now_s(void)
{
	return (int64_t)(realtime_ns() / NS_PER_S);
}

/* ---- which there are ---- */

static void close_record(struct sink_incidents *self, struct record *record)
{
	if (record->fd < 0)
		return;
	close(record->fd);
	record->fd = -1;
	self->open--;
}

static void forget(struct sink_incidents *self, struct record *record)
{
	close_record(self, record);
	self->bytes -= record->bytes;
	HASH_DEL(self->records, record);
	free(record);
}

static void remove_record(struct sink_incidents *self, struct record *record)
{
	char name[INCIDENT_FILE_LEN];

	incident_file(record->id, name);
	if (record->made)
		(void)unlinkat(self->dir, name, 0);
	forget(self, record);
}

static bool is_beyond(const struct sink_incidents *self, uint64_t more_records,
		      uint64_t more_bytes)
{
	return HASH_COUNT(self->records) + more_records > self->keep.records ||
	       self->bytes + more_bytes > self->keep.bytes;
}

/* Before more is written, so that there is never too much. `spared` stays. */
static void make_room(struct sink_incidents *self, uint64_t more_records,
		      uint64_t more_bytes, const struct record *spared)
{
	struct record *record, *next;

	HASH_ITER (hh, self->records, record, next) {
		if (!is_beyond(self, more_records, more_bytes))
			break;
		if (record != spared)
			remove_record(self, record);
	}
}

static void remove_aged(struct sink_incidents *self)
{
	int64_t since_s = now_s() - (int64_t)(self->keep.age_ns / NS_PER_S);

	while (self->keep.age_ns && self->records && self->records->last_s < since_s)
		remove_record(self, self->records);
}

static struct record *add_record(struct sink_incidents *self, const char *id)
{
	struct record *record = calloc(1, sizeof(*record));

	if (!record)
		return NULL;
	memcpy(record->id, id, sizeof(record->id));
	record->fd = -1;
	HASH_ADD_STR(self->records, id, record);
	if (!record->hh.tbl) {
		free(record);
		return NULL;
	}
	return record;
}

/* The last written are the last to be removed. Without memory it stays where it is. */
static struct record *move_to_end(struct sink_incidents *self, struct record *record)
{
	struct record *moved = record->hh.next ? malloc(sizeof(*moved)) : NULL;

	if (!moved)
		return record;
	*moved = *record;
	HASH_ADD_STR(self->records, id, moved);
	if (!moved->hh.tbl) {
		free(moved);
		return record;
	}
	HASH_DEL(self->records, record);
	free(record);
	return moved;
}

static int by_age(const struct record *a, const struct record *b)
{
	return a->last_s < b->last_s ? -1 : a->last_s > b->last_s;
}

/* What a daemon before this one has left, but what is no record. */
static void find_records(struct sink_incidents *self)
{
	int fd = openat(self->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!dir && fd >= 0)
		close(fd);
	while (dir && (entry = readdir(dir))) {
		struct record *record;
		char id[ALERT_ID_LEN];
		struct stat st;

		if (!incident_of_file(entry->d_name, id) ||
		    fstatat(self->dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) ||
		    !S_ISREG(st.st_mode))
			continue;
		record = add_record(self, id);
		if (!record)
			break;
		record->made = true;
		record->half_line = true; /* for all that is known */
		record->bytes = (uint64_t)st.st_size;
		record->last_s = st.st_mtim.tv_sec;
		self->bytes += record->bytes;
	}
	if (dir)
		closedir(dir);
	HASH_SORT(self->records, by_age);
}

/* ---- files ---- */

static int make_new(const struct sink_incidents *self)
{
	(void)unlinkat(self->dir, NEW_NAME, 0);
	return openat(self->dir, NEW_NAME,
		      O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		      0640);
}

/* By its real name; the reserve is made anew. Returns the descriptor or -errno. */
static int make_file(struct sink_incidents *self, const char *name)
{
	int fd = self->reserve >= 0 ? self->reserve : make_new(self);

	self->reserve = -1;
	if (fd < 0)
		return -errno;
	if (renameat(self->dir, NEW_NAME, self->dir, name)) {
		int err = -errno;

		close(fd);
		return err;
	}
	self->reserve = make_new(self);
	return fd;
}

static void close_oldest(struct sink_incidents *self)
{
	struct record *record, *next, *oldest = NULL;

	HASH_ITER (hh, self->records, record, next)
		if (record->fd >= 0 && (!oldest || record->used_no < oldest->used_no))
			oldest = record;
	if (oldest)
		close_record(self, oldest);
}

static bool ends_within_line(int fd)
{
	char last = '\n';
	off_t end = lseek(fd, 0, SEEK_END);

	return end > 0 && pread(fd, &last, 1, end - 1) == 1 && last != '\n';
}

/* Somebody has removed it: the next one that is made begins with the word of what was there,
 * of which at least one line is known. */
static void was_removed(struct sink_incidents *self, struct record *record)
{
	close_record(self, record);
	self->bytes -= record->bytes;
	record->lost += record->lines ? record->lines : 1;
	record->bytes = record->lines = 0;
	record->made = record->half_line = record->full = false;
}

static int open_record(struct sink_incidents *self, struct record *record)
{
	char name[INCIDENT_FILE_LEN];
	struct stat st;
	int fd;

	if (record->fd >= 0 && !fstat(record->fd, &st) && st.st_nlink)
		return 0;
	if (record->fd >= 0)
		was_removed(self, record);
	if (self->open >= OPEN_MAX)
		close_oldest(self);
	incident_file(record->id, name);
	fd = record->made ? openat(self->dir, name,
				   O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK |
					   O_NOCTTY | O_CLOEXEC)
			  : make_file(self, name);
	if (fd < 0 && record->made)
		fd = -errno;
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return -EINVAL;
	}
	if (record->made && record->half_line)
		record->half_line = ends_within_line(fd);
	record->made = true;
	record->fd = fd;
	self->open++;
	return 0;
}

/* Cuts off what was written in part: nobody else writes there. */
static int append(struct record *record, const char *line, size_t len)
{
	off_t begin = lseek(record->fd, 0, SEEK_END);
	size_t done = 0;

	while (done < len) {
		ssize_t now = write(record->fd, line + done, len - done);

		if (now < 0 && errno == EINTR)
			continue;
		if (now < 0) {
			int err = -errno;

			if (done && (begin < 0 || ftruncate(record->fd, begin)))
				record->half_line = true;
			return err;
		}
		done += (size_t)now;
	}
	return 0;
}

static int put_line(struct sink_incidents *self, struct record *record,
		    const char *line, size_t len)
{
	int err;

	make_room(self, 0, len, record);
	err = append(record, line, len);
	if (!err) {
		record->bytes += len;
		self->bytes += len;
	}
	return err;
}

/* Makes, puts and frees a line of our own. */
static int put_own(struct sink_incidents *self, struct record *record, char *line)
{
	int err = line ? put_line(self, record, line, strlen(line)) : -ENOMEM;

	free(line);
	return err;
}

/* What stands before the next line: the end of a torn one, and the word of what is missing. */
static int mend(struct sink_incidents *self, struct record *record)
{
	int err = 0;

	if (record->half_line) {
		err = put_line(self, record, "\n", 1);
		record->half_line = err != 0;
	}
	if (!err && record->lost) {
		err = put_own(self, record, incident_lost_line(record->lost));
		record->lost = err ? record->lost : 0;
	}
	return err;
}

/* ---- lines ---- */

static bool is_last(const struct sink_message *message)
{
	return message->text && (message->action == POLICY_FD_RECOVERED ||
				 message->action == POLICY_SYSTEM_RECOVERED);
}

/* The bound of one record, which is less where all together may have less. */
static uint64_t bound_of(const struct sink_incidents *self)
{
	return self->keep.bytes < INCIDENT_MAX ? self->keep.bytes : INCIDENT_MAX;
}

static int put_message(struct sink_incidents *self, struct record *record,
		       const struct sink_message *message)
{
	uint64_t bound = bound_of(self), short_above = bound / 2;
	bool cut = message->text && message->len > SHORT_UNDER &&
		   record->bytes + message->len > short_above;
	size_t len = cut ? SHORT_UNDER : message->len;

	if (record->bytes + len + (is_last(message) ? 0 : LAST_MAX) > bound) {
		int err =
			record->full ? 0 : put_own(self, record, incident_full_line());

		record->full = true;
		if (err || !is_last(message) || record->bytes + len > bound)
			return err;
	}
	if (!cut)
		return put_line(self, record, message->line, message->len);
	return put_own(self, record,
		       incident_short_line(policy_action_name(message->action),
					   message->text, realtime_ns()));
}

/* On a full disk what ends within a block has room for some lines still: without waiting for
 * more than that, each of them were said to be the end of it. */
static bool is_disk_full(struct sink_incidents *self)
{
	struct statvfs disk;

	if (self->full && !fstatvfs(self->dir, &disk))
		self->full = disk.f_bavail < ROOM_BLOCKS;
	return self->full;
}

static int incidents_write(struct sink *sink, const struct sink_message *message)
{
	struct sink_incidents *self = (struct sink_incidents *)sink;
	char name[INCIDENT_FILE_LEN], id[ALERT_ID_LEN];
	struct record *record;
	int err;

	remove_aged(self);
	if (!message->incident)
		return 0;
	snprintf(name, sizeof(name), "%s.jsonl", message->incident);
	if (!incident_of_file(name, id))
		return -EINVAL;
	HASH_FIND_STR(self->records, id, record);
	if (record) {
		record = move_to_end(self, record);
	} else {
		make_room(self, 1, message->len, NULL);
		record = add_record(self, id);
	}
	if (!record)
		return -ENOMEM;
	record->last_s = now_s();
	record->used_no = ++self->lines;
	err = is_disk_full(self) ? -ENOSPC : open_record(self, record);
	if (!err)
		err = mend(self, record);
	if (!err)
		err = put_message(self, record, message);
	if (err == -ENOENT && record->made) /* the next line makes it anew */
		was_removed(self, record);
	self->full |= err == -ENOSPC;
	record->lost += err != 0;
	record->lines += !err;
	if (err == -EEXIST) /* of the new file alone: what is no file stays there */
		sink_explain(sink, "%s/" NEW_NAME " is in the way: remove it",
			     self->path);
	else if (err)
		sink_explain(sink, "%s: %s", self->path, strerrordesc_np(-err));
	return err;
}

/* ---- life ---- */

static void incidents_start(struct sink *sink)
{
	struct sink_incidents *self = (struct sink_incidents *)sink;

	find_records(self);
	remove_aged(self);
	make_room(self, 0, 0, NULL);
	self->reserve = make_new(self);
}

static void incidents_destroy(struct sink *sink)
{
	struct sink_incidents *self = (struct sink_incidents *)sink;

	while (self->records)
		forget(self, self->records);
	if (self->reserve >= 0) {
		close(self->reserve);
		(void)unlinkat(self->dir, NEW_NAME, 0);
	}
	if (self->lock >= 0)
		lock_file_leave(self->dir, LOCK_NAME, self->lock);
	if (self->dir >= 0)
		close(self->dir);
	free(self->path);
	free(self);
}

static const struct sink_type incidents_type = {
	.name = "incidents",
	.slow = "the records could not be written fast enough",
	.noun = "line",
	.retry_ms = 1000,
	.retry_max_ms = 1000,
	.start = incidents_start,
	.write = incidents_write,
	.destroy = incidents_destroy,
};

/* With the directory above it, which is made at an installation. */
static int open_directory(const char *path)
{
	char *above = strdup(path), *slash = above ? strrchr(above, '/') : NULL;
	int fd;

	if (slash && slash > above) {
		*slash = 0;
		(void)mkdir(above, 0750);
	}
	free(above);
	(void)mkdir(path, 0750);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (faccessat(fd, ".", W_OK | X_OK, AT_EACCESS)) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

/* Two that write there would put their files into each other's place, and remove them. Where
 * there is no room for the lock there may be for records later. */
static int take_lock(struct sink_incidents *self, struct sink_taken *taken)
{
	int fd = lock_file_take(self->dir, LOCK_NAME, &taken->owner);

	if (fd >= 0)
		self->lock = fd;
	if (fd >= 0 || lock_file_lacks_room(fd))
		return 0;
	taken->lock = LOCK_NAME;
	return fd;
}

int sink_open_incidents(const char *path, const struct sink_keep *keep,
			struct sink_taken *taken, struct sink **out)
{
	struct sink_incidents *self = calloc(1, sizeof(*self));
	int err;

	*taken = (struct sink_taken){0};
	if (!self)
		return -ENOMEM;
	self->reserve = self->dir = self->lock = -1;
	self->keep = *keep;
	self->path = strdup(path);
	err = self->path ? open_directory(path) : -ENOMEM;
	if (err >= 0) {
		self->dir = err;
		err = take_lock(self, taken);
	}
	if (!err)
		err = sink_start(&self->sink, &incidents_type);
	if (err < 0) {
		incidents_destroy(&self->sink);
		return err;
	}
	*out = &self->sink;
	return 0;
}
