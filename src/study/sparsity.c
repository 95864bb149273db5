/* sparsity.c - counts the squared ReLUs that are zero, layer by layer: a context's device that looks at its results. */
#include <stdlib.h>
#include "base/error.h"
#include "ops/device.h"
#include "rwkv/api.h"
#include "wkv_study.h"

enum { WIDTHS = sizeof((wkv_sparsity *)0)->zero / sizeof(int64_t), GROUP = 1 << (WIDTHS - 1) };

/* The counts of the evaluation that runs on this thread; a device's functions do not know their caller. */
static _Thread_local struct {
    void (*linear)(device *, const linear_args *); /* the device's own */
    wkv_sparsity *layers;
    int F, L, layer; /* layer: whose turn it is; each has one squared ReLU */
} seen;

/* x: `rows` rows of F, at most GROUP. */
static void count_group(wkv_sparsity *z, const real *x, int rows, int F)
{
    static const uint32_t firsts[WIDTHS] = {~0u, 0x55555555, 0x11111111, 0x01010101, 0x00010001, 1};
    for (int i = 0; i < F; i++) {
        uint32_t zero = 0; /* a bit for each row; then one at the first row of each pair, four ... that is all zero */
        for (int t = 0; t < rows; t++) zero |= (uint32_t)(x[(size_t)t * (size_t)F + (size_t)i] == 0) << t;
        for (int w = 0; w < WIDTHS; w++) {
            z->zero[w] += __builtin_popcount(zero &= firsts[w]);
            zero &= zero >> (1 << w) % GROUP;
        }
    }
    for (int w = 0; w < WIDTHS; w++) z->of[w] += (int64_t)(rows >> w) * F;
}

static void count_rows(const real *x, int T)
{
    for (int t = 0; t < T; t += GROUP)
        count_group(&seen.layers[seen.layer], x + (size_t)t * (size_t)seen.F, T - t < GROUP ? T - t : GROUP, seen.F);
    seen.layer = (seen.layer + 1) % seen.L;
}

/* The squared ReLU follows a product at once. */
static void counting_linear(device *d, const linear_args *a)
{
    seen.linear(d, a);
    for (int i = 0; i < a->n; i++)
        if (a->q[i].map == MAP_RELU2) count_rows(a->q[i].y, a->T);
}

int wkv_measure_sparsity(wkv_sparsity *layers, wkv_context *c, const wkv_sequence *sequences, int count)
{
    REQUIRE(layers, "the list of layers");
    REQUIRE(c, "the context");
    device *d = context_device(c);
    seen.linear = d->linear;
    seen.layers = layers;
    seen.F = context_model(c)->rwkv.F;
    seen.L = context_model(c)->rwkv.L;
    seen.layer = 0;
    d->linear = counting_linear;
    int err = wkv_eval_batch(c, sequences, count);
    d->linear = seen.linear;
    return err;
}
