/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a process leaks descriptors, from the floor of its count: the fewest that it
 * had in each of many windows of time. What is given back in the end does not lift the
 * floor; what is never closed does. docs/forecast.md has the rules, what they were
 * tried on, and what they missed. Pure, but for the memory of a suspicion.
 */
#ifndef FDWARDEN_LEAK_H
#define FDWARDEN_LEAK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each scale's windows are as long as 4 of the scale before: with 10 s that is 10 s,
 * 40 s, 160 s, 11 min and 43 min, and 10 hours are looked back upon. */
#define LEAK_SCALES      5
#define LEAK_FACTOR      4
#define LEAK_WINDOWS     14
/* Fewer windows prove nothing; more than the ring has can't be asked for. */
#define LEAK_WINDOWS_MIN 4
#define LEAK_WINDOWS_MAX 12

struct leak_settings {
	bool enabled;
	uint32_t windows;    /* over so many the floor must rise */
	uint64_t window_ns;  /* the shortest ones */
	uint64_t horizon_ns; /* the limit must be met within it */
};

/* One scale's windows, the oldest overwritten. */
struct leak_scale {
	uint32_t floor[LEAK_WINDOWS]; /* LEAK_UNKNOWN: nothing was seen */
	uint16_t opens[LEAK_WINDOWS]; /* descriptors opened, as leak_pack() writes it */
	uint32_t part_floor, part_top, part_opens; /* of the window under way */
	uint32_t swing;   /* most that the count was above the floor in a window, of the
			     last two */
	uint32_t peak[2]; /* highest floors from before the ring: of the block under
			     way, and of the one before it */
	uint8_t next, len;
	uint8_t parts; /* of the window under way that are over */
	uint8_t block; /* windows in the block under way */
};

#define LEAK_UNKNOWN UINT32_MAX

/* The estimate behind a suspicion. Times in s, descriptors. */
struct leak_estimate {
	uint64_t floor_then, floor_now; /* first and last window */
	double span_s;                  /* between them */
	double slope_per_s, slope_low_per_s, slope_high_per_s; /* 95 % */
	/* Until the count meets the limit, with its swing above the floor. The bounds are
	 * those of the slope; `high` is infinite where the slope may be 0. */
	double exhausted_in_s, low_s, high_s;
};

enum leak_stage {
	LEAK_NONE,
	LEAK_WATCHED, /* could become one: what the descriptors are is of use now */
	LEAK_RIPE, /* all but what it is that grows: to be told with the next sample */
	LEAK_SUSPECTED, /* … and so it stays until it falls back or stops */
};

struct leak_suspicion;

/* One process's history: 10,000 are held. Zeroed is empty; leak_clear() frees. */
struct leak_history {
	struct leak_scale scales[LEAK_SCALES];
	uint64_t window_ns;               /* of the first scale; 0: empty */
	uint64_t begin_ns;                /* of its window under way */
	uint64_t opened;                  /* when last seen; ~0: unknown */
	struct leak_suspicion *suspicion; /* NULL: none, nor is it ripe */
	uint32_t watched; /* windows of the first scale until it is no more watched */
};

/* What grows, as far as it is known. */
enum leak_growth {
	LEAK_GROWTH_NOT_ASKED,
	LEAK_GROWTH_UNKNOWN,     /* it could not be found out */
	LEAK_GROWTH_CONNECTIONS, /* accepted ones that are open on both sides: a load */
	LEAK_GROWTH_ELSE,
};

struct leak_sample {
	uint64_t now_ns; /* any monotonic clock */
	uint64_t used;
	uint64_t soft_limit; /* ~0: unlimited */
	bool opened_known;
	uint64_t opened; /* by the process, since any time */
	enum leak_growth growth;
};

/*
 * Takes a sample and says where the process stands. Samples are to come several times
 * in a window; where none came the floor is unknown. Going back in time, another
 * window_ns and a gap longer than the ring clear the history. Without memory nothing
 * becomes ripe.
 */
enum leak_stage leak_see(struct leak_history *history, const struct leak_settings *set,
			 const struct leak_sample *sample);

/* Where it stood after the last sample. */
enum leak_stage leak_stage(const struct leak_history *history);

/* The estimate of what is ripe or suspected, reckoned for `now`, of which the time, the
 * slots used and the soft limit count: the floor is never above what is used. false: there
 * is none. */
bool leak_estimate(const struct leak_history *history, const struct leak_sample *now,
		   struct leak_estimate *out);

/* A suspicion from before a restart whose history was lost: it goes on from here, and
 * has no estimate before it has windows enough. */
void leak_resume(struct leak_history *history, const struct leak_settings *set,
		 uint64_t now_ns, uint64_t used);

/* Whether there is anything in it that is not the same in all windows. */
bool leak_is_eventful(const struct leak_history *history);

/* Frees, zeroes. */
void leak_clear(struct leak_history *history);

/* Numbers in 16 bits, 11 of them exact: 0xffff is unknown. */
#define LEAK_OPENS_UNKNOWN 0xffffu
uint16_t leak_pack(uint64_t number);
uint64_t leak_unpack(uint16_t packed);

/* What is kept of a suspicion over a restart. Zeroed: none. */
struct leak_suspicion_kept {
	uint32_t scale, stage;
	uint64_t floor_then, then_ns, peak, peak_ns;
};
void leak_keep_suspicion(const struct leak_history *history,
			 struct leak_suspicion_kept *out);
/* false: it is none, or no memory. */
bool leak_resume_suspicion(struct leak_history *history,
			   const struct leak_suspicion_kept *kept);

/* One window of the time behind: the fewest descriptors that were open in it. */
struct leak_past {
	uint64_t at_ns, for_ns; /* where it begins, and how long it is */
	uint32_t floor;
};
#define LEAK_PAST_MAX (LEAK_SCALES * LEAK_WINDOWS)

/* The windows that were over before `until_ns` and not before `since_ns`, the newest first:
 * the shortest that there are, none over another. Returns their number. */
size_t leak_past(const struct leak_history *history, uint64_t until_ns,
		 uint64_t since_ns, struct leak_past out[LEAK_PAST_MAX]);

#endif
