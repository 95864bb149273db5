/* bench_sparsity.c - `wkv bench --sparsity`: the share of squared ReLUs that are zero, per layer, in one token and in
 * all of several adjacent tokens. */
#include "bench.h"
#include <jansson.h>
#include <stdlib.h>

enum {
    SPARSITY_TOKENS = 256,
    SHOWN = 5,
    WIDE = 40
}; /* SHOWN: 1, 2, 4, 8, 16 adjacent tokens; WIDE: columns of a full bar */

static double share(const wkv_sparsity *z, int i) { return z->of[i] ? (double)z->zero[i] / (double)z->of[i] : 0; }

static void add_sparsity(wkv_sparsity *to, const wkv_sparsity *z)
{
    for (int i = 0; i < SHOWN; i++) {
        to->zero[i] += z->zero[i];
        to->of[i] += z->of[i];
    }
}

static void print_row(const char *name, const wkv_sparsity *z, int bar)
{
    put_text("  %-8s", name);
    for (int i = 0; i < SHOWN; i++) put_text(" %6.1f", 100 * share(z, i));
    int full = bar ? (int)(share(z, 0) * WIDE + 0.5) : 0;
    put_text("%s%.*s", bar ? "   " : "", full, "########################################");
    put_text("\n");
}

static void print_table(const bench *b, const wkv_sparsity *layers, const wkv_sparsity *all, int n)
{
    const wkv_model_info *m = b->e.about;
    char name[32];
    put_text("%s%s%s: RWKV-%s, %d layers, feed-forward %d; activation sparsity in %s tokens\n\n", bold(1),
             m->path ? m->path : "built-in", plain(1), m->version, m->layers, m->ffn, as_count(name, n));
    put_text("%s  per cent of squared ReLUs that are zero in one token, and in all of 2, 4, 8, 16 adjacent tokens%s\n",
             dim(1), plain(1));
    put_text("%s  %-8s %6d %6d %6d %6d %6d%s\n", bold(1), "layer", 1, 2, 4, 8, 16, plain(1));
    for (int l = 0; l < m->layers; l++) {
        snprintf(name, sizeof name, "%d", l);
        print_row(name, &layers[l], 1);
    }
    print_row("all", all, 0);
}

static json_t *row_json(const wkv_sparsity *z)
{
    json_t *row = json_array();
    for (int i = 0; i < SHOWN; i++) json_array_append_new(row, json_real(share(z, i)));
    return row;
}

static int print_json(const bench *b, const wkv_sparsity *layers, const wkv_sparsity *all, int n)
{
    const wkv_model_info *m = b->e.about;
    json_t *rows = json_array();
    for (int l = 0; l < m->layers; l++) json_array_append_new(rows, row_json(&layers[l]));
    return bench_put_json(json_pack("{s:s s:s? s:s s:i s:i s:i s:[i,i,i,i,i] s:o s:o}", "wkv", wkv_version(), "model",
                                    m->path, "version", m->version, "layers", m->layers, "units", m->ffn, "tokens", n,
                                    "adjacent_tokens", 1, 2, 4, 8, 16, "zeros", row_json(all), "zeros_of_layers",
                                    rows));
}

int bench_sparsity(bench *b, int as_json)
{
    int L = b->e.about->layers, n = b->n_ids - b->n_ids % 16, status = 0;
    if (!n) return complain("the text has %d tokens; at least 16 are needed for adjacent tokens", b->n_ids);
    wkv_sparsity *layers = calloc((size_t)L, sizeof *layers), all = {0};
    if (!layers) return complain("out of memory");
    progress bar;
    progress_begin(&bar, "reading");
    for (int at = 0, chunk; at < n && !status; at += chunk) {
        chunk = n - at < SPARSITY_TOKENS ? n - at : SPARSITY_TOKENS;
        progress_at(&bar, at, n, "%d of %d tokens", at, n);
        wkv_sequence q = {.state = b->states[0], .tokens = b->ids + at, .n = chunk};
        if (interrupted)
            status = 130;
        else if (wkv_measure_sparsity(layers, b->e.context, &q, 1))
            status = complain_library();
    }
    progress_end(&bar);
    for (int l = 0; l < L; l++) add_sparsity(&all, &layers[l]);
    if (!status && as_json)
        status = print_json(b, layers, &all, n);
    else if (!status)
        print_table(b, layers, &all, n);
    free(layers);
    return status;
}
