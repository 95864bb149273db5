/* test_api_session.c - wrong use of sessions, caches, trees, stores and state files, as in test_api.c. */
#include "api.h"
#include "wkv_cache.h"
#include "wkv_session.h"
#include "wkv_state.h"
#include "wkv_store.h"
#include "wkv_tree.h"

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
    char *file = (char *)1;
    size_t bytes;
    REFUSED(wkv_session_save_memory(NULL, &bytes, one, c, NULL));
    REFUSED(wkv_session_save_memory(&file, NULL, one, c, NULL));
    REFUSED(wkv_session_save_memory(&file, &bytes, NULL, c, NULL));
    REFUSED(wkv_session_save_memory(&file, &bytes, one, NULL, NULL));
    REFUSED(wkv_session_save_memory(&file, &bytes, foreign, c, NULL));
    EXPECT(!file && !bytes);
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

static void grammars(void)
{
    wkv_grammar *g;
    wkv_matcher *matcher;
    uint64_t mask[1025];
    REFUSED(wkv_grammar_new(NULL, WKV_GRAMMAR_REGEX, "a", 1, t));
    NOTHING(wkv_grammar, wkv_grammar_new(&out, WKV_GRAMMAR_REGEX, NULL, 1, t));
    NOTHING(wkv_grammar, wkv_grammar_new(&out, WKV_GRAMMAR_REGEX, "a", 1, NULL));
    NOTHING(wkv_grammar, wkv_grammar_new(&out, (wkv_grammar_kind)9, "a", 1, t));
    EXPECT_EQ(wkv_grammar_shortest(NULL), 0);
    EXPECT_EQ(wkv_grammar_new(&g, WKV_GRAMMAR_REGEX, "ab", 2, t), 0);
    REFUSED(wkv_matcher_new(NULL, g));
    NOTHING(wkv_matcher, wkv_matcher_new(&out, NULL));
    EXPECT_EQ(wkv_matcher_new(&matcher, g), 0);
    REFUSED(wkv_matcher_mask(NULL, mask, 0));
    REFUSED(wkv_matcher_mask(matcher, NULL, 0));
    REFUSED(wkv_matcher_mask(matcher, mask, -1));
    REFUSED(wkv_matcher_accept(NULL, 1));
    REFUSED(wkv_matcher_accept(matcher, -1));
    REFUSED(wkv_matcher_accept(matcher, 1 << 30));
    REFUSED(wkv_matcher_accept(matcher, wkv_tokenizer_end(t)));
    EXPECT_EQ(wkv_matcher_complete(NULL), 0);
    EXPECT_EQ(wkv_matcher_complete(matcher), 0);
    wkv_matcher_free(NULL);
    wkv_matcher_free(matcher);
    wkv_grammar_free(NULL);
    wkv_grammar_free(g);
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
    if (wkv_store_open(&store, "api-store", NULL) == WKV_EUNSUPPORTED) SKIP("%s", wkv_error());
    REFUSED(wkv_store_open(NULL, "api-store", NULL));
    NOTHING(wkv_store, wkv_store_open(&out, "", NULL));
    NOTHING(wkv_store, wkv_store_open(&out, "api-store", &(wkv_store_options){.tenant = "../x"}));
    NOTHING(wkv_store, wkv_store_open(&out, "redis://localhost", &(wkv_store_options){.expire_seconds = -1}));
    EXPECT(!wkv_store_is_shared(NULL) && !wkv_store_is_shared("redis") && wkv_store_is_shared("redis://localhost"));
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
    char *text, stamp[24], title[68];
    wkv_store_messages none = {0};
    EXPECT_EQ(wkv_store_export(&text, store, &one, WKV_EXPORT_JSON), 0);
    EXPECT_HAS(text, "\"messages\": []");
    free(text);
    REFUSED(wkv_store_export(NULL, store, &one, WKV_EXPORT_JSON));
    NOTHING(char, wkv_store_export(&out, NULL, &one, WKV_EXPORT_JSON));
    NOTHING(char, wkv_store_export(&out, store, NULL, WKV_EXPORT_JSON));
    NOTHING(char, wkv_store_export(&out, store, &one, (wkv_export_format)9));
    EXPECT_EQ(wkv_store_list_json(&text, &one, 1), 0);
    EXPECT_HAS(text, one.id);
    free(text);
    REFUSED(wkv_store_list_json(NULL, &one, 1));
    NOTHING(char, wkv_store_list_json(&out, NULL, 1));
    NOTHING(char, wkv_store_list_json(&out, &one, -1));
    REFUSED(wkv_store_text(NULL, &none, 0));
    NOTHING(char, wkv_store_text(&out, NULL, 0));
    NOTHING(char, wkv_store_text(&out, &none, 0));
    EXPECT_STR(wkv_store_role(WKV_ROLE_USER), "User");
    EXPECT_STR(wkv_store_role((wkv_role)9), "");
    EXPECT_EQ(strlen(wkv_store_title(title, &one)), 12);
    EXPECT_EQ(strlen(wkv_store_time(stamp, one.created)), 16);
    wkv_tree *bare; /* without a model: head and names only */
    wkv_session *empty;
    EXPECT_EQ(wkv_store_load(&bare, store, &one, NULL, NULL), 0);
    EXPECT_EQ(wkv_session_new(&empty, m, t), 0);
    REFUSED(wkv_tree_add(bare, WKV_NOWHERE, &(wkv_node){.role = WKV_ROLE_USER, .text = "a"}, empty));
    REFUSED(wkv_tree_mix(bare, (int[]){0}, (const wkv_session *[]){empty}, NULL, 1));
    NOTHING(wkv_session, wkv_tree_session(&out, bare, WKV_NOWHERE));
    EXPECT_EQ(wkv_tree_go(bare, WKV_NOWHERE), 0);
    EXPECT_EQ(wkv_store_save(store, &one, bare), 0);
    wkv_session_free(empty);
    wkv_tree_free(bare);
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
    REFUSED(wkv_state_file_open_memory(NULL, "x", 1, "x"));
    NOTHING(wkv_state_file, wkv_state_file_open_memory(&out, NULL, 1, "x"));
    NOTHING(wkv_state_file, wkv_state_file_open_memory(&out, "x", 1, NULL));
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

int main(void)
{
    if (api_begin()) return 1;
    RUN(sessions);
    RUN(grammars);
    RUN(caches);
    RUN(trees);
    RUN(stores);
    RUN(state_files);
    api_end();
    return DONE();
}
