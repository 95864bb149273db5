/* schedule.h - learning rate schedules. */
#ifndef WKV_TRAIN_SCHEDULE_H
#define WKV_TRAIN_SCHEDULE_H

#include <stdint.h>

typedef enum { LR_COSINE, LR_LINEAR, LR_EXPONENTIAL, LR_CONSTANT, LR_WSD, LR_KINDS } lr_kind;

extern const char *const lr_names[LR_KINDS]; /* "cosine", "linear", "exponential", "constant", "wsd" */

typedef struct {
    lr_kind kind;
    double lr_init, lr_final;
    int64_t warmup;      /* steps                                                         */
    int64_t hold;        /* exponential, wsd: steps at lr_init before the decay            */
    double step_tokens;  /* tokens per step                                               */
    double total_tokens; /* lr_final is reached after so many tokens                      */
} schedule;

/* Learning rate of a step, from 0 (docs/training.md 9). */
double schedule_lr(const schedule *s, int64_t step);

/* First of so many steps with different learning rates in the two schedules; -1: none. */
int64_t schedule_differs(const schedule *a, const schedule *b, int64_t steps);

#endif
