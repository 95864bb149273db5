/* few.cl - up to eight products of few rows in one launch, over weights of TYPES, a set that the host defines as bits.
 * The inputs of a product are a matrix, or a mixture of normalised rows (norm_shift_mix of rows.cl), which each
 * work-group then computes for itself: the rows are in the cache, and one launch less is waited for. A work-group has
 * many outputs, which share that work. */

enum { OUTPUTS = 32, SHARES = 8, WIDE = OUTPUTS * SHARES, PRODUCTS = 8, VECTORS = 8 };

/* The part of one stretch of inputs, x being those from `from` on. Zero inputs of an input-major weight are skipped. */
float stretch(int type, global const uchar *w, int layout, ulong in, ulong out, uint o, uint from, local const float *x)
{
    const uint n = min((ulong)STRETCH, in - from);
    float sum = 0;
    if (layout == LAYOUT_INPUT_MAJOR || layout == LAYOUT_SPARSE_BLOCKS) {
        for (uint i = 0; i < n; i++)
            if (x[i] != 0) sum = fma(x[i], weight(type, w, layout, in, out, o, from + i), sum);
        return sum;
    }
    for (uint block = 0; block < n; block += BLOCK) {
        const uint some = min((uint)BLOCK, n - block);
        float value[BLOCK];
        block_of_weights(type, value, w, layout, in, out, o, from + block, some);
        for (uint j = 0; j < some; j++) sum = fma(x[block + j], value[j], sum);
    }
    return sum;
}

/* Its type is one of TYPES, and the same for a work-group. */
#define OF(t)                                                                                                          \
    if ((TYPES >> t & 1) && type == t) return stretch(t, w, layout, in, out, o, from, x)
float stretch_of(int type, global const uchar *w, int layout, ulong in, ulong out, uint o, uint from,
                 local const float *x)
{
    OF(F32);
    OF(F16);
    OF(BF16);
    OF(Q8_0);
    OF(Q4_0);
    OF(Q4_1);
    OF(Q5_0);
    OF(Q5_1);
    return 0;
}

/* A product, as the host has it: the byte of its weight; offsets in values of the buffer of all activations (NONE: left
 * out), and of its vectors; the first work-group of its outputs. */
typedef struct {
    ulong w;
    uint in, out, x, y, from, to, times, plus;
    uint stride, also; /* of the rows of x; a copy of y */
    uint bias, mu, first;
    uint kinds; /* 4 bits each: type, layout, map, buffer of bias, buffer of mu; then PUTS_... */
    float scale;
} product;
#define NONE (~0U)
#define GIVEN(offset) ((offset) == NONE ? 0 : all + (offset))
#define PART(n) ((q.kinds >> (4 * (n))) & 15)
enum {
    PUTS_MIXTURE = 1 << 20, /* its first work-group writes the mixture to x           */
    PUTS_STATE = 1 << 21    /* its first work-group writes the new states of the shift */
};

/* The norm, shift and mixtures before the products. */
typedef struct {
    ulong at;         /* of the states                                          */
    uint x, w, b, C;  /* offsets                                                */
    uint vectors;     /* 4 bits each: the buffers of w and b                    */
    uint slot;        /* where the new states go, span by span                  */
    uint z, previous; /* NONE, or where the normalised rows and those before them go */
    int current;
    float eps;
} mixing;

typedef struct {
    product list[PRODUCTS];
    mixing mix;
    int n;
} products;

#define WORK_GROUP __attribute__((reqd_work_group_size(256, 1, 1))) /* WIDE: so that registers suffice */

/* Work-items of a group: OUTPUTS outputs, SHARES shares of an output's stretches, which are kept in `parts`,
 * [stretch][output of the group]. Dimension 1: rows. */
kernel WORK_GROUP void linear_few(products p, global float *all, global const uchar *w0, global const uchar *w1,
                                  global const uchar *w2, global const uchar *w3, global const uchar *w4,
                                  global const uchar *w5, global const uchar *w6, global const uchar *w7,
                                  global const float *v0, global const float *v1, global const float *v2,
                                  global const float *v3, global const float *v4, global const float *v5,
                                  global const float *v6, global const float *v7, global const long4 *spans,
                                  global const int *of_row, global const float *states, global float *slots,
                                  local float *parts)
{
    local float s[GROUP], tile[SHARES * STRETCH];
    global const uchar *const weights[PRODUCTS] = {w0, w1, w2, w3, w4, w5, w6, w7};
    global const float *const vectors[VECTORS] = {v0, v1, v2, v3, v4, v5, v6, v7};
    const uint me = get_local_id(0), mine = me % OUTPUTS, share = me / OUTPUTS, group = get_group_id(0);
    const ulong t = get_global_id(1);
    int which = 0;
    while (which + 1 < p.n && group >= p.list[which + 1].first) which++;
    const product q = p.list[which];
    const mixing m = p.mix;
    const uint o = (group - q.first) * OUTPUTS + mine, stretches = (q.in + STRETCH - 1) / STRETCH;
    const int mixes = PART(4) < VECTORS, begins = group == q.first;

    /* the row, the row before it or the state, and their moments */
    const int in_span = mixes ? of_row[t] : 0;
    const long4 span = mixes ? spans[in_span] : (long4)(0);
    const int first = t == span.ROW, last = t + 1 == span.ROW + span.LENGTH;
    global const float *now = all + m.x + t * m.C, *before = now - m.C, *state = states + span.STATE + m.at;
    global const float *mu = mixes ? vectors[PART(4)] + q.mu : 0;
    global const float *norm_w = mixes ? vectors[m.vectors & 15] + m.w : 0;
    global const float *norm_b = mixes ? vectors[m.vectors >> 4] + m.b : 0;
    float mean[2] = {0, 0}, rs[2] = {0, 0};
    for (int k = mixes ? first : 2; k < 2; k++) moments(k ? now : before, m.C, m.eps, s, &mean[k], &rs[k]);

    for (uint begin = 0; begin < q.in; begin += SHARES * STRETCH) {
        const uint n = min((uint)(SHARES * STRETCH), q.in - begin);
        barrier(CLK_LOCAL_MEM_FENCE); /* the tile before was read */
        for (uint i = me; i < n; i += WIDE) {
            const uint c = begin + i;
            if (!mixes) {
                tile[i] = all[q.x + t * q.stride + c];
                continue;
            }
            const float z = normal_of(now[c], mean[1], rs[1], norm_w[c], norm_b[c]);
            const float previous = first ? state[c] : normal_of(before[c], mean[0], rs[0], norm_w[c], norm_b[c]);
            tile[i] = mixture_of(z, previous, mu[c], m.current);
            if (begins && (q.kinds & PUTS_MIXTURE)) all[q.x + t * q.in + c] = tile[i];
            if (!begins || !(q.kinds & PUTS_STATE)) continue;
            if (last) slots[m.slot + (ulong)in_span * m.C + c] = z;
            if (m.z == NONE) continue;
            all[m.z + t * m.C + c] = z;
            all[m.previous + t * m.C + c] = previous;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        const uint k = begin / STRETCH + share;
        if (k < stretches && o < q.out)
            parts[k * OUTPUTS + mine] =
                stretch_of(PART(0), weights[which] + q.w, PART(1), q.in, q.out, o, k * STRETCH, tile + share * STRETCH);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    if (share || o >= q.out) return;
    float sum = 0;
    for (uint k = 0; k < stretches; k++) sum += parts[k * OUTPUTS + mine];
    const ulong at = t * q.out + o;
    const float y = finish(sum, at, o, q.scale, PART(2), PART(3) < VECTORS ? vectors[PART(3)] + q.bias : 0,
                           GIVEN(q.from), GIVEN(q.to), GIVEN(q.times), GIVEN(q.plus));
    all[q.y + at] = y;
    if (q.also != NONE) all[q.also + at] = y;
}
