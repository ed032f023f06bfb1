/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where descriptors were opened: the frames of a stack, which of them is the program's
 * own that is to be named, and how many descriptors each such place has. Pure. Names are
 * a program's own bytes, NUL-ended and otherwise unchecked: hostile.
 */
#ifndef FDWARDEN_CALL_SITE_H
#define FDWARDEN_CALL_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum call_language {
	CALL_COMPILED,    /* to machine code: what its names look like says more */
	CALL_INTERPRETER, /* the same, of the program that runs functions of a script */
	CALL_PYTHON,
	CALL_LANGUAGES
};

/* "python"; NULL: of compiled code. Static. */
const char *call_language_name(enum call_language language);

struct call_frame {
	uint64_t address;     /* returned to; of the innermost frame where it is */
	uint64_t offset;      /* in the module, as addr2line counts */
	const char *function; /* "": unknown, as all of them */
	const char *module;   /* path of the file that is mapped */
	const char *file;     /* of the source */
	const char *build_id; /* of the module, hexadecimal */
	uint32_t line;        /* 0: unknown */
	bool inlined;         /* into the next one */
	enum call_language language;
};

/* Why there are no frames further out. */
enum call_chain_end {
	CALL_CHAIN_COMPLETE,
	CALL_CHAIN_CUT,  /* more of the stack was not kept */
	CALL_CHAIN_LOST, /* nothing says how to go on */
};

struct call_chain {
	struct call_frame *frames; /* the innermost one first */
	size_t len;
	enum call_chain_end end;
	size_t site; /* index of the frame that is to be named */
	char *text;  /* that the frames point into */
};

/* Which frame is the program's own: not of the C library, a runtime or a library of the
 * system, if there is one; else the one that says the most. len > 0. */
size_t call_site_choose(const struct call_frame *frames, size_t len);

/* ---- counted ---- */

struct call_site {
	const struct call_chain *chain; /* the commonest one */
	const char *type; /* of the descriptors, descriptor_type_name(). Static */
	uint64_t count;
	uint64_t chains;               /* distinct ways that lead there */
	uint64_t oldest_ns, median_ns; /* age, when they were counted */
};

/* One way with its number, for flame graphs. */
struct call_stack {
	const struct call_chain *chain;
	uint64_t count;
};

/* Why descriptors have no call site. */
struct call_unknown {
	uint64_t before;   /* open before the trace began */
	uint64_t unseen;   /* their opening was not seen: no call that returns them */
	uint64_t no_stack; /* seen, but the stack was not kept: no room, no memory */
	uint64_t not_unwound; /* it was kept, but could not be unwound or described */
};

/* Shared: whoever holds it has a reference. Never changes. */
struct call_sites {
	unsigned references;
	struct call_site *sites; /* most descriptors first */
	size_t sites_len;
	struct call_stack *stacks; /* most descriptors first */
	size_t stacks_len;
	uint64_t count; /* descriptors: of all sites, and unknown */
	struct call_unknown unknown;
	uint64_t over_ns; /* since the trace began */
	struct call_chain *chains;
	size_t chains_len;
};

uint64_t call_sites_unknown(const struct call_sites *sites);

/* Takes another reference, from any thread. */
struct call_sites *call_sites_share(struct call_sites *sites);
/* Gives one back; the last one frees. NULL is fine. */
void call_sites_free(struct call_sites *sites);

/* One descriptor whose opening was seen: by which chain (index), when. */
struct call_opening {
	uint32_t chain;
	const char *type;   /* static */
	uint64_t opened_ns; /* the same clock as now_ns */
};

/* Counts the openings. `chains` is moved: it is an array of its own, and so is all in it;
 * each has a frame at least. NULL: no memory; chains are freed then, too. */
struct call_sites *call_sites_make(struct call_chain *chains, size_t chains_len,
				   const struct call_opening *openings,
				   size_t openings_len,
				   const struct call_unknown *unknown,
				   uint64_t begun_ns, uint64_t now_ns);

/* "leak() at src/x.c:12", "leak() in /usr/bin/x+0x1234", "/usr/bin/x+0x1234". Returns its
 * length, cut to size. */
size_t call_frame_text(const struct call_frame *frame, char *text, size_t size);

#endif
