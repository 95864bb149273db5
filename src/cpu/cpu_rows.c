/* cpu_rows.c - elementwise operations and those within a row: who does which rows or columns. */
#include "cpu/cpu.h"
#include <math.h>

/* One phase: fn works on `rows` rows from `row` and `cols` columns from `col`. */
typedef struct call call;
struct call {
    const simd *s;
    void (*fn)(const call *q, int row, int rows, int col, int cols);
    int by_columns, grain; /* which of the two is divided, and at which multiples */
    int T, C, one_row;     /* one_row: the odd operand serves all rows */
    float *out[4];
    const float *in[5];
    map_kind kind;
    int groups;
    float eps;
    float *saved;
    int *argmax;
    const int32_t *targets;
};

static void part_of(void *arg, int part, int parts)
{
    const call *q = arg;
    int from, to;
    pool_share(q->by_columns ? q->C : q->T, q->grain, part, parts, &from, &to);
    if (from == to) return;
    if (q->by_columns) q->fn(q, 0, q->T, from, to - from);
    else q->fn(q, from, to - from, 0, q->C);
}

/* cost: elementary operations of one element */
static void run(pool *p, call *q, double cost)
{
    if (q->T < 1 || q->C < 1) return;
    q->s = simd_now();
    if (!q->grain) q->grain = q->by_columns ? 16 : 1;
    pool_run(cpu_worth(p, cost * q->T * q->C), part_of, q);
}

/* ---- elementwise --------------------------------------------------------------------------------------------------------- */

static patch patch_of(const call *q, int rows, int cols)
{
    return (patch){.rows = rows, .cols = cols, .stride = (size_t)q->C, .one = q->one_row ? 0 : (size_t)q->C};
}
static size_t place(const call *q, int row, int col) { return (size_t)row * (size_t)q->C + (size_t)col; }
static size_t place_one(const call *q, int row, int col) { return place(q, q->one_row ? 0 : row, col); }
static float *maybe(float *p, size_t at) { return p ? p + at : NULL; }

static void add_fn(const call *q, int row, int rows, int col, int cols)
{
    size_t at = place(q, row, col);
    q->s->add(patch_of(q, rows, cols), q->out[0] + at, q->in[0] + at, q->in[1] + place_one(q, row, col));
}
static void mul_fn(const call *q, int row, int rows, int col, int cols)
{
    size_t at = place(q, row, col);
    q->s->mul(patch_of(q, rows, cols), q->out[0] + at, q->in[0] + at, q->in[1] + place_one(q, row, col));
}
static void mul_back_fn(const call *q, int row, int rows, int col, int cols)
{
    size_t at = place(q, row, col), one = place_one(q, row, col);
    q->s->mul_back(patch_of(q, rows, cols), maybe(q->out[0], at), maybe(q->out[1], one), q->in[0] + at, q->in[1] + at, q->in[2] + one);
}
static void lerp_fn(const call *q, int row, int rows, int col, int cols)
{
    size_t at = place(q, row, col);
    q->s->lerp(patch_of(q, rows, cols), q->out[0] + at, q->in[0] + at, q->in[1] + at, q->in[2] + place_one(q, row, col));
}
static void lerp_back_fn(const call *q, int row, int rows, int col, int cols)
{
    size_t at = place(q, row, col), one = place_one(q, row, col);
    q->s->lerp_back(patch_of(q, rows, cols), maybe(q->out[0], at), maybe(q->out[1], at), maybe(q->out[2], one), q->in[0] + at,
                    q->in[1] + at, q->in[2] + at, q->in[3] + one);
}
static void sum_rows_fn(const call *q, int row, int rows, int col, int cols)
{
    q->s->sum_rows(patch_of(q, rows, cols), q->out[0] + place_one(q, row, col), q->in[0] + place(q, row, col));
}

void cpu_add(pool *p, real *z, const real *x, const real *y, int T, int C, int y_rows)
{
    run(p, &(call){.fn = add_fn, .T = T, .C = C, .one_row = y_rows == 1, .out = {z}, .in = {x, y}}, 1);
}

void cpu_mul(pool *p, real *z, const real *x, const real *y, int T, int C, int y_rows)
{
    run(p, &(call){.fn = mul_fn, .T = T, .C = C, .one_row = y_rows == 1, .out = {z}, .in = {x, y}}, 1);
}

void cpu_mul_back(pool *p, real *dx, real *dy, const real *dz, const real *x, const real *y, int T, int C, int y_rows)
{
    run(p, &(call){.fn = mul_back_fn, .by_columns = 1, .T = T, .C = C, .one_row = y_rows == 1, .out = {dx, dy}, .in = {dz, x, y}}, 2);
}

void cpu_lerp(pool *p, real *z, const real *x, const real *y, const real *mu, int T, int C, int mu_rows)
{
    run(p, &(call){.fn = lerp_fn, .T = T, .C = C, .one_row = mu_rows == 1, .out = {z}, .in = {x, y, mu}}, 1);
}

void cpu_lerp_back(pool *p, real *dx, real *dy, real *dmu, const real *dz, const real *x, const real *y, const real *mu, int T, int C,
                   int mu_rows)
{
    run(p, &(call){.fn = lerp_back_fn, .by_columns = 1, .T = T, .C = C, .one_row = mu_rows == 1, .out = {dx, dy, dmu},
                   .in = {dz, x, y, mu}}, 3);
}

void cpu_sum_rows(pool *p, real *d, const real *dz, int T, int C, int d_rows)
{
    run(p, &(call){.fn = sum_rows_fn, .by_columns = 1, .T = T, .C = C, .one_row = d_rows == 1, .out = {d}, .in = {dz}}, 1);
}

static void map_fn(const call *q, int row, int rows, int col, int cols)
{
    (void)row, (void)rows;
    q->s->map(q->kind, q->out[0] + col, q->in[0] + col, cols);
}
static void map_back_fn(const call *q, int row, int rows, int col, int cols)
{
    (void)row, (void)rows;
    q->s->map_back(q->kind, q->out[0] + col, q->in[0] + col, q->in[1] + col, q->in[2] + col, cols);
}

void cpu_map(pool *p, map_kind kind, real *y, const real *x, size_t n)
{
    CHECK(n <= INT32_MAX);
    run(p, &(call){.fn = map_fn, .by_columns = 1, .T = 1, .C = (int)n, .kind = kind, .out = {y}, .in = {x}}, 10);
}

static void slope_fn(const call *q, int row, int rows, int col, int cols)
{
    (void)row, (void)rows;
    q->s->slope(q->kind, q->out[0] + col, q->in[0] + col, cols);
}

void cpu_slope(pool *p, map_kind kind, real *d, const real *y, size_t n)
{
    CHECK(n <= INT32_MAX);
    run(p, &(call){.fn = slope_fn, .by_columns = 1, .T = 1, .C = (int)n, .kind = kind, .out = {d}, .in = {y}}, 4);
}

void cpu_map_back(pool *p, map_kind kind, real *dx, const real *dy, const real *x, const real *y, size_t n)
{
    CHECK(n <= INT32_MAX);
    if (!dx) return;
    run(p, &(call){.fn = map_back_fn, .by_columns = 1, .T = 1, .C = (int)n, .kind = kind, .out = {dx}, .in = {dy, x, y}}, 10);
}

/* ---- norms ---------------------------------------------------------------------------------------------------------------- */

static void norm_fn(const call *q, int row, int rows, int col, int cols)
{
    size_t at = place(q, row, col);
    (void)cols;
    q->s->norm(q->out[0] + at, q->in[0] + at, q->in[1], q->in[2], rows, q->C, q->groups, q->eps);
}

static void norm_back_fn(const call *q, int row, int rows, int col, int cols)
{
    size_t at = place(q, row, col);
    (void)cols;
    q->s->norm_back(maybe(q->out[0], at), q->saved + 2 * (size_t)row * (size_t)q->groups, q->in[0] + at, q->in[1] + at, q->in[2], rows,
                    q->C, q->groups, q->eps);
}

static void norm_sums_fn(const call *q, int row, int rows, int col, int cols)
{
    int n = q->C / q->groups, step = 2 * q->groups;
    (void)row;
    for (int end = col + cols, next; col < end; col = next) {
        next = (col / n + 1) * n < end ? (col / n + 1) * n : end;
        q->s->norm_sums(maybe(q->out[1], (size_t)col), maybe(q->out[2], (size_t)col), q->in[0] + col, q->in[1] + col,
                        q->saved + 2 * (col / n), step, rows, q->C, next - col);
    }
}

void cpu_norm(pool *p, real *y, const real *x, const real *w, const real *b, int T, int C, int groups, real eps)
{
    run(p, &(call){.fn = norm_fn, .T = T, .C = C, .groups = groups, .eps = eps, .out = {y}, .in = {x, w, b}}, 4);
}

void cpu_norm_back(pool *p, real *dx, real *dw, real *db, const real *dy, const real *x, const real *w, int T, int C, int groups,
                   real eps)
{
    call q = {.fn = norm_back_fn, .T = T, .C = C, .groups = groups, .eps = eps, .out = {dx, dw, db}, .in = {dy, x, w}};
    q.saved = cpu_shared(2 * (size_t)T * (size_t)groups);
    run(p, &q, 8);
    if (!dw && !db) return;
    q.fn = norm_sums_fn;
    q.by_columns = 1;
    q.grain = 16;
    run(p, &q, 3);
}

static void unit_fn(const call *q, int row, int rows, int col, int cols)
{
    size_t at = place(q, row, col);
    (void)cols;
    q->s->unit(q->out[0] + at, q->in[0] + at, rows * q->groups, q->C / q->groups);
}
static void unit_back_fn(const call *q, int row, int rows, int col, int cols)
{
    size_t at = place(q, row, col);
    (void)cols;
    q->s->unit_back(q->out[0] + at, q->in[0] + at, q->in[1] + at, q->in[2] + at, rows * q->groups, q->C / q->groups);
}

void cpu_unit(pool *p, real *y, const real *x, int T, int C, int heads)
{
    run(p, &(call){.fn = unit_fn, .T = T, .C = C, .groups = heads, .out = {y}, .in = {x}}, 2);
}

void cpu_unit_back(pool *p, real *dx, const real *dy, const real *x, const real *y, int T, int C, int heads)
{
    if (!dx) return;
    run(p, &(call){.fn = unit_back_fn, .T = T, .C = C, .groups = heads, .out = {dx}, .in = {dy, x, y}}, 4);
}

static void bonus_fn(const call *q, int row, int rows, int col, int cols)
{
    size_t at = place(q, row, col);
    (void)cols;
    q->s->bonus(q->out[0] + at, q->in[0] + at, q->in[1] + at, q->in[2], q->in[3] + at, rows, q->C, q->C / q->groups);
}
static void bonus_back_fn(const call *q, int row, int rows, int col, int cols)
{
    int N = q->C / q->groups;
    (void)row;
    for (size_t c = (size_t)col; c < (size_t)(col + cols); c += (size_t)N)
        q->s->bonus_back(maybe(q->out[0], c), maybe(q->out[1], c), maybe(q->out[2], c), maybe(q->out[3], c), q->in[0] + c, q->in[1] + c,
                         q->in[2] + c, q->in[3] + c, q->in[4] + c, rows, q->C, N);
}

void cpu_bonus(pool *p, real *y, const real *r, const real *k, const real *u, const real *v, int T, int C, int heads)
{
    run(p, &(call){.fn = bonus_fn, .T = T, .C = C, .groups = heads, .out = {y}, .in = {r, k, u, v}}, 3);
}

void cpu_bonus_back(pool *p, real *dr, real *dk, real *du, real *dv, const real *dy, const real *r, const real *k, const real *u,
                    const real *v, int T, int C, int heads)
{
    run(p, &(call){.fn = bonus_back_fn, .by_columns = 1, .grain = C / heads, .T = T, .C = C, .groups = heads,
                   .out = {dr, dk, du, dv}, .in = {dy, r, k, u, v}}, 8);
}

/* ---- softmax ---------------------------------------------------------------------------------------------------------------- */

static void softmax_fn(const call *q, int row, int rows, int col, int cols)
{
    (void)cols;
    for (int t = row; t < row + rows; t++) {
        float *x = q->out[0] + place(q, t, col), sum, target = q->targets[t] >= 0 ? x[q->targets[t]] : 0;
        q->s->softmax(x, q->C, &q->out[2][t], &q->argmax[t], &sum);
        q->out[1][t] = q->targets[t] >= 0 ? logf(sum) + q->out[2][t] - target : 0;
    }
}

void cpu_softmax_nll(pool *p, real *logits, real *nll, real *max, int *argmax, const int32_t *targets, int T, int V)
{
    run(p, &(call){.fn = softmax_fn, .T = T, .C = V, .out = {logits, nll, max}, .argmax = argmax, .targets = targets}, 10);
}
