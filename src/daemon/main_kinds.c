// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/main_kinds.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect/kernel.h"
#include "output/json.h"
#include "policy/inventory.h"

#define FRESH_NS        5000000000ull
/* What most are is seen from so many; measured, 20,000 take 4 ms. */
#define DESCRIPTORS_MAX 4096
/* Of one answer: what is not looked at by then is absent, and comes with the next. */
#define PATIENCE_NS     1000000000ull
/* By pid; one that is hit again is overwritten. */
#define SLOTS           1024

struct slot {
	pid_t pid;
	uint64_t at_ns; /* 0: nothing */
	/* Copied: an inode's own name is the inventory's. Empty: not known. */
	char kind[32];
	uint64_t count, of;
};

struct main_kinds {
	struct census *census;
	struct slot slots[SLOTS];
};

struct main_kinds *main_kinds_new(struct census *census)
{
	struct main_kinds *kinds = calloc(1, sizeof(*kinds));

	if (kinds)
		kinds->census = census;
	return kinds;
}

void main_kinds_free(struct main_kinds *kinds)
{
	free(kinds);
}

static void look(struct main_kinds *kinds, struct slot *slot, pid_t pid)
{
	struct census_result result = {0};
	struct inventory *inventory = NULL;
	const struct inventory_count *counts;
	size_t len = 0;

	*slot = (struct slot){.pid = pid, .at_ns = kernel_now_ns()};
	if (!census_read(kinds->census, pid, 0, DESCRIPTORS_MAX, &result) && result.len)
		inventory = inventory_new(result.descriptors, result.len, 0);
	if (inventory) {
		counts = inventory_counts(inventory, &len);
		if (len) {
			snprintf(slot->kind, sizeof(slot->kind), "%s", counts[0].type);
			slot->count = counts[0].count;
			slot->of = inventory_total(inventory);
		}
	}
	inventory_free(inventory);
	census_clear(&result);
}

static int add(cJSON *list, const struct slot *slot)
{
	cJSON *item;
	int err;

	if (!slot->kind[0])
		return 0;
	item = cJSON_CreateObject();
	if (!item || !cJSON_AddItemToArray(list, item)) {
		cJSON_Delete(item);
		return -ENOMEM;
	}
	err = json_add_uint(item, "pid", (uint64_t)slot->pid);
	if (!err)
		err = json_add_text(item, "kind", slot->kind);
	if (!err)
		err = json_add_uint(item, "count", slot->count);
	return err ? err : json_add_uint(item, "of", slot->of);
}

static int fill(struct main_kinds *kinds, const struct request *request, cJSON *list)
{
	uint64_t begin_ns = kernel_now_ns();
	int err = 0;

	for (size_t i = 0; i < request->pids_len && !err; i++) {
		pid_t pid = request->pids[i];
		struct slot *slot = &kinds->slots[(size_t)pid % SLOTS];
		uint64_t now_ns = kernel_now_ns();

		if (slot->pid != pid || !slot->at_ns ||
		    now_ns > slot->at_ns + FRESH_NS) {
			if (now_ns > begin_ns + PATIENCE_NS)
				continue;
			look(kinds, slot, pid);
		}
		err = add(list, slot);
	}
	return err;
}

void main_kinds_answer(struct main_kinds *kinds, struct server_job *job)
{
	cJSON *list = cJSON_CreateArray();
	char *text = NULL;

	if (list && !fill(kinds, &job->request, list))
		text = cJSON_PrintUnformatted(list);
	if (text)
		job->body = shared_text_format("\"kinds\":%s", text);
	if (!job->body)
		server_job_fail(job, REQUEST_FAILED, "no memory");
	cJSON_free(text);
	cJSON_Delete(list);
}
