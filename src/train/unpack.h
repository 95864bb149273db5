/* unpack.h - decompress gzip and zstd files in memory. */
#ifndef WKV_TRAIN_UNPACK_H
#define WKV_TRAIN_UNPACK_H

#include <stddef.h>
#include <stdint.h>

/* Growing buffer for the bytes of a file. */
typedef struct {
    char *at; /* the caller frees it; zero-terminated */
    size_t n, capacity;
} unpacked;

typedef enum { PACKED_NOT, PACKED_GZIP, PACKED_ZSTD } packing;

/* Compression of a file by its first bytes. */
packing unpack_kind(const uint8_t *data, size_t size);

/* Unpack all members or frames of a file. `check` (may be NULL) is called once with the first bytes, about 64 KiB; not
 * 0 stops. WKV_EFORMAT: damaged or truncated; WKV_ENOMEM, with both sizes: more than the free memory; WKV_EUNSUPPORTED:
 * zstd in a build without libzstd. Messages have no path. The caller frees out->at, also after an error. */
typedef int unpack_check(void *user, const char *head, size_t n);
int unpack(unpacked *out, packing kind, const uint8_t *data, size_t size, unpack_check *check, void *user);

#endif
