/* period.c - the days that words such as "last month" stand for */

#include <string.h>
#include <strings.h>
#include <time.h>

#include "site/site.h"

/* Local midnight of a day; months and days may be outside the calendar's. */
static int64_t
midnight(int year, int month, int day)
{
	struct tm tm = { .tm_year = year, .tm_mon = month, .tm_mday = day,
	    .tm_isdst = -1 };

	return (int64_t)mktime(&tm) * 1000000;
}

/* The month in which the quarter of a month begins. */
static int
quarter(int month)
{
	return month - month % 3;
}

/* From a day of this year up to, but not including, another. */
static bool
between(int year, int month, int day, int months, int days, int64_t *from,
    int64_t *to)
{
	*from = midnight(year, month, day);
	*to = midnight(year, month + months, day + days) - 1;
	return true;
}

/* n is -1, 0 or 1 for last, this, next. */
static bool
span(const struct tm *now, int n, const char *unit, int64_t *from, int64_t *to)
{
	int y = now->tm_year, m = now->tm_mon;
	int monday = now->tm_mday - (now->tm_wday + 6) % 7;

	if (strcasecmp(unit, "week") == 0)
		return between(y, m, monday + 7 * n, 0, 7, from, to);
	if (strcasecmp(unit, "month") == 0)
		return between(y, m + n, 1, 1, 0, from, to);
	if (strcasecmp(unit, "quarter") == 0)
		return between(y, quarter(m) + 3 * n, 1, 3, 0, from, to);
	if (strcasecmp(unit, "year") == 0)
		return between(y + n, 0, 1, 12, 0, from, to);
	if (strcasecmp(unit, "6 months") == 0 && n != 0)
		return between(y, quarter(m) + (n < 0 ? -6 : 3), 1, 6, 0, from,
		    to);
	return false;
}

bool
period(const char *words, int64_t *from, int64_t *to)
{
	static const char *const days[] = { "yesterday", "today", "tomorrow" };
	static const char *const which[] = { "last ", "this ", "next " };
	time_t now = time(NULL);
	struct tm tm;
	size_t n;
	int i;

	localtime_r(&now, &tm);
	for (i = 0; i < 3; i++) {
		if (strcasecmp(words, days[i]) == 0)
			return between(tm.tm_year, tm.tm_mon,
			    tm.tm_mday + i - 1, 0, 1, from, to);
		n = strlen(which[i]);
		if (strncasecmp(words, which[i], n) == 0)
			return span(&tm, i - 1, words + n, from, to);
	}
	return false;
}
