/* es-key - give a user a key for the site, renew it, take it away */

#include <err.h>
#include <string.h>
#include <unistd.h>

#include "site/site.h"

static const char usage[] =
    "usage: es-key [-nqr] [-o file] [-s site] user [role ...]\n"
    "       es-key -x [-nq] [-s site] user\n"
    "       es-key -l [-H] [-s site]\n";

struct key {
	struct site	*s;
	struct arena	 a;
	const char	*user;
	char		**roles;
	int		 nroles;
	bool		 renew, dry, quiet;
	const char	*out;		/* file; NULL: standard output */
	bool		 made;		/* the user was */
	char		*key, *secret;
	struct fault	 fault;
};

/* ---- the user and its roles */

/* An e-mail address or a word: what is mistyped makes no user. */
static bool
is_name(const char *name)
{
	const char *at = strchr(name, '@');

	return *name != '\0' && *name != '-' && *name != '@' &&
	    strpbrk(name, " \t\n\"'<>(),;:/\\") == NULL && (at == NULL ||
	    (at[1] != '\0' && strchr(at + 1, '@') == NULL));
}

/* The names of all documents of a DocType, with commas. */
static const char *
all_names(struct key *k, const char *doctype)
{
	struct filter *f = filter_new(k->s, site_meta(k->s, doctype),
	    &k->fault);
	struct buf b = { 0 };
	const char *json, *name;
	size_t len;

	filter_fields(f, "name");
	filter_order(f, "name");
	filter_run(f);
	while (filter_next(f, &json, &len) == 1) {
		name = json_str(yyjson_doc_get_root(json_parse_own(&k->a, json,
		    len)), "name");
		buf_printf(&b, "%s'%s'", b.len > 0 ? ", " : "", name);
	}
	filter_free(f);
	name = arena_dup(&k->a, b.p, b.len);
	buf_free(&b);
	return name;
}

static bool
roles_exist(struct key *k)
{
	int i;

	for (i = 0; i < k->nroles; i++)
		if (doc_number(k->s, "Role", k->roles[i]) == 0) {
			warnx("no Role '%s'; there are %s", safe(k->roles[i]),
			    safe(all_names(k, "Role")));
			return false;
		}
	return true;
}

static bool
has_row(yyjson_mut_val *rows, const char *role)
{
	yyjson_mut_val *row;
	const char *is;
	size_t i, n;

	yyjson_mut_arr_foreach(rows, i, n, row)
		if ((is = json_mut_str(row, "role")) != NULL &&
		    strcmp(is, role) == 0)
			return true;
	return false;
}

static void
add_role(yyjson_mut_doc *m, yyjson_mut_val *rows, const char *role)
{
	if (!has_row(rows, role))
		json_put(m, yyjson_mut_arr_add_obj(m, rows), "role",
		    json_new_str(m, role));
}

/* The rows that the user has, if it is there, and those that it is to have. */
static yyjson_mut_val *
role_rows(struct key *k, yyjson_mut_doc *m, const struct doc *d)
{
	yyjson_mut_val *rows = NULL;
	int i;

	if (d->id != 0)
		rows = yyjson_mut_obj_get(doc_body(&k->a, m, d), "roles");
	rows = rows == NULL ? yyjson_mut_arr(m) :
	    yyjson_mut_val_mut_copy(m, rows);
	for (i = 0; i < k->nroles; i++)
		add_role(m, rows, k->roles[i]);
	if (d->id == 0 && k->nroles == 0)
		add_role(m, rows, "Event Subscriber");
	return rows;
}

static bool
put_user(struct key *k)
{
	yyjson_mut_doc *m = yyjson_mut_doc_new(&k->a.alc);
	yyjson_mut_val *o = yyjson_mut_obj(m);
	struct doc d;
	int64_t id, entry;
	enum put_result r;

	doc_find(k->s, &k->a, site_meta(k->s, "User"), k->user, true, &d);
	json_put(m, o, "name", json_new_str(m, k->user));
	if (d.id == 0) {
		if (!is_name(k->user))
			return fault_set(&k->fault, "name", "no User '%s', and "
			    "to be made its name must be an e-mail address or "
			    "a word", k->user);
		json_put(m, o, "first_name", json_new_str(m, k->user));
		json_put(m, o, "enabled", json_new_int(m, 1));
		json_put(m, o, "email", json_new_str(m,
		    strchr(k->user, '@') != NULL ? k->user :
		    arena_printf(&k->a, "%s@localhost", k->user)));
	}
	json_put(m, o, "roles", role_rows(k, m, &d));
	r = local_put(k->s, &k->a, yyjson_doc_get_root(
	    yyjson_mut_val_imut_copy(o, &k->a.alc)), "User", "Administrator",
	    &id, &entry, &k->fault);
	k->made = r == PUT_CREATED;
	return r != PUT_REFUSED && r != PUT_FAILED;
}

/* ---- the key */

static void
print_key(struct key *k, FILE *fp)
{
	yyjson_mut_doc *m = yyjson_mut_doc_new(&k->a.alc);
	yyjson_mut_val *o = yyjson_mut_obj(m);

	if (strstr(k->s->address, "://") != NULL)
		json_put(m, o, "url", json_new_str(m, k->s->address));
	json_put(m, o, "user", json_new_str(m, k->user));
	json_put(m, o, "api_key", json_new_str(m, k->key));
	json_put(m, o, "api_secret", json_new_str(m, k->secret));
	fprintf(fp, "%s\n", json_mut_text(&k->a, o, NULL));
}

/* Commits; then the key is shown, once.  A file is written aside before. */
static int
show_key(struct key *k)
{
	FILE *fp = NULL;
	int status = DONE;

	if (k->out != NULL && (fp = out_open(k->out)) == NULL)
		return TEMPFAIL;
	if (fp != NULL)
		print_key(k, fp);
	if (fp != NULL && fflush(fp) != 0) {
		warn("cannot write '%s'", safe(k->out));
		status = TEMPFAIL;
	} else if (site_commit(k->s) == -1)
		status = TEMPFAIL;
	if (status != DONE) {
		if (fp != NULL)
			out_drop(fp, k->out);
		return status;
	}
	if (fp == NULL)
		print_key(k, stdout);
	status = fp == NULL ? fflush(stdout) : out_rename(fp, k->out);
	if (status == 0)
		return DONE;
	warnx("'%s' has a secret now that nobody knows; es-key -r gives it "
	    "another", safe(k->user));
	return TEMPFAIL;
}

/* In the words of what was done, or would be. */
static void
tell(const struct key *k, bool had)
{
	const char *note = k->dry ? "; nothing was changed (-n)" : "";

	if (k->quiet)
		return;
	if (k->made)
		warnx("user '%s' made%s", safe(k->user), note);
	else if (had)
		warnx("the secret that '%s' had is good for a week more%s",
		    safe(k->user), note);
	else if (k->dry)
		warnx("'%s' may have a key%s", safe(k->user), note);
}

static int
give(struct key *k)
{
	bool had;
	int status = DONE;

	if (site_begin(k->s) == -1)
		return TEMPFAIL;
	had = user_key_since(k->s, &k->a, k->user) != NULL;
	if (!roles_exist(k) || !put_user(k) || !user_key_new(k->s, &k->a,
	    k->user, k->renew, &k->key, &k->secret, &k->fault)) {
		if (k->fault.code != NULL)
			warnx("%s", safe(k->fault.text));
		status = db_failed(k->s->db) ? TEMPFAIL : MISUSE;
	} else if (!k->dry)
		status = show_key(k);
	if (status == DONE)
		tell(k, had);
	return status;
}

static int
take(struct key *k)
{
	if (site_begin(k->s) == -1)
		return TEMPFAIL;
	if (!user_key_revoke(k->s, &k->a, k->user, &k->fault)) {
		warnx("%s", safe(k->fault.text));
		return db_failed(k->s->db) ? TEMPFAIL : MISUSE;
	}
	if (!k->dry && site_commit(k->s) == -1)
		return TEMPFAIL;
	if (!k->quiet)
		warnx("'%s' has no key any more%s", safe(k->user), k->dry ?
		    "; nothing was changed (-n)" : "");
	return DONE;
}

/* ---- the list */

struct row {
	const char	*name, *since;	/* since NULL: no key */
	bool		 enabled;
	yyjson_val	*roles;		/* rows */
};

static void
read_row(struct key *k, yyjson_val *user, struct row *r)
{
	r->name = json_str(user, "name");
	r->enabled = json_int(user, "enabled", 0) != 0;
	r->roles = yyjson_obj_get(user, "roles");
	r->since = user_key_since(k->s, &k->a, r->name);
}

static void
print_line(struct key *k, const struct row *r)
{
	yyjson_mut_doc *m = yyjson_mut_doc_new(&k->a.alc);
	yyjson_mut_val *o = yyjson_mut_obj(m), *roles = yyjson_mut_arr(m);
	yyjson_val *row;
	size_t i, n;

	yyjson_arr_foreach(r->roles, i, n, row)
		yyjson_mut_arr_append(roles, json_new_str(m, json_str(row,
		    "role")));
	json_put(m, o, "user", json_new_str(m, r->name));
	json_put(m, o, "enabled", json_new_int(m, r->enabled));
	json_put(m, o, "roles", roles);
	json_put(m, o, "has_key", json_new_int(m, r->since != NULL));
	json_put(m, o, "since", json_new_str(m, r->since == NULL ||
	    *r->since == '\0' ? NULL : r->since));
	puts(json_mut_text(&k->a, o, NULL));
}

static void
print_row(struct table *t, const struct row *r)
{
	char since[TIME_TEXT_LEN] = "yes";
	struct buf roles = { 0 };
	yyjson_val *row;
	int64_t time;
	size_t i, n;

	buf_add(&roles, "", 0);
	yyjson_arr_foreach(r->roles, i, n, row)
		buf_printf(&roles, "%s%s", i > 0 ? ", " : "",
		    json_str(row, "role"));
	if (r->since != NULL && time_parse(r->since, &time))
		time_local(time, since)[19] = '\0';
	table_cell(t, r->name);
	table_cell(t, r->enabled ? "yes" : "no");
	table_cell(t, r->since == NULL ? NULL : since);
	table_cell(t, roles.p);
	buf_free(&roles);
}

static int
list(struct key *k, bool human)
{
	static const char *const heads[] = { "user", "enabled", "key since",
	    "roles" };
	struct table *t = human ? table_new(stdout, 4) : NULL;
	struct filter *f;
	const char *json;
	struct row row;
	size_t len, i;

	db_begin_read(k->s->db);
	f = filter_new(k->s, site_meta(k->s, "User"), &k->fault);
	filter_order(f, "name");
	filter_run(f);
	for (i = 0; i < 4 && human; i++)
		table_cell(t, heads[i]);
	while (filter_next(f, &json, &len) == 1) {
		read_row(k, yyjson_doc_get_root(json_parse_own(&k->a, json,
		    len)), &row);
		if (human)
			print_row(t, &row);
		else
			print_line(k, &row);
		arena_reset(&k->a);
	}
	if (human)
		table_end(t);
	filter_free(f);
	return db_failed(k->s->db);
}

int
main(int argc, char *argv[])
{
	const char *path = NULL;
	bool human = false, listing = false, taking = false;
	struct key k = { 0 };
	int ch, status;

	start(argc, argv, usage);
	while ((ch = getopt(argc, argv, "Hlno:qrs:x")) != -1)
		switch (ch) {
		case 'H':
			human = true;
			break;
		case 'l':
			listing = true;
			break;
		case 'n':
			k.dry = true;
			break;
		case 'o':
			k.out = optarg;
			break;
		case 'q':
			k.quiet = true;
			break;
		case 'r':
			k.renew = true;
			break;
		case 's':
			path = optarg;
			break;
		case 'x':
			taking = true;
			break;
		default:
			misuse(usage);
		}
	argc -= optind;
	argv += optind;
	want_text(argv);
	if (listing ? argc > 0 || taking || k.renew || k.dry || k.out != NULL :
	    argc == 0 || human || (taking && (argc > 1 || k.renew ||
	    k.out != NULL)))
		misuse(usage);
	k.s = site_open(site_path(path), listing ? SITE_READ : SITE_WRITE,
	    &status);
	if (k.s == NULL)
		return status;
	arena_init(&k.a);
	k.user = argv[0];
	k.roles = argv + 1;
	k.nroles = argc - 1;
	status = listing ? list(&k, human) : taking ? take(&k) : give(&k);
	site_close(k.s);
	arena_free(&k.a);
	return out_close(status);
}
