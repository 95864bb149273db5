/* operations.cl - the operations of the forward pass, each as functions of a work-item. A kernel that runs one
 * operation (basic.cl, rows.cl, time.cl) and one that runs several (list.cl, few.cl) call the same function, so that
 * their bits are equal. */

/* ---- one value --------------------------------------------------------------------------------------------------- */

float lerp_of(float x, float y, float mu) { return x + (y - x) * mu; }
float normal_of(float x, float mean, float rs, float w, float b) { return (x - mean) * rs * w + b; }

/* mu weighs the current row in versions 4 and 5, else the previous one */
float mixture_of(float now, float before, float mu, int current)
{
    return current ? lerp_of(before, now, mu) : lerp_of(now, before, mu);
}

/* ---- a work-item's part of a sum over n values, which group_sum adds up ------------------------------------------ */

float sum_of(global const float *x, uint n)
{
    float sum = 0;
    for (uint i = get_local_id(0); i < n; i += GROUP) sum += x[i];
    return sum;
}

float spread_of(global const float *x, uint n, float mean)
{
    float sum = 0;
    for (uint i = get_local_id(0); i < n; i += GROUP) sum += (x[i] - mean) * (x[i] - mean);
    return sum;
}

float squares_of(global const float *x, uint n)
{
    float sum = 0;
    for (uint i = get_local_id(0); i < n; i += GROUP) sum += x[i] * x[i];
    return sum;
}

float products_of(global const float *r, global const float *k, global const float *u, uint n)
{
    float sum = 0;
    for (uint i = get_local_id(0); i < n; i += GROUP) sum += r[i] * k[i] * u[i];
    return sum;
}

/* 1 / standard deviation, from the sum of squared distances from the mean */
float scale_of_spread(float sum, uint n, float eps) { return 1 / sqrt(sum / n + eps); }

/* mean and 1 / sqrt(variance + eps) of n values */
void moments(global const float *x, uint n, float eps, local float *s, float *mean, float *rs)
{
    const int adds = get_local_id(0) < GROUP;
    *mean = group_sum(adds ? sum_of(x, n) : 0, s) / n;
    *rs = scale_of_spread(group_sum(adds ? spread_of(x, n, *mean) : 0, s), n, eps);
}

/* the factor that gives a head of the sum of squares `sum` the length 1 */
#define UNIT_FLOOR 1e-12f
float unit_scale(float sum) { return 1 / fmax(sqrt(sum), UNIT_FLOOR); }

/* ---- a column of a span ------------------------------------------------------------------------------------------ */

/* y: the row before; state: of the column, the last row */
void shift_column(uint C, uint c, long4 span, global float *state, global const float *x, global float *y)
{
    float before = *state;
    for (long t = span.ROW; t < span.ROW + span.LENGTH; t++) {
        const float now = x[t * C + c];
        y[t * C + c] = before;
        before = now;
    }
    *state = before;
}

/* Version 4: the sums aa, bb, pp of C each. */
typedef struct {
    float aa, bb, pp;
} sums;

sums sums_get(global const float *x, ulong C)
{
    const sums s = {x[0], x[C], x[2 * C]};
    return s;
}

void sums_put(global float *x, ulong C, sums s)
{
    x[0] = s.aa;
    x[C] = s.bb;
    x[2 * C] = s.pp;
}

sums join4(sums x, sums y, float d)
{
    const float m = fmax(x.pp + d, y.pp), e1 = e_to(x.pp + d - m), e2 = e_to(y.pp - m);
    const sums s = {e1 * x.aa + e2 * y.aa, e1 * x.bb + e2 * y.bb, m};
    return s;
}

sums token4(float k, float v)
{
    const sums s = {v, 1, k};
    return s;
}

void wkv4_column(uint C, uint c, long4 span, global float *state, global const float *w, global const float *u,
                 global const float *k, global const float *v, global float *y)
{
    sums s = sums_get(state + c, C);
    for (long t = span.ROW; t < span.ROW + span.LENGTH; t++) {
        const float kt = k[t * C + c], vt = v[t * C + c];
        const float m = fmax(s.pp, u[c] + kt), e1 = e_to(s.pp - m), e2 = e_to(u[c] + kt - m);
        y[t * C + c] = (e1 * s.aa + e2 * vt) / (e1 * s.bb + e2);
        s = join4(s, token4(kt, vt), w[c]);
    }
    sums_put(state + c, C, s);
}

/* Versions 5 to 7: S[h][i][j], i the key, j the value channel of head h. Value channel c = h N + n owns S[h][.][n]. */
void wkv6_column(uint C, uint N, uint c, long4 span, uint w_rows, global float *state, global const float *r,
                 global const float *w, global const float *k, global const float *v, global const float *u,
                 global float *y)
{
    const uint h = c / N, n = c % N;
    global float *S = state + (ulong)h * N * N + n;
    for (long t = span.ROW; t < span.ROW + span.LENGTH; t++) {
        const ulong j = t * C + h * N, jw = w_rows == 1 ? h * N : j;
        const float vn = v[j + n];
        float sum = 0;
        for (uint i = 0; i < N; i++) {
            const float kv = k[j + i] * vn, s = S[i * N];
            sum = fma(r[j + i], fma(u[h * N + i], kv, s), sum);
            S[i * N] = fma(w[jw + i], s, kv);
        }
        y[j + n] = sum;
    }
}

/* S <- S diag(w) + (S a) b' + v k' of a value channel, whose entries are N apart; returns S a of the state before */
float absorb7(global float *next, global const float *S, uint N, float vn, global const float *w, global const float *k,
              global const float *a, global const float *b)
{
    float sa = 0;
    for (uint i = 0; i < N; i++) sa = fma(S[i * N], a[i], sa);
    for (uint i = 0; i < N; i++) next[i * N] = fma(S[i * N], w[i], fma(sa, b[i], vn * k[i]));
    return sa;
}

void wkv7_column(uint C, uint N, uint c, long4 span, global float *state, global const float *r, global const float *w,
                 global const float *k, global const float *v, global const float *a, global const float *b,
                 global float *y)
{
    const uint h = c / N, n = c % N;
    global float *S = state + (ulong)h * N * N + n;
    for (long t = span.ROW; t < span.ROW + span.LENGTH; t++) {
        const ulong j = t * C + h * N;
        float sum = 0;
        absorb7(S, S, N, v[j + n], w + j, k + j, a + j, b + j);
        for (uint i = 0; i < N; i++) sum = fma(S[i * N], r[j + i], sum);
        y[j + n] = sum;
    }
}
