/* test_fused.c - fused operations: on the reference device and on every instruction set, for any
 * number of threads, the bits of the separate operations. Gradients are equal within rounding. */
#include <math.h>
#include <stdlib.h>
#include "base/rng.h"
#include "ops/tape.h"
#include "room.h"
#include "test.h"

enum { MOST_THREADS = 4, MOST_OUT = 12, STATE = 6 * 64 * 64 + 1024 };
enum { MOST_ISA = 8 };
static device *reference, *cpus[MOST_ISA][MOST_THREADS]; /* of 1, 2, 3, 4 threads; a NULL ends the instruction sets */
static int most_threads = MOST_THREADS;
static rng dice = {11, 0};
static cx inputs; /* inputs of the cases */
static int by_hand; /* the separate operations */

static tensor *normal(int rows, int cols, double by)
{
    tensor *x = tensor_new(&inputs, rows, cols);
    for (int i = 0; i < rows * cols; i++) reals(x)[i] = (real)(by * rng_normal(&dice));
    return x;
}

static tensor *weight(dtype type, int in, int out, weight_layout layout)
{
    int input_rows = layout_is_input_major(layout);
    tensor *w = normal(input_rows ? in : out, input_rows ? out : in, 0.2);
    int n = in * out;
    float *x = reals(w);
    w->type = type;
    w->layout = layout;
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

/* A case: writes its results to out, returns their number. */
typedef int case_fn(cx *c, tensor **out);

/* Unfused, recorded and not recorded, from the same states, which stay unchanged. */
static void compare(const char *name, case_fn *fn, const batch *b, device *dev)
{
    static real first[4][STATE], last[2][4][STATE];
    const char *who = dev == reference ? dev->name : dev->isa;
    tensor *out[2][MOST_OUT];
    cx c[2];
    int n = 0, spans = b ? b->n_spans : 0;
    for (int i = 0; i < spans; i++) memcpy(first[i], b->spans[i].state, sizeof first[i]);
    for (int way = 0; way < 2; way++) {
        if (room_context(&c[way], dev)) exit(1);
        c[way].b = b;
        c[way].recording = way;
        by_hand = way;
        n = fn(&c[way], out[way]);
        for (int i = 0; i < spans; i++) {
            memcpy(last[way][i], b->spans[i].state, sizeof first[i]);
            memcpy(b->spans[i].state, first[i], sizeof first[i]);
        }
    }
    for (int i = 0; i < n; i++) {
        const tensor *x = out[0][i], *y = out[1][i];
        EXPECT(x->rows == y->rows && x->cols == y->cols);
        if (memcmp(x->data, y->data, (size_t)x->rows * (size_t)x->cols * sizeof(real)))
            FAILED("%s, %s, %d threads: result %d has other bits", name, who, dev->threads, i);
    }
    if (memcmp(last[0], last[1], (size_t)spans * sizeof *first))
        FAILED("%s, %s, %d threads: the state has other bits", name, who, dev->threads);
    cx_release(&c[0]);
    cx_release(&c[1]);
}

/* Every device, instruction set and number of threads. */
static void everywhere(const char *name, case_fn *fn, const batch *b)
{
    compare(name, fn, b, reference);
    for (int i = 0; cpus[i][0]; i++)
        for (int k = 0; k < most_threads; k++) compare(name, fn, b, cpus[i][k]);
}

/* ---- linear maps ------------------------------------------------------------------------------------------------- */

static struct {
    tensor *x, *x2, *w[8], *bias, *from, *to, *times, *plus;
} lin;

static int linears(cx *c, tensor **y)
{
    LINEARS(c, {.y = &y[0], .x = lin.x, .w = lin.w[0]},
            {.y = &y[1], .x = lin.x2, .w = lin.w[1], .bias = lin.bias, .map = MAP_DECAY7},
            {.y = &y[2], .x = lin.x, .w = lin.w[2], .map = MAP_TANH}, {.x = NULL},
            {.y = &y[3], .x = lin.x2, .w = lin.w[3], .bias = lin.bias, .map = MAP_SIGMOID, .from = lin.from, .to = lin.to,
             .times = lin.times, .plus = lin.plus},
            {.y = &y[4], .x = lin.x, .w = lin.w[4], .plus = lin.plus},
            {.y = &y[5], .x = lin.x, .w = lin.w[5], .map = MAP_RELU2, .times = lin.times},
            {.y = &y[6], .x = lin.x2, .w = lin.w[6], .bias = lin.bias, .from = lin.from, .to = lin.to});
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
                for (int i = 0; i < 8; i++) lin.w[i] = weight(type, in, out, LAYOUT_ROW_MAJOR);
                lin.w[1] = weight(F32, in, out, LAYOUT_INPUT_MAJOR);
                lin.w[2] = weight(BF16, in, sizes[s].rank, LAYOUT_INPUT_MAJOR);
                lin.w[5] = weight(F32, in, out, LAYOUT_ROW_MAJOR);
                lin.bias = normal(1, out, 1);
                lin.from = normal(T, out, 1);
                lin.to = normal(T, out, 1);
                lin.times = normal(T, out, 1);
                lin.plus = normal(T, out, 1);
                everywhere("linear maps", linears, NULL);
            }
}

/* ---- operations along time --------------------------------------------------------------------------------------- */

static struct {
    int T, C, heads;
    tensor *x[6], *row[8], *dy[4], *dstate;
} now;

/* Spans of the lengths given (0: no more), with random states of STATE numbers. */
static batch batch_of(const int *lens, span *spans)
{
    batch b = {.spans = spans};
    for (; b.n_spans < 4 && lens[b.n_spans]; b.n_spans++) {
        spans[b.n_spans] = (span){b.rows, lens[b.n_spans], reals(normal(1, STATE, 0.5)), NULL};
        b.rows += lens[b.n_spans];
    }
    return b;
}

static void inputs_for(int T, int C, int heads)
{
    now.T = T;
    now.C = C;
    now.heads = heads;
    for (int i = 0; i < 6; i++) now.x[i] = normal(T, C, 1);
    for (int i = 0; i < 8; i++) now.row[i] = normal(1, C, 1);
    for (int i = 0; i < 4; i++) now.dy[i] = normal(T, C, 1);
    now.dstate = normal(4, STATE, 0.5);
}

typedef void mix_fn(cx *, const mix_in *, int, weighs, const mixture *, int);

static void mix_by_hand(cx *c, const mix_in *in, int at, weighs which, const mixture *m, int n)
{
    tensor *z = op_norm(c, in->x, in->w, in->b, 1, in->eps), *p = op_shift(c, z, at);
    for (int i = 0; i < n; i++)
        if (m[i].mu) *m[i].y = which == CURRENT ? op_lerp(c, p, z, m[i].mu) : op_lerp(c, z, p, m[i].mu);
}

static int mixes(cx *c, tensor **y)
{
    mix_fn *mix = by_hand ? mix_by_hand : op_mix;
    mix(c, &(mix_in){now.x[0], now.row[0], now.row[1], (real)1e-5}, 3, PREVIOUS,
           (mixture[]){{&y[0], now.row[2]}, {NULL, NULL}, {&y[1], now.row[3]}, {&y[2], now.row[4]}}, 4);
    mix(c, &(mix_in){now.x[1], now.row[0], now.row[1], (real)1e-5}, 3 + now.C, CURRENT,
        (mixture[]){{&y[3], now.row[2]}}, 1);
    return 4;
}

static tensor *heads7(cx *c, const void *p, tensor *const *in, int heads, int at)
{
    const real *eps = p;
    tensor *r = in[0], *k = in[1], *v = in[2], *w = op_map(c, MAP_DECAY7, in[3]), *a = op_map(c, MAP_SIGMOID, in[4]);
    EXPECT(in[6] == NULL);
    tensor *kk = op_unit(c, op_mul(c, k, in[5]), heads);
    k = op_lerp(c, k, op_mul(c, k, a), in[7]);
    tensor *y = op_wkv7(c, &(wkv7_in){r, w, k, v, op_map(c, MAP_NEG, kk), op_mul(c, kk, a)}, heads, at);
    return op_add(c, op_norm(c, y, in[8], in[9], heads, *eps), op_bonus(c, r, k, in[7], v, heads));
}

static tensor *heads6(cx *c, const void *p, tensor *const *in, int heads, int at)
{
    const real *eps = p;
    tensor *y = op_wkv6(c, in[0], in[1], in[2], op_map(c, MAP_DECAY5, in[3]), in[4], heads, at);
    return op_norm(c, y, in[5], in[6], heads, *eps);
}

static tensor *heads_of(cx *c, heads_fn *fn, tensor *const *in, int n)
{
    static const real eps = (real)1e-3;
    return by_hand ? fn(c, &eps, in, now.heads, 5) : op_heads(c, fn, &eps, now.heads, 5, in, n);
}

static int in_heads(cx *c, tensor **y)
{
    tensor **x = now.x, **row = now.row;
    y[0] = heads_of(c, heads7, (tensor *[]){x[0], x[1], x[2], x[3], x[4], row[0], NULL, row[1], row[2], row[3]}, 10);
    y[1] = heads_of(c, heads6, (tensor *[]){x[0], x[1], x[2], x[3], row[4], row[2], row[3]}, 7);
    /* one decay for all tokens */
    y[2] = heads_of(c, heads6, (tensor *[]){x[0], x[1], x[2], row[5], row[4], row[2], row[3]}, 7);
    return 3;
}

/* Gradients of all inputs and of the states: of the operations by hand on the reference device and, within rounding, of
 * those in one go, which have the same bits for any number of threads. */
enum { GRADIENTS = 6 * 110 * 384 + 8 * 384 + 4 * STATE };

static void learn(case_fn *fn, const batch *b, device *dev, int hand, real *to)
{
    static real first[4][STATE], dstates[4][STATE];
    span spans[4];
    tensor *out[MOST_OUT], *all[14];
    for (int i = 0; i < b->n_spans; i++) {
        memcpy(first[i], b->spans[i].state, sizeof first[i]);
        memcpy(dstates[i], reals(now.dstate) + i * STATE, sizeof dstates[i]);
        spans[i] = b->spans[i];
        spans[i].dstate = i == 1 ? NULL : dstates[i];
    }
    batch with = {b->rows, b->n_spans, spans};
    memcpy(all, now.x, sizeof now.x);
    memcpy(all + 6, now.row, sizeof now.row);
    for (int i = 0; i < 14; i++) {
        all[i]->requires_grad = 1;
        all[i]->grad = NULL;
    }
    cx c;
    if (room_context(&c, dev)) exit(1);
    c.b = &with;
    c.recording = 1;
    by_hand = hand;
    int n = fn(&c, out);
    for (int i = 0; i < n; i++)
        memcpy(tensor_grad(&c, out[i]), now.dy[i]->data, (size_t)now.T * (size_t)now.C * sizeof(real));
    tape_unwind(&c, NULL);
    for (int i = 0; i < 14; i++) {
        size_t values = (size_t)all[i]->rows * (size_t)all[i]->cols;
        memcpy(to, tensor_grad(&c, all[i]), values * sizeof *to);
        to += values;
        all[i]->requires_grad = 0;
        all[i]->grad = NULL;
    }
    memcpy(to, dstates, (size_t)b->n_spans * sizeof *dstates);
    for (int i = 0; i < b->n_spans; i++) memcpy(b->spans[i].state, first[i], sizeof first[i]);
    cx_release(&c);
}

static void learned(const char *name, case_fn *fn, const batch *b)
{
    static real expected[GRADIENTS], found[2][GRADIENTS];
    size_t n = (size_t)now.C * (size_t)(6 * now.T + 8) + (size_t)b->n_spans * STATE;
    CHECK(n <= GRADIENTS);
    learn(fn, b, reference, 1, expected);
    for (int i = 0; cpus[i][0]; i++) {
        const char *isa = cpus[i][0]->isa;
        for (int p = 0; p < most_threads; p++) {
            real *now_found = found[p > 0];
            learn(fn, b, cpus[i][p], 0, now_found);
            if (p && memcmp(found[0], found[1], n * sizeof *expected))
                FAILED("%s, %s, %d threads: gradients have other bits", name, isa, p + 1);
        }
        size_t size = (size_t)now.T * (size_t)now.C;
        for (size_t at = 0, part = 0; at < n; at += size, part++) {
            double off = 0, all = 0;
            if (part >= 6) size = part < 14 ? (size_t)now.C : n - at;
            for (size_t k = at; k < at + size; k++) {
                off += (double)(found[0][k] - expected[k]) * (double)(found[0][k] - expected[k]);
                all += (double)expected[k] * (double)expected[k];
            }
            if (!(off <= 1e-9 * all)) FAILED("%s, %s: gradient %zu is off by %g", name, isa, part, sqrt(off / all));
        }
    }
}

static void over_time(void)
{
    static const int lens[][4] = {{1}, {1, 1, 1, 1}, {2}, {37, 1, 9}, {70, 33}};
    static const int heads[] = {1, 2, 6, 5}, width[] = {64, 64, 64, 20}; /* of a head */
    for (int l = 0; l < 5; l++)
        for (int h = 0; h < 4; h++) {
            cx_reset(&inputs);
            span spans[4];
            batch b = batch_of(lens[l], spans);
            inputs_for(b.rows, heads[h] * width[h], heads[h]);
            everywhere("mix", mixes, &b);
            everywhere("heads", in_heads, &b);
            learned("mix", mixes, &b);
            learned("heads", in_heads, &b);
        }
}

int main(void)
{
    if (emulated()) most_threads = 2;
    for (int i = 0; device_isa(0, i); i++)
        for (int k = 0; k < most_threads; k++) cpus[i][k] = room_device("cpu", k + 1, device_isa(0, i));
    reference = room_device("reference", 1, NULL);
    if (room_context(&inputs, reference)) return 1;
    RUN(grouped_linears);
    RUN(over_time);
    cx_release(&inputs);
    for (int i = 0; cpus[i][0]; i++)
        for (int k = 0; k < most_threads; k++) device_close(cpus[i][k]);
    device_close(reference);
    return DONE();
}
