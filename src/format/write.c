/* write.c - the numbers of a tensor into a file. */
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
