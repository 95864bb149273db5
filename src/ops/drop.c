/* drop.c - dropout. The mask is a function of (seed, site, row, column): backward needs no stored mask, a recomputed
 * layer drops the same values, and the micro-batches of a batch drop the same as the whole batch. */
#include "ops/drop.h"
#include "ops/tape.h"

static real rate_at(const cx *c, int site) { return site < ADAPTER_SITE ? c->drop_rate : c->adapter_drop_rate; }

static void drop(cx *c, int site, const real *from, real *to, const tensor *x)
{
    real rate = rate_at(c, site);
    c->dev->drop(c->dev, &(drop_args){.n = (size_t)x->rows * (size_t)x->cols,
                                      .from = from,
                                      .to = to,
                                      .key = mix64(c->drop_seed + (uint64_t)(site + 1) * 0xd1b54a32d192ed03u),
                                      .first = (uint64_t)c->drop_row * (uint64_t)x->cols,
                                      .below = (uint32_t)((double)rate * 0x1p32),
                                      .scale = 1 / (1 - rate)});
}

static void drop_back(cx *c, record *r)
{
    tensor *x = r->in[0], *y = r->out[0];
    real *dx = grad_or_null(c, x);
    if (dx) drop(c, r->i, y->grad, dx, y);
}

tensor *op_drop(cx *c, tensor *x, int site)
{
    if (rate_at(c, site) <= 0) return x;
    tensor *y = tensor_zero(c, x->rows, x->cols);
    drop(c, site, x->data, y->data, y);
    record *r = REC(c, drop_back, y, x);
    if (r) r->i = site;
    return y;
}
