/* synthetic.h - the published sizes that models can be made of. */
#ifndef WKV_BENCH_SYNTHETIC_H
#define WKV_BENCH_SYNTHETIC_H

#include "rwkv/model.h"

typedef struct {
    const char *name; /* "7:1.5B" */
    const arch *arch;
    int layers, width, vocab, rank[4];
    double zeros;       /* share of the squared ReLUs that is zero    */
    int64_t parameters; /* as published: what the sizes must amount to */
} shape;

extern const shape shapes[]; /* the last has no name */

/* A model of those sizes whose tensors are empty, for rwkv_each. WKV_ENOMEM. */
int shape_init(rwkv *m, const shape *s);

#endif
