// SPDX-License-Identifier: GPL-2.0-or-later
/* From addresses to functions, files and lines. */
#include <dwarf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unwind/demangle.h"
#include "unwind/frames.h"
#include "unwind/python_module.h"

#define INLINED_MAX 16

struct place {
	char function[UNWIND_TEXT_MAX], module[UNWIND_TEXT_MAX];
	char file[UNWIND_TEXT_MAX], build_id[2 * 64 + 1];
	uint64_t address, offset;
	uint32_t line;
	enum unwind_language language;
	bool inlined;
};

static size_t text_len(const char *text)
{
	return strlen(text) + 1;
}

/* false: no room is left. */
static bool add_place(struct unwind_description *out, const struct place *place)
{
	const char *texts[] = {place->function, place->module, place->file,
			       place->build_id};
	struct unwind_frame frame = {
		.address = place->address,
		.offset = place->offset,
		.line = place->line,
		.inlined = place->inlined,
		.language = place->language,
	};
	size_t at = out->header.size - offsetof(struct unwind_description, frames);
	size_t need = sizeof(frame);

	for (int i = 0; i < 4; i++) {
		frame.lens[i] = (uint16_t)text_len(texts[i]);
		need += frame.lens[i];
	}
	if (need > sizeof(out->frames) - at || out->len == 4 * UNWIND_FRAMES_MAX) {
		out->cut = 1;
		return false;
	}
	memcpy(out->frames + at, &frame, sizeof(frame));
	at += sizeof(frame);
	for (int i = 0; i < 4; i++) {
		memcpy(out->frames + at, texts[i], frame.lens[i]);
		at += frame.lens[i];
	}
	out->len++;
	out->header.size = (uint32_t)(offsetof(struct unwind_description, frames) + at);
	return true;
}

/* ---- from debugging information ---- */

static const char *die_name(Dwarf_Die *die)
{
	Dwarf_Attribute attribute;
	const char *name = NULL;

	/* C++ and Rust have the whole name in the one of the linker. */
	if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute) ||
	    dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attribute))
		name = dwarf_formstring(&attribute);
	return name ? name : dwarf_diename(die);
}

/* As compilers write it: below the directory of the compilation, if not absolute. */
static void set_file(struct place *place, Dwarf_Die *unit, const char *file)
{
	Dwarf_Attribute attribute;
	const char *directory = NULL;

	if (!file)
		return;
	if (file[0] != '/' && dwarf_attr(unit, DW_AT_comp_dir, &attribute))
		directory = dwarf_formstring(&attribute);
	if (directory && directory[0])
		snprintf(place->file, sizeof(place->file), "%s/%s", directory, file);
	else
		snprintf(place->file, sizeof(place->file), "%s", file);
}

static void set_line(struct place *place, Dwarf_Die *unit, Dwarf_Addr address)
{
	Dwarf_Line *line = dwarf_getsrc_die(unit, address);
	int number = 0;

	place->file[0] = 0;
	place->line = 0;
	if (!line)
		return;
	set_file(place, unit, dwarf_linesrc(line, NULL, NULL));
	if (!dwarf_lineno(line, &number) && number > 0)
		place->line = (uint32_t)number;
}

/* Where an inlined function was called. */
static void set_call(struct place *place, Dwarf_Die *unit, Dwarf_Die *inlined)
{
	Dwarf_Attribute attribute;
	Dwarf_Word number;
	Dwarf_Files *files;
	size_t len;

	place->file[0] = 0;
	place->line = 0;
	if (dwarf_attr(inlined, DW_AT_call_file, &attribute) &&
	    !dwarf_formudata(&attribute, &number) &&
	    !dwarf_getsrcfiles(unit, &files, &len) && number < len)
		set_file(place, unit, dwarf_filesrc(files, number, NULL, NULL));
	if (dwarf_attr(inlined, DW_AT_call_line, &attribute) &&
	    !dwarf_formudata(&attribute, &number))
		place->line = (uint32_t)number;
}

/* ---- the functions around an address ---- */

/* From the one in the symbol table inwards, each inlined into the one before. */
struct scopes {
	Dwarf_Die dies[INLINED_MAX + 1];
	int len;
};

#define DEPTH_MAX 32

static bool may_hold_functions(int tag)
{
	return tag == DW_TAG_namespace || tag == DW_TAG_module ||
	       tag == DW_TAG_structure_type || tag == DW_TAG_class_type ||
	       tag == DW_TAG_enumeration_type || tag == DW_TAG_union_type;
}

static bool has_address(Dwarf_Die *die, Dwarf_Addr address)
{
	return dwarf_haspc(die, address) > 0;
}

/* Not dwarf_getscopes(): up to elfutils 0.188 it ends at the first entry that has no
 * address at all, of which Go writes some. Returns whether it was found. */
static bool find_scopes(Dwarf_Die *parent, Dwarf_Addr address, int depth,
			struct scopes *out)
{
	Dwarf_Die die;

	if (depth == DEPTH_MAX || dwarf_child(parent, &die))
		return false;
	do {
		int tag = dwarf_tag(&die);

		if (may_hold_functions(tag) && !out->len) {
			if (find_scopes(&die, address, depth + 1, out))
				return true;
			continue;
		}
		if ((tag != DW_TAG_subprogram && tag != DW_TAG_inlined_subroutine &&
		     tag != DW_TAG_lexical_block) ||
		    !has_address(&die, address))
			continue;
		if (tag != DW_TAG_lexical_block && out->len <= INLINED_MAX)
			out->dies[out->len++] = die;
		(void)find_scopes(&die, address, depth + 1, out);
		return true;
	} while (!dwarf_siblingof(&die, &die));
	return false;
}

/* One place for each function that was inlined here, the innermost one first; the one in the
 * symbol table is left in *place. */
static void describe_inlined(struct unwind_description *out, struct place *place,
			     Dwarf_Die *unit, Dwarf_Addr address)
{
	struct scopes scopes = {.len = 0};
	const char *name;

	if (!find_scopes(unit, address, 0, &scopes))
		return;
	for (int i = scopes.len - 1; i > 0; i--) {
		struct place inner = *place;

		name = die_name(&scopes.dies[i]);
		inner.inlined = true;
		demangle(name ? name : "", inner.function, sizeof(inner.function));
		if (!add_place(out, &inner))
			return;
		set_call(place, unit, &scopes.dies[i]);
	}
	name = scopes.len ? die_name(&scopes.dies[0]) : NULL;
	if (name && !place->function[0])
		demangle(name, place->function, sizeof(place->function));
}

/* ---- from files ---- */

static void set_build_id(struct place *place, Dwfl_Module *module)
{
	const unsigned char *bits;
	GElf_Addr at;
	int len = dwfl_module_build_id(module, &bits, &at);

	for (int i = 0; i < len && i < 64; i++)
		snprintf(place->build_id + (size_t)i * 2, 3, "%02x", bits[i]);
}

static void set_module(struct place *place, const struct modules *m,
		       Dwfl_Module *module, uint64_t address)
{
	const struct mapping *mapping = modules_find(m, address);
	const char *name = NULL;
	Dwarf_Addr bias;

	if (mapping)
		name = mapping->path;
	else if (module)
		name = dwfl_module_info(module, NULL, NULL, NULL, NULL, NULL, NULL,
					NULL);
	if (!name)
		name = "";
	snprintf(place->module, sizeof(place->module), "%s", name);
	if (module && dwfl_module_getelf(module, &bias)) {
		place->offset = place->address - bias;
		set_build_id(place, module);
	} else if (mapping && *name) {
		place->offset = place->address - mapping->start + mapping->offset;
	} else {
		place->offset = place->address;
	}
}

static void set_symbol(struct place *place, Dwfl_Module *module, uint64_t address)
{
	GElf_Sym symbol;
	GElf_Off offset;
	const char *name = dwfl_module_addrinfo(module, address, &offset, &symbol, NULL,
						NULL, NULL);

	/* One that ends before is not its function's: that one has no symbol. */
	if (name && (!symbol.st_size || offset < symbol.st_size))
		demangle(name, place->function, sizeof(place->function));
}

static void describe_made(struct modules *m, struct place *place, uint64_t address)
{
	const struct perf_map *map = modules_perf_map(m);
	uint64_t start;
	const char *name = map ? perf_map_find(map, address, &start) : NULL;

	if (name)
		perf_map_split(name, place->function, sizeof(place->function),
			       place->file, sizeof(place->file), &place->line);
}

/* `address` is within the call: a return address may be the next function's. */
static void describe(struct modules *m, struct unwind_description *out,
		     uint64_t return_address, uint64_t address)
{
	const struct mapping *mapping = modules_find(m, address);
	Dwfl_Module *module = NULL;
	struct place place = {.address = return_address};
	Dwarf_Die *unit;
	Dwarf_Addr bias;

	/* libdw takes what is between a file's mappings for the file's, too. */
	if (!mapping || mapping->path[0])
		module = dwfl_addrmodule(m->dwfl, address);
	if (python_module_has(m, address))
		place.language = UNWIND_INTERPRETER;
	set_module(&place, m, module, address);
	if (!module) {
		describe_made(m, &place, address);
		add_place(out, &place);
		return;
	}
	set_symbol(&place, module, address);
	unit = modules_unit(m, module, address, &bias);
	if (unit) {
		set_line(&place, unit, address - bias);
		describe_inlined(out, &place, unit, address - bias);
	}
	add_place(out, &place);
}

void frames_describe(struct modules *m, const struct unwind_addresses *addresses,
		     struct unwind_description *out)
{
	out->header.size = offsetof(struct unwind_description, frames);
	out->len = out->cut = 0;
	python_module_need(m);
	for (uint32_t i = 0; i < addresses->len && !out->cut; i++)
		describe(m, out, addresses->addresses[i],
			 addresses->addresses[i] - (i > 0));
}

void frames_describe_script(struct modules *m, const struct unwind_script *script,
			    struct unwind_description *out)
{
	struct python_place found;

	out->header.size = offsetof(struct unwind_description, frames);
	out->len = out->cut = 0;
	python_module_need(m);
	for (uint32_t i = 0; i < script->len && !out->cut; i++) {
		struct place place = {.address = script->frames[i].code,
				      .language = UNWIND_IN_PYTHON};

		if (python_module_describe(m, &script->frames[i], &found)) {
			memcpy(place.function, found.function, sizeof(place.function));
			memcpy(place.file, found.file, sizeof(place.file));
			place.line = found.line;
		}
		add_place(out, &place);
	}
}
