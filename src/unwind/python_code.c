// SPDX-License-Identifier: GPL-2.0-or-later
/* What a code object says of itself. */
#include <string.h>

#include "unwind/python.h"

/* Characters of a name, bytes of a table of lines. The longest function of the standard
 * library has a table of some 20 KiB. */
#define TEXT_MAX     511u
#define TABLE_MAX    (256u * 1024)

/* PyObject, PyVarObject, PyBytesObject and PyASCIIObject begin alike in all versions that have
 * a lock. */
#define OBJECT_TYPE  8
#define BYTES_LEN    16
#define BYTES_AT     32
#define TEXT_LEN     16
#define TEXT_STATE   32
#define TEXT_KIND(s) ((s) >> 2 & 7) /* bytes a character */
#define TEXT_COMPACT (1u << 5)
#define TEXT_ASCII   (1u << 6)

/* ---- texts ---- */

static size_t put_character(uint32_t c, char *to, size_t room)
{
	if (c < 0x80 && room >= 1) {
		to[0] = (char)c;
		return 1;
	}
	if (c < 0x800 && room >= 2) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000 && room >= 3) {
		to[0] = (char)(0xe0 | c >> 12);
		to[1] = (char)(0x80 | (c >> 6 & 0x3f));
		to[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	if (c < 0x110000 && room >= 4) {
		to[0] = (char)(0xf0 | c >> 18);
		to[1] = (char)(0x80 | (c >> 12 & 0x3f));
		to[2] = (char)(0x80 | (c >> 6 & 0x3f));
		to[3] = (char)(0x80 | (c & 0x3f));
		return 4;
	}
	return 0;
}

static uint32_t character(const uint8_t *at, unsigned kind)
{
	uint16_t two;
	uint32_t four;

	if (kind == 1)
		return *at;
	if (kind == 2) {
		memcpy(&two, at, sizeof(two));
		return two;
	}
	memcpy(&four, at, sizeof(four));
	return four;
}

/* A str, as UTF-8. false: it is none. */
static bool read_text(struct memory *m, const struct python *p, uint64_t object,
		      char *to, size_t size)
{
	uint8_t bytes[4 * TEXT_MAX];
	uint32_t state, head;
	unsigned kind;
	uint64_t len;
	size_t used = 0;

	if (!object || !memory_u64(m, object + TEXT_LEN, &len) ||
	    !memory_u32(m, object + TEXT_STATE, &state))
		return false;
	kind = TEXT_KIND(state);
	if (!(state & TEXT_COMPACT) || (kind != 1 && kind != 2 && kind != 4) ||
	    (state & TEXT_ASCII && kind != 1))
		return false;
	head = state & TEXT_ASCII ? p->offsets.text_ascii : p->offsets.text_compact;
	if (len > TEXT_MAX)
		len = TEXT_MAX;
	if (!memory_read(m, object + head, bytes, len * kind))
		return false;
	for (uint64_t i = 0; i < len; i++) {
		uint32_t c = character(bytes + i * kind, kind);
		size_t put = put_character(c ? c : ' ', to + used, size - 1 - used);

		if (!put)
			break;
		used += put;
	}
	to[used] = 0;
	return true;
}

/* ---- lines ---- */

/* How far the instruction is in its function's, in bytes. false: it is not in it. */
static bool find_instruction(const struct python *p, uint64_t code, uint64_t at,
			     uint64_t *out)
{
	uint64_t begin = code + p->offsets.code_instructions;

	if (p->offsets.code_instructions) {
		/* Before the first one it is at the function's beginning. */
		*out = at >= begin ? at - begin : 0;
		return at + 2 >= begin;
	}
	*out = (uint32_t)at;
	if (p->version == 0x030a)
		*out *= 2;
	return true;
}

static uint32_t read_line(struct memory *m, const struct python *p, uint64_t code,
			  uint64_t at)
{
	static uint8_t table[TABLE_MAX];
	uint64_t object, len, offset;
	uint32_t first;

	if (!find_instruction(p, code, at, &offset) ||
	    !memory_u32(m, code + p->offsets.code_first_line, &first) ||
	    !memory_u64(m, code + p->offsets.code_lines, &object) ||
	    !memory_u64(m, object + BYTES_LEN, &len) || len > sizeof(table) ||
	    !memory_read(m, object + BYTES_AT, table, len))
		return 0;
	return python_line(p->version, table, len, first, offset);
}

/* In 3.12 each call from compiled code has one below it. */
static bool is_of_the_interpreter(const char *function)
{
	return !strcmp(function, "<interpreter trampoline>");
}

bool python_describe(struct memory *m, const struct python *p,
		     const struct fdw_script_frame *frame, struct python_place *out)
{
	uint64_t code = frame->code, type, name, file;

	out->line = 0;
	if (!code || !memory_u64(m, code + OBJECT_TYPE, &type) ||
	    type != p->code_type ||
	    !memory_u64(m, code + p->offsets.code_name, &name) ||
	    !memory_u64(m, code + p->offsets.code_filename, &file) ||
	    !read_text(m, p, name, out->function, sizeof(out->function)) ||
	    is_of_the_interpreter(out->function) ||
	    !read_text(m, p, file, out->file, sizeof(out->file)))
		return false;
	out->line = read_line(m, p, code, frame->at);
	return true;
}
