// SPDX-License-Identifier: GPL-2.0-or-later
#include "collect/census.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect/census_record.h"
#include "collect/kernel.h"
#include "fdwarden/wire.h"
#include "guard/capabilities.h"
#include "census.skel.h"

/* The kernel fills up to 8 pages a read. */
#define READ_SIZE    (64 * 1024)
/* PF_EXITING of /proc/PID/stat's flags */
#define TASK_EXITING 0x4

struct census {
	struct census_bpf *bpf;
	/* An iterator can be held to one process; pids mean the same to it as in
	 * records. */
	bool by_process;
	/* An iterator over all tasks, made beforehand: to make one for a process takes
	 * two descriptors, and when there are none left there is this one. */
	int reserve;
	/* of census_visit(); NULL: all are kept */
	census_visitor *visit;
	void *context;
	char buffer[READ_SIZE];
};

static int make_reserve(struct census *c)
{
	int fd = bpf_iter_create(bpf_link__fd(c->bpf->links.census));

	return fd < 0 ? -errno : fd;
}

/* A descriptor of an iterator over the tasks of `tgid` alone, or over `tid` alone if it
 * is not 0, or -errno. */
static int iterator_of(const struct census *c, pid_t tgid, pid_t tid)
{
	union bpf_iter_link_info info = {.task = {.tid = tid, .pid = tid ? 0 : tgid}};
	LIBBPF_OPTS(bpf_link_create_opts, options, .iter_info = &info,
		    .iter_info_len = sizeof(info));
	int link, fd;

	link = bpf_link_create(bpf_program__fd(c->bpf->progs.census), 0, BPF_TRACE_ITER,
			       &options);
	if (link < 0)
		return link;
	fd = bpf_iter_create(link);
	if (fd < 0)
		fd = -errno;
	close(link); /* the iterator holds on to what it needs */
	return fd;
}

static bool can_filter(const struct census *c)
{
	int fd;

	/* Iterators read pids in the namespace of who makes them, and the program those of the
	 * initial one. */
	if (!kernel_in_host_pids())
		return false;
	fd = iterator_of(c, getpid(), 0);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static int load(struct census *c, bool d_path)
{
	int err;

	c->bpf = census_bpf__open();
	if (!c->bpf)
		return -errno;
	c->bpf->rodata->have_d_path = d_path;
	err = census_bpf__load(c->bpf);
	if (err) {
		census_bpf__destroy(c->bpf);
		c->bpf = NULL;
	}
	return err;
}

int census_open(struct census **out, char *why, size_t why_size)
{
	struct census *c = calloc(1, sizeof(*c));
	int err;

	if (!c) {
		snprintf(why, why_size, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	c->reserve = -1;
	kernel_forget_bpf_reason();
	err = load(c, true);
	if (err == -EINVAL || err == -EACCES) {
		kernel_forget_bpf_reason();
		err = load(c, false);
	}
	if (!err)
		err = census_bpf__attach(c->bpf);
	if (!err) {
		c->reserve = make_reserve(c);
		err = c->reserve < 0 ? c->reserve : 0;
	}
	if (err) {
		kernel_describe_failure("the census can't be loaded", err, why,
					why_size);
		census_close(c);
		return err;
	}
	c->by_process = can_filter(c);
	*out = c;
	return 0;
}

void census_close(struct census *census)
{
	if (!census)
		return;
	if (census->reserve >= 0)
		close(census->reserve);
	census_bpf__destroy(census->bpf);
	free(census);
}

static void hand_over(struct census *c, struct census_list *list)
{
	for (size_t i = 0; i < list->len; i++) {
		/* Texts have no place yet. */
		list->descriptors[i].path = list->descriptors[i].peer_path = NULL;
		c->visit(c->context, &list->descriptors[i]);
	}
	list->len = list->text_len = 0;
}

/* All that the iterator `fd` has, which it closes. */
static int read_all(struct census *c, int fd, struct census_list *list)
{
	int err = 0;

	while (!err) {
		ssize_t n = read(fd, c->buffer, sizeof(c->buffer));

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue; /* the kernel took a breath */
		if (n < 0)
			err = -errno;
		if (n <= 0)
			break;
		err = census_list_add(list, c->buffer, n);
		if (c->visit)
			hand_over(c, list);
	}
	close(fd);
	return err;
}

static bool is_gone(pid_t tgid)
{
	return kill(tgid, 0) && errno == ESRCH;
}

/* By an iterator over all tasks. */
static int read_of_all(struct census *c, struct census_list *list)
{
	int fd = c->reserve >= 0 ? c->reserve : make_reserve(c), err;

	if (fd < 0)
		return fd;
	c->reserve = -1;
	err = read_all(c, fd, list);
	fd = make_reserve(c);
	c->reserve = fd < 0 ? -1 : fd;
	return err;
}

static int read_table(struct census *c, pid_t tgid, pid_t tid, struct census_list *list)
{
	int fd = c->by_process ? iterator_of(c, tgid, tid) : -ENOTSUP, err;

	if (fd >= 0) {
		err = read_all(c, fd, list);
		if (err || c->bpf->bss->chosen || is_gone(tgid))
			return err;
		/* Before 6.6 it passes over the threads that a main thread has left
		 * behind, comparing another's table, and before 6.12 one that is held
		 * to a thread finds main threads only, where no stable release has
		 * mended it. */
	}
	return read_of_all(c, list);
}

/* Whether a thread is exiting or gone, and its table with it. */
static bool has_exited(pid_t tgid, pid_t tid)
{
	char path[64], text[512], state = 0;
	const char *after_name;
	unsigned int flags = 0;
	ssize_t len = 0;
	bool rested;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", tgid, tid);
	rested = capabilities_see_others(); /* for a /proc with hidepid */
	fd = open(path, O_RDONLY | O_CLOEXEC);
	capabilities_rest_again(rested);
	if (fd >= 0) {
		len = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	/* The name is in parentheses, and may have some. */
	text[len > 0 ? len : 0] = 0;
	after_name = strrchr(text, ')');
	if (!after_name ||
	    sscanf(after_name + 1, " %c %*d %*d %*d %*d %*d %u", &state, &flags) != 2)
		return is_gone(tgid);
	return state == 'Z' || state == 'X' || (flags & TASK_EXITING);
}

int census_read(struct census *census, pid_t tgid, pid_t tid, size_t max,
		struct census_result *out)
{
	struct census_bpf__bss *bss = census->bpf->bss;
	struct census_list list = {0};
	int err;

	memset(out, 0, sizeof(*out));
	if (tgid <= 0 || tid < 0)
		return -ESRCH;
	bss->want_tgid = tgid;
	bss->want_tid = tid;
	bss->want_max = max;
	bss->told = bss->cut = bss->start_ns = 0;
	bss->chosen = 0;
	err = read_table(census, tgid, tid, &list);
	/* Nothing was met: there is no descriptor, or no process. */
	if (!err && !bss->chosen && (tid || is_gone(tgid)))
		err = -ESRCH;
	if (err) {
		census_list_clear(&list);
		return err;
	}
	census_list_finish(&list, out);
	out->cut = bss->cut;
	out->tid = (pid_t)bss->chosen;
	out->exited = has_exited(tgid, out->tid ? out->tid : tgid);
	out->start_ns = bss->start_ns;
	return 0;
}

int census_visit(struct census *census, pid_t tgid, census_visitor *visit,
		 void *context, struct census_result *out)
{
	int err;

	census->visit = visit;
	census->context = context;
	err = census_read(census, tgid, 0, SIZE_MAX, out);
	census->visit = NULL;
	return err;
}

const char *census_method(const struct census *census)
{
	return census->by_process ? "task filter" : "in program";
}

const char *census_paths(const struct census *census)
{
	return census->bpf->rodata->have_d_path ? "d_path" : "walk";
}
