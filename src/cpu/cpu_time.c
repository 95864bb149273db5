/* cpu_time.c - the recurrences: channels or heads are divided among threads, each of which runs spans and tokens in
 * order, so that sums over spans are in the order of spans. */
#include "cpu/cpu.h"
#include <string.h>

typedef struct {
    const simd *s;
    const wkv_args *a;
    int version; /* 6 (includes 5) or 7 */
} job;

static void run(device *d, void (*part)(void *, int, int), const wkv_args *a, int version, double cost)
{
    job q = {.s = cpu_of(d)->simd, .a = a, .version = version};
    pool_run(cpu_worth(d, cost * a->batch->rows * a->C), part, &q);
}

/* ---- version 4 --------------------------------------------------------------------------------------------------- */

/* n channels from c on of a batch's rows: `len` from `row` on. */
static channels4 channels_of(const wkv_args *a, int row, int len, int c, int n)
{
    size_t j = (size_t)row * (size_t)a->C + (size_t)c;
    return (channels4){.T = len,
                       .C = a->C,
                       .n = n,
                       .k = a->k + j,
                       .v = a->v + j,
                       .w = a->w + c,
                       .u = a->u + c,
                       .y = cpu_at(a->y, j),
                       .dy = cpu_in(a->dy, j),
                       .dk = cpu_at(a->dk, j),
                       .dv = cpu_at(a->dv, j),
                       .dw = cpu_at(a->dw, (size_t)c),
                       .du = cpu_at(a->du, (size_t)c)};
}

static void wkv4_part(void *arg, int part, int parts)
{
    const job *q = arg;
    const wkv_args *a = q->a;
    int c, to;
    pool_share(a->C, 16, part, parts, &c, &to);
    for (int i = 0; i < a->batch->n_spans && c < to; i++) {
        const span *sp = &a->batch->spans[i];
        channels4 k = channels_of(a, sp->row, sp->len, c, to - c);
        k.state = sp->state + a->at + c;
        q->s->wkv4(&k);
    }
}

static void wkv4_back_part(void *arg, int part, int parts)
{
    const job *q = arg;
    const wkv_args *a = q->a;
    int c, to;
    pool_share(a->C, 16, part, parts, &c, &to);
    for (int i = 0; i < a->batch->n_spans && c < to; i++) {
        const span *sp = &a->batch->spans[i];
        channels4 k = channels_of(a, sp->row, sp->len, c, to - c);
        k.state0 = a->state0 + (size_t)i * 3 * (size_t)a->C + c;
        k.dstate = cpu_at(sp->dstate, (size_t)(a->at + c));
        q->s->wkv4_back(&k, cpu_scratch(q->s->wkv4_scratch(sp->len, to - c)));
    }
}

void cpu_wkv4(device *d, const wkv_args *a) { run(d, wkv4_part, a, 4, 60); }
void cpu_wkv4_back(device *d, const wkv_args *a) { run(d, wkv4_back_part, a, 4, 150); }

/* ---- version 4 by scan ------------------------------------------------------------------------------------------- */

/* A parallel prefix scan (docs/models.md 2.3). A span is divided into chunks of SCAN_CHUNK tokens, independent of the
 * number of threads, so that the order of sums is too. Each chunk is summed alone; the few sums are combined one after
 * another (a tree would not be faster: a chunk's work is SCAN_CHUNK times that of a combination); then each chunk runs
 * from its initial state. Backward combines the gradients of the sums with the same operator, from the last chunk. */
enum { SCAN_CHUNK = 256 };

typedef struct {
    const simd *s;
    const wkv_args *a;
    const span *sp;
    int chunks;
    float *before;  /* [chunks][3 C]: the state before each chunk             */
    float *after;   /* [chunks][3 C]: the gradient of the state after it      */
    float *dw, *du; /* [chunks][C]: its term of a gradient summed over chunks */
} scan;

static size_t state4(const scan *s) { return 3 * (size_t)s->a->C; }
static size_t chunk_at(const scan *s, int p) { return ((size_t)s->sp->row + (size_t)p * SCAN_CHUNK) * (size_t)s->a->C; }
static int chunk_len(const scan *s, int p) { return p + 1 < s->chunks ? SCAN_CHUNK : s->sp->len - p * SCAN_CHUNK; }

static channels4 channels_of_chunk(const scan *s, int p)
{
    channels4 k = channels_of(s->a, s->sp->row + p * SCAN_CHUNK, chunk_len(s, p), 0, s->a->C);
    k.state = s->before + (size_t)p * state4(s);
    k.state0 = k.state;
    return k;
}

static void nothing4(float *state, int C)
{
    for (int i = 0; i < 3 * C; i++) state[i] = i < 2 * C ? 0 : -1e38f;
}

/* All chunks except the last: the final state of the first, and the sums of each other chunk alone. */
static void sum_part(void *arg, int part, int parts)
{
    const scan *s = arg;
    const wkv_args *a = s->a;
    int p, to;
    pool_share(s->chunks - 1, 1, part, parts, &p, &to);
    for (; p < to; p++) {
        float *out = s->before + (size_t)(p + 1) * state4(s);
        if (p)
            nothing4(out, a->C);
        else
            memcpy(out, s->before, state4(s) * sizeof *out);
        s->s->wkv4_past(out, a->C, a->k + chunk_at(s, p), a->v + chunk_at(s, p), a->w, SCAN_CHUNK, a->C, a->C);
    }
}

static void states_before(pool *p, scan *s, const float *state0)
{
    memcpy(s->before, state0, state4(s) * sizeof(float));
    pool_run(p, sum_part, s);
    for (int i = 2; i < s->chunks; i++)
        s->s->wkv4_join(s->before + (size_t)i * state4(s), s->before + (size_t)(i - 1) * state4(s), s->a->w, SCAN_CHUNK,
                        s->a->C);
}

static void through_part(void *arg, int part, int parts)
{
    const scan *s = arg;
    int p, to;
    pool_share(s->chunks, 1, part, parts, &p, &to);
    for (; p < to; p++) {
        channels4 k = channels_of_chunk(s, p);
        s->s->wkv4(&k);
    }
}

static scan scan_of(device *d, const wkv_args *a, const span *sp, int backward)
{
    scan s = {.s = cpu_of(d)->simd, .a = a, .sp = sp, .chunks = (sp->len + SCAN_CHUNK - 1) / SCAN_CHUNK};
    size_t n = (size_t)s.chunks * (size_t)a->C;
    s.before = cpu_shared(n * (backward ? 8 : 3));
    s.after = s.before + 3 * n;
    s.dw = s.after + 3 * n;
    s.du = s.dw + n;
    return s;
}

void cpu_wkv4_scan(device *d, const wkv_args *a)
{
    for (int i = 0; i < a->batch->n_spans; i++) {
        scan s = scan_of(d, a, &a->batch->spans[i], 0);
        states_before(cpu_of(d)->pool, &s, s.sp->state + a->at);
        pool_run(cpu_of(d)->pool, through_part, &s);
        memcpy(s.sp->state + a->at, s.before + (size_t)(s.chunks - 1) * state4(&s), state4(&s) * sizeof(float));
    }
}

/* All chunks except the first: the gradient of the state before it due to the chunk alone; for the last chunk the full
 * gradient. */
static void sum_back_part(void *arg, int part, int parts)
{
    const scan *s = arg;
    const wkv_args *a = s->a;
    int p, to;
    pool_share(s->chunks - 1, 1, part, parts, &p, &to);
    float *scratch = cpu_scratch(s->s->wkv4_scratch(SCAN_CHUNK, a->C));
    for (p++; p <= to; p++) {
        channels4 k = channels_of_chunk(s, p);
        float *out = s->after + (size_t)(p - 1) * state4(s);
        if (p + 1 < s->chunks)
            nothing4(out, a->C);
        else
            memcpy(out, out + state4(s), state4(s) * sizeof *out);
        k.dk = k.dv = k.dw = k.du = NULL;
        k.dstate = out;
        s->s->wkv4_back(&k, scratch);
    }
}

static void back_through_part(void *arg, int part, int parts)
{
    const scan *s = arg;
    const wkv_args *a = s->a;
    int p, to;
    pool_share(s->chunks, 1, part, parts, &p, &to);
    float *scratch = cpu_scratch(s->s->wkv4_scratch(SCAN_CHUNK, a->C));
    for (; p < to; p++) {
        size_t c = (size_t)p * (size_t)a->C;
        channels4 k = channels_of_chunk(s, p);
        k.dw = a->dw ? s->dw + c : NULL;
        k.du = a->du ? s->du + c : NULL;
        k.dstate = s->after + 3 * c;
        s->s->wkv4_back(&k, scratch);
    }
}

void cpu_wkv4_scan_back(device *d, const wkv_args *a)
{
    const size_t C = (size_t)a->C;
    for (int i = 0; i < a->batch->n_spans; i++) {
        scan s = scan_of(d, a, &a->batch->spans[i], 1);
        size_t last = (size_t)(s.chunks - 1) * state4(&s);
        float *dstate = cpu_at(s.sp->dstate, (size_t)a->at);
        states_before(cpu_of(d)->pool, &s, a->state0 + (size_t)i * state4(&s));
        if (dstate)
            memcpy(s.after + last, dstate, state4(&s) * sizeof(float));
        else
            nothing4(s.after + last, a->C);
        pool_run(cpu_of(d)->pool, sum_back_part, &s);
        for (int j = s.chunks - 3; j >= 0; j--)
            s.s->wkv4_join(s.after + (size_t)j * state4(&s), s.after + (size_t)(j + 1) * state4(&s), a->w, SCAN_CHUNK,
                           a->C);
        memset(s.dw, 0, 2 * (size_t)s.chunks * C * sizeof(float));
        pool_run(cpu_of(d)->pool, back_through_part, &s);
        if (dstate) memcpy(dstate, s.after, state4(&s) * sizeof(float));
        for (size_t j = 0; j < (size_t)s.chunks * C; j++) {
            if (a->dw) a->dw[j % C] += s.dw[j];
            if (a->du) a->du[j % C] += s.du[j];
        }
    }
}

/* ---- versions 5 to 7 --------------------------------------------------------------------------------------------- */

static head head_of(const wkv_args *a, int i, int n)
{
    const span *sp = &a->batch->spans[i];
    int N = a->C / a->heads;
    size_t c = (size_t)n * (size_t)N, j = (size_t)sp->row * (size_t)a->C + c, S = (size_t)n * (size_t)N * (size_t)N;
    size_t jw = a->w_rows == 1 ? c : j;
    return (head){
        .T = sp->len,
        .N = N,
        .C = (size_t)a->C,
        .w_step = a->w_rows == 1 ? 0 : (size_t)a->C,
        .r = a->r + j,
        .w = a->w + jw,
        .k = a->k + j,
        .v = a->v + j,
        .a = cpu_in(a->a, j),
        .b = cpu_in(a->b, j),
        .u = cpu_in(a->u, c),
        .y = cpu_at(a->y, j),
        .S = cpu_at(sp->state, (size_t)a->at + S),
        .dy = cpu_in(a->dy, j),
        .S0 = cpu_in(a->state0, (size_t)i * (size_t)a->heads * (size_t)(N * N) + S),
        .dr = cpu_at(a->dr, j),
        .dw = cpu_at(a->dw, jw),
        .dk = cpu_at(a->dk, j),
        .dv = cpu_at(a->dv, j),
        .da = cpu_at(a->da, j),
        .db = cpu_at(a->db, j),
        .du = cpu_at(a->du, c),
        .dS = cpu_at(sp->dstate, (size_t)a->at + S),
    };
}

/* Value columns are independent: with fewer heads than threads, heads are divided too. */
static void forward_part(void *arg, int part, int parts)
{
    const job *q = arg;
    const wkv_args *a = q->a;
    int N = a->C / a->heads, from, to;
    pool_share(a->C, a->heads >= parts || N % 16 ? N : 16, part, parts, &from, &to);
    if (from == to) return;
    float *scratch = cpu_scratch((size_t)N * (size_t)(N + 16));
    for (int n = from / N; n * N < to; n++) {
        int first = from > n * N ? from - n * N : 0, end = to < (n + 1) * N ? to - n * N : N;
        for (int i = 0; i < a->batch->n_spans; i++) {
            head h = head_of(a, i, n);
            if (q->version == 7)
                q->s->wkv7(&h, first, end, scratch);
            else
                q->s->wkv6(&h, first, end, scratch);
        }
    }
}

static void back_part(void *arg, int part, int parts)
{
    const job *q = arg;
    int from, to;
    pool_share(q->a->heads, 1, part, parts, &from, &to);
    for (int n = from; n < to; n++)
        for (int i = 0; i < q->a->batch->n_spans; i++) {
            head h = head_of(q->a, i, n);
            if (q->version == 7)
                q->s->wkv7_back(&h, cpu_scratch(q->s->wkv7_scratch(&h)));
            else
                q->s->wkv6_back(&h, cpu_scratch(q->s->wkv6_scratch(&h)));
        }
}

void cpu_wkv6(device *d, const wkv_args *a) { run(d, forward_part, a, 6, 0.5 * a->C / a->heads); }
void cpu_wkv6_back(device *d, const wkv_args *a) { run(d, back_part, a, 6, 2.0 * a->C / a->heads); }
void cpu_wkv7(device *d, const wkv_args *a) { run(d, forward_part, a, 7, 1.0 * a->C / a->heads); }
void cpu_wkv7_back(device *d, const wkv_args *a) { run(d, back_part, a, 7, 3.0 * a->C / a->heads); }
