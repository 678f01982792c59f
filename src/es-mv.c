/* es-mv - rename a document of a site */

#include <err.h>
#include <unistd.h>

#include "sync/sync.h"

static const char usage[] = "usage: es-mv [-nq] [-s site] doctype old new\n";

int
main(int argc, char *argv[])
{
	const char *path = NULL;
	bool dry = false, quiet = false;
	const struct meta *m;
	struct fault fault;
	struct arena a;
	struct site *s;
	int64_t begun, entry;
	enum put_result r;
	int ch, status;

	start(argc, argv, usage);
	while ((ch = getopt(argc, argv, "nqs:")) != -1)
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
		default:
			misuse(usage);
		}
	argc -= optind;
	argv += optind;
	if (argc != 3)
		misuse(usage);
	if ((s = site_open(site_path(path), SITE_WRITE, &status)) == NULL)
		return status;
	if ((m = site_meta(s, argv[0])) == NULL)
		errx(MISUSE, "no DocType '%s' in '%s'; es-doctype -l lists "
		    "them", safe(argv[0]), safe(s->path));
	arena_init(&a);
	if (site_begin(s) == -1)
		return TEMPFAIL;
	begun = s->newest;
	r = local_rename(s, &a, m, argv[1], argv[2], "Administrator", &entry,
	    &fault);
	if (r == PUT_REFUSED)
		warnx("%s", safe(fault.text));
	if (r == PUT_FAILED || (!quiet && produce_since(s, stdout, begun) == -1))
		return TEMPFAIL;
	if (dry || r == PUT_REFUSED)
		site_rollback(s);
	else if (site_commit(s) == -1)
		_exit(TEMPFAIL);	/* what stdout holds did not happen */
	status = r == PUT_REFUSED ? REJECTED : DONE;
	if (!quiet)
		put_end(stdout, status, NULL);
	arena_free(&a);
	site_close(s);
	return out_close(status);
}
