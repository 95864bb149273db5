/* test_locale.c - a host that writes numbers with a comma gets the same files as one that does not. */
#define _GNU_SOURCE
#include <jansson.h>
#include <locale.h>
#include <stdlib.h>
#include "base/number.h"
#include "folder.h"
#include "same.h"
#include "test.h"
#include "train/history.h"
#include "train/settings.h"
#include "base/platform/descriptor.h"
#include "base/stream.h"

/* A whole file, which the caller frees; NULL when it cannot be read. */
static char *read_file(const char *path, size_t *bytes)
{
    entry_info about;
    FILE *f = fopen(path, "rb");
    if (!f || descriptor_entry(&about, fileno(f))) return NULL;
    char *text = malloc((size_t)about.bytes + 1);
    *bytes = fread(text, 1, (size_t)about.bytes, f);
    fclose(f);
    return text;
}

/* A locale with a decimal comma: one that is installed, or one made here where its sources are. */
static int comma(void)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8",  "de_DE",      "fr_FR.UTF-8",
                                        "es_ES.UTF-8", "ru_RU.UTF-8", "pt_BR.UTF-8"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (setlocale(LC_ALL, names[i]) && *localeconv()->decimal_point == ',') return 1;
    char make[400];
    snprintf(make, sizeof make, "localedef -i de_DE -f UTF-8 --no-archive %s/de_DE.UTF-8 >/dev/null 2>&1", folder);
    if (system(make)) return 0; /* a warning is not 0 either */
    setenv("LOCPATH", folder, 1);
    return setlocale(LC_ALL, "de_DE.UTF-8") && *localeconv()->decimal_point == ',';
}

#define COMMA                                                                                                          \
    do {                                                                                                               \
        if (!comma()) SKIP("there is no locale with a decimal comma, and none can be made");                           \
        char half[8];                                                                                                  \
        snprintf(half, sizeof half, "%.1f", 0.5);                                                                      \
        EXPECT_STR(half, "0,5");                                                                                       \
    } while (0)

static void numbers(void)
{
    COMMA;
    char text[40], *end;
    number_print(text, sizeof text, "%.3f %a", 1.5, 0.5);
    EXPECT_STR(text, "1.500 0x1p-1");
    number_shortest(text, 0.1f);
    EXPECT_STR(text, "0.1");
    number_shortest(text, 16777217.0f / 3);
    EXPECT(number_read_float(text, NULL) == 16777217.0f / 3);
    EXPECT(number_read("0x1.8p+1", NULL) == 3);
    EXPECT(number_read("2.5;", &end) == 2.5 && *end == ';');
    snprintf(text, sizeof text, "%.1f", 2.5);
    EXPECT_STR(text, "2,5"); /* the host's locale is as it was */
    setlocale(LC_ALL, "C");
}

/* ---- a run ------------------------------------------------------------------------------------------------------- */

static int stop_at_5(void *user, const wkv_train_report *r) { return r->step == 5 && *(int *)user; }

static int train(const char *out, int resume, int stop)
{
    const char *data[] = {in_folder("story.txt"), NULL};
    wkv_train_options o = {.out = out, .threads = 1, .report = stop_at_5, .user = &stop, .resume = resume};
    if (!resume) {
        o.data = data, o.vocab = "bytes", o.layers = 1, o.width = 32, o.head_size = 32, o.context = 16, o.batch = 2;
        o.steps = 7, o.lr_init = 0.005f, o.beta1 = 0.85f, o.schedule = "constant", o.log_every = 1;
    }
    return wkv_train(&o);
}

static void runs_resume(void)
{
    char one[200], two[200];
    COMMA;
    setlocale(LC_ALL, "C");
    FILE *f = fopen(in_folder("story.txt"), "w");
    for (int i = 0; i < 40; i++) fprintf(f, "the old king went down to the river, %d times\n", i * i);
    fclose(f);
    EXPECT_EQ(train(in_folder("whole"), 0, 0), 0);
    for (int first = 0; first < 2; first++) { /* begun with a comma and resumed with a point, and the reverse */
        if (first)
            comma();
        else
            setlocale(LC_ALL, "C");
        snprintf(one, sizeof one, "%s/run%d", folder, first);
        EXPECT_EQ(train(one, 0, 1), WKV_ESTOPPED);
        if (first)
            setlocale(LC_ALL, "C");
        else
            comma();
        if (train(one, 1, 0)) FAILED("%s", wkv_error());
        setlocale(LC_ALL, "C");
        snprintf(one, sizeof one, "%s/run%d/final.safetensors", folder, first);
        snprintf(two, sizeof two, "%s/whole/final.safetensors", folder);
        EXPECT(same_files(one, two));
    }
}

/* ---- logs, pages, adapters --------------------------------------------------------------------------------------- */

static void pages_have_points(void)
{
    COMMA;
    figures f[] = {{1, 2.5, 2.5, 0.1, 1e30, 100}, {2, 1.25, 2, 0.1, 0.6, 2500}};
    const history h = {.f = f, .n_f = 2};
    stream all;
    FILE *page = stream_open(&all);
    page_write(page, &h, &(wkv_train_plan){.version = "7", .text_tokens = 70913},
               &(wkv_train_report){.step = 2, .loss = 1.25, .smooth = 1.25}, 1);
    EXPECT_EQ(stream_close(page, &all, "a page"), 0);
    const char *text = all.text;
    EXPECT_HAS(text, "<td>1.2500 in the last step, smoothed");
    EXPECT_HAS(text, "<title>step 2, loss 1.250<");
    EXPECT_HAS(text, "<td>70,913 tokens");
    EXPECT_HAS(text, ">2,000</text>");
    EXPECT_HAS(text, ">1e+30</text>");
    EXPECT_HAS(text, ">step</text>");
    char *points = strstr(text, "points=\"");
    int commas = 0, dots = 0;
    for (char *p = points + 8; points && *p != '"'; p++) commas += *p == ',', dots += *p == '.';
    EXPECT_EQ(commas, 2);
    EXPECT_EQ(dots, 4);
    free(all.text);
    setlocale(LC_ALL, "C");
}

static void tuning_writes_json(void)
{
    const char *model = TEST_DIR "/golden/models/v7-n32-f32.pth";
    COMMA;
    write_file(in_folder("letters.txt"), "1 'a' 1\n2 'b' 1\n3 'c' 1\n");
    write_file(in_folder("text.txt"), "abcabcaabbccabcabcabcabcabcabcab");
    char out[200], vocab[200], data[200];
    snprintf(out, sizeof out, "%s/tuned", folder), snprintf(vocab, sizeof vocab, "%s/letters.txt", folder);
    snprintf(data, sizeof data, "%s/text.txt", folder);
    const char *list[] = {data, NULL};
    wkv_train_options o = {.init = model,
                           .method = "lora",
                           .samples = 1,
                           .sample_every = -1,
                           .valid_every = 1,
                           .data = list,
                           .valid = data,
                           .out = out,
                           .vocab = vocab,
                           .steps = 2,
                           .rank = 2,
                           .alpha = 0.5f,
                           .threads = 1};
    if (wkv_train(&o)) FAILED("%s", wkv_error());
    size_t bytes;
    char *log = read_file(in_folder("tuned/train.jsonl"), &bytes);
    int lines = 0;
    for (char *at = log; log && at < log + bytes; lines++) {
        size_t n = (size_t)((char *)memchr(at, '\n', (size_t)(log + bytes - at)) - at);
        json_t *line = json_loadb(at, n, JSON_REJECT_DUPLICATES, NULL);
        if (json_object_get(line, "valid_loss"))
            EXPECT(json_is_real(json_object_get(line, "valid_loss")));
        else
            EXPECT(json_is_real(json_object_get(line, "loss")) && json_is_real(json_object_get(line, "lr")) &&
                   json_is_real(json_object_get(line, "tokens_per_second")));
        json_decref(line);
        at += n + 1;
    }
    EXPECT_EQ(lines, 4);
    free(log);
    char *adapter = read_file(in_folder("tuned/lora.safetensors"), &bytes);
    EXPECT(adapter && memmem(adapter, bytes, "\"lora_alpha\":\"0.5\"", 18));
    free(adapter);

    /* the alpha in the file is the one that is given */
    float said[48], given[48];
    for (int i = 0; i < 2; i++) {
        wkv_model *m;
        wkv_context *c;
        wkv_state *s;
        wkv_model_options with = {.lora = in_folder("tuned/lora.safetensors"), .lora_alpha = i ? 0.5f : 0};
        if (wkv_model_open(&m, model, &with)) FAILED("%s", wkv_error());
        EXPECT_EQ(wkv_context_new(&c, m, &(wkv_context_options){.threads = 1}), 0);
        EXPECT_EQ(wkv_state_new(&s, m), 0);
        EXPECT(!wkv_eval(c, s, (int32_t[]){1, 2, 3}, 3, i ? given : said));
        wkv_state_free(s), wkv_context_free(c), wkv_model_close(m);
    }
    EXPECT(!memcmp(said, given, sizeof said));
    setlocale(LC_ALL, "C");
}

/* ---- options that are NaN or infinite ---------------------------------------------------------------------------- */

static void nonsense_is_refused(void)
{
    static const float values[] = {NAN, INFINITY, -INFINITY};
    const char *data[] = {in_folder("story.txt"), NULL};
    for (int i = 0; i < 3; i++) {
        float x = values[i];
        const wkv_train_options train_options[] = {{.lr_init = x},        {.lr_final = x}, {.beta1 = x},
                                                   {.beta2 = x},          {.eps = x},      {.weight_decay = x},
                                                   {.clip = x},           {.dropout = x},  {.valid_share = x},
                                                   {.epochs = (double)x}, {.alpha = x},    {.with.lora_alpha = x}};
        for (size_t k = 0; k < sizeof train_options / sizeof *train_options; k++) {
            wkv_train_options o = train_options[k];
            wkv_trainer *t;
            o.data = data, o.out = in_folder("nonsense"), o.vocab = "bytes";
            EXPECT_EQ(wkv_train(&o), WKV_EARG);
            EXPECT_HAS(wkv_error(), "expected a finite number");
            o.vocab_size = 256;
            EXPECT_EQ(wkv_trainer_new(&t, &o), WKV_EARG);
        }
        wkv_model *m;
        EXPECT_EQ(wkv_model_open(&m, NULL, &(wkv_model_options){.lora_alpha = x}), WKV_EARG);
        EXPECT(!m);
    }
    EXPECT(!entry_exists(in_folder("nonsense")));
}

int main(void)
{
    folder_begin("locale");
    RUN(numbers);
    RUN(runs_resume);
    RUN(pages_have_points);
    RUN(tuning_writes_json);
    RUN(nonsense_is_refused);
    folder_end();
    return DONE();
}
