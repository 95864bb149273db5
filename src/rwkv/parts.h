/* parts.h - what several versions are made of. */
#ifndef WKV_RWKV_PARTS_H
#define WKV_RWKV_PARTS_H

#include <stddef.h>
#include "rwkv/model.h"

static const real NORM_EPS = (real)1e-5; /* of every LayerNorm, in every version */

static inline tensor *layer_norm(cx *c, tensor *x, tensor *w, tensor *b) { return op_norm(c, x, w, b, 1, NORM_EPS); }

/* MIX(c, x, ln_w, ln_b, at, PREVIOUS, {&xk, mu_k}, {&xr, mu_r}): the mixtures of LN(x) and the token before that a mixing starts
 * from. Versions 4 and 5 give the weight of the current token, 6 and 7 that of the previous one. */
#define MIX(c, x, w, b, at, which, ...)                                                                                \
    op_mix(c, x, w, b, NORM_EPS, at, which, (const mixture[]){__VA_ARGS__},                                            \
           (int)(sizeof((const mixture[]){__VA_ARGS__}) / sizeof(mixture)))

/* x + s(R xr) * V relu(K xk)^2: the channel mix of versions 4 to 6 (spec ARCHITECTURES 1.3). */
static inline tensor *gated_ffn(cx *c, tensor *x, tensor *xk, tensor *xr, tensor *K, tensor *V, tensor *R)
{
    tensor *k, *r, *y;
    LINEARS(c, {.y = &k, .x = xk, .w = K, .map = MAP_RELU2}, {.y = &r, .x = xr, .w = R, .map = MAP_SIGMOID});
    LINEARS(c, {.y = &y, .x = k, .w = V, .times = r, .plus = x});
    return y;
}

/* one row of a layer's slot table; LAYER is the version's struct */
#define SLOT(name, field, rows, cols, flags) {name, offsetof(LAYER, field), rows, cols, flags}
#define SLOT_NORM(name, field) SLOT(name ".weight", field##_w, D_1, D_C, 0), SLOT(name ".bias", field##_b, D_1, D_C, 0)
#define SLOTS(table) .slots = table, .n_slots = (int)(sizeof table / sizeof *table), .layer_size = sizeof(LAYER)

/* Versions 5 to 7: att_x[C], S[H][N][N], ffn_x[C]. */
static inline int matrix_state_len(const rwkv *m) { return 2 * m->C + m->C * m->N; }
void matrix_state_init(const rwkv *m, real *layer);

#endif
