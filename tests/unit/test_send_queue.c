/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/send_queue.h"

static int ends[2]; /* ours, the client's */

static int set_up(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends);
}

static int tear_down(void **state)
{
	(void)state;
	close(ends[0]);
	if (ends[1] >= 0)
		close(ends[1]);
	return 0;
}

static void alert(struct send_queue *queue, unsigned number, size_t len)
{
	struct shared_text *text =
		shared_text_format("{\"alert\":%u,\"%*s\"}\n", number, (int)len, "");

	send_queue_alert(queue, text);
	shared_text_release(text);
}

/* All that the client has got. The caller frees it. */
static char *receive(size_t *len)
{
	size_t size = 8u << 20;
	char *text = malloc(size);
	ssize_t n;

	*len = 0;
	while ((n = read(ends[1], text + *len, size - *len - 1)) > 0)
		*len += (size_t)n;
	text[*len] = 0;
	return text;
}

static void order_is_kept(void **state)
{
	struct send_queue queue = {0};
	char *text;
	size_t sent, len;

	(void)state;
	assert_int_equal(send_queue_reply(&queue, shared_text_format("a\n")), 0);
	alert(&queue, 1, 0);
	assert_int_equal(send_queue_reply(&queue, shared_text_format("b\n")), 0);
	assert_int_equal(queue.replies, 2);
	assert_true(queue.reply_bytes > 0);
	/* byte by byte */
	while (!send_queue_is_empty(&queue)) {
		assert_int_equal(send_queue_send(&queue, ends[0], 1, &sent), 0);
		assert_int_equal(sent, 1);
	}
	text = receive(&len);
	assert_string_equal(text, "a\n{\"alert\":1,\"\"}\nb\n");
	free(text);
	assert_int_equal(queue.replies, 0);
	assert_int_equal(queue.reply_bytes, 0);
	send_queue_clear(&queue);
}

/* Each alert has come, or is in a loss that was stated where it was. */
static void check_stream(const char *text, unsigned all)
{
	unsigned next = 1, number, lost, stated = 0;

	while (*text) {
		if (sscanf(text, "{\"lost\":%u}", &lost) == 1) {
			next += lost;
			stated += lost;
		} else {
			assert_int_equal(sscanf(text, "{\"alert\":%u", &number), 1);
			assert_int_equal(number, next);
			next++;
		}
		text = strchr(text, '\n');
		assert_non_null(text);
		text++;
	}
	assert_int_equal(next, all + 1);
	assert_true(stated > 0);
}

static void loss_is_stated_in_its_place(void **state)
{
	struct send_queue queue = {0};
	char *all = calloc(1, 8u << 20), *text;
	size_t sent, len, total = 0;
	unsigned n = 0;
	int err;

	(void)state;
	/* it does not read: what has room waits, the rest is counted */
	while (n < 3000) {
		alert(&queue, ++n, 500);
		err = send_queue_send(&queue, ends[0], 1u << 20, &sent);
		assert_true(err == 0 || err == -EAGAIN);
	}
	assert_int_equal(queue.alerts, SEND_QUEUE_ALERTS);
	assert_true(queue.lost > 0);
	/* it reads again, and one more comes */
	while (!send_queue_is_empty(&queue)) {
		text = receive(&len);
		memcpy(all + total, text, len);
		total += len;
		free(text);
		err = send_queue_send(&queue, ends[0], 1u << 20, &sent);
		assert_true(err == 0 || err == -EAGAIN);
	}
	assert_int_equal(queue.lost, 0);
	alert(&queue, ++n, 5);
	assert_int_equal(send_queue_send(&queue, ends[0], 1u << 20, &sent), 0);
	text = receive(&len);
	memcpy(all + total, text, len + 1);
	free(text);
	check_stream(all, n);
	free(all);
	send_queue_clear(&queue);
}

static void bytes_are_bounded(void **state)
{
	struct send_queue queue = {0};

	(void)state;
	for (unsigned n = 1; n <= 40; n++)
		alert(&queue, n, 100000);
	assert_true(queue.alert_bytes <= SEND_QUEUE_BYTES);
	assert_int_equal(queue.alerts + queue.lost, 40);
	send_queue_lose(&queue, 7);
	assert_int_equal(queue.alerts + queue.lost, 47);
	send_queue_clear(&queue);
	assert_true(send_queue_is_empty(&queue));
}

static void gone_client_is_told(void **state)
{
	struct send_queue queue = {0};
	size_t sent;

	(void)state;
	assert_int_equal(send_queue_reply(&queue, NULL), -ENOMEM);
	alert(&queue, 1, 5);
	close(ends[1]);
	ends[1] = -1;
	assert_int_equal(send_queue_send(&queue, ends[0], 100, &sent), -EPIPE);
	send_queue_clear(&queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(order_is_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(loss_is_stated_in_its_place, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(bytes_are_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(gone_client_is_told, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
