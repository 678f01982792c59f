/* es-apply - apply events to a site */

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sync/sync.h"

static const char usage[] =
    "usage: es-apply [-nqv] [-p producer] [-s site] [file ...]\n"
    "       es-apply -B [-nqv] [-s site] [file ...]\n";

static struct apply *the;		/* for the reader that would wait */

static void
idle(void)
{
	apply_flush(the);
	fflush(stdout);
}

static int
apply_file(struct apply *a, int fd, const char *name)
{
	const char *shown = safe(name);
	size_t n = strlen(shown) + 1;
	char *at = xmalloc(n + 21);	/* stdin:12 */
	struct ndjson in;
	int r, status = 0;

	memcpy(at, shown, n - 1);
	at[n - 1] = ':';
	ndjson_open(&in, fd, name);
	in.idle = idle;
	while (status == 0 && (r = ndjson_line(&in)) != 0) {
		text_int(at + n, in.lineno);
		if (r == -2)
			apply_reject(a, at, "the line is longer than 16 MiB",
			    in.line, in.len);
		else
			status = apply_line(a, at, in.line, in.len);
	}
	if (status == 0)
		status = apply_eof(a);
	free(in.buf);
	free(at);
	return status;
}

static void
summary(const struct apply_counts *c, bool dry)
{
	fprintf(stderr, "%s: %lld events: %lld applied, %lld parked, "
	    "%lld refused, %lld rejected, %lld known or not subscribed%s\n",
	    program_invocation_short_name, (long long)c->events,
	    (long long)c->applied, (long long)c->parked, (long long)c->refused,
	    (long long)c->rejected, (long long)c->skipped,
	    dry ? "; nothing was changed (-n)" : "");
}

int
main(int argc, char *argv[])
{
	struct apply_options o = { .out = stdout };
	struct apply_counts counts;
	const char *path = NULL;
	bool verbose = false;
	struct site *s;
	FILE *fp;
	int ch, i, status;

	start(argc, argv, usage);
	while ((ch = getopt(argc, argv, "Bnp:qs:v")) != -1)
		switch (ch) {
		case 'B':
			o.back = true;
			break;
		case 'n':
			o.dry = true;
			break;
		case 'p':
			o.producer = optarg;
			break;
		case 'q':
			o.out = NULL;
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
	if (o.back && o.producer != NULL)
		misuse(usage);
	if ((s = site_open(site_path(path), SITE_WRITE, &status)) == NULL)
		return status;
	the = apply_open(s, &o);
	status = 0;
	if (argc == 0)
		status = apply_file(the, STDIN_FILENO, "stdin");
	for (i = 0; i < argc && status == 0; i++) {
		if (strcmp(argv[i], "-") == 0) {
			status = apply_file(the, STDIN_FILENO, "stdin");
			continue;
		}
		if ((fp = fopen(argv[i], "re")) == NULL)
			err(TEMPFAIL, "cannot open '%s'", safe(argv[i]));
		status = apply_file(the, fileno(fp), argv[i]);
		fclose(fp);
	}
	status = apply_close(the, &counts);
	if (verbose || status != DONE)
		summary(&counts, o.dry);
	site_close(s);
	return out_close(status);
}
