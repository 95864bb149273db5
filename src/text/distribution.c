/* distribution.c - softmax of logits, in double. */
#include "text/distribution.h"
#include <math.h>

distribution distribution_of(const float *logits, int n)
{
    distribution d = {.logits = logits, .n = n, .max = logits[0]};
    for (int i = 1; i < n; i++)
        if (logits[i] > d.max) d.max = logits[d.argmax = i];
    double sum = 0;
    for (int i = 0; i < n; i++) sum += (double)expf(logits[i] - d.max);
    d.log_sum = (double)d.max + log(sum);
    return d;
}

double entropy_of(const distribution *d)
{
    double mean = 0; /* of the logits less log_sum */
    for (int i = 0; i < d->n; i++) {
        const double x = log_probability(d, i);
        mean += exp(x) * x;
    }
    return mean < 0 ? -mean : 0;
}

double kl_divergence(const distribution *p, const distribution *q)
{
    double kl = 0, shift = p->log_sum - q->log_sum;
    for (int i = 0; i < p->n; i++)
        kl += exp(log_probability(p, i)) * ((double)p->logits[i] - (double)q->logits[i] - shift);
    return kl < 0 ? 0 : kl; /* it is never below; its rounding may be */
}
