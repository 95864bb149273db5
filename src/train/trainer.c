/* trainer.c - the trainer: a model, its blocks, and one step after another over the tape. */
#include "train/trainer.h"
#include "cpu/simd.h"
#include "ops/device.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- options -------------------------------------------------------------------------------------------------------- */

static const arch *version_of(const char *version)
{
    static const arch *const all[] = {&arch4, &arch52, &arch6, &arch7};
    if (!version) return &arch7;
    for (int i = 0; i < (int)(sizeof all / sizeof *all); i++)
        if (!strcmp(all[i]->version, version)) return all[i];
    return NULL;
}

static int check_model(const wkv_train_options *o, const arch *a, int width, int head_size)
{
    if (!a) return fail(WKV_EARG, "version \"%s\": 4, 5.2, 6 and 7 can be trained", o->version);
    if (o->layers < 0 || o->layers > 1024) return fail(WKV_EARG, "%d layers; 1 to 1024 make a model", o->layers);
    if (width < 2 || width > 65536) return fail(WKV_EARG, "width %d; 2 to 65536 channels make a model", width);
    if (a != &arch4 && (head_size < 1 || width % head_size))
        return fail(WKV_EARG, "width %d is not a multiple of the head size %d", width, head_size);
    if (o->ffn < 0 || o->ffn > 1 << 20) return fail(WKV_EARG, "ffn width %d; give 1 to %d", o->ffn, 1 << 20);
    if (o->vocab_size < 2 || o->vocab_size > 1 << 24)
        return fail(WKV_EARG, "a vocabulary of %d; a model has 2 or more entries", o->vocab_size);
    return 0;
}

static int make_model(wkv_trainer *t, const wkv_train_options *o)
{
    if (o->init) {
        int err = params_load(&t->p, o->init);
        if (!err && o->vocab_size && o->vocab_size > t->p.model.V)
            err = fail(WKV_EARG, "%s has a vocabulary of %d, the text's has %d", o->init, t->p.model.V, o->vocab_size);
        return err;
    }
    const arch *a = version_of(o->version);
    int width = o->width ? o->width : 256, head_size = o->head_size ? o->head_size : 64, sizes[DIMS];
    int err = check_model(o, a, width, head_size);
    if (err) return err;
    params_sizes(sizes, a, width, head_size, o->ffn, o->vocab_size);
    if ((err = params_new(&t->p, a, sizes, o->layers ? o->layers : 6))) return err;
    return params_init(&t->p, o->seed);
}

static float or_default(float x, float otherwise) { return x == 0 ? otherwise : x < 0 ? 0 : x; }

static int set_optimizer(wkv_trainer *t, const wkv_train_options *o)
{
    t->opt = (adamw){.beta1 = o->beta1 ? o->beta1 : 0.9f,
                     .beta2 = o->beta2 ? o->beta2 : 0.99f,
                     .eps = o->eps ? o->eps : 1e-18f,
                     .weight_decay = or_default(o->weight_decay, 0.1f),
                     .clip = or_default(o->clip, 1)};
    if (!(t->opt.beta1 >= 0 && t->opt.beta1 < 1 && t->opt.beta2 >= 0 && t->opt.beta2 < 1))
        return fail(WKV_EARG, "betas %g, %g; both lie in [0, 1)", (double)t->opt.beta1, (double)t->opt.beta2);
    if (o->lr_init < 0 || o->steps < 0) return fail(WKV_EARG, "a learning rate or a number of steps below 0");
    double lr = o->lr_init ? (double)o->lr_init : 6e-4;
    t->steps = o->steps ? o->steps : 1000;
    t->plan = (schedule){.lr_init = lr,
                         .lr_final = or_default(o->lr_final, (float)(lr / 10)),
                         .warmup = o->warmup ? o->warmup : 10,
                         .tokens_per_step = 1,
                         .exit_tokens = t->steps};
    if (t->plan.warmup < 0) t->plan.warmup = 0;
    return 0;
}

/* ---- life ----------------------------------------------------------------------------------------------------------- */

int wkv_trainer_new(wkv_trainer **out, const wkv_train_options *o)
{
    *out = NULL;
    wkv_trainer *t = calloc(1, sizeof *t);
    if (!t) return fail(WKV_ENOMEM, "no memory for a trainer");
    const device *dev = &device_cpu;
    int err = set_optimizer(t, o);
    if (!err && o->device && strcmp(o->device, "cpu")) {
        dev = &device_reference;
        if (strcmp(o->device, "reference"))
            err = fail(WKV_EARG, "device \"%s\": there are \"cpu\" and \"reference\"", o->device);
    }
    if (!err && dev == &device_cpu) err = simd_choose(NULL); /* as a context does: WKV_ISA holds for training too */
    if (!err) err = make_model(t, o);
    if (!err) err = pool_new(&t->pool, o->threads);
    if (!err) err = cx_init(&t->c, dev, t->pool);
    if (err) {
        wkv_trainer_free(t);
        return err;
    }
    *out = t;
    return 0;
}

void wkv_trainer_free(wkv_trainer *t)
{
    if (!t) return;
    if (t->c.dev) cx_release(&t->c);
    pool_free(t->pool);
    params_release(&t->p);
    free(t->ids);
    free(t->spans);
    free(t->states);
    free(t);
}

/* ---- a batch -------------------------------------------------------------------------------------------------------- */

/* room for `batch` sequences of `length`; kept from step to step */
static int make_room(wkv_trainer *t, int batch_size, int length)
{
    size_t rows = (size_t)batch_size * (size_t)length, state = (size_t)rwkv_state_len(&t->p.model);
    if (rows > 1 << 26)
        return fail(WKV_EARG, "%d sequences of %d tokens are too many for one step", batch_size, length);
    if (rows > t->room_rows) {
        free(t->ids);
        t->ids = malloc(2 * rows * sizeof *t->ids);
        t->room_rows = t->ids ? rows : 0;
    }
    if (batch_size > t->room_spans) {
        free(t->spans);
        free(t->states);
        t->spans = malloc((size_t)batch_size * sizeof *t->spans);
        t->states = malloc((size_t)batch_size * state * sizeof *t->states);
        t->room_spans = t->spans && t->states ? batch_size : 0;
    }
    if (t->room_rows < rows || t->room_spans < batch_size)
        return fail(WKV_ENOMEM, "no memory for %d sequences of %d tokens", batch_size, length);
    return 0;
}

/* Rows of length + 1 ids become inputs and targets, spans that start from the empty state, and a batch. */
static int set_batch(wkv_trainer *t, const int32_t *tokens, int batch_size, int length)
{
    const rwkv *m = &t->p.model;
    if (batch_size < 1 || length < 1)
        return fail(WKV_EARG, "%d sequences of %d tokens; both are at least 1", batch_size, length);
    int err = make_room(t, batch_size, length);
    if (err) return err;
    int rows = batch_size * length;
    for (int b = 0; b < batch_size; b++) {
        const int32_t *from = tokens + (size_t)b * ((size_t)length + 1);
        for (int i = 0; i <= length; i++)
            if (from[i] < 0 || from[i] >= m->V)
                return fail(WKV_EARG, "token %d of sequence %d is %d; the vocabulary has %d", i, b, from[i], m->V);
        memcpy(t->ids + (size_t)b * (size_t)length, from, (size_t)length * sizeof *from);
        memcpy(t->ids + rows + (size_t)b * (size_t)length, from + 1, (size_t)length * sizeof *from);
        t->spans[b] =
            (span){.row = b * length, .len = length, .state = t->states + (size_t)b * (size_t)rwkv_state_len(m)};
        rwkv_state_init(m, t->spans[b].state);
    }
    t->batch = (batch){.rows = rows, .n_spans = batch_size, .spans = t->spans};
    return 0;
}

/* Mean loss; when `learn`, gradients are added to p.grads. */
static int run(wkv_trainer *t, const int32_t *tokens, int batch_size, int length, int learn, double *loss)
{
    int err = set_batch(t, tokens, batch_size, length);
    if (err) return err;
    cx *c = &t->c;
    cx_reset(c);
    c->b = &t->batch;
    c->recording = learn;
    tensor *x = rwkv_features(c, &t->p.model, t->ids, NULL, 0);
    tensor *l = op_head_loss(c, x, &t->p.model.head, t->ids + t->batch.rows, 1, 1);
    *loss = reals(l)[0];
    if (learn && isfinite(*loss)) tape_backward(c, l, 1);
    c->recording = 0;
    cx_reset(c);
    return 0;
}

int trainer_gradient(wkv_trainer *t, const int32_t *tokens, int batch_size, int length, double *loss)
{
    return run(t, tokens, batch_size, length, 1, loss);
}

int wkv_trainer_loss(wkv_trainer *t, const int32_t *tokens, int batch_size, int length, double *loss)
{
    return run(t, tokens, batch_size, length, 0, loss);
}

int wkv_trainer_step(wkv_trainer *t, const int32_t *tokens, int batch_size, int length, double *loss)
{
    double l;
    int err = trainer_gradient(t, tokens, batch_size, length, &l);
    if (err) return err;
    t->lr = schedule_lr(&t->plan, t->step);
    t->norm = isfinite(l) ? adamw_step(&t->opt, &t->p, t->lr, t->step + 1, t->pool) : l;
    if (!isfinite(t->norm))
        return fail(WKV_ESTOPPED,
                    "the loss or its gradient in step %lld is not a number; a lower learning rate may help",
                    (long long)t->step + 1);
    t->step++;
    if (loss) *loss = l;
    return 0;
}

int64_t wkv_trainer_steps(const wkv_trainer *t, double *lr, double *norm)
{
    if (lr) *lr = t->lr;
    if (norm) *norm = t->norm;
    return t->step;
}

int64_t wkv_trainer_parameters(const wkv_trainer *t)
{
    int64_t n = 0;
    for (int i = 0; i < t->p.count; i++) n += (int64_t)t->p.list[i].n;
    return n;
}

int wkv_trainer_save(const wkv_trainer *t, const char *path, const char *type)
{
    if (type && strcmp(type, "bf16") && strcmp(type, "f32"))
        return fail(WKV_EARG, "type \"%s\": weights are saved as \"f32\" or \"bf16\"", type);
    char steps[32];
    snprintf(steps, sizeof steps, "%lld", (long long)t->step);
    const char *meta[] = {"format", "pt", "rwkv.version", t->p.model.arch->version, "training.steps", steps, NULL};
    return params_save(&t->p, path, type && !strcmp(type, "f32") ? F32 : BF16, meta);
}
