/* es-rm - delete documents of a site */

#include <err.h>
#include <stdlib.h>
#include <unistd.h>

#include "sync/sync.h"

static const char usage[] = "usage: es-rm [-nqv] [-s site] doctype name ...\n";

struct rm {
	struct site	*s;
	const char	*doctype;
	char		**names;	/* NULL where it is gone */
	int		 n;
	struct arena	 a;
	int		 gone, refused;
};

/* One pass over the names that are left; how many went, -1 if the site failed.
 * Metas do not outlive a delete of a customisation. */
static int
pass(struct rm *r, bool tell)
{
	int i, was = r->gone;
	struct fault fault;
	int64_t entry;

	for (i = 0; i < r->n; i++) {
		if (r->names[i] == NULL)
			continue;
		switch (local_delete(r->s, &r->a, site_meta(r->s, r->doctype),
		    r->names[i], "Administrator", &entry, &fault)) {
		case PUT_UPDATED:
			r->gone++;
			r->names[i] = NULL;
			break;
		case PUT_FAILED:
			return -1;
		default:
			if (!tell)
				continue;
			warnx("%s", safe(fault.text));
			r->refused++;
		}
	}
	return r->gone - was;
}

/* In any order: what another of them links to goes after that one.  The events
 * are printed when they are certain. */
static int
delete(struct rm *r, bool dry, bool quiet)
{
	char *text = NULL;
	size_t len = 0;
	int64_t begun;
	FILE *out;
	int n;

	if (site_begin(r->s) == -1)
		return -1;
	begun = r->s->newest;
	while ((n = pass(r, false)) > 0)
		;
	if (n == -1 || pass(r, true) == -1)
		return -1;
	out = open_memstream(&text, &len);
	if (!quiet && produce_since(r->s, out, begun) == -1)
		return -1;
	fclose(out);
	if (dry)
		site_rollback(r->s);
	else if (site_commit(r->s) == -1)
		return -1;
	fwrite(text, 1, len, stdout);
	free(text);
	return 0;
}

int
main(int argc, char *argv[])
{
	const char *path = NULL;
	bool dry = false, quiet = false, verbose = false;
	struct rm r = { 0 };
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
	if (argc < 2)
		misuse(usage);
	r.doctype = argv[0];
	r.names = argv + 1;
	r.n = argc - 1;
	if ((r.s = site_open(site_path(path), SITE_WRITE, &status)) == NULL)
		return status;
	if (site_meta(r.s, r.doctype) == NULL)
		errx(MISUSE, "no DocType '%s' in '%s'; es-doctype -l lists "
		    "them", safe(r.doctype), safe(r.s->path));
	arena_init(&r.a);
	status = delete(&r, dry, quiet) == -1 ? TEMPFAIL :
	    r.refused > 0 ? REJECTED : DONE;
	if (!quiet)
		put_end(stdout, status, NULL);
	if (verbose || r.refused > 0)
		warnx("%d deleted, %d refused%s", r.gone, r.refused,
		    dry ? "; nothing was changed (-n)" : "");
	site_close(r.s);
	arena_free(&r.a);
	return out_close(status);
}
