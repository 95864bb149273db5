/* eval_published.c - wkv eval --published: scores against size for families of models, the lines through them, and the
 * user's own model among them. */
#include "eval.h"
#include "outputs.h"
#include "say.h"
#include "wkv_file.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FAMILIES = 16, POINTS = 16, CHARTS = 20 };
#define NEAR_SIZE 0.25 /* of the logarithms of two sizes */

typedef struct {
    const char *name;
    int n;
    double x[POINTS], y[POINTS];
    const char *labels[POINTS];
    int fitted;
    wkv_line line; /* y, or its logarithm for perplexity, over log10 of the parameters */
    double ends_x[2], ends_y[2];
} family;

typedef struct {
    char name[64]; /* "own-model" */
    double parameters;
    json_t *results; /* as of --json; NULL: none */
} own_model;

typedef struct {
    const char *task, *metric;
    family families[FAMILIES];
    int n;
    double own_x, own_y; /* NaN: none */
} chart;

static int is_log(const chart *c) { return !strcmp(c->metric, "perplexity"); }
static double scaled(const chart *c, double y) { return is_log(c) ? log(y) : y; }
static double unscaled(const chart *c, double y) { return is_log(c) ? exp(y) : y; }
static double at_size(const chart *c, const wkv_line *l, double parameters)
{
    return unscaled(c, l->intercept + l->slope * log10(parameters));
}

/* ---- gathering --------------------------------------------------------------------------------------------------- */

static chart *chart_of(chart *list, int *n, const wkv_published_score *s)
{
    for (int i = 0; i < *n; i++)
        if (!strcmp(list[i].task, s->task) && !strcmp(list[i].metric, s->metric)) return &list[i];
    if (*n == CHARTS) return NULL;
    list[*n] = (chart){.task = s->task, .metric = s->metric, .own_x = NAN, .own_y = NAN};
    return &list[(*n)++];
}

static void add_score(chart *c, const wkv_published_score *s)
{
    int i = 0;
    while (i < c->n && strcmp(c->families[i].name, s->family)) i++;
    if (i == FAMILIES) return;
    if (i == c->n) c->families[c->n++] = (family){.name = s->family};
    family *f = &c->families[i];
    if (f->n == POINTS) return;
    f->x[f->n] = s->parameters;
    f->y[f->n] = s->value;
    const size_t shared = strlen(s->family); /* "Pythia 70M" is "70M" beside the others */
    const int repeats = !strncmp(s->model, s->family, shared) && s->model[shared] == ' ';
    f->labels[f->n++] = s->model + (repeats ? shared + 1 : 0);
}

static void fit(chart *c, double least)
{
    for (int i = 0; i < c->n; i++) {
        family *f = &c->families[i];
        double x[POINTS], y[POINTS];
        int n = 0;
        for (int k = 0; k < f->n; k++) {
            if (f->x[k] < least) continue;
            f->ends_x[n > 0] = f->x[k];
            x[n] = log10(f->x[k]);
            y[n++] = scaled(c, f->y[k]);
        }
        f->fitted = !wkv_fit_line(&f->line, x, y, n);
        for (int k = 0; k < 2 && f->fitted; k++) f->ends_y[k] = at_size(c, &f->line, f->ends_x[k]);
    }
}

/* The own model's value of a chart. */
static void find_own(chart *c, const own_model *own)
{
    size_t i;
    json_t *result;
    json_array_foreach(own->results, i, result)
    {
        const char *task = json_string_value(json_object_get(result, "task"));
        const json_t *value = json_object_get(json_object_get(json_object_get(result, "metrics"), c->metric), "value");
        if (!task || strcmp(task, c->task) || !json_is_number(value)) continue;
        c->own_x = own->parameters;
        c->own_y = json_number_value(value) * (eval_is_share(c->metric) ? 100 : 1);
    }
}

static int gather(chart *list, const own_model *own, double least)
{
    int n = 0;
    const wkv_published_score *s;
    for (int i = 0; (s = wkv_published(i)); i++) {
        chart *c = chart_of(list, &n, s);
        if (c) add_score(c, s);
    }
    for (int i = 0; i < n; i++) fit(&list[i], least), find_own(&list[i], own);
    return n;
}

/* ---- the report -------------------------------------------------------------------------------------------------- */

static int add_own(wkv_series *series, int n, const chart *c, const char *const *label)
{
    series[n] =
        (wkv_series){.name = *label, .mark = WKV_POINTS, .n = 1, .x = &c->own_x, .y = &c->own_y, .labels = label};
    return n + 1;
}

/* RWKV-4 Pile and Pythia first, and the own model: the same colours in every chart. */
static int in_order(const chart *c, const family *out[FAMILIES])
{
    int n = 0;
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < c->n; i++) {
            const char *name = c->families[i].name;
            if (round == (!strcmp(name, "RWKV-4 Pile") ? 0 : !strcmp(name, "Pythia") ? 1 : 2))
                out[n++] = &c->families[i];
        }
    return n;
}

static void draw(wkv_report *r, const chart *c, const own_model *own)
{
    wkv_series series[2 * FAMILIES + 1];
    const family *families[FAMILIES];
    char name[64], title[96];
    const char *const label = own->name;
    int n = 0;
    in_order(c, families);
    for (int i = 0; i < c->n; i++) {
        const family *f = families[i];
        if (i == 2 && isfinite(c->own_y)) n = add_own(series, n, c, &label);
        series[n++] =
            (wkv_series){.name = f->name, .mark = WKV_POINTS, .n = f->n, .x = f->x, .y = f->y, .labels = f->labels};
        if (!f->fitted) continue;
        series[n] = (wkv_series){.mark = WKV_FIT, .n = 2, .x = f->ends_x, .y = f->ends_y, .like = n};
        n++;
    }
    if (c->n <= 2 && isfinite(c->own_y)) n = add_own(series, n, c, &label);
    snprintf(name, sizeof name, "%s-%s", c->task, c->metric);
    for (char *p = name; *p; p++)
        if (*p == '_') *p = '-';
    snprintf(title, sizeof title, "%s, %s", c->task, c->metric);
    wkv_report_plot(r, &(wkv_plot){.figure = {.name = name, .title = title, .half = strcmp(c->task, "lambada") != 0},
                                   .x = {.label = "parameters", .log = 1},
                                   .y = {.label = is_log(c) ? c->metric : "per cent", .log = is_log(c)},
                                   .series = series,
                                   .n_series = n});
}

/* Slopes per tenfold size, with their 95 % intervals. */
static void add_slopes(wkv_report *r, const chart *list, int n)
{
    static const char *const columns[] = {"task", "metric", "family", "models", "slope", "95 % interval", NULL};
    sheet t = {0};
    for (int i = 0; i < n; i++)
        for (int k = 0; k < list[i].n; k++) {
            const family *f = &list[i].families[k];
            if (!f->fitted) continue;
            sheet_put(&t, "%s", list[i].task);
            sheet_put(&t, "%s%s", is_log(&list[i]) ? "ln " : "", list[i].metric);
            sheet_put(&t, "%s", f->name);
            sheet_put(&t, "%d", f->line.n);
            sheet_put(&t, "%.3f", f->line.slope);
            sheet_put(&t, "%.3f to %.3f", f->line.slope - f->line.interval, f->line.slope + f->line.interval);
        }
    outputs_sheet(r, "slopes",
                  "Slope of the least squares line per tenfold number of parameters; the interval has Student's t with "
                  "n - 2 degrees of freedom",
                  columns, &t);
}

static const family *family_of(const chart *c, const char *name)
{
    for (int i = 0; i < c->n; i++)
        if (!strcmp(c->families[i].name, name) && c->families[i].fitted) return &c->families[i];
    return NULL;
}

/* The i-th pair of models of nearly the same size, RWKV-4 Pile and Pythia, both trained once on the Pile. */
typedef struct {
    const char *names[2];
    double values[2], ahead; /* ahead: positive when RWKV is better */
} neighbours;

static int find_neighbours(neighbours *out, const chart *c, int i)
{
    const family *a = family_of(c, "RWKV-4 Pile"), *b = family_of(c, "Pythia");
    for (int k = 0; a && b && k < a->n; k++)
        for (int l = 0; l < b->n; l++) {
            if (fabs(log(a->x[k] / b->x[l])) > NEAR_SIZE || i--) continue;
            *out = (neighbours){{a->labels[k], b->labels[l]}, {a->y[k], b->y[l]}, a->y[k] - b->y[l]};
            if (is_log(c)) out->ahead = -out->ahead;
            return 1;
        }
    return 0;
}

static const char *words_of(double ahead) { return ahead > 0.005 ? "ahead" : ahead < -0.005 ? "behind" : "equal"; }

static void add_comparison(wkv_report *r, const chart *list, int n)
{
    static const char *const columns[] = {"task", "metric", "RWKV-4 Pile", "Pythia", "scores", "RWKV is", NULL};
    sheet t = {0};
    neighbours p;
    for (int i = 0; i < n; i++)
        for (int k = 0; find_neighbours(&p, &list[i], k); k++) {
            sheet_put(&t, "%s", list[i].task);
            sheet_put(&t, "%s", list[i].metric);
            sheet_put(&t, "%s", p.names[0]);
            sheet_put(&t, "%s", p.names[1]);
            sheet_put(&t, "%.2f and %.2f", p.values[0], p.values[1]);
            sheet_put(&t, "%s by %.2f", words_of(p.ahead), fabs(p.ahead));
        }
    outputs_sheet(r, "equal-sizes",
                  "RWKV-4 and a transformer, both trained once on the Pile: models with sizes that differ by at most a "
                  "quarter",
                  columns, &t);
}

static void add_sources(wkv_report *r)
{
    const wkv_published_score *s;
    const char *before = "";
    wkv_report_section(r, "Sources");
    for (int i = 0; (s = wkv_published(i)); i++) {
        char line[300];
        int seen = !strcmp(s->source, before);
        for (int k = 0; k < i && !seen; k++) seen = !strcmp(wkv_published(k)->source, s->source);
        before = s->source;
        if (seen) continue;
        snprintf(line, sizeof line, "%s: %s.", s->family, s->source);
        wkv_report_text(r, line);
    }
}

static int make_report(wkv_report **r, const chart *list, int n, const own_model *own, double least)
{
    if (outputs_new(r, "Published scores by size",
                    "Zero-shot scores that were published for RWKV and for transformers, against the number of "
                    "parameters. Pythia was trained on the same text as RWKV-4 Pile, the others were not. Dashed "
                    "lines are least squares fits per family: of the score, or of the logarithm of perplexity, over "
                    "the logarithm of the size."))
        return 1;
    char fitted[120];
    snprintf(fitted, sizeof fitted, "The fits include models of at least %.0f million parameters.", least / 1e6);
    wkv_report_text(*r, fitted);
    for (int i = 0; i < n; i++) draw(*r, &list[i], own);
    wkv_report_section(*r, "Slopes");
    add_slopes(*r, list, n);
    wkv_report_section(*r, "Equal sizes");
    add_comparison(*r, list, n);
    add_sources(*r);
    return 0;
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static void print(const chart *list, int n)
{
    put_text("%s%-14s %-12s %-12s %6s %9s  %s%s\n", bold(1), "task", "metric", "family", "models", "slope",
             "95 % interval, per tenfold size", plain(1));
    for (int i = 0; i < n; i++)
        for (int k = 0; k < list[i].n; k++) {
            const family *f = &list[i].families[k];
            if (f->fitted)
                put_text("%-14s %s%-*s %-12s %6d %9.3f  %.3f to %.3f\n", list[i].task, is_log(&list[i]) ? "ln " : "",
                         is_log(&list[i]) ? 10 : 12, list[i].metric, f->name, f->line.n, f->line.slope,
                         f->line.slope - f->line.interval, f->line.slope + f->line.interval);
        }
    put_text("\n%s%-14s %-12s %-18s %-7s %8s %8s  %s%s\n", bold(1), "task", "metric", "RWKV-4 Pile", "Pythia", "RWKV",
             "Pythia", "RWKV is", plain(1));
    for (int i = 0; i < n; i++) {
        neighbours p;
        for (int k = 0; find_neighbours(&p, &list[i], k); k++)
            put_text("%-14s %-12s %-18s %-7s %8.2f %8.2f  %s by %.2f\n", list[i].task, list[i].metric, p.names[0],
                     p.names[1], p.values[0], p.values[1], words_of(p.ahead), fabs(p.ahead));
    }
    for (int i = 0; i < n; i++) {
        const family *a = family_of(&list[i], "RWKV-4 Pile"), *b = family_of(&list[i], "Pythia");
        if (isfinite(list[i].own_y) && a && b)
            put_text("\n%s, %s: own model %.2f; at its size the line of RWKV-4 Pile has %.2f, that of Pythia %.2f\n",
                     list[i].task, list[i].metric, list[i].own_y, at_size(&list[i], &a->line, list[i].own_x),
                     at_size(&list[i], &b->line, list[i].own_x));
    }
}

/* The results of wkv eval --json. */
static int read_results(own_model *own, const char *text, size_t bytes, const char *path)
{
    json_error_t why;
    json_t *all = json_loadb(text, bytes, 0, &why), *model = json_object_get(all, "model");
    const json_t *parameters = json_object_get(model, "parameters");
    json_t *results = json_object_get(all, "results");
    if (!json_is_number(parameters) || json_number_value(parameters) < 1 || !json_is_array(results)) {
        json_decref(all);
        return complain(
            "%s: no \"model\" with \"parameters\", or no \"results\"; expected the output of wkv eval --json", path);
    }
    const char *name = json_string_value(json_object_get(model, "path")), *slash = name ? strrchr(name, '/') : NULL;
    snprintf(own->name, sizeof own->name, "%.60s", slash ? slash + 1 : name ? name : "own model");
    own->parameters = json_number_value(parameters);
    own->results = json_incref(results);
    json_decref(all);
    return 0;
}

int eval_published(const char *results, double least)
{
    own_model own = {.name = "own model"};
    chart *list = calloc(CHARTS, sizeof *list);
    char *text = NULL;
    size_t bytes;
    wkv_report *r = NULL;
    int status = list ? 0 : complain("out of memory");
    if (!status) status = outputs_check(NULL, (const char *const[]){results, NULL});
    if (!status && results && wkv_file_read(&text, &bytes, results)) status = complain_library();
    if (!status && results) status = read_results(&own, text, bytes, results);
    free(text);
    const int n = status ? 0 : gather(list, &own, least);
    if (!status) status = make_report(&r, list, n, &own, least);
    if (!status && !outputs_json()) print(list, n);
    if (status)
        wkv_report_free(r);
    else
        status = outputs_end(r);
    json_decref(own.results);
    free(list);
    return status;
}
