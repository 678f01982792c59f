/* es-mv - rename a document of a site */

#include <err.h>
#include <stdlib.h>
#include <unistd.h>

#include "sync/sync.h"

static const char usage[] =
    "usage: es-mv [-nqv] [-s site] doctype old new\n";

int
main(int argc, char *argv[])
{
	const char *path = NULL;
	bool dry = false, quiet = false, verbose = false;
	const struct meta *m;
	struct fault fault;
	struct arena a;
	struct site *s;
	int64_t begun, entry;
	enum put_result r;
	size_t len = 0;
	char *text = NULL;
	FILE *out;
	int ch, status;

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
	want_text(argv);
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
	/* Its event is printed when it is committed. */
	out = open_memstream(&text, &len);
	if (r == PUT_FAILED || (!quiet && produce_since(s, out, begun) == -1))
		return TEMPFAIL;
	fclose(out);
	if (dry || r == PUT_REFUSED)
		site_rollback(s);
	else if (site_commit(s) == -1)
		return TEMPFAIL;
	status = r == PUT_REFUSED ? REJECTED : DONE;
	fwrite(text, 1, len, stdout);
	free(text);
	if (!quiet)
		put_end(stdout, status, NULL);
	if (verbose && r != PUT_REFUSED)
		warnx("%s '%s' %s '%s'%s", safe(argv[0]), safe(argv[1]),
		    r == PUT_SAME ? "is already" : "is now", safe(argv[2]),
		    dry ? "; nothing was changed (-n)" : "");
	arena_free(&a);
	site_close(s);
	return out_close(status);
}
