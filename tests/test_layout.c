/* test_layout.c - weights in each layout of format/layout.h: the bytes that the header draws, read back without a
 * changed bit, and products. Input-major, with zero inputs skipped, they have the bits of a plain loop; blocks have the
 * bits of the same blocks row-major. */
#include "format/layout.h"
#include "room.h"
#include "test.h"
#include "cpu/fma.h"
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
    return fused ? fma_once(a, b, c) : rounded + c;
}

/* ---- bytes ------------------------------------------------------------------------------------------------------- */

/* Rows of blocks of random bits under scales that are finite. The caller frees them. */
static uint8_t *random_blocks(dtype type, int64_t bytes)
{
    uint8_t *rows = malloc((size_t)bytes);
    for (int64_t i = 0; i < bytes; i++) rows[i] = (uint8_t)((dice = dice * 1664525u + 1013904223u) >> 24);
    for (int64_t b = 0; b < bytes; b += dtypes[type].bytes) rows[b + 1] &= 0x3b, rows[b + 3] &= 0x3b;
    return rows;
}

/* All outputs of w. The caller frees them. */
static void *laid_out(const stored_weight *w, const void *rows)
{
    const int64_t row = dtype_bytes(w->type, w->in);
    char *data = malloc((size_t)(row * w->out));
    for (int64_t o = 0; o < w->out; o += LAYOUT_TILE)
        layout_put(w, data, o, w->out - o < LAYOUT_TILE ? w->out - o : LAYOUT_TILE, (const char *)rows + o * row);
    return data;
}

/* The value of input i of output o, read as drawn in the header. */
static float drawn(const stored_weight *w, const uint8_t *data, int i, int o)
{
    const int five = w->type == Q5_0 || w->type == Q5_1, minimum = w->type == Q4_1 || w->type == Q5_1,
              bytes = dtypes[w->type].bytes;
    const int C = (int)w->out, four = i % 32 / 4, p = 4 * (o % 32) + i % 4;
    const uint8_t *scale, *codes, *fifth;
    int low, at, bit, code;
    uint16_t d, m;
    if (w->layout == LAYOUT_SPARSE_BLOCKS) {
        const int row = w->type == Q8_0 ? C : five ? C / 2 + C / 8 : C / 2;
        const uint8_t *group = data + i / 32 * C * bytes;
        codes = group + i % 32 * row;
        low = w->type == Q8_0 ? o : o / 32 * 16 + o % 16, at = o % 32 / 16, bit = o % 8;
        fifth = codes + C / 2 + o / 8;
        scale = group + 32 * row + 2 * o;
        memcpy(&m, scale + (minimum ? 2 * C : 0), 2);
    } else {
        const uint8_t *tile = data + (o / 32 * (w->in / 32) + i / 32) * 32 * bytes;
        codes = tile + (minimum ? 128 : 64);
        low = w->type == Q8_0 ? 128 * four + p : 64 * four + p % 64, at = p / 64, bit = p % 8;
        fifth = codes + 512 + 16 * four + p / 8;
        scale = tile + 2 * (o % 32);
        memcpy(&m, scale + (minimum ? 64 : 0), 2);
    }
    memcpy(&d, scale, 2);
    if (w->type == Q8_0) return f16_to_f32(d) * (float)(int8_t)codes[low];
    code = (at ? codes[low] >> 4 : codes[low] & 15) + (five ? 16 * (*fifth >> bit & 1) : 0);
    return minimum ? f16_to_f32(d) * (float)code + f16_to_f32(m) : f16_to_f32(d) * (float)(code - (five ? 16 : 8));
}

static void expect_layout(const stored_weight *w)
{
    const int in = (int)w->in, out = (int)w->out;
    const int64_t row = dtype_bytes(w->type, in), bytes = row * out;
    uint8_t *rows = random_blocks(w->type, bytes), *data = laid_out(w, rows), *back = malloc((size_t)bytes);
    float *x = malloc(sizeof *x * (size_t)(in * out)), *y = malloc(sizeof *y * (size_t)(in > out ? in : out));
    int input_rows = layout_is_input_major(w->layout), width = input_rows ? out : in, bad = 0;
    for (int o = 0; o < out; o += LAYOUT_TILE) layout_get(w, data, o, LAYOUT_TILE, back + o * row);
    EXPECT(!memcmp(rows, back, (size_t)bytes));
    dtype_decode(w->type, rows, x, (int64_t)in * out);
    for (int r = 0; r < (input_rows ? in : out); r++) {
        layout_decode(w, data, r, 0, width, y);
        for (int c = 0; c < width; c++) {
            int i = input_rows ? r : c, o = input_rows ? c : r;
            bad += y[c] != x[o * in + i] || y[c] != drawn(w, data, i, o);
        }
    }
    if (bad) FAILED("%s, layout %d, %d x %d: %d values differ", dtypes[w->type].name, w->layout, out, in, bad);
    free(rows), free(data), free(back), free(x), free(y);
}

static void bytes_as_drawn(void)
{
    static const int shapes[][2] = {{32, 32}, {64, 32}, {96, 64}, {128, 160}};
    for (dtype type = Q8_0; type <= Q5_1; type++)
        for (int s = 0; s < 4; s++)
            for (weight_layout l = LAYOUT_SPARSE_BLOCKS; l <= LAYOUT_INTERLEAVED; l++) {
                const stored_weight w = {l, type, .in = shapes[s][0], .out = shapes[s][1]};
                EXPECT(layout_fits(l, type, w.in, w.out) && !layout_fits(l, type, w.in, w.out + 16));
                EXPECT(!layout_fits(l, type, w.in + 16, w.out) && !layout_fits(l, F16, w.in, w.out));
                expect_layout(&w);
            }
}

/* For plain numbers the layout is a transposed matrix, for all sizes. */
static void plain_numbers(void)
{
    static const int shapes[][2] = {{1, 1}, {7, 70}, {131, 33}, {64, 96}};
    for (dtype type = F32; type <= BF16; type++)
        for (int s = 0; s < 4; s++) {
            const int in = shapes[s][0], out = shapes[s][1], size = dtypes[type].bytes;
            const stored_weight w = {LAYOUT_INPUT_MAJOR, type, .in = in, .out = out};
            uint8_t *rows = random_blocks(F32, (int64_t)in * out * 4), *data = laid_out(&w, rows);
            int bad = 0;
            for (int i = 0; i < in * out; i++)
                bad += memcmp(data + i * size, rows + (i % out * in + i / out) * size, (size_t)size) != 0;
            if (bad) FAILED("%s %d x %d: %d values differ", dtypes[type].name, out, in, bad);
            free(rows), free(data);
        }
}

static void multiply(device *d, product q, int T) { d->linear(d, &(linear_args){.q = &q, .n = 1, .T = T}); }

/* ---- plain types ------------------------------------------------------------------------------------------------- */

/* y = x W by an instruction set, each element summed over the inputs in order, none left out. */
static void expect_plain(device *d, dtype type, int T, int C, int F, double zeros)
{
    float *w = malloc(sizeof *w * (size_t)(C * F)), *x = malloc(sizeof *x * (size_t)(T * F)),
          *y = malloc(sizeof *y * (size_t)(T * C));
    void *stored = malloc((size_t)dtype_bytes(type, C * F));
    for (int i = 0; i < C * F; i++) w[i] = random_unit() - 0.5f;
    dtype_encode(type, w, stored, C * F);
    dtype_decode(type, stored, w, C * F);
    fill(x, T * F, zeros);
    tensor t = {.rows = F, .cols = C, .type = (int)type, .layout = LAYOUT_INPUT_MAJOR, .scale = 0.5f, .data = stored};
    multiply(d, (product){.y = y, .x = x, .w = &t, .map = MAP_NONE}, T);
#ifdef HAS_FMA
    const int fused = 1;
#else
    const int fused = strcmp(d->isa, "portable") != 0;
#endif
    int bad = 0;
    for (int row = 0; row < T; row++)
        for (int c = 0; c < C; c++) {
            float sum = 0;
            for (int f = 0; f < F; f++) sum = multiply_add(fused, x[row * F + f], 0.5f * w[f * C + c], sum);
            bad += sum != y[row * C + c];
        }
    if (bad)
        FAILED("%s %s T %d C %d F %d zeros %g: %d elements differ", d->isa, dtypes[type].name, T, C, F, zeros, bad);
    free(w);
    free(x);
    free(y);
    free(stored);
}

/* Every instruction set, with one thread and with three. */
static void every_set(void (*test)(device *d))
{
    for (int i = 0; device_isa(0, i); i++)
        for (int threads = 1; threads <= 3; threads += 2) {
            device *d = room_device("cpu", threads, device_isa(0, i));
            test(d);
            device_close(d);
        }
}

static void plain(device *d)
{
    static const dtype types[] = {F32, F16, BF16};
    static const double zeros[] = {0, 0.5, 0.9, 1};
    static const int tokens[] = {1, 2, 3, 9, 33, 70};
    for (int t = 0; t < 3; t++)
        for (int z = 0; z < 4; z++) {
            for (int i = 0; i < 6; i++) expect_plain(d, types[t], tokens[i], 70, 131, zeros[z]);
            expect_plain(d, types[t], 1, 769, 1000, zeros[z]);
            expect_plain(d, types[t], 2, 1, 7, zeros[z]);
        }
}

static void plain_types(void) { every_set(plain); }

/* ---- blocks ------------------------------------------------------------------------------------------------------ */

/* The same blocks in rows and input-major: the same bits, forward and, within the other order of the sums, backward. */
static void expect_blocks(device *d, dtype type, int T, int C, int F, double zeros, int negative)
{
    int64_t bytes = dtype_bytes(type, F) * C;
    size_t nx = (size_t)(T * F), ny = (size_t)(T * C);
    float *w = malloc(sizeof *w * (size_t)(C * F)), *x = malloc(sizeof *x * nx), *y = malloc(sizeof *y * ny),
          *z = malloc(sizeof *z * ny);
    char *rows = malloc((size_t)bytes);
    for (int i = 0; i < C * F; i++) w[i] = random_unit() - 0.5f;
    dtype_encode(type, w, rows, C * F);
    void *data = laid_out(&(stored_weight){LAYOUT_SPARSE_BLOCKS, type, .in = F, .out = C}, rows);
    fill(x, T * F, zeros);
    for (size_t i = 0; i < nx && negative; i += 3) x[i] = -x[i];
    tensor by_row = {.rows = C, .cols = F, .type = (int)type, .scale = 0.5f, .data = rows};
    tensor sparse = {
        .rows = F, .cols = C, .type = (int)type, .scale = 0.5f, .layout = LAYOUT_SPARSE_BLOCKS, .data = data};
    multiply(d, (product){.y = y, .x = x, .w = &by_row}, T);
    multiply(d, (product){.y = z, .x = x, .w = &sparse}, T);
    if (memcmp(y, z, sizeof *y * ny))
        FAILED("%s %s T %d C %d F %d zeros %g: sparse blocks have other bits", d->isa, dtypes[type].name, T, C, F,
               zeros);

    float *dx = calloc(nx, sizeof *dx), *dz = calloc(nx, sizeof *dz);
    d->linear_dx(d, &(linear_back_args){.dx = dx, .dy = y, .w = &by_row, .T = T, .add = 1});
    d->linear_dx(d, &(linear_back_args){.dx = dz, .dy = y, .w = &sparse, .T = T, .add = 1});
    double far = 0, most = 0;
    for (size_t i = 0; i < nx; i++) {
        far = fmax(far, fabs((double)dx[i] - (double)dz[i]));
        most = fmax(most, fabs((double)dx[i]));
    }
    if (!(far <= 2e-6 * most))
        FAILED("%s %s T %d C %d F %d: dx is %g of %g away", d->isa, dtypes[type].name, T, C, F, far, most);
    free(w), free(x), free(y), free(z), free(rows), free(data), free(dx), free(dz);
}

static void blocks(device *d)
{
    static const double zeros[] = {0, 0.5, 0.9, 1};
    static const int tokens[] = {1, 2, 5, 8, 33, 70};
    for (int type = Q8_0; type <= Q5_1; type++)
        for (int z = 0; z < 4; z++) {
            for (int i = 0; i < 6; i++) expect_blocks(d, (dtype)type, tokens[i], 96, 320, zeros[z], i % 2);
            expect_blocks(d, (dtype)type, 1, 416, 1056, zeros[z], 0);
            expect_blocks(d, (dtype)type, 6, 32, 32, zeros[z], 1);
        }
}

static void sparse_blocks(void) { every_set(blocks); }

/* ---- interleaved ------------------------------------------------------------------------------------------------- */

static void expect_interleaved(device *d, dtype type, int T, int O, int I)
{
    size_t nx = (size_t)(T * I), ny = (size_t)(T * O);
    float *w = malloc(sizeof *w * (size_t)(O * I));
    float *x = malloc(sizeof *x * nx), *y = malloc(sizeof *y * ny), *z = malloc(sizeof *z * ny);
    char *rows = malloc((size_t)dtype_bytes(type, I) * (size_t)O);
    for (int i = 0; i < O * I; i++) w[i] = random_unit() - 0.5f;
    for (size_t i = 0; i < nx; i++) x[i] = random_unit() - 0.5f;
    dtype_encode(type, w, rows, O * I);
    tensor by_row = {.rows = O, .cols = I, .type = (int)type, .scale = 0.5f, .data = rows}, interleaved = by_row;
    interleaved.layout = LAYOUT_INTERLEAVED;
    interleaved.data = laid_out(&(stored_weight){LAYOUT_INTERLEAVED, type, .in = I, .out = O}, rows);
    multiply(d, (product){.y = y, .x = x, .w = &by_row}, T);
    multiply(d, (product){.y = z, .x = x, .w = &interleaved}, T);
    if (memcmp(y, z, sizeof *y * ny))
        FAILED("%s %s T %d O %d I %d: interleaved other bits", d->isa, dtypes[type].name, T, O, I);

    float *dx = calloc(nx, sizeof *dx), *dz = calloc(nx, sizeof *dz);
    d->linear_dx(d, &(linear_back_args){.dx = dx, .dy = y, .w = &by_row, .T = T, .add = 1});
    d->linear_dx(d, &(linear_back_args){.dx = dz, .dy = y, .w = &interleaved, .T = T, .add = 1});
    if (memcmp(dx, dz, sizeof *dx * nx))
        FAILED("%s %s T %d O %d I %d: dx interleaved other bits", d->isa, dtypes[type].name, T, O, I);
    free(w), free(x), free(y), free(z), free(rows), free(interleaved.data), free(dx), free(dz);
}

static void interleaved(device *d)
{
    static const int tokens[] = {1, 2, 3, 4, 6, 8, 16, 17, 33, 70};
    for (int type = Q8_0; type <= Q5_1; type++) {
        for (int i = 0; i < 10; i++) expect_interleaved(d, (dtype)type, tokens[i], 96, 320);
        expect_interleaved(d, (dtype)type, 1, 416, 1056);
        expect_interleaved(d, (dtype)type, 6, 32, 32);
    }
}

static void interleaved_blocks(void) { every_set(interleaved); }

int main(void)
{
    RUN(bytes_as_drawn);
    RUN(plain_numbers);
    RUN(plain_types);
    RUN(sparse_blocks);
    RUN(interleaved_blocks);
    return DONE();
}
