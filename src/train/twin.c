/* twin.c - values, gradients and moments on a device with memory of its own: one side has the newer ones, and the other
 * gets them when it needs them. */
#include "train/params.h"
#include <stdlib.h>

struct params_twin {
    device *device;
    enum { BOTH, HOST, DEVICE } newer;
};

static size_t values_of(const params *p) { return 2 * (p->n + p->to - p->from); }

int params_twin_new(params *p, device *d)
{
    if (!d->separate) return 0;
    p->twin = malloc(sizeof *p->twin);
    if (!p->twin) return fail(WKV_ENOMEM, "no memory for a device's parameters");
    *p->twin = (struct params_twin){d, HOST};
    const int err = d->twin_new(d, p->values, values_of(p) * sizeof *p->values);
    if (!err) return 0;
    free(p->twin);
    p->twin = NULL;
    return err;
}

void params_twin_free(params *p)
{
    if (p->twin) p->twin->device->twin_free(p->twin->device, p->values);
    free(p->twin);
    p->twin = NULL;
}

static transfer_args all(const params *p)
{
    return (transfer_args){.from = p->values, .to = p->values, .n = values_of(p)};
}

void params_to_device(params *p)
{
    struct params_twin *t = p->twin;
    if (!t) return;
    const transfer_args a = all(p);
    if (t->newer == HOST) t->device->from_host(t->device, &a);
    t->newer = DEVICE;
}

int params_to_host(const params *p)
{
    struct params_twin *t = p->twin;
    if (!t || t->newer != DEVICE) return 0;
    const transfer_args a = all(p);
    t->device->to_host(t->device, &a);
    t->newer = BOTH;
    return t->device->finish(t->device);
}

void params_host_changed(const params *p)
{
    if (p->twin) p->twin->newer = HOST;
}

void params_clear_grads(params *p, device *d)
{
    params_to_device(p);
    d->fill(d, &(fill_args){.x = p->grads, .n = p->n});
}
