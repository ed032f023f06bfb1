// SPDX-License-Identifier: GPL-2.0-or-later
#include "unwind/unwinder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guard/helper.h"
#include "unwind/files.h"

struct unwinder {
	pid_t pid; /* of whom it is about */
	uid_t uid;
	uint64_t memory;
	struct helper child, opener;
	unsigned starts;
	struct unwind_stack question;
};

static const struct helper_patience patience = {UNWINDER_CPU_MS, UNWINDER_PATIENCE_MS};

/* ---- the child ---- */

static void end_child(struct unwinder *u)
{
	helper_end(&u->child);
	helper_end(&u->opener);
}

/* Two of them: one that opens files, and one that reads what it is handed. */
static int start_child(struct unwinder *u)
{
	char pid[16], memory[24];
	const char *const of_opener[] = {FILES_OPENER_COMMAND, pid, NULL};
	const char *const of_child[] = {UNWIND_CHILD_COMMAND, pid, memory, NULL};
	int err;

	if (u->starts == UNWINDER_STARTS_MAX)
		return -ECHILD;
	u->starts++;
	snprintf(pid, sizeof(pid), "%d", u->pid);
	snprintf(memory, sizeof(memory), "%llu", (unsigned long long)u->memory);
	err = helper_start(&u->opener, u->uid, of_opener, -1);
	if (!err)
		err = helper_start(&u->child, u->uid, of_child, u->opener.socket);
	if (err)
		end_child(u);
	return err;
}

/* Sends a question and takes the answer, of `room` bytes at the most. What goes wrong
 * ends the child. */
static int ask(struct unwinder *u, const struct unwind_header *question,
	       struct unwind_header *answer, size_t room)
{
	ssize_t got = helper_ask(&u->child, question, question->size, answer, room,
				 &patience);
	int err = got < 0 ? (int)got : 0;

	if (!err && ((size_t)got < sizeof(*answer) || answer->size != (size_t)got ||
		     answer->type != question->type))
		err = -EPROTO;
	if (err)
		end_child(u);
	return err;
}

static int prepare(struct unwinder *u, char *why, size_t why_size)
{
	struct unwind_header question = {UNWIND_PREPARE, sizeof(question)};
	struct unwind_prepared answer;
	int err;

	err = start_child(u);
	if (err) {
		snprintf(why, why_size, "the unwinder can't be started: %s",
			 strerror(-err));
		return err;
	}
	err = ask(u, &question, &answer.header, sizeof(answer));
	if (!err && answer.header.size != sizeof(answer)) {
		err = -EPROTO;
		end_child(u);
	}
	if (err) {
		snprintf(why, why_size, "the unwinder: %s",
			 err == -ETIMEDOUT ? "reading the program takes too long"
			 : err == -EPIPE   ? "it has crashed on the program's files"
					   : strerror(-err));
		return err;
	}
	answer.text[sizeof(answer.text) - 1] = 0;
	snprintf(why, why_size, "%s", answer.text);
	if (answer.error)
		end_child(u);
	return answer.error < 0 ? answer.error : 0;
}

/* ---- questions ---- */

static int need_child(struct unwinder *u)
{
	char why[UNWIND_ERROR_MAX];

	return u->child.pid ? 0 : prepare(u, why, sizeof(why));
}

int unwinder_restart(struct unwinder *u)
{
	end_child(u);
	u->starts = 0;
	return need_child(u);
}

static bool chain_is_whole(const struct unwind_chain *chain)
{
	if (chain->header.size < offsetof(struct unwind_chain, words) || !chain->len ||
	    chain->len > UNWIND_FRAMES_MAX || chain->words_len > UNWIND_WORDS_MAX)
		return false;
	return chain->header.size ==
	       offsetof(struct unwind_chain, words) +
		       chain->words_len * sizeof(struct unwind_word);
}

int unwinder_stack(struct unwinder *u, const struct fdw_stack *stack,
		   struct unwind_chain *out)
{
	struct unwind_stack *question = &u->question;
	int err = need_child(u);

	if (err)
		return err;
	memcpy(question->regs, stack->regs, sizeof(question->regs));
	question->flags = stack->flags;
	question->len =
		stack->len <= sizeof(question->bytes) ? stack->len : FDW_STACK_MAX;
	memcpy(question->bytes, stack->bytes, question->len);
	question->header.type = UNWIND_STACK;
	question->header.size =
		(uint32_t)offsetof(struct unwind_stack, bytes) + question->len;
	err = ask(u, &question->header, &out->header, sizeof(*out));
	return err ? err : chain_is_whole(out) ? 0 : -EPROTO;
}

int unwinder_describe(struct unwinder *u, const uint64_t *addresses, size_t len,
		      struct unwind_description *out)
{
	struct unwind_addresses question = {
		.header = {UNWIND_DESCRIBE, sizeof(question)}};
	int err = need_child(u);

	if (err)
		return err;
	if (len > UNWIND_FRAMES_MAX)
		len = UNWIND_FRAMES_MAX;
	question.len = (uint32_t)len;
	memcpy(question.addresses, addresses, len * sizeof(*addresses));
	err = ask(u, &question.header, &out->header, sizeof(*out));
	if (!err && out->header.size < offsetof(struct unwind_description, frames))
		err = -EPROTO;
	return err;
}

int unwinder_python(struct unwinder *u, struct fdw_python_layout *layout, char *text,
		    size_t text_size)
{
	struct unwind_header question = {UNWIND_PYTHON, sizeof(question)};
	struct unwind_python answer = {0};
	int err = need_child(u);

	if (!err)
		err = ask(u, &question, &answer.header, sizeof(answer));
	if (!err && answer.header.size != sizeof(answer))
		err = -EPROTO;
	if (err) {
		snprintf(text, text_size, "it takes too long to read");
		return err;
	}
	answer.text[sizeof(answer.text) - 1] = 0;
	snprintf(text, text_size, "%s", answer.text);
	*layout = answer.layout;
	return answer.error < 0 ? answer.error : 0;
}

int unwinder_script(struct unwinder *u, const struct fdw_script *script,
		    struct unwind_description *out)
{
	struct unwind_script question = {.header = {UNWIND_SCRIPT, sizeof(question)}};
	int err = need_child(u);

	if (err)
		return err;
	question.len =
		script->len < FDW_SCRIPT_FRAMES ? script->len : FDW_SCRIPT_FRAMES;
	memcpy(question.frames, script->frames,
	       question.len * sizeof(question.frames[0]));
	err = ask(u, &question.header, &out->header, sizeof(*out));
	if (!err && out->header.size < offsetof(struct unwind_description, frames))
		err = -EPROTO;
	return err;
}

bool unwind_description_next(const struct unwind_description *description, size_t *at,
			     struct unwind_described *out)
{
	const char **texts[] = {&out->function, &out->module, &out->file,
				&out->build_id};
	size_t size =
		description->header.size - offsetof(struct unwind_description, frames);
	const char *text = description->frames + *at + sizeof(struct unwind_frame);
	struct unwind_frame frame;

	if (size > sizeof(description->frames) || *at > size ||
	    size - *at < sizeof(frame))
		return false;
	memcpy(&frame, description->frames + *at, sizeof(frame));
	for (int i = 0; i < 4; i++) {
		if (!frame.lens[i] ||
		    frame.lens[i] > (size_t)(description->frames + size - text) ||
		    text[frame.lens[i] - 1])
			return false;
		*texts[i] = text;
		text += frame.lens[i];
	}
	out->address = frame.address;
	out->offset = frame.offset;
	out->line = frame.line;
	out->inlined = frame.inlined;
	out->language = frame.language;
	*at = (size_t)(text - description->frames);
	return true;
}

/* ---- life ---- */

int unwinder_open(pid_t pid, uid_t uid, uint64_t memory, struct unwinder **out,
		  char *why, size_t why_size)
{
	struct unwinder *u = calloc(1, sizeof(*u));
	int err;

	if (!u) {
		snprintf(why, why_size, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	u->pid = pid;
	u->uid = uid;
	u->memory = memory ? memory : UNWIND_MEMORY_DEFAULT;
	err = prepare(u, why, why_size);
	if (err) {
		unwinder_close(u);
		return err;
	}
	*out = u;
	return 0;
}

void unwinder_close(struct unwinder *u)
{
	if (!u)
		return;
	end_child(u);
	free(u);
}
