/* call.h - what the modules of the api share: one request and its answer */

#ifndef ES_CALL_H
#define ES_CALL_H

#include "api/api.h"
#include "sync/sync.h"

struct call {
	struct api	*api;
	struct site	*s;
	struct arena	*a;		/* of this request */
	const struct request *rq;
	struct response	*rs;
	struct user	 user;		/* without a name: Guest */
	yyjson_val	*json;		/* the body, if it is JSON */
};

/* ---- reply.c - answers; each of these is the last that is done of a call */

enum error {				/* spec 1.5 */
	BAD_REQUEST, BAD_KEY, FORBIDDEN, NOT_THERE, CONFLICT, INVALID,
	BAD_FIELD, TOO_MANY, BROKEN, BUSY
};
/* The text is made safe. */
void	 reply_error(struct call *, enum error, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));
/* What cannot be written or understood. */
void	 reply_fault(struct call *, const struct fault *);
/* The site failed, or took too long. */
void	 reply_failed(struct call *);
/* {"message":…}; NULL: {} */
void	 reply_message(struct call *, yyjson_mut_doc *, yyjson_mut_val *);
/* A JSON text, with what stands before and after it. */
void	 reply_text(struct call *, const char *before, const char *text, size_t,
	    const char *after);

/* ---- arg.c - arguments (spec 1.2) */

/* Takes the body in; false: it is answered. */
bool	 arg_read(struct call *);
/* As text; what is JSON and no string as its JSON text.  NULL if it is absent,
 * null or empty. */
const char *arg_text(struct call *, const char *name);
/* As JSON, or NULL if it is absent.  False if it is none: answered. */
bool	 arg_json(struct call *, const char *name, yyjson_val **);
/* A whole number from least to most.  False: it is answered. */
bool	 arg_int(struct call *, const char *name, int64_t least, int64_t most,
	    int64_t *);

/* ---- who.c - who calls, and what he may */

/* By the Authorization header.  False: it is answered. */
bool	 who_calls(struct call *);
bool	 who_is_guest(const struct call *);
/* What a role is for; a System Manager is all. */
bool	 who_subscribes(const struct call *);
bool	 who_notifies(const struct call *);
/* A user who is more than a notifier. */
bool	 who_reads(const struct call *);
/* Is that his Event Consumer? */
bool	 who_owns(struct call *, const char *consumer);
/* Requests a second; false: answered. */
bool	 who_may_now(struct call *);
/* Frees what that keeps. */
void	 who_forget(struct api *);

/* ---- method.c - /api/method, and cmd= */
void	 method_call(struct call *, const char *name);

/* ---- resource.c - /api/resource */
void	 resource_call(struct call *, char *path);
void	 resource_get(struct call *, const char *doctype, const char *name);

/* ---- register.c - Event Consumers, as they register and change (spec 9) */
void	 consumer_register(struct call *);
void	 consumer_put(struct call *, const char *name);

/* ---- stream.c - streams of events (spec 8) */
void	 pull_events(struct call *);
void	 pull_snapshots(struct call *);
/* The site is to be closed: those under way are cut. */
void	 pull_cut(struct api *);

/* ---- api.c */

struct pull;
struct bucket;
struct contact;
struct api {
	struct api_options o;
	struct site	*s;		/* NULL: it could not be opened */
	int64_t		 opened;	/* when that was tried last, or 0 */
	int64_t		 inode;
	struct arena	 a;
	struct pull	*pulls;
	struct map	 buckets, contacts;	/* by user, by consumer */
	struct bucket	*bucket;	/* all of them */
	struct contact	*contact;	/* all of them */
	int64_t		 noted;		/* since when one waits to be written; 0 */
	int64_t		 not_before;	/* that failed; not again at once */
};
/* What a consumer has is written down later. */
void	 api_note(struct api *, const char *consumer, int64_t cursor,
	    const char *name);
/* Begins to write; false: answered, or handed in again soon. */
bool	 api_begin(struct call *);

#endif
