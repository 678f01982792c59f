/* ndjson.c - lines in, files in, standard output out */

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"

enum { READ_SIZE = 64 << 10, IDLE_MS = 100 };

void
ndjson_open(struct ndjson *in, int fd, const char *name)
{
	*in = (struct ndjson){ .fd = fd, .name = name };
}

/* Would a read wait, and not just for a moment?  Then say so first: what was
 * written so far goes out. */
static void
before_read(const struct ndjson *in)
{
	struct pollfd p = { .fd = in->fd, .events = POLLIN };

	if (in->idle != NULL && poll(&p, 1, IDLE_MS) == 0)
		in->idle();
}

/* More bytes behind what is there; false at the end of input. */
static bool
fill(struct ndjson *in)
{
	ssize_t n;

	if (in->eof)
		return false;
	if (in->start > 0) {
		memmove(in->buf, in->buf + in->start, in->end - in->start);
		in->end -= in->start;
		in->start = 0;
	}
	if (in->cap - in->end < READ_SIZE + 1) {
		in->cap = in->cap == 0 ? 2 * READ_SIZE : in->cap * 2;
		in->buf = xrealloc(in->buf, in->cap);
	}
	before_read(in);
	do
		n = read(in->fd, in->buf + in->end, in->cap - in->end - 1);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		err(TEMPFAIL, "cannot read %s", in->name);
	in->end += n;
	in->eof = n == 0;
	return n > 0;
}

/* The rest of a line that is too long is read and forgotten. */
static int
overlong(struct ndjson *in)
{
	static char head[201];
	char *nl;

	memcpy(head, in->buf + in->start, 200);
	for (;;) {
		nl = memchr(in->buf + in->start, '\n', in->end - in->start);
		if (nl != NULL) {
			in->start = nl + 1 - in->buf;
			break;
		}
		in->start = in->end;
		if (!fill(in))
			break;
	}
	in->line = head;
	in->len = 200;
	return -2;
}

static bool
is_blank(const char *s, size_t n)
{
	while (n > 0 && (*s == ' ' || *s == '\t' || *s == '\r')) {
		s++;
		n--;
	}
	return n == 0;
}

int
ndjson_line(struct ndjson *in)
{
	size_t seen = 0, n;
	char *nl;

	for (;;) {
		n = in->end - in->start;
		nl = n == seen ? NULL :
		    memchr(in->buf + in->start + seen, '\n', n - seen);
		if (nl == NULL && n <= LINE_MAX_BYTES && fill(in)) {
			seen = n;
			continue;
		}
		if (nl == NULL && n == 0)
			return 0;
		in->lineno++;
		if (nl == NULL && n > LINE_MAX_BYTES)
			return overlong(in);
		if (nl != NULL)
			n = nl - (in->buf + in->start);
		in->line = in->buf + in->start;
		in->len = n;
		in->buf[in->start + n] = '\0';
		in->start += nl == NULL ? n : n + 1;
		if (n > LINE_MAX_BYTES) {
			in->len = 200;
			return -2;
		}
		if (!is_blank(in->line, n))
			return 1;
		seen = 0;
	}
}

char *
file_read(const char *path, size_t *len)
{
	bool standard = strcmp(path, "-") == 0;
	FILE *fp = standard ? stdin : fopen(path, "re");
	struct buf b = { 0 };
	char block[READ_SIZE];
	size_t n;

	if (fp == NULL) {
		warn("cannot open '%s'", safe(path));
		return NULL;
	}
	do {
		n = fread(block, 1, sizeof(block), fp);
		buf_add(&b, block, n);
	} while (n == sizeof(block));
	if (ferror(fp)) {
		warn("cannot read '%s'", safe(path));
		buf_free(&b);
	}
	if (!standard)
		fclose(fp);
	*len = b.len;
	return b.p;
}

int
out_close(int status)
{
	if (ferror(stdout) || fclose(stdout) != 0) {
		warn("cannot write standard output");
		return TEMPFAIL;
	}
	return status;
}

/* Beside the file it will replace, with a name of its own. */
static char *
aside(const char *path)
{
	return xprintf("%s.%ld.new", path, (long)getpid());
}

/* A device, a FIFO: it is written, not replaced. */
static bool
is_special(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

FILE *
out_open(const char *path)
{
	char *tmp;
	FILE *fp = NULL;
	int fd;

	if (is_special(path)) {
		if ((fp = fopen(path, "we")) == NULL)
			warn("cannot write '%s'", safe(path));
		return fp;
	}
	tmp = aside(path);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (fd == -1 || (fp = fdopen(fd, "w")) == NULL)
		warn("cannot write '%s'", safe(tmp));
	free(tmp);
	return fp;
}

static int
sync_directory(const char *path)
{
	char *copy = xstrdup(path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	free(copy);
	if (fd == -1)
		return -1;
	/* Some file systems of sticks cannot; the file itself was synced. */
	r = fsync(fd) == -1 && errno != EINVAL ? -1 : 0;
	close(fd);
	return r;
}

int
out_rename(FILE *fp, const char *path)
{
	char *tmp;
	bool bad;

	if (is_special(path)) {
		bad = ferror(fp);
		if (fclose(fp) != 0 || bad) {
			warn("cannot write '%s'", safe(path));
			return -1;
		}
		return 0;
	}
	tmp = aside(path);
	bad = ferror(fp) || fflush(fp) != 0 || fsync(fileno(fp)) == -1;
	if (fclose(fp) != 0)
		bad = true;
	bad = bad || rename(tmp, path) == -1 || sync_directory(path) == -1;
	if (bad) {
		warn("cannot write '%s'", safe(path));
		unlink(tmp);
	}
	free(tmp);
	return bad ? -1 : 0;
}

void
out_drop(FILE *fp, const char *path)
{
	char *tmp;

	fclose(fp);
	if (is_special(path))
		return;
	tmp = aside(path);
	unlink(tmp);
	free(tmp);
}
