/* fetch.c - documents of a producer by their births, several requests at a time */

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "sync/sync.h"

enum { WORKERS = 4 };

struct batch {				/* of one request */
	char		*origins;	/* JSON */
	const char	*doctype, *filters;	/* or these */
	size_t		 n;
	char		*text;		/* what came; NULL: it did not come whole */
	size_t		 len;
};

struct fetch {
	struct pull_source from;
	struct http_peer peer;
	struct arena	 a;		/* what peer points to */
	int64_t		 limit, requests;
	struct remote	*remote[WORKERS];	/* the first is the caller's */
	bool		 warm;		/* a request was made */
	struct batch	*batches;
	size_t		 n;
	pthread_mutex_t	 lock;		/* for what follows, while they work */
	size_t		 next;		/* batch that nobody has taken */
	int		 status;	/* the worst */
	int64_t		 asked;		/* seconds that it asked to wait, or -1 */
	char		 why[1500];
};

struct fetch *
fetch_open(const struct pull_source *from, int64_t limit, const char **why)
{
	struct fetch *f = xcalloc(1, sizeof(*f));

	f->from = *from;
	f->from.seen = NULL;
	f->from.idle = NULL;
	f->limit = limit;
	f->remote[0] = from->remote;
	arena_init(&f->a);
	pthread_mutex_init(&f->lock, NULL);
	if (from->remote == NULL || producer_peer(from->site, &f->a,
	    from->producer->name, &f->peer))
		return f;
	*why = "its Event Producer is gone";
	fetch_close(f);
	return NULL;
}

static void
forget(struct fetch *f)
{
	size_t i;

	for (i = 0; i < f->n; i++) {
		free(f->batches[i].origins);
		free(f->batches[i].text);
	}
	free(f->batches);
	f->batches = NULL;
	f->n = 0;
}

void
fetch_close(struct fetch *f)
{
	int i;

	if (f == NULL)
		return;
	for (i = 1; i < WORKERS; i++)
		remote_close(f->remote[i]);
	forget(f);
	pthread_mutex_destroy(&f->lock);
	arena_free(&f->a);
	free(f);
}

int64_t
fetch_requests(const struct fetch *f)
{
	return f->requests;
}

/* ---- one request */

static char *
origins_text(const struct birth *v, size_t n)
{
	struct arena a;
	yyjson_mut_doc *m;
	yyjson_mut_val *list, *one;
	size_t i;
	char *text;

	arena_init(&a);
	m = yyjson_mut_doc_new(&a.alc);
	list = yyjson_mut_arr(m);
	for (i = 0; i < n; i++) {
		one = yyjson_mut_arr_add_arr(m, list);
		yyjson_mut_arr_add_str(m, one, v[i].site);
		yyjson_mut_arr_add_str(m, one, v[i].id);
	}
	text = xstrdup(json_mut_text(&a, list, NULL));
	arena_free(&a);
	return text;
}

/* A page may be full with its last document: it is asked for one more. */
static int
pages(struct pull *p, const struct batch *b, int64_t *requests, const char **why)
{
	struct pull_request q = { .initial = true, .origins = b->origins,
	    .doctype = b->doctype, .filters = b->filters,
	    .limit = (int64_t)b->n + 1 };
	struct pull_page page;
	int status;

	do {
		++*requests;
		status = pull_page(p, &q, &page, why);
		q.after = page.after;
	} while (status == DONE && page.more);
	return status;
}

static void
note(struct fetch *f, const struct remote *remote, int status, const char *why,
    int64_t requests)
{
	int64_t asked = remote == NULL ? -1 : remote_retry_after(remote);

	pthread_mutex_lock(&f->lock);
	f->requests += requests;
	if (status > f->status) {
		f->status = status;
		snprintf(f->why, sizeof(f->why), "%s", why);
	}
	if (status != DONE && asked > f->asked)
		f->asked = asked;
	pthread_mutex_unlock(&f->lock);
}

static void
ask(struct fetch *f, struct remote *remote, struct batch *b)
{
	struct pull_source from = f->from;
	const char *why = "";
	int64_t requests = 0;
	struct pull *p;
	FILE *out;
	int status;

	from.remote = remote;
	if ((out = open_memstream(&b->text, &b->len)) == NULL)
		abort();		/* as of any memory that is out */
	p = pull_open(&from, out);
	status = pages(p, b, &requests, &why);
	fclose(out);
	if (status != DONE) {
		free(b->text);
		b->text = NULL;
	}
	note(f, remote, status, why, requests);
	pull_close(p);
}

/* ---- several of them */

/* A batch that nobody has taken and that did not come yet; NULL: no more, or
 * there is no use in it. */
static struct batch *
take(struct fetch *f)
{
	struct batch *b = NULL;

	pthread_mutex_lock(&f->lock);
	while (f->next < f->n && f->batches[f->next].text != NULL)
		f->next++;
	if (f->next < f->n && f->status == DONE)
		b = &f->batches[f->next++];
	pthread_mutex_unlock(&f->lock);
	return b;
}

struct worker {
	struct fetch	*f;
	struct remote	*remote;
	pthread_t	 thread;
	bool		 runs;
};

static void *
work(void *arg)
{
	struct worker *w = arg;
	struct batch *b;

	while ((b = take(w->f)) != NULL)
		ask(w->f, w->remote, b);
	return NULL;
}

/* The first request of all is made alone: it loads what has to be loaded. */
static void
ask_all(struct fetch *f)
{
	struct worker w[WORKERS] = { 0 };
	struct batch *b;
	const char *why;
	size_t left;
	int i;

	if (!f->warm && (b = take(f)) != NULL)
		ask(f, f->remote[0], b);
	f->warm = true;
	left = f->n - f->next;
	for (i = 0; i < WORKERS; i++) {
		w[i].f = f;
		if (i > 0 && (f->from.file != NULL || (size_t)i >= left))
			continue;
		if (f->remote[i] == NULL && f->from.file == NULL)
			f->remote[i] = remote_open(&f->peer, &why);
		w[i].remote = f->remote[i];
		w[i].runs = i > 0 && w[i].remote != NULL &&
		    pthread_create(&w[i].thread, NULL, work, &w[i]) == 0;
	}
	work(&w[0]);
	for (i = 1; i < WORKERS; i++)
		if (w[i].runs)
			pthread_join(w[i].thread, NULL);
}

static void
give(const struct batch *b, line_fn *fn, void *arg)
{
	const char *at = b->text, *nl, *end = b->text + b->len;

	for (; (nl = memchr(at, '\n', end - at)) != NULL; at = nl + 1)
		fn(arg, at, nl - at);
}

/* One request, alone. */
int
fetch_found(struct fetch *f, const char *doctype, const char *filters,
    const struct fetch_request *q, const char **why)
{
	struct batch b = { .n = 1, .doctype = doctype, .filters = filters };

	do {
		f->status = DONE;
		f->asked = -1;
		ask(f, f->remote[0], &b);
	} while (f->status == TEMPFAIL && q->again(q->arg, f->why, f->asked));
	f->warm = true;
	if (b.text != NULL)
		give(&b, q->fn, q->arg);
	free(b.text);
	*why = f->why;
	return f->status;
}

static void
cut_up(struct fetch *f, const struct birth *v, size_t n)
{
	size_t limit = f->limit, i;
	struct batch *b;

	f->batches = xcalloc((n + limit - 1) / limit, sizeof(*f->batches));
	for (i = 0; i < n; i += limit) {
		b = &f->batches[f->n++];
		b->n = n - i < limit ? n - i : limit;
		b->origins = origins_text(v + i, b->n);
	}
}

int
fetch_births(struct fetch *f, const struct fetch_request *q, const char **why)
{
	size_t i;
	int status;

	cut_up(f, q->v, q->n);
	do {
		f->next = 0;
		f->status = DONE;
		f->asked = -1;
		ask_all(f);
	} while (f->status == TEMPFAIL && q->again(q->arg, f->why, f->asked));
	status = f->status;		/* fn may ask for others */
	for (i = 0; i < f->n; i++)
		if (f->batches[i].text != NULL)
			give(&f->batches[i], q->fn, q->arg);
	forget(f);
	*why = f->why;
	return status;
}
