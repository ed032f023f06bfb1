// SPDX-License-Identifier: GPL-2.0-or-later
/* Attaches floor.bpf.c, says "ready", and waits for a signal. */
#include <stdio.h>
#include <unistd.h>

#include "floor.skel.h"

int main(void)
{
	struct floor_bpf *bpf = floor_bpf__open_and_load();

	if (!bpf || floor_bpf__attach(bpf)) {
		fprintf(stderr, "floor: the program can't be loaded\n");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	pause();
	floor_bpf__destroy(bpf);
	return 0;
}
