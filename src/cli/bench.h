/* bench.h - what `wkv bench` passes from hand to hand: what was asked, what is measured, what is reported. */
#ifndef WKV_CLI_BENCH_H
#define WKV_CLI_BENCH_H

#include "engine.h"
#include "say.h"
#include "wkv_bench.h"
#include <jansson.h>

enum { TEXTS = 32, REPEATS = 15, PROMPTS = 3, BATCHES = 4, MOMENTS = REPEATS * (2 + PROMPTS + BATCHES) };

/* One row of the report. */
typedef struct {
    int n, tokens, repeats;  /* n: what the row is about; tokens: of one repeat */
    double seconds[REPEATS]; /* sorted, when all is measured                    */
    wkv_work work;           /* of one repeat                                   */
    wkv_roof roof[REPEATS];  /* of the machine around it                        */
    double share, dense;     /* of the roof, in the middle: by the bytes that are read, by all weights' */
    const char *limit;       /* which roof it is                                */
    unsigned barriers;       /* of all steps of it together                     */
} figure;

typedef enum { ALL, DECODE, PREFILL, BATCH, TRAIN, SCAN } bench_part;

typedef struct {
    const char *synthetic, *type; /* as asked, or NULL                */
    bench_part only;
    int quick;

    engine e;
    wkv_meter *meter;
    wkv_roof roof, usual; /* the machine's limits: the best seen; the middle of all moments */
    double read[MOMENTS], fma[MOMENTS], int8[MOMENTS];
    int moments;
    int32_t *ids; /* the text                         */
    int n_ids, from_text;
    wkv_state *states[TEXTS]; /* the first is the engine's; the others are made when there are many texts */
    int32_t next[TEXTS];      /* where in the text each one reads */
    float *logits;            /* TEXTS x vocabulary               */
    double load, first, sparsity;
    size_t before, resident,
        needed; /* bytes: of the process before there was a model, and after one text was decoded; what
                                      * the model and that text need */
    figure decode, prefill[PROMPTS], batch[BATCHES], train;
    int prefills, batches; /* measured */
} bench;

/* Fill in ids: the text at `path`, or with NULL one that is built in where the model's vocabulary can spell it, else
 * random ids. Returns 0, or 1 after the sentence. bench_text.c */
int bench_text(bench *b, const char *path);

/* Measure the machine and the model. Returns the exit status. bench_measure.c */
int bench_measure(bench *b);

/* What one pass of a figure took, in the middle. */
double figure_median(const figure *f);
void bench_print(const bench *b);
int bench_print_json(const bench *b); /* the exit status */
int bench_put_json(json_t *report);   /* the same; takes the report, which may be NULL */

/* Count the squared ReLUs that are zero in the whole text, and report them. Returns the exit status. bench_sparsity.c */
int bench_sparsity(bench *b, int as_json);

/* Measure version 4's recurrence token by token and as a scan, over lengths and widths, and report it; no model is
 * needed. Returns the exit status. bench_scan.c */
int bench_scan(int threads, int quick, int as_json);

#endif
