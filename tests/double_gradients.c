/* double_gradients.c - every gradient against central differences, in double: each operation alone, and whole 2-layer
 * models of every version with loss, L2Wrap, two spans and initial states with gradients. Recomputed blocks give the
 * same bits. */
#include <stdlib.h>
#include "base/rng.h"
#include "cpu/ref.h"
#include "rwkv/forward.h"
#include "room.h"
#include "test.h"

static const double LIMIT = 1e-6;

static cx c;
static rng dice = {.seed = 7};

static double normal(double scale) { return scale * rng_normal(&dice); }
static void fill(real *x, int n, double scale, double mean)
{
    for (int i = 0; i < n; i++) x[i] = mean + normal(scale);
}

/* A function f(user) of many numbers, and its computed gradient. */
typedef struct {
    const char *what;
    real *x;
    const real *grad;
    int n;
} variable;

/* |analytic - numeric| / |analytic| over (a sample of) a variable's values; 4th-order central differences */
static double relative_error(double (*f)(void *user), void *user, const variable *v)
{
    const double h = 1e-5; /* small against the distance to a kink of relu, large against rounding */
    double diff = 0, norm = 0;
    int stride = v->n > 40 ? v->n / 40 : 1;
    for (int i = 0; i < v->n; i += stride) {
        real keep = v->x[i];
        double at[4];
        const double step[4] = {h, -h, 2 * h, -2 * h};
        for (int s = 0; s < 4; s++) {
            v->x[i] = keep + step[s];
            at[s] = f(user);
        }
        v->x[i] = keep;
        double numeric = (8 * (at[0] - at[1]) - (at[2] - at[3])) / (12 * h);
        diff += (numeric - v->grad[i]) * (numeric - v->grad[i]);
        norm += v->grad[i] * v->grad[i];
    }
    return sqrt(diff) / (sqrt(norm) + 1e-30);
}

static void check_variable(double (*f)(void *), void *user, const variable *v, double *worst)
{
    double e = relative_error(f, user, v);
    if (!(e <= LIMIT)) FAILED("gradient of %s: relative error %.2e", v->what, e);
    if (e > *worst) *worst = e;
}

/* ---- one operation at a time ------------------------------------------------------------------------------------- */

enum { T = 6, C = 12, H = 3, N = C / H, MAX_STATE = C * N + C };

/* Run the operation on in[], whose values belong to the test. A state, if used, starts at offset 0. */
typedef tensor *run_fn(tensor **in);

static real state0[2][MAX_STATE], state_now[2][MAX_STATE], final_grad[2][MAX_STATE], dstate[2][MAX_STATE];
static span spans[2] = {{.row = 0, .len = 4}, {.row = 4, .len = 2}};
static const batch two = {.rows = T, .n_spans = 2, .spans = spans};
static int32_t targets[T];

typedef struct {
    const char *name;
    run_fn *run;
    int n_in, rows[6], cols[6];
    double scale[6], mean[6];
    int state_len; /* 0: no state */
    int v4;        /* its gradient is of the true sums */
} op_case;

typedef struct {
    const op_case *op;
    tensor in[6];
} op_run;

/* a head whose logits are its input, n wide */
static tensor *unit_head(int n)
{
    static real values[32 * 32];
    static tensor t = {.type = REAL, .data = values};
    CHECK(n <= 32);
    memset(values, 0, sizeof values);
    for (int i = 0; i < n; i++) values[i * n + i] = 1;
    t.rows = t.cols = n;
    return &t;
}

static double run_op(void *user)
{
    op_run *r = user;
    cx_reset(&c);
    memcpy(state_now, state0, sizeof state_now);
    tensor *in[6];
    for (int i = 0; i < r->op->n_in; i++) in[i] = &r->in[i];
    tensor *y = r->op->run(in);
    tensor *loss = op_head_loss(&c, y, unit_head(y->cols), targets, 1, 0);
    double L = reals(loss)[0];
    int n = r->op->state_len;
    for (int s = 0; s < 2; s++)
        for (int i = 0; i < (r->op->v4 ? 2 * C : n); i++) /* plus a linear function of the final state */
            L += final_grad[s][i] * state_now[s][i] * (r->op->v4 ? exp(state_now[s][2 * C + i % C]) : 1);
    if (c.recording) tape_backward(&c, loss, 1);
    return L;
}

static double check_op(const op_case *op)
{
    op_run r = {.op = op};
    real *kept[6];
    dice = (rng){.seed = 7}; /* the same values in every order of tests */
    for (int i = 0; i < op->n_in; i++) {
        int n = op->rows[i] * op->cols[i];
        r.in[i] = (tensor){.rows = op->rows[i],
                           .cols = op->cols[i],
                           .type = REAL,
                           .requires_grad = 1,
                           .data = malloc((size_t)n * sizeof(real))};
        r.in[i].grad = kept[i] = calloc((size_t)n, sizeof(real));
        fill(r.in[i].data, n, op->scale[i] != 0 ? op->scale[i] : 1, op->mean[i]);
    }
    for (int t = 0; t < T; t++) targets[t] = t == 2 ? -1 : (int32_t)(rng_u64(&dice) % 4);
    for (int s = 0; s < 2; s++) {
        fill(state0[s], MAX_STATE, 1, 0);
        fill(final_grad[s], MAX_STATE, 1, 0);
        if (op->v4) {
            for (int i = 0; i < C; i++) state0[s][C + i] = fabs(state0[s][C + i]) + 0.1, final_grad[s][2 * C + i] = 0;
            fill(state0[s] + 2 * C, C, 0.5, 0);
        }
        memcpy(dstate[s], final_grad[s], sizeof dstate[s]);
        spans[s].state = state_now[s];
        spans[s].dstate = op->state_len ? dstate[s] : NULL;
    }
    c.recording = 1;
    run_op(&r);
    c.recording = 0;
    double worst = 0;
    for (int i = 0; i < op->n_in; i++) {
        char what[64];
        snprintf(what, sizeof what, "%s, input %d", op->name, i);
        check_variable(run_op, &r, &(variable){what, r.in[i].data, kept[i], op->rows[i] * op->cols[i]}, &worst);
    }
    for (int s = 0; s < 2 && op->state_len; s++) {
        int n = op->v4 ? 2 * C : op->state_len;
        if (op->v4) /* d(aa) at a fixed pp, from that of the true sum */
            for (int i = 0; i < n; i++) dstate[s][i] *= exp(dstate[s][2 * C + i % C] + state0[s][2 * C + i % C]);
        char what[64];
        snprintf(what, sizeof what, "%s, initial state %d", op->name, s);
        check_variable(run_op, &r, &(variable){what, state0[s], dstate[s], n}, &worst);
    }
    for (int i = 0; i < op->n_in; i++) {
        free(r.in[i].data);
        free(kept[i]);
    }
    printf("     %-12s worst %.1e\n", op->name, worst);
    return worst;
}

static tensor *do_linear(tensor **in) { return op_linear(&c, in[0], in[1]); }
static tensor *do_linear_in(tensor **in)
{
    in[1]->layout = LAYOUT_INPUT_MAJOR;
    return op_linear(&c, in[0], in[1]);
}
static tensor *do_linear_scaled(tensor **in)
{
    in[1]->scale = 0.25f;
    return op_linear(&c, in[0], in[1]);
}
static tensor *do_adapter(tensor **in)
{
    static adapter low;
    low = (adapter){.a = *in[2], .b = *in[3], .site = ADAPTER_SITE + 5};
    low.b.scale = 0.5f;
    in[1]->adapter = &low;
    tensor *y = op_linear(&c, in[0], in[1]);
    in[1]->adapter = NULL;
    return y;
}
static tensor *do_miss(tensor **in)
{
    static adapter low;
    low = (adapter){.b = *in[2]};
    low.b.layout = LAYOUT_INPUT_MAJOR;
    in[1]->adapter = &low;
    tensor *y = op_linear(&c, in[0], in[1]);
    in[1]->adapter = NULL;
    return y;
}
static const int32_t some_ids[T] = {3, 0, 3, 7, 1, 6};
static const int some_rows[4] = {5, 0, 3, 3};
static tensor *do_embed(tensor **in) { return op_embed(&c, in[0], some_ids, T); }
static tensor *do_rows(tensor **in) { return op_rows(&c, in[0], some_rows, 4); }
static tensor *do_cols(tensor **in) { return op_cols(&c, in[0], 3, 5); }
static tensor *do_repeat(tensor **in) { return op_mul(&c, in[1], op_repeat(&c, in[0], N)); }
static tensor *do_part(tensor **in) { return op_linear(&c, in[0], tensor_part(&c, in[1], 1, 3)); }
static tensor *do_add(tensor **in) { return op_add(&c, in[0], in[1]); }
static tensor *do_mul(tensor **in) { return op_mul(&c, in[0], in[1]); }
static tensor *do_lerp(tensor **in) { return op_lerp(&c, in[0], in[1], in[2]); }
static map_kind map_now;
static tensor *do_map(tensor **in) { return op_map(&c, map_now, in[0]); }
static tensor *do_layer_norm(tensor **in) { return op_norm(&c, in[0], in[1], in[2], 1, 1e-5); }
static tensor *do_group_norm(tensor **in) { return op_norm(&c, in[0], in[1], in[2], H, 64e-5); }
static tensor *do_unit(tensor **in) { return op_unit(&c, in[0], H); }
static tensor *do_bonus(tensor **in) { return op_bonus(&c, in[0], in[1], in[2], in[3], H); }
static tensor *do_shift(tensor **in) { return op_shift(&c, in[0], 0); }
static tensor *do_wkv4(tensor **in) { return op_wkv4(&c, in[0], in[1], op_map(&c, MAP_NEGEXP, in[2]), in[3], 0); }
static tensor *do_wkv4_scan(tensor **in)
{
    return op_wkv4_scan(&c, in[0], in[1], op_map(&c, MAP_NEGEXP, in[2]), in[3], 0);
}
static tensor *do_wkv6(tensor **in)
{
    return op_wkv6(&c, in[0], in[1], in[2], op_map(&c, MAP_DECAY5, in[3]), in[4], H, 0);
}
static tensor *do_wkv7(tensor **in)
{
    return op_wkv7(&c, &(wkv7_in){in[0], op_map(&c, MAP_DECAY7, in[1]), in[2], in[3], in[4], in[5]}, H, 0);
}
static tensor *mix_as(tensor **in, weighs which)
{
    tensor *y[2];
    op_mix(&c, &(mix_in){in[0], in[1], in[2], 1e-3}, 0, which, (mixture[]){{&y[0], in[3]}, {&y[1], in[4]}}, 2);
    return op_mul(&c, y[0], y[1]);
}
static tensor *do_mix(tensor **in) { return mix_as(in, PREVIOUS); }
static tensor *do_mix_current(tensor **in) { return mix_as(in, CURRENT); }
static tensor *do_drop(tensor **in) { return op_drop(&c, in[0], 3); }

static void operations(void)
{
    static const op_case ops[] = {
        {"linear", do_linear, 2, {T, 8}, {C, C}, {0}, {0}, 0, 0},
        {"linear in", do_linear_in, 2, {T, C}, {C, 8}, {0}, {0}, 0, 0},
        {"linear scale", do_linear_scaled, 2, {T, 8}, {C, C}, {0}, {0}, 0, 0},
        {"adapter", do_adapter, 4, {T, 8, 3, 8}, {C, C, C, 3}, {0}, {0}, 0, 0},
        {"MiSS of whole shards", do_miss, 3, {T, 8, 4}, {C, C, 8}, {0}, {0}, 0, 0},
        {"MiSS with a rest", do_miss, 3, {T, 8, 5}, {C, C, 8}, {0}, {0}, 0, 0},
        {"embed", do_embed, 1, {8}, {C}, {0}, {0}, 0, 0},
        {"rows", do_rows, 1, {T}, {C}, {0}, {0}, 0, 0},
        {"cols", do_cols, 1, {T}, {C}, {0}, {0}, 0, 0},
        {"repeat", do_repeat, 2, {1, T}, {H, C}, {0}, {0}, 0, 0},
        {"part", do_part, 2, {T, 3 * 7}, {C, C}, {0}, {0}, 0, 0},
        {"add", do_add, 2, {T, T}, {C, C}, {0}, {0}, 0, 0},
        {"add row", do_add, 2, {T, 1}, {C, C}, {0}, {0}, 0, 0},
        {"mul", do_mul, 2, {T, T}, {C, C}, {0}, {0}, 0, 0},
        {"mul row", do_mul, 2, {T, 1}, {C, C}, {0}, {0}, 0, 0},
        {"lerp", do_lerp, 3, {T, T, T}, {C, C, C}, {0}, {0}, 0, 0},
        {"lerp row", do_lerp, 3, {T, T, 1}, {C, C, C}, {0}, {0}, 0, 0},
        {"layer norm", do_layer_norm, 3, {T, 1, 1}, {C, C, C}, {0}, {0}, 0, 0},
        {"group norm", do_group_norm, 3, {T, 1, 1}, {C, C, C}, {0}, {0}, 0, 0},
        {"unit", do_unit, 1, {T}, {C}, {0}, {0}, 0, 0},
        {"bonus", do_bonus, 4, {T, T, 1, T}, {C, C, C, C}, {0}, {0}, 0, 0},
        {"shift", do_shift, 1, {T}, {C}, {0}, {0}, C, 0},
        {"mix", do_mix, 5, {T, 1, 1, 1, 1}, {C, C, C, C, C}, {0}, {0}, C, 0},
        {"mix current", do_mix_current, 5, {T, 1, 1, 1, 1}, {C, C, C, C, C}, {0}, {0}, C, 0},
        {"wkv4", do_wkv4, 4, {T, T, 1, 1}, {C, C, C, C}, {0}, {0}, 3 * C, 1},
        {"wkv4, k x 3", do_wkv4, 4, {T, T, 1, 1}, {C, C, C, C}, {3, 1, 1, 1}, {0}, 3 * C, 1},
        {"wkv4 scan", do_wkv4_scan, 4, {T, T, 1, 1}, {C, C, C, C}, {3, 1, 1, 1}, {0}, 3 * C, 1},
        {"wkv5", do_wkv6, 5, {T, T, T, 1, 1}, {C, C, C, C, C}, {0}, {0}, C * N, 0},
        {"wkv6", do_wkv6, 5, {T, T, T, T, 1}, {C, C, C, C, C}, {0}, {0}, C * N, 0},
        {"wkv7", do_wkv7, 6, {T, T, T, T, T, T}, {C, C, C, C, C, C}, {0}, {0}, C * N, 0},
    };
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) check_op(&ops[i]);
    for (map_now = 0; map_now < MAPS; map_now++) {
        static const char *names[MAPS] = {"none",   "neg",     "exp",  "negexp", "decay5",
                                          "decay7", "sigmoid", "tanh", "silu",   "relu2"};
        check_op(&(op_case){names[map_now], do_map, 1, {T}, {C}, {0}, {0}, 0, 0});
    }
    c.drop_rate = (real)0.3;
    c.drop_seed = 5;
    check_op(&(op_case){"drop", do_drop, 1, {T}, {C}, {0}, {0}, 0, 0});
    c.drop_rate = 0;
    c.adapter_drop_rate = (real)0.3;
    check_op(&(op_case){"adapter with dropout", do_adapter, 4, {T, 8, 3, 8}, {C, C, C, 3}, {0}, {0}, 0, 0});
    c.adapter_drop_rate = 0;
}

/* ---- the head's loss --------------------------------------------------------------------------------------------- */

enum { WIDE = (1 << 21) - 5, HEAD = 3 }; /* a vocabulary with two rows of logits per chunk */

/* Loss, and the gradients of x and w, in plain loops: 0.7 x (the mean cross entropy + 0.5e-4 mean of the largest logit
 * squared, which is L2Wrap and is not part of the loss). */
static double plain_loss(const real *x, const real *w, real *dx, real *dw)
{
    double L = 0, *p = malloc(WIDE * sizeof *p);
    int counted = 0;
    for (int t = 0; t < T; t++) counted += targets[t] >= 0;
    for (int t = 0; t < T; t++) {
        double max = -1e300, sum = 0;
        int best = 0;
        for (int v = 0; v < WIDE; v++) {
            p[v] = 0;
            for (int i = 0; i < HEAD; i++) p[v] += x[t * HEAD + i] * w[v * HEAD + i];
            if (p[v] > max) max = p[best = v];
        }
        for (int v = 0; v < WIDE; v++) sum += exp(p[v]);
        if (targets[t] >= 0) L += 0.7 * (log(sum) - p[targets[t]]) / counted;
        for (int v = 0; v < WIDE; v++) {
            double g = targets[t] < 0 ? 0 : 0.7 * (exp(p[v]) / sum - (v == targets[t])) / counted;
            if (v == best) g += 0.7e-4 * max / T;
            for (int i = 0; i < HEAD; i++) {
                dx[t * HEAD + i] += g * w[v * HEAD + i];
                dw[v * HEAD + i] += g * x[t * HEAD + i];
            }
        }
    }
    free(p);
    return L;
}

static double distance(const real *a, const real *b, size_t n)
{
    double worst = 0;
    for (size_t i = 0; i < n; i++) worst = fmax(worst, fabs(a[i] - b[i]));
    return worst;
}

static void loss_of_a_head_in_chunks(void)
{
    real *x = calloc((size_t)T * HEAD, 3 * sizeof *x), *dx = x + T * HEAD, *dx0 = dx + T * HEAD;
    real *w = calloc((size_t)WIDE * HEAD, 3 * sizeof *w), *dw = w + (size_t)WIDE * HEAD,
         *dw0 = dw + (size_t)WIDE * HEAD;
    fill(x, T * HEAD, 1, 0);
    fill(w, WIDE * HEAD, 1, 0);
    for (int t = 0; t < T; t++) targets[t] = t == 1 ? -1 : (int32_t)(rng_u64(&dice) % WIDE);
    double expected = plain_loss(x, w, dx0, dw0);
    tensor rows = {.rows = T, .cols = HEAD, .type = REAL, .requires_grad = 1, .data = x, .grad = dx};
    tensor head = {.rows = WIDE, .cols = HEAD, .type = REAL, .requires_grad = 1, .data = w, .grad = dw};
    cx_reset(&c);
    c.recording = 1;
    tensor *loss = op_head_loss(&c, &rows, &head, targets, (real)0.7, 1);
    tape_backward(&c, loss, 1);
    c.recording = 0;
    EXPECT_NEAR(reals(loss)[0], expected, 1e-11);
    EXPECT_NEAR(distance(dx, dx0, T * HEAD), 0, 1e-11);
    EXPECT_NEAR(distance(dw, dw0, (size_t)WIDE * HEAD), 0, 1e-11);
    cx_reset(&c);
    EXPECT_NEAR(reals(op_head_loss(&c, &rows, &head, targets, (real)0.7, 1))[0], expected, 1e-11);
    EXPECT(c.mem.peak < (size_t)WIDE * T * sizeof(real)); /* all logits never existed at once */
    free(x);
    free(w);
}

/* ---- version 4 by scan ------------------------------------------------------------------------------------------- */

/* Token by token and by scan: the same outputs, states and gradients within rounding. */
static void scan_is_the_recurrence(void)
{
    enum { LONG = 1000, WIDTH = 5, ALL = LONG * WIDTH, STATE = 3 * WIDTH };
    static real k[ALL], v[ALL], dy[ALL], w[WIDTH], u[WIDTH], before[2 * STATE], after[2 * STATE];
    static real y[2][ALL], state[2][2 * STATE], back[2][2 * STATE], grads[2][2 * ALL + 2 * WIDTH];
    dice = (rng){.seed = 9};
    fill(k, ALL, 3, 0), fill(v, ALL, 1, 0), fill(dy, ALL, 1, 0), fill(u, WIDTH, 1, 0);
    for (int i = 0; i < WIDTH; i++) w[i] = -exp(normal(3)); /* from hardly any decay to nearly all of it */
    fill(before, 2 * STATE, 1, 0), fill(after, 2 * STATE, 1, -9);
    for (int i = 0; i < 2 * STATE; i++)
        if (i % STATE / WIDTH == 1) before[i] = fabs(before[i]) + 0.1;
    for (int way = 0; way < 2; way++) {
        real *dk = grads[way], *dv = dk + ALL, *dw = dv + ALL, *du = dw + WIDTH;
        memcpy(state[way], before, sizeof before), memcpy(back[way], after, sizeof after);
        const span s[2] = {{0, 700, state[way], back[way]}, {700, LONG - 700, state[way] + STATE, back[way] + STATE}};
        const batch b = {LONG, 2, s};
        const wkv_args a = {.batch = &b,
                            .C = WIDTH,
                            .k = k,
                            .v = v,
                            .w = w,
                            .u = u,
                            .y = y[way],
                            .dy = dy,
                            .state0 = before,
                            .dk = dk,
                            .dv = dv,
                            .dw = dw,
                            .du = du};
        device *d = c.dev;
        (way ? d->wkv4_scan : d->wkv4)(d, &a);
        (way ? d->wkv4_scan_back : d->wkv4_back)(d, &a);
    }
    const struct { const char *what; const real *x[2]; int n; } results[] = {
        {"y", {y[0], y[1]}, ALL},
        {"state", {state[0], state[1]}, 2 * STATE},
        {"its gradient", {back[0], back[1]}, 2 * STATE},
        {"dk", {grads[0], grads[1]}, ALL},
        {"dv", {grads[0] + ALL, grads[1] + ALL}, ALL},
        {"dw", {grads[0] + 2 * ALL, grads[1] + 2 * ALL}, WIDTH},
        {"du", {grads[0] + 2 * ALL + WIDTH, grads[1] + 2 * ALL + WIDTH}, WIDTH}};
    static const real zeros[ALL];
    for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
        double most = distance(results[i].x[0], zeros, (size_t)results[i].n);
        double off = distance(results[i].x[0], results[i].x[1], (size_t)results[i].n);
        if (!(most > 0 && off <= 1e-12 * most)) FAILED("%s by scan is off by %.1e of %.1e", results[i].what, off, most);
    }
}

/* ---- whole models ------------------------------------------------------------------------------------------------ */

typedef struct {
    rwkv m;
    real *params, *grads, *init, *states, *final_grad, *dstates;
    int n_params;
    int with_blocks;
} model_run;

enum { VOCAB = 13, LAYERS = 2 };
static const int32_t text[T] = {4, 0, 12, 7, 7, 3}, next[T] = {0, 12, 7, -1, 3, 9};

static int place(void *user, const char *name, tensor *t, const slot *s, int layer)
{
    (void)name, (void)layer;
    model_run *r = user;
    int rows = r->m.dim[s->rows], cols = r->m.dim[s->cols], matrix = s->flags & (SLOT_MATRIX | SLOT_LOW_RANK);
    *t = (tensor){.rows = matrix ? rows : 1,
                  .cols = matrix ? cols : rows * cols,
                  .type = REAL,
                  .requires_grad = 1,
                  .layout = official_layout(s)};
    if (r->params) {
        t->data = r->params + r->n_params;
        t->grad = r->grads + r->n_params;
        fill(t->data, rows * cols, matrix ? 1 / sqrt(cols) : 0.6, strstr(name, "ln") && strstr(name, "weight") ? 1 : 0);
    }
    r->n_params += rows * cols;
    return 0;
}

/* The model's blocks called directly, recorded: the reference for op_block. */
static tensor *forward_plain(model_run *r)
{
    rwkv *m = &r->m;
    tensor *x = op_norm(&c, op_embed(&c, &m->emb, text, T), &m->ln0_w, &m->ln0_b, 1, 1e-5), *v = NULL;
    for (int l = 0; l < m->L; l++) {
        tensor *in[3] = {x, v}, *out[2];
        rwkv_block(&c, m, l, in, out);
        x = out[0];
        v = out[1];
    }
    return op_norm(&c, x, &m->ln_out_w, &m->ln_out_b, 1, 1e-5);
}

static double run_model(void *user)
{
    model_run *r = user;
    int n = rwkv_state_len(&r->m);
    cx_reset(&c);
    memcpy(r->states, r->init, (size_t)(2 * n) * sizeof(real));
    tensor *x = r->with_blocks ? rwkv_features(&c, &r->m, text, NULL, 0) : forward_plain(r);
    tensor *loss = op_head_loss(&c, x, &r->m.head, next, 1, 1), *logits = op_linear(&c, x, &r->m.head);
    double L = 0;
    for (int t = 0; t < T; t++) {
        double max = -1e300;
        for (int i = 0; i < VOCAB; i++) max = fmax(max, reals(logits)[t * VOCAB + i]);
        L += 0.5e-4 * max * max / T;
    }
    L += reals(loss)[0];
    for (int i = 0; i < 2 * n; i++) L += r->final_grad[i] * r->states[i];
    if (c.recording) tape_backward(&c, loss, 1);
    return L;
}

/* v4's aa, bb, pp enter by their true sums: a linear function of them is not one of the final state's. There only the
 * shift vectors are given a final gradient; the whole of wkv4's is in its own test. */
static int is_v4_sum(const rwkv *m, int i)
{
    int at = i % rwkv_layer_state(m);
    return m->arch == &arch4 && at >= m->C && at < 4 * m->C;
}

static void whole_model(const arch *a)
{
    dice = (rng){.seed = 7};
    int dim[DIMS] = {[D_1] = 1,  [D_C] = C,  [D_V] = VOCAB, [D_F] = 20, [D_H] = H,   [D_N] = N,
                     [D_R0] = 3, [D_R1] = 4, [D_R2] = 2,    [D_R3] = 5, [D_5R0] = 15};
    if (a == &arch4) dim[D_H] = dim[D_N] = 0;
    model_run r = {.with_blocks = 1};
    rwkv_init(&r.m, a, LAYERS, dim);
    rwkv_each(&r.m, place, &r);
    size_t n = (size_t)r.n_params, n_state = 2 * (size_t)rwkv_state_len(&r.m);
    r.params = calloc(n, sizeof(real));
    r.grads = calloc(n, sizeof(real));
    r.n_params = 0;
    rwkv_each(&r.m, place, &r);
    r.init = calloc(n_state, sizeof(real));
    r.states = calloc(n_state, sizeof(real));
    r.final_grad = calloc(n_state, sizeof(real));
    r.dstates = calloc(n_state, sizeof(real));
    fill(r.init, (int)n_state, 0.5, 0);
    for (int i = 0; i < (int)n_state; i++) {
        int at = i % rwkv_layer_state(&r.m);
        if (is_v4_sum(&r.m, i) && at / C == 2) r.init[i] = fabs(r.init[i]) + 0.2; /* bb is a sum of positive terms */
        else r.final_grad[i] = is_v4_sum(&r.m, i) ? 0 : normal(0.1);
    }
    memcpy(r.dstates, r.final_grad, n_state * sizeof(real));
    for (int s = 0; s < 2; s++) {
        spans[s].state = r.states + (size_t)s * (n_state / 2);
        spans[s].dstate = r.dstates + (size_t)s * (n_state / 2);
    }
    c.recording = 1;
    run_model(&r);

    /* the same without recomputation, to the bit */
    real *grads = calloc(n, sizeof(real)), *dstates = calloc(n_state, sizeof(real));
    memcpy(grads, r.grads, n * sizeof(real));
    memcpy(dstates, r.dstates, n_state * sizeof(real));
    memset(r.grads, 0, n * sizeof(real));
    memcpy(r.dstates, r.final_grad, n_state * sizeof(real));
    r.with_blocks = 0;
    run_model(&r);
    EXPECT(memcmp(grads, r.grads, n * sizeof(real)) == 0);
    EXPECT(memcmp(dstates, r.dstates, n_state * sizeof(real)) == 0);
    r.with_blocks = 1;
    c.recording = 0;

    double worst = 0;
    int at = 0;
    char what[80];
    for (int l = -1; l < LAYERS + 1; l++) { /* every tensor, in the order rwkv_each placed them */
        static const axis_size first[][2] = {{D_V, D_C}, {D_1, D_C}, {D_1, D_C}},
                               last[][2] = {{D_1, D_C}, {D_1, D_C}, {D_V, D_C}};
        int outer = l < 0 || l == LAYERS;
        for (int i = 0; i < (outer ? 3 : a->n_slots); i++) {
            const slot *s = outer ? NULL : &a->slots[i];
            if (s && l == 0 && s->flags & SLOT_LATE) continue;
            const axis_size *d = s ? NULL : l < 0 ? first[i] : last[i];
            int values = s ? r.m.dim[s->rows] * r.m.dim[s->cols] : r.m.dim[d[0]] * r.m.dim[d[1]];
            snprintf(what, sizeof what, "version %s, layer %d, %s", a->version, l, s ? s->name : "outside");
            check_variable(run_model, &r, &(variable){what, r.params + at, grads + at, values}, &worst);
            at += values;
        }
    }
    EXPECT_EQ(at, (int)n);
    for (int i = 0; i < (int)n_state; i++) { /* v4: d(aa) at a fixed pp, from that of the true sum */
        int p = i % rwkv_layer_state(&r.m) / C;
        if (is_v4_sum(&r.m, i) && p < 3) dstates[i] *= exp(dstates[i + (3 - p) * C] + r.init[i + (3 - p) * C]);
    }
    for (int i = 0; i < (int)n_state; i++)
        if (is_v4_sum(&r.m, i) && i % rwkv_layer_state(&r.m) / C == 3) {
            /* pp is a gauge: moving it alone changes the true sums; their gradient was checked by aa and bb */
            dstates[i] = dstates[i - 2 * C] * r.init[i - 2 * C] + dstates[i - C] * r.init[i - C];
        }
    snprintf(what, sizeof what, "version %s, initial states", a->version);
    check_variable(run_model, &r, &(variable){what, r.init, dstates, (int)n_state}, &worst);
    printf("     version %-4s worst %.1e of %d parameters and %d state values\n", a->version, worst, (int)n,
           (int)n_state);
    free(grads), free(dstates), free(r.params), free(r.grads), free(r.init), free(r.states), free(r.final_grad),
        free(r.dstates);
    rwkv_release(&r.m);
}

/* ---- adapters in a model ----------------------------------------------------------------------------------------- */

enum { RANK = 2, ADAPTERS = 64 };
static adapter adapters[ADAPTERS];
static int n_adapters;

/* Every matrix gets an adapter with gradients, and nothing else has any. */
static int adapt(void *user, const char *name, tensor *t, const slot *s, int layer)
{
    (void)user, (void)name;
    t->requires_grad = 0;
    t->grad = NULL;
    if (layer < 0 || !(s->flags & (SLOT_MATRIX | SLOT_LOW_RANK)) || s->flags & SLOT_5) return 0;
    CHECK(n_adapters < ADAPTERS);
    adapter *low = &adapters[n_adapters++];
    low->a = (tensor){.rows = RANK, .cols = weight_in(t), .type = REAL, .requires_grad = 1};
    low->b = (tensor){.rows = weight_out(t), .cols = RANK, .type = REAL, .requires_grad = 1, .scale = 0.75f};
    tensor *half[2] = {&low->a, &low->b};
    for (int i = 0; i < 2; i++) {
        int n = half[i]->rows * half[i]->cols;
        half[i]->data = malloc((size_t)n * sizeof(real));
        half[i]->grad = calloc((size_t)n, sizeof(real));
        fill(half[i]->data, n, 0.25, 0);
    }
    t->adapter = low;
    return 0;
}

static void adapted_model(const arch *a)
{
    dice = (rng){.seed = 11};
    int dim[DIMS] = {[D_1] = 1,  [D_C] = C,  [D_V] = VOCAB, [D_F] = 20, [D_H] = H,   [D_N] = N,
                     [D_R0] = 3, [D_R1] = 4, [D_R2] = 2,    [D_R3] = 5, [D_5R0] = 15};
    if (a == &arch4) dim[D_H] = dim[D_N] = 0;
    model_run r = {.with_blocks = 1};
    rwkv_init(&r.m, a, LAYERS, dim);
    rwkv_each(&r.m, place, &r);
    r.params = calloc((size_t)r.n_params, sizeof(real));
    r.grads = calloc((size_t)r.n_params, sizeof(real));
    r.n_params = n_adapters = 0;
    rwkv_each(&r.m, place, &r);
    rwkv_each(&r.m, adapt, NULL);
    size_t n_state = 2 * (size_t)rwkv_state_len(&r.m);
    r.init = calloc(n_state, sizeof(real));
    r.states = calloc(n_state, sizeof(real));
    r.final_grad = calloc(n_state, sizeof(real));
    for (int s = 0; s < 2; s++) {
        rwkv_state_init(&r.m, r.init + (size_t)s * (n_state / 2));
        spans[s].state = r.states + (size_t)s * (n_state / 2);
        spans[s].dstate = NULL;
    }
    c.recording = 1;
    run_model(&r);
    c.recording = 0;
    double worst = 0;
    for (int i = 0; i < n_adapters; i++) {
        tensor *half[2] = {&adapters[i].a, &adapters[i].b};
        for (int k = 0; k < 2; k++) {
            char what[80];
            snprintf(what, sizeof what, "version %s, adapter %d, half %d", a->version, i, k);
            check_variable(run_model, &r,
                           &(variable){what, half[k]->data, half[k]->grad, half[k]->rows * half[k]->cols}, &worst);
        }
    }
    for (int i = 0; i < n_adapters; i++)
        free(adapters[i].a.data), free(adapters[i].b.data), free(adapters[i].a.grad), free(adapters[i].b.grad);
    printf("     version %-4s worst %.1e of %d adapters\n", a->version, worst, n_adapters);
    free(r.params), free(r.grads), free(r.init), free(r.states), free(r.final_grad);
    rwkv_release(&r.m);
}

static void adapters_of_every_version(void)
{
    static const arch *const all[] = {&arch4, &arch50, &arch51, &arch52, &arch6, &arch7};
    for (int i = 0; i < 6; i++) adapted_model(all[i]);
}

static void version_4(void) { whole_model(&arch4); }
static void version_50(void) { whole_model(&arch50); }
static void version_51(void) { whole_model(&arch51); }
static void version_52(void) { whole_model(&arch52); }
static void version_6(void) { whole_model(&arch6); }
static void version_7(void) { whole_model(&arch7); }

int main(void)
{
    device *d;
    if (ref_open(&d, 1, NULL) || room_context(&c, d)) return 1;
    c.b = &two;
    RUN(operations);
    RUN(loss_of_a_head_in_chunks);
    RUN(scan_is_the_recurrence);
    RUN(version_4);
    RUN(version_50);
    RUN(version_51);
    RUN(version_52);
    RUN(version_6);
    RUN(version_7);
    RUN(adapters_of_every_version);
    cx_release(&c);
    d->close(d);
    return DONE();
}
