/* begin.c - set up a run, new or resumed: settings, text, model, logs, plan. */
#include "base/error.h"
#include "base/file.h"
#include "base/path.h"
#include "rwkv/builtin.h"
#include "text/beside.h"
#include "text/tokenizer.h"
#include "train/adapt.h"
#include "train/run.h"
#include "train/vocabulary.h"
#include "base/platform/entry.h"
#include "base/platform/system.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- settings ---------------------------------------------------------------------------------------------------- */

static int check_options(const wkv_train_options *o)
{
    int err = communicator_check(o->communicator);
    if (err) return err;
    if (!o->out) return fail(WKV_EARG, "no output folder");
    if ((err = settings_finite(o))) return err;
    if (o->context < 0 || o->batch < 0 || o->log_every < 0 || o->keep < 0 || o->patience < 0 || o->epochs < 0)
        return fail(WKV_EARG, "a context, batch, interval or count is negative");
    if ((err = params_check_type(o->save_type)) || (err = conversation_check_fields(o->fields))) return err;
    if (o->order && strcmp(o->order, "epochs") && strcmp(o->order, "magic"))
        return fail(WKV_EARG, "order \"%s\": expected \"epochs\" or \"magic\"", o->order);
    if (!(o->valid_share < 1)) return fail(WKV_EARG, "--valid is %g, expected a share below 1", (double)o->valid_share);
    if (o->shard_optimizer && !o->communicator)
        return fail(WKV_EARG, "--shard-optimizer needs several processes; start them with mpirun");
    if (o->epochs > 0 && o->steps) return fail(WKV_EARG, "both --steps and --epochs; expected one of them");
    return 0;
}

/* The method is known: given, that of the resumed run, or the default. save_type: as given, NULL: it was not. */
static int check_method(const wkv_train_options *o, const char *save_type)
{
    objective loss;
    if (!adapt_method(o->method)) return WKV_EARG;
    int err = preference_named(&loss, o->loss);
    if (err) return err;
    if (o->add_tokens && adapt_method(o->method) != TRAIN_ALL)
        return fail(WKV_EARG, "--add-token needs trained embedding and head; --method full trains them");
    if (save_type && adapt_method(o->method) != TRAIN_ALL)
        return fail(WKV_EARG,
                    "--save-type is for --method full; adapters are saved as .safetensors and .pth, states as .pth");
    return 0;
}

/* Refuse to replace results of another run or inputs of this one. Resuming may replace the files of a run that was
 * killed before its first checkpoint, but not a finished model. */
static int check_folder(const job *j)
{
    static const char *const results[] = {"final.safetensors", "best.safetensors",
                                          "final.pth",         "best.pth",
                                          "final.vocab.txt",   "final.vocab.json",
                                          "best.vocab.txt",    "best.vocab.json",
                                          "train.jsonl",       "train.html",
                                          "lora.safetensors",  "lora.pth",
                                          "state.pth",         "best-lora.safetensors",
                                          "best-state.pth",    NULL};
    static const char *const finished[] = {"final.safetensors", "final.pth", "lora.safetensors", "state.pth", NULL};
    const wkv_train_options *o = &j->o;
    const char *none = NULL, *others[7] = {0};
    int n = 0;
    if (o->valid) others[n++] = o->valid;
    if (o->eval) others[n++] = o->eval;
    if (o->vocab && !o->resume) others[n++] = o->vocab; /* a resumed run may read its own copy */
    if (o->init && !j->from) others[n++] = o->init;
    if (o->with.lora) others[n++] = o->with.lora;
    if (o->with.state) others[n++] = o->with.state;
    int err = folder_refuse(o->out, results, others, NULL);
    if (!err && o->data) err = folder_refuse(o->out, results, o->data, NULL);
    if (err || j->from) return err;
    const char *way = "choose another output folder, or move it away";
    if ((err = folder_refuse(o->out, finished, &none, way)) || o->resume) return err;
    return folder_refuse(o->out, results, &none, "choose another output folder, or continue the run with --resume");
}

/* Find the checkpoint to resume from, and load its settings. */
static int find_checkpoint(job *j)
{
    char *newest;
    int err = checkpoint_newest(&newest, j->o.out);
    if (err) return err;
    if (newest && !j->o.resume)
        err = fail(WKV_EARG, "%s: the folder has a run; resume it, delete it, or choose another folder", newest);
    else if (newest && !(err = checkpoint_open(&j->from, &j->damaged, j->o.out)))
        err = settings_resume(&j->o, checkpoint_setting, j->from);
    else if (!newest && j->o.resume && !j->o.data)
        err = fail(WKV_EARG, "%s: the run has no checkpoint yet; repeat its first command with --resume", j->o.out);
    free(newest);
    if (!err) err = check_folder(j);
    return err;
}

/* ---- text -------------------------------------------------------------------------------------------------------- */

/* Absolute path of a file, or a copy of any other name; the caller frees it. NULL: out of memory. */
static char *absolute_path(const char *path)
{
    errno = 0;
    char *absolute = tokenizer_needs_file(path) ? entry_absolute(path) : NULL;
    return absolute || errno == ENOMEM ? absolute : strdup(path);
}

/* Paths of the data, one per line; without the option, those of the checkpoint. */
static int list_data(job *j)
{
    const char *said = j->from ? checkpoint_setting(j->from, "data") : NULL;
    size_t n = 0;
    if (!j->o.data && !said) return fail(WKV_EARG, "no text to train on");
    if (!j->o.data && !(j->data = strdup(said))) return fail(WKV_ENOMEM, "no memory for the list of texts");
    for (int i = 0; j->o.data && j->o.data[i]; i++) {
        char *path = absolute_path(j->o.data[i]), *more = realloc(j->data, n + (path ? strlen(path) : 0) + 2);
        if (more) j->data = more;
        if (path && more) n += (size_t)sprintf(more + n, "%s%s", i ? "\n" : "", path);
        free(path);
        if (!path || !more) return fail(WKV_ENOMEM, "no memory for the list of texts");
    }
    if (!j->data) return fail(WKV_EARG, "no text to train on");
    j->at.data = j->data;
    return 0;
}

static int absolute_option(const char **option, char **kept)
{
    if (!*option) return 0;
    *kept = absolute_path(*option);
    *option = *kept;
    return *kept ? 0 : fail(WKV_ENOMEM, "no memory for a path");
}

typedef int path_fn(void *user, const char *path);

static int each_path(const char *lines, path_fn *fn, void *user)
{
    int err = 0;
    for (const char *at = lines; !err && *at;) {
        size_t n = strcspn(at, "\n");
        char *path = text_copy(at, n);
        err = path ? fn(user, path) : fail(WKV_ENOMEM, "no memory for a path");
        free(path);
        at += n + (at[n] == '\n');
    }
    return err;
}

/* ---- the vocabulary ---------------------------------------------------------------------------------------------- */

typedef struct {
    table chunks;
    document_form form;
} word_source;

static int read_words(void *user, const char *path)
{
    word_source *w = user;
    return vocabulary_read(&w->chunks, path, &w->form, NULL);
}

/* Build a vocabulary from the text; token files alone have no text. A resumed run builds the same one again. */
static int make_vocab(job *j, const wkv_template *chat)
{
    word_source w = {.form = {.chat = chat, .fields = j->o.fields}};
    char *lines = NULL;
    size_t bytes;
    int err = each_path(j->data, read_words, &w);
    if (!err && w.chunks.n) {
        const wkv_vocabulary_options o = {.size = j->o.vocab ? atoi(j->o.vocab) : 0};
        err = vocabulary_make(&lines, &bytes, &w.chunks, &o);
        if (!err) err = tokenizer_open_memory(&j->vocab, lines, bytes, "the vocabulary made from the text");
    } else if (!err && j->o.vocab && !j->o.vocab_size)
        j->o.vocab_size = atoi(j->o.vocab);
    free(lines);
    table_release(&w.chunks);
    return err;
}

static int add_tokens(const job *j)
{
    if (!j->vocab) return fail(WKV_EARG, "--add-token needs a vocabulary to add to; --vocab names one");
    int err = tokenizer_add(j->vocab, j->o.add_tokens);
    return err ? fail_prefix(err, "--add-token") : 0;
}

static int find_text(void *user, const char *path)
{
    (void)user;
    return data_has_text(path);
}

/* Token files need no vocabulary; with one, the run generates samples and measures bits per byte. */
static int tokens_only(const job *j)
{
    return !each_path(j->data, find_text, NULL) && !(j->o.valid && data_has_text(j->o.valid));
}

/* Vocabulary and chat template: from the options, else from the initial checkpoint. */
static int open_vocab(job *j, const wkv_template **chat)
{
    wkv_train_options *o = &j->o;
    wkv_model *m = NULL;
    int err = 0;
    int builtin = o->init && !strcmp(o->init, BUILTIN_MODEL); /* needed on resume, like frozen weights */
    int stays = builtin || adapt_method(o->method) != TRAIN_ALL, there = (o->init && !j->from) || stays;
    if (there && (err = wkv_model_open(&m, o->init, &(wkv_model_options){.as_stored = 1}))) return err;
    if (o->vocab && !strcmp(o->vocab, "256")) o->vocab = "bytes";
    int made = o->vocab ? o->vocab[strspn(o->vocab, "0123456789")] == 0 : !m;
    if (!made) err = wkv_tokenizer_open(&j->vocab, o->vocab, m);
    if (err && !o->vocab && tokens_only(j)) err = 0;
    if (!err) err = wkv_template_find(chat, o->chat, m, j->vocab);
    if (!err) err = made ? make_vocab(j, *chat) : 0;
    if (!err && o->add_tokens) err = add_tokens(j);
    wkv_model_close(m);
    if (err) return err;
    o->chat = (*chat)->name;
    if (j->vocab && !made && (o->vocab || !stays)) /* a checkpoint with all weights stores none */
        o->vocab = wkv_tokenizer_path(j->vocab);
    return 0;
}

static int add_data(void *user, const char *path)
{
    job *j = user;
    return source_add(&j->source, path);
}

/* Number of held-out tokens at the end of the text. */
static int64_t held_tokens(const job *j)
{
    const int64_t all = j->source.text.n, least = j->o.context + 1;
    int64_t n = (int64_t)((double)all * (double)j->o.valid_share);
    if (j->o.valid || j->o.valid_share < 0) return 0;
    if (n < least) n = least;
    return all > 2 * n ? n : 0;
}

static int64_t spelt_bytes(const source *s, const wkv_tokenizer *vocab)
{
    int32_t ids[1024];
    int64_t sum = 0;
    for (int64_t at = 0; at < s->held_n; at += 1024) {
        int n = s->held_n - at < 1024 ? (int)(s->held_n - at) : 1024;
        tokens_copy(s->held, s->held_at + at, n, ids);
        for (int i = 0; i < n; i++) {
            size_t bytes = 0;
            wkv_token_bytes(vocab, ids[i], &bytes);
            sum += (int64_t)bytes;
        }
    }
    return sum;
}

static int read_choices(job *j)
{
    const wkv_train_options *o = &j->o;
    if (!o->eval) return 0;
    if (!j->vocab) return fail(WKV_EARG, "--eval needs a vocabulary, and token files have none; --vocab names one");
    return choices_read(&j->choices, o->eval, j->vocab);
}

static int read_data(job *j)
{
    const wkv_template *chat = NULL;
    wkv_train_options *o = &j->o;
    objective loss;
    preference_named(&loss, o->loss); /* checked before */
    if (o->samples && !o->infctx && !o->context) o->context = 1024;
    int err = list_data(j);
    if (!err) err = absolute_option(&o->valid, &j->valid_path);
    if (!err) err = absolute_option(&o->eval, &j->eval_path);
    if (!err) err = absolute_option(&o->vocab, &j->vocab_path);
    if (!err) err = absolute_option(&o->init, &j->model_path);
    if (!err) err = absolute_option(&o->reference, &j->reference_path);
    if (!err) err = absolute_option(&o->with.lora, &j->lora_path);
    if (!err) err = absolute_option(&o->with.state, &j->state_path);
    if (!err) err = open_vocab(j, &chat);
    j->source = (source){
        .of_samples = o->samples,
        .form = {.vocab = j->vocab, .documents = {.chat = chat, .fields = o->fields, .pairs = loss != CROSS_ENTROPY}},
        .context = o->context};
    if (!err) err = each_path(j->data, add_data, j);
    if (!err && o->valid) err = source_add_held(&j->source, o->valid);
    return err ? err : read_choices(j);
}

/* Hold out a part of the text; set the order of the rest, or of the samples. */
static int divide_data(job *j)
{
    source *s = &j->source;
    s->context = j->o.context; /* for a text, already chosen from its length */
    int err = source_begin(s, s->of_samples ? 0 : held_tokens(j), j->o.batch, j->o.seed, !strcmp(j->o.order, "magic"));
    if (err) return fail_prefix(err, "%.*s", (int)strcspn(j->data, "\n"), j->data);
    if (j->o.patience && source_held(s) < 1) return fail(WKV_EARG, "--patience needs held-out text; --valid names it");
    if (j->vocab && !s->of_samples) j->held_bytes = spelt_bytes(s, j->vocab);
    j->at.text_tokens = source_tokens(s);
    j->at.held_tokens = s->of_samples ? (int64_t)s->held_samples.n : s->held_n;
    j->at.text_sum = source_sum(s);
    return 0;
}

/* Convert epochs to steps, rounded up to a whole step. */
static int count_steps(job *j, int64_t *out)
{
    double steps = ceil(j->o.epochs * (double)source_count(&j->source) / j->o.batch);
    if (j->from && (double)*out > steps)
        return fail(WKV_EARG, "%g epochs are %.0f steps; the resumed run has %lld", j->o.epochs, steps,
                    (long long)*out);
    *out = (int64_t)steps;
    return 0;
}

/* Save the vocabulary next to the models, under the name that the tokenizer looks for. */
static int put_vocab(const job *j, const char *model)
{
    char *path = path_in(j->o.out, model);
    int err = path ? beside_put(path, j->o.vocab_size, j->vocab) : WKV_ENOMEM;
    free(path);
    return err;
}

/* ---- model ------------------------------------------------------------------------------------------------------- */

static int make_trainer(job *j)
{
    wkv_train_options *o = &j->o;
    int size = j->vocab ? wkv_tokenizer_size(j->vocab) : 0;
    if (!o->vocab_size) o->vocab_size = size;
    if (!o->vocab_size && !o->init && adapt_method(o->method) == TRAIN_ALL)
        return fail(WKV_EARG, "no vocabulary, and no --vocab-size for a new model");
    if (o->vocab_size < size)
        return fail(WKV_EARG, "--vocab-size %d is less than the %d ids of %s", o->vocab_size, size,
                    wkv_tokenizer_path(j->vocab));
    int processes = communicator_count(j->communicator);
    if (o->batch % processes)
        return fail(WKV_EARG, "a batch of %d sequences for %d processes; the batch must be a multiple of their number",
                    o->batch, processes);
    j->own = o->batch / processes;
    wkv_train_options made = *o;
    if (o->loss && !strcmp(o->loss, "dpo") && !o->reference) made.reference = o->init;
    if (j->from && adapt_method(o->method) == TRAIN_ALL) made.init = tensors_path(j->from); /* weights */
    int err = wkv_trainer_new(&j->t, &made);
    if (err) return err;
    const rwkv *m = j->t->m;
    o->version = m->arch->version;
    o->layers = m->L;
    o->width = m->C;
    o->head_size = m->N;
    o->ffn = m->F;
    o->vocab_size = m->V;
    j->now = malloc((size_t)o->batch * (size_t)source_per(&j->source) * sizeof *j->now);
    return j->now ? 0 : fail(WKV_ENOMEM, "no memory for a batch");
}

/* A run can be extended if its steps so far had the learning rates of the longer run. */
static int check_steps(const job *j)
{
    const char *steps = checkpoint_setting(j->from, "steps"), *hold = checkpoint_setting(j->from, "hold");
    wkv_train_options then = j->o;
    if (steps) then.steps = strtoll(steps, NULL, 10);
    if (hold) then.hold = strtoll(hold, NULL, 10);
    schedule was;
    int err = trainer_schedule(&was, &then);
    int64_t step = err ? 0 : schedule_differs(&was, &j->t->plan, j->t->step);
    if (err || step < 0) return err;
    return fail(WKV_EARG,
                "--steps is %lld in the resumed run, and %lld now; from step %lld on the learning rates of "
                "schedule %s differ from those of the longer run; continue from the result in another folder, "
                "or start with --schedule constant, or with wsd and extend before the decay",
                (long long)then.steps, (long long)j->o.steps, (long long)step + 1, j->o.schedule);
}

/* Resume: restore position and moments; check that the text is the same. */
static int read_checkpoint(job *j)
{
    position now = j->at;
    int err = checkpoint_read(j->from, j->t, &j->at);
    if (err) return err;
    j->at.data = now.data;
    if (now.text_sum != j->at.text_sum || now.text_tokens != j->at.text_tokens || now.held_tokens != j->at.held_tokens)
        return fail(
            WKV_EARG,
            "cannot resume: the training text changed (now %lld tokens and %lld held out, in the run %lld and %lld%s)",
            (long long)now.text_tokens, (long long)now.held_tokens, (long long)j->at.text_tokens,
            (long long)j->at.held_tokens,
            now.text_tokens == j->at.text_tokens && now.held_tokens == j->at.held_tokens ? ", with other content" : "");
    order_seek(&j->source.order, j->at.given);
    return check_steps(j);
}

/* ---- the plan ---------------------------------------------------------------------------------------------------- */

/* Time and memory, measured with the sequences of one step of this process. */
static int measure_cost(job *j)
{
    wkv_train_plan *plan = &j->plan;
    wkv_trainer *t = j->t;
    row_cost cost;
    source_next(&j->source, j->now, j->own);
    order_seek(&j->source.order, j->at.given);
    const int n = j->own * source_per(&j->source);
    int err = trainer_measure(t, j->now, n, &cost);
    if (err) return err;
    plan->checkpointing = t->checkpointing > 0;
    plan->work_bytes = trainer_work_bytes(t, &cost, trainer_rows(t, j->now, n));
    plan->tokens_per_second = plan->processes / cost.seconds;
    plan->seconds = (double)(plan->steps - plan->done) * (double)plan->step_tokens / plan->tokens_per_second;
    return 0;
}

static int make_plan(job *j)
{
    const params *p = &j->t->p;
    const rwkv *m = j->t->m;
    const samples *s = &j->source.samples;
    wkv_train_plan *plan = &j->plan;
    *plan = (wkv_train_plan){.version = m->arch->version,
                             .layers = m->L,
                             .width = m->C,
                             .vocab = m->V,
                             .trained = wkv_trainer_parameters(j->t) - (int64_t)p->n_frozen,
                             .steps = j->t->steps,
                             .done = j->t->step,
                             .step_tokens = (int64_t)j->o.batch * j->o.context,
                             .text_tokens = j->at.text_tokens,
                             .held_tokens = j->at.held_tokens,
                             .samples = j->o.samples ? (int)source_count(&j->source) : 0,
                             .held_samples = j->o.samples ? (int)source_held(&j->source) : 0,
                             .pairs = s->pairs,
                             .loss_tokens = s->counted,
                             .longest = s->longest,
                             .truncated = s->truncated,
                             .skipped = s->left_out,
                             .weight_bytes = (2 * (p->n + p->to - p->from) + j->t->n_principal) * sizeof *p->values,
                             .available_bytes = communicator_memory(j->communicator, j->t->available),
                             .damaged = j->damaged,
                             .questions = j->choices.count,
                             .vocabulary = j->vocab ? wkv_tokenizer_path(j->vocab) : NULL,
                             .processes = communicator_count(j->communicator),
                             .auto_sized = j->chosen,
                             .head_size = m->N,
                             .context = j->o.context,
                             .batch = j->o.batch,
                             .lr = (double)j->o.lr_init,
                             .warmup = (int)j->t->plan.warmup};
    const skipped_entries *over = s->over.n                       ? &s->over
                                  : j->source.held_samples.over.n ? &j->source.held_samples.over
                                                                  : &j->source.text.over;
    plan->skipped_entries = s->over.n + j->source.held_samples.over.n + j->source.text.over.n;
    plan->skipped_first = over->first;
    plan->parameters = j->t->base ? wkv_model_about(j->t->base)->parameters : wkv_trainer_parameters(j->t);
    if (s->count)
        plan->step_tokens = (int64_t)j->o.batch * source_per(&j->source) * ((int64_t)s->n - s->count) / s->count;
    plan->epochs = (double)plan->steps * j->o.batch / (double)source_count(&j->source);
    plan->step_flops = 6.0 * (double)(plan->parameters - (int64_t)m->V * m->C) * (double)plan->step_tokens;
    return measure_cost(j);
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

int job_begin(job *j, const wkv_train_options *o)
{
    *j = (job){.o = *o, .communicator = communicator_of(o)};
    int err = check_options(o);
    if (!err) err = find_checkpoint(j);
    if (!err) settings_default_method(&j->o);
    if (!err) err = check_method(&j->o, o->save_type);
    if (!err) err = settings_finite(&j->o); /* also those of a checkpoint */
    if (err) return err;
    if ((err = read_data(j))) return err;
    if (!j->from && !j->o.samples) j->chosen = settings_suit(&j->o, j->source.text.n);
    if (j->o.samples && (err = settings_suit_samples(&j->o, j->source.samples.count / source_per(&j->source))))
        return err;
    wkv_train_options said = j->o;
    settings_default(&j->o);
    if ((err = divide_data(j))) return err;
    if (j->o.epochs > 0 && !j->o.samples) { /* defaults that depend on the number of steps */
        if ((err = count_steps(j, &said.steps))) return err;
        j->o = said;
        settings_default(&j->o);
    }
    if ((err = make_trainer(j)) || (err = source_check(&j->source, j->o.vocab_size)) ||
        (err = samples_check(&j->choices.texts, j->vocab, j->o.vocab_size)))
        return err;
    if (j->from && (err = read_checkpoint(j))) return err;
    return make_plan(j);
}

int job_open(job *j)
{
    int err = folder_make(j->o.out);
    char *path = err ? NULL : path_in(j->o.out, "train.jsonl");
    if (!path) return err ? err : WKV_ENOMEM;
    if (!(err = file_log(&j->history.log, path))) err = check_folder(j); /* again, now that the folder is locked */
    free(path);
    if (!err) err = history_open(&j->history, j->o.out, j->at.log_bytes, j->t->step);
    if (err || j->t->base) return err;
    err = put_vocab(j, "final.safetensors");
    return err ? err : put_vocab(j, "best.safetensors");
}

void job_end(job *j)
{
    history_close(&j->history);
    free(j->now);
    wkv_trainer_free(j->t);
    source_release(&j->source);
    wkv_tokenizer_close(j->vocab);
    tensors_close(j->from);
    free(j->damaged);
    free(j->data);
    choices_release(&j->choices);
    free(j->valid_path);
    free(j->eval_path);
    free(j->vocab_path);
    free(j->model_path);
    free(j->reference_path);
    free(j->lora_path);
    free(j->state_path);
}
