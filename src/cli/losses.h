/* losses.h - the losses that train and tune print: means over steps, and the note at the end of a run. */
#ifndef WKV_CLI_LOSSES_H
#define WKV_CLI_LOSSES_H

#include <stdint.h>

typedef struct {
    double sum, mean;    /* sum of the losses since the last mean; the last mean */
    int n, mean_n;       /* number of steps in each, skipped steps excluded      */
    double held;         /* last held-out loss; negative: none                   */
    int64_t step, steps; /* last step done; total                                */
} losses;

/* Add the loss of a step (NaN: skipped) and its held-out loss (negative: none). */
void losses_add(losses *l, int64_t step, int64_t steps, double loss, double held);

/* Mean loss since the last call. */
double losses_mean(losses *l);

/* Print steps, time, losses, and the file with the result. */
void losses_note(losses *l, double seconds, const char *path);

#endif
