/* digest.c - SHA-256 of nettle. */
#include "session/digest.h"
#include <nettle/version.h>
#include <stdio.h>
#include <string.h>

void digest_begin(digest *d) { sha256_init(&d->sha); }
void digest_put(digest *d, const void *data, size_t bytes) { sha256_update(&d->sha, bytes, data); }
void digest_text(digest *d, const char *text) { digest_put(d, text, strlen(text) + 1); }

void digest_end(digest *d, char out[DIGEST_TEXT])
{
    uint8_t sum[SHA256_DIGEST_SIZE];
#if NETTLE_VERSION_MAJOR >= 4
    sha256_digest(&d->sha, sum);
#else
    sha256_digest(&d->sha, sizeof sum, sum);
#endif
    for (int i = 0; i < SHA256_DIGEST_SIZE; i++) snprintf(out + 2 * i, 3, "%02x", sum[i]);
}
