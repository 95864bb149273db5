/* gguf.h - the metadata and vocabulary of a GGUF. */
#ifndef WKV_CONVERT_GGUF_H
#define WKV_CONVERT_GGUF_H

#include "rwkv/export.h"
#include "wkv.h"

/* Whether llama.cpp requires F32 for files of every type: everything except the big matrices and the low-rank
 * matrices of a, v and g. */
int gguf_wants_f32(const source *s);

/* Whether a GGUF can store the vocabulary; byte pair encoding it cannot. NULL is accepted. */
int gguf_holds(const wkv_tokenizer *t);

/* Write the listed tensors with the metadata that llama.cpp reads, and the words of t, if not NULL. */
int gguf_export(file_out *f, const wkv_model *m, const exporter *x, const wkv_tokenizer *t);

#endif
