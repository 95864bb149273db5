/* write.h - named tensors into files that the tools of the ecosystem open. */
#ifndef WKV_FORMAT_WRITE_H
#define WKV_FORMAT_WRITE_H

#include "base/file.h"
#include "format/tensors.h"

/* Writers take tensors in a list. What is in memory is given as `data`; what is not gives its values when its turn
 * comes, so that only one tensor at a time is in memory. */
typedef struct tensor_out tensor_out;
struct tensor_out {
    const char *name; /* as the file shall have it */
    dtype type;
    int dims;
    int64_t shape[MAX_DIMS];
    const void *data;                               /* row-major, in `type`; or NULL and  */
    int (*values)(const tensor_out *t, float *out); /* all of them as f32; 0 or a failure */
    const void *from;                               /* whatever `values` needs            */
    weight_layout layout; /* one that permutes blocks takes values and blocks as [out][in], whatever the shape is */
    const file_tensor *blocks; /* or in place of both: its blocks, of the same type, as that file has them */
};

/* Write n tensors to an open file. meta: key, value, ..., NULL; or NULL for none. Types: one value each. Data begins at
 * a multiple of 8 and wider types come first (otherwise in the order given), so that every value is aligned in a
 * mapping. WKV_EIO, WKV_ENOMEM; WKV_EARG for what cannot be: a name that is no UTF-8, a value beyond its type. */
int safetensors_put(file_out *f, const tensor_out *t, int n, const char *const *meta);

/* The same as a .pth that torch.load opens: a dictionary of tensors in the order given. Types: F32, F16, BF16. */
int pth_put(file_out *f, const tensor_out *t, int n);

typedef enum { GGUF_U32 = 4, GGUF_I32 = 5, GGUF_F32 = 6, GGUF_TEXT = 8, GGUF_I32S, GGUF_TEXTS } gguf_kind;

/* One entry of a GGUF's metadata. */
typedef struct {
    const char *key;
    gguf_kind kind;
    double number;
    const char *text;     /* a text; or all of several, one behind the other, which */
    const size_t *ends;   /* end here                                              */
    const int32_t *numbers;
    int count;            /* of several */
} gguf_meta;

/* The same as a GGUF: names of at most 63 bytes, at most 4 axes; types of gguf_type. */
int gguf_put(file_out *f, const tensor_out *t, int n, const gguf_meta *meta, int n_meta);
uint32_t gguf_type(dtype type); /* its number in a GGUF; gguf.c */

/* Read the written file f again: the same tensors, types, shapes and sizes; else WKV_EIO. f stays open. */
int tensors_verify(file_out *f, const tensor_out *t, int n);
/* Verify and commit; with err, which is returned then, or after a failed verification, abandon. */
int tensors_commit(file_out *f, int err, const tensor_out *t, int n);

/* All of it: created, written, verified, renamed into place. */
int safetensors_write(const char *path, const tensor_out *t, int n, const char *const *meta);
int pth_write(const char *path, const tensor_out *t, int n);

/* ---- what the writers share -------------------------------------------------------------------------------------- */

int64_t tensor_out_values(const tensor_out *t);
int64_t tensor_out_bytes(const tensor_out *t);
/* Write its numbers. crc (or NULL) is the CRC-32 of what came before and becomes that of all. */
int tensor_put(file_out *f, const tensor_out *t, uint32_t *crc);

/* ---- names ------------------------------------------------------------------------------------------------------- */

/* How another naming stores an official tensor. names.c, which undoes it when such a file is read */
typedef struct {
    char name[96];
    int parts, part; /* it is number `part` of `parts` vectors fused along a new first axis; 1 and 0: not fused */
    int swapped;     /* the last two axes against the official file                                             */
    int flat;        /* all axes are one                                                                        */
    int exp;         /* e to the power of the official value                                                    */
} stored_form;

/* naming: "official", "web-rwkv", "llama.cpp"; version as wkv_model_info has it. */
void names_stored(stored_form *out, const char *naming, const char *version, const char *official);

#endif
