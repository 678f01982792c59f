/* plain.c - requests over plain http; the only file that calls http_parser
 *
 * For libcurl takes longer to load than all else a program does, and of what it
 * has, TLS above all, nothing is needed here: a socket, a library that knows
 * what an answer is, and zstd. */

#include <sys/socket.h>

#include <arpa/inet.h>
#include <errno.h>
#include <http_parser.h>
#include <locale.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

#include "base/base.h"

/* INTERIM_MAX is how many answers of 1xx may come before the one that counts;
 * of the headers of each http_parser takes 80 KB.  WINDOW_LOG as RFC 9659 has
 * it. */
enum { BODY_MAX = 16 << 20, CONNECT_MS = 15000, INTERIM_MAX = 30,
    PIECE = 256 << 10, SILENT_SECONDS = 60, TICK_MS = 500, WINDOW_LOG = 23 };

enum end {
	NONE, WHOLE, ENOUGH, UNKNOWN, UNREACHED, SILENT, CUT, ALIEN, MALFORMED,
	TOO_LONG, NOT_UNPACKED
};

struct plain {
	char		*host;		/* without brackets */
	char		*port;
	char		*prefix;	/* of paths */
	char		*at;		/* as the header Host has it */
	char		*authorization;	/* the header, or "" */
	int		 fd;		/* -1: not connected */
	http_parser	 parser;
	ZSTD_DStream	*zstd;
	char		*in, *unpacked;	/* a piece each */
	struct buf	 out;		/* the request */
	struct buf	 name, value;	/* of the header that is coming */
	struct buf	 body;
	char		 type[100], location[1000];
	/* of the request under way: */
	const struct http_request *r;
	struct http_answer *a;
	int64_t		 ticked;
	size_t		 sent;
	size_t		 unfinished;	/* not 0: within a frame of zstd */
	int		 codings, transfer_codings, interim;
	int		 error;		/* why there is no connection */
	const char	*said;		/* what is wrong with the answer */
	bool		 came;		/* a byte at least */
	bool		 deaf;		/* it hears no more */
	bool		 valued;	/* of a header the value has begun */
	bool		 headed;	/* its headers are over */
	bool		 stream, packed, unpacking, keep;
	enum end	 end;
};

/* ---- addresses */

/* Without the brackets of IPv6. */
static bool
is_host(const char *host)
{
	struct in6_addr six;

	if (strchr(host, ':') != NULL)
		return inet_pton(AF_INET6, host, &six) == 1;
	return *host != '\0' && host[strspn(host, "0123456789-."
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")] == '\0';
}

static char *
part(const struct http_parser_url *u, const char *url, int field)
{
	return xstrndup(url + u->field_data[field].off,
	    u->field_data[field].len);
}

static char *
bracketed(const char *host)
{
	return strchr(host, ':') != NULL ? xprintf("[%s]", host) :
	    xstrdup(host);
}

bool
plain_host(const char *url, char *host, size_t size)
{
	const unsigned allowed = 1U << UF_SCHEMA | 1U << UF_HOST |
	    1U << UF_PORT | 1U << UF_PATH;
	struct http_parser_url u;
	char *name, *bare;
	bool good;

	http_parser_url_init(&u);
	if (strncasecmp(url, "http://", 7) != 0 ||
	    http_parser_parse_url(url, strlen(url), 0, &u) != 0 ||
	    (u.field_set & ~allowed) != 0 ||
	    (u.field_set & 1U << UF_PORT && u.port == 0))
		return false;
	bare = part(&u, url, UF_HOST);
	name = bracketed(bare);
	good = is_host(bare) && strlen(name) < size;
	if (good)
		snprintf(host, size, "%s", name);
	free(bare);
	free(name);
	return good;
}

static void
take_url(struct plain *p, const char *url)
{
	struct http_parser_url u;
	char *host;
	size_t n;
	int port;

	http_parser_url_init(&u);
	http_parser_parse_url(url, strlen(url), 0, &u);
	p->host = part(&u, url, UF_HOST);
	p->prefix = part(&u, url, UF_PATH);
	n = strlen(p->prefix);
	if (n > 0 && p->prefix[n - 1] == '/')
		p->prefix[n - 1] = '\0';
	port = u.field_set & 1U << UF_PORT ? u.port : 80;
	p->port = xprintf("%d", port);
	host = bracketed(p->host);
	p->at = xprintf("%s%s%s", host, port == 80 ? "" : ":",
	    port == 80 ? "" : p->port);
	free(host);
}

/* ---- a client */

struct plain *
plain_open(const struct http_peer *peer)
{
	struct plain *p = xcalloc(1, sizeof(*p));

	p->fd = -1;
	take_url(p, peer->url);
	p->authorization = peer->key == NULL ? xstrdup("") :
	    xprintf("Authorization: token %s:%s\r\n", peer->key, peer->secret);
	p->in = xmalloc(PIECE);
	return p;
}

static void
hang_up(struct plain *p)
{
	if (p->fd != -1)
		close(p->fd);
	p->fd = -1;
}

void
plain_close(struct plain *p)
{
	if (p == NULL)
		return;
	hang_up(p);
	ZSTD_freeDStream(p->zstd);
	buf_free(&p->out);
	buf_free(&p->name);
	buf_free(&p->value);
	buf_free(&p->body);
	free(p->in);
	free(p->unpacked);
	free(p->host);
	free(p->port);
	free(p->prefix);
	free(p->at);
	free(p->authorization);
	free(p);
}

/* ---- what comes.  These return what http_parser goes by: not 0 ends it. */

static int
give_up(struct plain *p, enum end end)
{
	if (p->end == NONE)
		p->end = end;
	return -1;
}

static int
malformed(struct plain *p, const char *said)
{
	p->said = said;
	return give_up(p, MALFORMED);
}

/* Seconds, or a date. */
static int64_t
retry_after(const char *text)
{
	locale_t english = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	struct tm tm = { 0 };
	const char *end = NULL;
	int64_t n = -1;

	if (*text >= '0' && *text <= '9')
		n = strtoll(text, NULL, 10);
	else if (english != (locale_t)0)
		end = strptime_l(text, "%a, %d %b %Y %H:%M:%S GMT", &tm,
		    english);
	if (end != NULL && *end == '\0')
		n = timegm(&tm) - time(NULL);
	if (english != (locale_t)0)
		freelocale(english);
	return n > 0 ? n : -1;
}

static int
message_begin(http_parser *parser)
{
	struct plain *p = parser->data;

	*p->type = *p->location = '\0';
	p->a->retry_after = -1;
	p->codings = p->transfer_codings = 0;
	p->headed = p->packed = false;
	return 0;
}

/* What the first line says; of 1xx there comes another. */
static int
status(http_parser *parser, const char *at, size_t n)
{
	struct plain *p = parser->data;

	(void)at, (void)n;
	if (parser->status_code / 100 != 1)
		p->a->status = parser->status_code;
	return 0;
}

static int
header(struct plain *p, const char *name, const char *value)
{
	if (strcasecmp(name, "Content-Type") == 0) {
		snprintf(p->type, sizeof(p->type), "%.*s",
		    (int)strcspn(value, "; \t"), value);
	} else if (strcasecmp(name, "Content-Encoding") == 0) {
		p->codings += strcasecmp(value, "identity") != 0;
		p->packed = strcasecmp(value, "zstd") == 0;
	} else if (strcasecmp(name, "Location") == 0) {
		snprintf(p->location, sizeof(p->location), "%s", value);
	} else if (strcasecmp(name, "Retry-After") == 0) {
		p->a->retry_after = retry_after(value);
	} else if (strcasecmp(name, "Transfer-Encoding") == 0 &&
	    (p->transfer_codings++ > 0 || strcasecmp(value, "chunked") != 0)) {
		return malformed(p, "its transfer encoding is not chunked");
	}
	return 0;
}

/* A header has come whole; or a trailer, of which we want none. */
static int
header_end(struct plain *p)
{
	struct buf *v = &p->value;
	int end = 0;

	while (v->len > 0 && strchr(" \t", v->p[v->len - 1]) != NULL)
		v->p[--v->len] = '\0';
	if (!p->headed && p->name.len > 0)
		end = header(p, p->name.p, v->p);
	p->name.len = v->len = 0;
	p->valued = false;
	return end;
}

static int
header_field(http_parser *parser, const char *at, size_t n)
{
	struct plain *p = parser->data;

	if (p->valued && header_end(p) != 0)
		return -1;
	buf_add(&p->name, at, n);
	return 0;
}

static int
header_value(http_parser *parser, const char *at, size_t n)
{
	struct plain *p = parser->data;

	p->valued = true;
	buf_add(&p->value, at, n);
	return 0;
}

/* 1: there is no body, whatever the headers say. */
static int
headers_complete(http_parser *parser)
{
	struct plain *p = parser->data;
	int code = parser->status_code;

	if (header_end(p) != 0)
		return -1;
	p->headed = true;
	if (code < 100)
		return malformed(p, "its status is none");
	if (code == 101)
		return malformed(p, "it goes over to another protocol");
	if (code / 100 == 1 && ++p->interim > INTERIM_MAX)
		return malformed(p, "it does not come to its answer");
	p->stream = p->r->data != NULL && code == 200 &&
	    strcasecmp(p->type, p->r->accept) == 0;
	return code / 100 == 1 || code == 204 || code == 304;
}

static int
hand_over(struct plain *p, const char *s, size_t n)
{
	size_t limit = p->r->limit != 0 ? (size_t)p->r->limit : BODY_MAX;

	if (p->stream)
		return p->r->data(p->r->arg, s, n) ? 0 : give_up(p, ENOUGH);
	if (n > limit - p->body.len)
		return give_up(p, TOO_LONG);
	buf_add(&p->body, s, n);
	return 0;
}

static bool
ready_to_unpack(struct plain *p)
{
	if (p->unpacking)
		return true;
	if (p->unpacked == NULL)
		p->unpacked = xmalloc(PIECE);
	if (p->zstd == NULL)
		p->zstd = ZSTD_createDStream();
	p->unpacking = p->zstd != NULL &&
	    !ZSTD_isError(ZSTD_DCtx_reset(p->zstd, ZSTD_reset_session_only)) &&
	    !ZSTD_isError(ZSTD_DCtx_setParameter(p->zstd,
	    ZSTD_d_windowLogMax, WINDOW_LOG));
	return p->unpacking;
}

static int
unpack(struct plain *p, const char *s, size_t n)
{
	ZSTD_inBuffer in = { s, n, 0 };
	ZSTD_outBuffer out;

	do {
		out = (ZSTD_outBuffer){ p->unpacked, PIECE, 0 };
		p->unfinished = ZSTD_decompressStream(p->zstd, &out, &in);
		if (ZSTD_isError(p->unfinished))
			return give_up(p, NOT_UNPACKED);
		if (out.pos > 0 && hand_over(p, p->unpacked, out.pos) != 0)
			return -1;
	} while (in.pos < in.size ||
	    (out.pos == out.size && p->unfinished != 0));
	return 0;
}

static int
body(http_parser *parser, const char *at, size_t n)
{
	struct plain *p = parser->data;

	if (p->codings == 0)
		return hand_over(p, at, n);
	if (p->codings > 1 || !p->packed || !ready_to_unpack(p))
		return give_up(p, NOT_UNPACKED);
	return unpack(p, at, n);
}

static int
message_complete(http_parser *parser)
{
	struct plain *p = parser->data;

	if (parser->status_code / 100 == 1)
		return 0;
	p->keep = http_should_keep_alive(parser);
	give_up(p, p->unfinished == 0 ? WHOLE : CUT);
	http_parser_pause(parser, 1);
	return 0;
}

/* So many bytes of an answer; 0: they are over. */
static void
parse(struct plain *p, size_t n)
{
	static const http_parser_settings settings = {
		.on_message_begin = message_begin, .on_status = status,
		.on_header_field = header_field,
		.on_header_value = header_value,
		.on_headers_complete = headers_complete, .on_body = body,
		.on_message_complete = message_complete };
	size_t parsed = http_parser_execute(&p->parser, &settings, p->in, n);
	enum http_errno error = HTTP_PARSER_ERRNO(&p->parser);

	if (parsed < n)
		p->keep = false;
	if (p->end != NONE)
		return;
	if (n == 0)
		give_up(p, CUT);
	else if (error == HPE_INVALID_CONSTANT && p->a->status == 0)
		give_up(p, ALIEN);
	else if (error == HPE_HEADER_OVERFLOW)
		give_up(p, TOO_LONG);
	else if (error != HPE_OK)
		malformed(p, http_errno_description(error));
}

/* ---- a connection */

/* What can be done of reading and writing; 0: nothing for too long. */
static short
wait_for(struct plain *p, short events, int64_t until)
{
	struct pollfd pollfd = { .fd = p->fd, .events = events };
	int64_t now, ms;
	int n;

	for (;;) {
		now = time_steady();
		if (now - p->ticked >= TICK_MS) {
			if (p->r->idle != NULL)
				p->r->idle(p->r->arg);
			p->ticked = now;
		}
		ms = p->ticked + TICK_MS - now;
		if (ms > until - now)
			ms = until > now ? until - now : 0;
		n = poll(&pollfd, 1, ms);
		if (n > 0)
			return pollfd.revents;
		if (n == 0 && time_steady() >= until)
			return 0;
	}
}

/* 0, or what went wrong. */
static int
connect_to(struct plain *p, const struct addrinfo *ai, int64_t until)
{
	int on = 1, error = 0;
	socklen_t n = sizeof(error);

	hang_up(p);
	p->fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, ai->ai_protocol);
	if (p->fd == -1)
		return errno;
	setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(p->fd, ai->ai_addr, ai->ai_addrlen) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return errno;
	if (wait_for(p, POLLOUT, until) == 0)
		return ETIMEDOUT;
	return getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &n) == -1 ?
	    errno : error;
}

/* One address after the other, and time for each of them. */
static void
try_all(struct plain *p, const struct addrinfo *all)
{
	int64_t now, until = time_steady() + CONNECT_MS;
	const struct addrinfo *ai;
	int left = 0;

	for (ai = all; ai != NULL; ai = ai->ai_next)
		left++;
	p->error = EHOSTUNREACH;
	for (ai = all; ai != NULL && p->error != 0; ai = ai->ai_next) {
		now = time_steady();
		p->error = connect_to(p, ai, now + (until - now) / left--);
	}
	if (p->error != 0)
		give_up(p, p->error == ETIMEDOUT ? SILENT : UNREACHED);
}

static void
reach(struct plain *p)
{
	const struct addrinfo hints = { .ai_family = AF_UNSPEC,
	    .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	bool local = strcasecmp(p->host, "localhost") == 0;
	struct addrinfo *all;

	if (getaddrinfo(local ? NULL : p->host, p->port, &hints, &all) != 0) {
		give_up(p, UNKNOWN);
		return;
	}
	try_all(p, all);
	freeaddrinfo(all);
}

/* Nobody has hung up meanwhile, or sent what was not asked for. */
static bool
is_alive(const struct plain *p)
{
	char c;

	return p->fd != -1 &&
	    recv(p->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) == -1 &&
	    (errno == EAGAIN || errno == EWOULDBLOCK);
}

/* ---- a request */

/* Who hears no more may have answered already. */
static void
send_some(struct plain *p)
{
	ssize_t n = send(p->fd, p->out.p + p->sent, p->out.len - p->sent,
	    MSG_NOSIGNAL);

	if (n >= 0)
		p->sent += n;
	else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
		p->deaf = true;
}

static void
receive_some(struct plain *p)
{
	ssize_t n = recv(p->fd, p->in, PIECE, 0);

	if (n >= 0) {
		p->came |= n > 0;
		parse(p, n);
	} else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
		give_up(p, CUT);
	}
}

/* How long nothing comes is counted anew from each byte that goes or comes. */
static void
attempt(struct plain *p)
{
	int64_t silent = 1000 * (p->r->timeout != 0 ? p->r->timeout :
	    SILENT_SECONDS);
	short can;

	http_parser_init(&p->parser, HTTP_RESPONSE);
	p->parser.data = p;
	p->sent = p->unfinished = 0;
	p->interim = 0;
	p->came = p->deaf = p->valued = p->unpacking = p->keep = false;
	p->name.len = p->value.len = 0;
	while (p->end == NONE) {
		can = wait_for(p, p->sent == p->out.len || p->deaf ? POLLIN :
		    POLLIN | POLLOUT, time_steady() + silent);
		if (can == 0)
			give_up(p, SILENT);
		else if (can & POLLOUT)
			send_some(p);
		else
			receive_some(p);
	}
	if (!p->keep || p->sent < p->out.len)
		hang_up(p);
}

static bool
is_word(const char *s, char least)
{
	for (; *s != '\0'; s++)
		if (*s < least || *s == 0x7f)
			return false;
	return true;
}

static void
compose(struct plain *p)
{
	const struct http_request *r = p->r;
	struct buf *b = &p->out;

	b->len = 0;
	if (!is_word(r->path, '!') || !is_word(r->accept, ' '))
		malformed(p, "the request has characters in it that none has");
	buf_printf(b, "%s %s%s HTTP/1.1\r\nHost: %s\r\n%s", r->method,
	    p->prefix, r->path, p->at, p->authorization);
	buf_printf(b, "User-Agent: es/%s\r\nAccept-Encoding: zstd\r\n"
	    "Accept: %s\r\n", ES_VERSION, r->accept);
	if (r->form != NULL)
		buf_printf(b, "Content-Type: application/x-www-form-urlencoded"
		    "\r\nContent-Length: %zu\r\n", strlen(r->form));
	buf_puts(b, "\r\n");
	if (r->form != NULL)
		buf_puts(b, r->form);
}

static void
explain(const struct plain *p, char *why, size_t size)
{
	static const char *const texts[] = {
		[ALIEN] = "no answer: Received HTTP/0.9 when not allowed",
		[TOO_LONG] = "the answer is too long",
		[NOT_UNPACKED] = "the answer cannot be unpacked",
	};

	if (p->end == UNKNOWN)
		snprintf(why, size, "could not connect: Could not resolve "
		    "host: %s", p->host);
	else if (p->end == UNREACHED)
		snprintf(why, size, "could not connect: %s",
		    strerror(p->error));
	else if (p->end == MALFORMED)
		snprintf(why, size, "no answer: %s", p->said);
	else if (p->end == SILENT)
		snprintf(why, size, p->a->status == 0 ? "it does not answer" :
		    "it fell silent in the middle of its answer");
	else if (p->end == CUT)
		snprintf(why, size, p->came ? "the answer was cut" :
		    "it hung up without an answer");
	else if (p->end != ENOUGH)
		snprintf(why, size, "%s", texts[p->end]);
}

static bool
request(struct plain *p)
{
	bool kept = is_alive(p);

	if (p->end == NONE && kept)
		attempt(p);
	/* Who hung up just as we asked has not heard it. */
	if (kept && p->end == CUT && !p->came) {
		p->end = NONE;
		kept = false;
	}
	if (p->end == NONE && !kept) {
		reach(p);
		attempt(p);
	}
	return p->end == WHOLE;
}

bool
plain_do(struct plain *p, const struct http_request *r, struct http_answer *a)
{
	bool whole;

	p->r = r;
	p->a = a;
	p->end = NONE;
	p->ticked = time_steady();
	p->body.len = 0;
	*p->type = *p->location = '\0';
	a->retry_after = -1;
	compose(p);
	whole = request(p);
	buf_add(&p->body, "", 0);
	a->type = p->type;
	a->location = a->status >= 300 && a->status < 400 ? p->location : "";
	a->body = p->body.p;
	a->len = p->body.len;
	if (!whole) {
		a->cut = a->status != 0 && p->end != ENOUGH;
		explain(p, a->why, sizeof(a->why));
	}
	return whole;
}
