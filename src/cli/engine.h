/* engine.h - a model opened from command-line options, with its context, state and tokenizer. */
#ifndef WKV_CLI_ENGINE_H
#define WKV_CLI_ENGINE_H

#include "option.h"
#include "wkv_session.h"

extern const group model_group;       /* --model, --threads, --device, --gpu-layers */
extern const group adapter_group;     /* --lora, --lora-alpha, --state */
extern const group weights_group;     /* --type */
extern const group tokenizer_group;   /* --vocab */
extern const char *engine_model;      /* the path given with -m; NULL: the built-in model */
extern wkv_model_options engine_with; /* values of --lora, --lora-alpha and --state */
extern const char *engine_vocab;      /* the path given with --vocab; NULL: the model's own */
extern int engine_threads;            /* the number given with -t; 0: one per core */

/* --device; `to` points to its value, a name known to the library */
#define DEVICE_OPTION(where)                                                                                           \
    {                                                                                                                  \
        0, "device", OPT_TEXT, "NAME", where, 0, 0, "cpu",                                                             \
            "compute device: cpu; opencl or opencl:N, a GPU (wkv info --devices); reference, plain C for comparison"   \
    }
/* --gpu-layers; `at` points to its int, which is -1 at first; device_layers: its value for wkv_context_options */
#define LAYERS_OPTION(at)                                                                                              \
    {                                                                                                                  \
        0, "gpu-layers", OPT_COUNT, "N", (at), 0, 1000000, "all",                                                      \
            "run the last N layers and the head on --device, the layers before them on the CPU"                        \
    }
static inline int device_layers(int given) { return given < 0 ? 0 : given ? given : -1; }
/* --no-mmap; `to` points to its int */
#define NO_MMAP_OPTION(at)                                                                                             \
    {                                                                                                                  \
        0, "no-mmap", OPT_SWITCH, NULL, (at), 0, 0, "",                                                                \
            "read the model into memory instead of mapping its file, which may then change"                            \
    }

typedef struct {
    wkv_model *model;
    wkv_context *context;
    wkv_state *state;         /* initial, or of the file of --state */
    wkv_state_file *begin;    /* the file of --state; NULL: none, or a tuned initial state, which the model has */
    wkv_tokenizer *tokenizer; /* NULL unless requested */
    const wkv_model_info *about;
    float *logits; /* next-token logits after the last token read */
} engine;

/* Open model, context and state, and with `text` a tokenizer. Returns 0, or 1 after an error message. */
int engine_open(engine *e, int text);
/* The same for an open model, e's only member set; e takes ownership. */
int engine_ready(engine *e, int text);
/* For commands that read texts from the model's initial state, which may be tuned: refuse a state of a text. Returns 0,
 * or 1 after an error message. */
int engine_refuse_begin(const engine *e);
void engine_close(engine *e);

/* A session from the beginning that --state gives. Returns 0, or 1 after an error message. */
int engine_session(wkv_session **out, const engine *e);

/* The vocabulary for an output file: from --vocab, or the model's; NULL if there is none. Returns 0, or 1 after an
 * error message. The second function prints the note that the written file has none, with the reason. */
int engine_words(wkv_tokenizer **t, const wkv_model *m);
void engine_words_note(const wkv_tokenizer *t);

/* The values of --type for an output file, as an OPT_CHOICE, and wkv_convert's name of each; NULL: keep. */
#define STORED_TYPES "keep|f32|f16|bf16|q8_0|q5_1|q5_0|q4_1|q4_0|q8|q5|q4|q4mix"
extern const char *const stored_types[];

/* logits_finite: all n logits are finite. The second function prints the error message for a model (with its adapter
 * and state) that gives others, and returns 1. */
int logits_finite(const float *logits, size_t n);
int complain_logits(const wkv_model *m);

/* Encode a text, or a prompt (wkv_encode_prompt), to ids, which the caller frees. Returns their number, or -1 after an
 * error message. */
int engine_encode(const wkv_tokenizer *t, int prompt, const char *text, size_t bytes, int32_t **ids);

/* The name of the model's file, or "the built-in model". */
const char *engine_model_name(const engine *e);

#endif
