/* site.h - where documents live: the site file (es-site(5)), its journal, its
 * sync log, its cursors.  All SQL of the project stands behind this header. */

#ifndef ES_SITE_H
#define ES_SITE_H

#include "model/model.h"

/* ---- site.c - the file itself */

enum { SITE_FORMAT = 3 };

struct site {
	struct db	*db;
	char		*path;
	char		 id[ID_LEN + 1];	/* its identity */
	char		*address;		/* its name or URL */
	struct lookup	 lookup;		/* for the model */
	struct map	 metas;			/* by doctype name */
	struct meta	**retired;		/* old ones, until the next transaction */
	size_t		 nretired;
	struct numbering {			/* names that stand as numbers */
		struct map	 byname;
		const char	**names;
		size_t		 n;
	} doctypes, peers;
	bool		 bootstrap;		/* DocTypes come from the program */
	char		 found[256];		/* lookup.holder's answer */
	struct map	 names;			/* doctype NUL name -> id, in this transaction */
	struct map	 births;		/* birth -> id, in this transaction */
	struct map	 origins;		/* id -> struct birth; the same */
	struct map	 shown;			/* doctypes that have views; the same */
	struct arena	 run;			/* what lives as long as the site */
	struct arena	 cache;			/* what names and births point to */
	struct arena	 held;			/* what origins points to */
	struct arena	 scratch;		/* for one statement's needs */
	int64_t		 newest;		/* creation of the newest journal entry */
	int64_t		 looked;		/* DocTypes are as of this entry */
	int64_t		 pruned;		/* up to there the journal may lack data */
	bool		 adopted;		/* there are further births (also) */
	bool		 warned;		/* that the clock is behind the journal */
};

/* Makes a new site file with the built-in DocTypes and Administrator. 0 or a status. */
int	 site_create(const char *path, const char *address);
/* Opens one, or prints why not (with what to do) and sets *status. */
enum { SITE_READ, SITE_WRITE };
struct site *site_open(const char *path, int mode, int *status);
void	 site_close(struct site *);
/* -s, ES_SITE, or MISUSE with a message. */
const char *site_path(const char *option);
/* Brings a file to SITE_FORMAT; says what it did. */
int	 site_upgrade(const char *path);
/* A transaction; begin forgets what was cached. -1 on failure. */
int	 site_begin(struct site *);
/* The same to read, for who has the site open for long: DocTypes that others
 * wrote meanwhile are read anew. */
int	 site_begin_read(struct site *);
int	 site_commit(struct site *);
void	 site_rollback(struct site *);
/* After a savepoint was undone: what was remembered of it. */
void	 site_forget_cache(struct site *);
/* Free text under a key: address, restored … */
char	*site_get(struct site *, struct arena *, const char *key);
int	 site_set(struct site *, const char *key, const char *value);

/* The DocType of that name with its customisations, or NULL.  Lives until
 * site_forget_metas. */
const struct meta *site_meta(struct site *, const char *doctype);
void	 site_forget_metas(struct site *);
/* After a DocType, Custom Field or Property Setter was written: pointers to
 * metas are void after it. Its view is made anew. */
int	 site_meta_changed(struct site *, const char *doctype);
/* After a document was made: with the first of a DocType its views are. */
int	 site_show(struct site *, const struct meta *);
/* All DocTypes by name; a JSON text (or a line of a table) each, until NULL. */
struct query *doctype_list(struct site *);
const char *doctype_next(struct site *, struct query *, struct arena *, bool table);
/* Numbers for doctypes and other sites, given at first use; 0 is this site. */
int64_t	 site_doctype(struct site *, const char *doctype);
const char *site_doctype_name(struct site *, int64_t);
int64_t	 site_peer(struct site *, const char *identity);
const char *site_peer_identity(struct site *, int64_t);

/* ---- store.c - documents */

struct doc {
	int64_t		 id;		/* 0: none */
	const struct meta *meta;
	const char	*name;		/* all strings in the arena it was read into */
	int64_t		 modified;	/* its newest Create or Update in the journal */
	int64_t		 last;		/* its newest entry of any kind */
	int		 docstatus;
	int64_t		 author;	/* the one site that wrote all of it, or -1 */
	int64_t		 home;		/* the site that brings it; 0: none */
	bool		 dependency;	/* it came as one only */
	const char	*remote;	/* its name there; NULL: the same */
	int64_t		 renamed;	/* its last Rename that is known */
	const char	*data;
	size_t		 len;
};

/* By name or by number.  False if there is none.  With data NULL unless whole. */
bool	 doc_find(struct site *, struct arena *, const struct meta *,
	    const char *name, bool whole, struct doc *);
bool	 doc_load(struct site *, struct arena *, int64_t id, bool whole,
	    struct doc *);
/* The next by number, whole; of one doctype, or of all (0). */
bool	 doc_after(struct site *, struct arena *, int64_t id, int64_t doctype,
	    struct doc *);
/* The number of a document by name, 0 if there is none; remembered within a
 * transaction. */
int64_t	 doc_number(struct site *, const char *doctype, const char *name);
/* The names of the documents of a doctype whose numbers are not among ids
 * (sorted), in the arena, and how many there are in *all. */
size_t	 doc_absent(struct site *, struct arena *, const char *doctype,
	    const int64_t *ids, size_t n, char ***names, int64_t *all);
/* Stock peers: by the producer that brings it and its name there. */
int64_t	 doc_number_remote(struct site *, const char *doctype, int64_t home,
	    const char *remote);
/* The document as a mutable object of doc. */
yyjson_mut_val *doc_body(struct arena *, yyjson_mut_doc *, const struct doc *);
/* The numbers of what links or linked to a document, in the arena. */
int64_t	*doc_sources(struct site *, struct arena *, int64_t id, size_t *n);
/* The numbers of the documents of a doctype written after a point. */
int64_t	*doc_since(struct site *, struct arena *, const char *doctype,
	    int64_t after, size_t *n);
/* The name of one document that links to this one, and its doctype (other than
 * itself); false if none does. */
bool	 doc_linked(struct site *, struct arena *, int64_t id,
	    const char **doctype, const char **name);

/* Where a change comes from. All NULL and 0: made here. */
struct cause {
	const char	*user;		/* owner and modified_by */
	const char	*author;	/* site identity; NULL: this one */
	const struct marks *via;	/* sites it passed, without this one */
	const struct marks *knew;	/* what the author had seen */
	bool		 merged;	/* it came from a snapshot */
	bool		 left;		/* Delete: it may come again */
	int64_t		 renamed;	/* Rename: its time where it was made */
};

/* An origin: the site and the birth. */
struct birth {
	const char	*site, *id;
};

/* Writes a clean, checked document and its journal entry; body gets its
 * standard fields.  d->meta, d->name, home, dependency, remote, renamed are
 * the caller's; d gets the rest.  b NULL: it is born here. -1 on failure. */
int	 doc_insert(struct site *, struct doc *d, yyjson_mut_doc *,
	    yyjson_mut_val *body, const struct birth *b, const struct cause *);
/* body is the document as it will be, diff what changed. */
int	 doc_update(struct site *, struct doc *d, yyjson_mut_doc *,
	    yyjson_mut_val *body, yyjson_mut_val *diff, const struct cause *);
int	 doc_delete(struct site *, struct doc *d, const struct cause *);
/* The text of the field that gives documents their names; NULL if there is
 * none, or no text in it. */
const char *doc_naming_value(struct arena *, const struct meta *,
	    yyjson_mut_val *body);
/* Puts another name into that field, by an Update if that changes it; false and
 * a fault if it is no value for the field. */
bool	 doc_put_naming_value(struct site *, struct doc *d, const char *name,
	    const struct cause *, struct fault *);
/* Repoints what links to it.  The new name is free (the caller looked), and in
 * the field that gives names already, where it should be. */
int	 doc_rename(struct site *, struct doc *d, const char *name,
	    const struct cause *);
/* Is this field's value kept for lookups of unique values?  (Not the one that
 * is the name.) */
bool	 doc_keeps_value(const struct meta *, const struct field *);
/* home, dependency, remote, renamed as they stand in d. */
int	 doc_save_route(struct site *, const struct doc *d);
/* That more than one site wrote it: author becomes -1. */
int	 doc_save_shared(struct site *, struct doc *d);
/* The field remote_docname; no journal entry, as it is a note of ours. */
int	 doc_save_remote_name(struct site *, struct doc *d, const char *name);

/* ---- origin.c - who is who: births, what a document has seen, tombstones */

/* The document of that birth: its number (0 none), and whether it is gone. */
int64_t	 origin_find(struct site *, const char *site, const char *birth, bool *gone);
/* The births of a document, the origin first; in the arena; NULL if none.
 * n is their count. */
struct birth *origin_births(struct site *, struct arena *, int64_t doc, size_t *n);
/* The first of them, remembered: many documents link to one.  Lives until the
 * next call; NULL if none.  Only in a transaction of site_begin or
 * site_begin_read. */
const struct birth *origin_of(struct site *, int64_t doc);
void	 origins_forget(struct site *);
/* A further birth of a document (adoption); the smallest site id is the origin. */
int	 origin_add(struct site *, int64_t doc, const struct birth *);
/* A Delete of what was never here. */
int	 origin_tomb(struct site *, const struct birth *);
/* One that was deleted may come again, as another document of these births. */
int	 origin_leave(struct site *, int64_t doc);
/* Forgets such a Delete; false if there was none, or the document was here. */
bool	 origin_untomb(struct site *, const char *birth);

/* What a document has seen of another site, and where the chain of events from
 * there stands. */
struct seen {
	int64_t		 peer;
	const char	*event;		/* the newest event of that site in it */
	const char	*last;		/* the chain: the last event of it had from there */
	const char	*sent;		/* the same without those that had passed here */
	int64_t		 upto;		/* creation of the newest snapshot from there */
	int64_t		 sync;		/* adopted at this entry of our journal */
};
bool	 seen_get(struct site *, struct arena *, int64_t doc, int64_t peer,
	    struct seen *);
int	 seen_put(struct site *, int64_t doc, const struct seen *);
/* Notes that the document contains these events: the newest counts. */
int	 seen_note(struct site *, int64_t doc, const struct marks *, int64_t but);
/* All of it, as marks by identity. */
void	 seen_marks(struct site *, struct arena *, int64_t doc, struct marks *);

/* ---- journal.c - the update log */

struct entry {
	int64_t		 creation;
	const char	*name;
	enum update	 type;
	int64_t		 doc;
	const char	*doctype, *docname;
	int64_t		 before;	/* the document's entry before this one; 0 */
	const char	*links, *marks, *data;	/* JSON texts or NULL */
	size_t		 datalen;
};

/* The creation of the next entry: now, or just after the newest; warns once
 * when the clock is behind. */
int64_t	 journal_stamp(struct site *);
/* Adds an entry with that stamp; its name is made here, into e->name (of the
 * site's scratch arena until the next add). */
int	 journal_add(struct site *, struct entry *e);
/* Where the journal of a document ends, be it there or gone; 0 if it never
 * was; and its doctype. */
int64_t	 journal_last(struct site *, int64_t doc, const char **doctype);
/* Deletes of a doctype from after to upto. */
struct query *journal_deletes(struct site *, const char *doctype, int64_t after,
	    int64_t upto);
/* The first entry after a point, strings in the arena. */
bool	 journal_after(struct site *, struct arena *, int64_t, struct entry *);
/* Entries after creation, oldest first, at most limit; doctype NULL for all.
 * Call journal_next until 0. */
struct query *journal_from(struct site *, int64_t after, int64_t limit);
int	 journal_next(struct site *, struct query *, struct entry *);
/* One entry; strings in the arena. */
bool	 journal_get(struct site *, struct arena *, int64_t creation, struct entry *);
/* All entries of a document up to its last, oldest first; the array is malloced,
 * strings in the arena. */
struct entry *journal_of(struct site *, struct arena *, int64_t last, size_t *n);
/* The name of the nearest earlier Create or Update of the document of e; NULL. */
const char *journal_prev(struct site *, struct arena *, int64_t before);
/* Is there an entry of that name? */
bool	 journal_knows(struct site *, const char *name);
int64_t	 journal_newest(struct site *);
/* The newest entry at or before a time, and its name; 0 and "" if none. */
int64_t	 journal_floor(struct site *, int64_t, char name[ID_LEN + 1]);
/* The marks of an entry: author (NULL: here), via, knew, base. */
struct origin_marks {
	const char	*author;
	struct marks	 via, knew, seen;
	bool		 merged, left;
	int64_t		 renamed;
	yyjson_val	*touched;	/* of a pruned Update: a diff without values */
};
void	 journal_marks(struct arena *, const char *text, struct origin_marks *);

/* ---- kept.c - what is kept of the journal where es-prune dropped its data,
 * and where the site was restored from an older copy */

/* A Create or Update without its data: nobody can make an event of it.  What
 * remains of an Update's are the places it wrote, as touched in its marks. */
bool	 entry_pruned(const struct entry *);
/* The document as it was at the newest such entry of it; JSON in the arena;
 * NULL if it went without having changed after it. */
const char *state_get(struct site *, struct arena *, const struct entry *,
	    size_t *len);
/* Keeps one, and no other of the document; data NULL: none. */
int	 state_put(struct site *, int64_t doc, int64_t entry, const char *data,
	    size_t len);
/* Before a document is changed or deleted. */
int	 state_keep(struct site *, const struct doc *);
/* Documents with a state that are gone since before upto; in the arena. */
int64_t	*state_gone(struct site *, struct arena *, int64_t upto, size_t *n);
/* Where a document had come into a consumer's view when its data was dropped
 * (0: it was there, but came into it nowhere), noted if the row had conditions;
 * false: it never was in view, or that is not noted. */
bool	 since_get(struct site *, int64_t consumer, int64_t doc, int64_t *pos,
	    bool *sure);
int	 since_put(struct site *, int64_t consumer, int64_t doc, int64_t pos,
	    bool sure);

struct full {			/* a Create or Update that has its data */
	int64_t		 entry, doc, bytes;
	const char	*doctype;
	bool		 shared;	/* its document was written by several sites */
};
struct query *journal_full(struct site *, int64_t after, int64_t upto,
	    int64_t limit);
int	 journal_next_full(struct site *, struct query *, struct full *);
/* Drops the data of an entry. */
int	 journal_drop(struct site *, int64_t entry, const char *marks);
/* Up to here data may be dropped from now on. */
int	 journal_pruned(struct site *, int64_t upto);
/* The point up to which all consumers with an approved row have the log, and
 * the one that is last; -1 if there is none. */
int64_t	 consumers_confirmed(struct site *, struct arena *, const char **name);
/* The names of those whose rows have, or had, conditions; NULL at the end. */
char	**consumers_conditional(struct site *, struct arena *);

/* The entry that ends the last restore: all that a consumer may see has come
 * into its view there, anew.  0: never restored. */
int64_t	 restored_at(struct site *);
/* Where a cursor from the time that is lost is taken to stand: before all that
 * was logged since; -1: never restored. */
int64_t	 restored_before(struct site *, int64_t cursor);
/* The site was restored: a restore begins.  Then, after documents were given
 * back, its end moves on. */
int	 restored_open(struct site *);
int	 restored_move(struct site *);
/* No entry is made before this time, no number given out up to that of this
 * name. */
int	 journal_raise(struct site *, int64_t floor);
int	 series_raise(struct site *, const char *doctype, const char *name);

/* The number of a producer by the name of its Event Producer, or of a site by
 * its identity; -1 if there is none. */
int64_t	 producer_number(struct site *, const char *name);
/* The time of the newest of its events that is known here; 0. */
int64_t	 producer_newest(struct site *, int64_t peer);
/* The next document by number that this site made and brings; 0. */
int64_t	 origin_held(struct site *, int64_t peer, int64_t after, char *birth,
	    size_t);
struct tomb {
	const char	*birth;
	int64_t		 gone;		/* the entry of the Delete, or 1 */
};
struct query *origin_tombs(struct site *, int64_t peer);
int	 origin_next_tomb(struct query *, struct tomb *);

/* ---- cursor.c - producers, cursors, what is parked */

struct producer {
	int64_t		 peer;
	const char	*name;		/* of the Event Producer document */
	const char	*site;		/* its identity, NULL before the first contact */
	const char	*user;
	int64_t		 cursor;	/* last_update; 0 at the start */
	const char	*cursor_name;
	struct subscription *rows;
	size_t		 nrows;
	const struct subscription *all;	/* the row of any doctype, if not NULL */
};
struct subscription {
	const char	*doctype;	/* the local one */
	const char	*remote;	/* the producer's (mapping); else the same */
	const char	*mapping;
	bool		 approved;	/* Approved and not unsubscribed */
	bool		 pending;	/* Pending and not unsubscribed */
	bool		 same_name, strict;
	enum { POLICY_ORIGIN, POLICY_PRODUCER, POLICY_MANUAL } policy;
};
/* The name of the producer that is this site, or NULL. */
char	*producer_name(struct site *, struct arena *, int64_t peer);
/* The same by identity; of a site that is only read. */
char	*producer_known(struct site *, struct arena *, const char *identity);
/* From its Event Producer document; false if there is none. In the arena. */
bool	 producer_load(struct site *, struct arena *, const char *name,
	    struct producer *);
const struct subscription *producer_row(const struct producer *, const char *doctype);
/* The row by which what the producer calls so is mapped, or NULL: of two for
 * one of its DocTypes the last counts. */
const struct subscription *producer_mapped(const struct producer *,
	    const char *remote);
/* First contact: its identity is kept.  A site that was known by another name
 * goes on under this one. */
int	 producer_identify(struct site *, struct arena *, struct producer *,
	    const char *identity);
int	 producer_advance(struct site *, struct producer *, int64_t creation,
	    const char *name);
int	 producer_contact(struct site *, struct producer *, const char *error);
/* What a producer was last told of our subscription (a request of
 * sync/subscribe.c), in the arena; NULL: nothing yet. */
char	*producer_told(struct site *, struct arena *, const char *name);
int	 producer_tell(struct site *, const char *name, const char *request);
/* Forgets the cursor and what it was told. */
int	 producer_restart(struct site *, const char *name);
/* Where and with what key and pin it is to be asked, for remote_open; strings
 * in the arena.  False if there is no such Event Producer. */
bool	 producer_peer(struct site *, struct arena *, const char *name,
	    struct http_peer *);

struct parked {
	int64_t		 id;
	const char	*key;		/* its document: see apply.c */
	const char	*event;
	const char	*line;
	size_t		 len;
	const char	*code, *why;
	const char	*want;		/* births waited for, separated by blanks */
	int64_t		 log;		/* its sync log row */
};
/* Keys of what is parked from a producer, with what they wait for. */
struct query *parked_keys(struct site *, int64_t peer);
int	 parked_next_key(struct query *, const char **key, const char **want);
/* Keys of those that wait until a document or a name is given free. */
struct query *parked_blocked(struct site *, int64_t peer);
/* The events parked for one document, in order. */
struct query *parked_of(struct site *, int64_t peer, const char *key);
int	 parked_next(struct query *, struct parked *);
int	 parked_add(struct site *, int64_t peer, const struct parked *);
/* It waits for another reason, or line (NULL: the same) in its place. */
int	 parked_reason(struct site *, const struct parked *);
int	 parked_remove(struct site *, int64_t id);
int64_t	 parked_count(struct site *, int64_t peer);

/* ---- consumer.c - Event Consumers: what each was granted, and when */

struct grant {			/* a row of an Event Consumer, from pos on */
	const char	*doctype;
	int64_t		 pos;		/* the journal entry that made it so */
	bool		 active;	/* Approved and not unsubscribed */
	const char	*condition;	/* the consumer's, or NULL */
	const char	*own;		/* the producer's administrator's, or NULL */
};
struct consumer {
	int64_t		 id;
	const char	*name;		/* of the Event Consumer document */
	const char	*site;		/* its identity, or NULL (stock) */
	int64_t		 cursor;	/* it has all up to there, as far as is known */
	struct grant	*grants;	/* by doctype, then pos */
	size_t		 ngrants;
};
/* By the name of its document or its identity; in the arena. */
bool	 consumer_load(struct site *, struct arena *, const char *name,
	    struct consumer *);
/* After its document was written (body) by the journal entry at pos; body NULL:
 * it was deleted. */
int	 consumer_changed(struct site *, const char *name, yyjson_mut_val *body,
	    int64_t pos);

/* What a consumer asked from last: it has all before. 0 or -1. */
int	 consumer_contact(struct site *, const char *name, int64_t cursor,
	    const char *cursor_name);
/* The names of all Event Consumers, or of those whose user this is; in the
 * arena, ended by NULL. */
char	**consumer_names(struct site *, struct arena *, const char *user);

/* ---- user.c - who may do what: users, roles, DocPerms */

struct user {
	const char	*name;		/* strings in the arena */
	bool		 enabled;
	bool		 manager;	/* enabled, and Administrator or a System Manager */
	const char	**roles;
	size_t		 nroles;
};
bool	 user_load(struct site *, struct arena *, const char *name, struct user *);
/* Has an enabled user this role?  All of them have Guest, and All but Guest. */
bool	 user_has(const struct user *, const char *role);
/* read, write, create, delete, submit, cancel: by the DocPerms of the DocType
 * of permlevel 0.  A manager may everything, a user who is disabled nothing. */
bool	 user_may(struct site *, const struct user *, const struct meta *,
	    const char *right);
/* All of these rights, as bits 1 << R_READ … */
enum { R_READ, R_WRITE, R_CREATE, R_DELETE, R_SUBMIT, R_CANCEL, NRIGHTS };
extern const char *const right_text[];
unsigned user_rights(struct site *, const struct user *, const struct meta *);
/* The roles that have this right, with commas, for messages; in the arena. */
char	*user_needs(struct site *, struct arena *, const struct meta *,
	    const char *right);
/* A Password field of a document (row NULL) or of a row, in the arena; NULL. */
char	*doc_secret(struct site *, struct arena *, int64_t doc, const char *row,
	    const char *field);

/* ---- key.c - API keys of users */

/* Whose key that is; at the same cost, false if the key is unknown, the secret
 * wrong, or its time over.  A disabled user is found: user->enabled tells. */
bool	 user_by_key(struct site *, struct arena *, const char *key,
	    const char *secret, struct user *);
/* Gives a user a key and a secret (in the arena), hashed in the site, within
 * the caller's transaction.  An existing key stays; with renew its old secret is
 * good for a week more, without it is a fault to have one. */
bool	 user_key_new(struct site *, struct arena *, const char *user, bool renew,
	    char **key, char **secret, struct fault *);
/* Takes key and secrets away. */
bool	 user_key_revoke(struct site *, struct arena *, const char *user,
	    struct fault *);
/* When a user was given its secret, as text in the arena: "" if that is not
 * known; NULL if it has no key. */
char	*user_key_since(struct site *, struct arena *, const char *user);

/* ---- remote.c - a site behind a URL; all URLs of Frappe stand there (spec 2,
 * 8, 9).  Functions of struct http_answer: false if no whole answer of status
 * 200 came; remote_fault says what that was, and whether to come again. */

struct remote;
struct remote *remote_open(const struct http_peer *, const char **why);
void	 remote_close(struct remote *);
/* 0 done; MISUSE refused, do not retry; TEMPFAIL not now.  why in the remote,
 * with the next step where there is one; foreign text raw. */
int	 remote_fault(struct remote *, const char **why);
/* Seconds that the peer asked to wait, or -1. */
int64_t	 remote_retry_after(const struct remote *);
/* The HTTP status of the last answer; 0: there was none. */
int	 remote_code(const struct remote *);
/* register_consumer (spec 9.1) with a request of subscribe.c; answer as parsed
 * JSON in the arena (message; without one, all of it), or NULL. */
yyjson_val *remote_register(struct remote *, struct arena *, const char *request);
/* GET and PUT of our own Event Consumer document there (spec 9.2): data. */
yyjson_val *remote_consumer(struct remote *, struct arena *, const char *name);
yyjson_val *remote_change(struct remote *, struct arena *, const char *name,
	    const char *body);
/* A document there, in the arena; NULL, and *absent if there is none. */
yyjson_val *remote_document(struct remote *, struct arena *, const char *doctype,
	    const char *name, bool *absent);
/* An array of all those with this value in a field, without their tables. */
yyjson_val *remote_documents(struct remote *, struct arena *,
	    const char *doctype, const char *field, const char *value);
/* Calls back for each line (without newline, NUL-terminated) as it comes. */
typedef bool line_fn(void *arg, const char *line, size_t len);
struct remote_pull {
	const char	*consumer;	/* our address */
	const char	*last_update, *name;	/* the cursor; NULL */
	int64_t		 limit;
	/* snapshots instead: */
	bool		 initial;
	const char	*doctype;	/* NULL: all */
	const char	*names;		/* JSON array, or NULL */
	const char	*origins;	/* instead: JSON array of [site, birth] */
	const char	*filters;	/* of the doctype, the first they find; or NULL */
	int64_t		 after;
	line_fn		*fn;
	void		(*idle)(void *arg);	/* as in struct http_request; or NULL */
	void		*arg;
};
/* If fn had enough: true, and what came to an end is for fn to know. */
bool	 remote_pull(struct remote *, const struct remote_pull *);
/* new_event_notification (spec 9.4): producer is our address. */
bool	 remote_notify(struct remote *, const char *producer);

/* ---- synclog.c - Event Sync Log */

enum { SYNCED, FAILED };
struct sync {
	int64_t		 id;
	const char	*event;		/* event name */
	int64_t		 time;
	int64_t		 peer;
	const char	*producer;
	int		 type;		/* enum update; -1: unknown */
	int		 status;
	const char	*doctype, *remote, *docname;
	bool		 same_name;
	const char	*mapping, *code, *error;
	const char	*lost;		/* JSON: what a conflict put aside, or NULL */
	int64_t		 journal;	/* the entry that holds its data; 0: data */
	const char	*data;
	size_t		 datalen;
	int64_t		 doc;
};
int	 sync_add(struct site *, struct sync *);	/* sets id */
int	 sync_result(struct site *, const struct sync *);	/* of row id */
/* Was this event of that producer applied, or refused, once and for all? */
bool	 sync_done(struct site *, int64_t peer, const char *event);
/* What first became of an event of that type: id, status, doctype, remote, error,
 * journal, time and data.  False: nothing yet. */
bool	 sync_find(struct site *, struct arena *, int64_t peer, const char *event,
	    enum update type, struct sync *);
/* Its place in the order in which the events of a producer came; 0: none. */
int64_t	 sync_place(struct site *, int64_t peer, const char *event);
/* A line that could not be read, from a producer that sent it before. */
bool	 sync_rejected_before(struct site *, const struct sync *);
struct sync_filter {
	int		 status;	/* SYNCED, FAILED or -1 */
	const char	*producer, *doctype, *name, *event;
	int64_t		 since, until;	/* 0: none */
	int64_t		 limit;		/* the newest so many; 0: all */
};
struct query *sync_list(struct site *, const struct sync_filter *);
int	 sync_next(struct site *, struct query *, struct sync *);
/* Keeps the event of a row as it came. */
int	 came_put(struct site *, int64_t log, const char *line, size_t len);
/* Events that are parked or were refused, with applied also those that were
 * applied or given up, in order, each once; limit: the first so many; names: of
 * these documents, a JSON array or NULL.  line is NULL of one that has to be made again from its row. */
struct query *came_list(struct site *, const struct sync_filter *,
	    const char *names, bool applied);
int	 came_next(struct query *, struct sync *, const char **line, size_t *len);
/* The Event Sync Log document of a row; its strings are those of the row. */
yyjson_mut_val *sync_doc(struct site *, struct arena *, yyjson_mut_doc *,
	    const struct sync *, bool with_data);

/* ---- mappings.c - what mappings name, as it stands in a site; for
 * mapping_check, as a site behind a URL gives it */

struct site_mappings {
	struct site	*s;
	struct arena	*a;		/* documents are read into it */
};
/* It refers to m. */
struct mapping_source site_mappings(struct site_mappings *m, struct site *,
	    struct arena *);
struct remote_mappings {
	struct remote	*remote;
	/* Takes a DocType that it does not give (REJECTED), or why it is asked for
	 * no more of them (any other status); why is foreign text, raw. */
	void		(*lacks)(void *arg, const char *doctype, int status,
			    const char *why);
	void		*arg;
	struct arena	 a;		/* its own: */
	struct map	 metas;
	struct meta	**made;
	size_t		 n;
	bool		 over;
};
/* The same; all but remote, lacks and arg is 0.  It has no doc. */
struct mapping_source remote_mappings(struct remote_mappings *);
void	 remote_mappings_close(struct remote_mappings *);

/* ---- local.c - what users write: validated, stored, journaled (DESIGN 6) */

enum put_result { PUT_SAME, PUT_CREATED, PUT_UPDATED, PUT_REFUSED, PUT_FAILED };
/* Writes one posted document (whole if new, else overlaid on the stored one,
 * spec 5.3, 5.4) within the caller's transaction.  PUT_REFUSED: nothing was
 * written, the fault says why; PUT_FAILED: the site failed.  *id is its number,
 * *entry its journal entry. */
enum put_result local_put(struct site *, struct arena *, yyjson_val *posted,
	    const char *doctype, const char *user, int64_t *id, int64_t *entry,
	    struct fault *);
/* The same, but what is stored and not posted is cleared. */
enum put_result local_replace(struct site *, struct arena *, yyjson_val *posted,
	    const char *doctype, const char *user, int64_t *id, int64_t *entry,
	    struct fault *);
/* Deletes, renames under the rules for users.  PUT_UPDATED if done. */
enum put_result local_delete(struct site *, struct arena *, const struct meta *,
	    const char *name, const char *user, int64_t *entry, struct fault *);
enum put_result local_rename(struct site *, struct arena *, const struct meta *,
	    const char *old, const char *name, const char *user,
	    int64_t *entry, struct fault *);

/* ---- query.c - documents by filter (spec 2.2) */

/* A query over one DocType.  What cannot be understood is a fault, set where
 * filter_new was told; such a filter is only good for filter_free. */
struct filter;
struct filter *filter_new(struct site *, const struct meta *, struct fault *);
void	 filter_free(struct filter *);
/* Conditions, all of which must hold: Frappe's filters in any of their forms;
 * a field, an operator and a value, which must outlive the filter. */
bool	 filter_json(struct filter *, yyjson_val *);
bool	 filter_pair(struct filter *, const char *field, const char *op,
	    const char *value);
/* or_filters: one of them must hold as well. */
bool	 filter_json_any(struct filter *, yyjson_val *);
/* One of these names, in this order unless another is given. */
void	 filter_name(struct filter *, const char *);
/* Is there a document of that name, whatever the conditions? */
bool	 filter_exists(struct filter *, const char *);
/* Fields with commas between, * for all that are not tables; without, whole
 * documents. */
bool	 filter_fields(struct filter *, const char *);
const char *const *filter_columns(const struct filter *, size_t *n);
/* field [asc|desc], …; without, by number. */
bool	 filter_order(struct filter *, const char *);
/* length 0: all. */
void	 filter_limit(struct filter *, int64_t start, int64_t length);
/* Runs it; then each call gives the JSON text of a document, or of its fields,
 * until the next one: 1, 0 no more, -1 failed. */
void	 filter_run(struct filter *);
int	 filter_next(struct filter *, const char **json, size_t *len);
/* How many there are, without limit; -1 failed. */
int64_t	 filter_count(struct filter *);
/* What a name holds in documents of a DocType, own fields and standard ones;
 * K_LAYOUT if it is neither. */
enum kind filter_kind(const struct meta *, const char *, size_t);

/* ---- ask.c - what an expression may ask of a site (frappe.db) */

struct ask {
	struct site	*s;
	/* May it ask of this DocType?  NULL: of all. */
	bool		(*may)(void *arg, const char *doctype);
	void		*arg;
};
/* The callbacks for expr_ask.site; their arg is the struct ask. */
struct expr_site ask_site(struct ask *);

/* ---- rule.c - conditions as subscriptions have them: Python, jq: or cmd:
 * (es-eval(1)) */

struct rule;
struct rule_for {
	struct site	*s;		/* NULL: there is none to be asked */
	const char	*doctype;	/* of what it is asked of, or NULL */
	const char	*consumer;	/* its Event Consumer, or NULL */
	bool		 own;		/* the administrator of this site entered it;
					 * else a consumer did */
	bool		(*may)(void *arg, const char *doctype);	/* as in struct ask */
	void		*arg;
};
/* All but text must outlive it.  NULL and a fault if it is not understood. */
struct rule *rule_open(const char *text, const struct rule_for *, struct fault *);
void	 rule_close(struct rule *);
/* The same where it is entered: also, may all be asked that it asks, is the
 * program there?  False and a fault. */
bool	 rule_check(const char *text, const struct rule_for *, struct fault *);
/* The same where it is entered to be told to another site, which looks at the
 * rest. */
bool	 rule_check_shape(const char *text, struct fault *);
/* Does its answer depend on more than the document?  Then it cannot be asked of
 * how a document was. */
bool	 rule_is_present(const struct rule *);
/* Does it ask a program that is not there any more? */
bool	 rule_is_gone(const struct rule *);
/* What to do so that it is gone; NULL if it asks no program. */
const char *rule_end(const struct rule *);
/* Is all that it depends on what was logged of the document?  The rename of what
 * it links to is not. */
bool	 rule_is_logged(const struct rule *);
/* What of a document it asks for. */
yyjson_mut_val *rule_part(const struct rule *, yyjson_mut_doc *, yyjson_val *doc);
/* Is it so of q->doc?  log: the entry of the journal that it is asked for, or
 * NULL. */
enum truth rule_true(struct rule *, struct expr_ask *q, const struct entry *log);
/* Its value as JSON text in q->a.  TRUE, and NULL where it has none; RAISED,
 * FAILED and q->fault. */
enum truth rule_value(struct rule *, struct expr_ask *q, const char **value);

/* ---- period.c */

/* The first and last microsecond of last month, this week, today, next 6
 * months, … in local time; false if that is no such. */
bool	 period(const char *words, int64_t *from, int64_t *to);

#endif
