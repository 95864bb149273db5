/* entries.h - every entry of a device except matrix products, over random inputs, for tests that compare devices. */
#ifndef WKV_TEST_ENTRIES_H
#define WKV_TEST_ENTRIES_H

#include "devices.h"

/* ---- one run of every entry over the same inputs, its results one after another ---------------------------------- */

/* The results of an operation: outputs and gradients, appended. */
typedef struct {
    float *values;
    size_t n, cap;
    size_t piece[256]; /* offset of each result */
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
    float *z = copy(in->x[9], n), *nll = room((size_t)T), *max = room((size_t)T), *where = room((size_t)T),
          *mean = room(1);
    int *best = (int *)fenced((size_t)T * sizeof *best), counted = 0;
    int32_t *targets = calloc((size_t)T, sizeof *targets);
    CHECK(targets);
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
                      .l2wrap = 1e-3f};
    d->softmax_nll(d, &a);
    for (int t = 0; t < T; t++) where[t] = (float)best[t];
    keep(out, z, n);
    keep(out, nll, (size_t)T);
    keep(out, max, (size_t)T);
    keep(out, where, (size_t)T);
    float *again = copy(z, n);
    d->softmax_nll_back(d, &a);
    keep(out, z, n);
    d->mean(d, &(mean_args){.T = T, .counted = counted, .weight = 0.7, .nll = nll, .y = mean});
    keep(out, mean, 1);
    a.logits = again; /* each row by its own number */
    a.scales = max;
    d->softmax_nll_back(d, &a);
    keep(out, again, n);
    d->mean(d, &(mean_args){.T = T, .counted = 1, .weight = 1, .nll = nll, .scales = max, .y = mean});
    keep(out, mean, 1);
    drop(again);
    drop(z), drop(nll), drop(max), drop(where), drop(mean), drop(best);
    free(targets);
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

/* Plain loops, divided among threads. */
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

/* the spans' initial states at `at`, as *_back needs them */
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
        int some = way / 2, at = 1; /* some gradients are NULL */
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
        for (int skip = 0; skip < 2; skip++) { /* skip: some gradients are NULL */
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

/* Rows [t, t + n) of a recurrence (version 5: one row of w), of one span whose state goes on. */
static inline void run_rows(device *d, const inputs *in, int version, int t, int n, float *state, float *y)
{
    const size_t j = (size_t)t * (size_t)in->C;
    const span sp = {0, n, state, NULL};
    const batch b = {n, 1, &sp};
    const wkv_args q = {.batch = &b,
                        .C = in->C,
                        .heads = in->heads,
                        .w_rows = version == 5 ? 1 : n,
                        .r = in->x[0] + j,
                        .k = in->x[1] + j,
                        .v = in->x[2] + j,
                        .w = version == 4   ? in->row[1]
                             : version == 5 ? in->decay_row
                                            : in->decay + j,
                        .u = in->row[0],
                        .a = in->a + j,
                        .b = in->b + j,
                        .y = y + j};
    (version == 4 ? d->wkv4 : version == 7 ? d->wkv7 : d->wkv6)(d, &q);
}

/* T, C, heads */
static const int shapes[][3] = {{1, 1, 1},    {2, 7, 1},  {5, 64, 1},  {17, 100, 4}, {64, 257, 1},
                                {40, 128, 2}, {3, 96, 3}, {70, 64, 8}, {35, 160, 5}, {300, 192, 3}};

#endif
