/* plan.c - what a run of events is to make of a document: nothing is written
 * (DESIGN 7.4-7.6) */

#include <string.h>
#include <strings.h>

#include "sync/merge.h"

static bool
fail(struct plan *p, const char *code, const char *fmt, const char *a,
    const char *b)
{
	fault_set(&p->g->fault, code, fmt, a, b);
	return false;
}

bool
plan_open(struct plan *p, struct merge *g, const struct event *e, int n,
    struct doc *d)
{
	memset(p, 0, sizeof(*p));
	p->g = g;
	p->d = d;
	if ((p->meta = site_meta(g->s, e->doctype)) == NULL)
		return fail(p, "doctype", "no DocType '%s' here; es-doctype "
		    "puts one in%s", e->doctype, "");
	p->row = producer_row(g->p, e->doctype);
	p->same = p->row == NULL ? doc_number(g->s, e->doctype, e->docname) == 0
	    : p->row->same_name;
	p->m = yyjson_mut_doc_new(&g->a->alc);
	p->parts = arena_alloc(g->a, n * sizeof(*p->parts));
	p->groups = arena_alloc(g->a, n * sizeof(*p->groups));
	if (d->id != 0)
		p->body = doc_body(g->a, p->m, d);
	return true;
}

void
plan_free(struct plan *p)
{
	int i;

	for (i = 0; i < p->n; i++) {
		places_free(&p->parts[i].keep);
		places_free(&p->parts[i].again);
	}
}

/* ---- an event */

/* Names that are shared may be taken: by a document that is the same one, or
 * by another. */
static bool
adopt(struct plan *p, const struct event *e, yyjson_mut_val *data)
{
	struct merge *g = p->g;
	struct doc *o = &p->adopted;
	struct birth *b;
	size_t i, n;

	if (!doc_find(g->s, g->a, p->meta, e->docname, true, o))
		return true;
	b = origin_births(g->s, g->a, o->id, &n);
	for (i = 0; i < n; i++)
		if (e->birth != NULL && strcmp(b[i].site, e->birth_site) == 0)
			return fail(p, "name", "the name '%s' is taken by "
			    "another document of that site%s", e->docname, "");
	if (o->home == g->p->peer)
		return fail(p, "name", "the name '%s' is taken by another "
		    "document from there%s", e->docname, "");
	p->body = doc_body(g->a, p->m, o);
	if ((e->birth == NULL && o->home != 0) ||
	    (diff_make(p->m, p->meta, p->body, data) != NULL &&
	    p->row->policy != POLICY_PRODUCER))
		return fail(p, "name", "another %s is called '%s' here",
		    p->meta->name, e->docname);
	p->adopt = true;
	p->d = o;
	return true;
}

/* Another site's secrets are its own; stock sends stars. */
static void
drop_secrets(const struct meta *m, yyjson_mut_val *obj)
{
	yyjson_mut_val *row;
	size_t i, k, n;

	for (i = 0; i < m->nfields && m->secrets; i++) {
		if (m->fields[i].kind == K_PASSWORD)
			yyjson_mut_obj_remove_key(obj, m->fields[i].name);
		if (m->fields[i].kind != K_TABLE || m->fields[i].child == NULL)
			continue;
		yyjson_mut_arr_foreach(yyjson_mut_obj_get(obj,
		    m->fields[i].name), k, n, row)
			drop_secrets(m->fields[i].child, row);
	}
}

/* What a user has to be allowed to bring a document from one docstatus to
 * another. */
static unsigned
need_for(int from, int to)
{
	return (from < 1 && to >= 1) << R_SUBMIT |
	    (from < 2 && to == 2) << R_CANCEL;
}

/* A document of a stranger in our form, links translated. */
static bool
take_whole(struct plan *p, struct part *t)
{
	t->whole = yyjson_val_mut_copy(p->m, t->it->e.data);
	if (t->it->e.birth == NULL)
		stock_doc(p->m, p->meta, t->whole);
	if (!doc_clean(p->m, p->meta, t->whole, &p->g->fault))
		return false;
	yyjson_mut_obj_remove_key(t->whole, "remote_docname");
	yyjson_mut_obj_remove_key(t->whole, "remote_site_name");
	drop_secrets(p->meta, t->whole);
	if (json_is_null(yyjson_mut_obj_get(t->whole, "docstatus")))
		json_put(p->m, t->whole, "docstatus", json_new_int(p->m, 0));
	link_translate(p, &t->it->e, t->whole);
	return true;
}

/* What a document is called at home is our note: no event takes it away. */
static void
keep_remote(struct plan *p, yyjson_mut_val *whole)
{
	static const char *const keys[] = { "remote_docname",
	    "remote_site_name" };
	yyjson_mut_val *v;
	size_t i;

	for (i = 0; i < 2; i++)
		if ((v = yyjson_mut_obj_get(p->body, keys[i])) != NULL)
			json_put(p->m, whole, keys[i],
			    yyjson_mut_val_mut_copy(p->m, v));
}

static bool
take_create(struct plan *p, struct part *t)
{
	if (!take_whole(p, t))
		return false;
	if (p->same && p->d->id == 0 && p->body == NULL &&
	    !adopt(p, &t->it->e, t->whole))
		return false;
	if (p->body == NULL) {
		p->body = t->whole;
		p->need |= 1 << R_CREATE | need_for(0,
		    json_mut_int(p->body, "docstatus", 0));
		return true;
	}
	keep_remote(p, t->whole);
	t->chg = diff_make(p->m, p->meta, p->body, t->whole);
	return true;
}

static bool
take_update(struct plan *p, struct part *t)
{
	const char *why;

	t->chg = yyjson_val_mut_copy(p->m, t->it->e.data);
	if ((why = diff_fault(p->meta, t->chg)) != NULL)
		return fail(p, "type", "%s%s", why, "");
	if (t->it->e.birth == NULL)
		stock_diff(p->m, p->meta, t->chg);
	link_translate_diff(p, &t->it->e, t->chg);
	return true;
}

/* Is it in the terms of our document?  Each event of a run is asked for itself,
 * whatever was before it. */
static bool
is_ours(struct plan *p, const struct event *e)
{
	const struct meta *m = p->d->id != 0 ? p->d->meta : p->meta;
	const char *why = json_str(e->line, "unmapped");

	if (strcmp(e->doctype, m->name) != 0)
		return fail(p, "doctype", "it came as %s, and would be %s",
		    m->name, e->doctype);
	if (why != NULL)
		return fail(p, "mapping", "%s%s", why, "");
	if (p->row != NULL && p->row->mapping != NULL && !event_is_mapped(e))
		return fail(p, "mapping", "the subscription maps it by '%s', and "
		    "it did not pass es-map%s", p->row->mapping, "");
	return true;
}

bool
plan_event(struct plan *p, struct part *t)
{
	if (!is_ours(p, &t->it->e))
		return false;
	return t->it->e.type == U_CREATE ? take_create(p, t) :
	    take_update(p, t);
}

/* Writes what an event changes over what the document was. */
static void
change(struct plan *p, const struct part *t)
{
	int was = json_mut_int(p->body, "docstatus", 0);

	if (p->body == t->whole)
		p->body = yyjson_mut_val_mut_copy(p->m, p->body);
	if (t->chg == NULL)
		return;
	diff_apply(p->m, p->meta, p->body, t->chg);
	p->need |= 1 << R_WRITE |
	    need_for(was, json_mut_int(p->body, "docstatus", 0));
}

bool
plan_part(struct plan *p, struct item *it)
{
	struct part *t = &p->parts[p->n];

	*t = (struct part){ .it = it };
	if (it->e.type == U_RENAME) {
		p->name = it->e.new_name;
		p->n++;
		return true;
	}
	if (it->e.fault != NULL)
		return fail(p, "data", "%s%s", it->e.fault, "");
	if (it->e.type == U_CREATE)
		p->name = it->e.docname;
	if (!plan_event(p, t))
		return false;
	if (t->chg != NULL) {
		if (!conflict_resolve(p, t)) {
			places_free(&t->keep);
			places_free(&t->again);
			return false;
		}
		change(p, t);
	}
	p->n++;
	return true;
}

/* ---- what came out */

/* Does what came out satisfy its DocType?  Of a single diff only what it
 * writes is looked at. */
static bool
conforms(struct plan *p, int what, bool strict)
{
	struct merge *g = p->g;
	yyjson_mut_val *old = NULL;

	if (p->n == 1 && p->parts[0].whole == NULL && !strict)
		return p->parts[0].chg == NULL || diff_check(p->meta,
		    p->parts[0].chg, p->body, what, p->d->docstatus == 1,
		    &g->s->lookup, &g->fault);
	if ((what & CHECK_FULL) && p->d->id != 0)
		old = doc_body(g->a, p->m, p->d);
	/* The name that it came with may be another document's here. */
	if (p->d->id == 0)
		json_put(p->m, p->body, "name", yyjson_mut_null(p->m));
	return doc_check(p->meta, p->body, old, what, &g->s->lookup, &g->fault);
}

/* es-deps asked for it in vain, and it has not come since. */
static bool
is_missing(const struct plan *p, const struct want *w)
{
	yyjson_val *list, *birth;
	const char *key;
	size_t i, n;
	int k;

	if (w->birth == NULL)
		return false;
	key = merge_key(p->g->a, w->site, w->birth, w->doctype, w->name);
	if (map_get(p->g->come, key, strlen(key)) != NULL)
		return false;
	for (k = 0; k < p->n; k++) {
		list = yyjson_obj_get(p->parts[k].it->e.line, "missing");
		yyjson_arr_foreach(list, i, n, birth)
			if (yyjson_equals_str(birth, w->birth))
				return true;
	}
	return false;
}

/* The filters of its mapping found nothing, says es-deps. */
static bool
is_not_found(const struct plan *p, const struct want *w)
{
	yyjson_val *names, *name;
	size_t i, n;
	int k;

	for (k = 0; k < p->n; k++) {
		names = yyjson_obj_get(yyjson_obj_get(p->parts[k].it->e.line,
		    "not_found"), w->doctype);
		yyjson_arr_foreach(names, i, n, name)
			if (yyjson_equals_str(name, w->name))
				return true;
	}
	return false;
}

static bool
fail_wanting(struct plan *p, const struct want *w)
{
	struct merge *g = p->g;

	if (is_not_found(p, w))
		return fault_set(&g->fault, "waits", "waits for %s '%s', which "
		    "the filters of its mapping do not find at %s", w->doctype,
		    w->name, g->p->name);
	if (!is_missing(p, w))
		return fail(p, "waits", "waits for %s '%s'", w->doctype,
		    w->name);
	return fault_set(&g->fault, "waits", "waits for %s '%s', which %s does "
	    "not have or does not give", w->doctype, w->name, g->p->name);
}

bool
plan_check(struct plan *p)
{
	struct merge *g = p->g;
	bool strict = p->row != NULL && p->row->strict;
	int is;

	link_wants(p);
	if (g->nwants > 0)
		return fail_wanting(p, g->wants[0]);
	g->warning = NULL;
	if (!conforms(p, CHECK_TYPES | CHECK_FULL, strict)) {
		if (strict)
			return false;
		/* A Create may come in any state. */
		if (strcmp(g->fault.code, "docstatus") != 0)
			g->warning = arena_printf(g->a, "%s",
			    safe(g->fault.text));
		if (!conforms(p, CHECK_TYPES, strict))
			return false;
	}
	g->warned = p->parts[p->n - 1].it;
	is = json_mut_int(p->body, "docstatus", 0);
	if (p->d->id != 0 && is < p->d->docstatus)
		return fault_set(&g->fault, "docstatus",
		    "docstatus goes back from %d to %d", p->d->docstatus, is);
	return true;
}

/* The name of a new document: the producer's, or one of ours. */
static bool
choose_name(struct plan *p, bool same)
{
	struct merge *g = p->g;
	const char *name = p->name;

	if (!same) {
		name = strcasecmp(p->meta->autoname, "Prompt") == 0 ? NULL :
		    name_new(g->a, p->meta, p->body, time_now(), &g->s->lookup,
		    &g->fault);
		/* No rule gives one: the producer's, with a number if taken. */
		if (name == NULL)
			name = arena_printf(g->a, "%s", p->name);
		if (doc_number(g->s, p->meta->name, name) != 0)
			name = arena_printf(g->a, "%s-%lld", p->name, (long long)
			    g->s->lookup.counter(g->s, "es:local names"));
	}
	if (doc_number(g->s, p->meta->name, name) != 0)
		return fail(p, "name", "another %s is called '%s' here",
		    p->meta->name, name);
	if (!p->meta->issingle && !name_check(p->meta, name, &g->fault))
		return false;
	p->d->name = name;
	return true;
}

/* ---- a run */

static bool
same_marks(const struct marks *a, const struct marks *b, const char *but,
    bool names)
{
	const char *there;
	size_t i, n = 0, m = 0;

	for (i = 0; i < b->n; i++)
		m += but == NULL || strcmp(b->v[i].site, but) != 0;
	for (i = 0; i < a->n; i++) {
		if (but != NULL && strcmp(a->v[i].site, but) == 0)
			continue;
		n++;
		there = marks_find(b, a->v[i].site);
		if (there == NULL ||
		    (names && strcmp(there, a->v[i].at.name) != 0))
			return false;
	}
	return n == m;
}

/* Events of one author, way and base make one entry in our journal. */
static bool
same_group(const struct event *a, const struct event *b)
{
	if ((a->author == NULL) != (b->author == NULL) ||
	    (a->author != NULL && strcmp(a->author, b->author) != 0))
		return false;
	return same_marks(&a->via, &b->via, NULL, false) &&
	    same_marks(&a->knew, &b->knew, a->author, true);
}

/* Are there events of more than one author? */
static bool
is_mixed(struct item **run, int n)
{
	const struct event *e = &run[0]->e;
	int i;

	for (i = 1; i < n; i++)
		if (run[i]->e.type != U_RENAME && e->type != U_RENAME &&
		    e->author != NULL && run[i]->e.author != NULL &&
		    strcmp(e->author, run[i]->e.author) != 0)
			return true;
	return false;
}

bool
plan_run(struct plan *p, struct item **run, int n)
{
	const struct item *last = NULL;
	struct group *gr = NULL;
	int i;

	p->mixed = is_mixed(run, n);
	for (i = 0; i < n; i++) {
		if (run[i]->e.type != U_RENAME) {
			if (last == NULL || !same_group(&last->e, &run[i]->e)) {
				if (gr != NULL)
					gr->body = yyjson_mut_val_mut_copy(p->m,
					    p->body);
				gr = &p->groups[p->ngroups++];
				*gr = (struct group){ .first = i };
			}
			last = run[i];
		}
		if (!plan_part(p, run[i]))
			return false;
		if (gr != NULL)
			gr->n = i + 1 - gr->first;
	}
	if (gr == NULL)			/* nothing but Renames */
		return p->d->id != 0;
	gr->body = p->body;
	return rights_allow(&p->g->rights, p->meta, p->need, &p->g->fault) &&
	    plan_check(p) && (p->d->id != 0 || choose_name(p, p->same));
}
