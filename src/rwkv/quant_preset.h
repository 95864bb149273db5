/* quant_preset.h - which matrix is stored how: the types that `--type` speaks of, and layouts. */
#ifndef WKV_RWKV_QUANT_PRESET_H
#define WKV_RWKV_QUANT_PRESET_H

#include "rwkv/model.h"

typedef struct {
    const char *name;
    dtype layers;     /* matrices of the layers, but for                              */
    dtype precise;    /* att.output and ffn.value, which write into the stream        */
    dtype vocabulary; /* embedding and head                                           */
    dtype low_rank;   /* small matrices, but for those of the decay and of the mixes  */
} quant_preset;

/* The preset called `name`, in capitals or not: a type ("f16", "q5_1"), which stands for itself in the layers, or
 * one of the short names. NULL: there is none; quant_preset_names lists all. */
const quant_preset *quant_preset_find(const char *name);
const char *quant_preset_names(void); /* "f32, f16, ..." */

/* The type of a matrix of `in` inputs; f16 where its blocks do not fit. DTYPES: it keeps its own (vectors, and the
 * small matrices of the decay and of the mixes, whose errors add up over a text). */
dtype quant_preset_type(const quant_preset *r, const slot *s, int layer, int in);

/* The layout from which products of a matrix of this type and these sizes are quickest. LAYOUT_ROW_MAJOR: a plain
 * orientation, either of the two. */
weight_layout fastest_layout(const slot *s, dtype type, int64_t in, int64_t out);

#endif
