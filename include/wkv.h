/* wkv.h - RWKV in C: open any checkpoint of versions 4 to 7, run it, talk to it.
 *
 *     wkv_model *m;  wkv_context *c;  wkv_state *s;  wkv_tokenizer *t;
 *     if (wkv_model_open(&m, "RWKV-x070-World-0.1B.pth", NULL) || wkv_context_new(&c, m, NULL) ||
 *         wkv_state_new(&s, m) || wkv_tokenizer_open(&t, NULL, m)) { fputs(wkv_error(), stderr); exit(1); }
 *     int32_t ids[64];
 *     int n = wkv_encode(t, "The Eiffel Tower is in", 22, ids, 64);
 *     float *logits = malloc(sizeof *logits * wkv_model_about(m)->vocab);
 *     wkv_eval(c, s, ids, n, logits);              // the state now remembers the text; logits are of what comes next
 *
 * Three nouns, because there are three lifetimes:
 *   model    the weights. Read-only once open; any number of contexts and threads share one.
 *   context  the means to compute: threads and scratch memory. One per thread that evaluates.
 *   state    all that a model remembers of one sequence: a small block of floats of fixed size. Copying it forks the
 *            sequence, saving it resumes it later. It belongs to the model it was made for.
 *
 * Conventions. Functions that can fail return 0, or a negative WKV_E... code and leave one sentence in wkv_error(),
 * which belongs to the calling thread and lasts until its next failure. Out parameters come first and are NULL after a
 * failure. Option structs are zero by default and NULL means all defaults. Callers own the buffers they pass; wkv owns
 * what it opens or makes until the matching close or free, which accept NULL. Strings returned are borrowed from the
 * object asked. The library never prints and never exits. Token ids are int32_t, logits float, one per id of the
 * vocabulary.
 *
 * Wrong use. A required pointer that is NULL, a negative count or a NaN argument gives WKV_EARG; a function that
 * returns a pointer or a size gives NULL or 0, and one that returns nothing does nothing. Out of memory: WKV_ENOMEM, at
 * whatever allocation, and open objects stay usable; a context has the scratch memory of every evaluation from its
 * creation. */
#ifndef WKV_H
#define WKV_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WKV_API __attribute__((visibility("default")))

#define WKV_VERSION "0.1.0"
WKV_API const char *wkv_version(void); /* of the library that runs */

/* ---- failure ----------------------------------------------------------------------------------------------------- */

enum {
    WKV_OK = 0,
    WKV_EARG = -1,         /* the caller's: a count below zero, a state of another model, an unknown option        */
    WKV_EIO = -2,          /* the system's: no such file, no permission, disk full                                  */
    WKV_EFORMAT = -3,      /* the file is damaged or is not what its name says                                      */
    WKV_EUNSUPPORTED = -4, /* the file is sound, but is something wkv does not run; the sentence says what          */
    WKV_ENOMEM = -5,
    WKV_ESTOPPED = -6 /* a callback asked to stop                                                              */
};

WKV_API const char *wkv_error(void); /* the last failure on this thread, one sentence; "" before any */

/* ---- model ------------------------------------------------------------------------------------------------------- */

typedef struct wkv_model wkv_model;

typedef struct {
    /* what the matrices are made on opening: "f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", or a preset:
     * "q8", "q5", "q4", "q4mix" (docs/formats.md). NULL: they stay as they are */
    const char *type;
    /* not 0: nothing is made, not even the layout that ffn.value is run in; for those who look at a model, convert it
     * or train it */
    int as_stored;
    /* an adapter, used beside the weights as they are: RWKV-PEFT's names (lora_A, lora_B, disha) or web-rwkv's, .pth or
     * .safetensors. Other tensors in it take the place of the model's */
    const char *lora;
    float lora_alpha; /* adapters count alpha / rank times; 0: the alpha that the file tells */
    const char *state;  /* a tuned initial state (blocks.N.att.time_state), with which every text begins */
    int no_mmap; /* not 0: read the files into memory in place of mapping them. A mapped file must not change
                          while the model is open: a file cut short (truncate, cp over it) ends the process with SIGBUS
                          at the next read behind its new end, and an overwritten file gives other weights. Writing
                          beside it and renaming is safe. Without a mapping it may change; WKV_ENOMEM, with both sizes,
                          when less memory is free                                                                    */
} wkv_model_options;

/* Open a checkpoint: .pth, .safetensors / .st, .gguf, rwkv.cpp .bin, or a folder of shards; its version and sizes
 * are found in it. Big matrices stay in the file's mapping, but ffn.value is copied input-major, unless the file has
 * it so already: the rows of inputs that are zero, as most squared ReLUs are, are then skipped. path NULL or "built-
 * in" opens the model that is built into the library. WKV_EIO, WKV_EFORMAT, WKV_EUNSUPPORTED (the sentence says what
 * the file is instead), WKV_ENOMEM (with the bytes needed and available), WKV_EARG: no such type, or a value that it
 * cannot hold. */
WKV_API int wkv_model_open(wkv_model **out, const char *path, const wkv_model_options *options);
WKV_API void wkv_model_close(wkv_model *m);

typedef struct {
    const char *path, *format,
        *naming;          /* "x.gguf", "gguf v3", "llama.cpp"                                             */
    const char *version;  /* "4", "5.0", "5.1", "5.2", "6", "7", "7a"                                  */
    const char *types;    /* how the weights are stored, most bytes first: "bf16, f32"                    */
    int layers, width;    /* L, C                                                                         */
    int heads, head_size; /* H, N; 0 for version 4                                                        */
    int ffn;              /* F: rows of ffn.key                                                           */
    int vocab;            /* V: logits per token                                                          */
    int rank[5];          /* v6: {D_M, D_D}; v7: {D_w, D_a, D_v, D_g}                                     */
    float group_norm_eps;
    int64_t parameters;
    size_t file_bytes;
    size_t state_bytes;     /* of one wkv_state                                                             */
    size_t weight_bytes[3]; /* bytes of the weights at f32, f16/bf16, and as stored in the file             */
    const char *chat;       /* the chat template that fits it (wkv_template_find)                        */
    int context_length;     /* tokens of the longest training texts, from its name (ctx16384), a folder's
                                            config.json or a GGUF; 0: unknown. No limit: a state reads on for ever,
                                            though a model forgets more of the text farther back than that            */
    const char *rank_name[5]; /* "mix", "decay"; "w", "a", "v", "g": of rank[i]; NULL behind the last            */
    const struct wkv_profile *profile; /* its publisher's sampling when it does not think (wkv_template_profile)    */
} wkv_model_info;

WKV_API const wkv_model_info *wkv_model_about(const wkv_model *m);

/* WKV_EARG, with a sentence, when `path`, which is about to be written, is a file that the model, its adapter or its
 * state was read from (device and inode, so through links too). */
WKV_API int wkv_model_refuse_output(const wkv_model *m, const char *path);

/* The i-th folder of downloaded checkpoints, where programs look models up by name and the library looks up
 * vocabularies: $WKV_MODELS, $XDG_DATA_HOME/wkv, ~/.local/share/wkv, those that the environment gives in less than cap
 * bytes. Downloads go into the first. Returns 1 with the path in out, 0 when there is no i-th. */
WKV_API int wkv_model_folder(char *out, size_t cap, int i);

/* Bytes of memory that the weights take when the model is opened with this type (wkv_model_options); NULL: as it is
 * open, with what is mapped. 0: there is no such type. A text needs state_bytes beside them, and a context some MB. */
WKV_API size_t wkv_model_bytes(const wkv_model *m, const char *type);

/* ---- context ----------------------------------------------------------------------------------------------------- */

typedef struct wkv_context wkv_context;

typedef struct {
    int threads; /* 0: one per physical core                                                                     */
    /* NULL: "cpu"; "reference": plain C, one thread, the definition that the others are tested by */
    const char *device;
    /* the instruction set: "avx512", "avx2", "neon", "portable"; NULL: the one that WKV_ISA names, else the best */
    const char *isa;
} wkv_context_options;

WKV_API int wkv_context_new(wkv_context **out, const wkv_model *m, const wkv_context_options *options);
WKV_API void wkv_context_free(wkv_context *c);
WKV_API const char *wkv_context_isa(const wkv_context *c); /* the instruction set it runs on */
WKV_API int wkv_context_threads(const wkv_context *c);

/* ---- state ------------------------------------------------------------------------------------------------------- */

typedef struct wkv_state wkv_state;

WKV_API int wkv_state_new(wkv_state **out, const wkv_model *m); /* the start of a text */
WKV_API void wkv_state_free(wkv_state *s);
WKV_API void wkv_state_reset(wkv_state *s);
WKV_API int wkv_state_copy(wkv_state *to, const wkv_state *from); /* WKV_EARG when they are of different models */

/* The block itself: `wkv_model_about(m)->state_bytes` bytes of float, layer after layer.
 *   version 4:     att_x[C]  aa[C]  bb[C]  pp[C]  ffn_x[C]            (pp starts at -1e30)
 *   versions 5-7:  att_x[C]  S[H][N key][N value]  ffn_x[C]
 * att_x and ffn_x are the previous token's LayerNorm outputs. */
WKV_API float *wkv_state_data(wkv_state *s);

/* ---- evaluation -------------------------------------------------------------------------------------------------- */

/* Read n tokens into the state. logits: V floats of the token that would follow, or NULL when they are not wanted
 * (which saves the head). The result does not depend on how a text is cut into calls, nor on the number of threads.
 * WKV_EARG: a token outside the vocabulary, n < 1, a state of another model. */
WKV_API int wkv_eval(wkv_context *c, wkv_state *s, const int32_t *tokens, int n, float *logits);

typedef struct {
    wkv_state *state; /* each its own                                                                             */
    const int32_t *tokens;
    int n;         /* at least 1                                                                               */
    float *logits; /* NULL, or V floats; with all_logits n x V, one row per token                              */
    int all_logits;
} wkv_sequence;

/* Several sequences at once, reading and writing mixed; each gives the same bits as it would alone. */
WKV_API int wkv_eval_batch(wkv_context *c, const wkv_sequence *sequences, int count);

/* ---- text -------------------------------------------------------------------------------------------------------- */

typedef struct wkv_tokenizer wkv_tokenizer;

/* The tokenizer of a model (path NULL): the vocabulary inside its GGUF, a vocabulary file beside it (its path with
 * .vocab.txt or .vocab.json in place of the extension; rwkv_vocab_v20230424.txt, 20B_tokenizer.json, vocab.txt,
 * vocab.json; in a Hugging Face folder also tokenizer.json), in $WKV_DATA, $WKV_MODELS, $XDG_DATA_HOME/wkv or
 * ~/.local/share/wkv, chosen by the size of its vocabulary; for want of a file World and 20B come from the library
 * itself, and V = 256 means bytes. With a path, that file: World's line format (.txt), a tokenizers .json (20B, World),
 * a character vocabulary (.json), a GGUF; or one of the words "world", "20B", "bytes". m may be NULL when there is a
 * path. */
WKV_API int wkv_tokenizer_open(wkv_tokenizer **out, const char *path, const wkv_model *m);
WKV_API void wkv_tokenizer_close(wkv_tokenizer *t);
WKV_API const char *
wkv_tokenizer_name(const wkv_tokenizer *t); /* "World", "GPT-NeoX 20B", "bytes", "characters", "trie" */
WKV_API const char *wkv_tokenizer_path(const wkv_tokenizer *t); /* where it was found */
WKV_API int wkv_tokenizer_size(const wkv_tokenizer *t);         /* largest id + 1 */
WKV_API int wkv_tokenizer_end(const wkv_tokenizer *t);          /* the id that ends a text, -1: none */

/* Text to ids. Returns how many there are, whatever `cap` is; the first `cap` are written. WKV_EARG when the vocabulary
 * cannot spell the text (character vocabularies; for 20B, what is not UTF-8), with the offset. */
WKV_API int wkv_encode(const wkv_tokenizer *t, const char *text, size_t bytes, int32_t *ids, int cap);

/* The same for a prompt, which a model is to go on from: a blank line at the end of a GPT-NeoX 20B prompt is two tokens
 * "\n" instead of one "\n\n", because that is how the Pile and Raven models saw a prompt end. */
WKV_API int wkv_encode_prompt(const wkv_tokenizer *t, const char *text, size_t bytes, int32_t *ids, int cap);

/* The bytes of one id, borrowed; *bytes is 0 for an end-of-text id and for ids the vocabulary does not have. */
WKV_API const char *wkv_token_bytes(const wkv_tokenizer *t, int32_t id, size_t *bytes);

/* Ids to text as they come: complete UTF-8 characters only; half a character waits for its rest, and what can never
 * become one is passed through as it is at the end. */
typedef struct {
    char wait[4];
    int n;
} wkv_decoder;
/* Append one id's bytes; what may be shown now goes to out (wkv_decoder_room(t) bytes are always enough); returns its
 * length. */
WKV_API size_t wkv_decode(wkv_decoder *d, const wkv_tokenizer *t, int32_t id, char *out);
WKV_API size_t wkv_decode_end(wkv_decoder *d, char *out); /* the rest, at the end of a text: at most 4 bytes */
WKV_API size_t wkv_decoder_room(const wkv_tokenizer *t);

/* ---- sampling ---------------------------------------------------------------------------------------------------- */

typedef struct wkv_sampler wkv_sampler;

/* The order of the reference: bans and bias, penalties, softmax, top-k/top-p/min-p/typical on the untempered
 * probabilities, then temperature, then the draw. Zero means off, and temperature 0 is greedy. */
typedef struct {
    float temperature;
    float top_p;               /* keep tokens at least as probable as the one that reaches this mass; 0 or 1: off
                                     (the official sampler takes 0 for greedy, which here is temperature 0)           */
    int top_k;                 /* 0: off                                                                              */
    float min_p;               /* keep tokens of at least min_p x the most probable; 0: off                           */
    float typical_p;           /* locally typical mass; 0 or 1: off                                                   */
    float mirostat_tau;        /* mirostat 2: target surprise in bits; 0: off (then it replaces the cuts above)       */
    float mirostat_eta;        /* its learning rate; 0: 0.1                                                           */
    float presence, frequency; /* penalties: logit -= presence + frequency x count                                    */
    float penalty_decay;       /* counts x this after every token; 0: 0.996                                           */
    const int32_t *bans;       /* ids never drawn                                                                     */
    int n_bans;
    const int32_t *bias_ids; /* logit[bias_ids[i]] += bias[i]; finite, or -infinity to ban the id                */
    const float *bias;
    int n_bias;
    uint64_t seed;
} wkv_sampler_options;

/* t tells which tokens are digits and blanks, which the frequency penalty does not count; it may be NULL. The options
 * and their lists are copied. */
WKV_API int wkv_sampler_new(wkv_sampler **out, const wkv_sampler_options *o, int vocab, const wkv_tokenizer *t);
WKV_API void wkv_sampler_free(wkv_sampler *s);

/* Sample an id, and count it for the penalties. A logit of -infinity is legal and bans its id. Negative, and nothing is
 * counted: WKV_EFORMAT: a logit is NaN or +infinity, as weights, adapters and states of NaN make them; WKV_EARG: every
 * id is banned. */
WKV_API int32_t wkv_sample(wkv_sampler *s, const float *logits);
WKV_API void wkv_sampler_count(wkv_sampler *s, int32_t id); /* count a token that was not drawn (a prompt's) */
WKV_API void wkv_sampler_reset(wkv_sampler *s);             /* forget counts; the random stream goes on */

/* ---- chat templates ---------------------------------------------------------------------------------------------- */

/* Models of template "g1" can think before they answer. They are asked for it behind the question and by an answer that
 * is begun for them; the ">" that is missing they write themselves. Published in BlinkDL/RWKV-LM,
 * RWKV-v7/RWKV7-G1x-templates.txt. */
typedef enum {
    WKV_THINK_OFF,        /* nothing: they answer at once, mostly               "xxx\n\nAssistant:"                   */
    WKV_THINK_SHORT,      /* some sentences                       "xxx (think a bit)\n\nAssistant: <think"            */
    WKV_THINK_MEDIUM,     /*                                            "xxx (think)\n\nAssistant: <think"            */
    WKV_THINK_LONG,       /*                                      "xxx (think a lot)\n\nAssistant: <think"            */
    WKV_THINK_OPEN,       /* as long as they like                               "xxx\n\nAssistant: <think"            */
    WKV_THINK_FAKE,       /* an empty thought: good answers, fast               "xxx\n\nAssistant: <think>\n</think"  */
    WKV_THINK_FAKE_INLINE /* the same without a line end inside                 "xxx\n\nAssistant: <think></think"    */
} wkv_think;

typedef struct {
    const char *name; /* "world", "g1", "raven", "pile", "plain"                                             */
    const char *user,
        *assistant;        /* what stands before the colon: "User", "Assistant"; "Bob", "Alice"; "Q", "A"         */
    const char *opening;   /* text before the first turn, or ""                                                   */
    const char *system;    /* what stands before a system text: "System: "                                        */
    const char *join;      /* what stands between a question and the assistant's name: "\n\n"                     */
    /* strings that end an answer, NULL-terminated; the first begins with what stands between an answer and the next
     * turn */
    const char *stops[4];
    const char *tool_stop; /* the string that ends a call of a tool: "\n```"; NULL: it has no form for tools   */
} wkv_template;

/* The template called `name`, or with NULL the one that fits the model: by the name of its file, of its folder, or
 * inside a GGUF; by the chat template that came with it (a GGUF's, chat_template.jinja, tokenizer_config.json), which
 * is recognised by its text and never run; by its vocabulary; and by its version. Without a model the newest of that
 * name. WKV_EARG for an unknown name, with the list. t may be NULL. */
WKV_API int wkv_template_find(const wkv_template **out, const char *name, const wkv_model *m, const wkv_tokenizer *t);

/* Write one turn as the model should read it, up to where it answers: "User: hi\n\nAssistant:". The `first` turn begins
 * with the opening, or with the system text in its place (which may be NULL). Line ends of both texts are made "\n",
 * blank lines are taken out, because a blank line ends a turn, and so are blanks around them. Templates but "g1" do not
 * think: WKV_THINK_OFF is used for each way then. Returns the length, whatever cap is; out is zero-terminated when
 * cap > 0. */
WKV_API size_t wkv_template_turn(const wkv_template *t, int first, const char *system, const char *user,
                                 wkv_think think, char *out, size_t cap);

/* Write an answer as it stands behind a turn, up to where the next one begins: " Hello.\n\n". Its text is cleaned in
 * the same way. Returns and terminates as wkv_template_turn. */
WKV_API size_t wkv_template_reply(const wkv_template *t, const char *text, char *out, size_t cap);

/* The same where the model calls tools: a conversation of tools_turn, tools_reply, tools_output, tools_reply and so on.
 * These three clean, return and terminate as the two above; a template without tool_stop gives "" and 0.
 *
 * turn: the first gives the tools behind the system text (which may be NULL), as a list of lines
 * ("- get_weather(location: string)") or as JSON, an array with one object of "name", "description" and "arguments" a
 * line, and ends where the call is to be written, which ends in tool_stop: "System: Tools:\n...\nReturn only a JSON
 * function call.\n\nUser: hi\n\nAssistant: ```json". A model that thinks is left at "<think" and opens the fence
 * itself.
 * reply: such a call: "\n{...}\n```\n\n".
 * output: the function's result: "User: Function output:\n...\n\nAssistant: ```json". For an answer in words in place
 * of another call, give "Function output:\n..." to wkv_template_turn. */
WKV_API size_t wkv_template_tools_turn(const wkv_template *t, int first, const char *system, const char *tools,
                                       const char *user, wkv_think think, char *out, size_t cap);
WKV_API size_t wkv_template_tools_reply(const wkv_template *t, const char *call, char *out, size_t cap);
WKV_API size_t wkv_template_tools_output(const wkv_template *t, const char *output, wkv_think think, char *out,
                                         size_t cap);

typedef struct wkv_profile {
    const char *name;            /* "g1 open think", "g1 fake think", "g1", "world", "raven", "pile", "plain", or the
                                    name of the JSON file with the values                                             */
    wkv_sampler_options sampler; /* without a seed and lists                                                          */
} wkv_profile;

/* The sampling options that the publishers of a template's models use. With m, the values of generation_config.json in
 * its folder take the place of theirs (temperature, top_p, top_k, min_p, typical_p, presence_penalty,
 * frequency_penalty, penalty_decay), and for a faked thought those of fake_think_generation_config.json; m may be NULL.
 * Penalties are for tokens that are words or parts of words. */
WKV_API void wkv_template_profile(wkv_profile *out, const wkv_template *t, wkv_think think, const wkv_model *m);

/* ---- conversion -------------------------------------------------------------------------------------------------- */

typedef struct {
    /* "f32", "f16", "bf16"; in a GGUF also "q8_0", "q5_1", "q5_0", "q4_1", "q4_0" and the presets "q8", "q5", "q4",
     * "q4mix": docs/formats.md. NULL: nothing is lost: every tensor keeps its type where the file can hold it, and is
     * f32 where it cannot (a .st is f16) */
    const char *type;
    /* of a GGUF: 0: matrices in the order in which they are run, so that it is used where it lies, by this library
     * only; else as llama.cpp reads it */
    int portable;
    const wkv_tokenizer *tokenizer; /* the vocabulary: a GGUF has it inside (but for byte pair encoding); beside other
                         files it is written as PATH.vocab.txt or .vocab.json in place of the extension, unless the
                         model at `path` is given the same without it. Another vocabulary there is an error: WKV_EARG.
                         NULL: none                                                                                   */
    int (*report)(void *user, double done,
                  double total);                    /* now and then; not 0 stops: WKV_ESTOPPED, and no file        */
    int (*verify)(void *user, const char *written); /* the complete file, under a name of its own, before it is renamed
                                                       to `path`; not 0: it is removed, and the file that was at `path`
                                                       stays: WKV_ESTOPPED                                            */
    void *user;
} wkv_convert_options;

/* Write the model to `path`. The extension gives the kind of file: .pth or .safetensors (official names and shapes),
 * .st (as web-rwkv reads it), .gguf (with `portable` as llama.cpp reads it: it has vectors and some small matrices in
 * f32 whatever the type). The file is written beside `path`, read again (names, shapes, types, sizes), and then
 * renamed, as wkv_file.h describes. Only one tensor at a time is in memory.
 * WKV_EARG: no such extension, a type that the file cannot hold, a value that the type cannot, a `path` that is a file
 * of the model, its adapter, its state or the vocabulary, through links too, or no regular file. WKV_EUNSUPPORTED: a
 * version, a vocabulary or a tuned state that the file has no form for. WKV_EIO, WKV_ENOMEM. */
WKV_API int wkv_convert(const wkv_model *m, const char *path, const wkv_convert_options *options);

/* ---- tests ------------------------------------------------------------------------------------------------------- */

/* Tiny models of every version with known logits through every instruction set this processor has. `report` is called
 * with a line for each. Returns 0 when all agree. */
WKV_API int wkv_selftest(void (*report)(void *user, const char *line, int passed), void *user);

/* ---- memory ------------------------------------------------------------------------------------------------------ */

WKV_API size_t wkv_memory_available(void); /* bytes that can be taken without swapping, limits of containers included */
WKV_API size_t wkv_memory_peak(void);      /* most bytes this process has had in memory */
WKV_API size_t wkv_memory_resident(void); /* bytes of this process that are in memory, pages of mapped files included */

/* Bytes that a model, the scratch memory its context has used so far, and that many states take. An embedding in a
 * mapped file does not count: only the rows of tokens that occur are read. */
WKV_API size_t wkv_memory_needed(const wkv_context *c, int states);

#ifdef __cplusplus
}
#endif
#endif
