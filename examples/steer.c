/* steer.c - probes in one page: the difference of two texts inside the model steers what it writes.
 *
 *     steer "a happy, kind, sunny day" "a sad, cruel, dark night" "The girl went into the wood and" 2
 *
 * The direction is the residual stream after a middle layer, averaged over the first text, minus that of the second; at
 * every token of the answer it is added, times the last argument. The model is the one built into the library, or the
 * checkpoint that $MODEL names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wkv_probe.h>

static wkv_model *model;
static wkv_tokenizer *tokenizer;
static wkv_context *context;
static int32_t ids[4096];

static int failed(void)
{
    fprintf(stderr, "steer: %s\n", wkv_error());
    exit(1);
}

/* A row of the residual stream, and its factor. */
typedef struct {
    float *row, factor;
} direction;

static void add_to_mean(void *user, const wkv_probed *p)
{
    const direction *d = user;
    for (int i = 0; i < p->rows * p->cols; i++) d->row[i % p->cols] += d->factor * p->values[i];
}

static void add_direction(void *user, const wkv_probed *p)
{
    const direction *d = user;
    for (int i = 0; i < p->rows * p->cols; i++) p->values[i] += d->factor * d->row[i % p->cols];
}

/* Read a text into a fresh state, which the caller frees. */
static wkv_state *read_text(const char *text, float *logits, int *n)
{
    wkv_state *state;
    *n = wkv_encode(tokenizer, text, strlen(text), ids, 4096);
    if (*n > 4096) *n = 4096;
    if (*n < 0 || wkv_state_new(&state, model) || wkv_eval(context, state, ids, *n, logits)) failed();
    return state;
}

int main(int argc, char **argv)
{
    if (argc < 4) return fprintf(stderr, "usage: steer TEXT OTHER PROMPT [FACTOR]\n"), 2;
    if (wkv_model_open(&model, getenv("MODEL"), NULL) || wkv_tokenizer_open(&tokenizer, NULL, model) ||
        wkv_context_new(&context, model, NULL))
        failed();
    const wkv_model_info *about = wkv_model_about(model);
    char site[32], *piece = malloc(wkv_decoder_room(tokenizer));
    float *logits = malloc(sizeof *logits * (size_t)about->vocab);
    direction d = {.row = calloc((size_t)about->width, sizeof *d.row)};
    snprintf(site, sizeof site, "blocks.%d.resid_post", about->layers / 2);

    if (wkv_probe_add(context, site, add_to_mean, &d)) failed();
    for (int i = 0, n; i < 2; i++) {
        n = wkv_encode(tokenizer, argv[1 + i], strlen(argv[1 + i]), NULL, 0);
        d.factor = (i ? -1.0f : 1.0f) / (float)(n > 0 ? n : 1);
        wkv_state_free(read_text(argv[1 + i], NULL, &n));
    }
    wkv_probe_clear(context);

    d.factor = argc > 4 ? strtof(argv[4], NULL) : 1;
    if (wkv_probe_add(context, site, add_direction, &d)) failed();
    int n;
    wkv_state *state = read_text(argv[3], logits, &n);
    fputs(argv[3], stdout);
    wkv_decoder decoder = {0};
    for (int i = 0; i < 60; i++) { /* greedy, so that the direction is the only difference */
        int32_t id = 0;
        for (int32_t k = 1; k < about->vocab; k++)
            if (logits[k] > logits[id]) id = k;
        if (id == wkv_tokenizer_end(tokenizer)) break;
        fwrite(piece, 1, wkv_decode(&decoder, tokenizer, id, piece), stdout);
        if (wkv_eval(context, state, &id, 1, logits)) failed();
    }
    fwrite(piece, 1, wkv_decode_end(&decoder, piece), stdout);
    putchar('\n');

    wkv_state_free(state);
    free(d.row);
    free(logits);
    free(piece);
    wkv_context_free(context);
    wkv_tokenizer_close(tokenizer);
    wkv_model_close(model);
    return 0;
}
