// SPDX-License-Identifier: GPL-2.0-or-later
#include "collect/sensor_programs.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "collect/call_functions.h"
#include "collect/syscalls.h"

/* Programs of the fexit sensor by the start of their names (bpf/fexit.bpf.h). */
#define FEXIT  "fexit_"  /* fexit_FUNCTION, one that it can't do without */
#define FENTRY "fentry_" /* likewise */

/* At the exit of a call, where it is there, of one ABI. */
static const struct at_exit {
	const char *start; /* of the program's name; behind it is the call's */
	bool compat;
	int tail; /* ends in this program of `tails`, by number from 1; 0: in none */
} at_exits[] = {
	{"exit_", false, 0},  {"exit1_", false, 1},  {"exit2_", false, 2},
	{"compat_", true, 0}, {"compat1_", true, 1}, {"compat2_", true, 2},
};

static const char *const tails[SENSOR_TAILS] = {"tail_one", "tail_two"};

struct choice {
	struct btf *kernel;
	struct call_functions *functions;
	struct fdw_call *calls;
	char *why;
	size_t why_size;
	/* For each tail the prototype that it is for, and a function of that. */
	struct {
		__u32 prototype; /* 0: none yet */
		char function[CALL_FUNCTION_MAX];
	} tails[SENSOR_TAILS];
};

static bool starts_with(const char *text, const char *start)
{
	return !strncmp(text, start, strlen(start));
}

static int set_target(struct bpf_program *program, const char *function)
{
	int err = bpf_program__set_attach_target(program, 0, function);

	return err ? err : bpf_program__set_autoload(program, true);
}

/* A function named in the program's section: "fexit/alloc_fd". */
static int choose_function(const struct choice *c, struct bpf_program *program,
			   const char *function)
{
	if (btf__find_by_name_kind(c->kernel, function, BTF_KIND_FUNC) > 0)
		return bpf_program__set_autoload(program, true);
	snprintf(c->why, c->why_size, "this kernel has no function %s", function);
	return -ENOENT;
}

/* The number of the tail that is for this prototype; 0: there are more of these than tails. */
static int tail_for(struct choice *c, const char *function, __u32 prototype)
{
	for (int i = 0; i < SENSOR_TAILS; i++) {
		if (!c->tails[i].prototype) {
			c->tails[i].prototype = prototype;
			snprintf(c->tails[i].function, sizeof(c->tails[i].function),
				 "%s", function);
		}
		if (c->tails[i].prototype == prototype)
			return i + 1;
	}
	return 0;
}

/* The exit of a call, which this kernel may lack: then there is nothing to miss. */
static int choose_call(struct choice *c, struct bpf_program *program,
		       const struct at_exit *at, const char *call)
{
	char function[CALL_FUNCTION_MAX];
	__u32 prototype = call_functions_find(c->functions, call, at->compat, function);
	int tail;

	bpf_program__set_autoload(program, false);
	if (!prototype)
		return 0;
	tail = at->tail ? tail_for(c, function, prototype) : 0;
	if (at->tail && !tail) {
		snprintf(c->why, c->why_size,
			 "the exit of %s can't be watched as others are", function);
		return -ENOTSUP;
	}
	if (tail != at->tail)
		return 0;
	syscalls_set_flag(c->calls, call, at->compat, FDW_CALL_EXIT_SEEN);
	return set_target(program, function);
}

static int choose(struct choice *c, struct bpf_program *program)
{
	const char *name = bpf_program__name(program);

	if (starts_with(name, FEXIT))
		return choose_function(c, program, name + strlen(FEXIT));
	if (starts_with(name, FENTRY))
		return choose_function(c, program, name + strlen(FENTRY));
	for (size_t i = 0; i < sizeof(at_exits) / sizeof(*at_exits); i++)
		if (starts_with(name, at_exits[i].start))
			return choose_call(c, program, &at_exits[i],
					   name + strlen(at_exits[i].start));
	return bpf_program__set_autoload(program, false);
}

/* They are run by those that end in them, and attached to nothing. */
static int choose_tails(const struct choice *c, struct bpf_object *object)
{
	int err = 0;

	for (int i = 0; i < SENSOR_TAILS && !err; i++) {
		struct bpf_program *program =
			bpf_object__find_program_by_name(object, tails[i]);

		bpf_program__set_autoattach(program, false);
		if (c->tails[i].prototype)
			err = set_target(program, c->tails[i].function);
	}
	return err;
}

static int choose_all(struct choice *c, struct bpf_object *object)
{
	struct bpf_program *program;
	int err;

	bpf_object__for_each_program (program, object) {
		err = choose(c, program);
		if (err)
			return err;
	}
	return choose_tails(c, object);
}

static void choose_tracepoint(struct bpf_object *object, bool hooks)
{
	const char *chosen = hooks ? "sensor_exit" : "sensor_exit_bare";
	struct bpf_program *program;

	bpf_object__for_each_program (program, object) {
		const char *name = bpf_program__name(program);

		bpf_program__set_autoload(program, !strcmp(name, chosen));
	}
}

int sensor_choose_programs(struct bpf_object *object, enum sensor_kind kind, bool hooks,
			   struct fdw_call calls[2 * FDW_MAX_CALLS], char *why,
			   size_t why_size)
{
	struct choice c = {.calls = calls, .why = why, .why_size = why_size};
	int err = -ENOMEM;

	if (kind == SENSOR_TRACEPOINT) {
		choose_tracepoint(object, hooks);
		return 0;
	}
	c.kernel = btf__load_vmlinux_btf();
	if (!c.kernel)
		return -errno;
	c.functions = call_functions_new(c.kernel);
	if (c.functions)
		err = choose_all(&c, object);
	call_functions_free(c.functions);
	btf__free(c.kernel);
	return err;
}

int sensor_put_tails(const struct bpf_object *object, const int maps[SENSOR_TAILS])
{
	const __u32 at = 0;

	for (int i = 0; i < SENSOR_TAILS; i++) {
		int fd = bpf_program__fd(
			bpf_object__find_program_by_name(object, tails[i]));

		if (fd >= 0 && bpf_map_update_elem(maps[i], &at, &fd, BPF_ANY))
			return -errno;
	}
	return 0;
}
