/* write.c - the numbers of a tensor into a file, and the file verified before it is renamed into place. */
#include "format/panels.h"
#include "format/units.h"
#include "format/write.h"
#include "base/error.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { PIECE = 1 << 16 }; /* values encoded at once, a multiple of every block */

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
    return fail(WKV_EARG, "%s: %s has a value of %g, which %s cannot hold", f->path, t->name, (double)x, dtypes[t->type].name);
}

/* All values of t, PIECE by PIECE. */
static int put_values(file_out *f, const tensor_out *t, const float *x, uint8_t *piece, uint32_t *crc)
{
    int64_t n = tensor_out_values(t);
    for (int64_t at = 0; at < n; at += PIECE) {
        int64_t some = n - at < PIECE ? n - at : PIECE;
        int64_t bad = dtype_encode(t->type, x + at, piece, some);
        if (bad >= 0) return cannot_hold(f, t, x[at + bad]);
        int e = put(f, piece, (size_t)dtype_bytes(t->type, some), crc);
        if (e) return e;
    }
    return WKV_OK;
}

/* Blocks in another order than along rows: 32 rows of them at a time go to their place. */
static void place(const tensor_out *t, uint8_t *all, const uint8_t *rows, int64_t in, int64_t out, int64_t o)
{
    int64_t row = dtype_bytes(t->type, in);
    if (t->by_unit) units_put(t->type, all, rows, row, in, out, o);
    else if (t->panels) panels_put(t->type, all + o * row, rows, row, in);
    else memcpy(all + o * row, rows, (size_t)(32 * row));
}

/* From the values of its rows. */
static int put_turned(file_out *f, const tensor_out *t, const float *x, uint32_t *crc)
{
    int64_t in = t->shape[!t->by_unit], out = t->shape[t->by_unit], row = dtype_bytes(t->type, in), bad = -1, i = 0;
    uint8_t *all = malloc((size_t)tensor_out_bytes(t)), *rows = malloc((size_t)(32 * row));
    int e = all && rows ? 0 : fail(WKV_ENOMEM, "%s: no memory for %s", f->path, t->name);
    for (int64_t o = 0; !e && o < out; o += 32) {
        for (i = 0; i < 32 && bad < 0; i++) bad = dtype_encode(t->type, x + (o + i) * in, rows + i * row, in);
        if (bad >= 0) e = cannot_hold(f, t, x[(o + i - 1) * in + bad]);
        else place(t, all, rows, in, out, o);
    }
    if (!e) e = put(f, all, (size_t)tensor_out_bytes(t), crc);
    free(rows);
    free(all);
    return e;
}

/* The blocks of another file, in this one's order. */
static int put_blocks(file_out *f, const tensor_out *t, uint32_t *crc)
{
    const file_tensor *from = t->blocks;
    size_t bytes = (size_t)tensor_out_bytes(t);
    if (t->by_unit == from->by_unit && t->panels == from->panels) return put(f, from->data, bytes, crc);
    int64_t in = t->shape[!t->by_unit], out = t->shape[t->by_unit], row = dtype_bytes(t->type, in);
    uint8_t *all = malloc(bytes), *rows = malloc((size_t)(32 * row));
    int e = all && rows ? 0 : fail(WKV_ENOMEM, "%s: no memory for %s", f->path, t->name);
    for (int64_t o = 0; !e && o < out; o += 32) {
        const uint8_t *these = from->data + o * row;
        if (from->by_unit) units_get(t->type, from->data, rows, row, in, out, o);
        else if (from->panels) panels_get(t->type, these, rows, row, in);
        place(t, all, from->by_unit || from->panels ? rows : these, in, out, o);
    }
    if (!e) e = put(f, all, bytes, crc);
    free(rows);
    free(all);
    return e;
}

int tensor_put(file_out *f, const tensor_out *t, uint32_t *crc)
{
    if (t->data) return put(f, t->data, (size_t)tensor_out_bytes(t), crc);
    if (t->blocks) return put_blocks(f, t, crc);
    float *x = malloc((size_t)tensor_out_values(t) * sizeof *x);
    uint8_t *piece = malloc(PIECE * sizeof(float));
    int e = x && piece ? t->values(t, x)
                       : fail(WKV_ENOMEM, "%s: no memory for the %lld values of %s", f->path,
                              (long long)tensor_out_values(t), t->name);
    if (!e) e = t->by_unit || t->panels ? put_turned(f, t, x, crc) : put_values(f, t, x, piece, crc);
    free(piece);
    free(x);
    return e;
}

/* ---- whole files ------------------------------------------------------------------------------------------------- */

static int verify_one(const file_out *f, const tensors *written, const tensor_out *t)
{
    const file_tensor *w = tensors_find(written, t->name);
    if (!w) return fail(WKV_EIO, "%s: tensor %s is missing in what was written; is the disk sound?", f->path, t->name);
    int same = w->type == t->type && w->dims == t->dims &&
               !memcmp(w->shape, t->shape, (size_t)t->dims * sizeof *t->shape) && !w->panels == !t->panels &&
               dtype_bytes(w->type, tensor_values(w)) == tensor_out_bytes(t);
    return same ? WKV_OK
                : fail(WKV_EIO, "%s: tensor %s has another type or shape in what was written; is the disk sound?",
                       f->path, t->name);
}

int tensors_verify(file_out *f, const tensor_out *t, int n)
{
    tensors *written = NULL;
    int e = file_sync(f);
    if (!e && (e = tensors_open_stored(&written, f->part))) {
        char why[512];
        snprintf(why, sizeof why, "%s", wkv_error());
        e = fail(e == WKV_ENOMEM ? e : WKV_EIO, "%s: what was written cannot be read again: %s", f->path, why);
    }
    if (!e && tensors_count(written) != n)
        e = fail(WKV_EIO, "%s: %d tensors were written, expected %d", f->path, tensors_count(written), n);
    for (int i = 0; !e && i < n; i++) e = verify_one(f, written, &t[i]);
    tensors_close(written);
    return e;
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
    int e = file_create(&f, path, FILE_REGULAR);
    return e ? e : tensors_commit(&f, safetensors_put(&f, t, n, meta), t, n);
}

int pth_write(const char *path, const tensor_out *t, int n)
{
    file_out f;
    int e = file_create(&f, path, FILE_REGULAR);
    return e ? e : tensors_commit(&f, pth_put(&f, t, n), t, n);
}
