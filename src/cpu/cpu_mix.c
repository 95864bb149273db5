/* cpu_mix.c - token shift after a norm: rows are divided among threads, each of which keeps the previous normalised
 * row. */
#include <string.h>
#include "cpu/cpu.h"

typedef struct {
    const simd *s;
    const mix_args *m;
    const batch *b;
    int C, at;
    int chunks;
    size_t wide; /* C, whole vectors                */
    float *sums; /* [chunks][SUMS + mixtures][wide] */
} job;

static void normal_row(const job *q, float *z, int row)
{
    const mix_args *m = q->m;
    const float *x = m->x + (size_t)row * (size_t)q->C;
    q->s->norm(&(norm_args){.T = 1, .C = q->C, .groups = 1, .eps = m->eps, .x = x, .w = m->w, .b = m->b, .y = z});
}

/* Rows [row, end) of one span. A span of one row advances its state here, since no other thread reads it. */
static void span_rows(const job *q, const span *sp, int row, int end)
{
    const mix_args *m = q->m;
    size_t C = (size_t)q->C, wide = (C + 15) / 16 * 16;
    float *buffer = cpu_scratch(2 * wide), *state = sp->state + q->at;
    const float *before = state;
    patch one = {.rows = 1, .cols = q->C, .stride = C};
    if (row > sp->row) {
        normal_row(q, buffer + wide, row - 1);
        before = buffer + wide;
    }
    for (int t = row; t < end; t++) {
        float *z = before == buffer ? buffer + wide : buffer;
        normal_row(q, z, t);
        for (int i = 0; i < m->n; i++)
            q->s->lerp(one, m->y[i] + (size_t)t * C, m->current ? before : z, m->current ? z : before, m->mu[i]);
        before = z;
    }
    if (sp->len == 1) memcpy(state, before, C * sizeof *state);
}

static void part_of(void *arg, int part, int parts)
{
    const job *q = arg;
    int from, to;
    pool_share(q->b->rows, 1, part, parts, &from, &to);
    for (int i = 0; i < q->b->n_spans; i++) {
        const span *sp = &q->b->spans[i];
        int row = sp->row > from ? sp->row : from, end = sp->row + sp->len < to ? sp->row + sp->len : to;
        if (row < end) span_rows(q, sp, row, end);
    }
}

void cpu_mix(device *d, const mix_args *m)
{
    const batch *b = m->batch;
    job q = {.s = cpu_of(d)->simd, .m = m, .b = b, .C = m->C, .at = m->at};
    pool_run(cpu_worth(d, (4.0 + m->n) * b->rows * m->C), part_of, &q);
    for (int i = 0; i < b->n_spans; i++) /* after the region, since other threads may have read the state */
        if (b->spans[i].len > 1) normal_row(&q, b->spans[i].state + m->at, b->spans[i].row + b->spans[i].len - 1);
}

/* ---- backward ---------------------------------------------------------------------------------------------------- */

/* Spans are divided into chunks of MIX_CHUNK rows, independent of the number of threads. Each chunk has its own sums of
 * the gradients shared by all rows, which are then added in order. It runs from the last row to the first, since each
 * row needs the gradient from the next. */
enum { MIX_CHUNK = 32, DW = 0, DB, BEFORE, SUMS }; /* BEFORE: the gradient from the first row for the previous one */

static int chunks_of(const span *sp) { return (sp->len + MIX_CHUNK - 1) / MIX_CHUNK; }
static float *sums_of(const job *q, int chunk, int i)
{
    return q->sums + ((size_t)chunk * (size_t)(SUMS + q->m->n) + (size_t)i) * q->wide;
}

/* The gradients of mixtures at a row, and the sums of the chunk. */
static mix_args at_row(const job *q, int row, int chunk)
{
    mix_args g = *q->m;
    for (int i = 0; i < q->m->n; i++) {
        g.dy[i] += (size_t)row * (size_t)q->C;
        if (g.dmu[i]) g.dmu[i] = chunk < 0 ? NULL : sums_of(q, chunk, SUMS + i);
    }
    return g;
}

/* Rows [row, end) of span number i. */
static void chunk_back(const job *q, int i, int chunk, int row, int end)
{
    const span *sp = &q->b->spans[i];
    const mix_args *m = q->m;
    int C = q->C, last = sp->row + sp->len;
    float *z = cpu_scratch(3 * q->wide), *before = z + q->wide, *dz = before + q->wide,
          *dbefore = sums_of(q, chunk, BEFORE);
    float *dw = q->m->dw ? sums_of(q, chunk, DW) : NULL, *db = q->m->db ? sums_of(q, chunk, DB) : NULL, saved[2];
    memset(sums_of(q, chunk, 0), 0, (size_t)(SUMS + m->n) * q->wide * sizeof *z);
    if (end == last) {
        if (sp->dstate) memcpy(dbefore, sp->dstate + q->at, (size_t)C * sizeof *z);
    } else {
        mix_args g = at_row(q, end, -1);
        q->s->mix_back(&g, dz, dz, dz, dbefore);
    }
    normal_row(q, z, end - 1);
    for (int t = end - 1; t >= row; t--) {
        size_t at = (size_t)t * (size_t)C;
        mix_args g = at_row(q, t, chunk);
        if (t > sp->row)
            normal_row(q, before, t - 1);
        else
            memcpy(before, q->m->state0 + (size_t)i * (size_t)C, (size_t)C * sizeof *z);
        q->s->mix_back(&g, z, before, dz, dbefore);
        norm_args norm = {.T = 1, .C = C, .groups = 1, .eps = m->eps, .x = m->x + at, .w = m->w, .dy = dz};
        norm.dx = cpu_at(g.dx, at);
        norm.dw = dw;
        norm.db = db;
        q->s->norm_back(&norm, saved);
        q->s->norm_sums(&norm, saved, C);
        float *next = before;
        before = z;
        z = next;
    }
}

static void back_part(void *arg, int part, int parts)
{
    const job *q = arg;
    int from, to, before = 0;
    pool_share(q->chunks, 1, part, parts, &from, &to);
    for (int i = 0; i < q->b->n_spans; i++) {
        const span *sp = &q->b->spans[i];
        int first = from > before ? from - before : 0, end = to - before < chunks_of(sp) ? to - before : chunks_of(sp);
        for (int k = first; k < end; k++)
            chunk_back(q, i, before + k, sp->row + k * MIX_CHUNK,
                       sp->row + (k + 1 < chunks_of(sp) ? (k + 1) * MIX_CHUNK : sp->len));
        before += chunks_of(sp);
    }
}

static void add_part(void *arg, int part, int parts)
{
    const job *q = arg;
    int from, to;
    pool_share(q->C, 16, part, parts, &from, &to);
    for (int k = 0; k < q->chunks; k++)
        for (int i = 0; i < SUMS + q->m->n; i++) {
            float *sum = i == DW ? q->m->dw : i == DB ? q->m->db : i == BEFORE ? NULL : q->m->dmu[i - SUMS];
            const float *of = sums_of(q, k, i);
            if (sum) q->s->add((patch){.rows = 1, .cols = to - from}, sum + from, sum + from, of + from);
        }
}

void cpu_mix_back(device *d, const mix_args *m)
{
    const batch *b = m->batch;
    const int C = m->C;
    job q = {.s = cpu_of(d)->simd, .m = m, .b = b, .C = C, .at = m->at, .wide = ((size_t)C + 15) / 16 * 16};
    for (int i = 0; i < b->n_spans; i++) q.chunks += chunks_of(&b->spans[i]);
    q.sums = cpu_shared((size_t)q.chunks * (size_t)(SUMS + m->n) * q.wide);
    pool_run(cpu_worth(d, (12.0 + 2 * m->n) * b->rows * C), back_part, &q);
    pool_run(cpu_worth(d, (2.0 + m->n) * q.chunks * C), add_part, &q);
    for (int i = 0, chunk = 0; i < b->n_spans;
         chunk += chunks_of(&b->spans[i++])) /* the last chunk started from this value */
        if (b->spans[i].dstate)
            memcpy(b->spans[i].dstate + m->at, sums_of(&q, chunk, BEFORE), (size_t)C * sizeof(float));
}
