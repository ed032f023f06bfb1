// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/nearest.h"

#include <string.h>

#define WORD_MAX  24
#define SLIPS_MAX 2

/* How many characters have to be put in, left out or changed to make one of the other. */
static size_t distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1], len = strlen(b);

	for (size_t j = 0; j <= len; j++)
		row[j] = j;
	for (size_t i = 0; a[i]; i++) {
		size_t corner = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < len; j++) {
			size_t change = corner + (a[i] != b[j]);
			size_t other = 1 + (row[j] < row[j + 1] ? row[j] : row[j + 1]);

			corner = row[j + 1];
			row[j + 1] = change < other ? change : other;
		}
	}
	return row[len];
}

void nearest_try(struct nearest *nearest, const char *typed, const char *candidate)
{
	size_t len = strlen(typed), slips;

	if (len < 2 || len > WORD_MAX || strlen(candidate) > WORD_MAX ||
	    *typed != *candidate)
		return;
	slips = strncmp(candidate, typed, len) != 0 ? distance(typed, candidate) : 0;
	if (slips > SLIPS_MAX || slips >= len ||
	    (nearest->word && slips >= nearest->slips))
		return;
	nearest->word = candidate;
	nearest->slips = slips;
}
