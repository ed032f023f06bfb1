/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records of descriptors, as kernels write them, taken apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "collect/census_record.h"

#define ANON      0x09041934
#define EXT4      0xef53
#define NSFS      0x6e736673
#define PIDFS     0x50494446
#define PIPE      0x50495045
#define SOCK      0x534f434b
#define TMPFS     0x01021994
#define TEXT_SIZE (FDW_DESCRIPTOR_PATH_MAX + FDW_UNIX_NAME_MAX)

/* One record under construction, and what became of it. */
static struct {
	struct fdw_descriptor record;
	char text[TEXT_SIZE];
} given;
static struct census_result result;

static void begin(uint32_t magic, uint16_t mode, uint16_t marks)
{
	memset(&given, 0, sizeof(given));
	given.record.type = FDW_RECORD_DESCRIPTOR;
	given.record.magic = magic;
	given.record.mode = mode;
	given.record.marks = marks;
	given.record.links = 1;
	given.record.inode = 4026531840;
	census_clear(&result);
}

static void text(const char *bytes, size_t len)
{
	memcpy(given.text, bytes, len);
	given.record.text_len = len;
}

/* With its NUL, as the kernel gives it. */
#define TEXT(string) text(string, sizeof(string))

static int add(struct census_list *list)
{
	given.record.size =
		sizeof(given.record) + given.record.text_len + given.record.peer_len;
	return census_list_add(list, (const char *)&given, given.record.size);
}

static const struct descriptor *taken(void)
{
	struct census_list list = {0};

	census_clear(&result);
	assert_int_equal(add(&list), 0);
	census_list_finish(&list, &result);
	assert_int_equal(result.len, 1);
	assert_null(list.descriptors);
	return result.descriptors;
}

static void expect(enum descriptor_kind kind, const char *path)
{
	const struct descriptor *d = taken();

	assert_int_equal(d->kind, kind);
	if (path)
		assert_string_equal(d->path, path);
	else
		assert_null(d->path);
}

static void test_files(void **state)
{
	(void)state;
	begin(EXT4, S_IFREG | 0644, 0);
	TEXT("/etc/passwd");
	given.record.fd = 7;
	given.record.device = 8 << 20 | 1;
	given.record.position = 1ull << 40;
	expect(DESCRIPTOR_FILE, "/etc/passwd");
	assert_int_equal(result.descriptors->fd, 7);
	assert_int_equal(result.descriptors->device, makedev(8, 1));
	assert_int_equal(result.descriptors->position, 1ull << 40);
	assert_int_equal(result.descriptors->inode, 4026531840);
	assert_false(result.descriptors->deleted);
	begin(EXT4, S_IFCHR, 0);
	given.record.rdevice = 259u << 20 | 0x12345;
	TEXT("/dev/nvme");
	expect(DESCRIPTOR_CHARACTER, "/dev/nvme");
	assert_int_equal(result.descriptors->rdevice, makedev(259, 0x12345));
	begin(EXT4, S_IFBLK, 0);
	expect(DESCRIPTOR_BLOCK, NULL);
	begin(EXT4, S_IFIFO, 0);
	TEXT("/run/fifo");
	expect(DESCRIPTOR_PIPE, "/run/fifo");
	begin(EXT4, S_IFLNK, 0);
	expect(DESCRIPTOR_SYMLINK, NULL);
	begin(EXT4, S_IFSOCK, 0);
	expect(DESCRIPTOR_SOCKET, NULL);
	begin(EXT4, 0, 0);
	expect(DESCRIPTOR_UNKNOWN, NULL);
	begin(NSFS, S_IFREG, 0);
	TEXT("/run/netns/blue");
	expect(DESCRIPTOR_NAMESPACE, "/run/netns/blue");
}

static void test_deleted(void **state)
{
	(void)state;
	begin(EXT4, S_IFREG, FDW_FD_UNLINKED);
	TEXT("/tmp/x (deleted)");
	given.record.links = 0;
	expect(DESCRIPTOR_FILE, "/tmp/x");
	assert_true(result.descriptors->deleted);
	/* another name is left */
	given.record.links = 1;
	expect(DESCRIPTOR_FILE, "/tmp/x");
	assert_false(result.descriptors->deleted);
	/* its own name ends so */
	given.record.marks = 0;
	expect(DESCRIPTOR_FILE, "/tmp/x (deleted)");
	assert_false(result.descriptors->deleted);
	begin(EXT4, S_IFDIR, FDW_FD_UNLINKED);
	TEXT("/tmp/d (deleted)");
	expect(DESCRIPTOR_DIRECTORY, "/tmp/d");
	assert_true(result.descriptors->deleted);
	/* taken away after its path was read */
	begin(EXT4, S_IFREG, FDW_FD_UNLINKED);
	TEXT("/tmp/x");
	given.record.links = 0;
	expect(DESCRIPTOR_FILE, "/tmp/x");
	assert_true(result.descriptors->deleted);
}

static void test_parts(void **state)
{
	static const char deep[4096];
	char many[4096];

	(void)state;
	begin(EXT4, S_IFREG, FDW_FD_PARTS);
	TEXT("passwd\0etc");
	expect(DESCRIPTOR_FILE, "/etc/passwd");
	assert_false(result.descriptors->path_cut);
	begin(EXT4, S_IFDIR, FDW_FD_PARTS);
	expect(DESCRIPTOR_DIRECTORY, "/");
	begin(EXT4, S_IFREG, FDW_FD_PARTS | FDW_FD_CUT);
	TEXT("c\0b");
	expect(DESCRIPTOR_FILE, "b/c");
	assert_true(result.descriptors->path_cut);
	begin(EXT4, S_IFREG, FDW_FD_PARTS | FDW_FD_UNLINKED);
	TEXT("c\0b");
	given.record.links = 0;
	expect(DESCRIPTOR_FILE, "/b/c");
	assert_true(result.descriptors->deleted);
	/* As many bytes as there may be, in one part and in many. */
	memset(many, 'a', sizeof(many));
	begin(EXT4, S_IFREG, FDW_FD_PARTS);
	text(many, sizeof(many));
	assert_int_equal(strlen(taken()->path), 1 + sizeof(many));
	text(deep, sizeof(deep));
	assert_non_null(taken()->path);
}

static void anonymous(const char *name, enum descriptor_kind kind, const char *path)
{
	begin(ANON, 0600, FDW_FD_INTERNAL);
	text(name, strlen(name) + 1);
	expect(kind, path);
}

static void test_anonymous(void **state)
{
	(void)state;
	anonymous("[eventpoll]", DESCRIPTOR_EPOLL, NULL);
	anonymous("[eventfd]", DESCRIPTOR_EVENTFD, NULL);
	anonymous("[timerfd]", DESCRIPTOR_TIMERFD, NULL);
	anonymous("[signalfd]", DESCRIPTOR_SIGNALFD, NULL);
	anonymous("inotify", DESCRIPTOR_INOTIFY, NULL);
	anonymous("[fanotify]", DESCRIPTOR_FANOTIFY, NULL);
	anonymous("[io_uring]", DESCRIPTOR_IO_URING, NULL);
	anonymous("[perf_event]", DESCRIPTOR_PERF, NULL);
	anonymous("[userfaultfd]", DESCRIPTOR_USERFAULTFD, NULL);
	anonymous("seccomp notify", DESCRIPTOR_SECCOMP, NULL);
	anonymous("bpf-map", DESCRIPTOR_BPF, "bpf-map");
	anonymous("bpf_iter", DESCRIPTOR_BPF, "bpf_iter");
	anonymous("kvm-vm", DESCRIPTOR_ANONYMOUS, "kvm-vm");
	anonymous("kvm-vcpu:3", DESCRIPTOR_ANONYMOUS, "kvm-vcpu:3");
	anonymous("[a new one]", DESCRIPTOR_ANONYMOUS, "a new one");
	anonymous("[", DESCRIPTOR_ANONYMOUS, "[");
	anonymous("", DESCRIPTOR_ANONYMOUS, NULL);
	/* as regular files they have been since 6.16 */
	begin(ANON, S_IFREG | 0600, FDW_FD_INTERNAL);
	TEXT("[eventfd]");
	expect(DESCRIPTOR_EVENTFD, NULL);
}

static void test_internal(void **state)
{
	(void)state;
	anonymous("[pidfd]", DESCRIPTOR_PIDFD, NULL);
	begin(PIDFS, S_IFREG, FDW_FD_INTERNAL | FDW_FD_ENDED);
	given.record.pid = 42;
	expect(DESCRIPTOR_PIDFD, NULL);
	assert_int_equal(result.descriptors->pid, 42);
	assert_true(result.descriptors->ended);
	begin(NSFS, S_IFREG, FDW_FD_INTERNAL);
	TEXT("net");
	expect(DESCRIPTOR_NAMESPACE, "net:[4026531840]");
	begin(TMPFS, S_IFREG, FDW_FD_INTERNAL);
	TEXT("memfd:a\n\xff");
	given.record.links = 0;
	expect(DESCRIPTOR_MEMFD, "/memfd:a\n\xff");
	assert_false(result.descriptors->deleted);
	begin(TMPFS, S_IFREG, FDW_FD_INTERNAL);
	TEXT("SYSV00000000");
	expect(DESCRIPTOR_FILE, "/SYSV00000000");
	begin(0x444d4142, S_IFREG, FDW_FD_INTERNAL);
	TEXT("dmabuf");
	expect(DESCRIPTOR_ANONYMOUS, "dmabuf");
	begin(PIPE, S_IFIFO, FDW_FD_INTERNAL);
	given.record.readers = 1;
	given.record.writers = 3;
	expect(DESCRIPTOR_PIPE, NULL);
	assert_int_equal(result.descriptors->writers, 3);
}

static void end(uint8_t out[16], int family, const char *address)
{
	assert_int_equal(inet_pton(family, address, out), 1);
}

static void expect_end(const struct descriptor_end *got, const char *want)
{
	char shown[DESCRIPTOR_END_TEXT];

	descriptor_end_text(got, shown);
	assert_string_equal(shown, want);
}

static void test_internet_sockets(void **state)
{
	const struct descriptor *d;

	(void)state;
	begin(SOCK, S_IFSOCK | 0777, FDW_FD_INTERNAL | FDW_FD_PEER_CLOSED);
	given.record.family = AF_INET;
	given.record.socket_type = SOCK_STREAM;
	given.record.protocol = IPPROTO_TCP;
	given.record.state = 8;
	given.record.local_port = 40000;
	given.record.peer_port = 443;
	end(given.record.local, AF_INET, "10.0.0.1");
	end(given.record.peer, AF_INET, "10.0.0.7");
	d = taken();
	assert_int_equal(d->kind, DESCRIPTOR_SOCKET);
	assert_string_equal(descriptor_type_name(d), "tcp");
	assert_string_equal(descriptor_state_name(d), "CLOSE_WAIT");
	assert_true(d->peer_closed);
	expect_end(&d->local, "10.0.0.1:40000");
	expect_end(&d->peer, "10.0.0.7:443");
	/* IPv4 in IPv6 is shown as IPv4; nothing bound as nothing. */
	given.record.family = AF_INET6;
	given.record.peer_port = 0;
	end(given.record.local, AF_INET6, "::ffff:10.0.0.1");
	end(given.record.peer, AF_INET6, "::");
	d = taken();
	assert_int_equal(d->family, AF_INET6);
	assert_int_equal(d->local.family, AF_INET);
	expect_end(&d->local, "10.0.0.1:40000");
	assert_int_equal(d->peer.family, 0);
	end(given.record.local, AF_INET6, "::1");
	expect_end(&taken()->local, "[::1]:40000");
	end(given.record.local, AF_INET6, "::");
	expect_end(&taken()->local, "*:40000");
}

static void unix_names(const char *own, size_t own_len, const char *peer,
		       size_t peer_len)
{
	begin(SOCK, S_IFSOCK | 0777, FDW_FD_INTERNAL);
	given.record.family = AF_UNIX;
	given.record.socket_type = SOCK_STREAM;
	text(own, own_len);
	memcpy(given.text + own_len, peer, peer_len);
	given.record.peer_len = peer_len;
}

static void test_unix_sockets(void **state)
{
	char longest[FDW_UNIX_NAME_MAX];

	(void)state;
	unix_names("/run/x", 7, "", 0);
	expect(DESCRIPTOR_SOCKET, "/run/x");
	assert_null(result.descriptors->peer_path);
	unix_names("", 0, "\0a\0b", 4);
	expect(DESCRIPTOR_SOCKET, NULL);
	assert_string_equal(result.descriptors->peer_path, "@a@b");
	unix_names("\0abstract", 9, "/run/y", 6);
	expect(DESCRIPTOR_SOCKET, "@abstract");
	assert_string_equal(result.descriptors->peer_path, "/run/y");
	/* As long as it can be, and then without a NUL. */
	memset(longest, 'l', sizeof(longest));
	unix_names(longest, sizeof(longest), longest, sizeof(longest));
	assert_int_equal(strlen(taken()->path), sizeof(longest));
	assert_int_equal(strlen(result.descriptors->peer_path), sizeof(longest));
	longest[0] = 0;
	unix_names(longest, sizeof(longest), longest, sizeof(longest));
	assert_int_equal(strlen(taken()->path), sizeof(longest));
}

static void test_malformed(void **state)
{
	struct census_list list = {0};
	char odd[2 * sizeof(given) + 1];

	(void)state;
	begin(EXT4, S_IFREG, 0);
	TEXT("/x");
	assert_int_equal(add(&list), 0);
	/* at any address, one behind the other */
	memcpy(odd + 1, &given, given.record.size);
	memcpy(odd + 1 + given.record.size, &given, given.record.size);
	assert_int_equal(census_list_add(&list, odd + 1, 2 * given.record.size), 0);
	assert_int_equal(list.len, 3);
	assert_int_equal(census_list_add(&list, odd + 1, 0), 0);
	assert_int_equal(census_list_add(&list, odd + 1, 2 * given.record.size - 1),
			 -EPROTO);
	assert_int_equal(census_list_add(&list, odd + 1, 5), -EPROTO);
	given.record.text_len++;
	assert_int_equal(census_list_add(&list, (char *)&given, sizeof(given)),
			 -EPROTO);
	given.record.text_len--;
	given.record.type = FDW_RECORD_TABLE;
	assert_int_equal(add(&list), -EPROTO);
	begin(EXT4, S_IFREG, 0);
	given.record.text_len = FDW_DESCRIPTOR_PATH_MAX + 1;
	assert_int_equal(add(&list), -EPROTO);
	given.record.text_len = 0;
	given.record.peer_len = FDW_UNIX_NAME_MAX + 1;
	assert_int_equal(add(&list), -EPROTO);
	census_list_clear(&list);
	assert_null(list.text);
}

/* Strings stay where they belong as memory grows, and it does not grow for ever. */
static void test_many(void **state)
{
	struct census_list list = {0};
	char name[FDW_DESCRIPTOR_PATH_MAX];
	size_t n = CENSUS_TEXT_MAX / sizeof(name) + 50;

	(void)state;
	memset(name, 'n', sizeof(name));
	name[0] = '/';
	name[sizeof(name) - 1] = 0;
	for (size_t i = 0; i < n; i++) {
		begin(EXT4, S_IFREG, 0);
		given.record.fd = i;
		snprintf(name + 1, sizeof(name) - 1, "%zu", i);
		name[strlen(name)] = 'n';
		text(name, sizeof(name));
		assert_int_equal(add(&list), 0);
	}
	census_list_finish(&list, &result);
	assert_int_equal(result.len, n);
	assert_int_equal(result.nameless, 50);
	for (size_t i = 0; i < n - 50; i++) {
		assert_int_equal(result.descriptors[i].fd, i);
		assert_int_equal(strtoul(result.descriptors[i].path + 1, NULL, 10), i);
	}
	assert_null(result.descriptors[n - 1].path);
	census_clear(&result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_deleted),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_anonymous),
		cmocka_unit_test(test_internal),
		cmocka_unit_test(test_internet_sockets),
		cmocka_unit_test(test_unix_sockets),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests_name("census_record", tests, NULL, NULL);
}
