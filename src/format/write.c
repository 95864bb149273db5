/* write.c - writing the numbers of a tensor, and verifying the file before it is renamed into place. */
#include "format/write.h"
#include "base/error.h"
#include "base/stream.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { WRITE_CHUNK = 1 << 16 }; /* values encoded at once, a multiple of every block */

int64_t tensor_out_values(const tensor_out *t)
{
    int64_t n = 1;
    for (int i = 0; i < t->dims; i++) n *= t->shape[i];
    return n;
}

int64_t tensor_out_bytes(const tensor_out *t) { return dtype_bytes(t->type, tensor_out_values(t)); }

static int put(file_out *f, const void *data, size_t n, uint32_t *crc)
{
    if (crc) *crc = (uint32_t)crc32_z(*crc, data, n);
    return file_put(f, data, n);
}

static int cannot_hold(const file_out *f, const tensor_out *t, float x)
{
    return fail(WKV_EARG, "%s: %s has a value of %g, which %s cannot represent", f->path, t->name, (double)x,
                dtypes[t->type].name);
}

/* Write all values of t, WRITE_CHUNK at a time. */
static int put_values(file_out *f, const tensor_out *t, const float *x, uint8_t *piece, uint32_t *crc)
{
    int64_t n = tensor_out_values(t);
    for (int64_t at = 0; at < n; at += WRITE_CHUNK) {
        int64_t some = n - at < WRITE_CHUNK ? n - at : WRITE_CHUNK;
        int64_t bad = dtype_encode(t->type, x + at, piece, some);
        if (bad >= 0) return cannot_hold(f, t, x[at + bad]);
        int err = put(f, piece, (size_t)dtype_bytes(t->type, some), crc);
        if (err) return err;
    }
    return WKV_OK;
}

/* Outputs o .. o + 31 in blocks, encoded from x, or if it is NULL copied from another file. */
static int get_rows(const file_out *f, const tensor_out *t, const stored_weight *w, const float *x, int64_t o,
                    uint8_t *rows)
{
    stored_weight from = *w;
    if (!x) {
        from.layout = t->blocks->layout;
        layout_get(&from, t->blocks->data, o, LAYOUT_TILE, rows);
        return WKV_OK;
    }
    int64_t bad = dtype_encode(t->type, x + o * w->in, rows, LAYOUT_TILE * w->in);
    return bad < 0 ? WKV_OK : cannot_hold(f, t, x[o * w->in + bad]);
}

/* Write blocks in t's layout. */
static int put_layout(file_out *f, const tensor_out *t, const float *x, uint32_t *crc)
{
    size_t bytes = (size_t)tensor_out_bytes(t);
    stored_weight w = stored_rows(t->layout, t->type, t->shape[0], t->shape[1]);
    uint8_t *all = malloc(bytes), *rows = malloc((size_t)dtype_bytes(t->type, LAYOUT_TILE * w.in));
    int err = all && rows ? 0 : fail(WKV_ENOMEM, "%s: no memory for %s", f->path, t->name);
    for (int64_t o = 0; !err && o < w.out; o += LAYOUT_TILE)
        if (!(err = get_rows(f, t, &w, x, o, rows))) layout_put(&w, all, o, LAYOUT_TILE, rows);
    if (!err) err = put(f, all, bytes, crc);
    free(rows);
    free(all);
    return err;
}

int tensor_put(file_out *f, const tensor_out *t, uint32_t *crc)
{
    const void *data = t->blocks && t->blocks->layout == t->layout ? t->blocks->data : t->data;
    if (data) return put(f, data, (size_t)tensor_out_bytes(t), crc);
    if (t->blocks) return put_layout(f, t, NULL, crc);
    float *x = malloc((size_t)tensor_out_values(t) * sizeof *x);
    uint8_t *piece = malloc(WRITE_CHUNK * sizeof(float));
    int err = x && piece ? t->values(t, x)
                         : fail(WKV_ENOMEM, "%s: no memory for the %lld values of %s", f->path,
                                (long long)tensor_out_values(t), t->name);
    if (!err) err = layout_permutes_blocks(t->layout) ? put_layout(f, t, x, crc) : put_values(f, t, x, piece, crc);
    free(piece);
    free(x);
    return err;
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static int verify_one(const file_out *f, const tensors *written, const tensor_out *t)
{
    const file_tensor *w = tensors_find(written, t->name);
    if (!w) return fail(WKV_EIO, "%s: tensor %s is missing in the written file; check the disk", f->path, t->name);
    int same = w->type == t->type && w->dims == t->dims &&
               !memcmp(w->shape, t->shape, (size_t)t->dims * sizeof *t->shape) &&
               layout_gguf_mark(w->layout) == layout_gguf_mark(t->layout) &&
               dtype_bytes(w->type, tensor_values(w)) == tensor_out_bytes(t);
    return same ? WKV_OK
                : fail(WKV_EIO, "%s: tensor %s has another type or shape in the written file; check the disk", f->path,
                       t->name);
}

int tensors_verify(file_out *f, const tensor_out *t, int n)
{
    tensors *written = NULL;
    int err = file_sync(f);
    if (!err && (err = tensors_open_stored(&written, f->part))) {
        char why[512];
        snprintf(why, sizeof why, "%s", wkv_error());
        err = fail(err == WKV_ENOMEM ? err : WKV_EIO, "%s: the written file cannot be read back: %s", f->path, why);
    }
    if (!err && tensors_count(written) != n)
        err = fail(WKV_EIO, "%s: the written file has %d tensors, expected %d", f->path, tensors_count(written), n);
    for (int i = 0; !err && i < n; i++) err = verify_one(f, written, &t[i]);
    tensors_close(written);
    return err;
}

int tensors_commit(file_out *f, int err, const tensor_out *t, int n)
{
    if (!err) err = tensors_verify(f, t, n);
    if (!err) return file_commit(f);
    file_abandon(f);
    return err;
}

int safetensors_write(const char *path, const tensor_out *t, int n, const char *const *meta)
{
    file_out f;
    int err = file_create(&f, path, FILE_REGULAR);
    return err ? err : tensors_commit(&f, safetensors_put(&f, t, n, meta), t, n);
}

int safetensors_write_memory(char **out, size_t *bytes, const char *name, const tensor_out *t, int n,
                             const char *const *meta)
{
    stream all;
    file_out f = {.f = stream_open(&all), .path = (char *)(uintptr_t)name};
    int err = f.f ? safetensors_put(&f, t, n, meta) : 0;
    const int lost = stream_close(f.f, &all, name);
    if (!err) err = lost;
    if (err) free(all.text);
    *out = err ? NULL : all.text;
    *bytes = err ? 0 : all.n;
    return err;
}

int pth_write(const char *path, const tensor_out *t, int n)
{
    file_out f;
    int err = file_create(&f, path, FILE_REGULAR);
    return err ? err : tensors_commit(&f, pth_put(&f, t, n), t, n);
}
