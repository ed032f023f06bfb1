/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which kinds grow between two looks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "policy/growth.h"

#define MAX 600

/* A process's descriptors: files, connections accepted at port 80, and ones to port 443 of
 * another host that it has closed. */
static void look(unsigned int files, unsigned int accepted, unsigned int closed,
		 struct growth_look *out)
{
	static struct descriptor all[MAX];
	struct inventory *inventory;
	size_t n = 0;

	memset(all, 0, sizeof(all));
	all[n++] = (struct descriptor){.kind = DESCRIPTOR_SOCKET,
				       .family = AF_INET,
				       .type = SOCK_STREAM,
				       .protocol = IPPROTO_TCP,
				       .state = TCP_LISTEN,
				       .local = {.family = AF_INET, .port = 80}};
	for (unsigned int i = 0; i < files; i++)
		all[n++] = (struct descriptor){.kind = DESCRIPTOR_FILE, .path = "/a/b"};
	for (unsigned int i = 0; i < accepted + closed; i++) {
		bool ours = i < accepted;

		all[n++] = (struct descriptor){
			.kind = DESCRIPTOR_SOCKET,
			.family = AF_INET,
			.type = SOCK_STREAM,
			.protocol = IPPROTO_TCP,
			.state = ours ? TCP_ESTABLISHED : TCP_CLOSE_WAIT,
			.local = {.family = AF_INET,
				  .port = (uint16_t)(ours ? 80 : 40000 + i)},
			.peer = {.family = AF_INET,
				 .port = (uint16_t)(ours ? 30000 + i : 443),
				 .address = {10, 0, 0, 7}},
		};
	}
	for (size_t i = 0; i < n; i++) {
		all[i].fd = (uint32_t)i;
		all[i].file = i + 1;
		all[i].inode = i + 1;
	}
	inventory = inventory_new(all, n, 4096);
	assert_non_null(inventory);
	growth_look(inventory, out);
	inventory_free(inventory);
}

static void test_what_grew(void **state)
{
	struct growth_look then, now;
	struct growth grown[GROWTH_SHOWN];

	(void)state;
	look(50, 20, 10, &then);
	look(52, 30, 210, &now);
	assert_int_equal(growth_compare(&then, &now, grown), 1);
	assert_string_equal(grown[0].kind.type, "tcp");
	assert_string_equal(grown[0].kind.state, "CLOSE_WAIT");
	assert_int_equal(grown[0].kind.direction, INVENTORY_OUTGOING);
	assert_int_equal(grown[0].kind.count, 210);
	assert_int_equal(grown[0].grown, 200);
	look(90, 30, 210, &now);
	assert_int_equal(growth_compare(&then, &now, grown), 2);
	assert_string_equal(grown[1].kind.type, "file");
	/* what is not known has not grown */
	then.known = false;
	assert_int_equal(growth_compare(&then, &now, grown), 0);
}

static void test_load_or_not(void **state)
{
	struct growth_look then, now, none = {0};

	(void)state;
	look(50, 20, 10, &then);
	look(60, 120, 20, &now);
	assert_int_equal(growth_judge(&then, &now), LEAK_GROWTH_CONNECTIONS);
	look(60, 40, 120, &now);
	assert_int_equal(growth_judge(&then, &now), LEAK_GROWTH_ELSE);
	/* nothing grew since: what there is */
	look(10, 200, 0, &now);
	assert_int_equal(growth_judge(&now, &now), LEAK_GROWTH_CONNECTIONS);
	look(200, 10, 0, &now);
	assert_int_equal(growth_judge(&now, &now), LEAK_GROWTH_ELSE);
	assert_int_equal(growth_judge(&none, &now), LEAK_GROWTH_ELSE);
	assert_int_equal(growth_judge(&then, &none), LEAK_GROWTH_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_grew),
		cmocka_unit_test(test_load_or_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
