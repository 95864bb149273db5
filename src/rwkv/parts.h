/* parts.h - code that several versions share. */
#ifndef WKV_RWKV_PARTS_H
#define WKV_RWKV_PARTS_H

#include <stddef.h>
#include <string.h>
#include "rwkv/model.h"
#include "rwkv/sizes.h"

static const real NORM_EPS = (real)1e-5; /* of every LayerNorm, in every version */

static inline tensor *layer_norm(cx *c, tensor *x, tensor *w, tensor *b) { return op_norm(c, x, w, b, 1, NORM_EPS); }

/* MIX(c, x, ln_w, ln_b, at, PREVIOUS, {&xk, mu_k}, {&xr, mu_r}): mixtures of LN(x) and its previous row
 * (docs/models.md 1.3). mu is the weight of the current token in versions 4 and 5, of the previous one in 6 and 7. */
#define MIX(c, x, w, b, at, which, ...)                                                                                \
    op_mix(c, &(const mix_in){x, w, b, NORM_EPS}, at, which, (const mixture[]){__VA_ARGS__},                           \
           (int)(sizeof((const mixture[]){__VA_ARGS__}) / sizeof(mixture)))

/* x + s(R xr) * V relu(K xk)^2: the channel mix of versions 4 to 6 (docs/models.md 1.4). */
static inline tensor *gated_ffn(cx *c, tensor *x, tensor *xk, tensor *xr, tensor *K, tensor *V, tensor *R)
{
    tensor *k, *r, *y;
    LINEARS(c, {.y = &k, .x = xk, .w = K, .map = MAP_RELU2, .site = WKV_SITE_FFN_ACT},
               {.y = &r, .x = xr, .w = R, .map = MAP_SIGMOID});
    LINEARS(c, {.y = &y, .x = k, .w = V, .times = r, .plus = x, .site = WKV_SITE_FFN_OUT});
    return y;
}

/* One row of a layer's slot table; LAYER is the version's struct. Further members are last: .init = INIT_..., ... */
#define SLOT(slot_name, field, slot_rows, slot_cols, slot_flags, ...)                                                  \
    {.name = slot_name,                                                                                                \
     .at = offsetof(LAYER, field),                                                                                     \
     .rows = slot_rows,                                                                                                \
     .cols = slot_cols,                                                                                                \
     .flags = slot_flags,                                                                                              \
     __VA_ARGS__}
/* mu of a mixture, with its initial values. */
#define SLOT_MIX(name, field, kind, ...)                                                                               \
    SLOT(name, field, D_1, D_C, SLOT_111, .init = kind, .init_with = {__VA_ARGS__}, .synthetic = {0.5, 0.5})
#define SLOT_NORM(name, field, synthetic_bias)                                                                         \
    SLOT(name ".weight", field##_w, D_1, D_C, 0, .init = INIT_CONSTANT, .init_with = {1}, .synthetic = {1, 1}),        \
        SLOT(name ".bias", field##_b, D_1, D_C, 0, .init = INIT_CONSTANT, .synthetic = {synthetic_bias, synthetic_bias})
#define SLOT_GROUP_NORM(name, field)                                                                                   \
    SLOT(name ".weight", field##_w, D_1, D_C, 0, .init = INIT_GROUP_SCALE, .synthetic = {1, 1}),                       \
        SLOT(name ".bias", field##_b, D_1, D_C, 0, .init = INIT_CONSTANT)
/* A matrix that writes to the residual stream is initially zero, so that a new layer is the identity. */
#define SLOT_OUT(name, field, cols, flags)                                                                             \
    SLOT(name, field, D_C, cols, SLOT_MATRIX | SLOT_RESIDUAL | (flags), .init = INIT_CONSTANT)
#define SLOTS(table) .slots = table, .n_slots = (int)(sizeof table / sizeof *table), .layer_size = sizeof(LAYER)

/* The state of versions 5 to 7. */
extern const state_tensor matrix_state[];
static inline void matrix_state_init(const rwkv *m, real *layer)
{
    memset(layer, 0, (size_t)rwkv_layer_state(m) * sizeof *layer);
}

/* The ffn width of versions with gates, smaller by the gates' parameters. */
static inline int gated_ffn_width(int C) { return C * 7 / 2 / 32 * 32; }

#endif
