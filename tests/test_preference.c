/* test_preference.c - pairs of answers: spellings, losses in float32 against PyTorch, a preference that the built-in
 * model is trained to, and runs that are resumed. double_preference.c has the losses in double. */
#include <math.h>
#include <string.h>
#include "models.h"
#include "masked.h"
#include "same.h"
#include "folder.h" /* after models.h, where parameters have this name */

#define GOLDEN TEST_DIR "/golden/gradients/"

/* ---- spellings --------------------------------------------------------------------------------------------------- */

/* Samples of one object; *err the failure of reading it. */
static samples read_object(const wkv_tokenizer *vocab, document_form form, const char *object, int most, int *err)
{
    samples s = {0};
    write_file(in_folder("pairs.jsonl"), object);
    form.pairs = 1;
    *err = samples_add(&s, in_folder("pairs.jsonl"), vocab, &form, most);
    return s;
}

static void spellings(void)
{
    static const struct {
        const char *object, *fields, *chosen, *rejected;
    } all[] = {
        {"{\"prompt\": \"Q?\", \"chosen\": \"yes\", \"rejected\": \"no\"}", NULL, "User: Q?\n\nAssistant:[ yes\n\n]",
         "User: Q?\n\nAssistant:[ no\n\n]"},
        {"{\"system\": \"S.\", \"question\": \"Q?\", \"chosen\": \"yes\", \"rejected\": \"no\"}", NULL,
         "System: S.\n\nUser: Q?\n\nAssistant:[ yes\n\n]", "System: S.\n\nUser: Q?\n\nAssistant:[ no\n\n]"},
        {"{\"ask\": \"Q?\", \"good\": \"yes\", \"bad\": \"no\"}", "ask,good,bad", "User: Q?\n\nAssistant:[ yes\n\n]",
         "User: Q?\n\nAssistant:[ no\n\n]"},
        {"{\"prompt\": [{\"role\": \"user\", \"content\": \"Q?\"}], \"chosen\": [{\"role\": \"assistant\", "
         "\"content\": \"yes\"}], \"rejected\": [{\"role\": \"assistant\", \"content\": \"no\"}]}",
         NULL, "User: Q?\n\nAssistant:[ yes\n\n]", "User: Q?\n\nAssistant:[ no\n\n]"},
        {"{\"prompt\": [{\"role\": \"user\", \"content\": \"Q?\"}], \"chosen\": \"yes\", \"rejected\": \"no\"}", NULL,
         "User: Q?\n\nAssistant:[ yes\n\n]", "User: Q?\n\nAssistant:[ no\n\n]"},
        {"{\"prompt\": \"Q?\", \"chosen\": [{\"role\": \"user\", \"content\": \"Q?\"}, {\"role\": \"assistant\", "
         "\"content\": \"yes\"}], \"rejected\": [{\"role\": \"user\", \"content\": \"Q?\"}, {\"role\": \"assistant\", "
         "\"content\": \"no\"}]}",
         NULL, "User: Q?\n\nAssistant:[ yes\n\n]", "User: Q?\n\nAssistant:[ no\n\n]"},
        {"{\"prompt\": [{\"role\": \"user\", \"content\": \"Q?\"}], \"chosen\": [{\"from\": \"human\", \"value\": "
         "\"Q?\"}, {\"from\": \"bot\", \"value\": \"yes\"}], \"rejected\": [{\"from\": \"bot\", \"value\": \"no\"}]}",
         NULL, "User: Q?\n\nAssistant:[ yes\n\n]", "User: Q?\n\nAssistant:[ no\n\n]"},
        {"{\"chosen\": \"warm\", \"rejected\": \"cold\"}", NULL, "[warm]", "[cold]"},
    };
    wkv_tokenizer *vocab;
    document_form form = {0};
    if (wkv_tokenizer_open(&vocab, "bytes", NULL) || wkv_template_find(&form.chat, "g1", NULL, vocab)) {
        FAILED("%s", wkv_error());
        return;
    }
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char text[256];
        int err;
        form.fields = all[i].fields;
        samples s = read_object(vocab, form, all[i].object, 0, &err);
        if (err || s.count != 2) FAILED("%s: %d, %s", all[i].object, s.count, wkv_error());
        for (int k = 0; k < s.count; k++) {
            masked_text(text, &s, k);
            EXPECT_STR(text, k ? all[i].rejected : all[i].chosen);
        }
        samples_release(&s);
    }
    wkv_tokenizer_close(vocab);
}

static void invalid_pairs(void)
{
    static const struct {
        const char *object, *sentence;
    } all[] = {{"{\"prompt\": \"Q?\", \"response\": \"yes\"}", "no string or list of messages \"chosen\""},
               {"{\"prompt\": \"Q?\", \"chosen\": \"yes\", \"rejected\": 3}", "list of messages \"rejected\""},
               {"{\"prompt\": \"Q?\", \"chosen\": \"yes\", \"rejected\": []}", "one answer of the pair is a string"}};
    wkv_tokenizer *vocab;
    document_form form = {0};
    int err;
    if (wkv_tokenizer_open(&vocab, "bytes", NULL) || wkv_template_find(&form.chat, "g1", NULL, vocab))
        FAILED("%s", wkv_error());
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        samples s = read_object(vocab, form, all[i].object, 0, &err);
        EXPECT_EQ(err, WKV_EFORMAT);
        EXPECT_HAS(wkv_error(), all[i].sentence);
        EXPECT_HAS(wkv_error(), "pairs.jsonl: line 1: ");
        samples_release(&s);
    }
    /* a prompt too long for one of the answers drops the other one too */
    samples s = read_object(vocab, form,
                            "{\"prompt\": \"Q?\", \"chosen\": \"y\", \"rejected\": \"n\"}\n"
                            "{\"prompt\": \"Quite a long question?\", \"chosen\": \"y\", \"rejected\": \"n\"}\n",
                            24, &err);
    EXPECT_EQ(err, 0);
    EXPECT_EQ(s.count, 2);
    EXPECT_EQ(s.left_out, 1);
    samples_release(&s);
    wkv_tokenizer_close(vocab);
}

/* ---- losses ------------------------------------------------------------------------------------------------------ */

static void losses_are_those_of_autograd(void)
{
    static const char *const losses[] = {"dpo", "orpo"};
    tensors *f;
    if (tensors_open(&f, GOLDEN "v7.preference.safetensors")) {
        FAILED("%s", wkv_error());
        return;
    }
    const int32_t *lengths = (const void *)tensors_find(f, "lengths")->data,
                  *ids = (const void *)tensors_find(f, "tokens")->data,
                  *counted = (const void *)tensors_find(f, "counts")->data;
    for (int l = 0; l < 2; l++) {
        char key[32];
        uint8_t counts[64];
        double references[6], expected, loss;
        sample s[6];
        wkv_train_options o = {.init = GOLDEN "v7.safetensors",
                               .method = "full",
                               .samples = 1,
                               .loss = losses[l],
                               .beta = 0.3f,
                               .reference = l ? NULL : GOLDEN "v7.reference.safetensors",
                               .threads = 2};
        wkv_trainer *t;
        if (wkv_trainer_new(&t, &o)) FAILED("%s", wkv_error());
        for (int i = 0, at = 0; i < 6; at += lengths[i++]) {
            references[i] = NAN;
            for (int k = 0; k < lengths[i]; k++) counts[at + k] = (uint8_t)counted[at + k];
            s[i] = (sample){.ids = ids + at, .counts = counts + at, .n = lengths[i], .reference = &references[i]};
        }
        snprintf(key, sizeof key, "%s.loss", losses[l]);
        memcpy(&expected, tensors_find(f, key)->data, sizeof expected);
        EXPECT_EQ(trainer_gradient(t, s, 6, 1, &loss), 0);
        EXPECT_NEAR(loss, expected, 2e-6);
        double off = 0, all = 0;
        for (int i = 0; i < t->p.count; i++) {
            const param *q = &t->p.list[i];
            char name[96];
            snprintf(name, sizeof name, "%s/%s", losses[l], q->name);
            const file_tensor *g = tensors_find(f, name);
            for (size_t k = 0; g && k < q->n; k++) {
                double x;
                memcpy(&x, g->data + 8 * k, sizeof x);
                off += (x - (double)t->p.grads[q->at + k]) * (x - (double)t->p.grads[q->at + k]);
                all += x * x;
            }
        }
        printf("     %s: loss off by %.1e, gradient by %.1e\n", losses[l], fabs(loss - expected), sqrt(off / all));
        EXPECT(all > 0 && off <= 1e-11 * all);
        wkv_trainer_free(t);
    }
    tensors_close(f);
}

/* ---- runs -------------------------------------------------------------------------------------------------------- */

enum { QUESTIONS = 8, ASKED_LATER = 3 };
static const char *const questions[QUESTIONS] = {"Is the sky blue?", "Do you like dogs?", "Is it cold today?",
                                                 "Can a cat swim?",  "Is the house big?", "Do birds sing?",
                                                 "Is your hat red?", "Do you want cake?"};
static const char *const asked_later[ASKED_LATER] = {"Is the moon near?", "Can you sing?", "Do trees grow?"};

static const char *write_pairs(const char *name, const char *const *list, int n)
{
    const char *path = in_folder(name);
    FILE *f = fopen(path, "w");
    for (int i = 0; i < n; i++)
        fprintf(f, "{\"prompt\": \"%s\", \"chosen\": \"No, not at all.\", \"rejected\": \"Yes, I think so.\"}\n",
                list[i]);
    fclose(f);
    return path;
}

typedef struct {
    double first, last, valid, preferred, margin;
    int stop_at;
} watch;

static int follow(void *user, const wkv_train_report *r)
{
    watch *w = user;
    if (r->step == 1) w->first = r->loss;
    w->last = r->loss;
    w->preferred = r->preferred;
    w->margin = r->margin;
    if (r->valid_loss >= 0) w->valid = r->valid_loss;
    return r->step == w->stop_at;
}

static wkv_train_options options(const char *loss, const char *out, const char *const *data, watch *w)
{
    return (wkv_train_options){.method = "lora",
                               .samples = 1,
                               .loss = loss,
                               .rank = 4,
                               .lr_init = 4e-3f,
                               .sample_every = -1,
                               .data = data,
                               .out = in_folder(out),
                               .steps = 14,
                               .batch = 4,
                               .threads = 2,
                               .report = follow,
                               .user = w};
}

/* At first the model is its own reference: DPO's loss is log 2. In the end the answer is preferred to questions that
 * were not among the pairs, too. */
static void preference_is_learnt(void)
{
    SKIP_EMULATED();
    static const char *const losses[] = {"dpo", "orpo"};
    const char *held = write_pairs("held.jsonl", asked_later, ASKED_LATER);
    const char *data[] = {write_pairs("pairs.jsonl", questions, QUESTIONS), NULL};
    for (int l = 0; l < 2; l++) {
        watch w = {0};
        wkv_train_options o = options(losses[l], losses[l], data, &w);
        o.valid = held;
        if (wkv_train(&o)) FAILED("%s", wkv_error());
        printf("     %s: loss %.3f to %.3f, of other questions %.3f; margin %.2f\n", losses[l], w.first, w.last,
               w.valid, w.margin);
        if (!l) EXPECT_NEAR(w.first, log(2), 1e-9);
        EXPECT_NEAR(w.preferred, 1, 0);
        EXPECT(w.margin > (l ? 0.5 : 3));
        EXPECT(w.valid < (l ? 1.5 : 0.2));
    }
}

static void resumed_run_is_the_same(void)
{
    const char *data[] = {write_pairs("pairs.jsonl", questions, QUESTIONS), NULL};
    watch w = {0}, cut = {.stop_at = 2};
    wkv_train_options whole = options("dpo", "whole", data, &w), part = options("dpo", "part", data, &cut);
    whole.steps = part.steps = 5;
    if (wkv_train(&whole)) FAILED("%s", wkv_error());
    EXPECT_EQ(wkv_train(&part), WKV_ESTOPPED);
    cut.stop_at = 0;
    wkv_train_options resumed = {
        .resume = 1, .samples = 1, .out = part.out, .threads = 1, .report = follow, .user = &cut};
    if (wkv_train(&resumed)) FAILED("%s", wkv_error());
    EXPECT(same_files(in_folder("whole/lora.safetensors"), in_folder("part/lora.safetensors")));
}

static void refusals(void)
{
    static const struct {
        wkv_train_options o;
        const char *sentence;
    } all[] = {{{.samples = 1, .loss = "ppo"}, "loss \"ppo\": expected cross-entropy, dpo or orpo"},
               {{.loss = "dpo"}, "needs samples, not one text"},
               {{.samples = 1, .beta = 0.5f}, "a beta of 0.5 with the loss cross-entropy"},
               {{.samples = 1, .loss = "orpo", .reference = "x"}, "--reference is for the loss dpo"},
               {{.method = "full",
                 .samples = 1,
                 .loss = "dpo",
                 .version = "7",
                 .layers = 1,
                 .width = 16,
                 .head_size = 8,
                 .vocab_size = 9},
                "the loss dpo needs a reference model"},
               {{.samples = 1, .loss = "dpo", .method = "lora", .reference = GOLDEN "v7.safetensors"},
                "has a vocabulary of 23"}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        wkv_trainer *t;
        EXPECT(wkv_trainer_new(&t, &all[i].o) < 0);
        EXPECT_HAS(wkv_error(), all[i].sentence);
        wkv_trainer_free(t);
    }
}

int main(void)
{
    folder_begin("preference");
    RUN(spellings);
    RUN(invalid_pairs);
    RUN(losses_are_those_of_autograd);
    RUN(preference_is_learnt);
    RUN(resumed_run_is_the_same);
    RUN(refusals);
    folder_end();
    return DONE();
}
