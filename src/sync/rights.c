/* rights.c - what the user of a subscription may do (DESIGN 7.6) */

#include <string.h>

#include "sync/sync.h"

const char *
rights_open(struct rights *r, struct site *s, struct arena *a,
    const struct producer *p)
{
	const char *user = p->user == NULL ? "" : p->user;

	r->s = s;
	r->a = a;
	map_clear(&r->known);
	if (!user_load(s, a, user, &r->user))
		return arena_printf(a, "the user of '%s', '%s', is not there: "
		    "nothing is taken from it; make the user with es-put",
		    safe(p->name), safe(user));
	if (!r->user.enabled)
		return arena_printf(a, "the user of '%s', '%s', is disabled: "
		    "nothing is taken from it; enable the user with es-put",
		    safe(p->name), safe(user));
	return NULL;
}

/* Looked up once a DocType; 0 is what is not there. */
static unsigned
of_doctype(struct rights *r, const struct meta *m)
{
	enum { KNOWN = 1 << NRIGHTS };
	size_t len = strlen(m->name);
	uintptr_t rights = (uintptr_t)map_get(&r->known, m->name, len);

	if (rights == 0) {
		rights = user_rights(r->s, &r->user, m) | KNOWN;
		map_set(&r->known, arena_dup(r->a, m->name, len), len,
		    (void *)rights);
	}
	return (unsigned)rights;
}

bool
rights_allow(struct rights *r, const struct meta *m, unsigned need,
    struct fault *fault)
{
	static const int order[] = { R_CREATE, R_WRITE, R_SUBMIT, R_CANCEL,
	    R_DELETE };
	unsigned lacks;
	const char *roles;
	size_t i;

	if (r->user.manager || (lacks = need & ~of_doctype(r, m)) == 0)
		return true;
	for (i = 0; !(lacks >> order[i] & 1); i++)
		;
	roles = user_needs(r->s, r->a, m, right_text[order[i]]);
	return fault_set(fault, "permission", "%s may not %s %s: it needs %s "
	    "%s", r->user.name, right_text[order[i]], m->name,
	    strchr(roles, ',') == NULL ? "the role" : "one of the roles",
	    roles);
}
