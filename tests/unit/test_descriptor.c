/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What descriptors are called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "policy/descriptor.h"

static void test_every_kind_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (int i = 0; i < DESCRIPTOR_KINDS; i++) {
		assert_true(strlen(descriptor_kind_name(i)) > 2);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(descriptor_kind_name(i),
						descriptor_kind_name(j));
	}
	assert_string_equal(descriptor_kind_name(DESCRIPTOR_KINDS), "unknown");
	assert_string_equal(descriptor_kind_name((enum descriptor_kind) - 1),
			    "unknown");
}

static void expect_type(int family, int type, int protocol, const char *want)
{
	struct descriptor d = {.kind = DESCRIPTOR_SOCKET,
			       .family = family,
			       .type = type,
			       .protocol = protocol};

	assert_string_equal(descriptor_type_name(&d), want);
}

static void test_types(void **state)
{
	const struct descriptor file = {.kind = DESCRIPTOR_FILE, .family = AF_INET};

	(void)state;
	expect_type(AF_INET, SOCK_STREAM, IPPROTO_TCP, "tcp");
	expect_type(AF_INET6, SOCK_STREAM, IPPROTO_TCP, "tcp");
	expect_type(AF_INET, SOCK_DGRAM, IPPROTO_UDP, "udp");
	expect_type(AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6, "icmp");
	expect_type(AF_INET, SOCK_RAW, IPPROTO_UDP, "raw");
	expect_type(AF_INET, SOCK_SEQPACKET, 132, "sctp");
	expect_type(AF_INET, SOCK_STREAM, 262, "mptcp");
	expect_type(AF_INET, SOCK_STREAM, 255, "socket");
	expect_type(AF_UNIX, SOCK_DGRAM, 0, "unix");
	expect_type(AF_NETLINK, SOCK_RAW, 15, "netlink");
	expect_type(AF_PACKET, SOCK_RAW, 3, "packet");
	expect_type(AF_VSOCK, SOCK_STREAM, 0, "vsock");
	expect_type(0, 0, 0, "socket");
	expect_type(0xffff, 0, 0, "socket");
	assert_string_equal(descriptor_type_name(&file), "file");
}

static const char *state_of(enum descriptor_kind kind, int family, int type, int state)
{
	struct descriptor d = {
		.kind = kind, .family = family, .type = type, .state = state};

	return descriptor_state_name(&d);
}

static void test_states(void **state)
{
	(void)state;
	assert_string_equal(state_of(DESCRIPTOR_SOCKET, AF_INET, SOCK_STREAM, 8),
			    "CLOSE_WAIT");
	assert_string_equal(state_of(DESCRIPTOR_SOCKET, AF_INET6, SOCK_STREAM, 1),
			    "ESTABLISHED");
	assert_string_equal(state_of(DESCRIPTOR_SOCKET, AF_UNIX, SOCK_SEQPACKET, 10),
			    "LISTEN");
	assert_string_equal(state_of(DESCRIPTOR_SOCKET, AF_INET, SOCK_STREAM, 12),
			    "NEW_SYN_RECV");
	/* No connection, no state; and those that no kernel has yet. */
	assert_null(state_of(DESCRIPTOR_SOCKET, AF_INET, SOCK_DGRAM, 1));
	assert_null(state_of(DESCRIPTOR_SOCKET, AF_UNIX, SOCK_DGRAM, 7));
	assert_null(state_of(DESCRIPTOR_SOCKET, AF_NETLINK, SOCK_RAW, 7));
	assert_null(state_of(DESCRIPTOR_SOCKET, AF_INET, SOCK_STREAM, 0));
	assert_null(state_of(DESCRIPTOR_SOCKET, AF_INET, SOCK_STREAM, 13));
	assert_null(state_of(DESCRIPTOR_SOCKET, AF_INET, SOCK_STREAM, 255));
	assert_null(state_of(DESCRIPTOR_FILE, AF_INET, SOCK_STREAM, 8));
}

static void expect_end(int family, const char *address, int port, const char *want)
{
	struct descriptor_end end = {.family = family, .port = port};
	char text[DESCRIPTOR_END_TEXT];

	if (address)
		assert_int_equal(inet_pton(family, address, end.address), 1);
	memset(text, 'x', sizeof(text));
	descriptor_end_text(&end, text);
	assert_string_equal(text, want);
}

static void test_ends(void **state)
{
	(void)state;
	expect_end(AF_INET, "10.0.0.7", 443, "10.0.0.7:443");
	expect_end(AF_INET, "255.255.255.255", 65535, "255.255.255.255:65535");
	expect_end(AF_INET, "10.0.0.7", 0, "10.0.0.7");
	expect_end(AF_INET, "0.0.0.0", 80, "*:80");
	expect_end(AF_INET6, "2001:db8::1", 443, "[2001:db8::1]:443");
	expect_end(AF_INET6, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535,
		   "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
	expect_end(AF_INET6, "2001:db8::1", 0, "2001:db8::1");
	expect_end(AF_INET6, "::", 80, "*:80");
	expect_end(0, NULL, 80, "");
	expect_end(AF_UNIX, NULL, 80, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_kind_has_a_name_of_its_own),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_ends),
	};

	return cmocka_run_group_tests_name("descriptor", tests, NULL, NULL);
}
