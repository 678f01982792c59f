/* es-resync - print events that failed, to be applied again */

#include <err.h>
#include <string.h>
#include <unistd.h>

#include "sync/sync.h"

static const char usage[] =
    "usage: es-resync [-EFqvx] [-e event] [-L limit] [-p producer] [-S since]\n"
    "           [-s site] [-U until] [doctype [name ...]]\n";

/* The name of the producer whose site file that is; else the same. */
static const char *
producer_of(struct site *s, struct arena *a, const char *producer)
{
	const char *name = producer;
	struct site *file;
	int status;

	if (producer == NULL || access(producer, F_OK) == -1 ||
	    doc_number(s, "Event Producer", producer) != 0)
		return producer;
	if ((file = site_open(producer, SITE_READ, &status)) == NULL)
		return producer;
	if ((name = producer_known(s, a, file->id)) == NULL)
		name = arena_dup(a, file->address, strlen(file->address));
	site_close(file);
	return name;
}

/* Is what was asked for there at all? */
static const char *
misnamed(struct site *s, struct arena *a, const struct sync_filter *f)
{
	if (f->producer != NULL &&
	    doc_number(s, "Event Producer", f->producer) == 0)
		return arena_printf(a, "no Event Producer '%s' in '%s'",
		    safe(f->producer), safe(s->path));
	if (f->doctype != NULL && site_meta(s, f->doctype) == NULL)
		return arena_printf(a, "no DocType '%s' in '%s'; es-doctype -l "
		    "lists them", safe(f->doctype), safe(s->path));
	return NULL;
}

/* Of these words, the DocType; the names; or NULL. */
static const char *
names_of(struct arena *a, char *const *words)
{
	yyjson_mut_doc *m = yyjson_mut_doc_new(&a->alc);
	yyjson_mut_val *v = yyjson_mut_arr(m);

	if (words[0] == NULL || words[1] == NULL)
		return NULL;
	while (*++words != NULL)
		yyjson_mut_arr_add_val(v, json_new_str(m, *words));
	return json_mut_text(a, v, NULL);
}

static void
summary(const struct resync_request *r, bool verbose)
{
	if (r->lacking > 0)
		warnx("%lld events are not kept any more and are passed over; "
		    "es-pull -i gets their documents", (long long)r->lacking);
	if (verbose)
		warnx("%lld events", (long long)r->events);
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

static int
run(const char *path, struct resync_request *r, char **words, bool quiet,
    bool verbose)
{
	const char *why;
	struct arena a;
	struct site *s;
	int status;

	if ((s = site_open(path, SITE_READ, &status)) == NULL) {
		put_end(stdout, status, "the site cannot be read");
		return status;
	}
	arena_init(&a);
	db_begin_read(s->db);
	r->filter.doctype = *words;
	r->filter.producer = producer_of(s, &a, r->filter.producer);
	if ((why = misnamed(s, &a, &r->filter)) != NULL) {
		warnx("%s", why);
		status = MISUSE;
	} else {
		r->names = names_of(&a, words);
		status = resync_write(s, r) == -1 ? TEMPFAIL : DONE;
	}
	put_end(stdout, status, status == TEMPFAIL ? "the site failed" : why);
	if (!quiet)
		summary(r, verbose);
	arena_free(&a);
	site_close(s);
	return status;
}

int
main(int argc, char *argv[])
{
	struct resync_request r = { .filter = { .status = -1 }, .out = stdout,
	    .mark = RESYNC_AGAIN };
	bool failed = false, quiet = false, verbose = false;
	const char *path = NULL;
	int ch;

	start(argc, argv, usage);
	while ((ch = getopt(argc, argv, "Ee:FL:p:qS:s:U:vx")) != -1)
		switch (ch) {
		case 'E':
			failed = true;
			break;
		case 'e':
			r.filter.event = optarg;
			break;
		case 'F':
		case 'x':
			if (r.mark != RESYNC_AGAIN)
				misuse(usage);
			r.mark = ch == 'F' ? RESYNC_FORCE : RESYNC_WITHDRAW;
			break;
		case 'L':
			r.filter.limit = count_option(ch, optarg, INT64_MAX);
			break;
		case 'p':
			r.filter.producer = optarg;
			break;
		case 'q':
			quiet = true;
			break;
		case 'S':
			r.filter.since = moment(ch, optarg);
			break;
		case 's':
			path = optarg;
			break;
		case 'U':
			r.filter.until = moment(ch, optarg);
			break;
		case 'v':
			verbose = true;
			break;
		default:
			misuse(usage);
		}
	argv += optind;
	want_text(argv);
	r.applied = !failed && (*argv != NULL || r.filter.event != NULL);
	return out_close(run(site_path(path), &r, argv, quiet, verbose));
}
