/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * limits.conf and limits.d, as pam_limits reads them (Linux-PAM 1.5): of the lines about
 * a user those that name it count more than those of its groups, these more than "*";
 * of equal ones the last.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/origin_impl.h"

/* The less, the more it counts. */
enum rank { RANK_USER, RANK_GROUP, RANK_ALL, RANK_NONE };

/* One of the two limits. */
struct setting {
	enum rank rank;
	uint64_t value;
	char *file, *text; /* Owned */
	uint32_t line;
	uint64_t changed_ns;
};

struct pam {
	struct origin_search *search;
	const struct origin_root *root;
	const struct origin_user *user;
	bool spare_root; /* Debian's: only lines that name root are for root */
	bool exempt;     /* "alice -": no limits at all */
	struct setting soft, hard;
	const char *file; /* that is read */
	uint64_t changed_ns;
};

/* A line's words. */
struct words {
	char *domain, *type, *item, *value;
	int len;
};

static void lower(char *text)
{
	for (; *text; text++)
		*text = (char)tolower((unsigned char)*text);
}

static struct words split(char *line)
{
	struct words words = {0};
	char **at[] = {&words.domain, &words.type, &words.item, &words.value};

	line[strcspn(line, "#\n")] = '\0';
	for (char *rest = line; words.len < 4; words.len++) {
		*at[words.len] = strtok_r(words.len ? NULL : line, " \t\r", &rest);
		if (!*at[words.len])
			break;
	}
	for (int i = 1; i < words.len; i++)
		lower(*at[i]);
	return words;
}

/* "MIN:MAX", ":ONE", "MIN:". 1: it is one, and holds `id`; `only` with the second form.
 * 0: it does not. -1: it is no range. */
static int in_range(const char *text, unsigned long id, bool *only)
{
	const char *colon = strchr(text, ':');
	unsigned long least = 0, most = ~0ul;
	char *end;

	*only = false;
	if (!colon)
		return -1;
	if (colon == text)
		*only = true;
	else
		least = strtoul(text, &end, 10);
	if (!*only && end != colon)
		return 0;
	if (colon[1]) {
		most = strtoul(colon + 1, &end, 10);
		if (*end)
			return 0;
	} else if (*only) {
		return 0;
	}
	return (*only ? id == most : id >= least && id <= most) ? 1 : 0;
}

static bool is_group_ours(struct pam *pam, const char *group)
{
	bool only;
	int held = in_range(group, pam->user->gid, &only);

	if (held < 0)
		return origin_user_in_group(pam->search, pam->root, pam->user, group);
	/* one group may be any of the user's, a range is for the first one */
	if (only)
		return origin_user_in_gid(pam->search, pam->root, pam->user,
					  (gid_t)strtoul(group + 1, NULL, 10));
	return held > 0;
}

static enum rank rank_of(struct pam *pam, const char *domain)
{
	bool named = strcmp(domain, pam->user->name) == 0, only;

	if (named)
		return RANK_USER;
	if (pam->spare_root && pam->user->uid == 0)
		return RANK_NONE;
	if (domain[0] == '@')
		return is_group_ours(pam, domain + 1) ? RANK_GROUP : RANK_NONE;
	if (strcmp(domain, "*") == 0)
		return RANK_ALL;
	/* "%" is about the number of logins */
	return domain[0] != '%' && in_range(domain, pam->user->uid, &only) > 0
		       ? RANK_USER
		       : RANK_NONE;
}

static bool value_of(const struct pam *pam, const char *text, uint64_t *value)
{
	char *end;

	if (strcmp(text, "-1") == 0 || strcmp(text, "-") == 0 ||
	    strcmp(text, "unlimited") == 0 || strcmp(text, "infinity") == 0) {
		*value = pam->search->nr_open ? pam->search->nr_open : UINT64_MAX;
		return true;
	}
	*value = strtoull(text, &end, 10);
	return end != text;
}

static void clear_setting(struct setting *setting)
{
	free(setting->file);
	free(setting->text);
}

/* False: what there is counts more. */
static bool set(struct pam *pam, struct setting *setting, enum rank rank,
		uint64_t value, const struct words *words, uint32_t line)
{
	if (setting->rank < rank)
		return false;
	clear_setting(setting);
	setting->rank = rank;
	setting->value = value;
	setting->line = line;
	setting->changed_ns = pam->changed_ns;
	setting->file = origin_format(pam->search, "%s", pam->file);
	setting->text = origin_format(pam->search, "%s %s %s %s", words->domain,
				      words->type, words->item, words->value);
	return true;
}

static void one_line(struct pam *pam, char *text, uint32_t line)
{
	struct words words = split(text);
	bool soft, hard;
	enum rank rank;
	uint64_t value;

	if (words.len == 2 && words.type[0] == '-') {
		rank = rank_of(pam, words.domain);
		pam->exempt |= rank == RANK_USER || rank == RANK_GROUP;
		return;
	}
	if (words.len != 4 || strcmp(words.item, "nofile") != 0 ||
	    !value_of(pam, words.value, &value))
		return;
	soft = strcmp(words.type, "soft") == 0 || strcmp(words.type, "-") == 0;
	hard = strcmp(words.type, "hard") == 0 || strcmp(words.type, "-") == 0;
	if (!soft && !hard)
		return;
	rank = rank_of(pam, words.domain);
	if (rank == RANK_NONE)
		return;
	/* "-" that is refused for the one is not tried for the other */
	if (soft && !set(pam, &pam->soft, rank, value, &words, line))
		return;
	if (hard)
		(void)set(pam, &pam->hard, rank, value, &words, line);
}

static bool read_file(struct pam *pam, const char *path)
{
	struct origin_file file;
	uint32_t line = 0;
	char *rest, *text;

	if (origin_read(pam->search, pam->root, path, &file) < 0)
		return false;
	pam->file = path;
	pam->changed_ns = file.changed_ns;
	rest = file.text;
	while (!pam->exempt && (text = strsep(&rest, "\n")))
		one_line(pam, text, ++line);
	origin_file_clear(&file);
	return true;
}

static void read_files(struct pam *pam)
{
	struct origin_dirs dirs = {0};
	struct origin_names paths = {0};

	if (!read_file(pam, "/etc/security/limits.conf"))
		(void)read_file(pam, "/usr/etc/security/limits.conf");
	origin_dirs_add(pam->search, &dirs, "/etc/security/limits.d");
	origin_dirs_add(pam->search, &dirs, "/usr/etc/security/limits.d");
	origin_dropins(pam->search, pam->root, &dirs, &paths);
	for (size_t i = 0; i < paths.len && !pam->exempt; i++)
		(void)read_file(pam, paths.at[i]);
	origin_names_clear(&paths);
	origin_dirs_clear(&dirs);
}

/* The one that bites, and in words both. */
static void describe(struct pam *pam, struct origin_candidate *out)
{
	struct setting *soft = &pam->soft, *hard = &pam->hard;
	struct setting *main = soft->rank != RANK_NONE ? soft : hard;
	bool both = soft->rank != RANK_NONE && hard->rank != RANK_NONE && soft->file &&
		    hard->file &&
		    (soft->line != hard->line || strcmp(soft->file, hard->file) != 0);

	out->as.kind = ORIGIN_PAM;
	out->as.line = main->line;
	out->changed_ns = main->changed_ns;
	out->as.owner = pam->user->uid;
	out->as.user = origin_format(pam->search, "%s", pam->user->name);
	if (both)
		out->as.evidence = origin_format(
			pam->search,
			"at the login of %s line %u of %s sets \"%s\", line %u of %s "
			"\"%s\"",
			pam->user->name, soft->line, soft->file, soft->text, hard->line,
			hard->file, hard->text);
	else
		out->as.evidence = origin_format(
			pam->search, "at the login of %s line %u of %s sets \"%s\"",
			pam->user->name, main->line, main->file, main->text);
	out->as.file = origin_format(pam->search, "%s", main->file);
	out->as.setting = origin_format(pam->search, "%s", main->text);
}

/* Puts in what no line says. */
static void complete(const struct pam *pam, uint64_t soft, uint64_t hard,
		     struct origin_candidate *out)
{
	out->as.soft = pam->soft.rank != RANK_NONE ? pam->soft.value : soft;
	out->as.hard = pam->hard.rank != RANK_NONE ? pam->hard.value : hard;
	if (out->as.hard && out->as.soft > out->as.hard)
		out->as.soft = out->as.hard;
}

/*
 * What there is before any line: what the process had, but with Debian (and by set_all)
 * what the first process has. systemd raises that one's for itself, so that Debian then
 * takes no more than 1024 as the soft limit, for programs that use select().
 */
static void add_first_process(struct pam *pam, bool has_lines,
			      struct origin_candidates *list)
{
	struct origin_task first;
	struct origin_candidate *out;
	char text[48];

	if (pam->root->foreign || origin_task_read(pam->search, 1, &first) < 0)
		return;
	if (first.limits_known && (out = origin_candidate_add(list))) {
		out->as.kind = ORIGIN_PAM;
		complete(pam, first.soft < 1024 ? first.soft : 1024, first.hard, out);
		if (has_lines)
			describe(pam, out);
		out->as.owner = pam->user->uid;
		if (!out->as.user)
			out->as.user =
				origin_format(pam->search, "%s", pam->user->name);
		if (!has_lines)
			out->as.evidence = origin_format(
				pam->search,
				"no line of limits.conf is about %s: pam_limits gives "
				"what the first process of the system has, %s, with "
				"1024 at most as the soft limit",
				pam->user->name,
				origin_limits_text(first.soft, first.hard, text));
	}
	origin_task_clear(&first);
}

static void read_as(struct pam *pam, uint64_t soft, uint64_t hard,
		    struct origin_candidates *list)
{
	struct origin_candidate *out;
	bool has_soft, has_hard;

	pam->soft.rank = pam->hard.rank = RANK_NONE;
	read_files(pam);
	has_soft = pam->soft.rank != RANK_NONE;
	has_hard = pam->hard.rank != RANK_NONE;
	if (!pam->exempt && (has_soft || has_hard) &&
	    (out = origin_candidate_add(list))) {
		complete(pam, soft, hard, out);
		describe(pam, out);
	}
	if (!pam->exempt && (!has_soft || !has_hard))
		add_first_process(pam, has_soft || has_hard, list);
	clear_setting(&pam->soft);
	clear_setting(&pam->hard);
}

void origin_pam(struct origin_search *search, const struct origin_root *root,
		const struct origin_user *user, uint64_t soft, uint64_t hard,
		struct origin_candidates *list)
{
	struct pam as_others = {.search = search, .root = root, .user = user};
	struct pam as_debian = {
		.search = search, .root = root, .user = user, .spare_root = true};

	/* Whichever it is, the limits that root has will tell. More lines are harder to
	 * fit by chance, so that those with all of them are tried first. */
	read_as(&as_others, soft, hard, list);
	if (user->uid == 0)
		read_as(&as_debian, soft, hard, list);
}
