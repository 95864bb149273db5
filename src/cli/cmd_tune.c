/* cmd_tune.c - adapt a model: the options, and the notes at its end. */
#include "commands.h"
#include "models.h"
#include "training.h"
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int method;
static int loss;
static const char *const loss_names[] = {"cross-entropy", "dpo", "orpo"};
enum { FULL = 5 };
static const char *const methods[] = {"lora", "pissa", "miss", "state", "lora+state", "full"};

static const option run_options[] = {
    {'d', "data", OPT_TEXTS, "PATH", &training.data, 0, 0, "",
     "samples to train on, a file or a folder, again for more: .jsonl, .json, .csv and .tsv with messages, questions "
     "and answers, or text, also as .gz or .zst; any other file is one text"},
    {0, "fields", OPT_TEXT, "NAMES", &training.set.fields, 0, 0, "the known ones",
     "fields of samples: QUESTION,ANSWER, or QUESTION,ANSWER,CONTEXT, or TEXT"},
    {'o', "out", OPT_TEXT, "DIR", &training.set.out, 0, 0, "", "folder for what was learnt; made when it is not there"},
    {0, "resume", OPT_SWITCH, NULL, &training.set.resume, 0, 0, "",
     "go on from the last checkpoint in --out; what is not said is as it was"},
    {'m', "model", OPT_TEXT, "MODEL", &training.set.init, 0, 0, "the built-in model",
     "the model; it is only read, and may be stored with 8 or 4 bits"},
    NO_MMAP_OPTION(&training.set.with.no_mmap),
    {0, "valid", OPT_TEXT, "FILE", &training.set.valid, 0, 0, "", "samples to measure on that are not learnt"},
    {0, "vocab", OPT_TEXT, "FILE", &training.set.vocab, 0, 0, "the one that fits the model", "the vocabulary"},
    TRAINING_ADD_TOKEN,
    {0, "template", OPT_TEXT, "NAME", &training.set.chat, 0, 0, "the one that fits the model",
     "how conversations are written: world, g1, raven, pile, plain"},
};
static const group run_group = GROUP("Run", run_options);

static const option what_options[] = {
    {0, "method", OPT_CHOICE, "lora|pissa|miss|state|lora+state|full", &method, 0, 0, NULL,
     "what is learnt: low-rank adapters of the matrices, adapters that begin as their singular vectors, adapters "
     "of one shared shard, the initial state, adapters (lora) and state, or all weights"},
    {'r', "rank", OPT_COUNT, "R", &training.set.rank, 1, 16384, "16; of miss 32", "rank of the adapters"},
    {0, "alpha", OPT_REAL, "A", &training.set.alpha, 0, 1e6, "twice the rank; of pissa the rank",
     "adapters count A / R times"},
    {0, "targets", OPT_TEXT, "LIST", &training.set.targets, 0, 0, "att,ffn",
     "which weights get one, with commas: att, ffn, low-rank (the version's own small matrices), or names as att.key"},
    {0, "lora-dropout", OPT_REAL, "X", &training.set.lora_dropout, 0, 0.99, "0",
     "share of the values that adapters read which is left out, others in each step"},
    {0, "train", OPT_TEXT, "LIST", &training.set.train, 0, 0, "",
     "the model's own parameters to train beside the frozen ones, with commas: norm, time (all other vectors of the "
     "layers), the words of --targets, or names as emb, head, att.w0"},
    {0, "freeze", OPT_TEXT, "LIST", &training.set.freeze, 0, 0, "",
     "with --method full, the parameters that keep their values; the same words"},
    {0, "lora", OPT_TEXT, "FILE", &training.set.with.lora, 0, 0, "", "go on from this adapter"},
    {0, "lora-alpha", OPT_REAL, "A", &training.set.with.lora_alpha, 0, 1e6, "the adapter's own, where it tells",
     "its alpha"},
    {0, "load-state", OPT_TEXT, "FILE", &training.set.with.state, 0, 0, "", "begin with this state"},
    {0, "loss", OPT_CHOICE, "cross-entropy|dpo|orpo", &loss, 0, 0, "cross-entropy",
     "cross entropy of the answers; or of pairs of answers (\"prompt\", \"chosen\", \"rejected\") how likely one is "
     "beside the other: DPO, against the model as it was, or ORPO"},
    {0, "beta", OPT_REAL, "X", &training.set.beta, 1e-6, 1e3, "0.1",
     "of dpo: how dear it is to leave the model as it was; of orpo: weight of the pair beside the chosen answer"},
    {0, "reference", OPT_TEXT, "MODEL", &training.set.reference, 0, 0, "--model without adapters",
     "model that dpo compares with"},
};
static const group what_group = GROUP("What is learnt", what_options);

static const option work_options[] = {
    {'n', "steps", OPT_COUNT, "N", &training.steps, 1, INT_MAX, "as --epochs takes",
     "steps of the optimizer; with --resume more of them, where the schedule allows"},
    {'e', "epochs", OPT_REAL, "X", &training.epochs, 1, 1000000, "3, or as many as make 120 steps",
     "times every sample is learnt"},
    {'b', "batch", OPT_COUNT, "N", &training.set.batch, 1, 1000000, "8", "samples in a step"},
    {0, "micro-batch", OPT_COUNT, "N", &training.set.micro_batch, 1, 1000000, "as many as have 512 tokens",
     "samples computed at once; fewer need less memory"},
    {0, "checkpointing", OPT_CHOICE, "auto|on|off", &training.checkpointing, 0, 0, "by the memory there is",
     "run layers twice to need less memory; the result is the same"},
    {'T', "context", OPT_COUNT, "N", &training.set.context, 1, 10000000, "1024; with --infctx all",
     "tokens read of a sample at most"},
    {0, "infctx", OPT_COUNT, "N", &training.set.infctx, 1, 10000000, "",
     "read samples in chunks of N tokens through which the state is carried: texts longer than memory"},
    {0, "truncate", OPT_SWITCH, NULL, &training.set.truncate, 0, 0, "",
     "with --infctx, do not pass the gradient from a chunk to the one before"},
    {0, "lr", OPT_REAL, "X", &training.lr, 1e-12, 10, "1e-3 for lora, 1 for state, 3e-5 for full",
     "learning rate at first"},
    TRAINING_SCHEDULE,
    {0, "lr-final", OPT_REAL, "X", &training.lr_final, 0, 10, "a tenth of --lr; for state a hundredth",
     "learning rate at last"},
    {0, "warmup", OPT_COUNT, "N", &training.set.warmup, 0, INT_MAX, "a tenth of the steps, 10 at most",
     "steps in which the learning rate rises"},
    {0, "weight-decay", OPT_REAL, "X", &training.weight_decay, 0, 10, "0", "pull of what is learnt towards zero"},
    {0, "clip", OPT_REAL, "X", &training.clip, 0, 1e9, "1", "longest gradient; 0: never clipped"},
    {'s', "seed", OPT_SEED, "N", &training.set.seed, 0, 0, "0", "the same options and seed give the same result"},
    {'t', "threads", OPT_COUNT, "N", &training.set.threads, 1, 4096, "one per core",
     "threads to compute with; they do not change the result"},
    DEVICE_OPTION(&training.set.device),
    {0, "shard-optimizer", OPT_SWITCH, NULL, &training.set.shard_optimizer, 0, 0, "",
     "with mpirun: each process keeps the moments of its share of what is learnt only"},
};
static const group work_group = GROUP("Work", work_options);
static const group *const groups[] = {&run_group, &what_group, &work_group, &training_keeping, &general_group, NULL};

static void defaults(void)
{
    training_defaults();
    method = loss = -1;
}

/* The command that uses the result: a conversation where turns were learnt, else a text. */
static void note_try(const training_watch *w, const char *model, const char *lora, const char *state)
{
    const struct {
        const char *option, *value;
    } with[] = {{"-m", model},
                {"--lora", lora},
                {"--load-state", state},
                {"--vocab", training.set.add_tokens ? NULL : training.set.vocab}};
    char words[2048] = "";
    for (size_t i = 0, n = 0; i < sizeof with / sizeof *with && n < sizeof words; i++)
        if (with[i].value) n += (size_t)snprintf(words + n, sizeof words - n, " %s %s", with[i].option, with[i].value);
    if (w->masked)
        note("try it: wkv chat%s%s%s", words, training.set.chat ? " --template " : "",
             training.set.chat ? training.set.chat : "");
    else
        note("try it: wkv generate%s \"Once upon a time\"", words);
}

/* The paths of the results, and a command that uses them. */
static void finish(training_watch *w, const char *model)
{
    const wkv_train_options *o = &training.set;
    char lora[MODEL_ROOM], state[MODEL_ROOM], full[MODEL_ROOM];
    snprintf(lora, sizeof lora, "%s/lora.safetensors", o->out);
    snprintf(state, sizeof state, "%s/state.pth", o->out);
    snprintf(full, sizeof full, "%s/final.%s", o->out, training_suffix());
    const int has_lora = !access(lora, R_OK), has_state = !access(state, R_OK), has_full = !has_lora && !has_state;
    losses_note(&w->losses, seconds_now() - w->bar.begun, has_lora ? lora : has_state ? state : full);
    if (has_lora) put_text("%s\n", lora);
    if (has_state) put_text("%s\n", state);
    if (has_full) put_text("%s\n", full);
    note_try(w, has_full ? full : model, has_lora ? lora : o->with.lora, has_state ? state : o->with.state);
}

static int run(int n, char **operands)
{
    (void)n, (void)operands;
    static char base[MODEL_ROOM];
    wkv_train_options *o = &training.set;
    const char *model = o->init; /* as it was typed */
    int status = 0;
    o->init = model_path(o->init, base, &status);
    if (status) return status;
    if (!training.data.n && !o->resume) return usage(&cmd_tune, "--data says what to learn; it is missing");
    if (!o->out) return usage(&cmd_tune, "--out says where what was learnt goes; it is missing");
    if (o->truncate && !o->infctx) return usage(&cmd_tune, "--truncate goes with --infctx, which is missing");
    o->samples = 1;
    if (method == FULL && !o->init && !o->resume) o->init = "built-in";
    o->loss = loss < 0 ? NULL : loss_names[loss];
    o->method = method < 0 ? NULL : methods[method];
    training_watch w;
    if (training.only_plan) training_put_memory();
    status = training_run(&w, "tuning");
    if (!w.result) return status;
    finish(&w, model);
    if (status == 130) note("stopped; all of it is saved, and this goes on: wkv tune --resume --out %s", o->out);
    return status;
}

const command cmd_tune = {
    .name = "tune",
    .operands = "",
    .most = 0,
    .summary = "adapt a model: adapters (LoRA, PiSSA, MiSS), an initial state, or all weights",
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
                "wkv tune -m MODEL.pth -d pairs.jsonl -o run --loss dpo  # preferred answers\n"
                "wkv tune -m MODEL.pth -d novel.txt -o run --infctx 512  # a text longer than memory",
    .groups = groups,
    .defaults = defaults,
    .run = run,
};
