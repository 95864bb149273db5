/* curve_shape.c - a transformer of the same layers and width: its parameters, its cache, its work per token. */
#include "base/error.h"
#include "wkv_curve.h"
#include <math.h>

int wkv_transformer_of(wkv_transformer *out, const wkv_model *m, wkv_transformer_kind kind)
{
    REQUIRE(out, "out");
    REQUIRE(m, "model");
    if (kind != WKV_NEOX && kind != WKV_LLAMA)
        return fail(WKV_EARG, "wkv_transformer_of: the kind is %d, expected WKV_NEOX or WKV_LLAMA", (int)kind);
    const wkv_model_info *a = wkv_model_about(m);
    const int size = a->head_size ? a->head_size : a->width < 64 ? a->width : 64, heads = a->width / size;
    wkv_transformer t = {.name = kind == WKV_NEOX ? "GPT-NeoX" : "Llama",
                         .layers = a->layers,
                         .width = a->width,
                         .heads = heads,
                         .kv_heads = kind == WKV_NEOX ? heads : (heads + 3) / 4,
                         .head_size = size,
                         .vocab = a->vocab};
    const double C = t.width, V = t.vocab, L = t.layers, K = t.kv_heads, D = size;
    t.ffn = kind == WKV_NEOX ? 4 * t.width : (8 * t.width / 3 + 255) / 256 * 256;
    t.parameters = kind == WKV_NEOX ? L * (12 * C * C + 13 * C) + 2 * V * C + 2 * C
                                    : L * (2 * C * C + 2 * C * K * D + 3 * C * t.ffn + 2 * C) + 2 * V * C + C;
    *out = t;
    return 0;
}

double wkv_transformer_cache(const wkv_transformer *t, double tokens)
{
    return t && tokens >= 0 ? 2.0 * t->layers * t->kv_heads * t->head_size * tokens : NAN;
}

/* Weights that a token reads: all but the other rows of the embedding. */
static double weights(const wkv_transformer *t) { return t->parameters - (double)t->vocab * t->width; }

double wkv_transformer_flops(const wkv_transformer *t, double tokens)
{
    return t && tokens >= 0 ? 2 * weights(t) + 4.0 * t->layers * t->width * tokens : NAN;
}

double wkv_transformer_read(const wkv_transformer *t, double tokens, double weight_bytes, double value_bytes)
{
    return t && tokens >= 0 ? weights(t) * weight_bytes + wkv_transformer_cache(t, tokens) * value_bytes : NAN;
}
