// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Anything at all as one of the files that a limit may come from: units and their drop-ins,
 * limits.conf, passwd and group, what runtimes of containers keep, what /proc says. The first
 * byte chooses which; the look-up must come to an answer that can be told.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state/identity.h"
#include "state/origin.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { SESSION = 10, UNIT, DOCKER, PODMAN, OF_USER, MACHINE, CRIO };

static const struct {
	int pid;
	const char *cgroup;
} processes[] = {
	{1, "/init.scope"},
	{SESSION, "/user.slice/user-1000.slice/session-2.scope"},
	{UNIT, "/system.slice/app.service"},
	{DOCKER, "/system.slice/docker-" ID ".scope"},
	{PODMAN, "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID
		 ".scope"},
	{OF_USER,
	 "/user.slice/user-1000.slice/user@1000.service/app.slice/app.service"},
	{MACHINE, "/lxc.payload.box/system.slice/app.service"},
	{CRIO, "/kubepods.slice/crio-" ID ".scope"},
};

/* What each is where it is not the one that is tried. */
static const struct {
	const char *path;
	int pid; /* whose limit may come from it */
	const char *text;
} files[] = {
	{"/etc/systemd/system/app.service", UNIT,
	 "[Service]\nUser=bob\nPAMName=login\nLimitNOFILE=100:200\n"},
	{"/etc/systemd/system/app.service.d/x.conf", UNIT, ""},
	{"/etc/systemd/system.conf", UNIT, "[Manager]\nDefaultLimitNOFILE=1:2\n"},
	{"/home/alice/.config/systemd/user/app.service", OF_USER, "[Service]\n"},
	{"/etc/systemd/user.conf", OF_USER, "[Manager]\n"},
	{"/etc/security/limits.conf", SESSION, "* soft nofile 1024\n"},
	{"/etc/security/limits.d/x.conf", SESSION, ""},
	{"/etc/pam.d/login", SESSION, "session required pam_limits.so\n"},
	{"/etc/passwd", SESSION,
	 "root:x:0:0::/root:\nalice:x:1000:1000::/home/alice:\nbob:x:1001:1001::/:\n"},
	{"/etc/group", SESSION, "staff:x:50:alice\n"},
	{"/etc/docker/daemon.json", DOCKER, "{}"},
	{"/var/lib/docker/containers/" ID "/hostconfig.json", DOCKER, "{}"},
	{"/run/containerd/io.containerd.runtime.v2.task/moby/" ID "/config.json",
	 DOCKER, "{}"},
	{"/etc/containers/containers.conf", PODMAN, "[containers]\n"},
	{"/home/alice/.config/containers/containers.conf", PODMAN, ""},
	{"/etc/crio/crio.conf", CRIO, ""},
	{"/var/lib/lxc/box/config", MACHINE, "lxc.prlimit.nofile = 10\n"},
	{"/proc/12/root/etc/systemd/system/app.service", MACHINE, ""},
	{"/proc/15/status", MACHINE, "Uid:\t0 0 0 0\n"},
	{"/proc/15/uid_map", MACHINE, "0 1000 1\n"},
	{"/proc/11/stat", UNIT, NULL},
	{"/proc/11/limits", UNIT, NULL},
	{"/proc/11/cgroup", UNIT, NULL},
	{"/proc/11/cmdline", UNIT, "app\0-x"},
};

#define FILES (sizeof(files) / sizeof(files[0]))

static char root[] = "/tmp/fdwarden-fuzz-XXXXXX";

static void put(const char *path, const void *text, size_t len)
{
	char whole[512];
	FILE *file;

	snprintf(whole, sizeof(whole), "%s%s", root, path);
	for (char *at = whole + strlen(root) + 1; (at = strchr(at, '/')); at++) {
		*at = '\0';
		if (mkdir(whole, 0755) && errno != EEXIST)
			abort();
		*at = '/';
	}
	file = fopen(whole, "w");
	if (!file || fwrite(text, 1, len, file) != len || fclose(file))
		abort();
}

static void put_text(const char *path, const char *text)
{
	put(path, text, strlen(text));
}

static void put_process(int pid, const char *cgroup)
{
	char path[64], text[512];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	snprintf(text, sizeof(text),
		 "%d (app) S %d 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23\n",
		 pid, pid > 1);
	put_text(path, text);
	snprintf(path, sizeof(path), "/proc/%d/limits", pid);
	put_text(path,
		 "Limit  Soft  Hard\nMax open files            100   200  files\n");
	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	snprintf(text, sizeof(text), "0::%s\n", cgroup);
	put_text(path, text);
}

static void put_all(void)
{
	for (size_t i = 0; i < sizeof(processes) / sizeof(processes[0]); i++)
		put_process(processes[i].pid, processes[i].cgroup);
	for (size_t i = 0; i < FILES; i++)
		if (files[i].text)
			put_text(files[i].path, files[i].text);
}

static void remove_all(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -r '%s'", root);
	if (system(command))
		perror(root);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	if (!mkdtemp(root) || chmod(root, 0755))
		abort();
	atexit(remove_all);
	put_text("/proc/sys/fs/nr_open", "1048576\n");
	put_all();
	origin_set_root(root);
	return 0;
}

static void look_up(int pid)
{
	struct identity who = {.pid = pid, .uid = 1000};
	struct origin_question question = {
		.who = &who, .soft_limit = 100, .hard_limit = 200};
	struct origin origin;
	int err = origin_find(&question, &origin);

	if (err && err != -ESRCH)
		abort();
	if (!err && (origin.kind > ORIGIN_KERNEL || !origin_kind_name(origin.kind)))
		abort();
	origin_clear(&origin);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t which;

	if (!size)
		return 0;
	which = data[0] % FILES;
	put(files[which].path, data + 1, size - 1);
	look_up(files[which].pid);
	if (files[which].text)
		put_text(files[which].path, files[which].text);
	else
		put_process(UNIT, processes[2].cgroup);
	return 0;
}
