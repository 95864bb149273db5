/* rwkv.c - rwkv.cpp's functions (rwkv.h) by those of libwkv. */
#include "rwkv.h"
#include "quantize.h"
#include "wkv.h"
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The weights, shared by a context and its clones. */
typedef struct {
    wkv_model *model;
    atomic_int users;
} weights;

struct rwkv_context {
    weights *shared;
    const wkv_model_info *about;
    wkv_context *compute;
    wkv_state *state; /* of the latest evaluation */
    enum rwkv_error_flags error;
    bool print;
};

static atomic_bool print_new = true;
static _Thread_local enum rwkv_error_flags opening_error;

/* ---- errors ------------------------------------------------------------------------------------------------------ */

static enum rwkv_error_flags flags_of(int code)
{
    switch (code) {
    case WKV_EIO: return RWKV_ERROR_FILE | RWKV_ERROR_FILE_OPEN;
    case WKV_EFORMAT: return RWKV_ERROR_FILE | RWKV_ERROR_DATA;
    case WKV_EUNSUPPORTED: return RWKV_ERROR_MODEL | RWKV_ERROR_UNSUPPORTED;
    case WKV_ENOMEM: return RWKV_ERROR_CTX | RWKV_ERROR_ALLOC;
    default: return RWKV_ERROR_ARGS;
    }
}

/* Keep an error of ctx, NULL: of opening or quantizing, and print its sentence. Returns false. */
static bool failed(struct rwkv_context *ctx, int code, const char *sentence)
{
    *(ctx ? &ctx->error : &opening_error) = flags_of(code);
    if (ctx ? ctx->print : print_new) fprintf(stderr, "rwkv: %s\n", sentence);
    return false;
}

void rwkv_set_print_errors(struct rwkv_context *ctx, bool print_errors)
{
    if (ctx)
        ctx->print = print_errors;
    else
        print_new = print_errors;
}

bool rwkv_get_print_errors(const struct rwkv_context *ctx) { return ctx ? ctx->print : print_new; }

enum rwkv_error_flags rwkv_get_last_error(struct rwkv_context *ctx)
{
    enum rwkv_error_flags *at = ctx ? &ctx->error : &opening_error, error = *at;
    *at = RWKV_ERROR_NONE;
    return error;
}

/* ---- contexts ---------------------------------------------------------------------------------------------------- */

static void release(weights *w)
{
    if (!w || atomic_fetch_sub(&w->users, 1) > 1) return;
    wkv_model_close(w->model);
    free(w);
}

void rwkv_free(struct rwkv_context *ctx)
{
    if (!ctx) return;
    wkv_state_free(ctx->state);
    wkv_context_free(ctx->compute);
    release(ctx->shared);
    free(ctx);
}

/* A context on weights that it then uses; `of` receives the error, and may be NULL. */
static struct rwkv_context *context_on(weights *w, uint32_t n_threads, struct rwkv_context *of)
{
    struct rwkv_context *ctx = calloc(1, sizeof *ctx);
    if (!ctx) return failed(of, WKV_ENOMEM, "out of memory"), NULL;
    atomic_fetch_add(&w->users, 1);
    ctx->shared = w;
    ctx->about = wkv_model_about(w->model);
    ctx->print = of ? of->print : print_new;
    int err = n_threads > 0 && n_threads <= INT_MAX ? 0 : WKV_EARG;
    if (err) {
        failed(of, err, "n_threads is not between 1 and 2147483647");
    } else if ((err = wkv_context_new(&ctx->compute, w->model, &(wkv_context_options){.threads = (int)n_threads})) ||
               (err = wkv_state_new(&ctx->state, w->model))) {
        failed(of, err, wkv_error());
    }
    if (err) rwkv_free(ctx);
    return err ? NULL : ctx;
}

struct rwkv_context *rwkv_init_from_file(const char *model_file_path, uint32_t n_threads, uint32_t n_gpu_layers)
{
    (void)n_gpu_layers;
    opening_error = RWKV_ERROR_NONE;
    weights *w = calloc(1, sizeof *w);
    if (!w) return failed(NULL, WKV_ENOMEM, "out of memory"), NULL;
    int err = model_file_path ? wkv_model_open(&w->model, model_file_path, NULL) : WKV_EARG;
    if (err) {
        failed(NULL, err, model_file_path ? wkv_error() : "the path of the model is NULL");
        free(w);
        return NULL;
    }
    w->users = 1; /* this function, until the context is one */
    struct rwkv_context *ctx = context_on(w, n_threads, NULL);
    release(w);
    return ctx;
}

struct rwkv_context *rwkv_clone_context(struct rwkv_context *ctx, uint32_t n_threads)
{
    if (!ctx) return NULL;
    ctx->error = RWKV_ERROR_NONE;
    return context_on(ctx->shared, n_threads, ctx);
}

size_t rwkv_get_n_vocab(const struct rwkv_context *ctx) { return ctx ? (size_t)ctx->about->vocab : 0; }
size_t rwkv_get_n_embed(const struct rwkv_context *ctx) { return ctx ? (size_t)ctx->about->width : 0; }
size_t rwkv_get_n_layer(const struct rwkv_context *ctx) { return ctx ? (size_t)ctx->about->layers : 0; }
size_t rwkv_get_state_len(const struct rwkv_context *ctx) { return ctx ? ctx->about->state_bytes / sizeof(float) : 0; }
size_t rwkv_get_logits_len(const struct rwkv_context *ctx) { return rwkv_get_n_vocab(ctx); }
uint32_t rwkv_get_state_buffer_element_count(const struct rwkv_context *ctx)
{
    return (uint32_t)rwkv_get_state_len(ctx);
}
uint32_t rwkv_get_logits_buffer_element_count(const struct rwkv_context *ctx)
{
    return (uint32_t)rwkv_get_n_vocab(ctx);
}

/* ---- states ------------------------------------------------------------------------------------------------------ */

/* Copy the matrices of a layer, H of N x N, transposed. */
static void transpose(float *to, const float *from, int heads, int size)
{
    for (int h = 0; h < heads; h++, to += size * size, from += size * size)
        for (int i = 0; i < size; i++)
            for (int j = 0; j < size; j++) to[i * size + j] = from[j * size + i];
}

/* A layer of rwkv.cpp begins with ffn_x, one of wkv (wkv_state_data) ends with it; version 7 has S transposed. */
static void copy_state(const struct rwkv_context *ctx, float *theirs, float *ours, bool out)
{
    const wkv_model_info *m = ctx->about;
    const size_t layer = rwkv_get_state_len(ctx) / (size_t)m->layers, width = (size_t)m->width;
    const size_t matrices = layer - 2 * width; /* S, or aa bb pp */
    for (int l = 0; l < m->layers; l++, theirs += layer, ours += layer) {
        float *pairs[3][2] = {
            {theirs, ours + layer - width}, {theirs + width, ours}, {theirs + 2 * width, ours + width}};
        for (int i = 0; i < 3; i++) {
            float *to = pairs[i][!out], *from = pairs[i][out];
            if (i == 2 && m->version[0] == '7')
                transpose(to, from, m->heads, m->head_size);
            else
                memcpy(to, from, sizeof(float) * (i == 2 ? matrices : width));
        }
    }
}

void rwkv_init_state(const struct rwkv_context *ctx, float *state)
{
    if (!ctx || !state) return;
    wkv_state_reset(ctx->state);
    copy_state(ctx, state, wkv_state_data(ctx->state), true);
}

/* ---- evaluation -------------------------------------------------------------------------------------------------- */

bool rwkv_eval_sequence(struct rwkv_context *ctx, const uint32_t *tokens, size_t sequence_len, const float *state_in,
                        float *state_out, float *logits_out)
{
    if (!ctx) return false;
    ctx->error = RWKV_ERROR_NONE;
    if (!tokens) return true;
    if (sequence_len < 1 || sequence_len > INT_MAX)
        return failed(ctx, WKV_EARG, "sequence_len is not between 1 and 2147483647");
    if (state_in)
        copy_state(ctx, (float *)(uintptr_t)state_in, wkv_state_data(ctx->state), false);
    else
        wkv_state_reset(ctx->state);
    /* an id beyond 2^31 is negative there, and refused as every other outside the vocabulary */
    int err = wkv_eval(ctx->compute, ctx->state, (const int32_t *)tokens, (int)sequence_len, logits_out);
    if (err) return failed(ctx, err, wkv_error());
    if (state_out) copy_state(ctx, state_out, wkv_state_data(ctx->state), true);
    return true;
}

bool rwkv_eval(struct rwkv_context *ctx, uint32_t token, const float *state_in, float *state_out, float *logits_out)
{
    return rwkv_eval_sequence(ctx, &token, 1, state_in, state_out, logits_out);
}

bool rwkv_eval_sequence_in_chunks(struct rwkv_context *ctx, const uint32_t *tokens, size_t sequence_len,
                                  size_t chunk_size, const float *state_in, float *state_out, float *logits_out)
{
    if (ctx && chunk_size < 1) return failed(ctx, WKV_EARG, "chunk_size is 0, expected at least 1");
    return rwkv_eval_sequence(ctx, tokens, sequence_len, state_in, state_out, logits_out);
}

bool rwkv_quantize_model_file(const char *model_file_path_in, const char *model_file_path_out, const char *format_name)
{
    opening_error = RWKV_ERROR_NONE;
    if (!model_file_path_in || !model_file_path_out || !format_name)
        return failed(NULL, WKV_EARG, "a path or the format is NULL");
    int err = quantize(model_file_path_in, model_file_path_out, format_name);
    return err ? failed(NULL, err, wkv_error()) : true;
}

const char *rwkv_get_system_info_string(void) { return "wkv " WKV_VERSION; }
