/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel's verifier had to do for the programs that a process holds: "NAME
 * INSTRUCTIONS" a line, those that it processed. A program that is held by several
 * descriptors comes once. The exit status is 77 where the kernel does not tell (before
 * 5.16).
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The program that a descriptor is or, for a link, attaches; 0 if neither. */
static unsigned int program_of(const char *pid, const char *fd)
{
	char path[300], line[256];
	unsigned int id = 0;
	FILE *info;

	snprintf(path, sizeof(path), "/proc/%s/fdinfo/%s", pid, fd);
	info = fopen(path, "re");
	while (info && fgets(line, sizeof(line), info)) {
		if (sscanf(line, "prog_id: %u", &id) == 1)
			break;
	}
	if (info)
		fclose(info);
	return id;
}

/* 1: told; 0: this kernel does not tell. */
static int tell(unsigned int id)
{
	struct bpf_prog_info info = {0};
	unsigned int len = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);
	int told = 0;

	if (fd < 0)
		return 0; /* unloaded meanwhile */
	if (!bpf_obj_get_info_by_fd(fd, &info, &len) && info.verified_insns) {
		printf("%s %u\n", info.name, info.verified_insns);
		told = 1;
	}
	close(fd);
	return told;
}

int main(int argc, char **argv)
{
	unsigned int seen[4096];
	size_t count = 0, i;
	struct dirent *entry;
	char path[64];
	int told = 0;
	DIR *dir;

	if (argc != 2) {
		fprintf(stderr, "usage: verifycost PID\n");
		return 2;
	}
	snprintf(path, sizeof(path), "/proc/%s/fd", argv[1]);
	dir = opendir(path);
	if (!dir) {
		fprintf(stderr, "verifycost: %s: %s\n", path, strerror(errno));
		return 1;
	}
	while ((entry = readdir(dir)) && count < sizeof(seen) / sizeof(*seen)) {
		unsigned int id = program_of(argv[1], entry->d_name);

		for (i = 0; i < count && seen[i] != id; i++)
			;
		if (!id || i < count)
			continue;
		seen[count++] = id;
		told += tell(id);
	}
	closedir(dir);
	return told ? 0 : 77;
}
