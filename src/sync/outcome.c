/* outcome.c - what became of an event: its sync log line; parked, or done with */

#include <string.h>

#include "sync/apply.h"

void
outcome_log(struct apply *a, struct item *it, struct sync *l)
{
	const struct subscription *row = producer_row(&a->p, it->e.doctype);
	yyjson_mut_doc *m;
	size_t len;
	char *text;

	l->id = it->log;
	l->event = it->e.name;
	l->time = time_now();
	l->peer = a->p.peer;
	l->producer = a->p.name;
	l->type = it->e.type;
	l->doctype = it->e.doctype;
	l->remote = it->e.docname;
	l->same_name = row != NULL && row->same_name;
	l->mapping = row == NULL ? NULL : row->mapping;
	if (it->log != 0)
		sync_result(a->s, l);
	else
		sync_add(a->s, l);
	it->log = l->id;
	if (a->out == NULL)
		return;
	m = yyjson_mut_doc_new(&a->work.alc);
	text = json_mut_text(&a->work, sync_doc(a->s, &a->work, m, l, false),
	    &len);
	fwrite(text, 1, len, a->out);
	putc('\n', a->out);
}

void
outcome_unpark(struct apply *a, struct item *it)
{
	if (it->parked != 0)
		parked_remove(a->s, it->parked);
	it->parked = 0;
}

/* Its line as it came, without the mark of es-resync. */
static const char *
line_of(struct apply *a, const struct item *it, size_t *len)
{
	yyjson_mut_doc *m;
	yyjson_mut_val *o;

	if (it->e.resync == RESYNC_NOT)
		return json_text(&a->page, it->e.line, len);
	m = yyjson_mut_doc_new(&a->page.alc);
	o = yyjson_val_mut_copy(m, it->e.line);
	yyjson_mut_obj_remove_key(o, "resync");
	return json_mut_text(&a->page, o, len);
}

/* Logs it, and keeps it as it came. */
static void
log_whole(struct apply *a, struct item *it, struct sync *l)
{
	const char *line;
	size_t len;

	outcome_log(a, it, l);
	line = line_of(a, it, &len);
	came_put(a->s, it->log, line, len);
	outcome_unpark(a, it);
}

const char *
own_event(const struct apply *a, const struct event *e)
{
	size_t i;

	for (i = 0; i < e->seen.n; i++)
		if (strcmp(e->seen.v[i].site, a->s->id) == 0)
			return e->seen.v[i].at.name;
	return NULL;
}

static void
note_given(struct apply *a, const struct event *e, int64_t doc)
{
	struct seen v = { .event = own_event(a, e) };

	if (v.event != NULL)
		seen_put(a->s, doc, &v);
}

void
outcome_done(void *arg, struct item *it, const struct doc *d, int64_t journal,
    const char *data, size_t len, const char *lost)
{
	struct apply *a = arg;
	struct sync l = { .status = SYNCED, .docname = d->name, .doc = d->id,
	    .journal = journal, .data = data, .datalen = len, .lost = lost };

	if (it == a->g.warned && a->g.warning != NULL) {
		l.code = "warning";
		l.error = a->g.warning;
	}
	if (a->o.back)
		note_given(a, &it->e, d->id);
	if (event_is_mapped(&it->e))
		log_whole(a, it, &l);
	else
		outcome_log(a, it, &l);
	outcome_unpark(a, it);
	a->counts.applied++;
	a->freed = a->freed || it->e.type != U_CREATE;
}

void
outcome_refuse(struct apply *a, struct item *it, const char *why)
{
	struct sync l = { .status = FAILED, .code = "refused", .error = why };
	const char *was = ((struct entry_item *)it)->was;

	if (it->parked == 0 && was != NULL && strcmp(was, why) == 0) {
		a->counts.skipped++;
		return;
	}
	log_whole(a, it, &l);
	a->counts.refused++;
}

void
outcome_withdraw(struct apply *a, struct item *it, const struct doc *d,
    const char *lost)
{
	struct sync l = { .status = FAILED, .code = "withdrawn",
	    .error = "given up", .lost = lost, .doc = d->id,
	    .docname = d->id == 0 ? NULL : d->name };

	if (it->e.data != NULL)
		l.data = json_text(&a->page, it->e.data, &l.datalen);
	log_whole(a, it, &l);
	a->counts.skipped++;
}

void
outcome_again(struct apply *a, struct item *it, const struct doc *d,
    int64_t entry)
{
	struct sync l = { .status = SYNCED, .code = "again",
	    .error = "applied again", .docname = d->name, .doc = d->id,
	    .journal = entry };

	outcome_log(a, it, &l);
	a->counts.applied++;
}

void
outcome_skip(struct apply *a, struct item *it)
{
	struct sync l = { .status = SYNCED };

	if (it->log != 0)
		outcome_log(a, it, &l);
	outcome_unpark(a, it);
	a->counts.skipped++;
}

void
outcome_park(struct apply *a, struct chain *c, struct entry_item *it)
{
	struct parked p = { .id = it->it.parked, .key = c->key,
	    .event = it->it.e.name, .code = c->fault.code,
	    .why = safe(c->fault.text), .want = c->want };
	struct sync l = { .status = FAILED, .code = c->fault.code,
	    .error = p.why, .doc = c->d.id,
	    .docname = c->d.id == 0 ? NULL : c->d.name };
	bool same;

	same = p.id != 0 && c->old != NULL && strcmp(c->old, p.why) == 0;
	if (same && it->was == NULL)
		return;
	if (p.id == 0 || it->was != NULL)
		p.line = it->it.e.resync == RESYNC_WITHDRAW ?
		    json_text(&a->page, it->it.e.line, &p.len) :
		    line_of(a, &it->it, &p.len);
	if (it->it.e.data != NULL)
		l.data = json_text(&a->page, it->it.e.data, &l.datalen);
	if (!same)
		outcome_log(a, &it->it, &l);
	if (p.id != 0) {
		parked_reason(a->s, &p);
		return;
	}
	p.log = it->it.log;
	parked_add(a->s, a->park, &p);
	a->counts.parked++;
}
