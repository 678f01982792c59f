/* es-notify - tell consumers that there is news for them */

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sync/sync.h"

static const char usage[] =
    "usage: es-notify [-nqv] [-s site] [file ...]\n";

enum { AT_ONCE = 16 };			/* consumers that are waited for */

struct outcome {			/* of telling a consumer */
	int		 status;	/* of HTTP; 0: no answer */
	int		 fault;		/* DONE, MISUSE or TEMPFAIL */
	char		 why[1500];
};

struct consumer_at {			/* an Event Consumer that can be told */
	const char	*name, *url, *key, *secret;
	struct view	*view;		/* NULL: it is to be told */
	pid_t		 pid;		/* of the child that tells it */
	int		 fd;		/* where its outcome comes from */
};

struct notify {
	struct site	*s;
	struct arena	 run, line;
	struct consumer_at *consumers;
	size_t		 n;
	int64_t		 events;
	int		 status;
	bool		 ended;		/* the last line was an end line */
};

static void
worse(struct notify *t, int status)
{
	if (status > t->status)
		t->status = status;
}

/* ---- whom it may concern */

static bool
is_web(const char *url)
{
	return url != NULL && (strncmp(url, "http://", 7) == 0 ||
	    strncmp(url, "https://", 8) == 0);
}

/* One without a callback, or that gave us no key for it, asks by itself. */
static void
add_consumer(struct notify *t, const char *name)
{
	struct consumer_at *c = &t->consumers[t->n];
	struct doc d;
	yyjson_val *root;

	if (!doc_find(t->s, &t->run, site_meta(t->s, "Event Consumer"), name,
	    true, &d))
		return;
	root = yyjson_doc_get_root(json_parse_own(&t->run, d.data, d.len));
	c->name = name;
	c->url = json_str(root, "callback_url");
	c->key = json_str(root, "api_key");
	c->secret = doc_secret(t->s, &t->run, d.id, NULL, "api_secret");
	if (is_web(c->url) && c->key != NULL && c->secret != NULL &&
	    (c->view = view_open(t->s, name)) != NULL)
		t->n++;
}

static void
find_consumers(struct notify *t)
{
	char **names = consumer_names(t->s, &t->run, NULL);
	size_t n;

	for (n = 0; names[n] != NULL; n++)
		;
	t->consumers = xcalloc(n, sizeof(*t->consumers));
	for (; *names != NULL; names++)
		add_consumer(t, *names);
}

/* ---- what is new */

static bool
first(void *arg, const char *line, size_t len)
{
	(void)arg;
	(void)line;
	(void)len;
	return false;
}

/* Would it be sent something for this entry of the journal? */
static bool
is_sent(struct notify *t, struct consumer_at *c, int64_t creation)
{
	char name[ID_LEN + 1];
	int64_t at = creation - 1;
	bool more, is;

	is = view_page(c->view, &at, name, 1, first, NULL, &more) > 0;
	if (!is && view_failed(c->view) != NULL) {
		if (t->status < TEMPFAIL)
			warnx("%s", safe(view_failed(c->view)));
		worse(t, TEMPFAIL);
	}
	return is;
}

static void
concerns(struct notify *t, int64_t creation)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (t->consumers[i].view != NULL &&
		    is_sent(t, &t->consumers[i], creation)) {
			view_close(t->consumers[i].view);
			t->consumers[i].view = NULL;
		}
}

/* Events that this site did not log are no news of it. */
static void
event(struct notify *t, yyjson_val *line)
{
	const char *name = json_str(line, "name");
	const char *creation = json_str(line, "creation");
	struct entry e;
	int64_t at;

	if (name == NULL || creation == NULL || !time_parse(creation, &at) ||
	    site_begin_read(t->s) == -1)
		return;
	if (journal_get(t->s, &t->line, at, &e) && strcmp(e.name, name) == 0) {
		t->events++;
		concerns(t, at);
	}
	db_rollback(t->s->db);
}

static void
one_line(struct notify *t, const struct ndjson *in, bool toolong)
{
	const char *why = "the line is longer than 16 MiB";
	yyjson_doc *doc = NULL;
	yyjson_val *root, *end;

	arena_reset(&t->line);
	if (!toolong)
		doc = json_parse(&t->line, in->line, in->len, &why);
	root = yyjson_doc_get_root(doc);
	end = yyjson_obj_get(root, "end");
	t->ended = end != NULL;
	if (doc == NULL) {
		warnx("%s:%zu: %s", safe(in->name), in->lineno, safe(why));
		worse(t, REJECTED);
	} else if (event_is(root))
		event(t, root);
	else if (t->ended)
		worse(t, (int)json_int(end, "status", TEMPFAIL));
}

static void
read_lines(struct notify *t, int fd, const char *name)
{
	struct ndjson in;
	int r;

	ndjson_open(&in, fd, name);
	t->ended = false;
	while ((r = ndjson_line(&in)) != 0)
		one_line(t, &in, r == -2);
	if (!t->ended) {
		warnx("%s: the input was cut: it has no end line", safe(name));
		worse(t, TEMPFAIL);
	}
	free(in.buf);
}

static void
read_files(struct notify *t, char *files[])
{
	int fd;

	if (*files == NULL)
		read_lines(t, STDIN_FILENO, "stdin");
	for (; *files != NULL; files++) {
		if (strcmp(*files, "-") == 0) {
			read_lines(t, STDIN_FILENO, "stdin");
			continue;
		}
		if ((fd = open(*files, O_RDONLY | O_CLOEXEC)) == -1)
			err(TEMPFAIL, "cannot open '%s'", safe(*files));
		read_lines(t, fd, *files);
		close(fd);
	}
}

/* ---- telling them, a child for each */

static void
ping(const struct consumer_at *c, const char *address, struct outcome *o)
{
	struct http_peer peer = { .url = c->url, .key = c->key,
	    .secret = c->secret, .flags = HTTP_CALLBACK | HTTP_ALLOW_HTTP };
	const char *why;
	struct remote *r;

	if ((r = remote_open(&peer, &why)) == NULL)
		o->fault = MISUSE;
	else {
		if (!remote_notify(r, address))
			o->fault = remote_fault(r, &why);
		o->status = remote_code(r);
	}
	if (o->fault != DONE)
		snprintf(o->why, sizeof(o->why), "%s", why);
	remote_close(r);
}

static void
begin(struct consumer_at *c, const char *address)
{
	struct outcome o = { 0 };
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) == -1 || (c->pid = fork()) == -1)
		err(TEMPFAIL, "cannot begin to tell '%s'", safe(c->name));
	if (c->pid == 0) {
		ping(c, address, &o);
		_exit(write(fds[1], &o, sizeof(o)) != sizeof(o));
	}
	close(fds[1]);
	c->fd = fds[0];
}

static void
finish(struct consumer_at *c, struct outcome *o)
{
	ssize_t n;

	while ((n = read(c->fd, o, sizeof(*o))) == -1 && errno == EINTR)
		;
	if (n != sizeof(*o))
		*o = (struct outcome){ .fault = TEMPFAIL,
		    .why = "the process that told it died" };
	close(c->fd);
	waitpid(c->pid, NULL, 0);
}

static void
print(const char *consumer, const struct outcome *o)
{
	struct arena a;
	yyjson_mut_doc *m;
	yyjson_mut_val *root, *of;

	arena_init(&a);
	m = yyjson_mut_doc_new(&a.alc);
	root = yyjson_mut_obj(m);
	of = yyjson_mut_obj_add_obj(m, root, "notified");
	yyjson_mut_obj_add_str(m, of, "consumer", consumer);
	if (o != NULL && o->status != 0)
		yyjson_mut_obj_add_int(m, of, "status", o->status);
	else
		yyjson_mut_obj_add_null(m, of, "status");
	puts(json_mut_text(&a, root, NULL));
	arena_free(&a);
}

/* In their order, some at once. */
static int64_t
tell(struct notify *t, const char *address, bool dry, bool quiet)
{
	struct outcome o;
	size_t i, begun = 0;
	int64_t told = 0;

	for (i = 0; i < t->n; i++) {
		for (; !dry && begun < t->n && begun < i + AT_ONCE; begun++)
			begin(&t->consumers[begun], address);
		if (!dry)
			finish(&t->consumers[i], &o);
		if (!quiet)
			print(t->consumers[i].name, dry ? NULL : &o);
		told += dry || o.fault == DONE;
		if (dry || o.fault == DONE)
			continue;
		warnx("'%s' was not told: %s", safe(t->consumers[i].name),
		    safe(o.why));
		worse(t, o.fault == TEMPFAIL ? TEMPFAIL : REJECTED);
	}
	return told;
}

/* Of the consumers only those that are to be told. */
static void
choose(struct notify *t)
{
	size_t i, n = 0;

	for (i = 0; i < t->n; i++)
		if (t->consumers[i].view == NULL)
			t->consumers[n++] = t->consumers[i];
		else
			view_close(t->consumers[i].view);
	t->n = n;
}

int
main(int argc, char *argv[])
{
	struct notify t = { 0 };
	const char *path = NULL;
	bool dry = false, quiet = false, verbose = false;
	char *address;
	int64_t told;
	int ch, status;

	start(argc, argv, usage);
	while ((ch = getopt(argc, argv, "nqs:v")) != -1)
		switch (ch) {
		case 'n':
			dry = true;
			break;
		case 'q':
			quiet = true;
			break;
		case 's':
			path = optarg;
			break;
		case 'v':
			verbose = true;
			break;
		default:
			misuse(usage);
		}
	if ((t.s = site_open(site_path(path), SITE_READ, &status)) == NULL)
		return status;
	arena_init(&t.run);
	arena_init(&t.line);
	if (site_begin_read(t.s) == 0) {
		find_consumers(&t);
		db_rollback(t.s->db);
	}
	read_files(&t, argv + optind);
	choose(&t);
	worse(&t, db_failed(t.s->db));
	address = xstrdup(t.s->address);
	site_close(t.s);
	fflush(stdout);
	told = tell(&t, address, dry, quiet);
	if (verbose)
		warnx("%lld events, %lld consumers told, %lld not",
		    (long long)t.events, (long long)told,
		    (long long)t.n - (long long)told);
	free(address);
	free(t.consumers);
	arena_free(&t.run);
	arena_free(&t.line);
	return out_close(t.status);
}
