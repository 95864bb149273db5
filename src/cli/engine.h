/* engine.h - a model opened by the options that say which and how, ready to read. */
#ifndef WKV_CLI_ENGINE_H
#define WKV_CLI_ENGINE_H

#include "option.h"
#include "wkv.h"

extern const group model_group;       /* --model, --threads, --device */
extern const group adapter_group;     /* --lora, --lora-alpha, --load-state: what is given together with a model */
extern const group weights_group;     /* --type */
extern const group tokenizer_group;   /* --vocab */
extern const char *engine_model;      /* the path given with -m; NULL: the built-in model */
extern wkv_model_options engine_with; /* what --lora and the others gave */
extern const char *engine_vocab;      /* the path given with --vocab; NULL: the model's own */
extern int engine_threads;            /* the number given with -t; 0: one per core */

/* --device, which sets the text at that place; the library knows the names */
#define DEVICE_OPTION(where)                                                                                           \
    {                                                                                                                  \
        0, "device", OPT_TEXT, "NAME", where, 0, 0, "cpu",                                                             \
            "what computes; reference is plain C on one thread, for comparing"                                         \
    }
/* --no-mmap, which sets the int at that place */
#define NO_MMAP_OPTION(at)                                                                                             \
    {                                                                                                                  \
        0, "no-mmap", OPT_SWITCH, NULL, (at), 0, 0, "",                                                                \
            "read the model into memory in place of mapping its file, which may then change"                           \
    }

typedef struct {
    wkv_model *model;
    wkv_context *context;
    wkv_state *state;
    wkv_tokenizer *tokenizer; /* NULL unless asked for */
    const wkv_model_info *about;
    float *logits; /* of what follows the last token read */
} engine;

/* Open all of it, with a tokenizer when `text`. Returns 0, or 1 after the sentence. */
int engine_open(engine *e, int text);
/* The same for a model that is open already: the only thing in e, which owns it from here on. */
int engine_ready(engine *e, int text);
void engine_close(engine *e);

/* The vocabulary that goes with a file that is written: the one of --vocab, or the model's; NULL where there is none.
 * Returns 0, or 1 after the sentence. And, once the file is there, the note that it has none, with the reason. */
int engine_words(wkv_tokenizer **t, const wkv_model *m);
void engine_words_note(const wkv_tokenizer *t);

/* The values of --type of a file that is written, as an OPT_CHOICE, and wkv_convert's name of each; NULL: keep. */
#define STORED_TYPES "keep|f32|f16|bf16|q8_0|q5_1|q5_0|q4_1|q4_0|q8|q5|q4|q4mix"
extern const char *const stored_types[];

/* Is each of n logits finite? And the sentence when those of a model, with the adapter and state of the options, are
 * not: 1. */
int logits_finite(const float *logits, size_t n);
int complain_logits(const wkv_model *m);

/* Read n >= 1 tokens into the state, in pieces, with a bar on a terminal; e->logits are then of what follows them.
 * Returns 0, 1 after a sentence, or 130 when Ctrl-C came between two pieces. */
int engine_read(engine *e, const int32_t *ids, int n, const char *what);

/* Text, or a prompt (wkv_encode_prompt), to ids, which the caller frees. Returns how many, or -1 after the sentence. */
int engine_encode(const wkv_tokenizer *t, int prompt, const char *text, size_t bytes, int32_t **ids);

#endif
