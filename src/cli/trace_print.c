/* trace_print.c - wkv trace: the result in words, and the sites with the largest effects. */
#include "say.h"
#include "columns.h"
#include "trace.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *trace_kind_words(wkv_trace_kind kind)
{
    static const char *const words[] = {"residual stream", "time mix", "channel mix", "state"};
    return words[kind];
}

double trace_measure(const trace_told *r, const wkv_trace_score *s)
{
    return r->difference ? s->difference : s->probability;
}

double trace_half(double error) { return 1.96 * error; }

int trace_has_effect(const trace_told *r)
{
    return trace_measure(r, &r->picture->total) > trace_half(trace_measure(r, &r->picture->total_error));
}

static double share(const trace_told *r, const wkv_trace_score *s)
{
    return 100 * trace_measure(r, s) / trace_measure(r, &r->picture->total);
}

/* "layer 1 at "subject, last"" */
static void name_site(char out[80], const trace_picture *p, trace_site at)
{
    char label[64] = "all tokens";
    if (at.row >= 0) columns_cut(label, sizeof label, p->labels[at.row], 20);
    snprintf(out, 80, at.row < 0 ? "layer %d at %s" : "layer %d at \"%s\"", at.layer, label);
}

void trace_sentence(char out[TRACE_SENTENCE], const trace_told *r, int i, int all)
{
    const trace_picture *p = r->picture;
    const wkv_trace_effect *lead = &p->lead[i][all];
    trace_site a, b;
    char site[80];
    trace_largest(p, i, r->difference, all, &a, &b);
    const wkv_trace_effect *first = trace_cell(p, i, a);
    name_site(site, p, a);
    size_t n = (size_t)snprintf(out, TRACE_SENTENCE, "%s: %s restores %.0f %% (± %.0f) of the effect",
                                trace_kind_words(trace_kind(p->kinds, i)), site, share(r, &first->mean),
                                fabs(trace_half(share(r, &first->error))));
    if (b.layer < 0) return;
    const wkv_trace_effect *second = trace_cell(p, i, b);
    const double least = trace_measure(r, &lead->mean) - trace_half(trace_measure(r, &lead->error));
    name_site(site, p, b);
    snprintf(out + n, TRACE_SENTENCE - n,
             ", the largest of another layer, %s, %.0f %% (± %.0f); the lead %s its 95 %% interval", site,
             share(r, &second->mean), fabs(trace_half(share(r, &second->error))), least > 0 ? "exceeds" : "is within");
}

/* ---- the largest sites ------------------------------------------------------------------------------------------- */

typedef struct {
    trace_site at;
    const wkv_trace_effect *effect;
    double measure;
} place;

static int larger_first(const void *a, const void *b)
{
    const double x = ((const place *)a)->measure, y = ((const place *)b)->measure;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* The three largest of a kind. */
static void print_places(const trace_told *r, int i, int width)
{
    enum { SHOWN = 3, LABEL = 200 };
    const trace_picture *p = r->picture;
    place *all = malloc(sizeof *all * (size_t)p->L * (size_t)p->rows);
    int n = 0;
    if (!all) return;
    for (trace_site at = {0, 0}; at.layer < p->L; at.layer++)
        for (at.row = 0; at.row < p->rows; at.row++) {
            const wkv_trace_effect *e = trace_cell(p, i, at);
            if (isfinite(e->mean.probability)) all[n++] = (place){at, e, trace_measure(r, &e->mean)};
        }
    qsort(all, (size_t)n, sizeof *all, larger_first);
    for (int k = 0; k < n && k < SHOWN; k++) {
        char label[LABEL];
        columns_cut(label, sizeof label, p->labels[all[k].at.row], width);
        const wkv_trace_effect *e = all[k].effect;
        char part[32] = "";
        if (trace_has_effect(r))
            snprintf(part, sizeof part, "%5.0f %% ±%.0f", share(r, &e->mean), fabs(trace_half(share(r, &e->error))));
        put_text("  %-16s %5d  %s%*s %+8.4f ±%.4f %s%*s %+8.3f ±%.3f\n",
                 k ? "" : trace_kind_words(trace_kind(p->kinds, i)), all[k].at.layer, label,
                 width - columns_of(label), "", e->mean.probability, trace_half(e->error.probability), part,
                 12 - columns_of(part), "", e->mean.difference, trace_half(e->error.difference));
    }
    free(all);
}

static void print_heading(const trace_told *r)
{
    const trace_picture *p = r->picture;
    if (r->averaged)
        put_text("%s%d prompts of %s%s (%d more have another answer)\n", bold(1), r->averaged, r->source, plain(1),
                 r->skipped);
    else {
        put_text("%s", bold(1));
        put_escaped(r->prompt, strlen(r->prompt));
        put_text("%s ->%s", plain(1), dim(1));
        put_escaped(r->answer, strlen(r->answer));
        put_text("%s (foil:", plain(1));
        put_escaped(r->foil, strlen(r->foil));
        put_text(")\n");
    }
    put_text("  clean      probability %.4f, logit difference %+.3f\n", p->clean.probability, p->clean.difference);
    put_text("  corrupted  probability %.4f ±%.4f, logit difference %+.3f ±%.3f; %d samples of noise, %g x %.4g\n",
             p->corrupted.probability, trace_half(p->corrupted_error.probability), p->corrupted.difference,
             trace_half(p->corrupted_error.difference), r->samples, (double)r->noise, (double)r->sigma);
    put_text("  effect     probability %+.4f, logit difference %+.3f\n\n", p->total.probability, p->total.difference);
}

void trace_print(const trace_told *r)
{
    const trace_picture *p = r->picture;
    const int kinds = __builtin_popcount(p->kinds), width = 16;
    print_heading(r);
    put_text("%s  %-16s %5s  %-*s %8s %7s %13s %8s%s\n", bold(1), "restored", "layer", width,
             r->averaged ? "tokens" : "token", "probability", "", "of the effect", "logits", plain(1));
    for (int i = 0; i < kinds; i++) print_places(r, i, width);
    put_text("\n");
    if (!trace_has_effect(r)) put_text("the noise lowers the answer by no more than its 95 %% interval\n");
    for (int i = 0; i < 2 * kinds && trace_has_effect(r); i++) {
        char sentence[TRACE_SENTENCE];
        /* the residual stream after the last layer is the model's result, and always the largest */
        if (kinds > 1 && trace_kind(p->kinds, i / 2) == WKV_TRACE_RESID) continue;
        trace_sentence(sentence, r, i / 2, i % 2);
        put_text("%s\n", sentence);
    }
}
