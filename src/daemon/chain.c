// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/chain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void chain_clear(struct call_chain *chain)
{
	free(chain->frames);
	free(chain->text);
	memset(chain, 0, sizeof(*chain));
}

static void copy_text(const char **to, char **at, const char *from)
{
	size_t size = strlen(from) + 1;

	*to = memcpy(*at, from, size);
	*at += size;
}

static size_t texts_size(const struct call_frame *f)
{
	return strlen(f->function) + strlen(f->module) + strlen(f->file) +
	       strlen(f->build_id) + 4;
}

int chain_copy(const struct call_chain *from, struct call_chain *to)
{
	size_t size = 0;
	char *text;

	*to = *from;
	for (size_t i = 0; i < from->len; i++)
		size += texts_size(&from->frames[i]);
	to->frames = calloc(from->len + 1, sizeof(*to->frames));
	to->text = text = malloc(size + 1);
	if (!to->frames || !to->text) {
		chain_clear(to);
		return -ENOMEM;
	}
	memcpy(to->frames, from->frames, from->len * sizeof(*to->frames));
	for (size_t i = 0; i < from->len; i++) {
		struct call_frame *f = &to->frames[i];

		copy_text(&f->function, &text, f->function);
		copy_text(&f->module, &text, f->module);
		copy_text(&f->file, &text, f->file);
		copy_text(&f->build_id, &text, f->build_id);
	}
	return 0;
}

static enum call_language chain_language(enum unwind_language language)
{
	switch (language) {
	case UNWIND_INTERPRETER:
		return CALL_INTERPRETER;
	case UNWIND_IN_PYTHON:
		return CALL_PYTHON;
	case UNWIND_COMPILED:
		break;
	}
	return CALL_COMPILED;
}

static void add_frame(struct call_chain *to, const struct unwind_described *d)
{
	to->frames[to->len++] = (struct call_frame){
		.address = d->address,
		.offset = d->offset,
		.function = d->function,
		.module = d->module,
		.file = d->file,
		.build_id = d->build_id,
		.line = d->line,
		.inlined = d->inlined,
		.language = chain_language(d->language),
	};
}

static size_t count_frames(const struct unwind_description *from)
{
	struct unwind_described d;
	size_t len = 0;

	for (size_t at = 0; from && unwind_description_next(from, &at, &d);)
		len++;
	return len;
}

/* Those that could be described; what is code no more says nothing. */
static size_t add_script(struct call_chain *to, const struct unwind_description *script)
{
	struct unwind_described d;
	size_t before = to->len;

	for (size_t at = 0; script && unwind_description_next(script, &at, &d);)
		if (d.function[0])
			add_frame(to, &d);
	return to->len - before;
}

static void merge(struct call_chain *to, const struct unwind_description *from,
		  const struct unwind_description *script)
{
	struct unwind_described d;
	size_t added = 0;

	for (size_t at = 0; unwind_description_next(from, &at, &d);) {
		if (d.language == UNWIND_INTERPRETER && !added)
			added = add_script(to, script);
		if (d.language != UNWIND_INTERPRETER || !added)
			add_frame(to, &d);
	}
	/* The stack could not be followed up to it. */
	if (!added)
		(void)add_script(to, script);
}

int chain_describe(const struct unwind_description *from,
		   const struct unwind_description *script, struct call_chain *out)
{
	struct call_chain borrowed = {0}; /* its texts are those of the descriptions */
	size_t len = count_frames(from);
	int err;

	if (!len)
		return -EPROTO;
	len += count_frames(script);
	borrowed.frames = calloc(len, sizeof(*borrowed.frames));
	if (!borrowed.frames)
		return -ENOMEM;
	merge(&borrowed, from, script);
	err = chain_copy(&borrowed, out);
	free(borrowed.frames);
	return err;
}

enum call_chain_end chain_end(const struct stack_chain *chain)
{
	if (chain->script && chain->script->flags & FDW_SCRIPT_CUT)
		return CALL_CHAIN_CUT;
	switch (chain->end) {
	case UNWIND_END_COMPLETE:
		return CALL_CHAIN_COMPLETE;
	case UNWIND_END_CUT:
	case UNWIND_END_LENGTH:
		return CALL_CHAIN_CUT;
	case UNWIND_END_LOST:
		break;
	}
	return CALL_CHAIN_LOST;
}
