/* test_api_train.c - wrong use of training, of scores and of the benchmark's measures, as in test_api.c. */
#include "api.h"
#include "wkv_bench.h"
#include "wkv_study.h"
#include "wkv_train.h"

static void training(void)
{
    size_t bytes;
    REFUSED(wkv_jsonl_text(NULL, &bytes, "{}", 2));
    NOTHING(char, wkv_jsonl_text(&out, NULL, "{}", 2));
    NOTHING(char, wkv_jsonl_text(&out, &bytes, NULL, 2));
    const wkv_train_options small = {.layers = 1, .width = 32, .head_size = 32, .vocab_size = 16, .threads = 1};
    const wkv_communicator deaf = {.rank = 0, .count = 2};
    wkv_trainer *trainer;
    double loss;
    REFUSED(wkv_train(NULL));
    REFUSED(wkv_train(&(wkv_train_options){0}));
    REFUSED(wkv_train(&(wkv_train_options){.out = "x", .method = "lora", .alpha = nan_}));
    REFUSED(wkv_train(&(wkv_train_options){.out = "x", .method = "adapters"}));
    REFUSED(wkv_trainer_new(NULL, &small));
    NOTHING(wkv_trainer, wkv_trainer_new(&out, NULL));
    wkv_train_options wrong = small;
#define WRONG_TRAINER(field, value)                                                                                    \
    do {                                                                                                               \
        wrong = small;                                                                                                 \
        wrong.field = value;                                                                                           \
        NOTHING(wkv_trainer, wkv_trainer_new(&out, &wrong));                                                           \
    } while (0)
    WRONG_TRAINER(version, "5.1");
    WRONG_TRAINER(layers, -1);
    WRONG_TRAINER(head_size, 7);
    WRONG_TRAINER(vocab_size, -1);
    WRONG_TRAINER(lr_init, nan_);
    WRONG_TRAINER(weight_decay, infinite);
    WRONG_TRAINER(beta1, 1);
    WRONG_TRAINER(schedule, "steps");
    WRONG_TRAINER(device, "tpu");
    WRONG_TRAINER(micro_batch, -1);
    WRONG_TRAINER(batch, -1);
    WRONG_TRAINER(communicator, &deaf);
    EXPECT_EQ(wkv_trainer_new(&trainer, &small), 0);
    REFUSED(wkv_trainer_step(NULL, ids, 1, IDS, &loss));
    REFUSED(wkv_trainer_step(trainer, NULL, 1, IDS, &loss));
    REFUSED(wkv_trainer_step(trainer, ids, 0, IDS, &loss));
    REFUSED(wkv_trainer_step(trainer, ids, 1, -1, &loss));
    REFUSED(wkv_trainer_step(trainer, (const int32_t[]){1, 99}, 1, 1, &loss));
    EXPECT(!wkv_train_version(-1) && !wkv_train_version(1000));
    REFUSED(wkv_trainer_loss(NULL, ids, 1, IDS, &loss));
    REFUSED(wkv_trainer_loss(trainer, NULL, 1, IDS, &loss));
    EXPECT_EQ(wkv_trainer_loss(trainer, ids, 1, IDS, NULL), 0);
    EXPECT_EQ(wkv_trainer_step(trainer, ids, 1, IDS, NULL), 0);
    EXPECT_EQ(wkv_trainer_steps(trainer, NULL, NULL, NULL), 1);
    EXPECT_EQ(wkv_trainer_steps(NULL, NULL, NULL, NULL), 0);
    EXPECT_EQ(wkv_trainer_parameters(NULL), 0);
    REFUSED(wkv_trainer_save(NULL, "x", NULL));
    REFUSED(wkv_trainer_save(trainer, NULL, NULL));
    REFUSED(wkv_trainer_save(trainer, "x", "q8"));
    wkv_trainer_free(trainer);
    REFUSED(wkv_train(&(wkv_train_options){.out = "x", .patience = -1}));
    wkv_train_memory memory[WKV_TRAIN_METHODS];
    REFUSED(wkv_train_memory_needed(NULL, NULL, &small));
    REFUSED(wkv_train_memory_needed(memory, NULL, NULL));
    REFUSED(wkv_train_memory_needed(memory, NULL, &(wkv_train_options){.context = -1}));
    REFUSED(wkv_vocabulary_train(NULL, (const char *const[]){"a", NULL}, NULL));
    REFUSED(wkv_vocabulary_train("x.txt", NULL, NULL));
    REFUSED(wkv_vocabulary_train("x.txt", (const char *const[]){NULL}, NULL));
    wkv_trainer_free(NULL);
}

static void measuring(void)
{
    wkv_token_score scores[IDS];
    wkv_difference d[IDS];
    wkv_sparsity zeros[1];
    wkv_work work = {.bytes = 1};
    wkv_sequence one = {.state = s, .tokens = ids, .n = 2};
    wkv_context *const cs[2] = {c, c}, *const no_c[2] = {c, NULL}, *const foreign[2] = {c, c2};
    wkv_state *const ss[2] = {s, s}, *const no_s[2] = {s, NULL}, *const foreign_s[2] = {s, s2};
    const wkv_scored_text sound = {.state = s, .tokens = ids, .n = IDS, .scores = scores};
    wkv_scored_text bad = sound;
    REFUSED(wkv_score(NULL, &sound, 1));
    REFUSED(wkv_score(c, NULL, 1));
    REFUSED(wkv_score(c, &sound, 0));
    bad.state = NULL;
    REFUSED(wkv_score(c, &bad, 1));
    bad.state = s2;
    REFUSED(wkv_score(c, &bad, 1));
    bad = sound, bad.tokens = NULL;
    REFUSED(wkv_score(c, &bad, 1));
    bad = sound, bad.n = 0;
    REFUSED(wkv_score(c, &bad, 1));
    bad = sound, bad.scores = NULL;
    REFUSED(wkv_score(c, &bad, 1));
    bad = sound, bad.top = scores;
    REFUSED(wkv_score(c, &bad, 1));
    bad.k = V + 1;
    REFUSED(wkv_score(c, &bad, 1));
    REFUSED(wkv_compare(NULL, cs, ss, ids, IDS));
    REFUSED(wkv_compare(d, NULL, ss, ids, IDS));
    REFUSED(wkv_compare(d, cs, NULL, ids, IDS));
    REFUSED(wkv_compare(d, no_c, ss, ids, IDS));
    REFUSED(wkv_compare(d, cs, no_s, ids, IDS));
    REFUSED(wkv_compare(d, cs, ss, NULL, IDS));
    REFUSED(wkv_compare(d, foreign, foreign_s, ids, IDS));
    REFUSED(wkv_measure_sparsity(NULL, c, &one, 1));
    REFUSED(wkv_measure_sparsity(zeros, NULL, &one, 1));
    REFUSED(wkv_measure_sparsity(zeros, c, NULL, 1));
    REFUSED(wkv_meter_new(NULL, 1));
    NOTHING(wkv_meter, wkv_meter_new(&out, -1));
    REFUSED(wkv_meter_use(NULL, c));
    wkv_meter_search(NULL, 1, NULL);
    wkv_meter_now(NULL, NULL);
    wkv_work_of(NULL, m, 1, 1, 1, NULL);
    wkv_scan_times times;
    REFUSED(wkv_scan_measure(NULL, 1, 1, 1, 0));
    REFUSED(wkv_scan_measure(&times, 0, 1, 1, 0));
    REFUSED(wkv_scan_measure(&times, 1 << 20, 1 << 20, 1, 0));
    wkv_work_of(&work, NULL, 1, 1, 1, NULL);
    EXPECT(work.bytes == 0);
    EXPECT_EQ(wkv_memory_needed(NULL, 1), 0);
    NOTHING(wkv_model, wkv_model_synthetic(&out, NULL, NULL, 1));
    NOTHING(wkv_model, wkv_model_synthetic(&out, "7:0.3B", NULL, 1));
    NOTHING(wkv_model, wkv_model_synthetic(&out, "7:0.1B", "q9", 1));
    NOTHING(wkv_model, wkv_model_synthetic(&out, "7:0.1B", NULL, -1));
    REFUSED(wkv_model_synthetic(NULL, "7:0.1B", NULL, 1));
    EXPECT(!wkv_synthetic_name(-1) && !wkv_synthetic_name(1000));
    wkv_sizes sizes;
    REFUSED(wkv_synthetic_sizes(NULL, "7:0.1B", NULL));
    REFUSED(wkv_synthetic_sizes(&sizes, NULL, NULL));
    REFUSED(wkv_synthetic_sizes(&sizes, "7:0.3B", NULL));
    REFUSED(wkv_synthetic_sizes(&sizes, "7:0.1B", "q9"));
    EXPECT_EQ(wkv_context_barriers(NULL), 0);
    EXPECT(wkv_context_traffic(NULL) == 0);
    wkv_meter_free(NULL);
}

int main(void)
{
    if (api_begin()) return 1;
    RUN(training);
    RUN(measuring);
    api_end();
    return DONE();
}
