/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a process's RLIMIT_NOFILE was set: found in the files of systemd, PAM and
 * container runtimes, in the limits of its ancestors, and in what the sensor saw the
 * process do itself.
 */
#ifndef FDWARDEN_ORIGIN_H
#define FDWARDEN_ORIGIN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "state/identity.h"
#include "state/raises.h"
#include "state/script.h"

/* The names are in origin_kind_name(). */
enum origin_kind {
	ORIGIN_UNKNOWN,         /* nothing that was found explains the value */
	ORIGIN_UNIT,            /* LimitNOFILE= of its systemd unit or a drop-in */
	ORIGIN_MANAGER_DEFAULT, /* DefaultLimitNOFILE= of systemd, or what it was built with */
	ORIGIN_CONTAINER, /* the container's runtime */
	ORIGIN_PAM,       /* a line of limits.conf, for a login session */
	ORIGIN_PARENT,    /* inherited from a shell or another parent */
	ORIGIN_SELF,      /* it set the limit itself */
	ORIGIN_KERNEL,    /* the kernel's own default: 1024 and 4096 */
	ORIGIN_KINDS
};

/* What the caller knows. */
struct origin_question {
	const struct identity *who;
	uint64_t soft_limit, hard_limit;
	bool own_limit;       /* the sensor saw it set its own limit */
	bool own_limit_known; /* it was watched since its start */
	struct raise
		raise; /* by which fdwarden itself raised its soft limit; `to` 0: it
				 did not. Then the origin is that of the limit before */
};

struct origin {
	enum origin_kind kind;
	bool soft_raised;  /* the soft limit was raised to the hard one (as Go and Node
			      do), by raised_by; kind says where the hard one came from */
	bool user_session; /* of a login, not of a service */
	bool stale;        /* `file` was changed after the process began, which has what
			      it said before: to restart it will do */
	bool inside;       /* unit and file are those of its container */
	bool claimed;      /* … which is one on the word of its own processes alone */
	bool user_manager; /* `unit` is of the manager of `owner`, not of the system's */
	bool script_of_unit; /* `script` is a file of `unit`, whose ExecStart= has a command
			 for a shell */
	bool forked; /* ORIGIN_SELF: its parent, of the same name, has other limits: nothing
			 stands between them but the program itself */
	bool selects; /* not of the limit: a thread of the process was seen to wait in
			 select(2), which takes no descriptor above 1023 */
	uint64_t soft,
		hard;     /* as they are set there; 0: not told there; ~0: infinity */
	uint64_t ceiling; /* what sets it can't go beyond this; 0: only fs.nr_open */
	uint64_t given_soft, given_hard; /* what its unit is given, though something
				between the two changed it; 0: not known, or nothing did */
	uint32_t line;                   /* of `file`; 0: none */
	pid_t parent;                    /* ORIGIN_PARENT: who; 0: none */
	pid_t raised_by; /* an ancestor; 0: the process itself, or it is not known */
	uint64_t front_hard; /* the hard limit in front of the script; 0: not known */
	struct raise
		raise; /* what fdwarden made of that limit since; `to` 0: nothing */
	struct script_finding statements; /* of `script` */
	uid_t owner;                      /* whose session or manager; -1: none */
	char *file; /* "/etc/systemd/system/app.service.d/limits.conf"; NULL: none. Owned. */
	char *setting; /* the line: "LimitNOFILE=4096", "* soft nofile 1024". Owned, hostile. */
	char *unit;        /* "nginx.service", "user@1000.service"; of a container its
		       runtime's. Owned; NULL */
	char *runtime;     /* "docker", "containerd", "podman", … . Owned; NULL */
	char *user;        /* name of `owner`. Owned; NULL: not known */
	char *parent_name; /* Owned, hostile; NULL */
	char *opener; /* who began the PAM session, if it is no login's: "cron", "su".
		       Owned; NULL */
	char *script; /* a script, or the like, with a statement that sets this limit, in
			 front of the process or of one above it. Owned, hostile; NULL:
			 none was found. What it sets counts more than `file`, where that
			 is another one */
	char *restart; /* where another process changed the limit since: what the next one
		       begins with, a plain sentence. Owned, hostile; NULL: not known, or
		       it is the same */
	char *evidence; /* a plain sentence. Owned, hostile. */
	char *denied;   /* what could not be read, and why. Owned; NULL: all was read */
};

/*
 * Looks it up: reads files and /proc, and may so wait for them. Never on the event
 * loop. Returns 0, -ESRCH if the process is gone, -ENOMEM; out is to be cleared in any
 * case.
 */
int origin_find(const struct origin_question *question, struct origin *out);
void origin_clear(struct origin *origin);

/* "systemd-unit", "systemd-default", "container", "pam", "parent", "self", "kernel",
 * "unknown". Static. */
const char *origin_kind_name(enum origin_kind kind);

/* For tests: another root for /etc, /run, /usr/lib and /proc. NULL: "". */
void origin_set_root(const char *root);

#endif
