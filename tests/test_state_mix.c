/* test_state_mix.c - states mixed and compared: the rules of a mean, and the effect of each part of a state on the next
 * token. */
#include "state_reader.h"

/* ---- mixes ------------------------------------------------------------------------------------------------------- */

static void mixed(wkv_state *out, const wkv_state *const *s, const float *weights, int n)
{
    if (wkv_state_mix(out, s, weights, n)) FAILED("%s", wkv_error());
}

static void rules_of_a_mean(void)
{
    static const char *const names[] = {"v4-c40-f16", "v5.2-n32-bf16", "v6-n16-bf16", "v7-n16-bf16"};
    for (int i = 0; i < 4; i++) {
        reader r;
        if (!reader_open(&r, golden_path(names[i]), NULL, 5)) continue;
        size_t n = state_floats(r.m);
        wkv_state *b = state_new(r.m), *c = state_new(r.m), *x = state_new(r.m), *y = state_new(r.m), *a = r.s;
        EXPECT_EQ(wkv_eval(r.c, b, text + 3, 11, NULL), 0);
        EXPECT_EQ(wkv_eval(r.c, c, text + 9, 7, NULL), 0);
        wkv_state_data(a)[1] = -0.0f;
        for (int k = 1; k <= 7; k++) { /* of itself */
            const wkv_state *same[7] = {a, a, a, a, a, a, a};
            mixed(x, same, NULL, k);
            EXPECT(same_state(r.m, x, a));
            mixed(x, same, (const float[]){0.3f, 7, 1e-9f, 2, 3, 1e9f, 0.7f}, k);
            EXPECT(same_state(r.m, x, a));
        }
        mixed(x, (const wkv_state *[]){a, b}, (const float[]){1, 0}, 2); /* one alone */
        EXPECT(same_state(r.m, x, a));
        mixed(x, (const wkv_state *[]){a, b}, (const float[]){0, 3}, 2);
        EXPECT(same_state(r.m, x, b));
        mixed(x, (const wkv_state *[]){a, b, c}, (const float[]){1, 2, 5}, 3); /* scaled weights */
        mixed(y, (const wkv_state *[]){a, b, c}, (const float[]){0.25f, 0.5f, 1.25f}, 3);
        EXPECT(same_state(r.m, x, y));
        mixed(y, (const wkv_state *[]){c, a, b}, (const float[]){5, 1, 2}, 3); /* another order */
        EXPECT(apart(wkv_state_data(x), wkv_state_data(y), n) < 1e-5);
        mixed(y, (const wkv_state *[]){a, b}, (const float[]){1, 2}, 2); /* a mix of mixes */
        mixed(y, (const wkv_state *[]){y, c}, (const float[]){3, 5}, 2);
        for (size_t k = 0; k < n; k++)
            EXPECT_NEAR(wkv_state_data(y)[k], wkv_state_data(x)[k], 1e-6 * (1 + fabs(wkv_state_data(x)[k])));
        mixed(y, (const wkv_state *[]){a, b}, NULL, 2); /* into one of the states */
        EXPECT_EQ(wkv_state_copy(x, b), 0);
        mixed(x, (const wkv_state *[]){a, x}, NULL, 2);
        EXPECT(same_state(r.m, x, y));
        wkv_state_free(b), wkv_state_free(c), wkv_state_free(x), wkv_state_free(y);
        reader_close(&r);
    }
}

/* Version 4 reads aa / bb. The mean of sums A = aa e^pp and B = bb e^pp is compared in double, with exponents up to 100
 * apart, far beyond the range of a float. */
static void exponents_apart(void)
{
    reader r;
    if (!reader_open(&r, golden_path("v4-c32-f32"), NULL, 9)) return;
    enum { C = 32 };
    wkv_state *b = state_new(r.m), *x = state_new(r.m);
    EXPECT_EQ(wkv_eval(r.c, b, text + 6, 12, NULL), 0);
    for (int step = 0; step <= 4; step++) {
        float *p = wkv_state_data(r.s), *q = wkv_state_data(b), *m = wkv_state_data(x);
        for (int i = 0; i < C; i++) q[3 * C + i] = p[3 * C + i] + (float)(i % 2 ? 25 * step : -25 * step);
        mixed(x, (const wkv_state *[]){r.s, b}, (const float[]){3, 1}, 2);
        for (int i = 0; i < C; i++) {
            double up = exp((double)p[3 * C + i] - q[3 * C + i]); /* in the frame of b */
            double A = (3 * p[C + i] * up + q[C + i]) / 4, B = (3 * p[2 * C + i] * up + q[2 * C + i]) / 4;
            EXPECT_NEAR(m[C + i] / m[2 * C + i], A / B, 1e-6 * (1 + fabs(A / B)));
            EXPECT_NEAR(log(m[2 * C + i]) + m[3 * C + i], log(B) + q[3 * C + i], 1e-5);
            EXPECT(m[3 * C + i] == fmaxf(p[3 * C + i], q[3 * C + i]));
        }
    }
    wkv_state_reset(b); /* a text without tokens has no sums, and halves those of the other */
    mixed(x, (const wkv_state *[]){r.s, b}, NULL, 2);
    for (int i = 0; i < C; i++) EXPECT(wkv_state_data(x)[C + i] == wkv_state_data(r.s)[C + i] / 2);
    mixed(x, (const wkv_state *[]){b, b}, NULL, 2);
    EXPECT(same_state(r.m, x, b));
    EXPECT_EQ(wkv_state_mix(x, (const wkv_state *[]){r.s, b}, (const float[]){2, -1}, 2), WKV_EARG);
    EXPECT_HAS(wkv_error(), "a weight of the mix is negative; version 4 divides by a mixed sum");
    wkv_state_free(b), wkv_state_free(x);
    reader_close(&r);
}

/* Files are mixed without a model. */
static void mixed_files(void)
{
    reader r, q8, v4;
    if (!reader_open(&r, golden_path("v7-n32-f32"), NULL, 5) || !reader_open(&v4, golden_path("v4-c32-f32"), NULL, 5) ||
        !reader_open(&q8, golden_path("v7-n32-f32"), &(wkv_model_options){.type = "q8_0"}, 9))
        return;
    const char *out = in_folder("mix.safetensors"), *pth = in_folder("mix.pth"), *tuned = in_folder("a.pth");
    wkv_state *x = state_new(r.m), *y = state_new(r.m);
    wkv_state_file *f[2] = {opened(saved(&r, "a.safetensors")), opened(saved(&q8, "b.safetensors"))}, *g;
    EXPECT_EQ(wkv_state_file_mix(out, (const wkv_state_file *const *)f, (const float[]){1, 2.5f}, 2), 0);
    g = opened(out);
    const wkv_state_info *a = wkv_state_file_about(g);
    EXPECT_STR(a->origin, "mix of a.safetensors (1), b.safetensors (2.5)");
    EXPECT_STR(a->identity.lineage, r.id.lineage);
    EXPECT_STR(a->identity.arithmetic, "f32 1");
    EXPECT_STR(a->identity.base, "");
    EXPECT_STR(a->types, "");
    EXPECT_STR(a->model, "v7-n32-f32.pth");
    EXPECT(!a->n_ids && !a->read);
    EXPECT_EQ(wkv_state_file_read(g, x), 0);
    EXPECT_EQ(wkv_state_file_read(f[1], y), 0);
    mixed(y, (const wkv_state *[]){r.s, y}, (const float[]){1, 2.5f}, 2);
    EXPECT(same_state(r.m, x, y));
    wkv_state_file_close(g);

    EXPECT_EQ(wkv_state_file_write_tuned(tuned, f[0]), 0); /* tuned states give a tuned state */
    g = opened(tuned);
    EXPECT_EQ(wkv_state_file_mix(pth, (const wkv_state_file *[]){g, g}, NULL, 2), 0);
    EXPECT_EQ(wkv_state_file_read(g, x), 0);
    wkv_state_file *h = opened(pth);
    EXPECT(wkv_state_file_about(h)->tuned);
    EXPECT_EQ(wkv_state_file_read(h, y), 0);
    EXPECT(same_state(r.m, x, y));
    wkv_state_file_close(h);
    EXPECT_EQ(wkv_state_file_mix(out, (const wkv_state_file *[]){f[0], g}, NULL, 2), WKV_EARG);
    EXPECT_HAS(wkv_error(), "a.pth: is a tuned state of 1 layers, 1 heads of 32, expected one of RWKV-7, 1 layer");
    wkv_state_file_close(g);
    g = opened(saved(&v4, "v4.safetensors"));
    EXPECT_EQ(wkv_state_file_mix(out, (const wkv_state_file *[]){f[0], g}, NULL, 2), WKV_EARG);
    EXPECT_HAS(wkv_error(), "v4.safetensors: is a state of RWKV-4, 1 layer, 32 channels");
    wkv_state_file_close(g);
    wkv_state_file_close(f[0]), wkv_state_file_close(f[1]);
    wkv_state_free(x), wkv_state_free(y);
    reader_close(&r), reader_close(&q8), reader_close(&v4);
}

/* ---- comparing --------------------------------------------------------------------------------------------------- */

static wkv_state_difference *differing(const reader *r, const wkv_state *a, const wkv_state *b, int heads)
{
    wkv_state_difference *d;
    if (wkv_state_diff(&d, r->c, a, b, &(wkv_state_diff_options){.tokens = text, .n = 3, .heads = heads}))
        FAILED("%s", wkv_error());
    return d;
}

/* KL divergence of the logits after b from those after a, by its definition. */
static double divergence(const float *a, const float *b, int V)
{
    double sum[2] = {0}, kl = 0;
    for (int i = 0; i < V; i++) sum[0] += exp(a[i]), sum[1] += exp(b[i]);
    for (int i = 0; i < V; i++) kl += exp(a[i]) / sum[0] * (a[i] - log(sum[0]) - b[i] + log(sum[1]));
    return kl;
}

static void effects_of_parts(void)
{
    static const char *const names[] = {"v4-c40-f16", "v5.2-n32-bf16", "v6-n16-bf16", "v7-n16-bf16"};
    for (int i = 0; i < 4; i++) {
        reader r;
        if (!reader_open(&r, golden_path(names[i]), NULL, 5)) continue;
        const rwkv *m = &r.m->rwkv;
        int H = m->H, per_layer = 1 + H;
        wkv_state *a = r.s, *b = state_new(r.m), *x = state_new(r.m);
        EXPECT_EQ(wkv_eval(r.c, b, text + 7, 11, NULL), 0);
        EXPECT_EQ(wkv_state_copy(x, a), 0);
        wkv_state_difference *d = differing(&r, a, a, 1); /* equal states differ in nothing */
        EXPECT(d->n_parts == m->L * per_layer && d->kl == 0);
        for (int k = 0; k < d->n_parts; k++)
            EXPECT(d->parts[k].difference == 0 && d->parts[k].shifts == 0 && d->parts[k].kl == 0);
        wkv_state_difference_free(d);

        d = differing(&r, a, b, 1);
        EXPECT(same_state(r.m, x, a));
        float *logits[2] = {malloc((size_t)m->V * sizeof(float)), malloc((size_t)m->V * sizeof(float))};
        EXPECT_EQ(wkv_eval(r.c, x, text, 3, logits[0]), 0);
        EXPECT_EQ(wkv_state_copy(x, b), 0);
        EXPECT_EQ(wkv_eval(r.c, x, text, 3, logits[1]), 0);
        EXPECT(d->kl > 0);
        EXPECT_NEAR(d->kl, divergence(logits[0], logits[1], m->V), 1e-6);
        for (int k = 0; k < d->n_parts; k++) {
            const wkv_state_part *p = &d->parts[k];
            size_t layer = (size_t)rwkv_layer_state(m), NN = (size_t)m->N * (size_t)m->N;
            size_t at = (size_t)p->layer * layer, n = layer;
            if (p->head >= 0) at += (size_t)m->C + (size_t)p->head * NN, n = NN;
            EXPECT(p->layer == k / per_layer && p->head == k % per_layer - 1);
            EXPECT(p->difference > 0 && p->difference <= 2 && p->norm[0] > 0 && p->norm[1] > 0);
            EXPECT(p->head >= 0 ? p->shifts == 0 : p->shifts > 0);
            EXPECT_EQ(wkv_state_copy(x, a), 0);
            memcpy(wkv_state_data(x) + at, wkv_state_data(b) + at, n * sizeof(float));
            EXPECT_EQ(wkv_eval(r.c, x, text, 3, logits[1]), 0);
            EXPECT_NEAR(p->kl, divergence(logits[0], logits[1], m->V), 1e-6);
        }
        EXPECT(d->n_movers > 0 && d->n_movers <= 10);
        for (int k = 1; k < d->n_movers; k++) {
            const double *p = d->movers[k - 1].log_probability, *q = d->movers[k].log_probability;
            EXPECT(fabs(p[1] - p[0]) >= fabs(q[1] - q[0]) && fmax(q[0], q[1]) >= log(0.001));
        }
        wkv_state_difference_free(d);
        d = differing(&r, a, b, 0);
        EXPECT_EQ(d->n_parts, m->L);
        wkv_state_difference_free(d);
        free(logits[0]), free(logits[1]);
        wkv_state_free(b), wkv_state_free(x);
        reader_close(&r);
    }
}

static void one_head_differs(void)
{
    reader r;
    if (!reader_open(&r, golden_path("v7-n16-bf16"), NULL, 5)) return;
    wkv_state *b = state_new(r.m);
    EXPECT_EQ(wkv_state_copy(b, r.s), 0);
    const size_t C = 32, NN = 256, layer = 2 * C + C * 16;
    float *S = wkv_state_data(b) + 2 * layer + C + NN; /* layer 2, head 1 */
    for (size_t i = 0; i < NN; i++) S[i] *= -1;
    wkv_state_difference *d = differing(&r, r.s, b, 1);
    for (int k = 0; k < d->n_parts; k++) {
        const wkv_state_part *p = &d->parts[k];
        int here = p->layer == 2 && p->head != 0;
        EXPECT(here == (p->difference > 0) && here == (p->kl > 0) && p->shifts == 0);
        if (p->layer == 2 && p->head == 1) EXPECT_NEAR(p->difference, 2, 1e-12);
        if (here) EXPECT(p->kl == d->kl && fabs(p->norm[0] - p->norm[1]) < 1e-12);
    }
    wkv_state_difference_free(d);
    wkv_state_free(b);
    reader_close(&r);
}

static int stop_at_once(void *user, double done, double total)
{
    (void)done, (void)total;
    ++*(int *)user;
    return 1;
}

static void stopped_comparison(void)
{
    reader r;
    int calls = 0;
    if (!reader_open(&r, golden_path("v4-c32-f32"), NULL, 5)) return;
    wkv_state_difference *d = (void *)1;
    EXPECT_EQ(wkv_state_diff(&d, r.c, r.s, r.s,
                             &(wkv_state_diff_options){.tokens = text, .n = 1, .report = stop_at_once, .user = &calls}),
              WKV_ESTOPPED);
    EXPECT(!d && calls == 1);
    reader_close(&r);
}

int main(void)
{
    folder_begin("state-mix");
    RUN(rules_of_a_mean);
    RUN(exponents_apart);
    RUN(mixed_files);
    RUN(effects_of_parts);
    RUN(one_head_differs);
    RUN(stopped_comparison);
    folder_end();
    return DONE();
}
