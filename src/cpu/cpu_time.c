/* cpu_time.c - the recurrences: channels or heads are divided among threads, spans and tokens follow one another inside, so that
 * what is summed over spans is summed in their order. */
#include "cpu/cpu.h"
#include <string.h>

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

/* ---- version 4 by scan ------------------------------------------------------------------------------------------------------- */

/* A span is cut into pieces of PIECE tokens, however many threads there are, so that they do not decide what is summed first. Each
 * is summed up alone, the few sums are joined one after another (in a tree they would be no sooner there: a piece's own work is
 * PIECE times that of a join), and each piece is then gone through from what comes before it. Backward the gradient of the sums,
 * which the same operator joins, goes the other way. */
enum { PIECE = 256 };

typedef struct {
    const job *q;
    const span *sp;
    int pieces;
    float *before;  /* [pieces][3 C]: the state before each piece            */
    float *after;   /* [pieces][3 C]: the gradient of the state after it     */
    float *dw, *du; /* [pieces][C]: its part of a gradient that pieces share */
} scan;

static size_t state4(const scan *s) { return 3 * (size_t)s->q->C; }
static size_t piece_at(const scan *s, int p) { return ((size_t)s->sp->row + (size_t)p * PIECE) * (size_t)s->q->C; }
static int piece_len(const scan *s, int p) { return p + 1 < s->pieces ? PIECE : s->sp->len - p * PIECE; }

static void nothing4(float *state, int C)
{
    for (int i = 0; i < 3 * C; i++) state[i] = i < 2 * C ? 0 : -1e38f;
}

/* Pieces but the last: what comes out of the first, and what each other is alone. */
static void sum_part(void *arg, int part, int parts)
{
    const scan *s = arg;
    const job *q = s->q;
    int p, to;
    pool_share(s->pieces - 1, 1, part, parts, &p, &to);
    for (; p < to; p++) {
        float *out = s->before + (size_t)(p + 1) * state4(s);
        if (p) nothing4(out, q->C);
        else memcpy(out, s->before, state4(s) * sizeof *out);
        q->s->wkv4_past(out, q->C, q->k + piece_at(s, p), q->v + piece_at(s, p), q->w, PIECE, q->C, q->C);
    }
}

static void states_before(pool *p, scan *s, const float *state0)
{
    memcpy(s->before, state0, state4(s) * sizeof(float));
    pool_run(p, sum_part, s);
    for (int i = 2; i < s->pieces; i++)
        s->q->s->wkv4_join(s->before + (size_t)i * state4(s), s->before + (size_t)(i - 1) * state4(s), s->q->w, PIECE, s->q->C);
}

static void through_part(void *arg, int part, int parts)
{
    const scan *s = arg;
    const job *q = s->q;
    int p, to;
    pool_share(s->pieces, 1, part, parts, &p, &to);
    for (; p < to; p++) {
        size_t j = piece_at(s, p);
        q->s->wkv4(q->y + j, q->k + j, q->v + j, q->w, q->u, s->before + (size_t)p * state4(s), piece_len(s, p), q->C, q->C);
    }
}

static scan scan_of(job *q, const span *sp, int backward)
{
    scan s = {.q = q, .sp = sp, .pieces = (sp->len + PIECE - 1) / PIECE};
    size_t n = (size_t)s.pieces * (size_t)q->C;
    q->s = simd_now();
    s.before = cpu_shared(n * (backward ? 8 : 3));
    s.after = s.before + 3 * n;
    s.dw = s.after + 3 * n;
    s.du = s.dw + n;
    return s;
}

void cpu_wkv4_scan(pool *p, real *y, const real *k, const real *v, const real *w, const real *u, const batch *b, int C, int at)
{
    job q = {.b = b, .C = C, .at = at, .y = y, .k = k, .v = v, .w = w, .u = u};
    for (int i = 0; i < b->n_spans; i++) {
        scan s = scan_of(&q, &b->spans[i], 0);
        states_before(p, &s, s.sp->state + at);
        pool_run(p, through_part, &s);
        memcpy(s.sp->state + at, s.before + (size_t)(s.pieces - 1) * state4(&s), state4(&s) * sizeof(float));
    }
}

/* Pieces but the first: what the gradient of the state before it is by the piece alone, or, of the last one, at all. */
static void sum_back_part(void *arg, int part, int parts)
{
    const scan *s = arg;
    const job *q = s->q;
    int p, to;
    pool_share(s->pieces - 1, 1, part, parts, &p, &to);
    float *scratch = cpu_scratch(q->s->wkv4_scratch(PIECE, q->C));
    for (p++; p <= to; p++) {
        size_t j = piece_at(s, p);
        float *out = s->after + (size_t)(p - 1) * state4(s);
        if (p + 1 < s->pieces) nothing4(out, q->C);
        else memcpy(out, out + state4(s), state4(s) * sizeof *out);
        q->s->wkv4_back(NULL, NULL, NULL, NULL, q->dy + j, q->k + j, q->v + j, q->w, q->u, s->before + (size_t)p * state4(s), out,
                        piece_len(s, p), q->C, q->C, scratch);
    }
}

static void back_through_part(void *arg, int part, int parts)
{
    const scan *s = arg;
    const job *q = s->q;
    int p, to;
    pool_share(s->pieces, 1, part, parts, &p, &to);
    float *scratch = cpu_scratch(q->s->wkv4_scratch(PIECE, q->C));
    for (; p < to; p++) {
        size_t j = piece_at(s, p), c = (size_t)p * (size_t)q->C;
        q->s->wkv4_back(maybe(q->dk, j), maybe(q->dv, j), q->dw ? s->dw + c : NULL, q->du ? s->du + c : NULL, q->dy + j, q->k + j,
                        q->v + j, q->w, q->u, s->before + 3 * c, s->after + 3 * c, piece_len(s, p), q->C, q->C, scratch);
    }
}

void cpu_wkv4_scan_back(pool *p, real *dk, real *dv, real *dw, real *du, const real *dy, const real *k, const real *v, const real *w,
                        const real *u, const real *state0, const batch *b, int C, int at)
{
    job q = {.b = b, .C = C, .at = at, .dk = dk, .dv = dv, .dw = dw, .du = du, .dy = dy, .k = k, .v = v, .w = w, .u = u};
    for (int i = 0; i < b->n_spans; i++) {
        scan s = scan_of(&q, &b->spans[i], 1);
        size_t last = (size_t)(s.pieces - 1) * state4(&s);
        float *dstate = maybe(s.sp->dstate, (size_t)at);
        states_before(p, &s, state0 + (size_t)i * state4(&s));
        if (dstate) memcpy(s.after + last, dstate, state4(&s) * sizeof(float));
        else nothing4(s.after + last, C);
        pool_run(p, sum_back_part, &s);
        for (int j = s.pieces - 3; j >= 0; j--)
            q.s->wkv4_join(s.after + (size_t)j * state4(&s), s.after + (size_t)(j + 1) * state4(&s), w, PIECE, C);
        memset(s.dw, 0, 2 * (size_t)s.pieces * (size_t)C * sizeof(float));
        pool_run(p, back_through_part, &s);
        if (dstate) memcpy(dstate, s.after, state4(&s) * sizeof(float));
        for (size_t j = 0; j < (size_t)s.pieces * (size_t)C; j++) {
            if (dw) dw[j % (size_t)C] += s.dw[j];
            if (du) du[j % (size_t)C] += s.du[j];
        }
    }
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
