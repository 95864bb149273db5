/* basic.cl - elementwise entries, and entries that move values. A work-item is one value, or one column. */

/* value i of an operand of the same rows, or of one row that is broadcast */
#define BROADCAST(y, i) y[y##_rows == 1 ? (i) % C : (i)]

kernel void add(ulong n, uint C, uint y_rows, REALS(x), REALS(y), REALS(z))
{
    OPEN(x);
    OPEN(y);
    OPEN(z);
    const ulong i = get_global_id(0);
    if (i < n) z[i] = x[i] + BROADCAST(y, i);
}

kernel void mul(ulong n, uint C, uint y_rows, REALS(x), REALS(y), REALS(z))
{
    OPEN(x);
    OPEN(y);
    OPEN(z);
    const ulong i = get_global_id(0);
    if (i < n) z[i] = x[i] * BROADCAST(y, i);
}

/* dy: NULL, or of as many rows as x */
kernel void mul_back(ulong n, uint C, uint y_rows, REALS(x), REALS(y), REALS(dz), REALS(dx), REALS(dy))
{
    OPEN(x);
    OPEN(y);
    OPEN(dz);
    OPEN(dx);
    OPEN(dy);
    const ulong i = get_global_id(0);
    if (i >= n) return;
    if (dx) dx[i] += dz[i] * BROADCAST(y, i);
    if (dy) dy[i] += dz[i] * x[i];
}

/* to[c] += the sum over rows of dz x, or of dz (x - less) */
kernel void columns_dot(uint T, uint C, REALS(dz), REALS(x), REALS(less), REALS(to))
{
    OPEN(dz);
    OPEN(x);
    OPEN(less);
    OPEN(to);
    const uint c = get_global_id(0);
    if (c >= C) return;
    float sum = to[c];
    for (uint t = 0; t < T; t++) {
        const ulong i = (ulong)t * C + c;
        sum += dz[i] * (less ? x[i] - less[i] : x[i]);
    }
    to[c] = sum;
}

kernel void lerp(ulong n, uint C, uint mu_rows, REALS(x), REALS(y), REALS(mu), REALS(z))
{
    OPEN(x);
    OPEN(y);
    OPEN(mu);
    OPEN(z);
    const ulong i = get_global_id(0);
    if (i < n) z[i] = lerp_of(x[i], y[i], BROADCAST(mu, i));
}

/* dmu: NULL, or of as many rows as x */
kernel void lerp_back(ulong n, uint C, uint mu_rows, REALS(x), REALS(y), REALS(mu), REALS(dz), REALS(dx), REALS(dy),
                      REALS(dmu))
{
    OPEN(x);
    OPEN(y);
    OPEN(mu);
    OPEN(dz);
    OPEN(dx);
    OPEN(dy);
    OPEN(dmu);
    const ulong i = get_global_id(0);
    if (i >= n) return;
    const float m = BROADCAST(mu, i);
    if (dx) dx[i] += dz[i] * (1 - m);
    if (dy) dy[i] += dz[i] * m;
    if (dmu) dmu[i] += dz[i] * (y[i] - x[i]);
}

/* to[c] += the sum over `rows` rows */
kernel void columns_sum(uint rows, uint C, REALS(x), REALS(to))
{
    OPEN(x);
    OPEN(to);
    const uint c = get_global_id(0);
    if (c >= C) return;
    float sum = to[c];
    for (uint t = 0; t < rows; t++) sum += x[(ulong)t * C + c];
    to[c] = sum;
}

kernel void map(ulong n, int kind, REALS(x), REALS(y))
{
    OPEN(x);
    OPEN(y);
    const ulong i = get_global_id(0);
    if (i < n) y[i] = map_of(kind, x[i]);
}

kernel void map_back(ulong n, int kind, REALS(x), REALS(y), REALS(dy), REALS(dx))
{
    OPEN(x);
    OPEN(y);
    OPEN(dy);
    OPEN(dx);
    const ulong i = get_global_id(0);
    if (i < n) dx[i] += dy[i] * slope_of(kind, x[i], y[i]);
}

/* the slope from y alone */
kernel void slope(ulong n, int kind, REALS(y), REALS(dx))
{
    OPEN(y);
    OPEN(dx);
    const ulong i = get_global_id(0);
    if (i < n) dx[i] *= slope_of(kind, kind == MAP_RELU2 ? sqrt(y[i]) : 0, y[i]);
}

kernel void repeat(ulong n, uint times, REALS(x), REALS(y))
{
    OPEN(x);
    OPEN(y);
    const ulong i = get_global_id(0);
    if (i < n) y[i] = x[i / times];
}

kernel void repeat_back(ulong n, uint times, REALS(dy), REALS(dx))
{
    OPEN(dy);
    OPEN(dx);
    const ulong i = get_global_id(0);
    if (i >= n) return;
    float sum = dx[i];
    for (uint j = 0; j < times; j++) sum += dy[i * times + j];
    dx[i] = sum;
}

kernel void matrix_of_row(ulong all, uint n, REALS(x), REALS(m), REALS(y))
{
    OPEN(x);
    OPEN(m);
    OPEN(y);
    const ulong i = get_global_id(0), t = i / n, j = i % n;
    if (i >= all) return;
    float sum = 0;
    for (uint k = 0; k < n; k++) sum = fma(x[t * n + k], m[(t * n + k) * n + j], sum);
    y[i] = sum;
}

kernel void fill(ulong n, float value, REALS(x))
{
    OPEN(x);
    const ulong i = get_global_id(0);
    if (i < n) x[i] = value;
}

/* rows of `cols` values; strides in values */
kernel void copy(ulong n, ulong cols, ulong to_stride, ulong from_stride, int adds, REALS(from), REALS(to))
{
    OPEN(from);
    OPEN(to);
    const ulong i = get_global_id(0), t = i / cols, c = i % cols;
    if (i >= n) return;
    const float x = from[t * from_stride + c];
    to[t * to_stride + c] = adds ? to[t * to_stride + c] + x : x;
}

kernel void gather(ulong n, uint C, REALS(w), global const int *ids, REALS(y))
{
    OPEN(w);
    OPEN(y);
    const ulong i = get_global_id(0);
    if (i < n) y[i] = w[(ulong)ids[i / C] * C + i % C];
}

kernel void gather_back(uint T, uint C, REALS(dy), global const int *ids, REALS(dw))
{
    OPEN(dy);
    OPEN(dw);
    const uint c = get_global_id(0);
    if (c >= C) return;
    for (uint t = 0; t < T; t++) dw[(ulong)ids[t] * C + c] += dy[(ulong)t * C + c];
}

/* A work-item is a column of a span. */
kernel void shift(uint C, ulong at, global const long4 *spans, global float *states, REALS(x), REALS(y))
{
    OPEN(x);
    OPEN(y);
    const uint c = get_global_id(0);
    if (c >= C) return;
    const long4 s = spans[get_global_id(1)];
    shift_column(C, c, s, states + s.STATE + at + c, x, y);
}

kernel void shift_back(uint C, ulong at, global const long4 *spans, global float *dstates, REALS(dy), REALS(dx))
{
    OPEN(dy);
    OPEN(dx);
    const uint c = get_global_id(0);
    if (c >= C) return;
    const long4 s = spans[get_global_id(1)];
    const ulong first = s.ROW * C + c, n = (s.LENGTH - 1) * C;
    for (ulong i = 0; dx && i < n; i += C) dx[first + i] += dy[first + C + i];
    if (s.DSTATE < 0) return;
    if (dx) dx[first + n] += dstates[s.DSTATE + at + c]; /* the last row was the new state */
    dstates[s.DSTATE + at + c] = dy[first];              /* the first row read the state   */
}

/* back: from `kept` to the states, else to `kept` */
kernel void states_copy(ulong len, ulong at, int back, global const long4 *spans, global float *states, REALS(kept))
{
    OPEN(kept);
    const ulong i = get_global_id(0);
    if (i >= len) return;
    global float *state = states + spans[get_global_id(1)].STATE + at + i, *mine = kept + get_global_id(1) * len + i;
    if (back)
        *state = *mine;
    else
        *mine = *state;
}

/* ops/drop.h */
ulong mix64(ulong z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9UL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebUL;
    return z ^ (z >> 31);
}

kernel void drop(ulong n, ulong key, ulong first, uint below, float scale, REALS(from), REALS(to))
{
    OPEN(from);
    OPEN(to);
    const ulong i = get_global_id(0);
    if (i >= n) return;
    const uint drawn = (uint)(mix64(key + (first + i) * 0x9e3779b97f4a7c15UL) >> 32);
    if (drawn >= below) to[i] += from[i] * scale;
}

/* A sum as a value and its rounding error, about twice as exact as float. */
typedef struct {
    float value, error;
} long_sum;

void long_add(long_sum *s, float x)
{
    const float sum = s->value + x, part = sum - s->value;
    s->error += (s->value - (sum - part)) + (x - part);
    s->value = sum;
}

/* Value and error of a tile's sum of squares. */
kernel void square_sums(ulong n, ulong tile, ulong tiles, REALS(x), global float2 *sums)
{
    OPEN(x);
    const ulong i = get_global_id(0);
    if (i >= tiles) return;
    long_sum s = {0, 0};
    for (ulong j = i * tile; j < n && j < (i + 1) * tile; j++) {
        const float square = x[j] * x[j];
        long_add(&s, square);
        s.error += fma(x[j], x[j], -square);
    }
    sums[i] = (float2)(s.value, s.error);
}

/* scales: NULL, or a factor of each */
kernel void mean(uint T, float by, REALS(nll), global const float *scales, REALS(y))
{
    OPEN(nll);
    OPEN(y);
    long_sum s = {0, 0};
    for (uint t = 0; t < T; t++) {
        const float x = scales ? scales[t] * nll[t] : nll[t];
        long_add(&s, x);
        if (scales) s.error += fma(scales[t], nll[t], -x);
    }
    y[0] = (s.value + s.error) * by;
}

kernel void adamw(ulong n, REALS(w), REALS(g), REALS(mean), REALS(square), float lr, float beta1, float beta2,
                  float eps, float decay, float clip, float bias1, float bias2)
{
    OPEN(w);
    OPEN(g);
    OPEN(mean);
    OPEN(square);
    const ulong i = get_global_id(0);
    if (i >= n) return;
    const float dw = g[i] * clip, m = beta1 * mean[i] + (1 - beta1) * dw,
                v = beta2 * square[i] + (1 - beta2) * dw * dw;
    g[i] = 0;
    mean[i] = m;
    square[i] = v;
    w[i] -= lr * (m * bias1 / (sqrt(v * bias2) + eps) + decay * w[i]);
}
