// SPDX-License-Identifier: GPL-2.0-or-later
/* Which frame is named, and how openings are counted by it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "policy/call_site.h"

#define LIBC         "/usr/lib/x86_64-linux-gnu/libc.so.6"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct frame {
	const char *function, *module, *file;
};

struct stack {
	const char *what;
	struct frame frames[8];
	size_t site;
};

static const struct stack stacks[] = {
	{"C",
	 {{"__open64", LIBC, "open64.c"},
	  {"leak", "/srv/app", "a.c"},
	  {"main", "/srv/app", "a.c"}},
	 1},
	{"stdio",
	 {{"__open64", LIBC, ""},
	  {"_IO_file_open", LIBC, ""},
	  {"", "/usr/bin/app", ""}},
	 2},
	{"static: libc's functions are in the program",
	 {{"__open_nocancel", "/srv/app", ""},
	  {"fopen64", "/srv/app", ""},
	  {"load", "/srv/app", ""}},
	 2},
	{"static, glibc 2.41: a call that can be cancelled has functions of its own",
	 {{"__syscall_cancel_arch", "/srv/app", ""},
	  {"__internal_syscall_cancel", "/srv/app", ""},
	  {"__syscall_cancel", "/srv/app", ""},
	  {"open64", "/srv/app", ""},
	  {"leak", "/srv/app", "l.c"}},
	 4},
	{"static: a reserved name that no table has",
	 {{"__a_later_glibc_has_it", "/srv/app", ""}, {"load", "/srv/app", ""}},
	 1},
	{"a program that takes a reserved name for its own function",
	 {{"__open64", LIBC, ""},
	  {"__load", "/srv/app", "l.c"},
	  {"main", "/srv/app", "l.c"}},
	 1},
	{"an inlined wrapper of the headers",
	 {{"__open64", LIBC, ""},
	  {"open", "/srv/app", "fcntl2.h"},
	  {"load", "/srv/app", "l.c"}},
	 2},
	{"a library of the system is not the program",
	 {{"__socket", LIBC, ""},
	  {"curl_easy_perform", "/usr/lib/x86_64-linux-gnu/libcurl.so.4", ""},
	  {"fetch", "/opt/app/bin/app", "f.c"}},
	 2},
	{"nothing but libraries: the innermost",
	 {{"__socket", LIBC, ""},
	  {"Curl_socket", "/usr/lib/x86_64-linux-gnu/libcurl.so.4", ""},
	  {"curl_easy_perform", "/usr/lib/x86_64-linux-gnu/libcurl.so.4", ""}},
	 1},
	{"C++",
	 {{"__open64", LIBC, ""},
	  {"std::__basic_file<char>::open",
	   "/usr/lib/x86_64-linux-gnu/libstdc++.so.6.0.30", ""},
	  {"std::basic_ifstream<char>::open", "/srv/app", "fstream"},
	  {"store::Table<int>::load", "/srv/app", "t.cc"}},
	 3},
	{"Rust",
	 {{"__open64", LIBC, ""},
	  {"std::sys::unix::fs::File::open_c", "/srv/app",
	   "/rustc/0/library/std/src/fs.rs"},
	  {"<std::fs::OpenOptions>::_open", "/srv/app", ""},
	  {"core::result::Result<T,E>::map", "/srv/app", ""},
	  {"app::Store::get", "/srv/app", "src/main.rs"}},
	 4},
	{"Go",
	 {{"runtime/internal/syscall.Syscall6", "/srv/app", ""},
	  {"syscall.openat", "/srv/app", ""},
	  {"os.OpenFile", "/srv/app", ""},
	  {"example.com/app/store.(*Store).Get", "/srv/app", "store.go"},
	  {"net/http.(*conn).serve", "/srv/app", ""}},
	 3},
	{"Go: a goroutine of a package has no caller; what was begun says most",
	 {{"syscall.socket", "/srv/app", ""},
	  {"net.(*Dialer).DialContext", "/srv/app", ""},
	  {"net/http.(*Transport).dialConn", "/srv/app", ""},
	  {"net/http.(*Transport).dialConnFor", "/srv/app", ""},
	  {"runtime.goexit", "/srv/app", ""}},
	 3},
	{"Go: a program's own package may be called like one",
	 {{"syscall.openat", "/srv/app", ""}, {"osprey.Open", "/srv/app", ""}},
	 1},
	{"Node",
	 {{"__open64", LIBC, ""},
	  {"uv__fs_open", "/usr/bin/node", ""},
	  {"node::fs::Open", "/usr/bin/node", ""},
	  {"openSync", "", "node:fs"},
	  {"leak", "", "/srv/app.js"}},
	 4},
	{"a program whose name begins as an engine's does",
	 {{"__open64", LIBC, ""}, {"leak", "/srv/nodefs", "n.c"}},
	 1},
	{"an engine with its version",
	 {{"__open64", LIBC, ""},
	  {"_io_open", "/usr/bin/python3.11", ""},
	  {"f", "/srv/x.so", ""}},
	 2},
	{"only the C library: what there is", {{"__open64", LIBC, ""}}, 0},
	{"nothing at all is known", {{"", "", ""}}, 0},
};

static size_t take(const struct stack *stack, struct call_frame *out)
{
	size_t len = 0;

	for (; len < COUNT(stack->frames) && stack->frames[len].function; len++)
		out[len] = (struct call_frame){
			.function = stack->frames[len].function,
			.module = stack->frames[len].module,
			.file = stack->frames[len].file,
			.build_id = "",
		};
	return len;
}

static void test_choice(void **state)
{
	struct call_frame frames[8];

	(void)state;
	for (size_t i = 0; i < COUNT(stacks); i++) {
		size_t len = take(&stacks[i], frames);
		size_t site = call_site_choose(frames, len);

		if (site != stacks[i].site)
			fail_msg("%s: frame %zu, not %zu", stacks[i].what, site,
				 stacks[i].site);
	}
}

#define OF(function_, module_, file_, language_)                                       \
	{                                                                              \
		.function = (function_), .module = (module_), .file = (file_),         \
		.build_id = "", .language = (language_)                                \
	}
#define COMPILED(function, module)    OF(function, module, "", CALL_COMPILED)
#define INTERPRETER(function, module) OF(function, module, "", CALL_INTERPRETER)
#define PYTHON(function, file)        OF(function, "", file, CALL_PYTHON)

static const struct script {
	const char *what;
	struct call_frame frames[6];
	size_t site;
} scripts[] = {
	{"the standard library is not the program",
	 {COMPILED("__open64", LIBC),
	  PYTHON("NamedTemporaryFile", "/usr/lib/python3.11/tempfile.py"),
	  PYTHON("<module>", "<frozen runpy>"),
	  PYTHON("Report.write", "/srv/app/report.py"),
	  PYTHON("main", "/srv/app/report.py")},
	 3},
	{"nor is a framework, nor what starts a server",
	 {COMPILED("__socket", LIBC),
	  PYTHON("socket.accept", "/usr/local/lib/python3.12/socket.py"),
	  PYTHON("view", "/srv/shop/views.py"),
	  PYTHON("dispatch", "/srv/venv/lib/python3.12/site-packages/flask/app.py"),
	  PYTHON("<module>", "/srv/venv/bin/gunicorn")},
	 2},
	{"a program that is installed itself",
	 {COMPILED("__open64", LIBC),
	  PYTHON("Store.attach", "/opt/venv/lib/python3.11/site-packages/shop/s.py"),
	  PYTHON("dispatch", "/opt/venv/lib/python3.11/site-packages/flask/app.py"),
	  PYTHON("<module>", "/opt/venv/bin/gunicorn")},
	 1},
	{"nothing but a framework",
	 {COMPILED("__socket", LIBC),
	  PYTHON("socket.__init__", "/usr/lib64/python3.9/socket.py"),
	  PYTHON("create", "/usr/lib/python3/dist-packages/gunicorn/sock.py"),
	  PYTHON("<module>", "/usr/bin/gunicorn")},
	 2},
	{"a package may be called as a framework's name begins",
	 {COMPILED("__open64", LIBC),
	  PYTHON("f", "/usr/lib/python3/dist-packages/redis.py"),
	  PYTHON("g", "/usr/lib/python3/dist-packages/redistribute/a.py")},
	 2},
	{"a module that is compiled is below the function that called it",
	 {COMPILED("__socket", LIBC),
	  COMPILED("", "/usr/lib/python3.11/lib-dynload/_ssl.cpython-311.so"),
	  COMPILED("PQconnect", "/v/lib/python3.11/site-packages/p.libs/libpq.so.5"),
	  PYTHON("connect", "/v/lib/python3.11/site-packages/psycopg2/__init__.py"),
	  PYTHON("Pool.get", "/srv/app/pool.py")},
	 4},
	{"a program's script in a directory bin",
	 {COMPILED("__open64", LIBC), PYTHON("<module>", "/usr/local/bin/report"),
	  COMPILED("__libc_start_main", LIBC)},
	 1},
	{"the interpreter's own code is not the program",
	 {COMPILED("__open64", LIBC), INTERPRETER("os_open", "/opt/app/bin/app"),
	  COMPILED("leak", "/opt/app/lib/leak.so")},
	 2},
};

static void test_choice_in_scripts(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(scripts); i++) {
		const struct script *s = &scripts[i];
		size_t len = 0, site;

		while (len < COUNT(s->frames) && s->frames[len].function)
			len++;
		site = call_site_choose(s->frames, len);
		if (site != s->site)
			fail_msg("%s: frame %zu, not %zu", s->what, site, s->site);
	}
}

static void test_script_text(void **state)
{
	struct call_frame frame = PYTHON("Store.attach", "/srv/s.py");
	char text[64];

	(void)state;
	frame.line = 12;
	call_frame_text(&frame, text, sizeof(text));
	assert_string_equal(text, "Store.attach() at /srv/s.py:12");
	frame.function = "<module>";
	call_frame_text(&frame, text, sizeof(text));
	assert_string_equal(text, "<module> at /srv/s.py:12");
}

/* A chain of one frame, owned as call_sites_make() wants it. */
static void one_frame(struct call_chain *out, const char *function, uint32_t line)
{
	out->text = strdup(function);
	out->frames = calloc(1, sizeof(*out->frames));
	assert_non_null(out->text);
	assert_non_null(out->frames);
	out->frames[0] = (struct call_frame){.function = out->text,
					     .module = "/a",
					     .file = "a.c",
					     .build_id = "",
					     .line = line};
	out->len = 1;
}

static void test_counts(void **state)
{
	static const char file[] = "file", tcp[] = "tcp";
	/* 0 and 2 lead to the same line, by different ways. */
	const struct call_opening openings[] = {
		{0, file, 100}, {1, file, 50}, {2, file, 300},
		{2, file, 200}, {1, tcp, 10},  {2, file, 900},
	};
	const struct call_unknown unknown = {
		.before = 3, .unseen = 2, .no_stack = 1, .not_unwound = 4};
	struct call_chain *chains = calloc(3, sizeof(*chains));
	struct call_sites *sites;

	(void)state;
	assert_non_null(chains);
	one_frame(&chains[0], "leak", 7);
	one_frame(&chains[1], "leak", 8);
	one_frame(&chains[2], "leak", 7);
	sites = call_sites_make(chains, 3, openings, COUNT(openings), &unknown, 0,
				1000);
	assert_non_null(sites);
	assert_int_equal(sites->count, COUNT(openings) + 10);
	assert_int_equal(call_sites_unknown(sites), 10);
	assert_int_equal(sites->over_ns, 1000);
	assert_int_equal(sites->sites_len, 3);
	assert_int_equal(sites->sites[0].count, 4);
	assert_int_equal(sites->sites[0].chains, 2);
	assert_int_equal(sites->sites[0].chain->frames[0].line, 7);
	assert_ptr_equal(sites->sites[0].chain, &sites->chains[2]);
	assert_int_equal(sites->sites[0].oldest_ns, 900);
	assert_int_equal(sites->sites[0].median_ns, 700);
	assert_int_equal(sites->sites[1].count, 1);
	assert_int_equal(sites->stacks_len, 3);
	assert_int_equal(sites->stacks[0].count, 3);
	assert_ptr_equal(call_sites_share(sites), sites);
	call_sites_free(sites);
	assert_int_equal(sites->sites_len, 3);
	call_sites_free(sites);
	call_sites_free(NULL);
}

static void test_none(void **state)
{
	const struct call_unknown unknown = {.before = 5};
	struct call_sites *sites = call_sites_make(calloc(1, sizeof(struct call_chain)),
						   0, NULL, 0, &unknown, 5, 3);

	(void)state;
	assert_non_null(sites);
	assert_int_equal(sites->count, 5);
	assert_int_equal(sites->sites_len, 0);
	assert_int_equal(sites->over_ns, 0);
	call_sites_free(sites);
}

static void test_text(void **state)
{
	struct call_frame frame = {.address = 0x1000,
				   .offset = 0x12,
				   .function = "leak",
				   .module = "/srv/a",
				   .file = "a.c",
				   .build_id = "",
				   .line = 7};
	char text[64], little[8];

	(void)state;
	assert_int_equal(call_frame_text(&frame, text, sizeof(text)), 15);
	assert_string_equal(text, "leak() at a.c:7");
	assert_int_equal(call_frame_text(&frame, little, sizeof(little)), 7);
	assert_string_equal(little, "leak() ");
	frame.function = "";
	call_frame_text(&frame, text, sizeof(text));
	assert_string_equal(text, "a.c:7");
	frame.line = 0;
	call_frame_text(&frame, text, sizeof(text));
	assert_string_equal(text, "/srv/a+0x12");
	frame.function = "leak";
	call_frame_text(&frame, text, sizeof(text));
	assert_string_equal(text, "leak() in /srv/a+0x12");
	frame.module = "";
	call_frame_text(&frame, text, sizeof(text));
	assert_string_equal(text, "leak()");
	frame.function = "";
	call_frame_text(&frame, text, sizeof(text));
	assert_string_equal(text, "0x1000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_choice_in_scripts),
		cmocka_unit_test(test_script_text),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
