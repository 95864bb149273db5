/* test_opencl_layers.c - layers of one model on the CPU and on the OpenCL device: every division, the memory of each,
 * probes, and exhausted memory. On $WKV_OPENCL (0: the first OpenCL device). */
#include <stdlib.h>
#include "models.h"
#include "on_opencl.h"
#include "rwkv/api.h"
#include "tuning.h"
#include "wkv_bench.h"
#include "wkv_probe.h"
#include "wkv_state.h"

/* n: layers on the device, 0: none */
static int try_layers(wkv_context **c, const wkv_model *m, int n)
{
    return wkv_context_new(c, m, &(wkv_context_options){.threads = 2, .device = opencl, .device_layers = n ? n : -1});
}

static wkv_context *with_layers(const wkv_model *m, int n)
{
    wkv_context *c;
    if (try_layers(&c, m, n)) FAILED("%d layers: %s", n, wkv_error());
    return c;
}

/* ---- results ----------------------------------------------------------------------------------------------------- */

static const char *const deep[] = {"v4-c40-f16",  "v5.0-n16-bf16", "v5.1-n16-f16", "v5.2-n32-bf16",
                                   "v6-n16-bf16", "v7-n16-bf16",   "v7a-n16-bf16"};
enum { DEEP = sizeof deep / sizeof *deep };

/* Each number of layers: near the official logits, with the same bits for every division of the text; none has the
 * CPU's bits, all have the device's. */
static void each_division(void)
{
    for (int i = 0; i < DEEP; i++) {
        known k;
        if (!golden_open(&k, deep[i])) continue;
        const int L = wkv_model_about(k.m)->layers;
        const size_t floats = (size_t)k.n * (size_t)k.vocab;
        wkv_context *whole = context_new(k.m, 0, opencl);
        float *cpu = from_start(&k, k.c, k.n), *all = from_start(&k, whole, k.n);
        wkv_context_free(whole);
        for (int n = 0; n <= L; n++) {
            char name[64];
            wkv_context_free(k.c);
            if (!(k.c = with_layers(k.m, n))) break;
            snprintf(name, sizeof name, "%s, %d layers", deep[i], n);
            check_cuts(&k, name);
            float *x = from_start(&k, k.c, k.n);
            NEAR_ALL(name, x, cpu, floats, TOLERANCE);
            if (!n && !same_bits(x, cpu, floats)) FAILED("%s: other bits than the CPU's", name);
            if (n == L && !same_bits(x, all, floats)) FAILED("%s: other bits than the device's", name);
            free(x);
        }
        free(cpu), free(all);
        known_close(&k);
    }
}

static void batches(void)
{
    for (int i = 0; i < DEEP; i++) {
        known k;
        if (!golden_open(&k, deep[i])) continue;
        wkv_context *c = with_layers(k.m, 1);
        check_sequences(c, &k, deep[i], 3, 1, 5);
        wkv_context_free(c);
        known_close(&k);
    }
}

/* Where layers run is a part of a state's identity. */
static void identity(void)
{
    known k;
    if (!golden_open(&k, "v7-n16-bf16")) return;
    static const char *const names[] = {"f32 1", "f32 1 opencl 1/3", "f32 1 opencl 2/3", "f32 1 opencl"};
    for (int n = 0; n <= 3; n++) {
        wkv_identity id;
        wkv_stage g;
        wkv_context *c = with_layers(k.m, n);
        if (!c) break;
        EXPECT_EQ(wkv_identify(&id, c), 0);
        if (context_device_of(c, 0)->same_bits || n == 3) EXPECT_STR(id.arithmetic, names[n]);
        EXPECT_EQ(wkv_context_stage(c, 0, &g), 1);
        EXPECT_EQ(g.layers, n % 3 ? 3 - n : 3);
        EXPECT_EQ(wkv_context_stage(c, 1, &g), n % 3 != 0);
        if (n % 3) EXPECT_EQ(g.first, 3 - n);
        if (n % 3) EXPECT_EQ(g.layers, n);
        wkv_context_free(c);
    }
    wkv_context *c;
    EXPECT_EQ(try_layers(&c, k.m, -2), WKV_EARG);
    EXPECT_HAS(wkv_error(), "-2 layers on the device");
    known_close(&k);
}

/* ---- probes ------------------------------------------------------------------------------------------------------ */

typedef struct {
    float *values;
    size_t n, capacity;
} seen;

static void note_values(void *user, const wkv_probed *p)
{
    seen *s = user;
    const size_t n = (size_t)p->rows * (size_t)p->cols;
    if (s->n + n > s->capacity) s->values = realloc(s->values, (s->capacity = 2 * (s->n + n)) * sizeof *s->values);
    memcpy(s->values + s->n, p->values, n * sizeof *s->values);
    s->n += n;
}

/* All sites of all layers, in the same order and near the CPU's; and a change in a layer of the CPU and in one of the
 * device's. */
static void sites(void)
{
    for (int i = 0; i < DEEP; i++) {
        known k;
        if (!golden_open(&k, deep[i])) continue;
        seen s[2] = {{0}, {0}};
        wkv_context *c[2] = {k.c, with_layers(k.m, 1)};
        for (int way = 0; way < 2; way++) {
            EXPECT_EQ(wkv_probe_add(c[way], NULL, note_values, &s[way]), 0);
            free(from_start(&k, c[way], k.n));
        }
        EXPECT(s[0].n > 0);
        EXPECT_EQ(s[0].n, s[1].n);
        const double d = s[0].n == s[1].n ? apart(s[0].values, s[1].values, s[0].n) : INFINITY;
        if (!(d <= TOLERANCE)) FAILED("%s: values at its sites are %g apart", deep[i], d);
        free(s[0].values), free(s[1].values);
        wkv_context_free(c[1]);
        known_close(&k);
    }
}

static void halve(void *user, const wkv_probed *p)
{
    (void)user;
    for (int i = 0; i < p->rows * p->cols; i++) p->values[i] /= 2;
}

static void changes(void)
{
    static const char *const at[] = {"blocks.0.att_out", "blocks.2.k"};
    known k;
    if (!golden_open(&k, "v7-n16-bf16")) return;
    const size_t floats = (size_t)k.n * (size_t)k.vocab;
    float *unchanged = from_start(&k, k.c, k.n);
    wkv_context *c[2] = {k.c, with_layers(k.m, 1)};
    for (int i = 0; i < 2; i++) {
        float *x[2];
        for (int way = 0; way < 2; way++) {
            EXPECT_EQ(wkv_probe_add(c[way], at[i], halve, NULL), 0);
            x[way] = from_start(&k, c[way], k.n);
            wkv_probe_clear(c[way]);
        }
        NEAR_ALL(at[i], x[1], x[0], floats, TOLERANCE);
        EXPECT(apart(x[0], unchanged, floats) > 1e-3);
        free(x[0]), free(x[1]);
    }
    free(unchanged);
    wkv_context_free(c[1]);
    known_close(&k);
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

enum { SHARED = 1 << 18, BUFFER = 1 << 22 }; /* weights up to SHARED bytes are in buffers of BUFFER bytes */

typedef struct {
    int layer; /* -1: outside of layers */
    size_t large, all;
} weights;

static int weigh(void *user, const char *name, tensor *t, const slot *s, int layer)
{
    (void)name;
    weights *w = user;
    const size_t bytes = (size_t)dtype_bytes((dtype)t->type, (int64_t)t->rows * t->cols);
    if (layer != w->layer || s->flags & SLOT_TABLE) return 0;
    w->all += bytes;
    if (bytes > SHARED) w->large += bytes;
    return 0;
}

static weights weights_of(const wkv_model *m, int layer)
{
    weights w = {.layer = layer};
    rwkv_each((rwkv *)&m->rwkv, weigh, &w);
    return w;
}

/* Beside the matrices that have buffers of their own, only whole buffers of small weights. */
static void expect_bytes(size_t got, size_t large, int most, const char *what)
{
    if (got < large || (got - large) % BUFFER || (got - large) / BUFFER > (size_t)most)
        FAILED("%s: %zu bytes on the device, expected %zu and at most %d buffers", what, got, large, most);
}

/* Each layer more takes the memory of its weights. */
static void bytes_of_layers(void)
{
    wkv_model *m;
    if (wkv_model_synthetic(&m, "7:0.1B", "q8_0", 1)) {
        FAILED("%s", wkv_error());
        return;
    }
    enum { MOST = 3 };
    size_t before = 0, large = weights_of(m, -1).large, all = weights_of(m, -1).all;
    for (int n = 1; n <= MOST; n++) {
        wkv_context *c = with_layers(m, n);
        wkv_stage g;
        if (!c) break;
        const weights w = weights_of(m, m->rwkv.L - n);
        large += w.large;
        all += w.all;
        const size_t bytes = wkv_context_device_bytes(c, NULL);
        expect_bytes(bytes, large, n, "layers and the head");
        if (before) expect_bytes(bytes - before, w.large, 1, "a layer more");
        EXPECT_EQ(wkv_context_stage(c, 1, &g), 1);
        EXPECT_EQ(g.weight_bytes, all);
        before = bytes;
        wkv_context_free(c);
    }
    wkv_model_close(m);
}

/* Less memory than the weights take: refused, with the number of layers that fit. */
static void layers_that_fit(void)
{
    wkv_model *m;
    wkv_context *c;
    int fit = 0;
    if (wkv_model_synthetic(&m, "7:0.1B", "q8_0", 1)) {
        FAILED("%s", wkv_error());
        return;
    }
    setenv("WKV_DEVICE_MEMORY", "150", 1);
    EXPECT_EQ(try_layers(&c, m, 12), WKV_ENOMEM);
    const char *words = strstr(wkv_error(), "--gpu-layers ");
    if (!words || sscanf(words, "--gpu-layers %d would fit", &fit) != 1 || fit < 1 || fit > 11)
        FAILED("\"%s\" names no number of layers", wkv_error());
    if (fit) {
        EXPECT_EQ(try_layers(&c, m, fit + 1), WKV_ENOMEM);
        if ((c = with_layers(m, fit))) {
            wkv_state *s = state_new(m);
            int32_t list[40];
            for (int i = 0; i < 40; i++) list[i] = 100 + i;
            size_t most;
            EXPECT_EQ(wkv_eval(c, s, list, 40, NULL), 0);
            wkv_context_device_bytes(c, &most);
            EXPECT(most <= 150000000);
            wkv_state_free(s);
        }
        wkv_context_free(c);
    }
    setenv("WKV_DEVICE_MEMORY", "20", 1);
    EXPECT_EQ(try_layers(&c, m, 12), WKV_ENOMEM);
    EXPECT_HAS(wkv_error(), "none would fit: --device cpu");
    setenv("WKV_DEVICE_MEMORY", "much", 1);
    EXPECT_EQ(try_layers(&c, m, 12), WKV_EARG);
    EXPECT_HAS(wkv_error(), "WKV_DEVICE_MEMORY is \"much\", expected a number of MB");
    unsetenv("WKV_DEVICE_MEMORY");
    wkv_model_close(m);
}

/* Restart the measurement of the peak of resident memory. */
static int restart_peak(void)
{
    FILE *f = fopen("/proc/self/clear_refs", "w");
    const int done = f && fputs("5", f) >= 0 && !fflush(f);
    if (f) fclose(f);
    return done;
}

/* Weights of a mapped file are copied once: beside the memory of the device, which PoCL takes from the host's, the
 * host holds the largest weight's pages, not the model's. */
static void resident_memory(void)
{
    enum { MB = 1 << 20, SLACK = 48 * MB };
    static const char path[] = "test_opencl_layers.gguf";
    wkv_model *m;
    if (wkv_model_synthetic(&m, "7:0.1B", "f16", 1)) {
        FAILED("%s", wkv_error());
        return;
    }
    EXPECT_EQ(wkv_convert(m, path, NULL), 0);
    wkv_model_close(m);
    if (!opens(&m, path)) return;
    wkv_context_free(context_new(m, 0, opencl)); /* the driver's own memory */
    wkv_model_close(m);
    if (!opens(&m, path)) return;
    if (!restart_peak()) SKIP("resident_memory: no /proc/self/clear_refs");
    const size_t before = wkv_memory_resident();
    wkv_context *c = context_new(m, 0, opencl);
    const size_t peak = wkv_memory_peak() - before, after = wkv_memory_resident() - before,
                 there = wkv_context_device_bytes(c, NULL), head = (size_t)m->rwkv.V * (size_t)m->rwkv.C * 2;
    printf("     %zu MB on the device: %zu MB more resident, at most %zu\n", there / MB, after / MB, peak / MB);
    EXPECT(there > 200 * (size_t)MB);
    EXPECT(peak < there + head + SLACK);
    EXPECT(after < there + SLACK / 2);
    wkv_context_free(c);
    wkv_model_close(m);
    remove(path);
}

/* A weight that goes up in pieces is the one that is written at once: the same product. */
static void pieces_of_a_weight(void)
{
    enum { IN = 1100, OUT = 3001 }; /* 13 MB as f32: four pieces */
    float *w = malloc(sizeof *w * IN * OUT), *x = malloc(sizeof *x * IN), *y[2];
    const tensor weight = {.rows = OUT, .cols = IN, .type = F32, .data = w};
    for (int i = 0; i < IN * OUT; i++) w[i] = (float)(i % 1009 - 504) * 1e-3f;
    for (int i = 0; i < IN; i++) x[i] = (float)(i % 17 - 8);
    for (int unified = 0; unified < 2; unified++) {
        device *d;
        cx c;
        if (device_open(&d, opencl, 0, NULL)) {
            FAILED("%s", wkv_error());
            return;
        }
        d->unified = unified;
        EXPECT_EQ(cx_init(&c, d), 0);
        EXPECT_EQ(d->keep_weight(d, &weight), 0);
        EXPECT_EQ(d->bytes(d, NULL), d->weight_bytes(d, &weight));
        const batch b = {.rows = 1};
        c.b = &b;
        tensor *in = tensor_new(&c, 1, IN);
        y[unified] = calloc(OUT, sizeof *y[0]);
        d->from_host(d, &(transfer_args){.from = x, .to = in->data, .n = IN});
        values_read(&c, op_linear(&c, in, (tensor *)&weight), y[unified]);
        EXPECT_EQ(d->finish(d), 0);
        cx_release(&c);
        device_close(d);
    }
    double sum = 0; /* of the last row, in the last piece */
    for (int i = 0; i < IN; i++) sum += (double)w[(OUT - 1) * IN + i] * x[i];
    EXPECT_NEAR(y[0][OUT - 1], sum, 1e-2);
    EXPECT(same_bits(y[0], y[1], OUT));
    free(w), free(x), free(y[0]), free(y[1]);
}

/* ---- exhausted memory -------------------------------------------------------------------------------------------- */

static int allowed; /* allocations that succeed */
static size_t (*really_left)(const device *d);

static size_t left_for_some(const device *d) { return allowed-- > 0 ? really_left(d) : 0; }

/* Let the device be out of memory at each allocation of a pass in turn: states are as before, and the pass succeeds in
 * the same context when there is memory. */
static void out_of_memory_in_a_pass(void)
{
    known k;
    if (!golden_open(&k, "v7-n16-bf16")) return;
    const size_t V = (size_t)k.vocab;
    float *want = calloc(V, sizeof *want), *got = calloc(V, sizeof *got);
    for (int n = 1; n <= 3; n += 2) {
        wkv_state *s = state_new(k.m), *before = state_new(k.m);
        wkv_context *c = with_layers(k.m, n);
        EXPECT_EQ(wkv_eval(c, s, k.tokens, 5, NULL), 0);
        EXPECT_EQ(wkv_state_copy(before, s), 0);
        EXPECT_EQ(wkv_eval(c, s, k.tokens + 5, 9, want), 0);
        wkv_context_free(c);

        device *d = context_device(c = with_layers(k.m, n));
        int failed = 0;
        really_left = d->left;
        d->left = left_for_some;
        for (int most = 0, err = 1; err && most < 100; most++) {
            wkv_state *again = state_new(k.m);
            EXPECT_EQ(wkv_state_copy(again, before), 0);
            allowed = most;
            err = wkv_eval(c, again, k.tokens + 5, 9, got);
            if (err) {
                EXPECT_EQ(err, WKV_ENOMEM);
                EXPECT_HAS(wkv_error(), "no memory for");
                EXPECT(same_state(k.m, again, before));
                failed++;
            } else
                EXPECT(same_state(k.m, again, s) && same_bits(got, want, V));
            wkv_state_free(again);
        }
        printf("     %d layers on the device: %d passes without memory\n", n, failed);
        EXPECT(failed > 0 && failed < 100);
        wkv_context_free(c);
        wkv_state_free(s), wkv_state_free(before);
    }
    free(want), free(got);
    known_close(&k);
}

/* The same in a step of training: the next one has the loss and the weights of a trainer that never failed. */
static void out_of_memory_in_training(void)
{
    enum { ROWS = 2, LENGTH = 12, STEPS = 2 };
    int32_t text[ROWS * (LENGTH + 1)];
    for (int i = 0; i < ROWS * (LENGTH + 1); i++) text[i] = i * 7 % 64;
    const wkv_train_options o = {.version = "7",
                                 .layers = 2,
                                 .width = 32,
                                 .head_size = 16,
                                 .vocab_size = 64,
                                 .seed = 1,
                                 .steps = 10,
                                 .lr_init = 1e-3f,
                                 .device = opencl};
    wkv_trainer *t[2] = {made(&o), made(&o)};
    double loss[2] = {0, 0};
    if (!t[0] || !t[1]) return;
    int failed = 0;
    really_left = t[1]->device->left;
    t[1]->device->left = left_for_some;
    for (int most = 0, err = 1; err && most < 200; most++) {
        allowed = most;
        err = wkv_trainer_step(t[1], text, ROWS, LENGTH, &loss[1]);
        if (err) EXPECT_EQ(err, WKV_ENOMEM);
        failed += err != 0;
    }
    EXPECT(failed > 0 && failed < 200);
    EXPECT_EQ(wkv_trainer_step(t[0], text, ROWS, LENGTH, &loss[0]), 0);
    EXPECT(loss[0] == loss[1]);
    t[1]->device->left = really_left;
    for (int k = 0; k < 2; k++) EXPECT_EQ(wkv_trainer_step(t[k], text, ROWS, LENGTH, &loss[k]), 0);
    EXPECT(loss[0] == loss[1]);
    printf("     %d steps without memory\n", failed);
    wkv_trainer_free(t[0]), wkv_trainer_free(t[1]);
}

int main(void)
{
    known k;
    unsetenv("WKV_DEVICE"); /* the processor is the reference */
    if (!golden_open(&k, goldens[0].name)) return DONE();
    known_close(&k);
    if (!opencl_is_here()) return DONE();
    RUN(each_division);
    RUN(batches);
    RUN(identity);
    RUN(sites);
    RUN(changes);
    RUN(bytes_of_layers);
    RUN(layers_that_fit);
    RUN(resident_memory);
    RUN(pieces_of_a_weight);
    RUN(out_of_memory_in_a_pass);
    RUN(out_of_memory_in_training);
    return DONE();
}
