/* test_scan.c - version 4's recurrence by scan: on every instruction set of this machine it equals the definition
 * and the recurrence token by token, within rounding, with the same bits for any number of
 * threads. */
#include <stdlib.h>
#include "base/rng.h"
#include "room.h"
#include "test.h"

enum { MOST_T = 2800, MOST_C = 33, SPANS = 3, DEVICES = 3 };
static device *reference, *cpus[DEVICES]; /* cpus: of 1, 2, 3 threads */

/* Inputs of a case. */
static int T, C;
static float k[MOST_T * MOST_C], v[MOST_T * MOST_C], dy[MOST_T * MOST_C], w[MOST_C], u[MOST_C];
static float state0[SPANS * 3 * MOST_C], final_grad[SPANS * 3 * MOST_C];

typedef struct {
    float y[MOST_T * MOST_C], dk[MOST_T * MOST_C], dv[MOST_T * MOST_C], dw[MOST_C], du[MOST_C];
    float state[SPANS * 3 * MOST_C], dstate[SPANS * 3 * MOST_C];
} results;

static void fill(float *x, int n, double scale, double mean, rng *dice)
{
    for (int i = 0; i < n; i++) x[i] = (float)(mean + scale * rng_normal(dice));
}

static void make_case(int tokens, int channels)
{
    rng dice = {.seed = 11};
    T = tokens;
    C = channels;
    fill(k, T * C, 2, 0, &dice);
    fill(v, T * C, 1, 0, &dice);
    fill(dy, T * C, 1, 0, &dice);
    fill(u, C, 1, 0, &dice);
    for (int i = 0; i < C; i++) w[i] = -0.02f - (float)exp(2 * rng_normal(&dice)); /* up to nearly all */
    fill(state0, SPANS * 3 * C, 1, 0, &dice);
    fill(final_grad, SPANS * 3 * C, 1, 0, &dice);
    for (int i = 0; i < SPANS * 3 * C; i++) {
        int row = i / C % 3;
        if (row == 1) state0[i] = fabsf(state0[i]) + 0.1f;
        if (row == 2) final_grad[i] = -9; /* at most e^-pp of the state */
    }
}

/* Forward and backward over three spans, the second's state without a gradient; with `few`, dv and du are not
 * computed. */
static results *run(device *d, int scan, int few)
{
    results *r = calloc(1, sizeof *r);
    CHECK(r);
    span s[SPANS];
    batch b = {.rows = T, .spans = s};
    for (int row = 0; row < T; b.n_spans++) {
        int left = T - row, len = left > 2 && b.n_spans < SPANS - 1 ? left / 2 : left;
        size_t at = (size_t)b.n_spans * 3 * (size_t)C;
        s[b.n_spans] = (span){row, len, r->state + at, b.n_spans == 1 ? NULL : r->dstate + at};
        row += len;
    }
    memcpy(r->state, state0, sizeof r->state);
    memcpy(r->dstate, final_grad, sizeof r->dstate);
    memcpy(r->dk, v, sizeof r->dk); /* gradients are added to */
    r->dw[0] = r->du[0] = 2;
    wkv_args a = {.batch = &b,
                  .C = C,
                  .k = k,
                  .v = v,
                  .w = w,
                  .u = u,
                  .y = r->y,
                  .dy = dy,
                  .state0 = state0,
                  .dk = r->dk,
                  .dv = few ? NULL : r->dv,
                  .dw = r->dw,
                  .du = few ? NULL : r->du};
    (scan ? d->wkv4_scan : d->wkv4)(d, &a);
    (scan ? d->wkv4_scan_back : d->wkv4_back)(d, &a);
    return r;
}

/* largest difference, relative to the size of the values expected */
static double apart(const float *found, const float *expected, int n)
{
    double most = 0, square = 0;
    for (int i = 0; i < n; i++) {
        double d = fabs((double)found[i] - (double)expected[i]);
        if (!(d <= most)) most = d; /* a NaN stays */
        square += (double)expected[i] * (double)expected[i];
    }
    return most / (sqrt(square / n) + 1e-20);
}

static void expect_close(const char *how, const results *found, const results *expected, const char *what)
{
    const struct {
        const char *name;
        const float *found, *expected;
        int n;
    } all[] = {{"y", found->y, expected->y, T * C},
               {"dk", found->dk, expected->dk, T * C},
               {"dv", found->dv, expected->dv, T * C},
               {"dw", found->dw, expected->dw, C},
               {"du", found->du, expected->du, C},
               {"state", found->state, expected->state, SPANS * 3 * C},
               {"dstate", found->dstate, expected->dstate, SPANS * 3 * C}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        double d = apart(all[i].found, all[i].expected, all[i].n);
        if (!(d <= 1e-4)) FAILED("%s %s, T %d C %d: %s is %g from %s", cpus[0]->isa, how, T, C, all[i].name, d, what);
    }
}

static void scan_is_the_recurrence(void)
{
    static const int sizes[][2] = {{1, 1}, {7, 16}, {200, 33}, {513, 16}, {1030, 7}, {MOST_T, 20}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int few = 0; few < 2; few++) {
            make_case(sizes[i][0], sizes[i][1]);
            results *line = run(reference, 0, few), *tree = run(reference, 1, few);
            results *fast[DEVICES];
            for (int p = 0; p < DEVICES; p++) fast[p] = run(cpus[p], 1, few);
            results *plain = run(cpus[1], 0, few); /* long enough for several tiles of its backward */
            expect_close("scan", fast[0], line, "the recurrence");
            expect_close("scan", fast[0], tree, "its definition");
            expect_close("token by token", plain, line, "its definition");
            for (int p = 1; p < DEVICES; p++)
                if (memcmp(fast[0], fast[p], sizeof *fast[0]))
                    FAILED("%s, T %d C %d: other bits with %d threads", cpus[0]->isa, T, C, p + 1);
            for (int p = 0; p < DEVICES; p++) free(fast[p]);
            free(plain);
            free(line);
            free(tree);
        }
}

int main(void)
{
    reference = room_device("reference", 1, NULL);
    for (int i = 0; device_isa(0, i); i++) {
        for (int p = 0; p < DEVICES; p++) cpus[p] = room_device("cpu", p + 1, device_isa(0, i));
        printf("-- %s\n", cpus[0]->isa);
        RUN(scan_is_the_recurrence);
        reference->begin(reference);
        for (int p = 0; p < DEVICES; p++) device_close(cpus[p]);
    }
    device_close(reference);
    return DONE();
}
