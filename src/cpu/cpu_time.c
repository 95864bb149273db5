/* cpu_time.c - the recurrences: channels or heads are divided among threads, spans and tokens follow one another inside, so that
 * what is summed over spans is summed in their order. */
#include "cpu/cpu.h"

typedef struct {
    const simd *s;
    const batch *b;
    int C, heads, at, w_rows, version;
    float *y;
    const float *k, *v, *w, *u, *r, *a, *bb;
    const float *dy, *state0;
    float *dk, *dv, *dw, *du, *dr, *da, *db;
} job;

static float *maybe(float *p, size_t at) { return p ? p + at : NULL; }
static const float *maybe_in(const float *p, size_t at) { return p ? p + at : NULL; }

static void run(pool *p, void (*part)(void *, int, int), job *q, double cost)
{
    q->s = simd_now();
    pool_run(cpu_worth(p, cost * q->b->rows * q->C), part, q);
}

/* ---- version 4 -------------------------------------------------------------------------------------------------------------- */

static void wkv4_part(void *arg, int part, int parts)
{
    const job *q = arg;
    int c, to;
    pool_share(q->C, 16, part, parts, &c, &to);
    for (int i = 0; i < q->b->n_spans && c < to; i++) {
        const span *sp = &q->b->spans[i];
        size_t j = (size_t)sp->row * (size_t)q->C + (size_t)c;
        q->s->wkv4(q->y + j, q->k + j, q->v + j, q->w + c, q->u + c, sp->state + q->at + c, sp->len, q->C, to - c);
    }
}

static void wkv4_back_part(void *arg, int part, int parts)
{
    const job *q = arg;
    int c, to;
    pool_share(q->C, 16, part, parts, &c, &to);
    for (int i = 0; i < q->b->n_spans && c < to; i++) {
        const span *sp = &q->b->spans[i];
        size_t j = (size_t)sp->row * (size_t)q->C + (size_t)c;
        q->s->wkv4_back(maybe(q->dk, j), maybe(q->dv, j), maybe(q->dw, (size_t)c), maybe(q->du, (size_t)c), q->dy + j, q->k + j, q->v + j,
                        q->w + c, q->u + c, q->state0 + (size_t)i * 3 * (size_t)q->C + c, maybe(sp->dstate, (size_t)(q->at + c)), sp->len,
                        q->C, to - c, cpu_scratch(q->s->wkv4_scratch(sp->len, to - c)));
    }
}

void cpu_wkv4(pool *p, real *y, const real *k, const real *v, const real *w, const real *u, const batch *b, int C, int at)
{
    run(p, wkv4_part, &(job){.b = b, .C = C, .at = at, .y = y, .k = k, .v = v, .w = w, .u = u}, 60);
}

void cpu_wkv4_back(pool *p, real *dk, real *dv, real *dw, real *du, const real *dy, const real *k, const real *v, const real *w,
                   const real *u, const real *state0, const batch *b, int C, int at)
{
    run(p, wkv4_back_part, &(job){.b = b, .C = C, .at = at, .dk = dk, .dv = dv, .dw = dw, .du = du, .dy = dy, .k = k, .v = v, .w = w,
                                  .u = u, .state0 = state0}, 150);
}

/* ---- versions 5 to 7 ---------------------------------------------------------------------------------------------------------- */

static head head_of(const job *q, int i, int n)
{
    const span *sp = &q->b->spans[i];
    int N = q->C / q->heads;
    size_t c = (size_t)n * (size_t)N, j = (size_t)sp->row * (size_t)q->C + c, S = (size_t)n * (size_t)N * (size_t)N;
    size_t jw = q->w_rows == 1 ? c : j;
    return (head){
        .T = sp->len, .N = N, .C = (size_t)q->C, .w_step = q->w_rows == 1 ? 0 : (size_t)q->C,
        .r = q->r + j, .w = q->w + jw, .k = q->k + j, .v = q->v + j,
        .a = maybe_in(q->a, j), .b = maybe_in(q->bb, j), .u = maybe_in(q->u, c),
        .y = maybe(q->y, j), .S = sp->state ? sp->state + (size_t)q->at + S : NULL,
        .dy = maybe_in(q->dy, j), .S0 = maybe_in(q->state0, (size_t)i * (size_t)q->heads * (size_t)(N * N) + S),
        .dr = maybe(q->dr, j), .dw = maybe(q->dw, jw), .dk = maybe(q->dk, j), .dv = maybe(q->dv, j),
        .da = maybe(q->da, j), .db = maybe(q->db, j), .du = maybe(q->du, c),
        .dS = sp->dstate ? sp->dstate + (size_t)q->at + S : NULL,
    };
}

/* Value columns do not meet: where there are fewer heads than threads, a head is divided too. */
static void forward_part(void *arg, int part, int parts)
{
    const job *q = arg;
    int N = q->C / q->heads, from, to;
    pool_share(q->C, q->heads >= parts || N % 16 ? N : 16, part, parts, &from, &to);
    if (from == to) return;
    float *scratch = cpu_scratch((size_t)N * (size_t)(N + 16));
    for (int n = from / N; n * N < to; n++) {
        int first = from > n * N ? from - n * N : 0, end = to < (n + 1) * N ? to - n * N : N;
        for (int i = 0; i < q->b->n_spans; i++) {
            head h = head_of(q, i, n);
            if (q->version == 7) q->s->wkv7(&h, first, end, scratch);
            else q->s->wkv6(&h, first, end, scratch);
        }
    }
}

static void back_part(void *arg, int part, int parts)
{
    const job *q = arg;
    int from, to;
    pool_share(q->heads, 1, part, parts, &from, &to);
    for (int n = from; n < to; n++)
        for (int i = 0; i < q->b->n_spans; i++) {
            head h = head_of(q, i, n);
            if (q->version == 7) q->s->wkv7_back(&h, cpu_scratch(q->s->wkv7_scratch(&h)));
            else q->s->wkv6_back(&h, cpu_scratch(q->s->wkv6_scratch(&h)));
        }
}

void cpu_wkv6(pool *p, real *y, const real *r, const real *k, const real *v, const real *w, int w_rows, const real *u, const batch *b,
              int C, int heads, int at)
{
    run(p, forward_part, &(job){.version = 6, .b = b, .C = C, .heads = heads, .at = at, .w_rows = w_rows, .y = y, .r = r, .k = k, .v = v,
                                .w = w, .u = u}, 0.5 * C / heads);
}

void cpu_wkv6_back(pool *p, real *dr, real *dk, real *dv, real *dw, real *du, const real *dy, const real *r, const real *k,
                   const real *v, const real *w, int w_rows, const real *u, const real *state0, const batch *b, int C, int heads, int at)
{
    run(p, back_part, &(job){.version = 6, .b = b, .C = C, .heads = heads, .at = at, .w_rows = w_rows, .dr = dr, .dk = dk, .dv = dv,
                             .dw = dw, .du = du, .dy = dy, .r = r, .k = k, .v = v, .w = w, .u = u, .state0 = state0}, 2.0 * C / heads);
}

void cpu_wkv7(pool *p, real *y, const real *r, const real *w, const real *k, const real *v, const real *a, const real *bb,
              const batch *b, int C, int heads, int at)
{
    run(p, forward_part, &(job){.version = 7, .b = b, .C = C, .heads = heads, .at = at, .y = y, .r = r, .w = w, .k = k, .v = v, .a = a,
                                .bb = bb}, 1.0 * C / heads);
}

void cpu_wkv7_back(pool *p, real *dr, real *dw, real *dk, real *dv, real *da, real *db, const real *dy, const real *r, const real *w,
                   const real *k, const real *v, const real *a, const real *bb, const real *state0, const batch *b, int C, int heads,
                   int at)
{
    run(p, back_part, &(job){.version = 7, .b = b, .C = C, .heads = heads, .at = at, .dr = dr, .dw = dw, .dk = dk, .dv = dv, .da = da,
                             .db = db, .dy = dy, .r = r, .w = w, .k = k, .v = v, .a = a, .bb = bb, .state0 = state0}, 3.0 * C / heads);
}
