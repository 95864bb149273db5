/* Sessions and the batcher: the same text and the same bits alone and among others; stop strings, an ending, branches
 * and cancelled answers leave ids that give the state when they are read again; one bad session refuses no other. */
#include <jansson.h>
#include <stdlib.h>
#include "base/file.h"
#include "models.h"
#include "test.h"
#include "wkv_session.h"
#include "wkv_study.h"

static wkv_model *m;
static wkv_context *c;
static wkv_tokenizer *t;

static const char *const prompts[] = {"Once upon a time", "User: hi\n\nAssistant:", "却说行者", "The old king"};
enum { PROMPTS = 4, LONG = 48 };

static wkv_session *begun(const char *prompt)
{
    wkv_session *s;
    EXPECT_EQ(wkv_session_new(&s, m, t), 0);
    EXPECT_EQ(wkv_session_append_text(s, prompt, strlen(prompt)), 0);
    return s;
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

typedef struct {
    char text[3][4096]; /* of TEXT, REASONING, TOOL_CALL */
    int done, code;
    wkv_finish_reason reason;
    int stop;
} result;

static int complete(const char *text, size_t n)
{
    size_t i = 0;
    for (size_t more; i < n; i += 1 + more) {
        const unsigned char u = (unsigned char)text[i];
        more = u < 0xc0 ? 0 : u < 0xe0 ? 1 : u < 0xf0 ? 2 : 3;
    }
    return i == n;
}

static void collect(wkv_session *s, result *r)
{
    wkv_event e;
    while (wkv_session_next_event(s, &e)) {
        EXPECT(!r->done);
        EXPECT_EQ(strlen(e.text), e.bytes);
        if (e.kind == WKV_EVENT_DONE)
            r->done = 1, r->reason = e.finish_reason, r->stop = e.stop, r->code = e.code;
        else if (e.kind != WKV_EVENT_TOKEN) {
            EXPECT(complete(e.text, e.bytes));
            strcat(r->text[e.kind], e.text);
        }
    }
}

/* Step until nothing is pending. */
static void finish(wkv_batcher *b, wkv_session *const *s, result *r, int n)
{
    while (wkv_batcher_pending(b)) {
        EXPECT_EQ(wkv_batcher_step(b), 0);
        for (int i = 0; i < n; i++) collect(s[i], &r[i]);
    }
    for (int i = 0; i < n; i++) EXPECT(r[i].done);
}

static result run(wkv_session *s, const wkv_generation *g)
{
    result r = {0};
    wkv_batcher *b;
    EXPECT_EQ(wkv_batcher_new(&b, c, NULL), 0);
    if (wkv_batcher_add(b, s, g)) FAILED("%s", wkv_error());
    finish(b, &s, &r, 1);
    wkv_batcher_free(b);
    return r;
}

/* The state equals a replay of the ids that it has read. */
static int replays(wkv_session *s)
{
    const wkv_session_info about = wkv_session_about(s);
    wkv_state *again;
    EXPECT_EQ(wkv_state_new(&again, m), 0);
    if (about.read) EXPECT_EQ(wkv_eval(c, again, about.ids, about.read, NULL), 0);
    const int same =
        !memcmp(wkv_state_data(again), wkv_state_data(wkv_session_state(s)), wkv_model_about(m)->state_bytes);
    wkv_state_free(again);
    return same;
}

static void text_of(const wkv_session *s, char *out)
{
    const wkv_session_info about = wkv_session_about(s);
    *out = 0;
    for (int i = 0; i < about.n; i++) {
        size_t n;
        const char *p = wkv_token_bytes(t, about.ids[i], &n);
        strncat(out, p, n);
    }
}

/* ---- one session ------------------------------------------------------------------------------------------------- */

/* An answer equals the loop that a program writes with wkv_eval and wkv_sample. */
static void samples_as_a_loop_does(void)
{
    const wkv_sampler_options o = {.temperature = 1, .top_p = 0.8f, .presence = 0.3f, .seed = 5};
    for (int p = 0; p < PROMPTS; p++) {
        wkv_session *s = begun(prompts[p]);
        const int n = wkv_session_about(s).n;
        run(s, &(wkv_generation){.sampler = &o, .max_tokens = LONG});
        const wkv_session_info about = wkv_session_about(s);
        wkv_state *state;
        wkv_sampler *sampler;
        float *logits = malloc(sizeof *logits * (size_t)wkv_model_about(m)->vocab);
        EXPECT_EQ(wkv_state_new(&state, m), 0);
        EXPECT_EQ(wkv_sampler_new(&sampler, &o, wkv_model_about(m)->vocab, t), 0);
        wkv_eval(c, state, about.ids, n, logits);
        for (int i = n; i < about.n; i++) {
            const int32_t id = wkv_sample(sampler, logits);
            EXPECT_EQ(about.ids[i], id);
            wkv_eval(c, state, &id, 1, logits);
        }
        EXPECT_EQ(about.sampled, about.n - n);
        EXPECT(replays(s));
        free(logits);
        wkv_sampler_free(sampler);
        wkv_state_free(state);
        wkv_session_free(s);
    }
}

/* For every cut of a text in the middle of an answer: it ends before the stop string, and ids and state are those of
 * the text shown and the ending. */
static void stops_everywhere(void)
{
    wkv_session *s = begun(prompts[0]);
    const result whole = run(s, &(wkv_generation){.max_tokens = LONG});
    const char *text = whole.text[0];
    wkv_session_free(s);
    for (size_t at = 1; at + 5 < strlen(text) && at < 40; at++) {
        char stop[6] = "", expected[4200], got[4200];
        memcpy(stop, text + at, 5);
        const size_t cut = (size_t)(strstr(text, stop) - text);
        s = begun(prompts[0]);
        const result r =
            run(s, &(wkv_generation){
                       .stops = (const char *[]){"\n\n\n\n", stop}, .n_stops = 2, .ending = at % 2 ? "\n\n" : NULL});
        EXPECT_EQ(r.reason, WKV_FINISH_STOP);
        EXPECT_EQ(r.stop, 1);
        EXPECT_EQ(strlen(r.text[0]), cut);
        EXPECT(!memcmp(r.text[0], text, cut));
        EXPECT(replays(s));
        text_of(s, got);
        size_t n = cut;
        while (at % 2 && n && strchr(" \n", text[n - 1])) n--;
        snprintf(expected, sizeof expected, "%s%.*s%s", prompts[0], (int)n, text, at % 2 ? "\n\n" : "");
        EXPECT_STR(got, expected);
        const result rest = run(s, &(wkv_generation){.max_tokens = 3}); /* it goes on from there */
        EXPECT_EQ(rest.reason, WKV_FINISH_LENGTH);
        EXPECT_EQ(rest.stop, -1);
        EXPECT(replays(s));
        wkv_session_free(s);
    }
}

/* An ending takes the place of trailing blanks, also of those that were shown before. */
static void one_ending(void)
{
    wkv_session *s = begun(prompts[0]);
    for (int n = 1; n < LONG; n++) {
        char text[4200];
        wkv_session *part;
        EXPECT_EQ(wkv_session_fork(&part, s), 0);
        run(part, &(wkv_generation){.max_tokens = n, .ending = "\n\n"});
        text_of(part, text);
        const size_t end = strlen(text) - 2;
        EXPECT_STR(text + end, "\n\n");
        if (strchr(" \n", text[end - 1])) FAILED("%d tokens: a blank before the ending of \"%s\"", n, text);
        EXPECT(replays(part));
        wkv_session_free(part);
    }
    wkv_session_free(s);
}

/* An answer of 2n tokens equals one of n continued by n: the random numbers go on, the counts of the penalties do
 * not. */
static void continues(void)
{
    const wkv_sampler_options o = {.temperature = 1, .seed = 9};
    wkv_session *once = begun(prompts[3]), *twice = begun(prompts[3]);
    result a = run(once, &(wkv_generation){.sampler = &o, .max_tokens = 2 * LONG});
    result b = run(twice, &(wkv_generation){.sampler = &o, .max_tokens = LONG});
    EXPECT_EQ(wkv_session_about(twice).sampled, LONG);
    const result more = run(twice, &(wkv_generation){.sampler = &o, .max_tokens = LONG});
    strcat(b.text[0], more.text[0]);
    EXPECT_STR(b.text[0], a.text[0]);
    wkv_session_free(once);
    wkv_session_free(twice);
}

static void reads_without_an_answer(void)
{
    wkv_session *s = begun(prompts[0]), *whole = begun(prompts[0]);
    EXPECT_EQ(run(s, NULL).reason, WKV_FINISH_READ);
    EXPECT_EQ(wkv_session_about(s).read, wkv_session_about(s).n);
    EXPECT(replays(s));
    const result a = run(s, &(wkv_generation){.max_tokens = 5}), b = run(whole, &(wkv_generation){.max_tokens = 5});
    EXPECT_STR(a.text[0], b.text[0]);
    wkv_session_free(s);
    wkv_session_free(whole);
}

/* A branch has its own future and the same past. */
static void forks(void)
{
    wkv_session *s = begun(prompts[1]), *branch, *other;
    run(s, NULL);
    EXPECT_EQ(wkv_session_fork(&branch, s), 0);
    EXPECT_EQ(wkv_session_fork(&other, s), 0);
    const wkv_sampler_options o = {.temperature = 1, .seed = 4};
    const result a = run(s, &(wkv_generation){.max_tokens = 8}), b = run(branch, &(wkv_generation){.max_tokens = 8});
    run(other, &(wkv_generation){.sampler = &o, .max_tokens = 8});
    EXPECT_STR(a.text[0], b.text[0]);
    EXPECT(replays(s) && replays(branch) && replays(other));
    wkv_session_free(s);
    wkv_session_free(branch);
    wkv_session_free(other);
}

/* Text that is cut inside a token, and an answer of tokens that no encoding gives. */
static void segments_apart(void)
{
    wkv_session *s = begun("The old king was very happy.\n\n");
    EXPECT_EQ(wkv_session_apart(s), 0);
    EXPECT_EQ(wkv_session_append_text(s, "Once upon a ti", 14), 0);
    EXPECT_EQ(wkv_session_apart(s), 0);
    EXPECT_EQ(wkv_session_append_text(s, "me there was", 12), 0);
    EXPECT_EQ(wkv_session_apart(s), 2);
    const int32_t letters[] = {1 + ' ', 1 + 'a', 1 + ' ', 1 + 'k', 1 + 'i', 1 + 'n', 1 + 'g'};
    EXPECT_EQ(wkv_session_append_ids(s, letters, 7), 0);
    EXPECT_EQ(wkv_session_apart(s), 3);
    wkv_session_free(s);
}

/* ---- many -------------------------------------------------------------------------------------------------------- */

enum { MANY = 32 };

static wkv_session *one_of_many(int i)
{
    char prompt[600];
    snprintf(
        prompt, sizeof prompt, "%.*s", 20 + 17 * i,
        "There was once a king who had three daughters, and the youngest was so beautiful that the sun itself, who "
        "had seen so much, was astonished whenever it shone on her face. Near the castle lay a great dark forest, "
        "and in the forest, under an old lime tree, was a well. When the day was warm, the child went out into the "
        "forest and sat down by the side of the cool fountain, and when she was bored she took a golden ball, "
        "threw it up on high and caught it, and this ball was her favourite plaything.");
    return begun(prompt);
}

static wkv_generation generation_of_many(wkv_sampler_options *o, int i)
{
    *o = (wkv_sampler_options){.temperature = 0.9f, .top_p = 0.9f, .frequency = 0.2f, .seed = 100 + (uint64_t)i};
    return (wkv_generation){.sampler = o, .max_tokens = 10 + i, .ending = i % 2 ? "\n\n" : NULL};
}

/* 32 sessions of uneven prompts, in few slots and in many: every text and every bit as alone. */
static void together_as_alone(void)
{
    for (int slots = 5; slots <= MANY; slots += MANY - 5) {
        wkv_batcher *b;
        wkv_session *s[MANY];
        static result r[MANY];
        wkv_sampler_options o;
        memset(r, 0, sizeof r);
        EXPECT_EQ(wkv_batcher_new(&b, c, &(wkv_batcher_options){.slots = slots, .step_seconds = 0.01}), 0);
        for (int i = 0; i < MANY; i++) {
            s[i] = one_of_many(i);
            const wkv_generation g = generation_of_many(&o, i);
            EXPECT_EQ(wkv_batcher_add(b, s[i], &g), 0);
        }
        EXPECT_EQ(wkv_batcher_about(b).active, slots);
        EXPECT_EQ(wkv_batcher_about(b).waiting, MANY - slots);
        finish(b, s, r, MANY);
        EXPECT_EQ(wkv_batcher_about(b).active, 0);
        EXPECT(wkv_batcher_about(b).prompt_rate > 0);
        for (int i = 0; i < MANY; i++) {
            wkv_session *alone = one_of_many(i);
            const wkv_generation g = generation_of_many(&o, i);
            const result a = run(alone, &g);
            EXPECT_STR(r[i].text[0], a.text[0]);
            EXPECT_EQ(r[i].reason, a.reason);
            EXPECT_EQ(wkv_session_about(s[i]).n, wkv_session_about(alone).n);
            EXPECT(!memcmp(wkv_state_data(wkv_session_state(s[i])), wkv_state_data(wkv_session_state(alone)),
                           wkv_model_about(m)->state_bytes));
            wkv_session_free(alone);
            wkv_session_free(s[i]);
        }
        wkv_batcher_free(b);
    }
}

/* A session with a state of NaN fails with a sentence; one that is cancelled ends within the step; the third is not
 * touched by either. */
static void one_bad_session_refuses_no_other(void)
{
    wkv_batcher *b;
    wkv_session *s[3];
    result r[3] = {0};
    EXPECT_EQ(wkv_batcher_new(&b, c, NULL), 0);
    for (int i = 0; i < 3; i++) {
        s[i] = begun(prompts[0]);
        EXPECT_EQ(wkv_batcher_add(b, s[i], &(wkv_generation){.max_tokens = LONG, .ending = "\n"}), 0);
    }
    wkv_state_data(wkv_session_state(s[0]))[3] = NAN;
    for (int i = 0; i < 5; i++) {
        EXPECT_EQ(wkv_batcher_step(b), 0);
        for (int j = 0; j < 3; j++) collect(s[j], &r[j]);
    }
    EXPECT_EQ(r[0].reason, WKV_FINISH_FAILED);
    EXPECT_EQ(r[0].code, WKV_EFORMAT);
    wkv_session_cancel(s[1]);
    EXPECT_EQ(wkv_batcher_pending(b), 1);
    collect(s[1], &r[1]);
    EXPECT_EQ(r[1].reason, WKV_FINISH_CANCELLED);
    finish(b, s, r, 3);
    wkv_session *alone = begun(prompts[0]);
    const result a = run(alone, &(wkv_generation){.max_tokens = LONG, .ending = "\n"});
    EXPECT_STR(r[2].text[0], a.text[0]);
    EXPECT(!strncmp(a.text[0], r[1].text[0], strlen(r[1].text[0])));
    EXPECT(replays(s[1]) && replays(s[2]));
    run(s[1], NULL); /* the ending */
    EXPECT(replays(s[1]));
    for (int i = 0; i < 3; i++) wkv_session_free(s[i]);
    wkv_session_free(alone);
    wkv_batcher_free(b);
}

/* Sessions leave a batcher that is freed, and a session that is freed leaves its batcher. */
static void leaves(void)
{
    wkv_batcher *b;
    wkv_event e;
    EXPECT_EQ(wkv_batcher_new(&b, c, NULL), 0);
    wkv_session *kept = begun(prompts[0]), *gone = begun(prompts[1]);
    EXPECT_EQ(wkv_batcher_add(b, kept, &(wkv_generation){0}), 0);
    EXPECT_EQ(wkv_batcher_add(b, gone, &(wkv_generation){0}), 0);
    EXPECT_EQ(wkv_batcher_step(b), 0);
    EXPECT_EQ(wkv_session_append_text(kept, "x", 1), WKV_EARG);
    EXPECT_EQ(wkv_batcher_add(b, kept, NULL), WKV_EARG);
    wkv_session_free(gone);
    EXPECT_EQ(wkv_batcher_pending(b), 1);
    wkv_batcher_free(b);
    int done = 0;
    while (wkv_session_next_event(kept, &e)) done = e.kind == WKV_EVENT_DONE;
    EXPECT(done);
    EXPECT_EQ(wkv_session_append_text(kept, "x", 1), 0);
    EXPECT_EQ(run(kept, NULL).reason, WKV_FINISH_READ);
    EXPECT(replays(kept));
    wkv_session_free(kept);
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

/* The file in memory has the bytes of the one at a path; it is opened in memory, and refused where it is damaged. */
static void in_memory_as_at_a_path(const wkv_session *s)
{
    char *there, *here;
    size_t n, bytes;
    wkv_state_file *f;
    EXPECT_EQ(wkv_session_save_memory(&here, &bytes, s, c, "world"), 0);
    EXPECT_EQ(file_slurp(&there, &n, "session.files.safetensors"), 0);
    EXPECT(n == bytes && !memcmp(there, here, n));
    free(there);
    EXPECT_EQ(wkv_state_file_open_memory(&f, here, bytes, "state 5"), 0);
    EXPECT_EQ(wkv_state_file_about(f)->n_ids, wkv_session_about(s).n);
    wkv_state_file_close(f);
    here[bytes - 9] ^= 1;
    EXPECT_EQ(wkv_state_file_open_memory(&f, here, bytes, "state 5"), WKV_EFORMAT);
    EXPECT_HAS(wkv_error(), "state 5: is damaged");
    EXPECT_EQ(wkv_state_file_open_memory(&f, here, bytes / 2, "state 5"), WKV_EFORMAT);
    free(here);
}

/* A session saved and loaded has the same future: read to its end, with ids to read, and while its random numbers go
 * on. */
static void saves_and_loads(void)
{
    const wkv_sampler_options o = {.temperature = 1, .top_p = 0.9f, .seed = 12};
    const wkv_generation g = {.sampler = &o, .max_tokens = 12, .ending = "\n\n"},
                         more = {.sampler = &o, .max_tokens = LONG};
    for (int way = 0; way < 3; way++) {
        wkv_session *s = begun(prompts[way]), *loaded;
        wkv_state_file *f;
        const int prompt = wkv_session_about(s).n;
        if (way < 2) run(s, &g);
        if (way == 0) run(s, NULL);
        EXPECT_EQ(wkv_session_save(s, c, "world", "session.files.safetensors"), 0);
        in_memory_as_at_a_path(s);
        EXPECT_EQ(wkv_state_file_open(&f, "session.files.safetensors"), 0);
        EXPECT_STR(wkv_state_file_about(f)->template_name, "world");
        char parts[32] = "";
        if (way < 2)
            snprintf(parts, sizeof parts, "%d %da", prompt, wkv_session_about(s).n);
        else
            snprintf(parts, sizeof parts, "%d", prompt);
        EXPECT_STR(wkv_state_file_about(f)->segments, parts);
        EXPECT_EQ(wkv_session_load(&loaded, f, c, t), 0);
        wkv_state_file_close(f);
        EXPECT_EQ(wkv_session_about(loaded).n, wkv_session_about(s).n);
        EXPECT_EQ(wkv_session_about(loaded).segments, wkv_session_about(s).segments);
        EXPECT_EQ(wkv_session_about(loaded).read, wkv_session_about(s).read);
        const result a = run(s, &more), b = run(loaded, &more);
        EXPECT_STR(b.text[0], a.text[0]);
        EXPECT(replays(loaded));
        wkv_session_free(s);
        wkv_session_free(loaded);
    }
    remove("session.files.safetensors");
}

/* Every token of the text is reported after it, with the probabilities that wkv_score gives; a stop string's are not. */
static void reports_probabilities(void)
{
    enum { TOP = 3, MOST = 24 };
    static wkv_token_score got[MOST][1 + TOP], want[64], top[64][TOP];
    const char *const none[] = {NULL}, *const stops[] = {"\n"};
    for (int stopped = 0; stopped < 2; stopped++) {
        wkv_session *s = begun(prompts[0]);
        const int n = wkv_session_about(s).n;
        wkv_batcher *b;
        wkv_event e;
        char text[1024] = "", spelled[1024] = "";
        int tokens = 0, same = 1;
        EXPECT_EQ(wkv_batcher_new(&b, c, NULL), 0);
        EXPECT_EQ(
            wkv_batcher_add(
                b, s,
                &(wkv_generation){
                    .scores = 1, .top = TOP, .max_tokens = MOST, .stops = stopped ? stops : none, .n_stops = stopped}),
            0);
        for (int done = 0; !done;) {
            EXPECT_EQ(wkv_batcher_step(b), 0);
            while (wkv_session_next_event(s, &e)) {
                size_t bytes;
                done |= e.kind == WKV_EVENT_DONE;
                strcat(text, e.text);
                if (e.kind != WKV_EVENT_TOKEN) continue;
                EXPECT_EQ(e.top, TOP);
                memcpy(got[tokens++], e.token, sizeof got[0]);
                const char *token = wkv_token_bytes(t, e.token->id, &bytes);
                strncat(spelled, token, bytes);
                same &= strlen(spelled) <= strlen(text);
            }
        }
        EXPECT(same && tokens > 4);
        EXPECT_EQ(strncmp(text, spelled, strlen(spelled)), 0);
        if (!stopped) EXPECT_EQ(tokens, MOST);
        const wkv_session_info about = wkv_session_about(s);
        wkv_state *again = state_new(m);
        EXPECT_EQ(wkv_score(c, &(wkv_scored_text){again, about.ids, n + tokens - 1, want, &top[0][0], TOP}, 1), 0);
        for (int i = 0; i < tokens; i++) {
            EXPECT(!memcmp(got[i], &want[n - 1 + i], sizeof want[0]));
            EXPECT(!memcmp(got[i] + 1, top[n - 1 + i], sizeof top[0]));
            EXPECT_EQ(got[i][0].rank, 0); /* greedy */
        }
        wkv_state_free(again);
        wkv_batcher_free(b);
        wkv_session_free(s);
    }
}

/* A prompt that the caller has read itself, but for its last id, is answered with the same bits. */
static void advances(void)
{
    wkv_session *one = begun(prompts[1]), *two = begun(prompts[1]);
    const wkv_session_info about = wkv_session_about(one);
    const wkv_generation g = {.max_tokens = LONG};
    EXPECT_EQ(wkv_session_advance(one, about.n), WKV_EARG);
    EXPECT_EQ(wkv_eval(c, wkv_session_state(one), about.ids, about.n - 1, NULL), 0);
    EXPECT_EQ(wkv_session_advance(one, about.n - 1), 0);
    EXPECT_EQ(wkv_session_about(one).read, about.n - 1);
    const result a = run(one, &g), b = run(two, &g);
    EXPECT_STR(a.text[0], b.text[0]);
    EXPECT(replays(one));
    wkv_session_free(one);
    wkv_session_free(two);
}

/* ---- grammars ---------------------------------------------------------------------------------------------------- */

static const char schema[] = "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},\"age\":{\"type\":"
                             "\"integer\",\"minimum\":0,\"maximum\":130},\"kind\":{\"enum\":[\"king\",\"dog\"]}},"
                             "\"required\":[\"name\",\"age\",\"kind\"]}";

static int is_object(const char *text)
{
    json_t *value = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    const json_t *age = json_object_get(value, "age");
    const char *kind = json_string_value(json_object_get(value, "kind"));
    const int is = json_is_string(json_object_get(value, "name")) && json_is_integer(age) &&
                   json_integer_value(age) >= 0 && json_integer_value(age) <= 130 && kind &&
                   (!strcmp(kind, "king") || !strcmp(kind, "dog")) && json_object_size(value) == 3;
    json_decref(value);
    return is;
}

/* Answers under one grammar are complete at every limit, and have the same bits alone and among others. */
static void answers_under_a_grammar(void)
{
    wkv_grammar *g;
    wkv_batcher *b;
    if (wkv_grammar_new(&g, WKV_GRAMMAR_JSON_SCHEMA, schema, strlen(schema), t)) {
        FAILED("%s", wkv_error());
        return;
    }
    const int least = wkv_grammar_shortest(g);
    for (int limit = least; limit < least + 40; limit += 3) {
        const wkv_sampler_options o = {.temperature = 1, .top_p = 0.9f, .presence = 0.2f, .seed = (uint64_t)limit};
        wkv_session *alone[PROMPTS], *among[PROMPTS];
        result r[PROMPTS] = {0}, one;
        EXPECT_EQ(wkv_batcher_new(&b, c, NULL), 0);
        for (int p = 0; p < PROMPTS; p++) {
            const wkv_generation how = {.sampler = &o, .max_tokens = limit, .grammar = p == 3 ? NULL : g};
            alone[p] = begun(prompts[p]);
            among[p] = begun(prompts[p]);
            EXPECT_EQ(wkv_batcher_add(b, among[p], &how), 0);
        }
        finish(b, among, r, PROMPTS);
        for (int p = 0; p < PROMPTS; p++) {
            one = run(alone[p], &(wkv_generation){.sampler = &o, .max_tokens = limit, .grammar = p == 3 ? NULL : g});
            EXPECT_STR(one.text[0], r[p].text[0]);
            EXPECT(replays(among[p]));
            if (p == 3) continue;
            EXPECT_EQ(r[p].reason, WKV_FINISH_END);
            EXPECT(wkv_session_about(among[p]).sampled <= limit);
            if (!is_object(one.text[0])) FAILED("%d tokens: %s", limit, one.text[0]);
        }
        for (int p = 0; p < PROMPTS; p++) wkv_session_free(alone[p]), wkv_session_free(among[p]);
        wkv_batcher_free(b);
    }
    wkv_session *s = begun(prompts[0]);
    EXPECT_EQ(wkv_batcher_new(&b, c, NULL), 0);
    EXPECT_EQ(wkv_batcher_add(b, s, &(wkv_generation){.max_tokens = least - 1, .grammar = g}), WKV_EARG);
    EXPECT_HAS(wkv_error(), "shortest output");
    EXPECT_EQ(wkv_batcher_add(b, s, &(wkv_generation){.grammar = g}), 0);
    for (int i = 0; i < 5; i++) EXPECT_EQ(wkv_batcher_step(b), 0);
    wkv_session_cancel(s);
    result r = {0};
    collect(s, &r);
    EXPECT_EQ(r.reason, WKV_FINISH_CANCELLED);
    EXPECT(replays(s));
    wkv_batcher_free(b);
    wkv_session_free(s);
    wkv_grammar_free(g);
}

/* Probabilities under a grammar are those of the model's distribution. */
static void scores_before_the_mask(void)
{
    wkv_grammar *g;
    wkv_batcher *b;
    wkv_event e;
    wkv_session *s = begun(prompts[0]);
    float *logits = malloc(sizeof *logits * (size_t)wkv_model_about(m)->vocab);
    const int V = wkv_model_about(m)->vocab, from = wkv_session_about(s).n;
    int n = 0;
    EXPECT_EQ(wkv_grammar_new(&g, WKV_GRAMMAR_REGEX, "[0-9]{3,20}!", 12, t), 0);
    EXPECT_EQ(wkv_batcher_new(&b, c, NULL), 0);
    EXPECT_EQ(wkv_batcher_add(b, s, &(wkv_generation){.grammar = g, .scores = 1, .top = 2, .max_tokens = 30}), 0);
    while (wkv_batcher_pending(b)) EXPECT_EQ(wkv_batcher_step(b), 0);
    wkv_state *state;
    EXPECT_EQ(wkv_state_new(&state, m), 0);
    const int32_t *all = wkv_session_about(s).ids;
    EXPECT_EQ(wkv_eval(c, state, all, from, logits), 0);
    while (wkv_session_next_event(s, &e)) {
        if (e.kind != WKV_EVENT_TOKEN) continue;
        double sum = 0, max = -1e30;
        for (int i = 0; i < V; i++) max = (double)logits[i] > max ? (double)logits[i] : max;
        for (int i = 0; i < V; i++) sum += exp((double)logits[i] - max);
        EXPECT_EQ(e.token->id, all[from + n]);
        EXPECT_NEAR((double)e.token->nll, max + log(sum) - (double)logits[e.token->id], 1e-4);
        EXPECT_NEAR((double)e.token[1].nll, log(sum), 1e-4);
        EXPECT_EQ(wkv_eval(c, state, all + from + n++, 1, logits), 0);
    }
    EXPECT(n >= 2);
    wkv_state_free(state);
    wkv_session_free(s);
    wkv_batcher_free(b);
    wkv_grammar_free(g);
    free(logits);
}

int main(void)
{
    if (wkv_model_open(&m, NULL, NULL) || wkv_context_new(&c, m, NULL) || wkv_tokenizer_open(&t, NULL, m)) {
        printf("%s\n", wkv_error());
        return 1;
    }
    RUN(samples_as_a_loop_does);
    RUN(stops_everywhere);
    RUN(one_ending);
    RUN(continues);
    RUN(reads_without_an_answer);
    RUN(forks);
    RUN(segments_apart);
    RUN(together_as_alone);
    RUN(one_bad_session_refuses_no_other);
    RUN(leaves);
    RUN(saves_and_loads);
    RUN(reports_probabilities);
    RUN(advances);
    RUN(answers_under_a_grammar);
    RUN(scores_before_the_mask);
    wkv_tokenizer_close(t);
    wkv_context_free(c);
    wkv_model_close(m);
    return DONE();
}
