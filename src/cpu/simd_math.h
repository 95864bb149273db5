/* simd_math.h - functions of a vector (part of simd_body.h). */

INLINE vf pick(vi mask, vf yes, vf no) { return (vf)((mask & (vi)yes) | (~mask & (vi)no)); }
#ifdef LARGER
INLINE vf larger(vf x, vf y) { return (vf)LARGER(x, y); }
#else
INLINE vf larger(vf x, vf y) { return pick(x > y, x, y); }
#endif

#ifdef ROOT
INLINE vf root(vf x) { return (vf)ROOT(x); }
#else
INLINE vf root(vf x)
{
    UNROLL for (int i = 0; i < LANES; i++) x[i] = __builtin_sqrtf(x[i]);
    return x;
}
#endif

/* e^x within an ulp or two: x = n ln 2 + r with |r| <= ln 2 / 2, a polynomial in r, and two factors for 2^n, so that
 * results may be subnormal or infinite. e^0 is 1; NaN stays NaN. */
INLINE vf vexp(vf x)
{
    const vf shift = all(12582912.0f); /* 1.5 x 2^23: adding it rounds to an integer, in the low bits */
    x = pick(x > all(89.0f), all(89.0f), x);
    x = pick(x < all(-104.0f), all(-104.0f), x);
    vf t = madd(x, all(1.44269504089f), shift);
    vi n = (vi)t - (vi)shift;
    vf f = t - shift;
    vf r = madd(f, all(-0.693359375f), x);
    r = madd(f, all(2.12194440e-4f), r);
    vf p = all(1.9875691500e-4f);
    p = madd(p, r, all(1.3981999507e-3f));
    p = madd(p, r, all(8.3334519073e-3f));
    p = madd(p, r, all(4.1665795894e-2f));
    p = madd(p, r, all(1.6666665459e-1f));
    p = madd(p, r, all(5.0000001201e-1f));
    p = madd(p * r, r, r) + 1.0f;
    vi half = n >> 1;
    return p * (vf)((half + 127) << 23) * (vf)((n - half + 127) << 23);
}

INLINE vf vsigmoid(vf x) { return 1.0f / (1.0f + vexp(-x)); }

INLINE vf vtanh(vf x)
{
    vi sign = (vi)x & (vi)all(-0.0f);
    vf size = (vf)((vi)x & ~(vi)all(-0.0f)), z = x * x;
    vf far = 1.0f - 2.0f / (vexp(size + size) + 1.0f);
    vf p = all(-5.70498872745e-3f);
    p = madd(p, z, all(2.06390887954e-2f));
    p = madd(p, z, all(-5.37397155531e-2f));
    p = madd(p, z, all(1.33314422036e-1f));
    p = madd(p, z, all(-3.33332819422e-1f));
    p = madd(p * z, x, x);
    return pick(size < all(0.625f), p, (vf)((vi)far | sign));
}
