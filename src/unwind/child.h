/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process that unwinds: fdwarden itself, run again. It alone reads executables and
 * debugging information, which are whatever a process wants them to be: if they crash
 * it, or keep it busy for ever, it is only this. It has no capability and can open nothing:
 * what it reads is handed to it by the opener (unwind/files.h).
 */
#ifndef FDWARDEN_UNWIND_CHILD_H
#define FDWARDEN_UNWIND_CHILD_H

/* Of UNWIND_CHILD_COMMAND; `pid` is argv[2], `memory` argv[3]. Answers questions on
 * HELPER_SOCKET until its end. Returns the exit status. */
int unwind_child_run(const char *pid, const char *memory);

#endif
