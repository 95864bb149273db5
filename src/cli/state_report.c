/* state_report.c - wkv state info and verify. */
#include "say.h"
#include "state.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- info -------------------------------------------------------------------------------------------------------- */

/* The beginning of a text in one line. */
static void print_beginning(const char *text)
{
    enum { MOST = 60 };
    size_t n = strlen(text) < MOST ? strlen(text) : MOST;
    while (n && ((unsigned char)text[n] & 0xc0) == 0x80) n--; /* not within a character */
    put_text("\"");
    put_escaped(text, n);
    put_text("\"%s", text[n] ? "..." : "");
}

static void print_identity(const wkv_identity *id)
{
    put_text("  lineage      %.16s\n", id->lineage);
    put_text("  weights      %.16s%s%s\n", *id->weights ? id->weights : "of several models",
             *id->adapter ? ", with an adapter" : "", *id->initial ? ", with an initial state" : "");
    put_text("  arithmetic   %s\n", *id->arithmetic ? id->arithmetic : "several");
}

static void print_text(const char *path, const wkv_state_info *a, int hidden)
{
    char count[32];
    put_text("%s%s%s\n  %-12s %s\n", bold(1), path, plain(1), a->tuned ? "tuned state" : "state of", a->sizes);
    if (a->tuned) return;
    put_text("  model        %s%s%s\n", *a->model ? a->model : "unknown", *a->types ? ", " : "", a->types);
    print_identity(&a->identity);
    put_text("  tokens       %s", a->n_ids ? as_count(count, a->n_ids) : "none");
    if (a->read < a->n_ids) put_text(", of which %d are read", a->read);
    put_text("\n");
    if (*a->text) {
        put_text("  text         %s bytes: ", as_count(count, (int64_t)strlen(a->text)));
        print_beginning(a->text);
        put_text("\n");
    }
    if (*a->template_name) put_text("  template     %s\n", a->template_name);
    if (*a->origin) put_text("  origin       %s\n", a->origin);
    if (a->draws)
        put_text("  sampler      seed %llu, %llu numbers used\n", (unsigned long long)a->seed,
                 (unsigned long long)a->draws);
    if (hidden) put_text("  hidden row   of the last token\n");
}

static json_t *json_of(const char *path, const wkv_state_info *a, int hidden)
{
    const wkv_identity *id = &a->identity;
    json_t *ids = json_array(), *r;
    char seed[24]; /* a JSON reader may have numbers of 53 bits */
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)a->seed);
    for (int i = 0; i < a->n_ids; i++) json_array_append_new(ids, json_integer(a->ids[i]));
    r = json_pack("{s:s s:b s:s s:s s:s s:s s:i s:i s:i s:i s:o s:i s:s s:s s:s s:s s:I s:b}", "path", path, "tuned",
                  a->tuned, "model", a->model, "types", a->types, "version", a->version, "sizes", a->sizes, "layers",
                  a->layers, "width", a->width, "heads", a->heads, "head_size", a->head_size, "ids", ids, "read",
                  a->read, "text", a->text, "template", a->template_name, "origin", a->origin, "seed", seed, "draws",
                  (json_int_t)a->draws, "hidden", hidden);
    json_object_set_new(r, "identity",
                        json_pack("{s:s s:s s:s s:s s:s s:s}", "lineage", id->lineage, "weights", id->weights, "base",
                                  id->base, "adapter", id->adapter, "initial", id->initial, "arithmetic",
                                  id->arithmetic));
    return r;
}

int state_info(int n, char **paths, int as_json)
{
    json_t *all = as_json ? json_array() : NULL;
    int status = 0;
    for (int i = 0; i < n; i++) {
        wkv_state_file *f = state_open(paths[i]);
        status |= !f;
        if (!f) continue;
        const wkv_state_info *about = wkv_state_file_about(f);
        int hidden = wkv_state_file_hidden(f) != NULL;
        if (as_json)
            json_array_append_new(all, json_of(paths[i], about, hidden));
        else
            print_text(paths[i], about, hidden);
        wkv_state_file_close(f);
    }
    if (as_json && (n > 1 || !status)) {
        char *text = json_dumps(n == 1 ? json_array_get(all, 0) : all, JSON_INDENT(2));
        if (text)
            put_text("%s\n", text);
        else
            status = complain("the report cannot be written as JSON: a name is not UTF-8");
        free(text);
    }
    json_decref(all);
    return status;
}

/* ---- verify ------------------------------------------------------------------------------------------------------ */

typedef struct {
    double largest, norm; /* largest difference of two values; norm of all differences, relative to the file's norm */
    int same;             /* every bit */
} agreement;

static agreement compare(const float *file, const float *again, size_t n)
{
    agreement g = {.same = !memcmp(file, again, n * sizeof *file)};
    double squares = 0, apart = 0;
    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)again[i] - (double)file[i]);
        if (!(d <= g.largest)) g.largest = d;
        apart += d * d;
        squares += (double)file[i] * (double)file[i];
    }
    g.norm = squares > 0 ? sqrt(apart / squares) : 0;
    return g;
}

/* The reason why the state cannot be computed from its ids; NULL: it can. */
static const char *not_again(const wkv_state_info *a)
{
    if (a->tuned) return "a tuned state has no text";
    if (*a->origin) return a->origin;
    return NULL;
}

/* Read ids into a state. Returns 0, 1 after an error message, or 130 after Ctrl-C between two chunks. */
static int read_ids(const engine *e, wkv_state *s, const int32_t *ids, int n)
{
    enum { CHUNK = 256 };
    progress bar;
    int status = 0;
    progress_begin(&bar, "reading again");
    for (int at = 0, some; at < n && !status; at += some) {
        some = n - at < CHUNK ? n - at : CHUNK;
        status = interrupted ? 130 : wkv_eval(e->context, s, ids + at, some, NULL) ? 1 : 0;
        progress_at(&bar, at + some, n, "%d of %d tokens", at + some, n);
    }
    progress_end(&bar);
    return status == 1 ? complain_library() : status;
}

/* Read the ids again from the initial state, and compare. */
static int read_again(engine *e, const wkv_state_file *f, const char *path)
{
    const wkv_state_info *a = wkv_state_file_about(f);
    char count[32];
    int differs, status = state_note(f, path, e, &differs);
    if (status) return status;
    if (not_again(a)) {
        put_text("%s: fits the model; not computed again: %s\n", path, not_again(a));
        return 0;
    }
    wkv_state *stored;
    if (wkv_state_new(&stored, e->model)) return complain_library();
    wkv_state_reset(e->state);
    if (wkv_state_file_read(f, stored)) status = complain_library();
    if (!status && a->read) status = read_ids(e, e->state, a->ids, a->read);
    if (!status) {
        agreement g = compare(wkv_state_data(stored), wkv_state_data(e->state), e->about->state_bytes / sizeof(float));
        as_count(count, a->read);
        if (g.same)
            put_text("%s: the same bits from its %s tokens\n", path, count);
        else if (differs)
            put_text("%s: from its %s tokens this model computes values that differ by at most %.3g, relative norm "
                     "%.3g\n",
                     path, count, g.largest, g.norm);
        else
            status = complain("%s: from its %s tokens the same model computes other values: they differ by at most "
                              "%.3g; ids or state are not those of this text",
                              path, count, g.largest);
    }
    wkv_state_free(stored);
    return status;
}

int state_verify(int n, char **paths)
{
    engine e = {0};
    int status = engine_model ? engine_open(&e, 0) : 0;
    if (status) return status;
    catch_interrupts();
    for (int i = 0; i < n && status != 130; i++) {
        wkv_state_file *f = state_open(paths[i]);
        int one = !f;
        if (f) put_text("%s: sound\n", paths[i]);
        if (f && engine_model) one = read_again(&e, f, paths[i]);
        wkv_state_file_close(f);
        if (one) status = one;
    }
    engine_close(&e);
    return status;
}
