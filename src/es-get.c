/* es-get - print documents of a site */

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sync/sync.h"

static const char usage[] =
    "usage: es-get [-Hqv] [-s site] [-C fields] [-L limit] [-O order] [-o file]\n"
    "              [-T csv] doctype [name ...] [field=value ...] [filters]\n";

enum { LIST_COLUMNS = 8 };

struct get {
	struct site	*site;
	const struct meta *meta;
	struct filter	*filter;
	struct fault	 fault;
	struct arena	 mem;
	const char	*fields, *order, *file;
	int64_t		 limit;
	bool		 table, csv, quiet, verbose;
	FILE		*out;
	int64_t		 printed, missing;
};

/* ---- operands */

/* How much of a text could be the name of a field. */
static size_t
identifier(const char *s)
{
	return strspn(s, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
}

/* The operator of field=value, with the length of the field before it; NULL
 * if the operand does not begin with a field. */
static const char *
find_operator(const struct meta *m, const char *s, size_t *len)
{
	static const char *const ops[] = { "!=", ">=", "<=", "=", ">", "<" };
	size_t i;

	*len = identifier(s);
	if (filter_kind(m, s, *len) == K_LAYOUT)
		return NULL;
	for (i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		if (strncmp(s + *len, ops[i], strlen(ops[i])) == 0)
			return ops[i];
	return NULL;
}

static bool
add_json(struct get *g, const char *s)
{
	yyjson_doc *doc;
	const char *why;

	doc = json_parse(&g->mem, s, strlen(s), &why);
	if (doc == NULL)
		return fault_set(&g->fault, "filter", "filters: %s", why);
	return filter_json(g->filter, yyjson_doc_get_root(doc));
}

static void
add_name(struct get *g, const char *name)
{
	size_t len = identifier(name);

	filter_name(g->filter, name);
	if (filter_exists(g->filter, name) || db_failed(g->site->db))
		return;
	g->missing++;
	if (len > 0 && strspn(name + len, "=!<>") > 0)
		warnx("no %s '%s', and no field '%s'", safe(g->meta->name),
		    safe(name), safen(name, len));
	else
		warnx("no %s '%s'", safe(g->meta->name), safe(name));
}

static bool
add_operand(struct get *g, const char *s)
{
	const char *op;
	size_t len;

	if (*s == '{' || *s == '[')
		return add_json(g, s);
	if ((op = find_operator(g->meta, s, &len)) != NULL)
		return filter_pair(g->filter, arena_dup(&g->mem, s, len), op,
		    s + len + strlen(op));
	add_name(g, s);
	return true;
}

/* What -H shows: the name, what the DocType shows in lists, the state. */
static bool
list_fields(struct get *g)
{
	const struct meta *m = g->meta;
	const struct field *f = m->fields;
	const char *list = "name";
	size_t i, n = 0;

	if (*m->title_field != '\0')
		list = arena_printf(&g->mem, "%s,%s", list, m->title_field);
	for (i = 0; i < m->nfields; i++, f++)
		if (f->in_list && f->kind != K_LAYOUT && n++ < LIST_COLUMNS)
			list = arena_printf(&g->mem, "%s,%s", list, f->name);
	return filter_fields(g->filter, arena_printf(&g->mem, "%s%s,modified",
	    list, m->submittable ? ",docstatus" : ""));
}

static bool
build(struct get *g, char *operands[])
{
	g->filter = filter_new(g->site, g->meta, &g->fault);
	for (; *operands != NULL; operands++)
		if (!add_operand(g, *operands))
			return false;
	if (g->fields != NULL && !g->csv && !filter_fields(g->filter, g->fields))
		return false;
	if (g->fields == NULL && g->table && !list_fields(g))
		return false;
	filter_limit(g->filter, 0, g->limit);
	return g->order == NULL || filter_order(g->filter, g->order);
}

/* ---- output */

static void
print_line(struct get *g, const char *json, size_t len)
{
	fwrite(json, 1, len, g->out);
	putc('\n', g->out);
	g->printed++;
}

static void
print_lines(struct get *g)
{
	const char *json;
	size_t len;

	while (filter_next(g->filter, &json, &len) == 1)
		print_line(g, json, len);
}

/* Whole documents of the update log: with the consumers that were sent them. */
static void
print_log(struct get *g)
{
	struct readers *r = readers_open(g->site);
	const char *json;
	struct arena a;
	size_t len;

	arena_init(&a);
	while (filter_next(g->filter, &json, &len) == 1) {
		json = readers_add(r, &a, json, &len);
		print_line(g, json, len);
		arena_reset(&a);
	}
	arena_free(&a);
	readers_close(r);
}

/* A value as people read it. */
static const char *
cell(struct arena *a, const struct meta *m, const char *field, yyjson_val *v)
{
	const char *s = yyjson_get_str(v);
	char buf[TIME_TEXT_LEN];
	int64_t time;

	if (yyjson_is_null(v))
		return "";
	if (yyjson_is_arr(v))
		return arena_printf(a, "%zu row%s", yyjson_arr_size(v),
		    yyjson_arr_size(v) == 1 ? "" : "s");
	if (s == NULL)
		return json_text(a, v, NULL);
	if (meta_field(m, field, strlen(field)) == NULL &&
	    filter_kind(m, field, strlen(field)) == K_DATETIME &&
	    time_parse(s, &time))
		return arena_dup(a, time_local(time, buf), 19);
	return s;
}

static void
print_row(struct get *g, struct table *t, const char *json, size_t len)
{
	yyjson_val *key, *v;
	struct arena row;
	yyjson_doc *doc;
	size_t i, n;

	arena_init(&row);
	doc = json_parse_own(&row, json, len);
	yyjson_obj_foreach(yyjson_doc_get_root(doc), i, n, key, v)
		table_cell(t, cell(&row, g->meta, yyjson_get_str(key), v));
	arena_free(&row);
}

static void
print_table(struct get *g)
{
	const char *const *columns, *json;
	struct table *t;
	enum kind kind;
	size_t i, n, len;

	columns = filter_columns(g->filter, &n);
	t = table_new(g->out, n);
	for (i = 0; i < n; i++) {
		kind = filter_kind(g->meta, columns[i], strlen(columns[i]));
		if (kind == K_INT || kind == K_FLOAT || kind == K_CHECK)
			table_right(t, i);
		table_cell(t, columns[i]);
	}
	while (filter_next(g->filter, &json, &len) == 1) {
		print_row(g, t, json, len);
		g->printed++;
	}
	table_end(t);
}

static bool
print_csv(struct get *g)
{
	struct csv *c = csv_write_open(g->out, g->meta, g->fields, &g->fault);
	struct arena a;
	const char *json;
	size_t len;

	if (c == NULL)
		return false;
	arena_init(&a);
	csv_write_head(c);
	while (filter_next(g->filter, &json, &len) == 1) {
		csv_write(c, yyjson_doc_get_root(json_parse_own(&a, json, len)));
		g->printed++;
		arena_reset(&a);
	}
	arena_free(&a);
	csv_close(c);
	return true;
}

static int
print(struct get *g)
{
	bool good = true;

	g->out = g->file == NULL ? stdout : out_open(g->file);
	if (g->out == NULL)
		return TEMPFAIL;
	filter_run(g->filter);
	if (g->csv)
		good = print_csv(g);
	else if (g->table)
		print_table(g);
	else if (g->fields == NULL &&
	    strcmp(g->meta->name, "Event Update Log") == 0)
		print_log(g);
	else
		print_lines(g);
	if (!good || db_failed(g->site->db)) {
		if (g->file != NULL)
			out_drop(g->out, g->file);
		if (good)
			return TEMPFAIL;
		warnx("%s", safe(g->fault.text));
		return MISUSE;
	}
	if (g->file != NULL && out_rename(g->out, g->file) == -1)
		return TEMPFAIL;
	if (g->verbose || (g->missing > 0 && !g->quiet))
		warnx("%lld document%s, %lld missing", (long long)g->printed,
		    g->printed == 1 ? "" : "s", (long long)g->missing);
	return g->missing > 0 ? REJECTED : DONE;
}

/* ---- */

static int
find_doctype(struct get *g, const char *name)
{
	g->meta = site_meta(g->site, name);
	if (db_failed(g->site->db))
		return TEMPFAIL;
	if (g->meta == NULL)
		warnx("no DocType '%s' in '%s'; es-doctype -l lists them",
		    safe(name), safe(g->site->path));
	else if (g->meta->istable)
		warnx("'%s' is the DocType of a table; its rows come with the "
		    "documents they belong to", safe(name));
	else
		return DONE;
	return MISUSE;
}

static int
get(struct get *g, const char *path, char *operands[])
{
	int status;

	g->site = site_open(path, SITE_READ, &status);
	if (g->site == NULL)
		return status;
	if (db_begin_read(g->site->db) == -1)
		return TEMPFAIL;
	if ((status = find_doctype(g, *operands)) != DONE)
		return status;
	if (!build(g, operands + 1)) {
		warnx("%s", safe(g->fault.text));
		return MISUSE;
	}
	return print(g);
}

int
main(int argc, char *argv[])
{
	struct get g = { 0 };
	const char *path = NULL;
	int ch, status;

	start(argc, argv, usage);
	while ((ch = getopt(argc, argv, "C:HL:O:o:qs:T:v")) != -1)
		switch (ch) {
		case 'C':
			g.fields = optarg;
			break;
		case 'H':
			g.table = true;
			break;
		case 'L':
			g.limit = count_option(ch, optarg, INT64_MAX);
			break;
		case 'O':
			g.order = optarg;
			break;
		case 'o':
			g.file = optarg;
			break;
		case 'q':
			g.quiet = true;
			break;
		case 's':
			path = optarg;
			break;
		case 'T':
			if (strcmp(optarg, "csv") != 0)
				errx(MISUSE, "-T knows csv, not '%s'",
				    safe(optarg));
			g.csv = true;
			break;
		case 'v':
			g.verbose = true;
			break;
		default:
			misuse(usage);
		}
	if (optind == argc || (g.csv && g.table))
		misuse(usage);

	want_text(argv + optind);
	arena_init(&g.mem);
	status = get(&g, site_path(path), argv + optind);
	filter_free(g.filter);
	site_close(g.site);
	arena_free(&g.mem);
	return out_close(status);
}
