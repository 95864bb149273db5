/* trace_grid.c - causal tracing of every site of a prompt, and the tokens of its subject. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "rwkv/api.h"
#include "study/trace.h"
#include "wkv_probe.h"

/* ---- the subject ------------------------------------------------------------------------------------------------- */

/* The bytes of text[from .. to), blanks excepted. */
static int letters(const char *text, size_t from, size_t to)
{
    int n = 0;
    for (; from < to; from++) n += text[from] != ' ';
    return n;
}

int wkv_trace_find(int *from, int *to, int *inside, const wkv_tokenizer *t, const int32_t *ids, int n, const char *text,
                   size_t at, size_t bytes)
{
    REQUIRE(from, "from");
    REQUIRE(to, "to");
    REQUIRE(t, "the vocabulary");
    REQUIRE(ids, "the list of ids");
    REQUIRE(text, "the text");
    if (!bytes) return fail(WKV_EARG, "the subject is empty");
    const size_t all = strlen(text);
    if (bytes > all || at > all - bytes)
        return fail(WKV_EARG, "the subject ends at byte %zu of a text of %zu", at + bytes, all);
    size_t begin = 0, end = 0, first = 0;
    *from = *to = -1;
    for (int i = 0; i < n && begin < at + bytes; i++, begin = end) {
        size_t length;
        wkv_token_bytes(t, ids[i], &length);
        end = begin + length;
        if (end <= at || begin == end) continue;
        if (*from < 0) *from = i, first = begin;
        *to = i + 1;
    }
    if (end < at + bytes || *from < 0)
        return fail(WKV_EARG, "the tokens end at byte %zu, before the subject does at byte %zu", end, at + bytes);
    if (inside) *inside = letters(text, first, at) + letters(text, at + bytes, end < all ? end : all);
    return 0;
}

const char *wkv_trace_role_name(wkv_trace_role role)
{
    static const char *const names[WKV_ROLES] = {"before the subject", "subject, first", "subject, middle",
                                                 "subject, last",      "next token",     "further tokens",
                                                 "last token"};
    return role >= 0 && role < WKV_ROLES ? names[role] : NULL;
}

wkv_trace_role wkv_trace_role_of(const wkv_trace_item *q, int token)
{
    if (!q || token < q->from) return WKV_ROLE_BEFORE;
    if (token == q->to - 1) return WKV_ROLE_LAST;
    if (token == q->from) return WKV_ROLE_FIRST;
    if (token < q->to) return WKV_ROLE_MIDDLE;
    if (token == q->n - 1) return WKV_ROLE_END;
    return token == q->to ? WKV_ROLE_SUBSEQUENT : WKV_ROLE_FURTHER;
}

int wkv_trace_sigma(float *sigma, wkv_context *c, const wkv_trace_item *items, int count)
{
    REQUIRE(sigma, "the result");
    REQUIRE(c, "the context");
    REQUIRE(items, "the list of items");
    const size_t C = (size_t)context_model(c)->rwkv.C;
    double sum = 0, square = 0, n = 0;
    float *row = malloc(sizeof *row * C);
    int err = row ? 0 : fail(WKV_ENOMEM, "no memory for an embedding");
    for (int i = 0; i < count && !err; i++)
        for (int t = items[i].from; t < items[i].to && !err; t++) {
            if (!items[i].tokens || t < 0 || t >= items[i].n)
                err = fail(WKV_EARG, "item %d has a subject of tokens %d to %d in a prompt of %d", i, items[i].from,
                           items[i].to - 1, items[i].n);
            if (!err) err = wkv_embed(c, items[i].tokens + t, 1, row);
            for (size_t k = 0; k < C && !err; k++) sum += (double)row[k], square += (double)row[k] * (double)row[k];
            n += (double)C;
        }
    free(row);
    if (!err && n < 1) err = fail(WKV_EARG, "%d items have no subject", count);
    *sigma = err ? 0 : (float)sqrt(fmax(square / n - sum / n * (sum / n), 0));
    return err;
}

/* ---- the grid ---------------------------------------------------------------------------------------------------- */

const char *wkv_trace_kind_name(wkv_trace_kind kind)
{
    static const char *const names[WKV_TRACE_KINDS] = {"resid", "att", "ffn", "state"};
    return kind >= 0 && kind < WKV_TRACE_KINDS ? names[kind] : NULL;
}

enum { ALL_KINDS = (1 << WKV_TRACE_KINDS) - 1 };

static unsigned kinds_of(const wkv_trace_options *o) { return o && o->kinds ? o->kinds : ALL_KINDS; }

size_t wkv_trace_cells(const wkv_model *m, const wkv_trace_item *item, const wkv_trace_options *options)
{
    const unsigned kinds = kinds_of(options);
    if (!m || !item || item->n < 1 || kinds >> WKV_TRACE_KINDS) return 0;
    return (size_t)__builtin_popcount(kinds) * (size_t)m->rwkv.L * (size_t)item->n;
}

/* A layer, or the window around it, which is cut at the first and the last layers. */
static wkv_trace_patch patch_of(int kind, int layer, int window, int L)
{
    const int width = window > 1 && (kind == WKV_TRACE_ATT || kind == WKV_TRACE_FFN) ? window : 1;
    const int from = layer - width / 2, to = from + width;
    return (wkv_trace_patch){.kinds = 1U << kind, .layer = from > 0 ? from : 0, .layer_end = to < L ? to : L};
}

/* The cells of the grid, then each layer at all tokens, then the corrupted run. */
static void list_patches(wkv_trace_patch *p, const wkv_trace_item *item, unsigned kinds, int window, int L)
{
    for (int kind = 0; kind < WKV_TRACE_KINDS; kind++)
        for (int layer = 0; layer < L && kinds >> kind & 1; layer++)
            for (int token = 0; token < item->n; token++) {
                *p = patch_of(kind, layer, window, L);
                p->token = token;
                p++->token_end = token + 1;
            }
    for (int kind = 0; kind < WKV_TRACE_KINDS; kind++)
        for (int layer = 0; layer < L && kinds >> kind & 1; layer++) {
            *p = patch_of(kind, layer, window, L);
            p++->token_end = item->n;
        }
}

int wkv_trace(wkv_trace_result *out, wkv_trace_effect *grid, wkv_trace_effect *layers, wkv_context *c,
              const wkv_trace_item *item, const wkv_trace_options *options)
{
    REQUIRE(grid, "the grid");
    REQUIRE(c, "the context");
    REQUIRE(item, "the item");
    const int L = context_model(c)->rwkv.L, samples = trace_samples(options);
    const int window = options ? options->window : 0;
    if (window < 0) return fail(WKV_EARG, "a window of %d layers", window);
    if (samples < 0) return fail(WKV_EARG, "%d samples, expected at least 1", samples);
    const size_t cells = wkv_trace_cells(context_model(c), item, options);
    if (!cells || cells >= INT32_MAX / 2) return fail(WKV_EARG, "a prompt of %d tokens, or unknown kinds", item->n);
    const size_t rows = cells / (size_t)item->n, count = cells + (layers ? rows : 0) + 1;
    wkv_trace_patch *patches = calloc(cells + rows + 1, sizeof *patches);
    wkv_trace_score *scores = calloc(count * (size_t)samples, sizeof *scores);
    int err = patches && scores ? 0 : fail(WKV_ENOMEM, "no memory for a grid of %zu sites", cells);
    if (!err) {
        list_patches(patches, item, kinds_of(options), window, L);
        patches[count - 1] = (wkv_trace_patch){0};
        err = wkv_trace_patches(out, scores, c, item, patches, (int)count, options);
    }
    const wkv_trace_score *corrupted = scores + (count - 1) * (size_t)samples;
    for (size_t i = 0; i + 1 < count && !err; i++)
        *(i < cells ? &grid[i] : &layers[i - cells]) = trace_effect(scores + i * (size_t)samples, corrupted, samples);
    free(patches);
    free(scores);
    return err;
}
