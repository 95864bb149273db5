/* zip_write.h - writing a zip archive whose entries are not compressed (docs/formats.md 1.2). */
#ifndef WKV_FORMAT_ZIP_WRITE_H
#define WKV_FORMAT_ZIP_WRITE_H

#include <stdint.h>
#include <stdio.h>
#include "base/file.h"
#include "base/stream.h"

typedef struct {
    file_out *out;      /* a regular file: the writer seeks */
    const char *folder; /* of all entries; NULL: none       */
    FILE *directory;    /* in memory, until the end         */
    stream stored;
    int entries;
} zip_writer;

/* The entry being written. */
typedef struct {
    char name[512];
    uint64_t at, size;
    uint32_t crc; /* of its data, set by the caller before zip_entry_end */
} zip_written;

/* WKV_ENOMEM; zip_end follows in any case. */
int zip_begin(zip_writer *z, file_out *out, const char *folder);
/* Begin an entry, after which the caller writes `size` bytes to the file, and end it. WKV_EIO. */
void zip_entry_begin(zip_writer *z, zip_written *e, const char *name, uint64_t size);
int zip_entry_end(zip_writer *z, const zip_written *e);
int zip_entry_put(zip_writer *z, const char *name, const void *data, size_t size); /* all of an entry */
/* Write the directory, unless err is set, which is returned. WKV_ENOMEM. */
int zip_end(zip_writer *z, int err);

/* The lowest bytes of x, in little-endian order. */
void zip_number(FILE *f, uint64_t x, int bytes);

#endif
