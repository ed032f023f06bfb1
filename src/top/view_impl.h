/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to the view: its state. view.c is its loop, input.c what keys do, process.c
 * incidents.c and menu.c are other pages than the list. */
#ifndef FDWARDEN_TOP_VIEW_IMPL_H
#define FDWARDEN_TOP_VIEW_IMPL_H

#include <stdbool.h>

#include "top/draw.h"
#include "top/incident_rows.h"
#include "top/keys.h"
#include "top/model.h"
#include "top/settings.h"
#include "top/source.h"
#include "top/view.h"

#define TYPED_MAX 120
#define NOTE_MAX  512

enum view_page {
	PAGE_LIST,
	PAGE_PROCESS,
	PAGE_INCIDENTS,
	PAGE_REPORT,
	PAGE_HELP,
	PAGE_COLUMNS,
	PAGE_SORT
};
enum prompt { PROMPT_NONE, PROMPT_FILTER, PROMPT_SEARCH, PROMPT_RAISE, PROMPT_SAVE };

/* One process's page. */
struct process_page {
	pid_t pid;
	uint64_t start_ns;
	char name[64];
	char **lines; /* harmless is what is drawn of them */
	size_t len, first;
	char *error;
	bool gone;
	uint64_t asked_ns; /* when it was last asked for */
	bool answered;
};

/* The incidents of a process and of its service, and the report of one. */
struct incidents_page {
	pid_t pid;
	uint64_t start_ns;
	char name[64], *service; /* NULL: it is in none */
	enum view_page below;    /* where it goes back to */
	struct incident_rows rows;
	size_t selected, first;
	char *error;
	bool answered, known; /* the last question; any */
	uint64_t asked_ns;
	/* of the report */
	char id[40];
	char **lines;
	size_t len, top;
	char *report_error;
};

/* Whose limit is to be raised, to what: of the question that is open. */
struct raising {
	pid_t pid;
	uint64_t start_ns, to;
	char name[64];
};

struct view {
	struct model *model;
	struct source *source;
	struct view_options options;
	uint64_t interval_ns, due_ns, refreshed;
	bool paused, quit, dirty, anew;
	bool kinds_shown;
	enum view_page page, below; /* `below`: where a menu goes back to */
	struct process_page process;
	struct incidents_page incidents;
	struct raising raising;
	struct setting settings[SETTINGS_LEN];
	size_t menu_selected, menu_first;
	bool wanted[COLUMNS_LEN];
	enum prompt prompt;
	char question[NOTE_MAX], typed[TYPED_MAX + 1], before[TYPED_MAX + 1];
	char sought[TYPED_MAX + 1];
	char note[NOTE_MAX], trouble[NOTE_MAX];
	uint64_t note_until_ns;
	char *copied; /* to be printed at the end */
};

uint64_t view_now_ns(void);
enum key_place view_place(const struct view *view);
void view_note(struct view *view, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void view_status(const struct view *view, struct draw_status *out);

/* input.c */
void input_key(struct view *view, int key);

/* process.c */
void process_open(struct view *view, const struct item *item);
void process_take(struct view *view, const struct source_page *page);
void process_tick(struct view *view); /* asks anew, when it is time */
uint64_t process_due_ns(const struct view *view);
void process_draw(struct view *view);
void process_key(struct view *view, enum key_action action);
void process_clear(struct process_page *page);
/* "nginx[1234]" */
void process_name(const struct item *item, char name[64]);

/* incidents.c */
void incidents_open(struct view *view, const struct item *item);
void incidents_take(struct view *view, const struct source_incidents *incidents);
void incidents_take_report(struct view *view, const struct source_report *report);
void incidents_tick(struct view *view); /* asks anew, when it is time */
uint64_t incidents_due_ns(const struct view *view);
void incidents_resize(struct view *view);
void incidents_draw(struct view *view);
void incidents_key(struct view *view, enum key_action action);
void incidents_clear(struct incidents_page *page);

/* raise.c */
void raise_ask(struct view *view, const struct item *item);
void raise_do(struct view *view); /* the question was answered: yes */

/* chosen.c */
void chosen_load(struct view *view);
void chosen_take(struct view *view, size_t which);
void chosen_ask(struct view *view);
void chosen_save(struct view *view, size_t which);

/* menu.c */
void menu_open(struct view *view, enum view_page page);
void menu_draw(struct view *view);
void menu_key(struct view *view, int key, enum key_action action);

#endif
