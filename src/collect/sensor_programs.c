// SPDX-License-Identifier: GPL-2.0-or-later
#include "collect/sensor_programs.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "collect/syscalls.h"

/* Programs of the fexit sensor by the start of their names (bpf/fexit.bpf.h). */
#define FEXIT  "fexit_"  /* fexit_FUNCTION, one that it can't do without */
#define FENTRY "fentry_" /* likewise */
#define EXIT   "exit_"   /* exit_CALL: of the native ABI, where it is there */
#define COMPAT "compat_" /* compat_CALL: of the 32-bit ABI */

#if defined(__x86_64__)
#define NATIVE_PREFIX "__x64_sys_"
static const char *const compat_prefixes[] = {"__ia32_compat_sys_", "__ia32_sys_",
					      NULL};
#elif defined(__aarch64__)
#define NATIVE_PREFIX "__arm64_sys_"
static const char *const compat_prefixes[] = {"__arm64_compat_sys_", NULL};
#else
#error "unknown architecture: how does it name the functions of its calls?"
#endif

struct choice {
	struct btf *kernel;
	struct fdw_call *calls;
	char *why;
	size_t why_size;
};

static bool starts_with(const char *text, const char *start)
{
	return !strncmp(text, start, strlen(start));
}

static bool has_function(const struct choice *c, const char *name)
{
	return btf__find_by_name_kind(c->kernel, name, BTF_KIND_FUNC) > 0;
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
	if (has_function(c, function))
		return bpf_program__set_autoload(program, true);
	snprintf(c->why, c->why_size, "this kernel has no function %s", function);
	return -ENOENT;
}

/* The exit of a call, which this kernel may lack: then there is nothing to miss. */
static int choose_call(const struct choice *c, struct bpf_program *program,
		       const char *call, bool compat)
{
	static const char *const native[] = {NATIVE_PREFIX, NULL};
	char function[96];

	bpf_program__set_autoload(program, false);
	for (const char *const *p = compat ? compat_prefixes : native; *p; p++) {
		snprintf(function, sizeof(function), "%s%s", *p, call);
		if (!has_function(c, function))
			continue;
		syscalls_set_flag(c->calls, call, compat, FDW_CALL_EXIT_SEEN);
		return set_target(program, function);
	}
	return 0;
}

static int choose(const struct choice *c, struct bpf_program *program)
{
	const char *name = bpf_program__name(program);

	if (starts_with(name, FEXIT))
		return choose_function(c, program, name + strlen(FEXIT));
	if (starts_with(name, FENTRY))
		return choose_function(c, program, name + strlen(FENTRY));
	if (starts_with(name, EXIT))
		return choose_call(c, program, name + strlen(EXIT), false);
	if (starts_with(name, COMPAT))
		return choose_call(c, program, name + strlen(COMPAT), true);
	return bpf_program__set_autoload(program, false);
}

int sensor_choose_programs(struct bpf_object *object, enum sensor_kind kind,
			   struct fdw_call calls[2 * FDW_MAX_CALLS], char *why,
			   size_t why_size)
{
	struct choice c = {.calls = calls, .why = why, .why_size = why_size};
	struct bpf_program *program;
	int err = 0;

	if (kind == SENSOR_FEXIT) {
		c.kernel = btf__load_vmlinux_btf();
		if (!c.kernel)
			return -errno;
	}
	bpf_object__for_each_program (program, object) {
		if (kind == SENSOR_FEXIT)
			err = choose(&c, program);
		else
			bpf_program__set_autoload(
				program,
				!strcmp(bpf_program__name(program), "sensor_exit"));
		if (err)
			break;
	}
	btf__free(c.kernel);
	return err;
}
