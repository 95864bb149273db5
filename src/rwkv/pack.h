/* pack.h - a bound model's matrices in the types and the layout that it is run in. */
#ifndef WKV_RWKV_PACK_H
#define WKV_RWKV_PACK_H

#include "rwkv/quant_preset.h"

/* Memory that packed matrices lie in; zero: none. */
typedef struct {
    char *data;
    size_t bytes;
} packed;

/* Room for that many bytes of weights, where rows here and there are found quickly. `name` is what the sentence begins
 * with. WKV_ENOMEM. */
int packed_new(packed *out, size_t bytes, const char *name);

/* A matrix as rwkv_pack makes it: type, layout and sizes, without data. */
tensor rwkv_pack_form(const tensor *t, const slot *s, const quant_preset *r, int layer);

/* Give every matrix of m the type that r says (NULL: the one it has) and its fastest layout; without r that of
 * ffn.value alone. A matrix that has both already stays where it is; the rest goes to new memory, one tensor at a time,
 * and its pages of the file leave memory. WKV_ENOMEM before anything is touched, with both numbers; WKV_EARG: a value
 * that the type cannot hold. m is unchanged then. */
int rwkv_pack(rwkv *m, const tensors *file, const quant_preset *r, packed *out);
void rwkv_unpack(packed *p);

/* Bytes that the matrices and vectors of m take in memory in the types of r (NULL: as they are). */
size_t rwkv_weight_bytes(const rwkv *m, const quant_preset *r);

#endif
