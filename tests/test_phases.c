/* test_phases.c - operations that do the work of several: on the reference device and on every instruction set, for any
 * number of threads, the bits of the operations they stand for, which are what runs while recording. */
#include <stdlib.h>
#include "base/rng.h"
#include "cpu/simd.h"
#include "ops/device.h"
#include "test.h"

enum { MOST_POOLS = 4, MOST_OUT = 12 };
static pool *pools[MOST_POOLS]; /* of 1 (NULL), 2, 3, 4 threads */
static rng dice = {11, 0};
static cx inputs; /* holds what the cases read */

static tensor *normal(int rows, int cols, double by)
{
    tensor *x = tensor_new(&inputs, rows, cols);
    for (int i = 0; i < rows * cols; i++) reals(x)[i] = (real)(by * rng_normal(&dice));
    return x;
}

static tensor *weight(dtype type, int in, int out, int in_rows)
{
    tensor *w = normal(in_rows ? in : out, in_rows ? out : in, 0.2);
    int n = in * out;
    float *x = reals(w);
    w->type = type;
    w->in_rows = in_rows;
    if (type == F32) return w;
    if (type == BF16) {
        uint16_t *to = w->data;
        for (int i = 0; i < n; i++) to[i] = f32_to_bf16(x[i]);
        return w;
    }
    unsigned char *to = w->data; /* q8_0: 32 bytes behind a scale */
    CHECK(type == Q8_0 && w->cols % 32 == 0);
    for (int i = 0; i < n / 32 * 34; i++) to[i] = (unsigned char)rng_u64(&dice);
    for (int i = 0; i < n / 32; i++) memcpy(to + 34 * i, (uint16_t[]){f32_to_f16(0.01f)}, 2);
    return w;
}

/* One way to compute a case: its results in out, how many are returned. */
typedef int case_fn(cx *c, tensor **out);

static void compare(const char *name, case_fn *fn, const batch *b, const device *dev, pool *p)
{
    cx c[2];
    tensor *out[2][MOST_OUT];
    int n = 0;
    static real first[1 << 14], last[2][1 << 14];
    int len = 0;
    for (int i = 0; b && i < b->n_spans; i++) len = 1 << 12;
    for (int i = 0; len && i < b->n_spans; i++) memcpy(first + i * len, b->spans[i].state, (size_t)len * sizeof(real));
    for (int way = 0; way < 2; way++) {
        if (cx_init(&c[way], dev, p)) exit(1);
        c[way].b = b;
        c[way].recording = way;
        for (int i = 0; len && i < b->n_spans; i++) memcpy(b->spans[i].state, first + i * len, (size_t)len * sizeof(real));
        n = fn(&c[way], out[way]);
        for (int i = 0; len && i < b->n_spans; i++)
            memcpy(last[way] + i * len, b->spans[i].state, (size_t)len * sizeof(real));
    }
    for (int i = 0; i < n; i++) {
        size_t bytes = (size_t)out[0][i]->rows * (size_t)out[0][i]->cols * sizeof(real);
        EXPECT(out[0][i]->rows == out[1][i]->rows && out[0][i]->cols == out[1][i]->cols);
        if (memcmp(out[0][i]->data, out[1][i]->data, bytes))
            FAILED("%s, %s, %d threads: result %d has other bits", name, dev == &device_cpu ? simd_name() : dev->name,
                   pool_threads(p), i);
    }
    if (len && memcmp(last[0], last[1], (size_t)(b->n_spans * len) * sizeof(real)))
        FAILED("%s, %s, %d threads: the state has other bits", name, dev == &device_cpu ? simd_name() : dev->name,
               pool_threads(p));
    cx_release(&c[0]);
    cx_release(&c[1]);
}

/* Every device, instruction set and number of threads. */
static void everywhere(const char *name, case_fn *fn, const batch *b)
{
    compare(name, fn, b, &device_reference, NULL);
    for (int i = 0; simd_at(i); i++) {
        if (simd_choose(simd_at(i)->name)) return;
        for (int p = 0; p < MOST_POOLS; p++) compare(name, fn, b, &device_cpu, pools[p]);
    }
}

/* ---- linear maps -------------------------------------------------------------------------------------------------------- */

static struct {
    tensor *x, *x2, *w[8], *bias, *times, *plus;
} lin;

static int linears(cx *c, tensor **y)
{
    LINEARS(c, {.y = &y[0], .x = lin.x, .w = lin.w[0]},
            {.y = &y[1], .x = lin.x2, .w = lin.w[1], .bias = lin.bias, .map = MAP_DECAY7},
            {.y = &y[2], .x = lin.x, .w = lin.w[2], .map = MAP_TANH}, {.x = lin.x},
            {&y[3], lin.x2, lin.w[3], lin.bias, MAP_SIGMOID, lin.times, lin.plus},
            {.y = &y[4], .x = lin.x, .w = lin.w[4], .plus = lin.plus},
            {.y = &y[5], .x = lin.x, .w = lin.w[5], .map = MAP_RELU2, .times = lin.times},
            {.y = &y[6], .x = lin.x2, .w = lin.w[6], .bias = lin.bias});
    return 7;
}

static void grouped_linears(void)
{
    static const int tokens[] = {1, 2, 5, 37, 64};
    static const struct {
        int in, out, rank;
    } sizes[] = {{96, 160, 12}, {320, 96, 64}, {7, 33, 5}};
    static const dtype types[] = {F32, BF16, Q8_0};
    for (int s = 0; s < 3; s++)
        for (int y = 0; y < 3; y++)
            for (int t = 0; t < 5; t++) {
                int in = sizes[s].in, out = sizes[s].out, T = tokens[t];
                dtype type = in % 32 && types[y] == Q8_0 ? F32 : types[y];
                cx_reset(&inputs);
                lin.x = normal(T, in, 1);
                lin.x2 = normal(T, in, 1);
                for (int i = 0; i < 8; i++) lin.w[i] = weight(type, in, out, 0);
                lin.w[1] = weight(F32, in, out, 1);
                lin.w[2] = weight(BF16, in, sizes[s].rank, 1);
                lin.w[5] = weight(F32, in, out, 0);
                lin.bias = normal(1, out, 1);
                lin.times = normal(T, out, 1);
                lin.plus = normal(T, out, 1);
                everywhere("linear maps", linears, NULL);
            }
}

int main(void)
{
    if (cx_init(&inputs, &device_reference, NULL)) return 1;
    for (int i = 1; i < MOST_POOLS; i++)
        if (pool_new(&pools[i], i + 1)) return 1;
    RUN(grouped_linears);
    for (int i = 1; i < MOST_POOLS; i++) pool_free(pools[i]);
    cx_release(&inputs);
    return DONE();
}
