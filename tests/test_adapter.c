/* test_adapter.c - files given together with a model: adapters beside the weights compute the same as when
 * merged into them, in every naming; tuned states begin a text; files that do not fit are refused. */
#include <sys/stat.h>
#include <unistd.h>
#include "base/rng.h"
#include "format/write.h"
#include "models.h"
#include "rwkv/api.h"
#include "base/platform/entry.h"

#define MODELS TEST_DIR "/golden/models/"

enum { RANK = 4, MISS_RANK = 5, MOST = 400 };

/* The tensors of a file to write. */
typedef struct {
    tensor_out t[MOST];
    char names[MOST][64];
    int n;
    rng dice;
    const char *a, *b; /* suffixes of the halves of an adapter; NULL: MiSS, which has one */
    int turned;        /* the first half is [in, rank]                                    */
} parts;

/* rows x cols normal numbers, times `by` */
static float *add_part(parts *p, const char *prefix, const char *ending, int dims, const int64_t *shape, double by)
{
    int64_t n = 1;
    for (int i = 0; i < dims; i++) n *= shape[i];
    float *x = malloc(sizeof *x * (size_t)n);
    for (int64_t i = 0; i < n; i++) x[i] = (float)(by * rng_normal(&p->dice));
    snprintf(p->names[p->n], sizeof *p->names, "%s%s", prefix, ending);
    tensor_out t = {.name = p->names[p->n], .type = F32, .dims = dims, .data = x};
    memcpy(t.shape, shape, (size_t)dims * sizeof *shape);
    p->t[p->n++] = t;
    return x;
}

static void release(parts *p)
{
    for (int i = 0; i < p->n; i++) free((void *)p->t[i].data);
    p->n = 0;
}

/* an adapter for every matrix of the layers, and for their low-rank ones */
static int add_adapter(void *user, const char *name, tensor *t, const slot *s, int layer)
{
    parts *p = user;
    if (layer < 0 || !(s->flags & (SLOT_MATRIX | SLOT_LOW_RANK)) || s->flags & (SLOT_5 | SLOT_TABLE)) return 0;
    char prefix[64];
    snprintf(prefix, sizeof prefix, "%s", name);
    char *cut = strstr(prefix, ".weight");
    if (cut) *cut = 0;
    const int64_t in = weight_in(t), out = weight_out(t);
    if (!p->a) {
        add_part(p, prefix, p->b, 2, (int64_t[]){MISS_RANK, out}, 0.05);
        return 0;
    }
    float *a = add_part(p, prefix, p->a, 2, (int64_t[]){RANK, in}, 0.3);
    if (p->turned) {
        float *x = malloc(sizeof *x * RANK * (size_t)in);
        for (int i = 0; i < in; i++)
            for (int r = 0; r < RANK; r++) x[i * RANK + r] = a[r * in + i];
        free(a);
        p->t[p->n - 1].data = x;
        p->t[p->n - 1].shape[0] = in;
        p->t[p->n - 1].shape[1] = RANK;
    }
    add_part(p, prefix, p->b, 2, (int64_t[]){out, RANK}, 0.1);
    return 0;
}

static void write_adapter(const char *model, const char *path, const char *a, const char *b, int turned, int pth)
{
    static parts p;
    p = (parts){.dice = {.seed = 5}, .a = a, .b = b, .turned = turned};
    wkv_model *m;
    if (!opens(&m, model)) return;
    rwkv_each(&m->rwkv, add_adapter, &p);
    const char *meta[] = {"lora_alpha", "8", NULL};
    if (pth ? pth_write(path, p.t, p.n) : safetensors_write(path, p.t, p.n, meta)) FAILED("%s", wkv_error());
    release(&p);
    wkv_model_close(m);
}

static int opens_with(wkv_model **m, const char *path, wkv_model_options o)
{
    if (!wkv_model_open(m, path, &o)) return 1;
    FAILED("%s: %s", path, wkv_error());
    return 0;
}

enum { TOKENS = 20 };
static const int32_t text[TOKENS] = {3, 17, 0, 19, 22, 8, 8, 1, 20, 12, 5, 0, 9, 13, 2, 17, 14, 14, 6, 18};

static float *read_text(const wkv_model *m, int chunk)
{
    wkv_context *c = context_new(m, 2, NULL);
    wkv_state *s = state_new(m);
    float *out = all_logits(c, s, text, TOKENS, wkv_model_about(m)->vocab, chunk);
    wkv_state_free(s);
    wkv_context_free(c);
    return out;
}

static size_t floats(const wkv_model *m) { return TOKENS * (size_t)wkv_model_about(m)->vocab; }

static void check_merged(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, MODELS "%s.pth", name);
    write_adapter(path, "a.safetensors", ".lora_A", ".lora_B", 0, 0);
    write_adapter(path, "a.pth", ".lora_A", ".lora_B", 0, 1);
    write_adapter(path, "web.safetensors", ".lora.0", ".lora.1", 1, 0);
    wkv_model *base, *beside, *other, *merged;
    if (!opens(&base, path) || !opens_with(&beside, path, (wkv_model_options){.lora = "a.safetensors"})) return;
    float *b = read_text(base, TOKENS), *x = read_text(beside, TOKENS);
    if (apart(b, x, floats(base)) < 0.1) FAILED("%s: the adapter does nothing", name);

    float *y = read_text(beside, 3);
    if (!same_bits(x, y, floats(base))) FAILED("%s: in chunks of 3 other bits", name);
    free(y);
    static const wkv_model_options same[] = {{.lora = "a.pth", .lora_alpha = 8}, {.lora = "web.safetensors"}};
    for (int i = 0; i < 2; i++) {
        if (!opens_with(&other, path, same[i])) continue;
        y = read_text(other, TOKENS);
        NEAR_ALL(same[i].lora, y, x, floats(base), i ? 1e-5 : 0); /* transposed, sums have another order */
        free(y);
        wkv_model_close(other);
    }
    static const char *const files[] = {"m.pth", "m.safetensors"};
    for (int i = 0; i < 2; i++) {
        if (wkv_convert(beside, files[i], &(wkv_convert_options){.type = "f32"})) FAILED("%s", wkv_error());
        if (!opens(&merged, files[i])) continue;
        y = read_text(merged, TOKENS);
        NEAR_ALL(name, y, x, floats(base), TOLERANCE);
        free(y);
        wkv_model_close(merged);
    }
    free(b);
    free(x);
    wkv_model_close(base);
    wkv_model_close(beside);
}

/* MiSS adds the same [rank, out] to all shards of inputs: from the sums of shards as into every weight, with the last
 * shard cut where 5 does not divide the inputs. No alpha is asked for. */
static void check_miss(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, MODELS "%s.pth", name);
    write_adapter(path, "miss.pth", NULL, ".disha", 0, 1);
    wkv_model *base, *beside, *merged;
    if (!opens(&base, path) || !opens_with(&beside, path, (wkv_model_options){.lora = "miss.pth"})) return;
    if (wkv_convert(beside, "m.pth", &(wkv_convert_options){.type = "f32"})) FAILED("%s", wkv_error());
    if (!opens(&merged, "m.pth")) return;
    size_t n = floats(base);
    float *b = read_text(base, TOKENS), *x = read_text(beside, TOKENS), *y = read_text(merged, TOKENS);
    double most = 0;
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs((double)x[i]));
    double d = apart(x, y, n) / most;
    printf("     %-14s MiSS changes logits by %.2f; merged %.1e from unmerged\n", name, apart(b, x, n), d);
    EXPECT(apart(b, x, n) > 0.1);
    if (!(d <= 1e-5)) FAILED("%s: merged logits are %.2e away from unmerged", name, d);
    free(b);
    free(x);
    free(y);
    wkv_model_close(base);
    wkv_model_close(beside);
    wkv_model_close(merged);
}

static void merged_is_unmerged(void)
{
    static const char *const names[] = {"v4-c32-f32",  "v4-c40-f16",  "v5.0-n16-bf16", "v5.1-n16-f16", "v5.2-n32-bf16",
                                        "v6-n16-bf16", "v7-n16-bf16", "v7-n32-f16",    "v7a-n16-bf16"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        check_merged(names[i]);
        check_miss(names[i]);
    }
}

/* The file has [head][value][key], the state [head][key][value]; a converted model begins with it too. */
static void tuned_state(void)
{
    static parts p;
    p = (parts){.dice = {.seed = 9}};
    enum { L = 3, H = 2, N = 16, C = H * N };
    for (int l = 0; l < L; l++) {
        char name[64];
        snprintf(name, sizeof name, "blocks.%d.att.time_state", l);
        add_part(&p, name, "", 3, (int64_t[]){H, N, N}, 0.5);
    }
    EXPECT_EQ(pth_write("s.pth", p.t, p.n), 0);
    wkv_model *m, *merged;
    if (!opens_with(&m, MODELS "v7-n16-bf16.pth", (wkv_model_options){.state = "s.pth"})) return;
    wkv_state *s = state_new(m);
    const float *now = wkv_state_data(s);
    int differ = 0;
    for (int l = 0; l < L; l++, now += 2 * C + C * N) {
        const float *file = p.t[l].data;
        for (int h = 0; h < H; h++)
            for (int k = 0; k < N; k++)
                for (int v = 0; v < N; v++) differ += now[C + (h * N + k) * N + v] != file[(h * N + v) * N + k];
        for (int i = 0; i < C; i++) differ += now[i] != 0 || now[C + C * N + i] != 0;
    }
    EXPECT_EQ(differ, 0);
    /* Ai00's converter swaps the last two axes */
    for (int l = 0; l < L; l++) {
        float *x = (float *)p.t[l].data;
        for (int h = 0; h < H; h++)
            for (int i = 0; i < N; i++)
                for (int j = 0; j < i; j++) {
                    float *a = &x[(h * N + i) * N + j], *b = &x[(h * N + j) * N + i], was = *a;
                    *a = *b;
                    *b = was;
                }
    }
    EXPECT_EQ(safetensors_write("s.state", p.t, p.n, NULL), 0);
    if (opens_with(&merged, MODELS "v7-n16-bf16.pth", (wkv_model_options){.state = "s.state"})) {
        wkv_state *other = state_new(merged);
        EXPECT(same_bits(wkv_state_data(other), wkv_state_data(s), state_floats(m)));
        wkv_state_free(other);
        wkv_model_close(merged);
    }
    wkv_state_free(s);
    EXPECT_EQ(wkv_convert(m, "m.pth", NULL), 0);
    if (opens(&merged, "m.pth")) {
        float *x = read_text(m, TOKENS), *y = read_text(merged, TOKENS);
        NEAR_ALL("merged", y, x, floats(m), TOLERANCE); /* stored in another type or order */
        free(x);
        free(y);
        wkv_model_close(merged);
    }
    wkv_model_close(m);
    release(&p);
}

/* Official adapters may contain whole tensors too, which replace the model's. */
static void whole_tensors(void)
{
    static parts p;
    p = (parts){.dice = {.seed = 2}};
    add_part(&p, "blocks.1.ln1", ".weight", 1, (int64_t[]){48}, 1);
    add_part(&p, "blocks.0.att.time_decay_w1", "", 2, (int64_t[]){48, 7}, 1);
    EXPECT_EQ(pth_write("w.pth", p.t, p.n), 0);
    release(&p);
    wkv_model *base, *m, *merged;
    if (!opens(&base, MODELS "v6-n16-bf16.pth")) return;
    if (!opens_with(&m, MODELS "v6-n16-bf16.pth", (wkv_model_options){.lora = "w.pth"})) return;
    EXPECT_EQ(wkv_convert(m, "m.safetensors", &(wkv_convert_options){.type = "f32"}), 0);
    float *b = read_text(base, TOKENS), *x = read_text(m, TOKENS);
    EXPECT(apart(b, x, floats(m)) > 0.01);
    if (opens(&merged, "m.safetensors")) {
        float *y = read_text(merged, TOKENS);
        NEAR_ALL("merged", y, x, floats(m), TOLERANCE); /* stored in another type or order */
        free(y);
        wkv_model_close(merged);
    }
    free(b);
    free(x);
    wkv_model_close(base);
    wkv_model_close(m);
}

static void refused_by(const char *model, const char *words, wkv_model_options o)
{
    wkv_model *m;
    if (!wkv_model_open(&m, model, &o)) {
        FAILED("not refused: %s", words);
        wkv_model_close(m);
        return;
    }
    EXPECT_HAS(wkv_error(), words);
    EXPECT(!m);
}

static void refused(const char *words, wkv_model_options o) { refused_by(MODELS "v7-n16-bf16.pth", words, o); }

static void write_one(const char *path, const char *name, int64_t rows, int64_t cols)
{
    static parts p;
    p = (parts){.dice = {.seed = 2}};
    add_part(&p, name, "", 2, (int64_t[]){rows, cols}, 1);
    EXPECT_EQ(pth_write(path, p.t, p.n), 0);
    release(&p);
}

static void misfits(void)
{
    write_adapter(MODELS "v7-n16-bf16.pth", "a.pth", ".lora_A", ".lora_B", 0, 1);
    refused("alpha", (wkv_model_options){.lora = "a.pth"});
    write_adapter(MODELS "v7-n32-f16.pth", "a.pth", ".lora_A", ".lora_B", 0, 1);
    refused("is 4 x 64 and 11 x 4, expected rank x 32 and 3 x rank",
            (wkv_model_options){.lora = "a.pth", .lora_alpha = 8});
    write_one("a.pth", "blocks.0.att.key.lora_A", 4, 32);
    refused("is incomplete: lora_A without lora_B", (wkv_model_options){.lora = "a.pth", .lora_alpha = 8});
    write_one("a.pth", "blocks.0.att.key.bone", 4, 32);
    refused("tensor blocks.0.att.key.bone, [4, 32], does not fit",
            (wkv_model_options){.lora = "a.pth", .lora_alpha = 8});
    write_one("a.pth", "blocks.0.att.key.disha", 4, 33);
    refused("blocks.0.att.key.disha is [4, 33], expected the MiSS adapter of blocks.0.att.key.weight, rank x 32",
            (wkv_model_options){.lora = "a.pth"});
    static parts p; /* RWKV-PEFT's mode "bat"; and two adapters of one weight */
    p = (parts){.dice = {.seed = 2}};
    add_part(&p, "blocks.0.att.key", ".disha", 3, (int64_t[]){8, 4, 4}, 1);
    EXPECT_EQ(pth_write("a.pth", p.t, p.n), 0);
    release(&p);
    refused("blocks.0.att.key.disha is [8, 4, 4], expected the MiSS adapter", (wkv_model_options){.lora = "a.pth"});
    add_part(&p, "blocks.0.att.key", ".disha", 2, (int64_t[]){4, 32}, 1);
    add_part(&p, "blocks.0.att.key", ".lora_A", 2, (int64_t[]){4, 32}, 1);
    add_part(&p, "blocks.0.att.key", ".lora_B", 2, (int64_t[]){32, 4}, 1);
    EXPECT_EQ(pth_write("a.pth", p.t, p.n), 0);
    release(&p);
    refused("a.pth: blocks.0.att.key.weight has both a LoRA and a MiSS adapter",
            (wkv_model_options){.lora = "a.pth", .lora_alpha = 8});
    write_one("a.pth", "blocks.3.att.time_state", 32, 16);
    refused("tensor blocks.3.att.time_state", (wkv_model_options){.state = "a.pth"});
    write_one("a.pth", "blocks.0.att.time_state", 32, 32);
    refused("a.pth: blocks.0.att.time_state is [32, 32], expected 2 x 16 x 16", (wkv_model_options){.state = "a.pth"});
    refused("no-such-file.pth", (wkv_model_options){.state = "no-such-file.pth"});
}

/* A table is read by row and never multiplied, so an adapter of it would have no effect. */
static void table(void)
{
    static parts p;
    p = (parts){.dice = {.seed = 2}};
    add_part(&p, "blocks.1.ffn.s_emb", ".lora_A", 2, (int64_t[]){RANK, 1024}, 1);
    add_part(&p, "blocks.1.ffn.s_emb", ".lora_B", 2, (int64_t[]){24, RANK}, 1);
    EXPECT_EQ(pth_write("a.pth", p.t, p.n), 0);
    release(&p);
    refused_by(MODELS "v7a-n16-bf16.pth", "a.pth: an adapter of blocks.1.ffn.s_emb.weight is not supported",
               (wkv_model_options){.lora = "a.pth", .lora_alpha = 8});
}

/* A file of which nothing, or not all, would be read is refused, where the model alone would have run without a
 * word. */
static void nothing_read(void)
{
    EXPECT_EQ(pth_write("empty.pth", NULL, 0), 0);
    refused("empty.pth: has no adapter", (wkv_model_options){.lora = "empty.pth", .lora_alpha = 8});
    refused("empty.pth: has no tuned state", (wkv_model_options){.state = "empty.pth"});
    refused("is a model, expected an adapter", (wkv_model_options){.lora = MODELS "v7-n16-bf16.pth", .lora_alpha = 8});
    refused("has no tuned state", (wkv_model_options){.state = MODELS "v7-n16-bf16.pth"});
    write_one("one.pth", "blocks.0.att.time_state", 32, 16);
    refused("one.pth: blocks.1.att.time_state is missing; a tuned state has one for each of 3 layers",
            (wkv_model_options){.state = "one.pth"});
    write_one("last.pth", "blocks.2.att.time_state", 32, 16);
    refused("last.pth: blocks.0.att.time_state is missing", (wkv_model_options){.state = "last.pth"});
    write_adapter(MODELS "v7-n16-bf16.pth", "a.pth", ".lora_A", ".lora_B", 0, 1);
    refused("alpha", (wkv_model_options){.lora = "a.pth", .lora_alpha = INFINITY});
    refused("alpha", (wkv_model_options){.lora = "a.pth", .lora_alpha = NAN});
}

int main(void)
{
    folder_create("test_adapter.files", 0777);
    if (chdir("test_adapter.files")) return 1;
    RUN(merged_is_unmerged);
    RUN(tuned_state);
    RUN(whole_tensors);
    RUN(misfits);
    RUN(table);
    RUN(nothing_read);
    return DONE();
}
