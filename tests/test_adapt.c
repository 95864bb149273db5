/* test_adapt.c - the kinds of parameters that are trained beside frozen weights: their gradients, their first values,
 * their files, and runs that are stopped and resumed. */
#include <sys/stat.h>
#include <unistd.h>
#include "base/file.h"
#include "same.h"
#include "tuning.h"
#include "format/tensors.h"
#include "train/adapt.h"
#include "train/choose.h"
#include "base/platform/entry.h"

/* ---- gradients --------------------------------------------------------------------------------------------------- */

/* A direction of length 1, at random but mostly that of the gradient. */
static real *direction(const wkv_trainer *t)
{
    rng r = {.seed = 4};
    double square = 0;
    real *way = calloc(t->p.n, sizeof *way);
    for (size_t k = 0; k < t->p.n; k++) square += (double)t->p.grads[k] * (double)t->p.grads[k];
    for (int i = 0; i < t->p.count; i++)
        for (size_t k = t->p.list[i].at; k < t->p.list[i].at + t->p.list[i].n; k++)
            way[k] = (real)(t->p.grads[k] / sqrt(square) + 0.3 * rng_normal(&r) / sqrt((double)t->p.n));
    return way;
}

/* The loss along a direction changes as the gradient says. With dropout: the same values are dropped in one step. */
static void check_gradient(wkv_trainer *t, const char *name)
{
    gradient(t, three, SAMPLES);
    double along = 0, loss[2], h = 2e-3;
    real *way = direction(t), *was = calloc(t->p.n, sizeof *was);
    memcpy(was, t->p.values, t->p.n * sizeof(real));
    for (size_t k = 0; k < t->p.n; k++) along += (double)way[k] * (double)t->p.grads[k];
    for (int s = 0; s < 2; s++) {
        for (size_t k = 0; k < t->p.n; k++) t->p.values[k] = was[k] + (real)(s ? -h : h) * way[k];
        loss[s] = gradient(t, three, SAMPLES);
    }
    memcpy(t->p.values, was, t->p.n * sizeof(real));
    double numeric = (loss[0] - loss[1]) / (2 * h);
    if (!(fabs(numeric - along) <= 5e-3 * fabs(along)))
        FAILED("%s: the loss changes by %g along a direction, expected %g", name, numeric, along);
    free(way);
    free(was);
}

/* ---- merging ----------------------------------------------------------------------------------------------------- */

enum { TOKENS = 20 };

static float *logits_of(const char *path, const char *lora, size_t *n)
{
    int32_t text[TOKENS];
    for (int i = 0; i < TOKENS; i++) text[i] = (i * 7 + i / 3) % 40;
    wkv_model *m;
    if (wkv_model_open(&m, path, &(wkv_model_options){.lora = lora})) {
        FAILED("%s", wkv_error());
        return NULL;
    }
    wkv_context *c = context_new(m, 2, NULL);
    wkv_state *s = state_new(m);
    *n = TOKENS * (size_t)wkv_model_about(m)->vocab;
    float *out = all_logits(c, s, text, TOKENS, wkv_model_about(m)->vocab, TOKENS);
    if (lora && wkv_convert(m, "merged.pth", &(wkv_convert_options){.type = "f32"})) FAILED("%s", wkv_error());
    wkv_state_free(s);
    wkv_context_free(c);
    wkv_model_close(m);
    return out;
}

static double largest(const float *x, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs((double)x[i]));
    return most;
}

/* The file of trained parameters: the same logits beside the model and merged into it, and the trainer's loss. */
static void check_merged(wkv_trainer *t, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, MODELS "%s.pth", name);
    double loss = gradient(t, three, SAMPLES);
    if (adapt_save(t, "lora.safetensors", TRAIN_LORA, F32)) FAILED("%s", wkv_error());
    size_t n = 0;
    float *base = logits_of(path, NULL, &n), *beside = logits_of(path, "lora.safetensors", &n);
    float *merged = logits_of("merged.pth", NULL, &n);
    if (base && beside && merged) {
        double d = apart(merged, beside, n) / largest(beside, n);
        printf("     %-14s merged %.1e from unmerged, which is %.1e from the model\n", name, d,
               apart(base, beside, n) / largest(base, n));
        if (!(d <= 1e-5)) FAILED("%s: merged logits are %.2e away from unmerged", name, d);
        EXPECT(apart(base, beside, n) > 0.05);
    }
    wkv_trainer *whole = made(&(wkv_train_options){.init = "merged.pth", .method = "lora", .samples = 1, .threads = 2});
    if (whole) EXPECT_NEAR(gradient(whole, three, SAMPLES), loss, 2e-5);
    wkv_trainer_free(whole);
    free(base);
    free(beside);
    free(merged);
}

/* ---- runs -------------------------------------------------------------------------------------------------------- */

static int stop_after_2(void *user, const wkv_train_report *r)
{
    (void)user;
    return r->step == 2;
}

static void forget_run(const char *folder)
{
    static const char *const files[] = {"lora.safetensors",
                                        "lora.pth",
                                        "state.pth",
                                        "final.safetensors",
                                        "final.vocab.txt",
                                        "best.vocab.txt",
                                        "train.jsonl",
                                        "train.html",
                                        "checkpoint-00000002.safetensors",
                                        "checkpoint-00000004.safetensors"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) remove(path_of(folder, "", files[i]));
}

/* Four steps with these options into `whole`, and into `cut` with a stop after two, of other threads behind it. */
static void check_resumed(wkv_train_options o, const char *file)
{
    FILE *f = fopen("d.jsonl", "w");
    for (int i = 0; i < 12; i++)
        fprintf(f, "{\"prompt\": \"the %d\", \"response\": \"%s\"}\n", i, i % 2 ? "end" : "cat and hat");
    fclose(f);
    const char *data[] = {"d.jsonl", NULL};
    forget_run("whole");
    forget_run("cut");
    o.samples = 1;
    o.data = data;
    o.steps = 4;
    o.batch = 4;
    o.micro_batch = 3;
    o.lr_init = 1e-2f;
    o.warmup = -1;
    o.vocab = TEST_DIR "/cli/small.vocab.txt";
    o.sample_every = -1;
    o.threads = 1;
    o.out = "whole";
    if (wkv_train(&o)) FAILED("%s", wkv_error());
    o.out = "cut";
    o.report = stop_after_2;
    EXPECT_EQ(wkv_train(&o), WKV_ESTOPPED);
    wkv_train_options on = {.out = "cut", .resume = 1, .threads = 2, .checkpointing = 1};
    if (wkv_train(&on)) FAILED("%s", wkv_error());
    EXPECT(same_files(path_of("cut", file, ""), path_of("whole", file, "")));
    if (!strcmp(file, "lora.safetensors")) EXPECT(same_files("cut/lora.pth", "whole/lora.pth"));
}

/* ---- dropout ----------------------------------------------------------------------------------------------------- */

static void dropout_of_adapters(void)
{
    enum { STEPS = 100 };
    static const char *const names[] = {"v4-c32-f32", "v5.2-n32-bf16", "v6-n16-bf16", "v7-n16-bf16"};
    for (int i = 0; i < 4; i++) {
        wkv_trainer *t = learns(names[i], "lora");
        if (!t) continue;
        double plain_loss = gradient(t, three, SAMPLES);
        t->lora_dropout = 0.25f;
        EXPECT(fabs(gradient(t, three, SAMPLES) - plain_loss) > 1e-4);
        check_gradient(t, names[i]);
        t->chunk = 5;
        check_gradient(t, names[i]);
        t->chunk = 0;
        /* the same values are dropped for every division of the step */
        double loss = gradient(t, three, SAMPLES);
        real *all = malloc(t->p.n * sizeof *all);
        memcpy(all, t->p.grads, t->p.n * sizeof *all);
        t->checkpointing = -t->checkpointing;
        EXPECT_NEAR(gradient(t, three, SAMPLES), loss, 0);
        EXPECT(!memcmp(all, t->p.grads, t->p.n * sizeof *all));
        /* the mean over many steps of small adapters equals the result without dropout */
        for (size_t k = 0; k < t->p.n; k++) t->p.values[k] *= (real)0.1;
        double mean = 0, square = 0;
        t->lora_dropout = 0;
        plain_loss = gradient(t, three, SAMPLES);
        t->lora_dropout = 0.25f;
        for (t->step = 1; t->step <= STEPS; t->step++) {
            double d = gradient(t, three, SAMPLES) - plain_loss;
            mean += d / STEPS;
            square += d * d / STEPS;
        }
        double error = sqrt((square - mean * mean) / STEPS);
        printf("     %-14s mean loss %+.1e from that without dropout, standard error %.1e\n", names[i], mean, error);
        EXPECT(error > 0 && fabs(mean) < 4 * error);
        free(all);
        wkv_trainer_free(t);
    }
}

static const wkv_train_options small = {.init = MODELS "v7-n32-f16.pth", .method = "lora", .rank = 3};

static void dropout_is_resumed(void)
{
    wkv_train_options o = small;
    check_resumed(o, "lora.safetensors");
    rename("whole/lora.safetensors", "undropped.safetensors");
    o.lora_dropout = 0.3f;
    check_resumed(o, "lora.safetensors");
    EXPECT(!same_files("whole/lora.safetensors", "undropped.safetensors"));
    o.out = "whole";
    o.resume = 1;
    o.lora_dropout = 0.2f;
    EXPECT_EQ(wkv_train(&o), WKV_EARG);
    EXPECT_HAS(wkv_error(), "--lora-dropout is 0.3 in the resumed run, and 0.2 now");
}

/* ---- PiSSA ------------------------------------------------------------------------------------------------------- */

static const char *const versions_of_adapters[] = {"v4-c32-f32", "v5.2-n32-bf16", "v6-n16-bf16", "v7-n16-bf16"};

static void pissa(void)
{
    for (int i = 0; i < 4; i++) {
        const char *name = versions_of_adapters[i];
        wkv_train_options o = plain;
        char path[256];
        snprintf(path, sizeof path, MODELS "%s.pth", name);
        o.init = path;
        o.method = "pissa";
        o.targets = "att,ffn";
        o.alpha = i % 2 ? 6 : 0;
        wkv_trainer *t = made(&o);
        if (!t) continue;
        o.method = "lora"; /* begins as the model */
        wkv_trainer *lora = made(&o);
        if (lora) EXPECT_NEAR(gradient(t, three, SAMPLES), gradient(lora, three, SAMPLES), 1e-6);
        EXPECT(t->p.count > 0 && t->adapters[0].next && !t->adapters[0].next->a.requires_grad);
        EXPECT_NEAR(t->adapters[0].b.scale, i % 2 ? 2 : 1, 0);
        shake(t, 0.05);
        check_gradient(t, name);
        check_merged(t, name);
        wkv_trainer_free(lora);
        wkv_trainer_free(t);
    }
}

/* Weights of few bits stay in their file; products with them round activations. */
static void pissa_of_blocks(void)
{
    wkv_model *m;
    if (!opens(&m, MODELS "v7-n32-f16.pth")) return;
    if (wkv_convert(m, "base.gguf", &(wkv_convert_options){.type = "q4_0"})) FAILED("%s", wkv_error());
    wkv_model_close(m);
    wkv_train_options o = plain;
    o.init = "base.gguf";
    o.targets = NULL;
    wkv_trainer *lora = made(&o);
    o.method = "pissa";
    wkv_trainer *t = made(&o);
    if (lora && t) EXPECT_NEAR(gradient(t, three, SAMPLES), gradient(lora, three, SAMPLES), 0.01);
    wkv_trainer_free(lora);
    wkv_trainer_free(t);
}

static void pissa_is_resumed(void)
{
    wkv_train_options o = small;
    o.method = "pissa";
    check_resumed(o, "lora.safetensors");
}

/* ---- MiSS -------------------------------------------------------------------------------------------------------- */

static void miss(void)
{
    for (int i = 0; i < 4; i++) {
        const char *name = versions_of_adapters[i];
        wkv_train_options o = plain;
        char path[256];
        snprintf(path, sizeof path, MODELS "%s.pth", name);
        o.init = path;
        o.method = "miss";
        o.rank = 5;
        o.alpha = 0;
        if (name[1] < '6') o.targets = NULL;
        wkv_trainer *t = made(&o);
        o.method = "lora";
        wkv_trainer *lora = made(&o);
        if (!t || !lora) continue;
        EXPECT_EQ(t->p.count, lora->p.count / 2);
        EXPECT_NEAR(gradient(t, three, SAMPLES), gradient(lora, three, SAMPLES), 1e-6);
        shake(t, 0.03);
        t->lora_dropout = 0.2f;
        check_gradient(t, name);
        t->lora_dropout = 0;
        check_gradient(t, name);
        check_merged(t, name);
        /* and is trained further from its file, for every method of new ones */
        o.with.lora = "lora.safetensors";
        wkv_trainer *again = made(&o);
        if (again) {
            EXPECT_EQ(again->p.n, t->p.n);
            EXPECT(!memcmp(again->p.values, t->p.values, t->p.n * sizeof(real)));
        }
        wkv_trainer_free(again);
        wkv_trainer_free(lora);
        wkv_trainer_free(t);
    }
}

static void miss_is_resumed(void)
{
    wkv_train_options o = small;
    o.method = "miss";
    o.lora_dropout = 0.1f;
    check_resumed(o, "lora.safetensors");
}

/* ---- whole parameters and frozen ones ---------------------------------------------------------------------------- */

static const param *find_param(const params *p, const char *name)
{
    for (int i = 0; i < p->count; i++)
        if (!strcmp(p->list[i].name, name)) return &p->list[i];
    return NULL;
}

static wkv_trainer *trains_whole(const char *name, const char *method, const char *train)
{
    wkv_train_options o = plain;
    static char path[256];
    snprintf(path, sizeof path, MODELS "%s.pth", name);
    o.init = path;
    o.method = method;
    o.targets = "att.key,att.output";
    o.train = train;
    return made(&o);
}

typedef struct {
    const wkv_trainer *all; /* that trains all weights */
    const char *model;
    int compared;
    double worst;
} comparison;

/* A parameter alone beside frozen weights has the gradient that it has among all. */
static int compare_gradient(void *user, const char *name, tensor *unused, const slot *s, int layer)
{
    comparison *k = user;
    char word[64];
    (void)unused;
    if (layer >= 0 && layer != k->all->m->L - 1) return 0;
    const char *from = strncmp(s->name, "blocks.0.", 9) ? s->name : s->name + 9;
    snprintf(word, sizeof word, "%.*s", name_stem(from), from);
    wkv_trainer *t = trains_whole(k->model, "lora", word);
    if (!t) return 1;
    double loss = gradient(t, three, SAMPLES);
    EXPECT(isfinite(loss));
    const param *q = find_param(&t->p, name), *want = find_param(&k->all->p, name);
    if (!q || !want) {
        FAILED("%s: --train %s does not train %s", k->model, word, name);
    } else {
        double d = relative(t->p.grads + q->at, k->all->p.grads + want->at, q->n);
        k->worst = fmax(k->worst, d);
        if (!(d <= 2e-4)) FAILED("%s: the gradient of %s is %.2e away", k->model, name, d);
        k->compared++;
    }
    wkv_trainer_free(t);
    return 0;
}

static void whole_parameters_have_their_gradient(void)
{
    for (int i = 0; i < 4; i++) {
        wkv_trainer *all = trains_whole(versions_of_adapters[i], "full", NULL);
        if (!all) continue;
        gradient(all, three, SAMPLES);
        comparison k = {.all = all, .model = versions_of_adapters[i]};
        rwkv_each(all->m, compare_gradient, &k);
        printf("     %-14s %d parameters one by one, worst %.1e\n", k.model, k.compared, k.worst);
        wkv_trainer_free(all);
    }
}

/* Some steps; then the file of the merged model differs from that of the model in the named tensors alone. */
static void check_named(const char *name, const char *words)
{
    wkv_trainer *t = trains_whole(name, "lora", words);
    if (!t) return;
    double loss;
    for (int i = 0; i < 3; i++)
        if (trainer_step(t, three, SAMPLES, &loss)) FAILED("%s", wkv_error());
    char path[256];
    snprintf(path, sizeof path, MODELS "%s.pth", name);
    wkv_model *m;
    if (opens(&m, path) && wkv_convert(m, "base.pth", &(wkv_convert_options){.type = "f32"})) FAILED("%s", wkv_error());
    wkv_model_close(m);
    shake(t, 0.05);
    check_merged(t, name);
    tensors *base, *merged;
    if (tensors_open(&base, "base.pth") || tensors_open(&merged, "merged.pth")) {
        FAILED("%s", wkv_error());
        return;
    }
    int same = 0, other = 0;
    for (int i = 0; i < tensors_count(base); i++) {
        const file_tensor *a = tensors_at(base, i), *b = tensors_find(merged, a->name);
        int stays = !memcmp(a->data, b->data, (size_t)tensor_values(a) * sizeof(float));
        int trained = find_param(&t->p, a->name) || strstr(a->name, "att.key.w") || strstr(a->name, "att.output.w");
        if (stays == trained) FAILED("%s: %s %s", name, a->name, stays ? "stays" : "changes");
        same += stays, other += !stays;
    }
    EXPECT(same > 0 && other > 0);
    tensors_close(base);
    tensors_close(merged);
    wkv_trainer_free(t);
}

static void named_parameters_change_alone(void)
{
    check_named("v4-c32-f32", "norm,time");
    check_named("v5.0-n16-bf16", "time,emb");
    check_named("v5.1-n16-f16", "time");
    check_named("v5.2-n32-bf16", "norm,time,head");
    check_named("v6-n16-bf16", "low-rank,ln0,att.time_faaaa");
    check_named("v7-n16-bf16", "norm,time,low-rank,emb,head");
    check_named("v7-n16-bf16", "ffn");
    check_named("v7-n32-f16", "ln1,att.w0");
}

static void parameters_of_words(void)
{
    enum { L = 3, NORMS = 6 * L + 4, MIXES = 7, OTHERS = 5 }; /* w0, a0, k_k, k_a, r_k; v0 is not in layer 0 */
    static const struct {
        const char *words;
        int count;
    } all[] = {{"norm", NORMS},       {"time", (MIXES + OTHERS + 1) * L - 1},
               {"ln1", 2 * L},        {"ln0,ln_out", 4},
               {"att.w0,emb", L + 1}, {"att", 2 * L},
               {"ffn", 2 * L}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        wkv_trainer *t = trains_whole("v7-n16-bf16", "state", all[i].words);
        int whole = 0;
        for (int k = 0; t && k < t->p.count; k++) whole += t->p.list[k].slot != NULL;
        if (i == 5) whole -= 2 * L; /* receptance, key, value, output */
        EXPECT_EQ(whole, all[i].count);
        wkv_trainer_free(t);
    }
}

static void named_parameters_are_resumed(void)
{
    wkv_train_options o = small;
    o.train = "norm,time,emb";
    check_resumed(o, "lora.safetensors");
    o.method = "state";
    check_resumed(o, "lora.safetensors");
    o.out = "whole";
    o.resume = 1;
    o.train = "norm";
    EXPECT_EQ(wkv_train(&o), WKV_EARG);
    EXPECT_HAS(wkv_error(), "--train is norm,time,emb in the resumed run, and norm now");
}

/* Trained further from a file that has an adapter of its own rank and alpha, and whole tensors: all of it is in the new
 * file, and new adapters beside it. */
static void a_file_is_trained_further(void)
{
    wkv_trainer *t = trains_whole("v7-n16-bf16", "lora", "norm,att.w0"), *again;
    if (!t) return;
    shake(t, 0.05);
    if (adapt_save(t, "first.safetensors", TRAIN_LORA, F32)) FAILED("%s", wkv_error());
    wkv_train_options o = plain;
    o.init = MODELS "v7-n16-bf16.pth";
    o.method = "lora";
    o.targets = "att.key,att.value";
    o.rank = 2;
    o.alpha = 50;
    o.with.lora = "first.safetensors";
    if ((again = made(&o))) {
        EXPECT_EQ(again->p.count, t->p.count + 2 * again->m->L);
        EXPECT_NEAR(gradient(again, three, SAMPLES), gradient(t, three, SAMPLES), 1e-6);
        shake(again, 0.05);
        check_merged(again, "v7-n16-bf16");
    }
    wkv_trainer_free(again);
    wkv_trainer_free(t);
}

static void only_the_channel_mix_of_a_layer(void)
{
    const char *path = MODELS "v7-n16-bf16.pth";
    wkv_trainer *before = made(&(wkv_train_options){.method = "full", .samples = 1, .init = path});
    wkv_trainer *t = made(&(wkv_train_options){
        .method = "full", .samples = 1, .init = path, .lr_init = 1e-3f, .weight_decay = 0.1f, .train = "blocks.1.ffn"});
    double loss;
    int changed = 0;
    if (before && t && (trainer_step(t, three, SAMPLES, &loss) || params_to_host(&t->p))) FAILED("%s", wkv_error());
    for (int k = 0; before && t && k < t->p.count; k++) {
        const param *q = &t->p.list[k];
        const int is_ffn = !strcmp(q->name, "blocks.1.ffn.key.weight") || !strcmp(q->name, "blocks.1.ffn.value.weight");
        const int changes = memcmp(t->p.values + q->at, before->p.values + q->at, q->n * sizeof(real)) != 0;
        if (changes != is_ffn || q->frozen == is_ffn) FAILED("%s %s", q->name, changes ? "changes" : "stays");
        changed += changes;
    }
    EXPECT_EQ(changed, 2);
    wkv_trainer_free(before);
    wkv_trainer_free(t);
}

/* Frozen ones keep their bits in spite of weight decay, and are excluded from the norm; the others have the gradient
 * that they have without. */
static void frozen_parameters_stay(void)
{
    static const char *const words[] = {"att,norm", "ffn,low-rank,time", "emb,ln0", "head,att.value", "time"};
    for (int i = 0; i < 20; i++) {
        wkv_train_options o = {.method = "full", .samples = 1, .weight_decay = 0.1f, .threads = 2, .lr_init = 1e-3f};
        char path[256];
        snprintf(path, sizeof path, MODELS "%s.pth", versions_of_adapters[i / 5]);
        o.init = path;
        wkv_trainer *all = made(&o);
        o.freeze = words[i % 5];
        if (i / 5 < 2 && i % 5 == 1) o.freeze = "ffn,time"; /* they have no small matrices */
        wkv_trainer *t = made(&o);
        if (!all || !t) continue;
        gradient(all, three, SAMPLES);
        double square = 0, loss;
        for (int k = 0; k < t->p.count; k++)
            for (size_t at = t->p.list[k].at; at < t->p.list[k].at + t->p.list[k].n && !t->p.list[k].frozen; at++)
                square += (double)all->p.grads[at] * (double)all->p.grads[at];
        if (trainer_step(t, three, SAMPLES, &loss) || params_to_host(&t->p)) FAILED("%s", wkv_error());
        if (!(fabs(t->norm - sqrt(square)) <= 1e-5 * t->norm))
            FAILED("%s without %s: norm %g, expected %g", path, o.freeze, t->norm, sqrt(square));
        int frozen = 0;
        for (int k = 0; k < t->p.count; k++) {
            const param *q = &t->p.list[k];
            int stays = !memcmp(t->p.values + q->at, all->p.values + q->at, q->n * sizeof(real));
            frozen += q->frozen;
            if (stays != q->frozen && !(q->layer == 0 && stays)) /* some of layer 0 have no gradient */
                FAILED("%s: %s %s", path, q->name, stays ? "stays" : "changes");
        }
        EXPECT(frozen > 0 && frozen < t->p.count);
        wkv_trainer_free(all);
        wkv_trainer_free(t);
    }
    wkv_train_options o = small;
    o.method = "full";
    o.freeze = "att,emb";
    o.rank = 0;
    check_resumed(o, "final.safetensors");
}

/* ---- misuse ------------------------------------------------------------------------------------------------------ */

static void refused(wkv_train_options o, const char *words)
{
    wkv_trainer *t;
    EXPECT_EQ(wkv_trainer_new(&t, &o), WKV_EARG);
    EXPECT_HAS(wkv_error(), words);
}

#define REFUSED(words, ...)                                                                                            \
    do {                                                                                                               \
        wkv_train_options o_ = {.init = MODELS "v7-n16-bf16.pth", __VA_ARGS__};                                        \
        refused(o_, words);                                                                                            \
    } while (0)

static void misuse(void)
{
    REFUSED("--lora-dropout is 1; expected [0, 1)", .method = "lora", .lora_dropout = 1);
    REFUSED("--lora-dropout needs adapters, and --method state has none", .method = "state", .lora_dropout = 0.1f);
    REFUSED("--alpha 4: MiSS adapters have no alpha", .method = "miss", .alpha = 4);
    REFUSED("--train: RWKV-7 has no weights called \"att.gate\" for it; expected att, ffn, low-rank, norm, time, emb,",
            .method = "lora", .train = "norm,att.gate");
    REFUSED("att.r_k, att.receptance", .method = "lora", .train = "x");
    REFUSED("--freeze: RWKV-7 has no weights called \"ln3\"", .method = "full", .freeze = "ln3");
    REFUSED("--freeze att,ffn,low-rank,norm,time,emb,head: no parameter is left to train", .method = "full",
            .freeze = "att,ffn,low-rank,norm,time,emb,head");
    REFUSED("--freeze norm: no parameter is left to train", .method = "full", .train = "blocks.0.norm",
            .freeze = "norm");
    REFUSED("--train: RWKV-7 has no weights called \"blocks.9.ffn\"", .method = "full", .train = "blocks.9.ffn");
    REFUSED("--freeze: RWKV-7 has no weights called \"blocks.1.\"", .method = "full", .freeze = "blocks.1.");
    REFUSED("--freeze norm is for --method full; lora freezes all parameters", .method = "lora", .freeze = "norm");
    REFUSED("--train norm: the output would lose the contents of --lora lora.safetensors", .method = "state",
            .train = "norm", .with = {.lora = "lora.safetensors"});
    REFUSED("--targets att: no weight is left for an adapter", .method = "lora", .targets = "att", .train = "att");
    REFUSED("--method pizza: expected one of full, lora, pissa,", .method = "pizza");
    REFUSED("--rank 33: blocks.0.att.receptance.weight is 32 x 32; PiSSA needs a rank of at most", .method = "pissa",
            .rank = 33);
    wkv_trainer *t = learns("v7-n16-bf16", "lora");
    if (t && adapt_save(t, "lora.safetensors", TRAIN_LORA, F32)) FAILED("%s", wkv_error());
    wkv_trainer_free(t);
    REFUSED("has an adapter already, but --method pissa starts from singular vectors", .method = "pissa",
            .with = {.lora = "lora.safetensors"});
}

int main(void)
{
    folder_create("test_adapt.files", 0777);
    if (chdir("test_adapt.files")) return 1;
    make_samples();
    RUN(dropout_of_adapters);
    RUN(dropout_is_resumed);
    RUN(pissa);
    RUN(pissa_of_blocks);
    RUN(pissa_is_resumed);
    RUN(miss);
    RUN(miss_is_resumed);
    RUN(whole_parameters_have_their_gradient);
    RUN(named_parameters_change_alone);
    RUN(parameters_of_words);
    RUN(a_file_is_trained_further);
    RUN(named_parameters_are_resumed);
    RUN(frozen_parameters_stay);
    RUN(only_the_channel_mix_of_a_layer);
    RUN(misuse);
    return DONE();
}
