/* published.c - published scores: data with their sources, and the least squares line through them.
 *
 * Shares are per cent, zero shot, by lm-evaluation-harness. A score that no source at hand gives, or gives without
 * the kind of its accuracy, has no row. */
#include "base/error.h"
#include "wkv_task.h"
#include <math.h>

static const char paper4[] = "RWKV paper (arXiv 2305.13048), tables of zero-shot results; model cards of RWKV-4 Pile",
                  card_world[] = "model cards of RWKV-4 World",
                  paper5[] = "Eagle and Finch paper (arXiv 2404.05892), table of English benchmarks",
                  readme[] = "README of BlinkDL/RWKV-LM, models trained on the Pile",
                  pythia[] = "EleutherAI/pythia, evals/pythia-v1/*/zero-shot/*_step143000.json";

/* clang-format off */
#define ROW(family, name, n, task, metric, value, source) {family, family " " name, n, task, metric, value, source}
#define PILE(name, n, ppl, lambada, piqa, story, hella, wino) \
    ROW("RWKV-4 Pile", name, n, "lambada", "perplexity", ppl, paper4), \
    ROW("RWKV-4 Pile", name, n, "lambada", "acc", lambada, paper4), \
    ROW("RWKV-4 Pile", name, n, "piqa", "acc", piqa, paper4), \
    ROW("RWKV-4 Pile", name, n, "storycloze", "acc", story, paper4), \
    ROW("RWKV-4 Pile", name, n, "hellaswag", "acc_norm", hella, paper4), \
    ROW("RWKV-4 Pile", name, n, "winogrande", "acc", wino, paper4)
#define PILE_MORE(name, n, challenge, easy, head, book, sciq, copa) \
    ROW("RWKV-4 Pile", name, n, "arc_challenge", "acc_norm", challenge, paper4), \
    ROW("RWKV-4 Pile", name, n, "arc_easy", "acc", easy, paper4), \
    ROW("RWKV-4 Pile", name, n, "headqa", "acc_norm", head, paper4), \
    ROW("RWKV-4 Pile", name, n, "openbookqa", "acc_norm", book, paper4), \
    ROW("RWKV-4 Pile", name, n, "sciq", "acc", sciq, paper4), \
    ROW("RWKV-4 Pile", name, n, "copa", "acc", copa, paper4)
#define WORLD4(name, n, ppl, lambada) \
    ROW("RWKV-4 World", name, n, "lambada", "perplexity", ppl, card_world), \
    ROW("RWKV-4 World", name, n, "lambada", "acc", lambada, card_world)
#define WORLD(family, name, n, lambada, piqa, easy, wino, sciq, copa) \
    ROW(family, name, n, "lambada", "acc", lambada, paper5), \
    ROW(family, name, n, "piqa", "acc", piqa, paper5), \
    ROW(family, name, n, "arc_easy", "acc", easy, paper5), \
    ROW(family, name, n, "winogrande", "acc", wino, paper5), \
    ROW(family, name, n, "sciq", "acc", sciq, paper5), \
    ROW(family, name, n, "copa", "acc", copa, paper5)
#define PILE_LATER(family, name, n, ppl, lambada, piqa) \
    ROW(family, name, n, "lambada", "perplexity", ppl, readme), \
    ROW(family, name, n, "lambada", "acc", lambada, readme), \
    ROW(family, name, n, "piqa", "acc", piqa, readme)
#define PYTHIA(name, n, ppl, lambada, piqa, wino, easy, challenge, sciq) \
    ROW("Pythia", name, n, "lambada", "perplexity", ppl, pythia), \
    ROW("Pythia", name, n, "lambada", "acc", lambada, pythia), \
    ROW("Pythia", name, n, "piqa", "acc", piqa, pythia), \
    ROW("Pythia", name, n, "winogrande", "acc", wino, pythia), \
    ROW("Pythia", name, n, "arc_easy", "acc", easy, pythia), \
    ROW("Pythia", name, n, "arc_challenge", "acc_norm", challenge, pythia), \
    ROW("Pythia", name, n, "sciq", "acc", sciq, pythia)

static const wkv_published_score scores[] = {
    PILE("169M", 169342464, 29.33, 32.99, 65.07, 58.79, 32.26, 50.83),
    PILE("430M", 430397440, 13.04, 45.16, 67.52, 63.87, 40.90, 51.14),
    PILE("1.5B", 1515106304, 7.04, 56.43, 72.36, 68.73, 52.48, 54.62),
    ROW("RWKV-4 Pile", "3B", 2984627200, "lambada", "perplexity", 5.24, paper4),
    ROW("RWKV-4 Pile", "3B", 2984627200, "lambada", "acc", 63.94, paper4),
    ROW("RWKV-4 Pile", "3B", 2984627200, "piqa", "acc", 73.72, paper4),
    ROW("RWKV-4 Pile", "3B", 2984627200, "storycloze", "acc", 70.28, paper4),
    ROW("RWKV-4 Pile", "3B", 2984627200, "hellaswag", "acc_norm", 59.63, paper4),
    ROW("RWKV-4 Pile", "3B (context 4096)", 2984627200, "winogrande", "acc", 59.59, paper4),
    PILE("7B", 7392649216, 4.38, 67.18, 76.06, 73.44, 65.51, 61.01),
    PILE("14B", 14148597760, 3.81, 71.05, 77.42, 75.57, 70.24, 62.98),
    PILE_MORE("169M", 169342464, 24.15, 47.47, 25.78, 29.60, 77.50, 66.00),
    PILE_MORE("430M", 430397440, 25.17, 52.86, 27.32, 32.40, 80.30, 65.00),
    PILE_MORE("1.5B", 1515106304, 29.44, 60.48, 27.64, 34.00, 85.00, 77.00),
    PILE_MORE("3B (context 4096)", 2984627200, 33.11, 65.19, 28.45, 37.00, 86.50, 82.00),
    PILE_MORE("7B", 7392649216, 37.46, 67.80, 31.22, 40.20, 88.80, 85.00),
    PILE_MORE("14B (context 8192)", 14148597760, 38.99, 70.24, 32.64, 41.80, 90.40, 85.00),
    WORLD4("0.19B", 0.19e9, 25.51, 36.29), WORLD4("0.46B", 0.46e9, 11.10, 48.65), WORLD4("1.6B", 1.6e9, 6.13, 59.83),
    WORLD4("3.1B", 3.1e9, 4.68, 65.86), WORLD4("7.5B", 7.5e9, 3.93, 70.15),
    WORLD("RWKV-5 World", "1.5B", 1577754624, 65.7, 71.1, 62.2, 59.1, 89.7, 76),
    WORLD("RWKV-5 World", "3B", 3062999040, 68.7, 74.3, 68.6, 62.0, 92.6, 85),
    WORLD("RWKV-5 World", "7B", 7518044160, 74.2, 77.0, 73.8, 67.4, 95.5, 88),
    WORLD("RWKV-6 World", "1.6B", 1599774720, 66.8, 72.6, 62.7, 59.4, 89.6, 78),
    WORLD("RWKV-6 World", "3B", 3099699200, 70.8, 74.2, 66.5, 63.6, 92.5, 82),
    PILE_LATER("RWKV-6 Pile", "170M", 170e6, 16.1, 44.5, 64.4),
    PILE_LATER("RWKV-7 Pile", "168M", 168e6, 14.2, 45.6, 65.5), PILE_LATER("RWKV-7 Pile", "1.47B", 1.47e9, 4.80, 67.0, 73.5),
    PYTHIA("70M", 70e6, 142.43, 18.46, 59.47, 52.80, 37.37, 22.10, 60.10),
    PYTHIA("160M", 160e6, 38.06, 32.84, 62.73, 53.12, 43.52, 23.29, 74.10),
    PYTHIA("410M", 410e6, 10.83, 51.62, 66.76, 53.67, 52.10, 24.32, 81.10),
    PYTHIA("1.4B", 1.4e9, 6.09, 61.61, 70.89, 57.30, 60.65, 28.58, 86.50),
    PYTHIA("2.8B", 2.8e9, 5.04, 64.72, 73.88, 59.43, 64.39, 33.28, 88.20),
    PYTHIA("6.9B", 6.9e9, 4.45, 67.28, 75.24, 60.93, 67.34, 35.07, 89.70),
    PYTHIA("12B", 12e9, 3.92, 70.46, 76.01, 63.93, 70.24, 34.81, 90.20),
};
/* clang-format on */

const wkv_published_score *wkv_published(int i)
{
    return i >= 0 && i < (int)(sizeof scores / sizeof *scores) ? &scores[i] : NULL;
}

/* The 97.5 % quantile of Student's t: the first 30, then within 0.001 by Cornish and Fisher's expansion. */
static double student(int freedom)
{
    static const double first[] = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
                                   2.201,  2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
                                   2.080,  2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042};
    const double z = 1.959964;
    if (freedom <= 30) return first[freedom - 1];
    return z + (z * z * z + z) / (4.0 * freedom);
}

int wkv_fit_line(wkv_line *out, const double *x, const double *y, int n)
{
    REQUIRE(out, "the place for the line");
    *out = (wkv_line){0};
    REQUIRE(x, "the list of x");
    REQUIRE(y, "the list of y");
    if (n < 3) return fail(WKV_EARG, "a line through %d points has no interval; 3 are needed", n);
    double mean_x = 0, mean_y = 0, xx = 0, xy = 0, rest = 0;
    for (int i = 0; i < n; i++) mean_x += x[i] / n, mean_y += y[i] / n;
    for (int i = 0; i < n; i++) {
        xx += (x[i] - mean_x) * (x[i] - mean_x);
        xy += (x[i] - mean_x) * (y[i] - mean_y);
    }
    if (!(xx > 0)) return fail(WKV_EARG, "%d points with one x have no slope", n);
    out->n = n;
    out->slope = xy / xx;
    out->intercept = mean_y - out->slope * mean_x;
    for (int i = 0; i < n; i++) {
        const double d = y[i] - out->intercept - out->slope * x[i];
        rest += d * d;
    }
    out->residual = sqrt(rest / (n - 2));
    out->error = out->residual / sqrt(xx);
    out->interval = student(n - 2) * out->error;
    return 0;
}
