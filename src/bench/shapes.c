/* shapes.c - the published sizes of all versions, and their activation sparsity. */
#include "bench/synthetic.h"

int shape_at(shape *out, int i)
{
    for (int k = 0; archs[k]; k++)
        for (const published_size *size = archs[k]->published; size && size->name; size++)
            if (!i--) {
                *out = (shape){archs[k], size};
                return 1;
            }
    return 0;
}

/* A curve at a depth from 0 to 1, linearly interpolated. */
static double curve_at(const sparsity_curve *c, double depth)
{
    double x = depth * (c->n - 1);
    int i = (int)x < c->n - 1 ? (int)x : c->n - 2;
    return (double)c->at[i] + (x - i) * (double)(c->at[i + 1] - c->at[i]);
}

double shape_sparsity(const shape *s, int layer)
{
    double depth = (double)layer / (s->size->layers - 1);
    return (curve_at(s->size->sparsity[0], depth) + curve_at(s->size->sparsity[1], depth)) / 2;
}

int shape_init(rwkv *m, const shape *s)
{
    int dim[DIMS];
    arch_sizes(dim, s->arch, s->size->width, 64, 0, s->size->vocab);
    for (int i = 0; i < RANKS; i++) dim[D_R0 + i] = s->size->rank[i];
    dim[D_5R0] = 5 * dim[D_R0];
    return rwkv_init(m, s->arch, s->size->layers, dim);
}
