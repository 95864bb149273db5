/* scan.c - version 4's recurrence measured in both forms, token by token and as a parallel scan. */
#include <stdlib.h>
#include <time.h>
#include "base/error.h"
#include "base/rng.h"
#include "ops/device.h"
#include "rwkv/api.h"
#include "wkv_bench.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* One text and what comes of it. Matrices are T x C, w and u rows of C, states 3 C. */
typedef struct {
    pool *p;
    thread_memory mine;
    int C;
    real *k, *v, *w, *u, *y, *dy, *dk, *dv, *dw, *du, *state, *state0, *dstate;
    span span;
    batch batch;
} recurrence;

static void forward(const recurrence *r, int scan)
{
    (scan ? device_cpu.wkv4_scan : device_cpu.wkv4)(r->p, r->y, r->k, r->v, r->w, r->u, &r->batch, r->C, 0);
}

static void backward(const recurrence *r, int scan)
{
    (scan ? device_cpu.wkv4_scan_back : device_cpu.wkv4_back)(r->p, r->dk, r->dv, r->dw, r->du, r->dy, r->k, r->v, r->w,
                                                              r->u, r->state0, &r->batch, r->C, 0);
}

static double fastest(const recurrence *r, void (*fn)(const recurrence *, int), int scan, double seconds)
{
    double best = 0, end = now() + seconds;
    for (int i = 0; i < 3 || now() < end; i++) {
        double t = now();
        fn(r, scan);
        t = now() - t;
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
        return fail(WKV_EARG, "a recurrence of %d tokens and %d channels; 1 to %d of each, 2^31 values at most", tokens,
                    channels, MOST);
    recurrence r = {0};
    workspace room = device_cpu.workspace(
        &(pass_size){.rows = tokens, .spans = 1, .width = channels, .widest = channels, .backward = 1});
    int e = pool_new(&r.p, threads);
    if (!e) e = scratch_reserve(&r.mine, room);
    if (!e) e = pool_reserve(r.p, room);
    real *block = e ? NULL : fill(&r, tokens, channels);
    if (!e && !block) e = fail(WKV_ENOMEM, "no memory for a recurrence of %d tokens and %d channels", tokens, channels);
    if (!e) {
        scratch_use(&r.mine);
        out->forward = fastest(&r, forward, 0, seconds / 4);
        out->scan_forward = fastest(&r, forward, 1, seconds / 4);
        out->backward = fastest(&r, backward, 0, seconds / 4);
        out->scan_backward = fastest(&r, backward, 1, seconds / 4);
    }
    free(block);
    scratch_release(&r.mine);
    pool_free(r.p);
    return e;
}
