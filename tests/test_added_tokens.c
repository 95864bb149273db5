/* test_added_tokens.c - tokens added to a vocabulary: rows of embedding and head, the vocabulary beside the result, a
 * resumed run, and refusals. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/file.h"
#include "text/tokenizer.h"
#include "folder.h"
#include "same.h"
#include "train/trainer.h"
#include "test.h"

#define MODEL TEST_DIR "/golden/models/v7-n32-f16.pth"
#define VOCAB TEST_DIR "/cli/small.vocab.txt"

static const char tokens[] = "<call>\n</call>";

static wkv_trainer *make(const wkv_train_options *o)
{
    wkv_trainer *t;
    if (!wkv_trainer_new(&t, o)) return t;
    FAILED("%s", wkv_error());
    exit(1);
}

static const param *find_param(const wkv_trainer *t, const char *name)
{
    int i = 0;
    while (i < t->p.count - 1 && strcmp(t->p.list[i].name, name)) i++;
    EXPECT_STR(t->p.list[i].name, name);
    return &t->p.list[i];
}

static int stop_at;
static int stop(void *user, const wkv_train_report *r)
{
    (void)user;
    return r->step == stop_at;
}

static wkv_train_options options(const char *out)
{
    static const char *data[2];
    data[0] = in_folder("d.jsonl");
    return (wkv_train_options){.init = MODEL,
                               .method = "full",
                               .samples = 1,
                               .data = data,
                               .vocab = VOCAB,
                               .add_tokens = tokens,
                               .out = in_folder(out),
                               .steps = 4,
                               .save_type = "f32",
                               .threads = 1,
                               .lr_init = 1e-3f};
}

/* Rows from V on are the mean of those before; the others are the checkpoint's. */
static void check_rows(const wkv_trainer *more, const wkv_trainer *before, const char *name)
{
    const param *p = find_param(more, name), *q = find_param(before, name);
    const int V = before->m->V, C = before->m->C;
    const real *x = reals(p->t), *y = reals(q->t);
    EXPECT_EQ(p->n, (V + 2) * C);
    EXPECT(!memcmp(x, y, (size_t)V * (size_t)C * sizeof *x));
    for (int i = 0; i < C; i++) {
        double sum = 0;
        for (int k = 0; k < V; k++) sum += (double)y[k * C + i];
        for (int k = V; k < V + 2; k++) EXPECT_NEAR((double)x[k * C + i], sum / V, 1e-6);
    }
}

static void new_rows_are_the_mean_of_the_others(void)
{
    wkv_train_options o = {.init = MODEL, .threads = 1};
    wkv_trainer *before = make(&o), *more;
    o.vocab_size = before->m->V + 2;
    EXPECT_EQ(wkv_trainer_new(&more, &o), WKV_EARG); /* not without being asked for */
    o.add_tokens = tokens;
    more = make(&o);
    EXPECT_EQ(more->m->V, before->m->V + 2);
    check_rows(more, before, "emb.weight");
    check_rows(more, before, "head.weight");
    EXPECT_EQ(more->p.count, before->p.count);
    wkv_trainer_free(more);
    wkv_trainer_free(before);
}

static void expect_one_id(const char *model, int logits, int32_t first)
{
    wkv_model *m;
    wkv_tokenizer *t;
    int32_t ids[4];
    if (wkv_model_open(&m, model, NULL) || wkv_tokenizer_open(&t, NULL, m)) {
        FAILED("%s", wkv_error());
        return;
    }
    EXPECT_EQ(wkv_model_about(m)->vocab, logits);
    EXPECT_EQ(wkv_encode(t, "<call></call>", 13, ids, 4), 2);
    EXPECT_EQ(ids[0], first);
    EXPECT_EQ(ids[1], first + 1);
    wkv_tokenizer_close(t);
    wkv_model_close(m);
}

/* The vocabulary has 96 ids or fewer, as the model has logits. */
static void a_result_opens_with_its_tokens(void)
{
    wkv_tokenizer *t;
    EXPECT_EQ(wkv_tokenizer_open(&t, VOCAB, NULL), 0);
    const int32_t first = wkv_tokenizer_size(t);
    wkv_tokenizer_close(t);
    wkv_trainer *before = make(&(wkv_train_options){.init = MODEL, .threads = 1});
    const int V = before->m->V, logits = first + 2 > V ? first + 2 : V;
    wkv_trainer_free(before);
    printf("     %d ids and %d logits become %d and %d\n", first, V, first + 2, logits);
    wkv_train_options o = options("whole");
    EXPECT_EQ(wkv_train(&o), 0);
    expect_one_id(in_folder("whole/final.safetensors"), logits, first);
    o = options("cut"), o.report = stop, stop_at = 2;
    EXPECT_EQ(wkv_train(&o), WKV_ESTOPPED);
    wkv_train_options on = {.out = in_folder("cut"), .samples = 1, .resume = 1};
    EXPECT_EQ(wkv_train(&on), 0);
    EXPECT(same_files(in_folder("cut/final.safetensors"), in_folder("whole/final.safetensors")));
    EXPECT(same_files(in_folder("cut/final.vocab.txt"), in_folder("whole/final.vocab.txt")));
    on.add_tokens = "<other>";
    EXPECT_EQ(wkv_train(&on), WKV_EARG);
    EXPECT_HAS(wkv_error(), "--add-token is <call> </call> in the resumed run, and <other> now");
}

/* World's models have more logits than World has ids. */
static void world_has_room(void)
{
    wkv_train_options small = {.layers = 1, .width = 16, .head_size = 16, .vocab_size = 65536, .threads = 1};
    wkv_trainer *t = make(&small);
    EXPECT_EQ(wkv_trainer_save(t, in_folder("world.safetensors"), NULL), 0);
    wkv_trainer_free(t);
    wkv_train_options o = options("added");
    o.init = in_folder("world.safetensors"), o.vocab = NULL, o.steps = 1;
    if (wkv_train(&o)) FAILED("%s", wkv_error());
    expect_one_id(in_folder("added/final.safetensors"), 65536, 65530);
}

/* A new model, with a vocabulary made from its text, has them too. */
static void a_new_model_has_them(void)
{
    wkv_train_options o = options("new");
    o.init = NULL, o.vocab = "bytes", o.layers = 1, o.width = 16, o.head_size = 16;
    EXPECT_EQ(wkv_train(&o), 0);
    expect_one_id(in_folder("new/final.safetensors"), 258, 256);
}

static void misuse_is_refused(void)
{
    static const struct {
        const char *method, *vocab, *tokens;
        int err;
        const char *sentence;
    } refused[] = {
        {"lora", VOCAB, tokens, WKV_EARG, "--add-token needs trained embedding and head"},
        {"full", VOCAB, "<a>\n<a>", WKV_EARG, "is id "},
        {"full", VOCAB, "<a>\n\n<b>", WKV_EARG, "a token to add has 0 bytes"},
        {"full", "20B", tokens, WKV_EUNSUPPORTED, "20B"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        wkv_train_options o = options("refused");
        o.method = refused[i].method, o.vocab = refused[i].vocab, o.add_tokens = refused[i].tokens;
        if (i == 3) o.init = NULL, o.layers = 1, o.width = 16, o.head_size = 16;
        if (i == 0) o.save_type = NULL;
        EXPECT_EQ(wkv_train(&o), refused[i].err);
        EXPECT_HAS(wkv_error(), refused[i].sentence);
    }
    EXPECT(access(in_folder("refused"), F_OK) != 0);
}

int main(void)
{
    folder_begin("added-tokens");
    write_file(in_folder("d.jsonl"), "{\"text\": \"<call>the sun</call>\"}\n{\"text\": \"<call>a</call> the\"}\n");
    RUN(new_rows_are_the_mean_of_the_others);
    RUN(a_result_opens_with_its_tokens);
    RUN(world_has_room);
    RUN(a_new_model_has_them);
    RUN(misuse_is_refused);
    folder_end();
    return DONE();
}
