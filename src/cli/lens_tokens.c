/* lens_tokens.c - wkv lens by layer and token: the logit lens, effective attention. */
#include "lens.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- logits ------------------------------------------------------------------------------------------------------ */

/* Labels of the depths, the last at the top. */
static void name_depths(char (*names)[24], const char **list, int depths)
{
    for (int k = 0; k < depths; k++) {
        const int depth = depths - 1 - k;
        if (!depth)
            snprintf(names[k], sizeof names[k], "embedding");
        else
            snprintf(names[k], sizeof names[k], depth % 2 ? "%d middle" : "%d end", (depth - 1) / 2);
        list[k] = names[k];
    }
}

static int add_lens_map(lens *v, const wkv_lens_cell *cells, int depths)
{
    const int n = v->n < SHOWN ? v->n : SHOWN;
    const size_t all = (size_t)depths * (size_t)n;
    double *probability = malloc(sizeof *probability * all);
    char(*label)[LABEL] = malloc(sizeof *label * all), (*names)[24] = malloc(sizeof *names * (size_t)depths);
    const char **labels = malloc(sizeof *labels * all), **rows = malloc(sizeof *rows * (size_t)depths);
    int status = probability && label && names && labels && rows ? 0 : complain("out of memory");
    for (int k = 0; k < depths && !status; k++)
        for (int t = 0; t < n; t++) {
            const wkv_lens_cell *cell = &cells[(depths - 1 - k) * v->n + t];
            probability[k * n + t] = (double)cell->probability;
            passage_label(label[k * n + t], LABEL, &v->e, cell->top);
            labels[k * n + t] = label[k * n + t];
        }
    if (!status) {
        name_depths(names, rows, depths);
        wkv_report_map(v->r, &(wkv_map){.figure = {"logits", "The most probable next token at each depth",
                                                   "ln_out and the head applied to the residual stream in the middle "
                                                   "(between time mix and channel mix) and at the end of each layer.",
                                                   0},
                                        .x_label = "token read",
                                        .y_label = "layer",
                                        .value_label = "probability",
                                        .row_labels = rows,
                                        .column_labels = v->labels,
                                        .rows = depths,
                                        .columns = n,
                                        .values = probability,
                                        .cell_labels = labels,
                                        .low = 0,
                                        .high = 1});
    }
    free(rows), free(labels), free(names), free(label), free(probability);
    return status;
}

int lens_logits(lens *v)
{
    const int depths = 2 * v->L + 1;
    wkv_lens_cell *cells = malloc(sizeof *cells * (size_t)depths * (size_t)v->n);
    double *x = malloc(sizeof *x * 3 * (size_t)depths), *nll = x + depths, *kl = nll + depths;
    wkv_state *s = lens_state(v);
    int status = !s ? 1 : cells && x ? 0 : complain("out of memory");
    if (!status && wkv_lens(cells, v->e.context, s, v->text.ids, v->n)) status = complain_library();
    static const char *const columns[] = {"depth", "loss", "KL to the final", "final token first", NULL};
    sheet table = {0};
    if (!status)
        outputs_section(
            v->r, "Logit lens",
            "The residual stream at each depth, read as if the model ended there. Depth l is the end of "
            "layer l - 1, depth l + 1/2 the middle of layer l. The divergence is from the final prediction.");
    for (int d = 0; d < depths && !status; d++) {
        double sum = 0, divergence = 0, same = 0;
        for (int t = 0; t < v->n; t++) {
            const wkv_lens_cell *cell = &cells[d * v->n + t];
            if (t + 1 < v->n) sum += (double)cell->nll;
            divergence += (double)cell->kl;
            same += cell->top == cells[(depths - 1) * v->n + t].top;
        }
        x[d] = d / 2.0, nll[d] = sum / (v->n - 1), kl[d] = divergence / v->n;
        sheet_put(&table, "%.1f", x[d]);
        sheet_put(&table, "%.3f", nll[d]);
        sheet_put(&table, "%.3f", kl[d]);
        sheet_put(&table, "%.0f %%", 100 * same / v->n);
    }
    if (!status) {
        status = add_lens_map(v, cells, depths);
        const wkv_series lines[] = {{.name = "loss of the next token", .n = depths, .x = x, .y = nll},
                                    {.name = "KL to the final", .n = depths, .x = x, .y = kl}};
        wkv_report_plot(v->r, &(wkv_plot){.figure = {"depth", "Predictions by depth", "Means over the text.", 0},
                                          .x = {.label = "depth (layers)"},
                                          .y = {.label = "nats", .from_zero = 1},
                                          .series = lines,
                                          .n_series = 2});
        outputs_table(v->r, "depths", "Loss and Kullback-Leibler divergence in nats.", columns, &table);
    }
    wkv_state_free(s);
    free(x);
    free(cells);
    return status;
}

/* ---- attention --------------------------------------------------------------------------------------------------- */

static int report_progress(void *user, int done, int total) { return lens_progress(user, done, total) != 0; }

int lens_shares(lens *v, float *heads)
{
    const size_t square = (size_t)v->n * (size_t)v->n;
    const size_t values =
        (size_t)v->L * (square + (heads ? (size_t)v->H * square : 0) + 3 * (size_t)v->n * (size_t)v->C);
    char needed[16], available[16];
    if (v->share && !heads) return 0;
    if (values > wkv_memory_available() / sizeof(float))
        return complain(
            "effective attention over %d tokens takes %s, and %s of memory are available; read fewer --tokens", v->n,
            as_bytes(needed, 4.0 * (double)values), as_bytes(available, (double)wkv_memory_available()));
    if (!v->share && !(v->share = malloc(sizeof *v->share * (size_t)v->L * square))) return complain("out of memory");
    const int err =
        wkv_attention(v->share, heads, v->e.context, NULL, v->text.ids, v->n, &(wkv_lens_progress){report_progress, v});
    if (!err) return 0;
    free(v->share);
    v->share = NULL;
    return err == WKV_ESTOPPED ? 130 : complain_library();
}

/* share: n x n, the first `shown` of both are shown. */
static int add_attention_map(lens *v, const char *name, const char *title, const float *share, int n, int half)
{
    const int shown = n < SHOWN ? n : SHOWN;
    double *values = malloc(sizeof *values * (size_t)shown * (size_t)shown);
    if (!values) return complain("out of memory");
    for (int t = 0; t < shown; t++)
        for (int s = 0; s < shown; s++) values[t * shown + s] = s <= t ? (double)share[t * n + s] : NAN;
    for (int t = 0; t < shown; t++)
        for (int s = t + 1; s < shown; s++) values[t * shown + s] = 0;
    wkv_report_map(v->r, &(wkv_map){.figure = {name, title, NULL, half},
                                    .x_label = "token written",
                                    .y_label = "read at",
                                    .value_label = "share of the read-out",
                                    .row_labels = v->labels,
                                    .column_labels = v->labels,
                                    .rows = shown,
                                    .columns = shown,
                                    .values = values,
                                    .diverging = 1,
                                    .low = -1,
                                    .high = 1});
    free(values);
    return 0;
}

/* Mean |share| by distance, of each layer. */
static int add_distances(lens *v, const float *share, int n)
{
    double *x = malloc(sizeof *x * (size_t)n), *y = calloc((size_t)v->L * (size_t)n, sizeof *y);
    int status = x && y ? 0 : complain("out of memory");
    for (int d = 0; d < n && !status; d++) x[d] = d + 1;
    for (int l = 0; l < v->L && !status; l++)
        for (int d = 0; d < n; d++) {
            for (int t = d; t < n; t++)
                y[l * n + d] += fabs((double)share[((size_t)l * (size_t)n + (size_t)t) * (size_t)n + (size_t)(t - d)]);
            y[l * n + d] /= n - d;
        }
    if (!status)
        status = lens_layer_lines(v,
                                  &(wkv_plot){.figure = {"attention-distance", "Effective attention by distance",
                                                         "Mean of the shares without their signs.", 0},
                                              .x = {.label = "tokens back, from 1: the present token", .log = 1},
                                              .y = {.label = "share of the read-out", .log = 1}},
                                  x, y, n * 9 / 10); /* the largest distances have few tokens */
    free(y);
    free(x);
    return status;
}

int lens_attention(lens *v)
{
    const size_t square = (size_t)v->n * (size_t)v->n;
    const int by_head = v->layer >= 0 && v->H;
    float *heads = by_head ? malloc(sizeof *heads * (size_t)v->L * (size_t)v->H * square) : NULL;
    if (by_head && !heads) return complain("out of memory; read fewer --tokens");
    int status = lens_shares(v, heads);
    static const char *const columns[] = {"layer", "present token", "last 8 tokens", "negative", NULL};
    sheet table = {0};
    if (!status)
        outputs_section(
            v->r, "Effective attention",
            "The read-out of the wkv state is a sum of what each earlier token has written and the state has "
            "kept. A share is the part of one token along the whole read-out; shares of a row add up to 1, "
            "and negative ones are removed by the rest.");
    for (int l = 0; l < v->L && !status; l++) {
        double present = 0, recent = 0, negative = 0;
        char name[32], title[64];
        const float *of = v->share + (size_t)l * square;
        for (int t = 0; t < v->n; t++)
            for (int s = 0; s <= t; s++) {
                const double x = (double)of[t * v->n + s];
                if (s == t) present += x;
                if (t - s < 8) recent += x;
                if (x < 0) negative += x;
            }
        sheet_put(&table, "%d", l);
        sheet_put(&table, "%.1f %%", 100 * present / v->n);
        sheet_put(&table, "%.1f %%", 100 * recent / v->n);
        sheet_put(&table, "%.1f %%", 100 * negative / v->n);
        snprintf(name, sizeof name, "attention-%d", l);
        snprintf(title, sizeof title, "Effective attention of layer %d", l);
        if (v->L <= 12 || l % ((v->L + 11) / 12) == 0) status = add_attention_map(v, name, title, of, v->n, 0);
    }
    if (!status) {
        outputs_table(v->r, "attention", "Mean shares of the read-outs.", columns, &table);
        status = add_distances(v, v->share, v->n);
    }
    for (int h = 0; h < v->H && by_head && !status; h++) {
        char name[32], title[64];
        snprintf(name, sizeof name, "attention-head-%d", h);
        snprintf(title, sizeof title, "Layer %d, head %d", v->layer, h);
        status =
            add_attention_map(v, name, title, heads + ((size_t)v->layer * (size_t)v->H + (size_t)h) * square, v->n, 0);
    }
    free(heads);
    return status;
}
