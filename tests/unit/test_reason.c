/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of libbpf's warnings is the one to show. The messages are libbpf's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "between.h"
#include "collect/reason.h"

static struct reason reason;

static void expect(const char *const *messages, const char *want)
{
	reason_reset(&reason);
	for (; *messages; messages++)
		reason_add(&reason, *messages);
	assert_string_equal(reason.text, want);
}

static void test_the_first_that_says_something(void **state)
{
	static const char *const messages[] = {
		"libbpf: extern (func ksym) 'bpf_iter_task_destroy': not found in "
		"kernel "
		"or module BTFs\n",
		"libbpf: failed to load object 'walk_bpf'\n",
		"libbpf: failed to load BPF skeleton 'walk_bpf': -22\n", NULL};

	(void)state;
	expect(messages,
	       "extern (func ksym) 'bpf_iter_task_destroy': not found in kernel "
	       "or module BTFs");
}

static void test_not_the_log(void **state)
{
	static const char *const messages[] = {
		"libbpf: Error in bpf_create_map_xattr(x):Invalid argument(-22). "
		"Retrying without BTF.\n",
		"libbpf: prog 'walk': BPF program load failed: Permission denied\n",
		"libbpf: prog 'walk': -- BEGIN PROG LOAD LOG --\nR1 type=ctx\n0: "
		"(bf)\n",
		"libbpf: prog 'walk': failed to load: -13\n", NULL};

	(void)state;
	expect(messages, "prog 'walk': BPF program load failed: Permission denied");
}

static void test_better_than_nothing(void **state)
{
	static const char *const messages[] = {
		"libbpf: failed to load BPF skeleton 'walk_bpf': -22\n", "\n", NULL};
	static const char *const none[] = {NULL};

	(void)state;
	expect(messages, "failed to load BPF skeleton 'walk_bpf': -22");
	expect(none, "");
}

static void test_one_line_without_addresses(void **state)
{
	static const char *const messages[] = {
		"libbpf: a\tb at 0xffff888812345678, flags 0x10\nmore", NULL};

	(void)state;
	expect(messages, "a b at 0x, flags 0x10");
}

static void test_long(void **state)
{
	char text[4 * REASON_LEN];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = 0;
	reason_reset(&reason);
	reason_add(&reason, text);
	assert_between(strlen(reason.text), REASON_LEN - 4, REASON_LEN - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_first_that_says_something),
		cmocka_unit_test(test_not_the_log),
		cmocka_unit_test(test_better_than_nothing),
		cmocka_unit_test(test_one_line_without_addresses),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
