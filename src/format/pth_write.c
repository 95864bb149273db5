/* pth_write.c - writing a .pth: a zip of a pickle and one entry per tensor's numbers (docs/formats.md 1.2, 1.3).
 *
 * Every size and offset is written in zip's 64-bit records, so that small files and those beyond 4 GB need no separate
 * code. Numbers begin at multiples of 64 bytes of the file, as in torch.save's. */
#define _FILE_OFFSET_BITS 64
#include "base/error.h"
#include "base/stream.h"
#include "format/write.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum {
    ALIGNMENT = 64,
    ZIP64 = 45 /* the version of zip needed to read it */,
    UTF8_NAMES = 0x800,
    DATE_1980 = 0x21
};

static void put_number(FILE *f, uint64_t x, int bytes)
{
    for (int i = 0; i < bytes; i++) putc((int)(x >> 8 * i & 255), f);
}

/* ---- the archive ------------------------------------------------------------------------------------------------- */

typedef struct {
    file_out *out;
    char *folder;    /* of all entries: the file's name without extension */
    FILE *directory; /* in memory, until the end                          */
    int entries;
} archive;

/* The entry being written. */
typedef struct {
    char name[512];
    uint64_t at, size;
    uint32_t crc;
} entry;

/* The common fields of the entry's two headers, up to the length of the name. The CRC of a local one is filled in
 * later. */
static void put_header(FILE *f, const entry *e)
{
    put_number(f, ZIP64, 2);
    put_number(f, UTF8_NAMES, 2);
    put_number(f, 0, 2); /* not compressed */
    put_number(f, 0, 2);
    put_number(f, DATE_1980, 2);
    put_number(f, e->crc, 4);
    put_number(f, 0xffffffff, 4);
    put_number(f, 0xffffffff, 4);
    put_number(f, strlen(e->name), 2);
}

static void entry_begin(archive *a, entry *e, const char *name, uint64_t size)
{
    FILE *f = a->out->f;
    snprintf(e->name, sizeof e->name, "%s/%s", a->folder, name);
    e->at = (uint64_t)ftello(f);
    e->size = size;
    e->crc = 0;
    uint64_t data = e->at + 30 + strlen(e->name) + 20 + 4;
    int padding = (int)(-data % ALIGNMENT);
    put_number(f, 0x04034b50, 4);
    put_header(f, e);
    put_number(f, (uint64_t)(20 + 4 + padding), 2);
    fputs(e->name, f);
    put_number(f, 1, 2); /* the 64-bit sizes */
    put_number(f, 16, 2);
    put_number(f, size, 8);
    put_number(f, size, 8);
    put_number(f, 0x4246, 2); /* "FB", PyTorch's padding */
    put_number(f, (uint64_t)padding, 2);
    for (int i = 0; i < padding; i++) putc('Z', f);
}

static int entry_end(archive *a, const entry *e)
{
    FILE *f = a->out->f, *d = a->directory;
    if (fseeko(f, (off_t)(e->at + 14), SEEK_SET)) return fail(WKV_EIO, "%s: cannot be written", a->out->path);
    put_number(f, e->crc, 4);
    if (fseeko(f, 0, SEEK_END)) return fail(WKV_EIO, "%s: cannot be written", a->out->path);
    put_number(d, 0x02014b50, 4);
    put_number(d, ZIP64, 2);
    put_header(d, e);
    put_number(d, 4 + 24, 2);
    put_number(d, 0, 2 + 2 + 2);
    put_number(d, 0, 4);
    put_number(d, 0xffffffff, 4);
    fputs(e->name, d);
    put_number(d, 1, 2);
    put_number(d, 24, 2);
    put_number(d, e->size, 8);
    put_number(d, e->size, 8);
    put_number(d, e->at, 8);
    a->entries++;
    return WKV_OK;
}

static int put_entry(archive *a, const char *name, const void *data, size_t size)
{
    entry e;
    entry_begin(a, &e, name, size);
    e.crc = (uint32_t)crc32_z(0, data, size);
    int err = file_put(a->out, data, size);
    return err ? err : entry_end(a, &e);
}

/* The directory and the two records with its offset. */
static void put_directory(archive *a, const char *directory, size_t size)
{
    FILE *f = a->out->f;
    uint64_t at = (uint64_t)ftello(f), n = (uint64_t)a->entries;
    fwrite(directory, 1, size, f);
    put_number(f, 0x06064b50, 4);
    put_number(f, 44, 8);
    put_number(f, ZIP64, 2);
    put_number(f, ZIP64, 2);
    put_number(f, 0, 4 + 4);
    put_number(f, n, 8);
    put_number(f, n, 8);
    put_number(f, size, 8);
    put_number(f, at, 8);
    put_number(f, 0x07064b50, 4);
    put_number(f, 0, 4);
    put_number(f, at + size, 8);
    put_number(f, 1, 4);
    put_number(f, 0x06054b50, 4);
    put_number(f, 0, 2 + 2);
    put_number(f, 0xffff, 2);
    put_number(f, 0xffff, 2);
    put_number(f, 0xffffffff, 4);
    put_number(f, 0xffffffff, 4);
    put_number(f, 0, 2);
}

/* ---- the pickle: {name: _rebuild_tensor_v2(storage, 0, shape, stride, False, OrderedDict())} --------------------- */

static void pickle_text(FILE *p, const char *s)
{
    putc('X', p);
    put_number(p, strlen(s), 4);
    fputs(s, p);
}

static void pickle_number(FILE *p, int64_t x)
{
    if (x <= INT32_MAX) {
        putc('J', p);
        put_number(p, (uint64_t)x, 4);
    } else {
        fputs("\x8a\x08", p);
        put_number(p, (uint64_t)x, 8);
    }
}

static void pickle_tensor(FILE *p, const tensor_out *t, int number)
{
    static const char *const storage[DTYPES] = {[F32] = "Float", [F16] = "Half", [BF16] = "BFloat16"};
    char key[16];
    CHECK(t->type <= BF16 && storage[t->type]);
    snprintf(key, sizeof key, "%d", number);
    pickle_text(p, t->name);
    fputs("ctorch._utils\n_rebuild_tensor_v2\n((", p);
    pickle_text(p, "storage");
    fprintf(p, "ctorch\n%sStorage\n", storage[t->type]);
    pickle_text(p, key);
    pickle_text(p, "cpu");
    pickle_number(p, tensor_out_values(t));
    fputs("tQ", p);
    pickle_number(p, 0);
    putc('(', p);
    for (int i = 0; i < t->dims; i++) pickle_number(p, t->shape[i]);
    fputs("t(", p);
    for (int i = 0; i < t->dims; i++) {
        int64_t stride = 1;
        for (int j = i + 1; j < t->dims; j++) stride *= t->shape[j];
        pickle_number(p, stride);
    }
    fputs("t\x89"
          "ccollections\nOrderedDict\n)RtR",
          p);
}

static int put_pickle(archive *a, const tensor_out *t, int n)
{
    stream pickle;
    FILE *p = stream_open(&pickle);
    if (!p) return fail(WKV_ENOMEM, "%s: no memory", a->out->path);
    fputs("\x80\x02}(", p);
    for (int i = 0; i < n; i++) pickle_tensor(p, &t[i], i);
    fputs("u.", p);
    int err = stream_close(p, &pickle, a->out->path);
    if (!err) err = put_entry(a, "data.pkl", pickle.text, pickle.n);
    free(pickle.text);
    return err;
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

static int put_all(archive *a, const tensor_out *t, int n)
{
    int err = put_pickle(a, t, n);
    if (!err) err = put_entry(a, "byteorder", "little", 6);
    for (int i = 0; !err && i < n; i++) {
        char name[32];
        entry one;
        snprintf(name, sizeof name, "data/%d", i);
        entry_begin(a, &one, name, (uint64_t)tensor_out_bytes(&t[i]));
        err = tensor_put(a->out, &t[i], &one.crc);
        if (!err) err = entry_end(a, &one);
    }
    return err ? err : put_entry(a, "version", "3\n", 2);
}

/* "model" of "some/where/model.pth", at most 200 bytes of it */
static char *stem(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    size_t n = dot && dot > name ? (size_t)(dot - name) : strlen(name);
    return n && n <= 200 ? strndup(name, n) : strdup("archive");
}

int pth_put(file_out *f, const tensor_out *t, int n)
{
    archive a = {.out = f, .folder = stem(f->path)};
    stream directory;
    a.directory = stream_open(&directory);
    int err = a.folder && a.directory ? put_all(&a, t, n) : fail(WKV_ENOMEM, "%s: no memory", f->path);
    int lost = stream_close(a.directory, &directory, f->path);
    if (!err) err = lost;
    if (!err) put_directory(&a, directory.text, directory.n);
    free(directory.text);
    free(a.folder);
    return err;
}
