/* scan.c - measure version 4's recurrence token by token and as a parallel scan. */
#include <stdlib.h>
#include "base/clock.h"
#include "base/error.h"
#include "base/rng.h"
#include "ops/device.h"
#include "rwkv/api.h"
#include "wkv_bench.h"

/* Inputs and results of one text. Matrices are T x C, w and u rows of C, states 3 C. */
typedef struct {
    device *d;
    int C;
    real *k, *v, *w, *u, *y, *dy, *dk, *dv, *dw, *du, *state, *state0, *dstate;
    span span;
    batch batch;
} recurrence;

static wkv_args args_of(const recurrence *r)
{
    return (wkv_args){.batch = &r->batch,
                      .C = r->C,
                      .k = r->k,
                      .v = r->v,
                      .w = r->w,
                      .u = r->u,
                      .y = r->y,
                      .dy = r->dy,
                      .state0 = r->state0,
                      .dk = r->dk,
                      .dv = r->dv,
                      .dw = r->dw,
                      .du = r->du};
}

static void forward(const recurrence *r, int scan)
{
    wkv_args a = args_of(r);
    (scan ? r->d->wkv4_scan : r->d->wkv4)(r->d, &a);
}

static void backward(const recurrence *r, int scan)
{
    wkv_args a = args_of(r);
    (scan ? r->d->wkv4_scan_back : r->d->wkv4_back)(r->d, &a);
}

static double fastest(const recurrence *r, void (*fn)(const recurrence *, int), int scan, double seconds)
{
    double best = 0, end = clock_seconds() + seconds;
    for (int i = 0; i < 3 || clock_seconds() < end; i++) {
        double t = clock_seconds();
        fn(r, scan);
        t = clock_seconds() - t;
        if (!i || t < best) best = t;
    }
    return best;
}

/* Parts of one block, in the order of the struct. */
static real *fill(recurrence *r, int T, int C)
{
    size_t n = (size_t)T * (size_t)C, c = (size_t)C, all = 6 * n + 4 * c + 9 * c;
    real **parts[] = {&r->k, &r->v,  &r->y,  &r->dy,    &r->dk,     &r->dv,    &r->w,
                      &r->u, &r->dw, &r->du, &r->state, &r->state0, &r->dstate};
    real *block = malloc(all * sizeof *block), *at = block;
    rng dice = {.seed = 1};
    if (!block) return NULL;
    for (size_t i = 0; i < all; i++) block[i] = (real)rng_normal(&dice);
    for (int i = 0; i < 13; i++) {
        *parts[i] = at;
        at += i < 6 ? n : i < 10 ? c : 3 * c;
    }
    for (size_t i = 0; i < c; i++) r->w[i] = (real)(-0.02 * (double)(i + 1));
    for (size_t i = 0; i < 3 * c; i++)
        r->state[i] = r->state0[i] = i < 2 * c ? 1 : 0, r->dstate[i] = i < 2 * c ? 0 : (real)-1e30;
    r->C = C;
    r->span = (span){0, T, r->state, r->dstate};
    r->batch = (batch){T, 1, &r->span};
    return block;
}

int wkv_scan_measure(wkv_scan_times *out, int tokens, int channels, int threads, double seconds)
{
    enum { MOST = 1 << 20 };
    REQUIRE(out, "the place for the times");
    *out = (wkv_scan_times){0};
    if (tokens < 1 || channels < 1 || tokens > MOST || channels > MOST || (int64_t)tokens * channels > INT32_MAX)
        return fail(WKV_EARG,
                    "a recurrence of %d tokens and %d channels, expected 1 to %d of each and at most 2^31 values",
                    tokens, channels, MOST);
    recurrence r = {0};
    pass_size size = {.rows = tokens, .spans = 1, .width = channels, .widest = channels, .backward = 1};
    int err = device_open(&r.d, "cpu", threads, NULL);
    if (!err) err = r.d->reserve(r.d, &size);
    real *block = err ? NULL : fill(&r, tokens, channels);
    if (!err && !block)
        err = fail(WKV_ENOMEM, "no memory for a recurrence of %d tokens and %d channels", tokens, channels);
    if (!err) {
        r.d->begin(r.d);
        out->forward = fastest(&r, forward, 0, seconds / 4);
        out->scan_forward = fastest(&r, forward, 1, seconds / 4);
        out->backward = fastest(&r, backward, 0, seconds / 4);
        out->scan_backward = fastest(&r, backward, 1, seconds / 4);
    }
    free(block);
    device_close(r.d);
    return err;
}
