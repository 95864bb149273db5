/* digest.h - SHA-256 as hexadecimal text. */
#ifndef WKV_SESSION_DIGEST_H
#define WKV_SESSION_DIGEST_H

#include <nettle/sha2.h>
#include <stddef.h>

enum { DIGEST_TEXT = 2 * SHA256_DIGEST_SIZE + 1 };

typedef struct {
    struct sha256_ctx sha;
} digest;

void digest_begin(digest *d);
void digest_put(digest *d, const void *data, size_t bytes);
void digest_text(digest *d, const char *text); /* with its zero byte, so that a list of texts is unambiguous */
void digest_end(digest *d, char out[DIGEST_TEXT]);

#endif
