/* time.c - times are microseconds since 1970, UTC */

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/base.h"

#define SECOND INT64_C(1000000)

int64_t
time_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec / 1000;
}

int64_t
time_steady(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* n digits and a separator; printf is too slow for what every event needs. */
static char *
put(char *p, int v, int n, char end)
{
	int i;

	for (i = n - 1; i >= 0; i--, v /= 10)
		p[i] = '0' + v % 10;
	p[n] = end;
	return p + n + 1;
}

static char *
text(const struct tm *tm, int us, char *buf)
{
	int year = tm->tm_year + 1900;
	char *p = buf;

	/* Frappe's form has four digits of year; so have we. */
	if (year < 0 || year > 9999)
		year = 9999;
	p = put(p, year, 4, '-');
	p = put(p, tm->tm_mon + 1, 2, '-');
	p = put(p, tm->tm_mday, 2, ' ');
	p = put(p, tm->tm_hour, 2, ':');
	p = put(p, tm->tm_min, 2, ':');
	p = put(p, tm->tm_sec, 2, '.');
	put(p, us, 6, '\0');
	return buf;
}

static void
split(int64_t t, time_t *s, int *us)
{
	*s = t / SECOND;
	*us = t % SECOND;
	if (*us < 0) {
		*us += SECOND;
		(*s)--;
	}
}

char *
time_text(int64_t t, char buf[TIME_TEXT_LEN])
{
	static _Thread_local struct tm tm;	/* of that second: mostly the last one */
	static _Thread_local time_t second = -1;
	time_t s;
	int us;

	split(t, &s, &us);
	if (s != second) {
		gmtime_r(&s, &tm);
		second = s;
	}
	return text(&tm, us, buf);
}

char *
time_local(int64_t t, char buf[TIME_TEXT_LEN])
{
	struct tm tm;
	time_t s;
	int us;

	split(t, &s, &us);
	localtime_r(&s, &tm);
	return text(&tm, us, buf);
}

/* n digits at *s as a number, and on; -1 if they are not there. */
static int
digits(const char **s, int n)
{
	int v = 0;

	while (n-- > 0) {
		if (!isdigit((unsigned char)**s))
			return -1;
		v = v * 10 + *(*s)++ - '0';
	}
	return v;
}

/* The parts of a time; *places is the number of digits of its fraction. */
static bool
parse(const char *s, struct tm *tm, int *us, int *places)
{
	static const int days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int scale = 100000;

	memset(tm, 0, sizeof(*tm));
	*us = *places = 0;
	tm->tm_isdst = -1;
	tm->tm_year = digits(&s, 4) - 1900;
	if (*s++ != '-')
		return false;
	tm->tm_mon = digits(&s, 2) - 1;
	if (*s++ != '-')
		return false;
	tm->tm_mday = digits(&s, 2);
	if (tm->tm_year < -1900 || tm->tm_mon < 0 || tm->tm_mon > 11 ||
	    tm->tm_mday < 1 || tm->tm_mday > days[tm->tm_mon])
		return false;
	if (tm->tm_mon == 1 && tm->tm_mday == 29 && (tm->tm_year % 4 != 0 ||
	    (tm->tm_year % 100 == 0 && (tm->tm_year + 1900) % 400 != 0)))
		return false;
	if (*s == '\0')
		return true;
	if (*s != ' ' && *s != 'T')
		return false;
	s++;
	tm->tm_hour = digits(&s, 2);
	if (*s++ != ':')
		return false;
	tm->tm_min = digits(&s, 2);
	if (*s++ != ':')
		return false;
	tm->tm_sec = digits(&s, 2);
	if (tm->tm_hour < 0 || tm->tm_hour > 23 || tm->tm_min < 0 ||
	    tm->tm_min > 59 || tm->tm_sec < 0 || tm->tm_sec > 59)
		return false;
	if (*s == '.') {
		s++;
		for (; isdigit((unsigned char)*s) && scale > 0; scale /= 10) {
			*us += (*s++ - '0') * scale;
			++*places;
		}
		if (*places == 0)
			return false;
	}
	return *s == '\0';
}

bool
time_parse(const char *s, int64_t *t)
{
	struct tm tm;
	int us, places;

	if (!parse(s, &tm, &us, &places))
		return false;
	*t = timegm(&tm) * SECOND + us;
	return true;
}

/* Local midnight, so many days from today. */
static int64_t
midnight(int days)
{
	struct tm tm;
	time_t s = time(NULL);

	localtime_r(&s, &tm);
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_mday += days;
	tm.tm_isdst = -1;
	return mktime(&tm) * SECOND;
}

bool
time_option(const char *s, int64_t *t)
{
	static const char units[] = "mhdw";
	static const int seconds[] = { 60, 3600, 86400, 604800 };
	struct tm tm;
	const char *u;
	char *end;
	long n;
	int us, places;

	if (strcmp(s, "now") == 0)
		*t = time_now();
	else if (strcmp(s, "today") == 0)
		*t = midnight(0);
	else if (strcmp(s, "yesterday") == 0)
		*t = midnight(-1);
	else if (*s == '-') {
		n = strtol(s + 1, &end, 10);
		if (!isdigit((unsigned char)s[1]) || n > 1000000 ||
		    *end == '\0' || end[1] != '\0' ||
		    (u = strchr(units, *end)) == NULL)
			return false;
		*t = time_now() - n * seconds[u - units] * SECOND;
	} else if (parse(s, &tm, &us, &places))
		*t = (places == 6 ? timegm(&tm) : mktime(&tm)) * SECOND + us;
	else
		return false;
	return true;
}
