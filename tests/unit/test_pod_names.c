/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An imitated node: what the kubelet leaves in /var/log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state/pod_names.h"

#define UID        "0e51c6f5-1111-2222-3333-444444444444"
#define ID         "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
#define EVIL       "66666666-1111-2222-3333-444444444444"
#define PODS       "/var/log/pods"
#define CONTAINERS "/var/log/containers"

static char top[] = "/tmp/pod_names-XXXXXX";

static const char *at(const char *path)
{
	static char whole[1024];

	snprintf(whole, sizeof(whole), "%s%s", top, path);
	return whole;
}

static void make_directory(const char *path)
{
	assert_int_equal(mkdir(at(path), 0755), 0);
}

static void make_link(const char *path, const char *to)
{
	assert_int_equal(symlink(to, at(path)), 0);
}

static int set_up(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(top));
	make_directory("/var");
	make_directory("/var/log");
	make_directory(PODS);
	make_directory(CONTAINERS);
	make_directory(PODS "/shop_cart-5d8f7b9c4-abcde_" UID);
	make_directory(PODS "/shop_cart-5d8f7b9c4-abcde"); /* no uid */
	make_directory(PODS "/Shop_cart_77777777-1111-2222-3333-444444444444");
	make_directory(PODS "/a_b\x1b[2J_88888888-1111-2222-3333-444444444444");
	make_directory(PODS "/kube-system_etcd-node1_8ac7a0c6e1b2f3d4a5968778695a4b3c");
	make_link(CONTAINERS "/cart-5d8f7b9c4-abcde_shop_web-1-" ID ".log",
		  "/etc/shadow"); /* it is not followed */
	/* One that says it is of another pod. */
	make_link(CONTAINERS "/other_shop_web-" ID "0.log", "/nowhere");
	pod_names_set_root(top);
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	pod_names_set_root(NULL);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command);
}

/* The listing is a thread's, which a busy machine may hold up. */
static bool find(const char *cgroup, struct pod_names *out)
{
	struct identity who = {0};
	bool found = false;

	assert_int_equal(identity_set_cgroup(&who, cgroup), 0);
	for (int tries = 0; tries < 500 && !found; tries++) {
		found = pod_names_find(&who, out);
		if (!found && !who.pod_uid)
			break;
		if (!found && tries < 499)
			usleep(5000);
	}
	identity_clear(&who);
	return found;
}

/* Of both cgroup drivers, with v1 and v2. */
static void test_paths(void **state)
{
	static const char *const cgroups[] = {
		"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-"
		"pod0e51c6f5_1111_2222_3333_444444444444.slice/cri-containerd-" ID
		".scope",
		"/kubepods/burstable/pod" UID "/" ID,
		"/kubepods.slice/"
		"kubepods-pod0e51c6f5_1111_2222_3333_444444444444.slice/"
		"crio-" ID ".scope",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cgroups) / sizeof(cgroups[0]); i++) {
		struct pod_names names = {0};

		assert_true(find(cgroups[i], &names));
		assert_string_equal(names.name_space, "shop");
		assert_string_equal(names.pod, "cart-5d8f7b9c4-abcde");
		assert_string_equal(names.container, "web-1");
	}
}

static void test_static_pod(void **state)
{
	struct pod_names names = {0};

	(void)state;
	assert_true(find("/kubepods/besteffort/pod8ac7a0c6e1b2f3d4a5968778695a4b3c/" ID,
			 &names));
	assert_string_equal(names.pod, "etcd-node1");
	/* Its id is another pod's container's. */
	assert_string_equal(names.container, "");
}

/* A name that Kubernetes would not take, a user's word, and no pod at all. */
static void test_none(void **state)
{
	struct pod_names names;
	struct identity who = {.pod_uid = (char *)UID,
			       .claimed_by = (char *)"user@1000.service"};

	(void)state;
	assert_false(pod_names_find(&who, &names));
	who = (struct identity){0};
	assert_false(pod_names_find(&who, &names));
	who.pod_uid = (char *)"77777777-1111-2222-3333-444444444444";
	assert_false(pod_names_find(&who, &names));
	who.pod_uid = (char *)"88888888-1111-2222-3333-444444444444";
	assert_false(pod_names_find(&who, &names));
}

/* One that came after the first listing. */
static void test_new_pod(void **state)
{
	struct pod_names names;

	(void)state;
	make_directory(PODS "/jobs_once_99999999-1111-2222-3333-444444444444");
	assert_true(
		find("/kubepods/pod99999999-1111-2222-3333-444444444444/" ID, &names));
	assert_string_equal(names.name_space, "jobs");
}

/* A directory that leads out of the root leads to nothing there. */
static void test_link_out(void **state)
{
	char outside[sizeof(top) + 8], away[128];
	struct pod_names names;

	(void)state;
	snprintf(outside, sizeof(outside), "%s.out", top);
	snprintf(away, sizeof(away), "%s%s.away", top, PODS);
	assert_int_equal(rename(at(PODS), away), 0);
	assert_int_equal(mkdir(outside, 0755), 0);
	snprintf(away, sizeof(away), "%s/evil_pod_%s", outside, EVIL);
	assert_int_equal(mkdir(away, 0755), 0);
	make_link(PODS, outside);
	pod_names_set_root(top); /* to be listed anew */
	assert_false(find("/kubepods/pod" EVIL "/" ID, &names));
	assert_int_equal(rmdir(away), 0);
	assert_int_equal(rmdir(outside), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),    cmocka_unit_test(test_static_pod),
		cmocka_unit_test(test_none),     cmocka_unit_test(test_new_pod),
		cmocka_unit_test(test_link_out),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
