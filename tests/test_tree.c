/* A conversation as a tree: going back reads nothing again, branches do not touch each other, and a state that was
 * dropped, or stored in a file, or damaged there, has the same bits as one that was kept. */
#include "session/tree.h"
#include "test.h"
#include <stdlib.h>

static wkv_model *m;
static wkv_context *c;
static wkv_tokenizer *t;
static wkv_batcher *b;

static void finish(wkv_session *s, const wkv_generation *g)
{
    wkv_event e;
    EXPECT_EQ(wkv_batcher_add(b, s, g), 0);
    while (wkv_batcher_pending(b)) EXPECT_EQ(wkv_batcher_step(b), 0);
    while (wkv_session_next_event(s, &e)) continue;
}

/* A question and its answer below `parent`: two nodes. Returns the answer's. */
static int turn(wkv_tree *tree, int parent, const char *question)
{
    char text[256];
    wkv_session *s;
    snprintf(text, sizeof text, "User: %s\n\nAssistant:", question);
    EXPECT_EQ(wkv_tree_session(&s, tree, parent), 0);
    EXPECT_EQ(wkv_session_append_text(s, text, strlen(text)), 0);
    finish(s, NULL);
    const int asked = wkv_tree_add(tree, parent, &(wkv_node){.role = WKV_ROLE_USER, .text = question}, s);
    finish(s, &(wkv_generation){
                  .stops = (const char *[]){"\n\n"}, .n_stops = 1, .ending = "\n\n", .max_tokens = 20, .sections = 1});
    const int answered = wkv_tree_add(tree, asked, &(wkv_node){.role = WKV_ROLE_ASSISTANT, .text = "?"}, s);
    EXPECT(asked >= 0 && answered == asked + 1);
    EXPECT_EQ(wkv_tree_head(tree), answered);
    wkv_session_free(s);
    return answered;
}

/* Whether the sessions of two nodes, read to their ends, have the same ids and bits. */
static int equal(wkv_tree *x, int i, wkv_tree *y, int j)
{
    wkv_session *p, *q;
    EXPECT_EQ(wkv_tree_session(&p, x, i), 0);
    EXPECT_EQ(wkv_tree_session(&q, y, j), 0);
    finish(p, NULL);
    finish(q, NULL);
    const wkv_session_info a = wkv_session_about(p), z = wkv_session_about(q);
    const int same = a.n == z.n && (!a.n || !memcmp(a.ids, z.ids, sizeof *a.ids * (size_t)a.n)) &&
                     !memcmp(wkv_state_data(wkv_session_state(p)), wkv_state_data(wkv_session_state(q)),
                             wkv_model_about(m)->state_bytes);
    wkv_session_free(p);
    wkv_session_free(q);
    return same;
}

enum { TURNS = 5 };

static wkv_tree *conversation(int answers[TURNS])
{
    static const char *const questions[TURNS] = {"Hello, my name is Tom.", "What is the capital of France?",
                                                 "Tell me a story.", "你好", "What is my name?"};
    wkv_tree *tree;
    EXPECT_EQ(wkv_tree_new(&tree, c, t), 0);
    for (int i = 0; i < TURNS; i++) answers[i] = turn(tree, i ? answers[i - 1] : WKV_NOWHERE, questions[i]);
    return tree;
}

/* A branch from turn 2 leaves the others as they were; its own future is that of a conversation without them. */
static void branches(void)
{
    int a[TURNS], z[TURNS];
    wkv_tree *x = conversation(a), *y = conversation(z), *straight;
    const int other = turn(x, a[1], "What is my name?");
    EXPECT_EQ(wkv_tree_node(x, wkv_tree_node(x, other)->parent)->parent, a[1]);
    for (int i = 0; i < TURNS; i++) EXPECT(equal(x, a[i], y, z[i]));
    EXPECT_EQ(wkv_tree_new(&straight, c, t), 0);
    int at = turn(straight, WKV_NOWHERE, "Hello, my name is Tom.");
    at = turn(straight, at, "What is the capital of France?");
    at = turn(straight, at, "What is my name?");
    EXPECT(equal(x, other, straight, at));
    EXPECT(!equal(x, other, x, a[TURNS - 1]));
    wkv_tree_free(x);
    wkv_tree_free(y);
    wkv_tree_free(straight);
}

static int states(const wkv_tree *tree)
{
    int n = 0;
    for (int i = 0; i < wkv_tree_count(tree); i++) n += tree_at(tree, i)->state != NULL;
    return n;
}

/* With memory for two states beside the head's, the others are rebuilt, in the same bits. */
static void rebuilds(void)
{
    int a[TURNS], z[TURNS];
    wkv_tree *x = conversation(a), *y = conversation(z);
    EXPECT_EQ(states(x), 2 * TURNS);
    wkv_tree_limit(x, 2 * wkv_model_about(m)->state_bytes);
    EXPECT_EQ(states(x), 3);
    for (int i = 0; i < TURNS; i++) EXPECT(equal(x, a[i], y, z[i]));
    EXPECT_EQ(wkv_tree_go(x, a[0]), 0);
    EXPECT_EQ(wkv_tree_head(x), a[0]);
    const int more = turn(x, a[0], "And?");
    EXPECT(more > 0);
    EXPECT_EQ(states(x), 3);
    wkv_tree_free(x);
    wkv_tree_free(y);
}

/* A tree restored from its nodes: the states of files, of a damaged file, and of none. */
static void restores(void)
{
    int a[TURNS];
    char path[TURNS][64];
    wkv_tree *x = conversation(a), *y;
    for (int i = 0; i < TURNS; i++) {
        snprintf(path[i], sizeof path[i], "tree-%d.files.safetensors", i);
        EXPECT_EQ(tree_save_state(x, a[i], "world", path[i]), 0);
    }
    EXPECT_EQ(wkv_tree_new(&y, c, t), 0);
    for (int i = 0; i < wkv_tree_count(x); i++)
        EXPECT_EQ(tree_restore(y, wkv_tree_node(x, i), &(tree_place){.path = i % 4 == 1 ? path[i / 2] : NULL}), 0);
    EXPECT_EQ(wkv_tree_head(y), WKV_NOWHERE);
    FILE *f = fopen(path[2], "r+b");
    EXPECT(f && !fseek(f, 9000, SEEK_SET) && fputc('!', f) != EOF && !fclose(f));
    for (int i = TURNS - 1; i >= 0; i--) EXPECT(equal(x, a[i], y, a[i]));
    EXPECT(!tree_at(y, a[2])->place.path);
    EXPECT(tree_at(y, a[0])->place.path != NULL);
    EXPECT_EQ(tree_restore(y, &(wkv_node){.parent = 99}, &(tree_place){0}), WKV_EARG);
    for (int i = 0; i < TURNS; i++) remove(path[i]);
    wkv_tree_free(x);
    wkv_tree_free(y);
}

/* The children of a mix go on from the mean; without its state neither it nor they can be rebuilt. */
static void mixes(void)
{
    int a[TURNS];
    wkv_tree *x = conversation(a);
    wkv_session *s[2], *mixed;
    const int nodes[2] = {a[0], a[1]};
    wkv_state *mean;
    for (int i = 0; i < 2; i++) EXPECT_EQ(wkv_tree_session(&s[i], x, nodes[i]), 0);
    EXPECT_EQ(wkv_tree_mix(x, nodes, (const wkv_session *const *)s, NULL, 2), WKV_EARG);
    EXPECT_HAS(wkv_error(), "not read yet");
    for (int i = 0; i < 2; i++) finish(s[i], NULL);
    const int mix = wkv_tree_mix(x, nodes, (const wkv_session *const *)s, (const float[]){1, 3}, 2);
    EXPECT_EQ(mix, 2 * TURNS);
    EXPECT_EQ(wkv_tree_session(&mixed, x, mix), 0);
    EXPECT_EQ(wkv_state_new(&mean, m), 0);
    const wkv_state *both[2] = {wkv_session_state(s[0]), wkv_session_state(s[1])};
    EXPECT_EQ(wkv_state_mix(mean, both, (const float[]){1, 3}, 2), 0);
    EXPECT(!memcmp(wkv_state_data(mean), wkv_state_data(wkv_session_state(mixed)), wkv_model_about(m)->state_bytes));
    EXPECT_EQ(wkv_session_about(mixed).n, 0);
    const int child = turn(x, mix, "What is my name?");
    EXPECT_EQ(wkv_tree_node(x, child)->total, wkv_tree_node(x, child)->n + wkv_tree_node(x, child - 1)->n);
    wkv_tree_limit(x, 1);
    EXPECT(tree_at(x, mix)->state != NULL);
    wkv_session_free(mixed);
    EXPECT_EQ(wkv_tree_session(&mixed, x, child), 0);
    wkv_session_free(mixed);
    EXPECT(!tree_at(x, child - 1)->state); /* below a mix nodes are rebuilt from it */
    wkv_state_free(tree_at(x, mix)->state);
    tree_at(x, mix)->state = NULL;
    EXPECT_EQ(wkv_tree_session(&mixed, x, mix), WKV_EUNSUPPORTED);
    wkv_state_free(mean);
    for (int i = 0; i < 2; i++) wkv_session_free(s[i]);
    wkv_tree_free(x);
}

static void names(void)
{
    int a[TURNS], node;
    wkv_tree *x = conversation(a);
    EXPECT_EQ(wkv_tree_mark(x, "paris", a[1]), 0);
    EXPECT_EQ(wkv_tree_mark(x, "你好", a[3]), 0);
    EXPECT_EQ(wkv_tree_find(x, "paris"), a[1]);
    EXPECT_EQ(wkv_tree_find(x, wkv_tree_node(x, a[2])->id), a[2]);
    EXPECT_EQ(wkv_tree_find(x, "rome"), -2);
    EXPECT_EQ(wkv_tree_mark(x, "paris", a[2]), 0);
    EXPECT_EQ(wkv_tree_find(x, "paris"), a[2]);
    EXPECT_STR(wkv_tree_name(x, 1, &node, NULL), "你好");
    EXPECT_EQ(node, a[3]);
    EXPECT(!wkv_tree_name(x, 2, NULL, NULL));
    EXPECT_EQ(wkv_tree_mark(x, "paris", WKV_NOWHERE), 0);
    EXPECT_EQ(wkv_tree_find(x, "paris"), -2);
    EXPECT_EQ(wkv_tree_mark(x, "fixed", a[TURNS - 1]), 0);
    EXPECT_EQ(wkv_tree_branch(x, "moving", a[TURNS - 1]), 0);
    const int next = turn(x, a[TURNS - 1], "And?"); /* the branch moves with the head, the mark does not */
    EXPECT_EQ(wkv_tree_find(x, "moving"), next);
    EXPECT_EQ(wkv_tree_find(x, "fixed"), a[TURNS - 1]);
    EXPECT_EQ(wkv_tree_go(x, a[0]), 0);
    turn(x, a[0], "And?");
    EXPECT_EQ(wkv_tree_find(x, "moving"), next);
    EXPECT_EQ(wkv_tree_mark(x, "1st", a[0]), WKV_EARG);
    EXPECT_EQ(wkv_tree_mark(x, "a b", a[0]), WKV_EARG);
    EXPECT_EQ(wkv_tree_mark(x, "", a[0]), WKV_EARG);
    EXPECT_EQ(wkv_tree_mark(x, "x", 99), WKV_EARG);
    EXPECT_EQ(wkv_tree_go(x, 99), WKV_EARG);
    wkv_tree_free(x);
}

int main(void)
{
    if (wkv_model_open(&m, NULL, NULL) || wkv_context_new(&c, m, NULL) || wkv_tokenizer_open(&t, NULL, m) ||
        wkv_batcher_new(&b, c, NULL)) {
        printf("%s\n", wkv_error());
        return 1;
    }
    RUN(branches);
    RUN(rebuilds);
    RUN(restores);
    RUN(mixes);
    RUN(names);
    wkv_batcher_free(b);
    wkv_tokenizer_close(t);
    wkv_context_free(c);
    wkv_model_close(m);
    return DONE();
}
