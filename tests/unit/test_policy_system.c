/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the policy says of the whole system. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "between.h"
#include "policy/policy.h"

#define MS 1000000ull
#define S  (1000 * MS)

static const struct policy_settings usual = {
	.warn_bp = 8000,
	.critical_bp = 9500,
	.hysteresis_bp = 500,
	.repeat_ns = 900 * S,
	.min_limit = 16,
};

struct step {
	uint64_t after_ms, allocated, max; /* max 0: not known */
	bool refused, ignore;
	const char *says;
};

static void run(const struct step *steps, size_t len)
{
	struct policy_system state = {0};
	uint64_t now_ns = 1000 * S;

	for (size_t i = 0; i < len; i++) {
		struct policy_decision out[POLICY_MAX_DECISIONS];
		struct policy_settings set = usual;
		struct policy_system_observation seen = {
			.now_ns = now_ns + steps[i].after_ms * MS,
			.known = steps[i].max != 0,
			.allocated = steps[i].allocated,
			.max = steps[i].max,
			.refused = steps[i].refused,
		};
		const char *reason;
		char said[64] = "";
		int n;

		now_ns = seen.now_ns;
		set.ignore = steps[i].ignore;
		n = policy_system_observe(&state, &set, &seen, out);
		assert_between(n, 0, 1);
		reason = n ? policy_reason_name(out[0].reason) : NULL;
		if (n)
			snprintf(said, sizeof(said), "%s%s%s%s%s",
				 policy_action_name(out[0].action), reason ? ":" : "",
				 reason ? reason : "", out[0].opens ? "+" : "",
				 out[0].repeats ? "*" : "");
		if (strcmp(said, steps[i].says) != 0)
			fail_msg("step %zu says \"%s\", not \"%s\"", i + 1, said,
				 steps[i].says);
	}
	assert_false(state.incident);
}

#define RUN(steps) run(steps, sizeof(steps) / sizeof((steps)[0]))

static void climb(void **unused)
{
	static const struct step steps[] = {
		{1000, 799, 1000, false, false, ""},
		{1000, 800, 1000, false, false, "system-warning+"},
		{1000, 950, 1000, false, false, "system-critical"},
		{1000, 1000, 1000, false, false, ""},
		{1000, 1000, 1000, true, false, "system-exhausted"},
		{1000, 1000, 1000, true, false, ""},
		{1999, 100, 1000, false, false, ""}, /* too soon */
		{1, 100, 1000, false, false, "system-recovered:closed"},
		{1000, 100, 1000, false, false, ""},
	};

	(void)unused;
	RUN(steps);
}

static void raised(void **unused)
{
	static const struct step steps[] = {
		{1000, 1000, 1000, true, false, "system-exhausted+"},
		{2000, 1000, 1280, false, false, ""}, /* 78 % keeps the warning */
		{1000, 1220, 1280, false, false, "system-critical"},
		{1000, 1280, 1280, true, false, "system-exhausted"},
		{1000, 1280, 1280, true, false, ""},
		{2000, 1000, 1280, false, false, ""},
		{1000, 1280, 1280, true, false, ""}, /* it swings */
		{2000, 1000, 1280, false, false, ""},
		{59000, 1000, 1280, false, false, ""},
		{1000, 1280, 1280, true, false, ""},
		{2000, 1000, 1280, false, false, ""},
		{60000, 1000, 1280, false, false, ""},
		{1000, 1280, 1280, true, false, "system-exhausted"},
		{2000, 100, 1280, false, false, "system-recovered:closed"},
	};

	(void)unused;
	RUN(steps);
}

static void storm(void **unused)
{
	static const struct step steps[] = {
		{0, 0, 0, true, false, "system-exhausted+"}, /* count unknown */
		{1000, 0, 0, false, false, ""},
		{5000, 0, 0, false, false, ""},
		{1000, 5, 1, true, false, ""},
		{899000, 5, 1, true, false, "system-exhausted*"},
		{899000, 5, 1, true, false, ""},
		{1000, 5, 1, false, false, ""},
		{1000, 5, 1, false, false, "system-critical*"}, /* full, and quiet */
		{1000, 5, 1000, false, false, "system-recovered:limit-raised"},
	};

	(void)unused;
	RUN(steps);
}

static void hysteresis(void **unused)
{
	static const struct step steps[] = {
		{0, 960, 1000, false, false, "system-critical+"},
		{1000, 900, 1000, false, false, ""},
		{1000, 800, 1000, false, false, ""},
		{1000, 750, 1000, false, false, ""},
		{1000, 749, 1000, false, false, "system-recovered:closed"},
		{1000, 960, INT64_MAX, false, false, ""},
	};

	(void)unused;
	RUN(steps);
}

static void ignored(void **unused)
{
	static const struct step steps[] = {
		{0, 960, 1000, true, true, ""},
		{1000, 960, 1000, false, false, "system-critical+"},
		{1000, 960, 1000, true, true, "system-recovered:closed"},
		{1000, 960, 1000, true, true, ""},
	};

	(void)unused;
	RUN(steps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(climb),   cmocka_unit_test(raised),
		cmocka_unit_test(storm),   cmocka_unit_test(hysteresis),
		cmocka_unit_test(ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
