/* weights.cl - the values of stored weights, and the epilogue of a product. The type is a constant wherever these
 * functions are called, so that a kernel has the code of its types alone; layouts are those of src/format/layout.h.
 *
 * An output is summed in stretches of STRETCH inputs, each a chain of fused multiply-adds in the order of inputs, and
 * the stretches are added in order. Kernels for few rows and for many rows do the same, so their bits are equal. */

enum { LAYOUT_ROW_MAJOR, LAYOUT_INPUT_MAJOR, LAYOUT_SPARSE_BLOCKS, LAYOUT_INTERLEAVED };
enum { F32, F16, BF16, F64, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1 };
enum { STRETCH = 256, BLOCK = 32, ROWS = 16 };

/* ---- one weight -------------------------------------------------------------------------------------------------- */

float half_at(global const uchar *p) { return vload_half(0, (global const half *)p); }

#define HAS_MINIMUM(type) ((type) == Q4_1 || (type) == Q5_1)
#define HAS_FIFTH(type) ((type) == Q5_0 || (type) == Q5_1)
#define BYTES(type) /* of a block */                                                                                   \
    ((type) == Q8_0 ? 34 : (type) == Q4_0 ? 18 : (type) == Q4_1 ? 20 : (type) == Q5_0 ? 22 : 24)

float value_of(int type, int code, float scale, float minimum)
{
    const int number = type == Q8_0 ? (char)code : code - (type == Q4_0 ? 8 : type == Q5_0 ? 16 : 0);
    const float x = scale * (float)number;
    return HAS_MINIMUM(type) ? x + minimum : x;
}

/* Value i of a block along a row. */
float block_value(int type, global const uchar *block, uint i)
{
    const uint fifth_at = HAS_MINIMUM(type) ? 4 : 2, low_at = fifth_at + (HAS_FIFTH(type) ? 4 : 0);
    int code;
    if (type == Q8_0)
        code = block[2 + i];
    else {
        code = i < 16 ? block[low_at + i] & 15 : block[low_at + i - 16] >> 4;
        if (HAS_FIFTH(type)) code |= (block[fifth_at + i / 8] >> i % 8 & 1) << 4;
    }
    return value_of(type, code, half_at(block), HAS_MINIMUM(type) ? half_at(block + 2) : 0);
}

float sparse_value(int type, global const uchar *w, ulong out, uint o, uint i)
{
    const ulong codes = type == Q8_0 ? out : HAS_FIFTH(type) ? out / 2 + out / 8 : out / 2; /* bytes of an input */
    global const uchar *group = w + i / BLOCK * (out * BYTES(type)), *row = group + i % BLOCK * codes;
    global const uchar *scale = group + BLOCK * codes + 2 * o;
    const uint p = o % BLOCK;
    int code;
    if (type == Q8_0)
        code = row[o];
    else {
        const uchar low = row[o / BLOCK * 16 + p % 16];
        code = p < 16 ? low & 15 : low >> 4;
        if (HAS_FIFTH(type)) code |= (row[out / 2 + o / 8] >> o % 8 & 1) << 4;
    }
    return value_of(type, code, half_at(scale), HAS_MINIMUM(type) ? half_at(scale + 2 * out) : 0);
}

float interleaved_value(int type, global const uchar *w, ulong in, uint o, uint i)
{
    global const uchar *tile = w + (o / BLOCK * (in / BLOCK) + i / BLOCK) * (BLOCK * BYTES(type));
    global const uchar *codes = tile + (HAS_MINIMUM(type) ? 4 * BLOCK : 2 * BLOCK);
    const uint four = i % BLOCK / 4, p = 4 * (o % BLOCK) + i % 4;
    int code;
    if (type == Q8_0)
        code = codes[128 * four + p];
    else {
        const uchar low = codes[64 * four + p % 64];
        code = p < 64 ? low & 15 : low >> 4;
        if (HAS_FIFTH(type)) code |= (codes[64 * 8 + 16 * four + p / 8] >> p % 8 & 1) << 4;
    }
    return value_of(type, code, half_at(tile + 2 * (o % BLOCK)),
                    HAS_MINIMUM(type) ? half_at(tile + 2 * (BLOCK + o % BLOCK)) : 0);
}

float plain_value(int type, global const uchar *w, ulong at)
{
    if (type == F32) return ((global const float *)w)[at];
    if (type == F16) return vload_half(at, (global const half *)w);
    return as_float((uint)((global const ushort *)w)[at] << 16);
}

/* The weight of input i for output o. */
float weight(int type, global const uchar *w, int layout, ulong in, ulong out, uint o, uint i)
{
    if (layout == LAYOUT_SPARSE_BLOCKS) return sparse_value(type, w, out, o, i);
    if (layout == LAYOUT_INTERLEAVED) return interleaved_value(type, w, in, o, i);
    const ulong at = layout == LAYOUT_ROW_MAJOR ? o * in + i : i * out + o;
    return type < Q8_0 ? plain_value(type, w, at) : block_value(type, w + at / BLOCK * BYTES(type), at % BLOCK);
}

/* The weights of n inputs from `first`, a multiple of BLOCK, for output o: the same values, with less work for each. */
void block_of_weights(int type, float *value, global const uchar *w, int layout, ulong in, ulong out, uint o,
                      uint first, uint n)
{
    if (type != Q8_0 || layout == LAYOUT_INPUT_MAJOR || layout == LAYOUT_SPARSE_BLOCKS) {
        for (uint j = 0; j < n; j++) value[j] = weight(type, w, layout, in, out, o, first + j);
        return;
    }
    const int rows = layout == LAYOUT_ROW_MAJOR;
    global const uchar *block = rows ? w + (o * in + first) / BLOCK * BYTES(type)
                                     : w + (o / BLOCK * (in / BLOCK) + first / BLOCK) * (BLOCK * BYTES(type));
    const float scale = half_at(rows ? block : block + 2 * (o % BLOCK));
    global const char *code = (global const char *)block + (rows ? 2 : 2 * BLOCK + 4 * (o % BLOCK));
    for (uint j = 0; j < BLOCK; j += 4)
        vstore4(scale * convert_float4(vload4(0, code + j * (rows ? 1 : 32))), 0, value + j);
}

/* ---- y = x W, and its epilogue ----------------------------------------------------------------------------------- */

/* f(sum scale + bias) and so on, of value `at` of the outputs' matrices, output o; NULL: left out */
float finish(float sum, ulong at, uint o, float scale, int kind, global const float *bias, global const float *from,
             global const float *to, global const float *times, global const float *plus)
{
    float x = sum * scale;
    if (bias) x = x + bias[o];
    x = map_of(kind, x);
    if (to) x = from[at] + (to[at] - from[at]) * x;
    if (times) x = x * times[at];
    if (plus) x = x + plus[at];
    return x;
}
