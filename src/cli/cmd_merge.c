/* cmd_merge.c - wkv merge: merge an adapter or a tuned state into the weights of its model. */
#include "commands.h"
#include "engine.h"
#include "models.h"
#include "say.h"
#include "wkv.h"
#include <math.h>
#include <stdlib.h>

enum { TOKENS = 64 }; /* number of tokens for the comparison of logits */

static int type;

static const option options[] = {
    {0, "type", OPT_CHOICE, STORED_TYPES, &type, 0, 0, NULL,
     "data type of the weights; keep: as in MODEL; q types: 8, 5 or 4 bits, .gguf only"},
    NO_MMAP_OPTION(&engine_with.no_mmap),
};
static const group own = GROUP("Conversion", options);
static const group *const groups[] = {&adapter_group, &own, &tokenizer_group, &general_group, NULL};

typedef struct {
    const wkv_model *unmerged;
    const char *base, *path; /* path of the model; path of the output */
    progress bar;
    int status; /* exit status of the comparison          */
} merging;

static int report(void *user, double done, double total)
{
    char a[32];
    merging *m = user;
    progress_at(&m->bar, done, total, "of %s parameters", as_count(a, (int64_t)total));
    return interrupted;
}

/* Logits [TOKENS][vocab] of fixed pseudorandom tokens; the caller frees them. NULL: failed, error printed. */
static float *logits_of(const wkv_model *m)
{
    const int vocab = wkv_model_about(m)->vocab;
    int32_t ids[TOKENS];
    uint32_t x = 1;
    for (int i = 0; i < TOKENS; i++) ids[i] = (int32_t)((x = x * 1664525 + 1013904223) >> 8) % vocab;
    wkv_context *c = NULL;
    wkv_state *s = NULL;
    float *out = malloc(sizeof *out * TOKENS * (size_t)vocab);
    wkv_sequence q = {.tokens = ids, .n = TOKENS, .logits = out, .all_rows = 1};
    int err = wkv_context_new(&c, m, NULL);
    if (!err) err = wkv_state_new(&s, m);
    q.state = s;
    if (!out)
        complain("out of memory");
    else if (err || wkv_eval_batch(c, &q, 1)) {
        complain_library();
        free(out);
        out = NULL;
    } else if (!logits_finite(out, TOKENS * (size_t)vocab)) {
        complain_logits(m);
        free(out);
        out = NULL;
    }
    wkv_state_free(s);
    wkv_context_free(c);
    return out;
}

typedef struct {
    double worst, mean; /* largest difference of two models' logits; root mean square of the difference */
    double largest;     /* largest absolute logit of the first                                          */
} distance;

static distance between(const float *a, const float *b, size_t n)
{
    distance d = {0};
    double squares = 0;
    for (size_t i = 0; i < n; i++) {
        const double x = fabs((double)a[i] - (double)b[i]);
        if (!(x <= d.worst)) d.worst = x;
        d.largest = fmax(d.largest, fabs((double)a[i]));
        squares += x * x;
    }
    d.mean = sqrt(squares / (double)n);
    return d;
}

/* The rounding error of the merged file must be at most half of the change by adapter and state. */
static int judge(const char *path, distance rounding, distance tuned)
{
    const char *added = !engine_with.state ? "the adapter changes"
                        : engine_with.lora ? "the adapter and the state change"
                                           : "the state changes";
    put_text("%s: merged and unmerged logits of %d tokens differ by at most %.2g (%.2g on average); %s them by %.2g\n",
             path, TOKENS, rounding.worst, rounding.mean, added, tuned.mean);
    if (rounding.mean <= 0.5 * tuned.mean || rounding.mean <= 1e-5 * rounding.largest) return 0;
    return complain("%s: rounding to this --type loses more than half of the tuning; choose a --type with more bits",
                    path);
}

/* wkv_convert calls this before it renames the output into place. */
static int compare(void *user, const char *written)
{
    merging *c = user;
    const size_t n = TOKENS * (size_t)wkv_model_about(c->unmerged)->vocab;
    progress_end(&c->bar);
    float *logits[3] = {logits_of(c->unmerged)};
    int status = !logits[0];
    for (int i = 1; i < 3 && !status; i++) {
        wkv_model *m;
        if (interrupted)
            status = 130;
        else if (!(status = model_open(&m, i == 1 ? written : c->base,
                                       &(wkv_model_options){.no_mmap = engine_with.no_mmap}))) {
            status = !(logits[i] = logits_of(m));
            wkv_model_close(m);
        }
    }
    if (!status) status = judge(c->path, between(logits[0], logits[1], n), between(logits[0], logits[2], n));
    for (int i = 0; i < 3; i++) free(logits[i]);
    return c->status = status;
}

static int write_merged(const wkv_model *m, const char *base, const char *path)
{
    wkv_tokenizer *words;
    if (engine_words(&words, m)) return 1;
    merging c = {.unmerged = m, .base = base, .path = path};
    progress_begin(&c.bar, "merging");
    int err = wkv_convert(
        m, path,
        &(wkv_convert_options){
            .type = stored_types[type], .tokenizer = words, .report = report, .verify = compare, .user = &c});
    progress_end(&c.bar);
    if (!err) engine_words_note(words);
    wkv_tokenizer_close(words);
    return err == WKV_ESTOPPED ? (c.status ? c.status : 130) : err ? complain_library() : 0;
}

static int run(int n, char **operands)
{
    if (n < 2) return usage(&cmd_merge, "MODEL and OUT are required");
    if (!engine_with.lora && !engine_with.state) return usage(&cmd_merge, "--lora or --state is required");
    wkv_model *model;
    engine_with.as_stored = 1;
    if (model_open(&model, operands[0], &engine_with)) return 1;
    catch_interrupts();
    int status = write_merged(model, operands[0], operands[1]);
    wkv_model_close(model);
    return status;
}

const command cmd_merge = {
    .name = "merge",
    .operands = "MODEL OUT",
    .most = 2,
    .summary = "merge an adapter or a tuned state into the weights of its model",
    .about =
        "Merge the adapter of --lora and the state of --state into MODEL and write OUT, one file for any program. "
        "The extension of OUT selects the format and the place of the vocabulary, as in wkv convert. The command then "
        "compares the logits of OUT with those of MODEL plus adapter on the same tokens and prints the difference, the "
        "rounding error of OUT. It fails if the rounding error is more than half of the change by the adapter, and "
        "leaves an existing OUT unchanged.\n\n"
        "OUT is renamed into place after the comparison; it cannot be an input file. GGUF cannot hold a tuned state.",
    .examples = "wkv merge MODEL.pth tuned.pth --lora run/lora.safetensors  # for any program\n"
                "wkv merge MODEL.pth tuned.pth --lora peft.pth --lora-alpha 32  # an adapter of RWKV-PEFT\n"
                "wkv merge MODEL.pth tuned.pth --state run/state.pth  # initial state in the weights",
    .groups = groups,
    .run = run,
};
