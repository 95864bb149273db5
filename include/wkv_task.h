/* wkv_task.h - evaluation: multiple choice and completion tasks, the probability of texts, needle recall.
 *
 *     wkv_task *task;  wkv_items *items;  wkv_metric m[WKV_METRICS];
 *     wkv_task_open(&task, "piqa", NULL);
 *     wkv_items_read(&items, task, "piqa_valid.jsonl", model, tokenizer, NULL);
 *     wkv_items_score(items, context, NULL);
 *     int n = wkv_items_metrics(items, NULL, m);               // {"acc", 1838 items, 0.62, 0.011}, {"acc_norm", ...}
 *
 * Everything that is evaluated is a list of items, each with requests: a context, which the model reads, and a
 * continuation, which gets a log-likelihood. docs/evaluation.md has the rules, the task files and examples.
 * Conventions are those of wkv.h. */
#ifndef WKV_TASK_H
#define WKV_TASK_H

#include "wkv_train.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- tasks ------------------------------------------------------------------------------------------------------- */

/* The description of a task under one rule. */
typedef struct wkv_task wkv_task;

/* name: a built-in task, the path of a description (.json), or its JSON text ("{..."). rule (NULL: the first that the
 * task has) decides how a context and a continuation become ids:
 *   harness-0.4  lm-evaluation-harness 0.4: white space at the end of the context moves to the continuation; the
 *                continuation's ids are those of both texts together after as many as the context alone has
 *   harness-0.3  the texts are encoded one by one
 *   chatrwkv     harness-0.3 with the ids of "\n" before every context: ChatRWKV's adapter of the harness
 *   blinkdl      the loops of RWKV-LM for LAMBADA and MMLU: encoded one by one, after id 0; after the ids of "\n" for
 *                version 4 with the GPT-NeoX 20B vocabulary
 * In the first two an empty context is the end-of-text id.
 * WKV_EARG: no such task or rule, with the list; WKV_EFORMAT: the description, with the key; WKV_EIO, WKV_ENOMEM. */
WKV_API int wkv_task_open(wkv_task **out, const char *name, const char *rule);
WKV_API void wkv_task_close(wkv_task *t);

typedef struct {
    const char *name, *title, *rule;
    const char *const *rules;   /* all that the task has; NULL-terminated                                      */
    const char *const *files;   /* names of its file of items without extension; NULL-terminated; "copa_dev[400:]":
                                   the items from the 401st on                                                 */
    const char *const *metrics; /* NULL-terminated: "acc", "acc_norm", "perplexity", "greedy"                  */
    const char *source;         /* where its data are published; "": not given                                 */
    const char *text;           /* the description as JSON                                                     */
} wkv_task_info;

WKV_API const wkv_task_info *wkv_task_about(const wkv_task *t);
WKV_API const char *wkv_task_name(int i);      /* of the i-th built-in task, NULL past the last */
WKV_API const char *wkv_task_rule_name(int i); /* of the i-th rule, NULL past the last */

/* ---- items ------------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *context, *continuation; /* texts; NULL for those of a document */
    const int32_t *context_ids;         /* n_context, at least 1 */
    const int32_t *ids;                 /* n, at least 1: scored; ids[-1] is the last id of the context */
    int n_context, n;
    int characters; /* of the choice */
    /* results */
    double log_likelihood; /* sum over ids, nats */
    int greedy;            /* each id is the most probable in its place */
    int done;
} wkv_request;

typedef struct {
    int64_t index;     /* in its file, from 0 */
    const char *doc;   /* the item as JSON */
    const char *group; /* "": none; documents: the domain, needles: "length depth" */
    int64_t bytes;     /* documents: of the scored text, else 0 */
    int n, right;      /* number of requests; index of the right one */
    wkv_request *requests;
} wkv_item;

typedef struct wkv_items wkv_items;

typedef struct {
    int skip, limit;       /* items to skip at the beginning; most items, 0: all */
    int shots;             /* examples before each question, joined by blank lines */
    const char *shots_from; /* file of the examples, from its beginning; NULL: the first items of the file, which are
                              then not evaluated */
} wkv_items_options;

/* Read the items of a file (.jsonl, .json, .csv, .tsv; gzip and zstd too). WKV_EFORMAT: file, line, field; WKV_EIO,
 * WKV_EUNSUPPORTED, WKV_ENOMEM; WKV_EARG: no item is left, or an id that the model does not have. */
WKV_API int wkv_items_read(wkv_items **out, const wkv_task *t, const char *path, const wkv_model *m,
                           const wkv_tokenizer *words, const wkv_items_options *o);

/* Documents: a .txt is one, a .jsonl, .json, .csv or .tsv has one in the field "text" of each object or row. In a
 * folder, each file is a domain, its group, and each sub-folder another one with all its files. Every id of a document
 * but the first is scored; an end-of-text id before the text makes that all of them, if the vocabulary has one.
 *   window 0  the whole document, its state carried
 *   window N  windows of N ids, from the initial state, that begin every `stride` ids (0: N / 2, at most N - 1); each
 *             scores the ids that no earlier one did, as in the page on perplexity of Hugging Face's transformers
 * limit: most documents of a domain, 0: all. Errors as wkv_items_read. */
WKV_API int wkv_items_texts(wkv_items **out, const char *path, const wkv_model *m, const wkv_tokenizer *words,
                            int window, int stride, int limit);

/* Needle recall, RULER's key-value form (arXiv 2404.06654): sentences "One of the special magic numbers for KEY is:
 * NUMBER." in a filler text, and the question for one of them. Requests: the right number, then `choices` - 1 others,
 * those of the other keys first. */
typedef struct {
    const int *lengths; /* ids of the context, about: at most, less a sentence of filler; zero-terminated */
    const int *depths;  /* place of the needle in per cent of the filler; ends with a negative number */
    int samples;        /* of each length and depth; 0: 5 */
    int keys;           /* needles in the text; 0: 1; the others are at random depths */
    int choices;        /* 0: 10 */
    const char *filler; /* text to hide them in, repeated if it is short; NULL: RULER's repeated sentences */
    uint64_t seed;
} wkv_needle_options;
WKV_API int wkv_items_needles(wkv_items **out, const wkv_model *m, const wkv_tokenizer *words,
                              const wkv_needle_options *o);

WKV_API void wkv_items_free(wkv_items *s);
WKV_API int wkv_items_count(const wkv_items *s);
WKV_API wkv_item *wkv_items_at(wkv_items *s, int i);
WKV_API const char *wkv_items_group(const wkv_items *s, int i); /* the i-th group, in order; NULL past the last */

/* ---- scoring ----------------------------------------------------------------------------------------------------- */

typedef struct {
    int batch;              /* most requests at once, each with a state; 0: 64, and a quarter of the free memory */
    const wkv_state *begin; /* the state before each context; NULL: the initial one */
    /* the processes that share the items; all get all results. Those of one machine share its free memory; their
     * threads are the caller's matter. NULL: one */
    const wkv_communicator *communicator;
    /* after each pass: tokens read by this process so far and in all; not 0: stop */
    int (*report)(void *user, int64_t done, int64_t total);
    void *user;
} wkv_score_options;

/* Compute the log-likelihood of every continuation. The part that contexts have in common is read once: of all items,
 * and of the requests of one. Results have the same bits for any batch, number of threads and number of processes.
 * WKV_ESTOPPED: `report` stopped; finished requests are `done`. WKV_EFORMAT: logits are NaN or infinite; WKV_ENOMEM. */
WKV_API int wkv_items_score(wkv_items *s, wkv_context *c, const wkv_score_options *o);

/* ---- results ----------------------------------------------------------------------------------------------------- */

enum { WKV_METRICS = 8 };

/* A mean over items with its standard error.
 *   acc            share of items with the largest log-likelihood on the right choice (the first of equal ones); with
 *                  one request, share of greedy continuations. Standard error: s / sqrt(n), s with n - 1
 *   acc_norm       the same with the log-likelihood per character of the choice
 *   perplexity     exp(-mean log-likelihood of the right continuation); error: perplexity x that of the mean
 *   greedy         needles: greedy sampling gives the right number
 *   bits_per_byte  documents: sum of nll / ln 2 / bytes. Standard error of a ratio of sums over documents,
 *                  sqrt(n / (n - 1) x sum (y - R x)^2) / sum x
 *   token_perplexity  exp of the nll per token; its error in the same way
 * The error is NaN for one item. */
typedef struct {
    const char *name;
    int n; /* items with all requests done */
    double value, error;
} wkv_metric;

/* The metrics of the items of a group, NULL: all. Returns their number; 0 when no item is done. */
WKV_API int wkv_items_metrics(const wkv_items *s, const char *group, wkv_metric out[WKV_METRICS]);

/* The share of one item: acc and the like 0 or 1, perplexity its log-likelihood, bits_per_byte its own. NaN: the item
 * is not done, or has no such metric. */
WKV_API double wkv_item_metric(const wkv_item *q, const char *metric);

/* The exact two-sided p of McNemar's test: `a` items changed one way and `b` the other. */
WKV_API double wkv_mcnemar(int64_t a, int64_t b);

/* ---- published scores -------------------------------------------------------------------------------------------- */

typedef struct {
    const char *family, *model; /* "RWKV-4 Pile", "RWKV-4 Pile 169M" */
    double parameters;
    const char *task, *metric; /* as here: "lambada", "perplexity" */
    double value;              /* in per cent for shares */
    const char *source;
} wkv_published_score;

WKV_API const wkv_published_score *wkv_published(int i); /* NULL past the last */

/* The least squares line y = intercept + slope x, the standard error of its slope, the half width of the slope's 95 %
 * interval (Student's t with n - 2), and the residual standard deviation. WKV_EARG: fewer than 3 points, or one x. */
typedef struct {
    int n;
    double slope, intercept, error, interval, residual;
} wkv_line;
WKV_API int wkv_fit_line(wkv_line *out, const double *x, const double *y, int n);

#ifdef __cplusplus
}
#endif
#endif
