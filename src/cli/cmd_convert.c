/* cmd_convert.c - convert a model to another format or precision. */
#include "check.h"
#include "commands.h"
#include "engine.h"
#include "models.h"
#include "say.h"
#include "wkv.h"
#include "wkv_file.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int type, portable, most = 8192;
static const char *text;

static const option options[] = {
    {0, "type", OPT_CHOICE, STORED_TYPES, &type, 0, 0, NULL,
     "data type of the weights; keep is lossless (except .st, always f16); q types, of 8, 5 or 4 bits, need a .gguf"},
    {0, "portable", OPT_SWITCH, NULL, &portable, 0, 0, "",
     "write a .gguf that llama.cpp reads; without it, wkv maps ffn.value in its own input-major layout"},
    NO_MMAP_OPTION(&engine_with.no_mmap),
    {0, "check", OPT_TEXT, "TEXT", &text, 0, 0, "",
     "compare both models on the file TEXT: perplexity, KL divergence of the next-token distributions"},
    {0, "check-tokens", OPT_COUNT, "N", &most, 2, 1 << 30, NULL, "read at most N tokens of TEXT"},
};
static const group own = GROUP("Conversion", options);
static const group *const groups[] = {&own, &tokenizer_group, &general_group, NULL};

/* State of one conversion. */
typedef struct {
    const wkv_model *before;
    const char *path; /* OUT's extension */
    const check *k;
    progress bar;
    int status; /* after verification */
} conversion;

static int report(void *user, double done, double total)
{
    char a[32];
    conversion *c = user;
    progress_at(&c->bar, done, total, "of %s parameters", as_count(a, (int64_t)total));
    return interrupted;
}

/* Minimum bits of the types in a list ("q4_0, bf16, f32"), at most 16. */
static int fewest_bits(const char *list)
{
    int least = 16;
    for (const char *at = list; *at; at += strcspn(at, ",") + (at[strcspn(at, ",")] == ',')) {
        const int bits = atoi(at + strcspn(at, "0123456789"));
        if (bits > 0 && bits < least) least = bits;
    }
    return least;
}

/* A .pth has no field for the model's name, from which readers take its template and context length. */
static void note_family(const char *path, const wkv_model_info *had, const wkv_model_info *has)
{
    char context[24] = "";
    const int chat = strcmp(had->chat, has->chat) != 0;
    if (had->context_length != has->context_length) snprintf(context, sizeof context, "ctx%d", had->context_length);
    if (chat)
        note("%s opens with template %s, not %s; \"%s%s%s\" in its name selects it", path, has->chat, had->chat,
             had->chat, *context ? "-" : "", context);
    else if (*context)
        note("%s does not record the training context length, %d; \"%s\" in its name does", path, had->context_length,
             context);
}

/* Describe the written file as a reader finds it; with a text, also compare it with the original model. */
static int describe(void *user, const char *written)
{
    conversion *c = user;
    wkv_model *m;
    char size[16];
    progress_end(&c->bar);
    c->status = 1;
    if (wkv_model_open(&m, written, &(wkv_model_options){.as_stored = 1})) return complain_library();
    const wkv_model_info *about = wkv_model_about(m);
    put_text("%s: %s, %s names, %s, %s\n", c->path, about->format, about->naming, about->types,
             as_bytes(size, (double)about->file_bytes));
    const int had = fewest_bits(wkv_model_about(c->before)->types);
    if (had < fewest_bits(about->types))
        note("the weights had %d bits; precision lost by quantization is not restored", had);
    note_family(c->path, wkv_model_about(c->before), about);
    wkv_model_close(m);
    c->status = c->k->n ? check_models(c->k, c->before, written) : 0;
    if (!c->status && interrupted) c->status = 130;
    return c->status;
}

static int write_model(const wkv_model *model, const char *path, const check *k)
{
    wkv_tokenizer *words;
    if (engine_words(&words, model)) return 1;
    conversion c = {.before = model, .path = path, .k = k};
    progress_begin(&c.bar, "converting");
    int err = wkv_convert(model, path,
                        &(wkv_convert_options){.type = stored_types[type],
                                               .portable = portable,
                                               .tokenizer = words,
                                               .report = report,
                                               .verify = describe,
                                               .user = &c});
    progress_end(&c.bar);
    if (!err) engine_words_note(words);
    wkv_tokenizer_close(words);
    return err == WKV_ESTOPPED ? (c.status ? c.status : 130) : err ? complain_library() : 0;
}

static int run(int n, char **operands)
{
    if (n < 2) return usage(&cmd_convert, "two arguments are needed: the model and the file to write");
    wkv_model *model;
    check k = {0};
    /* the compared model computes as usual: with ffn.value repacked input-major */
    if (model_open(&model, operands[0], &(wkv_model_options){.as_stored = !text, .no_mmap = engine_with.no_mmap}))
        return 1;
    catch_interrupts();
    int status = wkv_file_refuse_input(operands[1], text, "the text") ? complain_library() : 0;
    if (!status && text) status = check_open(&k, text, most, model);
    if (!status) status = write_model(model, operands[1], &k);
    check_close(&k);
    wkv_model_close(model);
    return status;
}

const command cmd_convert = {
    .name = "convert",
    .operands = "IN OUT",
    .most = 2,
    .summary = "convert a model to another format or precision",
    .about =
        "Convert a model of any format that wkv opens. The extension of OUT selects the output format: .pth and "
        ".safetensors have the official names and shapes, for the official programs; .st is web-rwkv's (Ai00, "
        "RWKV-Runner); .gguf contains the vocabulary and is mapped without a copy; with --portable llama.cpp reads it. "
        "One line describes the written file. For the other formats, a vocabulary that is not built in is written as "
        "OUT with .vocab.txt or .vocab.json in place of the extension.\n\n"
        "OUT is written under a temporary name, verified, compared (with --check) and renamed last: a conversion that "
        "stops or fails leaves an existing OUT unchanged. OUT cannot be a file of IN.",
    .examples = "wkv convert MODEL.gguf MODEL.pth  # for the official programs\n"
                "wkv convert MODEL.pth MODEL.gguf --type q8  # half the memory, no conversion on opening\n"
                "wkv convert MODEL.pth MODEL.gguf --type q8 --portable  # for llama.cpp\n"
                "wkv convert MODEL.pth MODEL.safetensors --type bf16  # half the size of f32\n"
                "wkv convert MODEL.pth MODEL.st  # for web-rwkv",
    .groups = groups,
    .run = run,
};
