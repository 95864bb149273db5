/* history.h - the figures of a run, as they are written down: lines of train.jsonl, TensorBoard's event files, and a
 * page with curves. */
#ifndef WKV_TRAIN_HISTORY_H
#define WKV_TRAIN_HISTORY_H

#include <jansson.h>
#include <stdio.h>
#include "wkv_train.h"

typedef struct {
    double step, loss, smooth, lr, norm, speed;
} figures;

typedef struct {
    double step, loss, bits;        /* bits a byte; all of them negative: not known */
    double accuracy, accuracy_norm; /* of questions                                 */
} measurement;

typedef struct {
    FILE *log, *events;
    char *page; /* path of train.html */
    figures *f;
    measurement *m;
    int n_f, n_m, room_f, room_m;
    char *sample; /* the last one, its step, and the bytes of it that are the prompt */
    int64_t sample_step;
    int sample_prompt;
    double page_time; /* when the page was written */
} history;

/* Open the logs in a folder but train.jsonl, which h->log is already (file_log). Its first `keep` bytes stay and are
 * read; the lines behind them, of a run that was killed after its last checkpoint, are written anew. step: where the
 * run continues. WKV_EIO, WKV_EFORMAT, WKV_ENOMEM. */
int history_open(history *h, const char *folder, int64_t keep, int64_t step);
void history_close(history *h);

/* Write down what a report says: figures, whose loss is `mean`; a measurement; a sample. WKV_EIO when the disk is
 * full. */
int history_figures(history *h, const wkv_train_report *r, double mean);
int history_measurement(history *h, const wkv_train_report *r);
int history_sample(history *h, const wkv_train_report *r);

/* Everything so far is on the disk; returns the length of train.jsonl, or a failure. */
int64_t history_sync(history *h);

/* The page, at most every few seconds, or now. `now`: also says that the run is over. */
int history_page(history *h, const wkv_train_plan *p, const wkv_train_report *r, int over);

/* An object, which is given away, as a line of a log that is called `name`. WKV_EIO, WKV_ENOMEM. */
int history_line(FILE *log, json_t *line, const char *name);
json_t *real_or_null(double x); /* NaN and infinity are null in JSON */

/* events.c: TensorBoard's file format, TFRecord: each record with its length and masked CRC-32C, in it an Event of
 * protocol buffers. */
FILE *events_open(const char *folder, int64_t step); /* NULL: WKV_EIO */
int events_scalar(FILE *f, int64_t step, const char *tag, double value);
uint32_t crc32c(const void *data, size_t n);

/* page.c: the page as it is, into an open file. */
void page_write(FILE *f, const history *h, const wkv_train_plan *p, const wkv_train_report *r, int over);

#endif
