/* test_convert.c - what is written is what was read: names, shapes and values of official files, and the logits of models. That
 * other programs open these files is seen by tools/check-convert.py. */
#include "format/tensors.h"
#include "models.h"

#define MODELS TEST_DIR "/golden/models"
#define SAMPLES TEST_DIR "/golden/formats/"

/* Write the model at `from` to `to`. */
static int converted(const char *from, const char *to, const char *type)
{
    wkv_model *m;
    if (!opens(&m, from)) return 0;
    int e = wkv_convert(m, to, &(wkv_convert_options){.type = type});
    if (e) FAILED("%s to %s: %s", from, to, wkv_error());
    wkv_model_close(m);
    return !e;
}

/* ---- tensors ------------------------------------------------------------------------------------------------------------ */

static float *read_all(const file_tensor *f)
{
    float *x = malloc(sizeof *x * (size_t)(tensor_values(f) + 1));
    tensor_read(f, x);
    return x;
}

static int same_shape(const file_tensor *a, const file_tensor *b)
{
    int same = a->dims == b->dims;
    for (int i = 0; same && i < a->dims; i++) same = tensor_axis(a, i) == tensor_axis(b, i);
    return same;
}

/* The file at `path` has the tensors of the one at `official`, of the same values, and of the same shapes where shapes; but for
 * those of v7's first layer that no program uses. */
static void expect_tensors(const char *path, const char *official, int shapes, double tolerance)
{
    tensors *t, *want;
    int unused = 0;
    if (tensors_open(&t, path) || tensors_open(&want, official)) {
        FAILED("%s", wkv_error());
        return;
    }
    for (int i = 0; i < tensors_count(want); i++) {
        const file_tensor *a = tensors_at(want, i), *b = tensors_find(t, a->name);
        if (!strncmp(a->name, "blocks.0.att.v", 14) && strlen(a->name) == 15) {
            unused++;
            continue;
        }
        if (!b || tensor_values(a) != tensor_values(b) || (shapes && !same_shape(a, b))) {
            FAILED("%s: %s is not there or has another shape", path, a->name);
            continue;
        }
        float *x = read_all(a), *y = read_all(b);
        double d = apart(y, x, (size_t)tensor_values(a));
        if (!(d <= tolerance)) FAILED("%s: %s is %g away", path, a->name, d);
        free(x);
        free(y);
    }
    EXPECT_EQ(tensors_count(t), tensors_count(want) - unused);
    tensors_close(t);
    tensors_close(want);
}

/* Official files, kept as they are. */
static void official(void)
{
    static const char *const ends[] = {"pth", "safetensors"};
    for (int i = 0; i < GOLDENS; i++)
        for (int j = 0; j < 2; j++) {
            const char *from = path_of(MODELS, goldens[i].name, ".pth"), *to = path_of(".", "convert.", ends[j]);
            if (converted(from, to, NULL)) expect_tensors(to, from, 1, 0);
            remove(to);
        }
}

/* Every naming and container becomes the official file again. */
static void from_others(void)
{
    static const struct {
        const char *version, *file;
        double tolerance; /* where the file holds functions of the official values */
    } others[] = {
        {"4", "hf.safetensors", 0},
        {"4", "legacy.pth", 0},
        {"4", "llamacpp.gguf", 0},
        {"4", "rwkvcpp.bin", 1e-5},
        {"4", "web.st", 0},
        {"52", "hf.safetensors", 0},
        {"52", "llamacpp.gguf", 0},
        {"52", "rwkvcpp.bin", 1e-5},
        {"52", "web.st", 0},
        {"6", "hf.safetensors", 0},
        {"6", "llamacpp.gguf", 0},
        {"6", "rwkvcpp.bin", 0},
        {"6", "web.st", 0},
        {"7", "fla", 0},
        {"7", "fla-fused.safetensors", 0},
        {"7", "lightning.pth", 0},
        {"7", "llamacpp.gguf", 0},
        {"7", "official.safetensors", 0},
        {"7", "rwkvcpp.bin", 0},
        {"7", "web.st", 0},
        {"50", "rwkvcpp.bin", 1e-5},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char from[512], want[512];
        snprintf(from, sizeof from, SAMPLES "v%s-%s", others[i].version, others[i].file);
        snprintf(want, sizeof want, SAMPLES "v%s-official.pth", others[i].version);
        if (converted(from, "convert.pth", NULL)) expect_tensors("convert.pth", want, 1, others[i].tolerance);
    }
    remove("convert.pth");
}

/* ---- logits -------------------------------------------------------------------------------------------------------------- */

static double logits_apart(const known *k, const char *path)
{
    known other = {.tokens = k->tokens, .n = k->n, .vocab = k->vocab};
    if (!opens(&other.m, path)) return INFINITY;
    wkv_context *c = context_new(other.m, 2, NULL);
    float *x = from_start(k, k->c, k->n), *y = from_start(&other, c, k->n);
    double d = apart(x, y, (size_t)k->n * (size_t)k->vocab);
    free(x);
    free(y);
    wkv_context_free(c);
    wkv_model_close(other.m);
    return d;
}

/* How far the logits may go: none where the numbers are the same, a sum in another order, or rounding. */
static void logits(void)
{
    static const struct {
        const char *end, *type;
        double lossless, rounded;
    } ways[] = {
        {"pth", NULL, 0, 0},
        {"safetensors", NULL, 0, 0},
        {"pth", "f32", 1e-5, 1e-5},
        {"safetensors", "f16", 0, 2e-2},
        {"safetensors", "bf16", 0, 0.2},
        {"st", NULL, 1e-5, 2e-2},
    };
    double worst[sizeof ways / sizeof *ways] = {0};
    for (int i = 0; i < GOLDENS; i++) {
        known k;
        const golden *g = &goldens[i];
        if (!golden_open(&k, g->name)) continue;
        /* these two hold matrices by column, which are summed in another order than rows */
        int by_column = !strcmp(g->name, "v6-n16-bf16") || !strcmp(g->name, "v7-n16-bf16");
        for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
            const char *to = path_of(".", "convert.", ways[w].end), *type = ways[w].type;
            if (!strcmp(ways[w].end, "st")) {
                if (!strcmp(g->version, "5.0")) continue;
                type = "f16";
            }
            if (!converted(wkv_model_about(k.m)->path, to, ways[w].type)) continue;
            double d = logits_apart(&k, to);
            int same = !type || !strcmp(type, "f32") || !strcmp(type, g->type);
            if (d > worst[w]) worst[w] = d;
            double most = !same ? ways[w].rounded : by_column && !ways[w].lossless ? 1e-5 : ways[w].lossless;
            if (!(d <= most)) FAILED("%s to %s %s: logits are %g away", g->name, ways[w].end, type ? type : "", d);
            remove(to);
        }
        known_close(&k);
    }
    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++)
        printf("     %s %s: logits at most %.2g away\n", ways[w].end, ways[w].type ? ways[w].type : "kept", worst[w]);
}

/* ---- what cannot be ------------------------------------------------------------------------------------------------------ */

static void refuses(const char *from, const char *to, const char *type, int code, const char *words)
{
    wkv_model *m;
    if (!opens(&m, from)) return;
    EXPECT_EQ(wkv_convert(m, to, &(wkv_convert_options){.type = type}), code);
    EXPECT_HAS(wkv_error(), words);
    EXPECT(access(to, F_OK) != 0);
    wkv_model_close(m);
}

static void refusals(void)
{
    const char *v7 = MODELS "/v7-n32-f32.pth";
    refuses(v7, "convert.xyz", NULL, WKV_EARG, "convert.xyz: its ending says nothing");
    refuses(v7, "convert", NULL, WKV_EARG, "its ending says nothing");
    refuses(v7, ".pth", NULL, WKV_EARG, "its ending says nothing");
    refuses(v7, "convert.pth", "q8_0", WKV_EARG, "cannot hold q8_0; f32, f16 and bf16 can be");
    refuses(v7, "convert.pth", "f64", WKV_EARG, "cannot hold f64");
    refuses(v7, "convert.pth", "no", WKV_EARG, "cannot hold no");
    refuses(v7, "convert.st", "bf16", WKV_EARG, "cannot hold bf16; f16 can be");
    refuses(MODELS "/v5.0-n16-bf16.pth", "convert.st", NULL, WKV_EUNSUPPORTED, "version 5.0");
    refuses(v7, "no/such/folder/x.pth", NULL, WKV_EIO, "no/such/folder");
}

static int stop(void *user, double done, double total)
{
    (void)user;
    return done > total / 2;
}

/* One that is stopped leaves what was there. */
static void stopped(void)
{
    wkv_model *m;
    if (!converted(MODELS "/v4-c32-f32.pth", "convert.pth", NULL) || !opens(&m, MODELS "/v7-n32-f32.pth")) return;
    EXPECT_EQ(wkv_convert(m, "convert.pth", &(wkv_convert_options){.report = stop}), WKV_ESTOPPED);
    wkv_model_close(m);
    if (!opens(&m, "convert.pth")) return;
    EXPECT_STR(wkv_model_about(m)->version, "4");
    wkv_model_close(m);
    remove("convert.pth");
}

/* A model may be written over itself: it is mapped until it is closed. */
static void over_itself(void)
{
    if (!converted(MODELS "/v7-n32-f16.pth", "convert.safetensors", NULL)) return;
    if (converted("convert.safetensors", "convert.safetensors", "f32"))
        expect_tensors("convert.safetensors", MODELS "/v7-n32-f16.pth", 1, 0);
    remove("convert.safetensors");
}

int main(void)
{
    RUN(official);
    RUN(from_others);
    RUN(logits);
    RUN(refusals);
    RUN(stopped);
    RUN(over_itself);
    return DONE();
}
