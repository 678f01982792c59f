/* user - tests of src/site/user.c and key.c, with a site in the directory
 * where it is run */

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "site/site.h"

static const char *const documents[][2] = {
	{ "DocType", "{'name':'Row','istable':1,'fields':[{'fieldname':'x',"
	    "'fieldtype':'Data'}]}" },
	{ "DocType", "{'name':'Bare','autoname':'Prompt','fields':[{"
	    "'fieldname':'x','fieldtype':'Data'}]}" },
	{ "Role", "{'role_name':'Clerk'}" },
	{ "Role", "{'role_name':'Boss'}" },
	{ "DocType", "{'name':'Paper','autoname':'Prompt','fields':[{"
	    "'fieldname':'x','fieldtype':'Data'}],'permissions':["
	    "{'role':'Clerk','read':1,'write':1,'create':1},"
	    "{'role':'Boss','read':1,'submit':1,'delete':1,'permlevel':0},"
	    "{'role':'Clerk','permlevel':1,'delete':1},"
	    "{'role':'Clerk','if_owner':1,'cancel':1},"
	    "{'role':'Clerk','submit':0}]}" },
	{ "DocType", "{'name':'Hall','autoname':'Prompt','fields':[{"
	    "'fieldname':'x','fieldtype':'Data'}],'permissions':["
	    "{'role':'All','read':1}]}" },
	{ "User", "{'name':'clerk','email':'c@x','first_name':'c',"
	    "'enabled':1,'roles':[{'role':'Clerk'}]}" },
	{ "User", "{'name':'boss','email':'b@x','first_name':'b',"
	    "'enabled':1,'roles':[{'role':'Boss'},{'role':'Clerk'}]}" },
	{ "User", "{'name':'root','email':'r@x','first_name':'r',"
	    "'enabled':1,'roles':[{'role':'System Manager'}]}" },
	{ "User", "{'name':'off','email':'o@x','first_name':'o',"
	    "'enabled':0,'roles':[{'role':'System Manager'},"
	    "{'role':'Clerk'}]}" },
};

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

static bool
put(const char *doctype, const char *text)
{
	char *p, *json = arena_printf(&mem, "%s", text);
	int64_t id, entry;
	const char *why;
	yyjson_doc *doc;

	for (p = json; *p != '\0'; p++)
		if (*p == '\'')
			*p = '"';
	if ((doc = json_parse(&mem, json, strlen(json), &why)) == NULL)
		return false;
	return local_put(site, &mem, yyjson_doc_get_root(doc), doctype,
	    "Administrator", &id, &entry, &fault) < PUT_REFUSED;
}

static bool
may(const char *name, const char *doctype, const char *right)
{
	struct user u;

	return user_load(site, &mem, name, &u) && user_may(site, &u,
	    site_meta(site, doctype), right);
}

static void
test_rights(void)
{
	const struct meta *paper = site_meta(site, "Paper");

	ok(may("clerk", "Paper", "create"), "a right of its role");
	ok(!may("clerk", "Paper", "submit"), "not of another");
	ok(!may("clerk", "Paper", "delete"), "permlevel 1 is for fields");
	ok(!may("clerk", "Paper", "cancel"), "if_owner is not for all");
	ok(may("boss", "Paper", "delete") && may("boss", "Paper", "write"),
	    "rights of two roles");
	ok(!may("clerk", "Bare", "read"), "a DocType without permissions");
	ok(may("root", "Bare", "delete") && may("Administrator", "Paper",
	    "cancel"), "managers may everything");
	ok(!may("clerk", "Paper", "sing"), "no such right");
	ok(!may("off", "Paper", "read"), "who is disabled nothing");
	ok(may("clerk", "Hall", "read") && !may("Guest", "Hall", "read") &&
	    !may("off", "Hall", "read"), "the role All");
	ok(strcmp(user_needs(site, &mem, paper, "read"), "Clerk, Boss") ==
	    0, "the roles with a right");
	ok(strcmp(user_needs(site, &mem, paper, "cancel"), "System Manager") ==
	    0, "if there is none");
}

static void
test_users(void)
{
	struct user u;

	ok(!user_load(site, &mem, "nobody", &u), "no such user");
	ok(user_load(site, &mem, "boss", &u) && u.enabled && !u.manager &&
	    user_has(&u, "Clerk") && !user_has(&u, "System Manager"),
	    "its roles");
	ok(user_has(&u, "All") && user_has(&u, "Guest"), "and those of all");
	ok(user_load(site, &mem, "off", &u) && !u.enabled && !u.manager &&
	    !user_has(&u, "Clerk") && !user_has(&u, "Guest"),
	    "a disabled one has none");
	ok(user_load(site, &mem, "Guest", &u) && user_has(&u, "Guest") &&
	    !user_has(&u, "All"), "Guest");
}

static bool
known(const char *key, const char *secret, const char *name)
{
	struct user u;

	if (!user_by_key(site, &mem, key, secret, &u))
		return name == NULL && u.name == NULL;
	return name != NULL && strcmp(u.name, name) == 0;
}

/* Ends the time of all old secrets but the newest. */
static void
age(void)
{
	db_do(site->db, "UPDATE secret SET field = 'api_secret until "
	    "2026-01-01 00:00:00.000000' WHERE field = (SELECT min(field) FROM"
	    " secret WHERE field LIKE 'api_secret until %')", "");
}

static int64_t
secrets(void)
{
	return db_get(site->db, -1, "SELECT count(*) FROM secret", "");
}

static void
test_keys(void)
{
	char *key, *again, *first, *second, *third;
	int64_t entry = site->newest;

	ok(user_key_new(site, &mem, "clerk", false, &key, &first, &fault) &&
	    strlen(key) == 15 && strlen(first) == SECRET_LEN, "a key");
	ok(site->newest > entry, "the journal has the user's change");
	ok(db_get(site->db, 0, "SELECT count(*) FROM secret WHERE value = ?",
	    "s", first) == 0, "its secret is not kept in clear");
	ok(known(key, first, "clerk"), "whose it is");
	ok(known(key, key, NULL) && known(key, "", NULL), "another secret");
	ok(known("0123456789abcde", first, NULL) && known("", first, NULL) &&
	    known("", "", NULL), "another key");
	ok(!user_key_new(site, &mem, "clerk", false, &again, &second, &fault)
	    && strcmp(fault.code, "key") == 0, "a second one is a fault");
	ok(user_key_since(site, &mem, "clerk") != NULL &&
	    user_key_since(site, &mem, "boss") == NULL, "since when");

	ok(user_key_new(site, &mem, "clerk", true, &again, &second, &fault) &&
	    strcmp(again, key) == 0 && strcmp(first, second) != 0, "renewed");
	ok(user_key_new(site, &mem, "clerk", true, &again, &third, &fault),
	    "and again");
	ok(known(key, first, "clerk") && known(key, second, "clerk") &&
	    known(key, third, "clerk"), "the secrets before are still good");
	age();
	ok(known(key, first, NULL) && known(key, second, "clerk"),
	    "for a week each");
	ok(user_key_new(site, &mem, "clerk", true, &again, &first, &fault) &&
	    secrets() == 4, "what is over is forgotten");

	ok(user_key_revoke(site, &mem, "clerk", &fault) && secrets() == 0 &&
	    known(key, second, NULL) && known(key, first, NULL), "revoked");
	ok(!user_key_revoke(site, &mem, "clerk", &fault) &&
	    strcmp(fault.code, "key") == 0, "twice is a fault");
	ok(user_key_new(site, &mem, "clerk", false, &again, &first, &fault) &&
	    strcmp(key, again) != 0 && known(key, first, NULL), "another key");
}

static void
test_by_hand(void)
{
	char *key, *secret;

	ok(put("User", "{'name':'boss','api_key':'k','api_secret':'s'}") &&
	    known("k", "s", "boss") && known("k", "", NULL),
	    "a key that was written");
	ok(user_key_new(site, &mem, "boss", true, &key, &secret, &fault) &&
	    strcmp(key, "k") == 0 && known("k", "s", "boss") &&
	    known("k", secret, "boss") && db_get(site->db, -1, "SELECT count(*)"
	    " FROM secret WHERE value = 's'", "") == 0,
	    "is renewed, and hashed");
	ok(put("User", "{'name':'boss','api_secret':'t'}") &&
	    known("k", "t", "boss") && known("k", "s", NULL) &&
	    known("k", secret, NULL), "one that is written ends those before");
	ok(!put("User", "{'name':'root','api_key':'k'}") &&
	    strcmp(fault.code, "unique") == 0, "a key is of one user");
	ok(put("User", "{'name':'boss','api_secret':''}") &&
	    known("k", "t", NULL) && known("k", "", NULL), "none, none");
	ok(put("User", "{'name':'off','api_key':'o','api_secret':'s'}") &&
	    known("o", "s", "off"), "a disabled user is found");
	ok(!user_key_new(site, &mem, "off", true, &key, &secret, &fault) &&
	    !user_key_new(site, &mem, "Guest", true, &key, &secret, &fault) &&
	    !user_key_new(site, &mem, "Administrator", true, &key, &secret,
	    &fault) && !user_key_new(site, &mem, "nobody", true, &key, &secret,
	    &fault), "who gets no key");
}

int
main(void)
{
	char dir[] = "user.XXXXXX", *path;
	bool good = true;
	size_t i;
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
	for (i = 0; i < sizeof(documents) / sizeof(*documents); i++)
		good = put(documents[i][0], documents[i][1]) && good;
	ok(good, "documents");
	test_users();
	test_rights();
	test_keys();
	test_by_hand();
	ok(!db_failed(site->db), "the site is well");
	site_rollback(site);
	site_close(site);
	unlink(path);
	rmdir(dir);
	printf("1..%d\n", count);
	arena_free(&mem);
	return failed != 0;
}
