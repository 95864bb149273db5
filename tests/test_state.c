/* test_state.c - identities of states, state files, tuned initial states: the files that fit, and the sentence with
 * which each other one is refused. */
#include "state_reader.h"
#include "base/platform/entry.h"

/* ---- identity ---------------------------------------------------------------------------------------------------- */

/* Opening the state of a and comparing it with b gives this sentence. */
static void differ_by(const reader *a, const reader *b, const char *sentence)
{
    char found[512];
    wkv_state_file *f = opened(saved(a, "a.safetensors"));
    EXPECT_EQ(wkv_state_file_compare(f, b->c, found, sizeof found), 0);
    EXPECT_STR(found, sentence);
    EXPECT_EQ(!strcmp(a->id.weights, b->id.weights) && !strcmp(a->id.arithmetic, b->id.arithmetic), !*sentence);
    EXPECT_EQ(wkv_state_file_read(f, b->s), 0);
    EXPECT(same_bits(wkv_state_data(a->s), wkv_state_data(b->s), state_floats(a->m)));
    wkv_state_file_close(f);
}

/* Write an adapter of one matrix, or a tuned state, for the model of r. */
static void write_lora(const char *path, int C, float x)
{
    float *a = calloc(2 * (size_t)C, sizeof *a);
    for (int i = 0; i < 2 * C; i++) a[i] = x;
    const tensor_out t[] = {
        {.name = "blocks.0.att.key.lora_A", .type = F32, .dims = 2, .shape = {2, C}, .data = a},
        {.name = "blocks.0.att.key.lora_B", .type = F32, .dims = 2, .shape = {C, 2}, .data = a},
    };
    if (safetensors_write(path, t, 2, (const char *const[]){"lora_alpha", "4", NULL})) FAILED("%s", wkv_error());
    free(a);
}

static void identity_names_the_difference(void)
{
    const char *model = golden_path("v7-n32-f32"), *lora = in_folder("lora.safetensors"),
               *lora2 = in_folder("lora2.safetensors"), *tuned = in_folder("tuned.pth");
    reader base, same, q8, adapted, adapted2, begun, plain;
    if (!reader_open(&base, model, NULL, 5)) return;
    write_lora(lora, 32, 0.1f);
    write_lora(lora2, 32, 0.2f);
    EXPECT_EQ(wkv_state_write_tuned(tuned, base.s), 0);
    if (reader_open(&same, model, &(wkv_model_options){.no_mmap = 1}, 3) &&
        reader_open(&q8, model, &(wkv_model_options){.type = "q8_0"}, 3) &&
        reader_open(&adapted, model, &(wkv_model_options){.lora = lora}, 3) &&
        reader_open(&adapted2, model, &(wkv_model_options){.lora = lora2}, 3) &&
        reader_open(&begun, model, &(wkv_model_options){.state = tuned}, 3) && reader_open(&plain, model, NULL, 3)) {
        differ_by(&base, &same, "");
        differ_by(&base, &q8, "was computed with weights of type f32, and the model has q8_0, f32, f16");
        differ_by(&q8, &base, "was computed with weights of type q8_0, f32, f16, and the model has f32");
        differ_by(&base, &adapted, "was computed without an adapter, and the model has one");
        differ_by(&adapted, &base, "was computed with an adapter, and the model has none");
        differ_by(&adapted, &adapted2, "was computed with another adapter");
        differ_by(&base, &begun, "was computed without an initial state, and the model has one");
        differ_by(&begun, &base, "was computed with an initial state, and the model has none");
        differ_by(
            &adapted, &begun,
            "was computed with an adapter, and the model has none; without an initial state, and the model has one");
        wkv_context_free(plain.c);
        plain.c = context_new(plain.m, 1, "reference");
        EXPECT_EQ(wkv_identify(&plain.id, plain.c), 0);
        differ_by(&plain, &base, "was computed with arithmetic f32 1 reference, and the context has f32 1");
    }
    reader_close(&base), reader_close(&same), reader_close(&q8), reader_close(&adapted), reader_close(&adapted2);
    reader_close(&begun), reader_close(&plain);
}

/* An adapter merged into the weights: no vector differs, and one matrix. */
static void identity_of_a_fine_tune(void)
{
    const char *model = golden_path("v7-n32-f32"), *lora = in_folder("lora.safetensors"), *merged = in_folder("m.pth");
    reader base, with, tuned;
    write_lora(lora, 32, 0.01f);
    if (!reader_open(&base, model, NULL, 3)) return;
    if (reader_open(&with, model, &(wkv_model_options){.lora = lora, .as_stored = 1}, 3)) {
        EXPECT_EQ(wkv_convert(with.m, merged, NULL), 0);
        if (reader_open(&tuned, merged, NULL, 3)) {
            differ_by(&base, &tuned, "was computed with other weights (v7-n32-f32.pth)");
            differ_by(&tuned, &base, "was computed with other weights (m.pth)");
            reader_close(&tuned);
        }
    }
    reader_close(&base), reader_close(&with);
}

/* Files of the same numbers, types and orientation are one model; the layout of blocks does not matter. */
static void identity_is_of_the_weights(void)
{
    const char *gguf = in_folder("x.gguf"), *portable = in_folder("portable.gguf"), *f32 = in_folder("f32.pth"),
               *q8 = in_folder("q8.gguf"), *q8p = in_folder("q8p.gguf");
    reader v4, v4g, v4f, q, qp;
    if (!reader_open(&v4, golden_path("v4-c40-f16"), NULL, 0)) return;
    EXPECT_EQ(wkv_convert(v4.m, gguf, NULL), 0);
    EXPECT_EQ(wkv_convert(v4.m, portable, &(wkv_convert_options){.portable = 1}), 0);
    EXPECT_EQ(wkv_convert(v4.m, f32, &(wkv_convert_options){.type = "f32"}), 0);
    if (reader_open(&v4g, gguf, NULL, 0)) EXPECT_STR(v4g.id.weights, v4.id.weights);
    reader_close(&v4g);
    if (reader_open(&v4g, portable, NULL, 0)) EXPECT_STR(v4g.id.weights, v4.id.weights);
    reader_close(&v4g);
    if (reader_open(&v4f, f32, NULL, 0)) EXPECT(strcmp(v4f.id.weights, v4.id.weights));
    reader_close(&v4f), reader_close(&v4);
    if (!reader_open(&v4, golden_path("v4-c32-f32"), NULL, 0)) return;
    EXPECT_EQ(wkv_convert(v4.m, q8, &(wkv_convert_options){.type = "q8_0"}), 0);
    EXPECT_EQ(wkv_convert(v4.m, q8p, &(wkv_convert_options){.type = "q8_0", .portable = 1}), 0);
    if (reader_open(&q, q8, NULL, 0) && reader_open(&qp, q8p, &(wkv_model_options){.type = "q8_0"}, 0))
        EXPECT_STR(q.id.weights, qp.id.weights);
    reader_close(&q), reader_close(&qp), reader_close(&v4);
}

typedef struct {
    reader *r;
    int matrices, found;
} tuner;

/* Change the values of one matrix a little, as a fine-tune of it alone does, and look for another identity. */
static int tune_one(void *user, const char *name, tensor *t, const slot *s, int layer)
{
    (void)layer;
    tuner *x = user;
    if (!(s->flags & (SLOT_MATRIX | SLOT_LOW_RANK)) || s->flags & SLOT_TABLE) return 0;
    const size_t n = (size_t)t->rows * (size_t)t->cols;
    float *before = malloc(n * sizeof *before), *own = malloc(n * sizeof *own);
    void *data = t->data;
    memcpy(before, data, n * sizeof *before);
    for (size_t i = 0; i < n; i++) own[i] = before[i] * (1 + 0x1p-20f * (float)(i % 7 - 3.0));
    t->data = own;
    wkv_identity id;
    x->r->m->identity = (wkv_identity){0};
    EXPECT_EQ(wkv_identify(&id, x->r->c), 0);
    EXPECT_STR(id.lineage, x->r->id.lineage);
    x->matrices++;
    if (strcmp(id.base, x->r->id.base) && strcmp(id.weights, x->r->id.weights))
        x->found++;
    else
        FAILED("another %s has the same identity", name);
    t->data = data;
    free(before);
    free(own);
    return 0;
}

static void identity_sees_every_matrix(void)
{
    static const char *const names[] = {"rwkv-4", "rwkv-6", "rwkv-7"};
    for (int i = 0; i < GOLDENS + 3 * shared(); i++) {
        reader r;
        const char *path =
            i < GOLDENS ? golden_path(goldens[i].name) : path_of(SHARED_DIR "/alive", names[i - GOLDENS], ".pth");
        if (!reader_open(&r, path, &(wkv_model_options){.type = "f32"}, 0)) continue;
        tuner t = {.r = &r};
        rwkv_each(&r.m->rwkv, tune_one, &t);
        EXPECT(t.matrices > 4 && t.found == t.matrices);
        reader_close(&r);
    }
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static void round_trip(void)
{
    for (int i = 0; i < GOLDENS; i++) {
        reader r;
        if (!reader_open(&r, golden_path(goldens[i].name), NULL, TOKENS - 4)) continue;
        const char *path = in_folder("s.safetensors");
        const wkv_model_info *m = wkv_model_about(r.m);
        size_t V = (size_t)m->vocab;
        float *hidden = malloc((size_t)m->width * sizeof *hidden), *want = malloc(V * sizeof *want),
              *got = malloc(V * sizeof *got);
        for (int k = 0; k < m->width; k++) hidden[k] = (float)k - 3.5f;
        const wkv_state_info about = {.identity = r.id,
                                      .ids = text,
                                      .n_ids = TOKENS,
                                      .read = TOKENS - 4,
                                      .text = "a \"text\"\n\tof two lines, \xc3\xa9",
                                      .template_name = "g1",
                                      .origin = "mix of a.safetensors, b.safetensors",
                                      .seed = UINT64_MAX,
                                      .draws = 7};
        if (wkv_state_file_write(path, &about, r.s, hidden)) FAILED("%s", wkv_error());
        wkv_state_file *f = opened(path);
        const wkv_state_info *a = wkv_state_file_about(f);
        EXPECT(!memcmp(&a->identity, &r.id, sizeof r.id));
        EXPECT_STR(a->version, m->version);
        EXPECT_STR(a->types, m->types);
        EXPECT_STR(a->text, about.text);
        EXPECT_STR(a->template_name, "g1");
        EXPECT_STR(a->origin, about.origin);
        EXPECT(a->layers == m->layers && a->width == m->width && a->heads == m->heads);
        EXPECT(a->head_size == m->head_size && !a->tuned && a->seed == UINT64_MAX && a->draws == 7);
        EXPECT(a->n_ids == TOKENS && a->read == TOKENS - 4 && !memcmp(a->ids, text, sizeof text));
        EXPECT(same_bits(wkv_state_file_hidden(f), hidden, (size_t)m->width));
        wkv_state *s = state_new(r.m);
        EXPECT_EQ(wkv_state_file_read(f, s), 0);
        wkv_state_file_close(f);
        EXPECT(same_state(r.m, s, r.s));
        EXPECT_EQ(wkv_eval(r.c, r.s, text + TOKENS - 4, 4, want), 0);
        EXPECT_EQ(wkv_eval(r.c, s, text + TOKENS - 4, 4, got), 0);
        EXPECT(same_bits(got, want, V));
        wkv_state_free(s);
        free(hidden), free(want), free(got);
        reader_close(&r);
    }
}

/* A file without ids, text and hidden row. */
static void least_file(void)
{
    reader r;
    if (!reader_open(&r, golden_path("v4-c32-f32"), NULL, 3)) return;
    const char *path = in_folder("least.safetensors");
    EXPECT_EQ(wkv_state_file_write(path, &(wkv_state_info){.identity = r.id}, r.s, NULL), 0);
    wkv_state_file *f = opened(path);
    const wkv_state_info *a = wkv_state_file_about(f);
    EXPECT(!a->ids && !a->n_ids && !a->read && !wkv_state_file_hidden(f));
    EXPECT_STR(a->text, "");
    EXPECT_STR(a->model, "v4-c32-f32.pth");
    EXPECT_STR(a->sizes, "RWKV-4, 1 layer, 32 channels, ffn 128, vocabulary 41");
    wkv_state_file_close(f);
    reader_close(&r);
}

/* ---- refused files ----------------------------------------------------------------------------------------------- */

static void refused(const char *path, int code, const char *words)
{
    wkv_state_file *f = (void *)1;
    EXPECT_EQ(wkv_state_file_open(&f, path), code);
    EXPECT(!f);
    EXPECT_HAS(wkv_error(), words);
    EXPECT(!strncmp(wkv_error(), path, strlen(path)));
}

/* Every truncated file, and one with a changed bit anywhere. */
static void damaged(void)
{
    reader r;
    if (!reader_open(&r, golden_path("v4-c32-f32"), NULL, 9)) return;
    size_t bytes = 0;
    const char *path = saved(&r, "whole.safetensors"), *bad = in_folder("bad.safetensors");
    unsigned char *data = read_file(path, &bytes);
    for (size_t n = 0; n < bytes; n += n < 1200 ? 7 : 1) {
        FILE *f = fopen(bad, "wb");
        fwrite(data, 1, n, f);
        fclose(f);
        wkv_state_file *s;
        if (!wkv_state_file_open(&s, bad)) FAILED("the first %zu of %zu bytes are accepted", n, bytes);
        wkv_state_file_close(s);
    }
    for (size_t at = 0; at < bytes; at++) {
        data[at] ^= (unsigned char)(1 << at % 8);
        FILE *f = fopen(bad, "wb");
        fwrite(data, 1, bytes, f);
        fclose(f);
        wkv_state_file *s;
        if (!wkv_state_file_open(&s, bad)) FAILED("a changed bit in byte %zu is accepted", at);
        wkv_state_file_close(s);
        data[at] ^= (unsigned char)(1 << at % 8);
    }
    data[bytes - 3] ^= 1;
    FILE *f = fopen(bad, "wb");
    fwrite(data, 1, bytes, f);
    fclose(f);
    refused(bad, WKV_EFORMAT, "is damaged: its contents have SHA-256 ");
    free(data);
    reader_close(&r);
}

/* A sound state file to be changed, and written with a correct checksum. */
typedef struct {
    tensor_out t[32];
    char *meta[64];
    int n;
} forgery;

static const char *forge(forgery *g, const char *name)
{
    const char *path = in_folder(name);
    char sum[DIGEST_TEXT];
    EXPECT_EQ(state_checksum(sum, g->t, g->n, (const char *const *)g->meta), 0);
    for (int i = 0; g->meta[i]; i += 2)
        if (!strcmp(g->meta[i], "sha256")) g->meta[i + 1] = sum;
    if (safetensors_write(path, g->t, g->n, (const char *const *)g->meta)) FAILED("%s", wkv_error());
    return path;
}

static char **meta_of(forgery *g, const char *key)
{
    for (int i = 0; g->meta[i]; i += 2)
        if (!strcmp(g->meta[i], key)) return &g->meta[i + 1];
    return NULL;
}

static tensor_out *tensor_of(forgery *g, const char *name)
{
    for (int i = 0; i < g->n; i++)
        if (!strcmp(g->t[i].name, name)) return &g->t[i];
    return NULL;
}

/* The tensors and texts of a sound file, borrowed from it. */
static forgery copy_of(const tensors *t)
{
    forgery g = {.n = t->count};
    for (int i = 0; i < t->count; i++) {
        g.t[i] = (tensor_out){
            .name = t->list[i].name, .type = t->list[i].type, .dims = t->list[i].dims, .data = t->list[i].data};
        memcpy(g.t[i].shape, t->list[i].shape, sizeof g.t[i].shape);
    }
    for (int i = 0; i < t->n_meta; i++) {
        g.meta[2 * i] = (char *)t->meta[i].key;
        g.meta[2 * i + 1] = (char *)t->meta[i].text;
    }
    return g;
}

/* A correct checksum does not make a state of anything. */
static void forged(void)
{
    reader r;
    if (!reader_open(&r, golden_path("v7-n16-bf16"), NULL, 9)) return;
    tensors *t;
    EXPECT_EQ(tensors_load(&t, saved(&r, "sound.safetensors")), 0);
    forgery g = copy_of(t);
    wkv_state_file_close(opened(forge(&g, "x.safetensors")));

    float nans[32] = {0};
    nans[3] = NAN;
    tensor_of(&g, "blocks.1.ffn.shift")->data = nans;
    refused(forge(&g, "x.safetensors"), WKV_EFORMAT, "value 3 of blocks.1.ffn.shift is nan, expected a finite one");
    nans[3] = -INFINITY;
    refused(forge(&g, "x.safetensors"), WKV_EFORMAT, "value 3 of blocks.1.ffn.shift is -inf");

    g = copy_of(t);
    tensor_of(&g, "blocks.2.att.state")->shape[1] = 8;
    tensor_of(&g, "blocks.2.att.state")->shape[2] = 32;
    refused(forge(&g, "x.safetensors"), WKV_EFORMAT, "blocks.2.att.state is [2, 8, 32], expected [2, 16, 16]");
    g = copy_of(t);
    tensor_of(&g, "blocks.0.att.state")->shape[0] = 1;
    refused(forge(&g, "x.safetensors"), WKV_EFORMAT, "a state of 32 channels with 1 heads of 16");
    g = copy_of(t);
    *tensor_of(&g, "blocks.1.att.state") = g.t[--g.n];
    refused(forge(&g, "x.safetensors"), WKV_EFORMAT, "blocks.1.att.state is missing, expected [2, 16, 16]");
    g = copy_of(t);
    tensor_of(&g, "blocks.1.att.shift")->type = I32;
    refused(forge(&g, "x.safetensors"), WKV_EFORMAT, "blocks.1.att.shift is of type i32, expected f32");
    g = copy_of(t);
    g.t[g.n++] = (tensor_out){.name = "more", .type = F32, .dims = 1, .shape = {2}, .data = nans};
    refused(forge(&g, "x.safetensors"), WKV_EFORMAT, "has 11 tensors, expected the 10 of a state of 3 layers");
    g = copy_of(t);
    g.t[g.n++] = (tensor_out){.name = "hidden", .type = F32, .dims = 1, .shape = {31}, .data = nans + 1};
    refused(forge(&g, "x.safetensors"), WKV_EFORMAT, "hidden is [31], expected [32]");

    static const int32_t negative[2] = {1, -5};
    g = copy_of(t);
    tensor_of(&g, "ids")->data = negative;
    tensor_of(&g, "ids")->shape[0] = 2;
    refused(forge(&g, "x.safetensors"), WKV_EFORMAT, "id 1 is -5, expected at least 0");
    tensor_of(&g, "ids")->type = F32;
    refused(forge(&g, "x.safetensors"), WKV_EFORMAT, "ids is not a list of i32");

    static const struct {
        const char *key, *value;
        int code;
        const char *words;
    } texts[] = {
        {"format", "wkv state 2", WKV_EUNSUPPORTED, "is of the format \"wkv state 2\", expected \"wkv state 1\""},
        {"version", "9", WKV_EUNSUPPORTED, "is a state of RWKV-9, expected versions 4 to 7"},
        {"version", "4", WKV_EFORMAT, "blocks.0.att.aa is missing, expected [32]"},
        {"read", "21", WKV_EFORMAT, "its state has read 21 ids, and the file has 20"},
        {"read", "-1", WKV_EFORMAT, "its read is \"-1\", expected a number"},
        {"segments", "4 21", WKV_EFORMAT, "segments are \"4 21\", expected ascending ends up to 20"},
        {"seed", "18446744073709551616", WKV_EFORMAT, "its seed is \"18446744073709551616\", expected a number"},
        {"draws", "", WKV_EFORMAT, "its draws is \"\", expected a number"},
        {"arithmetic", "an order of sums without a short name", WKV_EFORMAT, "its arithmetic is not a short text"},
        {"base", "0123456789012345678901234567890123456789012345678901234567890123456789", WKV_EFORMAT,
         "its base has 70 characters, expected at most 64"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        g = copy_of(t);
        *meta_of(&g, texts[i].key) = (char *)texts[i].value;
        refused(forge(&g, "x.safetensors"), texts[i].code, texts[i].words);
    }
    tensors_close(t);
    reader_close(&r);
}

static void foreign(void)
{
    static const float one[2] = {1, 1};
    const char *path = in_folder("x.safetensors"), *pth = in_folder("x.pth"), *lora = in_folder("lora.safetensors");
    tensor_out t = {.name = "te_model.weight", .type = F32, .dims = 1, .shape = {2}, .data = one};
    refused(golden_path("v7-n16-bf16"), WKV_EUNSUPPORTED, "is a model (it has emb.weight), expected a state");
    write_lora(lora, 32, 1);
    refused(lora, WKV_EUNSUPPORTED, "is an adapter (it has blocks.0.att.key.lora_A), expected a state");
    EXPECT_EQ(safetensors_write(path, &t, 1, NULL), 0);
    refused(path, WKV_EUNSUPPORTED,
            "is not a state: no tensor blocks.0.att.shift or blocks.0.att.time_state among 1 (the first is "
            "te_model.weight)");
    EXPECT_EQ(safetensors_write(path, &t, 0, NULL), 0);
    refused(path, WKV_EUNSUPPORTED, "has no tensors, expected a state");
    t.name = "blocks.0.att.shift";
    EXPECT_EQ(safetensors_write(path, &t, 1, NULL), 0);
    refused(path, WKV_EUNSUPPORTED, "has no metadata \"format\", expected a state that wkv wrote");
    EXPECT_EQ(pth_write(pth, &t, 1), 0);
    refused(pth, WKV_EUNSUPPORTED, "is a pth (zip) with tensors of a state, expected .safetensors");
    t.name = "blocks.0.att.time_state";
    EXPECT_EQ(pth_write(pth, &t, 1), 0);
    refused(pth, WKV_EFORMAT, "blocks.0.att.time_state is [2], expected heads x N x N");
    t.name = "blocks.1.att.time_state";
    EXPECT_EQ(pth_write(pth, &t, 1), 0);
    refused(pth, WKV_EFORMAT, "blocks.0.att.time_state is missing");
    refused(in_folder("none"), WKV_EIO, "No such file");
    write_file(in_folder("page.html"), "<!doctype html>");
    refused(in_folder("page.html"), WKV_EFORMAT, "is an HTML page");
    refused(folder, WKV_EARG, "a directory with several models");
    EXPECT_EQ(folder_create(in_folder("one"), 0700), 0);
    EXPECT_EQ(safetensors_write(in_folder("one/model.safetensors"), &t, 1, NULL), 0);
    refused(in_folder("one"), WKV_EUNSUPPORTED, "is a folder or an index of files, expected the file of a state");
}

static void of_another_model(void)
{
    reader a, b, v4;
    if (reader_open(&a, golden_path("v7-n16-bf16"), NULL, 4) && reader_open(&b, golden_path("v7-n32-f32"), NULL, 4) &&
        reader_open(&v4, golden_path("v4-c32-f32"), NULL, 4)) {
        char out[64];
        const char *path = saved(&a, "a.safetensors"), *tuned = in_folder("tuned.pth"), *none = in_folder("none.pth");
        wkv_state_file *f = opened(path);
        EXPECT_EQ(wkv_state_file_read(f, b.s), WKV_EARG);
        EXPECT_HAS(wkv_error(),
                   "a.safetensors: is a state of RWKV-7, 3 layers, 32 channels, 2 heads of 16, ffn 128, vocabulary 51, "
                   "ranks w 3 a 5 v 7 g 9; the model ");
        EXPECT_HAS(wkv_error(), "v7-n32-f32.pth is RWKV-7, 1 layer, 32 channels, 1 heads of 32");
        EXPECT_EQ(wkv_state_file_compare(f, b.c, out, sizeof out), WKV_EARG);
        wkv_state_file_close(f);
        EXPECT_EQ(wkv_state_write_tuned(tuned, a.s), 0);
        f = opened(tuned);
        EXPECT_EQ(wkv_state_file_read(f, b.s), WKV_EARG);
        EXPECT_HAS(wkv_error(), "tuned.pth: is a tuned state of 3 layers, 2 heads of 16; the model ");
        EXPECT_EQ(wkv_state_file_read(f, v4.s), WKV_EARG);
        wkv_state_file_close(f);
        EXPECT_EQ(wkv_state_file_write(none, &(wkv_state_info){.identity = b.id}, a.s, NULL), WKV_EARG);
        EXPECT_HAS(wkv_error(), "none.pth: not written: the identity is of another model");
        EXPECT_EQ(wkv_state_write_tuned(none, v4.s), WKV_EUNSUPPORTED);
        EXPECT_HAS(wkv_error(), "the state of RWKV-4 has no matrices");
        wkv_state_data(a.s)[70] = NAN;
        EXPECT_EQ(wkv_state_file_write(none, &(wkv_state_info){.identity = a.id}, a.s, NULL), WKV_EFORMAT);
        EXPECT_HAS(wkv_error(), "none.pth: not written: the state of layer 0 has a value of nan, expected finite ones");
        EXPECT_EQ(wkv_state_write_tuned(none, a.s), WKV_EFORMAT);
        EXPECT(access(none, F_OK));
        wkv_state_reset(a.s);
        EXPECT_EQ(wkv_state_file_write(golden_path("v7-n16-bf16"), &(wkv_state_info){.identity = a.id}, a.s, NULL),
                  WKV_EARG);
        EXPECT_EQ(wkv_state_write_tuned(golden_path("v7-n16-bf16"), a.s), WKV_EARG);
    }
    reader_close(&a), reader_close(&b), reader_close(&v4);
}

/* ---- tuned initial states ---------------------------------------------------------------------------------------- */

/* The matrices of both states agree within a bound, and the token shifts of the second are 0. */
static void matrices_agree(const reader *r, wkv_state *a, wkv_state *b, double tolerance)
{
    const wkv_model_info *m = wkv_model_about(r->m);
    size_t C = (size_t)m->width, S = C * (size_t)m->head_size, layer = 2 * C + S;
    for (size_t l = 0; l < (size_t)m->layers; l++) {
        const float *x = wkv_state_data(a) + l * layer, *y = wkv_state_data(b) + l * layer;
        EXPECT(apart(x + C, y + C, S) <= tolerance);
        for (size_t i = 0; i < C; i++) EXPECT(y[i] == 0 && y[C + S + i] == 0);
    }
}

static void tuned_forms(void)
{
    static const char *const names[] = {"v5.2-n32-bf16", "v6-n16-bf16", "v7-n16-bf16"};
    static const struct {
        const char *name;
        double tolerance;
    } forms[] = {{"t.pth", 0}, {"t.safetensors", 0}, {"t.st", 1e-2}, {"t.state", 1e-2}};
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 4; k++) {
            reader r, with;
            if (!reader_open(&r, golden_path(names[i]), NULL, TOKENS)) continue;
            const char *path = in_folder(forms[k].name);
            if (wkv_state_write_tuned(path, r.s)) FAILED("%s", wkv_error());
            wkv_state_file *f = opened(path);
            EXPECT(wkv_state_file_about(f)->tuned && wkv_state_file_about(f)->heads == goldens[0].heads + r.m->rwkv.H);
            wkv_state *s = state_new(r.m);
            char found[32] = "x";
            EXPECT_EQ(wkv_state_file_read(f, s), 0);
            EXPECT_EQ(wkv_state_file_compare(f, r.c, found, sizeof found), 0);
            EXPECT_STR(found, "");
            matrices_agree(&r, r.s, s, forms[k].tolerance);
            if (reader_open(&with, golden_path(names[i]), &(wkv_model_options){.state = path}, 0))
                EXPECT(same_bits(wkv_state_data(with.s), wkv_state_data(s), state_floats(r.m)));
            reader_close(&with);
            wkv_state_file_close(f);
            wkv_state_free(s);
            reader_close(&r);
        }
    reader r;
    if (!reader_open(&r, golden_path("v7-n16-bf16"), NULL, TOKENS)) return;
    EXPECT_EQ(wkv_state_write_tuned(in_folder("t.gguf"), r.s), WKV_EARG);
    EXPECT_HAS(wkv_error(), "is written as .pth, .safetensors, .st or .state");
    wkv_state_data(r.s)[40] = 1e6f;
    EXPECT_EQ(wkv_state_write_tuned(in_folder("t.st"), r.s), WKV_EARG);
    EXPECT_HAS(wkv_error(), "blocks.0.att.time_state has a value of 1e+06, which f16 cannot represent");
    reader_close(&r);
}

int main(void)
{
    folder_begin("state");
    RUN(identity_names_the_difference);
    RUN(identity_of_a_fine_tune);
    RUN(identity_is_of_the_weights);
    RUN(identity_sees_every_matrix);
    RUN(round_trip);
    RUN(least_file);
    RUN(damaged);
    RUN(forged);
    RUN(foreign);
    RUN(of_another_model);
    RUN(tuned_forms);
    folder_end();
    return DONE();
}
