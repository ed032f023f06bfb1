/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "output/view_ps.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "output/page.h"
#include "output/text.h"
#include "state/container_names.h"
#include "state/pod_names.h"

#define CELL_MAX    512
/* Where lines may be as long as they take, a command line still ends. */
#define COMMAND_MAX 4096
/* Columns that the command needs to say anything, where lines are bounded. */
#define COMMAND_MIN 12

enum column {
	PID,
	USER,
	NAME,
	SERVICE,
	USED,
	SOFT,
	HARD,
	USAGE,
	GROWTH,
	FLAGS,
	COMMAND,
	COLUMNS
};

static const struct {
	const char *title;
	int max; /* columns wide at the most; 0: as it takes */
	bool right;
} columns[COLUMNS] = {
	[PID] = {"PID", 0, true},          [USER] = {"USER", 12, false},
	[NAME] = {"NAME", 15, false},      [SERVICE] = {"SERVICE", 28, false},
	[USED] = {"USED", 0, true},        [SOFT] = {"SOFT", 0, true},
	[HARD] = {"HARD", 0, true},        [USAGE] = {"USE%", 0, true},
	[GROWTH] = {"GROW/S", 0, true},    [FLAGS] = {"FLAGS", 0, false},
	[COMMAND] = {"COMMAND", 0, false},
};

struct table {
	const struct view_ps *view;
	const struct view_ps_style *style;
	FILE *out;
	int width[COLUMNS]; /* 0: not shown */
	/* the names of users seen so far; sorted by nothing, as they are few */
	struct {
		uid_t uid;
		char name[48];
	} * users;
	size_t users_len;
};

/* ---- cells ---- */

static const char *user_name(struct table *table, uid_t uid)
{
	struct passwd *entry;
	void *more;
	size_t i;

	for (i = 0; i < table->users_len; i++) {
		if (table->users[i].uid == uid)
			return table->users[i].name;
	}
	more = realloc(table->users, (i + 1) * sizeof(*table->users));
	if (!more)
		return "?";
	table->users = more;
	table->users_len = i + 1;
	table->users[i].uid = uid;
	entry = getpwuid(uid);
	if (entry)
		snprintf(table->users[i].name, sizeof(table->users[i].name), "%s",
			 entry->pw_name);
	else
		snprintf(table->users[i].name, sizeof(table->users[i].name), "%" PRIu32,
			 (uint32_t)uid);
	return table->users[i].name;
}

static void limit_cell(char *cell, bool known, uint64_t limit)
{
	if (!known)
		snprintf(cell, CELL_MAX, "-");
	else if (limit == UINT64_MAX)
		snprintf(cell, CELL_MAX, "none");
	else
		snprintf(cell, CELL_MAX, "%" PRIu64, limit);
}

/* In tenths of a percent. What is not full must not read as full. */
static unsigned permille(const struct alert_fd *fd)
{
	double share = fd->soft_limit ? (double)fd->used / (double)fd->soft_limit : 1;
	unsigned rounded = (unsigned)(share * 1000 + 0.5);

	return rounded >= 1000 && fd->used < fd->soft_limit ? 999 : rounded;
}

static bool has_usage(const struct alert_fd *fd)
{
	return fd->known && fd->soft_limit != UINT64_MAX;
}

static void flags_cell(char *cell, const struct alert_fd *fd)
{
	int len = 0;

	cell[0] = '\0';
	if (fd->sealed)
		len += snprintf(cell + len, CELL_MAX - (size_t)len, "sealed,");
	if (fd->seal_unsure)
		len += snprintf(cell + len, CELL_MAX - (size_t)len, "sealed?,");
	if (fd->managed)
		len += snprintf(cell + len, CELL_MAX - (size_t)len, "managed,");
	if (fd->effective_limit && fd->effective_limit < fd->soft_limit)
		len += snprintf(cell + len, CELL_MAX - (size_t)len,
				"takes:%" PRIu64 ",", fd->effective_limit);
	if (fd->thread)
		len += snprintf(cell + len, CELL_MAX - (size_t)len,
				"thread:%" PRIu32 ",", fd->thread);
	if (fd->tables > 1)
		len += snprintf(cell + len, CELL_MAX - (size_t)len,
				"tables:%" PRIu32 ",", fd->tables);
	if (fd->shared_with)
		len += snprintf(cell + len, CELL_MAX - (size_t)len,
				"shared:%" PRIu32 ",", fd->shared_with);
	if (fd->torn)
		len += snprintf(cell + len, CELL_MAX - (size_t)len, "torn,");
	if (len > 0)
		cell[len - 1] = '\0';
}

/* A cell that is made of numbers and words of ours; the strings of processes are
 * pointed to instead. */
static const char *cell_text(struct table *table, const struct view_ps_row *row,
			     enum column column, char cell[CELL_MAX])
{
	const struct identity *who = row->who;
	const struct alert_fd *fd = row->fd;
	struct pod_names pod = {0};
	struct container_names own = {0};

	snprintf(cell, CELL_MAX, "-");
	switch (column) {
	case PID:
		snprintf(cell, CELL_MAX, "%d", (int)who->pid);
		break;
	case USER:
		return who->uid == (uid_t)-1 ? cell : user_name(table, who->uid);
	case NAME:
		return who->comm[0] ? who->comm : cell;
	case SERVICE:
		if (who->service)
			return who->service;
		if (pod_names_find(who, &pod)) {
			snprintf(cell, CELL_MAX, "%s/%s", pod.name_space, pod.pod);
			return cell;
		}
		if (container_names_find(who, &own)) {
			snprintf(cell, CELL_MAX, "%s", own.name);
			return cell;
		}
		return who->container_id ? who->container_id : cell;
	case USED:
		limit_cell(cell, fd->known, fd->used);
		break;
	case SOFT:
		limit_cell(cell, fd->known, fd->soft_limit);
		break;
	case HARD:
		limit_cell(cell, fd->known, fd->hard_limit);
		break;
	case USAGE:
		if (has_usage(fd))
			snprintf(cell, CELL_MAX, "%u.%u", permille(fd) / 10,
				 permille(fd) % 10);
		break;
	case GROWTH:
		if (fd->growth_known)
			/* not "-0.0" */
			snprintf(cell, CELL_MAX, "%.1f",
				 fabs(fd->growth_per_s) < 0.05 ? 0 : fd->growth_per_s);
		break;
	case FLAGS:
		flags_cell(cell, fd);
		break;
	case COMMAND:
		if (who->command_line)
			return who->command_line;
		return who->executable ? who->executable : cell;
	case COLUMNS:
		break;
	}
	return cell;
}

/* ---- layout ---- */

/* Columns that a text takes on the screen, at most `max`: what is left of them is
 * what it would be padded with. */
static int columns_of(const struct table *table, const char *text, int max)
{
	char safe[CELL_MAX * 20];
	size_t plain =
		text_terminal(safe, sizeof(safe), text, max, 0, table->style->utf8);
	size_t padded =
		text_terminal(safe, sizeof(safe), text, max, 1, table->style->utf8);

	return max - (int)(padded - plain);
}

static void widen(struct table *table, enum column column, const char *text)
{
	int max = columns[column].max ? columns[column].max : CELL_MAX;
	int width = columns_of(table, text, max);

	if (width > table->width[column])
		table->width[column] = width;
}

static bool wanted(const struct view_ps *view, enum column column)
{
	char flags[CELL_MAX];
	size_t i;

	if (column != SERVICE && column != GROWTH && column != FLAGS)
		return true;
	for (i = 0; i < view->len; i++) {
		const struct view_ps_row *row = &view->rows[i];

		if (column == SERVICE && (row->who->service || row->who->container_id))
			return true;
		if (column == GROWTH && row->fd->growth_known)
			return true;
		flags_cell(flags, row->fd);
		if (column == FLAGS && flags[0])
			return true;
	}
	return false;
}

/* Columns that a line takes before the command. */
static int width_before_command(const struct table *table)
{
	int width = 0;
	enum column column;

	for (column = 0; column < COMMAND; column++)
		width += table->width[column] ? table->width[column] + 1 : 0;
	return width;
}

static void lay_out(struct table *table)
{
	char cell[CELL_MAX];
	enum column column;
	size_t i;
	int rest;

	for (column = 0; column < COMMAND; column++) {
		if (!wanted(table->view, column))
			continue;
		table->width[column] = (int)strlen(columns[column].title);
		for (i = 0; i < table->view->len; i++)
			widen(table, column,
			      cell_text(table, &table->view->rows[i], column, cell));
	}
	if (table->style->width <= 0) {
		table->width[COMMAND] = COMMAND_MAX;
		return;
	}
	/* Too narrow for all: the command says more than the service, and both
	 * less than the figures. */
	if (table->style->width - width_before_command(table) < COMMAND_MIN)
		table->width[SERVICE] = 0;
	rest = table->style->width - width_before_command(table);
	table->width[COMMAND] = rest >= COMMAND_MIN ? rest : 0;
}

/* ---- printing ---- */

static void print_cell(struct table *table, enum column column, const char *text)
{
	char safe[COMMAND_MAX * 3 + 1];
	int width = table->width[column];
	bool last = column == COMMAND;

	text_terminal(safe, sizeof(safe), text, width, !last && !columns[column].right,
		      table->style->utf8);
	/* what is right-aligned is ours, and ASCII */
	fprintf(table->out, "%*s", columns[column].right ? width : 0, safe);
}

static void print_head(struct table *table)
{
	enum column column;
	const char *gap = "";

	if (table->style->colour)
		fputs("\033[1m", table->out);
	for (column = 0; column < COLUMNS; column++) {
		if (table->width[column] == 0)
			continue;
		fputs(gap, table->out);
		print_cell(table, column, columns[column].title);
		gap = " ";
	}
	if (table->style->colour)
		fputs("\033[0m", table->out);
	fputc('\n', table->out);
}

/* How the share is coloured: at the levels that alerts have by default. */
static const char *colour_of(const struct alert_fd *fd)
{
	if (!has_usage(fd) || fd->sealed)
		return NULL;
	if (permille(fd) >= 950)
		return "\033[1;31m";
	return permille(fd) >= 800 ? "\033[33m" : NULL;
}

static void print_row(struct table *table, const struct view_ps_row *row)
{
	const char *colour, *gap = "";
	char cell[CELL_MAX];
	enum column column;

	for (column = 0; column < COLUMNS; column++) {
		if (table->width[column] == 0)
			continue;
		fputs(gap, table->out);
		gap = " ";
		colour = column == USAGE && table->style->colour ? colour_of(row->fd)
								 : NULL;
		if (colour)
			fputs(colour, table->out);
		print_cell(table, column, cell_text(table, row, column, cell));
		if (colour)
			fputs("\033[0m", table->out);
	}
	fputc('\n', table->out);
}

/* ---- the lines below ---- */

static const char *es(uint64_t count)
{
	return count == 1 ? "" : "es";
}

#define LINE_MIN 40 /* of a page */

/* Folded where the screen is narrow. */
static void print_sentence(const struct table *table, const char *text)
{
	struct page page = {.out = table->out, .width = table->style->width};

	if (page.width >= LINE_MIN)
		page_text(&page, "", text);
	else
		fprintf(table->out, "%s\n", text);
}

static void print_system(const struct table *table)
{
	const struct alert_system *system = table->view->system;
	size_t shown = table->view->len, all = shown;
	char of[32] = "", files[96] = "", most[48] = "", line[256];

	if (table->view->all > shown) {
		all = table->view->all;
		snprintf(of, sizeof(of), "%zu of ", shown);
	}
	if (system->known && system->max < INT64_MAX)
		snprintf(most, sizeof(most), " of %" PRIu64, system->max);
	if (system->known)
		snprintf(files, sizeof(files),
			 "; the system has %" PRIu64 "%s files open", system->allocated,
			 most);
	if (system->nr_open)
		snprintf(most, sizeof(most), "; fs.nr_open is %" PRIu64,
			 system->nr_open);
	snprintf(line, sizeof(line), "%s%zu process%s%s%s", of, all, es(all), files,
		 system->nr_open ? most : "");
	print_sentence(table, line);
}

static void print_unseen(const struct table *table)
{
	const struct view_ps *view = table->view;
	uint64_t denied = 0, torn = 0;
	size_t i;

	for (i = 0; i < view->len; i++) {
		denied += view->rows[i].who->denied;
		torn += view->rows[i].fd->torn;
	}
	if (denied)
		fprintf(table->out,
			"%" PRIu64 " process%s executable%s not readable: needs "
			"CAP_SYS_PTRACE\n",
			denied, denied == 1 ? "'s" : "es'", denied == 1 ? "" : "s");
	if (torn)
		fprintf(table->out,
			"%" PRIu64 " table%s changed while read, each time: the count "
			"may be off by one (torn)\n",
			torn, torn == 1 ? "" : "s");
	if (view->unread)
		fprintf(table->out, "%" PRIu64 " process%s could not be read\n",
			view->unread, es(view->unread));
	if (view->lost)
		fprintf(table->out,
			"%" PRIu64 " record%s found no room: the list is not whole\n",
			view->lost, view->lost == 1 ? "" : "s");
}

int view_ps_table(const struct view_ps *view, const struct view_ps_style *style,
		  FILE *out)
{
	struct table table = {.view = view, .style = style, .out = out};
	size_t i;

	lay_out(&table);
	print_head(&table);
	for (i = 0; i < view->len; i++)
		print_row(&table, &view->rows[i]);
	print_system(&table);
	print_unseen(&table);
	free(table.users);
	if (fflush(out) != 0)
		return -errno;
	return ferror(out) ? -EIO : 0;
}
