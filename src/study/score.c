/* score.c - the probability of a text, and the difference of two models' next-token distributions. */
#include <math.h>
#include <stdlib.h>
#include "base/error.h"
#include "rwkv/api.h"
#include "wkv_study.h"

enum { SCORE_TOKENS = 64 }; /* tokens whose logits are in memory at once */

/* The largest logit and its place, and the logarithm of the sum of all their exponentials. */
typedef struct {
    float max;
    int argmax;
    double log_sum;
} peak;

static peak find_peak(const float *x, int V)
{
    peak p = {.max = x[0]};
    for (int i = 1; i < V; i++)
        if (x[i] > p.max) p.max = x[p.argmax = i];
    double sum = 0;
    for (int i = 0; i < V; i++) sum += (double)expf(x[i] - p.max);
    p.log_sum = (double)p.max + log(sum);
    return p;
}

/* NaN and infinity in the logits end here: they make the sum NaN or infinite. */
static int fail_logits(const wkv_state *s, int at)
{
    return fail(WKV_EFORMAT, "%s: its logits after token %d are NaN or infinite; probably weights in it are",
                s->model->about.path, at);
}

static float nll_of(const float *x, const peak *p, int32_t token) { return (float)(p->log_sum - (double)x[token]); }

/* a and b: the logits of both models after the same tokens; next: the token that came. */
static wkv_difference differ(const float *a, const float *b, int V, int32_t next)
{
    peak p = find_peak(a, V), q = find_peak(b, V);
    double kl = 0, squares = 0;
    for (int i = 0; i < V; i++) {
        double apart = (double)a[i] - (double)b[i];
        kl += exp((double)a[i] - p.log_sum) * (apart - (p.log_sum - q.log_sum));
        squares += apart * apart;
    }
    return (wkv_difference){.nll = {nll_of(a, &p, next), nll_of(b, &q, next)},
                            .kl = kl < 0 ? 0 : (float)kl, /* it is never below; its rounding may be */
                            .apart = (float)sqrt(squares / V),
                            .agree = p.argmax == q.argmax};
}

static int check(const wkv_context *c, const wkv_state *s, const int32_t *tokens, int n)
{
    if (!c || !s || !tokens) return fail(WKV_EARG, "the context, the state or the list of tokens is NULL");
    if (n < 1) return fail(WKV_EARG, "%d tokens to be read; at least 1 is needed", n);
    int V = s->model->rwkv.V;
    if (tokens[n] < 0 || tokens[n] >= V) /* wkv_eval looks at those before */
        return fail(WKV_EARG, "token %d is %d; the model's ids are 0 to %d", n, (int)tokens[n], V - 1);
    return 0;
}

static int read_piece(float *logits, wkv_context *c, wkv_state *s, const int32_t *tokens, int n)
{
    return wkv_eval_batch(c, &(wkv_sequence){.state = s, .tokens = tokens, .n = n, .logits = logits, .all_rows = 1},
                          1);
}

int wkv_score(float *nll, wkv_context *c, wkv_state *s, const int32_t *tokens, int n)
{
    REQUIRE(nll, "the list of results");
    int err = check(c, s, tokens, n);
    if (err) return err;
    int V = context_model(c)->rwkv.V;
    float *logits = malloc(sizeof *logits * SCORE_TOKENS * (size_t)V);
    if (!logits) return fail(WKV_ENOMEM, "no memory for the logits of %d tokens", SCORE_TOKENS);
    for (int at = 0, piece; !err && at < n; at += piece) {
        piece = n - at < SCORE_TOKENS ? n - at : SCORE_TOKENS;
        err = read_piece(logits, c, s, tokens + at, piece);
        for (int i = 0; !err && i < piece; i++) {
            const float *x = logits + (size_t)i * (size_t)V;
            peak p = find_peak(x, V);
            nll[at + i] = nll_of(x, &p, tokens[at + i + 1]);
            if (!isfinite(nll[at + i])) err = fail_logits(s, at + i);
        }
    }
    free(logits);
    return err;
}

int wkv_compare(wkv_difference *out, wkv_context *const c[2], wkv_state *const s[2], const int32_t *tokens, int n)
{
    REQUIRE(out, "the list of results");
    REQUIRE(c, "the pair of contexts");
    REQUIRE(s, "the pair of states");
    int err = check(c[0], s[0], tokens, n);
    if (!err) err = check(c[1], s[1], tokens, n);
    if (err) return err;
    int V = context_model(c[0])->rwkv.V, W = context_model(c[1])->rwkv.V;
    if (V != W) return fail(WKV_EARG, "models of %d and %d tokens have no distributions to compare", V, W);
    size_t room = SCORE_TOKENS * (size_t)V;
    float *logits = malloc(sizeof *logits * 2 * room);
    if (!logits) return fail(WKV_ENOMEM, "no memory for the logits of %d tokens", SCORE_TOKENS);
    for (int at = 0, piece; !err && at < n; at += piece) {
        piece = n - at < SCORE_TOKENS ? n - at : SCORE_TOKENS;
        for (int i = 0; !err && i < 2; i++) err = read_piece(logits + (size_t)i * room, c[i], s[i], tokens + at, piece);
        for (int i = 0; !err && i < piece; i++) {
            const float *x = logits + (size_t)i * (size_t)V;
            out[at + i] = differ(x, x + room, V, tokens[at + i + 1]);
            for (int k = 0; k < 2 && !err; k++)
                if (!isfinite(out[at + i].nll[k])) err = fail_logits(s[k], at + i);
            if (!err && !isfinite(out[at + i].kl + out[at + i].apart)) err = fail_logits(s[1], at + i);
        }
    }
    free(logits);
    return err;
}
