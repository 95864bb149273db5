/* synthetic.h - the published sizes for synthetic models. */
#ifndef WKV_BENCH_SYNTHETIC_H
#define WKV_BENCH_SYNTHETIC_H

#include "rwkv/model.h"
#include "wkv.h"

typedef struct {
    const arch *arch;
    const published_size *size;
} shape;

/* The i-th published size of all versions; 0 past the last. */
int shape_at(shape *out, int i);

/* Share of a layer's squared ReLUs that is zero. */
double shape_sparsity(const shape *s, int layer);

/* A model of those sizes with empty tensors, for rwkv_each. WKV_ENOMEM. */
int shape_init(rwkv *m, const shape *s);

/* wkv_model_synthetic whose matrices are zeros, which take no memory: for its sizes. */
int synthetic_empty(wkv_model **out, const char *name, const char *type);

#endif
