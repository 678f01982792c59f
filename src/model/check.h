/* check.h - what check.c, clean.c and links.c share, and nobody else */

#ifndef ES_CHECK_H
#define ES_CHECK_H

#include "model/model.h"

/* ---- value.c - what a value of a document is, and what its field wants of
 * it */

/* The text of a string or of a number; NULL of any other. */
const char *value_text(yyjson_mut_val *, size_t *len);
/* A string that ends where C thinks that it does. */
bool	 value_is_name(yyjson_mut_val *);
bool	 value_is_number(yyjson_mut_val *);
bool	 value_is_whole(yyjson_mut_val *);	/* a number, 1.0 too */
/* A number that is less, equal or greater than one of one digit. */
int	 value_against(yyjson_mut_val *, const char *digit);
/* 0, 1 or 2, which is 0 if null or absent; else -1. */
int	 value_docstatus(yyjson_mut_val *);
/* May a field of a date or a time hold this text? */
bool	 value_is_time(enum kind, const char *, size_t len);
/* What the field would have; NULL if it has. */
const char *value_wanted(const struct field *, yyjson_mut_val *);
/* How much of a text a fault shows: whole characters. */
int	 value_shown(const char *, size_t len);

/* ---- rows.c - the rows of a table: their order, and one by its name */

/* Rows by the name of others, which mostly come in the same order. */
struct finder {
	yyjson_mut_val		*rows;
	yyjson_mut_arr_iter	 it;
	struct map		 map;
	bool			 mapped;
};
void	 finder_open(struct finder *, yyjson_mut_val *rows);
void	 finder_close(struct finder *);
/* The one that has the name of this row, or NULL. */
yyjson_mut_val *finder_row(struct finder *, yyjson_mut_val *row);

/* ---- links.c - the links of a document, or of a diff */

/* The doctype that a link in obj points to; "" if its field is empty, also in
 * full, which has what obj lacks; NULL if there is no telling. */
const char *links_target(const struct field *, yyjson_mut_val *obj,
	    yyjson_mut_val *full);

#endif
