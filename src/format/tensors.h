/* tensors.h - one view of any checkpoint: named tensors in a mapped file.
 *
 * For any container (.pth, .safetensors, GGUF, rwkv.cpp .bin) and any naming (official, HF, fla, rwkv-rs, web-rwkv,
 * llama.cpp), the tensors of this view have the OFFICIAL names ("blocks.3.att.key.weight") and the official meaning. If
 * a file stores them differently, the view records the difference (`transposed`, `holds`, `scale`), and tensor_read()
 * undoes it, so that the values read are those of the official checkpoint. Big matrices are used in place through
 * `data`, with these differences; small tensors are read. The view does not depend on RWKV: rwkv/sizes.c detects it. */
#ifndef WKV_FORMAT_TENSORS_H
#define WKV_FORMAT_TENSORS_H

#include "base/file.h"
#include "format/layout.h"

enum { MAX_DIMS = 8 };

/* the stored function of the official number */
typedef enum {
    AS_IS,
    HOLDS_EXP,        /* exp(x):       rwkv.cpp, v5.0 time_first */
    HOLDS_NEG_EXP,    /* -exp(x):      rwkv.cpp, v4 time_decay   */
    HOLDS_EXP_NEG_EXP /* exp(-exp(x)): rwkv.cpp, v5 time_decay   */
} holds;

typedef struct {
    const char *name; /* official                                                               */
    dtype type;
    int dims;
    int64_t shape[MAX_DIMS];  /* as STORED (PyTorch order, last index fastest)                      */
    int64_t stride[MAX_DIMS]; /* in elements, for types of one value a block; blocks are contiguous */
    const uint8_t *data;      /* in the mapping, of any alignment                                   */
    int contiguous;           /* stride is the row-major one                                        */
    int transposed;           /* the last two axes are swapped against the official file            */
    weight_layout layout;     /* of the matrix as stored. LAYOUT_ROW_MAJOR does not say whether rows are
                                 inputs: rwkv/bind.c decides                                            */
    holds holds;
    float scale; /* official value = stored value x scale (a power of two; GGUF rescale)   */
} file_tensor;

typedef struct tensors tensors;

/* Open a checkpoint, or the one in a directory (sharded safetensors / HF folder). Reads headers only. Returns 0 or a
 * negative code with a sentence that starts with the path. */
int tensors_open(tensors **out, const char *path);
/* The same with the files read into memory, independent of later changes of the files. WKV_ENOMEM, with the needed and
 * the available bytes. */
int tensors_load(tensors **out, const char *path);
/* One file with its stored names and shapes, official or not: to verify a written file. */
int tensors_open_stored(tensors **out, const char *path);
/* tensors_open for bytes in memory, which the caller keeps until tensors_close (the built-in model, the fuzzers);
 * `name` is used in messages. */
int tensors_open_memory(tensors **out, const void *data, size_t size, const char *name);
void tensors_close(tensors *t);
/* Overlay t with `over`, which t then owns: tensors_find prefers its tensors to t's of the same name, and tensors_meta
 * uses its metadata if t has none. Counts, lists and refusals are of t alone. A later overlay overrides an earlier
 * one. */
void tensors_overlay(tensors *t, tensors *over);
/* WKV_EARG when `path`, which is about to be written, is a file (device and inode) of t or of an overlay. */
int tensors_refuse_output(const tensors *t, const char *path);
/* Announce the next reads of its files, as file_expect: small tensors only, long runs (the default), scattered. */
void tensors_expect(const tensors *t, file_reads next);
/* Announce that bytes at data are not read again, so that pages of a mapping are released. */
void tensors_forget(const tensors *t, const void *data, size_t bytes);
/* 0 for a possible RWKV of versions 4 to 7; for anything else (adapters, states, research variants, other
 * architectures, a vocabulary alone, files converted for one program) WKV_EUNSUPPORTED and a sentence that names it. */
int tensors_refuse(const tensors *t);

/* The name of a tensor of an adapter; NULL: there is none. */
const char *tensors_adapter(const tensors *t);

int tensors_count(const tensors *t);
const file_tensor *tensors_at(const tensors *t, int i);
const file_tensor *tensors_find(const tensors *t, const char *name); /* NULL when it is not there */

const char *tensors_path(const tensors *t);
/* the file of a checkpoint of one file, in a folder too; NULL: several files */
const char *tensors_file(const tensors *t);
const char *tensors_path_of(const tensors *t, const file_tensor *f); /* of f's file: t's, or an overlay's */
const char *tensors_format(const tensors *t);                        /* "pth (zip)", "gguf v3", "rwkv.cpp 101" ... */
/* "official", "hf" (4, 5, 6), "transformers", "fla", "rwkv-rs" (7), "web-rwkv", "llama.cpp", "rwkv.cpp", "unknown" */
const char *tensors_naming(const tensors *t);
size_t tensors_bytes(const tensors *t); /* of the file(s)            */

/* Text metadata (safetensors __metadata__, GGUF strings, texts beside the tensors of a .pth, a folder's chat template
 * as "tokenizer.chat_template"), NULL when absent. */
const char *tensors_meta(const tensors *t, const char *key);
/* Number metadata (GGUF integers, floats, bools; numbers of a folder's config.json, tokenizer_config.json and
 * (fake_think_)generation_config.json, as "config.hidden_size"); `otherwise` when absent. "group_norm_eps" is 1e-5, as
 * in rwkv.cpp, for its v5 files, and absent elsewhere. */
double tensors_number(const tensors *t, const char *key, double otherwise);
/* GGUF vocabulary: the i-th entry of tokenizer.ggml.tokens as stored (Python-escaped), its bytes in *len; NULL past the
 * end. */
const char *tensors_token(const tensors *t, int i, size_t *len);
int tensors_token_count(const tensors *t); /* 0: no vocabulary inside   */

int64_t tensor_values(const file_tensor *f); /* product of the shape      */
/* not integers or booleans */
static inline int tensor_is_weight(const file_tensor *f) { return dtype_is_weight(f->type); }
/* Size of axis i of the OFFICIAL tensor (transposition undone), 1 beyond its axes. Vectors may have more or fewer axes
 * of size 1 than the official file ([1, 1, C] or [C]); r_k, time_faaaa and v5.2's time_decay always have two axes. */
int64_t tensor_axis(const file_tensor *f, int i);
/* All values, official order and meaning, as f32: strides gathered, blocks decoded, transposition and `holds` undone.
 * WKV_EFORMAT, and nothing is written, if the tensor has more than `capacity` values. */
int tensor_read(const file_tensor *f, float *out, int64_t capacity);

#endif
