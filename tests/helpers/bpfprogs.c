/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * BPF programs in the kernel:
 *	bpfprogs	the names of all, a line each
 *	bpfprogs PID	of those that a process holds, with the instructions that the
 *			verifier processed for each: "NAME INSTRUCTIONS"
 * A program that is held by several descriptors comes once. The exit status is 77 where the
 * kernel does not tell what the verifier did (before 5.16).
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

static int name_all(void)
{
	unsigned int id = 0;

	while (!bpf_prog_get_next_id(id, &id)) {
		struct bpf_prog_info info = {0};
		unsigned int len = sizeof(info);
		int fd = bpf_prog_get_fd_by_id(id);

		if (fd < 0)
			continue; /* unloaded meanwhile */
		if (!bpf_obj_get_info_by_fd(fd, &info, &len))
			printf("%s\n", info.name);
		close(fd);
	}
	if (errno == ENOENT)
		return 0;
	perror("bpfprogs");
	return 1;
}

static int tell_of(const char *pid)
{
	unsigned int seen[4096];
	size_t count = 0, i;
	struct dirent *entry;
	char path[64];
	int told = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	dir = opendir(path);
	if (!dir) {
		fprintf(stderr, "bpfprogs: %s: %s\n", path, strerror(errno));
		return 1;
	}
	while ((entry = readdir(dir)) && count < sizeof(seen) / sizeof(*seen)) {
		unsigned int id = program_of(pid, entry->d_name);

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

int main(int argc, char **argv)
{
	if (argc > 2) {
		fprintf(stderr, "usage: bpfprogs [PID]\n");
		return 2;
	}
	return argc == 2 ? tell_of(argv[1]) : name_all();
}
