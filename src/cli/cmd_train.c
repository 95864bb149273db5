/* cmd_train.c - train a model: the options, the plan and the progress of wkv_train. */
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

/* -1 is not given: then the library's default holds, or with --resume what the run has */
static char versions[64]; /* "4|5.2|6|7" */
static const char *const orders[] = {"epochs", "magic"};

static const option run_options[] = {
    {'d', "data", OPT_TEXTS, "PATH", &training.data, 0, 0, "",
     "text to train on, a file or a folder, again for more: .txt is a document; .jsonl, .json, .csv and .tsv have one "
     "in each object "
     "or row (text, messages, questions and answers), also as .gz or .zst; .bin is tokens (binidx)"},
    {0, "fields", OPT_TEXT, "NAMES", &training.set.fields, 0, 0, "the known ones",
     "fields of objects and rows: TEXT, or QUESTION,ANSWER, or QUESTION,ANSWER,CONTEXT"},
    {'o', "out", OPT_TEXT, "DIR", &training.set.out, 0, 0, "",
     "folder for the model and the figures; made when it is not there"},
    {'r', "resume", OPT_SWITCH, NULL, &training.set.resume, 0, 0, "",
     "go on from the last checkpoint in --out; what is not said is as it was"},
    {'m', "model", OPT_TEXT, "MODEL", &training.set.init, 0, 0, "from nothing",
     "checkpoint to go on from; its version and sizes count"},
    {0, "vocab", OPT_TEXT, "FILE|N", &training.set.vocab, 0, 0, "with --model, the checkpoint's; else 2048",
     "the vocabulary: a file, one of the words world, 20B, bytes, or how many words and bytes to choose from the text"},
    TRAINING_ADD_TOKEN,
    {0, "template", OPT_TEXT, "NAME", &training.set.chat, 0, 0, "the one that fits the model",
     "how chat messages are written: world, g1, raven, pile, plain"},
    {0, "valid", OPT_TEXT, "FILE|SHARE", &valid, 0, 0, "0.01",
     "text to measure on that is not learnt, or which share of the data; 0: none"},
    {0, "order", OPT_CHOICE, "epochs|magic", &order, 0, 0, "epochs",
     "shuffled, everything once an epoch; or as the official trainer, by its magic prime"},
};
static const group run_group = GROUP("Run", run_options);

static const option model_options[] = {
    {'V', "version", OPT_CHOICE, versions, &version, 0, 0, "7", "RWKV version of a new model"},
    {'L', "layers", OPT_COUNT, "N", &training.set.layers, 1, 10000, "by the amount of text", "layers of a new model"},
    {'C', "width", OPT_COUNT, "N", &training.set.width, 1, 1000000, "by the amount of text", "width of a new model"},
    {0, "head-size", OPT_COUNT, "N", &training.set.head_size, 1, 4096, "64", "size of a head; divides the width"},
    {0, "ffn", OPT_COUNT, "N", &training.set.ffn, 1, 10000000, "the version's own", "width of the feed-forward part"},
    {0, "vocab-size", OPT_COUNT, "N", &training.set.vocab_size, 2, 1 << 24, "the vocabulary's",
     "logits of a new model"},
};
static const group model_group_new = GROUP("New model", model_options);

static const option work_options[] = {
    {'n', "steps", OPT_COUNT, "N", &training.steps, 1, INT_MAX, "by the amount of text; with --model 1000",
     "steps of the optimizer; with --resume more of them, where the schedule allows"},
    {'e', "epochs", OPT_REAL, "X", &training.epochs, 1e-6, 1e6, "", "in the place of --steps: times the data is read"},
    {'b', "batch", OPT_COUNT, "N", &training.set.batch, 1, 1000000, "8", "sequences in a step"},
    {0, "micro-batch", OPT_COUNT, "N", &training.set.micro_batch, 1, 1000000, "as many as have 512 tokens",
     "sequences computed at once; their gradients add up"},
    {'T', "context", OPT_COUNT, "N", &training.set.context, 1, 10000000, "by the amount of text; with --model 512",
     "tokens in a sequence"},
    TRAINING_SCHEDULE,
    {0, "lr", OPT_REAL, "X", &training.lr, 1e-12, 10, "by the width; with --model 0.0006", "learning rate at first"},
    {0, "lr-final", OPT_REAL, "X", &training.lr_final, 0, 10, "a tenth of --lr", "learning rate at last"},
    {0, "warmup", OPT_COUNT, "N", &training.set.warmup, 0, INT_MAX, "10", "steps in which the learning rate rises"},
    {0, "exit-tokens", OPT_SEED, "N", &exit_tokens, 0, 0, "those of all steps",
     "tokens after which --lr-final is reached"},
    {0, "weight-decay", OPT_REAL, "X", &training.weight_decay, 0, 10, "0.1", "pull of the matrices towards zero"},
    {0, "dropout", OPT_REAL, "X", &training.set.dropout, 0, 0.99, "0", "share of each layer's results left out"},
    {0, "freeze", OPT_TEXT, "LIST", &training.set.freeze, 0, 0, "",
     "parameters that keep their values, with commas: att, ffn (the big matrices), low-rank, norm, time (all other "
     "vectors of the layers), or names as emb, head, att.w0"},
    {0, "clip", OPT_REAL, "X", &training.clip, 0, 1e9, "1", "longest gradient; 0: never clipped"},
    {0, "beta1", OPT_REAL, "X", &training.set.beta1, 1e-6, 0.999999, "0.9", "AdamW: memory of the gradient"},
    {0, "beta2", OPT_REAL, "X", &training.set.beta2, 1e-6, 0.9999999, "0.99", "AdamW: memory of its square"},
    {0, "samples", OPT_SWITCH, NULL, &training.set.samples, 0, 0, "",
     "each object or row is a sequence of its own, of at most --context tokens; of conversations and instructions only "
     "the answers count in the loss"},
    {0, "infctx", OPT_COUNT, "N", &training.set.infctx, 1, 10000000, "",
     "read sequences in chunks of N tokens through which the state is carried: texts longer than memory"},
    {0, "truncate", OPT_SWITCH, NULL, &training.set.truncate, 0, 0, "",
     "with --infctx, do not pass the gradient from a chunk to the one before"},
    {'s', "seed", OPT_SEED, "N", &training.set.seed, 0, 0, "0", "the same options and seed give the same model"},
    {'t', "threads", OPT_COUNT, "N", &training.set.threads, 1, 4096, "one per core",
     "threads to compute with; they do not change the result"},
    {0, "checkpointing", OPT_CHOICE, "auto|on|off", &training.checkpointing, 0, 0, "by the memory there is",
     "run layers twice to need less memory; the result is the same"},
    {0, "shard-optimizer", OPT_SWITCH, NULL, &training.set.shard_optimizer, 0, 0, "",
     "with mpirun: each process keeps the moments of its share of the weights only"},
    {0, "scan", OPT_SWITCH, NULL, &training.set.scan, 0, 0, "",
     "version 4: compute the recurrence as a parallel scan, with other roundings; wkv bench --only scan measures it"},
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

/* A number is a share, anything else a path. */
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
        return usage(&cmd_train,
                     "--valid: '%s' is neither a share from 0 to below 1 nor a file (a file of that name is ./%s)",
                     valid, valid);
    training.set.valid_share = share > 0 ? (float)share : -1;
    return 0;
}

static int run(int n, char **operands)
{
    (void)n, (void)operands;
    wkv_train_options *o = &training.set;
    if (!training.data.n && !o->resume) return usage(&cmd_train, "--data says what to learn; it is missing");
    if (!o->out) return usage(&cmd_train, "--out says where the model goes; it is missing");
    if (o->truncate && !o->infctx) return usage(&cmd_train, "--truncate goes with --infctx, which is missing");
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
        note("stopped; all of it is saved, and this goes on: wkv train --resume --out %s", o->out);
    else if (w.ids)
        note("try it: wkv logits -m %s --tokens 1,2,3 (there is no vocabulary)", path);
    else
        note("try it: wkv generate -m %s \"Once upon a time\"", path);
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
                "wkv train --resume -o run -n 4000  # go on beyond the end\n"
                "wkv train -d more.jsonl -m run/final.safetensors -o run2 --lr 1e-4  # train it on other text\n"
                "mpirun -n 4 wkv train -d stories.jsonl --vocab bytes -o run -b 32  # in four processes\n"
                "wkv generate -m run/final.safetensors \"Once\"  # try it",
    .groups = groups,
    .defaults = defaults,
    .run = run,
};
