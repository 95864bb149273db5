/* tune.c - wkv_tune: samples in, adapter or state out. */
#include "wkv_tune.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "text/beside.h"
#include "train/adapt.h"
#include "train/folder.h"
#include "train/history.h"
#include "train/samples.h"
#include "train/vocabulary.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const wkv_tune_options *o;
    int what; /* of learnt */
    int batch, valid_every;
    int64_t steps;
    wkv_trainer *t;
    wkv_tokenizer *vocab;
    const wkv_template *chat;
    samples learn, held;
    int *order; /* of an epoch's samples */
    int64_t epoch;
    sample *now; /* of a step */
    FILE *log;
    double work; /* seconds spent in steps */
    int64_t tokens;
} job;

static int or_default(int x, int otherwise) { return x ? x : otherwise; }
static float or_default_real(float x, float otherwise) { return x == 0 ? otherwise : x < 0 ? 0 : x; }

/* ---- the order --------------------------------------------------------------------------------------------------- */

/* Every sample once an epoch, shuffled anew: Fisher-Yates from a stream of its own. */
static void shuffle(job *j)
{
    rng r = {.seed = j->o->seed + 0x9e3779b97f4a7c15u * (uint64_t)(j->epoch + 1)};
    for (int i = 0; i < j->learn.count; i++) j->order[i] = i;
    for (int i = j->learn.count - 1; i > 0; i--) {
        int k = (int)(rng_u64(&r) % (uint64_t)(i + 1)), was = j->order[i];
        j->order[i] = j->order[k];
        j->order[k] = was;
    }
}

/* The samples of a step that counts from 0. */
static void choose(job *j, int64_t step)
{
    for (int i = 0; i < j->batch; i++) {
        int64_t given = step * j->batch + i;
        if (given / j->learn.count != j->epoch) {
            j->epoch = given / j->learn.count;
            shuffle(j);
        }
        j->now[i] = samples_at(&j->learn, j->order[given % j->learn.count]);
        j->tokens += j->now[i].n - 1;
    }
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static int save_as(const job *j, const char *name, learnt what, dtype type)
{
    char *path = path_in(j->o->out, name);
    if (!path) return WKV_ENOMEM;
    int err = trainer_save_adapted(j->t, path, what, type);
    free(path);
    return err;
}

/* The model, and the vocabulary beside it. */
static int save_model(const job *j)
{
    const char *type = j->o->save_type ? j->o->save_type : "bf16",
               *name = strcmp(type, "pth") ? "final.safetensors" : "final.pth";
    int err = save_as(j, name, LEARN_ALL, strcmp(type, "f32") ? BF16 : F32);
    char *path = err ? NULL : path_in(j->o->out, name);
    if (!err) err = path ? beside_put(path, j->t->m->V, j->vocab) : WKV_ENOMEM;
    free(path);
    return err;
}

static int save(const job *j)
{
    int err = 0;
    if (j->what & LEARN_LORA && !(err = save_as(j, "lora.safetensors", LEARN_LORA, F32)))
        err = save_as(j, "lora.pth", LEARN_LORA, BF16);
    if (!err && j->what & LEARN_STATE) err = save_as(j, "state.pth", LEARN_STATE, F32);
    if (!err && j->what & LEARN_ALL) err = save_model(j);
    return err;
}

/* Nothing is replaced: no result of another run, no input of this one. */
static int check_folder(const wkv_tune_options *o)
{
    static const char *const results[] = {"lora.safetensors",  "lora.pth",   "state.pth",
                                          "final.safetensors", "final.pth",  "final.vocab.txt",
                                          "final.vocab.json",  "tune.jsonl", NULL};
    const char *inputs[] = {o->data,
                            o->valid ? o->valid : "",
                            o->model ? o->model : "",
                            o->vocab ? o->vocab : "",
                            o->with.lora ? o->with.lora : "",
                            o->with.state ? o->with.state : "",
                            NULL};
    return folder_refuse(o->out, results, inputs, "take another folder, or move it away");
}

static int open_folder(job *j)
{
    int err = folder_make(j->o->out);
    char *path = err ? NULL : path_in(j->o->out, "tune.jsonl");
    if (!path) return err ? err : WKV_ENOMEM;
    if (!(err = file_log(&j->log, path))) err = check_folder(j->o); /* again: nobody else is here now */
    free(path);
    return err;
}

static int write_log(const job *j, const wkv_tune_report *r)
{
    json_t *line =
        json_pack("{sI so so so sf}", "step", (json_int_t)r->step, "loss", real_or_null(r->loss), "lr",
                  real_or_null(r->lr), "norm", real_or_null(r->norm), "tokens_per_second", rint(r->tokens_per_second));
    if (line && r->valid_loss >= 0) json_object_set_new(line, "valid_loss", real_or_null(r->valid_loss));
    return history_line(j->log, line, "tune.jsonl");
}

/* ---- the run ----------------------------------------------------------------------------------------------------- */

/* Mean loss of the held-out samples. */
static int measure(job *j, wkv_tune_report *r)
{
    double sum = 0;
    int64_t counted = 0;
    for (int i = 0; i < j->held.count; i++) {
        sample s = samples_at(&j->held, i);
        int64_t n = 0;
        double loss;
        for (int k = 1; k < s.n; k++) n += s.counts[k] != 0;
        int err = trainer_gradient(j->t, &s, 1, 0, &loss);
        if (err) return err;
        sum += loss * (double)n;
        counted += n;
    }
    if (counted) r->valid_loss = sum / (double)counted;
    return 0;
}

static int one_step(job *j, wkv_tune_report *r)
{
    double start = clock_seconds();
    choose(j, r->step);
    int err = trainer_step(j->t, j->now, j->batch, &r->loss);
    if (err) return err;
    j->work += clock_seconds() - start;
    r->step = j->t->step;
    r->lr = j->t->lr;
    r->norm = j->t->norm;
    r->tokens_per_second = (double)j->tokens / j->work;
    r->seconds_left = (double)(r->steps - r->step) * j->work / (double)r->step;
    r->valid_loss = -1;
    int last = r->step == r->steps;
    return last || r->step % j->valid_every == 0 ? measure(j, r) : 0;
}

static int learn(job *j)
{
    wkv_tune_report r = {.steps = j->steps};
    for (int stop = 0; !stop && r.step < r.steps;) {
        int err = one_step(j, &r);
        if (err) return err;
        if ((err = write_log(j, &r))) return err;
        stop = j->o->report && j->o->report(j->o->user, &r);
        if (stop || r.step == r.steps || (j->o->save_every > 0 && r.step % j->o->save_every == 0)) err = save(j);
        if (err) return err;
        if (stop)
            return fail(WKV_ESTOPPED, "stopped after step %lld of %lld; what was learnt so far is saved",
                        (long long)r.step, (long long)r.steps);
    }
    return 0;
}

/* ---- the beginning ----------------------------------------------------------------------------------------------- */

static int find_method(const char *name)
{
    static const struct {
        const char *name;
        int what;
    } all[] = {
        {"lora", LEARN_LORA}, {"state", LEARN_STATE}, {"lora+state", LEARN_LORA | LEARN_STATE}, {"full", LEARN_ALL}};
    if (!name) return LEARN_LORA;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!strcmp(name, all[i].name)) return all[i].what;
    return 0;
}

static int check(const wkv_tune_options *o)
{
    if (!o->data) return fail(WKV_EARG, "no data to learn from");
    if (!o->out) return fail(WKV_EARG, "no folder for the results");
    const struct {
        const char *name;
        float value;
    } numbers[] = {{"--alpha", o->alpha},
                   {"--lr", o->lr_init},
                   {"--lr-final", o->lr_final},
                   {"beta1", o->beta1},
                   {"beta2", o->beta2},
                   {"eps", o->eps},
                   {"--weight-decay", o->weight_decay},
                   {"--clip", o->clip},
                   {"--lora-alpha", o->with.lora_alpha}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!isfinite(numbers[i].value))
            return fail(WKV_EARG, "%s is %g, expected a finite number", numbers[i].name, (double)numbers[i].value);
    if (!find_method(o->method))
        return fail(WKV_EARG, "method \"%s\": there are lora, state, lora+state and full", o->method);
    if (o->rank < 0 || o->rank > 1 << 14 || o->alpha < 0)
        return fail(WKV_EARG, "a rank of %d, an alpha of %g; both are above 0", o->rank, (double)o->alpha);
    if (o->steps < 0 || o->epochs < 0 || o->batch < 0 || o->micro_batch < 0 || o->context < 0 || o->infctx < 0)
        return fail(WKV_EARG, "--steps, --epochs, --batch, --micro-batch, --context or --infctx is below 0");
    if (o->cut && !o->infctx)
        return fail(WKV_EARG, "--cut cuts the gradient between the chunks of --infctx, which is missing");
    int err = params_check_type(o->save_type);
    if (err || (err = conversation_check_fields(o->fields))) return err;
    if (o->save_type && find_method(o->method) != LEARN_ALL)
        return fail(WKV_EARG,
                    "--save-type is for --method full; adapters are saved as .safetensors and .pth, states as .pth");
    if (!(o->beta1 >= 0 && o->beta1 < 1 && o->beta2 >= 0 && o->beta2 < 1))
        return fail(WKV_EARG, "betas %g, %g; both lie in [0, 1)", (double)o->beta1, (double)o->beta2);
    if (!(o->lr_init >= 0) || !(o->weight_decay >= 0)) return fail(WKV_EARG, "a learning rate or weight decay below 0");
    return 0;
}

static int read_samples(job *j)
{
    const wkv_tune_options *o = j->o;
    int most = o->context ? o->context : o->infctx ? 0 : 1024;
    const document_form form = {.chat = j->chat, .fields = o->fields};
    int err = samples_read(&j->learn, o->data, j->vocab, &form, most);
    if (!err && o->valid) err = samples_read(&j->held, o->valid, j->vocab, &form, most);
    for (size_t i = 0; !err && i < j->learn.n; i++)
        if (j->learn.ids[i] >= j->t->m->V)
            err = fail(WKV_EARG, "the vocabulary %s has token %d, the model only %d", wkv_tokenizer_path(j->vocab),
                       (int)j->learn.ids[i], j->t->m->V);
    for (size_t i = 0; !err && i < j->held.n; i++)
        if (j->held.ids[i] >= j->t->m->V)
            err = fail(WKV_EARG, "%s has token %d, the model only %d", o->valid, (int)j->held.ids[i], j->t->m->V);
    return err;
}

/* The vocabulary and the template that go with the model; a copy of it is open for that when all of it is learnt. */
static int open_vocab(job *j)
{
    const wkv_tune_options *o = j->o;
    wkv_model *copy = NULL;
    int err = j->t->base ? 0 : wkv_model_open(&copy, o->model, NULL);
    const wkv_model *m = copy ? copy : j->t->base;
    if (!err) err = wkv_tokenizer_open(&j->vocab, o->vocab, m);
    if (!err) err = wkv_template_find(&j->chat, o->chat, m, j->vocab);
    wkv_model_close(copy);
    return err;
}

static int make_trainer(job *j)
{
    const wkv_tune_options *o = j->o;
    int rank = or_default(o->rank, 16);
    const adapt_options set = {.model = o->model,
                               .what = j->what,
                               .rank = rank,
                               .alpha = o->alpha > 0 ? o->alpha : 2 * (float)rank,
                               .targets = o->targets ? o->targets : "att,ffn",
                               .with = o->with,
                               .seed = o->seed,
                               .threads = o->threads,
                               .device = o->device};
    int err = trainer_adapt(&j->t, &set);
    if (err) return err;
    j->t->chunk = o->infctx;
    j->t->cut = o->cut;
    j->t->micro = o->micro_batch;
    j->t->checkpointing = o->checkpointing;
    return 0;
}

static void set_optimizer(job *j)
{
    const wkv_tune_options *o = j->o;
    float usual = j->what & LEARN_ALL ? 3e-5f : j->what & LEARN_LORA ? 1e-3f : 1;
    float lr = or_default_real(o->lr_init, usual);
    j->t->opt = (adamw){.beta1 = o->beta1 > 0 ? o->beta1 : 0.9f,
                        .beta2 = o->beta2 > 0 ? o->beta2 : 0.99f,
                        .eps = o->eps > 0 ? o->eps : 1e-8f,
                        .weight_decay = o->weight_decay,
                        .clip = or_default_real(o->clip, 1)};
    float last = or_default_real(o->lr_final, j->what == LEARN_STATE ? lr / 100 : lr / 10);
    j->t->plan =
        (schedule){.kind = last > 0 ? LR_COSINE : LR_LINEAR,
                   .lr_init = (double)lr,
                   .lr_final = (double)last,
                   .warmup = o->warmup < 0 ? 0 : or_default(o->warmup, j->steps < 100 ? (int)(j->steps / 10) : 10),
                   .step_tokens = 1,
                   .total_tokens = (double)j->steps};
}

/* Time by a measurement with the samples of the first step, all samples being as long as they are in the mean. */
static int predict(job *j, wkv_tune_plan *p)
{
    row_cost cost;
    choose(j, 0);
    j->tokens = 0;
    p->available_bytes = j->t->available;
    int err = trainer_measure(j->t, j->now, j->batch, &cost);
    if (err) return err;
    double step = (double)j->batch * (double)(j->learn.n - (size_t)j->learn.count) / j->learn.count;
    p->work_bytes = trainer_work_bytes(j->t, &cost, trainer_rows(j->t, j->now, j->batch));
    p->tokens_per_second = 1 / cost.seconds;
    p->seconds = (double)j->steps * step * cost.seconds;
    return 0;
}

static int announce(job *j)
{
    const wkv_tune_options *o = j->o;
    wkv_tune_plan p = {.samples = j->learn.count,
                       .held_samples = j->held.count,
                       .tokens = (int64_t)j->learn.n,
                       .counted = j->learn.counted,
                       .longest = j->learn.longest,
                       .cut = j->learn.cut,
                       .left_out = j->learn.left_out,
                       .steps = j->steps,
                       .epochs = (double)(j->steps * j->batch) / j->learn.count,
                       .batch = j->batch,
                       .warmup = j->t->plan.warmup,
                       .lr = j->t->plan.lr_init,
                       .passed_over = j->learn.over.n + j->held.over.n,
                       .passed_over_first = j->learn.over.n ? j->learn.over.first : j->held.over.first};
    int err = predict(j, &p);
    if (err) return err;
    for (int i = 0; i < j->t->p.count; i++) p.learnt += (int64_t)j->t->p.list[i].n;
    p.parameters = j->t->base ? wkv_model_about(j->t->base)->parameters : p.learnt;
    p.learnt_bytes = 4 * j->t->p.n * sizeof(real);
    if (o->plan && o->plan(o->user, &p)) return fail(WKV_ESTOPPED, "stopped before the first step");
    for (int i = 0; i < 3 && i < j->learn.count; i++) {
        sample s = samples_at(&j->learn, i);
        wkv_tune_sample shown = {.ids = s.ids, .counts = s.counts, .n = s.n, .tokenizer = j->vocab};
        if (o->show && o->show(o->user, &shown)) return fail(WKV_ESTOPPED, "stopped before the first step");
    }
    return 0;
}

static int begin(job *j)
{
    enum { EPOCHS = 3, FEWEST = 120 }; /* steps in which something is learnt */
    const wkv_tune_options *o = j->o;
    int err = check(o);
    if (err || (err = check_folder(o))) return err;
    j->what = find_method(o->method);
    if ((err = make_trainer(j)) || (err = open_vocab(j)) || (err = read_samples(j))) return err;
    j->batch = or_default(o->batch, 8);
    if (j->batch > j->learn.count) j->batch = j->learn.count;
    int64_t epoch = (j->learn.count + j->batch - 1) / j->batch;
    int64_t epochs = or_default(o->epochs, epoch * EPOCHS < FEWEST ? (int)((FEWEST + epoch - 1) / epoch) : EPOCHS);
    j->steps = o->steps ? o->steps : epochs * epoch;
    j->valid_every = o->valid_every > 0 ? o->valid_every : (int)(epoch < INT32_MAX ? epoch : INT32_MAX);
    set_optimizer(j);
    j->order = malloc((size_t)j->learn.count * sizeof *j->order);
    j->now = malloc((size_t)j->batch * sizeof *j->now);
    if (!j->order || !j->now) return fail(WKV_ENOMEM, "no memory for %d samples", j->learn.count);
    shuffle(j);
    if ((err = announce(j))) return err;
    return open_folder(j);
}

int wkv_tune(const wkv_tune_options *o)
{
    REQUIRE(o, "the list of options");
    job j = {.o = o};
    int err = begin(&j);
    if (!err) err = learn(&j);
    if (j.log) fclose(j.log);
    free(j.order);
    free(j.now);
    samples_release(&j.learn);
    samples_release(&j.held);
    wkv_tokenizer_close(j.vocab);
    wkv_trainer_free(j.t);
    return err;
}
