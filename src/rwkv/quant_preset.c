/* quant_preset.c - the presets, chosen by their errors in docs/performance.md. */
#include "rwkv/quant_preset.h"
#include <string.h>
#include <strings.h>

/* clang-format off */
static const quant_preset presets[] = {
    /*         layers precise vocabulary low rank */
    {"f32",    F32,   F32,    F32,       F32},
    {"f16",    F16,   F16,    F16,       F16},
    {"bf16",   BF16,  BF16,   BF16,      BF16},
    {"q8_0",   Q8_0,  Q8_0,   Q8_0,      Q8_0},
    {"q5_1",   Q5_1,  Q5_1,   Q8_0,      Q8_0},
    {"q5_0",   Q5_0,  Q5_0,   Q8_0,      Q8_0},
    {"q4_1",   Q4_1,  Q4_1,   Q8_0,      Q8_0},
    {"q4_0",   Q4_0,  Q4_0,   Q8_0,      Q8_0},
    {"q8",     Q8_0,  Q8_0,   Q8_0,      Q8_0},
    {"q5",     Q5_1,  Q5_1,   Q8_0,      Q8_0},
    {"q4",     Q4_0,  Q4_0,   Q8_0,      Q8_0},
    {"q4mix",  Q4_1,  Q5_1,   Q8_0,      Q8_0},
};
/* clang-format on */
enum { PRESETS = sizeof presets / sizeof *presets };

const quant_preset *quant_preset_find(const char *name)
{
    for (int i = 0; i < PRESETS; i++)
        if (!strcasecmp(presets[i].name, name)) return &presets[i];
    return NULL;
}

const char *quant_preset_names(void)
{
    return "f32, f16, bf16, q8_0, q5_1, q5_0, q4_1, q4_0, and the presets q8, q5, q4, q4mix";
}

weight_layout fastest_layout(const slot *s, dtype type, int64_t in, int64_t out)
{
    weight_layout blocks = s->flags & SLOT_INPUT_MAJOR ? LAYOUT_SPARSE_BLOCKS : LAYOUT_INTERLEAVED;
    if (!(s->flags & (SLOT_MATRIX | SLOT_LOW_RANK)) || s->flags & SLOT_TABLE)
        return LAYOUT_ROW_MAJOR; /* a table is read by row */
    if (layout_fits(blocks, type, in, out)) return blocks;
    return s->flags & SLOT_INPUT_MAJOR && dtypes[type].values == 1 ? LAYOUT_INPUT_MAJOR : LAYOUT_ROW_MAJOR;
}

dtype quant_preset_type(const quant_preset *r, const slot *s, int layer, int in)
{
    if (!(s->flags & (SLOT_MATRIX | SLOT_LOW_RANK))) return DTYPES;
    if (s->flags & SLOT_KEEP_TYPE) return DTYPES;
    dtype t = s->flags & SLOT_LOW_RANK             ? r->low_rank
              : layer < 0 || s->flags & SLOT_TABLE ? r->vocabulary
              : s->flags & SLOT_RESIDUAL           ? r->precise
                                                   : r->layers;
    return in % dtypes[t].values ? F16 : t;
}
