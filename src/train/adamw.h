/* adamw.h - AdamW over the blocks of a model (docs/training.md 8). */
#ifndef WKV_TRAIN_ADAMW_H
#define WKV_TRAIN_ADAMW_H

#include "ops/device.h"
#include "train/params.h"

typedef struct {
    float beta1, beta2, eps;
    float weight_decay; /* of the params with decay                    */
    float clip;         /* maximum gradient norm; 0: no clipping       */
} adamw;

/* One step from p->grads, which it clears, for the values with moments in this process. step counts from 1. Returns
 * the gradient norm before clipping; if that is NaN or infinite, values and moments stay unchanged. */
double adamw_step(const adamw *o, params *p, double lr, int64_t step, device *d);

#endif
