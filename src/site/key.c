/* key.c - API keys: whose they are, given, renewed, taken away
 *
 * A key stands in its User document, its secret in table secret as the field
 * api_secret, hashed, or in clear if somebody wrote it so.  Beside it stand,
 * under names that no field has, "api_secret since" and, for each secret before
 * it that is still good, "api_secret until TIME". */

#include <string.h>

#include "site/site.h"

static const int64_t WEEK = INT64_C(7) * 86400 * 1000000;

#define UNTIL "api_secret until "
enum { UNTIL_LEN = sizeof(UNTIL) - 1, KEY_LEN = 15 };

static char *
until(int64_t time, char field[UNTIL_LEN + TIME_TEXT_LEN])
{
	memcpy(field, UNTIL, UNTIL_LEN);
	time_text(time, field + UNTIL_LEN);
	return field;
}

/* ---- whose key is it? */

/* One of the secrets before that are still good?  All are compared. */
static bool
was_secret(struct site *s, int64_t doc, const char *secret)
{
	char now[UNTIL_LEN + TIME_TEXT_LEN];
	struct query *q;
	bool was = false;

	q = db_query(s->db, "SELECT value FROM secret WHERE doc = ? AND row = ''"
	    " AND field > ? AND field < '" UNTIL "~'", "is", doc,
	    until(time_now(), now));
	while (db_step(q) == 1)
		was |= secret_is(db_text(q, 0), secret);
	return was;
}

/* What an unknown key costs is what Administrator's would. */
bool
user_by_key(struct site *s, struct arena *a, const char *key,
    const char *secret, struct user *u)
{
	int64_t id = db_get(s->db, 0, "SELECT doc FROM value WHERE doctype = ?"
	    " AND field = 'api_key' AND value = ?", "is",
	    site_doctype(s, "User"), key);
	int64_t doc = id != 0 ? id : doc_number(s, "User", "Administrator");
	const char *kept = doc_secret(s, a, doc, NULL, "api_secret");
	bool is = secret_is(kept, secret), was = was_secret(s, doc, secret);
	struct doc d;

	if (doc_load(s, a, doc, false, &d) && user_load(s, a, d.name, u) &&
	    id != 0 && kept != NULL && (is || was))
		return true;
	memset(u, 0, sizeof(*u));
	return false;
}

/* ---- giving and taking */

static bool
put_user(struct site *s, struct arena *a, yyjson_mut_val *posted,
    struct fault *fault)
{
	yyjson_doc *doc = yyjson_mut_val_imut_copy(posted, &a->alc);
	int64_t id, entry;
	enum put_result r = local_put(s, a, yyjson_doc_get_root(doc), "User",
	    "Administrator", &id, &entry, fault);

	if (r == PUT_FAILED)
		return fault_set(fault, "failed", "the site failed");
	return r != PUT_REFUSED;
}

/* The number of the user's document and its key, or NULL. */
static bool
find_user(struct site *s, struct arena *a, const char *user, struct doc *d,
    char **key, struct fault *fault)
{
	yyjson_val *root;
	const char *k;

	if (!doc_find(s, a, site_meta(s, "User"), user, true, d))
		return fault_set(fault, "gone", "no User '%s'", user);
	root = yyjson_doc_get_root(json_parse_own(a, d->data, d->len));
	k = json_str(root, "api_key");
	*key = k == NULL || *k == '\0' ? NULL : arena_dup(a, k, strlen(k));
	return true;
}

static bool
may_have_key(struct site *s, struct arena *a, const char *user,
    struct fault *fault)
{
	struct user u;

	if (strcmp(user, "Guest") == 0)
		return fault_set(fault, "user", "Guest is who comes without a "
		    "key");
	if (strcmp(user, "Administrator") == 0)
		return fault_set(fault, "user", "Administrator gets no key: it "
		    "could neither be limited nor disabled; give one to a user "
		    "with the role 'System Manager'");
	if (!user_load(s, a, user, &u) || !u.enabled)
		return fault_set(fault, "user", "User '%s' is disabled", user);
	return true;
}

/* The secret that was is good for a week more; those whose time is over go. */
static void
retire_secret(struct site *s, struct arena *a, int64_t doc, const char *kept)
{
	char field[UNTIL_LEN + TIME_TEXT_LEN];
	int64_t now = time_now();

	db_do(s->db, "DELETE FROM secret WHERE doc = ? AND row = '' AND"
	    " field > '" UNTIL "' AND field <= ?", "is", doc,
	    until(now, field));
	if (kept == NULL)
		return;
	db_do(s->db, "UPDATE secret SET field = ?, value = ? WHERE doc = ?"
	    " AND row = '' AND field = 'api_secret'", "ssi",
	    until(now + WEEK, field),
	    strncmp(kept, "sha256:", 7) == 0 ? kept : secret_hash(a, kept), doc);
}

static void
save_secret(struct site *s, struct arena *a, int64_t doc, const char *secret)
{
	static const char sql[] = "INSERT INTO secret VALUES(?1, '', ?2, ?3)"
	    " ON CONFLICT DO UPDATE SET value = ?3";
	char since[TIME_TEXT_LEN];

	db_do(s->db, sql, "iss", doc, "api_secret", secret_hash(a, secret));
	db_do(s->db, sql, "iss", doc, "api_secret since",
	    time_text(time_now(), since));
}

bool
user_key_new(struct site *s, struct arena *a, const char *user, bool renew,
    char **key, char **secret, struct fault *fault)
{
	yyjson_mut_doc *m = yyjson_mut_doc_new(&a->alc);
	yyjson_mut_val *o = yyjson_mut_obj(m);
	const char *kept;
	struct doc d;

	if (!find_user(s, a, user, &d, key, fault) ||
	    !may_have_key(s, a, user, fault))
		return false;
	kept = *key == NULL ? NULL : doc_secret(s, a, d.id, NULL, "api_secret");
	if (kept != NULL && !renew)
		return fault_set(fault, "key", "User '%s' has a key already; "
		    "es-key -r renews it, and the old secret is good for a "
		    "week more; es-key -x revokes it", user);
	if (*key == NULL) {
		*key = arena_alloc(a, KEY_LEN + 1);
		id_hex(*key, KEY_LEN);
		json_put(m, o, "name", json_new_str(m, user));
		json_put(m, o, "api_key", json_new_str(m, *key));
		if (!put_user(s, a, o, fault))
			return false;
	}
	*secret = arena_alloc(a, SECRET_LEN + 1);
	secret_new(*secret);
	retire_secret(s, a, d.id, kept);
	save_secret(s, a, d.id, *secret);
	return !db_failed(s->db) || fault_set(fault, "failed", "the site failed");
}

bool
user_key_revoke(struct site *s, struct arena *a, const char *user,
    struct fault *fault)
{
	yyjson_mut_doc *m = yyjson_mut_doc_new(&a->alc);
	yyjson_mut_val *o = yyjson_mut_obj(m);
	struct doc d;
	char *key;

	if (!find_user(s, a, user, &d, &key, fault))
		return false;
	if (key == NULL && doc_secret(s, a, d.id, NULL, "api_secret") == NULL)
		return fault_set(fault, "key", "User '%s' has no key", user);
	json_put(m, o, "name", json_new_str(m, user));
	json_put(m, o, "api_key", yyjson_mut_null(m));
	json_put(m, o, "api_secret", yyjson_mut_null(m));
	return put_user(s, a, o, fault);
}

char *
user_key_since(struct site *s, struct arena *a, const char *user)
{
	struct fault fault;
	struct doc d;
	char *key = NULL, *since;

	if (!find_user(s, a, user, &d, &key, &fault) || key == NULL ||
	    doc_secret(s, a, d.id, NULL, "api_secret") == NULL)
		return NULL;
	since = doc_secret(s, a, d.id, NULL, "api_secret since");
	return since == NULL ? arena_dup(a, "", 0) : since;
}
