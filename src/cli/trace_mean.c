/* trace_mean.c - wkv trace: means over prompts, token by token of the same role. */
#include "say.h"
#include "trace.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROLE_ROWS = WKV_ROLES - 1 }; /* a token before the subject has no effect */

typedef struct {
    double n, sum[2], square[2]; /* probability, logit difference */
} moments;

struct trace_sum {
    int L, kinds, difference, n, capacity;
    unsigned traced;
    moments *grid; /* [kind][layer][role] */
    moments *layers, clean, corrupted, total;
    double *all; /* [prompt][kind][layer][all tokens, roles]: the measure or NaN, to compare two sites by prompts */
    const char *labels[ROLE_ROWS];
    trace_picture picture;
};

wkv_trace_kind trace_kind(unsigned kinds, int i)
{
    int kind = 0;
    for (; kind < WKV_TRACE_KINDS; kind++)
        if (kinds >> kind & 1 && !i--) break;
    return (wkv_trace_kind)kind;
}

static double measure_of(const wkv_trace_score *s, int difference)
{
    return difference ? s->difference : s->probability;
}

const wkv_trace_effect *trace_cell(const trace_picture *p, int i, trace_site at)
{
    if (at.row < 0) return p->layers + i * p->L + at.layer;
    return p->grid + ((size_t)i * (size_t)p->L + (size_t)at.layer) * (size_t)p->rows + at.row;
}

/* The largest site outside of layer `except`. */
static trace_site largest(const trace_picture *p, int i, int difference, int all, int except)
{
    const int from = all ? -1 : 0, to = all ? 0 : p->rows;
    trace_site best = {-1, 0};
    for (trace_site at = {0, 0}; at.layer < p->L; at.layer++)
        for (at.row = from; at.row < to && at.layer != except; at.row++) {
            const double x = measure_of(&trace_cell(p, i, at)->mean, difference);
            if (isfinite(x) && (best.layer < 0 || x > measure_of(&trace_cell(p, i, best)->mean, difference))) best = at;
        }
    return best;
}

void trace_largest(const trace_picture *p, int i, int difference, int all, trace_site *first, trace_site *second)
{
    *first = largest(p, i, difference, all, -1);
    *second = largest(p, i, difference, all, first->layer);
}

trace_sum *trace_sum_new(int layers, unsigned kinds, int difference)
{
    trace_sum *s = calloc(1, sizeof *s);
    if (!s) return complain("out of memory"), NULL;
    s->L = layers;
    s->traced = kinds;
    s->kinds = __builtin_popcount(kinds);
    s->difference = difference;
    const size_t rows = (size_t)s->kinds * (size_t)layers;
    s->grid = calloc(rows * ROLE_ROWS, sizeof *s->grid);
    s->layers = calloc(rows, sizeof *s->layers);
    s->picture = (trace_picture){.kinds = kinds,
                                 .L = layers,
                                 .rows = ROLE_ROWS,
                                 .labels = s->labels,
                                 .grid = calloc(rows * ROLE_ROWS, sizeof *s->picture.grid),
                                 .layers = calloc(rows, sizeof *s->picture.layers)};
    for (int i = 0; i < ROLE_ROWS; i++) s->labels[i] = wkv_trace_role_name((wkv_trace_role)(i + 1));
    if (s->grid && s->layers && s->picture.grid && s->picture.layers) return s;
    trace_sum_free(s);
    return complain("out of memory"), NULL;
}

void trace_sum_free(trace_sum *s)
{
    if (!s) return;
    free(s->grid);
    free(s->layers);
    free(s->all);
    free(s->picture.grid);
    free(s->picture.layers);
    free(s);
}

static void add_score(moments *m, wkv_trace_score x)
{
    m->n += 1;
    m->sum[0] += x.probability;
    m->sum[1] += x.difference;
    m->square[0] += x.probability * x.probability;
    m->square[1] += x.difference * x.difference;
}

/* The mean over the tokens of each role, and its measure, NaN without a token. */
static void add_roles(moments *to, double *measure, int difference, const wkv_trace_effect *tokens,
                      const wkv_trace_item *item)
{
    double n[WKV_ROLES] = {0};
    wkv_trace_score mean[WKV_ROLES] = {{0, 0}};
    for (int t = 0; t < item->n; t++) {
        const wkv_trace_role role = wkv_trace_role_of(item, t);
        n[role] += 1;
        mean[role].probability += tokens[t].mean.probability;
        mean[role].difference += tokens[t].mean.difference;
    }
    for (int i = WKV_ROLE_FIRST; i < WKV_ROLES; i++) {
        const wkv_trace_score x = {mean[i].probability / n[i], mean[i].difference / n[i]};
        measure[i - 1] = measure_of(&x, difference);
        if (n[i] > 0) add_score(&to[i - 1], x);
    }
}

int trace_sum_add(trace_sum *s, const trace_prompt *p, const wkv_trace_result *r, const wkv_trace_effect *grid,
                  const wkv_trace_effect *layers)
{
    const int rows = s->kinds * s->L;
    if (s->n == s->capacity) {
        const int capacity = s->capacity ? 2 * s->capacity : 64;
        double *more = realloc(s->all, sizeof *more * (size_t)capacity * (size_t)rows * (1 + ROLE_ROWS));
        if (!more) return complain("out of memory");
        s->all = more;
        s->capacity = capacity;
    }
    for (int i = 0; i < rows; i++) {
        double *measure = s->all + ((size_t)s->n * (size_t)rows + (size_t)i) * (1 + ROLE_ROWS);
        measure[0] = measure_of(&layers[i].mean, s->difference);
        add_roles(&s->grid[(size_t)i * ROLE_ROWS], measure + 1, s->difference, grid + (size_t)i * (size_t)p->item.n,
                  &p->item);
        add_score(&s->layers[i], layers[i].mean);
    }
    add_score(&s->clean, r->clean);
    add_score(&s->corrupted, r->corrupted);
    add_score(&s->total, (wkv_trace_score){r->clean.probability - r->corrupted.probability,
                                           r->clean.difference - r->corrupted.difference});
    s->n++;
    return 0;
}

static double error_of(const moments *m, int i)
{
    const double mean = m->sum[i] / m->n;
    return m->n > 1 ? sqrt(fmax(m->square[i] / m->n - mean * mean, 0) / (m->n - 1)) : 0;
}

static wkv_trace_effect effect_of(const moments *m)
{
    if (m->n < 1) return (wkv_trace_effect){{NAN, NAN}, {NAN, NAN}};
    return (wkv_trace_effect){{m->sum[0] / m->n, m->sum[1] / m->n}, {error_of(m, 0), error_of(m, 1)}};
}

/* The largest site of the i-th kind over the largest of another layer, prompt by prompt. */
static wkv_trace_effect lead_of(const trace_sum *s, int i, int all)
{
    trace_site a, b;
    moments m = {0};
    trace_largest(&s->picture, i, s->difference, all, &a, &b);
    for (int k = 0; k < s->n && b.layer >= 0; k++) {
        const double *x = s->all + ((size_t)k * (size_t)s->kinds + (size_t)i) * (size_t)s->L * (1 + ROLE_ROWS);
        const double lead = x[(a.layer + 1) * (1 + ROLE_ROWS) - ROLE_ROWS + a.row] -
                            x[(b.layer + 1) * (1 + ROLE_ROWS) - ROLE_ROWS + b.row];
        if (isfinite(lead)) add_score(&m, (wkv_trace_score){lead, lead});
    }
    return effect_of(&m);
}

const trace_picture *trace_sum_picture(trace_sum *s)
{
    const int rows = s->kinds * s->L;
    for (int i = 0; i < rows * ROLE_ROWS; i++) s->picture.grid[i] = effect_of(&s->grid[i]);
    for (int i = 0; i < rows; i++) s->picture.layers[i] = effect_of(&s->layers[i]);
    for (int i = 0; i < 2 * s->kinds; i++) s->picture.lead[i / 2][i % 2] = lead_of(s, i / 2, i % 2);
    const wkv_trace_effect clean = effect_of(&s->clean), corrupted = effect_of(&s->corrupted),
                           total = effect_of(&s->total);
    s->picture.clean = clean.mean;
    s->picture.corrupted = corrupted.mean;
    s->picture.corrupted_error = corrupted.error;
    s->picture.total = total.mean;
    s->picture.total_error = total.error;
    return &s->picture;
}
