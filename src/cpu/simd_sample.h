/* simd_sample.h - the sampler's passes over logits (part of simd_body.h).
 *
 * No multiply-add is fused and sums have 16 lanes, so every instance gives the same bits, the portable one too. */

/* e^x for x <= 0, relative error 1.5e-7; 0 below e^-87. */
INLINE vf exp_nonpositive(vf x)
{
    const vf shift = all(12582912.0f); /* 1.5 x 2^23: adding it rounds to an integer, in the low bits */
    vi normal = x > all(-87.0f);
    vf y = larger(x, all(-87.0f)), t = y * 1.44269504f + shift, n = t - shift;
    vf f = y - n * 0.693359375f + n * 2.12194440e-4f; /* |f| <= ln 2 / 2 */
    vf f2 = f * f, f4 = f2 * f2; /* terms in pairs, for a short chain of dependent operations */
    vf p01 = f + 1.0f, p23 = f * 1.66666657e-1f + 0.5f, p45 = f * 8.36908100e-3f + 4.16695364e-2f;
    vf p = (p01 + p23 * f2) + (p45 + f2 * 1.37805939e-3f) * f4;
    vf e = p * (vf)(((vu)t << 23) + (127u << 23)); /* the upper bits of t leave at the left */
    return (vf)(normal & (vi)e);
}

INLINE vi in_range(vf x, const logit_range *r, const int hole)
{
    vi in = (x >= all(r->from)) & (x <= all(r->to));
    return hole ? in & ~((x >= all(r->hole_from)) & (x <= all(r->hole_to))) : in;
}

/* Whether a lane of the mask is set. */
INLINE int any_lane(vi mask)
{
    int64_t bits[LANES / 2], any = 0;
    memcpy(bits, &mask, sizeof bits);
    UNROLL for (int i = 0; i < LANES / 2; i++) any |= bits[i];
    return any != 0;
}

static int peaks(float *largest, const float *x, int n)
{
    lanes16 m;
    vi bad = {0};
    UNROLL for (int i = 0; i < PARTS; i++) m.part[i] = load(largest + i * LANES);
    EACH_LANE(n, vf v = LD(x); if (!whole) for (int l = left; l < LANES; l++) v[l] = -__builtin_inff();
              bad |= ~(v <= all(__FLT_MAX__)); m.part[p] = larger(v, m.part[p]););
    UNROLL for (int i = 0; i < PARTS; i++) store(largest + i * LANES, m.part[i]);
    return !any_lane(bad);
}

INLINE float weights_of(float *w, const float *x, int n, const logit_range r, float top, float factor, const int hole)
{
    lanes16 s = {0};
    EACH_LANE(n, vf v = LD(x); vf e = exp_nonpositive((v - top) * factor); e = (vf)((vi)e & in_range(v, &r, hole));
              if (!whole) e = first_lanes(e, left); ST(w, e); s.part[p] += e;);
    return sum(s);
}

static float weights(float *w, const float *x, int n, const logit_range *r, float top, float factor)
{
    if (r->hole_from <= r->hole_to) return weights_of(w, x, n, *r, top, factor, 1);
    return weights_of(w, x, n, *r, top, factor, 0);
}

/* Four vectors without any are skipped at once: few branches, and they are predictable for rare logits and for common
 * ones. */
INLINE int within_of(int32_t *at, const float *x, int n, const logit_range r, const int hole)
{
#ifdef COMPRESS
    static const int32_t first[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
#endif
    int found = 0, i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES) {
        vi used[4];
        UNROLL for (int v = 0; v < 4; v++) used[v] = in_range(load(x + i + v * LANES), &r, hole);
        if (!any_lane((used[0] | used[1]) | (used[2] | used[3]))) continue;
#ifdef COMPRESS
        UNROLL for (int v = 0; v < 4; v++) {
            uint32_t bits = NONZERO((vf)used[v]);
            store(at + found, (vf)COMPRESS(bits, (vi)load(first) + i + v * LANES));
            found += __builtin_popcount(bits);
        }
#else
        for (int v = 0; v < 4; v++)
            UNROLL for (int l = 0; l < LANES; l++) {
                at[found] = i + v * LANES + l;
                found -= used[v][l];
            }
#endif
    }
    for (; i < n; i++) {
        at[found] = i;
        found += x[i] >= r.from && x[i] <= r.to && !(x[i] >= r.hole_from && x[i] <= r.hole_to);
    }
    return found;
}

static int within(int32_t *at, const float *x, int n, const logit_range *r)
{
    if (r->hole_from <= r->hole_to) return within_of(at, x, n, *r, 1);
    return within_of(at, x, n, *r, 0);
}
