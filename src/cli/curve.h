/* curve.h - options, measurements and report of `wkv curve`. */
#ifndef WKV_CLI_CURVE_H
#define WKV_CLI_CURVE_H

#include "engine.h"
#include "wkv_bench.h"
#include "wkv_curve.h"
#include "wkv_report.h"

enum { TIME_BINS = 200, MOST_SIZES = 16, MOST_DISTANCES = 32, MOST_AGAINST = 4096 };

/* Decoding at one model size. */
typedef struct {
    const char *name; /* "7:0.1B" */
    double parameters, bytes, state;
    double ms, low, high;
} size_point;

/* Recall of a number after `distance` tokens. */
typedef struct {
    int distance;
    wkv_mean nll, first; /* nats of the number; share of texts in which it is the likeliest of ten */
} recall_point;

/* The lines of another program, and the model's time at the same moments, because other programs come and go. */
typedef struct {
    double position[MOST_AGAINST], ms[MOST_AGAINST], resident[MOST_AGAINST], model[MOST_AGAINST];
    int n;
    wkv_trend ms_trend, ratio; /* of ms, and of ms by the model's, by position */
    int has_trend;
} against_lines;

typedef struct {
    const char *synthetic, *type, *text, *against;
    int tokens, length, streams, trained, samples, processor;
    const char *sizes[MOST_SIZES];
    int n_sizes, distances[MOST_DISTANCES], n_distances;
    unsigned long long seed;

    engine e;
    char name[160]; /* of the model */
    int32_t *ids;   /* n_ids: of the tokens that are timed */
    int n_ids;
    double weight_bytes;
    wkv_position_loss loss[WKV_LOSS_BINS];
    wkv_mean beyond; /* change of the loss after the trained length */
    int n_loss, loss_length;
    wkv_position_time time[TIME_BINS];
    double cumulative[TIME_BINS]; /* seconds until the end of a bin: sums of medians, which bursts do not move */
    int n_time, first_time;       /* bins; the first one of the trends */
    wkv_trend ratio;              /* of the fastest tenth to that of the control tokens */
    wkv_trend memory, growth;     /* and of log cumulative time by log tokens */
    int has_trends;
    double token_ms;  /* of a token: the fastest tenth */
    double roof_ms;   /* by the hardware limits        */
    double read, fma; /* these: bytes and operations per second */
    size_point size[MOST_SIZES];
    recall_point recall[MOST_DISTANCES];
    int done_sizes, done_recall;
    against_lines other;
} curve;

/* Each returns 0, 1 after an error message, or 130 after Ctrl-C, with the measurements so far. */
int curve_loss(curve *v);
int curve_time(curve *v);
int curve_sizes(curve *v);
int curve_recall(curve *v);
int curve_against(curve *v); /* curve_against.c */

/* ms of a token of a transformer after `tokens`, at the share of the roof that the model has. */
double curve_transformer_ms(const curve *v, const wkv_transformer *t, double tokens);
/* The length from which the transformer takes longer for a token than the model; INFINITY: none below 10^12. */
double curve_crossing(const curve *v, const wkv_transformer *t);
/* The length from which the other program takes longer, by the line of the ratios; its limits may be NAN or 0. */
void curve_measured_crossing(wkv_mean *out, const against_lines *a);
/* Percent by which a trend changes between two positions, of its value at the first; *low and *high: its interval. */
double curve_change(const wkv_trend *t, double from, double to, double *low, double *high);

/* The page of all measurements, which the caller frees, and a summary on standard output. curve_page.c, curve_text.c */
int curve_page(wkv_report **out, const curve *v);
void curve_print(const curve *v);

#endif
