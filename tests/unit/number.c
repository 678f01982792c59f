/* number - tests of src/base/number.c: "number [SEED]" */

#include <stdlib.h>
#include <string.h>

#include "base/base.h"

enum { ROUNDS = 200000 };

static int failed, count;

static void
ok(bool good, const char *what)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++count, what);
	failed += !good;
}

static const struct {
	const char	*token;
	bool		 valid, whole;
} tokens[] = {
	{ "0", true, true },
	{ "-0", true, true },
	{ "5", true, true },
	{ "-17", true, true },
	{ "5.0", true, true },
	{ "5.5", true, false },
	{ "50e-1", true, true },
	{ "55e-1", true, false },
	{ "0.05e2", true, true },
	{ "0.05E+1", true, false },
	{ "1e400", true, true },
	{ "1e-400", true, false },
	{ "0e-400", true, true },
	{ "0.000", true, true },
	{ "1200.00e-2", true, true },
	{ "1e99999999999999999999", true, true },
	{ "1e-99999999999999999999", true, false },
	{ "", false, false },
	{ "-", false, false },
	{ "+1", false, false },
	{ "01", false, false },
	{ "-01", false, false },
	{ ".5", false, false },
	{ "5.", false, false },
	{ "5.e1", false, false },
	{ "1e", false, false },
	{ "1e+", false, false },
	{ "1e1.0", false, false },
	{ "1 ", false, false },
	{ " 1", false, false },
	{ "0x10", false, false },
	{ "NaN", false, false },
	{ "Infinity", false, false },
	{ "1,5", false, false },
};

static const struct {
	const char	*a, *b;
	int		 sign;		/* of a - b */
} pairs[] = {
	{ "1", "1", 0 },
	{ "1", "1.0", 0 },
	{ "1", "1e0", 0 },
	{ "10", "1E+1", 0 },
	{ "0.1", "1e-1", 0 },
	{ "100", "0.001e5", 0 },
	{ "0", "-0", 0 },
	{ "0", "-0.00e9", 0 },
	{ "0e999999999999", "0", 0 },
	{ "0.10", "0.1", 0 },
	{ "12.50", "1250e-2", 0 },
	{ "1", "2", -1 },
	{ "2", "10", -1 },
	{ "-2", "-10", 1 },
	{ "-1", "1", -1 },
	{ "-1", "0", -1 },
	{ "1e-400", "0", 1 },
	{ "-1e-400", "0", -1 },
	{ "1e400", "1e401", -1 },
	{ "1e400", "9.99e399", 1 },
	{ "-1e400", "-1e401", 1 },
	{ "1.05", "1.5", -1 },
	{ "10.5", "1.05e1", 0 },
	{ "0.09", "0.1", -1 },
	{ "99.999", "100", -1 },
	{ "12345678901234567890", "12345678901234567891", -1 },
	{ "0.1", "0.1000000000000000000000000000000001", -1 },
	{ "9007199254740993", "9007199254740992", 1 },
	{ "9007199254740993", "9007199254740993.0", 0 },
	{ "1e99999999999999999999", "1e9999", 1 },
	{ "1e-99999999999999999999", "1e-9999", -1 },
	{ "1e-99999999999999999999", "0", 1 },
	{ "1e99999999999999999999", "1e88888888888888888888", 0 },
};

static int
sign(int n)
{
	return n < 0 ? -1 : n > 0;
}

static int
compare(const char *a, const char *b)
{
	return sign(number_compare(a, strlen(a), b, strlen(b)));
}

static void
test_tokens(void)
{
	const char *s;
	char what[80];
	size_t i, n;

	for (i = 0; i < sizeof(tokens) / sizeof(*tokens); i++) {
		s = tokens[i].token;
		n = strlen(s);
		snprintf(what, sizeof(what), "'%s' is %s", s,
		    tokens[i].whole ? "whole" :
		    tokens[i].valid ? "a number" : "no number");
		ok(number_valid(s, n) == tokens[i].valid &&
		    number_whole(s, n) == tokens[i].whole, what);
	}
	ok(number_valid("12x", 2) && number_whole("5.0.", 3) &&
	    number_compare("19", 1, "1e5", 1) == 0,
	    "nothing is read behind the end");
}

static void
test_pairs(void)
{
	char what[120];
	size_t i;

	for (i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		snprintf(what, sizeof(what), "%s %c %s", pairs[i].a,
		    "<=>"[pairs[i].sign + 1], pairs[i].b);
		ok(compare(pairs[i].a, pairs[i].b) == pairs[i].sign &&
		    compare(pairs[i].b, pairs[i].a) == -pairs[i].sign, what);
	}
}

static void
test_long(void)
{
	static char a[100003], b[100003];

	memset(a, '7', 100000);
	memset(b, '7', 100000);
	ok(compare(a, b) == 0, "100000 digits are equal");
	b[99999] = '8';
	ok(compare(a, b) < 0, "the 100000th digit differs");
	b[99999] = '7';
	memcpy(b + 100000, ".0", 3);
	ok(compare(a, b) == 0, "100000 digits and .0");
}

/* ---- random tokens against integers: n / 10^6 in any notation */

static uint64_t state;

static unsigned
rnd(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 33) % n;
}

static int64_t
random_value(void)
{
	int64_t n = rnd(1000);
	int power = rnd(9);

	while (power-- > 0)
		n *= 10;
	if (rnd(2))
		n += rnd(3);
	return rnd(2) ? n : -n;
}

/* Writes n * 10^-6 as a token: shifts the dot, tells the exponent. */
static void
write_value(char *buf, size_t size, int64_t n)
{
	int zeros = n == 0 ? 0 : rnd(4), cut, dot, e;
	char digits[64], exponent[16] = "";
	size_t len;

	snprintf(digits, sizeof(digits), "%jd%.*s", (intmax_t)llabs(n), zeros,
	    "0000");
	len = strlen(digits);
	for (cut = 0; len > 1 && digits[len - 1] == '0' && rnd(3); cut++)
		digits[--len] = '\0';
	dot = rnd(len);			/* digits behind the dot */
	e = dot + cut - zeros - 6;
	if (e != 0 || rnd(4) == 0)
		snprintf(exponent, sizeof(exponent), "%c%s%d", "eE"[rnd(2)],
		    e >= 0 && rnd(2) ? "+" : "", e);
	snprintf(buf, size, "%s%.*s%s%s%s", n < 0 ? "-" : "",
	    (int)len - dot, digits, dot > 0 ? "." : "", digits + len - dot,
	    exponent);
}

static bool
round_good(uint64_t seed)
{
	char a[128], b[128];
	int64_t m, n;

	state = seed * 0x9e3779b97f4a7c15 + 1;
	m = random_value();
	n = rnd(3) ? random_value() : m + (int)rnd(3) - 1;
	write_value(a, sizeof(a), m);
	write_value(b, sizeof(b), n);
	if (number_valid(a, strlen(a)) && number_valid(b, strlen(b)) &&
	    compare(a, b) == (m < n ? -1 : m > n) &&
	    number_whole(a, strlen(a)) == (m % 1000000 == 0))
		return true;
	printf("# seed %ju: %s %s\n", (uintmax_t)seed, a, b);
	return false;
}

int
main(int argc, char *argv[])
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1, i;
	bool good = true;

	test_tokens();
	test_pairs();
	test_long();
	for (i = seed; i < seed + ROUNDS && good; i++)
		good = round_good(i);
	ok(good, "random tokens compare as the integers they are made of");
	printf("1..%d\n", count);
	return failed > 0;
}
