/* es-put - write documents into a site */

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sync/sync.h"

static const char usage[] = "usage: es-put [-nqv] [-s site] [-T csv] [doctype]\n"
    "       es-put -a [-Fnqv] [-s site] [-T csv] doctype\n";

enum { BATCH_DOCS = 1000, BATCH_BYTES = 8 << 20 };

struct put {
	struct site	*s;
	const char	*doctype;
	bool		 dry, quiet;
	struct ndjson	 in;
	struct arena	 a;
	bool		 open;		/* a batch: one transaction */
	int64_t		 docs, bytes;	/* in it */
	int64_t		 told;		/* newest entry that is in out */
	FILE		*out;		/* what to print once it is committed */
	char		*text;
	size_t		 len;
	int64_t		 created, updated, same, refused, deleted;
	bool		 kept;		/* -a: nothing was deleted */
	int64_t		*ids;		/* -a: what was there */
	size_t		 n, cap;
};

static struct put *the;			/* for the reader that would wait */

static int
begin(struct put *p)
{
	if (p->open)
		return 0;
	if (site_begin(p->s) == -1)
		return -1;
	p->told = p->s->newest;
	p->docs = p->bytes = 0;
	p->open = true;
	p->out = open_memstream(&p->text, &p->len);
	return 0;
}

static int
tell(struct put *p)
{
	int64_t from = p->told;

	p->told = p->s->newest;
	return p->quiet ? 0 : produce_since(p->s, p->out, from);
}

/* Commits the batch; only then its events are printed. */
static int
commit(struct put *p)
{
	int r;

	if (!p->open)
		return 0;
	p->open = false;
	r = tell(p);
	fclose(p->out);
	if (p->dry)
		site_rollback(p->s);
	else if (r == 0)
		r = site_commit(p->s);
	if (r == 0)
		fwrite(p->text, 1, p->len, stdout);
	free(p->text);
	return r;
}

/* -n is one batch, for later documents may need earlier ones. */
static void
idle(void)
{
	if (!the->dry && commit(the) == 0)
		fflush(stdout);
}

/* In its place among the events. */
static void
refuse(struct put *p, const char *why)
{
	char *at = xprintf("%s:%zu", p->in.name, p->in.lineno);

	warnx("%s: %s", at, safe(why));
	p->refused++;
	if (!p->quiet && begin(p) == 0 && tell(p) == 0)
		put_rejected(p->out, at, why, p->in.line, p->in.len);
	free(at);
}

static void
remember(struct put *p, int64_t id)
{
	if (p->n == p->cap) {
		p->cap = p->cap == 0 ? 1024 : p->cap * 2;
		p->ids = xrealloc(p->ids, p->cap * sizeof(*p->ids));
	}
	p->ids[p->n++] = id;
}

/* Does it hold a secret, which is not to be shown again? */
static bool
has_secret(const struct meta *m, yyjson_val *doc)
{
	const struct field *f;
	yyjson_val *v, *row;
	size_t i, k, n;

	for (i = 0; m != NULL && i < m->nfields; i++) {
		f = &m->fields[i];
		v = yyjson_obj_get(doc, f->name);
		if (f->kind == K_PASSWORD && v != NULL)
			return true;
		if (f->kind == K_TABLE)
			yyjson_arr_foreach(v, k, n, row)
				if (has_secret(f->child, row))
					return true;
	}
	return false;
}

static void
refuse_doc(struct put *p, yyjson_val *doc, const char *why)
{
	const char *doctype = p->doctype == NULL ? json_str(doc, "doctype") :
	    p->doctype;

	if (doctype != NULL && has_secret(site_meta(p->s, doctype), doc)) {
		p->in.line = "";
		p->in.len = 0;
	}
	refuse(p, why);
}

/* -1: the site failed. */
static int
put_one(struct put *p, yyjson_val *doc)
{
	const char *doctype = json_str(doc, "doctype");
	struct fault fault;
	int64_t id, entry;

	if (begin(p) == -1)
		return -1;
	if (p->doctype != NULL && doctype != NULL &&
	    strcmp(p->doctype, doctype) != 0) {
		fault_set(&fault, "doctype", "it is a %s, not a %s", doctype,
		    p->doctype);
		refuse(p, fault.text);
		return 0;
	}
	switch (local_put(p->s, &p->a, doc, p->doctype, "Administrator", &id,
	    &entry, &fault)) {
	case PUT_CREATED:
		p->created++;
		break;
	case PUT_UPDATED:
		p->updated++;
		break;
	case PUT_SAME:
		p->same++;
		break;
	case PUT_REFUSED:
		refuse_doc(p, doc, fault.text);
		break;
	case PUT_FAILED:
		return -1;
	}
	if (id != 0 && p->cap != 0)
		remember(p, id);
	p->bytes += p->in.len;
	p->docs++;
	if (!p->dry && (p->docs >= BATCH_DOCS || p->bytes >= BATCH_BYTES))
		return commit(p);
	return 0;
}

static int
put_lines(struct put *p)
{
	const char *why;
	yyjson_doc *doc;
	int r;

	while ((r = ndjson_line(&p->in)) != 0) {
		if (r == -2) {
			refuse(p, "the line is longer than 16 MiB");
			continue;
		}
		doc = json_parse(&p->a, p->in.line, p->in.len, &why);
		if (doc == NULL)
			refuse(p, why);
		else if (put_one(p, yyjson_doc_get_root(doc)) == -1)
			return -1;
		arena_reset(&p->a);
	}
	return 0;
}

static int
put_csv(struct put *p)
{
	const struct meta *m = site_meta(p->s, p->doctype);
	yyjson_doc *doc;
	struct fault fault;
	struct csv *csv;
	int r;

	if ((csv = csv_open(stdin, m, &fault)) == NULL)
		errx(MISUSE, "stdin:1: %s", safe(fault.text));
	while ((r = csv_next(csv, &p->a, &doc, &fault)) != 0) {
		p->in.lineno = csv_line(csv);
		p->in.line = csv_text(csv, &p->in.len);
		if (r == -1)
			refuse(p, fault.text);
		else if (put_one(p, yyjson_doc_get_root(doc)) == -1)
			return -1;
		arena_reset(&p->a);
	}
	csv_close(csv);
	return 0;
}

/* ---- -a: what is not among the documents given is deleted */

static int
by_id(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static size_t
absent(struct put *p, char ***names, int64_t *all)
{
	qsort(p->ids, p->n, sizeof(*p->ids), by_id);
	return doc_absent(p->s, &p->a, p->doctype, p->ids, p->n, names, all);
}

/* One pass over what is left of the names; how many went, -1 if the site
 * failed.  Metas do not outlive a delete of a customisation. */
static int64_t
delete_pass(struct put *p, char **names, size_t n, bool tell)
{
	int64_t was = p->deleted, entry;
	struct fault fault;
	size_t i;

	for (i = 0; i < n; i++) {
		if (names[i] == NULL)
			continue;
		switch (local_delete(p->s, &p->a, site_meta(p->s, p->doctype),
		    names[i], "Administrator", &entry, &fault)) {
		case PUT_UPDATED:
			p->deleted++;
			names[i] = NULL;
			break;
		case PUT_FAILED:
			return -1;
		default:
			if (!tell)
				continue;
			warnx("%s", safe(fault.text));
			p->refused++;
		}
	}
	return p->deleted - was;
}

/* What another absent document links to goes after that one. */
static int
delete_absent(struct put *p)
{
	int64_t all, r;
	char **names;
	size_t n;

	if (begin(p) == -1)
		return -1;
	n = absent(p, &names, &all);
	while ((r = delete_pass(p, names, n, false)) > 0)
		;
	return r == -1 || delete_pass(p, names, n, true) == -1 ? -1 : 0;
}

/* Why nothing is deleted, or NULL. */
static const char *
too_bold(struct put *p, bool force)
{
	int64_t all;
	size_t n;
	char **names;

	if (force)
		return NULL;
	if (p->refused > 0)
		return "a document was refused; -F does it all the same";
	if (p->n == 0)
		return "the input was empty; -F does it all the same";
	n = absent(p, &names, &all);
	if ((int64_t)n * 10 > all)
		return "more than a tenth of all would go; -F does it";
	return NULL;
}

static int
put_all(struct put *p, bool force)
{
	const char *why;

	if ((why = too_bold(p, force)) == NULL)
		return delete_absent(p);
	warnx("nothing was deleted: %s", why);
	p->kept = true;
	return 0;
}

static void
summary(const struct put *p)
{
	fprintf(stderr, "%s: %lld new, %lld changed, %lld deleted, %lld as "
	    "they were, %lld refused%s\n", program_invocation_short_name,
	    (long long)p->created, (long long)p->updated, (long long)p->deleted,
	    (long long)p->same, (long long)p->refused,
	    p->dry ? "; nothing was changed (-n)" : "");
}

int
main(int argc, char *argv[])
{
	struct put p = { 0 };
	const char *path = NULL, *type = "ndjson";
	bool all = false, force = false, verbose = false;
	int ch, status, r;

	start(argc, argv, usage);
	while ((ch = getopt(argc, argv, "aFnqs:T:v")) != -1)
		switch (ch) {
		case 'a':
			all = true;
			break;
		case 'F':
			force = true;
			break;
		case 'n':
			p.dry = true;
			break;
		case 'q':
			p.quiet = true;
			break;
		case 's':
			path = optarg;
			break;
		case 'T':
			type = optarg;
			break;
		case 'v':
			verbose = true;
			break;
		default:
			misuse(usage);
		}
	argc -= optind;
	argv += optind;
	want_text(argv);
	if (strcmp(type, "ndjson") != 0 && strcmp(type, "csv") != 0)
		errx(MISUSE, "-T knows ndjson and csv, not '%s'", safe(type));
	if (argc > 1 || (argc == 0 && (all || *type == 'c')))
		misuse(usage);
	p.doctype = argv[0];
	if ((p.s = site_open(site_path(path), SITE_WRITE, &status)) == NULL)
		return status;
	if (p.doctype != NULL && site_meta(p.s, p.doctype) == NULL)
		errx(MISUSE, "no DocType '%s' in '%s'; es-doctype -l lists them",
		    safe(p.doctype), safe(p.s->path));
	if (all)
		p.ids = xmalloc((p.cap = 1024) * sizeof(*p.ids));
	arena_init(&p.a);
	ndjson_open(&p.in, STDIN_FILENO, "stdin");
	the = &p;
	p.in.idle = idle;
	r = *type == 'c' ? put_csv(&p) : put_lines(&p);
	if (r == 0 && all)
		r = put_all(&p, force);
	if (r == 0)
		r = commit(&p);
	status = r == -1 || db_failed(p.s->db) ? TEMPFAIL :
	    p.refused > 0 || p.kept ? REJECTED : DONE;
	if (!p.quiet)
		put_end(stdout, status, NULL);
	if (status == REJECTED || (verbose && status == DONE))
		summary(&p);
	site_close(p.s);
	arena_free(&p.a);
	free(p.ids);
	free(p.in.buf);
	return out_close(status);
}
