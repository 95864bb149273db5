/* test_probe.c - probes: reading changes no bit, in any version and any form of running; the values are those of the
 * equations; a changed value is computed with. */
#include "models.h"
#include "ops/device.h"
#include "rwkv/api.h"
#include "wkv_session.h"
#include "wkv_study.h"

enum { MOST_LAYERS = 3 };

/* ---- a store of everything that is read -------------------------------------------------------------------------- */

/* The values of every site of a text, [layer + 1][site][token][cols], and the calls that had a wrong form. */
typedef struct {
    const wkv_model *m;
    int n, sequence; /* tokens; the sequence that is stored */
    float *at[MOST_LAYERS + 1][WKV_SITES];
    int cols[MOST_LAYERS + 1][WKV_SITES], seen[MOST_LAYERS + 1][WKV_SITES];
    int bad;
} store;

static void store_values(void *user, const wkv_probed *p)
{
    store *s = user;
    const int l = p->layer + 1;
    float **to = &s->at[l][p->site];
    s->cols[l][p->site] = p->cols;
    if (!*to) *to = calloc((size_t)s->n * (size_t)p->cols, sizeof **to);
    if (!p->of) { /* one row for all tokens */
        s->bad += p->rows != 1 || p->site != WKV_SITE_W;
        memcpy(*to, p->values, (size_t)p->cols * sizeof **to);
        return;
    }
    for (int t = 0; t < p->rows; t++) {
        if (p->of[t].sequence != s->sequence) continue;
        if (p->of[t].token < 0 || p->of[t].token >= s->n) {
            s->bad++;
            continue;
        }
        s->seen[l][p->site]++;
        memcpy(*to + (size_t)p->of[t].token * (size_t)p->cols, p->values + (size_t)t * (size_t)p->cols,
               (size_t)p->cols * sizeof **to);
    }
}

static void store_free(store *s)
{
    for (int l = 0; l <= MOST_LAYERS; l++)
        for (int i = 0; i < WKV_SITES; i++) free(s->at[l][i]);
}

static const float *row_of(const store *s, int layer, wkv_site site, int t)
{
    return s->at[layer + 1][site] + (size_t)t * (size_t)s->cols[layer + 1][site];
}

/* Every site of the model has been read once for each token. */
static void check_seen(const store *s, const char *name)
{
    wkv_site_info all[MOST_LAYERS * WKV_SITES];
    const int n = wkv_sites(s->m, NULL, all, MOST_LAYERS * WKV_SITES);
    EXPECT_EQ(s->bad, 0);
    for (int i = 0; i < n; i++) {
        int64_t values = 1;
        for (int k = 0; k < all[i].dims; k++) values *= all[i].shape[k];
        const int seen = s->seen[all[i].layer + 1][all[i].site], cols = s->cols[all[i].layer + 1][all[i].site];
        if (cols != values || (!all[i].one_row && seen != s->n))
            FAILED("%s: layer %d, %s: %d of %d tokens, %d of %d values", name, all[i].layer, wkv_site_name(all[i].site),
                   seen, s->n, cols, (int)values);
    }
}

/* ---- reading changes nothing ------------------------------------------------------------------------------------- */

/* Three sequences, of different lengths, in one batch; the first begins with its state after one token. */
static void eval_three(wkv_context *c, const wkv_model *m, const int32_t *ids, int n, float *logits, wkv_state *s[3])
{
    const size_t V = (size_t)wkv_model_about(m)->vocab;
    wkv_sequence q[3];
    for (int i = 0; i < 3; i++)
        q[i] =
            (wkv_sequence){.state = s[i], .tokens = ids + i, .n = i == 1 ? 1 : n - 2, .logits = logits + (size_t)i * V};
    if (wkv_eval_batch(c, q, 3)) FAILED("%s", wkv_error());
}

/* All sites are read, and logits and states have the bits of the context without probes. */
static void check_reading(const wkv_model *m, wkv_context *plain, wkv_context *probed, const int32_t *ids, int n,
                          const char *name)
{
    const int V = wkv_model_about(m)->vocab;
    const int chunks[] = {n, 1, 5};
    for (int i = 0; i < 3; i++) {
        store s = {.m = m, .n = n};
        wkv_state *a = state_new(m), *b = state_new(m);
        float *x = all_logits(plain, a, ids, n, V, chunks[i]);
        if (i) s.n = chunks[i]; /* tokens are counted in each call */
        const int calls = i ? n / chunks[i] : 1, left = i ? n % chunks[i] : 0;
        EXPECT_EQ(wkv_probe_add(probed, NULL, store_values, &s), 0);
        float *y = all_logits(probed, b, ids, n - left, V, chunks[i]);
        for (int l = 0; l <= MOST_LAYERS; l++)
            for (int k = 0; k < WKV_SITES; k++) {
                EXPECT(s.seen[l][k] % calls == 0);
                s.seen[l][k] /= calls;
            }
        check_seen(&s, name);
        wkv_probe_clear(probed);
        if (left) free(all_logits(probed, b, ids + n - left, left, V, left));
        if (!same_bits(x, y, (size_t)(n - left) * (size_t)V))
            FAILED("%s: chunks of %d have other logits", name, chunks[i]);
        if (!same_state(m, a, b)) FAILED("%s: chunks of %d have another state", name, chunks[i]);
        wkv_state_free(a), wkv_state_free(b);
        free(x), free(y);
        store_free(&s);
    }
    float *x = calloc(6 * (size_t)V, sizeof *x);
    wkv_state *states[2][3];
    store s = {.m = m, .n = n - 2, .sequence = 2};
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < 3; i++) states[k][i] = state_new(m);
        if (k) EXPECT_EQ(wkv_probe_add(probed, NULL, store_values, &s), 0);
        eval_three(k ? probed : plain, m, ids, n, x + (size_t)k * 3 * (size_t)V, states[k]);
        wkv_probe_clear(probed);
    }
    check_seen(&s, name);
    if (!same_bits(x, x + 3 * (size_t)V, 3 * (size_t)V)) FAILED("%s: a batch has other logits", name);
    for (int i = 0; i < 3; i++) {
        if (!same_state(m, states[0][i], states[1][i])) FAILED("%s: sequence %d has another state", name, i);
        wkv_state_free(states[0][i]), wkv_state_free(states[1][i]);
    }
    store_free(&s);
    free(x);
}

static void reading_changes_nothing(void)
{
    static const char *const types[] = {NULL, "q8_0", "q4_0"};
    for (int i = 0; i < GOLDENS; i++)
        for (int k = 0; k < 3; k++) {
            known g;
            if (!golden_open(&g, goldens[i].name)) continue;
            wkv_model *m;
            EXPECT_EQ(wkv_model_open(&m, wkv_model_about(g.m)->path, &(wkv_model_options){.type = types[k]}), 0);
            wkv_context *plain = context_new(m, 2, NULL);
            for (int threads = 1; threads <= 2; threads++) {
                wkv_context *c = context_new(m, threads, NULL);
                check_reading(m, plain, c, g.tokens, g.n, goldens[i].name);
                wkv_context_free(c);
            }
            wkv_context_free(plain);
            wkv_model_close(m);
            known_close(&g);
        }
}

/* On a device with memory of its own, which the reference plays: values are transferred, and changes of them too. */
static void zero_half(void *user, const wkv_probed *p)
{
    (void)user;
    for (int i = 0; i < p->rows * p->cols; i += 2) p->values[i] = 0;
}

static void separate_memory(void)
{
    static const char *const files[] = {"v4-c40-f16", "v6-n16-bf16", "v7-n16-bf16"};
    for (int i = 0; i < 3; i++) {
        known g;
        if (!golden_open(&g, files[i])) continue;
        wkv_context *c[2];
        float *x[2];
        for (int k = 0; k < 2; k++) {
            c[k] = context_new(g.m, 0, "reference");
            context_device(c[k])->separate = k;
        }
        check_reading(g.m, c[0], c[1], g.tokens, g.n, files[i]);
        for (int k = 0; k < 2; k++) {
            EXPECT_EQ(wkv_probe_add(c[k], "blocks.1 embed", zero_half, NULL), 0);
            x[k] = from_start(&g, c[k], g.n);
            wkv_context_free(c[k]);
        }
        float *unchanged = from_start(&g, g.c, g.n);
        const size_t floats = (size_t)g.n * (size_t)g.vocab;
        EXPECT(same_bits(x[0], x[1], floats));
        EXPECT(apart(x[0], unchanged, floats) > 1e-3);
        free(x[0]), free(x[1]), free(unchanged);
        known_close(&g);
    }
}

/* Adapters beside the weights, which run as separate operations. */
static int attach(void *user, const char *name, tensor *t, const slot *s, int layer)
{
    (void)name;
    adapter *low = *(adapter **)user;
    if (layer < 0 || !(s->flags & SLOT_MATRIX) || s->flags & SLOT_TABLE) return 0;
    const int in = weight_in(t), out = weight_out(t);
    *low = (adapter){.a = {.rows = 2, .cols = in, .type = REAL}, .b = {.rows = out, .cols = 2, .type = REAL}};
    low->a.data = malloc(sizeof(real) * 2 * (size_t)in);
    low->b.data = malloc(sizeof(real) * 2 * (size_t)out);
    for (int i = 0; i < 2 * in; i++) reals(&low->a)[i] = (real)0.01 * (real)(i % 7 - 3);
    for (int i = 0; i < 2 * out; i++) reals(&low->b)[i] = (real)0.1 * (real)(i % 5 - 2);
    t->adapter = low;
    *(adapter **)user = low + 1;
    return 0;
}

static void with_adapters(void)
{
    static const char *const files[] = {"v4-c32-f32", "v5.2-n32-bf16", "v7-n32-f16"};
    for (int i = 0; i < 3; i++) {
        known g;
        adapter low[64], *end = low;
        if (!golden_open(&g, files[i])) continue;
        rwkv_each(&g.m->rwkv, attach, &end);
        wkv_context *plain = context_new(g.m, 1, NULL), *c = context_new(g.m, 1, NULL);
        check_reading(g.m, plain, c, g.tokens, g.n, files[i]);
        wkv_context_free(plain), wkv_context_free(c);
        known_close(&g);
        for (adapter *k = low; k < end; k++) free(k->a.data), free(k->b.data);
    }
}

/* ---- the values are those of the equations ----------------------------------------------------------------------- */

static store read_all(const known *g, float **logits)
{
    store s = {.m = g->m, .n = g->n};
    EXPECT_EQ(wkv_probe_add(g->c, NULL, store_values, &s), 0);
    float *x = from_start(g, g->c, g->n);
    wkv_probe_clear(g->c);
    if (logits)
        *logits = x;
    else
        free(x);
    return s;
}

static void normalise(double *z, const float *x, const tensor *w, const tensor *b, int n)
{
    double mean = 0, variance = 0;
    for (int i = 0; i < n; i++) mean += x[i] / (double)n;
    for (int i = 0; i < n; i++) variance += (x[i] - mean) * (x[i] - mean) / n;
    for (int i = 0; i < n; i++) z[i] = (x[i] - mean) / sqrt(variance + 1e-5) * reals(w)[i] + reals(b)[i];
}

/* resid_mid = resid_pre + att_out, resid_post = resid_mid + ffn_out, the next resid_pre = resid_post, to the bit; the
 * embedding through ln0 is the first resid_pre, and the last resid_post through ln_out and the head gives the official
 * logits. */
static void residual_stream(void)
{
    for (int i = 0; i < GOLDENS; i++) {
        known g;
        if (!golden_open(&g, goldens[i].name)) continue;
        const rwkv *m = &g.m->rwkv;
        const int C = m->C;
        store s = read_all(&g, NULL);
        float *hidden = malloc(sizeof *hidden * (size_t)(g.n * C)),
              *logits = malloc(sizeof *logits * (size_t)(g.n * g.vocab));
        double z[256];
        int differ = 0;
        for (int t = 0; t < g.n; t++) {
            for (int l = 0; l < m->L; l++) {
                const float *pre = row_of(&s, l, WKV_SITE_RESID_PRE, t), *mid = row_of(&s, l, WKV_SITE_RESID_MID, t),
                            *post = row_of(&s, l, WKV_SITE_RESID_POST, t), *att = row_of(&s, l, WKV_SITE_ATT_OUT, t),
                            *ffn = row_of(&s, l, WKV_SITE_FFN_OUT, t);
                for (int k = 0; k < C; k++) differ += pre[k] + att[k] != mid[k] || mid[k] + ffn[k] != post[k];
                if (l) differ += !same_bits(pre, row_of(&s, l - 1, WKV_SITE_RESID_POST, t), (size_t)C);
            }
            normalise(z, row_of(&s, -1, WKV_SITE_EMBED, t), &m->ln0_w, &m->ln0_b, C);
            for (int k = 0; k < C; k++) differ += !(fabs(z[k] - row_of(&s, 0, WKV_SITE_RESID_PRE, t)[k]) < 1e-5);
            normalise(z, row_of(&s, m->L - 1, WKV_SITE_RESID_POST, t), &m->ln_out_w, &m->ln_out_b, C);
            for (int k = 0; k < C; k++) hidden[t * C + k] = (float)z[k];
        }
        if (differ) FAILED("%s: %d values differ", goldens[i].name, differ);
        EXPECT_EQ(wkv_head(g.c, hidden, g.n, logits), 0);
        NEAR_ALL(goldens[i].name, logits, g.logits, (size_t)g.n * (size_t)g.vocab, TOLERANCE);
        free(hidden), free(logits);
        store_free(&s);
        known_close(&g);
    }
}

/* Value (row, col) of an f32 weight by its official shape; x W' for a matrix, x W for one stored [in, out]. */
static double times(const double *x, const tensor *w, int out)
{
    const int in = weight_in(w), turned = layout_is_input_major(w->layout);
    double y = 0;
    EXPECT_EQ(w->type, F32);
    for (int i = 0; i < in; i++)
        y += x[i] * ((const float *)w->data)[turned ? (size_t)i * (size_t)w->cols + (size_t)out
                                                    : (size_t)out * (size_t)w->cols + (size_t)i];
    return y;
}

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

static const tensor *tensor_of(const rwkv *m, int layer, const char *name)
{
    for (int i = 0; i < m->arch->n_slots; i++)
        if (!strcmp(m->arch->slots[i].name, name))
            return (const tensor *)((char *)rwkv_layer(m, layer) + m->arch->slots[i].at);
    FAILED("no tensor %s", name);
    return NULL;
}

#define W(name) tensor_of(m, 0, name)

/* x + (previous - x) mu of the normalised rows t and t - 1. */
static void mix(double *out, const store *s, const rwkv *m, int t, wkv_site site, const char *ln, const char *mu)
{
    char name[2][32];
    double now[256], before[256] = {0};
    snprintf(name[0], 32, "%s.weight", ln);
    snprintf(name[1], 32, "%s.bias", ln);
    normalise(now, row_of(s, 0, site, t), W(name[0]), W(name[1]), m->C);
    if (t) normalise(before, row_of(s, 0, site, t - 1), W(name[0]), W(name[1]), m->C);
    for (int i = 0; i < m->C; i++) out[i] = now[i] + (before[i] - now[i]) * reals(W(mu))[i];
}

/* x W1, through fn (NULL: as it is), times column `out` of W2. */
static double through(const double *x, const tensor *w1, const tensor *w2, double (*fn)(double), int out)
{
    double low[256];
    for (int i = 0; i < weight_out(w1); i++) low[i] = times(x, w1, i), low[i] = fn ? fn(low[i]) : low[i];
    return times(low, w2, out);
}

#define NEAR_SITE(site, want)                                                                                          \
    do {                                                                                                               \
        const double got_ = row_of(&s, 0, site, t)[i], want_ = want;                                                   \
        if (!(fabs(got_ - want_) < 2e-5))                                                                              \
            FAILED("%s[%d] of token %d is %g, expected %g", wkv_site_name(site), i, t, got_, want_);                   \
    } while (0)

/* Version 7 in plain loops, docs/models.md 5.2: each site from those before it. */
static void equations_of_version_7(void)
{
    known g;
    if (!golden_open(&g, "v7-n32-f32")) return;
    const rwkv *m = &g.m->rwkv;
    enum { N = 32, C = 32 };
    EXPECT(m->C == C && m->H == 1 && m->N == N && m->L == 1);
    store s = read_all(&g, NULL);
    double x[C], S[N][N] = {{0}};
    for (int t = 0; t < g.n; t++) {
        const float *r = row_of(&s, 0, WKV_SITE_R, t), *w = row_of(&s, 0, WKV_SITE_W, t),
                    *k = row_of(&s, 0, WKV_SITE_K, t), *v = row_of(&s, 0, WKV_SITE_V, t),
                    *a = row_of(&s, 0, WKV_SITE_A, t), *gate = row_of(&s, 0, WKV_SITE_G, t);
        static const struct {
            wkv_site site;
            const char *mu, *matrix;
        } plain[] = {{WKV_SITE_R, "att.x_r", "att.receptance.weight"},
                     {WKV_SITE_K, "att.x_k", "att.key.weight"},
                     {WKV_SITE_V, "att.x_v", "att.value.weight"}};
        for (int p = 0; p < 3; p++) {
            mix(x, &s, m, t, WKV_SITE_RESID_PRE, "ln1", plain[p].mu);
            for (int i = 0; i < C; i++) NEAR_SITE(plain[p].site, times(x, W(plain[p].matrix), i));
        }
        mix(x, &s, m, t, WKV_SITE_RESID_PRE, "ln1", "att.x_w");
        for (int i = 0; i < C; i++)
            NEAR_SITE(WKV_SITE_W,
                      exp(-exp(-0.5) * sigmoid(reals(W("att.w0"))[i] + through(x, W("att.w1"), W("att.w2"), tanh, i))));
        mix(x, &s, m, t, WKV_SITE_RESID_PRE, "ln1", "att.x_a");
        for (int i = 0; i < C; i++)
            NEAR_SITE(WKV_SITE_A, sigmoid(reals(W("att.a0"))[i] + through(x, W("att.a1"), W("att.a2"), NULL, i)));
        mix(x, &s, m, t, WKV_SITE_RESID_PRE, "ln1", "att.x_g");
        for (int i = 0; i < C; i++) NEAR_SITE(WKV_SITE_G, through(x, W("att.g1"), W("att.g2"), sigmoid, i));

        double kk[C], key[C], length = 0, removed[N], y[N];
        for (int i = 0; i < C; i++) kk[i] = k[i] * reals(W("att.k_k"))[i], length += kk[i] * kk[i];
        for (int i = 0; i < C; i++) {
            kk[i] /= fmax(sqrt(length), 1e-12);
            key[i] = k[i] * (1 + (a[i] - 1) * reals(W("att.k_a"))[i]);
        }
        for (int j = 0; j < N; j++) {
            removed[j] = y[j] = 0;
            for (int i = 0; i < N; i++) removed[j] -= kk[i] * S[i][j];
        }
        for (int n = 0; n < N; n++)
            for (int j = 0; j < N; j++) {
                S[n][j] = S[n][j] * w[n] + kk[n] * a[n] * removed[j] + key[n] * v[j];
                y[j] += r[n] * S[n][j];
                const int i = n * N + j;
                NEAR_SITE(WKV_SITE_STATE, S[n][j]);
            }
        for (int i = 0; i < N; i++) NEAR_SITE(WKV_SITE_WKV, y[i]);
        double mean = 0, variance = 0, bonus = 0;
        for (int i = 0; i < N; i++) mean += y[i] / N, bonus += r[i] * key[i] * reals(W("att.r_k"))[i];
        for (int i = 0; i < N; i++) variance += (y[i] - mean) * (y[i] - mean) / N;
        for (int i = 0; i < N; i++)
            x[i] = ((y[i] - mean) / sqrt(variance + m->group_eps) * reals(W("att.ln_x.weight"))[i] +
                    reals(W("att.ln_x.bias"))[i] + bonus * v[i]) *
                   gate[i];
        for (int i = 0; i < C; i++) NEAR_SITE(WKV_SITE_ATT_OUT, times(x, W("att.output.weight"), i));
        double act[256];
        mix(x, &s, m, t, WKV_SITE_RESID_MID, "ln2", "ffn.x_k");
        for (int i = 0; i < m->F; i++) {
            const double z = fmax(times(x, W("ffn.key.weight"), i), 0);
            NEAR_SITE(WKV_SITE_FFN_ACT, z * z);
            act[i] = row_of(&s, 0, WKV_SITE_FFN_ACT, t)[i];
        }
        for (int i = 0; i < C; i++) NEAR_SITE(WKV_SITE_FFN_OUT, times(act, W("ffn.value.weight"), i));
    }
    store_free(&s);
    known_close(&g);
}

/* Reals of a layer's state, and the offset and the number of those of its wkv state. */
static size_t wkv_state_at(const wkv_model *m, int layer, size_t *n)
{
    const wkv_model_info *about = wkv_model_about(m);
    const size_t C = (size_t)about->width, each = state_floats(m) / (size_t)about->layers;
    *n = each - 2 * C;
    return (size_t)layer * each + C;
}

/* The site `state` at token t is the wkv_state after t + 1 tokens. */
static void state_after_each_token(void)
{
    for (int i = 0; i < GOLDENS; i++) {
        known g;
        if (!golden_open(&g, goldens[i].name)) continue;
        store s = read_all(&g, NULL);
        wkv_state *state = state_new(g.m);
        for (int t = 0; t < g.n; t++) {
            EXPECT_EQ(wkv_eval(g.c, state, g.tokens + t, 1, NULL), 0);
            for (int l = 0; l < goldens[i].layers; l++) {
                size_t n, at = wkv_state_at(g.m, l, &n);
                if (!same_bits(wkv_state_data(state) + at, row_of(&s, l, WKV_SITE_STATE, t), n))
                    FAILED("%s: another state after token %d in layer %d", goldens[i].name, t, l);
            }
        }
        wkv_state_free(state);
        store_free(&s);
        known_close(&g);
    }
}

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

static void names(void)
{
    wkv_model *m, *old;
    wkv_site_info all[64];
    if (!opens(&m, TEST_DIR "/golden/models/v7-n16-bf16.pth") ||
        !opens(&old, TEST_DIR "/golden/models/v5.0-n16-bf16.pth"))
        return;
    EXPECT_EQ(wkv_sites(m, NULL, all, 64), 1 + 3 * 14);
    EXPECT(all[0].site == WKV_SITE_EMBED && all[0].layer == -1 && all[0].dims == 1 && all[0].shape[0] == 32);
    EXPECT_EQ(wkv_sites(old, NULL, NULL, 0), 1 + 2 * 12);
    EXPECT_EQ(wkv_sites(m, "state", all, 2), 3);
    EXPECT(all[1].layer == 1 && all[1].dims == 3 && all[1].shape[0] == 2 && all[1].shape[1] == 16 && !all[1].one_row);
    EXPECT_EQ(wkv_sites(m, "blocks.1.ffn_act, blocks.1.mlp.hook_post\tblocks.1.hook_resid_mid", all, 64), 2);
    EXPECT(all[0].site == WKV_SITE_RESID_MID && all[1].site == WKV_SITE_FFN_ACT && all[1].shape[0] == 128);
    EXPECT_EQ(wkv_sites(m, "blocks.0-1.att_out embed", all, 64), 3);
    EXPECT_EQ(wkv_sites(m, "blocks.*.a", all, 64), 3);
    EXPECT_EQ(wkv_sites(m, "blocks.2", all, 64), 14);
    EXPECT_EQ(wkv_sites(m, "hook_embed,hook_resid_post,hook_attn_out,hook_mlp_out,hook_resid_pre", all, 64), 13);
    EXPECT_EQ(wkv_sites(old, "w", all, 64), 2);
    EXPECT(all[0].one_row == 1);

    static const struct {
        const char *names, *says;
    } wrong[] = {
        {"", "without a name"},
        {" , ", "without a name"},
        {"resid", "resid is no site"},
        {"k,blocks.3.k", "no layer 3; its layers are 0 to 2"},
        {"blocks.99999999999999999999.k", "its layers are 0 to 2"},
        {"blocks.1-3.k", "no layer 3"},
        {"blocks.2-1.k", "is no site"},
        {"blocks..k", "is no site"},
        {"blocks.", "is no site"},
        {"blocks.-1.k", "is no site"},
        {"blocks.1.", "is no site"},
        {"blocks.1k", "is no site"},
        {"blocks.*k", "is no site"},
        {"blocks.1.embed", "is no site"},
        {"blocks.0.hook_embed", "is no site"},
        {"blocks.1.k.k", "is no site"},
        {"K", "is no site"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (wkv_sites(m, wrong[i].names, all, 64) != WKV_EARG) FAILED("\"%s\" is accepted", wrong[i].names);
        EXPECT_HAS(wkv_error(), wrong[i].says);
    }
    EXPECT_EQ(wkv_sites(old, "blocks.1.g", all, 64), WKV_EARG);
    EXPECT_HAS(wkv_error(), "blocks.1.g: version 5.0 has no site g; its sites are embed, resid_pre");
    EXPECT_EQ(wkv_sites(old, "a", all, 64), WKV_EARG);
    EXPECT(!strcmp(wkv_site_name(WKV_SITE_FFN_ACT), "ffn_act") && !wkv_site_name(WKV_SITE_NONE) &&
           !wkv_site_name(WKV_SITES));
    wkv_model_close(m), wkv_model_close(old);
}

/* Lists of random pieces of names are selected or refused with a sentence. */
static void random_names(void)
{
    static const char *const pieces[] = {"blocks",     ".", "0",      "-",     "2", "*", "k",
                                         "resid_post", ",", "hook_q", "attn.", " ", "9"};
    wkv_model *m;
    wkv_site_info all[64];
    uint32_t dice = 1;
    int fine = 0;
    if (!opens(&m, TEST_DIR "/golden/models/v7-n16-bf16.pth")) return;
    for (int i = 0; i < 20000; i++) {
        char text[200] = "";
        for (int k = 0; k < 1 + i % 8; k++) {
            dice = dice * 1664525u + 1013904223u;
            strcat(text, pieces[(dice >> 16) % (sizeof pieces / sizeof *pieces)]);
        }
        const int n = wkv_sites(m, text, all, 64);
        EXPECT(n == WKV_EARG || (n > 0 && n <= 43));
        fine += n > 0;
    }
    EXPECT(fine > 0);
    wkv_model_close(m);
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
    RUN(reading_changes_nothing);
    RUN(separate_memory);
    RUN(with_adapters);
    RUN(residual_stream);
    RUN(equations_of_version_7);
    RUN(state_after_each_token);
    RUN(patched_residual_stream);
    RUN(patched_states);
    RUN(changed_outputs);
    RUN(origins_of_score);
    RUN(origins_of_passes);
    RUN(probes_in_order);
    RUN(names);
    RUN(random_names);
    RUN(embeddings);
    RUN(steered_session);
    return DONE();
}
