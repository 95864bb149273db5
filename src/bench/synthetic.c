/* synthetic.c - models of published sizes without their files: a safetensors file of random weights, made in memory and opened
 * like any other, so that opening and computing take the ways that a real checkpoint takes. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "base/rng.h"
#include "bench/synthetic.h"
#include "rwkv/api.h"
#include "wkv_bench.h"

/* Sizes: spec ARCHITECTURES 9.1 and 9.4; the ranks {w, a, v, g} follow from the published numbers of parameters. Zeros:
 * measured by others for 1.5B and 7.2B of version 7 (rwkv-sglang's sparsity log), assumed for the other sizes. */
/* clang-format off */
const shape shapes[] = {
    {"7:0.1B", &arch7, 12,  768, 65536, {64, 64, 32, 128},   0.86, 191034624},
    {"7:0.4B", &arch7, 24, 1024, 65536, {64, 64, 32, 128},   0.86, 450767872},
    {"7:1.5B", &arch7, 24, 2048, 65536, {96, 96, 64, 256},   0.86, 1527404544},
    {"7:2.9B", &arch7, 32, 2560, 65536, {96, 96, 64, 320},   0.88, 2947735040},
    {"7:7.2B", &arch7, 32, 4096, 65536, {128, 128, 96, 480}, 0.90, 7199141888},
    {"4:169M", &arch4, 12,  768, 50277, {0},                 0.75, 169342464},
    {"4:430M", &arch4, 24, 1024, 50277, {0},                 0.75, 430397440},
    {"4:1.5B", &arch4, 24, 2048, 50277, {0},                 0.75, 1515106304},
    {"4:3B",   &arch4, 32, 2560, 50277, {0},                 0.75, 2984627200},
    {"4:7B",   &arch4, 32, 4096, 50277, {0},                 0.75, 7392649216},
    {0},
};
/* clang-format on */

int shape_init(rwkv *m, const shape *s)
{
    int dim[DIMS] = {[D_C] = s->width, [D_V] = s->vocab, [D_F] = 4 * s->width};
    if (s->arch != &arch4) {
        dim[D_N] = 64;
        dim[D_H] = s->width / 64;
    }
    for (int i = 0; i < 4; i++) dim[D_R0 + i] = s->rank[i];
    return rwkv_init(m, s->arch, s->layers, dim);
}

/* ---- values --------------------------------------------------------------------------------------------------------- */

/* Random numbers between -1 and 1, which every matrix repeats; a prime number of them, so that rows differ. */
enum { NOISE = 1048573 };

/* ln2's bias. The key's input, half of this token and half of the previous, is then TILT plus numbers of variance 1/2, so
 * weights of mean m and deviation 1 / sqrt(C) give keys of mean m C TILT and variance 1/2 + TILT^2: m says which share of
 * them is negative. */
#define TILT 0.5

typedef struct {
    const char *name; /* the end of a tensor's name                        */
    double from, to;  /* its values, first channel to last; a: of a matrix */
} rule;

/* A vector that is not listed is a weight of the previous token: a half. */
static const rule vector_rules[] = {
    {"ln2.bias", TILT, TILT}, {"bias", 0, 0},        {"weight", 1, 1},         {"att.w0", -4, 1},
    {"att.a0", -1, 1},        {"att.v0", 0.5, 0.5},  {"att.k_k", 0.85, 0.85},  {"att.k_a", 1, 1},
    {"att.r_k", 0, 0.1},      {"time_decay", -5, 3}, {"time_first", 0.3, 0.3}, {"", 0.5, 0.5},
};
/* Deviation of what a matrix makes of inputs of deviation 1. */
static const rule matrix_rules[] = {{"output.weight", 0.3, 0}, {"ffn.value.weight", 0.3, 0}, {"", 1, 0}};

static const rule *find_rule(const rule *list, const char *name)
{
    size_t n = strlen(name), k;
    while ((k = strlen(list->name)) > n || strcmp(name + n - k, list->name) != 0) list++;
    return list;
}

/* z with a share p of a normal distribution below it, by bisection */
static double quantile(double p)
{
    double low = -8, high = 8;
    for (int i = 0; i < 60; i++) {
        double z = (low + high) / 2;
        if (erfc(-z / sqrt(2)) / 2 < p)
            low = z;
        else
            high = z;
    }
    return low;
}

static void put_value(dtype type, void *to, size_t i, double x)
{
    if (type == F32)
        ((float *)to)[i] = (float)x;
    else
        ((uint16_t *)to)[i] = type == F16 ? f32_to_f16((float)x) : f32_to_bf16((float)x);
}

static float *make_noise(void)
{
    float *noise = malloc(NOISE * sizeof *noise);
    rng dice = {.seed = 1};
    for (int i = 0; noise && i < NOISE; i++) noise[i] = (float)(2 * rng_uniform(&dice) - 1);
    return noise;
}

/* ---- the file ------------------------------------------------------------------------------------------------------- */

typedef struct {
    const shape *s;
    dtype type;
    const rwkv *m;
    FILE *header;       /* first walk: the JSON                             */
    char *data;         /* second walk: where the values go; then           */
    const float *noise; /* what they are made of, and where in it to begin  */
    size_t phase, at;   /* at: bytes of data so far                         */
    int64_t parameters;
} maker;

static int describe(void *user, const char *name, tensor *t, const slot *s, int layer)
{
    (void)t, (void)layer;
    maker *k = user;
    int rows = k->m->dim[s->rows], cols = k->m->dim[s->cols];
    int64_t n = (int64_t)rows * cols;
    size_t end = k->at + (size_t)dtype_bytes(k->type, n);
    char shape_text[32];
    if (s->rows == D_1)
        snprintf(shape_text, sizeof shape_text, "%d", cols);
    else
        snprintf(shape_text, sizeof shape_text, "%d,%d", rows, cols);
    fprintf(k->header, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%zu,%zu]}", k->at ? "," : "", name,
            k->type == F32   ? "F32"
            : k->type == F16 ? "F16"
                             : "BF16",
            shape_text, k->at, end);
    k->at = end;
    k->parameters += n;
    return 0;
}

static int fill(void *user, const char *name, tensor *t, const slot *s, int layer)
{
    (void)t, (void)layer;
    maker *k = user;
    int rows = k->m->dim[s->rows], cols = k->m->dim[s->cols];
    size_t n = (size_t)rows * (size_t)cols, value = (size_t)dtypes[k->type].bytes;
    char *to = k->data + k->at;
    k->at += n * value;
    if (!(s->flags & (SLOT_MATRIX | SLOT_LOW_RANK))) {
        const rule *r = find_rule(vector_rules, name);
        for (size_t i = 0; i < n; i++) put_value(k->type, to, i, r->from + (r->to - r->from) * (double)i / (double)n);
        return 0;
    }
    int in = s->flags & SLOT_LOW_RANK ? rows : cols;
    double size = find_rule(matrix_rules, name)->from * sqrt(3.0 / in), mean = 0; /* 3: +-1 has a variance of 1/3 */
    if (strstr(name, "ffn.key.weight")) mean = -quantile(k->s->zeros) * sqrt(0.5 + TILT * TILT) / (TILT * in);
    size_t once = n < NOISE ? n : NOISE;
    for (size_t i = 0; i < once; i++) put_value(k->type, to, i, mean + size * k->noise[(k->phase + i) % NOISE]);
    for (size_t i = once; i < n; i += NOISE) memcpy(to + i * value, to, (n - i < NOISE ? n - i : NOISE) * value);
    k->phase = (k->phase + 104729) % NOISE;
    return 0;
}

/* Header and values, with the values at a multiple of 64 bytes. */
static int make_file(maker *k, char **out, size_t *size)
{
    char *text = NULL;
    size_t length = 0;
    k->header = open_memstream(&text, &length);
    if (!k->header) return fail(WKV_ENOMEM, "no memory for the header of %s", k->s->name);
    fputc('{', k->header);
    rwkv_each(k->m, describe, k);
    fputc('}', k->header);
    while ((8 + (size_t)ftell(k->header)) % 64) fputc(' ', k->header);
    float *noise = make_noise();
    int e = fclose(k->header) || !noise ? fail(WKV_ENOMEM, "no memory for the values of %s", k->s->name) : 0;
    *size = 8 + length + k->at;
    if (!e && posix_memalign((void **)out, 64, *size)) {
        *out = NULL;
        e = fail(WKV_ENOMEM, "no memory for %zu MB of weights", *size / 1000000);
    }
    if (!e) {
        uint64_t n = length;
        memcpy(*out, &n, sizeof n);
        memcpy(*out + 8, text, length);
        k->data = *out + 8 + length;
        k->noise = noise;
        k->at = 0;
        rwkv_each(k->m, fill, k);
    }
    free(noise);
    free(text);
    return e;
}

/* ---- the model ------------------------------------------------------------------------------------------------------ */

static int find_shape(const shape **out, const char *name)
{
    char list[200] = "";
    for (const shape *s = shapes; s->name; s++) {
        if (!strcmp(s->name, name)) {
            *out = s;
            return 0;
        }
        size_t n = strlen(list);
        snprintf(list + n, sizeof list - n, "%s%s", n ? ", " : "", s->name);
    }
    return fail(WKV_EARG, "no published size is called \"%s\"; there are %s", name, list);
}

static int find_type(dtype *out, const char *name)
{
    static const dtype types[] = {F32, F16, BF16};
    *out = BF16;
    for (int i = 0; name && i < 3; i++)
        if (!strcmp(dtypes[types[i]].name, name)) {
            *out = types[i];
            return 0;
        }
    return name ? fail(WKV_EARG, "no weights of type \"%s\"; there are f32, f16, bf16", name) : 0;
}

/* Is there memory for the weights, for states, and for a pass of 512 tokens (about forty rows of C each) and its logits? */
static int check_memory(const shape *s, dtype type, int state_reals, int states)
{
    double weights = (double)s->parameters * dtypes[type].bytes;
    double need = weights + 4.0 * state_reals * states + 4.0 * 512 * 40 * s->width + 4.0 * s->vocab * (states + 16);
    double there = (double)wkv_memory_available();
    if (need <= there) return 0;
    return fail(WKV_ENOMEM,
                "a model of size %s in %s needs %.1f GB, of which %.1f for its weights; %.1f GB are available", s->name,
                dtypes[type].name, need * 1e-9, weights * 1e-9, there * 1e-9);
}

int wkv_model_synthetic(wkv_model **out, const char *name, const char *type_name, int states)
{
    const shape *s = NULL;
    dtype type;
    rwkv m;
    *out = NULL;
    int e = find_shape(&s, name);
    if (e || (e = find_type(&type, type_name)) || (e = shape_init(&m, s))) return e;
    char *file = NULL;
    size_t size = 0;
    maker k = {.s = s, .type = type, .m = &m};
    e = check_memory(s, type, rwkv_state_len(&m), states);
    if (!e) e = make_file(&k, &file, &size);
    if (!e) {
        CHECK_EQ(k.parameters, s->parameters);
        e = model_open_memory(out, file, size, s->name);
    }
    rwkv_release(&m);
    if (e)
        free(file);
    else
        (*out)->memory = file;
    return e;
}
