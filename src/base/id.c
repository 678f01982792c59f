/* id.c - random identities */

#include <err.h>
#include <string.h>
#include <sys/random.h>

#include "base/base.h"

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

/* The kernel's generator, a block at a time; libcrypto's would cost every
 * program a millisecond at its start. */
static void
randomness(unsigned char *p, size_t n)
{
	static unsigned char pool[256];
	static size_t left;

	if (left < n) {
		/* Up to 256 bytes come whole (getrandom(2)). */
		if (getrandom(pool, sizeof(pool), 0) != sizeof(pool))
			err(TEMPFAIL, "no randomness to be had");
		left = sizeof(pool);
	}
	memcpy(p, pool + left - n, n);
	left -= n;
}

void
id_new(char id[ID_LEN + 1], int64_t time)
{
	unsigned char r[8];
	int i;

	for (i = 10; i >= 0; i--, time >>= 5)
		id[i] = alphabet[time & 31];
	randomness(r, sizeof(r));
	for (i = 0; i < 8; i++)
		id[11 + i] = alphabet[r[i] & 31];
	id[ID_LEN] = '\0';
}

bool
id_time(const char *id, int64_t *time)
{
	const char *p;
	int64_t t = 0;
	int i;

	if (strlen(id) != ID_LEN)
		return false;
	for (i = 0; i < 11; i++) {
		if ((p = strchr(alphabet, id[i])) == NULL)
			return false;
		t = t << 5 | (p - alphabet);
	}
	*time = t;
	return true;
}

void
id_hex(char *p, size_t n)
{
	unsigned char r[64];
	size_t i;

	randomness(r, n);
	for (i = 0; i < n; i++)
		p[i] = "0123456789abcdef"[r[i] & 15];
	p[n] = '\0';
}
