/* Memory: the k-th allocation of an operation fails, for many k (all with WKV_LONG). Nothing aborts, the code is
 * WKV_ENOMEM (or that of a file, with a sentence that says it), and once all is closed as many allocations live as
 * before. And: a pass takes no more scratch memory than its context reserved. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include "base/arena.h"
#include "folder.h"
#include "ops/device.h"
#include "rwkv/api.h"
#include "rwkv/forward.h"
#include "test.h"
#include "text/sampler.h"
#include "wkv_file.h"
#include "wkv_store.h"
#include "wkv_cache.h"
#include "wkv_report.h"
#include "wkv_task.h"

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__ || !defined __GLIBC__
enum { CAN_FAIL = 0 };
static long fail_at, calls, live;
#else
enum { CAN_FAIL = 1 };
static long fail_at, calls, live; /* the number of the call that fails, 0: none; calls so far; blocks that live */

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t),
    *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static int fails(void)
{
    if (!fail_at || __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED) != fail_at) return 0;
    errno = ENOMEM;
    return 1;
}

static void *counted(void *p)
{
    if (p) __atomic_add_fetch(&live, 1, __ATOMIC_RELAXED);
    return p;
}

#pragma GCC visibility push(default) /* for libc and jansson too */
void *malloc(size_t n) { return fails() ? NULL : counted(__libc_malloc(n)); }
void *calloc(size_t n, size_t size) { return fails() ? NULL : counted(__libc_calloc(n, size)); }
void *realloc(void *p, size_t n) { return fails() ? NULL : p ? __libc_realloc(p, n) : counted(__libc_realloc(p, n)); }
void *aligned_alloc(size_t align, size_t n) { return fails() ? NULL : counted(__libc_memalign(align, n)); }
int posix_memalign(void **out, size_t align, size_t n)
{
    return fails() || !(*out = counted(__libc_memalign(align, n))) ? ENOMEM : 0;
}
void free(void *p)
{
    if (p) __atomic_sub_fetch(&live, 1, __ATOMIC_RELAXED);
    __libc_free(p);
}
#pragma GCC visibility pop
#endif

/* ---- operations -------------------------------------------------------------------------------------------------- */

/* Without memory a token is neither sampled nor counted, and the random stream stays where it is. */
static int sample(wkv_sampler *s, const float *logits)
{
    for (int32_t id = 0; id < 40; id++) {
        size_t before = sampler_bytes(s);
        uint64_t n = sampler_stream(s)->n;
        int e = id % 2 ? wkv_sampler_count(s, id) : wkv_sample(s, logits);
        if (e >= 0) continue;
        EXPECT_EQ(sampler_bytes(s), before);
        EXPECT_EQ(sampler_stream(s)->n, n);
        return e;
    }
    return 0;
}

static int evaluate(const char *path, const char *type, const char *vocab, const char *to)
{
    static const int32_t ids[3] = {1, 2, 3};
    static float logits[256];
    wkv_model *m = NULL;
    wkv_context *c = NULL;
    wkv_state *s = NULL;
    wkv_tokenizer *t = NULL;
    wkv_sampler *sampler = NULL;
    int e = wkv_model_open(&m, path, &(wkv_model_options){.type = type});
    if (!e) e = wkv_context_new(&c, m, &(wkv_context_options){.threads = 2});
    if (!e) e = wkv_state_new(&s, m);
    if (!e) e = wkv_tokenizer_open(&t, vocab, m);
    if (!e) e = wkv_eval(c, s, ids, 3, logits);
    if (!e)
        e = wkv_sampler_new(&sampler, &(wkv_sampler_options){.temperature = 1, .top_p = 0.5f, .presence = 1},
                            wkv_model_about(m)->vocab, t);
    if (!e) e = sample(sampler, logits);
    if (!e && to) e = wkv_convert(m, to, &(wkv_convert_options){.tokenizer = t});
    wkv_sampler_free(sampler);
    wkv_tokenizer_close(t);
    wkv_state_free(s);
    wkv_context_free(c);
    wkv_model_close(m);
    return e;
}

static int evaluate_pth(void) { return evaluate(in_folder("m.pth"), NULL, in_folder("v.txt"), NULL); }
static int evaluate_safetensors(void) { return evaluate(in_folder("m.safetensors"), NULL, in_folder("c.json"), NULL); }
static int evaluate_gguf(void) { return evaluate(in_folder("m.gguf"), NULL, NULL, NULL); }
static int evaluate_q4_0(void) { return evaluate(in_folder("m.pth"), "q4_0", in_folder("v.txt"), NULL); }
static int convert_to_gguf(void) { return evaluate(in_folder("m.pth"), NULL, in_folder("v.txt"), in_folder("o.gguf")); }
static int convert_to_safetensors(void)
{
    return evaluate(in_folder("m.gguf"), NULL, in_folder("v.txt"), in_folder("o.safetensors"));
}
static int convert_to_pth(void)
{
    return evaluate(in_folder("m.safetensors"), NULL, in_folder("v.txt"), in_folder("o.pth"));
}

static int tokenize(const char *vocab, const char *text)
{
    int32_t ids[8];
    wkv_tokenizer *t;
    int e = wkv_tokenizer_open(&t, vocab, NULL), n;
    if (e) return e;
    n = wkv_encode(t, text, strlen(text), ids, 8);
    wkv_tokenizer_close(t);
    return n < 0 ? n : 0;
}

static int tokenize_lines(void) { return tokenize(in_folder("v.txt"), "abba"); }
static int tokenize_characters(void) { return tokenize(in_folder("c.json"), "abba"); }

/* A state made, kept in each form, read, mixed and compared. */
static int keep_states(void)
{
    static const int32_t ids[3] = {1, 2, 3};
    const char *path = in_folder("s.safetensors"), *pth = in_folder("s.pth"), *mix = in_folder("mix.safetensors");
    wkv_model *m = NULL;
    wkv_context *c = NULL;
    wkv_state *s = NULL;
    wkv_state_file *f = NULL, *tuned = NULL;
    wkv_state_difference *d = NULL;
    wkv_state_info about = {.ids = ids, .n_ids = 3, .read = 3, .text = "abba"};
    int e = wkv_model_open(&m, in_folder("m.pth"), NULL);
    if (!e) e = wkv_context_new(&c, m, &(wkv_context_options){.threads = 2});
    if (!e) e = wkv_state_new(&s, m);
    if (!e) e = wkv_eval(c, s, ids, 3, NULL);
    if (!e) e = wkv_identify(&about.identity, c);
    if (!e) e = wkv_state_file_write(path, &about, s, wkv_state_data(s));
    if (!e) e = wkv_state_write_tuned(pth, s);
    if (!e) e = wkv_state_file_open(&f, path);
    if (!e) e = wkv_state_file_open(&tuned, pth);
    if (!e) e = wkv_state_file_mix(mix, (const wkv_state_file *const[]){f, f}, NULL, 2);
    if (!e) e = wkv_state_file_read(tuned, s);
    if (!e) e = wkv_state_mix(s, (const wkv_state *const[]){s, s}, NULL, 2);
    if (!e) e = wkv_state_diff(&d, c, s, s, &(wkv_state_diff_options){.tokens = ids, .n = 2, .heads = 1});
    wkv_state_difference_free(d);
    wkv_state_file_close(tuned);
    wkv_state_file_close(f);
    wkv_state_free(s);
    wkv_context_free(c);
    wkv_model_close(m);
    return e;
}

#ifdef HAVE_SQLITE
/* A message saved, listed, read, loaded and deleted. */
static int keep_sessions(void)
{
    static const int32_t ids[3] = {1, 2, 3};
    wkv_model *m = NULL;
    wkv_context *c = NULL;
    wkv_tokenizer *t = NULL;
    wkv_store *store = NULL;
    wkv_store_session x, *list = NULL;
    wkv_store_messages *all = NULL;
    wkv_tree *made = NULL, *tree = NULL;
    wkv_session *s = NULL, *again = NULL;
    int n, e = wkv_model_open(&m, in_folder("m.pth"), NULL);
    if (!e) e = wkv_context_new(&c, m, &(wkv_context_options){.threads = 1});
    if (!e) e = wkv_tokenizer_open(&t, in_folder("v.txt"), NULL);
    if (!e) e = wkv_store_open(&store, in_folder("store"), NULL);
    if (!e) e = wkv_store_create(&x, store, NULL, c, "plain");
    if (!e) e = wkv_store_load(&made, store, &x, c, t);
    if (!e) e = wkv_session_new(&s, m, t);
    if (!e) e = wkv_session_append_ids(s, ids, 3);
    if (!e && (n = wkv_tree_add(made, WKV_NOWHERE, &(wkv_node){.role = WKV_ROLE_ASSISTANT, .text = "a"}, s)) < 0) e = n;
    if (!e) e = wkv_tree_mark(made, "end", 0);
    if (!e) e = wkv_store_save(store, &x, made);
    if (!e) e = wkv_store_list(&list, &n, store);
    if (!e) e = wkv_store_read(&all, store, &x);
    if (!e) e = wkv_store_load(&tree, store, &x, c, t);
    if (!e) e = wkv_tree_session(&again, tree, 0);
    if (!e) e = wkv_store_delete(store, &x);
    if (!e) e = wkv_store_gc(store, 0, NULL);
    wkv_session_free(again);
    wkv_session_free(s);
    wkv_tree_free(tree);
    wkv_tree_free(made);
    wkv_store_messages_free(all);
    wkv_store_list_free(list);
    wkv_store_close(store);
    wkv_tokenizer_close(t);
    wkv_context_free(c);
    wkv_model_close(m);
    return e;
}

#endif

/* A prompt read and answered with a cache, by a model with the tokenizer `t`. */
static int cached_request(wkv_context *c, const wkv_tokenizer *t, const wkv_model *m, const char *const *texts, int n)
{
    wkv_cache *k = NULL;
    wkv_session *s = NULL;
    wkv_batcher *b = NULL;
    int e = wkv_cache_new(&k, c, t, &(wkv_cache_options){.folder = in_folder("cache"), .disk_tokens = 1});
    if (!e) e = wkv_session_new(&s, m, t);
    for (int i = 0; i < n && !e; i++)
        e = i % 2 ? wkv_cache_append_answer(k, s, texts[i], strlen(texts[i]), i + 1 < n)
                  : wkv_session_append_text(s, texts[i], strlen(texts[i]));
    if (!e) e = wkv_cache_resume(k, s);
    if (e > 0) e = 0;
    if (!e) e = wkv_batcher_new(&b, c, NULL);
    if (!e) e = wkv_batcher_add(b, s, &(wkv_generation){.max_tokens = 2, .ending = "a"});
    while (!e && wkv_batcher_pending(b)) {
        e = wkv_batcher_step(b);
        if (!e) e = wkv_cache_keep(k, s);
    }
    if (!e) e = wkv_cache_save(k);
    wkv_batcher_free(b);
    wkv_session_free(s);
    wkv_cache_free(k);
    return e;
}

static int keep_in_cache(void)
{
    static const char *const texts[] = {"abbaabbaabbaabbaabbaabbaabbaabbaabbaabba", "ab", "abab", "b"};
    wkv_model *m = NULL;
    wkv_context *c = NULL;
    wkv_tokenizer *t = NULL;
    int e = wkv_model_open(&m, in_folder("m.pth"), NULL);
    if (!e) e = wkv_context_new(&c, m, &(wkv_context_options){.threads = 2});
    if (!e) e = wkv_tokenizer_open(&t, in_folder("v.txt"), m);
    for (int n = 1; n <= 4 && !e; n++) e = cached_request(c, t, m, texts, n);
    wkv_tokenizer_close(t);
    wkv_context_free(c);
    wkv_model_close(m);
    return e;
}

static void ignore(void *user, const wkv_probed *p) { (void)user, (void)p; }

/* A probe added and called, and an array written in both forms. */
static int probe_and_write(void)
{
    static const int32_t ids[3] = {1, 2, 3};
    const wkv_array a[] = {{.name = "tokens", .ids = ids, .dims = 1, .shape = {3}}};
    const char *const meta[] = {"text", "abba", NULL};
    wkv_model *m = NULL;
    wkv_context *c = NULL;
    wkv_state *s = NULL;
    int e = wkv_model_open(&m, in_folder("m.pth"), NULL);
    if (!e) e = wkv_context_new(&c, m, &(wkv_context_options){.threads = 1});
    if (!e) e = wkv_state_new(&s, m);
    if (!e && (e = wkv_sites(m, "k", NULL, 0)) > 0) e = 0;
    if (!e) e = wkv_probe_add(c, "k", ignore, NULL);
    if (!e) e = wkv_probe_add(c, NULL, ignore, NULL);
    if (!e) e = wkv_eval(c, s, ids, 3, NULL);
    if (!e) e = wkv_arrays_write(in_folder("a.npz"), a, 1, meta);
    if (!e) e = wkv_arrays_write(in_folder("a.safetensors"), a, 1, meta);
    wkv_state_free(s);
    wkv_context_free(c);
    wkv_model_close(m);
    return e;
}

static int train_step(void)
{
    static const int32_t ids[2 * 5] = {1, 2, 3, 4, 5, 5, 4, 3, 2, 1};
    const wkv_train_options o = {.layers = 1, .width = 32, .head_size = 32, .vocab_size = 8, .threads = 2};
    wkv_trainer *t;
    int e = wkv_trainer_new(&t, &o);
    if (e) return e;
    e = wkv_trainer_step(t, ids, 2, 4, NULL);
    if (!e) e = wkv_trainer_save(t, in_folder("t.safetensors"), NULL);
    wkv_trainer_free(t);
    return e;
}

static int train(void)
{
    const char *data[] = {in_folder("s.txt"), NULL};
    const wkv_train_options o = {.data = data,
                                 .out = in_folder("run"),
                                 .vocab = in_folder("v.txt"),
                                 .layers = 1,
                                 .width = 32,
                                 .head_size = 32,
                                 .context = 4,
                                 .batch = 1,
                                 .steps = 1,
                                 .threads = 1,
                                 .sample_every = -1,
                                 .valid_share = -1};
    return wkv_train(&o);
}

static int tune(void)
{
    const char *data[] = {in_folder("s.jsonl"), NULL};
    const wkv_train_options o = {.init = in_folder("m.pth"),
                                 .data = data,
                                 .out = in_folder("tuned"),
                                 .vocab = in_folder("v.txt"),
                                 .method = "lora+state",
                                 .samples = 1,
                                 .rank = 2,
                                 .steps = 1,
                                 .sample_every = -1,
                                 .threads = 1};
    return wkv_train(&o);
}

/* A task with examples and a group, and documents in windows, scored. */
static int score_items(void)
{
    static const char description[] = "{\"name\": \"t\", \"context\": \"{text|before( )|replace(b,a)}\", \"choices\": "
                                      "[\"a\", \"{text|after( )}\"], \"answer\": \"1\", \"group\": \"{text}\"}";
    wkv_model *m = NULL;
    wkv_context *c = NULL;
    wkv_tokenizer *words = NULL;
    wkv_task *task = NULL;
    wkv_items *questions = NULL, *texts = NULL;
    wkv_metric metrics[WKV_METRICS];
    int e = wkv_model_open(&m, in_folder("m.pth"), NULL);
    if (!e) e = wkv_context_new(&c, m, &(wkv_context_options){.threads = 1});
    if (!e) e = wkv_tokenizer_open(&words, in_folder("v.txt"), m);
    if (!e) e = wkv_task_open(&task, description, NULL);
    if (!e) e = wkv_items_read(&questions, task, in_folder("q.jsonl"), m, words, &(wkv_items_options){.shots = 1});
    if (!e) e = wkv_items_texts(&texts, in_folder("q.jsonl"), m, words, 4, 2, 0);
    if (!e) e = wkv_items_score(questions, c, NULL);
    if (!e) e = wkv_items_score(texts, c, NULL);
    if (!e && wkv_items_metrics(questions, NULL, metrics) != 2) e = 1;
    wkv_items_free(texts);
    wkv_items_free(questions);
    wkv_task_close(task);
    wkv_tokenizer_close(words);
    wkv_context_free(c);
    wkv_model_close(m);
    return e;
}

/* A report with each kind of part; the codes of all calls but the last are ignored, as callers may. */
static int report(void)
{
    const double x[] = {1, 2, 3}, y[] = {3, 1, 2};
    const char *const texts[] = {"a", "b", "c"};
    wkv_report *r;
    char *json = NULL;
    int e = wkv_report_new(&r, "title", "summary");
    if (e) return e;
    wkv_report_text(r, "text");
    wkv_report_command(r, "wkv");
    wkv_report_fact(r, &(wkv_fact){.name = "n", .value = 1});
    wkv_report_table(r, &(wkv_table){.columns = texts, .n_columns = 3, .cells = texts, .n_rows = 1});
    wkv_report_plot(r, &(wkv_plot){.figure = {.name = "p", .title = "P"},
                                   .series = &(wkv_series){.name = "s", .n = 3, .x = x, .y = y, .labels = texts},
                                   .n_series = 1});
    wkv_report_bars(
        r,
        &(wkv_bars){.figure = {.name = "b", .title = "B"}, .labels = texts, .n_groups = 3, .n_series = 1, .values = x});
    wkv_report_map(r, &(wkv_map){.figure = {.name = "m", .title = "M"}, .rows = 1, .columns = 3, .values = x});
    e = wkv_report_json(&json, r);
    free(json);
    if (!e) e = wkv_report_html(r, in_folder("r.html"));
    if (!e) e = wkv_report_svg(r, in_folder("r.svg"));
    wkv_report_free(r);
    return e;
}

/* ---- the k-th allocation fails ----------------------------------------------------------------------------------- */

static void clean(void)
{
    char command[600];
    snprintf(command, sizeof command, "rm -rf '%s' '%s' '%s'", in_folder("run"), in_folder("tuned"),
             in_folder("cache"));
    if (!entry_exists(in_folder("run")) && !entry_exists(in_folder("tuned")) && !entry_exists(in_folder("cache")))
        return;
    if (system(command)) FAILED("%s", command);
}

static void each(const char *name, int (*operation)(void), int step)
{
    if (!CAN_FAIL) SKIP("%s: malloc cannot be replaced in this build", name);
    clean();
    EXPECT_EQ(operation(), 0); /* allocates once per process */
    if (test_bad) printf("    %s: %s\n", name, wkv_error());
    clean();
    long before = live, k = 1;
    int bad = 0, unnoticed = 0;
    for (; bad < 5; k += getenv("WKV_LONG") ? 1 : step) {
        calls = 0;
        fail_at = k;
        int e = operation();
        fail_at = 0;
        clean();
        if (live != before) {
            bad++;
            FAILED("%s, allocation %ld: %ld blocks more live after it: code %d, \"%s\"", name, k, live - before, e,
                   wkv_error());
        }
        before = live;
        if (calls < k) break;
        int told = e == WKV_ENOMEM ? *wkv_error() : e == WKV_EIO && strstr(wkv_error(), strerror(ENOMEM));
        unnoticed += !e;
        if (e && !told) {
            bad++;
            FAILED("%s, allocation %ld: code %d, \"%s\"", name, k, e, wkv_error());
        }
    }
    printf("     %s: %ld allocations, %d that it does without\n", name, calls, unnoticed);
}

/* Steps have no common divisor with the period of repeated calls, so that another part is seen. */
static void opening(void)
{
    each("pth", evaluate_pth, 7);
    each("safetensors", evaluate_safetensors, 7);
    each("gguf", evaluate_gguf, 7);
    each("q4_0", evaluate_q4_0, 11);
}

static void tokenizers(void)
{
    each("lines", tokenize_lines, 1);
    each("characters", tokenize_characters, 1);
}

static void converting(void)
{
    each("to gguf", convert_to_gguf, 17);
    each("to safetensors", convert_to_safetensors, 17);
    each("to pth", convert_to_pth, 17);
}

static void states(void)
{
    each("states", keep_states, 5);
    each("cache", keep_in_cache, 31);
}

static void probing(void) { each("probes", probe_and_write, 3); }

#ifdef HAVE_SQLITE
static void sessions(void) { each("sessions", keep_sessions, 41); }
#else
static void sessions(void) { SKIP("sessions: no SQLite"); }
#endif

static void evaluating(void) { each("items", score_items, 3); }
static void reports(void) { each("reports", report, 3); }

static void learning(void)
{
    each("trainer", train_step, 7);
    each("train", train, 31);
    each("tune", tune, 31);
}

/* ---- memory of a pass ------------------------------------------------------------------------------------------- */

static void passes_fit(void)
{
    static const char *const names[] = {"v4-c32-f32", "v5.0-n16-bf16", "v5.1-n16-f16", "v5.2-n64-bf16",
                                        "v6-n64-f16", "v7-n16-bf16",   "v7-n64-bf16"};
    enum { ROWS = 512 };
    static int32_t ids[ROWS];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (int k = 0; k < 4; k++) {
            const int reference = k & 1, probed = k & 2; /* probes run the operations separately, with copies */
            char path[400];
            wkv_model *m;
            wkv_context *c;
            wkv_state *s;
            snprintf(path, sizeof path, TEST_DIR "/golden/models/%s.pth", names[i]);
            EXPECT_EQ(wkv_model_open(&m, path, NULL), 0);
            EXPECT_EQ(
                wkv_context_new(&c, m, &(wkv_context_options){.threads = 3, .device = reference ? "reference" : NULL}),
                0);
            EXPECT_EQ(wkv_state_new(&s, m), 0);
            size_t fixed, row = rwkv_row_bytes(&m->rwkv, &fixed);
            if (probed) EXPECT_EQ(wkv_probe_add(c, NULL, ignore, NULL), 0);
            EXPECT_EQ(wkv_eval(c, s, ids, ROWS, NULL), 0);
            if (context_bytes(c) > fixed + ROWS * row)
                FAILED("%s: %zu bytes of scratch memory, %zu were expected at most", names[i], context_bytes(c),
                       fixed + ROWS * row);
            wkv_state_free(s);
            wkv_context_free(c);
            wkv_model_close(m);
        }
}

/* A training pass that exhausts memory ends with an error, and the trainer continues. */
static void big(void *arg)
{
    cx *c = arg;
    for (;;) tensor_new(c, 16, 16);
}

static void abandoned(void)
{
    cx c;
    device *d;
    EXPECT_EQ(device_open(&d, NULL, 1, NULL), 0);
    EXPECT_EQ(cx_init(&c, d), 0);
    arena_release(&c.mem);
    EXPECT_EQ(arena_init(&c.mem, 1 << 20), 0);
    EXPECT_EQ(cx_run(&c, big, &c), WKV_ENOMEM);
    EXPECT_HAS(wkv_error(), "scratch memory");
    EXPECT(c.mem.at == c.mem.base);
    EXPECT(tensor_new(&c, 2, 2) != NULL);
    cx_release(&c);
    device_close(d);
}

static int prepare(void)
{
    const char *pth = TEST_DIR "/golden/models/v7-n32-f16.pth";
    write_file(in_folder("v.txt"), "1 'a' 1\n2 'b' 1\n3 'ab' 2\n4 ' ' 1\n5 '\\n' 1\n");
    write_file(in_folder("c.json"), "{\"0\": \"a\", \"1\": \"b\", \"2\": \" \", \"3\": \"\\n\"}");
    write_file(in_folder("s.txt"), "abba ab ba a b ab abba ba ab ab a\n");
    write_file(in_folder("q.jsonl"), "{\"text\": \"ab ba\"}\n{\"text\": \"abba abab\"}\n{\"text\": \"a b\"}\n");
    write_file(in_folder("s.jsonl"), "{\"text\": \"abba\"}\n{\"text\": \"ab\"}\n");
    return evaluate(pth, NULL, in_folder("v.txt"), in_folder("m.pth")) ||
           evaluate(pth, NULL, in_folder("v.txt"), in_folder("m.safetensors")) ||
           evaluate(pth, NULL, in_folder("v.txt"), in_folder("m.gguf"));
}

int main(void)
{
    folder_begin("memory");
    if (prepare()) {
        puts(wkv_error());
        return 1;
    }
    RUN(passes_fit);
    RUN(abandoned);
    RUN(opening);
    RUN(tokenizers);
    RUN(converting);
    RUN(states);
    RUN(probing);
    RUN(sessions);
    RUN(evaluating);
    RUN(learning);
    RUN(reports);
    folder_end();
    return DONE();
}
