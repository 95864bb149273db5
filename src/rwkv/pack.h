/* pack.h - a bound model's matrices in the types and the layout of the kernels. */
#ifndef WKV_RWKV_PACK_H
#define WKV_RWKV_PACK_H

#include "rwkv/quant_preset.h"

/* Memory of packed matrices; zero: none. */
typedef struct {
    char *data;
    size_t bytes;
} packed;

/* Allocate bytes of weights, in huge pages if possible, for random access to rows. An error begins with `name`.
 * WKV_ENOMEM. */
int packed_new(packed *out, size_t bytes, const char *name);

/* Type, layout and sizes of a matrix after rwkv_pack, without data. */
tensor rwkv_pack_form(const tensor *t, const slot *s, const quant_preset *r, int layer);

/* Convert every matrix of m to its type in r and its fastest layout; if r is NULL, only ffn.value to its layout. A
 * matrix that has both already stays in place; the others are copied to new memory, one tensor at a time, and their
 * pages of the file are released. On error m is unchanged. WKV_ENOMEM, with the needed and the available bytes, before
 * any change; WKV_EARG: a value that the type cannot represent. */
int rwkv_pack(rwkv *m, const tensors *file, const quant_preset *r, packed *out);
void rwkv_unpack(packed *p);

/* Bytes of the matrices and vectors of m in the types of r (NULL: in their present types). */
size_t rwkv_weight_bytes(const rwkv *m, const quant_preset *r);

#endif
