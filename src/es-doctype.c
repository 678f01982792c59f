/* es-doctype - put DocTypes into a site, or list them */

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "site/site.h"

static const char usage[] = "usage: es-doctype [-nqv] [-s site] [file ...]\n"
    "       es-doctype -l [-H] [-s site]\n";

struct one {				/* a document to be put in */
	const char	*file;
	yyjson_val	*doc;
	bool		 done;
};

struct load {
	struct site	*s;
	struct arena	 a;
	const char	*file;
	struct one	*v;
	size_t		 n;
	int		 fresh, changed, same, refused;
	bool		 verbose;
};

static const char *
name_of(yyjson_val *doc)
{
	const char *name = json_str(doc, "name");

	if (name == NULL)
		name = json_str(doc, "fieldname");
	return name == NULL ? json_str(doc, "property") : name;
}

static bool
is_schema(const char *doctype)
{
	return doctype != NULL && (strcmp(doctype, "DocType") == 0 ||
	    strcmp(doctype, "Custom Field") == 0 ||
	    strcmp(doctype, "Property Setter") == 0);
}

/* ---- reading */

static void
complain(struct load *l, const char *file, const char *why)
{
	warnx("%s: %s", safe(file), safe(why));
	l->refused++;
}

/* A document, an array of them, or what getdoctype answers: {"docs":[…]}. */
static void
gather(struct load *l, yyjson_val *v)
{
	const char *doctype = json_str(v, "doctype");
	yyjson_val *one, *data;
	size_t i, n;

	if (doctype == NULL && (yyjson_is_arr(data = yyjson_obj_get(v, "docs"))
	    || (data = yyjson_obj_get(v, "data")) != NULL))
		gather(l, data);
	else if (yyjson_is_arr(v))
		yyjson_arr_foreach(v, i, n, one)
			gather(l, one);
	else if (!is_schema(doctype))
		complain(l, l->file, arena_printf(&l->a, "'%s' is a %s, not a "
		    "DocType, Custom Field or Property Setter", name_of(v) ==
		    NULL ? "" : name_of(v), doctype == NULL ?
		    "document without doctype" : doctype));
	else {
		l->v = xrealloc(l->v, (l->n + 1) * sizeof(*l->v));
		l->v[l->n++] = (struct one){ l->file, v, false };
	}
}

static void
gather_lines(struct load *l, char *text)
{
	char *line, *save = NULL;
	const char *why;
	yyjson_doc *doc;
	int n = 0;

	for (line = strtok_r(text, "\n", &save); line != NULL;
	    line = strtok_r(NULL, "\n", &save)) {
		n++;
		doc = json_parse(&l->a, line, strlen(line), &why);
		if (doc == NULL)
			complain(l, arena_printf(&l->a, "%s:%d", l->file, n),
			    why);
		else
			gather(l, yyjson_doc_get_root(doc));
	}
}

/* A file is one JSON text or one a line. */
static void
gather_file(struct load *l, const char *path)
{
	const char *why;
	yyjson_doc *doc;
	size_t len, first;
	char *text;

	l->file = strcmp(path, "-") == 0 ? "stdin" : path;
	if ((text = file_read(path, &len)) == NULL) {
		l->refused++;
		return;
	}
	first = strcspn(text, "\n");
	if (text[strspn(text, " \t\r\n")] == '\0')
		complain(l, l->file, "there is nothing in it");
	else if ((doc = json_parse(&l->a, text, len, &why)) != NULL)
		gather(l, yyjson_doc_get_root(doc));
	else if (first < len &&
	    json_parse(&l->a, text, first, &why) != NULL)
		gather_lines(l, text);
	else
		complain(l, l->file, why);
	free(text);
}

/* ---- putting in */

/* 1 done or refused, 0 to be tried again, -1 the site failed. */
static int
load_one(struct load *l, const struct one *o, bool last)
{
	const char *doctype = json_str(o->doc, "doctype"), *what = NULL;
	struct fault fault;
	int64_t id, entry;

	switch (local_replace(l->s, &l->a, o->doc, doctype, "Administrator",
	    &id, &entry, &fault)) {
	case PUT_CREATED:
		l->fresh++;
		what = "new";
		break;
	case PUT_UPDATED:
		l->changed++;
		what = "changed";
		break;
	case PUT_SAME:
		l->same++;
		what = "as it was";
		break;
	case PUT_REFUSED:
		/* What it needs may come later in the same input. */
		if (!last && strcmp(fault.code, "link") == 0)
			return 0;
		complain(l, o->file, arena_printf(&l->a, "%s '%s': %s", doctype,
		    name_of(o->doc) == NULL ? "" : name_of(o->doc),
		    fault.text));
		break;
	case PUT_FAILED:
		return -1;
	}
	if (what != NULL && l->verbose)
		warnx("%s '%s': %s", doctype, safe(name_of(o->doc)), what);
	return 1;
}

static int
load_all(struct load *l)
{
	bool moved = true, last = false;
	size_t i;
	int r;

	while (moved || !last) {
		last = !moved;
		moved = false;
		for (i = 0; i < l->n; i++) {
			if (l->v[i].done)
				continue;
			if ((r = load_one(l, &l->v[i], last)) == -1)
				return -1;
			l->v[i].done = r == 1;
			moved = moved || r == 1;
		}
		if (last)
			break;
	}
	return 0;
}

static int
list(struct site *s, bool table)
{
	struct arena a;
	struct query *q;
	const char *name;

	arena_init(&a);
	q = doctype_list(s);
	if (table)
		printf("%-32s %-20s %-10s %s\n", "DOCTYPE", "MODULE", "KIND",
		    "DOCUMENTS");
	while ((name = doctype_next(s, q, &a, table)) != NULL)
		puts(name);
	arena_free(&a);
	return out_close(db_failed(s->db));
}

int
main(int argc, char *argv[])
{
	struct load l = { 0 };
	const char *path = NULL;
	bool dry = false, listing = false, quiet = false, table = false;
	int ch, i, status, r = 0;

	start(argc, argv, usage);
	while ((ch = getopt(argc, argv, "Hlnqs:v")) != -1)
		switch (ch) {
		case 'H':
			table = true;
			break;
		case 'l':
			listing = true;
			break;
		case 'n':
			dry = true;
			break;
		case 'q':
			quiet = true;
			break;
		case 's':
			path = optarg;
			break;
		case 'v':
			l.verbose = true;
			break;
		default:
			misuse(usage);
		}
	argc -= optind;
	argv += optind;
	if (listing && argc > 0)
		misuse(usage);
	l.s = site_open(site_path(path), listing ? SITE_READ : SITE_WRITE,
	    &status);
	if (l.s == NULL)
		return status;
	if (listing) {
		status = list(l.s, table);
		site_close(l.s);
		return status;
	}
	arena_init(&l.a);
	if (site_begin(l.s) == -1)
		return TEMPFAIL;
	if (argc == 0)
		gather_file(&l, "-");
	for (i = 0; i < argc; i++)
		gather_file(&l, argv[i]);
	r = load_all(&l);
	if (r == -1 || db_failed(l.s->db))
		return TEMPFAIL;
	if (dry)
		site_rollback(l.s);
	else if (site_commit(l.s) == -1)
		return TEMPFAIL;
	status = l.refused > 0 ? REJECTED : DONE;
	if ((l.verbose && !quiet) || status != DONE)
		warnx("%d new, %d changed, %d as they were, %d refused%s",
		    l.fresh, l.changed, l.same, l.refused,
		    dry ? "; nothing was changed (-n)" : "");
	site_close(l.s);
	arena_free(&l.a);
	free(l.v);
	return status;
}
