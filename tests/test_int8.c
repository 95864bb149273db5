/* test_int8.c - matrix products in integer arithmetic, every instance that this machine can run, every type of weight:
 * the bits of the plain loops below, which are int8.h's definition; and the distance of that definition from exact
 * arithmetic. */
#define _GNU_SOURCE
#include <stdlib.h>
#include "base/error.h"
#include "base/rng.h"
#include "cpu/int8.h"
#include "ops/device.h"
#include "test.h"
#include "base/platform/pages.h"
#include "cpu/fma.h"

static rng dice = {11, 0};

/* ---- the definition ---------------------------------------------------------------------------------------------- */

typedef struct {
    float d, m;
    int q[32], halves;
    float second; /* scale of the second half, with halves */
} weights32;

static float half_at(const uint8_t *p)
{
    uint16_t h;
    memcpy(&h, p, 2);
    return f16_to_f32(h);
}

/* Block b of a row. */
static weights32 block_of(dtype type, const uint8_t *row, int b)
{
    weights32 w = {0};
    const uint8_t *p = row + (dtypes[type].values == 32 ? b : b / 8) * dtypes[type].bytes;
    int j = b % 8;
    uint32_t fifth = 0;
    if (type == Q5_0) memcpy(&fifth, p + 2, 4);
    if (type == Q5_1) memcpy(&fifth, p + 4, 4);
    if (dtypes[type].values == 32) {
        w.d = half_at(p);
        if (type == Q4_1 || type == Q5_1) w.m = half_at(p + 2);
        const uint8_t *q = p + dtypes[type].bytes - (type == Q8_0 ? 32 : 16);
        int zero = type == Q4_0 ? 8 : type == Q5_0 ? 16 : 0;
        for (int i = 0; i < 32; i++)
            w.q[i] = type == Q8_0 ? (int8_t)q[i] : (q[i % 16] >> i / 16 * 4 & 15) + (int)(fifth >> i & 1) * 16 - zero;
    } else if (type == Q6_K) {
        int half = j / 4, part = j % 4;
        const uint8_t *low = p + 64 * half, *high = p + 128 + 32 * half;
        w.halves = 1;
        w.d = half_at(p + 208) * (float)(int8_t)p[192 + 2 * j];
        w.second = half_at(p + 208) * (float)(int8_t)p[192 + 2 * j + 1];
        for (int i = 0; i < 32; i++)
            w.q[i] = ((low[i + 32 * (part & 1)] >> 4 * (part >> 1) & 15) | (high[i] >> 2 * part & 3) << 4) - 32;
    } else {
        const uint8_t *sc = p + 4, *q = p + (type == Q5_K ? 48 : 16);
        int s = j < 4 ? sc[j] & 63 : (sc[j + 4] & 15) | (sc[j - 4] >> 6) << 4;
        int m = j < 4 ? sc[j + 4] & 63 : sc[j + 4] >> 4 | (sc[j] >> 6) << 4;
        w.d = half_at(p) * (float)s;
        w.m = half_at(p + 2) * (float)-m;
        for (int i = 0; i < 32; i++) {
            w.q[i] = q[32 * (j / 2) + i] >> j % 2 * 4 & 15;
            if (type == Q5_K) w.q[i] += (p[16 + i] >> j & 1) * 16;
        }
    }
    return w;
}

static int has_minimum(dtype type) { return type == Q4_1 || type == Q5_1 || type == Q4_K || type == Q5_K; }

static float defined(dtype type, const uint8_t *row, const float *x, int I, float scale)
{
    volatile float y = 0, step; /* each product is rounded by itself */
    for (int b = 0; b < I / 32; b++, x += 32) {
        float most = 0, d;
        int q[32], sum[2] = {0}, total[2] = {0};
        weights32 w = block_of(type, row, b);
        for (int i = 0; i < 32; i++) most = fmaxf(most, fabsf(x[i]));
        d = most / 127;
        if (d < 0x1p-126f) d = 0;
        for (int i = 0; i < 32; i++) {
            q[i] = d > 0 ? (int)nearbyintf(x[i] / d) : 0;
            sum[i / 16] += w.q[i] * q[i];
            total[i / 16] += q[i];
        }
        if (w.halves) {
            step = w.d * d;
            y = fma_once((float)sum[0], step, y);
            step = w.second * d;
            y = fma_once((float)sum[1], step, y);
            continue;
        }
        step = w.d * d;
        y = fma_once((float)(sum[0] + sum[1]), step, y);
        if (has_minimum(type)) {
            step = d * (float)(total[0] + total[1]);
            y = fma_once(w.m, step, y);
        }
    }
    return y * scale;
}

/* The result of exact arithmetic; *off: the error bound of rounding x to bytes, half a step for every weight. */
static double exactly(dtype type, const uint8_t *row, const float *x, int I, double *off)
{
    float w[I];
    double y = 0;
    dtype_decode(type, row, w, I);
    *off = 0;
    for (int b = 0; b < I; b += 32) {
        double most = 0, all = 0;
        for (int i = b; i < b + 32; i++) {
            most = fmax(most, fabs((double)x[i]));
            all += fabs((double)w[i]);
            y += (double)w[i] * (double)x[i];
        }
        *off += all * most * (1 / 254.0 + 1e-5) + 1e-30;
    }
    return y;
}

/* ---- arrays that end at a page which may not be touched ---------------------------------------------------------- */

typedef struct {
    char *base;
    size_t all;
    void *p;
} fence;

static fence fenced(size_t bytes)
{
    size_t page = pages_size(), data = (bytes + page - 1) / page * page;
    char *base = pages_new(data + page);
    CHECK(base);
    pages_forbid(base + data, page);
    return (fence){base, data + page, base + data - bytes};
}

static void drop(fence f) { pages_release(f.base, f.all); }

static void put_f16(uint8_t *at, float x)
{
    uint16_t h = f32_to_f16(x);
    memcpy(at, &h, 2);
}

/* Random blocks, one in four of Q8_0's of -128 and 127 only. */
static fence random_weights(dtype type, int O, int I)
{
    size_t bytes = (size_t)dtype_bytes(type, (int64_t)O * I);
    fence f = fenced(bytes);
    uint8_t *p = f.p;
    for (size_t i = 0; i < bytes; i++) p[i] = (uint8_t)rng_u64(&dice);
    for (size_t b = 0; b < bytes; b += (size_t)dtypes[type].bytes) {
        float d = (1 + (float)rng_uniform(&dice)) / 64;
        if (type == Q8_0 && rng_u64(&dice) % 4 == 0)
            for (int i = 0; i < 32; i++) p[b + 2 + (size_t)i] = rng_u64(&dice) & 1 ? 0x80 : 0x7f;
        put_f16(p + b + (type == Q6_K ? 208 : 0), rng_u64(&dice) & 1 ? d : -d);
        if (has_minimum(type)) put_f16(p + b + 2, d);
    }
    return f;
}

/* Activations of very different sizes; blocks of zeros, of one value, of the smallest numbers. */
static fence random_x(int T, int I)
{
    fence f = fenced(sizeof(float) * (size_t)T * (size_t)I);
    float *x = f.p;
    for (int b = 0; b < T * I / 32; b++, x += 32) {
        float by = expf(4 * (float)rng_normal(&dice));
        int kind = (int)(rng_u64(&dice) % 12);
        for (int i = 0; i < 32; i++) x[i] = kind == 0 ? 0 : kind == 1 ? by : by * (float)rng_normal(&dice);
        if (kind == 2) x[rng_u64(&dice) % 32] = 0x1p-140f;
        for (int i = 0; i < 32 && kind == 3; i++) x[i] = 0x1p-130f;
        for (int i = 0; i < 32 && kind == 4; i++) x[i] = (float)(i - 16) / 2; /* ties */
    }
    return f;
}

static const int8_set *set;

static float *run(int8_gemm *gemm, const float *x, const void *w, dtype type, int T, int O, int I, float scale)
{
    fence q = fenced(sizeof(x256) * int8_chunks(T, I)), scratch = fenced((set->scratch(T) + 63) / 64 * 64);
    float *y = malloc(sizeof *y * (size_t)T * (size_t)O);
    set->quantize(q.p, (size_t)T, x, (size_t)I, T, I);
    gemm(&(int8_args){.y = y,
                      .y_stride = (size_t)O,
                      .x = q.p,
                      .x_step = (size_t)T,
                      .w = w,
                      .w_bytes = (size_t)dtype_bytes(type, I),
                      .type = type,
                      .T = T,
                      .O = O,
                      .I = I,
                      .scale = scale,
                      .scratch = scratch.p});
    drop(q);
    drop(scratch);
    return y;
}

/* The same blocks interleaved have to give the same bits. */
static void check_interleaved(const float *y, const float *x, const uint8_t *rows, dtype type, int T, int O, int I,
                              float scale)
{
    int64_t row = dtype_bytes(type, I);
    const stored_weight stored = {LAYOUT_INTERLEAVED, type, .in = I, .out = O};
    if (!layout_fits(LAYOUT_INTERLEAVED, type, I, O)) return;
    fence w = fenced((size_t)(row * O));
    for (int o = 0; o < O; o += LAYOUT_TILE) layout_put(&stored, w.p, o, LAYOUT_TILE, rows + o * row);
    float *z = run(set->interleaved, x, w.p, type, T, O, I, scale);
    if (memcmp(y, z, sizeof *z * (size_t)(T * O)))
        FAILED("%s %s %d -> %d, T %d: interleaved weights differ", set->name, dtypes[type].name, I, O, T);
    free(z);
    drop(w);
}

static void check(dtype type, int I, int O, int T)
{
    float scale = rng_u64(&dice) & 1 ? 1 : 0.3f;
    fence w = random_weights(type, O, I), x = random_x(T, I);
    float *y = run(set->product, x.p, w.p, type, T, O, I, scale);
    int bad = 0;
    for (int t = 0; t < T; t++)
        for (int o = 0; o < O; o++) {
            const uint8_t *row = (const uint8_t *)w.p + (size_t)o * (size_t)dtype_bytes(type, I);
            const float *xt = (float *)x.p + (size_t)t * (size_t)I;
            double off, far = fabs((double)y[(size_t)t * (size_t)O + (size_t)o] -
                                   (double)scale * exactly(type, row, xt, I, &off));
            float e = defined(type, row, xt, I, scale);
            if (!(far <= off) && !bad++) FAILED("%s %s: %g away, more than %g", set->name, dtypes[type].name, far, off);
            if (memcmp(&e, &y[(size_t)t * (size_t)O + (size_t)o], sizeof e) && !bad++)
                FAILED("%s %s %d -> %d, T %d: y[%d][%d] is %.9g, not %.9g", set->name, dtypes[type].name, I, O, T, t, o,
                       (double)y[(size_t)t * (size_t)O + (size_t)o], (double)e);
        }
    if (bad) printf("%d of %d\n", bad, T * O);
    check_interleaved(y, x.p, w.p, type, T, O, I, scale);
    free(y);
    drop(w);
    drop(x);
}

static void definition(void)
{
    static const int outs[] = {1, 3, 16, 17, 31, 33, 64, 70, 97}, ins[] = {32, 64, 96, 224, 256, 288, 512, 608};
    for (dtype type = Q8_0; type <= Q6_K; type++)
        for (int T = 1; T <= 40; T++) {
            int block = dtypes[type].values, I = ins[rng_u64(&dice) % 8];
            check(type, (I + block - 1) / block * block, outs[rng_u64(&dice) % 9], T);
            if (block == 32 && T % 4 == 1) check(type, I, 32 + 32 * (T % 3), T);
        }
}

/* More tokens than a panel is filled for. */
static void long_text(void)
{
    check(Q8_0, 64, 5, INT8_BLOCK + 9);
    check(Q6_K, 256, 5, INT8_BLOCK + 1);
}

static void not_numbers(void)
{
    enum { I = 96, O = 20 };
    for (int T = 1; T <= 6; T += 5) {
        fence w = random_weights(Q8_0, O, I), x = random_x(T, I);
        ((float *)x.p)[40] = NAN;
        float *y = run(set->product, x.p, w.p, Q8_0, T, O, I, 1);
        for (int o = 0; o < O; o++) EXPECT(isnan(y[o]));
        for (int o = O; o < T * O; o++) EXPECT(!isnan(y[o]));
        free(y);
        drop(w);
        drop(x);
    }
}

int main(void)
{
    for (int i = 0; (set = int8_at(i)); i++) {
        printf("-- %s\n", set->name);
        RUN(definition);
        RUN(long_text);
        RUN(not_numbers);
    }
    return DONE();
}
