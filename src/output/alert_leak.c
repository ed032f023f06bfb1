/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The evidence for a leak: the "leak" object of an alert, and its part of the sentence. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "output/alert_impl.h"
#include "output/json.h"

/* Digits that say as much of a small rate as of a large one. */
static int decimals_of(double rate)
{
	double size = fabs(rate);
	int decimals = 2;

	while (size > 0 && size < 1 && decimals < 6) {
		size *= 10;
		decimals++;
	}
	return decimals;
}

static const char *direction_of(const struct growth_kind *kind)
{
	switch (kind->direction) {
	case INVENTORY_ACCEPTED:
		return "accepted";
	case INVENTORY_OUTGOING:
		return "outgoing";
	default:
		return NULL;
	}
}

static int add_kind(cJSON *list, const struct growth *growth)
{
	cJSON *item = cJSON_CreateObject();
	int err;

	if (!item || !cJSON_AddItemToArray(list, item)) {
		cJSON_Delete(item);
		return -ENOMEM;
	}
	err = json_add_text(item, "type", growth->kind.type);
	if (!err)
		err = json_add_text(item, "state", growth->kind.state);
	if (!err)
		err = json_add_text(item, "direction", direction_of(&growth->kind));
	if (!err)
		err = json_add_uint(item, "count", growth->kind.count);
	return err ? err : json_add_uint(item, "grown", growth->grown);
}

int alert_add_leak(cJSON *fd, const struct alert_leak *leak)
{
	const struct leak_estimate *estimate = &leak->estimate;
	int decimals = decimals_of(estimate->slope_per_s);
	cJSON *out, *list;
	int err;

	if (!leak->known)
		return 0;
	out = json_add_object(fd, "leak");
	if (!out)
		return -ENOMEM;
	err = json_add_uint(out, "floor_then", estimate->floor_then);
	if (!err)
		err = json_add_uint(out, "floor_now", estimate->floor_now);
	if (!err)
		err = json_add_real(out, "over_s", estimate->span_s, 0);
	if (!err)
		err = json_add_real(out, "slope_per_s", estimate->slope_per_s,
				    decimals);
	if (!err)
		err = json_add_real(out, "slope_low_per_s", estimate->slope_low_per_s,
				    decimals);
	if (!err)
		err = json_add_real(out, "slope_high_per_s", estimate->slope_high_per_s,
				    decimals);
	if (err || !leak->growing_len)
		return err;
	list = cJSON_AddArrayToObject(out, "growing");
	err = list ? 0 : -ENOMEM;
	for (size_t i = 0; i < leak->growing_len && !err; i++)
		err = add_kind(list, &leak->growing[i]);
	return err;
}

/* Of a time the largest unit of which there are two. */
struct unit {
	double s;
	const char *name;
};

static const struct unit *unit_of(double s)
{
	static const struct unit units[] = {
		{86400, "days"}, {3600, "h"}, {60, "min"}, {1, "s"}};
	size_t i = 0;

	while (i < 3 && s < 2 * units[i].s)
		i++;
	return &units[i];
}

/* "15 to 19 min"; with one that is not known "at least 15 min". */
static void say_range(double low, double high, char *text, size_t size)
{
	const struct unit *unit = unit_of(isfinite(high) ? high : low);
	double a, b;

	if (!isfinite(high)) {
		snprintf(text, size, "at least %.0f %s", low / unit->s, unit->name);
		return;
	}
	a = rint(low / unit->s);
	b = rint(high / unit->s);
	if (a >= b)
		snprintf(text, size, "%.0f %s", b, unit->name);
	else
		snprintf(text, size, "%.0f to %.0f %s", a, b, unit->name);
}

/* "0.6/s ±0.05", of a slow one "12/h ±1" */
static void say_rate(const struct leak_estimate *estimate, char *text, size_t size)
{
	static const struct unit per[] = {{1, "s"}, {60, "min"}, {3600, "h"}};
	double rate = estimate->slope_per_s;
	double spread = (estimate->slope_high_per_s - estimate->slope_low_per_s) / 2;
	size_t i = 0;

	while (i < 2 && rate * per[i].s < 0.1)
		i++;
	snprintf(text, size, "%.2g/%s ±%.1g", rate * per[i].s, per[i].name,
		 spread * per[i].s);
}

size_t alert_leak_text(const struct alert_leak *leak, const struct alert_fd *fd,
		       char *text, size_t size)
{
	const struct leak_estimate *estimate = &leak->estimate;
	const struct unit *unit = unit_of(estimate->span_s);
	char rate[64], range[64], met[80];
	int len;

	say_rate(estimate, rate, sizeof(rate));
	say_range(estimate->low_s, estimate->high_s, range, sizeof(range));
	/* The floor's line may be below what is open now. */
	if (fd->known && fd->used >= fd->soft_limit)
		snprintf(met, sizeof(met), "is reached");
	else
		snprintf(met, sizeof(met), "is met in %s", range);
	len = snprintf(text, size,
		       "the floor rose from %" PRIu64 " to %" PRIu64
		       " in %.0f %s (%s); the limit of %" PRIu64 " %s",
		       estimate->floor_then, estimate->floor_now,
		       estimate->span_s / unit->s, unit->name, rate, fd->soft_limit,
		       met);
	for (size_t i = 0; i < leak->growing_len && len > 0 && (size_t)len < size;
	     i++) {
		const struct growth_kind *kind = &leak->growing[i].kind;

		len += snprintf(text + len, size - (size_t)len, "%s %s%s%s",
				i ? "," : "; growing:", kind->type,
				kind->state ? " " : "", kind->state ? kind->state : "");
	}
	return len < 0 ? 0 : (size_t)len < size ? (size_t)len : size - 1;
}
