/* test_devices.c - every entry of the CPU device, on every instruction set of this machine, against the reference device:
 * the same values within rounding, and the same bits however rows are cut and threads are counted. */
#include <stdlib.h>
#include "base/rng.h"
#include "cpu/simd.h"
#include "ops/device.h"
#include "test.h"

enum { MOST_POOLS = 3 };
static pool *pools[MOST_POOLS]; /* of 1 (NULL), 2, 3 threads */
static rng dice = {7, 0};

static float *room(size_t n)
{
    float *p = calloc(n + 1, sizeof *p);
    CHECK(p);
    return p;
}

static float *copy(const float *x, size_t n) { return memcpy(room(n), x, n * sizeof *x); }

static float *normal(size_t n, float by)
{
    float *p = room(n);
    for (size_t i = 0; i < n; i++) p[i] = by * (float)rng_normal(&dice);
    return p;
}

/* largest difference, relative to the size of the values expected */
static double apart(const float *found, const float *expected, size_t n)
{
    double most = 0, square = 0;
    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)found[i] - (double)expected[i]);
        if (!(d <= most)) most = d; /* a NaN stays */
        square += (double)expected[i] * (double)expected[i];
    }
    return n ? most / (sqrt(square / (double)n) + 1e-20) : 0;
}

static int same_bits(const float *x, const float *y, size_t n) { return !memcmp(x, y, n * sizeof *x); }

/* ---- weights ------------------------------------------------------------------------------------------------------------ */

static const dtype weight_types[] = {F32, F16, BF16, F64, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K};

static void put_f16(char *at, float x)
{
    uint16_t h = f32_to_f16(x);
    memcpy(at, &h, 2);
}

/* A random weight whose data lie at an odd address. Blocks are random bits under scales that keep the values near 1. */
static tensor weight(dtype type, int rows, int cols, int in_rows, float scale, void **to_free)
{
    size_t values = (size_t)rows * (size_t)cols, bytes = (size_t)dtype_bytes(type, (int64_t)values);
    char *base = malloc(bytes + 64), *data = base + (type == F32 || type == F64 ? 4 : 1);
    CHECK(base);
    for (size_t i = 0; i < bytes; i++) data[i] = (char)rng_u64(&dice);
    if (dtypes[type].values == 1)
        for (size_t i = 0; i < values; i++) {
            float x = (float)rng_normal(&dice);
            double wide = x;
            uint16_t half = type == BF16 ? f32_to_bf16(x) : f32_to_f16(x);
            if (type == F32) memcpy(data + 4 * i, &x, 4);
            else if (type == F64) memcpy(data + 8 * i, &wide, 8);
            else memcpy(data + 2 * i, &half, 2);
        }
    else
        for (size_t b = 0; b < bytes; b += (size_t)dtypes[type].bytes) {
            float d = (1 + (float)rng_uniform(&dice)) / (type == Q8_0 ? 128 : type == Q6_K ? 2048 : type == Q4_K || type == Q5_K ? 512 : 16);
            put_f16(data + b + (type == Q6_K ? 208 : 0), d);
            if (type == Q4_1 || type == Q5_1 || type == Q4_K || type == Q5_K) put_f16(data + b + 2, d);
        }
    *to_free = base;
    return (tensor){.rows = rows, .cols = cols, .type = type, .in_rows = in_rows, .scale = scale, .data = data};
}

static void linear_case(dtype type, int in, int out, int in_rows, int T)
{
    void *to_free;
    tensor w = weight(type, in_rows ? in : out, in_rows ? out : in, in_rows, rng_uniform(&dice) < 0.5 ? 0 : 0.25f, &to_free);
    size_t nx = (size_t)T * (size_t)in, ny = (size_t)T * (size_t)out, nw = (size_t)in * (size_t)out;
    float *x = normal(nx, 1), *dy = normal(ny, 1), *dx0 = normal(nx, 1), *dw0 = normal(nw, 1);
    float *y = room(ny), *y1 = room(ny), *dx = copy(dx0, nx), *dw = copy(dw0, nw), *first[3] = {0};

    device_reference.linear(NULL, y, x, &w, T);
    device_reference.linear_dx(NULL, dx, dy, &w, T);
    device_reference.linear_dw(NULL, dw, dy, x, &w, T);
    for (int p = 0; p < MOST_POOLS; p++) {
        float *dx1 = copy(dx0, nx), *dw1 = copy(dw0, nw);
        device_cpu.linear(pools[p], y1, x, &w, T);
        device_cpu.linear_dx(pools[p], dx1, dy, &w, T);
        device_cpu.linear_dw(pools[p], dw1, dy, x, &w, T);
        if (apart(y1, y, ny) > 2e-5 || apart(dx1, dx, nx) > 2e-5 || apart(dw1, dw, nw) > 2e-5)
            FAILED("%s %s %d -> %d%s, %d tokens: %g, dx %g, dw %g", simd_name(), dtypes[type].name, in, out, in_rows ? " in_rows" : "", T,
                   apart(y1, y, ny), apart(dx1, dx, nx), apart(dw1, dw, nw));
        if (!p) {
            first[0] = copy(y1, ny);
            first[1] = dx1;
            first[2] = dw1;
            continue;
        }
        if (!same_bits(y1, first[0], ny) || !same_bits(dx1, first[1], nx) || !same_bits(dw1, first[2], nw))
            FAILED("%s %s %d -> %d%s, %d tokens: other bits with %d threads", simd_name(), dtypes[type].name, in, out,
                   in_rows ? " in_rows" : "", T, p + 1);
        free(dx1);
        free(dw1);
    }
    /* the same rows in pieces of 1, 2, 3 ... */
    float *dx1 = copy(dx0, nx), *dw1 = copy(dw0, nw);
    for (int t = 0, n = 1; t < T; t += n++) {
        if (n > T - t) n = T - t;
        size_t i = (size_t)t * (size_t)in, o = (size_t)t * (size_t)out;
        device_cpu.linear(pools[1], y1 + o, x + i, &w, n);
        device_cpu.linear_dx(pools[1], dx1 + i, dy + o, &w, n);
        device_cpu.linear_dw(pools[1], dw1, dy + o, x + i, &w, n);
    }
    if (!same_bits(y1, first[0], ny) || !same_bits(dx1, first[1], nx) || !same_bits(dw1, first[2], nw))
        FAILED("%s %s %d -> %d%s, %d tokens: other bits in pieces (%d %d %d)", simd_name(), dtypes[type].name, in, out,
               in_rows ? " in_rows" : "", T, same_bits(y1, first[0], ny), same_bits(dx1, first[1], nx), same_bits(dw1, first[2], nw));
    float *all[] = {x, dy, dx0, dw0, y, y1, dx, dw, dx1, dw1, first[0], first[1], first[2]};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
    free(to_free);
}

static void linear(void)
{
    static const int sizes[] = {1, 7, 64, 100, 257}, tokens[] = {1, 2, 5, 17, 64};
    for (size_t y = 0; y < sizeof weight_types / sizeof *weight_types; y++) {
        int block = dtypes[weight_types[y]].values;
        for (int i = 0; i < 5; i++)
            for (int k = 0; k < 5; k++) {
                int in = sizes[i], out = sizes[(i + k) % 5], T = tokens[k], whole = (sizes[i] + block - 1) / block * block;
                linear_case(weight_types[y], whole, out, 0, T);
                linear_case(weight_types[y], in, (out + block - 1) / block * block, 1, T);
            }
    }
    linear_case(F32, 640, 331, 0, 130); /* more than one block of everything */
    linear_case(F32, 331, 640, 1, 130);
    linear_case(F16, 5000, 40, 0, 70);
    linear_case(Q4_K, 300, 768, 1, 9);
}

int main(void)
{
    for (int i = 1; i < MOST_POOLS; i++)
        if (pool_new(&pools[i], i + 1)) return 1;
    for (int i = 0; simd_at(i); i++) {
        if (simd_choose(simd_at(i)->name)) return 1;
        printf("-- %s\n", simd_name());
        RUN(linear);
    }
    for (int i = 1; i < MOST_POOLS; i++) pool_free(pools[i]);
    return DONE();
}
