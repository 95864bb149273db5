/* schedule.c - the learning rate from lr_init to lr_final (docs/training.md 9). */
#include "train/schedule.h"
#include <math.h>

const char *const lr_names[LR_KINDS] = {"cosine", "linear", "exponential", "constant", "wsd"};

static double clamp(double p) { return p < 0 ? 0 : p > 1 ? 1 : p; }

/* fraction done of the steps after `begin` */
static double gone(const schedule *s, int64_t step, int64_t begin)
{
    double left = s->total_tokens - (double)begin * s->step_tokens;
    return left > 0 ? clamp((double)(step - begin) * s->step_tokens / left) : 1;
}

/* one step ahead of the other schedules, as in the official trainer of v4 */
static double exponential(const schedule *s, int64_t step)
{
    double left = s->total_tokens / s->step_tokens - (double)(s->hold + s->warmup);
    double q = left > 0 ? clamp((double)(step - s->hold - s->warmup + 1) / left) : 1;
    return s->lr_init * pow(s->lr_final / s->lr_init, q);
}

static double falling(const schedule *s, int64_t step)
{
    double fall = s->lr_init - s->lr_final;
    switch (s->kind) {
    case LR_LINEAR: return s->lr_init - fall * gone(s, step, s->warmup);
    case LR_EXPONENTIAL: return exponential(s, step);
    case LR_CONSTANT: return s->lr_init;
    case LR_WSD: /* a decay that would start after the end never starts */
        return step < s->warmup + s->hold ? s->lr_init : s->lr_init - fall * gone(s, step, s->warmup + s->hold);
    default: return s->lr_final + fall * (1 + cos(3.14159265358979323846 * gone(s, step, s->warmup))) / 2;
    }
}

double schedule_lr(const schedule *s, int64_t step)
{
    double from = s->kind == LR_EXPONENTIAL ? 0.2 : 0.01; /* warmup factors of the official trainers */
    double lr = falling(s, step);
    return step < s->warmup ? lr * (from + (1 - from) * (double)step / (double)s->warmup) : lr;
}

int64_t schedule_differs(const schedule *a, const schedule *b, int64_t steps)
{
    for (int64_t step = 0; step < steps; step++)
        if (schedule_lr(a, step) != schedule_lr(b, step)) return step;
    return -1;
}
