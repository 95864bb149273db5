/* curve_page.c - the page of `wkv curve`: charts, the table of complexities, and the numbers. */
#include "curve.h"
#include "outputs.h"
#include "say.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POINTS = 120 }; /* of a computed line */

static double last_position(const curve *v) { return v->n_time ? (double)v->time[v->n_time - 1].to : v->tokens; }

/* n positions from 1 to `most`, at equal ratios. */
static void set_lengths(double *x, int n, double most)
{
    for (int i = 0; i < n; i++) x[i] = pow(most, i / (n - 1.0));
}

/* ---- loss -------------------------------------------------------------------------------------------------------- */

static int add_loss(wkv_report *r, const curve *v)
{
    double x[WKV_LOSS_BINS], y[WKV_LOSS_BINS], low[WKV_LOSS_BINS], high[WKV_LOSS_BINS];
    char caption[200], trained[64], count[32];
    if (!v->n_loss) return 0;
    for (int i = 0; i < v->n_loss; i++) {
        const wkv_position_loss *b = &v->loss[i];
        x[i] = sqrt((double)b->from * (b->to - 1));
        y[i] = b->loss.mean, low[i] = b->loss.low, high[i] = b->loss.high;
    }
    snprintf(caption, sizeof caption, "Mean over %d streams of the text and its 95 %% interval (Student's t).",
             v->loss[0].loss.n);
    snprintf(trained, sizeof trained, "trained on %s tokens", as_count(count, v->trained));
    if (v->beyond.n) {
        char note[120];
        snprintf(note, sizeof note, "to %s, less that of the last half of the trained length",
                 as_count(count, v->loss_length));
        wkv_report_fact(r, &(wkv_fact){"loss after the trained length", "nats", v->beyond.mean, v->beyond.low,
                                       v->beyond.high, note});
    }
    const wkv_series line = {.name = v->name, .n = v->n_loss, .x = x, .y = y, .low = low, .high = high};
    const wkv_rule rule = {trained, v->trained, 0};
    wkv_report_section(r, "Loss by position");
    wkv_report_text(
        r, "Each stream begins with the initial state. A point is the mean loss of the tokens with about so many "
           "tokens before them.");
    return wkv_report_plot(r, &(wkv_plot){.figure = {"loss", "Loss by position", caption, 0},
                                          .x = {.label = "tokens before", .log = 1},
                                          .y = {.label = "loss (nats per token)"},
                                          .series = &line,
                                          .n_series = 1,
                                          .rules = &rule,
                                          .n_rules = v->trained > 0});
}

/* ---- time -------------------------------------------------------------------------------------------------------- */

/* The measured bins as arrays for the charts. */
typedef struct {
    double x[TIME_BINS], ms[TIME_BINS], fast[TIME_BINS], low[TIME_BINS], high[TIME_BINS], to[TIME_BINS],
        seconds[TIME_BINS], resident[TIME_BINS];
    double length[POINTS], computed[2][POINTS];
    wkv_transformer shape[2];
} time_lines;

static void set_lines(time_lines *t, const curve *v)
{
    for (int i = 0; i < v->n_time; i++) {
        const wkv_position_time *b = &v->time[i];
        t->x[i] = (double)(b->from + b->to) / 2;
        t->ms[i] = b->ms, t->fast[i] = b->fast, t->low[i] = b->low, t->high[i] = b->high;
        t->to[i] = (double)b->to, t->seconds[i] = v->cumulative[i], t->resident[i] = b->resident / 1e6;
    }
    double most = last_position(v);
    for (int i = 0; i < v->other.n; i++) most = fmax(most, v->other.position[i]);
    set_lengths(t->length, POINTS, most);
    for (int k = 0; k < 2; k++) {
        wkv_transformer_of(&t->shape[k], v->e.model, k ? WKV_LLAMA : WKV_NEOX);
        for (int i = 0; i < POINTS; i++) t->computed[k][i] = curve_transformer_ms(v, &t->shape[k], t->length[i]);
    }
}

static int add_own_time(wkv_report *r, const curve *v, const time_lines *t)
{
    const wkv_series ms[] = {{.name = "median", .n = v->n_time, .x = t->x, .y = t->ms, .low = t->low, .high = t->high},
                             {.name = "fastest tenth", .n = v->n_time, .x = t->x, .y = t->fast}};
    wkv_report_plot(
        r, &(wkv_plot){.figure = {"time", "Time per token", "Of the tokens of each bin; band: their quartiles.", 1},
                       .x = {.label = "tokens before"},
                       .y = {.label = "milliseconds", .from_zero = 1},
                       .series = ms,
                       .n_series = 2});
    const wkv_series memory = {.name = NULL, .n = v->n_time, .x = t->to, .y = t->resident};
    return wkv_report_plot(r,
                           &(wkv_plot){.figure = {"memory", "Resident memory", "Of the process, weights included.", 1},
                                       .x = {.label = "tokens before"},
                                       .y = {.label = "MB", .from_zero = 1},
                                       .series = &memory,
                                       .n_series = 1});
}

/* Seconds of another program up to each of its positions: a line between them. */
static void sum_other(double *seconds, const against_lines *a)
{
    for (int i = 0; i < a->n; i++)
        seconds[i] = i ? seconds[i - 1] + (a->ms[i] + a->ms[i - 1]) / 2e3 * (a->position[i] - a->position[i - 1])
                       : a->ms[i] / 1e3 * fmax(1, a->position[i]);
}

static int add_comparison(wkv_report *r, const curve *v, const time_lines *t)
{
    double other[MOST_AGAINST], from_first[POINTS], squares[POINTS];
    const against_lines *a = &v->other;
    const wkv_series s[] = {{.name = v->name, .n = v->n_time, .x = t->x, .y = t->fast},
                            {.name = "GPT-NeoX shape, computed", .n = POINTS, .x = t->length, .y = t->computed[0]},
                            {.name = "Llama shape, computed", .n = POINTS, .x = t->length, .y = t->computed[1]},
                            {.name = "transformer, measured", .n = a->n, .x = a->position, .y = a->ms},
                            {.name = "the model at these moments",
                             .mark = WKV_POINTS,
                             .n = a->n,
                             .x = a->position,
                             .y = a->model,
                             .like = 1}};
    wkv_report_plot(
        r,
        &(wkv_plot){
            .figure = {"time-transformer", "Time per token beside a transformer",
                       "The fastest tenth of the tokens; transformers of the same layers and width, computed as below.",
                       0},
            .x = {.label = "tokens before", .log = 1},
            .y = {.label = "milliseconds", .log = 1},
            .series = s,
            .n_series = a->n ? 5 : 3});
    sum_other(other, a);
    const double begin = t->to[0], ratio = fmax(last_position(v), begin) / begin;
    for (int i = 0; i < POINTS; i++) { /* through the first point of the model */
        from_first[i] = begin * pow(ratio, i / (POINTS - 1.0));
        squares[i] = t->seconds[0] * pow(from_first[i] / begin, 2);
    }
    const wkv_series sums[] = {
        {.name = v->name, .n = v->n_time, .x = t->to, .y = t->seconds},
        {.name = "slope of T\302\262", .mark = WKV_FIT, .n = POINTS, .x = from_first, .y = squares},
        {.name = "transformer", .n = a->n, .x = a->position, .y = other}};
    return wkv_report_plot(r, &(wkv_plot){.figure = {"cumulative", "Cumulative time",
                                                     "Sum of the medians. Slope 1 is T, slope 2 is T\302\262.", 1},
                                          .x = {.label = "tokens T", .log = 1},
                                          .y = {.label = "seconds", .log = 1},
                                          .series = sums,
                                          .n_series = a->n ? 3 : 2});
}

static int add_cache(wkv_report *r, const curve *v, const time_lines *t)
{
    double state[POINTS], cache[2][POINTS];
    for (int i = 0; i < POINTS; i++) {
        state[i] = (double)v->e.about->state_bytes / 1e6;
        for (int k = 0; k < 2; k++) cache[k][i] = 2 * wkv_transformer_cache(&t->shape[k], t->length[i]) / 1e6;
    }
    const wkv_series s[] = {{.name = "state", .n = POINTS, .x = t->length, .y = state},
                            {.name = "GPT-NeoX", .n = POINTS, .x = t->length, .y = cache[0]},
                            {.name = "Llama", .n = POINTS, .x = t->length, .y = cache[1]}};
    return wkv_report_plot(r, &(wkv_plot){.figure = {"cache", "State beside an attention cache",
                                                     "State in f32; keys and values in 16 bits.", 1},
                                          .x = {.label = "tokens T", .log = 1},
                                          .y = {.label = "MB", .log = 1},
                                          .series = s,
                                          .n_series = 3});
}

static void add_fact(wkv_report *r, const char *name, const char *unit, double value, double low, double high,
                     const char *note)
{
    wkv_report_fact(r, &(wkv_fact){name, unit, value, low, high, note});
}

static void add_time_facts(wkv_report *r, const curve *v)
{
    char range[96], from[32], to[32];
    double low, high;
    const double first = (double)v->time[v->first_time].from, last = last_position(v);
    if (!v->has_trends) return;
    snprintf(range, sizeof range, "from token %s to %s", as_count(from, (int64_t)first), as_count(to, (int64_t)last));
    add_fact(r, "time per token", "ms", v->token_ms, NAN, NAN, "of the fastest tenth of the tokens");
    const double change = curve_change(&v->ratio, first, last, &low, &high);
    add_fact(r, "change of the time per token", "%", change, low, high, range);
    const double scale = (last - first) / 1e6;
    add_fact(r, "change of the memory", "MB", v->memory.slope * scale, v->memory.low * scale, v->memory.high * scale,
             range);
    add_fact(r, "cumulative time grows as T to the power", NULL, v->growth.slope, v->growth.low, v->growth.high, range);
}

static void add_crossings(wkv_report *r, const curve *v, const time_lines *t)
{
    for (int k = 0; k < 2; k++) {
        char name[96];
        const double at = curve_crossing(v, &t->shape[k]);
        snprintf(name, sizeof name, "a %s shape is slower, computed, from token", t->shape[k].name);
        add_fact(r, name, NULL, at, NAN, NAN, NULL);
        snprintf(name, sizeof name, "a %s cache is larger than the state from token", t->shape[k].name);
        add_fact(r, name, NULL, ceil((double)v->e.about->state_bytes / (2 * wkv_transformer_cache(&t->shape[k], 1))),
                 NAN, NAN, NULL);
    }
    if (!v->other.has_trend) return;
    wkv_mean at;
    const wkv_trend *o = &v->other.ms_trend;
    curve_measured_crossing(&at, &v->other);
    add_fact(r, "the measured transformer is slower from token", NULL, at.mean, at.low, at.high,
             "by the line of the ratios");
    add_fact(r, "the measured transformer takes more per 1,000 tokens", "ms", 1e3 * o->slope, 1e3 * o->low,
             1e3 * o->high, NULL);
}

/* ---- complexity -------------------------------------------------------------------------------------------------- */

static int add_complexity(wkv_report *r, const curve *v, const time_lines *t)
{
    enum { ROWS = 5 };
    char text[ROWS * 2][96], a[16], b[16], c[32], here[96], transformer[64];
    const double T = last_position(v);
    const wkv_model_info *m = v->e.about;
    const double state = (double)m->state_bytes, cache = 2 * wkv_transformer_cache(&t->shape[0], T);
    double sum = 0;
    for (int i = 1; i < POINTS; i++)
        sum += (t->computed[0][i] + t->computed[0][i - 1]) / 2e3 * (t->length[i] - t->length[i - 1]) * T /
               t->length[POINTS - 1];
    snprintf(here, sizeof here, "here, T = %s", as_count(c, (int64_t)T));
    snprintf(transformer, sizeof transformer, "GPT-NeoX shape, computed");
    snprintf(text[0], sizeof text[0], "%.4g ms", v->token_ms);
    snprintf(text[1], sizeof text[1], "%.4g ms", curve_transformer_ms(v, &t->shape[0], T));
    snprintf(text[2], sizeof text[2], "%.4g s", v->cumulative[v->n_time - 1]);
    snprintf(text[3], sizeof text[3], "%.4g s", sum);
    snprintf(text[4], sizeof text[4], "%s", as_bytes(a, state));
    snprintf(text[5], sizeof text[5], "%s", as_bytes(b, cache));
    const char *const columns[] = {"", "RWKV", here, "transformer", transformer};
    const char *const cells[] = {"time of a token after T",   "O(1)", text[0], "O(T)",         text[1],
                                 "time of T tokens",          "O(T)", text[2], "O(T\302\262)", text[3],
                                 "memory beside the weights", "O(1)", text[4], "O(T)",         text[5]};
    char formula[600];
    const wkv_transformer *x = &t->shape[0], *y = &t->shape[1];
    wkv_report_section(r, "Complexity");
    wkv_report_table(r, &(wkv_table){"complexity", NULL, columns, 5, cells, 3});
    wkv_report_text(
        r, "The lines of the transformers follow from their shapes. Their weights have as many bytes each as the "
           "model's, keys and values have 16 bits, and they reach the same share of the hardware limits as the "
           "model does. A share above 1 means that the model's weights stay in the caches of the processor, where a "
           "long attention cache does not fit, so that the lines flatter the transformers:");
    snprintf(formula, sizeof formula,
             "GPT-NeoX: L = %d, C = %d, %d heads of %d, V = %d: %.4g parameters\n"
             "Llama: %d key and value heads, F = %d: %.4g parameters\n"
             "cache(T) = 2 L K D T values\n"
             "read(T)  = (parameters - V C) x %.3g bytes + cache(T) x 2 bytes\n"
             "flops(T) = 2 (parameters - V C) + 4 L C T\n"
             "time(T)  = max(read(T) / %.3g GB/s, flops(T) / %.3g GFLOP/s) / %.2f",
             x->layers, x->width, x->heads, x->head_size, x->vocab, x->parameters, y->kv_heads, y->ffn, y->parameters,
             v->weight_bytes, v->read / 1e9, v->fma / 1e9, v->roof_ms / v->token_ms);
    return wkv_report_formula(r, formula);
}

static int add_time(wkv_report *r, const curve *v)
{
    if (!v->n_time) return 0;
    time_lines *t = malloc(sizeof *t);
    if (!t) return complain("out of memory");
    set_lines(t, v);
    add_time_facts(r, v);
    if (v->roof_ms > 0) add_crossings(r, v, t);
    wkv_report_section(r, "Time and memory by position");
    add_own_time(r, v, t);
    int err = 0;
    if (v->roof_ms > 0) {
        add_comparison(r, v, t);
        add_cache(r, v, t);
        err = add_complexity(r, v, t);
    }
    free(t);
    return err;
}

/* ---- sizes and recall -------------------------------------------------------------------------------------------- */

static int add_sizes(wkv_report *r, const curve *v)
{
    double x[MOST_SIZES], ms[MOST_SIZES], low[MOST_SIZES], high[MOST_SIZES], bytes[MOST_SIZES], state[MOST_SIZES];
    const char *names[MOST_SIZES];
    const int n = v->done_sizes;
    if (!n) return 0;
    for (int i = 0; i < n; i++) {
        const size_point *p = &v->size[i];
        x[i] = p->parameters, names[i] = p->name;
        ms[i] = p->ms, low[i] = p->low, high[i] = p->high;
        bytes[i] = p->bytes / 1e6, state[i] = p->state / 1e6;
    }
    const wkv_series time = {.mark = WKV_POINTS, .n = n, .x = x, .y = ms, .low = low, .high = high, .labels = names};
    const wkv_series size[] = {{.name = "weights", .mark = WKV_POINTS, .n = n, .x = x, .y = bytes, .labels = names},
                               {.name = "state of a text", .mark = WKV_POINTS, .n = n, .x = x, .y = state}};
    wkv_report_section(r, "By model size");
    wkv_report_plot(r, &(wkv_plot){.figure = {"sizes-time", "Time per token", "Median and quartiles.", 1},
                                   .x = {.label = "parameters", .log = 1},
                                   .y = {.label = "milliseconds", .log = 1},
                                   .series = &time,
                                   .n_series = 1});
    return wkv_report_plot(r,
                           &(wkv_plot){.figure = {"sizes-memory", "Memory", "Weights as they are run, and a state.", 1},
                                       .x = {.label = "parameters", .log = 1},
                                       .y = {.label = "MB", .log = 1},
                                       .series = size,
                                       .n_series = 2});
}

static int add_recall(wkv_report *r, const curve *v)
{
    double x[MOST_DISTANCES], nll[3][MOST_DISTANCES], first[3][MOST_DISTANCES];
    const int n = v->done_recall;
    char caption[120];
    if (!n) return 0;
    for (int i = 0; i < n; i++) {
        const recall_point *p = &v->recall[i];
        x[i] = p->distance;
        nll[0][i] = p->nll.mean, nll[1][i] = p->nll.low, nll[2][i] = p->nll.high;
        first[0][i] = p->first.mean, first[1][i] = fmax(0, p->first.low), first[2][i] = fmin(1, p->first.high);
    }
    snprintf(caption, sizeof caption, "Mean of %d texts and its 95 %% interval.", v->recall[0].nll.n);
    const wkv_series loss = {.n = n, .x = x, .y = nll[0], .low = nll[1], .high = nll[2]};
    const wkv_series share = {.n = n, .x = x, .y = first[0], .low = first[1], .high = first[2]};
    const wkv_rule chance[] = {{"a random number", log(9e6), 1}, {"chance", 0.1, 1}};
    wkv_report_section(r, "Recall by distance");
    wkv_report_text(
        r, "A text begins with a key and a number of seven digits; filler follows, then the question for the number "
           "(RULER's needle). The distance is the length of the text.");
    wkv_report_plot(r, &(wkv_plot){.figure = {"recall-loss", "Loss of the number", caption, 1},
                                   .x = {.label = "tokens", .log = 1},
                                   .y = {.label = "nats per number", .from_zero = 1},
                                   .series = &loss,
                                   .n_series = 1,
                                   .rules = chance,
                                   .n_rules = 1});
    return wkv_report_plot(r,
                           &(wkv_plot){.figure = {"recall-choice", "Right number preferred to nine others", caption, 1},
                                       .x = {.label = "tokens", .log = 1},
                                       .y = {.label = "share of texts", .low = 0, .high = 1},
                                       .series = &share,
                                       .n_series = 1,
                                       .rules = chance + 1,
                                       .n_rules = 1});
}

int curve_page(wkv_report **out, const curve *v)
{
    char title[200], summary[400], from[32], to[32];
    double low, high;
    const int only_sizes = v->done_sizes && !v->n_time && !v->n_loss && !v->done_recall;
    snprintf(title, sizeof title, only_sizes ? "Time and memory by model size" : "%s by position", v->name);
    snprintf(summary, sizeof summary, "%d layers of width %d, %s parameters, %d %s (%s).", v->e.about->layers,
             v->e.about->width, as_count(from, v->e.about->parameters), wkv_context_threads(v->e.context),
             wkv_context_threads(v->e.context) == 1 ? "thread" : "threads", wkv_context_isa(v->e.context));
    if (v->has_trends) {
        const double first = (double)v->time[v->first_time].from,
                     change = curve_change(&v->ratio, first, last_position(v), &low, &high);
        snprintf(summary + strlen(summary), sizeof summary - strlen(summary),
                 " The time per token changes by %+.2g %% (%+.2g to %+.2g) from token %s to %s.", change, low, high,
                 as_count(from, (int64_t)first), as_count(to, (int64_t)last_position(v)));
    }
    if (outputs_new(out, title, only_sizes ? "Random weights in published sizes." : summary)) return 1;
    add_loss(*out, v);
    add_time(*out, v);
    add_sizes(*out, v);
    add_recall(*out, v);
    return 0;
}
