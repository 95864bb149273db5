/* probe.c - values given to a probe while a model runs. */
#include "ops/tape.h"

void op_layer(cx *c, int layer)
{
    c->layer = layer;
    c->probed = c->probe ? c->probe->sites[layer + 1] : 0;
}

void probe_give(cx *c, wkv_site site, int row, int rows, int cols, real *x)
{
    const probe *p = c->probe;
    if (!c->dev->separate) {
        p->fn(p->user, site, c->layer, row, rows, cols, x);
        return;
    }
    char *mark = arena_mark(&c->host);
    const size_t n = (size_t)rows * (size_t)cols;
    real *copy = arena_alloc(&c->host, n * sizeof *copy);
    c->dev->to_host(c->dev, &(transfer_args){.from = x, .to = copy, .n = n});
    p->fn(p->user, site, c->layer, row, rows, cols, copy);
    c->dev->from_host(c->dev, &(transfer_args){.from = copy, .to = x, .n = n});
    arena_reset(&c->host, mark);
}

tensor *op_probe(cx *c, wkv_site site, tensor *x)
{
    if (!is_probed(c, site)) return x;
    tensor *y = tensor_new(c, x->rows, x->cols);
    copy_values(c, y->data, x->data, (size_t)x->rows * (size_t)x->cols);
    probe_give(c, site, 0, y->rows, y->cols, y->data);
    return y;
}
