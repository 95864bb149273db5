/* bench.h - options, measurements and report of `wkv bench`. */
#ifndef WKV_CLI_BENCH_H
#define WKV_CLI_BENCH_H

#include "engine.h"
#include "say.h"
#include "wkv_bench.h"
#include <jansson.h>

enum { TEXTS = 32, REPEATS = 15, PROMPTS = 3, BATCHES = 4, MOMENTS = REPEATS * (2 + PROMPTS + BATCHES) };

/* One row of the report. */
typedef struct {
    int n, tokens, repeats;  /* n: length of the prompt, or number of texts; tokens: of one repeat */
    double seconds[REPEATS]; /* sorted after the last repeat */
    wkv_work work;           /* of one repeat */
    wkv_roof roof[REPEATS];  /* hardware limits around that repeat */
    double share, dense;     /* median percentage of the roof: for the bytes read, for all weights */
    double bandwidth, peak;  /* median share of the bandwidth, and of the peak of the operations */
    const char *limit;       /* the limit that applies */
    double traffic;          /* bytes that the launches of a repeat named in their arguments; 0: on the processor */
    unsigned barriers;       /* of all steps of a repeat */
} figure;

typedef enum { ALL, DECODE, PREFILL, BATCH, TRAIN, SCAN, CARDS } bench_part;

typedef struct {
    const char *synthetic, *type; /* --type, or NULL */
    bench_part only;
    int quick;

    engine e;
    wkv_meter *meter;
    wkv_roof roof, usual; /* hardware limits: the best seen; the median of all measurements */
    double read[MOMENTS], fma[MOMENTS], int8[MOMENTS];
    int moments;
    int32_t *ids; /* the text */
    int n_ids, from_text;
    wkv_state *states[TEXTS]; /* the first is the engine's; the others are created for batches */
    int32_t next[TEXTS];      /* position of each in the text */
    float *logits;            /* TEXTS x vocabulary */
    double load, first, sparsity;
    size_t before, resident,
        needed; /* bytes: of the process before the model is opened, and after decoding one text; the bytes that
                                      * the model and that text need */
    figure decode, prefill[PROMPTS], batch[BATCHES], train;
    int prefills, batches; /* measured */
} bench;

/* The ids of the text at `path`, which the caller frees; NULL: of a built-in text if the model's vocabulary can encode
 * it (*from_text 1), else random ones. Returns 0, or 1 after an error message. bench_text.c */
int bench_text(int32_t **ids, int *n, int *from_text, const engine *e, const char *path);

/* Measure the hardware limits and the model. Returns the exit status. bench_measure.c */
int bench_measure(bench *b);

double bench_median(double *x, int n); /* sorts x; 0: there is none */
/* Median seconds of one pass of a row. */
double figure_median(const figure *f);
void bench_print(const bench *b);
int bench_print_json(const bench *b); /* the exit status */
int bench_put_json(json_t *report);   /* the same; takes the report, which may be NULL */

/* Measure the activation sparsity of the whole text and report it. Returns the exit status. bench_sparsity.c */
int bench_sparsity(bench *b, int as_json);

/* Measure version 4's recurrence token by token and as a scan, over lengths and widths, and report it; no model is
 * needed. Returns the exit status. bench_scan.c */
int bench_scan(int threads, int quick, int as_json);

/* Print tokens per second at most on published cards, for every published size, calculated from bytes and bandwidth;
 * nothing is run. Returns the exit status. bench_cards.c */
int bench_cards(int as_json);

#endif
