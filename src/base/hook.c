/* hook.c - programs of the administrator's that answer yes or no */

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"

enum { DEADLINE = 10000, REST = 60000 };	/* ms */

struct hook {
	char		*name;
	int		 users;
	struct child	*child;		/* NULL: not begun, or ended */
	int64_t		 failed;	/* when it last did, or 0 */
	char		 why[300];
	struct hook	*next;
};

static struct hook *hooks;		/* those in use */

static const char *
directory(void)
{
	const char *dir = getenv("ES_HOOKS");

	return dir != NULL && *dir != '\0' ? dir : "/etc/es/hooks";
}

struct hook *
hook_open(const char *name)
{
	struct hook *h;

	if (*name == '\0' || *name == '.' || strlen(name) > NAME_MAX ||
	    strpbrk(name, "/\n\r") != NULL)
		return NULL;
	for (h = hooks; h != NULL && strcmp(h->name, name) != 0; h = h->next)
		;
	if (h == NULL) {
		h = xcalloc(1, sizeof(*h));
		h->name = xstrdup(name);
		h->next = hooks;
		hooks = h;
	}
	h->users++;
	return h;
}

void
hook_close(struct hook *h)
{
	struct hook **p = &hooks;

	if (h == NULL || --h->users > 0)
		return;
	while (*p != h)
		p = &(*p)->next;
	*p = h->next;
	child_end(h->child, true);
	free(h->name);
	free(h);
}

/* ---- whose it is */

/* Only root and we may write it; in a directory as /tmp is, it may stand with
 * others, who cannot put another in its place. */
static bool
is_safe(const char *path, bool last)
{
	struct stat st;

	if (lstat(path, &st) == -1)
		return false;
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return false;
	if (last && (!S_ISREG(st.st_mode) || access(path, X_OK) == -1))
		return false;
	return (st.st_mode & (S_IWGRP | S_IWOTH)) == 0 ||
	    (!last && (st.st_mode & S_ISVTX));
}

static const char *
say(const char *fmt, ...)
{
	static char why[PATH_MAX + 300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return why;
}

/* NULL, or what is wrong with it, or with a directory above it. */
static const char *
check(const struct hook *h, char real[PATH_MAX])
{
	char part[PATH_MAX], path[PATH_MAX];
	size_t i;

	if (snprintf(path, sizeof(path), "%s/%s", directory(), h->name) >=
	    PATH_MAX || realpath(path, real) == NULL)
		return say("there is no program '%s' in '%s': its "
		    "administrator would put it there", h->name, directory());
	for (i = 1; ; i++) {
		if (real[i] != '/' && real[i] != '\0')
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)i, real);
		if (!is_safe(part, real[i] == '\0'))
			return say(real[i] == '\0' ? "the program '%s' is not "
			    "run: it must be executable and belong to root or "
			    "to who runs it, and nobody else may write it" :
			    "'%s' is above a program to be run: it must belong "
			    "to root or to who runs it, and nobody else may "
			    "write it", part);
		if (real[i] == '\0')
			break;
	}
	return is_safe("/", false) ? NULL : "others may write '/'";
}

enum hook_place
hook_place(const struct hook *h)
{
	char *path = xprintf("%s/%s", directory(), h->name);
	enum hook_place place = HOOK_THERE;
	struct stat st;

	if (lstat(path, &st) == -1)
		place = errno == ENOENT && access(directory(), R_OK | X_OK) == 0
		    ? HOOK_GONE : HOOK_NOWHERE;
	free(path);
	return place;
}

const char *
hook_check(const struct hook *h)
{
	char real[PATH_MAX];

	return check(h, real);
}

/* ---- running it */

static int
run(void *path)
{
	const char *tz = getenv("TZ");
	char *env[] = { "PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8",
	    NULL, NULL };
	char *argv[] = { path, NULL };

	if (tz != NULL)
		env[2] = xprintf("TZ=%s", tz);
	if (chdir("/") == -1)
		return TEMPFAIL;
	execve(path, argv, env);
	return TEMPFAIL;
}

/* One that failed is left alone for a while: who asks waits for nothing. */
static int
failed(struct hook *h, const char *why, const char **told)
{
	if (why != h->why)
		snprintf(h->why, sizeof(h->why), "%s", why);
	child_end(h->child, false);
	h->child = NULL;
	if (h->failed == 0)
		h->failed = time_steady();
	*told = h->why;
	return -1;
}

int
hook_ask(struct hook *h, const char *line, size_t len, const char **told)
{
	char real[PATH_MAX];
	const char *why, *answer;
	size_t n;

	if (h->failed != 0 && time_steady() < h->failed + REST)
		return failed(h, h->why, told);
	h->failed = 0;
	if (h->child == NULL) {
		if ((why = check(h, real)) != NULL)
			return failed(h, why, told);
		if ((h->child = child_start(run, real)) == NULL)
			return failed(h, "it cannot be begun", told);
	}
	why = child_ask(h->child, line, len, DEADLINE, &answer, &n);
	if (why == NULL && n == 4 && memcmp(answer, "true", 4) == 0)
		return 1;
	if (why == NULL && n == 5 && memcmp(answer, "false", 5) == 0)
		return 0;
	return failed(h, why != NULL ? say("the program '%s': %s", h->name,
	    why) : say("the program '%s' says '%.100s', neither true nor "
	    "false", h->name, answer), told);
}
