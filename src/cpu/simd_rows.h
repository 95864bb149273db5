/* simd_rows.h - operations on rows: elementwise, sums over rows, norms, softmax (part of simd_body.h). */

static void add(patch m, float *z, const float *x, const float *y)
{
    for (int t = 0; t < m.rows; t++, z += m.stride, x += m.stride, y += m.one) EACH(m.cols, ST(z, LD(x) + LD(y)););
}

static void mul(patch m, float *z, const float *x, const float *y)
{
    for (int t = 0; t < m.rows; t++, z += m.stride, x += m.stride, y += m.one) EACH(m.cols, ST(z, LD(x) * LD(y)););
}

static void mul_back(patch m, float *dx, float *dy, const float *dz, const float *x, const float *y)
{
    for (int t = 0; t < m.rows; t++, dz += m.stride, x += m.stride, y += m.one) {
        if (dx) {
            EACH(m.cols, ST(dx, madd(LD(dz), LD(y), LD(dx))););
            dx += m.stride;
        }
        if (dy) {
            EACH(m.cols, ST(dy, madd(LD(dz), LD(x), LD(dy))););
            dy += m.one;
        }
    }
}

static void lerp(patch m, float *z, const float *x, const float *y, const float *mu)
{
    for (int t = 0; t < m.rows; t++, z += m.stride, x += m.stride, y += m.stride, mu += m.one)
        EACH(m.cols, vf xv = LD(x); ST(z, madd(LD(y) - xv, LD(mu), xv)););
}

static void lerp_back(patch m, float *dx, float *dy, float *dmu, const float *dz, const float *x, const float *y,
                      const float *mu)
{
    for (int t = 0; t < m.rows; t++, dz += m.stride, x += m.stride, y += m.stride, mu += m.one) {
        if (dx) {
            EACH(m.cols, ST(dx, madd(LD(dz), 1.0f - LD(mu), LD(dx))););
            dx += m.stride;
        }
        if (dy) {
            EACH(m.cols, ST(dy, madd(LD(dz), LD(mu), LD(dy))););
            dy += m.stride;
        }
        if (dmu) {
            EACH(m.cols, ST(dmu, madd(LD(dz), LD(y) - LD(x), LD(dmu))););
            dmu += m.one;
        }
    }
}

static void sum_rows(patch m, float *d, const float *dz)
{
    for (int t = 0; t < m.rows; t++, dz += m.stride, d += m.one) EACH(m.cols, ST(d, LD(d) + LD(dz)););
}

static void mix_back(const mix_args *m, const float *z, const float *before, float *dz, float *dbefore)
{
    EACH(m->C, vf now = {0}; vf then = {0}; vf d = LD(z) - LD(before);
         for (int k = 0; k < m->n; k++) {
             vf dy = LD(m->dy[k]); vf mu = LD(m->mu[k]);
             vf by = m->current ? mu : 1.0f - mu;
             now = madd(dy, by, now);
             then = madd(dy, m->current ? 1.0f - mu : mu, then);
             if (m->dmu[k]) ST(m->dmu[k], madd(dy, m->current ? d : -d, LD(m->dmu[k])));
         }
         ST(dz, LD(dbefore) + now); ST(dbefore, then););
}

/* ---- maps -------------------------------------------------------------------------------------------------------- */

#define DECAY7 0.60653065971263342f /* e^(-1/2) */

INLINE vf map_one(const map_kind kind, vf x)
{
    switch (kind) {
    case MAP_NONE: return x;
    case MAP_NEG: return -x;
    case MAP_EXP: return vexp(x);
    case MAP_NEGEXP: return -vexp(x);
    case MAP_DECAY5: return vexp(-vexp(x));
    case MAP_DECAY7: return vexp(-DECAY7 * vsigmoid(x));
    case MAP_SIGMOID: return vsigmoid(x);
    case MAP_TANH: return vtanh(x);
    case MAP_SILU: return x * vsigmoid(x);
    case MAP_RELU2: return pick(x < all(0), all(0), x * x); /* NaN stays NaN, as in torch */
    case MAPS: break;
    }
    return x;
}

INLINE vf map_slope(const map_kind kind, vf x, vf y)
{
    switch (kind) {
    case MAP_NONE: return all(1);
    case MAP_NEG: return all(-1);
    case MAP_EXP: return y;
    case MAP_NEGEXP: return y;
    case MAP_DECAY5: return pick(y == all(0), all(0), -y * vexp(x)); /* where y underflows, e^x may overflow */
    case MAP_DECAY7: return -y * DECAY7 * vsigmoid(x) * vsigmoid(-x);
    case MAP_SIGMOID: return y * (1.0f - y);
    case MAP_TANH: return 1.0f - y * y;
    case MAP_SILU: return vsigmoid(x) * (1.0f + x * vsigmoid(-x));
    case MAP_RELU2: return pick(x < all(0), all(0), x + x);
    case MAPS: break;
    }
    return x;
}

#define EACH_KIND(M)                                                                                                   \
    M(MAP_NONE) M(MAP_NEG) M(MAP_EXP) M(MAP_NEGEXP) M(MAP_DECAY5)                                                      \
    M(MAP_DECAY7) M(MAP_SIGMOID) M(MAP_TANH) M(MAP_SILU) M(MAP_RELU2)

static void map(map_kind kind, float *y, const float *x, int n)
{
    switch (kind) {
#define CASE(K) case K: EACH(n, ST(y, map_one(K, LD(x)));); break;
    EACH_KIND(CASE)
#undef CASE
    case MAPS: break;
    }
}

static void map_back(map_kind kind, float *dx, const float *dy, const float *x, const float *y, int n)
{
    switch (kind) {
#define CASE(K) case K: EACH(n, ST(dx, madd(LD(dy), map_slope(K, LD(x), LD(y)), LD(dx)));); break;
    EACH_KIND(CASE)
#undef CASE
    case MAPS: break;
    }
}

static void slope(map_kind kind, float *d, const float *y, int n)
{
    switch (kind) {
#define CASE(K)                                                                                                        \
    case K: EACH(n, vf v = LD(y); ST(d, LD(d) * map_slope(K, K == MAP_RELU2 ? root(v) : all(0), v));); break;
    EACH_KIND(CASE)
#undef CASE
    case MAPS: break;
    }
}

/* The epilogue of a matrix product, see device.h. */
INLINE void finish_as(const map_kind kind, patch m, const product *q)
{
    float *y = q->y;
    const float *bias = q->bias, *from = q->from, *to = q->to, *times = q->times, *plus = q->plus;
    for (int t = 0; t < m.rows; t++, y += m.stride) {
        EACH(m.cols, vf v = LD(y); if (bias) v += LD(bias); v = map_one(kind, v);
             if (to) v = madd(LD(to) - LD(from), v, LD(from));
             if (times) v *= LD(times); if (plus) v += LD(plus); ST(y, v););
        if (to) from += m.stride, to += m.stride;
        if (times) times += m.stride;
        if (plus) plus += m.stride;
    }
}

static void finish(patch m, const product *q)
{
    switch (q->map) {
#define CASE(K) case K: finish_as(K, m, q); break;
    EACH_KIND(CASE)
#undef CASE
    case MAPS: break;
    }
}

/* ---- norms ------------------------------------------------------------------------------------------------------- */

/* sums of n values of x, of x y, of (x - mean)^2 */
INLINE float total(const float *x, int n)
{
    lanes16 s = {0};
    EACH_LANE(n, s.part[p] += LD(x););
    return sum(s);
}
INLINE float inner(const float *x, const float *y, int n)
{
    lanes16 s = {0};
    EACH_LANE(n, s.part[p] = madd(LD(x), LD(y), s.part[p]););
    return sum(s);
}

INLINE void moments(const float *x, int n, float eps, float *mean, float *rs)
{
    float m = total(x, n) / (float)n;
    lanes16 s = {0};
    EACH_LANE(n, vf d = LD(x) - m; if (!whole) d = first_lanes(d, left); s.part[p] = madd(d, d, s.part[p]););
    *mean = m;
    *rs = 1.0f / __builtin_sqrtf(sum(s) / (float)n + eps);
}

static void norm(const norm_args *a)
{
    const int C = a->C, n = C / a->groups;
    const float *x = a->x;
    float *y = a->y;
    for (int t = 0; t < a->T; t++)
        for (int g = 0; g < C; g += n, x += n, y += n) {
            float mean, rs;
            const float *wg = a->w + g, *bg = a->b + g;
            moments(x, n, a->eps, &mean, &rs);
            EACH(n, ST(y, madd((LD(x) - mean) * rs, LD(wg), LD(bg))););
        }
}

/* dx may be NULL; `saved` receives mean and rs of each group */
static void norm_back(const norm_args *a, float *saved)
{
    const int C = a->C, n = C / a->groups;
    const float *x = a->x, *dy = a->dy;
    float *dx = a->dx;
    for (int t = 0; t < a->T; t++)
        for (int g = 0; g < C; g += n, x += n, dy += n, saved += 2) {
            float mean, rs;
            const float *wg = a->w + g;
            moments(x, n, a->eps, &mean, &rs);
            saved[0] = mean;
            saved[1] = rs;
            if (!dx) continue;
            lanes16 s = {0}, d = {0};
            EACH_LANE(n, vf e = LD(dy) * LD(wg); s.part[p] += e; d.part[p] = madd(e, (LD(x) - mean) * rs, d.part[p]););
            float by_n = sum(s) / (float)n, along = sum(d) / (float)n;
            EACH(n, vf xn = (LD(x) - mean) * rs; ST(dx, madd(all(rs), LD(dy) * LD(wg) - by_n - xn * along, LD(dx))););
            dx += n;
        }
}

/* columns of one group: dw += dy xn, db += dy over T rows */
static void norm_sums(const norm_args *a, const float *saved, int n)
{
    const int T = a->T, C = a->C, step = 2 * a->groups;
    const float *dy = a->dy, *x = a->x;
    float *dw = a->dw, *db = a->db;
    for (int t = 0; t < T; t++, dy += C, x += C, saved += step) {
        float mean = saved[0], rs = saved[1];
        if (dw) EACH(n, ST(dw, madd(LD(dy), (LD(x) - mean) * rs, LD(dw))););
        if (db) EACH(n, ST(db, LD(db) + LD(dy)););
    }
}

#define UNIT_FLOOR 1e-12f

static void unit(float *y, const float *x, int rows, int N)
{
    for (int h = 0; h < rows; h++, x += N, y += N) {
        float len = __builtin_sqrtf(inner(x, x, N)), by = 1.0f / (len < UNIT_FLOOR ? UNIT_FLOOR : len);
        EACH(N, ST(y, LD(x) * by););
    }
}

static void unit_back(float *dx, const float *dy, const float *x, const float *y, int rows, int N)
{
    for (int h = 0; h < rows; h++, dx += N, dy += N, x += N, y += N) {
        float len = __builtin_sqrtf(inner(x, x, N)), along = inner(y, dy, N);
        if (len < UNIT_FLOOR) along = 0, len = UNIT_FLOOR; /* there it is a plain scaling */
        EACH(N, ST(dx, LD(dx) + (LD(dy) - LD(y) * along) / len););
    }
}

/* ---- bonus: heads [from, to) of T rows --------------------------------------------------------------------------- */

INLINE float inner3(const float *x, const float *y, const float *z, int n)
{
    lanes16 s = {0};
    EACH_LANE(n, s.part[p] = madd(LD(x) * LD(y), LD(z), s.part[p]););
    return sum(s);
}

static void bonus(const bonus_args *a)
{
    const int T = a->T, C = a->C, N = C / a->heads;
    const float *r = a->r, *k = a->k, *u = a->u, *v = a->v;
    float *y = a->y;
    for (int t = 0; t < T; t++)
        for (int h = 0; h < C; h += N, r += N, k += N, v += N, y += N) {
            float s = inner3(r, k, u + h, N);
            EACH(N, ST(y, LD(v) * s););
        }
}

/* one head, T rows, C apart */
static void bonus_back(const bonus_args *a)
{
    const int T = a->T, C = a->C, N = C / a->heads;
    const float *dy = a->dy, *r = a->r, *k = a->k, *u = a->u, *v = a->v;
    float *dr = a->dr, *dk = a->dk, *du = a->du, *dv = a->dv;
    for (int t = 0; t < T; t++, dy += C, r += C, k += C, v += C) {
        float s = inner3(r, k, u, N), ds = inner(dy, v, N);
        if (dv) { EACH(N, ST(dv, madd(LD(dy), all(s), LD(dv)));); dv += C; }
        if (dr) { EACH(N, ST(dr, madd(LD(k) * LD(u), all(ds), LD(dr)));); dr += C; }
        if (dk) { EACH(N, ST(dk, madd(LD(r) * LD(u), all(ds), LD(dk)));); dk += C; }
        if (du) EACH(N, ST(du, madd(LD(r) * LD(k), all(ds), LD(du))););
    }
}

/* ---- softmax ----------------------------------------------------------------------------------------------------- */

static void softmax(float *x, int V, float *max, int *argmax, float *sum_of)
{
    vf top = all(x[0]);
    lanes16 s = {0};
    int best = 0;
    for (int i = 0; i + LANES <= V; i += LANES) top = larger(load(x + i), top);
    float m = x[0];
    for (int l = 0; l < LANES; l++) m = top[l] > m ? top[l] : m;
    for (int i = V / LANES * LANES; i < V; i++) m = x[i] > m ? x[i] : m;
    while (best < V - 1 && x[best] != m) best++;
    EACH_LANE(V, vf e = vexp(LD(x) - m); ST(x, e); if (!whole) e = first_lanes(e, left); s.part[p] += e;);
    float total_e = sum(s), by = 1.0f / total_e;
    EACH(V, ST(x, LD(x) * by););
    *max = m;
    *argmax = best;
    *sum_of = total_e;
}
