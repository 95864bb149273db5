/* zip.h - the directory of a zip archive in memory (docs/formats.md 1.2). */
#ifndef WKV_FORMAT_ZIP_H
#define WKV_FORMAT_ZIP_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    const char *name;        /* in the archive, not zero-terminated */
    size_t name_len;
    uint64_t size, packed;   /* bytes unpacked and packed  */
    uint64_t header;         /* offset of its local header */
    int method;              /* 0 stored, 8 deflated       */
    int flags;
} zip_entry;

typedef struct {
    const uint8_t *data;
    size_t size;
    zip_entry *entry; /* sorted by name */
    int n;
} zip;

/* Read the central directory (zip64 too). Local headers are not trusted: PyTorch writes zeros into them. */
int zip_open(zip *z, const uint8_t *data, size_t size);
void zip_close(zip *z);
const zip_entry *zip_find(const zip *z, const char *name, size_t len); /* NULL: no such entry */

/* The packed bytes of an entry; fails if they exceed the archive. */
int zip_bytes(const zip *z, const zip_entry *e, const uint8_t **out);
/* Unpack a deflated entry into the `capacity` bytes at dst. WKV_EFORMAT when it has more, or not e->size. */
int zip_inflate(const zip *z, const zip_entry *e, uint8_t *dst, size_t capacity);

#endif
