/* crypt - tests of src/base/crypt.c */

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/base.h"

#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static struct arena mem;
static int failed, count;

static void
ok(bool good, const char *what)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++count, what);
	failed += !good;
}

static void
test_random(void)
{
	char a[SECRET_LEN + 1], b[SECRET_LEN + 1];
	unsigned char zero[32] = { 0 }, bytes[32] = { 0 };

	secret_new(a);
	secret_new(b);
	ok(strlen(a) == SECRET_LEN && strspn(a, "0123456789abcdef") ==
	    SECRET_LEN, "a secret is 64 hexadecimal digits");
	ok(strcmp(a, b) != 0, "the next one is another");
	crypt_random(bytes, sizeof(bytes));
	ok(memcmp(bytes, zero, sizeof(bytes)) != 0, "random bytes");
}

static const struct {
	const char	*kept, *secret;
	bool		 is;
	const char	*what;
} secrets[] = {
	{ "sha256:" ABC, "abc", true, "a hash and its secret" },
	{ "sha256:" ABC, "abd", false, "another" },
	{ "sha256:" ABC, "", false, "none" },
	{ "sha256:" ABC, "sha256:" ABC, false, "the hash is no secret" },
	{ "sha256:" ABC, ABC, false, "nor is its digest" },
	{ "abc", "abc", true, "a secret kept in clear" },
	{ "abc", "abcd", false, "a longer one" },
	{ "abc", "ab", false, "a shorter one" },
	{ "abc", "ABC", false, "case counts" },
	{ "sha256:abc", "sha256:abc", true, "what only looks like a hash" },
	{ NULL, "abc", false, "nothing kept" },
	{ NULL, "", false, "nothing kept, nothing given" },
	{ "", "", false, "an empty secret is none" },
	{ "", "abc", false, "an empty one kept" },
};

static void
test_secrets(void)
{
	size_t i;

	ok(strcmp(secret_hash(&mem, "abc"), "sha256:" ABC) == 0, "SHA-256");
	ok(strcmp(secret_hash(&mem, ""), "sha256:" EMPTY) == 0, "of nothing");
	for (i = 0; i < sizeof(secrets) / sizeof(*secrets); i++)
		ok(secret_is(secrets[i].kept, secrets[i].secret) ==
		    secrets[i].is, secrets[i].what);
}

static int
by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The median of many runs: what disturbs one does not count. */
static double
cost(const char *kept, const char *secret)
{
	enum { RUNS = 501, CALLS = 20 };
	static double took[RUNS];
	struct timespec from, to;
	int i, k;

	for (i = 0; i < RUNS; i++) {
		clock_gettime(CLOCK_MONOTONIC, &from);
		for (k = 0; k < CALLS; k++)
			secret_is(kept, secret);
		clock_gettime(CLOCK_MONOTONIC, &to);
		took[i] = (to.tv_sec - from.tv_sec) * 1e9 +
		    (to.tv_nsec - from.tv_nsec);
	}
	qsort(took, RUNS, sizeof(*took), by_value);
	return took[RUNS / 2] / CALLS;
}

/* A rough guard against an early end, which would be tens of times faster. */
static void
test_cost(void)
{
	char secret[SECRET_LEN + 1];
	const char *kept;
	double right, none;

	secret_new(secret);
	kept = secret_hash(&mem, secret);
	right = cost(kept, secret);
	none = cost(NULL, secret);
	ok(none > right / 3 && right > none / 3,
	    "no secret kept costs what the right one does");
}

static const struct {
	const char	*text, *bytes;
} base64[] = {
	{ "YQ==", "a" },
	{ "YWI=", "ab" },
	{ "YWJj", "abc" },
	{ "a2V5OnNlY3JldA==", "key:secret" },
	{ "/+8=", "\xff\xef" },
	{ "", NULL },
	{ "YQ", NULL },
	{ "YQ=", NULL },
	{ "Y===", NULL },
	{ "====", NULL },
	{ "YQ==YQ==", NULL },
	{ "YW=j", NULL },
	{ " YWJj", NULL },
	{ "YWJj\n", NULL },
	{ "YWJj\nYWJj", NULL },
	{ "_-8=", NULL },
	{ "YQBi", NULL },		/* a, NUL, b */
	{ "AA==", NULL },
	{ "YW\xc3\xa4", NULL },
};

static void
test_base64(void)
{
	char *got, what[64];
	size_t i;

	for (i = 0; i < sizeof(base64) / sizeof(*base64); i++) {
		got = base64_decode(&mem, base64[i].text);
		snprintf(what, sizeof(what), "base 64, case %zu", i);
		ok(base64[i].bytes == NULL ? got == NULL : got != NULL &&
		    strcmp(got, base64[i].bytes) == 0, what);
	}
}

int
main(void)
{
	arena_init(&mem);
	test_random();
	test_secrets();
	test_cost();
	test_base64();
	printf("1..%d\n", count);
	arena_free(&mem);
	return failed != 0;
}
