/* synthetic.c - models of published sizes without their files: random weights in kernel types and layouts, bound like
 * those of a checkpoint. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "base/memory.h"
#include "base/rng.h"
#include "bench/synthetic.h"
#include "format/reader.h"
#include "rwkv/api.h"
#include "wkv_bench.h"

/* ---- values ------------------------------------------------------------------------------------------------------ */

/* ln2's bias is TILT in the slot tables. The key's input, half of this token and half of the previous, is then TILT
 * plus numbers of variance 1/2, so weights of mean m and deviation 1 / sqrt(C) give keys of mean m C TILT and variance
 * 1/2 + TILT^2: m sets the share of negative ones. */
#define TILT SYNTHETIC_TILT

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

/* Mean and deviation of a matrix's values: its products of inputs of deviation 1 have 1, and 0.3 where they are added
 * to the residual stream. */
static void spread_of(const shape *s, const slot *to, int layer, int in, double *mean, double *deviation)
{
    double sparsity = layer < 0 ? 0 : fmin(shape_sparsity(s, layer), 0.999);
    *deviation = (to->flags & SLOT_RESIDUAL ? 0.3 : 1) / sqrt(in);
    *mean = to->rows == D_F ? -quantile(sparsity) * sqrt(0.5 + TILT * TILT) / (TILT * in) : 0; /* of the hidden units */
}

/* A matrix repeats a pattern of at most this many blocks of its type, or interleaved tiles, or values: a prime number,
 * so that rows differ. */
enum { PATTERN_BLOCKS = 32749, PATTERN_TILES = 1021, PATTERN_VALUES = 1048573 };

/* Working data for creating the matrices. */
typedef struct {
    float *noise, *values; /* PATTERN_VALUES of each: numbers between -1 and 1; the pattern as floats */
    char *pattern, *strip; /* the pattern in its type; 32 rows of ffn.value */
    size_t bytes, phase;   /* of the pattern; offset of the next one in the noise */
} loom;

static void loom_free(loom *l)
{
    free(l->noise);
    free(l->values);
    free(l->pattern);
    free(l->strip);
}

static int loom_new(loom *l, int F)
{
    const size_t bytes = PATTERN_VALUES * sizeof(float);
    *l = (loom){.noise = malloc(bytes),
                .values = malloc(bytes),
                .pattern = malloc(bytes),
                .strip = malloc(32 * sizeof(float) * (size_t)F)};
    if (!l->noise || !l->values || !l->pattern || !l->strip) return fail(WKV_ENOMEM, "no memory for random numbers");
    rng dice = {.seed = 1};
    for (int i = 0; i < PATTERN_VALUES; i++) l->noise[i] = (float)(2 * rng_uniform(&dice) - 1);
    return 0;
}

static void make_pattern(loom *l, dtype type, double mean, double deviation, int64_t n)
{
    int block = dtypes[type].values;
    int64_t most = block > 1 ? (int64_t)PATTERN_BLOCKS * block : PATTERN_VALUES;
    if (n > most) n = most;
    double size = sqrt(3) * deviation; /* uniform numbers between -1 and 1 have a variance of 1/3 */
    for (int64_t i = 0; i < n; i++)
        l->values[i] = (float)(mean + size * (double)l->noise[(l->phase + (size_t)i) % PATTERN_VALUES]);
    CHECK(dtype_encode(type, l->values, l->pattern, n) < 0);
    l->bytes = (size_t)dtype_bytes(type, n);
    l->phase = (l->phase + 104729) % PATTERN_VALUES;
}

/* `bytes` of the endless repetition of the pattern, from `at` on. */
static void weave(const loom *l, char *to, size_t at, size_t bytes)
{
    for (size_t done = 0, n; done < bytes; done += n) {
        size_t from = (at + done) % l->bytes;
        n = bytes - done < l->bytes - from ? bytes - done : l->bytes - from;
        memcpy(to + done, l->pattern + from, n);
    }
}

/* The pattern's blocks as tiles, weights of 32 inputs and 32 outputs each. */
static void tile_pattern(loom *l, weight_layout layout, dtype type)
{
    const stored_weight tile = {layout, type, .in = LAYOUT_TILE, .out = LAYOUT_TILE};
    size_t bytes = LAYOUT_TILE * (size_t)dtypes[type].bytes, n = l->bytes / bytes;
    char blocks[LAYOUT_TILE * 64];
    if (n > PATTERN_TILES) n = PATTERN_TILES;
    for (size_t i = 0; i < n; i++) {
        memcpy(blocks, l->pattern + i * bytes, bytes);
        layout_put(&tile, l->pattern + i * bytes, 0, LAYOUT_TILE, blocks);
    }
    l->bytes = n * bytes;
}

static void fill_matrix(loom *l, const file_tensor *f, char *to, double mean, double deviation)
{
    const stored_weight w = stored_rows(f->layout, f->type, f->shape[0], f->shape[1]);
    const int64_t row = dtype_bytes(f->type, w.in);
    int permuted = layout_permutes_blocks(f->layout), in_strips = permuted && layout_is_input_major(f->layout);
    make_pattern(l, f->type, mean, deviation, w.in * w.out);
    if (permuted && !in_strips) tile_pattern(l, f->layout, f->type);
    if (!in_strips) weave(l, to, 0, (size_t)dtype_bytes(f->type, w.in * w.out));
    for (int64_t o = 0; in_strips && o < w.out; o += LAYOUT_TILE) {
        weave(l, l->strip, (size_t)(o * row), (size_t)(LAYOUT_TILE * row));
        layout_put(&w, to, o, LAYOUT_TILE, l->strip);
    }
}

static void fill_vector(float *to, int64_t n, double first, double last)
{
    for (int64_t i = 0; i < n; i++) to[i] = (float)(first + (last - first) * (double)i / (double)n);
}

/* ---- the tensors ------------------------------------------------------------------------------------------------- */

typedef struct {
    const shape *s;
    const quant_preset *preset;
    const rwkv *m;
    tensors *t;   /* NULL: compute sizes only */
    char *data;   /* where the values go */
    int64_t at;   /* bytes of it so far, also of sizes that 32 bits cannot address */
    int64_t read; /* bytes without tables */
    int empty;    /* matrices stay zero */
    int64_t parameters;
    loom loom;
} maker;

/* The type and layout of a packed model, without an original to pack. */
static void choose_form(file_tensor *f, const quant_preset *r, const slot *s, int layer, int rows, int cols)
{
    dtype own = dtypes[r->layers].values > 1 ? F16 : r->layers; /* of tensors that a preset does not convert */
    tensor official = {.rows = rows, .cols = cols, .type = (int)own, .layout = official_layout(s)};
    tensor t = rwkv_pack_form(&official, s, r, layer);
    *f = (file_tensor){.type = (dtype)t.type,
                       .dims = 2,
                       .shape = {t.rows, t.cols},
                       .transposed = layout_is_input_major(t.layout) != layout_is_input_major(official.layout),
                       .layout = t.layout};
}

static int make_one(void *user, const char *name, tensor *t, const slot *s, int layer)
{
    (void)t;
    maker *k = user;
    int rows = k->m->dim[s->rows], cols = k->m->dim[s->cols], matrix = s->flags & (SLOT_MATRIX | SLOT_LOW_RANK), err;
    file_tensor f = {.type = F32, .dims = 1, .shape = {cols}};
    if (matrix)
        choose_form(&f, k->preset, s, layer, rows, cols);
    else if (s->rows != D_1)
        f = (file_tensor){.type = F32, .dims = 2, .shape = {rows, cols}};
    int64_t bytes;
    if ((err = tensor_strides(&f, name, &bytes))) return err;
    const int64_t at = k->at;
    k->at += (bytes + 63) / 64 * 64;
    k->read += s->flags & SLOT_TABLE ? 0 : bytes;
    k->parameters += (int64_t)rows * cols;
    if (!k->t) return 0;
    char *to = k->data + at;
    f.data = (const uint8_t *)to;
    if (matrix && !k->empty) {
        double mean, deviation;
        spread_of(k->s, s, layer, s->flags & SLOT_LOW_RANK ? rows : cols, &mean, &deviation);
        fill_matrix(&k->loom, &f, to, mean, deviation);
    }
    if (!matrix) fill_vector((float *)(void *)to, (int64_t)rows * cols, s->synthetic[0], s->synthetic[1]);
    return tensors_add(k->t, name, strlen(name), &f);
}

/* ---- the model --------------------------------------------------------------------------------------------------- */

const char *wkv_synthetic_name(int i)
{
    shape s;
    return i >= 0 && shape_at(&s, i) ? s.size->name : NULL;
}

static int find_shape(shape *out, const char *name)
{
    char list[200] = "";
    for (int i = 0; shape_at(out, i); i++) {
        if (!strcmp(out->size->name, name)) return 0;
        size_t n = strlen(list);
        snprintf(list + n, sizeof list - n, "%s%s", n ? ", " : "", out->size->name);
    }
    return fail(WKV_EARG, "unknown size \"%s\"; expected one of %s", name, list);
}

/* Check the memory for the weights, the states, and a pass of 512 tokens (about forty rows of C each) and its
 * logits? */
static int check_memory(const maker *k, int states)
{
    const published_size *s = k->s->size;
    double need = (double)k->at + 4.0 * rwkv_state_len(k->m) * states + 4.0 * 512 * 40 * s->width +
                  4.0 * s->vocab * (states + 16);
    double there = (double)memory_available();
    if (need <= there) return 0;
    return fail(WKV_ENOMEM,
                "a model of size %s in %s needs %.1f GB, of which %.1f for its weights; %.1f GB are available", s->name,
                k->preset->name, need * 1e-9, (double)k->at * 1e-9, there * 1e-9);
}

static int make_model(wkv_model **out, maker *k)
{
    packed memory;
    int err = packed_new(&memory, (size_t)k->at, k->s->size->name);
    if (err) return err;
    k->data = memory.data;
    k->at = 0;
    err = loom_new(&k->loom, k->m->F);
    if (!err && !(err = tensors_new(&k->t, k->s->size->name))) {
        k->t->format = "synthetic";
        k->t->naming = "official";
        k->t->bytes = memory.bytes;
        if ((err = rwkv_each(k->m, make_one, k))) tensors_close(k->t);
    }
    loom_free(&k->loom);
    if (!err) err = model_open_made(out, k->t, memory);
    if (err) rwkv_unpack(&memory);
    return err;
}

/* The sizes of a model without its values; the caller releases k->m. */
static int measure_model(maker *k, rwkv *m, shape *s, const char *name, const char *type)
{
    const quant_preset *r = quant_preset_find(type ? type : "bf16");
    int err = find_shape(s, name);
    if (err) return err;
    if (!r) return fail(WKV_EARG, "unknown type of weights \"%s\"; expected one of %s", type, quant_preset_names());
    if ((err = shape_init(m, s))) return err;
    *k = (maker){.s = s, .preset = r, .m = m};
    err = rwkv_each(m, make_one, k);
    CHECK(err || k->parameters == s->size->parameters);
    return err;
}

int wkv_model_synthetic(wkv_model **out, const char *name, const char *type, int states)
{
    shape s;
    rwkv m = {0};
    maker k;
    REQUIRE(out, "the place for the model");
    *out = NULL;
    REQUIRE(name, "the shape");
    if (states < 0) return fail(WKV_EARG, "%d states", states);
    int err = measure_model(&k, &m, &s, name, type);
    if (!err) err = check_memory(&k, states);
    if (!err) err = make_model(out, &k);
    rwkv_release(&m);
    return err;
}

int synthetic_empty(wkv_model **out, const char *name, const char *type)
{
    shape s;
    rwkv m = {0};
    maker k;
    *out = NULL;
    int err = measure_model(&k, &m, &s, name, type);
    k.empty = 1;
    if (!err) err = make_model(out, &k);
    rwkv_release(&m);
    return err;
}

int wkv_synthetic_sizes(wkv_sizes *out, const char *name, const char *type)
{
    shape s;
    rwkv m = {0};
    maker k;
    REQUIRE(out, "the place for the sizes");
    REQUIRE(name, "the shape");
    int err = measure_model(&k, &m, &s, name, type);
    if (!err) {
        const double state = (double)rwkv_state_len(&m) * sizeof(real);
        *out = (wkv_sizes){.weights = (double)k.read, .state = state, .token = (double)k.read + 2 * state};
    }
    rwkv_release(&m);
    return err;
}
