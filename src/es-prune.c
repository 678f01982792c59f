/* es-prune - drop data of the update log that all consumers have */

#include <err.h>
#include <stdlib.h>
#include <unistd.h>

#include "sync/sync.h"

static const char usage[] = "usage: es-prune [-nqv] [-s site] [-U until]\n";

/* Up to where; 0 if nothing may go, and why. */
static int64_t
confirmed(struct site *s, bool quiet)
{
	const char *name;
	struct arena a;
	int64_t at;

	arena_init(&a);
	at = consumers_confirmed(s, &a, &name);
	if (at == -1 && !quiet)
		warnx("no Event Consumer of '%s' has an approved row: nothing "
		    "is dropped; -U drops what is older than a time",
		    safe(s->path));
	else if (at == 0 && !quiet)
		warnx("'%s' has not asked for anything yet: nothing is dropped; "
		    "-U drops despite it", safe(name));
	arena_free(&a);
	return at > 0 ? at : 0;
}

static void
summary(const struct prune *p)
{
	char t[TIME_TEXT_LEN];

	if (p->upto == 0)
		return;
	warnx("%lld entries up to %s%s their data, %lld bytes; %lld of "
	    "documents that several sites wrote keep it",
	    (long long)p->entries, time_local(p->upto, t),
	    p->dry ? " would lose" : " lost", (long long)p->bytes,
	    (long long)p->kept);
}

int
main(int argc, char *argv[])
{
	struct prune p = { 0 };
	const char *path = NULL, *until = NULL;
	bool quiet = false, verbose = false;
	char name[ID_LEN + 1];
	int ch, r = 0, status;

	start(argc, argv, usage);
	while ((ch = getopt(argc, argv, "nqs:U:v")) != -1)
		switch (ch) {
		case 'n':
			p.dry = true;
			break;
		case 'q':
			quiet = true;
			break;
		case 's':
			path = optarg;
			break;
		case 'U':
			until = optarg;
			break;
		case 'v':
			verbose = true;
			break;
		default:
			misuse(usage);
		}
	if (optind != argc)
		misuse(usage);
	if (until != NULL && !time_option(until, &p.upto))
		errx(MISUSE, "-U wants a time, as -30d or 2026-08-01, not '%s'",
		    safe(until));
	if ((p.s = site_open(site_path(path), p.dry ? SITE_READ : SITE_WRITE,
	    &status)) == NULL)
		return status;
	/* -U: logged before then, as es-producer-log has it. */
	p.upto = until != NULL ? journal_floor(p.s, p.upto - 1, name) :
	    confirmed(p.s, quiet);
	if (until != NULL && p.upto == 0 && verbose && !quiet)
		warnx("nothing was logged before then");
	do
		r = p.upto == 0 ? 0 : prune_some(&p);
	while (r == 1);
	if (r == 0 && (verbose || p.dry) && !quiet)
		summary(&p);
	site_close(p.s);
	return out_close(r == -1 ? TEMPFAIL : DONE);
}
