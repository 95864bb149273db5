/* int8_pairs.h - panels multiplied by an instruction that takes two tokens and two outputs, eight values of each (part
 * of int8_body.h, for instances that set DOT_PAIRS).
 *
 * A panel is filled as int8_panels.h says and then rearranged in place, 64 bytes at a time:
 *
 *     o0 k0-3 | o1 k0-3 | o2 k0-3 | o3 k0-3        o0 k0-3, k4-7 | o1 k0-3, k4-7
 *     o4 k0-3 | o5 k0-3 | o6 k0-3 | o7 k0-3   ->   o2 k0-3, k4-7 | o3 k0-3, k4-7
 *     o0 k4-7 | o1 k4-7 | o2 k4-7 | o3 k4-7        o4 k0-3, k4-7 | o5 k0-3, k4-7
 *     o4 k4-7 | o5 k4-7 | o6 k4-7 | o7 k4-7        o6 k0-3, k4-7 | o7 k0-3, k4-7 */
#if LANES != 4
#error "pairs are of vectors of 16 bytes"
#endif

enum { PAIRS_V = 2 * TILE_V }; /* vectors of two outputs of a panel */

INLINE void pair_codes(panel p, int blocks)
{
    for (int k = 0; k < 4 * blocks; k++) {
        uint8_t *at = p.code + (size_t)k * 8 * OUTS;
        vi four[PAIRS_V];
        UNROLL for (int v = 0; v < PAIRS_V; v++) four[v] = (vi)load_bytes(at + 16 * v);
        UNROLL for (int v = 0; v < TILE_V; v++) {
            vi a = four[v], b = four[TILE_V + v];
            vi low = PICK(a, b, 0, 4, 1, 5), high = PICK(a, b, 2, 6, 3, 7);
            memcpy(at + 32 * v, &low, sizeof low);
            memcpy(at + 32 * v + 16, &high, sizeof high);
        }
    }
}

INLINE int32_t sum_of(const coding c, const x256 *x, int b)
{
    const int half = b % 2;
    if (!c.halves) return x->sum[b];
    return half ? x->sum[b / 2] - x->first[b / 2] : x->first[b / 2];
}

/* mn tokens of a, which are in pairs; the last of an odd number is its own partner. */
INLINE void tile_of_pairs(const int mn, const coding c, const tile_args a)
{
    const int halves = c.halves ? 2 : 1, pairs = (mn + 1) / 2;
    const panel p = a.p;
    const x256 *x = a.x;
    vf y[TILE_T][TILE_V];
    UNROLL for (int t = 0; t < mn; t++)
        UNROLL for (int v = 0; v < TILE_V; v++) y[t][v] = load(a.y + (size_t)t * a.y_stride + v * LANES);
    for (int b = 0; b < halves * a.blocks; b++) {
        const int block = b / halves, k = 32 / halves * b;
        vi acc[TILE_T / 2][PAIRS_V];
        UNROLL for (int i = 0; i < pairs; i++) {
            const x256 *one = x + 2 * i, *two = 2 * i + 1 < mn ? one + 1 : one;
            int32_t m = c.minimum ? 0 : -c.zero * sum_of(c, one, b), n = c.minimum ? 0 : -c.zero * sum_of(c, two, b);
            UNROLL for (int v = 0; v < PAIRS_V; v++) acc[i][v] = (vi){m, m, n, n};
        }
        UNROLL for (int e = 0; e < 4 / halves; e++) {
            vb w[PAIRS_V];
            UNROLL for (int v = 0; v < PAIRS_V; v++) w[v] = load_bytes(p.code + (k + 8 * e) * OUTS + 16 * v);
            UNROLL for (int i = 0; i < pairs; i++) {
                const x256 *one = x + 2 * i, *two = 2 * i + 1 < mn ? one + 1 : one;
                vb both = JOIN8(one->q + k + 8 * e, two->q + k + 8 * e);
                UNROLL for (int v = 0; v < PAIRS_V; v++) acc[i][v] = DOT_PAIRS(acc[i][v], both, w[v]);
            }
        }
        vf d[TILE_V], m[TILE_V];
        UNROLL for (int v = 0; v < TILE_V; v++) {
            d[v] = load(p.d + b * OUTS + v * LANES);
            if (c.minimum) m[v] = load(p.m + b * OUTS + v * LANES);
        }
        UNROLL for (int t = 0; t < mn; t++)
            UNROLL for (int v = 0; v < TILE_V; v++) {
                vi e = acc[t / 2][2 * v], f = acc[t / 2][2 * v + 1];
                vi sum = t % 2 ? PICK(e, f, 2, 3, 6, 7) : PICK(e, f, 0, 1, 4, 5);
                y[t][v] = madd(to_float(sum), d[v] * x[t].d[block], y[t][v]);
                if (c.minimum) y[t][v] = madd(m[v], all(x[t].dsum[block]), y[t][v]);
            }
    }
    UNROLL for (int t = 0; t < mn; t++)
        UNROLL for (int v = 0; v < TILE_V; v++) store(a.y + (size_t)t * a.y_stride + v * LANES, y[t][v]);
}

INLINE void tokens_in_pairs(const coding c, tile_args a)
{
    for (; a.T >= TILE_T; a.T -= TILE_T, a.y += TILE_T * a.y_stride, a.x += TILE_T) tile_of_pairs(TILE_T, c, a);
    if (a.T == 3) tile_of_pairs(3, c, a);
    else if (a.T == 2) tile_of_pairs(2, c, a);
    else if (a.T == 1) tile_of_pairs(1, c, a);
}
