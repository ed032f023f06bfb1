// SPDX-License-Identifier: GPL-2.0-or-later
/* Raising a process's soft limit from the view, after a question. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/remedy.h"
#include "top/view_impl.h"

void raise_ask(struct view *view, const struct item *item)
{
	struct raising *r = &view->raising;
	uint64_t soft, hard;

	if (!item || !item->fd->known) {
		view_note(view, "it has ended");
		return;
	}
	r->pid = item->who->pid;
	r->start_ns = item->who->start_ns;
	process_name(item, r->name);
	soft = item->fd->soft_limit;
	hard = item->fd->hard_limit;
	if (soft >= hard) {
		view_note(view,
			  "its soft limit is as high as its hard limit, %" PRIu64
			  "; its page says where that is set",
			  hard);
		return;
	}
	r->to = soft > hard / 2 ? hard : soft ? 2 * soft : 1;
	view->prompt = PROMPT_RAISE;
	snprintf(view->question, sizeof(view->question),
		 "Raise the soft limit of %s from %" PRIu64 " to %" PRIu64
		 ", until it ends? (y/n)",
		 r->name, soft, r->to);
}

void raise_do(struct view *view)
{
	const struct raising *r = &view->raising;
	uint64_t before, hard;
	int err = remedy_set_soft_limit(r->pid, r->start_ns, r->to, &before, &hard);

	view->process.asked_ns = 0;
	switch (err) {
	case 0:
		source_tell_raised(view->source, r->pid, before, r->to);
		view_note(view, "%s: soft limit %" PRIu64 " -> %" PRIu64, r->name,
			  before, r->to);
		break;
	case -EPERM:
		view_note(view, "not raised: it is another user's process: begin top "
				"with sudo");
		break;
	case -ESRCH:
		view_note(view, "%s has ended", r->name);
		break;
	case -EALREADY:
		view_note(view, "its soft limit is %" PRIu64 " by now", before);
		break;
	default:
		view_note(view, "not raised: %s", strerror(-err));
	}
}
