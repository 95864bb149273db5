/* parts.h - what several versions are made of. */
#ifndef WKV_RWKV_PARTS_H
#define WKV_RWKV_PARTS_H

#include <stddef.h>
#include "rwkv/model.h"

static const real NORM_EPS = (real)1e-5; /* of every LayerNorm, in every version */

static inline tensor *layer_norm(cx *c, tensor *x, tensor *w, tensor *b) { return op_norm(c, x, w, b, 1, NORM_EPS); }

/* x mu + prev (1 - mu): v4 and v5 weigh the current token; v6 and v7 weigh the previous one, op_lerp(x, prev, m). */
static inline tensor *mix_current(cx *c, tensor *x, tensor *prev, tensor *mu) { return op_lerp(c, prev, x, mu); }

/* s(R xr) * V relu(K xk)^2: the channel mix of versions 4 to 6 (spec ARCHITECTURES 1.3). */
static inline tensor *gated_ffn(cx *c, tensor *xk, tensor *xr, tensor *K, tensor *V, tensor *R)
{
    tensor *k = op_map(c, MAP_RELU2, op_linear(c, xk, K));
    return op_mul(c, op_map(c, MAP_SIGMOID, op_linear(c, xr, R)), op_linear(c, k, V));
}

/* one row of a layer's slot table; LAYER is the version's struct */
#define SLOT(name, field, rows, cols, flags) {name, offsetof(LAYER, field), rows, cols, flags}
#define SLOT_NORM(name, field) SLOT(name ".weight", field##_w, D_1, D_C, 0), SLOT(name ".bias", field##_b, D_1, D_C, 0)
#define SLOTS(table) .slots = table, .n_slots = (int)(sizeof table / sizeof *table), .layer_size = sizeof(LAYER)

/* Versions 5 to 7: att_x[C], S[H][N][N], ffn_x[C]. */
static inline int matrix_state_len(const rwkv *m) { return 2 * m->C + m->C * m->N; }
void matrix_state_init(const rwkv *m, real *layer);

#endif
