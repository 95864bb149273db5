/* shapes.c - the published sizes of models, and how many of their squared ReLUs are zero. */
#include "bench/synthetic.h"

/* Share of the squared ReLUs that is zero in each layer of two published models of version 7, decoding text: rwkv-sglang's
 * sparsity log. */
static const float zeros7_1b5[] = {.99F, .97F, .97F, .96F, .95F, .93F, .88F, .86F, .84F, .80F, .77F, .76F,
                                   .75F, .77F, .77F, .78F, .83F, .87F, .85F, .88F, .89F, .88F, .86F, .86F};
static const float zeros7_7b2[] = {1.0F, .99F, .99F, .98F, .98F, .98F, .98F, .97F, .96F, .95F, .93F,
                                   .93F, .92F, .90F, .87F, .83F, .81F, .82F, .81F, .81F, .83F, .84F,
                                   .86F, .86F, .89F, .90F, .91F, .89F, .89F, .88F, .88F, .85F};
/* Version 4: nothing is published; "83 % in low layers falling to 67 % in high ones" is said of models of its kind. */
static const float zeros4[] = {.83F, .67F};

#define CURVE(values)                                                                                                  \
    {                                                                                                                  \
        values, (int)(sizeof values / sizeof *values)                                                                  \
    }
static const struct {
    const float *at;
    int n;
} curves[] = {[CURVE_7_1B5] = CURVE(zeros7_1b5), [CURVE_7_7B2] = CURVE(zeros7_7b2), [CURVE_4] = CURVE(zeros4)};

/* Sizes: the papers' tables and the published files; the ranks {w, a, v, g} follow from the numbers of parameters. Of
 * 7:13.3B only their sum is known, from the size of the file. A size without a sparsity curve of its own has that of the
 * nearest, or the mean of two. */
/* clang-format off */
const shape shapes[] = {
    {"7:0.1B", &arch7, 12,  768, 65536, {64, 64, 32, 128},   {CURVE_7_1B5, CURVE_7_1B5}, 191034624},
    {"7:0.4B", &arch7, 24, 1024, 65536, {64, 64, 32, 128},   {CURVE_7_1B5, CURVE_7_1B5}, 450767872},
    {"7:1.5B", &arch7, 24, 2048, 65536, {96, 96, 64, 256},   {CURVE_7_1B5, CURVE_7_1B5}, 1527404544},
    {"7:2.9B", &arch7, 32, 2560, 65536, {96, 96, 64, 320},   {CURVE_7_1B5, CURVE_7_7B2}, 2947735040},
    {"7:7.2B", &arch7, 32, 4096, 65536, {128, 128, 96, 480}, {CURVE_7_7B2, CURVE_7_7B2}, 7199141888},
    {"7:13.3B", &arch7, 61, 4096, 65536, {160, 160, 96, 480}, {CURVE_7_7B2, CURVE_7_7B2}, 13269508096},
    {"4:169M", &arch4, 12,  768, 50277, {0},                 {CURVE_4, CURVE_4}, 169342464},
    {"4:430M", &arch4, 24, 1024, 50277, {0},                 {CURVE_4, CURVE_4}, 430397440},
    {"4:1.5B", &arch4, 24, 2048, 50277, {0},                 {CURVE_4, CURVE_4}, 1515106304},
    {"4:3B",   &arch4, 32, 2560, 50277, {0},                 {CURVE_4, CURVE_4}, 2984627200},
    {"4:7B",   &arch4, 32, 4096, 50277, {0},                 {CURVE_4, CURVE_4}, 7392649216},
    {"4:14B",  &arch4, 40, 5120, 50277, {0},                 {CURVE_4, CURVE_4}, 14148597760},
    {.name = NULL},
};
/* clang-format on */

/* A curve at a depth between 0 and 1, straight between its points. */
static double curve_at(zeros_curve c, double depth)
{
    double x = depth * (curves[c].n - 1);
    int i = (int)x < curves[c].n - 1 ? (int)x : curves[c].n - 2;
    return (double)curves[c].at[i] + (x - i) * (double)(curves[c].at[i + 1] - curves[c].at[i]);
}

double shape_zeros(const shape *s, int layer)
{
    double depth = (double)layer / (s->layers - 1);
    return (curve_at(s->zeros[0], depth) + curve_at(s->zeros[1], depth)) / 2;
}

int shape_init(rwkv *m, const shape *s)
{
    int dim[DIMS] = {[D_C] = s->width, [D_V] = s->vocab, [D_F] = 4 * s->width};
    if (s->arch != &arch4) {
        dim[D_N] = 64;
        dim[D_H] = s->width / 64;
    }
    for (int i = 0; i < 4; i++) dim[D_R0 + i] = s->rank[i];
    return rwkv_init(m, s->arch, s->layers, dim);
}
