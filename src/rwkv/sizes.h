/* sizes.h - the version of a file, and the sizes of its model. */
#ifndef WKV_RWKV_SIZES_H
#define WKV_RWKV_SIZES_H

#include "rwkv/model.h"

/* The tensor blocks.LAYER.NAME; NULL: there is none. */
const file_tensor *layer_find(const tensors *t, int layer, const char *name);

/* The i-th axis from the last; missing axes are 1: "[1, 1, C]" has axis 0 = C, axis 1 = 1. */
static inline int64_t axis_from_last(const file_tensor *f, int i)
{
    return i < f->dims ? tensor_axis(f, f->dims - 1 - i) : 1;
}

/* rwkv_init with the version and the sizes of the file, checked against each other. On failure m is empty.
 * WKV_EFORMAT, WKV_EUNSUPPORTED, WKV_ENOMEM. */
int rwkv_init_from(rwkv *m, const tensors *t);

#endif
