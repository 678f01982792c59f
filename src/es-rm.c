/* es-rm - delete documents of a site */

#include <err.h>
#include <unistd.h>

#include "sync/sync.h"

static const char usage[] = "usage: es-rm [-nqv] [-s site] doctype name ...\n";

int
main(int argc, char *argv[])
{
	const char *path = NULL, *doctype;
	bool dry = false, quiet = false, verbose = false;
	const struct meta *m;
	struct fault fault;
	struct arena a;
	struct site *s;
	int64_t begun, entry;
	int ch, i, status, gone = 0, refused = 0;

	start(argc, argv, usage);
	while ((ch = getopt(argc, argv, "nqs:v")) != -1)
		switch (ch) {
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
			verbose = true;
			break;
		default:
			misuse(usage);
		}
	argc -= optind;
	argv += optind;
	if (argc < 2)
		misuse(usage);
	doctype = argv[0];
	if ((s = site_open(site_path(path), SITE_WRITE, &status)) == NULL)
		return status;
	if ((m = site_meta(s, doctype)) == NULL)
		errx(MISUSE, "no DocType '%s' in '%s'", safe(doctype),
		    safe(s->path));
	arena_init(&a);
	if (site_begin(s) == -1)
		return TEMPFAIL;
	begun = s->newest;
	for (i = 1; i < argc; i++)
		switch (local_delete(s, &a, m, argv[i], "Administrator", &entry,
		    &fault)) {
		case PUT_UPDATED:
			gone++;
			break;
		case PUT_FAILED:
			return TEMPFAIL;
		default:
			warnx("%s", safe(fault.text));
			refused++;
		}
	if (!quiet && produce_since(s, stdout, begun) == -1)
		return TEMPFAIL;
	if (dry)
		site_rollback(s);
	else if (site_commit(s) == -1)
		_exit(TEMPFAIL);	/* what stdout holds did not happen */
	if (!quiet)
		put_end(stdout, refused > 0 ? REJECTED : DONE, NULL);
	if (verbose || refused > 0)
		warnx("%d deleted, %d refused%s", gone, refused,
		    dry ? "; nothing was changed (-n)" : "");
	arena_free(&a);
	site_close(s);
	return out_close(refused > 0 ? REJECTED : DONE);
}
