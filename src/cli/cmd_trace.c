/* cmd_trace.c - `wkv trace`: the places in a model that carry a fact, by causal tracing. */
#include "commands.h"
#include "outputs.h"
#include "say.h"
#include "trace.h"
#include "wkv_file.h"
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *subject, *answer, *items_path, *kinds;
static int samples = 10, window = 1, limit, measure;
static float noise = 3, sigma = NAN;
static uint64_t seed;

static const option options[] = {
    {0, "subject", OPT_TEXT, "TEXT", &subject, 0, 0, "", "the words of the prompt that get the noise"},
    {0, "answer", OPT_TEXT, "TEXT", &answer, 0, 0, "the model's own",
     "the expected continuation; its first token counts"},
    {0, "items", OPT_TEXT, "FILE", &items_path, 0, 0, "",
     "trace the prompts of a file and average them by the role of a token: a JSON list, .jsonl or .csv with prompt, "
     "subject and attribute (ROME's known_1000.json); prompts that the model continues otherwise are skipped"},
    {'n', "limit", OPT_COUNT, "N", &limit, 1, INT_MAX, "all", "with --items: the number of prompts to trace"},
    {0, "noise", OPT_REAL, "X", &noise, 0, 1e6, NULL,
     "standard deviation of the noise on the embeddings of the subject, in units of sigma; 0: no noise"},
    {0, "sigma", OPT_REAL, "X", &sigma, 1e-30, 1e30, "of the embeddings of all subjects", "unit of the noise"},
    {0, "samples", OPT_COUNT, "N", &samples, 1, 1000, NULL, "samples of noise for each prompt"},
    {'s', "seed", OPT_SEED, "N", &seed, 0, 0, "0", "seed of the noise; the same seed gives the same figures"},
    {0, "kinds", OPT_TEXT, "LIST", &kinds, 0, 0, "all",
     "sites to restore, comma-separated: resid (residual stream after the layer), att and ffn (outputs of time mix and "
     "channel mix), state (after the token)"},
    {0, "window", OPT_COUNT, "N", &window, 1, INT_MAX, NULL, "neighbouring layers to restore together, in att and ffn"},
    {0, "measure", OPT_CHOICE, "probability|logits", &measure, 0, 0, NULL,
     "measure of sentences and charts: probability of the answer, or its logit minus that of the foil, the most "
     "probable other token of the corrupted runs"},
};
static const group own = GROUP("Trace", options);
static const group *const groups[] = {&own,           &outputs_group,   &model_group,   &weights_group,
                                      &adapter_group, &tokenizer_group, &general_group, NULL};

typedef struct {
    engine e;
    unsigned kinds;
    wkv_trace_options o;
    wkv_trace_effect *grid, *layers;
    progress bar;
    double done, prompts; /* before the current one; of all */
} tracing;

/* ---- options ----------------------------------------------------------------------------------------------------- */

static int read_kinds(unsigned *out)
{
    *out = kinds ? 0 : (1U << WKV_TRACE_KINDS) - 1;
    for (const char *w = kinds; w && *w;) {
        const size_t n = strcspn(w, ",");
        int k = 0;
        for (; k < WKV_TRACE_KINDS; k++) {
            const char *name = wkv_trace_kind_name((wkv_trace_kind)k);
            if (n == strlen(name) && !strncmp(w, name, n)) break;
        }
        if (k == WKV_TRACE_KINDS)
            return usage(&cmd_trace, "--kinds: '%.*s' is not one of resid, att, ffn, state", (int)(n < 64 ? n : 64), w);
        *out |= 1U << k;
        w += n + (w[n] == ',');
    }
    return *out ? 0 : usage(&cmd_trace, "--kinds names no kind; expected resid, att, ffn, state");
}

static int see(void *user, int64_t done, int64_t total)
{
    tracing *t = user;
    const double part = t->done + (double)done / (double)total;
    progress_at(&t->bar, part, t->prompts, "%.0f %%", 100 * part / t->prompts);
    return interrupted != 0;
}

/* Allocate for a prompt, and trace it. Returns 0, 1 after an error message, or 130. */
static int trace_one(tracing *t, const wkv_trace_item *item, wkv_trace_result *r)
{
    const size_t cells = wkv_trace_cells(t->e.model, item, &t->o);
    free(t->grid);
    t->grid = malloc(sizeof *t->grid * (cells ? cells : 1));
    if (!t->layers) t->layers = malloc(sizeof *t->layers * WKV_TRACE_KINDS * (size_t)t->e.about->layers);
    if (!t->grid || !t->layers) return complain("out of memory");
    const int err = wkv_trace(r, t->grid, t->layers, t->e.context, item, &t->o);
    if (err) progress_end(&t->bar);
    return err == WKV_ESTOPPED ? 130 : err ? complain_library() : 0;
}

static trace_told told_of(const tracing *t)
{
    return (trace_told){.difference = measure,
                        .samples = samples,
                        .window = window,
                        .noise = noise,
                        .sigma = t->o.sigma,
                        .seed = seed};
}

static int finish(const trace_told *r)
{
    if (!outputs_json()) trace_print(r);
    return trace_write(r);
}

/* ---- one prompt -------------------------------------------------------------------------------------------------- */

/* A token's text, which the caller frees. */
static char *text_of(const engine *e, int32_t id)
{
    size_t n;
    const char *bytes = wkv_token_bytes(e->tokenizer, id, &n);
    char *text = malloc(n + 1);
    if (!text) return NULL;
    memcpy(text, bytes, n);
    text[n] = 0;
    return text;
}

static void fill_picture(trace_picture *p, const tracing *t, const wkv_trace_result *r, const wkv_trace_item *item)
{
    *p = (trace_picture){
        .kinds = t->kinds,
        .L = t->e.about->layers,
        .rows = item->n,
        .grid = t->grid,
        .layers = t->layers,
        .clean = r->clean,
        .corrupted = r->corrupted,
        .corrupted_error = r->corrupted_error,
        .total_error = r->corrupted_error,
        .total = {r->clean.probability - r->corrupted.probability, r->clean.difference - r->corrupted.difference}};
    for (int i = 0; i < 2 * __builtin_popcount(t->kinds); i++) {
        trace_site a, b;
        trace_largest(p, i / 2, measure, i % 2, &a, &b);
        if (b.layer < 0) continue;
        const wkv_trace_effect *x = trace_cell(p, i / 2, a), *y = trace_cell(p, i / 2, b);
        p->lead[i / 2][i % 2] = (wkv_trace_effect){
            {x->mean.probability - y->mean.probability, x->mean.difference - y->mean.difference},
            {hypot(x->error.probability, y->error.probability), hypot(x->error.difference, y->error.difference)}};
    }
}

static int show_prompt(const tracing *t, const trace_prompt *p, const wkv_trace_result *r, const char *prompt)
{
    trace_picture picture;
    fill_picture(&picture, t, r, &p->item);
    char **labels = calloc((size_t)p->item.n, sizeof *labels);
    char *expected = text_of(&t->e, r->answer), *foil = text_of(&t->e, r->foil);
    int status = labels && expected && foil ? 0 : 1;
    for (int i = 0; i < p->item.n && !status; i++) status = !(labels[i] = text_of(&t->e, p->ids[i]));
    if (status) complain("out of memory");
    picture.labels = (const char *const *)labels;
    trace_told told = told_of(t);
    told.picture = &picture;
    told.prompt = prompt, told.subject = subject, told.answer = expected, told.foil = foil;
    told.sigma = r->sigma;
    if (!status) status = finish(&told);
    for (int i = 0; labels && i < p->item.n; i++) free(labels[i]);
    free(labels);
    free(expected);
    free(foil);
    return status;
}

static int run_prompt(tracing *t, const char *prompt)
{
    const char *at = strstr(prompt, subject);
    if (!at) return complain("the subject \"%s\" does not occur in the prompt \"%s\"", subject, prompt);
    if (strstr(at + 1, subject))
        note("the subject occurs more than once in the prompt; the noise is at the first, as published");
    trace_prompt p;
    wkv_trace_result r;
    int status = trace_encode(&p, &t->e, prompt, subject, (size_t)(at - prompt));
    if (!status && p.inside)
        note("the subject's tokens hold %d more byte%s of the prompt, which get the noise too", p.inside,
             p.inside == 1 ? "" : "s");
    if (!status) status = trace_expect(&p, &t->e, answer);
    if (!status && !p.known) note("the model's own answer is another");
    t->prompts = 1;
    if (!status) status = trace_one(t, &p.item, &r);
    progress_end(&t->bar);
    if (!status) status = show_prompt(t, &p, &r, prompt);
    trace_forget(&p);
    return status;
}

/* ---- a file of prompts ------------------------------------------------------------------------------------------- */

static int encode_all(trace_prompt *list, const engine *e, const wkv_trace_file *f)
{
    int status = 0;
    for (int i = 0; i < wkv_trace_file_count(f) && !status; i++) {
        const wkv_trace_prompt *p = wkv_trace_file_prompt(f, i);
        status = trace_encode(&list[i], e, p->prompt, p->subject, p->subject_at);
        if (status) note("this is element %d of %s", i + 1, items_path);
    }
    return status;
}

/* The published rule: the deviation of the embeddings of all subjects of the set. */
static int find_sigma(tracing *t, const trace_prompt *list, int n)
{
    wkv_trace_item *items = malloc(sizeof *items * (size_t)n);
    if (!items) return complain("out of memory");
    for (int i = 0; i < n; i++) items[i] = list[i].item;
    const int err = wkv_trace_sigma(&t->o.sigma, t->e.context, items, n);
    free(items);
    return err ? complain_library() : 0;
}

/* Trace the prompts that the model knows. Ctrl-C ends with those so far. */
static int trace_all(tracing *t, trace_sum *sum, trace_prompt *list, const wkv_trace_file *f, trace_told *told)
{
    const int n = wkv_trace_file_count(f);
    int status = 0;
    t->prompts = limit && limit < n ? limit : n;
    for (int i = 0; i < n && !status && (!limit || told->averaged < limit); i++) {
        wkv_trace_result r;
        if (interrupted) return 130;
        status = trace_expect(&list[i], &t->e, wkv_trace_file_prompt(f, i)->attribute);
        if (!limit) t->done = i;
        if (status || !list[i].known) {
            told->skipped++;
            continue;
        }
        if (!status) status = trace_one(t, &list[i].item, &r);
        if (!status) status = trace_sum_add(sum, &list[i], &r, t->grid, t->layers);
        told->averaged += !status;
        if (limit) t->done = told->averaged;
    }
    return status;
}

static int run_items(tracing *t)
{
    wkv_trace_file *f;
    if (wkv_trace_file_open(&f, items_path)) return complain_library();
    const int n = wkv_trace_file_count(f);
    trace_prompt *list = calloc((size_t)n, sizeof *list);
    trace_sum *sum = trace_sum_new(t->e.about->layers, t->kinds, measure);
    int status = !list ? complain("out of memory") : !sum;
    if (!status) status = encode_all(list, &t->e, f);
    if (!status && isnan(sigma)) status = find_sigma(t, list, n);
    trace_told told = told_of(t);
    told.source = items_path;
    if (!status) status = trace_all(t, sum, list, f, &told);
    progress_end(&t->bar);
    if (status == 130) note("stopped; the report has the %d prompts so far", told.averaged);
    if (!status && !told.averaged)
        status = complain("%s: the model gives none of its %d prompts the expected answer", items_path, n);
    if (told.averaged && (!status || status == 130)) {
        told.picture = trace_sum_picture(sum);
        const int failed = finish(&told);
        if (!status) status = failed;
    }
    trace_sum_free(sum);
    for (int i = 0; list && i < n; i++) trace_forget(&list[i]);
    free(list);
    wkv_trace_file_close(f);
    return status;
}

static int run(int n, char **operands)
{
    tracing t = {0};
    if (read_kinds(&t.kinds)) return 2;
    if (items_path && (n || subject || answer))
        return usage(&cmd_trace, "--items %s has the prompts; omit PROMPT, --subject and --answer", items_path);
    if (!items_path && (!n || !*operands[0])) return usage(&cmd_trace, "the prompt is missing");
    if (!items_path && (!subject || !*subject)) return usage(&cmd_trace, "--subject is missing: words of the prompt");
    if (answer && !*answer) return usage(&cmd_trace, "--answer is empty; omit it for the model's own answer");
    if (limit && !items_path) return usage(&cmd_trace, "--limit is for --items");
    t.o = (wkv_trace_options){.kinds = t.kinds,
                              .samples = samples,
                              .noise = noise > 0 ? noise : -1,
                              .sigma = isnan(sigma) ? 0 : sigma,
                              .seed = seed,
                              .window = window,
                              .progress = see,
                              .user = &t};
    if (engine_open(&t.e, 1)) return 1;
    int status = engine_refuse_begin(&t.e) || outputs_check(t.e.model, (const char *const[]){items_path, NULL});
    catch_interrupts();
    progress_begin(&t.bar, "tracing");
    if (!status) status = items_path ? run_items(&t) : run_prompt(&t, operands[0]);
    free(t.grid);
    free(t.layers);
    engine_close(&t.e);
    return status == 130 ? 130 : put_end(status);
}

const command cmd_trace = {
    .name = "trace",
    .operands = "[MODEL] [PROMPT]",
    .most = 1,
    .model = &engine_model,
    .summary = "find the layers and tokens that carry a fact (causal tracing)",
    .about =
        "Add noise to the embeddings of a subject, so that the model no longer gives the right answer, then restore "
        "values of the undisturbed run: where one is enough to bring the answer back, the model carries the fact (Meng "
        "et al. 2022, ROME). The report has the effect of each layer and token for the residual stream, the outputs of "
        "time mix and channel mix, and the state, as a share of the whole effect, with 95 % intervals over the samples "
        "of noise or, with --items, over the prompts.",
    .examples = "wkv trace \"Paris is in\" --subject Paris --html paris.html  # one prompt, as a page\n"
                "wkv trace -m MODEL.pth --items known_1000.json  # the mean of a file of prompts\n"
                "wkv trace -m MODEL.pth --items known_1000.json --window 10  # windows of 10 layers",
    .groups = groups,
    .run = run,
};
