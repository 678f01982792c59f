/* es-sync-log - show what was synced, and what was not */

#include <err.h>
#include <string.h>
#include <unistd.h>

#include "site/site.h"

static const char usage[] =
    "usage: es-sync-log [-EHv] [-s site] [-e event] [-L limit] [-p producer]\n"
    "                   [-S since] [-U until] [doctype [name]]\n";

static int
print_lines(struct site *site, const struct sync_filter *filter, bool with_data)
{
	struct query *q = sync_list(site, filter);
	struct arena row;
	yyjson_mut_doc *doc;
	struct sync log;
	size_t len;
	char *text;
	int n = 0;

	arena_init(&row);
	while (sync_next(site, q, &log) == 1) {
		doc = yyjson_mut_doc_new(&row.alc);
		text = json_mut_text(&row, sync_doc(site, &row, doc, &log,
		    with_data), &len);
		fwrite(text, 1, len, stdout);
		putchar('\n');
		arena_reset(&row);
		n = 1;
	}
	arena_free(&row);
	return n;
}

static const char *
value_text(struct arena *a, yyjson_val *v)
{
	size_t len;

	if (v == NULL || yyjson_is_null(v))
		return "nothing";
	return yyjson_is_str(v) ? arena_printf(a, "'%s'", yyjson_get_str(v)) :
	    json_text(a, v, &len);
}

/* title 'a' of the producer, not 'b' */
static void
add_lost(struct buf *b, struct arena *a, yyjson_val *v)
{
	const char *table = json_str(v, "table"), *row = json_str(v, "row");
	const char *field = json_str(v, "field"), *by = json_str(v, "winner");

	if (table != NULL)
		buf_printf(b, "%s %s%s", table, row == NULL ? "" : row,
		    field == NULL ? "" : " ");
	buf_printf(b, "%s %s of %s, not %s", field == NULL ? "" : field,
	    value_text(a, yyjson_obj_get(v, "kept")),
	    by != NULL && strcmp(by, "here") == 0 ? "here" : "the producer",
	    value_text(a, yyjson_obj_get(v, "lost")));
}

/* The last column: what went wrong, and what a conflict put aside. */
static void
print_why(struct table *t, const struct sync *log)
{
	struct buf b = { 0 };
	yyjson_val *list, *v;
	struct arena a;
	size_t i, n;

	if (log->lost == NULL) {
		table_text(t, log->error);
		return;
	}
	arena_init(&a);
	if (log->error != NULL)
		buf_printf(&b, "%s", log->error);
	list = yyjson_doc_get_root(json_parse_own(&a, arena_dup(&a, log->lost,
	    strlen(log->lost)), strlen(log->lost)));
	yyjson_arr_foreach(list, i, n, v) {
		buf_printf(&b, "%s", b.len > 0 ? "; " : "");
		add_lost(&b, &a, v);
	}
	table_text(t, b.len == 0 ? NULL : b.p);
	buf_free(&b);
	arena_free(&a);
}

static void
print_row(struct table *t, const struct sync *log, bool more)
{
	char time[TIME_TEXT_LEN];

	time_local(log->time, time);
	time[19] = '\0';
	table_cell(t, time);
	table_cell(t, log->status == SYNCED ? "Synced" : "Failed");
	/* A line that was no event has no type. */
	table_cell(t, log->type < 0 ? NULL : update_text[log->type]);
	table_cell(t, log->doctype);
	table_cell(t, log->docname != NULL ? log->docname : log->remote);
	table_cell(t, log->producer);
	if (more) {
		table_cell(t, log->remote);
		table_cell(t, log->event);
	}
	print_why(t, log);
}

static int
print_table(struct site *site, const struct sync_filter *filter, bool more)
{
	static const char *const heads[] = { "creation", "status",
	    "update_type", "ref_doctype", "docname", "event_producer",
	    "producer_doc", "event", "error" };
	struct query *q = sync_list(site, filter);
	struct table *t = table_new(stdout, more ? 9 : 7);
	struct sync log;
	int i, n = 0;

	for (i = 0; i < 9; i++)
		if (more || i < 6 || i == 8)
			table_cell(t, heads[i]);
	for (; sync_next(site, q, &log) == 1; n = 1)
		print_row(t, &log, more);
	table_end(t);
	return n;
}

/* Nothing was found: because what was asked for does not exist? */
static int
misnamed(struct site *site, const struct sync_filter *f)
{
	if (f->producer != NULL &&
	    doc_number(site, "Event Producer", f->producer) == 0)
		warnx("no Event Producer '%s' in '%s'", safe(f->producer),
		    safe(site->path));
	else if (f->doctype != NULL && site_meta(site, f->doctype) == NULL)
		warnx("no DocType '%s' in '%s'; es-doctype -l lists them",
		    safe(f->doctype), safe(site->path));
	else
		return DONE;
	return MISUSE;
}

static int
show(const char *path, const struct sync_filter *filter, bool table, bool more)
{
	struct site *site;
	int status, n;

	site = site_open(path, SITE_READ, &status);
	if (site == NULL)
		return status;
	db_begin_read(site->db);
	n = table ? print_table(site, filter, more) :
	    print_lines(site, filter, more);
	if (n == 0)
		status = misnamed(site, filter);
	if (db_failed(site->db))
		status = TEMPFAIL;
	site_close(site);
	return status;
}

static int64_t
moment(int ch, const char *arg)
{
	int64_t time;

	if (!time_option(arg, &time))
		errx(MISUSE, "-%c wants a time such as today, -2d or "
		    "2026-08-01, not '%s'", ch, safe(arg));
	return time;
}

int
main(int argc, char *argv[])
{
	struct sync_filter filter = { .status = -1 };
	const char *path = NULL;
	bool table = false, more = false;
	int ch;

	start(argc, argv, usage);
	while ((ch = getopt(argc, argv, "Ee:HL:p:S:s:U:v")) != -1)
		switch (ch) {
		case 'E':
			filter.status = FAILED;
			break;
		case 'e':
			filter.event = optarg;
			break;
		case 'H':
			table = true;
			break;
		case 'L':
			filter.limit = count_option(ch, optarg, INT64_MAX);
			break;
		case 'p':
			filter.producer = optarg;
			break;
		case 'S':
			filter.since = moment(ch, optarg);
			break;
		case 's':
			path = optarg;
			break;
		case 'U':
			filter.until = moment(ch, optarg);
			break;
		case 'v':
			more = true;
			break;
		default:
			misuse(usage);
		}
	argc -= optind;
	argv += optind;
	want_text(argv);
	if (argc > 2)
		misuse(usage);
	if (argc > 0)
		filter.doctype = argv[0];
	if (argc > 1)
		filter.name = argv[1];
	return out_close(show(site_path(path), &filter, table, more));
}
