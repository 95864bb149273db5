/* published.c - published scores: data with their sources.
 *
 * Shares are per cent, zero shot, by lm-evaluation-harness. A score that no source at hand gives, or gives without
 * the kind of its accuracy, has no row. */
#include "wkv_task.h"

static const char paper4[] = "RWKV paper (arXiv 2305.13048), tables of zero-shot results; model cards of RWKV-4 Pile",
                  card_world[] = "model cards of RWKV-4 World",
                  paper5[] = "Eagle and Finch paper (arXiv 2404.05892), table of English benchmarks",
                  readme[] = "README of BlinkDL/RWKV-LM, models trained on the Pile",
                  pythia[] = "EleutherAI/pythia, evals/pythia-v1/*/zero-shot/*_step143000.json",
              harness[] = "EleutherAI/lm-evaluation-harness at 9a3b19aa95b4, results/opt and results/bloom",
              mesh[] = "kingoflolz/mesh-transformer-jax at 02850c46c6b9, README.md";

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
#define TRANSFORMER(family, name, n, ppl, lambada, piqa, wino, easy, challenge, sciq, source) \
    ROW(family, name, n, "lambada", "perplexity", ppl, source), \
    ROW(family, name, n, "lambada", "acc", lambada, source), \
    ROW(family, name, n, "piqa", "acc", piqa, source), \
    ROW(family, name, n, "winogrande", "acc", wino, source), \
    ROW(family, name, n, "arc_easy", "acc", easy, source), \
    ROW(family, name, n, "arc_challenge", "acc_norm", challenge, source), \
    ROW(family, name, n, "sciq", "acc", sciq, source)
#define PYTHIA(name, n, ...) TRANSFORMER("Pythia", name, n, __VA_ARGS__, pythia)
#define OPT(name, n, ...) TRANSFORMER("OPT", name, n, __VA_ARGS__, harness)
#define BLOOM(name, n, piqa, wino, easy, challenge, hella, book, copa) \
    ROW("BLOOM", name, n, "piqa", "acc", piqa, harness), \
    ROW("BLOOM", name, n, "winogrande", "acc", wino, harness), \
    ROW("BLOOM", name, n, "arc_easy", "acc", easy, harness), \
    ROW("BLOOM", name, n, "arc_challenge", "acc_norm", challenge, harness), \
    ROW("BLOOM", name, n, "hellaswag", "acc_norm", hella, harness), \
    ROW("BLOOM", name, n, "openbookqa", "acc_norm", book, harness), \
    ROW("BLOOM", name, n, "copa", "acc", copa, harness)
#define GPT(name, n, ppl, lambada, piqa, wino) \
    {"GPT-Neo, -J", name, n, "lambada", "perplexity", ppl, mesh}, \
    {"GPT-Neo, -J", name, n, "lambada", "acc", lambada, mesh}, \
    {"GPT-Neo, -J", name, n, "piqa", "acc", piqa, mesh}, \
    {"GPT-Neo, -J", name, n, "winogrande", "acc", wino, mesh}

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
    PILE_LATER("RWKV-7 Pile", "168M", 168e6, 14.2, 45.6, 65.5),
    PILE_LATER("RWKV-7 Pile", "1.47B", 1.47e9, 4.80, 67.0, 73.5),
    PYTHIA("70M", 70e6, 142.43, 18.46, 59.47, 52.80, 37.37, 22.10, 60.10),
    PYTHIA("160M", 160e6, 38.06, 32.84, 62.73, 53.12, 43.52, 23.29, 74.10),
    PYTHIA("410M", 410e6, 10.83, 51.62, 66.76, 53.67, 52.10, 24.32, 81.10),
    PYTHIA("1.4B", 1.4e9, 6.09, 61.61, 70.89, 57.30, 60.65, 28.58, 86.50),
    PYTHIA("2.8B", 2.8e9, 5.04, 64.72, 73.88, 59.43, 64.39, 33.28, 88.20),
    PYTHIA("6.9B", 6.9e9, 4.45, 67.28, 75.24, 60.93, 67.34, 35.07, 89.70),
    PYTHIA("12B", 12e9, 3.92, 70.46, 76.01, 63.93, 70.24, 34.81, 90.20),
    OPT("125M", 125e6, 26.02, 37.90, 63.00, 50.28, 43.52, 22.78, 75.10),
    OPT("350M", 350e6, 16.40, 45.16, 64.36, 52.33, 44.02, 23.89, 74.80),
    OPT("1.3B", 1.3e9, 6.64, 57.93, 71.71, 59.75, 57.03, 29.44, 84.50),
    OPT("2.7B", 2.7e9, 5.12, 63.59, 73.88, 61.01, 60.77, 31.23, 85.80),
    OPT("6.7B", 6.7e9, 4.25, 67.71, 76.28, 65.27, 65.61, 34.73, 90.10),
    OPT("13B", 13e9, 4.04, 68.64, 75.95, 65.19, 67.09, 35.75, 90.80),
    OPT("30B", 30e9, 3.63, 71.45, 77.58, 68.19, 69.99, 37.97, 91.10),
    OPT("66B", 66e9, 3.29, 73.90, 78.78, 68.75, 71.68, 40.10, 92.60),
    ROW("BLOOM", "560M", 560e6, "lambada", "perplexity", 28.68, harness),
    ROW("BLOOM", "560M", 560e6, "lambada", "acc", 35.40, harness),
    BLOOM("560M", 560e6, 64.09, 52.80, 47.35, 23.98, 36.56, 28.20, 61),
    BLOOM("1.1B", 1.1e9, 67.14, 54.93, 51.47, 25.68, 41.77, 29.40, 68),
    BLOOM("1.7B", 1.7e9, 68.77, 57.14, 56.31, 26.79, 46.56, 30.00, 70),
    BLOOM("3B", 3e9, 70.84, 58.72, 59.47, 30.55, 52.72, 32.20, 74),
    BLOOM("7.1B", 7.1e9, 72.74, 64.33, 64.94, 33.53, 59.68, 35.80, 72),
    GPT("GPT-Neo 1.3B", 1.3e9, 7.50, 57.2, 71.1, 55.0), GPT("GPT-Neo 2.7B", 2.7e9, 5.63, 62.2, 73.0, 56.5),
    GPT("GPT-J 6B", 6053381344, 3.99, 69.7, 76.5, 65.3),
};
/* clang-format on */

const wkv_published_score *wkv_published(int i)
{
    return i >= 0 && i < (int)(sizeof scores / sizeof *scores) ? &scores[i] : NULL;
}
