/* wkv_curve.h - a model by position in the text: loss, time and memory; and a transformer of the same layers and width,
 * from its shape.
 *
 *     wkv_position_time t[200];  int n;  wkv_trend trend;
 *     wkv_curve_time(t, &n, c, s, &(wkv_time_options){.tokens = 100000, .bins = 200, .ids = ids, .n_ids = n_ids});
 *     // x: middle of each bin, y: t[i].fast
 *     wkv_trend_of(&trend, x, y, n);                           // the change of ms per token, with its 95 % interval
 *
 * The position of a token is the number of tokens before it. Conventions are those of wkv.h. */
#ifndef WKV_CURVE_H
#define WKV_CURVE_H

#include "wkv.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- statistics -------------------------------------------------------------------------------------------------- */

/* The mean of the values that are finite and its 95 % interval, mean +- t s / sqrt(n) with Student's t for n - 1. The
 * interval is NaN for one value, all is NaN for none. */
typedef struct {
    int n;
    double mean, low, high;
} wkv_mean;
WKV_API int wkv_mean_of(wkv_mean *out, const double *x, int n); /* WKV_EARG */

/* A straight line that a few disturbed values do not move: the median slope of all pairs (Theil) and its 95 % interval
 * by the normal approximation of Kendall's statistic (Sen, JASA 63, 1968, section 6); `at`: the median of y - slope x.
 * Pairs of equal x are left out. WKV_EARG: fewer than 3 points, more than 4096, NaN, or one x; WKV_ENOMEM. */
typedef struct {
    double slope, low, high, at;
} wkv_trend;
WKV_API int wkv_trend_of(wkv_trend *out, const double *x, const double *y, int n);

/* ---- loss -------------------------------------------------------------------------------------------------------- */

/* The mean loss of the tokens at positions [from, to), nats, and its 95 % interval over streams. */
typedef struct {
    int from, to;
    wkv_mean loss; /* n: streams */
} wkv_position_loss;

typedef struct {
    const int32_t *ids; /* n_ids: the text                                                               */
    int n_ids;
    int length;       /* scored tokens of a stream: n_ids / (length + 1) streams of length + 1 ids      */
    int streams;      /* most streams; 0: all                                                          */
    int trained;      /* a length, 0: none; then *beyond has the change of the loss behind it            */
    wkv_mean *beyond; /* NULL, or: over streams, loss after `trained` less that of the last half of it   */
    /* after some tokens; not 0: stop */
    int (*report)(void *user, int64_t done, int64_t total);
    void *user;
} wkv_loss_options;

enum { WKV_LOSS_BINS = 96 };

/* Score streams from the initial state. Bins begin at the positions 10^(k / 10), rounded. *n: filled bins.
 * WKV_ESTOPPED: `report` stopped; the bins have the tokens so far. WKV_EARG: no stream fits; errors of wkv_score. */
WKV_API int wkv_curve_loss(wkv_position_loss out[WKV_LOSS_BINS], int *n, wkv_context *c, const wkv_model *m,
                           const wkv_loss_options *o);

/* ---- time and memory --------------------------------------------------------------------------------------------- */

/* Tokens [from, to), evaluated one by one with logits. */
typedef struct {
    int64_t from, to;
    double ms, low, high; /* median and quartiles of a token                                 */
    double fast;          /* 10 % quantile: other programs on the machine only add to a time */
    double control;       /* the same of the control tokens; NaN: none                       */
    double seconds;       /* of all tokens before `to`                                          */
    double resident;      /* bytes of the process's memory after the last                       */
} wkv_position_time;

typedef struct {
    int64_t tokens;     /* to evaluate                                                          */
    int bins;           /* of equal length: at most as many as tokens                           */
    const int32_t *ids; /* n_ids, repeated: sparsity and so the time depend on the text         */
    int n_ids;
    /* NULL, or another state: after every fourth token one is evaluated with it, at a position below 64. The ratio of
     * both times shows the effect of the position while other programs come and go */
    wkv_state *control;
    int processor; /* not 0: processor time of the process, for one thread on a busy machine, in place of the clock */
    int (*report)(void *user, int64_t done, int64_t total); /* after some tokens; not 0: stop */
    void *user;
} wkv_time_options;

/* Continue s by tokens and measure each. *n: filled bins. WKV_ESTOPPED: the complete bins are valid. WKV_EARG,
 * WKV_ENOMEM. WKV_EUNSUPPORTED: processor time in steps of more than 0.1 ms (Windows). */
WKV_API int wkv_curve_time(wkv_position_time *out, int *n, wkv_context *c, wkv_state *s, const wkv_time_options *o);

/* ---- a transformer of the same shape ----------------------------------------------------------------------------- */

/* GPT-NeoX: full attention, 4C wide MLP. Llama: grouped queries (a key and value head for four query heads), gated MLP
 * of 8/3 C, rounded up to a multiple of 256. Both with the layers L, width C, head size D and vocabulary V of the RWKV
 * model, embedding and head apart; D is 64 for version 4.
 *
 *     parameters  GPT-NeoX  L (12 C^2 + 13 C) + 2 V C + 2 C
 *                 Llama     L (2 C^2 + 2 C K D + 3 C F + 2 C) + 2 V C + C
 *     cache(T)    2 L K D T values
 *     flops(T)    2 (parameters - V C) + 4 L C T         of one token after T tokens
 *     read(T)     (parameters - V C) x bytes per weight + cache(T) x bytes per value */
typedef enum { WKV_NEOX, WKV_LLAMA } wkv_transformer_kind;

typedef struct {
    const char *name; /* "GPT-NeoX", "Llama" */
    int layers, width, heads, kv_heads, head_size, ffn, vocab;
    double parameters;
} wkv_transformer;

WKV_API int wkv_transformer_of(wkv_transformer *out, const wkv_model *m, wkv_transformer_kind kind); /* WKV_EARG */
/* NaN: t is NULL, or the length negative. */
WKV_API double wkv_transformer_cache(const wkv_transformer *t, double tokens); /* values */
WKV_API double wkv_transformer_flops(const wkv_transformer *t, double tokens);
WKV_API double wkv_transformer_read(const wkv_transformer *t, double tokens, double weight_bytes, double value_bytes);

#ifdef __cplusplus
}
#endif
#endif
