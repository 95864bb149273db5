/* losses.h - the losses that train and tune show: means of some steps, and the line a run ends with. */
#ifndef WKV_CLI_LOSSES_H
#define WKV_CLI_LOSSES_H

#include <stdint.h>

typedef struct {
    double sum, mean;    /* of the losses since the last mean; the last mean                */
    int n, mean_n;       /* steps in them; those that were skipped are left out             */
    double held;         /* the last measurement of held-out text, negative: there was none */
    int64_t step, steps; /* the last one done, all of them                                  */
} losses;

/* A step's loss (NaN: it was skipped) and its measurement (negative: none). */
void losses_add(losses *l, int64_t step, int64_t steps, double loss, double held);

/* The mean since the last call. */
double losses_mean(losses *l);

/* A note: steps, time, losses, and the file with the result. */
void losses_note(losses *l, double seconds, const char *path);

#endif
