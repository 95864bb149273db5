/* curve_loss.c - the loss by position, over streams of a text. */
#include "base/error.h"
#include "wkv_curve.h"
#include "wkv_study.h"
#include <math.h>
#include <stdlib.h>

enum { CHUNK = 512 }; /* tokens between two reports */

/* The first position of bin k: 1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20 and so on. */
static void set_edges(wkv_position_loss *out, int *bins, int length)
{
    int n = 0;
    double from = 1;
    for (int k = 1; from <= length && n < WKV_LOSS_BINS; k++) {
        const double to = rint(pow(10, k / 10.0));
        if (to <= from) continue;
        out[n++] = (wkv_position_loss){.from = (int)from, .to = to > length ? length + 1 : (int)to};
        from = to;
    }
    *bins = n;
}

typedef struct {
    const wkv_loss_options *o;
    wkv_context *c;
    wkv_state *s;
    wkv_token_score scores[CHUNK];
    double *sums; /* streams x bins; NaN where a stream has no token yet */
    int *counts;
    double *parts; /* streams x {sum before, tokens, sum beyond, tokens} */
    int streams, bins;
    int64_t done;
} reader;

static void add_scores(reader *r, const wkv_position_loss *bins, int stream, int position, int n)
{
    int k = 0;
    for (int i = 0; i < n; i++) {
        while (k < r->bins - 1 && position + i >= bins[k].to) k++;
        const size_t at = (size_t)stream * (size_t)r->bins + (size_t)k;
        r->sums[at] += (double)r->scores[i].nll;
        r->counts[at]++;
        double *part = r->parts + 4 * (size_t)stream + (position + i > r->o->trained ? 2 : 0);
        if (position + i > r->o->trained / 2) part[0] += (double)r->scores[i].nll, part[1]++;
    }
}

static int read_stream(reader *r, const wkv_position_loss *bins, int stream)
{
    const wkv_loss_options *o = r->o;
    const int32_t *ids = o->ids + (size_t)stream * (size_t)(o->length + 1);
    const int64_t total = (int64_t)r->streams * o->length;
    wkv_state_reset(r->s);
    for (int at = 0, n; at < o->length; at += n) {
        n = o->length - at < CHUNK ? o->length - at : CHUNK;
        const wkv_scored_text q = {.state = r->s, .tokens = ids + at, .n = n, .scores = r->scores};
        const int err = wkv_score(r->c, &q, 1);
        if (err) return err;
        add_scores(r, bins, stream, at + 1, n);
        r->done += n;
        if (o->report && o->report(o->user, r->done, total)) return fail(WKV_ESTOPPED, "stopped by the caller");
    }
    return 0;
}

/* The mean over streams of their means. */
static void finish(const reader *r, wkv_position_loss *out, double *means, int *n)
{
    *n = 0;
    for (int k = 0; k < r->bins; k++) {
        for (int i = 0; i < r->streams; i++) {
            const size_t at = (size_t)i * (size_t)r->bins + (size_t)k;
            means[i] = r->counts[at] ? r->sums[at] / r->counts[at] : NAN;
        }
        wkv_mean_of(&out[k].loss, means, r->streams);
        if (out[k].loss.n) *n = k + 1;
    }
    for (int i = 0; i < r->streams; i++) {
        const double *part = r->parts + 4 * (size_t)i;
        means[i] = part[1] > 0 && part[3] > 0 ? part[2] / part[3] - part[0] / part[1] : NAN;
    }
    if (r->o->beyond) wkv_mean_of(r->o->beyond, means, r->o->trained ? r->streams : 0);
}

int wkv_curve_loss(wkv_position_loss out[WKV_LOSS_BINS], int *n, wkv_context *c, const wkv_model *m,
                   const wkv_loss_options *o)
{
    REQUIRE(out, "out");
    REQUIRE(n, "n");
    *n = 0;
    REQUIRE(c, "context");
    REQUIRE(m, "model");
    REQUIRE(o, "options");
    REQUIRE(o->ids, "ids");
    if (o->length < 1 || o->streams < 0 || o->trained < 0 || o->n_ids <= o->length)
        return fail(WKV_EARG, "wkv_curve_loss: %d ids for streams of %d tokens; expected at least %lld ids", o->n_ids,
                    o->length, (long long)o->length + 1);
    reader r = {.o = o, .c = c, .streams = o->n_ids / (o->length + 1)};
    if (o->streams && o->streams < r.streams) r.streams = o->streams;
    set_edges(out, &r.bins, o->length);
    const size_t cells = (size_t)r.streams * (size_t)r.bins;
    r.sums = calloc(cells, sizeof *r.sums);
    r.counts = calloc(cells, sizeof *r.counts);
    r.parts = calloc((size_t)r.streams * 4, sizeof *r.parts);
    double *means = malloc(sizeof *means * (size_t)r.streams);
    int err = r.sums && r.counts && r.parts && means
                  ? wkv_state_new(&r.s, m)
                  : fail(WKV_ENOMEM, "no memory for the losses of %d streams", r.streams);
    for (int i = 0; i < r.streams && !err; i++) err = read_stream(&r, out, i);
    if (r.s) finish(&r, out, means, n);
    wkv_state_free(r.s);
    free(means);
    free(r.parts);
    free(r.counts);
    free(r.sums);
    return err;
}
