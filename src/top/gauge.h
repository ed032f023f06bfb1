/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bars, sparklines and graphs as text: in UTF-8 of lines and blocks, else of ASCII.
 * Pure.
 */
#ifndef FDWARDEN_TOP_GAUGE_H
#define FDWARDEN_TOP_GAUGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that text of so many columns needs. */
#define GAUGE_SIZE(columns) ((size_t)(columns)*3 + 1)
#define GAUGE_WIDTH_MAX     320

/* The filled part of a bar of `width` columns, `share` (0..1, others are cut) of it;
 * what is not empty shows, and what is not full does not look full. Returns its
 * columns. */
int gauge_bar(char *out, size_t size, int width, double share, bool utf8);

/* One column a value, between `low` and `high`. Returns its columns. */
int gauge_spark(char *out, size_t size, const uint32_t *values, size_t len,
		uint32_t low, uint32_t high, bool utf8);

/* The range of a sparkline: a few descriptors up or down are no mountain. */
void gauge_range(const uint32_t *values, size_t len, uint32_t *low, uint32_t *high);

/* Line `line` (0: the lowest) of a graph that is `lines` high. */
int gauge_graph(char *out, size_t size, const uint32_t *values, size_t len,
		uint32_t high, int line, int lines, bool utf8);

#endif
