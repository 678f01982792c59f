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

/* A process that gives this answer to each request, a connection each; "ECHO":
 * the request itself, any number on one connection. */
static void
serve(struct server *s, const char *answer, size_t len)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(sin);
	bool echo = strcmp(answer, "ECHO") == 0;
	static char request[10000];
	int c;

	s->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(s->fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    listen(s->fd, 10) == -1)
		abort();
	getsockname(s->fd, (struct sockaddr *)&sin, &n);
	snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%d",
	    ntohs(sin.sin_port));
	fflush(stdout);
	if ((s->pid = fork()) != 0)
		return;
	signal(SIGPIPE, SIG_IGN);
	while ((c = accept(s->fd, NULL, NULL)) != -1) {
		do {
			read_request(c, request, sizeof(request));
			if (echo)
				dprintf(c, "HTTP/1.1 200 OK\r\n"
				    "Content-Type: text/plain\r\n"
				    "Content-Length: %zu\r\n\r\n%s",
				    strlen(request), request);
			else if (write(c, answer, len) == -1)
				break;
		} while (echo && *request != '\0');
		close(c);
	}
	_exit(0);
}

static void
stop(struct server *s)
{
	kill(s->pid, SIGTERM);
	waitpid(s->pid, NULL, 0);
	close(s->fd);
}

#define HEAD(type) "HTTP/1.1 200 OK\r\nContent-Type: " type "\r\n"
#define ZSTD "\x28\xb5\x2f\xfd\x04\x48\x31\x00\x00" "hello\n" "\x53\x88\xbd\x91"

static const struct {
	const char	*what, *answer;
	size_t		 len;		/* 0: to its NUL */
	int		 status;
	bool		 whole, cut;
	const char	*body;		/* what came of it, or NULL */
} answers[] = {
	{ "an answer", HEAD("application/json; charset=utf-8")
	    "Content-Length: 2\r\n\r\n{}", 0, 200, true, false, "{}" },
	{ "in chunks", HEAD("application/json") "Transfer-Encoding: chunked"
	    "\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", 0, 200, true, false, "{}" },
	{ "an error", "HTTP/1.1 417 No\r\nContent-Length: 2\r\n\r\nno", 0,
	    417, true, false, "no" },
	{ "to come again", "HTTP/1.1 429 No\r\nRetry-After: 7\r\n"
	    "Content-Length: 0\r\n\r\n", 0, 429, true, false, "" },
	{ "elsewhere", "HTTP/1.1 302 No\r\nLocation: http://127.0.0.1:1/x\r\n"
	    "Content-Length: 0\r\n\r\n", 0, 302, true, false, "" },
	{ "cut", HEAD("application/json") "Content-Length: 9\r\n\r\n{}", 0,
	    200, false, true, "{}" },
	{ "cut between chunks", HEAD("application/json")
	    "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", 0, 200,
	    false, true, "{}" },
	{ "cut in a chunk", HEAD("application/json")
	    "Transfer-Encoding: chunked\r\n\r\n9\r\n{}", 0, 200, false, true,
	    "{}" },
	{ "none", "", 0, 0, false, false, NULL },
	{ "no HTTP", "hello\r\n", 0, 0, false, false, NULL },
	{ "no such encoding", HEAD("application/json") "Content-Encoding: zstd"
	    "\r\nContent-Length: 5\r\n\r\nhello", 0, 200, false, true, NULL },
	{ "packed", HEAD("application/json") "Content-Encoding: zstd\r\n"
	    "Content-Length: 19\r\n\r\n" ZSTD, sizeof(HEAD("application/json")
	    "Content-Encoding: zstd\r\nContent-Length: 19\r\n\r\n" ZSTD) - 1,
	    200, true, false, "hello\n" },
};

static void
test_answers(void)
{
	struct http_request r = { .method = "GET", .path = "/" };
	struct http_peer peer = { 0 };
	struct http_answer a;
	struct server s;
	const char *why;
	struct http *h;
	bool whole;
	size_t i;

	for (i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		serve(&s, answers[i].answer, answers[i].len != 0 ?
		    answers[i].len : strlen(answers[i].answer));
		peer.url = s.url;
		h = http_open(&peer, &why);
		whole = http_do(h, &r, &a);
		ok(whole == answers[i].whole && a.status == answers[i].status &&
		    a.cut == answers[i].cut && (*a.why == '\0') == whole &&
		    (answers[i].body == NULL ||
		    strcmp(a.body, answers[i].body) == 0), answers[i].what);
		if (a.status == 429)
			ok(a.retry_after == 7, "in seven seconds");
		if (a.status == 302)
			ok(strcmp(a.location, "http://127.0.0.1:1/x") == 0,
			    "which is not followed");
		if (i == 0)
			ok(strcmp(a.type, "application/json") == 0 &&
			    a.retry_after == -1, "and its type");
		http_close(h);
		stop(&s);
	}
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
	serve(&s, b.p, b.len);
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
	serve(&s, "ECHO", 4);
	port = xprintf("%s/", s.url);
	peer.url = port;
	h = http_open(&peer, &why);
	ok(http_do(h, &r, &a) && strncmp(a.body, "GET /a/../b%2Fc HTTP/1.1\r\n",
	    26) == 0, "the path as it was given, and no proxy on loopback");
	ok(strstr(a.body, "Authorization: token k:s\r\n") != NULL, "the key");
	ok(strstr(a.body, "Accept: application/json\r\n") != NULL,
	    "what is accepted");
	ok(strstr(a.body, "Accept-Encoding: ") != NULL, "also packed");
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

	serve(&s, answers[1].answer, strlen(answers[1].answer));
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
	serve(&s, page.p, page.len);
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
	test_urls();
	test_callbacks();
	test_peers();
	test_forms();
	test_answers();
	test_limits();
	test_request();
	test_stream();
	printf("1..%d\n", count);
	return failed != 0;
}
