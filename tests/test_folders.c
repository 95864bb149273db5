/* test_folders.c - Hugging Face folders made from official checkpoints: the same logits under every naming of RWKV-7,
 * and a config.json that does not agree with the weights. */
#include "models.h"
#include "base/error.h"
#include "folder.h"
#include "format/tensors.h"
#include "format/write.h"

/* ---- making a folder --------------------------------------------------------------------------------------------- */

typedef struct {
    const char *part, *instead;
} replacement;

typedef struct {
    const char *naming, *prefix; /* in front of all names but the head's */
    replacement names[16];       /* each of them where it occurs */
    int squeezed;                /* [1, 1, C] is [C], and the first layer has no v0, v1, v2 */
} layout;

static const layout layouts[] = {
    {"transformers", "rwkv7.", {{0}}, 0},
    {"rwkv-rs", "model.",
     {{"blocks.0.ln0.", "embedding_norm."}, {"blocks.", "layers."}, {"model.emb.", "model.embed_tokens."},
      {"ln_out.", "norm."}, {".ln1.", ".input_layernorm."}, {".ln2.", ".post_attention_layernorm."},
      {".att.receptance.", ".linear_attn.r_proj."}, {".att.key.", ".linear_attn.k_proj."},
      {".att.value.", ".linear_attn.v_proj."}, {".att.output.", ".linear_attn.o_proj."},
      {".att.ln_x.", ".linear_attn.g_norm."}, {".att.", ".linear_attn."}, {".ffn.", ".mlp."}, {"head.", "lm_head."}},
     1},
    {"hf", "rwkv7.",
     {{"rwkv7.emb.", "rwkv7.embeddings."}, {".ln0.", ".pre_ln."}, {".att.", ".attention."},
      {".ffn.", ".feed_forward."}},
     0},
};

static void replace(char *name, size_t room, const replacement *r)
{
    char *at = strstr(name, r->part), rest[128];
    if (!at) return;
    snprintf(rest, sizeof rest, "%s", at + strlen(r->part));
    snprintf(at, room - (size_t)(at - name), "%s%s", r->instead, rest);
}

static int read_values(const tensor_out *t, float *out)
{
    const file_tensor *f = t->from;
    return tensor_read(f, out, tensor_values(f));
}

enum { MOST = 512, NAME = 128 };

/* The tensors of `from` as the layout has them; returns how many. */
static int list_tensors(const tensors *from, const layout *l, tensor_out *out, char (*names)[NAME])
{
    const file_tensor *f;
    int n = 0;
    for (int i = 0; (f = tensors_at(from, i)); i++) {
        if (l->squeezed && !strncmp(f->name, "blocks.0.att.v", 14) && strlen(f->name) == 15) continue;
        CHECK(n < MOST);
        snprintf(names[n], NAME, "%s%s", strcmp(f->name, "head.weight") ? l->prefix : "", f->name);
        for (int k = 0; k < 16 && l->names[k].part; k++) replace(names[n], NAME, &l->names[k]);
        out[n] = (tensor_out){.name = names[n], .type = f->type, .dims = f->dims, .values = read_values, .from = f};
        for (int d = 0; d < f->dims; d++) out[n].shape[d] = tensor_axis(f, d);
        if (l->squeezed && f->dims == 3 && f->shape[0] == 1 && f->shape[1] == 1) {
            out[n].dims = 1;
            out[n].shape[0] = f->shape[2];
        }
        n++;
    }
    return n;
}

/* Two shards and their index. */
static int write_shards(const tensor_out *t, int n)
{
    FILE *f = fopen(in_folder("model.safetensors.index.json"), "w");
    fputs("{\"weight_map\":{", f);
    for (int i = 0; i < n; i++)
        fprintf(f, "%s\"%s\":\"model-0000%d-of-00002.safetensors\"", i ? "," : "", t[i].name, i < n / 2 ? 1 : 2);
    fputs("}}", f);
    fclose(f);
    int e = safetensors_write(in_folder("model-00001-of-00002.safetensors"), t, n / 2, NULL);
    return e ? e : safetensors_write(in_folder("model-00002-of-00002.safetensors"), t + n / 2, n - n / 2, NULL);
}

static void write_config(const char *key, int layers)
{
    char text[128];
    snprintf(text, sizeof text, "{\"model_type\": \"rwkv7\", \"hidden_act\": null, \"%s\": %d}", key, layers);
    write_file(in_folder("config.json"), text);
}

static int make(const char *checkpoint, const layout *l, int sharded, int layers)
{
    static char names[MOST][NAME];
    static tensor_out out[MOST];
    tensors *t;
    folder_begin("folders");
    if (tensors_open(&t, checkpoint)) {
        FAILED("%s", wkv_error());
        return 0;
    }
    int n = list_tensors(t, l, out, names);
    int e = sharded ? write_shards(out, n) : safetensors_write(in_folder("model.safetensors"), out, n, NULL);
    tensors_close(t);
    if (e) FAILED("%s", wkv_error());
    write_config("num_hidden_layers", layers);
    return !e;
}

/* ---- tests ------------------------------------------------------------------------------------------------------- */

/* The logits of FOLDER/NAME.pth from a folder in each layout, whole and in shards. */
static void check(const char *folder_of, const char *name, int layers)
{
    char checkpoint[512];
    snprintf(checkpoint, sizeof checkpoint, "%s/%s.pth", folder_of, name);
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
        for (int sharded = 0; sharded < 2; sharded++) {
            known k = {0};
            if (make(checkpoint, &layouts[i], sharded, layers) && known_open(&k, folder, folder_of, name)) {
                EXPECT_STR(wkv_model_about(k.m)->naming, layouts[i].naming);
                float *got = from_start(&k, k.c, k.n);
                NEAR_ALL(name, got, k.logits, (size_t)k.n * (size_t)k.vocab, TOLERANCE);
                free(got);
            }
            known_close(&k);
            folder_end();
        }
}

static void same_logits(void)
{
    for (int i = 0; i < GOLDENS; i++)
        if (*goldens[i].version == '7') check(TEST_DIR "/golden/models", goldens[i].name, goldens[i].layers);
}

static void same_logits_alive(void)
{
    wkv_model *m;
    if (!shared()) SKIP("same_logits_alive: no %s", SHARED_DIR);
    if (!opens(&m, SHARED_DIR "/alive/rwkv-7.pth")) return;
    int layers = wkv_model_about(m)->layers;
    wkv_model_close(m);
    check(SHARED_DIR "/alive", "rwkv-7", layers);
}

static void expect_refused(const char *path, const char *words)
{
    wkv_model *m;
    if (!wkv_model_open(&m, path, NULL)) {
        FAILED("%s was accepted", path);
        wkv_model_close(m);
        return;
    }
    EXPECT_HAS(wkv_error(), path);
    EXPECT_HAS(wkv_error(), words);
}

/* A folder with more or fewer layers in its config.json than in its weights. */
static void layers_of_the_config(void)
{
    wkv_model *m;
    for (int sharded = 0; sharded < 2; sharded++) {
        if (!make(TEST_DIR "/golden/models/v7-n32-f16.pth", &layouts[0], sharded, 2)) return;
        if (opens(&m, folder)) wkv_model_close(m);
        write_config("num_hidden_layers", 3);
        expect_refused(folder, "has 2 layers, expected the 3 of its metadata");
        expect_refused(in_folder(sharded ? "model.safetensors.index.json" : "model.safetensors"),
                       "expected the 3 of its metadata");
        write_config("n_layer", 1);
        expect_refused(folder, "has 2 layers, expected the 1 of its metadata");
        /* NaN as Python writes it */
        write_file(in_folder("config.json"), "{\"num_hidden_layers\": 2, \"rope_theta\": NaN}");
        if (opens(&m, folder)) wkv_model_close(m);
        write_file(in_folder("config.json"), "[1]");
        if (opens(&m, folder)) wkv_model_close(m);
        folder_end();
    }
}

/* The numbers of config.json are metadata of the view. */
static void numbers_of_the_config(void)
{
    tensors *t;
    if (tensors_open(&t, TEST_DIR "/golden/formats/v7-rwkv-rs")) {
        FAILED("%s", wkv_error());
        return;
    }
    EXPECT_NEAR(tensors_number(t, "config.context_length", 0), 10240, 0);
    EXPECT_NEAR(tensors_number(t, "config.num_hidden_layers", 0), 2, 0);
    EXPECT_NEAR(tensors_number(t, "config.architectures", -1), -1, 0); /* no number */
    tensors_close(t);
}

int main(void)
{
    RUN(same_logits);
    RUN(same_logits_alive);
    RUN(layers_of_the_config);
    RUN(numbers_of_the_config);
    return DONE();
}
