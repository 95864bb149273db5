/* A cache's folder: a restart reads nothing again; files that are damaged, foreign or gone; models beside each
 * other; the limit; a folder that cannot be written. */
#include "cached.h"
#include "folder.h"
#include "format/write.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define PARTS(...) (const part[]){__VA_ARGS__}, (int)(sizeof((const part[]){__VA_ARGS__}) / sizeof(part))

static wkv_cache *cache_in(const char *path) { return cache_of(c, &(wkv_cache_options){.folder = path}); }

/* Tokens read for a request of one segment. */
static int request(wkv_cache *k, const part *parts, int n)
{
    wkv_session *s = session_joined(parts, n);
    const int read = read_session(k, s);
    EXPECT(is_exact(s));
    wkv_session_free(s);
    return read;
}

/* The states below a cache's folder, at most `most`; returns their number. */
static int files_in(const char *path, char file[][512], int most)
{
    int n = 0;
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        char below[400];
        if (*e->d_name == '.') continue;
        snprintf(below, sizeof below, "%s/%s", path, e->d_name);
        DIR *in = opendir(below);
        for (struct dirent *f; in && (f = readdir(in));) {
            if (*f->d_name == '.') continue;
            EXPECT(n < most);
            if (n < most) snprintf(file[n++], 512, "%.300s/%.200s", below, f->d_name);
        }
        if (in) closedir(in);
    }
    if (d) closedir(d);
    return n;
}

static int count_files(const char *path)
{
    static char file[600][512];
    return files_in(path, file, 600);
}

static int64_t bytes_in(const char *path)
{
    static char file[600][512];
    int64_t bytes = 0;
    for (int i = files_in(path, file, 600); i--;) {
        entry_info about;
        if (!entry_read(&about, file[i])) bytes += about.bytes;
    }
    return bytes;
}

static int mode_of(const char *path)
{
    entry_info about;
    return entry_read(&about, path) ? -1 : (int)about.mode;
}

/* ---- restarts ---------------------------------------------------------------------------------------------------- */

/* A prompt of 4,000 tokens is read once for 100 uses, and not again after a restart. */
static void a_prompt_is_read_once(void)
{
    const char *path = in_folder("once");
    const wkv_generation g = {.max_tokens = 2};
    int read = 0;
    for (int restart = 0; restart < 2; restart++) {
        wkv_cache *k = cache_in(path);
        for (int i = 0; i < 100; i++) {
            wkv_session *s = session_joined(PARTS({4000, 1}));
            read += read_on(c, k, s, &g, NULL, 0);
            if (i < 2) EXPECT(is_exact(s));
            wkv_session_free(s);
        }
        EXPECT_EQ(wkv_cache_save(k), 0);
        EXPECT_EQ(wkv_cache_about(k).files, 1);
        wkv_cache_free(k);
    }
    EXPECT_EQ(read, 4000);
    EXPECT_EQ(mode_of(path), 0700);
}

/* A document and a question as one text: the second question makes a state at the end of the document, which stays. */
static void a_junction_survives(void)
{
    const char *path = in_folder("junction");
    const int expected[] = {2040, 2040, 40, 40};
    for (int i = 0; i < 4; i++) {
        wkv_cache *k = cache_in(path);
        const int read = request(k, PARTS({2000, 1}, {40, 10 + (uint64_t)i}));
        EXPECT_EQ(read, expected[i]);
        EXPECT_EQ(wkv_cache_save(k), 0);
        wkv_cache_free(k);
    }
}

/* Short texts and small steps of a conversation are not written. */
static void short_texts_stay_in_memory(void)
{
    const char *path = in_folder("short");
    wkv_cache *k = cache_in(path);
    EXPECT_EQ(request(k, PARTS({1000, 1})), 1000);
    EXPECT_EQ(wkv_cache_save(k), 0);
    EXPECT_EQ(count_files(path), 0);
    wkv_session *s = session_of(PARTS({1000, 2}));
    for (uint64_t i = 0; i < 20; i++) {
        int32_t *ids = random_ids(100, 50 + i);
        EXPECT_EQ(wkv_session_append_ids(s, ids, 100), 0);
        read_session(k, s);
        EXPECT_EQ(wkv_cache_save(k), 0);
        free(ids);
    }
    EXPECT_EQ(count_files(path), 2); /* of 3,000 ids, at 1,100 and 2,200 */
    wkv_session_free(s);
    wkv_cache_free(k);
}

/* Sampled answers are found again, with thinking stripped, by a process that has not seen them. */
static void answers_survive(void)
{
    const char *path = in_folder("answers"), *prompt = "User: is it?\n\nAssistant:", *reply = " Yes, it is.\n\n";
    const char *said = ">\nIs it? It is.\n</think>\nYes, it is.";
    int32_t ids[64];
    int n = 0;
    const wkv_cache_options o = {.folder = path, .disk_tokens = 1};
    for (const char *p = said; *p; p++) n += wkv_encode(t, p, 1, ids + n, 1);
    wkv_cache *k = cache_of(c, &o);
    wkv_session *s;
    EXPECT_EQ(wkv_session_new(&s, m, t), 0);
    EXPECT_EQ(wkv_session_append_text(s, prompt, strlen(prompt)), 0);
    EXPECT_EQ(wkv_cache_append_answer(k, s, " <think", 7, 0), 0);
    read_on(c, k, s, &(wkv_generation){.ending = "\n\n"}, ids, n);
    EXPECT_EQ(wkv_cache_save(k), 0);
    const int all = s->n;
    wkv_session_free(s);
    wkv_cache_free(k);
    k = cache_of(c, &o);
    EXPECT_EQ(wkv_session_new(&s, m, t), 0);
    EXPECT_EQ(wkv_session_append_text(s, prompt, strlen(prompt)), 0);
    EXPECT_EQ(wkv_cache_append_answer(k, s, reply, strlen(reply), 1), 0);
    EXPECT_EQ(s->n, all);
    EXPECT(wkv_cache_resume(k, s) >= all - 4);
    EXPECT(is_exact(s));
    wkv_session_free(s);
    wkv_cache_free(k);
}

/* Two caches of one folder: each finds the files of the other, and may lose those that the other removed. */
static void two_share_a_folder(void)
{
    const char *path = in_folder("two");
    static char file[8][512];
    wkv_cache *a = cache_in(path), *b = cache_in(path);
    EXPECT_EQ(request(a, PARTS({1100, 1})), 1100);
    EXPECT_EQ(wkv_cache_save(a), 0);
    EXPECT_EQ(request(b, PARTS({1100, 1})), 0);
    EXPECT_EQ(request(b, PARTS({1100, 2})), 1100);
    EXPECT_EQ(request(a, PARTS({1100, 2})), 1100);
    EXPECT_EQ(wkv_cache_save(b), 0);
    EXPECT_EQ(wkv_cache_save(a), 0); /* the same file */
    EXPECT_EQ(count_files(path), 2);
    wkv_cache_free(b);
    b = cache_in(path);
    EXPECT_EQ(wkv_cache_about(b).files, 2);
    for (int i = files_in(path, file, 8); i--;) remove(file[i]);
    EXPECT_EQ(request(b, PARTS({1100, 1})), 1100);
    EXPECT_EQ(request(a, PARTS({1100, 1})), 0); /* still in memory */
    wkv_cache_free(a);
    wkv_cache_free(b);
}

/* ---- files of others --------------------------------------------------------------------------------------------- */

static void change_byte(const char *path, long at, int from_end)
{
    FILE *f = fopen(path, "r+b");
    fseek(f, at, from_end ? SEEK_END : SEEK_SET);
    const int byte = getc(f);
    fseek(f, at, from_end ? SEEK_END : SEEK_SET);
    putc(byte ^ 1, f);
    fclose(f);
}

/* Damage a file in one way; returns 0 when there is none more. */
static int damage(int way, const char *path)
{
    switch (way) {
    case 0: change_byte(path, -1, 1); return 1; /* an id, a value: the checksum */
    case 1: change_byte(path, -20000, 1); return 1;
    case 2: change_byte(path, 300, 0); return 1; /* the header */
    case 3: change_byte(path, 2, 0); return 1;   /* its length */
    case 4: return !truncate(path, 200000);
    case 5: return !truncate(path, 0);
    case 6: write_file(path, "no state at all\n"); return 1;
    case 7: return !remove(path) && !folder_create(path, 0700); /* a folder */
    case 8: return !remove(path) && !symlink("/dev/zero", path);
    case 9: return !remove(path) && !mkfifo(path, 0600);
    default: return 0;
    }
}

static void damaged_files_are_removed(void)
{
    static char file[8][512];
    for (int way = 0; way < 2 * 10; way++) { /* before the folder is listed, and after */
        const char *path = in_folder("damaged");
        wkv_cache *k = cache_in(path);
        EXPECT_EQ(request(k, PARTS({1200, 1})), 1200);
        EXPECT_EQ(wkv_cache_save(k), 0);
        wkv_cache_free(k);
        EXPECT_EQ(files_in(path, file, 8), 1);
        if (way % 2) k = cache_in(path);
        EXPECT(damage(way / 2, file[0]));
        if (way % 2 == 0) k = cache_in(path);
        EXPECT_EQ(request(k, PARTS({1200, 1})), 1200);
        const int another = way == 0; /* listed with the changed id, it is a state of another text */
        if (way / 2 < 7 && files_in(path, file, 8) != another) FAILED("way %d: the file is left", way);
        wkv_cache_free(k);
        char clean[200];
        snprintf(clean, sizeof clean, "rm -r %s", path);
        EXPECT_EQ(system(clean), 0);
    }
}

/* A sound state file under the name of another, one with the state of other ids, one of another model, a mix: only ids
 * and identity inside the file count. Other files are left alone; part files of killed writers are not. */
static void files_are_what_they_contain(void)
{
    static char file[8][512];
    const char *path = in_folder("contain");
    char below[512], note[600], part_file[700];
    wkv_cache *k = cache_in(path);
    EXPECT_EQ(request(k, PARTS({1200, 1})), 1200);
    EXPECT_EQ(request(k, PARTS({1300, 2})), 1300);
    EXPECT_EQ(wkv_cache_save(k), 0);
    EXPECT_EQ(files_in(path, file, 8), 2);
    wkv_cache_free(k);
    snprintf(below, sizeof below, "%s", file[0]);
    *strrchr(below, '/') = 0;
    EXPECT_EQ(rename(file[0], in_folder("x")), 0); /* the names are exchanged */
    EXPECT_EQ(rename(file[1], file[0]), 0);
    EXPECT_EQ(rename(in_folder("x"), file[1]), 0);
    snprintf(note, sizeof note, "%s/note.txt", below);
    write_file(note, "mine\n");
    snprintf(part_file, sizeof part_file, "%s.part-999999", file[0]);
    write_file(part_file, "half");
    k = cache_in(path);
    EXPECT_EQ(request(k, PARTS({1200, 1})), 0);
    EXPECT_EQ(request(k, PARTS({1300, 2})), 0);
    EXPECT_EQ(access(note, F_OK), 0);
    EXPECT(access(part_file, F_OK));
    wkv_cache_free(k);

    wkv_identity id; /* a mix has the identity, and no ids that give its state */
    wkv_state *state = state_new(m);
    int32_t *ids = random_ids(1200, 7);
    EXPECT_EQ(wkv_identify(&id, c), 0);
    wkv_state_info about = {.identity = id, .ids = ids, .n_ids = 1200, .read = 1200, .origin = "mix of two"};
    float *hidden = calloc((size_t)wkv_model_about(m)->width, sizeof *hidden);
    EXPECT_EQ(wkv_state_file_write(file[0], &about, state, hidden), 0);
    about.origin = "", about.identity.arithmetic[0] = 'x';
    EXPECT_EQ(wkv_state_file_write(file[1], &about, state, hidden), 0);
    about.identity = id, about.identity.weights[0] = 'x'; /* of other weights, in the folder of ours */
    snprintf(file[2], sizeof file[2], "%.400s/%064d.safetensors", below, 0);
    EXPECT_EQ(wkv_state_file_write(file[2], &about, state, hidden), 0);
    k = cache_in(path);
    EXPECT_EQ(wkv_cache_about(k).files, 0);
    EXPECT(access(file[0], F_OK) && access(file[1], F_OK) && access(file[2], F_OK));
    EXPECT_EQ(request(k, PARTS({1200, 7})), 1200);
    wkv_cache_free(k);
    wkv_state_free(state);
    free(hidden);
    free(ids);
}

/* ---- models ------------------------------------------------------------------------------------------------------ */

static void write_lora(const char *path)
{
    float x[2 * 32];
    for (int i = 0; i < 2 * 32; i++) x[i] = 0.1f;
    const tensor_out list[] = {
        {.name = "blocks.0.att.key.lora_A", .type = F32, .dims = 2, .shape = {2, 32}, .data = x},
        {.name = "blocks.0.att.key.lora_B", .type = F32, .dims = 2, .shape = {32, 2}, .data = x},
    };
    if (safetensors_write(path, list, 2, (const char *const[]){"lora_alpha", "4", NULL})) FAILED("%s", wkv_error());
}

/* Read 1,100 ids with a model opened in some way, on a device, and a cache of the folder. Returns the tokens read. */
static int read_with(const char *path, const wkv_model_options *o, const char *name)
{
    wkv_model *model;
    wkv_session *s;
    int32_t ids[1100];
    if (!opens(&model, TEST_DIR "/golden/models/v7-n32-f32.pth")) return -1;
    wkv_model_close(model);
    EXPECT_EQ(wkv_model_open(&model, TEST_DIR "/golden/models/v7-n32-f32.pth", o), 0);
    wkv_context *of = context_new(model, 1, name);
    wkv_cache *k = cache_of(of, &(wkv_cache_options){.folder = path});
    for (int i = 0; i < 1100; i++) ids[i] = (i * 7 + i / 13) % 48;
    EXPECT_EQ(wkv_session_new(&s, model, t), 0);
    EXPECT_EQ(wkv_session_append_ids(s, ids, 1100), 0);
    const int read = read_on(of, k, s, NULL, NULL, 0);
    EXPECT(replays(of, model, s->ids, s->n, s->state, s->hidden));
    EXPECT_EQ(wkv_cache_save(k), 0);
    wkv_session_free(s);
    wkv_cache_free(k);
    wkv_context_free(of);
    wkv_model_close(model);
    return read;
}

/* Each model has its own states in one folder: another type, an adapter, an initial state, another order of sums. */
static void models_do_not_mix(void)
{
    const char *path = in_folder("models"), *lora = in_folder("lora.safetensors"), *tuned = in_folder("tuned.pth");
    wkv_model *model;
    if (!opens(&model, TEST_DIR "/golden/models/v7-n32-f32.pth")) return;
    wkv_state *state = state_new(model);
    EXPECT_EQ(wkv_state_write_tuned(tuned, state), 0);
    wkv_state_free(state);
    wkv_model_close(model);
    write_lora(lora);
    for (int again = 0; again < 2; again++) {
        const int expected = again ? 0 : 1100;
        EXPECT_EQ(read_with(path, NULL, NULL), expected);
        EXPECT_EQ(read_with(path, &(wkv_model_options){.type = "q8_0"}, NULL), expected);
        EXPECT_EQ(read_with(path, &(wkv_model_options){.lora = lora}, NULL), expected);
        EXPECT_EQ(read_with(path, &(wkv_model_options){.lora = lora, .lora_alpha = 2}, NULL), expected);
        EXPECT_EQ(read_with(path, &(wkv_model_options){.state = tuned}, NULL), expected);
        EXPECT_EQ(read_with(path, NULL, "reference"), expected);
    }
    EXPECT_EQ(count_files(path), 6);
}

/* ---- limits ------------------------------------------------------------------------------------------------------ */

/* The folder stays within its limit; the files that were not used for longest go, of other models too. */
static void the_disk_is_limited(void)
{
    const char *path = in_folder("limit");
    const int64_t file = (int64_t)wkv_model_about(m)->state_bytes + 20000;
    read_with(path, NULL, NULL);
    EXPECT_EQ(count_files(path), 1);
    wkv_cache *k = cache_of(c, &(wkv_cache_options){.folder = path, .disk = 4 * file, .disk_tokens = 100});
    for (uint64_t i = 0; i < 12; i++) {
        EXPECT_EQ(request(k, PARTS({100, 10 + i})), 100);
        EXPECT_EQ(request(k, PARTS({100, 10})), 0); /* used all the time */
        EXPECT_EQ(wkv_cache_save(k), 0);
        EXPECT(bytes_in(path) <= 4 * file);
    }
    wkv_cache_free(k);
    EXPECT_EQ(read_with(path, NULL, NULL), 1100); /* its folder was removed with its file */
    k = cache_in(path);
    EXPECT_EQ(request(k, PARTS({100, 10})), 0);
    EXPECT_EQ(request(k, PARTS({100, 21})), 0);
    EXPECT_EQ(request(k, PARTS({100, 12})), 100);
    wkv_cache_free(k);
    k = cache_of(c, &(wkv_cache_options){.folder = in_folder("none"), .disk = 1000}); /* smaller than a state */
    EXPECT_EQ(request(k, PARTS({1200, 1})), 1200);
    EXPECT_EQ(wkv_cache_save(k), 0);
    EXPECT_EQ(count_files(in_folder("none")), 0);
    wkv_cache_free(k);
}

/* A conversation leaves few files: thinning removes those that its length makes superfluous. */
static void long_texts_leave_few_files(void)
{
    const char *path = in_folder("few");
    wkv_cache *k = cache_of(c, &(wkv_cache_options){.folder = path, .disk_tokens = 1});
    wkv_session *s = session_of(PARTS({50, 1}));
    for (uint64_t i = 0; i < 80; i++) {
        int32_t *ids = random_ids(50, 50 + i);
        EXPECT_EQ(wkv_session_append_ids(s, ids, 50), 0);
        read_session(k, s);
        EXPECT_EQ(wkv_cache_save(k), 0);
        free(ids);
    }
    const int files = count_files(path);
    if (files > 40) FAILED("%d files, expected at most 40", files);
    EXPECT_EQ(files, wkv_cache_about(k).files);
    wkv_session_free(s);
    wkv_cache_free(k);
}

/* Folders that cannot be made or written: a sentence, and the cache works without. */
static void unwritable_folders(void)
{
    wkv_cache *k;
    char clean[200];
    write_file(in_folder("file"), "x");
    EXPECT_EQ(wkv_cache_new(&k, c, t, &(wkv_cache_options){.folder = in_folder("file/below")}), WKV_EIO);
    EXPECT_HAS(wkv_error(), "cannot be created: Not a directory");
    EXPECT_EQ(wkv_cache_new(&k, c, t, &(wkv_cache_options){.folder = in_folder("file")}), WKV_EIO);
    EXPECT(!k);
    const char *path = in_folder("gone");
    k = cache_in(path);
    EXPECT_EQ(request(k, PARTS({1200, 1})), 1200);
    snprintf(clean, sizeof clean, "rm -r %s", path);
    EXPECT_EQ(system(clean), 0);
    write_file(path, "in its place\n");
    EXPECT_EQ(wkv_cache_save(k), WKV_EIO);
    EXPECT_HAS(wkv_error(), "cannot be created");
    EXPECT_EQ(wkv_cache_save(k), 0); /* it is not tried again */
    EXPECT_EQ(request(k, PARTS({1200, 1})), 0);
    wkv_cache_free(k);
}

int main(void)
{
    if (engine_begin()) return 1;
    folder_begin("cache");
    RUN(a_prompt_is_read_once);
    RUN(a_junction_survives);
    RUN(short_texts_stay_in_memory);
    RUN(answers_survive);
    RUN(two_share_a_folder);
    RUN(damaged_files_are_removed);
    RUN(files_are_what_they_contain);
    RUN(models_do_not_mix);
    RUN(the_disk_is_limited);
    RUN(long_texts_leave_few_files);
    RUN(unwritable_folders);
    folder_end();
    engine_end();
    return DONE();
}
