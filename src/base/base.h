/* base.h - what the layers above stand on: memory, text, time, JSON lines,
 * SQLite, random ids.  Nothing here knows what a document is. */

#ifndef ES_BASE_H
#define ES_BASE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <yyjson.h>

#define ES_VERSION "0.1"

/* Exit statuses of every program; see EXIT STATUS in es(7). */
enum { DONE = 0, REJECTED = 1, MISUSE = 100, TEMPFAIL = 111 };

/* Limits of es-event(5). */
enum { LINE_MAX_BYTES = 16 << 20, NEST_MAX = 512 };

/* ---- memory.c - allocation that ends the program when memory is out */

void	*xmalloc(size_t);
void	*xrealloc(void *, size_t);
void	*xcalloc(size_t, size_t);
char	*xstrdup(const char *);
char	*xstrndup(const char *, size_t);
char	*xprintf(const char *, ...) __attribute__((format(printf, 1, 2)));

/* An arena: what a page or one document needs, given back at once.  It is a
 * yyjson allocator too, so that parsed documents live in it and are not freed
 * one by one. */
struct arena {
	struct chunk	*chunks, *spare;	/* newest first */
	size_t		 used;		/* bytes handed out since the last reset */
	yyjson_alc	 alc;		/* allocates here; free does nothing */
};
void	 arena_init(struct arena *);
void	*arena_alloc(struct arena *, size_t);
char	*arena_dup(struct arena *, const char *, size_t);
char	*arena_printf(struct arena *, const char *, ...)
	    __attribute__((format(printf, 2, 3)));
/* Forgets all, keeps up to eight megabytes of memory for the next use. */
void	 arena_reset(struct arena *);
void	 arena_free(struct arena *);

/* A growing string. */
struct buf {
	char	*p;			/* always NUL-terminated once used */
	size_t	 len, cap;
};
void	 buf_add(struct buf *, const char *, size_t);
void	 buf_puts(struct buf *, const char *);
void	 buf_printf(struct buf *, const char *, ...)
	    __attribute__((format(printf, 2, 3)));
void	 buf_free(struct buf *);

/* A map from strings to values; keys and values belong to the caller and
 * must outlive it. */
struct map {
	struct slot	*slots;
	size_t		 n, cap;
};
void	*map_get(const struct map *, const char *, size_t);
void	 map_set(struct map *, const char *, size_t, void *);
void	 map_clear(struct map *);	/* empty, memory kept */
void	 map_free(struct map *);

/* ---- text.c - text from strangers */

/* The same text with C0, C1, DEL and bidi controls, and what is not UTF-8,
 * written as \xNN or \uNNNN: for messages and tables.  The result lives until
 * the 16th next call; it is cut at 1000 bytes. */
const char *safe(const char *);
const char *safen(const char *, size_t);
/* As safe(), to a file, not cut. */
void	 put_safe(FILE *, const char *);
/* A number in decimal; returns its length.  printf is too slow for what every
 * event needs. */
size_t	 text_int(char buf[21], int64_t);
/* Display columns of UTF-8 text (wcwidth; needs setlocale). */
int	 text_width(const char *);
bool	 text_is_utf8(const char *, size_t);

/* ---- table.c - columns for people */

/* A table of n columns, written to a file row by row.  Columns are as wide as
 * the first few hundred rows need, and at most 40. */
struct table;
struct table *table_new(FILE *, size_t n);
/* The next cell, row by row; foreign text is made safe.  NULL is empty. */
void	 table_cell(struct table *, const char *);
/* The same however long it is: for the last column. */
void	 table_text(struct table *, const char *);
/* Cells of this column stand to the right. */
void	 table_right(struct table *, size_t column);
/* Writes what is left, and frees the table. */
void	 table_end(struct table *);

/* ---- number.c - exact decimals as JSON writes them
 * By hand: no library at hand compares decimal tokens of any length. */

/* Is this text one number token of RFC 8259? */
bool	 number_valid(const char *, size_t);
/* A whole number, whatever its notation (5, 5.0, 50e-1)? */
bool	 number_whole(const char *, size_t);
/* <0, 0, >0 as a is less than, equal to, greater than b; exact for any
 * number of digits; exponents beyond a 32-bit int saturate. */
int	 number_compare(const char *a, size_t, const char *b, size_t);

/* ---- time.c - times are microseconds since 1970, UTC */

#define TIME_TEXT_LEN 27
int64_t	 time_now(void);
/* Milliseconds of a clock that nobody sets. */
int64_t	 time_steady(void);
/* Frappe's text form, always with six digits: 2026-11-23 10:11:12.000123.
 * Returns buf. */
char	*time_text(int64_t, char buf[TIME_TEXT_LEN]);
/* The same as local time of TZ, for people. */
char	*time_local(int64_t, char buf[TIME_TEXT_LEN]);
/* Reads YYYY-MM-DD[ HH:MM:SS[.f{1,6}]] (T for the space is taken) as UTC;
 * false if it is not one. */
bool	 time_parse(const char *, int64_t *);
/* What -S and -U take: today, yesterday, now, -2d -3h -10m -2w, or a time, local;
 * a time with all six digits of the fraction is taken as UTC, for it was
 * copied from an event. */
bool	 time_option(const char *, int64_t *);

/* ---- id.c - random identities */

#define ID_LEN 19
/* A new id: 11 characters of the time and 8 of randomness (40 bits), in
 * Crockford's base 32, lower case.  Ids of one site sort as their times do,
 * which keeps their indices compact, and id_time gives the time back. */
void	 id_new(char id[ID_LEN + 1], int64_t time);
bool	 id_time(const char *id, int64_t *time);
/* n hexadecimal digits of randomness and a NUL. */
void	 id_hex(char *, size_t n);

/* ---- json.c - yyjson, with our limits */

/* Parses one text: numbers raw, duplicate keys and nesting over NEST_MAX
 * refused.  NULL and *why (static or in the arena) if it is not such.  The
 * document lives in the arena. */
yyjson_doc *json_parse(struct arena *, const char *, size_t, const char **why);
/* The same without the checks, for what we wrote ourselves. */
yyjson_doc *json_parse_own(struct arena *, const char *, size_t);
/* Compact text in the arena, NUL-terminated; len may be NULL. */
char	*json_text(struct arena *, const yyjson_val *, size_t *len);
char	*json_mut_text(struct arena *, const yyjson_mut_val *, size_t *len);
/* The same of what is to be read again by json_parse_own: NULL if a string in it
 * is not UTF-8. */
char	*json_stored_text(struct arena *, const yyjson_mut_val *, size_t *len);
/* A member as C string, or NULL if it is absent or no string.  A string with
 * a NUL inside counts as no string. */
const char *json_str(yyjson_val *obj, const char *key);
const char *json_mut_str(yyjson_mut_val *obj, const char *key);
/* A member as whole number (numbers are raw tokens here), or dflt.  true and
 * false are 1 and 0. */
int64_t	 json_int(yyjson_val *obj, const char *key, int64_t dflt);
int64_t	 json_mut_int(yyjson_mut_val *obj, const char *key, int64_t dflt);
int64_t	 json_val_int(yyjson_val *, int64_t dflt);
int64_t	 json_mut_val_int(yyjson_mut_val *, int64_t dflt);
/* Sets or replaces a member; an existing key keeps its place.  The key is
 * not copied. */
void	 json_put(yyjson_mut_doc *, yyjson_mut_val *obj, const char *key,
	    yyjson_mut_val *);
/* Values of ours: numbers are raw tokens as well. */
yyjson_mut_val *json_new_int(yyjson_mut_doc *, int64_t);
yyjson_mut_val *json_new_str(yyjson_mut_doc *, const char *);	/* copied; NULL is null */
/* A text that is JSON already, put in as it is; not copied. */
yyjson_mut_val *json_new_raw(yyjson_mut_doc *, const char *, size_t);
/* Equal as documents: numbers as decimals, objects whatever their order,
 * absent members as null. */
bool	 json_same(yyjson_mut_val *, yyjson_mut_val *);
bool	 json_is_null(yyjson_mut_val *);	/* absent (NULL) or null */

/* ---- ndjson.c - one JSON document a line; may exit, as only filters link it */

struct ndjson {
	int		 fd;
	const char	*name;		/* what messages call it: stdin, a file */
	char		*buf;		/* grows to the longest line */
	size_t		 start, end, cap;
	size_t		 lineno;
	bool		 eof;
	const char	*line;		/* the line just read, NUL-terminated, without
					 * newline; until the next call */
	size_t		 len;
	void		(*idle)(void);	/* called before a read that would wait */
};
void	 ndjson_open(struct ndjson *, int fd, const char *name);
/* The next line that is not blank: 1, in->line and in->len; 0 at the end of
 * input; -2 if the line was longer than LINE_MAX_BYTES (in->line is its
 * start, 200 bytes).  A read error ends the program with TEMPFAIL. */
int	 ndjson_line(struct ndjson *);
/* Reads one whole file ("-" is stdin) into memory for the caller to free;
 * NULL and a message if it cannot. */
char	*file_read(const char *path, size_t *len);
/* Flushes and closes standard output; a full disk is TEMPFAIL, else the
 * status given. */
int	 out_close(int status);
/* -o: opens a file aside; out_rename syncs it, renames it into place and
 * syncs the directory; out_drop forgets it.  Messages are printed; NULL or -1
 * on failure. */
FILE	*out_open(const char *path);
int	 out_rename(FILE *, const char *path);
void	 out_drop(FILE *, const char *path);

/* ---- option.c - what every program does with its arguments */

/* Sets program name, locale, umask 077, no core; answers --help and --version. */
void	 start(int argc, char *argv[], const char *usage);
/* Ends with MISUSE, or DONE for --help. */
void	 misuse(const char *usage) __attribute__((noreturn));
/* Operands that are not names of files: MISUSE with a message if one is not
 * UTF-8, which no document could hold. */
void	 want_text(char *const *operands);
/* A count between 1 and max, or MISUSE with a message. */
int64_t	 count_option(int ch, const char *arg, int64_t max);

/* ---- db.c - SQLite; the only file that calls it */

struct db;
struct query;
enum { DB_CREATE = 1, DB_READONLY = 2 };

/* Opens a database file (no link, owner only), WAL, defensive, synchronous
 * FULL.  NULL with a message printed; *status says MISUSE or TEMPFAIL. */
struct db *db_open(const char *path, int flags, int *status);
void	 db_close(struct db *);
/* After a failure of disk, lock or database everything on it fails, quietly:
 * the message was printed where it happened.  TEMPFAIL or 0. */
int	 db_failed(const struct db *);
/* Makes it fail, so that nothing of the transaction is kept: what was to be
 * written must not be. */
void	 db_refuse(struct db *, const char *why);
/* After a full disk or a lock it can be used again, without what was not
 * committed: rolls back and forgets the failure.  False: it is for good. */
bool	 db_mend(struct db *);
/* Prepared once for each literal (the pointer is the key, so pass literals),
 * or freshly each time if sql was built: then db_query_text.
 * types, one letter each: i int64_t, s string or NULL, t text with size_t
 * length after it, n NULL (no argument). */
struct query *db_query(struct db *, const char *sql, const char *types, ...);
struct query *db_query_text(struct db *, const char *sql, const char *types, ...);
/* For statements built at run time: binds the nth (from 1) text. */
void	 db_bind_text(struct query *, int, const char *, size_t);
void	 db_bind_int(struct query *, int, int64_t);
/* 1 a row, 0 no more (then the query has ended), -1 failed. */
int	 db_step(struct query *);
void	 db_end(struct query *);		/* before the last row */
int64_t	 db_int(struct query *, int col);
const char *db_text(struct query *, int col);	/* until the next step; NULL */
size_t	 db_len(struct query *, int col);
bool	 db_isnull(struct query *, int col);
int	 db_columns(struct query *);
const char *db_column_name(struct query *, int col);
/* Runs to the end.  0, or -1. */
int	 db_do(struct db *, const char *sql, const char *types, ...);
int	 db_exec(struct db *, const char *script);
/* The first column of the first row, or dflt. */
int64_t	 db_get(struct db *, int64_t dflt, const char *sql, const char *types, ...);
int64_t	 db_rowid(struct db *);
int64_t	 db_changes(struct db *);
/* BEGIN IMMEDIATE waits up to a minute for another writer. */
int	 db_begin(struct db *);
int	 db_begin_read(struct db *);
int	 db_commit(struct db *);
void	 db_rollback(struct db *);
void	 db_savepoint(struct db *);
void	 db_release(struct db *);
void	 db_undo(struct db *);			/* to the savepoint, and release it */
/* How long to wait for another writer (a minute unless told).  After it db_begin
 * says -1 where another is writing still, and the database has not failed. */
void	 db_patience(struct db *, int64_t ms);
/* Statements that still run after so many ms from now fail, without failing the
 * database; 0: no limit.  db_step says -1, db_late() true. */
void	 db_deadline(struct db *, int64_t ms);
bool	 db_late(const struct db *);

/* ---- crypt.c - libcrypto */

#define SECRET_LEN 64
/* n bytes of randomness. */
void	 crypt_random(void *, size_t n);
/* A new secret: 256 random bits as 64 hexadecimal digits. */
void	 secret_new(char secret[SECRET_LEN + 1]);
/* "sha256:" and the digest of a text in hexadecimal, in the arena: what is kept
 * of a secret that is never sent. */
char	*secret_hash(struct arena *, const char *secret);
/* Is this the secret that was kept, in clear or hashed?  In a time that does
 * not depend on where they differ.  kept NULL: false, at the same cost. */
bool	 secret_is(const char *kept, const char *secret);
/* Base 64 as Basic has it (RFC 4648, padded); NULL if it is not such, or holds
 * a NUL.  In the arena. */
char	*base64_decode(struct arena *, const char *);

/* ---- child.c - a process beside ours that answers lines */

struct child;
/* Runs a function in it, which ends with its status; of our files it has standard
 * error, and its own standard input and output are ours.  It dies with us. NULL:
 * it could not be begun. */
struct child *child_start(int (*run)(void *), void *arg);
/* Says a line to it (with newline), and waits so many milliseconds for one; with
 * len 0 only waits.  NULL, and its answer until the next call; or why there is
 * none (static), then it is to be ended. */
const char *child_ask(struct child *, const char *line, size_t len, int64_t ms,
	    const char **answer, size_t *n);
/* Ends it and what it has begun; kindly: after a second to go by itself. */
void	 child_end(struct child *, bool kindly);

/* ---- jq.c - what users write in jq, contained in a child (DESIGN 8); libjq is
 * loaded there, once it is used */

enum { JQ_WHY = 300 };
struct jq;
/* A program.  NULL and why (JQ_WHY bytes; foreign text raw), with the place, if
 * it has what is not allowed. */
struct jq *prog_open(const char *text, char *why);
void	 prog_close(struct jq *);
/* The fields of its input, an object, that it names, each once, as long as it
 * is open; how many, or -1: more than max, or it may read others.  Asked of an
 * object of these fields alone, it says the same. */
int	 prog_fields(const struct jq *, const char **names, int max);
/* Is it understood?  DONE; MISUSE and why; TEMPFAIL and why: not to be told. */
int	 prog_check(const struct jq *, char *why);
/* The first that it puts out for an input, as JSON text until the next call;
 * NULL: nothing. RAISED: it ended in an error of jq. */
enum jq_result { JQ_DONE, JQ_RAISED, JQ_FAILED } prog_ask(const struct jq *,
	    const char *json, size_t len, const char **value, size_t *n,
	    char *why);

/* ---- hook.c - programs that the administrator put into the hooks directory
 * (ES_HOOKS, or /etc/es/hooks) */

struct hook;
/* By name; NULL if no file there may be called so. */
struct hook *hook_open(const char *name);
void	 hook_close(struct hook *);
/* Is it there, as anything at all?  GONE: not in the directory, which can be read;
 * NOWHERE: that cannot be said. */
enum hook_place { HOOK_THERE, HOOK_GONE, HOOK_NOWHERE };
enum hook_place hook_place(const struct hook *);
/* Is it there, and nobody's but root's and ours to change?  NULL, or why not;
 * until the next call, foreign text raw. */
const char *hook_check(const struct hook *);
/* Says a line (with newline) to it: 1 true, 0 false; -1 and *why if it says
 * anything else or nothing for ten seconds.  Begun once. */
int	 hook_ask(struct hook *, const char *line, size_t len, const char **why);

/* ---- http.c - requests (libcurl, loaded when it is needed: it takes longer to
 * load than all else a program does; plain http is plain.c's) */

/* A client of one site.  Its connection is kept from request to request. */
struct http;
enum {
	HTTP_ALLOW_HTTP = 1,	/* http to other hosts than loopback */
	HTTP_CALLBACK = 2	/* an address that a stranger gave (DESIGN 13): resolved
				 * once; link-local, multicast and unspecified refused;
				 * no proxy; 64 KB, 10 s */
};
struct http_peer {
	const char	*url;		/* of the site, with or without a path */
	int		 flags;
	const char	*key, *secret;	/* Authorization: token; NULL: none */
	const char	*pin;		/* sha256//… of a public key, which then counts
					 * instead of who signed it; or NULL */
};
/* Is this fit to be a peer's address?  NULL, or what is wrong with it: neither
 * http nor https; http to another host without leave; user or password, query,
 * fragment; characters that no URL has.  Static. */
const char *http_url_fault(const char *url, int flags);
/* Opens no connection yet. NULL and *why (static). */
struct http *http_open(const struct http_peer *, const char **why);
void	 http_close(struct http *);
struct http_request {
	const char	*method;	/* GET, POST, PUT, DELETE */
	const char	*path;		/* encoded, from the site's URL on: /api/… */
	const char	*form;		/* urlencoded body, or NULL */
	const char	*accept;	/* NULL: application/json */
	int64_t		 limit;		/* bytes of an answer without data(); 0: 16 MB */
	int64_t		 timeout;	/* seconds without a byte; 0: 60 */
	/* Takes the body of a 200 of the type that is accepted as it comes,
	 * decoded; false ends it.  Without it, and of any other answer, the body
	 * is in the answer. */
	bool		(*data)(void *arg, const char *, size_t);
	void		(*idle)(void *arg);	/* now and then, about once a second;
					 * not while a name is looked up */
	void		*arg;
};
struct http_answer {
	int		 status;	/* of HTTP; 0: there was none */
	char		 why[512];	/* then: could not connect, … ; foreign text raw */
	bool		 cut;		/* it ended before its end */
	int64_t		 retry_after;	/* seconds; -1: not said */
	const char	*type;		/* Content-Type without parameters, "" */
	const char	*location;	/* where a redirect would lead, "" */
	const char	*body;		/* until the next request */
	size_t		 len;
};
/* One request.  No redirects (a 3xx is an answer), TLS 1.2 and verified, no
 * Expect, no cookies; -v shows neither credentials nor queries.  True if an
 * answer came whole, whatever its status. */
bool	 http_do(struct http *, const struct http_request *, struct http_answer *);
/* Percent-encodes all but unreserved characters (RFC 3986), onto a string. */
void	 url_encode(struct buf *, const char *);
/* key=value of a form, with & before it unless it is the first. NULL: nothing. */
void	 form_add(struct buf *, const char *key, const char *value);

/* ---- plain.c - the same over plain http (http_parser, zstd and a socket of our
 * own), for http.c alone */

struct plain;
/* The host, in brackets if it is IPv6; false if this is no URL of http, or one
 * that could be read in two ways. */
bool	 plain_host(const char *url, char *host, size_t);
/* Of a peer that http_open has looked at, whose URL has passed plain_host; flags
 * and pin are not looked at. */
struct plain *plain_open(const struct http_peer *);
void	 plain_close(struct plain *);
/* As http_do, but accept is given, *a is empty, and the location is as it came.
 * Headers of 80 KB at most; of encodings zstd, with a window of 8 MB at most. */
bool	 plain_do(struct plain *, const struct http_request *, struct http_answer *);

/* ---- listen.c - a server (libmicrohttpd); see there for what it refuses by
 * itself.  One thread: handlers do not wait. */

struct listen;
struct request {
	const char	*method, *path;	/* path as sent, before the ?; not decoded */
	const char	*authorization, *origin, *accept, *content_type;	/* or NULL */
	const char	*body;		/* NUL-terminated */
	size_t		 len;
	bool		 zstd;		/* the peer takes it */
	int64_t		 waited;	/* ms since it was handed in first; see again */
	struct exchange	*exchange;
};
/* An argument of the query, or of a body that is a form; decoded, or NULL. */
const char *request_query(const struct request *, const char *name);
const char *request_form(const struct request *, const char *name);
/* A header, or NULL. */
const char *request_header(const struct request *, const char *name);
/* Undoes percent-encoding, in place; false if that gives control characters or
 * what is not UTF-8. */
bool	 url_decode(char *);
struct response {
	int		 status;
	const char	*type;		/* NULL: application/json */
	char		*body;		/* malloced; freed by listen.c */
	size_t		 len;
	/* Or a stream: the next piece, until the next call; len 0: it is over.
	 * NULL: it failed, the connection is cut so that the peer sees it. */
	const char	*(*next)(void *arg, size_t *len);
	void		(*done)(void *arg);	/* at its end, however it ends */
	void		*arg;
	int64_t		 retry_after;	/* seconds, 0: none */
	int64_t		 delay;		/* answer after so many ms: bad credentials */
	int64_t		 again;		/* no answer yet: hand it in again after so
					 * many ms */
	char		*user;		/* for the log; malloced, or NULL */
	bool		 close;
};
struct listen_options {
	const char	*address;	/* host, host:port, :port; 127.0.0.1:8000 is
					 * what is not said, port 0 a free one */
	size_t		 body_max;	/* bytes of a request body */
	int		 connections;	/* at most; 0: 2000 */
	int64_t		 idle;		/* seconds a connection may be idle; 0: 30 */
	int64_t		 whole;		/* seconds a request may take to arrive; 0: 60 */
	bool		 log;		/* a line for each request, to stderr */
	void		(*handle)(void *arg, const struct request *, struct response *);
	/* Called about once a second, and after a signal (SIGCHLD is one);
	 * busy: a request is under way. */
	void		(*tick)(void *arg, bool busy);
	void		*arg;
};
/* NULL and a message printed, *status set.  Blocks SIGTERM, SIGINT and SIGCHLD,
 * ignores SIGPIPE. */
struct listen *listen_open(const struct listen_options *, int *status);
/* http://127.0.0.1:41231 */
const char *listen_url(const struct listen *);
/* Can only this machine reach it? */
bool	 listen_is_local(const struct listen *);
/* Serves until SIGTERM or SIGINT; then what is under way is finished (at most
 * ten seconds). */
int	 listen_run(struct listen *);
void	 listen_close(struct listen *);

#endif
