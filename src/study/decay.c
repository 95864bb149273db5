/* decay.c - half-lives of the channels of the wkv state. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "format/dtype.h"
#include "study/lens.h"

int wkv_decay_is_fixed(const wkv_model *m) { return m ? m->rwkv.arch->one_decay : 0; }

static double half_life_of(double rate) { return rate > 0 ? log(2) / rate : INFINITY; }

/* A NaN would count as a decay of 1, with an infinite half-life. */
static int fail_decay(const wkv_context *c, int layer, int channel)
{
    return fail(WKV_EFORMAT, "%s: the decay of channel %d of layer %d is NaN; probably weights in it are",
                context_model(c)->about.path, channel, layer);
}

/* ---- versions 4 and 5: from the weights -------------------------------------------------------------------------- */

typedef struct {
    wkv_half_life *out;
    const wkv_context *c;
    int C;
} fixed;

/* w = e^(-e^x) for the stored x, so that -ln w = e^x; a w near 1 would be rounded. */
static int read_decay(void *user, const char *name, tensor *t, const slot *s, int layer)
{
    const fixed *f = user;
    (void)name;
    if (layer < 0 || strcmp(s->name, "att.time_decay")) return 0;
    const int values = t->rows * t->cols, repeated = f->C / values;
    for (int i = 0; i < f->C; i++) {
        const double rate = exp((double)reals(t)[i / repeated]), half_life = half_life_of(rate);
        if (isnan(rate)) return fail_decay(f->c, layer, i);
        f->out[(size_t)layer * (size_t)f->C + (size_t)i] = (wkv_half_life){half_life, half_life, half_life};
    }
    return 0;
}

/* ---- versions 6 and 7: over a text ------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* w: of the channel at n tokens, C apart; sorted: n floats. */
static wkv_half_life of_channel(const float *w, int n, int C, float *sorted)
{
    double sum = 0;
    for (int t = 0; t < n; t++) {
        sorted[t] = w[(size_t)t * (size_t)C];
        sum -= log((double)sorted[t]);
    }
    qsort(sorted, (size_t)n, sizeof *sorted, ascending);
    const int tenth = (n - 1) / 10;
    return (wkv_half_life){half_life_of(sum / n), half_life_of(-log((double)sorted[tenth])),
                           half_life_of(-log((double)sorted[n - 1 - tenth]))};
}

static int over_text(wkv_half_life *out, wkv_context *c, const int32_t *tokens, int n)
{
    const rwkv *m = &context_model(c)->rwkv;
    const size_t C = (size_t)m->C;
    wkv_state *s = NULL;
    lens_rows w = {malloc(sizeof *w.rows * (size_t)m->L * (size_t)n * C), n};
    float *sorted = malloc(sizeof *sorted * (size_t)n);
    int err = w.rows && sorted ? wkv_state_new(&s, context_model(c))
                               : fail(WKV_ENOMEM, "no memory for the decays of %d tokens", n);
    if (!err) err = wkv_probe_add(c, "w", lens_copy_rows, &w);
    if (!err) err = wkv_eval(c, s, tokens, n, NULL);
    wkv_probe_remove(c, lens_copy_rows, &w);
    for (size_t i = 0; i < (size_t)m->L * C && !err; i++) {
        for (size_t t = 0; t < (size_t)n && !err; t++)
            if (isnan(w.rows[(i / C * (size_t)n + t) * C + i % C])) err = fail_decay(c, (int)(i / C), (int)(i % C));
        if (!err) out[i] = of_channel(w.rows + i / C * (size_t)n * C + i % C, n, m->C, sorted);
    }
    wkv_state_free(s);
    free(sorted);
    free(w.rows);
    return err;
}

int wkv_decay(wkv_half_life *out, wkv_context *c, const int32_t *tokens, int n)
{
    REQUIRE(out, "the list of half-lives");
    REQUIRE(c, "the context");
    const rwkv *m = &context_model(c)->rwkv;
    if (m->arch->one_decay) {
        fixed f = {out, c, m->C};
        return rwkv_each(m, read_decay, &f);
    }
    REQUIRE(tokens, "the list of tokens");
    if (n < 1) return fail(WKV_EARG, "wkv_decay: %d tokens, expected at least 1", n);
    return over_text(out, c, tokens, n);
}
