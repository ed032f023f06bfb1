// SPDX-License-Identifier: GPL-2.0-or-later
#include "state/container_names.h"

#define HASH_NONFATAL_OOM 1

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uthash.h>

#include "policy/user_budget.h"
#include "thread.h"

/* An id is a user's word: two of them may claim the same one. Zeroed before it is filled. */
struct key {
	uid_t user;
	char id[CONTAINER_ID_LEN + 1];
};

struct entry {
	struct key key;
	struct container_question question;
	bool wanted, known;
	uint64_t read_ns; /* 0: never */
	struct container_names names;
	UT_hash_handle hh;
};

/*
 * Those of root and those of users, each with a thread: what a user makes slow, or makes many of,
 * takes nothing from the others.
 */
enum { OF_ROOT, OF_USERS, CLASSES };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Under the lock. */
static char root_path[PATH_MAX];
static unsigned int root_changes;
static struct user_budget budget = {.share_ns = CONTAINER_NAMES_SHARE_NS};
static struct class
{
	bool started;      /* there is a thread, and the conditions are made */
	bool overdue;      /* somebody has waited in vain */
	struct entry *all; /* the oldest first */
	pthread_cond_t to_do, done;
} classes[CLASSES];

static uint64_t names_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- the thread ---- */

static struct entry *next_wanted(const struct class *self)
{
	struct entry *entry;

	for (entry = self->all; entry; entry = entry->hh.next)
		if (entry->wanted)
			return entry;
	return NULL;
}

static struct entry *find(const struct class *self,
			  const struct container_question *question)
{
	struct entry *entry;
	struct key key;

	memset(&key, 0, sizeof(key));
	key.user = question->user;
	memcpy(key.id, question->id, sizeof(key.id));
	HASH_FIND(hh, self->all, &key, sizeof(key), entry);
	return entry;
}

static bool may_ask(const struct container_question *question)
{
	return question->user == CONTAINER_OF_ROOT ||
	       !user_budget_is_over(&budget, question->user, names_now_ns(), NULL);
}

/* Without the lock. */
static bool ask(const struct container_question *question, const char *root,
		struct container_names *out, uint64_t *took_ns)
{
	uint64_t begun = names_now_ns();
	bool found = container_store_ask(*root ? root : "/", question, out);

	*took_ns = names_now_ns() - begun;
	return found;
}

static void *run(void *of)
{
	struct class *self = of;

	pthread_mutex_lock(&lock);
	for (;;) {
		struct entry *entry = next_wanted(self);
		struct container_question question;
		struct container_names names;
		char root[PATH_MAX];
		unsigned int changes = root_changes;
		uint64_t took_ns;
		bool found;

		if (!entry) {
			pthread_cond_wait(&self->to_do, &lock);
			continue;
		}
		question = entry->question;
		/* Many may have been asked for before the first of them was read. */
		if (!may_ask(&question)) {
			entry->wanted = false;
			continue;
		}
		memcpy(root, root_path, sizeof(root));
		pthread_mutex_unlock(&lock);
		found = ask(&question, root, &names, &took_ns);
		pthread_mutex_lock(&lock);
		self->overdue = false;
		if (question.user != CONTAINER_OF_ROOT)
			user_budget_charge(&budget, question.user, 0, took_ns,
					   names_now_ns());
		/* It may have given way meanwhile, or be of another root. */
		entry = find(self, &question);
		if (entry && changes == root_changes) {
			entry->wanted = false;
			entry->known = found;
			entry->names = names;
			entry->read_ns = names_now_ns();
		}
		pthread_cond_broadcast(&self->done);
	}
	return NULL;
}

static bool start(struct class *self)
{
	pthread_t thread;

	if (self->started)
		return true;
	thread_cond_init(&self->to_do);
	thread_cond_init(&self->done);
	if (thread_start(&thread, "containers", run, self))
		return false;
	pthread_detach(thread);
	self->started = true;
	return true;
}

/* ---- what is asked for ---- */

static void forget(struct class *self, struct entry *entry)
{
	HASH_DEL(self->all, entry);
	free(entry);
}

/* One more has to find room: where a user has a share of all, the oldest of these gives way,
 * else the oldest of all. */
static void make_room(struct class *self, uid_t user)
{
	struct entry *entry, *own = NULL;
	size_t count = 0;

	for (entry = self->all; entry; entry = entry->hh.next) {
		if (entry->question.user != user)
			continue;
		if (!own)
			own = entry;
		count++;
	}
	if (user != CONTAINER_OF_ROOT && count >= CONTAINER_NAMES_OF_USER)
		forget(self, own);
	else if (HASH_COUNT(self->all) >= CONTAINER_NAMES_MAX)
		forget(self, self->all);
}

static struct entry *remember(struct class *self,
			      const struct container_question *question)
{
	struct entry *entry;

	make_room(self, question->user);
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->question = *question;
	entry->key.user = question->user;
	memcpy(entry->key.id, question->id, sizeof(entry->key.id));
	HASH_ADD(hh, self->all, key, sizeof(entry->key), entry);
	if (!entry->hh.tbl) { /* no memory for its place */
		free(entry);
		return NULL;
	}
	return entry;
}

static bool is_old(const struct entry *entry)
{
	uint64_t age = names_now_ns() - entry->read_ns;

	return !entry->read_ns ||
	       age > (entry->known ? CONTAINER_NAMES_OLD_NS : CONTAINER_NAMES_AGAIN_NS);
}

/* What is known is told at once, also while it is read anew. For what a user's files say nobody
 * waits: that user could make it long. */
static bool look_up(struct class *self, const struct container_question *question,
		    struct container_names *out)
{
	struct timespec until = thread_deadline(CONTAINER_NAMES_WAIT_NS);
	struct entry *entry;

	entry = find(self, question);
	if (!entry && may_ask(question))
		entry = remember(self, question);
	if (!entry || !start(self))
		return false;
	if (is_old(entry) && !entry->wanted && may_ask(question)) {
		entry->wanted = true;
		pthread_cond_signal(&self->to_do);
	}
	while (entry && entry->wanted && !entry->known && !self->overdue &&
	       question->user == CONTAINER_OF_ROOT) {
		if (pthread_cond_timedwait(&self->done, &lock, &until))
			self->overdue = true;
		entry = find(self, question);
	}
	if (!entry || !entry->known)
		return false;
	*out = entry->names;
	return true;
}

/* Whose it is that claims a container: of a user's manager, or of his slice. */
static bool claimed_by_user(const char *claimed_by, uid_t *out)
{
	unsigned uid = 0;
	int end = 0;

	if (sscanf(claimed_by, "user@%10u.service%n", &uid, &end) != 1 || !end)
		(void)(sscanf(claimed_by, "user-%10u.slice%n", &uid, &end) == 1);
	*out = (uid_t)uid;
	return end && !claimed_by[end] && uid;
}

static bool make_question(const struct identity *who, struct container_question *out)
{
	const char *runtime = who->container_runtime;

	*out = (struct container_question){
		.docker = !runtime || !strcmp(runtime, "docker"),
		.podman = !runtime || !strcmp(runtime, "podman"),
		.user = CONTAINER_OF_ROOT,
	};
	if (!who->container_id || who->pod_uid || (!out->docker && !out->podman) ||
	    strlen(who->container_id) != CONTAINER_ID_LEN ||
	    strspn(who->container_id, "0123456789abcdef") != CONTAINER_ID_LEN)
		return false;
	memcpy(out->id, who->container_id, CONTAINER_ID_LEN + 1);
	return !who->claimed_by || claimed_by_user(who->claimed_by, &out->user);
}

bool container_names_find(const struct identity *who, struct container_names *out)
{
	struct container_question question;
	bool found;

	memset(out, 0, sizeof(*out));
	/* What a daemon has told. */
	if (who->container_name && !who->pod_name) {
		snprintf(out->name, sizeof(out->name), "%s", who->container_name);
		snprintf(out->image, sizeof(out->image), "%s",
			 who->container_image ? who->container_image : "");
		return true;
	}
	if (!make_question(who, &question))
		return false;
	pthread_mutex_lock(&lock);
	found = look_up(
		&classes[question.user == CONTAINER_OF_ROOT ? OF_ROOT : OF_USERS],
		&question, out);
	pthread_mutex_unlock(&lock);
	return found;
}

void container_names_set_root(const char *root)
{
	struct entry *entry, *next;

	pthread_mutex_lock(&lock);
	snprintf(root_path, sizeof(root_path), "%s", root ? root : "");
	root_changes++;
	for (size_t i = 0; i < CLASSES; i++)
		HASH_ITER (hh, classes[i].all, entry, next)
			forget(&classes[i], entry);
	pthread_mutex_unlock(&lock);
}
