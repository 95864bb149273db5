/* model.h - a model in memory: sizes, the tensors of each layer, and the version's own functions.
 *
 * Each version is one file, rwkv4.c ... rwkv7.c: a struct of a layer's tensors, the ONE table that names them (used to bind,
 * to initialise, to train, to save), and the block in operations. model.c opens and detects, forward.c runs. */
#ifndef WKV_RWKV_MODEL_H
#define WKV_RWKV_MODEL_H

#include "format/tensors.h"
#include "ops/ops.h"

/* axis sizes that a table of slots speaks of; ranks are read from the file */
typedef enum { D_1, D_5, D_C, D_V, D_F, D_H, D_N, D_5R0, D_R0, D_R1, D_R2, D_R3, DIMS } dim;

/* what a slot is to the optimizer and to memory */
enum {
    SLOT_MATRIX = 1,    /* used in place from the mapping; weight decay in training                    */
    SLOT_LOW_RANK = 2,  /* a small matrix stored [in, out]; in place, no weight decay                  */
    SLOT_LATE = 4,      /* layers >= 1 only (v7's v0, v1, v2; may be there in layer 0 and is not used) */
    SLOT_FAST = 8       /* learning rate x 2 (decay)                                                   */
};

typedef struct {
    const char *name;   /* after "blocks.N.", or the whole name */
    size_t at;          /* offset of its tensor in the layer's struct */
    dim rows, cols;     /* official shape, squeezed: vectors are D_1 x D_C */
    int flags;
} slot;

typedef struct rwkv rwkv;

typedef struct {
    const char *version;                                   /* "7" */
    const slot *slots;
    int n_slots;
    size_t layer_size;
    int (*state_len)(const rwkv *m);                       /* reals of one layer's state */
    void (*state_init)(const rwkv *m, real *layer);
    block_fn *block;                                       /* p is the rwkv */
} arch;

extern const arch arch4, arch50, arch51, arch52, arch6, arch7;

struct rwkv {
    const arch *arch;
    int dim[DIMS];
    int L, C, V, F, H, N;
    real norm_eps, group_eps;
    tensor emb, ln0_w, ln0_b, ln_out_w, ln_out_b, head;
    char *layers;                                          /* L structs of arch->layer_size */
    void *owned;                                           /* vectors and what could not stay in the mapping: one block */
    size_t owned_bytes;
};

static inline void *rwkv_layer(const rwkv *m, int l) { return m->layers + (size_t)l * m->arch->layer_size; }
static inline int rwkv_state_len(const rwkv *m) { return m->L * m->arch->state_len(m); }
void rwkv_state_init(const rwkv *m, real *state);

/* Find version and sizes, bind every tensor; names what is missing, has a wrong shape, or is another architecture. */
int rwkv_bind(rwkv *m, const tensors *t);
void rwkv_release(rwkv *m);

/* Call fn for every tensor of the model, in official order, with its official name and its slot. */
void rwkv_each(const rwkv *m, void (*fn)(void *user, const char *name, tensor *t, const slot *s, int layer), void *user);

/* Run tokens (c->b->rows of them) through the model; logits of rows[0..n) (NULL: of all). States are advanced. */
tensor *rwkv_forward(cx *c, const rwkv *m, const int32_t *tokens, const int *rows, int n);

#endif
