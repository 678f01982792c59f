/* who.c - who calls, and what he may: by key only; where a request comes from
 * and what it says of its host count for nothing */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/call.h"

enum { BAD_KEY_MS = 1000 };

struct bucket {				/* of requests that a user has left */
	struct bucket	*next;
	char		*user;
	double		 tokens;
	int64_t		 at;
};

/* ---- keys */

/* What follows a scheme and one blank or more; NULL if it is another. */
static const char *
after(const char *header, const char *scheme)
{
	size_t n = strlen(scheme);

	if (strncasecmp(header, scheme, n) != 0 || header[n] != ' ')
		return NULL;
	return header + n + strspn(header + n, " ");
}

/* key:secret, cut in two; false if there is no such. */
static bool
credentials(struct call *c, char **key, char **secret)
{
	const char *header = c->rq->authorization, *text;

	if ((text = after(header, "token")) != NULL)
		*key = arena_dup(c->a, text, strlen(text));
	else if ((text = after(header, "basic")) != NULL)
		*key = base64_decode(c->a, text);
	else
		return false;
	if (*key == NULL || (*secret = strchr(*key, ':')) == NULL ||
	    !text_is_utf8(*key, strlen(*key)))
		return false;
	*(*secret)++ = '\0';
	return true;
}

static bool
find_user(struct call *c)
{
	char *key, *secret;
	bool found;

	if (site_begin_read(c->s) == -1)
		return false;
	found = credentials(c, &key, &secret) &&
	    user_by_key(c->s, c->a, key, secret, &c->user);
	db_rollback(c->s->db);
	return found;
}

bool
who_calls(struct call *c)
{
	if (c->rq->authorization == NULL)
		return true;
	if (!find_user(c)) {
		c->user.name = NULL;
		if (db_failed(c->s->db)) {
			reply_failed(c);
			return false;
		}
		c->rs->delay = BAD_KEY_MS;
		reply_error(c, BAD_KEY, "no such key, or another secret");
		return false;
	}
	c->rs->user = xstrdup(c->user.name);
	if (!c->user.enabled)
		reply_error(c, FORBIDDEN, "User '%s' is disabled",
		    c->user.name);
	return c->user.enabled;
}

/* ---- rights */

bool
who_is_guest(const struct call *c)
{
	return c->user.name == NULL;
}

static bool
has(const struct call *c, const char *role)
{
	return !who_is_guest(c) && (c->user.manager || user_has(&c->user, role));
}

bool
who_subscribes(const struct call *c)
{
	return has(c, "Event Subscriber");
}

bool
who_notifies(const struct call *c)
{
	return has(c, "Event Notifier") || who_subscribes(c);
}

bool
who_reads(const struct call *c)
{
	return !who_is_guest(c) && (c->user.nroles != 1 ||
	    strcmp(c->user.roles[0], "Event Notifier") != 0);
}

bool
who_owns(struct call *c, const char *consumer)
{
	const struct meta *m = site_meta(c->s, "Event Consumer");
	const char *user;
	struct doc d;

	if (m == NULL || !doc_find(c->s, c->a, m, consumer, true, &d))
		return false;
	user = json_str(yyjson_doc_get_root(json_parse_own(c->a, d.data,
	    d.len)), "user");
	return user != NULL && strcmp(user, c->user.name) == 0;
}

/* ---- how often */

/* There are no more of them than users. */
static struct bucket *
bucket(struct api *api, const char *user)
{
	struct bucket *b = map_get(&api->buckets, user, strlen(user));

	if (b != NULL)
		return b;
	b = xcalloc(1, sizeof(*b));
	*b = (struct bucket){ api->bucket, xstrdup(user), 2 * api->o.rate,
	    time_steady() };
	api->bucket = b;
	map_set(&api->buckets, b->user, strlen(b->user), b);
	return b;
}

/* A bucket holds what two seconds bring. */
bool
who_may_now(struct call *c)
{
	double rate = c->api->o.rate;
	int64_t now = time_steady();
	struct bucket *b;

	if (who_is_guest(c))
		return true;
	b = bucket(c->api, c->user.name);
	b->tokens += (now - b->at) * rate / 1000;
	b->at = now;
	if (b->tokens > 2 * rate)
		b->tokens = 2 * rate;
	if (b->tokens < 1) {
		reply_error(c, TOO_MANY, "more than %lld requests a second",
		    (long long)c->api->o.rate);
		return false;
	}
	b->tokens--;
	return true;
}

void
who_forget(struct api *api)
{
	struct bucket *b;

	while ((b = api->bucket) != NULL) {
		api->bucket = b->next;
		free(b->user);
		free(b);
	}
	map_free(&api->buckets);
}
