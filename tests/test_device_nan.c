/* test_device_nan.c - extreme values, on every instruction set of this machine: maps of large and tiny numbers are
 * within the bounds of float32, and NaN stays NaN through maps and products. */
#define _GNU_SOURCE
#include "devices.h"

static void run_map(device *d, map_kind kind, float *y, const float *x, size_t n)
{
    d->map(d, &(map_args){.kind = kind, .n = n, .x = x, .y = y});
}

/* The functions of a value over their whole range, and at its ends. */
static void maps_far_out(void)
{
    enum { N = 200001 };
    float *x = room(N), *y = room(N);
    for (int i = 0; i < N; i++) x[i] = 110 * (2 * (float)i / (N - 1) - 1);
    for (int pass = 0; pass < 2; pass++) {
        double worst = 0;
        map_kind kind = pass ? MAP_TANH : MAP_EXP;
        run_map(cpus[0], kind, y, x, N);
        for (int i = 0; i < N; i++) {
            double e = pass ? tanh(x[i]) : exp(x[i]);
            if (e < 1.2e-38 && e > -1.2e-38) {
                EXPECT_NEAR(y[i], e, 1.5e-45);
                continue;
            }
            if (e > 3.4028235e38) {
                EXPECT(isinf(y[i]));
                continue;
            }
            if (fabs(y[i] - e) / fabs(e) > worst) worst = fabs(y[i] - e) / fabs(e);
        }
        if (worst > 2.4e-7) FAILED("%s: map %d is off by %g", cpus[0]->isa, kind, worst);
    }
    float ends[6] = {0, -0.0f, INFINITY, -INFINITY, NAN, 1e-30f}, to[6];
    run_map(cpus[0], MAP_EXP, to, ends, 6);
    EXPECT(to[0] == 1 && to[1] == 1 && isinf(to[2]) && to[3] == 0 && isnan(to[4]) && to[5] == 1);
    run_map(cpus[0], MAP_SIGMOID, to, ends, 6);
    EXPECT(to[0] == 0.5f && to[2] == 1 && to[3] == 0 && isnan(to[4]));
    run_map(cpus[0], MAP_TANH, to, ends, 6);
    EXPECT(to[0] == 0 && to[2] == 1 && to[3] == -1 && isnan(to[4]) && to[5] == 1e-30f);
    run_map(cpus[0], MAP_RELU2, to, ends, 6);
    EXPECT(to[0] == 0 && isinf(to[2]) && to[3] == 0 && isnan(to[4]));
    drop(x);
    drop(y);
}

/* ---- NaN --------------------------------------------------------------------------------------------------------- */

enum { NAN_AT = 41, NAN_N = 96 };

/* A NaN stays in its row, forward and backward, and changes no other. */
static void expect_nan_at(device *d, const char *what, map_kind kind, const float *y)
{
    for (int i = 0; i < NAN_N; i++)
        if (isnan(y[i]) != (i == NAN_AT))
            FAILED("%s: %s of map %d: %g at %d", d == reference ? "reference" : d->isa, what, kind, (double)y[i], i);
}

static void nan_through_maps(device *d)
{
    float x[NAN_N], y[NAN_N], dx[NAN_N], one[NAN_N];
    for (int i = 0; i < NAN_N; i++) x[i] = i == NAN_AT ? NAN : (float)(i - 48) / 16, one[i] = 1;
    for (map_kind kind = MAP_NONE; kind < MAPS; kind++) {
        run_map(d, kind, y, x, NAN_N);
        expect_nan_at(d, "the value", kind, y);
        memset(dx, 0, sizeof dx);
        d->map_back(d, &(map_args){.kind = kind, .n = NAN_N, .x = x, .y = y, .dy = one, .dx = dx});
        if (kind != MAP_NONE && kind != MAP_NEG) expect_nan_at(d, "the gradient", kind, dx);
        if (kind != MAP_RELU2 && kind != MAP_SIGMOID && kind != MAP_TANH) continue; /* those of an epilogue */
        memcpy(dx, one, sizeof dx);
        d->slope(d, &(map_args){.kind = kind, .n = NAN_N, .y = y, .dx = dx});
        expect_nan_at(d, "the slope", kind, dx);
    }
    d->unit(d, &(unit_args){.T = 1, .C = NAN_N, .heads = 2, .x = x, .y = y});
    for (int i = 0; i < NAN_N; i++) EXPECT(isnan(y[i]) == (i < NAN_N / 2));
}

/* relu(x K)^2 V, where one value of K is NaN: each output is NaN. Most of the hidden values are 0, and are skipped
 * where V is input-major; `type` is V's. */
static void nan_through_products(device *d, dtype type, weight_layout layout, int T)
{
    enum { IN = 32, F = 320, OUT = 96 };
    void *to_free[2];
    tensor k = weight(F32, F, IN, LAYOUT_ROW_MAJOR, 0, &to_free[0]);
    int blocks = layout_permutes_blocks(layout);
    tensor v = weight(type, blocks ? OUT : F, blocks ? F : OUT, blocks ? LAYOUT_ROW_MAJOR : layout, 0, &to_free[1]);
    float *w = (float *)(uintptr_t)k.data, *x = room((size_t)T * IN), *h = room((size_t)T * F),
          *y = room((size_t)T * OUT);
    char *sparse = fenced((size_t)dtype_bytes(type, F * OUT));
    for (int f = 0; f < F; f++)
        for (int i = 0; i < IN; i++) w[f * IN + i] = f % 8 ? -fabsf(w[f * IN + i]) : fabsf(w[f * IN + i]);
    w[77 * IN + 5] = NAN;
    for (int i = 0; i < T * IN; i++) x[i] = 1 + (float)rng_uniform(&dice);
    if (blocks) {
        const stored_weight stored = stored_rows(layout, type, F, OUT);
        int64_t row = dtype_bytes(type, F);
        for (int o = 0; o < OUT; o += LAYOUT_TILE)
            layout_put(&stored, sparse, o, LAYOUT_TILE, (const char *)v.data + o * row);
        v = (tensor){.rows = F, .cols = OUT, .type = (int)type, .layout = layout, .data = sparse};
    }
    linear_one(d, (product){.y = h, .x = x, .w = &k, .map = MAP_RELU2}, T);
    linear_one(d, (product){.y = y, .x = h, .w = &v}, T);
    for (int i = 0; i < T * F; i++)
        if (i % F == 77 ? !isnan(h[i]) : (h[i] > 0) != (i % 8 == 0)) FAILED("hidden value %d is %g", i, (double)h[i]);
    for (int i = 0; i < T * OUT; i++)
        if (!isnan(y[i])) {
            FAILED("%s %s%s, %d tokens: output %d is %g", d == reference ? "reference" : d->isa, dtypes[type].name,
                   blocks ? " sparse blocks" : "", T, i, (double)y[i]);
            break;
        }
    drop(to_free[0]), drop(to_free[1]), drop(x), drop(h), drop(y), drop(sparse);
}

static void nan_on(device *d)
{
    static const int tokens[] = {1, 2, 5, 9, 33, 70};
    nan_through_maps(d);
    for (int i = 0; i < 6; i++) {
        for (dtype type = F32; type <= BF16; type++) nan_through_products(d, type, LAYOUT_INPUT_MAJOR, tokens[i]);
        for (dtype type = Q8_0; type <= Q5_1; type++) nan_through_products(d, type, LAYOUT_SPARSE_BLOCKS, tokens[i]);
    }
}

static void nan_stays(void) { nan_on(cpus[0]); }
static void nan_stays_in_the_reference(void) { nan_on(reference); }

static void on_this_isa(void)
{
    RUN(maps_far_out);
    RUN(nan_stays);
}

int main(void)
{
    reference = room_device("reference", 1, NULL);
    RUN(nan_stays_in_the_reference);
    device_close(reference);
    on_every_isa(on_this_isa);
    return DONE();
}
