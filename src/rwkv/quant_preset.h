/* quant_preset.h - data type and layout of each matrix: the presets of `--type`. */
#ifndef WKV_RWKV_QUANT_PRESET_H
#define WKV_RWKV_QUANT_PRESET_H

#include "rwkv/model.h"

typedef struct {
    const char *name;
    dtype layers;     /* matrices of the layers, except                               */
    dtype precise;    /* att.output and ffn.value, which write to the residual stream */
    dtype vocabulary; /* embedding and head                                           */
    dtype low_rank;   /* small matrices, except those of the decay and the mixes      */
} quant_preset;

/* The preset `name`, case-insensitive: a data type ("f16", "q5_1"), which is then the layers' type, or a short name.
 * NULL: unknown; quant_preset_names lists all. */
const quant_preset *quant_preset_find(const char *name);
const char *quant_preset_names(void); /* "f32, f16, ..." */

/* The type of a matrix of `in` inputs; f16 if `in` is no multiple of the block. DTYPES: it keeps its own (vectors, and
 * the small matrices of the decay and the mixes, whose errors accumulate over a text). */
dtype quant_preset_type(const quant_preset *r, const slot *s, int layer, int in);

/* The layout with the fastest matrix product for this type and these sizes. LAYOUT_ROW_MAJOR: not interleaved, in
 * either orientation. */
weight_layout fastest_layout(const slot *s, dtype type, int64_t in, int64_t out);

#endif
