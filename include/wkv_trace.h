/* wkv_trace.h - causal tracing: the places in a model that carry a fact about a subject (Meng et al. 2022, arXiv
 * 2202.05262, 2.1).
 *
 * Three kinds of runs over one prompt, "The Space Needle is in the city of":
 *   clean      the prompt as it is; the model gives its answer, " Seattle", a high probability
 *   corrupted  Gaussian noise is added to the embeddings of the subject; the answer becomes improbable
 *   restored   the same with the same noise, but at some sites the values of the clean run take the place of the
 *              corrupted ones
 * The indirect effect of a site is the answer's probability in the restored run minus that in the corrupted one: a site
 * with a large effect is enough to bring the fact back. The total effect is that of the clean run.
 *
 *     wkv_trace_item item = {.tokens = ids, .n = n, .from = 0, .to = 4, .answer = -1};
 *     wkv_trace_effect *grid = calloc(wkv_trace_cells(m, &item, NULL), sizeof *grid);
 *     wkv_trace_result r;
 *     wkv_trace(&r, grid, NULL, c, &item, NULL); // 4 kinds x layers x tokens, each the mean of ten samples of noise
 *
 * The same item, options and seed give the same bits for every number of threads. Conventions are those of wkv.h. */
#ifndef WKV_TRACE_H
#define WKV_TRACE_H

#include "wkv.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- an item ----------------------------------------------------------------------------------------------------- */

typedef struct {
    const int32_t *tokens; /* n of the prompt */
    int n;
    int from, to;   /* the subject: tokens [from, to) */
    int32_t answer; /* the expected next token; -1: the one that the clean run finds most probable */
} wkv_trace_item;

/* The tokens that hold a byte of text[at .. at + bytes), as [*from, *to). ids: the n tokens of the text. *inside, which
 * may be NULL: bytes before and after it that these tokens hold too, blanks excepted. WKV_EARG: the bytes are none, or
 * are not within the text. */
WKV_API int wkv_trace_find(int *from, int *to, int *inside, const wkv_tokenizer *t, const int32_t *ids, int n,
                           const char *text, size_t at, size_t bytes);

/* Standard deviation of the embeddings of all subjects, over all their channels: the unit of the noise. WKV_EARG,
 * WKV_ENOMEM. */
WKV_API int wkv_trace_sigma(float *sigma, wkv_context *c, const wkv_trace_item *items, int count);

/* The position of a token relative to the subject, by which prompts of different lengths are averaged. */
typedef enum {
    WKV_ROLE_BEFORE, /* the subject */
    WKV_ROLE_FIRST,  /* of a subject of at least two tokens */
    WKV_ROLE_MIDDLE,
    WKV_ROLE_LAST,       /* of the subject */
    WKV_ROLE_SUBSEQUENT, /* the first after the subject */
    WKV_ROLE_FURTHER,
    WKV_ROLE_END, /* the last of the prompt, if the subject is not at its end */
    WKV_ROLES
} wkv_trace_role;

WKV_API const char *wkv_trace_role_name(wkv_trace_role role); /* "subject, last"; NULL: no role */
WKV_API wkv_trace_role wkv_trace_role_of(const wkv_trace_item *item, int token);

/* A file of prompts: a JSON list of objects (or .jsonl, .csv) with the strings "prompt", "subject" and "attribute", the
 * expected answer, as in the paper's known_1000.json; other fields are ignored. */
typedef struct wkv_trace_file wkv_trace_file;

typedef struct {
    const char *prompt, *subject, *attribute; /* UTF-8, the file's */
    size_t subject_at;                        /* of its first byte in the prompt, the first time that it occurs */
} wkv_trace_prompt;

/* WKV_EFORMAT: a field is missing or empty, or the subject does not occur in the prompt, with the element; WKV_EIO,
 * WKV_ENOMEM. */
WKV_API int wkv_trace_file_open(wkv_trace_file **out, const char *path);
WKV_API void wkv_trace_file_close(wkv_trace_file *f);
WKV_API int wkv_trace_file_count(const wkv_trace_file *f);
/* NULL: there are fewer. */
WKV_API const wkv_trace_prompt *wkv_trace_file_prompt(const wkv_trace_file *f, int i);

/* ---- the grid ---------------------------------------------------------------------------------------------------- */

/* Kinds of sites. A value of the first three belongs to one token; the state of a layer after a token holds all that
 * the layer's time mix keeps of that token and of those before, so that restoring it restores all of them for the
 * tokens that follow, in this layer. (The row that the token shift keeps is not part of it.) */
typedef enum {
    WKV_TRACE_RESID, /* residual stream after the layer */
    WKV_TRACE_ATT,   /* output of the time mix          */
    WKV_TRACE_FFN,   /* output of the channel mix       */
    WKV_TRACE_STATE, /* wkv state after the token       */
    WKV_TRACE_KINDS
} wkv_trace_kind;

WKV_API const char *wkv_trace_kind_name(wkv_trace_kind kind); /* "resid", "att", "ffn", "state"; NULL: no kind */

typedef struct {
    unsigned kinds; /* a bit 1 << kind for each that is traced; 0: all                                         */
    int samples;    /* of noise; 0: 10                                                                        */
    float noise;    /* its standard deviation in units of sigma; 0: 3; negative: no noise                        */
    float sigma;    /* 0: wkv_trace_sigma of this item                                                         */
    uint64_t seed;
    /* Layers that are restored together, l - window / 2 to l + (window - 1) / 2, in att and ffn; 0: 1. The paper's
     * figures have 10 */
    int window;
    /* NULL, or called with the runs done so far and their total; not 0 stops: WKV_ESTOPPED */
    int (*progress)(void *user, int64_t done, int64_t total);
    void *user;
} wkv_trace_options;

/* Two measures of one run: the probability of the answer, and its logit minus that of the foil. */
typedef struct {
    double probability, difference;
} wkv_trace_score;

typedef struct {
    int32_t answer;
    int32_t foil; /* the id, other than the answer, that is the most probable in the mean of the corrupted runs */
    float sigma;
    wkv_trace_score clean, corrupted; /* corrupted: mean over the samples, and its standard error */
    wkv_trace_score corrupted_error;
} wkv_trace_result;

/* The indirect effect of a site: mean over the samples of restored minus corrupted, with its standard error. */
typedef struct {
    wkv_trace_score mean, error;
} wkv_trace_effect;

/* Number of effects in a grid: for each traced kind, in the order of the enum, [layer][token]. 0: wrong arguments. */
WKV_API size_t wkv_trace_cells(const wkv_model *m, const wkv_trace_item *item, const wkv_trace_options *options);

/* Trace one item: each site by itself (or its window) in `grid`; and in `layers`, which may be NULL, each layer (or its
 * window) at all tokens together: the traced kinds, [layer]. Sites of tokens before the subject have no effect.
 * Memory: samples + 2 states, one for each token from the subject on when states are traced, and up to 256 MB of runs
 * that are evaluated together. WKV_EARG, WKV_ENOMEM, WKV_ESTOPPED; WKV_EFORMAT: logits are NaN or infinite. */
WKV_API int wkv_trace(wkv_trace_result *out, wkv_trace_effect *grid, wkv_trace_effect *layers, wkv_context *c,
                      const wkv_trace_item *item, const wkv_trace_options *options);

/* ---- any set of sites -------------------------------------------------------------------------------------------- */

/* Sites that are restored in one run: these kinds in layers [layer, layer_end) at tokens [token, token_end). */
typedef struct {
    unsigned kinds; /* 0: none, a corrupted run */
    int layer, layer_end, token, token_end;
} wkv_trace_patch;

/* Run every patch with every sample: scores[patch][sample]. Options' kinds and window do not apply. Fails as
 * wkv_trace. */
WKV_API int wkv_trace_patches(wkv_trace_result *out, wkv_trace_score *scores, wkv_context *c,
                              const wkv_trace_item *item, const wkv_trace_patch *patches, int count,
                              const wkv_trace_options *options);

#ifdef __cplusplus
}
#endif
#endif
