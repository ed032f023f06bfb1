/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looking for where a limit was set. Inside src/state/ only.
 *
 * Each source (a unit, PAM, a container's runtime) adds candidates: what it would give a
 * process. The first that fits what the process has is the origin; that none is taken
 * for its name alone is what keeps the answer from being a guess.
 */
#ifndef FDWARDEN_ORIGIN_IMPL_H
#define FDWARDEN_ORIGIN_IMPL_H

#include <stdarg.h>

#include "guard/open.h"
#include "state/origin.h"

/* A directory that paths are resolved below, and with whose rights: what a container has
 * in its file system can't lead out of it, nor can a user's home to a file that the user
 * may not read. */
struct origin_root {
	struct guard_root at;
	pid_t of;     /* it is /proc/PID/root of this one; 0: our own */
	bool foreign; /* a container's, whose users and processes are others */
};

/* What one look-up may cost, however many files somebody makes: of a host with some
 * hundred units it takes some hundred files and two thousand names, in some milliseconds. */
#define ORIGIN_OPENS_MAX   8192
#define ORIGIN_ENTRIES_MAX 65536
#define ORIGIN_CPU_NS      1000000000ull
#define ORIGIN_TIME_NS     3000000000ull

struct origin_cost {
	unsigned opens, entries;
	uint64_t from_ns, from_cpu_ns; /* when it began */
	bool over;                     /* nothing more is read */
};

/* What a source would give. */
struct origin_candidate {
	struct origin as;
	uint64_t changed_ns; /* when `file` was changed last, since 1970; 0: no file */
};

#define ORIGIN_CANDIDATES_MAX 24

struct origin_candidates {
	struct origin_candidate at[ORIGIN_CANDIDATES_MAX];
	size_t len;
};

/* What the unit of the process starts. */
struct origin_started {
	bool known;
	bool inside;       /* … of a container */
	bool of_user;      /* … of a user's manager */
	char *exec, *file; /* ExecStart=, and where it is; NULL: none. Owned */
	uint32_t line;
};

/* One look-up. */
struct origin_search {
	struct origin_root host;
	bool is_test; /* another root: only its files are asked for users */
	char *denied; /* so far */
	unsigned denied_len;
	uint64_t nr_open; /* 0: unknown */
	bool no_memory;   /* something is missing for want of it */
	struct origin_cost cost;
	struct origin_started started; /* of the first unit that was asked for */
	/* Whose soft limit fdwarden raised: it is taken as it was before. 0: nobody's */
	pid_t raised_pid;
	struct raise raise;
};

/* ---- files ---- */

struct origin_user;

struct origin_file {
	char *text; /* with a NUL behind it. Owned */
	size_t len;
	uint64_t changed_ns;
};

/* Paths are absolute, as seen from the root. */
int origin_root_open_host(struct origin_root *root, const char *path);
/* The file system that a process sees, read with its rights; a failure is noted as
 * denied. */
int origin_root_open_process(struct origin_search *search, pid_t pid,
			     struct origin_root *root);
/* The one in which a user's home is, read with the user's rights: ours, or that of the
 * process `pid` (0: none) if the home is not to be seen here, as in the service's sandbox
 * (ProtectHome=). */
void origin_root_open_home(struct origin_search *search, pid_t pid,
			   const struct origin_user *user, struct origin_root *root);
void origin_root_close(struct origin_root *root);

/* Reads a regular file; what is none, such as /dev/null, is empty. Returns 0,
 * -ENOENT, or another -errno, which is noted as denied. */
int origin_read(struct origin_search *search, const struct origin_root *root,
		const char *path, struct origin_file *out);
void origin_file_clear(struct origin_file *file);

struct origin_names {
	char **at;
	size_t len;
};

/* The names in a directory that end with suffix, sorted by their bytes, hidden ones
 * left out. */
void origin_list(struct origin_search *search, const struct origin_root *root,
		 const char *dir, const char *suffix, struct origin_names *out);
/* Adds one. */
void origin_names_add(struct origin_search *search, struct origin_names *names,
		      const char *name);
bool origin_names_have(const struct origin_names *names, const char *name);
void origin_names_clear(struct origin_names *names);
void origin_names_sort(struct origin_names *names);

/* Calls for each symbolic link in a directory whose name ends with suffix, with the last
 * part of what it points to; in no order. */
typedef void (*origin_on_link)(void *context, const char *name, const char *target);
void origin_links(struct origin_search *search, const struct origin_root *root,
		  const char *dir, const char *suffix, origin_on_link on_link,
		  void *context);

void origin_deny(struct origin_search *search, const char *path, int err);

/* Begins to count what it costs. */
void origin_cost_begin(struct origin_search *search);

/* asprintf(); NULL without memory, which is noted. */
char *origin_format(struct origin_search *search, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- texts ---- */

/* One assignment of a file of systemd's form; `line` is the one it begins in. */
typedef void (*origin_assignment)(void *context, const char *section, const char *key,
				  const char *value, uint32_t line);
/* Cuts the text apart. */
void origin_ini(char *text, origin_assignment assignment, void *context);

/* "1024", "1024:infinity", as systemd reads it: no K, no M. False: it ignores it. */
bool origin_parse_rlimit(const char *text, uint64_t *soft, uint64_t *hard);

/* "1024:4096", "infinity", for a sentence. */
const char *origin_limits_text(uint64_t soft, uint64_t hard, char text[48]);

/* ---- candidates ---- */

/* A new one at the end, zeroed; NULL: there are too many. */
struct origin_candidate *origin_candidate_add(struct origin_candidates *list);
void origin_candidates_clear(struct origin_candidates *list);

enum origin_fit {
	ORIGIN_FIT_NOT,
	ORIGIN_FIT_HARD,   /* only the hard limit is as it gives it */
	ORIGIN_FIT_RAISED, /* … and the soft one was raised to it */
	ORIGIN_FIT_EXACT,
};

enum origin_fit origin_candidate_fit(const struct origin_search *search,
				     const struct origin_candidate *candidate,
				     uint64_t soft, uint64_t hard);

/* ---- processes ---- */

struct origin_task {
	pid_t pid, ppid;
	uint64_t start_ticks;
	char comm[64]; /* hostile */
	bool limits_known;
	uint64_t soft, hard;
	char *cgroup; /* NULL: not known. Owned */
};

/* Reads of a process what is said of it in /proc. 0 or -errno. */
int origin_task_read(struct origin_search *search, pid_t pid, struct origin_task *out);
void origin_task_clear(struct origin_task *task);

/* It is systemd, whose own limits nobody inherits. */
bool origin_task_is_manager(const struct origin_task *task);

/* The limits of the manager that started a task, found among its ancestors. False:
 * not found. */
bool origin_manager_limits(struct origin_search *search, const struct origin_task *task,
			   uint64_t *hard);

/* ---- places: what a cgroup says of who set the limits ---- */

enum origin_place_kind {
	PLACE_NONE,
	PLACE_UNIT,    /* a service of the system's manager */
	PLACE_USER,    /* a service of a user's manager */
	PLACE_SESSION, /* a login's scope */
	PLACE_SCOPE, /* another scope: it was not systemd that started what is in it */
};

#define ORIGIN_UNIT_NAME_MAX 256

struct origin_place {
	enum origin_place_kind kind;
	char unit[ORIGIN_UNIT_NAME_MAX];
	uid_t owner;        /* of session or user's manager; -1: none */
	bool of_login;      /* below user.slice */
	bool in_container;  /* unit and owner are of the container */
	char *container_id; /* NULL: in none. Owned */
	bool claimed;       /* … on the word of its own processes alone */
	const char *runtime;
};

/* 0 or -ENOMEM. */
int origin_place_read(const char *cgroup, struct origin_place *out);
void origin_place_clear(struct origin_place *place);

/* Whose user-UID.slice a cgroup is in, containers or not. */
bool origin_cgroup_owner(const char *cgroup, uid_t *owner);

/* Adds what is known of the place of a task. `uid`: whom it runs as, -1: not known.
 * 0 or -ENOMEM. */
int origin_place_candidates(struct origin_search *search,
			    const struct origin_task *task, uid_t uid,
			    struct origin_candidates *list);

/* ---- users ---- */

struct origin_user {
	uid_t uid;
	gid_t gid;
	char name[64];
	char home[256];
};

/* False: there is none of that uid, or name. */
bool origin_user_by_uid(struct origin_search *search, const struct origin_root *root,
			uid_t uid, struct origin_user *out);
bool origin_user_by_name(struct origin_search *search, const struct origin_root *root,
			 const char *name, struct origin_user *out);
bool origin_user_in_group(struct origin_search *search, const struct origin_root *root,
			  const struct origin_user *user, const char *group);
bool origin_user_in_gid(struct origin_search *search, const struct origin_root *root,
			const struct origin_user *user, gid_t gid);

/* ---- sources ---- */

/* Where a source looks. */
struct origin_scope {
	const struct origin_root *root;
	const struct origin_task
		*task; /* the process that is asked about, or one of its
					   ancestors */
	const struct origin_place *place;
	uint64_t ceiling; /* the manager's own hard limit; 0: unknown */
};

/* What systemd gives the unit of the place, and PAM after that. */
void origin_unit(struct origin_search *search, const struct origin_scope *scope,
		 struct origin_candidates *list);
/* What a manager gives to units that say nothing: the system's, or `user`'s. */
void origin_manager(struct origin_search *search, const struct origin_scope *scope,
		    const struct origin_user *user, struct origin_candidates *list);
/* What pam_limits makes of soft and hard, each 0 where it is not known, in a session of
 * this user. Where no line is about it, the candidate has no file. */
void origin_pam(struct origin_search *search, const struct origin_root *root,
		const struct origin_user *user, uint64_t soft, uint64_t hard,
		struct origin_candidates *list);
/* What a container's runtime gives it. `parent` is outside of it; NULL: not known. */
void origin_container(struct origin_search *search, const struct origin_scope *scope,
		      const struct origin_task *parent, struct origin_candidates *list);

/* LXC and systemd-nspawn, whose containers have a file of their own. */
void origin_container_machine(struct origin_search *search,
			      const struct origin_scope *scope,
			      struct origin_candidates *list);
/* The key `default_ulimits` of the files of Podman and cri-o; `user` NULL: root's. */
void origin_container_conf(struct origin_search *search,
			   const struct origin_scope *scope,
			   const struct origin_user *user,
			   struct origin_candidates *list);
/* A candidate of a container: of its runtime, and for its evidence. The file's name is
 * copied, NULL: none. */
struct origin_candidate *origin_container_add(struct origin_search *search,
					      const struct origin_scope *scope,
					      struct origin_candidates *list,
					      const char *file, uint64_t changed_ns,
					      uint64_t soft, uint64_t hard);

/* A unit's LimitNOFILE=. */
struct origin_unit_setting {
	bool found;  /* there is a file of the unit */
	bool is_set; /* … the next */
	uint64_t soft, hard;
	char *file, *text; /* Owned */
	uint32_t line;
	uint64_t changed_ns;
	char *exec; /* ExecStart= as it is there, in exec_file; NULL: none. Owned */
	char *exec_file;
	uint32_t exec_line;
	uint64_t newest_ns; /* when the newest of all its files was changed */
	char pam_name[64];  /* PAMName=; "": none */
	char user[64];      /* User= */
};

/* Directories of unit files or of drop-ins, the first ones count more. */
#define ORIGIN_DIRS_MAX 24
struct origin_dirs {
	char *at[ORIGIN_DIRS_MAX]; /* Owned */
	size_t len;
};
/* `user` NULL: of the system's manager. */
void origin_unit_dirs(struct origin_search *search, const struct origin_user *user,
		      struct origin_dirs *out);
void origin_dirs_add(struct origin_search *search, struct origin_dirs *dirs,
		     const char *format, ...) __attribute__((format(printf, 3, 4)));
void origin_dirs_clear(struct origin_dirs *dirs);

/* The drop-ins that lie in these directories, in the order in which systemd reads them:
 * sorted by name, and of those with one name only the first. */
void origin_dropins(struct origin_search *search, const struct origin_root *root,
		    const struct origin_dirs *dirs, struct origin_names *paths);

void origin_unit_read(struct origin_search *search, const struct origin_root *root,
		      const struct origin_user *user, const char *unit,
		      struct origin_unit_setting *out);
void origin_unit_setting_clear(struct origin_unit_setting *setting);

#endif
