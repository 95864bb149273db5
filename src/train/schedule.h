/* schedule.h - the learning rate of a step. */
#ifndef WKV_TRAIN_SCHEDULE_H
#define WKV_TRAIN_SCHEDULE_H

#include <stdint.h>

typedef enum { LR_COSINE, LR_LINEAR, LR_EXPONENTIAL, LR_CONSTANT, LR_WSD, LR_KINDS } lr_kind;

extern const char *const lr_names[LR_KINDS]; /* "cosine", "linear", "exponential", "constant", "wsd" */

typedef struct {
    lr_kind kind;
    double lr_init, lr_final;
    int64_t warmup;      /* steps                                                         */
    int64_t hold;        /* exponential, wsd: steps at lr_init before it falls            */
    double step_tokens;  /* tokens of a step                                              */
    double total_tokens; /* where lr_final is reached                                     */
} schedule;

/* step counts from 0 (docs/training.md 9). */
double schedule_lr(const schedule *s, int64_t step);

/* The first of so many steps in which the two give other learning rates; -1: none. */
int64_t schedule_differs(const schedule *a, const schedule *b, int64_t steps);

#endif
