/* text.c - text from strangers: safe to print, columns, UTF-8 */

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/base.h"

/* Decodes one character of UTF-8; 0 bytes if there is none that is valid. */
static size_t
decode(const unsigned char *s, size_t n, uint32_t *c)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t i, len;

	if (n == 0)
		return 0;
	if (s[0] < 0x80) {
		*c = s[0];
		return 1;
	}
	len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc2 ? 2 : 0;
	if (len == 0 || len > n || s[0] > 0xf4)
		return 0;
	*c = s[0] & (0x7f >> len);
	for (i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (s[i] & 0x3f);
	}
	if (*c < least[len] || *c > 0x10ffff || (*c >= 0xd800 && *c < 0xe000))
		return 0;
	return len;
}

/* Characters that change what a terminal shows of the rest: C0, DEL, C1,
 * line and paragraph separators, bidi marks, embeddings and isolates. */
static bool
is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c ||
	    c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
	    (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

/* Writes the next character of s, escaped if need be, to out (room for 8);
 * returns the bytes it took, and how many it wrote in *m. */
static size_t
step(const unsigned char *s, size_t n, char *out, size_t *m)
{
	uint32_t c;
	size_t len = decode(s, n, &c);

	if (len == 0 || (len == 1 && is_control(c))) {
		*m = snprintf(out, 8, "\\x%02x", s[0]);
		return 1;
	}
	if (is_control(c))
		*m = snprintf(out, 8, "\\u%04x", c & 0xffff);
	else {
		memcpy(out, s, len);
		*m = len;
	}
	return len;
}

const char *
safen(const char *s, size_t n)
{
	static _Thread_local char ring[16][1024];
	static _Thread_local unsigned next;
	char *p = ring[next++ % 16], *q = p, one[8];
	size_t m, len;

	while (n > 0 && q - p < 1000) {
		len = step((const unsigned char *)s, n, one, &m);
		memcpy(q, one, m);
		q += m;
		s += len;
		n -= len;
	}
	*q = '\0';
	return p;
}

const char *
safe(const char *s)
{
	return s == NULL ? "(none)" : safen(s, strlen(s));
}

void
put_safe(FILE *fp, const char *s)
{
	size_t n = strlen(s), m, len;
	char one[8];

	while (n > 0) {
		len = step((const unsigned char *)s, n, one, &m);
		fwrite(one, 1, m, fp);
		s += len;
		n -= len;
	}
}

size_t
text_int(char buf[21], int64_t v)
{
	uint64_t u = v < 0 ? -(uint64_t)v : (uint64_t)v;
	char digits[20];
	size_t n = 0, len = 0;

	do
		digits[n++] = '0' + u % 10;
	while ((u /= 10) != 0);
	if (v < 0)
		buf[len++] = '-';
	while (n > 0)
		buf[len++] = digits[--n];
	buf[len] = '\0';
	return len;
}

int
text_width(const char *s)
{
	size_t n = strlen(s), len;
	uint32_t c;
	int w, width = 0;

	while (n > 0) {
		len = decode((const unsigned char *)s, n, &c);
		if (len == 0) {
			len = 1;
			width += 4;
		} else if (is_control(c))
			width += c < 0x80 ? 4 : 6;
		else
			width += (w = wcwidth(c)) < 0 ? 1 : w;
		s += len;
		n -= len;
	}
	return width;
}

bool
text_is_utf8(const char *s, size_t n)
{
	uint32_t c;
	size_t len;

	for (; n > 0; s += len, n -= len)
		if ((len = decode((const unsigned char *)s, n, &c)) == 0)
			return false;
	return true;
}
