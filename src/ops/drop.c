/* drop.c - dropout, whose mask is a function of (seed, site, row, column): nothing is kept for the way back, a replayed layer
 * drops the same, and a batch cut into parts drops what the whole batch would. */
#include "ops/tape.h"

typedef struct {
    const real *from;
    real *to; /* added to */
    int rows, cols;
    uint64_t key, first; /* of the site; number of the first value */
    uint32_t below;      /* of 2^32: dropped                       */
    real scale;
} dropping;

/* splitmix64's finaliser */
static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void drop_rows(void *arg, int part, int parts)
{
    const dropping *d = arg;
    int first, last;
    pool_share(d->rows, 1, part, parts, &first, &last);
    size_t from = (size_t)first * (size_t)d->cols, to = (size_t)last * (size_t)d->cols;
    for (size_t i = from; i < to; i++) {
        uint32_t drawn = (uint32_t)(mix(d->key + (d->first + i) * 0x9e3779b97f4a7c15u) >> 32);
        if (drawn >= d->below) d->to[i] += d->from[i] * d->scale;
    }
}

static void drop(cx *c, int site, const real *from, real *to, int rows, int cols)
{
    dropping d = {.from = from,
                  .to = to,
                  .rows = rows,
                  .cols = cols,
                  .key = mix(c->drop_seed + (uint64_t)(site + 1) * 0xd1b54a32d192ed03u),
                  .first = (uint64_t)c->drop_row * (uint64_t)cols,
                  .below = (uint32_t)((double)c->drop_rate * 0x1p32),
                  .scale = 1 / (1 - c->drop_rate)};
    pool_run(c->pool, drop_rows, &d);
}

static void drop_back(cx *c, record *r)
{
    tensor *x = r->in[0], *y = r->out[0];
    real *dx = wanted(c, x);
    if (dx) drop(c, r->i, y->grad, dx, y->rows, y->cols);
}

tensor *op_drop(cx *c, tensor *x, int site)
{
    if (c->drop_rate <= 0) return x;
    tensor *y = tensor_zero(c, x->rows, x->cols);
    drop(c, site, x->data, y->data, x->rows, x->cols);
    record *r = REC(c, drop_back, y, x);
    if (r) r->i = site;
    return y;
}
