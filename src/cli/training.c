/* training.c - options, notes and the run that wkv train and wkv tune share. */
#include "training.h"
#include "commands.h"
#include "mpirun.h"
#include "wkv_bench.h"
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

training_options training;

static const char *const types[] = {"bf16", "f32", "pth"};

static const char *const schedules[] = {"cosine", "linear", "exponential", "constant", "wsd"};

static const option keeping_options[] = {
    {0, "plan", OPT_SWITCH, NULL, &training.only_plan, 0, 0, "", "print the plan of the run and stop"},
    {0, "save-type", OPT_CHOICE, "bf16|f32|pth", &training.save_type, 0, 0, "bf16",
     "format of the saved model: safetensors of this type; pth: bf16 in a .pth for torch.load and the rwkv package"},
    {0, "save-every", OPT_COUNT, "N", &training.set.save_every, -1, INT_MAX, "1000",
     "steps between checkpoints (also one every ten minutes); -1: only at the end"},
    {0, "keep", OPT_COUNT, "N", &training.set.keep, 1, INT_MAX, "2", "number of checkpoints to keep"},
    {0, "log-every", OPT_COUNT, "N", &training.set.log_every, 1, INT_MAX, "10; 1 for samples",
     "steps between log lines"},
    {0, "valid-every", OPT_COUNT, "N", &training.set.valid_every, -1, INT_MAX,
     "a quarter of the steps, at most 500; for samples once per epoch",
     "steps between evaluations of the held-out data; -1: only at the end"},
    {0, "eval", OPT_TEXT, "FILE", &training.set.eval, 0, 0, "",
     "multiple-choice questions to answer at each evaluation: .jsonl with a question, choices and an answer"},
    {0, "patience", OPT_COUNT, "N", &training.set.patience, 1, INT_MAX, "",
     "early stopping: end the run after N evaluations without a new lowest held-out loss"},
    {0, "sample-every", OPT_COUNT, "N", &training.set.sample_every, -1, INT_MAX, "a quarter of the steps, at most 500",
     "steps between text samples of the model; -1: none"},
};
const group training_keeping = GROUP("Logs and checkpoints", keeping_options);

void training_defaults(void)
{
    training = (training_options){.save_type = -1, .schedule = -1};
    training.set.warmup = -2; /* not given */
    training.epochs = training.lr = training.lr_final = training.weight_decay = training.clip = NAN;
}

/* ---- notes ------------------------------------------------------------------------------------------------------- */

static void put_data(const wkv_train_plan *p)
{
    char a[32], b[32], c[32];
    if (p->skipped_entries)
        note("%d entries of the folders are skipped, not data (%s%s)", p->skipped_entries, p->skipped_first,
             p->skipped_entries > 1 ? ", ..." : "");
    if (!p->samples) {
        note("text: %s tokens, %s held out; %s steps of %lld tokens are %.2f epochs", as_count(a, p->text_tokens),
             as_count(b, p->held_tokens), as_count(c, p->steps), (long long)p->step_tokens, p->epochs);
        return;
    }
    const char *things = p->pairs ? "pairs of answers" : "samples";
    note("%d %s of %s tokens, %s of them included in the loss; the longest has %d", p->samples, things,
         as_count(a, p->text_tokens), as_count(b, p->loss_tokens), p->longest);
    note("%s steps of %d %s are %.3g epochs; learning rate %g after %d steps of warmup", as_count(a, p->steps),
         p->batch, p->pairs ? "pairs" : "samples", p->epochs, p->lr, p->warmup);
    if (p->truncated) note("%d samples are longer than --context and are truncated", p->truncated);
    if (p->skipped)
        note("%d %s are skipped: no token of %s is included in the loss", p->skipped, p->pairs ? "pairs" : "samples",
             p->pairs ? "an answer" : "them");
}

static void put_model(const wkv_train_plan *p)
{
    char a[32], b[32];
    if (p->auto_sized)
        note("sizes chosen for %s tokens of text: -L %d -C %d -T %d -b %d -n %lld --lr %g; options override them "
             "(docs/training.md 5)",
             as_count(a, p->text_tokens), p->layers, p->width, p->context, p->batch, (long long)p->steps, p->lr);
    note("RWKV-%s, %d layers of %d, vocabulary %d: %s parameters", p->version, p->layers, p->width, p->vocab,
         as_count(a, p->parameters));
    if (p->trained != p->parameters)
        note("%s of %s parameters are trained", as_count(a, p->trained), as_count(b, p->parameters));
}

void training_put_memory(void)
{
    const wkv_train_options *o = &training.set;
    wkv_train_memory m[WKV_TRAIN_METHODS];
    int64_t rows;
    char count[32];
    if (wkv_train_memory_needed(m, &rows, o)) return; /* wkv_train reports the error */
    note("memory to tune this model, %s tokens at once", as_count(count, rows));
    note("  %-16s %9s %9s %9s", "", "bf16", "q8", "q4");
    for (int i = 0; i < WKV_TRAIN_METHODS; i++) {
        char name[32], bytes[3][16];
        snprintf(name, sizeof name, strcmp(m[i].method, "lora") ? "%s" : "%s, rank %d", m[i].method,
                 o->rank ? o->rank : 16);
        for (int k = 0; k < 3; k++)
            if (m[i].bytes[k])
                as_bytes(bytes[k], (double)m[i].bytes[k]);
            else
                snprintf(bytes[k], sizeof bytes[k], "-");
        if (m[i].trained) note("  %-16s %9s %9s %9s", name, bytes[0], bytes[1], bytes[2]);
    }
}

static int plan(void *user, const wkv_train_plan *p)
{
    training_watch *w = user;
    w->ids = !p->vocabulary;
    w->questions = p->questions;
    char weights[16], work[16], there[16], time[16], done[32];
    put_model(p);
    put_data(p);
    if (p->processes > 1)
        note("%d processes, %lld of these tokens each", p->processes, (long long)p->step_tokens / p->processes);
    note("memory%s: %s for weights and moments, %s for a step%s; %s free", p->processes > 1 ? " of each process" : "",
         as_bytes(weights, (double)p->weight_bytes), as_bytes(work, (double)p->work_bytes),
         p->checkpointing ? " with gradient checkpointing" : "", as_bytes(there, (double)p->available_bytes));
    if ((double)p->weight_bytes + (double)p->work_bytes > (double)p->available_bytes)
        note("the run needs more memory than is free; reduce --micro-batch or --context");
    if (p->damaged) note("%s; resuming from an older checkpoint", p->damaged);
    if (p->done) note("resuming after step %s", as_count(done, p->done));
    note("about %.0f tokens/s, estimated time %s (h:mm:ss or m:ss)", p->tokens_per_second,
         as_duration(time, p->seconds));
    return training.only_plan;
}

/* Escape control characters for a one-line note: \n, \x1b. Returns the bytes written to `out`. */
static size_t visible(char *out, const char *bytes, size_t n)
{
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        const unsigned char b = (unsigned char)bytes[i];
        if (b == '\n')
            at += (size_t)sprintf(out + at, "\\n");
        else if (b < ' ' || b == 0x7f)
            at += (size_t)sprintf(out + at, "\\x%02x", b);
        else
            out[at++] = (char)b;
    }
    return at;
}

/* A note with the first MOST tokens of a sample; [ and ] enclose the tokens included in the loss unless all are. */
static int show_sample(void *user, const wkv_train_sample *s)
{
    enum { MOST = 200, ROOM = 4096 };
    training_watch *w = user;
    int counts = 0, masked = 0;
    char line[ROOM];
    size_t at = 0;
    for (int i = 0; i < s->n; i++) masked |= !s->counts[i];
    w->masked |= masked;
    for (int i = 0; i < s->n && i < MOST && at < ROOM - 1200; i++) {
        size_t n;
        const char *bytes = wkv_token_bytes(s->tokenizer, s->ids[i], &n);
        if (masked && s->counts[i] != counts) line[at++] = counts ? ']' : '[';
        counts = s->counts[i];
        at += n ? visible(line + at, bytes, n < 256 ? n : 256) : (size_t)sprintf(line + at, "<end>");
    }
    if (masked && counts) line[at++] = ']';
    w->shown += s->pair >= 0;
    note("%s %d: %.*s%s",
         !s->pair      ? "sample"
         : s->pair > 0 ? "chosen"
                       : "rejected",
         w->shown, (int)at, line, s->n > MOST ? " ..." : "");
    return 0;
}

static void put_measurement(const training_watch *w, const wkv_train_report *r)
{
    char bits[48] = "";
    if (r->valid_bits >= 0) snprintf(bits, sizeof bits, ", %.4f bits per byte", r->valid_bits);
    if (r->valid_loss >= 0)
        note("step %lld: held-out loss %.4f, perplexity %.4g%s", (long long)r->step, r->valid_loss, exp(r->valid_loss),
             bits);
    if (r->accuracy >= 0)
        note("step %lld: accuracy %.4f of %d questions, %.4f by log-likelihood a character", (long long)r->step,
             r->accuracy, w->questions, r->accuracy_norm);
    if (r->early_stopped)
        note("step %lld: no new lowest held-out loss in %d evaluations; the run ends (--patience)", (long long)r->step,
             r->early_stopped);
}

static int report(void *user, const wkv_train_report *r)
{
    training_watch *w = user;
    char held[32] = "", share[32] = "", skipped[48] = "", left[16], pairs[64] = "";
    losses_add(&w->losses, r->step, r->steps, r->loss, r->valid_loss);
    if (w->losses.held >= 0) snprintf(held, sizeof held, ", held-out %.3f", w->losses.held);
    if (r->share >= 0) snprintf(share, sizeof share, " (%.0f%% of the float32 peak)", 100 * r->share);
    if (r->preferred >= 0)
        snprintf(pairs, sizeof pairs, ", margin %.2f, %.0f%% preferred", r->margin, 100 * r->preferred);
    if (r->skipped) snprintf(skipped, sizeof skipped, ", %lld skipped", (long long)r->skipped);
    progress_at(&w->bar, (double)r->step, (double)r->steps,
                "step %lld, loss %.3f%s%s, lr %.1e, gradient norm %.2f%s, %.0f tokens/s%s", (long long)r->step,
                r->smooth, pairs, held, r->lr, r->norm, skipped, r->tokens_per_second, share);
    if (r->valid_loss >= 0 || r->accuracy >= 0 || r->sample) progress_end(&w->bar);
    put_measurement(w, r);
    if (r->sample)
        note("step %lld: sample, prompt \"%.*s\": %s", (long long)r->step, r->sample_prompt, r->sample,
             r->sample + r->sample_prompt);
    int every = training.set.log_every > 0 ? training.set.log_every : 10;
    if (r->step % every && r->step != r->steps && !r->early_stopped) return interrupted;
    const double mean = losses_mean(&w->losses);
    if (!on_terminal(2))
        note("step %lld of %lld: loss %.4f%s, lr %.2e, gradient norm %.2f%s, %.0f tokens/s%s, %s left",
             (long long)r->step, (long long)r->steps, mean, pairs, r->lr, r->norm, skipped, r->tokens_per_second, share,
             as_duration(left, r->seconds_left));
    return interrupted;
}

/* ---- the run ----------------------------------------------------------------------------------------------------- */

/* "None" is 0 on the command line and negative in the library, where 0 means the default. NAN: not given. */
static float none_or(float x) { return isnan(x) ? 0 : x > 0 ? x : -1; }

const char *training_suffix(void) { return training.save_type == 2 ? "pth" : "safetensors"; }

/* *out: the texts of --add-token, one per line; NULL: none. */
static int join_tokens(const char **out)
{
    static char lines[1 << 16];
    const texts *t = &training.add;
    size_t n = 0;
    *out = t->n ? lines : NULL;
    for (int i = 0; i < t->n; i++) {
        if (strchr(t->at[i], '\n') || n + strlen(t->at[i]) + 2 > sizeof lines)
            return complain("--add-token: a text contains a line break, or all texts exceed %zu bytes", sizeof lines);
        n += (size_t)snprintf(lines + n, sizeof lines - n, "%s%s", i ? "\n" : "", t->at[i]);
    }
    return 0;
}

/* Copy the command-line values into the library's options; the list of data ends with NULL. */
static int read_options(void)
{
    training_options *t = &training;
    wkv_train_options *o = &t->set;
    const char **at = realloc(t->data.at, sizeof *at * (size_t)(t->data.n + 1));
    if (!at) return complain("out of memory");
    t->data.at = at;
    at[t->data.n] = NULL;
    o->data = t->data.n ? at : NULL;
    o->steps = t->steps;
    o->hold = t->hold;
    o->schedule = t->schedule < 0 ? NULL : schedules[t->schedule];
    o->epochs = isnan(t->epochs) ? 0 : (double)t->epochs;
    o->save_type = t->save_type < 0 ? NULL : types[t->save_type];
    o->checkpointing = t->checkpointing == 1 ? 1 : t->checkpointing == 2 ? -1 : 0;
    o->lr_init = isnan(t->lr) ? 0 : t->lr;
    o->lr_final = none_or(t->lr_final);
    o->weight_decay = none_or(t->weight_decay);
    o->clip = none_or(t->clip);
    o->warmup = o->warmup == -2 ? 0 : o->warmup ? o->warmup : -1;
    return join_tokens(&o->add_tokens);
}

/* Peak float32 operations per second of this machine; 0: unknown. */
static double measure_peak(int threads)
{
    wkv_meter *m;
    wkv_roof roof = {0};
    if (wkv_meter_new(&m, threads)) return 0;
    wkv_meter_search(m, 0.2, &roof);
    wkv_meter_free(m);
    return roof.fma;
}

static int run_with(const wkv_communicator *communicator, training_watch *w, const char *doing)
{
    wkv_train_options *o = &training.set;
    if (communicator->count > 1) o->communicator = communicator;
    if (communicator->rank) say_quiet = 1;
    if (o->shard_optimizer && communicator->count < 2)
        return complain("--shard-optimizer needs several processes, and this is the only one: %s", mpi_how);
    if (!say_quiet && !o->communicator && !o->samples) o->peak = measure_peak(o->threads);
    o->plan = plan;
    o->show = show_sample;
    o->report = report;
    o->user = w;
    progress_begin(&w->bar, doing);
    int err = wkv_train(o);
    progress_end(&w->bar);
    if (communicator->rank) return 0; /* process 0 prints for all, and mpirun returns its status */
    if (err == WKV_ESTOPPED && training.only_plan) return 0;
    if (err && !(err == WKV_ESTOPPED && interrupted)) return complain_library();
    w->result = 1;
    return err ? 130 : 0;
}

int training_run(training_watch *w, const char *doing)
{
    *w = (training_watch){.losses = {.held = -1}};
    wkv_communicator communicator;
    int status = read_options();
    if (!status) status = mpi_begin(&communicator);
    if (status) return status;
    catch_interrupts(); /* after mpi_begin, because MPI installs signal handlers */
    status = run_with(&communicator, w, doing);
    mpi_end(&communicator);
    return status;
}
