// SPDX-License-Identifier: GPL-2.0-or-later
#include "unwind/modules.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "unwind/files.h"

#define PERF_MAX     (64u << 20)
#define BUILD_ID_MAX 64
#define PIECE        65536

const struct mapping *modules_find(const struct modules *m, uint64_t address)
{
	return maps_find(&m->maps, address);
}

/* ---- files of modules ---- */

static int find_elf(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base,
		    char **file_name, Elf **elf)
{
	int fd = *data ? files_ask(FILES_MODULE, base, NULL) : -1;

	(void)module, (void)elf;
	/* With a name but no file, libdwfl would open whatever has that name. */
	if (fd >= 0)
		*file_name = strdup(name);
	return fd < 0 ? -1 : fd;
}

/* ---- files with debugging information alone ---- */

/* What it must be to be the module's. */
struct debug_wanted {
	const unsigned char *build_id;
	int build_id_len; /* 0: none, then: */
	uint32_t crc;     /* 0: any */
};

static bool debug_has_build_id(int fd, const struct debug_wanted *wanted)
{
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	const void *bits = NULL;
	ssize_t len = elf ? dwelf_elf_gnu_build_id(elf, &bits) : 0;
	bool same = len > 0 && len == wanted->build_id_len &&
		    memcmp(bits, wanted->build_id, (size_t)len) == 0;

	elf_end(elf);
	return same;
}

static bool debug_has_crc(int fd, uint32_t wanted)
{
	static unsigned char bytes[PIECE];
	uLong crc = crc32(0, NULL, 0);
	off_t at = 0;
	ssize_t got;

	while ((got = pread(fd, bytes, sizeof(bytes), at)) > 0) {
		crc = crc32(crc, bytes, (uInt)got);
		at += got;
	}
	return got == 0 && (uint32_t)crc == wanted;
}

/* The descriptor, or -1. */
static int debug_open(const char *path, const struct debug_wanted *wanted,
		      char **file_name)
{
	int fd = files_ask(FILES_DEBUG, 0, path);

	if (fd < 0)
		return -1;
	if (wanted->build_id_len ? !debug_has_build_id(fd, wanted)
				 : wanted->crc && !debug_has_crc(fd, wanted->crc)) {
		close(fd);
		return -1;
	}
	*file_name = strdup(path);
	return fd;
}

static int debug_by_build_id(const struct debug_wanted *wanted, char **file_name)
{
	char path[64 + 2 * BUILD_ID_MAX];
	int at = snprintf(path, sizeof(path), "/usr/lib/debug/.build-id/%02x/",
			  wanted->build_id[0]);

	for (int i = 1; i < wanted->build_id_len && i < BUILD_ID_MAX; i++)
		at += snprintf(path + at, sizeof(path) - (size_t)at, "%02x",
			       wanted->build_id[i]);
	snprintf(path + at, sizeof(path) - (size_t)at, ".debug");
	return debug_open(path, wanted, file_name);
}

/* The directory of a path, without a slash at its end. */
static int debug_directory_len(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (int)(slash - path) : 0;
}

/* .gnu_debuglink: a name beside the file, or in directories made for such. */
static int debug_by_link(const char *module, const char *name,
			 const struct debug_wanted *wanted, char **file_name)
{
	static const char *const forms[] = {"%.*s/%s", "%.*s/.debug/%s",
					    "/usr/lib/debug%.*s/%s"};
	char path[FILES_PATH_MAX];
	int fd = -1;

	if (strchr(name, '/'))
		return -1;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]) && fd < 0; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		int len = snprintf(path, sizeof(path), forms[i],
				   debug_directory_len(module), module, name);
#pragma GCC diagnostic pop
		/* it may have the name of the file that it is about */
		if (len > 0 && (size_t)len < sizeof(path) && strcmp(path, module) != 0)
			fd = debug_open(path, wanted, file_name);
	}
	return fd;
}

/* .gnu_debugaltlink, what several files share: a path, from the file if it is relative. */
static int debug_by_alternate(const char *file, const char *name, char **file_name)
{
	static const struct debug_wanted any;
	char path[FILES_PATH_MAX];

	if (name[0] == '/')
		return debug_open(name, &any, file_name);
	if ((size_t)snprintf(path, sizeof(path), "%.*s/%s", debug_directory_len(file),
			     file, name) >= sizeof(path))
		return -1;
	return debug_open(path, &any, file_name);
}

/*
 * In place of libdwfl's own, which opens what the file says by path, and loads
 * libdebuginfod with all that hangs on it. It asks with a checksum for what a debuglink
 * names, without one and with a path for what several files share, and else with no name.
 */
static int find_debuginfo(Dwfl_Module *module, void **data, const char *name,
			  Dwarf_Addr base, const char *file, const char *link,
			  GElf_Word crc, char **file_name)
{
	struct debug_wanted wanted = {.crc = crc};
	GElf_Addr address;
	int fd = -1;

	(void)data, (void)name, (void)base;
	if (link && !crc)
		return debug_by_alternate(file ? file : "", link, file_name);
	wanted.build_id_len = dwfl_module_build_id(module, &wanted.build_id, &address);
	if (wanted.build_id_len < 0 || wanted.build_id_len > BUILD_ID_MAX)
		wanted.build_id_len = 0;
	if (wanted.build_id_len > 1)
		fd = debug_by_build_id(&wanted, file_name);
	if (fd < 0 && link && file)
		fd = debug_by_link(file, link, &wanted, file_name);
	return fd;
}

/* Set on each module when it is reported, so that find_elf() knows whose it is. */
static int set_data(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base,
		    void *arg)
{
	(void)module, (void)name, (void)base;
	*data = arg;
	return DWARF_CB_OK;
}

static int report(struct modules *m)
{
	int fd = files_ask(FILES_MAPS, 0, NULL), err = 0;
	size_t len;
	FILE *file;
	char *text;

	if (fd < 0)
		return fd;
	text = maps_read(fd, MAPS_MAX, &len);
	if (!text)
		err = errno ? -errno : -EIO;
	close(fd);
	if (err)
		return err;
	if (!len) { /* it has exited */
		free(text);
		return -ESRCH;
	}
	file = fmemopen(text, len, "r");
	if (!file) {
		free(text);
		return -ENOMEM;
	}
	dwfl_report_begin(m->dwfl);
	if (dwfl_linux_proc_maps_report(m->dwfl, file))
		err = -EINVAL;
	dwfl_report_end(m->dwfl, NULL, NULL);
	fclose(file);
	dwfl_getmodules(m->dwfl, set_data, m, 0);
	if (err) {
		free(text);
		return err;
	}
	return maps_take(&m->maps, text, len);
}

int modules_refresh(struct modules *m)
{
	m->unit_module = NULL;
	return report(m);
}

/* Opens the files now: a moment later the process may be gone, and with it the way to
 * them. */
static int open_module(Dwfl_Module *module, void **data, const char *name,
		       Dwarf_Addr base, void *arg)
{
	Dwarf_Addr bias;

	(void)data, (void)name, (void)base, (void)arg;
	if (dwfl_module_getelf(module, &bias))
		(void)dwfl_module_eh_cfi(module, &bias);
	return DWARF_CB_OK;
}

int modules_open(struct modules *m, pid_t pid, char *why, size_t why_size)
{
	int err;

	memset(m, 0, sizeof(*m));
	m->pid = pid;
	m->perf_size = -1;
	m->memory = -1;
	m->callbacks = (Dwfl_Callbacks){
		.find_elf = find_elf,
		.find_debuginfo = find_debuginfo,
	};
	m->dwfl = dwfl_begin(&m->callbacks);
	if (!m->dwfl)
		return -ENOMEM;
	err = report(m);
	if (err == -EACCES || err == -EPERM)
		snprintf(why, why_size,
			 "/proc/%d/maps: %s; another user's process needs "
			 "CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH",
			 pid, strerror(-err));
	else if (err)
		snprintf(why, why_size, "/proc/%d/maps: %s", pid, strerror(-err));
	if (!err)
		dwfl_getmodules(m->dwfl, open_module, NULL, 0);
	return err;
}

void modules_close(struct modules *m)
{
	dwfl_end(m->dwfl);
	maps_clear(&m->maps);
	perf_map_free(m->perf);
	memset(m, 0, sizeof(*m));
}

/* ---- units of debugging information ---- */

/* Compilers that write no index of addresses (Go, Clang) leave it to the reader to look
 * at all units. */
static Dwarf_Die *search_units(struct modules *m, Dwfl_Module *module, uint64_t address,
			       Dwarf_Addr *bias)
{
	Dwarf_Die *unit = NULL;

	if (m->unit_module == module &&
	    dwarf_haspc(&m->unit, address - m->unit_bias) > 0) {
		*bias = m->unit_bias;
		return &m->unit;
	}
	while ((unit = dwfl_module_nextcu(module, unit, bias)))
		if (dwarf_haspc(unit, address - *bias) > 0) {
			m->unit_module = module;
			m->unit_bias = *bias;
			m->unit = *unit;
			return &m->unit;
		}
	return NULL;
}

Dwarf_Die *modules_unit(struct modules *m, Dwfl_Module *module, uint64_t address,
			Dwarf_Addr *bias)
{
	Dwarf_Die *unit = dwfl_module_addrdie(module, address, bias);

	return unit ? unit : search_units(m, module, address, bias);
}

/* ---- code that was made at run time ---- */

const struct perf_map *modules_perf_map(struct modules *m)
{
	int fd = files_ask(FILES_PERF_MAP, 0, NULL);
	struct stat st;
	size_t len;
	char *text;

	if (fd < 0)
		return m->perf;
	if (!fstat(fd, &st) && st.st_size != m->perf_size) {
		text = maps_read(fd, PERF_MAX, &len);
		if (text) {
			perf_map_free(m->perf);
			m->perf = perf_map_new(text, len);
			m->perf_size = m->perf ? st.st_size : -1;
		}
		free(text);
	}
	close(fd);
	return m->perf;
}
