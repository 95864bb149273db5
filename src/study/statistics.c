/* statistics.c - means, least squares lines and median slopes with their 95 % intervals. */
#include "base/error.h"
#include "wkv_curve.h"
#include "wkv_task.h"
#include <math.h>
#include <stdlib.h>

#define NORMAL_975 1.959963984540054 /* the 97.5 % quantile of the normal distribution */

/* The 97.5 % quantile of Student's t: tabulated, then the expansion in 1 / n (Abramowitz and Stegun, 26.7.5). */
static double student(int n)
{
    static const double table[] = {NAN, 12.7062, 4.30265, 3.18245, 2.77645, 2.57058, 2.44691, 2.36462, 2.30600};
    if (n < (int)(sizeof table / sizeof *table)) return table[n];
    const double z = NORMAL_975, z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z;
    return z + (z3 + z) / (4.0 * n) + (5 * z5 + 16 * z3 + 3 * z) / (96.0 * n * n) +
           (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384.0 * n * n * n);
}

int wkv_mean_of(wkv_mean *out, const double *x, int n)
{
    REQUIRE(out, "out");
    if (n < 0 || (n && !x)) return fail(WKV_EARG, "wkv_mean_of: %d values, or NULL for them", n);
    double sum = 0, squares = 0;
    int k = 0;
    for (int i = 0; i < n; i++)
        if (isfinite(x[i])) sum += x[i], k++;
    const double mean = k ? sum / k : NAN;
    for (int i = 0; i < n; i++)
        if (isfinite(x[i])) squares += (x[i] - mean) * (x[i] - mean);
    const double half = k > 1 ? student(k - 1) * sqrt(squares / (k - 1) / k) : NAN;
    *out = (wkv_mean){k, mean, mean - half, mean + half};
    return 0;
}

int wkv_fit_line(wkv_line *out, const double *x, const double *y, int n)
{
    REQUIRE(out, "the place for the line");
    *out = (wkv_line){0};
    REQUIRE(x, "the list of x");
    REQUIRE(y, "the list of y");
    if (n < 3) return fail(WKV_EARG, "a line through %d points has no interval; 3 are needed", n);
    double mean_x = 0, mean_y = 0, xx = 0, xy = 0, rest = 0;
    for (int i = 0; i < n; i++) mean_x += x[i] / n, mean_y += y[i] / n;
    for (int i = 0; i < n; i++) {
        xx += (x[i] - mean_x) * (x[i] - mean_x);
        xy += (x[i] - mean_x) * (y[i] - mean_y);
    }
    if (!(xx > 0)) return fail(WKV_EARG, "%d points with one x have no slope", n);
    out->n = n;
    out->slope = xy / xx;
    out->intercept = mean_y - out->slope * mean_x;
    for (int i = 0; i < n; i++) {
        const double d = y[i] - out->intercept - out->slope * x[i];
        rest += d * d;
    }
    out->residual = sqrt(rest / (n - 2));
    out->error = out->residual / sqrt(xx);
    out->interval = student(n - 2) * out->error;
    return 0;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *x, size_t n)
{
    qsort(x, n, sizeof *x, compare);
    return (x[n / 2] + x[(n - 1) / 2]) / 2;
}

int wkv_trend_of(wkv_trend *out, const double *x, const double *y, int n)
{
    enum { MOST = 4096 };
    REQUIRE(out, "out");
    REQUIRE(x, "x");
    REQUIRE(y, "y");
    if (n < 3 || n > MOST) return fail(WKV_EARG, "wkv_trend_of: %d points, expected 3 to %d", n, MOST);
    for (int i = 0; i < n; i++)
        if (!isfinite(x[i]) || !isfinite(y[i])) return fail(WKV_EARG, "wkv_trend_of: point %d is NaN or infinite", i);
    const size_t most = (size_t)n * (size_t)(n - 1) / 2;
    double *slopes = malloc(sizeof *slopes * most);
    if (!slopes) return fail(WKV_ENOMEM, "no memory for %zu slopes", most);
    size_t k = 0;
    for (int i = 0; i < n; i++)
        for (int j = i + 1; j < n; j++)
            if (x[i] < x[j] || x[j] < x[i]) slopes[k++] = (y[j] - y[i]) / (x[j] - x[i]);
    if (!k) {
        free(slopes);
        return fail(WKV_EARG, "wkv_trend_of: all points have the same x");
    }
    const double slope = median(slopes, k);
    const double half = NORMAL_975 * sqrt(n * (n - 1.0) * (2.0 * n + 5) / 18) / 2;
    const double low = floor((double)k / 2 - half) - 1, high = ceil((double)k / 2 + half);
    *out = (wkv_trend){.slope = slope,
                       .low = slopes[low > 0 ? (size_t)low : 0],
                       .high = slopes[high < (double)k - 1 ? (size_t)high : k - 1]};
    for (int i = 0; i < n; i++) slopes[i] = y[i] - slope * x[i]; /* at least n slopes, as n is 3 or more */
    out->at = median(slopes, (size_t)n);
    free(slopes);
    return 0;
}
