/* crypt.c - secrets and randomness (libcrypto) */

#include <err.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "base/base.h"

enum { HASH_LEN = 2 * SHA256_DIGEST_LENGTH };

static const char hash_prefix[] = "sha256:";
static const char hex_digits[] = "0123456789abcdef";

static void
hex(char *to, const unsigned char *from, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		to[2 * i] = hex_digits[from[i] >> 4];
		to[2 * i + 1] = hex_digits[from[i] & 15];
	}
	to[2 * n] = '\0';
}

void
crypt_random(void *p, size_t n)
{
	if (RAND_priv_bytes(p, (int)n) != 1)
		errx(TEMPFAIL, "no randomness to be had");
}

void
secret_new(char secret[SECRET_LEN + 1])
{
	unsigned char bytes[SECRET_LEN / 2];

	crypt_random(bytes, sizeof(bytes));
	hex(secret, bytes, sizeof(bytes));
	OPENSSL_cleanse(bytes, sizeof(bytes));
}

static void
digest(const char *text, char to[HASH_LEN + 1])
{
	unsigned char sum[SHA256_DIGEST_LENGTH];

	SHA256((const unsigned char *)text, strlen(text), sum);
	hex(to, sum, sizeof(sum));
}

char *
secret_hash(struct arena *a, const char *secret)
{
	char sum[HASH_LEN + 1];

	digest(secret, sum);
	return arena_printf(a, "%s%s", hash_prefix, sum);
}

/* The digest in what secret_hash made, or NULL. */
static const char *
hashed(const char *kept)
{
	const size_t n = sizeof(hash_prefix) - 1;

	if (strncmp(kept, hash_prefix, n) != 0 ||
	    strlen(kept + n) != HASH_LEN ||
	    strspn(kept + n, hex_digits) != HASH_LEN)
		return NULL;
	return kept + n;
}

bool
secret_is(const char *kept, const char *secret)
{
	bool some = kept != NULL && *kept != '\0';
	char given[HASH_LEN + 1], clear[HASH_LEN + 1];
	const char *known;

	digest(secret, given);
	digest(some ? kept : "", clear);
	if (!some || (known = hashed(kept)) == NULL)
		known = clear;
	return CRYPTO_memcmp(given, known, HASH_LEN) == 0 && some;
}

char *
base64_decode(struct arena *a, const char *text)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t len = strlen(text), n = strspn(text, alphabet), pad = len - n;
	unsigned char *bytes;

	if (len == 0 || len > LINE_MAX_BYTES || len % 4 != 0 || pad > 2 ||
	    strspn(text + n, "=") != pad)
		return NULL;
	bytes = arena_alloc(a, len / 4 * 3 + 1);
	if (EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)len) == -1)
		return NULL;
	n = len / 4 * 3 - pad;
	bytes[n] = '\0';
	return memchr(bytes, '\0', n) != NULL ? NULL : (char *)bytes;
}
