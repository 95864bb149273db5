/* kernels.c - the speed of the CPU device's entries, beside the hardware limits: multiply-adds in
 * registers, and reading memory in several streams, both measured in the same run.
 *
 *     kernels [-t THREADS] [-i ISA] [NAME]        only measurements with NAME in their line: "linear", "q8_0",
 * "T=32" */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/error.h"
#include "base/rng.h"
#include "bench/int8.h"
#include "cpu/cpu.h"

static device *cpu;
static pool *threads; /* its own */
static const char *only = "";
static double peak, int8_peak, bandwidth; /* FLOP/s, operations on bytes and bytes/s of all threads */

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

/* ---- measuring --------------------------------------------------------------------------------------------------- */

/* The fastest of the calls that fit in a fraction of a second. */
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
    *(double *)arg = cpu->burn(4000000);
}

static void burn(void *arg) { pool_run(threads, burn_part, arg); }

static void burn_int8_part(void *arg, int part, int parts)
{
    (void)part, (void)parts;
    *(double *)arg = int8_best(cpu->isa).burn(4000000);
}

static void burn_int8(void *arg) { pool_run(threads, burn_int8_part, arg); }

static void stream_part(void *arg, int part, int parts)
{
    size_t share = LARGE / (size_t)parts / 64 * 64;
    volatile float keep = cpu_of(cpu)->simd->stream(large + (size_t)part * share, share);
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
    peak = flops * cpu->threads / t;
    t = fastest(burn_int8, &flops);
    int8_peak = flops * cpu->threads / t;
    bandwidth = (double)LARGE / fastest(stream, NULL);
    free(large);
    printf("%s, %d threads: peak %.1f GFLOP/s, %s %.1f GOP/s, memory %.1f GB/s\n", cpu->isa, cpu->threads, peak * 1e-9,
           cpu_of(cpu)->int8->name, int8_peak * 1e-9, bandwidth * 1e-9);
}

/* ---- linear ------------------------------------------------------------------------------------------------------ */

typedef struct {
    tensor *w; /* several copies, so that a weight comes from memory and not from the cache */
    int copies, next, T;
    float *x, *y, *dw;
} linear_case;

static void forward(void *arg)
{
    linear_case *c = arg;
    const product q = {.y = c->y, .x = c->x, .w = &c->w[c->next++ % c->copies]};
    cpu->linear(cpu, &(linear_args){.q = &q, .n = 1, .T = c->T});
}
static void dx(void *arg)
{
    linear_case *c = arg;
    const tensor *w = &c->w[c->next++ % c->copies];
    cpu->linear_dx(cpu, &(linear_back_args){.dx = c->x, .dy = c->y, .w = w, .T = c->T, .add = 1});
}
static void dw(void *arg)
{
    linear_case *c = arg;
    cpu->linear_dw(cpu, &(linear_back_args){.dw = c->dw, .dy = c->y, .x = c->x, .w = c->w, .T = c->T});
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
           int8_takes(type) && !input_rows ? int8_peak : peak);
    if (!cold) report("linear_dx", shape, fastest(dx, &c), flops, 0, peak);
    if (!cold) report("linear_dw", shape, fastest(dw, &c), flops, 0, peak);
    for (int i = 0; i < c.copies; i++) free(c.w[i].data);
    free(c.w);
    free(c.x);
    free(c.y);
    free(c.dw);
}

/* ---- everything else: version 7's shapes ------------------------------------------------------------------------- */

typedef struct {
    int T, C, heads;
    float *x[16], *row[4], *state, *state0, *dstate, *nll, *max;
    int *argmax;
    int32_t *targets;
    batch b;
    span span;
} shape;

#define OP(name, args, ...)                                                                                            \
    static void run_##name(void *arg)                                                                                  \
    {                                                                                                                  \
        shape *s = arg;                                                                                                \
        cpu->name(cpu, &(args){__VA_ARGS__});                                                                          \
    }
#define SIZES .T = s->T, .C = s->C
#define HEADS_OF .T = s->T, .C = s->C, .heads = s->heads
#define TIME .batch = &s->b, .C = s->C, .heads = s->heads, .u = s->row[0], .state0 = s->state0
OP(add, pair_args, SIZES, .y_rows = s->T, .x = s->x[1], .y = s->x[2], .z = s->x[0])
OP(lerp, lerp_args, SIZES, .mu_rows = 1, .x = s->x[1], .y = s->x[2], .mu = s->row[0], .z = s->x[0])
OP(lerp_back, lerp_args, SIZES, .mu_rows = 1, .x = s->x[3], .y = s->x[4], .mu = s->row[0], .dz = s->x[2], .dx = s->x[0],
   .dy = s->x[1], .dmu = s->row[1])
OP(map, map_args, .kind = MAP_SIGMOID, .n = (size_t)s->T *(size_t)s->C, .x = s->x[1], .y = s->x[0])
OP(map_back, map_args, .kind = MAP_SILU, .n = (size_t)s->T *(size_t)s->C, .x = s->x[2], .y = s->x[3], .dy = s->x[1],
    .dx = s->x[0])
OP(norm, norm_args, SIZES, .groups = 1, .eps = 1e-5f, .x = s->x[1], .w = s->row[0], .b = s->row[1], .y = s->x[0])
OP(norm_back, norm_args, SIZES, .groups = 1, .eps = 1e-5f, .x = s->x[2], .w = s->row[2], .dy = s->x[1], .dx = s->x[0],
   .dw = s->row[0], .db = s->row[1])
OP(unit, unit_args, HEADS_OF, .x = s->x[1], .y = s->x[0])
OP(bonus, bonus_args, HEADS_OF, .r = s->x[1], .k = s->x[2], .u = s->row[0], .v = s->x[3], .y = s->x[0])
OP(bonus_back, bonus_args, HEADS_OF, .r = s->x[4], .k = s->x[5], .u = s->row[1], .v = s->x[6], .dy = s->x[3],
    .dr = s->x[0],
   .dk = s->x[1], .du = s->row[0], .dv = s->x[2])
OP(wkv4, wkv_args, TIME, .k = s->x[1], .v = s->x[2], .w = s->row[3], .y = s->x[0])
OP(wkv4_back, wkv_args, TIME, .k = s->x[1], .v = s->x[2], .w = s->row[3], .dy = s->x[4], .dk = s->x[0], .dv = s->x[3],
   .dw = s->row[1], .du = s->row[2])
OP(wkv6, wkv_args, TIME, .w_rows = s->T, .r = s->x[1], .k = s->x[2], .v = s->x[3], .w = s->x[15], .y = s->x[0])
OP(wkv6_back, wkv_args, TIME, .w_rows = s->T, .r = s->x[1], .k = s->x[2], .v = s->x[3], .w = s->x[15], .dy = s->x[8],
   .dr = s->x[4], .dk = s->x[5], .dv = s->x[6], .dw = s->x[7], .du = s->row[1])
OP(wkv7, wkv_args, TIME, .r = s->x[1], .w = s->x[15], .k = s->x[2], .v = s->x[3], .a = s->x[13], .b = s->x[14],
    .y = s->x[0])
OP(wkv7_back, wkv_args, TIME, .r = s->x[1], .w = s->x[15], .k = s->x[2], .v = s->x[3], .a = s->x[13], .b = s->x[14],
   .dy = s->x[10], .dr = s->x[4], .dw = s->x[5], .dk = s->x[6], .dv = s->x[7], .da = s->x[8], .db = s->x[9])
OP(softmax_nll, softmax_args, .T = s->T, .V = s->C, .logits = s->x[0], .nll = s->nll, .max = s->max,
    .argmax = s->argmax,
   .targets = s->targets)

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
    const pass_size size = {.rows = 4096, .spans = 1, .width = 65536, .widest = 65536, .head = 128, .backward = 1};
    int e = device_open(&cpu, "cpu", n, isa);
    if (!e) e = cpu->reserve(cpu, &size);
    if (e) {
        fprintf(stderr, "%s\n", wkv_error());
        return 1;
    }
    cpu->begin(cpu);
    threads = cpu_of(cpu)->pool;
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
    device_close(cpu);
    return 0;
}
