/* model.h - a model in memory: sizes, the tensors of each layer, and the version's own functions.
 *
 * Each version is one file, rwkv4.c ... rwkv7.c: a struct of a layer's tensors, the ONE table that names them (used to bind,
 * to initialise, to train, to save), and the block in operations. model.c opens and detects, forward.c runs. */
#ifndef WKV_RWKV_MODEL_H
#define WKV_RWKV_MODEL_H

#include "format/tensors.h"
#include "ops/ops.h"

/* axis sizes that a table of slots names; ranks, and the size E of DeepEmbed's matrices, E x E = EE, are read from the
 * file */
typedef enum { D_1, D_C, D_V, D_F, D_H, D_N, D_R0, D_R1, D_R2, D_R3, D_5R0, D_E, D_EE, DIMS } axis_size;

/* what a slot is to the optimizer and to memory */
enum {
    SLOT_MATRIX = 1,    /* used in place from the mapping; weight decay in training                    */
    SLOT_LOW_RANK = 2,  /* a small matrix stored [in, out]; in place, no weight decay                  */
    SLOT_LATE = 4,      /* layers >= 1 only (v7's v0, v1, v2; may be there in layer 0 and is not used) */
    SLOT_FAST2 = 8,     /* learning rate x 2 (decay)                                                   */
    SLOT_FAST3 = 16,    /* learning rate x 3 (v4's and v5.0's bonus)                                   */
    SLOT_111 = 32,      /* a vector that official files store as [1, 1, C]                             */
    SLOT_5 = 64,        /* official shape [5, R0, C] (v6's time_maa_w2): rows are the first two axes   */
    SLOT_TABLE = 128    /* one row for each token of the vocabulary, read by row                       */
};

typedef struct {
    const char *name;   /* after "blocks.N.", or the whole name */
    size_t at;          /* offset of its tensor in the layer's struct */
    axis_size rows, cols; /* official shape, squeezed: vectors are D_1 x D_C */
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

extern const arch arch4, arch50, arch51, arch52, arch6, arch7, arch7a;

struct rwkv {
    const arch *arch;
    int dim[DIMS];
    int L, C, V, F, H, N;
    real group_eps;                                        /* of the norm after wkv; every LayerNorm has 1e-5 */
    tensor emb, ln0_w, ln0_b, ln_out_w, ln_out_b, head;
    char *layers;                                          /* L structs of arch->layer_size */
    real *owned;                                           /* vectors and what could not stay in the mapping: one block */
    size_t owned_reals;
    real *state0;                                          /* a tuned initial state from the file (time_state), or NULL */
};

static inline void *rwkv_layer(const rwkv *m, int l) { return m->layers + (size_t)l * m->arch->layer_size; }
/* reals of a whole state; of one layer's */
static inline int rwkv_layer_state(const rwkv *m) { return m->arch->state_len(m); }
static inline int rwkv_state_len(const rwkv *m) { return m->L * rwkv_layer_state(m); }
/* The state at the start of a text. */
void rwkv_state_init(const rwkv *m, real *state);

/* Find version and sizes, bind every tensor, and to each weight the adapter that there is for it (NAME.lora_A, NAME.lora_B),
 * times alpha / its rank; alpha 0: the file's metadata "lora_alpha". Names what is missing, has a wrong shape, or is another
 * architecture. */
int rwkv_bind(rwkv *m, const tensors *t, float alpha);
/* 0 when everything that `over` holds has a place in m: tensors of its names, adapters of its weights, initial states. */
int rwkv_fits(const rwkv *m, const tensors *over);
void rwkv_release(rwkv *m);
/* The tensor of the file that holds this slot, under its own name or another; *as_exp: the model wants e to its power. NULL:
 * there is none. */
const file_tensor *rwkv_stored(const tensors *t, const char *name, const slot *s, int layer, int *as_exp);

/* Call fn for every tensor of the model, layer after layer, with its official name and its slot; layer is -1 for those of
 * no layer (embedding, ln0, ln_out, head). fn returns 0 to go on. Layer 0 of v7 has no v0, v1, v2. */
int rwkv_each(const rwkv *m, int (*fn)(void *user, const char *name, tensor *t, const slot *s, int layer), void *user);
/* Set arch, sizes and room for the layers' structs; tensors are empty. WKV_ENOMEM. */
int rwkv_init(rwkv *m, const arch *a, int L, const int dim[DIMS]);

/* Before passes of at most so many rows and spans: cx_reserve with the sizes of this model. */
int rwkv_reserve(cx *c, const rwkv *m, int rows, int spans, int backward);
/* Bytes of c->mem that a row of a pass takes at most when nothing is recorded, without its logits; *fixed: bytes for
 * all rows together. */
size_t rwkv_row_bytes(const rwkv *m, size_t *fixed);

/* Run tokens (c->b->rows of them) through the model; logits of rows[0..n), NULL rows: of all; n = 0 with rows: none, NULL is
 * returned. States are advanced. */
tensor *rwkv_forward(cx *c, const rwkv *m, const int32_t *tokens, const int *rows, int n);
/* The same without the head: what the head reads. */
tensor *rwkv_features(cx *c, const rwkv *m, const int32_t *tokens, const int *rows, int n);

#endif
