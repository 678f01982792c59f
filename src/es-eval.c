/* es-eval - the value of an expression, for documents */

#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "site/site.h"

static const char usage[] =
    "usage: es-eval [-qv] [-s site] expression [file ...]\n";

struct eval {
	struct site	*s;		/* NULL: none */
	const char	*text;
	struct rule	*rule;		/* as it is for doctype */
	char		*doctype;	/* or NULL */
	struct arena	 a;
	bool		 quiet;
	int64_t		 values, raised;
	int		 status;
};

static void
worse(struct eval *e, int status)
{
	if (status > e->status)
		e->status = status;
}

static void
complain(struct eval *e, const struct ndjson *in, int status, const char *why)
{
	warnx("%s:%zu: %s", safe(in->name), in->lineno, safe(why));
	worse(e, status);
}

/* Fields that are not set have the value that the DocType of the document gives
 * them. */
static void
open_rule(struct eval *e, const char *doctype)
{
	struct rule_for of = { .s = e->s, .own = true };
	struct fault fault;
	struct rule *r;

	if (e->rule != NULL && (doctype == NULL || (e->doctype != NULL &&
	    strcmp(e->doctype, doctype) == 0)))
		return;
	free(e->doctype);
	of.doctype = e->doctype = doctype == NULL ? NULL : xstrdup(doctype);
	if ((r = rule_open(e->text, &of, &fault)) == NULL)
		errx(MISUSE, "%s", safe(fault.text));
	rule_close(e->rule);
	e->rule = r;
}

/* False: no more can be evaluated. */
static bool
document(struct eval *e, const struct ndjson *in, yyjson_doc *doc)
{
	yyjson_mut_doc *m = yyjson_doc_mut_copy(doc, &e->a.alc);
	struct expr_ask q = { .a = &e->a, .m = m, .now = time_now(),
	    .doc = yyjson_mut_doc_get_root(m) };
	const char *value = NULL;
	enum truth t;

	if (e->s != NULL)
		open_rule(e, json_mut_str(q.doc, "doctype"));
	if ((t = rule_value(e->rule, &q, &value)) >= EXPR_RAISED) {
		complain(e, in, t == EXPR_RAISED ? REJECTED : TEMPFAIL,
		    q.fault.text);
		e->raised++;
	} else
		e->values++;
	if (!e->quiet && t != EXPR_FAILED)
		puts(value == NULL ? "null" : value);
	return t != EXPR_FAILED;
}

static bool
one_line(struct eval *e, const struct ndjson *in, bool whole)
{
	const char *why = "the line is longer than 16 MiB";
	yyjson_doc *doc = NULL;

	arena_reset(&e->a);
	if (whole)
		doc = json_parse(&e->a, in->line, in->len, &why);
	if (doc != NULL && yyjson_is_obj(yyjson_doc_get_root(doc)))
		return document(e, in, doc);
	complain(e, in, REJECTED, doc == NULL ? why : "this is no document");
	return true;
}

static void
flush(void)
{
	fflush(stdout);
}

static bool
read_lines(struct eval *e, int fd, const char *name)
{
	struct ndjson in;
	bool good = true;
	int r;

	ndjson_open(&in, fd, name);
	in.idle = flush;
	while (good && (r = ndjson_line(&in)) != 0)
		good = one_line(e, &in, r == 1);
	free(in.buf);
	return good;
}

static void
read_files(struct eval *e, char *files[])
{
	bool good = true;
	int fd;

	if (*files == NULL)
		read_lines(e, STDIN_FILENO, "stdin");
	for (; good && *files != NULL; files++) {
		if (strcmp(*files, "-") == 0) {
			good = read_lines(e, STDIN_FILENO, "stdin");
			continue;
		}
		if ((fd = open(*files, O_RDONLY | O_CLOEXEC)) == -1)
			err(TEMPFAIL, "cannot open '%s'", safe(*files));
		good = read_lines(e, fd, *files);
		close(fd);
	}
}

/* All that is read is of one moment. */
static void
open_site(struct eval *e, const char *path)
{
	int status;

	if (path == NULL && getenv("ES_SITE") == NULL)
		return;
	if ((e->s = site_open(site_path(path), SITE_READ, &status)) == NULL)
		exit(status);
	if (site_begin_read(e->s) == -1)
		exit(TEMPFAIL);
}

static void
check(struct eval *e)
{
	struct rule_for of = { .s = e->s, .own = true };
	struct fault fault;

	if (!rule_check(e->text, &of, &fault))
		errx(MISUSE, "%s", safe(fault.text));
	open_rule(e, NULL);
}

int
main(int argc, char *argv[])
{
	struct eval e = { 0 };
	const char *path = NULL;
	bool verbose = false;
	int ch;

	start(argc, argv, usage);
	while ((ch = getopt(argc, argv, "qs:v")) != -1)
		switch (ch) {
		case 'q':
			e.quiet = true;
			break;
		case 's':
			path = optarg;
			break;
		case 'v':
			verbose = true;
			break;
		default:
			misuse(usage);
		}
	if ((e.text = argv[optind]) == NULL)
		misuse(usage);
	want_text((char *[]){ argv[optind], NULL });
	arena_init(&e.a);
	open_site(&e, path);
	check(&e);
	read_files(&e, argv + optind + 1);
	if (verbose)
		warnx("%lld values, %lld without", (long long)e.values,
		    (long long)e.raised);
	rule_close(e.rule);
	if (e.s != NULL)
		db_rollback(e.s->db);
	site_close(e.s);
	free(e.doctype);
	arena_free(&e.a);
	return out_close(e.status);
}
