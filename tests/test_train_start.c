/* test_train_start.c - the start of training: initial values, parameter groups, learning rates. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "test.h"
#include "trainer.h"

/* The learning rates published for the official demo (docs/training.md 9): the last step of each of its first twelve
 * mini-epochs. */
static void learning_rates_are_the_published_ones(void)
{
    static const double published[] = {.00059975, .00059899, .00059773, .00059597, .00059371, .00059096,
                                       .00058771, .00058399, .00057978, .00057511, .00056999, .00056441};
    schedule s = {.kind = LR_COSINE,
                  .lr_init = 6e-4,
                  .lr_final = 6e-5,
                  .warmup = 10,
                  .step_tokens = 16 * 512,
                  .total_tokens = 1498226207};
    for (int i = 0; i < 12; i++) EXPECT_NEAR(schedule_lr(&s, 2520 * (i + 1) - 1), published[i], 5e-9);
    EXPECT_NEAR(schedule_lr(&s, 0), 6e-6, 1e-12);
    EXPECT_NEAR(schedule_lr(&s, 5), 6e-4 * (0.01 + 0.99 * 0.5), 1e-9);
    EXPECT_NEAR(schedule_lr(&s, 400000), 6e-5, 1e-12);
    schedule line = {.kind = LR_LINEAR, .lr_init = 1, .step_tokens = 1, .total_tokens = 100};
    EXPECT_NEAR(schedule_lr(&line, 25), 0.75, 1e-12);
}

/* docs/training.md 9: v4's exponential one with its quarter of a warm-up; the others by hand. */
static void other_schedules(void)
{
    schedule s = {.kind = LR_EXPONENTIAL,
                  .lr_init = 1e-3,
                  .lr_final = 1e-5,
                  .warmup = 10,
                  .hold = 40,
                  .step_tokens = 8,
                  .total_tokens = 8 * 150};
    EXPECT_NEAR(schedule_lr(&s, 0), 2e-4, 1e-12);
    EXPECT_NEAR(schedule_lr(&s, 5), 6e-4, 1e-12);
    EXPECT_NEAR(schedule_lr(&s, 49), 1e-3, 1e-12);
    EXPECT_NEAR(schedule_lr(&s, 99), 1e-4, 1e-12);
    EXPECT_NEAR(schedule_lr(&s, 149), 1e-5, 1e-12);
    s.kind = LR_CONSTANT;
    EXPECT_NEAR(schedule_lr(&s, 5), 1e-3 * 0.505, 1e-12);
    EXPECT_NEAR(schedule_lr(&s, 149), 1e-3, 1e-12);
    s.kind = LR_WSD;
    EXPECT_NEAR(schedule_lr(&s, 50), 1e-3, 1e-12);
    EXPECT_NEAR(schedule_lr(&s, 100), (1e-3 + 1e-5) / 2, 1e-12);
    EXPECT_NEAR(schedule_lr(&s, 150), 1e-5, 1e-12);
    s.hold = 145; /* it would begin to fall behind the end */
    EXPECT_NEAR(schedule_lr(&s, 50), 1e-3, 1e-12);
}

/* largest distance from g^2 of the squared norms of the shorter side's vectors, from 0 of their products with
 * others */
static double orthogonality(const param *q, double gain)
{
    int R = q->t->rows, C = q->t->cols, n = R < C ? R : C, m = R < C ? C : R;
    const real *w = reals(q->t);
    double worst = 0;
    for (int i = 0; i < n; i++)
        for (int j = 0; j <= i; j++) {
            double s = 0;
            for (int k = 0; k < m; k++)
                s += (double)(R < C ? w[i * C + k] * w[j * C + k] : w[k * C + i] * w[k * C + j]);
            double off = fabs(s - (i == j ? gain * gain : 0));
            if (off > worst) worst = off;
        }
    return worst;
}

static double value(const wkv_trainer *t, const char *name, int i) { return (double)reals(find_param(t, name)->t)[i]; }

/* Spot values of docs/training.md 7, worked out by hand for L = 3, C = 64, N = 16. */
static void initial_values_are_the_official_ones(void)
{
    wkv_train_options o = {.layers = 3, .width = 64, .head_size = 16, .vocab_size = 100, .threads = 1};
    wkv_trainer *t = make(&o);
    EXPECT_NEAR(orthogonality(find_param(t, "head.weight"), 0.5 * sqrt(100 / 64.0)), 0, 1e-6);
    EXPECT_NEAR(orthogonality(find_param(t, "blocks.1.att.receptance.weight"), 1), 0, 1e-6);
    EXPECT_NEAR(orthogonality(find_param(t, "blocks.1.att.key.weight"), 0.1), 0, 1e-6);
    EXPECT_NEAR(orthogonality(find_param(t, "blocks.1.ffn.key.weight"), 1), 0, 1e-6);
    EXPECT_NEAR(orthogonality(find_param(t, "blocks.1.att.w2"), 0.1), 0, 1e-6);
    EXPECT_NEAR(value(t, "blocks.1.att.x_k", 16), 1 - pow(0.25, 0.7 * 2 / 3), 1e-6);
    EXPECT_NEAR(value(t, "blocks.2.att.x_r", 16), 1 - pow(0.25, 0.2 / 3), 1e-6);
    EXPECT_NEAR(value(t, "blocks.1.ffn.x_k", 32), 1 - pow(0.5, 16.0 / 81), 1e-6);
    EXPECT_NEAR(value(t, "blocks.0.att.w0", 0), -6 + 0.5 - 2.5, 1e-6);
    EXPECT_NEAR(value(t, "blocks.0.att.w0", 63), 0 + 0.5 + 2.5, 1e-6);
    EXPECT_NEAR(value(t, "blocks.2.att.w0", 21), -6 + 6 * pow(1 / 3.0, 2) + 0.5 - 2.5 * (2.5 / 7.5) * (2.5 / 7.5),
                1e-5);
    EXPECT_NEAR(value(t, "blocks.0.att.a0", 0), -0.19 - 0.3 - 0.2, 1e-6);
    EXPECT_NEAR(value(t, "blocks.1.att.v0", 63), 0.73 - 0.2, 1e-6);
    EXPECT_NEAR(value(t, "blocks.1.att.k_k", 0), 0.71 + 0.05, 1e-6);
    EXPECT_NEAR(value(t, "blocks.1.att.r_k", 5), -0.04, 1e-7);
    EXPECT_NEAR(value(t, "blocks.1.att.ln_x.weight", 9), pow(2 / 3.0, 0.7), 1e-6);
    EXPECT_EQ(find_param(t, "blocks.1.att.w1")->t->cols, 32);
    EXPECT_EQ(find_param(t, "blocks.1.ffn.key.weight")->t->rows, 256);
    double least = 1, most = -1;
    for (int i = 0; i < 6400; i++) {
        double x = value(t, "emb.weight", i);
        least = x < least ? x : least, most = x > most ? x : most;
    }
    EXPECT(least >= -1e-4 && least < -0.99e-4 && most <= 1e-4 && most > 0.99e-4);
    wkv_trainer_free(t);

    o.version = "4";
    t = make(&o);
    EXPECT_NEAR(orthogonality(find_param(t, "blocks.1.ffn.key.weight"), 2), 0, 1e-5);
    EXPECT_NEAR(value(t, "blocks.1.att.time_mix_v", 16), pow(0.25, 2 / 3.0) + 0.15, 1e-6);
    EXPECT_NEAR(value(t, "blocks.2.att.time_decay", 21), -5 + 8 * pow(1 / 3.0, 2), 1e-5);
    EXPECT_NEAR(value(t, "blocks.2.att.time_first", 0), log(0.3), 1e-6);
    EXPECT_NEAR(value(t, "blocks.2.att.time_first", 1), log(0.3) + 0.5, 1e-6);
    EXPECT_NEAR(value(t, "blocks.2.att.time_first", 2), log(0.3) - 0.5, 1e-6);
    wkv_trainer_free(t);

    o.version = "6";
    t = make(&o);
    EXPECT_NEAR(value(t, "blocks.1.att.time_maa_v", 16), 1 - (pow(0.25, 2 / 3.0) + 0.15), 1e-6);
    EXPECT_NEAR(value(t, "blocks.1.ffn.time_maa_r", 32), 1 - pow(0.5, 8 / 27.0), 1e-6);
    EXPECT_NEAR(value(t, "blocks.1.att.time_decay", 63), -1, 1e-6);
    EXPECT_NEAR(value(t, "blocks.2.att.time_faaaa", 21), 2 / 3.0, 1e-6);
    EXPECT_EQ(find_param(t, "blocks.1.ffn.key.weight")->t->rows, 224);
    EXPECT_EQ(find_param(t, "blocks.1.att.time_maa_w1")->t->cols, 160);
    wkv_trainer_free(t);
}

/* Blocks add nothing at first, so logits are small: the loss of random text is ln V, and half the logits' variance
 * (1/4). */
static void first_loss_is_that_of_knowing_nothing(void)
{
    int32_t ids[257];
    rng r = {.seed = 3};
    for (int i = 0; i < 257; i++) ids[i] = (int32_t)(rng_u64(&r) % 64);
    for (int v = 0; v < VERSIONS; v++) {
        wkv_train_options o = tiny(versions[v]);
        wkv_trainer *t = make(&o);
        double loss;
        EXPECT_EQ(wkv_trainer_loss(t, ids, 1, 256, &loss), 0);
        EXPECT_NEAR(loss, log(64) + 0.125, 0.1);
        wkv_trainer_free(t);
    }
}

static void groups_are_the_official_ones(void)
{
    /* clang-format off */
    static const struct { const char *version, *name; double scale; int decays; } expected[] = {
        {"7", "blocks.1.att.w0", 2, 0},         {"7", "blocks.1.att.w2", 1, 0},     {"7", "emb.weight", 1, 1},
        {"7", "head.weight", 1, 1},             {"7", "blocks.1.att.key.weight", 1, 1},
        {"7", "blocks.1.ln1.weight", 1, 0},
        {"7", "blocks.1.att.r_k", 1, 0},        {"4", "blocks.1.att.time_decay", 2, 0},
        {"4", "blocks.1.att.time_first", 3, 0},
        {"5.2", "blocks.1.att.time_decay", 2, 0}, {"5.2", "blocks.1.att.time_faaaa", 1, 0},
        {"5.2", "blocks.0.ffn.value.weight", 1, 1},
        {"6", "blocks.1.att.time_decay", 2, 0}, {"6", "blocks.1.att.time_maa_w1", 1, 0},
        {"6", "blocks.1.att.time_decay_w2", 1, 0},
        {"6", "blocks.1.att.gate.weight", 1, 1},
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        wkv_train_options o = tiny(expected[i].version);
        wkv_trainer *t = make(&o);
        const param *q = find_param(t, expected[i].name);
        if ((double)q->lr_scale != expected[i].scale || q->decays != expected[i].decays)
            FAILED("v%s %s: scale %g decays %d", expected[i].version, q->name, (double)q->lr_scale, q->decays);
        wkv_trainer_free(t);
    }
}

int main(void)
{
    RUN(learning_rates_are_the_published_ones);
    RUN(other_schedules);
    RUN(initial_values_are_the_official_ones);
    RUN(first_loss_is_that_of_knowing_nothing);
    RUN(groups_are_the_official_ones);
    return DONE();
}
