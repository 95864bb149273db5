/* zip_write.c - writing a zip archive (docs/formats.md 1.2).
 *
 * Every size and offset is written in zip's 64-bit records, so that small files and those beyond 4 GB need no separate
 * code. Data of an entry begin at a multiple of 64 bytes of the file, as in torch.save's. */
#define _FILE_OFFSET_BITS 64
#include "format/zip_write.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { ALIGNMENT = 64, ZIP64 = 45 /* the version of zip needed to read it */, UTF8_NAMES = 0x800, DATE_1980 = 0x21 };

void zip_number(FILE *f, uint64_t x, int bytes)
{
    for (int i = 0; i < bytes; i++) putc((int)(x >> 8 * i & 255), f);
}

int zip_begin(zip_writer *z, file_out *out, const char *folder)
{
    *z = (zip_writer){.out = out, .folder = folder};
    z->directory = stream_open(&z->stored);
    return z->directory ? 0 : fail(WKV_ENOMEM, "%s: no memory", out->path);
}

/* The common fields of the entry's two headers, up to the length of the name. The CRC of a local one is filled in
 * later. */
static void put_header(FILE *f, const zip_written *e)
{
    zip_number(f, ZIP64, 2);
    zip_number(f, UTF8_NAMES, 2);
    zip_number(f, 0, 2); /* not compressed */
    zip_number(f, 0, 2);
    zip_number(f, DATE_1980, 2);
    zip_number(f, e->crc, 4);
    zip_number(f, 0xffffffff, 4);
    zip_number(f, 0xffffffff, 4);
    zip_number(f, strlen(e->name), 2);
}

void zip_entry_begin(zip_writer *z, zip_written *e, const char *name, uint64_t size)
{
    FILE *f = z->out->f;
    snprintf(e->name, sizeof e->name, "%s%s%s", z->folder ? z->folder : "", z->folder ? "/" : "", name);
    e->at = (uint64_t)ftello(f);
    e->size = size;
    e->crc = 0;
    uint64_t data = e->at + 30 + strlen(e->name) + 20 + 4;
    int padding = (int)(-data % ALIGNMENT);
    zip_number(f, 0x04034b50, 4);
    put_header(f, e);
    zip_number(f, (uint64_t)(20 + 4 + padding), 2);
    fputs(e->name, f);
    zip_number(f, 1, 2); /* the 64-bit sizes */
    zip_number(f, 16, 2);
    zip_number(f, size, 8);
    zip_number(f, size, 8);
    zip_number(f, 0x4246, 2); /* "FB", PyTorch's padding */
    zip_number(f, (uint64_t)padding, 2);
    for (int i = 0; i < padding; i++) putc('Z', f);
}

int zip_entry_end(zip_writer *z, const zip_written *e)
{
    FILE *f = z->out->f, *d = z->directory;
    if (fseeko(f, (off_t)(e->at + 14), SEEK_SET)) return fail(WKV_EIO, "%s: cannot be written", z->out->path);
    zip_number(f, e->crc, 4);
    if (fseeko(f, 0, SEEK_END)) return fail(WKV_EIO, "%s: cannot be written", z->out->path);
    zip_number(d, 0x02014b50, 4);
    zip_number(d, ZIP64, 2);
    put_header(d, e);
    zip_number(d, 4 + 24, 2);
    zip_number(d, 0, 2 + 2 + 2);
    zip_number(d, 0, 4);
    zip_number(d, 0xffffffff, 4);
    fputs(e->name, d);
    zip_number(d, 1, 2);
    zip_number(d, 24, 2);
    zip_number(d, e->size, 8);
    zip_number(d, e->size, 8);
    zip_number(d, e->at, 8);
    z->entries++;
    return WKV_OK;
}

int zip_entry_put(zip_writer *z, const char *name, const void *data, size_t size)
{
    zip_written e;
    zip_entry_begin(z, &e, name, size);
    e.crc = (uint32_t)crc32_z(0, data, size);
    int err = file_put(z->out, data, size);
    return err ? err : zip_entry_end(z, &e);
}

/* The directory and the two records with its offset. */
static void put_directory(const zip_writer *z, const char *directory, size_t size)
{
    FILE *f = z->out->f;
    uint64_t at = (uint64_t)ftello(f), n = (uint64_t)z->entries;
    fwrite(directory, 1, size, f);
    zip_number(f, 0x06064b50, 4);
    zip_number(f, 44, 8);
    zip_number(f, ZIP64, 2);
    zip_number(f, ZIP64, 2);
    zip_number(f, 0, 4 + 4);
    zip_number(f, n, 8);
    zip_number(f, n, 8);
    zip_number(f, size, 8);
    zip_number(f, at, 8);
    zip_number(f, 0x07064b50, 4);
    zip_number(f, 0, 4);
    zip_number(f, at + size, 8);
    zip_number(f, 1, 4);
    zip_number(f, 0x06054b50, 4);
    zip_number(f, 0, 2 + 2);
    zip_number(f, 0xffff, 2);
    zip_number(f, 0xffff, 2);
    zip_number(f, 0xffffffff, 4);
    zip_number(f, 0xffffffff, 4);
    zip_number(f, 0, 2);
}

int zip_end(zip_writer *z, int err)
{
    const int lost = stream_close(z->directory, &z->stored, z->out->path);
    if (!err) err = lost;
    if (!err) put_directory(z, z->stored.text, z->stored.n);
    free(z->stored.text);
    return err;
}
