/* wkv.h - RWKV in C: open any checkpoint of versions 4 to 7, run it, talk to it.
 *
 *     wkv_model *m;  wkv_context *c;  wkv_state *s;  wkv_tokenizer *t;
 *     if (wkv_model_open(&m, "RWKV-x070-World-0.1B.pth", NULL) || wkv_context_new(&c, m, NULL) ||
 *         wkv_state_new(&s, m) || wkv_tokenizer_open(&t, NULL, m)) { fputs(wkv_error(), stderr); exit(1); }
 *     int32_t ids[64];
 *     int n = wkv_encode(t, "The Eiffel Tower is in", 22, ids, 64);
 *     float *logits = malloc(sizeof *logits * wkv_model_about(m)->vocab);
 *     wkv_eval(c, s, ids, n, logits);              // the state now remembers the text; logits for the next token
 *
 * Three nouns, because there are three lifetimes:
 *   model    the weights. Read-only once open; any number of contexts and threads share one.
 *   context  the means to compute: threads and scratch memory. One per thread that evaluates.
 *   state    the memory of one sequence: a small block of floats of fixed size. Copying it forks the sequence, saving
 *            it resumes it later. It belongs to the model it was made for.
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
 * any allocation, and open objects stay usable; a context has the scratch memory of every evaluation from its
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
WKV_API const char *wkv_version(void); /* version of the linked library */

/* ---- failure ----------------------------------------------------------------------------------------------------- */

enum {
    WKV_OK = 0,
    WKV_EARG = -1,         /* caller error: a negative count, a state of another model, an unknown option */
    WKV_EIO = -2,          /* system error: no such file, no permission, disk full */
    WKV_EFORMAT = -3,      /* the file is damaged, or is not of the format that its name gives */
    WKV_EUNSUPPORTED = -4, /* the file is valid but not supported; wkv_error() names its kind */
    WKV_ENOMEM = -5,
    WKV_ESTOPPED = -6, /* a callback asked to stop */
    WKV_ECONFLICT = -7 /* another process was first: a name is taken, a session has moved on */
};

WKV_API const char *wkv_error(void); /* the last failure on this thread, one sentence; "" before any */

/* ---- model ------------------------------------------------------------------------------------------------------- */

typedef struct wkv_model wkv_model;

typedef struct {
    /* convert the matrices on opening to "f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", or a preset:
     * "q8", "q5", "q4", "q4mix" (docs/formats.md, "Writing"). NULL: keep their types */
    const char *type;
    /* not 0: convert nothing and keep the layout of ffn.value; for inspecting, converting or training a model */
    int as_stored;
    /* file of an adapter, applied without merging: RWKV-PEFT's names (lora_A, lora_B, disha) or web-rwkv's, .pth or
     * .safetensors. Other tensors in it replace the model's */
    const char *lora;
    float lora_alpha;  /* adapters are scaled by alpha / rank; 0: the alpha in the file */
    const char *state; /* file of a tuned initial state (blocks.N.att.time_state), for every text */
    /* not 0: read the files into memory instead of mapping them. A mapped file must not change while the model is open:
     * a file cut short (truncate, cp over it) ends the process with SIGBUS at the next read beyond its new end, and an
     * overwritten file gives other weights. Writing a new file and renaming it is safe. Without a mapping the file may
     * change; WKV_ENOMEM, with both sizes, when less memory is free */
    int no_mmap;
} wkv_model_options;

/* Open a checkpoint: .pth, .safetensors / .st, .gguf, rwkv.cpp .bin, or a folder of shards; version and sizes are
 * detected from it. Big matrices stay in the file's mapping, but ffn.value is repacked input-major, unless the file
 * stores it so, to skip the rows of inputs that are zero, as most squared ReLUs are. path NULL or "built-in" opens the
 * model inside the library. WKV_EIO, WKV_EFORMAT, WKV_EUNSUPPORTED (the message names the kind of file), WKV_ENOMEM
 * (with the bytes needed and available), WKV_EARG: unknown type, or a value that the type cannot hold. */
WKV_API int wkv_model_open(wkv_model **out, const char *path, const wkv_model_options *options);
WKV_API void wkv_model_close(wkv_model *m);

typedef struct {
    const char *path, *format, *naming; /* "x.gguf", "gguf v3", "llama.cpp" */
    const char *version;                /* "4", "5.0", "5.1", "5.2", "6", "7", "7a" */
    const char *types;                  /* data types of the weights, most bytes first: "bf16, f32" */
    int layers, width;                  /* L, C */
    int heads, head_size;               /* H, N; 0 for version 4 */
    int ffn;                            /* F: rows of ffn.key */
    int vocab;                          /* V: logits per token */
    int rank[5];                        /* v6: {D_M, D_D}; v7: {D_w, D_a, D_v, D_g} */
    float group_norm_eps;
    int64_t parameters;
    size_t file_bytes;
    size_t state_bytes;     /* of one wkv_state */
    size_t weight_bytes[3]; /* bytes of the weights at f32, f16/bf16, and as stored in the file */
    const char *chat;       /* name of its chat template (wkv_template_find) */
    /* tokens of the longest training texts, from its name (ctx16384), a folder's config.json or a GGUF; 0: unknown. Not
     * a limit, but a model forgets more of the text beyond it */
    int context_length;
    const char *rank_name[5];          /* "mix", "decay"; "w", "a", "v", "g": names of rank[i]; NULL after the last */
    const struct wkv_profile *profile; /* its publisher's sampling settings without reasoning (wkv_template_profile) */
} wkv_model_info;

WKV_API const wkv_model_info *wkv_model_about(const wkv_model *m);

/* Check an output path. WKV_EARG if `path` is a file that the model, its adapter or its state was read from (same
 * device and inode, so links count). */
WKV_API int wkv_model_refuse_output(const wkv_model *m, const char *path);

/* The i-th folder of downloaded checkpoints, searched for models by name and for vocabularies: $WKV_MODELS,
 * $XDG_DATA_HOME/wkv, ~/.local/share/wkv, as far as they are set and shorter than cap bytes. Downloads go into the
 * first. Returns 1 with the path in out, 0 past the last. */
WKV_API int wkv_model_folder(char *out, size_t cap, int i);

/* Bytes of memory of the weights when the model is opened with this type (wkv_model_options); NULL: as open now, mapped
 * weights included. 0: unknown type. A text needs state_bytes more, a context some MB. */
WKV_API size_t wkv_model_bytes(const wkv_model *m, const char *type);

/* ---- context ----------------------------------------------------------------------------------------------------- */

typedef struct wkv_context wkv_context;

typedef struct {
    int threads; /* 0: one per physical core */
    /* NULL: WKV_DEVICE if set, else "cpu"; "reference": plain C, one thread, the definition for testing other devices;
     * "opencl:N", "opencl" for the first: a GPU, by a plug-in that is loaded here */
    const char *device;
    /* the instruction set: "avx512", "avx2", "neon", "rvv", "portable"; NULL: WKV_ISA if set, else the best */
    const char *isa;
    /* n: the last n layers and the head run on `device`, the layers before them on the CPU; 0: all run on `device`; -1:
     * none does */
    int device_layers;
} wkv_context_options;

WKV_API int wkv_context_new(wkv_context **out, const wkv_model *m, const wkv_context_options *options);
WKV_API void wkv_context_free(wkv_context *c);
WKV_API const char *wkv_context_isa(const wkv_context *c); /* its instruction set */
WKV_API int wkv_context_threads(const wkv_context *c);
/* Bytes allocated on a device with memory of its own, now and at most so far; 0: there is none. */
WKV_API size_t wkv_context_device_bytes(const wkv_context *c, size_t *most);

/* Consecutive layers of the model on one device, the last ones with the head. */
typedef struct {
    const char *device, *isa;
    int first, layers;   /* the first one; their number */
    size_t weight_bytes; /* on this device; the embedding, which stays in the host's memory, is not included */
} wkv_stage;
/* The i-th stage of a context: the CPU's is first where there are two. 1; 0 past the last. */
WKV_API int wkv_context_stage(const wkv_context *c, int i, wkv_stage *out);

/* Describe device i in a line of text; `name` is its name for wkv_context_options. 1; 0 past the last; negative: OpenCL
 * devices are not known, with the reason in wkv_error. The line is terminated. */
WKV_API int wkv_device_describe(int i, char name[32], char *line, size_t bytes);

/* ---- state ------------------------------------------------------------------------------------------------------- */

typedef struct wkv_state wkv_state;

WKV_API int wkv_state_new(wkv_state **out, const wkv_model *m); /* the initial state of a text */
WKV_API void wkv_state_free(wkv_state *s);
WKV_API void wkv_state_reset(wkv_state *s);
WKV_API int wkv_state_copy(wkv_state *to, const wkv_state *from); /* WKV_EARG when they are of different models */

/* The block itself: `wkv_model_about(m)->state_bytes` bytes of float, layer after layer.
 *   version 4:     att_x[C]  aa[C]  bb[C]  pp[C]  ffn_x[C]            (pp starts at -1e30)
 *   versions 5-7:  att_x[C]  S[H][N key][N value]  ffn_x[C]
 * att_x and ffn_x are the previous token's LayerNorm outputs. */
WKV_API float *wkv_state_data(wkv_state *s);

/* ---- evaluation -------------------------------------------------------------------------------------------------- */

/* Read n tokens into the state. logits: V floats for the next token, or NULL to skip the head. The result is the same
 * for every split of a text into calls and every number of threads. WKV_EARG: a token outside the vocabulary, n < 1, a
 * state of another model. */
WKV_API int wkv_eval(wkv_context *c, wkv_state *s, const int32_t *tokens, int n, float *logits);

typedef struct {
    wkv_state *state; /* a different one for each sequence */
    const int32_t *tokens;
    int n;         /* at least 1 */
    float *logits; /* NULL, or V floats: the logits after the last token */
    float *hidden; /* NULL, or C floats: the last token's row after ln_out, of which wkv_head makes the logits */
    int all_rows;  /* not 0: logits and hidden have n rows, one per token */
    const float *embeddings; /* NULL, or n x C: rows in place of embeddings (wkv_probe.h); only 7a needs tokens too */
} wkv_sequence;

/* Several sequences at once, prompts and generation mixed; each gives the same bits as alone. */
WKV_API int wkv_eval_batch(wkv_context *c, const wkv_sequence *sequences, int count);

/* Logits (n x V) of n hidden rows (n x C): the same bits as those of the evaluation that gave the rows. */
WKV_API int wkv_head(wkv_context *c, const float *hidden, int n, float *logits);

/* ---- text -------------------------------------------------------------------------------------------------------- */

typedef struct wkv_tokenizer wkv_tokenizer;

/* The tokenizer of a model (path NULL): the vocabulary inside its GGUF, a vocabulary file beside it (its path with
 * .vocab.txt or .vocab.json in place of the extension; rwkv_vocab_v20230424.txt, 20B_tokenizer.json, vocab.txt,
 * vocab.json; in a Hugging Face folder also tokenizer.json), or one in $WKV_DATA, $WKV_MODELS, $XDG_DATA_HOME/wkv or
 * ~/.local/share/wkv that matches the model's V; without a file, World and 20B come from the library, and V = 256 means
 * bytes. With a path, that file: World's line format (.txt), a tokenizers .json (20B, World), a character vocabulary
 * (.json), a GGUF; or one of the words "world", "20B", "bytes". m may be NULL with a path. */
WKV_API int wkv_tokenizer_open(wkv_tokenizer **out, const char *path, const wkv_model *m);
WKV_API void wkv_tokenizer_close(wkv_tokenizer *t);
WKV_API const char *
wkv_tokenizer_name(const wkv_tokenizer *t); /* "World", "GPT-NeoX 20B", "bytes", "characters", "trie" */
WKV_API const char *wkv_tokenizer_path(const wkv_tokenizer *t); /* the file of the vocabulary */
WKV_API int wkv_tokenizer_size(const wkv_tokenizer *t);         /* largest id + 1 */
WKV_API int wkv_tokenizer_end(const wkv_tokenizer *t);          /* the id that ends a text, -1: none */

/* Encode text to ids. Returns their total number for any `cap`; writes the first `cap`. WKV_EARG if the vocabulary
 * cannot encode the text (character vocabularies; invalid UTF-8 with 20B), with the offset. */
WKV_API int wkv_encode(const wkv_tokenizer *t, const char *text, size_t bytes, int32_t *ids, int cap);

/* The same for a prompt that the model continues: a blank line at the end of a GPT-NeoX 20B prompt becomes two tokens
 * "\n" instead of one "\n\n", as in the training data of the Pile and Raven models. */
WKV_API int wkv_encode_prompt(const wkv_tokenizer *t, const char *text, size_t bytes, int32_t *ids, int cap);

/* The bytes of one id, borrowed; *bytes is 0 for an end-of-text id and for ids outside the vocabulary. */
WKV_API const char *wkv_token_bytes(const wkv_tokenizer *t, int32_t id, size_t *bytes);

/* Streaming decoder from ids to text: it outputs complete UTF-8 characters and holds back incomplete ones; invalid
 * bytes pass through unchanged. */
typedef struct {
    char wait[4];
    int n;
} wkv_decoder;
/* Append one id's bytes and write the complete characters to out (wkv_decoder_room(t) bytes suffice); returns their
 * length. */
WKV_API size_t wkv_decode(wkv_decoder *d, const wkv_tokenizer *t, int32_t id, char *out);
WKV_API size_t wkv_decode_end(wkv_decoder *d, char *out); /* flush at the end of a text: at most 4 bytes */
WKV_API size_t wkv_decoder_room(const wkv_tokenizer *t);

/* ---- sampling ---------------------------------------------------------------------------------------------------- */

typedef struct wkv_sampler wkv_sampler;

/* In the order of the official sampler: bans and bias, penalties, softmax, top-k/top-p/min-p/typical on the untempered
 * probabilities, then temperature, then sampling. Zero means off, and temperature 0 is greedy. */
typedef struct {
    float temperature;
    /* keep tokens at least as probable as the one that reaches this mass; 0 or 1: off (in the official sampler 0 means
     * greedy, here temperature 0 does) */
    float top_p;
    int top_k;                 /* 0: off */
    float min_p;               /* keep tokens of at least min_p x the most probable; 0: off */
    float typical_p;           /* locally typical mass; 0 or 1: off */
    float mirostat_tau;        /* mirostat 2: target surprise in bits; 0: off; replaces the limits above */
    float mirostat_eta;        /* its learning rate; 0: 0.1 */
    float presence, frequency; /* penalties: logit -= presence + frequency x count */
    float penalty_decay;       /* counts x this after every token; 0: 0.996 */
    const int32_t *bans;       /* excluded ids */
    int n_bans;
    const int32_t *bias_ids; /* logit[bias_ids[i]] += bias[i]; finite, or -infinity to ban the id */
    const float *bias;
    int n_bias;
    uint64_t seed;
} wkv_sampler_options;

/* t identifies the tokens of digits and blanks, which the frequency penalty ignores; it is borrowed until
 * wkv_sampler_free, and may be NULL. The options and their lists are copied. A sampler occupies some hundred bytes, and
 * 16 for each id in these lists and each different id that it has counted; a call uses some 70 KB of the stack. */
WKV_API int wkv_sampler_new(wkv_sampler **out, const wkv_sampler_options *o, int vocab, const wkv_tokenizer *t);
WKV_API void wkv_sampler_free(wkv_sampler *s);

/* Sample an id, and count it for the penalties. A logit of -infinity is legal and bans its id. Errors, without
 * counting: WKV_EFORMAT: a logit is NaN or +infinity, from NaN in weights, adapter or state; WKV_EARG: every id is
 * banned; WKV_ENOMEM. */
WKV_API int32_t wkv_sample(wkv_sampler *s, const float *logits);
/* The same from the ids of a mask, bit id % 64 of mask[id / 64] (wkv_grammar.h), as if the other logits were -infinity;
 * it has (vocab + 63) / 64 words. NULL: all ids. With a mask the sampler also keeps a copy of the logits. */
WKV_API int32_t wkv_sample_masked(wkv_sampler *s, const float *logits, const uint64_t *mask);
/* Count a token that was not sampled (a prompt's); an id outside the vocabulary only decays the counts. WKV_ENOMEM,
 * without counting. */
WKV_API int wkv_sampler_count(wkv_sampler *s, int32_t id);
WKV_API void wkv_sampler_reset(wkv_sampler *s); /* reset the counts; the random stream continues */

/* A token among the next ones of a distribution. */
typedef struct {
    int32_t id;
    int rank;  /* ids that are more probable, or as probable and lower: 0 is the one that greedy sampling chooses */
    float nll; /* minus the natural logarithm of its probability                                                  */
} wkv_token_score;

/* ---- chat templates ---------------------------------------------------------------------------------------------- */

/* Models of template "g1" can reason before they answer. A suffix of the question and the beginning of the answer
 * request it; the model writes the missing ">" itself. Source: BlinkDL/RWKV-LM, RWKV-v7/RWKV7-G1x-templates.txt. */
typedef enum {
    WKV_THINK_OFF,        /* no request: mostly an immediate answer  "xxx\n\nAssistant:" */
    WKV_THINK_SHORT,      /* some sentences                          "xxx (think a bit)\n\nAssistant: <think" */
    WKV_THINK_MEDIUM,     /* medium length                           "xxx (think)\n\nAssistant: <think" */
    WKV_THINK_LONG,       /* long                                    "xxx (think a lot)\n\nAssistant: <think" */
    WKV_THINK_OPEN,       /* unlimited                               "xxx\n\nAssistant: <think" */
    WKV_THINK_FAKE,       /* an empty thought: good answers, fast    "xxx\n\nAssistant: <think>\n</think" */
    WKV_THINK_FAKE_INLINE /* the same without a newline inside       "xxx\n\nAssistant: <think></think" */
} wkv_think;

typedef struct {
    const char *name;             /* "world", "g1", "raven", "pile", "plain" */
    const char *user, *assistant; /* names before the colon: "User", "Assistant"; "Bob", "Alice"; "Q", "A" */
    const char *opening;          /* text before the first turn, or "" */
    const char *system;           /* prefix of a system text: "System: " */
    const char *join;             /* separator of a question and the assistant's name: "\n\n" */
    const char *ending;           /* separator of an answer and the next turn: "\n\n" */
    const char *stops[4];         /* strings that end an answer, NULL-terminated */
    const char *tool_stop; /* the string that ends a tool call: "\n```"; NULL: no support for tools */
} wkv_template;

/* The template called `name`, or with NULL the model's: from the name of its file, of its folder, or inside a GGUF;
 * from the chat template published with it (in a GGUF, chat_template.jinja, tokenizer_config.json), which is recognised
 * by its text and never run; from its vocabulary; and from its version. Without a model, the newest of that name.
 * WKV_EARG for an unknown name, with the list. t may be NULL. */
WKV_API int wkv_template_find(const wkv_template **out, const char *name, const wkv_model *m, const wkv_tokenizer *t);

/* Write one turn of the conversation, up to the beginning of the answer: "User: hi\n\nAssistant:". The `first` turn
 * begins with the opening, or with the system text instead (which may be NULL). Both texts are cleaned: line ends
 * become "\n", and blank lines, which would end a turn, and surrounding blanks are removed. All templates but "g1" use
 * WKV_THINK_OFF. Returns the length for any cap; out is zero-terminated when cap > 0. */
WKV_API size_t wkv_template_turn(const wkv_template *t, int first, const char *system, const char *user,
                                 wkv_think think, char *out, size_t cap);

/* Write the answer after a turn, up to the beginning of the next one: " Hello.\n\n". Its text is cleaned in the same
 * way. Returns and terminates like wkv_template_turn. */
WKV_API size_t wkv_template_reply(const wkv_template *t, const char *text, char *out, size_t cap);

/* The same for tool calls (wkv_tools.h): turns and replies by turns, which clean, return and terminate like the two
 * above; a template without tool_stop gives "" and 0.
 *
 * turn: the first gives the tools after the system text (which may be NULL), as a list of lines
 * ("- get_weather(location: string)") or as JSON, an array with one object of "name", "description" and "arguments" a
 * line. call: the answer is to be a call, and the turn ends before it: "System: Tools:\n...\nReturn only a JSON
 * function call.\n\nUser: hi\n\nAssistant: ```json". A reasoning model opens the fence itself after "<think". call 0:
 * the model chooses between a call and words. The result of a function is a question that begins with
 * "Function output:\n".
 * reply: a call: "\n{...}\n```\n\n", behind its fence. */
WKV_API size_t wkv_template_tools_turn(const wkv_template *t, int first, const char *system, const char *tools,
                                       const char *user, wkv_think think, int call, char *out, size_t cap);
WKV_API size_t wkv_template_tools_reply(const wkv_template *t, const char *call, char *out, size_t cap);

typedef struct wkv_profile {
    const char *name;            /* "g1 open think", "g1 fake think", "g1", "world", "raven", "pile", "plain", or the
                                    name of the JSON file with the values                                             */
    wkv_sampler_options sampler; /* without a seed and lists */
} wkv_profile;

/* The sampling options recommended by the publishers of a template's models. With m, values of generation_config.json
 * in its folder override them (temperature, top_p, top_k, min_p, typical_p, presence_penalty, frequency_penalty,
 * penalty_decay), and for the fake modes those of fake_think_generation_config.json; m may be NULL. Penalties are for
 * tokens that are words or parts of words. */
WKV_API void wkv_template_profile(wkv_profile *out, const wkv_template *t, wkv_think think, const wkv_model *m);
/* Replace missing settings, those that are NAN (top_k: -1), by the profile's. Its penalties become 0 where tokens are
 * bytes or characters, which every text repeats; t may be NULL. */
WKV_API void wkv_profile_fill(wkv_sampler_options *o, const wkv_profile *p, const wkv_tokenizer *t);

/* ---- conversion -------------------------------------------------------------------------------------------------- */

typedef struct {
    /* "f32", "f16", "bf16"; in a GGUF also "q8_0", "q5_1", "q5_0", "q4_1", "q4_0" and the presets "q8", "q5", "q4",
     * "q4mix": docs/formats.md. NULL: lossless: every tensor keeps its type if the format supports it, else becomes f32
     * (a .st is f16) */
    const char *type;
    /* GGUF only. 0: kernel layout, mapped without a copy, for this library only; else the layout of llama.cpp */
    int portable;
    /* the vocabulary: a GGUF contains it (except byte pair encoding); for other formats it is written as PATH.vocab.txt
     * or .vocab.json in place of the extension, unless the lookup at `path` finds the same without it. A different
     * vocabulary there is an error: WKV_EARG. NULL: none */
    const wkv_tokenizer *tokenizer;
    /* progress callback; a nonzero return stops: WKV_ESTOPPED, and no file */
    int (*report)(void *user, double done, double total);
    /* receives the complete file under a temporary name, before it is renamed to `path`; a nonzero return removes it
     * and keeps the old file at `path`: WKV_ESTOPPED */
    int (*verify)(void *user, const char *written);
    void *user;
} wkv_convert_options;

/* Write the model to `path`. The extension selects the format: .pth or .safetensors (official names and shapes), .st
 * (for web-rwkv), .gguf (for llama.cpp with `portable`; vectors and some small matrices are f32 for every type). The
 * file is written under a temporary name, read again (names, shapes, types, sizes), and then renamed, as wkv_file.h
 * describes. Only one tensor at a time is in memory. WKV_EARG: unknown extension, a type that the format cannot hold, a
 * value that the type cannot hold, a `path` that is a file of the model, its adapter, its state or the vocabulary (also
 * through links), or not a regular file. WKV_EUNSUPPORTED: a version, a vocabulary or a tuned state that the format
 * cannot represent. WKV_EIO, WKV_ENOMEM. */
WKV_API int wkv_convert(const wkv_model *m, const char *path, const wkv_convert_options *options);

/* ---- tests ------------------------------------------------------------------------------------------------------- */

/* Run tiny models of every version with known logits through every instruction set of this processor, and the device of
 * WKV_DEVICE. Calls `report` with a line for each. Returns 0 if all agree. */
WKV_API int wkv_selftest(void (*report)(void *user, const char *line, int passed), void *user);

/* ---- memory ------------------------------------------------------------------------------------------------------ */

WKV_API size_t wkv_memory_available(void); /* bytes available without swapping, within the limits of containers */
WKV_API size_t wkv_memory_peak(void);      /* peak resident bytes of this process */
WKV_API size_t wkv_memory_resident(void);  /* resident bytes of this process, pages of mapped files included */

/* Bytes of a model, its context's scratch memory used so far, and `states` states, without an embedding in a mapped
 * file: only the rows of occurring tokens are read. */
WKV_API size_t wkv_memory_needed(const wkv_context *c, int states);

#ifdef __cplusplus
}
#endif
#endif
