// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/values.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

/* A year: what is longer is a slip of the keys. */
#define SECONDS_MAX 31536000.0

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

int values_parse_duration(const char *text, uint64_t *ns)
{
	double seconds;
	char *end;

	/* strtod() would take spaces, signs, and words. */
	if (!is_digit(*text) && !(*text == '.' && is_digit(text[1])))
		return -EINVAL;
	if (text[strspn(text, "0123456789.")])
		return config_parse_duration(text, ns);
	errno = 0;
	seconds = strtod(text, &end);
	if (errno || *end || !(seconds >= 0) || seconds > SECONDS_MAX)
		return -EINVAL;
	*ns = (uint64_t)llround(seconds * 1e9);
	return 0;
}

int values_parse_number(const char *text, uint64_t *number)
{
	return config_parse_number(text, number);
}

/* Of "08:30" and "08:30:05": what is behind it; NULL: it is none. */
static const char *parse_clock(const char *text, struct tm *tm)
{
	const char *end = strptime(text, "%H:%M", tm);

	tm->tm_sec = 0;
	if (!end || *end != ':')
		return end;
	end = strptime(end + 1, "%S", tm);
	/* of a timestamp as alerts have it the fraction does not count */
	if (end && *end == '.')
		end += 1 + strspn(end + 1, "0123456789");
	return end;
}

/* A date, and perhaps a time of day behind it. */
static const char *parse_date(const char *text, struct tm *tm)
{
	const char *end = strptime(text, "%Y-%m-%d", tm);

	if (!end || (*end != ' ' && *end != 'T'))
		return end;
	return parse_clock(end + 1, tm);
}

int values_parse_since(const char *text, time_t now, time_t *since)
{
	struct tm tm, day;
	const char *end;
	uint64_t ago_ns;

	if (!values_parse_duration(text, &ago_ns)) {
		*since = now - (time_t)(ago_ns / 1000000000u);
		return 0;
	}
	if (!localtime_r(&now, &tm))
		return -EINVAL;
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_isdst = -1;
	day = tm;
	if (!strcmp(text, "today") || !strcmp(text, "yesterday")) {
		tm.tm_mday -= *text == 'y';
		end = "";
	} else {
		end = parse_clock(text, &tm);
		if (!end || *end) {
			tm = day;
			end = parse_date(text, &tm);
		}
	}
	if (!end || (*end && strcmp(end, "Z") != 0))
		return -EINVAL;
	*since = *end ? timegm(&tm) : mktime(&tm);
	return 0;
}
