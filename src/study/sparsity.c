/* sparsity.c - counts the squared ReLUs that are zero, layer by layer. */
#include "base/error.h"
#include "wkv_probe.h"
#include "wkv_study.h"

enum { WIDTHS = sizeof((wkv_sparsity *)0)->zero / sizeof(int64_t), GROUP = 1 << (WIDTHS - 1) };

/* x: `rows` rows of F, at most GROUP. */
static void count_group(wkv_sparsity *z, const float *x, int rows, int F)
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

static void count_rows(void *layers, const wkv_probed *p)
{
    for (int t = 0; t < p->rows; t += GROUP)
        count_group((wkv_sparsity *)layers + p->layer, p->values + (size_t)t * (size_t)p->cols,
                    p->rows - t < GROUP ? p->rows - t : GROUP, p->cols);
}

int wkv_measure_sparsity(wkv_sparsity *layers, wkv_context *c, const wkv_sequence *sequences, int count)
{
    REQUIRE(layers, "the list of layers");
    int err = wkv_probe_add(c, "ffn_act", count_rows, layers);
    if (err) return err;
    err = wkv_eval_batch(c, sequences, count);
    wkv_probe_remove(c, count_rows, layers);
    return err;
}
