/* score.c - the probability of a text, and the difference of two models' next-token distributions. */
#include <math.h>
#include <stdlib.h>
#include "base/error.h"
#include "rwkv/api.h"
#include "text/distribution.h"
#include "wkv_study.h"

enum { SCORE_TOKENS = 64 }; /* tokens whose logits are in memory at once */

/* NaN and infinity in the logits end here: they make the sum NaN or infinite. */
static int fail_logits(const wkv_state *s, int at)
{
    return fail(WKV_EFORMAT, "%s: its logits after token %d are NaN or infinite; probably weights in it are",
                s->model->about.path, at);
}

/* a and b: the logits of both models after the same tokens; next: the token that came. */
static wkv_difference differ(const float *a, const float *b, int V, int32_t next)
{
    distribution p = distribution_of(a, V), q = distribution_of(b, V);
    double squares = 0;
    for (int i = 0; i < V; i++) squares += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    return (wkv_difference){.nll = {(float)-log_probability(&p, next), (float)-log_probability(&q, next)},
                            .kl = (float)kl_divergence(&p, &q),
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

/* ---- texts ------------------------------------------------------------------------------------------------------- */

static int check_text(const wkv_context *c, const wkv_scored_text *q)
{
    int err = check(c, q->state, q->tokens, q->n);
    if (err) return err;
    if (!q->scores) return fail(WKV_EARG, "wkv_score: the list of scores is NULL");
    const int V = context_model(c)->rwkv.V;
    if (q->top && (q->k < 1 || q->k > V)) return fail(WKV_EARG, "wkv_score: k is %d, expected 1 to %d", q->k, V);
    return 0;
}

/* The next tokens of the texts, as many as fit into one piece, with the origins of their first tokens: done[i] of text
 * i were read before. `row` is the text of each row. Returns their number. */
static int next_piece(wkv_sequence *piece, wkv_row *from, int *row, int *n_rows, const wkv_scored_text *q, int count,
                      const int *done, float *hidden, int width)
{
    int n = 0;
    *n_rows = 0;
    for (int i = 0; i < count && *n_rows < SCORE_TOKENS; i++) {
        int take = q[i].n - done[i];
        if (take > SCORE_TOKENS - *n_rows) take = SCORE_TOKENS - *n_rows;
        if (!take) continue;
        from[n] = (wkv_row){i, done[i]};
        piece[n++] = (wkv_sequence){.state = q[i].state,
                                    .tokens = q[i].tokens + done[i],
                                    .n = take,
                                    .hidden = hidden + (size_t)*n_rows * (size_t)width,
                                    .all_rows = 1};
        for (int t = 0; t < take; t++) row[(*n_rows)++] = i;
    }
    return n;
}

static int score_row(const wkv_scored_text *q, int at, const float *x, int V)
{
    const distribution d = distribution_of(x, V);
    q->scores[at] = distribution_score(&d, q->tokens[at + 1]);
    if (q->top) distribution_top(q->top + (size_t)at * (size_t)q->k, q->k, &d);
    return isfinite(q->scores[at].nll) ? 0 : fail_logits(q->state, at);
}

int wkv_score(wkv_context *c, const wkv_scored_text *texts, int count)
{
    if (!c || !texts || count < 1) return fail(WKV_EARG, "the context or the list of %d texts is NULL or empty", count);
    for (int i = 0, err; i < count; i++)
        if ((err = check_text(c, &texts[i]))) return err;
    const int V = context_model(c)->rwkv.V, C = context_model(c)->rwkv.C;
    float *logits = malloc(sizeof *logits * SCORE_TOKENS * (size_t)V);
    float *hidden = malloc(sizeof *hidden * SCORE_TOKENS * (size_t)C);
    int *done = calloc((size_t)count, sizeof *done), row[SCORE_TOKENS], n_rows;
    int err = logits && hidden && done ? 0 : fail(WKV_ENOMEM, "no memory for the logits of %d tokens", SCORE_TOKENS);
    while (!err) {
        wkv_sequence piece[SCORE_TOKENS];
        wkv_row from[SCORE_TOKENS];
        const int n = next_piece(piece, from, row, &n_rows, texts, count, done, hidden, C);
        if (!n) break;
        err = context_eval(c, piece, n, from);
        if (!err) err = wkv_head(c, hidden, n_rows, logits);
        for (int i = 0; i < n_rows && !err; i++)
            err = score_row(&texts[row[i]], done[row[i]]++, logits + (size_t)i * (size_t)V, V);
    }
    free(done);
    free(hidden);
    free(logits);
    return err;
}

/* ---- two models -------------------------------------------------------------------------------------------------- */

static int read_piece(float *logits, wkv_context *c, wkv_state *s, const int32_t *tokens, int n)
{
    return wkv_eval_batch(c, &(wkv_sequence){.state = s, .tokens = tokens, .n = n, .logits = logits, .all_rows = 1}, 1);
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
