/* table.c - columns for people */

#include <stdlib.h>
#include <string.h>

#include "base/base.h"

enum { WIDTH_MAX = 40, ROWS_KEPT = 500 };

struct table {
	FILE		*fp;
	size_t		 n;		/* columns */
	int		*widths;
	bool		*right;
	char		**cells;	/* row by row, of the rows kept */
	size_t		 ncells;
};

struct table *
table_new(FILE *fp, size_t n)
{
	struct table *t = xcalloc(1, sizeof(*t));

	t->fp = fp;
	t->n = n;
	t->widths = xcalloc(n, sizeof(*t->widths));
	t->right = xcalloc(n, sizeof(*t->right));
	t->cells = xcalloc(n * ROWS_KEPT, sizeof(*t->cells));
	return t;
}

void
table_right(struct table *t, size_t column)
{
	t->right[column] = true;
}

/* The bytes of the character at s. */
static size_t
step(const char *s)
{
	size_t n = 1;

	while ((s[n] & 0xc0) == 0x80)
		n++;
	return n;
}

/* How much of a text stands in so many columns. */
static size_t
fit(const char *s, int width)
{
	size_t len = 0, n;
	char one[8];

	for (; s[len] != '\0'; len += n) {
		n = step(s + len);
		if (n >= sizeof(one))
			break;
		memcpy(one, s + len, n);
		one[n] = '\0';
		if ((width -= text_width(one)) < 0)
			break;
	}
	return len;
}

static char *
cut(const char *s)
{
	const char *more = MB_CUR_MAX > 1 ? "\xe2\x80\xa6" : "~";

	s = safe(s);
	if (text_width(s) <= WIDTH_MAX)
		return xstrdup(s);
	return xprintf("%.*s%s", (int)fit(s, WIDTH_MAX - 1), s, more);
}

/* A line does not end in blanks. */
static void
write_row(struct table *t, char **cells)
{
	size_t i, n = t->n;
	int pad;

	while (n > 0 && *cells[n - 1] == '\0')
		n--;
	for (i = 0; i < n; i++) {
		pad = t->widths[i] - text_width(cells[i]);
		if (t->right[i])
			fprintf(t->fp, "%*s%s", pad, "", cells[i]);
		else
			fprintf(t->fp, "%s%*s", cells[i],
			    i == n - 1 ? 0 : pad, "");
		if (i < n - 1)
			fputs("  ", t->fp);
	}
	putc('\n', t->fp);
}

static void
flush(struct table *t)
{
	size_t i;

	for (i = 0; i < t->ncells; i += t->n)
		write_row(t, t->cells + i);
	for (i = 0; i < t->ncells; i++)
		free(t->cells[i]);
	t->ncells = 0;
}

static void
add(struct table *t, char *s)
{
	size_t column = t->ncells % t->n;
	int width;

	t->cells[t->ncells] = s;
	width = text_width(t->cells[t->ncells++]);
	if (width > t->widths[column])
		t->widths[column] = width;
	if (t->ncells == t->n * ROWS_KEPT)
		flush(t);
}

void
table_cell(struct table *t, const char *s)
{
	add(t, cut(s == NULL ? "" : s));
}

void
table_text(struct table *t, const char *s)
{
	add(t, xstrdup(safe(s == NULL ? "" : s)));
}

void
table_end(struct table *t)
{
	flush(t);
	free(t->cells);
	free(t->widths);
	free(t->right);
	free(t);
}
