/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Steps that say, wait, close, limit, refuse and repeat. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "zoo.h"

static int run_limit(const char *arg)
{
	struct rlimit limit;
	long numbers[2];
	int len = zoo_numbers(arg, numbers, 1, 2);

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return -errno;
	limit.rlim_cur = (rlim_t)numbers[0];
	if (len == 2)
		limit.rlim_max = (rlim_t)numbers[1];
	return ZOO_ERRNO(setrlimit(RLIMIT_NOFILE, &limit));
}

static int run_say(const char *arg)
{
	if (!arg || !*arg)
		zoo_fail(ZOO_USAGE, "say: needs a word");
	if (zoo_role() == ZOO_MEMBER) {
		zoo_crowd_arrive(0);
		return 0;
	}
	if (zoo_role() == ZOO_LEADER)
		zoo_crowd_gather(false);
	zoo_print("%s %llu %llu %d", arg, (unsigned long long)zoo_boot_ns(),
		  (unsigned long long)zoo_real_ns(), getpid());
	return 0;
}

static int run_mark(const char *arg)
{
	uint64_t now = zoo_boot_ns();

	(void)arg;
	if (zoo_role() == ZOO_MEMBER)
		zoo_crowd_arrive(now);
	else if (zoo_role() == ZOO_LEADER)
		zoo_crowd_gather(true);
	else
		zoo_print("mark %llu %d", (unsigned long long)now, getpid());
	return 0;
}

static int run_wait(const char *arg)
{
	char byte = 0;

	(void)arg;
	if (zoo_role() == ZOO_MEMBER) {
		zoo_crowd_await();
		return 0;
	}
	/* byte by byte: what follows the line is for the next step, which may
	 * be another program */
	while (byte != '\n') {
		ssize_t len = read(STDIN_FILENO, &byte, 1);

		if (len < 0 && errno == EINTR)
			continue;
		if (len <= 0)
			exit(ZOO_DONE);
	}
	if (zoo_role() == ZOO_LEADER)
		zoo_crowd_release();
	return 0;
}

static void sleep_ns(uint64_t ns)
{
	struct timespec span = {.tv_sec = (time_t)(ns / 1000000000u),
				.tv_nsec = (long)(ns % 1000000000u)};

	while (nanosleep(&span, &span) && errno == EINTR)
		;
}

static int run_sleep(const char *arg)
{
	sleep_ns((uint64_t)zoo_number(arg, 0) * 1000000u);
	return 0;
}

static int run_name(const char *arg)
{
	if (!arg)
		zoo_fail(ZOO_USAGE, "name: needs a name");
	/* "storm%" of a crowd: each member by its own number */
	if (arg[strcspn(arg, "%")]) {
		char own[32];

		snprintf(own, sizeof(own), "%.*s%ld", (int)strcspn(arg, "%"), arg,
			 zoo_crowd_rank());
		return ZOO_ERRNO(prctl(PR_SET_NAME, own));
	}
	return ZOO_ERRNO(prctl(PR_SET_NAME, arg));
}

static int run_uid(const char *arg)
{
	unsigned int id = (unsigned int)zoo_number(arg, 0);

	if (setresgid(id, id, id) || setresuid(id, id, id))
		return -errno;
	return 0;
}

static int run_close(const char *arg)
{
	for (long n = zoo_number(arg, 0); n > 0; n--) {
		int fd = zoo_drop_last();

		if (fd < 0)
			zoo_fail(ZOO_FAILED, "close: %ld more than there are", n);
		if (close(fd))
			return -errno;
	}
	return 0;
}

static int run_close_all(const char *arg)
{
	(void)arg;
	for (int fd; (fd = zoo_drop_last()) >= 0;)
		close(fd);
	return 0;
}

static int run_fill(const char *arg)
{
	return zoo_fill(arg ? zoo_number(arg, 0) : -1);
}

static int run_prepare(const char *arg)
{
	const struct zoo_step *step = zoo_find(arg ? arg : "");
	int err = step->prepare ? step->prepare() : 0;

	if (err < 0 && zoo_is_lacking(-err)) {
		zoo_skip(step->name, strerror(-err));
		exit(ZOO_SKIPPED);
	}
	return err;
}

/* NAME:N[:ERRNO] */
static const struct zoo_step *parse_refusal(const char *arg, long *times, char *error,
					    size_t size)
{
	char name[64] = "", number[16] = "";
	const struct zoo_step *step;

	snprintf(error, size, "EMFILE");
	if (!arg || sscanf(arg, "%63[^:]:%15[0-9]:%15s", name, number, error) < 2)
		zoo_fail(ZOO_USAGE, "needs NAME:N, not '%s'", arg ? arg : "");
	step = zoo_find(name);
	if (!step->call)
		zoo_fail(ZOO_USAGE, "'%s' is no way to get a descriptor", name);
	*times = zoo_number(number, 1);
	return step;
}

/* Calls that must fail so; the number that did is printed. */
static int fail_calls(const struct zoo_step *step, long times, const char *error)
{
	long failed = 0;
	int other = 0;

	for (long i = 0; i < times; i++) {
		int err = step->call();

		if (err < 0 && !strcmp(strerrorname_np(-err), error))
			failed++;
		else
			other = err;
	}
	zoo_print("refused %s %ld", step->name, failed);
	if (failed == times)
		return 0;
	if (!failed && other < 0 && zoo_is_lacking(-other)) {
		zoo_skip(step->name, strerror(-other));
		return 0;
	}
	zoo_fail(ZOO_FAILED, "%s: %ld of %ld calls failed with %s; another: %s",
		 step->name, failed, times, error,
		 other < 0 ? strerror(-other) : "success");
}

static int run_refuse(const char *arg)
{
	char error[16];
	long times;
	const struct zoo_step *step = parse_refusal(arg, &times, error, sizeof(error));
	int err = step->prepare ? step->prepare() : 0;

	if (step->full != EMFILE)
		zoo_fail(ZOO_USAGE, "%s does not fail with EMFILE for a full table",
			 step->name);
	if (err < 0 && zoo_is_lacking(-err)) {
		zoo_skip(step->name, strerror(-err));
		return 0;
	}
	if (err >= 0)
		err = step->fill ? step->fill() : zoo_fill(-1);
	return err < 0 ? err : fail_calls(step, times, "EMFILE");
}

static int run_fail(const char *arg)
{
	char error[16];
	long times;
	const struct zoo_step *step = parse_refusal(arg, &times, error, sizeof(error));
	int err = step->prepare ? step->prepare() : 0;

	return err < 0 ? err : fail_calls(step, times, error);
}

static int run_wave(const char *arg)
{
	long n[4] = {0, 0, 0, 10};

	zoo_numbers(arg, n, 3, 4);
	if (n[0] >= n[1])
		zoo_fail(ZOO_USAGE, "wave: LOW must be below HIGH");
	for (long i = 0; i < n[2]; i++) {
		int err = zoo_fill(n[1]);

		if (err)
			return err;
		sleep_ns((uint64_t)n[3] * 1000000u);
		for (long fd = n[0]; fd < n[1]; fd++)
			close(zoo_drop_last());
		sleep_ns((uint64_t)n[3] * 1000000u);
	}
	return 0;
}

static int run_storm(const char *arg)
{
	uint64_t start = zoo_boot_ns(), end, opens = 0;
	long n[2];

	zoo_numbers(arg, n, 2, 2);
	end = start + (uint64_t)n[1] * 1000000u;
	for (uint64_t now = start; now < end; now = zoo_boot_ns()) {
		uint64_t due = (uint64_t)((double)(now - start) / 1e9 * (double)n[0]);

		/* never more than 5 ms' worth at once: no bursts after a stall */
		if (due > opens + (uint64_t)n[0] / 200)
			due = opens + (uint64_t)n[0] / 200;
		for (; opens < due; opens++) {
			int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

			if (fd < 0 || close(fd))
				return -errno;
		}
		sleep_ns(500000);
	}
	zoo_print("storm %llu %llu", (unsigned long long)opens,
		  (unsigned long long)(zoo_boot_ns() - start));
	return 0;
}

static int run_exec(const char *arg)
{
	char **rest = zoo_rest();

	(void)arg;
	/* rest[-1] is this step's own text: its place serves as argv[0] */
	rest[-1] = (char *)"fdzoo";
	execv("/proc/self/exe", rest - 1);
	return -errno;
}

static volatile sig_atomic_t signals_left;

static void count_signal(int number)
{
	(void)number;
	if (signals_left > 0)
		signals_left--;
}

/* Until the last signal has come the register in which calls return holds -EMFILE, and each
 * signal's end puts that back. */
static int run_sigreturn(const char *arg)
{
	struct itimerval often = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
	struct sigaction action = {.sa_handler = count_signal};

	signals_left = (sig_atomic_t)zoo_number(arg, 1);
	if (sigaction(SIGALRM, &action, NULL) || setitimer(ITIMER_REAL, &often, NULL))
		return -errno;
#if defined(__x86_64__)
	__asm__ volatile("1: cmpl $0, %[left]\n\tjne 1b"
			 :
			 : [left] "m"(signals_left), "a"((long)-EMFILE)
			 : "cc", "memory");
#elif defined(__aarch64__)
	{
		register long result __asm__("x0") = -EMFILE;

		__asm__ volatile("1: ldr w1, %[left]\n\tcbnz w1, 1b"
				 :
				 : [left] "m"(signals_left), "r"(result)
				 : "x1", "memory");
	}
#else
	zoo_skip("sigreturn", "written for x86-64 and arm64");
#endif
	return setitimer(ITIMER_REAL, &never, NULL) ? -errno : 0;
}

const struct zoo_step zoo_control[] = {
	{.name = "limit",
	 .arg = "SOFT[:HARD]",
	 .help = "set the limit of descriptors",
	 .run = run_limit},
	{.name = "say",
	 .arg = "WORD",
	 .run = run_say,
	 .leads = true,
	 .help = "print WORD, CLOCK_BOOTTIME, CLOCK_REALTIME (ns), pid"},
	{.name = "mark",
	 .arg = "",
	 .run = run_mark,
	 .leads = true,
	 .help = "print mark, CLOCK_BOOTTIME, pid; of each one of a crowd"},
	{.name = "wait",
	 .arg = "",
	 .run = run_wait,
	 .leads = true,
	 .help = "read a line from standard input; exit at its end"},
	{.name = "sleep", .arg = "MS", .help = "wait so long", .run = run_sleep},
	{.name = "name",
	 .arg = "NAME",
	 .help = "set the command name; % is a crowd's member's number",
	 .run = run_name},
	{.name = "uid",
	 .arg = "N",
	 .help = "become this user and group",
	 .run = run_uid},
	{.name = "close",
	 .arg = "N",
	 .help = "close the last N that were made",
	 .run = run_close},
	{.name = "close_all",
	 .arg = "",
	 .help = "close all that were made",
	 .run = run_close_all},
	{.name = "fill",
	 .arg = "[USED]",
	 .run = run_fill,
	 .help = "dup until USED are open, or the table is full"},
	{.name = "prepare",
	 .arg = "NAME",
	 .run = run_prepare,
	 .help = "make what calls of NAME need; exit 77 if it can't be"},
	{.name = "refuse",
	 .arg = "NAME:N",
	 .run = run_refuse,
	 .help = "fill the table, then N calls that must fail with EMFILE"},
	{.name = "fail",
	 .arg = "NAME:N[:ERRNO]",
	 .run = run_fail,
	 .help = "N calls that must fail with ERRNO (EMFILE)"},
	{.name = "wave",
	 .arg = "LOW:HIGH:TIMES[:MS]",
	 .run = run_wave,
	 .help = "swing between LOW and HIGH descriptors, MS at each end"},
	{.name = "storm",
	 .arg = "RATE:MS",
	 .run = run_storm,
	 .help = "open and close RATE times a second, for MS"},
	{.name = "sigreturn",
	 .arg = "N",
	 .run = run_sigreturn,
	 .help = "return from N signals to code that has -EMFILE where results are"},
	{.name = "exec",
	 .arg = "",
	 .run = run_exec,
	 .help = "execute itself for the steps that follow"},
	{0},
};
