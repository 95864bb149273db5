/* kernels.c - how fast the entries of the CPU device are, beside what this machine can do: multiply-adds that stay in registers,
 * and reading memory in several streams, both measured in the same run.
 *
 *     kernels [-t THREADS] [-i ISA] [NAME]        only the measurements whose line contains NAME: "linear", "q8_0", "T=32" */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/error.h"
#include "base/rng.h"
#include "bench/int8.h"
#include "cpu/int8.h"
#include "cpu/simd.h"
#include "ops/device.h"

static pool *threads;
static const char *only = "";
static double peak, whole_peak, bandwidth; /* FLOP/s, operations on bytes and bytes/s of all threads */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float *normal(size_t n, float by)
{
    static rng dice = {1, 0};
    float *p = aligned_alloc(64, (n * sizeof *p + 63) / 64 * 64);
    CHECK(p);
    for (size_t i = 0; i < n; i++) p[i] = by * (float)(rng_uniform(&dice) - 0.5) * 3.46f;
    return p;
}

/* ---- measuring ---------------------------------------------------------------------------------------------------------- */

/* The fastest of as many calls as fit into a fraction of a second. */
static double fastest(void (*fn)(void *), void *arg)
{
    double best = 1e30, end = now() + 0.3;
    fn(arg);
    for (int i = 0; i < 3 || now() < end; i++) {
        double t = now();
        fn(arg);
        t = now() - t;
        if (t < best) best = t;
    }
    return best;
}

static void report(const char *name, const char *shape, double seconds, double flops, double bytes, double of)
{
    printf("%-12s %-28s %10.1f us", name, shape, seconds * 1e6);
    if (flops > 0) printf("  %7.1f GFLOP/s %5.1f %%", flops / seconds * 1e-9, 100 * flops / seconds / of);
    if (bytes > 0) printf("  %6.1f GB/s %5.1f %%", bytes / seconds * 1e-9, 100 * bytes / seconds / bandwidth);
    printf("\n");
    fflush(stdout);
}

static const size_t LARGE = (size_t)256 << 20;
static char *large;

static void burn_part(void *arg, int part, int parts)
{
    (void)part, (void)parts;
    *(double *)arg = simd_now()->burn(4000000);
}

static void burn(void *arg) { pool_run(threads, burn_part, arg); }

static void burn_whole_part(void *arg, int part, int parts)
{
    (void)part, (void)parts;
    *(double *)arg = int8_best(simd_name()).burn(4000000);
}

static void burn_whole(void *arg) { pool_run(threads, burn_whole_part, arg); }

static void stream_part(void *arg, int part, int parts)
{
    size_t share = LARGE / (size_t)parts / 64 * 64;
    volatile float keep = simd_now()->stream(large + (size_t)part * share, share);
    (void)keep, (void)arg;
}

static void stream(void *arg) { pool_run(threads, stream_part, arg); }

static void roofs(void)
{
    double flops;
    large = malloc(LARGE);
    CHECK(large);
    memset(large, 1, LARGE);
    double t = fastest(burn, &flops);
    peak = flops * pool_threads(threads) / t;
    t = fastest(burn_whole, &flops);
    whole_peak = flops * pool_threads(threads) / t;
    bandwidth = (double)LARGE / fastest(stream, NULL);
    free(large);
    printf("%s, %d threads: peak %.1f GFLOP/s, %s %.1f GOP/s, memory %.1f GB/s\n", simd_name(), pool_threads(threads), peak * 1e-9,
           int8_now()->name, whole_peak * 1e-9, bandwidth * 1e-9);
}

/* ---- linear ------------------------------------------------------------------------------------------------------------- */

typedef struct {
    tensor *w; /* several copies, so that a weight comes from memory and not from the cache */
    int copies, next, T;
    float *x, *y, *dw;
} linear_case;

static void forward(void *arg)
{
    linear_case *c = arg;
    device_cpu.linear(threads, &(product){.y = c->y, .x = c->x, .w = &c->w[c->next++ % c->copies]}, 1, c->T);
}
static void dx(void *arg)
{
    linear_case *c = arg;
    device_cpu.linear_dx(threads, c->x, c->y, &c->w[c->next++ % c->copies], c->T, 1);
}
static void dw(void *arg)
{
    linear_case *c = arg;
    device_cpu.linear_dw(threads, c->dw, c->y, c->x, c->w, c->T);
}

static void linear(dtype type, int in, int out, weight_layout layout, int T, int cold)
{
    int input_rows = layout_is_input_major(layout);
    char shape[64], line[80];
    size_t bytes = (size_t)dtype_bytes(type, (int64_t)in * out);
    snprintf(shape, sizeof shape, "%s %d->%d%s T=%d", dtypes[type].name, in, out, input_rows ? " input-major" : "", T);
    snprintf(line, sizeof line, "linear %s", shape);
    if (!strstr(line, only)) return;
    linear_case c = {.copies = cold ? (int)((200u << 20) / bytes) + 2 : 1, .T = T};
    c.x = normal((size_t)T * (size_t)in, 1);
    c.y = normal((size_t)T * (size_t)out, 1);
    c.dw = normal((size_t)in * (size_t)out, 1);
    c.w = calloc((size_t)c.copies, sizeof *c.w);
    for (int i = 0; i < c.copies; i++) {
        c.w[i] = (tensor){.rows = input_rows ? in : out, .cols = input_rows ? out : in, .type = type, .layout = layout};
        c.w[i].data = calloc(1, bytes);
        memset(c.w[i].data, 0x11, bytes);
    }
    double flops = 2.0 * in * out * T;
    report("linear", shape, fastest(forward, &c), flops, cold ? (double)bytes : 0,
           int8_takes(type) && !input_rows ? whole_peak : peak);
    if (!cold) report("linear_dx", shape, fastest(dx, &c), flops, 0, peak);
    if (!cold) report("linear_dw", shape, fastest(dw, &c), flops, 0, peak);
    for (int i = 0; i < c.copies; i++) free(c.w[i].data);
    free(c.w);
    free(c.x);
    free(c.y);
    free(c.dw);
}

/* ---- everything else: version 7's shapes -------------------------------------------------------------------------------- */

typedef struct {
    int T, C, heads;
    float *x[16], *row[4], *state, *state0, *dstate, *nll, *max;
    int *argmax;
    int32_t *targets;
    batch b;
    span span;
} shape;

#define OP(name, ...)                                                                                                  \
    static void run_##name(void *arg)                                                                                  \
    {                                                                                                                  \
        shape *s = arg;                                                                                                \
        device_cpu.name(threads, __VA_ARGS__);                                                                         \
    }
OP(add, s->x[0], s->x[1], s->x[2], s->T, s->C, s->T)
OP(lerp, s->x[0], s->x[1], s->x[2], s->row[0], s->T, s->C, 1)
OP(lerp_back, s->x[0], s->x[1], s->row[1], s->x[2], s->x[3], s->x[4], s->row[0], s->T, s->C, 1)
OP(map, MAP_SIGMOID, s->x[0], s->x[1], (size_t)s->T *(size_t)s->C)
OP(map_back, MAP_SILU, s->x[0], s->x[1], s->x[2], s->x[3], (size_t)s->T *(size_t)s->C)
OP(norm, s->x[0], s->x[1], s->row[0], s->row[1], s->T, s->C, 1, 1e-5f)
OP(norm_back, s->x[0], s->row[0], s->row[1], s->x[1], s->x[2], s->row[2], s->T, s->C, 1, 1e-5f)
OP(unit, s->x[0], s->x[1], s->T, s->C, s->heads)
OP(bonus, s->x[0], s->x[1], s->x[2], s->row[0], s->x[3], s->T, s->C, s->heads)
OP(bonus_back, s->x[0], s->x[1], s->row[0], s->x[2], s->x[3], s->x[4], s->x[5], s->row[1], s->x[6], s->T, s->C,
   s->heads)
OP(wkv4, s->x[0], s->x[1], s->x[2], s->row[3], s->row[0], &s->b, s->C, 0)
OP(wkv4_back, s->x[0], s->x[3], s->row[1], s->row[2], s->x[4], s->x[1], s->x[2], s->row[3], s->row[0], s->state0, &s->b,
   s->C, 0)
OP(wkv6, s->x[0], s->x[1], s->x[2], s->x[3], s->x[15], s->T, s->row[0], &s->b, s->C, s->heads, 0)
OP(wkv6_back, s->x[4], s->x[5], s->x[6], s->x[7], s->row[1], s->x[8], s->x[1], s->x[2], s->x[3], s->x[15], s->T,
   s->row[0], s->state0, &s->b, s->C, s->heads, 0)
OP(wkv7, s->x[0], s->x[1], s->x[15], s->x[2], s->x[3], s->x[13], s->x[14], &s->b, s->C, s->heads, 0)
OP(wkv7_back, s->x[4], s->x[5], s->x[6], s->x[7], s->x[8], s->x[9], s->x[10], s->x[1], s->x[15], s->x[2], s->x[3],
   s->x[13], s->x[14], s->state0, &s->b, s->C, s->heads, 0)
OP(softmax_nll, s->x[0], s->nll, s->max, s->argmax, s->targets, s->T, s->C)

/* `matrices` of x are there */
static void shape_init(shape *s, int T, int C, int heads, int matrices)
{
    int N = C / heads;
    size_t n = (size_t)T * (size_t)C;
    *s = (shape){.T = T, .C = C, .heads = heads};
    for (int i = 0; i < matrices; i++) s->x[i] = normal(n, i == 13 || i == 14 ? 0.05f : 0.5f);
    for (size_t i = 0; i < n && s->x[15]; i++) s->x[15][i] = 0.55f + 0.4f * (float)fabs(s->x[15][i]);
    for (int i = 0; i < 4; i++) s->row[i] = normal((size_t)C, 0.5f);
    for (int i = 0; i < C; i++) s->row[3][i] = -1 - s->row[3][i] * s->row[3][i];
    s->state = calloc((size_t)C * (size_t)(N + 3), sizeof(float));
    s->state0 = calloc((size_t)C * (size_t)(N + 3), sizeof(float));
    s->nll = normal((size_t)T, 1);
    s->max = normal((size_t)T, 1);
    s->argmax = calloc((size_t)T, sizeof *s->argmax);
    s->targets = calloc((size_t)T, sizeof *s->targets);
    s->span = (span){0, T, s->state, NULL};
    s->b = (batch){T, 1, &s->span};
}

static void shape_release(shape *s)
{
    for (int i = 0; i < 16; i++) free(s->x[i]);
    for (int i = 0; i < 4; i++) free(s->row[i]);
    free(s->state), free(s->state0), free(s->nll), free(s->max), free(s->argmax), free(s->targets);
}

/* flops, values: of one element of T x C: multiply-adds count two; matrices of T x C read or written */
#define TRY(name, flops, values)                                                                                       \
    if (strstr(#name, only))                                                                                           \
    report(#name, text, fastest(run_##name, &s), (flops) * (double)n, 4.0 * (values) * (double)n, peak)

static void other(int T, int C, int heads)
{
    shape s;
    int N = C / heads;
    size_t n = (size_t)T * (size_t)C;
    char text[64];
    snprintf(text, sizeof text, "T=%d C=%d N=%d", T, C, N);
    shape_init(&s, T, C, heads, 16);
    TRY(add, 1, 3);
    TRY(lerp, 3, 3);
    TRY(lerp_back, 8, 7);
    TRY(map, 0, 2);
    TRY(map_back, 0, 4);
    TRY(norm, 0, 2);
    TRY(norm_back, 0, 4);
    TRY(unit, 0, 2);
    TRY(bonus, 0, 4);
    TRY(bonus_back, 0, 10);
    TRY(wkv4, 0, 3);
    TRY(wkv4_back, 0, 6);
    TRY(wkv6, 5.0 * N, 0);
    TRY(wkv6_back, 17.0 * N, 0);
    TRY(wkv7, 9.0 * N, 0);
    TRY(wkv7_back, 32.0 * N, 0);
    TRY(softmax_nll, 0, 2);
    shape_release(&s);
}

int main(int argc, char **argv)
{
    int n = 0;
    const char *isa = NULL;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "-t") && i + 1 < argc)
            n = atoi(argv[++i]);
        else if (!strcmp(argv[i], "-i") && i + 1 < argc)
            isa = argv[++i];
        else
            only = argv[i];
    }
    static thread_memory mine;
    const workspace room = {.own = 1 << 28, .shared = 1 << 28};
    scratch_use(&mine);
    if (simd_choose(isa) || pool_new(&threads, n) || scratch_reserve(&mine, room) || pool_reserve(threads, room)) {
        fprintf(stderr, "%s\n", wkv_error());
        return 1;
    }
    roofs();

    static const dtype stored[] = {F32, F16, BF16, Q8_0, Q4_0, Q4_K, Q6_K};
    for (int i = 0; i < 7; i++) {
        linear(stored[i], 768, 3072, LAYOUT_ROW_MAJOR, 1, 1);
        linear(stored[i], 2048, 8192, LAYOUT_ROW_MAJOR, 1, 1);
    }
    static const dtype blocks[] = {Q8_0, Q4_0, Q4_1, Q5_0, Q4_K, Q6_K};
    static const int few[] = {1, 2, 3, 4, 5, 6, 8, 12, 16, 32, 64, 128, 512};
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 13; j++) linear(blocks[i], 2048, 8192, LAYOUT_ROW_MAJOR, few[j], 1);
    for (int j = 0; j < 13; j++) linear(Q8_0, 8192, 2048, LAYOUT_ROW_MAJOR, few[j], 1);
    linear(F16, 768, 64, LAYOUT_INPUT_MAJOR, 1, 1);
    linear(F16, 64, 768, LAYOUT_INPUT_MAJOR, 1, 1);
    linear(F16, 2048, 2048, LAYOUT_INPUT_MAJOR, 1, 1);
    linear(F16, 2048, 8192, LAYOUT_ROW_MAJOR, 4, 1);
    linear(F16, 768, 3072, LAYOUT_ROW_MAJOR, 4, 1);
    linear(F16, 768, 3072, LAYOUT_ROW_MAJOR, 64, 1);
    linear(Q8_0, 768, 3072, LAYOUT_ROW_MAJOR, 64, 1);
    static const int sizes[][3] = {{256, 256, 512},  {256, 1024, 512},  {1024, 256, 512},   {256, 2048, 512},
                                   {512, 512, 1024}, {768, 3072, 1024}, {1024, 1024, 4096}, {4096, 1024, 2048},
                                   {512, 64, 1024},  {64, 512, 1024}};
    for (int i = 0; i < 10; i++) linear(F32, sizes[i][0], sizes[i][1], LAYOUT_ROW_MAJOR, sizes[i][2], 0);
    linear(F32, 512, 64, LAYOUT_INPUT_MAJOR, 1024, 0);
    linear(F32, 64, 512, LAYOUT_INPUT_MAJOR, 1024, 0);
    other(1, 768, 12);
    other(1, 2048, 32);
    other(512, 768, 12);
    other(16, 65536, 1024);
    pool_free(threads);
    return 0;
}
