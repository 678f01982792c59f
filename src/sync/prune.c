/* prune.c - data of the journal that nobody needs any more (DESIGN 6): a
 * document's entries lose it together, and what was to be learned of it only is
 * noted before */

#include <stdlib.h>

#include "sync/sync.h"

enum { BATCH = 1000 };		/* entries that one transaction begins with */

struct batch {
	struct prune	*p;
	struct site	*s;
	struct view	**views;	/* consumers with conditions */
	size_t		 nviews;
	struct arena	 run, a;	/* of the batch; of a document */
	int64_t		*docs;
	size_t		 ndocs;
};

static bool
has_body(const struct entry *e)
{
	return e->type == U_CREATE || e->type == U_UPDATE;
}

/* ---- how a document was at entry b */

static yyjson_mut_val *
parse(struct arena *a, yyjson_mut_doc *m, const char *text, size_t len)
{
	return yyjson_val_mut_copy(m, yyjson_doc_get_root(json_parse_own(a,
	    text, len)));
}

/* NULL if that is not known. */
static const char *
body_at(struct batch *t, const struct entry *e, size_t b, size_t *len)
{
	const struct meta *meta = site_meta(t->s, e->doctype);
	yyjson_mut_doc *m = yyjson_mut_doc_new(&t->a.alc);
	yyjson_mut_val *body = NULL;
	const char *text;
	size_t i = b;

	while (i > 0 && !entry_pruned(&e[i]) && e[i].type != U_CREATE)
		i--;
	if (entry_pruned(&e[i]))
		text = state_get(t->s, &t->a, &e[i], len);
	else {
		text = e[i].data;
		*len = e[i].datalen;
	}
	if (text == NULL || meta == NULL)
		return NULL;
	body = parse(&t->a, m, text, *len);
	while (++i <= b)
		if (e[i].type == U_UPDATE)
			diff_apply(m, meta, body, parse(&t->a, m, e[i].data,
			    e[i].datalen));
	return json_mut_text(&t->a, body, len);
}

/* ---- what an Update touched, without values: for conflicts to come */

static void
put_row(yyjson_mut_doc *m, yyjson_mut_val *rows, yyjson_val *row, bool whole)
{
	yyjson_mut_val *o = yyjson_mut_arr_add_obj(m, rows);
	yyjson_val *k, *v;
	size_t i, n;

	yyjson_obj_foreach(row, i, n, k, v)
		if (yyjson_equals_str(k, "name"))
			yyjson_mut_obj_add_val(m, o, "name",
			    yyjson_val_mut_copy(m, v));
		else if (!whole)
			yyjson_mut_obj_add_null(m, o, yyjson_get_str(k));
}

static void
put_rows(yyjson_mut_doc *m, yyjson_mut_val *to, yyjson_val *tables, bool whole)
{
	yyjson_mut_val *rows;
	yyjson_val *k, *v, *row;
	size_t i, j, n, max;

	yyjson_obj_foreach(tables, i, n, k, v) {
		rows = yyjson_mut_obj_add_arr(m, to, yyjson_get_str(k));
		yyjson_arr_foreach(v, j, max, row)
			put_row(m, rows, row, whole);
	}
}

static yyjson_mut_val *
places(yyjson_mut_doc *m, yyjson_val *diff)
{
	yyjson_mut_val *o = yyjson_mut_obj(m), *changed;
	yyjson_val *k, *v;
	size_t i, n;

	changed = yyjson_mut_obj_add_obj(m, o, "changed");
	yyjson_obj_foreach(yyjson_obj_get(diff, "changed"), i, n, k, v)
		yyjson_mut_obj_add_null(m, changed, yyjson_get_str(k));
	if ((v = yyjson_obj_get(diff, "removed")) != NULL)
		yyjson_mut_obj_add_val(m, o, "removed",
		    yyjson_val_mut_copy(m, v));
	put_rows(m, yyjson_mut_obj_add_obj(m, o, "added"),
	    yyjson_obj_get(diff, "added"), true);
	put_rows(m, yyjson_mut_obj_add_obj(m, o, "row_changed"),
	    yyjson_obj_get(diff, "row_changed"), false);
	return o;
}

static const char *
marks_left(struct arena *a, const struct entry *e)
{
	yyjson_mut_doc *m;
	yyjson_mut_val *o;

	if (e->type != U_UPDATE)
		return e->marks;
	m = yyjson_mut_doc_new(&a->alc);
	o = e->marks == NULL ? yyjson_mut_obj(m) :
	    parse(a, m, e->marks, strlen(e->marks));
	yyjson_mut_obj_add_val(m, o, "touched", places(m, yyjson_doc_get_root(
	    json_parse_own(a, e->data, e->datalen))));
	return json_mut_text(a, o, NULL);
}

/* ---- a document */

/* Conditions are asked, and conflicts settled, from the newest entry without
 * data on: unless it still is as it was there, that is kept. */
static bool
keep_state(struct batch *t, const struct entry *e, size_t n, size_t b)
{
	const char *text = NULL;
	bool needed = e[n - 1].creation > t->p->upto;
	struct doc d;
	size_t len = 0;

	if (doc_load(t->s, &t->a, e->doc, false, &d))
		needed = d.modified != e[b].creation;
	if (needed && (text = body_at(t, e, b, &len)) == NULL)
		return false;
	return state_put(t->s, e->doc, e[b].creation, text, len) == 0;
}

/* False: it is not to be known, and the data stays. */
static bool
note(struct batch *t, const struct entry *e, size_t n)
{
	size_t i;

	for (i = 0; i < t->nviews; i++)
		if (view_note(t->views[i], e, n, t->p->upto) == -1)
			return false;
	return true;
}

/* The entries of a document before the nth lose their data. */
static void
drop(struct batch *t, const struct entry *e, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (!has_body(&e[i]) || entry_pruned(&e[i]))
			continue;
		journal_drop(t->s, e[i].creation, marks_left(&t->a, &e[i]));
		t->p->entries++;
		t->p->bytes += e[i].datalen;
	}
}

/* One that stands in the batch twice is done with at the second time. */
static void
prune_doc(struct batch *t, int64_t doc)
{
	const char *doctype;
	struct entry *e;
	size_t i, n, b = 0;
	bool full = false;

	e = journal_of(t->s, &t->a, journal_last(t->s, doc, &doctype), &n);
	for (i = 0; i < n && e[i].creation <= t->p->upto; i++)
		if (has_body(&e[i])) {
			full = full || !entry_pruned(&e[i]);
			b = i + 1;
		}
	if (full && note(t, e, n) && keep_state(t, e, n, b - 1))
		drop(t, e, b);
	free(e);
}

/* Of one that is gone by now nothing more can come into view. */
static void
forget_gone(struct batch *t)
{
	const char *doctype;
	struct entry *e;
	int64_t *v;
	size_t i, n, m;

	v = state_gone(t->s, &t->run, t->p->upto, &n);
	for (i = 0; i < n; i++) {
		e = journal_of(t->s, &t->a, journal_last(t->s, v[i], &doctype),
		    &m);
		if (note(t, e, m))
			state_put(t->s, v[i], 0, NULL, 0);
		free(e);
		arena_reset(&t->a);
	}
}

/* ---- batches */

/* The documents whose turn it is; whether there are more. */
static bool
choose(struct batch *t)
{
	struct query *q;
	struct full f;
	size_t n = 0;

	t->docs = arena_alloc(&t->run, BATCH * sizeof(*t->docs));
	q = journal_full(t->s, t->p->at, t->p->upto, BATCH);
	while (journal_next_full(t->s, q, &f) == 1) {
		n++;
		t->p->at = f.entry;
		if (!meta_streamed(f.doctype))
			continue;
		if (f.shared)
			t->p->kept++;
		else if (t->p->dry) {
			t->p->entries++;
			t->p->bytes += f.bytes;
		} else
			t->docs[t->ndocs++] = f.doc;
	}
	return n == BATCH;
}

static void
open_views(struct batch *t)
{
	char **names = consumers_conditional(t->s, &t->run);
	size_t n = 0;

	while (names[n] != NULL)
		n++;
	t->views = arena_alloc(&t->run, (n + 1) * sizeof(*t->views));
	for (; *names != NULL; names++)
		if ((t->views[t->nviews] = view_open(t->s, *names)) != NULL)
			t->nviews++;
}

static bool
prune_batch(struct batch *t)
{
	bool more = choose(t);
	size_t i;

	if (t->p->dry)
		return more;
	journal_pruned(t->s, t->p->upto);
	open_views(t);
	for (i = 0; i < t->ndocs && !db_failed(t->s->db); i++) {
		prune_doc(t, t->docs[i]);
		arena_reset(&t->a);
		arena_reset(&t->s->scratch);
	}
	if (!more)
		forget_gone(t);
	for (i = 0; i < t->nviews; i++)
		view_close(t->views[i]);
	return more;
}

int
prune_some(struct prune *p)
{
	struct batch t = { .p = p, .s = p->s };
	bool more = false;
	int status = -1;

	arena_init(&t.run);
	arena_init(&t.a);
	if ((p->dry ? db_begin_read(p->s->db) : site_begin(p->s)) == 0) {
		more = prune_batch(&t);
		status = site_commit(p->s);
	}
	arena_free(&t.run);
	arena_free(&t.a);
	return status == -1 || db_failed(p->s->db) ? -1 : more;
}
