// SPDX-License-Identifier: GPL-2.0-or-later
#include "unwind/unwinder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Between two looks at how long it takes. */
#define LOOK_MS     250
/* A killed child has so long to end. */
#define END_MS      2000
#define END_LOOK_MS 5
#define STUCK_MAX   64

struct unwinder {
	pid_t pid; /* of whom it is about */
	uint64_t memory;
	pid_t child; /* 0: none */
	int socket;
	unsigned starts;
	struct unwind_stack question;
};

/* ---- children that do not end ---- */

static pthread_mutex_t stuck_lock = PTHREAD_MUTEX_INITIALIZER;
static pid_t stuck[STUCK_MAX];

static void add_stuck(pid_t child)
{
	pthread_mutex_lock(&stuck_lock);
	for (size_t i = 0; i < STUCK_MAX; i++)
		if (!stuck[i]) {
			stuck[i] = child;
			break;
		}
	pthread_mutex_unlock(&stuck_lock);
}

static void reap_stuck(void)
{
	pthread_mutex_lock(&stuck_lock);
	for (size_t i = 0; i < STUCK_MAX; i++)
		if (stuck[i] && waitpid(stuck[i], NULL, WNOHANG))
			stuck[i] = 0;
	pthread_mutex_unlock(&stuck_lock);
}

/* ---- the child ---- */

/* One that waits in the kernel for a file that does not come dies when it does, which may
 * be never: it is left to whoever ends next, and at last to init. */
static void end_child(struct unwinder *u)
{
	const struct timespec nap = {.tv_nsec = END_LOOK_MS * 1000000};
	int left_ms = END_MS;
	pid_t ended;

	if (u->socket >= 0)
		close(u->socket);
	u->socket = -1;
	reap_stuck();
	if (u->child <= 0)
		return;
	kill(u->child, SIGKILL);
	while (!(ended = waitpid(u->child, NULL, WNOHANG)) && left_ms > 0) {
		nanosleep(&nap, NULL);
		left_ms -= END_LOOK_MS;
	}
	if (!ended)
		add_stuck(u->child);
	u->child = 0;
}

/* Ourselves, once more, with nothing of ours but the socket. */
static int spawn(struct unwinder *u, int socket)
{
	static char name[] = "fdwarden", command[] = UNWIND_CHILD_COMMAND;
	char pid[16], memory[24], *envp[] = {NULL};
	char *argv[] = {name, command, pid, memory, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int err;

	snprintf(pid, sizeof(pid), "%d", u->pid);
	snprintf(memory, sizeof(memory), "%llu", (unsigned long long)u->memory);
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
						POSIX_SPAWN_SETPGROUP);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	/* A group of its own: Ctrl-C is for us, who then ask it the last things. */
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, socket, UNWIND_CHILD_SOCKET);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY,
					 0);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY,
					 0);
	posix_spawn_file_actions_addclosefrom_np(&actions, UNWIND_CHILD_SOCKET + 1);
	err = posix_spawn(&u->child, "/proc/self/exe", &actions, &attr, argv, envp);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	if (err)
		u->child = 0;
	return -err;
}

static int start_child(struct unwinder *u)
{
	int pair[2], err;

	if (u->starts == UNWINDER_STARTS_MAX)
		return -ECHILD;
	u->starts++;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	err = spawn(u, pair[1]);
	close(pair[1]);
	u->socket = pair[0];
	if (err)
		end_child(u);
	return err;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* What the child has used of the CPU. */
static int64_t used_ms(const struct unwinder *u)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(u->child, &clock) || clock_gettime(clock, &t))
		return 0;
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A busy machine is no fault of the child's, to wait for a file is; so both are bounded. */
static int wait_for_answer(const struct unwinder *u)
{
	int64_t until = now_ms() + UNWINDER_PATIENCE_MS;
	int64_t until_used = used_ms(u) + UNWINDER_CPU_MS;
	struct pollfd poll_fd = {.fd = u->socket, .events = POLLIN};
	int n;

	do {
		n = poll(&poll_fd, 1, LOOK_MS);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			return 0;
	} while (now_ms() < until && used_ms(u) < until_used);
	return -ETIMEDOUT;
}

/* Sends a question and takes the answer, of `room` bytes at the most. What goes wrong
 * ends the child. */
static int ask(struct unwinder *u, const struct unwind_header *question,
	       struct unwind_header *answer, size_t room)
{
	ssize_t got = 0;
	int err = 0;

	/* The one before was read, or its answer was none: there is always room. */
	if (send(u->socket, question, question->size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		err = -errno;
	if (!err)
		err = wait_for_answer(u);
	if (!err) {
		got = recv(u->socket, answer, room, 0);
		err = got < 0 ? -errno : got ? 0 : -EPIPE;
	}
	if (!err && ((size_t)got < sizeof(*answer) || answer->size != (size_t)got ||
		     answer->type != question->type))
		err = -EPROTO;
	if (err)
		end_child(u);
	return err == -ECONNRESET ? -EPIPE : err;
}

static int prepare(struct unwinder *u, char *why, size_t why_size)
{
	struct unwind_header question = {UNWIND_PREPARE, sizeof(question)};
	struct unwind_prepared answer;
	int err;

	err = start_child(u);
	if (err) {
		snprintf(why, why_size, "the unwinder can't be started: %s",
			 strerror(-err));
		return err;
	}
	err = ask(u, &question, &answer.header, sizeof(answer));
	if (!err && answer.header.size != sizeof(answer)) {
		err = -EPROTO;
		end_child(u);
	}
	if (err) {
		snprintf(why, why_size, "the unwinder: %s",
			 err == -ETIMEDOUT ? "reading the program takes too long"
			 : err == -EPIPE   ? "it has crashed on the program's files"
					   : strerror(-err));
		return err;
	}
	answer.text[sizeof(answer.text) - 1] = 0;
	snprintf(why, why_size, "%s", answer.text);
	if (answer.error)
		end_child(u);
	return answer.error < 0 ? answer.error : 0;
}

/* ---- questions ---- */

static int need_child(struct unwinder *u)
{
	char why[UNWIND_ERROR_MAX];

	return u->child ? 0 : prepare(u, why, sizeof(why));
}

int unwinder_restart(struct unwinder *u)
{
	end_child(u);
	u->starts = 0;
	return need_child(u);
}

static bool chain_is_whole(const struct unwind_chain *chain)
{
	if (chain->header.size < offsetof(struct unwind_chain, words) || !chain->len ||
	    chain->len > UNWIND_FRAMES_MAX || chain->words_len > UNWIND_WORDS_MAX)
		return false;
	return chain->header.size ==
	       offsetof(struct unwind_chain, words) +
		       chain->words_len * sizeof(struct unwind_word);
}

int unwinder_stack(struct unwinder *u, const struct fdw_stack *stack,
		   struct unwind_chain *out)
{
	struct unwind_stack *question = &u->question;
	int err = need_child(u);

	if (err)
		return err;
	memcpy(question->regs, stack->regs, sizeof(question->regs));
	question->flags = stack->flags;
	question->len =
		stack->len <= sizeof(question->bytes) ? stack->len : FDW_STACK_MAX;
	memcpy(question->bytes, stack->bytes, question->len);
	question->header.type = UNWIND_STACK;
	question->header.size =
		(uint32_t)offsetof(struct unwind_stack, bytes) + question->len;
	err = ask(u, &question->header, &out->header, sizeof(*out));
	return err ? err : chain_is_whole(out) ? 0 : -EPROTO;
}

int unwinder_describe(struct unwinder *u, const uint64_t *addresses, size_t len,
		      struct unwind_description *out)
{
	struct unwind_addresses question = {
		.header = {UNWIND_DESCRIBE, sizeof(question)}};
	int err = need_child(u);

	if (err)
		return err;
	if (len > UNWIND_FRAMES_MAX)
		len = UNWIND_FRAMES_MAX;
	question.len = (uint32_t)len;
	memcpy(question.addresses, addresses, len * sizeof(*addresses));
	err = ask(u, &question.header, &out->header, sizeof(*out));
	if (!err && out->header.size < offsetof(struct unwind_description, frames))
		err = -EPROTO;
	return err;
}

bool unwind_description_next(const struct unwind_description *description, size_t *at,
			     struct unwind_described *out)
{
	const char **texts[] = {&out->function, &out->module, &out->file,
				&out->build_id};
	size_t size =
		description->header.size - offsetof(struct unwind_description, frames);
	const char *text = description->frames + *at + sizeof(struct unwind_frame);
	struct unwind_frame frame;

	if (size > sizeof(description->frames) || *at > size ||
	    size - *at < sizeof(frame))
		return false;
	memcpy(&frame, description->frames + *at, sizeof(frame));
	for (int i = 0; i < 4; i++) {
		if (!frame.lens[i] ||
		    frame.lens[i] > (size_t)(description->frames + size - text) ||
		    text[frame.lens[i] - 1])
			return false;
		*texts[i] = text;
		text += frame.lens[i];
	}
	out->address = frame.address;
	out->offset = frame.offset;
	out->line = frame.line;
	out->inlined = frame.inlined;
	*at = (size_t)(text - description->frames);
	return true;
}

/* ---- life ---- */

int unwinder_open(pid_t pid, uint64_t memory, struct unwinder **out, char *why,
		  size_t why_size)
{
	struct unwinder *u = calloc(1, sizeof(*u));
	int err;

	if (!u) {
		snprintf(why, why_size, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	u->pid = pid;
	u->memory = memory ? memory : UNWIND_MEMORY_DEFAULT;
	u->socket = -1;
	err = prepare(u, why, why_size);
	if (err) {
		unwinder_close(u);
		return err;
	}
	*out = u;
	return 0;
}

void unwinder_close(struct unwinder *u)
{
	if (!u)
		return;
	end_child(u);
	free(u);
}
