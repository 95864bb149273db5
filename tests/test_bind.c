/* test_bind.c - from named tensors to a model: unusual but valid files run like the official ones, and a file
 * from which only a part could be run is refused. */
#include "base/rng.h"
#include "format/reader.h"
#include "models.h"
#include "rwkv/api.h"

#define MODEL TEST_DIR "/golden/models/v7-n16-bf16.pth"

enum { TOKENS = 12 };
static const int32_t text[TOKENS] = {3, 17, 0, 19, 22, 8, 8, 1, 20, 12, 5, 0};

/* ---- variants of a file ------------------------------------------------------------------------------------------ */

/* A file, and a view of its tensors that a test modifies before it is opened. */
typedef struct {
    tensors *file, *view;
    void *made[8]; /* numbers that belong to the variant */
    int n_made;
} variant;

typedef int keep_fn(const char *name); /* 0: the tensor is left out */

static variant variant_of(const char *path, keep_fn *keep)
{
    variant v = {0};
    if (tensors_open(&v.file, path) || tensors_new(&v.view, "variant")) FAILED("%s", wkv_error());
    v.view->naming = "official";
    const file_tensor *f;
    for (int i = 0; (f = tensors_at(v.file, i)); i++)
        if ((!keep || keep(f->name)) && tensors_add(v.view, f->name, strlen(f->name), f)) FAILED("%s", wkv_error());
    return v;
}

static file_tensor *find(const variant *v, const char *name)
{
    for (int i = 0; i < v->view->count; i++)
        if (!strcmp(v->view->list[i].name, name)) return &v->view->list[i];
    FAILED("no %s", name);
    return NULL;
}

static void *make(variant *v, size_t bytes) { return v->made[v->n_made++] = malloc(bytes); }

/* The same matrix, its values in float32 and stored column by column. */
static void store_by_columns(variant *v, const char *name)
{
    file_tensor *f = find(v, name);
    int64_t rows = f->shape[0], cols = f->shape[1];
    float *x = make(v, (size_t)(rows * cols) * sizeof *x), *turned = make(v, (size_t)(rows * cols) * sizeof *turned);
    tensor_read(f, x, rows * cols);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++) turned[j * rows + i] = x[i * cols + j];
    *f = (file_tensor){.name = f->name, .type = F32, .dims = 2, .shape = {rows, cols}, .stride = {1, rows},
                       .data = (const uint8_t *)turned, .scale = 1};
}

static void store_as_f64(variant *v, file_tensor *f)
{
    int64_t n = tensor_values(f);
    float *x = malloc((size_t)n * sizeof *x);
    double *wide = tensors_memory(v->view, (size_t)n * sizeof *wide);
    tensor_read(f, x, n);
    for (int64_t i = 0; i < n; i++) wide[i] = x[i];
    free(x);
    f->type = F64;
    f->data = (const uint8_t *)wide;
    f->contiguous = 1;
    for (int64_t i = f->dims - 1, step = 1; i >= 0; step *= f->shape[i--]) f->stride[i] = step;
}

/* The variant as a model, ready to run, its matrices in the type (NULL: as stored); it takes the view. */
static int open_as(wkv_model **m, variant *v, const char *type)
{
    int e = model_open_made(m, v->view, (packed){0});
    v->view = NULL;
    return e ? e : model_pack(*m, type);
}

static int open_variant(wkv_model **m, variant *v) { return open_as(m, v, NULL); }

static void release(variant *v)
{
    for (int i = 0; i < v->n_made; i++) free(v->made[i]);
    tensors_close(v->view);
    tensors_close(v->file);
}

static float *logits_of(const wkv_model *m, const char *on)
{
    wkv_context *c = context_new(m, 2, on);
    wkv_state *s = state_new(m);
    float *out = all_logits(c, s, text, TOKENS, wkv_model_about(m)->vocab, TOKENS);
    wkv_state_free(s);
    wkv_context_free(c);
    return out;
}

/* The variant gives the logits of the file it was made from, and the file's own are found by `path`. */
static void same_logits(variant *v, const char *path)
{
    wkv_model *m = NULL, *official;
    if (!opens(&official, path)) return;
    if (open_variant(&m, v))
        FAILED("%s: %s", path, wkv_error());
    else
        for (int i = 0; i < 2; i++) {
            const char *on = i ? "reference" : "cpu";
            float *x = logits_of(official, on), *y = logits_of(m, on);
            NEAR_ALL(path, y, x, (size_t)TOKENS * (size_t)wkv_model_about(m)->vocab, TOLERANCE);
            free(x);
            free(y);
        }
    wkv_model_close(m);
    wkv_model_close(official);
    release(v);
}

static void refused(variant *v, int code, const char *words)
{
    wkv_model *m = NULL;
    EXPECT_EQ(open_variant(&m, v), code);
    EXPECT(!m);
    EXPECT_HAS(wkv_error(), words);
    release(v);
}

/* ---- tests ------------------------------------------------------------------------------------------------------- */

static void embedding_by_columns(void)
{
    for (int i = 0; i < GOLDENS; i++) {
        const char *path = path_of(TEST_DIR "/golden/models", goldens[i].name, ".pth");
        variant v = variant_of(path, NULL);
        store_by_columns(&v, "emb.weight");
        same_logits(&v, path);
        v = variant_of(path, NULL);
        store_by_columns(&v, "head.weight");
        store_by_columns(&v, "blocks.0.ffn.value.weight");
        same_logits(&v, path);
    }
}

static void all_of_f64(void)
{
    for (int i = 0; i < GOLDENS; i++) {
        const char *path = path_of(TEST_DIR "/golden/models", goldens[i].name, ".pth");
        variant v = variant_of(path, NULL);
        for (int k = 0; k < v.view->count; k++) store_as_f64(&v, &v.view->list[k]);
        same_logits(&v, path);
    }
}

/* Random blocks for a tensor of rows x cols, under scales that keep the values below 1. */
static uint8_t *random_blocks(variant *v, dtype type, int64_t n, rng *dice)
{
    const size_t bytes = (size_t)dtype_bytes(type, n), block = (size_t)dtypes[type].bytes;
    uint8_t *data = make(v, bytes);
    for (size_t i = 0; i < bytes; i++) data[i] = (uint8_t)rng_u64(dice);
    for (size_t b = 0; b < bytes; b += block) {
        const uint16_t d = f32_to_f16(type == Q2_K     ? 0x1p-9f
                                      : type == Q3_K   ? 0x1p-10f
                                      : type == IQ4_XS ? 0x1p-15f
                                                       : 0x1p-10f);
        if (type == MXFP4) data[b] = 121; /* 2^-6 */
        else memcpy(data + b + (type == Q2_K ? 80 : type == Q3_K ? 108 : 0), &d, 2);
        if (type == Q2_K) memcpy(data + b + 82, &d, 2);
    }
    return data;
}

/* The built-in model with one kind of matrix in blocks; or, `decoded`, with the values of the same blocks in f32. */
static variant with_blocks(dtype type, int decoded)
{
    variant v = variant_of(TEST_DIR "/../models/default.gguf", NULL);
    rng dice = {.seed = 7};
    for (int l = 0; l < 2; l++) {
        char name[64];
        snprintf(name, sizeof name, "blocks.%d.ffn.%s.weight", l, l ? "value" : "key");
        file_tensor *f = find(&v, name);
        int64_t rows = l ? 256 : 1024, cols = 1280 - rows;
        uint8_t *data = random_blocks(&v, type, rows * cols, &dice);
        float *x = make(&v, (size_t)(rows * cols) * sizeof *x);
        dtype_decode(type, data, x, rows * cols);
        *f = (file_tensor){.name = f->name,
                           .type = decoded ? F32 : type,
                           .dims = 2,
                           .shape = {rows, cols},
                           .stride = {cols, 1},
                           .data = decoded ? (const uint8_t *)x : data,
                           .contiguous = 1,
                           .scale = 1};
    }
    return v;
}

/* Types of GGUF without kernels: the bits of their values in f32, and the same bits for every division of a text into
 * calls. */
static void types_without_kernels(void)
{
    for (dtype type = Q2_K; type <= MXFP4; type++) {
        variant blocks = with_blocks(type, 0), plain = with_blocks(type, 1);
        wkv_model *m = NULL, *p = NULL;
        if (model_open_made(&m, blocks.view, (packed){0}) || model_open_made(&p, plain.view, (packed){0}))
            FAILED("%s", wkv_error());
        else {
            const size_t n = (size_t)TOKENS * (size_t)wkv_model_about(m)->vocab;
            float *x = logits_of(m, "reference"), *y = logits_of(p, "reference"), *cut[2];
            if (!same_bits(x, y, n))
                FAILED("%s: logits are %g away from those of its values", dtypes[type].name, apart(x, y, n));
            EXPECT_HAS(wkv_model_about(m)->types, dtypes[type].name);
            wkv_context *c = context_new(m, 2, "cpu");
            for (int i = 0; i < 2; i++) {
                wkv_state *s = state_new(m);
                cut[i] = all_logits(c, s, text, TOKENS, wkv_model_about(m)->vocab, i ? 5 : TOKENS);
                wkv_state_free(s);
            }
            if (!same_bits(cut[0], cut[1], n)) FAILED("%s: other bits in chunks of 5", dtypes[type].name);
            /* the cpu device rounds activations for the other matrices, and random weights amplify the difference */
            NEAR_ALL(dtypes[type].name, cut[0], x, n, 2);
            wkv_context_free(c);
            free(x), free(y), free(cut[0]), free(cut[1]);
        }
        wkv_model_close(m);
        wkv_model_close(p);
        blocks.view = plain.view = NULL;
        release(&blocks);
        release(&plain);
    }
}

static int not_block_1(const char *name) { return strncmp(name, "blocks.1.", 9) != 0; }
static int not_key_of_block_2(const char *name) { return strcmp(name, "blocks.2.att.key.weight") != 0; }
static int no_blocks(const char *name) { return strncmp(name, "blocks.", 7) != 0 || !strcmp(name, "blocks.0.att.x_r"); }

static void missing_layers(void)
{
    variant v = variant_of(MODEL, not_block_1);
    refused(&v, WKV_EFORMAT, "blocks.1.ln1.weight is missing; an RWKV-7 of 3 layers has it");
    v = variant_of(MODEL, not_key_of_block_2);
    refused(&v, WKV_EFORMAT, "blocks.2.att.key.weight is missing");
    v = variant_of(MODEL, no_blocks);
    v.view->list[v.view->count - 1].name = "blocks.99999999999999999999.x";
    refused(&v, WKV_EFORMAT, "has a tensor of block 2147483646, but only 5 tensors");
    v = variant_of(MODEL, NULL);
    tensors_add(v.view, "blocks.4000000000.x", 19, &v.view->list[0]);
    refused(&v, WKV_EFORMAT, "has a tensor of block 2147483646, but only");
    v = variant_of(MODEL, NULL);
    tensors_add_text(v.view, "general.architecture", 20, "rwkv7", 5);
    tensors_add_number(v.view, "rwkv7.block_count", 17, 4);
    refused(&v, WKV_EFORMAT, "has 3 layers, expected the 4 of its metadata");
}

static int not_table_of_block_0(const char *name) { return strcmp(name, "blocks.0.ffn.s_emb.weight") != 0; }
static int not_s1_of_block_1(const char *name) { return strcmp(name, "blocks.1.ffn.s1") != 0; }

static void deep_embed_in_part(void)
{
    const char *path = TEST_DIR "/golden/models/v7a-n16-bf16.pth";
    variant v = variant_of(path, not_table_of_block_0);
    refused(&v, WKV_EFORMAT, "blocks.0.ffn.s_emb.weight is missing; an RWKV-7a of 2 layers has it");
    v = variant_of(path, not_s1_of_block_1);
    refused(&v, WKV_EFORMAT, "blocks.1.ffn.s1 is missing");
    v = variant_of(path, NULL);
    find(&v, "blocks.0.ffn.s1")->shape[1] = 16;
    refused(
        &v, WKV_EFORMAT,
        "blocks.0.ffn.s_emb.weight has rows of 1024 values, expected the square of the 16 columns of blocks.0.ffn.s1");
    v = variant_of(path, NULL);
    find(&v, "blocks.1.ffn.s_emb.weight")->shape[0] = 20;
    refused(&v, WKV_EFORMAT, "blocks.1.ffn.s_emb.weight is [20, 1024], expected 24 x 1024");
}

static void integers_as_weights(void)
{
    static const char *const names[] = {"emb.weight", "blocks.1.ffn.key.weight", "blocks.0.att.w1",
                                        "blocks.2.ln1.weight"};
    static const dtype types[] = {U8, I8, I16, U16, I32, I64, BOOL};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
            variant v = variant_of(MODEL, NULL);
            file_tensor *f = find(&v, names[i]);
            f->data = make(&v, (size_t)tensor_values(f) * 8);
            f->type = types[k];
            memset(v.made[0], 1, (size_t)tensor_values(f) * 8);
            char words[96];
            snprintf(words, sizeof words, "%s is of type %s, expected floating-point", names[i], dtypes[types[k]].name);
            refused(&v, WKV_EUNSUPPORTED, words);
        }
}

/* A matrix of floats at `data`, row by row. */
static void store_at(variant *v, const char *name, const float *data)
{
    file_tensor *f = find(v, name);
    *f = (file_tensor){.name = f->name,
                       .type = F32,
                       .dims = 2,
                       .shape = {f->shape[0], f->shape[1]},
                       .stride = {f->shape[1], 1},
                       .data = (const uint8_t *)data,
                       .contiguous = 1,
                       .scale = 1};
}

/* The embedding in floats, which are returned. */
static const float *store_embedding(variant *v)
{
    file_tensor *f = find(v, "emb.weight");
    int64_t n = tensor_values(f);
    float *x = make(v, (size_t)n * sizeof *x);
    tensor_read(f, x, n);
    store_at(v, "emb.weight", x);
    return x;
}

/* Tensors may share their bytes in a file; each becomes another type for itself, in the memory that was counted for
 * it. */
static void shared_bytes(void)
{
    static const char *const names[] = {"head.weight", "blocks.0.att.key.weight", "blocks.2.att.output.weight"};
    static const char *const types[] = {NULL, "f16", "bf16", "q8_0", "q4_0"};
    for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
        float *logits[2] = {0};
        for (int copy = 0; copy < 2; copy++) {
            wkv_model *m = NULL;
            variant v = variant_of(MODEL, NULL);
            const float *x = store_embedding(&v);
            for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
                size_t bytes = (size_t)tensor_values(find(&v, names[i])) * sizeof *x;
                store_at(&v, names[i], copy ? memcpy(make(&v, bytes), x, bytes) : x);
            }
            if (open_as(&m, &v, types[k])) FAILED("%s", wkv_error());
            else logits[copy] = logits_of(m, "cpu");
            wkv_model_close(m);
            release(&v);
        }
        /* a head that is the embedding is read by rows; with its own bytes, in another order of sums */
        if (logits[0] && logits[1]) NEAR_ALL("shared bytes", logits[0], logits[1], (size_t)TOKENS * 51, TOLERANCE);
        free(logits[0]);
        free(logits[1]);
    }
}

/* v6's five matrices in one, [5, R, C], as one matrix stored column by column; and a matrix in pieces, which is
 * none. */
static void other_axes(void)
{
    const char *path = TEST_DIR "/golden/models/v6-n16-bf16.pth", *name = "blocks.1.att.time_maa_w2";
    variant v = variant_of(path, NULL);
    file_tensor *f = find(&v, name);
    f->dims = 2;
    f->shape[0] *= f->shape[1];
    f->shape[1] = f->shape[2];
    store_by_columns(&v, name);
    same_logits(&v, path);
    v = variant_of(MODEL, NULL);
    f = find(&v, "blocks.1.att.key.weight");
    f->dims = 3;
    f->shape[2] = f->shape[1];
    f->shape[1] = f->shape[0] / 2;
    f->shape[0] = 2;
    f->stride[0] = f->shape[1] * f->shape[2];
    f->stride[1] = f->shape[2];
    f->stride[2] = 1;
    refused(&v, WKV_EFORMAT, "blocks.1.att.key.weight is [2, 16, 32], expected 32 x 32");
}

/* Axes wider than an int are compared before they are converted to one. */
static void wide_axes(void)
{
    static const int64_t wide[] = {(int64_t)1 << 31, (int64_t)1 << 32, ((int64_t)1 << 32) + 1, ((int64_t)1 << 33) + 16};
    static const char *const names[] = {
        "emb.weight",      "blocks.0.att.key.weight", "blocks.0.ffn.key.weight", "blocks.0.att.r_k",
        "blocks.1.att.v1", "blocks.0.att.w1",         "blocks.0.att.g1",         "head.weight"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (int axis = 0; axis < 2; axis++)
            for (size_t k = 0; k < sizeof wide / sizeof *wide; k++) {
                variant v = variant_of(MODEL, NULL);
                find(&v, names[i])->shape[axis] = wide[k];
                wkv_model *m;
                EXPECT(open_variant(&m, &v) < 0);
                release(&v);
            }
    for (size_t k = 0; k < sizeof wide / sizeof *wide; k++) {
        variant v = variant_of(TEST_DIR "/golden/models/v5.0-n16-bf16.pth", NULL);
        file_tensor *f = find(&v, "blocks.0.att.time_decay");
        f->dims = 1;
        f->shape[0] = wide[k];
        refused(&v, WKV_EFORMAT, "is not a multiple of the number of heads");
    }
}

int main(void)
{
    RUN(embedding_by_columns);
    RUN(all_of_f64);
    RUN(types_without_kernels);
    RUN(missing_layers);
    RUN(deep_embed_in_part);
    RUN(integers_as_weights);
    RUN(shared_bytes);
    RUN(other_axes);
    RUN(wide_axes);
    return DONE();
}
