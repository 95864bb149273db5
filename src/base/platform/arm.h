/* arm.h - optional instructions of 64-bit Arm processors. */
#ifndef WKV_BASE_PLATFORM_ARM_H
#define WKV_BASE_PLATFORM_ARM_H

typedef enum {
    ARM_NEON,    /* vectors of 128 bits: FEAT_AdvSIMD     */
    ARM_DOTPROD, /* dot products of bytes: FEAT_DotProd   */
    ARM_I8MM     /* matrix products of bytes: FEAT_I8MM   */
} arm_feature;

/* Whether the processor has them and the system lets programs use them; 0 on other processors. */
int arm_has(arm_feature f);

#endif
