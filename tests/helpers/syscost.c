/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What calls cost: `syscost calls CPU BATCHES [TURNS]` times getppid, open+close
 * and socket+close in tight loops on one CPU, and prints for each its name and the
 * lowest and the median batch in ns a turn. `syscost list` lists /proc/PID/fd of
 * all processes, and prints their number, that of their descriptors, and the ns.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define TURNS "2000" /* in a batch, if nothing else is said */

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void call_getppid(void)
{
	syscall(SYS_getppid);
}

static void call_open(void)
{
	close(open("/dev/null", O_RDONLY | O_CLOEXEC));
}

static void call_socket(void)
{
	close(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

static const struct {
	const char *name;
	void (*call)(void);
} kinds[] = {
	{"getppid", call_getppid},
	{"open+close", call_open},
	{"socket+close", call_socket},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double time_batch(void (*call)(void), int turns)
{
	uint64_t start = now_ns();

	for (int i = 0; i < turns; i++)
		call();
	return (double)(now_ns() - start) / turns;
}

static int time_calls(int cpu, int batches, int turns)
{
	double *times = calloc((size_t)batches * KINDS, sizeof(*times));
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (!times || sched_setaffinity(0, sizeof(cpus), &cpus)) {
		fprintf(stderr, "syscost: CPU %d: %s\n", cpu, strerror(errno));
		return 1;
	}
	/* in turns, so that a noisy moment falls on all of them */
	for (int batch = 0; batch < batches; batch++)
		for (size_t k = 0; k < KINDS; k++)
			times[k * (size_t)batches + (size_t)batch] =
				time_batch(kinds[k].call, turns);
	for (size_t k = 0; k < KINDS; k++) {
		double *of = times + k * (size_t)batches;

		qsort(of, (size_t)batches, sizeof(*of), compare);
		printf("%s %.2f %.2f\n", kinds[k].name, of[0], of[batches / 2]);
	}
	free(times);
	return 0;
}

static long count_entries(const char *path)
{
	DIR *dir = opendir(path);
	long count = 0;

	if (!dir)
		return -1;
	for (struct dirent *entry; (entry = readdir(dir));)
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

static int list_all(void)
{
	uint64_t start = now_ns();
	long processes = 0, descriptors = 0;
	DIR *proc = opendir("/proc");

	if (!proc) {
		fprintf(stderr, "syscost: /proc: %s\n", strerror(errno));
		return 1;
	}
	for (struct dirent *entry; (entry = readdir(proc));) {
		char path[300];
		long count;

		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/fd", entry->d_name);
		count = count_entries(path);
		if (count < 0)
			continue;
		processes++;
		descriptors += count;
	}
	closedir(proc);
	printf("%ld %ld %llu\n", processes, descriptors,
	       (unsigned long long)(now_ns() - start));
	return 0;
}

int main(int argc, char **argv)
{
	int turns = atoi(argc == 5 ? argv[4] : TURNS);

	if ((argc == 4 || argc == 5) && !strcmp(argv[1], "calls") &&
	    atoi(argv[3]) > 0 && turns > 0)
		return time_calls(atoi(argv[2]), atoi(argv[3]), turns);
	if (argc == 2 && !strcmp(argv[1], "list"))
		return list_all();
	fputs("usage: syscost calls CPU BATCHES [TURNS] | syscost list\n", stderr);
	return 2;
}
