// SPDX-License-Identifier: GPL-2.0-or-later
/* The daemon's own process_*, by the names that client libraries of Prometheus use. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "output/metrics_impl.h"

static double seconds_of(const struct timeval *time)
{
	return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

/* Pages: all that is mapped, and what is in memory. */
static bool read_memory(uint64_t *mapped, uint64_t *resident)
{
	char text[128];
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return false;
	text[n] = 0;
	return sscanf(text, "%" SCNu64 " %" SCNu64, mapped, resident) == 2;
}

static void put_memory(struct exposition *x)
{
	double page = (double)sysconf(_SC_PAGESIZE);
	uint64_t mapped, resident;

	if (!read_memory(&mapped, &resident))
		return;
	exposition_one(x, "process_virtual_memory_bytes", "gauge",
		       "Virtual memory of fdwarden itself, in bytes.",
		       (double)mapped * page);
	exposition_one(x, "process_resident_memory_bytes", "gauge",
		       "Resident memory of fdwarden itself, in bytes.",
		       (double)resident * page);
}

void metrics_own_process(struct exposition *x, const struct roster *roster)
{
	const struct roster_row *own = roster_find(roster, roster->self.pid, 0);
	struct rusage spent;
	struct rlimit limit;

	if (!getrusage(RUSAGE_SELF, &spent))
		exposition_one(x, "process_cpu_seconds_total", "counter",
			       "User and system CPU time of fdwarden itself, in "
			       "seconds.",
			       seconds_of(&spent.ru_utime) +
				       seconds_of(&spent.ru_stime));
	put_memory(x);
	if (own && own->fd.known)
		exposition_one(x, "process_open_fds", "gauge",
			       "Descriptors that fdwarden itself has open.",
			       (double)own->fd.count);
	if (!getrlimit(RLIMIT_NOFILE, &limit))
		exposition_one(x, "process_max_fds", "gauge",
			       "Most descriptors that fdwarden itself may have open.",
			       (double)limit.rlim_cur);
	if (own)
		exposition_one(x, "process_start_time_seconds", "gauge",
			       "When fdwarden itself began, in seconds since 1970.",
			       (double)(own->who.start_ns + roster->boot_realtime_ns) /
				       1e9);
}
