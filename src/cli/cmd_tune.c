/* cmd_tune.c - wkv tune: options, help, and the notes at the end. */
#include "commands.h"
#include "models.h"
#include "training.h"
#include "base/platform/entry.h"
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static int method;
static int loss;
static const char *const loss_names[] = {"cross-entropy", "dpo", "orpo"};
enum { FULL = 5 };
static const char *const methods[] = {"lora", "pissa", "miss", "state", "lora+state", "full"};

static const option run_options[] = {
    {'d', "data", OPT_TEXTS, "PATH", &training.data, 0, 0, "",
     "training samples, a file or a folder; may be repeated. .jsonl, .json, .csv and .tsv hold messages, question and "
     "answer, or text; .gz and .zst are unpacked; any other file is one text"},
    {0, "fields", OPT_TEXT, "NAMES", &training.set.fields, 0, 0, "the known ones",
     "names of the fields: QUESTION,ANSWER, or QUESTION,ANSWER,CONTEXT, or TEXT"},
    {'o', "out", OPT_TEXT, "DIR", &training.set.out, 0, 0, "", "output folder; created if missing"},
    {0, "resume", OPT_SWITCH, NULL, &training.set.resume, 0, 0, "",
     "resume from the last checkpoint in --out; options not given keep the values of the run"},
    {'m', "model", OPT_TEXT, "MODEL", &training.set.init, 0, 0, "the built-in model",
     "base model; never written, may be quantized to 8 or 4 bits"},
    NO_MMAP_OPTION(&training.set.with.no_mmap),
    {0, "valid", OPT_TEXT, "FILE", &training.set.valid, 0, 0, "", "held-out samples"},
    {0, "vocab", OPT_TEXT, "FILE", &training.set.vocab, 0, 0, "the one that fits the model", "vocabulary"},
    TRAINING_ADD_TOKEN,
    {0, "template", OPT_TEXT, "NAME", &training.set.chat, 0, 0, "the one that fits the model",
     "chat template: world, g1, raven, pile, plain"},
};
static const group run_group = GROUP("Run", run_options);

static const option method_options[] = {
    {0, "method", OPT_CHOICE, "lora|pissa|miss|state|lora+state|full", &method, 0, 0, NULL,
     "trained parameters: LoRA adapters, adapters initialized with principal singular vectors (PiSSA), matrix shard "
     "sharing (MiSS), the initial state, LoRA and state, or all weights"},
    {'r', "rank", OPT_COUNT, "R", &training.set.rank, 1, 16384, "16; 32 for miss", "rank of the adapters"},
    {0, "alpha", OPT_REAL, "A", &training.set.alpha, 0, 1e6, "2 R; R for pissa",
     "adapter scale: the update is multiplied by A / R"},
    {0, "targets", OPT_TEXT, "LIST", &training.set.targets, 0, 0, "att,ffn",
     "weights that get an adapter, comma-separated: att, ffn, low-rank (the small matrices of the version), or names "
     "such as att.key"},
    {0, "lora-dropout", OPT_REAL, "X", &training.set.lora_dropout, 0, 0.99, "0",
     "dropout probability of the adapter inputs"},
    {0, "train", OPT_TEXT, "LIST", &training.set.train, 0, 0, "",
     "additional parameters to train, with --method full the only ones; comma-separated: norm, time (the other vectors "
     "of the layers), the words of --targets, or names such as emb, head, att.w0; blocks.3.ffn: in layer 3 only"},
    {0, "freeze", OPT_TEXT, "LIST", &training.set.freeze, 0, 0, "",
     "with --method full: parameters to freeze; the same words"},
    {0, "lora", OPT_TEXT, "FILE", &training.set.with.lora, 0, 0, "", "continue from this adapter"},
    {0, "lora-alpha", OPT_REAL, "A", &training.set.with.lora_alpha, 0, 1e6, "from its metadata", "alpha of --lora"},
    {0, "state", OPT_TEXT, "FILE", &training.set.with.state, 0, 0, "", "continue from this state"},
    {0, "loss", OPT_CHOICE, "cross-entropy|dpo|orpo", &loss, 0, 0, "cross-entropy",
     "cross entropy of the answers; or a preference loss on pairs (\"prompt\", \"chosen\", \"rejected\"): DPO, which "
     "compares with a reference model, or ORPO"},
    {0, "beta", OPT_REAL, "X", &training.set.beta, 1e-6, 1e3, "0.1",
     "dpo: beta, the strength of the KL constraint to the reference; orpo: lambda, the weight of the odds ratio term"},
    {0, "reference", OPT_TEXT, "MODEL", &training.set.reference, 0, 0, "--model without adapters",
     "reference model of dpo"},
};
static const group method_group = GROUP("Method", method_options);

static const option work_options[] = {
    {'n', "steps", OPT_COUNT, "N", &training.steps, 1, INT_MAX, "from --epochs",
     "optimizer steps; with --resume, a larger number extends the run if the schedule allows it"},
    {'e', "epochs", OPT_REAL, "X", &training.epochs, 1, 1000000, "3, or as many as make 120 steps",
     "number of passes over the samples"},
    {'b', "batch", OPT_COUNT, "N", &training.set.batch, 1, 1000000, "8", "samples per step"},
    {0, "micro-batch", OPT_COUNT, "N", &training.set.micro_batch, 1, 1000000, "as many as have 512 tokens",
     "samples computed at once (gradient accumulation)"},
    {0, "checkpointing", OPT_CHOICE, "auto|on|off", &training.checkpointing, 0, 0, "auto, from the free memory",
     "recompute activations in backward to save memory (gradient checkpointing); same result"},
    {'T', "context", OPT_COUNT, "N", &training.set.context, 1, 10000000, "1024; no limit with --infctx",
     "maximum tokens per sample"},
    {0, "infctx", OPT_COUNT, "N", &training.set.infctx, 1, 10000000, "",
     "process samples in chunks of N tokens and carry the state, so that memory does not grow with the context"},
    {0, "truncate", OPT_SWITCH, NULL, &training.set.truncate, 0, 0, "",
     "with --infctx: truncated BPTT, no gradient from a chunk to the previous one"},
    {0, "lr", OPT_REAL, "X", &training.lr, 1e-12, 10, "1e-3 for lora, 1 for state, 3e-5 for full",
     "initial learning rate"},
    TRAINING_SCHEDULE,
    {0, "lr-final", OPT_REAL, "X", &training.lr_final, 0, 10, "a tenth of --lr; a hundredth for state",
     "final learning rate"},
    {0, "warmup", OPT_COUNT, "N", &training.set.warmup, 0, INT_MAX, "a tenth of the steps, 10 at most",
     "steps of learning rate warmup"},
    {0, "weight-decay", OPT_REAL, "X", &training.weight_decay, 0, 10, "0", "weight decay (AdamW)"},
    {0, "clip", OPT_REAL, "X", &training.clip, 0, 1e9, "1", "clip the gradient norm to X; 0 disables"},
    {'s', "seed", OPT_SEED, "N", &training.set.seed, 0, 0, "0",
     "random seed; the same options and seed give the same result"},
    {'t', "threads", OPT_COUNT, "N", &training.set.threads, 1, 4096, "one per core",
     "number of threads; does not change the result"},
    DEVICE_OPTION(&training.set.device),
    {0, "shard-optimizer", OPT_SWITCH, NULL, &training.set.shard_optimizer, 0, 0, "",
     "with mpirun: shard the AdamW moments over the processes (ZeRO-1)"},
};
static const group work_group = GROUP("Work", work_options);
static const group *const groups[] = {&run_group, &method_group, &work_group, &training_keeping, &general_group, NULL};

static void defaults(void)
{
    training_defaults();
    method = loss = -1;
}

/* Suggest a command that uses the result: chat if the loss had masked turns, else generate. */
static void note_try(const training_watch *w, const char *model, const char *lora, const char *state)
{
    const struct {
        const char *option, *value;
    } with[] = {{"-m", model},
                {"--lora", lora},
                {"--state", state},
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

static void finish(training_watch *w, const char *model)
{
    const wkv_train_options *o = &training.set;
    char lora[MODEL_ROOM], state[MODEL_ROOM], full[MODEL_ROOM];
    snprintf(lora, sizeof lora, "%s/lora.safetensors", o->out);
    snprintf(state, sizeof state, "%s/state.pth", o->out);
    snprintf(full, sizeof full, "%s/final.%s", o->out, training_suffix());
    const int has_lora = entry_is_readable(lora), has_state = entry_is_readable(state),
              has_full = !has_lora && !has_state;
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
    const char *model = o->init; /* as typed, for note_try */
    int status = 0;
    o->init = model_path(o->init, base, &status);
    if (status) return status;
    if (!training.data.n && !o->resume) return usage(&cmd_tune, "--data is missing; it names the training samples");
    if (!o->out) return usage(&cmd_tune, "--out is missing; it names the output folder");
    if (o->truncate && !o->infctx) return usage(&cmd_tune, "--truncate needs --infctx");
    o->samples = 1;
    if (method == FULL && !o->init && !o->resume) o->init = "built-in";
    o->loss = loss < 0 ? NULL : loss_names[loss];
    o->method = method < 0 ? NULL : methods[method];
    training_watch w;
    if (training.only_plan) training_put_memory();
    status = training_run(&w, "tuning");
    if (!w.result) return status;
    finish(&w, model);
    if (status == 130) note("stopped and saved; resume with: wkv tune --resume --out %s", o->out);
    return status;
}

const command cmd_tune = {
    .name = "tune",
    .operands = "",
    .most = 0,
    .summary = "adapt a model: adapters (LoRA, PiSSA, MiSS), an initial state, or all weights",
    .about =
        "Fine-tune a model on samples; the model file is only read. The run writes into the folder --out: "
        "lora.safetensors (and lora.pth for RWKV-PEFT) or state.pth. wkv generate and wkv chat load them with --lora "
        "and --state; wkv merge merges them into the model. A state learns style and format, not facts; adapters "
        "learn both. A folder with results of another run is refused.\n\n"
        "The loss includes only the answers of conversations and instructions. The run shows the first three samples "
        "before the first step, with the tokens of the loss between [ and ]. Ctrl-C or closing the terminal ends the "
        "run after the current step and saves; the exit status is then 130.",
    .examples = "wkv tune -m MODEL.gguf -d answers.jsonl -o run  # adapters\n"
                "wkv tune -d t.csv --fields Q,A -o run  # text in the fields Q and A\n"
                "wkv chat -m MODEL.gguf --lora run/lora.safetensors  # use them\n"
                "wkv tune -m MODEL.pth -d style.jsonl -o run --method state  # the initial state\n"
                "wkv tune -m MODEL.pth -d pairs.jsonl -o run --loss dpo  # preference pairs\n"
                "wkv tune -m MODEL.pth -d novel.txt -o run --infctx 512  # a long text",
    .groups = groups,
    .defaults = defaults,
    .run = run,
};
