/* test_task.c - descriptions of tasks: patterns, the ids of each rule, the built-in tasks, examples before an item, and
 * bad descriptions and items. */
#include "tasks.h"
#include "study/pattern.h"

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
     "{\"question\": \"Q?\", \"choices\": {\"text\": [\"a\", \"b\", \"c\"], \"label\": [\"1\", \"2\", "
     "\"3\"]}, \"answerKey\": \"3\"}",
     3,
     2,
     {"Question: Q?\nAnswer:", "Question: Q?\nAnswer:"},
     {" a", " b"}},
    {"openbookqa",
     NULL,
     "{\"question_stem\": \"Sun is\", \"choices\": {\"text\": [\"hot\", \"cold\"], \"label\": [\"A\", "
     "\"B\"]}, \"answerKey\": \"A\"}",
     2,
     0,
     {"Sun is", "Sun is"},
     {" hot", " cold"}},
    {"copa",
     "harness-0.4",
     "{\"premise\": \"It rained. \", \"question\": \"effect\", \"choice1\": \"I Got wet.\", "
     "\"choice2\": \"It froze.\", \"label\": 0}",
     2,
     0,
     {"It rained therefore", "It rained therefore"},
     {"  i Got wet.", "  it froze."}},
    {"copa",
     "harness-0.3",
     "{\"premise\": \"It rained.\", \"question\": \"cause\", \"choice1\": \"I got wet.\", "
     "\"choice2\": \"It froze.\", \"label\": 1}",
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
     {"User: You are a very talented expert in us law. Answer this question:\nQ\nA. w\nB. x\nC. y\nD. z\n\n"
      "Assistant: The answer is",
      "User: You are a very talented expert in us law. Answer this question:\nQ\nA. w\nB. x\nC. y\nD. z\n\n"
      "Assistant: The answer is"},
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
     "{\"support\": \"\", \"question\": \"Q\", \"distractor1\": \"a\", \"distractor2\": \"b\", "
     "\"distractor3\": \"c\", \"correct_answer\": \"d\"}",
     4,
     3,
     {"\nQuestion: Q\nAnswer:", "\nQuestion: Q\nAnswer:"},
     {" a", " b"}},
    {"sciq",
     "harness-0.3",
     "{\"support\": \"\", \"question\": \"Q\", \"distractor1\": \"a\", \"distractor2\": \"b\", "
     "\"distractor3\": \"c\", \"correct_answer\": \"d\"}",
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
     "{\"input_sentence_1\": \"A.\", \"input_sentence_2\": \"B.\", \"input_sentence_3\": \"C.\", "
     "\"input_sentence_4\": \"D.\", "
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
    if (tasks_begin("task")) return 1;
    RUN(patterns);
    RUN(rules);
    RUN(joint_tokens);
    RUN(built_in_tasks);
    RUN(examples);
    RUN(bad_input);
    RUN(mutants);
    tasks_end();
    return DONE();
}
