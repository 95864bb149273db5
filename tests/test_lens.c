/* Measures of a model while it reads a text (wkv_lens.h), in every version: the logit lens against the model's logits,
 * effective attention against runs without a token's write, cuts and knock-outs against states emptied by hand, singular
 * values of known matrices, predictions against wkv_score, steering against two plain runs. */
#include "models.h"
#include "wkv_lens.h"
#include "wkv_probe.h"
#include "wkv_study.h"

static void every(void (*check)(known *k, const golden *g))
{
    for (int i = 0; i < GOLDENS; i++) {
        known k;
        if (!golden_open(&k, goldens[i].name)) continue;
        if (k.n > 24) k.n = 24;
        check(&k, &goldens[i]);
        known_close(&k);
    }
}

static float *wkv_of(const known *k, wkv_state *s, int layer)
{
    const wkv_model_info *m = wkv_model_about(k->m);
    return wkv_state_data(s) + m->state_bytes / sizeof(float) / (size_t)m->layers * (size_t)layer + m->width;
}

static size_t wkv_values(const known *k)
{
    const wkv_model_info *m = wkv_model_about(k->m);
    return m->state_bytes / sizeof(float) / (size_t)m->layers - 2 * (size_t)m->width;
}

/* The wkv state at the start of a text. */
static void empty_by_hand(const known *k, float *wkv)
{
    const wkv_model_info *m = wkv_model_about(k->m);
    memset(wkv, 0, wkv_values(k) * sizeof *wkv);
    for (int i = 0; !m->heads && i < m->width; i++) wkv[2 * m->width + i] = -1e30F;
}

/* ---- logit lens -------------------------------------------------------------------------------------------------- */

static void check_lens(known *k, const golden *g)
{
    const int L = g->layers, n = k->n;
    wkv_lens_cell *cells = calloc((size_t)(2 * L + 1) * (size_t)n, sizeof *cells);
    wkv_token_score *scores = calloc((size_t)n, sizeof *scores);
    wkv_state *a = state_new(k->m), *b = state_new(k->m);
    EXPECT_EQ(wkv_lens(cells, k->c, a, k->tokens, n), 0);
    EXPECT_EQ(wkv_score(k->c, &(wkv_scored_text){.state = b, .tokens = k->tokens, .n = n - 1, .scores = scores}, 1), 0);
    for (int t = 0; t < n; t++) {
        const wkv_lens_cell *last = &cells[2 * L * n + t];
        const float *x = k->logits + (size_t)t * (size_t)k->vocab;
        int top = 0;
        for (int i = 1; i < k->vocab; i++)
            if (x[i] > x[top]) top = i;
        EXPECT_EQ(last->top, top);
        EXPECT(last->kl == 0);
        EXPECT(last->probability > 0 && last->probability <= 1);
        if (t + 1 < n) EXPECT(last->nll == scores[t].nll);
        if (t + 1 == n) EXPECT(isnan(last->nll));
        for (int d = 0; d <= 2 * L; d++) {
            const wkv_lens_cell *at = &cells[d * n + t];
            EXPECT(at->kl >= 0 && at->entropy >= 0 && at->entropy <= logf((float)k->vocab) * 1.00001F);
            EXPECT(-logf(at->probability) <= at->entropy + 1e-5F);
        }
    }
    EXPECT(wkv_eval(k->c, b, k->tokens + n - 1, 1, NULL) == 0 && same_state(k->m, a, b));
    wkv_state_free(a), wkv_state_free(b);
    free(scores);
    free(cells);
}

/* Depths are the sites: the rows that a probe of each sees, through wkv_unembed. */
typedef struct {
    float *rows;
    int n;
} kept;

static void keep_rows(void *user, const wkv_probed *p)
{
    kept *to = user;
    memcpy(to->rows + (size_t)p->of[0].token * (size_t)p->cols, p->values,
           (size_t)p->rows * (size_t)p->cols * sizeof *to->rows);
}

static void check_depth(known *k, const wkv_lens_cell *cells, int depth, const char *site)
{
    const int n = k->n, C = wkv_model_about(k->m)->width, V = k->vocab;
    kept rows = {malloc(sizeof(float) * (size_t)(n * C)), n};
    float *logits = malloc(sizeof *logits * (size_t)(n * V));
    wkv_state *s = state_new(k->m);
    EXPECT_EQ(wkv_probe_add(k->c, site, keep_rows, &rows), 0);
    EXPECT_EQ(wkv_eval(k->c, s, k->tokens, n, NULL), 0);
    wkv_probe_clear(k->c);
    EXPECT_EQ(wkv_unembed(k->c, rows.rows, n, logits), 0);
    for (int t = 0; t < n; t++) {
        double max = -1e30, sum = 0, entropy = 0;
        const float *x = logits + t * V;
        int top = 0;
        for (int i = 0; i < V; i++)
            if ((double)x[i] > max) max = (double)x[top = i];
        for (int i = 0; i < V; i++) sum += exp((double)x[i] - max);
        for (int i = 0; i < V; i++) {
            const double p = exp((double)x[i] - max) / sum;
            entropy -= p > 0 ? p * log(p) : 0;
        }
        const wkv_lens_cell *cell = &cells[depth * n + t];
        EXPECT_EQ(cell->top, top);
        EXPECT_NEAR(cell->entropy, entropy, 1e-4);
        EXPECT_NEAR(cell->probability, 1 / sum, 1e-5);
        if (t + 1 < n) EXPECT_NEAR(cell->nll, log(sum) + max - (double)x[k->tokens[t + 1]], 1e-4);
    }
    wkv_state_free(s);
    free(logits);
    free(rows.rows);
}

static void depths_are_sites(void)
{
    static const char *const names[] = {"v4-c40-f16", "v7-n16-bf16"};
    for (int i = 0; i < 2; i++) {
        known k;
        if (!golden_open(&k, names[i])) continue;
        wkv_lens_cell *cells = calloc((size_t)(7 * k.n), sizeof *cells);
        wkv_state *s = state_new(k.m);
        EXPECT_EQ(wkv_lens(cells, k.c, s, k.tokens, k.n), 0);
        check_depth(&k, cells, 0, "blocks.0.resid_pre");
        check_depth(&k, cells, 3, "blocks.1.resid_mid");
        check_depth(&k, cells, 4, "blocks.1.resid_post");
        check_depth(&k, cells, 6, "blocks.2.resid_post");
        wkv_state_free(s);
        free(cells);
        known_close(&k);
    }
}

static void check_unembed(known *k, const golden *g)
{
    char site[32];
    snprintf(site, sizeof site, "blocks.%d.resid_post", g->layers - 1);
    const size_t n = (size_t)k->n, V = (size_t)k->vocab;
    kept rows = {malloc(sizeof(float) * n * (size_t)g->width), k->n};
    float *logits = malloc(sizeof *logits * n * V);
    EXPECT_EQ(wkv_probe_add(k->c, site, keep_rows, &rows), 0);
    float *want = from_start(k, k->c, k->n);
    wkv_probe_clear(k->c);
    EXPECT_EQ(wkv_unembed(k->c, rows.rows, k->n, logits), 0);
    EXPECT(same_bits(logits, want, n * V));
    free(want);
    free(logits);
    free(rows.rows);
}

/* ---- effective attention ----------------------------------------------------------------------------------------- */

/* One run with the write of token s removed in one layer, whose read-outs are kept. */
typedef struct {
    float *wkv; /* [n][C] */
    int token, remove_key;
} removal;

static void remove_write(void *user, const wkv_probed *p)
{
    const removal *r = user;
    for (int t = 0; t < p->rows; t++)
        for (int i = 0; i < p->cols && p->of[t].token == r->token; i++)
            p->values[t * p->cols + i] = p->site == WKV_SITE_K ? -1e4F : 0;
}

static void keep_wkv(void *user, const wkv_probed *p)
{
    const removal *r = user;
    memcpy(r->wkv + (size_t)p->of[0].token * (size_t)p->cols, p->values,
           (size_t)p->rows * (size_t)p->cols * sizeof *r->wkv);
}

/* token -1: nothing is removed */
static void run_without(const known *k, float *wkv, int layer, int token, int key, const wkv_state *from)
{
    char v[32], o[32], key_site[32];
    removal r = {wkv, token, key};
    wkv_state *s = state_new(k->m);
    if (from) wkv_state_copy(s, from);
    snprintf(v, sizeof v, "blocks.%d.v", layer);
    snprintf(o, sizeof o, "blocks.%d.wkv", layer);
    snprintf(key_site, sizeof key_site, "blocks.%d.k", layer);
    EXPECT_EQ(wkv_probe_add(k->c, key ? key_site : v, remove_write, &r), 0);
    EXPECT_EQ(wkv_probe_add(k->c, o, keep_wkv, &r), 0);
    EXPECT_EQ(wkv_eval(k->c, s, k->tokens, k->n, NULL), 0);
    wkv_probe_clear(k->c);
    wkv_state_free(s);
}

/* <o - o', o> / <o, o> */
static double share_of(const float *o, const float *without, int n)
{
    double part = 0, all = 0;
    for (int i = 0; i < n; i++) {
        part += ((double)o[i] - (double)without[i]) * (double)o[i];
        all += (double)o[i] * (double)o[i];
    }
    return all > 0 ? part / all : 0;
}

static double worst_share; /* largest distance of a share from that of a run without the write */

static void compare_share(double got, double want, const char *name, int layer, int t, int s)
{
    const double off = fabs(got - want) / fmax(1, fabs(want));
    if (off > worst_share) worst_share = off;
    if (!(off < 2e-4)) FAILED("%s: layer %d, token %d at %d: %g, removed %g", name, layer, s, t, got, want);
}

static void check_removals(known *k, const golden *g, const wkv_state *from)
{
    const int n = k->n, C = g->width, H = g->heads, L = g->layers;
    const size_t square = (size_t)(n * n);
    float *layers = malloc(sizeof *layers * (size_t)L * square);
    float *heads = H ? malloc(sizeof *heads * (size_t)(L * H) * square) : NULL;
    float *o = malloc(sizeof *o * (size_t)(n * C)), *without = malloc(sizeof *o * (size_t)(n * C));
    EXPECT_EQ(wkv_attention(layers, heads, k->c, from, k->tokens, n, NULL), 0);
    for (int l = 0; l < L; l++) {
        run_without(k, o, l, -1, 0, from);
        for (int s = 0; s < n; s += 3) {
            run_without(k, without, l, s, 0, from);
            for (int t = 0; t < n; t++) {
                const float *at = o + t * C, *cut = without + t * C;
                const size_t place = (size_t)(t * n + s);
                compare_share((double)layers[(size_t)l * square + place], share_of(at, cut, C), g->name, l, t, s);
                if (t < s) EXPECT(layers[(size_t)l * square + place] == 0);
                for (int h = 0; h < H; h++)
                    compare_share((double)heads[(size_t)(l * H + h) * square + place],
                                  share_of(at + h * (C / H), cut + h * (C / H), C / H), g->name, l, t, s);
            }
        }
        for (int t = 0; t < n && !from; t++) {
            double sum = 0;
            for (int s = 0; s < n; s++) sum += (double)layers[(size_t)l * square + (size_t)(t * n + s)];
            EXPECT_NEAR(sum, 1, 2e-4);
        }
    }
    free(o), free(without);
    free(heads);
    free(layers);
}

static void check_attention(known *k, const golden *g)
{
    wkv_state *s = state_new(k->m), *copy = state_new(k->m);
    check_removals(k, g, NULL);
    EXPECT_EQ(wkv_eval(k->c, s, k->tokens, 5, NULL), 0);
    EXPECT_EQ(wkv_state_copy(copy, s), 0);
    check_removals(k, g, s);
    EXPECT(same_state(k->m, s, copy));
    wkv_state_free(s), wkv_state_free(copy);
}

static void shares(void)
{
    every(check_attention);
    printf("  shares equal runs without the write within %.2g\n", worst_share);
}

/* Version 4, the whole write removed, from numerator and denominator: the rest is divided by the weights that are left,
 * 1 - α, where α v_s is what the removal of the value alone takes away. */
static void average_without_token(void)
{
    known k;
    if (!golden_open(&k, "v4-c40-f16")) return;
    const int n = 24, C = wkv_model_about(k.m)->width;
    float *o = malloc(sizeof *o * (size_t)(3 * k.n * C)), *no_value = o + k.n * C, *no_write = o + 2 * k.n * C;
    kept v = {malloc(sizeof *o * (size_t)(k.n * C)), k.n};
    wkv_state *state = state_new(k.m);
    wkv_probe_add(k.c, "blocks.1.v", keep_rows, &v);
    EXPECT_EQ(wkv_eval(k.c, state, k.tokens, k.n, NULL), 0);
    wkv_probe_clear(k.c);
    run_without(&k, o, 1, -1, 0, NULL);
    for (int s = 1; s < n; s += 4) {
        run_without(&k, no_value, 1, s, 0, NULL);
        run_without(&k, no_write, 1, s, 1, NULL);
        for (int t = s + 1; t < n; t++)
            for (int i = 0; i < C; i++) {
                const double of_s = (double)v.rows[s * C + i];
                if (fabs(of_s) < 0.02) continue; /* its weight would be rounded */
                const double weight = ((double)o[t * C + i] - (double)no_value[t * C + i]) / of_s;
                EXPECT(weight > -1e-4 && weight < 1);
                EXPECT_NEAR((1 - weight) * (double)no_write[t * C + i], (double)no_value[t * C + i], 1e-4);
            }
    }
    wkv_state_free(state);
    free(v.rows);
    free(o);
    known_close(&k);
}

static int stop_at(void *user, int done, int total)
{
    (void)total;
    return done == *(int *)user;
}

static void attention_stops(void)
{
    known k;
    if (!golden_open(&k, "v7-n16-bf16")) return;
    float *layers = calloc((size_t)(3 * k.n * k.n), sizeof *layers);
    int at = 1;
    EXPECT_EQ(wkv_attention(layers, NULL, k.c, NULL, k.tokens, k.n, &(wkv_lens_progress){stop_at, &at}), WKV_ESTOPPED);
    float *a = from_start(&k, k.c, k.n); /* no probe is left */
    NEAR_ALL("after a stop", a, k.logits, (size_t)k.n * (size_t)k.vocab, TOLERANCE);
    free(a);
    free(layers);
    known_close(&k);
}

/* ---- cuts -------------------------------------------------------------------------------------------------------- */

static void check_reach(known *k, const golden *g)
{
    float *change = malloc(sizeof *change * (size_t)k->n);
    int reach;
    for (int cut = 0; cut < WKV_CUTS; cut++) {
        const int at = 3, left = k->n - 1 - at, most = wkv_cut_reach(k->m, (wkv_cut)cut);
        const int32_t other = (k->tokens[at] + 1) % k->vocab;
        EXPECT_EQ(wkv_influence(change, &reach, k->c, (wkv_cut)cut, k->tokens, k->n, at, other), 0);
        EXPECT(most == -1 || most < left);
        EXPECT(change[0] > 0);
        if (reach != (most < 0 ? left : most))
            FAILED("%s: without %s a token reaches %d further, expected %d", g->name, wkv_cut_name((wkv_cut)cut), reach,
                   most);
        for (int d = reach + 1; d <= left; d++) EXPECT(change[d] == 0);
        EXPECT_EQ(wkv_influence(change, &reach, k->c, (wkv_cut)cut, k->tokens, k->n, at, k->tokens[at]), 0);
        EXPECT_EQ(reach, -1);
    }
    free(change);
}

/* The table of docs/lens.md. */
static void reaches(void)
{
    every(check_reach);
    known k;
    if (golden_open(&k, "v4-c40-f16")) {
        EXPECT_EQ(wkv_cut_reach(k.m, WKV_CUT_READ_OUT), 3);
        EXPECT_EQ(wkv_cut_reach(k.m, WKV_CUT_PAST), 6);
        EXPECT_EQ(wkv_cut_reach(k.m, WKV_CUT_TIME_MIX), 3);
        known_close(&k);
    }
    if (golden_open(&k, "v7-n16-bf16")) {
        EXPECT_EQ(wkv_cut_reach(k.m, WKV_CUT_READ_OUT), 6);
        EXPECT_EQ(wkv_cut_reach(k.m, WKV_CUT_TIME_MIX), 3);
        known_close(&k);
    }
    if (golden_open(&k, "v5.0-n16-bf16")) {
        EXPECT_EQ(wkv_cut_reach(k.m, WKV_CUT_READ_OUT), 2);
        known_close(&k);
    }
}

/* ---- knock-outs -------------------------------------------------------------------------------------------------- */

static double nll_of(const float *x, int V, int id)
{
    double sum = 0, max = -1e30;
    for (int i = 0; i < V; i++) max = fmax(max, (double)x[i]);
    for (int i = 0; i < V; i++) sum += exp((double)x[i] - max);
    return log(sum) + max - (double)x[id];
}

/* A state emptied by hand between two calls is the state that is emptied after each token. */
static void check_state_knock(known *k, const golden *g)
{
    const int l = g->layers - 1;
    float *nll = malloc(sizeof *nll * (size_t)k->n), *logits = malloc(sizeof *logits * (size_t)k->vocab);
    wkv_state *s = state_new(k->m);
    EXPECT_EQ(wkv_knock_out(nll, k->c, WKV_KNOCK_STATE, l, k->tokens, k->n), 0);
    for (int t = 0; t + 1 < k->n; t++) {
        EXPECT_EQ(wkv_eval(k->c, s, k->tokens + t, 1, logits), 0);
        EXPECT_NEAR(nll[t], nll_of(logits, k->vocab, k->tokens[t + 1]), 1e-5);
        empty_by_hand(k, wkv_of(k, s, l));
    }
    wkv_state_free(s);
    free(logits), free(nll);
}

/* The mean of a site, and then a site that is this mean. */
typedef struct {
    double sum[256];
    int tokens, put;
} mean_site;

static void by_mean(void *user, const wkv_probed *p)
{
    mean_site *m = user;
    for (int t = 0; t < p->rows; t++)
        for (int i = 0; i < p->cols; i++)
            if (m->put)
                p->values[t * p->cols + i] = (float)(m->sum[i] / m->tokens);
            else
                m->sum[i] += (double)p->values[t * p->cols + i];
    if (!m->put) m->tokens += p->rows;
}

static void zero(void *user, const wkv_probed *p)
{
    (void)user;
    memset(p->values, 0, (size_t)(p->rows * p->cols) * sizeof *p->values);
}

static void compare_losses(known *k, const float *nll, const char *what)
{
    wkv_state *s = state_new(k->m);
    wkv_token_score *scores = calloc((size_t)k->n, sizeof *scores);
    EXPECT_EQ(wkv_score(k->c, &(wkv_scored_text){.state = s, .tokens = k->tokens, .n = k->n - 1, .scores = scores}, 1),
              0);
    for (int t = 0; t + 1 < k->n; t++)
        if (nll[t] != scores[t].nll) FAILED("%s: token %d: %g, by probes %g", what, t, nll[t], scores[t].nll);
    free(scores);
    wkv_state_free(s);
}

static void check_out_knocks(known *k, const golden *g)
{
    static const wkv_knock kinds[] = {WKV_KNOCK_ATT, WKV_KNOCK_FFN, WKV_KNOCK_ATT_MEAN, WKV_KNOCK_FFN_MEAN};
    float *nll = malloc(sizeof *nll * (size_t)k->n);
    char site[32];
    EXPECT_EQ(wkv_knock_out(nll, k->c, WKV_KNOCK_STATE, -1, k->tokens, k->n), 0);
    compare_losses(k, nll, "the whole model");
    for (int i = 0; i < 4; i++) {
        mean_site mean = {.tokens = 0};
        snprintf(site, sizeof site, "blocks.0.%s", i % 2 ? "ffn_out" : "att_out");
        EXPECT_EQ(wkv_knock_out(nll, k->c, kinds[i], 0, k->tokens, k->n), 0);
        wkv_probe_add(k->c, site, i < 2 ? zero : by_mean, &mean);
        if (i >= 2) {
            wkv_state *s = state_new(k->m);
            EXPECT_EQ(wkv_eval(k->c, s, k->tokens, k->n, NULL), 0);
            wkv_state_free(s);
            mean.put = 1;
        }
        compare_losses(k, nll, wkv_knock_name(kinds[i]));
        wkv_probe_clear(k->c);
    }
    const int mean_state = wkv_knock_out(nll, k->c, WKV_KNOCK_STATE_MEAN, g->layers - 1, k->tokens, k->n);
    EXPECT_EQ(mean_state, g->heads ? 0 : WKV_EUNSUPPORTED);
    for (int t = 0; t + 1 < k->n && !mean_state; t++) EXPECT(isfinite(nll[t]));
    free(nll);
}

/* ---- states ------------------------------------------------------------------------------------------------------ */

static void spectra(void)
{
    known k;
    if (!golden_open(&k, "v5.0-n16-bf16")) return;
    const int N = 16, C = wkv_model_about(k.m)->width;
    wkv_state *s = state_new(k.m);
    float sigma[16], *S = wkv_of(&k, s, 1) + N * N;
    EXPECT_EQ(wkv_state_spectrum(sigma, k.m, s, 1, 1), 0);
    EXPECT(sigma[0] == 0 && wkv_effective_rank(sigma, N) == 0);
    for (int i = 0; i < N; i++) S[i * N + (i * 5 + 3) % N] = (i & 1 ? -1.0F : 1.0F) * (float)(i + 1);
    EXPECT_EQ(wkv_state_spectrum(sigma, k.m, s, 1, 1), 0);
    for (int i = 0; i < N; i++) EXPECT_NEAR(sigma[i], N - i, 1e-5);
    for (int i = 0; i < N * N; i++) S[i] = (float)(i / N + 1) * (float)(i % N - 3); /* rank 1 */
    EXPECT_EQ(wkv_state_spectrum(sigma, k.m, s, 1, 1), 0);
    double u = 0, v = 0;
    for (int i = 0; i < N; i++) u += (i + 1) * (i + 1), v += (i - 3) * (i - 3);
    EXPECT_NEAR(sigma[0], sqrt(u * v), 1e-3);
    EXPECT(sigma[1] < 1e-3F);
    EXPECT_NEAR(wkv_effective_rank(sigma, N), 1, 1e-4);
    for (int i = 0; i < 4; i++) sigma[i] = 2;
    EXPECT_NEAR(wkv_effective_rank(sigma, 4), 4, 1e-6);
    EXPECT_EQ(wkv_state_spectrum(sigma, k.m, s, 1, 0), 0); /* the other head is untouched */
    EXPECT(sigma[0] == 0);

    /* one token writes k v': rank 1, and the norms of both */
    wkv_state_reset(s);
    kept key = {malloc(sizeof(float) * (size_t)C), 1}, value = {malloc(sizeof(float) * (size_t)C), 1};
    wkv_probe_add(k.c, "blocks.0.k", keep_rows, &key);
    wkv_probe_add(k.c, "blocks.0.v", keep_rows, &value);
    EXPECT_EQ(wkv_eval(k.c, s, k.tokens, 1, NULL), 0);
    wkv_probe_clear(k.c);
    EXPECT_EQ(wkv_state_spectrum(sigma, k.m, s, 0, 1), 0);
    double kk = 0, vv = 0;
    for (int i = N; i < 2 * N; i++) kk += pow((double)key.rows[i], 2), vv += pow((double)value.rows[i], 2);
    EXPECT_NEAR(sigma[0], sqrt(kk * vv), 1e-5 * sqrt(kk * vv));
    EXPECT(sigma[1] < 1e-5F * sigma[0]);
    S[3] = NAN;
    EXPECT_EQ(wkv_state_spectrum(sigma, k.m, s, 1, 1), 0);
    EXPECT(isnan(sigma[0]) && isnan(wkv_effective_rank(sigma, N)));
    wkv_state_free(s);
    free(key.rows), free(value.rows);
    known_close(&k);
}

static void check_health(known *k, const golden *g)
{
    wkv_state *s = state_new(k->m);
    wkv_state_health h;
    EXPECT_EQ(wkv_state_examine(&h, k->m, s, g->layers - 1), 0);
    EXPECT(h.rms == 0 && h.bad == 0 && h.values == (g->heads ? g->width * g->head_size : g->width));
    EXPECT_EQ(wkv_eval(k->c, s, k->tokens, k->n, NULL), 0);
    EXPECT_EQ(wkv_state_examine(&h, k->m, s, g->layers - 1), 0);
    EXPECT(h.rms > 0 && h.largest >= h.rms && h.bad == 0 && h.saturated == 0);
    float *wkv = wkv_of(k, s, g->layers - 1);
    wkv[0] = NAN, wkv[1] = INFINITY, wkv[2] = g->heads ? -70000.0F : -70000.0F * wkv[g->width + 2];
    EXPECT_EQ(wkv_state_examine(&h, k->m, s, g->layers - 1), 0);
    EXPECT(h.bad == 2 && h.saturated == 1);
    EXPECT_NEAR(h.largest, 70000, 0.1);
    EXPECT_EQ(wkv_state_examine(&h, k->m, s, 0), 0);
    EXPECT_EQ(h.bad, g->layers == 1 ? 2 : 0);
    if (!g->heads) EXPECT_EQ(wkv_state_spectrum(wkv, k->m, s, 0, 0), WKV_EUNSUPPORTED);
    wkv_state_free(s);
}

/* ---- predictions ------------------------------------------------------------------------------------------------- */

static void check_predictions(known *k, const golden *g)
{
    const int n = k->n;
    wkv_prediction *p = calloc((size_t)n, sizeof *p);
    wkv_token_score *scores = calloc((size_t)n, sizeof *scores);
    wkv_state *a = state_new(k->m), *b = state_new(k->m);
    EXPECT_EQ(wkv_predictions(p, k->c, a, k->tokens, n), 0);
    EXPECT_EQ(wkv_score(k->c, &(wkv_scored_text){.state = b, .tokens = k->tokens, .n = n - 1, .scores = scores}, 1), 0);
    for (int t = 0; t < n - 1; t++)
        if (p[t].nll != scores[t].nll || p[t].correct != (scores[t].rank == 0))
            FAILED("%s: token %d: %g, %d, scored %g, %d", g->name, t, p[t].nll, p[t].correct, scores[t].nll,
                   scores[t].rank);
    EXPECT(same_state(k->m, a, b));
    wkv_state_free(a), wkv_state_free(b);
    free(scores);
    free(p);
}

static void calibration(void)
{
    wkv_prediction p[10];
    wkv_reliability bins[5];
    for (int i = 0; i < 10; i++)
        p[i] = (wkv_prediction){.probability = i < 6 ? 0.9F : 0.3F, .correct = i < 3 || i == 6};
    EXPECT_NEAR(wkv_calibration(bins, 5, p, 10), 0.6 * 0.4 + 0.4 * 0.05, 1e-6);
    EXPECT(bins[4].n == 6 && bins[1].n == 4 && bins[0].n == 0 && isnan(bins[0].accuracy));
    EXPECT_NEAR(bins[4].accuracy, 0.5, 1e-9);
    EXPECT_NEAR(bins[1].confidence, 0.3, 1e-6);
    p[0].probability = 1;
    wkv_calibration(bins, 5, p, 10);
    EXPECT_EQ(bins[4].n, 6);
    EXPECT(isnan(wkv_calibration(bins, 5, p, 0)) && isnan(wkv_calibration(bins, 0, p, 3)));
}

/* ---- steering ---------------------------------------------------------------------------------------------------- */

static double divergence(const float *a, const float *b, int V)
{
    double kl = 0;
    for (int i = 0; i < V; i++) {
        const double p = exp(-nll_of(a, V, i));
        kl += p * (nll_of(b, V, i) - nll_of(a, V, i));
    }
    return kl;
}

static void check_steering(known *k, const golden *g)
{
    const int n = k->n - 6, V = k->vocab;
    float *kl = malloc(sizeof *kl * (size_t)((g->layers + 1) * n));
    const wkv_steering what = {
        .before = k->tokens, .n_before = 2, .line = k->tokens + 2, .n_line = 4, .text = k->tokens + 6, .n_text = n};
    EXPECT_EQ(wkv_steer(kl, k->c, &what), 0);
    wkv_state *with = state_new(k->m), *without = state_new(k->m), *patched = state_new(k->m);
    EXPECT_EQ(wkv_eval(k->c, without, k->tokens, 2, NULL), 0);
    EXPECT_EQ(wkv_eval(k->c, with, k->tokens, 6, NULL), 0);
    EXPECT_EQ(wkv_state_copy(patched, without), 0);
    const size_t layer = state_floats(k->m) / (size_t)g->layers, at = layer * (size_t)(g->layers - 1);
    memcpy(wkv_state_data(patched) + at, wkv_state_data(with) + at, layer * sizeof(float));
    float *a = all_logits(k->c, with, what.text, n, V, n), *b = all_logits(k->c, without, what.text, n, V, n),
          *c = all_logits(k->c, patched, what.text, n, V, n);
    for (int t = 0; t < n; t++) {
        EXPECT_NEAR(kl[t], divergence(a + t * V, b + t * V, V), 1e-6);
        EXPECT_NEAR(kl[g->layers * n + t], divergence(a + t * V, c + t * V, V), 1e-6);
        if (g->layers == 1) EXPECT(kl[n + t] == 0); /* its only layer's state is the whole state */
    }
    free(a), free(b), free(c);
    wkv_state_free(with), wkv_state_free(without), wkv_state_free(patched);
    free(kl);
}

static void lenses(void) { every(check_lens); }
static void unembedding(void) { every(check_unembed); }
static void state_knocks(void) { every(check_state_knock); }
static void output_knocks(void) { every(check_out_knocks); }
static void health(void) { every(check_health); }
static void predictions(void) { every(check_predictions); }
static void steering(void) { every(check_steering); }

int main(void)
{
    RUN(lenses);
    RUN(depths_are_sites);
    RUN(unembedding);
    RUN(shares);
    RUN(average_without_token);
    RUN(attention_stops);
    RUN(reaches);
    RUN(state_knocks);
    RUN(output_knocks);
    RUN(spectra);
    RUN(health);
    RUN(predictions);
    RUN(calibration);
    RUN(steering);
    return DONE();
}
