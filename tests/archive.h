/* archive.h - zip archives and pickles in memory, for tests of files that torch.save does not write. */
#ifndef WKV_TESTS_ARCHIVE_H
#define WKV_TESTS_ARCHIVE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

typedef struct {
    uint8_t *data;
    size_t size;
} bytes;

static inline void put(bytes *b, const void *data, size_t n)
{
    b->data = realloc(b->data, b->size + n + 1);
    memcpy(b->data + b->size, data, n);
    b->size += n;
}

static inline void put_number(bytes *b, uint64_t x, size_t n) { put(b, &x, n); }

typedef struct {
    bytes file, directory;
    int entries, zip64;
} archive;

/* A local header, with zeros for the sizes as PyTorch's have. */
static inline void put_local(bytes *to, const char *name, int method)
{
    size_t len = strlen(name);
    put(to, "PK\3\4\0\0\10\10", 8);
    put_number(to, (uint64_t)method, 2);
    put(to, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
    put_number(to, len, 2);
    put_number(to, 5, 2); /* an extra field missing in the directory */
    put(to, name, len);
    put(to, "FB\1\0Z", 5);
}

/* The directory's entry for the data at `at`. With zip64 every size and offset is in the extra field. */
static inline void put_entry(archive *a, const char *name, int method, uint64_t packed, uint64_t size, uint64_t at)
{
    bytes *d = &a->directory;
    size_t len = strlen(name);
    put(d, "PK\1\2\0\0\0\0\10\10", 10);
    put_number(d, (uint64_t)method, 2);
    put_number(d, 0, 8);
    put_number(d, a->zip64 ? 0xffffffff : packed, 4);
    put_number(d, a->zip64 ? 0xffffffff : size, 4);
    put_number(d, len, 2);
    put_number(d, a->zip64 ? 28 : 0, 2);
    put_number(d, 0, 8);
    put_number(d, 0, 2);
    put_number(d, a->zip64 ? 0xffffffff : at, 4);
    put(d, name, len);
    if (a->zip64) {
        put(d, "\1\0\30\0", 4);
        put_number(d, size, 8);
        put_number(d, packed, 8);
        put_number(d, at, 8);
    }
    a->entries++;
}

/* The end of an archive with its directory at `at`. */
static inline void put_end(bytes *to, const archive *a, uint64_t at)
{
    uint64_t n = (uint64_t)a->entries, size = a->directory.size;
    if (a->zip64) {
        put(to, "PK\6\6", 4);
        put_number(to, 44, 8);
        put_number(to, 0, 8);
        put_number(to, 0, 4);
        put_number(to, n, 8);
        put_number(to, n, 8);
        put_number(to, size, 8);
        put_number(to, at, 8);
        put(to, "PK\6\7\0\0\0\0", 8);
        put_number(to, at + size, 8);
        put_number(to, 1, 4);
    }
    put(to, "PK\5\6\0\0\0\0", 8);
    put_number(to, a->zip64 ? 0xffff : n, 2);
    put_number(to, a->zip64 ? 0xffff : n, 2);
    put_number(to, a->zip64 ? 0xffffffff : size, 4);
    put_number(to, a->zip64 ? 0xffffffff : at, 4);
    put_number(to, 0, 2);
}

static inline void archive_add(archive *a, const char *name, const void *data, size_t n, int deflated)
{
    size_t at = a->file.size, packed = n;
    uint8_t *small = NULL;
    if (deflated) {
        z_stream s = {0};
        deflateInit2(&s, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
        packed = deflateBound(&s, n);
        small = malloc(packed);
        s.next_in = (Bytef *)data;
        s.avail_in = (uInt)n;
        s.next_out = small;
        s.avail_out = (uInt)packed;
        deflate(&s, Z_FINISH);
        packed = s.total_out;
        deflateEnd(&s);
    }
    put_local(&a->file, name, deflated ? 8 : 0);
    put(&a->file, deflated ? small : data, packed);
    put_entry(a, name, deflated ? 8 : 0, packed, n, at);
    free(small);
}

/* The whole file, which the caller frees. */
static inline bytes archive_end(archive *a)
{
    uint64_t at = a->file.size;
    put(&a->file, a->directory.data, a->directory.size);
    put_end(&a->file, a, at);
    free(a->directory.data);
    return a->file;
}

/* Pieces of the pickle of {'x': a tensor of 4 floats in storage '0'}. */
#define STORAGE                                                                                                        \
    "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"                                                                 \
    "0X\3\0\0\0cpuK\4tQ"
#define HOOKS "ccollections\nOrderedDict\n)R"
#define TENSOR(offset, shape, stride)                                                                                  \
    "ctorch._utils\n_rebuild_tensor_v2\n(" STORAGE "K" offset shape stride "\x89" HOOKS "tR"
#define VECTOR TENSOR("\0", "K\4\x85", "K\1\x85")
#define DICT(items) "\x80\2}" items "."
#define KEY "X\1\0\0\0x"

/* A .pth of this pickle and 4 floats. */
static inline bytes make_pth(const char *pickle, size_t n, int zip64, int deflated)
{
    static const float four[] = {1, 2, 3, 4};
    archive a = {.zip64 = zip64};
    archive_add(&a, "any/data.pkl", pickle, n, deflated);
    archive_add(&a, "any/byteorder", "little", 6, 0);
    archive_add(&a, "any/data/0", four, sizeof four, deflated);
    archive_add(&a, "any/version", "3\n", 2, 0);
    return archive_end(&a);
}

#endif
