/* tuning.h - trainers beside the frozen committed checkpoints, for tests. */
#ifndef WKV_TESTS_TUNING_H
#define WKV_TESTS_TUNING_H

#include "base/rng.h"
#include "models.h"
#include "train/trainer.h"

#define MODELS TEST_DIR "/golden/models/"

enum { SAMPLES = 3, LONGEST = 23 };
static int32_t ids[SAMPLES][LONGEST];
static uint8_t counts[SAMPLES][LONGEST];
static sample three[SAMPLES];

/* Samples of different lengths; the loss includes some of their tokens. */
static inline void make_samples(void)
{
    static const int lengths[SAMPLES] = {17, LONGEST, 6};
    rng r = {.seed = 3};
    for (int i = 0; i < SAMPLES; i++) {
        for (int k = 0; k < LONGEST; k++) {
            ids[i][k] = (int32_t)(rng_u64(&r) % 40);
            counts[i][k] = rng_u64(&r) % 3 != 0;
        }
        three[i] = (sample){.ids = ids[i], .counts = counts[i], .n = lengths[i]};
    }
}

static inline wkv_trainer *made(const wkv_train_options *o)
{
    wkv_trainer *t;
    if (wkv_trainer_new(&t, o)) FAILED("%s", wkv_error());
    return t;
}

/* In the host's memory, where a test may also have changed the values. */
static inline double gradient(wkv_trainer *t, const sample *s, int n)
{
    double loss = -1;
    EXPECT_EQ(params_to_host(&t->p), 0);
    memset(t->p.grads, 0, t->p.n * sizeof(real));
    params_host_changed(&t->p);
    if (trainer_gradient(t, s, n, 1, &loss) || params_to_host(&t->p)) FAILED("%s", wkv_error());
    return loss;
}

/* Values that are not zero where adapters begin with zero. */
static inline void shake(wkv_trainer *t, double by)
{
    rng r = {.seed = 8};
    EXPECT_EQ(params_to_host(&t->p), 0);
    params_host_changed(&t->p);
    for (int i = 0; i < t->p.count; i++)
        for (size_t k = 0; k < t->p.list[i].n; k++) reals(t->p.list[i].t)[k] += (real)(by * rng_normal(&r));
}

static inline double relative(const real *a, const real *b, size_t n)
{
    double diff = 0, norm = 0;
    for (size_t i = 0; i < n; i++) {
        diff += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        norm += (double)b[i] * (double)b[i];
    }
    return sqrt(diff) / (sqrt(norm) + 1e-30);
}

static const wkv_train_options plain = {
    .method = "lora", .samples = 1, .rank = 3, .alpha = 6, .targets = "att,ffn,low-rank", .threads = 2};

static inline wkv_trainer *learns(const char *name, const char *method)
{
    wkv_train_options o = plain;
    char path[256];
    snprintf(path, sizeof path, MODELS "%s.pth", name);
    o.init = path;
    o.method = method;
    if (name[1] < '6') o.targets = "att,ffn"; /* they have no small matrices */
    wkv_trainer *t = made(&o);
    if (t) shake(t, 0.1);
    return t;
}

#endif
