/* use.c - the use of a file in logits, generate, convert, tune, merge, tokenize and train, on sizes that take about a
 * millisecond. */
#include "use.h"
#include "base/file.h"
#include "format/reader.h"
#include "format/zip.h"
#include "train/adapt.h"
#include "wkv.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- files in memory (linked with --wrap) ------------------------------------------------------------------------ */

int __real_file_open(file_map *out, const char *path);
void __real_file_close(file_map *m);
int __wrap_file_open(file_map *out, const char *path);
void __wrap_file_close(file_map *m);
void __wrap_file_expect(const file_map *m, file_reads next);
void __wrap_file_forget(const file_map *m, const void *data, size_t bytes);

int __wrap_file_open(file_map *out, const char *path)
{
    file_map mapped;
    int e = __real_file_open(&mapped, path);
    *out = mapped;
    if (e || !mapped.size) return e;
    void *copy = malloc(mapped.size);
    if (!copy) abort();
    out->data = memcpy(copy, mapped.data, mapped.size);
    __real_file_close(&mapped);
    return 0;
}

void __wrap_file_close(file_map *m)
{
    free((void *)(uintptr_t)m->data);
    *m = (file_map){0};
}

void __wrap_file_expect(const file_map *m, file_reads next) { (void)m, (void)next; }
void __wrap_file_forget(const file_map *m, const void *data, size_t bytes) { (void)m, (void)data, (void)bytes; }

/* ---- models ------------------------------------------------------------------------------------------------------ */

int refused(void)
{
    if (!*wkv_error()) abort(); /* a refusal has a sentence */
    return 0;
}

/* Small enough to be run in about a millisecond. */
static int is_small(const wkv_model *m)
{
    const wkv_model_info *about = wkv_model_about(m);
    return about->parameters < 1 << 19 && about->state_bytes < 1 << 20 && about->layers < 64;
}

static void sample_some(const wkv_model *m, wkv_context *c, wkv_state *s, float *logits, rng *r)
{
    wkv_tokenizer *t;
    const int vocab = wkv_model_about(m)->vocab;
    if (wkv_tokenizer_open(&t, below(r, 2) ? "bytes" : NULL, m)) return;
    const wkv_sampler_options o = {.temperature = below(r, 2) ? 1 : 0,
                                   .top_p = (float)rng_uniform(r),
                                   .top_k = (int)below(r, 5),
                                   .min_p = below(r, 4) ? 0 : 0.1f,
                                   .typical_p = below(r, 4) ? 0 : 0.5f,
                                   .mirostat_tau = below(r, 4) ? 0 : 3,
                                   .presence = 0.5f,
                                   .frequency = 0.5f,
                                   .seed = rng_u64(r)};
    wkv_sampler *sampler;
    wkv_decoder d = {0};
    char *out = malloc(wkv_decoder_room(t));
    int32_t ids[16];
    int n = wkv_encode_prompt(t, "It was\n\n", 8, ids, 16);
    if (!wkv_sampler_new(&sampler, &o, vocab, t)) {
        for (int i = 0; i < n && i < 16; i++)
            if (ids[i] >= 0 && ids[i] < vocab) wkv_sampler_count(sampler, ids[i]);
        for (int i = 0; i < 3 && out; i++) {
            int32_t id = wkv_sample(sampler, logits);
            if (id < 0) break; /* no token can be sampled */
            if (id >= vocab) abort();
            if (wkv_decode(&d, t, id, out) > wkv_decoder_room(t)) abort();
            if (i < 2 && wkv_eval(c, s, &id, 1, logits)) break;
        }
        if (out) wkv_decode_end(&d, out);
        wkv_sampler_free(sampler);
    }
    free(out);
    wkv_tokenizer_close(t);
}

/* n tokens, then as many as are sampled */
static void evaluate(const wkv_model *m, int generate, rng *r)
{
    const int vocab = wkv_model_about(m)->vocab;
    const int32_t ids[3] = {0, vocab - 1, vocab / 2};
    wkv_context *c = NULL;
    wkv_state *s = NULL;
    float *logits = malloc((size_t)vocab * sizeof *logits);
    const wkv_context_options o = {.threads = 1, .device = below(r, 8) ? NULL : "reference"};
    if (logits && !wkv_context_new(&c, m, &o) && !wkv_state_new(&s, m) && !wkv_eval(c, s, ids, 3, logits) && generate)
        sample_some(m, c, s, logits, r);
    free(logits);
    wkv_state_free(s);
    wkv_context_free(c);
}

/* Open and run; 0: refused. */
static int run(const char *path, const wkv_model_options *o, int generate, rng *r)
{
    wkv_model *m;
    if (wkv_model_open(&m, path, o)) return refused();
    if (is_small(m)) evaluate(m, generate, r);
    wkv_model_close(m);
    return 1;
}

/* Convert or merge, and run the file that was written. */
static void convert(const char *path, const wkv_model_options *with, const char *scratch, rng *r)
{
    static const char *const extensions[] = {".gguf", ".gguf", ".gguf", ".safetensors", ".pth", ".st"};
    static const char *const types[] = {NULL, NULL, "q8", "q4_0", "q8_0", "q4mix", "f16", "f32", "bf16"};
    wkv_model *m;
    wkv_model_options o = *with;
    char out[300];
    o.as_stored = 1;
    if (wkv_model_open(&m, path, &o)) return;
    snprintf(out, sizeof out, "%s/out%s", scratch, extensions[below(r, 6)]);
    const wkv_convert_options how = {.type = types[below(r, sizeof types / sizeof *types)], .portable = below(r, 2)};
    int e = is_small(m) ? wkv_convert(m, out, &how) : WKV_EARG;
    if (e && is_small(m)) refused();
    wkv_model_close(m);
    if (e) return;
    if (!run(out, NULL, 0, r)) { /* a file of ours is a model */
        fprintf(stderr, "written by conversion, then refused: %s\n", wkv_error());
        abort();
    }
    unlink(out);
}

/* One gradient with this model or adapter below. */
static void tune(const char *path, const wkv_model_options *with, int all, rng *r)
{
    static const int32_t ids[] = {0, 1, 2, 1};
    static const uint8_t counts[] = {0, 1, 1, 1};
    static const char *const methods[] = {"lora", "state", "lora+state"};
    wkv_model *m;
    wkv_model_options o = *with;
    o.as_stored = 1;
    if (wkv_model_open(&m, path, &o)) return;
    int small = is_small(m) && wkv_model_about(m)->vocab > 2;
    wkv_model_close(m);
    if (!small) return;
    const wkv_train_options how = {.init = path,
                               .method = all ? "full" : methods[below(r, 3)],
                               .samples = 1,
                               .rank = 2,
                               .alpha = 4,
                               .targets = "att,ffn",
                               .with = *with,
                               .threads = 1};
    const sample one = {.ids = ids, .counts = counts, .n = 4};
    wkv_trainer *t;
    double loss;
    if (wkv_trainer_new(&t, &how)) {
        refused();
        return;
    }
    trainer_gradient(t, &one, 1, 1, &loss);
    wkv_trainer_free(t);
}

/* A tensor of a zip has its values inside one entry: sanitizers do not detect a read of the next one's. */
static void check_entry(const zip *z, const file_tensor *f)
{
    if (f->data < z->data || f->data >= z->data + z->size || !tensor_values(f)) return;
    const uint8_t *end = f->data + dtypes[f->type].bytes, *bytes;
    for (int i = 0; i < f->dims; i++) end += (f->shape[i] - 1) * f->stride[i] * dtypes[f->type].bytes;
    for (int i = 0; i < z->n; i++) {
        const zip_entry *e = &z->entry[i];
        if (!e->method && !zip_bytes(z, e, &bytes) && f->data >= bytes && end <= bytes + e->packed) return;
    }
    fprintf(stderr, "tensor %s reaches beyond its entry of the zip\n", f->name);
    abort();
}

static void check_entries(const tensors *t)
{
    zip z;
    if (t->n_maps != 1 || strcmp(t->format, "pth (zip)") || zip_open(&z, t->maps[0].data, t->maps[0].size)) return;
    for (int i = 0; i < tensors_count(t); i++) check_entry(&z, tensors_at(t, i));
    zip_close(&z);
}

/* Every tensor, also of files that are not models. */
static void read_tensors(const char *path)
{
    enum { CAPACITY = 1 << 14 };
    tensors *t;
    if (tensors_open(&t, path)) return;
    check_entries(t);
    float *x = malloc(CAPACITY * sizeof *x);
    int64_t budget = 1 << 18;
    for (int i = 0; i < tensors_count(t) && x && budget > 0; i++, budget -= CAPACITY / 8) {
        const file_tensor *f = tensors_at(t, i);
        if (tensor_values(f) <= CAPACITY) tensor_read(f, x, CAPACITY);
    }
    free(x);
    tensors_close(t);
}

static int use_model(const char *path, const char *scratch, rng *r)
{
    static const char *const types[] = {NULL, NULL, NULL, NULL, "q8", "q4_0", "f32", "bf16"};
    const wkv_model_options o = {.type = types[below(r, 8)]}, none = {0};
    int opened = run(path, &o, below(r, 2), r);
    if (below(r, 4) == 0) read_tensors(path);
    if (!opened) return 0;
    if (below(r, 2)) convert(path, &none, scratch, r);
    if (below(r, 8) == 0) tune(path, &none, below(r, 2), r);
    return 1;
}

static int use_over(const char *base, const wkv_model_options *with, const char *scratch, rng *r)
{
    if (!run(base, with, below(r, 2), r)) return 0;
    if (below(r, 2)) convert(base, with, scratch, r);
    if (below(r, 4) == 0) tune(base, with, 0, r);
    return 1;
}

/* ---- vocabularies ------------------------------------------------------------------------------------------------ */

static int use_vocabulary(const char *path)
{
    static const char text[] = "It was a  test\n\n1234 \xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80 end\xff";
    wkv_tokenizer *t;
    if (wkv_tokenizer_open(&t, path, NULL)) return refused();
    int32_t ids[64];
    wkv_decoder d = {0};
    char *out = malloc(wkv_decoder_room(t));
    int n = wkv_encode_prompt(t, text, sizeof text - 1, ids, 64);
    if (n < 0) n = wkv_encode(t, text, 14, ids, 64);
    for (int i = 0; i < n && i < 64 && out; i++) {
        size_t bytes;
        if (ids[i] < 0 || ids[i] >= wkv_tokenizer_size(t)) abort();
        wkv_token_bytes(t, ids[i], &bytes);
        if (wkv_decode(&d, t, ids[i], out) > wkv_decoder_room(t)) abort();
    }
    if (out) wkv_decode_end(&d, out);
    free(out);
    wkv_tokenizer_close(t);
    return 1;
}

int use_mutant(const sound *s, const char *path, const char *scratch, rng *r)
{
    wkv_model_options with = {0};
    switch ((use_kind)s->use) {
    case USE_MODEL: return use_model(path, scratch, r);
    case USE_ADAPTER:
        with.lora = path;
        with.lora_alpha = below(r, 4) ? 4 : 0;
        return use_over(s->base, &with, scratch, r);
    case USE_STATE:
        if (below(r, 2)) return use_state_file(s, path, scratch, r);
        with.state = path;
        return use_over(s->base, &with, scratch, r);
    case USE_STATE_FILE: return use_state_file(s, path, scratch, r);
    case USE_VOCABULARY: return use_vocabulary(path);
    case USE_INDEX: return use_model(s->base, scratch, r);
    case USE_TOKENS: return use_tokens(path, NULL);
    case USE_LINES: return use_lines(path, r);
    case USE_RUN: return use_run(scratch);
    }
    return 0;
}
