/* view.c - what a consumer may see of a journal: rows, since, whole history on
 * coming into view, prev (DESIGN 6).  The answer is a function of the journal
 * and the cursor: nothing is kept of what was sent. */

#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "sync/sync.h"

struct raised {				/* where a condition raised an error */
	struct once	 which;
	int64_t		 documents;
	struct fault	 why;		/* the first */
};

struct gone {				/* conditions whose program was taken away */
	bool		 condition, own;
};

struct row {				/* a doctype's grants, oldest first */
	const char	*doctype;
	struct grant	*g;
	size_t		 n;
	struct rule	**condition, **own;	/* of each; NULL: none */
	struct gone	*gone;		/* of each: what cannot be asked any more */
	bool		 plain;		/* no conditions at all */
	bool		 logged;	/* they hang on nothing but the log */
	bool		 leaves;	/* what leaves the view is to be deleted */
	struct raised	*raised;
};

struct scope {				/* where a document stands for the consumer */
	int64_t		 since;		/* 0: it never came into view */
	bool		 shown;		/* it ever was in view: -i may have sent it */
	bool		 maybe;		/* that cannot be asked any more */
	bool		 visible;	/* it is here, and in view now */
	bool		 left;		/* an Update took it out of view once */
};

struct view {
	struct site	*s;
	struct consumer	 c;
	struct arena	 run;
	struct arena	 one, page;	/* of an entry; of a document */
	struct row	*rows;
	size_t		 nrows;
	view_fn		*emit;
	void		*arg;
	int64_t		 events;
	bool		 stop;		/* emit wants no more */
	int64_t		 first;		/* its oldest grant: nothing is older */
	int64_t		 restored;	/* where all came into view anew, or 0 */
	int64_t		 reached;	/* where the last page ended */
	struct once	 whole;
	struct map	 until;		/* of documents: see sent_until */
	struct arena	 keys;		/* its keys and values */
	struct arena	 ask;		/* of a condition */
	bool		 failed;	/* one could not be evaluated */
	struct fault	 why;
};

/* ---- opening */

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

/* What the consumer may ask of, in conditions. */
static bool
may_ask(void *arg, const char *doctype)
{
	const struct row *r = row_of(arg, doctype);

	return row_active(r) && r->g[r->n - 1].own == NULL;
}

/* They were understood when they were entered; if an older program's is not
 * any more, that is said of the one that holds now. */
static struct rule *
compile(struct view *v, const char *doctype, const char *text, bool own,
    bool now)
{
	struct rule_for of = { .s = v->s, .doctype = doctype,
	    .consumer = v->c.name, .own = own, .may = own ? NULL : may_ask,
	    .arg = v };
	struct fault fault;
	struct rule *r;

	if (text == NULL)
		return NULL;
	if ((r = rule_open(text, &of, &fault)) == NULL && now)
		warnx("%s", safe(fault.text));
	return r;
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Is this condition of grant k none that holds now? */
static bool
is_former(const struct row *r, size_t k, bool own)
{
	const struct grant *was = &r->g[k], *is = &r->g[r->n - 1];

	return !is->active || !same_text(own ? was->own : was->condition,
	    own ? is->own : is->condition);
}

/* Of one that does not hold now its program may have been taken away. */
static bool
is_gone(const struct row *r, size_t k, bool own)
{
	const struct rule *rule = own ? r->own[k] : r->condition[k];

	return rule != NULL && is_former(r, k, own) && rule_is_gone(rule);
}

static void
add_row(struct view *v, struct grant *g, size_t n)
{
	struct row *r = &v->rows[v->nrows++];
	size_t i;

	*r = (struct row){ .doctype = g->doctype, .g = g, .n = n, .plain = true,
	    .logged = true };
	r->condition = arena_alloc(&v->run, n * sizeof(*r->condition));
	r->own = arena_alloc(&v->run, n * sizeof(*r->own));
	r->gone = arena_alloc(&v->run, n * sizeof(*r->gone));
	r->raised = arena_alloc(&v->run, sizeof(*r->raised));
	*r->raised = (struct raised){ 0 };
	once_init(&r->raised->which);
	for (i = 0; i < n; i++) {
		r->condition[i] = compile(v, g->doctype, g[i].condition, false,
		    i == n - 1);
		r->own[i] = compile(v, g->doctype, g[i].own, true, i == n - 1);
		r->gone[i] = (struct gone){ is_gone(r, i, false),
		    is_gone(r, i, true) };
		if (g[i].condition != NULL || g[i].own != NULL)
			r->plain = false;
		r->logged = r->logged &&
		    (r->condition[i] == NULL || rule_is_logged(r->condition[i]))
		    && (r->own[i] == NULL || rule_is_logged(r->own[i]));
	}
}

/* As the Event Consumer has it now. */
static void
read_leaves(struct view *v)
{
	const struct meta *m = site_meta(v->s, "Event Consumer");
	const char *doctype, *leave;
	yyjson_val *list, *row;
	struct doc d;
	size_t i, n;

	if (m == NULL || !doc_find(v->s, &v->page, m, v->c.name, true, &d))
		return;
	list = yyjson_obj_get(yyjson_doc_get_root(json_parse_own(&v->page,
	    d.data, d.len)), "consumer_doctypes");
	yyjson_arr_foreach(list, i, n, row) {
		doctype = json_str(row, "ref_doctype");
		leave = json_str(row, "on_leave");
		if (doctype != NULL && leave != NULL &&
		    strcmp(leave, "delete") == 0 && row_of(v, doctype) != NULL)
			row_of(v, doctype)->leaves = true;
	}
	arena_reset(&v->page);
}

struct view *
view_open(struct site *s, const char *consumer)
{
	struct view *v = xcalloc(1, sizeof(*v));
	size_t i, first;

	v->s = s;
	arena_init(&v->run);
	arena_init(&v->one);
	arena_init(&v->page);
	once_init(&v->whole);
	arena_init(&v->keys);
	arena_init(&v->ask);
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
		if (v->first == 0 || v->c.grants[first].pos < v->first)
			v->first = v->c.grants[first].pos;
	}
	read_leaves(v);
	v->restored = restored_at(s);
	return v;
}

void
view_close(struct view *v)
{
	size_t i, k;

	if (v == NULL)
		return;
	for (i = 0; i < v->nrows; i++) {
		for (k = 0; k < v->rows[i].n; k++) {
			rule_close(v->rows[i].condition[k]);
			rule_close(v->rows[i].own[k]);
		}
		once_free(&v->rows[i].raised->which);
	}
	arena_free(&v->run);
	arena_free(&v->one);
	arena_free(&v->page);
	once_free(&v->whole);
	map_free(&v->until);
	arena_free(&v->keys);
	arena_free(&v->ask);
	free(v);
}

void
view_warn(struct view *v)
{
	struct raised *w;
	size_t i;

	for (i = 0; i < v->nrows; i++) {
		w = v->rows[i].raised;
		if (w->documents > 0)
			warnx("a condition of '%s' on %s raised an error for "
			    "%lld documents (%s): counted as false; es-eval "
			    "says which", safe(v->c.name),
			    safe(v->rows[i].doctype), (long long)w->documents,
			    safe(w->why.text));
		w->documents = 0;
	}
}

const char *
view_failed(const struct view *v)
{
	return v->failed ? v->why.text : NULL;
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

struct replay {			/* a document's states, one after another */
	struct view	*v;
	const struct row *r;
	const struct meta *meta;
	yyjson_mut_doc	*m;
	yyjson_mut_val	*body;		/* NULL: it is not there */
	bool		 lost;		/* its data was dropped; body is empty */
	const struct entry *e;		/* all of them, oldest first */
	size_t		 n;
	yyjson_mut_val	*present;	/* as it is, or was at last; NULL: not
					 * looked up, or not known */
	bool		 looked;
};

static yyjson_mut_val *
parse(struct replay *p, const char *text, size_t len)
{
	return yyjson_val_mut_copy(p->m, yyjson_doc_get_root(json_parse_own(
	    &p->v->page, text, len)));
}

static void
replay_entry(struct replay *p, const struct entry *e)
{
	if (e->type == U_DELETE)
		p->body = NULL;
	else if (entry_pruned(e) || (p->r->plain && e->type == U_CREATE)) {
		p->body = yyjson_mut_obj(p->m);
		p->lost = true;
	} else if (e->type == U_CREATE)
		p->body = parse(p, e->data, e->datalen);
	else if (p->body != NULL && !p->lost)
		diff_apply(p->m, p->meta, p->body,
		    parse(p, e->data, e->datalen));
}

/* The document as it is; of one that is gone, as it was at last. */
static yyjson_mut_val *
present(struct replay *p)
{
	struct replay all = *p;
	struct doc d;
	size_t i;

	if (p->looked || p->n == 0)
		return p->present;
	p->looked = true;
	all.body = NULL;
	all.lost = false;
	if (doc_load(p->v->s, &p->v->page, p->e->doc, true, &d))
		return p->present = doc_body(&p->v->page, p->m, &d);
	for (i = 0; i < p->n; i++) {
		if (p->e[i].type != U_RENAME)
			replay_entry(&all, &p->e[i]);
		if (all.body != NULL)
			p->present = all.lost ? NULL : all.body;
	}
	return p->present;
}

/* By a document as it is, which is what people can look into. */
static void
note_raised(const struct replay *p, const struct fault *why)
{
	struct raised *w = p->r->raised;

	if (p->body != p->present || !once_first(&w->which, p->e->doc))
		return;
	if (w->documents++ == 0)
		w->why = *why;
}

/* What cannot be evaluated is no answer at all. */
static void
note_failed(const struct replay *p, size_t k, bool own, const char *why)
{
	const struct grant *g = &p->r->g[k];
	const char *end, *text = own ? g->own : g->condition;
	struct view *v = p->v;

	if (v->failed)
		return;
	v->failed = true;
	if (!is_former(p->r, k, own)) {
		fault_set(&v->why, "failed", "a condition of '%s' on %s could "
		    "not be evaluated: %s", v->c.name, p->r->doctype, why);
		return;
	}
	end = rule_end(own ? p->r->own[k] : p->r->condition[k]);
	fault_set(&v->why, "failed", "a former condition of '%s' on %s, %.60s, "
	    "could not be evaluated: %.200s%s%s", v->c.name, p->r->doctype,
	    text + strspn(text, " \t\r\n"), why, end == NULL ? "" :
	    "; if it is not to be asked any more, ", end == NULL ? "" : end);
}

/* One of the conditions of grant k. */
static bool
is_true(struct replay *p, size_t k, bool own)
{
	struct rule *r = own ? p->r->own[k] : p->r->condition[k];
	struct view *v = p->v;
	struct expr_ask q = { .a = &v->ask, .now = time_now() };
	enum truth t;

	if (r == NULL)
		return true;
	q.doc = rule_is_present(r) ? present(p) : p->body;
	if (q.doc == NULL)
		return false;
	t = rule_true(r, &q, p->n > 0 ? &p->e[p->n - 1] : NULL);
	arena_reset(&v->ask);
	if (t == EXPR_RAISED)
		note_raised(p, &q.fault);
	else if (t == EXPR_FAILED)
		note_failed(p, k, own, q.fault.text);
	return t == EXPR_TRUE;
}

enum met { OUT, IN, MAYBE };	/* MAYBE: if a program said so that is gone */

/* Is the document, in a state, in view under grant k? */
static enum met
meets(struct replay *p, size_t k)
{
	const struct row *r = p->r;
	const struct gone *gone = &r->gone[k];

	if (!r->g[k].active || p->body == NULL)
		return OUT;
	if (p->lost)
		return r->g[k].condition == NULL && r->g[k].own == NULL ? IN :
		    OUT;
	/* What is not understood is not true: it was refused at entry. */
	if ((r->g[k].condition != NULL && r->condition[k] == NULL) ||
	    (r->g[k].own != NULL && r->own[k] == NULL))
		return OUT;
	if ((!gone->condition && !is_true(p, k, false)) ||
	    (!gone->own && !is_true(p, k, true)))
		return OUT;
	return gone->condition || gone->own ? MAYBE : IN;
}

/* At the newest entry without data it is known how the document was. */
static void
replay_state(struct replay *p, const struct entry *e)
{
	const char *text;
	size_t len;

	text = state_get(p->v->s, &p->v->page, e, &len);
	p->lost = text == NULL;
	p->body = p->lost ? yyjson_mut_obj(p->m) : parse(p, text, len);
}

/* Another condition is another grant. */
static bool
regrants(const struct grant *was, const struct grant *is)
{
	return is->active && (was == NULL || !was->active ||
	    !same_text(was->condition, is->condition) ||
	    !same_text(was->own, is->own));
}

struct track {			/* a document's way into and out of view */
	struct replay	 p;
	struct scope	 sc;
	int64_t		 newest;	/* entry so far */
	size_t		 k;		/* grants before k hold */
	bool		 restored;	/* that was passed */
	int64_t		 pruned;	/* its newest entry without data, or 0 */
	int64_t		 until;		/* what it had before was sent; 0: nothing */
};

static enum met
note_meets(struct track *t, size_t k)
{
	enum met is = meets(&t->p, k);

	t->sc.shown |= is == IN;
	t->sc.maybe |= is == MAYBE;
	return is;
}

/* Under the grant that holds there, if there is one. */
static enum met
track_meets(struct track *t)
{
	return t->k == 0 ? OUT : note_meets(t, t->k - 1);
}

/* It is out of view from there on. */
static void
track_left(struct track *t, int64_t at)
{
	if (t->until == INT64_MAX)
		t->until = at;
}

/* A restore: what was in view, or is, comes into it anew. */
static void
track_restored(struct track *t)
{
	if (track_meets(t) == IN)
		t->until = INT64_MAX;
	if (t->sc.since != 0 || t->sc.shown || t->sc.maybe)
		t->sc.since = t->p.v->restored;
	t->restored = true;
}

/* The grants, and the restore, from the last entry to before at. */
static void
track_grants(struct track *t, int64_t at)
{
	const struct row *r = t->p.r;
	int64_t restored = t->p.v->restored;

	for (; t->k < r->n && r->g[t->k].pos < at; t->k++) {
		if (!t->restored && restored < r->g[t->k].pos)
			track_restored(t);
		if (note_meets(t, t->k) != IN) {
			track_left(t, r->g[t->k].pos);
			continue;
		}
		if (regrants(t->k == 0 ? NULL : &r->g[t->k - 1], &r->g[t->k]) &&
		    (t->sc.since != 0 || t->newest > r->g[0].pos))
			t->sc.since = r->g[t->k].pos;
		if (t->sc.since != 0)
			t->until = INT64_MAX;
	}
	if (!t->restored && restored < at)
		track_restored(t);
}

static void
track_entry(struct track *t, const struct entry *e)
{
	enum met was, is;

	if (e->type == U_RENAME)
		return;
	was = track_meets(t);
	replay_entry(&t->p, e);
	t->newest = e->creation;
	is = track_meets(t);
	if (is == IN && (was != IN || t->sc.since == 0))
		t->sc.since = t->newest;
	t->sc.left |= was != OUT && is == OUT && e->type == U_UPDATE;
	if (is == IN)
		t->until = INT64_MAX;
	else
		track_left(t, t->newest);
	if (e->creation == t->pruned && !t->p.r->plain)
		replay_state(&t->p, e);
}

/* Of conditions that cannot be asked any more it was noted where they led to:
 * the first of the entries after that, or 0. */
static size_t
track_noted(struct track *t, const struct entry *e, size_t n)
{
	const struct row *r = t->p.r;
	size_t i = n;
	bool sure;

	while (i > 0 && !entry_pruned(&e[i - 1]))
		i--;
	if (i == 0)
		return 0;
	t->pruned = e[i - 1].creation;
	if (r->plain || !since_get(t->p.v->s, t->p.v->c.id, e->doc,
	    &t->sc.since, &sure))
		return 0;
	t->sc.shown = sure;
	t->sc.maybe = !sure;
	while (t->k < r->n && r->g[t->k].pos < t->pruned)
		t->k++;
	t->restored = t->restored || t->p.v->restored < t->pruned;
	t->newest = t->pruned;
	replay_state(&t->p, &e[i - 1]);
	if (track_meets(t) == IN)
		t->until = INT64_MAX;
	else
		t->until = t->sc.since + 1;
	return i;
}

/* Its grants and entries up to a point, in the order of the journal. */
static struct track
track_to(struct view *v, const struct row *r, const struct entry *e, size_t n,
    int64_t upto)
{
	struct track t = { .p = { .v = v, .r = r,
	    .meta = site_meta(v->s, r->doctype),
	    .m = yyjson_mut_doc_new(&v->page.alc), .e = e, .n = n },
	    .restored = v->restored == 0 };
	size_t i;

	for (i = track_noted(&t, e, n); i < n && e[i].creation <= upto; i++) {
		track_grants(&t, e[i].creation);
		track_entry(&t, &e[i]);
	}
	track_grants(&t, upto == INT64_MAX ? upto : upto + 1);
	return t;
}

/* The point where the document last came into view, and whether it ever was
 * there. */
static struct scope
since_of(struct view *v, const struct row *r, const struct entry *e, size_t n,
    int64_t upto)
{
	return track_to(v, r, e, n, upto).sc;
}

int
view_note(struct view *v, const struct entry *e, size_t n, int64_t upto)
{
	struct row *r = row_of(v, e->doctype);
	struct scope sc;
	int status = 0;

	if (r == NULL || r->plain)
		return 0;
	v->failed = false;
	sc = since_of(v, r, e, n, upto);
	if (v->failed)
		status = -1;
	else if (sc.shown || sc.maybe)
		status = since_put(v->s, v->c.id, e->doc, sc.since, sc.shown);
	arena_reset(&v->page);
	return status;
}

static struct scope
scope_of(struct view *v, int64_t doc)
{
	struct scope sc = { 0 };
	const char *doctype;
	struct row *r;
	struct replay p = { .v = v };
	struct entry *e;
	struct doc d;
	int64_t last = journal_last(v->s, doc, &doctype);
	size_t n;

	if (last == 0 || (p.r = r = row_of(v, doctype)) == NULL)
		return sc;
	e = journal_of(v->s, &v->page, last, &n);
	sc = since_of(v, r, e, n, INT64_MAX);
	if (row_active(r) && doc_load(v->s, &v->page, doc, !r->plain, &d)) {
		p.e = e;
		p.n = n;
		p.looked = true;
		if (!r->plain)
			p.body = p.present = doc_body(&v->page,
			    yyjson_mut_doc_new(&v->page.alc), &d);
		sc.visible = r->plain || meets(&p, r->n - 1) == IN;
	}
	free(e);
	return sc;
}

/* Ever in view, or reached over links, then or now, from what ever was.  To be
 * read it must be sure, but not to be told that it is gone. */
static bool
offered(struct view *v, int64_t doc, bool sure)
{
	struct map seen = { 0 };
	int64_t *todo = NULL, *sources, id;
	size_t n = 0, cap = 0, i, m;
	struct scope sc;
	bool found = false;

	for (id = doc; ; id = todo[--n]) {
		char *key = arena_printf(&v->page, "%lld", (long long)id);
		if (map_get(&seen, key, strlen(key)) == NULL) {
			map_set(&seen, key, strlen(key), key);
			sc = scope_of(v, id);
			if ((found = sc.shown || (sc.maybe && !sure)))
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

bool
view_offers(struct view *v, int64_t doc)
{
	bool found = offered(v, doc, true);

	arena_reset(&v->page);
	return found;
}

bool
view_shows(struct view *v, int64_t doc)
{
	bool visible = scope_of(v, doc).visible;

	arena_reset(&v->page);
	return visible;
}

bool
view_streams(struct view *v, int64_t doc)
{
	struct scope sc = scope_of(v, doc);

	arena_reset(&v->page);
	return sc.visible && sc.since != 0;
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

/* Whoever made that Update: the Delete is this site's. */
static void
emit_left(struct view *v, const struct entry *e)
{
	size_t len;
	char *line;

	if (v->stop)
		return;
	line = produce_left(v->s, &v->page, e, &len);
	v->events++;
	v->stop = !v->emit(v->arg, line, len);
}

/* The document as it is now: where the journal has its history no more. */
static void
emit_whole(struct view *v, int64_t doc)
{
	struct doc d;
	size_t len;
	char *line;

	if (v->stop || !doc_load(v->s, &v->page, doc, true, &d))
		return;
	line = produce_snapshot_for(v->s, &v->page, &d, v->c.site, &len);
	v->events++;
	v->stop = !v->emit(v->arg, line, len);
}

/* Is the history of the document up to pos to be had no more, and not only of
 * what the consumer sent itself; or does a restore lie in between? */
static bool
is_lost(struct view *v, const struct entry *e, size_t n, int64_t pos)
{
	bool pruned = false, news = false;
	size_t i;

	if (n > 0 && e[0].creation < v->restored && v->restored <= pos)
		return true;
	for (i = 0; i < n && e[i].creation <= pos; i++) {
		pruned = pruned || entry_pruned(&e[i]);
		news = news || !has_passed(v, &e[i]);
	}
	return pruned && news;
}

/* The whole history of a document up to pos; of one that is gone its Delete.
 * again: it was to be deleted meanwhile, so its events are known as done with. */
static void
history(struct view *v, int64_t doc, int64_t pos, bool again)
{
	const char *doctype;
	struct entry *e;
	size_t i, n;
	struct doc d;
	bool here = doc_load(v->s, &v->page, doc, false, &d);
	bool lost;

	e = journal_of(v->s, &v->page, journal_last(v->s, doc, &doctype), &n);
	if ((lost = here && (again || is_lost(v, e, n, pos)))) {
		once_first(&v->whole, doc);
		emit_whole(v, doc);
	}
	for (i = 0; i < n && e[i].creation <= pos && !lost; i++)
		if (here ? !entry_pruned(&e[i]) : e[i].type == U_DELETE)
			emit(v, &e[i]);
	free(e);
}

/* From where Deletes may not have been sent, as the row is granted at pos: who
 * read on while it was not granted has passed over all that he had not had. */
static int64_t
withheld_from(const struct row *r, int64_t pos)
{
	size_t k;

	for (k = 1; k < r->n && r->g[k].pos < pos; k++)
		;
	/* Only its condition changed: nothing was withheld. */
	return r->g[k - 1].active ? pos : r->g[0].pos;
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

/* Of all documents of the row that changed after a point, those that came into
 * view at pos. */
static void
histories(struct view *v, const struct row *r, int64_t after, int64_t pos)
{
	struct scope sc;
	int64_t *ids;
	size_t i, n;

	ids = doc_since(v->s, &v->one, r->doctype, after, &n);
	for (i = 0; i < n && !v->stop; i++) {
		sc = scope_of(v, ids[i]);
		if (sc.visible && sc.since == pos)
			history(v, ids[i], pos, r->leaves && sc.left);
		arena_reset(&v->page);
	}
}

/* Deletes of the row that may not have been had, from one point to another. */
static void
deletes(struct view *v, const struct row *r, int64_t after, int64_t pos)
{
	struct entry e;
	struct query *q;
	int64_t *gone = NULL;
	size_t i, m = 0;

	q = journal_deletes(v->s, r->doctype, after, pos);
	while (journal_next(v->s, q, &e) == 1) {
		gone = xrealloc(gone, (m + 1) * sizeof(*gone));
		gone[m++] = e.creation;
	}
	for (i = 0; i < m && !v->stop; i++) {
		if (journal_get(v->s, &v->page, gone[i], &e) &&
		    offered(v, e.doc, false))
			emit(v, &e);
		arena_reset(&v->page);
	}
	free(gone);
}

/* What comes into view where a row was granted again, or the site restored: then
 * who has read on in the time that was lost had Deletes withheld of which the log
 * does not tell.  With the first grant nothing does: it has what comes after. */
static void
grants_at(struct view *v, int64_t pos)
{
	struct row *r;
	size_t i, k;

	for (i = 0; i < v->nrows; i++) {
		r = &v->rows[i];
		if (!row_active(r))
			continue;
		if (pos == v->restored) {
			histories(v, r, 0, pos);
			deletes(v, r, r->g[0].pos, pos);
		}
		for (k = 1; k < r->n; k++)
			if (r->g[k].pos == pos &&
			    regrants(&r->g[k - 1], &r->g[k])) {
				histories(v, r, r->g[0].pos, pos);
				deletes(v, r, withheld_from(r, pos), pos);
			}
	}
}

/* The common case, without a look at the whole history: no conditions, one
 * grant.  0 not to be sent, 1 as it is, 2 the whole history. */
static int
plain_case(struct view *v, const struct row *r, const struct entry *e)
{
	int64_t before = e->before, start = r->g[0].pos;
	struct entry b;

	if (e->creation < r->g[r->n - 1].pos || e->creation < v->restored)
		return 0;
	/* A restore brought into view what was there before. */
	if (r->g[r->n - 1].pos < v->restored)
		start = 0;
	while (before > start && journal_get(v->s, &v->page, before, &b)) {
		if (b.type == U_CREATE || b.type == U_UPDATE)
			return 1;
		before = b.before;
	}
	return 2;
}

/* The common case with conditions: made under the one grant that there is, and
 * as it was then. */
static bool
is_new(const struct view *v, const struct row *r, const struct entry *e,
    const struct doc *d)
{
	return r->n == 1 && e->type == U_CREATE && !entry_pruned(e) &&
	    e->before == 0 &&
	    d->last == e->creation && r->g->pos < e->creation &&
	    v->restored < e->creation && (r->logged ||
	    (d->len == e->datalen && memcmp(d->data, e->data, d->len) == 0));
}

/* Its one state needs to be asked but once. */
static bool
new_case(struct view *v, const struct row *r, const struct entry *e)
{
	struct rule *rules[] = { r->condition[0], r->own[0] };
	struct replay p = { .v = v, .r = r, .e = e, .n = 1, .looked = true,
	    .m = yyjson_mut_doc_new(&v->page.alc) };
	yyjson_val *doc = yyjson_doc_get_root(json_parse_own(&v->page, e->data,
	    e->datalen));
	bool is = true;
	size_t i;

	if ((r->g->condition != NULL && rules[0] == NULL) ||
	    (r->g->own != NULL && rules[1] == NULL))
		return false;
	for (i = 0; i < 2 && is; i++)
		if (rules[i] != NULL) {
			p.body = p.present = rule_part(rules[i], p.m, doc);
			is = is_true(&p, 0, i == 1);
		}
	return is;
}

/* Was it in view before this Update, and not after it? */
static bool
left_at(struct view *v, const struct row *r, const struct entry *e)
{
	struct entry *all;
	struct track t;
	bool was, is;
	size_t n;

	if (e->type != U_UPDATE || entry_pruned(e))
		return false;
	all = journal_of(v->s, &v->page, e->creation, &n);
	t = track_to(v, r, all, n, e->creation - 1);
	was = (t.sc.shown || t.sc.maybe) && track_meets(&t) != OUT;
	track_entry(&t, e);
	is = track_meets(&t) != OUT;
	free(all);
	return was && !is && !v->failed;
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
	struct scope sc = { 0 };
	struct doc d;
	int how;

	if (!doc_load(v->s, &v->page, e->doc, !r->plain &&
	    !r->logged && e->before == 0, &d))
		return;
	if (r->plain && grants_of(r) == 1)
		how = plain_case(v, r, e);
	else if (!r->plain && is_new(v, r, e, &d))
		how = new_case(v, r, e);
	else {
		sc = scope_of(v, e->doc);
		how = !sc.visible || sc.since == 0 || e->creation < sc.since ? 0
		    : e->creation == sc.since ? 2 : 1;
	}
	/* The first entry of a document is its whole history. */
	if (how == 2 && e->before == 0 && !entry_pruned(e))
		how = 1;
	if (how == 1 && !entry_pruned(e))
		emit(v, e);
	else if (how == 1 && !has_passed(v, e) && once_first(&v->whole, e->doc))
		emit_whole(v, e->doc);
	else if (how == 2)
		history(v, e->doc, e->creation, r->leaves && sc.left);
	else if (r->leaves && left_at(v, r, e))
		emit_left(v, e);
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
	    offered(v, e->doc, false))
		emit(v, e);
}

/* What was logged before its first grant cannot be for it: neither could a
 * document come into view there, nor had one that it would be told of. */
static int64_t
skip(struct view *v, int64_t at)
{
	char name[ID_LEN + 1];
	int64_t first = v->first;

	if (v->nrows == 0)
		first = journal_floor(v->s, INT64_MAX, name);
	return first > at ? first - 1 : at;
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
	v->stop = v->failed = false;
	if (v->reached != *at)
		once_clear(&v->whole);
	*more = true;
	for (n = 0; n < limit && !v->stop; n++) {
		if (!journal_after(v->s, &v->one, skip(v, *at), &e)) {
			*more = false;
			break;
		}
		if (strcmp(e.doctype, "Event Consumer") == 0)
			grants_at(v, e.creation);
		one_entry(v, &e);
		if (v->stop || v->failed)
			break;
		*at = e.creation;
		snprintf(name, ID_LEN + 1, "%s", e.name);
		arena_reset(&v->one);
		arena_reset(&v->page);
	}
	arena_reset(&v->one);
	arena_reset(&v->page);
	v->reached = *at;
	return db_failed(v->s->db) ? -1 : v->events;
}

/* ---- what was sent */

/* Was the row granted at any time from then to the consumer's cursor? */
static bool
granted_since(const struct view *v, const struct row *r, int64_t from)
{
	size_t k;

	for (k = 0; k < r->n && r->g[k].pos <= v->c.cursor; k++)
		if (r->g[k].active && (r->g[k].pos >= from || k == r->n - 1 ||
		    r->g[k + 1].pos > from))
			return true;
	return false;
}

/* Before this entry of a document all Creates and Updates were sent: in their
 * place, or with its history when it came into view.  0: none was. */
static int64_t
find_until(struct view *v, const struct row *r, int64_t doc)
{
	const char *doctype;
	struct entry *e;
	struct track t;
	size_t n;

	e = journal_of(v->s, &v->page, journal_last(v->s, doc, &doctype), &n);
	t = track_to(v, r, e, n, v->c.cursor);
	free(e);
	return t.sc.since == 0 || t.sc.since > v->c.cursor ? 0 : t.until;
}

/* The same, once for all entries of a document. */
static int64_t
sent_until(struct view *v, const struct row *r, int64_t doc)
{
	char key[21];
	size_t len = text_int(key, doc);
	int64_t *until = map_get(&v->until, key, len);

	if (until == NULL) {
		if (v->until.n >= 10000) {
			map_clear(&v->until);
			arena_reset(&v->keys);
		}
		until = arena_alloc(&v->keys, sizeof(*until));
		*until = find_until(v, r, doc);
		map_set(&v->until, arena_dup(&v->keys, key, len), len, until);
	}
	return *until;
}

static bool
body_sent(struct view *v, const struct row *r, const struct entry *e)
{
	return (r->plain && was_active(r, e->creation)) ||
	    e->creation < sent_until(v, r, e->doc);
}

bool
view_sent(struct view *v, const struct entry *e)
{
	const struct row *r = row_of(v, e->doctype);
	bool sent = false;

	if (e->creation <= v->c.cursor && meta_streamed(e->doctype) &&
	    !has_passed(v, e)) {
		if (e->type == U_DELETE || e->type == U_RENAME)
			sent = (r == NULL || granted_since(v, r, e->creation))
			    && offered(v, e->doc, false);
		else
			sent = r != NULL && body_sent(v, r, e);
	}
	arena_reset(&v->page);
	return sent;
}
