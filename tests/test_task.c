/* test_task.c - tasks, documents and needles: patterns, the ids of each rule, log-likelihoods against a scorer that
 * reads one token at a time, metrics against their formulas, and bad descriptions and items. */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
#include "models.h"
#include "folder.h"
#include "study/items.h"
#include "study/pattern.h"
#include "wkv_task.h"

static wkv_model *model;
static wkv_tokenizer *words;

/* A file of the test's folder with this text; its path. */
static const char *write_text(const char *name, const char *text)
{
    const char *path = in_folder(name);
    write_file(path, text);
    return path;
}

/* Items of a description and a text of lines; NULL after a failure, which wkv_error() tells. */
static wkv_items *items_of(const char *description, const char *rule, const char *lines, const wkv_items_options *o)
{
    wkv_task *t;
    wkv_items *s = NULL;
    if (wkv_task_open(&t, description, rule)) return NULL;
    wkv_items_read(&s, t, write_text("items.jsonl", lines), model, words, o);
    wkv_task_close(t);
    return s;
}

/* ---- patterns ---------------------------------------------------------------------------------------------------- */

static void fills(const char *pattern, const char *expected)
{
    json_t *item = json_loads(
        "{\"q\": \" Is it? \", \"n\": 7, \"yes\": true, \"c\": {\"t\": [\"x y\", \"z\"]}, \"s\": \"a _ b _ c.\","
        "\"l\": [\"p\", \"q\"], \"z\": \"\xe6\xb1\x9f\xe6\xb9\x96\", \"o\": [{\"t\": \"one\"}, {\"t\": \"two\"}],"
        "\"half\": 0.5, \"w\": \"A mAn  walks [step] on [title] Then\"}",
        0, NULL);
    char *text = NULL;
    if (pattern_fill(&text, pattern, item))
        EXPECT_HAS(wkv_error(), expected);
    else
        EXPECT_STR(text, expected);
    free(text);
    json_decref(item);
}

static void patterns(void)
{
    fills("Question:{q}\nAnswer:", "Question: Is it? \nAnswer:");
    fills("{q|strip}{{}}{n}{yes}", "Is it?{}71");
    fills("{s|before(_)|strip}+{s|after(_)}", "a+ b _ c.");
    fills("{s|before_last( )}|{s|after_last( )}", "a _ b _|c.");
    fills("{s|drop_last} {z|drop_last}", "a _ b _ c \xe6\xb1\x9f");
    fills("{w|lower_first} {w|capitalize}", "a mAn  walks [step] on [title] Then A man  walks [step] on [title] then");
    fills("{w|clean}", "A mAn walks on. Then");
    fills("{n|map(6=six,7=seven)}", "seven");
    fills("{s|replace(_,-)}", "a - b - c.");
    fills("{l.1}{o.0.t}", "qone");
    fills("{missing}", "no field \"missing\"; the item has q, n");
    fills("{l}", "is a list");
    fills("{c}", "is an object");
    fills("{half}", "a number with a fraction");
    fills("{l.2}", "no element 2 in a list of 2");
    fills("{z|before(_)}", "no '_' in the text");
    fills("{n|map(6=six)}", "is not one of those");
    fills("{q|shout}", "no filter 'shout'");
    fills("{q", "no } after the {");
    EXPECT(pattern_check("{a|strip}") == 0 && pattern_check("{a.b}{{") == 0);
    EXPECT(pattern_check("{a") < 0 && pattern_check("}") < 0 && pattern_check("{}") < 0 &&
           pattern_check("{a|before}") < 0 && pattern_check("{a|strip(x)}") < 0 && pattern_check("{a|replace()}") < 0);
}

/* ---- rules ------------------------------------------------------------------------------------------------------- */

static int same_ids(const int32_t *ids, int n, const char *text)
{
    int32_t expected[256];
    const int count = wkv_encode(words, text, strlen(text), expected, 256);
    return n == count && !memcmp(ids, expected, sizeof *ids * (size_t)n);
}

static const char completion[] = "{\"name\": \"t\", \"context\": \"{a}\", \"target\": \"{b}\", \"delimiter\": \"\", "
                                 "\"blinkdl\": {}}";

/* The first request of one item under a rule. */
static const wkv_request *request_of(wkv_items **s, const char *rule, const char *line)
{
    *s = items_of(completion, rule, line, NULL);
    if (*s) return wkv_items_at(*s, 0)->requests;
    FAILED("%s: %s", rule, wkv_error());
    return NULL;
}

static void rules(void)
{
    static const char line[] = "{\"a\": \"The cat sat  \", \"b\": \"down\"}\n";
    wkv_items *s;
    const wkv_request *r = request_of(&s, "harness-0.4", line); /* both blanks move to the continuation */
    int32_t whole[64];
    const int n = wkv_encode(words, "The cat sat  down", 17, whole, 64);
    EXPECT(r && same_ids(r->context_ids, r->n_context, "The cat sat"));
    EXPECT(r && r->n_context + r->n == n && !memcmp(r->ids, whole + r->n_context, sizeof *whole * (size_t)r->n));
    EXPECT(r && r->ids[-1] == r->context_ids[r->n_context - 1]);
    EXPECT_STR(r->context, "The cat sat  ");
    wkv_items_free(s);
    r = request_of(&s, "harness-0.3", line);
    EXPECT(r && same_ids(r->context_ids, r->n_context, "The cat sat  ") && same_ids(r->ids, r->n, "down"));
    wkv_items_free(s);
    r = request_of(&s, "chatrwkv", line);
    EXPECT(r && same_ids(r->context_ids, 1, "\n") && same_ids(r->context_ids + 1, r->n_context - 1, "The cat sat  "));
    wkv_items_free(s);
    r = request_of(&s, "blinkdl", line);
    EXPECT(r && r->context_ids[0] == 0 && same_ids(r->context_ids + 1, r->n_context - 1, "The cat sat  "));
    wkv_items_free(s);
    for (int i = 0; i < 2; i++) { /* an empty context */
        r = request_of(&s, wkv_task_rule_name(i), "{\"a\": \"\", \"b\": \"down\"}\n");
        EXPECT(r && r->n_context == 1 && r->context_ids[0] == wkv_tokenizer_end(words) &&
               same_ids(r->ids, r->n, "down"));
        wkv_items_free(s);
    }
}

/* The tokens of a text that are not those of its halves: the rules differ, each as it says. */
static void joint_tokens(void)
{
    static const char *const pairs[][2] = {{"the b", "oy"}, {"wa", "s"}, {"littl", "e"}, {"sa", "id"}};
    int differ = 0;
    for (int i = 0; i < 4; i++) {
        char line[100], both[100];
        int32_t all[64];
        wkv_items *s;
        snprintf(line, sizeof line, "{\"a\": \"%s\", \"b\": \"%s\"}\n", pairs[i][0], pairs[i][1]);
        snprintf(both, sizeof both, "%s%s", pairs[i][0], pairs[i][1]);
        const int n = wkv_encode(words, both, strlen(both), all, 64),
                  n_context = wkv_encode(words, both, strlen(pairs[i][0]), NULL, 0);
        s = items_of(completion, "harness-0.4", line, NULL);
        if (n <= n_context) { /* nothing is left to score */
            EXPECT(!s);
            EXPECT_HAS(wkv_error(), "no more tokens than the context alone");
            differ++;
        } else if (s) {
            const wkv_request *r = wkv_items_at(s, 0)->requests;
            EXPECT(r->n == n - n_context && !memcmp(r->ids, all + n_context, sizeof *all * (size_t)r->n));
            differ += !same_ids(r->ids, r->n, pairs[i][1]);
        }
        wkv_items_free(s);
    }
    EXPECT(differ > 0);
}

/* ---- built-in tasks ---------------------------------------------------------------------------------------------- */

static const struct {
    const char *task, *rule, *line;
    int n, right;
    const char *context[2], *continuation[2]; /* of the first two requests */
} known_items[] = {
    {"lambada", NULL, "{\"text\": \"He saw a red fox\"}", 1, 0, {"He saw a red"}, {" fox"}},
    {"piqa",
     NULL,
     "{\"goal\": \"Cut wood\", \"sol1\": \"Saw.\", \"sol2\": \"Blow.\", \"label\": 1}",
     2,
     1,
     {"Question: Cut wood\nAnswer:", "Question: Cut wood\nAnswer:"},
     {" Saw.", " Blow."}},
    {"hellaswag",
     NULL,
     "{\"query\": \"A: B\", \"choices\": [\"x\", \"y\"], \"label\": \"1\"}",
     2,
     1,
     {"A: B", "A: B"},
     {" x", " y"}},
    {"hellaswag",
     NULL,
     "{\"activity_label\": \"Baking\", \"ctx_a\": \"A man [title] cooks.\", \"ctx_b\": \"HE [sub] eats\", \"endings\": "
     "[\" one  two\", \"three\"], \"label\": \"0\"}",
     2,
     0,
     {"Baking: A man. cooks. He eats", "Baking: A man. cooks. He eats"},
     {" one two", " three"}},
    {"winogrande",
     NULL,
     "{\"sentence\": \"Al met Bo so _ left early.\", \"option1\": \"Al\", \"option2\": \"Bo\", \"answer\": \"2\"}",
     2,
     1,
     {"Al met Bo so Al", "Al met Bo so Bo"},
     {" left early.", " left early."}},
    {"arc_easy",
     NULL,
     "{\"question\": \"Q?\", \"choices\": {\"text\": [\"a\", \"b\", \"c\"], \"label\": [\"1\", \"2\", \"3\"]}, \"answerKey\": \"3\"}",
     3,
     2,
     {"Question: Q?\nAnswer:", "Question: Q?\nAnswer:"},
     {" a", " b"}},
    {"openbookqa",
     NULL,
     "{\"question_stem\": \"Sun is\", \"choices\": {\"text\": [\"hot\", \"cold\"], \"label\": [\"A\", \"B\"]}, \"answerKey\": \"A\"}",
     2,
     0,
     {"Sun is", "Sun is"},
     {" hot", " cold"}},
    {"copa",
     "harness-0.4",
     "{\"premise\": \"It rained. \", \"question\": \"effect\", \"choice1\": \"I Got wet.\", \"choice2\": \"It froze.\", \"label\": 0}",
     2,
     0,
     {"It rained therefore", "It rained therefore"},
     {"  i Got wet.", "  it froze."}},
    {"copa",
     "harness-0.3",
     "{\"premise\": \"It rained.\", \"question\": \"cause\", \"choice1\": \"I got wet.\", \"choice2\": \"It froze.\", \"label\": 1}",
     2,
     1,
     {"It rained because", "It rained because"},
     {" i got wet.", " it froze."}},
    {"blimp",
     "harness-0.4",
     "{\"UID\": \"u\", \"good\": \"He is.\", \"bad\": \"He are.\"}",
     2,
     0,
     {"", ""},
     {" He is.", " He are."}},
    {"blimp",
     "harness-0.3",
     "{\"UID\": \"u\", \"sentence_good\": \"He is.\", \"sentence_bad\": \"He are.\"}",
     2,
     0,
     {"", ""},
     {"He is.", "He are."}},
    {"mmlu",
     "blinkdl",
     "{\"subject\": \"us_law\", \"question\": \"Q\", \"choices\": [\"w\", \"x\", \"y\", \"z\"], \"answer\": 3}",
     4,
     3,
     {"User: You are a very talented expert in us law. Answer this question:\nQ\nA. w\nB. x\nC. y\nD. z\n\nAssistant: The answer is",
      "User: You are a very talented expert in us law. Answer this question:\nQ\nA. w\nB. x\nC. y\nD. z\n\nAssistant: The answer is"},
     {" A", " B"}},
    {"mmlu",
     NULL,
     "{\"subject\": \"us_law\", \"question\": \" Q \", \"choices\": [\"w\", \"x\", \"y\", \"z\"], \"answer\": 0}",
     4,
     0,
     {"The following are multiple choice questions (with answers) about us law.\n\nQ\nA. w\nB. x\nC. y\nD. z\nAnswer:",
      "The following are multiple choice questions (with answers) about us law.\n\nQ\nA. w\nB. x\nC. y\nD. z\nAnswer:"},
     {" A", " B"}},
    {"sciq",
     NULL,
     "{\"support\": \"\", \"question\": \"Q\", \"distractor1\": \"a\", \"distractor2\": \"b\", \"distractor3\": \"c\", \"correct_answer\": \"d\"}",
     4,
     3,
     {"\nQuestion: Q\nAnswer:", "\nQuestion: Q\nAnswer:"},
     {" a", " b"}},
    {"sciq",
     "harness-0.3",
     "{\"support\": \"\", \"question\": \"Q\", \"distractor1\": \"a\", \"distractor2\": \"b\", \"distractor3\": \"c\", \"correct_answer\": \"d\"}",
     4,
     3,
     {"Question: Q\nAnswer:", "Question: Q\nAnswer:"},
     {" a", " b"}},
    {"headqa",
     NULL,
     "{\"qtext\": \"Q\", \"answers\": [{\"aid\": 1, \"atext\": \"a\"}, {\"aid\": 2, \"atext\": \"b\"}], \"ra\": 2}",
     2,
     1,
     {"Question: Q\nAnswer:", "Question: Q\nAnswer:"},
     {" a", " b"}},
    {"storycloze",
     NULL,
     "{\"input_sentence_1\": \"A.\", \"input_sentence_2\": \"B.\", \"input_sentence_3\": \"C.\", \"input_sentence_4\": \"D.\", "
     "\"sentence_quiz1\": \"E.\", \"sentence_quiz2\": \"F.\", \"answer_right_ending\": 1}",
     2,
     0,
     {"A. B. C. D.", "A. B. C. D."},
     {" E.", " F."}},
};

static void built_in_tasks(void)
{
    for (size_t i = 0; i < sizeof known_items / sizeof *known_items; i++) {
        wkv_items *s = items_of(known_items[i].task, known_items[i].rule, known_items[i].line, NULL);
        if (!s) {
            FAILED("%s: %s", known_items[i].task, wkv_error());
            continue;
        }
        const wkv_item *q = wkv_items_at(s, 0);
        EXPECT_EQ(q->n, known_items[i].n);
        EXPECT_EQ(q->right, known_items[i].right);
        for (int k = 0; k < q->n && k < 2; k++) {
            EXPECT_STR(q->requests[k].context, known_items[i].context[k]);
            EXPECT_STR(q->requests[k].continuation, known_items[i].continuation[k]);
        }
        wkv_items_free(s);
    }
    wkv_task *t;
    const char *name;
    for (int i = 0; (name = wkv_task_name(i)); i++) { /* a printed description is the task again */
        EXPECT_EQ(wkv_task_open(&t, name, NULL), 0);
        wkv_task *again;
        EXPECT_EQ(wkv_task_open(&again, wkv_task_about(t)->text, NULL), 0);
        EXPECT_STR(wkv_task_about(again)->text, wkv_task_about(t)->text);
        wkv_task_close(again);
        wkv_task_close(t);
    }
}

static void examples(void)
{
    static const char lines[] = "{\"goal\": \"a\", \"sol1\": \"b\", \"sol2\": \"c\", \"label\": 0}\n"
                                "{\"goal\": \"d\", \"sol1\": \"e\", \"sol2\": \"f\", \"label\": 1}\n"
                                "{\"goal\": \"g\", \"sol1\": \"h\", \"sol2\": \"i\", \"label\": 1}\n";
    wkv_items *s = items_of("piqa", NULL, lines, &(wkv_items_options){.shots = 2});
    EXPECT_EQ(wkv_items_count(s), 1);
    if (s)
        EXPECT_STR(wkv_items_at(s, 0)->requests->context,
                   "Question: a\nAnswer: b\n\nQuestion: d\nAnswer: f\n\nQuestion: g\nAnswer:");
    wkv_items_free(s);
    const char *file = write_text("shots.jsonl", "{\"goal\": \"x\", \"sol1\": \"y\", \"sol2\": \"z\", \"label\": 1}\n");
    s = items_of("piqa", NULL, lines, &(wkv_items_options){.shots = 1, .shots_from = file, .skip = 1, .limit = 1});
    EXPECT_EQ(wkv_items_count(s), 1);
    if (s) EXPECT_STR(wkv_items_at(s, 0)->requests->context, "Question: x\nAnswer: z\n\nQuestion: d\nAnswer:");
    if (s) EXPECT_EQ(wkv_items_at(s, 0)->index, 1);
    wkv_items_free(s);
    EXPECT(!items_of("piqa", NULL, lines, &(wkv_items_options){.shots = 2, .shots_from = file}));
    EXPECT_HAS(wkv_error(), "has 1 examples, fewer than 2");
}

/* ---- scores ------------------------------------------------------------------------------------------------------ */

/* Read a request alone, one token at a time, and sum by the definition. */
static void check_request(const wkv_request *r, wkv_context *c)
{
    const int V = wkv_model_about(model)->vocab;
    float *x = malloc(sizeof *x * (size_t)V);
    wkv_state *s = state_new(model);
    double sum = 0;
    int greedy = 1;
    for (int i = 0; i < r->n_context; i++) wkv_eval(c, s, &r->context_ids[i], 1, x);
    for (int i = 0; i < r->n; i++) {
        double top = -INFINITY, total = 0;
        int best = 0;
        for (int k = 0; k < V; k++)
            if ((double)x[k] > top) top = (double)x[k], best = k;
        for (int k = 0; k < V; k++) total += exp((double)x[k] - top);
        sum += (double)x[r->ids[i]] - top - log(total);
        greedy &= best == r->ids[i];
        wkv_eval(c, s, &r->ids[i], 1, x);
    }
    EXPECT(r->done);
    EXPECT_NEAR(r->log_likelihood, sum, 1e-4);
    EXPECT_EQ(r->greedy, greedy);
    wkv_state_free(s);
    free(x);
}

static const char stories[] =
    "{\"goal\": \"The dog was hungry, so\", \"sol1\": \"he ate the bread.\", \"sol2\": \"he.\", \"label\": 0}\n"
    "{\"goal\": \"The dog was happy, because\", \"sol1\": \"the sun was shining on the whole garden that day.\", "
    "\"sol2\": \"it saw the cat.\", \"label\": 1}\n"
    "{\"goal\": \"Once\", \"sol1\": \"a\", \"sol2\": \"upon a time there was a king\", \"label\": 1}\n"
    "{\"goal\": \"The dog ran\", \"sol1\": \"away\", \"sol2\": \"home\", \"label\": 0}\n";

/* The log-likelihoods of all requests, in order. */
static int all_sums(double *out, wkv_items *s)
{
    int n = 0;
    for (int i = 0; i < wkv_items_count(s); i++)
        for (int k = 0; k < wkv_items_at(s, i)->n; k++) out[n++] = wkv_items_at(s, i)->requests[k].log_likelihood;
    return n;
}

static void scores(void)
{
    wkv_items *s = items_of("piqa", NULL, stories, NULL);
    double first[16], again[16];
    wkv_context *c = context_new(model, 2, NULL), *one = context_new(model, 1, NULL);
    EXPECT_EQ(wkv_items_score(s, c, NULL), 0);
    for (int i = 0; i < wkv_items_count(s); i++)
        for (int k = 0; k < wkv_items_at(s, i)->n; k++) check_request(&wkv_items_at(s, i)->requests[k], c);
    const int n = all_sums(first, s);
    EXPECT_EQ(n, 8);
    for (int batch = 1; batch <= 5; batch++) { /* bits do not depend on the batch and the threads */
        EXPECT_EQ(wkv_items_score(s, batch % 2 ? one : c, &(wkv_score_options){.batch = batch}), 0);
        all_sums(again, s);
        EXPECT(!memcmp(first, again, sizeof *first * (size_t)n));
    }
    wkv_state *begin = state_new(model); /* a state before each context */
    EXPECT_EQ(wkv_eval(c, begin, (const int32_t[]){5, 6, 7}, 3, NULL), 0);
    EXPECT_EQ(wkv_items_score(s, c, &(wkv_score_options){.begin = begin}), 0);
    all_sums(again, s);
    EXPECT(memcmp(first, again, sizeof *first * (size_t)n) != 0);
    wkv_state_free(begin);
    wkv_items_free(s);
    wkv_context_free(one);
    wkv_context_free(c);
}

static int stop_at_two(void *user, int64_t done, int64_t total)
{
    EXPECT(done <= total);
    return ++*(int *)user == 2;
}

static void stopping(void)
{
    wkv_items *s = items_of("piqa", NULL, stories, NULL);
    wkv_context *c = context_new(model, 1, NULL);
    int calls = 0, done = 0;
    EXPECT_EQ(wkv_items_score(s, c, &(wkv_score_options){.batch = 2, .report = stop_at_two, .user = &calls}),
              WKV_ESTOPPED);
    for (int i = 0; i < wkv_items_count(s); i++) done += !isnan(wkv_item_metric(wkv_items_at(s, i), "acc"));
    EXPECT(done < wkv_items_count(s));
    wkv_metric m[WKV_METRICS];
    if (wkv_items_metrics(s, NULL, m) > 0) EXPECT_EQ(m[0].n, done);
    wkv_context_free(c);
    wkv_items_free(s);
}

/* ---- several processes, here threads ----------------------------------------------------------------------------- */

enum { PROCESSES = 3 };
static pthread_barrier_t meet;
static struct {
    double *x;
    void *bytes;
    double sums[16];
    int n, err;
} member[PROCESSES];

static void add(void *user, double *x, int n)
{
    member[*(int *)user].x = x;
    pthread_barrier_wait(&meet);
    double *sum = calloc((size_t)n + 1, sizeof *sum);
    for (int k = 0; k < PROCESSES; k++)
        for (int i = 0; i < n; i++) sum[i] += member[k].x[i];
    pthread_barrier_wait(&meet);
    memcpy(x, sum, sizeof *x * (size_t)n);
    free(sum);
}
static void send(void *user, void *x, size_t bytes, int from)
{
    member[*(int *)user].bytes = x;
    pthread_barrier_wait(&meet);
    if (*(int *)user != from) memcpy(x, member[from].bytes, bytes);
    pthread_barrier_wait(&meet);
}
static void no_reduce(void *user, float *x, size_t n, int to) { (void)user, (void)x, (void)n, (void)to; }
static void nothing(void *user) { (void)user; }
static int stop_in_last(void *user, int64_t done, int64_t total)
{
    (void)done, (void)total;
    return *(int *)user == PROCESSES - 1;
}

static const char *shared_path;
static int fails; /* a process is stopped */

static void *process(void *rank)
{
    const int me = *(int *)rank;
    const char *path = shared_path;
    wkv_task *t;
    wkv_items *s;
    wkv_context *c = context_new(model, 1, NULL);
    if (wkv_task_open(&t, "piqa", NULL) || wkv_items_read(&s, t, path, model, words, NULL)) abort();
    const wkv_communicator all = {.rank = me,
                                  .count = PROCESSES,
                                  .local_count = PROCESSES,
                                  .user = rank,
                                  .allreduce = add,
                                  .reduce = no_reduce,
                                  .broadcast = send,
                                  .progress = nothing,
                                  .wait_all = nothing};
    member[me].err = wkv_items_score(
        s, c, &(wkv_score_options){.communicator = &all, .report = fails ? stop_in_last : NULL, .user = rank});
    member[me].n = all_sums(member[me].sums, s);
    wkv_items_free(s);
    wkv_task_close(t);
    wkv_context_free(c);
    return NULL;
}

static void run_processes(void)
{
    pthread_t thread[PROCESSES];
    int rank[PROCESSES];
    pthread_barrier_init(&meet, NULL, PROCESSES);
    for (int i = 0; i < PROCESSES; i++) rank[i] = i, pthread_create(&thread[i], NULL, process, &rank[i]);
    for (int i = 0; i < PROCESSES; i++) pthread_join(thread[i], NULL);
    pthread_barrier_destroy(&meet);
}

static void processes(void)
{
    double alone[16];
    shared_path = write_text("shared.jsonl", stories);
    wkv_items *s = items_of("piqa", NULL, stories, NULL);
    wkv_context *c = context_new(model, 2, NULL);
    EXPECT_EQ(wkv_items_score(s, c, NULL), 0);
    const int n = all_sums(alone, s);
    wkv_items_free(s);
    wkv_context_free(c);
    fails = 0;
    run_processes();
    for (int i = 0; i < PROCESSES; i++) {
        EXPECT_EQ(member[i].err, 0);
        EXPECT(member[i].n == n && !memcmp(member[i].sums, alone, sizeof *alone * (size_t)n));
    }
    fails = 1;
    run_processes();
    for (int i = 0; i < PROCESSES; i++) EXPECT_EQ(member[i].err, WKV_ESTOPPED);
}

/* ---- metrics ----------------------------------------------------------------------------------------------------- */

/* Results by hand. */
static void set_scores(wkv_item *q, const double *sums)
{
    for (int i = 0; i < q->n; i++) q->requests[i].log_likelihood = sums[i], q->requests[i].done = 1;
}

static void metrics(void)
{
    wkv_metric m[WKV_METRICS];
    wkv_items *s = items_of("piqa", NULL, stories, NULL);
    EXPECT_EQ(wkv_items_metrics(s, NULL, m), 0);
    /* right: 0, 1, 1, 0; characters: 17 3, 49 15, 1 28, 4 4 */
    set_scores(wkv_items_at(s, 0), (const double[]){-10, -9});
    set_scores(wkv_items_at(s, 1), (const double[]){-5, -4});
    set_scores(wkv_items_at(s, 2), (const double[]){-1, -7});
    set_scores(wkv_items_at(s, 3), (const double[]){-2, -2}); /* the first of equal ones */
    EXPECT_EQ(wkv_items_metrics(s, NULL, m), 2);
    EXPECT_STR(m[0].name, "acc");
    EXPECT_NEAR(m[0].value, 0.5, 1e-12); /* items 1 and 3 */
    EXPECT_NEAR(m[0].error, sqrt(4 * 0.25 / 3 / 4), 1e-12);
    EXPECT_STR(m[1].name, "acc_norm");
    EXPECT_NEAR(m[1].value, 0.75, 1e-12); /* -10/17 > -3; -5/49 > -4/15: wrong; -0.25 > -1; equal */
    EXPECT_NEAR(m[1].error, sqrt((3 * 0.0625 + 0.5625) / 3 / 4), 1e-12);
    EXPECT_NEAR(wkv_item_metric(wkv_items_at(s, 0), "acc"), 0, 0);
    EXPECT_NEAR(wkv_item_metric(wkv_items_at(s, 0), "acc_norm"), 1, 0);
    EXPECT(isnan(wkv_item_metric(wkv_items_at(s, 0), "beauty")));
    wkv_items_free(s);

    s = items_of("lambada", NULL, "{\"text\": \"a b\"}\n{\"text\": \"a c\"}\n", NULL);
    set_scores(wkv_items_at(s, 0), (const double[]){-1});
    set_scores(wkv_items_at(s, 1), (const double[]){-3});
    wkv_items_at(s, 1)->requests->greedy = 1;
    EXPECT_EQ(wkv_items_metrics(s, NULL, m), 2);
    EXPECT_STR(m[0].name, "perplexity");
    EXPECT_NEAR(m[0].value, exp(2), 1e-9);
    EXPECT_NEAR(m[0].error, exp(2) * 1, 1e-9); /* s = sqrt 2, s / sqrt 2 = 1 */
    EXPECT_NEAR(m[1].value, 0.5, 1e-12);
    wkv_items_free(s);
}

static void statistics(void)
{
    EXPECT_NEAR(wkv_mcnemar(0, 0), 1, 1e-12);
    EXPECT_NEAR(wkv_mcnemar(5, 0), 0.0625, 1e-12);
    EXPECT_NEAR(wkv_mcnemar(2, 10), 2 * 79.0 / 4096, 1e-12);
    EXPECT_NEAR(wkv_mcnemar(7, 7), 1, 1e-12);
    wkv_line l;
    const double x[] = {1, 2, 3, 4}, y[] = {2, 4, 5, 4};
    EXPECT_EQ(wkv_fit_line(&l, x, y, 4), 0);
    EXPECT_NEAR(l.slope, 0.7, 1e-12);
    EXPECT_NEAR(l.intercept, 2, 1e-12);
    EXPECT_NEAR(l.residual, sqrt(2.3 / 2), 1e-12);
    EXPECT_NEAR(l.error, sqrt(2.3 / 2 / 5), 1e-12);
    EXPECT_NEAR(l.interval, 4.30265 * l.error, 1e-12);
    EXPECT_EQ(wkv_fit_line(&l, x, y, 2), WKV_EARG);
    EXPECT_EQ(wkv_fit_line(&l, (const double[]){1, 1, 1}, y, 3), WKV_EARG);
    const wkv_published_score *p;
    int n = 0;
    for (; (p = wkv_published(n)); n++) EXPECT(p->parameters > 1e6 && p->value > 0 && *p->source);
    EXPECT(n > 100);
}

/* ---- documents --------------------------------------------------------------------------------------------------- */

static const char two_documents[] =
    "{\"text\": \"Once upon a time there was a little girl who lived in a wood with her "
    "dog and her cat, and they were very happy.\"}\n{\"text\": \"\xe6\xb1\x9f\xe6\xb9\x96\"}\n";

/* Every id but the first is scored once, by the windows of the rule. */
static void check_windows(int window, int stride)
{
    wkv_items *s;
    const char *path = write_text("documents.jsonl", two_documents);
    EXPECT_EQ(wkv_items_texts(&s, path, model, words, window, stride, 0), 0);
    if (!s) return;
    EXPECT_EQ(wkv_items_count(s), 2);
    for (int i = 0; i < 2; i++) {
        const wkv_item *q = wkv_items_at(s, i);
        const int32_t *ids = q->requests->context_ids;
        int scored = 1;
        for (int k = 0; k < q->n; k++) {
            const wkv_request *r = &q->requests[k];
            EXPECT(r->context_ids == ids + k * (stride ? stride : window / 2));
            EXPECT(r->ids == ids + scored && r->ids == r->context_ids + r->n_context);
            EXPECT(!window || r->n_context + r->n == window || k == q->n - 1);
            EXPECT(!window || r->n_context + r->n <= window);
            scored += r->n;
        }
        const char *const texts[] = {strstr(two_documents, "Once"), strstr(two_documents, "\xe6")};
        const size_t bytes = strcspn(texts[i], "\"");
        EXPECT_EQ(ids[0], wkv_tokenizer_end(words));
        EXPECT_EQ(scored, 1 + wkv_encode(words, texts[i], bytes, NULL, 0));
        EXPECT_EQ(q->bytes, (int64_t)bytes);
    }
    wkv_items_free(s);
}

static void documents(void)
{
    check_windows(0, 0);
    check_windows(8, 0);
    check_windows(8, 1);
    check_windows(8, 7);
    check_windows(2, 1);
    check_windows(1000, 10);
    wkv_items *s;
    wkv_metric m[WKV_METRICS];
    wkv_context *c = context_new(model, 2, NULL);
    EXPECT_EQ(wkv_items_texts(&s, write_text("d.jsonl", two_documents), model, words, 6, 3, 0), 0);
    EXPECT_EQ(wkv_items_score(s, c, NULL), 0);
    double nll[2] = {0}, tokens[2] = {0};
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < wkv_items_at(s, i)->n; k++) {
            check_request(&wkv_items_at(s, i)->requests[k], c);
            nll[i] -= wkv_items_at(s, i)->requests[k].log_likelihood;
            tokens[i] += wkv_items_at(s, i)->requests[k].n;
        }
    EXPECT_EQ(wkv_items_metrics(s, NULL, m), 2);
    const double x[] = {(double)wkv_items_at(s, 0)->bytes, (double)wkv_items_at(s, 1)->bytes},
                 R = (nll[0] + nll[1]) / (x[0] + x[1]);
    EXPECT_NEAR(m[0].value, R / log(2), 1e-9);
    EXPECT_NEAR(m[0].error, sqrt(2 * (pow(nll[0] - R * x[0], 2) + pow(nll[1] - R * x[1], 2))) / (x[0] + x[1]) / log(2),
                1e-9);
    EXPECT_NEAR(m[1].value, exp((nll[0] + nll[1]) / (tokens[0] + tokens[1])), 1e-6);
    wkv_items_free(s);
    wkv_context_free(c);
}

/* ---- needles ----------------------------------------------------------------------------------------------------- */

static void needles(void)
{
    wkv_items *s, *again;
    const int lengths[] = {200, 400, 0}, depths[] = {0, 50, 100, -1};
    const wkv_needle_options o = {.lengths = lengths, .depths = depths, .samples = 2, .keys = 3, .seed = 9};
    EXPECT_EQ(wkv_items_needles(&s, model, words, &o), 0);
    EXPECT_EQ(wkv_items_needles(&again, model, words, &o), 0);
    EXPECT_EQ(wkv_items_count(s), 12);
    for (int i = 0; s && again && i < 12; i++) {
        const wkv_item *q = wkv_items_at(s, i);
        const wkv_request *r = q->requests;
        const int length = lengths[i / 6], depth = depths[i / 2 % 3];
        char needle[100], group[32];
        EXPECT_STR(r->context, wkv_items_at(again, i)->requests->context);
        EXPECT(r->n_context <= length && r->n_context > length - 100);
        snprintf(needle, sizeof needle, "is:%s. ", r->continuation);
        const char *at = strstr(r->context, needle);
        EXPECT(at && !strstr(at + 1, needle));
        const double place = at ? (double)(at - r->context) / (double)strlen(r->context) : -1;
        EXPECT(depth == 0 ? place < 0.5 : depth == 100 ? place > 0.5 : place > 0.2 && place < 0.8);
        snprintf(group, sizeof group, "%d %d", length, depth);
        EXPECT_STR(q->group, group);
        EXPECT_EQ(q->n, 10);
        for (int k = 1; k < q->n; k++) EXPECT(strcmp(q->requests[k].continuation, r->continuation) != 0);
        for (int k = 1; k < 3; k++) EXPECT(strstr(r->context, q->requests[k].continuation + 1) != NULL);
    }
    wkv_items_free(s);
    wkv_items_free(again);
    EXPECT_EQ(
        wkv_items_needles(&s, model, words, &(wkv_needle_options){.lengths = (const int[]){20, 0}, .depths = depths}),
        WKV_EARG);
    EXPECT_HAS(wkv_error(), "more than the length 20");
}

/* ---- bad input --------------------------------------------------------------------------------------------------- */

static const struct {
    const char *description, *sentence;
} bad_tasks[] = {
    {"nothing", "no task 'nothing'; there are lambada, piqa"},
    {"{", "expected"},
    {"{\"name\": \"t\"}", "no \"context\""},
    {"{\"context\": \"x\", \"target\": \"y\"}", "no \"name\""},
    {"{\"name\": \"t\", \"context\": \"x\"}", "neither \"choices\" nor \"target\""},
    {"{\"name\": \"t\", \"context\": \"x\", \"choices\": [\"a\"], \"target\": \"y\"}", "give one"},
    {"{\"name\": \"t\", \"context\": \"x\", \"choices\": [\"a\", \"b\"]}", "no \"answer\""},
    {"{\"name\": \"t\", \"context\": \"{x\", \"target\": \"y\"}", "\"context\": no } after"},
    {"{\"name\": \"t\", \"context\": \"{x|loud}\", \"target\": \"y\"}", "no filter 'loud'"},
    {"{\"name\": \"t\", \"contxt\": \"x\"}", "unknown key \"contxt\""},
    {"{\"name\": \"t\", \"context\": 3}", "\"context\""},
    {"{\"name\": \"t\", \"context\": \"x\", \"target\": \"y\", \"metrics\": [\"beauty\"]}", "no metric \"beauty\""},
    {"{\"name\": \"t\", \"context\": \"x\", \"target\": \"y\", \"rules\": [\"mine\"]}", "no rule \"mine\""},
    {"{\"name\": \"t\", \"context\": \"x\", \"target\": \"y\", \"forms\": [{}]}", "form 1 has no string \"has\""},
    {"{\"name\": \"t\", \"context\": \"x\", \"target\": \"y\", \"single_token\": 1}", "neither true nor false"},
};

static const struct {
    const char *task, *line, *sentence;
} bad_items[] = {
    {"piqa", "{\"goal\": \"a\"}", "items.jsonl: line 1: no field \"sol1\"; the item has goal"},
    {"piqa", "\n{\"goal\": ", "line 2"},
    {"piqa", "{\"goal\": \"a\", \"sol1\": \"b\", \"sol2\": \"c\", \"label\": 2}",
     "the answer is '2', expected one of 0, 1"},
    {"piqa", "{\"goal\": \"a\", \"sol1\": \"\", \"sol2\": \"c\", \"label\": 0}", "a choice is empty"},
    {"piqa", "{\"goal\": [1], \"sol1\": \"b\", \"sol2\": \"c\", \"label\": 0}", "is a list"},
    {"piqa", "{\"goal\": \"\\u0000\", \"sol1\": \"b\", \"sol2\": \"c\", \"label\": 0}", "NUL"},
    {"piqa", "[1]", "line 1"},
    {"lambada", "{\"text\": \"word\"}", "no ' ' in the text 'word'"},
    {"winogrande", "{\"sentence\": \"no gap\", \"option1\": \"a\", \"option2\": \"b\", \"answer\": \"1\"}",
     "no '_' in the text"},
    {"arc_easy",
     "{\"question\": \"q\", \"choices\": {\"text\": [\"a\", \"b\"], \"label\": [\"A\"]}, \"answerKey\": \"A\"}",
     "2 choices, but 1 labels"},
    {"arc_easy", "{\"question\": \"q\", \"choices\": {\"text\": [], \"label\": []}, \"answerKey\": \"A\"}",
     "the list of choices is empty"},
    {"mmlu", "{\"subject\": \"s\", \"question\": \"q\", \"choices\": [\"a\", \"b\"], \"answer\": 0}",
     "no element 2 in a list of 2"},
};

static void bad_input(void)
{
    wkv_task *t;
    for (size_t i = 0; i < sizeof bad_tasks / sizeof *bad_tasks; i++) {
        EXPECT(wkv_task_open(&t, bad_tasks[i].description, NULL) < 0 && !t);
        EXPECT_HAS(wkv_error(), bad_tasks[i].sentence);
    }
    for (size_t i = 0; i < sizeof bad_items / sizeof *bad_items; i++) {
        wkv_items *s = items_of(bad_items[i].task, NULL, bad_items[i].line, NULL);
        EXPECT(!s);
        EXPECT_HAS(wkv_error(), bad_items[i].sentence);
        wkv_items_free(s);
    }
    EXPECT(wkv_task_open(&t, "mmlu", "harness-0.3") == WKV_EARG);
    EXPECT_HAS(wkv_error(), "task mmlu has no rule harness-0.3; it has harness-0.4, blinkdl");
    EXPECT(wkv_task_open(&t, "piqa", "fair") == WKV_EARG);
    EXPECT_HAS(wkv_error(), "no rule 'fair'");
}

/* Bytes of descriptions and items that are replaced, removed or doubled: a sentence or a result, never a crash. */
static void mutants(void)
{
    unsigned long long seed = 1;
    int opened = 0, read = 0;
    for (int i = 0; i < 3000; i++) {
        char text[4096];
        wkv_task *t, *sound;
        const int which = i % 13, of_items = i % 2;
        EXPECT_EQ(wkv_task_open(&sound, wkv_task_name(which), NULL), 0);
        const char *from = of_items ? known_items[i / 2 % (int)(sizeof known_items / sizeof *known_items)].line
                                    : wkv_task_about(sound)->text;
        snprintf(text, sizeof text, "%s", from);
        for (int k = 0; k < 1 + i % 3; k++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            const size_t n = strlen(text), at = n ? (size_t)(seed >> 33) % n : 0;
            static const char bytes[] = "{}[]\"|(),:\\0a\xff";
            if (seed >> 20 & 1)
                text[at] = bytes[(seed >> 24) % (sizeof bytes - 1)];
            else
                memmove(text + at, text + at + 1, n - at);
        }
        if (of_items) {
            wkv_items *s =
                items_of(known_items[i / 2 % (int)(sizeof known_items / sizeof *known_items)].task, NULL, text, NULL);
            read += s != NULL;
            wkv_items_free(s);
        } else if (*text == '{' && !wkv_task_open(&t, text, NULL)) {
            wkv_items *s = NULL;
            opened++;
            for (size_t k = 0; k < sizeof known_items / sizeof *known_items; k++) {
                if (strcmp(known_items[k].task, wkv_task_name(which))) continue;
                wkv_items_read(&s, t, write_text("items.jsonl", known_items[k].line), model, words, NULL);
                wkv_items_free(s);
            }
            wkv_task_close(t);
        }
        wkv_task_close(sound);
    }
    EXPECT(opened > 100 && read > 100);
}

int main(void)
{
    if (wkv_model_open(&model, NULL, NULL) || wkv_tokenizer_open(&words, NULL, model)) {
        printf("%s\n", wkv_error());
        return 1;
    }
    folder_begin("task");
    RUN(patterns);
    RUN(rules);
    RUN(joint_tokens);
    RUN(built_in_tasks);
    RUN(examples);
    RUN(scores);
    RUN(stopping);
    RUN(processes);
    RUN(metrics);
    RUN(statistics);
    RUN(documents);
    RUN(needles);
    RUN(bad_input);
    RUN(mutants);
    folder_end();
    wkv_tokenizer_close(words);
    wkv_model_close(model);
    return DONE();
}
