/* option.c - what every program does with its arguments */

#include <err.h>
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/base.h"

static const char *synopsis;

static void
answer(int argc, char *argv[])
{
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0) {
			fputs(synopsis, stdout);
			exit(out_close(DONE));
		} else if (strcmp(argv[i], "--version") == 0) {
			printf("%s %s\n", program_invocation_short_name,
			    ES_VERSION);
			exit(out_close(DONE));
		}
}

void
start(int argc, char *argv[], const char *usage)
{
	struct rlimit none = { 0, 0 };

	synopsis = usage;
	setlocale(LC_CTYPE, "");
	umask(077);
	setrlimit(RLIMIT_CORE, &none);
	setvbuf(stdout, NULL, _IOFBF, 64 << 10);
	answer(argc, argv);
}

void
misuse(const char *usage)
{
	fputs(usage, stderr);
	exit(MISUSE);
}

void
want_text(char *const *operands)
{
	for (; *operands != NULL; operands++)
		if (!text_is_utf8(*operands, strlen(*operands)))
			errx(MISUSE, "'%s' is not UTF-8", safe(*operands));
}

int64_t
count_option(int ch, const char *arg, int64_t max)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(arg, &end, 10);
	if (errno != 0 || end == arg || *end != '\0' || n < 1 || n > max)
		errx(MISUSE, "-%c wants a count from 1 to %lld, not '%s'", ch,
		    (long long)max, safe(arg));
	return n;
}
