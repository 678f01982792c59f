/* es-map - map events to the DocTypes of a site */

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sync/sync.h"

static const char usage[] =
    "usage: es-map [-lnqv] [-m mapping] [-p producer] [-s site] [file ...]\n";

struct value {				/* that a Value Map does not have */
	const char	*values, *table, *field, *value;
	int64_t		 count;
	struct value	*next;
};

struct run {
	struct site	*s;
	struct mapper	*mapper;
	struct arena	 line, a;	/* of one line; of a producer */
	const char	*mapping;	/* -m, or NULL */
	bool		 list;		/* -l */
	bool		 quiet, verbose;
	struct ndjson	 in;
	char		*name;		/* the producer at hand; NULL: none yet */
	struct producer	 p;
	bool		 reading;	/* the site, in a transaction */
	int		 status;	/* the worst */
	bool		 ended;		/* an end line came last */
	int64_t		 events;
	struct arena	 run;		/* of what follows */
	struct map	 uncovered;
	struct value	*first, **last;
};

static struct run *the;			/* for the reader that would wait */

static void
worsen(struct run *r, int status)
{
	if (status > r->status)
		r->status = status;
}

/* ---- the site: read while there are lines, not while we wait */

static void
reading(struct run *r)
{
	if (!r->reading && site_begin_read(r->s) == 0)
		r->reading = true;
}

static void
rest(struct run *r)
{
	if (r->reading)
		db_commit(r->s->db);
	r->reading = false;
}

static void
idle(void)
{
	rest(the);
	fflush(stdout);
}

/* ---- whose lines they are */

static void
turn_to(struct run *r, const char *name)
{
	bool there;

	if (r->name != NULL && strcmp(r->name, name) == 0)
		return;
	free(r->name);
	r->name = xstrdup(name);
	arena_reset(&r->a);
	reading(r);
	there = producer_load(r->s, &r->a, r->name, &r->p);
	mapper_turn(r->mapper, there ? &r->p : NULL);
	if (!there && r->mapping == NULL && r->verbose)
		warnx("there is no Event Producer '%s'; its events go on as "
		    "they are", safe(name));
}

/* ---- -l */

static const char *
keep(struct run *r, const char *s)
{
	return s == NULL ? NULL : arena_dup(&r->run, s, strlen(s));
}

static void
note_value(void *arg, const char *values, const char *table, const char *field,
    const char *value, size_t len)
{
	struct run *r = arg;
	const char *key = arena_printf(&r->line, "%s%c%s%c%s%c%.*s", values, 1,
	    table == NULL ? "" : table, 1, field, 1, (int)len, value);
	struct value *v = map_get(&r->uncovered, key, strlen(key));

	if (v == NULL) {
		v = arena_alloc(&r->run, sizeof(*v));
		*v = (struct value){ keep(r, values), keep(r, table),
		    keep(r, field), arena_dup(&r->run, value, len), 0, NULL };
		map_set(&r->uncovered, keep(r, key), strlen(key), v);
		*r->last = v;
		r->last = &v->next;
	}
	v->count++;
}

static void
print_values(struct run *r)
{
	yyjson_mut_doc *m = yyjson_mut_doc_new(&r->run.alc);
	yyjson_mut_val *o;
	struct value *v;

	for (v = r->first; v != NULL; v = v->next) {
		o = yyjson_mut_obj(m);
		json_put(m, o, "value_map", json_new_str(m, v->values));
		json_put(m, o, "table", json_new_str(m, v->table));
		json_put(m, o, "field", json_new_str(m, v->field));
		json_put(m, o, "value", json_new_str(m, v->value));
		json_put(m, o, "count", json_new_int(m, v->count));
		puts(json_mut_text(&r->run, o, NULL));
		worsen(r, REJECTED);
	}
}

/* ---- lines */

static void
put(const struct run *r, const char *text, size_t len)
{
	if (r->list)
		return;
	fwrite(text, 1, len, stdout);
	putchar('\n');
}

static void
reject(struct run *r, const char *why, const char *text, size_t len)
{
	char *at = xprintf("%s:%zu", safe(r->in.name), r->in.lineno);

	if (!r->list)
		put_rejected(stdout, at, why, text, len);
	worsen(r, REJECTED);
	free(at);
}

static void
take_event(struct run *r, yyjson_val *v, const char *text, size_t len)
{
	const char *why, *line;
	struct event e;
	size_t n;

	if ((why = event_read(&r->line, v, &e)) != NULL) {
		reject(r, why, text, len);
		return;
	}
	r->events++;
	if (e.producer != NULL)
		turn_to(r, e.producer);
	reading(r);
	line = mapper_line(r->mapper, &r->line, &e, &n);
	if (line == NULL)
		put(r, text, len);
	else
		put(r, line, n);
}

/* With our status, if it is worse. */
static void
take_end(struct run *r, yyjson_val *end, const char *text, size_t len)
{
	int64_t said = json_int(end, "status", TEMPFAIL);

	if (r->list || said >= r->status || said < 0)
		put(r, text, len);
	else
		put_end(stdout, r->status, NULL);
	worsen(r, said > 0 && said <= 255 ? (int)said : r->status);
}

static void
take_line(struct run *r, const char *text, size_t len)
{
	const char *why;
	yyjson_doc *doc;
	yyjson_val *v;

	arena_reset(&r->line);
	if ((doc = json_parse(&r->line, text, len, &why)) == NULL) {
		reject(r, why, text, len);
		return;
	}
	v = yyjson_doc_get_root(doc);
	if (!yyjson_is_obj(v)) {
		reject(r, "the line is no JSON object", text, len);
		return;
	}
	r->ended = yyjson_obj_get(v, "end") != NULL;
	if (event_is(v))
		take_event(r, v, text, len);
	else if (r->ended)
		take_end(r, yyjson_obj_get(v, "end"), text, len);
	else
		put(r, text, len);
	if (yyjson_obj_get(v, "checkpoint") != NULL)
		rest(r);
}

static void
read_lines(struct run *r, int fd, const char *name)
{
	struct ndjson *in = &r->in;
	int got;

	ndjson_open(in, fd, name);
	in->idle = idle;
	r->ended = false;
	while (!ferror(stdout) && (got = ndjson_line(in)) != 0)
		if (got == -2)
			reject(r, "the line is longer than 16 MiB", in->line,
			    in->len);
		else
			take_line(r, in->line, in->len);
	rest(r);
	free(in->buf);
	if (r->ended)
		return;
	if (!r->quiet)
		warnx("%s has no end line: it was cut; run again", safe(name));
	worsen(r, TEMPFAIL);
}

static void
read_file(struct run *r, const char *name)
{
	FILE *fp;

	if (strcmp(name, "-") == 0) {
		read_lines(r, STDIN_FILENO, "stdin");
		return;
	}
	if ((fp = fopen(name, "re")) == NULL)
		err(TEMPFAIL, "cannot open '%s'", safe(name));
	read_lines(r, fileno(fp), name);
	fclose(fp);
}

static void
summary(const struct run *r)
{
	const struct mapper_counts *c = mapper_counted(r->mapper);

	if (c->unmapped > 0 && !r->quiet)
		warnx("%lld events cannot be mapped: es-apply parks them and "
		    "says why", (long long)c->unmapped);
	if (r->verbose)
		warnx("%lld events, %lld mapped", (long long)r->events,
		    (long long)c->mapped);
}

static void
map_files(struct run *r, char *const *files)
{
	struct mapper_source from = { .site = r->s, .mapping = r->mapping,
	    .uncovered = r->list ? note_value : NULL, .arg = r };

	r->last = &r->first;
	r->mapper = mapper_open(&from);
	if (*files == NULL)
		read_file(r, "-");
	while (*files != NULL)
		read_file(r, *files++);
	if (r->list)
		print_values(r);
	else
		summary(r);
	mapper_close(r->mapper);
	map_free(&r->uncovered);
	free(r->name);
}

/* Is that of -m here?  A filter says so at its end, too, if not. */
static bool
has_mapping(struct run *r, bool filter)
{
	const char *why;

	if (r->mapping == NULL || doc_number(r->s, "Document Type Mapping",
	    r->mapping) != 0 || db_failed(r->s->db))
		return true;
	why = safe(arena_printf(&r->run, "no Document Type Mapping '%s' in "
	    "'%s'; es-put puts one in", r->mapping, r->s->path));
	warnx("%s", why);
	if (filter)
		put_end(stdout, MISUSE, why);
	worsen(r, MISUSE);
	return false;
}

/* ---- -n */

struct look {				/* at mappings */
	struct run	*r;
	struct mapping_source here;
	struct map	 seen;		/* names */
	struct mapping	**v;		/* those that are good here */
	size_t		 n;
};

static void
say_fault(void *arg, const struct fault *fault)
{
	(void)arg;
	warnx("%s", safe(fault->text));
	worsen(the, REJECTED);
}

/* With those of its rows of the type Document. */
static void
look_at(void *arg, const char *name)
{
	struct look *l = arg;
	struct fault fault;
	struct mapping *m;
	yyjson_val *doc;

	if (map_get(&l->seen, name, strlen(name)) != NULL)
		return;
	name = arena_dup(&l->r->run, name, strlen(name));
	map_set(&l->seen, name, strlen(name), l);
	doc = l->here.doc(l->here.arg, "Document Type Mapping", name);
	if (doc == NULL) {
		fault_set(&fault, "mapping", "no Document Type Mapping '%s'",
		    name);
		say_fault(NULL, &fault);
		return;
	}
	if ((m = mapping_new(&l->here, doc, &fault)) == NULL)
		return;
	l->v = xrealloc(l->v, (l->n + 1) * sizeof(*l->v));
	l->v[l->n++] = m;
	mapping_documents(m, look_at, l);
}

static void
look_at_producer(struct look *l, const struct producer *p)
{
	size_t i;

	for (i = 0; i < p->nrows; i++)
		if (p->rows[i].mapping != NULL)
			look_at(l, p->rows[i].mapping);
}

/* All Event Producers. */
static void
look_at_all(struct look *l)
{
	struct run *r = l->r;
	const struct meta *meta = site_meta(r->s, "Event Producer");
	struct producer p;
	struct doc d = { 0 };

	while (doc_after(r->s, &r->a, d.id, meta->id, &d))
		if (producer_load(r->s, &r->a, d.name, &p))
			look_at_producer(l, &p);
}

/* Nothing of the producer is looked at, or no more. */
static void
unseen(struct run *r, const char *producer, int status, const char *why)
{
	if (why != NULL)
		warnx("%s: %s; its DocTypes are not looked at", safe(producer),
		    safe(why));
	worsen(r, status);
}

static void
lacks(void *arg, const char *doctype, int status, const char *why)
{
	struct run *r = arg;

	if (status != REJECTED) {
		unseen(r, r->p.name, status, why);
		return;
	}
	warnx("%s: its DocType '%s' is not looked at: %s", safe(r->p.name),
	    safe(doctype), safe(why));
	worsen(r, REJECTED);
}

static void
look_there(struct look *l, struct mapping_source *there)
{
	size_t i;

	there->fault = say_fault;
	for (i = 0; i < l->n; i++)
		mapping_check(l->v[i], there);
}

/* Without its site file or URL only this side is known. */
static void
look_at_one(struct look *l, const char *operand)
{
	struct run *r = l->r;
	struct pull_source from = { .site = r->s };
	struct remote_mappings remote = { .lacks = lacks, .arg = r };
	struct site_mappings file;
	struct mapping_source there;
	bool known = producer_load(r->s, &r->a, operand, &r->p);
	const char *why;
	int status;

	if ((!known || strstr(operand, "://") != NULL) && (status = pull_reach(
	    &from, &r->a, operand, &r->p, &why)) != DONE) {
		unseen(r, operand, status, why);
		if (!known)
			return;
	}
	if (r->mapping != NULL)
		look_at(l, r->mapping);
	else
		look_at_producer(l, &r->p);
	rest(r);
	if (from.file != NULL) {
		there = site_mappings(&file, from.file, &r->a);
		look_there(l, &there);
		site_close(from.file);
	} else if (from.remote != NULL) {
		remote.remote = from.remote;
		there = remote_mappings(&remote);
		look_there(l, &there);
		remote_mappings_close(&remote);
		remote_close(from.remote);
	}
}

static void
look(struct run *r, const char *operand)
{
	struct site_mappings ours;
	struct look l = { .r = r };

	reading(r);
	l.here = site_mappings(&ours, r->s, &r->a);
	l.here.fault = say_fault;
	l.here.entered = true;
	if (operand != NULL)
		look_at_one(&l, operand);
	else if (r->mapping != NULL)
		look_at(&l, r->mapping);
	else
		look_at_all(&l);
	if (r->verbose)
		warnx("%zu mappings", l.seen.n);
	rest(r);
	while (l.n > 0)
		mapping_free(l.v[--l.n]);
	free(l.v);
	map_free(&l.seen);
}

int
main(int argc, char *argv[])
{
	const char *path = NULL, *operand = NULL;
	struct run r = { 0 };
	bool only_look = false;
	int ch, status;

	start(argc, argv, usage);
	while ((ch = getopt(argc, argv, "lm:np:qs:v")) != -1)
		switch (ch) {
		case 'l':
			r.list = true;
			break;
		case 'm':
			r.mapping = optarg;
			break;
		case 'n':
			only_look = true;
			break;
		case 'p':
			operand = optarg;
			break;
		case 'q':
			r.quiet = true;
			break;
		case 's':
			path = optarg;
			break;
		case 'v':
			r.verbose = true;
			break;
		default:
			misuse(usage);
		}
	argv += optind;
	if ((operand != NULL && !only_look) || (only_look &&
	    (r.list || *argv != NULL)))
		misuse(usage);
	r.verbose = r.verbose && !r.quiet;
	if ((r.s = site_open(site_path(path), SITE_READ, &status)) == NULL)
		return status;
	the = &r;
	arena_init(&r.line);
	arena_init(&r.a);
	arena_init(&r.run);
	if (has_mapping(&r, !only_look && !r.list)) {
		if (only_look)
			look(&r, operand);
		else
			map_files(&r, argv);
	}
	if (db_failed(r.s->db))
		worsen(&r, TEMPFAIL);
	site_close(r.s);
	arena_free(&r.line);
	arena_free(&r.a);
	arena_free(&r.run);
	return out_close(r.status);
}
