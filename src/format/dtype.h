/* dtype.h - data types of files and weights. Block layouts: docs/formats.md 4.2. */
#ifndef WKV_FORMAT_DTYPE_H
#define WKV_FORMAT_DTYPE_H

#include <stddef.h>
#include <stdint.h>

typedef enum {
    F32, F16, BF16, F64,                          /* one value each                     */
    Q8_0, Q4_0, Q4_1, Q5_0, Q5_1,                 /* blocks of 32 values along a row    */
    Q4_K, Q5_K, Q6_K,                             /* blocks of 256 values along a row   */
    Q2_K, Q3_K, IQ4_XS, IQ4_NL, MXFP4,            /* the same; the last two: of 32      */
    U8, I8, I16, U16, I32, I64, BOOL,             /* readable as tensors, never weights */
    DTYPES
} dtype;

typedef struct {
    const char *name; /* "f32", "q4_K"     */
    int values;       /* values in a block */
    int bytes;        /* bytes of a block  */
} dtype_info;

extern const dtype_info dtypes[DTYPES];

static inline int dtype_is_weight(dtype t) { return t <= MXFP4; }
static inline int dtype_is_blocks(dtype t) { return t >= Q8_0 && t <= MXFP4; }
static inline int64_t dtype_bytes(dtype t, int64_t values) { return values / dtypes[t].values * dtypes[t].bytes; }

/* Decode n values (a multiple of the block) that start at `src` into f32. src may have any alignment. */
void dtype_decode(dtype t, const void *src, float *dst, int64_t n);

/* Encode n values from f32 (a multiple of the block) as F32, F16, BF16 or in blocks of 32. Returns -1, or the index of
 * a value that the type cannot represent: a finite one beyond its range; in blocks also one that is NaN or infinite. */
int64_t dtype_encode(dtype t, const float *src, void *dst, int64_t n);

static inline float bf16_to_f32(uint16_t h) { union { uint32_t u; float f; } v = {(uint32_t)h << 16}; return v.f; }
uint16_t f32_to_bf16(float x); /* round to nearest even, NaN stays quiet */
float f16_to_f32(uint16_t h);
uint16_t f32_to_f16(float x);

#endif
