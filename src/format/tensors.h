/* tensors.h - one view of any checkpoint: named tensors in a mapped file.
 *
 * Whatever the container (.pth, .safetensors, GGUF, rwkv.cpp .bin) and whatever its naming (official, HF, fla, rwkv-rs,
 * web-rwkv, llama.cpp), the tensors of this view have the OFFICIAL names ("blocks.3.att.key.weight") and the official
 * meaning. Where a file stores something else than the official file would, the view notes the difference
 * (`transposed`, `holds`, `scale`), and tensor_read() undoes it, so that the values read are those of the official
 * checkpoint. Big matrices are used in place through `data` with those notes; everything small is read. rwkv/model.c,
 * not this view, recognises an RWKV. */
#ifndef WKV_FORMAT_TENSORS_H
#define WKV_FORMAT_TENSORS_H

#include "format/layout.h"

enum { MAX_DIMS = 8 };

/* what the stored number is, when it is not the official one */
typedef enum {
    AS_IS,
    HOLDS_EXP,        /* exp(x):       rwkv.cpp, v5.0 time_first            */
    HOLDS_NEG_EXP,    /* -exp(x):      rwkv.cpp, v4 time_decay              */
    HOLDS_EXP_NEG_EXP /* exp(-exp(x)): rwkv.cpp, v5 time_decay              */
} holds;

typedef struct {
    const char *name; /* official                                                               */
    dtype type;
    int dims;
    int64_t shape[MAX_DIMS];  /* as STORED (PyTorch order, last index fastest)                          */
    int64_t stride[MAX_DIMS]; /* in elements, for types of one value a block; blocks are contiguous     */
    const uint8_t *data;      /* in the mapping, of any alignment                                       */
    int contiguous;           /* stride is the row-major one                                            */
    int transposed;           /* the last two axes are swapped against the official file                */
    weight_layout layout;     /* of the matrix as stored; LAYOUT_ROW_MAJOR where the file does not say that
                                 rows are inputs: the model knows (rwkv/bind.c)                         */
    holds holds;
    float scale; /* official value = stored value x scale (a power of two; GGUF rescale)   */
} file_tensor;

typedef struct tensors tensors;

/* Open a checkpoint, or the one a directory holds (sharded safetensors / HF folder). Reads headers only. Returns 0 or a
 * negative code with a sentence that starts with the path. */
int tensors_open(tensors **out, const char *path);
/* The same with the files read into memory: later changes of the files do not matter. WKV_ENOMEM, with both sizes, when
 * less is free. */
int tensors_load(tensors **out, const char *path);
/* One file with the names and shapes it has, official or not: to verify a written file. */
int tensors_open_stored(tensors **out, const char *path);
/* The same over bytes in memory that outlive it (the built-in model, the fuzzers); `name` is used in messages. */
int tensors_open_memory(tensors **out, const void *data, size_t size, const char *name);
void tensors_close(tensors *t);
/* From here on t owns `over`, whose tensors are found in the place of t's of the same name, and whose metadata where t
 * has none. What is counted, listed and refused is t's alone. The last one laid over wins. */
void tensors_lay_over(tensors *t, tensors *over);
/* WKV_EARG when `path`, which is about to be written, is a file (device and inode) of t or of an overlay. */
int tensors_refuse_output(const tensors *t, const char *path);
/* Say how the data is about to be read: small tensors only (said again after each), or (as it begins) big ones from end
 * to end. See file_expect. */
void tensors_expect(const tensors *t, int long_runs);
/* Say that what lies at data will not be read again: its pages leave memory where they are a file's. */
void tensors_forget(const tensors *t, const void *data, size_t bytes);
/* 0 for what may be an RWKV of versions 4 to 7; for anything else (adapters, states, research variants, other
 * architectures, a vocabulary alone, files converted for one program) WKV_EUNSUPPORTED and a sentence that says what it
 * is. */
int tensors_refuse(const tensors *t);

int tensors_count(const tensors *t);
const file_tensor *tensors_at(const tensors *t, int i);
const file_tensor *tensors_find(const tensors *t, const char *name); /* NULL when it is not there */

const char *tensors_path(const tensors *t);
const char *
tensors_file(const tensors *t); /* the only file of a checkpoint, inside the folder too; NULL: it has several */
const char *tensors_path_of(const tensors *t, const file_tensor *f); /* of f's file: t's, or an overlay's */
const char *tensors_format(const tensors *t);                        /* "pth (zip)", "gguf v3", "rwkv.cpp 101" ... */
/* "official", "hf" (4, 5, 6), "transformers", "fla", "rwkv-rs" (7), "web-rwkv", "llama.cpp", "rwkv.cpp", "unknown" */
const char *tensors_naming(const tensors *t);
size_t tensors_bytes(const tensors *t); /* of the file(s)            */

/* Text metadata (safetensors __metadata__, GGUF strings, texts beside the tensors of a .pth, a folder's chat template
 * as "tokenizer.chat_template"), NULL when absent. */
const char *tensors_meta(const tensors *t, const char *key);
/* Number metadata (GGUF integers, floats, bools; numbers of a folder's config.json, tokenizer_config.json and
 * (fake_think_)generation_config.json, as "config.hidden_size"); `otherwise` when absent. "group_norm_eps" is 1e-5 in
 * rwkv.cpp's v5 files, which are computed so, and absent elsewhere. */
double tensors_number(const tensors *t, const char *key, double otherwise);
/* GGUF vocabulary: the i-th entry of tokenizer.ggml.tokens as stored (Python-escaped), its bytes in *len; NULL past the
 * end. */
const char *tensors_token(const tensors *t, int i, size_t *len);
int tensors_token_count(const tensors *t); /* 0: no vocabulary inside   */

int64_t tensor_values(const file_tensor *f); /* product of the shape      */
/* not integers or booleans */
static inline int tensor_is_weight(const file_tensor *f) { return dtype_is_weight(f->type); }
/* Size of axis i of the OFFICIAL tensor (transposition undone), 1 beyond its axes. Vectors may have axes of size 1 more
 * or fewer than the official file ([1, 1, C] or [C]); the two axes of r_k, time_faaaa and v5.2's time_decay are always
 * there. */
int64_t tensor_axis(const file_tensor *f, int i);
/* All values, official order and meaning, as f32: strides gathered, blocks decoded, transposition and `holds` undone.
 * `out` has room for `capacity` values; WKV_EFORMAT, and nothing is written, when the tensor has more. */
int tensor_read(const file_tensor *f, float *out, int64_t capacity);

#endif
