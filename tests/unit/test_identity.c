/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "state/cgroup_path.h"
#include "state/identity.h"

#define ID       "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SHORT_ID "0123456789ab"
#define ID2      "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

#define SHORT    "123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define UID      "0e51c6f5-1111-2222-3333-444444444444"
#define STATIC   "0123456789abcdef0123456789abcdef"
#define BURSTABLE                                                                      \
	"/kubepods.slice/kubepods-burstable.slice/"                                    \
	"kubepods-burstable-pod0e51c6f5_1111_2222_3333_444444444444.slice"

struct sample {
	const char *path, *service, *container, *runtime, *pod;
};

static const struct sample samples[] = {
	{"/", NULL, NULL, NULL, NULL},
	{"/init.scope", "init.scope", NULL, NULL, NULL},
	{"/system.slice/nginx.service", "nginx.service", NULL, NULL, NULL},
	{"/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service",
	 NULL, NULL, NULL},
	{"/system.slice/dev-disk-by\\x2dlabel.service", "dev-disk-by\\x2dlabel.service",
	 NULL, NULL, NULL},
	{"/user.slice/user-1000.slice/user@1000.service/app.slice/foo.service",
	 "user@1000.service/app.slice/foo.service", NULL, NULL, NULL},
	{"/user.slice/user-1000.slice/user@1000.service/init.scope",
	 "user@1000.service", NULL, NULL, NULL},
	{"/user.slice/user-1000.slice/user@1000.service/app.slice/"
	 "app-gnome-firefox-1234.scope",
	 "user@1000.service/app.slice/app-gnome-firefox-1234.scope", NULL, NULL, NULL},
	{"/user.slice/user-1000.slice/session-3.scope", "session-3.scope", NULL, NULL,
	 NULL},
	{"/system.slice/foo.service/worker/1", "foo.service", NULL, NULL, NULL},
	/* not a unit: only the ending */
	{"/a/.service/.scope/x.service.d", NULL, NULL, NULL, NULL},
	{"//system.slice//nginx.service//", "nginx.service", NULL, NULL, NULL},
	{"/system.slice/docker-compose.scope", "docker-compose.scope", NULL, NULL,
	 NULL},

	/* Docker: with cgroupfs, with systemd, rootless, in itself, of ECS */
	{"/docker/" ID, NULL, ID, "docker", NULL},
	{"/docker/" ID "/init.scope", SHORT_ID "/init.scope", ID, "docker", NULL},
	{"/docker/" ID "/system.slice/nginx.service",
	 SHORT_ID "/system.slice/nginx.service", ID, "docker", NULL},
	{"/system.slice/docker-" ID ".scope", NULL, ID, "docker", NULL},
	{"/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" ID ".scope",
	 "user@1000.service", ID, "docker", NULL},
	{"/docker/" ID "/docker/" ID2, NULL, ID2, "docker", NULL},
	{"/ecs/e9ab5bc5-aaaa-bbbb-cccc-dddddddddddd/" ID, NULL, ID, NULL, NULL},
	/* containerd: of Kubernetes, of nerdctl, of ctr */
	{BURSTABLE "/cri-containerd-" ID ".scope", NULL, ID, "containerd", UID},
	{"/kubepods.slice/kubepods-pod0e51c6f5_1111_2222_3333_444444444444.slice/"
	 "cri-containerd-" ID ".scope/init.scope",
	 SHORT_ID "/init.scope", ID, "containerd", UID},
	{"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/"
	 "kubelet-kubepods-besteffort-pod0e51c6f5_1111_2222_3333_444444444444.slice/"
	 "cri-containerd-" ID ".scope",
	 NULL, ID, "containerd", UID},
	{"/system.slice/containerd.service/kubepods-burstable-"
	 "pod0e51c6f5_1111_2222_3333_444444444444.slice:cri-containerd:" ID,
	 "containerd.service", ID, "containerd", UID},
	{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" STATIC
	 ".slice/cri-containerd-" ID ".scope",
	 NULL, ID, "containerd", STATIC},
	{"/system.slice/nerdctl-" ID ".scope", NULL, ID, "containerd", NULL},
	{"/default/" ID, NULL, ID, "containerd", NULL},
	/* whose it is, cgroupfs does not tell */
	{"/kubepods/burstable/pod" UID "/" ID, NULL, ID, NULL, UID},
	{"/kubepods/pod" UID "/" ID, NULL, ID, NULL, UID},
	{"/kubepods/besteffort/pod" STATIC "/" ID, NULL, ID, NULL, STATIC},
	/* kind: a node of Kubernetes is a container of Docker */
	{"/docker/" ID "/kubelet.slice/kubelet-kubepods.slice/"
	 "kubelet-kubepods-pod0e51c6f5_1111_2222_3333_444444444444.slice/"
	 "cri-containerd-" ID2 ".scope",
	 NULL, ID2, "containerd", UID},
	{"/docker/" ID "/kubelet/kubepods/burstable/pod" UID "/" ID2, NULL, ID2, NULL,
	 UID},
	/* a pod's own cgroup, and what only looks like one */
	{"/kubepods/burstable/pod" UID, NULL, NULL, NULL, UID},
	{"/kubepods/burstable/pod" UID "x/" ID, NULL, ID, NULL, NULL},
	{"/other/pod" UID "/" ID, NULL, ID, NULL, NULL},
	{"/my.slice/my-pod0e51c6f5_1111_2222_3333_444444444444.slice/docker-" ID
	 ".scope",
	 NULL, ID, "docker", NULL},
	{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0e51.slice",
	 NULL, NULL, NULL, NULL},
	/* cri-o */
	{BURSTABLE "/crio-" ID ".scope/container", NULL, ID, "cri-o", UID},
	{BURSTABLE "/crio-conmon-" ID ".scope", "crio-conmon-" ID ".scope", NULL, NULL,
	 UID},
	{"/kubepods/burstable/pod" UID "/crio-" ID, NULL, ID, "cri-o", UID},
	/* Podman: as root, rootless, in a pod, in a service, with cgroupfs */
	{"/machine.slice/libpod-" ID ".scope", NULL, ID, "podman", NULL},
	{"/machine.slice/libpod-" ID ".scope/container", NULL, ID, "podman", NULL},
	{"/machine.slice/libpod-conmon-" ID ".scope", "libpod-conmon-" ID ".scope",
	 NULL, NULL, NULL},
	{"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID
	 ".scope/container",
	 "user@1000.service", ID, "podman", NULL},
	{"/user.slice/user-1000.slice/user@1000.service/user.slice/"
	 "user-libpod_pod_" ID2 ".slice/libpod-" ID ".scope/container",
	 "user@1000.service", ID, "podman", NULL},
	{"/machine.slice/machine-libpod_pod_" ID2 ".slice/libpod-" ID ".scope", NULL,
	 ID, "podman", NULL},
	{"/system.slice/web.service/libpod-payload-" ID, "web.service", ID, "podman",
	 NULL},
	{"/libpod_parent/libpod-" ID, NULL, ID, "podman", NULL},
	/* LXC, LXD, Proxmox */
	{"/lxc.payload.web-1/system.slice/nginx.service",
	 "web-1/system.slice/nginx.service", "web-1", "lxc", NULL},
	{"/lxc.payload/web-1/init.scope", "web-1/init.scope", "web-1", "lxc", NULL},
	{"/lxc.monitor.web-1", NULL, NULL, NULL, NULL},
	{"/lxc.monitor/web-1", NULL, NULL, NULL, NULL},
	{"/lxc/101/ns", NULL, "101", "lxc", NULL},
	{"/lxc", NULL, NULL, NULL, NULL},
	{"/lxc.payload.a/docker/" ID, NULL, ID, "docker", NULL},
	/* systemd-nspawn, and virtual machines, which are none */
	{"/machine.slice/machine-web\\x2d1.scope/payload/system.slice/nginx.service",
	 "web\\x2d1/payload/system.slice/nginx.service", "web-1", "systemd-nspawn",
	 NULL},
	{"/machine.slice/machine-web.scope/payload", NULL, "web", "systemd-nspawn",
	 NULL},
	{"/machine.slice/machine-web.scope/supervisor", "machine-web.scope", NULL, NULL,
	 NULL},
	{"/machine.slice/systemd-nspawn@deb\\x2d12.service/payload/init.scope",
	 "deb\\x2d12/payload/init.scope", "deb-12", "systemd-nspawn", NULL},
	{"/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt/emulator",
	 "machine-qemu\\x2d1\\x2dvm.scope", NULL, NULL, NULL},
	{"/machine.slice/machine-.scope/payload", "machine-.scope", NULL, NULL, NULL},

	/* one digit too few, one too many, and not hex */
	{"/docker/" SHORT, NULL, NULL, NULL, NULL},
	{"/docker/a" ID, NULL, NULL, NULL, NULL},
	{"/docker/g" SHORT, NULL, NULL, NULL, NULL},
	/* a form that is not known is a container all the same */
	{"/system.slice/odd-" ID ".scope", NULL, ID, NULL, NULL},
};

static void assert_text(const char *is, const char *expected)
{
	if (expected) {
		assert_non_null(is);
		assert_string_equal(is, expected);
	} else {
		assert_null(is);
	}
}

/* Whose word it is that it is a container: NULL for those of root's runtimes. And what
 * its processes are put together by. */
static const struct claim {
	const char *path, *service, *claimed_by, *group;
} claims[] = {
#define USER "/user.slice/user-1000.slice/user@1000.service"
	{"/system.slice/sshd.service", "sshd.service", NULL, "sshd.service"},
	/* a service's own directories are its own */
	{"/system.slice/web.service/sshd.service", "web.service", NULL, "web.service"},
	{"/system.slice/web.service/a/user@0.service/sshd.service", "web.service", NULL,
	 "web.service"},
	{"/user.slice/user-1000.slice/session-3.scope/sshd.service", "session-3.scope",
	 NULL, "session-3.scope"},
	/* what a user may make in the directory that systemd has given to the user */
	{USER "/sshd.service", "user@1000.service/sshd.service", NULL,
	 "user@1000.service/sshd.service"},
	{USER "/system.slice/sshd.service",
	 "user@1000.service/system.slice/sshd.service", NULL,
	 "user@1000.service/system.slice/sshd.service"},
	{USER "/user-0.slice/user@0.service/sshd.service",
	 "user@1000.service/user-0.slice/user@0.service/sshd.service", NULL,
	 "user@1000.service/user-0.slice/user@0.service/sshd.service"},
	{USER "/app.slice/app-x.scope", "user@1000.service/app.slice/app-x.scope", NULL,
	 "user@1000.service/app.slice/app-x.scope"},
	{USER "/docker-" ID ".scope", "user@1000.service", "user@1000.service",
	 USER "/docker-" ID ".scope"},
	{USER "/docker-" ID ".scope/system.slice/sshd.service",
	 "user@1000.service/docker-" ID ".scope/system.slice/sshd.service",
	 "user@1000.service", USER "/docker-" ID ".scope/system.slice/sshd.service"},
	{USER "/kubepods/pod" UID, "user@1000.service", "user@1000.service",
	 USER "/kubepods/pod" UID},
	{"/user/alice/0/sshd.service", "user/alice/0/sshd.service", NULL,
	 "user/alice/0/sshd.service"},
	{"/user/alice/docker-" ID, NULL, "user", "/user/alice/docker-" ID},
	/* in a container */
	{"/system.slice/docker-" ID ".scope/system.slice/sshd.service",
	 SHORT_ID "/system.slice/sshd.service", NULL, ID},
	{"/system.slice/docker-" ID ".scope/docker-" ID2 ".scope", NULL, ID,
	 "/system.slice/docker-" ID ".scope/docker-" ID2 ".scope"},
	/* PID 1's own units, slices and scopes, are a runtime's word */
	{"/system.slice/docker-" ID ".scope", NULL, NULL, ID},
	{"/system.slice/docker-" ID ".scope/init.scope", SHORT_ID "/init.scope", NULL,
	 ID},
	{"/machine.slice/libpod-" ID ".scope/container", NULL, NULL, ID},
	{"/machine.slice/machine-web.scope/payload", NULL, NULL, "web"},
	{"/machine.slice/systemd-nspawn@web.service/payload/init.scope",
	 "web/payload/init.scope", NULL, "web"},
	{BURSTABLE "/cri-containerd-" ID ".scope", NULL, NULL, ID},
	{BURSTABLE "/crio-" ID ".scope/container", NULL, NULL, ID},
	{"/user.slice/user-1000.slice/docker-" ID ".scope", NULL, NULL, ID},
	/* and what is where no unit is: drivers that write cgroups themselves */
	{"/docker/" ID, NULL, NULL, ID},
	{"/kubepods/burstable/pod" UID "/" ID, NULL, NULL, ID},
	{"/kubepods/pod" UID, NULL, NULL, "x"},
	{"/libpod_parent/libpod-" ID, NULL, NULL, ID},
	{"/default/" ID, NULL, NULL, ID},
	{"/lxc.payload.web/init.scope", "web/init.scope", NULL, "web"},
	{"/system.slice:docker:" ID, NULL, NULL, ID},
	/* below the service of a runtime */
	{"/system.slice/containerd.service/kubepods-burstable-"
	 "pod0e51c6f5_1111_2222_3333_444444444444.slice:cri-containerd:" ID,
	 "containerd.service", NULL, ID},
	{"/system.slice/k3s.service/kubepods/pod" UID "/" ID, "k3s.service", NULL, ID},
	{"/system.slice/docker.service/docker/" ID "/docker/" ID2, "docker.service", ID,
	 "/system.slice/docker.service/docker/" ID "/docker/" ID2},
	/* below any other one, and in a session: what its processes have made */
	{"/system.slice/foo.service/docker-" ID ".scope", "foo.service", "foo.service",
	 "/system.slice/foo.service/docker-" ID ".scope"},
	{"/system.slice/foo.service/a/b/docker-" ID ".scope/sshd.service",
	 "foo.service", "foo.service",
	 "/system.slice/foo.service/a/b/docker-" ID ".scope/sshd.service"},
	{"/system.slice/foo.service/docker/" ID, "foo.service", "foo.service",
	 "/system.slice/foo.service/docker/" ID},
	{"/system.slice/foo.service/kubepods/pod" UID, "foo.service", "foo.service",
	 "/system.slice/foo.service/kubepods/pod" UID},
	{"/system.slice/foo.service/lxc.payload.web", "foo.service", "foo.service",
	 "/system.slice/foo.service/lxc.payload.web"},
	{"/system.slice/foo.service/machine-web.scope/payload", "foo.service",
	 "foo.service", "/system.slice/foo.service/machine-web.scope/payload"},
	{"/system.slice/xcontainerd.service/docker/" ID, "xcontainerd.service",
	 "xcontainerd.service", "/system.slice/xcontainerd.service/docker/" ID},
	{"/user.slice/user-1000.slice/session-1.scope/docker-" ID ".scope",
	 "session-1.scope", "session-1.scope",
	 "/user.slice/user-1000.slice/session-1.scope/docker-" ID ".scope"},
	{"/system.slice/foo.service/containerd.service/docker/" ID, "foo.service",
	 "foo.service", "/system.slice/foo.service/containerd.service/docker/" ID},
	{USER "/containerd.service/docker/" ID, "user@1000.service/containerd.service",
	 "user@1000.service", USER "/containerd.service/docker/" ID},
	/* podman's in a unit of its own, of which there is no directory here */
	{"/system.slice/foo.service/libpod-payload-" ID, "foo.service", "foo.service",
	 "/system.slice/foo.service/libpod-payload-" ID},
	/* a directory that systemd does not know */
	{"/foo/sshd.service", "foo/sshd.service", NULL, "foo/sshd.service"},
	{"/../system.slice/sshd.service", "sshd.service", NULL, "sshd.service"},
};

static void test_claims(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
		struct identity who = {.comm = "x"}, copy;

		assert_int_equal(identity_set_cgroup(&who, claims[i].path), 0);
		assert_text(who.service, claims[i].service);
		assert_text(who.claimed_by, claims[i].claimed_by);
		assert_text(identity_group(&who), claims[i].group);
		assert_int_equal(identity_copy(&copy, &who), 0);
		assert_text(copy.claimed_by, claims[i].claimed_by);
		identity_clear(&copy);
		identity_clear(&who);
	}
}

static const char *roots; /* the directory that root has made */

static bool is_roots(const char *path, size_t len)
{
	return len == strlen(roots) && memcmp(path, roots, len) == 0;
}

/* A container of podman's that is a unit of its own: root's directory right below a service, and
 * nothing else that is root's. */
static void test_split(void **state)
{
	static const char unit[] = "/system.slice/web.service/libpod-payload-" ID;
	static const char *const claims_still[] = {
		"/system.slice/web.service/a/libpod-payload-" ID,
		"/system.slice/web.service/docker-" ID ".scope",
		"/system.slice/web.scope/libpod-payload-" ID,
		USER "/libpod-payload-" ID,
	};
	char *text;

	(void)state;
	roots = unit;
	assert_int_equal(cgroup_path_claimed_by(unit, is_roots, &text), 0);
	assert_null(text);
	assert_int_equal(cgroup_path_service("/system.slice/web.service/"
					     "libpod-payload-" ID "/a/x.service",
					     is_roots, &text),
			 0);
	assert_text(text, SHORT_ID "/a/x.service");
	free(text);
	roots = "/system.slice/other.service";
	assert_int_equal(cgroup_path_claimed_by(unit, is_roots, &text), 0);
	assert_text(text, "web.service");
	free(text);
	for (size_t i = 0; i < sizeof(claims_still) / sizeof(*claims_still); i++) {
		roots = claims_still[i];
		assert_int_equal(cgroup_path_claimed_by(roots, is_roots, &text), 0);
		assert_non_null(text);
		free(text);
	}
}

static void test_cgroups(void **state)
{
	struct identity who = {0};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		assert_int_equal(identity_set_cgroup(&who, samples[i].path), 0);
		assert_string_equal(who.cgroup, samples[i].path);
		assert_text(who.service, samples[i].service);
		assert_text(who.container_id, samples[i].container);
		assert_text(who.container_runtime, samples[i].runtime);
		assert_text(who.pod_uid, samples[i].pod);
	}
	assert_int_equal(identity_set_cgroup(&who, "/a.slice/nginx.service"), 0);
	/* its own string may be set again */
	assert_int_equal(identity_set_cgroup(&who, who.cgroup), 0);
	assert_text(who.service, "nginx.service");
	identity_clear(&who);
	assert_null(who.cgroup);
}

static void assert_choice(const char *lines, const char *expected)
{
	char text[1024];

	snprintf(text, sizeof(text), "%s", lines);
	assert_text(cgroup_path_choose(text), expected);
}

static void test_hierarchies(void **state)
{
	(void)state;
	assert_choice("0::/system.slice/a.service\n", "/system.slice/a.service");
	assert_choice("0::/\n", "/");
	assert_choice("0::/system.slice/a.service (deleted)\n",
		      "/system.slice/a.service");
	/* v1 */
	assert_choice("12:pids:/p\n11:cpu,cpuacct:/\n9:memory:/m\n"
		      "1:name=systemd:/system.slice/a.service\n",
		      "/system.slice/a.service");
	assert_choice("12:pids:/p\n9:memory:/m\n1:name=systemd:/\n", "/m");
	assert_choice("12:pids:/p\n3:cpu,memory,x:/m\n", "/m");
	assert_choice("12:pids:/p\n3:memoryx:/m\n", "/p");
	assert_choice("4:cpu,pids:/p\n3:net_cls:/n\n", "/p");
	/* both: v2 is there, but empty */
	assert_choice("5:pids:/p\n1:name=systemd:/s.service\n0::/\n", "/s.service");
	assert_choice("1:name=systemd:/a.service\n0::/b.service\n", "/b.service");
	/* a container says more than anything */
	assert_choice("5:pids:/docker/" ID
		      "\n1:name=systemd:/s.service\n0::/b.service\n",
		      "/docker/" ID);
	/* colons and spaces in a path are its own */
	assert_choice("0::/a:b c/d.service\n", "/a:b c/d.service");
	assert_choice("", NULL);
	assert_choice("\n\ngarbage\n1:no-path\n::\n", NULL);
	assert_choice("0::/last-without-newline", "/last-without-newline");
}

static void test_group(void **state)
{
	struct identity who = {.comm = "worker"};

	(void)state;
	assert_string_equal(identity_group(&who), "worker");
	who.executable = strdup("/bin/worker");
	assert_string_equal(identity_group(&who), "/bin/worker");
	identity_set_cgroup(&who, "/system.slice/w.service");
	assert_string_equal(identity_group(&who), "w.service");
	identity_set_cgroup(&who, "/docker/" ID "/w.service");
	assert_string_equal(identity_group(&who), ID);
	identity_clear(&who);
	assert_string_equal(identity_group(&who), "");
}

static void test_task(void **state)
{
	struct fdw_task task = {
		.start_ns = 5, .tgid = 10, .tid = 11, .ppid = 1, .uid = 33};
	struct identity who = {.executable = (char *)"/kept"};

	(void)state;
	memset(task.comm, 'x', sizeof(task.comm)); /* no NUL */
	identity_from_task(&who, &task);
	assert_int_equal(who.start_ns, 5);
	assert_int_equal(who.pid, 10);
	assert_int_equal(who.ppid, 1);
	assert_int_equal(who.uid, 33);
	assert_int_equal(identity_charged(&who), 33);
	assert_string_equal(who.comm, "xxxxxxxxxxxxxxx");
	assert_string_equal(who.executable, "/kept");
	task.charged_uid = 1000;
	identity_from_task(&who, &task);
	assert_int_equal(who.uid, 33);
	assert_int_equal(identity_charged(&who), 1000);
}

/* ---- records ---- */

static struct fdw_refused *record(const char *text, size_t path, size_t command,
				  size_t cgroup, unsigned levels)
{
	size_t len = path + command + cgroup;
	struct fdw_refused *rec = calloc(1, sizeof(*rec) + len);

	assert_non_null(rec);
	rec->header.size = (uint32_t)(sizeof(*rec) + len);
	rec->path_len = (uint16_t)path;
	rec->cmdline_len = (uint16_t)command;
	rec->cgroup_len = (uint16_t)cgroup;
	rec->cgroup_levels = (uint16_t)levels;
	memcpy(rec->text, text, len);
	return rec;
}

static void test_refusal(void **state)
{
	/* path 5, command line 10, cgroup 28 */
	static const char text[] = "/tmp\0"
				   "sh\0-c\0a b\0"
				   "w.service\0system.slice\0\0\0\0\0";
	struct fdw_refused *rec = record(text, 5, 10, 24, 3);
	struct identity who = {0};

	(void)state;
	identity_from_refusal(&who, rec);
	assert_text(who.command_line, "sh -c a b");
	assert_text(who.cgroup, "/system.slice/w.service");
	assert_text(who.service, "w.service");
	assert_null(who.executable);
	/* what is known stays */
	rec->text[5] = 'X';
	rec->text[15] = 'X';
	identity_from_refusal(&who, rec);
	assert_text(who.command_line, "sh -c a b");
	assert_text(who.service, "w.service");
	identity_clear(&who);
	/* lengths beyond the record */
	rec->cgroup_len = 1000;
	identity_from_refusal(&who, rec);
	assert_null(who.command_line);
	assert_null(who.cgroup);
	free(rec);
}

static void test_refusal_edges(void **state)
{
	struct identity who = {0};
	struct fdw_refused *rec;

	(void)state;
	/* no command line, the root */
	rec = record("\0", 0, 0, 1, 1);
	identity_from_refusal(&who, rec);
	assert_null(who.command_line);
	assert_null(who.cgroup);
	free(rec);
	/* as many levels as a record has: the names, but not as the path */
	rec = record("a.service\0b\0c\0d\0e\0f", 0, 0, 20, FDW_CGROUP_LEVELS);
	identity_from_refusal(&who, rec);
	assert_null(who.cgroup);
	assert_text(who.service, ".../f/e/d/c/b/a.service");
	free(rec);
	identity_clear(&who);
	/* a last name without its NUL, more levels said than there are */
	rec = record("a.service\0b", 0, 0, 11, 5);
	identity_from_refusal(&who, rec);
	assert_text(who.cgroup, "/a.service");
	free(rec);
	identity_clear(&who);
}

static void test_command_lines(void **state)
{
	struct identity who = {0};
	struct fdw_refused *rec;

	(void)state;
	/* a title with padding; an empty argument within */
	rec = record("nginx: worker\0\0\0\0", 0, 17, 0, 0);
	identity_from_refusal(&who, rec);
	assert_text(who.command_line, "nginx: worker");
	free(rec);
	identity_clear(&who);
	rec = record("a\0\0b\0", 0, 5, 0, 0);
	identity_from_refusal(&who, rec);
	assert_text(who.command_line, "a  b");
	free(rec);
	identity_clear(&who);
}

/* ---- an imitated /proc ---- */

static char root[64];

static void write_file(const char *name, const char *text, size_t len)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/424242/%s", root, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void write_stat(char state, unsigned long ticks)
{
	char text[512];
	int len = snprintf(
		text, sizeof(text),
		"424242 (a) b (c) 1 2) %c 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 "
		"17 18 %lu 20 21\n",
		state, ticks);

	write_file("stat", text, (size_t)len);
}

static int set_up(void **state)
{
	char path[256];

	(void)state;
	strcpy(root, "/tmp/fdwarden-identity-XXXXXX");
	if (!mkdtemp(root))
		return -1;
	snprintf(path, sizeof(path), "%s/424242", root);
	if (mkdir(path, 0755) < 0)
		return -1;
	write_stat('S', 777);
	write_file("cmdline", "worker\0-n\0", 10);
	write_file("cgroup", "0::/system.slice/w.service\n", 27);
	snprintf(path, sizeof(path), "%s/424242/exe", root);
	if (symlink("/opt/worker (deleted)", path) < 0)
		return -1;
	identity_set_proc_root(root);
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	identity_set_proc_root(NULL);
	snprintf(command, sizeof(command), "rm -r '%s'", root);
	return system(command);
}

static void test_read(void **state)
{
	struct identity who = {.pid = 424242, .start_ns = 7779999999ull};

	(void)state;
	assert_int_equal(identity_read_proc(&who), 0);
	assert_text(who.executable, "/opt/worker");
	assert_text(who.command_line, "worker -n");
	assert_text(who.cgroup, "/system.slice/w.service");
	assert_text(who.service, "w.service");
	assert_false(who.denied);
	/* only what is missing is read */
	write_file("cmdline", "other\0", 6);
	free(who.cgroup);
	who.cgroup = NULL;
	assert_int_equal(identity_read_proc(&who), 0);
	assert_text(who.command_line, "worker -n");
	assert_text(who.cgroup, "/system.slice/w.service");
	identity_clear(&who);
}

/* Another process has the pid by now. */
static void test_reused_pid(void **state)
{
	static const struct {
		uint64_t start_ns;
		int err;
	} starts[] = {
		{7750000000ull, -ESRCH}, {7760000000ull, 0},      {7770000000ull, 0},
		{7789999999ull, 0},      {7790000000ull, -ESRCH}, {0, -ESRCH},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		struct identity who = {.pid = 424242, .start_ns = starts[i].start_ns};

		assert_int_equal(identity_read_proc(&who), starts[i].err);
		assert_int_equal(who.executable != NULL, starts[i].err == 0);
		assert_int_equal(who.cgroup != NULL, starts[i].err == 0);
		identity_clear(&who);
	}
}

static void test_gone(void **state)
{
	struct identity who = {.pid = 424243, .start_ns = 7770000000ull};

	(void)state;
	assert_int_equal(identity_read_proc(&who), -ESRCH);
	who.pid = 424242;
	write_file("stat", "rubbish", 7);
	assert_int_equal(identity_read_proc(&who), -ESRCH);
	assert_null(who.executable);
	assert_false(who.denied);
}

/* The pid's files change hands between the first look and the last: the stat file
 * is a FIFO, so each look gets what a thread here says. So is the command line, which is
 * read in between, so that the first one has ended before the second is asked for. */
static void *two_lives(void *arg)
{
	(void)arg;
	write_stat('S', 777);
	write_file("cmdline", "x", 2);
	write_stat('S', 999);
	return NULL;
}

static void test_reused_while_read(void **state)
{
	struct identity who = {.pid = 424242, .start_ns = 7770000000ull};
	char path[128];
	pthread_t thread;

	(void)state;
	snprintf(path, sizeof(path), "%s/424242/stat", root);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	snprintf(path, sizeof(path), "%s/424242/cmdline", root);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(pthread_create(&thread, NULL, two_lives, NULL), 0);
	assert_int_equal(identity_read_proc(&who), -ESRCH);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_null(who.executable);
	assert_null(who.command_line);
	assert_null(who.cgroup);
	assert_null(who.service);
}

/* The main thread has exited: another thread still knows. */
static void test_leaderless(void **state)
{
	struct identity who = {.pid = 424242, .start_ns = 7770000000ull};
	char path[256];

	(void)state;
	write_stat('Z', 777);
	write_file("cmdline", "", 0);
	snprintf(path, sizeof(path), "%s/424242/exe", root);
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/424242/task", root);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(identity_read_proc(&who), 0);
	assert_null(who.executable);
	assert_null(who.command_line);
	snprintf(path, sizeof(path), "%s/424242/task/424242", root);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/424242/task/424250", root);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/424242/task/424250/exe", root);
	assert_int_equal(symlink("/opt/threads", path), 0);
	write_file("task/424250/cmdline", "threads\0-x\0", 11);
	assert_int_equal(identity_read_proc(&who), 0);
	assert_text(who.executable, "/opt/threads");
	assert_text(who.command_line, "threads -x");
	identity_clear(&who);
}

static void test_long_command_line(void **state)
{
	struct identity who = {.pid = 424242, .start_ns = 7770000000ull};
	char *text = malloc(100000);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', 100000);
	write_file("cmdline", text, 100000);
	assert_int_equal(identity_read_proc(&who), 0);
	assert_int_equal(strlen(who.command_line), IDENTITY_COMMAND_LINE_MAX);
	identity_clear(&who);
	free(text);
}

/* No descriptor left: said so, and nothing made up. */
static void test_no_descriptor(void **state)
{
	struct identity who = {.pid = 424242, .start_ns = 7770000000ull};
	struct rlimit was, none;
	int err;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = was;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	err = identity_read_proc(&who);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	assert_int_equal(err, -EMFILE);
	assert_null(who.cgroup);
	assert_false(who.denied);
}

/* ---- the real /proc ---- */

static uint64_t start_of(pid_t pid)
{
	char path[64], text[1024], *at;
	FILE *file;
	int field;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	fclose(file);
	at = strrchr(text, ')');
	for (field = 2; field < 22; field++)
		at = strchr(at + 1, ' ');
	return strtoull(at, NULL, 10) * 10000000 + 5000000;
}

/* A real process, a moment after it became another program. */
static pid_t start_sleep(void)
{
	pid_t child;
	int ends[2];
	char byte;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		execl("/bin/sleep", "sleep", "60", (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 0); /* closed by its exec */
	close(ends[0]);
	return child;
}

static void test_real(void **state)
{
	struct identity who = {.pid = start_sleep()};
	char *executable = realpath("/bin/sleep", NULL);
	int status;

	(void)state;
	assert_non_null(executable);
	who.start_ns = start_of(who.pid);
	assert_int_equal(identity_read_proc(&who), 0);
	assert_string_equal(who.executable, executable);
	assert_string_equal(who.command_line, "sleep 60");
	assert_int_equal(who.cgroup[0], '/');
	assert_false(who.denied);
	free(executable);
	/* gone: what was read stays */
	assert_int_equal(kill(who.pid, SIGKILL), 0);
	assert_int_equal(waitpid(who.pid, &status, 0), who.pid);
	assert_int_equal(identity_read_proc(&who), -ESRCH);
	assert_string_equal(who.command_line, "sleep 60");
	identity_clear(&who);
}

/* Another user's executable is denied, and that is said; the rest is there. */
static void test_denied(void **state)
{
	struct identity who = {.pid = getpid(), .start_ns = start_of(getpid())};
	int status;
	pid_t child;

	(void)state;
	if (geteuid() != 0)
		skip();
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		int ok = setgid(65534) == 0 && setuid(65534) == 0 &&
			 identity_read_proc(&who) == 0 && who.denied &&
			 !who.executable && who.command_line && who.cgroup;

		_exit(ok ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cgroups),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_hierarchies),
		cmocka_unit_test(test_group),
		cmocka_unit_test(test_task),
		cmocka_unit_test(test_refusal),
		cmocka_unit_test(test_refusal_edges),
		cmocka_unit_test(test_command_lines),
		cmocka_unit_test_setup_teardown(test_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reused_pid, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reused_while_read, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_leaderless, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long_command_line, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_no_descriptor, set_up, tear_down),
		cmocka_unit_test(test_real),
		cmocka_unit_test(test_denied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
