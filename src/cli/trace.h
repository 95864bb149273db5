/* trace.h - the parts of wkv trace: prompts, averages over them, and the report. */
#ifndef WKV_CLI_TRACE_H
#define WKV_CLI_TRACE_H

#include "engine.h"
#include "wkv_trace.h"

/* A prompt with its ids. */
typedef struct {
    int32_t *ids;
    wkv_trace_item item;
    int inside; /* letters outside the subject in its tokens */
    int known;  /* the most probable next token begins the expected answer */
} trace_prompt;

/* Encode a prompt and find the subject, at byte `at`. Returns 0, or 1 after an error message. */
int trace_encode(trace_prompt *p, const engine *e, const char *prompt, const char *subject, size_t at);
/* Set the expected answer: its first token, with or without a blank before it, whichever is more probable; NULL: the
 * model's own. Evaluates the prompt. Returns 0, or 1 after an error message. */
int trace_expect(trace_prompt *p, engine *e, const char *answer);
void trace_forget(trace_prompt *p);

/* Effects of one prompt, or means over prompts, as rows of tokens or of their roles. */
typedef struct {
    unsigned kinds;
    int L, rows;
    const char *const *labels; /* of the rows                                              */
    wkv_trace_effect *grid;    /* traced kinds x L x rows; a mean of NaN: no prompt has one */
    wkv_trace_effect *layers;  /* traced kinds x L, at all tokens together                 */
    /* of the largest site over the largest one in another layer: at one token, and at all tokens together */
    wkv_trace_effect lead[WKV_TRACE_KINDS][2];
    wkv_trace_score clean, corrupted, corrupted_error, total, total_error;
} trace_picture;

/* The i-th traced kind; WKV_TRACE_KINDS past the last. */
wkv_trace_kind trace_kind(unsigned kinds, int i);
/* A site; layer -1: none, row -1: all tokens together. */
typedef struct {
    int layer, row;
} trace_site;
const wkv_trace_effect *trace_cell(const trace_picture *p, int i, trace_site at);
/* The sites of the i-th kind with the largest effect, and with the largest one in another layer; all: at all tokens
 * together. */
void trace_largest(const trace_picture *p, int i, int difference, int all, trace_site *first, trace_site *second);

/* Means over prompts, by role. */
typedef struct trace_sum trace_sum;
trace_sum *trace_sum_new(int layers, unsigned kinds, int difference); /* NULL after an error message */
/* Add a prompt. Returns 0, or 1 after an error message. */
int trace_sum_add(trace_sum *s, const trace_prompt *p, const wkv_trace_result *r, const wkv_trace_effect *grid,
                  const wkv_trace_effect *layers);
/* The means of the prompts so far, which belong to s, and their standard errors over the prompts. */
const trace_picture *trace_sum_picture(trace_sum *s);
void trace_sum_free(trace_sum *s);

/* A result and its options. */
typedef struct {
    const trace_picture *picture;
    int difference; /* not 0: the measure is the logit difference         */
    int averaged;   /* prompts in the means; 0: one prompt                */
    int skipped;    /* prompts of the file with another answer            */
    int samples, window;
    float noise, sigma;
    uint64_t seed;
    const char *prompt, *subject, *answer, *foil; /* of one prompt        */
    const char *source;                           /* file of the prompts  */
} trace_told;

/* "channel mix" */
const char *trace_kind_words(wkv_trace_kind kind);
/* A measure of a score: probability, or logit difference. */
double trace_measure(const trace_told *r, const wkv_trace_score *s);
/* Half a 95 % interval: 1.96 standard errors. */
double trace_half(double error);
/* The noise lowers the measure by more than its 95 % interval; else shares of the effect have no meaning. */
int trace_has_effect(const trace_told *r);
/* One sentence about the largest sites of the i-th traced kind, at one token or at all tokens together. */
enum { TRACE_SENTENCE = 512 };
void trace_sentence(char out[TRACE_SENTENCE], const trace_told *r, int i, int all);

/* Print the result for people. */
void trace_print(const trace_told *r);
/* Write the page, the charts and the JSON that outputs.h has options for. Returns the exit status. */
int trace_write(const trace_told *r);

#endif
