/* csv.c - rows of RFC 4180 as documents; by hand, for no library at hand reads
 * them with the number of the line that is wrong */

#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "model/model.h"

struct column {
	char		*name;
	bool		 number;
};

struct csv {
	FILE		*fp;
	const struct meta *meta;
	struct column	*columns;
	size_t		 ncolumns;
	size_t		 lineno, next;	/* of this row's begin, of the next line */
	struct buf	 line;		/* the row as it was read */
	struct buf	 text;		/* its cells, a NUL after each */
	size_t		*cells;		/* where they begin */
	size_t		 ncells, cap, begin;
	enum { SKIP, START, PLAIN, QUOTED, CLOSED } state;	/* in a cell */
};

static int
wrong(struct csv *c, struct fault *fault, const char *why)
{
	if (c->state != SKIP)
		fault_set(fault, "csv", "%s", why);
	c->state = SKIP;
	return -1;
}

static void
end_cell(struct csv *c)
{
	if (c->ncells == c->cap) {
		c->cap = c->cap == 0 ? 16 : c->cap * 2;
		c->cells = xrealloc(c->cells, c->cap * sizeof(*c->cells));
	}
	c->cells[c->ncells++] = c->begin;
	buf_add(&c->text, "", 1);
	c->begin = c->text.len;
	c->state = START;
}

/* After the quote that may have ended a cell. */
static int
take_closed(struct csv *c, char ch, struct fault *fault)
{
	if (ch == '"') {
		buf_add(&c->text, &ch, 1);
		c->state = QUOTED;
	} else if (ch == ',')
		end_cell(c);
	else if (ch != '\r')
		return wrong(c, fault, "a quoted cell goes on after its end; a "
		    "quote within one is written twice");
	return 0;
}

static int
take_plain(struct csv *c, char ch, struct fault *fault)
{
	if (ch == ',')
		end_cell(c);
	else if (ch == '"' && c->state == START)
		c->state = QUOTED;
	else if (ch == '"')
		return wrong(c, fault, "a quote within a cell that does not "
		    "begin with one");
	else {
		buf_add(&c->text, &ch, 1);
		c->state = PLAIN;
	}
	return 0;
}

/* One more byte of a row; -1 if it cannot stand there. */
static int
take(struct csv *c, char ch, struct fault *fault)
{
	switch (c->state) {
	case START:
	case PLAIN:
		return take_plain(c, ch, fault);
	case QUOTED:
		if (ch == '"')
			c->state = CLOSED;
		else
			buf_add(&c->text, &ch, 1);
		return 0;
	case CLOSED:
		return take_closed(c, ch, fault);
	case SKIP:
		break;
	}
	return -1;
}

static int
end_row(struct csv *c, struct fault *fault)
{
	if (c->state == QUOTED)
		return wrong(c, fault, "a quote that is not closed");
	if (c->state == PLAIN && c->text.p[c->text.len - 1] == '\r')
		c->text.len--;
	end_cell(c);
	if (memchr(c->line.p, '\0', c->line.len) != NULL ||
	    !text_is_utf8(c->line.p, c->line.len))
		return wrong(c, fault, "not UTF-8; save the table as such");
	return 1;
}

/* Reads one row, blank or not: 1, 0 at the end, -1 a fault. */
static int
read_row(struct csv *c, struct fault *fault)
{
	int ch, r = 0;

	c->lineno = c->next;
	c->line.len = c->text.len = c->begin = c->ncells = 0;
	c->state = START;
	while ((ch = getc_unlocked(c->fp)) != EOF) {
		c->next += ch == '\n';
		if (ch == '\n' && c->state != QUOTED)
			break;
		if (c->line.len < LINE_MAX_BYTES)
			buf_add(&c->line, &(char){ ch }, 1);
		else
			wrong(c, fault, "a row of more than 16 MiB; is a quote "
			    "not closed?");
		if (take(c, ch, fault) == -1)
			r = -1;
	}
	if (ch == EOF && ferror(c->fp))
		err(TEMPFAIL, "cannot read CSV");
	if (r == -1 || (ch == EOF && c->line.len == 0))
		return r;
	return end_row(c, fault);
}

/* The next row that is not blank. */
static int
next_row(struct csv *c, struct fault *fault)
{
	int r;

	do
		r = read_row(c, fault);
	while (r == 1 && c->ncells == 1 && c->text.len == 1 &&
	    (c->line.len == 0 || *c->line.p == '\r'));
	return r;
}

/* A cell of the header: what its column holds. */
static bool
set_column(struct csv *c, size_t i, char *s, struct fault *fault)
{
	const struct field *f;
	size_t k;

	s += strspn(s, " ");
	while (*s != '\0' && s[strlen(s) - 1] == ' ')
		s[strlen(s) - 1] = '\0';
	f = meta_field(c->meta, s, strlen(s));
	if (*s == '\0')
		return fault_set(fault, "csv", "column %zu has no name", i + 1);
	if ((f == NULL && !meta_standard(s, strlen(s))) ||
	    (f != NULL && f->kind == K_LAYOUT))
		return fault_set(fault, "field", "'%s' has no field '%s'%s",
		    c->meta->name, s, strpbrk(s, ";\t") == NULL ? "" :
		    "; cells are separated by commas");
	if (f != NULL && f->kind == K_TABLE)
		return fault_set(fault, "csv", "'%s' is a table and cannot be "
		    "a column; give documents as JSON", s);
	for (k = 0; k < i; k++)
		if (strcmp(c->columns[k].name, s) == 0)
			return fault_set(fault, "csv", "two columns '%s'", s);
	c->columns[i].name = xstrdup(s);
	c->columns[i].number = strcmp(s, "docstatus") == 0 || (f != NULL &&
	    (f->kind == K_INT || f->kind == K_FLOAT || f->kind == K_CHECK));
	return true;
}

static bool
read_header(struct csv *c, struct fault *fault)
{
	size_t i;
	int r;

	if ((r = next_row(c, fault)) == -1)
		return false;
	if (r == 0)
		return fault_set(fault, "csv", "no first row; it names fields");
	c->columns = xcalloc(c->ncells, sizeof(*c->columns));
	c->ncolumns = c->ncells;
	for (i = 0; i < c->ncolumns; i++)
		if (!set_column(c, i, c->text.p + c->cells[i], fault))
			return false;
	return true;
}

struct csv *
csv_open(FILE *fp, const struct meta *meta, struct fault *fault)
{
	struct csv *c = xcalloc(1, sizeof(*c));
	int ch;

	c->fp = fp;
	c->meta = meta;
	c->next = 1;
	buf_add(&c->line, "", 0);
	/* The mark that some programs put before UTF-8. */
	if ((ch = getc(fp)) == 0xef) {
		getc(fp);
		getc(fp);
	} else
		ungetc(ch, fp);
	if (read_header(c, fault))
		return c;
	csv_close(c);
	return NULL;
}

/* Numbers are taken as they are written; what is none stays a text, of which
 * doc_check will speak. */
static yyjson_mut_val *
cell(yyjson_mut_doc *d, const struct column *column, const char *s)
{
	size_t len = strlen(s);

	if (len == 0)
		return yyjson_mut_null(d);
	return column->number && number_valid(s, len) ?
	    yyjson_mut_rawn(d, s, len) : yyjson_mut_strn(d, s, len);
}

int
csv_next(struct csv *c, struct arena *a, yyjson_doc **row, struct fault *fault)
{
	yyjson_mut_doc *d;
	yyjson_mut_val *obj;
	size_t i;
	int r;

	if ((r = next_row(c, fault)) != 1)
		return r;
	if (c->ncells != c->ncolumns) {
		fault_set(fault, "csv", "%zu cell%s, and %zu in the first row",
		    c->ncells, c->ncells == 1 ? "" : "s", c->ncolumns);
		return -1;
	}
	d = yyjson_mut_doc_new(&a->alc);
	obj = yyjson_mut_obj(d);
	for (i = 0; i < c->ncolumns; i++)
		yyjson_mut_obj_add(obj, yyjson_mut_str(d, c->columns[i].name),
		    cell(d, &c->columns[i], c->text.p + c->cells[i]));
	*row = yyjson_mut_val_imut_copy(obj, &a->alc);
	return 1;
}

size_t
csv_line(const struct csv *c)
{
	return c->lineno;
}

const char *
csv_text(const struct csv *c, size_t *len)
{
	*len = c->line.len;
	return c->line.p;
}

void
csv_close(struct csv *c)
{
	size_t i;

	if (c == NULL)
		return;
	for (i = 0; i < c->ncolumns; i++)
		free(c->columns[i].name);
	free(c->columns);
	free(c->cells);
	buf_free(&c->line);
	buf_free(&c->text);
	free(c);
}
