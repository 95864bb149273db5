/* zip.c - reading the central directory of a zip archive, and its entries in place. */
#include "format/zip.h"
#include "base/error.h"
#include "format/bytes.h"
#include <stdlib.h>
#include <zlib.h>

enum { END_BYTES = 22, END64_BYTES = 56, LOCATOR_BYTES = 20, CENTRAL_BYTES = 46, LOCAL_BYTES = 30 };

/* The end record is the last 22 bytes, or before a comment of up to 65535. */
static const uint8_t *find_end(const uint8_t *data, size_t size)
{
    for (size_t back = END_BYTES; back <= size && back <= END_BYTES + 65535; back++) {
        const uint8_t *p = data + size - back;
        if (u32_at(p) == 0x06054b50) return p;
    }
    return NULL;
}

static int compare_entries(const void *a, const void *b)
{
    const zip_entry *x = a, *y = b;
    int order = memcmp(x->name, y->name, x->name_len < y->name_len ? x->name_len : y->name_len);
    return order ? order : (x->name_len > y->name_len) - (x->name_len < y->name_len);
}

/* Sizes and offset beyond 32 bits are in extra field 1, in this order, only those beyond. */
static int read_extra64(zip_entry *e, const uint8_t *extra, size_t len)
{
    cursor c = {extra, extra + len};
    const uint8_t *head;
    while ((head = cursor_take(&c, 4))) {
        const uint8_t *body = cursor_take(&c, u16_at(head + 2));
        if (!body) return 0;
        if (u16_at(head) != 1) continue;
        cursor in = {body, body + u16_at(head + 2)};
        return (e->size != 0xffffffff || get(&in, &e->size, 8)) &&
               (e->packed != 0xffffffff || get(&in, &e->packed, 8)) &&
               (e->header != 0xffffffff || get(&in, &e->header, 8));
    }
    return e->size != 0xffffffff && e->packed != 0xffffffff && e->header != 0xffffffff;
}

static int read_directory(zip *z, uint64_t at, uint64_t bytes, uint64_t count)
{
    if (at > z->size || bytes > z->size - at || count > bytes / CENTRAL_BYTES || count > 1 << 24)
        return fail(WKV_EFORMAT, "the zip's directory (%llu entries, %llu bytes at %llu) does not fit in its %zu bytes",
                    (unsigned long long)count, (unsigned long long)bytes, (unsigned long long)at, z->size);
    z->entry = malloc(sizeof *z->entry * ((size_t)count + 1));
    if (!z->entry) return fail(WKV_ENOMEM, "no memory for a zip of %llu entries", (unsigned long long)count);
    cursor c = {z->data + at, z->data + at + bytes};
    for (uint64_t i = 0; i < count; i++) {
        const uint8_t *p = cursor_take(&c, CENTRAL_BYTES);
        if (!p || u32_at(p) != 0x02014b50)
            return fail(WKV_EFORMAT, "entry %llu of the zip's directory is damaged", (unsigned long long)i);
        size_t name_len = u16_at(p + 28), extra_len = u16_at(p + 30), comment_len = u16_at(p + 32);
        const uint8_t *name = cursor_take(&c, name_len), *extra = cursor_take(&c, extra_len);
        zip_entry e = {.name = (const char *)name,
                       .name_len = name_len,
                       .method = u16_at(p + 10),
                       .flags = u16_at(p + 8),
                       .packed = u32_at(p + 20),
                       .size = u32_at(p + 24),
                       .header = u32_at(p + 42)};
        if (!name || !extra || !cursor_take(&c, comment_len) || !read_extra64(&e, extra, extra_len))
            return fail(WKV_EFORMAT, "entry %llu of the zip's directory is damaged", (unsigned long long)i);
        z->entry[z->n++] = e;
    }
    qsort(z->entry, (size_t)z->n, sizeof *z->entry, compare_entries);
    for (int i = 1; i < z->n; i++) {
        if (!compare_entries(&z->entry[i - 1], &z->entry[i]))
            return fail(WKV_EFORMAT, "the zip has %.*s twice", (int)z->entry[i].name_len, z->entry[i].name);
    }
    return WKV_OK;
}

int zip_open(zip *z, const uint8_t *data, size_t size)
{
    *z = (zip){.data = data, .size = size};
    const uint8_t *end = find_end(data, size);
    if (!end)
        return fail(WKV_EFORMAT,
                    "the end of the zip archive is missing after %zu bytes, as after an interrupted download", size);
    uint64_t count = u16_at(end + 10), bytes = u32_at(end + 12), at = u32_at(end + 16);
    size_t before = (size_t)(end - data);
    if ((count == 0xffff || bytes == 0xffffffff || at == 0xffffffff) && before >= LOCATOR_BYTES &&
        u32_at(end - LOCATOR_BYTES) == 0x07064b50) {
        uint64_t at64 = u64_at(end - LOCATOR_BYTES + 8);
        if (before < END64_BYTES || at64 > before - END64_BYTES || u32_at(data + at64) != 0x06064b50)
            return fail(WKV_EFORMAT, "the zip64 end record is not at byte %llu where the zip's end says",
                        (unsigned long long)at64);
        count = u64_at(data + at64 + 32);
        bytes = u64_at(data + at64 + 40);
        at = u64_at(data + at64 + 48);
    }
    return read_directory(z, at, bytes, count);
}

void zip_close(zip *z)
{
    free(z->entry);
    *z = (zip){0};
}

const zip_entry *zip_find(const zip *z, const char *name, size_t len)
{
    zip_entry key = {.name = name, .name_len = len};
    return z->n ? bsearch(&key, z->entry, (size_t)z->n, sizeof *z->entry, compare_entries) : NULL;
}

int zip_bytes(const zip *z, const zip_entry *e, const uint8_t **out)
{
    int len = (int)e->name_len;
    if (e->flags & 1) return fail(WKV_EUNSUPPORTED, "%.*s in the zip is encrypted", len, e->name);
    if (e->header > z->size || z->size - e->header < LOCAL_BYTES || u32_at(z->data + e->header) != 0x04034b50)
        return fail(WKV_EFORMAT, "%.*s is not at byte %llu of the zip where its directory says", len, e->name,
                    (unsigned long long)e->header);
    const uint8_t *p = z->data + e->header;
    uint64_t at = e->header + LOCAL_BYTES + u16_at(p + 26) + u16_at(p + 28);
    if (at > z->size || e->packed > z->size - at)
        return fail(WKV_EFORMAT, "%.*s needs %llu bytes at %llu of the zip, which has %zu", len, e->name,
                    (unsigned long long)e->packed, (unsigned long long)at, z->size);
    if (e->method == 0 && e->packed != e->size)
        return fail(WKV_EFORMAT, "%.*s is stored in %llu bytes, but its directory says %llu", len, e->name,
                    (unsigned long long)e->packed, (unsigned long long)e->size);
    *out = z->data + at;
    return WKV_OK;
}

int zip_inflate(const zip *z, const zip_entry *e, uint8_t *dst, size_t capacity)
{
    const uint8_t *packed = NULL;
    int err = zip_bytes(z, e, &packed), len = (int)e->name_len;
    if (err) return err;
    if (e->packed > UINT32_MAX || e->size > UINT32_MAX)
        return fail(WKV_EUNSUPPORTED, "%.*s is compressed and over 4 GiB; unpack the zip and store it uncompressed",
                    len, e->name);
    if (e->size > capacity)
        return fail(WKV_EFORMAT, "%.*s decompresses to %llu bytes, expected at most %zu", len, e->name,
                    (unsigned long long)e->size, capacity);
    z_stream s = {.next_in = (Bytef *)packed, .avail_in = (uInt)e->packed, .next_out = dst, .avail_out = (uInt)e->size};
    if (inflateInit2(&s, -MAX_WBITS) != Z_OK) return fail(WKV_ENOMEM, "no memory to decompress %.*s", len, e->name);
    int end = inflate(&s, Z_FINISH);
    inflateEnd(&s);
    if (end != Z_STREAM_END || s.total_out != e->size)
        return fail(WKV_EFORMAT, "%.*s decompresses to %lu bytes, expected %llu", len, e->name,
                    (unsigned long)s.total_out, (unsigned long long)e->size);
    return WKV_OK;
}
