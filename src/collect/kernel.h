/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this kernel and this process's privileges allow, and the kernel's own
 * figures: fs.file-nr and sysctls.
 */
#ifndef FDWARDEN_KERNEL_H
#define FDWARDEN_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Whether BPF can be had at all. Returns 0, or -errno with one line in `why`
 * that says what is missing and what to do: -EPERM for a capability, -ENOENT for
 * a kernel without BTF, -ENODATA in a pid namespace of its own. */
int kernel_check(char *why, size_t size);

/* Whether pids are the host's; false also where it can't be known. */
bool kernel_in_host_pids(void);

/* Effective capability `cap` (CAP_…) of this process. */
bool kernel_has_cap(int cap);

/* By its release, for what no type tells, or only after reading all of them. */
bool kernel_is_since(unsigned major, unsigned minor);

/* Raises our soft RLIMIT_NOFILE to the hard one. Returns what it was, 0: unknown. */
uint64_t kernel_raise_own_limit(void);

/* Routes libbpf's messages: kept for kernel_bpf_reason(), and printed to stderr
 * if the environment has FDWARDEN_DEBUG. */
void kernel_quiet_libbpf(void);

/* Why libbpf's work since kernel_forget_bpf_reason() failed, as far as it says: one
 * line, "" if it gave no warning; lives until the next one. */
const char *kernel_bpf_reason(void);

/* One line for what failed since then with -errno `err`: `what` is "the sensor can't be loaded".
 * Where the verifier has refused a program it says which one, with which kernel and compiler,
 * why, and what to do; kernel_bpf_log() then has the last lines of its log, else "". */
void kernel_describe_failure(const char *what, int err, char *why, size_t size);
const char *kernel_bpf_log(void);
void kernel_forget_bpf_reason(void);

/* Figures of the whole system. Opened once: when the system is out of files,
 * nothing can be opened any more, but what is open can be read. */
struct kernel_files {
	int file_nr, nr_open; /* descriptors */
};

int kernel_files_open(struct kernel_files *files);
void kernel_files_close(struct kernel_files *files);

/* fs.file-nr's first and third figure. 0 or -errno. */
int kernel_files_read(const struct kernel_files *files, uint64_t *allocated,
		      uint64_t *max);
/* fs.nr_open, 0 if unknown. */
uint64_t kernel_nr_open(const struct kernel_files *files);

/* The first number in a sysctl's file, by its dotted name. 0 or -errno. */
int kernel_sysctl(const char *name, uint64_t *value);

/* Whether the process is in our namespace of that kind ("ipc"); false also where it can't
 * be known. */
bool kernel_same_space(pid_t pid, const char *kind);

/* The parent of a process; 0: not known. Never waits for the process. */
pid_t kernel_parent(pid_t pid);

/* Both limits of `resource` (RLIMIT_…) of a process; UINT64_MAX: unlimited. Of another user's
 * process only RLIMIT_NOFILE and RLIMIT_MSGQUEUE. 0 or -errno. */
int kernel_rlimits(pid_t pid, int resource, uint64_t *soft, uint64_t *hard);

/* CLOCK_BOOTTIME in ns. */
uint64_t kernel_now_ns(void);
/* CPU time that this thread has taken, in ns. */
uint64_t kernel_thread_cpu_ns(void);
/* CLOCK_REALTIME − CLOCK_BOOTTIME in ns, now. */
uint64_t kernel_boot_realtime_ns(void);
/* random/boot_id; "" if unknown. */
void kernel_boot_id(char id[37]);

/* What this host is called: by the kernel, or as it was set, which is cut to 64 bytes. Set
 * before any thread is made. NULL: by the kernel again. */
void kernel_set_host_name(const char *name);
void kernel_host_name(char *name, size_t size);

#endif
