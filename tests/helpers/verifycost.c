/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel's verifier had to do for the programs that are loaded: "NAME
 * INSTRUCTIONS" a line, those that it processed. For a machine where nobody else loads
 * any. The exit status is 77 where the kernel does not tell (before 5.16).
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
	unsigned int id = 0;
	int told = 0;

	while (!bpf_prog_get_next_id(id, &id)) {
		struct bpf_prog_info info = {0};
		unsigned int len = sizeof(info);
		int fd = bpf_prog_get_fd_by_id(id);

		if (fd < 0)
			continue; /* unloaded meanwhile */
		if (!bpf_obj_get_info_by_fd(fd, &info, &len) && info.verified_insns) {
			printf("%s %u\n", info.name, info.verified_insns);
			told++;
		}
		close(fd);
	}
	if (errno != ENOENT) {
		fprintf(stderr, "verifycost: programs can't be listed: %s\n",
			strerror(errno));
		return 1;
	}
	return told ? 0 : 77;
}
