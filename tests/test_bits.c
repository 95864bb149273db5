/* test_bits.c - one text, divided anywhere into calls, batched with others, run on any number of threads: the same
 * bits.
 *
 * The committed checkpoints are small, so that the fast device may not share their work out; a wider model of random
 * weights is written for this test and evaluated the same ways. */
#include "models.h"

/* ---- a wider model of random weights ----------------------------------------------------------------------------- */

/* A tensor to make up: values spread evenly around `mean` with standard deviation `deviation`; rows 0: a vector. */
typedef struct {
    const char *name;
    int rows, cols;
    float mean, deviation;
    int planes; /* of a 3-D tensor, 0 for others */
} part;

/* A safetensors file being made up: its header and its data. */
typedef struct {
    char head[1 << 15];
    size_t head_len, bytes;
    unsigned char *data;
    uint32_t random;
    int bf16;
} writer;

/* One more tensor; matrices are bf16 when the file is. */
static void put(writer *f, const char *prefix, part p)
{
    int bf16 = f->bf16 && p.rows;
    size_t count = (size_t)(p.planes ? p.planes : 1) * (size_t)(p.rows ? p.rows : 1) * (size_t)p.cols;
    size_t end = f->bytes + count * (bf16 ? 2 : 4);
    char shape[48];
    if (p.planes)
        snprintf(shape, sizeof shape, "%d,%d,%d", p.planes, p.rows, p.cols);
    else if (p.rows)
        snprintf(shape, sizeof shape, "%d,%d", p.rows, p.cols);
    else
        snprintf(shape, sizeof shape, "%d", p.cols);
    f->head_len += (size_t)snprintf(f->head + f->head_len, sizeof f->head - f->head_len,
                                    "%c\"%s%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%zu,%zu]}",
                                    f->bytes ? ',' : '{', prefix, p.name, bf16 ? "BF16" : "F32", shape, f->bytes, end);
    f->data = realloc(f->data, end);
    for (size_t i = 0; i < count; i++) {
        f->random = f->random * 1664525u + 1013904223u;
        float x = p.mean + p.deviation * 3.4641f * ((float)(f->random >> 8) / (1 << 24) - 0.5f);
        if (bf16)
            memcpy(f->data + f->bytes + 2 * i, (char *)&x + 2, 2); /* the upper half */
        else
            memcpy(f->data + f->bytes + 4 * i, &x, 4);
    }
    f->bytes = end;
}

static void put_norm(writer *f, const char *prefix, const char *name, int n)
{
    char full[32];
    snprintf(full, sizeof full, "%s.weight", name);
    put(f, prefix, (part){full, 0, n, 1, 0.2f, 0});
    snprintf(full, sizeof full, "%s.bias", name);
    put(f, prefix, (part){full, 0, n, 0, 0.2f, 0});
}

/* Version 6 or 7, two layers, C 320 in 5 heads of 64, F 1000, V 601; official names. */
static void wide_model(const char *path, int version, int bf16)
{
    enum { L = 2, C = 320, H = 5, N = 64, F = 1000, V = 601 };
    /* clang-format off */
    static const part six[] = {
        {"att.time_maa_x", 0, C, 0.5f, 0.3f, 0},   {"att.time_maa_w", 0, C, 0.5f, 0.3f, 0},
        {"att.time_maa_k", 0, C, 0.5f, 0.3f, 0},   {"att.time_maa_v", 0, C, 0.5f, 0.3f, 0},
        {"att.time_maa_r", 0, C, 0.5f, 0.3f, 0},   {"att.time_maa_g", 0, C, 0.5f, 0.3f, 0},
        {"att.time_maa_w1", C, 60, 0, 0.05f, 0},   {"att.time_maa_w2", 12, C, 0, 0.1f, 5},
        {"att.time_decay", 0, C, -0.7f, 1, 0},     {"att.time_faaaa", H, N, 0, 1, 0},
        {"att.time_decay_w1", C, 24, 0, 0.05f, 0}, {"att.time_decay_w2", 24, C, 0, 0.2f, 0},
        {"ffn.time_maa_k", 0, C, 0.5f, 0.3f, 0},   {"ffn.time_maa_r", 0, C, 0.5f, 0.3f, 0},
        {"att.gate.weight", C, C, 0, 0.06f, 0},    {"ffn.receptance.weight", C, C, 0, 0.06f, 0},
        {NULL, 0, 0, 0, 0, 0}};
    static const part seven[] = {
        {"att.x_r", 0, C, 0.5f, 0.3f, 0}, {"att.x_w", 0, C, 0.5f, 0.3f, 0}, {"att.x_k", 0, C, 0.5f, 0.3f, 0},
        {"att.x_v", 0, C, 0.5f, 0.3f, 0}, {"att.x_a", 0, C, 0.5f, 0.3f, 0}, {"att.x_g", 0, C, 0.5f, 0.3f, 0},
        {"att.w0", 0, C, -0.4f, 1, 0},    {"att.w1", C, 24, 0, 0.08f, 0},   {"att.w2", 24, C, 0, 0.3f, 0},
        {"att.a0", 0, C, -0.4f, 1, 0},    {"att.a1", C, 17, 0, 0.08f, 0},   {"att.a2", 17, C, 0, 0.3f, 0},
        {"att.v0", 0, C, -0.4f, 1, 0},    {"att.v1", C, 12, 0, 0.08f, 0},   {"att.v2", 12, C, 0, 0.3f, 0},
        {"att.g1", C, 40, 0, 0.08f, 0},   {"att.g2", 40, C, 0, 0.3f, 0},    {"att.r_k", H, N, 0, 0.3f, 0},
        {"att.k_k", 0, C, 0.8f, 0.3f, 0}, {"att.k_a", 0, C, 0.8f, 0.3f, 0}, {"ffn.x_k", 0, C, 0.5f, 0.3f, 0},
        {NULL, 0, 0, 0, 0, 0}};
    static const part both[] = {{"att.receptance.weight", C, C, 0, 0.06f, 0}, {"att.key.weight", C, C, 0, 0.06f, 0},
                                {"att.value.weight", C, C, 0, 0.06f, 0},      {"att.output.weight", C, C, 0, 0.06f, 0},
                                {"ffn.key.weight", F, C, 0, 0.06f, 0},        {"ffn.value.weight", C, F, 0, 0.03f, 0},
                                {NULL, 0, 0, 0, 0, 0}};
    /* clang-format on */
    writer *f = calloc(1, sizeof *f);
    f->bf16 = bf16;
    put(f, "", (part){"emb.weight", V, C, 0, 1, 0});
    for (int layer = 0; layer < L; layer++) {
        const part *const tables[] = {both, version == 6 ? six : seven};
        char prefix[32];
        snprintf(prefix, sizeof prefix, "blocks.%d.", layer);
        if (layer == 0) put_norm(f, prefix, "ln0", C);
        put_norm(f, prefix, "ln1", C);
        put_norm(f, prefix, "ln2", C);
        put_norm(f, prefix, "att.ln_x", C);
        for (int t = 0; t < 2; t++) {
            for (const part *p = tables[t]; p->name; p++) put(f, prefix, *p);
        }
    }
    put_norm(f, "", "ln_out", C);
    put(f, "", (part){"head.weight", V, C, 0, 0.1f, 0});

    FILE *out = fopen(path, "wb");
    uint64_t length = f->head_len + 1;
    EXPECT(out && f->head_len < sizeof f->head && fwrite(&length, 8, 1, out) == 1 &&
           fwrite(f->head, 1, f->head_len, out) == f->head_len && fputc('}', out) == '}' &&
           fwrite(f->data, 1, f->bytes, out) == f->bytes && !fclose(out));
    free(f->data);
    free(f);
}

/* ---- the same bits ----------------------------------------------------------------------------------------------- */

static void every_split(void)
{
    for (int i = 0; i < GOLDENS; i++) {
        known k;
        if (golden_open(&k, goldens[i].name)) {
            wkv_state *whole = state_new(k.m), *cut = state_new(k.m);
            float *want = calloc((size_t)k.vocab, sizeof *want), *got = calloc((size_t)k.vocab, sizeof *got);
            EXPECT_EQ(wkv_eval(k.c, whole, k.tokens, k.n, want), 0);
            for (int n = 1; n < k.n; n++) {
                wkv_state_reset(cut);
                EXPECT_EQ(wkv_eval(k.c, cut, k.tokens, n, NULL), 0);
                EXPECT_EQ(wkv_eval(k.c, cut, k.tokens + n, k.n - n, got), 0);
                if (!same_bits(got, want, (size_t)k.vocab))
                    FAILED("%s: logits change when split after %d", goldens[i].name, n);
                if (!same_state(k.m, cut, whole))
                    FAILED("%s: the state changes when split after %d", goldens[i].name, n);
            }
            wkv_state_free(whole);
            wkv_state_free(cut);
            free(want);
            free(got);
        }
        known_close(&k);
    }
}

/* The known tokens again and again, n in all; the caller frees them. */
static int32_t *repeated(const known *k, int n)
{
    int32_t *tokens = malloc(sizeof *tokens * (size_t)n);
    for (int i = 0; i < n; i++) tokens[i] = k->tokens[i % k->n];
    return tokens;
}

/* Sequences of these lengths in one call, with all, one or no logits; then all continued by one token in one call. */
static void check_batch(const known *k, const char *name, const int *len, int count)
{
    enum { MOST = 24, LONGEST = 700 };
    size_t row = (size_t)k->vocab, width = (size_t)wkv_model_about(k->m)->width;
    wkv_sequence q[MOST] = {0};
    wkv_state *alone[MOST];
    float *want[MOST];
    int32_t *tokens = repeated(k, LONGEST + MOST + 1);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < count; i++) {
            int n = round ? 1 : len[i];
            if (!round) {
                q[i].state = state_new(k->m);
                alone[i] = state_new(k->m);
            }
            q[i].tokens = tokens + i + (round ? len[i] : 0);
            q[i].n = n;
            q[i].all_rows = i % 2;
            q[i].logits = i == 2 && !round ? NULL : calloc((size_t)n * row, sizeof(float));
            q[i].hidden = i % 3 ? calloc((size_t)n * width, sizeof(float)) : NULL;
            want[i] = all_logits(k->c, alone[i], q[i].tokens, n, k->vocab, n);
        }
        EXPECT_EQ(wkv_eval_batch(k->c, q, count), 0);
        for (int i = 0; i < count; i++) {
            size_t rows = q[i].all_rows ? (size_t)q[i].n : 1;
            const float *expected = want[i] + ((size_t)q[i].n - rows) * row;
            if (q[i].logits && !same_bits(q[i].logits, expected, rows * row))
                FAILED("%s: sequence %d of a batch differs by %.3g", name, i, apart(q[i].logits, expected, rows * row));
            float *head = calloc(rows * row, sizeof(float));
            if (q[i].hidden) EXPECT_EQ(wkv_head(k->c, q[i].hidden, (int)rows, head), 0);
            if (q[i].hidden && !same_bits(head, expected, rows * row))
                FAILED("%s: the head of the hidden rows of sequence %d differs", name, i);
            if (!same_state(k->m, q[i].state, alone[i]))
                FAILED("%s: the state of sequence %d of a batch differs", name, i);
            free(head);
            free(q[i].hidden);
            free(q[i].logits);
            free(want[i]);
        }
    }
    for (int i = 0; i < count; i++) {
        wkv_state_free(q[i].state);
        wkv_state_free(alone[i]);
    }
    free(tokens);
}

static void check_few(const known *k, const char *name)
{
    static const int len[] = {1, 5, 16, 17, 2, 33, 1};
    check_batch(k, name, len, sizeof len / sizeof *len);
}

/* More tokens than are read in one pass, long texts among short ones. */
static void check_many(const known *k, const char *name)
{
    static const int len[] = {3, 700, 1, 1, 512, 40, 511, 1, 64, 2, 1, 1, 17, 130, 1, 1, 1, 33, 5, 1, 1, 90, 1, 1};
    check_batch(k, name, len, sizeof len / sizeof *len);
}

static void batches(void)
{
    for (int i = 0; i < GOLDENS; i++) {
        known k;
        if (golden_open(&k, goldens[i].name)) {
            check_few(&k, goldens[i].name);
            check_many(&k, goldens[i].name);
        }
        known_close(&k);
    }
}

/* Long enough that the work is really shared out. */
static void check_threads(const known *k, const char *name)
{
    enum { N = 300 };
    size_t floats = (size_t)N * (size_t)k->vocab;
    int32_t *tokens = repeated(k, N);
    float *want = NULL;
    for (int threads = 1; threads <= 3; threads++) {
        wkv_context *c = context_new(k->m, threads, NULL);
        wkv_state *s = state_new(k->m);
        EXPECT_EQ(wkv_context_threads(c), threads);
        float *got = all_logits(c, s, tokens, N, k->vocab, threads == 3 ? 131 : N);
        if (!want)
            want = got;
        else {
            if (!same_bits(got, want, floats))
                FAILED("%s: %d threads differ by %.3g", name, threads, apart(got, want, floats));
            free(got);
        }
        wkv_state_free(s);
        wkv_context_free(c);
    }
    free(want);
    free(tokens);
}

static void threads(void)
{
    for (int i = 0; i < GOLDENS; i++) {
        known k;
        if (golden_open(&k, goldens[i].name)) check_threads(&k, goldens[i].name);
        known_close(&k);
    }
    for (size_t i = 0; shared() && i < sizeof alive / sizeof *alive; i++) {
        known k;
        if (alive_open(&k, alive[i])) {
            check_threads(&k, alive[i]);
            check_few(&k, alive[i]);
        }
        known_close(&k);
    }
}

static void wide_models(void)
{
    enum { TOKENS = 150 };
    for (int version = 6; version <= 7; version++) {
        for (int bf16 = 0; bf16 < 2; bf16++) {
            char path[64];
            snprintf(path, sizeof path, "test_bits.%ld.safetensors", (long)getpid());
            wide_model(path, version, bf16);
            known k = {0};
            if (opens(&k.m, path)) {
                k.vocab = wkv_model_about(k.m)->vocab;
                k.n = TOKENS;
                k.c = context_new(k.m, 2, NULL);
                k.tokens = malloc(sizeof *k.tokens * TOKENS);
                for (int i = 0; i < TOKENS; i++) k.tokens[i] = i * 7919 % k.vocab;
                check_cuts(&k, path);
                check_few(&k, path);
                check_threads(&k, path);
            }
            known_close(&k);
            remove(path);
        }
    }
}

int main(void)
{
    RUN(every_split);
    RUN(batches);
    RUN(threads);
    RUN(wide_models);
    return DONE();
}
