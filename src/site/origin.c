/* origin.c - who is who: births, tombstones, what a document has seen */

#include <string.h>

#include "site/site.h"

enum { ORIGINS_MAX = 10000 };		/* that are remembered */

int64_t
origin_find(struct site *s, const char *site, const char *birth, bool *gone)
{
	intptr_t known = (intptr_t)map_get(&s->births, birth, strlen(birth));
	int64_t id = 0, peer = 0;
	struct query *q;

	*gone = false;
	if (known != 0)
		return known;
	q = db_query(s->db, "SELECT id, peer, gone FROM origin WHERE birth = ?",
	    "s", birth);
	if (db_step(q) == 1) {
		id = db_int(q, 0);
		peer = db_int(q, 1);
		*gone = !db_isnull(q, 2);
		db_end(q);
	} else if (!s->adopted)
		return 0;
	else {
		q = db_query(s->db, "SELECT a.id, a.peer, o.gone FROM also a"
		    " JOIN origin o ON o.id = a.id WHERE a.birth = ?", "s",
		    birth);
		if (db_step(q) != 1)
			return 0;
		id = db_int(q, 0);
		peer = db_int(q, 1);
		*gone = !db_isnull(q, 2);
		db_end(q);
	}
	/* A birth is random and of one site: another's is a forgery. */
	if (strcmp(site_peer_identity(s, peer), site) != 0)
		return 0;
	if (!*gone) {
		birth = arena_dup(&s->cache, birth, strlen(birth));
		map_set(&s->births, birth, strlen(birth), (void *)(intptr_t)id);
	}
	return id;
}

/* A birth without what origin_leave put to it. */
#define PLAIN "iif(birth LIKE '%/' || id, substr(birth, 1," \
	" length(birth) - length('/' || id)), birth)"

struct birth *
origin_births(struct site *s, struct arena *a, int64_t doc, size_t *n)
{
	struct birth *v = arena_alloc(a, 8 * sizeof(*v));
	struct query *q;

	*n = 0;
	q = db_query(s->db, "SELECT peer, CASE WHEN gone IS NOT NULL THEN "
	    PLAIN " ELSE birth END FROM origin WHERE id = ?", "i", doc);
	if (db_step(q) == 1) {
		v[*n].site = site_peer_identity(s, db_int(q, 0));
		v[(*n)++].id = arena_dup(a, db_text(q, 1), db_len(q, 1));
		db_end(q);
	}
	q = db_query(s->db, "SELECT peer, " PLAIN " FROM also WHERE id = ?"
	    " LIMIT 7", "i", doc);
	while (db_step(q) == 1) {
		v[*n].site = site_peer_identity(s, db_int(q, 0));
		v[(*n)++].id = arena_dup(a, db_text(q, 1), db_len(q, 1));
	}
	return v;
}

const struct birth *
origin_of(struct site *s, int64_t doc)
{
	struct birth *b = map_get(&s->origins, (char *)&doc, sizeof(doc));
	size_t n;

	if (b != NULL)
		return b;
	if (s->origins.n == ORIGINS_MAX)
		origins_forget(s);
	b = origin_births(s, &s->held, doc, &n);
	if (n == 0)
		return NULL;
	map_set(&s->origins, arena_dup(&s->held, (char *)&doc, sizeof(doc)),
	    sizeof(doc), b);
	return b;
}

void
origins_forget(struct site *s)
{
	map_clear(&s->origins);
	arena_reset(&s->held);
}

int
origin_add(struct site *s, int64_t doc, const struct birth *b)
{
	struct birth *has;
	size_t n;

	has = origin_births(s, &s->scratch, doc, &n);
	if (n > 0 && (strcmp(b->site, has[0].site) < 0 ||
	    (strcmp(b->site, has[0].site) == 0 &&
	    strcmp(b->id, has[0].id) < 0))) {
		db_do(s->db, "UPDATE origin SET peer = ?, birth = ? WHERE id = ?",
		    "isi", site_peer(s, b->site), b->id, doc);
		b = &has[0];
	}
	s->adopted = true;
	origins_forget(s);
	return db_do(s->db, "INSERT OR IGNORE INTO also VALUES(?, ?, ?)", "sii",
	    b->id, site_peer(s, b->site), doc);
}

int
origin_tomb(struct site *s, const struct birth *b)
{
	return db_do(s->db, "INSERT OR IGNORE INTO origin(peer, birth, gone)"
	    " VALUES(?, ?, 1)", "is", site_peer(s, b->site), b->id);
}

bool
origin_untomb(struct site *s, const char *birth)
{
	db_do(s->db, "DELETE FROM origin WHERE birth = ? AND gone = 1", "s",
	    birth);
	return db_changes(s->db) > 0;
}

int
origin_leave(struct site *s, int64_t doc)
{
	db_do(s->db, "UPDATE also SET birth = birth || '/' || id WHERE id = ?",
	    "i", doc);
	return db_do(s->db, "UPDATE origin SET birth = birth || '/' || id"
	    " WHERE id = ?", "i", doc);
}

/* ---- seen */

static void
read_seen(struct arena *a, struct query *q, struct seen *s)
{
	s->peer = db_int(q, 0);
	s->event = arena_dup(a, db_text(q, 1), db_len(q, 1));
	s->last = db_isnull(q, 2) ? s->event :
	    arena_dup(a, db_text(q, 2), db_len(q, 2));
	s->sent = db_isnull(q, 3) ? s->event :
	    arena_dup(a, db_text(q, 3), db_len(q, 3));
	s->upto = db_int(q, 4);
	s->sync = db_int(q, 5);
}

bool
seen_get(struct site *s, struct arena *a, int64_t doc, int64_t peer,
    struct seen *seen)
{
	struct query *q;

	memset(seen, 0, sizeof(*seen));
	seen->peer = peer;
	q = db_query(s->db, "SELECT peer, event, last, sent, upto, sync FROM"
	    " seen WHERE doc = ? AND peer = ?", "ii", doc, peer);
	if (db_step(q) != 1)
		return false;
	read_seen(a, q, seen);
	db_end(q);
	return true;
}

/* NULL in the table stands for what is the same as event; "" for none. */
static const char *
unless_same(const char *v, const char *event)
{
	return v == NULL ? "" : strcmp(v, event) == 0 ? NULL : v;
}

int
seen_put(struct site *s, int64_t doc, const struct seen *v)
{
	return db_do(s->db, "INSERT INTO seen VALUES(?1,?2,?3,?4,?5,?6,?7)"
	    " ON CONFLICT DO UPDATE SET event=?3, last=?4, sent=?5, upto=?6,"
	    " sync=?7", "iisssii", doc, v->peer, v->event,
	    unless_same(v->last, v->event), unless_same(v->sent, v->event),
	    v->upto, v->sync);
}

int
seen_note(struct site *s, int64_t doc, const struct marks *m, int64_t but)
{
	struct seen has;
	int64_t peer;
	size_t i;

	for (i = 0; i < m->n; i++) {
		peer = site_peer(s, m->v[i].site);
		if (peer == 0 || peer == but || m->v[i].at.name == NULL)
			continue;
		if (!seen_get(s, &s->scratch, doc, peer, &has))
			has.event = m->v[i].at.name;
		else if (strcmp(has.event, m->v[i].at.name) < 0)
			has.event = m->v[i].at.name;
		else
			continue;
		seen_put(s, doc, &has);
	}
	return db_failed(s->db) ? -1 : 0;
}

void
seen_marks(struct site *s, struct arena *a, int64_t doc, struct marks *m)
{
	struct query *q;
	struct seen v;

	memset(m, 0, sizeof(*m));
	m->v = arena_alloc(a, 64 * sizeof(*m->v));
	/* Of site 0 it is what a restore gave back. */
	q = db_query(s->db, "SELECT peer, event, last, sent, upto, sync FROM"
	    " seen WHERE doc = ? AND peer <> 0 LIMIT 64", "i", doc);
	while (db_step(q) == 1) {
		read_seen(a, q, &v);
		m->v[m->n].site = site_peer_identity(s, v.peer);
		m->v[m->n].at.name = v.event;
		m->v[m->n].at.creation = 0;
		id_time(v.event, &m->v[m->n].at.creation);
		m->n++;
	}
}
