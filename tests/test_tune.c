/* test_tune.c - training beside frozen weights: gradients of adapters and states, through chunks,
 * masks, and a state that twenty examples change. */
#include <sys/stat.h>
#include <unistd.h>
#include "base/hash.h"
#include "format/write.h"
#include "tuning.h"
#include "masked.h"
#include "train/adapt.h"
#include "base/platform/entry.h"

/* ---- gradients --------------------------------------------------------------------------------------------------- */

static const param *find_param(const params *p, const char *name)
{
    for (int i = 0; i < p->count; i++)
        if (!strcmp(p->list[i].name, name)) return &p->list[i];
    return NULL;
}

/* From the gradient g of a weight W + scale b a: of a it is scale b' g, of b scale g a'. official: g is [out, in]. */
static double apart_from_weight(const wkv_trainer *t, const param *A, const param *B, const param *W)
{
    const tensor *a = A->t, *b = B->t, *w = W->t;
    const int in = a->cols, out = b->rows, rank = a->rows;
    real *da = calloc(A->n, sizeof *da), *db = calloc(B->n, sizeof *db);
    for (int o = 0; o < out; o++)
        for (int i = 0; i < in; i++) {
            double g = (double)w->grad[layout_is_input_major(w->layout) ? i * out + o : o * in + i] * (double)b->scale;
            for (int r = 0; r < rank; r++) {
                da[r * in + i] += (real)(g * (double)reals(b)[o * rank + r]);
                db[o * rank + r] += (real)(g * (double)reals(a)[r * in + i]);
            }
        }
    double worst = fmax(relative(t->p.grads + A->at, da, A->n), relative(t->p.grads + B->at, db, B->n));
    free(da);
    free(db);
    return worst;
}

/* Against the gradients of all weights of the merged model, which test_train.c compares with PyTorch's. */
static void check_adapters(const char *name)
{
    wkv_trainer *t = learns(name, "lora");
    if (!t || adapt_save(t, "lora.safetensors", TRAIN_LORA, F32)) return;
    double loss = gradient(t, three, SAMPLES);
    wkv_model *m;
    wkv_model_options with = {.lora = "lora.safetensors"};
    if (wkv_model_open(&m, wkv_model_about(t->base)->path, &with) ||
        wkv_convert(m, "merged.pth", &(wkv_convert_options){.type = "f32"}))
        FAILED("%s", wkv_error());
    wkv_model_close(m);
    wkv_train_options whole = plain;
    whole.init = "merged.pth";
    whole.method = "full";
    wkv_trainer *all = made(&whole);
    if (all) {
        EXPECT_NEAR(gradient(all, three, SAMPLES), loss, 1e-5);
        double worst = 0;
        int pairs = 0;
        for (int i = 0; i + 1 < t->p.count; i += 2) {
            char weight[128];
            snprintf(weight, sizeof weight, "%.*s.weight", (int)strlen(t->p.list[i].name) - 7, t->p.list[i].name);
            const param *w = find_param(&all->p, weight);
            if (!w) {
                weight[strlen(weight) - 7] = 0;
                w = find_param(&all->p, weight);
            }
            if (!w) FAILED("%s: no weight for %s", name, t->p.list[i].name);
            if (w) worst = fmax(worst, apart_from_weight(t, &t->p.list[i], &t->p.list[i + 1], w));
            pairs++;
        }
        EXPECT(pairs > 5);
        if (!(worst <= 2e-4)) FAILED("%s: gradient of an adapter is %.2e away", name, worst);
        printf("     %-14s %d adapters, worst %.1e\n", name, pairs, worst);
    }
    wkv_trainer_free(all);
    wkv_trainer_free(t);
}

static void adapters(void)
{
    check_adapters("v4-c32-f32");
    check_adapters("v5.2-n32-bf16");
    check_adapters("v6-n16-bf16");
    check_adapters("v7-n16-bf16");
}

/* The loss along a direction in the space of the initial states. */
static void check_states(const char *name)
{
    wkv_trainer *t = learns(name, "state");
    if (!t) return;
    gradient(t, three, SAMPLES);
    rng r = {.seed = 4};
    double along = 0, loss[2] = {0}, h = 3e-4;
    real *way = calloc(t->p.n, sizeof *way), *was = calloc(t->p.n, sizeof *was);
    memcpy(was, t->p.values, t->p.n * sizeof(real));
    for (int i = 0; i < t->p.count; i++)
        for (size_t k = t->p.list[i].at; k < t->p.list[i].at + t->p.list[i].n; k++) {
            way[k] = 0.1f * (real)rng_normal(&r) +
                     5 * t->p.grads[k]; /* mostly downhill: a random one alone would see little */
            along += (double)way[k] * (double)t->p.grads[k];
        }
    for (int s = 0; s < 2; s++) {
        EXPECT_EQ(params_to_host(&t->p), 0);
        for (size_t k = 0; k < t->p.n; k++) t->p.values[k] = was[k] + (real)(s ? -h : h) * way[k];
        params_host_changed(&t->p);
        if (trainer_gradient(t, three, SAMPLES, 0, &loss[s])) FAILED("%s", wkv_error());
    }
    double numeric = (loss[0] - loss[1]) / (2 * h);
    if (!(fabs(numeric - along) <= 5e-3 * fabs(along)))
        FAILED("%s: the loss changes by %g along a direction, expected %g", name, numeric, along);
    free(way);
    free(was);
    wkv_trainer_free(t);
}

static void states(void)
{
    check_states("v5.2-n32-bf16");
    check_states("v6-n16-bf16");
    check_states("v7-n16-bf16");
    wkv_trainer *t;
    EXPECT_EQ(wkv_trainer_new(&t, &(wkv_train_options){.init = MODELS "v4-c32-f32.pth", .method = "state"}),
              WKV_EUNSUPPORTED);
    EXPECT_HAS(wkv_error(), "RWKV-4 has no matrix in its state");
    EXPECT_EQ(wkv_trainer_new(&t, &(wkv_train_options){.init = MODELS "v7a-n16-bf16.pth", .method = "state"}),
              WKV_EUNSUPPORTED);
    EXPECT_HAS(wkv_error(), "v7a-n16-bf16.pth: RWKV-7a has DeepEmbed, which cannot be tuned");
}

/* ---- chunks ------------------------------------------------------------------------------------------------------ */

static void check_chunks(const char *name, const char *method)
{
    wkv_trainer *t = learns(name, method);
    if (!t) return;
    double loss = gradient(t, three, SAMPLES);
    real *whole = malloc(t->p.n * sizeof *whole);
    memcpy(whole, t->p.grads, t->p.n * sizeof *whole);
    static const int chunks[] = {1, 5, 16};
    for (int i = 0; i < 3; i++) {
        t->chunk = chunks[i];
        EXPECT_NEAR(gradient(t, three, SAMPLES), loss, 1e-6);
        double d = relative(t->p.grads, whole, t->p.n);
        if (!(d <= 1e-5)) FAILED("%s: in chunks of %d the gradient is %.2e away", name, chunks[i], d);
    }
    t->chunk = 5;
    t->truncate = 1;
    EXPECT_NEAR(gradient(t, three, SAMPLES), loss, 1e-6);
    EXPECT(relative(t->p.grads, whole, t->p.n) > 1e-3);
    t->truncate = t->chunk = 0;
    t->micro = 2;
    EXPECT_NEAR(gradient(t, three, SAMPLES), loss, 1e-6);
    EXPECT(relative(t->p.grads, whole, t->p.n) < 1e-5);
    free(whole);
    wkv_trainer_free(t);
}

static void passed_gradient_is_that_of_the_whole(void)
{
    check_chunks("v4-c32-f32", "lora");
    check_chunks("v4-c40-f16", "lora");
    check_chunks("v5.0-n16-bf16", "lora+state");
    check_chunks("v5.2-n32-bf16", "lora+state");
    check_chunks("v6-n16-bf16", "lora+state");
    check_chunks("v7-n16-bf16", "lora+state");
    check_chunks("v7-n16-bf16", "full");
}

/* ---- groups ------------------------------------------------------------------------------------------------------ */

enum { MANY = 12, MOST_ROWS = 700 };
static int32_t packed_ids[MOST_ROWS + 1];
static sample many[MANY];

static void make_lengths(const int *rows, int n)
{
    for (int i = 0; i <= MOST_ROWS; i++) packed_ids[i] = (i * 7 + i / 11) % 40;
    for (int i = 0; i < n; i++) many[i] = (sample){.ids = packed_ids + (i * 5) % 40, .n = rows[i] + 1};
}

static int groups_of(const wkv_trainer *t, const sample *s, int n)
{
    int groups = 0;
    for (int from = 0; from < n; groups++) from += trainer_group(t, s + from, n - from);
    return groups;
}

/* Short samples join until a group has 512 rows; those of equal length are as many as their number makes, and the
 * gradient is that of groups of one within rounding, in chunks too. */
static void short_samples_are_computed_together(void)
{
    static const int uneven[MANY] = {20, 600, 15, 30, 8, 25, 40, 100, 300, 90, 200, 3};
    static const struct {
        int rows, n, groups;
    } even[] = {{64, 12, 2}, {100, 12, 2}, {300, 6, 3}, {512, 3, 3}, {600, 3, 3}, {1, 12, 1}};
    wkv_trainer *t = learns("v7-n16-bf16", "lora+state");
    if (!t) return;
    for (size_t i = 0; i < sizeof even / sizeof *even; i++) {
        int rows[MANY];
        for (int k = 0; k < MANY; k++) rows[k] = even[i].rows;
        make_lengths(rows, even[i].n);
        EXPECT_EQ(groups_of(t, many, even[i].n), even[i].groups);
    }
    make_lengths(uneven, MANY);
    EXPECT_EQ(groups_of(t, many, MANY), 5); /* groups of 512 / 600 samples, which is one, would be 12 */
    EXPECT_EQ(trainer_rows(t, many, MANY), 600);
    real *apart = malloc(t->p.n * sizeof *apart);
    t->micro = 1;
    EXPECT_EQ(groups_of(t, many, MANY), MANY);
    double loss = gradient(t, many, MANY);
    memcpy(apart, t->p.grads, t->p.n * sizeof *apart);
    t->micro = 0;
    static const int chunks[] = {0, 16, 64};
    for (int i = 0; i < 3; i++) {
        t->chunk = chunks[i];
        EXPECT_NEAR(gradient(t, many, MANY), loss, 1e-6);
        double d = relative(t->p.grads, apart, t->p.n);
        printf("     chunks of %d, %d groups: %.1e from samples one by one\n", chunks[i], groups_of(t, many, MANY), d);
        EXPECT(d <= 1e-5);
    }
    free(apart);
    wkv_trainer_free(t);
}

/* Memory of a text of 100,000 tokens: that of a short one, and a state for each chunk. The gradient of the short
 * one, which fits as a whole, is that of the whole. */
static void long_text(void)
{
    enum { LONG = 100001, SHORT = 2001 };
    static int32_t text[LONG];
    static uint8_t all[LONG];
    memset(all, 1, sizeof all);
    for (int i = 0; i < LONG; i++) text[i] = (i * 7 + i / 11) % 40;
    wkv_trainer *t = learns("v7-n32-f32", "lora");
    if (!t) return;
    gradient(t, &(sample){.ids = text, .counts = all, .n = SHORT}, 1);
    real *whole = malloc(t->p.n * sizeof *whole);
    memcpy(whole, t->p.grads, t->p.n * sizeof *whole);
    t->chunk = 500;
    t->c.mem.peak = 0;
    gradient(t, &(sample){.ids = text, .counts = all, .n = SHORT}, 1);
    double d = relative(t->p.grads, whole, t->p.n);
    printf("     2,000 tokens in chunks: %.1e from the whole\n", d);
    EXPECT(d <= 1e-5);
    size_t peak = t->c.mem.peak;
    EXPECT(peak > 0);
    EXPECT(isfinite(gradient(t, &(sample){.ids = text, .counts = all, .n = LONG}, 1)));
    EXPECT_EQ(t->c.mem.peak, peak);
    free(whole);
    wkv_trainer_free(t);
}

static void threads_give_the_same_bits(void)
{
    wkv_trainer *t[2] = {learns("v7-n32-f16", "lora+state")};
    wkv_train_options o = plain;
    o.method = "lora+state";
    o.init = MODELS "v7-n32-f16.pth";
    o.threads = 1;
    t[1] = made(&o);
    if (t[1]) shake(t[1], 0.1);
    double loss;
    for (int i = 0; i < 2 && t[0] && t[1]; i++) {
        t[i]->opt = (adamw){.beta1 = 0.9f, .beta2 = 0.99f, .eps = 1e-8f, .clip = 1};
        t[i]->plan = (schedule){.lr_init = 0.01, .lr_final = 0.01, .step_tokens = 1, .total_tokens = 3};
        for (int k = 0; k < 3; k++)
            if (trainer_step(t[i], three, SAMPLES, &loss)) FAILED("%s", wkv_error());
    }
    if (t[0] && t[1]) EXPECT(!memcmp(t[0]->p.values, t[1]->p.values, t[0]->p.n * sizeof(real)));
    wkv_trainer_free(t[0]);
    wkv_trainer_free(t[1]);
}

/* The base may be quantized, in any layout of a file: the fast device agrees with the reference, except
 * for its rounding of activations. */
static void frozen_blocks(void)
{
    static const char *const types[] = {"q8_0", "q4_0"};
    wkv_model *m;
    if (!opens(&m, MODELS "v7-n32-f16.pth")) return;
    for (int i = 0; i < 2; i++) {
        if (wkv_convert(m, "base.gguf", &(wkv_convert_options){.type = types[i]})) FAILED("%s", wkv_error());
        wkv_train_options o = plain;
        o.init = "base.gguf";
        o.method = "lora+state";
        wkv_trainer *fast = made(&o);
        o.device = "reference";
        wkv_trainer *slow = made(&o);
        if (fast && slow) {
            shake(fast, 0.1);
            shake(slow, 0.1);
            EXPECT_NEAR(gradient(fast, three, SAMPLES), gradient(slow, three, SAMPLES), 0.02);
            double d = relative(fast->p.grads, slow->p.grads, slow->p.n);
            if (!(d < 0.05)) FAILED("%s: gradients are %.2e apart", types[i], d);
        }
        wkv_trainer_free(fast);
        wkv_trainer_free(slow);
    }
    wkv_model_close(m);
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

/* A saved and reopened adapter computes the same, and is trained further. */
static void saved_is_opened(void)
{
    wkv_trainer *t = learns("v7-n16-bf16", "lora+state"), *again;
    if (!t) return;
    double loss = gradient(t, three, SAMPLES);
    EXPECT_EQ(adapt_save(t, "lora.safetensors", TRAIN_LORA, F32), 0);
    EXPECT_EQ(adapt_save(t, "state.pth", TRAIN_STATE, F32), 0);
    wkv_train_options o = {.init = MODELS "v7-n16-bf16.pth",
                           .method = "lora+state",
                           .samples = 1,
                           .targets = "att.key",
                           .rank = 50,
                           .alpha = 1,
                           .with = {.lora = "lora.safetensors", .state = "state.pth"}};
    if ((again = made(&o))) {
        EXPECT_EQ(again->p.count, t->p.count); /* the adapters that are there, of the rank they have */
        EXPECT_EQ(again->p.n, t->p.n);
        EXPECT_NEAR(gradient(again, three, SAMPLES), loss, 1e-6);
        EXPECT(!memcmp(again->p.values, t->p.values, t->p.n * sizeof(real)));
    }
    wkv_trainer_free(again);
    wkv_trainer_free(t);
}

static void wrong_targets(void)
{
    wkv_trainer *t;
    wkv_train_options o = plain;
    o.init = MODELS "v7-n16-bf16.pth";
    o.method = "lora";
    o.targets = "att.key,att.gate";
    EXPECT_EQ(wkv_trainer_new(&t, &o), WKV_EARG);
    EXPECT_HAS(wkv_error(), "--targets: RWKV-7 has no weights called \"att.gate\" for it; expected att, ffn, low-rank, "
                            "att.w1, att.w2,");
    o.targets = "att.key,ffn";
    if ((t = made(&o))) EXPECT_EQ(t->p.count, 3 * 3 * 2); /* three layers, key and the two of ffn, two halves */
    wkv_trainer_free(t);
}

/* ---- masks ------------------------------------------------------------------------------------------------------- */

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    fputs(text, f);
    fclose(f);
}

static void masks(void)
{
    write_text("d.jsonl",
               "{\"text\": \"all of it\"}\n\n"
               "{\"messages\": [{\"role\": \"system\", \"content\": \"Be brief.\"}, {\"role\": \"user\", \"content\": "
               "\"Hi\"}, "
               "{\"role\": \"assistant\", \"content\": \"Hello.\"}, {\"role\": \"user\", \"content\": \"Bye\"}, "
               "{\"role\": \"assistant\", \"content\": \"Bye.\"}]}\n"
               "{\"instruction\": \"Add.\", \"input\": \"1 2\", \"output\": \"3\"}\n"
               "{\"prompt\": \"Who?\", \"response\": \"Me.\"}\n");
    wkv_tokenizer *t;
    document_form form = {0};
    if (wkv_tokenizer_open(&t, "bytes", NULL) || wkv_template_find(&form.chat, "g1", NULL, t)) {
        FAILED("%s", wkv_error());
        return;
    }
    static const char *const want[] = {
        "[all of it]", "System: Be brief.\n\nUser: Hi\n\nAssistant:[ Hello.\n\n]User: Bye\n\nAssistant:[ Bye.\n\n]",
        "User: Add.\n1 2\n\nAssistant:[ 3\n\n]", "User: Who?\n\nAssistant:[ Me.\n\n]"};
    samples s = {0};
    char text[256];
    EXPECT_EQ(samples_add(&s, "d.jsonl", t, &form, 0), 0);
    EXPECT_EQ(s.count, 4);
    for (int i = 0; i < s.count && i < 4; i++) {
        masked_text(text, &s, i);
        EXPECT_STR(text, want[i]);
    }
    samples_release(&s);

    EXPECT_EQ(samples_add(&s, "d.jsonl", t, &form, 20), 0); /* the last one's answer follows */
    EXPECT_EQ(s.count, 1);
    EXPECT_EQ(s.truncated, 3);
    EXPECT_EQ(s.left_out, 3);
    samples_release(&s);

    write_text("d.txt", "0123456789");
    EXPECT_EQ(samples_add(&s, "d.txt", t, &form, 4), 0);
    EXPECT_EQ(s.count, 3);
    masked_text(text, &s, 1);
    EXPECT_STR(text, "[45678]");
    samples_release(&s);

    write_text("d.jsonl", "{\"text\": \"a\"}\n{\"question\": \"a\"}\n");
    EXPECT_EQ(samples_add(&s, "d.jsonl", t, &form, 0), WKV_EFORMAT);
    EXPECT_HAS(wkv_error(), "d.jsonl: line 2: no \"text\"");
    wkv_tokenizer_close(t);
}

/* ---- a run ------------------------------------------------------------------------------------------------------- */

static const char *const questions[] = {
    "What is the moon?",   "Where is the cat?",  "How is the weather?", "Who is there?",       "What do you eat?",
    "Why is it dark?",     "Where do you live?", "What is a tree?",     "Who made the cake?",  "How old are you?",
    "What is that sound?", "Where is my hat?",   "Do you like dogs?",   "What is in the box?", "Is the sea deep?",
    "When is dinner?",     "What is your name?", "Who is the king?",    "Why do birds sing?",  "Can I come in?"};
static const char *const held_out[] = {"Where is the sun?", "What is a star?", "Do you know the way?"};

/* The most probable answer, up to a blank line. */
static void ask(char out[256], const wkv_model *m, const char *question)
{
    wkv_tokenizer *t;
    char text[256];
    int32_t prompt[128], id;
    wkv_context *c = context_new(m, 2, NULL);
    wkv_state *s = state_new(m);
    size_t at = 0;
    if (wkv_tokenizer_open(&t, NULL, m)) FAILED("%s", wkv_error());
    int n = wkv_encode(t, text, (size_t)snprintf(text, sizeof text, "User: %s\n\nAssistant:", question), prompt, 128);
    float *logits = malloc(sizeof *logits * (size_t)wkv_model_about(m)->vocab);
    wkv_eval(c, s, prompt, n, logits);
    for (int k = 0; k < 40; k++) {
        id = 0;
        for (int i = 1; i < wkv_model_about(m)->vocab; i++)
            if (logits[i] > logits[id]) id = i;
        size_t bytes;
        const char *word = wkv_token_bytes(t, id, &bytes);
        if (!bytes || memchr(word, '\n', bytes) || at + bytes > 250) break;
        memcpy(out + at, word, bytes);
        at += bytes;
        wkv_eval(c, s, &id, 1, logits);
    }
    out[at] = 0;
    free(logits);
    wkv_state_free(s);
    wkv_context_free(c);
    wkv_tokenizer_close(t);
}

static uint64_t checksum(const char *path, size_t *bytes)
{
    unsigned char *data = read_file(path, bytes);
    const uint64_t h = hash_bytes(HASH_START, data, data ? *bytes : 0);
    free(data);
    return h;
}

static int shown;
static int count_shown(void *user, const wkv_train_sample *s)
{
    (void)user;
    int counted = 0;
    for (int i = 0; i < s->n; i++) counted += s->counts[i] != 0;
    EXPECT(counted > 5 && counted < s->n - 5);
    shown++;
    return 0;
}

/* Twenty examples change the built-in model's answers to new questions; its file is unchanged. */
static void twenty_examples(void)
{
    SKIP_EMULATED();
    static const char *const answer = "Ahoy! I do not know, matey.";
    FILE *f = fopen("twenty.jsonl", "w");
    for (int i = 0; i < 20; i++) fprintf(f, "{\"prompt\": \"%s\", \"response\": \"%s\"}\n", questions[i], answer);
    fclose(f);
    wkv_model *m;
    if (wkv_model_open(&m, NULL, NULL) || wkv_convert(m, "base.safetensors", NULL)) FAILED("%s", wkv_error());
    char said[256];
    ask(said, m, held_out[0]);
    EXPECT(!strstr(said, "Ahoy"));
    wkv_tokenizer *vocab;
    if (wkv_tokenizer_open(&vocab, NULL, m)) FAILED("%s", wkv_error());
    size_t bytes, state_bytes;
    uint64_t before = checksum("base.safetensors", &bytes);
    const char *data[] = {"twenty.jsonl", NULL};
    wkv_train_options o = {.method = "state",
                           .samples = 1,
                           .sample_every = -1,
                           .data = data,
                           .out = "twenty",
                           .steps = 40,
                           .batch = 4,
                           .threads = 2,
                           .show = count_shown};
    remove("twenty/state.pth"); /* of an earlier test */
    remove("twenty/train.jsonl");
    remove("twenty/train.html");
    remove("twenty/checkpoint-00000040.safetensors");
    if (wkv_train(&o)) FAILED("%s", wkv_error());
    EXPECT_EQ(shown, 3);
    wkv_convert(m, "after.safetensors", NULL);
    EXPECT(checksum("after.safetensors", &bytes) == before);
    wkv_model_close(m);
    checksum("twenty/state.pth", &state_bytes);
    EXPECT(state_bytes > 0 && state_bytes < bytes / 20);
    if (wkv_model_open(&m, NULL, &(wkv_model_options){.state = "twenty/state.pth"})) FAILED("%s", wkv_error());
    for (int i = 0; i < 3 && m; i++) {
        ask(said, m, held_out[i]);
        if (!strstr(said, answer)) FAILED("\"%s\" is answered with \"%s\"", held_out[i], said);
    }
    wkv_model_close(m);
    wkv_tokenizer_close(vocab);
}

int main(void)
{
    folder_create("test_tune.files", 0777);
    if (chdir("test_tune.files")) return 1;
    make_samples();
    RUN(adapters);
    RUN(states);
    RUN(passed_gradient_is_that_of_the_whole);
    RUN(short_samples_are_computed_together);
    RUN(long_text);
    RUN(threads_give_the_same_bits);
    RUN(frozen_blocks);
    RUN(saved_is_opened);
    RUN(wrong_targets);
    RUN(masks);
    RUN(twenty_examples);
    return DONE();
}
