/* test_devices.c - every entry of the CPU device, on every instruction set of this machine, against the reference
 * device: the same values within rounding, and the same bits however rows are cut and threads are counted. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/hash.h"
#include "base/rng.h"
#include "room.h"
#include "test.h"

enum { DEVICES = 3 };
static device *reference, *cpus[DEVICES]; /* cpus: of 1, 2, 3 threads */
static rng dice = {7, 0};

/* Memory whose end lies against a page that may not be touched: a kernel that goes past an array stops the test. The
 * kernels are compiled without sanitizers, so this is what watches them. */
static struct {
    char *p, *base;
    size_t bytes;
} fences[4096];
static int n_fences;

static void *fenced(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), data = (bytes + page - 1) / page * page;
    char *base = mmap(NULL, data + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(base != MAP_FAILED && n_fences < (int)(sizeof fences / sizeof *fences));
    CHECK(!mprotect(base + data, page, PROT_NONE));
    fences[n_fences].p = base + data - bytes;
    fences[n_fences].base = base;
    fences[n_fences].bytes = data + page;
    return fences[n_fences++].p;
}

static void drop(void *p)
{
    int i = n_fences - 1;
    if (!p) return;
    while (i >= 0 && fences[i].p != (char *)p) i--;
    CHECK(i >= 0);
    munmap(fences[i].base, fences[i].bytes);
    fences[i] = fences[--n_fences];
}

static float *room(size_t n) { return fenced(n * sizeof(float)); }

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

/* Results come in the same order on every instruction set; on those with fused multiply-adds they are the same bits. */
static struct {
    uint64_t *hash; /* of each result of the first set */
    size_t n, cap, at;
    int sets, differ;
} known;

static void same_everywhere(const float *x, size_t n)
{
    const uint64_t h = hash_bytes(HASH_START, x, n * sizeof *x);
    if (!cpus[0]->same_bits) return;
    if (known.sets == 1) {
        if (known.n == known.cap) known.hash = realloc(known.hash, sizeof h * (known.cap = 2 * known.cap + 64));
        CHECK(known.hash);
        known.hash[known.n++] = h;
    } else if (known.at >= known.n || known.hash[known.at] != h) known.differ++;
    known.at++;
}

static int same_bits(const float *x, const float *y, size_t n) { return !memcmp(x, y, n * sizeof *x); }

/* ---- weights ----------------------------------------------------------------------------------------------------- */

static const dtype weight_types[] = {F32, F16, BF16, F64, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K};

static void put_f16(char *at, float x)
{
    uint16_t h = f32_to_f16(x);
    memcpy(at, &h, 2);
}

/* A random weight whose data lie at an odd address, or end at a fence. Blocks are random bits under scales that keep
 * the values near 1. */
static tensor weight(dtype type, int rows, int cols, weight_layout layout, float scale, void **to_free)
{
    size_t values = (size_t)rows * (size_t)cols, bytes = (size_t)dtype_bytes(type, (int64_t)values);
    size_t odd = rng_u64(&dice) & 1 ? 0 : type == F32 || type == F64 ? 4 : 1;
    char *base = fenced(bytes + (odd ? 64 : 0)), *data = base + odd;
    for (size_t i = 0; i < bytes; i++) data[i] = (char)rng_u64(&dice);
    if (dtypes[type].values == 1)
        for (size_t i = 0; i < values; i++) {
            float x = (float)rng_normal(&dice);
            double wide = x;
            uint16_t half = type == BF16 ? f32_to_bf16(x) : f32_to_f16(x);
            if (type == F32)
                memcpy(data + 4 * i, &x, 4);
            else if (type == F64)
                memcpy(data + 8 * i, &wide, 8);
            else
                memcpy(data + 2 * i, &half, 2);
        }
    else
        for (size_t b = 0; b < bytes; b += (size_t)dtypes[type].bytes) {
            float d = (1 + (float)rng_uniform(&dice)) / (type == Q8_0                     ? 128
                                                         : type == Q6_K || type == IQ4_XS ? 2048
                                                         : type == IQ4_NL || type == Q3_K ? 128
                                                         : type == Q4_K || type == Q5_K   ? 512
                                                                                          : 16);
            size_t at = type == Q6_K ? 208 : type == Q3_K ? 108 : type == Q2_K ? 80 : 0;
            if (type == MXFP4)
                data[b] = (char)(124 + (rng_u64(&dice) & 1)); /* a power of two alone */
            else
                put_f16(data + b + at, d);
            if (type == Q4_1 || type == Q5_1 || type == Q4_K || type == Q5_K || type == Q2_K)
                put_f16(data + b + at + 2, d);
        }
    *to_free = base;
    return (tensor){.rows = rows, .cols = cols, .type = type, .layout = layout, .scale = scale, .data = data};
}

static void linear_one(device *d, product q, int T) { d->linear(d, &(linear_args){.q = &q, .n = 1, .T = T}); }

/* A product and both of its gradients, added to. */
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
        int block = dtypes[weight_types[y]].values;
        for (int i = 0; i < 5; i++)
            for (int k = 0; k < 5; k++) {
                int in = sizes[i], out = sizes[(i + k) % 5], T = tokens[k],
                    whole = (sizes[i] + block - 1) / block * block;
                linear_case(weight_types[y], whole, out, LAYOUT_ROW_MAJOR, T);
                linear_case(weight_types[y], in, (out + block - 1) / block * block, LAYOUT_INPUT_MAJOR, T);
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

/* ---- everything else: one run of every entry over the same inputs, its results one after another ----------------- */

/* What an operation did: outputs and gradients, appended as they come. */
typedef struct {
    float *values;
    size_t n, cap;
    size_t piece[256]; /* where each result begins */
    int pieces;
} results;

static void keep(results *r, const float *x, size_t n)
{
    if (r->n + n > r->cap) {
        r->cap = 2 * (r->n + n);
        r->values = realloc(r->values, r->cap * sizeof *x);
        CHECK(r->values);
    }
    memcpy(r->values + r->n, x, n * sizeof *x);
    r->piece[r->pieces++] = r->n;
    r->n += n;
}

/* The inputs of one case: random, the same for every device. */
enum { MATRICES = 12, SPANS = 3 };
typedef struct {
    int T, C, heads;
    float *x[MATRICES];               /* T x C */
    float *row[4];                    /* 1 x C */
    float *decay, *decay_row, *a, *b; /* w in (0, 1); a unit vectors and b of version 7 */
    float *state, *dstate;            /* SPANS blocks of C (N + 3) */
    int lens[SPANS];
} inputs;

static size_t state_len(const inputs *in) { return (size_t)in->C * (size_t)(in->C / in->heads + 3); }

static inputs inputs_new(int T, int C, int heads)
{
    inputs in = {.T = T, .C = C, .heads = heads};
    size_t n = (size_t)T * (size_t)C;
    for (int i = 0; i < MATRICES; i++) in.x[i] = normal(n, 1);
    for (int i = 0; i < 4; i++) in.row[i] = normal((size_t)C, 1);
    in.decay = room(n);
    in.decay_row = room((size_t)C);
    in.a = room(n);
    in.b = room(n);
    for (size_t i = 0; i < n; i++) in.decay[i] = 0.55f + 0.45f * (float)rng_uniform(&dice);
    for (int i = 0; i < C; i++) in.decay_row[i] = (float)rng_uniform(&dice);
    reference->unit(reference, &(unit_args){.T = T, .C = C, .heads = heads, .x = in.x[11], .y = in.a});
    for (size_t i = 0; i < n; i++) in.b[i] = -in.a[i] * (float)rng_uniform(&dice);
    in.state = normal(SPANS * state_len(&in), 0.5f);
    in.dstate = normal(SPANS * state_len(&in), 0.5f);
    int left = T; /* three spans when there are rows for them; else one takes all and the others are left out */
    for (int i = 0; i < SPANS; i++) left -= in.lens[i] = i == SPANS - 1 || left <= 2 ? left : left / 2;
    return in;
}

static void inputs_free(inputs *in)
{
    for (int i = 0; i < MATRICES; i++) drop(in->x[i]);
    for (int i = 0; i < 4; i++) drop(in->row[i]);
    float *all[] = {in->decay, in->decay_row, in->a, in->b, in->state, in->dstate};
    for (int i = 0; i < 6; i++) drop(all[i]);
}

/* pairs and lerps, of which the last operand has as many rows as the others, or one */
static void pair_ops(device *d, const inputs *in, results *out, int one)
{
    const int T = in->T, C = in->C, rows = one ? 1 : T;
    const size_t n = (size_t)T * (size_t)C, ny = one ? (size_t)C : n;
    const float *y = one ? in->row[0] : in->x[1];
    float *z = room(n), *dx = copy(in->x[2], n), *dy = copy(in->x[3], ny);
    pair_args a = {.T = T, .C = C, .y_rows = rows, .x = in->x[0], .y = y, .z = z};
    d->add(d, &a);
    keep(out, z, n);
    d->mul(d, &a);
    keep(out, z, n);
    a.dz = in->x[4], a.dx = dx, a.dy = dy;
    d->mul_back(d, &a);
    a.dz = in->x[5], a.dx = NULL;
    d->mul_back(d, &a);
    a.dx = dx, a.dy = NULL;
    d->mul_back(d, &a);
    keep(out, dx, n);
    keep(out, dy, ny);
    drop(dx), drop(dy);

    lerp_args l = {.T = T, .C = C, .mu_rows = rows, .x = in->x[0], .y = in->x[2], .mu = y, .z = z};
    d->lerp(d, &l);
    keep(out, z, n);
    dx = copy(in->x[3], n), dy = copy(in->x[4], n);
    float *dmu = copy(in->x[5], ny);
    l.dz = in->x[6], l.dx = dx, l.dy = dy, l.dmu = dmu;
    d->lerp_back(d, &l);
    l.dz = in->x[7], l.dy = l.dmu = NULL;
    d->lerp_back(d, &l);
    l.dx = NULL, l.dmu = dmu;
    d->lerp_back(d, &l);
    keep(out, dx, n);
    keep(out, dy, n);
    keep(out, dmu, ny);
    d->sum_rows(d, &(sum_rows_args){.T = T, .C = C, .d_rows = rows, .dz = in->x[8], .d = dmu});
    keep(out, dmu, ny);
    drop(z), drop(dx), drop(dy), drop(dmu);
}

static void map_ops(device *d, const inputs *in, results *out)
{
    const size_t n = (size_t)in->T * (size_t)in->C;
    for (int kind = 0; kind < MAPS; kind++) {
        float *y = room(n), *dx = copy(in->x[1], n);
        map_args a = {.kind = (map_kind)kind, .n = n, .x = in->x[0], .y = y, .dy = in->x[2], .dx = dx};
        d->map(d, &a);
        d->map_back(d, &a);
        a.dx = NULL;
        d->map_back(d, &a);
        a.dx = dx;
        if (kind != MAP_DECAY5 && kind != MAP_DECAY7 && kind != MAP_SILU) d->slope(d, &a);
        keep(out, y, n);
        keep(out, dx, n);
        drop(y), drop(dx);
    }
}

static void norm_ops(device *d, const inputs *in, results *out, int groups)
{
    const size_t n = (size_t)in->T * (size_t)in->C, c = (size_t)in->C;
    float *y = room(n), *dx = copy(in->x[1], n), *dw = copy(in->row[2], c), *db = copy(in->row[3], c);
    norm_args a = {.T = in->T,
                   .C = in->C,
                   .groups = groups,
                   .eps = 1e-3f,
                   .x = in->x[0],
                   .w = in->row[0],
                   .b = in->row[1],
                   .y = y,
                   .dy = in->x[2],
                   .dx = dx,
                   .dw = dw,
                   .db = db};
    d->norm(d, &a);
    keep(out, y, n);
    d->norm_back(d, &a);
    a.dy = in->x[3], a.dx = a.db = NULL;
    d->norm_back(d, &a);
    a.dx = dx, a.dw = NULL;
    d->norm_back(d, &a);
    a.dx = NULL, a.db = db;
    d->norm_back(d, &a);
    keep(out, dx, n);
    keep(out, dw, c);
    keep(out, db, c);
    drop(y), drop(dx), drop(dw), drop(db);
}

static void head_ops(device *d, const inputs *in, results *out)
{
    const int T = in->T, C = in->C;
    const size_t n = (size_t)T * (size_t)C, c = (size_t)C;
    float *y = room(n), *dr = copy(in->x[4], n), *dk = copy(in->x[5], n), *du = copy(in->row[2], c),
          *dv = copy(in->x[6], n), *dx = copy(in->x[7], n);
    unit_args u = {.T = T, .C = C, .heads = in->heads, .x = in->x[0], .y = y, .dy = in->x[1], .dx = dx};
    d->unit(d, &u);
    keep(out, y, n);
    d->unit_back(d, &u);
    keep(out, dx, n);
    bonus_args a = {.T = T,
                    .C = C,
                    .heads = in->heads,
                    .r = in->x[0],
                    .k = in->x[1],
                    .u = in->row[0],
                    .v = in->x[2],
                    .y = y,
                    .dy = in->x[3],
                    .dr = dr,
                    .dk = dk,
                    .du = du,
                    .dv = dv};
    d->bonus(d, &a);
    keep(out, y, n);
    d->bonus_back(d, &a);
    a.dy = in->x[8], a.dr = a.du = a.dv = NULL;
    d->bonus_back(d, &a);
    a.dr = dr, a.dk = NULL, a.du = du, a.dv = dv;
    d->bonus_back(d, &a);
    keep(out, dr, n);
    keep(out, dk, n);
    keep(out, du, c);
    keep(out, dv, n);
    drop(y), drop(dr), drop(dk), drop(du), drop(dv), drop(dx);
}

static void loss_ops(device *d, const inputs *in, results *out)
{
    const int T = in->T, C = in->C;
    const size_t n = (size_t)T * (size_t)C;
    float *z = copy(in->x[9], n), *nll = room((size_t)T), *max = room((size_t)T), *where = room((size_t)T), mean;
    int *best = calloc((size_t)T, sizeof *best), counted = 0;
    int32_t *targets = calloc((size_t)T, sizeof *targets);
    CHECK(best && targets);
    if (C > 3) z[2] = z[C - 1] = 9; /* the first of two largest */
    for (int t = 0; t < T; t++) counted += (targets[t] = t % 3 ? t % C : -1) >= 0;
    softmax_args a = {.T = T,
                      .V = C,
                      .logits = z,
                      .nll = nll,
                      .max = max,
                      .argmax = best,
                      .targets = targets,
                      .scale = 0.3f,
                      .pull = 1e-3f};
    d->softmax_nll(d, &a);
    for (int t = 0; t < T; t++) where[t] = (float)best[t];
    keep(out, z, n);
    keep(out, nll, (size_t)T);
    keep(out, max, (size_t)T);
    keep(out, where, (size_t)T);
    d->softmax_nll_back(d, &a);
    keep(out, z, n);
    d->mean(d, &(mean_args){.T = T, .counted = counted, .weight = 0.7, .nll = nll, .y = &mean});
    keep(out, &mean, 1);
    drop(z), drop(nll), drop(max), drop(where);
    free(best), free(targets);
}

static void rows_ops(device *d, const inputs *in, results *out)
{
    pair_ops(d, in, out, 0);
    pair_ops(d, in, out, 1);
    map_ops(d, in, out);
    for (int groups = 1; groups <= in->heads; groups += in->heads > 1 ? in->heads - 1 : 1) norm_ops(d, in, out, groups);
    head_ops(d, in, out);
    loss_ops(d, in, out);
}

/* Plain loops of which each thread has a share. */
static void train_ops(device *d, const inputs *in, results *out)
{
    enum { TILE = 64 };
    const size_t n = (size_t)in->T * (size_t)in->C, tiles = (n + TILE - 1) / TILE;
    float *to = copy(in->x[0], n), *w = copy(in->x[1], n), *g = copy(in->x[2], n), *m = copy(in->x[3], n), *v = room(n),
          *sum = room(tiles);
    double *sums = calloc(tiles, sizeof *sums);
    CHECK(sums);
    for (size_t i = 0; i < n; i++) v[i] = in->x[4][i] * in->x[4][i];
    d->drop(d, &(drop_args){
                   .n = n, .from = in->x[5], .to = to, .key = 77, .first = 1000, .below = 1u << 30, .scale = 1.5f});
    d->square_sums(d, &(square_sums_args){.x = in->x[6], .n = n, .tile = TILE, .sums = sums});
    for (size_t i = 0; i < tiles; i++) sum[i] = (float)sums[i];
    d->adamw(d, &(adamw_args){.n = n,
                              .w = w,
                              .g = g,
                              .mean = m,
                              .square = v,
                              .lr = 0.1f,
                              .beta1 = 0.9f,
                              .beta2 = 0.99f,
                              .eps = 1e-8f,
                              .decay = 0.01f,
                              .clip = 0.5f,
                              .bias1 = 2,
                              .bias2 = 3});
    float *all[] = {to, w, g, m, v};
    for (int i = 0; i < 5; i++) keep(out, all[i], n), drop(all[i]);
    keep(out, sum, tiles), drop(sum);
    free(sums);
}

/* the spans of a case over copies of its states */
static batch batch_of(const inputs *in, span *spans, float *state, float *dstate)
{
    batch b = {.rows = in->T, .spans = spans};
    for (int i = 0, row = 0; i < SPANS && in->lens[i] > 0; row += in->lens[i++])
        spans[b.n_spans++] = (span){row, in->lens[i], state + (size_t)i * state_len(in),
                                    i == 1 ? NULL : dstate + (size_t)i * state_len(in)};
    return b;
}

/* the spans' states at `at` before anything ran, as *_back wants them */
static float *states_at(const inputs *in, const batch *b, int at, size_t len)
{
    float *to = room((size_t)b->n_spans * len);
    for (int i = 0; i < b->n_spans; i++)
        memcpy(to + (size_t)i * len, in->state + (size_t)i * state_len(in) + at, len * sizeof *to);
    return to;
}

static void mix_ops(device *d, const inputs *in, results *out)
{
    size_t n = (size_t)in->T * (size_t)in->C, c = (size_t)in->C, states = SPANS * state_len(in);
    for (int way = 0; way < 4; way++) {
        int some = way / 2, at = 1; /* not all gradients are wanted */
        span spans[SPANS];
        float *state = copy(in->state, states), *dstate = copy(in->dstate, states), *y[2] = {room(n), room(n)};
        float *dx = copy(in->x[4], n), *dw = copy(in->row[2], c), *db = copy(in->row[3], c), *dmu = copy(in->row[0], c);
        batch b = batch_of(in, spans, state, dstate);
        float *state0 = states_at(in, &b, at, c);
        mix_args m = {.batch = &b,
                      .C = in->C,
                      .at = at,
                      .x = in->x[0],
                      .w = in->row[0],
                      .b = in->row[1],
                      .eps = 1e-3f,
                      .current = way % 2,
                      .n = 2,
                      .y = {y[0], y[1]},
                      .mu = {in->row[2], in->row[3]},
                      .dy = {in->x[1], in->x[2]},
                      .state0 = state0,
                      .dx = some ? NULL : dx,
                      .dw = dw,
                      .db = some ? NULL : db,
                      .dmu = {dmu}};
        d->mix(d, &m);
        d->mix_back(d, &m);
        keep(out, y[0], n);
        keep(out, y[1], n);
        keep(out, state, states);
        keep(out, dstate, states);
        keep(out, dx, n);
        keep(out, dw, c);
        keep(out, db, c);
        keep(out, dmu, c);
        float *all[] = {state, dstate, y[0], y[1], dx, dw, db, dmu, state0};
        for (int i = 0; i < 9; i++) drop(all[i]);
    }
}

static void time_ops(device *d, const inputs *in, results *out)
{
    int T = in->T, C = in->C, N = C / in->heads, at = 1;
    size_t n = (size_t)T * (size_t)C, c = (size_t)C, states = SPANS * state_len(in);
    for (int version = 4; version <= 7; version++)
        for (int skip = 0; skip < 2; skip++) { /* skip: not all gradients are wanted */
            span spans[SPANS];
            float *state = copy(in->state, states), *dstate = copy(in->dstate, states), *y = room(n), *g[6];
            for (int i = 0; i < 6; i++) g[i] = copy(in->x[i + 4], n);
            float *du = copy(in->row[2], c);
            batch b = batch_of(in, spans, state, dstate);
            float *state0 = states_at(in, &b, at, version == 4 ? 3 * c : c * (size_t)N);
            wkv_args q = {.batch = &b,
                          .C = C,
                          .heads = in->heads,
                          .at = at,
                          .r = in->x[0],
                          .k = in->x[1],
                          .v = in->x[2],
                          .w = in->decay,
                          .u = in->row[0],
                          .a = in->a,
                          .b = in->b,
                          .y = y,
                          .dy = in->x[3],
                          .state0 = state0};
            float *want = skip ? NULL : g[1], *w = NULL;
            if (version == 4) {
                q.w = w = copy(in->row[1], c);
                for (int i = 0; i < C; i++) w[i] = -(float)exp(w[i]);
                for (int i = 0; i < b.n_spans; i++)
                    for (int j = 0; j < C; j++) {
                        spans[i].state[at + C + j] = (float)fabs(spans[i].state[at + C + j]) + 0.1f;
                        state0[(size_t)i * 3 * c + c + (size_t)j] = spans[i].state[at + C + j];
                        if (spans[i].dstate) spans[i].dstate[at + 2 * C + j] = -spans[i].state[at + 2 * C + j] - 3;
                    }
                q.dk = g[0], q.dv = want, q.dw = skip ? NULL : du, q.du = g[2];
                d->wkv4(d, &q);
                d->wkv4_back(d, &q);
            } else if (version == 7) {
                q.dr = g[0], q.dw = want, q.dk = g[2], q.dv = skip ? NULL : g[3], q.da = g[4], q.db = g[5];
                d->wkv7(d, &q);
                d->wkv7_back(d, &q);
            } else {
                if (version == 5) q.w = in->decay_row;
                q.w_rows = version == 5 ? 1 : T;
                q.dr = g[0], q.dk = want, q.dv = g[2], q.dw = g[3], q.du = skip ? NULL : du;
                d->wkv6(d, &q);
                d->wkv6_back(d, &q);
            }
            drop(w);
            keep(out, y, n);
            keep(out, state, states);
            keep(out, dstate, states);
            for (int i = 0; i < 6; i++) keep(out, g[i], n);
            keep(out, du, c);
            for (int i = 0; i < 6; i++) drop(g[i]);
            float *all[] = {state, dstate, y, du, state0};
            for (int i = 0; i < 5; i++) drop(all[i]);
        }
}

/* Run `ops` on the reference and on the CPU device with 1, 2, 3 threads. */
static void compare(const char *name, void (*ops)(device *, const inputs *, results *), const inputs *in,
                    double tolerance)
{
    results expected = {0}, first = {0};
    reference->begin(reference);
    ops(reference, in, &expected);
    for (int p = 0; p < DEVICES; p++) {
        results found = {0};
        cpus[p]->begin(cpus[p]);
        ops(cpus[p], in, &found);
        for (int i = 0; i < found.pieces; i++) {
            size_t from = found.piece[i], n = (i + 1 < found.pieces ? found.piece[i + 1] : found.n) - from;
            double d = apart(found.values + from, expected.values + from, n);
            if (!(d <= tolerance))
                FAILED("%s %s, T %d C %d heads %d: result %d is off by %g", cpus[0]->isa, name, in->T, in->C, in->heads,
                       i, d);
        }
        EXPECT_EQ(found.n, expected.n);
        if (!p) {
            first = found;
            for (int i = 0; i < found.pieces; i++) {
                size_t from = found.piece[i], n = (i + 1 < found.pieces ? found.piece[i + 1] : found.n) - from;
                same_everywhere(found.values + from, n);
                if (known.differ)
                    FAILED("%s %s, T %d C %d heads %d: result %d has other bits than %s", cpus[0]->isa, name, in->T,
                           in->C, in->heads, i, device_isa(0, 0));
                known.differ = 0;
            }
        } else {
            if (!same_bits(found.values, first.values, found.n))
                FAILED("%s %s, T %d C %d heads %d: other bits with %d threads", cpus[0]->isa, name, in->T, in->C,
                       in->heads, p + 1);
            free(found.values);
        }
    }
    free(first.values);
    free(expected.values);
}

static const int shapes[][3] = {{1, 1, 1},    {2, 7, 1},  {5, 64, 1},  {17, 100, 4}, {64, 257, 1},
                                {40, 128, 2}, {3, 96, 3}, {70, 64, 8}, {35, 160, 5}, {300, 192, 3}};

static void rows(void)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        inputs in = inputs_new(shapes[i][0], shapes[i][1], shapes[i][2]);
        compare("rows", rows_ops, &in, 5e-5);
        compare("training", train_ops, &in, 1e-6);
        inputs_free(&in);
    }
}

static void recurrences(void)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        inputs in = inputs_new(shapes[i][0], shapes[i][1], shapes[i][2]);
        compare("time", time_ops, &in, 1e-4);
        compare("mix", mix_ops, &in, 1e-4);
        inputs_free(&in);
    }
}

/* A span read in pieces leaves the same bits as the whole. */
static void recurrences_in_pieces(void)
{
    enum { T = 23, C = 192, HEADS = 3, N = C / HEADS };
    inputs in = inputs_new(T, C, HEADS);
    for (int version = 4; version <= 7; version++) {
        float *state[2], *y[2];
        for (int way = 0; way < 2; way++) {
            state[way] = copy(in.state, C * N);
            y[way] = room(T * C);
            if (version == 4)
                for (int i = 0; i < C; i++) state[way][C + i] = (float)fabs(state[way][C + i]) + 0.1f;
            for (int t = 0, n = way ? T : 1; t < T; t += n, n += !way) {
                if (n > T - t) n = T - t;
                span sp = {0, n, state[way], NULL};
                batch b = {n, 1, &sp};
                size_t j = (size_t)t * C;
                wkv_args q = {.batch = &b,
                              .C = C,
                              .heads = HEADS,
                              .r = in.x[0] + j,
                              .k = in.x[1] + j,
                              .v = in.x[2] + j,
                              .w = in.decay + j,
                              .u = in.row[0],
                              .a = in.a + j,
                              .b = in.b + j,
                              .y = y[way] + j};
                if (version == 4) q.w = in.row[1];
                if (version == 5) q.w = in.decay_row, q.w_rows = 1;
                (version == 4 ? cpus[1]->wkv4 : version == 7 ? cpus[1]->wkv7 : cpus[1]->wkv6)(cpus[1], &q);
            }
        }
        if (!same_bits(y[0], y[1], T * C) || !same_bits(state[0], state[1], C * N))
            FAILED("%s: version %d in pieces", cpus[0]->isa, version);
        for (int way = 0; way < 2; way++) drop(state[way]), drop(y[way]);
    }
    inputs_free(&in);
}

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

/* A NaN stays where it is, forward and backward, and changes nothing beside it. */
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
        if (kind != MAP_RELU2 && kind != MAP_SIGMOID && kind != MAP_TANH) continue; /* those that follow a product */
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

static void expect_isa(const char *isa, const char *found)
{
    device *d;
    EXPECT_EQ(device_open(&d, "cpu", 1, isa), 0);
    EXPECT_STR(d->isa, found);
    device_close(d);
}

/* Devices by name and instruction set, several of them at once. */
static void choosing(void)
{
    device *d;
    const char *best = device_isa(0, 0);
    expect_isa("portable", "portable");
    EXPECT_EQ(device_open(&d, "cpu", 1, "sse9"), WKV_EARG);
    EXPECT_HAS(wkv_error(), "sse9");
    EXPECT(!d);
#ifdef __x86_64__
    EXPECT_EQ(device_open(&d, "cpu", 1, "neon"), WKV_EUNSUPPORTED);
#else
    EXPECT_EQ(device_open(&d, "cpu", 1, "avx2"), WKV_EUNSUPPORTED);
#endif
    EXPECT_EQ(device_open(&d, "gpu", 1, NULL), WKV_EARG);
    EXPECT_HAS(wkv_error(), "there are cpu and reference");
    setenv("WKV_ISA", "portable", 1);
    expect_isa(NULL, "portable");
    expect_isa(best, best);
    unsetenv("WKV_ISA");
    expect_isa(NULL, best);
}

int main(void)
{
    reference = room_device("reference", 1, NULL);
    RUN(choosing);
    RUN(nan_stays_in_the_reference);
    for (int i = 0; device_isa(0, i); i++) {
        for (int p = DEVICES - 1; p >= 0; p--) cpus[p] = room_device("cpu", p + 1, device_isa(0, i));
        printf("-- %s\n", cpus[0]->isa);
        dice = (rng){7, 0};
        known.sets += cpus[0]->same_bits;
        known.at = 0;
        RUN(every_half);
        RUN(maps_far_out);
        RUN(nan_stays);
        RUN(rows);
        RUN(recurrences);
        RUN(recurrences_in_pieces);
        RUN(linear);
        reference->begin(reference);
        for (int p = 0; p < DEVICES; p++) device_close(cpus[p]);
    }
    device_close(reference);
    return DONE();
}
