/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FDWARDEN_DEMANGLE_H
#define FDWARDEN_DEMANGLE_H

#include <stddef.h>

/*
 * A symbol's name as its language has it: C++ and Rust (both of its manglings) without
 * arguments, hashes and what the compiler has appended; of Go's wrappers of a statement the
 * function that has it; others as they are. Cut to `size`. Names are a file's own: this is for the unwinder's child alone.
 */
void demangle(const char *name, char *out, size_t size);

#endif
