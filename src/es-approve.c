/* es-approve - say what other sites may have */

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sync/sync.h"

static const char usage[] =
    "usage: es-approve [-Hl] [-s site] [consumer]\n"
    "       es-approve [-nqv] [-o file] [-s site] consumer doctype ...\n"
    "           [condition=expression]\n"
    "       es-approve -a [-nqv] [-o file] [-s site] consumer\n"
    "           [condition=expression]\n"
    "       es-approve -x [-nqv] [-o file] [-s site] consumer [doctype ...]\n"
    "       es-approve [-aHnqv] [-o file] [-s site] -\n";

struct approve {
	struct site	*s;
	struct arena	 a;
	const char	*file;		/* -o */
	FILE		*grants;	/* where they go; NULL: nowhere */
	bool		 all, reject, every, human, dry, quiet, verbose;
	const char	*own;		/* condition=; NULL: not given */
	struct table	*table;		/* -H, once it is begun */
	bool		 failed;	/* a condition could not be evaluated */
	struct fault	 fault;
};

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static const char *
nonempty(const char *s)
{
	return s == NULL || s[strspn(s, " \t\r\n")] == '\0' ? NULL : s;
}

/* ---- what a row would open */

static int64_t
count_all(struct approve *ap, const struct meta *m)
{
	struct filter *f = filter_new(ap->s, m, &ap->fault);
	int64_t n = filter_count(f);

	filter_free(f);
	return n;
}

/* What raises an error counts as false; that it cannot be evaluated is said. */
static enum truth
meets(struct approve *ap, struct rule *r[2], struct expr_ask *q)
{
	enum truth t = EXPR_TRUE;
	size_t k;

	for (k = 0; k < 2 && t == EXPR_TRUE; k++)
		if (r[k] != NULL)
			t = rule_true(r[k], q, NULL);
	if (t == EXPR_FAILED && !ap->failed)
		warnx("a condition could not be evaluated: %s",
		    safe(q->fault.text));
	ap->failed = ap->failed || t == EXPR_FAILED;
	return t;
}

/* -1: one could not be evaluated. */
static int64_t
count_those(struct approve *ap, const struct meta *m, struct rule *r[2])
{
	int64_t id = 0, n = 0;
	struct arena a;
	struct expr_ask q = { .a = &a, .now = time_now() };
	enum truth t = EXPR_FALSE;
	struct doc d;

	arena_init(&a);
	while (t != EXPR_FAILED && doc_after(ap->s, &a, id, m->id, &d)) {
		id = d.id;
		q.doc = doc_body(&a, yyjson_mut_doc_new(&a.alc), &d);
		n += (t = meets(ap, r, &q)) == EXPR_TRUE;
		q.m = NULL;
		arena_reset(&a);
	}
	arena_free(&a);
	return t == EXPR_FAILED ? -1 : n;
}

/* How many documents meet its conditions now; -1: that cannot be said. */
static int64_t
count_documents(struct approve *ap, const char *consumer, const struct meta *m,
    yyjson_val *row)
{
	static const char *const keys[] = { "condition", "own_condition" };
	struct rule_for of = { .s = ap->s, .doctype = m->name,
	    .consumer = consumer };
	struct rule *r[2] = { NULL, NULL };
	const char *text;
	bool understood = true;
	int64_t n = -1;
	size_t k;

	for (k = 0; k < 2; k++) {
		of.own = k == 1;
		if ((text = nonempty(json_str(row, keys[k]))) != NULL &&
		    (r[k] = rule_open(text, &of, &ap->fault)) == NULL)
			understood = false;
	}
	if (understood)
		n = r[0] == NULL && r[1] == NULL ? count_all(ap, m) :
		    count_those(ap, m, r);
	rule_close(r[0]);
	rule_close(r[1]);
	return n;
}

struct reach {				/* where links lead to */
	struct approve	*ap;
	struct map	 seen;
	const char	**names;	/* DocTypes in the order they were met */
	size_t		 n, cap;
	yyjson_mut_doc	*m;
	yyjson_mut_val	*dynamic;	/* DocType.field that may lead anywhere */
};

static void
reach_doctype(struct reach *r, const char *name)
{
	const struct meta *m;

	if (!meta_streamed(name) || map_get(&r->seen, name, strlen(name)) != NULL
	    || (m = site_meta(r->ap->s, name)) == NULL)
		return;
	map_set(&r->seen, m->name, strlen(m->name), (void *)m);
	if (r->n == r->cap)
		r->names = xrealloc(r->names, (r->cap = r->cap * 2 + 16) *
		    sizeof(*r->names));
	r->names[r->n++] = m->name;
}

static void
reach_fields(struct reach *r, const struct meta *m)
{
	const struct field *f;
	size_t i;

	for (i = 0; i < m->nfields; i++) {
		f = &m->fields[i];
		if (f->kind == K_LINK)
			reach_doctype(r, f->options);
		else if (f->kind == K_TABLE && f->child != NULL && f->child != m)
			reach_fields(r, f->child);
		else if (f->kind == K_DYNAMIC)
			yyjson_mut_arr_append(r->dynamic, json_new_str(r->m,
			    arena_printf(&r->ap->a, "%s.%s", m->name, f->name)));
	}
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* DocTypes that links lead to from m, and on from there. */
static yyjson_mut_val *
dependencies(struct approve *ap, yyjson_mut_doc *m, const struct meta *from,
    yyjson_mut_val **dynamic)
{
	yyjson_mut_val *list = yyjson_mut_arr(m);
	struct reach r = { .ap = ap, .m = m };
	size_t i;

	*dynamic = r.dynamic = yyjson_mut_arr(m);
	reach_doctype(&r, from->name);
	for (i = 0; i < r.n; i++)
		reach_fields(&r, site_meta(ap->s, r.names[i]));
	qsort(r.names, r.n, sizeof(*r.names), by_name);
	for (i = 0; i < r.n; i++)
		if (strcmp(r.names[i], from->name) != 0)
			yyjson_mut_arr_append(list, json_new_str(m, r.names[i]));
	map_free(&r.seen);
	free(r.names);
	return list;
}

/* ---- the list */

/* What was approved of a DocType last, or NULL. */
static const struct grant *
approved(const struct consumer *c, const char *doctype)
{
	const struct grant *last = NULL;
	size_t i;

	for (i = 0; i < c->ngrants; i++)
		if (c->grants[i].active &&
		    strcmp(c->grants[i].doctype, doctype) == 0)
			last = &c->grants[i];
	return last;
}

static yyjson_mut_val *
approved_val(yyjson_mut_doc *m, const struct grant *g)
{
	yyjson_mut_val *o = yyjson_mut_obj(m);
	char t[TIME_TEXT_LEN];

	if (g == NULL)
		return yyjson_mut_null(m);
	json_put(m, o, "condition", json_new_str(m, g->condition));
	json_put(m, o, "own_condition", json_new_str(m, g->own));
	json_put(m, o, "since", json_new_str(m, time_text(g->pos, t)));
	return o;
}

static void
print_line(struct approve *ap, const struct consumer *c, yyjson_val *doc,
    yyjson_val *row, int64_t documents)
{
	const char *doctype = json_str(row, "ref_doctype");
	const struct meta *meta = site_meta(ap->s, doctype);
	yyjson_mut_doc *m = yyjson_mut_doc_new(&ap->a.alc);
	yyjson_mut_val *o = yyjson_mut_obj(m), *dynamic = yyjson_mut_arr(m);

	json_put(m, o, "event_consumer", json_new_str(m, c->name));
	json_put(m, o, "callback_url", json_new_str(m,
	    strstr(c->name, "://") == NULL ? NULL : c->name));
	json_put(m, o, "user", json_new_str(m, json_str(doc, "user")));
	json_put(m, o, "ref_doctype", json_new_str(m, doctype));
	json_put(m, o, "status", json_new_str(m, json_str(row, "status")));
	json_put(m, o, "unsubscribed", json_new_int(m, json_int(row,
	    "unsubscribed", 0)));
	json_put(m, o, "condition", json_new_str(m, nonempty(json_str(row,
	    "condition"))));
	json_put(m, o, "own_condition", json_new_str(m, nonempty(json_str(row,
	    "own_condition"))));
	json_put(m, o, "approved", approved_val(m, approved(c, doctype)));
	json_put(m, o, "documents", documents < 0 ? yyjson_mut_null(m) :
	    json_new_int(m, documents));
	json_put(m, o, "dependencies", meta == NULL ? yyjson_mut_arr(m) :
	    dependencies(ap, m, meta, &dynamic));
	json_put(m, o, "dynamic", dynamic);
	puts(json_mut_text(&ap->a, o, NULL));
}

static void
begin_table(struct approve *ap)
{
	static const char *const heads[] = { "event_consumer", "user",
	    "ref_doctype", "status", "condition", "own_condition", "approved",
	    "documents" };
	size_t i;

	ap->table = table_new(stdout, 8);
	table_right(ap->table, 7);
	for (i = 0; i < 8; i++)
		table_cell(ap->table, heads[i]);
}

/* The condition that was approved, "all" if none was asked for. */
static const char *
approved_text(const struct grant *g)
{
	return g == NULL ? NULL : g->condition != NULL ? g->condition : "all";
}

static void
print_cells(struct approve *ap, const struct consumer *c, yyjson_val *doc,
    yyjson_val *row, int64_t documents)
{
	const char *status = json_str(row, "status");

	if (ap->table == NULL)
		begin_table(ap);
	if (json_int(row, "unsubscribed", 0) != 0)
		status = arena_printf(&ap->a, "%s, unsubscribed", status);
	table_cell(ap->table, c->name);
	table_cell(ap->table, json_str(doc, "user"));
	table_cell(ap->table, json_str(row, "ref_doctype"));
	table_cell(ap->table, status);
	table_cell(ap->table, nonempty(json_str(row, "condition")));
	table_cell(ap->table, nonempty(json_str(row, "own_condition")));
	table_cell(ap->table, approved_text(approved(c, json_str(row,
	    "ref_doctype"))));
	table_cell(ap->table, documents < 0 ? NULL : arena_printf(&ap->a,
	    "%lld", (long long)documents));
}

/* The rows of one consumer: those that are pending, or with -l all. */
static void
list_consumer(struct approve *ap, const char *name)
{
	struct consumer c = { .name = name };
	const struct meta *m;
	yyjson_val *doc, *row;
	int64_t documents;
	struct doc d;
	size_t i, n;

	if (!doc_find(ap->s, &ap->a, site_meta(ap->s, "Event Consumer"), name,
	    true, &d))
		return;
	doc = yyjson_doc_get_root(json_parse_own(&ap->a, d.data, d.len));
	consumer_load(ap->s, &ap->a, name, &c);
	yyjson_arr_foreach(yyjson_obj_get(doc, "consumer_doctypes"), i, n, row) {
		if (!ap->every && !same_text(json_str(row, "status"), "Pending"))
			continue;
		m = site_meta(ap->s, json_str(row, "ref_doctype"));
		documents = m == NULL ? 0 : count_documents(ap, name, m, row);
		(ap->human ? print_cells : print_line)(ap, &c, doc, row,
		    documents);
	}
}

static void
end_list(struct approve *ap)
{
	if (ap->table != NULL)
		table_end(ap->table);
}

static bool
is_there(struct approve *ap, const char *consumer)
{
	if (doc_number(ap->s, "Event Consumer", consumer) != 0)
		return true;
	warnx("no Event Consumer '%s' in '%s'; es-approve -l lists them",
	    safe(consumer), safe(ap->s->path));
	return false;
}

static int
list(struct approve *ap, const char *consumer)
{
	char **name;

	if (db_begin_read(ap->s->db) == -1)
		return TEMPFAIL;
	if (consumer != NULL) {
		if (!is_there(ap, consumer))
			return MISUSE;
		list_consumer(ap, consumer);
	} else
		for (name = consumer_names(ap->s, &ap->a, NULL); *name != NULL;
		    name++)
			list_consumer(ap, *name);
	end_list(ap);
	return db_failed(ap->s->db);
}

/* ---- approving and rejecting */

static void
put_grant(struct approve *ap, const char *consumer)
{
	if (ap->grants != NULL)
		fprintf(ap->grants, "%s\n", consumer_grant(ap->s, &ap->a,
		    consumer));
}

static int
refused(struct approve *ap)
{
	if (db_failed(ap->s->db))
		return TEMPFAIL;
	warnx("%s", safe(ap->fault.text));
	return MISUSE;
}

/* What is printed is in the site by then; what -n printed goes. */
static bool
keep(struct approve *ap)
{
	return ap->dry || site_commit(ap->s) == 0;
}

static void
forget(struct approve *ap)
{
	if (ap->dry)
		site_rollback(ap->s);
}

static void
say(struct approve *ap, const char *what, const char *consumer)
{
	if (ap->verbose)
		warnx("'%s': %s%s", safe(consumer), what, ap->dry ?
		    "; nothing was changed (-n)" : "");
}

/* The rows named, or, with none, all that are pending. */
static int
decide(struct approve *ap, const char *consumer, char **doctypes)
{
	enum put_result r;

	if (site_begin(ap->s) == -1)
		return TEMPFAIL;
	r = consumer_approve(ap->s, &ap->a, consumer,
	    *doctypes == NULL ? NULL : doctypes,
	    ap->reject ? "Rejected" : "Approved", ap->own, &ap->fault);
	if (r == PUT_REFUSED || r == PUT_FAILED)
		return refused(ap);
	if (!keep(ap))
		return TEMPFAIL;
	put_grant(ap, consumer);
	say(ap, r == PUT_SAME ? "as it was" : ap->reject ? "rejected" :
	    "approved", consumer);
	forget(ap);
	return DONE;
}

/* Takes condition= out of the operands; how many are left. */
static int
take_condition(struct approve *ap, char **operands)
{
	static const char word[] = "condition=";
	int i, n = 0;

	for (i = 0; operands[i] != NULL; i++)
		if (strncmp(operands[i], word, strlen(word)) == 0)
			ap->own = operands[i] + strlen(word);
		else
			operands[n++] = operands[i];
	operands[n] = NULL;
	return n;
}

/* ---- requests */

static bool
take_request(struct approve *ap, const char *line, size_t len,
    const char **name)
{
	const char *why;
	yyjson_doc *doc = json_parse(&ap->a, line, len, &why);
	yyjson_val *request = yyjson_obj_get(yyjson_doc_get_root(doc),
	    "request");
	enum put_result r;

	if (!yyjson_is_obj(request))
		return fault_set(&ap->fault, "type", "%s", why != NULL ? why :
		    "no request, as es-subscribe writes one");
	r = consumer_request(ap->s, &ap->a, request, NULL, name, &ap->fault);
	if (r == PUT_REFUSED || r == PUT_FAILED)
		return false;
	if (!ap->all)
		return true;
	r = consumer_approve(ap->s, &ap->a, *name, NULL, "Approved", NULL,
	    &ap->fault);
	return r != PUT_REFUSED && r != PUT_FAILED;
}

/* One line of input; DONE, REJECTED or TEMPFAIL. */
static int
one_request(struct approve *ap, const struct ndjson *in, bool whole)
{
	const char *name = NULL;
	bool good;

	if (site_begin(ap->s) == -1)
		return TEMPFAIL;
	good = whole ? take_request(ap, in->line, in->len, &name) :
	    fault_set(&ap->fault, "size", "the line is longer than 16 MiB");
	if (!good) {
		if (db_failed(ap->s->db))
			return TEMPFAIL;
		warnx("stdin:%zu: %s", in->lineno, safe(ap->fault.text));
		site_rollback(ap->s);
		return REJECTED;
	}
	if (!keep(ap))
		return TEMPFAIL;
	put_grant(ap, name);
	if (!ap->all && !ap->quiet)
		list_consumer(ap, name);
	say(ap, ap->all ? "taken in and approved" : "taken in", name);
	forget(ap);
	return DONE;
}

static int
requests(struct approve *ap)
{
	struct ndjson in;
	int r, one, status = DONE;

	ndjson_open(&in, STDIN_FILENO, "stdin");
	while (status != TEMPFAIL && (r = ndjson_line(&in)) != 0)
		if ((one = one_request(ap, &in, r == 1)) != DONE)
			status = one;
	end_list(ap);
	if (in.lineno == 0) {
		warnx("there was no request to read");
		status = REJECTED;
	}
	free(in.buf);
	return status;
}

/* Where grants go: to the file of -o; else to standard output, which the list
 * of requests has to itself. */
static bool
open_grants(struct approve *ap, bool listing)
{
	if (ap->file != NULL)
		ap->grants = out_open(ap->file);
	else if (!ap->quiet && !listing)
		ap->grants = stdout;
	return ap->file == NULL || ap->grants != NULL;
}

static int
close_grants(struct approve *ap, int status)
{
	if (ap->file == NULL)
		return status;
	if (status != DONE && status != REJECTED)
		out_drop(ap->grants, ap->file);
	else if (out_rename(ap->grants, ap->file) == -1)
		status = TEMPFAIL;
	return status;
}

int
main(int argc, char *argv[])
{
	struct approve ap = { 0 };
	const char *path = NULL;
	bool carried, listing;
	int ch, status;

	start(argc, argv, usage);
	while ((ch = getopt(argc, argv, "aHlno:qs:vx")) != -1)
		switch (ch) {
		case 'a':
			ap.all = true;
			break;
		case 'H':
			ap.human = true;
			break;
		case 'l':
			ap.every = true;
			break;
		case 'n':
			ap.dry = true;
			break;
		case 'o':
			ap.file = optarg;
			break;
		case 'q':
			ap.quiet = true;
			break;
		case 's':
			path = optarg;
			break;
		case 'v':
			ap.verbose = true;
			break;
		case 'x':
			ap.reject = true;
			break;
		default:
			misuse(usage);
		}
	argv += optind;
	want_text(argv);
	argc = take_condition(&ap, argv);
	carried = argc == 1 && strcmp(*argv, "-") == 0;
	listing = !carried && argc < 2 && !ap.all && !ap.reject;
	if ((listing && (ap.dry || ap.quiet || ap.verbose || ap.own != NULL ||
	    ap.file != NULL)) || (!listing && (ap.every || argc == 0)) ||
	    (!listing && !carried && ap.human) ||
	    (ap.reject && (ap.all || ap.own != NULL || carried)) ||
	    (ap.all && argc > 1) || (carried && (ap.own != NULL ||
	    (ap.all && ap.human))))
		misuse(usage);
	ap.s = site_open(site_path(path), listing ? SITE_READ : SITE_WRITE,
	    &status);
	if (ap.s == NULL)
		return status;
	arena_init(&ap.a);
	if (listing)
		status = list(&ap, argc > 0 ? *argv : NULL);
	else if (!open_grants(&ap, carried && !ap.all))
		status = TEMPFAIL;
	else
		status = close_grants(&ap, carried ? requests(&ap) :
		    decide(&ap, *argv, argv + 1));
	site_close(ap.s);
	arena_free(&ap.a);
	return out_close(status);
}
