/* The prefix cache: the same bits as a replay; the failures of other programs' caches of recurrent states; limits of
 * memory; files that come from others. tests/test_cache_agent.c has a long conversation, tests/test_cache_disk.c
 * restarts. */
#include "cached.h"
#include "session/thinning.h"

#define PARTS(...) (const part[]){__VA_ARGS__}, (int)(sizeof((const part[]){__VA_ARGS__}) / sizeof(part))

/* Tokens read for a request of one segment, which is exact. */
static int request(wkv_cache *k, const part *parts, int n)
{
    wkv_session *s = session_joined(parts, n);
    const int read = read_session(k, s);
    EXPECT_EQ(s->read, s->n);
    EXPECT(is_exact(s));
    wkv_session_free(s);
    return read;
}

/* ---- failures of others ------------------------------------------------------------------------------------------ */

/* vllm#45238: requests share 1,500 ids, and 700 are unique to each. The only checkpoint was in the unique part, and
 * 0 of 64 requests hit. Here the second request makes a state at the junction. */
static void a_shared_beginning_is_found(void)
{
    wkv_cache *k = cache_of(c, NULL);
    int read = 0;
    for (int i = 0; i < 64; i++) {
        wkv_session *s = session_joined(PARTS({1500, 1}, {700, 100 + (uint64_t)i}));
        read += read_session(k, s);
        if (i % 16 == 1) EXPECT(is_exact(s));
        wkv_session_free(s);
    }
    EXPECT_EQ(wkv_cache_about(k).hits, 63); /* the second one hits the state after 1,024 ids */
    EXPECT_EQ(read, 2200 + (2200 - 1024) + 62 * 700);
    wkv_cache_free(k);
}

/* The same with the shared text as a segment of its own: nothing of it is read twice. */
static void a_shared_segment_is_read_once(void)
{
    wkv_cache *k = cache_of(c, NULL);
    int read = 0;
    for (int i = 0; i < 8; i++) {
        wkv_session *s = session_of(PARTS({1500, 1}, {700, 100 + (uint64_t)i}));
        read += read_session(k, s);
        wkv_session_free(s);
    }
    EXPECT_EQ(read, 1500 + 8 * 700);
    wkv_cache_free(k);
}

/* sglang#22935: texts part in the middle of an earlier one, whose node is split; the new parent had no state, and later
 * texts hit nothing. */
static void a_split_parent_gets_a_state(void)
{
    wkv_cache *k = cache_of(c, NULL);
    EXPECT_EQ(request(k, PARTS({200, 1}, {200, 2}, {200, 3})), 600);
    EXPECT_EQ(request(k, PARTS({200, 1}, {200, 2}, {200, 3})), 0);   /* the same */
    EXPECT_EQ(request(k, PARTS({200, 1}, {200, 2}, {200, 4})), 600); /* parts at 400 */
    EXPECT_EQ(request(k, PARTS({200, 1}, {200, 2}, {200, 5})), 200); /* the junction has a state */
    EXPECT_EQ(request(k, PARTS({200, 1}, {200, 2})), 0);             /* it ends there */
    EXPECT_EQ(request(k, PARTS({200, 1}, {300, 6})), 500);           /* parts at 200, above the junction */
    EXPECT_EQ(request(k, PARTS({200, 1}, {300, 7})), 300);
    EXPECT_EQ(request(k, PARTS({200, 1}, {200, 2}, {200, 5}, {40, 8})), 40); /* continues one of them */
    EXPECT_EQ(request(k, PARTS({150, 1})), 150);                             /* ends above all states */
    EXPECT_EQ(request(k, PARTS({200, 1}, {199, 2})), 199);                   /* an id less than the junction */
    EXPECT_EQ(exact_states(k, c), wkv_cache_about(k).states);
    wkv_cache_free(k);
}

/* sglang#38815: a state was kept for ids that it had not read. Whatever a caller does, the states of a cache are
 * those of their ids. */
static void a_wrong_state_is_not_kept(void)
{
    wkv_cache *k = cache_of(c, NULL);
    wkv_session *s = session_of(PARTS({100, 1}, {100, 2})), *fork, *loaded;
    wkv_state_file *f;
    wkv_state_data(wkv_session_state(s))[5] += 1; /* changed by the caller, before it is read and while it is */
    read_session(k, s);
    EXPECT_EQ(wkv_session_fork(&fork, s), 0);
    EXPECT_EQ(wkv_session_append_ids(fork, s->ids, 20), 0);
    read_session(k, fork);
    EXPECT_EQ(wkv_cache_about(k).states, 0);
    EXPECT_EQ(wkv_session_save(s, c, NULL, "cache.test.safetensors"), 0);
    EXPECT_EQ(wkv_state_file_open(&f, "cache.test.safetensors"), 0);
    EXPECT_EQ(wkv_session_load(&loaded, f, c, t), 0); /* the right identity and ids, and not their state */
    EXPECT_EQ(wkv_session_append_ids(loaded, s->ids, 20), 0);
    read_session(k, loaded);
    EXPECT_EQ(wkv_cache_about(k).states, 0);
    wkv_state_file_close(f);
    remove("cache.test.safetensors");
    wkv_session_free(fork);
    wkv_session_free(loaded);
    wkv_session_free(s);
    s = session_of(PARTS({100, 1}, {100, 2})); /* NaN, from a state that overflowed */
    s->state->data[7] = NAN;
    read_session(k, s);
    EXPECT_EQ(wkv_cache_about(k).states, 0);
    wkv_session_free(s);
    EXPECT_EQ(request(k, PARTS({100, 1}, {100, 2})), 200);
    EXPECT_EQ(exact_states(k, c), 1);
    wkv_cache_free(k);
}

/* llama.cpp#19494: a line at the beginning that changes with each request. Text behind it is new: exactness leaves no
 * choice. At the end, where it belongs, it costs itself alone. */
static void a_changing_line_belongs_at_the_end(void)
{
    wkv_cache *k = cache_of(c, NULL);
    EXPECT_EQ(request(k, PARTS({20, 1}, {600, 2})), 620);
    EXPECT_EQ(request(k, PARTS({20, 1}, {600, 2})), 0);
    EXPECT_EQ(request(k, PARTS({20, 3}, {600, 2})), 620);
    EXPECT_EQ(request(k, PARTS({600, 2}, {20, 1})), 620);
    EXPECT_EQ(request(k, PARTS({600, 2}, {20, 3})), 620);
    EXPECT_EQ(request(k, PARTS({600, 2}, {20, 4})), 20);
    wkv_cache_free(k);
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

static wkv_session *prompted(const char *prompt)
{
    wkv_session *s;
    EXPECT_EQ(wkv_session_new(&s, m, t), 0);
    EXPECT_EQ(wkv_session_append_text(s, prompt, strlen(prompt)), 0);
    return s;
}

/* A text as ids that no tokenizer gives: each byte by itself. */
static int bytewise(int32_t *ids, const char *text)
{
    int n = 0;
    for (const char *p = text; *p; p++) n += wkv_encode(t, p, 1, ids + n, 1);
    return n;
}

/* Sample an answer of these bytes after a prompt and the beginning of an answer. */
static void sampled(wkv_cache *k, const char *prompt, const char *beginning, const char *said)
{
    int32_t ids[512];
    wkv_session *s = prompted(prompt);
    const int n = bytewise(ids, said);
    if (*beginning) EXPECT_EQ(wkv_cache_append_answer(k, s, beginning, strlen(beginning), 0), 0);
    read_on(c, k, s, &(wkv_generation){.ending = "\n\n", .sections = 1, .tool_stop = "\n```"}, ids, n);
    EXPECT(is_exact(s));
    wkv_session_free(s);
}

/* Tokens read for the prompt, this answer and another turn; *fresh: those of all these texts encoded here. */
static int continued(wkv_cache *k, const char *prompt, const char *sent, int *fresh)
{
    static const char turn[] = "User: and then?\n\nAssistant:";
    wkv_session *s = prompted(prompt);
    EXPECT_EQ(wkv_cache_append_answer(k, s, sent, strlen(sent), 1), 0);
    EXPECT_EQ(wkv_session_append_text(s, turn, strlen(turn)), 0);
    const int read = read_session(k, s);
    EXPECT(is_exact(s));
    wkv_session_free(s);
    *fresh = wkv_encode(t, turn, strlen(turn), NULL, 0);
    return read;
}

/* An answer that a client has changed: the sampled ids are found, or not. */
static void answers_are_found(void)
{
    static const char call[] = "\n{\"name\": \"f\", \"arguments\": {\"x\": [1, 2.5], \"text\": \"\xc3\xa9\"}}\n```",
                      thought[] = ">\nHm, a b c.\n</think>\nIt is so.\n\nYes.";
    static const struct {
        const char *beginning, *answer, *sent;
        int found;
    } cases[] = {
        {"", " It is so.", " It is so.\n\n", 1},
        {"", " It is so. \n", " It is so.\n\n", 1},
        {"", " It is so.", "It is so.", 1},
        {"", " It is\n\n\n so.", " It is\n so.\n\n", 1},
        {"", " It is so.", " It  is so.\n\n", 0},
        {"", " It is so.", " it is so.\n\n", 0},
        {" <think", thought, " It is so.\nYes.\n\n", 1},
        {" <think", thought, " <think>\nHm, a b c.\n</think>\nIt is so.\n\nYes.\n\n", 1},
        {" <think", thought, " <think>\nanother\n</think>\nIt is so.\nYes.\n\n", 1},
        {" <think", thought, " It is so.\n\n", 0},
        {" <think", ">\nonly a thought", "", 0},
        {" <think", ">\nonly a thought", " <think", 0},
        {" ```json", call, " ```json\n{\"arguments\":{\"text\":\"\\u00e9\",\"x\":[1,2.5]},\"name\":\"f\"}\n```\n\n", 1},
        {" ```json", call,
         " ```json\n{\n  \"name\": \"f\",\n  \"arguments\": {\"x\": [1, 2.5], \"text\": \"\xc3\xa9\"}\n}\n```\n\n", 1},
        {" ```json", call,
         " ```json\n{\"name\": \"f\", \"arguments\": {\"x\": [2.5, 1], \"text\": \"\xc3\xa9\"}}\n```\n\n", 0},
        {" ```json", call, " ```json\n{\"name\": \"f\", \"arguments\": {\"x\": [1, 2.5]}}\n```\n\n", 0},
        {" ```json", "\n{\"name\": no JSON}\n```", " ```json\n{\"name\": no JSON}\n```\n\n", 1},
        {" ```json", "\n{\"a\": 1, \"a\": 2}\n```", " ```json\n{\"a\": 2}\n```\n\n", 0},
        {" <think", ">\nI call.</think>\nA word first.\n```json\n{\"name\": \"f\"}\n```",
         " A word first.\n```json\n{ \"name\":\"f\" }\n```\n\n", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wkv_cache *k = cache_of(c, NULL);
        int fresh;
        char prompt[64];
        snprintf(prompt, sizeof prompt, "User: %d times, please.\n\nAssistant:", (int)i);
        sampled(k, prompt, cases[i].beginning, cases[i].answer);
        const int before = wkv_cache_about(k).answers, read = continued(k, prompt, cases[i].sent, &fresh);
        if (cases[i].found != wkv_cache_about(k).answers - before) FAILED("case %d, answer found", (int)i);
        if (cases[i].found && read > fresh + 4) FAILED("case %d: %d read, expected %d", (int)i, read, fresh);
        if (!cases[i].found && read < fresh) FAILED("case %d: %d read, expected more", (int)i, read);
        wkv_cache_free(k);
    }
}

/* The thinking of one conversation does not come into another one; the exact bytes may be encoded as they were
 * there. */
static void thoughts_stay_in_their_conversation(void)
{
    static const char exact[] = " <think>\nA secret.\n</think>\nYes.\n\n";
    wkv_cache *k = cache_of(c, NULL);
    sampled(k, "User: is it?\n\nAssistant:", " <think", ">\nA secret.\n</think>\nYes.");
    wkv_session *s = prompted("User: can it be?\n\nAssistant:");
    const int before = s->n;
    EXPECT_EQ(wkv_cache_append_answer(k, s, " Yes.\n\n", 7, 1), 0);
    EXPECT_EQ(s->n - before, wkv_encode(t, " Yes.\n\n", 7, NULL, 0));
    EXPECT_EQ(wkv_cache_about(k).answers, 0);
    EXPECT_EQ(wkv_cache_append_answer(k, s, exact, strlen(exact), 1), 0);
    EXPECT_EQ(wkv_cache_about(k).answers, 1);
    wkv_session_free(s);
    wkv_cache_free(k);
}

/* Between two answers to one prompt, the bytes decide, and else the later one is meant. */
static void the_same_prompt_twice(void)
{
    static const char prompt[] = "User: is it?\n\nAssistant:", first[] = " <think>\nOne.\n</think>\nYes.\n\n";
    wkv_cache *k = cache_of(c, NULL);
    sampled(k, prompt, " <think", ">\nOne.\n</think>\nYes.");
    sampled(k, prompt, " <think", ">\nTwo, at length.\n</think>\nYes.");
    wkv_session *a = prompted(prompt), *b = prompted(prompt);
    EXPECT_EQ(wkv_cache_append_answer(k, a, first, strlen(first), 1), 0);
    EXPECT_EQ(wkv_cache_append_answer(k, b, " Yes.\n\n", 7, 1), 0);
    EXPECT_EQ(b->n - a->n, (int)strlen("Two, at length.") - (int)strlen("One."));
    EXPECT(wkv_cache_resume(k, a) > a->n - 4 && wkv_cache_resume(k, b) > b->n - 4);
    EXPECT(is_exact(a) && is_exact(b));
    wkv_session_free(a);
    wkv_session_free(b);
    wkv_cache_free(k);
}

/* A prompt and a sampled answer with a cache, without one, and again from it: the same text. */
static void answers_are_the_same(void)
{
    const wkv_sampler_options o = {.temperature = 1, .top_p = 0.9f, .seed = 3};
    const wkv_generation g = {.sampler = &o, .max_tokens = 40};
    wkv_cache *k = cache_of(c, NULL);
    wkv_session *s[3];
    for (int i = 0; i < 3; i++) {
        s[i] = prompted("Once upon a time there was a king who had three daughters.");
        read_on(c, i ? k : NULL, s[i], &g, NULL, 0);
        EXPECT(is_exact(s[i]));
        EXPECT_EQ(s[i]->n, s[0]->n);
        EXPECT(!memcmp(s[i]->ids, s[0]->ids, sizeof *s[0]->ids * (size_t)s[0]->n));
    }
    EXPECT_EQ(wkv_cache_about(k).hits, 1);
    for (int i = 0; i < 3; i++) wkv_session_free(s[i]);
    wkv_cache_free(k);
}

/* Reading that is interrupted continues from where it was. */
static void interrupted_reading_continues(void)
{
    wkv_cache *k = cache_of(c, NULL);
    wkv_batcher *b;
    wkv_session *s = session_joined(PARTS({900, 1}));
    EXPECT_EQ(wkv_batcher_new(&b, c, NULL), 0);
    EXPECT_EQ(wkv_cache_resume(k, s), 0);
    EXPECT_EQ(wkv_batcher_add(b, s, NULL), 0);
    EXPECT_EQ(wkv_batcher_step(b), 0);
    wkv_session_cancel(s);
    EXPECT_EQ(wkv_cache_keep(k, s), 0);
    const int read = s->read;
    EXPECT(read > 0 && read < 900);
    wkv_session_free(s);
    EXPECT_EQ(request(k, PARTS({900, 1})), 900 - read);
    wkv_batcher_free(b);
    wkv_cache_free(k);
}

/* ---- limits ------------------------------------------------------------------------------------------------------ */

/* A conversation of n ids keeps O(log n) states, and an edit at any distance d from its end reads at most d ids more
 * than the text behind the edit. */
static void long_texts_keep_few_states(void)
{
    enum { SEGMENT = 60, SEGMENTS = 300, N = SEGMENT * SEGMENTS };
    wkv_cache *k = cache_of(c, NULL);
    int32_t *ids = random_ids(N, 1);
    wkv_session *s;
    EXPECT_EQ(wkv_session_new(&s, m, t), 0);
    for (int i = 0; i < SEGMENTS; i++) { /* each turn is a request of its own */
        EXPECT_EQ(wkv_session_append_ids(s, ids + SEGMENT * i, SEGMENT), 0);
        EXPECT_EQ(read_session(k, s), SEGMENT);
    }
    const int most = THINNING_RECENT + THINNING_OCTAVE * (int)ceil(log2(N));
    if (wkv_cache_about(k).states > most) FAILED("%d states, expected at most %d", wkv_cache_about(k).states, most);
    for (int d = 30; d < N; d = d * 3 / 2) {
        int common;
        const checkpoint *p = checkpoints_find(&k->root, s->ids, N - d, &common);
        const int more = N - d - (p ? p->length : 0);
        if (more > d + SEGMENT) FAILED("an edit %d ids before the end reads %d more", d, more);
        if (d < SEGMENT * THINNING_RECENT && more >= SEGMENT) FAILED("a recent edit, %d, reads %d more", d, more);
    }
    EXPECT(is_exact(s));
    wkv_session_free(s);
    wkv_cache_free(k);
    k = cache_of(c, NULL); /* the same as one request: as few pauses */
    EXPECT_EQ(wkv_session_new(&s, m, t), 0);
    for (int i = 0; i < SEGMENTS; i++) EXPECT_EQ(wkv_session_append_ids(s, ids + SEGMENT * i, SEGMENT), 0);
    EXPECT_EQ(wkv_cache_resume(k, s), 0);
    EXPECT(s->n_places > 20 && s->n_places <= most);
    wkv_session_free(s);
    wkv_cache_free(k);
    free(ids);
}

/* Past the limit, the states go that were not used for longest. */
static void memory_is_limited(void)
{
    const size_t state = wkv_model_about(m)->state_bytes, limit = 10 * state;
    wkv_cache *k = cache_of(c, &(wkv_cache_options){.memory = limit});
    for (uint64_t i = 0; i < 40; i++) {
        EXPECT_EQ(request(k, PARTS({60, 100 + i})), 60);
        EXPECT_EQ(request(k, PARTS({60, 100})), 0); /* used all the time */
        EXPECT(wkv_cache_about(k).bytes <= limit);
    }
    EXPECT_EQ(wkv_cache_about(k).states, 9);
    EXPECT_EQ(request(k, PARTS({60, 139})), 0);
    EXPECT_EQ(request(k, PARTS({60, 133})), 0);
    EXPECT_EQ(request(k, PARTS({60, 110})), 60);
    wkv_cache_free(k);
    k = cache_of(c, &(wkv_cache_options){.memory = 1}); /* not even one: the latest stays */
    EXPECT_EQ(request(k, PARTS({60, 1})), 60);
    EXPECT_EQ(request(k, PARTS({60, 1})), 0);
    EXPECT_EQ(request(k, PARTS({60, 2})), 60);
    EXPECT_EQ(wkv_cache_about(k).states, 1);
    wkv_cache_free(k);
}

/* Random requests that share beginnings, with room for a few states: each is exact, and so is each state. */
static void anything_is_exact(void)
{
    const size_t state = wkv_model_about(m)->state_bytes;
    wkv_cache *k = cache_of(c, &(wkv_cache_options){.memory = 12 * state});
    rng r = {.seed = 5};
    for (int i = 0; i < 150; i++) {
        part parts[4];
        const int n = 1 + (int)(rng_u64(&r) % 4);
        for (int j = 0; j < n; j++) {
            const uint64_t which = rng_u64(&r) % 3;
            parts[j] = (part){10 + 45 * (int)which, which + 10 * (uint64_t)j};
        }
        wkv_session *s = rng_u64(&r) % 2 ? session_of(parts, n) : session_joined(parts, n);
        read_session(k, s);
        EXPECT(is_exact(s));
        wkv_session_free(s);
        if (i % 30 == 29) EXPECT(exact_states(k, c) > 5);
    }
    EXPECT(wkv_cache_about(k).hits > 75);
    wkv_cache_free(k);
}

int main(void)
{
    if (engine_begin()) return 1;
    RUN(a_shared_beginning_is_found);
    RUN(a_shared_segment_is_read_once);
    RUN(a_split_parent_gets_a_state);
    RUN(a_wrong_state_is_not_kept);
    RUN(a_changing_line_belongs_at_the_end);
    RUN(answers_are_found);
    RUN(thoughts_stay_in_their_conversation);
    RUN(the_same_prompt_twice);
    RUN(answers_are_the_same);
    RUN(interrupted_reading_continues);
    RUN(long_texts_keep_few_states);
    RUN(memory_is_limited);
    RUN(anything_is_exact);
    engine_end();
    return DONE();
}
