/* cmd_train.c - wkv train: options and help. */
#include "commands.h"
#include "models.h"
#include "training.h"
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static const char *valid;
static int version, order;
static uint64_t exit_tokens;

/* -1: not given. The default of the library applies, or with --resume the setting of the run. */
static char versions[64]; /* "4|5.2|6|7" */
static const char *const orders[] = {"epochs", "magic"};

static const option run_options[] = {
    {'d', "data", OPT_TEXTS, "PATH", &training.data, 0, 0, "",
     "training text, a file or a folder; may be repeated. A .txt is one document; .jsonl, .json, .csv and .tsv hold "
     "one per object or row (text, messages, question and answer); .gz and .zst are unpacked; .bin holds tokens "
     "(binidx)"},
    {0, "fields", OPT_TEXT, "NAMES", &training.set.fields, 0, 0, "the known ones",
     "names of the fields: TEXT, or QUESTION,ANSWER, or QUESTION,ANSWER,CONTEXT"},
    {'o', "out", OPT_TEXT, "DIR", &training.set.out, 0, 0, "",
     "output folder for the model and the metrics; created if missing"},
    {'r', "resume", OPT_SWITCH, NULL, &training.set.resume, 0, 0, "",
     "resume from the last checkpoint in --out; options not given keep the values of the run"},
    {'m', "model", OPT_TEXT, "MODEL", &training.set.init, 0, 0, "a new model",
     "checkpoint to continue from; version and sizes are the checkpoint's"},
    {0, "vocab", OPT_TEXT, "FILE|N", &training.set.vocab, 0, 0, "that of --model, else 2048",
     "vocabulary: a file, one of world, 20B, bytes, or a number: build one of at most N ids from the text"},
    TRAINING_ADD_TOKEN,
    {0, "template", OPT_TEXT, "NAME", &training.set.chat, 0, 0, "the one that fits the model",
     "chat template: world, g1, raven, pile, plain"},
    {0, "valid", OPT_TEXT, "FILE|SHARE", &valid, 0, 0, "0.01",
     "held-out text, or the share of the data to hold out; 0: none"},
    {0, "order", OPT_CHOICE, "epochs|magic", &order, 0, 0, "epochs",
     "epochs: shuffled, each sequence once per epoch; magic: the order of the official trainer (magic prime)"},
};
static const group run_group = GROUP("Run", run_options);

static const option model_options[] = {
    {'V', "version", OPT_CHOICE, versions, &version, 0, 0, "7", "RWKV version of a new model"},
    {'L', "layers", OPT_COUNT, "N", &training.set.layers, 1, 10000, "from the text's size", "number of layers"},
    {'C', "width", OPT_COUNT, "N", &training.set.width, 1, 1000000, "from the text's size", "embedding size"},
    {0, "head-size", OPT_COUNT, "N", &training.set.head_size, 1, 4096, "64", "head size; must divide the width"},
    {0, "ffn", OPT_COUNT, "N", &training.set.ffn, 1, 10000000, "depends on the version",
     "hidden size of the channel mix (FFN)"},
    {0, "vocab-size", OPT_COUNT, "N", &training.set.vocab_size, 2, 1 << 24, "the vocabulary's", "number of logits"},
};
static const group model_group_new = GROUP("New model", model_options);

static const option work_options[] = {
    {'n', "steps", OPT_COUNT, "N", &training.steps, 1, INT_MAX, "from the text's size; 1000 with --model",
     "optimizer steps; with --resume, a larger number extends the run if the schedule allows it"},
    {'e', "epochs", OPT_REAL, "X", &training.epochs, 1e-6, 1e6, "",
     "number of passes over the data, instead of --steps"},
    {'b', "batch", OPT_COUNT, "N", &training.set.batch, 1, 1000000, "8", "sequences per step"},
    {0, "micro-batch", OPT_COUNT, "N", &training.set.micro_batch, 1, 1000000, "as many as have 512 tokens",
     "sequences computed at once (gradient accumulation)"},
    {'T', "context", OPT_COUNT, "N", &training.set.context, 1, 10000000, "from the text's size; 512 with --model",
     "tokens per sequence"},
    TRAINING_SCHEDULE,
    {0, "lr", OPT_REAL, "X", &training.lr, 1e-12, 10, "from the width; 0.0006 with --model", "initial learning rate"},
    {0, "lr-final", OPT_REAL, "X", &training.lr_final, 0, 10, "a tenth of --lr", "final learning rate"},
    {0, "warmup", OPT_COUNT, "N", &training.set.warmup, 0, INT_MAX, "10", "steps of learning rate warmup"},
    {0, "exit-tokens", OPT_SEED, "N", &exit_tokens, 0, 0, "all", "reach --lr-final after N tokens"},
    {0, "weight-decay", OPT_REAL, "X", &training.weight_decay, 0, 10, "0.1", "weight decay of the matrices (AdamW)"},
    {0, "dropout", OPT_REAL, "X", &training.set.dropout, 0, 0.99, "0",
     "dropout probability after time mix and channel mix"},
    {0, "freeze", OPT_TEXT, "LIST", &training.set.freeze, 0, 0, "",
     "parameters to freeze, comma-separated: att, ffn (their big matrices), low-rank, norm, time (the other vectors of "
     "the layers), or names such as emb, head, att.w0"},
    {0, "clip", OPT_REAL, "X", &training.clip, 0, 1e9, "1", "clip the gradient norm to X; 0 disables"},
    {0, "beta1", OPT_REAL, "X", &training.set.beta1, 1e-6, 0.999999, "0.9", "AdamW beta1"},
    {0, "beta2", OPT_REAL, "X", &training.set.beta2, 1e-6, 0.9999999, "0.99", "AdamW beta2"},
    {0, "samples", OPT_SWITCH, NULL, &training.set.samples, 0, 0, "",
     "make each object or row a sequence of at most --context tokens; the loss includes only the answers of "
     "conversations and instructions"},
    {0, "infctx", OPT_COUNT, "N", &training.set.infctx, 1, 10000000, "",
     "process sequences in chunks of N tokens and carry the state, so that memory does not grow with the context"},
    {0, "truncate", OPT_SWITCH, NULL, &training.set.truncate, 0, 0, "",
     "with --infctx: truncated BPTT, no gradient from a chunk to the previous one"},
    {'s', "seed", OPT_SEED, "N", &training.set.seed, 0, 0, "0",
     "random seed; the same options and seed give the same model"},
    {'t', "threads", OPT_COUNT, "N", &training.set.threads, 1, 4096, "one per core",
     "number of threads; does not change the result"},
    {0, "checkpointing", OPT_CHOICE, "auto|on|off", &training.checkpointing, 0, 0, "auto, from the free memory",
     "recompute activations in backward to save memory (gradient checkpointing); same result"},
    {0, "shard-optimizer", OPT_SWITCH, NULL, &training.set.shard_optimizer, 0, 0, "",
     "with mpirun: shard the AdamW moments over the processes (ZeRO-1)"},
    {0, "scan", OPT_SWITCH, NULL, &training.set.scan, 0, 0, "",
     "version 4: compute the recurrence as a parallel scan, which rounds differently; wkv bench --only scan times it"},
    DEVICE_OPTION(&training.set.device),
};
static const group work_group = GROUP("Work", work_options);

static const group *const groups[] = {&run_group, &model_group_new, &work_group, &training_keeping, &short_group, NULL};

static void defaults(void)
{
    size_t n = 0;
    const char *v;
    for (int i = 0; (v = wkv_train_version(i)) && n < sizeof versions; i++)
        n += (size_t)snprintf(versions + n, sizeof versions - n, "%s%s", i ? "|" : "", v);
    training_defaults();
    valid = NULL;
    version = order = -1;
    exit_tokens = 0;
}

/* --valid: a number is a share, anything else a path. */
static int set_valid(void)
{
    char *end;
    if (!valid) return 0;
    double share = strtod(valid, &end);
    if (*end) {
        training.set.valid = valid;
        return 0;
    }
    if (!*valid || !(share >= 0 && share < 1))
        return usage(&cmd_train, "--valid: '%s' is not a share in [0, 1); write ./%s for a file of that name", valid,
                     valid);
    training.set.valid_share = share > 0 ? (float)share : -1;
    return 0;
}

static int run(int n, char **operands)
{
    (void)n, (void)operands;
    wkv_train_options *o = &training.set;
    if (!training.data.n && !o->resume) return usage(&cmd_train, "--data is missing; it names the training text");
    if (!o->out) return usage(&cmd_train, "--out is missing; it names the output folder");
    if (o->truncate && !o->infctx) return usage(&cmd_train, "--truncate needs --infctx");
    o->method = "full";
    o->exit_tokens = (int64_t)exit_tokens;
    o->version = wkv_train_version(version);
    o->order = order < 0 ? NULL : orders[order];
    int status = set_valid();
    if (status) return status;
    static char init[MODEL_ROOM];
    o->init = model_path(o->init, init, &status);
    if (status) return status;
    training_watch w;
    status = training_run(&w, "training");
    if (!w.result) return status;
    char path[MODEL_ROOM];
    snprintf(path, sizeof path, "%s/final.%s", o->out, training_suffix());
    losses_note(&w.losses, seconds_now() - w.bar.begun, path);
    put_text("%s\n", path);
    if (status == 130)
        note("stopped and saved; resume with: wkv train --resume --out %s", o->out);
    else if (w.ids)
        note("try it: wkv logits -m %s --tokens 1,2,3 (token ids: no vocabulary is known)", path);
    else
        note("try it: wkv generate -m %s \"Once upon a time\"", path);
    return status;
}

const command cmd_train = {
    .name = "train",
    .operands = "",
    .most = 0,
    .summary = "train a model, new or from a checkpoint",
    .about =
        "Train a model on text. The run writes into the folder --out: final.safetensors, the model with official "
        "names and shapes, which every RWKV tool that reads safetensors can load, and its vocabulary final.vocab.txt; "
        "best.safetensors, the model with the lowest held-out loss (--save-type pth: final.pth, best.pth); train.html, "
        "a page with live curves; train.jsonl, a log with one JSON object per line; and event files for TensorBoard. "
        "The path of the model is printed at the end. A folder with results of another run is refused.\n\n"
        "Ctrl-C or closing the terminal ends the run after the current step and saves; the exit status is then 130. "
        "--resume continues an interrupted run, even after a crash, from its newest intact checkpoint; the result has "
        "the same bytes as that of an uninterrupted run.\n\n"
        "Under mpirun, several processes train one model, each on its share of --batch; the result equals that of one "
        "process up to rounding. This needs a wkv built with MPI.",
    .examples = "wkv train -d stories.txt -o run  # sizes chosen from the text\n"
                "wkv train -d t.csv --fields story -o run  # text in the field story\n"
                "wkv train -d stories.jsonl --vocab bytes -o run -L 3 -C 128 -n 2000  # a small byte model\n"
                "wkv train --resume -o run  # resume after an interruption\n"
                "wkv train --resume -o run -n 4000  # extend the run\n"
                "wkv train -d more.jsonl -m run/final.safetensors -o run2 --lr 1e-4  # continue on other text\n"
                "mpirun -n 4 wkv train -d stories.jsonl --vocab bytes -o run -b 32  # four processes\n"
                "wkv generate -m run/final.safetensors \"Once\"  # try it",
    .groups = groups,
    .defaults = defaults,
    .run = run,
};
