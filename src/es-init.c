/* es-init - make a site file */

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "site/site.h"

static const char usage[] = "usage: es-init [-q] [-s site] [address]\n"
    "       es-init -u [-s site]\n";

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

int
main(int argc, char *argv[])
{
	const char *path = NULL;
	bool upgrade = false, quiet = false;
	char *address;
	int ch, status;

	start(argc, argv, usage);
	while ((ch = getopt(argc, argv, "qs:u")) != -1)
		switch (ch) {
		case 'q':
			quiet = true;
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
	if (argc > (upgrade ? 0 : 1))
		misuse(usage);
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
