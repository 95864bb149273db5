/* lens_layers.c - wkv lens by layer: the reach of the token shift, knock-outs, sparsity. */
#include "lens.h"
#include "wkv_study.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- token shift ------------------------------------------------------------------------------------------------- */

enum { PLACES = 8 }; /* replaced tokens of the text */

static const struct {
    wkv_cut cut;
    const char *name, *words;
} cuts[] = {
    {WKV_CUT_NOTHING, "intact", "nothing is cut"},
    {WKV_CUT_PAST, "state emptied", "read-outs have the present token only: both shifts"},
    {WKV_CUT_READ_OUT, "read-out 0", "read-outs of the state are 0"},
    {WKV_CUT_TIME_MIX, "time mix 0", "the channel mix's shift alone"},
};
enum { CUTS = sizeof cuts / sizeof *cuts };

int lens_shift(lens *v)
{
    const int far = v->n / 2;
    double *x = malloc(sizeof *x * (size_t)(CUTS + 1) * (size_t)far), *y = x + far;
    float *change = malloc(sizeof *change * (size_t)v->n);
    static const char *const columns[] = {"cut", "reach in tokens", "expected", "meaning", NULL};
    sheet table = {0};
    wkv_series lines[CUTS];
    int status = x && change ? 0 : complain("out of memory");
    if (!status)
        outputs_section(
            v->r, "Reach of the token shift",
            "One token is replaced by another. Without the wkv state a token acts on later ones by the token "
            "shift alone, one token back in each mix, so that its influence ends exactly: after L tokens "
            "where only the channel mix shifts, after 2 L where the time mix does too.");
    for (int k = 0; k < CUTS && !status; k++) {
        int most = -1, expected = wkv_cut_reach(v->e.model, cuts[k].cut);
        for (int d = 0; d < far; d++) x[d] = d, y[k * far + d] = 0;
        for (int i = 0; i < PLACES && !status; i++) {
            const int at = i * (v->n - far) / PLACES;
            int other = at + far < v->text.n && v->text.ids[at + far] != v->text.ids[at] ? v->text.ids[at + far] : 0,
                reach;
            if (other == v->text.ids[at]) other = (other + 1) % v->e.about->vocab;
            if (wkv_influence(change, &reach, v->e.context, cuts[k].cut, v->text.ids, v->n, at, other))
                status = complain_library();
            for (int d = 0; d < far && !status; d++) y[k * far + d] += (double)change[d] / PLACES;
            if (reach > most) most = reach;
            if (!status) status = lens_progress(v, k * PLACES + i + 1, CUTS * PLACES);
        }
        lines[k] = (wkv_series){.name = cuts[k].name, .n = far, .x = x, .y = y + k * far};
        sheet_put(&table, "%s", cuts[k].name);
        sheet_put(&table, expected < 0 ? "%d, the end of the text" : "%d", most);
        sheet_put(&table, expected < 0 ? "no end" : "%d", expected);
        sheet_put(&table, "%s", cuts[k].words);
    }
    if (!status) {
        wkv_report_plot(v->r,
                        &(wkv_plot){.figure = {"shift", "Influence of a token by distance",
                                               "Mean change of the last row before the head, relative to its norm; "
                                               "a line ends where the change is exactly 0.",
                                               0},
                                    .x = {.label = "tokens after the replaced one"},
                                    .y = {.label = "relative change", .log = 1},
                                    .series = lines,
                                    .n_series = CUTS});
        outputs_table(v->r, "reach", "The largest distance at which any bit differs.", columns, &table);
    }
    free(change);
    free(x);
    return status;
}

/* ---- knock-outs -------------------------------------------------------------------------------------------------- */

int lens_knock(lens *v)
{
    static const char *const columns[] = {"layer",          "state emptied", "state: mean",       "time mix 0",
                                          "time mix: mean", "channel mix 0", "channel mix: mean", NULL};
    const char *const *names = columns + 1;
    const size_t all = (size_t)v->L * WKV_KNOCKS;
    float *intact = malloc(sizeof *intact * 2 * (size_t)v->n), *nll = intact + v->n;
    double *values = malloc(sizeof *values * 3 * all), *low = values + all, *high = low + all,
           *change = malloc(sizeof *change * (size_t)v->n);
    sheet table = {0};
    int status = intact && values && change ? 0 : complain("out of memory");
    if (!status && wkv_knock_out(intact, v->e.context, WKV_KNOCK_STATE, -1, v->text.ids, v->n))
        status = complain_library();
    double loss = 0;
    for (int t = 0; t < v->n - 1 && !status; t++) loss += (double)intact[t] / (v->n - 1);
    if (!status)
        outputs_section(
            v->r, "Knock-outs by layer",
            "The change of the loss when a part of one layer is emptied, set to 0 or replaced by its mean over "
            "the text.");
    for (size_t i = 0; i < all && !status; i++) {
        const int l = (int)i / WKV_KNOCKS, kind = (int)i % WKV_KNOCKS;
        wkv_mean mean = {.mean = NAN, .low = NAN, .high = NAN};
        if (!kind) sheet_put(&table, "%d", l);
        if (v->H || kind != WKV_KNOCK_STATE_MEAN) {
            if (wkv_knock_out(nll, v->e.context, (wkv_knock)kind, l, v->text.ids, v->n)) status = complain_library();
            for (int t = 0; t < v->n - 1; t++) change[t] = (double)nll[t] - (double)intact[t];
            wkv_mean_of(&mean, change, v->n - 1);
        }
        values[i] = mean.mean, low[i] = mean.low, high[i] = mean.high;
        if (isfinite(mean.mean))
            sheet_put(&table, "%+.3f", mean.mean);
        else
            sheet_put(&table, "%s", "");
        if (!status) status = lens_progress(v, (int)i + 1, (int)all);
    }
    if (!status) {
        outputs_fact(v->r, "loss of the whole model", "nats", loss, NAN, NAN, NULL);
        wkv_report_bars(v->r,
                        &(wkv_bars){.figure = {"knock-outs", "Loss without a part of a layer",
                                               "Mean change over the tokens of the text and its 95 % interval.", 0},
                                    .x = {.label = "change of the loss (nats)"},
                                    .labels = v->names,
                                    .n_groups = v->L,
                                    .series = names,
                                    .n_series = WKV_KNOCKS,
                                    .values = values,
                                    .low = low,
                                    .high = high});
        outputs_table(v->r, "knock-outs", "Change of the loss in nats.", columns, &table);
    }
    free(change), free(values), free(intact);
    return status;
}

/* ---- sparsity ---------------------------------------------------------------------------------------------------- */

/* A row of shares without signs: e to the entropy, and the fewest tokens that have 90 % of the sum. */
static void concentrate(double *x, int n, double *effective, int *needed)
{
    double sum = 0, entropy = 0, have = 0;
    for (int i = 0; i < n; i++) sum += x[i] = fabs(x[i]);
    for (int i = 0; i < n; i++)
        if (x[i] > 0) entropy -= x[i] / sum * log(x[i] / sum);
    *effective = exp(entropy);
    for (*needed = 0; have < 0.9 * sum && *needed < n; ++*needed) {
        int most = 0;
        for (int i = 1; i < n; i++)
            if (x[i] > x[most]) most = i;
        have += x[most];
        x[most] = -1;
    }
}

/* Activations of the whole text. */
static int count_zeros(lens *v, wkv_state *s, wkv_sparsity *zeros)
{
    for (int at = 0, some; at < v->text.n; at += some) { /* chunks of whole groups */
        some = v->text.n - at < CHUNK ? v->text.n - at : CHUNK;
        const wkv_sequence q = {.state = s, .tokens = v->text.ids + at, .n = some};
        if (wkv_measure_sparsity(zeros, v->e.context, &q, 1)) return complain_library();
        if (lens_progress(v, at + some, v->text.n)) return 130;
    }
    return 0;
}

int lens_sparsity(lens *v)
{
    const size_t L = (size_t)v->L;
    static const char *const columns[] = {
        "layer", "zero activations", "zero for 32 tokens", "effective tokens", "tokens for 90 %", NULL};
    wkv_sparsity *zeros = calloc(L, sizeof *zeros);
    double *x = malloc(sizeof *x * (3 * L + (size_t)v->n)), *zero = x + v->L, *tokens = zero + v->L,
           *row = tokens + v->L;
    sheet table = {0};
    wkv_state *s = lens_state(v);
    int status = !s ? 1 : zeros && x ? 0 : complain("out of memory");
    if (!status) status = count_zeros(v, s, zeros);
    if (!status) status = lens_shares(v, NULL);
    if (!status)
        outputs_section(v->r, "Sparsity",
                        "The share of squared ReLUs that are zero, of single tokens and of 32 adjacent ones; and the "
                        "number of tokens in a read-out of the second half of the text: e to the entropy of its shares "
                        "without their signs, and the fewest tokens with 90 % of their sum.");
    for (int l = 0; l < v->L && !status; l++) {
        double effective = 0, needed = 0;
        int rows = 0;
        for (int t = v->n / 2; t < v->n; t++, rows++) {
            double e;
            int k;
            for (int i = 0; i <= t; i++)
                row[i] = (double)v->share[((size_t)l * (size_t)v->n + (size_t)t) * (size_t)v->n + (size_t)i];
            concentrate(row, t + 1, &e, &k);
            effective += e, needed += k;
        }
        x[l] = l;
        zero[l] = 100.0 * (double)zeros[l].zero[0] / (double)zeros[l].of[0];
        tokens[l] = effective / rows;
        sheet_put(&table, "%d", l);
        sheet_put(&table, "%.1f %%", zero[l]);
        if (zeros[l].of[5])
            sheet_put(&table, "%.1f %%", 100.0 * (double)zeros[l].zero[5] / (double)zeros[l].of[5]);
        else
            sheet_put(&table, "%s", "");
        sheet_put(&table, "%.1f", tokens[l]);
        sheet_put(&table, "%.1f", needed / rows);
    }
    if (!status) {
        const wkv_series a = {.n = v->L, .x = x, .y = zero}, b = {.n = v->L, .x = x, .y = tokens};
        wkv_report_plot(v->r, &(wkv_plot){.figure = {"zeros", "Activation sparsity", "Squared ReLUs that are zero.", 1},
                                          .x = {.label = "layer"},
                                          .y = {.label = "zero (%)", .low = 0, .high = 100},
                                          .series = &a,
                                          .n_series = 1});
        wkv_report_plot(v->r, &(wkv_plot){.figure = {"effective-tokens", "Tokens in a read-out",
                                                     "e to the entropy of the shares.", 1},
                                          .x = {.label = "layer"},
                                          .y = {.label = "tokens", .from_zero = 1},
                                          .series = &b,
                                          .n_series = 1});
        outputs_table(v->r, "sparsity", NULL, columns, &table);
    }
    wkv_state_free(s);
    free(x), free(zeros);
    return status;
}
