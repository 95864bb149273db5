/* history.h - logging the metrics of a run: train.jsonl, TensorBoard event files, and a page with curves. */
#ifndef WKV_TRAIN_HISTORY_H
#define WKV_TRAIN_HISTORY_H

#include <jansson.h>
#include <stdio.h>
#include "wkv_train.h"

typedef struct {
    double step, loss, smooth, lr, norm, speed;
} figures;

typedef struct {
    double step, loss, bits;        /* bits per byte; negative: unknown */
    double accuracy, accuracy_norm; /* accuracy on the questions */
} measurement;

typedef struct {
    FILE *log, *events;
    char *page; /* path of train.html */
    figures *f;
    measurement *m;
    int n_f, n_m, capacity_f, capacity_m;
    char *sample; /* the last sample, its step, and the bytes of its prompt */
    int64_t sample_step;
    int sample_prompt;
    double page_time; /* time of the last page */
} history;

/* Open the logs in a folder, except train.jsonl, already open as h->log (file_log). Reads and keeps its first `keep`
 * bytes; a run killed after its last checkpoint writes the later lines again. step: where the run resumes.
 * WKV_EIO, WKV_EFORMAT, WKV_ENOMEM. */
int history_open(history *h, const char *folder, int64_t keep, int64_t step);
void history_close(history *h);

/* Log a report: metrics, with `mean` as the loss; an evaluation; a sample. WKV_EIO: for example a full disk. */
int history_figures(history *h, const wkv_train_report *r, double mean);
int history_measurement(history *h, const wkv_train_report *r);
int history_sample(history *h, const wkv_train_report *r);

/* Flush everything to disk; returns the length of train.jsonl, or an error code. */
int64_t history_sync(history *h);

/* Write the page, at most every few seconds. `now`: write it at once, as that of a finished run. */
int history_page(history *h, const wkv_train_plan *p, const wkv_train_report *r, int over);

/* Write an object as a line of the log called `name`; takes the reference. WKV_EIO, WKV_ENOMEM. */
int history_line(FILE *log, json_t *line, const char *name);
json_t *real_or_null(double x); /* NaN and infinity are null in JSON */

/* events.c: TensorBoard's format, TFRecord: records with length and masked CRC-32C, each a protobuf Event. */
FILE *events_open(const char *folder, int64_t step); /* NULL: WKV_EIO */
int events_scalar(FILE *f, int64_t step, const char *tag, double value);
uint32_t crc32c(const void *data, size_t n);

/* page.c: write the page to an open file. */
void page_write(FILE *f, const history *h, const wkv_train_plan *p, const wkv_train_report *r, int over);

#endif
