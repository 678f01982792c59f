/* value.c - what a value of a document is, and what its field wants of it
 * (spec 3.5) */

#include <string.h>

#include "model/check.h"

enum { SHOWN_MAX = 100 };	/* bytes of a value that a fault quotes */

const char *
value_text(yyjson_mut_val *v, size_t *len)
{
	*len = yyjson_mut_get_len(v);
	return yyjson_mut_is_raw(v) ? yyjson_mut_get_raw(v) :
	    yyjson_mut_get_str(v);
}

bool
value_is_name(yyjson_mut_val *v)
{
	return yyjson_mut_is_str(v) &&
	    strlen(yyjson_mut_get_str(v)) == yyjson_mut_get_len(v);
}

bool
value_is_number(yyjson_mut_val *v)
{
	return yyjson_mut_is_raw(v) &&
	    number_valid(yyjson_mut_get_raw(v), yyjson_mut_get_len(v));
}

bool
value_is_whole(yyjson_mut_val *v)
{
	return value_is_number(v) &&
	    number_whole(yyjson_mut_get_raw(v), yyjson_mut_get_len(v));
}

int
value_against(yyjson_mut_val *v, const char *digit)
{
	return number_compare(yyjson_mut_get_raw(v), yyjson_mut_get_len(v),
	    digit, 1);
}

int
value_shown(const char *s, size_t n)
{
	if (n <= SHOWN_MAX)
		return n;
	for (n = SHOWN_MAX; n > 0 && (s[n] & 0xc0) == 0x80; n--)
		;
	return n;
}

int
value_docstatus(yyjson_mut_val *v)
{
	return json_is_null(v) ? 0 : !value_is_whole(v) ? -1 :
	    value_against(v, "0") == 0 ? 0 : value_against(v, "1") == 0 ? 1 :
	    value_against(v, "2") == 0 ? 2 : -1;
}

/* [-]H:MM:SS[.f{1,6}], also without the zero of the seconds (spec 3.5). */
static bool
is_clock(const char *s)
{
	static const char digits[] = "0123456789";
	size_t n;

	if (*s == '-')
		s++;
	n = strspn(s, digits);
	if (n < 1 || n > 3 || s[n] != ':')
		return false;
	s += n + 1;
	if (strspn(s, digits) != 2 || *s > '5' || s[2] != ':')
		return false;
	s += 3;
	n = strspn(s, digits);
	if (n < 1 || n > 2 || (n == 2 && *s > '5'))
		return false;
	s += n;
	if (*s == '.') {
		n = strspn(++s, digits);
		if (n < 1 || n > 6)
			return false;
		s += n;
	}
	return *s == '\0';
}

static int
two_digits(const char *s)
{
	return s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9' ? -1 :
	    (s[0] - '0') * 10 + s[1] - '0';
}

/* YYYY-MM-DD of the calendar; time_parse, which finds the moment as well,
 * takes ten times as long. */
static bool
is_day(const char *s, size_t len)
{
	static const int days[] = {
		31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31,
	};
	int century, year, month, day;

	if (len != 10 || s[4] != '-' || s[7] != '-')
		return false;
	century = two_digits(s);
	year = two_digits(s + 2);
	month = two_digits(s + 5);
	day = two_digits(s + 8);
	if (century < 0 || year < 0 || month < 1 || month > 12 || day < 1 ||
	    day > days[month - 1])
		return false;
	return month != 2 || day < 29 ||
	    (year == 0 ? century : year) % 4 == 0;
}

bool
value_is_time(enum kind kind, const char *s, size_t len)
{
	int64_t t;

	return kind == K_TIME ? is_clock(s) : is_day(s, len) ||
	    (kind == K_DATETIME && time_parse(s, &t));
}

/* 0 or 1; else -1. */
static int
truth_of(yyjson_mut_val *v)
{
	const char *s = yyjson_mut_get_raw(v);

	if (s != NULL && yyjson_mut_get_len(v) == 1)
		return *s == '0' ? 0 : *s == '1' ? 1 : -1;
	return !value_is_number(v) ? -1 : value_against(v, "0") == 0 ? 0 :
	    value_against(v, "1") == 0 ? 1 : -1;
}

const char *
value_wanted(const struct field *f, yyjson_mut_val *v)
{
	switch (f->kind) {
	case K_TABLE:
		return yyjson_mut_is_arr(v) ? NULL : "an array of rows";
	case K_TEXT:
		return yyjson_mut_is_str(v) ? NULL : "a string";
	case K_LINK:
	case K_DYNAMIC:
	case K_SELECT:
	case K_PASSWORD:
		return value_is_name(v) ? NULL : yyjson_mut_is_str(v) ?
		    "a string without NUL" : "a string";
	case K_CHECK:
		return truth_of(v) >= 0 ? NULL : "0 or 1";
	case K_INT:
		return value_is_whole(v) ? NULL : "a whole number";
	case K_FLOAT:
		return value_is_number(v) ? NULL : "a number";
	case K_DATE:
	case K_DATETIME:
	case K_TIME:
		if (value_is_name(v) && (yyjson_mut_get_len(v) == 0 ||
		    value_is_time(f->kind, yyjson_mut_get_str(v),
		    yyjson_mut_get_len(v))))
			return NULL;
		return f->kind == K_DATE ? "a date (YYYY-MM-DD)" :
		    f->kind == K_TIME ? "a time (HH:MM:SS)" :
		    "a date and time (YYYY-MM-DD HH:MM:SS)";
	default:
		return NULL;
	}
}
