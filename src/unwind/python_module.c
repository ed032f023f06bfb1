// SPDX-License-Identifier: GPL-2.0-or-later
#include "unwind/python_module.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "unwind/files.h"

/* ---- the process's memory ---- */

static bool read_memory(void *context, uint64_t address, void *to, size_t len)
{
	const struct modules *m = context;

	/* Above are addresses that no process has; off_t has a sign. */
	if (address > INT64_MAX - len)
		return false;
	return pread(m->memory, to, len, (off_t)address) == (ssize_t)len;
}

static struct memory memory_of(struct modules *m)
{
	return (struct memory){read_memory, m, MEMORY_READS_MAX};
}

/* ---- the file that has the interpreter ---- */

struct search {
	struct python_symbols found;
	uint64_t low, high;
};

/* "/usr/lib/libpython3.9.so.1.0": 0x0309; 0: it says nothing. */
static uint32_t version_named(const char *path)
{
	const char *at = path ? strstr(path, "python3.") : NULL;
	char *end;
	unsigned long minor;

	if (!at)
		return 0;
	at += strlen("python3.");
	minor = strtoul(at, &end, 10);
	return end > at && minor < 256 ? 0x0300 | (uint32_t)minor : 0;
}

static void take_symbol(struct search *search, const char *name, uint64_t address)
{
	if (!strcmp(name, "_PyRuntime"))
		search->found.runtime = address;
	else if (!strcmp(name, "PyCode_Type"))
		search->found.code_type = address;
	else if (!strcmp(name, "Py_Version"))
		search->found.version = address;
}

static void search_section(struct search *search, Elf *elf, Elf_Scn *section,
			   const GElf_Shdr *header, uint64_t bias)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t len = header->sh_entsize ? header->sh_size / header->sh_entsize : 0;
	const char *name;
	GElf_Sym symbol;

	for (size_t i = 0; data && i < len && gelf_getsym(data, (int)i, &symbol); i++) {
		if (!symbol.st_value || !symbol.st_name)
			continue;
		name = elf_strptr(elf, header->sh_link, symbol.st_name);
		if (name && name[0] == '_' ? name[1] == 'P' : name && name[0] == 'P')
			take_symbol(search, name, symbol.st_value + bias);
	}
}

static int search_module(Dwfl_Module *module, void **data, const char *name,
			 Dwarf_Addr base, void *context)
{
	struct search *search = context;
	Dwarf_Addr low, high, bias;
	Elf *elf = dwfl_module_getelf(module, &bias);
	Elf_Scn *section = NULL;
	GElf_Shdr header;

	(void)data, (void)base;
	search->found = (struct python_symbols){.named = version_named(name)};
	while (elf && (section = elf_nextscn(elf, section)))
		if (gelf_getshdr(section, &header) &&
		    (header.sh_type == SHT_DYNSYM || header.sh_type == SHT_SYMTAB))
			search_section(search, elf, section, &header, bias);
	if (!search->found.runtime || !search->found.code_type)
		return DWARF_CB_OK;
	dwfl_module_info(module, NULL, &low, &high, NULL, NULL, NULL, NULL);
	search->low = low;
	search->high = high;
	return DWARF_CB_ABORT;
}

int python_module_find(struct modules *m, struct fdw_python_layout *layout, char *why,
		       size_t size)
{
	struct memory memory = memory_of(m);
	struct search search = {0};

	*layout = (struct fdw_python_layout){0};
	m->python = (struct python){0};
	/* Asked again: it may be another program, in other memory. */
	if (m->python_sought) {
		(void)modules_refresh(m);
		if (m->memory >= 0)
			close(m->memory);
		m->memory = -1;
	}
	m->python_sought = true;
	if (dwfl_getmodules(m->dwfl, search_module, &search, 0) <= 0)
		return -ENOENT;
	m->python_low = search.low;
	m->python_high = search.high;
	if (m->memory < 0)
		m->memory = files_ask(FILES_MEMORY, 0, NULL);
	if (m->memory < 0) {
		snprintf(why, size, "its memory can't be read: %s",
			 strerror(-m->memory));
		return m->memory;
	}
	return python_prove(&memory, &search.found, &m->python, layout, why, size);
}

void python_module_need(struct modules *m)
{
	struct fdw_python_layout layout;
	char why[PYTHON_WHY_MAX];

	if (!m->python_sought)
		(void)python_module_find(m, &layout, why, sizeof(why));
}

bool python_module_has(const struct modules *m, uint64_t address)
{
	return address >= m->python_low && address < m->python_high;
}

bool python_module_describe(struct modules *m, const struct fdw_script_frame *frame,
			    struct python_place *out)
{
	struct memory memory = memory_of(m);

	return m->python.version && python_describe(&memory, &m->python, frame, out);
}
