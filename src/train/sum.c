/* sum.c - all-reduce of the gradients, layer by layer, overlapped with backward. */
#include "train/trainer.h"
#include <string.h>

/* Start the all-reduce of a range of the gradients; with sharded moments, reduce each part to the process with its
 * moments. */
static void add_up(const wkv_trainer *t, size_t from, size_t to)
{
    const wkv_communicator *r = t->communicator;
    if (!t->p.communicator) {
        r->reduce(r->user, t->p.grads + from, to - from, -1);
        return;
    }
    for (int k = 0; k < r->count; k++) {
        size_t a, b;
        params_share(&t->p, k, &a, &b);
        if (a < from) a = from;
        if (b > to) b = to;
        if (a < b) r->reduce(r->user, t->p.grads + a, b - a, k);
    }
}

/* Start of the values of a layer; after the last layer: end of all; -1: start of all. Backward completes the gradients
 * stored after the layers first, and those stored before the layers last. */
static size_t begin_of(const params *p, int layer)
{
    if (layer < 0) return 0;
    for (int i = 0; i < p->count; i++)
        if (p->list[i].layer == layer) return p->list[i].at;
    return p->n;
}

void trainer_add_up_from(void *trainer, int layer)
{
    wkv_trainer *t = trainer;
    const params *p = &t->p;
    for (; t->summing > layer; t->summing--) add_up(t, begin_of(p, t->summing - 1), begin_of(p, t->summing));
    t->communicator->progress(t->communicator->user);
}

int trainer_add_up_rest(wkv_trainer *t, int err, double *figures, int n)
{
    if (!t->communicator) return err;
    trainer_add_up_from(t, -1);
    t->communicator->wait_all(t->communicator->user);
    t->summing = t->m->L;
    return communicator_agree_on(t->communicator, err, figures, n);
}

void trainer_collect_values(wkv_trainer *t)
{
    params *p = &t->p;
    const wkv_communicator *r = p->communicator;
    if (!r) return;
    for (int k = 0; k < r->count; k++) {
        size_t from, to;
        params_share(p, k, &from, &to);
        if (from < to) r->broadcast(r->user, p->values + from, (to - from) * sizeof *p->values, k);
    }
    memset(p->grads, 0, p->from * sizeof *p->grads);
    memset(p->grads + p->to, 0, (p->n - p->to) * sizeof *p->grads);
    r->wait_all(r->user);
}
