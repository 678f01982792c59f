/* view.c - what a consumer may see of a journal: rows, since, whole history on
 * coming into view, prev (DESIGN 6).  The answer is a function of the journal
 * and the cursor: nothing is kept of what was sent. */

#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "sync/sync.h"

struct row {				/* a doctype's grants, oldest first */
	const char	*doctype;
	struct grant	*g;
	size_t		 n;
	struct expr	**condition, **own;	/* of each; NULL: none */
	bool		 plain;		/* no conditions at all */
};

struct scope {				/* where a document stands for the consumer */
	int64_t		 since;		/* 0: it never was in view */
	bool		 visible;	/* it is here, and in view now */
};

struct view {
	struct site	*s;
	struct consumer	 c;
	struct arena	 run, page;
	struct row	*rows;
	size_t		 nrows;
	view_fn		*emit;
	void		*arg;
	int64_t		 events;
	bool		 stop;		/* emit wants no more */
};

/* ---- opening */

/* They were understood when they were entered; if an older program's is not
 * any more, that is said of the one that holds now. */
static struct expr *
compile(const char *text, bool now)
{
	struct fault fault;
	struct expr *e;

	if (text == NULL)
		return NULL;
	if ((e = expr_parse(text, &fault)) == NULL && now)
		warnx("%s", safe(fault.text));
	return e;
}

static void
add_row(struct view *v, struct grant *g, size_t n)
{
	struct row *r = &v->rows[v->nrows++];
	size_t i;

	*r = (struct row){ .doctype = g->doctype, .g = g, .n = n, .plain = true };
	r->condition = arena_alloc(&v->run, n * sizeof(*r->condition));
	r->own = arena_alloc(&v->run, n * sizeof(*r->own));
	for (i = 0; i < n; i++) {
		r->condition[i] = compile(g[i].condition, i == n - 1);
		r->own[i] = compile(g[i].own, i == n - 1);
		if (g[i].condition != NULL || g[i].own != NULL)
			r->plain = false;
	}
}

struct view *
view_open(struct site *s, const char *consumer)
{
	struct view *v = xcalloc(1, sizeof(*v));
	size_t i, first;

	v->s = s;
	arena_init(&v->run);
	arena_init(&v->page);
	if (!consumer_load(s, &v->run, consumer, &v->c)) {
		view_close(v);
		return NULL;
	}
	v->rows = arena_alloc(&v->run, (v->c.ngrants + 1) * sizeof(*v->rows));
	for (i = 0; i < v->c.ngrants; ) {
		first = i++;
		while (i < v->c.ngrants && strcmp(v->c.grants[i].doctype,
		    v->c.grants[first].doctype) == 0)
			i++;
		add_row(v, &v->c.grants[first], i - first);
	}
	return v;
}

void
view_close(struct view *v)
{
	size_t i, k;

	if (v == NULL)
		return;
	for (i = 0; i < v->nrows; i++)
		for (k = 0; k < v->rows[i].n; k++) {
			expr_free(v->rows[i].condition[k]);
			expr_free(v->rows[i].own[k]);
		}
	arena_free(&v->run);
	arena_free(&v->page);
	free(v);
}

static struct row *
row_of(struct view *v, const char *doctype)
{
	size_t i;

	for (i = 0; i < v->nrows; i++)
		if (strcmp(v->rows[i].doctype, doctype) == 0)
			return &v->rows[i];
	return NULL;
}

static bool
row_active(const struct row *r)
{
	return r != NULL && r->g[r->n - 1].active;
}

/* ---- a document's entries, and its states */

static bool
has_passed(struct view *v, const struct entry *e)
{
	struct origin_marks m;
	size_t i;

	if (e->marks == NULL || v->c.site == NULL ||
	    strstr(e->marks, v->c.site) == NULL)
		return false;
	journal_marks(&v->page, e->marks, &m);
	for (i = 0; i < m.via.n; i++)
		if (strcmp(m.via.v[i].site, v->c.site) == 0)
			return true;
	return false;
}

/* All entries of a document up to pos, oldest first. */
static struct entry *
entries(struct view *v, int64_t last, size_t *n)
{
	struct entry *e = NULL, t;
	size_t cap = 0, i;
	int64_t pos;

	*n = 0;
	for (pos = last; pos != 0; pos = e[*n - 1].before) {
		if (*n == cap)
			e = xrealloc(e, (cap = cap * 2 + 8) * sizeof(*e));
		if (!journal_get(v->s, &v->page, pos, &e[*n]))
			break;
		++*n;
	}
	for (i = 0; i < *n / 2; i++) {
		t = e[i];
		e[i] = e[*n - 1 - i];
		e[*n - 1 - i] = t;
	}
	return e;
}

/* Does the document, in a state, satisfy grant k? */
static bool
satisfies(const struct row *r, size_t k, yyjson_mut_val *body)
{
	if (!r->g[k].active || body == NULL)
		return false;
	/* What is not understood is not true: it was refused at entry. */
	if ((r->g[k].condition != NULL && r->condition[k] == NULL) ||
	    (r->g[k].own != NULL && r->own[k] == NULL))
		return false;
	return (r->condition[k] == NULL || expr_true(r->condition[k], body)) &&
	    (r->own[k] == NULL || expr_true(r->own[k], body));
}

struct replay {				/* a document's states, one after another */
	struct view	*v;
	const struct row *r;
	const struct meta *meta;
	yyjson_mut_doc	*m;
	yyjson_mut_val	*body;
};

static void
replay_entry(struct replay *p, const struct entry *e)
{
	yyjson_mut_val *data;

	if (e->data == NULL)
		return;
	data = p->r->plain ? NULL : yyjson_val_mut_copy(p->m,
	    yyjson_doc_get_root(json_parse_own(&p->v->page, e->data,
	    e->datalen)));
	if (e->type == U_CREATE)
		p->body = data != NULL ? data : yyjson_mut_obj(p->m);
	else if (e->type == U_UPDATE && data != NULL && p->body != NULL)
		diff_apply(p->m, p->meta, p->body, data);
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Another condition is another grant. */
static bool
regrants(const struct grant *was, const struct grant *is)
{
	return is->active && (was == NULL || !was->active ||
	    !same_text(was->condition, is->condition) ||
	    !same_text(was->own, is->own));
}

/* The point where the document last came into view: its grants and entries in
 * the order of the journal. */
static int64_t
since_of(struct view *v, const struct row *r, const struct entry *e, size_t n)
{
	struct replay p = { v, r, site_meta(v->s, r->doctype),
	    yyjson_mut_doc_new(&v->page.alc), NULL };
	int64_t since = 0, newest = 0, start = r->g[0].pos;
	size_t i, k = 0;		/* grants before k hold */
	bool was, is;

	for (i = 0; i <= n; i++) {
		for (; k < r->n && (i == n || r->g[k].pos < e[i].creation); k++)
			if (regrants(k == 0 ? NULL : &r->g[k - 1], &r->g[k]) &&
			    (since != 0 || newest > start) && p.body != NULL &&
			    satisfies(r, k, p.body))
				since = r->g[k].pos;
		if (i == n || (e[i].type != U_CREATE && e[i].type != U_UPDATE))
			continue;
		was = k > 0 && satisfies(r, k - 1, p.body);
		replay_entry(&p, &e[i]);
		newest = e[i].creation;
		is = k > 0 && satisfies(r, k - 1, p.body);
		if (is && (!was || since == 0))
			since = newest;
	}
	return since;
}

static struct scope
scope_of(struct view *v, int64_t doc)
{
	struct scope sc = { 0, false };
	const char *doctype;
	struct row *r;
	struct entry *e;
	struct doc d;
	int64_t last = journal_last(v->s, doc, &doctype);
	size_t n;

	if (last == 0 || (r = row_of(v, doctype)) == NULL)
		return sc;
	e = entries(v, last, &n);
	sc.since = since_of(v, r, e, n);
	free(e);
	if (row_active(r) && doc_load(v->s, &v->page, doc, !r->plain, &d))
		sc.visible = r->plain || satisfies(r, r->n - 1, doc_body(
		    &v->page, yyjson_mut_doc_new(&v->page.alc), &d));
	return sc;
}

/* Ever in view, or reached over links, then or now, from what ever was. */
static bool
offered(struct view *v, int64_t doc)
{
	struct map seen = { 0 };
	int64_t *todo = NULL, *sources, id;
	size_t n = 0, cap = 0, i, m;
	bool found = false;

	for (id = doc; ; id = todo[--n]) {
		char *key = arena_printf(&v->page, "%lld", (long long)id);
		if (map_get(&seen, key, strlen(key)) == NULL) {
			map_set(&seen, key, strlen(key), key);
			if ((found = scope_of(v, id).since != 0))
				break;
			sources = doc_sources(v->s, &v->page, id, &m);
			if (n + m > cap)
				todo = xrealloc(todo, (cap = (n + m) * 2) *
				    sizeof(*todo));
			for (i = 0; i < m; i++)
				todo[n++] = sources[i];
		}
		if (n == 0)
			break;
	}
	free(todo);
	map_free(&seen);
	return found;
}

/* ---- lines */

static void
emit(struct view *v, const struct entry *e)
{
	size_t len;
	char *line;

	if (v->stop || has_passed(v, e))
		return;
	line = produce_line_for(v->s, &v->page, e, v->c.site, &len);
	v->events++;
	v->stop = !v->emit(v->arg, line, len);
}

/* The whole history of a document up to pos; of one that is gone its Delete. */
static void
history(struct view *v, int64_t doc, int64_t pos)
{
	const char *doctype;
	struct entry *e;
	size_t i, n;
	struct doc d;
	bool here = doc_load(v->s, &v->page, doc, false, &d);

	e = entries(v, journal_last(v->s, doc, &doctype), &n);
	for (i = 0; i < n && e[i].creation <= pos; i++)
		if (here || e[i].type == U_DELETE)
			emit(v, &e[i]);
	free(e);
}

/* Where the row stopped, or began, to be waited for until it was granted at
 * pos. */
static int64_t
withheld_from(const struct row *r, int64_t pos)
{
	int64_t from = r->g[0].pos;
	size_t k;

	for (k = 1; k < r->n && r->g[k].pos < pos; k++)
		if (r->g[k - 1].active && !r->g[k].active)
			from = r->g[k].pos;
	/* Only its condition changed: nothing was withheld. */
	return r->g[k - 1].active ? pos : from;
}

/* Was the row granted when this entry was made?  Else what is to be said of it
 * was said, or will be, where it was granted again. */
static bool
was_active(const struct row *r, int64_t pos)
{
	size_t k;

	for (k = r->n; k > 0; k--)
		if (r->g[k - 1].pos < pos)
			return r->g[k - 1].active;
	return false;
}

/* A row was granted at pos: what came into view by that. */
static void
granted(struct view *v, const struct row *r, int64_t pos)
{
	struct entry e;
	struct scope sc;
	struct query *q;
	int64_t *ids, *gone = NULL;
	size_t i, n, m = 0;

	ids = doc_since(v->s, &v->page, r->doctype, r->g[0].pos, &n);
	for (i = 0; i < n && !v->stop; i++) {
		sc = scope_of(v, ids[i]);
		if (sc.visible && sc.since == pos)
			history(v, ids[i], pos);
	}
	/* Deletes that were withheld meanwhile. */
	q = journal_deletes(v->s, r->doctype, withheld_from(r, pos), pos);
	while (journal_next(v->s, q, &e) == 1) {
		gone = xrealloc(gone, (m + 1) * sizeof(*gone));
		gone[m++] = e.creation;
	}
	for (i = 0; i < m && !v->stop; i++)
		if (journal_get(v->s, &v->page, gone[i], &e) &&
		    offered(v, e.doc))
			emit(v, &e);
	free(gone);
}

static void
grants_at(struct view *v, int64_t pos)
{
	struct row *r;
	size_t i, k;

	for (i = 0; i < v->nrows; i++) {
		r = &v->rows[i];
		for (k = 0; k < r->n; k++)
			if (r->g[k].pos == pos && row_active(r) &&
			    regrants(k == 0 ? NULL : &r->g[k - 1], &r->g[k]))
				granted(v, r, pos);
	}
}

/* The common case, without a look at the whole history: no conditions, one
 * grant.  0 not to be sent, 1 as it is, 2 the whole history. */
static int
plain_case(struct view *v, const struct row *r, const struct entry *e)
{
	int64_t before = e->before, start = r->g[0].pos;
	struct entry b;

	if (e->creation < r->g[r->n - 1].pos)
		return 0;
	while (before > start && journal_get(v->s, &v->page, before, &b)) {
		if (b.type == U_CREATE || b.type == U_UPDATE)
			return 1;
		before = b.before;
	}
	return 2;
}

static size_t
grants_of(const struct row *r)
{
	size_t i, n = 0;

	for (i = 0; i < r->n; i++)
		n += regrants(i == 0 ? NULL : &r->g[i - 1], &r->g[i]);
	return n;
}

static void
body_event(struct view *v, const struct row *r, const struct entry *e)
{
	struct scope sc;
	struct doc d;
	int how;

	if (!doc_load(v->s, &v->page, e->doc, false, &d))
		return;
	if (r->plain && grants_of(r) == 1)
		how = plain_case(v, r, e);
	else {
		sc = scope_of(v, e->doc);
		how = !sc.visible || sc.since == 0 || e->creation < sc.since ? 0
		    : e->creation == sc.since ? 2 : 1;
	}
	if (how == 1)
		emit(v, e);
	else if (how == 2)
		history(v, e->doc, e->creation);
}

static void
one_entry(struct view *v, const struct entry *e)
{
	const struct row *r;

	if (!meta_streamed(e->doctype))
		return;
	r = row_of(v, e->doctype);
	if (r != NULL && !row_active(r))
		return;
	if (e->type == U_CREATE || e->type == U_UPDATE) {
		if (r != NULL)
			body_event(v, r, e);
	} else if ((e->type != U_DELETE || r == NULL ||
	    was_active(r, e->creation)) && !has_passed(v, e) &&
	    offered(v, e->doc))
		emit(v, e);
}

int64_t
view_page(struct view *v, int64_t *at, char name[ID_LEN + 1], int64_t limit,
    view_fn *fn, void *arg, bool *more)
{
	struct entry e;
	int64_t n;

	v->emit = fn;
	v->arg = arg;
	v->events = 0;
	v->stop = false;
	*more = true;
	for (n = 0; n < limit && !v->stop; n++) {
		if (!journal_after(v->s, &v->page, *at, &e)) {
			*more = false;
			break;
		}
		if (strcmp(e.doctype, "Event Consumer") == 0)
			grants_at(v, e.creation);
		one_entry(v, &e);
		if (v->stop)
			break;
		*at = e.creation;
		snprintf(name, ID_LEN + 1, "%s", e.name);
		arena_reset(&v->page);
	}
	arena_reset(&v->page);
	return db_failed(v->s->db) ? -1 : v->events;
}
