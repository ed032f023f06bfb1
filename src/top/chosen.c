// SPDX-License-Identifier: GPL-2.0-or-later
/* The list's columns, order and grouping as they were saved, and saving them. */
#include <stdio.h>
#include <string.h>

#include "top/view_impl.h"

static void apply(struct view *view, const struct setting *set, bool sort)
{
	memcpy(view->wanted, set->wanted, sizeof(view->wanted));
	model_group(view->model, set->tree);
	if (sort)
		model_sort(view->model, set->sort, set->descending);
}

/* The first one is how the view begins. A file that can't be read is said, and no reason not
 * to show anything. */
void chosen_load(struct view *view)
{
	char why[NOTE_MAX];

	if (settings_load(view->settings, why, sizeof(why)))
		view_note(view, "no saved setting: %s", why);
	if (view->settings[0].saved)
		apply(view, &view->settings[0], !view->options.sort_given);
}

void chosen_take(struct view *view, size_t which)
{
	if (view->settings[which].saved) {
		apply(view, &view->settings[which], true);
		view_note(view, "setting %zu", which + 1);
	} else {
		view_note(view,
			  "there is no setting %zu yet: w saves columns, order and "
			  "grouping",
			  which + 1);
	}
}

void chosen_ask(struct view *view)
{
	view->prompt = PROMPT_SAVE;
	snprintf(view->question, sizeof(view->question),
		 "Save columns, order and grouping as setting 1 or 2? (Enter: 1, Esc: "
		 "no)");
}

void chosen_save(struct view *view, size_t which)
{
	struct setting *set = &view->settings[which], before = *set;
	char path[NOTE_MAX], why[NOTE_MAX];

	set->saved = true;
	memcpy(set->wanted, view->wanted, sizeof(set->wanted));
	set->sort = model_sorted_by(view->model, &set->descending);
	set->tree = model_grouped_by(view->model);
	if (settings_save(view->settings, path, sizeof(path), why, sizeof(why))) {
		*set = before;
		view_note(view, "not saved: %s", why);
	} else {
		view_note(view, "saved in %s; key %zu, %s", path, which + 1,
			  which ? "and not at the start" : "and at each start");
	}
}
