/* cpu_mix.c - token shift after a norm: rows are divided among threads, each of which keeps the row it has just normalised. */
#include <string.h>
#include "cpu/cpu.h"

typedef struct {
    const simd *s;
    const mixing *m;
    const batch *b;
    int C, at;
} job;

static void normal_row(const job *q, float *z, int row)
{
    const mixing *m = q->m;
    q->s->norm(z, m->x + (size_t)row * (size_t)q->C, m->w, m->b, 1, q->C, 1, m->eps);
}

/* Rows [row, end) of one span. The state is advanced here when it is nobody else's concern: in a span of one row. */
static void span_rows(const job *q, const span *sp, int row, int end)
{
    const mixing *m = q->m;
    size_t C = (size_t)q->C, wide = (C + 15) / 16 * 16;
    float *room = cpu_scratch(2 * wide), *state = sp->state + q->at;
    const float *before = state;
    patch one = {.rows = 1, .cols = q->C, .stride = C};
    if (row > sp->row) {
        normal_row(q, room + wide, row - 1);
        before = room + wide;
    }
    for (int t = row; t < end; t++) {
        float *z = before == room ? room + wide : room;
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

void cpu_mix(pool *p, const mixing *m, const batch *b, int C, int at)
{
    job q = {.s = simd_now(), .m = m, .b = b, .C = C, .at = at};
    pool_run(cpu_worth(p, (4.0 + m->n) * b->rows * C), part_of, &q);
    for (int i = 0; i < b->n_spans; i++) /* others may have read the state while the last row was at work */
        if (b->spans[i].len > 1) normal_row(&q, b->spans[i].state + at, b->spans[i].row + b->spans[i].len - 1);
}
