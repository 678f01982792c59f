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
	outcome_log(a, it, &l);
	outcome_unpark(a, it);
	a->counts.applied++;
	a->freed = a->freed || it->e.type != U_CREATE;
}

void
outcome_refuse(struct apply *a, struct item *it, const char *why)
{
	struct sync l = { .status = FAILED, .code = "refused", .error = why };

	outcome_log(a, it, &l);
	outcome_unpark(a, it);
	a->counts.refused++;
}

void
outcome_skip(struct apply *a, struct item *it)
{
	struct sync l = { .status = SYNCED };

	if (it->parked != 0)
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

	if (p.id != 0 && c->old != NULL && strcmp(c->old, p.why) == 0)
		return;
	if (it->it.e.data != NULL)
		l.data = json_text(&a->page, it->it.e.data, &l.datalen);
	outcome_log(a, &it->it, &l);
	if (p.id != 0) {
		parked_reason(a->s, &p);
		return;
	}
	p.log = it->it.log;
	p.line = json_text(&a->page, it->it.e.line, &p.len);
	parked_add(a->s, a->park, &p);
	a->counts.parked++;
}
