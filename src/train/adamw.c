/* adamw.c - one pass over the blocks for the gradient's length, one for the update.
 *
 * Both are cut into fixed pieces, whatever the number of threads, so the sum of squares, and with it every bit of the
 * result, does not depend on it. */
#include "train/adamw.h"
#include <math.h>
#include <string.h>

typedef struct {
    const adamw *o;
    params *p;
    float lr, clip;     /* clip: what gradients are times    */
    float bias1, bias2; /* 1 / (1 - beta^step)               */
} update;

/* of the values before `end` */
static int pieces(size_t end) { return (int)((end + PIECE - 1) / PIECE); }

/* This thread's share of the pieces whose moments are here. */
static void share(const params *p, int part, int parts, int *from, int *to)
{
    int first = pieces(p->from);
    pool_share(pieces(p->to) - first, 1, part, parts, from, to);
    *from += first;
    *to += first;
}

static void sum_squares(void *arg, int part, int parts)
{
    update *u = arg;
    int from, to;
    share(u->p, part, parts, &from, &to);
    for (int i = from; i < to; i++) {
        size_t at = (size_t)i * PIECE, n = u->p->n - at < PIECE ? u->p->n - at : PIECE;
        double s = 0;
        for (size_t j = 0; j < n; j++) s += (double)u->p->grads[at + j] * (double)u->p->grads[at + j];
        u->p->sums[i] = s;
    }
}

/* values [from, to) of the blocks, all of one param */
static void step_values(const update *u, size_t from, size_t to, float lr, float decay)
{
    const adamw *o = u->o;
    size_t n = to - from, at = from - u->p->from;
    real *w = u->p->values + from, *g = u->p->grads + from, *m = u->p->mean + at, *v = u->p->square + at;
    for (size_t i = 0; i < n; i++) {
        float d = g[i] * u->clip;
        g[i] = 0;
        m[i] = o->beta1 * m[i] + (1 - o->beta1) * d;
        v[i] = o->beta2 * v[i] + (1 - o->beta2) * d * d;
        w[i] -= lr * (m[i] * u->bias1 / (sqrtf(v[i] * u->bias2) + o->eps) + decay * w[i]);
    }
}

static void step_params(void *arg, int part, int parts)
{
    update *u = arg;
    int first, last;
    share(u->p, part, parts, &first, &last);
    size_t from = (size_t)first * PIECE, to = (size_t)last * PIECE;
    for (int i = 0; i < u->p->count; i++) {
        const param *q = &u->p->list[i];
        size_t a = q->at > from ? q->at : from, b = q->at + q->n < to ? q->at + q->n : to;
        if (a < b) step_values(u, a, b, u->lr * q->lr_scale, q->decays ? u->o->weight_decay : 0);
    }
}

double adamw_step(const adamw *o, params *p, double lr, int64_t step, pool *threads)
{
    int n = pieces(p->n);
    update u = {.o = o, .p = p, .lr = (float)lr, .clip = 1};
    memset(p->sums, 0, (size_t)n * sizeof *p->sums);
    pool_run(threads, sum_squares, &u);
    ranks_add(p->ranks, p->sums, n); /* each is of one process, so the sum below is the same with all and with shares */
    double norm = 0;
    for (int i = 0; i < n; i++) norm += p->sums[i];
    norm = sqrt(norm);
    if (!isfinite(norm)) return norm;
    if (o->clip > 0 && norm > o->clip) u.clip = (float)(o->clip / norm);
    u.bias1 = (float)(1 / (1 - pow(o->beta1, (double)step)));
    u.bias2 = (float)(1 / (1 - pow(o->beta2, (double)step)));
    pool_run(threads, step_params, &u);
    return norm;
}
