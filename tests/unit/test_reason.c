/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of libbpf's warnings is the one to show. The messages are libbpf's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
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

static void test_what_the_verifier_said(void **state)
{
	static const char log[] =
		"libbpf: prog 'sensor_exit': -- BEGIN PROG LOAD LOG --\n"
		"0: (79) r7 = *(u64 *)(r1 +8)\n"
		"34: (71) r1 = *(u8 *)(r1 +0)\n"
		"R1 unbounded memory access, make sure to bounds check any such "
		"access\n"
		"processed 34 insns (limit 1000000) max_states_per_insn 0 total_states "
		"2 "
		"peak_states 2 mark_read 1\n"
		"-- END PROG LOAD LOG --\n";

	(void)state;
	reason_reset(&reason);
	reason_add_log(&reason, log);
	assert_string_equal(reason.program, "sensor_exit");
	assert_string_equal(reason.verdict, "R1 unbounded memory access, make sure to "
					    "bounds check any such access");
	assert_ptr_equal(strstr(reason.log, "0: (79)"), reason.log);
	assert_null(strstr(reason.log, "-- END"));
	reason_reset(&reason);
	assert_string_equal(reason.program, "");
}

/* A log is up to 16 MB: its end is kept, from the beginning of a line. */
static void test_the_end_of_a_long_log(void **state)
{
	enum { LINES = 1000 };
	static char log[LINES * 16 + 256];
	size_t at = sprintf(log, "libbpf: prog 'x': -- BEGIN PROG LOAD LOG --\n");

	(void)state;
	for (int i = 0; i < LINES; i++)
		at += sprintf(log + at, "line %d\n", i);
	sprintf(log + at, "-- END PROG LOAD LOG --\n");
	reason_reset(&reason);
	reason_add_log(&reason, log);
	assert_string_equal(reason.verdict, "line 999");
	assert_between(strlen(reason.log), REASON_LOG_LEN - 32, REASON_LOG_LEN - 1);
	assert_memory_equal(reason.log, "line ", 5);
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

/* An error of the kernel's own, of which the C library knows nothing. */
static void test_not_supported(void **state)
{
	static const char *const messages[] = {
		"libbpf: prog 'fexit_alloc_fd': failed to attach: Unknown error 524\n",
		NULL};

	(void)state;
	expect(messages,
	       "prog 'fexit_alloc_fd': failed to attach: not supported by this "
	       "kernel (ENOTSUPP)");
	assert_string_equal(reason_of_error(524),
			    "not supported by this kernel (ENOTSUPP)");
	assert_string_equal(reason_of_error(1), strerror(1));
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
		cmocka_unit_test(test_what_the_verifier_said),
		cmocka_unit_test(test_the_end_of_a_long_log),
		cmocka_unit_test(test_better_than_nothing),
		cmocka_unit_test(test_one_line_without_addresses),
		cmocka_unit_test(test_not_supported),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
