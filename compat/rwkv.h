/* rwkv.h - the interface of rwkv.cpp (https://github.com/RWKV/rwkv.cpp, 2025-02) over libwkv: a program for rwkv.cpp is
 * compiled with this header, or loads librwkv.so in place of rwkv.cpp's, and runs unchanged.
 *
 * Every checkpoint that wkv opens is a model file, not only rwkv.cpp's .bin. Differences from rwkv.cpp:
 *   - n_gpu_layers is ignored: the processor computes.
 *   - A sequence of any length is one call; chunk_size changes neither time nor result.
 *   - rwkv_quantize_model_file writes a .bin of a .bin, and a GGUF of any other model, under the name that it is given.
 *   - Nothing is printed but the sentences of errors.
 *
 * A state is rwkv.cpp's array of floats, layer after layer; C channels, H heads of N:
 *   version 4        ffn_x[C]  att_x[C]  aa[C]  bb[C]  pp[C]
 *   versions 5, 6    ffn_x[C]  att_x[C]  S[H][N key][N value]
 *   version 7        ffn_x[C]  att_x[C]  S[H][N value][N key] */
#ifndef RWKV_H
#define RWKV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RWKV_API __attribute__((visibility("default")))

/* The header of rwkv.cpp's own files. */
#define RWKV_FILE_MAGIC 0x67676d66
#define RWKV_FILE_VERSION_0 100
#define RWKV_FILE_VERSION_1 101
#define RWKV_FILE_VERSION_MIN RWKV_FILE_VERSION_0
#define RWKV_FILE_VERSION_MAX RWKV_FILE_VERSION_1
#define RWKV_FILE_VERSION RWKV_FILE_VERSION_MAX

/* An error is one of the first group, the place, and one of the second, the reason. */
enum rwkv_error_flags {
    RWKV_ERROR_NONE = 0,

    RWKV_ERROR_ARGS = 1 << 8,
    RWKV_ERROR_FILE = 2 << 8,
    RWKV_ERROR_MODEL = 3 << 8,
    RWKV_ERROR_MODEL_PARAMS = 4 << 8,
    RWKV_ERROR_GRAPH = 5 << 8,
    RWKV_ERROR_CTX = 6 << 8,

    RWKV_ERROR_ALLOC = 1,
    RWKV_ERROR_FILE_OPEN = 2,
    RWKV_ERROR_FILE_STAT = 3,
    RWKV_ERROR_FILE_READ = 4,
    RWKV_ERROR_FILE_WRITE = 5,
    RWKV_ERROR_FILE_MAGIC = 6,
    RWKV_ERROR_FILE_VERSION = 7,
    RWKV_ERROR_DATA_TYPE = 8,
    RWKV_ERROR_UNSUPPORTED = 9,
    RWKV_ERROR_SHAPE = 10,
    RWKV_ERROR_DIMENSION = 11,
    RWKV_ERROR_KEY = 12,
    RWKV_ERROR_DATA = 13,
    RWKV_ERROR_PARAM_MISSING = 14
};

/* A model and the means to compute with it, for one thread at a time. */
struct rwkv_context;

/* Whether errors are printed to standard error, as they are at first. ctx NULL: those of opening and quantizing, and
 * the setting that a new context begins with. */
RWKV_API void rwkv_set_print_errors(struct rwkv_context *ctx, bool print_errors);
RWKV_API bool rwkv_get_print_errors(const struct rwkv_context *ctx);

/* The error of the latest call with ctx (NULL: of the latest rwkv_init_from_file or rwkv_quantize_model_file on this
 * thread), which becomes RWKV_ERROR_NONE. */
RWKV_API enum rwkv_error_flags rwkv_get_last_error(struct rwkv_context *ctx);

/* Open a model; NULL after an error. n_threads is at least 1. */
RWKV_API struct rwkv_context *rwkv_init_from_file(const char *model_file_path, uint32_t n_threads,
                                                  uint32_t n_gpu_layers);

/* A context of its own for another thread, on the same weights; NULL after an error. The contexts are freed in any
 * order. */
RWKV_API struct rwkv_context *rwkv_clone_context(struct rwkv_context *ctx, uint32_t n_threads);
RWKV_API void rwkv_free(struct rwkv_context *ctx);

/* Read one token, or several, after a state; false after an error. state_in NULL: the initial state. state_out receives
 * the new state, and may be state_in; logits_out receives the logits after the last token; NULL: not needed. tokens
 * NULL: nothing is done. */
RWKV_API bool rwkv_eval(struct rwkv_context *ctx, uint32_t token, const float *state_in, float *state_out,
                        float *logits_out);
RWKV_API bool rwkv_eval_sequence(struct rwkv_context *ctx, const uint32_t *tokens, size_t sequence_len,
                                 const float *state_in, float *state_out, float *logits_out);
RWKV_API bool rwkv_eval_sequence_in_chunks(struct rwkv_context *ctx, const uint32_t *tokens, size_t sequence_len,
                                           size_t chunk_size, const float *state_in, float *state_out,
                                           float *logits_out);

/* Sizes: ids of the vocabulary, channels, layers, and the floats of a state and of the logits. */
RWKV_API size_t rwkv_get_n_vocab(const struct rwkv_context *ctx);
RWKV_API size_t rwkv_get_n_embed(const struct rwkv_context *ctx);
RWKV_API size_t rwkv_get_n_layer(const struct rwkv_context *ctx);
RWKV_API size_t rwkv_get_state_len(const struct rwkv_context *ctx);
RWKV_API size_t rwkv_get_logits_len(const struct rwkv_context *ctx);
/* The last two by their older names, which rwkv.cpp's Python binding calls. */
RWKV_API uint32_t rwkv_get_state_buffer_element_count(const struct rwkv_context *ctx);
RWKV_API uint32_t rwkv_get_logits_buffer_element_count(const struct rwkv_context *ctx);

/* Set a state to the initial one. */
RWKV_API void rwkv_init_state(const struct rwkv_context *ctx, float *state);

/* Write a model with matrices of the type "Q4_0", "Q4_1", "Q5_0", "Q5_1" or "Q8_0"; false after an error. */
RWKV_API bool rwkv_quantize_model_file(const char *model_file_path_in, const char *model_file_path_out,
                                       const char *format_name);

/* "wkv 0.1.0" */
RWKV_API const char *rwkv_get_system_info_string(void);

#ifdef __cplusplus
}
#endif
#endif
