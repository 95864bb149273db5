/* int8_arm.h - settings that the NEON instances share (see int8_body.h). */
#include <arm_neon.h>

#define INT8_ISA "neon"
#define LANES 4
#define TILE_T 4
#define FLIP 0
#define FMA(a, b, c) vfmaq_f32(c, a, b)
#define LOAD_F16(p) vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8((const uint8_t *)(p))))
