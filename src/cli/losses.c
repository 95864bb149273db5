/* losses.c - mean losses, and the note at the end of a run. */
#include "losses.h"
#include "say.h"
#include <math.h>
#include <stdio.h>

void losses_add(losses *l, int64_t step, int64_t steps, double loss, double held)
{
    l->step = step;
    l->steps = steps;
    if (isfinite(loss)) l->sum += loss, l->n++;
    if (held >= 0) l->held = held;
}

double losses_mean(losses *l)
{
    l->mean = l->sum / l->n;
    l->mean_n = l->n;
    l->sum = 0;
    l->n = 0;
    return l->mean;
}

void losses_note(losses *l, double seconds, const char *path)
{
    char held[48] = "", time[16];
    if (l->n) losses_mean(l);
    if (!l->mean_n) return; /* resuming a finished run takes no step */
    if (l->held >= 0) snprintf(held, sizeof held, ", held-out loss %.4f", l->held);
    note("%lld of %lld steps in %s: mean loss %.4f (last %d step%s)%s; %s", (long long)l->step, (long long)l->steps,
         as_duration(time, seconds), l->mean, l->mean_n, l->mean_n > 1 ? "s" : "", held, path);
}
