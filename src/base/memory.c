/* memory.c - allocation that ends the program when memory is out; arenas,
 * growing strings, maps */

#include <err.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

void *
xmalloc(size_t n)
{
	void *p = malloc(n ? n : 1);

	if (p == NULL)
		err(TEMPFAIL, "cannot allocate %zu bytes", n);
	return p;
}

void *
xrealloc(void *old, size_t n)
{
	void *p = realloc(old, n ? n : 1);

	if (p == NULL)
		err(TEMPFAIL, "cannot allocate %zu bytes", n);
	return p;
}

void *
xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (p == NULL)
		err(TEMPFAIL, "cannot allocate %zu bytes", n * size);
	return p;
}

char *
xstrdup(const char *s)
{
	return xstrndup(s, strlen(s));
}

char *
xstrndup(const char *s, size_t n)
{
	char *p = xmalloc(n + 1);

	memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

char *
xprintf(const char *fmt, ...)
{
	va_list ap;
	char *p;

	va_start(ap, fmt);
	if (vasprintf(&p, fmt, ap) == -1)
		err(TEMPFAIL, "cannot allocate");
	va_end(ap);
	return p;
}

/* ---- arena */

/* Under the address sanitizer what a reset arena held may not be touched. */
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define POISON(p, n) __asan_poison_memory_region(p, n)
#define UNPOISON(p, n) __asan_unpoison_memory_region(p, n)
#else
#define POISON(p, n) ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#endif

struct chunk {
	struct chunk	*next;
	size_t		 size, used;
	_Alignas(16) char data[];
};

enum { CHUNK_MIN = 64 << 10, CHUNK_MAX = 1 << 20, KEEP_MAX = 8 << 20 };

static size_t
align(size_t n)
{
	return (n + 15) & ~(size_t)15;
}

/* Room for n bytes: a spare chunk, or a new one twice the last. */
static struct chunk *
chunk_get(struct arena *a, size_t n)
{
	struct chunk *c = a->spare;
	size_t size;

	if (c != NULL && c->size >= n)
		a->spare = c->next;
	else {
		size = a->chunks == NULL ? CHUNK_MIN : a->chunks->size * 2;
		if (size > CHUNK_MAX)
			size = CHUNK_MAX;
		if (size < n)
			size = n;
		c = xmalloc(sizeof(*c) + size);
		c->size = size;
		c->used = 0;
	}
	c->next = a->chunks;
	a->chunks = c;
	return c;
}

void *
arena_alloc(struct arena *a, size_t n)
{
	struct chunk *c = a->chunks;
	void *p;

	n = align(n ? n : 1);
	if (c == NULL || c->size - c->used < n)
		c = chunk_get(a, n);
	p = c->data + c->used;
	UNPOISON(p, n);
	c->used += n;
	a->used += n;
	return p;
}

static void *
alc_malloc(void *ctx, size_t n)
{
	return arena_alloc(ctx, n);
}

/* Grows or shrinks in place where p was the last thing handed out. */
static void *
alc_realloc(void *ctx, void *p, size_t old, size_t n)
{
	struct arena *a = ctx;
	struct chunk *c = a->chunks;
	size_t was = align(old ? old : 1), want = align(n ? n : 1);
	void *q;

	if (p == NULL)
		return arena_alloc(a, n);
	if ((char *)p + was == c->data + c->used &&
	    c->used - was + want <= c->size) {
		UNPOISON(p, want);
		c->used = c->used - was + want;
		a->used = a->used - was + want;
		return p;
	}
	if (want <= was)
		return p;
	q = arena_alloc(a, n);
	memcpy(q, p, old < n ? old : n);
	return q;
}

/* Only the last thing handed out is really given back. */
static void
alc_free(void *ctx, void *p)
{
	(void)ctx;
	(void)p;
}

void
arena_init(struct arena *a)
{
	a->chunks = a->spare = NULL;
	a->used = 0;
	a->alc.malloc = alc_malloc;
	a->alc.realloc = alc_realloc;
	a->alc.free = alc_free;
	a->alc.ctx = a;
}

char *
arena_dup(struct arena *a, const char *s, size_t n)
{
	char *p = arena_alloc(a, n + 1);

	memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, aq;
	char *p;
	int n;

	va_start(ap, fmt);
	va_copy(aq, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	p = arena_alloc(a, n + 1);
	vsnprintf(p, n + 1, fmt, aq);
	va_end(aq);
	return p;
}

void
arena_reset(struct arena *a)
{
	struct chunk *c, *next;
	size_t kept = 0;

	for (c = a->spare; c != NULL; c = c->next)
		kept += c->size;
	for (c = a->chunks; c != NULL; c = next) {
		next = c->next;
		if (c->size <= CHUNK_MAX && kept + c->size <= KEEP_MAX) {
			kept += c->size;
			c->used = 0;
			POISON(c->data, c->size);
			c->next = a->spare;
			a->spare = c;
		} else
			free(c);
	}
	a->chunks = NULL;
	a->used = 0;
}

static void
chunks_free(struct chunk *c)
{
	struct chunk *next;

	for (; c != NULL; c = next) {
		next = c->next;
		UNPOISON(c->data, c->size);
		free(c);
	}
}

void
arena_free(struct arena *a)
{
	chunks_free(a->chunks);
	chunks_free(a->spare);
	a->chunks = a->spare = NULL;
	a->used = 0;
}

/* ---- growing string */

static void
reserve(struct buf *b, size_t more)
{
	if (b->len + more + 1 <= b->cap)
		return;
	b->cap = (b->len + more + 1) * 2;
	b->p = xrealloc(b->p, b->cap);
}

void
buf_add(struct buf *b, const char *s, size_t n)
{
	reserve(b, n);
	memcpy(b->p + b->len, s, n);
	b->len += n;
	b->p[b->len] = '\0';
}

void
buf_puts(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap, aq;
	int n;

	va_start(ap, fmt);
	va_copy(aq, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	reserve(b, n);
	vsnprintf(b->p + b->len, n + 1, fmt, aq);
	va_end(aq);
	b->len += n;
}

void
buf_free(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ 0 };
}

/* ---- map: open addressing; FNV-1a, as hostile keys cost time only and a
 * page is bounded */

struct slot {
	const char	*key;
	size_t		 len;
	uint64_t	 hash;
	void		*value;
};

static uint64_t
hash(const char *s, size_t n)
{
	uint64_t h = 14695981039346656037ULL;

	while (n-- > 0)
		h = (h ^ (unsigned char)*s++) * 1099511628211ULL;
	return h ^ h >> 32;
}

static struct slot *
find(const struct map *m, const char *key, size_t len, uint64_t h)
{
	size_t i = h & (m->cap - 1);
	struct slot *s;

	for (;; i = (i + 1) & (m->cap - 1)) {
		s = &m->slots[i];
		if (s->key == NULL || (s->hash == h && s->len == len &&
		    memcmp(s->key, key, len) == 0))
			return s;
	}
}

void *
map_get(const struct map *m, const char *key, size_t len)
{
	if (m->n == 0)
		return NULL;
	return find(m, key, len, hash(key, len))->value;
}

static void
grow(struct map *m)
{
	struct slot *old = m->slots;
	size_t i, cap = m->cap;

	m->cap = cap == 0 ? 16 : cap * 2;
	m->slots = xcalloc(m->cap, sizeof(*m->slots));
	for (i = 0; i < cap; i++)
		if (old[i].key != NULL)
			*find(m, old[i].key, old[i].len, old[i].hash) = old[i];
	free(old);
}

void
map_set(struct map *m, const char *key, size_t len, void *value)
{
	uint64_t h = hash(key, len);
	struct slot *s;

	if ((m->n + 1) * 2 > m->cap)
		grow(m);
	s = find(m, key, len, h);
	if (s->key == NULL) {
		m->n++;
		s->key = key;
		s->len = len;
		s->hash = h;
	}
	s->value = value;
}

void
map_clear(struct map *m)
{
	if (m->n != 0)
		memset(m->slots, 0, m->cap * sizeof(*m->slots));
	m->n = 0;
}

void
map_free(struct map *m)
{
	free(m->slots);
	*m = (struct map){ 0 };
}
