/* trainer.c - the trainer: a model, its blocks, and optimizer steps. */
#include "train/trainer.h"
#include "base/memory.h"
#include "ops/device.h"
#include "train/adapt.h"
#include "train/settings.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- options ----------------------------------------------------------------------------------------------------- */

const char *wkv_train_version(int i)
{
    const arch *a = arch_trained(i);
    return a ? a->version : NULL;
}

static int check_model(const wkv_train_options *o, const arch *a)
{
    int width = o->width, head_size = o->head_size;
    char trained[64];
    if (!a || !a->new_sizes)
        return fail(WKV_EARG, "version \"%s\": expected one of %s", o->version, arch_list_trained(trained));
    if (o->layers < 0 || o->layers > 1024) return fail(WKV_EARG, "%d layers; expected 1 to 1024", o->layers);
    if (width < 2 || width > 65536) return fail(WKV_EARG, "width %d; expected 2 to 65536", width);
    if (arch_slot(a, D_H) && (head_size < 1 || width % head_size))
        return fail(WKV_EARG, "width %d is not a multiple of the head size %d", width, head_size);
    if (o->ffn < 0 || o->ffn > 1 << 20) return fail(WKV_EARG, "ffn width %d; expected 1 to %d", o->ffn, 1 << 20);
    if (o->vocab_size < 2 || o->vocab_size > 1 << 24)
        return fail(WKV_EARG, "a vocabulary of %d; expected 2 or more", o->vocab_size);
    return 0;
}

static int make_full(wkv_trainer *t, const wkv_train_options *o)
{
    t->m = &t->p.model;
    if (o->with.lora || o->with.state)
        return fail(WKV_EARG, "--method full trains all weights; merge adapter and state into the model first");
    if (o->init) {
        int err = params_load(&t->p, o->init, o->add_tokens ? o->vocab_size : 0);
        if (!err && o->vocab_size && o->vocab_size > t->p.model.V)
            err = fail(WKV_EARG, "%s has a vocabulary of %d, the text's has %d", o->init, t->p.model.V, o->vocab_size);
        return err;
    }
    const arch *a = arch_find(o->version);
    int sizes[DIMS];
    int err = check_model(o, a);
    if (err) return err;
    arch_sizes(sizes, a, o->width, o->head_size, o->ffn, o->vocab_size);
    if ((err = params_new(&t->p, a, sizes, o->layers))) return err;
    return params_init(&t->p, o->seed);
}

static int make_model(wkv_trainer *t, const wkv_train_options *o)
{
    if (t->methods != TRAIN_ALL) return adapt_frozen(t, o);
    int err = make_full(t, o);
    return err ? err : params_freeze(&t->p, o->train, o->freeze);
}

/* negative: none */
static float or_none(float x) { return x < 0 ? 0 : x; }

static int find_schedule(const char *name)
{
    for (int i = 0; i < LR_KINDS; i++)
        if (!strcmp(name, lr_names[i])) return i;
    return -1;
}

int trainer_schedule(schedule *out, const wkv_train_options *o)
{
    int kind = find_schedule(o->schedule);
    if (kind < 0)
        return fail(WKV_EARG, "schedule \"%s\": expected cosine, linear, exponential, constant or wsd", o->schedule);
    if (o->lr_init < 0 || o->steps < 0 || o->hold < 0 || o->exit_tokens < 0)
        return fail(WKV_EARG, "a learning rate, number of steps or number of tokens is negative");
    if (kind == LR_EXPONENTIAL && o->lr_final < 0)
        return fail(WKV_EARG, "an exponential schedule never reaches 0; lr_final must be positive");
    if (kind == LR_COSINE && o->lr_final < 0) kind = LR_LINEAR;
    double step_tokens = o->samples ? 1 : (double)o->batch * o->context; /* samples have any length */
    *out = (schedule){.kind = (lr_kind)kind,
                      .lr_init = (double)o->lr_init,
                      .lr_final = (double)or_none(o->lr_final),
                      .warmup = o->warmup < 0 ? 0 : o->warmup,
                      .hold = kind == LR_WSD && !o->hold ? o->steps * 8 / 10 : o->hold,
                      .step_tokens = step_tokens,
                      .total_tokens = o->exit_tokens ? (double)o->exit_tokens : (double)o->steps * step_tokens};
    return 0;
}

static int set_optimizer(wkv_trainer *t, const wkv_train_options *o)
{
    t->opt = (adamw){.beta1 = o->beta1,
                     .beta2 = o->beta2,
                     .eps = o->eps,
                     .weight_decay = or_none(o->weight_decay),
                     .clip = or_none(o->clip)};
    if (!(t->opt.beta1 >= 0 && t->opt.beta1 < 1 && t->opt.beta2 >= 0 && t->opt.beta2 < 1))
        return fail(WKV_EARG, "betas %g, %g; expected [0, 1)", (double)t->opt.beta1, (double)t->opt.beta2);
    if (!(o->dropout >= 0 && o->dropout < 1))
        return fail(WKV_EARG, "a dropout of %g; expected [0, 1)", (double)o->dropout);
    if (!(o->lora_dropout >= 0 && o->lora_dropout < 1))
        return fail(WKV_EARG, "--lora-dropout is %g; expected [0, 1)", (double)o->lora_dropout);
    if (o->batch < 0 || o->context < 0) return fail(WKV_EARG, "a batch or a context is negative");
    if (o->micro_batch < 0) return fail(WKV_EARG, "--micro-batch is negative");
    if (o->infctx < 0) return fail(WKV_EARG, "--infctx is negative");
    if (o->truncate && !o->infctx) return fail(WKV_EARG, "--truncate needs --infctx");
    t->methods = adapt_method(o->method);
    if (!t->methods) return WKV_EARG;
    if (o->lora_dropout > 0 && !(t->methods & TRAIN_LORA))
        return fail(WKV_EARG, "--lora-dropout needs adapters, and --method %s has none", o->method);
    if (t->methods != TRAIN_ALL && o->freeze)
        return fail(WKV_EARG, "--freeze %s is for --method full; %s freezes all parameters except those of --train",
                    o->freeze, o->method);
    if (o->train && t->methods != TRAIN_ALL) t->methods |= TRAIN_NAMED;
    if (t->methods & TRAIN_MISS && o->alpha > 0)
        return fail(WKV_EARG, "--alpha %g: MiSS adapters have no alpha; LoRA and PiSSA have", (double)o->alpha);
    if (o->rank < 0 || o->rank > 1 << 14 || o->alpha < 0)
        return fail(WKV_EARG, "a rank of %d, an alpha of %g; both must be positive", o->rank, (double)o->alpha);
    t->chunk = o->infctx;
    t->truncate = o->truncate;
    t->l2wrap = !o->samples;
    t->micro = o->micro_batch;
    t->checkpointing = o->checkpointing;
    t->dropout = o->dropout;
    t->lora_dropout = o->lora_dropout;
    t->seed = o->seed;
    t->steps = o->steps;
    return trainer_schedule(&t->plan, o);
}

static int set_loss(wkv_trainer *t, const wkv_train_options *o)
{
    int err = preference_named(&t->objective, o->loss);
    if (err) return err;
    if (t->objective && !o->samples) return fail(WKV_EARG, "loss %s needs samples, not one text", o->loss);
    if (o->beta < 0 || (o->beta > 0 && !t->objective))
        return fail(WKV_EARG, "a beta of %g with the loss %s; beta is for dpo and orpo, and positive", (double)o->beta,
                    o->loss);
    if (o->reference && t->objective != DPO)
        return fail(WKV_EARG, "--reference is for the loss dpo; the loss is %s", o->loss);
    t->beta = (double)o->beta;
    return 0;
}

/* The reference model of dpo: the file of the frozen weights, sharing their mapping, or another one. */
static int open_reference(wkv_trainer *t, const wkv_train_options *o)
{
    const char *path = o->reference ? o->reference : o->init;
    if (t->objective != DPO) return 0;
    if (!path && t->methods == TRAIN_ALL)
        return fail(WKV_EARG, "the loss dpo needs a reference model; give --model or --reference");
    wkv_model_options with = {.as_stored = 1, .no_mmap = o->with.no_mmap};
    int err = wkv_model_open(&t->reference, path, &with);
    if (!err && t->reference->rwkv.V != t->m->V)
        err =
            fail(WKV_EARG, "%s has a vocabulary of %d, the trained model has %d", path, t->reference->rwkv.V, t->m->V);
    return err;
}

/* ---- create and free --------------------------------------------------------------------------------------------- */

int wkv_trainer_new(wkv_trainer **out, const wkv_train_options *options)
{
    REQUIRE(out, "the place for the trainer");
    *out = NULL;
    REQUIRE(options, "the list of options");
    int given = communicator_check(options->communicator);
    if (given) return given;
    wkv_train_options set = *options, *o = &set;
    int err = settings_finite(o);
    if (err) return err;
    settings_default(o);
    wkv_trainer *t = calloc(1, sizeof *t);
    if (!t) return fail(WKV_ENOMEM, "no memory for a trainer");
    t->communicator = communicator_of(o);
    t->available = memory_available();
    err = set_optimizer(t, o);
    if (!err) err = set_loss(t, o);
    if (!err) err = device_open(&t->device, o->device, communicator_threads(t->communicator, o->threads), NULL);
    if (!err) err = make_model(t, o);
    if (!err) err = open_reference(t, o);
    if (!err && o->scan && t->m->arch != &arch4)
        err = fail(WKV_EARG, "--scan: only the recurrence of version 4 has a scan; this model is RWKV-%s",
                   t->m->arch->version);
    if (!err && t->communicator && o->shard_optimizer) {
        params_shard(&t->p, t->communicator); /* the blocks move */
        if (t->methods & TRAIN_STATE) t->m->state0 = t->p.values + t->state_at;
    }
    if (!err && t->communicator && t->device->separate)
        err = fail(WKV_EUNSUPPORTED, "several processes train on the processor only, not on %s; give --device cpu",
                   o->device);
    if (!err) err = params_twin_new(&t->p, t->device);
    if (!err) err = cx_init(&t->c, t->device);
    t->c.scan = o->scan;
    if (err) {
        wkv_trainer_free(t);
        return err;
    }
    t->summing = t->m->L;
    *out = t;
    return 0;
}

void wkv_trainer_free(wkv_trainer *t)
{
    if (!t) return;
    if (t->c.dev) cx_release(&t->c);
    params_release(&t->p);
    device_close(t->device);
    wkv_model_close(t->base);
    wkv_model_close(t->reference);
    free(t->adapters);
    free(t->principal);
    free(t->S);
    free(t);
}

/* ---- a step ------------------------------------------------------------------------------------------------------ */

int trainer_step(wkv_trainer *t, const sample *s, int n, double *loss)
{
    enum { ENOUGH = 5 };
    double l = 0;
    int err = trainer_gradient(t, s, n, 1, &l);
    double figures[3] = {l, t->margin, t->preferred};
    if ((err = trainer_add_up_rest(t, err, figures, 3))) {
        params_clear_grads(&t->p, t->device); /* those of the sequences before the error */
        return err;
    }
    l = figures[0];
    t->margin = figures[1];
    t->preferred = figures[2];
    t->lr = schedule_lr(&t->plan, t->step);
    t->norm = isfinite(l) ? adamw_step(&t->opt, &t->p, t->lr, t->step - t->skipped + 1, t->device) : l;
    t->step++;
    t->in_row = isfinite(t->norm) ? 0 : t->in_row + 1;
    if (t->in_row) {
        t->skipped++;
        params_clear_grads(&t->p, t->device);
        l = t->norm;
    } else
        trainer_collect_values(t);
    *loss = l;
    if (t->in_row < ENOUGH) return 0;
    return fail(
        WKV_ESTOPPED,
        "the loss or its gradient was NaN or infinite in the last %d steps, up to step %lld; a lower learning rate, "
        "a longer warmup or cleaner data may help",
        t->in_row, (long long)t->step);
}

void samples_of_rows(sample *out, const int32_t *tokens, int count, int length)
{
    for (int i = 0; i < count; i++)
        out[i] = (sample){.ids = tokens + (size_t)i * ((size_t)length + 1), .n = length + 1};
}

/* A step on rows of tokens, or only their loss. */
static int run_rows(wkv_trainer *t, const int32_t *tokens, int count, int length, int learn, double *loss)
{
    double ignored;
    REQUIRE(t, "the trainer");
    REQUIRE(tokens, "the list of tokens");
    if (count < 1 || length < 1)
        return fail(WKV_EARG, "%d sequences of %d tokens; expected at least 1 of each", count, length);
    sample *s = malloc((size_t)count * sizeof *s);
    if (!s) return fail(WKV_ENOMEM, "no memory for %d sequences", count);
    samples_of_rows(s, tokens, count, length);
    if (!loss) loss = &ignored;
    int err = learn ? trainer_step(t, s, count, loss) : trainer_gradient(t, s, count, 0, loss);
    free(s);
    return err;
}

int wkv_trainer_step(wkv_trainer *t, const int32_t *tokens, int count, int length, double *loss)
{
    return run_rows(t, tokens, count, length, 1, loss);
}

int wkv_trainer_loss(wkv_trainer *t, const int32_t *tokens, int count, int length, double *loss)
{
    return run_rows(t, tokens, count, length, 0, loss);
}

int64_t wkv_trainer_steps(const wkv_trainer *t, double *lr, double *norm, int64_t *skipped)
{
    if (skipped) *skipped = t ? t->skipped : 0;
    if (lr) *lr = t ? t->lr : 0;
    if (norm) *norm = t ? t->norm : 0;
    return t ? t->step : 0;
}

int64_t wkv_trainer_parameters(const wkv_trainer *t)
{
    int64_t n = 0;
    for (int i = 0; t && i < t->p.count; i++) n += (int64_t)t->p.list[i].n;
    return n;
}

int wkv_trainer_save(const wkv_trainer *t, const char *path, const char *type)
{
    REQUIRE(t, "the trainer");
    REQUIRE(path, "the path");
    int err = params_check_type(type);
    if (err) return err;
    char steps[32];
    snprintf(steps, sizeof steps, "%lld", (long long)t->step);
    const char *meta[] = {"format",
                          "pt",
                          "rwkv.version",
                          t->p.model.arch->version,
                          "training.steps",
                          steps,
                          *t->p.family ? "general.name" : NULL,
                          t->p.family,
                          NULL};
    return params_save(&t->p, path, type && !strcmp(type, "f32") ? F32 : BF16, 0, meta);
}
