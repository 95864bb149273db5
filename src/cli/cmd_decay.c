/* cmd_decay.c - `wkv decay`: half-lives of the channels of each layer. */
#include "commands.h"
#include "engine.h"
#include "outputs.h"
#include "passage.h"
#include "say.h"
#include "wkv_lens.h"
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_POINTS = 400 }; /* of a line */

static int most = 512;

static const option options[] = {
    {'n', "tokens", OPT_COUNT, "N", &most, 1, INT_MAX, NULL, "most tokens of the text to read, in versions 6 and 7"},
};
static const group own = GROUP("Decay", options);
static const group *const groups[] = {&passage_group,   &own,           &outputs_group,
                                      &model_group,     &weights_group, &adapter_group,
                                      &tokenizer_group, &general_group, NULL};

/* ---- layers ------------------------------------------------------------------------------------------------------ */

static int by_half_life(const void *a, const void *b)
{
    const double x = ((const wkv_half_life *)a)->half_life, y = ((const wkv_half_life *)b)->half_life;
    return (x > y) - (x < y);
}

/* h: the C channels of a layer in order. */
static double at_share(const wkv_half_life *h, int C, double share)
{
    return h[(int)(share * (C - 1) + 0.5)].half_life;
}

static double share_above(const wkv_half_life *h, int C, double tokens)
{
    int n = 0;
    for (int i = 0; i < C; i++) n += h[i].half_life > tokens;
    return 100.0 * n / C;
}

static void put_tokens(char out[32], double tokens)
{
    if (!(tokens < 1e9))
        snprintf(out, 32, "over 10^9");
    else if (tokens < 100)
        snprintf(out, 32, "%.2g", tokens);
    else
        as_count(out, (int64_t)(tokens + 0.5));
}

static void describe(wkv_report *r, const wkv_half_life *h, int layer, int C)
{
    char median[32], longest[32];
    put_tokens(median, at_share(h, C, 0.5));
    put_tokens(longest, h[C - 1].half_life);
    outputs_sentence(r,
                     "Layer %d: half of the channels keep half of a value for less than %s tokens, %.3g %% of them for "
                     "more than 100 and %.3g %% for more than 1,000; the longest half-life is %s tokens.",
                     layer, median, share_above(h, C, 100), share_above(h, C, 1000), longest);
}

static void add_table(wkv_report *r, const wkv_half_life *h, int L, int C)
{
    static const char *const columns[] = {"layer",   "10 %",         "median",         "90 %",
                                          "longest", "> 100 tokens", "> 1,000 tokens", NULL};
    static const double shares[] = {0.1, 0.5, 0.9, 1};
    sheet s = {0};
    for (int l = 0; l < L; l++) {
        const wkv_half_life *of = h + (size_t)l * (size_t)C;
        sheet_put(&s, "%d", l);
        for (int i = 0; i < 4; i++) {
            char text[32];
            put_tokens(text, at_share(of, C, shares[i]));
            sheet_put(&s, "%s", text);
        }
        sheet_put(&s, "%.1f %%", share_above(of, C, 100));
        sheet_put(&s, "%.1f %%", share_above(of, C, 1000));
    }
    outputs_table(r, "half-lives", "Half-lives in tokens; shares of channels.", columns, &s);
}

/* ---- pictures ---------------------------------------------------------------------------------------------------- */

/* The i-th of `points` channels at equal steps. */
static int channel(int i, int points, int C) { return points > 1 ? (int)((int64_t)i * (C - 1) / (points - 1)) : 0; }

static int add_lines(wkv_report *r, const wkv_half_life *h, int L, int C)
{
    const int points = C < MOST_POINTS ? C : MOST_POINTS;
    double *x = malloc(sizeof *x * (size_t)points), *y = malloc(sizeof *y * (size_t)L * (size_t)points);
    wkv_series *s = calloc((size_t)L, sizeof *s);
    char(*names)[24] = malloc(sizeof *names * (size_t)L), last[32];
    int err = x && y && s && names ? 0 : complain("out of memory");
    for (int l = 0; l < L && !err; l++) {
        const wkv_half_life *of = h + (size_t)l * (size_t)C;
        for (int i = 0; i < points; i++) {
            x[i] = 100.0 * (channel(i, points, C) + 0.5) / C;
            y[l * points + i] = of[channel(i, points, C)].half_life;
        }
        snprintf(names[l], sizeof names[l], "layer %d", l);
        s[l] = (wkv_series){.name = names[l],
                            .mark = WKV_THIN,
                            .n = points,
                            .x = x,
                            .y = y + l * points,
                            .shade = L > 1 ? l / (L - 1.0) : 1};
    }
    snprintf(last, sizeof last, "%d", L - 1);
    const wkv_rule rules[] = {{"100 tokens", 100, 1}, {"1,000 tokens", 1000, 1}};
    if (!err)
        wkv_report_plot(r, &(wkv_plot){.figure = {"half-lives", "Half-lives of the channels, sorted in each layer",
                                                  "Tokens until decay alone leaves half of a value.", 0},
                                       .x = {.label = "channels (%)", .low = 0, .high = 100},
                                       .y = {.label = "half-life (tokens)", .log = 1},
                                       .series = s,
                                       .n_series = L,
                                       .rules = rules,
                                       .n_rules = 2,
                                       .shades = {"layer", "0", last}});
    free(names);
    free(s);
    free(y);
    free(x);
    return err;
}

/* One layer with the band of its tokens. */
static void add_band(wkv_report *r, const wkv_half_life *h, int layer, int C)
{
    enum { MOST = 100 };
    double x[MOST], y[MOST], low[MOST], high[MOST];
    const int points = C < MOST ? C : MOST;
    char name[32], title[64];
    for (int i = 0; i < points; i++) {
        const wkv_half_life *of = &h[(size_t)layer * (size_t)C + (size_t)channel(i, points, C)];
        x[i] = 100.0 * (channel(i, points, C) + 0.5) / C;
        y[i] = of->half_life, low[i] = of->low, high[i] = of->high;
    }
    snprintf(name, sizeof name, "layer-%d", layer);
    snprintf(title, sizeof title, "Layer %d", layer);
    const wkv_series s = {.n = points, .x = x, .y = y, .low = low, .high = high};
    wkv_report_plot(r, &(wkv_plot){.figure = {name, title,
                                              "Line: of the product of all decays; band: 10 to 90 % of the "
                                              "tokens.",
                                              1},
                                   .x = {.label = "channels (%)", .low = 0, .high = 100},
                                   .y = {.label = "half-life (tokens)", .log = 1},
                                   .series = &s,
                                   .n_series = 1});
}

static int show(const engine *e, wkv_half_life *h, int tokens)
{
    const int L = e->about->layers, C = e->about->width, fixed = wkv_decay_is_fixed(e->model);
    char title[200], summary[400], count[32];
    wkv_report *r;
    snprintf(title, sizeof title, "Decay of %.120s", engine_model_name(e));
    snprintf(summary, sizeof summary, "RWKV-%s, %d layers of %d channels. %s", e->about->version, L, C,
             fixed ? "Half-lives follow from the weights alone." : "Half-lives depend on the text; this one has ");
    if (!fixed)
        snprintf(summary + strlen(summary), sizeof summary - strlen(summary), "%s tokens.%s", as_count(count, tokens),
                 *e->about->version == '7' ? " The correction of version 7 removes more than decay alone." : "");
    if (outputs_begin(&r, title, summary)) return 1;
    for (int l = 0; l < L; l++) qsort(h + (size_t)l * (size_t)C, (size_t)C, sizeof *h, by_half_life);
    int status = add_lines(r, h, L, C);
    outputs_section(r, "Half-lives by layer",
                    "A half-life is ln 2 / -ln w, where w is the factor by which one token "
                    "multiplies a channel of the wkv state.");
    add_table(r, h, L, C);
    for (int l = 0; l < L; l++) describe(r, h + (size_t)l * (size_t)C, l, C);
    if (!fixed) {
        wkv_report_section(r, "Dependence on the text");
        for (int i = 0, before = -1; i < 4; i++) {
            const int l = i * (L - 1) / 3;
            if (l != before) add_band(r, h, l, C);
            before = l;
        }
    }
    const int failed = outputs_end(r);
    return status ? status : failed;
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static int run(int n, char **operands)
{
    engine e;
    passage text;
    int status = passage_read(&text, &cmd_decay, n, operands, passage_sample);
    if (status) return status;
    if ((status = engine_open(&e, 0))) {
        passage_free(&text);
        return status;
    }
    const int fixed = wkv_decay_is_fixed(e.model);
    status = engine_refuse_begin(&e) || outputs_check(e.model, (const char *const[]){passage_file, NULL});
    if (!status && !fixed && !passage_as_ids && wkv_tokenizer_open(&e.tokenizer, engine_vocab, e.model))
        status = complain_library();
    if (!status && !fixed) status = passage_encode(&text, &e, 1);
    if (text.n > most) text.n = most;
    wkv_half_life *h = malloc(sizeof *h * (size_t)e.about->layers * (size_t)e.about->width);
    if (!status && !h) status = complain("out of memory");
    if (!status && wkv_decay(h, e.context, text.ids, text.n)) status = complain_library();
    if (!status) status = show(&e, h, text.n);
    free(h);
    passage_free(&text);
    engine_close(&e);
    return status;
}

const command cmd_decay = {
    .name = "decay",
    .operands = "[MODEL] [TEXT]",
    .most = 1,
    .model = &engine_model,
    .summary = "show the memory of the channels of each layer",
    .about =
        "Show the half-lives of the channels of the wkv state: tokens until decay alone leaves half of a value. In "
        "versions 4 and 5 they follow from the weights. In versions 6 and 7 they depend on the text, so that a "
        "text is read, by default a built-in one.\n\n"
        "--html writes a page with the sorted half-lives of each layer, --svg the charts alone, --json the "
        "numbers.",
    .examples = "wkv decay --html decay.html  # the built-in model\n"
                "wkv decay RWKV-4-Pile-169M.pth  # from the weights\n"
                "wkv decay MODEL.pth -f book.txt -n 4096  # over the text",
    .groups = groups,
    .run = run,
};
