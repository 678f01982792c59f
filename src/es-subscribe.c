/* es-subscribe - subscribe to DocTypes of another site */

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sync/sync.h"

static const char usage[] =
    "usage: es-subscribe [-nqv] [-k keyfile] [-o file] [-s site] producer\n"
    "           [option=value ...] [doctype [option=value ...] ...]\n"
    "       es-subscribe -x [-Fnqv] [-o file] [-s site] producer [doctype ...]\n"
    "       es-subscribe -R [-nqv] [-k keyfile] [-o file] [-s site] producer\n"
    "       es-subscribe -l [-H] [-s site] [producer [doctype ...]]\n"
    "       es-subscribe [-nqv] [-s site] -\n";

struct subscribe {
	struct site	*s;
	struct arena	 a;
	struct edit	 e;
	const char	*producer;
	const char	*file;		/* -o */
	bool		 dry, quiet, verbose, human;
	bool		 leave, wholly, restart;
	struct fault	 fault;
};

static char *none[] = { NULL };

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* An address without slashes at its end. */
static const char *
trimmed(struct arena *a, const char *address)
{
	size_t n = strlen(address);

	while (n > 1 && address[n - 1] == '/')
		n--;
	return arena_dup(a, address, n);
}

/* ---- the key file */

/* For its owner only, and no link: else others may know the secret. */
static void
check_owner(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd == -1 || fstat(fd, &st) == -1)
		err(MISUSE, "cannot open '%s'", safe(path));
	close(fd);
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & 077) != 0)
		errx(MISUSE, "'%s' is not a file that only you can read; if "
		    "nobody else had it: chmod 600", safe(path));
}

static void
read_key(struct subscribe *c, const char *path)
{
	const char *why, *url;
	yyjson_doc *doc;
	yyjson_val *root;
	size_t len;
	char *text;

	check_owner(path);
	if ((text = file_read(path, &len)) == NULL)
		exit(TEMPFAIL);
	doc = json_parse(&c->a, text, len, &why);
	root = yyjson_doc_get_root(doc);
	url = json_str(root, "url");
	c->e.user = json_str(root, "user");
	c->e.key = json_str(root, "api_key");
	c->e.secret = json_str(root, "api_secret");
	free(text);
	if (c->e.key == NULL || c->e.secret == NULL)
		errx(MISUSE, "'%s': %s", safe(path), why != NULL ? safe(why) :
		    "it is not what es-key writes");
	if (url != NULL && strcmp(trimmed(&c->a, url), c->producer) != 0)
		errx(MISUSE, "the key in '%s' is for '%s', not for '%s'",
		    safe(path), safe(url), safe(c->producer));
}

/* ---- the list */

struct list {
	struct site	*s;
	struct arena	*a;
	struct table	*t;		/* NULL: as lines */
	char		**doctypes;	/* only these, if any */
	struct producer	 p;
	bool		 told;
};

static bool
wanted(const struct list *l, const char *doctype)
{
	char **d;

	for (d = l->doctypes; *d != NULL; d++)
		if (same_text(*d, doctype))
			return true;
	return d == l->doctypes;
}

static void
print_line(struct list *l, yyjson_val *row)
{
	static const char *const checks[] = { "unsubscribe", "use_same_name",
	    "strict" }, *const texts[] = { "condition", "mapping", "conflict",
	    "on_leave" };
	yyjson_mut_doc *m = yyjson_mut_doc_new(&l->a->alc);
	yyjson_mut_val *o = yyjson_mut_obj(m);
	char t[TIME_TEXT_LEN];
	size_t i;

	json_put(m, o, "event_producer", json_new_str(m, l->p.name));
	json_put(m, o, "ref_doctype", json_new_str(m, json_str(row,
	    "ref_doctype")));
	json_put(m, o, "status", json_new_str(m, json_str(row, "status")));
	for (i = 0; i < sizeof(checks) / sizeof(*checks); i++)
		json_put(m, o, checks[i], json_new_int(m, json_int(row,
		    checks[i], 0) != 0));
	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		json_put(m, o, texts[i], json_new_str(m, json_str(row,
		    texts[i])));
	json_put(m, o, "user", json_new_str(m, l->p.user));
	json_put(m, o, "last_update", json_new_str(m, l->p.cursor == 0 ? NULL :
	    time_text(l->p.cursor, t)));
	json_put(m, o, "told", json_new_int(m, l->told));
	puts(json_mut_text(l->a, o, NULL));
}

static void
print_cells(struct list *l, yyjson_val *row)
{
	char at[TIME_TEXT_LEN] = "";

	table_cell(l->t, l->p.name);
	table_cell(l->t, json_str(row, "ref_doctype"));
	table_cell(l->t, json_str(row, "status"));
	table_cell(l->t, json_int(row, "unsubscribe", 0) != 0 ? "yes" : NULL);
	table_cell(l->t, json_int(row, "use_same_name", 0) != 0 ? "yes" : NULL);
	table_cell(l->t, json_str(row, "condition"));
	table_cell(l->t, l->told ? "yes" : "no");
	if (l->p.cursor != 0)
		time_local(l->p.cursor, at)[19] = '\0';
	table_cell(l->t, at);
}

/* The rows of one Event Producer document. */
static void
print_producer(struct list *l, const char *json, size_t len)
{
	yyjson_val *root, *row;
	const char *name;
	size_t i, n;

	root = yyjson_doc_get_root(json_parse_own(l->a, json, len));
	name = json_str(root, "name");
	if (!producer_load(l->s, l->a, name, &l->p))
		return;
	l->told = same_text(producer_told(l->s, l->a, name),
	    subscribe_request(l->s, l->a, name));
	yyjson_arr_foreach(yyjson_obj_get(root, "producer_doctypes"), i, n, row)
		if (wanted(l, json_str(row, "ref_doctype")))
			(l->t == NULL ? print_line : print_cells)(l, row);
}

/* Those of one producer or, NULL, of all. */
static int
print_rows(struct subscribe *c, const char *producer, char **doctypes)
{
	static const char *const heads[] = { "event_producer", "ref_doctype",
	    "status", "unsubscribe", "use_same_name", "condition", "told",
	    "last_update" };
	struct list l = { .s = c->s, .a = &c->a, .doctypes = doctypes };
	struct filter *f = filter_new(c->s, site_meta(c->s, "Event Producer"),
	    &c->fault);
	const char *json;
	size_t len, i;

	if (c->human)
		l.t = table_new(stdout, 8);
	for (i = 0; c->human && i < 8; i++)
		table_cell(l.t, heads[i]);
	if (producer != NULL)
		filter_name(f, producer);
	filter_order(f, "name");
	filter_run(f);
	while (filter_next(f, &json, &len) == 1)
		print_producer(&l, json, len);
	if (c->human)
		table_end(l.t);
	filter_free(f);
	return db_failed(c->s->db);
}

static int
list(struct subscribe *c, char **doctypes)
{
	struct producer p;
	char **d;

	if (db_begin_read(c->s->db) == -1)
		return TEMPFAIL;
	if (c->producer != NULL) {
		if (!producer_load(c->s, &c->a, c->producer, &p))
			errx(MISUSE, "'%s' is not subscribed to in '%s'",
			    safe(c->producer), safe(c->s->path));
		for (d = doctypes; *d != NULL; d++)
			if (producer_row(&p, *d) == NULL)
				errx(MISUSE, "'%s' is not subscribed to at '%s'",
				    safe(*d), safe(c->producer));
	}
	return print_rows(c, c->producer, doctypes);
}

/* ---- telling the producer */

static bool
take_grant(struct subscribe *c, const char *line)
{
	yyjson_val *v = yyjson_doc_get_root(json_parse_own(&c->a, line,
	    strlen(line)));

	if (site_begin(c->s) == -1)
		return false;
	if (subscribe_grant(c->s, &c->a, yyjson_obj_get(v, "grant"), &c->fault))
		return site_commit(c->s) == 0;
	site_rollback(c->s);
	return false;
}

static int
not_told(struct subscribe *c, int status, const char *why)
{
	if (status == TEMPFAIL)
		warnx("'%s' was not told: %s; the subscription is kept, and it "
		    "is told at the next contact", safe(c->producer), safe(why));
	else
		warnx("'%s' did not take it: %s; the subscription is kept, but "
		    "nothing comes of it before this is put right",
		    safe(c->producer), safe(why));
	return status;
}

/* Tells it, or if it has been told asks how that stands. */
static int
tell(struct subscribe *c)
{
	struct http_peer peer;
	struct remote *r;
	const char *why;
	char *grant;
	int status;

	producer_peer(c->s, &c->a, c->producer, &peer);
	if ((r = remote_open(&peer, &why)) == NULL)
		return not_told(c, MISUSE, why);
	status = subscribe_tell(c->s, &c->a, c->producer, r, &grant, &why);
	if (status != DONE)
		status = not_told(c, status, why);
	else if (grant == NULL && (status = subscribe_ask(c->s, &c->a,
	    c->producer, r, &grant, &why)) != DONE)
		warnx("'%s' was told before, and does not answer now: %s",
		    safe(c->producer), safe(why));
	else if (!take_grant(c, grant)) {
		status = db_failed(c->s->db) ? TEMPFAIL : MISUSE;
		warnx("'%s': %s", safe(c->producer), safe(c->fault.text));
	}
	remote_close(r);
	return status;
}

/* What is waited for, and how it comes. */
static void
next_step(struct subscribe *c)
{
	const struct meta *m = site_meta(c->s, "Event Producer");
	size_t i, n, pending = 0;
	const char *status;
	yyjson_val *row;
	struct doc d;

	if (!doc_find(c->s, &c->a, m, c->producer, true, &d))
		return;
	yyjson_arr_foreach(yyjson_obj_get(yyjson_doc_get_root(json_parse_own(
	    &c->a, d.data, d.len)), "producer_doctypes"), i, n, row) {
		status = json_str(row, "status");
		pending += json_int(row, "unsubscribe", 0) == 0 &&
		    same_text(status, "Pending");
	}
	if (pending > 0)
		warnx("%zu of %zu DocTypes wait for approval; ask their "
		    "administrator to run: es-approve %s", pending, n,
		    safe(c->s->address));
}

static int
write_request(struct subscribe *c)
{
	FILE *fp = out_open(c->file);

	if (fp == NULL)
		return TEMPFAIL;
	fprintf(fp, "{\"request\":%s}\n", subscribe_registration(c->s, &c->a,
	    c->producer));
	if (out_rename(fp, c->file) == -1)
		return TEMPFAIL;
	if (!c->quiet)
		warnx("take '%s' to '%s', and ask their administrator to run: "
		    "es-approve - <%s", safe(c->file), safe(c->producer),
		    safe(c->file));
	return DONE;
}

/* By a file, over the line, or by who reads what is printed; that is no place
 * for the key by which we can be notified. */
static int
pass_on(struct subscribe *c)
{
	int status = DONE;

	if (c->file != NULL)
		status = write_request(c);
	else if (strstr(c->producer, "://") == NULL) {
		if (!c->quiet)
			printf("{\"request\":%s}\n", subscribe_request(c->s,
			    &c->a, c->producer));
		return DONE;
	} else if ((status = tell(c)) == DONE && !c->quiet)
		next_step(c);
	if (!c->quiet)
		print_rows(c, c->producer, none);
	return status;
}

/* ---- changing the subscription */

static bool
change(struct subscribe *c, char **operands)
{
	c->e.s = c->s;
	c->e.a = &c->a;
	c->e.producer = c->producer;
	c->e.carried = c->file != NULL;
	if (!edit_open(&c->e) && (c->leave || c->restart))
		return fault_set(&c->e.fault, "gone", "'%s' is not subscribed "
		    "to; es-subscribe -l lists what is", c->producer);
	if (!(c->leave ? edit_leave(&c->e, operands, c->wholly) :
	    edit_operands(&c->e, operands)) || !edit_write(&c->e))
		return false;
	return !c->restart || producer_restart(c->s, c->producer) == 0;
}

static void
summary(const struct subscribe *c)
{
	warnx("'%s': %zu new, %zu changed, %zu as they were, %zu taken out%s",
	    safe(c->producer), c->e.fresh, c->e.changed, c->e.same, c->e.gone,
	    c->dry ? "; nothing was changed (-n)" : "");
}

static int
subscribe(struct subscribe *c, char **operands)
{
	if (site_begin(c->s) == -1)
		return TEMPFAIL;
	if (!change(c, operands)) {
		if (db_failed(c->s->db))
			return TEMPFAIL;
		warnx("%s", safe(c->e.fault.text));
		return MISUSE;
	}
	if (!c->dry && site_commit(c->s) == -1)
		return TEMPFAIL;
	if (c->verbose)
		summary(c);
	if (!c->dry)
		return pass_on(c);
	if (!c->quiet)
		print_rows(c, c->producer, none);
	site_rollback(c->s);
	return DONE;
}

/* ---- grants that were carried here */

/* Within a transaction; whose it is, or NULL and why not. */
static const char *
take_line(struct subscribe *c, const struct ndjson *in)
{
	const char *why;
	yyjson_doc *doc = json_parse(&c->a, in->line, in->len, &why);
	yyjson_val *grant = yyjson_obj_get(yyjson_doc_get_root(doc), "grant");

	if (yyjson_is_obj(grant))
		return subscribe_grant(c->s, &c->a, grant, &c->fault) ?
		    json_str(grant, "event_producer") : NULL;
	fault_set(&c->fault, "type", "%s", why != NULL ? why :
	    "no grant, as es-approve writes one");
	return NULL;
}

/* DONE, REJECTED or TEMPFAIL. */
static int
take_one(struct subscribe *c, const struct ndjson *in, bool whole)
{
	const char *producer = NULL;

	if (site_begin(c->s) == -1)
		return TEMPFAIL;
	if (whole)
		producer = take_line(c, in);
	else
		fault_set(&c->fault, "size", "the line is longer than 16 MiB");
	if (db_failed(c->s->db))
		return TEMPFAIL;
	if (producer == NULL) {
		warnx("stdin:%zu: %s", in->lineno, safe(c->fault.text));
		site_rollback(c->s);
		return REJECTED;
	}
	if (!c->dry && site_commit(c->s) == -1)
		return TEMPFAIL;
	if (!c->quiet)
		print_rows(c, producer, none);
	if (c->dry)
		site_rollback(c->s);
	return DONE;
}

static int
take_grants(struct subscribe *c)
{
	size_t taken = 0;
	struct ndjson in;
	int r, one, status = DONE;

	ndjson_open(&in, STDIN_FILENO, "stdin");
	while (status != TEMPFAIL && (r = ndjson_line(&in)) != 0) {
		if ((one = take_one(c, &in, r == 1)) != DONE)
			status = one;
		else
			taken++;
	}
	if (in.lineno == 0) {
		warnx("there was no grant to read");
		status = REJECTED;
	}
	if (c->verbose)
		warnx("%zu grant%s taken%s", taken, taken == 1 ? "" : "s",
		    c->dry ? "; nothing was changed (-n)" : "");
	free(in.buf);
	return status;
}

int
main(int argc, char *argv[])
{
	struct subscribe c = { 0 };
	const char *path = NULL, *keyfile = NULL;
	bool listing = false, change, grants;
	int ch, status;

	start(argc, argv, usage);
	while ((ch = getopt(argc, argv, "FHk:lno:qRs:vx")) != -1)
		switch (ch) {
		case 'F':
			c.wholly = true;
			break;
		case 'H':
			c.human = true;
			break;
		case 'k':
			keyfile = optarg;
			break;
		case 'l':
			listing = true;
			break;
		case 'n':
			c.dry = true;
			break;
		case 'o':
			c.file = optarg;
			break;
		case 'q':
			c.quiet = true;
			break;
		case 'R':
			c.restart = true;
			break;
		case 's':
			path = optarg;
			break;
		case 'v':
			c.verbose = true;
			break;
		case 'x':
			c.leave = true;
			break;
		default:
			misuse(usage);
		}
	argc -= optind;
	argv += optind;
	want_text(argv);
	grants = argc == 1 && strcmp(*argv, "-") == 0;
	change = c.leave || c.restart || keyfile != NULL || c.file != NULL;
	if ((argc == 0 && !listing) || ((listing || grants) && change) ||
	    (listing && (c.dry || c.quiet || c.verbose)) ||
	    (c.human && !listing) || (c.wholly && !c.leave) ||
	    (c.restart && (argc > 1 || c.leave)) ||
	    (c.leave && keyfile != NULL))
		misuse(usage);
	arena_init(&c.a);
	if (argc > 0)
		c.producer = trimmed(&c.a, *argv);
	if (keyfile != NULL)
		read_key(&c, keyfile);
	c.s = site_open(site_path(path), listing ? SITE_READ : SITE_WRITE,
	    &status);
	if (c.s == NULL)
		return status;
	if (grants)
		status = take_grants(&c);
	else if (listing)
		status = list(&c, argv + (argc > 0));
	else
		status = subscribe(&c, argv + 1);
	site_close(c.s);
	arena_free(&c.a);
	return out_close(status);
}
