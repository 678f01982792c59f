/* mapping - tests of src/model/mapping.c: "mapping [SEED]"
 *
 * JSON is written with ' for " here. */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "model/model.h"

enum { ROUNDS = 20000, EACH = 20 };	/* documents, by a mapping */

static const char *const doctypes[] = {
    "{'name':'Order','fields':["
    "{'fieldname':'title','fieldtype':'Data'},"
    "{'fieldname':'note','fieldtype':'Data'},"
    "{'fieldname':'qty','fieldtype':'Float'},"
    "{'fieldname':'n','fieldtype':'Int'},"
    "{'fieldname':'customer','fieldtype':'Link','options':'Customer'},"
    "{'fieldname':'ref_type','fieldtype':'Link','options':'DocType'},"
    "{'fieldname':'ref','fieldtype':'Dynamic Link','options':'ref_type'},"
    "{'fieldname':'items','fieldtype':'Table','options':'Order Item'},"
    "{'fieldname':'taxes','fieldtype':'Table','options':'Order Item'}]}",
    "{'name':'Order Item','istable':1,'fields':["
    "{'fieldname':'item','fieldtype':'Link','options':'Item'},"
    "{'fieldname':'qty','fieldtype':'Float'},"
    "{'fieldname':'note','fieldtype':'Data'}]}",
    "{'name':'Bill','fields':["
    "{'fieldname':'title','fieldtype':'Data'},"
    "{'fieldname':'remark','fieldtype':'Data'},"
    "{'fieldname':'qty','fieldtype':'Float'},"
    "{'fieldname':'count','fieldtype':'Int'},"
    "{'fieldname':'customer','fieldtype':'Link','options':'Customer'},"
    "{'fieldname':'ref_type','fieldtype':'Link','options':'DocType'},"
    "{'fieldname':'ref','fieldtype':'Dynamic Link','options':'ref_type'},"
    "{'fieldname':'section','fieldtype':'Section Break'},"
    "{'fieldname':'rows','fieldtype':'Table','options':'Bill Row'},"
    "{'fieldname':'items','fieldtype':'Table','options':'Bill Row'}]}",
    "{'name':'Bill Row','istable':1,'fields':["
    "{'fieldname':'product','fieldtype':'Link','options':'Product'},"
    "{'fieldname':'qty','fieldtype':'Float'},"
    "{'fieldname':'remark','fieldtype':'Data'}]}",
};
enum { DOCTYPES = sizeof(doctypes) / sizeof(*doctypes) };

static struct arena mem, setup;
static yyjson_mut_doc *mut;		/* of one test, in mem */
static struct meta *metas[DOCTYPES];
static yyjson_val *stored;		/* {doctype: {name: document}} */
static int failed, count;

static void	 ok(bool, const char *, ...)
		    __attribute__((format(printf, 2, 3)));

static void
ok(bool good, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", good ? "" : "not ", ++count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	failed += !good;
}

static yyjson_val *
parse(struct arena *a, const char *text)
{
	size_t i, n = strlen(text);
	char *s = arena_dup(a, text, n);
	const char *why;
	yyjson_doc *doc;

	for (i = 0; i < n; i++)
		if (s[i] == '\'')
			s[i] = '"';
	if ((doc = json_parse(a, s, n, &why)) == NULL) {
		printf("Bail out! %s: %s\n", why, s);
		exit(1);
	}
	return yyjson_doc_get_root(doc);
}

static void
fresh(void)
{
	arena_reset(&mem);
	mut = yyjson_mut_doc_new(&mem.alc);
}

static const char *
text(yyjson_mut_val *v)
{
	return v == NULL ? "none" : json_mut_text(&mem, v, NULL);
}

static const struct meta *
meta_of(void *arg, const char *doctype)
{
	size_t i;

	(void)arg;
	for (i = 0; i < DOCTYPES; i++)
		if (strcmp(metas[i]->name, doctype) == 0)
			return metas[i];
	return NULL;
}

static yyjson_val *
doc_of(void *arg, const char *doctype, const char *name)
{
	(void)arg;
	return yyjson_obj_get(yyjson_obj_get(stored, doctype), name);
}

static const struct mapping_jq jq = { prog_open, prog_check, prog_ask,
    prog_close };
static const struct mapping_source source = { .doc = doc_of, .meta = meta_of,
    .jq = &jq, .entered = true };

static void
set_up(void)
{
	struct fault fault;
	size_t i, k;

	arena_init(&mem);
	arena_init(&setup);
	for (i = 0; i < DOCTYPES; i++)
		metas[i] = meta_new(parse(&setup, doctypes[i]), NULL, 0, NULL,
		    0, &fault);
	for (i = 0; i < DOCTYPES; i++)
		for (k = 0; k < metas[i]->nfields; k++)
			if (metas[i]->fields[k].kind == K_TABLE)
				metas[i]->fields[k].child = meta_of(NULL,
				    metas[i]->fields[k].options);
	stored = parse(&setup, "{'Value Map':{"
	    "'kinds':{'pairs':[{'remote_value':'a','local_value':'A'},"
	    "{'remote_value':'1','local_value':'10'}]},"
	    "'kept':{'missing':'Keep','pairs':[{'remote_value':'a',"
	    "'local_value':'A'},{'remote_value':'12.5','local_value':'1'}]},"
	    "'all':{'missing':'Default','default_value':'7','pairs':[{"
	    "'remote_value':'a','local_value':''}]}},"
	    "'Document Type Mapping':{"
	    "'row':{'mapping_name':'row','local_doctype':'Bill Row',"
	    "'remote_doctype':'Order Item','field_mapping':["
	    "{'local_fieldname':'product','remote_fieldname':'item',"
	    "'value_map':'kept'},{'local_fieldname':'remark',"
	    "'remote_fieldname':'note','default_value':'none'}]},"
	    "'strict row':{'mapping_name':'strict row','strict':1,"
	    "'local_doctype':'Bill Row','remote_doctype':'Order Item',"
	    "'field_mapping':[{'local_fieldname':'remark',"
	    "'remote_fieldname':'note'},{'local_fieldname':'product',"
	    "'default_value':'P-1'}]},"
	    "'customer':{'mapping_name':'customer','local_doctype':'Customer',"
	    "'remote_doctype':'Client','field_mapping':[]}}}");
}

/* ---- one after the other */

/* Rows of a mapping of Order to Bill. */
static struct mapping *
mapping(const char *rows, const char *more, struct fault *fault)
{
	return mapping_new(&source, parse(&mem, arena_printf(&mem,
	    "{'mapping_name':'m','local_doctype':'Bill','remote_doctype':"
	    "'Order','field_mapping':[%s]%s}", rows, more)), fault);
}

static const char *
local_type(void *arg, const char *name)
{
	(void)arg;
	return strcmp(name, "Item") == 0 ? "Product" : name;
}

/* What is at hand of an Order (a diff, if it has changed) is this. */
static void
maps(const char *what, const char *rows, const char *more, const char *data,
    const char *wanted)
{
	struct mapping_run q = { .a = &mem, .doctype = local_type };
	struct fault fault;
	struct mapping *m;
	yyjson_mut_val *got;
	yyjson_val *v;
	bool same;

	fresh();
	q.m = mut;
	if ((m = mapping(rows, more, &fault)) == NULL) {
		ok(false, "%s: %s", what, fault.text);
		return;
	}
	v = parse(&mem, data);
	got = yyjson_obj_get(v, "changed") != NULL ? mapping_diff(m, &q, v) :
	    mapping_doc(m, &q, v);
	same = got == NULL ? strcmp(wanted, q.fault.text) == 0 :
	    *wanted == '{' && json_same(got, yyjson_val_mut_copy(mut,
	    parse(&mem, wanted)));
	ok(same, "%s", what);
	if (!same)
		printf("# %s, not %s\n", got == NULL ? q.fault.text : text(got),
		    wanted);
	mapping_free(m);
}

#define COPY(local, remote) \
	"{'local_fieldname':'" local "','remote_fieldname':'" remote "'}"
#define ROW(local, remote, more) \
	"{'local_fieldname':'" local "','remote_fieldname':'" remote "'," more "}"

static void
documents(void)
{
	maps("other names; what no row names goes as it is",
	    COPY("remark", "note"), "",
	    "{'doctype':'Order','name':'o','docstatus':1,'note':'x','qty':1.10}",
	    "{'doctype':'Bill','name':'o','docstatus':1,'remark':'x','qty':1.10}");
	maps("swapped, and one after the other", COPY("title", "note") ","
	    COPY("remark", "title") "," COPY("count", "qty") ","
	    COPY("qty", "n"), "", "{'title':'t','note':'n','qty':1,'n':2}",
	    "{'title':'n','remark':'t','count':1,'qty':2}");
	maps("null, nothing and 0 are values, cleared fields too",
	    COPY("remark", "note") "," COPY("count", "n"), "",
	    "{'changed':{'note':'','n':0,'title':null}}",
	    "{'changed':{'remark':'','count':0,'title':null}}");
	maps("one field for two", COPY("remark", "note") ","
	    COPY("title", "note"), "", "{'note':'x','title':'t'}",
	    "{'remark':'x','title':'x'}");
	maps("the name there may fill a field", COPY("remark", "name"), "",
	    "{'name':'o'}", "{'name':'o','remark':'o'}");
	maps("strict: nothing else", COPY("remark", "note"), ",'strict':1",
	    "{'doctype':'Order','name':'o','docstatus':1,'note':'x','qty':1.10,"
	    "'items':[]}",
	    "{'doctype':'Bill','name':'o','docstatus':1,'remark':'x'}");
	maps("a field that a row fills does not come under its own name",
	    COPY("remark", "note"), "", "{'remark':'r'}", "{}");
	maps("defaults: absent, null and empty", ROW("remark", "note",
	    "'default_value':'d'") "," ROW("count", "n", "'default_value':'3'")
	    "," ROW("title", "title", "'default_value':'T'"), "",
	    "{'note':null,'title':''}",
	    "{'remark':'d','count':3,'title':'T'}");
	maps("not of 0", ROW("count", "n", "'default_value':'3'"), "",
	    "{'n':0}", "{'count':0}");
	maps("in an Update: of what was cleared", ROW("remark", "note",
	    "'default_value':'d'") "," ROW("count", "n", "'default_value':'3'"),
	    "", "{'changed':{'note':null}}", "{'changed':{'remark':'d'}}");
	maps("a constant", "{'local_fieldname':'title','default_value':'c'}", "",
	    "{}", "{'title':'c'}");
	maps("a constant half of a dynamic link stands with the other",
	    "{'local_fieldname':'ref_type','default_value':'Customer'},"
	    ROW("ref", "customer", "'default_value':'none'"), "",
	    "{'changed':{'customer':'C'}}",
	    "{'changed':{'ref':'C','ref_type':'Customer'}}");
	maps("a DocType that is called otherwise here", COPY("ref_type",
	    "ref_type"), "", "{'changed':{'ref_type':'Item','ref':'i'}}",
	    "{'changed':{'ref_type':'Product','ref':'i'}}");
}

static void
values(void)
{
	static const char kinds[] = ROW("remark", "note", "'value_map':'kinds'");

	maps("a Value Map", kinds, "", "{'note':'a'}", "{'remark':'A'}");
	maps("of numbers, however they are written", ROW("count", "n",
	    "'value_map':'kinds'"), "", "{'changed':{'n':1.0}}",
	    "{'changed':{'count':10}}");
	maps("nothing is no value of it", kinds, "", "{'note':''}",
	    "{'remark':''}");
	maps("one that it does not have", kinds, "", "{'note':'b'}",
	    "'note' has the value 'b', which the Value Map 'kinds' does not "
	    "have; add it with es-put");
	maps("kept", ROW("remark", "note", "'value_map':'kept'"), "",
	    "{'note':'b'}", "{'remark':'b'}");
	maps("or another for all others", ROW("remark", "note",
	    "'value_map':'all'"), "", "{'note':'b'}", "{'remark':'7'}");
	maps("an expression", ROW("remark", "note",
	    "'expression':'value.upper() + str(len(value))'"), "",
	    "{'note':'ab'}", "{'remark':'AB2'}");
	maps("nor is it asked of nothing", ROW("remark", "note",
	    "'expression':'value.upper()','default_value':'d'"), "",
	    "{'note':null}", "{'remark':'d'}");
	maps("before the Value Map", ROW("remark", "note",
	    "'expression':'value.lower()','value_map':'kinds'"), "",
	    "{'note':'A'}", "{'remark':'A'}");
	maps("one of jq", ROW("remark", "note",
	    "'expression':'jq: ascii_upcase'") "," ROW("count", "n",
	    "'expression':'jq: empty','default_value':'4'"), "",
	    "{'note':'ab','n':1}", "{'remark':'AB','count':4}");
	maps("that fails", ROW("count", "n", "'expression':'value + 1'"), "",
	    "{'n':'x'}", "the expression of 'count' fails for \"x\": "
	    "arithmetic with what is no number");
}

static void
tables(void)
{
	static const char rows[] = ROW("rows", "items",
	    "'mapping_type':'Child Table','mapping':'row'");
	static const char strict[] = ROW("rows", "taxes", "'mapping':'strict row'");

	maps("a table", rows, "", "{'items':[{'doctype':'Order Item','name':"
	    "'r1','idx':1,'parent':'o','item':'a','qty':1},{'name':'r2',"
	    "'note':'n'}]}",
	    "{'rows':[{'name':'r1','idx':1,'product':'A','qty':1,'remark':"
	    "'none'},{'name':'r2','remark':'n'}]}");
	maps("in all parts of an Update", rows, "",
	    "{'changed':{},'added':{'items':[{'name':'r3','item':'b'}],"
	    "'taxes':[{'name':'t1','item':'b'}]},'removed':{'items':['r1']},"
	    "'row_changed':{'items':[{'name':'r2','note':''},{'name':'r4',"
	    "'qty':0}]}}",
	    "{'changed':{},'added':{'rows':[{'name':'r3','product':'b','remark':"
	    "'none'}],'taxes':[{'name':'t1','item':'b'}]},'removed':{'rows':"
	    "['r1']},'row_changed':{'rows':[{'name':'r2','remark':'none'},"
	    "{'name':'r4','qty':0}]}}");
	maps("strictly", strict, ",'strict':1",
	    "{'changed':{},'added':{'items':[{'name':'r3'}],'taxes':[{'name':"
	    "'t1','item':'b','idx':2}]},'removed':{'items':['r1'],'taxes':"
	    "['t2']}}",
	    "{'changed':{},'added':{'rows':[{'name':'t1','product':'P-1','idx':"
	    "2}]},'removed':{'rows':['t2']}}");
	maps("null", rows, "", "{'items':null}", "{'rows':null}");
}

/* ---- what is refused when it is entered */

static void
refused(const char *what, const char *rows, const char *why)
{
	struct fault fault;
	struct mapping *m;

	fresh();
	m = mapping(rows, "", &fault);
	ok(m == NULL && strcmp(why, fault.text) == 0, "refused: %s", what);
	if (m != NULL || strcmp(why, fault.text) != 0)
		printf("# %s\n", m == NULL ? fault.text : "not at all");
	mapping_free(m);
}

static void
faults(void)
{
	refused("no such field", COPY("title", "title") "," COPY("x", "note"),
	    "the mapping 'm', row 2: Bill has no field 'x'");
	refused("a section", COPY("section", "note"), "the mapping 'm', row 1: "
	    "'section' of Bill holds no value that comes by stream");
	refused("the name", COPY("name", "note"), "the mapping 'm', row 1: how "
	    "a document is called is for use_same_name of the subscription to "
	    "say");
	refused("twice the same", COPY("title", "title") "," COPY("title",
	    "note"), "the mapping 'm', row 2: 'title' is filled by another row "
	    "already");
	refused("neither field nor default", COPY("title", ""),
	    "the mapping 'm', row 1: 'title' wants a remote_fieldname or a "
	    "default_value");
	refused("a link alone", COPY("customer", "note"), "the mapping 'm', row "
	    "1: the link 'customer' wants a mapping, a value_map, an expression "
	    "or a default_value");
	refused("a table alone", COPY("rows", "items"), "the mapping 'm', row "
	    "1: the table 'rows' wants a mapping for its rows");
	refused("a table that is none", ROW("title", "items",
	    "'mapping_type':'Child Table','mapping':'row'"),
	    "the mapping 'm', row 1: 'title' is no table of Bill");
	refused("an inner mapping that is not there", ROW("rows", "items",
	    "'mapping':'no'"), "the mapping 'm', row 1: no Document Type "
	    "Mapping 'no'; put it in first");
	refused("one for another DocType", ROW("rows", "items",
	    "'mapping':'customer'"), "the mapping 'm', row 1: 'rows' holds Bill "
	    "Row, and the mapping 'customer' is for Customer");
	refused("one table into two", ROW("rows", "items", "'mapping':'row'")
	    "," ROW("items", "items", "'mapping':'row'"), "the mapping 'm', row "
	    "2: the rows of 'items' go into 'rows' already");
	refused("a Document without filters", ROW("customer", "customer",
	    "'mapping_type':'Document','mapping':'customer'"), "the mapping "
	    "'m', row 1: 'customer' is a Document and wants "
	    "remote_value_filters, as {\"lead_name\":\"title\"}");
	refused("a filter that is not understood", ROW("customer", "customer",
	    "'mapping_type':'Document','mapping':'customer',"
	    "'remote_value_filters':{'a':'eval:doc.'}"), "the mapping 'm', row "
	    "1: the remote value filter 'a': condition not understood at 5: a "
	    "field's name is expected; near ''");
	refused("an expression that is not understood", ROW("title", "title",
	    "'expression':'doc.title'"), "the mapping 'm', row 1: expression "
	    "not understood at 1: this is not known here; near 'doc.title'");
	refused("jq that may not be asked", ROW("title", "title",
	    "'expression':'jq: $ENV'"), "the mapping 'm', row 1: jq: condition "
	    "not understood at 2: this may not be used here; near '$ENV'");
	refused("jq that is none", ROW("title", "title",
	    "'expression':'jq: .['"), "the mapping 'm', row 1: jq: condition not "
	    "understood at 4: it ends too early; near ''");
	refused("a Value Map that is not there", ROW("title", "title",
	    "'value_map':'no'"), "the mapping 'm', row 1: no Value Map 'no'; "
	    "put one in with es-put");
}

static void
documents_wanted(void *arg, const struct mapping_document *d)
{
	struct mapping_run *q = arg;

	ok(strcmp(d->field, "customer") == 0 && strcmp(d->mapping, "customer")
	    == 0 && d->table == NULL && yyjson_mut_equals_str(
	    yyjson_mut_obj_get(d->obj, "customer"), "C"), "a Document");
	ok(json_same(mapping_filters(q, d), yyjson_val_mut_copy(mut,
	    parse(&mem, "{'client_name':'T','kind':'n','size':'big','q':3}"))),
	    "its filters: a field, one that is empty, a word, an expression");
}

static void
fetched(void)
{
	struct mapping_run q = { .a = &mem, .document = documents_wanted,
	    .arg = &q };
	struct fault fault;
	struct mapping *m;

	fresh();
	q.m = mut;
	m = mapping(ROW("customer", "customer", "'mapping_type':'Document',"
	    "'mapping':'customer','remote_value_filters':{'client_name':"
	    "'title','kind':'n','size':'big','q':'eval:doc.qty + 1'}"), "",
	    &fault);
	mapping_doc(m, &q, parse(&mem, "{'customer':'C','title':'T','n':0,"
	    "'qty':2}"));
	ok(mapping_fetches(m), "the mapping knows it");
	mapping_free(m);
}

/* ---- random mappings, documents and updates */

static uint64_t state;

static unsigned
rnd(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 33) % n;
}

static const char *
pick(const char *const *words)
{
	unsigned n = 0;

	while (words[n] != NULL)
		n++;
	return words[rnd(n)];
}

static const char *const remotes[] = { "title", "note", "qty", "n", "customer",
    "unknown", "remark", "count", "name", "docstatus", NULL };
static const char *const makers[] = { "", "", "", ",'default_value':'4'",
    ",'default_value':'2'", ",'value_map':'kept'", ",'value_map':'all'",
    ",'expression':'str(value) + \\\"x\\\"'",
    ",'expression':'value if value else 0','default_value':'5'", NULL };
static const char *const texts[] = { "''", "'a'", "'b'", "'12.5'", "null", "1",
    "12.5", "0", "true", NULL };
static const char *const doc_keys[] = { "docstatus", "title", "note", "qty",
    "n", "customer", "unknown", "remark", "count", NULL };
static const char *const row_keys[] = { "item", "qty", "note", "remark",
    "unknown", NULL };

static void
random_rows(struct buf *b)
{
	static const char *const locals[] = { "title", "remark", "qty", "count",
	    "docstatus" };
	size_t i;

	for (i = 0; i < sizeof(locals) / sizeof(*locals); i++)
		if (rnd(3) > 0)
			buf_printf(b, "{'local_fieldname':'%s',"
			    "'remote_fieldname':'%s'%s},", locals[i],
			    pick(remotes), pick(makers));
	if (rnd(2))
		buf_printf(b, "{'local_fieldname':'ref_type','default_value':"
		    "'Customer'},{'local_fieldname':'ref','remote_fieldname':"
		    "'customer','default_value':'c'},");
	if (rnd(2))
		buf_printf(b, "{'local_fieldname':'rows','remote_fieldname':"
		    "'items','mapping':'%s'},", rnd(3) ? "row" : "strict row");
	if (rnd(2))
		buf_printf(b, "{'local_fieldname':'items','remote_fieldname':"
		    "'taxes','mapping':'row'},");
	buf_printf(b, "{'local_fieldname':'customer','default_value':'C'}");
}

static struct mapping *
random_mapping(struct arena *a)
{
	struct fault fault;
	struct buf b = { 0 };
	struct mapping *m;

	buf_puts(&b, "{'mapping_name':'m','local_doctype':'Bill',"
	    "'remote_doctype':'Order','field_mapping':[");
	random_rows(&b);
	buf_printf(&b, "],'strict':%d}", rnd(4) == 0);
	m = mapping_new(&source, parse(a, b.p), &fault);
	if (m == NULL) {
		printf("Bail out! %s: %s\n", fault.text, b.p);
		exit(1);
	}
	buf_free(&b);
	return m;
}

static void
random_members(yyjson_mut_val *obj, const char *const *keys, unsigned change)
{
	for (; *keys != NULL; keys++)
		if (rnd(change) == 0)
			json_put(mut, obj, *keys, yyjson_val_mut_copy(mut,
			    parse(&mem, pick(texts))));
		else if (rnd(8) == 0)
			yyjson_mut_obj_remove_key(obj, *keys);
}

static yyjson_mut_val *
random_table(yyjson_mut_val *was)
{
	yyjson_mut_val *rows = yyjson_mut_arr(mut), *row, *old;
	size_t i, n, k = 0;
	char id[12];

	yyjson_mut_arr_foreach(was, i, n, old) {
		if (rnd(5) == 0)
			continue;
		row = yyjson_mut_val_mut_copy(mut, old);
		if (rnd(2))
			random_members(row, row_keys, 3);
		yyjson_mut_arr_append(rows, row);
	}
	for (n = rnd(4); n > 1; n--) {
		snprintf(id, sizeof(id), "%08x", rnd(1U << 30));
		row = yyjson_mut_obj(mut);
		json_put(mut, row, "name", json_new_str(mut, id));
		random_members(row, row_keys, 2);
		yyjson_mut_arr_insert(rows, row, rnd(yyjson_mut_arr_size(rows)
		    + 1));
	}
	yyjson_mut_arr_foreach(rows, i, n, row)
		json_put(mut, row, "idx", json_new_int(mut, ++k));
	return rows;
}

static yyjson_mut_val *
random_doc(yyjson_mut_val *was)
{
	yyjson_mut_val *doc = was == NULL ? yyjson_mut_obj(mut) :
	    yyjson_mut_val_mut_copy(mut, was);

	json_put(mut, doc, "doctype", json_new_str(mut, "Order"));
	json_put(mut, doc, "name", json_new_str(mut, "x"));
	random_members(doc, doc_keys, was == NULL ? 2 : 4);
	json_put(mut, doc, "items", random_table(yyjson_mut_obj_get(doc,
	    "items")));
	json_put(mut, doc, "taxes", random_table(yyjson_mut_obj_get(doc,
	    "taxes")));
	return doc;
}

static yyjson_mut_val *
mapped(struct mapping *m, bool diff, yyjson_mut_val *v)
{
	struct mapping_run q = { .a = &mem, .m = mut };
	yyjson_mut_val *out;
	const char *s = text(v);

	out = (diff ? mapping_diff : mapping_doc)(m, &q, yyjson_doc_get_root(
	    json_parse_own(&mem, s, strlen(s))));
	if (out == NULL)
		printf("# %s: %s\n", q.fault.text, s);
	return out;
}

static bool
one_round(struct mapping *m)
{
	yyjson_mut_val *old, *new, *diff, *a, *b, *d;

	fresh();
	old = random_doc(NULL);
	new = random_doc(old);
	if ((diff = diff_make(mut, meta_of(NULL, "Order"), old, new)) == NULL)
		return true;
	a = mapped(m, false, new);
	b = mapped(m, false, old);
	d = mapped(m, true, diff);
	if (a == NULL || b == NULL || d == NULL)
		return false;
	diff_apply(mut, meta_of(NULL, "Bill"), b, d);
	if (json_same(a, b))
		return true;
	printf("# old  %s\n# new  %s\n# diff %s\n", text(old), text(new),
	    text(diff));
	printf("# mapped  %s\n# applied %s\n# by %s\n", text(a), text(b),
	    text(d));
	return false;
}

static void
rounds(uint64_t seed)
{
	struct mapping *m = NULL;
	struct arena a;
	bool good = true;
	uint64_t i;

	arena_init(&a);
	for (i = 0; i < ROUNDS && good; i++) {
		if (i % EACH == 0) {
			state = (seed + i / EACH + 1) * 0x9e3779b97f4a7c15;
			mapping_free(m);
			arena_reset(&a);
			m = random_mapping(&a);
		}
		good = one_round(m);
	}
	ok(good, "%d random documents and updates", ROUNDS);
	if (!good)
		printf("# seed %ju\n", (uintmax_t)(seed + (i - 1) / EACH));
	mapping_free(m);
	arena_free(&a);
}

int
main(int argc, char *argv[])
{
	size_t i;

	set_up();
	documents();
	values();
	tables();
	faults();
	fetched();
	rounds(argc > 1 ? strtoull(argv[1], NULL, 10) : 0);
	printf("1..%d\n", count);
	for (i = 0; i < DOCTYPES; i++)
		meta_free(metas[i]);
	arena_free(&mem);
	arena_free(&setup);
	return failed > 0;
}
