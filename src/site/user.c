/* user.c - who may do what: users, their roles, the DocPerms of DocTypes */

#include <stdlib.h>
#include <string.h>

#include "site/site.h"

bool
user_load(struct site *s, struct arena *a, const char *name, struct user *u)
{
	const struct meta *m = site_meta(s, "User");
	yyjson_val *root, *rows, *row;
	const char *role;
	struct doc d;
	size_t i, n;

	memset(u, 0, sizeof(*u));
	if (m == NULL || !doc_find(s, a, m, name, true, &d))
		return false;
	root = yyjson_doc_get_root(json_parse_own(a, d.data, d.len));
	rows = yyjson_obj_get(root, "roles");
	u->name = d.name;
	u->enabled = json_int(root, "enabled", 0) != 0;
	u->manager = u->enabled && strcmp(d.name, "Administrator") == 0;
	u->roles = arena_alloc(a, (yyjson_arr_size(rows) + 1) *
	    sizeof(*u->roles));
	yyjson_arr_foreach(rows, i, n, row) {
		if ((role = json_str(row, "role")) == NULL)
			continue;
		u->roles[u->nroles++] = role;
		if (strcmp(role, "System Manager") == 0)
			u->manager = u->enabled;
	}
	return true;
}

bool
user_has(const struct user *u, const char *role)
{
	size_t i;

	if (!u->enabled)
		return false;
	if (strcmp(role, "Guest") == 0)
		return true;
	if (strcmp(role, "All") == 0)
		return strcmp(u->name, "Guest") != 0;
	for (i = 0; i < u->nroles; i++)
		if (strcmp(u->roles[i], role) == 0)
			return true;
	return false;
}

/* ---- DocPerms */

const char *const right_text[] = { "read", "write", "create", "delete",
    "submit", "cancel" };

/* The rows of a DocType that say who may what; in the arena. */
static yyjson_val *
permissions(struct site *s, struct arena *a, const struct meta *m)
{
	const struct meta *doctype = site_meta(s, "DocType");
	struct doc d;

	if (doctype == NULL || !doc_find(s, a, doctype, m->name, true, &d))
		return NULL;
	return yyjson_obj_get(yyjson_doc_get_root(json_parse_own(a, d.data,
	    d.len)), "permissions");
}

/* The role to which a row gives this right to all documents; NULL. */
static const char *
role_with(yyjson_val *row, const char *right)
{
	if (json_int(row, right, 0) == 0 || json_int(row, "if_owner", 0) != 0 ||
	    json_int(row, "permlevel", 0) != 0)
		return NULL;
	return json_str(row, "role");
}

unsigned
user_rights(struct site *s, const struct user *u, const struct meta *m)
{
	yyjson_val *row;
	struct arena a;
	const char *role;
	unsigned rights = 0;
	size_t i, n;
	int k;

	if (u->manager || !u->enabled)
		return u->manager ? ~0U : 0;
	arena_init(&a);
	yyjson_arr_foreach(permissions(s, &a, m), i, n, row)
		for (k = 0; k < NRIGHTS; k++)
			if ((role = role_with(row, right_text[k])) != NULL &&
			    user_has(u, role))
				rights |= 1U << k;
	arena_free(&a);
	return rights;
}

bool
user_may(struct site *s, const struct user *u, const struct meta *m,
    const char *right)
{
	unsigned rights = user_rights(s, u, m);
	int k;

	for (k = 0; k < NRIGHTS; k++)
		if (strcmp(right_text[k], right) == 0)
			return rights >> k & 1;
	return false;
}

char *
user_needs(struct site *s, struct arena *a, const struct meta *m,
    const char *right)
{
	yyjson_val *row;
	const char *role;
	struct buf b = { 0 };
	char *roles;
	size_t i, n;

	yyjson_arr_foreach(permissions(s, a, m), i, n, row)
		if ((role = role_with(row, right)) != NULL)
			buf_printf(&b, "%s%s", b.len > 0 ? ", " : "", role);
	if (b.len == 0)
		buf_puts(&b, "System Manager");
	roles = arena_dup(a, b.p, b.len);
	buf_free(&b);
	return roles;
}

/* ---- passwords, which are in no document */

char *
doc_secret(struct site *s, struct arena *a, int64_t doc, const char *row,
    const char *field)
{
	struct query *q;
	char *value = NULL;

	q = db_query(s->db, "SELECT value FROM secret WHERE doc = ? AND row = ?"
	    " AND field = ?", "iss", doc, row == NULL ? "" : row, field);
	if (db_step(q) == 1) {
		value = arena_dup(a, db_text(q, 0), db_len(q, 0));
		db_end(q);
	}
	return value;
}
