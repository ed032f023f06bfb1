/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a cgroup's path says: the systemd unit and the container. Pure.
 */
#ifndef FDWARDEN_CGROUP_PATH_H
#define FDWARDEN_CGROUP_PATH_H

#include <stddef.h>

/* A part of a path; `at` NULL: there is none. */
struct cgroup_part {
	const char *at;
	size_t len;
};

/*
 * The unit that systemd runs it in: the innermost *.service, else the innermost
 * *.scope that is not a container's. Units nest: in
 * /user.slice/user-1000.slice/user@1000.service/app.slice/foo.service
 * it is foo.service.
 */
struct cgroup_part cgroup_path_service(const char *path);

/*
 * The innermost container. Docker, containerd, cri-o and podman put their 64 hex
 * digits at the end of a name: /docker/ID, docker-ID.scope, cri-containerd-ID.scope,
 * …:cri-containerd:ID, crio-ID.scope, libpod-ID.scope, kubepods/…/ID; what watches
 * over a container (…conmon-ID.scope) is not in it. LXC: lxc.payload.NAME, /lxc/NAME.
 */
struct cgroup_part cgroup_path_container(const char *path);

/*
 * The line of /proc/PID/cgroup that says most (cgroup v1, v2 and both): one with a
 * container before others, then v2, systemd's own v1 hierarchy, memory, pids; the
 * root last. Cuts the lines of `text` apart. NULL: there is none.
 */
const char *cgroup_path_choose(char *text);

#endif
