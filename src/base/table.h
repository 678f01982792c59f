/* table.h - columns for people */

#ifndef ES_TABLE_H
#define ES_TABLE_H

#include <stdbool.h>
#include <stdio.h>

/* A table of n columns, written to a file row by row.  Columns are as wide as
 * the first few hundred rows need, and at most 40. */
struct table;
struct table *table_new(FILE *, size_t n);
/* The next cell, row by row; foreign text is made safe.  NULL is empty. */
void	 table_cell(struct table *, const char *);
/* Cells of this column stand to the right. */
void	 table_right(struct table *, size_t column);
/* Writes what is left, and frees the table. */
void	 table_end(struct table *);

#endif
