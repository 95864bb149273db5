/* models.h - shared by the tests of whole models: the committed checkpoints, ways of evaluating, comparisons.
 *
 * tests/golden/models has checkpoints of every version with known logits; ../shared/data, if present, has larger
 * ones (alive). Everything goes through the public interface. */
#ifndef WKV_TESTS_MODELS_H
#define WKV_TESTS_MODELS_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "test.h"
#include "wkv.h"

#define TOLERANCE 5e-5 /* on every logit, against the official programs in fp32 */

/* ---- known answers ----------------------------------------------------------------------------------------------- */

typedef struct {
    const char *name, *version, *type;
    int layers, width, heads, head_size, ffn, vocab, rank[4];
} golden;

/* clang-format off */
static const golden goldens[] = {
    {"v4-c32-f32",    "4",   "f32",  1,  32, 0,  0, 128, 41, {0}},
    {"v4-c40-f16",    "4",   "f16",  3,  40, 0,  0,  80, 67, {0}},
    {"v5.0-n16-bf16", "5.0", "bf16", 2,  32, 2, 16, 128, 53, {0}},
    {"v5.1-n16-f16",  "5.1", "f16",  2,  32, 2, 16,  96, 45, {0}},
    {"v5.2-n32-bf16", "5.2", "bf16", 3,  32, 1, 32,  96, 50, {0}},
    {"v5.2-n64-bf16", "5.2", "bf16", 1,  64, 1, 64,  64, 47, {0}},
    {"v6-n16-bf16",   "6",   "bf16", 2,  48, 3, 16,  96, 43, {5, 7}},
    {"v6-n64-f16",    "6",   "f16",  1,  64, 1, 64,  96, 50, {9, 13}},
    {"v7-n16-bf16",   "7",   "bf16", 3,  32, 2, 16, 128, 51, {3, 5, 7, 9}},
    {"v7-n32-f16",    "7",   "f16",  2,  64, 2, 32,  64, 96, {11, 6, 5, 13}},
    {"v7-n64-bf16",   "7",   "bf16", 1, 128, 2, 64,  64, 40, {8, 6, 3, 17}},
    {"v7-n32-f32",    "7",   "f32",  1,  32, 1, 32,  64, 48, {7, 5, 3, 9}},
    {"v7a-n16-bf16",  "7a",  "bf16", 2,  32, 2, 16,  64, 24, {3, 5, 7, 9}},
};
/* clang-format on */
#define GOLDENS ((int)(sizeof goldens / sizeof *goldens))
#define GGUF_GOLDENS (GOLDENS - 1) /* the last one, an RWKV-7a, has a form in .pth and .safetensors only */

static const char *const alive[] = {"rwkv-4", "rwkv-5.2", "rwkv-6", "rwkv-7"};

/* A model, a context and the expected logits of n tokens. */
typedef struct {
    wkv_model *m;
    wkv_context *c;
    int32_t *tokens;
    float *logits; /* n x vocab; only those of the last token where rows is 1 */
    int n, rows, vocab;
} known;

/* A whole file, NULL when it cannot be read. The caller frees it. */
static inline void *read_file(const char *path, size_t *bytes)
{
    FILE *f = fopen(path, "rb");
    if (!f) return NULL;
    fseek(f, 0, SEEK_END);
    long size = ftell(f);
    rewind(f);
    void *data = malloc((size_t)size + 1);
    *bytes = fread(data, 1, (size_t)size, f);
    fclose(f);
    return data;
}

static const char *path_of(const char *folder, const char *name, const char *end)
{
    static char path[4][1024];
    static int next;
    next = (next + 1) % 4;
    snprintf(path[next], sizeof path[next], "%s/%s%s", folder, name, end);
    return path[next];
}

static inline int opens(wkv_model **m, const char *path)
{
    if (!wkv_model_open(m, path, NULL)) return 1;
    FAILED("%s", wkv_error());
    return 0;
}

static inline wkv_context *context_new(const wkv_model *m, int threads, const char *on)
{
    wkv_context *c;
    if (wkv_context_new(&c, m, &(wkv_context_options){.threads = threads, .device = on})) FAILED("%s", wkv_error());
    return c;
}

static inline wkv_state *state_new(const wkv_model *m)
{
    wkv_state *s;
    if (wkv_state_new(&s, m)) FAILED("%s", wkv_error());
    return s;
}

/* folder/model with folder/name.tokens.i32 and folder/name.logits.f32; 0 when something is missing (and said). */
static inline int known_open(known *k, const char *model, const char *folder, const char *name)
{
    size_t n = 0, bytes = 0;
    memset(k, 0, sizeof *k);
    if (!opens(&k->m, model)) return 0;
    k->vocab = wkv_model_about(k->m)->vocab;
    k->tokens = read_file(path_of(folder, name, ".tokens.i32"), &n);
    k->logits = read_file(path_of(folder, name, ".logits.f32"), &bytes);
    k->n = k->tokens ? (int)(n / sizeof *k->tokens) : 0;
    k->rows = k->n;
    k->c = context_new(k->m, 2, NULL);
    if (k->n && k->logits && bytes == sizeof(float) * (size_t)k->n * (size_t)k->vocab && k->c) return 1;
    FAILED("%s: %s has %zu bytes for %d tokens, vocabulary %d", model, name, k->logits ? bytes : 0, k->n, k->vocab);
    return 0;
}

static inline void known_close(known *k)
{
    wkv_context_free(k->c);
    wkv_model_close(k->m);
    free(k->tokens);
    free(k->logits);
}

static inline int golden_open(known *k, const char *name)
{
    const char *folder = TEST_DIR "/golden/models";
    return known_open(k, path_of(folder, name, ".pth"), folder, name);
}

static inline int alive_open(known *k, const char *name)
{
    const char *folder = SHARED_DIR "/alive";
    return known_open(k, path_of(folder, name, ".pth"), folder, name);
}

static inline int shared(void) { return access(SHARED_DIR "/alive/rwkv-7.pth", R_OK) == 0; }

/* ---- evaluating -------------------------------------------------------------------------------------------------- */

/* All logits (n x vocab, the caller frees them), `chunk` tokens to a call; 1 is wkv_eval, token by token. */
static inline float *all_logits(wkv_context *c, wkv_state *s, const int32_t *tokens, int n, int vocab, int chunk)
{
    float *out = calloc((size_t)n * (size_t)vocab, sizeof *out);
    for (int at = 0; at < n; at += chunk) {
        int len = n - at < chunk ? n - at : chunk;
        float *row = out + (size_t)at * (size_t)vocab;
        wkv_sequence q = {.state = s, .tokens = tokens + at, .n = len, .logits = row, .all_rows = 1};
        int e = chunk == 1 ? wkv_eval(c, s, tokens + at, 1, row) : wkv_eval_batch(c, &q, 1);
        if (e) FAILED("%s", wkv_error());
    }
    return out;
}

/* The same from the start of a text. */
static inline float *from_start(const known *k, wkv_context *c, int chunk)
{
    wkv_state *s = state_new(k->m);
    float *out = all_logits(c, s, k->tokens, k->n, k->vocab, chunk);
    wkv_state_free(s);
    return out;
}

static inline double apart(const float *a, const float *b, size_t n)
{
    double worst = 0;
    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)a[i] - b[i]);
        if (!(d <= worst)) worst = d;
    }
    return worst;
}

static inline int same_bits(const void *a, const void *b, size_t floats)
{
    return !memcmp(a, b, floats * sizeof(float));
}

static inline size_t state_floats(const wkv_model *m) { return wkv_model_about(m)->state_bytes / sizeof(float); }

static inline int same_state(const wkv_model *m, wkv_state *a, wkv_state *b)
{
    return same_bits(wkv_state_data(a), wkv_state_data(b), state_floats(m));
}

#define NEAR_ALL(what, got, want, n, tolerance)                                                                        \
    do {                                                                                                               \
        double d_ = apart(got, want, n);                                                                               \
        if (!(d_ <= (tolerance))) FAILED("%s: logits are %.3g away, more than %g", what, d_, (double)(tolerance));     \
    } while (0)

/* Every division of the text gives the same bits, and logits within `tolerance` of the known ones, if given. */
static inline void check_cuts_within(const known *k, const char *name, double tolerance)
{
    static const int chunks[] = {1, 3, 16, 17};
    size_t floats = (size_t)k->n * (size_t)k->vocab;
    float *whole = from_start(k, k->c, k->n);
    if (k->logits) NEAR_ALL(name, whole, k->logits, floats, tolerance);
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
        float *cut = from_start(k, k->c, chunks[i]);
        if (!same_bits(cut, whole, floats))
            FAILED("%s: chunks of %d differ from the whole by %.3g", name, chunks[i], apart(cut, whole, floats));
        free(cut);
    }
    free(whole);
}

static inline void check_cuts(const known *k, const char *name) { check_cuts_within(k, name, TOLERANCE); }

/* Up to 3 sequences of one batch, of least, least + more ... tokens, have the bits that they have alone. */
static inline void check_sequences(wkv_context *c, const known *k, const char *name, int n, int least, int more)
{
    enum { MOST = 3 };
    wkv_state *alone[MOST], *together[MOST];
    float *logits[2][MOST];
    wkv_sequence q[MOST];
    for (int s = 0; s < n; s++) {
        const int length = least + more * s;
        for (int way = 0; way < 2; way++) logits[way][s] = calloc((size_t)k->vocab, sizeof(float));
        alone[s] = state_new(k->m);
        together[s] = state_new(k->m);
        EXPECT_EQ(wkv_eval(c, alone[s], k->tokens + s, length, logits[0][s]), 0);
        q[s] = (wkv_sequence){.state = together[s], .tokens = k->tokens + s, .n = length, .logits = logits[1][s]};
    }
    EXPECT_EQ(wkv_eval_batch(c, q, n), 0);
    for (int s = 0; s < n; s++) {
        if (!same_bits(logits[0][s], logits[1][s], (size_t)k->vocab) || !same_state(k->m, alone[s], together[s]))
            FAILED("%s: sequence %d has other bits in a batch", name, s);
        wkv_state_free(alone[s]), wkv_state_free(together[s]);
        free(logits[0][s]), free(logits[1][s]);
    }
}

#endif
