/* test_units.c - weights in another order than along rows. Stored by input, with zero inputs skipped: what a plain loop gives, to
 * the bit. In panels: the bits of the same blocks in rows. */
#include "cpu/cpu.h"
#include "format/panels.h"
#include "format/units.h"
#include "room.h"
#include "test.h"
#include <stdlib.h>

static uint32_t dice = 1;

static float random_unit(void)
{
    dice = dice * 1664525u + 1013904223u;
    return (float)(dice >> 8) / (1 << 24);
}

/* n squared ReLUs, a share `zeros` of them zero */
static void fill(float *x, int n, double zeros)
{
    for (int i = 0; i < n; i++) x[i] = random_unit() < zeros ? 0 : 2 * random_unit() + 0.01f;
}

static float multiply_add(int fused, float a, float b, float c)
{
    volatile float rounded = a * b; /* where the instruction set does not fuse */
    return fused ? fmaf(a, b, c) : rounded + c;
}

/* ---- plain types -------------------------------------------------------------------------------------------------------- */

/* y = x W by an instruction set, each element summed over the units in order, none left out. */
static void expect_plain(const char *isa, pool *p, dtype type, int T, int C, int F, double zeros)
{
    float *w = malloc(sizeof *w * (size_t)(C * F)), *x = malloc(sizeof *x * (size_t)(T * F)), *y = malloc(sizeof *y * (size_t)(T * C));
    void *stored = malloc((size_t)dtype_bytes(type, C * F));
    for (int i = 0; i < C * F; i++) w[i] = random_unit() - 0.5f;
    dtype_encode(type, w, stored, C * F);
    dtype_decode(type, stored, w, C * F);
    fill(x, T * F, zeros);
    tensor t = {.rows = F, .cols = C, .type = (int)type, .in_rows = 1, .scale = 0.5f, .data = stored};
    cpu_linear(p, &(product){.y = y, .x = x, .w = &t, .map = MAP_NONE}, 1, T);
    int fused = strcmp(isa, "portable") != 0, bad = 0;
    for (int row = 0; row < T; row++)
        for (int c = 0; c < C; c++) {
            float sum = 0;
            for (int f = 0; f < F; f++) sum = multiply_add(fused, x[row * F + f], 0.5f * w[f * C + c], sum);
            bad += sum != y[row * C + c];
        }
    if (bad) FAILED("%s %s T %d C %d F %d zeros %g: %d elements differ", isa, dtypes[type].name, T, C, F, zeros, bad);
    free(w);
    free(x);
    free(y);
    free(stored);
}

static void every_set(void (*test)(const char *isa, pool *p))
{
    pool *threads;
    EXPECT_EQ(pool_new(&threads, 3), 0);
    EXPECT_EQ(room_threads(&threads, 1), 0);
    for (int i = 0; simd_at(i); i++) {
        EXPECT_EQ(simd_choose(simd_at(i)->name), 0);
        test(simd_name(), NULL);
        test(simd_name(), threads);
    }
    simd_choose(NULL);
    pool_free(threads);
}

static void plain(const char *isa, pool *p)
{
    static const dtype types[] = {F32, F16, BF16};
    static const double zeros[] = {0, 0.5, 0.9, 1};
    static const int tokens[] = {1, 2, 3, 9, 33, 70};
    for (int t = 0; t < 3; t++)
        for (int z = 0; z < 4; z++) {
            for (int i = 0; i < 6; i++) expect_plain(isa, p, types[t], tokens[i], 70, 131, zeros[z]);
            expect_plain(isa, p, types[t], 1, 769, 1000, zeros[z]);
            expect_plain(isa, p, types[t], 2, 1, 7, zeros[z]);
        }
}

static void plain_types(void) { every_set(plain); }

/* ---- blocks ------------------------------------------------------------------------------------------------------------ */

/* The same blocks in rows and by unit: the same bits, forward and, within the other order of the sums, backward. */
static void expect_blocks(const char *isa, pool *p, dtype type, int T, int C, int F, double zeros, int negative)
{
    int64_t row = dtype_bytes(type, F), bytes = row * C;
    size_t nx = (size_t)(T * F), ny = (size_t)(T * C);
    float *w = malloc(sizeof *w * (size_t)(C * F)), *x = malloc(sizeof *x * nx), *y = malloc(sizeof *y * ny), *z = malloc(sizeof *z * ny);
    char *rows = malloc((size_t)bytes), *units = malloc((size_t)bytes);
    for (int i = 0; i < C * F; i++) w[i] = random_unit() - 0.5f;
    dtype_encode(type, w, rows, C * F);
    for (int c = 0; c < C; c += 32) units_put(type, units, rows + c * row, row, F, C, c);
    fill(x, T * F, zeros);
    for (size_t i = 0; i < nx && negative; i += 3) x[i] = -x[i];
    tensor by_row = {.rows = C, .cols = F, .type = (int)type, .scale = 0.5f, .data = rows};
    tensor by_unit = {.rows = F, .cols = C, .type = (int)type, .scale = 0.5f, .in_rows = 1, .by_unit = 1, .data = units};
    cpu_linear(p, &(product){.y = y, .x = x, .w = &by_row}, 1, T);
    cpu_linear(p, &(product){.y = z, .x = x, .w = &by_unit}, 1, T);
    if (memcmp(y, z, sizeof *y * ny)) FAILED("%s %s T %d C %d F %d zeros %g: by unit other bits", isa, dtypes[type].name, T, C, F, zeros);

    float *dx = calloc(nx, sizeof *dx), *dz = calloc(nx, sizeof *dz);
    cpu_linear_dx(p, dx, y, &by_row, T, 1);
    cpu_linear_dx(p, dz, y, &by_unit, T, 1);
    double far = 0, most = 0;
    for (size_t i = 0; i < nx; i++) {
        far = fmax(far, fabs((double)dx[i] - (double)dz[i]));
        most = fmax(most, fabs((double)dx[i]));
    }
    if (!(far <= 2e-6 * most)) FAILED("%s %s T %d C %d F %d: dx is %g of %g away", isa, dtypes[type].name, T, C, F, far, most);
    free(w), free(x), free(y), free(z), free(rows), free(units), free(dx), free(dz);
}

static void blocks(const char *isa, pool *p)
{
    static const double zeros[] = {0, 0.5, 0.9, 1};
    static const int tokens[] = {1, 2, 5, 8, 33, 70};
    for (int type = Q8_0; type <= Q5_1; type++)
        for (int z = 0; z < 4; z++) {
            for (int i = 0; i < 6; i++) expect_blocks(isa, p, (dtype)type, tokens[i], 96, 320, zeros[z], i % 2);
            expect_blocks(isa, p, (dtype)type, 1, 416, 1056, zeros[z], 0);
            expect_blocks(isa, p, (dtype)type, 6, 32, 32, zeros[z], 1);
        }
}

static void blocks_by_unit(void) { every_set(blocks); }

/* ---- panels ------------------------------------------------------------------------------------------------------------ */

static void expect_panels(const char *isa, pool *p, dtype type, int T, int O, int I)
{
    int64_t row = dtype_bytes(type, I), bytes = row * O;
    size_t nx = (size_t)(T * I), ny = (size_t)(T * O);
    float *w = malloc(sizeof *w * (size_t)(O * I)), *v = malloc(sizeof *v * (size_t)(O * I));
    float *x = malloc(sizeof *x * nx), *y = malloc(sizeof *y * ny), *z = malloc(sizeof *z * ny);
    char *rows = malloc((size_t)bytes), *panels = malloc((size_t)bytes), *back = malloc((size_t)bytes);
    for (int i = 0; i < O * I; i++) w[i] = random_unit() - 0.5f;
    for (size_t i = 0; i < nx; i++) x[i] = random_unit() - 0.5f;
    dtype_encode(type, w, rows, O * I);
    dtype_decode(type, rows, w, O * I);
    for (int o = 0; o < O; o += PANEL) {
        panels_put(type, panels + o * row, rows + o * row, row, I);
        panels_get(type, panels + o * row, back + o * row, row, I);
        for (int i = o; i < o + PANEL; i++) panels_decode(type, panels, I, i, 0, I, v + i * I);
    }
    EXPECT(!memcmp(rows, back, (size_t)bytes));
    EXPECT(!memcmp(w, v, sizeof *w * (size_t)(O * I)));
    tensor by_row = {.rows = O, .cols = I, .type = (int)type, .scale = 0.5f, .data = rows}, in_panels = by_row;
    in_panels.panels = 1;
    in_panels.data = panels;
    cpu_linear(p, &(product){.y = y, .x = x, .w = &by_row}, 1, T);
    cpu_linear(p, &(product){.y = z, .x = x, .w = &in_panels}, 1, T);
    if (memcmp(y, z, sizeof *y * ny)) FAILED("%s %s T %d O %d I %d: in panels other bits", isa, dtypes[type].name, T, O, I);

    float *dx = calloc(nx, sizeof *dx), *dz = calloc(nx, sizeof *dz);
    cpu_linear_dx(p, dx, y, &by_row, T, 1);
    cpu_linear_dx(p, dz, y, &in_panels, T, 1);
    if (memcmp(dx, dz, sizeof *dx * nx)) FAILED("%s %s T %d O %d I %d: dx in panels other bits", isa, dtypes[type].name, T, O, I);
    free(w), free(v), free(x), free(y), free(z), free(rows), free(panels), free(back), free(dx), free(dz);
}

static void panels(const char *isa, pool *p)
{
    static const int tokens[] = {1, 2, 3, 4, 6, 8, 16, 17, 33, 70};
    for (int type = Q8_0; type <= Q5_1; type++) {
        for (int i = 0; i < 10; i++) expect_panels(isa, p, (dtype)type, tokens[i], 96, 320);
        expect_panels(isa, p, (dtype)type, 1, 416, 1056);
        expect_panels(isa, p, (dtype)type, 6, 32, 32);
    }
}

static void blocks_in_panels(void) { every_set(panels); }

int main(void)
{
    RUN(plain_types);
    RUN(blocks_by_unit);
    RUN(blocks_in_panels);
    return DONE();
}
