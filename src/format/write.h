/* write.h - named tensors into files that the tools of the ecosystem open. */
#ifndef WKV_FORMAT_WRITE_H
#define WKV_FORMAT_WRITE_H

#include "base/file.h"
#include "format/tensors.h"

/* Writers take tensors in a list. What is in memory is given as `data`; what is not gives its values when its turn comes, so that
 * only one tensor at a time is in memory. */
typedef struct tensor_out tensor_out;
struct tensor_out {
    const char *name; /* as the file shall have it */
    dtype type;
    int dims;
    int64_t shape[MAX_DIMS];
    const void *data;                               /* row-major, in `type`; or NULL and  */
    int (*values)(const tensor_out *t, float *out); /* all of them as f32; 0 or a failure */
    const void *from;                               /* whatever `values` needs            */
};

/* Write n tensors to `path`, beside it first and renamed when complete. meta: key, value, ..., NULL; or NULL for none. Types: one
 * value each. Data begins at a multiple of 8 and wider types come first (otherwise in the order given), so that every value is
 * aligned in a mapping. WKV_EIO, WKV_ENOMEM; WKV_EARG for what cannot be: a name that is no UTF-8, a value beyond its type. */
int safetensors_write(const char *path, const tensor_out *t, int n, const char *const *meta);

/* The same as a .pth that torch.load opens: a dictionary of tensors in the order given. Types: F32, F16, BF16. */
int pth_write(const char *path, const tensor_out *t, int n);

/* ---- what the writers share ------------------------------------------------------------------------------------------ */

int64_t tensor_out_values(const tensor_out *t);
int64_t tensor_out_bytes(const tensor_out *t);
/* Write its numbers. crc (or NULL) is the CRC-32 of what came before and becomes that of all. */
int tensor_put(file_out *f, const tensor_out *t, uint32_t *crc);

/* ---- names ------------------------------------------------------------------------------------------------------------ */

/* How another naming stores an official tensor. names.c, which undoes it when such a file is read */
typedef struct {
    char name[96];
    int parts, part; /* it is number `part` of `parts` vectors fused along a new first axis; 1 and 0: not fused */
    int swapped;     /* the last two axes against the official file                                             */
    int flat;        /* all axes are one                                                                        */
} stored_form;

/* naming: "official", "web-rwkv"; version as wkv_model_info has it. */
void names_stored(stored_form *out, const char *naming, const char *version, const char *official);

#endif
