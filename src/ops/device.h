/* device.h - the porting surface: what a device must do. Three instances: reference (cpu/ref_*.c), cpu, cuda.
 *
 * Whole matrices, row-major, T rows; `pool` may be NULL. Functions whose name ends in _back ADD to the gradients they are
 * given and skip those that are NULL. Each output element is reduced in an order that depends neither on T, nor on
 * how rows are grouped, nor on the number of threads, so that any chunking, any batch, any thread count give the same bits. */
#ifndef WKV_OPS_DEVICE_H
#define WKV_OPS_DEVICE_H

#include "ops/ops.h"

/* One product of a phase, y = x W, and what follows it at once, in this order; NULL and MAP_NONE are left out. */
typedef struct {
    real *y;                 /* T x out, overwritten; no other memory of the phase overlaps it */
    const real *x;           /* T x in                                                         */
    const tensor *w;         /* every weight dtype, both orientations, w->scale                */
    const real *bias;        /* y + bias, one row of out                                       */
    map_kind map;            /* map(y)                                                         */
    const real *from, *to;   /* from + (to - from) y, T x out                                  */
    const real *times;       /* y times, T x out                                               */
    const real *plus;        /* y + plus, T x out                                              */
} product;

/* Token shift, after a norm: z = norm(x; w, b), and with p the row before z of the same sequence (the first one's is the
 * state at `at`, which becomes the last z), y[i] = z + (p - z) mu[i], or p + (z - p) mu[i] where mu weighs the current row. */
enum { MOST_MIXTURES = 8 };
typedef struct {
    const real *x, *w, *b; /* T x C; one row; one row */
    real eps;
    int current, n;
    real *y[MOST_MIXTURES];        /* T x C   */
    const real *mu[MOST_MIXTURES]; /* one row */
} mixing;

/* Its way back; state0 as in time, below. */
typedef struct {
    const real *dy[MOST_MIXTURES], *state0;   /* T x C       */
    real *dx, *dw, *db, *dmu[MOST_MIXTURES];  /* as x and so on */
} mixing_back;

/* The sizes that decide how much scratch memory a pass takes. The recurrences of heads see at most 32 rows of a span
 * at a time when a gradient is required (ops/heads.c). */
struct pass_size {
    int rows, spans;    /* of the pass                                                                  */
    int width, widest;  /* C; the largest of all rows and columns of weights, adapters included         */
    int head;           /* N; 0: no heads                                                               */
    int backward;       /* gradients are taken                                                          */
};

struct device {
    const char *name;

    /* the most scratch memory that any operation of such a pass asks of a thread */
    workspace (*workspace)(const pass_size *s);

    /* n products of T rows each, none of which reads another's y. */
    void (*linear)(pool *p, const product *q, int n, int T);
    void (*linear_dx)(pool *p, real *dx, const real *dy, const tensor *w, int T, int add); /* dx (+)= dy W' ; any dtype */
    void (*linear_dw)(pool *p, real *dw, const real *dy, const real *x, const tensor *w, int T); /* dw has W's shape */

    /* elementwise over T x C; a one-row operand (rows == 1 < T) serves every row, and its gradient is summed over rows in order */
    void (*add)(pool *p, real *z, const real *x, const real *y, int T, int C, int y_rows);
    void (*mul)(pool *p, real *z, const real *x, const real *y, int T, int C, int y_rows);
    void (*mul_back)(pool *p, real *dx, real *dy, const real *dz, const real *x, const real *y, int T, int C, int y_rows);
    void (*lerp)(pool *p, real *z, const real *x, const real *y, const real *mu, int T, int C, int mu_rows);
    void (*lerp_back)(pool *p, real *dx, real *dy, real *dmu, const real *dz, const real *x, const real *y, const real *mu,
                      int T, int C, int mu_rows);
    void (*sum_rows)(pool *p, real *d, const real *dz, int T, int C, int d_rows); /* d += dz; d of one row: += the sum over rows */
    void (*map)(pool *p, map_kind kind, real *y, const real *x, size_t n);
    void (*map_back)(pool *p, map_kind kind, real *dx, const real *dy, const real *x, const real *y, size_t n);
    void (*slope)(pool *p, map_kind kind, real *d, const real *y, size_t n); /* d *= dy/dx, of a map whose y alone tells it */

    /* norms; groups divide C */
    void (*norm)(pool *p, real *y, const real *x, const real *w, const real *b, int T, int C, int groups, real eps);
    void (*norm_back)(pool *p, real *dx, real *dw, real *db, const real *dy, const real *x, const real *w, int T, int C, int groups,
                      real eps);
    void (*unit)(pool *p, real *y, const real *x, int T, int C, int heads);
    void (*unit_back)(pool *p, real *dx, const real *dy, const real *x, const real *y, int T, int C, int heads);
    void (*bonus)(pool *p, real *y, const real *r, const real *k, const real *u, const real *v, int T, int C, int heads);
    void (*bonus_back)(pool *p, real *dr, real *dk, real *du, real *dv, const real *dy, const real *r, const real *k, const real *u,
                       const real *v, int T, int C, int heads);

    void (*mix)(pool *p, const mixing *m, const batch *b, int C, int at);
    void (*mix_back)(pool *p, const mixing *m, const mixing_back *g, const batch *b, int C, int at); /* m->y is not read */

    /* time: b says which rows follow each other; the spans' states at `at` are read and advanced.
     * In *_back, state0 holds the spans' states at `at` as they were BEFORE the forward pass, one after another in span
     * order; a span's dstate at `at`, when not NULL, goes from d(final) to d(initial). */
    void (*wkv4)(pool *p, real *y, const real *k, const real *v, const real *w, const real *u, const batch *b, int C, int at);
    void (*wkv4_back)(pool *p, real *dk, real *dv, real *dw, real *du, const real *dy, const real *k, const real *v, const real *w,
                      const real *u, const real *state0, const batch *b, int C, int at);
    /* The same by scan: sums are joined in an order that depends on a span's length, so a span in pieces has other roundings. */
    void (*wkv4_scan)(pool *p, real *y, const real *k, const real *v, const real *w, const real *u, const batch *b, int C, int at);
    void (*wkv4_scan_back)(pool *p, real *dk, real *dv, real *dw, real *du, const real *dy, const real *k, const real *v, const real *w,
                           const real *u, const real *state0, const batch *b, int C, int at);
    void (*wkv6)(pool *p, real *y, const real *r, const real *k, const real *v, const real *w, int w_rows, const real *u, const batch *b,
                 int C, int heads, int at);
    void (*wkv6_back)(pool *p, real *dr, real *dk, real *dv, real *dw, real *du, const real *dy, const real *r, const real *k,
                      const real *v, const real *w, int w_rows, const real *u, const real *state0, const batch *b, int C, int heads, int at);
    void (*wkv7)(pool *p, real *y, const real *r, const real *w, const real *k, const real *v, const real *a, const real *bb,
                 const batch *b, int C, int heads, int at);
    void (*wkv7_back)(pool *p, real *dr, real *dw, real *dk, real *dv, real *da, real *db, const real *dy, const real *r, const real *w,
                      const real *k, const real *v, const real *a, const real *bb, const real *state0, const batch *b, int C, int heads,
                      int at);

    /* logits[T, V] -> probabilities in place; loss of each row in nll[T] (0 where targets[t] < 0); the largest logit and its first place */
    void (*softmax_nll)(pool *p, real *logits, real *nll, real *max, int *argmax, const int32_t *targets, int T, int V);
};

extern const device device_reference; /* plain loops, one thread: the definition */
extern const device device_cpu;       /* threads and blocking over the instruction-set table (cpu/simd.h) */

#endif
