/* cpu_rows.c - elementwise operations and those within a row: the division of rows or columns among threads. */
#include "cpu/cpu.h"
#include <math.h>

/* One parallel region: fn computes `rows` rows from `row` and `cols` columns from `col`. */
typedef struct call call;
struct call {
    const simd *s;
    void (*fn)(const call *q, int row, int rows, int col, int cols);
    const void *args;      /* of the entry                                    */
    int by_columns, grain; /* the divided one of the two, and the granularity */
    int T, C, one_row;     /* one_row: the other operand is broadcast         */
    float *saved;          /* norm_back                                       */
};

static void part_of(void *arg, int part, int parts)
{
    const call *q = arg;
    int from, to;
    pool_share(q->by_columns ? q->C : q->T, q->grain, part, parts, &from, &to);
    if (from == to) return;
    if (q->by_columns)
        q->fn(q, 0, q->T, from, to - from);
    else
        q->fn(q, from, to - from, 0, q->C);
}

/* cost: elementary operations of one element */
static void run(device *d, call *q, double cost)
{
    if (q->T < 1 || q->C < 1) return;
    q->s = cpu_of(d)->simd;
    if (!q->grain) q->grain = q->by_columns ? 16 : 1;
    pool_run(cpu_worth(d, cost * q->T * q->C), part_of, q);
}

/* ---- elementwise ------------------------------------------------------------------------------------------------- */

static patch patch_of(const call *q, int rows, int cols)
{
    return (patch){.rows = rows, .cols = cols, .stride = (size_t)q->C, .one = q->one_row ? 0 : (size_t)q->C};
}
static size_t place(const call *q, int row, int col) { return (size_t)row * (size_t)q->C + (size_t)col; }
static size_t place_one(const call *q, int row, int col) { return place(q, q->one_row ? 0 : row, col); }

static void add_fn(const call *q, int row, int rows, int col, int cols)
{
    const pair_args *a = q->args;
    size_t at = place(q, row, col);
    q->s->add(patch_of(q, rows, cols), a->z + at, a->x + at, a->y + place_one(q, row, col));
}
static void mul_fn(const call *q, int row, int rows, int col, int cols)
{
    const pair_args *a = q->args;
    size_t at = place(q, row, col);
    q->s->mul(patch_of(q, rows, cols), a->z + at, a->x + at, a->y + place_one(q, row, col));
}
static void mul_back_fn(const call *q, int row, int rows, int col, int cols)
{
    const pair_args *a = q->args;
    size_t at = place(q, row, col), one = place_one(q, row, col);
    q->s->mul_back(patch_of(q, rows, cols), cpu_at(a->dx, at), cpu_at(a->dy, one), a->dz + at, a->x + at, a->y + one);
}
static void lerp_fn(const call *q, int row, int rows, int col, int cols)
{
    const lerp_args *a = q->args;
    size_t at = place(q, row, col);
    q->s->lerp(patch_of(q, rows, cols), a->z + at, a->x + at, a->y + at, a->mu + place_one(q, row, col));
}
static void lerp_back_fn(const call *q, int row, int rows, int col, int cols)
{
    const lerp_args *a = q->args;
    size_t at = place(q, row, col), one = place_one(q, row, col);
    q->s->lerp_back(patch_of(q, rows, cols), cpu_at(a->dx, at), cpu_at(a->dy, at), cpu_at(a->dmu, one), a->dz + at,
                    a->x + at, a->y + at, a->mu + one);
}
static void sum_rows_fn(const call *q, int row, int rows, int col, int cols)
{
    const sum_rows_args *a = q->args;
    q->s->sum_rows(patch_of(q, rows, cols), a->d + place_one(q, row, col), a->dz + place(q, row, col));
}

void cpu_add(device *d, const pair_args *a)
{
    run(d, &(call){.fn = add_fn, .args = a, .T = a->T, .C = a->C, .one_row = a->y_rows == 1}, 1);
}

void cpu_mul(device *d, const pair_args *a)
{
    run(d, &(call){.fn = mul_fn, .args = a, .T = a->T, .C = a->C, .one_row = a->y_rows == 1}, 1);
}

void cpu_mul_back(device *d, const pair_args *a)
{
    run(d, &(call){.fn = mul_back_fn, .args = a, .by_columns = 1, .T = a->T, .C = a->C, .one_row = a->y_rows == 1}, 2);
}

void cpu_lerp(device *d, const lerp_args *a)
{
    run(d, &(call){.fn = lerp_fn, .args = a, .T = a->T, .C = a->C, .one_row = a->mu_rows == 1}, 1);
}

void cpu_lerp_back(device *d, const lerp_args *a)
{
    run(d, &(call){.fn = lerp_back_fn, .args = a, .by_columns = 1, .T = a->T, .C = a->C, .one_row = a->mu_rows == 1},
        3);
}

void cpu_sum_rows(device *d, const sum_rows_args *a)
{
    run(d, &(call){.fn = sum_rows_fn, .args = a, .by_columns = 1, .T = a->T, .C = a->C, .one_row = a->d_rows == 1}, 1);
}

static void map_fn(const call *q, int row, int rows, int col, int cols)
{
    const map_args *a = q->args;
    (void)row, (void)rows;
    q->s->map(a->kind, a->y + col, a->x + col, cols);
}
static void map_back_fn(const call *q, int row, int rows, int col, int cols)
{
    const map_args *a = q->args;
    (void)row, (void)rows;
    q->s->map_back(a->kind, a->dx + col, a->dy + col, a->x + col, a->y + col, cols);
}
static void slope_fn(const call *q, int row, int rows, int col, int cols)
{
    const map_args *a = q->args;
    (void)row, (void)rows;
    q->s->slope(a->kind, a->dx + col, a->y + col, cols);
}

/* The n values as one row. */
static void run_map(device *d, void (*fn)(const call *, int, int, int, int), const map_args *a, double cost)
{
    CHECK(a->n <= INT32_MAX);
    run(d, &(call){.fn = fn, .args = a, .by_columns = 1, .T = 1, .C = (int)a->n}, cost);
}

void cpu_map(device *d, const map_args *a) { run_map(d, map_fn, a, 10); }
void cpu_slope(device *d, const map_args *a) { run_map(d, slope_fn, a, 4); }
void cpu_map_back(device *d, const map_args *a)
{
    if (a->dx) run_map(d, map_back_fn, a, 10);
}

/* ---- norms ------------------------------------------------------------------------------------------------------- */

static void norm_fn(const call *q, int row, int rows, int col, int cols)
{
    const norm_args *a = q->args;
    size_t at = place(q, row, col);
    (void)cols;
    norm_args mine = *a;
    mine.T = rows;
    mine.x += at;
    mine.y += at;
    q->s->norm(&mine);
}

static void norm_back_fn(const call *q, int row, int rows, int col, int cols)
{
    const norm_args *a = q->args;
    size_t at = place(q, row, col);
    (void)cols;
    norm_args mine = *a;
    mine.T = rows;
    mine.x += at;
    mine.dy += at;
    mine.dx = cpu_at(a->dx, at);
    q->s->norm_back(&mine, q->saved + 2 * (size_t)row * (size_t)a->groups);
}

static void norm_sums_fn(const call *q, int row, int rows, int col, int cols)
{
    const norm_args *a = q->args;
    int n = a->C / a->groups;
    norm_args mine = *a;
    (void)row;
    mine.T = rows;
    for (int end = col + cols, next; col < end; col = next) {
        next = (col / n + 1) * n < end ? (col / n + 1) * n : end;
        mine.x = a->x + col;
        mine.dy = a->dy + col;
        mine.dw = cpu_at(a->dw, (size_t)col);
        mine.db = cpu_at(a->db, (size_t)col);
        q->s->norm_sums(&mine, q->saved + 2 * (col / n), next - col);
    }
}

void cpu_norm(device *d, const norm_args *a) { run(d, &(call){.fn = norm_fn, .args = a, .T = a->T, .C = a->C}, 4); }

void cpu_norm_back(device *d, const norm_args *a)
{
    call q = {.fn = norm_back_fn, .args = a, .T = a->T, .C = a->C};
    q.saved = cpu_shared(2 * (size_t)a->T * (size_t)a->groups);
    run(d, &q, 8);
    if (!a->dw && !a->db) return;
    q.fn = norm_sums_fn;
    q.by_columns = 1;
    q.grain = 16;
    run(d, &q, 3);
}

static void unit_fn(const call *q, int row, int rows, int col, int cols)
{
    const unit_args *a = q->args;
    size_t at = place(q, row, col);
    (void)cols;
    q->s->unit(a->y + at, a->x + at, rows * a->heads, a->C / a->heads);
}
static void unit_back_fn(const call *q, int row, int rows, int col, int cols)
{
    const unit_args *a = q->args;
    size_t at = place(q, row, col);
    (void)cols;
    q->s->unit_back(a->dx + at, a->dy + at, a->x + at, a->y + at, rows * a->heads, a->C / a->heads);
}

void cpu_unit(device *d, const unit_args *a) { run(d, &(call){.fn = unit_fn, .args = a, .T = a->T, .C = a->C}, 2); }

void cpu_unit_back(device *d, const unit_args *a)
{
    if (a->dx) run(d, &(call){.fn = unit_back_fn, .args = a, .T = a->T, .C = a->C}, 4);
}

static void bonus_fn(const call *q, int row, int rows, int col, int cols)
{
    const bonus_args *a = q->args;
    size_t at = place(q, row, col);
    (void)cols;
    bonus_args mine = *a;
    mine.T = rows;
    mine.r += at;
    mine.k += at;
    mine.v += at;
    mine.y += at;
    q->s->bonus(&mine);
}
static void bonus_back_fn(const call *q, int row, int rows, int col, int cols)
{
    const bonus_args *a = q->args;
    int N = a->C / a->heads;
    (void)row;
    for (size_t c = (size_t)col; c < (size_t)(col + cols); c += (size_t)N) {
        bonus_args one = {.T = rows, .C = a->C, .heads = a->heads};
        one.r = a->r + c;
        one.k = a->k + c;
        one.u = a->u + c;
        one.v = a->v + c;
        one.dy = a->dy + c;
        one.dr = cpu_at(a->dr, c);
        one.dk = cpu_at(a->dk, c);
        one.du = cpu_at(a->du, c);
        one.dv = cpu_at(a->dv, c);
        q->s->bonus_back(&one);
    }
}

void cpu_bonus(device *d, const bonus_args *a) { run(d, &(call){.fn = bonus_fn, .args = a, .T = a->T, .C = a->C}, 3); }

void cpu_bonus_back(device *d, const bonus_args *a)
{
    run(d, &(call){.fn = bonus_back_fn, .args = a, .by_columns = 1, .grain = a->C / a->heads, .T = a->T, .C = a->C}, 8);
}

/* ---- softmax ----------------------------------------------------------------------------------------------------- */

static void softmax_fn(const call *q, int row, int rows, int col, int cols)
{
    const softmax_args *a = q->args;
    (void)cols;
    for (int t = row; t < row + rows; t++) {
        float *x = a->logits + place(q, t, col), sum, target = a->targets[t] >= 0 ? x[a->targets[t]] : 0;
        q->s->softmax(x, a->V, &a->max[t], &a->argmax[t], &sum);
        a->nll[t] = a->targets[t] >= 0 ? logf(sum) + a->max[t] - target : 0;
    }
}

void cpu_softmax_nll(device *d, const softmax_args *a)
{
    run(d, &(call){.fn = softmax_fn, .args = a, .T = a->T, .C = a->V}, 10);
}
