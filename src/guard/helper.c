// SPDX-License-Identifier: GPL-2.0-or-later
#include "guard/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef CAP_CHECKPOINT_RESTORE
#define CAP_CHECKPOINT_RESTORE 40
#endif

/* Between two looks at how long it takes. */
#define LOOK_MS     250
/* A killed helper has so long to end. */
#define END_MS      2000
#define END_LOOK_MS 5
#define FIRST_FD    16 /* above all that it is given */
#define SPACE_BYTES (8ull << 30)
#define FILES       4096u

/* ---- helpers that do not end ---- */

static pthread_mutex_t stuck_lock = PTHREAD_MUTEX_INITIALIZER;
static struct helper_stuck {
	pid_t pid; /* 0: none */
	uid_t uid;
} stuck[HELPER_STUCK_MAX];

static void helper_add_stuck(const struct helper *helper)
{
	pthread_mutex_lock(&stuck_lock);
	for (size_t i = 0; i < HELPER_STUCK_MAX; i++)
		if (!stuck[i].pid) {
			stuck[i] = (struct helper_stuck){helper->pid, helper->uid};
			break;
		}
	pthread_mutex_unlock(&stuck_lock);
}

/* Takes those that have ended; false: no place is left for another one of this user's. */
static bool helper_reap_stuck(uid_t uid)
{
	unsigned of_user = 0;
	bool room = false;

	pthread_mutex_lock(&stuck_lock);
	for (size_t i = 0; i < HELPER_STUCK_MAX; i++) {
		if (stuck[i].pid && waitpid(stuck[i].pid, NULL, WNOHANG))
			stuck[i].pid = 0;
		room |= !stuck[i].pid;
		of_user += stuck[i].pid && stuck[i].uid == uid;
	}
	pthread_mutex_unlock(&stuck_lock);
	return room && (!uid || of_user < HELPER_STUCK_USER);
}

/* ---- life ---- */

/* One that waits in the kernel for a file that does not come dies when it does, which may
 * be never: it is left to whoever ends or starts one next, and at last to init. */
void helper_end(struct helper *helper)
{
	const struct timespec nap = {.tv_nsec = END_LOOK_MS * 1000000};
	int left_ms = END_MS;
	pid_t ended;

	if (helper->pid <= 0)
		return;
	close(helper->socket);
	(void)helper_reap_stuck(helper->uid);
	kill(helper->pid, SIGKILL);
	while (!(ended = waitpid(helper->pid, NULL, WNOHANG)) && left_ms > 0) {
		nanosleep(&nap, NULL);
		left_ms -= END_LOOK_MS;
	}
	if (!ended)
		helper_add_stuck(helper);
	*helper = (struct helper){0};
}

static int helper_set_files(posix_spawn_file_actions_t *actions, int socket, int peer)
{
	int err = posix_spawn_file_actions_init(actions);

	if (err)
		return err;
	err = posix_spawn_file_actions_adddup2(actions, socket, HELPER_SOCKET);
	if (!err && peer >= 0)
		err = posix_spawn_file_actions_adddup2(actions, peer, HELPER_PEER);
	if (!err)
		err = posix_spawn_file_actions_addopen(actions, STDIN_FILENO,
						       "/dev/null", O_RDONLY, 0);
	if (!err)
		err = posix_spawn_file_actions_addopen(actions, STDOUT_FILENO,
						       "/dev/null", O_WRONLY, 0);
	if (!err)
		err = posix_spawn_file_actions_addclosefrom_np(
			actions, peer < 0 ? HELPER_SOCKET + 1 : HELPER_PEER + 1);
	return err;
}

/* With nothing of ours but the sockets. */
static int helper_spawn(pid_t *pid, const char *const arguments[], int socket, int peer)
{
	static char name[] = "fdwarden";
	char *argv[6] = {name}, *envp[] = {NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int err;

	for (size_t i = 0; i < 4 && arguments[i]; i++)
		argv[i + 1] = (char *)(uintptr_t)arguments[i];
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
						POSIX_SPAWN_SETPGROUP);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	/* A group of its own: Ctrl-C is for us, who then ask it the last things. */
	posix_spawnattr_setpgroup(&attr, 0);
	err = helper_set_files(&actions, socket, peer);
	if (!err)
		err = posix_spawn(pid, "/proc/self/exe", &actions, &attr, argv, envp);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return -err;
}

/* Above the numbers that the helper knows its own by, so that one does not take the other's
 * place while they are put there. */
static int helper_lift(int fd)
{
	int lifted = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FD);

	return lifted < 0 && fd >= 0 ? -errno : lifted;
}

int helper_start(struct helper *helper, uid_t uid, const char *const arguments[],
		 int peer)
{
	int pair[2], given, shared, err;
	pid_t pid = 0;

	*helper = (struct helper){0};
	if (!helper_reap_stuck(uid))
		return -EBUSY;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	given = helper_lift(pair[1]);
	shared = helper_lift(peer);
	close(pair[1]);
	err = given < 0 ? given : peer >= 0 && shared < 0 ? shared : 0;
	if (!err)
		err = helper_spawn(&pid, arguments, given, shared);
	if (given >= 0)
		close(given);
	if (shared >= 0)
		close(shared);
	if (err)
		close(pair[0]);
	else
		*helper = (struct helper){pid, pair[0], uid};
	return err;
}

/* ---- questions ---- */

static int64_t helper_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* What it has used of the CPU. */
static int64_t helper_used_ms(const struct helper *helper)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(helper->pid, &clock) || clock_gettime(clock, &t))
		return 0;
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int helper_wait(const struct helper *helper,
		       const struct helper_patience *patience)
{
	int64_t until = helper_now_ms() + patience->all_ms;
	int64_t until_used = helper_used_ms(helper) + patience->cpu_ms;
	struct pollfd poll_fd = {.fd = helper->socket, .events = POLLIN};
	int n;

	do {
		n = poll(&poll_fd, 1, LOOK_MS);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			return 0;
	} while (helper_now_ms() < until && helper_used_ms(helper) < until_used);
	return -ETIMEDOUT;
}

ssize_t helper_ask(struct helper *helper, const void *question, size_t len,
		   void *answer, size_t room, const struct helper_patience *patience)
{
	ssize_t got = 0;
	int err = helper->pid > 0 ? 0 : -EPIPE;

	/* The one before was read, or its answer was none: there is always room. */
	if (!err &&
	    send(helper->socket, question, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		err = -errno;
	if (!err)
		err = helper_wait(helper, patience);
	if (!err) {
		got = recv(helper->socket, answer, room, MSG_DONTWAIT);
		err = got < 0 ? -errno : got ? 0 : -EPIPE;
	}
	if (err)
		helper_end(helper);
	if (err == -ECONNRESET)
		err = -EPIPE;
	return err ? err : got;
}

/* ---- the helper's side ---- */

int helper_check(void)
{
	char none;

	if (recv(HELPER_SOCKET, &none, 0, MSG_PEEK | MSG_DONTWAIT) < 0 &&
	    errno != EAGAIN && errno != EWOULDBLOCK)
		return -errno;
	return 0;
}

static void helper_limit(int resource, rlim_t value)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit))
		return;
	if (value > limit.rlim_max)
		value = limit.rlim_max;
	limit.rlim_cur = limit.rlim_max = value;
	setrlimit(resource, &limit);
}

static int helper_drop(enum helper_rights rights)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
	static const int kept[] = {CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH,
				   CAP_CHECKPOINT_RESTORE};
	uint32_t keep[_LINUX_CAPABILITY_U32S_3] = {0};
	bool more = false;

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (rights == HELPER_READS_OTHERS)
			keep[kept[i] / 32] |= 1u << (kept[i] % 32);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capget, &header, data))
		return -errno;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		more |= (data[i].effective | data[i].permitted) & ~keep[i];
		data[i].effective &= keep[i];
		data[i].permitted &= keep[i];
		data[i].inheritable = 0;
	}
	/* Who has none to give up need not be able to. */
	return syscall(SYS_capset, &header, data) && more ? -errno : 0;
}

static int helper_filter(enum call_filter filter)
{
#if defined(__SANITIZE_ADDRESS__)
	(void)filter;
	return 0;
#else
	int err = call_filter_set(filter);

	return err == -ENOSYS ? 0 : err;
#endif
}

int helper_confine(const char *name, const struct helper_bounds *bounds)
{
	int err;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_NAME, name);
	err = helper_drop(bounds->rights);
	helper_limit(RLIMIT_CORE, 0);
	helper_limit(RLIMIT_FSIZE, 0);
	helper_limit(RLIMIT_CPU, bounds->cpu_seconds);
	helper_limit(RLIMIT_NOFILE, FILES);
#if !defined(__SANITIZE_ADDRESS__)
	/* Files as they are mapped count, too. */
	helper_limit(RLIMIT_DATA, bounds->memory);
	helper_limit(RLIMIT_AS, SPACE_BYTES);
#endif
	return err ? err : helper_filter(bounds->filter);
}

int helper_hear(void *question, size_t size)
{
	ssize_t got;

	do
		got = recv(HELPER_SOCKET, question, size, 0);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	return (size_t)got == size ? 0 : -EPROTO;
}
