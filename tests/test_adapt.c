/* test_adapt.c - the kinds of parameters that are trained beside frozen weights: their gradients, their first values,
 * their files, and runs that are stopped and resumed. */
#include <sys/stat.h>
#include <unistd.h>
#include "base/file.h"
#include "tuning.h"
#include "train/adapt.h"

/* ---- gradients --------------------------------------------------------------------------------------------------- */

/* A direction of length 1, at random but mostly that of the gradient. */
static real *direction(const wkv_trainer *t)
{
    rng r = {.seed = 4};
    double square = 0;
    real *way = calloc(t->p.n, sizeof *way);
    for (size_t k = 0; k < t->p.n; k++) square += (double)t->p.grads[k] * (double)t->p.grads[k];
    for (int i = 0; i < t->p.count; i++)
        for (size_t k = t->p.list[i].at; k < t->p.list[i].at + t->p.list[i].n; k++)
            way[k] = (real)(t->p.grads[k] / sqrt(square) + 0.3 * rng_normal(&r) / sqrt((double)t->p.n));
    return way;
}

/* The loss along a direction changes as the gradient says. With dropout: the same values are dropped in one step. */
static void check_gradient(wkv_trainer *t, const char *name)
{
    gradient(t, three, SAMPLES);
    double along = 0, loss[2], h = 2e-3;
    real *way = direction(t), *was = calloc(t->p.n, sizeof *was);
    memcpy(was, t->p.values, t->p.n * sizeof(real));
    for (size_t k = 0; k < t->p.n; k++) along += (double)way[k] * (double)t->p.grads[k];
    for (int s = 0; s < 2; s++) {
        for (size_t k = 0; k < t->p.n; k++) t->p.values[k] = was[k] + (real)(s ? -h : h) * way[k];
        loss[s] = gradient(t, three, SAMPLES);
    }
    memcpy(t->p.values, was, t->p.n * sizeof(real));
    double numeric = (loss[0] - loss[1]) / (2 * h);
    if (!(fabs(numeric - along) <= 5e-3 * fabs(along)))
        FAILED("%s: the loss changes by %g along a direction, expected %g", name, numeric, along);
    free(way);
    free(was);
}

/* ---- runs -------------------------------------------------------------------------------------------------------- */

static void expect_same_file(const char *a, const char *b, int same)
{
    char *x = NULL, *y = NULL;
    size_t n = 0, m = 0;
    if (file_slurp(&x, &n, a) || file_slurp(&y, &m, b))
        FAILED("%s", wkv_error());
    else if ((n == m && !memcmp(x, y, n)) != same)
        FAILED("%s is %s%s", a, same ? "not " : "", b);
    free(x);
    free(y);
}

static int stop_after_2(void *user, const wkv_train_report *r)
{
    (void)user;
    return r->step == 2;
}

static void forget_run(const char *folder)
{
    static const char *const files[] = {"lora.safetensors",
                                        "lora.pth",
                                        "final.safetensors",
                                        "final.vocab.txt",
                                        "best.vocab.txt",
                                        "train.jsonl",
                                        "train.html",
                                        "checkpoint-00000002.safetensors",
                                        "checkpoint-00000004.safetensors"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) remove(path_of(folder, "", files[i]));
}

/* Four steps with these options into `whole`, and into `cut` with a stop after two, of other threads behind it. */
static void check_resumed(wkv_train_options o, const char *file)
{
    FILE *f = fopen("d.jsonl", "w");
    for (int i = 0; i < 12; i++)
        fprintf(f, "{\"prompt\": \"the %d\", \"response\": \"%s\"}\n", i, i % 2 ? "end" : "cat and hat");
    fclose(f);
    const char *data[] = {"d.jsonl", NULL};
    forget_run("whole");
    forget_run("cut");
    o.samples = 1;
    o.data = data;
    o.steps = 4;
    o.batch = 4;
    o.micro_batch = 3;
    o.lr_init = 1e-2f;
    o.warmup = -1;
    o.vocab = TEST_DIR "/cli/small.vocab.txt";
    o.sample_every = -1;
    o.threads = 1;
    o.out = "whole";
    if (wkv_train(&o)) FAILED("%s", wkv_error());
    o.out = "cut";
    o.report = stop_after_2;
    EXPECT_EQ(wkv_train(&o), WKV_ESTOPPED);
    wkv_train_options on = {.out = "cut", .resume = 1, .threads = 2, .checkpointing = 1};
    if (wkv_train(&on)) FAILED("%s", wkv_error());
    expect_same_file(path_of("cut", file, ""), path_of("whole", file, ""), 1);
}

/* ---- dropout ----------------------------------------------------------------------------------------------------- */

static void dropout_of_adapters(void)
{
    enum { STEPS = 100 };
    static const char *const names[] = {"v4-c32-f32", "v5.2-n32-bf16", "v6-n16-bf16", "v7-n16-bf16"};
    for (int i = 0; i < 4; i++) {
        wkv_trainer *t = learns(names[i], "lora");
        if (!t) continue;
        double plain_loss = gradient(t, three, SAMPLES);
        t->lora_dropout = 0.25f;
        EXPECT(fabs(gradient(t, three, SAMPLES) - plain_loss) > 1e-4);
        check_gradient(t, names[i]);
        /* the same values are dropped however the step is computed */
        double loss = gradient(t, three, SAMPLES);
        real *all = malloc(t->p.n * sizeof *all);
        memcpy(all, t->p.grads, t->p.n * sizeof *all);
        t->checkpointing = -t->checkpointing;
        EXPECT_NEAR(gradient(t, three, SAMPLES), loss, 0);
        EXPECT(!memcmp(all, t->p.grads, t->p.n * sizeof *all));
        /* in the mean over many steps small adapters compute what they compute without dropout */
        for (size_t k = 0; k < t->p.n; k++) t->p.values[k] *= (real)0.1;
        double mean = 0, square = 0;
        t->lora_dropout = 0;
        plain_loss = gradient(t, three, SAMPLES);
        t->lora_dropout = 0.25f;
        for (t->step = 1; t->step <= STEPS; t->step++) {
            double d = gradient(t, three, SAMPLES) - plain_loss;
            mean += d / STEPS;
            square += d * d / STEPS;
        }
        double error = sqrt((square - mean * mean) / STEPS);
        printf("     %-14s mean loss %+.1e from that without dropout, standard error %.1e\n", names[i], mean, error);
        EXPECT(error > 0 && fabs(mean) < 4 * error);
        free(all);
        wkv_trainer_free(t);
    }
}

static const wkv_train_options small = {.init = MODELS "v7-n32-f16.pth", .method = "lora", .rank = 3};

static void dropout_is_resumed(void)
{
    wkv_train_options o = small;
    check_resumed(o, "lora.safetensors");
    rename("whole/lora.safetensors", "undropped.safetensors");
    o.lora_dropout = 0.3f;
    check_resumed(o, "lora.safetensors");
    expect_same_file("whole/lora.safetensors", "undropped.safetensors", 0);
    o.out = "whole";
    o.resume = 1;
    o.lora_dropout = 0.2f;
    EXPECT_EQ(wkv_train(&o), WKV_EARG);
    EXPECT_HAS(wkv_error(), "--lora-dropout is 0.3 in the run that is to be resumed, and 0.2 now");
}

/* ---- misuse ------------------------------------------------------------------------------------------------------ */

static void refused(wkv_train_options o, const char *words)
{
    wkv_trainer *t;
    EXPECT_EQ(wkv_trainer_new(&t, &o), WKV_EARG);
    EXPECT_HAS(wkv_error(), words);
}

#define REFUSED(words, ...)                                                                                            \
    do {                                                                                                               \
        wkv_train_options o_ = {.init = MODELS "v7-n16-bf16.pth", __VA_ARGS__};                                        \
        refused(o_, words);                                                                                            \
    } while (0)

static void misuse(void)
{
    REFUSED("--lora-dropout is 1; it lies in [0, 1)", .method = "lora", .lora_dropout = 1);
    REFUSED("--lora-dropout drops inputs of adapters, and --method state has none", .method = "state",
            .lora_dropout = 0.1f);
}

int main(void)
{
    mkdir("test_adapt.files", 0777);
    if (chdir("test_adapt.files")) return 1;
    make_samples();
    RUN(dropout_of_adapters);
    RUN(dropout_is_resumed);
    RUN(misuse);
    return DONE();
}
