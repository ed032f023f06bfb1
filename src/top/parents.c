// SPDX-License-Identifier: GPL-2.0-or-later
/* The tree of processes by their parents. */
#include <string.h>

#include "top/model_impl.h"

/* Its parent among the lines. One that began later was given the number anew; so there is no
 * circle, whatever numbers a snapshot has put together. NULL: it is at the top. */
static struct model_process *parent_of(const struct model *m,
				       const struct model_process *p)
{
	struct model_process *parent = model_process_find(m, p->item.who->ppid);

	if (!parent || parent->round != m->round)
		return NULL;
	if (parent->start_ns != p->start_ns)
		return parent->start_ns < p->start_ns ? parent : NULL;
	return parent->pid < p->pid ? parent : NULL;
}

static void append(struct model_process *above, struct model_process *p)
{
	if (above->last_below)
		above->last_below->beside = p;
	else
		above->first_below = p;
	above->last_below = p;
}

/* With those above it that have no place yet. Processes come in their order: so of neighbours
 * that one is first which has the first of all beneath it. */
static void place(struct model *m, struct model_process *top, struct model_process *p)
{
	while (p && !p->placed) {
		p->placed = true;
		p->above = parent_of(m, p);
		append(p->above ? p->above : top, p);
		p = p->above;
	}
}

void parents_make(struct model *m, size_t len)
{
	struct model_process top, *p;
	unsigned depth = 0;

	memset(&top, 0, sizeof(top));
	for (size_t i = 0; i < len; i++)
		place(m, &top, m->sorted[i].process);
	p = top.first_below;
	while (p) {
		lines_add(m, &p->item, depth);
		if (p->first_below) {
			p = p->first_below;
			depth++;
			continue;
		}
		while (p && !p->beside) {
			p = p->above;
			depth -= depth > 0;
		}
		p = p ? p->beside : NULL;
	}
}
