// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fnmatch() has no errors: a '[' that is not closed stands for itself or makes the whole
 * pattern match nothing, and so do a range that goes backwards and a class that it does not
 * know. A rule with such a pattern would never apply, and nobody would be told.
 */
#include "config/pattern_syntax.h"

#include <stdbool.h>
#include <string.h>
#include <wctype.h>

#define ESCAPE_FAULT "a '\\' at its end; write '\\\\' for the character itself"
#define BRACKET_FAULT                                                                  \
	"a '[' without its ']'; write '\\[' for the character itself, or close it"
#define RANGE_FAULT "a range in '[…]' that goes backwards; write the lower end first"
#define ENDS_FAULT  "a range in '[…]' whose ends are not single characters; write both"
#define CLASS_FAULT                                                                      \
	"a '[:' in '[…]' that begins no class; write one such as [[:digit:]], or '[' " \
	"as "                                                                            \
	"the last character"
#define SYMBOL_FAULT                                                                   \
	"a '[.' or '[=' in '[…]'; write the character itself, or '[' as the last one"
#define ASCII_FAULT                                                                    \
	"a character beyond ASCII in '[…]', of which each byte would stand for "     \
	"itself; "                                                                     \
	"write '*' for it"

/* What lies between "[:" and ":]", if fnmatch() knows it. Moves *at behind it. */
static bool skip_class(const char **at)
{
	const char *name = *at + 2, *end = strstr(name, ":]");
	char word[16];
	size_t len = end ? (size_t)(end - name) : 0;

	if (!len || len >= sizeof(word))
		return false;
	memcpy(word, name, len);
	word[len] = '\0';
	if (!wctype(word))
		return false;
	*at = end + 2;
	return true;
}

/* One character of a bracket, which may be escaped. Moves *at behind it. */
static const char *take_character(const char **at, unsigned char *out)
{
	if (**at == '\\')
		(*at)++;
	if (!**at)
		return BRACKET_FAULT;
	*out = (unsigned char)**at;
	(*at)++;
	return *out < 0x80 ? NULL : ASCII_FAULT;
}

/* A class, a character, or a range. Moves *at behind it. */
static const char *skip_item(const char **at)
{
	unsigned char low, high;
	const char *fault;

	if (!strncmp(*at, "[:", 2)) {
		if (!skip_class(at))
			return CLASS_FAULT;
		return (*at)[0] == '-' && (*at)[1] != ']' ? ENDS_FAULT : NULL;
	}
	if (!strncmp(*at, "[.", 2) || !strncmp(*at, "[=", 2))
		return SYMBOL_FAULT;
	fault = take_character(at, &low);
	if (fault || (*at)[0] != '-' || (*at)[1] == ']')
		return fault;
	(*at)++;
	if ((*at)[0] == '[' && (*at)[1] && strchr(":.=", (*at)[1]))
		return ENDS_FAULT;
	fault = take_character(at, &high);
	if (fault)
		return fault;
	return high < low ? RANGE_FAULT : NULL;
}

/* From behind a '[' to behind its ']'. */
static const char *skip_bracket(const char **at)
{
	const char *fault;

	*at += **at == '!' || **at == '^';
	do { /* a ']' that comes first stands for itself */
		fault = **at ? skip_item(at) : BRACKET_FAULT;
	} while (!fault && **at != ']');
	*at += !fault;
	return fault;
}

bool pattern_list_next(const char **list, const char **start, size_t *len)
{
	const char *at = *list, *end;

	if (!at)
		return false;
	at += strspn(at, " \t");
	*start = end = at;
	while (*at && *at != ',') {
		char c = *at++;

		if (c == '\\' && *at)
			end = ++at;
		else if (c == '[' && skip_bracket(&at))
			at += strlen(at); /* where it ends nobody can say */
		if (c != ' ' && c != '\t')
			end = at;
	}
	*len = (size_t)(end - *start);
	*list = *at ? at + 1 : NULL;
	return true;
}

bool pattern_has_wildcard(const char *pattern)
{
	return strpbrk(pattern, "*?[\\") != NULL;
}

const char *pattern_syntax_fault(const char *pattern)
{
	const char *fault = NULL;

	while (*pattern && !fault) {
		char c = *pattern++;

		if (c == '\\' && !*pattern++)
			return ESCAPE_FAULT;
		if (c == '[')
			fault = skip_bracket(&pattern);
	}
	return fault;
}
