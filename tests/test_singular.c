/* test_singular.c - the principal singular vectors of matrices with known singular values. */
#include "base/rng.h"
#include "ops/device.h"
#include "test.h"
#include "train/singular.h"
#include <stdlib.h>

/* W [rows, cols] = sum of s[i] u[i] v[i]' over `n` orthonormal vectors of either side. */
static void make_matrix(real *w, int rows, int cols, int n, const double *s)
{
    rng r = {.seed = 6};
    double *u = malloc(sizeof *u * (size_t)(n * rows)), *v = malloc(sizeof *v * (size_t)(n * cols));
    for (int i = 0; i < n * rows; i++) u[i] = rng_normal(&r);
    for (int i = 0; i < n * cols; i++) v[i] = rng_normal(&r);
    orthonormalise(u, n, rows);
    orthonormalise(v, n, cols);
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < cols; j++) {
            double sum = 0;
            for (int k = 0; k < n; k++) sum += s[k] * u[k * rows + i] * v[k * cols + j];
            w[i * cols + j] = (real)sum;
        }
    free(u);
    free(v);
}

enum { ROWS = 40, COLS = 56, RANK = 6 };

/* b a of the first RANK singular vectors; `turned`: the map is the transpose. */
static void product_of(real *out, real *w, int turned, int threads)
{
    static real a[RANK * COLS], b[COLS * RANK];
    tensor t = {.rows = ROWS, .cols = COLS, .type = REAL, .data = w};
    if (turned) t.layout = LAYOUT_INPUT_MAJOR;
    device *d;
    if (device_open(&d, "cpu", threads, NULL) || singular_vectors(a, b, &t, RANK, 3, d)) FAILED("%s", wkv_error());
    int in = weight_in(&t);
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < COLS; j++) {
            double sum = 0;
            for (int r = 0; r < RANK; r++)
                sum += (double)a[r * in + (turned ? i : j)] * (double)b[(turned ? j : i) * RANK + r];
            out[i * COLS + j] = (real)sum;
        }
    device_close(d);
}

/* Relative to b, in the Frobenius norm. */
static double distance(const real *a, const real *b)
{
    double diff = 0, norm = 0;
    for (int i = 0; i < ROWS * COLS; i++) {
        diff += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        norm += (double)b[i] * (double)b[i];
    }
    return sqrt(diff / norm);
}

static void singular_vectors_are_the_largest(void)
{
    static real w[ROWS * COLS], best[ROWS * COLS], got[2][ROWS * COLS];
    double s[ROWS];
    for (int i = 0; i < ROWS; i++) s[i] = 3 * pow(0.8, i);
    make_matrix(w, ROWS, COLS, ROWS, s);
    for (int i = RANK; i < ROWS; i++) s[i] = 0;
    make_matrix(best, ROWS, COLS, ROWS, s);
    for (int turned = 0; turned < 2; turned++) {
        product_of(got[0], w, turned, 1);
        product_of(got[1], w, turned, 3);
        EXPECT(!memcmp(got[0], got[1], sizeof *got));
        double d = distance(got[0], best);
        if (!(d < 2e-5)) FAILED("the best matrix of rank %d is missed by %.2e", RANK, d);
    }
    /* a matrix of fewer directions than asked for, and of none */
    for (int i = 2; i < ROWS; i++) s[i] = 0;
    make_matrix(w, ROWS, COLS, ROWS, s);
    product_of(got[0], w, 0, 2);
    EXPECT(distance(got[0], w) < 1e-5);
    memset(w, 0, sizeof w);
    product_of(got[0], w, 0, 2);
    EXPECT(!memcmp(got[0], w, sizeof w));
}

int main(void)
{
    RUN(singular_vectors_are_the_largest);
    return DONE();
}
