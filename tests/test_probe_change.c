/* test_probe_change.c - a value that a probe changes is computed with; rows have the labels of their sequences; rows in
 * place of embeddings; a session that is steered. */
#include "probed.h"
#include "rwkv/api.h"
#include "wkv_session.h"
#include "wkv_study.h"

/* ---- changes ----------------------------------------------------------------------------------------------------- */

/* Put the stored values of another text in place. */
static void patch(void *user, const wkv_probed *p)
{
    const store *from = user;
    for (int t = 0; t < p->rows; t++)
        memcpy(p->values + (size_t)t * (size_t)p->cols, row_of(from, p->layer, p->site, p->of ? p->of[t].token : 0),
               (size_t)p->cols * sizeof *p->values);
}

/* With the residual stream of another text after layer l (and layer 0's value, which later layers of version 7 read),
 * the logits are the other text's. Version 7a reads the ids in every layer, so there only after the last. */
static void patched_residual_stream(void)
{
    for (int i = 0; i < GOLDENS; i++) {
        known g;
        if (!golden_open(&g, goldens[i].name)) continue;
        float *want;
        store s = read_all(&g, &want);
        int32_t *other = malloc(sizeof *other * (size_t)g.n);
        for (int t = 0; t < g.n; t++) other[t] = (g.tokens[t] + 1 + t % 3) % g.vocab;
        const int last = goldens[i].layers - 1;
        for (int l = strcmp(goldens[i].version, "7a") ? 0 : last; l <= last; l++) {
            char names[64];
            snprintf(names, sizeof names, "blocks.0.v,blocks.%d.resid_post", l);
            wkv_state *state = state_new(g.m);
            EXPECT_EQ(wkv_probe_add(g.c, names, patch, &s), 0);
            float *got = all_logits(g.c, state, other, g.n, g.vocab, g.n);
            wkv_probe_clear(g.c);
            if (!same_bits(got, want, (size_t)g.n * (size_t)g.vocab))
                FAILED("%s: other logits after layer %d", goldens[i].name, l);
            free(got);
            wkv_state_free(state);
        }
        free(other), free(want);
        store_free(&s);
        known_close(&g);
    }
}

static void zero(void *user, const wkv_probed *p)
{
    (void)user;
    memset(p->values, 0, (size_t)p->rows * (size_t)p->cols * sizeof *p->values);
}

/* A wkv state that is set to 0 after each token is that of a caller who does so between tokens; one that is patched
 * after the last token is in the wkv_state. */
static void patched_states(void)
{
    for (int i = 0; i < GOLDENS; i++) {
        known g;
        if (!golden_open(&g, goldens[i].name)) continue;
        wkv_state *a = state_new(g.m), *b = state_new(g.m);
        float *x = calloc((size_t)g.n * (size_t)g.vocab, sizeof *x);
        for (int t = 0; t < g.n; t++) {
            EXPECT_EQ(wkv_eval(g.c, a, g.tokens + t, 1, x + (size_t)t * (size_t)g.vocab), 0);
            for (int l = 0; l < goldens[i].layers; l++) {
                size_t n, at = wkv_state_at(g.m, l, &n);
                memset(wkv_state_data(a) + at, 0, n * sizeof(float));
            }
        }
        EXPECT_EQ(wkv_probe_add(g.c, "state", zero, NULL), 0);
        float *y = all_logits(g.c, b, g.tokens, g.n, g.vocab, g.n);
        wkv_probe_clear(g.c);
        float *unchanged = from_start(&g, g.c, g.n);
        const size_t floats = (size_t)g.n * (size_t)g.vocab;
        if (!same_bits(x, y, floats) || !same_state(g.m, a, b)) FAILED("%s: another text", goldens[i].name);
        EXPECT(!same_bits(unchanged, y, floats));

        store s = read_all(&g, NULL);
        wkv_state_reset(a), wkv_state_reset(b);
        EXPECT_EQ(wkv_eval(g.c, a, g.tokens, g.n, NULL), 0);
        int32_t *other = malloc(sizeof *other * (size_t)g.n);
        for (int t = 0; t < g.n; t++) other[t] = g.tokens[g.n - 1 - t];
        EXPECT_EQ(wkv_probe_add(g.c, "blocks.*.state", patch, &s), 0);
        EXPECT_EQ(wkv_eval(g.c, b, other, g.n, NULL), 0);
        wkv_probe_clear(g.c);
        for (int l = 0; l < goldens[i].layers; l++) {
            size_t n, at = wkv_state_at(g.m, l, &n);
            EXPECT(same_bits(wkv_state_data(a) + at, wkv_state_data(b) + at, n));
        }
        store_free(&s);
        free(x), free(y), free(unchanged), free(other);
        wkv_state_free(a), wkv_state_free(b);
        known_close(&g);
    }
}

static int zero_output(void *user, const char *name, tensor *t, const slot *s, int layer)
{
    (void)layer;
    if (!strstr(name, ".att.output.weight")) return 0;
    (void)s;
    t->data = user;
    return 0;
}

/* att_out = 0 is a model whose output matrix is 0; and r = 0 likewise leaves the time mix without a read-out. */
static void changed_outputs(void)
{
    for (int i = 0; i < GOLDENS; i++) {
        known g, h;
        if (!golden_open(&g, goldens[i].name) || !golden_open(&h, goldens[i].name)) continue;
        void *zeros = calloc((size_t)goldens[i].width * (size_t)goldens[i].width, sizeof(float));
        rwkv_each(&h.m->rwkv, zero_output, zeros);
        EXPECT_EQ(wkv_probe_add(g.c, "att_out", zero, NULL), 0);
        float *x = from_start(&g, g.c, 7), *y = from_start(&h, h.c, 7);
        EXPECT(apart(x, y, (size_t)g.n * (size_t)g.vocab) == 0);
        wkv_probe_clear(g.c);
        free(x), free(y);
        known_close(&g), known_close(&h);
        free(zeros);
    }
}

/* ---- origins ----------------------------------------------------------------------------------------------------- */

typedef struct {
    int seen[4][200], bad, calls;
} labels;

static void count(void *user, const wkv_probed *p)
{
    labels *l = user;
    l->calls++;
    for (int t = 0; t < p->rows; t++) {
        const wkv_row of = p->of[t];
        if (of.sequence < 0 || of.sequence >= 4 || of.token < 0 || of.token >= 200)
            l->bad++;
        else
            l->seen[of.sequence][of.token]++;
    }
}

/* wkv_score evaluates in pieces of several texts; rows are labelled by text. */
static void origins_of_score(void)
{
    known g;
    if (!golden_open(&g, "v6-n16-bf16")) return;
    static const int lengths[4] = {100, 7, 150, 33};
    int32_t ids[200];
    wkv_scored_text texts[4];
    wkv_token_score scores[200];
    for (int i = 0; i < 200; i++) ids[i] = (i * 7 + i / 5) % g.vocab;
    for (int i = 0; i < 4; i++)
        texts[i] = (wkv_scored_text){.state = state_new(g.m), .tokens = ids, .n = lengths[i], .scores = scores};
    labels l = {0}, rows = {0};
    EXPECT_EQ(wkv_probe_add(g.c, "blocks.1.resid_post", count, &l), 0);
    EXPECT_EQ(wkv_probe_add(g.c, "blocks.0.state", count, &rows), 0);
    EXPECT_EQ(wkv_score(g.c, texts, 4), 0);
    EXPECT(l.bad == 0 && rows.bad == 0 && l.calls > 1 && rows.calls == 290);
    for (int i = 0; i < 4; i++) {
        for (int t = 0; t < 200; t++) EXPECT(l.seen[i][t] == (t < lengths[i]) && rows.seen[i][t] == (t < lengths[i]));
        wkv_state_free(texts[i].state);
    }
    known_close(&g);
}

/* A text longer than a pass: the labels continue. */
static void origins_of_passes(void)
{
    known g;
    if (!golden_open(&g, "v4-c32-f32")) return;
    enum { N = 1100 };
    static int32_t ids[N];
    for (int i = 0; i < N; i++) ids[i] = i % g.vocab;
    store s = {.m = g.m, .n = N};
    wkv_state *state = state_new(g.m);
    EXPECT_EQ(wkv_probe_add(g.c, "k,embed", store_values, &s), 0);
    EXPECT_EQ(wkv_eval(g.c, state, ids, N, NULL), 0);
    EXPECT_EQ(s.seen[1][WKV_SITE_K], N);
    float row[32];
    for (int t = 0; t < N; t += 77) {
        EXPECT_EQ(wkv_embed(g.c, ids + t, 1, row), 0);
        EXPECT(same_bits(row, row_of(&s, -1, WKV_SITE_EMBED, t), 32));
    }
    store_free(&s);
    wkv_state_free(state);
    known_close(&g);
}

/* ---- subscriptions ----------------------------------------------------------------------------------------------- */

static void add_one(void *user, const wkv_probed *p) { p->values[0] += *(const float *)user; }

static void keep_first(void *user, const wkv_probed *p) { *(float *)user = p->values[0]; }

static void probes_in_order(void)
{
    known g;
    if (!golden_open(&g, "v7-n32-f16")) return;
    wkv_state *s = state_new(g.m);
    float one = 1, two = 2, before, between, after, removed;
    EXPECT_EQ(wkv_probe_add(g.c, "blocks.0.r", keep_first, &before), 0);
    EXPECT_EQ(wkv_probe_add(g.c, "blocks.0.r", add_one, &one), 0);
    EXPECT_EQ(wkv_probe_add(g.c, "blocks.0.r", keep_first, &between), 0);
    EXPECT_EQ(wkv_probe_add(g.c, "blocks.0.attn.hook_q", add_one, &two), 0);
    EXPECT_EQ(wkv_probe_add(g.c, "blocks.0-1.r,blocks.0.r", keep_first, &after), 0);
    EXPECT_EQ(wkv_eval(g.c, s, g.tokens, 1, NULL), 0);
    float at_first = before + 1;
    EXPECT(between == at_first);
    wkv_probe_remove(g.c, add_one, &one);
    wkv_probe_remove(g.c, keep_first, &after);
    wkv_probe_remove(g.c, keep_first, NULL);
    EXPECT_EQ(wkv_probe_add(g.c, "blocks.0.r", keep_first, &removed), 0);
    wkv_state_reset(s);
    EXPECT_EQ(wkv_eval(g.c, s, g.tokens, 1, NULL), 0);
    EXPECT(between == before && removed == before + 2);
    wkv_state_free(s);
    known_close(&g);
}

/* ---- embeddings -------------------------------------------------------------------------------------------------- */

/* Rows of wkv_embed give the bits of their ids, alone, in parts, and in a batch with ids; an embed probe sees them. */
static void embeddings(void)
{
    for (int i = 0; i < GOLDENS; i++) {
        known g;
        if (!golden_open(&g, goldens[i].name)) continue;
        const int C = goldens[i].width, by_id = !strcmp(goldens[i].version, "7a");
        const size_t V = (size_t)g.vocab;
        float *rows = malloc(sizeof *rows * (size_t)(g.n * C)), *x = malloc(sizeof *x * 4 * V);
        wkv_state *s[4];
        for (int k = 0; k < 4; k++) s[k] = state_new(g.m);
        EXPECT_EQ(wkv_embed(g.c, g.tokens, g.n, rows), 0);
        EXPECT_EQ(wkv_eval(g.c, s[0], g.tokens, g.n, x), 0);
        const int32_t *ids = by_id ? g.tokens : NULL;
        const int cut = g.n / 3;
        wkv_sequence first = {.state = s[1], .tokens = ids, .embeddings = rows, .n = cut};
        wkv_sequence q[3] = {
            {.state = s[1],
             .tokens = ids ? ids + cut : NULL,
             .embeddings = rows + (size_t)(cut * C),
             .n = g.n - cut,
             .logits = x + V},
            {.state = s[2], .tokens = g.tokens, .n = g.n, .logits = x + 2 * V},
            {.state = s[3], .tokens = ids, .embeddings = rows, .n = g.n, .logits = x + 3 * V},
        };
        store seen = {.m = g.m, .n = g.n, .sequence = 2};
        EXPECT_EQ(wkv_eval_batch(g.c, &first, 1), 0);
        EXPECT_EQ(wkv_probe_add(g.c, "embed", store_values, &seen), 0);
        EXPECT_EQ(wkv_eval_batch(g.c, q, 3), 0);
        wkv_probe_clear(g.c);
        EXPECT(same_bits(rows, row_of(&seen, -1, WKV_SITE_EMBED, 0), (size_t)(g.n * C)));
        store_free(&seen);
        for (int k = 1; k < 4; k++)
            if (!same_bits(x, x + (size_t)k * V, V) || !same_state(g.m, s[0], s[k]))
                FAILED("%s: other bits", goldens[i].name);
        wkv_state_reset(s[0]);
        rows[C] = rows[C] + 1;
        EXPECT_EQ(wkv_eval_embeddings(g.c, s[0], rows, g.n, x), by_id ? WKV_EARG : 0);
        if (by_id)
            EXPECT_HAS(wkv_error(), "by id");
        else
            EXPECT(!same_bits(x, x + V, V));
        rows[C] = NAN;
        EXPECT_EQ(wkv_eval_batch(g.c, &q[2], 1), WKV_EARG);
        EXPECT_HAS(wkv_error(), "value 0 of row 1");
        for (int k = 0; k < 4; k++) wkv_state_free(s[k]);
        free(rows), free(x);
        known_close(&g);
    }
}

/* ---- sessions ---------------------------------------------------------------------------------------------------- */

static void add_to_all(void *user, const wkv_probed *p)
{
    for (int i = 0; i < p->rows * p->cols; i++) p->values[i] += *(const float *)user * (float)(i % 3 - 1);
}

/* The text of an answer; the caller frees it. */
static char *answer(wkv_context *c, const wkv_model *m, const wkv_tokenizer *t, int *read)
{
    wkv_session *s;
    wkv_batcher *b;
    wkv_event e;
    char *text = calloc(1, 1000);
    EXPECT_EQ(wkv_session_new(&s, m, t), 0);
    EXPECT_EQ(wkv_session_append_text(s, "Once upon a time", 16), 0);
    EXPECT_EQ(wkv_batcher_new(&b, c, NULL), 0);
    EXPECT_EQ(wkv_batcher_add(b, s, &(wkv_generation){.max_tokens = 20}), 0);
    while (wkv_batcher_pending(b)) {
        EXPECT_EQ(wkv_batcher_step(b), 0);
        while (wkv_session_next_event(s, &e))
            if (e.kind == WKV_EVENT_TEXT && strlen(text) + e.bytes < 1000) strncat(text, e.text, e.bytes);
    }
    *read = wkv_session_about(s).read;
    wkv_batcher_free(b);
    wkv_session_free(s);
    return text;
}

/* A session in a batcher: rows are labelled by the session's ids, and a probe steers the answer. */
static void steered_session(void)
{
    wkv_model *m;
    wkv_tokenizer *t;
    if (wkv_model_open(&m, NULL, NULL) || wkv_tokenizer_open(&t, NULL, m)) SKIP("no built-in model: %s", wkv_error());
    wkv_context *c = context_new(m, 1, NULL);
    int read, steered_read;
    labels l = {0};
    float strength = 0.5F;
    char *plain = answer(c, m, t, &read);
    EXPECT_EQ(wkv_probe_add(c, "blocks.2.resid_post", count, &l), 0);
    char *watched = answer(c, m, t, &read);
    EXPECT_STR(watched, plain);
    for (int i = 0; i < 200; i++) EXPECT(l.seen[0][i] == (i < read));
    EXPECT(l.bad == 0 && read > 20);
    EXPECT_EQ(wkv_probe_add(c, "blocks.1.resid_post", add_to_all, &strength), 0);
    char *steered = answer(c, m, t, &steered_read);
    EXPECT(strcmp(steered, plain));
    wkv_probe_clear(c);
    char *again = answer(c, m, t, &read);
    EXPECT_STR(again, plain);
    free(plain), free(watched), free(steered), free(again);
    wkv_context_free(c);
    wkv_tokenizer_close(t);
    wkv_model_close(m);
}

int main(void)
{
    RUN(patched_residual_stream);
    RUN(patched_states);
    RUN(changed_outputs);
    RUN(origins_of_score);
    RUN(origins_of_passes);
    RUN(probes_in_order);
    RUN(embeddings);
    RUN(steered_session);
    return DONE();
}
