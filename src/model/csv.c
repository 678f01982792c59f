/* csv.c - rows of RFC 4180 as documents; by hand, for no library at hand reads
 * them with the number of the line that is wrong */

#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "model/model.h"

struct column {
	char		*title;		/* table.name, or name */
	char		*name;
	char		*table;		/* of a row of it, or NULL */
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
	bool		 tables;	/* there are columns of them */
	size_t		 key;		/* the column name, or ncolumns */
	/* of the document at hand, which may go on in the next row: */
	int		 ahead;		/* how that was read; 2: not yet */
	struct fault	 why;
	size_t		 begun;
	struct buf	 whole;
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

/* The field of a column; one with a dot is of the rows of a table. */
static bool
find_field(struct csv *c, struct column *column, char *s,
    const struct field **f, struct fault *fault)
{
	const struct meta *m = c->meta;
	const struct field *table;
	char *dot = strchr(s, '.');

	if (dot != NULL && (table = meta_field(m, s, dot - s)) != NULL &&
	    table->kind == K_TABLE && table->child != NULL) {
		column->table = xstrndup(s, dot - s);
		c->tables = true;
		m = table->child;
		s = dot + 1;
	}
	*f = meta_field(m, s, strlen(s));
	if ((*f == NULL && !meta_standard(s, strlen(s))) ||
	    (*f != NULL && (*f)->kind == K_LAYOUT))
		return fault_set(fault, "field", "'%s' has no field '%s'%s",
		    m->name, s, strpbrk(s, ";\t") == NULL ? "" :
		    "; cells are separated by commas");
	column->name = xstrdup(s);
	return true;
}

/* A cell of the header: what its column holds. */
static bool
set_column(struct csv *c, size_t i, char *s, struct fault *fault)
{
	struct column *column = &c->columns[i], *o;
	const struct field *f;

	s += strspn(s, " ");
	while (*s != '\0' && s[strlen(s) - 1] == ' ')
		s[strlen(s) - 1] = '\0';
	if (*s == '\0')
		return fault_set(fault, "csv", "column %zu has no name", i + 1);
	column->title = xstrdup(s);
	if (!find_field(c, column, s, &f, fault))
		return false;
	if (f != NULL && f->kind == K_TABLE)
		return fault_set(fault, "csv", "'%s' is a table; its columns "
		    "are called '%s.field'", s, s);
	for (o = c->columns; o < column; o++)
		if (strcmp(o->title, s) == 0)
			return fault_set(fault, "csv", "two columns '%s'", s);
	if (strcmp(s, "name") == 0)
		c->key = i;
	column->number = f != NULL ? f->kind == K_INT || f->kind == K_FLOAT ||
	    f->kind == K_CHECK : strcmp(s, "docstatus") == 0 ||
	    strcmp(strchr(s, '.') == NULL ? s : strchr(s, '.') + 1, "idx") == 0;
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
	c->ncolumns = c->key = c->ncells;
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
	c->ahead = 2;
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
	    yyjson_mut_rawncpy(d, s, len) : yyjson_mut_strncpy(d, s, len);
}

static bool
is_of(const struct column *column, const char *table)
{
	return column->table != NULL && strcmp(column->table, table) == 0;
}

static bool
is_blank(const struct csv *c, size_t i)
{
	return c->text.p[c->cells[i]] == '\0';
}

/* The row of a table whose first column is this, unless it is blank. */
static void
add_row(const struct csv *c, yyjson_mut_doc *d, yyjson_mut_val *obj, size_t first)
{
	const char *table = c->columns[first].table;
	yyjson_mut_val *rows = yyjson_mut_obj_get(obj, table), *row;
	bool blank = true;
	size_t i;

	if (rows == NULL)
		rows = yyjson_mut_obj_add_arr(d, obj, table);
	row = yyjson_mut_obj(d);
	for (i = first; i < c->ncolumns; i++) {
		if (!is_of(&c->columns[i], table))
			continue;
		blank &= is_blank(c, i);
		yyjson_mut_obj_add(row, yyjson_mut_str(d, c->columns[i].name),
		    cell(d, &c->columns[i], c->text.p + c->cells[i]));
	}
	if (!blank)
		yyjson_mut_arr_append(rows, row);
}

static void
add_rows(const struct csv *c, yyjson_mut_doc *d, yyjson_mut_val *obj)
{
	size_t i, k;

	for (i = 0; i < c->ncolumns; i++) {
		if (c->columns[i].table == NULL)
			continue;
		for (k = 0; k < i; k++)
			if (is_of(&c->columns[k], c->columns[i].table))
				break;
		if (k == i)
			add_row(c, d, obj, i);
	}
}

/* Does the row at hand go on with the document?  It has its name, or none, and
 * nothing besides that is another there; without names, nothing at all. */
static bool
goes_on(const struct csv *c, yyjson_mut_doc *d, yyjson_mut_val *obj)
{
	yyjson_mut_val *is;
	size_t i;

	if (!c->tables || c->ncells != c->ncolumns)
		return false;
	for (i = 0; i < c->ncolumns; i++) {
		if (c->columns[i].table != NULL || is_blank(c, i))
			continue;
		if (c->key == c->ncolumns)
			return false;
		is = cell(d, &c->columns[i], c->text.p + c->cells[i]);
		if (!json_same(is, yyjson_mut_obj_get(obj, c->columns[i].name)))
			return false;
	}
	return true;
}

/* The next row, unless it was read already. */
static int
look_ahead(struct csv *c)
{
	if (c->ahead == 2)
		c->ahead = next_row(c, &c->why);
	return c->ahead;
}

static void
note_row(struct csv *c)
{
	if (c->whole.len > 0)
		buf_puts(&c->whole, "\n");
	buf_add(&c->whole, c->line.p, c->line.len);
	c->ahead = 2;
}

/* Cells do not outlive their row: what is taken of it is copied. */
static yyjson_mut_val *
take_row(struct csv *c, yyjson_mut_doc *d, yyjson_mut_val *obj)
{
	size_t i;

	if (obj == NULL) {
		obj = yyjson_mut_obj(d);
		for (i = 0; i < c->ncolumns; i++)
			if (c->columns[i].table == NULL)
				yyjson_mut_obj_add(obj, yyjson_mut_str(d,
				    c->columns[i].name), cell(d, &c->columns[i],
				    c->text.p + c->cells[i]));
	}
	add_rows(c, d, obj);
	note_row(c);
	return obj;
}

int
csv_next(struct csv *c, struct arena *a, yyjson_doc **row, struct fault *fault)
{
	yyjson_mut_doc *d;
	yyjson_mut_val *obj;
	int r;

	r = look_ahead(c);
	c->begun = c->lineno;
	c->whole.len = 0;
	if (r != 1 || c->ncells != c->ncolumns) {
		if (r == 1)
			fault_set(&c->why, "csv", "%zu cell%s, and %zu in the "
			    "first row", c->ncells, c->ncells == 1 ? "" : "s",
			    c->ncolumns);
		*fault = c->why;
		if (r != 0)
			note_row(c);
		return r == 0 ? 0 : -1;
	}
	d = yyjson_mut_doc_new(&a->alc);
	obj = take_row(c, d, NULL);
	while (c->tables && look_ahead(c) == 1 && goes_on(c, d, obj))
		take_row(c, d, obj);
	*row = yyjson_mut_val_imut_copy(obj, &a->alc);
	return 1;
}

size_t
csv_line(const struct csv *c)
{
	return c->begun;
}

const char *
csv_text(const struct csv *c, size_t *len)
{
	*len = c->whole.len;
	return c->whole.p;
}

void
csv_close(struct csv *c)
{
	size_t i;

	if (c == NULL)
		return;
	for (i = 0; i < c->ncolumns; i++) {
		free(c->columns[i].title);
		free(c->columns[i].name);
		free(c->columns[i].table);
	}
	free(c->columns);
	free(c->cells);
	buf_free(&c->line);
	buf_free(&c->text);
	buf_free(&c->whole);
	free(c);
}

/* ---- the other way */

static void
put_column(struct buf *b, const char *table, const char *field)
{
	buf_printf(b, "%s%s%s%s", b->len == 0 ? "" : ",",
	    table == NULL ? "" : table, table == NULL ? "" : ".", field);
}

static void
put_columns(struct buf *b, const struct meta *m, const char *table)
{
	const struct field *f;

	for (f = m->fields; f < m->fields + m->nfields; f++)
		if (f->kind == K_TABLE && table == NULL && f->child != NULL)
			put_columns(b, f->child, f->name);
		else if (f->kind != K_TABLE && f->kind != K_LAYOUT &&
		    f->kind != K_PASSWORD && !f->is_virtual)
			put_column(b, table, f->name);
}

struct csv *
csv_write_open(FILE *fp, const struct meta *meta, const char *columns,
    struct fault *fault)
{
	struct csv *c = xcalloc(1, sizeof(*c));
	char *s, *next = NULL;
	struct buf b = { 0 };
	bool good = true;

	c->fp = fp;
	c->meta = meta;
	if (columns == NULL) {
		put_column(&b, NULL, "name");
		if (meta->submittable)
			put_column(&b, NULL, "docstatus");
		put_columns(&b, meta, NULL);
	} else
		buf_puts(&b, columns);
	for (s = strtok_r(b.p, ",", &next); s != NULL && good;
	    s = strtok_r(NULL, ",", &next)) {
		c->columns = xrealloc(c->columns,
		    (c->ncolumns + 1) * sizeof(*c->columns));
		c->columns[c->ncolumns] = (struct column){ 0 };
		c->key = SIZE_MAX;
		good = set_column(c, c->ncolumns++, s, fault);
	}
	buf_free(&b);
	if (good)
		return c;
	csv_close(c);
	return NULL;
}

static void
put_cell(FILE *fp, const char *s, size_t len)
{
	size_t i;

	if (len == 0 || (strcspn(s, ",\"\r\n") >= len && *s != ' ' &&
	    s[len - 1] != ' ')) {
		fwrite(s, 1, len, fp);
		return;
	}
	putc('"', fp);
	for (i = 0; i < len; i++) {
		if (s[i] == '"')
			putc('"', fp);
		putc(s[i], fp);
	}
	putc('"', fp);
}

/* A value; what is no text as JSON, null as nothing. */
static void
put_value(FILE *fp, yyjson_val *v)
{
	struct arena a;
	const char *s;
	size_t len;

	if (v == NULL || yyjson_is_null(v))
		return;
	if ((s = yyjson_get_str(v)) != NULL) {
		put_cell(fp, s, yyjson_get_len(v));
		return;
	}
	arena_init(&a);
	s = json_text(&a, v, &len);
	put_cell(fp, s, len);
	arena_free(&a);
}

void
csv_write_head(struct csv *c)
{
	size_t i;

	for (i = 0; i < c->ncolumns; i++)
		fprintf(c->fp, "%s%s", i == 0 ? "" : ",", c->columns[i].title);
	putc('\n', c->fp);
}

void
csv_write(struct csv *c, yyjson_val *doc)
{
	const struct column *column;
	size_t i, n, row, rows = 1;
	yyjson_val *of;

	for (row = 0; row < rows; row++) {
		for (i = 0; i < c->ncolumns; i++) {
			column = &c->columns[i];
			if (i > 0)
				putc(',', c->fp);
			if (column->table != NULL) {
				of = yyjson_obj_get(doc, column->table);
				if ((n = yyjson_arr_size(of)) > rows)
					rows = n;
				put_value(c->fp, yyjson_obj_get(
				    yyjson_arr_get(of, row), column->name));
			} else if (row == 0 || strcmp(column->name, "name") == 0)
				put_value(c->fp, yyjson_obj_get(doc,
				    column->name));
		}
		putc('\n', c->fp);
	}
}
