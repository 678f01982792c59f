/* diff - tests of src/model/diff.c: "diff [SEED]"
 *
 * JSON is written with ' for " here.  A place is field, table/row or
 * table/row/field. */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "model/model.h"

enum { ROUNDS = 50000, MANY = 10000 };

static const char order_doctype[] =
    "{'name':'Order','fields':["
    "{'fieldname':'title','fieldtype':'Data'},"
    "{'fieldname':'qty','fieldtype':'Float'},"
    "{'fieldname':'n','fieldtype':'Int'},"
    "{'fieldname':'section','fieldtype':'Section Break'},"
    "{'fieldname':'customer','fieldtype':'Link','options':'Customer'},"
    "{'fieldname':'ref_type','fieldtype':'Link','options':'DocType'},"
    "{'fieldname':'ref','fieldtype':'Dynamic Link','options':'ref_type'},"
    "{'fieldname':'spec','fieldtype':'JSON'},"
    "{'fieldname':'secret','fieldtype':'Password'},"
    "{'fieldname':'total','fieldtype':'Float','is_virtual':1},"
    "{'fieldname':'items','fieldtype':'Table','options':'Order Item'},"
    "{'fieldname':'taxes','fieldtype':'Table','options':'Order Tax'}]}";
static const char item_doctype[] =
    "{'name':'Order Item','istable':1,'fields':["
    "{'fieldname':'item','fieldtype':'Link','options':'Item'},"
    "{'fieldname':'qty','fieldtype':'Float'},"
    "{'fieldname':'secret','fieldtype':'Password'},"
    "{'fieldname':'ref_type','fieldtype':'Link','options':'DocType'},"
    "{'fieldname':'ref','fieldtype':'Dynamic Link','options':'ref_type'},"
    "{'fieldname':'note','fieldtype':'Small Text'}]}";

static struct arena mem;
static yyjson_mut_doc *mut;		/* of one test, in mem */
static struct meta *order, *item;	/* taxes have no meta */
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

static void
fresh(void)
{
	arena_reset(&mem);
	mut = yyjson_mut_doc_new(&mem.alc);
}

static yyjson_doc *
parse(const char *text)
{
	size_t i, n = strlen(text);
	char *s = arena_dup(&mem, text, n);
	const char *why;
	yyjson_doc *doc;

	for (i = 0; i < n; i++)
		if (s[i] == '\'')
			s[i] = '"';
	doc = json_parse(&mem, s, n, &why);
	if (doc == NULL)
		printf("# %s: %s\n", why, s);
	return doc;
}

/* NULL gives NULL. */
static yyjson_mut_val *
json(const char *text)
{
	if (text == NULL)
		return NULL;
	return yyjson_val_mut_copy(mut, yyjson_doc_get_root(parse(text)));
}

static const char *
text(yyjson_mut_val *v)
{
	return v == NULL ? "none" : json_mut_text(&mem, v, NULL);
}

static yyjson_mut_val *
copy(yyjson_mut_val *v)
{
	return yyjson_mut_val_mut_copy(mut, v);
}

static yyjson_mut_val *
applied(yyjson_mut_val *doc, yyjson_mut_val *diff)
{
	doc = copy(doc);
	diff_apply(mut, order, doc, diff);
	return doc;
}

static struct meta *
read_meta(const char *doctype)
{
	struct fault fault;
	struct meta *m;

	m = meta_new(yyjson_doc_get_root(parse(doctype)), NULL, 0, NULL, 0,
	    &fault);
	if (m == NULL) {
		printf("Bail out! %s\n", fault.text);
		exit(1);
	}
	return m;
}

static void
set_up(void)
{
	size_t i;

	arena_init(&mem);
	order = read_meta(order_doctype);
	item = read_meta(item_doctype);
	for (i = 0; i < order->nfields; i++)
		if (strcmp(order->fields[i].name, "items") == 0)
			order->fields[i].child = item;
}

static void
read_places(struct places *ps, const char *list)
{
	struct place p;
	char *s = arena_dup(&mem, list, strlen(list)), *word, *slash;

	while ((word = strtok_r(s, " ", &s)) != NULL) {
		p = (struct place){ NULL, NULL, word };
		if ((slash = strchr(word, '/')) != NULL) {
			*slash = '\0';
			p = (struct place){ word, slash + 1, NULL };
			if ((slash = strchr(slash + 1, '/')) != NULL) {
				*slash = '\0';
				p.field = slash + 1;
			}
		}
		places_add(ps, &p);
	}
}

static const char *
places_text(const struct places *ps)
{
	struct buf b = { 0 };
	const struct place *p;
	char *s;

	buf_puts(&b, "");
	for (p = ps->v; p < ps->v + ps->n; p++) {
		buf_puts(&b, b.len > 0 ? " " : "");
		if (p->table != NULL)
			buf_printf(&b, "%s/%s%s", p->table, p->row,
			    p->field == NULL ? "" : "/");
		buf_puts(&b, p->field == NULL ? "" : p->field);
	}
	s = arena_dup(&mem, b.p, b.len);
	buf_free(&b);
	return s;
}

/* ---- made: the diff, and that applying it once and twice gives new */

#define NONE "'added':{},'removed':{},'row_changed':{}"

static const struct {
	const char *what, *old, *new, *diff;
} made[] = {
	{ "a field",
	    "{'title':'a','n':1}", "{'title':'b','n':1}",
	    "{'changed':{'title':'b'}," NONE "}" },
	{ "nothing",
	    "{'title':'a','n':1}", "{'title':'a','n':1}", NULL },
	{ "another notation of a number is no change",
	    "{'n':1,'qty':0.5}", "{'n':1.0,'qty':5e-1}", NULL },
	{ "a number of many digits",
	    "{'n':9007199254740993}", "{'n':9007199254740992}",
	    "{'changed':{'n':9007199254740992}," NONE "}" },
	{ "a number is not its text",
	    "{'title':'1'}", "{'title':1}",
	    "{'changed':{'title':1}," NONE "}" },
	{ "null and absent are no change",
	    "{'title':null,'n':1}", "{'n':1,'qty':null}", NULL },
	{ "absent now",
	    "{'title':'a','n':1}", "{'n':1}",
	    "{'changed':{'title':null}," NONE "}" },
	{ "null now",
	    "{'title':'a','n':1}", "{'title':null,'n':1}",
	    "{'changed':{'title':null}," NONE "}" },
	{ "there now",
	    "{'n':1}", "{'title':'a','n':1}",
	    "{'changed':{'title':'a'}," NONE "}" },
	{ "the order of keys is no change",
	    "{'title':'a','n':1,'qty':2}", "{'qty':2,'n':1,'title':'a'}",
	    NULL },
	{ "docstatus",
	    "{'docstatus':0}", "{'docstatus':1}",
	    "{'changed':{'docstatus':1}," NONE "}" },
	{ "standard keys are not compared",
	    "{'name':'x','modified':'1','owner':'a','__onload':1}",
	    "{'name':'y','modified':'2','owner':'b'}", NULL },
	{ "fields without a value are not compared",
	    "{'section':1,'secret':'a','total':1}",
	    "{'section':2,'secret':'b','total':2}", NULL },
	{ "an unknown key is a plain value",
	    "{'colour':'red','tags':['a']}", "{'colour':'blue','tags':['b']}",
	    "{'changed':{'colour':'blue','tags':['b']}," NONE "}" },
	{ "JSON is replaced whole",
	    "{'spec':{'a':1,'b':[1,{}]}}", "{'spec':{'b':[1,{'c':2}],'a':1}}",
	    "{'changed':{'spec':{'a':1,'b':[1,{'c':2}]}}," NONE "}" },
	{ "JSON in another order and notation is no change",
	    "{'spec':{'a':1,'b':[1,{}],'c':null}}",
	    "{'spec':{'b':[1.0,{}],'a':10e-1}}", NULL },
	{ "a dynamic link changes both halves",
	    "{'ref_type':'Item','ref':'a'}", "{'ref_type':'Item','ref':'b'}",
	    "{'changed':{'ref_type':'Item','ref':'b'}," NONE "}" },
	{ "so does its doctype",
	    "{'ref_type':'Item','ref':'a'}", "{'ref_type':'User','ref':'a'}",
	    "{'changed':{'ref_type':'User','ref':'a'}," NONE "}" },
	{ "a dynamic link that is gone",
	    "{'ref_type':'Item','ref':'a'}", "{}",
	    "{'changed':{'ref_type':null,'ref':null}," NONE "}" },
	{ "a row is added",
	    "{'items':[{'name':'a','idx':1,'qty':1}]}",
	    "{'items':[{'name':'a','idx':1,'qty':1},"
	    "{'name':'b','idx':2,'qty':2,'note':null}]}",
	    "{'changed':{},'added':{'items':[{'name':'b','idx':2,'qty':2}]},"
	    "'removed':{},'row_changed':{}}" },
	{ "a row is put first: others keep their order",
	    "{'items':[{'name':'a','idx':1}]}",
	    "{'items':[{'name':'b','idx':1},{'name':'a','idx':2}]}",
	    "{'changed':{},'added':{'items':[{'name':'b','idx':1}]},"
	    "'removed':{},'row_changed':{}}" },
	{ "a row is removed",
	    "{'items':[{'name':'a','idx':1},{'name':'b','idx':2}]}",
	    "{'items':[{'name':'b','idx':1}]}",
	    "{'changed':{},'added':{},'removed':{'items':['a']},"
	    "'row_changed':{}}" },
	{ "all rows are removed",
	    "{'items':[{'name':'a','idx':1},{'name':'b','idx':2}]}",
	    "{'items':[]}",
	    "{'changed':{},'added':{},'removed':{'items':['a','b']},"
	    "'row_changed':{}}" },
	{ "the first row of a document without the table",
	    "{}", "{'items':[{'name':'a','idx':1,'qty':1}]}",
	    "{'changed':{},'added':{'items':[{'name':'a','idx':1,'qty':1}]},"
	    "'removed':{},'row_changed':{}}" },
	{ "a row is changed",
	    "{'items':[{'name':'a','idx':1,'qty':1,'note':'x'},"
	    "{'name':'b','idx':2}]}",
	    "{'items':[{'name':'a','idx':1,'qty':2.0,'note':'x'},"
	    "{'name':'b','idx':2}]}",
	    "{'changed':{},'added':{},'removed':{},"
	    "'row_changed':{'items':[{'name':'a','qty':2}]}}" },
	{ "a row has another name",
	    "{'items':[{'name':'a','idx':1,'qty':1}]}",
	    "{'items':[{'name':'b','idx':1,'qty':1}]}",
	    "{'changed':{},'added':{'items':[{'name':'b','idx':1,'qty':1}]},"
	    "'removed':{'items':['a']},'row_changed':{}}" },
	{ "rows that changed their order, no others, have an idx",
	    "{'items':[{'name':'a','idx':1},{'name':'b','idx':2},"
	    "{'name':'c','idx':3},{'name':'d','idx':4}]}",
	    "{'items':[{'name':'a','idx':1},{'name':'c','idx':2},"
	    "{'name':'b','idx':3},{'name':'d','idx':4}]}",
	    "{'changed':{},'added':{},'removed':{},'row_changed':{'items':"
	    "[{'name':'c','idx':2},{'name':'b','idx':3}]}}" },
	{ "a row is moved and changed",
	    "{'items':[{'name':'a','idx':1,'qty':1},{'name':'b','idx':2}]}",
	    "{'items':[{'name':'b','idx':1},{'name':'a','idx':2,'qty':2}]}",
	    "{'changed':{},'added':{},'removed':{},'row_changed':{'items':"
	    "[{'name':'b','idx':1},{'name':'a','idx':2,'qty':2}]}}" },
	{ "another idx in the same order is no change",
	    "{'items':[{'name':'a','idx':3},{'name':'b','idx':7}]}",
	    "{'items':[{'name':'a','idx':1},{'name':'b','idx':2}]}", NULL },
	{ "a password and standard keys of a row are not compared",
	    "{'items':[{'name':'a','idx':1,'secret':'x','docstatus':0}]}",
	    "{'items':[{'name':'a','idx':1,'parent':'p','docstatus':1}]}",
	    NULL },
	{ "a dynamic link of a row changes both halves",
	    "{'items':[{'name':'a','idx':1,'ref_type':'Item','ref':'x'}]}",
	    "{'items':[{'name':'a','idx':1,'ref_type':'Item','ref':'y'}]}",
	    "{'changed':{},'added':{},'removed':{},'row_changed':{'items':"
	    "[{'name':'a','ref_type':'Item','ref':'y'}]}}" },
	{ "rows of a table without a DocType are plain",
	    "{'taxes':[{'name':'a','idx':1,'rate':1,'x':[1]}]}",
	    "{'taxes':[{'name':'a','idx':1,'rate':1.0,'x':[2]}]}",
	    "{'changed':{},'added':{},'removed':{},'row_changed':{'taxes':"
	    "[{'name':'a','x':[2]}]}}" },
	{ "no table, null and an empty one are the same",
	    "{'items':null,'n':1}", "{'n':1,'items':[],'taxes':[]}", NULL },
};

static void
test_made(void)
{
	yyjson_mut_val *old, *new, *want, *diff, *once, *twice;
	size_t i;
	bool good;

	for (i = 0; i < sizeof(made) / sizeof(*made); i++) {
		fresh();
		old = json(made[i].old);
		new = json(made[i].new);
		want = json(made[i].diff);
		diff = diff_make(mut, order, old, new);
		good = json_same(diff, want);
		if (!good)
			printf("# diff: %s\n", text(diff));
		ok(good, "diff: %s", made[i].what);
		if (diff == NULL)
			continue;
		once = applied(old, diff);
		twice = applied(once, diff);
		good = json_same(once, new) && json_same(twice, new) &&
		    diff_fault(order, diff) == NULL;
		if (!good)
			printf("# once: %s\n# twice: %s\n", text(once),
			    text(twice));
		ok(good, "applied: %s", made[i].what);
	}
	fresh();
	diff = diff_make(mut, order, json("{'items':[{'name':'a'}]}"),
	    json("{'items':[{'name':'a'},{'name':'a'},7,{}]}"));
	ok(diff != NULL, "diff: rows that are none do no harm");
}

/* ---- applied: what diffs of others may hold */

static const struct {
	const char *what, *doc, *diff, *result;
} others[] = {
	{ "an empty diff", "{'n':1}", "{}", "{'n':1}" },
	{ "null for a part", "{'n':1}",
	    "{'changed':{'n':2},'added':null}", "{'n':2}" },
	{ "standard keys are not written", "{'name':'x','owner':'a'}",
	    "{'changed':{'name':'y','owner':'b','docstatus':1,'__x':1}}",
	    "{'name':'x','owner':'a','docstatus':1}" },
	{ "nor are passwords", "{'n':1}",
	    "{'changed':{'secret':'**','total':3}}", "{'n':1}" },
	{ "a row added that is there is overlaid and put at its idx",
	    "{'items':[{'name':'a','idx':1,'qty':1,'note':'x'},"
	    "{'name':'b','idx':2}]}",
	    "{'added':{'items':[{'name':'a','idx':2,'qty':2}]}}",
	    "{'items':[{'name':'b','idx':1},"
	    "{'name':'a','idx':2,'qty':2,'note':'x'}]}" },
	{ "a row changed or removed that is not there is passed over",
	    "{'items':[{'name':'a','idx':1}]}",
	    "{'row_changed':{'items':[{'name':'z','qty':1}]},"
	    "'removed':{'items':['y']}}",
	    "{'items':[{'name':'a','idx':1}]}" },
	{ "a row added without idx comes last",
	    "{'items':[{'name':'a','idx':1}]}",
	    "{'added':{'items':[{'name':'b'},{'name':'c','qty':1}]}}",
	    "{'items':[{'name':'a','idx':1},{'name':'b','idx':2},"
	    "{'name':'c','idx':3,'qty':1}]}" },
	{ "an idx beyond the end, in its order",
	    "{'items':[{'name':'a','idx':1}]}",
	    "{'added':{'items':[{'name':'b','idx':9},{'name':'c','idx':8}]}}",
	    "{'items':[{'name':'a','idx':1},{'name':'c','idx':2},"
	    "{'name':'b','idx':3}]}" },
	{ "an idx that is none",
	    "{'items':[{'name':'a','idx':1},{'name':'b','idx':2}]}",
	    "{'row_changed':{'items':[{'name':'b','idx':0,'qty':1},"
	    "{'name':'a','idx':'x'}]}}",
	    "{'items':[{'name':'a','idx':1},{'name':'b','idx':2,'qty':1}]}" },
	{ "what a row shares with its document is not written",
	    "{}",
	    "{'added':{'items':[{'doctype':'Order Item','name':'a',"
	    "'parent':'P','parentfield':'items','parenttype':'Order','idx':1,"
	    "'qty':2,'note':null,'docstatus':0,'__islocal':1}]}}",
	    "{'items':[{'name':'a','idx':1,'qty':2}]}" },
	{ "idx is renumbered",
	    "{'items':[{'name':'a'},{'name':'b','idx':9}]}",
	    "{'row_changed':{'items':[{'name':'b','qty':1}]}}",
	    "{'items':[{'name':'a','idx':1},{'name':'b','idx':2,'qty':1}]}" },
	{ "a table that is not touched stays",
	    "{'taxes':[{'name':'a','idx':5}]}",
	    "{'row_changed':{'items':[{'name':'b','qty':1}]},"
	    "'removed':{'items':['c']}}",
	    "{'taxes':[{'name':'a','idx':5}]}" },
	{ "rows of an unknown table are kept",
	    "{}", "{'added':{'more':[{'name':'a','idx':1,'x':1}]}}",
	    "{'more':[{'name':'a','idx':1,'x':1}]}" },
	{ "rows added here stay where they are",
	    "{'items':[{'name':'a','idx':1},{'name':'mine','idx':2},"
	    "{'name':'b','idx':3}]}",
	    "{'row_changed':{'items':[{'name':'b','idx':1},"
	    "{'name':'a','idx':2}]}}",
	    "{'items':[{'name':'b','idx':1},{'name':'a','idx':2},"
	    "{'name':'mine','idx':3}]}" },
};

static void
test_applied(void)
{
	yyjson_mut_val *want, *diff, *once, *twice;
	size_t i;
	bool good;

	for (i = 0; i < sizeof(others) / sizeof(*others); i++) {
		fresh();
		want = json(others[i].result);
		diff = json(others[i].diff);
		once = applied(json(others[i].doc), diff);
		twice = applied(once, diff);
		good = json_same(once, want) && json_same(twice, want) &&
		    diff_fault(order, diff) == NULL;
		if (!good)
			printf("# once: %s\n# twice: %s\n", text(once),
			    text(twice));
		ok(good, "applied: %s", others[i].what);
	}
	fresh();
	ok(json_same(applied(json("{'n':1}"), NULL), json("{'n':1}")),
	    "applied: no diff");
}

static const char *const faults[] = {
	"[]", "null", "{'title':'a'}", "{'changed':[]}", "{'changed':'x'}",
	"{'changed':{'items':[]}}", "{'changed':{'':1}}",
	"{'changed':{'a\\u0000b':1}}", "{'added':[]}",
	"{'added':{'items':{}}}", "{'added':{'items':['a']}}",
	"{'added':{'items':[{}]}}", "{'added':{'items':[{'name':1}]}}",
	"{'added':{'items':[{'name':''}]}}",
	"{'added':{'items':[{'name':'a\\u0000b'}]}}",
	"{'added':{'items':[{'name':'a','':1}]}}",
	"{'added':{'items':[{'name':'a'},{'name':'a'}]}}",
	"{'added':{'items':[{'name':'a'}]},'removed':{'items':['a']}}",
	"{'removed':{'items':[{'name':'a'}]}}", "{'removed':{'items':'a'}}",
	"{'removed':{'items':[1]}}", "{'removed':{'title':['a']}}",
	"{'removed':{'owner':['a']}}",
	"{'row_changed':{'items':{'a':{'qty':1}}}}",
	"{'row_changed':{'items':[{'qty':1}]}}",
};

static void
test_faults(void)
{
	const char *why;
	size_t i;

	for (i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		fresh();
		why = diff_fault(order, json(faults[i]));
		ok(why != NULL, "refused: %s: %s", faults[i],
		    why == NULL ? "nothing" : why);
	}
	fresh();
	ok(diff_fault(order, json("{'changed':{'x':1},'added':null,"
	    "'removed':{'items':['a'],'taxes':['a']}}")) == NULL,
	    "not refused: parts that are missing");
}

/* ---- places */

static const char sample[] = "{'changed':{'ref_type':'Item','title':'a',"
    "'ref':'x','owner':'o','docstatus':1},"
    "'added':{'items':[{'name':'a','idx':1,'qty':1}]},"
    "'removed':{'items':['b'],'taxes':['t']},"
    "'row_changed':{'items':[{'name':'c','idx':3,'qty':1,'ref':'x',"
    "'ref_type':'Item'},{'name':'d','idx':4}]}}";
static const char sample_places[] =
    "ref title docstatus items/a items/b items/c/idx items/c/qty items/c/ref "
    "items/d/idx taxes/t";

static void
test_places_of(void)
{
	struct places ps = { 0 };
	yyjson_mut_val *diff;

	fresh();
	diff = json(sample);
	places_of(&ps, order, diff);
	ok(strcmp(places_text(&ps), sample_places) == 0,
	    "places: a dynamic link is one, where a row stands another: %s",
	    places_text(&ps));
	places_of(&ps, order, diff);
	places_of(&ps, order, json("{'changed':{'n':1}}"));
	ok(strcmp(places_text(&ps), arena_printf(&mem, "%s n",
	    sample_places)) == 0, "places: once each, from many diffs");
	places_free(&ps);
}

static const struct {
	const char	*a, *b;
	bool		 same, overlap;
} overlaps[] = {
	{ "title", "title", true, true },
	{ "title", "n", false, false },
	{ "items/a", "items/a", true, true },
	{ "items/a", "items/a/qty", false, true },
	{ "items/a", "items/b/qty", false, false },
	{ "items/a/qty", "items/a/qty", true, true },
	{ "items/a/qty", "items/a/note", false, false },
	{ "items/a", "taxes/a", false, false },
	{ "qty", "items/a/qty", false, false },
};

static void
test_overlaps(void)
{
	struct places a = { 0 }, b = { 0 };
	size_t i;

	for (i = 0; i < sizeof(overlaps) / sizeof(*overlaps); i++) {
		fresh();
		a.n = b.n = 0;
		read_places(&a, overlaps[i].a);
		read_places(&b, overlaps[i].b);
		ok(place_same(a.v, b.v) == overlaps[i].same &&
		    place_overlap(a.v, b.v) == overlaps[i].overlap &&
		    place_overlap(b.v, a.v) == overlaps[i].overlap &&
		    places_overlap(&a, b.v) == overlaps[i].overlap,
		    "places: %s and %s %s", overlaps[i].a, overlaps[i].b,
		    overlaps[i].overlap ? "overlap" : "do not overlap");
	}
	places_free(&a);
	places_free(&b);
}

static const char doc_a[] = "{'name':'x','n':1,'title':null,"
    "'ref_type':'Item','ref':'x','items':["
    "{'name':'a','idx':1,'qty':1,'note':null},{'name':'b','idx':2},"
    "{'name':'c','idx':3,'qty':1,'ref_type':'Item','ref':'y'}]}";
static const char doc_b[] = "{'name':'x','n':1.0,'ref_type':'User',"
    "'ref':'x','items':["
    "{'name':'c','idx':1,'qty':2,'ref_type':'Item','ref':'z'},"
    "{'name':'a','idx':2,'qty':1.0,'secret':'s'}]}";

static const struct {
	const char	*place;
	bool		 equal;
	const char	*value;		/* in doc_a */
} values[] = {
	{ "n", true, "1" },
	{ "title", true, "null" },
	{ "ref", false, "{'ref_type':'Item','ref':'x'}" },
	{ "items/a", true,
	    "{'name':'a','idx':1,'qty':1,'note':null}" },
	{ "items/a/qty", true, "1" },
	{ "items/b", false, "{'name':'b','idx':2}" },
	{ "items/b/qty", false, "null" },
	{ "items/c", false, "{'name':'c','idx':3,'qty':1,"
	    "'ref_type':'Item','ref':'y'}" },
	{ "items/c/qty", false, "1" },
	{ "items/c/ref", false, "{'ref_type':'Item','ref':'y'}" },
	{ "items/z", true, "null" },
	{ "items/z/ref", true, "null" },
	{ "taxes/z", true, "null" },
};

static const struct {
	const char	*place, *value;	/* in sample */
} diff_values[] = {
	{ "title", "'a'" },
	{ "n", "null" },
	{ "ref", "{'ref_type':'Item','ref':'x'}" },
	{ "items/a", "{'name':'a','idx':1,'qty':1}" },
	{ "items/a/qty", "1" },
	{ "items/b", "null" },
	{ "items/c/qty", "1" },
	{ "taxes/t", "null" },
};

static void
test_values(void)
{
	struct places p = { 0 };
	yyjson_mut_val *a, *b;
	size_t i;

	for (i = 0; i < sizeof(values) / sizeof(*values); i++) {
		fresh();
		a = json(doc_a);
		b = json(doc_b);
		p.n = 0;
		read_places(&p, values[i].place);
		ok(place_equal(order, p.v, a, b) == values[i].equal &&
		    place_equal(order, p.v, b, a) == values[i].equal,
		    "places: %s is %s", values[i].place,
		    values[i].equal ? "the same" : "another");
		ok(json_same(place_value(mut, order, p.v, a),
		    json(values[i].value)), "places: the value of %s",
		    values[i].place);
	}
	for (i = 0; i < sizeof(diff_values) / sizeof(*diff_values); i++) {
		fresh();
		p.n = 0;
		read_places(&p, diff_values[i].place);
		ok(json_same(place_value(mut, order, p.v, json(sample)),
		    json(diff_values[i].value)),
		    "places: the value of %s in a diff", diff_values[i].place);
	}
	places_free(&p);
}

static const struct {
	const char *keep, *diff;
} cuts[] = {
	{ "title ref", "{'changed':{'ref_type':'Item','ref':'x','title':'a'},"
	    "'added':{},'removed':{},'row_changed':{}}" },
	{ "items/a taxes/t n", "{'changed':{},"
	    "'added':{'items':[{'name':'a','idx':1,'qty':1}]},"
	    "'removed':{'taxes':['t']},'row_changed':{}}" },
	{ "items/d/idx", "{'changed':{},'added':{},'removed':{},"
	    "'row_changed':{'items':[{'name':'d','idx':4}]}}" },
	{ "items/c/qty", "{'changed':{},'added':{},'removed':{},"
	    "'row_changed':{'items':[{'name':'c','qty':1}]}}" },
	{ "items/c/ref items/b", "{'changed':{},'added':{},"
	    "'removed':{'items':['b']},"
	    "'row_changed':{'items':[{'name':'c','ref_type':'Item',"
	    "'ref':'x'}]}}" },
	{ "items/c", "{'changed':{},'added':{},'removed':{},"
	    "'row_changed':{'items':[{'name':'c','idx':3,'qty':1,"
	    "'ref_type':'Item','ref':'x'}]}}" },
}, ats[] = {				/* of doc_a */
	{ "n", "{'changed':{'n':1}," NONE "}" },
	{ "title customer",
	    "{'changed':{'title':null,'customer':null}," NONE "}" },
	{ "ref", "{'changed':{'ref_type':'Item','ref':'x'}," NONE "}" },
	{ "items/z items/z/qty items/y/qty", "{'changed':{},'added':{},"
	    "'removed':{'items':['y','z']},'row_changed':{}}" },
	{ "items/b items/a items/a/qty", "{'changed':{},'added':{'items':["
	    "{'name':'a','idx':1,'qty':1,'note':null},{'name':'b','idx':2}]},"
	    "'removed':{},'row_changed':{}}" },
	{ "items/c/ref items/a/qty taxes/t", "{'changed':{},'added':{},"
	    "'removed':{'taxes':['t']},"
	    "'row_changed':{'items':[{'name':'a','qty':1},"
	    "{'name':'c','ref_type':'Item','ref':'y'}]}}" },
	{ "", NULL },
};

static void
test_cuts(void)
{
	struct places keep = { 0 };
	yyjson_mut_val *diff;
	size_t i;

	for (i = 0; i < sizeof(cuts) / sizeof(*cuts); i++) {
		fresh();
		keep.n = 0;
		read_places(&keep, cuts[i].keep);
		diff = diff_cut(mut, order, json(sample), &keep);
		ok(json_same(diff, json(cuts[i].diff)), "cut to %s: %s",
		    cuts[i].keep, text(diff));
	}
	for (i = 0; i < sizeof(ats) / sizeof(*ats); i++) {
		fresh();
		keep.n = 0;
		read_places(&keep, ats[i].keep);
		diff = diff_at(mut, order, json(doc_a), &keep);
		ok(json_same(diff, json(ats[i].diff)), "the diff at '%s': %s",
		    ats[i].keep, text(diff));
	}
	keep.n = 0;
	fresh();
	ok(diff_cut(mut, order, json("{'changed':{'n':1}}"), &keep) == NULL,
	    "cut to nothing there is no diff");
	places_free(&keep);
}

/* ---- many rows, many keys */

static void
test_many(void)
{
	yyjson_mut_val *old, *new, *diff, *rows, *row;
	struct places ps = { 0 };
	char name[16];
	int i;

	fresh();
	old = json("{'items':[]}");
	new = json("{'items':[]}");
	rows = yyjson_mut_obj_get(old, "items");
	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "k%d", i);
		row = yyjson_mut_obj(mut);
		json_put(mut, row, "name", json_new_str(mut, name));
		json_put(mut, row, "idx", json_new_int(mut, i + 1));
		json_put(mut, row, "qty", json_new_int(mut, i));
		yyjson_mut_arr_append(rows, row);
		yyjson_mut_obj_add(old, yyjson_mut_strcpy(mut, name),
		    json_new_int(mut, i));
	}
	rows = yyjson_mut_obj_get(new, "items");
	for (i = MANY; i-- > 0;) {
		snprintf(name, sizeof(name), "k%d", i);
		row = yyjson_mut_obj(mut);
		json_put(mut, row, "name", json_new_str(mut, name));
		json_put(mut, row, "idx", json_new_int(mut, MANY - i));
		json_put(mut, row, "qty", json_new_int(mut, i / 2));
		yyjson_mut_arr_append(rows, row);
		yyjson_mut_obj_add(new, yyjson_mut_strcpy(mut, name),
		    json_new_int(mut, i / 2));
	}
	diff = diff_make(mut, order, old, new);
	places_of(&ps, order, diff);
	ok(json_same(applied(old, diff), new) && ps.n == 3 * MANY - 2,
	    "%d rows and keys in another order", MANY);
	ok(json_same(diff_cut(mut, order, diff, &ps), diff),
	    "the same cut to all places");
	places_free(&ps);
}

/* ---- random documents */

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

/* Tokens of each line are equal. */
static const char *const notations[][5] = {
	{ "0", "-0", "0.0", "0e5", NULL },
	{ "1", "1.0", "10e-1", "0.1E+1", NULL },
	{ "12.5", "12.50", "125e-1", "1.25e1", NULL },
	{ "9007199254740993", "9007199254740993.0", "90071992547409930e-1",
	    NULL },
	{ "1e400", "10e399", "1E+400", NULL },
	{ "-3", "-3.000", "-30e-1", NULL },
};
enum { NOTATIONS = sizeof(notations) / sizeof(*notations) };

static const char *const texts[] = { "", "a", "b", "\xc3\xa9\xe2\x82\xac",
    "1", "line\nline", NULL };
static const char *const names[] = { "I-1", "I-2", "I-3", NULL };
static const char *const doctypes[] = { "Item", "User", NULL };
static const char *const specs[] = { "{'a':[1,{'b':null}]}", "[]", "{}",
    "{'a':[1.0,{}]}", "[1,2,3]", "'text'", "true", NULL };

enum random { NUMBER, TEXT, NAME, DOCTYPE, SPEC };

static const struct random_field {
	const char	*name;
	enum random	 what;
} doc_fields[] = {
	{ "docstatus", NUMBER }, { "title", TEXT }, { "qty", NUMBER },
	{ "n", NUMBER }, { "customer", NAME }, { "ref_type", DOCTYPE },
	{ "ref", NAME }, { "spec", SPEC }, { "unknown", SPEC },
	{ NULL, 0 }
}, row_fields[] = {
	{ "item", NAME }, { "qty", NUMBER }, { "ref_type", DOCTYPE },
	{ "ref", NAME }, { "note", TEXT }, { "unknown", SPEC },
	{ NULL, 0 }
};

static yyjson_mut_val *
random_number(int line)
{
	const char *s = pick(notations[line]);

	return json_new_raw(mut, s, strlen(s));
}

/* NULL: absent. */
static yyjson_mut_val *
random_value(enum random what)
{
	switch (rnd(6)) {
	case 0:
		return NULL;
	case 1:
		return yyjson_mut_null(mut);
	}
	switch (what) {
	case NUMBER:
		return random_number(rnd(NOTATIONS));
	case TEXT:
		return json_new_str(mut, pick(texts));
	case NAME:
		return json_new_str(mut, pick(names));
	case DOCTYPE:
		return json_new_str(mut, pick(doctypes));
	default:
		return json(pick(specs));
	}
}

/* The same value in another notation. */
static yyjson_mut_val *
renoted(yyjson_mut_val *v)
{
	int i, j;

	if (json_is_null(v))
		return rnd(2) ? NULL : yyjson_mut_null(mut);
	if (yyjson_mut_is_raw(v))
		for (i = 0; i < NOTATIONS; i++)
			for (j = 0; notations[i][j] != NULL; j++)
				if (strcmp(yyjson_mut_get_raw(v),
				    notations[i][j]) == 0)
					return random_number(i);
	return copy(v);
}

static void
random_members(yyjson_mut_val *obj, const struct random_field *f)
{
	yyjson_mut_val *v;

	for (; f->name != NULL; f++)
		if ((v = random_value(f->what)) != NULL)
			json_put(mut, obj, f->name, v);
}

/* Copies the members of one object into another: each with a chance of one
 * in change to become another value. */
static void
other_members(yyjson_mut_val *obj, yyjson_mut_val *from,
    const struct random_field *f, unsigned change)
{
	yyjson_mut_val *v;

	for (; f->name != NULL; f++) {
		v = change > 0 && rnd(change) == 0 ? random_value(f->what) :
		    renoted(yyjson_mut_obj_get(from, f->name));
		if (v != NULL)
			json_put(mut, obj, f->name, v);
	}
	if (rnd(8) == 0 && yyjson_mut_obj_size(obj) > 0)
		yyjson_mut_obj_rotate(obj, rnd(yyjson_mut_obj_size(obj)));
}

static yyjson_mut_val *
random_row(const char *name)
{
	yyjson_mut_val *row = yyjson_mut_obj(mut);
	char id[12];

	if (name == NULL) {
		snprintf(id, sizeof(id), "%08x", rnd(1U << 30));
		name = id;
	}
	json_put(mut, row, "name", json_new_str(mut, name));
	return row;
}

static yyjson_mut_val *
random_rows(void)
{
	yyjson_mut_val *rows = yyjson_mut_arr(mut), *row;
	int n = rnd(3) * rnd(4);

	while (n-- > 0) {
		row = random_row(NULL);
		random_members(row, row_fields);
		yyjson_mut_arr_append(rows, row);
	}
	return rows;
}

/* The same rows, some removed, changed, added, renamed, moved. */
static yyjson_mut_val *
other_rows(yyjson_mut_val *old, unsigned change)
{
	yyjson_mut_val *rows = yyjson_mut_arr(mut), *was, *row;
	size_t i, max, moves = 0;

	yyjson_mut_arr_foreach(old, i, max, was) {
		if (change > 0 && rnd(6) == 0)
			continue;
		row = random_row(change > 0 && rnd(10) == 0 ? NULL :
		    json_mut_str(was, "name"));
		other_members(row, was, row_fields, rnd(2) ? change : 0);
		yyjson_mut_arr_append(rows, row);
	}
	if (change == 0)
		return rows;
	while (rnd(3) == 0) {
		row = random_row(NULL);
		random_members(row, row_fields);
		yyjson_mut_arr_insert(rows, row,
		    rnd(yyjson_mut_arr_size(rows) + 1));
	}
	if (rnd(3) == 0)
		moves = rnd(3) + 1;
	while (moves-- > 0 && yyjson_mut_arr_size(rows) > 1) {
		row = yyjson_mut_arr_remove(rows,
		    rnd(yyjson_mut_arr_size(rows)));
		yyjson_mut_arr_insert(rows, row,
		    rnd(yyjson_mut_arr_size(rows) + 1));
	}
	return rows;
}

static void
number_rows(yyjson_mut_val *rows)
{
	yyjson_mut_val *row;
	size_t i, max;

	yyjson_mut_arr_foreach(rows, i, max, row) {
		json_put(mut, row, "idx", json_new_int(mut, i + 1));
	}
}

static void
put_rows(yyjson_mut_val *doc, const char *table, yyjson_mut_val *rows)
{
	number_rows(rows);
	json_put(mut, doc, table, rows);
}

static yyjson_mut_val *
random_doc(void)
{
	yyjson_mut_val *doc = json("{'doctype':'Order','name':'x'}");

	random_members(doc, doc_fields);
	put_rows(doc, "items", random_rows());
	put_rows(doc, "taxes", random_rows());
	return doc;
}

/* change 0: only in notation. */
static yyjson_mut_val *
other_doc(yyjson_mut_val *old, unsigned change)
{
	yyjson_mut_val *doc = json("{'doctype':'Order','name':'x'}");

	other_members(doc, old, doc_fields, rnd(4) ? change : 0);
	put_rows(doc, "items", other_rows(yyjson_mut_obj_get(old, "items"),
	    rnd(4) ? change : 0));
	put_rows(doc, "taxes", other_rows(yyjson_mut_obj_get(old, "taxes"),
	    rnd(2) ? change : 0));
	return doc;
}

/* ---- what must hold of any two documents */

/* The same but for the order of rows? */
static bool
same_places(yyjson_mut_val *a, yyjson_mut_val *b)
{
	struct places ps = { 0 };
	bool none;

	places_of(&ps, order, diff_make(mut, order, a, b));
	none = ps.n == 0;
	places_free(&ps);
	return none;
}

static bool
is_order(const struct place *p)
{
	return p->field != NULL && strcmp(p->field, "idx") == 0;
}

/* Each place is another in new; each half of them cut, applied, is as in new
 * and leaves the other half as in old. */
static const char *
places_wrong(yyjson_mut_val *old, yyjson_mut_val *new, yyjson_mut_val *diff,
    const struct places *ps)
{
	struct places half = { 0 };
	yyjson_mut_val *doc;
	const char *wrong = NULL;
	size_t i;

	for (i = 0; i < ps->n; i++) {
		if (!is_order(&ps->v[i]) &&
		    place_equal(order, &ps->v[i], old, new))
			wrong = "a place did not change";
		if (rnd(2))
			places_add(&half, &ps->v[i]);
	}
	doc = applied(old, diff_cut(mut, order, diff, &half));
	/* Where rows stand depends on all that were moved. */
	for (i = 0; i < ps->n; i++)
		if (!is_order(&ps->v[i]) && !place_equal(order, &ps->v[i], doc,
		    places_overlap(&half, &ps->v[i]) ? new : old))
			wrong = "the diff was cut at the wrong places";
	places_free(&half);
	return wrong;
}

static const char *
diff_wrong(yyjson_mut_val *old, yyjson_mut_val *new, yyjson_mut_val *diff)
{
	struct places ps = { 0 };
	yyjson_mut_val *doc;
	const char *wrong = NULL;

	if (diff_fault(order, diff) != NULL)
		return diff_fault(order, diff);
	doc = applied(old, diff);
	if (!json_same(doc, new))
		return "applied once it does not give new";
	if (!json_same(applied(doc, diff), new))
		return "applied twice it does not give new";
	if (!json_same(json(text(diff)), diff))
		return "it does not survive being written";
	places_of(&ps, order, diff);
	if (!json_same(diff_cut(mut, order, diff, &ps), diff))
		wrong = "cut to all places it is another";
	doc = applied(old, diff_at(mut, order, new, &ps));
	if (!same_places(doc, new) ||
	    !json_same(doc, new))
		wrong = "the diff at all places does not give new";
	if (wrong == NULL)
		wrong = places_wrong(old, new, diff, &ps);
	places_free(&ps);
	return wrong;
}

static bool
round_good(uint64_t seed)
{
	yyjson_mut_val *old, *new, *diff;
	const char *wrong = NULL;

	state = seed * 0x9e3779b97f4a7c15 + 1;
	fresh();
	old = random_doc();
	new = other_doc(old, rnd(5) * 2);
	diff = diff_make(mut, order, old, new);
	if ((diff == NULL) != json_same(old, new))
		wrong = "a diff is there if and only if something changed";
	else if (diff != NULL)
		wrong = diff_wrong(old, new, diff);
	if (wrong == NULL)
		return true;
	printf("# seed %ju: %s\n# old %s\n# new %s\n# diff %s\n",
	    (uintmax_t)seed, wrong, text(old), text(new), text(diff));
	return false;
}

int
main(int argc, char *argv[])
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1, i;
	bool good = true;

	set_up();
	test_made();
	test_applied();
	test_faults();
	test_places_of();
	test_overlaps();
	test_values();
	test_cuts();
	test_many();
	for (i = seed; i < seed + ROUNDS && good; i++)
		good = round_good(i);
	ok(good, "%d random pairs of documents", ROUNDS);
	printf("1..%d\n", count);
	meta_free(order);
	meta_free(item);
	arena_free(&mem);
	return failed > 0;
}
