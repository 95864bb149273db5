/* gguf.h - what a GGUF says beside its tensors. */
#ifndef WKV_CONVERT_GGUF_H
#define WKV_CONVERT_GGUF_H

#include "rwkv/export.h"
#include "wkv.h"

/* What llama.cpp wants in F32 whatever the type of the file: everything but the big matrices and the low ranks of a, v
 * and g. */
int gguf_wants_f32(const source *s);

/* Has a vocabulary a form in a GGUF? Byte pair encoding has none there. NULL is accepted. */
int gguf_holds(const wkv_tokenizer *t);

/* Write the listed tensors with the metadata that llama.cpp reads, and the words of t, or none when t is NULL. */
int gguf_export(file_out *f, const wkv_model *m, const exporter *x, const wkv_tokenizer *t);

#endif
