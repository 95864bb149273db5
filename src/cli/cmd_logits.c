/* cmd_logits.c - the numbers themselves: logits of given tokens, as raw float32, one row of V per position. */
#include "commands.h"
#include "engine.h"
#include "input.h"
#include "say.h"
#include "wkv_file.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *token_source, *out_path;
static int all, chunk = 128;
static enum { SEQUENCE, STEP } mode;

static const option options[] = {
    {0, "tokens", OPT_TEXT, "FILE|A,B,C", &token_source, 0, 0, "",
     "token ids: written here, or in a file as numbers or as raw little-endian int32; - is standard input"},
    {'o', "out", OPT_TEXT, "FILE", &out_path, 0, 0, "standard output", "where the float32 numbers go"},
    {'a', "all", OPT_SWITCH, NULL, &all, 0, 0, "", "a row for every token, not only for the last"},
    {0, "mode", OPT_CHOICE, "sequence|step", &mode, 0, 0, NULL,
     "read many tokens at once, or one after another; both give the same numbers"},
    {0, "chunk", OPT_COUNT, "N", &chunk, 1, INT_MAX, NULL,
     "tokens read at once; with --all so many rows are held in memory"},
};
static const group own = GROUP("Numbers", options);
static const group *const groups[] = {&own, &model_group, &weights_group, &adapter_group, &general_group, NULL};

/* A file of ids: text has no zero bytes, and every raw id below 2^24 has one. */
static int ids_of_file(int32_t **ids)
{
    char *text;
    size_t bytes;
    const char *name = strcmp(token_source, "-") ? token_source : "standard input";
    *ids = NULL;
    if (input_all(&text, &bytes, token_source)) return -1;
    int n = -1;
    if (!memchr(text, 0, bytes))
        n = input_ids(ids, text, bytes, name);
    else if (bytes % 4 || bytes / 4 > INT_MAX)
        complain("%s: %zu bytes are not a whole number of int32", name, bytes);
    else if ((*ids = malloc(bytes))) {
        n = (int)(bytes / 4);
        for (int i = 0; i < n; i++) {
            const unsigned char *b = (unsigned char *)text + 4 * (size_t)i;
            (*ids)[i] = (int32_t)(b[0] | b[1] << 8 | b[2] << 16 | (uint32_t)b[3] << 24);
        }
    } else
        complain("%s: out of memory", name);
    free(text);
    return n;
}

static int read_ids(int32_t **ids)
{
    int n = strspn(token_source, "0123456789, ") == strlen(token_source)
                ? input_ids(ids, token_source, strlen(token_source), "--tokens")
                : ids_of_file(ids);
    if (n == 0) {
        complain("--tokens: there are no tokens in '%s'", token_source);
        free(*ids);
        *ids = NULL;
        return -1;
    }
    return n;
}

static int check_ids(const engine *e, const int32_t *ids, int n)
{
    const int vocab = e->about->vocab;
    for (int i = 0; i < n; i++)
        if (ids[i] < 0 || ids[i] >= vocab)
            return complain("%s: token %d is %d; the model's ids are 0 to %d", token_source, i, (int)ids[i], vocab - 1);
    return 0;
}

/* Evaluate the tokens and write rows of logits to the file, or to standard output without one, as they are computed.
 * NaN and infinite logits are written, too, and clear *finite. */
static int evaluate(engine *e, const int32_t *ids, int n, wkv_file *f, int *finite)
{
    const size_t row = (size_t)e->about->vocab;
    const int step = mode == STEP ? 1 : chunk < n ? chunk : n;
    float *rows = all ? malloc(sizeof *rows * row * (size_t)step) : e->logits;
    if (!rows) return complain("out of memory: %d rows of %zu logits; a smaller --chunk needs less", step, row);
    progress bar;
    progress_begin(&bar, "evaluating");
    int status = 0;
    for (int at = 0, count; at < n && !status; at += count) {
        count = n - at < step ? n - at : step;
        const int wanted = all || at + count == n;
        const wkv_sequence piece = {
            .state = e->state, .tokens = ids + at, .n = count, .logits = wanted ? rows : NULL, .all_logits = all};
        const size_t out_rows = all ? (size_t)count : (size_t)wanted;
        if (interrupted)
            status = 130;
        else if (wkv_eval_batch(e->context, &piece, 1)) {
            progress_end(&bar);
            status = complain_library();
        } else if (*finite &= logits_finite(rows, row * out_rows), !f) {
            if (put(rows, sizeof *rows * row * out_rows)) break;
        } else if (wkv_file_put(f, rows, sizeof *rows * row * out_rows)) {
            progress_end(&bar);
            status = complain_library();
        }
        progress_at(&bar, at + count, n, "%d of %d tokens", at + count, n);
    }
    progress_end(&bar);
    if (all) free(rows);
    return status;
}

static int evaluate_to_file(engine *e, const int32_t *ids, int n, int *finite)
{
    wkv_file *f;
    if (wkv_model_refuse_output(e->model, out_path) || wkv_file_refuse_input(out_path, token_source, "the tokens") ||
        wkv_file_create(&f, out_path))
        return complain_library();
    int status = evaluate(e, ids, n, f, finite);
    if (status)
        wkv_file_abandon(f);
    else if (wkv_file_commit(f))
        status = complain_library();
    return status;
}

static int run(int n, char **operands)
{
    (void)n, (void)operands;
    if (!token_source) return usage(&cmd_logits, "--tokens says which tokens to read; it is missing");
    if (!out_path && on_terminal(1))
        return usage(&cmd_logits, "logits are binary, not for a terminal: --out FILE, or a pipe");
    int32_t *ids;
    int count = read_ids(&ids);
    if (count < 0) return 1;
    engine e;
    int status = engine_open(&e, 0);
    if (!status && (status = check_ids(&e, ids, count))) engine_close(&e);
    if (!status) {
        catch_interrupts();
        int finite = 1;
        status = out_path ? evaluate_to_file(&e, ids, count, &finite) : evaluate(&e, ids, count, NULL, &finite);
        if (!status && !finite) status = complain_logits(e.model);
        engine_close(&e);
    }
    free(ids);
    return status;
}

const command cmd_logits = {
    .name = "logits",
    .operands = "[MODEL]",
    .most = 0,
    .model = &engine_model,
    .summary = "raw logits of given tokens",
    .about = "Read tokens and write the logits of what would come next as raw little-endian float32: as many numbers "
             "as the model has tokens, for the last position or, with --all, for every one. How the tokens are cut "
             "into pieces does not change the numbers. A file is written beside and renamed into place when it is "
             "whole; it cannot be one that is read. Logits that are NaN or infinite are written, and the exit status "
             "is then 1.",
    .examples = "wkv logits -m MODEL.pth --tokens 510,444,11 -o logits.f32  # after these three\n"
                "wkv logits -m MODEL.pth --tokens ids.i32 --all > rows.f32  # a row for every token of a file",
    .groups = groups,
    .run = run,
};
