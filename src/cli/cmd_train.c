/* cmd_train.c - train a model: the options, the plan and the progress of wkv_train. */
#include "commands.h"
#include "engine.h"
#include "losses.h"
#include "models.h"
#include "mpirun.h"
#include "say.h"
#include "wkv_bench.h"
#include "wkv_train.h"
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static wkv_train_options set;
static texts data;
static const char *valid;
static int steps, hold, version, order, schedule, checkpointing, save_type, only_plan;
static float epochs, lr_final, weight_decay, clip;
static uint64_t exit_tokens;

/* -1 is not given: then the library's default holds, or with --resume what the run has */
static char versions[64]; /* "4|5.2|6|7" */
static const char *const orders[] = {"epochs", "magic"};
static const char *const schedules[] = {"cosine", "linear", "exponential", "constant", "wsd"};
static const char *const types[] = {"bf16", "f32", "pth"};

static const option run_options[] = {
    {'d', "data", OPT_TEXTS, "PATH", &data, 0, 0, "",
     "text to train on, a file or a folder, again for more: .txt is a document; .jsonl, .json, .csv and .tsv have one "
     "in each object "
     "or row (text, messages, questions and answers), also as .gz or .zst; .bin is tokens (binidx)"},
    {0, "fields", OPT_TEXT, "NAMES", &set.fields, 0, 0, "the known ones",
     "fields of objects and rows: TEXT, or QUESTION,ANSWER, or QUESTION,ANSWER,CONTEXT"},
    {'o', "out", OPT_TEXT, "DIR", &set.out, 0, 0, "",
     "folder for the model and the figures; made when it is not there"},
    {'r', "resume", OPT_SWITCH, NULL, &set.resume, 0, 0, "",
     "go on from the last checkpoint in --out; what is not said is as it was"},
    {'m', "model", OPT_TEXT, "MODEL", &set.init, 0, 0, "from nothing",
     "checkpoint to go on from; its version and sizes count"},
    {0, "vocab", OPT_TEXT, "FILE|N", &set.vocab, 0, 0, "with --model, the checkpoint's; else 2048",
     "the vocabulary: a file, one of the words world, 20B, bytes, or how many words and bytes to choose from the text"},
    {0, "template", OPT_TEXT, "NAME", &set.chat, 0, 0, "the one that fits the model",
     "how chat messages are written: world, g1, raven, pile, plain"},
    {0, "valid", OPT_TEXT, "FILE|SHARE", &valid, 0, 0, "0.01",
     "text to measure on that is not learnt, or which share of the data; 0: none"},
    {0, "order", OPT_CHOICE, "epochs|magic", &order, 0, 0, "epochs",
     "shuffled, everything once an epoch; or as the official trainer, by its magic prime"},
};
static const group run_group = GROUP("Run", run_options);

static const option model_options[] = {
    {'V', "version", OPT_CHOICE, versions, &version, 0, 0, "7", "RWKV version of a new model"},
    {'L', "layers", OPT_COUNT, "N", &set.layers, 1, 10000, "by the amount of text", "layers of a new model"},
    {'C', "width", OPT_COUNT, "N", &set.width, 1, 1000000, "by the amount of text", "width of a new model"},
    {0, "head-size", OPT_COUNT, "N", &set.head_size, 1, 4096, "64", "size of a head; divides the width"},
    {0, "ffn", OPT_COUNT, "N", &set.ffn, 1, 10000000, "the version's own", "width of the feed-forward part"},
    {0, "vocab-size", OPT_COUNT, "N", &set.vocab_size, 2, 1 << 24, "the vocabulary's", "logits of a new model"},
};
static const group model_group_new = GROUP("New model", model_options);

static const option work_options[] = {
    {'n', "steps", OPT_COUNT, "N", &steps, 1, INT_MAX, "by the amount of text; with --model 1000",
     "steps of the optimizer"},
    {'e', "epochs", OPT_REAL, "X", &epochs, 1e-6, 1e6, "", "in the place of --steps: times the data is read"},
    {'b', "batch", OPT_COUNT, "N", &set.batch, 1, 1000000, "8", "sequences in a step"},
    {0, "micro-batch", OPT_COUNT, "N", &set.micro_batch, 1, 1000000, "as many as have 512 tokens",
     "sequences computed at once; their gradients add up"},
    {'T', "context", OPT_COUNT, "N", &set.context, 1, 10000000, "by the amount of text; with --model 512",
     "tokens in a sequence"},
    {0, "schedule", OPT_CHOICE, "cosine|linear|exponential|constant|wsd", &schedule, 0, 0, "cosine",
     "how the learning rate falls"},
    {0, "lr", OPT_REAL, "X", &set.lr_init, 1e-12, 10, "by the width; with --model 0.0006", "learning rate at first"},
    {0, "lr-final", OPT_REAL, "X", &lr_final, 0, 10, "a tenth of --lr", "learning rate at last"},
    {0, "warmup", OPT_COUNT, "N", &set.warmup, 0, INT_MAX, "10", "steps in which the learning rate rises"},
    {0, "hold", OPT_COUNT, "N", &hold, 1, INT_MAX, "wsd: 80 % of all",
     "steps at --lr before it falls (exponential, wsd)"},
    {0, "exit-tokens", OPT_SEED, "N", &exit_tokens, 0, 0, "those of all steps",
     "tokens after which --lr-final is reached"},
    {0, "weight-decay", OPT_REAL, "X", &weight_decay, 0, 10, "0.1", "pull of the matrices towards zero"},
    {0, "dropout", OPT_REAL, "X", &set.dropout, 0, 0.99, "0", "share of each layer's results left out"},
    {0, "clip", OPT_REAL, "X", &clip, 0, 1e9, "1", "longest gradient; 0: never clipped"},
    {0, "beta1", OPT_REAL, "X", &set.beta1, 1e-6, 0.999999, "0.9", "AdamW: memory of the gradient"},
    {0, "beta2", OPT_REAL, "X", &set.beta2, 1e-6, 0.9999999, "0.99", "AdamW: memory of its square"},
    {'s', "seed", OPT_SEED, "N", &set.seed, 0, 0, "0", "the same options and seed give the same model"},
    {'t', "threads", OPT_COUNT, "N", &set.threads, 1, 4096, "one per core",
     "threads to compute with; they do not change the result"},
    {0, "checkpointing", OPT_CHOICE, "auto|on|off", &checkpointing, 0, 0, "by the memory there is",
     "run layers twice to need less memory; the result is the same"},
    {0, "shard-optimizer", OPT_SWITCH, NULL, &set.shard_optimizer, 0, 0, "",
     "with mpirun: each process keeps the moments of its share of the weights only"},
    {0, "scan", OPT_SWITCH, NULL, &set.scan, 0, 0, "",
     "version 4: compute the recurrence as a parallel scan, with other roundings; wkv bench --only scan measures it"},
    DEVICE_OPTION(&set.device),
};
static const group work_group = GROUP("Work", work_options);

static const option keeping_options[] = {
    {0, "plan", OPT_SWITCH, NULL, &only_plan, 0, 0, "", "say what the run would be, and stop"},
    {0, "save-type", OPT_CHOICE, "bf16|f32|pth", &save_type, 0, 0, "bf16",
     "saved model: safetensors of this type, or bf16 in a .pth, which torch.load and the rwkv package open"},
    {0, "save-every", OPT_COUNT, "N", &set.save_every, -1, INT_MAX, "1000",
     "steps between checkpoints, which are also written every ten minutes; -1: at the end only"},
    {0, "keep", OPT_COUNT, "N", &set.keep, 1, INT_MAX, "2", "checkpoints to keep, the last ones"},
    {0, "log-every", OPT_COUNT, "N", &set.log_every, 1, INT_MAX, "10", "steps between figures"},
    {0, "valid-every", OPT_COUNT, "N", &set.valid_every, -1, INT_MAX, "a quarter of the steps, 500 at most",
     "steps between measurements; -1: at the end only"},
    {0, "sample-every", OPT_COUNT, "N", &set.sample_every, -1, INT_MAX, "a quarter of the steps, 500 at most",
     "steps between samples; -1: none"},
};
static const group keeping_group = GROUP("Figures and files", keeping_options);
static const group *const groups[] = {&run_group, &model_group_new, &work_group, &keeping_group, &short_group, NULL};

static void defaults(void)
{
    size_t n = 0;
    const char *v;
    for (int i = 0; (v = wkv_train_version(i)) && n < sizeof versions; i++)
        n += (size_t)snprintf(versions + n, sizeof versions - n, "%s%s", i ? "|" : "", v);
    set = (wkv_train_options){.warmup = -2}; /* -2: not given */
    data = (texts){0};
    valid = NULL;
    steps = hold = only_plan = checkpointing = 0;
    version = order = schedule = save_type = -1;
    epochs = lr_final = weight_decay = clip = NAN;
    exit_tokens = 0;
}

/* ---- what is said ------------------------------------------------------------------------------------------------ */

typedef struct {
    progress bar;
    losses losses;
} watch;

static void put_plan(const wkv_train_plan *p)
{
    char a[32], b[32], c[32], d[16];
    if (p->passed_over)
        note("%d entries of the folders are no data and are skipped (%s%s)", p->passed_over, p->passed_over_first,
             p->passed_over > 1 ? ", ..." : "");
    if (p->chosen)
        note("sizes for %s tokens of text: -L %d -C %d -T %d -b %d -n %lld --lr %g; each may be given "
             "(docs/training.md)",
             as_count(a, p->text_tokens), p->layers, p->width, p->context, p->batch, (long long)p->steps, p->lr);
    note("RWKV-%s, %d layers of %d, vocabulary %d: %s parameters", p->version, p->layers, p->width, p->vocab,
         as_count(a, p->parameters));
    note("text %s tokens, %s held out; %s steps of %lld tokens read it %.2f times", as_count(a, p->text_tokens),
         as_count(b, p->held_tokens), as_count(c, p->steps), (long long)p->step_tokens, p->epochs);
    char weights[16], work[16], there[16];
    if (p->processes > 1)
        note("%d processes, each of which has %lld of these tokens", p->processes,
             (long long)p->step_tokens / p->processes);
    note("memory%s %s for weights and moments, %s for a step%s; %s is free", p->processes > 1 ? " of each" : "",
         as_bytes(weights, (double)p->weight_bytes), as_bytes(work, (double)p->work_bytes),
         p->checkpointing ? " whose layers are run twice" : "", as_bytes(there, (double)p->available_bytes));
    if ((double)p->weight_bytes + (double)p->work_bytes > (double)p->available_bytes)
        note("that is more memory than there is: a smaller --micro-batch or --context needs less");
    if (p->damaged) note("%s; an older checkpoint is whole", p->damaged);
    if (p->done) note("going on after step %s", as_count(a, p->done));
    note("about %.0f tokens/s, so %s (h:mm:ss or m:ss)", p->tokens_per_second, as_duration(d, p->seconds));
}

static int plan(void *user, const wkv_train_plan *p)
{
    (void)user;
    put_plan(p);
    return only_plan;
}

static int report(void *user, const wkv_train_report *r)
{
    watch *w = user;
    char held[32] = "", share[32] = "", skipped[48] = "", left[16];
    losses_add(&w->losses, r->step, r->steps, r->loss, r->valid_loss);
    if (w->losses.held >= 0) snprintf(held, sizeof held, ", held-out %.3f", w->losses.held);
    if (r->share >= 0) snprintf(share, sizeof share, " (%.0f%% of the float32 peak)", 100 * r->share);
    if (r->skipped) snprintf(skipped, sizeof skipped, ", %lld skipped", (long long)r->skipped);
    progress_at(&w->bar, (double)r->step, (double)r->steps,
                "step %lld, loss %.3f%s, lr %.1e, gradient norm %.2f%s, %.0f tokens/s%s", (long long)r->step, r->smooth,
                held, r->lr, r->norm, skipped, r->tokens_per_second, share);
    if (r->valid_loss >= 0 || r->sample) progress_end(&w->bar);
    if (r->valid_bits >= 0)
        note("step %lld: held-out loss %.4f, %.4f bits per byte", (long long)r->step, r->valid_loss, r->valid_bits);
    else if (r->valid_loss >= 0)
        note("step %lld: held-out loss %.4f", (long long)r->step, r->valid_loss);
    if (r->sample)
        note("step %lld: sample behind \"%.*s\": %s", (long long)r->step, r->sample_prompt, r->sample,
             r->sample + r->sample_prompt);
    int every = set.log_every ? set.log_every : 10;
    if (r->step % every && r->step != r->steps) return interrupted;
    const double mean = losses_mean(&w->losses);
    if (!on_terminal(2))
        note("step %lld of %lld: loss %.4f, lr %.2e, gradient norm %.2f%s, %.0f tokens/s%s, %s left",
             (long long)r->step, (long long)r->steps, mean, r->lr, r->norm, skipped, r->tokens_per_second, share,
             as_duration(left, r->seconds_left));
    return interrupted;
}

/* ---- the run ----------------------------------------------------------------------------------------------------- */

static const char *word(int which, const char *const *words) { return which < 0 ? NULL : words[which]; }

/* ours is 0, the library's is below zero, where 0 means its default; NAN: not given */
static float none_or(float x) { return isnan(x) ? 0 : x > 0 ? x : -1; }

/* A number is a share, anything else a path. */
static int set_valid(void)
{
    char *end;
    if (!valid) return 0;
    double share = strtod(valid, &end);
    if (*end) {
        set.valid = valid;
        return 0;
    }
    if (!*valid || !(share >= 0 && share < 1))
        return usage(&cmd_train,
                     "--valid: '%s' is neither a share from 0 to below 1 nor a file (a file of that name is ./%s)",
                     valid, valid);
    set.valid_share = share > 0 ? (float)share : -1;
    return 0;
}

static int finish_options(void)
{
    set.data = data.n ? data.at : NULL;
    set.steps = steps;
    set.epochs = isnan(epochs) ? 0 : (double)epochs;
    set.hold = hold;
    set.exit_tokens = (int64_t)exit_tokens;
    set.version = wkv_train_version(version);
    set.order = word(order, orders);
    set.schedule = word(schedule, schedules);
    set.save_type = word(save_type, types);
    set.checkpointing = checkpointing == 1 ? 1 : checkpointing == 2 ? -1 : 0;
    set.lr_final = none_or(lr_final);
    set.weight_decay = none_or(weight_decay);
    set.clip = none_or(clip);
    set.warmup = set.warmup == -2 ? 0 : set.warmup ? set.warmup : -1;
    return set_valid();
}

/* The list ends with NULL. */
static int end_data(void)
{
    const char **at = realloc(data.at, sizeof *at * (size_t)(data.n + 1));
    if (!at) return complain("out of memory");
    data.at = at;
    at[data.n] = NULL;
    return 0;
}

/* Float32 operations per second; 0: not known. */
static double measure_peak(int threads)
{
    wkv_meter *m;
    wkv_roof roof = {0};
    if (wkv_meter_new(&m, threads)) return 0;
    wkv_meter_search(m, 0.2, &roof);
    wkv_meter_free(m);
    return roof.fma;
}

/* The model's path, and a command that goes on from here. */
static int finish(watch *w, int stopped)
{
    char path[MODEL_ROOM];
    snprintf(path, sizeof path, "%s/final.%s", set.out, save_type == 2 ? "pth" : "safetensors");
    losses_note(&w->losses, seconds_now() - w->bar.begun, path);
    put_text("%s\n", path);
    if (stopped)
        note("stopped; all of it is saved, and this goes on: wkv train --resume --out %s", set.out);
    else
        note("try it: wkv generate -m %s \"Once upon a time\"", path);
    return stopped ? 130 : 0;
}

static int train(const wkv_ranks *ranks)
{
    if (ranks->count > 1) set.ranks = ranks;
    if (ranks->rank) say_quiet = 1;
    if (set.shard_optimizer && ranks->count < 2)
        return complain("--shard-optimizer shares between processes, and this is the only one: %s", mpi_how);
    if (!say_quiet && !set.ranks) set.peak = measure_peak(set.threads);
    watch w = {.losses = {.held = -1}};
    set.plan = plan;
    set.report = report;
    set.user = &w;
    progress_begin(&w.bar, "training");
    int err = wkv_train(&set);
    progress_end(&w.bar);
    if (ranks->rank) return 0; /* the first process speaks for all, and its status is mpirun's */
    if (err && only_plan && err == WKV_ESTOPPED) return 0;
    if (err && !(err == WKV_ESTOPPED && interrupted)) return complain_library();
    return finish(&w, err);
}

static int run(int n, char **operands)
{
    (void)n, (void)operands;
    if (!data.n && !set.resume) return usage(&cmd_train, "--data says what to learn; it is missing");
    if (!set.out) return usage(&cmd_train, "--out says where the model goes; it is missing");
    if (end_data()) return 1;
    int status = finish_options();
    if (status) return status;
    static char init[MODEL_ROOM];
    set.init = model_path(set.init, init, &status);
    if (status) return status;
    wkv_ranks ranks;
    status = mpi_begin(&ranks);
    if (status) return status;
    catch_interrupts(); /* after MPI, which catches some */
    status = train(&ranks);
    mpi_end(&ranks);
    return status;
}

const command cmd_train = {
    .name = "train",
    .operands = "",
    .most = 0,
    .summary = "train a model, from nothing or from a checkpoint",
    .about =
        "Learn from text. The folder given with --out receives final.safetensors, with official names and shapes, "
        "which every RWKV tool that reads safetensors reads, and final.vocab.txt, its vocabulary; best.safetensors, "
        "as it was when the held-out text went best (--save-type pth: final.pth, best.pth); train.html, a page with "
        "curves that a browser keeps up to date; "
        "train.jsonl, a line of figures now and then; and event files for TensorBoard. The path of the model is "
        "printed at the end. A folder with results of another run is refused.\n\n"
        "Ctrl-C, and a terminal that is closed, end the run after the step at hand and save; the exit status is then "
        "130. A run "
        "that ended early, however it did, goes on with --resume from its last checkpoint, or the newest one that is "
        "whole, and "
        "gives the same bytes as one that was not interrupted.\n\n"
        "Started by mpirun, several processes train one model together, each with its share of --batch; the result is "
        "that of "
        "one process within rounding. wkv must have been built where there is an MPI.",
    .examples = "wkv train -d stories.txt -o run  # sizes that suit the text\n"
                "wkv train -d t.csv --fields story -o run  # a field of another name\n"
                "wkv train -d stories.jsonl --vocab bytes -o run -L 3 -C 128 -n 2000  # a small model of bytes\n"
                "wkv train --resume -o run  # go on after an interruption\n"
                "wkv train -d more.jsonl -m run/final.safetensors -o run2 --lr 1e-4  # train it on other text\n"
                "mpirun -n 4 wkv train -d stories.jsonl --vocab bytes -o run -b 32  # in four processes\n"
                "wkv generate -m run/final.safetensors \"Once\"  # try it",
    .groups = groups,
    .defaults = defaults,
    .run = run,
};
