/* refuse.c - refusing a readable file that is not an RWKV of versions 4 to 7, with its kind (docs/formats.md,
 * Refused). */
#include "format/reader.h"
#include <string.h>

/* A tensor with `part` in its official name identifies the model. The first row that fits any tensor applies. */
static const struct {
    const char *part, *what;
} strangers[] = {
    {"ffn.enn", "is an RWKV-8 rc00 (the ffn scaled by a table per token), a research variant"},
    {"qkv.", "is an RWKV-7b (DeepEmbed and an attention whose memory grows with the text), a research variant"},
    {"rosa", "is an RWKV-8 experiment with ROSA"},
    {"tiny_att", "is an RWKV-4a with tiny attention, a research variant"},
    {"tiny_q", "is an RWKV-4a with tiny attention, a research variant"},
    {"att.qq", "is an RWKV-4b with an extra attention, a research variant"},
    {"ffnPre", "is an RWKV-4 with ffnPre in place of its first time mixing, a research variant"},
    {"head_q", "is an RWKV-4 with head-QK, a research variant"},
    {"gate_w1", "is an RWKV-6 of the unreleased variants x060a to c (low-rank gate)"},
    {"time_maa_rkvw", "is an RWKV-6 of the unreleased variants x060a to c (four mixes)"},
};

/* Parts of names of fine-tuning files. */
static const char *const adapters[] = {".lora_A", ".lora_B", ".lora.0", ".lora.1", ".init_lora_A", ".disha", ".bone"};

static const char *find_part(const tensors *t, const char *part)
{
    for (int i = 0; i < t->count; i++) {
        if (strstr(t->list[i].name, part)) return t->list[i].name;
    }
    return NULL;
}

const char *tensors_adapter(const tensors *t)
{
    const char *name = NULL;
    for (size_t i = 0; !name && i < sizeof adapters / sizeof *adapters; i++) name = find_part(t, adapters[i]);
    return name;
}

static int count_part(const tensors *t, const char *part)
{
    int n = 0;
    for (int i = 0; i < t->count; i++) n += strstr(t->list[i].name, part) != NULL;
    return n;
}

/* Refuse a file without an embedding: an adapter, a tuned state, or unknown. */
static int refuse_parts(const tensors *t)
{
    const char *lora = tensors_adapter(t);
    int states = count_part(t, "time_state");
    if (lora)
        return fail(WKV_EUNSUPPORTED,
                    "%s: is an adapter (it has %s), not a model; give it together with its base model",
                    t->path, lora);
    if (states)
        return fail(WKV_EUNSUPPORTED,
                    "%s: is a tuned state of %d layers, not a model; give it together with its model",
                    t->path, states);
    return fail(WKV_EUNSUPPORTED,
                "%s: is not an RWKV of versions 4 to 7: %d tensors (the first is %s), but no emb.weight",
                t->path, t->count, t->list[0].name);
}

int tensors_refuse(const tensors *t)
{
    const char *arch = tensors_meta(t, "general.architecture"), *name;
    if (!strncmp(t->format, "gguf", 4) && t->count == 0)
        return fail(WKV_EUNSUPPORTED, "%s: is a GGUF with a vocabulary of %d tokens and no tensors, not a model",
                    t->path, t->n_tokens);
    if (!strcmp(t->naming, "unknown"))
        return fail(WKV_EUNSUPPORTED, "%s: is a GGUF of architecture %s, not an RWKV of versions 4 to 7", t->path,
                    arch ? arch : "(none)");
    if (t->count == 0) return fail(WKV_EUNSUPPORTED, "%s: has no tensors", t->path);
    if (tensors_meta(t, "_strategy"))
        return fail(WKV_EUNSUPPORTED,
                    "%s: was converted by the rwkv package for the strategy \"%s\"; use the file it was made from",
                    t->path, tensors_meta(t, "_strategy"));
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        if ((name = find_part(t, strangers[i].part)))
            return fail(WKV_EUNSUPPORTED, "%s: %s; expected RWKV-4 to 7 (it has %s)", t->path, strangers[i].what,
                        name);
    }
    if (!tensors_find(t, "emb.weight")) return refuse_parts(t);
    if ((name = tensors_adapter(t)))
        return fail(WKV_EUNSUPPORTED, "%s: is a model with an unmerged adapter (%s); merge it first",
                    t->path, name);
    if (!find_part(t, "blocks.0.att."))
        return fail(WKV_EUNSUPPORTED,
                    "%s: is not an RWKV of versions 4 to 7: it has emb.weight, but no tensor in blocks.0.att", t->path);
    return WKV_OK;
}
