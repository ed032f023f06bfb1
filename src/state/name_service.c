/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state/name_service.h"

#include <errno.h>
#include <pthread.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "state/user_names.h"
#include "thread.h"

#define SECOND_NS        1000000000ull
/* An answer that took this long is overdue, which is said in the log. */
#define OVERDUE_NS       SECOND_NS
/* An entry of a user with a picture in it is some 100 KB. */
#define ENTRY_FIRST_SIZE 1024
#define ENTRY_MOST_SIZE  (1u << 20)

struct name {
	uid_t uid;
	enum name_service_answer answer;
	char text[NAME_SERVICE_LEN];
	uint64_t until_ns; /* then it is asked for anew */
	bool asked;        /* it is in the thread's queue */
	UT_hash_handle hh; /* in the order of asking */
};

/* The thread's, and the caller's: the last of them frees it. */
struct work {
	atomic_int holders;
	pthread_mutex_t lock; /* of all that follows; never held while asking */
	pthread_cond_t asked, answered;
	name_service_lookup lookup;
	bool leave;
	uid_t queue[NAME_SERVICE_USERS]; /* to be asked, a ring */
	size_t first, len;
	bool busy; /* one is being asked for */
	uid_t now;
	/* the answer that has not been taken yet; the thread waits with it */
	bool done;
	int err;
	char text[NAME_SERVICE_LEN];
};

struct name_service {
	struct work *work;
	bool running;
	struct name *names;
	uint64_t busy_since_ns; /* the caller saw it begin to wait; 0: it does not */
	uint64_t room_ns, room_at_ns;
	bool told;
};

/* ---- the thread ---- */

static int ask_system(uid_t uid, char name[NAME_SERVICE_LEN])
{
	struct passwd entry, *found = NULL;
	int err = ERANGE;

	name[0] = '\0';
	for (size_t size = ENTRY_FIRST_SIZE; err == ERANGE && size <= ENTRY_MOST_SIZE;
	     size *= 4) {
		char *strings = malloc(size);

		if (!strings)
			return -ENOMEM;
		err = getpwuid_r(uid, &entry, strings, size, &found);
		if (!err && found && strlen(entry.pw_name) < NAME_SERVICE_LEN)
			memcpy(name, entry.pw_name, strlen(entry.pw_name) + 1);
		free(strings);
	}
	return -err;
}

static void release(struct work *work)
{
	if (atomic_fetch_sub(&work->holders, 1) > 1)
		return;
	pthread_cond_destroy(&work->asked);
	pthread_cond_destroy(&work->answered);
	pthread_mutex_destroy(&work->lock);
	free(work);
}

static void *run(void *arg)
{
	struct work *work = arg;
	char text[NAME_SERVICE_LEN];
	int err;

	pthread_mutex_lock(&work->lock);
	for (;;) {
		while ((!work->len || work->done) && !work->leave)
			pthread_cond_wait(&work->asked, &work->lock);
		if (work->leave)
			break;
		work->now = work->queue[work->first];
		work->first = (work->first + 1) % NAME_SERVICE_USERS;
		work->len--;
		work->busy = true;
		pthread_mutex_unlock(&work->lock);
		err = work->lookup(work->now, text);
		pthread_mutex_lock(&work->lock);
		work->busy = false;
		work->done = true;
		work->err = err;
		memcpy(work->text, text, sizeof(work->text));
		pthread_cond_signal(&work->answered);
	}
	pthread_mutex_unlock(&work->lock);
	release(work);
	return NULL;
}

/* ---- the caller ---- */

struct name_service *name_service_new(name_service_lookup lookup)
{
	struct name_service *names = calloc(1, sizeof(*names));
	struct work *work = names ? calloc(1, sizeof(*work)) : NULL;

	if (!work) {
		free(names);
		return NULL;
	}
	work->lookup = lookup ? lookup : ask_system;
	atomic_init(&work->holders, 1);
	pthread_mutex_init(&work->lock, NULL);
	pthread_cond_init(&work->asked, NULL);
	thread_cond_init(&work->answered);
	names->work = work;
	return names;
}

/* Made when it is needed first: most have no rule by user. */
static bool start(struct name_service *names)
{
	pthread_t thread;

	if (names->running)
		return true;
	atomic_fetch_add(&names->work->holders, 1);
	if (thread_start_plain(&thread, "names", run, names->work)) {
		release(names->work);
		return false;
	}
	pthread_detach(thread);
	names->running = true;
	return true;
}

/* Takes the answer, if there is one. With the lock. */
static void take(struct name_service *names, uint64_t now_ns)
{
	struct work *work = names->work;
	uid_t uid = work->now;
	struct name *name;

	if (!work->done)
		return;
	work->done = false;
	names->busy_since_ns = 0;
	pthread_cond_signal(&work->asked);
	HASH_FIND(hh, names->names, &uid, sizeof(uid), name);
	if (!name)
		return;
	name->asked = false;
	name->until_ns = now_ns + NAME_SERVICE_NONE_NS;
	if (work->err) /* what was known still holds */
		return;
	name->answer = *work->text ? NAME_SERVICE_KNOWN : NAME_SERVICE_NONE;
	memcpy(name->text, work->text, sizeof(name->text));
	if (*work->text)
		name->until_ns = now_ns + NAME_SERVICE_KEEP_NS;
}

static struct name *name_of(struct name_service *names, uid_t uid)
{
	struct name *name, *oldest = names->names;

	HASH_FIND(hh, names->names, &uid, sizeof(uid), name);
	if (name)
		return name;
	name = calloc(1, sizeof(*name));
	if (!name)
		return NULL;
	if (HASH_COUNT(names->names) == NAME_SERVICE_USERS) {
		HASH_DEL(names->names, oldest);
		free(oldest);
	}
	name->uid = uid;
	HASH_ADD(hh, names->names, uid, sizeof(uid), name);
	if (!name->hh.tbl) {
		free(name);
		return NULL;
	}
	return name;
}

/* With the lock. */
static void enqueue(struct name_service *names, struct name *name)
{
	struct work *work = names->work;

	if (name->asked || work->len == NAME_SERVICE_USERS)
		return;
	name->asked = true;
	work->queue[(work->first + work->len++) % NAME_SERVICE_USERS] = name->uid;
	pthread_cond_signal(&work->asked);
}

/* Waits for the answer to `name` as long as there is room. With the lock. */
static void wait_for(struct name_service *names, struct name *name, uint64_t now_ns)
{
	struct work *work = names->work;
	struct timespec until;
	bool late = false;

	if (now_ns - names->room_at_ns >= SECOND_NS) {
		names->room_ns = NAME_SERVICE_ROOM_NS;
		names->room_at_ns = now_ns;
	}
	if (names->busy_since_ns || names->room_ns < NAME_SERVICE_WAIT_NS)
		return;
	until = thread_deadline(NAME_SERVICE_WAIT_NS);
	while (name->asked && !late) {
		late = pthread_cond_timedwait(&work->answered, &work->lock, &until);
		take(names, now_ns);
	}
	if (!late)
		return;
	names->room_ns -= NAME_SERVICE_WAIT_NS;
	names->busy_since_ns = now_ns;
}

static enum name_service_answer ask(struct name_service *names, uid_t uid,
				    uint64_t now_ns, char text[NAME_SERVICE_LEN])
{
	struct name *name = name_of(names, uid);

	if (!name || !start(names))
		return NAME_SERVICE_WAITS;
	pthread_mutex_lock(&names->work->lock);
	take(names, now_ns);
	if (now_ns >= name->until_ns) {
		enqueue(names, name);
		if (name->answer == NAME_SERVICE_WAITS)
			wait_for(names, name, now_ns);
	}
	pthread_mutex_unlock(&names->work->lock);
	memcpy(text, name->text, NAME_SERVICE_LEN);
	return name->answer;
}

enum name_service_answer name_service_find(struct name_service *names, uid_t uid,
					   uint64_t now_ns, char name[NAME_SERVICE_LEN])
{
	name[0] = '\0';
	if (user_names_find(uid, name, NAME_SERVICE_LEN))
		return NAME_SERVICE_KNOWN;
	return ask(names, uid, now_ns, name);
}

bool name_service_report(struct name_service *names, uint64_t now_ns, char *line,
			 size_t size)
{
	bool overdue;

	pthread_mutex_lock(&names->work->lock);
	take(names, now_ns);
	overdue = names->busy_since_ns && now_ns - names->busy_since_ns >= OVERDUE_NS;
	pthread_mutex_unlock(&names->work->lock);
	if (overdue == names->told)
		return false;
	names->told = overdue;
	snprintf(line, size, "%s",
		 overdue ? "the name service (NSS) does not answer: rules by user do "
			   "not apply to users that are not in /etc/passwd until it "
			   "does"
			 : "the name service (NSS) answers again");
	return true;
}

void name_service_free(struct name_service *names)
{
	struct name *name, *next;

	if (!names)
		return;
	pthread_mutex_lock(&names->work->lock);
	names->work->leave = true;
	pthread_cond_signal(&names->work->asked);
	pthread_mutex_unlock(&names->work->lock);
	release(names->work);
	HASH_ITER (hh, names->names, name, next) {
		HASH_DEL(names->names, name);
		free(name);
	}
	free(names);
}
