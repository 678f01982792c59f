/* diff.c - Frappe's diff by row name: made, applied, cut; its places */

#include <stdlib.h>
#include <string.h>

#include "model/model.h"

/* ---- what of a document is compared and written */

static const struct field *
field_of(const struct meta *m, const char *key, size_t len)
{
	return m == NULL ? NULL : meta_field(m, key, len);
}

static const struct meta *
child_of(const struct meta *m, const char *table, size_t len)
{
	const struct field *f = field_of(m, table, len);

	return f == NULL ? NULL : f->child;
}

static bool
is_table(const struct field *f)
{
	return f != NULL && f->kind == K_TABLE;
}

/* Is a member, f or unknown, part of what a diff is about? */
static bool
stored(const struct field *f, const char *key, size_t len, bool row)
{
	if (f != NULL)
		return f->kind != K_LAYOUT && f->kind != K_PASSWORD &&
		    !f->is_virtual;
	if (!row && strcmp(key, "docstatus") == 0)
		return true;
	return !meta_standard(key, len);
}

/* Is a member a place?  What is stored, and where a row stands. */
static bool
is_place(const struct field *f, const char *key, size_t len, bool row)
{
	return stored(f, key, len, row) || (row && strcmp(key, "idx") == 0);
}

/* The doctype half of the dynamic link that f belongs to, or NULL.  All links
 * that share it are one place. */
static const struct field *
root_of(const struct field *f)
{
	if (f == NULL)
		return NULL;
	if (f->kind == K_DYNAMIC && f->dyn != NULL)
		return f->dyn;
	return f->half != NULL ? f : NULL;
}

static bool
goes_with(const struct field *f, const struct field *root)
{
	return (f == root || (f->kind == K_DYNAMIC && f->dyn == root)) &&
	    f->kind != K_TABLE && stored(f, f->name, 0, false);
}

/* ---- members looked up mostly in the order of their object */

struct members {
	yyjson_mut_val		*obj;
	yyjson_mut_obj_iter	 it;
	size_t			 steps;
	struct map		 map;	/* once the order is another */
};

static void
members_open(struct members *in, yyjson_mut_val *obj)
{
	*in = (struct members){ .obj = obj };
	yyjson_mut_obj_iter_init(obj, &in->it);
}

static void
members_close(struct members *in)
{
	map_free(&in->map);
}

static void
members_index(struct members *in)
{
	yyjson_mut_val *key, *val;
	size_t i, max;

	yyjson_mut_obj_foreach(in->obj, i, max, key, val) {
		map_set(&in->map, yyjson_mut_get_str(key),
		    yyjson_mut_get_len(key), val);
	}
}

static yyjson_mut_val *
members_find(struct members *in, const char *key, size_t len)
{
	yyjson_mut_val *val;
	size_t was = in->it.idx, max = in->it.max;

	if (in->map.n > 0)
		return map_get(&in->map, key, len);
	val = yyjson_mut_obj_iter_getn(&in->it, key, len);
	in->steps += val == NULL || in->it.idx < was ? max : in->it.idx - was;
	if (in->steps > 16 * max + 1000)
		members_index(in);
	return val;
}

static void
members_add(struct members *in, yyjson_mut_val *key, yyjson_mut_val *val)
{
	yyjson_mut_obj_add(in->obj, key, val);
	if (in->it.max++ == 0)
		yyjson_mut_obj_iter_init(in->obj, &in->it);
	if (in->map.n > 0)
		map_set(&in->map, yyjson_mut_get_str(key),
		    yyjson_mut_get_len(key), val);
}

static yyjson_mut_val *
member(yyjson_mut_val *obj, const char *key)
{
	return yyjson_mut_obj_get(obj, key);
}

/* Adds a copy of a member; absent is null. */
static void
put(yyjson_mut_doc *doc, yyjson_mut_val *obj, const char *key, size_t len,
    yyjson_mut_val *val)
{
	val = val == NULL ? yyjson_mut_null(doc) :
	    yyjson_mut_val_mut_copy(doc, val);
	yyjson_mut_obj_add(obj, yyjson_mut_strncpy(doc, key, len), val);
}

/* Adds a field's value in from, with the other halves if it is one of a
 * dynamic link. */
static void
put_place(yyjson_mut_doc *doc, yyjson_mut_val *obj, const struct meta *m,
    const char *key, size_t len, yyjson_mut_val *from)
{
	const struct field *root = root_of(field_of(m, key, len)), *f;
	size_t i;

	if (root == NULL) {
		put(doc, obj, key, len, yyjson_mut_obj_getn(from, key, len));
		return;
	}
	for (i = 0; i < m->nfields; i++) {
		f = &m->fields[i];
		if (goes_with(f, root) && member(obj, f->name) == NULL)
			put(doc, obj, f->name, strlen(f->name),
			    member(from, f->name));
	}
}

/* ---- rows by name */

struct row {
	const char	*name;
	size_t		 len;
	yyjson_mut_val	*val;
	struct row	*twin;		/* in the other document */
	int64_t		 idx;		/* where the diff puts it, or 0 */
	bool		 gone;
};

struct rows {
	struct row	*v, *next;	/* next: a guess what is looked for */
	size_t		 n;
	struct map	 map;		/* once a guess was wrong */
};

static struct row *
rows_add(struct rows *rows, yyjson_mut_val *val)
{
	struct row *r = &rows->v[rows->n++];
	const char *name = json_mut_str(val, "name");

	*r = (struct row){ .name = name == NULL ? "" : name, .val = val };
	r->len = strlen(r->name);
	if (rows->map.n > 0)
		map_set(&rows->map, r->name, r->len, r);
	return r;
}

/* more: room for so many rows to be added. */
static void
rows_read(struct rows *rows, yyjson_mut_val *table, size_t more)
{
	yyjson_mut_val *val;
	size_t i, max;

	more += yyjson_mut_arr_size(table);
	*rows = (struct rows){ .v = xmalloc(more * sizeof(*rows->v)) };
	rows->next = rows->v;
	yyjson_mut_arr_foreach(table, i, max, val) {
		rows_add(rows, val);
	}
}

static void
rows_free(struct rows *rows)
{
	free(rows->v);
	map_free(&rows->map);
}

static struct row *
rows_find(struct rows *rows, const char *name, size_t len)
{
	struct row *r = rows->next;
	size_t i;

	if (r == rows->v + rows->n || r->len != len ||
	    memcmp(r->name, name, len) != 0) {
		if (rows->map.n == 0)
			for (i = 0; i < rows->n; i++)
				map_set(&rows->map, rows->v[i].name,
				    rows->v[i].len, &rows->v[i]);
		r = map_get(&rows->map, name, len);
	}
	if (r != NULL)
		rows->next = r + 1;
	return r;
}

/* ---- the four keys */

static const char *const sides[] = { "added", "removed", "row_changed" };
enum { ADDED, REMOVED, ROW_CHANGED, SIDES };

struct diff {
	yyjson_mut_doc	*doc;
	yyjson_mut_val	*changed, *side[SIDES];
};

static void
diff_open(struct diff *d, yyjson_mut_doc *doc)
{
	int i;

	d->doc = doc;
	d->changed = yyjson_mut_obj(doc);
	for (i = 0; i < SIDES; i++)
		d->side[i] = yyjson_mut_obj(doc);
}

static yyjson_mut_val *
diff_close(struct diff *d)
{
	yyjson_mut_val *root;
	size_t n = yyjson_mut_obj_size(d->changed);
	int i;

	for (i = 0; i < SIDES; i++)
		n += yyjson_mut_obj_size(d->side[i]);
	if (n == 0)
		return NULL;
	root = yyjson_mut_obj(d->doc);
	yyjson_mut_obj_add_val(d->doc, root, "changed", d->changed);
	for (i = 0; i < SIDES; i++)
		yyjson_mut_obj_add_val(d->doc, root, sides[i], d->side[i]);
	return root;
}

/* The rows of one table on their way into a diff. */
struct table {
	struct diff		*d;
	const struct meta	*child;
	const char		*key;
	size_t			 len;
	yyjson_mut_val		*list[SIDES];
};

static void
add_row(struct table *t, int side, yyjson_mut_val *row)
{
	yyjson_mut_doc *doc = t->d->doc;

	if (t->list[side] == NULL) {
		t->list[side] = yyjson_mut_arr(doc);
		yyjson_mut_obj_add(t->d->side[side],
		    yyjson_mut_strncpy(doc, t->key, t->len), t->list[side]);
	}
	yyjson_mut_arr_append(t->list[side], row);
}

/* Puts name and idx, if not 0, in front of the members of a row. */
static void
head(yyjson_mut_doc *doc, yyjson_mut_val *row, const char *name, int64_t idx)
{
	if (idx > 0)
		yyjson_mut_obj_insert(row, yyjson_mut_str(doc, "idx"),
		    json_new_int(doc, idx), 0);
	yyjson_mut_obj_insert(row, yyjson_mut_str(doc, "name"),
	    yyjson_mut_strcpy(doc, name), 0);
}

static void
add_whole(struct table *t, yyjson_mut_val *row, const char *name, int64_t idx)
{
	yyjson_mut_val *copy = yyjson_mut_obj(t->d->doc), *key, *val;
	const char *s;
	size_t i, max, len;

	yyjson_mut_obj_foreach(row, i, max, key, val) {
		s = yyjson_mut_get_str(key);
		len = yyjson_mut_get_len(key);
		if (stored(field_of(t->child, s, len), s, len, true))
			put(t->d->doc, copy, s, len, val);
	}
	head(t->d->doc, copy, name, idx);
	add_row(t, ADDED, copy);
}

/* ---- making */

/* Two documents or rows that are compared. */
struct pair {
	const struct meta	*meta;
	bool			 row;
	yyjson_mut_val		*old, *new;
	yyjson_mut_val		*out;	/* takes what changed */
};

static void	 diff_members(struct diff *, const struct pair *);

/* Finds each row's twin, and gives an idx to the rows that are new and to
 * those between the first and the last whose order is another. */
static void
match(struct rows *old, struct rows *new)
{
	struct row *r, *o, *first = NULL, *last = NULL;
	struct row *end = new->v + new->n;

	for (r = new->v; r < end; r++) {
		o = rows_find(old, r->name, r->len);
		if (o == NULL || o->twin != NULL)
			continue;
		r->twin = o;
		o->twin = r;
	}
	for (r = new->v, o = old->v; r < end; r++) {
		if (r->twin == NULL) {
			r->idx = r - new->v + 1;
			continue;
		}
		while (o->twin == NULL)
			o++;
		if (r->twin != o++) {
			last = r;
			if (first == NULL)
				first = r;
		}
	}
	for (r = first; r != NULL && r <= last; r++)
		r->idx = r - new->v + 1;
}

static void
diff_table(struct diff *d, const struct field *f, yyjson_mut_val *key,
    yyjson_mut_val *was, yyjson_mut_val *is)
{
	struct table t = { d, f->child, yyjson_mut_get_str(key),
	    yyjson_mut_get_len(key), { NULL } };
	struct pair p = { .meta = f->child, .row = true };
	struct rows old, new;
	struct row *r;

	rows_read(&old, was, 0);
	rows_read(&new, is, 0);
	match(&old, &new);
	for (r = new.v; r < new.v + new.n; r++) {
		if (r->twin == NULL) {
			add_whole(&t, r->val, r->name, r->idx);
			continue;
		}
		if (p.out == NULL)
			p.out = yyjson_mut_obj(d->doc);
		p.old = r->twin->val;
		p.new = r->val;
		diff_members(d, &p);
		if (r->idx == 0 && yyjson_mut_obj_size(p.out) == 0)
			continue;
		head(d->doc, p.out, r->name, r->idx);
		add_row(&t, ROW_CHANGED, p.out);
		p.out = NULL;
	}
	for (r = old.v; r < old.v + old.n; r++)
		if (r->twin == NULL)
			add_row(&t, REMOVED,
			    yyjson_mut_strcpy(d->doc, r->name));
	rows_free(&old);
	rows_free(&new);
}

static void
diff_member(struct diff *d, const struct pair *p, yyjson_mut_val *key,
    yyjson_mut_val *was, yyjson_mut_val *is)
{
	const char *s = yyjson_mut_get_str(key);
	size_t len = yyjson_mut_get_len(key);
	const struct field *f = field_of(p->meta, s, len);

	if (!stored(f, s, len, p->row))
		return;
	if (is_table(f) && !p->row)
		diff_table(d, f, key, was, is);
	else
		put_place(d->doc, p->out, p->meta, s, len, p->new);
}

static void
diff_members(struct diff *d, const struct pair *p)
{
	yyjson_mut_val *key, *val, *was;
	struct members in;
	size_t i, max, found = 0;

	members_open(&in, p->old);
	yyjson_mut_obj_foreach(p->new, i, max, key, val) {
		was = members_find(&in, yyjson_mut_get_str(key),
		    yyjson_mut_get_len(key));
		found += was != NULL;
		if (!json_same(was, val))
			diff_member(d, p, key, was, val);
	}
	members_close(&in);
	if (found == yyjson_mut_obj_size(p->old))
		return;
	members_open(&in, p->new);
	yyjson_mut_obj_foreach(p->old, i, max, key, val) {
		if (!yyjson_mut_is_null(val) &&
		    members_find(&in, yyjson_mut_get_str(key),
		    yyjson_mut_get_len(key)) == NULL)
			diff_member(d, p, key, val, NULL);
	}
	members_close(&in);
}

yyjson_mut_val *
diff_make(yyjson_mut_doc *doc, const struct meta *m, yyjson_mut_val *old,
    yyjson_mut_val *new)
{
	struct pair p = { .meta = m, .old = old, .new = new };
	struct diff d;

	diff_open(&d, doc);
	p.out = d.changed;
	diff_members(&d, &p);
	return diff_close(&d);
}

/* ---- the tables of a diff, one after the other */

struct tables {
	struct members		 in[SIDES];
	yyjson_mut_obj_iter	 it;
	int			 side;	/* that it goes through */
	const char		*key;
	size_t			 len;
	yyjson_mut_val		*list[SIDES];
};

static void
tables_open(struct tables *t, yyjson_mut_val *diff)
{
	int i;

	for (i = 0; i < SIDES; i++)
		members_open(&t->in[i], member(diff, sides[i]));
	t->side = 0;
	yyjson_mut_obj_iter_init(t->in[0].obj, &t->it);
}

static void
tables_close(struct tables *t)
{
	int i;

	for (i = 0; i < SIDES; i++)
		members_close(&t->in[i]);
}

static bool
tables_next(struct tables *t)
{
	yyjson_mut_val *key;
	int i;

	for (;;) {
		key = yyjson_mut_obj_iter_next(&t->it);
		if (key == NULL) {
			if (++t->side == SIDES)
				return false;
			yyjson_mut_obj_iter_init(t->in[t->side].obj, &t->it);
			continue;
		}
		t->key = yyjson_mut_get_str(key);
		t->len = yyjson_mut_get_len(key);
		for (i = 0; i < SIDES; i++) {
			t->list[i] = members_find(&t->in[i], t->key, t->len);
			if (i < t->side && t->list[i] != NULL)
				break;		/* was here already */
		}
		if (i == SIDES)
			return true;
	}
}

/* ---- applying */

/* Gives a value another content where it stands, as yyjson_mut_obj_replace
 * does. */
static void
become(yyjson_mut_val *v, const yyjson_mut_val *other)
{
	v->tag = other->tag;
	v->uni = other->uni;
}

/* Writes the members of from into a document or row. */
static void
overlay(yyjson_mut_doc *doc, const struct meta *m, bool row,
    yyjson_mut_val *obj, yyjson_mut_val *from)
{
	yyjson_mut_val *key, *val, *was;
	const struct field *f;
	struct members in;
	const char *s;
	size_t i, max, len;

	members_open(&in, obj);
	yyjson_mut_obj_foreach(from, i, max, key, val) {
		s = yyjson_mut_get_str(key);
		len = yyjson_mut_get_len(key);
		f = field_of(m, s, len);
		if (!stored(f, s, len, row) || (is_table(f) && !row))
			continue;
		was = members_find(&in, s, len);
		if (was != NULL)
			become(was, yyjson_mut_val_mut_copy(doc, val));
		else if (!yyjson_mut_is_null(val))
			members_add(&in, yyjson_mut_val_mut_copy(doc, key),
			    yyjson_mut_val_mut_copy(doc, val));
	}
	members_close(&in);
}

static void
apply_row(yyjson_mut_doc *doc, const struct meta *child, struct row *r,
    yyjson_mut_val *from)
{
	overlay(doc, child, true, r->val, from);
	r->idx = json_mut_int(from, "idx", 0);
}

static void
apply_rows(yyjson_mut_doc *doc, const struct meta *child, struct rows *rows,
    yyjson_mut_val *const *list)
{
	yyjson_mut_val *val, *new;
	struct row *r;
	const char *name;
	size_t i, max;

	yyjson_mut_arr_foreach(list[REMOVED], i, max, val) {
		name = yyjson_mut_get_str(val);
		if (name != NULL && (r = rows_find(rows, name,
		    yyjson_mut_get_len(val))) != NULL)
			r->gone = true;
	}
	yyjson_mut_arr_foreach(list[ROW_CHANGED], i, max, val) {
		name = json_mut_str(val, "name");
		if (name != NULL && (r = rows_find(rows, name,
		    strlen(name))) != NULL && !r->gone)
			apply_row(doc, child, r, val);
	}
	yyjson_mut_arr_foreach(list[ADDED], i, max, val) {
		name = json_mut_str(val, "name");
		if (name == NULL)
			continue;
		r = rows_find(rows, name, strlen(name));
		if (r == NULL || r->gone) {
			new = yyjson_mut_obj(doc);
			head(doc, new, name, 0);
			r = rows_add(rows, new);
		}
		apply_row(doc, child, r, val);
	}
}

static int
by_idx(const void *a, const void *b)
{
	const struct row *x = *(struct row *const *)a;
	const struct row *y = *(struct row *const *)b;

	if (x->idx != y->idx)
		return x->idx < y->idx ? -1 : 1;
	return x < y ? -1 : x > y;
}

static void
append(yyjson_mut_doc *doc, yyjson_mut_val *table, yyjson_mut_val *row)
{
	int64_t idx = yyjson_mut_arr_size(table) + 1;

	if (json_mut_int(row, "idx", 0) != idx) {
		if (member(row, "idx") == NULL)
			yyjson_mut_obj_insert(row, yyjson_mut_str(doc, "idx"),
			    json_new_int(doc, idx), 1);
		else
			json_put(doc, row, "idx", json_new_int(doc, idx));
	}
	yyjson_mut_arr_append(table, row);
}

/* Fills a table again: rows with an idx at their place, the others in their
 * order. */
static void
arrange(yyjson_mut_doc *doc, yyjson_mut_val *table, struct rows *rows)
{
	struct row **placed = xmalloc(rows->n * sizeof(*placed));
	struct row *r, *end = rows->v + rows->n;
	size_t i = 0, n = 0;

	for (r = rows->v; r < end; r++)
		if (!r->gone && r->idx > 0)
			placed[n++] = r;
	if (n > 1)
		qsort(placed, n, sizeof(*placed), by_idx);
	yyjson_mut_arr_clear(table);
	for (r = rows->v; r < end; r++) {
		if (r->gone || r->idx > 0)
			continue;
		while (i < n && placed[i]->idx <=
		    (int64_t)yyjson_mut_arr_size(table) + 1)
			append(doc, table, placed[i++]->val);
		append(doc, table, r->val);
	}
	while (i < n)
		append(doc, table, placed[i++]->val);
	free(placed);
}

static void
apply_table(yyjson_mut_doc *doc, const struct meta *m, struct members *top,
    const struct tables *t)
{
	yyjson_mut_val *table = members_find(top, t->key, t->len);
	size_t more = yyjson_mut_arr_size(t->list[ADDED]);
	struct rows rows;

	if (!yyjson_mut_is_arr(table)) {
		if (more == 0)
			return;
		if (table == NULL) {
			table = yyjson_mut_arr(doc);
			members_add(top, yyjson_mut_strncpy(doc, t->key,
			    t->len), table);
		} else
			become(table, yyjson_mut_arr(doc));
	}
	rows_read(&rows, table, more);
	apply_rows(doc, child_of(m, t->key, t->len), &rows, t->list);
	arrange(doc, table, &rows);
	rows_free(&rows);
}

void
diff_apply(yyjson_mut_doc *mut, const struct meta *m, yyjson_mut_val *doc,
    yyjson_mut_val *diff)
{
	const struct field *f;
	struct members top;
	struct tables t;

	overlay(mut, m, false, doc, member(diff, "changed"));
	members_open(&top, doc);
	tables_open(&t, diff);
	while (tables_next(&t)) {
		f = field_of(m, t.key, t.len);
		if (f == NULL ? !meta_standard(t.key, t.len) : is_table(f))
			apply_table(mut, m, &top, &t);
	}
	tables_close(&t);
	members_close(&top);
}

/* ---- diffs from strangers */

static bool
plain(yyjson_mut_val *s)
{
	return yyjson_mut_get_len(s) > 0 &&
	    memchr(yyjson_mut_get_str(s), '\0', yyjson_mut_get_len(s)) == NULL;
}

static bool
plain_keys(yyjson_mut_val *obj)
{
	yyjson_mut_val *key, *val;
	size_t i, max;

	yyjson_mut_obj_foreach(obj, i, max, key, val) {
		if (!plain(key))
			return false;
	}
	return true;
}

static const char *
changed_fault(const struct meta *m, yyjson_mut_val *changed)
{
	yyjson_mut_val *key, *val;
	size_t i, max;

	yyjson_mut_obj_foreach(changed, i, max, key, val) {
		if (is_table(field_of(m, yyjson_mut_get_str(key),
		    yyjson_mut_get_len(key))))
			return "'changed' writes a table";
	}
	return NULL;
}

static const char *
rows_fault(int side, yyjson_mut_val *list, struct map *seen)
{
	yyjson_mut_val *val, *name;
	size_t i, max, len;
	const char *s;

	if (list != NULL && !yyjson_mut_is_arr(list))
		return "a table in the diff is no array";
	yyjson_mut_arr_foreach(list, i, max, val) {
		if (side != REMOVED && !yyjson_mut_is_obj(val))
			return "a row in the diff is no object";
		if (side != REMOVED && !plain_keys(val))
			return "a key in the diff is empty or holds NUL";
		name = side == REMOVED ? val : member(val, "name");
		if (!yyjson_mut_is_str(name) || !plain(name))
			return "a row in the diff has no name";
		s = yyjson_mut_get_str(name);
		len = yyjson_mut_get_len(name);
		if (map_get(seen, s, len) != NULL)
			return "a row stands twice in the diff";
		map_set(seen, s, len, val);
	}
	return NULL;
}

static const char *
tables_fault(const struct meta *m, yyjson_mut_val *diff)
{
	const char *why = NULL;
	const struct field *f;
	struct map seen = { 0 };
	struct tables t;
	int i;

	tables_open(&t, diff);
	while (why == NULL && tables_next(&t)) {
		f = field_of(m, t.key, t.len);
		if (f == NULL ? meta_standard(t.key, t.len) : !is_table(f))
			why = "the diff has rows of what is no table";
		map_clear(&seen);
		for (i = 0; why == NULL && i < SIDES; i++)
			why = rows_fault(i, t.list[i], &seen);
	}
	tables_close(&t);
	map_free(&seen);
	return why;
}

const char *
diff_fault(const struct meta *m, yyjson_mut_val *diff)
{
	yyjson_mut_val *key, *val;
	const char *why;
	size_t i, max;
	int j;

	if (!yyjson_mut_is_obj(diff))
		return "the diff is no object";
	yyjson_mut_obj_foreach(diff, i, max, key, val) {
		for (j = 0; j < SIDES; j++)
			if (yyjson_mut_equals_str(key, sides[j]))
				break;
		if (j == SIDES && !yyjson_mut_equals_str(key, "changed"))
			return "the diff has another key than the four";
		if (!yyjson_mut_is_null(val) && !yyjson_mut_is_obj(val))
			return "a part of the diff is no object";
		if (!plain_keys(val))
			return "a key in the diff is empty or holds NUL";
	}
	why = changed_fault(m, member(diff, "changed"));
	return why != NULL ? why : tables_fault(m, diff);
}

/* ---- places */

static int
order(const char *a, const char *b)
{
	if (a == b)
		return 0;
	if (a == NULL || b == NULL)
		return a == NULL ? -1 : 1;
	return strcmp(a, b);
}

static int
place_order(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	int c = order(x->table, y->table);

	if (c == 0)
		c = order(x->row, y->row);
	return c != 0 ? c : order(x->field, y->field);
}

static bool
same_row(const struct place *a, const struct place *b)
{
	return order(a->table, b->table) == 0 && order(a->row, b->row) == 0;
}

bool
place_same(const struct place *a, const struct place *b)
{
	return place_order(a, b) == 0;
}

bool
place_overlap(const struct place *a, const struct place *b)
{
	return same_row(a, b) && (a->field == NULL || b->field == NULL ||
	    strcmp(a->field, b->field) == 0);
}

bool
places_overlap(const struct places *ps, const struct place *p)
{
	size_t i;

	for (i = 0; i < ps->n; i++)
		if (place_overlap(&ps->v[i], p))
			return true;
	return false;
}

static bool
known(const struct places *ps, size_t from, size_t to, const struct place *p)
{
	for (; from < to; from++)
		if (place_same(&ps->v[from], p))
			return true;
	return false;
}

static void
append_place(struct places *ps, const struct place *p)
{
	if (ps->n == ps->cap) {
		ps->cap = ps->cap == 0 ? 8 : ps->cap * 2;
		ps->v = xrealloc(ps->v, ps->cap * sizeof(*ps->v));
	}
	ps->v[ps->n++] = *p;
}

void
places_add(struct places *ps, const struct place *p)
{
	if (!known(ps, 0, ps->n, p))
		append_place(ps, p);
}

void
places_free(struct places *ps)
{
	free(ps->v);
	*ps = (struct places){ 0 };
}

/* The field under which the place of a member goes. */
static const char *
place_name(const struct field *f, const char *key)
{
	const struct field *root = root_of(f);

	return root != NULL && root->half != NULL ? root->half->name : key;
}

/* Adds the places of one document's or row's members.  The first n places
 * were there before the diff; in the diff only halves can come twice. */
static void
members_places(struct places *ps, size_t n, struct place p,
    const struct meta *m, yyjson_mut_val *obj)
{
	bool row = p.table != NULL;
	yyjson_mut_val *key, *val;
	const struct field *f;
	const char *s;
	size_t i, max, len, start = ps->n;

	yyjson_mut_obj_foreach(obj, i, max, key, val) {
		s = yyjson_mut_get_str(key);
		len = yyjson_mut_get_len(key);
		f = field_of(m, s, len);
		if (!is_place(f, s, len, row) || (is_table(f) && !row))
			continue;
		p.field = place_name(f, s);
		if (!known(ps, 0, n, &p) && (root_of(f) == NULL ||
		    !known(ps, start, ps->n, &p)))
			append_place(ps, &p);
	}
}

void
places_of(struct places *ps, const struct meta *m, yyjson_mut_val *diff)
{
	struct place p = { NULL, NULL, NULL };
	const struct meta *child;
	yyjson_mut_val *val;
	struct tables t;
	size_t i, max, n = ps->n;
	int side;

	members_places(ps, n, p, m, member(diff, "changed"));
	tables_open(&t, diff);
	while (tables_next(&t)) {
		child = child_of(m, t.key, t.len);
		p.table = t.key;
		for (side = 0; side < SIDES; side++)
			yyjson_mut_arr_foreach(t.list[side], i, max, val) {
				p.row = side == REMOVED ?
				    yyjson_mut_get_str(val) :
				    json_mut_str(val, "name");
				p.field = NULL;
				if (p.row == NULL)
					continue;
				if (side == ROW_CHANGED)
					members_places(ps, n, p, child, val);
				else if (!known(ps, 0, n, &p))
					append_place(ps, &p);
			}
	}
	tables_close(&t);
}

/* Is what is stored of a the same in b? */
static bool
covers(const struct meta *m, yyjson_mut_val *a, yyjson_mut_val *b)
{
	yyjson_mut_val *key, *val;
	struct members in;
	const char *s;
	size_t i, max, len;
	bool same = true;

	members_open(&in, b);
	yyjson_mut_obj_foreach(a, i, max, key, val) {
		s = yyjson_mut_get_str(key);
		len = yyjson_mut_get_len(key);
		if (!json_same(val, members_find(&in, s, len)) &&
		    stored(field_of(m, s, len), s, len, true)) {
			same = false;
			break;
		}
	}
	members_close(&in);
	return same;
}

static bool
same_members(const struct meta *m, const char *field, yyjson_mut_val *a,
    yyjson_mut_val *b)
{
	const struct field *root = root_of(field_of(m, field, strlen(field)));
	const struct field *f;
	size_t i;

	if (root == NULL)
		return json_same(member(a, field), member(b, field));
	for (i = 0; i < m->nfields; i++) {
		f = &m->fields[i];
		if (goes_with(f, root) &&
		    !json_same(member(a, f->name), member(b, f->name)))
			return false;
	}
	return true;
}

bool
place_equal(const struct meta *m, const struct place *p, yyjson_mut_val *a,
    yyjson_mut_val *b)
{
	if (p->table != NULL) {
		m = child_of(m, p->table, strlen(p->table));
		a = row_named(member(a, p->table), p->row);
		b = row_named(member(b, p->table), p->row);
		if (a == NULL || b == NULL)
			return a == b;
	}
	if (p->field != NULL)
		return same_members(m, p->field, a, b);
	return covers(m, a, b) && covers(m, b, a);
}

/* A document has other keys than the four. */
static bool
is_diff(yyjson_mut_val *v)
{
	return yyjson_mut_is_obj(v) && member(v, "name") == NULL &&
	    member(v, "doctype") == NULL &&
	    (yyjson_mut_is_obj(member(v, "changed")) ||
	    yyjson_mut_is_obj(member(v, "added")) ||
	    yyjson_mut_is_obj(member(v, "removed")) ||
	    yyjson_mut_is_obj(member(v, "row_changed")));
}

/* The object that a place is in, a row or the whole; NULL if it is missing. */
static yyjson_mut_val *
place_home(const struct place *p, yyjson_mut_val *doc)
{
	yyjson_mut_val *row;

	if (!is_diff(doc))
		return p->table == NULL ? doc :
		    row_named(member(doc, p->table), p->row);
	if (p->table == NULL)
		return member(doc, "changed");
	row = row_named(member(member(doc, "added"), p->table), p->row);
	if (row == NULL)
		row = row_named(member(member(doc, "row_changed"), p->table),
		    p->row);
	return row;
}

yyjson_mut_val *
place_value(yyjson_mut_doc *mut, const struct meta *m, const struct place *p,
    yyjson_mut_val *doc)
{
	yyjson_mut_val *home = place_home(p, doc), *val = home, *both;

	if (p->table != NULL)
		m = child_of(m, p->table, strlen(p->table));
	if (home != NULL && p->field != NULL) {
		if (root_of(field_of(m, p->field, strlen(p->field))) != NULL) {
			both = yyjson_mut_obj(mut);
			put_place(mut, both, m, p->field, strlen(p->field),
			    home);
			return both;
		}
		val = member(home, p->field);
	}
	return val == NULL ? yyjson_mut_null(mut) :
	    yyjson_mut_val_mut_copy(mut, val);
}

/* ---- diffs of chosen places */

static struct place *
sorted(const struct places *ps)
{
	struct place *v = xmalloc(ps->n * sizeof(*v));

	if (ps->n > 0)
		memcpy(v, ps->v, ps->n * sizeof(*v));
	if (ps->n > 1)
		qsort(v, ps->n, sizeof(*v), place_order);
	return v;
}

/* The first place of a row in sorted places, or n. */
static size_t
row_start(const struct place *v, size_t n, const struct place *row)
{
	size_t low = 0, high = n, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (place_order(&v[mid], row) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < n && same_row(&v[low], row) ? low : n;
}

/* v: the places in one table, sorted. */
static void
table_at(struct table *t, yyjson_mut_val *rows, const struct place *v, size_t n)
{
	bool *there = xcalloc(n, sizeof(*there));
	struct place p = { .table = t->key };
	yyjson_mut_val *val, *row;
	size_t i, j, first, max;

	yyjson_mut_arr_foreach(rows, i, max, val) {
		p.row = json_mut_str(val, "name");
		if (p.row == NULL || (first = row_start(v, n, &p)) == n)
			continue;
		there[first] = true;
		if (v[first].field == NULL) {
			add_whole(t, val, p.row, i + 1);
			continue;
		}
		row = yyjson_mut_obj(t->d->doc);
		for (j = first; j < n && same_row(&v[j], &p); j++)
			put_place(t->d->doc, row, t->child, v[j].field,
			    strlen(v[j].field), val);
		head(t->d->doc, row, p.row, 0);
		add_row(t, ROW_CHANGED, row);
	}
	for (i = 0; i < n; i++)
		if (i > 0 && same_row(&v[i], &v[i - 1]))
			there[i] = true;
		else if (!there[i])
			add_row(t, REMOVED,
			    yyjson_mut_strcpy(t->d->doc, v[i].row));
	free(there);
}

yyjson_mut_val *
diff_at(yyjson_mut_doc *mut, const struct meta *m, yyjson_mut_val *doc,
    const struct places *ps)
{
	struct place *v = sorted(ps);
	struct table t = { 0 };
	struct diff d;
	size_t i, first;

	diff_open(&d, mut);
	for (i = 0; i < ps->n && v[i].table == NULL; i++)
		put_place(mut, d.changed, m, v[i].field, strlen(v[i].field),
		    doc);
	while (i < ps->n) {
		first = i++;
		while (i < ps->n && strcmp(v[i].table, v[first].table) == 0)
			i++;
		t = (struct table){ .d = &d, .key = v[first].table };
		t.len = strlen(t.key);
		t.child = child_of(m, t.key, t.len);
		table_at(&t, member(doc, t.key), v + first, i - first);
	}
	free(v);
	return diff_close(&d);
}

static bool
has(const struct places *keep, const struct place *p)
{
	return bsearch(p, keep->v, keep->n, sizeof(*p), place_order) != NULL;
}

/* Copies the members of from at the places of keep, which are sorted; p says
 * which row it is.  False if there were some, but none is kept. */
static bool
cut_members(yyjson_mut_doc *doc, const struct meta *m, struct place p,
    const struct places *keep, yyjson_mut_val *from, yyjson_mut_val *out)
{
	bool row = p.table != NULL, whole = row && has(keep, &p), any = false;
	yyjson_mut_val *key, *val;
	const struct field *f;
	const char *s;
	size_t i, max, len;

	yyjson_mut_obj_foreach(from, i, max, key, val) {
		s = yyjson_mut_get_str(key);
		len = yyjson_mut_get_len(key);
		f = field_of(m, s, len);
		if (!is_place(f, s, len, row))
			continue;
		any = true;
		p.field = place_name(f, s);
		if (whole || has(keep, &p))
			put(doc, out, s, len, val);
	}
	return !any || yyjson_mut_obj_size(out) > 0;
}

static void
cut_table(struct table *t, yyjson_mut_val *const *list,
    const struct places *keep)
{
	struct place p = { .table = t->key };
	yyjson_mut_doc *doc = t->d->doc;
	yyjson_mut_val *val, *row;
	size_t i, max;

	yyjson_mut_arr_foreach(list[ADDED], i, max, val) {
		if ((p.row = json_mut_str(val, "name")) != NULL &&
		    has(keep, &p))
			add_row(t, ADDED, yyjson_mut_val_mut_copy(doc, val));
	}
	yyjson_mut_arr_foreach(list[REMOVED], i, max, val) {
		if ((p.row = yyjson_mut_get_str(val)) != NULL && has(keep, &p))
			add_row(t, REMOVED, yyjson_mut_val_mut_copy(doc, val));
	}
	yyjson_mut_arr_foreach(list[ROW_CHANGED], i, max, val) {
		p.row = json_mut_str(val, "name");
		row = yyjson_mut_obj(doc);
		if (p.row == NULL ||
		    !cut_members(doc, t->child, p, keep, val, row))
			continue;
		head(doc, row, p.row, 0);
		add_row(t, ROW_CHANGED, row);
	}
}

yyjson_mut_val *
diff_cut(yyjson_mut_doc *doc, const struct meta *m, yyjson_mut_val *diff,
    const struct places *keep)
{
	struct places sort = { sorted(keep), keep->n, keep->n };
	struct place whole = { NULL, NULL, NULL };
	struct tables in;
	struct table t;
	struct diff d;

	diff_open(&d, doc);
	cut_members(doc, m, whole, &sort, member(diff, "changed"), d.changed);
	tables_open(&in, diff);
	while (tables_next(&in)) {
		t = (struct table){ .d = &d, .key = in.key, .len = in.len };
		t.child = child_of(m, t.key, t.len);
		cut_table(&t, in.list, &sort);
	}
	tables_close(&in);
	free(sort.v);
	return diff_close(&d);
}
