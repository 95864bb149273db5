/* unpack.c - gzip by zlib, zstd by libzstd if built with it. */
#include "train/unpack.h"
#include "base/error.h"
#include "base/memory.h"
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

enum { HEAD = 1 << 16 };

packing unpack_kind(const uint8_t *data, size_t size)
{
    if (size >= 3 && !memcmp(data, "\x1f\x8b\x08", 3)) return PACKED_GZIP;
    if (size >= 4 && !memcmp(data, "\x28\xb5\x2f\xfd", 4)) return PACKED_ZSTD;
    return PACKED_NOT;
}

/* Reserve `more` bytes and the zero byte; the buffer doubles while memory is free. */
static int reserve(unpacked *u, size_t more)
{
    size_t need = u->n + more + 1, capacity = u->capacity < HEAD ? HEAD : u->capacity;
    if (need <= u->capacity) return 0;
    size_t there = memory_available();
    while (capacity < need && capacity <= SIZE_MAX / 2) capacity *= 2;
    if (capacity > there || capacity < need) capacity = need; /* `there` excludes the existing buffer */
    char *at = capacity <= there ? realloc(u->at, capacity) : NULL;
    if (!at)
        return fail(WKV_ENOMEM, "unpacks to more than %zu bytes, but only %zu bytes of memory are free", u->n, there);
    u->at = at;
    u->capacity = capacity;
    return 0;
}

/* Bytes [was, n) are new. */
static int check_head(const unpacked *u, size_t was, int last, unpack_check *check, void *user)
{
    int due = check && was < HEAD && (u->n >= HEAD || last);
    return due ? check(user, u->at, u->n) : 0;
}

/* ---- gzip -------------------------------------------------------------------------------------------------------- */

static int inflate_members(z_stream *z, unpacked *out, const uint8_t *data, size_t size, unpack_check *check,
                           void *user)
{
    size_t fed = 0;
    for (int state = Z_OK;;) {
        size_t was = out->n, left = size - fed;
        int err = reserve(out, HEAD);
        if (err) return err;
        if (!z->avail_in && left) {
            z->next_in = (Bytef *)(uintptr_t)(data + fed);
            z->avail_in = (uInt)(left < 1 << 30 ? left : 1 << 30);
            fed += z->avail_in;
        }
        size_t space = out->capacity - out->n - 1;
        z->next_out = (Bytef *)out->at + out->n;
        z->avail_out = (uInt)(space < 1 << 30 ? space : 1 << 30);
        uInt given = z->avail_out;
        state = inflate(z, Z_NO_FLUSH);
        out->n += given - z->avail_out;
        int ended = state == Z_STREAM_END && !z->avail_in && fed == size;
        if (state != Z_OK && state != Z_STREAM_END)
            return fail(WKV_EFORMAT, state == Z_BUF_ERROR ? "is a truncated gzip file" : "is a damaged gzip file");
        if ((err = check_head(out, was, ended, check, user)) || ended) return err;
        if (state == Z_STREAM_END) inflateReset(z); /* next member */
    }
}

static int unpack_gzip(unpacked *out, const uint8_t *data, size_t size, unpack_check *check, void *user)
{
    enum { WINDOW = 15, GZIP = 16 };
    z_stream z = {0};
    if (inflateInit2(&z, WINDOW + GZIP) != Z_OK) return fail(WKV_ENOMEM, "no memory to unpack a file");
    int err = inflate_members(&z, out, data, size, check, user);
    inflateEnd(&z);
    return err;
}

/* ---- zstd -------------------------------------------------------------------------------------------------------- */

#ifdef HAVE_ZSTD
static int decompress_frames(ZSTD_DStream *z, unpacked *out, const uint8_t *data, size_t size, unpack_check *check,
                             void *user)
{
    ZSTD_inBuffer in = {data, size, 0};
    for (;;) {
        size_t was = out->n;
        int err = reserve(out, HEAD);
        if (err) return err;
        ZSTD_outBuffer to = {out->at, out->capacity - 1, out->n};
        size_t state = ZSTD_decompressStream(z, &to, &in);
        out->n = to.pos;
        if (ZSTD_isError(state)) return fail(WKV_EFORMAT, "is a damaged zstd file: %s", ZSTD_getErrorName(state));
        int ended = !state && in.pos == size;
        if (state && in.pos == size && to.pos < to.size) return fail(WKV_EFORMAT, "is a truncated zstd file");
        if ((err = check_head(out, was, ended, check, user)) || ended) return err;
    }
}

static int unpack_zstd(unpacked *out, const uint8_t *data, size_t size, unpack_check *check, void *user)
{
    unsigned long long says = ZSTD_getFrameContentSize(data, size);
    size_t there = memory_available();
    if (says != ZSTD_CONTENTSIZE_UNKNOWN && says != ZSTD_CONTENTSIZE_ERROR && says > there)
        return fail(WKV_ENOMEM, "unpacks to %llu bytes, but only %zu bytes of memory are free", says, there);
    ZSTD_DStream *z = ZSTD_createDStream();
    if (!z) return fail(WKV_ENOMEM, "no memory to unpack a file");
    int err = decompress_frames(z, out, data, size, check, user);
    ZSTD_freeDStream(z);
    return err;
}
#else
static int unpack_zstd(unpacked *out, const uint8_t *data, size_t size, unpack_check *check, void *user)
{
    (void)out, (void)data, (void)size, (void)check, (void)user;
    return fail(WKV_EUNSUPPORTED,
                "is compressed by zstd, but this wkv was built without libzstd; unpack it with zstd -d");
}
#endif

int unpack(unpacked *out, packing kind, const uint8_t *data, size_t size, unpack_check *check, void *user)
{
    *out = (unpacked){0};
    int err = (kind == PACKED_GZIP ? unpack_gzip : unpack_zstd)(out, data, size, check, user);
    if (!err) out->at[out->n] = 0;
    return err;
}
