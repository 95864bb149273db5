/* synthetic.h - the published sizes that models can be made of. */
#ifndef WKV_BENCH_SYNTHETIC_H
#define WKV_BENCH_SYNTHETIC_H

#include "rwkv/model.h"

typedef enum { CURVE_7_1B5, CURVE_7_7B2, CURVE_4 } zeros_curve; /* how many squared ReLUs are zero at which depth */

typedef struct {
    const char *name; /* "7:1.5B" */
    const arch *arch;
    int layers, width, vocab, rank[4];
    zeros_curve zeros[2]; /* of which the mean is taken */
    int64_t parameters;   /* as published: what the sizes must amount to */
} shape;

extern const shape shapes[]; /* the last has no name */

/* Share of a layer's squared ReLUs that is zero. */
double shape_zeros(const shape *s, int layer);

/* A model of those sizes whose tensors are empty, for rwkv_each. WKV_ENOMEM. */
int shape_init(rwkv *m, const shape *s);

#endif
