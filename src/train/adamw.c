/* adamw.c - one pass over the blocks for the gradient norm, one for the update.
 *
 * The norm is summed in fixed tiles, so the result has the same bits with any number of threads. */
#include "train/adamw.h"
#include <math.h>
#include <string.h>

/* Range of values with moments in this process. */
static void step_param(device *d, adamw_args a, const params *p, const param *q)
{
    size_t from = q->at > p->from ? q->at : p->from, to = q->at + q->n < p->to ? q->at + q->n : p->to;
    if (from >= to || q->frozen) return;
    a.n = to - from;
    a.w = p->values + from;
    a.g = p->grads + from;
    a.mean = p->mean + (from - p->from);
    a.square = p->square + (from - p->from);
    a.lr *= q->lr_scale;
    if (!q->decays) a.decay = 0;
    d->adamw(d, &a);
}

double adamw_step(const adamw *o, params *p, double lr, int64_t step, device *d)
{
    int n = (int)((p->n + OPTIMIZER_CHUNK - 1) / OPTIMIZER_CHUNK);
    params_to_device(p);
    memset(p->sums, 0, (size_t)n * sizeof *p->sums);
    d->square_sums(d, &(square_sums_args){.x = p->grads + p->from,
                                          .n = p->to - p->from,
                                          .tile = OPTIMIZER_CHUNK,
                                          .sums = p->sums + p->from / OPTIMIZER_CHUNK});
    communicator_add(p->communicator, p->sums, n); /* each tile is of one process: same sum with sharded moments */
    double norm = 0;
    for (int i = 0; i < n; i++) norm += p->sums[i];
    norm = sqrt(norm);
    if (!isfinite(norm)) return norm;
    adamw_args a = {.lr = (float)lr,
                    .beta1 = o->beta1,
                    .beta2 = o->beta2,
                    .eps = o->eps,
                    .decay = o->weight_decay,
                    .clip = o->clip > 0 && norm > o->clip ? (float)(o->clip / norm) : 1,
                    .bias1 = (float)(1 / (1 - pow(o->beta1, (double)step))),
                    .bias2 = (float)(1 / (1 - pow(o->beta2, (double)step)))};
    for (int i = 0; i < p->count; i++) step_param(d, a, p, &p->list[i]);
    return norm;
}
