/* test_probe.c - reading by probes: it changes no bit, in any version and any form of running; the values are those of
 * the equations; names select sites or are refused. */
#include "probed.h"
#include "ops/device.h"
#include "rwkv/api.h"

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

/* ---- names ------------------------------------------------------------------------------------------------------- */

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

int main(void)
{
    RUN(reading_changes_nothing);
    RUN(separate_memory);
    RUN(with_adapters);
    RUN(residual_stream);
    RUN(equations_of_version_7);
    RUN(state_after_each_token);
    RUN(names);
    RUN(random_names);
    return DONE();
}
