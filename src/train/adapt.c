/* adapt.c - the trained parameters of a frozen model and their storage. */
#include "train/adapt.h"
#include "ops/device.h"
#include "rwkv/bind.h"
#include "rwkv/export.h"
#include "rwkv/forward.h"
#include "train/choose.h"
#include "train/singular.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME = 128 };

/* ---- methods ----------------------------------------------------------------------------------------------------- */

int adapt_method(const char *name)
{
    static const struct {
        const char *name;
        int method;
    } all[] = {
        {"full", TRAIN_ALL},
        {"lora", TRAIN_LORA},
        {"pissa", TRAIN_LORA | TRAIN_PISSA},
        {"miss", TRAIN_LORA | TRAIN_MISS},
        {"state", TRAIN_STATE},
        {"lora+state", TRAIN_LORA | TRAIN_STATE},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!name || !strcmp(name, all[i].name)) return all[i].method;
    char names[128];
    for (size_t i = 0, n = 0; i < sizeof all / sizeof *all; i++)
        n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", i ? ", " : "", all[i].name);
    fail(WKV_EARG, "--method %s: expected one of %s", name, names);
    return 0;
}

/* ---- trained parameters ------------------------------------------------------------------------------------------ */

static int list_param(params *p, tensor *t, const char *name, const slot *s, int layer, size_t at)
{
    param *list = realloc(p->list, (size_t)(p->count + 1) * sizeof *list);
    if (!list) return fail(WKV_ENOMEM, "no memory for a list of parameters");
    p->list = list;
    size_t n = (size_t)t->rows * (size_t)t->cols;
    list[p->count] = (param){.name = strdup(name),
                             .t = t,
                             .slot = s,
                             .layer = layer,
                             .at = at,
                             .n = n,
                             .lr_scale = 1,
                             .decays = 1,
                             .dims = 2,
                             .shape = {t->rows, t->cols}};
    p->n = at + (n + 15) / 16 * 16;
    return list[p->count++].name ? 0 : fail(WKV_ENOMEM, "no memory for a list of parameters");
}

typedef struct {
    wkv_trainer *t;
    const wkv_train_options *o;
    int count;       /* adapters                  */
    real *principal; /* the rest of t->principal  */
    device *device;  /* of PiSSA, over memory of the host */
} lister;

/* Is this parameter trained (--train)? Parameters stored in the adapter file of --lora are trained further, because the
 * new file replaces that one. */
static int is_trained(const lister *l, const char *name, const slot *s, int layer)
{
    const tensors *file = l->t->base->file;
    const file_tensor *f = l->o->with.lora && l->t->methods & TRAIN_LORA ? tensors_find(file, name) : NULL;
    return choose_names(l->o->train, s, layer) || (f && strcmp(tensors_path_of(file, f), tensors_path(file)) != 0);
}

/* Does this weight have a trained adapter? A weight of --train gets no new one. */
static int is_adapted(const lister *l, const char *name, const tensor *w, const slot *s, int layer)
{
    return choosable_adapted(s, layer) &&
           (w->adapter || (choose_names(l->o->targets, s, layer) && !is_trained(l, name, s, layer)));
}

static float alpha_of(const adapter *low) { return low->b.scale * (float)low->b.cols; }

static int count_adapter(void *user, const char *name, tensor *w, const slot *s, int layer)
{
    lister *l = user;
    if (!is_adapted(l, name, w, s, layer)) return 0;
    l->count++;
    if (w->adapter && w->adapter->a.rows) l->t->scale_alpha = alpha_of(w->adapter);
    l->t->n_principal += (size_t)l->o->rank * (size_t)(w->rows + w->cols);
    return 0;
}

static int list_half(wkv_trainer *t, const adapter *of, tensor *half, const char *name, const slot *s, int layer)
{
    int err = list_param(&t->p, half, name, s, layer, t->p.n);
    if (!err) t->p.list[t->p.count - 1].of = of;
    return err;
}

/* Create the adapter of a weight, or continue its existing one, and list A and B. */
static int list_adapter(void *user, const char *name, tensor *w, const slot *s, int layer)
{
    lister *l = user;
    wkv_trainer *t = l->t;
    if (!is_adapted(l, name, w, s, layer)) return 0;
    if (w->adapter && t->methods & TRAIN_PISSA)
        return fail(WKV_EARG,
                    "%s has an adapter already, but --method pissa starts from singular vectors of the model; "
                    "--method lora trains the adapter further",
                    name);
    adapter *low = &t->adapters[l->count++];
    if (w->adapter)
        *low = *w->adapter;
    else if (t->methods & TRAIN_MISS)
        low->b = (tensor){.rows = l->o->rank, .cols = weight_out(w), .type = REAL, .layout = LAYOUT_INPUT_MAJOR};
    else {
        low->a = (tensor){.rows = l->o->rank, .cols = weight_in(w), .type = REAL};
        low->b = (tensor){.rows = weight_out(w), .cols = l->o->rank, .type = REAL};
        low->b.scale =
            (t->scale_alpha > 0 ? t->scale_alpha : l->o->alpha) / (float)l->o->rank; /* a file has one alpha */
    }
    low->site = ADAPTER_SITE + l->count;
    char half[NAME];
    if (!low->a.rows) {
        snprintf(half, sizeof half, "%.*s.disha", name_stem(name), name);
        return list_half(t, low, &low->b, half, s, layer);
    }
    t->scale_alpha = alpha_of(low);
    snprintf(half, sizeof half, "%.*s.lora_A", name_stem(name), name);
    int err = list_half(t, low, &low->a, half, s, layer);
    half[strlen(half) - 1] = 'B';
    return err ? err : list_half(t, low, &low->b, half, s, layer);
}

static size_t values(const tensor *t) { return (size_t)t->rows * (size_t)t->cols; }

/* Values of a tensor from the model file, in the official layout. */
static int read_values(real *to, size_t n, const wkv_trainer *t, const char *name, const slot *s, int layer)
{
    int as_exp;
    const file_tensor *f = rwkv_stored(t->base->file, name, s, layer, &as_exp);
    int err = tensor_read(f, to, (int64_t)n);
    if (err) return fail_prefix(err, "%s", tensors_path_of(t->base->file, f));
    for (size_t i = 0; as_exp && i < n; i++) to[i] = expf(to[i]);
    return 0;
}

/* A weight with these values; the caller frees them. */
static int read_weight(tensor *out, const wkv_trainer *t, const char *name, const slot *s, int layer)
{
    *out = (tensor){.rows = t->m->dim[s->rows], .cols = t->m->dim[s->cols], .type = REAL, .layout = official_layout(s)};
    out->data = malloc(values(out) * sizeof(real));
    if (!out->data) return fail(WKV_ENOMEM, "no memory for the values of %s", name);
    return read_values(out->data, values(out), t, name, s, layer);
}

/* PiSSA (arXiv 2404.02948): scale B A starts as the principal part of W. The frozen adapter `next` subtracts the same
 * part, so W stays in the file, in any data type. */
static int fill_principal(lister *l, adapter *low, const tensor *w, uint64_t seed)
{
    const wkv_trainer *t = l->t;
    real *a = low->a.data, *b = low->b.data, by = (real)(1 / sqrt((double)low->b.scale));
    int err = singular_vectors(a, b, w, low->a.rows, seed, l->device);
    if (err) return err;
    adapter *away = low + t->n_adapters;
    *away = (adapter){.a = low->a, .b = low->b};
    away->a.data = l->principal;
    away->b.data = l->principal += values(&low->a);
    l->principal += values(&low->b);
    away->a.requires_grad = away->b.requires_grad = 0;
    away->a.grad = away->b.grad = NULL;
    for (size_t i = 0; i < values(&low->a); i++) reals(&away->a)[i] = a[i] *= by;
    for (size_t i = 0; i < values(&low->b); i++) reals(&away->b)[i] = -(b[i] *= by);
    low->next = away;
    return 0;
}

/* A: U(+-1 / sqrt(in)), B and MiSS: 0 (docs/tuning.md), or the values of the existing adapter. */
static int fill_adapter(void *user, const char *name, tensor *w, const slot *s, int layer)
{
    lister *l = user;
    wkv_trainer *t = l->t;
    if (!is_adapted(l, name, w, s, layer)) return 0;
    adapter *low = &t->adapters[l->count++];
    rng r = {.seed = l->o->seed ^ 0x9e3779b97f4a7c15u * (uint64_t)l->count};
    int err = 0;
    if (w->adapter) {
        if (low->a.rows) memcpy(low->a.data, w->adapter->a.data, values(&low->a) * sizeof(real));
        memcpy(low->b.data, w->adapter->b.data, values(&low->b) * sizeof(real));
    } else if (t->methods & TRAIN_PISSA) {
        tensor read;
        err = read_weight(&read, t, name, s, layer);
        if (!err && low->a.rows > (read.rows < read.cols ? read.rows : read.cols))
            err = fail(WKV_EARG, "--rank %d: %s is %d x %d; PiSSA needs a rank of at most the smaller size",
                       low->a.rows, name, read.rows, read.cols);
        if (!err) err = fill_principal(l, low, &read, r.seed);
        free(read.data);
    } else
        for (size_t i = 0; i < values(&low->a); i++)
            reals(&low->a)[i] = (real)((2 * rng_uniform(&r) - 1) / sqrt(weight_in(w)));
    w->adapter = low;
    return err;
}

/* Trained adapters, followed with PiSSA by as many frozen ones. */
static int list_adapters(lister *l)
{
    wkv_trainer *t = l->t;
    const int pissa = t->methods & TRAIN_PISSA;
    int err = choose_check("--targets", l->o->targets, t->m, choosable_adapted);
    if (err) return err;
    rwkv_each(t->m, count_adapter, l);
    if (!l->count) return fail(WKV_EARG, "--targets %s: no weight is left for an adapter", l->o->targets);
    t->n_adapters = l->count;
    t->adapters = calloc((pissa ? 2 : 1) * (size_t)l->count, sizeof *t->adapters);
    if (!pissa) t->n_principal = 0;
    t->principal = pissa ? malloc(t->n_principal * sizeof *t->principal) : NULL;
    if (!t->adapters || (pissa && !t->principal)) return fail(WKV_ENOMEM, "no memory for %d adapters", l->count);
    l->count = 0;
    return rwkv_each(t->m, list_adapter, l);
}

static int fill_adapters(lister *l)
{
    const int other = l->t->methods & TRAIN_PISSA && l->t->device->separate;
    int err = other ? device_open(&l->device, "cpu", 0, NULL) : 0;
    if (!other) l->device = l->t->device;
    l->count = 0;
    l->principal = l->t->principal;
    if (!err) err = rwkv_each(l->t->m, fill_adapter, l);
    if (other) device_close(l->device);
    return err;
}

/* Parameters of --train replace those of the model: f32 values read from its file. */
static int list_trained(void *user, const char *name, tensor *t, const slot *s, int layer)
{
    lister *l = user;
    if (!is_trained(l, name, s, layer)) return 0;
    adapter *low = t->adapter;
    int err = params_list(&l->t->p, l->t->m, name, t, s, layer);
    t->adapter = low;
    return err;
}

static int fill_trained(wkv_trainer *t)
{
    int err = 0;
    for (int i = 0; i < t->p.count && !err; i++) {
        const param *q = &t->p.list[i];
        if (q->slot && !q->of) err = read_values(reals(q->t), q->n, t, q->name, q->slot, q->layer);
    }
    return err;
}

static int list_states(wkv_trainer *t)
{
    int L = t->m->L, len = rwkv_layer_state(t->m), n = t->m->C * t->m->N, err = 0;
    if (!t->m->H)
        return fail(WKV_EUNSUPPORTED, "RWKV-%s has no matrix in its state to tune; use --method lora",
                    t->m->arch->version);
    t->S = calloc((size_t)L, sizeof *t->S);
    if (!t->S) return fail(WKV_ENOMEM, "no memory for a list of states");
    t->state_at = t->p.n;
    for (int l = 0; l < L && !err; l++) {
        char name[NAME];
        snprintf(name, sizeof name, "blocks.%d.att.time_state", l);
        t->S[l] = (tensor){.rows = 1, .cols = n, .type = REAL};
        err = list_param(&t->p, &t->S[l], name, NULL, l, t->state_at + (size_t)l * (size_t)len + (size_t)t->m->C);
        /* learning rate factor of a state trained together with adapters (docs/tuning.md: about 1 alone) */
        if (!err && t->methods & (TRAIN_LORA | TRAIN_NAMED)) t->p.list[t->p.count - 1].lr_scale = 1000;
    }
    t->p.n = t->state_at + ((size_t)L * (size_t)len + 15) / 16 * 16;
    return err;
}

int adapt_frozen(wkv_trainer *t, const wkv_train_options *o)
{
    lister l = {.t = t, .o = o};
    if (o->train && o->with.lora && !(t->methods & TRAIN_LORA))
        return fail(WKV_EARG, "--train %s: the output would lose the contents of --lora %s; --method lora trains both",
                    o->train, o->with.lora);
    wkv_model_options with = o->with;
    with.as_stored = 1; /* forward and backward both read the weights, so no second layout is stored */
    int err = wkv_model_open(&t->base, o->init, &with);
    if (err) return err;
    t->m = &t->base->rwkv;
    if (t->m->arch->extra)
        return fail(WKV_EUNSUPPORTED, "%s: RWKV-%s has %s, which cannot be tuned; versions 4 to 7 can be", o->init,
                    t->m->arch->version, t->m->arch->extra);
    err = choose_check("--train", o->train, t->m, choosable_all);
    if (!err && t->methods & TRAIN_LORA) err = list_adapters(&l);
    if (!err) err = rwkv_each(t->m, list_trained, &l);
    if (!err && t->methods & TRAIN_STATE) err = list_states(t);
    if (!err) err = params_make(&t->p);
    if (!err && t->methods & TRAIN_LORA) err = fill_adapters(&l);
    if (!err) err = fill_trained(t);
    if (err) return err;
    if (t->methods & TRAIN_STATE) {
        rwkv_state_init(t->m, t->p.values + t->state_at);
        t->m->state0 = t->p.values + t->state_at;
    }
    return 0;
}
