/* es-init - make a site file */

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "site/site.h"

static const char usage[] = "usage: es-init [-q] [-s site] [address]\n"
    "       es-init -u [-s site]\n"
    "       es-init -R [-q] [-s site]\n";

/* The file's name without directory and ending. */
static char *
address_of(const char *path)
{
	const char *base = strrchr(path, '/');
	char *name = xstrdup(base == NULL ? path : base + 1);
	char *dot = strrchr(name, '.');

	if (dot != NULL && dot != name)
		*dot = '\0';
	return name;
}

static void
check_address(const char *address)
{
	if (*address == '\0' || strlen(address) > 140 ||
	    strcmp(safe(address), address) != 0 ||
	    strpbrk(address, " \t\n\"'<>") != NULL)
		errx(MISUSE, "'%s' cannot be an address: give a URL or a word",
		    safe(address));
	if (strchr(address, '@') != NULL && strstr(address, "://") != NULL)
		errx(MISUSE, "an address has no user or password in it");
}

/* What an older copy may have brought to life again, for the administrator to
 * look at: nobody can tell. */
static void
list_consumers(struct site *s, struct arena *a)
{
	const struct meta *m = site_meta(s, "Event Consumer");
	char **names = consumer_names(s, a, NULL);
	struct consumer c;
	const char *user;
	struct doc d;
	size_t i;
	bool any;

	for (; *names != NULL; names++) {
		if (!consumer_load(s, a, *names, &c) ||
		    !doc_find(s, a, m, *names, true, &d))
			continue;
		user = json_str(yyjson_doc_get_root(json_parse_own(a, d.data,
		    d.len)), "user");
		printf("Event Consumer '%s', user '%s', may have:", safe(*names),
		    user == NULL ? "" : safe(user));
		for (any = false, i = 0; i < c.ngrants; i++)
			if (c.grants[i].active && (i + 1 == c.ngrants ||
			    strcmp(c.grants[i + 1].doctype,
			    c.grants[i].doctype) != 0)) {
				printf("%s %s", any ? "," : "",
				    safe(c.grants[i].doctype));
				any = true;
			}
		puts(any ? "" : " nothing");
	}
}

static void
list_keys(struct site *s)
{
	struct fault fault;
	struct filter *f = filter_new(s, site_meta(s, "User"), &fault);
	const char *text;
	yyjson_doc *doc;
	struct arena a;
	size_t len;

	arena_init(&a);
	filter_pair(f, "api_key", "is", "set");
	filter_pair(f, "enabled", "=", "1");
	filter_run(f);
	while (filter_next(f, &text, &len) == 1) {
		doc = json_parse_own(&a, arena_dup(&a, text, len), len);
		printf("User '%s' has the key %s\n",
		    safe(json_str(yyjson_doc_get_root(doc), "name")),
		    safe(json_str(yyjson_doc_get_root(doc), "api_key")));
		arena_reset(&a);
	}
	filter_free(f);
	arena_free(&a);
}

static int
restored(const char *path, bool quiet)
{
	struct arena a;
	struct site *s;
	int status;

	if ((s = site_open(path, SITE_WRITE, &status)) == NULL)
		return status;
	arena_init(&a);
	if (site_begin(s) == -1 || restored_open(s) == -1 ||
	    site_commit(s) == -1)
		status = TEMPFAIL;
	else if (!quiet) {
		printf("%s: noted that it was restored from an older copy; "
		    "what was taken back since is there again:\n", safe(path));
		list_consumers(s, &a);
		list_keys(s);
		printf("next, at each site that has documents of it: "
		    "es-producer-log -B %s -s file\n"
		    "and what that prints here into: es-apply -B -s %s\n",
		    safe(s->address), safe(path));
	}
	site_close(s);
	arena_free(&a);
	return status;
}

int
main(int argc, char *argv[])
{
	const char *path = NULL;
	bool upgrade = false, restore = false, quiet = false;
	char *address;
	int ch, status;

	start(argc, argv, usage);
	while ((ch = getopt(argc, argv, "qRs:u")) != -1)
		switch (ch) {
		case 'q':
			quiet = true;
			break;
		case 'R':
			restore = true;
			break;
		case 's':
			path = optarg;
			break;
		case 'u':
			upgrade = true;
			break;
		default:
			misuse(usage);
		}
	argc -= optind;
	argv += optind;
	path = site_path(path);
	if (argc > (upgrade || restore ? 0 : 1) || (upgrade && restore))
		misuse(usage);
	if (restore)
		return out_close(restored(path, quiet));
	if (upgrade)
		return out_close(site_upgrade(path));
	address = argc == 1 ? xstrdup(argv[0]) : address_of(path);
	check_address(address);
	status = site_create(path, address);
	if (status == DONE && !quiet)
		printf("%s: site '%s' made; next: es-doctype -s %s file ...\n",
		    safe(path), safe(address), safe(path));
	free(address);
	return out_close(status);
}
