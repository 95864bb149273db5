/* wkv_study.h - measurements of a model: how probable it finds a text, how far two models differ, which activations are
 * zero. Conventions are those of wkv.h. */
#ifndef WKV_STUDY_H
#define WKV_STUDY_H

#include "wkv.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the probability of a text -------------------------------------------------------------------------------- */

/* Read n tokens into the state. `tokens` has n + 1: nll[i] is minus the natural logarithm of the probability of token i
 * + 1 after token i was read. Calling again with the tokens from n on continues the text; a text that stands alone
 * begins with a fresh state. Perplexity is e to the power of the mean. WKV_EARG, WKV_ENOMEM; WKV_EFORMAT: logits are
 * NaN or infinite. */
WKV_API int wkv_score(float *nll, wkv_context *c, wkv_state *s, const int32_t *tokens, int n);

/* The distributions of two models over the same next token. */
typedef struct {
    float nll[2]; /* minus the natural logarithm of its probability, of each                              */
    float kl;     /* Kullback-Leibler divergence of the second's distribution from the first's, nats      */
    float apart;  /* root of the mean squared difference of the logits                                    */
    int agree;    /* the same token is the most probable                                                 */
} wkv_difference;

/* The same with two models that have one vocabulary, each with its own context and state. Fails as wkv_score. */
WKV_API int wkv_compare(wkv_difference *out, wkv_context *const c[2], wkv_state *const s[2], const int32_t *tokens,
                        int n);

/* ---- activation sparsity ------------------------------------------------------------------------------------- */

/* The squared ReLUs of a layer: zero[i] of of[i] groups of 2^i adjacent rows were zero in each of their rows. Rows are
 * tokens, in the order in which they are computed. The rows of ffn.value that belong to zeros need not be read. */
typedef struct {
    int64_t zero[6], of[6];
} wkv_sparsity;

/* wkv_eval_batch that also adds to the counts of each layer; `layers` has as many as the model. Groups begin anew every
 * 512 rows, at which a long batch is cut. */
WKV_API int wkv_measure_sparsity(wkv_sparsity *layers, wkv_context *c, const wkv_sequence *sequences, int count);

#ifdef __cplusplus
}
#endif
#endif
