// SPDX-License-Identifier: GPL-2.0-or-later
/* Which frame of a stack is to be named. */
#include "policy/call_site.h"

#include <stdio.h>
#include <string.h>

#include "policy/call_site_python.h"

/* What a frame is, the less telling the higher. Of those that are the program's own the
 * innermost is named. Where there are none: of a library the innermost as well; of a
 * language's own packages the outermost, which says what was begun (in Go a connection is
 * made by a goroutine of net/http's own, in which no caller of it is); of what a program of
 * Python is written in the innermost, as its caller is always there. */
enum origin { OWN, LIBRARY, FRAMEWORK, START, PACKAGE, RUNTIME, WRAPPER };

enum what {
	MODULE,    /* the module's last component begins so */
	PLACE,     /* the module's path begins so */
	FUNCTION,  /* the function's name begins so */
	UNSOURCED, /* … and nothing says which source it is of */
	NAME,      /* … is so */
	SOURCE,    /* the source file's path begins so */
};

struct rule {
	enum what what;
	const char *text;
	enum origin origin;
};

/* The first that fits counts. */
static const struct rule rules[] = {
	/* the C library, which is in the way of all others */
	{MODULE, "libc.so", WRAPPER},
	{MODULE, "libc-2.", WRAPPER},
	{MODULE, "libc.musl-", WRAPPER},
	{MODULE, "ld-linux", WRAPPER},
	{MODULE, "ld-musl-", WRAPPER},
	{MODULE, "ld-2.", WRAPPER},
	{MODULE, "libpthread", WRAPPER},
	{MODULE, "librt.so", WRAPPER},
	{MODULE, "libdl.so", WRAPPER},
	{MODULE, "libanl.so", WRAPPER},
	{MODULE, "libasan.so", WRAPPER},
	{MODULE, "libtsan.so", WRAPPER},
	{MODULE, "[vdso]", WRAPPER},
	/* … linked into a static program, or inlined by its headers */
	{NAME, "open", WRAPPER},
	{NAME, "open64", WRAPPER},
	{NAME, "openat", WRAPPER},
	{NAME, "openat64", WRAPPER},
	{NAME, "creat", WRAPPER},
	{NAME, "creat64", WRAPPER},
	{NAME, "socket", WRAPPER},
	{NAME, "socketpair", WRAPPER},
	{NAME, "accept", WRAPPER},
	{NAME, "accept4", WRAPPER},
	{NAME, "pipe", WRAPPER},
	{NAME, "pipe2", WRAPPER},
	{NAME, "dup", WRAPPER},
	{NAME, "dup2", WRAPPER},
	{NAME, "dup3", WRAPPER},
	{NAME, "fcntl", WRAPPER},
	{NAME, "fcntl64", WRAPPER},
	{NAME, "syscall", WRAPPER},
	{NAME, "fopen", WRAPPER},
	{NAME, "fopen64", WRAPPER},
	{NAME, "opendir", WRAPPER},
	{NAME, "fdopendir", WRAPPER},
	{NAME, "mkstemp", WRAPPER},
	{NAME, "mkstemp64", WRAPPER},
	{NAME, "mkostemp", WRAPPER},
	{NAME, "tmpfile", WRAPPER},
	{NAME, "tmpfile64", WRAPPER},
	{NAME, "popen", WRAPPER},
	{NAME, "eventfd", WRAPPER},
	{NAME, "timerfd_create", WRAPPER},
	{NAME, "signalfd", WRAPPER},
	{NAME, "inotify_init", WRAPPER},
	{NAME, "inotify_init1", WRAPPER},
	{NAME, "epoll_create", WRAPPER},
	{NAME, "epoll_create1", WRAPPER},
	{NAME, "memfd_create", WRAPPER},
	{NAME, "getaddrinfo", WRAPPER},
	{NAME, "_start", WRAPPER},
	{NAME, "clone", WRAPPER},
	{NAME, "clone3", WRAPPER},
	{NAME, "start_thread", WRAPPER},
	{FUNCTION, "__libc_", WRAPPER},
	{FUNCTION, "__open", WRAPPER},
	{FUNCTION, "__socket", WRAPPER},
	{FUNCTION, "__fopen", WRAPPER},
	{FUNCTION, "__opendir", WRAPPER},
	{FUNCTION, "__clone", WRAPPER},
	{FUNCTION, "__syscall", WRAPPER},
	{FUNCTION, "__internal_syscall", WRAPPER}, /* glibc 2.41 and later */
	{FUNCTION, "__new_fopen", WRAPPER},
	{FUNCTION, "_IO_", WRAPPER},
	{FUNCTION, "_dl_", WRAPPER},
	{FUNCTION, "_nss_", WRAPPER},
	{SOURCE, "../sysdeps/", WRAPPER}, /* as distributions build glibc */
	/* C++ */
	{MODULE, "libstdc++", RUNTIME},
	{MODULE, "libc++", RUNTIME},
	{MODULE, "libgcc_s", RUNTIME},
	{FUNCTION, "std::", RUNTIME},
	{FUNCTION, "__gnu_cxx::", RUNTIME},
	{FUNCTION, "boost::asio::", PACKAGE},
	/* Rust */
	{SOURCE, "/rustc/", RUNTIME},
	{FUNCTION, "core::", RUNTIME},
	{FUNCTION, "alloc::", RUNTIME},
	{FUNCTION, "<std::", RUNTIME},
	{FUNCTION, "<core::", RUNTIME},
	{FUNCTION, "<alloc::", RUNTIME},
	{FUNCTION, "__rust_", RUNTIME},
	{FUNCTION, "rust_", RUNTIME},
	{FUNCTION, "mio::", PACKAGE},
	{FUNCTION, "tokio::", PACKAGE},
	{FUNCTION, "<mio::", PACKAGE},
	{FUNCTION, "<tokio::", PACKAGE},
	/* Go: what is nearest to the system, and the rest of what comes with it */
	{FUNCTION, "syscall.", RUNTIME},
	{FUNCTION, "runtime.", RUNTIME},
	{FUNCTION, "runtime/", RUNTIME},
	{FUNCTION, "internal/", RUNTIME},
	{FUNCTION, "golang.org/x/sys/", RUNTIME},
	{FUNCTION, "archive/", PACKAGE},
	{FUNCTION, "bufio.", PACKAGE},
	{FUNCTION, "compress/", PACKAGE},
	{FUNCTION, "context.", PACKAGE},
	{FUNCTION, "crypto/", PACKAGE},
	{FUNCTION, "database/", PACKAGE},
	{FUNCTION, "encoding/", PACKAGE},
	{FUNCTION, "fmt.", PACKAGE},
	{FUNCTION, "html/", PACKAGE},
	{FUNCTION, "image/", PACKAGE},
	{FUNCTION, "io.", PACKAGE},
	{FUNCTION, "io/", PACKAGE},
	{FUNCTION, "log.", PACKAGE},
	{FUNCTION, "mime/", PACKAGE},
	{FUNCTION, "net.", PACKAGE},
	{FUNCTION, "net/", PACKAGE},
	{FUNCTION, "os.", PACKAGE},
	{FUNCTION, "os/", PACKAGE},
	{FUNCTION, "path/", PACKAGE},
	{FUNCTION, "plugin.", PACKAGE},
	{FUNCTION, "reflect.", PACKAGE},
	{FUNCTION, "sync.", PACKAGE},
	{FUNCTION, "testing.", PACKAGE},
	{FUNCTION, "text/", PACKAGE},
	{FUNCTION, "time.", PACKAGE},
	{FUNCTION, "vendor/", PACKAGE},
	/* JavaScript, Java, Python and others: engines, and what they bring along */
	{SOURCE, "node:", RUNTIME},
	{SOURCE, "internal/", RUNTIME},
	{MODULE, "node", RUNTIME},
	{MODULE, "libnode", RUNTIME},
	{MODULE, "libuv", RUNTIME},
	{MODULE, "libv8", RUNTIME},
	{MODULE, "bun", RUNTIME},
	{MODULE, "deno", RUNTIME},
	{MODULE, "libjvm", RUNTIME},
	{MODULE, "libjava", RUNTIME},
	{MODULE, "libnio", RUNTIME},
	{MODULE, "libnet.so", RUNTIME},
	{MODULE, "libpython", RUNTIME},
	{MODULE, "python", RUNTIME},
	{MODULE, "_socket.cpython", RUNTIME},
	{MODULE, "libperl", RUNTIME},
	{MODULE, "perl", RUNTIME},
	{MODULE, "libruby", RUNTIME},
	{MODULE, "ruby", RUNTIME},
	{MODULE, "libphp", RUNTIME},
	{MODULE, "php", RUNTIME},
	{MODULE, "beam.smp", RUNTIME},
	{FUNCTION, "Ljava/", PACKAGE},
	{FUNCTION, "Lsun/", PACKAGE},
	{FUNCTION, "Ljdk/", PACKAGE},
	{FUNCTION, "java.", PACKAGE},
	{FUNCTION, "sun.", PACKAGE},
	{FUNCTION, "jdk.", PACKAGE},
	{NAME, "Interpreter", RUNTIME},
	/* Such names are the C library's and the compiler's by the language's standard, and
	 * which functions glibc goes through changes with its releases. A program that uses
	 * them itself is known by its source. */
	{UNSOURCED, "__", WRAPPER},
	/* libraries of the system; a program has its own elsewhere, and itself in bin */
	{PLACE, "/lib/", LIBRARY},
	{PLACE, "/lib32/", LIBRARY},
	{PLACE, "/lib64/", LIBRARY},
	{PLACE, "/usr/lib/x86_64-linux-gnu/", LIBRARY},
	{PLACE, "/usr/lib/aarch64-linux-gnu/", LIBRARY},
	{PLACE, "/usr/lib/riscv64-linux-gnu/", LIBRARY},
	{PLACE, "/usr/lib/powerpc64le-linux-gnu/", LIBRARY},
	{PLACE, "/usr/lib/s390x-linux-gnu/", LIBRARY},
	{PLACE, "/usr/lib/arm-linux-gnueabi", LIBRARY},
	{PLACE, "/usr/lib/i386-linux-gnu/", LIBRARY},
	{PLACE, "/usr/lib/lib", LIBRARY},
	{PLACE, "/usr/lib64/", LIBRARY},
};

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool fits(const struct rule *rule, const struct call_frame *frame)
{
	switch (rule->what) {
	case MODULE:
		return begins(last_component(frame->module), rule->text);
	case PLACE:
		return begins(frame->module, rule->text);
	case FUNCTION:
		return begins(frame->function, rule->text);
	case UNSOURCED:
		return !frame->file[0] && begins(frame->function, rule->text);
	case NAME:
		return !strcmp(frame->function, rule->text);
	case SOURCE:
		return begins(frame->file, rule->text);
	}
	return false;
}

/* "nodeos", "phpize2": a program's own name may only begin as an engine's does. */
static bool goes_on(const struct rule *rule, const struct call_frame *frame)
{
	const char *name = last_component(frame->module);
	char next;

	if (rule->what != MODULE || strchr(rule->text, '.') ||
	    begins(rule->text, "lib") || begins(rule->text, "ld-") ||
	    rule->text[0] == '[')
		return false;
	next = name[strlen(rule->text)];
	return next && next != '.' && next != '-' && next != ' ' &&
	       (next < '0' || next > '9');
}

static enum origin origin_in_python(const struct call_frame *frame)
{
	switch (python_owner_of(frame->file, frame->function)) {
	case PYTHON_PROGRAM:
		return OWN;
	case PYTHON_LIBRARY:
		return LIBRARY;
	case PYTHON_FRAMEWORK:
		return FRAMEWORK;
	case PYTHON_START:
		return START;
	case PYTHON_STANDARD:
		break;
	}
	return RUNTIME;
}

static enum origin origin_of(const struct call_frame *frame)
{
	if (frame->language == CALL_PYTHON)
		return origin_in_python(frame);
	if (frame->language == CALL_INTERPRETER)
		return RUNTIME;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (fits(&rules[i], frame) && !goes_on(&rules[i], frame))
			return rules[i].origin;
	/* Code without a file or a name, of which nothing can be said */
	if (!frame->module[0] && !frame->function[0])
		return RUNTIME;
	return OWN;
}

/* Compiled, and of a library, or of a module that an interpreter has loaded: a script's
 * functions, which called it, say more. */
static bool is_below_script(const struct call_frame *frame, enum origin origin)
{
	return frame->language != CALL_PYTHON &&
	       (origin == LIBRARY ||
		python_owner_of(frame->module, "") != PYTHON_PROGRAM);
}

static bool has_script(const struct call_frame *frames, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (frames[i].language == CALL_PYTHON)
			return true;
	return false;
}

size_t call_site_choose(const struct call_frame *frames, size_t len)
{
	bool script = has_script(frames, len);
	enum origin best = WRAPPER + 1;
	size_t site = 0;

	for (size_t i = 0; i < len; i++) {
		enum origin origin = origin_of(&frames[i]);

		if (script && is_below_script(&frames[i], origin))
			origin = WRAPPER;
		if (origin < best || (origin == best && origin == PACKAGE)) {
			best = origin;
			site = i;
		}
	}
	return site;
}

const char *call_language_name(enum call_language language)
{
	return language == CALL_PYTHON ? "python" : NULL;
}

/* Not "<module>" or "<lambda>": those are no names. */
static bool is_called(const struct call_frame *frame)
{
	size_t len = strlen(frame->function);

	return len &&
	       (frame->language != CALL_PYTHON || frame->function[len - 1] != '>');
}

size_t call_frame_text(const struct call_frame *frame, char *text, size_t size)
{
	const char *call = is_called(frame) ? "()" : "";
	const char *at = frame->function[0] ? " in " : "";
	int len;

	if (frame->file[0] && frame->line)
		len = snprintf(text, size, "%s%s%s%s:%u", frame->function, call,
			       frame->function[0] ? " at " : "", frame->file,
			       (unsigned)frame->line);
	else if (frame->module[0])
		len = snprintf(text, size, "%s%s%s%s+0x%llx", frame->function, call, at,
			       frame->module, (unsigned long long)frame->offset);
	else if (frame->function[0])
		len = snprintf(text, size, "%s%s", frame->function, call);
	else
		len = snprintf(text, size, "0x%llx",
			       (unsigned long long)frame->address);
	if (len < 0)
		return 0;
	return (size_t)len < size ? (size_t)len : size ? size - 1 : 0;
}
