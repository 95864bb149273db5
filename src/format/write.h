/* write.h - named tensors to files that the tools of the ecosystem open. */
#ifndef WKV_FORMAT_WRITE_H
#define WKV_FORMAT_WRITE_H

#include "base/file.h"
#include "format/tensors.h"

/* A tensor to write: in memory (`data`), or computed on demand (`values`), so that only one tensor at a time needs
 * memory. */
typedef struct tensor_out tensor_out;
struct tensor_out {
    const char *name; /* as stored */
    dtype type;
    int dims;
    int64_t shape[MAX_DIMS];
    const void *data;                               /* row-major, in `type`; or NULL and                */
    int (*values)(const tensor_out *t, float *out); /* a function that gives all as f32; 0 or a failure */
    const void *from;                               /* argument of `values`                             */
    weight_layout layout;      /* if it permutes blocks, values and blocks are given as [out][in] for every shape */
    const file_tensor *blocks; /* or in place of both: a file's tensor with blocks of the same type, copied */
};

/* Write n tensors to an open file. meta: key, value, ..., NULL; or NULL for none. Types: one value per element. Data
 * begins at a multiple of 8 and wider types come first (otherwise in the given order), so that every value is aligned
 * in a mapping. WKV_EIO, WKV_ENOMEM; WKV_EARG: a name that is not UTF-8, a value beyond its type. */
int safetensors_put(file_out *f, const tensor_out *t, int n, const char *const *meta);

/* The same as a .pth that torch.load opens: a dictionary of tensors in the order given. Types: F32, F16, BF16. */
int pth_put(file_out *f, const tensor_out *t, int n);

/* The same as an .npz that numpy.load opens; meta as in safetensors_put, in the entry metadata.json. Types: F32, F16,
 * F64, I32, I64; at most 4 axes. */
int npz_put(file_out *f, const tensor_out *t, int n, const char *const *meta);

typedef enum { GGUF_U32 = 4, GGUF_I32 = 5, GGUF_F32 = 6, GGUF_TEXT = 8, GGUF_I32S, GGUF_TEXTS } gguf_kind;

/* One entry of a GGUF's metadata. */
typedef struct {
    const char *key;
    gguf_kind kind;
    double number;
    const char *text;   /* one text; or several concatenated, */
    const size_t *ends; /* with these ends                    */
    const int32_t *numbers;
    int count; /* of texts or numbers */
} gguf_meta;

/* The same as a GGUF: names of at most 63 bytes, at most 4 axes; types of gguf_type. */
int gguf_put(file_out *f, const tensor_out *t, int n, const gguf_meta *meta, int n_meta);
uint32_t gguf_type(dtype type); /* its number in a GGUF; gguf.c */

/* Read the written file f back and compare tensors, types, shapes and sizes: WKV_EIO if they differ. f stays open. */
int tensors_verify(file_out *f, const tensor_out *t, int n);
/* Verify and commit; if err is set (it is returned) or verification fails, abandon. */
int tensors_commit(file_out *f, int err, const tensor_out *t, int n);

/* Create, write, verify and rename into place. */
int safetensors_write(const char *path, const tensor_out *t, int n, const char *const *meta);
/* The same file in memory, which the caller frees; `name` is used in messages. */
int safetensors_write_memory(char **out, size_t *bytes, const char *name, const tensor_out *t, int n,
                             const char *const *meta);
int pth_write(const char *path, const tensor_out *t, int n);

/* ---- shared by the writers --------------------------------------------------------------------------------------- */

int64_t tensor_out_values(const tensor_out *t);
int64_t tensor_out_bytes(const tensor_out *t);
/* Write its numbers. crc (or NULL) is the CRC-32 of all bytes before and is continued. */
int tensor_put(file_out *f, const tensor_out *t, uint32_t *crc);

/* ---- names ------------------------------------------------------------------------------------------------------- */

/* An official tensor as another naming stores it. names.c, which also undoes it for reading */
typedef struct {
    char name[96];
    int parts, part; /* it is number `part` of `parts` vectors fused along a new first axis; 1 and 0: not fused */
    int swapped;     /* the last two axes are swapped against the official file                                 */
    int flat;        /* all axes are one                                                                        */
    int exp;         /* the exponential of the official value                                                   */
} stored_form;

/* naming: "official", "web-rwkv", "llama.cpp"; version as in wkv_model_info. */
void names_stored(stored_form *out, const char *naming, const char *version, const char *official);

#endif
