/* preference.c - preference losses on pairs of a chosen and a rejected answer.
 *
 * The losses are functions of the log-likelihoods of whole answers, so a pair is run twice: first for its
 * log-likelihoods, then for the gradient of their sum, weighted by the derivatives of the loss. Chunks, dropout and
 * processes work as for other samples. The log-likelihood of an answer under the reference model is constant and is
 * computed when the answer is first used. */
#include "train/trainer.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

int preference_named(objective *out, const char *name)
{
    static const char *const names[] = {[CROSS_ENTROPY] = "cross-entropy", [DPO] = "dpo", [ORPO] = "orpo"};
    for (*out = CROSS_ENTROPY; *out <= ORPO; ++*out)
        if (!name || !strcmp(name, names[*out])) return 0;
    return fail(WKV_EARG, "loss \"%s\": expected cross-entropy, dpo or orpo", name);
}

/* ---- one pair ---------------------------------------------------------------------------------------------------- */

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double softplus(double x) { return fmax(x, 0) + log1p(exp(-fabs(x))); }

/* Rafailov et al. 2023 (arXiv 2305.18290), equation 7: -log sigmoid(beta ((chosen - chosen_before) - (rejected -
 * rejected_before))). */
static pair_loss dpo(double beta, const pair_likelihood *p)
{
    double margin = beta * ((p->chosen - p->chosen_before) - (p->rejected - p->rejected_before));
    double slope = -beta * sigmoid(-margin);
    return (pair_loss){softplus(-margin), margin, slope, -slope};
}

/* Hong et al. 2024 (arXiv 2403.07691), equations 6 and 7: the mean cross entropy of the chosen answer's tokens
 * - lambda log sigmoid(log odds of the chosen one - log odds of the rejected one), where odds = P / (1 - P), and P is
 * the geometric mean of the tokens' probabilities. */
static pair_loss orpo(double lambda, const pair_likelihood *p)
{
    double n = p->chosen_n, m = p->rejected_n, chosen = p->chosen / n, rejected = p->rejected / m;
    double chosen_rest = -expm1(chosen), rejected_rest = -expm1(rejected); /* 1 - P */
    double margin = (chosen - log(chosen_rest)) - (rejected - log(rejected_rest)), slope = -lambda * sigmoid(-margin);
    return (pair_loss){-chosen + lambda * softplus(-margin), margin, (-1 + slope / chosen_rest) / n,
                       -slope / rejected_rest / m};
}

pair_loss preference_loss(objective kind, double beta, const pair_likelihood *p)
{
    return kind == DPO ? dpo(beta, p) : orpo(beta, p);
}

/* ---- the pairs of a step ----------------------------------------------------------------------------------------- */

/* Cross entropies of the samples under the reference, computed on first use. */
static int read_references(wkv_trainer *t, const sample *s, int n)
{
    sample *unknown = malloc((size_t)n * sizeof *unknown);
    double *sums = malloc((size_t)n * sizeof *sums);
    int count = 0, err = unknown && sums ? 0 : fail(WKV_ENOMEM, "no memory for %d samples", n);
    for (int i = 0; i < n && !err; i++)
        if (isnan(*s[i].reference)) unknown[count++] = s[i];
    reading q = {.m = &t->reference->rwkv, .s = unknown, .n = count, .sums = sums};
    if (!err && count) err = trainer_read(t, &q);
    for (int i = 0; i < count && !err; i++) *unknown[i].reference = sums[i];
    free(unknown);
    free(sums);
    return err;
}

/* Loss, mean margin and preferred share of all pairs; `pairs`: their number over all processes. Replaces the cross
 * entropies in nll by the derivatives of the loss. */
static double sum_pairs(wkv_trainer *t, const sample *s, int n, double pairs, double *nll)
{
    double sums[3] = {0};
    for (int i = 0; i < n; i += 2) {
        pair_likelihood p = {.chosen = -nll[i],
                             .rejected = -nll[i + 1],
                             .chosen_n = (int)samples_counted(&s[i], 1),
                             .rejected_n = (int)samples_counted(&s[i + 1], 1)};
        if (t->reference) p.chosen_before = -*s[i].reference, p.rejected_before = -*s[i + 1].reference;
        pair_loss l = preference_loss(t->objective, t->beta, &p);
        sums[0] += l.loss / pairs;
        sums[1] += l.margin / pairs;
        sums[2] += (l.margin > 0) / pairs;
        nll[i] = -l.d_chosen / pairs;
        nll[i + 1] = -l.d_rejected / pairs;
    }
    t->margin = sums[1];
    t->preferred = sums[2];
    return sums[0];
}

int preference_gradient(wkv_trainer *t, const sample *s, int n, int learn, double *loss)
{
    double pairs = n / 2, *nll = malloc((size_t)n * sizeof *nll);
    if (learn) communicator_add(t->communicator, &pairs, 1);
    int err = nll ? 0 : fail(WKV_ENOMEM, "no memory for %d samples", n);
    reading first = {t->m, s, n, learn, .sums = nll};
    reading second = {t->m, s, n, learn, .scales = nll, .adds_up = learn && t->communicator && !t->base};
    if (!err && t->reference) err = read_references(t, s, n);
    if (!err) err = trainer_read(t, &first);
    if (!err) *loss = isfinite(first.loss) ? sum_pairs(t, s, n, pairs, nll) : first.loss;
    if (!err && learn && isfinite(*loss)) err = trainer_read(t, &second);
    if (!err && learn && isfinite(*loss) && !isfinite(second.loss)) *loss = second.loss;
    free(nll);
    return err;
}
