/* write.h - named tensors into files that the tools of the ecosystem open. Spec FORMATS 3.1. */
#ifndef WKV_FORMAT_WRITE_H
#define WKV_FORMAT_WRITE_H

#include "format/tensors.h"

typedef struct {
    const char *name; /* official */
    dtype type;       /* one value each: F32, F16, BF16, F64 or a whole number */
    int dims;
    int64_t shape[MAX_DIMS];
    const void *data; /* row-major */
} tensor_out;

/* Write n tensors to `path`, beside it first and renamed when complete. meta: key, value, ..., NULL; or NULL for none. Data begins
 * at a multiple of 8 and wider types come first (otherwise in the order given), so that every value is aligned in a mapping. */
int safetensors_write(const char *path, const tensor_out *t, int n, const char *const *meta);

#endif
