/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who a process is: what the kernel says of it, its service and container from
 * its cgroup, its executable and command line from /proc. All strings are the
 * process's own bytes, NUL-ended and otherwise unchecked: hostile.
 */
#ifndef FDWARDEN_IDENTITY_H
#define FDWARDEN_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "fdwarden/wire.h"

/* Most that is kept of a command line, in bytes. */
#define IDENTITY_COMMAND_LINE_MAX 4096

struct identity {
	uint64_t start_ns; /* CLOCK_BOOTTIME */
	pid_t pid, ppid;
	uid_t uid;
	uid_t charged_uid; /* fdw_task's; identity_charged() */
	char comm[FDW_COMM_LEN];
	/* Each NULL where it is not known. Owned. */
	char *executable;
	char *command_line; /* arguments joined with single spaces */
	char *cgroup;       /* "/system.slice/nginx.service" */
	char *service;      /* "nginx.service"; cgroup_path_service() */
	char *container_id;
	char *pod_uid; /* of Kubernetes */
	/* Names as a daemon has told them; NULL: state/pod_names.h or container_names.h knows
	 * them, or nobody. */
	char *pod_name, *pod_namespace, *container_name, *container_image;
	/* "docker", "containerd", "cri-o", "podman", "lxc", "systemd-nspawn"; NULL:
	 * not known. Static. */
	const char *container_runtime;
	/* On whose word alone it is that container and pod, as "user@1000.service";
	 * NULL: a runtime of root's made them. Owned. */
	char *claimed_by;
	bool denied; /* something was not read for want of a permission */
};

/* Takes what the kernel's record says; the strings stay. */
void identity_from_task(struct identity *who, const struct fdw_task *task);

/* Whose share of what all users have it takes: a user's, whatever set-user-ID program he has
 * started and whichever subordinate id he has taken. */
uid_t identity_charged(const struct identity *who);

/* Reads /proc/PID for what is still NULL, and only if PID is still the same
 * process (start time). Needs CAP_SYS_PTRACE for other users' executables.
 * Returns 0, or -ESRCH if it is gone, -EMFILE/-ENFILE/… if nothing could be
 * opened; what was read stays. */
int identity_read_proc(struct identity *who);

/*
 * As identity_read_proc(), but only some of it. The command line is memory of the
 * process itself: reading it waits for whoever holds that memory's lock, or for the
 * file system a page of it comes from, possibly for ever. Where that must not be,
 * identity_reader reads.
 */
enum identity_part {
	IDENTITY_PLACE = 1 << 0, /* executable, cgroup, service, container */
	IDENTITY_COMMAND_LINE = 1 << 1,
};
int identity_read_parts(struct identity *who, unsigned parts);

/* When a process began, in clock ticks since boot: with its pid it names it, as long
 * as the system is up. 0 or -errno; -ESRCH: there is none, or only its zombie. */
int identity_start_ticks(pid_t pid, uint64_t *ticks);

/* Takes path, command line and cgroup from a refusal's record, where still
 * NULL. `len` is the record's size, checked by the caller. */
void identity_from_refusal(struct identity *who, const struct fdw_refused *rec);

/* Sets cgroup, and service, container and pod by its form (systemd unit; docker,
 * containerd, cri-o, podman, lxc, systemd-nspawn; cgroup v1 and v2). */
int identity_set_cgroup(struct identity *who, const char *path);

/* For tests: another directory than /proc. NULL: /proc again. */
void identity_set_proc_root(const char *root);

/* What a group of processes like this one is called: container id, service, else
 * executable, else comm. Never NULL; valid as long as `who`. */
/* A name that someone else may have chosen too is never that. */
const char *identity_group(const struct identity *who);

void identity_clear(struct identity *who); /* frees the strings, zeroes */

/* A copy with strings of its own. What `to` held before is not freed. 0, or -ENOMEM with
 * `to` zeroed. */
int identity_copy(struct identity *to, const struct identity *from);

#endif
