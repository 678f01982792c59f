/* meta.c - DocTypes: what their documents hold */

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "model/model.h"

enum { DOCTYPE_NAME_MAX = 61, FIELDNAME_MAX = 64 };
enum { AHEAD = 6 };		/* fields tried before a look-up */

static const struct {
	const char	*type;
	enum kind	 kind;
} kinds[] = {
	{ "Data", K_TEXT },
	{ "Link", K_LINK },
	{ "Check", K_CHECK },
	{ "Select", K_SELECT },
	{ "Column Break", K_LAYOUT },
	{ "Section Break", K_LAYOUT },
	{ "Currency", K_FLOAT },
	{ "Float", K_FLOAT },
	{ "Int", K_INT },
	{ "Small Text", K_TEXT },
	{ "Text", K_TEXT },
	{ "Text Editor", K_TEXT },
	{ "Date", K_DATE },
	{ "Datetime", K_DATETIME },
	{ "Time", K_TIME },
	{ "Table", K_TABLE },
	{ "Table MultiSelect", K_TABLE },
	{ "Dynamic Link", K_DYNAMIC },
	{ "Read Only", K_TEXT },
	{ "Percent", K_FLOAT },
	{ "Code", K_TEXT },
	{ "Long Text", K_TEXT },
	{ "Attach", K_TEXT },
	{ "Attach Image", K_TEXT },
	{ "Password", K_PASSWORD },
	{ "Tab Break", K_LAYOUT },
	{ "HTML", K_LAYOUT },
	{ "Button", K_LAYOUT },
	{ "Heading", K_LAYOUT },
	{ "Image", K_LAYOUT },
	{ "Fold", K_LAYOUT },
	{ "Autocomplete", K_TEXT },
	{ "Barcode", K_TEXT },
	{ "Color", K_TEXT },
	{ "Duration", K_FLOAT },
	{ "Geolocation", K_TEXT },
	{ "HTML Editor", K_TEXT },
	{ "Icon", K_TEXT },
	{ "JSON", K_JSON },
	{ "Long Int", K_INT },
	{ "Markdown Editor", K_TEXT },
	{ "Phone", K_TEXT },
	{ "Rating", K_FLOAT },
	{ "Signature", K_TEXT },
};

/* Definitions, users, rights, subscriptions, mappings and series: these open
 * or rule a site and never reach it through a stream. */
static const char *const unstreamed[] = {
	"DocType", "DocField", "DocPerm", "DocType Action", "DocType Link",
	"DocType State", "Custom Field", "Custom DocPerm", "Property Setter",
	"User", "User Email", "User Social Login", "Block Module",
	"DefaultValue", "Role", "Has Role", "Module Def", "Event Sync Log",
	"Document Type Mapping", "Document Type Field Mapping",
	"Deleted Document", "Series",
};
static const char *const unstreamed_prefixes[] = {
	"Event Producer", "Event Consumer", "Event Update Log", "Value Map",
	"Document Naming Rule",
};

/* ---- faults */

/* A text that was cut must not end within a character. */
static void
mend(char *s)
{
	size_t n = strlen(s);

	while (n > 0 && (s[n - 1] & 0xc0) == 0x80)
		n--;
	if (n > 0 && (s[n - 1] & 0x80) != 0)
		n--;
	s[n] = '\0';
}

bool
fault_set(struct fault *fault, const char *code, const char *fmt, ...)
{
	va_list ap;
	int n;

	fault->code = code;
	va_start(ap, fmt);
	n = vsnprintf(fault->text, sizeof(fault->text), fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof(fault->text))
		mend(fault->text);
	return false;
}

/* ---- names */

bool
meta_doctype_name(const char *s)
{
	size_t n = 0;
	const char *p;

	/* What safe() leaves alone is UTF-8 without control characters. */
	if (*s == '\0' || *s == ' ' || strcmp(safe(s), s) != 0)
		return false;
	for (p = s; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x80 && !isalnum((unsigned char)*p) &&
		    strchr(" -_&/().,", *p) == NULL)
			return false;
		n += (*p & 0xc0) != 0x80;
	}
	return n <= DOCTYPE_NAME_MAX && p[-1] != ' ';
}

bool
meta_fieldname(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");

	return s[n] == '\0' && n > 0 && n <= FIELDNAME_MAX &&
	    (*s < '0' || *s > '9');
}

#define IS(word) (memcmp(s, word, sizeof(word) - 1) == 0)

bool
meta_standard(const char *s, size_t n)
{
	if (n >= 2 && s[0] == '_' && s[1] == '_')
		return true;
	switch (n) {
	case 3:
		return IS("idx");
	case 4:
		return IS("name");
	case 5:
		return IS("owner") || IS("_seen");
	case 6:
		return IS("parent");
	case 7:
		return IS("doctype") || IS("_assign");
	case 8:
		return IS("creation") || IS("modified");
	case 9:
		return IS("docstatus") || IS("_liked_by") || IS("_comments");
	case 10:
		return IS("parenttype") || IS("_user_tags");
	case 11:
		return IS("modified_by") || IS("parentfield");
	}
	return false;
}

/* Could a name be one of those?  Asked for every link of every document, so
 * by first letter and length before any comparison. */
static bool
maybe_unstreamed(const char *s)
{
	static uint64_t lengths[256];	/* by first letter */
	static bool made;
	unsigned char c;
	size_t i, n;

	if (!made) {
		for (i = 0; i < sizeof(unstreamed) / sizeof(*unstreamed); i++) {
			c = tolower((unsigned char)*unstreamed[i]);
			lengths[c] |= UINT64_C(1) << strlen(unstreamed[i]);
		}
		for (i = 0; i < sizeof(unstreamed_prefixes) /
		    sizeof(*unstreamed_prefixes); i++) {
			c = tolower((unsigned char)*unstreamed_prefixes[i]);
			lengths[c] = UINT64_MAX;
		}
		made = true;
	}
	c = tolower((unsigned char)*s);
	n = strlen(s);
	return lengths[c] != 0 && n < 64 && (lengths[c] >> n & 1) != 0;
}

bool
meta_streamed(const char *doctype)
{
	size_t i;

	if (!maybe_unstreamed(doctype))
		return true;
	for (i = 0; i < sizeof(unstreamed) / sizeof(*unstreamed); i++)
		if (strcasecmp(doctype, unstreamed[i]) == 0)
			return false;
	for (i = 0; i < sizeof(unstreamed_prefixes) /
	    sizeof(*unstreamed_prefixes); i++)
		if (strncasecmp(doctype, unstreamed_prefixes[i],
		    strlen(unstreamed_prefixes[i])) == 0)
			return false;
	return true;
}

/* ---- reading a DocType */

/* What a Property Setter says; field is "" for the doctype itself. */
struct setter {
	const char	*field, *property;
	yyjson_val	*value;
};

/* The definition of the doctype or of one field, and what is set over it. */
struct source {
	struct arena	*mem;
	yyjson_val	*obj;
	const char	*field;
	struct setter	*setters;
	size_t		 n;
};

/* Setters of links, actions and states of the form are passed over. */
static void
read_setters(struct source *src, yyjson_val *const *docs, size_t n)
{
	const char *what, *field;
	struct setter *s;
	size_t i;

	src->setters = arena_alloc(src->mem, n * sizeof(*src->setters));
	for (i = 0; i < n; i++) {
		s = &src->setters[src->n];
		what = json_str(docs[i], "doctype_or_field");
		field = json_str(docs[i], "field_name");
		s->property = json_str(docs[i], "property");
		s->value = yyjson_obj_get(docs[i], "value");
		if (field == NULL || (what != NULL &&
		    strcmp(what, "DocType") == 0))
			field = "";
		s->field = field;
		if (s->property != NULL && (what == NULL ||
		    strcmp(what, *field == '\0' ? "DocType" : "DocField") == 0))
			src->n++;
	}
}

/* As the last setter says, or else the definition. */
static yyjson_val *
property(const struct source *src, const char *key)
{
	const struct setter *s;
	size_t i;

	for (i = src->n; i-- > 0;) {
		s = &src->setters[i];
		if (strcmp(s->property, key) == 0 &&
		    strcmp(s->field, src->field) == 0)
			return s->value;
	}
	return yyjson_obj_get(src->obj, key);
}

/* "" if it is unset. */
static const char *
text(const struct source *src, const char *key)
{
	yyjson_val *v = property(src, key);
	const char *s = "";
	size_t n = 0;

	if (yyjson_is_str(v)) {
		s = yyjson_get_str(v);
		n = yyjson_get_len(v);
	} else if (yyjson_is_raw(v)) {
		s = yyjson_get_raw(v);
		n = yyjson_get_len(v);
	}
	return n == 0 ? "" : arena_dup(src->mem, s, n);
}

static bool
flag(const struct source *src, const char *key)
{
	yyjson_val *v = property(src, key);

	if (yyjson_is_str(v))
		return atoi(yyjson_get_str(v)) != 0;
	return json_val_int(v, 0) != 0;
}

/* Without blanks around it; s is in the arena. */
static const char *
trim(const char *s)
{
	size_t n;

	s += strspn(s, " \t\r\n");
	n = strlen(s);
	while (n > 0 && strchr(" \t\r\n", s[n - 1]) != NULL)
		((char *)s)[--n] = '\0';
	return s;
}

static bool
set_kind(struct field *f)
{
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(kinds[i].type, f->type) == 0) {
			f->kind = kinds[i].kind;
			return true;
		}
	return false;
}

/* What a link, a dynamic link and a table point to. */
static bool
set_target(struct field *f, struct fault *fault)
{
	if (f->kind != K_LINK && f->kind != K_DYNAMIC && f->kind != K_TABLE)
		return true;
	f->options = trim(f->options);
	if (f->kind == K_LINK &&
	    (*f->options == '\0' || strcmp(f->options, "[Select]") == 0))
		f->kind = K_TEXT;
	else if (*f->options == '\0')
		return fault_set(fault, "doctype", "'%s' is a %s without "
		    "options", f->name, f->type);
	else if (f->kind != K_DYNAMIC && !meta_doctype_name(f->options))
		return fault_set(fault, "doctype", "'%s' points to '%s', "
		    "which cannot be a DocType", f->name, f->options);
	return true;
}

/* Appends the field to meta.  Left out are those that take the name of a
 * standard key, and layout without a name. */
static bool
add_field(struct meta *m, struct source *src, size_t row, struct fault *fault)
{
	struct field *f = &m->fields[m->nfields];
	const char *name = json_str(src->obj, "fieldname");

	memset(f, 0, sizeof(*f));
	src->field = name == NULL ? "" : name;
	f->type = text(src, "fieldtype");
	if (!set_kind(f))
		return fault_set(fault, "doctype", "field '%s' has the unknown "
		    "type '%s'", src->field, f->type);
	if (*src->field == '\0') {
		if (f->kind == K_LAYOUT)
			return true;
		return fault_set(fault, "doctype", "field %zu has no fieldname",
		    row);
	}
	if (meta_standard(name, strlen(name)))
		return true;
	if (!meta_fieldname(name))
		return fault_set(fault, "doctype", "'%s' cannot be a fieldname",
		    name);
	f->len = strlen(name);
	f->name = arena_dup(&m->mem, name, f->len);
	f->label = text(src, "label");
	f->options = text(src, "options");
	f->dflt = text(src, "default");
	if (*f->dflt == '\0')
		f->dflt = NULL;
	f->reqd = flag(src, "reqd");
	f->unique = flag(src, "unique");
	f->allow_on_submit = flag(src, "allow_on_submit");
	f->set_only_once = flag(src, "set_only_once");
	f->non_negative = flag(src, "non_negative");
	f->is_virtual = flag(src, "is_virtual");
	f->in_list = flag(src, "in_list_view");
	m->nfields++;
	return set_target(f, fault);
}

static void
add_amended_from(struct meta *m)
{
	struct field *f = &m->fields[m->nfields++];

	memset(f, 0, sizeof(*f));
	f->name = "amended_from";
	f->len = strlen(f->name);
	f->type = "Link";
	f->kind = K_LINK;
	f->label = "Amended From";
	f->options = m->name;
	map_set(&m->byname, f->name, strlen(f->name), f);
}

static bool
add_fields(struct meta *m, struct source *src, yyjson_val *const *custom,
    size_t ncustom, struct fault *fault)
{
	yyjson_val *fields = yyjson_obj_get(src->obj, "fields"), *row;
	yyjson_arr_iter it;
	size_t i;

	m->fields = arena_alloc(&m->mem, (yyjson_arr_size(fields) + ncustom +
	    1) * sizeof(*m->fields));
	yyjson_arr_iter_init(fields, &it);
	for (i = 1; (row = yyjson_arr_iter_next(&it)) != NULL; i++) {
		src->obj = row;
		if (!add_field(m, src, i, fault))
			return false;
	}
	for (i = 0; i < ncustom; i++) {
		src->obj = custom[i];
		if (!add_field(m, src, i + 1, fault))
			return false;
	}
	return true;
}

/* In SQL the case of a name does not tell it from another. */
static bool
index_fields(struct meta *m, struct fault *fault)
{
	struct map folded = { 0 };
	struct field *f;
	char *low;
	size_t i, j, n;
	bool ok = true;

	for (i = 0; i < m->nfields && ok; i++) {
		f = &m->fields[i];
		n = strlen(f->name);
		low = arena_dup(&m->mem, f->name, n);
		for (j = 0; j < n; j++)
			low[j] = tolower((unsigned char)low[j]);
		if (map_get(&folded, low, n) != NULL)
			ok = fault_set(fault, "doctype", "two fields are "
			    "called '%s'", f->name);
		map_set(&folded, low, n, f);
		map_set(&m->byname, f->name, n, f);
	}
	map_free(&folded);
	return ok;
}

static void
pair_dynamic_links(struct meta *m)
{
	struct field *f, *half;
	size_t i;

	for (i = 0; i < m->nfields; i++) {
		f = &m->fields[i];
		if (f->kind != K_DYNAMIC)
			continue;
		half = map_get(&m->byname, f->options, strlen(f->options));
		if (half == NULL || half == f)
			continue;
		f->dyn = half;
		if (half->half == NULL)
			half->half = f;
	}
}

static void
count_fields(struct meta *m)
{
	const struct field *f;
	size_t i;

	for (i = 0; i < m->nfields; i++) {
		f = &m->fields[i];
		if (f->is_virtual || f->kind == K_LAYOUT ||
		    f->kind == K_PASSWORD)
			continue;
		m->nreqd += f->reqd;
		m->nunique += f->unique;
		m->nonce += f->set_only_once;
	}
}

static bool
known(const struct meta *m, const char *name)
{
	return meta_field(m, name, strlen(name)) != NULL;
}

/* The parent's field of a tree, if it is not named: parent_item_group. */
static const char *
tree_field(struct meta *m)
{
	char *s, *p;

	s = arena_printf(&m->mem, "parent_%s", m->name);
	for (p = s; *p != '\0'; p++)
		*p = *p == ' ' || *p == '-' ? '_' : tolower((unsigned char)*p);
	return known(m, s) ? s : "";
}

static void
read_doctype(struct meta *m, const struct source *src)
{
	m->istable = flag(src, "istable");
	m->issingle = flag(src, "issingle");
	m->submittable = flag(src, "is_submittable") && !m->istable;
	m->is_tree = flag(src, "is_tree");
	m->allow_rename = flag(src, "allow_rename");
	m->autoname = trim(text(src, "autoname"));
	m->title_field = text(src, "title_field");
	m->sort_field = text(src, "sort_field");
	m->sort_order = text(src, "sort_order");
	m->nsm_parent_field = text(src, "nsm_parent_field");
}

/* What rests on the fields there are. */
static void
settle(struct meta *m)
{
	if (m->submittable && !known(m, "amended_from"))
		add_amended_from(m);
	if (*m->autoname == '\0' && known(m, "naming_series"))
		m->autoname = "naming_series:";
	if (!known(m, m->title_field))
		m->title_field = "";
	if (!known(m, m->sort_field) &&
	    !meta_standard(m->sort_field, strlen(m->sort_field)))
		m->sort_field = "modified";
	m->sort_order = strcasecmp(m->sort_order, "asc") == 0 ? "ASC" : "DESC";
	if (!known(m, m->nsm_parent_field))
		m->nsm_parent_field = m->is_tree ? tree_field(m) : "";
	pair_dynamic_links(m);
	count_fields(m);
}

static bool
read_name(struct meta *m, yyjson_val *doctype, struct fault *fault)
{
	const char *name = json_str(doctype, "name");

	if (name == NULL)
		return fault_set(fault, "doctype", "a DocType needs a name");
	if (!meta_doctype_name(name))
		return fault_set(fault, "doctype", "'%s' cannot be the name "
		    "of a DocType", name);
	m->name = arena_dup(&m->mem, name, strlen(name));
	return true;
}

/* Puts the names of the fields behind one another, a pointer to its field
 * before each: see meta_own. */
static void
own_names(struct meta *m)
{
	const size_t word = sizeof(struct field *);
	size_t i, n = 0;
	struct field *f;
	char *p;

	for (i = 0; i < m->nfields; i++)
		n += word + (m->fields[i].len + word) / word * word;
	p = arena_alloc(&m->mem, n);
	m->names = p;
	m->names_len = n;
	for (i = 0; i < m->nfields; i++) {
		f = &m->fields[i];
		memcpy(p, &f, word);
		p += word;
		memcpy(p, f->name, f->len + 1);
		f->name = p;
		p += (f->len + word) / word * word;
	}
}

struct meta *
meta_new(yyjson_val *doctype, yyjson_val *const *custom, size_t ncustom,
    yyjson_val *const *setters, size_t nsetters, struct fault *fault)
{
	struct meta *m = xcalloc(1, sizeof(*m));
	struct source src = { .mem = &m->mem, .obj = doctype, .field = "" };

	arena_init(&m->mem);
	read_setters(&src, setters, nsetters);
	read_doctype(m, &src);
	if (!read_name(m, doctype, fault) ||
	    !add_fields(m, &src, custom, ncustom, fault) ||
	    (own_names(m), !index_fields(m, fault))) {
		meta_free(m);
		return NULL;
	}
	settle(m);
	return m;
}

void
meta_free(struct meta *m)
{
	if (m == NULL)
		return;
	map_free(&m->byname);
	arena_free(&m->mem);
	free(m);
}

bool
field_is_number(const struct field *f)
{
	return f->kind == K_CHECK || f->kind == K_INT || f->kind == K_FLOAT;
}

const struct field *
meta_field(const struct meta *m, const char *name, size_t len)
{
	const struct field *f = meta_own(m, name);

	return f != NULL ? f : map_get(&m->byname, name, len);
}

const struct field *
meta_next(const struct meta *m, size_t *at, const char *key, size_t len)
{
	const struct field *f;
	size_t i;

	if ((f = meta_own(m, key)) != NULL)
		return f;
	if (meta_standard(key, len))
		return NULL;
	/* Documents have their fields in order, with gaps. */
	for (i = *at; i < m->nfields && i < *at + AHEAD; i++) {
		f = &m->fields[i];
		if (f->len == len && memcmp(f->name, key, len) == 0) {
			*at = i + 1;
			return f;
		}
	}
	f = meta_field(m, key, len);
	if (f != NULL)
		*at = f - m->fields + 1;
	return f;
}

const struct field *
meta_naming_field(const struct meta *m)
{
	const char *field = m->autoname + 6;

	return strncmp(m->autoname, "field:", 6) != 0 ? NULL :
	    meta_field(m, field, strlen(field));
}

const char *
meta_option(const char **at, size_t *len)
{
	const char *s = *at;
	size_t n;

	if (s == NULL)
		return NULL;
	n = strcspn(s, "\n");
	*at = s[n] == '\0' ? NULL : s + n + 1;
	while (n > 0 && isspace((unsigned char)*s))
		s++, n--;
	while (n > 0 && isspace((unsigned char)s[n - 1]))
		n--;
	*len = n;
	return s;
}
