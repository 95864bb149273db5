/* curve_measure.c - the measurements of `wkv curve`: loss, time and memory by position, sizes, recall. */
#include "bench.h"
#include "curve.h"
#include "models.h"
#include "wkv_task.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int advance(void *user, int64_t done, int64_t total)
{
    progress_at(user, (double)done, (double)total, "%lld of %lld tokens", (long long)done, (long long)total);
    return !!interrupted;
}

/* The status of a call that `advance` may have stopped. */
static int status_of(int err, progress *bar)
{
    progress_end(bar);
    return err == WKV_ESTOPPED ? 130 : err ? complain_library() : 0;
}

/* ---- loss -------------------------------------------------------------------------------------------------------- */

/* All documents of --text behind each other, each with its end-of-text id before it. */
static int read_documents(const curve *v, int32_t **ids, int *n)
{
    wkv_items *items;
    if (wkv_items_texts(&items, v->text, v->e.model, v->e.tokenizer, 0, 0, 0)) return complain_library();
    int64_t total = 0;
    for (int i = 0; i < wkv_items_count(items); i++) {
        const wkv_request *r = wkv_items_at(items, i)->requests;
        total += r->n_context + r->n;
    }
    *n = 0;
    *ids = total < INT32_MAX ? malloc(sizeof **ids * (size_t)total) : NULL;
    for (int i = 0; *ids && i < wkv_items_count(items); i++) {
        const wkv_request *r = wkv_items_at(items, i)->requests; /* a context's ids and the scored ones are adjacent */
        memcpy(*ids + *n, r->context_ids, sizeof **ids * (size_t)(r->n_context + r->n));
        *n += r->n_context + r->n;
    }
    wkv_items_free(items);
    return *ids ? 0 : complain("%s: no memory for %lld tokens", v->text, (long long)total);
}

/* The default length gives eight streams. */
int curve_loss(curve *v)
{
    enum { STREAMS = 8 };
    int32_t *ids;
    int n;
    if (read_documents(v, &ids, &n)) return 1;
    v->loss_length = v->length ? v->length : n / STREAMS - 1;
    if (n <= v->loss_length || v->loss_length < 1) {
        free(ids);
        return complain("%s has %d tokens, too few for streams of %d; a smaller --length needs fewer", v->text, n,
                        v->loss_length);
    }
    progress bar;
    progress_begin(&bar, "loss");
    const wkv_loss_options o = {.ids = ids,
                                .n_ids = n,
                                .length = v->loss_length,
                                .streams = v->streams,
                                .trained = v->trained,
                                .beyond = &v->beyond,
                                .report = advance,
                                .user = &bar};
    const int status = status_of(wkv_curve_loss(v->loss, &v->n_loss, v->e.context, v->e.model, &o), &bar);
    free(ids);
    return status;
}

/* ---- time -------------------------------------------------------------------------------------------------------- */

/* The lines of time and memory by position, without the first bins: the process and the caches settle. */
static void fit_trends(curve *v)
{
    double x[TIME_BINS], y[TIME_BINS], ratio[TIME_BINS], logs[2][TIME_BINS], fast[TIME_BINS];
    int n = 0;
    const double from = fmin(1000, v->tokens / 10.0);
    for (int i = 0; i < v->n_time; i++)
        v->cumulative[i] =
            (i ? v->cumulative[i - 1] : 0) + v->time[i].ms / 1e3 * (double)(v->time[i].to - v->time[i].from);
    while (v->first_time < v->n_time - 1 && (double)v->time[v->first_time].from < from) v->first_time++;
    for (int i = v->first_time; i < v->n_time; i++, n++) {
        const wkv_position_time *t = &v->time[i];
        x[n] = (double)(t->from + t->to) / 2;
        y[n] = t->resident;
        fast[n] = t->fast;
        ratio[n] = t->fast / t->control;
        logs[0][n] = log10((double)t->to);
        logs[1][n] = log10(v->cumulative[i]);
    }
    v->has_trends = !wkv_trend_of(&v->ratio, x, ratio, n) && !wkv_trend_of(&v->memory, x, y, n) &&
                    !wkv_trend_of(&v->growth, logs[0], logs[1], n);
    v->token_ms = bench_median(fast, n);
}

/* The hardware limits with the threads of the run, and the time of a token that they allow. */
static int measure_roof(curve *v)
{
    wkv_meter *meter;
    wkv_roof roof;
    wkv_work w;
    if (wkv_meter_new(&meter, wkv_context_threads(v->e.context))) return complain_library();
    wkv_meter_search(meter, 0.5, &roof);
    wkv_meter_free(meter);
    wkv_work_of(&w, v->e.model, 1, 1, 1, NULL);
    v->read = roof.read;
    v->fma = roof.fma;
    v->roof_ms = 1e3 * fmax(w.bytes / roof.read, (w.flops - w.int8) / roof.fma + w.int8 / roof.int8);
    return 0;
}

int curve_time(curve *v)
{
    enum { LEAST = 25 }; /* tokens of a bin */
    wkv_state *control;
    int from_text;
    progress bar;
    if (bench_text(&v->ids, &v->n_ids, &from_text, &v->e, NULL)) return 1;
    if (wkv_state_new(&control, v->e.model)) return complain_library();
    progress_begin(&bar, "time");
    const int bins = v->tokens < LEAST ? 1 : v->tokens < LEAST * TIME_BINS ? v->tokens / LEAST : TIME_BINS;
    const wkv_time_options o = {.tokens = v->tokens,
                                .bins = bins,
                                .ids = v->ids,
                                .n_ids = v->n_ids,
                                .control = control,
                                .processor = v->processor,
                                .report = advance,
                                .user = &bar};
    const int status = status_of(wkv_curve_time(v->time, &v->n_time, v->e.context, v->e.state, &o), &bar);
    wkv_state_free(control);
    if (v->n_time) fit_trends(v);
    return status ? status : measure_roof(v);
}

double curve_transformer_ms(const curve *v, const wkv_transformer *t, double tokens)
{
    const double bytes = wkv_transformer_read(t, tokens, v->weight_bytes, 2);
    const double roof = 1e3 * fmax(bytes / v->read, wkv_transformer_flops(t, tokens) / v->fma);
    return roof * v->token_ms / v->roof_ms;
}

double curve_crossing(const curve *v, const wkv_transformer *t)
{
    double low = 0, high = 1e12;
    if (curve_transformer_ms(v, t, 0) > v->token_ms) return 0;
    if (!(curve_transformer_ms(v, t, high) > v->token_ms)) return INFINITY;
    for (int i = 0; i < 60; i++) {
        const double middle = (low + high) / 2;
        if (curve_transformer_ms(v, t, middle) > v->token_ms)
            high = middle;
        else
            low = middle;
    }
    return high;
}

static double crossing(double slope, double at, double x, double y)
{
    const double start = isfinite(x) ? y - slope * x : at;
    return start > 1 ? 0 : slope > 0 ? (1 - start) / slope : NAN;
}

void curve_measured_crossing(wkv_mean *out, const against_lines *a)
{
    const wkv_trend *t = &a->ratio; /* its limits turn around the middle of the positions */
    const double x = (a->position[0] + a->position[a->n - 1]) / 2, y = t->at + t->slope * x;
    *out = (wkv_mean){a->n, crossing(t->slope, t->at, NAN, 0), crossing(t->high, t->at, x, y),
                      crossing(t->low, t->at, x, y)};
}

double curve_change(const wkv_trend *t, double from, double to, double *low, double *high)
{
    const double scale = 100 * (to - from) / (t->at + t->slope * from);
    *low = t->low * scale;
    *high = t->high * scale;
    return t->slope * scale;
}

/* ---- sizes ------------------------------------------------------------------------------------------------------- */

/* A second of decoding after some tokens. */
static int measure_size(curve *v, size_point *p)
{
    enum { WARM = 8, BINS = 1 };
    engine e = {0};
    int32_t *ids = NULL;
    int n = 0, from_text, bins;
    wkv_position_time t;
    if (wkv_model_synthetic(&e.model, p->name, v->type, 2)) return complain_library();
    if (engine_ready(&e, 0)) return 1;
    int status = bench_text(&ids, &n, &from_text, &e, NULL);
    wkv_time_options o = {.tokens = WARM, .bins = BINS, .ids = ids, .n_ids = n, .processor = v->processor};
    if (!status && wkv_curve_time(&t, &bins, e.context, e.state, &o)) status = complain_library();
    o.tokens = status ? 0 : (int64_t)fmin(fmax(1000 / t.ms, 10), 2000);
    if (!status && wkv_curve_time(&t, &bins, e.context, e.state, &o)) status = complain_library();
    if (!status) {
        p->parameters = (double)e.about->parameters;
        p->bytes = (double)wkv_model_bytes(e.model, NULL);
        p->state = (double)e.about->state_bytes;
        p->ms = t.ms, p->low = t.low, p->high = t.high;
    }
    free(ids);
    engine_close(&e);
    return status;
}

int curve_sizes(curve *v)
{
    progress bar;
    progress_begin(&bar, "sizes");
    int status = 0;
    for (int i = 0; i < v->n_sizes && !status; i++) {
        progress_at(&bar, i, v->n_sizes, "%s", v->sizes[i]);
        v->size[i].name = v->sizes[i];
        status = interrupted ? 130 : measure_size(v, &v->size[i]);
        if (!status) v->done_sizes = i + 1;
    }
    progress_end(&bar);
    return status;
}

/* ---- recall ------------------------------------------------------------------------------------------------------ */

/* The needle is at the beginning of the text, so that the length is the distance. */
static int measure_distance(curve *v, recall_point *p, progress *bar)
{
    const int lengths[] = {p->distance, 0}, depths[] = {0, -1};
    const wkv_needle_options o = {.lengths = lengths, .depths = depths, .samples = v->samples, .seed = v->seed};
    wkv_items *items;
    if (wkv_items_needles(&items, v->e.model, v->e.tokenizer, &o)) return complain_library();
    const int n = wkv_items_count(items);
    double *nll = malloc(sizeof *nll * 2 * (size_t)n), *first = nll + n;
    int status =
        nll ? status_of(wkv_items_score(items, v->e.context, &(wkv_score_options){.report = advance, .user = bar}), bar)
            : complain("out of memory");
    for (int i = 0; nll && i < n; i++) {
        const wkv_item *q = wkv_items_at(items, i);
        nll[i] = first[i] = NAN;
        if (!q->requests->done) continue;
        nll[i] = -q->requests->log_likelihood;
        first[i] = wkv_item_metric(q, "acc");
    }
    if (nll) wkv_mean_of(&p->nll, nll, n), wkv_mean_of(&p->first, first, n);
    free(nll);
    wkv_items_free(items);
    return status;
}

int curve_recall(curve *v)
{
    progress bar;
    progress_begin(&bar, "recall");
    int status = 0;
    for (int i = 0; i < v->n_distances && !status; i++) {
        v->recall[i].distance = v->distances[i];
        status = interrupted ? 130 : measure_distance(v, &v->recall[i], &bar);
        if (v->recall[i].nll.n) v->done_recall = i + 1;
    }
    return status;
}
