/* probed.h - for tests of probes: a store of all values that are read, and places in a state. */
#ifndef WKV_TESTS_PROBED_H
#define WKV_TESTS_PROBED_H

#include "models.h"
#include "wkv_probe.h"

enum { MOST_LAYERS = 3 };

/* The values of every site of a text, [layer + 1][site][token][cols], and the calls that had a wrong form. */
typedef struct {
    const wkv_model *m;
    int n, sequence; /* tokens; the sequence that is stored */
    float *at[MOST_LAYERS + 1][WKV_SITES];
    int cols[MOST_LAYERS + 1][WKV_SITES], seen[MOST_LAYERS + 1][WKV_SITES];
    int bad;
} store;

static inline void store_values(void *user, const wkv_probed *p)
{
    store *s = user;
    const int l = p->layer + 1;
    float **to = &s->at[l][p->site];
    s->cols[l][p->site] = p->cols;
    if (!*to) *to = calloc((size_t)s->n * (size_t)p->cols, sizeof **to);
    if (!p->of) { /* one row for all tokens */
        s->bad += p->rows != 1 || p->site != WKV_SITE_W;
        memcpy(*to, p->values, (size_t)p->cols * sizeof **to);
        return;
    }
    for (int t = 0; t < p->rows; t++) {
        if (p->of[t].sequence != s->sequence) continue;
        if (p->of[t].token < 0 || p->of[t].token >= s->n) {
            s->bad++;
            continue;
        }
        s->seen[l][p->site]++;
        memcpy(*to + (size_t)p->of[t].token * (size_t)p->cols, p->values + (size_t)t * (size_t)p->cols,
               (size_t)p->cols * sizeof **to);
    }
}

static inline void store_free(store *s)
{
    for (int l = 0; l <= MOST_LAYERS; l++)
        for (int i = 0; i < WKV_SITES; i++) free(s->at[l][i]);
}

static inline const float *row_of(const store *s, int layer, wkv_site site, int t)
{
    return s->at[layer + 1][site] + (size_t)t * (size_t)s->cols[layer + 1][site];
}

/* A text of known answers with all its values; logits: NULL, or the caller frees them. */
static inline store read_all(const known *g, float **logits)
{
    store s = {.m = g->m, .n = g->n};
    EXPECT_EQ(wkv_probe_add(g->c, NULL, store_values, &s), 0);
    float *x = from_start(g, g->c, g->n);
    wkv_probe_clear(g->c);
    if (logits)
        *logits = x;
    else
        free(x);
    return s;
}

/* Reals of a layer's state, and the offset and the number of those of its wkv state. */
static inline size_t wkv_state_at(const wkv_model *m, int layer, size_t *n)
{
    const wkv_model_info *about = wkv_model_about(m);
    const size_t C = (size_t)about->width, each = state_floats(m) / (size_t)about->layers;
    *n = each - 2 * C;
    return (size_t)layer * each + C;
}

#endif
