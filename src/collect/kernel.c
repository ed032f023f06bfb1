// SPDX-License-Identifier: GPL-2.0-or-later
#include "collect/kernel.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "collect/reason.h"
#include "guard/capabilities.h"
#include "policy/limits.h"
/* Written with the programs: what made them, whatever is installed now. */
#include "bpf_compiler.inc"

#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#define CAP_BPF     39
#endif

/* Traces load programs in threads of their own. */
static _Thread_local struct reason bpf_reason;

/* The inode of the initial pid namespace, PROC_PID_INIT_INO of linux/proc_ns.h */
#define INITIAL_PID_NS 0xeffffffc
#define PID_NS         "/proc/self/ns/pid"

bool kernel_in_host_pids(void)
{
	struct stat st;

	return !stat(PID_NS, &st) && st.st_ino == INITIAL_PID_NS;
}

bool kernel_has_cap(int cap)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	if (syscall(SYS_capget, &header, data))
		return false;
	return data[cap / 32].effective & (1u << (cap % 32));
}

int kernel_check(char *why, size_t size)
{
	bool bpf = kernel_has_cap(CAP_BPF), perfmon = kernel_has_cap(CAP_PERFMON);

	why[0] = 0;
	/* CAP_SYS_ADMIN includes both. */
	if ((!bpf || !perfmon) && !kernel_has_cap(CAP_SYS_ADMIN)) {
		snprintf(why, size,
			 "missing capability %s: run it with sudo, or as the service "
			 "('sudo systemctl start fdwarden', where it is installed)",
			 bpf       ? "CAP_PERFMON"
			 : perfmon ? "CAP_BPF"
				   : "CAP_BPF and CAP_PERFMON");
		return -EPERM;
	}
	if (access("/sys/kernel/btf/vmlinux", R_OK)) {
		int err = -errno;

		snprintf(why, size,
			 "/sys/kernel/btf/vmlinux: %s: a kernel from 5.10 on with "
			 "CONFIG_DEBUG_INFO_BTF=y is needed, and /sys mounted",
			 strerror(-err));
		return err;
	}
	/* without /proc it is not known, and what follows has a reason of its own */
	if (!access(PID_NS, F_OK) && !kernel_in_host_pids()) {
		snprintf(why, size,
			 "this is a pid namespace of its own, where the host's pids "
			 "mean other "
			 "processes or none: run it in the host's (--pid=host of a "
			 "container, "
			 "hostPID: true of a pod)");
		return -ENODATA;
	}
	return 0;
}

bool kernel_is_since(unsigned major, unsigned minor)
{
	unsigned is_major, is_minor;
	struct utsname name;

	return !uname(&name) &&
	       sscanf(name.release, "%u.%u", &is_major, &is_minor) == 2 &&
	       (is_major > major || (is_major == major && is_minor >= minor));
}

uint64_t kernel_raise_own_limit(void)
{
	struct rlimit limit;
	rlim_t before;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return 0;
	before = limit.rlim_cur;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	return before;
}

__attribute__((format(printf, 2, 0))) static int
on_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	static const char *debug;
	char text[2 * REASON_LEN];
	va_list again;

	if (!debug)
		debug = getenv("FDWARDEN_DEBUG") ?: "";
	if (level == LIBBPF_WARN && strstr(format, "BEGIN PROG LOAD LOG")) {
		char *whole = NULL;

		va_copy(again, args);
		if (vasprintf(&whole, format, again) >= 0)
			reason_add_log(&bpf_reason, whole);
		va_end(again);
		free(whole);
	} else if (level == LIBBPF_WARN) {
		va_copy(again, args);
		vsnprintf(text, sizeof(text), format, again);
		va_end(again);
		reason_add(&bpf_reason, text);
	}
	if (*debug && (level != LIBBPF_DEBUG || !strcmp(debug, "2")))
		return vfprintf(stderr, format, args);
	return 0;
}

void kernel_quiet_libbpf(void)
{
	libbpf_set_print(on_libbpf);
}

void kernel_forget_bpf_reason(void)
{
	reason_reset(&bpf_reason);
}

const char *kernel_bpf_reason(void)
{
	return bpf_reason.text;
}

const char *kernel_bpf_log(void)
{
	return bpf_reason.log;
}

/* What is wrong with the kernel's BPF compiler; NULL: nothing. On Debian's riscv64 it is off by
 * default, and its s390x kernel has none (both 6.12). */
static const char *jit_trouble(void)
{
	int fd = open("/proc/sys/net/core/bpf_jit_enable", O_RDONLY | O_CLOEXEC);
	char value = 0;

	if (fd < 0)
		return errno == ENOENT ? "has no JIT for BPF (CONFIG_BPF_JIT)" : NULL;
	if (read(fd, &value, 1) != 1)
		value = 0;
	close(fd);
	return value == '0' ? "has its JIT for BPF switched off; it is switched on "
			      "with 'sysctl "
			      "-w net.core.bpf_jit_enable=1'"
			    : NULL;
}

void kernel_describe_failure(const char *what, int err, char *why, size_t size)
{
	const char *verdict = bpf_reason.verdict, *jit;
	struct utsname name;

	if (!*bpf_reason.program) {
		snprintf(why, size, "%s: %s: %s", what, reason_of_error(-err),
			 bpf_reason.text);
		return;
	}
	uname(&name);
	jit = !*verdict || strstr(verdict, "JIT") ? jit_trouble() : NULL;
	if (jit)
		snprintf(why, size, "%s: Linux %s %s", what, name.release, jit);
	else if (!*verdict)
		snprintf(why, size, "%s: %s: Linux %s refuses prog '%s' without a word",
			 what, reason_of_error(-err), name.release, bpf_reason.program);
	else
		snprintf(why, size,
			 "%s: the verifier of Linux %s refuses prog '%s' as %s has "
			 "built "
			 "it: \"%s\"; build it with another clang (make clean all "
			 "CLANG=clang-N) and report what 'fdwarden features' prints",
			 what, name.release, bpf_reason.program, BPF_COMPILER, verdict);
}

/* The numbers of an open file, read from its start. Returns how many. */
static int read_numbers(int fd, uint64_t *out, int max)
{
	char text[128], *at = text, *end;
	ssize_t len = pread(fd, text, sizeof(text) - 1, 0);
	int n = 0;

	if (len < 0)
		return -errno;
	text[len] = 0;
	while (n < max) {
		errno = 0;
		out[n] = strtoull(at, &end, 10);
		if (end == at || errno)
			break;
		at = end;
		n++;
	}
	return n;
}

int kernel_files_open(struct kernel_files *files)
{
	int err;

	files->nr_open = open("/proc/sys/fs/nr_open", O_RDONLY | O_CLOEXEC);
	files->file_nr = open("/proc/sys/fs/file-nr", O_RDONLY | O_CLOEXEC);
	if (files->file_nr >= 0)
		return 0;
	err = -errno;
	kernel_files_close(files);
	return err;
}

void kernel_files_close(struct kernel_files *files)
{
	if (files->file_nr >= 0)
		close(files->file_nr);
	if (files->nr_open >= 0)
		close(files->nr_open);
	files->file_nr = files->nr_open = -1;
}

int kernel_files_read(const struct kernel_files *files, uint64_t *allocated,
		      uint64_t *max)
{
	uint64_t n[3] = {0};
	int got = read_numbers(files->file_nr, n, 3);

	if (got < 0)
		return got;
	if (got != 3)
		return -EPROTO;
	*allocated = n[0];
	*max = n[2];
	return 0;
}

uint64_t kernel_nr_open(const struct kernel_files *files)
{
	uint64_t n = 0;

	return files->nr_open >= 0 && read_numbers(files->nr_open, &n, 1) == 1 ? n : 0;
}

int kernel_sysctl(const char *name, uint64_t *value)
{
	char path[256];
	int err, fd;

	err = limits_sysctl_path(name, path, sizeof(path));
	if (err)
		return err;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = read_numbers(fd, value, 1);
	close(fd);
	return err == 1 ? 0 : (err < 0 ? err : -EPROTO);
}

/* Where /proc is mounted with hidepid, another user's process can only be seen so. */
static int open_of_other(const char *path)
{
	bool rested = capabilities_see_others();
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = errno;

	capabilities_rest_again(rested);
	errno = err;
	return fd;
}

/* "1024", or "unlimited". Moves *at behind it. */
static int take_limit(const char **at, uint64_t *value)
{
	char *end;

	*at += strspn(*at, " ");
	if (!strncmp(*at, "unlimited", 9)) {
		*at += 9;
		*value = UINT64_MAX;
		return 0;
	}
	if (**at < '0' || **at > '9')
		return -EPROTO;
	*value = strtoull(*at, &end, 10);
	*at = end;
	return 0;
}

/* Another user's limits may be read there without CAP_SYS_RESOURCE, which prlimit()
 * wants even for reading. Only those that an alert may name. */
static int rlimit_from_proc(pid_t pid, int resource, uint64_t *soft, uint64_t *hard)
{
	const char *label = resource == RLIMIT_MSGQUEUE ? "Max msgqueue size"
			    : resource == RLIMIT_NOFILE ? "Max open files"
							: NULL;
	char path[64], text[4096];
	const char *at;
	int fd, err;
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%d/limits", pid);
	fd = label ? open_of_other(path) : -1;
	if (fd < 0)
		return label ? -errno : -ENOTSUP;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[len > 0 ? len : 0] = 0;
	at = strstr(text, label);
	if (!at)
		return -ENOENT;
	at += strlen(label);
	err = take_limit(&at, soft);
	return err ? err : take_limit(&at, hard);
}

bool kernel_same_space(pid_t pid, const char *kind)
{
	char path[64];
	struct stat ours, theirs;
	bool rested;
	int err;

	snprintf(path, sizeof(path), "/proc/self/ns/%s", kind);
	if (stat(path, &ours))
		return false;
	snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, kind);
	rested = capabilities_see_others();
	err = stat(path, &theirs);
	capabilities_rest_again(rested);
	return !err && ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

pid_t kernel_parent(pid_t pid)
{
	char path[32], text[256], *at;
	ssize_t len;
	int fd, parent = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open_of_other(path);
	if (fd < 0)
		return 0;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (len <= 0)
		return 0;
	text[len] = 0;
	at = strrchr(text, ')'); /* behind a name of any bytes: ") S PPID" */
	return at && sscanf(at, ") %*c %d", &parent) == 1 && parent > 0 ? parent : 0;
}

int kernel_rlimits(pid_t pid, int resource, uint64_t *soft, uint64_t *hard)
{
	struct rlimit limit;

	if (prlimit(pid, resource, NULL, &limit))
		return rlimit_from_proc(pid, resource, soft, hard);
	*soft = limit.rlim_cur;
	*hard = limit.rlim_max;
	return 0;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

uint64_t kernel_now_ns(void)
{
	return clock_ns(CLOCK_BOOTTIME);
}

uint64_t kernel_thread_cpu_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t kernel_boot_realtime_ns(void)
{
	return clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME);
}

void kernel_boot_id(char id[37])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd >= 0 ? read(fd, id, 36) : 0;

	id[len > 0 ? len : 0] = 0;
	if (fd >= 0)
		close(fd);
}

static char host_name[65]; /* empty: the kernel's */

void kernel_set_host_name(const char *name)
{
	snprintf(host_name, sizeof(host_name), "%s", name ? name : "");
}

void kernel_host_name(char *name, size_t size)
{
	snprintf(name, size, "%s", host_name);
	if (!*name && size)
		gethostname(name, size - 1);
}
