/* check.c - what a DocType may be and what it asks of its documents */

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "model/model.h"

static struct arena mem;
static struct meta *order, *child, *note, *single, *draft;
static int tests, failed;

/* ---- TAP */

static void
ok(bool good, const char *name)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
	failed += !good;
}

static void
is(const char *got, const char *want, const char *name)
{
	ok(strcmp(got, want) == 0, name);
	if (strcmp(got, want) != 0)
		printf("# got:  %s\n# want: %s\n", got, want);
}

/* ---- JSON, written with ' for " */

static yyjson_val *
parse(const char *s)
{
	char *p, *text = arena_dup(&mem, s, strlen(s));
	const char *why;
	yyjson_doc *doc;

	for (p = text; *p != '\0'; p++)
		if (*p == '\'')
			*p = '"';
	doc = json_parse(&mem, text, strlen(text), &why);
	if (doc == NULL) {
		printf("Bail out! %s: %s\n", why, s);
		exit(1);
	}
	return yyjson_doc_get_root(doc);
}

static yyjson_mut_doc *
mutable(const char *s)
{
	yyjson_mut_doc *d = yyjson_mut_doc_new(&mem.alc);

	if (s != NULL)
		yyjson_mut_doc_set_root(d, yyjson_val_mut_copy(d, parse(s)));
	return d;
}

/* The JSON of a value, with ' for " again. */
static const char *
text(yyjson_mut_val *v)
{
	char *p, *s = json_mut_text(&mem, v, NULL);

	for (p = s; *p != '\0'; p++)
		if (*p == '"')
			*p = '\'';
	return s;
}

static const char *
said(bool good, const struct fault *fault)
{
	return good ? "fine" : arena_printf(&mem, "%s: %s", fault->code,
	    fault->text);
}

/* ---- the site: Customers C-1 and C-2, Supplier S-1 */

static int asked;

static bool
exists(void *arg, const char *doctype, const char *name)
{
	(void)arg;
	asked++;
	if (strcmp(doctype, "DocType") == 0)
		return true;
	return (strcmp(doctype, "Customer") == 0 && (strcmp(name, "C-1") == 0 ||
	    strcmp(name, "C-2") == 0)) ||
	    (strcmp(doctype, "Supplier") == 0 && strcmp(name, "S-1") == 0);
}

/* O-7 has po 77; its row has the barcode 4711. */
static const char *
holder(void *arg, const struct meta *m, const struct field *f,
    const char *value, size_t len, const char *self)
{
	(void)arg;
	asked++;
	if (strcmp(self, "O-7") == 0)
		return NULL;
	if (m == order && strcmp(f->name, "po") == 0 && len == 2 &&
	    memcmp(value, "77", 2) == 0)
		return "O-7";
	if (m == child && strcmp(f->name, "barcode") == 0 && len == 4 &&
	    memcmp(value, "4711", 4) == 0)
		return "O-7";
	return NULL;
}

static const struct lookup look = { .exists = exists, .holder = holder };

static struct meta *
meta(const char *json)
{
	struct fault fault;
	struct meta *m = meta_new(parse(json), NULL, 0, NULL, 0, &fault);

	if (m == NULL) {
		printf("Bail out! %s\n", fault.text);
		exit(1);
	}
	return m;
}

static void
make_metas(void)
{
	size_t i;

	order = meta("{'name':'Order','is_submittable':1,'fields':["
	    "{'fieldname':'customer','fieldtype':'Link','options':'Customer'},"
	    "{'fieldname':'party_type','fieldtype':'Link','options':'DocType'},"
	    "{'fieldname':'sec','fieldtype':'Section Break'},"
	    "{'fieldname':'party','fieldtype':'Dynamic Link',"
	    "'options':'party_type'},"
	    "{'fieldname':'title','fieldtype':'Data'},"
	    "{'fieldname':'state','fieldtype':'Select',"
	    "'options':'\\n Open \\nClosed'},"
	    "{'fieldname':'day','fieldtype':'Date'},"
	    "{'fieldname':'at','fieldtype':'Datetime'},"
	    "{'fieldname':'clock','fieldtype':'Time'},"
	    "{'fieldname':'n','fieldtype':'Int'},"
	    "{'fieldname':'total','fieldtype':'Currency','non_negative':1},"
	    "{'fieldname':'paid','fieldtype':'Check'},"
	    "{'fieldname':'po','fieldtype':'Data','unique':1},"
	    "{'fieldname':'code','fieldtype':'Data','set_only_once':1},"
	    "{'fieldname':'extra','fieldtype':'JSON'},"
	    "{'fieldname':'pw','fieldtype':'Password','reqd':1},"
	    "{'fieldname':'seen','fieldtype':'Int','is_virtual':1,'reqd':1},"
	    "{'fieldname':'remark','fieldtype':'Text','allow_on_submit':1},"
	    "{'fieldname':'items','fieldtype':'Table','options':'Order Item'},"
	    "{'fieldname':'notes','fieldtype':'Table','options':'Order Item',"
	    "'allow_on_submit':1}]}");
	child = meta("{'name':'Order Item','istable':1,'fields':["
	    "{'fieldname':'item','fieldtype':'Data'},"
	    "{'fieldname':'qty','fieldtype':'Float','default':'1.50'},"
	    "{'fieldname':'barcode','fieldtype':'Data','unique':1},"
	    "{'fieldname':'buyer','fieldtype':'Link','options':'Customer'},"
	    "{'fieldname':'kind','fieldtype':'Data'},"
	    "{'fieldname':'whom','fieldtype':'Dynamic Link','options':'kind'},"
	    "{'fieldname':'due','fieldtype':'Date','allow_on_submit':1}]}");
	note = meta("{'name':'Note','fields':["
	    "{'fieldname':'title','fieldtype':'Data','reqd':1},"
	    "{'fieldname':'rows','fieldtype':'Table','options':'Order Item',"
	    "'reqd':1},"
	    "{'fieldname':'many','fieldtype':'Int','reqd':1}]}");
	single = meta("{'name':'Settings','issingle':1,'fields':["
	    "{'fieldname':'on','fieldtype':'Check'}]}");
	draft = meta("{'name':'Draft','fields':["
	    "{'fieldname':'user','fieldtype':'Link','options':'User',"
	    "'default':'__user'},"
	    "{'fieldname':'day','fieldtype':'Date','default':'Today'},"
	    "{'fieldname':'at','fieldtype':'Datetime','default':'now'},"
	    "{'fieldname':'clock','fieldtype':'Time','default':'Now'},"
	    "{'fieldname':'n','fieldtype':'Int','default':'12'},"
	    "{'fieldname':'x','fieldtype':'Float','default':'1,5'},"
	    "{'fieldname':'on','fieldtype':'Check'},"
	    "{'fieldname':'off','fieldtype':'Check','default':'0'},"
	    "{'fieldname':'must','fieldtype':'Select','reqd':1,"
	    "'options':'\\nA\\nB'},"
	    "{'fieldname':'may','fieldtype':'Select','options':'A\\nB'},"
	    "{'fieldname':'look','fieldtype':'Link','options':'Company',"
	    "'default':':Company'},"
	    "{'fieldname':'word','fieldtype':'Data','default':'hello'},"
	    "{'fieldname':'rows','fieldtype':'Table','options':'Order Item',"
	    "'default':'x'}]}");
	for (i = 0; i < order->nfields; i++)
		if (order->fields[i].kind == K_TABLE)
			order->fields[i].child = child;
	note->fields[1].child = draft->fields[12].child = child;
}

/* ---- meta */

static const char *
tried(const char *json)
{
	struct fault fault;
	struct meta *m = meta_new(parse(json), NULL, 0, NULL, 0, &fault);
	bool good = m != NULL;

	meta_free(m);
	return said(good, &fault);
}

#define DT(fields) "{'name':'X','fields':[" fields "]}"

static void
test_names(void)
{
	char s[70];

	ok(meta_doctype_name("Sales & Co/Item (A_1.2), b-c"),
	    "doctype name: letters, digits, blanks and - _ & / ( ) . ,");
	ok(meta_doctype_name("Straße 元"), "doctype name: any script");
	ok(!meta_doctype_name(""), "doctype name: not empty");
	ok(!meta_doctype_name(" A") && !meta_doctype_name("A "),
	    "doctype name: no blank at its ends");
	ok(!meta_doctype_name("a'b") && !meta_doctype_name("a\"b") &&
	    !meta_doctype_name("a`b") && !meta_doctype_name("a;b") &&
	    !meta_doctype_name("a[b"), "doctype name: no quotes, no ;");
	ok(!meta_doctype_name("a\nb") && !meta_doctype_name("a\xc2\x85") &&
	    !meta_doctype_name("a\xe2\x80\xae" "b"),
	    "doctype name: no control characters");
	ok(!meta_doctype_name("a\xff"), "doctype name: UTF-8");
	memset(s, 'a', sizeof(s));
	s[61] = '\0';
	ok(meta_doctype_name(s), "doctype name: 61 characters");
	s[61] = 'a';
	s[62] = '\0';
	ok(!meta_doctype_name(s), "doctype name: not 62");
	ok(meta_fieldname("_a1") && meta_fieldname("A"), "fieldname");
	ok(!meta_fieldname("1a") && !meta_fieldname("") &&
	    !meta_fieldname("a-b") && !meta_fieldname("ä"),
	    "fieldname: ASCII letters, digits and _, no digit first");
	s[62] = 'a';
	s[64] = '\0';
	ok(meta_fieldname(s), "fieldname: 64 characters");
	s[64] = 'a';
	s[65] = '\0';
	ok(!meta_fieldname(s), "fieldname: not 65");
}

static void
test_standard(void)
{
	static const char *const keys[] = { "name", "owner", "creation",
	    "modified", "modified_by", "docstatus", "idx", "doctype", "parent",
	    "parenttype", "parentfield", "_user_tags", "_comments", "_assign",
	    "_liked_by", "_seen", "__islocal", "__" };
	static const char *const fields[] = { "parent_account", "named",
	    "_x", "title", "owners", "id", "docstatuz", "" };
	size_t i;
	bool all = true, none = true;

	for (i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		all &= meta_standard(keys[i], strlen(keys[i]));
	for (i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		none &= !meta_standard(fields[i], strlen(fields[i]));
	ok(all, "standard keys");
	ok(none, "fields are no standard keys");
	ok(meta_streamed("Sales Invoice") && meta_streamed("Event") &&
	    meta_streamed("Custom Fieldwork"), "streamed doctypes");
	ok(!meta_streamed("User") && !meta_streamed("user") &&
	    !meta_streamed("DocField") && !meta_streamed("Custom DocPerm") &&
	    !meta_streamed("Event Producer Document Type") &&
	    !meta_streamed("Document Naming Rule Condition"),
	    "doctypes that are never streamed");
}

static void
test_meta_faults(void)
{
	is(tried("{'fields':[]}"), "doctype: a DocType needs a name",
	    "a DocType has a name");
	is(tried("{'name':'a;b'}"), "doctype: 'a;b' cannot be the name of a "
	    "DocType", "the name of a DocType");
	is(tried(DT("{'fieldname':'a b','fieldtype':'Data'}")),
	    "doctype: 'a b' cannot be a fieldname", "bad fieldname");
	is(tried(DT("{'fieldtype':'Data'}")),
	    "doctype: field 1 has no fieldname", "no fieldname");
	is(tried(DT("{'fieldname':'a','fieldtype':'Data'},"
	    "{'fieldname':'A','fieldtype':'Int'}")),
	    "doctype: two fields are called 'A'",
	    "doubled fieldname, whatever its case");
	is(tried(DT("{'fieldname':'a','fieldtype':'Blob'}")),
	    "doctype: field 'a' has the unknown type 'Blob'",
	    "unknown fieldtype");
	is(tried(DT("{'fieldname':'a','fieldtype':'Table'}")),
	    "doctype: 'a' is a Table without options",
	    "a table without options");
	is(tried(DT("{'fieldname':'a','fieldtype':'Dynamic Link'}")),
	    "doctype: 'a' is a Dynamic Link without options",
	    "a dynamic link without options");
	is(tried(DT("{'fieldname':'a','fieldtype':'Table','options':'x;y'}")),
	    "doctype: 'a' points to 'x;y', which cannot be a DocType",
	    "a table of what cannot be");
	is(tried(DT("{'fieldtype':'Column Break'},"
	    "{'fieldname':'owner','fieldtype':'Data'}")), "fine",
	    "layout without a name and standard keys are left out");
}

static void
test_meta_fields(void)
{
	struct meta *m = meta("{'name':'X','is_submittable':1,'fields':["
	    "{'fieldname':'a','fieldtype':'Link','options':'[Select]'},"
	    "{'fieldname':'b','fieldtype':'Link'},"
	    "{'fieldname':'c','fieldtype':'Link','options':' Item '},"
	    "{'fieldname':'owner','fieldtype':'Link','options':'User'},"
	    "{'fieldname':'naming_series','fieldtype':'Select'}]}");
	const struct field *f;

	ok(m->fields[0].kind == K_TEXT && m->fields[1].kind == K_TEXT,
	    "a link to [Select] or nothing is text");
	ok(m->fields[2].kind == K_LINK && strcmp(m->fields[2].options, "Item")
	    == 0, "options of a link are trimmed");
	ok(meta_field(m, "owner", 5) == NULL, "no field has a standard key");
	is(m->autoname, "naming_series:", "naming_series names");
	f = meta_field(m, "amended_from", 12);
	ok(f != NULL && f->kind == K_LINK && strcmp(f->options, "X") == 0,
	    "a submittable DocType gets amended_from");
	is(m->sort_field, "modified", "sorted by modified if nothing is said");
	meta_free(m);
	f = meta_field(order, "party", 5);
	ok(f->dyn == meta_field(order, "party_type", 10) && f->dyn->half == f,
	    "a dynamic link and its half");
	m = meta("{'name':'Item Group','is_tree':1,'fields':[{'fieldname':"
	    "'parent_item_group','fieldtype':'Data'}]}");
	is(m->nsm_parent_field, "parent_item_group", "the parent's field");
	meta_free(m);
}

static void
test_overlay(void)
{
	yyjson_val *custom[] = { parse("{'doctype':'Custom Field','dt':'X',"
	    "'fieldname':'c','fieldtype':'Int','default':'4'}") };
	yyjson_val *setters[] = {
		parse("{'doctype_or_field':'DocField','field_name':'a',"
		    "'property':'reqd','value':'1','property_type':'Check'}"),
		parse("{'doctype_or_field':'DocField','field_name':'a',"
		    "'property':'options','value':'P\\nQ'}"),
		parse("{'doctype_or_field':'DocField','field_name':'c',"
		    "'property':'reqd','value':'0'}"),
		parse("{'doctype_or_field':'DocType','property':'autoname',"
		    "'value':'hash'}"),
		parse("{'doctype_or_field':'DocType Link','property':"
		    "'title_field','value':'a'}"),
		parse("{'doctype_or_field':'DocField','field_name':'a',"
		    "'property':'options','value':'R\\nS'}"),
	};
	struct fault fault;
	struct meta *m = meta_new(parse("{'name':'X','autoname':'prompt',"
	    "'fields':[{'fieldname':'a','fieldtype':'Select'}]}"), custom, 1,
	    setters, 6, &fault);

	ok(m != NULL && m->nfields == 2, "Custom Field adds a field");
	if (m == NULL)
		return;
	ok(strcmp(m->fields[1].dflt, "4") == 0 && m->fields[1].kind == K_INT,
	    "a Custom Field is as any field");
	ok(m->fields[0].reqd && !m->fields[1].reqd, "Property Setter, a Check");
	is(m->fields[0].options, "R\nS", "the last Property Setter holds");
	is(m->autoname, "hash", "Property Setter of the DocType");
	is(m->title_field, "", "setters of links are none of the DocType");
	meta_free(m);
}

static void
test_fault(void)
{
	struct fault fault;
	char s[600];

	memset(s, 'a', sizeof(s));
	strcpy(s + 510, "\xe2\x82\xac\xe2\x82\xac");
	ok(!fault_set(&fault, "x", "%s", s) && strlen(fault.text) == 510 &&
	    text_is_utf8(fault.text, 510), "a fault is cut between characters");
}

/* ---- doc_clean, doc_defaults */

static const char *
cleaned(const struct meta *m, const char *json)
{
	yyjson_mut_doc *d = mutable(json);
	yyjson_mut_val *doc = yyjson_mut_doc_get_root(d);
	struct fault fault;

	return doc_clean(d, m, doc, &fault) ? text(doc) : said(false, &fault);
}

static void
test_clean(void)
{
	yyjson_mut_doc *d;
	yyjson_mut_val *row;
	struct fault fault;

	is(cleaned(order, "{'doctype':'Order','name':'O','owner':'a','title':"
	    "'t','creation':'','modified':'','modified_by':'','idx':3,"
	    "'parent':null,'_user_tags':'','__islocal':1,'docstatus':1,"
	    "'foo':1.50}"),
	    "{'name':'O','title':'t','docstatus':1,'foo':1.50}",
	    "clean: what the site sets is dropped, name and docstatus stay");
	is(cleaned(order, "{'items':[{'name':'r1','parent':'x','docstatus':1,"
	    "'doctype':'Order Item','item':'a'},{'item':'b','name':'r2'}]}"),
	    "{'items':[{'name':'r1','idx':1,'item':'a'},"
	    "{'item':'b','idx':2,'name':'r2'}]}",
	    "clean: rows get an idx and lose what is the document's");
	is(cleaned(order, "{'items':[{'name':'c','idx':7},{'name':'a','idx':2},"
	    "{'name':'b','idx':2}]}"),
	    "{'items':[{'name':'a','idx':1},{'name':'b','idx':2},"
	    "{'name':'c','idx':3}]}",
	    "clean: rows are sorted by idx where all have one");
	is(cleaned(order, "{'items':[{'name':'c','idx':7},{'name':'a'}]}"),
	    "{'items':[{'name':'c','idx':1},{'name':'a','idx':2}]}",
	    "clean: rows keep their place where one has none");
	is(cleaned(order, "{'items':null,'title':null}"),
	    "{'items':[],'title':null}", "clean: a null table is empty");
	d = mutable("{'items':[{'item':'a'},{'name':null,'item':'b'},"
	    "{'name':''}]}");
	row = yyjson_mut_doc_get_root(d);
	ok(doc_clean(d, order, row, &fault), "clean: rows without names");
	row = yyjson_mut_arr_get(yyjson_mut_obj_get(row, "items"), 1);
	ok(strspn(json_mut_str(row, "name"), "0123456789abcdef") == 10 &&
	    yyjson_mut_obj_size(row) == 3,
	    "clean: they get one of 10 hex digits");
	is(cleaned(order, "[1]"), "type: a document is an object",
	    "clean: no object");
	is(cleaned(order, "{'items':'x'}"), "type: 'items' wants an array of "
	    "rows", "clean: a table that is no array");
	is(cleaned(order, "{'items':[{},3]}"), "type: row 2 of 'items' is no "
	    "object", "clean: a row that is no object");
	is(cleaned(order, "{'items':[{'name':3}]}"), "type: row 1 of 'items': "
	    "the name of a row is a string", "clean: a row name no string");
	is(cleaned(order, "{'items':[{'name':'a'},{'name':'a'}]}"),
	    "type: row 2 of 'items': the name 'a' stands twice",
	    "clean: a row name twice");
	is(cleaned(order, "{'docstatus':3}"), "docstatus: 'docstatus' is 0, 1 "
	    "or 2", "clean: docstatus 3");
	is(cleaned(order, "{'docstatus':'1'}"), "docstatus: 'docstatus' is 0, "
	    "1 or 2", "clean: docstatus a string");
	is(cleaned(order, "{'docstatus':null}"), "{}", "clean: docstatus null");
	is(cleaned(order, "{'name':17}"), "{'name':'17'}",
	    "clean: a whole number as name is text");
	is(cleaned(order, "{'name':[]}"), "type: 'name' wants a string",
	    "clean: a name of another type");
}

static const char *
filled(const char *json)
{
	yyjson_mut_doc *d = mutable(json);
	yyjson_mut_val *doc = yyjson_mut_doc_get_root(d);

	/* 2023-05-08 22:30:05.25 UTC, the next day in the test's zone. */
	doc_defaults(d, draft, doc, "u@x", INT64_C(1683585005250000));
	return text(doc);
}

static void
test_defaults(void)
{
	is(filled("{}"), "{'user':'u@x','day':'2023-05-09',"
	    "'at':'2023-05-09 00:30:05.250000','clock':'00:30:05.250000',"
	    "'n':12,'off':0,'must':'A','word':'hello'}",
	    "defaults: all absent");
	is(filled("{'n':null,'word':null,'user':null,'day':null,'at':'',"
	    "'clock':'','off':null,'must':null}"),
	    "{'n':12,'word':'hello','user':'u@x','day':'2023-05-09','at':'',"
	    "'clock':'','off':0,'must':'A'}",
	    "defaults: for null in its place, not for empty text");
	is(filled("{'n':0,'word':'','user':'','day':'','at':'','clock':'',"
	    "'off':1,'must':'B','rows':[{'name':'r'},{'qty':0}]}"),
	    "{'n':0,'word':'','user':'','day':'','at':'','clock':'','off':1,"
	    "'must':'B','rows':[{'name':'r','qty':1.50},{'qty':0}]}",
	    "defaults: in rows, digits as given");
}

/* ---- doc_check */

static const char *
checked(const struct meta *m, const char *new, const char *old, int what)
{
	yyjson_mut_val *doc = yyjson_mut_doc_get_root(mutable(new));
	yyjson_mut_val *was = yyjson_mut_doc_get_root(mutable(old));
	struct fault fault;

	asked = 0;
	return said(doc_check(m, doc, was, what, &look, &fault), &fault);
}

static const struct {
	const char	*name, *doc, *old;
	int		 what;
	const char	*want;
} cases[] = {
	{ "type: all fit", "{'name':'O','owner':'x','customer':'C-1',"
	    "'party_type':'Supplier','party':'S-1','title':'t',"
	    "'state':'Open','day':'2024-02-29','at':'2024-01-01 10:00:00',"
	    "'clock':'9:05:03','n':123456789012345678901234567890,"
	    "'total':1.10,'paid':1,'po':'1','extra':[{}],'pw':'x','remark':'',"
	    "'items':[{'name':'r','idx':1,'item':'a','qty':1e3}]}", NULL,
	    CHECK_ALL, "fine" },
	{ "type: null is fine anywhere", "{'customer':null,'state':null,"
	    "'day':null,'n':null,'total':null,'paid':null,'items':null}", NULL,
	    CHECK_ALL, "fine" },
	{ "type: empty text for times", "{'day':'','at':'','clock':''}", NULL,
	    CHECK_ALL, "fine" },
	{ "type: text", "{'title':5}", NULL, CHECK_TYPES,
	    "type: 'title' wants a string, not a number" },
	{ "type: link", "{'customer':{}}", NULL, CHECK_TYPES,
	    "type: 'customer' wants a string, not an object" },
	{ "type: whole number", "{'n':1.5}", NULL, CHECK_TYPES,
	    "type: 'n' wants a whole number, not '1.5'" },
	{ "type: whole number in any notation", "{'n':50e-1}", NULL,
	    CHECK_TYPES, "fine" },
	{ "type: number", "{'total':'1'}", NULL, CHECK_TYPES,
	    "type: 'total' wants a number, not a string" },
	{ "type: check", "{'paid':2}", NULL, CHECK_TYPES,
	    "type: 'paid' wants 0 or 1, not '2'" },
	{ "type: check is no truth value", "{'paid':true}", NULL, CHECK_TYPES,
	    "type: 'paid' wants 0 or 1, not a truth value" },
	{ "type: day of the calendar", "{'day':'2023-02-29'}", NULL,
	    CHECK_TYPES,
	    "type: 'day' wants a date (YYYY-MM-DD), not '2023-02-29'" },
	{ "type: leap years", "{'items':[{'due':'2000-02-29'},"
	    "{'due':'2024-02-29'},{'due':'2023-12-31'},{'due':'1900-02-29'}]}",
	    NULL, CHECK_TYPES, "type: row 4 of 'items': 'due' wants a date "
	    "(YYYY-MM-DD), not '1900-02-29'" },
	{ "type: months", "{'day':'2023-00-01'}", NULL, CHECK_TYPES,
	    "type: 'day' wants a date (YYYY-MM-DD), not '2023-00-01'" },
	{ "type: days", "{'day':'2023-04-31'}", NULL, CHECK_TYPES,
	    "type: 'day' wants a date (YYYY-MM-DD), not '2023-04-31'" },
	{ "type: date, digits", "{'day':'2023-0a-01'}", NULL, CHECK_TYPES,
	    "type: 'day' wants a date (YYYY-MM-DD), not '2023-0a-01'" },
	{ "type: check in another notation", "{'paid':1.0}", NULL,
	    CHECK_TYPES, "fine" },
	{ "type: date without a time", "{'day':'2023-02-01 00:00:00'}", NULL,
	    CHECK_TYPES, "type: 'day' wants a date (YYYY-MM-DD), not "
	    "'2023-02-01 00:00:00'" },
	{ "type: datetime with fraction", "{'at':'2023-05-08 11:51:36.012345'}",
	    NULL, CHECK_TYPES, "fine" },
	{ "type: datetime may be a date", "{'at':'2023-05-08'}", NULL,
	    CHECK_TYPES, "fine" },
	{ "type: datetime with a zone", "{'at':'2023-05-08T11:51:36Z'}", NULL,
	    CHECK_TYPES, "type: 'at' wants a date and time (YYYY-MM-DD "
	    "HH:MM:SS), not '2023-05-08T11:51:36Z'" },
	{ "type: time over a day, fraction not padded", "{'clock':'25:05:3.5'}",
	    NULL, CHECK_TYPES, "fine" },
	{ "type: time", "{'clock':'10:60:00'}", NULL, CHECK_TYPES,
	    "type: 'clock' wants a time (HH:MM:SS), not '10:60:00'" },
	{ "type: table", "{'items':{}}", NULL, CHECK_TYPES,
	    "type: 'items' wants an array of rows, not an object" },
	{ "type: in a row", "{'items':[{'qty':1},{'qty':2},{'qty':'3'}]}",
	    NULL, CHECK_TYPES,
	    "type: row 3 of 'items': 'qty' wants a number, not a string" },
	{ "type: not asked", "{'title':5,'n':'x','items':'y','customer':3}",
	    NULL, 0, "fine" },
	{ "known: unknown field", "{'foo':1}", NULL, CHECK_KNOWN,
	    "field: unknown field 'foo'" },
	{ "known: unknown field of a row", "{'items':[{'bar':1}]}", NULL,
	    CHECK_KNOWN, "field: row 1 of 'items': unknown field 'bar'" },
	{ "known: key with NUL is none of the fields", "{'n\\u0000x':1}", NULL,
	    CHECK_KNOWN, "field: unknown field 'n'" },
	{ "known: not asked", "{'foo':1}", NULL, CHECK_TYPES | CHECK_FULL,
	    "fine" },
	{ "known: layout holds nothing", "{'sec':'x'}", NULL, CHECK_KNOWN,
	    "field: 'sec' is a Section Break and holds no value" },
	{ "unique: taken", "{'name':'O-1','po':'77'}", NULL, CHECK_TYPES,
	    "unique: 'po' must be unique, but 'O-7' has '77' already" },
	{ "unique: by itself", "{'name':'O-7','po':'77'}", NULL, CHECK_TYPES,
	    "fine" },
	{ "unique: only if it changed", "{'name':'O-1','po':'77'}",
	    "{'name':'O-1','po':'77'}", CHECK_TYPES, "fine" },
	{ "unique: not if empty", "{'name':'O-1','po':''}", NULL, CHECK_TYPES,
	    "fine" },
	{ "unique: in a row", "{'name':'O-1','items':[{'name':'r',"
	    "'barcode':'4711'}]}", NULL, CHECK_TYPES, "unique: row 1 of "
	    "'items': 'barcode' must be unique, but 'O-7' has '4711' already" },
	{ "unique: within a document", "{'items':[{'barcode':'1'},"
	    "{'barcode':''},{'barcode':''},{'barcode':'1'}]}", NULL,
	    CHECK_TYPES, "unique: row 4 of 'items': 'barcode' must be unique, "
	    "but another row has '1' already" },
	{ "docstatus: draft to submitted", "{'docstatus':1}", "{}", CHECK_ALL,
	    "fine" },
	{ "docstatus: new and submitted", "{'docstatus':1}", NULL, CHECK_ALL,
	    "fine" },
	{ "docstatus: submitted to cancelled", "{'docstatus':2}",
	    "{'docstatus':1}", CHECK_ALL, "fine" },
	{ "docstatus: not back", "{'docstatus':0}", "{'docstatus':1}",
	    CHECK_TYPES, "docstatus: cannot make a submitted document a draft "
	    "again" },
	{ "docstatus: cancelled is the end", "{'docstatus':2}",
	    "{'docstatus':2}", CHECK_TYPES,
	    "docstatus: cannot edit cancelled document" },
	{ "docstatus: no draft is cancelled", "{'docstatus':2}",
	    "{'docstatus':0}", CHECK_ALL, "docstatus: cannot cancel a draft" },
	{ "docstatus: unless its events were folded", "{'docstatus':2}",
	    "{'docstatus':0}", CHECK_TYPES, "fine" },
	{ "docstatus: none is new and cancelled", "{'docstatus':2}", NULL,
	    CHECK_ALL, "docstatus: cannot insert a cancelled document" },
	{ "docstatus: unless it comes from a stream", "{'docstatus':2}", NULL,
	    CHECK_TYPES, "fine" },
	{ "select: an option", "{'state':'Open'}", NULL, CHECK_FULL, "fine" },
	{ "select: none of them", "{'state':'Opened'}", NULL, CHECK_FULL,
	    "select: 'state' cannot be 'Opened', which is none of its "
	    "options" },
	{ "select: empty", "{'state':''}", NULL, CHECK_FULL, "fine" },
	{ "select: not asked", "{'state':'x'}", NULL, CHECK_TYPES, "fine" },
	{ "negative", "{'total':-0.01}", NULL, CHECK_FULL,
	    "negative: 'total' cannot be less than zero" },
	{ "negative: zero is not", "{'total':-0.00}", NULL, CHECK_FULL,
	    "fine" },
	{ "constant: set once", "{'code':'b'}", "{'code':'a'}", CHECK_FULL,
	    "constant: 'code' cannot change once it is set" },
	{ "constant: taken away", "{'title':'b'}", "{'code':'a'}", CHECK_FULL,
	    "constant: 'code' cannot change once it is set" },
	{ "constant: the same", "{'code':'a'}", "{'code':'a'}", CHECK_FULL,
	    "fine" },
	{ "submit: nothing else changes", "{'docstatus':1,'title':'b'}",
	    "{'docstatus':1,'title':'a'}", CHECK_FULL,
	    "submit: 'title' cannot change after submit" },
	{ "submit: nothing goes", "{'docstatus':1}",
	    "{'docstatus':1,'title':'a'}", CHECK_FULL,
	    "submit: 'title' cannot change after submit" },
	{ "submit: what is allowed may change",
	    "{'docstatus':1,'remark':'b'}", "{'docstatus':1,'title':''}",
	    CHECK_FULL, "fine" },
	{ "submit: numbers are compared as such, empty is empty",
	    "{'docstatus':1,'total':1.0,'title':'','n':0}",
	    "{'docstatus':1,'total':1,'title':null}", CHECK_FULL, "fine" },
	{ "submit: not asked", "{'docstatus':1,'title':'b'}",
	    "{'docstatus':1,'title':'a'}", CHECK_TYPES, "fine" },
	{ "submit: no row comes",
	    "{'docstatus':1,'items':[{'name':'r'},{'name':'s'}]}",
	    "{'docstatus':1,'items':[{'name':'r'}]}", CHECK_FULL,
	    "submit: 'items' cannot have rows added or removed after submit" },
	{ "submit: no row goes", "{'docstatus':1}",
	    "{'docstatus':1,'items':[{'name':'r'}]}", CHECK_FULL,
	    "submit: 'items' cannot change after submit" },
	{ "submit: no row for another", "{'docstatus':1,'items':"
	    "[{'name':'s'}]}", "{'docstatus':1,'items':[{'name':'r'}]}",
	    CHECK_FULL, "submit: row 1 of 'items': a row cannot be added after "
	    "submit" },
	{ "submit: no row changes", "{'docstatus':1,'items':[{'name':'s',"
	    "'item':'a'},{'name':'r','item':'c'}]}", "{'docstatus':1,'items':"
	    "[{'name':'r','item':'b'},{'name':'s','item':'a'}]}", CHECK_FULL,
	    "submit: row 2 of 'items': 'item' cannot change after submit" },
	{ "submit: rows may move", "{'docstatus':1,'items':[{'name':'s',"
	    "'idx':1},{'name':'r','idx':2}]}", "{'docstatus':1,'items':"
	    "[{'name':'r','idx':1},{'name':'s','idx':2}]}", CHECK_FULL,
	    "fine" },
	{ "submit: a field of a row that is allowed", "{'docstatus':1,'items':"
	    "[{'name':'r','due':'2023-01-01'}]}",
	    "{'docstatus':1,'items':[{'name':'r'}]}", CHECK_FULL, "fine" },
	{ "submit: a table that is allowed", "{'docstatus':1,'notes':"
	    "[{'name':'r','item':'b'},{'name':'s'}]}", "{'docstatus':1,"
	    "'notes':[{'name':'r','item':'a'}]}", CHECK_FULL, "fine" },
	{ "cancel: nothing changes", "{'docstatus':2,'remark':'b'}",
	    "{'docstatus':1,'remark':'a'}", CHECK_FULL, "submit: 'remark' "
	    "cannot change while its document is cancelled" },
	{ "cancel: links are not asked", "{'docstatus':2,'customer':'C-9'}",
	    "{'docstatus':1}", CHECK_TYPES | CHECK_LINKS, "fine" },
	{ "link: missing", "{'customer':'C-9'}", NULL, CHECK_LINKS,
	    "link: 'customer' links to Customer 'C-9', which does not exist" },
	{ "link: not asked", "{'customer':'C-9'}", NULL, CHECK_TYPES, "fine" },
	{ "link: only if it changed", "{'customer':'C-9'}",
	    "{'customer':'C-9'}", CHECK_LINKS, "fine" },
	{ "link: empty", "{'customer':''}", NULL, CHECK_LINKS, "fine" },
	{ "link: in a row", "{'items':[{'name':'r','buyer':'C-8'}]}",
	    "{'items':[{'name':'q','buyer':'C-8'}]}", CHECK_LINKS,
	    "link: row 1 of 'items': 'buyer' links to Customer 'C-8', which "
	    "does not exist" },
	{ "link: dynamic", "{'party_type':'Customer','party':'S-1'}", NULL,
	    CHECK_LINKS, "link: 'party' links to Customer 'S-1', which does "
	    "not exist" },
	{ "link: dynamic, one half changed",
	    "{'party_type':'Customer','party':'S-1'}",
	    "{'party_type':'Supplier','party':'S-1'}", CHECK_LINKS,
	    "link: 'party' links to Customer 'S-1', which does not exist" },
	{ "link: dynamic, to what exists",
	    "{'party_type':'Supplier','party':'S-1'}", NULL, CHECK_LINKS,
	    "fine" },
	{ "link: dynamic in a row", "{'items':[{'kind':'Supplier',"
	    "'whom':'C-1'}]}", NULL, CHECK_LINKS, "link: row 1 of 'items': "
	    "'whom' links to Supplier 'C-1', which does not exist" },
	{ "link: dynamic in a row, its other half changed", "{'items':["
	    "{'name':'r','kind':'Supplier','whom':'C-1'}]}", "{'items':["
	    "{'name':'r','kind':'Customer','whom':'C-1'}]}", CHECK_LINKS,
	    "link: row 1 of 'items': 'whom' links to Supplier 'C-1', which "
	    "does not exist" },
	{ "link: dynamic without a doctype", "{'party':'S-1'}", NULL,
	    CHECK_LINKS, "link: 'party' is 'S-1', but 'party_type' does not "
	    "say of which DocType" },
	{ "link: a name with NUL", "{'customer':'C-1\\u0000x'}", NULL,
	    CHECK_ALL, "type: 'customer' wants a string without NUL, not a "
	    "string" },
	{ "link: to itself", "{'name':'O-9','amended_from':'O-9'}", NULL,
	    CHECK_LINKS, "fine" },
};

static void
test_reqd(void)
{
	is(checked(note, "{'title':'t','rows':[{}],'many':0}", NULL,
	    CHECK_FULL), "fine", "reqd: all there, 0 is a value");
	is(checked(note, "{'title':' \\t','rows':[{}],'many':0}", NULL,
	    CHECK_FULL), "reqd: 'title' is required", "reqd: blank text");
	is(checked(note, "{'rows':[{}],'many':0}", NULL, CHECK_FULL),
	    "reqd: 'title' is required", "reqd: absent");
	is(checked(note, "{'title':'t','rows':[{}],'many':null}", NULL,
	    CHECK_FULL), "reqd: 'many' is required", "reqd: null");
	is(checked(note, "{'title':'t','rows':[],'many':1}", NULL,
	    CHECK_FULL), "reqd: 'rows' is required", "reqd: an empty table");
	is(checked(note, "{}", NULL, CHECK_ALL - CHECK_FULL), "fine",
	    "reqd: not asked");
}

static void
test_check(void)
{
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		is(checked(order, cases[i].doc, cases[i].old, cases[i].what),
		    cases[i].want, cases[i].name);
	is(checked(note, "{'title':'t','docstatus':1,'rows':[{}],'many':1}",
	    NULL, CHECK_ALL), "docstatus: Note cannot be submitted",
	    "docstatus: only of what is submittable");
	is(checked(single, "{'name':'Settings','on':1}", "{'on':0}",
	    CHECK_ALL), "fine", "a Single");
	checked(order, "{'name':'O','customer':'C-1','po':'1','items':"
	    "[{'name':'r','buyer':'C-1'},{'name':'s','buyer':'C-2'}]}",
	    "{'customer':'C-1','po':'1','items':[{'name':'s','buyer':'C-2'},"
	    "{'name':'r','buyer':'C-1'}]}", CHECK_ALL);
	ok(asked == 0, "nothing is looked up for what did not change");
}

/* ---- links */

static struct buf links;
static yyjson_mut_doc *links_doc;

static void
note_link(void *arg, yyjson_mut_val *obj, const struct field *f,
    const char *doctype, yyjson_mut_val *v)
{
	buf_printf(&links, "%s=%s %s;", f->name, doctype,
	    yyjson_mut_get_str(v));
	if (arg != NULL)
		json_put(links_doc, obj, f->name, json_new_str(links_doc, arg));
}

static void
test_links(void)
{
	yyjson_mut_val *doc;

	links_doc = mutable("{'customer':'C-1','title':'x','party':'S-1',"
	    "'party_type':'Supplier','items':[{'buyer':'C-2'},{'buyer':''},"
	    "{'whom':'W'}]}");
	doc = yyjson_mut_doc_get_root(links_doc);
	doc_links(order, doc, note_link, NULL);
	is(links.p, "customer=Customer C-1;party=Supplier S-1;"
	    "party_type=DocType Supplier;buyer=Customer C-2;",
	    "links of a document and its rows");
	links.len = 0;
	links_doc = mutable("{'changed':{'customer':'C-1','title':'x'},"
	    "'added':{'items':[{'name':'r','buyer':'C-2'}]},'removed':"
	    "{'items':['q']},'row_changed':{'items':[{'name':'s','kind':"
	    "'Customer','whom':'C-3'}]}}");
	doc = yyjson_mut_doc_get_root(links_doc);
	diff_links(order, doc, NULL, note_link, "new");
	is(links.p, "customer=Customer C-1;buyer=Customer C-2;"
	    "whom=Customer C-3;", "links of a diff");
	is(text(doc), "{'changed':{'customer':'new','title':'x'},"
	    "'added':{'items':[{'name':'r','buyer':'new'}]},'removed':"
	    "{'items':['q']},'row_changed':{'items':[{'name':'s','kind':"
	    "'Customer','whom':'new'}]}}", "the callback may replace them");
	links.len = 0;
	links.p[0] = '\0';
	doc = yyjson_mut_doc_get_root(mutable("{'changed':[1],'added':3,"
	    "'row_changed':{'items':{'x':1}}}"));
	diff_links(order, doc, NULL, note_link, NULL);
	is(links.p, "", "links of a diff that is none");
	buf_free(&links);
}

int
main(void)
{
	setenv("TZ", "CET-2", 1);
	tzset();
	arena_init(&mem);
	make_metas();
	test_names();
	test_standard();
	test_meta_faults();
	test_meta_fields();
	test_overlay();
	test_fault();
	test_clean();
	test_defaults();
	test_check();
	test_reqd();
	test_links();
	printf("1..%d\n", tests);
	meta_free(order);
	meta_free(child);
	meta_free(note);
	meta_free(single);
	meta_free(draft);
	arena_free(&mem);
	return failed != 0;
}
