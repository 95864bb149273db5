/* test_train_resume.c - a run that is killed and resumed ends in the same bytes; refusals of a resumed run.
 *
 * With WKV_LONG set, 20 runs are killed; otherwise 4. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/file.h"
#include "base/rng.h"
#include "cpu/simd.h"
#include "format/tensors.h"
#include "wkv_train.h"
#include "folder.h"
#include "process.h"
#include "test.h"

static void write_text(void)
{
    static const char *const words[] = {"the ", "cat ", "sat ", "on ", "a ", "mat.\n"};
    FILE *f = fopen(in_folder("t.txt"), "w");
    rng r = {.seed = 3};
    for (int i = 0; i < 3000; i++) fputs(words[rng_u64(&r) % 6], f);
    fclose(f);
}

/* Everything that has a state: dropout, accumulation, a learning rate that falls, figures over several steps, a best
 * model. */
static wkv_train_options options(const char *out)
{
    static const char *data[2];
    data[0] = in_folder("t.txt");
    return (wkv_train_options){.layers = 2,
                               .width = 32,
                               .head_size = 16,
                               .data = data,
                               .vocab = "bytes",
                               .out = in_folder(out),
                               .context = 16,
                               .batch = 3,
                               .micro_batch = 2,
                               .steps = 40,
                               .schedule = "wsd",
                               .dropout = 0.1f,
                               .lr_init = 5e-3f,
                               .seed = 8,
                               .save_every = 3,
                               .log_every = 4,
                               .valid_every = 9,
                               .sample_every = 7,
                               .valid_share = 0.02f,
                               .threads = 1,
                               .resume = 1};
}

/* The test as another process: train into a folder of `folder`. */
static int train_into(char **words)
{
    snprintf(folder, sizeof folder, "%s", words[0]);
    wkv_train_options o = options(words[1]);
    o.threads = atoi(words[2]);
    o.checkpointing = atoi(words[3]);
    if (!wkv_train(&o)) return 0;
    fprintf(stderr, "%s\n", wkv_error());
    return 1;
}

/* Train in a process of its own, which is killed after so many seconds; 0: never. Returns its exit status, or -1 when
 * it was killed. */
static int train_apart(const char *out, int threads, int checkpointing, double seconds)
{
    char number[2][16];
    child c;
    snprintf(number[0], sizeof number[0], "%d", threads);
    snprintf(number[1], sizeof number[1], "%d", checkpointing);
    if (process_again(&c, (const char *const[]){folder, out, number[0], number[1], NULL})) return 1;
    if (seconds > 0) {
        system_sleep(seconds);
        process_kill(&c);
    }
    return process_wait(&c);
}

static void expect_same_file(const char *a, const char *b)
{
    char *x = NULL, *y = NULL;
    size_t n = 0, m = 0;
    if (file_slurp(&x, &n, a) || file_slurp(&y, &m, b))
        FAILED("%s", wkv_error());
    else if (n != m || memcmp(x, y, n))
        FAILED("%s is not %s", a, b);
    free(x);
    free(y);
}

/* Checkpoints are the same but for the length of the log, in which there are speeds. */
static void expect_same_checkpoint(const char *a, const char *b)
{
    static const char *const facts[] = {"step",      "given",    "skipped",   "smooth_loss",
                                        "best_loss", "loss_sum", "loss_count"};
    tensors *x, *y;
    if (tensors_open(&x, a) || tensors_open(&y, b)) {
        FAILED("%s", wkv_error());
        return;
    }
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        char key[64];
        snprintf(key, sizeof key, "training.%s", facts[i]);
        EXPECT_STR(tensors_meta(x, key), tensors_meta(y, key));
    }
    EXPECT_EQ(tensors_count(x), tensors_count(y));
    for (int i = 0; i < tensors_count(x); i++) {
        const file_tensor *p = tensors_at(x, i), *q = tensors_find(y, p->name);
        if (!q || tensor_values(p) != tensor_values(q) || memcmp(p->data, q->data, 4 * (size_t)tensor_values(p)))
            FAILED("%s differs", p->name); /* all are f32 */
    }
    tensors_close(x);
    tensors_close(y);
}

static void a_killed_run_ends_in_the_same_bytes(void)
{
    const double begin = clock_seconds();
    EXPECT_EQ(train_apart("whole", 1, 0, 0), 0);
    const double took = clock_seconds() - begin;
    rng r = {.seed = 1};
    int runs = getenv("WKV_LONG") ? 20 : 4, killed = 0;
    for (int i = 0; i < runs; i++) {
        char name[16];
        snprintf(name, sizeof name, "cut%d", i);
        for (int status = -1, tries = 0; status; tries++) {
            status = train_apart(name, 1 + (i + tries) % 3, (i + tries) % 2 ? 1 : -1,
                                 tries < 2 ? took * (0.1 + 0.8 * rng_uniform(&r)) : 0);
            killed += status < 0;
            if (status > 0 || tries > 3) {
                FAILED("a resumed run failed");
                break;
            }
        }
        snprintf(name, sizeof name, "cut%d/", i);
        static const char *const files[] = {"final.safetensors", "best.safetensors"};
        for (int k = 0; k < 2; k++) {
            char cut[64], whole[64];
            snprintf(cut, sizeof cut, "%s%s", name, files[k]);
            snprintf(whole, sizeof whole, "whole/%s", files[k]);
            expect_same_file(in_folder(cut), in_folder(whole));
        }
        char cut[64];
        snprintf(cut, sizeof cut, "%scheckpoint-00000040.safetensors", name);
        expect_same_checkpoint(in_folder(cut), in_folder("whole/checkpoint-00000040.safetensors"));
    }
    printf("     %d kills in %d runs\n", killed, runs);
    EXPECT(killed >= runs / 2);
}

static int stop_at;
static int stop(void *user, const wkv_train_report *r)
{
    (void)user;
    return r->step == stop_at;
}

static int lines_of(const char *path)
{
    char *text;
    size_t n;
    if (file_slurp(&text, &n, path)) return -1;
    int lines = 0;
    for (size_t i = 0; i < n; i++) lines += text[i] == '\n';
    free(text);
    return lines;
}

/* A run stopped by its user resumes with only its folder given, and its log has every line once. */
static void a_stopped_run_needs_its_folder_only(void)
{
    wkv_train_options o = options("stopped");
    stop_at = 11;
    o.report = stop;
    EXPECT_EQ(wkv_train(&o), WKV_ESTOPPED);
    EXPECT_HAS(wkv_error(), "step 11 of 40");
    FILE *f = fopen(in_folder("stopped/train.jsonl"), "a"); /* as a run that was killed later might leave it */
    fputs("{\"step\": 12, \"lo", f);
    fclose(f);
    f = fopen(in_folder("stopped/final.safetensors.part-1"), "w");
    fclose(f);
    wkv_train_options on = {.out = in_folder("stopped"), .resume = 1, .threads = 2};
    EXPECT_EQ(wkv_train(&on), 0);
    expect_same_file(in_folder("stopped/final.safetensors"), in_folder("whole/final.safetensors"));
    EXPECT(access(in_folder("stopped/final.safetensors.part-1"), F_OK) != 0);
    EXPECT(access(in_folder("stopped/checkpoint-00000036.safetensors"), F_OK) != 0); /* two are kept: 39 and 40 */
    EXPECT(access(in_folder("stopped/checkpoint-00000039.safetensors"), F_OK) == 0);
    EXPECT_EQ(lines_of(in_folder("stopped/train.jsonl")), lines_of(in_folder("whole/train.jsonl")));
    EXPECT_EQ(wkv_train(&on), 0); /* over: nothing is left to do */
    expect_same_file(in_folder("stopped/final.safetensors"), in_folder("whole/final.safetensors"));
}

static void other_settings_are_refused(void)
{
    wkv_train_options o = options("other");
    o.steps = 4;
    EXPECT_EQ(wkv_train(&o), 0);
    o.lr_init = 4e-3f;
    EXPECT_EQ(wkv_train(&o), WKV_EARG);
    EXPECT_HAS(wkv_error(), "--lr is 0.005 in the resumed run");
    o.lr_init = 0; /* the run's */
    EXPECT_EQ(wkv_train(&o), 0);
    o.version = "6";
    EXPECT_EQ(wkv_train(&o), WKV_EARG);
    EXPECT_HAS(wkv_error(), "version is 7");
    o = options("other");
    o.steps = 4;
    o.micro_batch = 3;
    EXPECT_EQ(wkv_train(&o), WKV_EARG);
    o = options("other");
    o.steps = 4;
    FILE *f = fopen(in_folder("u.txt"), "w");
    for (int i = 0; i < 2000; i++) fputs("another text ", f);
    fclose(f);
    const char *data[] = {in_folder("u.txt"), NULL};
    o.data = data;
    EXPECT_EQ(wkv_train(&o), WKV_EARG);
    EXPECT_HAS(wkv_error(), "the training text changed");
    o = (wkv_train_options){.out = in_folder("nowhere"), .resume = 1};
    EXPECT_EQ(wkv_train(&o), WKV_EARG);
    EXPECT_HAS(wkv_error(), "no checkpoint yet; repeat its first command with --resume");
}

/* A run of 12 steps, and one of `steps` that continues from there, or from its stop. */
static void train_longer(const char *out, const char *schedule, int stopped, int64_t hold)
{
    wkv_train_options o = options(out);
    o.schedule = schedule;
    o.steps = stopped ? 16 : 12;
    o.valid_every = 4; /* measured values are the same in both */
    if (stopped) o.report = stop, stop_at = stopped;
    EXPECT_EQ(wkv_train(&o), stopped ? WKV_ESTOPPED : 0);
    wkv_train_options on = {.out = in_folder(out), .resume = 1, .steps = 24, .hold = hold, .threads = 2};
    if (wkv_train(&on)) FAILED("%s", wkv_error());
}

static void expect_same_run(const char *a, const char *b)
{
    static const char *const files[] = {"final.safetensors", "best.safetensors", "checkpoint-00000024.safetensors"};
    for (int i = 0; i < 3; i++) {
        char x[96], y[96];
        snprintf(x, sizeof x, "%s/%s", a, files[i]);
        snprintf(y, sizeof y, "%s/%s", b, files[i]);
        if (i < 2)
            expect_same_file(in_folder(x), in_folder(y));
        else
            expect_same_checkpoint(in_folder(x), in_folder(y));
    }
}

/* More steps after the end, or after a stop before the learning rate of wsd falls, give the bytes of a run that had
 * them from the beginning. */
static void a_longer_run_ends_in_the_same_bytes(void)
{
    wkv_train_options o = options("constant");
    o.schedule = "constant", o.steps = 24, o.valid_every = 4;
    EXPECT_EQ(wkv_train(&o), 0);
    train_longer("constant+", "constant", 0, 0);
    expect_same_run("constant+", "constant");
    o = options("wsd");
    o.steps = 24, o.valid_every = 4;
    EXPECT_EQ(wkv_train(&o), 0);
    train_longer("wsd+", "wsd", 11, 0); /* a hold of 12 of 16, then of 19 of 24 */
    expect_same_run("wsd+", "wsd");
    o = options("hold");
    o.steps = 24, o.hold = 5, o.valid_every = 4;
    EXPECT_EQ(wkv_train(&o), 0);
    train_longer("hold+", "wsd", 11, 5);
    expect_same_run("hold+", "hold");
}

/* Steps of which the learning rate had fallen are not those of a longer run. */
static void a_run_that_fell_is_not_made_longer(void)
{
    static const char *const schedules[] = {"cosine", "linear", "exponential", "wsd"};
    for (int i = 0; i < 4; i++) {
        wkv_train_options o = options(i < 3 ? schedules[i] : "fell");
        o.schedule = schedules[i];
        o.warmup = -1;
        o.steps = 12;
        EXPECT_EQ(wkv_train(&o), 0);
        wkv_train_options on = {.out = o.out, .resume = 1, .steps = 24, .threads = 1};
        EXPECT_EQ(wkv_train(&on), WKV_EARG);
        EXPECT_HAS(wkv_error(), "--steps is 12 in the resumed run, and 24 now");
        EXPECT_HAS(wkv_error(), schedules[i]);
        EXPECT_HAS(wkv_error(), "continue from the result in another folder, or start with --schedule constant");
        on.steps = 6;
        EXPECT_EQ(wkv_train(&on), WKV_EARG); /* nor shorter */
        EXPECT_HAS(wkv_error(), "and 6 now; it would change the result");
    }
}

/* The results of the shorter run stay until the longer one ends. */
static void results_stay_until_the_longer_run_ends(void)
{
    wkv_train_options o = options("stays");
    o.schedule = "constant", o.steps = 4;
    EXPECT_EQ(wkv_train(&o), 0);
    write_file(in_folder("stays/final.safetensors"), "mine");
    o.steps = 8, o.report = stop, stop_at = 6;
    EXPECT_EQ(wkv_train(&o), WKV_ESTOPPED);
    char *text = NULL;
    size_t n = 0;
    EXPECT_EQ(file_slurp(&text, &n, in_folder("stays/final.safetensors")), 0);
    EXPECT_EQ(n, 4);
    free(text);
    wkv_train_options on = {.out = in_folder("stays"), .resume = 1};
    EXPECT_EQ(wkv_train(&on), 0);
    EXPECT_EQ(file_slurp(&text, &n, in_folder("stays/final.safetensors")), 0);
    EXPECT(n > 1000);
    free(text);
}

/* The step at which a run of 40 ends, since the loss of its held-out text, another one, rises; 0: not before its
 * end. */
static int64_t ended;
static int watch_end(void *user, const wkv_train_report *r)
{
    ended = r->early_stopped ? r->step : 0;
    return r->step == stop_at && user;
}

static wkv_train_options impatient(const char *out)
{
    wkv_train_options o = options(out);
    o.valid = in_folder("held.txt"), o.valid_share = 0;
    o.valid_every = 3;
    o.patience = 2;
    o.report = watch_end;
    return o;
}

static void a_run_ends_when_it_loses_patience(void)
{
    char held[400];
    for (int i = 0; i < 399; i++) held[i] = (char)('A' + i * i % 26);
    held[399] = 0;
    write_file(in_folder("held.txt"), held);
    wkv_train_options o = impatient("patience");
    EXPECT_EQ(wkv_train(&o), 0);
    int64_t step = ended;
    EXPECT(step > 3 && step < 39 && step % 3 == 0);
    printf("     ended after step %lld\n", (long long)step);
    char *text = NULL;
    size_t n;
    EXPECT_EQ(file_slurp(&text, &n, in_folder("patience/train.jsonl")), 0);
    EXPECT_HAS(text, "\"ended\": true}");
    free(text);
    EXPECT_EQ(file_slurp(&text, &n, in_folder("patience/train.html")), 0);
    EXPECT_HAS(text, "ended: no lower held-out loss");
    free(text);
    int user = 1;
    for (int before = 1; before < 5; before += 3) { /* between measurements, and behind one */
        o = impatient(before == 1 ? "patience-1" : "patience-2");
        o.user = &user, stop_at = (int)step - before, ended = 0;
        EXPECT_EQ(wkv_train(&o), WKV_ESTOPPED);
        o.user = NULL;
        EXPECT_EQ(wkv_train(&o), 0);
        EXPECT_EQ(ended, step);
        char a[64], b[64];
        snprintf(a, sizeof a, "patience/checkpoint-%08lld.safetensors", (long long)step);
        snprintf(b, sizeof b, "patience-%d/checkpoint-%08lld.safetensors", before == 1 ? 1 : 2, (long long)step);
        expect_same_checkpoint(in_folder(a), in_folder(b));
        snprintf(b, sizeof b, "patience-%d/final.safetensors", before == 1 ? 1 : 2);
        expect_same_file(in_folder("patience/final.safetensors"), in_folder(b));
        snprintf(b, sizeof b, "patience-%d/best.safetensors", before == 1 ? 1 : 2);
        expect_same_file(in_folder("patience/best.safetensors"), in_folder(b));
    }
    wkv_train_options on = {.out = in_folder("patience"), .resume = 1};
    EXPECT_EQ(wkv_train(&on), 0); /* over */
    expect_same_file(in_folder("patience/final.safetensors"), in_folder("patience-1/final.safetensors"));
    on.patience = 100, on.report = watch_end, ended = 1;
    EXPECT_EQ(wkv_train(&on), 0);
    EXPECT_EQ(ended, 0);
    EXPECT(access(in_folder("patience/checkpoint-00000040.safetensors"), F_OK) == 0);
    o = options("none-held"), o.valid_share = -1, o.patience = 2;
    EXPECT_EQ(wkv_train(&o), WKV_EARG);
    EXPECT_HAS(wkv_error(), "--patience needs held-out text");
}

/* 12 steps into `out`, of which the first `before` are made on instruction set `first`, the others on `then`. */
static void train_on_two(const char *version, const char *out, const char *first, const char *then, int before)
{
    wkv_train_options o = options(out);
    o.version = version;
    if (*version == '4') o.head_size = 0;
    o.steps = 12;
    o.threads = 2;
    stop_at = before;
    o.report = stop;
    setenv("WKV_ISA", first, 1);
    EXPECT_EQ(wkv_train(&o), WKV_ESTOPPED);
    o.report = NULL;
    setenv("WKV_ISA", then, 1);
    if (wkv_train(&o)) FAILED("%s", wkv_error());
    unsetenv("WKV_ISA");
}

/* A run that is resumed under another instruction set ends in the same bytes. */
static void a_run_changes_its_instruction_set(void)
{
    static const char *const versions[] = {"4", "5.2", "6", "7"};
    const simd *best = simd_at(0);
    int sets = 1;
    while (simd_at(sets) && simd_at(sets)->fused) sets++;
    if (sets < 2) SKIP("this processor has one instruction set with fused multiply-adds: %s", best->name);
    for (int v = 0; v < 4; v++) {
        char whole[64], cut[64];
        snprintf(whole, sizeof whole, "whole-%s", versions[v]);
        train_on_two(versions[v], whole, best->name, best->name, 5);
        for (int i = 1; i < sets; i++)
            for (int back = 0; back < 2; back++) {
                const char *other = simd_at(i)->name;
                snprintf(cut, sizeof cut, "%s-%s-%d", versions[v], other, back);
                train_on_two(versions[v], cut, back ? other : best->name, back ? best->name : other, 5);
                char x[96], y[96];
                snprintf(x, sizeof x, "%s/final.safetensors", cut);
                snprintf(y, sizeof y, "%s/final.safetensors", whole);
                expect_same_file(in_folder(x), in_folder(y));
                snprintf(x, sizeof x, "%s/checkpoint-00000012.safetensors", cut);
                snprintf(y, sizeof y, "%s/checkpoint-00000012.safetensors", whole);
                expect_same_checkpoint(in_folder(x), in_folder(y));
            }
    }
}

/* A checkpoint is also a model. */
static void a_checkpoint_opens_as_a_model(void)
{
    wkv_model *m;
    if (wkv_model_open(&m, in_folder("whole/checkpoint-00000040.safetensors"), NULL)) {
        FAILED("%s", wkv_error());
        return;
    }
    EXPECT_STR(wkv_model_about(m)->version, "7");
    EXPECT_EQ(wkv_model_about(m)->layers, 2);
    wkv_model_close(m);
}

int main(int n, char **words)
{
    if (n > 4) return train_into(words + 1);
    folder_begin("resume");
    write_text();
    RUN(a_killed_run_ends_in_the_same_bytes);
    RUN(a_stopped_run_needs_its_folder_only);
    RUN(other_settings_are_refused);
    RUN(a_longer_run_ends_in_the_same_bytes);
    RUN(a_run_that_fell_is_not_made_longer);
    RUN(results_stay_until_the_longer_run_ends);
    RUN(a_run_ends_when_it_loses_patience);
    RUN(a_run_changes_its_instruction_set);
    RUN(a_checkpoint_opens_as_a_model);
    folder_end();
    return DONE();
}
