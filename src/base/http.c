/* http.c - requests; the only file that calls libcurl.  plain.c makes those
 * that need nothing of it. */

#include <arpa/inet.h>
#include <curl/curl.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/base.h"

enum { BODY_MAX = 16 << 20, CALLBACK_BODY = 64 << 10, CALLBACK_SECONDS = 10,
    CONNECT_SECONDS = 15, SILENT_SECONDS = 60, PIECE = 256 << 10 };

/* To link libcurl costs 5 ms at the start of a program, for the thirty
 * libraries that it needs; so whoever makes a request loads it. */
static struct {
	__typeof__(curl_global_init)	*global_init;
	__typeof__(curl_version_info)	*version_info;
	__typeof__(curl_easy_init)	*init;
	__typeof__(curl_easy_cleanup)	*cleanup;
	__typeof__(curl_easy_setopt)	*setopt;
	__typeof__(curl_easy_getinfo)	*getinfo;
	__typeof__(curl_easy_perform)	*perform;
	__typeof__(curl_easy_strerror)	*strerror;
	__typeof__(curl_slist_append)	*slist_append;
	__typeof__(curl_slist_free_all)	*slist_free;
	__typeof__(curl_url)		*url;
	__typeof__(curl_url_cleanup)	*url_cleanup;
	__typeof__(curl_url_set)	*url_set;
	__typeof__(curl_url_get)	*url_get;
	__typeof__(curl_url_strerror)	*url_strerror;
	__typeof__(curl_free)		*free;
	const char			*encodings;
	bool				 loaded;
} curl;

static const struct {
	void		*to;
	const char	*name;
} functions[] = {
	{ &curl.global_init, "curl_global_init" },
	{ &curl.version_info, "curl_version_info" },
	{ &curl.init, "curl_easy_init" },
	{ &curl.cleanup, "curl_easy_cleanup" },
	{ &curl.setopt, "curl_easy_setopt" },
	{ &curl.getinfo, "curl_easy_getinfo" },
	{ &curl.perform, "curl_easy_perform" },
	{ &curl.strerror, "curl_easy_strerror" },
	{ &curl.slist_append, "curl_slist_append" },
	{ &curl.slist_free, "curl_slist_free_all" },
	{ &curl.url, "curl_url" },
	{ &curl.url_cleanup, "curl_url_cleanup" },
	{ &curl.url_set, "curl_url_set" },
	{ &curl.url_get, "curl_url_get" },
	{ &curl.url_strerror, "curl_url_strerror" },
	{ &curl.free, "curl_free" },
};

/* NULL, or why there is no libcurl. */
static const char *
load(void)
{
	static char why[400];
	void *lib, *at;
	size_t i;
	int features;

	if (curl.loaded)
		return NULL;
	if ((lib = dlopen("libcurl.so.4", RTLD_LAZY | RTLD_LOCAL)) == NULL) {
		snprintf(why, sizeof(why), "libcurl is needed and cannot be "
		    "loaded (%s); Debian has it as libcurl4", dlerror());
		return why;
	}
	for (i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
		if ((at = dlsym(lib, functions[i].name)) == NULL) {
			snprintf(why, sizeof(why), "libcurl is too old: it has "
			    "no %s", functions[i].name);
			return why;
		}
		memcpy(functions[i].to, &at, sizeof(at));
	}
	if (curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return "libcurl cannot be used: it does not start";
	features = curl.version_info(CURLVERSION_NOW)->features;
	curl.encodings = features & CURL_VERSION_ZSTD ? "zstd, gzip" :
	    features & CURL_VERSION_LIBZ ? "gzip" : NULL;
	curl.loaded = true;
	return NULL;
}

/* ---- addresses */

static bool
is_loopback(const char *host)
{
	struct in_addr four;
	struct in6_addr six;
	char inner[INET6_ADDRSTRLEN];

	if (strcasecmp(host, "localhost") == 0)
		return true;
	if (*host != '[')
		return inet_pton(AF_INET, host, &four) == 1 &&
		    ntohl(four.s_addr) >> 24 == IN_LOOPBACKNET;
	snprintf(inner, sizeof(inner), "%.*s", (int)strcspn(host + 1, "]"),
	    host + 1);
	return inet_pton(AF_INET6, inner, &six) == 1 &&
	    IN6_IS_ADDR_LOOPBACK(&six);
}

/* A part of an address, for the caller to free with curl.free; NULL if it has
 * none. */
static char *
part(CURLU *u, CURLUPart what)
{
	char *text = NULL;

	return curl.url_get(u, what, &text, 0) == CURLUE_OK ? text : NULL;
}

static bool
has(CURLU *u, CURLUPart what)
{
	char *text = part(u, what);

	curl.free(text);
	return text != NULL;
}

static const char *
parts_fault(CURLU *u, int flags, bool *loopback)
{
	char *scheme = part(u, CURLUPART_SCHEME);
	char *host = part(u, CURLUPART_HOST);
	bool web, plain;

	plain = scheme != NULL && strcasecmp(scheme, "http") == 0;
	web = plain || (scheme != NULL && strcasecmp(scheme, "https") == 0);
	*loopback = host != NULL && is_loopback(host);
	curl.free(scheme);
	curl.free(host);
	if (!web)
		return "it begins with neither https:// nor http://";
	if (has(u, CURLUPART_USER) || has(u, CURLUPART_PASSWORD) ||
	    has(u, CURLUPART_OPTIONS))
		return "it has a user or a password in it; keys are given "
		    "otherwise";
	if (plain && !*loopback && !(flags & HTTP_ALLOW_HTTP))
		return "over http all can be read on the way, the key too: use "
		    "https, or set allow_http in the subscription";
	return NULL;
}

/* Is this plain http, allowed, and to a host that is beyond doubt? */
static bool
is_plain(const char *url, int flags, bool *loopback)
{
	char host[256];

	if (flags & HTTP_CALLBACK || !plain_host(url, host, sizeof(host)))
		return false;
	*loopback = is_loopback(host);
	return *loopback || flags & HTTP_ALLOW_HTTP;
}

static const char *
url_fault(const char *url, int flags, bool *loopback)
{
	const unsigned char *p = (const unsigned char *)url;
	const char *why;
	CURLUcode code;
	CURLU *u;

	for (; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 0x7f || *p == '\\')
			return "it has characters in it that no URL has";
	if (strpbrk(url, "?#") != NULL)
		return "it has a query or a fragment";
	if (is_plain(url, flags, loopback))
		return NULL;
	if ((why = load()) != NULL)
		return why;
	if ((u = curl.url()) == NULL)
		return "out of memory";
	code = curl.url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME);
	why = code != CURLUE_OK ? curl.url_strerror(code) :
	    parts_fault(u, flags, loopback);
	curl.url_cleanup(u);
	return why;
}

const char *
http_url_fault(const char *url, int flags)
{
	bool loopback;

	return url_fault(url, flags, &loopback);
}

/* ---- a client */

struct http {
	struct plain	*plain;		/* makes them, or else */
	CURL		*curl;
	char		*base;		/* the URL without a slash at its end */
	char		*authorization;	/* the header, or NULL */
	int		 flags;
	struct buf	 body;
	char		 type[100], location[1000];
	char		 error[CURL_ERROR_SIZE];
	char		 refused[100];	/* the address we did not connect to */
	/* of the request under way: */
	struct http_request r;
	bool		 stream, stopped, toolong;
};

/* Where nobody listens whom a stranger could name: NULL, or what it is. */
static const char *
four_fault(uint32_t a)
{
	if (a >> 16 == 0xa9fe)
		return "a link-local address";
	if (a >> 28 == 0xe || a == 0xffffffff)
		return "a multicast address";
	return a >> 24 == 0 ? "no address" : NULL;
}

static const char *
address_fault(const struct sockaddr *sa)
{
	const struct in6_addr *six =
	    &((const struct sockaddr_in6 *)sa)->sin6_addr;
	uint32_t last;

	if (sa->sa_family == AF_INET)
		return four_fault(ntohl(((const struct sockaddr_in *)sa)->
		    sin_addr.s_addr));
	if (sa->sa_family != AF_INET6)
		return "no address of the Internet";
	if (IN6_IS_ADDR_LINKLOCAL(six))
		return "a link-local address";
	if (IN6_IS_ADDR_MULTICAST(six))
		return "a multicast address";
	if (IN6_IS_ADDR_LOOPBACK(six))
		return NULL;
	memcpy(&last, six->s6_addr + 12, sizeof(last));
	if (IN6_IS_ADDR_V4MAPPED(six) || IN6_IS_ADDR_V4COMPAT(six) ||
	    IN6_IS_ADDR_UNSPECIFIED(six) ||
	    memcmp(six->s6_addr, "\0\x64\xff\x9b\0\0\0\0\0\0\0", 12) == 0)
		return four_fault(ntohl(last));
	return NULL;
}

/* The address asked for here is the one that is connected to: no name is
 * looked up again in between. */
static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *sa)
{
	const char *fault = address_fault(&sa->addr);
	struct http *h = arg;

	(void)purpose;
	if (fault != NULL) {
		snprintf(h->refused, sizeof(h->refused), "%s", fault);
		return CURL_SOCKET_BAD;
	}
	return socket(sa->family, sa->socktype | SOCK_CLOEXEC, sa->protocol);
}

static bool
is_type(const char *type, const char *wanted)
{
	size_t n = strcspn(type, "; \t");

	return n == strlen(wanted) && strncasecmp(type, wanted, n) == 0;
}

/* The first bytes of a body have come: is it the one that is streamed? */
static bool
streams(struct http *h)
{
	long status = 0;
	char *type = NULL;

	curl.getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
	curl.getinfo(h->curl, CURLINFO_CONTENT_TYPE, &type);
	return h->r.data != NULL && status == 200 && type != NULL &&
	    is_type(type, h->r.accept);
}

static size_t
receive(char *p, size_t size, size_t n, void *arg)
{
	struct http *h = arg;
	int64_t limit = h->r.limit != 0 ? h->r.limit : BODY_MAX;

	(void)size;
	if (h->body.len == 0 && !h->stream)
		h->stream = streams(h);
	if (h->stream) {
		h->stopped = !h->r.data(h->r.arg, p, n);
		return h->stopped ? 0 : n;
	}
	if (h->flags & HTTP_CALLBACK && limit > CALLBACK_BODY)
		limit = CALLBACK_BODY;
	if (h->body.len + n > (size_t)limit) {
		h->toolong = true;
		return 0;
	}
	buf_add(&h->body, p, n);
	return n;
}

static int
progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct http *h = arg;

	(void)a, (void)b, (void)c, (void)d;
	if (h->r.idle != NULL)
		h->r.idle(h->r.arg);
	return 0;
}

/* What holds for all requests; false if this libcurl cannot do it. */
static bool
settle(struct http *h, const struct http_peer *peer, bool loopback)
{
	bool callback = peer->flags & HTTP_CALLBACK;
	const struct {
		CURLoption	option;
		long		value;
	} longs[] = {
		{ CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2 },
		/* The pinned key says who it is, whoever signed it. */
		{ CURLOPT_SSL_VERIFYPEER, peer->pin == NULL },
		{ CURLOPT_SSL_VERIFYHOST, 2 },
		{ CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1 },
		{ CURLOPT_FOLLOWLOCATION, 0 },
		{ CURLOPT_PATH_AS_IS, 1 },
		{ CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS },
		{ CURLOPT_TIMEOUT, callback ? CALLBACK_SECONDS : 0 },
		{ CURLOPT_LOW_SPEED_LIMIT, 1 },
		{ CURLOPT_BUFFERSIZE, PIECE },
		{ CURLOPT_NOPROGRESS, 0 },
	};
	const struct {
		CURLoption	option;
		const void	*value;
	} pointers[] = {
		{ CURLOPT_PROTOCOLS_STR, "http,https" },
		{ CURLOPT_PINNEDPUBLICKEY, peer->pin },
		/* A proxy would look names up itself, and its loopback is not
		 * ours. */
		{ CURLOPT_NOPROXY, callback || loopback ? "*" : NULL },
		{ CURLOPT_ACCEPT_ENCODING, curl.encodings },
		{ CURLOPT_USERAGENT, "es/" ES_VERSION },
		{ CURLOPT_ERRORBUFFER, h->error },
		{ CURLOPT_WRITEDATA, h },
		{ CURLOPT_XFERINFODATA, h },
		{ CURLOPT_OPENSOCKETDATA, h },
	};
	CURLcode bad = CURLE_OK;
	size_t i;

	for (i = 0; i < sizeof(longs) / sizeof(*longs); i++)
		bad |= curl.setopt(h->curl, longs[i].option, longs[i].value);
	for (i = 0; i < sizeof(pointers) / sizeof(*pointers); i++)
		bad |= curl.setopt(h->curl, pointers[i].option,
		    pointers[i].value);
	bad |= curl.setopt(h->curl, CURLOPT_WRITEFUNCTION, receive);
	bad |= curl.setopt(h->curl, CURLOPT_XFERINFOFUNCTION, progress);
	if (callback)
		bad |= curl.setopt(h->curl, CURLOPT_OPENSOCKETFUNCTION,
		    open_socket);
	return bad == CURLE_OK;
}

/* Nothing that would end the header, or the key. */
static bool
is_token(const char *s)
{
	for (; *s != '\0'; s++)
		if (*s <= ' ' || *s >= 0x7f || *s == ':')
			return false;
	return true;
}

static const char *
peer_fault(const struct http_peer *peer, bool *loopback)
{
	if (peer->key != NULL && (peer->secret == NULL ||
	    !is_token(peer->key) || !is_token(peer->secret)))
		return "the key or the secret has characters in it that no key "
		    "has";
	/* Of anything else libcurl would think that it is a file. */
	if (peer->pin != NULL && strncmp(peer->pin, "sha256//", 8) != 0)
		return "a pin is sha256// and the digest of a public key in "
		    "base 64";
	if (peer->pin != NULL && strncasecmp(peer->url, "http:", 5) == 0)
		return "over http there is no key that a pin could be of: use "
		    "https";
	return url_fault(peer->url, peer->flags, loopback);
}

/* Those that libcurl heeds for http, if it is not told of it. */
static bool
has_proxy(void)
{
	static const char *const names[] = { "http_proxy", "all_proxy",
	    "ALL_PROXY" };
	const char *value;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if ((value = getenv(names[i])) != NULL && *value != '\0')
			return true;
	return false;
}

static const char *
open_curl(struct http *h, const struct http_peer *peer, bool loopback)
{
	const char *why = load();

	if (why != NULL)
		return why;
	if (peer->key != NULL)
		h->authorization = xprintf("Authorization: token %s:%s",
		    peer->key, peer->secret);
	if ((h->curl = curl.init()) != NULL && settle(h, peer, loopback))
		return NULL;
	return "this libcurl lacks what is needed: version 7.85, TLS, pins";
}

struct http *
http_open(const struct http_peer *peer, const char **why)
{
	struct http *h;
	bool loopback = false;
	size_t n = strlen(peer->url);

	if ((*why = peer_fault(peer, &loopback)) != NULL)
		return NULL;
	h = xcalloc(1, sizeof(*h));
	h->flags = peer->flags;
	h->base = xstrndup(peer->url, n > 0 && peer->url[n - 1] == '/' ? n - 1 :
	    n);
	if (is_plain(peer->url, peer->flags, &loopback) &&
	    (loopback || !has_proxy()))
		h->plain = plain_open(peer);
	else
		*why = open_curl(h, peer, loopback);
	if (*why == NULL)
		return h;
	http_close(h);
	return NULL;
}

void
http_close(struct http *h)
{
	if (h == NULL)
		return;
	plain_close(h->plain);
	if (h->curl != NULL)
		curl.cleanup(h->curl);
	buf_free(&h->body);
	free(h->authorization);
	free(h->base);
	free(h);
}

/* ---- a request */

static struct curl_slist *
headers(const struct http *h, const struct http_request *r)
{
	struct curl_slist *list;
	char *accept = xprintf("Accept: %s", r->accept);

	list = curl.slist_append(NULL, accept);
	/* Frappe's 417 is no answer to an expectation (spec 1.6). */
	list = curl.slist_append(list, "Expect:");
	if (h->authorization != NULL)
		list = curl.slist_append(list, h->authorization);
	free(accept);
	return list;
}

static void
prepare(struct http *h, const struct http_request *r, const char *url,
    struct curl_slist *list)
{
	const char *usual = r->form != NULL ? "POST" : "GET";

	curl.setopt(h->curl, CURLOPT_URL, url);
	curl.setopt(h->curl, CURLOPT_HTTPHEADER, list);
	if (r->form != NULL)
		curl.setopt(h->curl, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)strlen(r->form));
	curl.setopt(h->curl, CURLOPT_POSTFIELDS, r->form);
	if (r->form == NULL)
		curl.setopt(h->curl, CURLOPT_HTTPGET, 1L);
	curl.setopt(h->curl, CURLOPT_CUSTOMREQUEST,
	    strcmp(r->method, usual) == 0 ? NULL : r->method);
	curl.setopt(h->curl, CURLOPT_LOW_SPEED_TIME,
	    (long)(r->timeout != 0 ? r->timeout : SILENT_SECONDS));
}

/* Why no answer came, or not to its end. */
static void
explain(struct http *h, CURLcode code, struct http_answer *a)
{
	const size_t size = sizeof(a->why);
	char *why = a->why;
	const char *said = *h->error != '\0' ? h->error : curl.strerror(code);
	long error = 0;

	curl.getinfo(h->curl, CURLINFO_OS_ERRNO, &error);
	switch (code) {
	case CURLE_COULDNT_CONNECT:
		if (*h->refused != '\0')
			snprintf(why, size, "not connected: its name leads to "
			    "%s", h->refused);
		else
			snprintf(why, size, "could not connect: %s",
			    error != 0 ? strerror(error) : said);
		break;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
		snprintf(why, size, "could not connect: %s", said);
		break;
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
		snprintf(why, size, "could not connect: its public key is not "
		    "the one that is pinned");
		break;
	case CURLE_OPERATION_TIMEDOUT:
		snprintf(why, size, a->status == 0 ? "it does not answer" :
		    "it fell silent in the middle of its answer");
		break;
	case CURLE_GOT_NOTHING:
		snprintf(why, size, "it hung up without an answer");
		break;
	case CURLE_PARTIAL_FILE:
		snprintf(why, size, "the answer was cut");
		break;
	case CURLE_BAD_CONTENT_ENCODING:
		snprintf(why, size, "the answer cannot be unpacked");
		break;
	default:
		snprintf(why, size, "no answer: %s", said);
	}
}

static void
collect(struct http *h, struct http_answer *a)
{
	curl_off_t after = 0;
	long status = 0;
	char *text = NULL;

	curl.getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
	curl.getinfo(h->curl, CURLINFO_RETRY_AFTER, &after);
	a->status = status;
	a->retry_after = after > 0 ? after : -1;
	*h->type = *h->location = '\0';
	curl.getinfo(h->curl, CURLINFO_CONTENT_TYPE, &text);
	if (text != NULL)
		snprintf(h->type, sizeof(h->type), "%.*s",
		    (int)strcspn(text, "; \t"), text);
	text = NULL;
	curl.getinfo(h->curl, CURLINFO_REDIRECT_URL, &text);
	if (text != NULL)
		snprintf(h->location, sizeof(h->location), "%s", text);
	a->type = h->type;
	a->location = h->location;
	buf_add(&h->body, "", 0);
	a->body = h->body.p;
	a->len = h->body.len;
}

/* A redirect may be relative to what was asked for: for that a request over
 * plain http loads libcurl after all. */
static void
resolve(struct http *h, const char *path, struct http_answer *a)
{
	char *url = xprintf("%s%s", h->base, path), *text = NULL;
	CURLU *u = load() == NULL ? curl.url() : NULL;

	if (u != NULL && curl.url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl.url_set(u, CURLUPART_URL, a->location,
	    CURLU_NON_SUPPORT_SCHEME | CURLU_ALLOW_SPACE) == CURLUE_OK &&
	    (text = part(u, CURLUPART_URL)) != NULL) {
		snprintf(h->location, sizeof(h->location), "%s", text);
		a->location = h->location;
		curl.free(text);
	}
	if (u != NULL)
		curl.url_cleanup(u);
	free(url);
}

static bool
do_plain(struct http *h, struct http_answer *a)
{
	bool whole = plain_do(h->plain, &h->r, a);

	if (*a->location != '\0')
		resolve(h, h->r.path, a);
	return whole;
}

bool
http_do(struct http *h, const struct http_request *request,
    struct http_answer *a)
{
	struct http_request *r = &h->r;
	struct curl_slist *list;
	CURLcode code;
	char *url;

	*r = *request;
	if (r->accept == NULL)
		r->accept = "application/json";
	*a = (struct http_answer){ 0 };
	if (h->plain != NULL)
		return do_plain(h, a);
	h->stream = h->stopped = h->toolong = false;
	h->body.len = 0;
	*h->error = *h->refused = '\0';
	url = xprintf("%s%s", h->base, r->path);
	list = headers(h, r);
	prepare(h, r, url, list);
	code = curl.perform(h->curl);
	collect(h, a);
	curl.slist_free(list);
	free(url);
	if (code == CURLE_OK)
		return true;
	a->cut = a->status != 0 && !h->stopped;
	if (h->toolong)
		snprintf(a->why, sizeof(a->why), "the answer is too long");
	else if (!h->stopped)
		explain(h, code, a);
	return false;
}

void
url_encode(struct buf *b, const char *s)
{
	for (; *s != '\0'; s++)
		if ((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') ||
		    (*s >= '0' && *s <= '9') || strchr("-._~", *s) != NULL)
			buf_add(b, s, 1);
		else
			buf_printf(b, "%%%02X", (unsigned char)*s);
}

void
form_add(struct buf *b, const char *key, const char *value)
{
	if (value == NULL)
		return;
	if (b->len > 0)
		buf_puts(b, "&");
	url_encode(b, key);
	buf_puts(b, "=");
	url_encode(b, value);
}
