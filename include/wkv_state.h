/* wkv_state.h - states as values: kept in files, mixed, compared.
 *
 * A state is all that a model keeps of the text that it has read, in a fixed number of bytes. A file of it starts a
 * text where another one ended:
 *
 *     wkv_state_info about = {.ids = ids, .n_ids = n, .read = n, .text = prompt};
 *     wkv_identify(&about.identity, c);
 *     wkv_state_file_write("prompt.safetensors", &about, s, NULL);        // today
 *
 *     wkv_state_file *f;
 *     wkv_state_file_open(&f, "prompt.safetensors");                      // tomorrow: no token is read again
 *     wkv_state_file_read(f, s);
 *     wkv_state_file_close(f);
 *
 * Files. A .safetensors file of f32 tensors: blocks.N.att.shift [C], blocks.N.att.state [H, key, value] (version 4:
 * blocks.N.att.aa, .bb, .pp [C]), blocks.N.ffn.shift [C], hidden [C], ids [n] of i32; the texts of wkv_state_info are
 * its metadata, with a SHA-256 over all of it. docs/states.md describes every byte. A file is written beside its path
 * and then renamed (wkv_file.h), read into memory, and checked whole: checksum, shapes, and that each value is finite.
 *
 * Conventions are those of wkv.h. */
#ifndef WKV_STATE_H
#define WKV_STATE_H

#include "wkv.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- identity ---------------------------------------------------------------------------------------------------- */

/* The model and the computation that a state belongs to, as hexadecimal SHA-256 and names. A state of another lineage
 * does not fit. With equal lineage, weights and arithmetic, reading the same ids gives the same bits. */
typedef struct {
    char lineage[65];    /* version and sizes                                                                  */
    char weights[65];    /* the next three together                                                            */
    char base[65];       /* all vectors, and samples of every matrix, with the type and orientation as it is run */
    char adapter[65];    /* the adapter (wkv_model_options.lora); "": none                                     */
    char initial[65];    /* the tuned initial state (wkv_model_options.state); "": none                        */
    char arithmetic[32]; /* order of sums, roundings and their revision: "f32 1"                               */
} wkv_identity;

/* The identity of states that the context computes. The first call for a model reads its vectors and a few pages of
 * each matrix; further calls copy. Any thread may call it. */
WKV_API int wkv_identify(wkv_identity *out, const wkv_context *c);

/* ---- files ------------------------------------------------------------------------------------------------------- */

typedef struct {
    wkv_identity identity; /* "" in tuned states                                                                   */
    const char *model;     /* name of the model's file, "": unknown                                                */
    const char *types;     /* data types of its weights, as in wkv_model_info                                      */
    const char *version;   /* "4" to "7a"; "" in tuned states                                                      */
    const char *sizes; /* the text of which the lineage is the SHA-256: "RWKV-7, 12 layers, 768 channels, ..."        */
    int layers, width; /* L, C                                                                                 */
    int heads, head_size; /* H, N; 0 for version 4                                                                */
    int tuned;            /* not 0: a tuned initial state, matrices S alone; token shifts are zero                */
    const int32_t *ids;   /* the ids of the text                                                                  */
    int n_ids, read;      /* their number; the state has read the first `read`                                    */
    const char *segments; /* ends of the segments among the ids, those of sampled answers with an a: "12 40a 55";
                              "": one segment                                                                       */
    const char *text;     /* their text, where it is UTF-8, else ""                                               */
    const char *template_name; /* chat template of the text, ""                                                    */
    const char *origin;        /* "": the ids were read from the model's initial state, else the beginning in words:
                              "mix of a.safetensors, b.safetensors"                                                */
    uint64_t seed, draws;      /* the sampler's random numbers: their seed, and the count of those used               */
} wkv_state_info;

/* A state file, in memory. */
typedef struct wkv_state_file wkv_state_file;

/* Read a state file and check it: one of wkv_state_file_write, or a tuned initial state (blocks.N.att.time_state of
 * [H, N, N]) of RWKV-PEFT and RWKV-LM (.pth, .safetensors; [H, value, key]) or of web-rwkv and Ai00 (.st, .state;
 * [H, key, value]). WKV_EIO; WKV_EFORMAT: cut short, changed since it was written, a value that is not finite;
 * WKV_EUNSUPPORTED: another kind of file, which the sentence names; WKV_ENOMEM. */
WKV_API int wkv_state_file_open(wkv_state_file **out, const char *path);
/* The same from the bytes of such a file, which are not used after it returns; `name` is its name in messages. */
WKV_API int wkv_state_file_open_memory(wkv_state_file **out, const void *data, size_t bytes, const char *name);
WKV_API void wkv_state_file_close(wkv_state_file *f);

/* Its description. Everything in it is borrowed from f. */
WKV_API const wkv_state_info *wkv_state_file_about(const wkv_state_file *f);

/* The C values of `hidden` in wkv_state_file_write, borrowed from f; NULL: none in the file. */
WKV_API const float *wkv_state_file_hidden(const wkv_state_file *f);

/* Set s to the state in the file. WKV_EARG: s is of a model of another lineage, or for a tuned state of other sizes;
 * the sentence has both. s is then unchanged. */
WKV_API int wkv_state_file_read(const wkv_state_file *f, wkv_state *s);

/* Write to out the differences between the file's weights and arithmetic and the context's, in one sentence, "" without
 * any; zero-terminated if capacity > 0. A tuned state fits all weights of its sizes and differs in nothing. WKV_EARG:
 * another lineage or other sizes, as in wkv_state_file_read. */
WKV_API int wkv_state_file_compare(const wkv_state_file *f, const wkv_context *c, char *out, size_t capacity);

/* Write a state of a model that is open. From `about` come identity, ids, n_ids, read, segments, text, template_name,
 * origin, seed and draws (NULL texts are ""); the state's model gives the rest. hidden: C values that belong to the
 * last id read, the row after ln_out; NULL: none. WKV_EARG: an identity of another lineage, names that are not
 * UTF-8, read, ids or segments out of range, a path that is a file of the model; WKV_EFORMAT: a value that is not
 * finite; WKV_EIO, WKV_ENOMEM. */
WKV_API int wkv_state_file_write(const char *path, const wkv_state_info *about, const wkv_state *s,
                                 const float *hidden);

/* Write the matrices S of a state of an open model as a tuned initial state for other programs and
 * wkv_model_options.state; token shifts are lost. The extension selects the form: .pth or .safetensors, f32
 * [H, value, key]; .st or .state, f16 [H, key, value]. WKV_EUNSUPPORTED: version 4, which has no matrices; WKV_EARG:
 * another extension, a value beyond f16, a path that is a file of the model; WKV_EFORMAT: a value that is not finite;
 * WKV_EIO, WKV_ENOMEM. */
WKV_API int wkv_state_write_tuned(const char *path, const wkv_state *s);
WKV_API int wkv_state_file_write_tuned(const char *path, const wkv_state_file *f); /* the state in a file */

/* ---- mixing ------------------------------------------------------------------------------------------------------ */

/* out = the weighted mean of n states of one open model; the weights (NULL: equal) are divided by their sum. Token
 * shifts and the matrices S are linear. In version 4 aa and bb are sums divided by e^pp: they are brought to the
 * largest pp first, and the result has that pp. out may be one of the states; a state of weight 0 is not read.
 * WKV_EARG: states of different models, n < 1, weights that are not finite, that are negative in version 4, or whose
 * sum is not above 0. */
WKV_API int wkv_state_mix(wkv_state *out, const wkv_state *const *states, const float *weights, int n);

/* Write the mean of the states in n files to `path`, without a model: a state file without ids, with an origin and
 * those parts of the identity in which all agree; or, if all are tuned states, a tuned state (wkv_state_write_tuned).
 * WKV_EARG: files of different lineages, sizes or kinds, weights as above; WKV_EIO, WKV_ENOMEM. */
WKV_API int wkv_state_file_mix(const char *path, const wkv_state_file *const *files, const float *weights, int n);

/* ---- comparing --------------------------------------------------------------------------------------------------- */

/* A part of two states a and b: a layer, or one head of it. Norms are Euclidean, of the matrices S (version 4: of aa
 * and bb, relative to the larger e^pp). */
typedef struct {
    int layer, head;   /* head -1: the layer                                                                   */
    double norm[2];    /* in a, in b                                                                           */
    double difference; /* norm of b - a, divided by the larger of both: 0 equal, 2 opposite                    */
    double shifts;     /* the same of both token shifts; 0 for a head                                          */
    double kl;         /* its effect on the next token: the Kullback-Leibler divergence, in nats, from the
                          distribution after a to that after a with this part of b (a layer: token shifts too) */
} wkv_state_part;

/* A token, and the natural logarithm of its probability after a and after b. */
typedef struct {
    int32_t id;
    double log_probability[2];
} wkv_state_mover;

typedef struct {
    const wkv_state_part *parts; /* the layers in order, each before its heads */
    int n_parts;
    double kl;                     /* of the distribution after b from that after a                            */
    const wkv_state_mover *movers; /* tokens of a probability of at least 0.001 after a or b, whose logarithm
                                      differs most, in this order                                              */
    int n_movers;
} wkv_state_difference;

typedef struct {
    const int32_t *tokens; /* the probe, which is read after each state: the next token is the one after it */
    int n;                 /* at least 1                                                                    */
    int heads;             /* not 0: every head too, H more readings of the probe for each layer            */
    int movers;            /* tokens to list, at most; 0: 10                                                */
    int (*report)(void *user, double done, double total); /* progress; not 0: stop, WKV_ESTOPPED           */
    void *user;
} wkv_state_diff_options;

/* Compare two states of the context's model, which stay unchanged. WKV_EARG: states of another model, no probe, ids
 * outside the vocabulary; WKV_EFORMAT: the model gives NaN; WKV_ENOMEM. */
WKV_API int wkv_state_diff(wkv_state_difference **out, wkv_context *c, const wkv_state *a, const wkv_state *b,
                           const wkv_state_diff_options *o);
WKV_API void wkv_state_difference_free(wkv_state_difference *d);

#ifdef __cplusplus
}
#endif
#endif
