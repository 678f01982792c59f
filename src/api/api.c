/* api.c - a request from its arrival to its answer (spec 1.1), and the site that
 * it is about */

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "api/call.h"

enum {
	OPEN_MS = 1000,			/* between tries to open the site */
	PATIENCE_MS = 20,		/* for another writer, at a time */
	AGAIN_MS = 50, BUSY_MS = 5000,	/* and in all */
	NOTE_MS = 10000			/* what is known of consumers may wait */
};

struct contact {			/* of a consumer, not written yet */
	struct contact	*next;
	char		*consumer;
	int64_t		 cursor;
	char		 name[ID_LEN + 1];
	bool		 noted;
};

/* ---- the site */

static int64_t
inode(const struct api *api)
{
	struct stat st;

	return stat(api->o.site, &st) == -1 ? -1 : (int64_t)st.st_ino;
}

static void
close_site(struct api *api)
{
	pull_cut(api);
	site_close(api->s);
	api->s = NULL;
}

static int
open_site(struct api *api)
{
	int status = DONE;

	api->opened = time_steady();
	api->inode = inode(api);
	api->s = site_open(api->o.site, SITE_WRITE, &status);
	if (api->s != NULL)
		db_patience(api->s->db, PATIENCE_MS);
	return status;
}

/* What failed may do better now: the disk has room again, the file was put
 * back.  With a full disk what is open can be read; it could not be opened. */
static bool
is_ready(struct api *api)
{
	if (api->s != NULL && db_failed(api->s->db)) {
		if (db_mend(api->s->db))
			site_rollback(api->s);
		if (db_failed(api->s->db))
			close_site(api);
	}
	if (api->s == NULL && time_steady() - api->opened >= OPEN_MS)
		open_site(api);
	return api->s != NULL;
}

bool
api_begin(struct call *c)
{
	if (site_begin(c->s) == 0)
		return true;
	db_rollback(c->s->db);
	if (db_failed(c->s->db))
		reply_failed(c);
	else if (c->rq->waited < BUSY_MS)
		c->rs->again = AGAIN_MS;
	else
		reply_error(c, BUSY, "another program is writing to the site");
	return false;
}

/* ---- what consumers have */

void
api_note(struct api *api, const char *consumer, int64_t cursor,
    const char *name)
{
	struct contact *k = map_get(&api->contacts, consumer, strlen(consumer));

	if (k == NULL) {
		k = xcalloc(1, sizeof(*k));
		k->consumer = xstrdup(consumer);
		k->next = api->contact;
		api->contact = k;
		map_set(&api->contacts, k->consumer, strlen(k->consumer), k);
	}
	k->cursor = cursor;
	snprintf(k->name, sizeof(k->name), "%s", name == NULL ? "" : name);
	k->noted = true;
	if (api->noted == 0)
		api->noted = time_steady();
}

/* If it cannot be done now, it can later. */
static void
write_contacts(struct api *api)
{
	struct contact *k;

	if (!is_ready(api) || site_begin(api->s) == -1)
		return;
	for (k = api->contact; k != NULL; k = k->next)
		if (k->noted)
			consumer_contact(api->s, k->consumer, k->cursor,
			    *k->name == '\0' ? NULL : k->name);
	if (site_commit(api->s) == -1) {
		api->not_before = time_steady() + NOTE_MS;
		return;
	}
	for (k = api->contact; k != NULL; k = k->next)
		k->noted = false;
	api->noted = 0;
}

void
api_tick(void *arg, bool busy)
{
	struct api *api = arg;
	int64_t is = inode(api);

	/* Another file has its name now. */
	if (api->s != NULL && is != -1 && is != api->inode)
		close_site(api);
	if (api->noted != 0 && time_steady() >= api->not_before &&
	    (!busy || time_steady() - api->noted >= NOTE_MS))
		write_contacts(api);
}

/* ---- a request */

static bool
is_read(const char *method)
{
	return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

/* A page of another site that a browser shows may not write here. */
static bool
is_foreign(const struct call *c)
{
	const char *origin = c->rq->origin, *own = c->s->address;
	size_t n;

	if (origin == NULL || is_read(c->rq->method))
		return false;
	n = strlen(origin);
	return strncmp(own, origin, n) != 0 ||
	    (own[n] != '\0' && own[n] != '/');
}

/* Takes a word and a slash off a path. */
static bool
enters(char **path, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(*path, word, n) != 0 ||
	    ((*path)[n] != '/' && (*path)[n] != '\0'))
		return false;
	*path += n + ((*path)[n] == '/');
	return true;
}

static void
page(struct call *c, const char *path)
{
	if (*path != '\0' || !is_read(c->rq->method)) {
		reply_error(c, NOT_THERE, "not found");
		return;
	}
	reply_text(c, "es-serve\n", "", 0, "");
	c->rs->type = "text/plain";
}

static void
dispatch(struct call *c)
{
	const char *cmd = arg_text(c, "cmd");
	char *path = arena_dup(c->a, c->rq->path, strlen(c->rq->path)) + 1;

	if (!url_decode(path))
		reply_error(c, BAD_REQUEST, "the path is no text");
	else if (cmd != NULL)
		method_call(c, cmd);
	else if (!enters(&path, "api"))
		page(c, path);
	else {
		enters(&path, "v1");
		if (enters(&path, "method")) {
			path[strcspn(path, "/")] = '\0';
			method_call(c, path);
		} else if (enters(&path, "resource") && *path != '\0')
			resource_call(c, path);
		else
			reply_error(c, NOT_THERE, "not found");
	}
}

void
api_handle(void *arg, const struct request *rq, struct response *rs)
{
	struct api *api = arg;
	struct call c = { .api = api, .a = &api->a, .rq = rq, .rs = rs };

	arena_reset(&api->a);
	if (strcmp(rq->method, "OPTIONS") == 0) {
		reply_text(&c, "", "", 0, "");
		return;
	}
	if (!is_ready(api)) {
		reply_error(&c, BROKEN, "the site cannot be used now");
		return;
	}
	c.s = api->s;
	if (!who_calls(&c))
		return;
	if (is_foreign(&c))
		reply_error(&c, FORBIDDEN, "a page of another site");
	else if (arg_read(&c) && (rq->waited > 0 || who_may_now(&c)))
		dispatch(&c);
}

/* ---- */

struct api *
api_open(const struct api_options *o, int *status)
{
	struct api *api = xcalloc(1, sizeof(*api));

	api->o = *o;
	arena_init(&api->a);
	if ((*status = open_site(api)) == DONE)
		return api;
	api_close(api);
	return NULL;
}

void
api_close(struct api *api)
{
	struct contact *k;

	if (api == NULL)
		return;
	if (api->noted != 0)
		write_contacts(api);
	close_site(api);
	while ((k = api->contact) != NULL) {
		api->contact = k->next;
		free(k->consumer);
		free(k);
	}
	who_forget(api);
	map_free(&api->contacts);
	arena_free(&api->a);
	free(api);
}
