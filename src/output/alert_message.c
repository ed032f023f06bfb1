/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sentence of an alert. */
#include "output/alert.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "output/alert_impl.h"
#include "output/text.h"
#include "state/user_names.h"

/* Bytes of a hostile string at the most, so that the sentence's end is kept. */
#define NAME_MAX_BYTES  192
#define PATH_MAX_BYTES  320
#define CAUSE_MAX_BYTES 256
/* Holders of a limit that are in the sentence. */
#define HOLDERS_SAID    3

struct sentence {
	char *at;
	size_t size, len;
};

__attribute__((format(printf, 2, 3))) static void say(struct sentence *out,
						      const char *format, ...)
{
	va_list args;
	int len;

	if (out->len + 1 >= out->size)
		return;
	va_start(args, format);
	len = vsnprintf(out->at + out->len, out->size - out->len, format, args);
	va_end(args);
	if (len < 0)
		return;
	out->len += (size_t)len;
	if (out->len >= out->size)
		out->len = out->size - 1;
}

static void say_hostile(struct sentence *out, const char *bytes, size_t max)
{
	/* room for one more character than is said: it shows a cut */
	char safe[PATH_MAX_BYTES + 5];
	size_t room = out->size - out->len;
	size_t len = text_line(safe, max + 5, bytes, strlen(bytes));

	out->len += text_line(out->at + out->len, room < max + 1 ? room : max + 1, safe,
			      len);
	if (len > max)
		say(out, "...");
}

static void say_who(struct sentence *out, const struct alert *alert)
{
	const struct identity *who = alert->who;

	if (!who) {
		say(out, "a process");
		return;
	}
	say_hostile(out, who->comm[0] ? who->comm : "?", NAME_MAX_BYTES);
	say(out, "[%d]", (int)who->pid);
	if (alert->fd.thread)
		say(out, " (thread %" PRIu32 ")", alert->fd.thread);
}

/* Rounded, but what is not full must not read as full. */
static unsigned percent(uint64_t used, uint64_t limit)
{
	double share = round(100.0 * (double)used / (double)limit);

	return share >= 100 && used < limit ? 99 : (unsigned)share;
}

static bool limited(const struct alert_fd *fd)
{
	return fd->known && fd->soft_limit != UINT64_MAX;
}

/* "972 of 1024 descriptors open (95%)" */
static void say_usage(struct sentence *out, const struct alert_fd *fd, bool share)
{
	if (!fd->known) {
		say(out, "an unknown number of descriptors open");
		return;
	}
	if (!limited(fd)) {
		say(out, "%" PRIu64 " descriptors open, without a limit", fd->count);
		return;
	}
	say(out, "%" PRIu64 " of %" PRIu64 " descriptors open", fd->used,
	    fd->soft_limit);
	if (share && fd->soft_limit > 0)
		say(out, " (%u%%)", percent(fd->used, fd->soft_limit));
	if (share && fd->effective_limit && fd->effective_limit < fd->soft_limit)
		say(out, ", and the program takes no more than %" PRIu64,
		    fd->effective_limit);
}

void alert_full_in(double s, char *text, size_t size)
{
	if (s < 0.95)
		snprintf(text, size, "full within a second");
	else if (s < 120)
		snprintf(text, size, "full in about %.0f s", s);
	else if (s < 7200)
		snprintf(text, size, "full in about %.0f min", s / 60);
	else if (s < 172800)
		snprintf(text, size, "full in about %.0f h", s / 3600);
	else
		snprintf(text, size, "full in about %.0f days", s / 86400);
}

static void say_when(struct sentence *out, const struct alert_fd *fd)
{
	double s = fd->exhausted_in_s;
	char text[ALERT_FULL_IN_MAX];

	if (!fd->exhaustion_known || !isfinite(s) || s < 0)
		return;
	alert_full_in(s, text, sizeof(text));
	say(out, "; %s", text);
}

static uint64_t refused_calls(const struct alert_fd *fd)
{
	if (!fd->refused_known)
		return 0;
	return fd->refused_emfile + fd->refused_enfile + fd->refused_other;
}

static void say_refused(struct sentence *out, uint64_t calls)
{
	if (calls == 1)
		say(out, "; 1 call was refused");
	else if (calls > 1)
		say(out, "; %" PRIu64 " calls were refused", calls);
}

static void say_spin(struct sentence *out, const struct alert_fd *fd)
{
	if (fd->refused_per_s <= 0)
		return;
	say(out, "; it spins: refused %.0f %s a second", fd->refused_per_s,
	    fd->refused_call ? fd->refused_call : "calls");
	if (fd->core_share > 0)
		say(out, ", %.0f%% of a core", 100 * fd->core_share);
}

/* "nginx[1234]: openat refused with EMFILE" */
static void say_request(struct sentence *out, const struct alert *alert)
{
	const struct alert_request *request = &alert->request;
	const char *error = request->error ? strerrorname_np(request->error) : NULL;

	say_who(out, alert);
	say(out, ": %s refused", request->call ? request->call : "a call was");
	if (error)
		say(out, " with %s", error);
}

static void say_path(struct sentence *out, const struct alert *alert)
{
	if (!alert->request.path || !alert->request.path[0])
		return;
	say(out, " (path ");
	say_hostile(out, alert->request.path, PATH_MAX_BYTES);
	say(out, ")");
}

/* "412 tcp CLOSE_WAIT → 10.0.0.7:443", where it is known. */
static bool say_cause(struct sentence *out, const struct alert *alert,
		      const char *before)
{
	char cause[2 * CAUSE_MAX_BYTES];

	if (!alert->why || !explanation_cause(alert->why, cause, sizeof(cause)))
		return false;
	say(out, "%s", before);
	say_hostile(out, cause, CAUSE_MAX_BYTES);
	return true;
}

/* "; 412 opened by leak() at src/x.c:12", of the place that has most. */
static void say_calls(struct sentence *out, const struct alert *alert)
{
	const struct call_site *site;
	char place[2 * CAUSE_MAX_BYTES];

	if (!alert->calls || !alert->calls->sites_len)
		return;
	site = &alert->calls->sites[0];
	call_frame_text(&site->chain->frames[site->chain->site], place, sizeof(place));
	say(out, "; %" PRIu64 " of them opened by ", site->count);
	say_hostile(out, place, CAUSE_MAX_BYTES);
}

static void say_exhausted(struct sentence *out, const struct alert *alert)
{
	const struct alert_fd *fd = &alert->fd;

	say_request(out, alert);
	/* A pair is refused with one slot free, F_DUPFD with those below its
	 * minimum free. */
	if (limited(fd) && fd->used >= fd->soft_limit)
		say(out, ": all %" PRIu64 " descriptors are taken", fd->soft_limit);
	else if (limited(fd))
		say(out, ": %" PRIu64 " of %" PRIu64 " descriptors are taken", fd->used,
		    fd->soft_limit);
	say_path(out, alert);
	if (refused_calls(fd) > 1)
		say_refused(out, refused_calls(fd));
	say_spin(out, fd);
	say_cause(out, alert, "; ");
}

static void say_limit(struct sentence *out, const struct alert_limit *limit)
{
	say(out, "%s", limit->text ? limit->text : "another limit");
	if (limit->name && limit->value_known)
		say(out, " (%s = %" PRIu64 ")", limit->name, limit->value);
	else if (limit->name && strcmp(limit->name, "unknown") != 0)
		say(out, " (%s)", limit->name);
}

static void say_other_limit(struct sentence *out, const struct alert *alert)
{
	const struct alert_limit *limit = &alert->limit;
	const struct alert_fd *fd = &alert->fd;

	say_request(out, alert);
	if (limited(fd) && fd->used < fd->soft_limit)
		say(out, ", though the table has %" PRIu64 " of %" PRIu64 " free",
		    fd->soft_limit - fd->used, fd->soft_limit);
	say(out, ": ");
	say_limit(out, limit);
	say_path(out, alert);
	if (refused_calls(fd) > 1)
		say_refused(out, refused_calls(fd));
}

static void say_recovered(struct sentence *out, const struct alert *alert)
{
	const struct alert_fd *fd = &alert->fd;

	say_who(out, alert);
	if (alert->what.reason == POLICY_REASON_EXITED) {
		say(out, " exited");
	} else if (alert->what.reason == POLICY_REASON_IGNORED) {
		say(out, " is ignored from now on");
		if (fd->known) {
			say(out, ", with ");
			say_usage(out, fd, false);
		}
	} else {
		say(out, " recovered");
		if (alert->what.reason == POLICY_REASON_LIMIT_RAISED)
			say(out, ", its limit was raised");
		if (fd->known) {
			say(out, ": ");
			say_usage(out, fd, false);
		}
	}
	say_refused(out, refused_calls(fd));
}

static void say_full(struct sentence *out, const struct alert *alert)
{
	say_who(out, alert);
	say(out, " has ");
	say_usage(out, &alert->fd, true);
	say_when(out, &alert->fd);
	say_spin(out, &alert->fd);
	say_cause(out, alert, "; ");
	say_calls(out, alert);
}

/* "LimitNOFILE=1024 (/etc/systemd/system/app.service:7)" */
static void say_origin(struct sentence *out, const struct explanation *why)
{
	const struct origin *origin = &why->origin;

	if (!why->origin_known || !origin->setting)
		return;
	say(out, "; the limit is set by ");
	say_hostile(out, origin->setting, NAME_MAX_BYTES);
	if (!origin->file)
		return;
	say(out, " (");
	say_hostile(out, origin->file, NAME_MAX_BYTES);
	if (origin->line)
		say(out, ":%" PRIu32, origin->line);
	say(out, ")");
}

/* "x[9] was refused beside 128 inotify instances of user jane: code[8] holds 90, 3 others 38" */
static void say_holders(struct sentence *out, const struct alert *alert)
{
	const struct holders *holders = &alert->why->holders;
	uint64_t rest = holders->total;
	char name[64] = "";
	size_t i;

	say_who(out, alert);
	say(out, " was refused beside %" PRIu64 " %s of ", holders->total,
	    holders_name(holders->what));
	if (holders->uid != (uid_t)-1 &&
	    !user_names_find(holders->uid, name, sizeof(name)))
		snprintf(name, sizeof(name), "%" PRIu32, (uint32_t)holders->uid);
	if (name[0]) {
		say(out, "user ");
		say_hostile(out, name, sizeof(name));
	} else {
		say(out, "this IPC namespace");
	}
	for (i = 0; i < holders->len && i < HOLDERS_SAID; i++) {
		say(out, i ? ", " : ": ");
		say_hostile(out, holders->first[i].name, NAME_MAX_BYTES);
		say(out, "[%d] holds %" PRIu64, (int)holders->first[i].pid,
		    holders->first[i].count);
		rest -= holders->first[i].count;
	}
	if (holders->processes > i)
		say(out, ", %" PRIu64 " other%s %" PRIu64, holders->processes - i,
		    holders->processes - i == 1 ? "" : "s", rest);
	if (holders->cut)
		say(out, "; not all processes were looked at");
	else if (holders->denied)
		say(out, "; %" PRIu64 " processes may not be looked at",
		    holders->denied);
}

static void say_details(struct sentence *out, const struct alert *alert)
{
	const struct explanation *why = alert->why;

	if (why && why->holders.what) {
		say_holders(out, alert);
		return;
	}
	say_who(out, alert);
	say(out, " has ");
	say_usage(out, &alert->fd, true);
	if (why && !say_cause(out, alert, ": "))
		say(out, ": %s", why->inventory ? "no clear cause" : "cause not known");
	say_spin(out, &alert->fd);
	say_calls(out, alert);
	if (why)
		say_origin(out, why);
}

static void say_raised(struct sentence *out, const struct alert *alert)
{
	const struct alert_fd *fd = &alert->fd;

	say(out, "the soft limit of ");
	say_who(out, alert);
	say(out, " was raised from %" PRIu64 " to %" PRIu64, alert->soft_limit_before,
	    fd->soft_limit);
	if (fd->hard_limit != UINT64_MAX)
		say(out, "; its hard limit is %" PRIu64, fd->hard_limit);
}

static void say_leak(struct sentence *out, const struct alert *alert)
{
	say_who(out, alert);
	say(out, " seems to leak descriptors: ");
	if (alert->leak.known) {
		char text[512];

		alert_leak_text(&alert->leak, &alert->fd, text, sizeof(text));
		say_hostile(out, text, PATH_MAX_BYTES);
		say_cause(out, alert, "; ");
		return;
	}
	say_usage(out, &alert->fd, true);
	say_when(out, &alert->fd);
	say_cause(out, alert, "; ");
}

static void say_system(struct sentence *out, const struct alert *alert)
{
	const struct alert_system *system = &alert->system;
	const char *how = " has ";

	if (alert->what.action == POLICY_SYSTEM_EXHAUSTED)
		how = " refuses to open files (ENFILE): ";
	else if (alert->what.action == POLICY_SYSTEM_RECOVERED)
		how = " recovered: ";
	say(out, "the system%s", how);
	if (!system->known) {
		say(out, "an unknown number of files open");
	} else {
		say(out, "%" PRIu64 " of %" PRIu64 " files open", system->allocated,
		    system->max);
		if (system->max > 0)
			say(out, " (%u%%)", percent(system->allocated, system->max));
	}
	say_refused(out, system->refused_enfile);
}

static void say_group(struct sentence *out, const struct alert *alert)
{
	const struct alert_group *group = &alert->group;
	bool recovered = alert->what.action == POLICY_FD_RECOVERED;
	bool one = group->processes == 1;

	say(out, "%" PRIu64 " %sprocess%s of ", group->processes,
	    recovered ? "" : "more ", one ? "" : "es");
	say_hostile(out, group->name, NAME_MAX_BYTES);
	if (alert->who && alert->who->command_line &&
	    strcmp(alert->who->command_line, group->name) != 0) {
		say(out, " (");
		say_hostile(out, alert->who->command_line, NAME_MAX_BYTES);
		say(out, ")");
	}
	switch (alert->what.action) {
	case POLICY_FD_WARNING:
		say(out, " reached the warning level of descriptors");
		break;
	case POLICY_FD_CRITICAL:
		say(out, " reached the critical level of descriptors");
		break;
	case POLICY_FD_EXHAUSTED:
		say(out, one ? " had its calls refused: its descriptors are all taken"
			     : " had calls refused: their descriptors are all taken");
		break;
	case POLICY_FD_LEAK_SUSPECTED:
		say(out,
		    one ? " seems to leak descriptors" : " seem to leak descriptors");
		break;
	case POLICY_OTHER_LIMIT:
		say(out, " had calls refused: ");
		say_limit(out, &alert->limit);
		break;
	default:
		say(out, "%s",
		    alert->what.reason == POLICY_REASON_EXITED ? " exited"
							       : " recovered");
	}
	say_refused(out, refused_calls(&alert->fd));
}

static void say_loss(struct sentence *out, const struct alert_loss *loss)
{
	const char *many = loss->alerts == 1 ? "" : "s";
	char name[64] = "";

	if (loss->output) {
		say(out,
		    "%" PRIu64 " alert%s lost before this one (%s); what stands is "
		    "told again",
		    loss->alerts, many, loss->output);
		return;
	}
	say(out,
	    "%" PRIu64 " alert%s of %" PRIu64 " incident%s withheld: ", loss->alerts,
	    many, loss->incidents, loss->incidents == 1 ? "" : "s");
	if (loss->uid == (uid_t)-1) {
		say(out, "of many users");
		return;
	}
	if (!user_names_find(loss->uid, name, sizeof(name)))
		snprintf(name, sizeof(name), "%" PRIu32, (uint32_t)loss->uid);
	say(out, "processes of user ");
	say_hostile(out, name, sizeof(name));
	say(out, " fail too often");
}

size_t alert_message(const struct alert *alert, char *text, size_t size)
{
	struct sentence out = {.at = text, .size = size};

	if (size == 0)
		return 0;
	text[0] = '\0';
	if (alert->group.name) {
		say_group(&out, alert);
		return out.len;
	}
	switch (alert->what.action) {
	case POLICY_FD_EXHAUSTED:
		say_exhausted(&out, alert);
		break;
	case POLICY_FD_RECOVERED:
		say_recovered(&out, alert);
		break;
	case POLICY_FD_LEAK_SUSPECTED:
		say_leak(&out, alert);
		break;
	case POLICY_OTHER_LIMIT:
		say_other_limit(&out, alert);
		break;
	case POLICY_FD_DETAILS:
		say_details(&out, alert);
		break;
	case POLICY_FD_LIMIT_RAISED:
		say_raised(&out, alert);
		break;
	case POLICY_ALERTS_LOST:
		say_loss(&out, &alert->loss);
		break;
	case POLICY_SYSTEM_WARNING:
	case POLICY_SYSTEM_CRITICAL:
	case POLICY_SYSTEM_EXHAUSTED:
	case POLICY_SYSTEM_RECOVERED:
		say_system(&out, alert);
		break;
	default:
		say_full(&out, alert);
	}
	return out.len;
}
