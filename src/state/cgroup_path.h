/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a cgroup's path says: the systemd unit, the container and the pod. Pure.
 */
#ifndef FDWARDEN_CGROUP_PATH_H
#define FDWARDEN_CGROUP_PATH_H

#include <stdbool.h>
#include <stddef.h>

/* A part of a path; `at` NULL: there is none. */
struct cgroup_part {
	const char *at;
	size_t len;
};

/* Whether the directory that the first `len` bytes of the path name was made by root, which
 * its owner tells. */
typedef bool (*cgroup_is_roots)(const char *path, size_t len);

/*
 * The service that it belongs to. A name without a slash is that of a unit of the host's
 * own, which PID 1 manages: "nginx.service". Below that, whoever may write there has
 * chosen the name, so it is told with its place: "user@1000.service/app.slice/x.service"
 * of a user's manager, "3f2a91c04d7b/system.slice/x.service" of a container,
 * "foo/x.service" of a directory that is not systemd's. Where there is no *.service
 * it is a *.scope that is not a container's. *out, which is to be freed, is NULL where
 * there is none. Returns 0 or -ENOMEM.
 */
int cgroup_path_service(const char *path, cgroup_is_roots is_roots, char **out);

/* Stands in front of a path of which the first components are not known. */
#define CGROUP_PATH_UNKNOWN "..."

/*
 * On whose word alone the path names a container or a pod: that of the user's manager
 * ("user@1000.service"), of another service or a session whose processes may make
 * directories ("web.service", "session-3.scope"), or of the outer container, in which anyone
 * may. *out, to be freed, is NULL where PID 1 or a runtime of root's made it, or where there
 * is none. `is_roots` is asked where the path does not tell; NULL: it is not root's. Returns
 * 0 or -ENOMEM.
 */
int cgroup_path_claimed_by(const char *path, cgroup_is_roots is_roots, char **out);

/* The name of systemd-nspawn as a runtime: its containers' ids are as systemd
 * escapes them ("web\x2d1"). */
#define CGROUP_PATH_NSPAWN "systemd-nspawn"

/*
 * The innermost container. Docker, containerd, cri-o and podman put their 64 hex
 * digits at the end of a name: /docker/ID, docker-ID.scope, cri-containerd-ID.scope,
 * …:cri-containerd:ID, crio-ID.scope, libpod-ID.scope, kubepods/…/ID; what watches
 * over a container (…conmon-ID.scope) is not in it. LXC: lxc.payload.NAME, /lxc/NAME.
 * systemd-nspawn: machine-NAME.scope/payload, systemd-nspawn@NAME.service/payload.
 */
struct cgroup_part cgroup_path_container(const char *path);

/* What runs that container: "docker", "containerd", "cri-o", "podman", "lxc",
 * "systemd-nspawn". NULL: there is none, or the path does not tell. Static. */
const char *cgroup_path_runtime(const char *path);

/* The same static name for a copy of it; NULL: no such runtime. */
const char *cgroup_path_runtime_name(const char *name);

/* Of Kubernetes: 36 characters, of static pods 32. */
#define CGROUP_POD_UID_LEN 40

/* The innermost pod, whichever cgroup driver made the path: kubepods/burstable/podUID,
 * kubepods-burstable-podUID.slice. False, and an empty uid: there is none. */
bool cgroup_path_pod_uid(const char *path, char uid[CGROUP_POD_UID_LEN]);

/*
 * The line of /proc/PID/cgroup that says most (cgroup v1, v2 and both): one with a
 * container before others, then v2, systemd's own v1 hierarchy, memory, pids; the
 * root last. Cuts the lines of `text` apart. NULL: there is none.
 */
const char *cgroup_path_choose(char *text);

#endif
