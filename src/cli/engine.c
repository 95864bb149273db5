/* engine.c - open a model and read tokens into its state. */
#include "engine.h"
#include "models.h"
#include "say.h"
#include "base/platform/entry.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *engine_model, *engine_vocab;
wkv_model_options engine_with;
int engine_threads;
static const char *device;
static int gpu_layers = -1;
const char *const stored_types[] = {NULL,   "f32",  "f16", "bf16", "q8_0", "q5_1", "q5_0",
                                    "q4_1", "q4_0", "q8",  "q5",   "q4",   "q4mix"};

static const option model_options[] = {
    {'m', "model", OPT_TEXT, "MODEL", &engine_model, 0, 0, "the built-in model",
     "model file: .pth, .safetensors, .gguf, rwkv.cpp .bin, a folder of shards, or a name downloaded by wkv pull; also "
     "accepted as an argument"},
    NO_MMAP_OPTION(&engine_with.no_mmap),
    {'t', "threads", OPT_COUNT, "N", &engine_threads, 1, 4096, "one per core", "number of threads"},
    DEVICE_OPTION(&device),
    LAYERS_OPTION(&gpu_layers),
};
const group model_group = GROUP("Model", model_options);

static const option adapter_options[] = {
    {0, "lora", OPT_TEXT, "FILE", &engine_with.lora, 0, 0, "",
     "apply an adapter of wkv tune or RWKV-PEFT without merging it"},
    {0, "lora-alpha", OPT_REAL, "A", &engine_with.lora_alpha, 0, 1e6, "from the adapter's metadata",
     "LoRA alpha; the update is scaled by A / rank"},
    {0, "state", OPT_TEXT, "FILE", &engine_with.state, 0, 0, "",
     "begin from this state: a file of wkv state, or a tuned initial state"},
};
const group adapter_group = GROUP("Adapters", adapter_options);

static const option weights_options[] = {
    {0, "type", OPT_TEXT, "TYPE", &engine_with.type, 0, 0, "as stored",
     "convert the matrices on opening to f32, f16, bf16, q8_0, q5_1, q5_0, q4_1, q4_0 or a preset: q8, q5, q4, q4mix"},
};
const group weights_group = GROUP("Weights", weights_options);

static const option tokenizer_options[] = {
    {0, "vocab", OPT_TEXT, "FILE", &engine_vocab, 0, 0, "chosen from the model",
     "vocabulary: World's .txt, a tokenizers .json, a GGUF, or one of the words world, 20B, bytes"},
};
const group tokenizer_group = GROUP("Vocabulary", tokenizer_options);

/* Mapped weights may exceed the memory; then every token reads them from the disk again. */
static void notice_memory(const wkv_model *m)
{
    char a[32], b[32];
    size_t need = wkv_model_bytes(m, NULL), there = wkv_memory_available() + wkv_memory_resident();
    if (need > there)
        note("the weights take %s, and %s of memory are available: every token will read them from the disk; --type q8 "
             "or q4 takes less",
             as_bytes(a, (double)need), as_bytes(b, (double)there));
}

/* The state file of --state. A tuned initial state belongs to the model: it is opened with it. */
static int open_state(engine *e)
{
    if (engine_with.state && wkv_state_file_open(&e->begin, engine_with.state)) return complain_library();
    if (!e->begin || !wkv_state_file_about(e->begin)->tuned) return 0;
    wkv_state_file_close(e->begin);
    e->begin = NULL;
    return 0;
}

int engine_open(engine *e, int text)
{
    *e = (engine){0};
    if (open_state(e)) return 1;
    wkv_model_options with = engine_with;
    if (e->begin) with.state = NULL;
    if (model_open(&e->model, engine_model, &with)) {
        engine_close(e);
        return 1;
    }
    notice_memory(e->model);
    return engine_ready(e, text);
}

/* Set the state to that of the file, and name the differences of its model and ours. */
static int begin_from_file(engine *e)
{
    char difference[512];
    if (!e->begin) return 0;
    const int err = wkv_state_file_read(e->begin, e->state);
    if (err || wkv_state_file_compare(e->begin, e->context, difference, sizeof difference)) return err;
    if (*difference) note("%s: %s", engine_with.state, difference);
    return 0;
}

int engine_refuse_begin(const engine *e)
{
    return e->begin
               ? complain("--state %s: is a state of a text, and this command begins from the initial state of the "
                          "model; give a tuned state, or put the text before",
                          engine_with.state)
               : 0;
}

int engine_session(wkv_session **out, const engine *e)
{
    return (e->begin ? wkv_session_load(out, e->begin, e->context, e->tokenizer)
                     : wkv_session_new(out, e->model, e->tokenizer))
               ? complain_library()
               : 0;
}

/* llama.cpp's users give it also where there is no GPU. */
static void notice_layers(const engine *e)
{
    if (gpu_layers > 0 && !wkv_context_device_bytes(e->context, NULL))
        note("all layers run on the CPU: --gpu-layers is for --device gpu (wkv info --devices)");
}

int engine_ready(engine *e, int text)
{
    const wkv_context_options how = {
        .threads = engine_threads, .device = device, .device_layers = device_layers(gpu_layers)};
    e->about = wkv_model_about(e->model);
    if (text && wkv_tokenizer_open(&e->tokenizer, engine_vocab, e->model)) goto failed;
    if (wkv_context_new(&e->context, e->model, &how) || wkv_state_new(&e->state, e->model) || begin_from_file(e))
        goto failed;
    notice_layers(e);
    if (!(e->logits = malloc(sizeof *e->logits * (size_t)e->about->vocab))) {
        engine_close(e);
        return complain("out of memory");
    }
    return 0;
failed:
    complain_library();
    engine_close(e);
    return 1;
}

void engine_close(engine *e)
{
    free(e->logits);
    wkv_state_free(e->state);
    wkv_state_file_close(e->begin);
    wkv_context_free(e->context);
    wkv_tokenizer_close(e->tokenizer);
    wkv_model_close(e->model);
    *e = (engine){0};
}

static char no_words[1024]; /* the reason for a missing vocabulary */

int engine_words(wkv_tokenizer **t, const wkv_model *m)
{
    *t = NULL;
    int err = wkv_tokenizer_open(t, engine_vocab, m);
    if (err && engine_vocab) return complain_library();
    if (err) snprintf(no_words, sizeof no_words, "%s", wkv_error());
    return 0;
}

void engine_words_note(const wkv_tokenizer *t)
{
    if (!t) note("the file has no vocabulary: %s", no_words);
}

int logits_finite(const float *logits, size_t n)
{
    int bad = 0;
    for (size_t i = 0; i < n; i++) bad |= !(logits[i] - logits[i] == 0);
    return !bad;
}

int complain_logits(const wkv_model *m)
{
    const char *const used[] = {engine_with.lora, engine_with.state};
    char beside[400] = "";
    for (int i = 0, n = 0; i < 2 && n < (int)sizeof beside; i++)
        if (used[i]) n += snprintf(beside + n, sizeof beside - (size_t)n, " or in %s", used[i]);
    return complain(
        "%s: its logits are NaN or infinite; probably weights in it%s are too, after diverged training or an overflow "
        "in conversion",
        wkv_model_about(m)->path, beside);
}

int engine_encode(const wkv_tokenizer *t, int prompt, const char *text, size_t bytes, int32_t **ids)
{
    int (*how)(const wkv_tokenizer *, const char *, size_t, int32_t *, int) = prompt ? wkv_encode_prompt : wkv_encode;
    *ids = NULL;
    int n = how(t, text, bytes, NULL, 0);
    if (n < 0) {
        complain_library();
        return -1;
    }
    if (!(*ids = malloc(sizeof **ids * (size_t)(n + 1)))) {
        complain("out of memory");
        return -1;
    }
    return how(t, text, bytes, *ids, n);
}

const char *engine_model_name(const engine *e)
{
    const char *path = e->about->path, *slash = path_last_slash(path);
    return !strcmp(path, "built-in") ? "the built-in model" : slash && slash[1] ? slash + 1 : path;
}
