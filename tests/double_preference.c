/* double_preference.c - losses of pairs and their gradients, in double, against PyTorch's autograd in float64
 * (tests/golden/gradients): at once, one sample at a time, and in chunks through which the gradient passes. */
#include <stdlib.h>
#include <string.h>
#include "cpu/ref.h"
#include "rwkv/bind.h"
#include "rwkv/forward.h"
#include "room.h"
#include "test.h"
#include "train/trainer.h"

enum { MOST = 8, TENSORS = 256 };
static const double LIMIT = 1e-9, BETA = 0.3;

static wkv_trainer t;
static wkv_model reference;
static rwkv model;
static tensors *policy_file, *reference_file, *golden;
static sample samples[MOST];
static double references[MOST];
static uint8_t counts[256];
static int n_samples, n_tensors;
static struct {
    char name[64];
    tensor *t;
    size_t n;
} trained[TENSORS];

/* sum.c is not built in double, and one process does not call it. */
void trainer_add_up_from(void *trainer, int layer) { CHECK(!trainer && layer < 0); }

/* Give every tensor of the model random values and a gradient. */
static int learn(void *user, const char *name, tensor *w, const slot *s, int layer)
{
    (void)user, (void)s, (void)layer;
    size_t n = (size_t)w->rows * (size_t)w->cols;
    real *values = malloc(n * sizeof *values);
    CHECK(values && n_tensors < TENSORS);
    if (w->type == REAL)
        memcpy(values, w->data, n * sizeof *values);
    else
        for (size_t i = 0; i < n; i++) values[i] = ((const float *)w->data)[i];
    w->data = values;
    w->type = REAL;
    w->requires_grad = 1;
    w->grad = calloc(n, sizeof *w->grad);
    snprintf(trained[n_tensors].name, sizeof trained[0].name, "%s", name);
    trained[n_tensors].t = w;
    trained[n_tensors++].n = n;
    return 0;
}

static int open_bound(rwkv *m, tensors **file, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, TEST_DIR "/golden/gradients/%s.safetensors", name);
    return tensors_open(file, path) || rwkv_bind(m, *file, 0);
}

static const void *data_of(const char *name) { return tensors_find(golden, name)->data; }

static void take_samples(void)
{
    const int32_t *lengths = data_of("lengths"), *ids = data_of("tokens"), *counted = data_of("counts");
    n_samples = (int)tensor_values(tensors_find(golden, "lengths"));
    CHECK(n_samples <= MOST);
    for (int i = 0, at = 0; i < n_samples; at += lengths[i++]) {
        for (int k = 0; k < lengths[i]; k++) counts[at + k] = (uint8_t)counted[at + k];
        samples[i] = (sample){.ids = ids + at, .counts = counts + at, .n = lengths[i], .reference = &references[i]};
    }
}

/* The largest relative error of a gradient. */
static double worst_gradient(const char *loss)
{
    double worst = 0;
    for (int i = 0; i < n_tensors; i++) {
        char name[128];
        snprintf(name, sizeof name, "%.30s/%.90s", loss, trained[i].name);
        const file_tensor *expected = tensors_find(golden, name);
        const double *x = expected ? (const void *)expected->data : NULL;
        double most = 0, off = 0;
        for (size_t k = 0; k < trained[i].n; k++) {
            double should = x ? x[k] : 0, is = trained[i].t->grad[k];
            most = fmax(most, fabs(should));
            off = fmax(off, fabs(is - should));
            trained[i].t->grad[k] = 0;
        }
        if (!(off <= LIMIT * most)) FAILED("%s is off by %.1e of %.1e", name, off, most);
        if (most > 0) worst = fmax(worst, off / most);
    }
    return worst;
}

static void check_loss(const char *name, objective kind)
{
    static const struct {
        int micro, chunk;
    } ways[] = {{0, 0}, {1, 0}, {0, 4}};
    char key[32];
    snprintf(key, sizeof key, "%s.loss", name);
    const double expected = *(const double *)data_of(key);
    t.objective = kind;
    t.beta = BETA;
    t.reference = kind == DPO ? &reference : NULL;
    for (int i = 0; i < 3; i++) {
        double loss, unlearnt, worst;
        for (int k = 0; k < n_samples; k++) references[k] = NAN;
        t.micro = ways[i].micro;
        t.chunk = ways[i].chunk;
        EXPECT_EQ(trainer_gradient(&t, samples, n_samples, 0, &unlearnt), 0);
        EXPECT_EQ(trainer_gradient(&t, samples, n_samples, 1, &loss), 0);
        EXPECT_NEAR(loss, expected, LIMIT);
        EXPECT_NEAR(unlearnt, loss, 1e-14);
        worst = worst_gradient(name);
        printf("     %s, %d at once, chunks of %d: loss off by %.1e, gradients by %.1e\n", name, t.micro, t.chunk,
               fabs(loss - expected), worst);
    }
}

static void dpo_is_that_of_autograd(void) { check_loss("dpo", DPO); }
static void orpo_is_that_of_autograd(void) { check_loss("orpo", ORPO); }

/* Slopes of one pair are those of differences; a pair that the model is sure of has a loss near 0, not NaN. */
static void one_pair(void)
{
    const double h = 1e-6;
    for (objective kind = DPO; kind <= ORPO; kind++) {
        pair_likelihood p = {-11, -13, -12, -12.5, 5, 6}, sure = {-1e-3, -900, -400, -1, 3, 3};
        pair_loss at = preference_loss(kind, BETA, &p), here[2], sure_of = preference_loss(kind, BETA, &sure);
        for (int i = 0; i < 4; i++) {
            pair_likelihood q = p;
            *(i < 2 ? &q.chosen : &q.rejected) += i % 2 ? -h : h;
            here[i % 2] = preference_loss(kind, BETA, &q);
            if (i % 2) EXPECT_NEAR((here[0].loss - here[1].loss) / (2 * h), i < 2 ? at.d_chosen : at.d_rejected, 1e-8);
        }
        EXPECT(isfinite(sure_of.loss) && sure_of.loss < 1e-2 && sure_of.margin > 0);
    }
}

int main(void)
{
    device *d;
    if (ref_open(&d, 1, NULL) || room_reserve(d) || cx_init(&t.c, d)) return 1;
    if (open_bound(&model, &policy_file, "v7") || open_bound(&reference.rwkv, &reference_file, "v7.reference") ||
        tensors_open(&golden, TEST_DIR "/golden/gradients/v7.preference.safetensors")) {
        FAILED("%s", wkv_error());
        return DONE();
    }
    rwkv_each(&model, learn, NULL);
    t.m = &model;
    t.methods = TRAIN_ALL;
    t.checkpointing = -1;
    take_samples();
    RUN(one_pair);
    RUN(dpo_is_that_of_autograd);
    RUN(orpo_is_that_of_autograd);
    for (int i = 0; i < n_tensors; i++) free((void *)trained[i].t->data), free(trained[i].t->grad);
    rwkv_release(&model);
    rwkv_release(&reference.rwkv);
    tensors_close(policy_file), tensors_close(reference_file), tensors_close(golden);
    cx_release(&t.c);
    d->close(d);
    return DONE();
}
