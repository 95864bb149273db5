/* test_choices.c - multiple-choice questions: the spellings of their files, answers compared with those of the saved
 * model read token by token, and that a run trains the same weights with them and without. */
#include <unistd.h>
#include "base/file.h"
#include "train/choices.h"
#include "folder.h"
#include "same.h"
#include "test.h"

/* ---- files ------------------------------------------------------------------------------------------------------- */

static int read_questions(choices *c, const char *text)
{
    wkv_tokenizer *bytes;
    write_file(in_folder("q.jsonl"), text);
    EXPECT_EQ(wkv_tokenizer_open(&bytes, "bytes", NULL), 0);
    *c = (choices){0};
    int err = choices_read(c, in_folder("q.jsonl"), bytes);
    wkv_tokenizer_close(bytes);
    return err;
}

static void questions_are_read_in_their_spellings(void)
{
    static const struct {
        const char *line, *text;
        int context, right, n;
    } expected[] = {
        {"{\"ctx\": \"a\", \"choices\": [\"bc\", \"d\"], \"answer\": 1}", "a d", 1, 1, 2},
        {"{\"query\": \"a\", \"choices\": [\"b\", \"c\", \"d\"], \"label\": 0}", "a b", 1, 0, 3},
        {"{\"prompt\": \"a\", \"choices\": [\"bc\", \"d\"], \"gold\": \"B\"}", "a d", 1, 1, 2},
        {"{\"question_stem\": \"ab\", \"choices\": {\"text\": [\"c\", \"d\"], \"label\": [\"1\", \"2\"]}, "
         "\"answerKey\": \"2\"}",
         "ab d", 2, 1, 2},
        {"{\"question\": \"a?\", \"choices\": [\"b\", \"c\"], \"answer\": \"c\"}", "Question: a?\nAnswer: c", 20, 1, 2},
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        choices c;
        EXPECT_EQ(read_questions(&c, expected[i].line), 0);
        EXPECT_EQ(c.count, 1);
        EXPECT_EQ(c.list[0].n, expected[i].n);
        EXPECT_EQ(c.list[0].right, expected[i].right);
        sample s = samples_at(&c.texts, c.list[0].first + c.list[0].right);
        char text[64] = "";
        for (int k = 0; k < s.n; k++) {
            text[k] = (char)s.ids[k];
            EXPECT_EQ(s.counts[k], k >= expected[i].context);
        }
        EXPECT_STR(text, expected[i].text);
        EXPECT_EQ(c.characters[c.list[0].first + c.list[0].right], s.n - expected[i].context - 1);
        choices_release(&c);
    }
}

static void other_files_are_refused(void)
{
    static const char *const refused[][2] = {
        {"{\"text\": \"a\", \"choices\": [\"b\", \"c\"], \"answer\": 0}", "q.jsonl: line 1: no string \"ctx\""},
        {"\n{\"ctx\": \"a\", \"choices\": [\"b\"], \"answer\": 0}",
         "line 2: \"choices\" is not a list of 2 to 64 strings"},
        {"{\"ctx\": \"a\", \"choices\": [\"b\", 3], \"answer\": 0}", "a choice is not a string"},
        {"{\"ctx\": \"a\", \"choices\": [\"b\", \"c\"]}", "no \"answer\", \"answerKey\", \"label\" or \"gold\""},
        {"{\"ctx\": \"a\", \"choices\": [\"b\", \"c\"], \"answer\": 2}", "\"answer\" is not one of the 2 choices"},
        {"{\"ctx\": \"a\", \"choices\": [\"b\", \"c\"], \"answer\": \"D\"}",
         "expected an index from 0, a letter, or the choice"},
        {"{\"ctx\": \"\", \"choices\": [\"b\", \"c\"], \"answer\": 0}", "no end-of-text token to start from"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        choices c;
        EXPECT_EQ(read_questions(&c, refused[i][0]), WKV_EFORMAT);
        EXPECT_HAS(wkv_error(), refused[i][1]);
        choices_release(&c);
    }
    choices c = {0};
    write_file(in_folder("q.txt"), "text");
    EXPECT_EQ(choices_read(&c, in_folder("q.txt"), NULL), WKV_EFORMAT);
    EXPECT_HAS(wkv_error(), "q.txt: is plain text; questions are objects");
}

/* ---- a run ------------------------------------------------------------------------------------------------------- */

static double accuracy[2];
static int measured;
static int on_report(void *user, const wkv_train_report *r)
{
    (void)user;
    if (r->accuracy < 0) return 0;
    measured++;
    accuracy[0] = r->accuracy, accuracy[1] = r->accuracy_norm;
    return 0;
}

static wkv_train_options options(const char *out)
{
    static const char *data[2];
    data[0] = in_folder("t.txt");
    return (wkv_train_options){.layers = 1,
                               .width = 32,
                               .head_size = 32,
                               .data = data,
                               .vocab = "bytes",
                               .out = in_folder(out),
                               .context = 16,
                               .batch = 2,
                               .steps = 30,
                               .lr_init = 1e-2f,
                               .dropout = 0.1f,
                               .save_type = "f32",
                               .valid_every = 10,
                               .threads = 1,
                               .report = on_report};
}

/* The sum of log-likelihoods of a choice, read token by token by the saved model. */
static double sum_of(wkv_context *c, wkv_state *s, const sample *x)
{
    float logits[256];
    double sum = 0;
    wkv_state_reset(s);
    for (int i = 0; i + 1 < x->n; i++) {
        EXPECT_EQ(wkv_eval(c, s, &x->ids[i], 1, logits), 0);
        double all = 0, most = 0;
        for (int k = 0; k < 256; k++) most = fmax(most, (double)logits[k]);
        for (int k = 0; k < 256; k++) all += exp((double)logits[k] - most);
        if (x->counts[i + 1]) sum += (double)logits[x->ids[i + 1]] - most - log(all);
    }
    return sum;
}

static void answer(const char *path, const choices *q, double share[2])
{
    wkv_model *m;
    wkv_context *c;
    wkv_state *s;
    if (wkv_model_open(&m, path, NULL) || wkv_context_new(&c, m, NULL) || wkv_state_new(&s, m)) {
        FAILED("%s", wkv_error());
        return;
    }
    for (int i = 0; i < q->count; i++) {
        const question *one = &q->list[i];
        double best[2] = {-1e9, -1e9};
        int is[2] = {0, 0};
        for (int k = 0; k < one->n; k++) {
            sample x = samples_at(&q->texts, one->first + k);
            double sum = sum_of(c, s, &x), norm = sum / q->characters[one->first + k];
            if (sum > best[0]) best[0] = sum, is[0] = k;
            if (norm > best[1]) best[1] = norm, is[1] = k;
        }
        for (int k = 0; k < 2; k++) share[k] += (is[k] == one->right) / (double)q->count;
    }
    wkv_state_free(s);
    wkv_context_free(c);
    wkv_model_close(m);
}

static void write_questions(void)
{
    static const char *const words[] = {"cat", "mat", "sat on", "the"};
    FILE *f = fopen(in_folder("eval.jsonl"), "w");
    for (int i = 0; i < 24; i++)
        fprintf(f, "{\"ctx\": \"%s\", \"choices\": [\"%s\", \"%s\", \"%s\"], \"answer\": %d}\n", words[i % 4],
                words[i / 6], i % 2 ? "xyz" : "cat sat on", words[(i / 3) % 4], i % 3);
    fclose(f);
}

static void a_run_answers_and_learns_the_same(void)
{
    char text[2001] = "";
    for (int i = 0; i < 100; i++) strcat(text, "the cat sat on a mat");
    write_file(in_folder("t.txt"), text);
    write_questions();
    wkv_train_options o = options("without");
    EXPECT_EQ(wkv_train(&o), 0);
    EXPECT_EQ(measured, 0);
    o = options("with"), o.eval = in_folder("eval.jsonl");
    EXPECT_EQ(wkv_train(&o), 0);
    EXPECT_EQ(measured, 3);
    EXPECT(same_files(in_folder("with/final.safetensors"), in_folder("without/final.safetensors")));
    EXPECT(same_files(in_folder("with/best.safetensors"), in_folder("without/best.safetensors")));
    choices c = {0};
    wkv_tokenizer *bytes;
    double share[2] = {0};
    EXPECT_EQ(wkv_tokenizer_open(&bytes, "bytes", NULL), 0);
    EXPECT_EQ(choices_read(&c, in_folder("eval.jsonl"), bytes), 0);
    answer(in_folder("with/final.safetensors"), &c, share);
    printf("     accuracy %.4f and %.4f of %d questions\n", accuracy[0], accuracy[1], c.count);
    EXPECT_NEAR(accuracy[0], share[0], 1e-9);
    EXPECT_NEAR(accuracy[1], share[1], 1e-9);
    choices_release(&c);
    wkv_tokenizer_close(bytes);
}

static void figures_are_written_down(void)
{
    char *log = NULL, *page = NULL;
    size_t n;
    EXPECT_EQ(file_slurp(&log, &n, in_folder("with/train.jsonl")), 0);
    EXPECT_HAS(log, "\"valid_perplexity\": ");
    EXPECT_HAS(log, "\"accuracy\": ");
    EXPECT_HAS(log, "\"accuracy_norm\": ");
    EXPECT_EQ(file_slurp(&page, &n, in_folder("with/train.html")), 0);
    EXPECT_HAS(page, "accuracy by log-likelihood");
    EXPECT_HAS(page, " of 24 questions");
    EXPECT_HAS(page, "perplexity");
    free(log);
    free(page);
    log = NULL;
    EXPECT_EQ(file_slurp(&log, &n, in_folder("without/train.jsonl")), 0);
    EXPECT(!strstr(log, "accuracy"));
    free(log);
    wkv_train_options on = {.out = in_folder("with"), .resume = 1};
    EXPECT_EQ(wkv_train(&on), 0); /* its figures are read again */
    EXPECT_EQ(file_slurp(&page, &n, in_folder("with/train.html")), 0);
    EXPECT_HAS(page, "accuracy by log-likelihood");
    free(page);
    wkv_train_options o = options("all"); /* questions without held-out text */
    o.eval = in_folder("eval.jsonl"), o.valid_share = -1, measured = 0;
    EXPECT_EQ(wkv_train(&o), 0);
    EXPECT_EQ(measured, 3);
    EXPECT(access(in_folder("all/best.safetensors"), F_OK) != 0);
    o = options("none"), o.eval = in_folder("nowhere.jsonl");
    EXPECT_EQ(wkv_train(&o), WKV_EIO);
    EXPECT_HAS(wkv_error(), "nowhere.jsonl");
}

int main(void)
{
    folder_begin("choices");
    RUN(questions_are_read_in_their_spellings);
    RUN(other_files_are_refused);
    RUN(a_run_answers_and_learns_the_same);
    RUN(figures_are_written_down);
    folder_end();
    return DONE();
}
