/* write.c - the numbers of a tensor into a file. */
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

/* Groups of units, from the values of its rows. */
static int put_units(file_out *f, const tensor_out *t, const float *x, uint32_t *crc)
{
    int64_t F = t->shape[0], C = t->shape[1], row = dtype_bytes(t->type, F), bad = -1, i = 0;
    uint8_t *groups = malloc((size_t)tensor_out_bytes(t)), *rows = malloc((size_t)(32 * row));
    int e = groups && rows ? 0 : fail(WKV_ENOMEM, "%s: no memory for %s", f->path, t->name);
    for (int64_t c = 0; !e && c < C; c += 32) {
        for (i = 0; i < 32 && bad < 0; i++) bad = dtype_encode(t->type, x + (c + i) * F, rows + i * row, F);
        if (bad >= 0) e = cannot_hold(f, t, x[(c + i - 1) * F + bad]);
        else units_put(t->type, groups, rows, row, F, C, c);
    }
    if (!e) e = put(f, groups, (size_t)tensor_out_bytes(t), crc);
    free(rows);
    free(groups);
    return e;
}

/* The blocks of another file, in this one's order. */
static int put_blocks(file_out *f, const tensor_out *t, uint32_t *crc)
{
    size_t bytes = (size_t)tensor_out_bytes(t);
    if (t->by_unit == t->blocks->by_unit) return put(f, t->blocks->data, bytes, crc);
    int64_t F = t->shape[!t->by_unit], C = t->shape[t->by_unit], row = dtype_bytes(t->type, F);
    uint8_t *turned = malloc(bytes);
    if (!turned) return fail(WKV_ENOMEM, "%s: no memory for %s", f->path, t->name);
    for (int64_t c = 0; c < C; c += 32) {
        if (t->by_unit) units_put(t->type, turned, t->blocks->data + c * row, row, F, C, c);
        else units_get(t->type, t->blocks->data, turned + c * row, row, F, C, c);
    }
    int e = put(f, turned, bytes, crc);
    free(turned);
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
    if (!e) e = t->by_unit ? put_units(f, t, x, crc) : put_values(f, t, x, piece, crc);
    free(piece);
    free(x);
    return e;
}
