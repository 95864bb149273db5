/* store.c - a store of many sessions: `store [SESSIONS [SHAPE TYPE]]`, by default 10000 of the built-in model; SHAPE is
 * one of wkv bench, 7:0.1B, with random weights.
 *
 * Each session has an opening, a question and an answer, and a state of its own. Then the store is opened, listed, and
 * sessions at random are found, loaded, and their states opened; with the files in the page cache and after they were
 * evicted. Memory is resident memory beyond that before the store was opened. */
#include "wkv_bench.h"
#include "wkv_store.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char folder[] = "bench-store";
enum { SAMPLES = 200, ACTIVE = 50 };

static wkv_model *model;
static wkv_context *context;
static wkv_tokenizer *tokenizer;

static void must(int err)
{
    if (err >= 0) return;
    fprintf(stderr, "store: %s\n", wkv_error());
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static const char *name_of(int i)
{
    static char name[32];
    snprintf(name, sizeof name, "session %d", i);
    return name;
}

/* ---- making ------------------------------------------------------------------------------------------------------ */

static wkv_session *read_text(const char *text)
{
    wkv_session *s;
    wkv_batcher *b;
    wkv_event e;
    must(wkv_session_new(&s, model, tokenizer));
    must(wkv_batcher_new(&b, context, NULL));
    must(wkv_session_append_text(s, text, strlen(text)));
    must(wkv_batcher_add(b, s, NULL));
    while (wkv_batcher_pending(b)) must(wkv_batcher_step(b));
    while (wkv_session_next_event(s, &e)) continue;
    wkv_batcher_free(b);
    return s;
}

/* A session of three messages, with a state that no other one has. */
static void make_one(wkv_store *store, int i, wkv_session *const at[3])
{
    static const char *const texts[3] = {"", "What is the capital of France?", "Paris is the capital of France."};
    wkv_store_session x;
    wkv_tree *tree;
    must(wkv_store_create(&x, store, name_of(i), context, "plain"));
    must(wkv_store_load(&tree, store, &x, context, tokenizer));
    wkv_state_data(wkv_session_state(at[2]))[0] = (float)i;
    for (int k = 0; k < 3; k++) {
        const wkv_node about = {.role = k == 1 ? WKV_ROLE_USER
                                        : k    ? WKV_ROLE_ASSISTANT
                                               : WKV_ROLE_TEXT,
                                .text = texts[k]};
        must(wkv_tree_add(tree, wkv_tree_head(tree), &about, at[k]));
    }
    must(wkv_store_save(store, &x, tree));
    wkv_tree_free(tree);
}

static double make(int n)
{
    wkv_session *at[3];
    wkv_store *store;
    at[0] = read_text("User: Hello\n\nAssistant: Hi\n\n");
    must(wkv_session_fork(&at[1], at[0]));
    must(wkv_session_append_text(at[1], "User: What is the capital of France?\n\nAssistant:", 49));
    must(wkv_session_fork(&at[2], at[1]));
    must(wkv_session_append_text(at[2], " Paris is the capital of France.\n\n", 34));
    must(wkv_store_open(&store, folder, NULL));
    const double begun = now();
    for (int i = 0; i < n; i++) make_one(store, i, at);
    const double seconds = now() - begun;
    wkv_store_close(store);
    for (int k = 0; k < 3; k++) wkv_session_free(at[k]);
    return seconds;
}

/* ---- measuring --------------------------------------------------------------------------------------------------- */

static void evict(void)
{
    if (system("find bench-store -type f -print0 | xargs -0 -n 500 sh -c 'for f; do dd if=\"$f\" iflag=nocache count=0 "
               "status=none; done' sh"))
        fprintf(stderr, "store: the files stay in the page cache\n");
}

typedef struct {
    double sum, most;
} times;

static void take(times *t, double begun)
{
    const double seconds = now() - begun;
    t->sum += seconds;
    if (seconds > t->most) t->most = seconds;
}

static void print_times(const char *what, const times *t, int n)
{
    printf("| %s | %.2f | %.2f |\n", what, 1e3 * t->sum / n, 1e3 * t->most);
}

/* The wkv_memory_resident of this process in MB beyond `before`. */
static double grown(size_t before) { return ((double)wkv_memory_resident() - (double)before) / 1e6; }

static void measure(int n, int first)
{
    times open = {0}, list = {0}, load = {0}, state = {0};
    wkv_store *store;
    wkv_store_session x, *all;
    wkv_tree *tree, *active[ACTIVE];
    wkv_session *s, *running[ACTIVE];
    int listed;
    unsigned at = 1;
    double begun = now();
    must(wkv_store_open(&store, folder, NULL));
    must(wkv_store_find(&x, store, name_of(n / 2)));
    take(&open, begun);
    print_times("open the store, find a session", &open, 1);
    begun = now();
    must(wkv_store_list(&all, &listed, store));
    take(&list, begun);
    wkv_store_list_free(all);
    print_times("list all", &list, 1);
    for (int i = 0; i < SAMPLES; i++) {
        at = at * 1103515245u + 12345u;
        begun = now();
        must(wkv_store_find(&x, store, name_of((int)(at >> 8) % n)));
        must(wkv_store_load(&tree, store, &x, context, tokenizer));
        take(&load, begun);
        must(wkv_tree_session(&s, tree, wkv_tree_head(tree)));
        take(&state, begun);
        wkv_session_free(s);
        wkv_tree_free(tree);
    }
    print_times("find and load a session", &load, SAMPLES);
    print_times("the same with its state", &state, SAMPLES);
    const size_t before = wkv_memory_resident();
    for (int i = 0; i < ACTIVE; i++) {
        must(wkv_store_find(&x, store, name_of(i)));
        must(wkv_store_load(&active[i], store, &x, context, tokenizer));
        must(wkv_tree_session(&running[i], active[i], wkv_tree_head(active[i])));
    }
    if (first) /* later passes use memory that is free again */
        printf("| memory for %d active sessions: %.1f MB, of which states %.1f MB | | |\n", ACTIVE, grown(before),
               2e-6 * ACTIVE * (double)wkv_model_about(model)->state_bytes);
    for (int i = 0; i < ACTIVE; i++) {
        wkv_session_free(running[i]);
        wkv_tree_free(active[i]);
    }
    wkv_store_close(store);
}

int main(int argc, char **argv)
{
    const int n = argc > 1 ? atoi(argv[1]) : 10000;
    if (n < ACTIVE) return fprintf(stderr, "store: expected %d sessions or more\n", ACTIVE), 2;
    if (argc > 2)
        must(wkv_model_synthetic(&model, argv[2], argc > 3 ? argv[3] : "f16", 2));
    else
        must(wkv_model_open(&model, NULL, NULL));
    must(wkv_context_new(&context, model, NULL));
    must(argc > 2 ? wkv_tokenizer_open(&tokenizer, "world", NULL) : wkv_tokenizer_open(&tokenizer, NULL, model));
    const double made = make(n);
    printf("%d sessions of %s, saved in %.1f ms each\n\n", n, wkv_model_about(model)->path, 1e3 * made / n);
    fflush(stdout);
    const size_t before = wkv_memory_resident();
    for (int cold = 1; cold >= 0; cold--) {
        if (cold) evict();
        printf("| %s | mean, ms | longest, ms |\n|---|--:|--:|\n", cold ? "from the disk" : "from the page cache");
        measure(n, cold);
        printf("\n");
    }
    printf("memory after all: %+.1f MB\n", grown(before));
    wkv_tokenizer_close(tokenizer);
    wkv_context_free(context);
    wkv_model_close(model);
    return system("rm -r bench-store") != 0;
}
