/* linear.cl - matrix products over stored weights of one TYPE, which the host defines; layouts are those of
 * src/format/layout.h.
 *
 * An output is summed in stretches of STRETCH inputs, each a chain of fused multiply-adds in the order of inputs, and
 * the stretches are added in order. Kernels for one row and for many rows do the same, so their bits are equal. */

enum { LAYOUT_ROW_MAJOR, LAYOUT_INPUT_MAJOR, LAYOUT_SPARSE_BLOCKS, LAYOUT_INTERLEAVED };
enum { F32, F16, BF16, F64, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1 };
enum { STRETCH = 256, BLOCK = 32, ROWS = 16 };

/* ---- one weight -------------------------------------------------------------------------------------------------- */

float half_at(global const uchar *p) { return vload_half(0, (global const half *)p); }

#define HAS_MINIMUM (TYPE == Q4_1 || TYPE == Q5_1)
#define HAS_FIFTH (TYPE == Q5_0 || TYPE == Q5_1)
#define BYTES (TYPE == Q8_0 ? 34 : TYPE == Q4_0 ? 18 : TYPE == Q4_1 ? 20 : TYPE == Q5_0 ? 22 : 24) /* of a block */

float value_of(int code, float scale, float minimum)
{
    const int number = TYPE == Q8_0 ? (char)code : code - (TYPE == Q4_0 ? 8 : TYPE == Q5_0 ? 16 : 0);
    const float x = scale * (float)number;
    return HAS_MINIMUM ? x + minimum : x;
}

/* Value i of a block along a row. */
float block_value(global const uchar *block, uint i)
{
    const uint fifth_at = HAS_MINIMUM ? 4 : 2, low_at = fifth_at + (HAS_FIFTH ? 4 : 0);
    int code;
    if (TYPE == Q8_0)
        code = block[2 + i];
    else {
        code = i < 16 ? block[low_at + i] & 15 : block[low_at + i - 16] >> 4;
        if (HAS_FIFTH) code |= (block[fifth_at + i / 8] >> i % 8 & 1) << 4;
    }
    return value_of(code, half_at(block), HAS_MINIMUM ? half_at(block + 2) : 0);
}

float sparse_value(global const uchar *w, ulong out, uint o, uint i)
{
    const ulong codes = TYPE == Q8_0 ? out : HAS_FIFTH ? out / 2 + out / 8 : out / 2; /* bytes of an input */
    global const uchar *group = w + i / BLOCK * (out * BYTES), *row = group + i % BLOCK * codes;
    global const uchar *scale = group + BLOCK * codes + 2 * o;
    const uint p = o % BLOCK;
    int code;
    if (TYPE == Q8_0)
        code = row[o];
    else {
        const uchar low = row[o / BLOCK * 16 + p % 16];
        code = p < 16 ? low & 15 : low >> 4;
        if (HAS_FIFTH) code |= (row[out / 2 + o / 8] >> o % 8 & 1) << 4;
    }
    return value_of(code, half_at(scale), HAS_MINIMUM ? half_at(scale + 2 * out) : 0);
}

float interleaved_value(global const uchar *w, ulong in, uint o, uint i)
{
    global const uchar *tile = w + (o / BLOCK * (in / BLOCK) + i / BLOCK) * (BLOCK * BYTES);
    global const uchar *codes = tile + (HAS_MINIMUM ? 4 * BLOCK : 2 * BLOCK);
    const uint four = i % BLOCK / 4, p = 4 * (o % BLOCK) + i % 4;
    int code;
    if (TYPE == Q8_0)
        code = codes[128 * four + p];
    else {
        const uchar low = codes[64 * four + p % 64];
        code = p < 64 ? low & 15 : low >> 4;
        if (HAS_FIFTH) code |= (codes[64 * 8 + 16 * four + p / 8] >> p % 8 & 1) << 4;
    }
    return value_of(code, half_at(tile + 2 * (o % BLOCK)), HAS_MINIMUM ? half_at(tile + 2 * (BLOCK + o % BLOCK)) : 0);
}

float plain_value(global const uchar *w, ulong at)
{
    if (TYPE == F32) return ((global const float *)w)[at];
    if (TYPE == F16) return vload_half(at, (global const half *)w);
    return as_float((uint)((global const ushort *)w)[at] << 16);
}

/* The weight of input i for output o. */
float weight(global const uchar *w, int layout, ulong in, ulong out, uint o, uint i)
{
    if (layout == LAYOUT_SPARSE_BLOCKS) return sparse_value(w, out, o, i);
    if (layout == LAYOUT_INTERLEAVED) return interleaved_value(w, in, o, i);
    const ulong at = layout == LAYOUT_ROW_MAJOR ? o * in + i : i * out + o;
    return TYPE < Q8_0 ? plain_value(w, at) : block_value(w + at / BLOCK * BYTES, at % BLOCK);
}

/* The weights of n inputs from `first`, a multiple of BLOCK, for output o: the same values, with less work for each. */
void block_of_weights(float *value, global const uchar *w, int layout, ulong in, ulong out, uint o, uint first, uint n)
{
    if (TYPE != Q8_0 || layout == LAYOUT_INPUT_MAJOR || layout == LAYOUT_SPARSE_BLOCKS) {
        for (uint j = 0; j < n; j++) value[j] = weight(w, layout, in, out, o, first + j);
        return;
    }
    const int rows = layout == LAYOUT_ROW_MAJOR;
    global const uchar *block = rows ? w + (o * in + first) / BLOCK * BYTES
                                     : w + (o / BLOCK * (in / BLOCK) + first / BLOCK) * (BLOCK * BYTES);
    const float scale = half_at(rows ? block : block + 2 * (o % BLOCK));
    global const char *code = (global const char *)block + (rows ? 2 : 2 * BLOCK + 4 * (o % BLOCK));
    for (uint j = 0; j < BLOCK; j += 4)
        vstore4(scale * convert_float4(vload4(0, code + j * (rows ? 1 : 32))), 0, value + j);
}

/* ---- y = x W, and its epilogue ----------------------------------------------------------------------------------- */

/* y = f(sum scale + bias) and so on, of value `at` of the outputs' matrices, output o; NULL: left out */
void finish(float sum, ulong at, uint o, float scale, int kind, global const float *bias, global const float *from,
            global const float *to, global const float *times, global const float *plus, global float *y)
{
    float x = sum * scale;
    if (bias) x = x + bias[o];
    x = map_of(kind, x);
    if (to) x = from[at] + (to[at] - from[at]) * x;
    if (times) x = x * times[at];
    if (plus) x = x + plus[at];
    y[at] = x;
}

/* The part of one stretch of inputs. Zero inputs of an input-major weight are skipped. */
float stretch(global const uchar *w, int layout, ulong in, ulong out, uint o, uint from, global const float *x)
{
    const uint to = min((ulong)from + STRETCH, in);
    float sum = 0;
    if (layout == LAYOUT_INPUT_MAJOR || layout == LAYOUT_SPARSE_BLOCKS) {
        for (uint i = from; i < to; i++)
            if (x[i] != 0) sum = fma(x[i], weight(w, layout, in, out, o, i), sum);
        return sum;
    }
    for (uint block = from; block < to; block += BLOCK) {
        const uint n = min((uint)BLOCK, to - block);
        float value[BLOCK];
        block_of_weights(value, w, layout, in, out, o, block, n);
        for (uint j = 0; j < n; j++) sum = fma(x[block + j], value[j], sum);
    }
    return sum;
}

/* A product of few rows: offsets in values of the buffer of all activations (NONE: left out), in bytes of the weight's,
 * and the first work-item of its outputs. The host has the same struct. */
typedef struct {
    ulong w, in, out, x, y, bias, from, to, times, plus;
    uint first;
    int layout, kind;
    float scale;
} product;
#define NONE (~0UL)
#define GIVEN(offset) ((offset) == NONE ? 0 : all + (offset))

/* Few rows of up to four products. Work-items of a group: dimension 0 outputs, dimension 1 shares of an output's
 * stretches, which are kept in `parts`, [stretch][output of the group]. Dimension 2: rows. */
kernel void linear_few(global float *all, global const uchar *w0, global const float *bias0, product q0,
                       global const uchar *w1, global const float *bias1, product q1, global const uchar *w2,
                       global const float *bias2, product q2, global const uchar *w3, global const float *bias3,
                       product q3, local float *parts)
{
    const uint item = get_global_id(0), mine = get_local_id(0), width = get_local_size(0), t = get_global_id(2);
    const int third = item >= q2.first, second = item >= q1.first, fourth = item >= q3.first;
    const product q = fourth ? q3 : third ? q2 : second ? q1 : q0;
    global const uchar *w = (fourth ? w3 : third ? w2 : second ? w1 : w0) + q.w;
    global const float *bias = fourth ? bias3 : third ? bias2 : second ? bias1 : bias0;
    const uint o = item - q.first, stretches = (q.in + STRETCH - 1) / STRETCH;
    for (uint k = get_local_id(1); k < stretches && o < q.out; k += get_local_size(1))
        parts[k * width + mine] = stretch(w, q.layout, q.in, q.out, o, k * STRETCH, all + q.x + t * q.in);
    barrier(CLK_LOCAL_MEM_FENCE);
    if (get_local_id(1) || o >= q.out) return;
    float sum = 0;
    for (uint k = 0; k < stretches; k++) sum += parts[k * width + mine];
    finish(sum, t * q.out + o, o, q.scale, q.kind, q.bias == NONE ? 0 : bias + q.bias, GIVEN(q.from), GIVEN(q.to),
           GIVEN(q.times), GIVEN(q.plus), all + q.y);
}

/* Columns [first, first + n) of ROWS rows of x from row t, turned: [column][row], zeros past the end. */
void load_tile(local float *tile, global const float *x, ulong cols, uint T, uint t, uint first, uint n)
{
    barrier(CLK_LOCAL_MEM_FENCE); /* the tile before was read */
    for (uint i = get_local_id(0); i < BLOCK * ROWS; i += GROUP) {
        const uint j = i % BLOCK, k = i / BLOCK;
        tile[j * ROWS + k] = j < n && t + k < T ? x[(ulong)(t + k) * cols + first + j] : 0;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
}

/* Many rows: a work-item has ROWS rows of an output, a work-group shares the rows of x. */
kernel void linear_rows(uint T, global const uchar *w, ulong w_from, int layout, ulong in, ulong out, REALS(x),
                        float scale, int kind, REALS(bias), REALS(from), REALS(to), REALS(times), REALS(plus), REALS(y))
{
    OPEN(x);
    OPEN(bias);
    OPEN(from);
    OPEN(to);
    OPEN(times);
    OPEN(plus);
    OPEN(y);
    const uint o = get_global_id(0), t = get_global_id(1) * ROWS;
    const int skips = layout == LAYOUT_INPUT_MAJOR || layout == LAYOUT_SPARSE_BLOCKS;
    local float tile[BLOCK * ROWS];
    float value[BLOCK], sums[ROWS];
    float16 sum = 0;
    w += w_from;
    for (uint begin = 0; begin < in; begin += STRETCH) {
        float16 part = 0;
        for (uint block = begin; block < min((ulong)begin + STRETCH, in); block += BLOCK) {
            const uint n = min((ulong)BLOCK, in - block);
            load_tile(tile, x, in, T, t, block, n);
            if (o < out) block_of_weights(value, w, layout, in, out, o, block, n);
            for (uint j = 0; j < n && o < out; j++) {
                const float16 xj = vload16(j, tile), next = fma(xj, (float16)(value[j]), part);
                part = skips ? select(next, part, xj == (float16)(0)) : next;
            }
        }
        sum += part;
    }
    if (o >= out) return;
    vstore16(sum, 0, sums);
    for (uint k = 0; k < ROWS && t + k < T; k++)
        finish(sums[k], (ulong)(t + k) * out + o, o, scale, kind, bias, from, to, times, plus, y);
}

/* ---- gradients --------------------------------------------------------------------------------------------------- */

/* dx (+)= dy W': a work-item has ROWS rows of an input. */
kernel void linear_dx(uint T, global const uchar *w, ulong w_from, int layout, ulong in, ulong out, REALS(dy),
                      float scale, int adds, REALS(dx))
{
    OPEN(dy);
    OPEN(dx);
    const uint i = get_global_id(0), t = get_global_id(1) * ROWS;
    local float tile[BLOCK * ROWS];
    float sums[ROWS];
    float16 sum = 0;
    w += w_from;
    for (uint from = 0; from < out; from += STRETCH) {
        float16 part = 0;
        for (uint block = from; block < min((ulong)from + STRETCH, out); block += BLOCK) {
            const uint n = min((ulong)BLOCK, out - block);
            load_tile(tile, dy, out, T, t, block, n);
            for (uint j = 0; j < n && i < in; j++)
                part = fma(vload16(j, tile), (float16)(weight(w, layout, in, out, block + j, i)), part);
        }
        sum += part;
    }
    if (i >= in) return;
    vstore16(sum, 0, sums);
    for (uint k = 0; k < ROWS && t + k < T; k++) {
        const ulong at = (ulong)(t + k) * in + i;
        dx[at] = sums[k] * scale + (adds ? dx[at] : 0);
    }
}

/* dw[i][j] += the sum over rows of a[t][i] b[t][j]: a work-item has ROWS consecutive i of a j. */
kernel void linear_dw(uint T, uint rows, uint cols, REALS(a), REALS(b), float scale, REALS(dw))
{
    OPEN(a);
    OPEN(b);
    OPEN(dw);
    const uint j = get_global_id(0), i = get_global_id(1) * ROWS, mine = min((uint)ROWS, rows - i);
    if (j >= cols) return;
    float sums[ROWS], few[ROWS];
    float16 sum = 0;
    for (uint k = 0; k < ROWS; k++) few[k] = 0;
    for (uint t = 0; t < T; t++) {
        global const float *at = a + (ulong)t * rows + i;
        for (uint k = 0; k < mine && mine < ROWS; k++) few[k] = at[k];
        sum = fma(mine < ROWS ? vload16(0, few) : vload16(0, at), (float16)(b[(ulong)t * cols + j]), sum);
    }
    vstore16(sum, 0, sums);
    for (uint k = 0; k < mine; k++) dw[(ulong)(i + k) * cols + j] += sums[k] * scale;
}
