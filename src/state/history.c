// SPDX-License-Identifier: GPL-2.0-or-later
#include "state/history.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define MAGIC    "fdwhist"
#define VERSION  1
#define BOOT_LEN 36
#define VARINT   10 /* bytes at the most */

/* Before the numbers. What is checked begins behind it. */
struct head {
	char magic[7]; /* no NUL */
	uint8_t version;
	uint32_t check;
	uint32_t processes;
	char boot_id[BOOT_LEN];
};
_Static_assert(sizeof(struct head) == 52, "as in the file");

/* All numbers of one process at their longest. */
#define PROCESS_MAX (VARINT * (12 + LEAK_SCALES * (9 + 2 * LEAK_WINDOWS)))

static uint32_t check_of(const char *data, size_t len)
{
	return (uint32_t)crc32(0, (const unsigned char *)data + sizeof(struct head),
			       (unsigned int)(len - sizeof(struct head)));
}

/* ---- writing ---- */

struct writer {
	unsigned char *data;
	size_t len, room;
	uint32_t processes;
	bool failed;
};

/* Seven bits a byte, the lowest first. */
static void put(struct writer *w, uint64_t value)
{
	while (value > 127) {
		w->data[w->len++] = (unsigned char)(value | 128);
		value >>= 7;
	}
	w->data[w->len++] = (unsigned char)value;
}

/* Small numbers of either sign as small ones without. */
static void put_signed(struct writer *w, int64_t value)
{
	put(w, value < 0 ? ~((uint64_t)value << 1) : (uint64_t)value << 1);
}

static bool has_room(struct writer *w)
{
	size_t more = w->room ? 2 * w->room : 1u << 16;
	unsigned char *data;

	if (w->len + PROCESS_MAX <= w->room)
		return true;
	data = w->len < HISTORY_MAX ? realloc(w->data, more) : NULL;
	w->failed |= !data;
	if (!data)
		return false;
	w->data = data;
	w->room = more;
	return true;
}

static void put_scale(struct writer *w, const struct leak_scale *scale)
{
	uint32_t last = 0;

	put(w, scale->len);
	put(w, scale->parts);
	put(w, scale->block);
	put(w, scale->part_floor + 1u); /* unknown: 0 */
	put(w, scale->part_top);
	put(w, scale->part_opens);
	put(w, scale->swing);
	put(w, scale->peak[0]);
	put(w, scale->peak[1]);
	for (unsigned int age = scale->len; age-- > 0;) {
		unsigned int i =
			(scale->next + 2u * LEAK_WINDOWS - 1 - age) % LEAK_WINDOWS;
		uint32_t floor = scale->floor[i] + 1u;

		put_signed(w, (int64_t)floor - (int64_t)last);
		put(w, (uint16_t)(scale->opens[i] + 1u));
		last = floor;
	}
}

static void put_process(void *context, struct process *process)
{
	const struct leak_history *leak = process->leak;
	struct leak_suspicion_kept kept;
	struct writer *w = context;

	if (!leak || !leak->window_ns || !leak_is_eventful(leak) || w->failed ||
	    !has_room(w))
		return;
	leak_keep_suspicion(leak, &kept);
	put(w, (uint64_t)process->who.pid);
	put(w, process->who.start_ns);
	put(w, leak->window_ns);
	put(w, leak->begin_ns);
	put(w, leak->watched);
	put(w, kept.stage);
	if (kept.stage) {
		put(w, kept.scale);
		put(w, kept.floor_then);
		put(w, kept.then_ns);
		put(w, kept.peak);
		put(w, kept.peak_ns);
	}
	for (unsigned int i = 0; i < LEAK_SCALES; i++)
		put_scale(w, &leak->scales[i]);
	w->processes++;
}

void history_seal(char *data, size_t len)
{
	uint32_t check = check_of(data, len);

	memcpy(data + offsetof(struct head, check), &check, sizeof(check));
}

char *history_encode(struct process_table *processes, const char *boot_id, size_t *len)
{
	struct head head = {.version = VERSION};
	struct writer w = {.len = sizeof(head)};

	has_room(&w);
	if (!w.failed)
		process_table_each(processes, put_process, &w);
	if (w.failed || w.len > HISTORY_MAX) {
		free(w.data);
		return NULL;
	}
	memcpy(head.magic, MAGIC, sizeof(head.magic));
	head.processes = w.processes;
	memcpy(head.boot_id, boot_id, strnlen(boot_id, BOOT_LEN));
	memcpy(w.data, &head, sizeof(head));
	history_seal((char *)w.data, w.len);
	*len = w.len;
	return (char *)w.data;
}

/* ---- reading ---- */

struct reader {
	const unsigned char *at, *end;
	bool bad;
};

static uint64_t get(struct reader *r, uint64_t max)
{
	uint64_t value = 0;
	unsigned int shift = 0;

	do {
		if (r->at == r->end || shift > 63) {
			r->bad = true;
			return 0;
		}
		value |= (uint64_t)(*r->at & 127) << shift;
		shift += 7;
	} while (*r->at++ & 128);
	if (value > max) {
		r->bad = true;
		return 0;
	}
	return value;
}

static int64_t get_signed(struct reader *r)
{
	uint64_t value = get(r, UINT64_MAX);

	return (int64_t)(value & 1 ? ~(value >> 1) : value >> 1);
}

static void get_scale(struct reader *r, struct leak_scale *scale)
{
	int64_t floor = 0;

	scale->len = (uint8_t)get(r, LEAK_WINDOWS);
	scale->next = scale->len % LEAK_WINDOWS;
	scale->parts = (uint8_t)get(r, LEAK_FACTOR - 1);
	scale->block = (uint8_t)get(r, UINT8_MAX);
	scale->part_floor = (uint32_t)get(r, UINT32_MAX) - 1u;
	scale->part_top = (uint32_t)get(r, UINT32_MAX);
	scale->part_opens = (uint32_t)get(r, UINT32_MAX);
	scale->swing = (uint32_t)get(r, UINT32_MAX);
	scale->peak[0] = (uint32_t)get(r, UINT32_MAX);
	scale->peak[1] = (uint32_t)get(r, UINT32_MAX);
	if (scale->part_floor != LEAK_UNKNOWN && scale->part_top < scale->part_floor)
		r->bad = true;
	for (unsigned int i = 0; i < scale->len && !r->bad; i++) {
		if (__builtin_add_overflow(floor, get_signed(r), &floor) || floor < 0 ||
		    floor > UINT32_MAX)
			r->bad = true;
		scale->floor[i] = (uint32_t)floor - 1u;
		scale->opens[i] = (uint16_t)(get(r, UINT16_MAX) - 1u);
	}
}

static void get_suspicion(struct reader *r, struct leak_suspicion_kept *kept)
{
	memset(kept, 0, sizeof(*kept));
	kept->stage = (uint32_t)get(r, LEAK_SUSPECTED);
	if (!kept->stage)
		return;
	if (kept->stage != LEAK_SUSPECTED)
		r->bad = true;
	kept->scale = (uint32_t)get(r, LEAK_SCALES - 1);
	kept->floor_then = get(r, UINT32_MAX);
	kept->then_ns = get(r, UINT64_MAX);
	kept->peak = get(r, UINT32_MAX);
	kept->peak_ns = get(r, UINT64_MAX);
}

/* One process; into the table, or with NULL nowhere, to see whether it is sound. */
static void get_process(struct reader *r, struct process_table *processes)
{
	pid_t pid = (pid_t)get(r, INT32_MAX);
	uint64_t start_ns = get(r, UINT64_MAX);
	struct leak_suspicion_kept kept;
	struct leak_history leak = {.opened = UINT64_MAX};
	struct process *process;

	leak.window_ns = get(r, UINT64_MAX);
	leak.begin_ns = get(r, UINT64_MAX);
	leak.watched = (uint32_t)get(r, UINT32_MAX);
	get_suspicion(r, &kept);
	for (unsigned int i = 0; i < LEAK_SCALES && !r->bad; i++)
		get_scale(r, &leak.scales[i]);
	if (!leak.window_ns || leak.window_ns > UINT64_MAX >> (2 * LEAK_SCALES))
		r->bad = true;
	if (r->bad || !processes)
		return;
	process = process_table_find(processes, pid, start_ns);
	if (!process) {
		process = process_table_add(processes, pid, start_ns, 0);
		if (process)
			process->resumed = true;
	}
	if (!process || process->leak)
		return;
	process->leak = malloc(sizeof(leak));
	if (!process->leak)
		return;
	*process->leak = leak;
	leak_resume_suspicion(process->leak, &kept);
}

static void get_all(struct reader *r, uint32_t n, struct process_table *processes)
{
	for (uint32_t i = 0; i < n && !r->bad; i++)
		get_process(r, processes);
	if (r->at != r->end)
		r->bad = true;
}

int history_decode(const char *data, size_t len, const char *boot_id,
		   struct process_table *processes, const char **why)
{
	struct reader r, again;
	struct head head;

	*why = "it is damaged";
	if (len < sizeof(head) || len > HISTORY_MAX)
		return -EINVAL;
	memcpy(&head, data, sizeof(head));
	r = again = (struct reader){(const unsigned char *)data + sizeof(head),
				    (const unsigned char *)data + len, false};
	if (memcmp(head.magic, MAGIC, sizeof(head.magic)) != 0)
		return -EINVAL;
	if (head.version != VERSION) {
		*why = "it is of another version";
		return -ESTALE;
	}
	if (head.check != check_of(data, len))
		return -EINVAL;
	if (!*boot_id || strncmp(head.boot_id, boot_id, BOOT_LEN) != 0) {
		*why = "it is from before the last boot";
		return -ESTALE;
	}
	get_all(&r, head.processes, NULL);
	if (r.bad)
		return -EINVAL;
	get_all(&again, head.processes, processes);
	return (int)head.processes;
}
