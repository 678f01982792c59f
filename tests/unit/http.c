/* http - tests of src/base/http.c: addresses, forms, and answers of all kinds
 * from a server that says what it is told to */

#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base.h"

static int failed, count;

static void
ok(bool good, const char *what)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++count, what);
	failed += !good;
}

/* ---- addresses */

static const struct {
	const char	*url;
	int		 flags;
	bool		 good;
} urls[] = {
	{ "https://hq.example", 0, true },
	{ "https://hq.example:8443/erp", 0, true },
	{ "https://[2001:db8::1]/", 0, true },
	{ "http://127.0.0.1:8000", 0, true },
	{ "http://127.9.9.9", 0, true },
	{ "http://localhost:8000", 0, true },
	{ "http://LocalHost", 0, true },
	{ "http://[::1]:8000", 0, true },
	{ "http://hq.example", 0, false },
	{ "http://hq.example", HTTP_ALLOW_HTTP, true },
	{ "http://127.0.0.1.hq.example", 0, false },
	{ "http://localhost.hq.example", 0, false },
	{ "http://[::2]", 0, false },
	{ "http://10.0.0.1", 0, false },
	{ "HTTPS://hq.example", 0, true },
	{ "hq.example", 0, false },
	{ "hq", 0, false },
	{ "", 0, false },
	{ "https://", 0, false },
	{ "ftp://hq.example", HTTP_ALLOW_HTTP, false },
	{ "file:///etc/passwd", HTTP_ALLOW_HTTP, false },
	{ "https://key:secret@hq.example", 0, false },
	{ "https://key@hq.example", 0, false },
	{ "https://@hq.example", 0, false },
	{ "https://hq.example?x=1", 0, false },
	{ "https://hq.example?", 0, false },
	{ "https://hq.example/#x", 0, false },
	{ "https://hq.example/a b", 0, false },
	{ "https://hq.example/\r\nX: y", 0, false },
	{ "https://hq.example\\@evil.example", 0, false },
	{ "https://h\xc3\xb6q.example", 0, false },
	{ "https://hq.example:99999", 0, false },
	{ "https://hq.example:x", 0, false },
};

static void
test_urls(void)
{
	char what[200];
	size_t i;

	for (i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		snprintf(what, sizeof(what), "%s: %s", urls[i].good ? "good" :
		    "not good", safe(urls[i].url));
		ok((http_url_fault(urls[i].url, urls[i].flags) == NULL) ==
		    urls[i].good, what);
	}
}

/* Of a stranger's addresses these are not connected to. */
static const char *const nowhere[] = {
	"http://169.254.169.254", "http://[fe80::1]", "http://224.0.0.251",
	"http://255.255.255.255", "http://0.0.0.0", "http://0", "http://[::]",
	"http://[ff02::1]", "http://[::ffff:169.254.169.254]",
	"http://[::ffff:0.0.0.0]", "http://[64:ff9b::169.254.169.254]",
	"http://2852039166",		/* 169.254.169.254 */
};

static void
test_callbacks(void)
{
	struct http_request r = { .method = "GET", .path = "/" };
	struct http_peer peer = { .flags = HTTP_CALLBACK | HTTP_ALLOW_HTTP };
	struct http_answer a;
	const char *why;
	struct http *h;
	size_t i;

	for (i = 0; i < sizeof(nowhere) / sizeof(*nowhere); i++) {
		peer.url = nowhere[i];
		h = http_open(&peer, &why);
		ok(h != NULL && !http_do(h, &r, &a) && a.status == 0 &&
		    strstr(a.why, "its name leads to") != NULL, nowhere[i]);
		http_close(h);
	}
}

static void
test_peers(void)
{
	static const struct http_peer bad[] = {
		{ .url = "https://h", .key = "a\r\nX: y", .secret = "s" },
		{ .url = "https://h", .key = "k", .secret = "a b" },
		{ .url = "https://h", .key = "k:l", .secret = "s" },
		{ .url = "https://h", .key = "k" },
		{ .url = "https://h", .pin = "/etc/passwd" },
		{ .url = "http://127.0.0.1", .pin = "sha256//x" },
		{ .url = "http://h" },
	};
	const char *why;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ok(http_open(&bad[i], &why) == NULL && why != NULL,
		    "a peer that is refused");
}

static void
test_forms(void)
{
	struct buf b = { 0 };

	form_add(&b, "a", "x y&z=1");
	form_add(&b, "b", NULL);
	form_add(&b, "c", "");
	form_add(&b, "d", "\xc3\xbc-._~/%+");
	ok(strcmp(b.p, "a=x%20y%26z%3D1&c=&d=%C3%BC-._~%2F%25%2B") == 0,
	    "a form");
	buf_free(&b);
}

/* ---- answers */

struct server {
	int	 fd;
	pid_t	 pid;
	char	 url[40];
};

/* Reads a request to its end: headers, and as much as they promise. */
static void
read_request(int fd, char *request, size_t size)
{
	size_t n = 0, want = 0;
	char *body, *length;
	ssize_t r;

	for (;;) {
		r = read(fd, request + n, size - 1 - n);
		if (r <= 0)
			break;
		request[n += r] = '\0';
		if ((body = strstr(request, "\r\n\r\n")) == NULL)
			continue;
		if ((length = strstr(request, "Content-Length: ")) != NULL)
			want = atoi(length + 16);
		if (n >= body + 4 - request + want)
			return;
	}
	request[n] = '\0';
}

/* What becomes of a connection: each answer is its last; any number; one
 * answer, and the peer hangs up first; the second request gets none. */
enum manner { CLOSE, STAY, HOLD, LATE };

static int
listener(struct server *s, bool six)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6,
	    .sin6_addr = in6addr_loopback };
	struct sockaddr_in sin = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr *sa = six ? (struct sockaddr *)&sin6 :
	    (struct sockaddr *)&sin;
	socklen_t n = six ? sizeof(sin6) : sizeof(sin);

	s->fd = socket(sa->sa_family, SOCK_STREAM, 0);
	if (s->fd == -1 || bind(s->fd, sa, n) == -1 || listen(s->fd, 10) == -1)
		return -1;
	getsockname(s->fd, sa, &n);
	snprintf(s->url, sizeof(s->url), six ? "http://[::1]:%d" :
	    "http://127.0.0.1:%d", ntohs(six ? sin6.sin6_port : sin.sin_port));
	return 0;
}

/* NULL: the request itself, and which connection this is. */
static void
give(int c, int connections, const char *request, const char *answer,
    size_t len)
{
	ssize_t n;

	if (answer == NULL)
		n = dprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
		    "Content-Length: %zu\r\n\r\n%sconnection %d",
		    strlen(request) + 12, request, connections);
	else
		n = write(c, answer, len);
	(void)n;
}

static void
attend(int c, int connections, enum manner manner, const char *answer,
    size_t len)
{
	static char request[10000];
	int i;

	for (i = 0; i == 0 || manner == STAY || manner == LATE; i++) {
		read_request(c, request, sizeof(request));
		if (*request == '\0' || (manner == LATE && i > 0))
			break;
		give(c, connections, request, answer, len);
	}
	while (manner == HOLD && read(c, request, sizeof(request)) > 0)
		;
	close(c);
}

/* A process that gives this answer to each request; less than ten connections.
 * False: there is no IPv6 here. */
static bool
serve_at(struct server *s, bool six, enum manner manner, const char *answer,
    size_t len)
{
	int c, n;

	if (listener(s, six) == -1) {
		close(s->fd);
		return false;
	}
	fflush(stdout);
	if ((s->pid = fork()) != 0)
		return true;
	signal(SIGPIPE, SIG_IGN);
	for (n = 1; (c = accept(s->fd, NULL, NULL)) != -1; n++)
		attend(c, n, manner, answer, len);
	_exit(0);
}

static void
serve(struct server *s, enum manner manner, const char *answer, size_t len)
{
	if (!serve_at(s, false, manner, answer, len))
		abort();
}

static void
stop(struct server *s)
{
	kill(s->pid, SIGTERM);
	waitpid(s->pid, NULL, 0);
	close(s->fd);
}

/* Plain http is spoken without libcurl, but with whom a stranger named. */
static const struct {
	const char	*name;
	int		 flags;
} clients[] = { { "plain", 0 }, { "libcurl", HTTP_CALLBACK } };

static struct http *
client(struct server *s, int flags)
{
	struct http_peer peer = { .url = s->url, .flags = flags };
	const char *why;
	struct http *h = http_open(&peer, &why);

	if (h == NULL)
		abort();
	return h;
}

#define HEAD(type) "HTTP/1.1 200 OK\r\nContent-Type: " type "\r\n"
#define JSON HEAD("application/json")
#define PACKED JSON "Content-Encoding: zstd\r\n"
#define CHUNKED JSON "Transfer-Encoding: chunked\r\n\r\n"
#define ZSTD "\x28\xb5\x2f\xfd\x04\x48\x31\x00\x00" "hello\n" "\x53\x88\xbd\x91"
/* What wants sixteen megabytes to look back into. */
#define WIDE "\x28\xb5\x2f\xfd\x00\x70\x01\x00\x00"
#define TEXT(text) .answer = text, .len = sizeof(text) - 1

static const struct {
	const char	*what, *answer;
	size_t		 len;
	int		 status;
	bool		 whole, cut;
	bool		 hold;		/* the server does not hang up */
	bool		 plain;		/* libcurl does not go so far */
	const char	*body;		/* what came of it, or NULL */
	const char	*why;		/* or NULL */
} answers[] = {
	{ "an answer", TEXT(HEAD("application/json; charset=utf-8")
	    "Content-Length: 2\r\n\r\n{}"), 200, true, .body = "{}" },
	{ "in chunks", TEXT(CHUNKED "1\r\n{\r\n1;x=y\r\n}\r\n0\r\n\r\n"), 200,
	    true, .body = "{}" },
	{ "and trailers", TEXT(CHUNKED "2\r\n{}\r\n0\r\nRetry-After: 7\r\n"
	    "Content-Encoding: zstd\r\n\r\n"), 200, true, .body = "{}" },
	{ "to where it hangs up", TEXT("HTTP/1.0 200 OK\r\n\r\n{}"), 200, true,
	    .body = "{}" },
	{ "nobody hangs up", TEXT(JSON "Content-Length: 2\r\n\r\n{}"), 200,
	    true, .body = "{}", .hold = true },
	{ "more than there is", TEXT(JSON "Content-Length: 2\r\n\r\n{}x"), 200,
	    true, .body = "{}" },
	{ "an error", TEXT("HTTP/1.1 417 No\r\nContent-Length: 2\r\n\r\nno"),
	    417, true, .body = "no" },
	{ "nothing said", TEXT("HTTP/1.1 403\r\nContent-Length:0\r\n\r\n"), 403,
	    true, .body = "" },
	{ "to come again", TEXT("HTTP/1.1 429 No\r\nRetry-After: 7\r\n"
	    "Content-Length: 0\r\n\r\n"), 429, true, .body = "" },
	{ "elsewhere", TEXT("HTTP/1.1 302 No\r\n"
	    "Location: http://127.0.0.1:1/x\r\nContent-Length: 0\r\n\r\n"), 302,
	    true, .body = "" },
	{ "without a body", TEXT("HTTP/1.1 204 No\r\n\r\n"), 204, true,
	    .body = "", .hold = true },
	{ "with the length of one it has not", TEXT("HTTP/1.1 304 No\r\n"
	    "Content-Length: 9\r\n\r\n"), 304, true, .body = "", .hold = true },
	{ "others before it", TEXT("HTTP/1.1 100 Continue\r\n\r\n"
	    "HTTP/1.1 103 Early\r\nContent-Type: x/y\r\n\r\n"
	    JSON "Content-Length: 2\r\n\r\n{}"), 200, true, .body = "{}" },
	{ "nothing after it", TEXT("HTTP/1.1 100 Continue\r\n\r\n"),
	    .plain = true, .why = "the answer was cut" },
	{ "another protocol", TEXT("HTTP/1.1 101 x\r\nConnection: upgrade\r\n"
	    "Upgrade: x\r\n\r\n"), .plain = true, .hold = true,
	    .why = "no answer: it goes over to another protocol" },

	{ "cut", TEXT(JSON "Content-Length: 9\r\n\r\n{}"), 200, .cut = true,
	    .body = "{}", .why = "the answer was cut" },
	{ "cut between chunks", TEXT(CHUNKED "2\r\n{}\r\n"), 200, .cut = true,
	    .body = "{}", .why = "the answer was cut" },
	{ "cut in a chunk", TEXT(CHUNKED "9\r\n{}"), 200, .cut = true,
	    .body = "{}", .why = "the answer was cut" },
	{ "cut in the size of one", TEXT(CHUNKED "2\r\n{}\r\n1"), 200,
	    .cut = true, .body = "{}", .why = "the answer was cut" },
	{ "cut after the last one", TEXT(CHUNKED "2\r\n{}\r\n0\r\n"), 200,
	    .cut = true, .why = "the answer was cut", .plain = true },
	{ "cut in the first line", TEXT("HTTP/1.1 20"), .plain = true,
	    .why = "the answer was cut" },
	{ "cut after it", TEXT("HTTP/1.1 200 OK\r\n"), 200, .cut = true,
	    .why = "the answer was cut", .plain = true },
	{ "cut among the headers", TEXT(JSON "Transfer-Encoding: chu"), 200,
	    .cut = true, .why = "the answer was cut", .plain = true },
	{ "cut in what is packed", TEXT(PACKED "Content-Length: 19\r\n\r\n"
	    "\x28\xb5\x2f\xfd\x04\x48\x31"), 200, .cut = true,
	    .why = "the answer was cut" },
	{ "cut before it was packed", TEXT(PACKED "Content-Length: 7\r\n\r\n"
	    "\x28\xb5\x2f\xfd\x04\x48\x31"), 200, .cut = true,
	    .why = "the answer was cut", .plain = true },
	{ "none", TEXT(""), .why = "it hung up without an answer" },

	{ "no HTTP", TEXT("hello\r\n"),
	    .why = "no answer: Received HTTP/0.9 when not allowed" },
	{ "neither", TEXT("\0\xff\x80\r\n\r\n"),
	    .why = "no answer: Received HTTP/0.9 when not allowed" },
	{ "of another time", TEXT("HTTP/9.9.9 200 OK\r\n\r\n"), .plain = true,
	    .why = "no answer: " },
	{ "no status", TEXT("HTTP/1.1 000 x\r\nContent-Length: 0\r\n\r\n"),
	    .plain = true, .why = "no answer: its status is none" },
	{ "what is no header", TEXT(JSON "a b\r\n\r\n"), 200, .cut = true,
	    .why = "no answer: ", .plain = true },
	{ "two lengths", TEXT(JSON "Content-Length: 2\r\nContent-Length: 3\r\n"
	    "\r\n{}"), 200, .cut = true, .why = "no answer: ", .plain = true },
	{ "one length twice", TEXT(JSON "Content-Length: 2\r\n"
	    "Content-Length: 2\r\n\r\n{}"), 200, .cut = true,
	    .why = "no answer: ", .plain = true },
	{ "two in one", TEXT(JSON "Content-Length: 2, 2\r\n\r\n{}"), 200,
	    .cut = true, .why = "no answer: ", .plain = true },
	{ "a length and chunks", TEXT(JSON "Content-Length: 2\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"), 200,
	    .cut = true, .why = "no answer: ", .plain = true },
	{ "chunks twice", TEXT(JSON "Transfer-Encoding: chunked\r\n" CHUNKED
	    "2\r\n{}\r\n0\r\n\r\n"), 200, .cut = true, .why = "no answer: ",
	    .plain = true },
	{ "chunks of something", TEXT(JSON "Transfer-Encoding: gzip, chunked"
	    "\r\n\r\n2\r\n{}\r\n0\r\n\r\n"), 200, .cut = true,
	    .why = "no answer: ", .plain = true },
	{ "not even chunks", TEXT(JSON "Transfer-Encoding: x\r\n\r\n{}"), 200,
	    .cut = true, .why = "no answer: ", .plain = true },
	{ "a length without end", TEXT(JSON "Content-Length: "
	    "99999999999999999999\r\n\r\n{}"), 200, .cut = true,
	    .why = "no answer: ", .plain = true },
	{ "a length below nothing", TEXT(JSON "Content-Length: -1\r\n\r\n{}"),
	    200, .cut = true, .why = "no answer: ", .plain = true },
	{ "a chunk of no size", TEXT(CHUNKED "x\r\n{}\r\n0\r\n\r\n"), 200,
	    .cut = true, .why = "no answer: " },
	{ "a chunk without end", TEXT(CHUNKED "fffffffffffffffff\r\n{}"), 200,
	    .cut = true, .why = "no answer: " },

	{ "packed", TEXT(PACKED "Content-Length: 19\r\n\r\n" ZSTD), 200, true,
	    .body = "hello\n" },
	{ "packed, in chunks", TEXT(PACKED "Transfer-Encoding: chunked\r\n\r\n"
	    "13\r\n" ZSTD "\r\n0\r\n\r\n"), 200, true, .body = "hello\n" },
	{ "packed twice", TEXT(PACKED "Content-Length: 38\r\n\r\n" ZSTD ZSTD),
	    200, true, .body = "hello\nhello\n", .plain = true },
	{ "nothing packed", TEXT(PACKED "Content-Length: 0\r\n\r\n"), 200, true,
	    .body = "" },
	{ "not packed at all", TEXT(JSON "Content-Encoding: identity\r\n"
	    "Content-Length: 2\r\n\r\n{}"), 200, true, .body = "{}" },
	{ "not packed though it says so", TEXT(PACKED "Content-Length: 5\r\n"
	    "\r\nhello"), 200, .cut = true,
	    .why = "the answer cannot be unpacked" },
	{ "something after what is packed", TEXT(PACKED "Content-Length: 24\r\n"
	    "\r\n" ZSTD "hello"), 200, .cut = true,
	    .why = "the answer cannot be unpacked", .plain = true },
	{ "packed otherwise", TEXT(JSON "Content-Encoding: rot13\r\n"
	    "Content-Length: 2\r\n\r\n{}"), 200, .cut = true,
	    .why = "the answer cannot be unpacked" },
	{ "packed in two ways", TEXT(PACKED "Content-Encoding: zstd\r\n"
	    "Content-Length: 19\r\n\r\n" ZSTD), 200, .cut = true,
	    .why = "the answer cannot be unpacked", .plain = true },
	{ "packed too wide", TEXT(PACKED "Content-Length: 9\r\n\r\n" WIDE),
	    200, .cut = true, .why = "the answer cannot be unpacked",
	    .plain = true },

	{ "silent", TEXT(""), .why = "it does not answer", .hold = true },
	{ "silent among the headers", TEXT(JSON), 200, .cut = true,
	    .why = "it fell silent in the middle", .hold = true,
	    .plain = true },
	{ "silent in a chunk", TEXT(CHUNKED "9\r\n{}"), 200, .cut = true,
	    .body = "{}", .why = "it fell silent in the middle", .hold = true },
};

static void
test_answer(size_t i, int flags, const char *name)
{
	struct http_request r = { .method = "GET", .path = "/", .timeout = 1 };
	struct http_answer a;
	struct server s;
	char what[100];
	struct http *h;
	bool whole;

	serve(&s, answers[i].hold ? HOLD : CLOSE, answers[i].answer,
	    answers[i].len);
	h = client(&s, flags);
	whole = http_do(h, &r, &a);
	snprintf(what, sizeof(what), "%s: %s", name, answers[i].what);
	ok(whole == answers[i].whole && a.status == answers[i].status &&
	    a.cut == answers[i].cut && (*a.why == '\0') == whole &&
	    (answers[i].body == NULL || strcmp(a.body, answers[i].body) == 0) &&
	    (answers[i].why == NULL || strstr(a.why, answers[i].why) != NULL) &&
	    a.retry_after == (a.status == 429 ? 7 : -1) && strcmp(a.location,
	    a.status == 302 ? "http://127.0.0.1:1/x" : "") == 0 &&
	    (i > 0 || strcmp(a.type, "application/json") == 0), what);
	http_close(h);
	stop(&s);
}

static void
test_answers(void)
{
	size_t i, k;

	for (i = 0; i < sizeof(answers) / sizeof(*answers); i++)
		for (k = 0; k < (answers[i].plain ? 1 : 2); k++)
			test_answer(i, clients[k].flags, clients[k].name);
}

/* Where a redirect leads, and when to come again, in their other forms. */
static void
test_headers(int flags)
{
	static const char text[] = "HTTP/1.1 307 No\r\nLocation: ../x?y\r\n"
	    "Retry-After: Thu, 31 Dec 2099 23:59:59 GMT\r\n"
	    "Content-Length: 0\r\n\r\n";
	struct http_request r = { .method = "GET", .path = "/a/b/c" };
	struct http_answer a;
	struct server s;
	struct http *h;
	char *at;

	serve(&s, CLOSE, text, sizeof(text) - 1);
	h = client(&s, flags);
	at = xprintf("%s/a/x?y", s.url);
	ok(http_do(h, &r, &a) && strcmp(a.location, at) == 0,
	    "a redirect from where it is");
	/* Later ones of libcurl take six hours for all that is longer. */
	ok(a.retry_after >= 6 * 3600, "not before a date");
	free(at);
	http_close(h);
	stop(&s);
}

static bool
asks(struct http *h, const char *connection)
{
	struct http_request r = { .method = "POST", .path = "/",
	    .form = "a=b" };
	struct http_answer a;

	return http_do(h, &r, &a) && strstr(a.body, connection) != NULL;
}

/* A connection is kept; one that was closed meanwhile, or as we asked, is
 * opened anew. */
static void
test_kept(int flags)
{
	static const struct {
		enum manner	manner;
		const char	*second, *what;
	} cases[] = {
		{ STAY, "connection 1", "one connection for two requests" },
		{ CLOSE, "connection 2", "another, as it was closed" },
		{ LATE, "connection 2", "or as we asked" },
	};
	struct server s;
	struct http *h;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		serve(&s, cases[i].manner, NULL, 0);
		h = client(&s, flags);
		ok(asks(h, "connection 1") && asks(h, cases[i].second),
		    cases[i].what);
		http_close(h);
		stop(&s);
	}
}

static void
count_idle(void *arg)
{
	++*(int *)arg;
}

/* The same again and again: it is ended, and says why. */
static void
test_flood(const char *begin, const char *again, const char *why)
{
	struct http_request r = { .method = "GET", .path = "/" };
	struct http_answer a;
	struct buf b = { 0 };
	struct server s;
	struct http *h;
	int i;

	buf_puts(&b, begin);
	for (i = 0; i < 3000; i++)
		buf_puts(&b, again);
	serve(&s, HOLD, b.p, b.len);
	h = client(&s, 0);
	ok(!http_do(h, &r, &a) && strstr(a.why, why) != NULL, why);
	http_close(h);
	stop(&s);
	buf_free(&b);
}

static void
test_floods(void)
{
	test_flood(JSON, "X-Header: of this there are many\r\n",
	    "too long");
	test_flood("", "HTTP/1.1 102 x\r\n\r\n", "does not come to its answer");
	test_flood(CHUNKED "1", ";chunk=extension, of which there is no end",
	    "too long");
}

static void
test_idle(void)
{
	int calls = 0;
	struct http_request r = { .method = "GET", .path = "/", .timeout = 1,
	    .idle = count_idle, .arg = &calls };
	struct http_answer a;
	struct server s;
	struct http *h;

	serve(&s, HOLD, "", 0);
	h = client(&s, 0);
	ok(!http_do(h, &r, &a) && calls > 0 && calls < 5,
	    "called while nothing comes");
	http_close(h);
	stop(&s);
}

/* What unpacks to just as much as is unpacked at once, and much more. */
static void
test_unpacked(int flags)
{
	static const char text[] = PACKED "Content-Length: 17\r\n\r\n"
	    "\x28\xb5\x2f\xfd\xa0\x00\x00\x04\x00\x02\x00\x10" "a"
	    "\x03\x00\x10" "a";
	struct http_request r = { .method = "GET", .path = "/",
	    .limit = 1 << 18 };
	struct http_answer a;
	struct server s;
	struct http *h;

	serve(&s, CLOSE, text, sizeof(text) - 1);
	h = client(&s, flags);
	if (flags == 0)
		ok(http_do(h, &r, &a) && a.len == 1 << 18 &&
		    a.body[a.len - 1] == 'a', "a piece exactly");
	r.limit = 1000;
	ok(!http_do(h, &r, &a) && strstr(a.why, "too long") != NULL,
	    "what is too long when it is unpacked");
	http_close(h);
	stop(&s);
}

/* Who has heard enough of a long request answers before its end. */
static void
test_early(int flags)
{
	static const char text[] = "HTTP/1.1 413 No\r\n"
	    "Content-Length: 2\r\n\r\nno";
	struct http_request r = { .method = "POST", .path = "/" };
	struct http_answer a;
	struct buf b = { 0 };
	struct server s;
	struct http *h;
	int i;

	for (i = 0; i < 10000; i++)
		buf_printf(&b, "%01000d", i);
	r.form = b.p;
	serve(&s, HOLD, text, sizeof(text) - 1);
	h = client(&s, flags);
	ok(http_do(h, &r, &a) && a.status == 413 && strcmp(a.body, "no") == 0,
	    "an answer before all was asked");
	http_close(h);
	stop(&s);
	buf_free(&b);
}

static void
test_six(int flags)
{
	struct server s;
	struct http *h;
	char *host;

	if (!serve_at(&s, true, STAY, NULL, 0)) {
		ok(true, "::1 # skip: there is no IPv6 here");
		return;
	}
	h = client(&s, flags);
	host = xprintf("\r\nHost: %s\r\n", s.url + strlen("http://"));
	ok(asks(h, host), "::1");
	free(host);
	http_close(h);
	stop(&s);
}

/* To other hosts through it, also over plain http. */
static void
test_proxy(void)
{
	struct http_request r = { .method = "GET", .path = "/x" };
	struct http_peer peer = { .url = "http://hq.example",
	    .flags = HTTP_ALLOW_HTTP };
	struct http_answer a;
	struct server s;
	const char *why;
	struct http *h;

	serve(&s, STAY, NULL, 0);
	setenv("http_proxy", s.url, 1);
	h = http_open(&peer, &why);
	ok(h != NULL && http_do(h, &r, &a) &&
	    strncmp(a.body, "GET http://hq.example/x ", 24) == 0, "a proxy");
	http_close(h);
	stop(&s);
	unsetenv("http_proxy");
}

/* A limit of the caller, and of callbacks. */
static void
test_limits(void)
{
	struct http_request r = { .method = "GET", .path = "/", .limit = 1000 };
	struct http_peer peer = { 0 };
	struct http_answer a;
	struct buf b = { 0 };
	struct server s;
	const char *why;
	struct http *h;
	int i;

	buf_printf(&b, HEAD("application/json") "Content-Length: %d\r\n\r\n",
	    100000);
	for (i = 0; i < 1000; i++)
		buf_printf(&b, "%0100d", i);
	serve(&s, CLOSE, b.p, b.len);
	peer.url = s.url;
	h = http_open(&peer, &why);
	ok(!http_do(h, &r, &a) && a.cut && strstr(a.why, "too long") != NULL,
	    "longer than the limit");
	r.limit = 0;
	ok(http_do(h, &r, &a) && a.len == 100000, "within the usual one");
	http_close(h);
	peer.flags = HTTP_CALLBACK;
	h = http_open(&peer, &why);
	ok(!http_do(h, &r, &a) && strstr(a.why, "too long") != NULL,
	    "longer than from a stranger");
	http_close(h);
	stop(&s);
	buf_free(&b);
}

/* What is asked, and that one connection is enough. */
static void
test_request(void)
{
	struct http_request r = { .method = "GET", .path = "/a/../b%2Fc" };
	struct http_peer peer = { .key = "k", .secret = "s" };
	struct http_answer a;
	struct server s;
	const char *why;
	struct http *h;
	char *port;

	setenv("http_proxy", "http://127.0.0.1:1", 1);
	serve(&s, STAY, NULL, 0);
	port = xprintf("%s/", s.url);
	peer.url = port;
	h = http_open(&peer, &why);
	ok(http_do(h, &r, &a) && strncmp(a.body, "GET /a/../b%2Fc HTTP/1.1\r\n",
	    26) == 0, "the path as it was given, and no proxy on loopback");
	ok(strstr(a.body, "Authorization: token k:s\r\n") != NULL, "the key");
	ok(strstr(a.body, "Accept: application/json\r\n") != NULL,
	    "what is accepted");
	ok(strstr(a.body, "Accept-Encoding: zstd\r\n") != NULL,
	    "also packed, as the plain client does it");
	r.method = "POST";
	r.form = "a=b";
	ok(http_do(h, &r, &a) && strncmp(a.body, "POST ", 5) == 0 &&
	    strstr(a.body, "\r\n\r\na=b") != NULL &&
	    strstr(a.body, "x-www-form-urlencoded") != NULL &&
	    strstr(a.body, "Expect") == NULL, "a form");
	r.method = "PUT";
	ok(http_do(h, &r, &a) && strncmp(a.body, "PUT ", 4) == 0, "PUT");
	r.method = "DELETE";
	r.form = NULL;
	ok(http_do(h, &r, &a) && strncmp(a.body, "DELETE ", 7) == 0 &&
	    strstr(a.body, "a=b") == NULL, "DELETE");
	r.method = "GET";
	ok(http_do(h, &r, &a) && strncmp(a.body, "GET ", 4) == 0, "GET again");
	http_close(h);
	stop(&s);
	unsetenv("http_proxy");
	h = http_open(&peer, &why);
	ok(!http_do(h, &r, &a) && a.status == 0 && !a.cut &&
	    strcmp(a.why, "could not connect: Connection refused") == 0,
	    "nobody there");
	http_close(h);
	free(port);
}

static bool
take(void *arg, const char *p, size_t n)
{
	struct buf *b = arg;

	buf_add(b, p, n);
	return b->len < 50000;
}

/* The body of a 200 goes to who wants it, if it is what was asked for. */
static void
test_stream(void)
{
	struct buf b = { 0 }, page = { 0 };
	struct http_request r = { .method = "GET", .path = "/",
	    .accept = "application/json", .data = take, .arg = &b };
	struct http_peer peer = { 0 };
	struct http_answer a;
	struct server s;
	const char *why;
	struct http *h;
	int i;

	serve(&s, CLOSE, answers[1].answer, answers[1].len);
	peer.url = s.url;
	h = http_open(&peer, &why);
	ok(http_do(h, &r, &a) && strcmp(b.p, "{}") == 0 && a.len == 0,
	    "a body that is streamed");
	b.len = 0;
	r.accept = "application/x-ndjson";
	ok(http_do(h, &r, &a) && b.len == 0 && strcmp(a.body, "{}") == 0,
	    "not one of another type");
	http_close(h);
	stop(&s);
	buf_puts(&page, HEAD("application/x-ndjson")
	    "Content-Length: 1000000\r\n\r\n");
	for (i = 0; i < 10000; i++)
		buf_printf(&page, "%099d\n", i);
	serve(&s, CLOSE, page.p, page.len);
	peer.url = s.url;
	h = http_open(&peer, &why);
	ok(!http_do(h, &r, &a) && b.len >= 50000 && b.len < 1000000 &&
	    a.status == 200 && !a.cut && *a.why == '\0', "ended by the reader");
	http_close(h);
	stop(&s);
	buf_free(&b);
	buf_free(&page);
}

int
main(void)
{
	size_t k;

	test_urls();
	test_callbacks();
	test_peers();
	test_forms();
	test_answers();
	for (k = 0; k < 2; k++) {
		test_headers(clients[k].flags);
		test_kept(clients[k].flags);
		test_unpacked(clients[k].flags);
		test_early(clients[k].flags);
		test_six(clients[k].flags);
	}
	test_floods();
	test_idle();
	test_proxy();
	test_limits();
	test_request();
	test_stream();
	printf("1..%d\n", count);
	return failed != 0;
}
