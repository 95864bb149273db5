/* trace_page.c - wkv trace: the page of heat maps, the charts and the JSON. */
#include "outputs.h"
#include "say.h"
#include "trace.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const trace_told *told;
    wkv_report *report;
    int kinds, L, rows;
    double *x, *y, *low, *high; /* one series for each kind */
    const char **layers;        /* labels                   */
    char (*numbers)[24];
} page;

static const char *measure_name(const trace_told *r)
{
    return r->difference ? "indirect effect (logit difference)" : "indirect effect (probability)";
}

/* ---- maps -------------------------------------------------------------------------------------------------------- */

static int put_map(page *p, int i)
{
    const trace_told *r = p->told;
    const wkv_trace_kind kind = trace_kind(r->picture->kinds, i);
    char title[96], caption[160];
    snprintf(title, sizeof title, "%s restored", trace_kind_words(kind));
    title[0] = (char)(title[0] - 'a' + 'A');
    if (r->window > 1 && (kind == WKV_TRACE_ATT || kind == WKV_TRACE_FFN))
        snprintf(caption, sizeof caption, "Windows of %d layers around the layer of a column, at one token.",
                 r->window);
    else
        snprintf(caption, sizeof caption, "One layer, at one token%s.", r->averaged ? "; means over the prompts" : "");
    double *values = malloc(sizeof *values * (size_t)p->L * (size_t)p->rows), least = 0, most = 0;
    if (!values) return complain("out of memory");
    for (int row = 0; row < p->rows; row++)
        for (int l = 0; l < p->L; l++) {
            const double x = trace_measure(r, &trace_cell(r->picture, i, (trace_site){l, row})->mean);
            values[row * p->L + l] = x;
            if (x > most) most = x;
            if (x < least) least = x;
        }
    const int err = wkv_report_map(
        p->report,
        &(wkv_map){
            .figure = {.name = wkv_trace_kind_name(kind), .title = title, .caption = caption, .half = p->L <= 12},
            .x_label = "layer",
            .y_label = r->averaged ? "tokens" : "token",
            .value_label = "indirect effect",
            .row_labels = r->picture->labels,
            .column_labels = p->layers,
            .rows = p->rows,
            .columns = p->L,
            .values = values,
            .low = floor(100 * least) / 100,
            .high = most > least ? ceil(100 * most) / 100 : least + 1});
    free(values);
    return err ? complain_library() : 0;
}

/* ---- lines over the layers --------------------------------------------------------------------------------------- */

/* A line with its interval for each kind but the residual stream (its last layer is the model's result). Row -1: all
 * tokens together. */
static int put_lines(page *p, int row, const char *name, const char *title, const char *caption, int half)
{
    const trace_told *r = p->told;
    wkv_series series[WKV_TRACE_KINDS];
    int n = 0;
    for (int i = 0; i < p->kinds; i++) {
        const wkv_trace_kind kind = trace_kind(r->picture->kinds, i);
        if (kind == WKV_TRACE_RESID && p->kinds > 1) continue;
        const size_t at = (size_t)n * (size_t)p->L;
        for (int l = 0; l < p->L; l++) {
            const wkv_trace_effect *e = trace_cell(r->picture, i, (trace_site){l, row});
            const double y = trace_measure(r, &e->mean), half_width = trace_half(trace_measure(r, &e->error));
            p->x[l] = l;
            p->y[at + (size_t)l] = y;
            p->low[at + (size_t)l] = y - half_width;
            p->high[at + (size_t)l] = y + half_width;
        }
        series[n++] = (wkv_series){.name = trace_kind_words(kind),
                                   .mark = WKV_LINE,
                                   .n = p->L,
                                   .x = p->x,
                                   .y = p->y + at,
                                   .low = p->low + at,
                                   .high = p->high + at};
    }
    const wkv_plot plot = {.figure = {.name = name, .title = title, .caption = caption, .half = half},
                           .x = {.label = "layer", .whole = 1},
                           .y = {.label = measure_name(r), .from_zero = 1},
                           .series = series,
                           .n_series = n};
    return wkv_report_plot(p->report, &plot) ? complain_library() : 0;
}

/* ---- the page ---------------------------------------------------------------------------------------------------- */

static void describe(char *title, char *summary, size_t capacity, const trace_told *r)
{
    if (r->averaged)
        snprintf(title, capacity, "Causal trace of %d prompts", r->averaged);
    else
        snprintf(title, capacity, "Causal trace of \"%.200s\"", r->subject);
    size_t n;
    if (r->averaged)
        n = (size_t)snprintf(summary, capacity,
                             "Noise on the subject lowers the probability of the answer from %.1f %% "
                             "to %.1f %% in the mean of %d prompts of %.200s.",
                             100 * r->picture->clean.probability, 100 * r->picture->corrupted.probability, r->averaged,
                             r->source);
    else
        n = (size_t)snprintf(summary, capacity,
                             "The model continues \"%.400s\" with \"%.60s\". Noise on \"%.200s\" lowers "
                             "its probability from %.1f %% to %.1f %%.",
                             r->prompt, r->answer, r->subject, 100 * r->picture->clean.probability,
                             100 * r->picture->corrupted.probability);
    for (int i = 0; i < __builtin_popcount(r->picture->kinds); i++) {
        if (trace_kind(r->picture->kinds, i) != WKV_TRACE_FFN || !trace_has_effect(r)) continue;
        for (int all = 0; all < 2; all++) {
            char sentence[TRACE_SENTENCE];
            trace_sentence(sentence, r, i, all);
            sentence[0] = (char)(sentence[0] - 'a' + 'A');
            n += (size_t)snprintf(summary + n, capacity - n, " %s.", sentence);
        }
    }
}

/* Four digits after the point, which the page shows. */
static double rounded(double x) { return round(1e4 * x) / 1e4; }

static int put_facts(page *p)
{
    const trace_told *r = p->told;
    const trace_picture *q = r->picture;
    const char *unit = r->difference ? "logits" : NULL;
    char note[160];
    snprintf(note, sizeof note, "%d samples of noise, standard deviation %g x %.4g, seed %llu", r->samples,
             (double)r->noise, (double)r->sigma, (unsigned long long)r->seed);
    const double corrupted = trace_measure(r, &q->corrupted), half = trace_half(trace_measure(r, &q->corrupted_error));
    const double total = trace_measure(r, &q->total), total_half = trace_half(trace_measure(r, &q->total_error));
    const wkv_fact facts[] = {{.name = "clean run", .unit = unit, .value = rounded(trace_measure(r, &q->clean))},
                              {.name = "corrupted run",
                               .unit = unit,
                               .value = rounded(corrupted),
                               .low = rounded(corrupted - half),
                               .high = rounded(corrupted + half),
                               .note = note},
                              {.name = "total effect",
                               .unit = unit,
                               .value = rounded(total),
                               .low = rounded(total - total_half),
                               .high = rounded(total + total_half)}};
    for (int i = 0; i < 3; i++)
        if (wkv_report_fact(p->report, &facts[i])) return complain_library();
    return 0;
}

static int put_charts(page *p)
{
    int status = 0;
    for (int i = 0; i < p->kinds && !status; i++) status = put_map(p, i);
    if (!status)
        status = put_lines(p, -1, "layers", "Each layer at all tokens",
                           "The values of all tokens from the subject on are "
                           "restored together. Bands: 95 % intervals.",
                           0);
    if (!status && p->told->averaged)
        status = put_lines(p, WKV_ROLE_LAST - 1, "last-subject-token", "Last token of the subject",
                           "One layer restored there. Bands: 95 % intervals over the prompts.", 1);
    if (!status && p->told->averaged)
        status = put_lines(p, WKV_ROLE_END - 1, "last-token", "Last token of the prompt",
                           "One layer restored there. Bands: 95 % intervals over the prompts.", 1);
    return status;
}

static int build(page *p)
{
    enum { ROOM = 2048 };
    char title[ROOM], summary[ROOM];
    describe(title, summary, ROOM, p->told);
    if (outputs_new(&p->report, title, summary)) return 1;
    int status = put_facts(p);
    if (!status &&
        wkv_report_text(p->report,
                        "Each cell is the effect of restoring values of the undisturbed run in the run with "
                        "noise on the subject: the answer then gains that much. A residual stream at the last "
                        "token and the last layer is the model's result, and restores everything."))
        status = complain_library();
    return status ? status : put_charts(p);
}

int trace_write(const trace_told *r)
{
    if (!outputs_json() && !outputs_wants_files()) return 0;
    const size_t L = (size_t)r->picture->L, all = L * WKV_TRACE_KINDS;
    page p = {.told = r,
              .kinds = __builtin_popcount(r->picture->kinds),
              .L = r->picture->L,
              .rows = r->picture->rows,
              .x = malloc(sizeof(double) * (L + 3 * all)),
              .layers = malloc(sizeof *p.layers * L),
              .numbers = malloc(sizeof *p.numbers * L)};
    int status = p.x && p.layers && p.numbers ? 0 : complain("out of memory");
    if (!status) {
        p.y = p.x + L, p.low = p.y + all, p.high = p.low + all;
        for (size_t l = 0; l < L; l++) {
            snprintf(p.numbers[l], sizeof *p.numbers, "%zu", l);
            p.layers[l] = p.numbers[l];
        }
        status = build(&p);
    }
    if (status)
        wkv_report_free(p.report);
    else
        status = outputs_end(p.report);
    free(p.x);
    free(p.layers);
    free(p.numbers);
    return status;
}
