/* Half-lives: of versions 4 and 5 against the site w and against each other's definition, of 6 and 7 against the decays
 * of each token. tests/test_lens_command.sh compares them with the tensors of the file. */
#include "models.h"
#include "wkv_lens.h"
#include "wkv_probe.h"

typedef struct {
    float *w; /* [L][n][C] */
    int n, one_row;
} decays;

static void keep(void *user, const wkv_probed *p)
{
    decays *d = user;
    d->one_row |= !p->of;
    for (int t = 0; t < p->rows; t++)
        memcpy(d->w + ((size_t)p->layer * (size_t)d->n + (size_t)(p->of ? p->of[t].token : 0)) * (size_t)p->cols,
               p->values + (size_t)t * (size_t)p->cols, (size_t)p->cols * sizeof(float));
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* One channel by hand; w: n decays, C apart. Version 4 gives the logarithm. */
static wkv_half_life by_hand(const float *w, int n, int C, int logarithm)
{
    double rate[4096], sum = 0;
    for (int t = 0; t < n; t++) {
        const double x = (double)w[(size_t)t * (size_t)C];
        rate[t] = logarithm ? -x : -log(x);
        sum += rate[t];
    }
    qsort(rate, (size_t)n, sizeof *rate, ascending);
    const int tenth = (n - 1) / 10;
    return (wkv_half_life){log(2) / (sum / n), log(2) / rate[n - 1 - tenth], log(2) / rate[tenth]};
}

static int near(double a, double b, double tolerance) { return fabs(a - b) <= tolerance * fabs(b); }

static void check_model(const char *name)
{
    known k;
    if (!golden_open(&k, name)) return;
    const wkv_model_info *m = wkv_model_about(k.m);
    const size_t C = (size_t)m->width, all = (size_t)m->layers * C;
    const int is4 = *m->version == '4', fixed = is4 || *m->version == '5';
    decays d = {calloc(all * (size_t)k.n, sizeof(float)), k.n, 0};
    wkv_half_life *h = calloc(all, sizeof *h);
    wkv_state *s = state_new(k.m);
    EXPECT_EQ(wkv_decay_is_fixed(k.m), fixed);
    EXPECT_EQ(wkv_probe_add(k.c, "w", keep, &d), 0);
    EXPECT_EQ(wkv_eval(k.c, s, k.tokens, k.n, NULL), 0);
    wkv_probe_clear(k.c);
    EXPECT_EQ(d.one_row, fixed);
    EXPECT_EQ(wkv_decay(h, k.c, fixed ? NULL : k.tokens, fixed ? 0 : k.n), 0);
    for (size_t i = 0; i < all; i++) {
        const wkv_half_life x = by_hand(d.w + i / C * (size_t)k.n * C + i % C, fixed ? 1 : k.n, m->width, is4);
        /* w, rounded to a float, has lost digits of 1 - w */
        const double tolerance = 1e-6 + (is4 ? 0 : 1e-7 * x.high);
        if (!near(h[i].half_life, x.half_life, tolerance) || !near(h[i].low, x.low, tolerance) ||
            !near(h[i].high, x.high, tolerance) || !(h[i].low <= h[i].high))
            FAILED("%s: channel %d has the half-life %g (%g to %g), by hand %g (%g to %g)", name, (int)i,
                   h[i].half_life, h[i].low, h[i].high, x.half_life, x.low, x.high);
    }
    wkv_state_free(s);
    free(h);
    free(d.w);
    known_close(&k);
}

static void every_version(void)
{
    for (int i = 0; i < GOLDENS; i++) check_model(goldens[i].name);
}

/* The definition: after the half-life, half of a value is left. */
static void definition(void)
{
    known k;
    if (!golden_open(&k, "v5.2-n32-bf16")) return;
    const wkv_model_info *m = wkv_model_about(k.m);
    wkv_half_life *h = calloc((size_t)m->layers * (size_t)m->width, sizeof *h);
    decays d = {calloc((size_t)m->layers * (size_t)m->width, sizeof(float)), 1, 0};
    wkv_state *s = state_new(k.m);
    wkv_probe_add(k.c, "w", keep, &d);
    wkv_eval(k.c, s, k.tokens, 1, NULL);
    wkv_probe_clear(k.c);
    EXPECT_EQ(wkv_decay(h, k.c, NULL, 0), 0);
    for (int i = 0; i < m->layers * m->width; i++)
        EXPECT(near(pow((double)d.w[i], h[i].half_life), 0.5, 1e-6 * h[i].half_life));
    wkv_state_free(s);
    free(d.w);
    free(h);
    known_close(&k);
}

int main(void)
{
    RUN(every_version);
    RUN(definition);
    return DONE();
}
