/* wkv_lens.h - a model while it reads a text: the memory of its channels, the logits in its depth, the tokens that a
 * read-out consists of, the effect of each layer's state, and the quality of its predictions.
 *
 *     wkv_half_life *h = malloc(sizeof *h * layers * width);
 *     wkv_decay(h, c, ids, n);                          // tokens after which a channel has forgotten half
 *     float *share = malloc(sizeof *share * layers * n * n);
 *     wkv_attention(share, NULL, c, NULL, ids, n, NULL); // share[l][t][s]: token s in the read-out of layer l at t
 *
 * Letters are those of docs/models.md: L layers, C channels, H heads of N, n tokens. docs/lens.md explains each
 * measure. Functions that read a text leave the context's own probes in place. Conventions are those of wkv.h. */
#ifndef WKV_LENS_H
#define WKV_LENS_H

#include "wkv.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- decay ------------------------------------------------------------------------------------------------------- */

/* Tokens until decay alone leaves half of a channel's wkv state: ln 2 / -ln w. In version 7 the correction (the delta
 * rule) removes more. INFINITY: w is 1. */
typedef struct {
    double half_life; /* of the product of all decays: ln 2 / mean(-ln w)                       */
    double low, high; /* 10 and 90 % of the tokens are below, each by itself; fixed: the same   */
} wkv_half_life;

/* 1: the half-lives of versions 4 and 5 follow from the weights alone; 0: those of 6 and 7 depend on the text. */
WKV_API int wkv_decay_is_fixed(const wkv_model *m);
/* L x C half-lives over a text of n tokens from the initial state; where they are fixed no text is read, and tokens may
 * be NULL. The per-head decay of 5.0 and 5.1 is repeated for each channel of the head. Memory: n x L x C floats.
 * WKV_EARG; WKV_EFORMAT: a decay is NaN; WKV_ENOMEM. */
WKV_API int wkv_decay(wkv_half_life *out, wkv_context *c, const int32_t *tokens, int n);

/* ---- logit lens -------------------------------------------------------------------------------------------------- */

/* The next-token distribution that ln_out and the head give for the residual stream at one depth. */
typedef struct {
    int32_t top;       /* the most probable id                                                              */
    float probability; /* of top                                                                            */
    float nll;         /* minus the logarithm of the probability of the token that follows; NaN: the last one */
    float kl;          /* Kullback-Leibler divergence of this distribution from the final one, nats         */
    float entropy;     /* nats                                                                              */
} wkv_lens_cell;

/* (2 L + 1) x n cells: depth 0 is the residual stream before the first layer, depth 2 l + 1 the middle of layer l
 * (between time mix and channel mix), depth 2 l + 2 its end. The state s reads the tokens. WKV_EARG, WKV_ENOMEM;
 * WKV_EFORMAT: logits are NaN or infinite. */
WKV_API int wkv_lens(wkv_lens_cell *out, wkv_context *c, wkv_state *s, const int32_t *tokens, int n);

/* ---- effective attention ----------------------------------------------------------------------------------------- */

/* NULL, or called with the passes done and their total; a nonzero return stops: WKV_ESTOPPED. */
typedef struct {
    int (*report)(void *user, int done, int total);
    void *user;
} wkv_lens_progress;

/* The read-out of the state (site wkv: before norm and gate) is linear in the values v, given the other inputs of the
 * recurrence: o_t = initial + Σ_s o_ts, where o_ts is the rest, at t, of the write of token s. The share of s at t is
 *
 *     share[t][s] = <o_ts, o_t> / <o_t, o_t>
 *
 * the signed length of o_ts along o_t; the shares of all s and of the initial state add up to 1. In version 4, an
 * average, o_ts is the weight of token s times v_s, and its denominator keeps all tokens.
 *
 * layers: [L][n][n], the products taken over all C channels. heads, which may be NULL: [L][H][n][n], over the N
 * channels of each head; version 4 has no heads. Entries s > t are 0; all of a read-out that is zero are 0. from: the
 * state before the text, which is not changed; NULL: the initial state.
 *
 * The text is read once, and once more for each N tokens (version 4: for each token), with unit vectors in the place of
 * v, so that all comes from the recurrence itself. Memory: 3 n L C floats. WKV_EARG, WKV_ENOMEM, WKV_ESTOPPED. */
WKV_API int wkv_attention(float *layers, float *heads, wkv_context *c, const wkv_state *from, const int32_t *tokens,
                          int n, const wkv_lens_progress *progress);

/* ---- reach of the token shift ------------------------------------------------------------------------------------ */

/* A token reaches later ones by the wkv state and by the token shift, one token back in each mix. */
typedef enum {
    WKV_CUT_NOTHING,
    WKV_CUT_PAST,     /* the wkv state is emptied after each token: read-outs have the present token only             */
    WKV_CUT_READ_OUT, /* the read-out of the wkv state is 0; versions 5.1 to 7 still gate a constant by a shifted row */
    WKV_CUT_TIME_MIX, /* the output of the time mix is 0                                                             */
    WKV_CUTS
} wkv_cut;

WKV_API const char *wkv_cut_name(wkv_cut cut); /* "past"; NULL: no cut */
/* The largest distance in tokens that the cut leaves: L where only the channel mix shifts, else 2 L; -1: no limit. */
WKV_API int wkv_cut_reach(const wkv_model *m, wkv_cut cut);

/* Replace token `at` of a text by `other`: change[d], d from 0 to n - 1 - at, is |x' - x| / |x| of the row after ln_out
 * at token at + d, and exactly 0 where both have the same bits. *reach: the largest d with another value, -1: none.
 * WKV_EARG, WKV_ENOMEM. */
WKV_API int wkv_influence(float *change, int *reach, wkv_context *c, wkv_cut cut, const int32_t *tokens, int n, int at,
                          int32_t other);

/* ---- knock-out --------------------------------------------------------------------------------------------------- */

typedef enum {
    WKV_KNOCK_STATE,      /* the layer's wkv state is emptied after each token     */
    WKV_KNOCK_STATE_MEAN, /* ... is its mean over the text (versions 5 to 7)        */
    WKV_KNOCK_ATT,        /* the output of the time mix is 0                       */
    WKV_KNOCK_ATT_MEAN,   /* ... is its mean over the text                         */
    WKV_KNOCK_FFN,        /* the output of the channel mix is 0                    */
    WKV_KNOCK_FFN_MEAN,
    WKV_KNOCKS
} wkv_knock;

WKV_API const char *wkv_knock_name(wkv_knock k); /* "state", "state_mean", "att", ...; NULL: none */

/* The negative log-likelihood of tokens[1 .. n), n - 1 values, from the initial state with a part of one layer knocked
 * out; layer -1: none. A mean takes a second reading. WKV_EARG; WKV_EUNSUPPORTED: the mean state of version 4;
 * WKV_ENOMEM; WKV_EFORMAT: logits are NaN or infinite. */
WKV_API int wkv_knock_out(float *nll, wkv_context *c, wkv_knock what, int layer, const int32_t *tokens, int n);

/* ---- the state --------------------------------------------------------------------------------------------------- */

/* The N singular values of the wkv state of a head, the largest first. WKV_EARG; WKV_EUNSUPPORTED: version 4. */
WKV_API int wkv_state_spectrum(float *sigma, const wkv_model *m, wkv_state *s, int layer, int head);
/* e to the power of the entropy of sigma / sum(sigma), from 1 to n; 0: all are zero (Roy and Vetterli 2007). */
WKV_API double wkv_effective_rank(const float *sigma, int n);

/* The wkv state of a layer; in version 4 the averages aa / bb of its channels. */
typedef struct {
    int64_t values;
    int64_t bad;       /* NaN or infinite; the others count below            */
    int64_t saturated; /* beyond 65,504, the largest value of a half-precision float */
    int64_t outliers;  /* beyond 10 rms                                      */
    double rms, largest;
} wkv_state_health;

WKV_API int wkv_state_examine(wkv_state_health *out, const wkv_model *m, wkv_state *s, int layer);

/* ---- predictions ------------------------------------------------------------------------------------------------- */

/* The distribution before each next token. */
typedef struct {
    float probability; /* of the most probable id: the confidence */
    int correct;       /* it is the token that follows            */
    float nll, entropy;
} wkv_prediction;

/* Predictions of tokens[1 .. n), n - 1 values; the state s reads all but the last token. WKV_EARG, WKV_ENOMEM;
 * WKV_EFORMAT: logits are NaN or infinite. */
WKV_API int wkv_predictions(wkv_prediction *out, wkv_context *c, wkv_state *s, const int32_t *tokens, int n);

typedef struct {
    int n;                       /* predictions with a confidence in this bin             */
    double confidence, accuracy; /* means of probability and correct; NaN: n is 0         */
} wkv_reliability;

/* Divide predictions into n_bins equal ranges of confidence; returns the expected calibration error, Σ n / all
 * |confidence - accuracy| (Guo et al. 2017); NaN: no predictions. bins may be NULL. */
WKV_API double wkv_calibration(wkv_reliability *bins, int n_bins, const wkv_prediction *p, int n);

/* ---- steering ---------------------------------------------------------------------------------------------------- */

/* The effect of an early line on the predictions of a later text, and the layers with the states that carry it. */
typedef struct {
    const int32_t *before, *line, *text; /* ids; before may be NULL */
    int n_before, n_line, n_text;
} wkv_steering;

/* (L + 1) x n_text Kullback-Leibler divergences in nats, after each token of the text. Row 0: of the model that did not
 * read the line from the one that did. Row 1 + l: the same when the text begins with the state of layer l taken from
 * the one that read the line. WKV_EARG, WKV_ENOMEM; WKV_EFORMAT: logits are NaN or infinite. */
WKV_API int wkv_steer(float *kl, wkv_context *c, const wkv_steering *what);

#ifdef __cplusplus
}
#endif
#endif
