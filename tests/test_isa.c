/* test_isa.c - the same bits on every instruction set: logits and states of tiny models of every version, in every type
 * of weights, token by token, as one sequence and in a batch, have the hashes of tests/golden/bits.txt.
 *
 *     test_isa print > tests/golden/bits.txt      as this machine computes them */
#include "base/hash.h"
#include "models.h"

static const char *const isas[] = {"avx512", "avx2", "neon", "rvv", "portable"};
static const char *const types[] = {"f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0"};

static int printing;
static char *stored; /* lines: model, type, hash */

static uint64_t hash_text(const known *k, const float *logits, wkv_state *s)
{
    uint64_t h = hash_bytes(HASH_START, logits, sizeof *logits * (size_t)k->n * (size_t)k->vocab);
    return hash_bytes(h, wkv_state_data(s), wkv_model_about(k->m)->state_bytes);
}

/* The text as one sequence, token by token, and beside two others in one call. */
static uint64_t ways(const known *k, wkv_context *c, const char *name)
{
    size_t floats = (size_t)k->n * (size_t)k->vocab;
    uint64_t h[3];
    for (int way = 0; way < 3; way++) {
        wkv_state *s = state_new(k->m), *other[2] = {state_new(k->m), state_new(k->m)};
        float *logits;
        if (way < 2)
            logits = all_logits(c, s, k->tokens, k->n, k->vocab, way ? 1 : k->n);
        else {
            logits = calloc(floats, sizeof *logits);
            wkv_sequence q[] = {{.state = other[0], .tokens = k->tokens, .n = 1},
                                {.state = s, .tokens = k->tokens, .n = k->n, .logits = logits, .all_rows = 1},
                                {.state = other[1], .tokens = k->tokens, .n = k->n / 2}};
            EXPECT_EQ(wkv_eval_batch(c, q, 3), 0);
        }
        h[way] = hash_text(k, logits, s);
        free(logits);
        wkv_state_free(s), wkv_state_free(other[0]), wkv_state_free(other[1]);
    }
    if (h[0] != h[1] || h[0] != h[2]) FAILED("%s: step, sequence and batch differ", name);
    return h[0];
}

static void check(const known *k, const char *name, const char *type)
{
    int ran = 0;
    for (size_t i = 0; i < sizeof isas / sizeof *isas; i++) {
        wkv_context *c;
        char line[120];
        if (wkv_context_new(&c, k->m, &(wkv_context_options){.threads = 1, .isa = isas[i]}))
            continue; /* not this processor's */
        snprintf(line, sizeof line, "%s %s on %s", name, type, isas[i]);
        uint64_t h = ways(k, c, line);
        snprintf(line, sizeof line, "%s %s %016llx\n", name, type, (unsigned long long)h);
        if (printing && !ran) printf("%s", line);
        if (!printing && !strstr(stored, line)) FAILED("on %s: %s", isas[i], line);
        ran++;
        wkv_context_free(c);
    }
    EXPECT(ran > 0);
}

static void same_bits_everywhere(void)
{
    const char *folder = TEST_DIR "/golden/models";
    for (int i = 0; i < GOLDENS; i++)
        for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
            known k = {0};
            size_t bytes = 0;
            const char *path = path_of(folder, goldens[i].name, ".pth");
            if (wkv_model_open(&k.m, path, &(wkv_model_options){.type = types[t]})) {
                FAILED("%s", wkv_error());
                continue;
            }
            k.tokens = read_file(path_of(folder, goldens[i].name, ".tokens.i32"), &bytes);
            k.n = (int)(bytes / sizeof *k.tokens);
            k.vocab = wkv_model_about(k.m)->vocab;
            check(&k, goldens[i].name, types[t]);
            known_close(&k);
        }
}

int main(int argc, char **argv)
{
    size_t bytes = 0;
    printing = argc > 1 && !strcmp(argv[1], "print");
    stored = read_file(TEST_DIR "/golden/bits.txt", &bytes);
    if (!stored) stored = calloc(1, 1);
    stored[bytes] = 0;
    if (printing) {
        same_bits_everywhere();
        return test_bad;
    }
    RUN(same_bits_everywhere);
    free(stored);
    return DONE();
}
