/* test_train.c - the trainer: gradients, optimizer, steps, files, whole runs. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/file.h"
#include "folder.h"
#include "test.h"
#include "trainer.h"

/* a text with something to learn: a walk over the vocabulary that mostly repeats */
static void fill_tokens(int32_t *ids, int n, int vocab)
{
    rng r = {.seed = 5};
    for (int i = 0; i < n; i++) ids[i] = rng_u64(&r) % 8 ? (i * 7) % 11 : (int32_t)(rng_u64(&r) % (uint64_t)vocab);
}

/* The gradient of `count` rows of length + 1 ids. */
static int gradient_of_rows(wkv_trainer *t, const int32_t *ids, int count, int length, double *loss)
{
    sample s[8];
    CHECK(count <= 8);
    samples_of_rows(s, ids, count, length);
    const int err = trainer_gradient(t, s, count, 1, loss);
    return err ? err : params_to_host(&t->p);
}

/* ---- parts ------------------------------------------------------------------------------------------------------- */

/* With neither decay nor clip, Adam's first step is lr x the sign of the gradient, times the group's scale. */
static void first_step_moves_by_the_learning_rate(void)
{
    int32_t ids[2 * 33];
    fill_tokens(ids, 66, 64);
    for (int v = 0; v < VERSIONS; v++) {
        wkv_train_options o = tiny(versions[v]);
        o.weight_decay = o.clip = -1;
        o.warmup = -1;
        o.lr_init = 1e-3f;
        wkv_trainer *t = make(&o);
        params *p = &t->p;
        size_t bytes = p->n * sizeof(real);
        real *before = malloc(bytes), *grads = malloc(bytes);
        double loss;
        /* two steps first: at the very start, gradients stop at the blocks' outputs, which are zero */
        for (int i = 0; i < 2; i++) EXPECT_EQ(wkv_trainer_step(t, ids, 2, 32, &loss), 0);
        EXPECT_EQ(params_to_host(p), 0);
        memset(p->mean, 0, 2 * bytes);
        params_host_changed(p);
        t->step = 0;
        EXPECT_EQ(gradient_of_rows(t, ids, 2, 32, &loss), 0);
        memcpy(before, p->values, bytes);
        memcpy(grads, p->grads, bytes);
        memset(p->grads, 0, bytes);
        params_host_changed(p);
        EXPECT_EQ(wkv_trainer_step(t, ids, 2, 32, &loss), 0);
        EXPECT_EQ(params_to_host(p), 0);
        int moved = 0;
        for (int i = 0; i < p->count; i++) {
            const param *q = &p->list[i];
            int strong = 0;
            for (size_t j = q->at; j < q->at + q->n; j++) {
                if (fabs((double)grads[j]) < 1e-12) continue; /* beta x its square is subnormal */
                strong++;
                double step = (double)p->values[j] - (double)before[j],
                       want = (grads[j] > 0 ? -1e-3 : 1e-3) * (double)q->lr_scale;
                if (fabs(step - want) > 2e-6) {
                    FAILED("v%s %s[%zu] moved by %g, expected %g", versions[v], q->name, j - q->at, step, want);
                    break;
                }
            }
            moved += strong > 0;
            if (!strong) FAILED("v%s %s has no gradient", versions[v], q->name);
        }
        EXPECT_EQ(moved, p->count);
        free(before);
        free(grads);
        wkv_trainer_free(t);
    }
}

static void decay_and_clip_do_what_they_say(void)
{
    real values[4] = {1, -2, 0.5f, 0}, grads[4] = {3, 4, 0, 0}, mean[4] = {0}, square[4] = {0};
    double sums[1];
    param list[2] = {{.at = 0, .n = 2, .lr_scale = 1, .decays = 1}, {.at = 2, .n = 2, .lr_scale = 2}};
    params p = {.list = list,
                .count = 2,
                .n = 4,
                .to = 4,
                .values = values,
                .grads = grads,
                .mean = mean,
                .square = square,
                .sums = sums};
    adamw o = {.beta1 = 0.9f, .beta2 = 0.99f, .eps = 1e-18f, .weight_decay = 0.1f, .clip = 1};
    device *d;
    EXPECT_EQ(device_open(&d, NULL, 2, NULL), 0);
    EXPECT_NEAR(adamw_step(&o, &p, 0.01, 1, d), 5, 1e-6);
    EXPECT_NEAR(values[0], 1 - 0.01 * (1 + 0.1), 1e-6);
    EXPECT_NEAR(values[1], -2 - 0.01 * (1 - 0.2), 1e-6);
    EXPECT_NEAR(values[2], 0.5, 0);
    EXPECT_NEAR(mean[0], 0.1 * 0.6, 1e-6);
    EXPECT_NEAR(square[1], 0.01 * 0.64, 1e-7);
    EXPECT_NEAR(grads[0], 0, 0);
    real kept = values[0];
    grads[1] = INFINITY;
    EXPECT(!isfinite(adamw_step(&o, &p, 0.01, 2, d)));
    device_close(d);
    EXPECT_NEAR(values[0], kept, 0);
}

/* Loss and gradient of every tensor against PyTorch in float64 (tests/golden/gradients). */
static void gradients_are_those_of_autograd(void)
{
    for (int v = 0; v < VERSIONS; v++) {
        char model[256], path[256];
        snprintf(model, sizeof model, TEST_DIR "/golden/gradients/v%s.safetensors", versions[v]);
        snprintf(path, sizeof path, TEST_DIR "/golden/gradients/v%s.gradients.safetensors", versions[v]);
        wkv_train_options o = {.init = model, .threads = 1};
        wkv_trainer *t = make(&o);
        tensors *f;
        if (tensors_open(&f, path)) {
            FAILED("%s", wkv_error());
            return;
        }
        const file_tensor *tokens_in = tensors_find(f, "tokens"), *loss_in = tensors_find(f, "loss");
        EXPECT(tokens_in && loss_in && tensor_values(tokens_in) == 12);
        int32_t ids[12];
        double expected, loss;
        memcpy(ids, tokens_in->data, sizeof ids);
        memcpy(&expected, loss_in->data, sizeof expected);
        EXPECT_EQ(gradient_of_rows(t, ids, 2, 5, &loss), 0);
        EXPECT_NEAR(loss, expected, 2e-6);
        for (int i = 0; i < t->p.count; i++) {
            const param *q = &t->p.list[i];
            const file_tensor *g = tensors_find(f, q->name);
            if (!g || tensor_values(g) != (int64_t)q->n || g->type != F64) {
                FAILED("v%s: no gradient of %s", versions[v], q->name);
                continue;
            }
            double worst = 0, most = 0;
            for (size_t j = 0; j < q->n; j++) {
                double x;
                memcpy(&x, g->data + 8 * j, sizeof x);
                worst = fmax(worst, fabs(x - (double)t->p.grads[q->at + j]));
                most = fmax(most, fabs(x));
            }
            if (!(worst <= 1e-4 * most + 1e-9)) FAILED("v%s %s: off by %g of %g", versions[v], q->name, worst, most);
        }
        tensors_close(f);
        wkv_trainer_free(t);
    }
}

/* ---- learning ---------------------------------------------------------------------------------------------------- */

static void losses_fall(void)
{
    int32_t ids[4 * 33];
    fill_tokens(ids, 4 * 33, 64);
    for (int v = 0; v < VERSIONS; v++) {
        wkv_train_options o = tiny(versions[v]);
        o.lr_init = 5e-3f;
        o.steps = 60;
        wkv_trainer *t = make(&o);
        double first = 0, loss = 0;
        for (int i = 0; i < 60; i++) {
            EXPECT_EQ(wkv_trainer_step(t, ids, 4, 32, &loss), 0);
            if (!i) first = loss;
        }
        if (!(first > 4 && loss < 1.2)) FAILED("v%s: the loss went from %g to %g", versions[v], first, loss);
        wkv_trainer_free(t);
    }
}

static void threads_do_not_change_a_bit(void)
{
    int32_t ids[4 * 33];
    fill_tokens(ids, 4 * 33, 64);
    for (int v = 0; v < VERSIONS; v++) {
        wkv_train_options o = tiny(versions[v]), two = o;
        two.threads = 3;
        wkv_trainer *a = make(&o), *b = make(&two);
        for (int i = 0; i < 4; i++) {
            EXPECT_EQ(wkv_trainer_step(a, ids, 4, 32, NULL), 0);
            EXPECT_EQ(wkv_trainer_step(b, ids, 4, 32, NULL), 0);
        }
        EXPECT(!memcmp(a->p.values, b->p.values, a->p.n * sizeof(real)));
        wkv_trainer_free(a);
        wkv_trainer_free(b);
    }
}

/* With the option version 4 runs as a scan: the gradient is that of the definition, and its bits depend on
 * neither threads nor recomputation. Other versions refuse it. */
static void scan_of_a_long_sequence(void)
{
    enum { LONG = 3000 };
    static int32_t ids[LONG + 1];
    fill_tokens(ids, LONG + 1, 64);
    wkv_train_options o = tiny("4");
    o.width = 16;
    wkv_trainer *t[4];
    double loss[4];
    for (int i = 0; i < 4; i++) {
        wkv_train_options with = o;
        with.threads = i < 3 ? i + 1 : 1;
        with.checkpointing = i == 1 ? 1 : -1;
        if (i == 3) with.device = "reference";
        with.scan = i < 3;
        t[i] = make(&with);
        for (size_t k = 0; k < t[i]->p.n; k++)
            t[i]->p.values[k] += 0.1f * (float)sin((double)k); /* no longer mostly zero */
        EXPECT_EQ(gradient_of_rows(t[i], ids, 1, LONG, &loss[i]), 0);
        EXPECT_NEAR(loss[i], loss[0], 1e-5);
    }
    EXPECT(!memcmp(t[0]->p.grads, t[1]->p.grads, t[0]->p.n * sizeof(real)));
    EXPECT(!memcmp(t[0]->p.grads, t[2]->p.grads, t[0]->p.n * sizeof(real)));
    double most = 0, off = 0;
    for (size_t k = 0; k < t[0]->p.n; k++) {
        most = fmax(most, fabs((double)t[3]->p.grads[k]));
        off = fmax(off, fabs((double)t[0]->p.grads[k] - (double)t[3]->p.grads[k]));
    }
    if (!(most > 0 && off < 1e-5 * most)) FAILED("gradients by scan are off by %g of %g", off, most);
    memset(t[1]->p.grads, 0, t[1]->p.n * sizeof(real)); /* and it is the scan that was run */
    t[1]->c.scan = 0;
    EXPECT_EQ(gradient_of_rows(t[1], ids, 1, LONG, &loss[1]), 0);
    EXPECT(memcmp(t[0]->p.grads, t[1]->p.grads, t[0]->p.n * sizeof(real)));
    for (int i = 0; i < 4; i++) wkv_trainer_free(t[i]);
    o = tiny("7");
    o.scan = 1;
    EXPECT_EQ(wkv_trainer_new(t, &o), WKV_EARG);
    EXPECT_HAS(wkv_error(), "--scan");
}

/* ---- parts of a step --------------------------------------------------------------------------------------------- */

static double largest(const real *a, const real *b, size_t n)
{
    double worst = 0;
    for (size_t i = 0; i < n; i++) worst = fmax(worst, fabs((double)a[i] - (double)(b ? b[i] : 0)));
    return worst;
}

/* Micro-batches give the gradient of the whole batch within rounding, dropout included. */
static void parts_add_up_to_the_batch(void)
{
    int32_t ids[5 * 33];
    fill_tokens(ids, 5 * 33, 64);
    for (int v = 0; v < VERSIONS; v++) {
        wkv_train_options o = tiny(versions[v]), two = o;
        o.dropout = two.dropout = 0.1f;
        two.micro_batch = 2;
        wkv_trainer *a = make(&o), *b = make(&two);
        size_t n = a->p.n;
        double x, y;
        for (int i = 0; i < 3; i++) { /* away from where gradients are zero */
            EXPECT_EQ(wkv_trainer_step(a, ids, 5, 32, NULL), 0);
            EXPECT_EQ(params_to_host(&a->p), 0);
            memcpy(b->p.values, a->p.values, n * sizeof(real));
            params_host_changed(&b->p);
            b->step++;
        }
        EXPECT_EQ(gradient_of_rows(a, ids, 5, 32, &x), 0);
        EXPECT_EQ(gradient_of_rows(b, ids, 5, 32, &y), 0);
        EXPECT_NEAR(x, y, 1e-6);
        double most = largest(a->p.grads, NULL, n), off = largest(a->p.grads, b->p.grads, n);
        if (!(off < 2e-6 * most)) FAILED("v%s: gradients of parts are off by %g of %g", versions[v], off, most);
        wkv_trainer_free(a);
        wkv_trainer_free(b);
    }
}

/* Activation recomputation gives the same bits, dropout included, in less memory. */
static void checkpointing_does_not_change_a_bit(void)
{
    static int32_t ids[4 * 129];
    fill_tokens(ids, 4 * 129, 64);
    for (int v = 0; v < VERSIONS; v++) {
        wkv_train_options o = tiny(versions[v]), once = o;
        o.layers = once.layers = 6;
        o.dropout = once.dropout = 0.1f;
        o.checkpointing = 1;
        once.checkpointing = -1;
        wkv_trainer *a = make(&o), *b = make(&once);
        for (int i = 0; i < 3; i++) {
            EXPECT_EQ(wkv_trainer_step(a, ids, 4, 128, NULL), 0);
            EXPECT_EQ(wkv_trainer_step(b, ids, 4, 128, NULL), 0);
        }
        EXPECT(!memcmp(a->p.values, b->p.values, a->p.n * sizeof(real)));
        EXPECT(2 * a->c.mem.peak < b->c.mem.peak);
        row_cost twice, whole;
        sample some = {.ids = ids, .n = 65};
        EXPECT_EQ(trainer_cost(a, &some, 1, 0, &twice), 0);
        EXPECT_EQ(trainer_cost(a, &some, 1, 1, &whole), 0);
        double expected = (double)trainer_work_bytes(b, &whole, 4 * 128), peak = (double)b->c.mem.peak;
        EXPECT(2 * twice.bytes < whole.bytes && expected > 0.9 * peak && expected < 1.2 * peak);
        EXPECT_EQ(largest(a->p.grads, NULL, a->p.n), 0);
        wkv_trainer_free(a);
        wkv_trainer_free(b);
    }
}

static void a_step_that_is_no_number_is_left_out(void)
{
    int32_t good[33], bad[33];
    for (int i = 0; i < 33; i++) good[i] = i % 5, bad[i] = 63;
    wkv_train_options o = tiny("7");
    wkv_trainer *t = make(&o);
    reals(find_param(t, "emb.weight")->t)[63 * 32] = NAN;
    double loss, norm;
    int64_t skipped;
    for (int i = 0; i < 2; i++) EXPECT_EQ(wkv_trainer_step(t, good, 1, 32, &loss), 0);
    real kept = reals(find_param(t, "head.weight")->t)[0], mean = t->p.mean[0];
    for (int i = 0; i < 4; i++) {
        EXPECT_EQ(wkv_trainer_step(t, bad, 1, 32, &loss), 0);
        EXPECT(!isfinite(loss));
    }
    EXPECT_NEAR(reals(find_param(t, "head.weight")->t)[0], kept, 0);
    EXPECT_NEAR(t->p.mean[0], mean, 0);
    EXPECT_EQ(wkv_trainer_steps(t, NULL, &norm, &skipped), 6);
    EXPECT_EQ(skipped, 4);
    EXPECT_EQ(wkv_trainer_step(t, good, 1, 32, &loss), 0); /* the row of them is over */
    EXPECT(isfinite(loss) && (double)reals(find_param(t, "head.weight")->t)[0] != (double)kept);
    for (int i = 0; i < 4; i++) EXPECT_EQ(wkv_trainer_step(t, bad, 1, 32, &loss), 0);
    EXPECT_EQ(wkv_trainer_step(t, bad, 1, 32, &loss), WKV_ESTOPPED);
    EXPECT_HAS(wkv_error(), "last 5 steps, up to step 12");
    wkv_trainer_free(t);
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

/* A saved model, opened as by any user, gives the trainer's logits, and training can continue from it. */
static void a_sample_of_nan_is_refused(void)
{
    wkv_train_options o = tiny("7");
    wkv_trainer *t = make(&o);
    int32_t ids[12] = {1, 2, 3};
    EXPECT_EQ(trainer_sample(t, ids, 3, ids + 3, 9), 0);
    ((float *)find_param(t, "head.weight")->t->data)[5] = NAN;
    EXPECT_EQ(trainer_sample(t, ids, 3, ids + 3, 9), WKV_EFORMAT);
    EXPECT_HAS(wkv_error(), "the sample after step 0: the logit of id 0 is NaN");
    wkv_trainer_free(t);
}

static void saved_models_open(void)
{
    int32_t ids[33];
    fill_tokens(ids, 33, 64);
    for (int v = 0; v < VERSIONS; v++) {
        wkv_train_options o = tiny(versions[v]);
        o.lr_init = 1e-2f;
        wkv_trainer *t = make(&o);
        for (int i = 0; i < 5; i++) wkv_trainer_step(t, ids, 1, 32, NULL);
        double loss, again, sum = 0;
        EXPECT_EQ(wkv_trainer_loss(t, ids, 1, 32, &loss), 0);
        EXPECT_EQ(wkv_trainer_save(t, in_folder("m.safetensors"), "f32"), 0);

        wkv_model *m;
        wkv_context *c;
        wkv_state *s;
        if (wkv_model_open(&m, in_folder("m.safetensors"), NULL) || wkv_context_new(&c, m, NULL) ||
            wkv_state_new(&s, m)) {
            FAILED("%s", wkv_error());
            return;
        }
        EXPECT_STR(wkv_model_about(m)->version, versions[v]);
        EXPECT_EQ(wkv_model_about(m)->parameters, wkv_trainer_parameters(t));
        float logits[64];
        for (int i = 0; i < 32; i++) {
            EXPECT_EQ(wkv_eval(c, s, ids + i, 1, logits), 0);
            double top = logits[0], z = 0;
            for (int j = 0; j < 64; j++) top = (double)logits[j] > top ? (double)logits[j] : top;
            for (int j = 0; j < 64; j++) z += exp((double)logits[j] - top);
            sum += log(z) + top - (double)logits[ids[i + 1]];
        }
        EXPECT_NEAR(sum / 32, loss, 2e-5);
        wkv_state_free(s);
        wkv_context_free(c);
        wkv_model_close(m);

        wkv_train_options from = {.init = in_folder("m.safetensors"), .threads = 1};
        wkv_trainer *next = make(&from);
        EXPECT_EQ(next->p.n, t->p.n);
        EXPECT(!memcmp(next->p.values, t->p.values, t->p.n * sizeof(real)));
        EXPECT_EQ(wkv_trainer_loss(next, ids, 1, 32, &again), 0);
        EXPECT_NEAR(again, loss, 0);
        wkv_trainer_free(next);
        wkv_trainer_free(t);
    }
}

/* the axes that official files have */
static void saved_shapes_are_official(void)
{
    /* clang-format off */
    static const struct { const char *version, *name; int dims, axes[3]; } expected[] = {
        {"4", "blocks.0.att.time_mix_k", 3, {1, 1, 32}},  {"4", "blocks.0.att.time_decay", 1, {32}},
        {"4", "blocks.0.ln0.bias", 1, {32}},              {"5.2", "blocks.1.att.time_decay", 2, {2, 16}},
        {"5.2", "blocks.1.att.time_faaaa", 2, {2, 16}},   {"6", "blocks.1.att.time_decay", 3, {1, 1, 32}},
        {"6", "blocks.1.att.time_maa_w2", 3, {5, 32, 32}},{"7", "blocks.1.att.x_r", 3, {1, 1, 32}},
        {"7", "blocks.1.att.r_k", 2, {2, 16}},            {"7", "blocks.1.att.k_a", 3, {1, 1, 32}},
        {"7", "blocks.1.ffn.x_k", 3, {1, 1, 32}},         {"7", "blocks.1.att.ln_x.bias", 1, {32}},
        {"7", "blocks.1.att.w1", 2, {32, 32}},            {"7", "emb.weight", 2, {64, 32}},
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        wkv_train_options o = tiny(expected[i].version);
        wkv_trainer *t = make(&o);
        EXPECT_EQ(wkv_trainer_save(t, in_folder("s.safetensors"), NULL), 0);
        tensors *f;
        EXPECT_EQ(tensors_open(&f, in_folder("s.safetensors")), 0);
        const file_tensor *q = tensors_find(f, expected[i].name);
        EXPECT(q && q->dims == expected[i].dims && q->type == BF16);
        for (int k = 0; q && k < q->dims; k++) EXPECT_EQ(q->shape[k], expected[i].axes[k]);
        tensors_close(f);
        wkv_trainer_free(t);
    }
}

/* ---- whole runs -------------------------------------------------------------------------------------------------- */

static int reports, stop_at;
static double measured;
static int on_report(void *user, const wkv_train_report *r)
{
    reports++;
    if (r->valid_loss >= 0) measured = r->valid_loss;
    return r->step == *(int *)user;
}

static wkv_train_options run_options(const char *out)
{
    static const char *data[2];
    data[0] = in_folder("t.txt");
    return (wkv_train_options){.layers = 1,
                               .width = 32,
                               .head_size = 32,
                               .data = data,
                               .vocab = "bytes",
                               .out = in_folder(out),
                               .context = 16,
                               .batch = 2,
                               .steps = 12,
                               .lr_init = 1e-2f,
                               .log_every = 5,
                               .threads = 1,
                               .report = on_report,
                               .user = &stop_at};
}

static void whole_runs_leave_whole_files(void)
{
    char text[2001] = "";
    for (int i = 0; i < 100; i++) strcat(text, "the cat sat on a mat");
    write_file(in_folder("t.txt"), text);
    wkv_train_options o = run_options("run");
    reports = stop_at = 0;
    measured = -1;
    EXPECT_EQ(wkv_train(&o), 0);
    EXPECT_EQ(reports, 12);
    EXPECT(measured > 0 && measured < 5.6);
    char *log;
    size_t n;
    EXPECT_EQ(file_slurp(&log, &n, in_folder("run/train.jsonl")), 0);
    EXPECT_HAS(log, "\"step\": 10");
    EXPECT_HAS(log, "valid_bits_per_byte");
    free(log);
    wkv_model *m;
    EXPECT_EQ(wkv_model_open(&m, in_folder("run/final.safetensors"), NULL), 0);
    EXPECT_EQ(wkv_model_about(m)->vocab, 256);
    wkv_model_close(m);

    reports = 0;
    stop_at = 7;
    EXPECT_EQ(wkv_train(&o), WKV_EARG);
    EXPECT_HAS(wkv_error(), "the folder has a run");
    o = run_options("run2");
    EXPECT_EQ(wkv_train(&o), WKV_ESTOPPED);
    EXPECT_EQ(reports, 7);
    EXPECT_EQ(wkv_model_open(&m, in_folder("run2/final.safetensors"), NULL), 0);
    wkv_model_close(m);

    stop_at = 0;
    o = run_options("run3");
    o.init = in_folder("run/final.safetensors");
    o.steps = 2;
    EXPECT_EQ(wkv_train(&o), 0);
}

static void versions_are_listed(void)
{
    for (int v = 0; v < VERSIONS; v++) EXPECT_STR(wkv_train_version(v), versions[v]);
}

static void wrong_options_are_named(void)
{
    wkv_trainer *t;
    wkv_train_options o = tiny("8");
    EXPECT_EQ(wkv_trainer_new(&t, &o), WKV_EARG);
    EXPECT_HAS(wkv_error(), "5.2");
    EXPECT(!t);
    o = tiny("7a");
    EXPECT_EQ(wkv_trainer_new(&t, &o), WKV_EARG);
    EXPECT_HAS(wkv_error(), "version \"7a\": expected one of 4, 5.2, 6 and 7");
    o = tiny("7");
    o.init = TEST_DIR "/golden/models/v7a-n16-bf16.pth";
    EXPECT_EQ(wkv_trainer_new(&t, &o), WKV_EUNSUPPORTED);
    EXPECT_HAS(wkv_error(), "v7a-n16-bf16.pth is version 7a; 4, 5.2, 6 and 7 can be trained");
    o = tiny("7");
    o.head_size = 24;
    EXPECT_EQ(wkv_trainer_new(&t, &o), WKV_EARG);
    EXPECT_HAS(wkv_error(), "24");
    o = tiny("7");
    o.vocab_size = 0;
    EXPECT_EQ(wkv_trainer_new(&t, &o), WKV_EARG);
    o = tiny("7");
    o.device = "tpu";
    EXPECT_EQ(wkv_trainer_new(&t, &o), WKV_EARG);
    o = tiny("7");
    t = make(&o);
    int32_t ids[3] = {1, 64, 2};
    double loss;
    EXPECT_EQ(wkv_trainer_step(t, ids, 1, 2, &loss), WKV_EARG);
    EXPECT_HAS(wkv_error(), "64");
    EXPECT_EQ(wkv_trainer_step(t, ids, 0, 2, &loss), WKV_EARG);
    EXPECT_EQ(wkv_trainer_save(t, in_folder("x"), "q8"), WKV_EARG);
    EXPECT_EQ(wkv_trainer_save(t, in_folder("no/such/folder"), NULL), WKV_EIO);
    wkv_trainer_free(t);
    o = run_options("run4");
    const char *none[] = {in_folder("none.txt"), NULL};
    o.data = none;
    EXPECT_EQ(wkv_train(&o), WKV_EIO);
    o = run_options("run4");
    o.vocab = "257"; /* too few for a made one */
    EXPECT_EQ(wkv_train(&o), WKV_EARG);
}

int main(void)
{
    folder_begin("train");
    RUN(first_step_moves_by_the_learning_rate);
    RUN(decay_and_clip_do_what_they_say);
    RUN(gradients_are_those_of_autograd);
    RUN(losses_fall);
    RUN(threads_do_not_change_a_bit);
    RUN(scan_of_a_long_sequence);
    RUN(parts_add_up_to_the_batch);
    RUN(checkpointing_does_not_change_a_bit);
    RUN(a_step_that_is_no_number_is_left_out);
    RUN(a_sample_of_nan_is_refused);
    RUN(saved_models_open);
    RUN(saved_shapes_are_official);
    RUN(whole_runs_leave_whole_files);
    RUN(versions_are_listed);
    RUN(wrong_options_are_named);
    folder_end();
    return DONE();
}
