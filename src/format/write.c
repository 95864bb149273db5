/* write.c - the numbers of a tensor into a file. */
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

/* All values of t, PIECE by PIECE. */
static int put_values(file_out *f, const tensor_out *t, const float *x, uint8_t *piece, uint32_t *crc)
{
    int64_t n = tensor_out_values(t);
    for (int64_t at = 0; at < n; at += PIECE) {
        int64_t some = n - at < PIECE ? n - at : PIECE;
        int64_t bad = dtype_encode(t->type, x + at, piece, some);
        if (bad >= 0)
            return fail(WKV_EARG, "%s: %s has a value of %g, which %s cannot hold", f->path, t->name,
                        (double)x[at + bad], dtypes[t->type].name);
        int e = put(f, piece, (size_t)dtype_bytes(t->type, some), crc);
        if (e) return e;
    }
    return WKV_OK;
}

int tensor_put(file_out *f, const tensor_out *t, uint32_t *crc)
{
    if (t->data) return put(f, t->data, (size_t)tensor_out_bytes(t), crc);
    float *x = malloc((size_t)tensor_out_values(t) * sizeof *x);
    uint8_t *piece = malloc(PIECE * sizeof(float));
    int e = x && piece ? t->values(t, x)
                       : fail(WKV_ENOMEM, "%s: no memory for the %lld values of %s", f->path,
                              (long long)tensor_out_values(t), t->name);
    if (!e) e = put_values(f, t, x, piece, crc);
    free(piece);
    free(x);
    return e;
}
