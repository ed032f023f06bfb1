// SPDX-License-Identifier: GPL-2.0-or-later
#include "output/view_inspect.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define GROUPS_SHOWN 15
#define LINE_MAX_LEN 8192

/* ---- who, and how full ---- */

static void print_who(const struct view_inspect *view, const struct page *page)
{
	const struct identity *who = view->who;
	char line[LINE_MAX_LEN];
	int len;

	len = snprintf(line, sizeof(line), "%s[%d]", who->comm[0] ? who->comm : "?",
		       (int)who->pid);
	if (who->service)
		len += snprintf(line + len, sizeof(line) - (size_t)len, ", unit %.256s",
				who->service);
	if (who->container_id)
		len += snprintf(line + len, sizeof(line) - (size_t)len,
				", container %.12s", who->container_id);
	if (view->user)
		len += snprintf(line + len, sizeof(line) - (size_t)len, ", user %.64s",
				view->user);
	else if (who->uid != (uid_t)-1)
		len += snprintf(line + len, sizeof(line) - (size_t)len, ", uid %u",
				(unsigned int)who->uid);
	if (view->fd->thread)
		snprintf(line + len, sizeof(line) - (size_t)len,
			 ", table of thread %" PRIu32, view->fd->thread);
	page_colour(page, PAGE_BOLD);
	page_line(page, "", line);
	page_colour(page, PAGE_PLAIN);
	if (who->command_line)
		page_line(page, "  ", who->command_line);
	else if (who->executable)
		page_line(page, "  ", who->executable);
}

static bool limited(const struct alert_fd *fd)
{
	return fd->known && fd->soft_limit != UINT64_MAX;
}

/* In whole percent. What is not full must not read as full. */
static unsigned percent(const struct alert_fd *fd)
{
	double share = fd->soft_limit ? (double)fd->used / (double)fd->soft_limit : 1;
	unsigned rounded = (unsigned)(share * 100 + 0.5);

	return rounded >= 100 && fd->used < fd->soft_limit ? 99 : rounded;
}

static void print_bar(const struct alert_fd *fd, const struct page *page)
{
	int cells = page->width > 64 ? 60 : page->width - 4;
	int full = (int)((double)percent(fd) * cells / 100);

	fputs("  [", page->out);
	if (!fd->sealed)
		page_colour(page, percent(fd) >= 95   ? PAGE_RED
				  : percent(fd) >= 80 ? PAGE_YELLOW
						      : PAGE_PLAIN);
	for (int i = 0; i < cells; i++)
		fputc(i < full ? '#' : '.', page->out);
	page_colour(page, PAGE_PLAIN);
	fputs("]\n", page->out);
}

static void print_growth(const struct view_inspect *view, const struct page *page)
{
	const struct alert_fd *fd = view->fd;
	double seconds = (double)view->growth_over_ns / 1e9;
	char line[256], full_in[ALERT_FULL_IN_MAX];
	int len;

	if (!fd->growth_known)
		return;
	if (!view->growth_over_ns && fd->growth_per_s != 0)
		len = snprintf(line, sizeof(line), "%+.2f a second", fd->growth_per_s);
	else if (!view->growth_over_ns)
		len = snprintf(line, sizeof(line), "no growth");
	else if (fd->growth_per_s == 0)
		len = snprintf(line, sizeof(line), "no growth in %.2f s", seconds);
	else
		len = snprintf(line, sizeof(line), "%+.0f in %.2f s",
			       fd->growth_per_s * seconds, seconds);
	alert_full_in(fd->exhausted_in_s, full_in, sizeof(full_in));
	if (fd->exhaustion_known)
		snprintf(line + len, sizeof(line) - (size_t)len, ": at this rate %s",
			 full_in);
	page_text(page, "  ", line);
}

/* So lately refused, it goes on. */
#define REFUSED_NOW_NS 3000000000ull
#define CALLS_SHOWN    5

/* "4 min" */
static const char *ago(uint64_t now_ns, uint64_t then_ns, char text[32])
{
	double s = now_ns > then_ns ? (double)(now_ns - then_ns) / 1e9 : 0;

	if (s < 120)
		snprintf(text, 32, "%.0f s", s);
	else if (s < 7200)
		snprintf(text, 32, "%.0f min", s / 60);
	else
		snprintf(text, 32, "%.0f h", s / 3600);
	return text;
}

/* Names of calls are ours. What has an error of its own is told with it. */
static void print_calls(const struct alert_fd *fd, FILE *out)
{
	const char *comma = "";

	for (size_t i = 0; i < fd->refused_len && i < CALLS_SHOWN; i++) {
		const struct alert_refusal *refused = &fd->refused[i];
		const char *error = strerrorname_np(refused->error);

		fprintf(out, "%s%s %" PRIu64, comma, refused->call, refused->count);
		if (refused->error != EMFILE && error)
			fprintf(out, " %s", error);
		comma = ", ";
	}
	if (fd->refused_len > CALLS_SHOWN)
		fputs(", …", out);
}

static void print_refusals(const struct view_inspect *view, FILE *out)
{
	const struct alert_fd *fd = view->fd;
	uint64_t calls = fd->refused_emfile + fd->refused_enfile + fd->refused_other;
	uint64_t now_ns = view->realtime_ns;
	bool goes_on =
		fd->refused_last_ns && now_ns < fd->refused_last_ns + REFUSED_NOW_NS;
	char first[32], last[32];

	if (goes_on && fd->refused_per_s >= 1)
		fprintf(out, "Calls are being refused, about %.0f a second: ",
			fd->refused_per_s);
	else if (goes_on)
		fputs("Calls are being refused: ", out);
	fprintf(out, "%s%" PRIu64 "%s", fd->refused_inexact ? "at least " : "", calls,
		goes_on      ? ""
		: calls == 1 ? " call was refused"
			     : " calls were refused");
	if (goes_on && fd->refused_first_ns)
		fprintf(out, " in %s", ago(now_ns, fd->refused_first_ns, first));
	fputs(" (", out);
	print_calls(fd, out);
	fputc(')', out);
	if (!goes_on && fd->refused_last_ns && calls == 1)
		fprintf(out, ", %s ago", ago(now_ns, fd->refused_last_ns, last));
	else if (!goes_on && fd->refused_last_ns && fd->refused_first_ns)
		fprintf(out, ", the first %s ago, the last %s ago",
			ago(now_ns, fd->refused_first_ns, first),
			ago(now_ns, fd->refused_last_ns, last));
	fputc('.', out);
}

/* What full means, too, where nobody counts. */
static void print_refused(const struct view_inspect *view, const struct page *page)
{
	const struct alert_fd *fd = view->fd;
	bool full = limited(fd) && fd->used >= fd->soft_limit && !fd->sealed;
	char *text = NULL;
	size_t size;
	FILE *out;

	if (fd->refused_emfile + fd->refused_enfile + fd->refused_other == 0) {
		if (full)
			page_text(page, "  ",
				  fd->refused_known
					  ? "It is full: the next call that opens a "
					    "descriptor is refused; none was so far."
					  : "It is full: each call that opens a "
					    "descriptor is refused (EMFILE). How many "
					    "were, and since when, a running daemon "
					    "counts.");
		return;
	}
	out = open_memstream(&text, &size);
	if (!out)
		return;
	print_refusals(view, out);
	if (!fclose(out) && text) {
		page_colour(page, PAGE_RED);
		page_text(page, "  ", text);
		page_colour(page, PAGE_PLAIN);
	}
	free(text);
}

static void print_table(const struct view_inspect *view, const struct page *page)
{
	const struct alert_fd *fd = view->fd;
	char line[256];
	int len;

	fputc('\n', page->out);
	if (!limited(fd)) {
		snprintf(line, sizeof(line), "%" PRIu64 " descriptors open, no limit",
			 fd->count);
		page_text(page, "  ", line);
		return;
	}
	len = snprintf(line, sizeof(line),
		       "%" PRIu64 " of %" PRIu64 " descriptors open (%u%%)", fd->used,
		       fd->soft_limit, percent(fd));
	if (fd->hard_limit == UINT64_MAX)
		len += snprintf(line + len, sizeof(line) - (size_t)len,
				", no hard limit");
	else
		len += snprintf(line + len, sizeof(line) - (size_t)len,
				", hard limit %" PRIu64, fd->hard_limit);
	if (fd->count > fd->used)
		snprintf(line + len, sizeof(line) - (size_t)len,
			 ", %" PRIu64 " more above the limit", fd->count - fd->used);
	page_text(page, "  ", line);
	print_bar(fd, page);
	if (fd->sealed)
		page_text(page, "  ",
			  "More is open than its limit allows: it lowered the limit "
			  "on purpose, as sandboxes do. It counts as sealed, and is "
			  "alerted only if it goes on being refused.");
	if (fd->seal_unsure)
		page_text(page, "  ",
			  "It is full and holds some above its limit, or it lowered "
			  "the limit on purpose, as sandboxes do. One look can't "
			  "tell; a daemon that saw it fill can.");
	print_growth(view, page);
	print_refused(view, page);
	if (fd->tables > 1) {
		snprintf(line, sizeof(line),
			 "It has %" PRIu32 " tables; this is the fullest.", fd->tables);
		page_text(page, "  ", line);
	}
	if (fd->shared_with) {
		snprintf(line, sizeof(line),
			 "The table is shared with %" PRIu32 " other processes.",
			 fd->shared_with);
		page_text(page, "  ", line);
	}
}

/* ---- what it is ---- */

static int digits_of(uint64_t value)
{
	return snprintf(NULL, 0, "%" PRIu64, value);
}

/* "42%"; what is not all must not read as all, nor what is there as nothing. */
static void share_text(uint64_t count, uint64_t total, char text[8])
{
	unsigned rounded =
		total ? (unsigned)(100.0 * (double)count / (double)total + 0.5) : 0;

	if (!rounded)
		snprintf(text, 8, "%s", count ? "<1%" : "0%");
	else
		snprintf(text, 8, "%u%%",
			 rounded >= 100 && count < total ? 99 : rounded % 1000);
}

static void print_types(const struct inventory *inventory, const struct page *page)
{
	uint64_t total = inventory_total(inventory);
	const struct inventory_count *counts;
	int digits = digits_of(total);
	char line[LINE_MAX_LEN], share[8];
	size_t len;

	counts = inventory_counts(inventory, &len);
	page_heading(page, "What is open");
	for (size_t i = 0; i < len; i++) {
		share_text(counts[i].count, total, share);
		snprintf(line, sizeof(line), "%*" PRIu64 "  %4s  %s", digits,
			 counts[i].count, share, counts[i].type);
		page_line(page, "  ", line);
	}
}

/* Groups are told apart from the kinds only where there is more to say. */
static void print_groups(const struct inventory *inventory, const struct page *page)
{
	uint64_t total = inventory_total(inventory), rest = total;
	const struct inventory_group *groups;
	char text[LINE_MAX_LEN], line[LINE_MAX_LEN];
	int digits = digits_of(total);
	size_t len;

	groups = inventory_groups(inventory, &len);
	page_heading(page, "Grouped");
	for (size_t i = 0; i < len && i < GROUPS_SHOWN; i++) {
		inventory_group_text(&groups[i], text, sizeof(text) - 32);
		/* the text begins with the count */
		snprintf(line, sizeof(line), "%*s%.8100s",
			 digits - digits_of(groups[i].count), "", text);
		page_line(page, "  ", line);
		rest -= groups[i].count;
	}
	if (rest) {
		snprintf(line, sizeof(line), "%*" PRIu64 " others", digits, rest);
		page_line(page, "  ", line);
	}
}

static void print_open(const struct explanation *why, const struct page *page)
{
	char line[256];

	if (!why->inventory)
		return;
	print_types(why->inventory, page);
	if (why->left_out) {
		snprintf(line, sizeof(line),
			 "and %" PRIu64 " more, which were not looked at",
			 why->left_out);
		page_text(page, "  ", line);
	}
	print_groups(why->inventory, page);
}

/* ---- what is wrong, which limit, what to change ---- */

static void print_diagnoses(const struct explanation *why, const struct page *page)
{
	page_heading(page, "What is wrong");
	if (!why->inventory) {
		page_text(page, "  Not known: ", why->unexplained);
		return;
	}
	if (!why->diagnoses_len)
		page_text(page, "  ", "No clear cause.");
	for (size_t i = 0; i < why->diagnoses_len; i++) {
		const struct diagnosis *diagnosis = &why->diagnoses[i];

		page_text(page, diagnosis->leak ? "  Leak: " : "  ", diagnosis->text);
		page_colour(page, PAGE_DIM);
		page_text(page, "    Seen: ", diagnosis->proof);
		page_colour(page, PAGE_PLAIN);
	}
}

static void print_limit(const struct explanation *why, const struct page *page)
{
	const struct origin *origin = &why->origin;
	char line[LINE_MAX_LEN];

	if (!why->origin_known)
		return;
	page_heading(page, "Which limit, and where it is set");
	if (origin->evidence)
		page_text(page, "  ", origin->evidence);
	else
		page_text(page, "  ", origin_kind_name(origin->kind));
	if (origin->file && origin->line)
		snprintf(line, sizeof(line), "%.4096s:%" PRIu32, origin->file,
			 origin->line);
	else if (origin->file)
		snprintf(line, sizeof(line), "%.4096s", origin->file);
	if (origin->file)
		page_verbatim(page, "    ", line);
	if (origin->setting)
		page_verbatim(page, "    ", origin->setting);
}

/* Lines of a file or a command, as they are to be typed. */
static void print_verbatim_lines(const struct page *page, const char *lead,
				 const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");
		char *line = strndup(text, len);

		if (line)
			page_verbatim(page, lead, line);
		free(line);
		text += len + (text[len] == '\n');
	}
}

static void print_command(const struct page *page, const char *lead,
			  const struct command *command)
{
	char *text = command_shell_text(command);

	if (text)
		page_verbatim(page, lead, text);
	free(text);
}

static void print_inside(const struct page *page, const struct advice *advice)
{
	char line[LINE_MAX_LEN];

	if (!advice->container)
		return;
	snprintf(line, sizeof(line), "In the container %s%s%s", advice->container,
		 advice->container_runtime ? " of " : "",
		 advice->container_runtime ? advice->container_runtime : "");
	page_text(page, "     ", line);
	if (advice->enter.len)
		print_command(page, "       ", &advice->enter);
}

/* So soon full, "nothing" is no answer. */
#define SOON_S 300.0

static void print_no_advice(const struct view_inspect *view, const struct page *page)
{
	const struct alert_fd *fd = view->fd;
	const char *restart = view->why->origin.restart;
	char line[256], full_in[ALERT_FULL_IN_MAX];

	if (fd->exhaustion_known && fd->exhausted_in_s >= 0 &&
	    fd->exhausted_in_s < SOON_S) {
		alert_full_in(fd->exhausted_in_s, full_in, sizeof(full_in));
		snprintf(line, sizeof(line),
			 "Not known yet; but at this rate it is "
			 "%s. Inspect it again.",
			 full_in);
		page_text(page, "  ", line);
	} else {
		page_text(page, "  ", restart ? "Nothing right now." : "Nothing.");
	}
	if (restart)
		page_text(page, "  ", restart);
}

static void print_advice(const struct view_inspect *view, const struct page *page)
{
	const struct explanation *why = view->why;
	char lead[32];

	if (!why->origin_known)
		return;
	page_heading(page, "What to change");
	if (!why->advice_len)
		print_no_advice(view, page);
	for (size_t i = 0; i < why->advice_len; i++) {
		const struct advice *advice = &why->advice[i];

		snprintf(lead, sizeof(lead), "  %zu. ", i + 1);
		if (advice->text)
			page_text(page, lead, advice->text);
		if (advice->bandage)
			page_text(page, "     ", "It only puts off what leaks.");
		print_inside(page, advice);
		if (advice->file) {
			char file[LINE_MAX_LEN];

			snprintf(file, sizeof(file), "%s:", advice->file);
			page_verbatim(page, "     ", file);
		}
		if (advice->content)
			print_verbatim_lines(page, "       ", advice->content);
		if (advice->commands_len)
			page_text(page, "     ", "Commands:");
		for (size_t j = 0; j < advice->commands_len; j++)
			print_command(page, "       ", &advice->commands[j]);
	}
}

static void print_unseen(const struct view_inspect *view, const struct page *page)
{
	if (!view->unseen_len)
		return;
	page_heading(page, "What could not be seen");
	for (size_t i = 0; i < view->unseen_len; i++)
		page_text(page, "  - ", view->unseen[i]);
}

int view_inspect_page(const struct view_inspect *view, const struct page *page)
{
	print_who(view, page);
	print_table(view, page);
	print_open(view->why, page);
	print_diagnoses(view->why, page);
	print_limit(view->why, page);
	print_advice(view, page);
	print_unseen(view, page);
	if (fflush(page->out) != 0)
		return -errno;
	return ferror(page->out) ? -EIO : 0;
}
