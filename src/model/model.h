/* model.h - what a document is: its DocType, its names, its differences, the
 * event that carries it.  No I/O: what must be looked up is asked through
 * struct lookup.
 *
 * A document in memory is a yyjson object with numbers as raw tokens, in the
 * form of es-site(5): doctype, name, owner, creation, modified, modified_by,
 * docstatus, then its fields; a table is an array of rows, each with name and
 * idx and its fields.  What a row shares with its document (doctype, parent,
 * parenttype, parentfield, docstatus, times, owner) is not stored in it. */

#ifndef ES_MODEL_H
#define ES_MODEL_H

#include <string.h>

#include "base/base.h"

/* What is wrong with a document or an event. */
struct fault {
	const char	*code;		/* a word, static; see es-sync-log(1) */
	char		 text[512];	/* a sentence; foreign text in it is raw */
};
/* Fills it and returns false. */
bool	 fault_set(struct fault *, const char *code, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));

/* ---- meta.c - DocTypes (spec 3.2, 3.3) */

enum kind {			/* what a field holds */
	K_LAYOUT,		/* nothing: Section Break, HTML, Button … */
	K_TABLE,		/* Table, Table MultiSelect: rows of meta->child */
	K_TEXT,			/* a string */
	K_LINK, K_DYNAMIC,	/* a name in options, in the doctype named by field dyn */
	K_SELECT, K_CHECK,
	K_INT, K_FLOAT,		/* a number token */
	K_DATE, K_DATETIME, K_TIME,
	K_JSON,			/* any value */
	K_PASSWORD		/* never in the document */
};

struct field {
	const char	*name, *type, *label, *options, *dflt;	/* "" if unset; dflt NULL if unset */
	size_t		 len;		/* of name */
	enum kind	 kind;
	bool		 reqd, unique, allow_on_submit, set_only_once,
			 non_negative, is_virtual, in_list;
	const struct meta *child;	/* K_TABLE; NULL until the site resolves it */
	const struct field *dyn;	/* K_DYNAMIC: the field with the doctype, or NULL */
	const struct field *half;	/* the other way: the dynamic link this field is a half of */
};

struct meta {
	const char	*name, *autoname, *title_field, *sort_field, *sort_order,
			*nsm_parent_field;
	bool		 istable, issingle, submittable, is_tree, allow_rename;
	struct field	*fields;	/* in order, custom ones last */
	size_t		 nfields;
	struct map	 byname;
	const char	*names;		/* of the fields: see meta_own */
	size_t		 names_len;
	bool		 secrets;	/* it, or a row of it, has a password */
	size_t		 nreqd, nunique, nonce;	/* fields that are so, to be checked */
	int64_t		 id;		/* the site's number for the doctype */
	struct arena	 mem;		/* all of the above */
};

/* From the DocType document, with its Custom Field and Property Setter
 * documents laid over (spec 3.2).  NULL and a fault if it cannot be used:
 * bad or doubled fieldnames, unknown fieldtypes, a table or dynamic link
 * without options (a link without is text).  Fields that take a standard key's
 * name (owner of an old ToDo) are left out. */
struct meta *meta_new(yyjson_val *doctype, yyjson_val *const *custom, size_t ncustom,
	    yyjson_val *const *setters, size_t nsetters, struct fault *);
void	 meta_free(struct meta *);
/* Quick for a name that is a field's own (f->name), as the keys of a document
 * are after doc_clean: in memory, its field stands before it. */
const struct field *meta_field(const struct meta *, const char *, size_t);
/* Is it one that is 0 in Frappe if it is not set? */
bool	 field_is_number(const struct field *);
static inline const struct field *
meta_own(const struct meta *m, const char *name)
{
	uintptr_t at = (uintptr_t)name - (uintptr_t)m->names;
	const struct field *f;

	if (at >= m->names_len)
		return NULL;
	memcpy(&f, m->names + at - sizeof(f), sizeof(f));
	return f;
}
/* The same for keys that mostly come in the order of the fields: *at is 0 for
 * the first, then it is where to look for the next.  NULL of a standard key. */
const struct field *meta_next(const struct meta *, size_t *at, const char *,
	    size_t);
/* The next of a Select's options, one a line, without blanks around it; NULL
 * after the last.  Start with at = field->options. */
const char *meta_option(const char **at, size_t *len);
/* Fit to be a DocType's or a field's name, that is, to become an SQL name? */
bool	 meta_doctype_name(const char *);
bool	 meta_fieldname(const char *);
/* The field that gives documents their names (autoname field:...), or NULL. */
const struct field *meta_naming_field(const struct meta *);
/* A key that every document has or that is not stored: name, owner, creation,
 * modified, modified_by, docstatus, idx, doctype, parent*, _user_tags …, __x. */
bool	 meta_standard(const char *, size_t);
/* May documents of this doctype be streamed at all?  (DESIGN 7.1) */
bool	 meta_streamed(const char *doctype);

/* ---- what the model asks of the site that it serves */

struct lookup {
	void	*arg;
	/* Does this document exist? */
	bool	(*exists)(void *, const char *doctype, const char *name);
	/* The name of another document than self with this value in a unique
	 * field, or NULL; until the next call. */
	const char *(*holder)(void *, const struct meta *, const struct field *,
		    const char *value, size_t len, const char *self);
	/* Adds one to the counter of this key and returns it (spec 4.3);
	 * less than 0 if that failed. */
	int64_t	(*counter)(void *, const char *key);
	/* A text field of a document, or NULL; until the next call. */
	const char *(*value)(void *, const char *doctype, const char *name,
		    const char *field);
};

/* ---- clean.c - a stored document of a posted one: its shape, its defaults
 * (spec 5.1) */

/* Makes a stored document of a posted one, in place: drops what the site sets
 * itself (doctype, owner, creation, modified, modified_by, idx, parent*,
 * docstatus of rows, keys with a leading __, _user_tags …; name and docstatus
 * stay), gives rows a name where they have none (10 hex digits) and their idx
 * by position, or by the idx posted where all rows have one.  Wrong shapes are
 * faults: a table that is no array of objects (absent is an empty one, and null
 * is made one; a whole number as name is made text), a row name that is no string or stands twice, docstatus not 0 1 2. */
bool	 doc_clean(yyjson_mut_doc *, const struct meta *, yyjson_mut_val *doc,
	    struct fault *);
/* Puts defaults where a field is absent or null (spec 5.1.1): the DocField
 * default, Today, Now, __user (user), first Select option only if the field is
 * reqd; never for tables.  In rows too. */
void	 doc_defaults(yyjson_mut_doc *, const struct meta *, yyjson_mut_val *doc,
	    const char *user, int64_t now);

/* ---- rows.c - the rows of a table: their order, and one by its name */

/* Puts the rows of a table into the order of their idx if each has one. */
void	 rows_sort(yyjson_mut_val *rows);
/* The row of that name among those of a table, also of a diff; or NULL. */
yyjson_mut_val *row_named(yyjson_mut_val *rows, const char *name);

/* ---- check.c - is a document as its DocType says? (spec 5.6, 5.7) */

enum {
	CHECK_TYPES = 1,	/* values have their field's type; unique; docstatus order */
	CHECK_KNOWN = 2,	/* no unknown fields */
	CHECK_FULL = 4,		/* reqd, Select, after submit, set_only_once, non_negative */
	CHECK_LINKS = 8,	/* link targets exist */
	CHECK_ALL = 15
};
/* Checks a clean document; old is the stored one or NULL for a new one.  The
 * first fault ends it.  Codes: type unique docstatus field reqd select submit
 * constant negative link.  For a unique field of a row holder gets the child's
 * meta, and as self the name of the document, "" if it has none yet.  0 to 2 and
 * a new document of docstatus 2 are faults under CHECK_FULL only. */
bool	 doc_check(const struct meta *, yyjson_mut_val *doc, yyjson_mut_val *old,
	    int what, const struct lookup *, struct fault *);
/* CHECK_TYPES, and CHECK_FULL, of what a diff writes into doc; cheaper than of
 * all of it.  submitted: the document was so before. */
bool	 diff_check(const struct meta *, yyjson_mut_val *diff,
	    yyjson_mut_val *doc, int what, bool submitted,
	    const struct lookup *, struct fault *);

/* ---- links.c - the links of a document, or of a diff */

/* Calls back for every link value of a document or of a diff (changed, added,
 * row_changed): field, the doctype it points to, and the value itself, which
 * the callback may replace through obj and the field's name. */
typedef void link_fn(void *arg, yyjson_mut_val *obj, const struct field *,
	    const char *doctype, yyjson_mut_val *value);
void	 doc_links(const struct meta *, yyjson_mut_val *doc, link_fn *, void *arg);
/* full: the document as it is, for the doctype of a changed half. */
void	 diff_links(const struct meta *, yyjson_mut_val *diff, yyjson_mut_val *full,
	    link_fn *, void *arg);

/* ---- stock.c */

/* What stock logs as a client posted it, in place, as its database has it: the
 * text of a number where the field wants one, and the other way, true and
 * false, "" for 0, a day with its time.  What is none of these stays. */
void	 stock_doc(yyjson_mut_doc *, const struct meta *, yyjson_mut_val *doc);
void	 stock_diff(yyjson_mut_doc *, const struct meta *, yyjson_mut_val *diff);

/* ---- naming.c (spec 4) */

/* The name of a new document by its DocType's rule, in the arena; NULL and a
 * fault.  Counters go on until a name is free.  Child rows are not named here. */
char	*name_new(struct arena *, const struct meta *, yyjson_mut_val *doc,
	    int64_t now, const struct lookup *, struct fault *);
/* Fit to be the name of a document? (spec 4.1, 4: not empty, no < >, 140
 * characters, no control characters, not "New X" …) */
bool	 name_check(const struct meta *, const char *, struct fault *);

/* ---- diff.c - Frappe's diff by row name (spec 7.2) */

/* The four keys changed, added, removed, row_changed, in doc; NULL if nothing
 * changed.  Numbers are compared as decimals; null and absent are the same.
 * Both halves of a dynamic link go together.  Added rows are whole, with their
 * idx; a row_changed row has an idx where its order among the rows that stay
 * changed.  Values are copied into doc. */
yyjson_mut_val *diff_make(yyjson_mut_doc *, const struct meta *,
	    yyjson_mut_val *old, yyjson_mut_val *new);
/* Applies a diff in place, idempotently (spec 10.3 without its defects):
 * rows in added that are there already are overlaid; rows in row_changed and
 * removed that are not there are passed over.  Rows with an idx in the diff
 * are put at that place, the others keep their order; then idx is renumbered.
 * Values are copied into doc. */
void	 diff_apply(yyjson_mut_doc *, const struct meta *, yyjson_mut_val *doc,
	    yyjson_mut_val *diff);
/* NULL, or what is wrong with the shape of a diff (from a stranger): the four
 * keys, each optional, objects of the right kind, row names strings. */
const char *diff_fault(const struct meta *, yyjson_mut_val *diff);

/* The places a diff writes, for conflicts: a field; a whole row (added or
 * removed); a field of a row.  A dynamic link is one place: its halves both
 * stand under the name of the link field.  Where a row stands (idx) is one. */
struct place {
	const char	*table;		/* NULL for a field of the document */
	const char	*row;		/* row name, if table */
	const char	*field;		/* NULL for the whole row */
};
struct places {
	struct place	*v;
	size_t		 n, cap;	/* v is malloced; strings are borrowed */
};
void	 places_add(struct places *, const struct place *);	/* once each */
void	 places_of(struct places *, const struct meta *, yyjson_mut_val *diff);
void	 places_free(struct places *);
bool	 place_same(const struct place *, const struct place *);
/* Equal, or one is the whole row of the other. */
bool	 place_overlap(const struct place *, const struct place *);
bool	 places_overlap(const struct places *, const struct place *);
/* Is the value at a place the same in two documents?  A field of a row that
 * only one of them has is not. */
bool	 place_equal(const struct meta *, const struct place *, yyjson_mut_val *,
	    yyjson_mut_val *);
/* The value at a place of a document (of a diff), for messages and the sync
 * log; a new value in the mut doc.  That of a dynamic link is an object with
 * its halves. */
yyjson_mut_val *place_value(yyjson_mut_doc *, const struct meta *,
	    const struct place *, yyjson_mut_val *doc);
/* The diff that writes a document's present values at these places (a row
 * that is missing is removed); NULL if there are none.  The order of rows that
 * stay is at no place, so it is not in it. */
yyjson_mut_val *diff_at(yyjson_mut_doc *, const struct meta *,
	    yyjson_mut_val *doc, const struct places *);
/* The diff without what is not at these places; NULL if nothing is left. */
yyjson_mut_val *diff_cut(yyjson_mut_doc *, const struct meta *,
	    yyjson_mut_val *diff, const struct places *keep);

/* Values equal: json_same, where both are number tokens as decimals. */

/* ---- event.c - es-event(5) */

enum update { U_CREATE, U_UPDATE, U_DELETE, U_RENAME };
extern const char *const update_text[];		/* Create, Update, Delete, Rename */

/* A point in a site's journal. */
struct point {
	int64_t		 creation;	/* 0: none */
	const char	*name;
};
/* A site and a point in its journal. */
struct mark {
	const char	*site;
	struct point	 at;
};
struct marks {
	struct mark	*v;
	size_t		 n;
};
/* The name of the point of a site; NULL if it is not among them. */
const char *marks_find(const struct marks *, const char *site);

/* To be applied again, though it is known: once more; against what was written
 * here; or not at all. */
enum resync { RESYNC_NOT, RESYNC_AGAIN, RESYNC_FORCE, RESYNC_WITHDRAW,
    RESYNC_PARKED };
extern const char *const resync_text[];		/* NULL, NULL, force, withdraw */

struct event {
	const char	*name, *doctype, *docname;
	int64_t		 creation;
	enum update	 type;
	yyjson_val	*data;		/* Create: object; Update: diff; Delete: NULL; Rename */
	const char	*fault;		/* from stock: why it has no data; or NULL */
	const char	*new_name;	/* Rename */
	bool		 merge;
	const char	*producer, *site;	/* NULL from stock */
	bool		 has_prev;	/* prev was there, maybe null */
	const char	*prev, *base;
	struct marks	 bases;		/* base, where the receiver is not known */
	const char	*birth_site, *birth;	/* origin; NULL from stock */
	struct mark	*also;		/* further births: site, at.name */
	size_t		 nalso;
	yyjson_val	*links;
	struct marks	 via;		/* sites passed, with the event's point there */
	struct marks	 seen;		/* snapshot, Create: newest event contained, a site */
	struct marks	 knew;		/* what the author had seen of other sites */
	const char	*author;	/* the site that made the change */
	int64_t		 renamed;	/* the last Rename it knows; 0 */
	bool		 snapshot, merged, dependency;
	bool		 left;		/* Delete: it left the view, and may come again */
	enum resync	 resync;
	yyjson_val	*line;		/* the whole line */
};

/* Reads one parsed line.  NULL if it is an event; else what is wrong.  In the
 * arena.  data that is a JSON text in a string is parsed; if from stock it is
 * none of an object, the event has a fault: stock sends no other. */
const char *event_read(struct arena *, yyjson_val *line, struct event *);
/* An update_type is what makes a line an event. */
bool	 event_is(yyjson_val *line);
/* Has es-map made it one of a DocType here? */
bool	 event_is_mapped(const struct event *);

/* ---- csv.c - tables of comma-separated values (RFC 4180) as documents */

struct csv;
/* Reads the first row, which names fields, none twice; table.field is one of the
 * rows of a table.  NULL and a fault.  An input that cannot be read ends the
 * program. */
struct csv *csv_open(FILE *, const struct meta *, struct fault *);
/* The next row as a document in the arena: cells typed by their fields, empty
 * ones null; blank lines are passed over.  Rows of tables go on in the rows
 * below, as long as these have no name, or the same.  1; 0 at the end; -1 and a
 * fault for a row that cannot be one. */
int	 csv_next(struct csv *, struct arena *, yyjson_doc **, struct fault *);
size_t	 csv_line(const struct csv *);	/* where it began, from 1 */
const char *csv_text(const struct csv *, size_t *len);	/* as it was read */
void	 csv_close(struct csv *);
/* The other way: columns with commas between; NULL: the name, all fields and
 * those of the rows.  A document takes as many rows as its longest table, each
 * with its name.  NULL and a fault. */
struct csv *csv_write_open(FILE *, const struct meta *, const char *columns,
	    struct fault *);
void	 csv_write_head(struct csv *);
void	 csv_write(struct csv *, yyjson_val *doc);

/* ---- expr.c, eval.c - expressions: the part of Python that people write in
 * conditions and filters (DESIGN 8; es-eval(1) has it for users) */

struct expr;
/* Parses one; NULL and a fault that marks the place ("at 12: …") if it is not
 * understood. */
struct expr *expr_parse(const char *, struct fault *);
/* The same of one that knows value instead of doc: it is asked of a document of
 * that one field. */
struct expr *expr_parse_value(const char *, struct fault *);
void	 expr_free(struct expr *);
/* What it is asked of: numbers that are not set are 0 there, as in Frappe. */
void	 expr_bind(struct expr *, const struct meta *);
/* Does it ask other documents (frappe.db)? */
bool	 expr_asks(const struct expr *);
/* The fields of the document that it names, each once; how many, or -1: more
 * than max, or it does not say which. */
int	 expr_fields(struct expr *, const char **names, int max);
/* The nth DocType that it names there, from 0; NULL after the last. */
const char *expr_asked(const struct expr *, size_t nth);

struct expr_ask {
	struct arena	*a;		/* for what comes up on the way */
	yyjson_mut_doc	*m;		/* values are made in it; NULL: one in a */
	yyjson_mut_val	*doc;		/* NULL: none */
	const struct expr_site *site;	/* NULL: there is none to be asked */
	int64_t		 now;
	/* out: */
	bool		 failed;	/* it could not be evaluated */
	struct fault	 fault;
};
/* The site where it is evaluated.  filter is a name, an object of fields and
 * values, or null: the Single of that name.  False and a fault in the asker, with
 * failed set where it is the site that failed. */
struct expr_site {
	void	*arg;
	/* A field of the first that is found; NULL: there is none. */
	bool	(*value)(void *, struct expr_ask *, const char *doctype,
		    yyjson_mut_val *filter, const char *field,
		    yyjson_mut_val **);
	bool	(*count)(void *, struct expr_ask *, const char *doctype,
		    yyjson_mut_val *filter, int64_t *);
};
/* RAISED: Python would raise an exception, which counts as false; FAILED: it
 * could not be evaluated, which is no answer.  The fault says why. */
enum truth { EXPR_FALSE, EXPR_TRUE, EXPR_RAISED, EXPR_FAILED };
enum truth expr_true(const struct expr *, struct expr_ask *);
/* Its value, or NULL and a fault. */
yyjson_mut_val *expr_value(const struct expr *, struct expr_ask *);

/* ---- mapping.c - documents of one DocType as those of another (DESIGN 9;
 * es-map(1) has the rules for users) */

struct mapping;
/* Who runs programs of jq; as in base.h. */
struct mapping_jq {
	struct jq *(*open)(const char *text, char *why);
	int	(*check)(const struct jq *, char *why);
	enum jq_result (*ask)(const struct jq *, const char *json, size_t len,
		    const char **value, size_t *n, char *why);
	void	(*close)(struct jq *);
};
/* Where what a mapping names is found. */
struct mapping_source {
	void	*arg;
	/* A Document Type Mapping or a Value Map, for as long as the mapping
	 * lives; NULL: there is none. */
	yyjson_val *(*doc)(void *, const char *doctype, const char *name);
	/* NULL: there is none; &meta_unknown: it cannot be asked for. */
	const struct meta *(*meta)(void *, const char *doctype);
	/* Takes each fault, where all are wanted; or NULL. */
	void	(*fault)(void *, const struct fault *);
	const struct mapping_jq *jq;
	bool	 entered;		/* all of it is looked at, jq too */
};
/* From its document: what is wrong with that is said here, not when documents
 * come.  NULL and a fault of code mapping, which names the row.  If the source
 * takes all faults, one with bad rows comes too, to be looked at and no more. */
struct mapping *mapping_new(const struct mapping_source *, yyjson_val *doc,
	    struct fault *);
void	 mapping_free(struct mapping *);
const char *mapping_local(const struct mapping *);
const char *mapping_remote(const struct mapping *);
/* Has it rows of the type Document? */
bool	 mapping_fetches(const struct mapping *);
/* Calls back with the mappings that its rows of that type are of. */
void	 mapping_documents(const struct mapping *,
	    void (*)(void *, const char *name), void *);
extern const struct meta meta_unknown;
/* Says what it takes from fields that the producer has not: meta and fault of
 * the source are asked of there.  Nothing is said of what is unknown. */
void	 mapping_check(const struct mapping *, const struct mapping_source *);

/* A link to a document that is found at the producer by filters. */
struct mapping_document {
	const char	*table, *row;	/* where it stands here, or NULL */
	const char	*there;		/* the table at the producer, or NULL */
	const char	*field;
	const char	*mapping;	/* what that document is mapped by */
	yyjson_mut_val	*obj;		/* it stands in, with the remote value */
	yyjson_val	*doc;		/* the remote object it came from */
	const struct row *of;
};
struct mapping_run {
	struct arena	*a;
	yyjson_mut_doc	*m;		/* what is made is made in it */
	const struct expr_site *site;	/* for expressions, or NULL */
	int64_t		 now;
	/* Each may be NULL.  What a DocType of the producer is called here, or the
	 * same pointer. */
	const char *(*doctype)(void *, const char *);
	/* The value of this field in obj is what a document here is called. */
	void	(*local)(void *, yyjson_mut_val *obj, const struct field *);
	void	(*document)(void *, const struct mapping_document *);
	/* A value that a Value Map does not have goes on as it is; without, it is
	 * a fault. */
	void	(*uncovered)(void *, const char *values, const char *table,
		    const char *field, const char *value, size_t len);
	void	*arg;
	/* out: */
	bool	 failed;		/* the site did */
	struct fault	 fault;
};
/* A document of the producer, or a diff of one, as it is here; NULL and a fault
 * that names field and value.  What is copied may point into what was given.
 * Mapping the new document is the same as applying the mapped diff to the
 * mapped old one. */
yyjson_mut_val *mapping_doc(struct mapping *, struct mapping_run *,
	    yyjson_val *doc);
yyjson_mut_val *mapping_diff(struct mapping *, struct mapping_run *,
	    yyjson_val *diff);
/* The filters that find such a document, asked of d->doc, which is to be whole;
 * NULL and a fault. */
yyjson_mut_val *mapping_filters(struct mapping_run *,
	    const struct mapping_document *);

#endif
