/* cmd_tune.c - adapt a model: the options, the samples shown, and the progress of wkv_tune. */
#include "commands.h"
#include "engine.h"
#include "losses.h"
#include "models.h"
#include "mpirun.h"
#include "say.h"
#include "wkv_tune.h"
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static wkv_tune_options set;
static int method, steps, checkpointing, save_type;
static float lr, lr_final, clip;
static const char *const methods[] = {"lora", "state", "lora+state", "full"};
static const char *const types[] = {"bf16", "f32", "pth"};

static const option run_options[] = {
    {'d', "data", OPT_TEXT, "PATH", &set.data, 0, 0, "",
     "samples to train on, a file or a folder: .jsonl, .json, .csv and .tsv with messages, questions and answers, or "
     "text, also as .gz or "
     ".zst; any other file is one text"},
    {0, "fields", OPT_TEXT, "NAMES", &set.fields, 0, 0, "the known ones",
     "fields of samples: QUESTION,ANSWER, or QUESTION,ANSWER,CONTEXT, or TEXT"},
    {'o', "out", OPT_TEXT, "DIR", &set.out, 0, 0, "", "folder for what was learnt; made when it is not there"},
    {'m', "model", OPT_TEXT, "MODEL", &set.model, 0, 0, "the built-in model",
     "the model; it is only read, and may be stored with 8 or 4 bits"},
    NO_MMAP_OPTION(&set.with.no_mmap),
    {0, "valid", OPT_TEXT, "FILE", &set.valid, 0, 0, "", "samples to measure on that are not learnt"},
    {0, "vocab", OPT_TEXT, "FILE", &set.vocab, 0, 0, "the one that fits the model", "the vocabulary"},
    {0, "template", OPT_TEXT, "NAME", &set.chat, 0, 0, "the one that fits the model",
     "how conversations are written: world, g1, raven, pile, plain"},
};
static const group run_group = GROUP("Run", run_options);

static const option what_options[] = {
    {0, "method", OPT_CHOICE, "lora|state|lora+state|full", &method, 0, 0, NULL,
     "what is learnt: low-rank adapters of the matrices, the initial state, both, or all weights"},
    {'r', "rank", OPT_COUNT, "R", &set.rank, 1, 16384, NULL, "rank of the adapters"},
    {0, "alpha", OPT_REAL, "A", &set.alpha, 0, 1e6, "twice the rank", "adapters count A / R times"},
    {0, "targets", OPT_TEXT, "LIST", &set.targets, 0, 0, NULL,
     "which weights get one, with commas: att, ffn, low-rank (the version's own small matrices), or names as att.key"},
    {0, "lora", OPT_TEXT, "FILE", &set.with.lora, 0, 0, "", "go on from this adapter"},
    {0, "lora-alpha", OPT_REAL, "A", &set.with.lora_alpha, 0, 1e6, "the adapter's own, where it tells", "its alpha"},
    {0, "load-state", OPT_TEXT, "FILE", &set.with.state, 0, 0, "", "begin with this state"},
};
static const group what_group = GROUP("What is learnt", what_options);

static const option work_options[] = {
    {'n', "steps", OPT_COUNT, "N", &steps, 1, INT_MAX, "as --epochs takes", "steps of the optimizer"},
    {'e', "epochs", OPT_COUNT, "N", &set.epochs, 1, 1000000, "3, or as many as make 120 steps",
     "times every sample is learnt"},
    {'b', "batch", OPT_COUNT, "N", &set.batch, 1, 1000000, NULL, "samples in a step"},
    {0, "micro-batch", OPT_COUNT, "N", &set.micro_batch, 1, 1000000, "as many as have 512 tokens",
     "samples computed at once; fewer need less memory"},
    {0, "checkpointing", OPT_CHOICE, "auto|on|off", &checkpointing, 0, 0, "by the memory there is",
     "run layers twice to need less memory; the result is the same"},
    {'T', "context", OPT_COUNT, "N", &set.context, 1, 10000000, "1024; with --infctx all",
     "tokens read of a sample at most"},
    {0, "infctx", OPT_COUNT, "N", &set.infctx, 1, 10000000, "",
     "read samples in chunks of N tokens through which the state is carried: texts longer than memory"},
    {0, "cut", OPT_SWITCH, NULL, &set.cut, 0, 0, "",
     "with --infctx, do not pass the gradient from a chunk to the one before"},
    {0, "lr", OPT_REAL, "X", &lr, 1e-12, 10, "1e-3 for lora, 1 for state, 3e-5 for full", "learning rate at first"},
    {0, "lr-final", OPT_REAL, "X", &lr_final, 0, 10, "a tenth of --lr; for state a hundredth", "learning rate at last"},
    {0, "warmup", OPT_COUNT, "N", &set.warmup, 0, INT_MAX, "a tenth of the steps, 10 at most",
     "steps in which the learning rate rises"},
    {0, "weight-decay", OPT_REAL, "X", &set.weight_decay, 0, 10, NULL, "pull of what is learnt towards zero"},
    {0, "clip", OPT_REAL, "X", &clip, 0, 1e9, NULL, "longest gradient; 0: never clipped"},
    {'s', "seed", OPT_SEED, "N", &set.seed, 0, 0, "0", "the same options and seed give the same result"},
    {'t', "threads", OPT_COUNT, "N", &set.threads, 1, 4096, "one per core",
     "threads to compute with; they do not change the result"},
    DEVICE_OPTION(&set.device),
    {0, "save-type", OPT_CHOICE, "bf16|f32|pth", &save_type, 0, 0, "bf16",
     "with --method full, the saved model: safetensors of this type, or bf16 in a .pth"},
    {0, "save-every", OPT_COUNT, "N", &set.save_every, 0, INT_MAX, NULL, "steps between savings; 0: at the end only"},
    {0, "valid-every", OPT_COUNT, "N", &set.valid_every, 1, INT_MAX, "once an epoch", "steps between measurements"},
};
static const group work_group = GROUP("Work", work_options);
static const group *const groups[] = {&run_group, &what_group, &work_group, &general_group, NULL};

static void defaults(void)
{
    set = (wkv_tune_options){.rank = 16, .targets = "att,ffn", .batch = 8, .warmup = -2}; /* -2: not given */
    steps = checkpointing = 0;
    save_type = -1;
    lr = lr_final = NAN;
    clip = 1;
}

typedef struct {
    int shown;  /* samples                                       */
    int masked; /* some of their tokens are not in the loss: turns */
    progress bar;
    losses losses;
} watch;

static int show_plan(void *user, const wkv_tune_plan *p)
{
    (void)user;
    char a[32], b[32], c[16], d[32], e[32], f[16];
    if (p->passed_over)
        note("%d entries of the folder are no data and are skipped (%s%s)", p->passed_over, p->passed_over_first,
             p->passed_over > 1 ? ", ..." : "");
    note("%s of %s parameters are learnt (%s with gradients and moments)", as_count(a, p->learnt),
         as_count(b, p->parameters), as_bytes(c, (double)p->learnt_bytes));
    note("%d samples of %s tokens, %s of which are included in the loss; the longest has %d", p->samples,
         as_count(d, p->tokens), as_count(e, p->counted), p->longest);
    note("%s steps of %d samples read each %.3g times; learning rate %g, after %d steps of warmup",
         as_count(a, p->steps), p->batch, p->epochs, p->lr, p->warmup);
    if (p->cut) note("%d samples are longer than --context and lose their end", p->cut);
    if (p->left_out)
        note("%d samples are left out: no token that is read of them is included in the loss", p->left_out);
    note("memory %s for a step; %s is free", as_bytes(c, (double)p->work_bytes),
         as_bytes(f, (double)p->available_bytes));
    note("about %.0f tokens/s, so %s (h:mm:ss or m:ss)", p->tokens_per_second, as_duration(f, p->seconds));
    return interrupted;
}

/* Bytes for a line of text: line ends and others that do not print are written as \n and so on. */
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

/* What is to be learnt stands between [ and ], unless that is all of the sample; at most so many tokens of it. */
static int show_sample(void *user, const wkv_tune_sample *s)
{
    enum { MOST = 200, ROOM = 4096 };
    watch *w = user;
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
    note("sample %d: %.*s%s", ++w->shown, (int)at, line, s->n > MOST ? " ..." : "");
    return interrupted;
}

static int report(void *user, const wkv_tune_report *r)
{
    watch *w = user;
    char left[16];
    losses_add(&w->losses, r->step, r->steps, r->loss, r->valid_loss);
    progress_at(&w->bar, (double)r->step, (double)r->steps, "step %lld, loss %.3f, %.0f tokens/s", (long long)r->step,
                r->loss, r->tokens_per_second);
    if (r->valid_loss >= 0) {
        progress_end(&w->bar);
        note("step %lld: held-out loss %.4f", (long long)r->step, r->valid_loss);
    }
    if (r->step % 10 && r->step != r->steps) return interrupted;
    const double mean = losses_mean(&w->losses);
    if (!on_terminal(2))
        note("step %lld of %lld: loss %.4f, lr %.2e, %.0f tokens/s, %s left", (long long)r->step, (long long)r->steps,
             mean, r->lr, r->tokens_per_second, as_duration(left, r->seconds_left));
    return interrupted;
}

/* The command that uses the result: a conversation where turns were learnt, else a text. */
static void note_try(const watch *w, const char *model, const char *lora, const char *state)
{
    const struct {
        const char *option, *value;
    } with[] = {{"-m", model}, {"--lora", lora}, {"--load-state", state}, {"--vocab", set.vocab}};
    char words[2048] = "";
    for (size_t i = 0, n = 0; i < sizeof with / sizeof *with && n < sizeof words; i++)
        if (with[i].value) n += (size_t)snprintf(words + n, sizeof words - n, " %s %s", with[i].option, with[i].value);
    if (w->masked)
        note("try it: wkv chat%s%s%s", words, set.chat ? " --template " : "", set.chat ? set.chat : "");
    else
        note("try it: wkv generate%s \"Once upon a time\"", words);
}

/* The paths of the results, and a command that uses them. */
static void finish(watch *w, const char *model)
{
    char lora[MODEL_ROOM], state[MODEL_ROOM], full[MODEL_ROOM];
    const int has_lora = method == 0 || method == 2, has_state = method == 1 || method == 2;
    snprintf(lora, sizeof lora, "%s/lora.safetensors", set.out);
    snprintf(state, sizeof state, "%s/state.pth", set.out);
    snprintf(full, sizeof full, "%s/final.%s", set.out, save_type == 2 ? "pth" : "safetensors");
    losses_note(&w->losses, seconds_now() - w->bar.begun, has_lora ? lora : has_state ? state : full);
    if (has_lora) put_text("%s\n", lora);
    if (has_state) put_text("%s\n", state);
    if (method == 3) put_text("%s\n", full);
    note_try(w, method == 3 ? full : model, has_lora ? lora : set.with.lora, has_state ? state : set.with.state);
}

static int run(int n, char **operands)
{
    (void)n, (void)operands;
    static char base[MODEL_ROOM];
    const char *model = set.model; /* as it was typed */
    int status = mpi_alone("tune");
    if (!status) set.model = model_path(set.model, base, &status);
    if (status) return status;
    if (!set.data) return usage(&cmd_tune, "--data says what to learn; it is missing");
    if (!set.out) return usage(&cmd_tune, "--out says where what was learnt goes; it is missing");
    if (set.cut && !set.infctx) return usage(&cmd_tune, "--cut goes with --infctx, which is missing");
    set.method = methods[method];
    set.steps = steps;
    set.checkpointing = checkpointing == 1 ? 1 : checkpointing == 2 ? -1 : 0;
    /* the library's zero means its default; ours means none */
    set.lr_init = isnan(lr) ? 0 : lr;
    set.lr_final = isnan(lr_final) ? 0 : lr_final > 0 ? lr_final : -1;
    set.clip = clip > 0 ? clip : -1;
    set.warmup = set.warmup == -2 ? 0 : set.warmup ? set.warmup : -1;
    set.save_type = save_type < 0 ? NULL : types[save_type];
    watch w = {.losses = {.held = -1}};
    set.plan = show_plan;
    set.show = show_sample;
    set.report = report;
    set.user = &w;
    catch_interrupts();
    progress_begin(&w.bar, "tuning");
    int err = wkv_tune(&set);
    progress_end(&w.bar);
    if (err && !(err == WKV_ESTOPPED && interrupted)) return complain_library();
    if (err) note("%s", wkv_error());
    if (err && !w.losses.step) return 130;
    finish(&w, model);
    return err ? 130 : 0;
}

const command cmd_tune = {
    .name = "tune",
    .operands = "",
    .most = 0,
    .summary = "adapt a model: adapters (LoRA), an initial state, or all weights",
    .about =
        "Learn from samples beside a model that is only read. What is learnt goes into the folder given with --out: "
        "lora.safetensors (and lora.pth for RWKV-PEFT) or state.pth, which wkv generate and wkv chat take with --lora "
        "and "
        "--load-state, and wkv merge puts into the model. A state learns style and form, not facts; adapters learn "
        "both. A folder with results of another run is refused.\n\n"
        "Of conversations and instructions only the answers are learnt. The first three samples are shown before the "
        "first "
        "step, what is learnt of them between [ and ]. Ctrl-C, and a terminal that is closed, end the run after the "
        "step at hand and save; "
        "the exit status is then 130.",
    .examples = "wkv tune -m MODEL.gguf -d answers.jsonl -o run  # adapters\n"
                "wkv tune -d t.csv --fields Q,A -o run  # fields of other names\n"
                "wkv chat -m MODEL.gguf --lora run/lora.safetensors  # try them\n"
                "wkv tune -m MODEL.pth -d style.jsonl -o run --method state  # the initial state\n"
                "wkv tune -m MODEL.pth -d novel.txt -o run --infctx 512  # a text longer than memory",
    .groups = groups,
    .defaults = defaults,
    .run = run,
};
