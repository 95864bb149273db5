/* cmd_train.c - train a model: the options and the progress of wkv_train. */
#include "commands.h"
#include "say.h"
#include "wkv_train.h"
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>

static wkv_train_options set;
static int steps, version, device, save_type;
static float lr_final, weight_decay, clip;
static const char *const versions[] = {"7", "6", "5.2", "4"};
static const char *const devices[] = {"cpu", "reference"}, *const types[] = {"bf16", "f32"};

static const option run_options[] = {
    {'d', "data", OPT_TEXT, "FILE", &set.data, 0, 0, "",
     "what to learn: .txt is one document, .jsonl has one in the field \"text\" of every line"},
    {'o', "out", OPT_TEXT, "DIR", &set.out, 0, 0, "",
     "folder for the model and the figures; made when it is not there"},
    {0, "valid", OPT_TEXT, "FILE", &set.valid, 0, 0, "the last hundredth of the data",
     "text to measure on that is not learnt"},
    {0, "vocab", OPT_TEXT, "FILE", &set.vocab, 0, 0, "with --init, the checkpoint's",
     "the vocabulary, or the word bytes"},
    {'i', "init", OPT_TEXT, "MODEL", &set.init, 0, 0, "from nothing",
     "checkpoint to go on from; its version and sizes count"},
};
static const group run_group = GROUP("Run", run_options);

static const option model_options[] = {
    {0, "rwkv", OPT_CHOICE, "7|6|5.2|4", &version, 0, 0, NULL, "RWKV version of a new model"},
    {'L', "layers", OPT_COUNT, "N", &set.layers, 1, 10000, NULL, "layers of a new model"},
    {'C', "width", OPT_COUNT, "N", &set.width, 1, 1000000, NULL, "width of a new model"},
    {0, "head-size", OPT_COUNT, "N", &set.head_size, 1, 4096, NULL, "size of a head; divides the width"},
    {0, "ffn", OPT_COUNT, "N", &set.ffn, 1, 10000000, "the version's own", "width of the feed-forward part"},
};
static const group model_group_new = GROUP("New model", model_options);

static const option work_options[] = {
    {'n', "steps", OPT_COUNT, "N", &steps, 1, INT_MAX, NULL, "steps of the optimizer"},
    {'b', "batch", OPT_COUNT, "N", &set.batch, 1, 1000000, NULL, "sequences in a step"},
    {'T', "context", OPT_COUNT, "N", &set.context, 1, 10000000, NULL, "tokens in a sequence"},
    {0, "lr", OPT_REAL, "X", &set.lr_init, 1e-12, 10, NULL, "learning rate at first"},
    {0, "lr-final", OPT_REAL, "X", &lr_final, 0, 10, "a tenth of --lr",
     "learning rate at last; 0 falls in a straight line, else along a cosine"},
    {0, "warmup", OPT_COUNT, "N", &set.warmup, 0, INT_MAX, NULL, "steps in which the learning rate rises"},
    {0, "weight-decay", OPT_REAL, "X", &weight_decay, 0, 10, NULL, "pull of the matrices towards zero"},
    {0, "clip", OPT_REAL, "X", &clip, 0, 1e9, NULL, "longest gradient; 0: never clipped"},
    {0, "beta1", OPT_REAL, "X", &set.beta1, 1e-6, 0.999999, NULL, "AdamW: memory of the gradient"},
    {0, "beta2", OPT_REAL, "X", &set.beta2, 1e-6, 0.9999999, NULL, "AdamW: memory of its square"},
    {'s', "seed", OPT_SEED, "N", &set.seed, 0, 0, "0", "the same options and seed give the same model"},
    {'t', "threads", OPT_COUNT, "N", &set.threads, 1, 4096, "one per core",
     "threads to compute with; they do not change the result"},
    {0, "device", OPT_CHOICE, "cpu|reference", &device, 0, 0, NULL, "what computes"},
};
static const group work_group = GROUP("Work", work_options);

static const option keeping_options[] = {
    {0, "save-type", OPT_CHOICE, "bf16|f32", &save_type, 0, 0, NULL, "numbers of the saved model"},
    {0, "log-every", OPT_COUNT, "N", &set.log_every, 1, INT_MAX, NULL, "steps between figures"},
    {0, "valid-every", OPT_COUNT, "N", &set.valid_every, -1, INT_MAX, NULL,
     "steps between measurements; -1: at the end only"},
    {0, "save-every", OPT_COUNT, "N", &set.save_every, -1, INT_MAX, NULL, "steps between savings; -1: at the end only"},
};
static const group keeping_group = GROUP("Figures and files", keeping_options);
static const group *const groups[] = {&run_group, &model_group_new, &work_group, &keeping_group, &general_group, NULL};

static void defaults(void)
{
    set = (wkv_train_options){.layers = 6,
                              .width = 256,
                              .head_size = 64,
                              .batch = 8,
                              .context = 512,
                              .lr_init = 6e-4f,
                              .warmup = 10,
                              .beta1 = 0.9f,
                              .beta2 = 0.99f,
                              .log_every = 10,
                              .valid_every = 500,
                              .save_every = 1000};
    steps = 1000;
    lr_final = NAN;
    weight_decay = 0.1f;
    clip = 1;
}

typedef struct {
    progress bar;
    double loss; /* since the last line */
    int n;
} watch;

static int report(void *user, const wkv_train_report *r)
{
    watch *w = user;
    w->loss += r->loss;
    w->n++;
    progress_at(&w->bar, (double)r->step, (double)r->steps, "step %lld, loss %.3f, %.0f tokens/s", (long long)r->step,
                r->loss, r->tokens_per_second);
    if (r->valid_loss >= 0) {
        progress_end(&w->bar);
        note("step %lld: held-out loss %.4f, %.4f bits per byte", (long long)r->step, r->valid_loss, r->valid_bits);
    }
    if (!on_terminal(2) && (r->step % set.log_every == 0 || r->step == r->steps)) {
        note("step %lld of %lld: loss %.4f, lr %.2e, %.0f tokens/s", (long long)r->step, (long long)r->steps,
             w->loss / w->n, r->lr, r->tokens_per_second);
        w->loss = 0, w->n = 0;
    }
    return interrupted;
}

static int run(int n, char **operands)
{
    (void)n, (void)operands;
    if (!set.data) return usage(&cmd_train, "--data says what to learn; it is missing");
    if (!set.out) return usage(&cmd_train, "--out says where the model goes; it is missing");
    if (!set.vocab && !set.init)
        return usage(&cmd_train, "--vocab is needed for a new model: a vocabulary file, or the word bytes");
    /* the library's zero means its default; ours means none */
    set.steps = steps;
    set.version = versions[version];
    set.device = devices[device];
    set.save_type = types[save_type];
    set.lr_final = isnan(lr_final) ? 0 : lr_final > 0 ? lr_final : -1;
    set.weight_decay = weight_decay > 0 ? weight_decay : -1;
    set.clip = clip > 0 ? clip : -1;
    if (!set.warmup) set.warmup = -1;
    watch w = {0};
    progress_begin(&w.bar, "training");
    set.report = report;
    set.user = &w;
    catch_interrupts();
    int e = wkv_train(&set);
    progress_end(&w.bar);
    if (e && !(e == WKV_ESTOPPED && interrupted)) return complain_library();
    put_text("%s/final.safetensors\n", set.out);
    if (e) note("stopped; the model as it was then is saved");
    return e ? 130 : 0;
}

const command cmd_train = {
    .name = "train",
    .operands = "",
    .most = 0,
    .summary = "train a model, from nothing or from a checkpoint",
    .about = "Learn from text. The folder given with --out receives final.safetensors, with official names and shapes, "
             "which every RWKV "
             "tool that reads safetensors reads; final.vocab.txt, its vocabulary; and train.jsonl, a line of figures "
             "now and then. The "
             "path of the model is printed at the end.\n\n"
             "Ctrl-C ends the run after the step at hand and saves; the exit status is then 130.",
    .examples = "wkv train -d stories.jsonl --vocab bytes -o run -L 3 -C 128 -n 2000  # a small model of bytes\n"
                "wkv train -d more.jsonl -i run/final.safetensors -o run2 --lr 1e-4  # go on from it\n"
                "wkv generate -m run/final.safetensors \"Once\"  # try it",
    .groups = groups,
    .defaults = defaults,
    .run = run,
};
