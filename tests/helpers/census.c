// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * census [-m MAX] [-n TIMES] [-f] [-q] [-r] PID [TID]: what census_read() says, a line a
 * descriptor, "key=value" between blanks, strings in hexadecimal. The last line begins
 * with "#" and has the figures.
 *
 * -n reads so often and says the median time and the best; -f first takes all descriptors that its
 * own limit has left; -q prints no descriptors; -r reads the
 * links of /proc/PID/fd instead, for comparison; -w waits for a line on stdin before it
 * reads, once it has loaded.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "collect/census.h"
#include "collect/kernel.h"

#define TIMES_MAX 1000

struct options {
	size_t max, times;
	bool fill, quiet, links, wait;
};

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Of this process now, in KiB. */
static long rss_kb(void)
{
	long pages = 0;
	FILE *statm = fopen("/proc/self/statm", "r");

	if (!statm)
		return 0;
	if (fscanf(statm, "%*s %ld", &pages) != 1)
		pages = 0;
	fclose(statm);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void print_hex(const char *key, const char *string)
{
	if (!string)
		return;
	printf(" %s=", key);
	for (; *string; string++)
		printf("%02x", (unsigned char)*string);
}

static void print_end(const char *key, const struct descriptor_end *end)
{
	char text[DESCRIPTOR_END_TEXT];

	descriptor_end_text(end, text);
	if (*text)
		printf(" %s=%s", key, text);
}

static void print_descriptor(const struct descriptor *d)
{
	const char *state = descriptor_state_name(d);

	printf("fd=%u", d->fd);
	print_hex("kind", descriptor_kind_name(d->kind));
	print_hex("type", descriptor_type_name(d));
	printf(" file=%" PRIx64 " inode=%" PRIu64 " device=%" PRIu64 " rdevice=%" PRIu64
	       " position=%" PRIu64 " flags=%o deleted=%d",
	       d->file, d->inode, d->device, d->rdevice, d->position, d->flags,
	       d->deleted);
	if (d->kind == DESCRIPTOR_SOCKET)
		printf(" family=%u socktype=%u protocol=%u peer_closed=%d "
		       "peer_inode=%" PRIu64,
		       d->family, d->type, d->protocol, d->peer_closed, d->peer_inode);
	if (state)
		printf(" state=%s", state);
	print_end("local", &d->local);
	print_end("peer", &d->peer);
	print_hex("peer_path", d->peer_path);
	if (d->kind == DESCRIPTOR_PIPE)
		printf(" readers=%u writers=%u", d->readers, d->writers);
	if (d->kind == DESCRIPTOR_PIDFD)
		printf(" pid=%u ended=%d", d->pid, d->ended);
	print_hex("path", d->path);
	printf(" cut=%d\n", d->path_cut);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void take_all_descriptors(void)
{
	while (dup(0) >= 0)
		;
}

/* What a look into /proc costs at the least. Descriptors, or a negative errno. */
static long read_links(pid_t pid)
{
	char path[64], link[4096];
	struct dirent *entry;
	long n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir)))
		n += readlinkat(dirfd(dir), entry->d_name, link, sizeof(link)) >= 0;
	closedir(dir);
	return n;
}

static int run_links(const struct options *o, pid_t pid)
{
	static double took[TIMES_MAX];
	long n = 0;

	for (size_t i = 0; i < o->times && n >= 0; i++) {
		double start = now_us();

		n = read_links(pid);
		took[i] = now_us() - start;
	}
	if (n < 0) {
		fprintf(stderr, "census: /proc/%d/fd: %s\n", pid, strerror((int)-n));
		return 1;
	}
	qsort(took, o->times, sizeof(*took), by_value);
	printf("# len=%ld median_us=%.1f best_us=%.1f\n", n, took[o->times / 2],
	       took[0]);
	return 0;
}

static int run(struct census *census, const struct options *o, pid_t pid, pid_t tid,
	       double load_us, long load_kb)
{
	static double took[TIMES_MAX];
	struct census_result result;
	int err = 0;

	for (size_t i = 0; i < o->times; i++) {
		double start = now_us();

		err = census_read(census, pid, tid, o->max, &result);
		took[i] = now_us() - start;
		if (err)
			break;
		if (i + 1 < o->times)
			census_clear(&result);
	}
	if (err) {
		fprintf(stderr, "census: %s\n", strerror(-err));
		return 1;
	}
	for (size_t i = 0; i < result.len && !o->quiet; i++)
		print_descriptor(&result.descriptors[i]);
	qsort(took, o->times, sizeof(*took), by_value);
	printf("# len=%zu cut=%" PRIu64 " nameless=%" PRIu64
	       " exited=%d tid=%d start=%" PRIu64
	       " median_us=%.1f best_us=%.1f load_us=%.0f load_kb=%ld rss_kb=%ld "
	       "method=",
	       result.len, result.cut, result.nameless, result.exited, result.tid,
	       result.start_ns, took[o->times / 2], took[0], load_us, load_kb,
	       rss_kb());
	for (const char *c = census_method(census); *c; c++)
		putchar(*c == ' ' ? '-' : *c);
	putchar('\n');
	census_clear(&result);
	return 0;
}

static int take_options(int argc, char **argv, struct options *o)
{
	int option;

	while ((option = getopt(argc, argv, "m:n:fqrw")) != -1) {
		switch (option) {
		case 'm':
			o->max = strtoull(optarg, NULL, 10);
			break;
		case 'n':
			o->times = strtoull(optarg, NULL, 10);
			break;
		case 'f':
			o->fill = true;
			break;
		case 'q':
			o->quiet = true;
			break;
		case 'r':
			o->links = true;
			break;
		case 'w':
			o->wait = true;
			break;
		default:
			return -EINVAL;
		}
	}
	return o->times >= 1 && o->times <= TIMES_MAX && optind < argc ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
	struct options o = {.max = SIZE_MAX, .times = 1};
	struct census *census;
	double start, load_us;
	char why[512];
	long before;
	int status;

	if (take_options(argc, argv, &o)) {
		fprintf(stderr, "usage: census [-m MAX] [-n TIMES] [-f] [-q] [-r] [-w] "
				"PID [TID]\n");
		return 2;
	}
	if (o.links)
		return run_links(&o, atoi(argv[optind]));
	kernel_quiet_libbpf();
	before = rss_kb();
	start = now_us();
	if (census_open(&census, why, sizeof(why))) {
		fprintf(stderr, "census: %s\n", why);
		return 1;
	}
	load_us = now_us() - start;
	before = rss_kb() - before;
	if (o.fill)
		take_all_descriptors();
	if (o.wait) {
		puts("loaded");
		fflush(stdout);
		(void)getchar();
	}
	status = run(census, &o, atoi(argv[optind]),
		     argv[optind + 1] ? atoi(argv[optind + 1]) : 0, load_us, before);
	census_close(census);
	return status;
}
