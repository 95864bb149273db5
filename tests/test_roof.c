/* test_roof.c - hardware limits, the work of a pass, models of published sizes. */
#include <stdlib.h>
#include "bench/int8.h"
#include "bench/synthetic.h"
#include "test.h"
#include "wkv_bench.h"

static int add_values(void *user, const char *name, tensor *t, const slot *s, int layer)
{
    (void)name, (void)t, (void)layer;
    const rwkv *m = ((void **)user)[0];
    *((int64_t **)user)[1] += (int64_t)m->dim[s->rows] * m->dim[s->cols];
    return 0;
}

/* The sizes give the published numbers of parameters. */
static void sizes_are_the_published_ones(void)
{
    shape s;
    for (int i = 0; shape_at(&s, i); i++) {
        rwkv m;
        int64_t n = 0;
        EXPECT_EQ(shape_init(&m, &s), 0);
        rwkv_each(&m, add_values, (void *[]){&m, &n});
        EXPECT_EQ(n, s.size->parameters);
        rwkv_release(&m);
    }
}

/* Logits of a random model are finite and neither dead nor wild, after one token and after many, and the squared ReLUs
 * have the requested sparsity. */
static void synthetic_is_sane(const char *name, double zeros, const char *type)
{
    wkv_model *m;
    if (wkv_model_synthetic(&m, name, type, 2) == WKV_ENOMEM) SKIP("%s: %s", name, wkv_error());
    EXPECT(m != NULL);
    if (!m) return;
    const wkv_model_info *about = wkv_model_about(m);
    EXPECT(!strncmp(about->types, type, 2));
    EXPECT_EQ(about->version[0], name[0]);
    wkv_context *c;
    wkv_state *s;
    float *logits = malloc((size_t)about->vocab * sizeof *logits);
    EXPECT_EQ(wkv_context_new(&c, m, NULL), 0);
    EXPECT_EQ(wkv_state_new(&s, m), 0);
    int32_t ids[96];
    for (int i = 0; i < 96; i++) ids[i] = (int32_t)(i * 7919 % about->vocab);
    for (int n = 1; n < 96; n += 94) {
        double sum = 0, squares = 0;
        EXPECT_EQ(wkv_eval(c, s, ids, n, logits), 0);
        for (int i = 0; i < about->vocab; i++) {
            sum += logits[i];
            squares += logits[i] * logits[i];
        }
        double deviation = sqrt(squares / about->vocab - pow(sum / about->vocab, 2));
        EXPECT(deviation > 0.3 && deviation < 3); /* the head maps a LayerNorm's output to deviation 1 */
    }
    wkv_sparsity layers[24] = {{{0}, {0}}};
    EXPECT(about->layers <= 24);
    EXPECT_EQ(wkv_measure_sparsity(layers, c, &(wkv_sequence){.state = s, .tokens = ids, .n = 96}, 1), 0);
    double sum = 0;
    for (int l = 0; l < about->layers; l++) {
        EXPECT_EQ(layers[l].of[0], 96 * about->ffn);
        sum += (double)layers[l].zero[0] / (double)layers[l].of[0];
    }
    EXPECT_NEAR(sum / about->layers, zeros, 0.02);

    /* one token reads nearly all of the file but the embedding */
    wkv_work w, many;
    int q8 = !strcmp(type, "q8");
    double value = q8 ? 34.0 / 32 : 2, row = (double)about->vocab * about->width * value;
    wkv_work_of(&w, m, 1, 1, 1, NULL);
    EXPECT_NEAR(w.bytes / ((double)about->file_bytes - row + (double)about->state_bytes), 1, 0.005);
    EXPECT_NEAR(w.flops / (2.0 * (double)about->parameters - 2 * row / value), 1, 0.005);
    EXPECT_EQ(w.int8 > 0.9 * w.flops, q8);
    EXPECT_NEAR(w.read, w.bytes, 0);
    if (!q8) { /* of which zeros save their rows of ffn.value */
        wkv_work saved;
        wkv_work_of(&saved, m, 1, 1, 1, layers);
        EXPECT_EQ(saved.bytes, w.bytes);
        EXPECT_NEAR((saved.bytes - saved.read) / (value * about->layers * about->width * about->ffn), zeros, 0.02);
    }
    wkv_work_of(&many, m, 4, 10, 0, NULL);
    EXPECT_NEAR(many.bytes, w.bytes - row + 3 * (double)about->state_bytes + 39.0 * about->width * value, 1);
    EXPECT_NEAR(many.flops, 40 * (w.flops - 2 * row / value), 1);

    free(logits);
    wkv_state_free(s);
    wkv_context_free(c);
    wkv_model_close(m);
}
static void synthetic_7_is_sane(void)
{
    SKIP_EMULATED();
    synthetic_is_sane("7:0.1B", 0.86, "bf16");
}
static void synthetic_4_is_sane(void) { synthetic_is_sane("4:169M", 0.75, "f16"); }
static void synthetic_blocks_are_sane(void) { synthetic_is_sane("4:169M", 0.75, "q8"); }

static void nonsense_is_refused(void)
{
    wkv_model *m;
    EXPECT_EQ(wkv_model_synthetic(&m, "7:1T", NULL, 1), WKV_EARG);
    EXPECT_HAS(wkv_error(), "7:0.1B, 7:0.4B");
    EXPECT(m == NULL);
    EXPECT_EQ(wkv_model_synthetic(&m, "7:0.1B", "q9", 1), WKV_EARG);
    EXPECT_HAS(wkv_error(), "bf16");
    EXPECT_EQ(wkv_model_synthetic(&m, "7:0.1B", "f32", 1 << 30), WKV_ENOMEM);
    EXPECT_HAS(wkv_error(), "are available");
    EXPECT(m == NULL);
    wkv_meter *meter;
    EXPECT_EQ(wkv_meter_new(&meter, -1), WKV_EARG);
}

static void limits_are_measured(void)
{
    wkv_meter *meter;
    wkv_roof r, now;
    EXPECT_EQ(wkv_meter_new(&meter, 2), 0);
    wkv_meter_search(meter, 0.1, &r);
    EXPECT_EQ(r.threads, 2);
    EXPECT(r.read > 1e8 && r.read < 1e13);
    EXPECT(r.fma > 1e8 && r.fma < 1e14);
    EXPECT(r.int8 > 1e8 && r.int8 < 1e15);
    EXPECT(r.streams >= 1 && r.streams <= 16);
    wkv_roof before = r;
    wkv_meter_search(meter, 0.01, &r);
    EXPECT(r.read >= before.read && r.fma >= before.fma && r.int8 >= before.int8);
    wkv_meter_now(meter, &now);
    EXPECT(now.read > 1e8 && now.fma > 1e8 && now.int8 > 1e8 && now.streams == r.streams);
    wkv_meter_free(meter);
    EXPECT(wkv_memory_resident() > 100000);
    EXPECT(wkv_memory_available() > 100000);
}

/* Every kind of byte multiplication counts its operations: twice the rounds, twice the operations. */
static void bytes_are_multiplied_everywhere(void)
{
    static const char *const sets[] = {"portable", "avx2", "avx512"};
    for (int i = 0; i < 3; i++) {
        wkv_model *m;
        wkv_context *c = NULL;
        EXPECT_EQ(wkv_model_open(&m, TEST_DIR "/golden/models/v7-n32-f16.pth", NULL), 0);
        if (!wkv_context_new(&c, m, &(wkv_context_options){.isa = sets[i]})) {
            int8_way way = int8_best(sets[i]);
            EXPECT(way.burn(10) > 0);
            EXPECT_EQ(way.burn(20), 2 * way.burn(10));
        }
        wkv_context_free(c);
        wkv_model_close(m);
    }
}

int main(void)
{
    RUN(sizes_are_the_published_ones);
    RUN(nonsense_is_refused);
    RUN(limits_are_measured);
    RUN(bytes_are_multiplied_everywhere);
    RUN(synthetic_7_is_sane);
    RUN(synthetic_4_is_sane);
    RUN(synthetic_blocks_are_sane);
    return DONE();
}
