/* event.c - es-event(5): what a line says */

#include <string.h>

#include "model/model.h"

const char *const update_text[] = { "Create", "Update", "Delete", "Rename" };
const char *const resync_text[] = { NULL, NULL, "force", "withdraw",
    "parked" };

bool
event_is(yyjson_val *line)
{
	return yyjson_obj_get(line, "update_type") != NULL;
}

bool
event_is_mapped(const struct event *e)
{
	return yyjson_obj_get(e->line, "original") != NULL;
}

/* The keys of a line, in the order in which they are mostly written: so each
 * is found at the first look, and all in one pass. */
enum key { NAME, CREATION, UPDATE_TYPE, REF_DOCTYPE, DOCNAME, DATA,
    EVENT_PRODUCER, SITE, SNAPSHOT, PREV, ORIGIN, ALSO, LINKS, AUTHOR, VIA,
    SEEN, KNEW, BASE, MERGED, RENAMED, DEPENDENCY_OF, RESYNC, KEYS };
static const char *const keys[] = { "name", "creation", "update_type",
    "ref_doctype", "docname", "data", "event_producer", "site", "snapshot",
    "prev", "origin", "also", "links", "author", "via", "seen", "knew", "base",
    "merged", "renamed", "dependency_of", "resync" };

static void
gather(yyjson_val *line, yyjson_val *v[KEYS])
{
	size_t i, max, k, at = 0;
	yyjson_val *key, *val;

	memset(v, 0, KEYS * sizeof(*v));
	yyjson_obj_foreach(line, i, max, key, val)
		for (k = 0; k < KEYS; k++, at = (at + 1) % KEYS)
			if (yyjson_equals_str(key, keys[at])) {
				v[at] = val;
				at = (at + 1) % KEYS;
				break;
			}
}

/* A string without a NUL in it. */
static const char *
text(yyjson_val *v)
{
	const char *s = yyjson_get_str(v);

	return s == NULL || strlen(s) != yyjson_get_len(v) ? NULL : s;
}

/* A name of ours tells its time; one of stock has none. */
static struct mark
mark(const char *site, const char *name)
{
	struct mark m = { site, { 0, name } };

	id_time(name, &m.at.creation);
	return m;
}

/* {site: event name, …} */
static const char *
read_marks(struct arena *a, yyjson_val *obj, struct marks *m)
{
	yyjson_val *k, *v;
	size_t i, n;

	if (obj == NULL || yyjson_is_null(obj))
		return NULL;
	if (!yyjson_is_obj(obj))
		return "seen, knew and base are objects of names by site";
	m->v = arena_alloc(a, yyjson_obj_size(obj) * sizeof(*m->v));
	yyjson_obj_foreach(obj, i, n, k, v) {
		if (!yyjson_is_str(v))
			return "seen, knew and base are objects of names by site";
		m->v[m->n++] = mark(yyjson_get_str(k), yyjson_get_str(v));
	}
	return NULL;
}

const char *
marks_find(const struct marks *m, const char *site)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		if (strcmp(m->v[i].site, site) == 0)
			return m->v[i].at.name;
	return NULL;
}

/* The sites passed, each with the name the change has there: in seen, and the
 * event's own at the site that sends it. */
static const char *
read_via(struct arena *a, yyjson_val *via, struct event *e)
{
	const char *site, *name;
	yyjson_val *v;
	size_t i, n;

	e->via.v = arena_alloc(a, (yyjson_arr_size(via) + 1) *
	    sizeof(*e->via.v));
	if (e->site != NULL)
		e->via.v[e->via.n++] = mark(e->site, e->name);
	if (via == NULL || yyjson_is_null(via))
		return NULL;
	if (!yyjson_is_arr(via))
		return "via is a list of sites";
	yyjson_arr_foreach(via, i, n, v) {
		if ((site = yyjson_get_str(v)) == NULL)
			return "via is a list of sites";
		if (e->site != NULL && strcmp(site, e->site) == 0)
			continue;
		name = marks_find(&e->seen, site);
		e->via.v[e->via.n++] = mark(site, name == NULL ? "" : name);
	}
	return NULL;
}

/* [site, birth] */
static bool
read_birth(yyjson_val *v, const char **site, const char **birth)
{
	*site = yyjson_get_str(yyjson_arr_get(v, 0));
	*birth = yyjson_get_str(yyjson_arr_get(v, 1));
	return *site != NULL && *birth != NULL && **birth != '\0' &&
	    yyjson_arr_size(v) == 2;
}

static const char *
read_origin(struct arena *a, yyjson_val *const *m, struct event *e)
{
	yyjson_val *v = m[ORIGIN], *one;
	size_t i, n;

	if (v == NULL || yyjson_is_null(v))
		return e->site == NULL ? NULL : "an event of a site has an origin";
	if (!read_birth(v, &e->birth_site, &e->birth))
		return "origin is a site and a birth";
	v = m[ALSO];
	if (v == NULL)
		return NULL;
	if (!yyjson_is_arr(v) || yyjson_arr_size(v) > 64)
		return "also is a list of origins";
	e->also = arena_alloc(a, (yyjson_arr_size(v) + 1) * sizeof(*e->also));
	yyjson_arr_foreach(v, i, n, one) {
		if (!read_birth(one, &e->also[i].site, &e->also[i].at.name))
			return "also is a list of origins";
		e->nalso++;
	}
	return NULL;
}

/* Stock sends data as a JSON text in a string. */
static const char *
read_object(struct arena *a, yyjson_val *v, struct event *e)
{
	const char *why;
	yyjson_doc *doc;

	if (yyjson_is_str(v) && e->type != U_DELETE) {
		doc = json_parse(a, yyjson_get_str(v), yyjson_get_len(v), &why);
		if (doc == NULL)
			return arena_printf(a, "data: %s", why);
		v = yyjson_doc_get_root(doc);
	}
	if (e->type == U_DELETE)
		return NULL;
	if (!yyjson_is_obj(v))
		return "data is not an object";
	e->data = v;
	if (e->type == U_RENAME) {
		e->new_name = json_str(v, "new_name");
		e->merge = json_int(v, "merge", 0) != 0;
		if (e->new_name == NULL)
			return "a Rename without new_name";
	}
	return NULL;
}

static const char *
read_data(struct arena *a, yyjson_val *v, struct event *e)
{
	const char *why = read_object(a, v, e);

	if (e->site != NULL || e->type == U_RENAME)
		return why;
	e->fault = why;
	return NULL;
}

static const char *
read_type(yyjson_val *v, struct event *e)
{
	const char *type = text(v);
	int i;

	for (i = U_CREATE; i <= U_RENAME; i++)
		if (type != NULL && strcmp(type, update_text[i]) == 0) {
			e->type = i;
			return NULL;
		}
	return "update_type is not Create, Update, Delete or Rename";
}

/* Stock's names may be numbers (spec 6). */
static const char *
text_of(struct arena *a, yyjson_val *v)
{
	if (yyjson_is_raw(v))
		return arena_dup(a, yyjson_get_raw(v), yyjson_get_len(v));
	return text(v);
}

/* 1, or a word. */
static const char *
read_resync(yyjson_val *v, enum resync *resync)
{
	int i;

	*resync = json_val_int(v, 0) != 0 ? RESYNC_AGAIN : RESYNC_NOT;
	for (i = RESYNC_FORCE; i <= RESYNC_PARKED; i++)
		if (yyjson_equals_str(v, resync_text[i]))
			*resync = i;
	return yyjson_is_str(v) && *resync == RESYNC_NOT ?
	    "resync is 1, force, withdraw or parked" : NULL;
}

static const char *
read_base(struct arena *a, yyjson_val *v, struct event *e)
{
	struct marks m = { 0 };
	const char *why;

	if (yyjson_is_str(v)) {
		e->base = yyjson_get_str(v);
		return NULL;
	}
	if ((why = read_marks(a, v, &m)) != NULL)
		return why;
	e->bases = m;
	return NULL;
}

const char *
event_read(struct arena *a, yyjson_val *line, struct event *e)
{
	const char *why, *creation, *renamed;
	yyjson_val *m[KEYS];

	memset(e, 0, sizeof(*e));
	e->line = line;
	gather(line, m);
	if ((why = read_type(m[UPDATE_TYPE], e)) != NULL)
		return why;
	e->name = text_of(a, m[NAME]);
	e->doctype = text(m[REF_DOCTYPE]);
	e->docname = text_of(a, m[DOCNAME]);
	creation = text(m[CREATION]);
	renamed = text(m[RENAMED]);
	if (e->name == NULL || *e->name == '\0')
		return "an event without name";
	if (e->doctype == NULL || e->docname == NULL || *e->docname == '\0')
		return "an event without ref_doctype and docname";
	if (creation == NULL || !time_parse(creation, &e->creation))
		return "creation is not a time";
	if (renamed != NULL && !time_parse(renamed, &e->renamed))
		return "renamed is not a time";
	e->producer = text(m[EVENT_PRODUCER]);
	e->site = text(m[SITE]);
	e->author = m[AUTHOR] == NULL ? e->site : text(m[AUTHOR]);
	e->snapshot = json_val_int(m[SNAPSHOT], 0) != 0;
	e->merged = json_val_int(m[MERGED], 0) != 0;
	e->dependency = m[DEPENDENCY_OF] != NULL;
	e->left = e->type == U_DELETE && json_int(line, "left", 0) == 1;
	e->has_prev = m[PREV] != NULL;
	e->prev = yyjson_get_str(m[PREV]);
	e->links = m[LINKS];
	if ((why = read_data(a, m[DATA], e)) != NULL ||
	    (why = read_marks(a, m[SEEN], &e->seen)) != NULL ||
	    (why = read_marks(a, m[KNEW], &e->knew)) != NULL ||
	    (why = read_base(a, m[BASE], e)) != NULL ||
	    (why = read_resync(m[RESYNC], &e->resync)) != NULL ||
	    (why = read_origin(a, m, e)) != NULL)
		return why;
	return read_via(a, m[VIA], e);
}
