/* store - tests of src/site/store.c and local.c: what is not UTF-8 gets into no
 * document; with a site in the directory where it is run */

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "site/site.h"

static struct site *site;
static struct arena mem;
static struct fault fault;
static int failed, count;

static void
ok(bool good, const char *what)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++count, what);
	failed += !good;
}

/* As programs put what was made of their operands. */
static bool
put(const char *doctype, const char *key, const char *value)
{
	yyjson_mut_doc *m = yyjson_mut_doc_new(&mem.alc);
	yyjson_mut_val *o = yyjson_mut_obj(m);
	int64_t id, entry;

	json_put(m, o, "name", json_new_str(m, "one"));
	json_put(m, o, key, json_new_str(m, value));
	return local_put(site, &mem, yyjson_doc_get_root(
	    yyjson_mut_val_imut_copy(o, &mem.alc)), doctype, "Administrator",
	    &id, &entry, &fault) < PUT_REFUSED;
}

static void
test_put(void)
{
	ok(put("Role", "role_name", "one"), "a document");
	ok(!put("Value Map", "default_value", "\xff") &&
	    strstr(fault.text, "UTF-8") != NULL, "a new one is refused");
	ok(put("Value Map", "default_value", "\xc3\xbf"), "it is UTF-8 now");
	ok(!put("Value Map", "default_value", "\xc3") &&
	    strstr(fault.text, "UTF-8") != NULL, "so is a change");
	ok(!db_failed(site->db), "the site is well");
}

/* Where nobody has looked before, nothing of the transaction is kept. */
static void
test_update(void)
{
	const struct meta *meta = site_meta(site, "Value Map");
	yyjson_mut_doc *m = yyjson_mut_doc_new(&mem.alc);
	yyjson_mut_val *body, *diff = yyjson_mut_obj(m), *changed;
	struct cause c = { .user = "Administrator" };
	struct doc d;

	ok(site_commit(site) == 0 && site_begin(site) == 0 && doc_find(site,
	    &mem, meta, "one", true, &d), "it is there");
	body = doc_body(&mem, m, &d);
	json_put(m, body, "default_value", json_new_str(m, "\xff"));
	changed = yyjson_mut_obj_add_obj(m, diff, "changed");
	json_put(m, changed, "default_value", json_new_str(m, "\xff"));
	ok(doc_update(site, &d, m, body, diff, &c) == -1 &&
	    db_failed(site->db) && site_commit(site) == -1, "a change fails");
	ok(db_mend(site->db) && site_begin(site) == 0 && doc_find(site, &mem,
	    meta, "one", true, &d) && text_is_utf8(d.data, d.len),
	    "and is not kept");
}

int
main(void)
{
	char dir[] = "store.XXXXXX", *path;
	int status;

	umask(077);
	arena_init(&mem);
	if (mkdtemp(dir) == NULL)
		return 1;
	path = arena_printf(&mem, "%s/s.db", dir);
	if (site_create(path, "s") != 0 ||
	    (site = site_open(path, SITE_WRITE, &status)) == NULL)
		return 1;
	site_begin(site);
	test_put();
	test_update();
	site_rollback(site);
	site_close(site);
	unlink(path);
	rmdir(dir);
	printf("1..%d\n", count);
	arena_free(&mem);
	return failed != 0;
}
