// SPDX-License-Identifier: GPL-2.0-or-later
#include "output/self.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "output/json.h"

/* Whole numbers that a double holds exactly. */
#define WHOLE_MAX  9007199254740992.0

#define AT(member) #member, offsetof(struct self_figures, member)

static const struct {
	const char *name;
	size_t offset;
	bool always; /* of one snapshot too */
} texts[] = {
	{AT(sensor), false},     {AT(counters), false},    {AT(snapshot), true},
	{AT(started_at), false}, {AT(snapshot_at), false},
};
#define TEXTS_LEN (sizeof(texts) / sizeof(texts[0]))

static const struct {
	const char *name;
	size_t offset;
	bool always;
	bool loss;
} numbers[] = {
	{AT(snapshot_ns), true, false},     {AT(processes), false, false},
	{AT(descriptors), false, false},    {AT(torn), true, true},
	{AT(drift), false, true},           {AT(snapshots_failed), false, true},
	{AT(dropped), false, true},         {AT(refusals_uncounted), false, true},
	{AT(calls_uncounted), false, true}, {AT(unreadable), false, true},
	{AT(malformed), false, true},       {AT(late), false, true},
	{AT(missed), false, true},          {AT(explained), false, false},
	{AT(unexplained), false, true},     {AT(alerts_lost), false, true},
	{AT(state_failures), false, true},
};
#define NUMBERS_LEN (sizeof(numbers) / sizeof(numbers[0]))

static uint64_t number_of(const struct self_figures *self, size_t i)
{
	return *(const uint64_t *)((const char *)self + numbers[i].offset);
}

void self_losses(const struct self_figures *self, struct self_loss out[SELF_LOSSES])
{
	size_t n = 0;

	for (size_t i = 0; i < NUMBERS_LEN && n < SELF_LOSSES; i++)
		if (numbers[i].loss)
			out[n++] =
				(struct self_loss){numbers[i].name, number_of(self, i)};
}

int self_add(cJSON *parent, const struct self_figures *self)
{
	cJSON *out = json_add_object(parent, "self");
	int err = out ? 0 : -ENOMEM;

	if (!err && self->pid)
		err = json_add_uint(out, "pid", (uint64_t)self->pid);
	for (size_t i = 0; i < TEXTS_LEN && !err; i++) {
		const char *text = (const char *)self + texts[i].offset;

		if (*text && (self->pid || texts[i].always))
			err = json_add_text(out, texts[i].name, text);
	}
	for (size_t i = 0; i < NUMBERS_LEN && !err; i++)
		if (self->pid || numbers[i].always)
			err = json_add_uint(out, numbers[i].name, number_of(self, i));
	return err;
}

/* Our own texts are plain; anything else is not ours. */
static int read_text(const cJSON *object, const char *name, char out[SELF_TEXT_LEN])
{
	const char *text =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
	size_t len = text ? strlen(text) : 0;

	if (len >= SELF_TEXT_LEN)
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			return -EINVAL;
	memcpy(out, text ? text : "", len + 1);
	return 0;
}

static int read_number(const cJSON *object, const char *name, double max, uint64_t *out)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

	*out = 0;
	if (!item)
		return 0;
	if (!cJSON_IsNumber(item) ||
	    !(item->valuedouble >= 0 && item->valuedouble <= max))
		return -EINVAL;
	*out = (uint64_t)item->valuedouble;
	return 0;
}

int self_read(const cJSON *object, struct self_figures *out)
{
	uint64_t pid;
	int err;

	memset(out, 0, sizeof(*out));
	if (!cJSON_IsObject(object))
		return -EINVAL;
	err = read_number(object, "pid", INT_MAX, &pid);
	if (!err)
		out->pid = (int)pid;
	for (size_t i = 0; i < TEXTS_LEN && !err; i++)
		err = read_text(object, texts[i].name, (char *)out + texts[i].offset);
	for (size_t i = 0; i < NUMBERS_LEN && !err; i++)
		err = read_number(object, numbers[i].name, WHOLE_MAX,
				  (uint64_t *)((char *)out + numbers[i].offset));
	return err;
}
