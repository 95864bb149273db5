/* test_device_linear.c - matrix products with weights of every type and layout, and their gradients, on every
 * instruction set of this machine, against the reference device: the same values within rounding, and the same bits for
 * every division of rows, on any number of threads, and on any instruction set with fused multiply-adds. */
#define _GNU_SOURCE
#include "devices.h"

static const dtype weight_types[] = {F32, F16, BF16, F64, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K};

/* A matrix product and both gradients, which are added to. */
static void linear_all(device *d, product q, int T, float *dx, float *dw, const float *dy)
{
    linear_back_args a = {.x = q.x, .dy = dy, .w = q.w, .dx = dx, .dw = dw, .T = T, .add = 1};
    linear_one(d, q, T);
    d->linear_dx(d, &a);
    d->linear_dw(d, &a);
}

static void linear_case(dtype type, int in, int out, weight_layout layout, int T)
{
    void *to_free;
    int input_rows = layout_is_input_major(layout);
    tensor w = weight(type, input_rows ? in : out, input_rows ? out : in, layout, rng_uniform(&dice) < 0.5 ? 0 : 0.25f,
                      &to_free);
    size_t nx = (size_t)T * (size_t)in, ny = (size_t)T * (size_t)out, nw = (size_t)in * (size_t)out;
    float *x = normal(nx, 1), *dy = normal(ny, 1), *dx0 = normal(nx, 1), *dw0 = normal(nw, 1);
    float *y = room(ny), *y1 = room(ny), *dx = copy(dx0, nx), *dw = copy(dw0, nw), *first[3] = {0};

    linear_all(reference, (product){.y = y, .x = x, .w = &w}, T, dx, dw, dy);
    for (int p = 0; p < DEVICES; p++) {
        float *dx1 = copy(dx0, nx), *dw1 = copy(dw0, nw);
        linear_all(cpus[p], (product){.y = y1, .x = x, .w = &w}, T, dx1, dw1, dy);
        /* weights in blocks are multiplied by rounded activations: test_int8.c has the bits and the bound */
        int exact = dtypes[type].values == 1 || input_rows;
        if ((exact && !(apart(y1, y, ny) <= 2e-5)) || apart(dx1, dx, nx) > 2e-5 || apart(dw1, dw, nw) > 2e-5)
            FAILED("%s %s %d -> %d%s, %d tokens: %g, dx %g, dw %g", cpus[0]->isa, dtypes[type].name, in, out,
                   input_rows ? " input-major" : "", T, apart(y1, y, ny), apart(dx1, dx, nx), apart(dw1, dw, nw));
        if (!p) {
            first[0] = copy(y1, ny);
            first[1] = dx1;
            first[2] = dw1;
            same_everywhere(y1, ny), same_everywhere(dx1, nx), same_everywhere(dw1, nw);
            if (known.differ)
                FAILED("%s %s %d -> %d%s, %d tokens: other bits than %s", cpus[0]->isa, dtypes[type].name, in, out,
                       input_rows ? " input-major" : "", T, device_isa(0, 0));
            known.differ = 0;
            continue;
        }
        if (!same_bits(y1, first[0], ny) || !same_bits(dx1, first[1], nx) || !same_bits(dw1, first[2], nw))
            FAILED("%s %s %d -> %d%s, %d tokens: other bits with %d threads", cpus[0]->isa, dtypes[type].name, in, out,
                   input_rows ? " input-major" : "", T, p + 1);
        drop(dx1);
        drop(dw1);
    }
    float *alone = room(nx), *zero = memset(room(nx), 0, nx * sizeof *zero);
    cpus[1]->linear_dx(cpus[1], &(linear_back_args){.dx = alone, .dy = dy, .w = &w, .T = T});
    cpus[1]->linear_dx(cpus[1], &(linear_back_args){.dx = zero, .dy = dy, .w = &w, .T = T, .add = 1});
    for (size_t i = 0; i < nx; i++)
        if (alone[i] != zero[i]) { /* -0 is 0 */
            FAILED("%s %s %d -> %d, %d tokens: dx alone is not dx added to 0", cpus[0]->isa, dtypes[type].name, in, out,
                   T);
            break;
        }
    drop(alone);
    drop(zero);
    /* the same rows in pieces of 1, 2, 3 ... */
    float *dx1 = copy(dx0, nx), *dw1 = copy(dw0, nw);
    for (int t = 0, n = 1; t < T; t += n++) {
        if (n > T - t) n = T - t;
        size_t i = (size_t)t * (size_t)in, o = (size_t)t * (size_t)out;
        linear_all(cpus[1], (product){.y = y1 + o, .x = x + i, .w = &w}, n, dx1 + i, dw1, dy + o);
    }
    if (!same_bits(y1, first[0], ny) || !same_bits(dx1, first[1], nx) || !same_bits(dw1, first[2], nw))
        FAILED("%s %s %d -> %d%s, %d tokens: other bits in pieces (%d %d %d)", cpus[0]->isa, dtypes[type].name, in, out,
               input_rows ? " input-major" : "", T, same_bits(y1, first[0], ny), same_bits(dx1, first[1], nx),
               same_bits(dw1, first[2], nw));
    float *all[] = {x, dy, dx0, dw0, y, y1, dx, dw, dx1, dw1, first[0], first[1], first[2]};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) drop(all[i]);
    drop(to_free);
}

static void linear(void)
{
    static const int sizes[] = {1, 7, 64, 100, 257}, tokens[] = {1, 2, 5, 17, 64};
    for (size_t y = 0; y < sizeof weight_types / sizeof *weight_types; y++) {
        int values = dtypes[weight_types[y]].values;
        for (int i = 0; i < 5; i++)
            for (int k = 0; k < 5; k++) {
                int in = sizes[i], out = sizes[(i + k) % 5], T = tokens[k],
                    whole = (sizes[i] + values - 1) / values * values;
                linear_case(weight_types[y], whole, out, LAYOUT_ROW_MAJOR, T);
                linear_case(weight_types[y], in, (out + values - 1) / values * values, LAYOUT_INPUT_MAJOR, T);
            }
    }
    linear_case(F32, 640, 331, LAYOUT_ROW_MAJOR, 130); /* more than one block of everything */
    linear_case(F32, 331, 640, LAYOUT_INPUT_MAJOR, 130);
    linear_case(F16, 5000, 40, LAYOUT_ROW_MAJOR, 70);
    linear_case(BF16, 1100, 70, LAYOUT_ROW_MAJOR, 530);
    linear_case(F32, 530, 70, LAYOUT_INPUT_MAJOR, 1100);
    linear_case(Q4_K, 300, 768, LAYOUT_INPUT_MAJOR, 9);
    for (dtype type = Q2_K; type <= MXFP4; type++) { /* these have no kernels of their own: rows are decoded first */
        linear_case(type, 512, 71, LAYOUT_ROW_MAJOR, 1);
        linear_case(type, 512, 71, LAYOUT_ROW_MAJOR, 17);
        linear_case(type, 71, 512, LAYOUT_INPUT_MAJOR, 1);
        linear_case(type, 71, 512, LAYOUT_INPUT_MAJOR, 17);
    }
}

/* Every f16 there is, through a 1 x n weight. */
static void every_half(void)
{
    enum { N = 65536 };
    uint16_t *h = malloc(N * sizeof *h);
    float *y = room(N), one = 1;
    CHECK(h);
    for (int i = 0; i < N; i++) h[i] = (uint16_t)i;
    for (int type = F16; type <= BF16; type++) {
        tensor w = {.rows = N, .cols = 1, .type = type, .data = h};
        linear_one(cpus[0], (product){.y = y, .x = &one, .w = &w}, 1);
        int bad = 0;
        for (int i = 0; i < N; i++) {
            float e = type == F16 ? f16_to_f32(h[i]) : bf16_to_f32(h[i]);
            bad += e != e ? y[i] == y[i] : y[i] != e;
        }
        if (bad) FAILED("%s: %d of %s", cpus[0]->isa, bad, dtypes[type].name);
    }
    free(h);
    drop(y);
}

static void on_this_isa(void)
{
    RUN(every_half);
    RUN(linear);
}

int main(void)
{
    on_every_isa(on_this_isa);
    return DONE();
}
