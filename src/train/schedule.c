/* schedule.c - cosine or straight decay over tokens, with the official trainer's warm-up (spec ARCHITECTURES 8.3). */
#include "train/schedule.h"
#include <math.h>

double schedule_lr(const schedule *s, int64_t step)
{
    double total = (double)s->exit_tokens - (double)(s->warmup * s->tokens_per_step);
    double p = total > 0 ? (double)((step - s->warmup) * s->tokens_per_step) / total : 1;
    p = p < 0 ? 0 : p > 1 ? 1 : p;
    double left = s->lr_final > 0 && s->lr_init > 0 ? (1 + cos(3.14159265358979323846 * p)) / 2 : 1 - p;
    double lr = s->lr_final + (s->lr_init - s->lr_final) * left;
    return step < s->warmup ? lr * (0.01 + 0.99 * (double)step / (double)s->warmup) : lr;
}
