/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "policy/inventory.h"
#include "policy/pattern.h"

#define MOST 4096

/* A table that tests fill. */
static struct descriptor table[MOST];
static char paths[MOST][64];
static size_t len;

static struct descriptor *add(enum descriptor_kind kind)
{
	struct descriptor *d = &table[len];

	assert_true(len < MOST);
	memset(d, 0, sizeof(*d));
	d->fd = (uint32_t)len;
	d->kind = kind;
	d->inode = 1000 + len;
	len++;
	return d;
}

__attribute__((format(printf, 2, 3))) static struct descriptor *
add_path(enum descriptor_kind kind, const char *format, ...)
{
	struct descriptor *d = add(kind);
	va_list args;

	va_start(args, format);
	vsnprintf(paths[len - 1], sizeof(paths[0]), format, args);
	va_end(args);
	d->path = paths[len - 1];
	return d;
}

static struct descriptor_end end_of(const char *address, uint16_t port)
{
	struct descriptor_end end = {.family = AF_INET, .port = port};

	assert_int_equal(inet_pton(AF_INET, address, end.address), 1);
	return end;
}

static struct descriptor *add_tcp(uint8_t state, uint16_t local, const char *peer,
				  uint16_t port)
{
	struct descriptor *d = add(DESCRIPTOR_SOCKET);

	d->family = AF_INET;
	d->type = SOCK_STREAM;
	d->protocol = IPPROTO_TCP;
	d->state = state;
	d->local = end_of("10.0.0.1", local);
	if (port)
		d->peer = end_of(peer, port);
	return d;
}

static int start(void **state)
{
	(void)state;
	len = 0;
	return 0;
}

/* The text of the group at `i`, of at most `max` groups; sums are checked. */
static void expect_groups(size_t max, size_t n, const char *const *texts)
{
	struct inventory *inv = inventory_new(table, len, max);
	const struct inventory_group *groups;
	const struct inventory_count *counts;
	uint64_t sum = 0, typed = 0;
	size_t found, types;
	char text[256];

	assert_non_null(inv);
	groups = inventory_groups(inv, &found);
	assert_true(found <= max);
	for (size_t i = 0; i < found; i++) {
		inventory_group_text(&groups[i], text, sizeof(text));
		if (i < n)
			assert_string_equal(text, texts[i]);
		if (i)
			assert_true(groups[i].count <= groups[i - 1].count);
		sum += groups[i].count;
	}
	assert_true(found >= n);
	assert_int_equal(sum + inventory_rest(inv), inventory_total(inv));
	counts = inventory_counts(inv, &types);
	for (size_t i = 0; i < types; i++)
		typed += counts[i].count;
	assert_int_equal(typed, len);
	inventory_free(inv);
}

static void close_wait_pile(void **state)
{
	const char *texts[] = {"412 tcp CLOSE_WAIT → 10.0.0.7:443",
			       "40 files under /var/tmp/upload-*", "3 pipes"};

	(void)state;
	for (int i = 0; i < 412; i++)
		add_tcp(8, (uint16_t)(30000 + i), "10.0.0.7", 443);
	for (int i = 0; i < 40; i++)
		add_path(DESCRIPTOR_FILE, "/var/tmp/upload-%d", 7 * i);
	for (int i = 0; i < 3; i++)
		add(DESCRIPTOR_PIPE);
	expect_groups(10, 3, texts);
}

static void add_closed(const char *peer, uint16_t port)
{
	add_tcp(7, 0, peer, port);
	table[len - 1].peer_closed = true;
}

/* The kernel has given their local port away: nobody accepted them on it. */
static void connections_that_are_over(void **state)
{
	const char *texts[] = {"300 tcp CLOSED → 10.0.0.7:443", "20 tcp CLOSED",
			       "9 tcp CLOSE 10.0.0.1",
			       "2 tcp CLOSE_WAIT → 10.0.0.7:443"};

	(void)state;
	for (int i = 0; i < 300; i++)
		add_closed("10.0.0.7", 443);
	for (int i = 0; i < 20; i++)
		add_closed("10.0.0.8", (uint16_t)(50000 + i));
	for (int i = 0; i < 9; i++)
		add_tcp(7, 0, NULL, 0); /* never connected */
	for (int i = 0; i < 2; i++)
		add_tcp(8, (uint16_t)(30000 + i), "10.0.0.7", 443);
	expect_groups(10, 4, texts);
}

static void web_server(void **state)
{
	const char *texts[] = {"500 tcp ESTABLISHED accepted on *:80",
			       "1 file /var/log/access.log",
			       "1 tcp LISTEN 10.0.0.1:80"};
	char client[32];

	(void)state;
	add_tcp(10, 80, NULL, 0);
	add_path(DESCRIPTOR_FILE, "/var/log/access.log");
	for (int i = 0; i < 500; i++) {
		snprintf(client, sizeof(client), "192.168.%d.%d", i / 200, i % 200 + 1);
		add_tcp(1, 80, client, (uint16_t)(20000 + i));
	}
	expect_groups(10, 3, texts);
}

static void one_file_often(void **state)
{
	const char *texts[] = {"90 files, all /srv/data/big 7.bin",
			       "30 deleted files under /tmp/spool-*"};

	(void)state;
	for (int i = 0; i < 90; i++)
		add_path(DESCRIPTOR_FILE, "/srv/data/big 7.bin")->inode = 5;
	for (int i = 0; i < 30; i++)
		add_path(DESCRIPTOR_FILE, "/tmp/spool-%x", 0x10000000 + i)->deleted =
			true;
	expect_groups(10, 2, texts);
}

static void many_names_of_one_directory(void **state)
{
	static const char *const names[] = {"anvil", "boat", "crow", "door", "elk",
					    "fox",   "gnu",  "hut",  "ink",  "jam"};
	const char *texts[] = {"10 files under /etc/app"};

	(void)state;
	for (size_t i = 0; i < 10; i++)
		add_path(DESCRIPTOR_FILE, "/etc/app/%s", names[i]);
	expect_groups(10, 1, texts);
}

static void many_peers(void **state)
{
	const char *texts[] = {"100 tcp ESTABLISHED → 10.9.9.9:443",
			       "60 tcp ESTABLISHED → *:443"};
	char peer[32];

	(void)state;
	for (int i = 0; i < 100; i++)
		add_tcp(1, (uint16_t)(30000 + i), "10.9.9.9", 443);
	for (int i = 0; i < 60; i++) {
		snprintf(peer, sizeof(peer), "10.1.1.%d", i + 1);
		add_tcp(1, (uint16_t)(40000 + i), peer, 443);
	}
	expect_groups(10, 2, texts);
}

static void ends_that_are_gone(void **state)
{
	const char *texts[] = {"25 pipes NO_READER", "20 unix NO_PEER"};
	struct descriptor *d;

	(void)state;
	for (int i = 0; i < 25; i++)
		add(DESCRIPTOR_PIPE)->writers = 1;
	for (int i = 0; i < 20; i++) {
		d = add(DESCRIPTOR_SOCKET);
		d->family = AF_UNIX;
		d->type = SOCK_STREAM;
		d->state = 1;
		d->peer_closed = true;
	}
	expect_groups(10, 2, texts);
}

/* Whoever listens has handed them over: their one local port says what they are. */
static void accepted_by_another(void **state)
{
	const char *texts[] = {"40 tcp ESTABLISHED accepted on *:8080",
			       "2 tcp ESTABLISHED → 10.2.2.2:443"};
	char peer[16];

	(void)state;
	for (int i = 0; i < 40; i++) {
		snprintf(peer, sizeof(peer), "10.1.1.%d", i % 3 + 1);
		add_tcp(1, 8080, peer, (uint16_t)(50000 + i));
	}
	add_tcp(1, 50001, "10.2.2.2", 443);
	add_tcp(1, 50002, "10.2.2.2", 443);
	expect_groups(10, 2, texts);
}

/* Named alike but for a number: one line, and the name itself where there is one. */
static void named_sockets(void **state)
{
	const char *texts[] = {"30 unix ESTABLISHED accepted on /run/shim/*.sock",
			       "20 unix ESTABLISHED accepted on /run/bus2"};
	static char names[30][32];

	(void)state;
	for (int i = 0; i < 50; i++) {
		struct descriptor *d = add(DESCRIPTOR_SOCKET);

		d->family = AF_UNIX;
		d->type = SOCK_STREAM;
		d->state = 1;
		d->peer_inode = 7;
		d->path = "/run/bus2";
		if (i >= 30)
			continue;
		snprintf(names[i], sizeof(names[0]), "/run/shim/%d.sock", i);
		d->path = names[i];
	}
	expect_groups(10, 2, texts);
}

/* Anonymous inodes are one and the same in the kernel. */
static void told_apart_by_file(void **state)
{
	const struct inventory_group *groups;
	struct inventory *inv;
	size_t groups_len;

	(void)state;
	for (int i = 0; i < 6; i++) {
		struct descriptor *d = add(DESCRIPTOR_EVENTFD);

		d->inode = 1057;
		d->file = (uint64_t)(i / 2);
	}
	inv = inventory_new(table, len, 10);
	assert_non_null(inv);
	groups = inventory_groups(inv, &groups_len);
	assert_int_equal(groups_len, 1);
	assert_int_equal(groups[0].count, 6);
	assert_int_equal(groups[0].distinct, 3);
	inventory_free(inv);
}

static void names_of_the_kernel(void **state)
{
	struct inventory *inv;
	const struct inventory_count *counts;
	size_t types;

	(void)state;
	add_path(DESCRIPTOR_ANONYMOUS, "kvm-vcpu");
	add_path(DESCRIPTOR_ANONYMOUS, "kvm-vcpu");
	add_path(DESCRIPTOR_ANONYMOUS, "kvm-vm");
	inv = inventory_new(table, len, 10);
	assert_non_null(inv);
	counts = inventory_counts(inv, &types);
	assert_int_equal(types, 2);
	assert_string_equal(counts[0].type, "kvm-vcpu");
	assert_int_equal(counts[0].count, 2);
	inventory_free(inv);
}

/* Whatever comes in, every descriptor is in one group or in the rest. */
static void random_tables(void **state)
{
	(void)state;
	srandom(7);
	for (int turn = 0; turn < 200; turn++) {
		size_t size = (size_t)(random() % 300);

		len = 0;
		for (size_t i = 0; i < size; i++) {
			enum descriptor_kind kind = random() % DESCRIPTOR_KINDS;
			struct descriptor *d =
				random() % 2 ? add_path(kind, "/%c%ld/\x1b[%ld\n%c",
							(char)(random() % 255 + 1),
							random() % 7, random() % 9,
							(char)(random() % 255 + 1))
					     : add(kind);

			d->family = (uint16_t)(random() % 4 == 0   ? AF_UNIX
					       : random() % 2 == 0 ? AF_INET
								   : AF_INET6);
			d->type = (uint16_t)(random() % 6);
			d->state = (uint8_t)random();
			d->protocol = random() % 2 ? IPPROTO_TCP : (uint16_t)random();
			d->local.family = d->peer.family = d->family;
			d->local.port = (uint16_t)(random() % 5);
			d->peer.port = (uint16_t)(random() % 30);
			d->readers = (uint32_t)(random() % 2);
			d->deleted = random() % 2;
			d->inode = (uint64_t)(random() % 3);
		}
		expect_groups((size_t)(random() % 40), 0, NULL);
	}
}

static void empty(void **state)
{
	(void)state;
	expect_groups(10, 0, NULL);
}

static void patterns(void **state)
{
	static const struct {
		const char *path, *pattern;
	} cases[] = {
		{"/var/tmp/upload-8812.part", "/var/tmp/upload-*.part"},
		{"/srv/9f86d081884c/x", "/srv/*/x"},
		{"/srv/decade/facade", "/srv/decade/facade"},
		{"/a1b2/", "/a*b*/"},
		{"", ""},
		{"12", "*"},
		{"/x/2026-11-24T10", "/x/*-*-*T*"},
		{"/tmp/go-build123abc456", "/tmp/go-build*"},
	};
	char out[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(pattern_of(cases[i].path, out),
				 strlen(cases[i].pattern));
		assert_string_equal(out, cases[i].pattern);
	}
	assert_int_equal(pattern_name_at("/a/b"), 3);
	assert_int_equal(pattern_name_at("b"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(connections_that_are_over, start),
		cmocka_unit_test_setup(close_wait_pile, start),
		cmocka_unit_test_setup(web_server, start),
		cmocka_unit_test_setup(one_file_often, start),
		cmocka_unit_test_setup(many_names_of_one_directory, start),
		cmocka_unit_test_setup(many_peers, start),
		cmocka_unit_test_setup(ends_that_are_gone, start),
		cmocka_unit_test_setup(accepted_by_another, start),
		cmocka_unit_test_setup(named_sockets, start),
		cmocka_unit_test_setup(told_apart_by_file, start),
		cmocka_unit_test_setup(names_of_the_kernel, start),
		cmocka_unit_test_setup(random_tables, start),
		cmocka_unit_test_setup(empty, start),
		cmocka_unit_test(patterns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
