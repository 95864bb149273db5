/* cmd_merge.c - an adapter and a tuned state into the weights of their model. */
#include "commands.h"
#include "engine.h"
#include "models.h"
#include "say.h"
#include "wkv.h"
#include <math.h>
#include <stdlib.h>

enum { TOKENS = 64 }; /* that both models read, to compare them */

static int type;

static const option options[] = {
    {0, "type", OPT_CHOICE, STORED_TYPES, &type, 0, 0, NULL,
     "how the numbers are stored; keep is as in MODEL; the q are for .gguf, of 8, 5 or 4 bits"},
    NO_MMAP_OPTION(&engine_with.no_mmap),
};
static const group own = GROUP("Conversion", options);
static const group *const groups[] = {&adapter_group, &own, &tokenizer_group, &general_group, NULL};

/* One merge. */
typedef struct {
    const wkv_model *unmerged;
    const char *base, *path; /* of the model, and of the file to write */
    progress bar;
    int status; /* after they were compared               */
} merging;

static int report(void *user, double done, double total)
{
    char a[32];
    merging *m = user;
    progress_at(&m->bar, done, total, "of %s parameters", as_count(a, (int64_t)total));
    return interrupted;
}

/* All logits of the same arbitrary tokens; NULL after the sentence. */
static float *logits_of(const wkv_model *m)
{
    const int vocab = wkv_model_about(m)->vocab;
    int32_t ids[TOKENS];
    uint32_t x = 1;
    for (int i = 0; i < TOKENS; i++) ids[i] = (int32_t)((x = x * 1664525 + 1013904223) >> 8) % vocab;
    wkv_context *c = NULL;
    wkv_state *s = NULL;
    float *out = malloc(sizeof *out * TOKENS * (size_t)vocab);
    wkv_sequence q = {.tokens = ids, .n = TOKENS, .logits = out, .all_logits = 1};
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
    double worst, mean,
        largest; /* difference of two models' logits, root of its mean square; largest logit of the first */
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

/* What was merged must be much nearer to the model beside its adapter than the model alone is. */
static int judge(const char *path, distance rounding, distance learnt)
{
    const char *added = !engine_with.state ? "the adapter changes"
                        : engine_with.lora ? "the adapter and the state change"
                                           : "the state changes";
    put_text("%s: merged and unmerged logits of %d tokens differ by at most %.2g (%.2g on average); %s them by %.2g\n",
             path, TOKENS, rounding.worst, rounding.mean, added, learnt.mean);
    if (rounding.mean <= 0.5 * learnt.mean || rounding.mean <= 1e-5 * rounding.largest) return 0;
    return complain(
        "%s: rounding its numbers changes more than half of what was learnt; give a --type with more digits", path);
}

/* Before the file takes its place. */
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
    if (n < 2) return usage(&cmd_merge, "two files are needed, the model and the file to write");
    if (!engine_with.lora && !engine_with.state)
        return usage(&cmd_merge, "--lora or --load-state says what goes into the model; both are missing");
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
    .summary = "put an adapter or a tuned state into the weights of its model",
    .about =
        "Write MODEL as OUT with what --lora and --load-state give put into it, so that one file holds all of it and "
        "every program can use it. The ending of OUT says what kind of file it is, as in wkv convert, and where its "
        "vocabulary is. Then both, the model beside its adapter and the file, read the same tokens, and how far their "
        "logits are apart is printed: that is the rounding of the file's numbers. When it is not small against what "
        "the adapter does, the command fails, and what was there as OUT stays.\n\n"
        "OUT appears when it is complete and compared; it cannot be a file of MODEL, of the adapter or of the state. "
        "A GGUF has no place for a tuned state.",
    .examples = "wkv merge MODEL.pth tuned.pth --lora run/lora.safetensors  # for any program\n"
                "wkv merge MODEL.pth tuned.pth --lora peft.pth --lora-alpha 32  # one of RWKV-PEFT\n"
                "wkv merge MODEL.pth tuned.pth --load-state run/state.pth  # begins every text so",
    .groups = groups,
    .run = run,
};
