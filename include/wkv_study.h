/* wkv_study.h - measurements of a model: how probable it finds a text, how far two models differ, which activations are
 * zero. Conventions are those of wkv.h. */
#ifndef WKV_STUDY_H
#define WKV_STUDY_H

#include "wkv.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the probability of a text -------------------------------------------------------------------------------- */

/* A text to score. Its state reads tokens[0 .. n). */
typedef struct {
    wkv_state *state;        /* a different one for each text; fresh where a text stands alone        */
    const int32_t *tokens;   /* n + 1                                                                 */
    int n;                   /* at least 1                                                            */
    wkv_token_score *scores; /* n: of tokens[i + 1], after tokens[0 .. i]                             */
    wkv_token_score *top;    /* NULL, or n x k: the k most probable ids in its place, in their order  */
    int k;
} wkv_scored_text;

/* Score several texts at once; each gets the same bits as alone, and as in two calls, of which the second continues
 * with the tokens from n on. Perplexity is e to the power of the mean nll. Memory for the logits of 64 tokens.
 * WKV_EARG, WKV_ENOMEM; WKV_EFORMAT: logits are NaN or infinite. */
WKV_API int wkv_score(wkv_context *c, const wkv_scored_text *texts, int count);

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
