/* es-doctype - put DocTypes into a site, or list them */

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "site/site.h"

static const char usage[] = "usage: es-doctype [-nqv] [-s site] [file ...]\n"
    "       es-doctype -l [-H] [-s site]\n";

struct load {
	struct site	*s;
	struct arena	 a;
	const char	*file;
	int		 fresh, changed, same, refused;
	bool		 verbose;
};

/* -1: the site failed. */
static int
load_one(struct load *l, yyjson_val *doc)
{
	const char *doctype = json_str(doc, "doctype");
	const char *name = json_str(doc, "name"), *what = NULL;
	struct fault fault;
	int64_t id, entry;

	if (doctype == NULL || (strcmp(doctype, "DocType") != 0 &&
	    strcmp(doctype, "Custom Field") != 0 &&
	    strcmp(doctype, "Property Setter") != 0)) {
		warnx("%s: '%s' is a %s, not a DocType, Custom Field or "
		    "Property Setter", safe(l->file), safe(name),
		    doctype == NULL ? "document without doctype" : safe(doctype));
		l->refused++;
		return 0;
	}
	switch (local_put(l->s, &l->a, doc, doctype, "Administrator", &id,
	    &entry, &fault)) {
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
		warnx("%s: %s '%s': %s", safe(l->file), doctype, safe(name),
		    safe(fault.text));
		l->refused++;
		break;
	case PUT_FAILED:
		return -1;
	}
	if (what != NULL && l->verbose)
		warnx("%s '%s': %s", doctype, safe(name), what);
	return 0;
}

/* A document, an array of them, or what getdoctype answers: {"docs":[…]}. */
static int
load_value(struct load *l, yyjson_val *v)
{
	yyjson_val *one, *data;
	size_t i, n;

	if (yyjson_is_obj(v) && yyjson_get_len(v) > 0 &&
	    (yyjson_is_arr(data = yyjson_obj_get(v, "docs")) ||
	    yyjson_is_obj(data = yyjson_obj_get(v, "data"))))
		return load_value(l, data);
	if (!yyjson_is_arr(v))
		return load_one(l, v);
	yyjson_arr_foreach(v, i, n, one)
		if (load_one(l, one) == -1)
			return -1;
	return 0;
}

/* A file is one JSON text or one a line. */
static int
load_file(struct load *l, const char *path)
{
	char *text, *line, *end, *save = NULL;
	const char *why;
	yyjson_doc *doc;
	size_t len;
	int r = 0, n = 0;

	l->file = strcmp(path, "-") == 0 ? "stdin" : path;
	if ((text = file_read(path, &len)) == NULL) {
		l->refused++;
		return 0;
	}
	if ((doc = json_parse(&l->a, text, len, &why)) != NULL)
		r = load_value(l, yyjson_doc_get_root(doc));
	else if ((end = strchr(text, '\n')) != NULL &&
	    json_parse(&l->a, text, end - text, &why) != NULL)
		for (line = strtok_r(text, "\n", &save); line != NULL && r == 0;
		    line = strtok_r(NULL, "\n", &save)) {
			n++;
			doc = json_parse(&l->a, line, strlen(line), &why);
			if (doc == NULL) {
				warnx("%s:%d: %s", safe(l->file), n, why);
				l->refused++;
			} else
				r = load_value(l, yyjson_doc_get_root(doc));
		}
	else {
		warnx("%s: %s", safe(l->file), why);
		l->refused++;
	}
	free(text);
	return r;
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
		r = load_file(&l, "-");
	for (i = 0; i < argc && r == 0; i++)
		r = load_file(&l, argv[i]);
	if (r == -1 || db_failed(l.s->db))
		return TEMPFAIL;
	if (dry)
		site_rollback(l.s);
	else if (site_commit(l.s) == -1)
		return TEMPFAIL;
	status = l.refused > 0 ? REJECTED : DONE;
	if (!quiet || status != DONE)
		warnx("%d new, %d changed, %d as they were, %d refused%s",
		    l.fresh, l.changed, l.same, l.refused,
		    dry ? "; nothing was changed (-n)" : "");
	site_close(l.s);
	arena_free(&l.a);
	return status;
}
