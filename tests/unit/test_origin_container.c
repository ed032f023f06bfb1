// SPDX-License-Identifier: GPL-2.0-or-later
/* Limits of containers: what they were made with, defaults, what they inherit. */
#include "imitated_root.h"

#define ID  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define POD "/kubepods.slice/kubepods-pod0e51c6f5_1111_2222_3333_444444444444.slice"

/* containerd, one of its shims, and a process in the container. */
static int set_up(void **state)
{
	if (set_up_host(state))
		return -1;
	put("/usr/lib/systemd/system/containerd.service",
	    "[Service]\nLimitNOFILE=infinity\n");
	put("/usr/lib/systemd/system/docker.service", "[Service]\nLimitNOFILE=8000\n");
	put_process(70, 1, "containerd", "1048576 1048576",
		    "/system.slice/containerd.service");
	put_process(80, 70, "containerd-shim", "1048576 1048576",
		    "/system.slice/containerd.service");
	return 0;
}

static void look(const char *limits, const char *cgroup)
{
	put_process(100, 80, "app", limits, cgroup);
	put_process(101, 100, "worker", limits, cgroup);
	assert_int_equal(find(101), 0);
}

static void test_docker(void **state)
{
	static const char cgroup[] = "/system.slice/docker-" ID ".scope",
			  config[] =
				  "/var/lib/docker/containers/" ID "/hostconfig.json",
			  bundle[] = "/run/containerd/io.containerd.runtime.v2.task/"
				     "moby/" ID "/config.json";

	(void)state;
	/* nothing is set: what containerd has itself */
	put(config, "{\"Ulimits\":null}");
	put(bundle, "{\"process\":{\"rlimits\":[]}}");
	look("1048576 1048576", cgroup);
	expect_setting(ORIGIN_CONTAINER, "/usr/lib/systemd/system/containerd.service",
		       2, "LimitNOFILE=infinity");
	assert_string_equal(found.unit, "containerd.service");
	assert_string_equal(found.runtime, "docker");

	put("/etc/docker/daemon.json",
	    "{\"default-ulimits\":{\"nofile\":{\"Name\":\"nofile\",\"Hard\":6000,"
	    "\"Soft\":5000}}}");
	look("5000 6000", cgroup);
	expect_setting(ORIGIN_CONTAINER, "/etc/docker/daemon.json", 0,
		       "default-ulimits");

	put(config, "{\"Ulimits\":[{\"Name\":\"nproc\",\"Hard\":1,\"Soft\":1},"
		    "{\"Name\":\"nofile\",\"Hard\":3000,\"Soft\":2000}]}");
	look("2000 3000", cgroup);
	expect_setting(ORIGIN_CONTAINER, config, 0, "--ulimit nofile=2000:3000");
	/* with the driver that makes no scopes */
	look("2000 3000", "/docker/" ID);
	expect_setting(ORIGIN_CONTAINER, config, 0, "--ulimit nofile=2000:3000");
	/* which may be elsewhere */
	put_out("/var/lib/docker/containers/" ID "/hostconfig.json");
	put("/etc/docker/daemon.json", "{\"data-root\":\"/srv/docker\"}");
	put("/srv/docker/containers/" ID "/hostconfig.json",
	    "{\"Ulimits\":[{\"Name\":\"nofile\",\"Soft\":2000,\"Hard\":3000}]}");
	look("2000 3000", cgroup);
	expect_setting(ORIGIN_CONTAINER,
		       "/srv/docker/containers/" ID "/hostconfig.json", 0,
		       "--ulimit nofile=2000:3000");
	put_out("/srv/docker/containers/" ID "/hostconfig.json");
	put_out("/etc/docker/daemon.json");
	put(config,
	    "{\"Ulimits\":[{\"Name\":\"nofile\",\"Soft\":2000,\"Hard\":3000}]}");
	/* raised in it */
	look("3000 3000", cgroup);
	expect_setting(ORIGIN_CONTAINER, config, 0, "--ulimit nofile=2000:3000");
	assert_true(found.soft_raised);
	assert_int_equal(found.raised_by, 100);

	put(bundle, "{\"process\":{\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"hard\":"
		    "4001,\"soft\":4000}]}}");
	look("4000 4001", cgroup);
	expect_setting(ORIGIN_CONTAINER, bundle, 0, "RLIMIT_NOFILE");
}

/* What is set within is not the runtime's. */
static void test_set_within(void **state)
{
	(void)state;
	put_process(100, 80, "entrypoint", "1048576 1048576", "/docker/" ID);
	put_process(101, 100, "sh", "300 300", "/docker/" ID);
	put_process(102, 101, "app", "300 300", "/docker/" ID);
	assert_int_equal(find(102), 0);
	expect_kind(ORIGIN_PARENT);
	assert_int_equal(found.parent, 101);
	assert_string_equal(found.runtime, "docker");
	/* by the first one in it */
	look("300 300", "/docker/" ID);
	expect_kind(ORIGIN_PARENT);
	assert_int_equal(found.parent, 100);
}

static void test_kubernetes(void **state)
{
	static const char cgroup[] = POD "/cri-containerd-" ID ".scope";

	(void)state;
	look("1048576 1048576", cgroup);
	expect_setting(ORIGIN_CONTAINER, "/usr/lib/systemd/system/containerd.service",
		       2, "LimitNOFILE=infinity");
	assert_string_equal(found.runtime, "containerd");
	put("/etc/systemd/system/containerd.service.d/a.conf",
	    "[Service]\nLimitNOFILE=1024:524288\n");
	/* the shim is Go, and has raised its own: what it starts has what it was given */
	put_process(80, 70, "containerd-shim", "524288 524288",
		    "/system.slice/containerd.service");
	look("1024 524288", cgroup);
	expect_setting(ORIGIN_CONTAINER,
		       "/etc/systemd/system/containerd.service.d/a.conf", 2,
		       "LimitNOFILE=1024:524288");
	/* which runtime, cgroupfs does not tell */
	look("1024 524288", "/kubepods/pod0e51c6f5-1111-2222-3333-444444444444/" ID);
	expect_kind(ORIGIN_CONTAINER);
	assert_null(found.runtime);
	/* the shim is in a cgroup of its own */
	put_process(80, 1, "containerd-shim", "524288 524288", "/");
	look("1024 524288", cgroup);
	expect_kind(ORIGIN_CONTAINER);
	assert_string_equal(found.unit, "containerd.service");
}

static void test_crio(void **state)
{
	static const char cgroup[] = POD "/crio-" ID ".scope/container";

	(void)state;
	put_process(80, 1, "conmon", "1048576 1048576",
		    POD "/crio-conmon-" ID ".scope");
	put("/usr/lib/systemd/system/crio.service", "[Service]\nLimitNOFILE=1000000\n");
	look("1000000 1000000", cgroup);
	expect_setting(ORIGIN_CONTAINER, "/usr/lib/systemd/system/crio.service", 2,
		       "LimitNOFILE=1000000");
	assert_string_equal(found.runtime, "cri-o");
	put("/etc/crio/crio.conf", "[crio.runtime]\n"
				   "default_ulimits = [\"nofile=1:2\"]\n");
	put("/etc/crio/crio.conf.d/10-a.conf",
	    "[crio.runtime]\n# default_ulimits = [\"nofile=7:8\"]\n"
	    "default_ulimits = [ # all of them\n  \"nproc=5:5\",\n"
	    "  \"nofile=2000:3000\", # [these]\n]\nother = \"nofile=9:9\"\n");
	look("2000 3000", cgroup);
	expect_setting(ORIGIN_CONTAINER, "/etc/crio/crio.conf.d/10-a.conf", 5,
		       "default_ulimits");
}

static void test_podman(void **state)
{
	static const char cgroup[] = "/machine.slice/libpod-" ID ".scope/container",
			  bundle[] =
				  "/var/lib/containers/storage/overlay-containers/" ID
				  "/userdata/config.json";
	static const char rootless[] = "/user.slice/user-1000.slice/user@1000.service/"
				       "user.slice/libpod-" ID ".scope/container";

	(void)state;
	put_process(80, 1, "conmon", "1024 524288",
		    "/machine.slice/libpod-conmon-" ID ".scope");
	look("1048576 1048576", cgroup);
	expect_setting(ORIGIN_CONTAINER, NULL, 0, NULL);
	assert_string_equal(found.runtime, "podman");
	put(bundle, "{\"process\":{\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"hard\":"
		    "2000,\"soft\":1000}]}}");
	look("1000 2000", cgroup);
	expect_setting(ORIGIN_CONTAINER, bundle, 0, "RLIMIT_NOFILE");
	put("/etc/containers/containers.conf",
	    "[containers]\ndefault_ulimits = ['nofile=1000:2000']\n");
	look("1000 2000", cgroup);
	expect_setting(ORIGIN_CONTAINER, "/etc/containers/containers.conf", 2,
		       "default_ulimits");
	put("/proc/80/root/home/alice/.config/containers/containers.conf",
	    "[containers]\ndefault_ulimits=[\"nofile=1001\"]");
	look("1001 1001", rootless);
	expect_setting(ORIGIN_CONTAINER,
		       "/home/alice/.config/containers/containers.conf", 2,
		       "default_ulimits");
}

static void test_machines(void **state)
{
	(void)state;
	put("/var/lib/lxc/web/config",
	    "lxc.prlimit.nproc = 5\nlxc.prlimit.nofile = 2000:unlimited\n");
	look("2000 1048576", "/lxc.payload.web");
	expect_setting(ORIGIN_CONTAINER, "/var/lib/lxc/web/config", 2,
		       "lxc.prlimit.nofile");
	assert_string_equal(found.runtime, "lxc");
	put("/etc/pve/lxc/101.conf", "arch: amd64\nlxc.prlimit.nofile: 3000\n");
	look("3000 3000", "/lxc/101/ns");
	expect_kind(ORIGIN_CONTAINER);

	look("1024 4096", "/machine.slice/machine-web\\x2d1.scope/payload");
	expect_setting(ORIGIN_CONTAINER, NULL, 0, NULL);
	assert_string_equal(found.runtime, "systemd-nspawn");
	put("/etc/systemd/nspawn/web-1.nspawn", "[Exec]\nBoot=yes\nLimitNOFILE=2000\n");
	look("2000 2000", "/machine.slice/machine-web\\x2d1.scope/payload");
	expect_setting(ORIGIN_CONTAINER, "/etc/systemd/nspawn/web-1.nspawn", 3,
		       "LimitNOFILE=");
}

/* A systemd in the container gives its units what its own files say. */
static void test_systemd_within(void **state)
{
	static const char scope[] = "/machine.slice/machine-web.scope/payload";
	char cgroup[256];

	(void)state;
	put_process(90, 80, "systemd", "524288 524288",
		    "/machine.slice/machine-web.scope/payload/init.scope");
	snprintf(cgroup, sizeof(cgroup), "%s/system.slice/app.service", scope);
	put_process(100, 90, "app", "1024 524288", cgroup);
	put("/proc/100/root/usr/lib/systemd/system/app.service", "[Service]\n");
	put("/usr/lib/systemd/system/app.service", "[Service]\nLimitNOFILE=7:8\n");
	assert_int_equal(find(100), 0);
	expect_setting(ORIGIN_MANAGER_DEFAULT, NULL, 0, NULL);
	assert_true(found.inside);
	/* a container that has more than systemd's own default passes that on */
	put_process(90, 80, "systemd", "1048576 1048576",
		    "/machine.slice/machine-web.scope/payload/init.scope");
	put_process(100, 90, "app", "1024 1048576", cgroup);
	assert_int_equal(find_watched(100, true, (uid_t)-1), 0);
	expect_setting(ORIGIN_MANAGER_DEFAULT, NULL, 0, NULL);
	assert_non_null(strstr(found.evidence, "hard limit of its container"));
	put_process(90, 80, "systemd", "524288 524288",
		    "/machine.slice/machine-web.scope/payload/init.scope");
	put("/proc/100/root/etc/systemd/system/app.service.d/a.conf",
	    "[Service]\nLimitNOFILE=700:infinity\n");
	put_process(100, 90, "app", "700 524288", cgroup);
	assert_int_equal(find(100), 0);
	expect_setting(ORIGIN_UNIT, "/etc/systemd/system/app.service.d/a.conf", 2,
		       "LimitNOFILE=700:infinity");
	assert_true(found.inside);
	assert_string_equal(found.runtime, "systemd-nspawn");
	assert_int_equal(found.ceiling, 524288);
	/* its links can't lead out of it */
	put_link("/proc/100/root/etc/systemd/system/app.service.d/b.conf",
		 "/../../../../usr/lib/systemd/system/docker.service");
	put_process(100, 90, "app", "8000 8000", cgroup);
	assert_int_equal(find(100), 0);
	assert_int_not_equal(found.kind, ORIGIN_UNIT);
}

/* Files that are not what they should be. */
static void test_damaged(void **state)
{
	static const char *const texts[] = {
		"",
		"{",
		"[]",
		"null",
		"{\"Ulimits\":7}",
		"{\"Ulimits\":[7,null,{\"Name\":7},{\"Name\":\"nofile\"}]}",
		"{\"Ulimits\":[{\"Name\":\"nofile\",\"Hard\":\"x\",\"Soft\":1}]}",
		"{\"Ulimits\":[{\"Name\":\"nofile\",\"Hard\":1e400,\"Soft\":-1}]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		put("/var/lib/docker/containers/" ID "/hostconfig.json", texts[i]);
		put("/etc/docker/daemon.json", texts[i]);
		look("1048576 1048576", "/docker/" ID);
		expect_kind(ORIGIN_CONTAINER);
		/* what can't be read is told, and is no empty one */
		assert_int_equal(found.denied != NULL, i < 2);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down_host)
	const struct CMUnitTest tests[] = {
		TEST(test_docker),  TEST(test_set_within),     TEST(test_kubernetes),
		TEST(test_crio),    TEST(test_podman),         TEST(test_machines),
		TEST(test_damaged), TEST(test_systemd_within),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
