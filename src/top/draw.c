// SPDX-License-Identifier: GPL-2.0-or-later
#include "top/draw.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "output/text.h"
#include "top/gauge.h"
#include "top/screen.h"

/* The header is in two columns from here on. */
#define WIDE         120
#define RIGHT        66 /* columns of its right one */
#define NARROW_RIGHT 18
#define LABEL        10
#define CHILD_MARK   2
#define NAME_LEAST   5

void draw_interval(uint64_t ns, char text[32])
{
	char span[COLUMN_CELL_LEN];

	if (ns % 1000000000u && ns < 10000000000ull) {
		snprintf(text, 32, "%.*fs", ns % 100000000u ? 2 : 1, (double)ns / 1e9);
		return;
	}
	column_span((double)ns / 1e9, span);
	snprintf(text, 32, "%.31s", span);
}

/* ---- title ---- */

static void clock_of(const struct roster *roster, char text[16])
{
	time_t seconds = roster ? (time_t)(roster->realtime_ns / 1000000000u) : 0;
	struct tm tm;

	if (!roster || !roster->number || !localtime_r(&seconds, &tm))
		snprintf(text, 16, "--:--:--");
	else
		strftime(text, 16, "%H:%M:%S", &tm);
}

/* Signs of ours, of one column each. */
static int columns_of(const char *text)
{
	int columns = 0;

	for (; *text; text++)
		columns += ((unsigned char)*text & 0xc0) != 0x80;
	return columns;
}

/* Source, sensor, interval and time: as much of it as there is room for. */
static void draw_title_right(const struct draw_status *status,
			     const struct roster *roster, int room)
{
	char texts[3][256], every[32], at[16];
	const char *dot = screen_utf8() ? "·" : "-";

	draw_interval(status->interval_ns, every);
	clock_of(roster, at);
	snprintf(texts[0], sizeof(texts[0]), "%s %s %s %s every %s %s %s",
		 status->source, dot, roster ? roster->self.sensor : "", dot, every,
		 dot, at);
	snprintf(texts[1], sizeof(texts[1]), "%s %s every %s %s %s", status->source,
		 dot, every, dot, at);
	snprintf(texts[2], sizeof(texts[2]), "%s", at);
	for (size_t i = roster && *roster->self.sensor && screen_width() >= 72 ? 0 : 1;
	     i < sizeof(texts) / sizeof(texts[0]); i++) {
		int columns = columns_of(texts[i]);

		if (columns > room)
			continue;
		screen_text(0, screen_width() - 1 - columns, columns, texts[i],
			    PAINT_PLAIN, GROUND_BAND);
		break;
	}
}

void draw_title(const char *left, const struct draw_status *status,
		const struct roster *roster)
{
	int width = screen_width(), from;

	screen_put(0, 0, width, "", PAINT_PLAIN, GROUND_BAND);
	from = 3 + screen_text(0, 1, width - 2, left, PAINT_STRONG, GROUND_BAND);
	if (status->paused && from + 10 < width) {
		screen_text(0, from, 10, " PAUSED ", PAINT_STRONG, GROUND_SELECTED);
		from += 9;
	}
	if (status->badge && from + 16 < width) {
		char badge[128];

		snprintf(badge, sizeof(badge), " %s ", status->badge);
		from += screen_text(0, from, width - from - 10, badge, PAINT_STRONG,
				    GROUND_SELECTED) +
			1;
	}
	draw_title_right(status, roster, width - 1 - from);
}

/* ---- header ---- */

int draw_header_height(void)
{
	return screen_height() < 14 ? 2 : screen_width() >= WIDE ? 3 : 4;
}

int draw_list_height(void)
{
	int height = screen_height() - draw_header_height() - 2;

	return height > 0 ? height : 0;
}

static enum paint files_paint(double share)
{
	return share >= 0.95  ? PAINT_EXHAUSTED
	       : share >= 0.8 ? PAINT_WARNING
			      : PAINT_OK;
}

static void draw_files(const struct roster *roster, int y, int width)
{
	const struct alert_system *system = &roster->system;
	char text[128];
	double share;
	int bar;

	screen_text(y, 1, LABEL, "Files", PAINT_ACCENT, GROUND_PLAIN);
	if (!system->known) {
		screen_text(y, LABEL, width - LABEL, "not known", PAINT_DIM,
			    GROUND_PLAIN);
		return;
	}
	if (system->max >= INT64_MAX) {
		snprintf(text, sizeof(text), "%" PRIu64 " open, of any number",
			 system->allocated);
		screen_text(y, LABEL, width - LABEL, text, PAINT_PLAIN, GROUND_PLAIN);
		return;
	}
	share = system->max ? (double)system->allocated / (double)system->max : 1;
	snprintf(text, sizeof(text), "%" PRIu64 " of %" PRIu64 " (%.1f%%)",
		 system->allocated, system->max,
		 share < 1 && share > 0.999 ? 99.9 : share * 100);
	bar = width - LABEL - 2 - (int)strlen(text);
	bar = bar > 40 ? 40 : bar;
	if (bar >= 4)
		screen_bar(y, LABEL, bar, share, files_paint(share), GROUND_PLAIN);
	screen_text(y, LABEL + (bar >= 4 ? bar + 1 : 0), width, text, PAINT_PLAIN,
		    GROUND_PLAIN);
}

/* Text after text. */
static int add(int y, int x, const char *text, enum paint paint)
{
	return x + screen_text(y, x, screen_width() - x, text, paint, GROUND_PLAIN);
}

static int add_number(int y, int x, const char *label, const char *value,
		      enum paint paint)
{
	x = add(y, x, label, PAINT_ACCENT);
	x = add(y, x, " ", PAINT_PLAIN);
	x = add(y, x, value, paint);
	return x + 3;
}

static int draw_processes(const struct model_totals *totals, int y, int x)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, totals->processes);
	return add_number(y, x, "Processes", text, PAINT_STRONG);
}

static void draw_descriptors(const struct model_totals *totals, int y, int x)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, totals->descriptors);
	if (x + 12 + (int)strlen(text) <= screen_width())
		add_number(y, x, "Descriptors", text, PAINT_STRONG);
}

static void draw_alerts(const struct roster *roster, const struct model_totals *totals,
			int y, int x)
{
	static const struct {
		int level;
		const char *sign, *word;
		enum paint paint;
	} levels[] = {
		{POLICY_LEVEL_EXHAUSTED, "X ", "exhausted", PAINT_EXHAUSTED},
		{POLICY_LEVEL_CRITICAL, "# ", "critical", PAINT_CRITICAL},
		{POLICY_LEVEL_WARNING, "! ", "warning", PAINT_WARNING},
		{POLICY_LEVEL_OK, "", "other limit", PAINT_WARNING},
	};
	char text[64];
	int from;

	screen_text(y, 1, LABEL, "Alerts", PAINT_ACCENT, GROUND_PLAIN);
	x = from = LABEL;
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		uint32_t count = roster->alerts[levels[i].level];

		if (!count)
			continue;
		snprintf(text, sizeof(text), "%s%" PRIu32 " %s", levels[i].sign, count,
			 levels[i].word);
		x = add(y, x, text, levels[i].paint) + 2;
	}
	if (totals->leaks) {
		snprintf(text, sizeof(text), "? %" PRIu64 " leak%s suspected",
			 totals->leaks, totals->leaks == 1 ? "" : "s");
		x = add(y, x, text, PAINT_WARNING) + 2;
	}
	if (x == from)
		x = add(y, x, "none", PAINT_OK) + 2;
	if (totals->sealed) {
		snprintf(text, sizeof(text), "= %" PRIu64 " sealed", totals->sealed);
		add(y, x, text, PAINT_DIM);
	}
}

static int draw_rates(const struct model_totals *totals, int y, int x)
{
	char cell[COLUMN_CELL_LEN], text[COLUMN_CELL_LEN + 40];
	enum paint refused = totals->refused_per_s > 0 ? PAINT_EXHAUSTED
			     : totals->refused         ? PAINT_CRITICAL
						       : PAINT_STRONG;

	column_rate(totals->opened_per_s, cell);
	snprintf(text, sizeof(text), "%s/s", totals->rates_known ? cell : "-");
	x = add_number(y, x, "Opened", text, PAINT_STRONG);
	column_rate(totals->closed_per_s, cell);
	snprintf(text, sizeof(text), "%s/s", totals->rates_known ? cell : "-");
	x = add_number(y, x, "Closed", text, PAINT_STRONG);
	column_rate(totals->refused_per_s, cell);
	snprintf(text, sizeof(text), "%s/s, %" PRIu64 " in all", cell, totals->refused);
	return add_number(y, x, "Refused", text, refused);
}

void draw_header(const struct model *model, const struct draw_status *status)
{
	const struct roster *roster = model_roster(model);
	const struct model_totals *totals = model_totals(model);
	int width = screen_width(), height = draw_header_height();
	char left[512];

	snprintf(left, sizeof(left), "fdwarden top  %s",
		 roster ? roster->host_name : "");
	draw_title(left, status, roster);
	if (!roster)
		return;
	if (height == 2) {
		draw_alerts(roster, totals, 1, 1);
		return;
	}
	if (height == 3) {
		draw_files(roster, 1, width - RIGHT - 2);
		draw_descriptors(totals, 1, draw_processes(totals, 1, width - RIGHT));
		draw_alerts(roster, totals, 2, 1);
		draw_rates(totals, 2, width - RIGHT);
		return;
	}
	draw_files(roster, 1, width - NARROW_RIGHT);
	draw_processes(totals, 1, width - NARROW_RIGHT + 1);
	draw_alerts(roster, totals, 2, 1);
	draw_descriptors(totals, 3, draw_rates(totals, 3, 1));
}

/* ---- the list ---- */

static void draw_titles(int y, const int widths[COLUMNS_LEN], enum column sorted,
			bool descending)
{
	int x = 0;

	screen_put(y, 0, screen_width(), "", PAINT_STRONG, GROUND_TRACK);
	for (int c = 0; c < COLUMNS_LEN; c++) {
		const struct column_info *info = column_info(c);
		enum paint paint = c == (int)sorted ? PAINT_WARNING : PAINT_STRONG;
		char title[32];
		const char *mark = "";

		if (!widths[c])
			continue;
		if (c == (int)sorted && (int)strlen(info->title) < widths[c])
			mark = screen_utf8() ? (descending ? "▾" : "▴")
					     : (descending ? "v" : "^");
		snprintf(title, sizeof(title), "%s%s", info->title, mark);
		if (info->right) {
			int len = (int)strlen(info->title) + (*mark != 0);
			int pad = widths[c] > len ? widths[c] - len : 0;

			screen_put(y, x + pad, widths[c] - pad, title, paint,
				   GROUND_TRACK);
		} else {
			screen_put(y, x, widths[c], title, paint, GROUND_TRACK);
		}
		x += widths[c] + 1;
	}
}

static void draw_usage(int y, int x, int width, const struct item *item,
		       const char *text, enum paint paint, enum ground ground)
{
	int label = 6, bar = width - label;
	double share = item_usage(item);
	char sign[2] = {column_sign(item), 0};

	if (!isnan(share) && bar > 0)
		screen_bar(y, x, bar, share, paint, ground);
	screen_put_right(y, x + (bar > 0 ? bar : 0), bar > 0 ? label : width, text,
			 paint, ground);
	/* a share takes five columns at most, behind it */
	if (*sign != ' ' && bar > 0)
		screen_text(y, x + bar, 1, sign, paint, ground);
}

/* All lines have the same scale of time: that of the longest history. */
static void draw_spark(int y, int x, int width, const struct item *item, size_t steps,
		       enum paint paint, enum ground ground)
{
	char text[GAUGE_SIZE(HISTORY_STEPS)];
	uint32_t values[HISTORY_STEPS], low, high;
	size_t points = width < HISTORY_STEPS ? (size_t)width : HISTORY_STEPS;
	size_t len = history_read(item->history, steps > points ? steps : points,
				  values, points);
	bool moves = false;

	gauge_range(values, len, &low, &high);
	for (size_t i = 1; i < len; i++)
		moves |= values[i] != values[0];
	gauge_spark(text, sizeof(text), values, len, low, high, screen_utf8());
	screen_text(y, x + width - (int)len, (int)len, text, moves ? paint : PAINT_DIM,
		    ground);
}

/* The name has a place of its own in the tree, and of a group also its service's. */
static void draw_name(int y, int x, const int widths[COLUMNS_LEN],
		      const struct line *line, const char *text, enum paint paint,
		      enum ground ground)
{
	int width = widths[COLUMN_NAME];

	if (line->item->group) {
		bool utf8 = screen_utf8(), folded = line->item->folded;

		if (widths[COLUMN_SERVICE])
			width += 1 + widths[COLUMN_SERVICE];
		screen_put(y, x, CHILD_MARK,
			   utf8     ? folded ? "▸" : "▾"
			   : folded ? "+"
				    : "-",
			   PAINT_ACCENT, ground);
	} else if (line->child) {
		screen_put(y, x, CHILD_MARK, screen_utf8() ? "└" : "`", PAINT_DIM,
			   ground);
	}
	if (line->item->group || line->child) {
		x += CHILD_MARK;
		width -= CHILD_MARK;
	}
	if (line->depth) {
		/* some of the name is worth more than how deep it is */
		int most = width - NAME_LEAST, in = CHILD_MARK * (int)line->depth;

		in = in < most ? in : most;
		screen_put(y, x + in - CHILD_MARK, CHILD_MARK,
			   screen_utf8() ? "└" : "`", PAINT_DIM, ground);
		/* what is deeper than there is room for says how deep */
		if (CHILD_MARK * (int)line->depth > most && in > CHILD_MARK) {
			char depth[16];

			snprintf(depth, sizeof(depth), "%u", line->depth);
			screen_put_right(y, x, in - CHILD_MARK, depth, PAINT_DIM,
					 ground);
		}
		x += in;
		width -= in;
	}
	screen_put(y, x, width, text, paint, ground);
}

/* What is the same for all lines. */
struct layout {
	int widths[COLUMNS_LEN];
	size_t steps; /* of histories, that are shown */
};

static void draw_cell(int y, int x, enum column column, const struct line *line,
		      const struct layout *layout, enum ground ground)
{
	const struct column_info *info = column_info(column);
	const struct item *item = line->item;
	int width = layout->widths[column];
	char cell[COLUMN_CELL_LEN];
	const char *text = info->text ? info->text(item, cell) : "";
	enum paint paint = info->paint ? info->paint(item) : PAINT_PLAIN;

	if (!strcmp(text, "-"))
		paint = PAINT_DIM;
	if (info->form == COLUMN_BAR)
		draw_usage(y, x, width, item, text, paint, ground);
	else if (info->form == COLUMN_SPARK)
		draw_spark(y, x, width, item, layout->steps, paint, ground);
	else if (column == COLUMN_NAME)
		draw_name(y, x, layout->widths, line, text, paint, ground);
	else if (info->right)
		screen_put_right(y, x, width, text, paint, ground);
	else
		screen_put(y, x, width, text, paint, ground);
}

/* Whether a group's name, which is a service's, takes the place of the user, too: where the
 * screen has no column for services the names' is too narrow for most of them. */
static bool name_over_user(const struct layout *layout, const struct item *item)
{
	return item->group && item->name && layout->widths[COLUMN_USER] &&
	       layout->widths[COLUMN_NAME] && !layout->widths[COLUMN_SERVICE] &&
	       (int)strlen(item->name) + CHILD_MARK > layout->widths[COLUMN_NAME];
}

static void draw_wide_name(int y, int x, const struct line *line,
			   const struct layout *layout, enum ground ground)
{
	struct layout wide = *layout;

	wide.widths[COLUMN_NAME] += layout->widths[COLUMN_USER] + 1;
	draw_cell(y, x, COLUMN_NAME, line, &wide, ground);
}

static void draw_line(int y, const struct line *line, const struct layout *layout,
		      bool selected)
{
	enum ground ground = selected ? GROUND_SELECTED : GROUND_PLAIN;
	int x = 0;

	if (selected)
		screen_put(y, 0, screen_width(), "", PAINT_PLAIN, ground);
	for (int c = 0; c < COLUMNS_LEN; c++) {
		/* a group's name goes over its services, and says them */
		bool told = c == COLUMN_SERVICE && (line->item->group || line->child);

		if (!layout->widths[c])
			continue;
		if (c == COLUMN_USER && name_over_user(layout, line->item))
			draw_wide_name(y, x, line, layout, ground);
		else if (!told &&
			 !(c == COLUMN_NAME && name_over_user(layout, line->item)))
			draw_cell(y, x, c, line, layout, ground);
		x += layout->widths[c] + 1;
	}
}

static int digits_of_pids(const struct roster *roster)
{
	int digits = 1;

	if (!roster || !roster->len)
		return digits;
	for (pid_t pid = roster->rows[roster->len - 1].who.pid; pid >= 10; pid /= 10)
		digits++;
	return digits;
}

enum column draw_column_at(const struct model *model, const bool wanted[COLUMNS_LEN],
			   int x)
{
	int widths[COLUMNS_LEN], from = 0;

	column_widths(screen_width(), digits_of_pids(model_roster(model)), wanted,
		      widths);
	for (int c = 0; c < COLUMNS_LEN; c++) {
		if (!widths[c])
			continue;
		if (x >= from && x < from + widths[c])
			return (enum column)c;
		from += widths[c] + 1;
	}
	return COLUMNS_LEN;
}

static void draw_nothing(int y, const struct model *model)
{
	char text[320];

	if (!model_roster(model))
		snprintf(text, sizeof(text),
			 "Counting the descriptors of all processes…");
	else
		snprintf(text, sizeof(text),
			 "No process has '%.200s'. Esc shows all of them.",
			 model_filter_text(model));
	screen_text(y, 2, screen_width() - 4, text, PAINT_DIM, GROUND_PLAIN);
}

bool draw_list(struct model *model, const bool wanted[COLUMNS_LEN])
{
	int y = draw_header_height(), height = draw_list_height();
	struct layout layout = {.steps = model_history_len(model)};
	size_t len, first = model_window(model, (size_t)height);
	size_t selected = model_selected(model);
	const struct line *lines = model_lines(model, &len);
	enum column sorted;
	bool descending;

	sorted = model_sorted_by(model, &descending);
	column_widths(screen_width(), digits_of_pids(model_roster(model)), wanted,
		      layout.widths);
	draw_titles(y++, layout.widths, sorted, descending);
	if (!len)
		draw_nothing(y + 1, model);
	for (size_t i = first; i < len && i < first + (size_t)height; i++)
		draw_line(y++, &lines[i], &layout, i == selected);
	return layout.widths[COLUMN_KIND] > 0;
}

/* ---- footer ---- */

#define FOOTER_GAP 3

struct hint {
	const char *key, *word;
};

static const struct hint list_hints[] = {
	{"?", "Help"},      {"q", "Quit"},  {"Enter", "Process"}, {"/", "Filter"},
	{"s", "Sort"},      {"t", "Group"}, {"c", "Columns"},     {"r", "Raise"},
	{"i", "Incidents"}, {NULL, NULL}};
static const struct hint process_hints[] = {{"?", "Help"},         {"Esc", "Back"},
					    {"a", "Print advice"}, {"r", "Raise limit"},
					    {"i", "Incidents"},    {"p", "Pause"},
					    {NULL, NULL}};
static const struct hint incidents_hints[] = {
	{"Up Down", "Move"}, {"Enter", "Report"}, {"Esc", "Back"}, {NULL, NULL}};
static const struct hint report_hints[] = {
	{"Up Down", "Scroll"}, {"Esc", "Back"}, {NULL, NULL}};
static const struct hint menu_hints[] = {
	{"Up Down", "Move"}, {"Enter", "Choose"}, {"Esc", "Back"}, {NULL, NULL}};

static int draw_hints(const struct hint *hints, int y, int room)
{
	int x = 1;

	for (; hints->key; hints++) {
		int width = (int)(strlen(hints->key) + strlen(hints->word)) + 1;

		if (x + width > room)
			break;
		x += screen_text(y, x, room - x, hints->key, PAINT_ACCENT,
				 GROUND_PLAIN);
		x += 1 + screen_text(y, x + 1, room - x, hints->word, PAINT_PLAIN,
				     GROUND_PLAIN);
		x += 2;
	}
	return x;
}

static void draw_prompt(const struct draw_status *status, int y, int width)
{
	int x = 1 + screen_text(y, 1, width - 2, status->prompt, PAINT_WARNING,
				GROUND_PLAIN);

	x += 1;
	if (status->typed)
		x += screen_text(y, x, width - 2 - x, status->typed, PAINT_STRONG,
				 GROUND_PLAIN);
	screen_cursor(y, x);
}

void draw_footer(enum key_place place, const struct draw_status *status,
		 const char *right)
{
	int y = screen_height() - 1, width = screen_width();
	int right_len = right ? (int)strlen(right) : 0;
	/* so much apart that they are not read as one */
	int room = width - (right_len ? right_len + 1 + FOOTER_GAP : 0);

	if (status->prompt) {
		draw_prompt(status, y, width);
		return;
	}
	if (right_len && right_len + 2 < width)
		screen_put_right(y, width - 1 - right_len, right_len, right, PAINT_DIM,
				 GROUND_PLAIN);
	if (status->note)
		screen_text(y, 1, room - 1, status->note, PAINT_WARNING, GROUND_PLAIN);
	else if (status->trouble)
		screen_text(y, 1, room - 1, status->trouble, PAINT_EXHAUSTED,
			    GROUND_PLAIN);
	else
		draw_hints(place == KEY_IN_LIST        ? list_hints
			   : place == KEY_IN_PROCESS   ? process_hints
			   : place == KEY_IN_INCIDENTS ? incidents_hints
			   : place == KEY_IN_REPORT    ? report_hints
						       : menu_hints,
			   y, room);
}
