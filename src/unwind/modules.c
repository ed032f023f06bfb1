// SPDX-License-Identifier: GPL-2.0-or-later
#include "unwind/modules.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define MAPS_MAX (16u << 20) /* 65,530 mappings are the most by default */
#define PERF_MAX (64u << 20)
#define PATH_LEN 4200

/* ---- reading ---- */

/* All of a file, NUL-ended; to be freed. NULL and errno. */
static char *read_file(int fd, size_t max, size_t *len)
{
	size_t room = 64 * 1024;
	char *text = malloc(room + 1), *larger;
	ssize_t n;

	*len = 0;
	while (text && (n = read(fd, text + *len, room - *len)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			free(text);
			return NULL;
		}
		*len += (size_t)n;
		if (*len < room)
			continue;
		if (room >= max)
			break;
		room *= 2;
		larger = realloc(text, room + 1);
		if (!larger)
			free(text);
		text = larger;
	}
	if (text)
		text[*len] = 0;
	return text;
}

/* A regular file, whatever someone else put in its place: a traced process has a say in
 * what is named here, and to open a device is to use it already. */
static int open_regular(const char *path, struct stat *st)
{
	char itself[32];
	int at = open(path, O_PATH | O_CLOEXEC), fd = -EINVAL;

	memset(st, 0, sizeof(*st));
	if (at < 0)
		return -errno;
	if (!fstat(at, st) && S_ISREG(st->st_mode)) {
		snprintf(itself, sizeof(itself), "/proc/self/fd/%d", at);
		fd = open(itself, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		if (fd < 0)
			fd = -errno;
	}
	close(at);
	return fd;
}

/* ---- the maps ---- */

static bool parse_mapping(char *line, struct mapping *out)
{
	char permissions[5];
	int path = 0;

	if (sscanf(line,
		   "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %" SCNx32 ":%" SCNx32
		   " %" SCNu64 " %n",
		   &out->start, &out->end, permissions, &out->offset, &out->major,
		   &out->minor, &out->inode, &path) < 7 ||
	    !path)
		return false;
	out->executable = permissions[2] == 'x';
	out->path = line + path;
	return true;
}

static int parse_maps(struct modules *m, char *text, size_t len)
{
	size_t room = 1;
	char *line, *end;

	for (size_t i = 0; i < len; i++)
		room += text[i] == '\n';
	free(m->mappings);
	free(m->maps);
	m->maps = text;
	m->len = 0;
	m->mappings = calloc(room, sizeof(*m->mappings));
	if (!m->mappings)
		return -ENOMEM;
	for (line = text; line < text + len; line = end + 1) {
		end = strchr(line, '\n');
		if (!end)
			break;
		*end = 0;
		m->len += parse_mapping(line, &m->mappings[m->len]);
	}
	return 0;
}

const struct mapping *modules_find(const struct modules *m, uint64_t address)
{
	size_t low = 0, high = m->len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (m->mappings[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < m->len && m->mappings[low].start <= address ? &m->mappings[low]
								 : NULL;
}

/* ---- files of modules ---- */

/* On overlayfs and btrfs the maps name another device than stat(2), or inode. */
static bool is_mapped_file(const struct mapping *at, const struct stat *st)
{
	return st->st_ino == at->inode && major(st->st_dev) == at->major &&
	       minor(st->st_dev) == at->minor;
}

/*
 * Ways to a mapped file, the surest first: the mapping itself, which needs
 * CAP_CHECKPOINT_RESTORE and also leads to a file that is deleted; the executable; the
 * path in the process's root; and the path as it is seen from here, of a process whose
 * root is a directory of ours.
 */
static int try_way(const struct modules *m, const struct mapping *at, int way,
		   char *path, size_t size)
{
	char exe[PATH_LEN];
	ssize_t len;

	switch (way) {
	case 0:
		snprintf(path, size, "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, m->pid,
			 at->start, at->end);
		return 0;
	case 1:
		snprintf(path, size, "/proc/%d/exe", m->pid);
		len = readlink(path, exe, sizeof(exe) - 1);
		exe[len > 0 ? len : 0] = 0;
		return strcmp(exe, at->path) ? -ENOENT : 0;
	case 2:
		snprintf(path, size, "/proc/%d/root%s", m->pid, at->path);
		return 0;
	case 3:
		snprintf(path, size, "%s", at->path);
		return 0;
	}
	return -ENOENT;
}

#define WAYS 4

static int open_mapping(const struct modules *m, const struct mapping *at)
{
	char path[PATH_LEN + 64];
	int second = -ENOENT;

	if (at->path[0] != '/')
		return -ENOENT;
	for (int way = 0; way < WAYS; way++) {
		struct stat st;
		int fd;

		if (try_way(m, at, way, path, sizeof(path)))
			continue;
		fd = open_regular(path, &st);
		if (fd < 0)
			continue;
		if (way < 2 || is_mapped_file(at, &st)) {
			if (second >= 0)
				close(second);
			return fd;
		}
		/* It may be another file by now; better than none. */
		if (second < 0)
			second = fd;
		else
			close(fd);
	}
	return second;
}

static int find_elf(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base,
		    char **file_name, Elf **elf)
{
	struct modules *m;
	const struct mapping *at;
	int fd;

	(void)module, (void)elf;
	m = *data;
	at = m ? modules_find(m, base) : NULL;
	fd = at ? open_mapping(m, at) : -1;
	/* With a name but no file, libdwfl would open whatever has that name. */
	if (fd >= 0)
		*file_name = strdup(name);
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
	char path[64], *text;
	size_t len;
	FILE *file;
	int fd, err;

	snprintf(path, sizeof(path), "/proc/%d/maps", m->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	text = read_file(fd, MAPS_MAX, &len);
	err = errno ? -errno : -EIO;
	close(fd);
	if (!text)
		return err;
	if (!len) { /* it has exited */
		free(text);
		return -ESRCH;
	}
	err = 0;
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
	return parse_maps(m, text, len);
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
	if (asprintf(&m->debug_path, "/proc/%d/root/usr/lib/debug:/usr/lib/debug",
		     pid) < 0)
		return -ENOMEM;
	m->callbacks = (Dwfl_Callbacks){
		.find_elf = find_elf,
		.find_debuginfo = dwfl_standard_find_debuginfo,
		.debuginfo_path = &m->debug_path,
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

/* As the process itself knows its number: the last one of "NSpid:". */
static long inner_pid(pid_t pid)
{
	char path[64], text[4096], *at, *end;
	ssize_t len = 0;
	long inner = pid;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	text[len > 0 ? len : 0] = 0;
	at = strstr(text, "\nNSpid:");
	if (!at)
		return inner;
	at += strlen("\nNSpid:");
	while (*at && *at != '\n') {
		long value = strtol(at, &end, 10);

		if (end == at)
			break;
		inner = value;
		at = end;
	}
	return inner;
}

const struct perf_map *modules_perf_map(struct modules *m)
{
	char path[96], *text;
	struct stat st;
	size_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/root/tmp/perf-%ld.map", m->pid,
		 inner_pid(m->pid));
	fd = open_regular(path, &st);
	if (fd < 0) {
		snprintf(path, sizeof(path), "/proc/%d/root/tmp/perf-%d.map", m->pid,
			 m->pid);
		fd = open_regular(path, &st);
	}
	if (fd < 0)
		return m->perf;
	if (st.st_size != m->perf_size && st.st_size <= PERF_MAX) {
		text = read_file(fd, PERF_MAX, &len);
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
