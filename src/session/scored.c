/* scored.c - probabilities of tokens that wait for their text. */
#include "session/scored.h"
#include "base/error.h"
#include "text/distribution.h"
#include <stdlib.h>
#include <string.h>

static int reserve(scored *s)
{
    if (s->n < s->cap) return 0;
    const int cap = 2 * s->cap + 8;
    size_t *ends = realloc(s->ends, sizeof *ends * (size_t)cap);
    if (ends) s->ends = ends;
    wkv_token_score *scores = ends ? realloc(s->scores, sizeof *scores * (size_t)cap * (size_t)(1 + s->top)) : NULL;
    if (!scores) return fail(WKV_ENOMEM, "no memory for the probabilities of %d tokens", cap);
    s->scores = scores, s->cap = cap;
    return 0;
}

int scored_add(scored *s, int32_t id, const float *logits, int V)
{
    const int err = s->on ? reserve(s) : 0;
    if (err || !s->on) return err;
    const distribution d = distribution_of(logits, V);
    wkv_token_score *at = s->scores + (size_t)s->n * (size_t)(1 + s->top);
    at[0] = distribution_score(&d, id);
    distribution_top(at + 1, s->top, &d);
    s->ends[s->n++] = SIZE_MAX;
    return 0;
}

void scored_place(scored *s, size_t end)
{
    if (s->n) s->ends[s->n - 1] = end;
}

int scored_show(scored *s, events *e, size_t shown)
{
    const size_t each = (size_t)(1 + s->top);
    int n = 0, err = 0;
    while (n < s->n && s->ends[n] <= shown && !err)
        err = events_put_token(e, s->scores + (size_t)n++ * each, (int)each);
    if (!n) return err;
    s->n -= n;
    memmove(s->ends, s->ends + n, sizeof *s->ends * (size_t)s->n);
    memmove(s->scores, s->scores + (size_t)n * each, sizeof *s->scores * (size_t)s->n * each);
    return err;
}

void scored_release(scored *s)
{
    free(s->ends);
    free(s->scores);
}
