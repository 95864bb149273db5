/* unpack.h - files compressed by gzip or zstd, in memory. */
#ifndef WKV_TRAIN_UNPACK_H
#define WKV_TRAIN_UNPACK_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of a file, which arrive one block after another. */
typedef struct {
    char *at; /* freed by the caller; a zero byte follows the last */
    size_t n, capacity;
} unpacked;

typedef enum { PACKED_NOT, PACKED_GZIP, PACKED_ZSTD } packing;

/* The compression that the first bytes of a file name. */
packing unpack_kind(const uint8_t *data, size_t size);

/* Unpack all members or frames of a file. `check`, which may be NULL, is called once with the first bytes, some 64 KiB;
 * not 0 stops. WKV_EFORMAT: damaged, or cut short; WKV_ENOMEM, with both sizes: more than the free memory;
 * WKV_EUNSUPPORTED: zstd in a build without libzstd. Sentences have no path. The caller frees out->at after a failure,
 * too. */
typedef int unpack_check(void *user, const char *head, size_t n);
int unpack(unpacked *out, packing kind, const uint8_t *data, size_t size, unpack_check *check, void *user);

#endif
