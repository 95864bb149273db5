/* lens_predictions.c - wkv lens of predictions: calibration, entropy, the effect of an injected line. */
#include "lens.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- calibration ------------------------------------------------------------------------------------------------- */

enum { BINS = 10, RANGES = 12, LEAST = 8 }; /* LEAST: tokens of a range */

/* The chart; the cells of the table go to *table. */
static void add_reliability(lens *v, const wkv_reliability *bins, sheet *table)
{
    double x[BINS], y[BINS], low[BINS], high[BINS];
    for (int b = 0; b < BINS; b++) {
        const double n = bins[b].n, p = bins[b].accuracy, z = 1.959964;
        x[b] = bins[b].confidence, y[b] = p;
        /* Wilson's interval of a share */
        const double middle = (p + z * z / (2 * n)) / (1 + z * z / n);
        const double half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
        low[b] = middle - half, high[b] = middle + half;
        sheet_put(table, "%.1f to %.1f", b / (double)BINS, (b + 1) / (double)BINS);
        sheet_put(table, "%d", bins[b].n);
        if (bins[b].n) {
            sheet_put(table, "%.3f", x[b]);
            sheet_put(table, "%.3f", p);
        } else {
            sheet_put(table, "%s", "");
            sheet_put(table, "%s", "");
        }
    }
    const double ends[] = {0, 1};
    const wkv_series s[] = {{.name = "model", .mark = WKV_POINTS, .n = BINS, .x = x, .y = y, .low = low, .high = high},
                            {.name = "calibrated", .mark = WKV_FIT, .n = 2, .x = ends, .y = ends}};
    wkv_report_plot(v->r, &(wkv_plot){.figure = {"reliability", "Reliability",
                                                 "Accuracy of the most probable token by its probability; bars: 95 % "
                                                 "intervals.",
                                                 1},
                                      .x = {.label = "confidence", .low = 0, .high = 1},
                                      .y = {.label = "accuracy", .low = 0, .high = 1},
                                      .series = s,
                                      .n_series = 2});
}

/* Entropy and loss by position, in ranges at about equal ratios. */
static int add_positions(lens *v, const wkv_prediction *p, int n)
{
    double x[RANGES], mean[2][RANGES], low[2][RANGES], high[2][RANGES], *values = malloc(sizeof *values * (size_t)n);
    int count = 0, from = 0;
    if (!values) return complain("out of memory");
    for (int i = 0; i < RANGES; i++) {
        const int to = (int)lround(pow(n, (i + 1.0) / RANGES));
        if (to < from + LEAST && to < n) continue;
        for (int k = 0; k < 2; k++) {
            wkv_mean m;
            for (int t = from; t < to; t++) values[t - from] = (double)(k ? p[t].nll : p[t].entropy);
            wkv_mean_of(&m, values, to - from);
            mean[k][count] = m.mean, low[k][count] = fmax(m.low, 0), high[k][count] = m.high;
        }
        x[count++] = sqrt((from + 1.0) * to);
        from = to;
    }
    free(values);
    const wkv_series s[] = {{.name = "entropy", .n = count, .x = x, .y = mean[0], .low = low[0], .high = high[0]},
                            {.name = "loss", .n = count, .x = x, .y = mean[1], .low = low[1], .high = high[1]}};
    wkv_report_plot(v->r, &(wkv_plot){.figure = {"entropy", "Entropy and loss by position",
                                                 "Means of ranges and their 95 % intervals. A calibrated model has "
                                                 "equal ones.",
                                                 1},
                                      .x = {.label = "tokens read", .log = 1},
                                      .y = {.label = "nats", .from_zero = 1},
                                      .series = s,
                                      .n_series = 2});
    return 0;
}

int lens_calibration(lens *v)
{
    static const char *const columns[] = {"confidence", "predictions", "mean confidence", "accuracy", NULL};
    const int n = v->text.n - 1;
    sheet table = {0};
    wkv_prediction *p = malloc(sizeof *p * (size_t)n);
    wkv_reliability bins[BINS];
    wkv_state *s = lens_state(v);
    int status = !s ? 1 : p ? 0 : complain("out of memory");
    for (int at = 0, some; at < n && !status; at += some) {
        some = n - at < CHUNK ? n - at : CHUNK;
        if (wkv_predictions(p + at, v->e.context, s, v->text.ids + at, some + 1)) status = complain_library();
        if (!status) status = lens_progress(v, at + some, n);
    }
    if (!status) {
        double entropy = 0, loss = 0;
        for (int i = 0; i < n; i++) entropy += (double)p[i].entropy / n, loss += (double)p[i].nll / n;
        const double error = wkv_calibration(bins, BINS, p, n);
        outputs_section(
            v->r, "Calibration",
            "A model is calibrated if the tokens that it gives a probability of 0.7 are right in 70 % of the "
            "cases. The expected calibration error is the mean distance of accuracy from confidence.");
        outputs_fact(v->r, "expected calibration error", NULL, error, NAN, NAN, NULL);
        outputs_fact(v->r, "mean entropy", "nats", entropy, NAN, NAN, NULL);
        outputs_fact(v->r, "mean loss", "nats", loss, NAN, NAN, NULL);
        add_reliability(v, bins, &table);
        status = add_positions(v, p, n);
        outputs_table(v->r, "reliability", "Predictions by confidence.", columns, &table);
    }
    wkv_state_free(s);
    free(p);
    return status;
}

/* ---- steering ---------------------------------------------------------------------------------------------------- */

enum { STARTS = 5, MOST_BINS = 13 };

typedef struct {
    int n, starts, bins;
    float *kl; /* [start][1 + L][n] */
} steered;

/* Distances 1, 2-3, 4-7 and so on; tokens [from, to) of the text after the line. */
static int bin_from(int bin) { return (1 << bin) - 1; }
static int bin_to(int bin, int n) { return (2 << bin) - 1 < n ? (2 << bin) - 1 : n; }

static double bin_mean(const lens *v, const steered *k, int start, int row, int bin)
{
    double sum = 0;
    const int from = bin_from(bin), to = bin_to(bin, k->n);
    for (int t = from; t < to; t++)
        sum += (double)k->kl[((size_t)start * (size_t)(v->L + 1) + (size_t)row) * (size_t)k->n + (size_t)t];
    return sum / (to - from);
}

/* The line before the text and at places inside it: the same number of tokens follows each. */
static int measure(lens *v, steered *k, const int32_t *ids, int n_ids)
{
    k->n = v->n > 16 ? v->n / 2 : v->n;
    k->starts = v->n > 16 ? STARTS : 1;
    while (k->bins < MOST_BINS && bin_from(k->bins) < k->n) k->bins++;
    k->kl = malloc(sizeof *k->kl * (size_t)k->starts * (size_t)(v->L + 1) * (size_t)k->n);
    int status = k->kl ? 0 : complain("out of memory");
    for (int i = 0; i < k->starts && !status; i++) {
        const int at = k->starts > 1 ? i * (v->n - k->n) / (k->starts - 1) : 0;
        const wkv_steering what = {v->text.ids, ids, v->text.ids + at, at, n_ids, k->n};
        if (wkv_steer(k->kl + (size_t)i * (size_t)(v->L + 1) * (size_t)k->n, v->e.context, &what))
            status = complain_library();
        if (!status) status = lens_progress(v, i + 1, k->starts);
    }
    return status;
}

static void name_bins(char (*names)[24], const char **list, const steered *k)
{
    for (int b = 0; b < k->bins; b++) {
        if (bin_to(b, k->n) - bin_from(b) == 1)
            snprintf(names[b], sizeof names[b], "%d", bin_from(b) + 1);
        else
            snprintf(names[b], sizeof names[b], "%d-%d", bin_from(b) + 1, bin_to(b, k->n));
        list[b] = names[b];
    }
}

static int add_steering(lens *v, const steered *k)
{
    static const char *const columns[] = {"tokens after the line", "KL (nats)", "least", "most", NULL};
    double x[MOST_BINS], mean[MOST_BINS], low[MOST_BINS], high[MOST_BINS];
    char names[MOST_BINS][24];
    const char *list[MOST_BINS];
    double *carried = malloc(sizeof *carried * (size_t)v->L * (size_t)k->bins);
    sheet table = {0};
    if (!carried) return complain("out of memory");
    name_bins(names, list, k);
    for (int b = 0; b < k->bins; b++) {
        mean[b] = 0, low[b] = INFINITY, high[b] = 0;
        for (int i = 0; i < k->starts; i++) {
            const double of = bin_mean(v, k, i, 0, b);
            mean[b] += of / k->starts;
            low[b] = fmin(low[b], of), high[b] = fmax(high[b], of);
        }
        x[b] = sqrt((bin_from(b) + 1.0) * bin_to(b, k->n));
        sheet_put(&table, "%s", names[b]);
        sheet_put(&table, "%.4f", mean[b]);
        sheet_put(&table, "%.4f", low[b]);
        sheet_put(&table, "%.4f", high[b]);
        for (int l = 0; l < v->L; l++) {
            double patched = 0;
            for (int i = 0; i < k->starts; i++) patched += bin_mean(v, k, i, 1 + l, b) / k->starts;
            carried[l * k->bins + b] = mean[b] > 0 ? 1 - patched / mean[b] : NAN;
        }
    }
    const wkv_series s = {.n = k->bins, .x = x, .y = mean, .low = low, .high = high};
    wkv_report_plot(v->r, &(wkv_plot){.figure = {"steer", "Effect of the line by distance",
                                                 "Divergence of the predictions with and without the line; mean of its "
                                                 "places, and the least and the most.",
                                                 0},
                                      .x = {.label = "tokens after the line", .log = 1},
                                      .y = {.label = "KL divergence (nats)", .log = 1},
                                      .series = &s,
                                      .n_series = 1});
    wkv_report_map(v->r, &(wkv_map){.figure = {"carried", "Share of the effect in the state of one layer",
                                               "The model that did not read the line, with the state of one layer from "
                                               "the one that did: 1 is the whole effect, below 0 is farther away.",
                                               0},
                                    .x_label = "tokens after the line",
                                    .y_label = "state of",
                                    .value_label = "share of the effect",
                                    .row_labels = v->names,
                                    .column_labels = list,
                                    .rows = v->L,
                                    .columns = k->bins,
                                    .values = carried,
                                    .diverging = 1,
                                    .low = -1,
                                    .high = 1});
    outputs_table(v->r, "steering", "Effect by distance.", columns, &table);
    free(carried);
    return 0;
}

int lens_steer(lens *v)
{
    steered k = {0};
    int32_t *ids = NULL;
    char text[400];
    int shown = (int)strlen(v->line);
    while (shown && strchr(" \n", v->line[shown - 1])) shown--;
    const int n = passage_as_ids ? 0 : engine_encode(v->e.tokenizer, 0, v->line, strlen(v->line), &ids);
    int status = n < 0 ? 1 : 0;
    if (!status && !n) {
        free(ids);
        outputs_section(v->r, "Steering",
                        passage_as_ids ? "A text of ids has no line to inject." : "The line is empty.");
        return 0;
    }
    for (int i = 0; i < n && !status; i++)
        if (ids[i] >= v->e.about->vocab)
            status = complain("--line: id %d is beyond the model's vocabulary of %d", (int)ids[i], v->e.about->vocab);
    if (!status) status = measure(v, &k, ids, n);
    if (!status) {
        snprintf(text, sizeof text, "The text is read with and without the line \"%.*s\", injected at %d places.",
                 shown < 200 ? shown : 200, v->line, k.starts);
        outputs_section(v->r, "Steering", text);
        status = add_steering(v, &k);
    }
    free(k.kl);
    free(ids);
    return status;
}
