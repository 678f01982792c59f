/* number.c - exact decimals as JSON writes them */

#include <string.h>

#include "base/base.h"

/* A token taken apart: its significant digits and the powers of ten of the
 * first and the last of them. */
struct decimal {
	int		 sign;		/* -1, 0, 1 */
	const char	*first, *last;
	int64_t		 high, low;
};

static bool
digit(const char *p, const char *end)
{
	return p < end && *p >= '0' && *p <= '9';
}

static const char *
digits(const char *p, const char *end)
{
	while (digit(p, end))
		p++;
	return p;
}

bool
number_valid(const char *s, size_t len)
{
	const char *p = s, *end = s + len;

	if (p < end && *p == '-')
		p++;
	if (!digit(p, end))
		return false;
	p = *p == '0' ? p + 1 : digits(p, end);
	if (p < end && *p == '.') {
		if (!digit(++p, end))
			return false;
		p = digits(p, end);
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		if (!digit(p, end))
			return false;
		p = digits(p, end);
	}
	return p == end;
}

/* The number after the e, at most that of a 32-bit int. */
static int64_t
exponent(const char *p, const char *end)
{
	bool neg = false;
	int64_t n = 0;

	if (p < end && (*p == '+' || *p == '-'))
		neg = *p++ == '-';
	for (; digit(p, end) && n < INT32_MAX; p++)
		n = n * 10 + (*p - '0');
	if (n > INT32_MAX)
		n = INT32_MAX;
	return neg ? -n : n;
}

static void
take_apart(const char *s, size_t len, struct decimal *d)
{
	const char *p = s, *end = s + len, *dot = NULL;
	int64_t e;

	d->first = d->last = NULL;
	for (; p < end && *p != 'e' && *p != 'E'; p++)
		if (*p == '.')
			dot = p;
		else if (*p >= '1' && *p <= '9') {
			d->last = p;
			if (d->first == NULL)
				d->first = p;
		}
	d->sign = d->first == NULL ? 0 : *s == '-' ? -1 : 1;
	if (d->sign == 0)
		return;
	if (dot == NULL)
		dot = p;
	e = p < end ? exponent(p + 1, end) : 0;
	d->high = dot - d->first - (d->first < dot) + e;
	d->low = dot - d->last - (d->last < dot) + e;
}

bool
number_whole(const char *s, size_t len)
{
	struct decimal d;

	if (!number_valid(s, len))
		return false;
	take_apart(s, len, &d);
	return d.sign == 0 || d.low >= 0;
}

/* The digit at *p, which moves on; 0 after the last one. */
static int
next_digit(const struct decimal *d, const char **p)
{
	if (*p <= d->last && **p == '.')
		++*p;
	return *p <= d->last ? *(*p)++ : '0';
}

static int
compare_digits(const struct decimal *a, const struct decimal *b)
{
	const char *p = a->first, *q = b->first;
	int x, y;

	if (a->high != b->high)
		return a->high < b->high ? -1 : 1;
	while (p <= a->last || q <= b->last) {
		x = next_digit(a, &p);
		y = next_digit(b, &q);
		if (x != y)
			return x - y;
	}
	return 0;
}

int
number_compare(const char *a, size_t alen, const char *b, size_t blen)
{
	struct decimal x, y;

	if (alen == blen && memcmp(a, b, alen) == 0)
		return 0;
	take_apart(a, alen, &x);
	take_apart(b, blen, &y);
	if (x.sign != y.sign)
		return x.sign - y.sign;
	return x.sign == 0 ? 0 : x.sign * compare_digits(&x, &y);
}
