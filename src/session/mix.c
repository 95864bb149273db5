/* mix.c - weighted means of states. */
#include "base/error.h"
#include "rwkv/api.h"
#include "wkv_state.h"
#include <math.h>

typedef struct {
    const wkv_state *const *states;
    const float *weights; /* NULL: equal */
    int n;
    double sum; /* of the weights */
} mixing;

static double weight_of(const mixing *x, int i) { return x->weights ? (double)x->weights[i] : 1; }

static int check(mixing *x, const wkv_state *out)
{
    int negative = 0;
    for (int i = 0; i < x->n; i++) {
        if (!x->states[i]) return fail(WKV_EARG, "state %d of the mix is NULL", i);
        if (x->states[i]->fingerprint != out->fingerprint || x->states[i]->n != out->n)
            return fail(WKV_EARG, "state %d of the mix belongs to another model", i);
        double w = weight_of(x, i);
        if (!isfinite(w)) return fail(WKV_EARG, "weight %d of the mix is %g, expected a finite number", i, w);
        negative |= w < 0;
        x->sum += w;
    }
    if (!(x->sum > 0)) return fail(WKV_EARG, "the weights of the mix have the sum %g, expected above 0", x->sum);
    for (const state_tensor *t = out->model->rwkv.arch->state; negative && t->name; t++)
        if (t->kind == STATE_EXPONENT)
            return fail(WKV_EARG,
                        "a weight of the mix is negative; RWKV-%s divides by a mixed sum, so its weights are "
                        "at least 0",
                        out->model->rwkv.arch->version);
    return 0;
}

/* The mean of value `at`. With pp, the place of the exponents, of values relative to e^pp, relative to e^top. */
static real mean(const mixing *x, int at, int pp, double top)
{
    double sum = 0;
    for (int i = 0; i < x->n; i++) {
        double w = weight_of(x, i);
        if (w == 0) continue;
        const real *s = x->states[i]->data;
        sum += w * (double)s[at] * (pp < 0 ? 1 : exp((double)s[pp] - top));
    }
    return (real)(sum / x->sum);
}

/* The largest exponent at pp among states that count. */
static real largest(const mixing *x, int pp)
{
    real top = -INFINITY;
    for (int i = 0; i < x->n; i++)
        if (weight_of(x, i) != 0 && x->states[i]->data[pp] > top) top = x->states[i]->data[pp];
    return top;
}

/* One layer, which begins at `at`. Exponents come after the values relative to them, so that out may be among the
 * states. */
static void mix_layer(wkv_state *out, const mixing *x, int at)
{
    const rwkv *m = &out->model->rwkv;
    int pp = -1, from = at;
    for (const state_tensor *t = m->arch->state; t->name; from += rwkv_state_values(t, m->dim), t++)
        if (t->kind == STATE_EXPONENT) pp = from;
    for (const state_tensor *t = m->arch->state; t->name; t++) {
        int n = rwkv_state_values(t, m->dim);
        for (int i = 0; i < n; i++) {
            if (t->kind == STATE_LINEAR)
                out->data[at + i] = mean(x, at + i, -1, 0);
            else if (t->kind == STATE_EXPONENT)
                out->data[at + i] = largest(x, at + i);
            else
                out->data[at + i] = mean(x, at + i, pp + i, (double)largest(x, pp + i));
        }
        at += n;
    }
}

int wkv_state_mix(wkv_state *out, const wkv_state *const *states, const float *weights, int n)
{
    REQUIRE(out, "out");
    REQUIRE(states, "the list of states");
    if (n < 1) return fail(WKV_EARG, "a mix of %d states, expected at least 1", n);
    mixing x = {.states = states, .weights = weights, .n = n};
    int err = check(&x, out), len = out->n / out->model->rwkv.L;
    for (int l = 0; !err && l < out->model->rwkv.L; l++) mix_layer(out, &x, l * len);
    return err;
}
