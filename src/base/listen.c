/* listen.c - a server; the only file that calls libmicrohttpd
 *
 * These it refuses by itself, and closes the connection: a Content-Length,
 * Transfer-Encoding, Host or Authorization that stands twice, both of the first
 * two, other transfers than in chunks, HTTP/1.1 without Host, names of headers
 * that are none, control characters (400); methods that nobody serves (405); a
 * body in chunks (411), in a coding (415), or too large (413); large headers
 * (431).  A connection that is idle, or whose request does not arrive whole in
 * time, is closed, and the longest idle ones when there are too many. */

#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <zstd.h>

#include "base/base.h"

enum {
	CONNECTIONS = 2000, IDLE = 30, WHOLE = 60, LAST_MS = 10000,
	DESCRIPTORS = 64,		/* for all else than connections */
	MEMORY = 128 << 10,		/* of a connection: headers, then chunks */
	PIECE = 16 << 10,		/* where there are no chunks */
	HEADERS_MAX = 32 << 10,
	BODY_SMALL = 64 << 10,		/* there is always room for it */
	BODIES_MAX = 64 << 20,		/* of all larger ones together */
	DELAYED_MAX = 256, DELAYED_ADDRESS = 16,
	WINDOW_LOG = 18			/* what zstd looks back on: 256 KB */
};

struct exchange {			/* a request and its answer */
	TAILQ_ENTRY(exchange) delay;
	struct conn	*conn;
	struct MHD_Connection *mhd;
	char		*uri, *arguments;	/* cut into path and query */
	struct request	 rq;
	struct response	 rs;
	struct buf	 body;
	size_t		 room;		/* of BODIES_MAX */
	struct args {
		char	**v;		/* name, value, name, value … */
		size_t	 n;
	} query, form;
	char		*form_text;
	int64_t		 begun, handed, due;
	bool		 inspected, answered, delayed, waits;
	int		 status;
	int64_t		 bytes;
	const char	*piece;		/* of a stream: what is left of it */
	size_t		 left;
	bool		 over;		/* there is no more */
	ZSTD_CCtx	*zstd;
	bool		 ended;		/* and its end is written */
};

struct conn {
	TAILQ_ENTRY(conn) entry;
	struct listen	*l;
	struct exchange	*now;
	int		 fd;
	int64_t		 since;		/* it is in this state */
	enum { WAITING, ARRIVING, HANDLED } state;
	bool		 shut;
};

struct listen {
	struct listen_options o;
	struct MHD_Daemon *daemon;
	char		*url;
	bool		 local;
	int		 epoll, signals;
	sigset_t	 mask;		/* as it was */
	TAILQ_HEAD(conns, conn) conns;	/* not HANDLED, by since */
	TAILQ_HEAD(delays, exchange) delays;	/* by due */
	size_t		 ndelays, rooms;
	int		 open;		/* connections, without those shut */
	int		 active;	/* of them: a request is under way */
	int64_t		 stopped;	/* when it was told to stop; 0 */
	bool		 ending;
};

/* ---- connections */

static void
shut(struct conn *c)
{
	if (!c->shut) {
		c->shut = true;
		c->l->open--;
		shutdown(c->fd, SHUT_RDWR);
	}
}

static void
become(struct conn *c, int state)
{
	struct listen *l = c->l;

	if (c->state != HANDLED)
		TAILQ_REMOVE(&l->conns, c, entry);
	l->active += (state != WAITING) - (c->state != WAITING);
	c->state = state;
	c->since = time_steady();
	if (state != HANDLED)
		TAILQ_INSERT_TAIL(&l->conns, c, entry);
}

/* Near the limit the one that has kept us waiting longest makes room. */
static void
make_room(struct listen *l)
{
	int most = l->o.connections - l->o.connections / 10 - 1;
	struct conn *c;

	TAILQ_FOREACH(c, &l->conns, entry) {
		if (l->open <= most)
			break;
		shut(c);
	}
}

static void exchange_free(struct exchange *);

static void
connection(void *arg, struct MHD_Connection *mhd, void **context,
    enum MHD_ConnectionNotificationCode code)
{
	struct listen *l = arg;
	struct conn *c = *context;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		c = *context = xcalloc(1, sizeof(*c));
		c->l = l;
		c->fd = MHD_get_connection_info(mhd,
		    MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
		c->since = time_steady();
		TAILQ_INSERT_TAIL(&l->conns, c, entry);
		l->open++;
		make_room(l);
		return;
	}
	if (c->now != NULL)
		exchange_free(c->now);
	become(c, WAITING);
	TAILQ_REMOVE(&l->conns, c, entry);
	if (!c->shut)
		l->open--;
	free(c);
}

/* Closes those that were waited for long enough. */
static void
sweep(struct listen *l)
{
	int64_t now = time_steady();
	int64_t least = l->o.idle < l->o.whole ? l->o.idle : l->o.whole;
	struct conn *c;

	TAILQ_FOREACH(c, &l->conns, entry) {
		if (now - c->since < least * 1000)
			break;
		if (now - c->since >= 1000 *
		    (c->state == WAITING ? l->o.idle : l->o.whole))
			shut(c);
	}
}

/* ---- arguments */

/* As forms have it; false if that gives a NUL or what is not UTF-8. */
static bool
decode(char *s)
{
	char *plus = s;
	size_t n;

	while ((plus = strchr(plus, '+')) != NULL)
		*plus = ' ';
	n = MHD_http_unescape(s);
	return strlen(s) == n && text_is_utf8(s, n);
}

/* Cuts name=value&… up, in place.  (The library's own refuses a = in a
 * value.) */
static bool
cut(struct args *a, char *text)
{
	char *next, *value;
	size_t cap = 0;

	for (; text != NULL; text = next) {
		if ((next = strchr(text, '&')) != NULL)
			*next++ = '\0';
		if (*text == '\0')
			continue;
		value = text + strcspn(text, "=");
		if (*value == '=')
			*value++ = '\0';
		if (!decode(text) || !decode(value))
			return false;
		if (a->n + 2 > cap)
			a->v = xrealloc(a->v, (cap = cap * 2 + 16) *
			    sizeof(*a->v));
		a->v[a->n++] = text;
		a->v[a->n++] = value;
	}
	return true;
}

static const char *
find(const struct args *a, const char *name)
{
	size_t i;

	for (i = 0; i < a->n; i += 2)
		if (strcmp(a->v[i], name) == 0)
			return a->v[i + 1];
	return NULL;
}

const char *
request_query(const struct request *r, const char *name)
{
	return find(&r->exchange->query, name);
}

const char *
request_form(const struct request *r, const char *name)
{
	return find(&r->exchange->form, name);
}

const char *
request_header(const struct request *r, const char *name)
{
	return MHD_lookup_connection_value(r->exchange->mhd, MHD_HEADER_KIND,
	    name);
}

static bool
has_control(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return true;
	return false;
}

bool
url_decode(char *s)
{
	size_t n = MHD_http_unescape(s);

	return n == strlen(s) && text_is_utf8(s, n) && !has_control(s);
}

static bool
is_form(const char *type)
{
	static const char form[] = "application/x-www-form-urlencoded";

	return type != NULL && strncasecmp(type, form, sizeof(form) - 1) == 0 &&
	    strchr("; \t", type[sizeof(form) - 1]) != NULL;
}

/* ---- answers */

static enum MHD_Result
queue(struct exchange *x, int status, struct MHD_Response *r, bool close)
{
	enum MHD_Result queued;

	if (r == NULL)
		return MHD_NO;
	if (close || x->conn->l->stopped != 0)
		MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
	MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	x->answered = true;
	x->status = status;
	queued = MHD_queue_response(x->mhd, status, r);
	MHD_destroy_response(r);
	return queued;
}

static enum MHD_Result
refuse(struct exchange *x, int status, const char *why)
{
	struct MHD_Response *r;

	x->bytes = strlen(why);
	r = MHD_create_response_from_buffer(strlen(why), (void *)(uintptr_t)why,
	    MHD_RESPMEM_PERSISTENT);
	if (r != NULL) {
		MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE,
		    "text/plain");
		if (status == 405)
			MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW,
			    "GET, HEAD, POST, PUT, DELETE, OPTIONS");
		if (status == 429 || status == 503)
			MHD_add_response_header(r, MHD_HTTP_HEADER_RETRY_AFTER,
			    "5");
	}
	return queue(x, status, r, true);
}

/* The next piece: 1, 0 it is over, -1 it failed. */
static int
next_piece(struct exchange *x)
{
	if (x->over)
		return 0;
	if ((x->piece = x->rs.next(x->rs.arg, &x->left)) == NULL)
		return -1;
	x->over = x->left == 0;
	return !x->over;
}

/* A failure must not look like an end: zstd's is not written then. */
static ssize_t
read_zstd(struct exchange *x, char *buf, size_t max)
{
	ZSTD_outBuffer out = { buf, max, 0 };
	ZSTD_inBuffer in;
	size_t rest;

	while (out.pos == 0) {
		if (x->ended)
			return MHD_CONTENT_READER_END_OF_STREAM;
		if (x->left == 0 && !x->over && next_piece(x) == -1)
			return MHD_CONTENT_READER_END_WITH_ERROR;
		in = (ZSTD_inBuffer){ x->piece, x->left, 0 };
		rest = ZSTD_compressStream2(x->zstd, &out, &in,
		    x->over ? ZSTD_e_end : ZSTD_e_continue);
		if (ZSTD_isError(rest))
			return MHD_CONTENT_READER_END_WITH_ERROR;
		x->piece += in.pos;
		x->left -= in.pos;
		x->ended = x->over && rest == 0;
	}
	return out.pos;
}

static ssize_t
read_plain(struct exchange *x, char *buf, size_t max)
{
	int r;

	if (x->left == 0 && (r = next_piece(x)) != 1)
		return r == 0 ? MHD_CONTENT_READER_END_OF_STREAM :
		    MHD_CONTENT_READER_END_WITH_ERROR;
	if (max > x->left)
		max = x->left;
	memcpy(buf, x->piece, max);
	x->piece += max;
	x->left -= max;
	return max;
}

static ssize_t
read_stream(void *arg, uint64_t pos, char *buf, size_t max)
{
	struct exchange *x = arg;
	ssize_t n;

	(void)pos;
	n = x->zstd != NULL ? read_zstd(x, buf, max) : read_plain(x, buf, max);
	if (n > 0)
		x->bytes += n;
	return n;
}

static struct MHD_Response *
stream(struct exchange *x)
{
	struct MHD_Response *r;

	r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, PIECE,
	    read_stream, x, NULL);
	if (r == NULL)
		return NULL;
	MHD_add_response_header(r, MHD_HTTP_HEADER_VARY, "Accept-Encoding");
	if (x->rq.zstd && (x->zstd = ZSTD_createCCtx()) != NULL) {
		ZSTD_CCtx_setParameter(x->zstd, ZSTD_c_compressionLevel, 1);
		ZSTD_CCtx_setParameter(x->zstd, ZSTD_c_windowLog, WINDOW_LOG);
		MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_ENCODING,
		    "zstd");
	}
	return r;
}

static enum MHD_Result
answer(struct exchange *x)
{
	struct response *rs = &x->rs;
	struct MHD_Response *r;
	char seconds[24];

	if (rs->next != NULL)
		r = stream(x);
	else {
		x->bytes = rs->len;
		r = MHD_create_response_from_buffer(rs->len, rs->body,
		    MHD_RESPMEM_MUST_FREE);
		rs->body = NULL;
	}
	if (r == NULL)
		return MHD_NO;
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE,
	    rs->type != NULL ? rs->type : "application/json");
	if (rs->retry_after > 0) {
		snprintf(seconds, sizeof(seconds), "%lld",
		    (long long)rs->retry_after);
		MHD_add_response_header(r, MHD_HTTP_HEADER_RETRY_AFTER,
		    seconds);
	}
	if (rs->status == 401)
		MHD_add_response_header(r, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
		    "token");
	return queue(x, rs->status, r, rs->close);
}

/* ---- answers that wait */

static const struct sockaddr *
address_of(const struct exchange *x)
{
	return MHD_get_connection_info(x->mhd,
	    MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
}

static bool
same_address(const struct sockaddr *a, const struct sockaddr *b)
{
	if (a->sa_family != b->sa_family)
		return false;
	if (a->sa_family == AF_INET6)
		return memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr,
		    &((const struct sockaddr_in6 *)b)->sin6_addr, 16) == 0;
	return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
	    ((const struct sockaddr_in *)b)->sin_addr.s_addr;
}

/* Who guesses keys may not keep many connections waiting. */
static bool
may_delay(struct listen *l, struct exchange *x)
{
	struct exchange *other;
	int n = 0;

	TAILQ_FOREACH(other, &l->delays, delay)
		n += same_address(address_of(x), address_of(other));
	return l->ndelays < DELAYED_MAX && n < DELAYED_ADDRESS;
}

static void
wait_ms(struct exchange *x, int64_t ms)
{
	struct listen *l = x->conn->l;
	struct exchange *after;

	x->waits = true;
	x->due = time_steady() + ms;
	TAILQ_FOREACH_REVERSE(after, &l->delays, delays, delay)
		if (after->due <= x->due)
			break;
	if (after == NULL)
		TAILQ_INSERT_HEAD(&l->delays, x, delay);
	else
		TAILQ_INSERT_AFTER(&l->delays, after, x, delay);
	l->ndelays++;
	MHD_suspend_connection(x->mhd);
}

static void
wake(struct exchange *x)
{
	struct listen *l = x->conn->l;

	x->waits = false;
	TAILQ_REMOVE(&l->delays, x, delay);
	l->ndelays--;
}

static void
resume(struct listen *l)
{
	int64_t now = time_steady();
	struct exchange *x;

	while ((x = TAILQ_FIRST(&l->delays)) != NULL &&
	    (x->due <= now || l->stopped != 0)) {
		wake(x);
		MHD_resume_connection(x->mhd);
	}
}

static enum MHD_Result
hand_in(struct exchange *x)
{
	struct listen *l = x->conn->l;

	if (l->ending)
		return refuse(x, 503, "the server stops\n");
	if (!x->delayed) {
		x->rq.waited = time_steady() - x->handed;
		l->o.handle(l->o.arg, &x->rq, &x->rs);
	}
	if (x->rs.again > 0) {
		wait_ms(x, x->rs.again);
		free(x->rs.user);
		memset(&x->rs, 0, sizeof(x->rs));
		return MHD_YES;
	}
	if (x->rs.delay > 0 && !x->delayed && l->stopped == 0) {
		if (!may_delay(l, x))
			return refuse(x, 429, "too many bad credentials\n");
		x->delayed = true;
		wait_ms(x, x->rs.delay);
		return MHD_YES;
	}
	return answer(x);
}

/* ---- requests */

static void *
begin(void *arg, const char *uri, struct MHD_Connection *mhd)
{
	struct exchange *x = xcalloc(1, sizeof(*x));

	(void)arg;
	x->conn = MHD_get_connection_info(mhd,
	    MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
	x->mhd = mhd;
	x->uri = xstrdup(uri == NULL ? "" : uri);
	/* At once: a query never stands in the log. */
	if ((x->arguments = strchr(x->uri, '?')) != NULL)
		*x->arguments++ = '\0';
	x->rq.exchange = x;
	x->rq.path = x->uri;
	x->rq.method = "-";
	x->begun = time_steady();
	x->conn->now = x;
	become(x->conn, ARRIVING);
	return x;
}

struct seen {				/* headers */
	int		 lengths, transfers, hosts, authorizations;
	const char	*length, *coding;
	size_t		 size;
	bool		 bad;
};

static enum MHD_Result
header(void *arg, enum MHD_ValueKind kind, const char *name, size_t n,
    const char *value, size_t len)
{
	static const char letters[] = "!#$%&'*+-.^_`|~0123456789"
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	struct seen *h = arg;
	size_t i;

	(void)kind;
	h->size += n + len;
	if (n == 0 || strspn(name, letters) != n)
		h->bad = true;
	for (i = 0; i < len; i++)
		if (((unsigned char)value[i] < ' ' && value[i] != '\t') ||
		    value[i] == 0x7f)
			h->bad = true;
	if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0) {
		h->lengths++;
		h->length = value;
	} else if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0) {
		h->transfers++;
		if (strcasecmp(value, "chunked") != 0)
			h->bad = true;
	} else if (strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0)
		h->hosts++;
	else if (strcasecmp(name, MHD_HTTP_HEADER_AUTHORIZATION) == 0)
		h->authorizations++;
	else if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_ENCODING) == 0)
		h->coding = value;
	return MHD_YES;
}

/* Room for a body of that size; large ones share some. */
static bool
reserve(struct exchange *x, size_t size)
{
	struct listen *l = x->conn->l;

	if (size <= BODY_SMALL)
		return true;
	if (size > BODIES_MAX - l->rooms)
		return false;
	l->rooms += x->room = size;
	return true;
}

/* 0, or the status of a refusal and why. */
static int
fault(struct exchange *x, const struct seen *h, const char *version,
    const char **why)
{
	static const char methods[] = " GET HEAD POST PUT DELETE OPTIONS ";
	char method[16];
	uint64_t size = h->length == NULL ? 0 : strtoull(h->length, NULL, 10);

	snprintf(method, sizeof(method), " %s ", x->rq.method);
	if (*x->rq.method == '\0' || strstr(methods, method) == NULL) {
		x->rq.method = "-";
		return *why = "this method is not served\n", 405;
	}
	if (h->size > HEADERS_MAX)
		return *why = "the headers are too large\n", 431;
	*why = "a bad request\n";
	if (h->bad || h->lengths > 1 || h->transfers > 1 || h->hosts > 1 ||
	    h->authorizations > 1 || (h->lengths > 0 && h->transfers > 0) ||
	    (h->hosts == 0 && strcmp(version, MHD_HTTP_VERSION_1_1) == 0) ||
	    *x->rq.path != '/' || has_control(x->rq.path))
		return 400;
	if (h->transfers > 0)
		return *why = "the length of the body must be said\n", 411;
	if (h->coding != NULL && strcasecmp(h->coding, "identity") != 0)
		return *why = "the body must not be encoded\n", 415;
	if (size > x->conn->l->o.body_max)
		return *why = "the body is too large\n", 413;
	if (!reserve(x, size))
		return *why = "too many large requests\n", 503;
	return 0;
}

/* Is zstd among the codings, and not with q=0?  (RFC 9110, 12.5.3) */
static bool
takes_zstd(const char *codings)
{
	const char *s, *q;
	size_t n;

	for (s = codings; s != NULL; s = strchr(s, ',')) {
		s += strspn(s, ", \t");
		n = strcspn(s, ",; \t");
		if (n != 4 || strncasecmp(s, "zstd", n) != 0)
			continue;
		q = s + n + strspn(s + n, "; \t");
		return strncasecmp(q, "q=", 2) != 0 || strtod(q + 2, NULL) > 0;
	}
	return false;
}

/* The headers are here. */
static enum MHD_Result
inspect(struct exchange *x, const char *method, const char *version)
{
	struct request *rq = &x->rq;
	struct seen h = { 0 };
	const char *why;
	int status;

	x->inspected = true;
	rq->method = method;
	MHD_get_connection_values_n(x->mhd, MHD_HEADER_KIND, header, &h);
	if ((status = fault(x, &h, version, &why)) != 0)
		return refuse(x, status, why);
	if (!cut(&x->query, x->arguments))
		return refuse(x, 400, "an argument is not UTF-8\n");
	rq->authorization = request_header(rq, MHD_HTTP_HEADER_AUTHORIZATION);
	rq->origin = request_header(rq, MHD_HTTP_HEADER_ORIGIN);
	rq->accept = request_header(rq, MHD_HTTP_HEADER_ACCEPT);
	rq->content_type = request_header(rq, MHD_HTTP_HEADER_CONTENT_TYPE);
	rq->zstd = takes_zstd(request_header(rq,
	    MHD_HTTP_HEADER_ACCEPT_ENCODING));
	return MHD_YES;
}

/* All of it is here. */
static enum MHD_Result
arrived(struct exchange *x)
{
	become(x->conn, HANDLED);
	x->handed = time_steady();
	x->rq.body = x->body.len > 0 ? x->body.p : "";
	x->rq.len = x->body.len;
	if (is_form(x->rq.content_type)) {
		x->form_text = xstrndup(x->rq.body, x->rq.len);
		if (strlen(x->form_text) != x->rq.len ||
		    !cut(&x->form, x->form_text))
			return refuse(x, 400, "an argument is not UTF-8\n");
	}
	return hand_in(x);
}

static enum MHD_Result
request(void *arg, struct MHD_Connection *mhd, const char *url,
    const char *method, const char *version, const char *data, size_t *size,
    void **context)
{
	struct exchange *x = *context;

	(void)arg;
	(void)mhd;
	(void)url;
	if (!x->inspected)
		return inspect(x, method, version);
	if (*size > 0) {
		buf_add(&x->body, data, *size);
		*size = 0;
		return MHD_YES;
	}
	return x->conn->state == HANDLED ? hand_in(x) : arrived(x);
}

static void
exchange_free(struct exchange *x)
{
	struct listen *l = x->conn->l;

	if (x->waits)
		wake(x);
	if (x->rs.done != NULL)
		x->rs.done(x->rs.arg);
	ZSTD_freeCCtx(x->zstd);
	l->rooms -= x->room;
	x->conn->now = NULL;
	free(x->rs.body);
	free(x->rs.user);
	free(x->query.v);
	free(x->form.v);
	free(x->form_text);
	free(x->uri);
	buf_free(&x->body);
	free(x);
}

static void
completed(void *arg, struct MHD_Connection *mhd, void **context,
    enum MHD_RequestTerminationCode code)
{
	struct listen *l = arg;
	struct exchange *x = *context;
	char status[12];
	struct conn *c;

	(void)mhd;
	if (x == NULL)
		return;
	c = x->conn;
	snprintf(status, sizeof(status), x->status == 0 ? "-" : "%d", x->status);
	if (l->o.log)
		warnx("%s %s %s %s %lld bytes %lld ms%s", safe(x->rq.method),
		    safe(x->rq.path),
		    x->rs.user == NULL ? "-" : safe(x->rs.user), status,
		    (long long)x->bytes, (long long)(time_steady() - x->begun),
		    code == MHD_REQUEST_TERMINATED_COMPLETED_OK ? "" : " cut");
	exchange_free(x);
	*context = NULL;
	become(c, WAITING);
	if (l->stopped != 0)
		shut(c);
}

/* ---- where it listens */

/* host, host:port, :port, [host]:port; the rest as it is not said. */
static void
split(const char *address, char **host, char **port)
{
	const char *colon, *end;

	if (address == NULL)
		address = "";
	if (*address == '[' && (end = strchr(address, ']')) != NULL) {
		*host = xstrndup(address + 1, end - address - 1);
		colon = end[1] == ':' ? end + 1 : NULL;
	} else {
		colon = strchr(address, ':');
		if (colon != NULL && strchr(colon + 1, ':') != NULL)
			colon = NULL;
		*host = colon == NULL ? xstrdup(address) :
		    xstrndup(address, colon - address);
	}
	if (**host == '\0') {
		free(*host);
		*host = xstrdup("127.0.0.1");
	}
	*port = xstrdup(colon == NULL || colon[1] == '\0' ? "8000" : colon + 1);
}

static int
listen_at(const struct addrinfo *at)
{
	int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0), on = 1;

	if (fd == -1)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, 1024) == 0)
		return fd;
	on = errno;
	close(fd);
	errno = on;
	return -1;
}

/* The address that was taken, as it is to be told. */
static void
tell(struct listen *l, int fd)
{
	struct sockaddr_storage at;
	socklen_t len = sizeof(at);
	char host[NI_MAXHOST] = "?", port[NI_MAXSERV] = "?";
	bool six;

	memset(&at, 0, sizeof(at));
	getsockname(fd, (struct sockaddr *)&at, &len);
	getnameinfo((struct sockaddr *)&at, len, host, sizeof(host), port,
	    sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
	six = at.ss_family == AF_INET6;
	l->local = six ? strcmp(host, "::1") == 0 :
	    strncmp(host, "127.", 4) == 0;
	l->url = xprintf(six ? "http://[%s]:%s" : "http://%s:%s", host, port);
}

static int
open_socket(struct listen *l, int *status)
{
	struct addrinfo want = { .ai_socktype = SOCK_STREAM,
	    .ai_flags = AI_PASSIVE | AI_NUMERICSERV }, *found;
	char *host, *port;
	int fd = -1, r;

	split(l->o.address, &host, &port);
	if ((r = getaddrinfo(host, port, &want, &found)) != 0) {
		warnx("cannot listen on '%s' port '%s': %s", safe(host),
		    safe(port), gai_strerror(r));
		*status = MISUSE;
	} else {
		if ((fd = listen_at(found)) == -1) {
			*status = errno == EADDRINUSE ? TEMPFAIL : MISUSE;
			warn("cannot listen on '%s' port %s", safe(host),
			    safe(port));
		} else
			tell(l, fd);
		freeaddrinfo(found);
	}
	free(host);
	free(port);
	return fd;
}

/* As many connections as the limit on descriptors lets us have. */
static void
raise_limits(struct listen *l)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == -1)
		return;
	r.rlim_cur = (rlim_t)l->o.connections + DESCRIPTORS;
	if (r.rlim_cur > r.rlim_max)
		r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
	if ((rlim_t)l->o.connections + DESCRIPTORS > r.rlim_cur)
		l->o.connections = r.rlim_cur > 2 * DESCRIPTORS ?
		    (int)r.rlim_cur - DESCRIPTORS : DESCRIPTORS;
}

static int
block_signals(struct listen *l)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &l->mask);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool
watch(struct listen *l, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data = { .fd = fd } };

	return fd != -1 && epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

#if MHD_VERSION >= 0x01000000
#define STRICT MHD_OPTION_CLIENT_DISCIPLINE_LVL
#else
#define STRICT MHD_OPTION_STRICT_FOR_CLIENT
#endif

static struct MHD_Daemon *
start_daemon(struct listen *l, int fd)
{
	return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0,
	    NULL, NULL, request, l,
	    MHD_OPTION_LISTEN_SOCKET, fd,
	    MHD_OPTION_CONNECTION_LIMIT, (unsigned)l->o.connections,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)l->o.idle,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY,
	    MHD_OPTION_NOTIFY_CONNECTION, connection, l,
	    MHD_OPTION_NOTIFY_COMPLETED, completed, l,
	    MHD_OPTION_URI_LOG_CALLBACK, begin, l,
	    STRICT, 1,
	    MHD_OPTION_END);
}

struct listen *
listen_open(const struct listen_options *o, int *status)
{
	struct listen *l = xcalloc(1, sizeof(*l));
	int fd;

	l->o = *o;
	if (l->o.connections == 0)
		l->o.connections = CONNECTIONS;
	if (l->o.idle == 0)
		l->o.idle = IDLE;
	if (l->o.whole == 0)
		l->o.whole = WHOLE;
	TAILQ_INIT(&l->conns);
	TAILQ_INIT(&l->delays);
	raise_limits(l);
	l->signals = block_signals(l);
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if ((fd = open_socket(l, status)) != -1 &&
	    (l->daemon = start_daemon(l, fd)) == NULL)
		close(fd);
	if (fd != -1 && (l->daemon == NULL || !watch(l, l->signals) ||
	    !watch(l, MHD_get_daemon_info(l->daemon,
	    MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd))) {
		warnx("cannot start the server: %s", strerror(errno));
		*status = TEMPFAIL;
		fd = -1;
	}
	if (fd != -1)
		return l;
	listen_close(l);
	return NULL;
}

const char *
listen_url(const struct listen *l)
{
	return l->url;
}

bool
listen_is_local(const struct listen *l)
{
	return l->local;
}

/* ---- the loop */

/* No new connections, and none that wait for a request. */
static void
stop(struct listen *l)
{
	int fd = MHD_quiesce_daemon(l->daemon);
	struct conn *c;

	if (fd != -1)
		close(fd);
	l->stopped = time_steady();
	TAILQ_FOREACH(c, &l->conns, entry)
		if (c->state == WAITING)
			shut(c);
}

static bool
take_signals(struct listen *l)
{
	struct signalfd_siginfo info;
	bool any = false;

	while (read(l->signals, &info, sizeof(info)) == sizeof(info)) {
		any = true;
		if (info.ssi_signo != SIGCHLD && l->stopped == 0)
			stop(l);
	}
	return any;
}

/* How long nothing is to be done, in ms. */
static int
leisure(struct listen *l, int64_t tick)
{
	int64_t now = time_steady(), ms = tick - now;
	struct exchange *x = TAILQ_FIRST(&l->delays);
	MHD_UNSIGNED_LONG_LONG mhd;

	if (x != NULL && x->due - now < ms)
		ms = x->due - now;
	if (MHD_get_timeout(l->daemon, &mhd) == MHD_YES && (int64_t)mhd < ms)
		ms = mhd;
	return ms < 0 ? 0 : (int)ms;
}

int
listen_run(struct listen *l)
{
	struct epoll_event e[2];
	int64_t tick = time_steady();

	while (l->stopped == 0 || (l->active > 0 &&
	    time_steady() - l->stopped < LAST_MS)) {
		epoll_wait(l->epoll, e, 2, leisure(l, tick));
		if (take_signals(l))
			tick = 0;
		resume(l);
		MHD_run(l->daemon);
		if (time_steady() < tick)
			continue;
		sweep(l);
		if (l->o.tick != NULL)
			l->o.tick(l->o.arg, l->active > 0);
		tick = time_steady() + 1000;
	}
	return DONE;
}

void
listen_close(struct listen *l)
{
	if (l == NULL)
		return;
	if (l->daemon != NULL) {
		/* The library ends the program over one that is suspended. */
		l->ending = true;
		if (l->stopped == 0)
			stop(l);
		resume(l);
		MHD_run(l->daemon);
		MHD_stop_daemon(l->daemon);
	}
	if (l->epoll != -1)
		close(l->epoll);
	if (l->signals != -1)
		close(l->signals);
	sigprocmask(SIG_SETMASK, &l->mask, NULL);
	free(l->url);
	free(l);
}
