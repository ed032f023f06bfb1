/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What many names have in common: numbers and random parts become '*'. Pure.
 */
#ifndef FDWARDEN_PATTERN_H
#define FDWARDEN_PATTERN_H

#include <stddef.h>

/*
 * "/var/tmp/upload-8812.part" becomes "/var/tmp/upload-*.part". A run of digits, and one
 * of at least 6 hexadecimal digits with a decimal one among them, becomes one '*'. `out`
 * is as long as `path` at most; returns its length. Bytes that mean nothing here stay as
 * they are.
 */
size_t pattern_of(const char *path, char *out);

/* Where the last component begins: after the last '/', or 0. */
size_t pattern_name_at(const char *path);

#endif
