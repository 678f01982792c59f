/* child.c - a process beside ours that answers lines */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base.h"

enum { REPLY_MAX = LINE_MAX_BYTES, LAST_WORDS = 1000 };

struct child {
	pid_t		 pid;
	int		 to, from;
	struct buf	 got;
	size_t		 taken;		/* of it, by the last answer */
};

/* ---- beginning */

static void
as_child(int in, int out, int (*run)(void *), void *arg)
{
	sigset_t none;
	int sig;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* Neither may lie where the other is to go. */
	in = fcntl(in, F_DUPFD, 3);
	out = fcntl(out, F_DUPFD, 3);
	if (in == -1 || out == -1 || dup2(in, 0) == -1 || dup2(out, 1) == -1)
		_exit(TEMPFAIL);
	close_range(3, ~0U, 0);
	_exit(run(arg));
}

struct child *
child_start(int (*run)(void *), void *arg)
{
	struct child *c;
	int to[2], from[2];
	pid_t pid = -1;

	if (pipe2(to, O_CLOEXEC) == -1)
		return NULL;
	if (pipe2(from, O_CLOEXEC) == -1) {
		close(to[0]);
		close(to[1]);
		return NULL;
	}
	if ((pid = fork()) == 0)
		as_child(to[0], from[1], run, arg);
	close(to[0]);
	close(from[1]);
	if (pid == -1) {
		close(to[1]);
		close(from[0]);
		return NULL;
	}
	setpgid(pid, pid);
	c = xcalloc(1, sizeof(*c));
	*c = (struct child){ .pid = pid, .to = to[1], .from = from[0] };
	fcntl(c->to, F_SETFL, O_NONBLOCK);
	fcntl(c->from, F_SETFL, O_NONBLOCK);
	return c;
}

/* ---- asking */

/* A child that is gone is no reason for us to go. */
static ssize_t
write_to(struct child *c, const char *s, size_t n)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, was;
	ssize_t r;
	int e;

	sigaction(SIGPIPE, &ignore, &was);
	r = write(c->to, s, n);
	e = errno;
	sigaction(SIGPIPE, &was, NULL);
	errno = e;
	return r;
}

static bool
again(ssize_t r)
{
	return r == -1 && (errno == EAGAIN || errno == EINTR);
}

/* What there is to be read; false at its end. */
static bool
take(struct child *c)
{
	char part[16 << 10];
	ssize_t r = read(c->from, part, sizeof(part));

	if (r > 0)
		buf_add(&c->got, part, r);
	return r > 0 || again(r);
}

static char *
line_end(struct child *c)
{
	return c->got.len == 0 ? NULL : memchr(c->got.p, '\n', c->got.len);
}

/* Writes, and reads up to the end of a line. */
static const char *
talk(struct child *c, const char *s, size_t len, int64_t until)
{
	struct pollfd p[2] = { { .fd = c->from, .events = POLLIN },
	    { .fd = c->to, .events = POLLOUT } };
	int64_t left;
	ssize_t r;

	while (len > 0 || line_end(c) == NULL) {
		if ((left = until - time_steady()) <= 0)
			return "it takes too long";
		p[1].fd = len > 0 ? c->to : -1;
		if (poll(p, 2, left) == -1 && errno != EINTR)
			return "it cannot be waited for";
		if (p[1].fd != -1 && p[1].revents != 0) {
			if ((r = write_to(c, s, len)) == -1 && !again(r))
				return "it ended";
			s += r > 0 ? r : 0;
			len -= r > 0 ? r : 0;
		}
		if (p[0].revents != 0 && !take(c))
			return "it ended";
		if (c->got.len > REPLY_MAX)
			return "its answer is too long";
	}
	return NULL;
}

const char *
child_ask(struct child *c, const char *line, size_t len, int64_t ms,
    const char **answer, size_t *n)
{
	const char *why;
	char *end;

	/* It speaks when it is spoken to. */
	if (len > 0 && !take(c))
		return "it ended";
	if (len > 0 && c->got.len > c->taken)
		return "it said more than was asked";
	if (len > 0)
		c->got.len = c->taken = 0;
	if ((why = talk(c, line, len, time_steady() + ms)) != NULL)
		return why;
	end = line_end(c);
	*end = '\0';
	c->taken = end + 1 - c->got.p;
	*answer = c->got.p;
	*n = end - c->got.p;
	return NULL;
}

/* ---- ending */

/* With nothing more to read it may go by itself; else it is made to. */
void
child_end(struct child *c, bool kindly)
{
	int64_t until = time_steady() + LAST_WORDS, left;
	struct pollfd p;

	if (c == NULL)
		return;
	close(c->to);
	p = (struct pollfd){ .fd = c->from, .events = POLLIN };
	while (kindly && (left = until - time_steady()) > 0 &&
	    (poll(&p, 1, left) != 1 || take(c)))
		c->got.len = 0;
	kill(-c->pid, SIGKILL);
	kill(c->pid, SIGKILL);
	while (waitpid(c->pid, NULL, 0) == -1 && errno == EINTR)
		;
	close(c->from);
	buf_free(&c->got);
	free(c);
}
