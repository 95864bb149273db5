/* conversation.h - turns of the built-in model in a tree, for the tests of the store. */
#ifndef WKV_TESTS_CONVERSATION_H
#define WKV_TESTS_CONVERSATION_H

#include "base/hash.h"
#include "wkv_tree.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static wkv_model *m;
static wkv_context *c;
static wkv_tokenizer *t;
static wkv_batcher *b;

static const char *const questions[] = {"Hello, my name is Tom.", "What is the capital of France?", "What is my name?",
                                        "Tell me a story.", "Why?"};

/* A failure that no test expects. */
static void must(int err)
{
    if (err >= 0) return;
    fprintf(stderr, "%s\n", wkv_error());
    exit(1);
}

static void open_model(void)
{
    must(wkv_model_open(&m, NULL, NULL));
    must(wkv_context_new(&c, m, &(wkv_context_options){.threads = 1}));
    must(wkv_tokenizer_open(&t, NULL, m));
    must(wkv_batcher_new(&b, c, &(wkv_batcher_options){.slots = 1}));
}

static void close_model(void)
{
    wkv_batcher_free(b);
    wkv_tokenizer_close(t);
    wkv_context_free(c);
    wkv_model_close(m);
}

/* Read and answer; the answer's text goes to `text` if it is not NULL. */
static void finish(wkv_session *s, const wkv_generation *g, char *text, size_t cap)
{
    wkv_event e;
    size_t n = 0;
    must(wkv_batcher_add(b, s, g));
    while (wkv_batcher_pending(b)) must(wkv_batcher_step(b));
    if (text) *text = 0;
    while (wkv_session_next_event(s, &e))
        if (text && n < cap) n += (size_t)snprintf(text + n, cap - n, "%s", e.text);
}

/* A question and its answer below the head: two nodes. Returns the answer's. */
static int turn(wkv_tree *tree, const char *question)
{
    static const wkv_sampler_options sampler = {.temperature = 1, .top_p = 0.9f, .seed = 7};
    char text[512];
    wkv_session *s;
    must(wkv_tree_session(&s, tree, wkv_tree_head(tree)));
    snprintf(text, sizeof text, "User: %s\n\nAssistant:", question);
    must(wkv_session_append_text(s, text, strlen(text)));
    finish(s, NULL, NULL, 0);
    must(wkv_tree_add(tree, wkv_tree_head(tree), &(wkv_node){.role = WKV_ROLE_USER, .text = question}, s));
    finish(s,
           &(wkv_generation){.sampler = &sampler,
                             .stops = (const char *[]){"\n\n"},
                             .n_stops = 1,
                             .ending = "\n\n",
                             .max_tokens = 8,
                             .sections = 1},
           text, sizeof text);
    must(wkv_tree_add(tree, wkv_tree_head(tree), &(wkv_node){.role = WKV_ROLE_ASSISTANT, .text = text}, s));
    wkv_session_free(s);
    return wkv_tree_head(tree);
}

/* A hash of the ids and of every bit of the state at a node, read to its end. */
static uint64_t bits_at(wkv_tree *tree, int node)
{
    wkv_session *s;
    must(wkv_tree_session(&s, tree, node));
    finish(s, NULL, NULL, 0);
    const wkv_session_info about = wkv_session_about(s);
    uint64_t h = hash_bytes(HASH_START, about.ids, sizeof *about.ids * (size_t)about.n);
    h = hash_bytes(h, wkv_state_data(wkv_session_state(s)), wkv_model_about(m)->state_bytes);
    wkv_session_free(s);
    return h;
}

#endif
