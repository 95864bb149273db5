/* simd_roof.h - the hardware limits (part of simd_body.h): multiply-adds in registers, and reading memory in as many
 * streams as decoding uses. */

static double burn(int64_t n)
{
    vf acc[12];
    vf x = all(1.0001f), y = all(1e-6f);
    UNROLL for (int i = 0; i < 12; i++) acc[i] = all((float)i);
    for (int64_t k = 0; k < n; k++)
        UNROLL for (int i = 0; i < 12; i++) acc[i] = madd(acc[i], x, y);
    float s = 0;
    UNROLL for (int i = 0; i < 12; i++) s += sum_lanes(acc[i]);
    return s == 12345.678f ? 0 : 2.0 * 12 * LANES * (double)n;
}

static float stream(const void *data, size_t bytes)
{
    size_t apart = bytes / STREAMS / 64 * 64;
    const char *p = data;
    vf acc[STREAMS];
    UNROLL for (int s = 0; s < STREAMS; s++) acc[s] = (vf){0};
    for (size_t i = 0; i + 64 <= apart; i += 64)
        UNROLL for (int s = 0; s < STREAMS; s++) {
            const char *at = p + (size_t)s * apart + i;
            __builtin_prefetch(at + AHEAD);
            UNROLL for (int b = 0; b < 64; b += 4 * LANES) acc[s] += load(at + b);
        }
    float total = 0;
    UNROLL for (int s = 0; s < STREAMS; s++) total += sum_lanes(acc[s]);
    return total;
}
