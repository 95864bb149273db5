/* seeds.c - reads the committed sound files and makes of them those that are not committed: conversions, adapters,
 * states, tokens. */
#include "seeds.h"
#include "format/write.h"
#include "train/adapt.h"
#include "use.h"
#include "wkv_state.h"
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define GOLDEN TEST_DIR "/golden/"

typedef struct {
    use_kind use;
    const char *extension;
    int (*scan)(sound *s);
    int weight; /* of 100 mutants */
} seed_kind;

static const seed_kind kinds[] = {
    {USE_MODEL, ".pth", scan_pth, 23},
    {USE_MODEL, ".safetensors", scan_safetensors, 10},
    {USE_MODEL, ".st", scan_safetensors, 3},
    {USE_MODEL, ".gguf", scan_gguf, 20},
    {USE_MODEL, ".bin", scan_rwkvcpp, 6},
    {USE_ADAPTER, ".pth", scan_pth, 8},
    {USE_ADAPTER, ".safetensors", scan_safetensors, 6},
    {USE_STATE, ".pth", scan_pth, 3},
    {USE_STATE, ".safetensors", scan_safetensors, 2},
    {USE_STATE_FILE, ".safetensors", scan_state, 4},
    {USE_VOCABULARY, ".txt", scan_words, 4},
    {USE_VOCABULARY, ".json", scan_json, 4},
    {USE_INDEX, "model.safetensors.index.json", scan_json, 2},
    {USE_TOKENS, ".idx", scan_binidx, 2},
    {USE_LINES, ".jsonl", scan_json, 2},
    {USE_RUN, "checkpoint-00000003.safetensors", scan_safetensors, 1},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static const seed_kind *find_kind(use_kind use, const char *path)
{
    size_t n = strlen(path);
    for (int i = 0; i < KINDS; i++) {
        size_t m = strlen(kinds[i].extension);
        if (kinds[i].use == use && n > m && !strcmp(path + n - m, kinds[i].extension)) return &kinds[i];
    }
    return NULL;
}

static int complain(const char *path, const char *why)
{
    fprintf(stderr, "mutants: %s: %s\n", path, why);
    return 1;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static int add_bytes(seeds *all, use_kind use, const char *path, const void *data, size_t size, const char *base)
{
    const seed_kind *k = find_kind(use, path);
    const char *slash = strrchr(path, '/');
    if (!k) return complain(path, "no kind of file that is mutated");
    all->list = realloc(all->list, (size_t)(all->n + 1) * sizeof *all->list);
    sound *s = &all->list[all->n++];
    *s = (sound){.extension = k->extension, .use = (int)use};
    snprintf(s->name, sizeof s->name, "%s", slash ? slash + 1 : path);
    snprintf(s->base, sizeof s->base, "%s", base ? base : "");
    buffer_splice(&s->file, 0, 0, data, size);
    return k->scan(s) ? 0 : complain(path, "is not of its format");
}

static int add_file(seeds *all, use_kind use, const char *path, const char *base)
{
    enum { MOST = 400000 };
    static char bytes[MOST];
    FILE *f = fopen(path, "rb");
    if (!f) return complain(path, "cannot be read");
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    return n < MOST ? add_bytes(all, use, path, bytes, n, base) : complain(path, "is too large for a seed");
}

static int add_glob(seeds *all, use_kind use, const char *pattern, const char *base)
{
    glob_t g;
    int e = 0;
    if (glob(pattern, 0, NULL, &g)) return complain(pattern, "no such file");
    for (size_t i = 0; i < g.gl_pathc && !e; i++) e = add_file(all, use, g.gl_pathv[i], base);
    globfree(&g);
    return e;
}

/* ---- making ------------------------------------------------------------------------------------------------------ */

static int add_converted(seeds *all, const char *folder, const char *from, const char *name,
                         const wkv_convert_options *o)
{
    wkv_model *m;
    char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (wkv_model_open(&m, from, &(wkv_model_options){.as_stored = 1})) return complain(from, wkv_error());
    int e = wkv_convert(m, path, o);
    wkv_model_close(m);
    return e ? complain(path, wkv_error()) : add_file(all, USE_MODEL, path, NULL);
}

/* A state after three tokens, with all that a state file may have. */
static int add_state(seeds *all, const char *folder, const char *model)
{
    static const int32_t ids[3] = {1, 2, 3};
    char path[200];
    wkv_model *m = NULL;
    wkv_context *c = NULL;
    wkv_state *s = NULL;
    wkv_state_info about = {.ids = ids, .n_ids = 3, .read = 2, .text = "It \xc3\xa9", .template_name = "g1", .seed = 7};
    snprintf(path, sizeof path, "%s/state.safetensors", folder);
    int e = wkv_model_open(&m, model, NULL);
    if (!e) e = wkv_context_new(&c, m, &(wkv_context_options){.threads = 1});
    if (!e) e = wkv_state_new(&s, m);
    if (!e) e = wkv_eval(c, s, ids, 2, NULL);
    if (!e) e = wkv_identify(&about.identity, c);
    if (!e) e = wkv_state_file_write(path, &about, s, wkv_state_data(s));
    wkv_state_free(s);
    wkv_context_free(c);
    wkv_model_close(m);
    return e ? complain(path, wkv_error()) : add_file(all, USE_STATE_FILE, path, model);
}

static int add_tuned(seeds *all, const char *folder, const char *model, const char *method)
{
    const int state = !strcmp(method, "state"), miss = !strcmp(method, "miss");
    const wkv_train_options o = {.init = model,
                                 .method = method,
                                 .rank = 2,
                                 .alpha = miss ? 0 : 4,
                                 .train = miss ? "norm" : NULL,
                                 .targets = "att,ffn",
                                 .threads = 1};
    wkv_trainer *t;
    if (wkv_trainer_new(&t, &o)) return complain(model, wkv_error());
    int e = 0;
    for (int i = 0; i < 2 && !e; i++) {
        char path[200];
        snprintf(path, sizeof path, "%s/%s%s", folder, method, i ? ".safetensors" : ".pth");
        e = adapt_save(t, path, state ? TRAIN_STATE : TRAIN_LORA, i ? F32 : BF16)
                ? complain(path, wkv_error())
                : add_file(all, state ? USE_STATE : USE_ADAPTER, path, model);
    }
    wkv_trainer_free(t);
    return e;
}

/* An adapter with web-rwkv's names: lora.0 [in, rank], lora.1 [out, rank]. */
static int add_web_adapter(seeds *all, const char *folder, const char *model, int width)
{
    float values[256];
    char path[200];
    for (int i = 0; i < 256; i++) values[i] = (float)(i % 7) * 0.01f;
    tensor_out t[2] = {
        {.name = "blocks.0.att.key.lora.0", .type = F32, .dims = 2, .shape = {width, 2}, .data = values},
        {.name = "blocks.0.att.key.lora.1", .type = F32, .dims = 2, .shape = {width, 2}, .data = values}};
    const char *const meta[] = {"lora_alpha", "4", NULL};
    snprintf(path, sizeof path, "%s/web.safetensors", folder);
    return safetensors_write(path, t, 2, meta) ? complain(path, wkv_error()) : add_file(all, USE_ADAPTER, path, model);
}

/* An RWKV-4 with matrices in blocks of 256, which nothing here writes: any bytes are blocks. */
static int add_large_blocks(seeds *all, const char *folder)
{
    enum { C = 256, V = 16, BYTES = C * C, VECTORS = 15, MATRICES = 9 };
    static const char *const names[VECTORS + MATRICES] = {"blocks.0.ln0.weight",
                                                          "blocks.0.ln0.bias",
                                                          "blocks.0.ln1.weight",
                                                          "blocks.0.ln1.bias",
                                                          "blocks.0.ln2.weight",
                                                          "blocks.0.ln2.bias",
                                                          "ln_out.weight",
                                                          "ln_out.bias",
                                                          "blocks.0.att.time_decay",
                                                          "blocks.0.att.time_first",
                                                          "blocks.0.att.time_mix_k",
                                                          "blocks.0.att.time_mix_v",
                                                          "blocks.0.att.time_mix_r",
                                                          "blocks.0.ffn.time_mix_k",
                                                          "blocks.0.ffn.time_mix_r",
                                                          "emb.weight",
                                                          "head.weight",
                                                          "blocks.0.att.key.weight",
                                                          "blocks.0.att.value.weight",
                                                          "blocks.0.att.receptance.weight",
                                                          "blocks.0.att.output.weight",
                                                          "blocks.0.ffn.key.weight",
                                                          "blocks.0.ffn.value.weight",
                                                          "blocks.0.ffn.receptance.weight"};
    static const dtype types[] = {Q4_K, Q5_K, Q6_K};
    static uint8_t bytes[BYTES];
    static float vector[C];
    tensor_out t[VECTORS + MATRICES];
    char path[200];
    rng r = {.seed = 1};
    for (int i = 0; i < BYTES; i++) bytes[i] = (uint8_t)(rng_u64(&r) & 0x2f); /* halves are then below 1 */
    for (int i = 0; i < C; i++) vector[i] = 0.01f * (float)(i % 7);
    for (int i = 0; i < VECTORS; i++)
        t[i] = (tensor_out){.name = names[i], .type = F32, .dims = 1, .shape = {C}, .data = vector};
    for (int i = VECTORS; i < VECTORS + MATRICES; i++)
        t[i] = (tensor_out){
            .name = names[i], .type = types[i % 3], .dims = 2, .shape = {i < VECTORS + 2 ? V : C, C}, .data = bytes};
    snprintf(path, sizeof path, "%s/large-blocks.gguf", folder);
    const gguf_meta version = {.key = "general.architecture", .kind = GGUF_TEXT, .text = "rwkv4"};
    file_out f;
    int e = file_create(&f, path, FILE_REGULAR);
    if (!e) e = tensors_commit(&f, gguf_put(&f, t, VECTORS + MATRICES, &version, 1), t, VECTORS + MATRICES);
    return e ? complain(path, wkv_error()) : add_file(all, USE_MODEL, path, NULL);
}

/* A checkpoint in float64, as NumPy and careless scripts write them. */
static int add_doubles(seeds *all, const char *folder, const char *from, const char *name)
{
    enum { MOST = 128, VALUES = 1 << 14 };
    static tensor_out out[MOST];
    static double values[VALUES];
    static float some[VALUES];
    char path[200];
    tensors *t;
    int n = 0, used = 0, e = 0;
    if (tensors_open(&t, from)) return complain(from, wkv_error());
    for (const file_tensor *f; n < MOST && (f = tensors_at(t, n)); n++) {
        int count = (int)tensor_values(f);
        if (used + count > VALUES || tensor_read(f, some, VALUES)) break;
        out[n] = (tensor_out){.name = f->name, .type = F64, .dims = f->dims, .data = values + used};
        for (int i = 0; i < f->dims; i++) out[n].shape[i] = tensor_axis(f, i);
        for (int i = 0; i < count; i++) values[used++] = (double)some[i];
    }
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (n < tensors_count(t))
        e = complain(from, "is too large to be made float64");
    else if (safetensors_write(path, out, n, NULL))
        e = complain(path, wkv_error());
    tensors_close(t);
    return e ? e : add_file(all, USE_MODEL, path, NULL);
}

static int add_tokens(seeds *all)
{
    static const int32_t lengths[3] = {5, 4, 3};
    static const int64_t offsets[3] = {0, 10, 18}, borders[4] = {0, 1, 2, 3}, counts[2] = {3, 4}, version = 1;
    buffer b = {0};
    buffer_splice(&b, b.size, 0, "MMIDIDX\0\0", 9);
    buffer_splice(&b, b.size, 0, &version, 8);
    buffer_splice(&b, b.size, 0, "\10", 1);
    buffer_splice(&b, b.size, 0, counts, 16);
    buffer_splice(&b, b.size, 0, lengths, sizeof lengths);
    buffer_splice(&b, b.size, 0, offsets, sizeof offsets);
    buffer_splice(&b, b.size, 0, borders, sizeof borders);
    int e = add_bytes(all, USE_TOKENS, "tokens.idx", b.data, b.size, NULL);
    buffer_free(&b);
    return e;
}

void seeds_write_bin(const char *scratch)
{
    char path[200];
    snprintf(path, sizeof path, "%s/mutant.bin", scratch);
    FILE *f = fopen(path, "wb");
    for (int i = 0; f && i < 24; i++) putc(i, f);
    if (f) fclose(f);
}

static int add_lines(seeds *all)
{
    static const char lines[] = "{\"text\": \"It was a test.\"}\n"
                                "{\"messages\": [{\"role\": \"system\", \"content\": \"Be brief.\"}, {\"role\": "
                                "\"user\", \"content\": \"Hi\"}, {\"role\": \"assistant\", \"content\": \"Hello.\"}]}\n"
                                "{\"instruction\": \"Add\", \"input\": \"1 2\", \"output\": \"3\"}\n"
                                "{\"prompt\": \"Once\", \"response\": \" upon a time \\u00e9\\ud83d\\ude00\"}\n";
    return add_bytes(all, USE_LINES, "lines.jsonl", lines, sizeof lines - 1, NULL);
}

/* A run of three steps. The checkpoint names its text, in the folder of all processes. */
static int add_run(seeds *all, const char *folder)
{
    char run[200], text[200], path[300];
    snprintf(run, sizeof run, "%s/run", folder);
    snprintf(text, sizeof text, "%s/text.txt", folder);
    snprintf(path, sizeof path, "%s/checkpoint-00000003.safetensors", run);
    FILE *f = fopen(text, "w");
    for (int i = 0; f && i < 200; i++) putc("It was a test.\n"[i % 15], f);
    if (f) fclose(f);
    return make_run(run, text) ? complain(run, wkv_error()) : add_file(all, USE_RUN, path, NULL);
}

static int make_shards(const char *folder, int process)
{
    char command[600];
    snprintf(command, sizeof command, "mkdir -p '%s/%d/run' && cp -r '%sformats/v7-fla' '%s/%d/shards'", folder,
             process, GOLDEN, folder, process);
    return system(command) ? complain(folder, "cannot be written") : 0;
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

int seeds_load(seeds *all, const char *folder, int processes)
{
    static const char *const models[] = {GOLDEN "formats/v4-official.pth", GOLDEN "formats/v50-official.pth",
                                         GOLDEN "formats/v52-official.pth", GOLDEN "formats/v6-official.pth",
                                         GOLDEN "formats/v7-official.pth"};
    int e = 0;
    for (int i = 0; i < processes && !e; i++) e = make_shards(folder, i);
    static const char *const patterns[] = {
        GOLDEN "formats/*.pth", GOLDEN "formats/*.safetensors",  GOLDEN "formats/*.st",    GOLDEN "formats/*.gguf",
        GOLDEN "formats/*.bin", GOLDEN "models/v[47]-*-f32.pth", GOLDEN "models/v5.1*.pth"};
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns && !e; i++)
        e = add_glob(all, USE_MODEL, patterns[i], NULL);
    for (size_t i = 0; i < sizeof models / sizeof *models && !e; i++) {
        e = add_converted(all, folder, models[i], "out.gguf", NULL);
        if (!e) e = add_converted(all, folder, models[i], "out.pth", &(wkv_convert_options){.type = "f32"});
        if (!e) e = add_tuned(all, folder, models[i], "lora");
        if (!e) e = add_tuned(all, folder, models[i], "miss");
        if (!e && i) e = add_tuned(all, folder, models[i], "state");
        if (!e) e = add_state(all, folder, models[i]);
    }
    static const char *const types[] = {"q8_0", "q4_0", "q5_1", "q4mix"};
    for (int i = 0; i < 4 && !e; i++) { /* 32 wide, so in blocks */
        e = add_converted(all, folder, i % 2 ? GOLDEN "models/v4-c32-f32.pth" : GOLDEN "models/v7-n32-f32.pth",
                          "blocks.gguf", &(wkv_convert_options){.type = types[i], .portable = i == 1});
    }
    if (!e) e = add_large_blocks(all, folder);
    if (!e) e = add_doubles(all, folder, GOLDEN "formats/v7-official.safetensors", "doubles7.safetensors");
    if (!e) e = add_doubles(all, folder, GOLDEN "formats/v4-official.pth", "doubles4.safetensors");
    if (!e) e = add_web_adapter(all, folder, models[4], 8);
    if (!e) e = add_glob(all, USE_VOCABULARY, TEST_DIR "/cli/small.vocab.txt", NULL);
    if (!e) e = add_glob(all, USE_VOCABULARY, TEST_DIR "/fuzz/seeds/vocabulary/*", NULL);
    if (!e) e = add_file(all, USE_INDEX, GOLDEN "formats/v7-fla/model.safetensors.index.json", NULL);
    if (!e) e = add_tokens(all);
    if (!e) e = add_run(all, folder);
    return e ? e : add_lines(all);
}

void seeds_enter(seeds *all, const char *scratch)
{
    for (int i = 0; i < all->n; i++)
        if (all->list[i].use == USE_INDEX) snprintf(all->list[i].base, sizeof all->list[i].base, "%s/shards", scratch);
}

const sound *seeds_choose(const seeds *all, rng *r)
{
    uint32_t ticket = below(r, 100), n = 0, k = 0;
    while (ticket >= (uint32_t)kinds[k].weight) ticket -= (uint32_t)kinds[k++].weight;
    for (int i = 0; i < all->n; i++)
        n += all->list[i].use == (int)kinds[k].use && all->list[i].extension == kinds[k].extension;
    uint32_t turn = below(r, n);
    for (int i = 0; i < all->n; i++) {
        if (all->list[i].use != (int)kinds[k].use || all->list[i].extension != kinds[k].extension) continue;
        if (!turn--) return &all->list[i];
    }
    return all->list;
}

void seeds_free(seeds *all)
{
    for (int i = 0; i < all->n; i++) {
        buffer_free(&all->list[i].file);
        free(all->list[i].fields);
        free(all->list[i].lengths);
    }
    free(all->list);
    *all = (seeds){0};
}
