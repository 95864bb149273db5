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

wkv_token_score distribution_score(const distribution *d, int32_t id)
{
    const float *x = d->logits;
    int rank = 0;
    for (int i = 0; i < d->n; i++) rank += x[i] > x[id] || (x[i] == x[id] && i < id);
    return (wkv_token_score){.id = id, .rank = rank, .nll = (float)-log_probability(d, id)};
}

void distribution_top(wkv_token_score *top, int k, const distribution *d)
{
    const float *x = d->logits;
    int n = 0;
    for (int i = 0; i < d->n && k; i++) {
        if (n == k && !(x[i] > x[top[n - 1].id])) continue;
        int at = n < k ? n++ : n - 1;
        for (; at && x[i] > x[top[at - 1].id]; at--) top[at] = top[at - 1];
        top[at].id = i;
    }
    for (int i = 0; i < n; i++) top[i].rank = i, top[i].nll = (float)-log_probability(d, top[i].id);
}

double kl_divergence(const distribution *p, const distribution *q)
{
    double kl = 0, shift = p->log_sum - q->log_sum;
    for (int i = 0; i < p->n; i++)
        kl += exp(log_probability(p, i)) * ((double)p->logits[i] - (double)q->logits[i] - shift);
    return kl < 0 ? 0 : kl; /* it is never below; its rounding may be */
}
