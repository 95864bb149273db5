/* schedule.h - the learning rate of a step. */
#ifndef WKV_TRAIN_SCHEDULE_H
#define WKV_TRAIN_SCHEDULE_H

#include <stdint.h>

typedef struct {
    double lr_init, lr_final; /* lr_final 0: a straight line                                */
    int64_t warmup;           /* steps                                                      */
    int64_t tokens_per_step;
    int64_t exit_tokens;      /* where lr_final is reached                                  */
} schedule;

/* step counts from 0. Spec ARCHITECTURES 8.3: cosine over tokens, times the warm-up's ramp. */
double schedule_lr(const schedule *s, int64_t step);

#endif
