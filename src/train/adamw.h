/* adamw.h - AdamW over the blocks of a model (docs/training.md 8). */
#ifndef WKV_TRAIN_ADAMW_H
#define WKV_TRAIN_ADAMW_H

#include "ops/device.h"
#include "train/params.h"

typedef struct {
    float beta1, beta2, eps;
    float weight_decay; /* of the params that decay                    */
    float clip;         /* longest gradient, 0: any                    */
} adamw;

/* One step from p->grads, which is set to zero; of the values whose moments are here. step counts from 1. Returns the
 * gradient's length before the clip; when that is no number, nothing else is changed. */
double adamw_step(const adamw *o, params *p, double lr, int64_t step, device *d);

#endif
