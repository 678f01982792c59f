/* query.h - what query.c and condition.c share */

#ifndef ES_QUERY_H
#define ES_QUERY_H

#include "site/site.h"

struct text {
	const char	*s;
	size_t		 len;
};

/* Conditions on the rows of one child DocType: a row must meet them all. */
struct group {
	const struct meta *child;
	const char	*where;
	struct group	*next;
};

struct filter {
	struct site	*site;
	const struct meta *meta;
	const struct source *log;	/* NULL: documents are in document */
	const char	*table;
	struct fault	*fault;
	struct arena	 mem;
	struct arena	 row;		/* what filter_next gave */
	const char	*where;		/* each condition after an AND */
	const char	*any;		/* or_filters, or NULL */
	bool		 in_any;	/* they are being read */
	struct group	*groups;
	const char	*order;		/* terms, each before a comma */
	yyjson_mut_doc	*names;		/* {name: number}, or NULL */
	const char	**fields;	/* malloced, as params is */
	size_t		 nfields;
	struct text	*params;
	size_t		 nparams, cap, nconditions;
	int64_t		 start, length;
	struct query	*query;
	struct buf	 out;		/* a row of some fields */
};

/* The forms in which values are compared. */
enum form { TEXT, NUMBER, DATE, DATETIME, CLOCK };

/* The left side of a condition. */
struct operand {
	const char	*name;
	char		*raw;		/* SQL of the value as it is stored */
	char		*sql;		/* the same in its form, never null */
	enum kind	 kind;
	enum form	 form;
	bool		 utc;		/* a time that the site itself set */
	bool		 kept;		/* table value has its texts */
	const char	*link;		/* the DocType that it names, or NULL */
};

/* ---- condition.c */

/* A field of the DocType, or of that of a table; false and a fault. */
bool	 operand_find(struct filter *, const struct meta *, struct text,
	    struct operand *);
/* The SQL of a condition; NULL and a fault. */
char	*condition_sql(struct filter *, const struct operand *, const char *op,
	    yyjson_val *);
/* The place of a field in the JSON of a document or row, as SQL text. */
char	*condition_path(struct filter *, const char *field);
/* The number of a new parameter of the query. */
int	 condition_bind(struct filter *, const char *, size_t);
/* Takes `tabItem`.`name` and `name` for name, as Frappe's users write them. */
struct text condition_plain(struct filter *, struct text);
bool	 condition_unknown(struct filter *, const struct meta *, struct text);
bool	 text_is(struct text, const char *);

#endif
