/* mix.c - weighted means of states, in memory and in files. */
#include "base/error.h"
#include "base/number.h"
#include "base/stream.h"
#include "session/state_file.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const real *const *states;
    const float *weights; /* NULL: equal */
    int n;
    double sum; /* of the weights */
} mixing;

static double weight_of(const mixing *x, int i) { return x->weights ? (double)x->weights[i] : 1; }

static int check_weights(mixing *x, const state_view *v)
{
    int negative = 0;
    for (int i = 0; i < x->n; i++) {
        double w = weight_of(x, i);
        if (!isfinite(w)) return fail(WKV_EARG, "weight %d of the mix is %g, expected a finite number", i, w);
        negative |= w < 0;
        x->sum += w;
    }
    if (!(x->sum > 0)) return fail(WKV_EARG, "the weights of the mix have the sum %g, expected above 0", x->sum);
    for (const state_tensor *t = v->tensors; negative && t->name; t++)
        if (t->kind == STATE_EXPONENT)
            return fail(WKV_EARG,
                        "a weight of the mix is negative; version 4 divides by a mixed sum, so its weights are "
                        "at least 0");
    return 0;
}

/* The mean of value `at`. With pp, the place of the exponents, of values relative to e^pp, relative to e^top. */
static real mean(const mixing *x, size_t at, const size_t *pp, double top)
{
    double sum = -0.0; /* which keeps the sign of a zero */
    for (int i = 0; i < x->n; i++) {
        double w = weight_of(x, i);
        if (w == 0) continue;
        const real *s = x->states[i];
        sum += w * (double)s[at] * (pp ? exp((double)s[*pp] - top) : 1);
    }
    return (real)(sum / x->sum);
}

/* The largest exponent at pp among states of a weight above 0. */
static real largest(const mixing *x, size_t pp)
{
    real top = -INFINITY;
    for (int i = 0; i < x->n; i++)
        if (weight_of(x, i) != 0 && x->states[i][pp] > top) top = x->states[i][pp];
    return top;
}

/* One layer, which begins at `at`. Exponents come after the values relative to them, so that out may be among the
 * states. */
static void mix_layer(real *out, const state_view *v, const mixing *x, size_t at)
{
    size_t exponents = 0, from = at;
    for (const state_tensor *t = v->tensors; t->name; from += (size_t)rwkv_state_values(t, v->dim), t++)
        if (t->kind == STATE_EXPONENT) exponents = from;
    for (const state_tensor *t = v->tensors; t->name; t++) {
        size_t end = at + (size_t)rwkv_state_values(t, v->dim);
        for (size_t pp = exponents; at < end; at++, pp++) {
            if (t->kind == STATE_SCALED)
                out[at] = mean(x, at, &pp, (double)largest(x, pp));
            else
                out[at] = t->kind == STATE_EXPONENT ? largest(x, at) : mean(x, at, NULL, 0);
        }
    }
}

int state_mix(real *out, const state_view *v, const real *const *states, const float *weights, int n)
{
    mixing x = {.states = states, .weights = weights, .n = n};
    int err = check_weights(&x, v);
    size_t layer = (size_t)rwkv_state_layer(v->tensors, v->dim);
    for (int l = 0; !err && l < v->L; l++) mix_layer(out, v, &x, (size_t)l * layer);
    return err;
}

/* ---- in memory --------------------------------------------------------------------------------------------------- */

int wkv_state_mix(wkv_state *out, const wkv_state *const *states, const float *weights, int n)
{
    REQUIRE(out, "out");
    REQUIRE(states, "the list of states");
    if (n < 1) return fail(WKV_EARG, "a mix of %d states, expected at least 1", n);
    for (int i = 0; i < n; i++) {
        if (!states[i]) return fail(WKV_EARG, "state %d of the mix is NULL", i);
        if (states[i]->fingerprint != out->fingerprint || states[i]->n != out->n)
            return fail(WKV_EARG, "state %d of the mix belongs to another model", i);
    }
    const real **values = malloc((size_t)n * sizeof *values);
    if (!values) return fail(WKV_ENOMEM, "no memory for a mix of %d states", n);
    for (int i = 0; i < n; i++) values[i] = states[i]->data;
    const state_view v = state_view_of(out);
    int err = state_mix(out->data, &v, values, weights, n);
    free(values);
    return err;
}

/* ---- of files ---------------------------------------------------------------------------------------------------- */

static int same_sizes(const wkv_state_info *a, const wkv_state_info *b)
{
    return a->layers == b->layers && a->width == b->width && a->heads == b->heads && a->head_size == b->head_size &&
           a->tuned == b->tuned && !strcmp(a->identity.lineage, b->identity.lineage);
}

static int check_files(const wkv_state_file *const *files, int n)
{
    if (n < 1) return fail(WKV_EARG, "a mix of %d files, expected at least 1", n);
    for (int i = 0; i < n; i++)
        if (!files[i]) return fail(WKV_EARG, "file %d of the mix is NULL", i);
    const wkv_state_info *first = &files[0]->about;
    for (int i = 1; i < n; i++) {
        const wkv_state_info *a = &files[i]->about;
        if (!same_sizes(first, a))
            return fail(WKV_EARG, "%s: is a %s of %s, expected one of %s%s, as %s", tensors_path(files[i]->t),
                        a->tuned ? "tuned state" : "state", a->sizes, first->tuned ? "tuned state: " : "", first->sizes,
                        tensors_path(files[0]->t));
    }
    return 0;
}

/* Keep a text of the first file where all agree. */
static void agree(char *text, const char *other)
{
    if (strcmp(text, other)) *text = 0;
}

static void agree_on_identity(wkv_identity *id, const wkv_state_file *const *files, int n)
{
    *id = files[0]->about.identity;
    for (int i = 1; i < n; i++) {
        const wkv_identity *other = &files[i]->about.identity;
        agree(id->weights, other->weights);
        agree(id->base, other->base);
        agree(id->adapter, other->adapter);
        agree(id->initial, other->initial);
        agree(id->arithmetic, other->arithmetic);
    }
}

/* "mix of a.safetensors (1), b.safetensors (2)" */
static int name_origin(char **out, const wkv_state_file *const *files, const float *weights, int n)
{
    stream s;
    FILE *f = stream_open(&s);
    *out = NULL;
    if (!f) return fail(WKV_ENOMEM, "no memory for the names of %d files", n);
    for (int i = 0; i < n; i++) {
        char name[256], weight[32];
        state_file_name(name, tensors_path(files[i]->t));
        number_shortest(weight, weights ? weights[i] : 1);
        fprintf(f, "%s%s (%s)", i ? ", " : "mix of ", name, weight);
    }
    int err = stream_close(f, &s, "the names of the files");
    *out = s.text;
    return err;
}

static int write_mix(const char *path, const wkv_state_file *const *files, const float *weights, int n,
                     const state_view *v)
{
    const wkv_state_info *first = &files[0]->about;
    if (first->tuned) return state_write_tuned(path, v);
    char *origin;
    int err = name_origin(&origin, files, weights, n);
    wkv_state_info about = {.model = first->model,
                            .types = first->types,
                            .version = first->version,
                            .sizes = first->sizes,
                            .origin = origin};
    agree_on_identity(&about.identity, files, n);
    for (int i = 1; i < n; i++) {
        if (strcmp(about.model, files[i]->about.model)) about.model = "";
        if (strcmp(about.types, files[i]->about.types)) about.types = "";
    }
    if (!err) err = state_write(&(state_target){.path = path}, &about, v, NULL);
    free(origin);
    return err;
}

int wkv_state_file_mix(const char *path, const wkv_state_file *const *files, const float *weights, int n)
{
    REQUIRE(path, "the path");
    REQUIRE(files, "the list of files");
    int err = check_files(files, n);
    if (err) return err;
    state_view v = files[0]->view;
    size_t count = (size_t)v.L * (size_t)rwkv_state_layer(v.tensors, v.dim);
    const real **values = malloc((size_t)n * sizeof *values);
    v.values = malloc(count * sizeof *v.values);
    if (!values || !v.values) err = fail(WKV_ENOMEM, "%s: no memory for a mix of %d states", path, n);
    for (int i = 0; !err && i < n; i++) values[i] = files[i]->view.values;
    if (!err) err = state_mix(v.values, &v, values, weights, n);
    if (!err) err = write_mix(path, files, weights, n, &v);
    free(v.values);
    free(values);
    return err;
}
