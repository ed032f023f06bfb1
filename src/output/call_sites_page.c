// SPDX-License-Identifier: GPL-2.0-or-later
/* Call sites for people, and for flame graphs. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "output/call_sites.h"
#include "output/text.h"

#define TEXT_MAX          2048

/* Sites that are told with their frames, and all that are told. */
#define SITES_WITH_FRAMES 5
#define SITES_MAX         40

static void format_age(uint64_t ns, char *text, size_t size)
{
	double s = (double)ns / 1e9;

	if (s < 120)
		snprintf(text, size, "%.1f s", s);
	else if (s < 7200)
		snprintf(text, size, "%.0f min", s / 60);
	else
		snprintf(text, size, "%.1f h", s / 3600);
}

static double rate_of(const struct call_sites *sites, uint64_t count)
{
	return sites->over_ns ? (double)count * 1e9 / (double)sites->over_ns : 0;
}

static void print_head(const struct call_sites_view *view, const struct page *page)
{
	const struct call_sites *sites = view->sites;
	uint64_t unknown = call_sites_unknown(sites), seen = sites->count - unknown;
	char over[32], text[512];

	format_age(sites->over_ns, over, sizeof(over));
	snprintf(text, sizeof(text),
		 "%s[%d]%s: %" PRIu64 " descriptors %s, %" PRIu64
		 " of them opened in the last %s (%.1f a second), %" PRIu64 " unknown",
		 view->who->comm, view->who->pid, view->ended ? " has ended" : "",
		 sites->count, view->ended ? "were open, as far as was seen" : "open",
		 seen, over, rate_of(sites, seen), unknown);
	page_colour(page, PAGE_BOLD);
	page_text(page, "", text);
	page_colour(page, PAGE_PLAIN);
}

static void print_frames(const struct call_chain *chain, const struct page *page)
{
	char text[TEXT_MAX], lead[32];

	for (size_t i = 0; i < chain->len; i++) {
		call_frame_text(&chain->frames[i], text, sizeof(text));
		snprintf(lead, sizeof(lead), "      %s#%-2zu ",
			 i == chain->site ? ">" : " ", i);
		page_colour(page, i == chain->site ? PAGE_PLAIN : PAGE_DIM);
		page_verbatim(page, lead, text);
		page_colour(page, PAGE_PLAIN);
	}
	if (chain->end == CALL_CHAIN_CUT)
		page_line(page, "           ", "(more of the stack was not kept)");
	else if (chain->end == CALL_CHAIN_LOST)
		page_line(page, "           ",
			  "(the program does not say who called this)");
}

static void print_site(const struct call_sites *sites, const struct call_site *site,
		       bool frames, const struct page *page)
{
	char oldest[32], median[32], lead[128], text[TEXT_MAX], ways[64] = "";

	format_age(site->oldest_ns, oldest, sizeof(oldest));
	format_age(site->median_ns, median, sizeof(median));
	snprintf(lead, sizeof(lead), "%8" PRIu64 "  %-12s ", site->count, site->type);
	call_frame_text(&site->chain->frames[site->chain->site], text, sizeof(text));
	page_colour(page, PAGE_BOLD);
	page_verbatim(page, lead, text);
	page_colour(page, PAGE_PLAIN);
	if (site->chains > 1)
		snprintf(ways, sizeof(ways), ", by %" PRIu64 " ways", site->chains);
	snprintf(text, sizeof(text), "%.1f a second; oldest %s, median %s%s",
		 rate_of(sites, site->count), oldest, median, ways);
	page_text(page, "          ", text);
	if (frames)
		print_frames(site->chain, page);
}

static void print_unknown(const struct call_sites *sites, const struct page *page)
{
	const struct call_unknown *unknown = &sites->unknown;
	const struct {
		uint64_t count;
		const char *why;
	} parts[] = {
		{unknown->before, "were open before the trace began"},
		{unknown->unseen, "came in by ways that are not seen (io_uring, a "
				  "process that shares the "
				  "table; recvmsg, ioctl, … at the exits of calls)"},
		{unknown->no_stack, "were seen, but there was no room for the stack"},
		{unknown->not_unwound, "have a stack that could not be unwound"},
	};
	char lead[32];

	if (!call_sites_unknown(sites))
		return;
	snprintf(lead, sizeof(lead), "%8" PRIu64 "  ", call_sites_unknown(sites));
	page_text(page, lead, "unknown, of which");
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (parts[i].count) {
			snprintf(lead, sizeof(lead), "%16" PRIu64 " ", parts[i].count);
			page_text(page, lead, parts[i].why);
		}
}

static void print_losses(const struct call_sites_view *view, const struct page *page)
{
	char text[384];

	if (!view->no_stack && !view->too_high && !view->not_unwound && !view->missed)
		return;
	snprintf(text, sizeof(text),
		 "Of all openings since the trace began, also of what is closed: "
		 "%" PRIu64 " without room for the stack, %" PRIu64
		 " of numbers too high for the memory, %" PRIu64
		 " stacks not unwound; and %" PRIu64
		 " runs of our programs that the kernel left out.",
		 view->no_stack, view->too_high, view->not_unwound, view->missed);
	page_text(page, "", text);
}

/* What is refused opens nothing: that little was seen is no sign that little is wanted. */
static void print_full(const struct call_sites_view *view, const struct page *page)
{
	char text[512], refused[64] = "";

	if (!view->full)
		return;
	if (view->refused)
		snprintf(refused, sizeof(refused), " (%" PRIu64 " meanwhile)",
			 view->refused);
	snprintf(text, sizeof(text),
		 "Its table is full: its calls that open are refused%s, and none of "
		 "those is here%s%s",
		 refused,
		 view->room_is_command ? ". Trace it again, and make room while it "
					 "runs, in another shell:"
		 : view->room_told     ? "."
				       : "; ",
		 view->room_is_command || view->room_told ? "" : view->room);
	page_colour(page, PAGE_RED);
	page_text(page, "", text);
	page_colour(page, PAGE_PLAIN);
	if (view->room_is_command)
		page_verbatim(page, "    ", view->room);
}

static void print_runtime(const struct call_sites_view *view, const struct page *page)
{
	char text[384];

	if (!view->python || !view->python[0] || view->python_known)
		return;
	snprintf(text, sizeof(text),
		 "Python's functions are not named, but those of the interpreter: %s.",
		 view->python);
	page_text(page, "", text);
}

int call_sites_page(const struct call_sites_view *view, const struct page *page)
{
	const struct call_sites *sites = view->sites;
	uint64_t left = 0;
	char text[128];

	print_head(view, page);
	print_full(view, page);
	fputc('\n', page->out);
	for (size_t i = 0; i < sites->sites_len; i++) {
		if (i < SITES_MAX)
			print_site(sites, &sites->sites[i], i < SITES_WITH_FRAMES,
				   page);
		else
			left += sites->sites[i].count;
	}
	if (left) {
		snprintf(text, sizeof(text),
			 "from %zu more places; --json has all of them",
			 sites->sites_len - SITES_MAX);
		fprintf(page->out, "%8" PRIu64 "  %s\n", left, text);
	}
	print_unknown(sites, page);
	print_runtime(view, page);
	print_losses(view, page);
	return ferror(page->out) ? -(errno ? errno : EIO) : 0;
}

/* ---- folded ---- */

/* ';' parts frames, and the last space the number. */
static void print_name(const struct call_frame *frame, FILE *out)
{
	char text[TEXT_MAX], safe[TEXT_MAX];

	if (frame->function[0])
		snprintf(text, sizeof(text), "%s", frame->function);
	else
		call_frame_text(frame, text, sizeof(text));
	text_line(safe, sizeof(safe), text, strlen(text));
	for (char *at = safe; *at; at++)
		if (*at == ';' || *at == ' ')
			*at = *at == ';' ? ':' : '_';
	fputs(safe, out);
}

int call_sites_folded(const struct call_sites_view *view, FILE *out)
{
	const struct call_sites *sites = view->sites;

	for (size_t i = 0; i < sites->stacks_len; i++) {
		const struct call_stack *stack = &sites->stacks[i];

		if (stack->chain->end != CALL_CHAIN_COMPLETE)
			fputs("[missing];", out);
		for (size_t at = stack->chain->len; at-- > 0;) {
			print_name(&stack->chain->frames[at], out);
			fputc(at ? ';' : ' ', out);
		}
		fprintf(out, "%" PRIu64 "\n", stack->count);
	}
	if (call_sites_unknown(sites))
		fprintf(out, "[unknown] %" PRIu64 "\n", call_sites_unknown(sites));
	return ferror(out) ? -(errno ? errno : EIO) : 0;
}
