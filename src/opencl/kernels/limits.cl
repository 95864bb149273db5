/* limits.cl - the limits of the device: reading a buffer, and multiply-adds in registers. */

/* A work-group reads `each` vectors from `each` times its number on; the sums are written from value `at` on. */
kernel void read_limit(ulong each, global float *x, ulong at)
{
    const ulong first = get_group_id(0) * each;
    float16 sum = 0;
    for (ulong i = get_local_id(0); i < each; i += get_local_size(0)) sum += vload16(first + i, x);
    const float8 half_of = sum.lo + sum.hi;
    const float4 quarter = half_of.lo + half_of.hi;
    x[at + get_global_id(0)] = quarter.x + quarter.y + quarter.z + quarter.w;
}

/* Eight chains of multiply-adds of 16 values, n of each: enough to hide their latency. */
kernel void fma_limit(uint n, float by, float plus, global float *sums)
{
    float16 a = get_global_id(0), b = a + 1, c = a + 2, d = a + 3, e = a + 4, f = a + 5, g = a + 6, h = a + 7;
    const float16 m = by, p = plus;
    for (uint i = 0; i < n; i++) {
        a = fma(a, m, p);
        b = fma(b, m, p);
        c = fma(c, m, p);
        d = fma(d, m, p);
        e = fma(e, m, p);
        f = fma(f, m, p);
        g = fma(g, m, p);
        h = fma(h, m, p);
    }
    a += b + c + d + e + f + g + h;
    const float8 half_of = a.lo + a.hi;
    const float4 quarter = half_of.lo + half_of.hi;
    sums[get_global_id(0)] = quarter.x + quarter.y + quarter.z + quarter.w;
}
