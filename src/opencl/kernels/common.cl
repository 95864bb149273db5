/* common.cl - begins every program: arguments, spans, sums within a work-group, functions of one value.
 *
 * Sums have one order, which depends neither on the number of rows nor on their grouping; products that are added are
 * fused where the source says so (fma), and nowhere else. */
#pragma OPENCL FP_CONTRACT OFF

/* A matrix is a buffer and an offset in values; a matrix that is not given is a NULL buffer. */
#define REALS(x) global float *x##_buffer, ulong x##_from
#define OPEN(x) global float *x = x##_buffer ? x##_buffer + x##_from : 0

/* A span: first row, length, offsets of its state and of the state's gradient (-1: none) in their buffers. */
#define ROW s0
#define LENGTH s1
#define STATE s2
#define DSTATE s3

enum { GROUP = 64 }; /* work-items of a work-group that adds up a row */

/* The sum over the work-group, in a fixed tree whose first step adds the values of `half_of` work-items to those of as
 * many others; 0: no sum. `s` has GROUP values. Every work-item calls it. */
float group_tree(int half_of, float x, local float *s)
{
    const int me = get_local_id(0);
    if (me < GROUP) s[me] = x; /* a work-group may be larger */
    barrier(CLK_LOCAL_MEM_FENCE);
    for (; half_of; half_of /= 2) {
        if (me < half_of) s[me] += s[me + half_of];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    const float sum = s[0];
    barrier(CLK_LOCAL_MEM_FENCE);
    return sum;
}

float group_sum(float x, local float *s) { return group_tree(GROUP / 2, x, s); }

/* e^x, tanh: the polynomials of src/cpu/simd_math.h, so that all kernels round alike. */
float e_to(float x)
{
    const float shift = 12582912.0f; /* 1.5 x 2^23: adding it rounds to an integer, in the low bits */
    x = x > 89.0f ? 89.0f : x;
    x = x < -104.0f ? -104.0f : x;
    const float t = fma(x, 1.44269504089f, shift);
    const int n = as_int(t) - as_int(shift);
    const float f = t - shift;
    float r = fma(f, -0.693359375f, x);
    r = fma(f, 2.12194440e-4f, r);
    float p = 1.9875691500e-4f;
    p = fma(p, r, 1.3981999507e-3f);
    p = fma(p, r, 8.3334519073e-3f);
    p = fma(p, r, 4.1665795894e-2f);
    p = fma(p, r, 1.6666665459e-1f);
    p = fma(p, r, 5.0000001201e-1f);
    p = fma(p * r, r, r) + 1.0f;
    const int part = n >> 1;
    return p * as_float((part + 127) << 23) * as_float((n - part + 127) << 23);
}

float sigmoid(float x) { return 1.0f / (1.0f + e_to(-x)); }

float tanh_of(float x)
{
    const float size = fabs(x), z = x * x, far = 1.0f - 2.0f / (e_to(size + size) + 1.0f);
    float p = -5.70498872745e-3f;
    p = fma(p, z, 2.06390887954e-2f);
    p = fma(p, z, -5.37397155531e-2f);
    p = fma(p, z, 1.33314422036e-1f);
    p = fma(p, z, -3.33332819422e-1f);
    p = fma(p * z, x, x);
    return size < 0.625f ? p : copysign(far, x);
}

/* map_kind of ops.h, in its order */
enum { MAP_NONE, MAP_NEG, MAP_EXP, MAP_NEGEXP, MAP_DECAY5, MAP_DECAY7, MAP_SIGMOID, MAP_TANH, MAP_SILU, MAP_RELU2 };

#define DECAY7 0.60653065971263342f /* e^(-1/2) */

float map_of(int kind, float x)
{
    switch (kind) {
    case MAP_NEG: return -x;
    case MAP_EXP: return e_to(x);
    case MAP_NEGEXP: return -e_to(x);
    case MAP_DECAY5: return e_to(-e_to(x));
    case MAP_DECAY7: return e_to(-DECAY7 * sigmoid(x));
    case MAP_SIGMOID: return sigmoid(x);
    case MAP_TANH: return tanh_of(x);
    case MAP_SILU: return x * sigmoid(x);
    case MAP_RELU2: return x < 0 ? 0 : x * x; /* NaN stays NaN */
    }
    return x;
}

/* dy/dx, given x and y */
float slope_of(int kind, float x, float y)
{
    switch (kind) {
    case MAP_NEG: return -1;
    case MAP_EXP: return y;
    case MAP_NEGEXP: return y;
    case MAP_DECAY5: return y == 0 ? 0 : -y * e_to(x); /* where y has underflowed, e^x may have overflowed */
    case MAP_DECAY7: return -y * DECAY7 * sigmoid(x) * sigmoid(-x);
    case MAP_SIGMOID: return y * (1 - y);
    case MAP_TANH: return 1 - y * y;
    case MAP_SILU: return sigmoid(x) * (1 + x * sigmoid(-x));
    case MAP_RELU2: return x < 0 ? 0 : 2 * x;
    }
    return 1;
}
