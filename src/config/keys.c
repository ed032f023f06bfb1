// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of keys, and the values that each type takes. */
#include "config/keys.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "policy/leak.h"

static const char *const switch_choices[] = {
	[CONFIG_NO] = "no", [CONFIG_YES] = "yes", [CONFIG_AUTO] = "auto", NULL};

static const char *const yes_no_choices[] = {
	[CONFIG_NO] = "no", [CONFIG_YES] = "yes", NULL};

static const char *const sensor_choices[] = {[CONFIG_SENSOR_AUTO] = "auto",
					     [CONFIG_SENSOR_TRACEPOINT] = "tracepoint",
					     [CONFIG_SENSOR_FEXIT] = "fexit",
					     NULL};
static const char *const log_choices[] = {
	[CONFIG_LOG_INFO] = "info", [CONFIG_LOG_DEBUG] = "debug", NULL};
static const char *const processes_choices[] = {"incidents", "fullest", NULL};
static const char *const method_choices[] = {[CONFIG_METHOD_AUTO] = "auto",
					     [CONFIG_METHOD_PROG_RUN] = "prog-run",
					     [CONFIG_METHOD_ITER] = "iter",
					     NULL};

static const char *const remedy_choices[] = {
	[CONFIG_REMEDY_NONE] = "none", [CONFIG_REMEDY_RAISE_SOFT] = "raise-soft", NULL};

#define IN(member)      .offset = offsetof(struct config, member)
#define IN_RULE(member) .offset = offsetof(struct config_rule, member)
#define HAS(member)     .has = offsetof(struct config_rule, member)
#define MS_OF_DAY       86400000u

/* clang-format off */
const struct config_key config_keys[] = {
	{"", "sensor", CONFIG_CHOICE, IN(sensor), .def = "auto", .choices = sensor_choices,
	 .start_only = true},

	{"thresholds", "warn", CONFIG_PERCENT, IN(thresholds.warn_bp), .def = "80%"},
	{"thresholds", "critical", CONFIG_PERCENT, IN(thresholds.critical_bp), .def = "95%"},
	{"thresholds", "hysteresis", CONFIG_PERCENT, IN(thresholds.hysteresis_bp), .def = "5%"},
	{"thresholds", "dwell", CONFIG_DURATION, IN(thresholds.dwell_ns), .def = "250ms",
	 .max = 3600000},
	{"thresholds", "repeat", CONFIG_DURATION, IN(thresholds.repeat_ns), .def = "15m",
	 .max = 365u * (uint64_t)MS_OF_DAY},
	{"thresholds", "min_limit", CONFIG_NUMBER, IN(thresholds.min_limit), .def = "16",
	 .max = 1u << 30},

	{"leak", "enabled", CONFIG_BOOL, IN(thresholds.leak), .def = "yes"},
	{"leak", "windows", CONFIG_NUMBER, IN(leak_windows), .def = "6",
	 .min = LEAK_WINDOWS_MIN, .max = LEAK_WINDOWS_MAX},
	{"leak", "window", CONFIG_DURATION, IN(leak_window_ns), .def = "10s",
	 .min = 1000, .max = 3600000},
	{"leak", "horizon", CONFIG_DURATION, IN(leak_horizon_ns), .def = "24h",
	 .min = 60000, .max = 365u * (uint64_t)MS_OF_DAY},

	{"snapshot", "interval", CONFIG_DURATION, IN(interval_ns), .def = "1s",
	 .min = 100, .max = 3600000},
	{"snapshot", "method", CONFIG_CHOICE, IN(method), .def = "auto", .choices = method_choices,
	 .start_only = true},

	{"output", "stdout", CONFIG_CHOICE, IN(stdout_on), .def = "auto", .choices = switch_choices},
	{"output", "journal", CONFIG_CHOICE, IN(journal_on), .def = "auto", .choices = switch_choices},
	{"output", "file", CONFIG_FILE, IN(file)},
	{"output", "hook", CONFIG_FILE, IN(hook)},
	{"output", "max_line", CONFIG_NUMBER, IN(max_line), .def = "0", .max = 16u << 20},

	{"log", "level", CONFIG_CHOICE, IN(log_level), .def = "info", .choices = log_choices},

	{"state", "file", CONFIG_FILE, IN(state_file), .def = CONFIG_STATE_FILE, .start_only = true},

	{"incidents", "path", CONFIG_FILE, IN(incidents_path), .def = CONFIG_INCIDENTS_PATH,
	 .start_only = true},
	{"incidents", "keep", CONFIG_NUMBER, IN(incidents_keep), .def = "200", .min = 1,
	 .max = 100000, .start_only = true},
	{"incidents", "max_size", CONFIG_NUMBER, IN(incidents_size), .def = "64M",
	 .min = 65536, .max = 1ull << 36, .start_only = true},
	{"incidents", "max_age", CONFIG_DURATION, IN(incidents_age_ns), .def = "90d",
	 .max = 3650u * (uint64_t)MS_OF_DAY, .start_only = true},

	{"trace", "auto", CONFIG_CHOICE, IN(trace_auto), .def = "no", .choices = yes_no_choices},
	{"trace", "duration", CONFIG_DURATION, IN(trace_duration_ns), .def = "1m",
	 .min = 1000, .max = 3600000},
	{"trace", "processes", CONFIG_NUMBER, IN(trace_processes), .def = "1", .min = 1, .max = 8},
	{"trace", "memory_mb", CONFIG_NUMBER, IN(trace_memory_mb), .def = "32", .min = 4, .max = 1024},

	{"host", "name", CONFIG_HOST, IN(host_name), .start_only = true},
	{"host", "root", CONFIG_FILE, IN(host_root), .start_only = true},

	{"metrics", "listen", CONFIG_LISTEN, IN(metrics_listen), .start_only = true},
	{"metrics", "group", CONFIG_GROUP, IN(metrics_group), .start_only = true},
	{"metrics", "processes", CONFIG_CHOICE, IN(metrics_processes), .def = "incidents",
	 .choices = processes_choices, .start_only = true},

	{"socket", "path", CONFIG_FILE, IN(socket_path), .def = CONFIG_SOCKET_PATH, .start_only = true},
	{"socket", "group", CONFIG_GROUP, IN(socket_group), .def = CONFIG_SOCKET_GROUP, .start_only = true},

	{CONFIG_RULE_SECTION, "name", CONFIG_PATTERNS, IN_RULE(match_name)},
	{CONFIG_RULE_SECTION, "executable", CONFIG_PATTERNS, IN_RULE(match_executable)},
	{CONFIG_RULE_SECTION, "service", CONFIG_PATTERNS, IN_RULE(match_service)},
	{CONFIG_RULE_SECTION, "user", CONFIG_PATTERNS, IN_RULE(match_user)},
	{CONFIG_RULE_SECTION, "cgroup", CONFIG_PATTERNS, IN_RULE(match_cgroup)},
	{CONFIG_RULE_SECTION, "command_line", CONFIG_PATTERN, IN_RULE(match_command_line)},
	{CONFIG_RULE_SECTION, "container", CONFIG_PATTERNS, IN_RULE(match_container)},
	{CONFIG_RULE_SECTION, "runtime", CONFIG_PATTERNS, IN_RULE(match_runtime)},
	{CONFIG_RULE_SECTION, "pod", CONFIG_PATTERNS, IN_RULE(match_pod)},
	{CONFIG_RULE_SECTION, "warn", CONFIG_PERCENT, IN_RULE(warn_bp), HAS(has_warn)},
	{CONFIG_RULE_SECTION, "critical", CONFIG_PERCENT, IN_RULE(critical_bp), HAS(has_critical)},
	{CONFIG_RULE_SECTION, "ignore", CONFIG_BOOL, IN_RULE(ignore)},
	{CONFIG_RULE_SECTION, "leak", CONFIG_CHOICE, IN_RULE(leak), HAS(has_leak),
	 .choices = yes_no_choices},
	{CONFIG_RULE_SECTION, "on_critical", CONFIG_CHOICE, IN_RULE(on_critical),
	 HAS(has_on_critical), .choices = remedy_choices},
	{CONFIG_RULE_SECTION, "raise_step", CONFIG_PERCENT, IN_RULE(raise_step_bp),
	 HAS(has_raise_step)},
	{CONFIG_RULE_SECTION, "raise_interval", CONFIG_DURATION, IN_RULE(raise_interval_ns),
	 HAS(has_raise_interval), .min = 1000, .max = MS_OF_DAY},
	{CONFIG_RULE_SECTION, "raise_leaks", CONFIG_BOOL, IN_RULE(raise_leaks)},
};
/* clang-format on */
const size_t config_keys_len = sizeof(config_keys) / sizeof(config_keys[0]);
_Static_assert(sizeof(config_keys) / sizeof(config_keys[0]) <= CONFIG_KEYS_MAX,
	       "raise CONFIG_KEYS_MAX");

static const struct {
	const char *name;
	uint64_t ms;
} units[] = {
	{"d", MS_OF_DAY}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};
#define UNITS_LEN (sizeof(units) / sizeof(units[0]))

const struct config_key *config_find_key(const char *section, const char *name)
{
	for (size_t i = 0; i < config_keys_len; i++)
		if (!strcmp(config_keys[i].section, section) &&
		    !strcmp(config_keys[i].name, name))
			return &config_keys[i];
	return NULL;
}

/* Digits only, unlike strtoull(). Moves *text behind them. */
static int parse_digits(const char **text, uint64_t *value)
{
	const char *p = *text;
	uint64_t v = 0;

	if (!isdigit((unsigned char)*p))
		return -EINVAL;
	for (; isdigit((unsigned char)*p); p++)
		if (__builtin_mul_overflow(v, 10u, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
			return -EINVAL;
	*text = p;
	*value = v;
	return 0;
}

int config_parse_percent(const char *text, uint32_t *bp)
{
	uint64_t whole, part = 0;

	if (parse_digits(&text, &whole) < 0 || whole > 100)
		return -EINVAL;
	if (*text == '.') {
		uint32_t scale = 10;

		if (!isdigit((unsigned char)*++text))
			return -EINVAL;
		for (; isdigit((unsigned char)*text); text++, scale /= 10) {
			if (!scale) /* a third decimal would be lost */
				return -EINVAL;
			part += (uint64_t)(*text - '0') * scale;
		}
	}
	if (strcmp(text, "%") != 0)
		return -EINVAL;
	whole = whole * 100 + part;
	if (whole == 0 || whole > 10000)
		return -EINVAL;
	*bp = (uint32_t)whole;
	return 0;
}

int config_parse_duration(const char *text, uint64_t *ns)
{
	uint64_t ms = 0, n;
	size_t unit = 0; /* they go down, each at most once: "1h30m" */

	if (!strcmp(text, "0")) {
		*ns = 0;
		return 0;
	}
	do {
		size_t len;

		if (parse_digits(&text, &n) < 0)
			return -EINVAL;
		len = strspn(text, "dhms");
		while (unit < UNITS_LEN && (strlen(units[unit].name) != len ||
					    memcmp(units[unit].name, text, len) != 0))
			unit++;
		if (unit == UNITS_LEN ||
		    __builtin_mul_overflow(n, units[unit].ms, &n) ||
		    __builtin_add_overflow(ms, n, &ms))
			return -EINVAL;
		unit++;
		text += len;
	} while (*text);
	if (__builtin_mul_overflow(ms, (uint64_t)1000000, &n))
		return -EINVAL;
	*ns = n;
	return 0;
}

/* 127.0.0.1:9090, [::1]:9090. A name may have several addresses, of which one would be
 * taken, and asking for them may take as long as it likes. */
static bool is_listen(const char *text)
{
	const char *colon = strrchr(text, ':');
	bool six = text[0] == '[';
	char host[64];
	struct in6_addr address;
	uint64_t port;
	size_t len;

	if (!colon || colon == text)
		return false;
	len = (size_t)(colon - text);
	if (six && colon[-1] != ']')
		return false;
	text += six;
	len -= six ? 2 : 0;
	if (!len || len >= sizeof(host))
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	/* a link-local address has its interface behind it */
	if (six)
		host[strcspn(host, "%")] = '\0';
	if (inet_pton(six ? AF_INET6 : AF_INET, host, &address) != 1)
		return false;
	colon++;
	return parse_digits(&colon, &port) == 0 && !*colon && port >= 1 &&
	       port <= 65535;
}

static bool is_file(const char *text)
{
	return text[0] == '/' && text[strlen(text) - 1] != '/';
}

static bool is_string_valid(enum config_type type, const char *text)
{
	switch (type) {
	case CONFIG_FILE:
		return is_file(text);
	case CONFIG_LISTEN:
		return is_file(text) || is_listen(text);
	case CONFIG_HOST:
		return strlen(text) < CONFIG_HOST_NAME_LEN &&
		       strspn(text, "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") ==
			       strlen(text);
	case CONFIG_GROUP:
		return !strpbrk(text, " \t:/,") && text[0] != '-';
	default:
		return true;
	}
}

static int set_string(const struct config_key *key, char **at, const char *text)
{
	char *copy = NULL;

	if (*text) {
		if (!is_string_valid(key->type, text))
			return -EINVAL;
		copy = strdup(text);
		if (!copy)
			return -ENOMEM;
	}
	free(*at);
	*at = copy;
	return 0;
}

int config_parse_number(const char *text, uint64_t *number)
{
	unsigned shift = 0;
	uint64_t value;

	if (parse_digits(&text, &value) < 0)
		return -EINVAL;
	if (*text == 'k' || *text == 'K')
		shift = 10;
	else if (*text == 'm' || *text == 'M')
		shift = 20;
	if (text[shift > 0] || value > UINT64_MAX >> shift)
		return -EINVAL;
	*number = value << shift;
	return 0;
}

static int set_number(const struct config_key *key, uint64_t *at, const char *text)
{
	uint64_t value, unit = 1;

	if (key->type == CONFIG_DURATION) {
		unit = 1000000;
		if (config_parse_duration(text, &value) < 0)
			return -EINVAL;
	} else if (config_parse_number(text, &value) < 0) {
		return -EINVAL;
	}
	if (value < key->min * unit || value > key->max * unit)
		return -EINVAL;
	*at = value;
	return 0;
}

_Static_assert(sizeof(enum config_switch) == sizeof(unsigned int),
	       "choices are stored as unsigned int");

static int set_choice(const struct config_key *key, unsigned int *at, const char *text)
{
	for (unsigned int i = 0; key->choices[i]; i++)
		if (!strcmp(key->choices[i], text)) {
			*at = i;
			return 0;
		}
	return -EINVAL;
}

int config_set_value(const struct config_key *key, void *base, const char *text)
{
	void *at = (char *)base + key->offset;
	int err = 0;

	switch (key->type) {
	case CONFIG_PERCENT:
		err = config_parse_percent(text, at);
		break;
	case CONFIG_DURATION:
	case CONFIG_NUMBER:
		err = set_number(key, at, text);
		break;
	case CONFIG_CHOICE:
		err = set_choice(key, at, text);
		break;
	case CONFIG_BOOL:
		if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
			return -EINVAL;
		*(bool *)at = text[0] == 'y';
		break;
	case CONFIG_FILE:
	case CONFIG_PATTERN:
	case CONFIG_PATTERNS:
	case CONFIG_LISTEN:
	case CONFIG_GROUP:
	case CONFIG_HOST:
		err = set_string(key, at, text);
		break;
	}
	if (!err && key->has)
		*(bool *)((char *)base + key->has) = true;
	return err;
}

static void format_duration(uint64_t ns, char *text, size_t size)
{
	uint64_t ms = ns / 1000000;
	size_t len = 0;

	snprintf(text, size, "0");
	for (size_t i = 0; i < UNITS_LEN && len < size; i++) {
		if (ms < units[i].ms)
			continue;
		len += (size_t)snprintf(text + len, size - len, "%" PRIu64 "%s",
					ms / units[i].ms, units[i].name);
		ms %= units[i].ms;
	}
}

static void format_percent(uint32_t bp, char *text, size_t size)
{
	if (bp % 100 == 0)
		snprintf(text, size, "%" PRIu32 "%%", bp / 100);
	else if (bp % 10 == 0)
		snprintf(text, size, "%" PRIu32 ".%" PRIu32 "%%", bp / 100,
			 bp % 100 / 10);
	else
		snprintf(text, size, "%" PRIu32 ".%02" PRIu32 "%%", bp / 100, bp % 100);
}

void config_format_value(const struct config_key *key, const void *base, char *text,
			 size_t size)
{
	const void *at = (const char *)base + key->offset;
	const char *string;

	switch (key->type) {
	case CONFIG_PERCENT:
		format_percent(*(const uint32_t *)at, text, size);
		break;
	case CONFIG_DURATION:
		format_duration(*(const uint64_t *)at, text, size);
		break;
	case CONFIG_NUMBER:
		snprintf(text, size, "%" PRIu64, *(const uint64_t *)at);
		break;
	case CONFIG_CHOICE:
		snprintf(text, size, "%s", key->choices[*(const unsigned int *)at]);
		break;
	case CONFIG_BOOL:
		snprintf(text, size, "%s", *(const bool *)at ? "yes" : "no");
		break;
	case CONFIG_FILE:
	case CONFIG_PATTERN:
	case CONFIG_PATTERNS:
	case CONFIG_LISTEN:
	case CONFIG_GROUP:
	case CONFIG_HOST:
		string = *(char *const *)at;
		snprintf(text, size, "%s", string ? string : "");
		break;
	}
}

bool config_is_set(const struct config_key *key, const void *base)
{
	const void *at = (const char *)base + key->offset;

	if (key->has)
		return *(const bool *)((const char *)base + key->has);
	if (key->type == CONFIG_BOOL)
		return *(const bool *)at;
	if (key->type < CONFIG_FILE)
		return true;
	return *(char *const *)at != NULL;
}

void config_describe_value(const struct config_key *key, char *text, size_t size)
{
	char low[32], high[32];
	size_t len = 0;

	switch (key->type) {
	case CONFIG_PERCENT:
		snprintf(text, size,
			 "a share above 0%% up to 100%%, such as 80%% or 82.5%%");
		break;
	case CONFIG_DURATION:
		format_duration(key->min * 1000000, low, sizeof(low));
		format_duration(key->max * 1000000, high, sizeof(high));
		snprintf(text, size,
			 "a time from %s to %s in d, h, m, s and ms, such as 1h30m",
			 low, high);
		break;
	case CONFIG_NUMBER:
		snprintf(text, size, "a number from %" PRIu64 " to %" PRIu64, key->min,
			 key->max);
		break;
	case CONFIG_CHOICE:
		for (size_t i = 0; key->choices[i] && len < size; i++)
			len += (size_t)snprintf(text + len, size - len, "%s%s",
						i ? ", " : "", key->choices[i]);
		break;
	case CONFIG_BOOL:
		snprintf(text, size, "yes, no");
		break;
	case CONFIG_FILE:
		snprintf(text, size, "an absolute path of a file, or nothing");
		break;
	case CONFIG_PATTERN:
		snprintf(text, size, "a shell pattern");
		break;
	case CONFIG_PATTERNS:
		snprintf(text, size, "shell patterns, separated by commas");
		break;
	case CONFIG_LISTEN:
		snprintf(text, size,
			 "ADDRESS:PORT with a number as the address, such as "
			 "127.0.0.1:9834 or [::1]:9834, or the absolute path of a "
			 "unix socket, or nothing");
		break;
	case CONFIG_HOST:
		snprintf(text, size,
			 "a name of letters, digits, '-', '_' and '.', or nothing");
		break;
	case CONFIG_GROUP:
		snprintf(text, size, "the name or number of a group, or nothing");
		break;
	}
}
