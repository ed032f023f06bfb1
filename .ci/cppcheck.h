/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Macros of system headers that cppcheck does not read. */
#define HASH_ITER(hh, head, at, next) for ((at) = (next) = (head); (at); (at) = (next))
#define LIBBPF_OPTS(type, name, ...) struct type name = {__VA_ARGS__}
#define DL_FOREACH(head, at) for ((at) = (head); (at); (at) = (at)->next)
