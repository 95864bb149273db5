/* model.h - a model in memory: its version, its sizes, and the tensors of each layer. layers.c implements it. */
#ifndef WKV_RWKV_MODEL_H
#define WKV_RWKV_MODEL_H

#include "rwkv/arch.h"

struct rwkv {
    const arch *arch;
    int dim[DIMS];
    int L, C, V, F, H, N;
    real group_eps;                                        /* of the norm after wkv; every LayerNorm has 1e-5 */
    tensor emb, ln0_w, ln0_b, ln_out_w, ln_out_b, head;
    char *layers;                                          /* L structs of arch->layer_size */
    real *owned; /* vectors, and matrices that cannot be used in the mapping: one block */
    size_t owned_reals;
    real *state0; /* a tuned initial state from the file (time_state), or NULL */
};

static inline void *rwkv_layer(const rwkv *m, int l) { return m->layers + (size_t)l * m->arch->layer_size; }
/* reals of one layer's state, and of a full state */
int rwkv_layer_state(const rwkv *m);
static inline int rwkv_state_len(const rwkv *m) { return m->L * rwkv_layer_state(m); }

/* Set arch and sizes, and allocate the layers' structs; tensors are empty. WKV_ENOMEM. */
int rwkv_init(rwkv *m, const arch *a, int L, const int dim[DIMS]);
void rwkv_release(rwkv *m);

/* The axes of a state's tensor in a model of these sizes (returns their number); its values; and those of all tensors
 * of a layer. */
int rwkv_state_shape(const state_tensor *s, const int dim[DIMS], int64_t shape[3]);
int rwkv_state_values(const state_tensor *s, const int dim[DIMS]);
int rwkv_state_layer(const state_tensor *all, const int dim[DIMS]);

/* Call fn for every tensor of the model, layer after layer, with its official name and its slot; layer is -1 for those
 * outside the layers (embedding, ln0, ln_out, head). fn returns 0 to continue. Layer 0 of v7 has no v0, v1, v2. */
int rwkv_each(const rwkv *m, int (*fn)(void *user, const char *name, tensor *t, const slot *s, int layer), void *user);

#endif
