/* Wrong use of the library: every function with NULL, negative and foreign arguments gives its code and a sentence,
 * *out is NULL, and nothing crashes. */
#include <stdlib.h>
#include "test.h"
#include "wkv.h"
#include "wkv_bench.h"
#include "wkv_cache.h"
#include "wkv_curve.h"
#include "wkv_file.h"
#include "wkv_lens.h"
#include "wkv_probe.h"
#include "wkv_report.h"
#include "wkv_session.h"
#include "wkv_state.h"
#include "wkv_train.h"
#include "wkv_store.h"
#include "wkv_task.h"
#include "wkv_trace.h"

enum { IDS = 4 };
static wkv_model *m, *other;
static wkv_context *c, *c2;
static wkv_state *s, *s2;
static wkv_tokenizer *t;
static float *logits;
static int V;
static const int32_t ids[IDS + 1] = {1, 2, 3, 4, 5};
static const float nan_ = NAN, infinite = INFINITY;

/* A call that is refused with WKV_EARG and a sentence of its own. */
static int refused(int code)
{
    int right = code == WKV_EARG && *wkv_error();
    if (!right) printf("    code %d, \"%s\"\n", code, wkv_error());
    wkv_state_copy(s, s2); /* leaves another sentence */
    return right;
}
#define REFUSED(call) EXPECT(refused(call))
/* The same, and `out` is NULL. */
#define NOTHING(type, call)                                                                                            \
    do {                                                                                                               \
        type *out = (void *)1;                                                                                         \
        REFUSED(call);                                                                                                 \
        EXPECT(!out);                                                                                                  \
    } while (0)

static void models(void)
{
    EXPECT_EQ(wkv_selftest(NULL, NULL), 0);
    REFUSED(wkv_model_open(NULL, NULL, NULL));
    NOTHING(wkv_model, wkv_model_open(&out, NULL, &(wkv_model_options){.type = "q9"}));
    NOTHING(wkv_model, wkv_model_open(&out, NULL, &(wkv_model_options){.type = ""}));
    NOTHING(wkv_model, wkv_model_open(&out, NULL, &(wkv_model_options){.type = "f32", .as_stored = 1}));
    NOTHING(wkv_model, wkv_model_open(&out, NULL, &(wkv_model_options){.lora_alpha = nan_}));
    NOTHING(wkv_model, wkv_model_open(&out, NULL, &(wkv_model_options){.lora_alpha = -1}));
    NOTHING(wkv_model, wkv_model_open(&out, NULL, &(wkv_model_options){.lora_alpha = infinite}));
    wkv_model *none = (void *)1;
    EXPECT_EQ(wkv_model_open(&none, "", NULL), WKV_EIO);
    EXPECT(!none);
    EXPECT(!wkv_model_about(NULL));
    EXPECT_EQ(wkv_model_bytes(NULL, NULL), 0);
    EXPECT_EQ(wkv_model_bytes(m, "q9"), 0);
    NOTHING(wkv_model, wkv_model_synthetic(&out, NULL, NULL, 1));
    NOTHING(wkv_model, wkv_model_synthetic(&out, "7:0.3B", NULL, 1));
    NOTHING(wkv_model, wkv_model_synthetic(&out, "7:0.1B", "q9", 1));
    NOTHING(wkv_model, wkv_model_synthetic(&out, "7:0.1B", NULL, -1));
    REFUSED(wkv_model_synthetic(NULL, "7:0.1B", NULL, 1));
    EXPECT(!wkv_synthetic_name(-1) && !wkv_synthetic_name(1000));
}

static void contexts_and_states(void)
{
    REFUSED(wkv_context_new(NULL, m, NULL));
    NOTHING(wkv_context, wkv_context_new(&out, NULL, NULL));
    NOTHING(wkv_context, wkv_context_new(&out, m, &(wkv_context_options){.threads = -5}));
    NOTHING(wkv_context, wkv_context_new(&out, m, &(wkv_context_options){.threads = 1000000}));
    NOTHING(wkv_context, wkv_context_new(&out, m, &(wkv_context_options){.device = "gpu"}));
    NOTHING(wkv_context, wkv_context_new(&out, m, &(wkv_context_options){.isa = "sse9"}));
    EXPECT(!wkv_context_isa(NULL));
    EXPECT_EQ(wkv_context_threads(NULL), 0);
    EXPECT_EQ(wkv_context_barriers(NULL), 0);
    REFUSED(wkv_state_new(NULL, m));
    NOTHING(wkv_state, wkv_state_new(&out, NULL));
    REFUSED(wkv_state_copy(s, s2));
    REFUSED(wkv_state_copy(s, NULL));
    REFUSED(wkv_state_copy(NULL, s));
    EXPECT_EQ(wkv_state_copy(s, s), 0);
    EXPECT(!wkv_state_data(NULL));
    wkv_state_reset(NULL);
    wkv_state_free(NULL);
    wkv_context_free(NULL);
    wkv_model_close(NULL);
    wkv_tokenizer_close(NULL);
    wkv_sampler_free(NULL);
    wkv_trainer_free(NULL);
    wkv_meter_free(NULL);
}

static void evaluation(void)
{
    const int32_t negative[2] = {-1, 3}, large[2] = {3, 1 << 30}, late[3] = {1, 2, -7};
    size_t bytes = wkv_model_about(m)->state_bytes;
    REFUSED(wkv_eval(NULL, s, ids, IDS, logits));
    REFUSED(wkv_eval(c, NULL, ids, IDS, logits));
    REFUSED(wkv_eval(c, s, NULL, IDS, logits));
    REFUSED(wkv_eval(c, s, ids, 0, logits));
    REFUSED(wkv_eval(c, s, ids, -1, logits));
    REFUSED(wkv_eval(c, s, ids, -2147483647 - 1, logits));
    REFUSED(wkv_eval(c, s, negative, 2, logits));
    REFUSED(wkv_eval(c, s, large, 2, logits));
    REFUSED(wkv_eval(c, s2, ids, 2, logits));
    REFUSED(wkv_eval(c2, s, ids, 2, logits));
    EXPECT_EQ(wkv_eval(c, s, ids, IDS, NULL), 0);
    float *before = malloc(bytes);
    memcpy(before, wkv_state_data(s), bytes);
    REFUSED(wkv_eval(c, s, late, 3, logits));
    EXPECT(!memcmp(before, wkv_state_data(s), bytes));
    free(before);

    wkv_sequence one = {.state = s, .tokens = ids, .n = 2, .logits = logits}, twice[2] = {one, one}, wrong = one;
    REFUSED(wkv_eval_batch(NULL, &one, 1));
    REFUSED(wkv_eval_batch(c, NULL, 1));
    REFUSED(wkv_eval_batch(c, NULL, 0));
    REFUSED(wkv_eval_batch(c, &one, 0));
    REFUSED(wkv_eval_batch(c, &one, -1));
    REFUSED(wkv_eval_batch(c, twice, 2));
    wrong.state = NULL;
    REFUSED(wkv_eval_batch(c, &wrong, 1));
    wrong = one, wrong.tokens = NULL;
    REFUSED(wkv_eval_batch(c, &wrong, 1));
    wrong = one, wrong.n = 0;
    REFUSED(wkv_eval_batch(c, &wrong, 1));
    REFUSED(wkv_head(NULL, logits, 1, logits));
    REFUSED(wkv_head(c, NULL, 1, logits));
    REFUSED(wkv_head(c, logits, 0, logits));
    REFUSED(wkv_head(c, logits, 1, NULL));
}

static void caches(void)
{
    wkv_cache *k;
    wkv_session *one, *foreign;
    wkv_batcher *b;
    REFUSED(wkv_cache_new(NULL, c, t, NULL));
    NOTHING(wkv_cache, wkv_cache_new(&out, NULL, t, NULL));
    NOTHING(wkv_cache, wkv_cache_new(&out, c, NULL, NULL));
    NOTHING(wkv_cache, wkv_cache_new(&out, c, t, &(wkv_cache_options){.disk = -1}));
    NOTHING(wkv_cache, wkv_cache_new(&out, c, t, &(wkv_cache_options){.disk_tokens = -1}));
    EXPECT_EQ(wkv_cache_new(&k, c, t, NULL), 0);
    EXPECT_EQ(wkv_session_new(&one, m, t), 0);
    EXPECT_EQ(wkv_session_new(&foreign, other, t), 0);
    REFUSED(wkv_cache_append_answer(NULL, one, "a", 1, 1));
    REFUSED(wkv_cache_append_answer(k, NULL, "a", 1, 1));
    REFUSED(wkv_cache_append_answer(k, one, NULL, 1, 1));
    REFUSED(wkv_cache_append_answer(k, foreign, "a", 1, 1));
    EXPECT_EQ(wkv_cache_append_answer(k, one, NULL, 0, 1), 0);
    REFUSED(wkv_cache_resume(NULL, one));
    REFUSED(wkv_cache_resume(k, NULL));
    REFUSED(wkv_cache_resume(k, foreign));
    REFUSED(wkv_cache_keep(NULL, one));
    REFUSED(wkv_cache_keep(k, NULL));
    REFUSED(wkv_cache_keep(k, foreign));
    REFUSED(wkv_cache_save(NULL));
    EXPECT_EQ(wkv_cache_resume(k, one), 0);
    EXPECT_EQ(wkv_cache_keep(k, one), 0);
    EXPECT_EQ(wkv_cache_save(k), 0);
    EXPECT_EQ(wkv_session_append_ids(one, ids, IDS), 0);
    EXPECT_EQ(wkv_batcher_new(&b, c, NULL), 0);
    EXPECT_EQ(wkv_batcher_add(b, one, NULL), 0);
    REFUSED(wkv_cache_resume(k, one));
    REFUSED(wkv_cache_append_answer(k, one, "a", 1, 1));
    EXPECT_EQ(wkv_cache_about(k).states, 0);
    EXPECT_EQ(wkv_cache_about(NULL).states, 0);
    wkv_batcher_free(b);
    wkv_session_free(one);
    wkv_session_free(foreign);
    wkv_cache_free(k);
    wkv_cache_free(NULL);
}

static void sessions(void)
{
    wkv_session *one, *foreign;
    wkv_batcher *b;
    wkv_event e;
    NOTHING(wkv_session, wkv_session_new(&out, NULL, t));
    NOTHING(wkv_session, wkv_session_new(&out, m, NULL));
    REFUSED(wkv_session_new(NULL, m, t));
    EXPECT_EQ(wkv_session_new(&one, m, t), 0);
    EXPECT_EQ(wkv_session_new(&foreign, other, t), 0);
    REFUSED(wkv_session_append_text(NULL, "a", 1));
    REFUSED(wkv_session_append_text(one, NULL, 1));
    EXPECT_EQ(wkv_session_append_text(one, NULL, 0), 0);
    REFUSED(wkv_session_append_ids(NULL, ids, IDS));
    REFUSED(wkv_session_append_ids(one, NULL, IDS));
    REFUSED(wkv_session_append_ids(one, ids, 0));
    REFUSED(wkv_session_append_ids(one, ids, -1));
    REFUSED(wkv_session_append_ids(one, &(int32_t){V}, 1));
    REFUSED(wkv_session_append_ids(one, &(int32_t){-1}, 1));
    EXPECT_EQ(wkv_session_about(one).n, 0);
    NOTHING(wkv_session, wkv_session_fork(&out, NULL));
    REFUSED(wkv_session_fork(NULL, one));
    EXPECT_EQ(wkv_session_about(NULL).n, 0);
    EXPECT(!wkv_session_state(NULL));
    REFUSED(wkv_session_advance(NULL, 1));
    REFUSED(wkv_session_advance(one, 0));
    REFUSED(wkv_session_advance(one, -1));
    EXPECT(!wkv_session_next_event(NULL, &e) && !wkv_session_next_event(one, NULL));
    wkv_session_cancel(NULL);
    wkv_session_cancel(one);
    REFUSED(wkv_session_apart(NULL));
    EXPECT_EQ(wkv_session_apart(one), 0);
    REFUSED(wkv_session_save(NULL, c, NULL, "none"));
    REFUSED(wkv_session_save(one, NULL, NULL, "none"));
    REFUSED(wkv_session_save(one, c, NULL, NULL));
    REFUSED(wkv_session_save(foreign, c, NULL, "none"));
    NOTHING(wkv_session, wkv_session_load(&out, NULL, c, t));
    REFUSED(wkv_session_load(NULL, NULL, c, t));
    wkv_generation_chat(NULL, NULL, 0);

    NOTHING(wkv_batcher, wkv_batcher_new(&out, NULL, NULL));
    NOTHING(wkv_batcher, wkv_batcher_new(&out, c, &(wkv_batcher_options){.slots = -1}));
    NOTHING(wkv_batcher, wkv_batcher_new(&out, c, &(wkv_batcher_options){.step_seconds = nan_}));
    NOTHING(wkv_batcher, wkv_batcher_new(&out, c, &(wkv_batcher_options){.step_seconds = -1}));
    REFUSED(wkv_batcher_new(NULL, c, NULL));
    EXPECT_EQ(wkv_batcher_new(&b, c, NULL), 0);
    REFUSED(wkv_batcher_add(NULL, one, NULL));
    REFUSED(wkv_batcher_add(b, NULL, NULL));
    REFUSED(wkv_batcher_add(b, foreign, NULL));
    REFUSED(wkv_batcher_add(b, one, &(wkv_generation){0})); /* nothing to continue */
    EXPECT_EQ(wkv_session_append_ids(one, ids, IDS), 0);
    REFUSED(wkv_batcher_add(b, one, &(wkv_generation){.max_tokens = -1}));
    REFUSED(wkv_batcher_add(b, one, &(wkv_generation){.n_stops = 1}));
    REFUSED(wkv_batcher_add(b, one, &(wkv_generation){.n_stops = -1}));
    REFUSED(wkv_batcher_add(b, one, &(wkv_generation){.sections = 1, .tool_stop = "a string of many bytes"}));
    REFUSED(wkv_batcher_add(b, one, &(wkv_generation){.sampler = &(wkv_sampler_options){.temperature = nan_}}));
    EXPECT_EQ(wkv_batcher_pending(b), 0);
    EXPECT_EQ(wkv_batcher_step(b), 0);
    REFUSED(wkv_batcher_step(NULL));
    EXPECT_EQ(wkv_batcher_pending(NULL), 0);
    EXPECT_EQ(wkv_batcher_about(NULL).active, 0);
    wkv_batcher_free(b);
    wkv_batcher_free(NULL);
    wkv_session_free(one);
    wkv_session_free(foreign);
    wkv_session_free(NULL);
}

static void trees(void)
{
    wkv_tree *tree;
    wkv_session *one, *foreign;
    const wkv_node user = {.role = WKV_ROLE_USER, .text = "a"};
    NOTHING(wkv_tree, wkv_tree_new(&out, NULL, t));
    NOTHING(wkv_tree, wkv_tree_new(&out, c, NULL));
    REFUSED(wkv_tree_new(NULL, c, t));
    EXPECT_EQ(wkv_tree_new(&tree, c, t), 0);
    EXPECT_EQ(wkv_session_new(&one, m, t), 0);
    EXPECT_EQ(wkv_session_new(&foreign, other, t), 0);
    EXPECT_EQ(wkv_session_append_ids(one, ids, IDS), 0);
    REFUSED(wkv_tree_add(NULL, WKV_NOWHERE, &user, one));
    REFUSED(wkv_tree_add(tree, 0, &user, one));
    REFUSED(wkv_tree_add(tree, WKV_NOWHERE, NULL, one));
    REFUSED(wkv_tree_add(tree, WKV_NOWHERE, &(wkv_node){.role = 77}, one));
    REFUSED(wkv_tree_add(tree, WKV_NOWHERE, &(wkv_node){.role = WKV_ROLE_MIX}, one));
    REFUSED(wkv_tree_add(tree, WKV_NOWHERE, &user, NULL));
    REFUSED(wkv_tree_add(tree, WKV_NOWHERE, &user, foreign));
    EXPECT_EQ(wkv_tree_add(tree, WKV_NOWHERE, &user, one), 0);
    wkv_session *fresh;
    EXPECT_EQ(wkv_session_new(&fresh, m, t), 0);
    REFUSED(wkv_tree_add(tree, 0, &user, fresh)); /* it does not continue node 0 */
    REFUSED(wkv_tree_mix(NULL, (int[]){0}, (const wkv_session *[]){one}, NULL, 1));
    REFUSED(wkv_tree_mix(tree, NULL, (const wkv_session *[]){one}, NULL, 1));
    REFUSED(wkv_tree_mix(tree, (int[]){0}, NULL, NULL, 1));
    REFUSED(wkv_tree_mix(tree, (int[]){0}, (const wkv_session *[]){NULL}, NULL, 1));
    REFUSED(wkv_tree_mix(tree, (int[]){9}, (const wkv_session *[]){one}, NULL, 1));
    REFUSED(wkv_tree_mix(tree, (int[]){0}, (const wkv_session *[]){one}, NULL, 0));
    NOTHING(wkv_session, wkv_tree_session(&out, NULL, 0));
    NOTHING(wkv_session, wkv_tree_session(&out, tree, 9));
    REFUSED(wkv_tree_session(NULL, tree, 0));
    REFUSED(wkv_tree_go(NULL, 0));
    REFUSED(wkv_tree_go(tree, 9));
    REFUSED(wkv_tree_mark(NULL, "a", 0));
    REFUSED(wkv_tree_mark(tree, NULL, 0));
    REFUSED(wkv_tree_mark(tree, "a", 9));
    REFUSED(wkv_tree_branch(NULL, "a", 0));
    REFUSED(wkv_tree_branch(tree, NULL, 0));
    EXPECT(wkv_tree_find(NULL, "a") == -2 && wkv_tree_find(tree, NULL) == -2);
    EXPECT(!wkv_tree_name(NULL, 0, NULL, NULL) && !wkv_tree_name(tree, 0, NULL, NULL) &&
           !wkv_tree_name(tree, -1, NULL, NULL));
    EXPECT(!wkv_tree_node(NULL, 0) && !wkv_tree_node(tree, 9) && !wkv_tree_node(tree, WKV_NOWHERE));
    EXPECT(!wkv_tree_count(NULL) && wkv_tree_head(NULL) == WKV_NOWHERE);
    wkv_tree_limit(NULL, 1);
    wkv_session_free(fresh);
    wkv_session_free(one);
    wkv_session_free(foreign);
    wkv_tree_free(tree);
    wkv_tree_free(NULL);
}

/* Without SQLite each call fails otherwise. */
static void stores(void)
{
    wkv_store *store;
    wkv_store_session one;
    wkv_tree *tree;
    char words[8];
    int n;
    REFUSED(wkv_store_refuse_output(NULL));
    EXPECT(!wkv_store_folder(NULL, 8) && !wkv_store_folder(words, 0) && !wkv_store_folder(words, 2));
    if (wkv_store_open(&store, "api-store") == WKV_EUNSUPPORTED) SKIP("%s", wkv_error());
    REFUSED(wkv_store_open(NULL, "api-store"));
    NOTHING(wkv_store, wkv_store_open(&out, ""));
    REFUSED(wkv_store_list(NULL, &n, store));
    NOTHING(wkv_store_session, wkv_store_list(&out, NULL, store));
    NOTHING(wkv_store_session, wkv_store_list(&out, &n, NULL));
    wkv_store_list_free(NULL);
    REFUSED(wkv_store_find(NULL, store, "a"));
    REFUSED(wkv_store_find(&one, NULL, "a"));
    REFUSED(wkv_store_find(&one, store, NULL));
    REFUSED(wkv_store_find(&one, store, ""));
    REFUSED(wkv_store_create(NULL, store, "a", c, NULL));
    REFUSED(wkv_store_create(&one, NULL, "a", c, NULL));
    REFUSED(wkv_store_create(&one, store, "", c, NULL));
    REFUSED(wkv_store_create(&one, store, "a", NULL, NULL));
    EXPECT_EQ(wkv_store_create(&one, store, NULL, c, NULL), 0);
    EXPECT_EQ(wkv_tree_new(&tree, c, t), 0);
    REFUSED(wkv_store_delete(NULL, &one));
    REFUSED(wkv_store_delete(store, NULL));
    REFUSED(wkv_store_delete(store, &(wkv_store_session){.id = "ses_"}));
    NOTHING(wkv_store_messages, wkv_store_read(&out, NULL, &one));
    NOTHING(wkv_store_messages, wkv_store_read(&out, store, NULL));
    NOTHING(wkv_store_messages, wkv_store_read(&out, store, &(wkv_store_session){.id = "ses_"}));
    REFUSED(wkv_store_read(NULL, store, &one));
    wkv_store_messages_free(NULL);
    NOTHING(wkv_tree, wkv_store_load(&out, NULL, &one, c, t));
    NOTHING(wkv_tree, wkv_store_load(&out, store, NULL, c, t));
    NOTHING(wkv_tree, wkv_store_load(&out, store, &one, NULL, t));
    NOTHING(wkv_tree, wkv_store_load(&out, store, &one, c, NULL));
    NOTHING(wkv_tree, wkv_store_load(&out, store, &one, c2, t));
    REFUSED(wkv_store_load(NULL, store, &one, c, t));
    REFUSED(wkv_store_compare(NULL, &one, c, words, sizeof words));
    REFUSED(wkv_store_compare(store, NULL, c, words, sizeof words));
    REFUSED(wkv_store_compare(store, &one, NULL, words, sizeof words));
    REFUSED(wkv_store_compare(store, &one, c, NULL, 8));
    REFUSED(wkv_store_save(NULL, &one, tree));
    REFUSED(wkv_store_save(store, NULL, tree));
    REFUSED(wkv_store_save(store, &one, NULL));
    REFUSED(wkv_store_save(store, &(wkv_store_session){.id = "ses_"}, tree));
    REFUSED(wkv_store_gc(NULL, 0, NULL));
    REFUSED(wkv_store_gc(store, -1, NULL));
    EXPECT_EQ(wkv_store_delete(store, &one), 0);
    wkv_tree_free(tree);
    wkv_store_close(store);
    wkv_store_close(NULL);
    remove("api-store/wkv.db");
    remove("api-store");
}

static void text(void)
{
    int32_t out_ids[8];
    size_t bytes = 7;
    char shown[64] = "x";
    REFUSED(wkv_tokenizer_open(NULL, "bytes", NULL));
    NOTHING(wkv_tokenizer, wkv_tokenizer_open(&out, NULL, NULL));
    EXPECT(!wkv_tokenizer_name(NULL) && !wkv_tokenizer_path(NULL));
    EXPECT_EQ(wkv_tokenizer_size(NULL), 0);
    EXPECT_EQ(wkv_tokenizer_end(NULL), -1);
    REFUSED(wkv_encode(NULL, "a", 1, out_ids, 8));
    REFUSED(wkv_encode(t, NULL, 1, out_ids, 8));
    REFUSED(wkv_encode(t, "a", 1, NULL, 8));
    REFUSED(wkv_encode(t, "a", 1, out_ids, -1));
    REFUSED(wkv_encode(t, "a", (size_t)1 << 40, out_ids, 1));
    EXPECT_EQ(wkv_encode(t, NULL, 0, NULL, 0), 0);
    EXPECT(wkv_encode(t, "Once upon", 9, out_ids, 1) >= 1);
    REFUSED(wkv_encode_prompt(NULL, "a", 1, out_ids, 8));
    REFUSED(wkv_encode_prompt(t, NULL, 2, out_ids, 8));
    REFUSED(wkv_encode_prompt(t, "a", 1, out_ids, -1));
    EXPECT_EQ(wkv_encode_prompt(t, NULL, 0, NULL, 0), 0);
    EXPECT(!wkv_token_bytes(NULL, 1, &bytes) && bytes == 0);
    EXPECT(!wkv_token_bytes(t, 1, NULL));
    EXPECT(*wkv_token_bytes(t, -1, &bytes) == 0 && bytes == 0);
    EXPECT(*wkv_token_bytes(t, 1 << 30, &bytes) == 0 && bytes == 0);
    wkv_decoder d = {0};
    EXPECT_EQ(wkv_decode(NULL, t, 1, shown), 0);
    EXPECT_EQ(wkv_decode(&d, NULL, 1, shown), 0);
    EXPECT_EQ(wkv_decode(&d, t, 1, NULL), 0);
    EXPECT_EQ(wkv_decode(&d, t, -5, shown), 0);
    EXPECT_EQ(wkv_decode_end(NULL, shown), 0);
    EXPECT_EQ(wkv_decode_end(&d, NULL), 0);
    EXPECT_EQ(wkv_decoder_room(NULL), 0);

    const wkv_template *g1;
    REFUSED(wkv_template_find(NULL, "g1", NULL, NULL));
    NOTHING(const wkv_template, wkv_template_find(&out, "nope", NULL, NULL));
    EXPECT_EQ(wkv_template_find(&g1, "g1", NULL, NULL), 0);
    EXPECT_EQ(wkv_template_turn(NULL, 1, NULL, "hi", WKV_THINK_OFF, shown, sizeof shown), 0);
    EXPECT_EQ(wkv_template_turn(g1, 1, NULL, NULL, WKV_THINK_OFF, shown, sizeof shown), 0);
    EXPECT_STR(shown, "");
    EXPECT(wkv_template_turn(g1, 1, NULL, "hi", (wkv_think)77, NULL, 10) > 0);
    EXPECT_EQ(wkv_template_reply(NULL, "hi", shown, sizeof shown), 0);
    EXPECT_EQ(wkv_template_reply(g1, NULL, shown, sizeof shown), 0);
    EXPECT(wkv_template_reply(g1, "hi", NULL, 0) > 0);
    const wkv_think off = WKV_THINK_OFF;
    EXPECT_EQ(wkv_template_tools_turn(NULL, 1, NULL, "- f()", "hi", off, shown, sizeof shown), 0);
    EXPECT_STR(shown, "");
    EXPECT_EQ(wkv_template_tools_turn(g1, 1, NULL, "- f()", NULL, off, shown, sizeof shown), 0);
    EXPECT(wkv_template_tools_turn(g1, 0, NULL, NULL, "hi", (wkv_think)77, NULL, 10) > 0);
    EXPECT_EQ(wkv_template_tools_reply(NULL, "{}", shown, sizeof shown), 0);
    EXPECT_EQ(wkv_template_tools_reply(g1, NULL, shown, sizeof shown), 0);
    EXPECT(wkv_template_tools_reply(g1, "{}", NULL, 10) > 0);
    EXPECT_EQ(wkv_template_tools_output(NULL, "1", off, shown, sizeof shown), 0);
    EXPECT_EQ(wkv_template_tools_output(g1, NULL, off, shown, sizeof shown), 0);
    EXPECT(wkv_template_tools_output(g1, "1", off, NULL, 10) > 0);

    wkv_profile p = {.name = "as it was"};
    wkv_template_profile(NULL, g1, off, m);
    wkv_template_profile(&p, NULL, off, m);
    EXPECT_STR(p.name, "as it was");
    wkv_template_profile(&p, g1, (wkv_think)77, NULL);
    EXPECT(strstr(p.name, "g1") == p.name);
    wkv_sampler_options o = {.temperature = nan_, .top_k = -1, .top_p = 0.25f};
    wkv_profile_fill(NULL, &p, NULL);
    wkv_profile_fill(&o, NULL, NULL);
    EXPECT(isnan(o.temperature) && o.top_k == -1);
    wkv_profile_fill(&o, &p, NULL);
    EXPECT(o.temperature == p.sampler.temperature && o.top_k == p.sampler.top_k && o.top_p == 0.25f);
    wkv_tokenizer *of_bytes = NULL; /* penalties are for words */
    EXPECT_EQ(wkv_tokenizer_open(&of_bytes, "bytes", NULL), 0);
    p.sampler.presence = 1;
    o.presence = o.frequency = nan_;
    wkv_profile_fill(&o, &p, of_bytes);
    EXPECT_NEAR(o.presence, 0, 0);
    o.presence = nan_;
    wkv_profile_fill(&o, &p, NULL);
    EXPECT_NEAR(o.presence, 1, 0);
    wkv_tokenizer_close(of_bytes);
}

static void samplers(void)
{
    const int32_t outside[2] = {-1, V};
    const float bias[2] = {1, nan_};
    wkv_sampler *sampler;
    REFUSED(wkv_sampler_new(NULL, NULL, V, NULL));
    NOTHING(wkv_sampler, wkv_sampler_new(&out, NULL, 0, NULL));
    NOTHING(wkv_sampler, wkv_sampler_new(&out, NULL, -1, NULL));
#define WRONG(...) NOTHING(wkv_sampler, wkv_sampler_new(&out, &(wkv_sampler_options){__VA_ARGS__}, V, NULL))
    WRONG(.temperature = nan_);
    WRONG(.temperature = -1);
    WRONG(.top_k = -1);
    WRONG(.top_p = 2);
    WRONG(.bans = outside, .n_bans = 2);
    WRONG(.n_bans = 2);
    WRONG(.bans = ids, .n_bans = -1);
    WRONG(.bias_ids = outside, .bias = bias, .n_bias = 2);
    WRONG(.bias_ids = ids, .n_bias = 2);
    WRONG(.bias_ids = ids, .bias = bias, .n_bias = 2);
    EXPECT_EQ(wkv_sampler_new(&sampler, NULL, V, NULL), 0);
    REFUSED(wkv_sample(NULL, logits));
    REFUSED(wkv_sample(sampler, NULL));
    REFUSED(wkv_sampler_count(NULL, 1));
    wkv_sampler_reset(NULL);
    EXPECT_EQ(wkv_sampler_count(sampler, -1), 0);
    EXPECT_EQ(wkv_sampler_count(sampler, 1 << 30), 0);
    wkv_sampler_free(sampler);
}

static void files(void)
{
    REFUSED(wkv_convert(NULL, "x.gguf", NULL));
    REFUSED(wkv_convert(m, NULL, NULL));
    REFUSED(wkv_convert(m, "x.doc", NULL));
    REFUSED(wkv_convert(m, "x.gguf", &(wkv_convert_options){.type = "q9"}));
    REFUSED(wkv_vocabulary_train(NULL, (const char *const[]){"a", NULL}, NULL));
    REFUSED(wkv_vocabulary_train("x.txt", NULL, NULL));
    REFUSED(wkv_vocabulary_train("x.txt", (const char *const[]){NULL}, NULL));
    char folder[64];
    EXPECT_EQ(wkv_model_folder(NULL, 64, 0), 0);
    EXPECT_EQ(wkv_model_folder(folder, 0, 0), 0);
    EXPECT_EQ(wkv_model_folder(folder, sizeof folder, -1), 0);
    EXPECT_EQ(wkv_model_folder(folder, sizeof folder, 3), 0);
    REFUSED(wkv_model_refuse_output(NULL, "x"));
    REFUSED(wkv_model_refuse_output(m, NULL));

    size_t bytes;
    char *text = NULL;
    REFUSED(wkv_file_open(NULL, "x"));
    NOTHING(FILE, wkv_file_open(&out, NULL));
    REFUSED(wkv_file_read(NULL, &bytes, "x"));
    REFUSED(wkv_file_read(&text, NULL, "x"));
    NOTHING(char, wkv_file_read(&out, &bytes, NULL));
    EXPECT(!wkv_file_same(NULL, "x") && !wkv_file_same("x", NULL));
    REFUSED(wkv_file_refuse_input(NULL, "x", "the text"));
    EXPECT_EQ(wkv_file_refuse_input("x", NULL, "the text"), 0);
    REFUSED(wkv_file_refuse_input("/dev/null", "/dev/null", NULL));
    REFUSED(wkv_file_make_folders(NULL, 0755));
    REFUSED(wkv_file_create(NULL, "x"));
    NOTHING(wkv_file, wkv_file_create(&out, NULL));
    REFUSED(wkv_file_put(NULL, "x", 1));
    REFUSED(wkv_file_commit(NULL));
    wkv_file_abandon(NULL);

    const wkv_array sound = {.name = "x", .ids = ids, .dims = 1, .shape = {2}};
    wkv_array wrong = sound;
#define WRONG_ARRAY(field, value)                                                                                      \
    do {                                                                                                               \
        wrong = sound;                                                                                                 \
        wrong.field = value;                                                                                           \
        REFUSED(wkv_arrays_write("x.npz", &wrong, 1, NULL));                                                           \
    } while (0)
    REFUSED(wkv_arrays_write(NULL, &sound, 1, NULL));
    REFUSED(wkv_arrays_write("x.npz", NULL, 1, NULL));
    REFUSED(wkv_arrays_write("x.npz", &sound, 0, NULL));
    REFUSED(wkv_arrays_write("x.doc", &sound, 1, NULL));
    REFUSED(wkv_arrays_write("x.npz", (const wkv_array[]){sound, sound}, 2, NULL));
    REFUSED(wkv_arrays_write("x.npz", &sound, 1, (const char *const[]){"key", NULL}));
    REFUSED(wkv_arrays_write("x.npz", &sound, 1, (const char *const[]){"key", "\xff", NULL}));
    WRONG_ARRAY(name, NULL);
    WRONG_ARRAY(name, "");
    WRONG_ARRAY(name, "a/b");
    WRONG_ARRAY(name, "\xff");
    WRONG_ARRAY(ids, NULL);
    WRONG_ARRAY(values, logits);
    WRONG_ARRAY(dims, 5);
    WRONG_ARRAY(dims, -1);
    WRONG_ARRAY(shape[0], 0);
    WRONG_ARRAY(shape[0], INT64_MAX);
    EXPECT_EQ(wkv_arrays_write("api-array.npz", &sound, 1, NULL), 0);
    remove("api-array.npz");
}

static void state_files(void)
{
    wkv_identity id;
    char text[8] = "x";
    const wkv_state *mix[2] = {s, s}, *foreign[2] = {s, s2}, *missing[2] = {s, NULL};
    REFUSED(wkv_identify(NULL, c));
    REFUSED(wkv_identify(&id, NULL));
    EXPECT_EQ(wkv_identify(&id, c), 0);
    wkv_state_info about = {.identity = id}, wrong = about;
    REFUSED(wkv_state_file_open(NULL, "x"));
    NOTHING(wkv_state_file, wkv_state_file_open(&out, NULL));
    EXPECT(!wkv_state_file_about(NULL) && !wkv_state_file_hidden(NULL));
    REFUSED(wkv_state_file_read(NULL, s));
    REFUSED(wkv_state_file_compare(NULL, c, text, sizeof text));
    REFUSED(wkv_state_file_write(NULL, &about, s, NULL));
    REFUSED(wkv_state_file_write("x.safetensors", NULL, s, NULL));
    REFUSED(wkv_state_file_write("x.safetensors", &about, NULL, NULL));
    REFUSED(wkv_state_file_write("x.safetensors", &about, s2, NULL));
    REFUSED(wkv_state_file_write("x.safetensors", &(wkv_state_info){.read = 0}, s, NULL));
    wrong.n_ids = -1;
    REFUSED(wkv_state_file_write("x.safetensors", &wrong, s, NULL));
    wrong.n_ids = 2;
    REFUSED(wkv_state_file_write("x.safetensors", &wrong, s, NULL));
    wrong.ids = ids, wrong.read = 3;
    REFUSED(wkv_state_file_write("x.safetensors", &wrong, s, NULL));
    wrong.read = -1;
    REFUSED(wkv_state_file_write("x.safetensors", &wrong, s, NULL));
    static const char *const segments[] = {"3", "0", "-1", "1 1", "1b", "1  2", "1 ", "x", "2a 1", "99999999999"};
    for (size_t i = 0; i < sizeof segments / sizeof *segments; i++) {
        wrong = about, wrong.n_ids = 2, wrong.ids = ids, wrong.segments = segments[i];
        REFUSED(wkv_state_file_write("x.safetensors", &wrong, s, NULL));
    }
    wrong = about, wrong.n_ids = 1, wrong.ids = (const int32_t[]){1 << 30};
    REFUSED(wkv_state_file_write("x.safetensors", &wrong, s, NULL));
    wrong = about, wrong.origin = "\xff";
    REFUSED(wkv_state_file_write("x.safetensors", &wrong, s, NULL));
    REFUSED(wkv_state_write_tuned(NULL, s));
    REFUSED(wkv_state_write_tuned("x.pth", NULL));
    REFUSED(wkv_state_write_tuned("x.doc", s));
    REFUSED(wkv_state_mix(NULL, mix, NULL, 2));
    REFUSED(wkv_state_mix(s, NULL, NULL, 2));
    REFUSED(wkv_state_mix(s, mix, NULL, 0));
    REFUSED(wkv_state_mix(s, mix, NULL, -1));
    REFUSED(wkv_state_mix(s, foreign, NULL, 2));
    REFUSED(wkv_state_mix(s, missing, NULL, 2));
    REFUSED(wkv_state_mix(s, mix, (const float[]){nan_, 1}, 2));
    REFUSED(wkv_state_mix(s, mix, (const float[]){infinite, 1}, 2));
    REFUSED(wkv_state_mix(s, mix, (const float[]){1, -1}, 2));
    wkv_state_file *f;
    EXPECT_EQ(wkv_state_file_write("api-state.safetensors", &about, s, NULL), 0);
    EXPECT_EQ(wkv_state_file_open(&f, "api-state.safetensors"), 0);
    REFUSED(wkv_state_file_read(f, NULL));
    REFUSED(wkv_state_file_read(f, s2));
    REFUSED(wkv_state_file_compare(f, NULL, text, sizeof text));
    REFUSED(wkv_state_file_compare(f, c2, text, sizeof text));
    REFUSED(wkv_state_file_compare(f, c, NULL, 8));
    EXPECT_EQ(wkv_state_file_compare(f, c, NULL, 0), 0);
    const wkv_state_file *files[2] = {f, NULL};
    REFUSED(wkv_state_file_write_tuned(NULL, f));
    REFUSED(wkv_state_file_write_tuned("x.pth", NULL));
    REFUSED(wkv_state_file_write_tuned("x.doc", f));
    REFUSED(wkv_state_file_mix(NULL, files, NULL, 1));
    REFUSED(wkv_state_file_mix("x.safetensors", NULL, NULL, 1));
    REFUSED(wkv_state_file_mix("x.safetensors", files, NULL, 0));
    REFUSED(wkv_state_file_mix("x.safetensors", files, NULL, 2));
    REFUSED(wkv_state_file_mix("x.safetensors", files, (const float[]){-1}, 1));
    wkv_state_file_close(f);
    wkv_state_file_close(NULL);

    const wkv_state_diff_options probe = {.tokens = ids, .n = 2};
    REFUSED(wkv_state_diff(NULL, c, s, s, &probe));
    NOTHING(wkv_state_difference, wkv_state_diff(&out, NULL, s, s, &probe));
    NOTHING(wkv_state_difference, wkv_state_diff(&out, c, NULL, s, &probe));
    NOTHING(wkv_state_difference, wkv_state_diff(&out, c, s, NULL, &probe));
    NOTHING(wkv_state_difference, wkv_state_diff(&out, c, s, s, NULL));
    NOTHING(wkv_state_difference, wkv_state_diff(&out, c, s2, s, &probe));
    NOTHING(wkv_state_difference, wkv_state_diff(&out, c, s, s2, &probe));
    NOTHING(wkv_state_difference, wkv_state_diff(&out, c, s, s, &(wkv_state_diff_options){.n = 2}));
    NOTHING(wkv_state_difference, wkv_state_diff(&out, c, s, s, &(wkv_state_diff_options){.tokens = ids}));
    NOTHING(wkv_state_difference,
            wkv_state_diff(&out, c, s, s, &(wkv_state_diff_options){.tokens = ids, .n = 2, .movers = -1}));
    NOTHING(wkv_state_difference,
            wkv_state_diff(&out, c, s, s, &(wkv_state_diff_options){.tokens = (const int32_t[]){-1}, .n = 1}));
    wkv_state_difference_free(NULL);
    remove("api-state.safetensors");
}

static void training(void)
{
    size_t bytes;
    REFUSED(wkv_jsonl_text(NULL, &bytes, "{}", 2));
    NOTHING(char, wkv_jsonl_text(&out, NULL, "{}", 2));
    NOTHING(char, wkv_jsonl_text(&out, &bytes, NULL, 2));
    const wkv_train_options small = {.layers = 1, .width = 32, .head_size = 32, .vocab_size = 16, .threads = 1};
    const wkv_communicator deaf = {.rank = 0, .count = 2};
    wkv_trainer *trainer;
    double loss;
    REFUSED(wkv_train(NULL));
    REFUSED(wkv_train(&(wkv_train_options){0}));
    REFUSED(wkv_train(&(wkv_train_options){.out = "x", .method = "lora", .alpha = nan_}));
    REFUSED(wkv_train(&(wkv_train_options){.out = "x", .method = "adapters"}));
    REFUSED(wkv_trainer_new(NULL, &small));
    NOTHING(wkv_trainer, wkv_trainer_new(&out, NULL));
    wkv_train_options wrong = small;
#define WRONG_TRAINER(field, value)                                                                                    \
    do {                                                                                                               \
        wrong = small;                                                                                                 \
        wrong.field = value;                                                                                           \
        NOTHING(wkv_trainer, wkv_trainer_new(&out, &wrong));                                                           \
    } while (0)
    WRONG_TRAINER(version, "5.1");
    WRONG_TRAINER(layers, -1);
    WRONG_TRAINER(head_size, 7);
    WRONG_TRAINER(vocab_size, -1);
    WRONG_TRAINER(lr_init, nan_);
    WRONG_TRAINER(weight_decay, infinite);
    WRONG_TRAINER(beta1, 1);
    WRONG_TRAINER(schedule, "steps");
    WRONG_TRAINER(device, "gpu");
    WRONG_TRAINER(micro_batch, -1);
    WRONG_TRAINER(batch, -1);
    WRONG_TRAINER(communicator, &deaf);
    EXPECT_EQ(wkv_trainer_new(&trainer, &small), 0);
    REFUSED(wkv_trainer_step(NULL, ids, 1, IDS, &loss));
    REFUSED(wkv_trainer_step(trainer, NULL, 1, IDS, &loss));
    REFUSED(wkv_trainer_step(trainer, ids, 0, IDS, &loss));
    REFUSED(wkv_trainer_step(trainer, ids, 1, -1, &loss));
    REFUSED(wkv_trainer_step(trainer, (const int32_t[]){1, 99}, 1, 1, &loss));
    EXPECT(!wkv_train_version(-1) && !wkv_train_version(1000));
    REFUSED(wkv_trainer_loss(NULL, ids, 1, IDS, &loss));
    REFUSED(wkv_trainer_loss(trainer, NULL, 1, IDS, &loss));
    EXPECT_EQ(wkv_trainer_loss(trainer, ids, 1, IDS, NULL), 0);
    EXPECT_EQ(wkv_trainer_step(trainer, ids, 1, IDS, NULL), 0);
    EXPECT_EQ(wkv_trainer_steps(trainer, NULL, NULL, NULL), 1);
    EXPECT_EQ(wkv_trainer_steps(NULL, NULL, NULL, NULL), 0);
    EXPECT_EQ(wkv_trainer_parameters(NULL), 0);
    REFUSED(wkv_trainer_save(NULL, "x", NULL));
    REFUSED(wkv_trainer_save(trainer, NULL, NULL));
    REFUSED(wkv_trainer_save(trainer, "x", "q8"));
    wkv_trainer_free(trainer);
    REFUSED(wkv_train(&(wkv_train_options){.out = "x", .patience = -1}));
    wkv_train_memory memory[WKV_TRAIN_METHODS];
    REFUSED(wkv_train_memory_needed(NULL, NULL, &small));
    REFUSED(wkv_train_memory_needed(memory, NULL, NULL));
    REFUSED(wkv_train_memory_needed(memory, NULL, &(wkv_train_options){.context = -1}));
}

static void ignore(void *user, const wkv_probed *p) { (void)user, (void)p; }

static void probes(void)
{
    wkv_site_info info[4];
    float *row = malloc(sizeof *row * 2 * (size_t)wkv_model_about(m)->width);
    REFUSED(wkv_sites(NULL, NULL, info, 4));
    REFUSED(wkv_sites(m, "no site", info, 4));
    REFUSED(wkv_sites(m, NULL, NULL, 4));
    REFUSED(wkv_sites(m, NULL, info, -1));
    EXPECT(!wkv_site_name((wkv_site)-1) && !wkv_site_name(WKV_SITE_NONE) && !wkv_site_name((wkv_site)1000));
    REFUSED(wkv_probe_add(NULL, "k", ignore, NULL));
    REFUSED(wkv_probe_add(c, "k", NULL, NULL));
    REFUSED(wkv_probe_add(c, "blocks.1000000.k", ignore, NULL));
    REFUSED(wkv_probe_add(c2, "g", ignore, NULL));
    wkv_probe_remove(NULL, ignore, NULL);
    wkv_probe_remove(c, NULL, NULL);
    wkv_probe_clear(NULL);
    REFUSED(wkv_embed(NULL, ids, 2, row));
    REFUSED(wkv_embed(c, NULL, 2, row));
    REFUSED(wkv_embed(c, ids, 0, row));
    REFUSED(wkv_embed(c, ids, 2, NULL));
    REFUSED(wkv_embed(c, (const int32_t[]){1, V}, 2, row));
    EXPECT_EQ(wkv_embed(c, ids, 2, row), 0);
    REFUSED(wkv_unembed(NULL, row, 2, logits));
    REFUSED(wkv_unembed(c, NULL, 2, logits));
    REFUSED(wkv_unembed(c, row, 0, logits));
    REFUSED(wkv_unembed(c, row, 2, NULL));
    REFUSED(wkv_eval_embeddings(NULL, s, row, 2, logits));
    REFUSED(wkv_eval_embeddings(c, NULL, row, 2, logits));
    REFUSED(wkv_eval_embeddings(c, s2, row, 2, logits));
    REFUSED(wkv_eval_embeddings(c, s, NULL, 2, logits));
    REFUSED(wkv_eval_embeddings(c, s, row, 0, logits));
    row[1] = infinite;
    REFUSED(wkv_eval_embeddings(c, s, row, 2, logits));
    free(row);
}

static void tracing(void)
{
    const wkv_trace_item sound = {.tokens = ids, .n = IDS, .from = 1, .to = 2, .answer = -1};
    wkv_trace_item bad = sound;
    wkv_trace_result r;
    wkv_trace_patch patch = {.kinds = 1, .layer = 0, .layer_end = 1, .token = 0, .token_end = 1};
    wkv_trace_score scores[2];
    const wkv_trace_options two = {.samples = 2};
    wkv_trace_effect *grid = calloc(wkv_trace_cells(m, &sound, &two), sizeof *grid);
    EXPECT_EQ(wkv_trace(&r, grid, NULL, c, &sound, &two), 0);
    REFUSED(wkv_trace(NULL, grid, NULL, c, &sound, &two));
    REFUSED(wkv_trace(&r, NULL, NULL, c, &sound, &two));
    REFUSED(wkv_trace(&r, grid, NULL, NULL, &sound, &two));
    REFUSED(wkv_trace(&r, grid, NULL, c, NULL, &two));
    REFUSED(wkv_trace(&r, grid, NULL, c, &sound, &(wkv_trace_options){.samples = -1}));
    REFUSED(wkv_trace(&r, grid, NULL, c, &sound, &(wkv_trace_options){.samples = 1 << 20}));
    REFUSED(wkv_trace(&r, grid, NULL, c, &sound, &(wkv_trace_options){.window = -1}));
    REFUSED(wkv_trace(&r, grid, NULL, c, &sound, &(wkv_trace_options){.kinds = 16}));
    REFUSED(wkv_trace(&r, grid, NULL, c, &sound, &(wkv_trace_options){.noise = nan_}));
    REFUSED(wkv_trace(&r, grid, NULL, c, &sound, &(wkv_trace_options){.sigma = infinite}));
    REFUSED(wkv_trace(&r, grid, NULL, c, &sound, &(wkv_trace_options){.sigma = -1}));
    const int ends[][2] = {{-1, 1}, {2, 2}, {2, 1}, {0, IDS + 1}};
    for (int i = 0; i < 4; i++) {
        bad.from = ends[i][0], bad.to = ends[i][1];
        REFUSED(wkv_trace(&r, grid, NULL, c, &bad, &two));
    }
    bad = sound;
    bad.answer = V;
    REFUSED(wkv_trace(&r, grid, NULL, c, &bad, &two));
    bad = sound;
    bad.tokens = NULL;
    REFUSED(wkv_trace(&r, grid, NULL, c, &bad, &two));
    bad = sound;
    bad.n = 0;
    REFUSED(wkv_trace(&r, grid, NULL, c, &bad, &two));
    EXPECT_EQ(wkv_trace_cells(NULL, &sound, NULL), 0);
    EXPECT_EQ(wkv_trace_cells(m, NULL, NULL), 0);
    EXPECT_EQ(wkv_trace_cells(m, &bad, NULL), 0);
    REFUSED(wkv_trace_patches(NULL, scores, c, &sound, &patch, 1, &two));
    REFUSED(wkv_trace_patches(&r, NULL, c, &sound, &patch, 1, &two));
    REFUSED(wkv_trace_patches(&r, scores, NULL, &sound, &patch, 1, &two));
    REFUSED(wkv_trace_patches(&r, scores, c, NULL, &patch, 1, &two));
    REFUSED(wkv_trace_patches(&r, scores, c, &sound, NULL, 1, &two));
    REFUSED(wkv_trace_patches(&r, scores, c, &sound, &patch, 0, &two));
    patch.token_end = IDS + 1;
    REFUSED(wkv_trace_patches(&r, scores, c, &sound, &patch, 1, &two));
    float sigma;
    REFUSED(wkv_trace_sigma(NULL, c, &sound, 1));
    REFUSED(wkv_trace_sigma(&sigma, NULL, &sound, 1));
    REFUSED(wkv_trace_sigma(&sigma, c, NULL, 1));
    REFUSED(wkv_trace_sigma(&sigma, c, &sound, 0));
    REFUSED(wkv_trace_sigma(&sigma, c, &(wkv_trace_item){.tokens = ids, .n = 2, .from = 1, .to = 3}, 1));
    int from, to;
    REFUSED(wkv_trace_find(NULL, &to, NULL, t, ids, IDS, "text", 0, 1));
    REFUSED(wkv_trace_find(&from, NULL, NULL, t, ids, IDS, "text", 0, 1));
    REFUSED(wkv_trace_find(&from, &to, NULL, NULL, ids, IDS, "text", 0, 1));
    REFUSED(wkv_trace_find(&from, &to, NULL, t, NULL, IDS, "text", 0, 1));
    REFUSED(wkv_trace_find(&from, &to, NULL, t, ids, IDS, NULL, 0, 1));
    REFUSED(wkv_trace_find(&from, &to, NULL, t, ids, IDS, "text", 0, 0));
    REFUSED(wkv_trace_find(&from, &to, NULL, t, ids, IDS, "text", 1000, 1));
    EXPECT(!wkv_trace_role_name((wkv_trace_role)-1) && !wkv_trace_role_name(WKV_ROLES));
    EXPECT(!wkv_trace_kind_name((wkv_trace_kind)-1) && !wkv_trace_kind_name(WKV_TRACE_KINDS));
    EXPECT_EQ(wkv_trace_role_of(NULL, 0), WKV_ROLE_BEFORE);
    NOTHING(wkv_trace_file, wkv_trace_file_open(&out, NULL));
    REFUSED(wkv_trace_file_open(NULL, "x.json"));
    wkv_trace_file_close(NULL);
    EXPECT_EQ(wkv_trace_file_count(NULL), 0);
    EXPECT(!wkv_trace_file_prompt(NULL, 0));
    free(grid);
}

static void lenses(void)
{
    const int L = wkv_model_about(m)->layers, H = wkv_model_about(m)->heads;
    const int32_t wrong[2] = {1, 1 << 30};
    float *x = malloc(sizeof *x * (size_t)(L * (H + 1) * IDS * IDS + 4096));
    wkv_half_life *half = malloc(sizeof *half * (size_t)(L * wkv_model_about(m)->width));
    wkv_lens_cell *cells = malloc(sizeof *cells * (size_t)((2 * L + 1) * IDS));
    wkv_prediction p[IDS];
    wkv_state_health health;
    int reach;
    EXPECT_EQ(wkv_decay_is_fixed(NULL), 0);
    REFUSED(wkv_decay(NULL, c, ids, IDS));
    REFUSED(wkv_decay(half, NULL, ids, IDS));
    REFUSED(wkv_decay(half, c, NULL, IDS));
    REFUSED(wkv_decay(half, c, ids, 0));
    REFUSED(wkv_decay(half, c, wrong, 2));
    REFUSED(wkv_lens(NULL, c, s, ids, IDS));
    REFUSED(wkv_lens(cells, NULL, s, ids, IDS));
    REFUSED(wkv_lens(cells, c, NULL, ids, IDS));
    REFUSED(wkv_lens(cells, c, s, NULL, IDS));
    REFUSED(wkv_lens(cells, c, s, ids, 0));
    REFUSED(wkv_lens(cells, c, s, wrong, 2));
    REFUSED(wkv_lens(cells, c, s2, ids, 2));
    REFUSED(wkv_attention(NULL, NULL, c, NULL, ids, IDS, NULL));
    REFUSED(wkv_attention(x, NULL, NULL, NULL, ids, IDS, NULL));
    REFUSED(wkv_attention(x, NULL, c, s2, ids, IDS, NULL));
    REFUSED(wkv_attention(x, NULL, c, NULL, NULL, IDS, NULL));
    REFUSED(wkv_attention(x, NULL, c, NULL, ids, 0, NULL));
    REFUSED(wkv_attention(x, NULL, c, NULL, wrong, 2, NULL));
    REFUSED(wkv_attention(x, x, c2, NULL, ids, 2, NULL)); /* version 4 */
    EXPECT(!wkv_cut_name((wkv_cut)-1) && !wkv_cut_name(WKV_CUTS));
    EXPECT_EQ(wkv_cut_reach(NULL, WKV_CUT_PAST), -1);
    EXPECT_EQ(wkv_cut_reach(m, WKV_CUTS), -1);
    REFUSED(wkv_influence(NULL, &reach, c, WKV_CUT_PAST, ids, IDS, 0, 1));
    REFUSED(wkv_influence(x, NULL, c, WKV_CUT_PAST, ids, IDS, 0, 1));
    REFUSED(wkv_influence(x, &reach, NULL, WKV_CUT_PAST, ids, IDS, 0, 1));
    REFUSED(wkv_influence(x, &reach, c, WKV_CUTS, ids, IDS, 0, 1));
    REFUSED(wkv_influence(x, &reach, c, WKV_CUT_PAST, NULL, IDS, 0, 1));
    REFUSED(wkv_influence(x, &reach, c, WKV_CUT_PAST, ids, IDS, IDS, 1));
    REFUSED(wkv_influence(x, &reach, c, WKV_CUT_PAST, ids, IDS, -1, 1));
    REFUSED(wkv_influence(x, &reach, c, WKV_CUT_PAST, ids, IDS, 0, -5));
    EXPECT(!wkv_knock_name((wkv_knock)-1) && !wkv_knock_name(WKV_KNOCKS));
    REFUSED(wkv_knock_out(NULL, c, WKV_KNOCK_STATE, 0, ids, IDS));
    REFUSED(wkv_knock_out(x, NULL, WKV_KNOCK_STATE, 0, ids, IDS));
    REFUSED(wkv_knock_out(x, c, WKV_KNOCKS, 0, ids, IDS));
    REFUSED(wkv_knock_out(x, c, WKV_KNOCK_STATE, L, ids, IDS));
    REFUSED(wkv_knock_out(x, c, WKV_KNOCK_STATE, -2, ids, IDS));
    REFUSED(wkv_knock_out(x, c, WKV_KNOCK_STATE, 0, NULL, IDS));
    REFUSED(wkv_knock_out(x, c, WKV_KNOCK_ATT_MEAN, 0, wrong, 2));
    REFUSED(wkv_knock_out(x, c, WKV_KNOCK_STATE, 0, ids, 1));
    REFUSED(wkv_state_spectrum(NULL, m, s, 0, 0));
    REFUSED(wkv_state_spectrum(x, NULL, s, 0, 0));
    REFUSED(wkv_state_spectrum(x, m, NULL, 0, 0));
    REFUSED(wkv_state_spectrum(x, m, s2, 0, 0));
    REFUSED(wkv_state_spectrum(x, m, s, L, 0));
    REFUSED(wkv_state_spectrum(x, m, s, 0, -1));
    REFUSED(wkv_state_spectrum(x, m, s, 0, H));
    EXPECT_EQ(wkv_effective_rank(NULL, 3), 0);
    REFUSED(wkv_state_examine(NULL, m, s, 0));
    REFUSED(wkv_state_examine(&health, NULL, s, 0));
    REFUSED(wkv_state_examine(&health, m, NULL, 0));
    REFUSED(wkv_state_examine(&health, m, s, -1));
    REFUSED(wkv_predictions(NULL, c, s, ids, IDS));
    REFUSED(wkv_predictions(p, NULL, s, ids, IDS));
    REFUSED(wkv_predictions(p, c, NULL, ids, IDS));
    REFUSED(wkv_predictions(p, c, s, NULL, IDS));
    REFUSED(wkv_predictions(p, c, s, ids, 1));
    REFUSED(wkv_predictions(p, c, s, wrong, 2));
    EXPECT(isnan(wkv_calibration(NULL, 3, NULL, 3)));
    const wkv_steering steering = {.line = ids, .n_line = 2, .text = ids, .n_text = 2};
    wkv_steering none = steering, foreign = steering;
    none.n_line = 0;
    foreign.text = wrong;
    REFUSED(wkv_steer(NULL, c, &steering));
    REFUSED(wkv_steer(x, NULL, &steering));
    REFUSED(wkv_steer(x, c, NULL));
    REFUSED(wkv_steer(x, c, &none));
    REFUSED(wkv_steer(x, c, &foreign));
    EXPECT_EQ(wkv_steer(x, c, &steering), 0);
    free(cells), free(half), free(x);
}

static void measuring(void)
{
    wkv_token_score scores[IDS];
    wkv_difference d[IDS];
    wkv_sparsity zeros[1];
    wkv_work work = {.bytes = 1};
    wkv_sequence one = {.state = s, .tokens = ids, .n = 2};
    wkv_context *const cs[2] = {c, c}, *const no_c[2] = {c, NULL}, *const foreign[2] = {c, c2};
    wkv_state *const ss[2] = {s, s}, *const no_s[2] = {s, NULL}, *const foreign_s[2] = {s, s2};
    const wkv_scored_text sound = {.state = s, .tokens = ids, .n = IDS, .scores = scores};
    wkv_scored_text bad = sound;
    REFUSED(wkv_score(NULL, &sound, 1));
    REFUSED(wkv_score(c, NULL, 1));
    REFUSED(wkv_score(c, &sound, 0));
    bad.state = NULL;
    REFUSED(wkv_score(c, &bad, 1));
    bad.state = s2;
    REFUSED(wkv_score(c, &bad, 1));
    bad = sound, bad.tokens = NULL;
    REFUSED(wkv_score(c, &bad, 1));
    bad = sound, bad.n = 0;
    REFUSED(wkv_score(c, &bad, 1));
    bad = sound, bad.scores = NULL;
    REFUSED(wkv_score(c, &bad, 1));
    bad = sound, bad.top = scores;
    REFUSED(wkv_score(c, &bad, 1));
    bad.k = V + 1;
    REFUSED(wkv_score(c, &bad, 1));
    REFUSED(wkv_compare(NULL, cs, ss, ids, IDS));
    REFUSED(wkv_compare(d, NULL, ss, ids, IDS));
    REFUSED(wkv_compare(d, cs, NULL, ids, IDS));
    REFUSED(wkv_compare(d, no_c, ss, ids, IDS));
    REFUSED(wkv_compare(d, cs, no_s, ids, IDS));
    REFUSED(wkv_compare(d, cs, ss, NULL, IDS));
    REFUSED(wkv_compare(d, foreign, foreign_s, ids, IDS));
    REFUSED(wkv_measure_sparsity(NULL, c, &one, 1));
    REFUSED(wkv_measure_sparsity(zeros, NULL, &one, 1));
    REFUSED(wkv_measure_sparsity(zeros, c, NULL, 1));
    REFUSED(wkv_meter_new(NULL, 1));
    NOTHING(wkv_meter, wkv_meter_new(&out, -1));
    wkv_meter_search(NULL, 1, NULL);
    wkv_meter_now(NULL, NULL);
    wkv_work_of(NULL, m, 1, 1, 1, NULL);
    wkv_scan_times times;
    REFUSED(wkv_scan_measure(NULL, 1, 1, 1, 0));
    REFUSED(wkv_scan_measure(&times, 0, 1, 1, 0));
    REFUSED(wkv_scan_measure(&times, 1 << 20, 1 << 20, 1, 0));
    wkv_work_of(&work, NULL, 1, 1, 1, NULL);
    EXPECT(work.bytes == 0);
    EXPECT_EQ(wkv_memory_needed(NULL, 1), 0);
}

static void reports(void)
{
    wkv_report *r = NULL;
    const double x[] = {1, 2};
    const char *const texts[] = {"a", "b"};
    const wkv_figure figure = {.name = "a", .title = "A"}, bad = {.name = "a/b", .title = "A"}, none = {.name = "a"};
    REFUSED(wkv_report_new(NULL, "title", NULL));
    NOTHING(wkv_report, wkv_report_new(&out, NULL, NULL));
    EXPECT_EQ(wkv_report_new(&r, "title", NULL), 0);
    REFUSED(wkv_report_section(NULL, "a"));
    REFUSED(wkv_report_section(r, NULL));
    REFUSED(wkv_report_text(NULL, "a"));
    REFUSED(wkv_report_text(r, NULL));
    REFUSED(wkv_report_formula(NULL, "a"));
    REFUSED(wkv_report_formula(r, NULL));
    REFUSED(wkv_report_command(NULL, "a"));
    REFUSED(wkv_report_command(r, NULL));
    REFUSED(wkv_report_fact(NULL, &(wkv_fact){.name = "a"}));
    REFUSED(wkv_report_fact(r, NULL));
    REFUSED(wkv_report_fact(r, &(wkv_fact){.value = 1}));
    REFUSED(wkv_report_table(NULL, &(wkv_table){.columns = texts, .n_columns = 1}));
    REFUSED(wkv_report_table(r, NULL));
    REFUSED(wkv_report_table(r, &(wkv_table){.n_columns = 1}));
    REFUSED(wkv_report_table(r, &(wkv_table){.columns = texts, .n_columns = 0}));
    REFUSED(wkv_report_table(r, &(wkv_table){.columns = texts, .n_columns = 1, .n_rows = 1}));
    REFUSED(wkv_report_table(r, &(wkv_table){.columns = texts, .n_columns = 1, .n_rows = -1}));
    REFUSED(wkv_report_plot(NULL, &(wkv_plot){.figure = figure}));
    REFUSED(wkv_report_plot(r, NULL));
    REFUSED(wkv_report_plot(r, &(wkv_plot){.figure = bad}));
    REFUSED(wkv_report_plot(r, &(wkv_plot){.figure = none}));
    REFUSED(wkv_report_plot(r, &(wkv_plot){.figure = {.name = "", .title = "A"}}));
    REFUSED(wkv_report_plot(r, &(wkv_plot){.figure = figure, .n_series = 1}));
    REFUSED(wkv_report_plot(r, &(wkv_plot){.figure = figure, .n_rules = -1}));
    REFUSED(wkv_report_plot(r, &(wkv_plot){.figure = figure, .series = &(wkv_series){.n = 1, .x = x}, .n_series = 1}));
    REFUSED(wkv_report_plot(r, &(wkv_plot){.figure = figure, .series = &(wkv_series){.n = -1}, .n_series = 1}));
    REFUSED(wkv_report_plot(r, &(wkv_plot){.figure = figure, .series = &(wkv_series){.mark = 9}, .n_series = 1}));
    REFUSED(wkv_report_bars(NULL, &(wkv_bars){.figure = figure}));
    REFUSED(wkv_report_bars(r, NULL));
    REFUSED(wkv_report_bars(r, &(wkv_bars){.figure = bad}));
    REFUSED(wkv_report_bars(r, &(wkv_bars){.figure = figure, .labels = texts, .n_groups = 1, .n_series = 1}));
    REFUSED(wkv_report_bars(r, &(wkv_bars){.figure = figure, .values = x, .n_groups = 1, .n_series = 1}));
    REFUSED(wkv_report_bars(r, &(wkv_bars){.figure = figure, .values = x, .labels = texts, .n_groups = 1}));
    REFUSED(wkv_report_map(NULL, &(wkv_map){.figure = figure}));
    REFUSED(wkv_report_map(r, NULL));
    REFUSED(wkv_report_map(r, &(wkv_map){.figure = bad}));
    REFUSED(wkv_report_map(r, &(wkv_map){.figure = figure, .rows = 1, .columns = 1}));
    REFUSED(wkv_report_map(r, &(wkv_map){.figure = figure, .values = x, .rows = 1 << 16, .columns = 1 << 16}));
    REFUSED(wkv_report_map(r, &(wkv_map){.figure = figure, .values = x, .rows = 0, .columns = 1}));
    REFUSED(wkv_report_html(NULL, "x.html"));
    REFUSED(wkv_report_html(r, NULL));
    REFUSED(wkv_report_svg(NULL, "x.svg"));
    REFUSED(wkv_report_svg(r, NULL));
    REFUSED(wkv_report_svg(r, "x.svg"));
    REFUSED(wkv_report_svg_path(NULL, r, "x.svg", 0));
    NOTHING(char, wkv_report_svg_path(&out, NULL, "x.svg", 0));
    NOTHING(char, wkv_report_svg_path(&out, r, NULL, 0));
    REFUSED(wkv_report_json(NULL, r));
    NOTHING(char, wkv_report_json(&out, NULL));
    wkv_report_free(r);
    wkv_report_free(NULL);
}

static void curves(void)
{
    const double x[] = {1, 2, 3}, same[] = {1, 1, 1}, odd[] = {1, 2, NAN};
    wkv_mean mean;
    wkv_trend trend;
    wkv_transformer shape;
    wkv_position_loss loss[WKV_LOSS_BINS];
    wkv_position_time time;
    int n;
    const wkv_loss_options by_loss = {.ids = ids, .n_ids = IDS, .length = 2};
    const wkv_time_options by_time = {.ids = ids, .n_ids = IDS, .tokens = 2, .bins = 1};
    REFUSED(wkv_mean_of(NULL, x, 3));
    REFUSED(wkv_mean_of(&mean, NULL, 3));
    REFUSED(wkv_mean_of(&mean, x, -1));
    REFUSED(wkv_trend_of(NULL, x, x, 3));
    REFUSED(wkv_trend_of(&trend, NULL, x, 3));
    REFUSED(wkv_trend_of(&trend, x, NULL, 3));
    REFUSED(wkv_trend_of(&trend, x, x, 2));
    REFUSED(wkv_trend_of(&trend, same, x, 3));
    REFUSED(wkv_trend_of(&trend, x, odd, 3));
    REFUSED(wkv_curve_loss(NULL, &n, c, m, &by_loss));
    REFUSED(wkv_curve_loss(loss, NULL, c, m, &by_loss));
    REFUSED(wkv_curve_loss(loss, &n, NULL, m, &by_loss));
    REFUSED(wkv_curve_loss(loss, &n, c, NULL, &by_loss));
    REFUSED(wkv_curve_loss(loss, &n, c, m, NULL));
    REFUSED(wkv_curve_loss(loss, &n, c, m, &(wkv_loss_options){.n_ids = IDS, .length = 2}));
    REFUSED(wkv_curve_loss(loss, &n, c, m, &(wkv_loss_options){.ids = ids, .n_ids = IDS, .length = IDS}));
    REFUSED(wkv_curve_loss(loss, &n, c, m, &(wkv_loss_options){.ids = ids, .n_ids = IDS, .length = 0}));
    REFUSED(wkv_curve_loss(loss, &n, c, m, &(wkv_loss_options){.ids = ids, .n_ids = IDS, .length = 2, .streams = -1}));
    REFUSED(wkv_curve_time(NULL, &n, c, s, &by_time));
    REFUSED(wkv_curve_time(&time, NULL, c, s, &by_time));
    REFUSED(wkv_curve_time(&time, &n, NULL, s, &by_time));
    REFUSED(wkv_curve_time(&time, &n, c, NULL, &by_time));
    REFUSED(wkv_curve_time(&time, &n, c, s, NULL));
    REFUSED(wkv_curve_time(&time, &n, c, s2, &by_time));
    REFUSED(wkv_curve_time(&time, &n, c, s,
                           &(wkv_time_options){.ids = ids, .n_ids = IDS, .tokens = 2, .bins = 1, .control = s}));
    REFUSED(wkv_curve_time(&time, &n, c, s, &(wkv_time_options){.n_ids = IDS, .tokens = 2, .bins = 1}));
    REFUSED(wkv_curve_time(&time, &n, c, s, &(wkv_time_options){.ids = ids, .n_ids = IDS, .tokens = 2, .bins = 3}));
    REFUSED(wkv_curve_time(&time, &n, c, s, &(wkv_time_options){.ids = ids, .tokens = 2, .bins = 1}));
    REFUSED(wkv_transformer_of(NULL, m, WKV_NEOX));
    REFUSED(wkv_transformer_of(&shape, NULL, WKV_NEOX));
    REFUSED(wkv_transformer_of(&shape, m, (wkv_transformer_kind)7));
    EXPECT(isnan(wkv_transformer_cache(NULL, 1)) && isnan(wkv_transformer_flops(NULL, 1)));
    EXPECT(isnan(wkv_transformer_read(NULL, 1, 1, 1)));
}

static void evaluating(void)
{
    wkv_task *task;
    wkv_metric metrics[WKV_METRICS];
    wkv_line line;
    const int lengths[] = {300, 0}, depths[] = {0, -1}, deep[] = {101, -1}, backwards[] = {-5, 0};
    const double x[] = {1, 2, 3};
    char lambada[] = "/tmp/wkv-api-XXXXXX.jsonl";
    FILE *f = fdopen(mkstemps(lambada, 6), "w");
    fputs("{\"text\": \"a red fox\"}\n", f);
    fclose(f);
    REFUSED(wkv_task_open(NULL, "lambada", NULL));
    NOTHING(wkv_task, wkv_task_open(&out, NULL, NULL));
    NOTHING(wkv_task, wkv_task_open(&out, "none", NULL));
    NOTHING(wkv_task, wkv_task_open(&out, "lambada", "none"));
    EXPECT(!wkv_task_about(NULL) && !wkv_task_name(-1) && !wkv_task_name(1000));
    EXPECT(!wkv_task_rule_name(-1) && !wkv_task_rule_name(1000));
    wkv_task_close(NULL);
    EXPECT_EQ(wkv_task_open(&task, "lambada", NULL), 0);
    REFUSED(wkv_items_read(NULL, task, lambada, m, t, NULL));
    NOTHING(wkv_items, wkv_items_read(&out, NULL, lambada, m, t, NULL));
    NOTHING(wkv_items, wkv_items_read(&out, task, NULL, m, t, NULL));
    NOTHING(wkv_items, wkv_items_read(&out, task, lambada, NULL, t, NULL));
    NOTHING(wkv_items, wkv_items_read(&out, task, lambada, m, NULL, NULL));
    NOTHING(wkv_items, wkv_items_read(&out, task, lambada, m, t, &(wkv_items_options){.shots = -1}));
    NOTHING(wkv_items, wkv_items_read(&out, task, lambada, m, t, &(wkv_items_options){.limit = -1}));
    NOTHING(wkv_items, wkv_items_read(&out, task, lambada, m, t, &(wkv_items_options){.skip = 5}));
    NOTHING(wkv_items, wkv_items_read(&out, task, lambada, other, t, NULL)); /* ids beyond its vocabulary */
    REFUSED(wkv_items_texts(NULL, lambada, m, t, 0, 0, 0));
    NOTHING(wkv_items, wkv_items_texts(&out, NULL, m, t, 0, 0, 0));
    NOTHING(wkv_items, wkv_items_texts(&out, lambada, NULL, t, 0, 0, 0));
    NOTHING(wkv_items, wkv_items_texts(&out, lambada, m, NULL, 0, 0, 0));
    NOTHING(wkv_items, wkv_items_texts(&out, lambada, m, t, 1, 0, 0));
    NOTHING(wkv_items, wkv_items_texts(&out, lambada, m, t, 8, 8, 0));
    NOTHING(wkv_items, wkv_items_texts(&out, lambada, m, t, -1, 0, 0));
    REFUSED(wkv_items_needles(NULL, m, t, &(wkv_needle_options){.lengths = lengths, .depths = depths}));
    NOTHING(wkv_items, wkv_items_needles(&out, NULL, t, &(wkv_needle_options){.lengths = lengths, .depths = depths}));
    NOTHING(wkv_items, wkv_items_needles(&out, m, NULL, &(wkv_needle_options){.lengths = lengths, .depths = depths}));
    NOTHING(wkv_items, wkv_items_needles(&out, m, t, NULL));
    NOTHING(wkv_items, wkv_items_needles(&out, m, t, &(wkv_needle_options){.depths = depths}));
    NOTHING(wkv_items, wkv_items_needles(&out, m, t, &(wkv_needle_options){.lengths = lengths, .depths = deep}));
    NOTHING(wkv_items, wkv_items_needles(&out, m, t, &(wkv_needle_options){.lengths = backwards, .depths = depths}));
    NOTHING(wkv_items,
            wkv_items_needles(&out, m, t, &(wkv_needle_options){.lengths = lengths, .depths = depths, .keys = 65}));
    wkv_items *items;
    EXPECT_EQ(wkv_items_read(&items, task, lambada, m, t, NULL), 0);
    REFUSED(wkv_items_score(NULL, c, NULL));
    REFUSED(wkv_items_score(items, NULL, NULL));
    REFUSED(wkv_items_score(items, c2, NULL));
    REFUSED(wkv_items_score(items, c, &(wkv_score_options){.batch = -1}));
    REFUSED(wkv_items_score(items, c, &(wkv_score_options){.begin = s2}));
    REFUSED(wkv_items_score(items, c, &(wkv_score_options){.communicator = &(wkv_communicator){.count = 2}}));
    REFUSED(wkv_items_metrics(NULL, NULL, metrics));
    REFUSED(wkv_items_metrics(items, NULL, NULL));
    EXPECT_EQ(wkv_items_metrics(items, "none", metrics), 0);
    EXPECT(wkv_items_count(NULL) == 0 && !wkv_items_at(NULL, 0) && !wkv_items_at(items, -1) && !wkv_items_at(items, 1));
    EXPECT(!wkv_items_group(NULL, 0) && !wkv_items_group(items, -1) && !wkv_items_group(items, 0));
    EXPECT(isnan(wkv_item_metric(NULL, "acc")) && isnan(wkv_item_metric(wkv_items_at(items, 0), NULL)));
    EXPECT(isnan(wkv_mcnemar(-1, 2)));
    EXPECT(!wkv_published(-1) && !wkv_published(100000));
    REFUSED(wkv_fit_line(NULL, x, x, 3));
    REFUSED(wkv_fit_line(&line, NULL, x, 3));
    REFUSED(wkv_fit_line(&line, x, NULL, 3));
    REFUSED(wkv_fit_line(&line, x, x, 2));
    wkv_items_free(items);
    wkv_items_free(NULL);
    wkv_task_close(task);
    remove(lambada);
}

int main(void)
{
    if (wkv_model_open(&m, NULL, NULL) || wkv_model_open(&other, TEST_DIR "/golden/models/v4-c32-f32.pth", NULL) ||
        wkv_context_new(&c, m, &(wkv_context_options){.threads = 2}) || wkv_context_new(&c2, other, NULL) ||
        wkv_state_new(&s, m) || wkv_state_new(&s2, other) || wkv_tokenizer_open(&t, NULL, m)) {
        puts(wkv_error());
        return 1;
    }
    V = wkv_model_about(m)->vocab;
    logits = malloc(sizeof *logits * (size_t)V);
    RUN(models);
    RUN(contexts_and_states);
    RUN(evaluation);
    RUN(sessions);
    RUN(caches);
    RUN(trees);
    RUN(stores);
    RUN(text);
    RUN(samplers);
    RUN(files);
    RUN(state_files);
    RUN(training);
    RUN(probes);
    RUN(tracing);
    RUN(lenses);
    RUN(measuring);
    RUN(reports);
    RUN(curves);
    RUN(evaluating);
    free(logits);
    wkv_tokenizer_close(t);
    wkv_state_free(s), wkv_state_free(s2);
    wkv_context_free(c), wkv_context_free(c2);
    wkv_model_close(m), wkv_model_close(other);
    return DONE();
}
