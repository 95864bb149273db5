/* test_opencl_train.c - training and tuning on the OpenCL device beside the CPU: gradients and losses. On
 * $WKV_OPENCL (0: the first OpenCL device). */
#include "on_opencl.h"
#include "tuning.h"

enum { STEPS = 50, ROWS = 3, LENGTH = 20 };

static const char *const both[] = {"cpu", opencl};
static int32_t text[STEPS][ROWS * (LENGTH + 1)];

static void make_text(void)
{
    rng r = {.seed = 5};
    for (int i = 0; i < STEPS; i++)
        for (int k = 0; k < ROWS * (LENGTH + 1); k++) text[i][k] = (int32_t)((rng_u64(&r) % 8) * (k % 5));
}

static wkv_train_options tiny(const char *version, const char *name)
{
    return (wkv_train_options){.version = version,
                               .layers = 2,
                               .width = 32,
                               .head_size = 16,
                               .vocab_size = 64,
                               .threads = 2,
                               .seed = 1,
                               .steps = STEPS,
                               .lr_init = 1e-3f,
                               .device = name};
}

/* Losses of the steps, from weights that the CPU has trained for `before` steps. */
static void beside(const char *version, int before, int steps, double tolerance)
{
    wkv_train_options o[2] = {tiny(version, both[0]), tiny(version, both[1])};
    wkv_trainer *t[2] = {made(&o[0]), made(&o[1])};
    double loss[2], worst = 0;
    for (int i = 0; t[0] && i < before; i++) EXPECT_EQ(wkv_trainer_step(t[0], text[i], ROWS, LENGTH, &loss[0]), 0);
    if (!t[0] || !t[1]) return;
    memcpy(t[1]->p.values, t[0]->p.values, (2 * (t[0]->p.n + t[0]->p.to - t[0]->p.from)) * sizeof(real));
    t[1]->step = t[0]->step;
    for (int i = 0; i < steps; i++) {
        for (int k = 0; k < 2; k++) EXPECT_EQ(wkv_trainer_step(t[k], text[i], ROWS, LENGTH, &loss[k]), 0);
        const double d = fabs(loss[0] - loss[1]);
        if (!(d <= worst)) worst = d;
    }
    printf("     version %s: losses of %d steps are at most %.1e apart, the last is %.4f\n", version, steps, worst,
           loss[1]);
    if (!(worst <= tolerance)) FAILED("version %s: losses are %g apart", version, worst);
    wkv_trainer_free(t[0]), wkv_trainer_free(t[1]);
}

static void full(void)
{
    beside("4", 0, STEPS, 1e-4);
    beside("7", 0, STEPS, 1e-4);
    beside("5.2", STEPS, 10, 1e-5);
    beside("6", STEPS, 10, 1e-5);
}

/* The gradient of three samples of different lengths, whole and in chunks, of each method. */
static void tuning_gradients(void)
{
    static const char *const models[] = {"v4-c32-f32", "v5.2-n32-bf16", "v6-n16-bf16", "v7-n16-bf16", "v7-n32-f16"};
    static const char *const methods[] = {"lora", "state", "lora+state", "pissa", "miss", "full"};
    make_samples();
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        for (size_t m = 0; m < sizeof methods / sizeof *methods; m++)
            for (int chunk = 0; chunk < 8; chunk += 7) {
                wkv_trainer *t[2];
                double loss[2];
                if (models[i][1] == '4' && strstr(methods[m], "state")) continue; /* no matrix in its state */
                for (int k = 0; k < 2; k++) {
                    char path[256];
                    snprintf(path, sizeof path, MODELS "%s.pth", models[i]);
                    wkv_train_options o = plain;
                    o.init = path;
                    o.method = methods[m];
                    o.infctx = chunk;
                    o.device = both[k];
                    if (m == 4) o.alpha = 0;
                    if (models[i][1] < '6') o.targets = "att,ffn";
                    if (!(t[k] = made(&o))) return;
                    if (m != 3) shake(t[k], 0.1);
                    if (trainer_gradient(t[k], three, SAMPLES, 1, &loss[k])) FAILED("%s", wkv_error());
                }
                EXPECT_EQ(params_to_host(&t[1]->p), 0);
                const double d = relative(t[1]->p.grads, t[0]->p.grads, t[0]->p.n);
                if (!(d <= 1e-5) || !(fabs(loss[0] - loss[1]) <= 1e-5))
                    FAILED("%s, %s, chunks of %d: gradients are %g apart, losses %.7f and %.7f", models[i], methods[m],
                           chunk, d, loss[0], loss[1]);
                wkv_trainer_free(t[0]), wkv_trainer_free(t[1]);
            }
}

static void no_values(void *user, double *x, int n) { (void)user, (void)x, (void)n; }
static void no_sum(void *user, float *x, size_t n, int to) { (void)user, (void)x, (void)n, (void)to; }
static void no_bytes(void *user, void *x, size_t bytes, int from) { (void)user, (void)x, (void)bytes, (void)from; }
static void nothing(void *user) { (void)user; }

/* Several processes would add up gradients that the device has. */
static void several_processes(void)
{
    wkv_trainer *t;
    const wkv_communicator two = {.count = 2,
                                  .allreduce = no_values,
                                  .reduce = no_sum,
                                  .broadcast = no_bytes,
                                  .progress = nothing,
                                  .wait_all = nothing};
    wkv_train_options o = tiny("7", opencl);
    o.communicator = &two;
    EXPECT_EQ(wkv_trainer_new(&t, &o), WKV_EUNSUPPORTED);
    EXPECT_HAS(wkv_error(), "give --device cpu");
}

int main(void)
{
    if (!opencl_is_here()) return DONE();
    make_text();
    RUN(full);
    RUN(tuning_gradients);
    RUN(several_processes);
    return DONE();
}
