/* lens_states.c - wkv lens along a text: singular values and sizes of the state. */
#include "lens.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- spectrum ---------------------------------------------------------------------------------------------------- */

enum { MOMENTS = 12 }; /* positions of the text, at about equal ratios */

/* Positions from 1 to n, each once. Returns their number. */
static int choose_moments(int *at, int n)
{
    int count = 0;
    for (int i = 0; i < MOMENTS; i++) {
        const int p = (int)lround(pow(n, i / (MOMENTS - 1.0)));
        if (!count || p > at[count - 1]) at[count++] = p;
    }
    return count;
}

/* Mean effective rank of the heads of a layer; adds the normalized singular values to `mean`. */
static double rank_of(const lens *v, wkv_state *s, int layer, double *mean, int *err)
{
    const int N = v->e.about->head_size;
    float sigma[1024];
    double sum = 0;
    for (int h = 0; h < v->H && !*err; h++) {
        *err = wkv_state_spectrum(sigma, v->e.model, s, layer, h);
        sum += wkv_effective_rank(sigma, N);
        for (int i = 0; i < N && mean; i++) mean[i] += sigma[0] > 0 ? (double)(sigma[i] / sigma[0]) / v->H : 0;
    }
    return sum / v->H;
}

int lens_spectrum(lens *v)
{
    const int N = v->e.about->head_size, n = v->text.n;
    int at[MOMENTS], moments = choose_moments(at, n), done = 0, err = 0;
    if (!v->H || N > 1024) {
        outputs_section(v->r, "Singular values of the state",
                        "The state of version 4 is an average of each channel and has "
                        "no matrices.");
        return 0;
    }
    double *rank = malloc(sizeof *rank * (size_t)v->L * MOMENTS), *x = malloc(sizeof *x * (size_t)(MOMENTS + N)),
           *index = x + MOMENTS, *mean = calloc((size_t)v->L * (size_t)N, sizeof *mean);
    wkv_state *s = lens_state(v);
    int status = !s ? 1 : rank && x && mean ? 0 : complain("out of memory");
    static const char *const columns[] = {"layer", "after 1 token", "in the middle", "at the end", "of", NULL};
    sheet table = {0};
    for (int k = 0; k < moments && !status; k++) {
        status = lens_read(v, s, v->text.ids + done, at[k] - done);
        done = at[k], x[k] = done;
        for (int l = 0; l < v->L && !status && !err; l++)
            rank[l * moments + k] = rank_of(v, s, l, k == moments - 1 ? mean + l * N : NULL, &err);
        if (err) status = complain_library();
    }
    if (!status) {
        outputs_section(
            v->r, "Singular values of the state",
            "The effective rank of the wkv state of a head is e to the entropy of its singular values, divided "
            "by their sum: the number of directions in which it stores values. Means over heads.");
        for (int l = 0; l < v->L; l++) {
            sheet_put(&table, "%d", l);
            sheet_put(&table, "%.1f", rank[l * moments]);
            sheet_put(&table, "%.1f", rank[l * moments + moments / 2]);
            sheet_put(&table, "%.1f", rank[l * moments + moments - 1]);
            sheet_put(&table, "%d", N);
        }
        for (int i = 0; i < N; i++) index[i] = i + 1;
        status = lens_layer_lines(v,
                                  &(wkv_plot){.figure = {"rank", "Effective rank along the text", NULL, 1},
                                              .x = {.label = "tokens read", .log = 1},
                                              .y = {.label = "effective rank", .from_zero = 1}},
                                  x, rank, moments);
        if (!status)
            status = lens_layer_lines(v,
                                      &(wkv_plot){.figure = {"singular-values", "Singular values at the end", NULL, 1},
                                                  .x = {.label = "singular value"},
                                                  .y = {.label = "relative to the largest", .log = 1}},
                                      index, mean, N);
        outputs_table(v->r, "ranks", "Effective ranks by layer.", columns, &table);
    }
    wkv_state_free(s);
    free(mean), free(x), free(rank);
    return status;
}

/* ---- health ------------------------------------------------------------------------------------------------------ */

enum { MOST_TURNS = 4096 };

/* Ids of a part of the text, read into the state. */
static int read_part(lens *v, wkv_state *s, const char *text, size_t bytes)
{
    int32_t *ids = NULL;
    if (!bytes) return 0;
    const int n = engine_encode(v->e.tokenizer, 0, text, bytes, &ids);
    int status = n < 0 ? 1 : 0;
    for (int i = 0; i < n && !status; i++)
        if (ids[i] < 0 || ids[i] >= v->e.about->vocab)
            status = complain("id %d is beyond the model's vocabulary of %d", (int)ids[i], v->e.about->vocab);
    if (n > 0 && !status) status = lens_read(v, s, ids, n);
    free(ids);
    return status;
}

typedef struct {
    int n, capacity;
    double *rms; /* [turn][L] */
    double largest;
    int64_t saturated, bad, values;
    sheet table;
} turns;

static int examine(lens *v, turns *h, wkv_state *s, const char *name)
{
    double largest = 0, squares = 0;
    int64_t saturated = 0, bad = 0, outliers = 0, values = 0;
    if (h->n == h->capacity) {
        h->capacity = 2 * h->capacity + 16;
        double *more = realloc(h->rms, sizeof *more * (size_t)h->capacity * (size_t)v->L);
        if (!more) return complain("out of memory");
        h->rms = more;
    }
    for (int l = 0; l < v->L; l++) {
        wkv_state_health of;
        if (wkv_state_examine(&of, v->e.model, s, l)) return complain_library();
        h->rms[h->n * v->L + l] = of.rms;
        squares += of.rms * of.rms / v->L;
        largest = fmax(largest, of.largest);
        saturated += of.saturated, bad += of.bad, outliers += of.outliers, values += of.values;
    }
    sheet_put(&h->table, "%d", ++h->n);
    sheet_put(&h->table, "%s", name);
    sheet_put(&h->table, "%.4g", sqrt(squares));
    sheet_put(&h->table, "%.4g", largest);
    sheet_put(&h->table, "%.3g %%", 100.0 * (double)outliers / (double)values);
    sheet_put(&h->table, "%.3g %%", 100.0 * (double)saturated / (double)values);
    sheet_put(&h->table, "%lld", (long long)bad);
    return interrupted ? 130 : 0;
}

/* Paragraphs are turns. */
static int read_paragraphs(lens *v, turns *h, wkv_state *s)
{
    int status = 0;
    for (const char *p = v->text.text; *p && !status && h->n < MOST_TURNS;) {
        const char *end = strstr(p, "\n\n");
        size_t n = end ? (size_t)(end - p) : strlen(p);
        char name[40];
        while (end && p[n] == '\n') n++;
        snprintf(name, sizeof name, "%.32s", p);
        for (char *c = name; *c; c++)
            if ((unsigned char)*c < ' ' || (unsigned char)*c > 126) *c = ' ';
        status = read_part(v, s, p, n);
        if (!status) status = examine(v, h, s, name);
        p += n;
    }
    return status;
}

/* Ids have no turns: eight equal parts. */
static int read_eighths(lens *v, turns *h, wkv_state *s)
{
    int status = 0;
    for (int i = 0, at = 0; i < 8 && !status; i++) {
        const int to = (int)((int64_t)v->text.n * (i + 1) / 8);
        char name[40];
        snprintf(name, sizeof name, "tokens %d to %d", at, to - 1);
        status = lens_read(v, s, v->text.ids + at, to - at);
        if (!status) status = examine(v, h, s, name);
        at = to;
    }
    return status;
}

/* {"messages": [{"role": ..., "content": ...}]} by the model's template; a line of a .jsonl too. */
static int read_messages(lens *v, turns *h, wkv_state *s, const json_t *messages)
{
    const wkv_template *t;
    const char *system = NULL;
    int status = wkv_template_find(&t, NULL, v->e.model, v->e.tokenizer) ? complain_library() : 0, first = 1;
    for (size_t i = 0; i < json_array_size(messages) && !status; i++) {
        const json_t *message = json_array_get(messages, i);
        const char *role = json_string_value(json_object_get(message, "role"));
        const char *content = json_string_value(json_object_get(message, "content"));
        if (!role || !content) return complain("message %zu: \"role\" or \"content\" is missing or is no text", i);
        if (!strcmp(role, "system")) {
            system = content;
            continue;
        }
        const int answer = !strcmp(role, "assistant");
        const size_t n = answer ? wkv_template_reply(t, content, NULL, 0)
                                : wkv_template_turn(t, first, system, content, WKV_THINK_OFF, NULL, 0);
        char *text = malloc(n + 1);
        if (!text) return complain("out of memory");
        if (answer)
            wkv_template_reply(t, content, text, n + 1);
        else
            wkv_template_turn(t, first, system, content, WKV_THINK_OFF, text, n + 1);
        first = 0;
        status = read_part(v, s, text, n);
        if (!status) status = examine(v, h, s, role);
        free(text);
    }
    return status;
}

/* The messages of a conversation; NULL: the text is none. */
static json_t *conversation(const lens *v, json_t **document)
{
    *document = v->text.bytes && v->text.text[0] == '{' ? json_loads(v->text.text, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
    json_t *messages = json_object_get(*document, "messages");
    return json_is_array(messages) ? messages : NULL;
}

int lens_health(lens *v)
{
    static const char *const columns[] = {"turn",          "begins",          "rms", "largest", "beyond 10 rms",
                                          "beyond 65,504", "NaN or infinite", NULL};
    turns h = {0};
    json_t *document = NULL, *messages = passage_as_ids ? NULL : conversation(v, &document);
    wkv_state *s = lens_state(v);
    int status = !s               ? 1
                 : messages       ? read_messages(v, &h, s, messages)
                 : passage_as_ids ? read_eighths(v, &h, s)
                                  : read_paragraphs(v, &h, s);
    double *x = malloc(sizeof *x * (size_t)(h.n + 1)), *y = malloc(sizeof *y * (size_t)(h.n + 1) * (size_t)v->L);
    if (!status && (!x || !y)) status = complain("out of memory");
    if (!status) {
        for (int i = 0; i < h.n; i++) {
            x[i] = i + 1;
            for (int l = 0; l < v->L; l++) y[l * h.n + i] = h.rms[i * v->L + l];
        }
        outputs_section(
            v->r, "State health by turn",
            "The values of the wkv state after each turn: the root of their mean square, the largest, and the "
            "shares beyond ten times that root and beyond 65,504, where half precision saturates. In version 4 "
            "the values are the averages of the channels.");
        status = lens_layer_lines(v,
                                  &(wkv_plot){.figure = {"health", "Size of the state by turn", NULL, 0},
                                              .x = {.label = "turn"},
                                              .y = {.label = "rms", .log = 1}},
                                  x, y, h.n);
        outputs_table(v->r, "health", NULL, columns, &h.table);
    }
    wkv_state_free(s);
    json_decref(document);
    free(y), free(x), free(h.rms);
    return status;
}
